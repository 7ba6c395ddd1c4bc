"""A whole index as one file, and such a file as an index again. Caches are left out, and made again."""

from __future__ import annotations

import glob
import os
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from rag.errors import IndexDamaged, IndexFault, IndexMissing
from rag.index import folder
from rag.index.durable import NEW, require_room, size, sync_file, sync_folder, unwritable
from rag.index.truth import Truth
from rag.store import Shape
from rag.upkeep import checks, copies, parcel, swap
from rag.upkeep.inventory import Held, held
from rag.upkeep.parcel import Manifest, Parcel

_CACHES = 2  # times articles.db that a generation takes with its caches, at most


@dataclass(frozen=True, slots=True)
class Exported:
    """A file that an index was written into."""

    path: str
    n_bytes: int
    manifest: Manifest


@dataclass(frozen=True, slots=True)
class Imported:
    """The generation that answered until an import, None if there was none, and the one that answers now."""

    before: Held | None
    after: Held
    n_files: int


def export_index(index: str | Path, file: str | Path) -> Exported:
    """Write one committed state of an index, with the files beside it, into one file; chats and a writer go on.

    Raises:
        IndexMissing, IndexStale, IndexDamaged: as their names say.
        IndexFault: there is another file at ``file``, or no room for it.
    """
    where, target = Path(index), Path(os.path.abspath(file))  # noqa: PTH100 - resolve would follow a link
    alive = folder.live(where)
    if target.exists():
        _refuse_another(target)
    _clear_away(target)
    draft = target.with_name(f"{target.name}.{os.getpid()}{NEW}")
    database = draft.with_name(f"{draft.name}-{folder.DATABASE}")
    try:
        beside = sum(size(where / name) for name in folder.BESIDE)
        require_room(target.parent, 2 * size(alive / folder.DATABASE) + beside, "an export")
        copies.copy(alive / folder.DATABASE, database)
        copies.check(database)
        manifest = parcel.write(draft, _manifest(where, database), _files(where, database))
        sync_file(draft)
        draft.replace(target)
        sync_folder(target.parent)
    except OSError as error:
        raise unwritable(target, error) from error
    finally:
        with suppress(OSError):  # the next export clears it away
            copies.discard(database)
            draft.unlink(missing_ok=True)
    return Exported(str(file), target.stat().st_size, manifest)


def import_index(file: str | Path, index: str | Path, *, yes: bool = False) -> Imported:
    """Let an index be what ``file`` holds; all of it is proved before anything is changed.

    ``yes`` allows to take the place of an index that is there, which rollback puts back.

    Raises:
        IndexDamaged: the file is cut short, or not what its sums say.
        IndexStale: a newer Citewise made it.
        IndexLocked: somebody is writing to the index.
        IndexFault: the file is no export, there is an index and no ``yes``, or no room.
    """
    source, where = Path(file), Path(index)
    with parcel.opened(source) as sent:
        if (where / folder.CURRENT).exists() and not yes:
            raise IndexFault(
                f"there is an index at {where} already",
                "Add --yes to put the imported one in its place; citewise rollback puts this one back.",
            )
        with _claimed(where):
            require_room(where, _CACHES * sent.manifest.n_bytes, "an import")
            before = _held_now(where)
            with swap.next_generation(where) as new:
                _unpack(sent, where, new)
                draft = swap.draft_of(new)
                _prove(draft, sent.manifest, source)
                copies.edit(draft, [*_settled(where, draft, Path(sent.manifest.home))])
                swap.finish(new)
            folder.publish(where, new)
            folder.settle(where)
            folder.prune(where)
            return Imported(before, held(new), len(sent.manifest.parts) - 1)


# -- out ----------------------------------------------------------------------------------------------


def _clear_away(target: Path) -> None:
    """Delete what exports of the same name left behind when they were killed."""
    for path in target.parent.glob(f"{glob.escape(target.name)}.*{NEW}*"):
        number = path.name.removeprefix(f"{target.name}.").partition(".")[0]
        if number.isdecimal() and not _is_running(int(number)):
            with suppress(OSError):
                path.unlink()


