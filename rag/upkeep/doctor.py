"""The check-up of an index: every promise that it makes, one by one, in memory that hardly grows with it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import TypeVar

import numpy as np

from rag import embed, reader
from rag.encoder import verify
from rag.errors import IndexDamaged, ModelMissing
from rag.index import caches, folder, vectors, words
from rag.index.database import one_line
from rag.index.truth import Ids, Truth
from rag.upkeep import checks

T = TypeVar("T")

_BLOCK = 50_000  # ids of passages that are compared at a time
_TRIED = 200  # passages that an approximate base is asked for by their own vectors
_FOUND = 0.9  # of them, or it is not of these vectors; of the nearest ten it finds .98
_SAME = 0.999  # cosine; numbers are rounded to float16


def faults(index: str | Path) -> Iterator[str]:
    """Yield what is wrong with an index, a line each; nothing when it is healthy.

    Raises:
        IndexMissing, IndexStale, IndexDamaged: there is nothing that could be checked.
    """
    generation = folder.live(Path(index))
    with closing(Truth(generation / folder.DATABASE)) as truth:
        cached = Caches.opened(generation, truth)  # before the snapshot, so that a writer leaves none ahead
        try:
            with truth.snapshot():
                yield from (fault.says for fault in checks.faults(truth))
                yield from (fault for _, fault in cached.faults(truth))
        except IndexDamaged as error:  # so that no more can be looked at
            yield error.message
        except (LookupError, TypeError, ValueError, OverflowError) as error:
            yield f"{truth.path} contradicts itself: {one_line(error)}"


def weight_faults(folders: Sequence[Path] = (embed.SHIPPED, *reader.SIZES.values())) -> Iterator[str]:
    """Yield what is wrong with model folders, a line each: a file is missing, or is not what its card says."""
    for path in folders:
        try:
            verify(path)
        except ModelMissing as error:
            yield error.message


@dataclass(frozen=True, slots=True)
class Caches:
    """The caches of a generation, their sums checked; a text in the place of one says why it does not serve."""

    near: Path
    matching: Path
    base: vectors.Base | str
    text: words.WordIndex | str

    @classmethod
    def opened(cls, generation: Path, truth: Truth) -> Caches:
        """Return those of a generation."""
        near, matching = generation / caches.VECTORS, generation / caches.WORDS
        base = _loaded(near, lambda path: _checked_base(path, truth))
        return cls(near, matching, base, _loaded(matching, _checked_words))

    def faults(self, truth: Truth) -> Iterator[tuple[Path, str]]:
        """Yield (cache, what is wrong with it); in a snapshot of ``truth``."""
        base = [self.base] if isinstance(self.base, str) else _vector_faults(self.near, self.base, truth)
        yield from ((self.near, fault) for fault in base)
        text = [self.text] if isinstance(self.text, str) else _word_faults(self.matching, self.text, truth)
        yield from ((self.matching, fault) for fault in text)


def _loaded(path: Path, load: Callable[[Path], T]) -> T | str:
    try:
        return load(path)
    except IndexDamaged as error:
        return error.message


def _checked_base(path: Path, truth: Truth) -> vectors.Base:
    vectors.check_sum(path)
    return vectors.Base(path, lambda ids: truth.vectors_of(truth.number("dim"), ids))


def _checked_words(path: Path) -> words.WordIndex:
    index = words.load(path)
    words.check_sum(path)
    return index


def _vector_faults(path: Path, base: vectors.Base, truth: Truth) -> Iterator[str]:
    if fault := caches.misfit(path, base.reach, truth):
        yield fault
        return
    dead = np.array(sorted(truth.removed_since(base.reach.seq)), dtype=np.int64)
    held, expected = np.setdiff1d(base.ids(), dead), _ids(truth, base.reach.last_id)
    for id in np.setdiff1d(held, expected).tolist():
        yield f"{path}: passage {id} is not in articles.db"
    differing = _differing(base, truth) if base.stamp.kind == "flat" else np.empty(0, np.int64)
    for id in np.union1d(np.setdiff1d(expected, held), np.intersect1d(differing, expected)).tolist():
        yield f"{path}: the vector of passage {id} is missing or another"
    if base.stamp.kind != "flat" and (found := _found_by_own_vector(base, truth, expected)) < _FOUND:
        yield f"{path} finds only {found:.0%} of some passages by their own vectors"


def _ids(truth: Truth, last: int) -> Ids:
    rows = truth.stream("SELECT id FROM passages WHERE id <= ? ORDER BY id", (last,))
    return np.fromiter((id for (id,) in rows), dtype=np.int64)


def _differing(base: vectors.Base, truth: Truth) -> Ids:
    """Return the ids under which an exact base has other vectors than the truth; one holds a hundred MB at most."""
    ids, rows = base.rows()
    order = np.argsort(ids)
    found = [np.empty(0, np.int64)]
    for some, stored in truth.vector_blocks(base.stamp.dim) if len(ids) else ():
        places = order[np.minimum(np.searchsorted(ids, some, sorter=order), len(ids) - 1)]
        differ = (rows[places] != stored).any(axis=1)
        found.append(some[differ & (ids[places] == some)])
    return np.concatenate(found)


def _found_by_own_vector(base: vectors.Base, truth: Truth, ids: Ids) -> float:
    """Return the share of some passages whose own vectors lead to them, or to their likes."""
    some = ids[:: max(1, len(ids) // _TRIED)]
    _, rows = truth.vectors_of(base.stamp.dim, some)
    if not len(rows):
        return 1.0
    scores = (base.search(row, 1, None)[1] for row in rows)
    n_found = sum(1 for score in scores if len(score) and score[0] >= _SAME)
    return n_found / len(rows)


def _word_faults(path: Path, index: words.WordIndex, truth: Truth) -> Iterator[str]:
    if fault := caches.misfit(path, index.reach, truth):
        yield fault
        return
    dead, last = truth.removed_since(index.reach.seq), index.reach.last_id
    expected = _ids(truth, last)
    bounds = [0, *expected[_BLOCK::_BLOCK].tolist(), last]
    n_held, same = 0, True
    try:
        for above, upto in [*pairwise(bounds), (last, None)]:
            held = [id for id in index.ids(above, upto) if id not in dead]
            n_held += len(held)
            same = same and held == _between(expected, above, upto or last).tolist()
    except IndexDamaged as error:
        yield error.message
        return
    if not same:
        yield f"{path} holds {n_held} passages, articles.db {len(expected)}, or others"


def _between(ids: Ids, above: int, upto: int) -> Ids:
    low, high = np.searchsorted(ids, [above, upto], side="right")
    return ids[low:high]
