"""Retrievers: Dense finds by meaning, Words by words, Fused adds up ranks, Distinct drops copies."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Protocol

from rag.domain import EVERYWHERE, Embedder, Hit, Passage, Retriever, Vectors, Where
from rag.index.twins import same

RANK_CONSTANT = 5  # chosen by the sweep in benchmarks/README.md, on the questions that it is judged by there
Scored = list[tuple[int, float]]
Trusted = Callable[[str, Hit], bool]


class Searchable(Protocol):
    """What these retrievers need of an index."""

    def near(self, vector: Vectors, k: int, where: Where) -> Scored:
        """Return (passage id, cosine), best first."""

    def matching(self, question: str, k: int, where: Where) -> Scored:
        """Return (passage id, BM25 score), best first."""

    def passages(self, ids: Sequence[int]) -> dict[int, Passage]:
        """Return those of ``ids`` that exist."""


class Dense:
    """Passages whose vectors are nearest to the question's; the score is the cosine."""

    def __init__(self, index: Searchable, embedder: Embedder) -> None:
        self._index, self._embedder = index, embedder

    def retrieve(self, question: str, k: int, where: Where = EVERYWHERE) -> list[Hit]:
        """Return at most ``k`` distinct passages, best first, ties by id."""
        vector = self._embedder.embed_questions([question])[0]
        return _hits(self._index, self._index.near(vector, k, where))


class Words:
    """Passages that share words with the question; the score is BM25's (Robertson and Zaragoza 2009)."""

    def __init__(self, index: Searchable) -> None:
        self._index = index

    def retrieve(self, question: str, k: int, where: Where = EVERYWHERE) -> list[Hit]:
        """Return at most ``k`` distinct passages, best first, ties by id."""
        return _hits(self._index, self._index.matching(question, k, where))


class Fused:
    """Reciprocal rank fusion (Cormack, Clarke and Büttcher 2009).

    The score is the sum over the parts of 1 / (RANK_CONSTANT + rank).
    """

    def __init__(self, parts: Mapping[str, Retriever], depth: int) -> None:
        """``depth`` passages of each part are considered; its name stands in the ranks of a hit."""
        self._parts, self._depth = dict(parts), depth

    def retrieve(self, question: str, k: int, where: Where = EVERYWHERE) -> list[Hit]:
        """Return at most ``k`` distinct passages, best first, ties by id."""
        passages: dict[int, Passage] = {}
        ranks: dict[int, dict[str, int]] = {}
        for name, part in self._parts.items():
            for rank, hit in enumerate(part.retrieve(question, max(k, self._depth), where), start=1):
                passages.setdefault(hit.passage.id, hit.passage)
                ranks.setdefault(hit.passage.id, {})[name] = rank
        return _best_first([_fused(passage, ranks[id]) for id, passage in passages.items()])[:k]


def closed_up(hits: Sequence[Hit], gone: Sequence[Hit]) -> list[Hit]:
    """Return fused hits with the ranks and scores that they would have without those ``gone``, best first.

    Hits of a retriever that does not fuse stay as they are.
    """
    if not gone or not all(hit.ranks for hit in hits):
        return list(hits)

    def without(name: str, rank: int) -> int:
        return rank - sum(hit.ranks.get(name, rank) < rank for hit in gone)

    return _best_first(
        [_fused(hit.passage, {name: without(name, n) for name, n in hit.ranks.items()}) for hit in hits]
    )


def _fused(passage: Passage, ranks: Mapping[str, int]) -> Hit:
    score = sum(1 / (RANK_CONSTANT + rank) for rank in ranks.values())
    return Hit(passage, score, MappingProxyType(ranks))


def _best_first(hits: Sequence[Hit]) -> list[Hit]:
    return sorted(hits, key=lambda hit: (-hit.score, hit.passage.id))


def _anything(_question: str, _hit: Hit) -> bool:
    return True


class Distinct:
    """Another retriever's passages, of near-identical articles the best one alone; its article names the others."""

    def __init__(self, inner: Retriever, trusted: Trusted = _anything) -> None:
        """A hit that is not ``trusted``, given the question, takes no other's place."""
        self._inner, self._trusted = inner, trusted

    def retrieve(self, question: str, k: int, where: Where = EVERYWHERE) -> list[Hit]:
        """Return at most ``k`` passages that say different things, best first, ties by id."""
        wanted = k
        while True:
            hits = self._inner.retrieve(question, wanted, where)
            kept = self._distinct(question, hits)
            if len(kept) >= k or len(hits) < wanted:
                return kept[:k]
            wanted += k - len(kept)

    def _distinct(self, question: str, hits: Sequence[Hit]) -> list[Hit]:
        kept: list[Hit] = []
        for hit in hits:
            copies = {copy.id for copy in hit.passage.article.copies}
            rivals = [other for other in kept if other.passage.article.id in copies] if copies else []
            if not any(_same(hit, other) and self._trusted(question, other) for other in rivals):
                kept.append(hit)
        return kept


def _same(one: Hit, other: Hit) -> bool:
    return same(other.passage.text, one.passage.text)


def _hits(index: Searchable, scored: Scored) -> list[Hit]:
    passages = index.passages([id for id, _ in scored])
    return [Hit(passages[id], score) for id, score in scored if id in passages]
