"""A damaged articles.db, read as far as it can be: row by row, past what SQLite refuses to read.

Nothing that comes out of it is to be believed without a sum or a second witness.
"""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing, suppress
from itertools import islice
from pathlib import Path
from typing import Any, Literal

from rag.errors import IndexDamaged
from rag.index.durable import NEW
from rag.index.truth import Truth
from rag.upkeep import copies
from rag.upkeep.pages import Cell, Pages

Table = Literal["articles", "passages", "vectors"]
_COLUMNS: dict[Table, tuple[str, ...]] = {  # all of them, the number of the row first
    "articles": ("n", "id", "place", "file", "sha256", "title", "text", "source", "published", "url", "meta"),
    "passages": ("id", "article", "start", "end", "vector"),
    "vectors": ("n", "key", "vector"),
}
_HEAD = 4096  # bytes of the first page
_SIZE_IS_OF = slice(
    92, 96
)  # of it: the change that its number of pages is of; unless the last, that is not used
_LONGEST = 256 << 20  # bytes of one value; a damaged length may ask for gigabytes
_LAST = 2**62  # a number of a row beyond all others
_ENTRY = 4  # bytes that an entry of an index takes at least
_ERRORS = (sqlite3.Error, OverflowError)


class Wreck:
    """A damaged articles.db, open for reading; ``close`` it.

    Where its first page is lost it is read by that of a new one, in which the tables begin at the same pages;
    ``knows_lookups`` says whether the indexes but those of articles by id and place are where it says.
    """

    def __init__(self, path: Path, folder: Path) -> None:
        """Open ``path``; a copy of it, if one is needed, is made in ``folder``.

        Raises:
            IndexDamaged: nothing at all can be read of it.
        """
        has_log = path.with_name(f"{path.name}-wal").is_file()
        self._path = _copied(path, folder) if has_log else path
        db = _opened(self._path)
        self.knows_lookups = db is not None
        if db is None:
            self._path = _copied(path, folder)
            _lend_head(self._path, folder)
            db = _opened(self._path)
        if db is None:
            raise IndexDamaged(
                f"{path} is no database any more: nothing can be read of it",
                "citewise rollback puts the generation before back, if there is one.",
            )
        self._db = db
        self._lost_vectors: dict[int, Cell] | None = None
        # Without the first page nobody knows which pages are free, and hold what was removed.
        self._pages = Pages(self._path) if self.knows_lookups else None

    def close(self) -> None:
        """Close the file."""
        self._db.close()
        if self._pages:
            self._pages.close()

    def meta(self, key: str) -> str:
        """Return a fact that the index records of itself; empty if it cannot be read."""
        row = next(self._rows("SELECT value FROM meta WHERE key = ?", (key,)), None)
        return row[0] if row and isinstance(row[0], str) else ""

    def counter(self) -> int:
        """Return the last id that a passage was given, as far as is known."""
        row = next(self._rows("SELECT max(seq) FROM sqlite_sequence WHERE name = 'passages'"), None)
        return row[0] if row and isinstance(row[0], int) and 0 <= row[0] < _LAST else 0

    def rows(self, table: Table) -> Iterator[tuple[Any, ...]]:
        """Yield all rows of a table that can be read, by their numbers; those that SQLite cannot reach come last."""
        gaps: list[tuple[int, int]] = []
        columns = ", ".join(f'"{name}"' for name in _COLUMNS[table])
        yield from self._reachable(table, columns, gaps)
        for cell in self._within(table, gaps):
            values = self._pages.values(cell) if self._pages else None
            if values:
                yield (cell.number, *values[1:])

    def entries(self, column: str, table: Table) -> Iterator[tuple[Any, int]]:
        """Yield (value, number of the row) of an index, which repeats a column, as far as it can be read."""
        sql = f"SELECT {column}, {_COLUMNS[table][0]} FROM {table} ORDER BY {column}"
        for way in ("ASC", "DESC"):
            with suppress(*_ERRORS):
                yield from islice(self._db.execute(f"{sql} {way}"), self._path.stat().st_size // _ENTRY)
                return

    def vectors(self, n: int, keys: list[bytes]) -> Iterator[tuple[bytes, bytes]]:
        """Yield (key, vector) kept under a number, or under keys."""
        for test, value in (("n", n), *(("key", key) for key in keys)):
            yield from self._rows(f"SELECT key, vector FROM vectors WHERE {test} = ?", (value,))
        if self._pages and (cell := self._unreachable().get(n)):
            values = self._pages.values(cell)
            if values:
                yield values[1], values[2]

    def _rows(self, sql: str, values: tuple[object, ...] = ()) -> Iterator[Any]:
        with suppress(*_ERRORS):
            yield from self._db.execute(sql, values)

    def _unreachable(self) -> dict[int, Cell]:
        """Return where the vectors lie that SQLite cannot reach, by their numbers."""
        if self._lost_vectors is None:
            gaps: list[tuple[int, int]] = []
            for _ in self._reachable("vectors", "n", gaps):
                pass
            self._lost_vectors = {cell.number: cell for cell in self._within("vectors", gaps)}
        return self._lost_vectors

    def _within(self, table: Table, gaps: list[tuple[int, int]]) -> Iterator[Cell]:
        """Yield the rows whose numbers lie in gaps, on whatever page they are."""
        if not gaps or not self._pages:
            return
        for cell in self._pages.cells(len(_COLUMNS[table])):
            if any(low < cell.number <= high for low, high in gaps):
                yield cell

    def _reachable(
        self, table: Table, columns: str, gaps: list[tuple[int, int]]
    ) -> Iterator[tuple[Any, ...]]:
        """Yield the rows that SQLite can read; note in ``gaps`` (above, upto) the numbers of those it cannot."""
        key = _COLUMNS[table][0]
        sql = f"SELECT {columns} FROM {table} NOT INDEXED WHERE {key} > ? ORDER BY {key}"
        at = 0
        while at < _LAST:
            with suppress(*_ERRORS):
                for row in self._db.execute(sql, (at,)):
                    if not at < row[0] < _LAST:
                        break  # it goes round in circles, or out of bounds
                    at = row[0]
                    yield row
                else:
                    return
            upto = self._next_readable(sql, at)
            gaps.append((at, upto))
            at = upto

    def _next_readable(self, sql: str, at: int) -> int:
        """Return a number over ``at`` after which rows can be read again, the first one as far as that can be told."""
        low, step = at, 1
        while at + step < _LAST and not self._is_readable(sql, at + step):
            low, step = at + step, 2 * step
        high = min(at + step, _LAST)
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (low, middle) if self._is_readable(sql, middle) else (middle, high)
        return high

    def _is_readable(self, sql: str, at: int) -> bool:
        try:
            row = self._db.execute(sql, (at,)).fetchone()
        except _ERRORS:
            return False
        return row is None or at < row[0] < _LAST


def _opened(path: Path) -> sqlite3.Connection | None:
    """Return a connection if there are tables in the file."""
    db = sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True, isolation_level=None)
    try:
        db.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, _LONGEST)
        db.execute("PRAGMA writable_schema=ON")  # so that a file cut short is read as far as it goes
        db.execute("PRAGMA cell_size_check=ON")
        for table, columns in (*_COLUMNS.items(), ("meta", ("key", "value"))):
            named = ", ".join(f'"{name}"' for name in columns)
            db.execute(f"SELECT {named} FROM {table} LIMIT 0")
    except sqlite3.Error:
        db.close()
        return None
    return db


def _copied(path: Path, folder: Path) -> Path:
    """Return a copy of a file, with what its log holds in it as far as SQLite can do that."""
    copy = folder / f"wreck{NEW}"
    copies.discard(copy)
    for end in ("", "-wal"):
        with suppress(FileNotFoundError):
            shutil.copyfile(path.with_name(path.name + end), copy.with_name(copy.name + end))
    with suppress(sqlite3.Error), closing(sqlite3.connect(copy)) as db:
        db.execute("PRAGMA writable_schema=ON")
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return copy


def _lend_head(path: Path, folder: Path) -> None:
    """Put the first page of a new articles.db in the place of one that is lost."""
    new = folder / f"head{NEW}"
    copies.discard(new)
    Truth.create(new, {"uid": ""})
    with closing(sqlite3.connect(new)) as db:
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    head = bytearray(new.read_bytes()[:_HEAD])
    head[_SIZE_IS_OF] = bytes(4)
    with path.open("rb+") as file:
        file.write(head)
