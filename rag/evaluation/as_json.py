"""A report as one JSON object, and back again: figures by their names as numbers, and a row for each question."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, get_args

from rag.domain import Exchange
from rag.errors import ReportFault
from rag.evaluation.record import Blame, Evidence, Figure, Outcome, Question, Quote, Report
from rag.evaluation.values import Value, parsed, text_of

FORMAT = 1  # a greater one is of a newer Citewise
_MEND = "Give a file that was written so: citewise eval QUESTIONS --json > FILE"
_NUMBERS = ("em", "f1", "em_given", "f1_given", "cite_p", "cite_r")


def to_json(report: Report) -> dict[str, Any]:
    """Return a report as an object of plain values."""
    return {
        "evaluation": FORMAT,
        "n": report.n,
        "threshold": report.threshold,
        **_figures_json(report.figures),
        "by_kind": {kind: _figures_json(figures) for kind, figures in report.by_kind.items()},
        "settings": dict(report.settings),
        "rows": [_row(outcome) for outcome in report.outcomes],
    }


def load(path: str | Path) -> Report:
    """Return the report that a file holds.

    Raises:
        ReportFault: it cannot be read, or holds none.
    """
    path = Path(path)
    return from_json(parsed(text_of(path, ReportFault), str(path), ReportFault))


def from_json(value: Value) -> Report:
    """Return the report that an object is.

    Raises:
        EvaluationFault: of the kind that ``value`` has, with what is wrong; it is none, or of a newer Citewise.
    """
    if not isinstance(value.it, dict) or value.get("evaluation") is None:
        raise value.wrong("is no evaluation", _MEND)
    if value.need("evaluation").whole() > FORMAT:
        raise value.wrong("was written by a newer Citewise", "Read it with that one.")
    return Report(
        value.need("n").whole(),
        value.need("threshold").number(),
        _figures(value),
        {kind: _figures(part) for kind, part in value.need("by_kind").fields().items()},
        tuple(_outcome(row) for row in value.need("rows").items()),
        {name: setting.it for name, setting in value.need("settings").fields().items()},
    )


def _figures_json(figures: Mapping[str, Figure]) -> dict[str, Any]:
    return {
        **{name: figure.value for name, figure in figures.items()},
        "intervals": {name: [figure.low, figure.high] for name, figure in figures.items()},
        "counts": {name: figure.n for name, figure in figures.items()},
    }


def _figures(value: Value) -> dict[str, Figure]:
    counts = value.need("counts")
    return {
        name: Figure(value.need(name).number(), *_interval(interval), counts.need(name).whole())
        for name, interval in value.need("intervals").fields().items()
    }


def _interval(value: Value) -> tuple[float, float]:
    ends = [end.number() for end in value.items()]
    if len(ends) != 2:
        raise value.wrong(f"has {len(ends)} ends, expected 2", _MEND)
    return ends[0], ends[1]


def _row(outcome: Outcome) -> dict[str, Any]:
    facts = asdict(outcome)
    return {**facts.pop("question"), **facts}


def _outcome(row: Value) -> Outcome:
    ranks, seconds = row.need("ranks").fields(), row.need("seconds").fields()
    return Outcome(
        question=_question(row),
        best=row.need("best").text(),
        answered=row.need("answered").flag(),
        confidence=row.need("confidence").number(),
        mode=row.need("mode").text(),
        quotes=tuple(_quote(quote) for quote in row.need("quotes").items()),
        article_rank=_whole(row.get("article_rank")),
        passage_rank=_whole(row.get("passage_rank")),
        **{name: _number(row.get(name)) for name in _NUMBERS},
        ranks={name: _whole(row.need("ranks").get(name)) for name in ranks},
        seconds={name: second.number() for name, second in seconds.items()},
        blame=_blame(row.need("blame")),
    )


def _question(row: Value) -> Question:
    answerable = row.get("answerable")
    return Question(
        row.need("id").text(),
        row.need("question").text(),
        _texts(row.need("answers")),
        _texts(row.need("articles")),
        tuple(_evidence(place) for place in row.need("evidence").items()),
        answerable.flag() if answerable else None,
        row.need("kind").text(),
        tuple(Exchange(turn.need("question").text(), turn.need("answer").text()) for turn in _turns(row)),
    )


def _turns(row: Value) -> list[Value]:
    return row.need("history").items()


def _texts(value: Value) -> tuple[str, ...]:
    return tuple(item.text() for item in value.items())


def _evidence(value: Value) -> Evidence:
    return Evidence(value.need("article").text(), value.need("start").whole(), value.need("end").whole())


def _quote(value: Value) -> Quote:
    return Quote(
        value.need("article").text(),
        value.need("title").text(),
        value.need("start").whole(),
        value.need("end").whole(),
        value.need("text").text(),
    )


def _whole(value: Value | None) -> int | None:
    return value.whole() if value else None


def _number(value: Value | None) -> float | None:
    return value.number() if value else None


def _blame(value: Value) -> Blame:
    known: tuple[Blame, ...] = get_args(Blame)
    for blame in known:
        if value.text() == blame:
            return blame
    raise value.wrong(f"is {value.text()[:40]!r}, which blames nothing known", _MEND)
