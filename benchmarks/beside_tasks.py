"""Builds, asks and changes one store: ``python -m benchmarks.beside_tasks TASK STORE FOLDER``.

The folder, which ``benchmarks.beside_files`` fills, holds passages.jsonl and their vectors, the articles that they are
of, articles to add, and questions as vectors.
"""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.given import Source, key
from benchmarks.process import serve
from benchmarks.stores import STORES

WARM = 5  # questions before the clock starts


def build(name: str, folder: str) -> dict[str, float]:
    """Store a collection, until a first question is answered; what is done later would be work put off."""
    place = Path(folder)
    store, question = STORES[name](place), np.load(place / "questions.npy")[0]
    started = time.perf_counter()
    store.build(Source(place / "passages.jsonl"))
    store.ask(question)
    seconds = time.perf_counter() - started
    kept = (place / name.lower()).rglob("*")
    return {"seconds": seconds, "mib": sum(path.stat().st_size for path in kept if path.is_file()) / 2**20}


def ask(name: str, folder: str) -> dict[str, Any]:
    """Open a store and ask it, milliseconds for each question; what was found is written beside it."""
    place = Path(folder)
    store, questions = STORES[name](place), np.load(place / "questions.npy")
    started = time.perf_counter()
    store.open()
    store.ask(questions[0])
    opened = time.perf_counter() - started
    for question in questions[:WARM]:
        store.ask(question)
    found, times = [], []
    for question in questions:
        started = time.perf_counter()
        texts = store.ask(question)
        times.append(1000 * (time.perf_counter() - started))
        found.append([key(text) for text in texts])
    (place / f"{name}.json").write_text(json.dumps(found), encoding="utf-8")
    return {"open_s": opened, "ms": times}


def change(name: str, folder: str) -> dict[str, list[float]]:
    """Add each new article, until a question finds it, and delete it, until none does; a first time is not counted."""
    place = Path(folder)
    store, source = STORES[name](place), Source(place / "new.jsonl")
    store.open()
    said: dict[str, list[float]] = {"add": [], "delete": []}
    for article in dict.fromkeys(row.article for row in source.rows()):
        rows, vectors = source.of(article)
        texts, vector = {row.text for row in rows}, vectors[0]
        started = time.perf_counter()
        store.add(source, article)
        _expect(not texts.isdisjoint(store.ask(vector)), f"{name} does not find {article}")
        said["add"].append(time.perf_counter() - started)
        try:
            started = time.perf_counter()
            store.delete(article)
            _expect(texts.isdisjoint(store.ask(vector)), f"{name} still finds {article}")
            said["delete"].append(time.perf_counter() - started)
        except NotImplementedError:
            continue
    return {task: values[1:] for task, values in said.items()}


def _expect(holds: bool, otherwise: str) -> None:
    if not holds:
        raise RuntimeError(otherwise)


if __name__ == "__main__":
    serve([build, ask, change])
