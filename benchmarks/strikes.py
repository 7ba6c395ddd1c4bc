"""Cuts an operation short again and again, each time in a child of its own, and looks at what it leaves.

``python -m benchmarks.strikes FOLDER POINTS SEED`` runs under the library of ``benchmarks.calls`` and prints a line
of JSON for each trial: at most ``POINTS`` of each operation and way, spread over all its calls.
"""

from __future__ import annotations

import errno
import json
import random
import signal
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from benchmarks import power
from benchmarks.bench import Bench
from benchmarks.calls import Call, Kind, Strike
from benchmarks.children import PATIENCE_S, Child
from benchmarks.operations import OPERATIONS

WAYS: dict[str, Strike] = {
    "kill": Strike("kill"),
    "kill in a write": Strike("tear", kinds=Kind.WRITE),
    "EIO": Strike("fail", code=errno.EIO),
    "ESTALE at a rename": Strike("fail", kinds=Kind.RENAME, code=errno.ESTALE),
    "ENOSPC from then on": Strike("fail on", kinds=Kind.WRITE | Kind.OTHER, code=errno.ENOSPC),
}
AT_RANDOM, POWER = "kill at random", "power cut"
PARTS = ("words", "vectors.faiss", "articles.db", "CURRENT", "writer", "uploads", "BACKUP")


@dataclass(slots=True)
class Trial:
    """One operation of ``n_calls`` cut short: in which way, at which call to which part of it, and what was wrong then.

    ``ended`` is killed, without power, done, or what the user is told, without the names of files; ``reported``
    counts the articles that were said to be stored.
    """

    operation: str
    n_calls: int
    way: str
    call: str = ""
    part: str = ""
    reported: int = 0
    ended: str = ""
    wrong: dict[str, list[str]] = field(default_factory=dict)


def trials(bench: Bench, n_points: int, dice: random.Random) -> Iterator[Trial]:
    """Yield the trials of one operation: each way at calls spread over all, kills at any time, power cuts."""
    for way, strike in WAYS.items():
        struck = [call for call in bench.calls if call.kind & strike.kinds]
        for n in spread(len(struck), n_points, dice):
            yield trial(bench, way, bench.cut_short(replace(strike, at=n + 1)), struck[n])
    for _ in range(min(n_points, len(bench.calls))):
        yield trial(bench, AT_RANDOM, bench.cut_short(Strike("count"), dice.uniform(0, bench.seconds)))
    yield from without_power(bench, n_points, dice)


def without_power(bench: Bench, n_points: int, dice: random.Random) -> Iterator[Trial]:
    """Yield the trials of one operation in which the power goes after a sync."""
    for cut, path in power.cuts(bench, n_points, dice):
        power.lay_out(bench, cut)
        wrong, n_reported = bench.looked_at(cut.reported), len(cut.reported)
        yield Trial(
            bench.operation.name, len(bench.calls), POWER, "", part(path), n_reported, "without power", wrong
        )


def spread(n: int, wanted: int, dice: random.Random) -> list[int]:
    """Return at most ``wanted`` numbers below ``n``, about evenly apart."""
    if n <= wanted:
        return list(range(n))
    return [int((i + dice.random()) * n / wanted) for i in range(wanted)]


def trial(bench: Bench, way: str, done: Child, call: Call | None = None) -> Trial:
    """Return what came of an operation that was cut short."""
    reported = done.said.get("stored", [])
    wrong = bench.looked_at(reported)
    if broken := done.first("broken") or done.status not in (None, 0, -signal.SIGKILL):
        wrong["broken"] = [str(broken), f"exit code {done.status}"]
    if done.status is None:
        wrong["hung"] = [f"over {PATIENCE_S:g} s"]
    told = done.first("told").replace(str(bench.here), "").splitlines()
    how = "done" if "done" in done.said else "broken" if "broken" in wrong else "killed"
    return Trial(
        operation=bench.operation.name,
        n_calls=len(bench.calls),
        way=way,
        call=(call.kind.name or "").lower() if call else "",
        part=part(call.path) if call else "",
        reported=len(reported),
        ended=told[0] if told else how,
        wrong=wrong,
    )


def part(path: str) -> str:
    """Return which part of an index a path below the folder of a trial is of."""
    where = "the backup: " if path.startswith("/backup") else ""
    return where + next((name for name in PARTS if name in path), "folders")


def main(home: Path, n_points: int, seed: int) -> None:
    """Print the trials of all operations."""
    dice = random.Random(seed)
    for operation in OPERATIONS:
        bench = Bench(home, operation)
        bench.make_ready()
        for done in trials(bench, n_points, dice):
            print(json.dumps(asdict(done)), flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
