"""A mean over questions with its 95 % bootstrap interval (Efron and Tibshirani 1993, percentile method)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from benchmarks.results import Score

N_RESAMPLES = 1_000
SEED = 0


def score(what: str, values: Sequence[float], at_least: float | None = None) -> Score:
    """Return the mean of ``values``, one of each question, with its interval; not for no values."""
    sample = np.asarray(values, dtype=float)
    draws = np.random.default_rng(SEED)
    means = [draws.choice(sample, len(sample)).mean() for _ in range(N_RESAMPLES)]
    low, high = np.percentile(means, [2.5, 97.5])
    return Score(what, float(sample.mean()), float(low), float(high), len(sample), at_least)
