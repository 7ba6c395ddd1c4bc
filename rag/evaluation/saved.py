"""Questions whose answers somebody found good: kept beside an index, so that they can be asked again after a change."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from rag.domain import EVERYWHERE, Article, Exchange, Mode, Where
from rag.errors import EvaluationFault
from rag.evaluation.record import Outcome, Question, Quote
from rag.evaluation.values import Value, lines_of, text_of
from rag.index import folder
from rag.index.durable import replace
from rag.text import one_line

_MODES: dict[str, Mode] = {"quote": "quote", "write": "write", "abstain": "abstain"}


@dataclass(frozen=True, slots=True)
class Kept:
    """A quote, and the sha256 of the text of its article, in UTF-8, as it was then."""

    quote: Quote
    sha256: str


@dataclass(frozen=True, slots=True)
class Saved:
    """A question, the filter under which it was asked, and the answer that it had, "" for none."""

    question: Question
    answer: str
    mode: Mode
    quotes: tuple[Kept, ...] = ()
    where: Where = EVERYWHERE


def sum_of(article: Article) -> str:
    """Return the sha256 of an article's text in UTF-8, as hexadecimal."""
    return hashlib.sha256(article.text.encode()).hexdigest()


def kept(outcomes: Iterable[Outcome], article: Callable[[str], Article]) -> list[Saved]:
    """Return the answers of an evaluation to be saved; ``article`` returns the article of an id."""
    return [_of(outcome, article) for outcome in outcomes]


def _of(outcome: Outcome, article: Callable[[str], Article]) -> Saved:
    if not outcome.answered:
        return Saved(outcome.question, "", "abstain")
    quotes = tuple(Kept(quote, sum_of(article(quote.article))) for quote in outcome.quotes)
    return Saved(outcome.question, outcome.best, _MODES[outcome.mode], quotes)


def together(*several: Iterable[Saved]) -> list[Saved]:
    """Return all of several lists; of those that ask the same, the last one, at the place of the first."""
    found: dict[tuple[str, tuple[Exchange, ...], Where], Saved] = {}
    for part in several:
        for saved in part:
            found[(one_line(saved.question.question), saved.question.history, saved.where)] = saved
    return list(found.values())


def save(index: str | Path, new: Iterable[Saved]) -> int:
    """Add to the saved questions of an index, replacing those that ask the same; return how many there are now.

    Raises:
        IndexMissing, IndexDamaged: there is no index to save them beside.
        EvaluationFault: what is saved there cannot be read.
        IndexFault: it cannot be written; what was saved stays.
    """
    folder.live(Path(index))
    every = together(saved(index), new)
    text = "".join(f"{json.dumps(_object(one), ensure_ascii=False)}\n" for one in every)
    replace(Path(index) / folder.SAVED, text.encode())
    return len(every)


def saved(index: str | Path) -> list[Saved]:
    """Return the saved questions of an index, in the order in which they were saved first; none where none are.

    Raises:
        EvaluationFault: a line is none; it says which.
    """
    path = Path(index) / folder.SAVED
    if not path.exists():
        return []
    text = text_of(path, EvaluationFault)
    return [_saved(value) for _, value in lines_of(text, path, EvaluationFault)]


# ---- As JSON


def _object(saved: Saved) -> dict[str, object]:
    asked = saved.question
    return {
        "id": asked.id,
        "question": asked.question,
        "answers": list(asked.answers),
        "answerable": asked.answerable,
        "history": [{"question": turn.question, "answer": turn.answer} for turn in asked.history],
        "where": None if saved.where == EVERYWHERE else _where_object(saved.where),
        "answer": saved.answer,
        "mode": saved.mode,
        "quotes": [_quote_object(one) for one in saved.quotes],
    }


def _where_object(where: Where) -> dict[str, object]:
    return {
        "sources": list(where.sources),
        "articles": list(where.articles),
        "since": where.since.isoformat() if where.since else None,
        "until": where.until.isoformat() if where.until else None,
    }


def _quote_object(one: Kept) -> dict[str, object]:
    quote = one.quote
    return {
        "article": quote.article,
        "title": quote.title,
        "start": quote.start,
        "end": quote.end,
        "text": quote.text,
        "sha256": one.sha256,
    }


def _saved(value: Value) -> Saved:
    answer, mode = value.need("answer").text(), value.need("mode")
    quotes = tuple(map(_quote, value.need("quotes").items()))
    if mode.text() not in _MODES:
        raise mode.wrong(f"is {mode.text()[:20]!r}", f"It is one of {', '.join(_MODES)}.")
    if (mode.text() == "abstain") == bool(answer) or bool(answer) != bool(quotes):
        raise value.wrong("has an answer without quotes, or quotes without an answer", "Save it again.")
    where = value.get("where")
    return Saved(
        _question(value), answer, _MODES[mode.text()], quotes, _where(where) if where else EVERYWHERE
    )


def _question(value: Value) -> Question:
    answerable, history = value.get("answerable"), value.get("history")
    return Question(
        value.need("id").name(),
        value.need("question").words(),
        tuple(item.words() for item in value.need("answers").items()),
        answerable=answerable.flag() if answerable else None,
        history=tuple(map(_exchange, history.items())) if history else (),
    )


def _exchange(value: Value) -> Exchange:
    return Exchange(value.need("question").words(), value.need("answer").text())


def _quote(value: Value) -> Kept:
    start, end = value.need("start").whole(), value.need("end").whole()
    text = value.need("text").words()
    if start < 0 or end - start != len(text):
        raise value.wrong(f"is {start} to {end}, and has {len(text)} characters", "Save it again.")
    quote = Quote(value.need("article").words(), value.need("title").text(), start, end, text)
    return Kept(quote, value.need("sha256").words())


def _where(value: Value) -> Where:
    return Where(
        tuple(item.text() for item in value.need("sources").items()),
        tuple(item.text() for item in value.need("articles").items()),
        _day(value.get("since")),
        _day(value.get("until")),
    )


def _day(value: Value | None) -> date | None:
    try:
        return date.fromisoformat(value.text()) if value else None
    except ValueError as error:
        assert value is not None
        raise value.wrong("is no day", "Write it as 2017-05-08.") from error
