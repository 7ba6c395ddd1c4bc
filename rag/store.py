"""An index, open for reading: articles.db is the truth, vectors.faiss and words/ are caches that may lag.

A reader looks at CURRENT and at the truth's version before each question, so that it sees every commit of
another process at its next question, without a restart.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from rag.domain import EVERYWHERE, Article, Passage, Vectors, Where
from rag.errors import ArticleMissing, IndexDamaged, IndexFault, IndexStale
from rag.index import caches, catalogue, folder
from rag.index.catalogue import Entry, Home, Sort
from rag.index.database import repairing
from rag.index.generation import Generation
from rag.index.truth import Truth
from rag.index.words import as_written, terms

log = logging.getLogger("citewise")
T = TypeVar("T")

N_WORDS = 12  # of a question, that are counted


@dataclass(frozen=True, slots=True)
class Shape:
    """The settings that shape an index; another embedder or passage size makes another index."""

    embedder: str
    dim: int
    passage_tokens: int

    @classmethod
    def of(cls, truth: Truth) -> Shape:
        """Return the shape that an index records of itself."""
        return cls(truth.meta("embedder"), truth.number("dim"), truth.number("passage_tokens"))

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

    def __init__(self, index: str | Path) -> None:
        """Open the live generation.

        Raises:
            IndexMissing, IndexStale, IndexDamaged: as their names say.
        """
        self.index = Path(index)
        self._lock = threading.RLock()
        self._before: Generation | None = None  # kept for threads that are still answering from it
        self._mark = _mark(self.index)
        self._now: Generation | None = self._opened()

    def __enter__(self) -> Store:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of all files; twice is once."""
        with self._lock:
            for generation in (self._before, self._now):
                if generation:
                    generation.truth.close()
            self._before = self._now = None

    # -- finding ----------------------------------------------------------------------------------

    def refresh(self) -> None:
        """See all that is committed now, in the live generation of now.

        Raises:
            IndexStale: that generation was made with another embedder than the one opened first.
        """
        with self._lock:
            now, mark = self._live, _mark(self.index)
            if mark != self._mark:
                fresh = self._opened()
                _check_embedder(self.index, now, fresh)
                if self._before:
                    self._before.truth.close()
                self._mark, self._before, self._now = mark, now, fresh
            elif now.version != now.truth.version():
                self._catch_up(now)

    def near(self, vector: Vectors, k: int, where: Where = EVERYWHERE) -> list[tuple[int, float]]:
        """Return (passage id, cosine) of the ``k`` passages nearest to ``vector`` ``(dim,)``, best first."""
        return self._live.search_near(vector, k, where)

    def matching(self, question: str, k: int, where: Where = EVERYWHERE) -> list[tuple[int, float]]:
        """Return (passage id, BM25 score) of the best ``k`` passages with words of ``question``."""
        asked = terms(question)
        return self._by_words(lambda now: now.search_words(asked, k, where))

    def spread(self, question: str) -> list[tuple[str, int]]:
        """Return the words of ``question`` that say what it is about, with the number of articles of each.

        They are as written there, in order, at most ``N_WORDS``; articles have them in any form.
        """
        words = as_written(question)[:N_WORDS]
        counts = self._by_words(lambda now: now.spread(stem for _, stem in words))
        return [(word, n) for (word, _), n in zip(words, counts, strict=True)]

    def passages(self, ids: Sequence[int]) -> dict[int, Passage]:
        """Return id → passage; ids that are gone by now are left out."""
        found, before = self._live.truth.passages(ids), self._before
        if before and len(found) < len(ids):
            # A thread found these just before another generation took over; ids are never used twice.
            found |= before.truth.passages([id for id in ids if id not in found])
        return found

    def article(self, id: str) -> Article:
        """Return the article of this id.

        Raises:
            ArticleMissing: there is none.
        """
        return self._known(id, self._live.truth.article)

    def passages_of(self, id: str) -> list[Passage]:
        """Return the passages of an article, in order; none where there is no article of this id."""
        return self._live.truth.passages_of(id)

    def articles(self) -> Iterator[Article]:
        """Yield all articles in the order of their arrival."""
        return (article for article, _, _ in self._live.truth.stored())

    # -- what there is, without the texts --------------------------------------------------------------

    def listed(
        self, words: str, where: Where, sort: Sort, descending: bool, first: int, n: int
    ) -> tuple[list[Entry], int]:
        """Return the articles that a filter and words of their titles, ids and sources leave; how many they are.

        At most ``n`` of them, from ``first`` on, which counts from 0; ties by id, the undated last.
        """
        return catalogue.listed(self._live.truth, words, where, sort, descending, first, n)

    def sources(self) -> list[tuple[str, int]]:
        """Return (source, number of articles), most first."""
        return catalogue.sources(self._live.truth)

    def months(self) -> list[tuple[str, str, int]]:
        """Return (month as 2017-02, source, number of articles) in order; undated ones have an empty month."""
        return catalogue.months(self._live.truth)

    def titles(self, limit: int) -> list[tuple[str, str]]:
        """Return (id, title) of the newest articles, newest first."""
        return catalogue.titles(self._live.truth, limit)

    def home(self, id: str) -> Home:
        """Return where an article came from.

        Raises:
            ArticleMissing: there is none of this id.
        """
        return self._known(id, lambda id: catalogue.home(self._live.truth, id))

    # -- about itself -----------------------------------------------------------------------------

    @property
    def shape(self) -> Shape:
        """The settings that shaped this index."""
        return Shape.of(self._live.truth)

    @property
    def note(self) -> str | None:
        """What is wrong with the caches just now, and what is done instead."""
        return _note(self._live)

    @property
    def n_articles(self) -> int:
        """How many articles this index holds, as of the last refresh or later."""
        return self._live.counts()[0]

    @property
    def changed_at(self) -> float:
        """When the last change was made, in seconds since 1970; 0 where that cannot be told."""
        return max(_changed(self._live.truth.path), _changed(Path(f"{self._live.truth.path}-wal")))

    def status(self) -> Status:
        """Return what the index holds now."""
        self.refresh()
        now, shape = self._live, self.shape
        n_articles, n_passages = now.counts()
        return Status(
            path=str(self.index),
            generation=now.path.name,
            n_articles=n_articles,
            n_passages=n_passages,
            changes=now.truth.seq(),
            embedder=shape.embedder,
            passage_tokens=shape.passage_tokens,
            n_bytes=_n_bytes(self.index),
            note=_note(now),
        )

    # -- inside -----------------------------------------------------------------------------------

    @property
    def _live(self) -> Generation:
        now = self._now
        if now is None:
            raise IndexFault(f"{self.index} was closed", "Open the index again.")
        return now

    def _known(self, id: str, look: Callable[[str], T | None]) -> T:
        found = look(id) if _is_storable(id) else None
        if found is None:
            raise ArticleMissing(
                f"{self.index} has no article {id!r}", "citewise search finds articles by words."
            )
        return found

    def _by_words(self, search: Callable[[Generation], T]) -> T:
        """Search words, after a mend if they turn out to be damaged."""
        now = self._live
        state = now.words.state
        try:
            return search(now)
        except IndexDamaged as error:
            with self._lock:
                if now.words.state is state:  # else another thread met this damage, and mended it
                    now.words.distrust(error.message)
                    self._catch_up(now)
            return search(now)

    def _opened(self) -> Generation:
        while True:
            mark = _mark(self.index)
            try:
                return self._opened_now()
            except IndexFault:  # another generation may have taken over, and this one gone
                if mark == _mark(self.index):
                    raise

    def _opened_now(self) -> Generation:
        generation = Generation(folder.live(self.index))
        try:
            self._catch_up(generation)
        except BaseException:
            generation.truth.close()
            raise
        return generation

    def _catch_up(self, generation: Generation) -> None:
        generation.catch_up()
        lost = generation.faults
        if lost and self._mend(generation):
            log.warning("%s; made again from articles.db", "; ".join(lost))
        elif lost:
            log.warning("%s", _note(generation))

    def _mend(self, generation: Generation) -> bool:
        """Make lost caches again, unless that takes long, somebody is writing, or we may not."""
        if generation.counts()[1] > caches.HELD:
            return False
        try:
            with folder.writing(self.index):
                generation.make_again()
        except (IndexFault, OSError):
            return False
        return not generation.faults


def _check_embedder(index: Path, now: Generation, fresh: Generation) -> None:
    was, made = Shape.of(now.truth).embedder, Shape.of(fresh.truth).embedder
    if was != made:
        fresh.truth.close()
        raise IndexStale(
            f"{index} was made again with {made}; this process still works with {was}", "Start it again."
        )


def _is_storable(text: str) -> bool:
    """Whether a text has no half of a character, which no id can have."""
    return text.encode(errors="ignore").decode() == text


def _note(generation: Generation) -> str | None:
    faults = generation.faults
    if not faults:
        return None
    mending = repairing(generation.path.parent)
    return f"{'; '.join(faults)}; answers come from articles.db alone, and slower: {mending} mends it"


def _n_bytes(index: Path) -> int:
    total = 0
    for path in index.rglob("*"):
        with suppress(OSError):  # a writer may have taken it away
            total += path.stat().st_size if path.is_file() else 0
    return total


def _changed(path: Path) -> float:
    try:
        about = path.stat()
    except OSError:
        return 0.0
    return about.st_mtime if about.st_size else 0.0


def _mark(index: Path) -> object:
    try:
        about = (index / folder.CURRENT).stat()
    except OSError:
        return None
    return about.st_ino, about.st_mtime_ns
