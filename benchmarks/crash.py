"""Work on an index cut short at every kind of call that changes a file, then looked at, and done again to its end."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from benchmarks import calls
from benchmarks.operations import OPERATIONS
from benchmarks.origin import origin
from benchmarks.results import Comparison, Part, Row, Table
from benchmarks.strikes import AT_RANDOM, POWER, WAYS, Trial

POINTS, QUICK_POINTS = 30, 2  # of each operation, in each way
KILLS = 200  # at least
SEED = 1
WRONG = {
    "closed": "does not open",
    "lost": "an article lost or half there",
    "faulty": "doctor or search finds a fault",
    "unequal": "done again, not as if undisturbed",
    "broken": "ended by a traceback",
    "hung": "hung",
}


def measure(quick: bool) -> Part:
    """Return the table of operations that were cut short."""
    with tempfile.TemporaryDirectory() as home:
        done = list(trials(Path(home), QUICK_POINTS if quick else POINTS, SEED))
    return Part(
        origin("crash", []),
        comparisons=comparisons(done),
        tables=[
            Table("Cut short, by operation", by_operation(done)),
            Table("Cut short, by what was about to happen", by_call(done)),
            Table("What ended well, was killed, or told the user", by_end(done)),
        ],
    )


def trials(home: Path, n_points: int, seed: int) -> Iterator[Trial]:
    """Yield the trials of all operations, made in a folder, at most ``n_points`` of each in each way."""
    arguments = ("-m", "benchmarks.strikes", str(home), str(n_points), str(seed))
    for facts in calls.under(calls.library(home), *arguments):
        yield Trial(**facts)


def comparisons(done: Sequence[Trial]) -> list[Comparison]:
    """Return the figures that have a bound: all but the number of kills are to be none."""
    n = f"{len(done):,} trials"
    n_killed = sum(trial.ended == "killed" for trial in done)
    return [
        Comparison("killed", "times", n_killed, n, at_least=KILLS),
        *(Comparison(what, "trials", _n_wrong(done, kind), n, at_most=0) for kind, what in WRONG.items()),
    ]


def by_operation(done: Sequence[Trial]) -> list[Row]:
    """Return a row for each operation: its calls, how often it was cut short, and what was wrong then."""
    rows: list[Row] = []
    for operation in OPERATIONS:
        own = [trial for trial in done if trial.operation == operation.name]
        ways = {way: sum(trial.way == way for trial in own) for way in (*WAYS, AT_RANDOM, POWER)}
        reported = {"articles said to be stored": sum(trial.reported for trial in own)}
        first: Row = {"operation": operation.name, "calls": max((trial.n_calls for trial in own), default=0)}
        wrong = {"wrong after it": sum(bool(trial.wrong) for trial in own)}
        rows.append({**first, **ways, **reported, **wrong})
    return rows


def by_call(done: Sequence[Trial]) -> list[Row]:
    """Return a row for each kind of call: how often it was the one, and how often something was wrong after it."""
    struck = sorted({(trial.part, trial.call) for trial in done if trial.call})
    rows: list[Row] = []
    for part, call in struck:
        own = [trial for trial in done if (trial.part, trial.call) == (part, call)]
        rows.append(
            {"part": part, "call": call, "n": len(own), "wrong after it": sum(bool(t.wrong) for t in own)}
        )
    return rows


def by_end(done: Sequence[Trial]) -> list[Row]:
    """Return a row for each way and end: what the user is told, without the names of files."""
    ends = sorted({(trial.way, trial.ended) for trial in done})
    return [
        {"cut short by": way, "end": ended, "n": sum((t.way, t.ended) == (way, ended) for t in done)}
        for way, ended in ends
    ]


def _n_wrong(done: Sequence[Trial], kind: str) -> int:
    return sum(bool(trial.wrong.get(kind)) for trial in done)
