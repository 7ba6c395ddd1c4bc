"""What is measured of an index of each size; each task runs in a process of its own.

``place`` is the folder that ``benchmarks.scale_build`` fills.
"""

from __future__ import annotations

import json
import os
import shutil
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path

import numpy as np

import ingest
from benchmarks import synthetic
from benchmarks.process import serve
from benchmarks.synthetic import LARGE, SMALL, Real
from rag import embed
from rag.domain import EVERYWHERE, Embedder, Vectors, Where
from rag.index import caches, folder
from rag.index.truth import Ids, Truth
from rag.retrieve import Dense, Fused, Words
from rag.settings import Settings
from rag.store import Store

K = 10  # passages, of which the recall is measured
N_OPENED = 3  # processes' worth of opening, and of what is asked without a base
N_COLD = 50  # questions that are asked when the files are not in memory
N_FILTERED = 50  # questions that are asked with a filter
N_SPREAD = 50  # questions whose words are counted
WARM = 5  # questions before the clock starts
_CUT = 4_096  # bytes that are taken off a file to damage it


def opening(place: str, n: str, questions: str) -> dict[str, float | list[float]]:
    """Open the index and find for the first time, with its files in memory or not; then ask with them not in memory."""
    index, embedder = Path(place) / n / "index", embed.load(Settings().embedder)
    asked = Path(questions).read_text(encoding="utf-8").splitlines()[:N_COLD]
    embedder.embed_questions(["The first call is slower."])

    def opened() -> None:
        with Store(index) as store:
            fused(store, embedder).retrieve("Who may open what is closed?", Settings().k)

    read(index)
    warm = [seconds(opened) for _ in range(N_OPENED)]
    cold = []
    for _ in range(N_OPENED):
        forget(index)
        cold.append(seconds(opened))
    with Store(index) as store:
        forget(index)
        retrieve = partial(fused(store, embedder).retrieve, k=Settings().k)
        first = [1000 * seconds(partial(retrieve, question)) for question in asked]
    return {"warm_s": warm, "cold_s": cold, "cold_ms": first}


def fused(store: Store, embedder: Embedder) -> Fused:
    """Return the retriever of ``rag.wiring``."""
    return Fused({"meaning": Dense(store, embedder), "words": Words(store)}, Settings().depth)


def seconds(work: Callable[[], object]) -> float:
    """Return how long some work takes."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def read(index: Path) -> None:
    """Read all files of an index, so that the system has them in memory, as after a day's use."""
    for path in filter(Path.is_file, index.rglob("*")):
        with path.open("rb") as file:
            while file.read(1 << 20):
                pass


def forget(index: Path) -> None:
    """Ask the system to take the files of an index out of its memory, as after a start of the machine."""
    for path in filter(Path.is_file, index.rglob("*")):
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
            os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
        finally:
            os.close(descriptor)


def asking(place: str, n: str, questions: str) -> dict[str, float | list[float]]:
    """Retrieve for one question a line, everywhere and from two outlets; milliseconds of each, MiB held at the end.

    The ids that were found by meaning alone are written beside the index.
    """
    asked = Path(questions).read_text(encoding="utf-8").splitlines()
    embedder = embed.load(Settings().embedder)
    read(Path(place) / n / "index")
    with Store(Path(place) / n / "index") as store:
        retriever = fused(store, embedder)

        def timed(some: Sequence[str], where: Where) -> list[float]:
            found = partial(retriever.retrieve, k=Settings().k, where=where)
            for question in some[:WARM]:
                found(question)
            return [1000 * seconds(partial(found, question)) for question in some]

        said: dict[str, float | list[float]] = {"everywhere": timed(asked, EVERYWHERE)}
        said["large"] = timed(asked[:N_FILTERED], Where((LARGE,)))
        said["small"] = timed(asked[:N_FILTERED], Where((SMALL,)))
        store.spread(asked[0])  # reads whose passage is whose
        said["spread"] = [1000 * seconds(partial(store.spread, question)) for question in asked[:N_SPREAD]]
        found = [[id for id, _ in store.near(row, K)] for row in embedder.embed_questions(asked)]
        whole, own = held_mib()
    (Path(place) / n / "found.json").write_text(json.dumps(found), encoding="utf-8")
    return said | {"resident_mib": whole, "own_mib": own}


def held_mib() -> tuple[float, float]:
    """Return the resident memory of this process, and the part of it that is no file's."""
    lines = dict(line.split(":") for line in Path("/proc/self/status").read_text().splitlines())
    whole, own = (int(lines[name].split()[0]) / 1024 for name in ("VmRSS", "RssAnon"))
    return whole, own


