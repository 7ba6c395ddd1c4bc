"""A vectors.faiss as a file: what FAISS writes, then a JSON stamp, its CRC in 4 bytes, its length in 8, a magic word.

It is replaced by rename, never changed, and looked at before FAISS, which believes what it reads, sees it.
"""

from __future__ import annotations

import hashlib
import json
import struct
import zlib
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, BinaryIO, Literal

import faiss

from rag.errors import IndexDamaged
from rag.index.folder import replace
from rag.index.truth import Reach

MAGIC = b"CITEVEC3"
Kind = Literal["flat", "ivfpq"]
_END = struct.Struct("<IQ8s")  # the stamp's CRC and length, and MAGIC
_MEND = "It is a cache: the next citewise index makes it again."
_CHUNK = 1 << 20  # bytes


@dataclass(frozen=True, slots=True)
class Stamp:
    """What a vectors.faiss says of itself; ``length`` (bytes) and ``sha256`` are of what FAISS wrote.

    ``frame`` is the CRC of what FAISS reads at once: of a flat index, which is mapped, that is its header and its
    ids, without the numbers of the vectors; of another all. ``trained`` is the number of vectors when it was
    trained.
    """

    reach: Reach
    kind: Kind
    n: int
    dim: int
    trained: int
    length: int
    frame: int
    sha256: str


def write(path: Path, reach: Reach, kind: Kind, index: Any, trained: int = 0) -> None:
    """Write what FAISS makes of ``index``, stamped, and put it in the place of the old one."""
    numbers: Any = faiss.serialize_index(index)
    payload = memoryview(numbers)
    n, dim = index.ntotal, index.d
    start, end = _unframed(kind, n, dim, len(payload))
    frame = zlib.crc32(payload[end:], zlib.crc32(payload[:start]))
    digest = hashlib.sha256(payload).hexdigest()
    footer = json.dumps(asdict(Stamp(reach, kind, n, dim, trained, len(payload), frame, digest))).encode()
    replace(path, payload, footer + _END.pack(zlib.crc32(footer), len(footer), MAGIC))


def read_stamp(path: Path) -> Stamp:
    """Return what a vectors.faiss says of itself, its length checked.

    Raises:
        IndexDamaged: it is missing, cut short, or not such a file.
    """
    with _opened(path) as file:
        return _stamp(path, file)


def check_sum(path: Path) -> None:
    """Compare every byte with the sum in the stamp.

    Raises:
        IndexDamaged: they differ.
    """
    with _opened(path) as file:
        stamp = _stamp(path, file)
        file.seek(0)
        digest, left = hashlib.sha256(), stamp.length
        while left and (part := file.read(min(left, _CHUNK))):
            digest.update(part)
            left -= len(part)
    if digest.hexdigest() != stamp.sha256:
        raise IndexDamaged(f"{path} has changed since it was written (its sum differs)", _MEND)


def open_index(path: Path) -> tuple[Stamp, Any]:
    """Return the stamp and the index of one and the same file, whoever replaces it meanwhile."""
    while True:
        with _opened(path) as file:
            stamp = _stamp(path, file)
            _check_frame(path, file, stamp)
        try:
            index = faiss.read_index(str(path), faiss.IO_FLAG_MMAP_IFC if stamp.kind == "flat" else 0)
        except RuntimeError as error:
            raise IndexDamaged(f"{path} cannot be read: {str(error)[:200]}", _MEND) from error
        if read_stamp(path) == stamp:
            return stamp, index


def _opened(path: Path) -> BinaryIO:
    try:
        return path.open("rb")
    except FileNotFoundError:
        raise IndexDamaged(f"{path} is missing", _MEND) from None
    except OSError as error:
        raise IndexDamaged(f"{path} cannot be read: {error.strerror}", _MEND) from error


def _stamp(path: Path, file: BinaryIO) -> Stamp:
    try:
        total = file.seek(0, 2)
        file.seek(total - _END.size)
        crc, size, magic = _END.unpack(file.read(_END.size))
        file.seek(total - _END.size - size)
        footer = file.read(size)
    except (ValueError, OSError, OverflowError, struct.error) as error:
        raise IndexDamaged(f"{path} is cut short, or not ours", _MEND) from error
    if magic != MAGIC or zlib.crc32(footer) != crc:
        raise IndexDamaged(f"{path} is cut short, or not ours", _MEND)
    facts = json.loads(footer)
    stamp = Stamp(**facts | {"reach": Reach(**facts["reach"])})
    if total != stamp.length + size + _END.size:
        raise IndexDamaged(f"{path} is {total} bytes long, not what its stamp says", _MEND)
    return stamp


def _check_frame(path: Path, file: BinaryIO, stamp: Stamp) -> None:
    start, end = _unframed(stamp.kind, stamp.n, stamp.dim, stamp.length)
    crc = 0
    for low, high in ((0, start), (end, stamp.length)):
        file.seek(low)
        while low < high and (part := file.read(min(high - low, _CHUNK))):
            crc = zlib.crc32(part, crc)
            low += len(part)
    if crc != stamp.frame:
        raise IndexDamaged(f"{path} has changed since it was written (its ids or its header differ)", _MEND)


def _unframed(kind: Kind, n: int, dim: int, length: int) -> tuple[int, int]:
    """Return where, in what FAISS writes, the numbers of a flat index lie: before n ids and their count."""
    if kind != "flat":
        return 0, 0
    end = length - 8 * (n + 1)
    return end - 2 * n * dim, end
