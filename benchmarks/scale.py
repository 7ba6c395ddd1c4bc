"""What an index costs as it grows: built, opened, asked, changed, and when its base is damaged.

The made collections and their indexes lie in the folder that CITEWISE_SCALE names, where an interrupted measurement
goes on; in a temporary one otherwise.
"""

from __future__ import annotations

import json
import os
import statistics
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from math import log
from pathlib import Path
from typing import Protocol

from benchmarks import plot, process
from benchmarks.origin import HOME, data, origin
from benchmarks.process import Run
from benchmarks.results import Comparison, Origin, Part, Row, Table

CORPORA = ("digitalgov", "blog_18f", "current_events", "onestop")
SHIPPED = HOME / "corpus"
QUESTIONS = (HOME / "training" / "calibration.jsonl", HOME / "benchmarks" / "questions" / "writing.jsonl")
BUILD, TASK = ("-m", "benchmarks.scale_build"), ("-m", "benchmarks.scale_tasks")
PLACE = "CITEWISE_SCALE"


@dataclass(frozen=True, slots=True)
class Sizes:
    """How much is measured: passages of each collection, questions, and articles that are added and removed."""

    passages: Sequence[int]
    questions: int
    changes: int


FULL = Sizes((10_000, 100_000, 1_000_000), questions=300, changes=5)
QUICK = Sizes((2_000, 20_000), questions=50, changes=3)


class Runner(Protocol):
    """What runs a task; ``benchmarks.process.run``."""

    def __call__(self, *arguments: str, python: str = ..., watched: bool = False) -> Run:
        """Run it in a process of its own."""


Runs = Mapping[str, Run]
"""Task → its run at one size."""


def p95(values: Sequence[float]) -> float:
    """Return the 95th percentile."""
    return statistics.quantiles(values, n=20, method="inclusive")[-1]


def _said(
    task: str, name: str, of: Callable[[Sequence[float]], float] = statistics.median
) -> Callable[[Runs], float]:
    """Return what takes a figure, or one ``of`` several, from what a task said."""

    def figure(runs: Runs) -> float:
        value = runs[task].said[name]
        return of(value) if isinstance(value, list) else float(value)

    return figure


@dataclass(frozen=True, slots=True)
class Quantity:
    """A row of the table: how a quantity is taken from what the tasks said, and its bound at the largest size."""

    what: str
    unit: str
    of: Callable[[Runs], float]
    at_least: float | None = None
    at_most: float | None = None


QUANTITIES = (
    Quantity("build", "s", _said("build", "seconds")),
    Quantity("its peak memory", "MiB", lambda runs: runs["build"].peak_mib),
    Quantity("disk", "MiB", _said("build", "mib"), at_most=2_560),
    Quantity("open and find for the first time", "s", _said("opening", "warm_s"), at_most=3),
    Quantity("open, files not in memory", "s", _said("opening", "cold_s")),
    Quantity("retrieve, median", "ms", _said("asking", "everywhere")),
    Quantity("retrieve, 95th percentile", "ms", _said("asking", "everywhere", p95), at_most=50),
    Quantity("retrieve, files not in memory, 95th percentile", "ms", _said("opening", "cold_ms", p95)),
    Quantity("from an outlet with 22 %, 95th percentile", "ms", _said("asking", "large", p95)),
    Quantity("from an outlet with 0.4 %, 95th percentile", "ms", _said("asking", "small", p95)),
    Quantity("count the articles of a question's words", "ms", _said("asking", "spread")),
    Quantity("recall@10, by meaning", "", _said("recall", "shares", statistics.mean), at_least=0.98),
    Quantity("resident memory when all is asked", "MiB", _said("asking", "resident_mib"), at_most=1_536),
    Quantity("of which no file's", "MiB", _said("asking", "own_mib")),
    Quantity("add an article", "s", _said("changing", "add"), at_most=1),
    Quantity("until a reader has it", "s", _said("changing", "seen")),
    Quantity("remove an article", "s", _said("changing", "remove")),
    Quantity("until no reader has it", "s", _said("changing", "unseen")),
    Quantity("open without a base, which another writes", "s", _said("damaged", "open_s")),
    Quantity("find without a base", "s", _said("damaged", "ask_s")),
    Quantity("make the base again", "s", _said("mending", "seconds")),
    Quantity("its peak memory then", "MiB", lambda runs: runs["mending"].peak_mib),
)
CAPTION = "By the number of passages"
ADD = "add an article"
PLOTTED = (
    "build",
    "make the base again",
    "find without a base",
    ADD,
    "remove an article",
    "open and find for the first time",
    "retrieve, 95th percentile",
    "until a reader has it",
)
ADD_GROWTH = 2  # times: what adding may cost at the largest size of what it costs at the smallest


def measure(quick: bool) -> Part:
    """Return what each size costs, with the bounds of the largest."""
    sizes = QUICK if quick else FULL
    files = [] if quick else [data(f"corpora/{name}.jsonl") for name in CORPORA]
    here = origin("scale", [*files, *QUESTIONS])
    with place(quick) as folder:
        take_real(folder, files or [SHIPPED], process.run)
        values = measured(folder, sizes, process.run)
    return part(here, values, sizes)


