"""Makes collections and their indexes; each task runs in a process of its own.

``place`` is a folder: real.npy and real.json are what the collections are made of, parts/ holds the articles, and a
folder for each size holds links to those that it has, its index, and what building it took.
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import ingest
from benchmarks import synthetic
from benchmarks.process import serve
from benchmarks.synthetic import PER_ARTICLE, Near, Real
from ingest import sync
from rag.index import folder
from rag.index.truth import Truth
from rag.settings import Settings

_EVERY_S = 10.0  # seconds between two lines of progress


def take(index: str, *articles: str) -> dict[str, int]:
    """Index real articles; a line that cannot be read is left out."""
    (root := Path(index)).mkdir(parents=True, exist_ok=True)
    summary = ingest.index(articles, root, watcher=Progress(None, root.with_name("real.seconds")))
    return {"passages": summary.passages}


def prepare(place: str, index: str) -> dict[str, int]:
    """Take what a collection is made of from an index of real articles."""
    truth = Truth(folder.live(Path(index)) / folder.DATABASE)
    try:
        sentences = synthetic.real_sentences(text for _, _, text in truth.passage_texts())
        real = Real(truth.meta("embedder"), truth.vectors(truth.number("dim"))[1], sentences)
    finally:
        truth.close()
    real.save(Path(place))
    return {"vectors": len(real.vectors), "sentences": len(real.sentences)}


def compose(place: str, n: str) -> dict[str, int]:
    """Write the articles of ``n`` passages, and link them into a folder of that size."""
    root, n_articles = Path(place), int(n) // PER_ARTICLE
    files = synthetic.write(Real.load(root), root / "parts", n_articles)
    collection = root / n / "collection"
    collection.mkdir(parents=True, exist_ok=True)
    for file in files:
        if not (link := collection / file.name).exists():
            os.link(file, link)
    return {"articles": n_articles, "bytes": sum(file.stat().st_size for file in files)}


class Progress:
    """Says on stderr how far a run is, now and then, and notes what time it took, so that it may be interrupted."""

    def __init__(self, total: int | None, note: Path) -> None:
        self._n, self._note = 0, note
        self._whole = "" if total is None else f" of {total:,}"
        self._before = float(note.read_text()) if note.exists() else 0.0
        self._started = self._said = time.monotonic()

    def planned(self, plan: object) -> None:
        """Say nothing."""

    def stored(self, n_chars: int, n_passages: int) -> None:  # noqa: ARG002
        """Take note of an article."""
        self._n += n_passages
        now = time.monotonic()
        if now - self._said > _EVERY_S:
            self._said = now
            rate = self._n / (now - self._started)
            print(f"  {self._n:,}{self._whole} passages, {rate:,.0f}/s", file=sys.stderr, flush=True)
            self.seconds()

    def seconds(self) -> float:
        """Return the seconds so far, those of interrupted runs with them, and note them."""
        total = self._before + time.monotonic() - self._started
        self._note.write_text(str(total))
        return total


def build(place: str, n: str) -> dict[str, float]:
    """Index the collection of ``n`` passages, those that an interrupted run has not stored yet."""
    root, index = Path(place) / n, Path(place) / n / "index"
    near = Near(Real.load(Path(place)))
    progress = Progress(int(n) - n_passages(index), root / "seconds")
    summary = sync.index([root / "collection"], index, near, Settings().passage_tokens, watcher=progress)
    if summary.passages != int(n):
        raise RuntimeError(f"{index} holds {summary.passages} passages, expected {n}")
    return {"seconds": progress.seconds(), "mib": size_mib(index)}


def n_passages(index: Path) -> int:
    """Return how many passages an index holds; none where there is no index."""
    if not (index / folder.CURRENT).exists():
        return 0
    truth = Truth(folder.live(index) / folder.DATABASE)
    try:
        return truth.counts()[1]
    finally:
        truth.close()


def size_mib(folder: Path) -> float:
    """Return what a folder takes on the disk."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) / 2**20


if __name__ == "__main__":
    serve([take, prepare, compose, build])
