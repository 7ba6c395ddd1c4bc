"""The check-up of an index: every promise that it makes, looked at one by one."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TypeVar

import numpy as np

from rag import caches, embed, folder, reader, vectors, words
from rag.encoder import verify
from rag.errors import IndexDamaged, ModelMissing
from rag.store import Shape
from rag.truth import Truth, fingerprint

T = TypeVar("T")

_ORPHANS = """
SELECT 'passage', id, 'article' FROM passages WHERE article NOT IN (SELECT n FROM articles) UNION ALL
SELECT 'passage', id, 'vector' FROM passages WHERE vector NOT IN (SELECT n FROM vectors) UNION ALL
SELECT 'vector', n, 'passage' FROM vectors WHERE n NOT IN (SELECT vector FROM passages)
"""
_OUTSIDE = """
SELECT p.id, a.id FROM passages p JOIN articles a ON a.n = p.article
WHERE p.start < 0 OR p.start >= p."end" OR p."end" > length(a.text)
"""


def faults(index: str | Path) -> Iterator[str]:
    """Yield what is wrong with an index, a line each; nothing when it is healthy.

    Raises:
        IndexMissing, IndexStale, IndexDamaged: there is nothing that could be checked.
    """
    generation = folder.live(Path(index))
    truth = Truth(generation / folder.DATABASE)
    try:
        near, matching = generation / caches.VECTORS, generation / caches.WORDS
        base = _loaded(near, _checked_base)  # caches before the truth, so that a writer leaves none ahead
        text = _loaded(matching, _checked_words)
        with truth.snapshot():
            yield from _truth_faults(truth)
            yield from [base] if isinstance(base, str) else _vector_faults(near, base, truth)
            yield from [text] if isinstance(text, str) else _word_faults(matching, text, truth)
    except IndexDamaged as error:  # so that no more can be looked at
        yield error.message
    finally:
        truth.close()


def weight_faults(folders: Sequence[Path] = (embed.SHIPPED, reader.SHIPPED)) -> Iterator[str]:
    """Yield what is wrong with model folders, a line each: a file is missing, or is not what its card says."""
    for path in folders:
        try:
            verify(path)
        except ModelMissing as error:
            yield error.message


def _loaded(path: Path, load: Callable[[Path], T]) -> T | str:
    try:
        return load(path)
    except IndexDamaged as error:
        return error.message


def _checked_base(path: Path) -> vectors.Base:
    vectors.check_sum(path)
    return vectors.Base(path)


def _checked_words(path: Path) -> words.WordIndex:
    index = words.load(path)
    words.check_sum(path)
    return index


def _truth_faults(truth: Truth) -> Iterator[str]:
    """Yield what contradicts itself: SQLite's own check, orphans, spans, sums, vectors."""
    for (line,) in truth.rows("PRAGMA integrity_check"):
        if line != "ok":
            yield f"SQLite: {line}"
    for kind, id, lacks in truth.rows(_ORPHANS):
        yield f"{kind} {id} has no {lacks}"
    for id, article in truth.rows(_OUTSIDE):
        yield f"passage {id} lies outside article {article}"
    yield from _false_sums(truth)
    dim = Shape.of(truth).dim
    for n, blob in truth.stream("SELECT n, vector FROM vectors"):
        if len(blob) != 2 * dim or not np.isfinite(np.frombuffer(blob, dtype=np.float16)).all():
            yield f"vector {n} is not {dim} finite numbers"


def _false_sums(truth: Truth) -> Iterator[str]:
    sums = {known.id: known.sha256 for known in truth.known()}
    for article, _, _ in truth.stored():
        if fingerprint(article) != sums[article.id]:
            yield f"article {article.id} is not what was stored (its sum differs)"


def _vector_faults(path: Path, base: vectors.Base, truth: Truth) -> Iterator[str]:
    if fault := caches.misfit(path, base.reach, truth):
        yield fault
        return
    dead = truth.removed_since(base.reach.seq)
    ids, rows = base.rows()
    held = {id: row for id, row in zip(ids.tolist(), rows, strict=True) if id not in dead}
    for id, row in zip(*truth.vectors(base.stamp.dim), strict=True):
        if id <= base.reach.last_id and not np.array_equal(held.pop(int(id), None), row):
            yield f"{path}: the vector of passage {id} is missing or another"
    for id in held:
        yield f"{path}: passage {id} is not in articles.db"


def _word_faults(path: Path, index: words.WordIndex, truth: Truth) -> Iterator[str]:
    held = _loaded(path, lambda _: index.ids())
    if isinstance(held, str):
        yield held
        return
    if fault := caches.misfit(path, index.reach, truth):
        yield fault
        return
    dead = truth.removed_since(index.reach.seq)
    living = [id for id in held if id not in dead]
    expected = [id for id, _, _ in truth.passage_texts() if id <= index.reach.last_id]
    if living != expected:
        yield f"{path} holds {len(living)} passages, articles.db {len(expected)}, or others"
