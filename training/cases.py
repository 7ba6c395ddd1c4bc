"""Questions asked of collections twice, with and without what answers them, each with its candidates and gold."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import TypeVar

import numpy as np

import ingest
from rag.candidates import Candidate, Matrix, candidates, weighed
from rag.domain import Embedder, Hit, Retriever, Vectors
from rag.embed import MiniLM
from rag.excerpts import said
from rag.reader import Extractive
from rag.settings import Settings
from rag.wants import Kind, want
from training.asked import Asked, context_id, contexts, of_corpora, searching, short_id
from training.calibrate import Mask, unfitted
from training.questions import Part, Question, of_part

# The other files ask about "the reviewer" or "the poster", whom a collection has by the hundred.
FILES = ("new_wiki", "squad2_half", "qed", "fairytaleqa")
N = 200  # questions of a file, drawn by their hash: each takes half a second
SPARE = 24  # hits to replace those of the context that is taken away

One = TypeVar("One", Question, Asked)
Gold = tuple[str, Callable[[Hit], bool], Callable[[Candidate], bool]]
"""The group of a question, whether a hit is from what answers it, and whether a sentence holds its answer."""


@dataclass(frozen=True, slots=True)
class Case:
    """A question as it was asked once: its candidates, their signals, and which of them hold a gold answer.

    ``answerable`` says whether what answers it was there; equal ``group`` means equal fold.
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


def wanting(data: Path, file: str, part: Part) -> list[Question]:
    """Return at most N questions of a part of a file that want sentences and have an answer."""
    found = (one for one in of_part(data, file, part) if one.golds and want(one.question).form == "sentences")
    return sorted(found, key=lambda one: sha256(one.id.encode()).digest())[:N]


def of_context(question: Question) -> Gold:
    """Return what is gold for a question of FILES."""

    def home(hit: Hit) -> bool:
        return short_id(hit) == context_id(question.context)

    def holds(candidate: Candidate) -> bool:
        text = candidate.passage.article.text
        inside = any(
            candidate.start <= start and end <= candidate.end and text[start:end] == answer
            for (start, end), answer in zip(question.golds, question.answers, strict=True)
        )
        return inside and home(Hit(candidate.passage, 0.0))

    return question.title or question.context, home, holds


# ---- Our own questions, of whole collections


def of_articles(asked: Asked) -> Gold:
    """Return what is gold for a question of the corpora."""
    answers = [" ".join(answer.split()).lower() for answer in asked.answers]

    def home(hit: Hit) -> bool:
        return short_id(hit) in asked.homes

    def holds(candidate: Candidate) -> bool:
        text = candidate.text.lower()
        return home(Hit(candidate.passage, 0.0)) and any(answer in text for answer in answers)

    return asked.id, home, holds


# ---- Cases


def cases(
    retriever: Retriever,
    reader: Extractive,
    embedder: Embedder,
    asked: Sequence[One],
    gold: Callable[[One], Gold],
) -> Iterator[Case]:
    """Yield a case for each question as it is, if it has an answer, and one with what answers it taken away."""
    k = Settings().k
    for one in asked:
        group, home, holds = gold(one)
        hits = retriever.retrieve(one.question, k + SPARE)
        without = [hit for hit in hits if not home(hit)][:k]
        with_it = hits[:k] if one.answers else []
        spans = reader.spans(one.question, list({hit.passage.id: hit for hit in with_it + without}.values()))
        for answerable, kept in ((True, with_it), (False, without)):
            if found := said(one.question, candidates(kept)):
                kind = want(one.question).kind
                signals = weighed(one.question, kind, found, spans, embedder)
                holding = np.array([answerable and holds(candidate) for candidate in found])
                yield Case(group, kind, answerable, found, signals, holding)


def collected(data: Path, folder: Path, size: str) -> tuple[list[Case], list[Case], list[Case]]:
    """Index everything into ``folder`` and ask; return the cases of FILES, dev parts and test parts, and our own."""
    reader, embedder = unfitted(size), Kept(MiniLM())
    parts = dict[Part, list[Case]]({"dev": [], "test": []})
    for file in FILES:
        ingest.index(contexts(data, file, folder / f"{file}.jsonl"), folder / file)
        with searching(folder / file) as retriever:
            for part, found in parts.items():
                found += cases(retriever, reader, embedder, wanting(data, file, part), of_context)
    own = of_corpora(data, folder / "corpora")
    with searching(folder / "corpora") as retriever:
        return parts["dev"], parts["test"], list(cases(retriever, reader, embedder, own, of_articles))
