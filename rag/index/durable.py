"""Files that a crash finds whole or not at all, and room for them on the disk."""

from __future__ import annotations

import errno
import os
import shutil
from contextlib import suppress
from pathlib import Path

from rag.errors import IndexFault

NEW = ".new"  # ends the name of what is being written, until it takes its place
_NO_ROOM = "Free some space and run it again."
_NOT_ALLOWED = "Check that the folder is yours to write to, and the disk not read-only."
_HINTS = {
    errno.ENOSPC: _NO_ROOM,
    errno.EDQUOT: _NO_ROOM,
    errno.EROFS: _NOT_ALLOWED,
    errno.EACCES: _NOT_ALLOWED,
    errno.EPERM: _NOT_ALLOWED,
    errno.ENOENT: "The folder is gone: put it back, or name another.",
}
_SPARE = 1.05  # of what is needed: sizes are estimates, and folders take room too


def replace(path: Path, *data: bytes | memoryview) -> None:
    """Write a file so that a reader, or a crash, finds the old one or the new one and never a part.

    Raises:
        IndexFault: it cannot be written; the old one stays.
    """
    temporary = path.with_name(path.name + NEW)
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
        raise unwritable(path, error) from error


def sync_file(path: Path) -> None:
    """Make what a file holds durable."""
    with path.open("rb+") as file:
        os.fsync(file.fileno())


def sync_folder(folder: Path) -> None:
    """Make renames in a folder durable, where the system can."""
    if os.name == "posix":
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def size(path: Path) -> int:
    """Return the bytes of a file, or of all files in a folder; what goes meanwhile does not count."""
    total = 0
    for part in [path, *path.rglob("*")]:
        with suppress(OSError):
            total += part.lstat().st_size if part.is_file() else 0
    return total


def require_room(folder: Path, n_bytes: int, work: str) -> None:
    """Refuse to begin what the disk has no room for.

    Raises:
        IndexFault: fewer than ``n_bytes`` and a little more are free where ``folder`` lies.
    """
    needed, free = int(n_bytes * _SPARE), shutil.disk_usage(folder).free
    if free < needed:
        raise IndexFault(
            f"{work} needs {in_words(needed)} at {folder}, and {in_words(free)} are free",
            "Free some space and run it again; nothing was changed.",
        )


def in_words(n_bytes: int) -> str:
    """Return a number of bytes for people: 512 bytes, 43.5 MB, 2.2 GB (of 1,000 each)."""
    number, unit = float(n_bytes), "bytes"
    for larger in ("kB", "MB", "GB", "TB"):
        if number < 999.95:
            break
        number, unit = number / 1000, larger
    return f"{number:,.0f} {unit}" if unit == "bytes" else f"{number:,.1f} {unit}"


def counted(n: int, noun: str) -> str:
    """Return a number of things for people: 1 article, 2,312 articles."""
    return f"{n:,} {noun}{'' if n == 1 else 's'}"


def unwritable(path: Path, error: OSError) -> IndexFault:
    """Return what to raise for a file or folder that cannot be written."""
    return IndexFault(
        f"{path} cannot be written: {error.strerror or error}",
        _HINTS.get(error.errno or 0, "Check the disk, and that you may write there."),
    )
