"""One generation of an index, open for reading: its truth, and what is found through its caches."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from rag.domain import Vectors, Where
from rag.index import caches, folder, vectors, words
from rag.index.truth import Ids, Truth
from rag.index.word_tail import FEW, WordTail

Scored = list[tuple[int, float]]
_Words = words.WordIndex | WordTail
_FILTERS = 8  # whose passages are remembered


class Generation:
    """A generation open for reading: its truth, and views of its caches."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.truth = Truth(path / folder.DATABASE)
        self.version = self.truth.version()
        self.near = caches.Lagging(path / caches.VECTORS, self._vector_base, self._vector_tail)
        self.words = caches.Lagging(path / caches.WORDS, words.load, self._word_tail)
        self._counted: tuple[int, int] | None = None
        self._admitted: tuple[object, dict[Where, Ids | None]] = None, {}

    @property
    def faults(self) -> list[str]:
        """What keeps the caches from serving just now."""
        return [fault for fault in (self.near.fault, self.words.fault) if fault]

    def catch_up(self) -> None:
        """See all that is committed now."""
        version = self.truth.version()
        self.near.catch_up(self.truth)
        self.words.catch_up(self.truth)
        self.version, self._counted = version, None

    def make_again(self) -> None:
        """Write lost caches anew; the holder of the writer lock alone may."""
        for cache in (self.near, self.words):
            if cache.fault:
                caches.forget(cache.path)
        caches.flush(self.path, self.truth, final=True)
        self.catch_up()

    def search_near(self, vector: Vectors, k: int, where: Where) -> Scored:
        """Return (passage id, cosine) of the ``k`` passages nearest to ``vector`` ``(dim,)``, best first."""
        state = self.near.state or self.near.catch_up(self.truth)
        return vectors.search(state.base, state.tail, state.dead, vector, k, self._allowed(where))

    def search_words(self, asked: list[str], k: int, where: Where) -> Scored:
        """Return (passage id, BM25 score) of the best ``k`` passages with any of the words ``asked``."""
        state = self.words.state or self.words.catch_up(self.truth)
        allowed = self._allowed(where)
        only = None if allowed is None else set(allowed.tolist())
        parts = [part for part in (state.base, state.tail) if part is not None]
        hits = [hit for part in parts for hit in part.search(asked, k + len(state.dead), only)]
        living = [hit for hit in hits if hit[0] not in state.dead]
        return sorted(living, key=lambda hit: (-hit[1], hit[0]))[:k]

    def spread(self, stems: Iterable[str]) -> list[int]:
        """Return for each stemmed word how many articles have it; of a frequent one, about how many."""
        return [self._n_articles_with(stem) for stem in stems]

    def _n_articles_with(self, stem: str) -> int:
        state = self.words.state or self.words.catch_up(self.truth)
        held = [part.holders(stem) for part in (state.base, state.tail) if part is not None]
        named, n_passages = [id for ids, _ in held for id in ids], sum(n for _, n in held)
        n_articles = self.truth.n_articles_of([id for id in named if id not in state.dead])
        return round(n_articles * n_passages / len(named)) if len(named) < n_passages else n_articles

    def counts(self) -> tuple[int, int]:
        """Return (articles, passages) as of the last catching up."""
        if self._counted is None:
            self._counted = self.truth.counts()
        return self._counted

    def _allowed(self, where: Where) -> Ids | None:
        """Return the ids that a filter admits, kept until something changes: both searches of a question ask."""
        version, kept = self._admitted
        if version != self.version:
            kept = {}
            self._admitted = self.version, kept
        if where not in kept:
            while len(kept) >= _FILTERS:
                kept.pop(next(iter(kept)), None)
            kept[where] = self.truth.allowed(where)
        return kept[where]

    def _vector_base(self, path: Path, _: vectors.Base | None) -> vectors.Base:
        return vectors.Base(path, lambda ids: self.truth.vectors_of(self.truth.number("dim"), ids))

    def _vector_tail(
        self, above: int, old: vectors.Tail | vectors.Scan | None
    ) -> vectors.Tail | vectors.Scan:
        if isinstance(old, vectors.Scan):
            return old
        if self._is_too_much(above):
            return vectors.Scan(lambda: self.truth.vector_blocks(self.truth.number("dim"), above))
        tail = vectors.Tail(*self.truth.vectors(self.truth.number("dim"), above))
        return old.and_also(tail) if old else tail

    def _word_tail(self, above: int, old: _Words | None) -> _Words | None:
        if self._is_too_much(above):
            return old
        texts = list(self.truth.passage_texts(above))
        if isinstance(old, words.WordIndex):
            if texts:
                old.add(texts)
            return old
        tail = (old or WordTail()).and_also(texts)
        return tail if len(tail) <= FEW else words.in_memory(tail.texts())

    def _is_too_much(self, above: int) -> bool:
        return self.truth.reach().last_id - above > caches.HELD
