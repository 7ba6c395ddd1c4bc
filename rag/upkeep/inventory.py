"""What an index holds, in figures: generations, articles by source and year, what is dead weight, who writes."""

from __future__ import annotations

import time
from collections.abc import Mapping
from contextlib import closing
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from rag.errors import IndexDamaged, IndexFault
from rag.index import caches, catalogue, folder, lock, vectors
from rag.index.durable import size
from rag.index.lock import Writer
from rag.index.truth import Truth
from rag.store import Shape, Status, Store

State = Literal["live", "previous", "spare", "unfinished"]
"""What a generation is for: it answers; rollback puts it back; it is whole too; it was not made to its end."""


@dataclass(frozen=True, slots=True)
class Held:
    """What a generation holds, and what it takes on disk."""

    generation: str
    embedder: str
    passage_tokens: int
    n_articles: int
    n_passages: int
    n_bytes: int


@dataclass(frozen=True, slots=True)
class Kept:
    """A generation that lies in the index folder; ``held`` is None for one that cannot be read."""

    name: str
    state: State
    n_bytes: int
    held: Held | None


@dataclass(frozen=True, slots=True)
class Fragmentation:
    """What compacting would free, and what a reader must do beside its caches.

    ``n_free_bytes`` of articles.db hold nothing. ``n_removed`` passages went and are remembered. vectors.faiss has
    ``n_cached`` passages, ``n_dead`` of them gone since, and lacks ``n_tail``.
    """

    n_free_bytes: int
    n_removed: int
    n_cached: int
    n_dead: int
    n_tail: int


@dataclass(frozen=True, slots=True)
class Inventory(Status):
    """What an index holds, in full. ``changed`` is a time in ISO 8601; an article without a date is of the year ""."""

    changed: str
    age_s: int
    generations: tuple[Kept, ...]
    sources: Mapping[str, int]
    years: Mapping[str, int]
    fragmentation: Fragmentation
    writer: Writer | None


def held(generation: Path) -> Held:
    """Return what a generation holds.

    Raises:
        IndexFault: it cannot be read.
    """
    with closing(Truth(generation / folder.DATABASE)) as truth, truth.snapshot():
        shape, counts = Shape.of(truth), truth.counts()
    return Held(generation.name, shape.embedder, shape.passage_tokens, *counts, size(generation))


def inventory(index: str | Path) -> Inventory:
    """Return what an index holds now.

    Raises:
        IndexMissing, IndexStale, IndexDamaged: as their names say.
    """
    where = Path(index)
    with Store(where) as store:
        status, changed_at = store.status(), store.changed_at
    generation = where / status.generation
    with closing(Truth(generation / folder.DATABASE)) as truth, truth.snapshot():
        sources, years = dict(catalogue.sources(truth)), _years(truth)
        fragmentation = _fragmentation(generation / caches.VECTORS, truth)
    return Inventory(
        **asdict(status),
        changed=datetime.fromtimestamp(changed_at, UTC).isoformat(timespec="seconds"),
        age_s=max(0, round(time.time() - changed_at)),
        generations=tuple(kept(where)),
        sources=sources,
        years=years,
        fragmentation=fragmentation,
        writer=lock.writer(where),
    )


def kept(index: Path) -> list[Kept]:
    """Return the generations that lie in an index folder, oldest first."""
    alive, back = folder.live(index), folder.previous(index)
    return [_kept(path, _state(path, alive, back)) for path in folder.generations(index)]


def _kept(path: Path, state: State) -> Kept:
    try:
        return Kept(path.name, state, size(path), held(path))
    except IndexFault:
        return Kept(path.name, state, size(path), None)


def _state(path: Path, alive: Path, back: Path | None) -> State:
    if path == alive:
        return "live"
    if path == back:
        return "previous"
    try:
        return "spare" if folder.is_whole(path) else "unfinished"
    except IndexFault:  # which only says that it cannot be told
        return "spare"


def _years(truth: Truth) -> dict[str, int]:
    rows = truth.rows(
        "SELECT coalesce(substr(published, 1, 4), ''), count(*) FROM articles GROUP BY 1 ORDER BY 2 DESC, 1 DESC"
    )
    return dict(rows)


def _fragmentation(near: Path, truth: Truth) -> Fragmentation:
    free, page_size, removed = (
        int(truth.row(sql)[0])
        for sql in ("PRAGMA freelist_count", "PRAGMA page_size", "SELECT count(*) FROM removed")
    )
    n_cached, last = _cached(near, truth)
    older = int(truth.row("SELECT count(*) FROM passages WHERE id <= ?", (last,))[0])
    _, n = truth.counts()
    return Fragmentation(free * page_size, removed, n_cached, max(0, n_cached - older), n - older)


def _cached(near: Path, truth: Truth) -> tuple[int, int]:
    """Return how many passages vectors.faiss has, and the last of them; none where it does not serve."""
    try:
        stamp = vectors.read_stamp(near)
    except IndexDamaged:
        return 0, 0
    return (0, 0) if caches.misfit(near, stamp.reach, truth) else (stamp.n, stamp.reach.last_id)