def recall(place: str, n: str, questions: str) -> dict[str, list[float]]:
    """Return for each question the share of its nearest passages, by exact search, that ``asking`` found."""
    asked = Path(questions).read_text(encoding="utf-8").splitlines()
    vectors = embed.load(Settings().embedder).embed_questions(asked)
    truth = Truth(folder.live(Path(place) / n / "index") / folder.DATABASE)
    try:
        exact = nearest(truth.vector_blocks(truth.number("dim")), vectors)
    finally:
        truth.close()
    found = json.loads((Path(place) / n / "found.json").read_text())
    return {"shares": [len(set(ids) & set(some)) / K for ids, some in zip(exact, found, strict=True)]}


def nearest(blocks: Iterator[tuple[Ids, Vectors]], vectors: Vectors) -> list[list[int]]:
    """Return the ids of the ``K`` nearest to each row of ``vectors``, best first, by comparing all."""
    ids = np.empty((len(vectors), 0), np.int64)
    scores = np.empty((len(vectors), 0), np.float32)
    for some, rows in blocks:
        scores = np.concatenate([scores, vectors @ rows.T], axis=1)
        ids = np.concatenate([ids, np.broadcast_to(some, (len(vectors), len(some)))], axis=1)
        best = np.argpartition(-scores, min(K, scores.shape[1] - 1), axis=1)[:, :K]
        ids, scores = np.take_along_axis(ids, best, 1), np.take_along_axis(scores, best, 1)
    order = np.argsort(-scores, axis=1)
    return [row.tolist() for row in np.take_along_axis(ids, order, 1)]


def changing(place: str, n: str, times: str) -> dict[str, list[float]]:
    """Add an article as ``citewise index FILE`` does, then remove it; seconds of each, and until a reader has seen it.

    A first time is not counted.
    """
    root = Path(place) / n
    index, file = root / "index", root / "new" / "new.txt"
    file.parent.mkdir(exist_ok=True)
    writer = synthetic.Writer(Real.load(Path(place)))
    embedder = embed.load(Settings().embedder)
    read(index)
    said: dict[str, list[float]] = {name: [] for name in ("add", "seen", "remove", "unseen")}
    with Store(index) as reader:
        vector = embedder.embed_questions(["Which article is new?"])[0]

        def see() -> None:
            reader.refresh()
            reader.near(vector, K)
            reader.matching("Which article is new?", K)

        see()
        for i in range(int(times) + 1):
            file.write_text(writer.article(10**6 + time.time_ns() % 10**6 + i).text, encoding="utf-8")
            steps: dict[str, Callable[[], object]] = {
                "add": lambda: ingest.index(file, index, embedder=embedder),
                "seen": see,
                "remove": lambda: ingest.remove(file.name, index),
                "unseen": see,
            }
            for name, step in steps.items():
                said[name].append(seconds(step))
    shutil.rmtree(file.parent)
    return {name: values[1:] for name, values in said.items()}


def damaged(place: str, n: str) -> dict[str, float]:
    """Open an index whose vectors.faiss is cut short, while somebody is writing to it, and ask it; leave it so."""
    index, embedder = Path(place) / n / "index", embed.load(Settings().embedder)
    path = folder.live(index) / "vectors.faiss"
    with path.open("r+b") as file:
        file.truncate(max(0, path.stat().st_size - _CUT))
    vector = embedder.embed_questions(["Where is what was lost?"])[0]
    with folder.writing(index):
        opened = seconds(lambda: Store(index).close())
        with Store(index) as store:
            if store.note is None:
                raise RuntimeError(f"{path} is damaged, and nothing says so")
            asked = [seconds(lambda: store.near(vector, K)) for _ in range(N_OPENED)]
    return {"open_s": opened, "ask_s": statistics.median(asked)}


def mending(place: str, n: str) -> dict[str, float]:
    """Make the base again that ``damaged`` left, as the next run of indexing does before all else."""
    index = Path(place) / n / "index"
    with folder.writing(index):
        generation = folder.live(index)
        truth = Truth(generation / folder.DATABASE, write=True)
        try:
            taken = seconds(partial(caches.flush, generation, truth, final=True))
        finally:
            truth.close()
    with Store(index) as store:
        if store.note is not None:
            raise RuntimeError(store.note)
    return {"seconds": taken}


if __name__ == "__main__":
    serve([opening, asking, recall, changing, damaged, mending])
