"""The pages of a SQLite file, read without SQLite: rows of tables to which the way from the root is lost.

The format is that of https://www.sqlite.org/fileformat2.html, section 1.6 and 2.
"""

from __future__ import annotations

import mmap
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

_LEAF = 0x0D  # the first byte of a page that holds rows of a table
_SIZE = 4096  # bytes of a page; what SQLite gives the files of this project
_LOCAL = _SIZE - 35  # bytes of a row that its page holds; of a longer one only a part
_LEAST = (_SIZE - 12) * 32 // 255 - 23
_LONGEST = 256 << 20  # bytes of a row; a damaged length may ask for anything
_FREE = slice(32, 36)  # of the first page: where the list of free pages begins
_WHOLE = {1: 1, 2: 2, 3: 3, 4: 4, 5: 6, 6: 8}  # bytes of whole numbers, by the type that a row gives
_BAD = (IndexError, ValueError, OverflowError)


class Cell(NamedTuple):
    """Where a row lies: the bytes from the start of the file to it."""

    number: int
    place: int


class Pages:
    """A file of pages, mapped; ``close`` it."""

    def __init__(self, path: Path) -> None:
        with path.open("rb") as file:
            self._data = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        self._n = len(self._data) // _SIZE

    def close(self) -> None:
        """Let go of the file."""
        self._data.close()

    def cells(self, n_columns: int) -> Iterator[Cell]:
        """Yield the rows that have so many columns, of all tables, in the order of the file."""
        free = self._free()
        for page in range(1, self._n):  # the first page holds the schema
            if page + 1 not in free and self._data[page * _SIZE] == _LEAF:
                yield from self._cells_of(page * _SIZE, n_columns)

    def values(self, cell: Cell) -> tuple[Any, ...] | None:
        """Return the columns of a row; None if they cannot be read."""
        with suppress(*_BAD):
            n_bytes, at = self._varint(cell.place)
            _, at = self._varint(at)
            return _columns(self._payload(n_bytes, at))
        return None

    def _cells_of(self, page: int, n_columns: int) -> Iterator[Cell]:
        for pointer in range(page + 8, page + 8 + 2 * self._whole(page + 3, 2), 2):
            with suppress(*_BAD):
                place = page + self._whole(pointer, 2)
                _, at = self._varint(place)
                number, at = self._varint(at)
                size, types = self._varint(at)
                end, n = at + size, 0
                while types < end and n <= n_columns:
                    _, types = self._varint(types)
                    n += 1
                if n == n_columns and types == end:
                    yield Cell(number, place)

    def _payload(self, n_bytes: int, at: int) -> bytes:
        if n_bytes <= _LOCAL:
            return self._data[at : at + n_bytes]
        if n_bytes > _LONGEST:
            raise ValueError(n_bytes)
        local = _LEAST + (n_bytes - _LEAST) % (_SIZE - 4)
        at_page = local if local <= _LOCAL else _LEAST
        parts, left = [self._data[at : at + at_page]], n_bytes - at_page
        following = self._whole(at + at_page, 4)
        while left > 0:
            page = (following - 1) * _SIZE
            if not 0 < page < len(self._data):
                raise ValueError(following)
            parts.append(self._data[page + 4 : page + 4 + min(left, _SIZE - 4)])
            left -= len(parts[-1])
            following = self._whole(page, 4)
        return b"".join(parts)

    def _free(self) -> set[int]:
        """Return the pages that are not in use, as far as the list of them can be followed: they hold old rows."""
        free: set[int] = set()
        trunk = int.from_bytes(self._data[_FREE])
        while 0 < trunk <= self._n and trunk not in free:
            free.add(trunk)
            page = (trunk - 1) * _SIZE
            n = min(self._whole(page + 4, 4), _SIZE // 4 - 2)
            free.update(self._whole(page + 8 + 4 * i, 4) for i in range(n))
            trunk = self._whole(page, 4)
        return free

    def _whole(self, at: int, n: int) -> int:
        return int.from_bytes(self._data[at : at + n])

    def _varint(self, at: int) -> tuple[int, int]:
        return _varint(self._data, at)


def _varint(data: bytes | mmap.mmap, at: int) -> tuple[int, int]:
    """Return a number of 1 to 9 bytes, and where it ends."""
    value = 0
    for i in range(8):
        byte = data[at + i]
        value = value << 7 | byte & 0x7F
        if byte < 0x80:
            return value, at + i + 1
    value = value << 8 | data[at + 8]
    return value - (1 << 64) if value >> 63 else value, at + 9


def _columns(row: bytes) -> tuple[Any, ...]:
    end, at = _varint(row, 0)
    values: list[Any] = []
    place = end
    while at < end:
        kind, at = _varint(row, at)
        n = _WHOLE.get(kind, 8 if kind == 7 else max(0, kind - 12) // 2)
        part = row[place : place + n]
        if len(part) < n:
            raise ValueError(kind)
        values.append(_value(kind, part))
        place += n
    return tuple(values)


def _value(kind: int, part: bytes) -> Any:
    if kind in _WHOLE:
        return int.from_bytes(part, signed=True)
    if kind in (8, 9):
        return kind - 8
    if kind >= 12:
        return part.decode() if kind % 2 else part
    if kind:
        raise ValueError(kind)
    return None
