"""How the caches of an index keep up with its truth: in memory for a reader, on disk for the writer."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, Protocol, TypeVar

from rag.errors import IndexDamaged
from rag.index import vectors, words
from rag.index.truth import Reach, Truth

VECTORS, WORDS = "vectors.faiss", "words"
FLUSH_S = 1.0  # seconds; while articles arrive, the caches are written at most this often
HELD = 100_000  # passages that a reader keeps in memory at most: 154 MB of vectors
_MANY = 50_000  # passages; 77 MB of vectors that each reader keeps
_FEW = 2_000  # passages that a reader may add in memory unnoticed: 3 MB, some milliseconds


class Reaching(Protocol):
    """A cache on disk that says which state it reaches."""

    reach: Reach


B = TypeVar("B", bound=Reaching)
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class State(Generic[B, T]):
    """A cache as of one moment: a base on disk, a tail in memory, and ids in either that are gone since."""

    base: B | None
    tail: T
    dead: frozenset[int]
    floor: int  # the change since which the dead are counted
    last_id: int


class Lagging(Generic[B, T]):
    """A reader's view of a cache that may lag behind the truth, be damaged or be missing."""

    def __init__(
        self, path: Path, load: Callable[[Path, B | None], B], tail: Callable[[int, T | None], T]
    ) -> None:
        """Open nothing yet: ``load(path, old)`` opens the base, ``old`` being the one before.

        ``tail(above, old)`` has the passages with ids over ``above``, added to ``old`` if there is any.
        """
        self.path = path
        self.fault: str | None = None
        self._load, self._tail = load, tail
        self._mark: object = None
        self._base: B | None = None
        self.state: State[B, T] | None = None

    def catch_up(self, truth: Truth) -> State[B, T]:
        """See all that is committed now; a base that cannot serve is left out, and ``fault`` says why."""
        self._open_base()
        with truth.snapshot():
            now, old = truth.reach(), self.state
            if self._base is not None and (fault := misfit(self.path, self._base.reach, truth)):
                self.distrust(fault)  # for good: a later truth may have other passages under the same ids
            base = self._base
            tail: T | None = None
            if old is not None and old.base is base:
                tail, floor, above = old.tail, old.floor, old.last_id
            elif base is not None:
                floor, above = base.reach.seq, base.reach.last_id
            else:
                floor, above = now.seq, 0
            dead = frozenset(truth.removed_since(floor))
            tail = self._tail(above, tail)
        self.state = State(base, tail, dead, floor, now.last_id)
        return self.state

    def distrust(self, fault: str) -> None:
        """Leave the base out until another one is written."""
        self._base, self.fault = None, fault

    def _open_base(self) -> None:
        mark = _mark(self.path)
        if mark is not None and mark == self._mark:
            return
        old, self._mark, self._base, self.fault = self._base, mark, None, None
        try:
            self._base = self._load(self.path, old)
        except IndexDamaged as error:
            self.fault = error.message


def misfit(path: Path, reach: Reach, truth: Truth) -> str | None:
    """Return why a cache cannot be of this truth as it is now; None when it can."""
    now = truth.reach()
    if reach.uid != truth.uid(reach.seq):
        return f"{path} belongs to another index, or to another past of this one"
    if reach.seq > now.seq or reach.last_id > now.last_id:
        return f"{path} is ahead of its articles.db (change {reach.seq} against {now.seq})"
    return None


def flush(folder: Path, truth: Truth, *, final: bool) -> None:
    """Bring the caches on disk up to the truth; the holder of the writer lock alone may.

    ``words/`` always. ``vectors.faiss`` is written whole, so only when what a reader must add in memory has
    grown: by as much as it holds or, at the ``final`` flush of a run, by a tenth, and by ``_MANY`` or half of it
    whatever it holds.
    """
    now = truth.reach()
    _flush_words(folder / WORDS, truth, now)
    _flush_vectors(folder / VECTORS, truth, now, final)


def forget(path: Path) -> None:
    """Delete a cache on disk, so that the next flush makes it anew."""
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def _flush_words(path: Path, truth: Truth, now: Reach) -> None:
    try:
        index = words.load(path)
        reach = index.reach
        if misfit(path, reach, truth):
            raise IndexDamaged(f"{path} is not this index's")
        if reach != now:
            index.add(truth.passage_texts(reach.last_id), truth.removed_since(reach.seq), now)
    except IndexDamaged:
        words.create(path, truth.passage_texts(), now)


def _flush_vectors(path: Path, truth: Truth, now: Reach, final: bool) -> None:
    if not _is_due(path, truth, now, final):
        return
    if path.is_dir():
        forget(path)  # no file can take its place
    dim, (_, n) = int(truth.meta("dim")), truth.counts()
    if n <= vectors.FLAT:
        vectors.write(path, now, *truth.vectors(dim))
        return
    if _is_foreign(path, truth):
        forget(path)
    vectors.grow(path, now, n, lambda above: truth.vector_blocks(dim, above), truth.removed_since)


def _is_due(path: Path, truth: Truth, now: Reach, final: bool) -> bool:
    if _is_foreign(path, truth):
        return True
    stamp = vectors.read_stamp(path)
    lag = now.last_id - stamp.reach.last_id + len(truth.removed_since(stamp.reach.seq))
    share, limit = (10, _MANY // 2) if final else (1, _MANY)
    return lag > max(_FEW, min(stamp.n // share, limit))


def _is_foreign(path: Path, truth: Truth) -> bool:
    """Whether a vectors.faiss is missing, damaged, or of another truth."""
    try:
        stamp = vectors.read_stamp(path)
    except IndexDamaged:
        return True
    return bool(misfit(path, stamp.reach, truth))


def _mark(path: Path) -> object:
    """Return what tells one state of a file, or of a tantivy folder, from the next; None when it is gone."""
    try:
        about = (path / "meta.json" if path.is_dir() else path).stat()
    except OSError:
        return None
    return about.st_ino, about.st_mtime_ns, about.st_size
