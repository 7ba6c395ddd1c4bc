"""The check-up of an index: every promise that it makes, looked at one by one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

import numpy as np

from rag import caches, folder, vectors, words
from rag.errors import IndexDamaged
from rag.store import Shape
from rag.truth import Truth

T = TypeVar("T")


def faults(index: str | Path) -> Iterator[str]:
    """Yield what is wrong with an index, a line each; nothing when it is healthy.

    Raises:
        IndexMissing, IndexStale: there is nothing that could be checked.
    """
    generation = folder.live(Path(index))
    truth = Truth(generation / folder.DATABASE)
    try:
        near, matching = generation / caches.VECTORS, generation / caches.WORDS
        loaded = _loaded(near, _checked_base), _loaded(matching, words.load)  # first, so that none is ahead
        with truth.snapshot():
            dim = Shape.of(truth).dim
            yield from truth.faults(dim)
            yield from (
                loaded[0] if isinstance(loaded[0], list) else _vector_faults(near, loaded[0], truth, dim)
            )
            yield from loaded[1] if isinstance(loaded[1], list) else _word_faults(matching, loaded[1], truth)
    finally:
        truth.close()


def _loaded(path: Path, load: Callable[[Path], T]) -> T | list[str]:
    try:
        return load(path)
    except IndexDamaged as error:
        return [error.message]


def _checked_base(path: Path) -> vectors.Base:
    vectors.check_sum(path)
    return vectors.Base(path)


def _vector_faults(path: Path, base: vectors.Base, truth: Truth, dim: int) -> Iterator[str]:
    if fault := caches.misfit(path, base.reach, truth.reach()):
        yield fault
        return
    dead = truth.removed_since(base.reach.seq)
    held = {id: row for id, row in zip(*_lists(base), strict=True) if id not in dead}
    for id, row in zip(*truth.vectors(dim), strict=True):
        if id <= base.reach.last_id and not np.array_equal(held.pop(int(id), None), row):
            yield f"{path}: the vector of passage {id} is missing or another"
    for id in held:
        yield f"{path}: passage {id} is not in articles.db"


def _lists(base: vectors.Base) -> tuple[list[int], vectors.Vectors]:
    ids, rows = base.rows()
    return ids.tolist(), rows


def _word_faults(path: Path, index: words.WordIndex, truth: Truth) -> Iterator[str]:
    held = _loaded(path, lambda _: index.ids())
    if fault := caches.misfit(path, index.reach, truth.reach()):
        yield fault
        return
    dead = truth.removed_since(index.reach.seq)
    living = [id for id in held if id not in dead]
    expected = [id for id, _, _ in truth.passage_texts() if id <= index.reach.last_id]
    if living != expected:
        yield f"{path} holds {len(living)} passages, articles.db {len(expected)}, or others"
