"""vectors.faiss: the vectors of an index as a FAISS index, a cache of articles.db.

The file is an immutable base: what FAISS writes, then a JSON stamp, its CRC in 4 bytes, its length in 8, and
a magic word. It is replaced by rename, never changed.
"""

from __future__ import annotations

import hashlib
import json
import struct
import zlib
from collections.abc import Collection
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, BinaryIO

import faiss
import numpy as np
from numpy.typing import NDArray

from rag.domain import Vectors
from rag.errors import IndexDamaged
from rag.folder import replace
from rag.truth import Ids, Reach

MAGIC = b"CITEVEC2"
_END = struct.Struct("<IQ8s")  # the stamp's CRC and length, and MAGIC
_MEND = "It is a cache: the next citewise index makes it again."
_SPARE = 64  # hits beyond those asked for: dead ones are dropped and ties are put in order
_DECIMALS = 6  # of a cosine; float32 sums taken in another order differ in the seventh


@dataclass(frozen=True, slots=True)
class Stamp:
    """What a vectors.faiss says of itself; ``length`` (bytes) and ``sha256`` are of what FAISS wrote.

    ``frame`` is the CRC of that without the numbers of the vectors: of its header and its ids. FAISS believes
    these, so they are looked at before it sees them.
    """

    reach: Reach
    n: int
    dim: int
    length: int
    frame: int
    sha256: str


class Base:
    """An open vectors.faiss, mapped into memory."""

    def __init__(self, path: Path) -> None:
        self.stamp, self._index = _open(path)
        self.reach = self.stamp.reach

    def search(self, vector: Vectors, k: int, allowed: Ids | None) -> tuple[Ids, NDArray[np.float32]]:
        """Return ids and cosines, best first, ties by id, of at most ``k`` of the ``allowed`` (None: all)."""
        if not self.stamp.n or k < 1 or (allowed is not None and not len(allowed)):
            return np.empty(0, np.int64), np.empty(0, np.float32)
        chosen = None if allowed is None else faiss.IDSelectorBatch(allowed)
        options: Any = None if chosen is None else faiss.SearchParameters(sel=chosen)  # type: ignore[call-arg]
        wanted = k + _SPARE
        while True:
            fetched = min(wanted, self.stamp.n)
            scores, ids = self._index.search(vector[None, :], fetched, params=options)
            found = ids[0] >= 0
            best = _ranked(ids[0][found], scores[0][found])
            if fetched == self.stamp.n or len(best[0]) < fetched or best[1][k - 1] > best[1][-1]:
                return best[0][:k], best[1][:k]
            wanted *= 4  # the last ones fetched tie with the k-th: there may be more of them, with lower ids

    def rows(self) -> tuple[Ids, Vectors]:
        """Return all ids ``(n,)`` and vectors ``(n, dim)``, for checking against the truth."""
        if not self.stamp.n:
            return np.empty(0, np.int64), np.empty((0, self.stamp.dim), np.float32)
        ids = faiss.vector_to_array(self._index.id_map)
        return ids, self._index.index.reconstruct_n(0, self.stamp.n)


class Tail:
    """Vectors that no base holds yet, compared one by one."""

    def __init__(self, ids: Ids, vectors: Vectors) -> None:
        self.ids = ids
        self.vectors = vectors

    def __len__(self) -> int:
        return len(self.ids)

    def and_also(self, other: Tail) -> Tail:
        """Return this tail and, after it, the other."""
        return Tail(np.concatenate([self.ids, other.ids]), np.concatenate([self.vectors, other.vectors]))

    def search(self, vector: Vectors, k: int, allowed: Ids | None) -> tuple[Ids, NDArray[np.float32]]:
        """Return ids and cosines, best first, ties by id, of at most ``k`` of the ``allowed`` (None: all)."""
        keep = slice(None) if allowed is None else np.isin(self.ids, allowed)
        ids, scores = _ranked(self.ids[keep], self.vectors[keep] @ vector)
        return ids[:k], scores[:k]


def search(
    base: Base | None, tail: Tail, dead: Collection[int], vector: Vectors, k: int, allowed: Ids | None
) -> list[tuple[int, float]]:
    """Return (id, cosine) of the nearest ``k`` living passages, best first, ties by id."""
    found = list(zip(*(part.tolist() for part in tail.search(vector, k + len(dead), allowed)), strict=True))
    if base is not None:
        wanted = k + min(_SPARE, len(dead))
        hits = _living(base.search(vector, wanted, allowed), dead)
        if len(hits) < k and len(dead) > _SPARE:
            hits = _living(base.search(vector, k + len(dead), allowed), dead)
        found.extend(hits)
    living = [(id, score) for id, score in found if id not in dead]
    return sorted(living, key=lambda hit: (-hit[1], hit[0]))[:k]


def _ranked(ids: Ids, scores: NDArray[np.float32]) -> tuple[Ids, NDArray[np.float32]]:
    scores = np.round(scores, _DECIMALS)
    best = np.lexsort((ids, -scores))
    return ids[best], scores[best]


def _living(found: tuple[Ids, NDArray[np.float32]], dead: Collection[int]) -> list[tuple[int, float]]:
    ids, scores = found
    return [(id, score) for id, score in zip(ids.tolist(), scores.tolist(), strict=True) if id not in dead]


def write(path: Path, reach: Reach, ids: Ids, rows: Vectors) -> None:
    """Write a base that holds these rows, float16 as in the truth, and put it in the place of the old one."""
    dim = rows.shape[1]
    flat = faiss.IndexScalarQuantizer(dim, faiss.ScalarQuantizer.QT_fp16, faiss.METRIC_INNER_PRODUCT)
    index: Any = faiss.IndexIDMap2(flat)
    if len(ids):
        index.add_with_ids(rows, ids)
    payload = faiss.serialize_index(index).tobytes()
    start, end = _numbers(len(ids), dim, len(payload))
    frame = zlib.crc32(payload[end:], zlib.crc32(payload[:start]))
    stamp = Stamp(reach, len(ids), dim, len(payload), frame, hashlib.sha256(payload).hexdigest())
    footer = json.dumps(asdict(stamp)).encode()
    replace(path, payload + footer + _END.pack(zlib.crc32(footer), len(footer), MAGIC))


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
        while left and (part := file.read(min(left, 1 << 20))):
            digest.update(part)
            left -= len(part)
    if digest.hexdigest() != stamp.sha256:
        raise IndexDamaged(f"{path} has changed since it was written (its sum differs)", _MEND)


def _open(path: Path) -> tuple[Stamp, Any]:
    """Return the stamp and the index of one and the same file, whoever replaces it meanwhile."""
    while True:
        with _opened(path) as file:
            stamp = _stamp(path, file)
            _check_frame(path, file, stamp)
        try:
            index = faiss.read_index(str(path), faiss.IO_FLAG_MMAP_IFC)
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
    start, end = _numbers(stamp.n, stamp.dim, stamp.length)
    file.seek(0)
    crc = zlib.crc32(file.read(start))
    file.seek(end)
    if zlib.crc32(file.read(stamp.length - end), crc) != stamp.frame:
        raise IndexDamaged(f"{path} has changed since it was written (its ids or its header differ)", _MEND)


def _numbers(n: int, dim: int, length: int) -> tuple[int, int]:
    """Return where, in what FAISS writes, the numbers of the vectors lie: before n ids and their count."""
    end = length - 8 * (n + 1)
    return end - 2 * n * dim, end
