"""A made collection of any size: real sentences put together anew, under vectors that lie near real ones.

Words keep their real frequencies and vectors their real neighbours; what a passage says means nothing, and no encoder
runs. All of it follows from the numbers of the articles, so that it is the same each time.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from hashlib import blake2b
from pathlib import Path
from typing import Any

import numpy as np

from ingest.split import embedded_text
from rag.domain import Vectors
from rag.text import sentences

PER_ARTICLE = 10  # passages
PER_FILE = 100  # articles
LEAST_TOKENS = (
    90  # of a passage, and at most 37 more: each fits into 128 and two never do; 530 characters on average
)
N_SOURCES = 50  # the n-th has a share in proportion to 1/n, as words and outlets do: 22 % to 0.4 %
LARGE, SMALL = "outlet 01", f"outlet {N_SOURCES}"
_SENTENCE_TOKENS = (5, 38)
_DRAWN = LEAST_TOKENS // _SENTENCE_TOKENS[0]  # sentences that are enough for a passage
_KEEP = (0.65, 1.0)  # share of the first of the two real vectors that a made one lies between
_NOISE = 0.25  # length of what is added to it
_DAYS = (date(2010, 1, 1), 5_800)
_TOKEN = re.compile(r"\w+|[^\w\s]")
_WHOLE = re.compile(r"[A-Z0-9\"“][^\n]*[.!?][\"”]?\Z")


@dataclass(frozen=True, slots=True)
class Real:
    """What a collection is made of: vectors ``(n, dim)`` of real passages, and sentences from them.

    ``embedder`` names what the vectors are from.
    """

    embedder: str
    vectors: Vectors
    sentences: Sequence[str]

    def save(self, folder: Path) -> None:
        """Write it to a folder."""
        np.save(folder / "real.npy", self.vectors.astype(np.float16))
        facts = {"embedder": self.embedder, "sentences": list(self.sentences)}
        (folder / "real.json").write_text(json.dumps(facts), encoding="utf-8")

    @classmethod
    def load(cls, folder: Path) -> Real:
        """Return what was saved."""
        facts = json.loads((folder / "real.json").read_text(encoding="utf-8"))
        vectors = np.load(folder / "real.npy").astype(np.float32)
        return cls(facts["embedder"], vectors, facts["sentences"])


@dataclass(frozen=True, slots=True)
class Made:
    """A made article: its passages are the paragraphs of its text."""

    id: str
    title: str
    source: str
    date: str
    passages: Sequence[str]

    @property
    def text(self) -> str:
        """The text of the article."""
        return "\n\n".join(self.passages)

    def facts(self) -> dict[str, str]:
        """Return it as a line of JSONL has it."""
        return {name: getattr(self, name) for name in ("id", "title", "source", "date", "text")}


class Writer:
    """Makes articles of real sentences."""

    def __init__(self, real: Real) -> None:
        self._sentences = real.sentences
        self._tokens = np.array([len(token_spans(sentence)) for sentence in real.sentences])
        share = 1 / np.arange(1, N_SOURCES + 1)
        self._shares = np.cumsum(share / share.sum())

    def article(self, n: int) -> Made:
        """Return article number ``n``."""
        chance = np.random.default_rng((1, n))
        first, length = _DAYS
        title = " ".join(self._sentences[int(chance.integers(len(self._sentences)))].split()[:8])
        rank = min(int(np.searchsorted(self._shares, chance.random())) + 1, N_SOURCES)
        return Made(
            id=f"made-{n:07}",
            title=f"{title.rstrip('.,;:!? ')} ({n})",
            source=f"outlet {rank:02}",
            date=(first + timedelta(days=int(chance.integers(length)))).isoformat(),
            passages=[self._passage(chance) for _ in range(PER_ARTICLE)],
        )

    def _passage(self, chance: np.random.Generator) -> str:
        drawn = chance.integers(len(self._sentences), size=_DRAWN)
        n = int(np.searchsorted(np.cumsum(self._tokens[drawn]), LEAST_TOKENS)) + 1
        return " ".join(self._sentences[place] for place in drawn[:n].tolist())


class Near:
    """An embedder that gives each passage a vector near two real ones, which follows from its text.

    The vector is w·a + (1 - w)·b + noise, made a unit; what it tells apart and finds is no matter.
    """

    max_tokens = 256

    def __init__(self, real: Real) -> None:
        self.name, self.dim = real.embedder, real.vectors.shape[1]
        self._real = real.vectors

    def embed_passages(self, texts: Sequence[str]) -> Vectors:
        """Return ``(n, dim)`` unit rows in the order of ``texts``."""
        rows = np.empty((len(texts), self.dim), np.float32)
        for n, text in enumerate(texts):
            rows[n] = self._row(text)
        unit: Vectors = rows / np.linalg.norm(rows, axis=1, keepdims=True)
        return unit

    def embed_questions(self, texts: Sequence[str]) -> Vectors:
        """Return the same for questions."""
        return self.embed_passages(texts)

    def token_spans(self, text: str) -> list[tuple[int, int]]:
        """Return the spans of words and marks."""
        return token_spans(text)

    def _row(self, text: str) -> Vectors:
        seed = int.from_bytes(blake2b(text.encode(), digest_size=8).digest(), "little")
        chance = np.random.default_rng(seed)
        a, b = chance.integers(0, len(self._real), 2)
        keep = np.float32(chance.uniform(*_KEEP))
        noise = chance.standard_normal(self.dim, dtype=np.float32) * np.float32(_NOISE / self.dim**0.5)
        row: Vectors = keep * self._real[a] + (1 - keep) * self._real[b] + noise
        return row


def token_spans(text: str) -> list[tuple[int, int]]:
    """Return the spans of words and marks, which stand for tokens here."""
    return [match.span() for match in _TOKEN.finditer(text)]


def real_sentences(texts: Iterator[str]) -> list[str]:
    """Return the distinct sentences of ``texts`` that are whole, of a usual length, and stand on a line."""
    found = (text[start:end] for text in texts for start, end in sentences(text))
    low, high = _SENTENCE_TOKENS
    return list(dict.fromkeys(s for s in found if _WHOLE.match(s) and low <= len(token_spans(s)) <= high))


def write(real: Real, folder: Path, n_articles: int) -> list[Path]:
    """Write the first articles as JSONL, ``PER_FILE`` to a file, those that are not there yet; return the files."""
    writer = Writer(real)
    folder.mkdir(parents=True, exist_ok=True)
    files = []
    for first in range(0, n_articles, PER_FILE):
        n = min(PER_FILE, n_articles - first)
        path = folder / f"part-{first // PER_FILE:05}{'' if n == PER_FILE else f'-{n}'}.jsonl"
        if not path.exists():
            lines = [json.dumps(writer.article(first + i).facts()) for i in range(n)]
            (new := path.with_suffix(".new")).write_text("\n".join(lines), encoding="utf-8")
            new.replace(path)
        files.append(path)
    return files


def embedded(row: dict[str, Any]) -> list[str]:
    """Return what is embedded for the passages of an article that was read as a line of JSONL."""
    return [embedded_text(row["title"], text) for text in row["text"].split("\n\n")]
