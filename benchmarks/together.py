"""One writer that never rests and eight who ask meanwhile: what they wait, see and hold."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.origin import HOME, origin
from benchmarks.results import Comparison, Part, Row, Table
from benchmarks.together_tasks import STAGES, Asked, Written

MAX_WAIT_MS = 100
_GROWTH_MIB = 8  # of a reader's peak, from the middle third to the last: what a search takes for a moment


@dataclass(frozen=True, slots=True)
class Size:
    """How much is measured: articles to begin with, readers, seconds with and without a writer."""

    articles: int
    readers: int
    seconds: float
    alone_s: float
    compact_s: float  # between two compactions


FULL = Size(articles=2_000, readers=8, seconds=300, alone_s=60, compact_s=45)
QUICK = Size(articles=60, readers=2, seconds=5, alone_s=2, compact_s=2)


@dataclass(frozen=True, slots=True)
class Met:
    """What all readers met while the writer did what it did; without one, it did nothing."""

    readers: Sequence[Asked]
    writer: Written

    @property
    def waits_ms(self) -> list[float]:
        """All waits, ascending."""
        return sorted(wait * 1000 for reader in self.readers for wait in reader.waits)

    @property
    def blocked_ms(self) -> list[float]:
        """The parts of the waits in which a reader neither ran nor waited for a processor, ascending."""
        return sorted(wait * 1000 for reader in self.readers for wait in reader.blocked)


def measure(quick: bool) -> Part:
    """Return what one writer and several readers did beside each other."""
    size = QUICK if quick else FULL
    with tempfile.TemporaryDirectory() as home:
        alone, beside = both(Path(home), size)
    return Part(
        origin("together", []),
        comparisons=comparisons(beside, alone),
        tables=[
            Table("Waits for an answer", rows(beside, alone)),
            Table("What the writer did", [did(beside)]),
            Table("Files and memory of each reader", holdings(beside)),
            Table("Where the longest waits were spent, ms", longest(beside) or [{"none over": MAX_WAIT_MS}]),
        ],
    )


def both(home: Path, size: Size) -> tuple[Met, Met]:
    """Let the readers ask without a writer, then with one."""
    _said(_start(home, "begin", size.articles))
    alone = [_start(home, "read", size.alone_s, seed) for seed in range(size.readers)]
    without = Met([Asked(**_said(reader)) for reader in alone], Written())
    writer = _start(home, "write", size.seconds, size.compact_s)
    readers = [_start(home, "read", size.seconds, seed) for seed in range(size.readers)]
    met = [Asked(**_said(reader)) for reader in readers]
    return without, Met(met, Written(**_said(writer)))


def comparisons(beside: Met, alone: Met) -> list[Comparison]:
    """Return the figures that have a bound, and the longest wait beside that without a writer."""
    n = f"{len(beside.waits_ms):,} questions of {len(beside.readers)} readers"
    n_passages = sum(reader.n_passages for reader in beside.readers)
    wrong = sum(len(reader.wrong) for reader in beside.readers)
    files = max(growth(reader.files) for reader in beside.readers)
    memory = max(growth(reader.memory_mib) for reader in beside.readers)
    return [
        Comparison("longest wait but for a processor", "ms", beside.blocked_ms[-1], n, at_most=MAX_WAIT_MS),
        Comparison("longest wait", "ms", beside.waits_ms[-1], n),
        Comparison("longest wait, without a writer", "ms", alone.waits_ms[-1], f"{len(alone.waits_ms):,}"),
        Comparison("passages of no committed state", "", wrong, f"{n_passages:,} passages", at_most=0),
        Comparison("most files open, last third less middle third, worst reader", "", files, n, at_most=0),
        Comparison(
            "most memory, last third less middle third, worst reader", "MiB", memory, n, at_most=_GROWTH_MIB
        ),
    ]


def thirds(values: Sequence[float]) -> list[float]:
    """Return the greatest value of each third."""
    n = len(values)
    return [max(values[n * part // 3 : n * (part + 1) // 3]) for part in range(3)]


def growth(values: Sequence[float]) -> float:
    """Return by how much the greatest value of the last third exceeds that of the middle one; 0 if it does not."""
    _, middle, last = thirds(values)
    return max(0, last - middle)


def rows(beside: Met, alone: Met) -> list[Row]:
    """Return the table of waits."""
    return [
        row("without a writer", alone.waits_ms),
        row("with a writer", beside.waits_ms),
        row("without a writer, but for a processor", alone.blocked_ms),
        row("with a writer, but for a processor", beside.blocked_ms),
    ]


def row(what: str, waits: Sequence[float]) -> Row:
    """Return waits as a row of the table, in milliseconds."""
    cuts = statistics.quantiles(waits, n=1000, method="inclusive")
    over = sum(wait > MAX_WAIT_MS for wait in waits)
    return {
        "": what,
        "questions": len(waits),
        "median, ms": cuts[499],
        "p99, ms": cuts[989],
        "p99.9, ms": cuts[998],
        "longest, ms": waits[-1],
        f"over {MAX_WAIT_MS} ms": over,
    }


def did(met: Met) -> Row:
    """Return what the writer did."""
    writer = met.writer
    return {
        "runs": writer.runs,
        "articles stored": writer.stored,
        "removed": writer.removed,
        "compactions": writer.compacted,
    }


def holdings(met: Met) -> list[Row]:
    """Return a row for each reader: the most files that it had open and its most memory, in each third of the time."""
    names = ("first third", "middle third", "last third")
    return [
        {"reader": n}
        | {f"files, {name}": files for name, files in zip(names, thirds(reader.files), strict=True)}
        | {f"MiB, {name}": mib for name, mib in zip(names, thirds(reader.memory_mib), strict=True)}
        for n, reader in enumerate(met.readers, 1)
    ]


def longest(met: Met) -> list[Row]:
    """Return where the ten longest waits were spent.

    ``processor`` is what the reader itself computed, ``queue`` what it waited for a processor, ``blocked`` the rest.
    """
    slow = [parts for reader in met.readers for parts in reader.slow]
    slow.sort(key=lambda parts: -sum(parts[stage] for stage in STAGES))
    return [{name: seconds * 1000 for name, seconds in parts.items()} for parts in slow[:10]]


def _start(home: Path, task: str, *arguments: float) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "benchmarks.together_tasks", task, str(home), *map(str, arguments)]
    one_thread = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    return subprocess.Popen(command, cwd=HOME, env=os.environ | one_thread, stdout=subprocess.PIPE, text=True)


def _said(running: subprocess.Popen[str]) -> Any:
    said, _ = running.communicate()
    if running.returncode:
        raise RuntimeError(f"a process failed with exit code {running.returncode}; see above")
    return json.loads(said.splitlines()[-1])
