"""Faults around an index and damage to its files: what the user is told, what is lost, and what mends it."""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from benchmarks import calls
from benchmarks.fault_trials import Outcome
from benchmarks.origin import origin
from benchmarks.results import Comparison, Part, Row, Table

TIMES, QUICK_TIMES = 100, 2  # of a fault with places to choose from
SEED = 1
_COMPLAINTS = ("citewise:", "failed")  # what lines begin with that tell of something wrong
_LONGEST = 150  # characters of what is told, in the table
WRONG = {
    "closed": "does not open",
    "lost": "an article lost, half there or altered, or another answer unnoticed",
    "faulty": "doctor or search finds a fault",
    "unequal": "not mended",
    "broken": "ended by a traceback or a signal",
}


def measure(quick: bool) -> Part:
    """Return the table of faults."""
    with tempfile.TemporaryDirectory() as home:
        done = list(outcomes(Path(home), QUICK_TIMES if quick else TIMES, SEED))
    return Part(origin("faults", []), comparisons=comparisons(done), tables=[Table("Faults", by_fault(done))])


def outcomes(home: Path, times: int, seed: int) -> Iterator[Outcome]:
    """Yield what came of each fault, made in a folder."""
    arguments = ("-m", "benchmarks.fault_trials", str(home), str(times), str(seed))
    for facts in calls.under(calls.library(home), *arguments):
        yield Outcome(**facts)


def comparisons(done: Sequence[Outcome]) -> list[Comparison]:
    """Return the figures that have a bound: none is to be more than none."""
    met = [outcome for outcome in done if outcome.met]
    n = f"{len(met):,} faults"
    wrong = (
        Comparison(what, "times", sum(bool(outcome.wrong.get(kind)) for outcome in met), n, at_most=0)
        for kind, what in WRONG.items()
    )
    unclear = sum(not outcome.is_clear for outcome in met)
    return [*wrong, Comparison("told unclearly", "times", unclear, n, at_most=0)]


def by_fault(done: Sequence[Outcome]) -> list[Row]:
    """Return a row for each fault; one that did not happen does not count."""
    rows: list[Row] = []
    for fault in dict.fromkeys(outcome.fault for outcome in done):
        own = [outcome for outcome in done if outcome.fault == fault and outcome.met]
        notes = Counter(outcome.note for outcome in own if outcome.note)
        rows.append(
            {
                "fault": fault,
                "n": len(own),
                "told, most often": most_told(own),
                "wrong after it": sum(bool(outcome.wrong) for outcome in own),
                "mended by": own[0].mended_by if own else "",
                "of them": "; ".join(f"{n} × {note}" for note, n in sorted(notes.items())),
            }
        )
    return rows


def most_told(done: Sequence[Outcome]) -> str:
    """Return the complaint that is told most often, on one line; that nothing is told, if it is so."""
    said = Counter(complaint(outcome) for outcome in done)
    return max(said, key=lambda text: (said[text], text), default="").replace("|", "\\|")[:_LONGEST]


def complaint(outcome: Outcome) -> str:
    """Return the first line that complains; for damage, the first that doctor says."""
    lines = outcome.told.splitlines()
    if outcome.note:
        return lines[0] if lines else "nothing: it made no difference"
    wrong = [line for line in lines if line.startswith(_COMPLAINTS)]
    return " ".join(wrong[0].split()) if wrong else "nothing: the run did its work"
