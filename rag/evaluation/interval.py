"""A figure over questions with its 95 % bootstrap interval (Efron and Tibshirani 1993, percentile method).

A statistic takes weights ``(rows, n)``, how often each of ``n`` questions counts, and gives a value for each row.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from rag.evaluation.record import Figure

Matrix = NDArray[np.float64]
Statistic = Callable[[Matrix], Matrix]
N_RESAMPLES = 1_000
SEED = 0
_BLOCK = 4_000_000  # weights that are held at a time: 32 MB


def figures(statistics: Sequence[Statistic], n: int) -> list[Figure | None]:
    """Return each statistic of ``n`` questions with its interval; None for one that has no value.

    A resample in which a statistic has no value does not count.
    """
    if not n:
        return [None] * len(statistics)
    drawn: list[list[Matrix]] = [[] for _ in statistics]
    for weights in resamples(n):
        for statistic, values in zip(statistics, drawn, strict=True):
            values.append(statistic(weights))
    whole = np.ones((1, n))
    pairs = zip(statistics, drawn, strict=True)
    return [_figure(float(statistic(whole)[0]), np.concatenate(values), n) for statistic, values in pairs]


def _figure(value: float, drawn: Matrix, n: int) -> Figure | None:
    if np.isnan(value):
        return None
    low, high = np.nanpercentile(drawn, [2.5, 97.5])
    return Figure(value, float(low), float(high), n)


def mean(values: Sequence[float]) -> Figure | None:
    """Return the mean of ``values``, one of each question, with its interval; None for no values."""
    return figures([averaged(values)], len(values))[0]


def averaged(values: Sequence[float]) -> Statistic:
    """Return the statistic that is the mean of ``values`` ``(n,)``; nan in a row that weighs nothing."""
    held = np.asarray(values, dtype=float)
    return lambda weights: over(weights @ held, weights.sum(axis=1))


def over(above: Matrix, below: Matrix) -> Matrix:
    """Return ``above / below``, nan where there is nothing to divide by."""
    found: Matrix = np.divide(above, below, out=np.full(len(below), np.nan), where=below != 0)
    return found


def resamples(n: int) -> Iterator[Matrix]:
    """Yield N_RESAMPLES rows in all, each saying how often each of ``n`` questions was drawn; always the same."""
    draws = np.random.default_rng(SEED)
    at_once = max(1, _BLOCK // n)
    for first in range(0, N_RESAMPLES, at_once):
        rows = min(at_once, N_RESAMPLES - first)
        drawn = draws.integers(0, n, (rows, n)) + np.arange(rows)[:, None] * n  # (rows, n)
        yield np.bincount(drawn.ravel(), minlength=rows * n).reshape(rows, n).astype(float)
