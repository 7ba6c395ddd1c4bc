"""The index folder: which generation lives, how the next one takes its place, and who may write."""

from __future__ import annotations

import json
import os
import shutil
import socket
import sys
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

from filelock import FileLock, Timeout

from rag.errors import IndexDamaged, IndexFault, IndexLocked, IndexMissing
from rag.truth import Truth

CURRENT = "CURRENT"
DATABASE = "articles.db"
_HOLDER = "writer.json"
_LOCK = "writer.lock"
_OURS = {CURRENT, _HOLDER, _LOCK}


def live(index: Path) -> Path:
    """Return the folder of the generation that answers.

    Raises:
        IndexMissing: there is no index here.
        IndexDamaged: CURRENT names what is not there.
    """
    try:
        name = (index / CURRENT).read_text(encoding="utf-8").strip()
    except (FileNotFoundError, NotADirectoryError):
        raise IndexMissing(
            f"there is no index at {index}", f"Make one: citewise index PATH --index {index}"
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise IndexDamaged(
            f"{index / CURRENT} cannot be read: {error}", "Check the folder's permissions."
        ) from error
    if not _is_generation(name) or not (index / name / DATABASE).is_file():
        raise IndexDamaged(
            f"{index / CURRENT} names {name[:40]!r}, which is not there",
            "Delete CURRENT and run citewise index PATH again; a whole generation is taken up as it is.",
        )
    return index / name


def prepare(index: Path, meta: Mapping[str, str]) -> Path:
    """Return the live generation, made empty with ``meta`` if there is none; call under the writer lock."""
    if not (index / CURRENT).exists():
        whole = [path for path in generations(index) if _is_whole(path)]
        publish(index, whole[-1] if whole else create(index, {**meta, "whole": "yes"}))
    return live(index)


def create(index: Path, meta: Mapping[str, str], above: int = 0) -> Path:
    """Make the next generation with an empty articles.db; nobody sees it until ``publish``.

    Its passages' ids start over ``above``.
    """
    names = [int(path.name.removeprefix("gen-")) for path in generations(index)]
    folder = index / f"gen-{max(names, default=0) + 1}"
    try:
        folder.mkdir()
    except OSError as error:
        raise _unwritable(folder, error) from error
    Truth.create(folder / DATABASE, {**meta, "uid": uuid.uuid4().hex}, above)
    return folder


def publish(index: Path, generation: Path) -> None:
    """Let ``generation`` answer from now on, by one atomic rename."""
    replace(index / CURRENT, generation.name.encode() + b"\n")


def prune(index: Path, keep: int = 1) -> None:
    """Delete all generations but the live one and the ``keep`` before it; call under the writer lock."""
    alive = live(index)
    others = [path for path in generations(index) if path != alive]
    kept = [path for path in others if _is_whole(path)][-keep:] if keep else []
    for path in others:
        if path not in kept:
            shutil.rmtree(path, ignore_errors=True)


def generations(index: Path) -> list[Path]:
    """Return the folders of all generations, oldest first."""
    found = [path for path in index.glob("gen-*") if _is_generation(path.name)]
    return sorted(found, key=lambda path: int(path.name.removeprefix("gen-")))


def replace(path: Path, *data: bytes | memoryview) -> None:
    """Write a file so that a reader, or a crash, finds the old one or the new one and never a part.

    Raises:
        IndexFault: it cannot be written; the old one stays.
    """
    temporary = path.with_name(path.name + ".new")
    try:
        with temporary.open("wb") as file:
            file.writelines(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
        sync_folder(path.parent)
    except OSError as error:
        with suppress(OSError):
            temporary.unlink()
        raise _unwritable(path, error) from error


def sync_folder(folder: Path) -> None:
    """Make renames in a folder durable, where the system can."""
    if os.name == "posix":
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


@contextmanager
def writing(index: Path) -> Iterator[None]:
    """Hold the writer lock of an index folder, which is made if need be. The lock dies with its process.

    Raises:
        IndexLocked: another process holds it; the message says which.
        IndexFault: the folder cannot be made, or holds something else than an index.
    """
    _claim(index)
    lock = FileLock(index / _LOCK, timeout=0)
    try:
        lock.acquire()
    except Timeout:
        raise IndexLocked(
            f"{index} is being written by {_holder(index)}", "Wait for it to end; asking goes on meanwhile."
        ) from None
    except OSError as error:
        raise _unwritable(index / _LOCK, error) from error
    try:
        replace(index / _HOLDER, json.dumps(_me()).encode())
        yield
    finally:
        with suppress(OSError):
            (index / _HOLDER).unlink()
        lock.release()


def _unwritable(path: Path, error: OSError) -> IndexFault:
    return IndexFault(
        f"{path} cannot be written: {error.strerror or error}",
        "Free some space, or check that you may write there.",
    )


def _claim(index: Path) -> None:
    try:
        index.mkdir(parents=True, exist_ok=True)
        names = {path.name for path in index.iterdir()}
    except OSError as error:
        raise IndexFault(
            f"{index} cannot be an index folder: {error.strerror}", "Name another with --index."
        ) from error
    foreign = sorted(n for n in names - _OURS if not _is_generation(n) and not n.endswith(".new"))
    if foreign and CURRENT not in names and not any(map(_is_generation, names)):
        raise IndexFault(
            f"{index} holds {foreign[0]!r} and is not an index", "Name an empty or a new folder with --index."
        )


def _me() -> dict[str, object]:
    command = " ".join([Path(sys.argv[0]).name, *sys.argv[1:]])[:200]
    since = datetime.now(UTC).isoformat(timespec="seconds")
    return {"pid": os.getpid(), "host": socket.gethostname(), "command": command, "since": since}


def _holder(index: Path) -> str:
    try:
        who = json.loads((index / _HOLDER).read_text(encoding="utf-8"))
        return f"process {who['pid']} on {who['host']} since {who['since']} ({who['command']})"
    except (OSError, ValueError, KeyError, TypeError):
        return "another process"


def _is_generation(name: str) -> bool:
    return name.startswith("gen-") and name.removeprefix("gen-").isdecimal()


def _is_whole(folder: Path) -> bool:
    try:
        truth = Truth(folder / DATABASE)
    except IndexFault:
        return False
    try:
        return truth.meta("whole") == "yes"
    finally:
        truth.close()
