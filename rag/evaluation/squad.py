"""The JSON of SQuAD 1.1 and 2.0 (Rajpurkar et al. 2016, 2018): its contexts as articles, its answers as evidence."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from rag.domain import Article
from rag.evaluation.record import Evidence, Question
from rag.evaluation.values import Value
from rag.text import normalise, one_line


@dataclass(frozen=True, slots=True)
class Context:
    """A paragraph as the article that it becomes; ``raw`` is its text as the file counts in it."""

    article: Article
    raw: str
    questions: tuple[Value, ...]

    def place(self, start: int, answer: str) -> Evidence | None:
        """Return where an answer stands in the article; where it says, or nearest to there; None for nowhere."""
        wanted, text = answer.strip(), self.article.text
        blank = len(normalise(self.raw)) - len(normalise(self.raw).lstrip())
        said = len(normalise(self.raw[: max(0, start)])) - blank
        if not wanted or wanted not in text:
            return None
        nearest = said if said >= 0 and text.startswith(wanted, said) else _nearest(wanted, text, said)
        return Evidence(self.article.id, nearest, nearest + len(wanted))


def _nearest(wanted: str, text: str, place: int) -> int:
    """Return where a text occurs in another, nearest to a place; it does."""
    places = (match.start() for match in re.finditer(f"(?={re.escape(wanted)})", text))
    return min(places, key=lambda found: abs(found - place))


def questions(file: Value) -> Iterator[tuple[str, Question]]:
    """Yield the questions of a file with the path to each, in order.

    Raises:
        EvaluationFault: something in it is not as SQuAD has it.
    """
    for context in _contexts(file):
        for asked in context.questions:
            yield f"{asked.place}: {asked.path}", _question(asked, context)


def articles(file: Value) -> list[Article]:
    """Return the contexts of a file, each once.

    Raises:
        EvaluationFault: something in it is not as SQuAD has it.
    """
    return list({context.article.id: context.article for context in _contexts(file)}.values())


def _contexts(file: Value) -> Iterator[Context]:
    by_text: dict[str, Article] = {}
    ids: set[str] = set()
    for subject in file.need("data").items():
        title = subject.get("title")
        called = one_line(title.text().replace("_", " ")) if title else ""
        for n, paragraph in enumerate(subject.need("paragraphs").items(), start=1):
            raw = paragraph.need("context").words()
            text = normalise(raw).strip()
            if text not in by_text:
                by_text[text] = Article(_id(called, n, ids), called, text)
            yield Context(by_text[text], raw, tuple(paragraph.need("qas").items()))


def _id(title: str, n: int, taken: set[str]) -> str:
    id = wanted = f"{title or 'context'} {n}"
    times = 1
    while id in taken:
        times += 1
        id = f"{wanted}-{times}"
    taken.add(id)
    return id


def _question(asked: Value, context: Context) -> Question:
    impossible = asked.get("is_impossible")
    answers, evidence = _answers(asked, context)
    if impossible and impossible.flag() and answers:
        raise asked.wrong("is impossible, and has an answer", "Take one of the two out.")
    answerable = not impossible.flag() if impossible else True if answers else None
    return Question(
        normalise(asked.need("id").name()),
        normalise(asked.need("question").words()),
        answers,
        (context.article.id,) if answerable else (),
        evidence,
        answerable,
    )


def _answers(asked: Value, context: Context) -> tuple[tuple[str, ...], tuple[Evidence, ...]]:
    """Return the distinct answers of a question, and where they stand."""
    given = asked.get("answers")
    texts: dict[str, None] = {}
    places: dict[Evidence, None] = {}
    for answer in given.items() if given else ():
        text, start = normalise(answer.need("text").words()), answer.need("answer_start").whole()
        place = context.place(start, text)
        if place is None:
            raise answer.wrong(f"is {text[:60]!r}, which its context does not have", "Correct the answer.")
        texts[text], places[place] = None, None
    return tuple(texts), tuple(places)
