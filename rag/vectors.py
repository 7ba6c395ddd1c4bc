"""vectors.faiss: the vectors of an index as a FAISS index, a cache of articles.db.

The file is an immutable base: what FAISS writes, then a JSON stamp, the stamp's length in 8 bytes, and a
magic word. It is replaced by rename, never changed.
"""

from __future__ import annotations

import hashlib
import json
import struct
from collections.abc import Collection
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import faiss
import numpy as np
from numpy.typing import NDArray

from rag.domain import Vectors
from rag.errors import IndexDamaged
from rag.folder import replace
from rag.truth import Reach

Ids = NDArray[np.int64]

MAGIC = b"CITEVEC1"
_MEND = "It is a cache: the next citewise index makes it again."
_SPARE = 64  # hits beyond those asked for, so that dead ones can be dropped without asking twice


@dataclass(frozen=True, slots=True)
class Stamp:
    """What a vectors.faiss says of itself; ``length`` (bytes) and ``sha256`` are of what FAISS wrote."""

    reach: Reach
    n: int
    dim: int
    length: int
    sha256: str


class Base:
    """An open vectors.faiss, mapped into memory."""

    def __init__(self, path: Path) -> None:
        self.stamp = read_stamp(path)
        self.reach = self.stamp.reach
        try:
            self._index: Any = faiss.read_index(str(path), faiss.IO_FLAG_MMAP_IFC)
        except RuntimeError as error:
            raise IndexDamaged(f"{path} cannot be read: {str(error)[:200]}", _MEND) from error
        if (self._index.ntotal, self._index.d) != (self.stamp.n, self.stamp.dim):
            raise IndexDamaged(f"{path} holds other vectors than its stamp says", _MEND)

    def search(self, vector: Vectors, k: int, allowed: Ids | None) -> tuple[Ids, NDArray[np.float32]]:
        """Return ids and cosines, best first, of at most ``k`` of the ``allowed`` (None: all)."""
        if not self.stamp.n or (allowed is not None and not len(allowed)):
            return np.empty(0, np.int64), np.empty(0, np.float32)
        chosen = None if allowed is None else faiss.IDSelectorBatch(allowed)
        options: Any = None if chosen is None else faiss.SearchParameters(sel=chosen)  # type: ignore[call-arg]
        scores, ids = self._index.search(vector[None, :], min(k, self.stamp.n), params=options)
        found = ids[0] >= 0
        return ids[0][found], scores[0][found]

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
        """Return ids and cosines, best first, of at most ``k`` of the ``allowed`` (None: all)."""
        keep = slice(None) if allowed is None else np.isin(self.ids, allowed)
        ids, scores = self.ids[keep], self.vectors[keep] @ vector
        best = np.lexsort((ids, -scores))[:k]
        return ids[best], scores[best]


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
    stamp = Stamp(reach, len(ids), dim, len(payload), hashlib.sha256(payload).hexdigest())
    footer = json.dumps(asdict(stamp)).encode()
    replace(path, payload + footer + struct.pack("<Q", len(footer)) + MAGIC)


def read_stamp(path: Path) -> Stamp:
    """Return what a vectors.faiss says of itself, its length checked.

    Raises:
        IndexDamaged: it is missing, cut short, or not such a file.
    """
    try:
        with path.open("rb") as file:
            total = file.seek(0, 2)
            file.seek(total - 16)
            size, magic = struct.unpack("<Q8s", file.read(16))
            file.seek(total - 16 - size)
            facts = json.loads(file.read(size))
            stamp = Stamp(**facts | {"reach": Reach(**facts["reach"])})
    except FileNotFoundError:
        raise IndexDamaged(f"{path} is missing", _MEND) from None
    except (ValueError, TypeError, KeyError, OSError, OverflowError, struct.error) as error:
        raise IndexDamaged(f"{path} is cut short, or not ours", _MEND) from error
    if magic != MAGIC or total != stamp.length + size + 16:
        raise IndexDamaged(f"{path} is {total} bytes long, not what its stamp says", _MEND)
    return stamp


def check_sum(path: Path) -> None:
    """Compare every byte with the sum in the stamp.

    Raises:
        IndexDamaged: they differ.
    """
    stamp = read_stamp(path)
    digest = hashlib.sha256()
    with path.open("rb") as file:
        left = stamp.length
        while left and (part := file.read(min(left, 1 << 20))):
            digest.update(part)
            left -= len(part)
    if digest.hexdigest() != stamp.sha256:
        raise IndexDamaged(f"{path} has changed since it was written (its sum differs)", _MEND)
