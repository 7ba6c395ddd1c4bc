"""An index, open for reading: articles.db is the truth, vectors.faiss and words/ are caches that may lag.

A reader looks at CURRENT and at the truth's version before each question, so that it sees every commit of
another process at its next question, without a restart.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from rag import caches, folder, vectors, words
from rag.domain import EVERYWHERE, Article, Passage, Vectors, Where
from rag.errors import ArticleMissing, IndexDamaged, IndexFault
from rag.truth import Truth

log = logging.getLogger("citewise")


@dataclass(frozen=True, slots=True)
class Shape:
    """The settings that shape an index; another embedder or passage size makes another index."""

    embedder: str
    dim: int
    passage_tokens: int

    @classmethod
    def of(cls, truth: Truth) -> Shape:
        """Return the shape that an index records of itself."""
        return cls(truth.meta("embedder"), int(truth.meta("dim")), int(truth.meta("passage_tokens")))

    def facts(self) -> dict[str, str]:
        """Return the shape as an index records it."""
        return {"embedder": self.embedder, "dim": str(self.dim), "passage_tokens": str(self.passage_tokens)}


@dataclass(frozen=True, slots=True)
class Status:
    """What an index holds. ``changes`` counts all so far; ``n_bytes`` is what it takes on disk."""

    path: str
    generation: str
    n_articles: int
    n_passages: int
    changes: int
    embedder: str
    passage_tokens: int
    n_bytes: int
    note: str | None


class Store:
    """An index open for reading. Threads may share it; ``close`` it, or use ``with``."""

    _truth: Truth
    _version: int

    def __init__(self, index: str | Path) -> None:
        """Open the live generation.

        Raises:
            IndexMissing, IndexStale, IndexDamaged: as their names say.
        """
        self.index = Path(index)
        self._lock = threading.RLock()
        self._open()

    def __enter__(self) -> Store:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of all files; twice is once."""
        self._truth.close()

    # -- finding ----------------------------------------------------------------------------------

    def refresh(self) -> None:
        """See all that is committed now, in the live generation of now."""
        with self._lock:
            if self._current != _mark(self.index):
                self._truth.close()
                self._open()
            elif self._version != (version := self._truth.version()):
                self._version = version
                self._catch_up()

    def near(self, vector: Vectors, k: int, where: Where = EVERYWHERE) -> list[tuple[int, float]]:
        """Return (passage id, cosine) of the ``k`` passages nearest to ``vector`` ``(dim,)``, best first."""
        state = self._near.state or self._near.catch_up(self._truth)
        return vectors.search(state.base, state.tail, state.dead, vector, k, self._truth.allowed(where))

    def matching(self, question: str, k: int, where: Where = EVERYWHERE) -> list[tuple[int, float]]:
        """Return (passage id, BM25 score) of the best ``k`` passages with words of ``question``."""
        allowed = self._truth.allowed(where)
        only = None if allowed is None else set(allowed.tolist())
        try:
            return self._match(words.terms(question), k, only)
        except IndexDamaged as error:
            self._distrust_words(error.message)
            return self._match(words.terms(question), k, only)

    def passages(self, ids: Sequence[int]) -> dict[int, Passage]:
        """Return id → passage; ids that are gone by now are left out."""
        return self._truth.passages(ids)

    def article(self, id: str) -> Article:
        """Return the article of this id.

        Raises:
            ArticleMissing: there is none.
        """
        article = self._truth.article(id)
        if article is None:
            raise ArticleMissing(
                f"{self.index} has no article {id!r}", "citewise search finds articles by words."
            )
        return article

    def articles(self) -> Iterator[Article]:
        """Yield all articles in the order of their arrival."""
        return (article for article, _, _ in self._truth.stored())

    @property
    def shape(self) -> Shape:
        """The settings that shaped this index."""
        return Shape.of(self._truth)

    @property
    def note(self) -> str | None:
        """What is wrong with the caches just now, and what is done instead."""
        faults = [fault for fault in (self._near.fault, self._words.fault) if fault]
        return f"{'; '.join(faults)}; answers come from articles.db alone" if faults else None

    def status(self) -> Status:
        """Return what the index holds now."""
        self.refresh()
        n_articles, n_passages = self._truth.counts()
        shape = self.shape
        return Status(
            path=str(self.index),
            generation=self._folder.name,
            n_articles=n_articles,
            n_passages=n_passages,
            changes=self._truth.seq(),
            embedder=shape.embedder,
            passage_tokens=shape.passage_tokens,
            n_bytes=sum(path.stat().st_size for path in self.index.rglob("*") if path.is_file()),
            note=self.note,
        )

    # -- inside -----------------------------------------------------------------------------------

    def _open(self) -> None:
        self._current = _mark(self.index)
        self._version = -1
        self._folder = folder.live(self.index)
        self._truth = Truth(self._folder / folder.DATABASE)
        self._version = self._truth.version()
        self._near = caches.Lagging(self._folder / caches.VECTORS, vectors.Base, self._vector_tail)
        self._words = caches.Lagging(self._folder / caches.WORDS, words.load, self._word_tail)
        self._catch_up()

    def _catch_up(self) -> None:
        self._near.catch_up(self._truth)
        self._words.catch_up(self._truth)
        lost = [fault for fault in (self._near.fault, self._words.fault) if fault]
        if lost and self._mend():
            log.warning("%s; made again from articles.db", "; ".join(lost))
        elif lost:
            log.warning("%s", self.note)

    def _mend(self) -> bool:
        """Make lost caches again, unless somebody is writing or we may not."""
        try:
            with folder.writing(self.index):
                for cache in (self._near, self._words):
                    if cache.fault:
                        caches.forget(cache.path)
                caches.flush(self._folder, self._truth, final=True)
        except (IndexFault, OSError):
            return False
        self._near.catch_up(self._truth)
        self._words.catch_up(self._truth)
        return self.note is None

    def _distrust_words(self, fault: str) -> None:
        with self._lock:
            self._words.distrust(fault)
            self._catch_up()

    def _match(self, asked: list[str], k: int, only: set[int] | None) -> list[tuple[int, float]]:
        state = self._words.state or self._words.catch_up(self._truth)
        parts = [part for part in (state.base, state.tail) if part is not None]
        hits = [hit for part in parts for hit in part.search(asked, k + len(state.dead), only)]
        living = [hit for hit in hits if hit[0] not in state.dead]
        return sorted(living, key=lambda hit: (-hit[1], hit[0]))[:k]

    def _vector_tail(self, above: int, old: vectors.Tail | None) -> vectors.Tail:
        tail = vectors.Tail(*self._truth.vectors(self.shape.dim, above))
        return old.and_also(tail) if old else tail

    def _word_tail(self, above: int, old: words.WordIndex | None) -> words.WordIndex | None:
        texts = list(self._truth.passage_texts(above))
        if old is None:
            return words.in_memory(texts) if texts else None
        if texts:
            old.add(texts)
        return old


def _mark(index: Path) -> object:
    try:
        about = (index / folder.CURRENT).stat()
    except OSError:
        return None
    return about.st_ino, about.st_mtime_ns
