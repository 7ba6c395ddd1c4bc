"""Lays out one set for all that find: its contexts as an index and as passages, and some of its questions."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import ingest
from benchmarks.given import Row
from benchmarks.process import serve
from ingest.split import embedded_text
from rag.domain import Hit, Passage
from rag.store import Store
from training.asked import context_id, contexts, short_id
from training.questions import Question, of_part

SEED = 0


def lay(data: str, file: str, folder: str, n: str, most: str) -> dict[str, int]:
    """Index the contexts of a file, write their passages as they are embedded, and ``n`` questions of the test part.

    All are answerable. ``most`` contexts are taken, those of the questions first; 0 takes all.
    """
    place = Path(folder)
    asked = sampled([one for one in of_part(Path(data), file, "test") if one.golds], int(n))
    homes = [context_id(one.context) for one in asked]
    articles = collection(Path(data), file, place / "articles.jsonl", homes, int(most))
    ingest.index(articles, place / "index")
    rows = write_passages(place / "index", place / "passages.jsonl")
    (place / "questions.json").write_text(json.dumps([one.question for one in asked]), encoding="utf-8")
    (place / "homes.json").write_text(json.dumps(homes), encoding="utf-8")
    return {"passages": len(rows), "articles": len({row.article for row in rows})}


def collection(data: Path, file: str, out: Path, homes: Sequence[str], most: int) -> Path:
    """Write the contexts of a file as articles, ``most`` of them, those of ``homes`` first; 0 writes all."""
    articles = contexts(data, file, out)
    if most:
        lines = articles.read_text(encoding="utf-8").splitlines(keepends=True)
        lines.sort(key=lambda line: json.loads(line)["id"] not in homes)
        articles.write_text("".join(lines[:most]), encoding="utf-8")
    return articles


def lay_articles(articles: str, folder: str) -> int:
    """Index articles and write their passages, for all that are asked of them; return how many passages there are."""
    place = Path(folder)
    ingest.index(articles, place / "index")
    return len(write_passages(place / "index", place / "passages.jsonl"))


def sampled(asked: Sequence[Question], n: int) -> list[Question]:
    """Return ``n`` of the questions, all where there are no more; the same ones each time."""
    return random.Random(SEED).sample(asked, min(n, len(asked)))


def write_passages(index: Path, out: Path) -> list[Row]:
    """Write the passages of an index, one a line, with the text that is embedded of each; return them."""
    rows = [
        Row(one.id, short_id(Hit(one, 0.0)), embedded_text(one.article.title, one.text))
        for one in all_passages(index)
    ]
    out.write_text("".join(json.dumps(row._asdict()) + "\n" for row in rows), encoding="utf-8")
    return rows


def all_passages(index: Path) -> list[Passage]:
    """Return the passages of an index, article by article."""
    with closing(Store(index)) as store:
        return [passage for article in store.articles() for passage in store.passages_of(article.id)]


if __name__ == "__main__":
    serve([lay, lay_articles])
