"""Makes each fault happen, and looks at what it leaves.

``python -m benchmarks.fault_trials FOLDER TIMES SEED`` runs under the library of ``benchmarks.calls`` and prints a line
of JSON for each time; a fault with places to choose from comes ``TIMES`` times, spread over them.
"""

from __future__ import annotations

import json
import random
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from itertools import chain
from pathlib import Path

from benchmarks import damage_cases
from benchmarks.bench import Bench
from benchmarks.fault_cases import CASES, full_disk, small_disk
from benchmarks.operations import OPERATIONS, Operation
from benchmarks.user import Told


@dataclass(slots=True)
class Outcome:
    """What a fault did: what the user was told, with which exit code, what was wrong then, and what mended it."""

    fault: str
    code: int | None
    told: str
    met: str
    is_clear: bool
    mended_by: str
    note: str = ""
    wrong: dict[str, list[str]] = field(default_factory=dict)


def outcomes(home: Path, times: int, dice: random.Random) -> Iterator[Outcome]:
    """Yield what came of each fault around the index."""
    bench = Bench(home, _operation("changes"))
    bench.make_ready()
    (home / "small").mkdir()
    for fault, (mended_by, case) in CASES.items():
        if case is full_disk:
            if not small_disk(home / "small" / "disk"):
                continue
            small = Bench(home / "small" / "disk", bench.operation)
            small.make_ready()
        at = small if case is full_disk else bench
        for said in case(at, times, dice):
            yield _outcome(fault, said, mended_by, at.looked_at(()), at)


def damages(home: Path, times: int, dice: random.Random) -> Iterator[Outcome]:
    """Yield what came of damaged files."""
    bench = Bench(home, damage_cases.WHOLE)
    bench.make_ready()
    for fault, (mended_by, case) in damage_cases.CASES.items():
        for became in case(bench, times, dice):
            yield _outcome(fault, became.said, mended_by, became.wrong, bench, became.note)


def _operation(name: str) -> Operation:
    return next(operation for operation in OPERATIONS if operation.name == name)


def _outcome(
    fault: str, said: Told, mended_by: str, wrong: dict[str, list[str]], bench: Bench, note: str = ""
) -> Outcome:
    text = said.text.replace(str(bench.index), "INDEX").replace(str(bench.corpus), "ARTICLES")
    return Outcome(fault, said.code, text, said.met, said.is_clear, mended_by, note, wrong)


def main(home: Path, times: int, seed: int) -> None:
    """Print what came of each fault."""
    dice = random.Random(seed)
    for outcome in chain(outcomes(home, times, dice), damages(home, times, dice)):
        print(json.dumps(asdict(outcome)), flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
