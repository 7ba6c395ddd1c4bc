"""Our side of the speed measurements; each task runs in a process of its own."""

from __future__ import annotations

import json
import statistics
import time
from pathlib import Path

import numpy as np

import rag
from benchmarks.process import serve
from ingest import sync
from ingest.split import embedded_text
from rag import embed
from rag.index import folder
from rag.index.truth import Truth
from rag.settings import Settings
from rag.store import Store

K = Settings().k
N_LOADS = 20


def store(articles: str, index: str) -> dict[str, float]:
    """Index a file of articles; the models are open before the clock starts."""
    embedder = embed.load(Settings().embedder)
    embedder.embed_passages(["The first call is slower."])
    summary = sync.index([Path(articles)], index, embedder, Settings().passage_tokens)
    return {"n": summary.passages, "seconds": summary.seconds}


def export(index: str, passages: str) -> dict[str, int]:
    """Write the passages of an index for the others: texts as they were embedded, and beside them vectors."""
    with Store(index) as opened:
        dim = opened.shape.dim
    truth = Truth(folder.live(Path(index)) / folder.DATABASE)
    ids, vectors = truth.vectors(dim)
    texts = {id: embedded_text(title, text) for id, title, text in truth.passage_texts()}
    truth.close()
    lines = [json.dumps({"id": id, "text": texts[id]}) for id in ids.tolist()]
    Path(passages).write_text("\n".join(lines), encoding="utf-8")
    np.save(f"{passages}.npy", vectors)
    return {"n": len(lines)}


def load(index: str) -> dict[str, float]:
    """Open an index, and find in it for the first time, as often as it takes for a median."""
    opening, finding = [], []
    for _ in range(N_LOADS):
        started = time.perf_counter()
        opened = Store(index)
        opening.append(time.perf_counter() - started)
        found = opened.near(_somewhere(opened.shape.dim), K)
        opened.passages([id for id, _ in found])
        finding.append(time.perf_counter() - started)
        opened.close()
    return {"open_ms": 1000 * statistics.median(opening), "find_ms": 1000 * statistics.median(finding)}


def ask(index: str, questions: str) -> dict[str, list[float]]:
    """Ask one question a line with everything warm; milliseconds of each."""
    asked = Path(questions).read_text(encoding="utf-8").splitlines()
    with rag.open(index) as pipeline:
        for question in asked[:5]:
            pipeline.ask(question)
        timings = [pipeline.ask(question).timings for question in asked]
    return {stage: [1000 * timing[stage] for timing in timings] for stage in ("retrieve", "total")}


def _somewhere(dim: int) -> np.ndarray[tuple[int], np.dtype[np.float32]]:
    vector = np.random.default_rng(0).normal(size=dim).astype(np.float32)
    return vector / np.linalg.norm(vector)


if __name__ == "__main__":
    serve([store, export, load, ask])
