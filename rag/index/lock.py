"""The writer lock of an index folder: one process writes at a time, and others can tell which."""

from __future__ import annotations

import json
import os
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from filelock import FileLock, Timeout

from rag.errors import IndexLocked
from rag.index.durable import replace, unwritable

HOLDER = "writer.json"
LOCK = "writer.lock"


@dataclass(frozen=True, slots=True)
class Writer:
    """Who writes to an index; ``since`` is a time in ISO 8601."""

    pid: int
    host: str
    command: str
    since: str

    def __str__(self) -> str:
        return f"process {self.pid} on {self.host} since {self.since} ({self.command})"


@contextmanager
def held(index: Path) -> Iterator[None]:
    """Hold the lock of an index folder that is there; it dies with its process.

    Raises:
        IndexLocked: another process holds it; the message says which.
        IndexFault: it cannot be written.
    """
    lock = FileLock(index / LOCK, timeout=0)
    try:
        lock.acquire()
    except Timeout:
        raise IndexLocked(
            f"{index} is being written by {_holder(index) or 'another process'}",
            "Wait for it to end; asking goes on meanwhile.",
        ) from None
    except OSError as error:
        raise unwritable(index / LOCK, error) from error
    try:
        replace(index / HOLDER, json.dumps(asdict(_me())).encode())
        yield
    finally:
        with suppress(OSError):
            (index / HOLDER).unlink()
        lock.release()


def writer(index: Path) -> Writer | None:
    """Return who is writing to an index just now, as far as that can be told."""
    who = _holder(index)  # left behind by one that was killed
    return None if who is None or _is_free(index / LOCK) else who


def _me() -> Writer:
    command = " ".join([Path(sys.argv[0]).name, *sys.argv[1:]])[:200]
    return Writer(os.getpid(), socket.gethostname(), command, datetime.now(UTC).isoformat(timespec="seconds"))


def _holder(index: Path) -> Writer | None:
    try:
        return Writer(**json.loads((index / HOLDER).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None


def _is_free(path: Path) -> bool:
    lock = FileLock(path, timeout=0)
    try:
        lock.acquire()
    except (Timeout, OSError):
        return False
    lock.release()
    return True
