"""How well the larger reader reads what it never learned from, and what each reader gives for its time."""

from __future__ import annotations

import random
import tempfile
from dataclasses import replace
from pathlib import Path

from benchmarks import pace, reading, trade
from benchmarks.origin import data
from benchmarks.results import Part
from training.asked import of_contexts

N = 60  # questions of the collection: each takes a second and more


def measure(quick: bool) -> Part:
    """Return the scores of the accurate reader on the test parts, and those of each setting beside its time."""
    n = reading.N_QUICK if quick else N
    paces = list(pace.of_accurate(quick))
    part = reading.measured("accurate", ("accurate", "accurate"), (0.79, 0.89), n, paces)
    with tempfile.TemporaryDirectory() as folder:
        index, root = Path(folder) / "new_wiki", data(f"qa/{reading.WIKI}.jsonl").parent.parent
        asked = of_contexts(root, reading.WIKI, "test", index)
        some = random.Random(reading.SEED).sample(asked, n)
        return replace(part, tables=[*part.tables, trade.table(index, some)])
