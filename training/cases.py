"""Questions asked of collections twice, with and without what answers them, each with its candidates and gold."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np

import ingest
import rag
from rag.candidates import Candidate, Matrix, candidates, weighed
from rag.domain import Embedder, Hit, Vectors
from rag.embed import MiniLM
from rag.pipeline import Pipeline
from rag.reader import Extractive
from rag.text import normalise
from rag.wants import Kind, want
from training.calibrate import CORPORA, QUESTIONS, Mask, short_id

# The other files ask about "the reviewer" or "the poster", whom a collection has by the hundred.
FILES = ("new_wiki", "squad2_half", "qed", "fairytaleqa")
N = 200  # questions of a file, drawn by their hash: each takes half a second
SPARE = 24  # hits to replace those of the context that is taken away

Row = dict[str, Any]
Gold = tuple[str, Callable[[Hit], bool], Callable[[Candidate], bool]]
"""The group of a question, whether a hit is from what answers it, and whether a sentence holds its answer."""


@dataclass(frozen=True, slots=True)
class Case:
    """A question as it was asked once: its candidates, their signals, and which of them hold a gold answer.

    ``answerable`` says whether what answers it was there; equal ``group`` means equal part.
    """

    group: str
    kind: Kind
    answerable: bool
    found: Sequence[Candidate]
    rows: Matrix
    gold: Mask


class Kept:
    """Another embedder's vectors, each made once."""

    def __init__(self, embedder: MiniLM) -> None:
        self.name, self.dim, self.max_tokens = embedder.name, embedder.dim, embedder.max_tokens
        self.token_spans = embedder.token_spans
        self._embedder, self._made = embedder, dict[str, Vectors]()

    def embed_passages(self, texts: Sequence[str]) -> Vectors:
        """Return ``(n, dim)`` unit rows in the order of ``texts``."""
        new = [text for text in dict.fromkeys(texts) if text not in self._made]
        self._made.update(zip(new, self._embedder.embed_passages(new), strict=True))
        return np.array([self._made[text] for text in texts]).reshape(len(texts), self.dim)

    embed_questions = embed_passages


# ---- Questions of the files, each about one context


def asked(data: Path, file: str) -> list[Row]:
    """Return N questions of a file that want sentences and have an answer."""
    rows = [json.loads(line) for line in (data / f"qa/{file}.jsonl").read_text(encoding="utf-8").splitlines()]
    rows = [row for row in rows if row["answers"] and want(row["question"]).form == "sentences"]
    rows = [
        row for row in rows if normalise(row["context"]) == row["context"]
    ]  # its offsets hold in the index
    return sorted(rows, key=lambda row: sha256(row["id"].encode()).digest())[:N]


def contexts(data: Path, file: str, out: Path) -> Path:
    """Write the distinct contexts of a file as articles, one a line, into ``out``; return it."""
    rows = [json.loads(line) for line in (data / f"qa/{file}.jsonl").read_text(encoding="utf-8").splitlines()]
    with out.open("w", encoding="utf-8") as lines:
        for context, title in {row["context"]: row["title"] for row in rows}.items():
            article = {"id": context_id(context), "text": context}
            titled = {"title": title.replace("_", " ")} if title else {}
            lines.write(json.dumps(article | titled) + "\n")
    return out


def of_context(row: Row) -> Gold:
    """Return what is gold for a question of FILES."""
    spans = [(gold["start"], gold["start"] + len(gold["text"]), gold["text"]) for gold in row["answers"]]

    def home(hit: Hit) -> bool:
        return short_id(hit) == context_id(row["context"])

    def holds(candidate: Candidate) -> bool:
        text = candidate.passage.article.text
        inside = any(
            candidate.start <= start and end <= candidate.end and text[start:end] == answer
            for start, end, answer in spans
        )
        return inside and home(Hit(candidate.passage, 0.0))

    return row["title"] or row["context"], home, holds


def context_id(context: str) -> str:
    """Return the id that a context has as an article; the text alone may lose white space at its ends."""
    return sha256(context.encode()).hexdigest()[:16]


# ---- Our own questions, of whole collections


def of_articles(row: Row) -> Gold:
    """Return what is gold for a question of QUESTIONS."""
    answers = [" ".join(answer.split()).lower() for answer in row["answers"]]

    def home(hit: Hit) -> bool:
        return short_id(hit) in row["articles"]

    def holds(candidate: Candidate) -> bool:
        text = candidate.text.lower()
        return home(Hit(candidate.passage, 0.0)) and any(answer in text for answer in answers)

    return row["id"], home, holds


# ---- Cases


def cases(
    qa: Pipeline,
    embedder: Embedder,
    rows: Sequence[Row],
    gold: Callable[[Row], Gold],
) -> Iterator[Case]:
    """Yield a case for each question as it is, if it has an answer, and one with what answers it taken away."""
    reader = Extractive.shipped(0.0)
    for row in rows:
        question = row["question"]
        group, home, holds = gold(row)
        hits = qa.search(question, k=qa.k + SPARE)
        without = [hit for hit in hits if not home(hit)][: qa.k]
        with_it = hits[: qa.k] if row["answers"] else []
        spans = reader.spans(question, list({hit.passage.id: hit for hit in with_it + without}.values()))
        for answerable, kept in ((True, with_it), (False, without)):
            if found := candidates(kept):
                kind = want(question).kind
                signals = weighed(question, kind, found, spans, embedder)
                holding = np.array([answerable and holds(candidate) for candidate in found])
                yield Case(group, kind, answerable, found, signals, holding)


def fits(case: Case) -> bool:
    """Return whether a case is of the half that fits."""
    return sha256(case.group.encode()).digest()[0] < 128


def collected(data: Path, folder: Path) -> tuple[list[Case], list[Case]]:
    """Index everything into ``folder`` and ask; return the cases of FILES, and those of QUESTIONS."""
    embedder, of_files = Kept(MiniLM()), list[Case]()
    for file in FILES:
        ingest.index(contexts(data, file, folder / f"{file}.jsonl"), folder / f"ix_{file}")
        with rag.open(folder / f"ix_{file}") as qa:
            of_files += cases(qa, embedder, asked(data, file), of_context)
    ingest.index([data / f"corpora/{name}.jsonl" for name in CORPORA], folder / "ix_corpora")
    own = [json.loads(line) for line in QUESTIONS.read_text(encoding="utf-8").splitlines()]
    with rag.open(folder / "ix_corpora") as qa:
        return of_files, list(cases(qa, embedder, own, of_articles))