def part(here: Origin, values: Mapping[str, Sequence[float]], sizes: Sizes) -> Part:
    """Return what ``measured`` gave as a table, and beside it the targets of the largest size."""
    return Part(here, _targets(values, sizes), tables=[Table(CAPTION, _rows(values, sizes))])


def drawing(part: Part) -> str:
    """Return the times of a measurement as SVG."""
    return plot.growth(part.tables[0].rows, PLOTTED)


def take_real(place: Path, articles: Sequence[Path], run: Runner) -> None:
    """Index real articles, and take from them what collections are made of; nothing where that is done."""
    if not (place / "real.json").exists():
        say(f"indexing {', '.join(path.name for path in articles)} for what the collections are made of")
        run(*BUILD, "take", str(place / "real"), *map(str, articles), watched=True)
        run(*BUILD, "prepare", str(place), str(place / "real"))


def write_questions(place: Path, n: int) -> Path:
    """Write ``n`` questions that people ask, evenly spaced, one a line; return the file."""
    lines = [line for file in QUESTIONS for line in file.read_text(encoding="utf-8").splitlines()]
    asked = [" ".join(json.loads(line)["question"].split()) for line in lines]
    path = place / "questions"
    path.write_text("\n".join(asked[i * len(asked) // n] for i in range(n)), encoding="utf-8")
    return path


def measured(place: Path, sizes: Sizes, run: Runner) -> dict[str, list[float]]:
    """Return quantity → its value at each size, of collections made in ``place``."""
    questions = write_questions(place, sizes.questions)
    runs = [_at(place, n, questions, sizes, run) for n in sizes.passages]
    return {quantity.what: [quantity.of(at) for at in runs] for quantity in QUANTITIES}


def _at(place: Path, n: int, questions: Path, sizes: Sizes, run: Runner) -> Runs:
    where = (str(place), str(n))
    return {
        "build": built(place, n, run),
        "opening": _done(run, TASK, "opening", *where, str(questions)),
        "asking": _done(run, TASK, "asking", *where, str(questions)),
        "recall": _done(run, TASK, "recall", *where, str(questions)),
        "changing": _done(run, TASK, "changing", *where, str(sizes.changes)),
        "damaged": _done(run, TASK, "damaged", *where),
        "mending": _done(run, TASK, "mending", *where),
    }


def built(place: Path, n: int, run: Runner) -> Run:
    """Build an index, or return what building it took where that was done before."""
    note = place / str(n) / "built.json"
    if not note.exists():
        _done(run, BUILD, "compose", str(place), str(n))
        done = _done(run, BUILD, "build", str(place), str(n))
        note.write_text(json.dumps(asdict(done)), encoding="utf-8")
    return Run(**json.loads(note.read_text(encoding="utf-8")))


def _done(run: Runner, tasks: Sequence[str], task: str, place: str, n: str, *more: str) -> Run:
    say(f"{task} at {int(n):,} passages")
    return run(*tasks, task, place, n, *more, watched=True)


def _targets(values: Mapping[str, Sequence[float]], sizes: Sizes) -> list[Comparison]:
    most = f"{sizes.passages[-1]:,} passages"
    bounded = [q for q in QUANTITIES if q.at_least is not None or q.at_most is not None]
    rows = [
        Comparison(q.what, q.unit, values[q.what][-1], most, at_least=q.at_least, at_most=q.at_most)
        for q in bounded
    ]
    small, large = values[ADD][0], values[ADD][-1]
    n = f"{most} against {sizes.passages[0]:,}"
    return [*rows, Comparison(f"{ADD}: how much dearer", "times", large / small, n, at_most=ADD_GROWTH)]


def _rows(values: Mapping[str, Sequence[float]], sizes: Sizes) -> list[Row]:
    """Return a row a quantity: its value at each size, and the exponent of its growth from each to the next."""
    ns = sizes.passages
    rows: list[Row] = []
    for quantity in QUANTITIES:
        found = values[quantity.what]
        row: dict[str, str | float] = {"": quantity.what, "unit": quantity.unit}
        row |= {f"{n:,}": value for n, value in zip(ns, found, strict=True)}
        for i in range(1, len(ns)):
            row[f"n^x, {ns[i - 1]:,} to {ns[i]:,}"] = log(found[i] / found[i - 1]) / log(ns[i] / ns[i - 1])
        rows.append(row)
    return rows


@contextmanager
def place(quick: bool) -> Iterator[Path]:
    """Give the folder where collections and indexes lie."""
    if not quick and (named := os.environ.get(PLACE)):
        Path(named).mkdir(parents=True, exist_ok=True)
        yield Path(named)
        return
    with tempfile.TemporaryDirectory() as folder:
        yield Path(folder)


def say(what: str) -> None:
    """Tell how far it is, on stderr."""
    print(what, file=sys.stderr, flush=True)
