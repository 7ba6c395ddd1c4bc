"""Ours beside plain LlamaIndex, Chroma and LanceDB: the same passages with the same vectors, in the same run.

Each store is built, asked and changed in processes of its own, in turns.
"""

from __future__ import annotations

import os
import shutil
import statistics
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from benchmarks import environments, process, scale, throughput, wiki
from benchmarks.origin import data, origin
from benchmarks.process import Run
from benchmarks.results import Part, Row, Table
from benchmarks.scale import Runner, p95

TASK, FILES = ("-m", "benchmarks.beside_tasks"), ("-m", "benchmarks.beside_files")
OURS = "Citewise"
# Store → its package; they need other versions of what we need, so an environment of their own.
FOREIGN = {"Chroma": "chromadb", "LanceDB": "lancedb"}
NAMES = (OURS, "LlamaIndex", *FOREIGN)
ENVIRONMENT = "CITEWISE_STORES"  # names the folder of that environment
CANNOT = "cannot"

Runs = Mapping[str, Sequence[Run]]
"""Task → the runs of one store."""


@dataclass(frozen=True, slots=True)
class Sizes:
    """How much is measured: passages of each collection, questions, rounds of asking, articles added and deleted."""

    passages: Sequence[int]
    questions: int
    rounds: int
    changes: int


FULL = Sizes((10_000, 100_000), questions=300, rounds=3, changes=5)
QUICK = Sizes((2_000,), questions=30, rounds=1, changes=2)


@dataclass(frozen=True, slots=True)
class Quantity:
    """A row: how a quantity is taken from the runs of a store, and whether less of it is better.

    ``why`` says of a store that may be first why it is and ours is not; the value is None where one cannot do it.
    """

    what: str
    unit: str
    of: Callable[[Runs], float | None]
    why: Mapping[str, str] = field(default_factory=dict)
    less: bool = True


def _asked(runs: Runs, of: Callable[[Any], float]) -> float:
    return statistics.median(of(run.said) for run in runs["ask"])


def _changed(runs: Runs, task: str) -> float | None:
    times = runs["change"][0].said[task]
    return 1000 * statistics.median(times) if times else None


_ROWS = {
    "LanceDB": "LanceDB writes rows and no index; ours cuts, makes each article durable, and indexes the words"
}
_TWICE = {
    "LanceDB": "LanceDB keeps vectors once; ours in articles.db and in a base, with an index of the words"
}
_GRAPH = {
    "Chroma": "Chroma's graph finds fewer of the nearest; ours compares 300 candidates by exact vectors"
}
_ALL = dict.fromkeys(
    ("LlamaIndex", "LanceDB"),
    "it compares all in float32; ours keeps float16, and over 50,000 looks at the likeliest",
)
_RUN = dict.fromkeys(
    FOREIGN, "ours is a run of its own: lock, plan, transaction, a commit of the words, a look at what is due"
)

QUANTITIES = (
    Quantity("build", "s", lambda r: r["build"][0].said["seconds"], _ROWS),
    Quantity("its peak memory", "MiB", lambda r: r["build"][0].peak_mib, _ROWS),
    Quantity("disk", "MiB", lambda r: r["build"][0].said["mib"], _TWICE),
    Quantity(
        "open and find for the first time", "ms", lambda r: _asked(r, lambda said: 1000 * said["open_s"])
    ),
    Quantity("find, median", "ms", lambda r: _asked(r, lambda said: statistics.median(said["ms"])), _GRAPH),
    Quantity("find, 95th percentile", "ms", lambda r: _asked(r, lambda said: p95(said["ms"])), _GRAPH),
    Quantity("recall@10", "", lambda r: r["judge"][0].said, _ALL, less=False),
    Quantity("peak memory of asking", "MiB", lambda r: statistics.median(run.peak_mib for run in r["ask"])),
    Quantity("add an article, until it is found", "ms", lambda r: _changed(r, "add"), _RUN),
    Quantity("delete an article, until it is not", "ms", lambda r: _changed(r, "delete"), _RUN),
)


def measure(quick: bool) -> Part:
    """Return what the stores cost at each size, and how fast and how well ours embeds beside float32."""
    sizes = QUICK if quick else FULL
    files = [] if quick else [data(f"corpora/{name}.jsonl") for name in scale.CORPORA]
    here = origin("beside", [*files, *scale.QUESTIONS, data(wiki.FILE)])
    with scale.place(quick) as place:
        scale.take_real(place, files or [scale.SHIPPED], process.run)
        tables = list(compared(place, sizes, process.run))
    comparisons, scores = throughput.measure(quick)
    here = replace(here, versions={**here.versions, **environments.versions("stores", *FOREIGN.values())})
    return Part(here, comparisons, scores, tables)


def compared(place: Path, sizes: Sizes, run: Runner, names: Sequence[str] = NAMES) -> Iterator[Table]:
    """Yield a table for each size."""
    questions = scale.write_questions(place, sizes.questions)
    for n in sizes.passages:
        runs = _measured(place, n, sizes, run, names, questions)
        rows = [row(quantity, {name: quantity.of(runs[name]) for name in names}) for quantity in QUANTITIES]
        yield Table(f"{n:,} passages, {sizes.questions} questions", rows)


def _measured(
    place: Path, n: int, sizes: Sizes, run: Runner, names: Sequence[str], questions: Path
) -> dict[str, Runs]:
    """Build, ask and change all stores in turns; the first change is not counted, hence one article more."""
    folder = place / "beside" / str(n)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    run(*FILES, "lay", str(place), str(folder), str(n), str(sizes.changes + 1), str(questions))
    runs: dict[str, dict[str, list[Run]]] = {name: {} for name in names}
    for task, rounds in (("build", 1), ("ask", sizes.rounds), ("change", 1)):
        for _ in range(rounds):
            for name in names:
                scale.say(f"{name}: {task} at {n:,} passages")
                done = run(*TASK, task, name, str(folder), python=_python_of(name))
                runs[name].setdefault(task, []).append(done)
    for name in names:
        runs[name]["judge"] = [run(*FILES, "judge", name, str(folder))]
    return dict(runs)


def row(quantity: Quantity, values: Mapping[str, float | None]) -> Row:
    """Return a row of the table: each store's value, and whether ours is the first or why not."""
    known = {name: value for name, value in values.items() if value is not None}
    first = (min if quantity.less else max)(known, key=lambda name: known[name])
    is_ours = f"{known[OURS]:.3g}" == f"{known[first]:.3g}"
    shown = {name: CANNOT if value is None else value for name, value in values.items()}
    verdict = "yes" if is_ours else quantity.why.get(first, f"**no**: {first} is")
    return {"": quantity.what, "unit": quantity.unit, **shown, "ours is first": verdict}


def _python_of(name: str) -> str:
    """Return the Python that a store runs in; the foreign ones' environment is made when it is missing."""
    if name not in FOREIGN:
        return sys.executable
    folder = Path(os.environ.get(ENVIRONMENT) or Path(sys.prefix) / "stores")
    return str(environments.made(folder, environments.LOCKS / "stores.lock"))
