"""Saved questions asked again: what is answered as before, what is not, and whether that is for the worse."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from rag.domain import Article, Citation, Way
from rag.errors import ArticleMissing, EvaluationFault
from rag.evaluation.judged import is_answerable, right
from rag.evaluation.record import Quote
from rag.evaluation.saved import Kept, Saved, sum_of
from rag.metrics import normalised
from rag.pipeline import Pipeline

What = Literal[
    "changed answer",
    "newly silent",
    "lost citation",
    "newly answered",
    "other quote",
    "not asked",
    "as before",
]
"""A citation is lost when its article no longer has the quoted words, and the new answer does not quote them. Of a
changed answer, the words differ. What a language model wrote is not asked where there is none."""


@dataclass(frozen=True, slots=True)
class Again:
    """A saved question beside what is answered now; ``cause`` says what has become of its articles, "" for nothing."""

    saved: Saved
    answer: str
    quotes: tuple[Quote, ...]
    confidence: float
    what: tuple[What, ...]
    lost: tuple[Quote, ...] = ()
    cause: str = ""
    is_worse: bool = False


@dataclass(frozen=True, slots=True)
class Rerun:
    """All saved questions, asked again in their order."""

    rows: tuple[Again, ...]

    @property
    def is_worse(self) -> bool:
        """Whether any of them has changed for the worse."""
        return any(row.is_worse for row in self.rows)


def rerun(pipeline: Pipeline, saved: Sequence[Saved]) -> Rerun:
    """Ask saved questions again, each in the way that it was answered.

    Worse are: an answer where there is none in the articles, silence where one was given, a lost citation, and another
    answer, unless the gold answers tell that it is no worse than the one before.

    Raises:
        EvaluationFault: there are none.
    """
    if not saved:
        raise EvaluationFault(
            "the saved questions",
            "there are none",
            "Save some: citewise eval QUESTIONS --save, or a thumb up under an answer on the page.",
        )
    return Rerun(tuple(_again(pipeline, one) for one in saved))


def _again(pipeline: Pipeline, saved: Saved) -> Again:
    if saved.mode == "write" and "write" not in pipeline.readers:
        return Again(saved, "", (), 0.0, ("not asked",))
    asked, way = saved.question, _way(pipeline, saved)
    answer = pipeline.ask(asked.question, where=saved.where, turns=asked.history, way=way)
    quotes = tuple(map(_quote, answer.citations))
    fates = [_fate(kept, pipeline.article) for kept in saved.quotes]
    lost = tuple(
        kept.quote
        for kept, fate in zip(saved.quotes, fates, strict=True)
        if not fate.has_words and all(quote.text != kept.quote.text for quote in quotes)
    )
    what = tuple(_what(saved, answer.text, quotes, lost))
    cause = next((fate.cause for fate in fates if fate.cause), "")
    worse = _is_worse(saved, answer.text, what)
    return Again(saved, answer.text, quotes, answer.confidence, what, lost, cause, worse)


def _way(pipeline: Pipeline, saved: Saved) -> Way | None:
    way: Way = "write" if saved.mode == "write" else "quote"
    return way if way in pipeline.readers else None


def _quote(citation: Citation) -> Quote:
    article = citation.passage.article
    return Quote(article.id, article.title, citation.start, citation.end, citation.quote)


@dataclass(frozen=True, slots=True)
class _Fate:
    has_words: bool
    cause: str


def _fate(kept: Kept, article: Callable[[str], Article]) -> _Fate:
    """Return what has become of the article of a quote."""
    try:
        found = article(kept.quote.article)
    except ArticleMissing:
        return _Fate(False, f"{kept.quote.article} is gone")
    changed = sum_of(found) != kept.sha256
    return _Fate(kept.quote.text in found.text, f"{kept.quote.article} has changed" if changed else "")


def _what(saved: Saved, answer: str, quotes: Sequence[Quote], lost: Sequence[Quote]) -> Iterator[What]:
    if bool(answer) != bool(saved.answer):
        yield "newly answered" if answer else "newly silent"
    elif normalised(answer) != normalised(saved.answer):
        yield "changed answer"
    elif not lost and {q.text for q in quotes} != {kept.quote.text for kept in saved.quotes}:
        yield "other quote"
    elif not lost:
        yield "as before"
    if lost:
        yield "lost citation"


def _is_worse(saved: Saved, answer: str, what: Sequence[What]) -> bool:
    answerable = is_answerable(saved.question)
    if "newly answered" in what:
        return answerable is False
    if answerable is False:
        return (
            "changed answer" in what
        )  # which should have been none, and is another now: somebody should look
    if "newly silent" in what or "lost citation" in what:
        return True
    was, now = right(saved.question, saved.answer), right(saved.question, answer)
    return "changed answer" in what and not now and (now is None or bool(was))


# ---- As text and as JSON


def lines(rerun: Rerun) -> list[str]:
    """Return how many are as before, then those that are not, with what was said and is said."""
    kinds: list[What] = [what for what in get_args(What) if any(what in row.what for row in rerun.rows)]
    counts = (f"{sum(what in row.what for row in rerun.rows):,} {what}" for what in kinds)
    found = [f"{len(rerun.rows):,} saved questions: {', '.join(counts)}"]
    for what in kinds:
        rows = [row for row in rerun.rows if row.what[0] == what and what != "as before"]
        found += ["", f"{what}: {len(rows):,}"] if rows else []
        found += [line for row in rows for line in _lines(row)]
    return found


def _lines(row: Again) -> Iterator[str]:
    more = f" ({', '.join(row.what[1:])})" if row.what[1:] else ""
    yield f"  {row.saved.question.question}{more}{', worse' if row.is_worse else ''}"
    if row.what[0] == "not asked":
        yield "    a language model wrote its answer: name one with --llm"
        return
    yield f"    was: {_said(row.saved.answer, [kept.quote for kept in row.saved.quotes])}"
    yield f"    now: {_said(row.answer, row.quotes)}"
    yield from (f"    lost: {quote.text} [{quote.article}]" for quote in row.lost)
    if row.cause:
        yield f"    {row.cause}"


def _said(answer: str, quotes: Sequence[Quote]) -> str:
    return f"{answer} [{', '.join(dict.fromkeys(quote.article for quote in quotes))}]" if answer else "silent"


def to_json(rerun: Rerun) -> dict[str, object]:
    """Return the object that ``eval --saved --json`` prints."""
    return {
        "n": len(rerun.rows),
        "worse": rerun.is_worse,
        "rows": [
            {
                "question": row.saved.question.question,
                "what": list(row.what),
                "worse": row.is_worse,
                "before": row.saved.answer,
                "answer": row.answer,
                "confidence": round(row.confidence, 4),
                "quotes": [_quote_json(quote) for quote in row.quotes],
                "lost": [_quote_json(quote) for quote in row.lost],
                "cause": row.cause or None,
            }
            for row in rerun.rows
        ],
    }


def _quote_json(quote: Quote) -> dict[str, object]:
    return {
        "article": quote.article,
        "title": quote.title,
        "start": quote.start,
        "end": quote.end,
        "text": quote.text,
    }
