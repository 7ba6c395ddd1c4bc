"""How well the larger reader reads what it never learned from: as ``benchmarks.reading``, of fewer questions."""

from __future__ import annotations

from benchmarks import pace, reading
from benchmarks.results import Part

N = 100  # questions of the collection: each takes a second and more


def measure(quick: bool) -> Part:
    """Return the scores of the accurate reader on the test parts."""
    paces = list(pace.of_accurate(quick))
    return reading.measured("accurate", "accurate", (0.79, 0.89), reading.N_QUICK if quick else N, paces)
