"""Fakes that can be worked out by eye: letters for vectors, a list for a retriever, the first sentence for a reader."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np

from rag.domain import EVERYWHERE, Answer, Article, Citation, Exchange, Hit, Passage, Steps, Vectors, Where
from rag.text import sentences


class LetterEmbedder:
    """Counts letters a to z; equal texts have equal vectors, and a token is a run of non-space."""

    name = "letters"
    dim = 26
    max_tokens = 256

    def __init__(self) -> None:
        self.embedded: list[str] = []

    def embed_passages(self, texts: Sequence[str]) -> Vectors:
        self.embedded.extend(texts)
        return self.embed_questions(texts)

    def embed_questions(self, texts: Sequence[str]) -> Vectors:
        counts = np.zeros((len(texts), self.dim), dtype=np.float32)
        for row, text in enumerate(texts):
            for letter in text.lower():
                if "a" <= letter <= "z":
                    counts[row, ord(letter) - ord("a")] += 1
        counts[:, 0] += 1e-3
        unit: Vectors = counts / np.linalg.norm(counts, axis=1, keepdims=True)
        return unit

    def token_spans(self, text: str) -> list[tuple[int, int]]:
        return [match.span() for match in re.finditer(r"\S+", text)]


class FixedRetriever:
    """Returns the first k of the hits that it was given."""

    def __init__(self, hits: Sequence[Hit]) -> None:
        self.hits = list(hits)

    def retrieve(self, question: str, k: int, where: Where = EVERYWHERE) -> list[Hit]:
        return self.hits[:k]


class AtOnce:
    """A reader whose answer comes in one step."""

    def read(self, question: str, hits: Sequence[Hit]) -> Answer:
        raise NotImplementedError

    def stream(self, question: str, hits: Sequence[Hit]) -> Steps:
        yield self.read(question, hits)


class FirstSentence(AtOnce):
    """Answers with the first sentence of the first hit."""

    name = "first-sentence"

    def read(self, question: str, hits: Sequence[Hit]) -> Answer:
        if not hits:
            return Answer(question, reason="nothing was retrieved")
        passage = hits[0].passage
        start, end = sentences(passage.text)[0]
        citation = Citation(1, passage, passage.start + start, passage.start + end)
        return Answer(question, citation.quote, (citation,), 1.0, tuple(hits), mode="quote")


class AsItIs:
    """Leaves every question as it is."""

    def rewrite(self, turns: Sequence[Exchange], question: str) -> str:
        return question


def article(text: str, id: str = "a.txt", title: str = "") -> Article:
    return Article(id, title or id, text)


def passage(text: str, id: int = 1, title: str = "") -> Passage:
    """A passage that is the whole of an article of its own."""
    return Passage(id, article(text, f"{id}.txt", title), 0, len(text))
