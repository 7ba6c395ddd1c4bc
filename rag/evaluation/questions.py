"""Files of questions: JSONL with a question a line, and the JSON of SQuAD, told apart by what is in them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from os import PathLike
from pathlib import Path

from rag.domain import Article, Exchange
from rag.errors import QuestionsFault
from rag.evaluation import squad
from rag.evaluation.record import Evidence, Question
from rag.evaluation.values import Value, lines_of, parsed, text_of
from rag.text import normalise, one_line

_MISSPELT = {"answer": "answers", "article": "articles", "text": "question"}
_FORMS = {"answers": '"answers": ["…"]', "articles": '"articles": ["…"]', "question": '"question": "…"'}
_A_LINE = 'Write one JSON object a line: {"question": "…", "answers": ["…"]}'


def load(path: str | PathLike[str]) -> list[Question]:
    """Return the questions of a file in its order, JSONL of ours or SQuAD's JSON.

    Raises:
        QuestionsFault: with the line, or the path in the JSON, of what is wrong.
    """
    path = Path(path)
    text = text_of(path, QuestionsFault)
    found = _squad(text, path)
    questions = _unlike(squad.questions(found) if found else _lines(text, path))
    if not questions:
        raise QuestionsFault(str(path), "has no question", _A_LINE)
    return questions


def contexts(path: str | PathLike[str]) -> list[Article]:
    """Return the contexts of a file in SQuAD's JSON as articles, which the evidence of its questions names.

    Raises:
        QuestionsFault: it is no such file, or not a good one.
    """
    path = Path(path)
    found = _squad(text_of(path, QuestionsFault), path)
    if found is None:
        raise QuestionsFault(
            str(path),
            "has no contexts",
            "Only SQuAD's JSON has them; for other files name an index: --index DIR",
        )
    return squad.articles(found)


def _squad(text: str, path: Path) -> Value | None:
    """Return the whole of a file that is SQuAD's JSON; None for a file of lines."""
    first, _, rest = text.strip().partition("\n")
    if not first.startswith(("{", "[")):
        raise QuestionsFault(str(path), "is neither lines of JSON nor SQuAD's JSON", _A_LINE)
    if first.startswith("{") and '"data"' not in text:
        return None
    try:
        whole = parsed(text, str(path), QuestionsFault)
    except QuestionsFault:
        if rest and _is_object(first):
            return None
        raise
    if isinstance(whole.it, list):
        raise QuestionsFault(str(path), "is one list of JSON", _A_LINE)
    return whole if "data" in whole.fields() else None


def _is_object(text: str) -> bool:
    try:
        return isinstance(parsed(text, "", QuestionsFault).it, dict)
    except QuestionsFault:
        return False


def _lines(text: str, path: Path) -> Iterator[tuple[str, Question]]:
    for number, value in lines_of(text, path, QuestionsFault):
        yield value.place, _question(value, f"line {number}")


def _unlike(found: Iterator[tuple[str, Question]]) -> list[Question]:
    """Return the questions, no two of which may have the same id."""
    places: dict[str, str] = {}
    questions = []
    for place, question in found:
        if first := places.get(question.id):
            raise QuestionsFault(
                place, f"has the id {question.id!r}, as {first} has", "Give each question an id of its own."
            )
        places[question.id] = place
        questions.append(question)
    return questions


def _question(value: Value, unnamed: str) -> Question:
    fields = value.fields()
    for wrong, right in _MISSPELT.items():
        if wrong in fields and right not in fields:
            raise value.wrong(f"has {wrong}, and no {right}", f"Write it so: {_FORMS[right]}")
    answers, evidence = _texts(value, "answers"), _evidence(value)
    stated = value.get("answerable")
    answerable = stated.flag() if stated else None
    if answerable is False and (answers or evidence):
        raise value.wrong("is not answerable, and has an answer", "Take one of the two out.")
    id, kind = value.get("id"), value.get("kind")
    return Question(
        normalise(id.name()) if id else unnamed,
        normalise(value.need("question").words()),
        answers,
        _texts(value, "articles"),
        evidence,
        answerable,
        one_line(kind.text()) if kind else "",
        _history(value),
    )


def _texts(value: Value, name: str) -> tuple[str, ...]:
    found = value.get(name)
    return tuple(dict.fromkeys(normalise(item.words()) for item in found.items())) if found else ()


def _evidence(value: Value) -> tuple[Evidence, ...]:
    found = value.get("evidence")
    return tuple(_place(item) for item in found.items()) if found else ()


def _place(value: Value) -> Evidence:
    article, start, end = value.need("article"), value.need("start"), value.need("end")
    if not 0 <= start.whole() < end.whole():
        raise value.wrong(
            f"is {start.it} to {end.it}, which is no part of a text", "Count characters: 0 <= start < end."
        )
    return Evidence(normalise(article.words()), start.whole(), end.whole())


def _history(value: Value) -> tuple[Exchange, ...]:
    found = value.get("history")
    return tuple(_exchange(item) for item in found.items()) if found else ()


def _exchange(value: Value) -> Exchange:
    """Return a turn, which may be a question alone, a pair of question and answer, or an object with these."""
    if isinstance(value.it, str):
        return Exchange(normalise(value.words()))
    if isinstance(value.it, list):
        return _pair(value, value.items())
    asked, answer = value.get("standalone") or value.need("question"), value.get("answer")
    return Exchange(normalise(asked.words()), normalise(answer.text()) if answer else "")


def _pair(value: Value, turn: Sequence[Value]) -> Exchange:
    if len(turn) != 2:
        raise value.wrong(f"has {len(turn)} texts, expected 2", "Give a question and its answer.")
    return Exchange(normalise(turn[0].words()), normalise(turn[1].text()))
