"""The collection and questions of SQuADShifts New Wikipedia: each context is an article."""

from __future__ import annotations

import json
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from benchmarks.origin import data

FILE = "qa/new_wiki.jsonl"


@dataclass(frozen=True, slots=True)
class Gold:
    """A question, the id of the article that answers it, and the answers that count as right."""

    question: str
    article: str
    answers: tuple[str, ...]


def questions(n: int | None = None) -> list[Gold]:
    """Return the first ``n`` questions, all unless given, in the order of the file."""
    return [
        Gold(row["question"], _id(row["context"]), tuple(answer["text"] for answer in row["answers"]))
        for row in _rows(n)
    ]


def write(path: Path, titled: bool, n: int | None = None) -> Path:
    """Write the distinct contexts of the first ``n`` questions as articles, one a line; return the file.

    ``titled`` gives each the title that the file has for it.
    """
    contexts = {row["context"]: row["title"].replace("_", " ") for row in _rows(n)}
    with path.open("w", encoding="utf-8") as file:
        for text, title in contexts.items():
            article = {"id": _id(text), "text": text} | ({"title": title} if titled else {})
            file.write(json.dumps(article) + "\n")
    return path


def key(article_id: str) -> str:
    """Return what ``Gold.article`` says, from an article's id in an index, which begins with its file."""
    return article_id.rpartition("#")[2]


def _id(context: str) -> str:
    return sha256(context.encode()).hexdigest()[:16]


def _rows(n: int | None) -> list[dict[str, Any]]:
    return [json.loads(line) for line in data(FILE).read_text(encoding="utf-8").splitlines()[:n]]
