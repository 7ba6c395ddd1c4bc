"""The index folder: which generation lives, how the next one takes its place, and who may write."""

from __future__ import annotations

import shlex
import shutil
import uuid
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from pathlib import Path

from rag.errors import IndexDamaged, IndexFault, IndexMissing, IndexStale
from rag.index import lock
from rag.index.database import repairing
from rag.index.durable import NEW, replace, sync_folder, unwritable
from rag.index.truth import Truth

__all__ = [
    "BESIDE",
    "CURRENT",
    "DATABASE",
    "SAVED",
    "anew",
    "create",
    "generations",
    "indexing",
    "is_whole",
    "live",
    "named",
    "next_folder",
    "prepare",
    "previous",
    "prune",
    "publish",
    "replace",
    "sync_folder",
    "withdraw",
    "writing",
]

CURRENT = "CURRENT"
DATABASE = "articles.db"
BESIDE = ("uploads", "fetched")  # folders of files that articles came from; all generations share them
SAVED = "saved.jsonl"  # questions whose answers are to stay as they are; all generations share it
_VOID_BYTES = 8192  # an articles.db with tables has more
_OURS = {CURRENT, lock.HOLDER, lock.LOCK}


def live(index: Path) -> Path:
    """Return the folder of the generation that answers.

    Raises:
        IndexMissing: there is no index here.
        IndexDamaged: CURRENT names what is not there.
    """
    name, _ = _current(index)
    while not (_is_generation(name) and (index / name / DATABASE).is_file()):
        named, (name, _) = name, _current(index)
        if name == named:  # else another one has taken its place meanwhile
            raise _headless(index, name)
    return index / name


def anew(index: Path) -> str:
    """Return what to do about an index of which no articles are left."""
    return (
        f"Put a backup in its place. Without one: move {index} away, since conversations.db and what was saved or "
        f"uploaded in it cannot be made again, and index the files: {indexing(index)}"
    )


def indexing(index: Path) -> str:
    """Return the command that makes an index, or brings back what it has lost; PATH stands for the files."""
    return f"citewise index PATH --index {shlex.quote(str(index))}"


def named(index: Path) -> str:
    """Return the name of the generation that CURRENT says answers, there or not; empty where it says none."""
    with suppress(IndexFault):
        name, _ = _current(index)
        return name if _is_generation(name) else ""
    return ""


def previous(index: Path) -> Path | None:
    """Return the whole generation that can be put back: the one that answered before, else the newest other."""
    return next((path for path in _others(index) if is_whole(path)), None)


def prepare(index: Path, meta: Mapping[str, str]) -> Path:
    """Return the live generation, made empty with ``meta`` if there is none; call under the writer lock."""
    if not (index / CURRENT).exists():
        whole = [path for path in generations(index) if is_whole(path)]
        for path in generations(index) if not whole else ():
            if _is_begun(path) or _is_void(path):
                shutil.rmtree(path, ignore_errors=True)
        publish(index, whole[-1] if whole else create(index, {**meta, "whole": "yes"}))
    return live(index)


def create(index: Path, meta: Mapping[str, str], above: int = 0) -> Path:
    """Make the next generation with an empty articles.db; nobody sees it until ``publish``.

    Its passages' ids start over ``above``.
    """
    folder = next_folder(index)
    Truth.create(folder / DATABASE, {**meta, "uid": uuid.uuid4().hex}, above)
    return folder


def next_folder(index: Path) -> Path:
    """Make the empty folder of the next generation."""
    names = [int(path.name.removeprefix("gen-")) for path in generations(index)]
    folder = index / f"gen-{max(names, default=0) + 1}"
    try:
        folder.mkdir()
        sync_folder(index)
    except OSError as error:
        raise unwritable(folder, error) from error
    return folder


def publish(index: Path, generation: Path, before: Path | None = None) -> None:
    """Let ``generation`` answer from now on, by one atomic rename.

    ``before`` is the one that can be put back: the one that answered so far, unless another is named; itself
    stands for none.
    """
    try:
        named, earlier = _current(index)
    except IndexFault:
        named, earlier = "", ""
    back = before.name if before else named if named != generation.name else earlier
    names = [name for name in dict.fromkeys([generation.name, back]) if _is_generation(name)]
    replace(index / CURRENT, "".join(f"{name}\n" for name in names).encode())


def prune(index: Path, keep: int = 1) -> None:
    """Delete all generations but the live one and ``keep`` that can be put back; call under the writer lock.

    None goes when one of them cannot be looked into just now.
    """
    live(index)
    others = _others(index)
    try:
        kept = [path for path in others if is_whole(path)][:keep]
    except IndexFault:
        return
    for path in others:
        if path not in kept:
            shutil.rmtree(path, ignore_errors=True)


def generations(index: Path) -> list[Path]:
    """Return the folders of all generations, oldest first."""
    found = [path for path in index.glob("gen-*") if _is_generation(path.name)]
    return sorted(found, key=lambda path: int(path.name.removeprefix("gen-")))


def is_whole(folder: Path) -> bool:
    """Whether a generation was made to its end, so that it can answer.

    Raises:
        IndexFault: that cannot be told just now: the disk fails, or another program keeps it busy.
    """
    if _is_begun(folder) or not (folder / DATABASE).is_file():
        return False
    try:
        with closing(Truth(folder / DATABASE)) as truth:
            return truth.meta("whole") == "yes"
    except (IndexDamaged, IndexStale):
        return False


