"""A copy of an index that is an index itself, made while the index is in use."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from rag.errors import IndexDamaged, IndexFault
from rag.index import caches, folder, lock, vectors, words
from rag.index.database import told
from rag.index.durable import NEW, replace, require_room, size, sync_folder, unwritable
from rag.index.truth import Truth
from rag.upkeep import copies, swap
from rag.upkeep.inventory import Held, held

MARK = "BACKUP"  # the file that says of a folder that it is a backup, and of which state
_OLD = ".old"  # ends the name of a backup that gives way to a newer one
_OURS = {MARK, lock.LOCK, lock.HOLDER}


@dataclass(frozen=True, slots=True)
class Backup:
    """A backup that was made: where, what its generation holds, and how many files of articles lie beside it."""

    path: str
    held: Held
    n_files: int
    n_bytes: int


def backup(index: str | Path, to: str | Path) -> Backup:
    """Make ``to`` a copy of an index, one committed state of it, that can be used as an index itself.

    Chats and a writer go on meanwhile. Uploads, fetched files, conversations and saved questions are copied, too.
    A backup that is there gives way once the new one is whole.

    Raises:
        IndexMissing, IndexStale, IndexDamaged: as their names say.
        IndexFault: there is something else at ``to``, or no room for a backup.
    """
    where, target = Path(index), Path(os.path.abspath(to))  # noqa: PTH100 - resolve would follow a link
    folder.live(where)
    _refuse(where, target)
    with _draft(target) as draft:
        require_room(draft, size(where), "a backup")
        generation = _copy_generation(where, draft, target)
        n_files = sum(copy_files(where / beside, draft / beside) for beside in folder.BESIDE)
        for database in where.glob("*.db"):
            _copy_database(database, draft / database.name)
        if (where / folder.SAVED).is_file():
            _copy_file(where / folder.SAVED, draft / folder.SAVED)
        _mark(draft, where, generation)
        folder.publish(draft, generation)
        os.sync()
    _put_in_place(draft, target)
    return Backup(str(to), held(target / generation.name), n_files, size(target))


def copy_files(source: Path, target: Path) -> int:
    """Copy the files of a folder, without links and what goes meanwhile; return how many there are."""
    n = 0
    for path in sorted(source.rglob("*")):
        if path.is_symlink() or not path.is_file():
            continue
        copy = target / path.relative_to(source)
        with suppress(FileNotFoundError), path.open("rb") as opened:
            copy.parent.mkdir(parents=True, exist_ok=True)
            with copy.open("xb") as written:
                shutil.copyfileobj(opened, written)
            n += 1
    return n


def _copy_generation(index: Path, draft: Path, target: Path) -> Path:
    """Copy the live generation, or the one that takes its place meanwhile."""
    while True:
        alive = folder.live(index)
        new = draft / alive.name
        new.mkdir(exist_ok=True)
        try:
            _copy_caches(alive, new)  # before the truth: a cache may lag behind it, and never be ahead
            copies.copy(alive / folder.DATABASE, swap.draft_of(new))
            break
        except IndexFault:
            if folder.live(index) == alive:
                raise
            shutil.rmtree(new)
    copies.edit(swap.draft_of(new), copies.rehomed(index.resolve(), target.resolve()))
    swap.finish(new, like=alive)
    return new


def _copy_caches(source: Path, target: Path) -> None:
    """Copy the caches as far as a writer leaves them alone; what is not whole is made again from the truth."""
    near, matching = target / caches.VECTORS, target / caches.WORDS
    for cache in (near, matching):
        caches.forget(cache)
    with suppress(FileNotFoundError):
        _copy_file(source / caches.VECTORS, near)
        stamp = (
            source / caches.WORDS / "meta.json"
        ).read_bytes()  # first: what it names is there, or was merged
        copy_files(source / caches.WORDS, matching)
        (matching / "meta.json").write_bytes(stamp)
    for cache, check in ((near, vectors.check_sum), (matching, words.check_sum)):
        try:
            check(cache)
        except IndexDamaged:
            caches.forget(cache)


def _copy_file(source: Path, target: Path) -> None:
    with source.open("rb") as opened, target.open("xb") as written:
        shutil.copyfileobj(opened, written)


def _copy_database(source: Path, target: Path) -> None:
    uri = f"{source.resolve().as_uri()}?mode=ro"
    with (
        told(source),
        closing(sqlite3.connect(uri, uri=True)) as opened,
        closing(sqlite3.connect(target)) as written,
    ):
        opened.backup(written)
    shutil.copymode(source, target)


# -- the folder that it becomes -----------------------------------------------------------------------


def _refuse(index: Path, target: Path) -> None:
    """Raise IndexFault unless a backup may be made at ``target``."""
    here, there = index.resolve(), target.resolve()
    if here in (there, *there.parents) or there in here.parents:
        raise IndexFault(f"{target} is not apart from {index}", "Name another folder.")
    if target.is_dir() and not any(target.iterdir()):
        return
    if target.is_symlink() or target.exists():
        _check_mark(target)


def _check_mark(target: Path) -> None:
    """Raise IndexFault unless ``target`` is a backup, and as it was made."""
    elsewhere = "Name a folder that is not there yet, or a backup that may be replaced."
    try:
        mark = json.loads((target / MARK).read_text(encoding="utf-8"))
        made = (str(mark["uid"]), int(mark["seq"]))
    except (OSError, ValueError, KeyError, TypeError):
        raise IndexFault(f"{target} is there and is not a backup", elsewhere) from None
    if _state(folder.live(target)) != made:
        raise IndexFault(f"{target} was a backup and has been written to since", elsewhere)


def _mark(draft: Path, index: Path, generation: Path) -> None:
    uid, seq = _state(generation)
    made = datetime.now(UTC).isoformat(timespec="seconds")
    facts = {"of": str(index.resolve()), "made": made, "uid": uid, "seq": seq}
    replace(draft / MARK, json.dumps(facts).encode())


def _state(generation: Path) -> tuple[str, int]:
    with closing(Truth(generation / folder.DATABASE)) as truth, truth.snapshot():
        seq = truth.seq()
        return truth.uid(seq), seq


@contextmanager
def _draft(target: Path) -> Iterator[Path]:
    """Give the folder in which a backup is made, which goes again if that fails; no other process has it."""
    draft = target.with_name(target.name + NEW)
    try:
        draft.mkdir(parents=True, exist_ok=True)
        names = {path.name for path in draft.iterdir()}
        if names and not names & _OURS:
            raise IndexFault(f"{draft} is in the way", "Move it away.")
        with lock.held(draft):
            _empty(draft)
            replace(draft / MARK, b"{}")
            try:
                yield draft
            except BaseException:
                shutil.rmtree(draft, ignore_errors=True)
                raise
        (draft / lock.LOCK).unlink(missing_ok=True)
    except OSError as error:
        raise unwritable(draft, error) from error


def _empty(draft: Path) -> None:
    for path in draft.iterdir():
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        elif path.name not in _OURS:
            path.unlink()


def _put_in_place(draft: Path, target: Path) -> None:
    old = target.with_name(target.name + _OLD)
    try:
        if target.is_dir() and any(target.iterdir()):
            if (old / MARK).exists():
                _clear(old)
            target.rename(old)
        draft.rename(target)
        sync_folder(target.parent)
    except OSError as error:
        raise unwritable(target, error) from error
    if (old / MARK).exists():
        with suppress(OSError):  # the next backup clears it away
            _clear(old)


def _clear(old: Path) -> None:
    """Delete a backup, its mark last: what is left by a crash is still known as one."""
    for path in old.iterdir():
        if path.is_dir():
            shutil.rmtree(path)
        elif path.name != MARK:
            path.unlink()
    (old / MARK).unlink()
    old.rmdir()
