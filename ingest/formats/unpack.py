"""Unpacking within limits: what a sender wrote into headers is not believed, bytes are counted as they come."""

from __future__ import annotations

import bz2
import lzma
import zlib
from collections.abc import Callable
from typing import BinaryIO, Protocol

from ingest.fields import Unfit

MAX_MEMBER_BYTES = 64 * 2**20
MAX_TOTAL_BYTES = 2**30
MAX_RATIO = 200  # of text as it is written some 3 to 20; deflate can reach 1,032
FREE_BYTES = 10 * 2**20  # below which no ratio matters

_CHUNK_BYTES = 2**16
_XZ_BYTES = 128 * 2**20  # of memory; what is packed with xz -9 needs 65 MB


class Bomb(Unfit):
    """An archive that unpacks to more than is read; nothing of what follows is opened."""


class Budget:
    """Counts the bytes that an archive, and those in it, unpack to."""

    def __init__(self, packed: int) -> None:
        self._packed, self._unpacked = packed, 0

    def spend(self, n: int) -> None:
        """Take note of ``n`` more bytes.

        Raises:
            Bomb: it is too much in all, or too much for so small an archive.
        """
        self._unpacked += n
        mend = "Unpack it, and look at what it holds."
        if self._unpacked > MAX_TOTAL_BYTES:
            raise Bomb(f"unpacks to over {MAX_TOTAL_BYTES:,} bytes", mend)
        if self._unpacked > max(FREE_BYTES, MAX_RATIO * self._packed):
            raise Bomb(f"unpacks to over {MAX_RATIO} times its size", mend)


class Readable(Protocol):
    """What is read in portions."""

    def read(self, n: int, /) -> bytes:
        """Return up to ``n`` bytes, none at the end."""


class Counted:
    """A file whose bytes are spent as they are read."""

    def __init__(self, file: Readable, budget: Budget) -> None:
        self._file, self._budget = file, budget

    def read(self, n: int) -> bytes:
        """Return up to ``n`` bytes, none at the end."""
        data = self._file.read(n)
        self._budget.spend(len(data))
        return data


def content(file: Readable) -> bytes:
    """Return all of a member.

    Raises:
        Unfit: it is too long.
    """
    data = bytearray()
    while chunk := file.read(_CHUNK_BYTES):
        data += chunk
        if len(data) > MAX_MEMBER_BYTES:
            raise Unfit(f"unpacks to over {MAX_MEMBER_BYTES:,} bytes", "Split it.")
    return bytes(data)


class Sips:
    """A file that never gives much at once: how long a header is, its sender says. ``last`` is what it gave last."""

    def __init__(self, file: BinaryIO | Unpacking, most: int) -> None:
        self._file, self._most = file, most
        self.last = b""

    def read(self, n: int = -1) -> bytes:
        """Return up to ``n`` bytes, or all that are left."""
        if n > self._most:
            raise Unfit(f"has a header of {n:,} bytes", "Make the archive again.")
        self.last = self._file.read(n if n >= 0 else self._most + 1)
        if len(self.last) > self._most:
            raise Unfit("has a header that is too long", "Make the archive again.")
        return self.last

    def seek(self, offset: int, whence: int = 0) -> int:
        """Go to an offset; return it."""
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        """Return the offset."""
        return self._file.tell()

    def seekable(self) -> bool:
        """Return True: forward at least."""
        return True


class Decompressor(Protocol):
    """What bz2 and lzma have in common."""

    @property
    def eof(self) -> bool:
        """Whether the stream is at its end."""

    @property
    def needs_input(self) -> bool:
        """Whether there is nothing more without further input."""

    @property
    def unused_data(self) -> bytes:
        """What was given and lies behind the end."""

    def decompress(self, data: bytes, max_length: int) -> bytes:
        """Return at most so many bytes."""


class _Gzip:
    """zlib's decompressor in the manner of the others."""

    def __init__(self) -> None:
        self._inner = zlib.decompressobj(wbits=31)
        self.needs_input = True

    @property
    def eof(self) -> bool:
        return self._inner.eof

    @property
    def unused_data(self) -> bytes:
        return self._inner.unused_data

    def decompress(self, data: bytes, max_length: int) -> bytes:
        out = self._inner.decompress(self._inner.unconsumed_tail + data, max_length)
        self.needs_input = len(out) < max_length and not self._inner.unconsumed_tail
        return out


DECOMPRESSORS: dict[str, Callable[[], Decompressor]] = {
    "gz": _Gzip,
    "bz2": bz2.BZ2Decompressor,
    "xz": lambda: lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=_XZ_BYTES),
}


class Unpacking:
    """The bytes that a compressed file stands for, read forward only."""

    def __init__(self, file: BinaryIO, new: Callable[[], Decompressor], budget: Budget) -> None:
        self._file, self._new, self._budget = file, new, budget
        self._stream = new()
        self._ready = bytearray()
        self._at = 0

    def read(self, n: int) -> bytes:
        """Return ``n`` bytes, fewer at the end.

        Raises:
            Bomb: it is too much.
            EOFError: the file is cut.
        """
        while len(self._ready) < n and self._unpack():
            pass
        data = bytes(self._ready[:n])
        del self._ready[:n]
        self._at += len(data)
        return data

    def _unpack(self) -> bool:
        """Unpack some more; False at the end."""
        data = b""
        if self._stream.eof:  # another may follow: files are packed one behind the other
            data = self._stream.unused_data.lstrip(b"\0") or self._file.read(_CHUNK_BYTES).lstrip(b"\0")
            if not data:
                return False
            self._stream = self._new()
        elif self._stream.needs_input and not (data := self._file.read(_CHUNK_BYTES)):
            raise EOFError("it is cut short")
        unpacked = self._stream.decompress(data, _CHUNK_BYTES)
        self._budget.spend(len(unpacked))
        self._ready += unpacked
        return True

    def tell(self) -> int:
        """Return the offset in what is unpacked."""
        return self._at

    def seek(self, offset: int, whence: int = 0) -> int:
        """Go forward to an offset, or to the end if that comes first; return where that is."""
        if whence or offset < self._at:
            raise OSError("what is packed is read forward only")
        while self._at < offset and self.read(min(_CHUNK_BYTES, offset - self._at)):
            pass
        return self._at