@contextmanager
def writing(index: Path) -> Iterator[None]:
    """Hold the writer lock of an index folder, which is made if need be. The lock dies with its process.

    Raises:
        IndexLocked: another process holds it; the message says which.
        IndexFault: the folder cannot be made, or holds something else than an index.
    """
    _claim(index)
    with lock.held(index):
        settle(index)
        yield


def withdraw(index: Path) -> None:
    """Delete an index folder in which nothing was begun; call under the writer lock, as the one who made it."""
    with suppress(OSError):
        if {path.name for path in index.iterdir()} <= {lock.HOLDER, lock.LOCK}:
            for path in index.iterdir():
                path.unlink()
            index.rmdir()


def settle(index: Path) -> None:
    """Put the files that came with the live generation beside it, drop what a kill left in it; under the writer lock.

    One that was imported brings them inside its folder, and that which it replaced keeps there those from before,
    until it is put back. A crash between two steps is made good by the next writer.
    """
    try:
        name, before = _current(index)
    except IndexFault:
        return
    for left in (index / name).glob(f"*{NEW}") if _is_generation(name) else ():
        if left.is_file():  # of a cache that was being written when its writer was killed
            left.unlink(missing_ok=True)
    for beside in BESIDE if _is_generation(name) else ():
        coming, here, home = index / name / beside, index / beside, index / before
        if not coming.is_dir() or (here.exists() and not (before and home.is_dir())):
            continue  # nothing comes, or nobody is there to take what is here
        try:
            if here.exists():
                here.rename(home / beside)
            coming.rename(here)
            sync_folder(index)
        except OSError as error:
            raise unwritable(here, error) from error


def _current(index: Path) -> tuple[str, str]:
    """Return the names of the generation that answers, and of the one before it, empty if none is named."""
    try:
        lines = (index / CURRENT).read_text(encoding="utf-8").splitlines()
    except (FileNotFoundError, NotADirectoryError):
        raise _missing(index) from None
    except (OSError, UnicodeDecodeError) as error:
        raise IndexDamaged(
            f"{index / CURRENT} cannot be read: {error}", "Check the folder's permissions."
        ) from error
    name, before, *_ = [*(line.strip() for line in lines), "", ""]
    return name, before


def _missing(index: Path) -> IndexMissing:
    if said := _no_folder(index):
        return IndexMissing(f"{index} {said}, not an index folder", "Name the folder with --index.")
    if any(map(_is_left, generations(index))):
        return IndexMissing(
            f"{index} has lost its file {CURRENT}, which says what answers",
            f"Let it be written again: {repairing(index)}",
        )
    return IndexMissing(f"there is no index at {index}", f"Make one: {indexing(index)}")


def _headless(index: Path, name: str) -> IndexDamaged:
    """Return what to raise where CURRENT names what cannot answer."""
    is_bare = _is_generation(name) and (index / name).is_dir()
    wrong = f"whose {DATABASE} is missing" if is_bare else "which is not there"
    hint = f"Let it name one that is: {repairing(index)}"
    return IndexDamaged(
        f"{index / CURRENT} names {name[:40]!r}, {wrong}",
        hint if any((path / DATABASE).is_file() for path in generations(index)) else anew(index),
    )


def _no_folder(index: Path) -> str:
    """Return what is in the place of an index folder, empty if there is one, or nothing."""
    if index.is_dir():
        return ""
    if index.exists():
        return "is a file"
    return "is a link to nothing" if index.is_symlink() else ""


def _others(index: Path) -> list[Path]:
    """Return the generations that do not answer, the one that did before first, then the newest first."""
    name, before = _current(index)
    others = [path for path in reversed(generations(index)) if path.name != name]
    return sorted(others, key=lambda path: path.name != before)


def _claim(index: Path) -> None:
    try:
        if not index.is_dir():
            index.mkdir(parents=True, exist_ok=True)
            for folder in (index.parent, index.parent.parent):
                sync_folder(folder)
        names = {path.name for path in index.iterdir()}
    except OSError as error:
        why = f"it {_no_folder(index)}" if isinstance(error, FileExistsError) else error.strerror
        raise IndexFault(f"{index} cannot be an index folder: {why}", "Name another with --index.") from error
    foreign = sorted(n for n in names - _OURS if not _is_generation(n) and not n.endswith(NEW))
    if foreign and CURRENT not in names and not any(map(_is_generation, names)):
        raise IndexFault(
            f"{index} holds {foreign[0]!r} and is not an index", "Name an empty or a new folder with --index."
        )


def _is_begun(folder: Path) -> bool:
    """Whether a generation has the journal of its first moments; later it has a log instead."""
    return (folder / f"{DATABASE}-journal").exists()


def _is_left(folder: Path) -> bool:
    """Whether a generation has an articles.db that is more than begun."""
    database = folder / DATABASE
    return database.is_file() and not _is_begun(folder) and database.stat().st_size >= _VOID_BYTES


def _is_void(folder: Path) -> bool:
    """Whether a generation was cut short before it had a table."""
    try:
        with closing(Truth(folder / DATABASE)):
            return False
    except (IndexDamaged, IndexStale):
        try:
            return (folder / DATABASE).stat().st_size < _VOID_BYTES
        except OSError:
            return True
    except IndexFault:
        return not (folder / DATABASE).exists()


def _is_generation(name: str) -> bool:
    return name.startswith("gen-") and name.removeprefix("gen-").isdecimal()
