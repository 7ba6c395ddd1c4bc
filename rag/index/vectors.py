"""The vectors of an index, searched: an immutable base on disk, a tail in memory, ids that are gone.

A base is exact (flat) up to ``FLAT`` passages, and approximate beyond.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from pathlib import Path
from typing import Any, Protocol

import faiss
import numpy as np
from numpy.typing import NDArray

from rag.domain import Vectors
from rag.errors import IndexDamaged
from rag.index import approximate, vector_file
from rag.index.truth import Ids, Reach
from rag.index.vector_file import Stamp, check_sum, read_stamp

__all__ = ["FLAT", "Base", "Scan", "Stamp", "Tail", "check_sum", "grow", "read_stamp", "search", "write"]

FLAT = 50_000  # passages that an exact base holds at most: it is read whole at each question, some 6 ms
_SPARE = 64  # hits beyond those asked for: dead ones are dropped and ties are put in order
_DECIMALS = 6  # of a cosine; float32 sums taken in another order differ in the seventh

Found = tuple[Ids, NDArray[np.float32]]
Blocks = Iterable[tuple[Ids, Vectors]]
Exact = Callable[[Ids], tuple[Ids, Vectors]]
"""Those of some ids that there are, and their vectors."""


class Base:
    """An open vectors.faiss; ``exact`` gives the vectors that an approximate one has only in outline."""

    def __init__(self, path: Path, exact: Exact | None = None) -> None:
        self.stamp, self._index = vector_file.open_index(path)
        self.reach = self.stamp.reach
        self._exact = exact
        self._held = self.ids() if self.stamp.kind == "flat" else np.empty(0, np.int64)
        self._order = np.argsort(self._held)

    def search(self, vector: Vectors, k: int, allowed: Ids | None) -> Found:
        """Return ids and cosines, best first, ties by id, of at most ``k`` of the ``allowed`` (None: all)."""
        if not self.stamp.n or k < 1 or (allowed is not None and not len(allowed)):
            return np.empty(0, np.int64), np.empty(0, np.float32)
        faiss.omp_set_num_threads(1)  # in this thread; several wait for one another, longer than they search
        if self.stamp.kind == "flat":
            return self._search_flat(vector, k, allowed)
        return self._search_outlines(vector, k, allowed)

    def _search_flat(self, vector: Vectors, k: int, allowed: Ids | None) -> Found:
        chosen = None if allowed is None else faiss.IDSelectorBatch(allowed)
        options: Any = None if chosen is None else faiss.SearchParameters(sel=chosen)  # type: ignore[call-arg]
        wanted = k + _SPARE
        while True:
            fetched = min(wanted, self.stamp.n)
            _, ids = self._index.search(vector[None, :], fetched, params=options)
            best = self._ranked_anew(ids[0][ids[0] >= 0], vector)
            if fetched == self.stamp.n or len(best[0]) < fetched or best[1][k - 1] > best[1][-1]:
                return best[0][:k], best[1][:k]
            wanted *= 4  # the last ones fetched tie with the k-th: there may be more of them, with lower ids

    def _search_outlines(self, vector: Vectors, k: int, allowed: Ids | None) -> Found:
        if self._exact is None:
            raise ValueError("an approximate base was opened without the exact vectors")
        within = None if allowed is None else allowed[allowed <= self.reach.last_id]
        ids, rows = self._exact(approximate.candidates(self._index, vector, k, within))
        best = _ranked(ids, _cosines(rows, vector))
        return best[0][:k], best[1][:k]

    def _ranked_anew(self, ids: Ids, vector: Vectors) -> Found:
        """Rank by cosines that are summed as everywhere else, so that equal vectors tie wherever they lie."""
        places = self._order[np.searchsorted(self._held, ids, sorter=self._order)]
        return _ranked(ids, _cosines(self._index.index.reconstruct_batch(places), vector))

    def ids(self) -> Ids:
        """Return all ids ``(n,)`` held, for checking against the truth."""
        if not self.stamp.n:
            return np.empty(0, np.int64)
        if self.stamp.kind == "flat":
            return faiss.vector_to_array(self._index.id_map)
        return approximate.ids(self._index)

    def rows(self) -> tuple[Ids, Vectors]:
        """Return all ids ``(n,)`` and vectors ``(n, dim)`` of an exact base, for checking against the truth."""
        if not self.stamp.n:
            return np.empty(0, np.int64), np.empty((0, self.stamp.dim), np.float32)
        ids = faiss.vector_to_array(self._index.id_map)
        return ids, self._index.index.reconstruct_n(0, self.stamp.n)


class Tail:
    """Vectors that no base holds yet, compared one by one."""

    def __init__(self, ids: Ids, vectors: Vectors) -> None:
        self.ids = ids
        self.vectors = vectors

    def __len__(self) -> int:
        return len(self.ids)

    def and_also(self, other: Tail) -> Tail:
        """Return this tail and, after it, the other."""
        return Tail(np.concatenate([self.ids, other.ids]), np.concatenate([self.vectors, other.vectors]))

    def search(self, vector: Vectors, k: int, allowed: Ids | None) -> Found:
        """Return ids and cosines, best first, ties by id, of at most ``k`` of the ``allowed`` (None: all)."""
        among = slice(None) if allowed is None else np.flatnonzero(np.isin(self.ids, allowed))
        ids, rows = self.ids[among], self.vectors[among]
        near = _first(rows @ vector, k)
        ids, scores = _ranked(ids[near], _cosines(rows[near], vector))
        return ids[:k], scores[:k]


class Scan:
    """Vectors that no base holds, too many for the memory: read anew at each search, a block at a time."""

    def __init__(self, blocks: Callable[[], Iterator[tuple[Ids, Vectors]]]) -> None:
        self._blocks = blocks

    def search(self, vector: Vectors, k: int, allowed: Ids | None) -> Found:
        """Return ids and cosines, best first, ties by id, of at most ``k`` of the ``allowed`` (None: all)."""
        ids, scores = np.empty(0, np.int64), np.empty(0, np.float32)
        for some, rows in self._blocks():
            more, their = Tail(some, rows).search(vector, k, allowed)
            ids, scores = _ranked(np.concatenate([ids, more]), np.concatenate([scores, their]))
            ids, scores = ids[:k], scores[:k]
        return ids, scores


class Searched(Protocol):
    """What is searched beside a base."""

    def search(self, vector: Vectors, k: int, allowed: Ids | None) -> Found:
        """Return ids and cosines, best first, ties by id, of at most ``k`` of the ``allowed`` (None: all)."""


def search(
    base: Base | None, tail: Searched, dead: Collection[int], vector: Vectors, k: int, allowed: Ids | None
) -> list[tuple[int, float]]:
    """Return (id, cosine) of the nearest ``k`` living passages, best first, ties by id."""
    found = list(zip(*(part.tolist() for part in tail.search(vector, k + len(dead), allowed)), strict=True))
    if base is not None:
        wanted = k + min(_SPARE, len(dead))
        hits = _living(base.search(vector, wanted, allowed), dead)
        if len(hits) < k and len(dead) > _SPARE:
            hits = _living(base.search(vector, k + len(dead), allowed), dead)
        found.extend(hits)
    living = [(id, score) for id, score in found if id not in dead]
    return sorted(living, key=lambda hit: (-hit[1], hit[0]))[:k]


def _first(scores: NDArray[np.float32], k: int) -> NDArray[np.intp]:
    """Return the places of the ``k`` best and of all that may tie with the last of them."""
    if len(scores) <= k or k < 1:
        return np.arange(len(scores))
    least = np.partition(scores, len(scores) - k)[len(scores) - k]
    return np.flatnonzero(scores >= least - 10.0**-_DECIMALS)


def _cosines(rows: Vectors, vector: Vectors) -> NDArray[np.float32]:
    """Return each row's own sum, which does not depend on the other rows as a matrix product's may."""
    sums: NDArray[np.float32] = (rows.astype(np.float64) * vector).sum(axis=1).astype(np.float32)
    return sums


def _ranked(ids: Ids, scores: NDArray[np.float32]) -> Found:
    scores = np.round(scores, _DECIMALS)
    best = np.lexsort((ids, -scores))
    return ids[best], scores[best]


def _living(found: Found, dead: Collection[int]) -> list[tuple[int, float]]:
    ids, scores = found
    return [(id, score) for id, score in zip(ids.tolist(), scores.tolist(), strict=True) if id not in dead]


def write(path: Path, reach: Reach, ids: Ids, rows: Vectors) -> None:
    """Write an exact base that holds these rows, float16 as in the truth, in the place of the old one."""
    flat = faiss.IndexScalarQuantizer(
        rows.shape[1], faiss.ScalarQuantizer.QT_fp16, faiss.METRIC_INNER_PRODUCT
    )
    index: Any = faiss.IndexIDMap2(flat)
    if len(ids):
        index.add_with_ids(rows, ids)
    vector_file.write(path, reach, "flat", index)


def grow(
    path: Path, reach: Reach, n: int, blocks: Callable[[int], Blocks], dead: Callable[[int], Collection[int]]
) -> None:
    """Write an approximate base of ``n`` vectors, in the place of the old one, and from it where that is possible.

    ``blocks`` has the vectors with ids above one, ``dead`` the ids that went after a change.
    """
    old = _outlines(path, n)
    if old is None:
        vector_file.write(path, reach, "ivfpq", approximate.made(blocks, n), trained=n)
        return
    stamp, index = old
    approximate.change(index, dead(stamp.reach.seq), blocks(stamp.reach.last_id))
    vector_file.write(path, reach, "ivfpq", index, stamp.trained)


def _outlines(path: Path, n: int) -> tuple[Stamp, Any] | None:
    """Return the approximate base that is there, unless it was trained on far fewer vectors, or is none."""
    try:
        if read_stamp(path).kind == "flat":
            return None
        stamp, index = vector_file.open_index(path)
    except IndexDamaged:
        return None
    return (stamp, index) if n <= approximate.OUTGROWN * stamp.trained else None
