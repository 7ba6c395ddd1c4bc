"""Work on a whole index: put the generation before back, or write the live one again without what is dead."""

from __future__ import annotations

import os
import shutil
import uuid
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from rag.errors import IndexDamaged, IndexFault
from rag.index import caches, folder
from rag.index.database import repairing
from rag.index.durable import NEW, require_room, sync_folder, unwritable
from rag.index.truth import Truth
from rag.upkeep import copies
from rag.upkeep.inventory import Held, held

NEVER_AGAIN = "UPDATE sqlite_sequence SET seq = max(seq, ?) WHERE name = 'passages'"


@dataclass(frozen=True, slots=True)
class Exchanged:
    """A generation that answered, None if it could not be read, and the one that answers instead."""

    before: Held | None
    after: Held

    @property
    def needs_restart(self) -> bool:
        """Whether a process that is running works with another embedder than the one that answers now."""
        return self.before is None or self.before.embedder != self.after.embedder


def rollback(index: str | Path) -> Exchanged:
    """Put the generation before back; once more, and the newer one answers again. Chats that run follow.

    Raises:
        IndexMissing, IndexLocked, IndexDamaged: as their names say.
        IndexFault: there is no other whole generation.
    """
    where = Path(index)
    folder.live(where)
    with folder.writing(where):
        alive, back = folder.live(where), folder.previous(where)
        if back is None:
            raise IndexFault(
                f"{where} has no generation to put back, only {alive.name}",
                "One is kept whenever an index is made again, imported or compacted after that.",
            )
        after = held(back)
        count_on(back, last_id(where))
        folder.publish(where, back)
        folder.settle(where)
        return Exchanged(_held_if_readable(alive), after)


def compact(index: str | Path) -> Exchanged:
    """Write the live generation again, without free pages, dead passages and what is remembered of them.

    It answers until the copy is whole, checked and durable; then it goes, and what rollback puts back stays.
    Ids of passages and numbers of changes stay.

    Raises:
        IndexMissing, IndexLocked, IndexDamaged: as their names say; nothing was changed.
        IndexFault: there is not enough room on the disk, or it cannot be written; nothing was changed.
    """
    where = Path(index)
    folder.live(where)
    with folder.writing(where):
        alive, back = folder.live(where), folder.previous(where)
        before = held(alive)
        twice = 2 * (alive / folder.DATABASE).stat().st_size  # where much was removed, it is written twice
        require_room(where, max(before.n_bytes, twice), "compacting")
        with next_generation(where) as new:
            draft = draft_of(new)
            copies.copy(alive / folder.DATABASE, draft)
            copies.edit(draft, [("DELETE FROM removed", ())])
            _check_counts(draft, before)
            finish(new, like=alive)
        after = held(new)
        folder.publish(where, new, back or new)
        shutil.rmtree(alive, ignore_errors=True)
        return Exchanged(before, after)


# -- how a generation is made of a copy ---------------------------------------------------------------


@contextmanager
def next_generation(index: Path) -> Iterator[Path]:
    """Give the folder of the next generation, which goes again if what is done with it fails.

    It counts as unfinished, whatever happens, until ``finish``; call under the writer lock.
    """
    clear_unfinished(index)
    new = folder.next_folder(index)
    try:
        yield new
    except BaseException as error:
        shutil.rmtree(new, ignore_errors=True)
        if isinstance(error, OSError):
            raise unwritable(new, error) from error
        raise


def draft_of(generation: Path) -> Path:
    """Return where the articles.db of a generation lies while it is worked on."""
    return generation / (folder.DATABASE + NEW)


def renamed() -> copies.Statement:
    """Return what gives a copy a name of its own, so that no cache of another is taken for its."""
    return "UPDATE meta SET value = ? WHERE key = 'uid'", (uuid.uuid4().hex,)


def finish(generation: Path, like: Path | None = None) -> None:
    """Check a draft, make its caches and make all durable; from then on the generation is whole.

    It is as old as the generation that it is ``like``.
    """
    draft = draft_of(generation)
    copies.check(draft)
    copies.make_durable(draft)
    with closing(Truth(draft, write=True)) as truth:
        caches.flush(generation, truth, final=True)
        truth.checkpoint()
    with suppress(OSError):
        about = (like / folder.DATABASE if like else draft).stat()
        os.utime(draft, ns=(about.st_atime_ns, about.st_mtime_ns))
    draft.rename(generation / folder.DATABASE)
    sync_folder(generation)
    sync_folder(generation.parent)


def clear_unfinished(index: Path) -> list[str]:
    """Delete generations that were begun and hold no articles.db; return their names."""
    left = [path for path in folder.generations(index) if not (path / folder.DATABASE).exists()]
    for path in left:
        shutil.rmtree(path, ignore_errors=True)
    return [path.name for path in left]


def last_id(index: Path) -> int:
    """Return the highest id that any generation has given a passage."""
    highest = 0
    for path in folder.generations(index):
        with suppress(IndexFault, LookupError), closing(Truth(path / folder.DATABASE)) as truth:
            highest = max(highest, truth.reach().last_id)
    return highest


def count_on(generation: Path, above: int) -> None:
    """Let the ids of a generation's next passages be over ``above``, since they are never used twice."""
    with closing(Truth(generation / folder.DATABASE, write=True)) as truth:
        if truth.reach().last_id < above:
            with truth.transaction():
                truth.run(NEVER_AGAIN, (above,))


def _check_counts(draft: Path, source: Held) -> None:
    with closing(Truth(draft)) as truth:
        found, expected = truth.counted(), (source.n_articles, source.n_passages)
    if found != expected:
        raise IndexDamaged(
            f"a copy of {source.generation} has {found} articles and passages, not {expected}",
            f"Look the index over: {repairing(draft.parent.parent)}",
        )


def _held_if_readable(generation: Path) -> Held | None:
    try:
        return held(generation)
    except IndexFault:
        return None