def _is_running(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except (OSError, OverflowError):
        return True
    return True


def _refuse_another(target: Path) -> None:
    try:
        with parcel.opened(target):
            pass
    except IndexFault:
        raise IndexFault(f"{target} is there and is not an export", "Name another file.") from None


def _manifest(index: Path, database: Path) -> Manifest:
    with closing(Truth(database)) as truth:
        shape, counts = Shape.of(truth), truth.counts()
    made = datetime.now(UTC).isoformat(timespec="seconds")
    return Manifest(made, str(index.resolve()), shape.embedder, shape.dim, shape.passage_tokens, *counts)


def _files(index: Path, database: Path) -> Iterator[tuple[str, Path]]:
    yield folder.DATABASE, database
    for beside in folder.BESIDE:
        for path in sorted((index / beside).rglob("*")):
            if path.is_file() and not path.is_symlink():
                yield path.relative_to(index).as_posix(), path


# -- in -----------------------------------------------------------------------------------------------


@contextmanager
def _claimed(index: Path) -> Iterator[None]:
    """Hold the writer lock of an index folder; one that was not there goes again if what is done with it fails."""
    is_new = not index.exists()
    with folder.writing(index):
        try:
            yield
        except BaseException:
            if is_new:
                folder.withdraw(index)
            raise


def _held_now(index: Path) -> Held | None:
    """Return what answers until now; None where nothing does, or it cannot be read."""
    try:
        return held(folder.live(index))
    except (IndexMissing, IndexDamaged):
        return None


def _unpack(sent: Parcel, index: Path, new: Path) -> None:
    """Unpack into the folder of a generation; what lies beside an index waits there until it is published."""
    for part in sent.manifest.parts:
        target = swap.draft_of(new) if part.name == folder.DATABASE else new / part.name
        sent.unpack(part, target)
    for beside in folder.BESIDE:
        if (index / beside).exists():
            (new / beside).mkdir(exist_ok=True)  # an empty one, too, takes the place of what is there
    os.sync()


def _prove(draft: Path, manifest: Manifest, source: Path) -> None:
    """Raise IndexDamaged unless a database is sound, and what the manifest says of it."""
    copies.check(draft)
    with closing(Truth(draft)) as truth, truth.snapshot():
        shape = Shape.of(truth)
        found = (shape.embedder, shape.dim, shape.passage_tokens, *truth.counts())
        said = (
            manifest.embedder,
            manifest.dim,
            manifest.passage_tokens,
            manifest.n_articles,
            manifest.n_passages,
        )
        if found != said or truth.meta("whole") != "yes":
            raise IndexDamaged(f"{source} holds {found}, not {said} as it says", "Export the index again.")
        for fault in checks.faults(truth):
            raise IndexDamaged(f"{source} contradicts itself: {fault.says}", "Export the index again.")


def _settled(index: Path, draft: Path, home: Path) -> Iterator[copies.Statement]:
    """Yield what makes a database one of this index: where its files lie, and ids that no passage here has had."""
    yield from copies.rehomed(home, index.resolve())
    yield "DELETE FROM removed", ()
    above = swap.last_id(index)
    with closing(Truth(draft)) as truth:
        last, is_past = truth.reach().last_id, _is_past(truth, index)
    if above and not is_past:
        yield "UPDATE passages SET id = id + ?", (max(above, last),)
        yield swap.renamed()
        above = max(above, last) + last
    yield swap.NEVER_AGAIN, (above,)


def _is_past(sent: Truth, index: Path) -> bool:
    """Whether what was sent is a state that the live generation has been in, so that ids mean the same."""
    try:
        with closing(Truth(folder.live(index) / folder.DATABASE)) as truth:
            seq = sent.seq()
            return seq <= truth.seq() and sent.uid(seq) == truth.uid(seq)
    except (IndexMissing, IndexDamaged):
        return False
