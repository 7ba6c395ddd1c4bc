"""One SQLite file in WAL mode, open: shared by threads, read in snapshots, its errors told as ours.

A reader is query-only and never checkpoints: SQLite before 3.51.3 can lose pages when two connections
checkpoint at once.
"""

from __future__ import annotations

import os
import shlex
import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rag.errors import IndexDamaged, IndexFault

BUSY_S = 10.0  # a reader waits this long for the writer's moments of exclusion
_BATCH = 500  # rows that are fetched at a time
_SHOWN = 200  # characters of an error that are shown


class Database:
    """A connection guarded by a lock, so that threads may share it."""

    def __init__(self, path: Path, *, write: bool = False) -> None:
        self.path = path
        self._lock = threading.RLock()
        self._opened = 0
        with told(path):
            self._open(write)

    def close(self) -> None:
        """Close the connection; twice is once."""
        with self._lock:
            self._db.close()

    def version(self) -> tuple[int, int]:
        """Return what differs from the last time when another connection has committed since."""
        with self._lock:
            if self._frozen and self._frozen != _mark(self.path):
                with told(self.path):
                    self._db.close()
                    self._open(write=False)
            return self._opened, int(self.row("PRAGMA data_version")[0])

    @contextmanager
    def snapshot(self) -> Iterator[None]:
        """Let all reads inside see one committed state."""
        with self._lock, told(self.path):
            if self._db.in_transaction:
                yield
                return
            self._db.execute("BEGIN")
            try:
                yield
            finally:
                self._db.execute("ROLLBACK")

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Make all writes inside durable together, or none of them."""
        with self._lock, told(self.path):
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._db.execute("COMMIT")
            except BaseException:
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")
                raise

    def run(self, sql: str, values: Sequence[Any]) -> sqlite3.Cursor:
        """Execute a statement that writes; call inside ``transaction``."""
        return self._db.execute(sql, values)

    def rows(self, sql: str, values: Sequence[Any] = ()) -> list[Any]:
        """Return all rows of a query."""
        with self._lock, told(self.path):
            return self._db.execute(sql, values).fetchall()

    def row(self, sql: str, values: Sequence[Any] = ()) -> Any:
        """Return the first row of a query that has one in every sound file.

        Raises:
            IndexDamaged: it has none.
        """
        found = self.rows(sql, values)
        if not found:
            raise IndexDamaged(f"{self.path} has lost a row that every index has", mend(self.path))
        return found[0]

    def stream(self, sql: str, values: Sequence[Any] = ()) -> Iterator[Any]:
        """Yield the rows of a query, some at a time; the lock is free while the caller works on them."""
        with self._lock, told(self.path):
            cursor = self._db.execute(sql, values)
        while True:
            with self._lock, told(self.path):
                batch = cursor.fetchmany(_BATCH)
            if not batch:
                return
            yield from batch

    def _open(self, write: bool) -> None:
        self._frozen: object = None
        self._opened += 1
        if write:
            self._db = _connect(self.path, "mode=rw")
            self._db.execute("PRAGMA synchronous=FULL")
            self._db.execute("PRAGMA foreign_keys=ON")
            return
        self._db = _connect(self.path, "mode=ro")
        try:
            self._db.execute("SELECT 1 FROM sqlite_schema").fetchone()
        except sqlite3.Error as error:
            self._db.close()
            if not (isinstance(error, sqlite3.OperationalError) and _is_at_rest(self.path)):
                raise
            self._frozen = _mark(self.path)
            self._db = _connect(self.path, "mode=ro&immutable=1")
        self._db.execute("PRAGMA query_only=ON")


def repairing(index: Path) -> str:
    """Return the command that mends an index, to be pasted."""
    return f"citewise doctor --repair --index {shlex.quote(str(index))}"


def mend(database: Path) -> str:
    """Return what to do about a damaged articles.db; the command names its index, but for a draft, which goes."""
    generation = database.parent
    if generation.name.startswith("gen-") and database.suffix == ".db":
        return f"{repairing(generation.parent)} saves what can be read; or put a backup in its place."
    return "Look its index over: citewise doctor --repair --index DIR; or put a backup in its place."


def one_line(error: object) -> str:
    """Return an error as one short line, without the text that could not be decoded."""
    said = " ".join(str(error).partition(" with text ")[0].split())
    return said if len(said) <= _SHOWN else f"{said[: _SHOWN - 1]}…"


@contextmanager
def told(path: Path) -> Iterator[None]:
    """Tell SQLite's errors as ours."""
    try:
        yield
    except sqlite3.Error as error:
        raise _translated(path, error) from error
    except UnicodeDecodeError as error:  # a damaged name of a table, in SQLite's own message
        raise IndexDamaged(f"{path} cannot be read: its tables are damaged", mend(path)) from error


def _connect(path: Path, how: str) -> sqlite3.Connection:
    uri = f"{path.resolve().as_uri()}?{how}"
    return sqlite3.connect(uri, uri=True, timeout=BUSY_S, isolation_level=None, check_same_thread=False)


def _is_at_rest(path: Path) -> bool:
    """Whether nobody has the file open and we could not say that we have: no log, and a folder closed to us.

    In WAL mode even a reader wants to write beside the file; such a file can only be read as one that stays
    as it is, until ``_mark`` tells otherwise.
    """
    return path.exists() and not _log_size(path) and not os.access(path.parent, os.W_OK)


def _mark(path: Path) -> object:
    try:
        about = path.stat()
    except OSError:
        return None
    return about.st_ino, about.st_mtime_ns, about.st_size, _log_size(path)


def _log_size(path: Path) -> int:
    try:
        return path.with_name(path.name + "-wal").stat().st_size
    except OSError:
        return 0


def _translated(path: Path, error: sqlite3.Error) -> IndexFault:
    text, code = (
        one_line(error),
        getattr(error, "sqlite_errorcode", 0) & 0xFF,
    )  # without what only tells its kinds apart
    if code == sqlite3.SQLITE_FULL:
        return IndexFault(
            f"{path}: the disk is full; this change was not made", "Free some space and run it again."
        )
    if code == sqlite3.SQLITE_IOERR:
        return IndexFault(
            f"{path}: {text}; the disk fails, or is full; this change was not made",
            "Free some space, check the disk, and run it again.",
        )
    if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return IndexFault(f"{path} is kept busy by another program ({text})", "Try again when it has ended.")
    if code in (sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY):
        return IndexFault(f"{path}: {text}", "Check that the folder exists and that you may write to it.")
    if isinstance(error, sqlite3.ProgrammingError) and "closed" in text:
        return IndexFault(f"{path} was closed", "Open the index again.")
    if isinstance(error, sqlite3.IntegrityError):
        return IndexFault(
            f"{path}: this change contradicts what is stored and was not made ({text})",
            "This is a mistake of Citewise: please report it.",
        )
    return IndexDamaged(f"{path} {'is empty' if _is_empty(path) else f'cannot be read: {text}'}", mend(path))


def _is_empty(path: Path) -> bool:
    return path.is_file() and not path.stat().st_size
