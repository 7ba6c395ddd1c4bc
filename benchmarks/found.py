"""Which passages are found, beside LlamaIndex, bm25s and Haystack: the same passages, each in its own process."""

from __future__ import annotations

import json
import statistics
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from benchmarks import environments
from benchmarks.finders import FINDERS, REREAD, SHIPPED
from benchmarks.given import Source
from benchmarks.interval import score
from benchmarks.origin import data, origin
from benchmarks.process import run
from benchmarks.results import Part, Row, Score, Table
from rag.metrics import hit, reciprocal_rank
from training.weights import minilm_folder

FILES, TASK = ("-m", "benchmarks.found_files"), ("-m", "benchmarks.found_tasks")
SETS = ("new_wiki", "squad2_half", "qed")
ENVIRONMENTS = {"LlamaIndex": "llama-index", "bm25s": "llama-index", "Haystack": "haystack"}
PACKAGES = {
    "llama-index": (
        "llama-index-core",
        "llama-index-embeddings-huggingface",
        "llama-index-retrievers-bm25",
        "bm25s",
        "sentence-transformers",
        "torch",
    ),
    "haystack": ("haystack-ai", "sentence-transformers-haystack", "sentence-transformers", "torch"),
    "paper-qa": ("paper-qa",),
}
OURS = f"Citewise, {SHIPPED}"


@dataclass(frozen=True, slots=True)
class Sizes:
    """How much is asked: questions of each set at most, of these of the way that reads; contexts, 0 for all."""

    questions: int
    read: int
    contexts: int = 0


FULL, QUICK = Sizes(questions=600, read=150), Sizes(questions=30, read=10, contexts=60)


@dataclass(frozen=True, slots=True)
class Way:
    """What one way found: for each question the articles in the order of their passages, and its milliseconds."""

    ranked: Sequence[Sequence[str]]
    ms: Sequence[float]

    def measures(self, homes: Sequence[str]) -> dict[str, list[float]]:
        """Return measure → value of each question; ``homes`` are the articles that answer them."""
        pairs = list(
            zip(self.ranked, homes, strict=False)
        )  # a way that reads was asked but the first of them
        found = {f"hit@{k}": [hit(order, {gold}, k) for order, gold in pairs] for k in (1, 5, 10)}
        return found | {"mrr@10": [reciprocal_rank(order, {gold}, 10) for order, gold in pairs]}


def measure(quick: bool) -> Part:
    """Return what every way finds in each set, and how ours differs from the others on the same questions."""
    sizes, sets = (QUICK, SETS[1:2]) if quick else (FULL, SETS)
    files = [data(f"qa/{name}.jsonl") for name in sets]
    here = origin("found", files)
    scores, tables = list[Score](), list[Table]()
    for file in files:
        with tempfile.TemporaryDirectory() as folder:
            ways, homes, caption = found(Path(folder), file, sizes)
        tables.append(Table(caption, [row(name, way, homes) for name, way in ways.items()]))
        scores += differences(file.stem, ways, homes)
    return Part(
        replace(here, versions={**here.versions, **versions(dict.fromkeys(ENVIRONMENTS.values()))}),
        scores=scores,
        tables=tables,
    )


def found(place: Path, file: Path, sizes: Sizes) -> tuple[dict[str, Way], list[str], str]:
    """Return what each way finds in a set, the articles that answer its questions, and how large it is."""
    asked = (file.stem, str(place), str(sizes.questions), str(sizes.contexts))
    laid = run(*FILES, "lay", str(file.parent.parent), *asked, weighed=False).said
    articles = {row.id: row.article for row in Source(place / "passages.jsonl").rows()}
    homes: list[str] = json.loads((place / "homes.json").read_text(encoding="utf-8"))
    ways: dict[str, Way] = {}
    for system in FINDERS:
        print(f"{system} finds in {file.stem}", file=sys.stderr, flush=True)
        task = (*TASK, "find", system, str(place), str(minilm_folder()), str(sizes.read))
        said = run(*task, python=python_of(system), weighed=False).said
        ways |= {f"{system}, {way}": ranked(facts, articles) for way, facts in said.items()}
    return ways, homes, f"{file.stem}, {laid['passages']:,} passages of {laid['articles']:,} articles"


def python_of(system: str) -> str:
    """Return the Python that a system runs in."""
    return str(environments.python(ENVIRONMENTS[system])) if system in ENVIRONMENTS else sys.executable


def ranked(facts: Mapping[str, Any], articles: Mapping[int, str]) -> Way:
    """Return what a way said it found, as articles: one ranks where the first of its passages stands."""
    return Way([list(dict.fromkeys(articles[id] for id in ids)) for ids in facts["found"]], facts["ms"])


def versions(names: Iterable[str]) -> dict[str, str]:
    """Return the versions that the locks of some environments pin, each with the name of its environment."""
    pinned = {name: environments.versions(name, *PACKAGES[name]) for name in names}
    return {f"{package} of {name}": pin for name, pins in pinned.items() for package, pin in pins.items()}


def row(name: str, way: Way, homes: Sequence[str]) -> Row:
    """Return a way as a row of the table, each measure with its 95 % interval."""
    scores = [score(what, values) for what, values in way.measures(homes).items()]
    measures = {one.what: f"{one.value:.3f} [{one.low:.3f}, {one.high:.3f}]" for one in scores}
    return {"": name, **measures, "ms a question, median": statistics.median(way.ms), "n": f"{len(way.ms):,}"}


def differences(file: str, ways: Mapping[str, Way], homes: Sequence[str]) -> Iterator[Score]:
    """Yield hit@5 of ours as it ships less that of each other system, question by question; and what reading adds."""
    shipped = ways[OURS].measures(homes)
    for name, way in ways.items():
        theirs = way.measures(homes)
        if not name.startswith("Citewise"):
            yield score(
                f"hit@5, ours as it ships less {name}, {file}", _less(shipped["hit@5"], theirs["hit@5"])
            )
        elif name.endswith(REREAD):
            yield score(
                f"hit@1, read and put in order less as it ships, {file}",
                _less(theirs["hit@1"], shipped["hit@1"]),
            )


def _less(some: Sequence[float], others: Sequence[float]) -> list[float]:
    return [one - other for one, other in zip(some, others, strict=False)]
