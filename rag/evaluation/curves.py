"""Statistics of a confidence: how well it parts, orders and foretells; each takes weights, as resamples have them.

``confidence``, ``right`` and ``positive`` are ``(n,)``; weights are ``(rows, n)``, and a row's value is nan where it
has none.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rag.evaluation.interval import Matrix, Statistic, over

Mask = NDArray[np.bool_]
BINS = 10  # of equal width


def share(of: Mask, among: Mask) -> Statistic:
    """Return the share of ``among`` that are ``of`` too."""
    return ratio((of & among).astype(float), among.astype(float))


def ratio(above: Matrix, below: Matrix) -> Statistic:
    """Return the sum of ``above`` over the sum of ``below``."""
    return lambda weights: over(weights @ above, weights @ below)


def auroc(confidence: Matrix, positive: Mask) -> Statistic:
    """Return the probability that a positive outscores a negative, ties counted half (Hanley and McNeil 1982)."""
    levels, place = np.unique(confidence, return_inverse=True)

    def statistic(weights: Matrix) -> Matrix:
        ups = _by_level(weights * positive, place, len(levels))
        downs = _by_level(weights * ~positive, place, len(levels))
        below = np.cumsum(downs, axis=1) - downs / 2
        return over((ups * below).sum(axis=1), ups.sum(axis=1) * downs.sum(axis=1))

    return statistic


def aurc(confidence: Matrix, right: Mask) -> Statistic:
    """Return the area under the risk–coverage curve (Geifman and El-Yaniv 2017).

    It is the mean over the questions of the share of wrong answers among all that are at least as confident.
    """
    levels, place = np.unique(-confidence, return_inverse=True)

    def statistic(weights: Matrix) -> Matrix:
        given, wrong = _curve(weights, right, place, len(levels))
        n_level = np.diff(given, axis=1, prepend=0)
        return over((n_level * wrong / np.maximum(given, 1)).sum(axis=1), given[:, -1])

    return statistic


def coverage(confidence: Matrix, right: Mask, precision: float) -> Statistic:
    """Return the greatest share of questions that some threshold answers with at least this share of them right."""
    levels, place = np.unique(-confidence, return_inverse=True)

    def statistic(weights: Matrix) -> Matrix:
        given, wrong = _curve(weights, right, place, len(levels))
        kept = wrong <= (1 - precision) * given + 1e-9  # 1 - .95 is not .05
        return over(np.where(kept, given, 0).max(axis=1), given[:, -1])

    return statistic


def ece(confidence: Matrix, right: Mask | Matrix) -> Statistic:
    """Return the expected calibration error over BINS bins of equal width (Naeini, Cooper and Hauskrecht 2015).

    It is the sum over the bins of |confidence - share right|, each weighing as many as it holds.
    """
    inside = np.eye(BINS)[_bins(confidence)]  # (n, BINS)
    gaps = inside * (confidence - right)[:, None]
    return lambda weights: over(np.abs(weights @ gaps).sum(axis=1), weights.sum(axis=1))


def quantile(values: Matrix, q: float) -> Statistic:
    """Return the least value that a share ``q`` of all do not exceed (the nearest rank)."""
    order = np.argsort(values, kind="stable")

    def statistic(weights: Matrix) -> Matrix:
        passed = np.cumsum(weights[:, order], axis=1)
        reached = values[order][(passed >= q * passed[:, -1:] - 1e-9).argmax(axis=1)]
        return np.where(passed[:, -1] > 0, reached, np.nan)

    return statistic


@dataclass(frozen=True, slots=True)
class Point:
    """What a threshold that is this ``confidence`` gives: the share answered, and of these the share wrong."""

    confidence: float
    coverage: float
    risk: float


def risk_coverage(confidence: Sequence[float], right: Sequence[bool]) -> list[Point]:
    """Return the risk–coverage curve, a point for each confidence that occurs, greatest first."""
    levels, place = np.unique(-np.asarray(confidence, dtype=float), return_inverse=True)
    if not len(levels):
        return []
    given, wrong = _curve(np.ones((1, len(place))), np.asarray(right), place, len(levels))
    rows = zip(-levels, given[0], wrong[0], strict=True)
    return [Point(float(level), float(n / given[0, -1]), float(lost / n)) for level, n, lost in rows]


@dataclass(frozen=True, slots=True)
class Bin:
    """A row of the reliability table: of ``n`` answers with a confidence of ``low`` to ``high``, how many are right."""

    low: float
    high: float
    n: int
    confidence: float
    right: float


def reliability(confidence: Sequence[float], right: Sequence[bool]) -> list[Bin]:
    """Return the bins of ``ece`` that hold an answer, lowest first, with mean confidence and share right."""
    sure, is_right = np.asarray(confidence, dtype=float), np.asarray(right, dtype=bool)
    bins = _bins(sure)
    return [
        Bin(b / BINS, (b + 1) / BINS, int(here.sum()), float(sure[here].mean()), float(is_right[here].mean()))
        for b in range(BINS)
        if (here := bins == b).any()
    ]


def _bins(confidence: Matrix) -> NDArray[np.intp]:
    return np.minimum((confidence * BINS).astype(np.intp), BINS - 1)


def _curve(weights: Matrix, right: Mask, place: NDArray[np.intp], n: int) -> tuple[Matrix, Matrix]:
    """Return how many are answered, and wrong, down to each of ``n`` levels ``(rows, n)``."""
    given = np.cumsum(_by_level(weights, place, n), axis=1)
    wrong = np.cumsum(_by_level(weights * ~right, place, n), axis=1)
    return given, wrong


def _by_level(weights: Matrix, place: NDArray[np.intp], n: int) -> Matrix:
    """Return the weights added up by level ``(rows, n)``; ``place`` is the level of each question."""
    order = np.argsort(place, kind="stable")
    firsts = np.searchsorted(place[order], np.arange(n))
    return np.asarray(np.add.reduceat(weights[:, order], firsts, axis=1))
