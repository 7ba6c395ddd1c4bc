"""Lays out one made collection for all stores, and judges by exact search what they found in it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from benchmarks import synthetic
from benchmarks.given import Source, key
from benchmarks.process import serve
from benchmarks.stores import K
from benchmarks.synthetic import PER_ARTICLE, Made, Near, Real
from ingest.split import embedded_text
from rag import embed
from rag.settings import Settings

NEW = 10**6  # the first number of the articles that are added


def lay(place: str, folder: str, n: str, n_new: str, questions: str) -> dict[str, int]:
    """Fill a folder with ``n`` passages, ``n_new`` articles to add one by one, and questions as vectors."""
    here, real = Path(folder), Real.load(Path(place))
    writer, near = synthetic.Writer(real), Near(real)
    _passages(
        here / "passages", (writer.article(i) for i in range(int(n) // PER_ARTICLE)), near, range(int(n))
    )
    synthetic.write(real, here / "collection", int(n) // PER_ARTICLE)
    new = [writer.article(NEW + i) for i in range(int(n_new))]
    _passages(here / "new", new, near, range(int(n), int(n) + len(new) * PER_ARTICLE))
    (here / "new").mkdir(exist_ok=True)
    for article in new:
        path = here / "new" / f"{article.id}.jsonl"
        path.write_text(json.dumps(article.facts()), encoding="utf-8")
    asked = Path(questions).read_text(encoding="utf-8").splitlines()
    np.save(here / "questions.npy", embed.load(Settings().embedder).embed_questions(asked))
    (here / "embedder").write_text(real.embedder, encoding="utf-8")
    return {"questions": len(asked)}


def judge(name: str, folder: str) -> float:
    """Return the share of the nearest passages, by exact search, that the last ``ask`` found."""
    place = Path(folder)
    source, questions = Source(place / "passages.jsonl"), np.load(place / "questions.npy")
    best = np.argsort(-(questions @ source.vectors().T), axis=1)[:, :K]
    keys = np.array([key(row.text) for row in source.rows()])
    found = json.loads((place / f"{name}.json").read_text(encoding="utf-8"))
    shares = [len(set(keys[row].tolist()) & set(some)) / K for row, some in zip(best, found, strict=True)]
    return float(np.mean(shares))


def _passages(path: Path, articles: Iterable[Made], near: Near, ids: range) -> None:
    """Write the passages of articles under ``ids`` as they are embedded, one a line, and their vectors."""
    vectors = np.lib.format.open_memmap(
        path.with_suffix(".npy"), mode="w+", dtype=np.float32, shape=(len(ids), near.dim)
    )
    first = 0
    with path.with_suffix(".jsonl").open("w", encoding="utf-8") as file:
        for article in articles:
            texts = [embedded_text(article.title, text) for text in article.passages]
            vectors[first : first + len(texts)] = near.embed_passages(texts)
            file.writelines(_lines(article, texts, ids[first]))
            first += len(texts)
    vectors.flush()


def _lines(article: Made, texts: Sequence[str], first: int) -> Iterable[str]:
    for id, text in enumerate(texts, start=first):
        yield json.dumps({"id": id, "article": article.id, "text": text}) + "\n"


if __name__ == "__main__":
    serve([lay, judge])
