"""Who said what: 40 questions of our own about real articles and shipped ones, half with another speaker nearby."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import ingest
import rag
from benchmarks.interval import score
from benchmarks.origin import HOME, data
from benchmarks.results import Score
from rag.domain import Answer
from rag.metrics import f1, holds
from training.asked import CORPORA

FILE = Path(__file__).parent / "questions" / "attribution.jsonl"
SHIPPED = HOME / "corpus" / "articles"
RIGHT_F1 = 0.5
Row = dict[str, Any]


def files() -> list[Path]:
    """Return the files that are asked and asked about."""
    return [FILE, *(data(f"corpora/{name}.jsonl") for name in CORPORA)]


def scores(folder: Path, quick: bool) -> Iterator[Score]:
    """Index everything as one collection, ask, and yield the share that is right."""
    rows = [json.loads(line) for line in FILE.read_text(encoding="utf-8").splitlines()]
    places = [SHIPPED, *(data(f"corpora/{name}.jsonl") for name in CORPORA)]
    if quick:
        rows, places = [row for row in rows if row["corpus"] == "shipped"], [SHIPPED]
    ingest.index(places, folder / "attribution")
    for what, precision in (("as shipped", None), ("never abstaining", 0.0)):
        with rag.open(folder / "attribution", precision=precision) as qa:
            right = [is_right(row, qa.ask(row["question"])) for row in rows]
        yield score(f"attributed rightly, {what}", right, 0.85 if precision is None else None)
        yield score(f"of these with a second speaker nearby, {what}", of_two(rows, right))


def is_right(row: Row, answer: Answer) -> bool:
    """Return whether an answer is right, or holds what is, and is quoted from an article that says so."""
    golds: Sequence[str] = row["answers"]
    home = any(citation.passage.article.id.endswith(tuple(row["articles"])) for citation in answer.citations)
    return home and (holds(answer.text, golds) or f1(answer.text, golds) >= RIGHT_F1)


def of_two(rows: Sequence[Row], right: Sequence[bool]) -> list[float]:
    """Return what was right of the questions that have a second speaker."""
    return [float(good) for row, good in zip(rows, right, strict=True) if row["second_speaker"]]
