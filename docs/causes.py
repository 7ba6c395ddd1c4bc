"""The tables of docs/evaluation.md about failures: their causes as read by hand, and what mending them was worth."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from docs.imports import HOME
from rag.evaluation import curves
from rag.evaluation.interval import Statistic, averaged, figures
from rag.evaluation.record import Figure

FAILURES = HOME / "benchmarks" / "questions" / "failures.jsonl"
MENDED = HOME / "benchmarks" / "mended.jsonl"
READER = "the weights of the reader"
CAUSES: Mapping[str, tuple[str, str]] = {  # where it lies, and what mends it
    "right, not trusted": (
        "the confidence",
        "surer where both readers give the answer (`rag/second_look.py`)",
    ),
    "another span of the right passage": (READER, "nothing here"),
    "told in words that the reader does not match": (READER, "nothing here"),
    "asked for what is not told": (READER, "nothing here"),
    "an answer from another event or article": (f"{READER}, the retrieval", "nothing here"),
    "whole sentences that do not answer": ("how sentences are weighed", "nothing here"),
    "part of the answer": (READER, "nothing here"),
    "the second best in the place of the best": ("`Extractive.read`", "the best is answered or none"),
    "no amount where one is asked for": ("`best_span`", "nothing here"),
    "the words of the question again": ("`best_span`", "nothing here"),
    "doubtful gold": ("the questions", "nothing"),
}
Cells = Sequence[str]
Values = Mapping[str, Sequence[float]]


def causes() -> Iterator[Cells]:
    """Yield a row for each cause, the largest first: where it lies, what mends it, and its failures before and after.

    The last two columns are of wrong answers alone.
    """
    rows = _lines(FAILURES.read_text(encoding="utf-8"))
    kinds = (
        Counter(row["cause"] for row in rows),
        Counter(row["cause"] for row in rows if row["after"] != "right"),
        Counter(row["cause"] for row in rows if row["before"] == "wrong"),
        Counter(row["cause"] for row in rows if row["before"] == row["after"] == "wrong"),
    )
    for cause, _ in kinds[0].most_common():
        yield cause, *CAUSES[cause], *(str(kind[cause]) for kind in kinds)
    yield "all", "", "", *(str(kind.total()) for kind in kinds)


def mended() -> Iterator[Cells]:
    """Yield a row for each figure of each set: before, after, and the change with its interval."""
    before, after = (line["sets"] for line in _lines(MENDED.read_text(encoding="utf-8")))
    for file, values in before.items():
        for name, one in _statistics(values).items():
            found = figures(
                [one, other := _statistics(after[file])[name], _less(other, one)], len(values["em"])
            )
            yield f"{name}, {file}", *(_told(figure) for figure in found), str(len(values["em"]))


def _statistics(values: Values) -> Mapping[str, Statistic]:
    held = {name: np.array(column) for name, column in values.items()}
    return {
        "em": averaged(values["em"]),
        "f1": averaged(values["f1"]),
        "answered": averaged(values["answered"]),
        "right": averaged(values["right"]),
        "right of the answered": curves.ratio(held["right"], held["answered"]),
    }


def _less(one: Statistic, other: Statistic) -> Statistic:
    return lambda weights: one(weights) - other(weights)


def _told(figure: Figure | None) -> str:
    return f"{figure.value:.3f} ({figure.low:.3f} to {figure.high:.3f})" if figure else ""


def _lines(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]
