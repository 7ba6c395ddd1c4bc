"""How long a first answer takes from the shell, and how much is installed for it, beside the other systems."""

from __future__ import annotations

import os
import statistics
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from benchmarks import environments
from benchmarks.found import FILES, versions
from benchmarks.origin import HOME, origin
from benchmarks.process import Run, run
from benchmarks.results import Comparison, Part, Row, Table
from benchmarks.speed import CITEWISE, Pairs
from training.weights import minilm_folder

TASK = ("-m", "benchmarks.start_tasks")
OURS = "Citewise"
PEERS = {"LlamaIndex": "llama-index", "Haystack": "haystack", "PaperQA2": "paper-qa"}
ASKED = ("LlamaIndex", "Haystack")
GIVES = {
    OURS: "an answer with its quote",
    "LlamaIndex": "passages; a language model would answer",
    "Haystack": "passages; a language model would answer",
    "PaperQA2": "nothing without a language model",
}
QUESTION = "Who did Ayrault say Russia prefers?"
ARTICLES = HOME / "corpus" / "articles"
OWN = (
    "rag",
    "ingest",
    "page",
    "app.py",
    "cli.py",
)  # what the package citewise itself puts there, weights and all
TOOLS = ("pip", "setuptools", "wheel", "_distutils_hack", "pkg_resources", "distutils-precedence")
N_ROUNDS, N_QUICK = 7, 1


def measure(quick: bool) -> Part:
    """Return the time of a first answer and the size of what is installed, of each."""
    here = origin("start", [])
    with tempfile.TemporaryDirectory() as folder:
        runs = asked(Path(folder), N_QUICK if quick else N_ROUNDS)
    rows = [row(name, runs.get(name, ()), python_of(name)) for name in (OURS, *PEERS)]
    return Part(
        replace(here, versions={**here.versions, **versions(PEERS.values())}),
        comparisons=list(comparisons(runs)),
        tables=[Table("The first answer, and what is installed for it", rows)],
    )


def python_of(name: str) -> Path:
    """Return the Python of an environment that has what a system needs and nothing else."""
    if name in PEERS:
        return environments.python(PEERS[name])
    folder = Path(os.environ.get(environments.PEERS) or Path(sys.prefix) / "peers")
    return environments.made(folder / "citewise", HOME / "requirements.lock")


def asked(place: Path, n: int) -> dict[str, list[Run]]:
    """Return the runs of each system, in turns; all have kept the articles before, and one run goes uncounted."""
    ours, model = str(python_of(OURS)), str(minilm_folder())
    index = str(place / "index")
    run(*FILES, "lay_articles", str(ARTICLES), str(place), weighed=False)
    for name in ASKED:
        run(*TASK, "keep", name, str(place), model, python=str(python_of(name)))
    runs: dict[str, list[Run]] = {name: [] for name in (OURS, *ASKED)}
    for _ in range(n + 1):
        runs[OURS].append(run(*CITEWISE, "ask", QUESTION, "--index", index, "--json", python=ours))
        for name in ASKED:
            task = (*TASK, "ask", name, str(place), model, QUESTION)
            runs[name].append(run(*task, python=str(python_of(name))))
    if not runs[OURS][0].said["answered"]:
        raise RuntimeError("ours abstained, so what was timed is no answer")
    return {name: some[1:] for name, some in runs.items()}


def comparisons(runs: Mapping[str, Sequence[Run]]) -> Iterator[Comparison]:
    """Yield time and memory of a first answer beside each that can be asked."""
    n = f"{len(runs[OURS])} processes"
    for name in ASKED:
        pairs = Pairs(runs[OURS], runs[name])
        what = f"from the shell to an answer; {name} retrieves alone"
        yield pairs.compare(what, "s", lambda one: one.wall_s, n)
        yield pairs.compare(f"peak memory of it, beside {name}", "MiB", lambda one: one.peak_mib, n)


def row(name: str, runs: Sequence[Run], python: Path) -> Row:
    """Return what a system gives for its time, its memory and its size."""
    site = next(python.parent.parent.glob("lib/python*/site-packages"))
    own = [HOME / part for part in OWN] if name == OURS else []
    weights = [] if name == OURS else [minilm_folder()]
    return {
        "": name,
        "gives": GIVES[name],
        "s": statistics.median(one.wall_s for one in runs) if runs else "",
        "peak, MiB": statistics.median(one.peak_mib for one in runs) if runs else "",
        "installed, MiB": mib([*parts(site), *own]),
        "of which torch, MiB": mib(path for path in parts(site) if path.name == "torch"),
        "weights beside it, MiB": mib(weights) if weights else "in it",
        "packages": str(n_packages(site) + bool(own)),
    }


def parts(site: Path) -> list[Path]:
    """Return what stands in a site-packages, without the tools that install."""
    return [path for path in sorted(site.iterdir()) if not path.name.startswith(TOOLS)]


def n_packages(site: Path) -> int:
    """Return how many packages are installed there, without the tools that install."""
    return sum(path.suffix == ".dist-info" for path in parts(site))


def mib(paths: Iterable[Path]) -> float:
    """Return the size of files and of all files in folders."""
    files = (file for path in paths for file in ([path] if path.is_file() else path.rglob("*")))
    return sum(file.stat().st_size for file in files if file.is_file()) / 2**20
