"""A copy of an articles.db: one committed state of it, without free pages, checked before anybody trusts it."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

from rag.errors import IndexDamaged
from rag.index.database import mend, told
from rag.index.durable import NEW, sync_file, unwritable
from rag.index.folder import BESIDE
from rag.index.truth import Truth

Statement = tuple[str, Sequence[object]]
_FREE = 0.01  # of the pages; so few are not worth writing the file again, and the next articles take them
_NO_TABLE = (
    "SELECT name FROM sqlite_schema WHERE type NOT IN ('table', 'index') OR sql LIKE 'CREATE VIRTUAL%'"
)


def copy(source: Path, target: Path) -> None:
    """Write what ``source`` holds now as another file; its readers and its writer go on meanwhile.

    Raises:
        IndexDamaged: it cannot be read whole.
        IndexFault: the other file cannot be written.
    """
    discard(target)
    with closing(Truth(source)) as truth:
        truth.rows("PRAGMA query_only=OFF")  # a file that is open for reading alone may be written elsewhere
        truth.rows("VACUUM INTO ?", (str(target),))


def edit(path: Path, statements: Sequence[Statement]) -> None:
    """Change a copy that nobody uses yet, without a journal: if that fails it is worth nothing."""
    with _opened(path) as db:
        db.execute("PRAGMA journal_mode=OFF")
        db.execute("PRAGMA synchronous=OFF")
        db.execute("BEGIN")
        for sql, values in statements:
            db.execute(sql, values)
        db.execute("COMMIT")
        is_holey = _number(db, "PRAGMA freelist_count") > _FREE * _number(db, "PRAGMA page_count")
        if is_holey:  # not VACUUM in its place, which takes the same room in a folder for temporary files
            again = path.with_name(f"{path.name}-again{NEW}")
            discard(again)
            db.execute("VACUUM INTO ?", (str(again),))
    if is_holey:
        again.replace(path)


def rehomed(old: Path, new: Path) -> list[Statement]:
    """Return what lets articles whose files lie beside the index at ``old`` come from those beside ``new``."""
    return [
        (
            f"UPDATE {table} SET {column} = ? || substr({column}, ?) WHERE {column} > ? AND {column} < ?",
            (str(new), len(str(old)) + 1, f"{old}/{beside}/", f"{old}/{beside}0"),
        )
        for beside in BESIDE
        for table, column in (("articles", "place"), ("articles", "file"), ("files", "path"))
    ]


def check(path: Path) -> None:
    """Look a copy over: SQLite's own check, what refers to what, and nothing in it but tables.

    Raises:
        IndexDamaged: it is not sound.
    """
    with _opened(path, "?mode=ro") as db:
        db.execute("PRAGMA trusted_schema=OFF")
        for fault in _faults(db):
            raise IndexDamaged(f"{path}: {fault}", mend(path))


def make_durable(path: Path) -> None:
    """Let a copy be one that readers and a writer share, and that outlives a crash."""
    with _opened(path) as db:
        db.execute("PRAGMA journal_mode=WAL")
    try:
        sync_file(path)
    except OSError as error:
        raise unwritable(path, error) from error


def discard(path: Path) -> None:
    """Delete a copy, and what SQLite keeps beside it."""
    for part in (path, *(path.with_name(f"{path.name}-{kind}") for kind in ("wal", "shm", "journal"))):
        part.unlink(missing_ok=True)


def _faults(db: sqlite3.Connection) -> Iterator[str]:
    yield from (line for (line,) in db.execute("PRAGMA integrity_check(1)") if line != "ok")
    yield from (
        f"{table} {row} refers to nothing" for table, row, *_ in db.execute("PRAGMA foreign_key_check")
    )
    yield from (f"it holds {name}, which is no table" for (name,) in db.execute(_NO_TABLE))


@contextmanager
def _opened(path: Path, how: str = "?mode=rw") -> Iterator[sqlite3.Connection]:
    with (
        told(path),
        closing(sqlite3.connect(path.resolve().as_uri() + how, uri=True, isolation_level=None)) as db,
    ):
        yield db


def _number(db: sqlite3.Connection, sql: str) -> int:
    return int(db.execute(sql).fetchone()[0])
