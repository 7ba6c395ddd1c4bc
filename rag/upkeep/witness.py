"""A second witness of what the vectors in an articles.db were: an exact vectors.faiss whose sum is right.

A vector never changes, and has no sum of its own where it is stored; the cache was written of it, and has one.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from rag.errors import IndexDamaged
from rag.index import vectors


class Witness:
    """The vectors of passages as they were when vectors.faiss was written; empty where that cannot tell."""

    def __init__(self, path: Path, uid: str) -> None:
        """Open the vectors.faiss of the index ``uid``; empty if that is not known."""
        self._ids, self._rows = np.empty(0, np.int64), np.empty((0, 0), np.float16)
        try:
            vectors.check_sum(path)
            base = vectors.Base(path)
        except IndexDamaged:
            return
        if base.stamp.kind == "flat" and base.reach.uid.startswith(uid):
            ids, rows = base.rows()  # a hundred thousand at most
            order = np.argsort(ids)
            self._ids, self._rows = ids[order], rows.astype(np.float16)[order]

    def vector(self, id: int) -> bytes | None:
        """Return the vector of a passage (float16), or None."""
        place = int(np.searchsorted(self._ids, id))
        if place == len(self._ids) or self._ids[place] != id:
            return None
        return bytes(self._rows[place].tobytes())
