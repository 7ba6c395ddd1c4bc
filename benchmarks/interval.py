"""A mean over questions as a score of the benchmarks."""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks.results import Score
from rag.evaluation.interval import Statistic, averaged, figures


def score(what: str, values: Sequence[float], at_least: float | None = None) -> Score:
    """Return the mean of ``values``, one of each question, with its 95 % bootstrap interval.

    Raises:
        ValueError: there are no values.
    """
    return statistic(what, averaged(values), len(values), at_least)


def statistic(
    what: str, of: Statistic, n: int, at_least: float | None = None, at_most: float | None = None
) -> Score:
    """Return a statistic of ``n`` questions with its 95 % bootstrap interval.

    Raises:
        ValueError: it has no value.
    """
    found = figures([of], n)[0]
    if found is None:
        raise ValueError(f"{what}: no values")
    return Score(what, found.value, found.low, found.high, found.n, at_least, at_most)
