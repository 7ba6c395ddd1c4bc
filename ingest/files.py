"""What a run asks of files without reading articles: the sum to know one again by, and whether it is gone."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Mapping
from pathlib import Path

from ingest.fields import Unfit
from ingest.read import NO_FIELDS, opened
from rag.errors import CorpusError

READER = "2"  # goes up when the same bytes are read as other articles, so that all files are read again

_CHUNK = 1 << 20  # bytes
_SETTLED_S = 2.0  # a file system's clock may tick as seldom; a younger file can change and keep its stamp

Stamp = tuple[int, int, int, int]
"""What changes whenever a file's bytes do, on a file system that keeps time: inode, length, two times."""


class Sums:
    """Files' sums. With ``remember``, a file is read again only when its stamp has changed since."""

    def __init__(self, fields: Mapping[str, str] = NO_FIELDS, *, remember: bool = False) -> None:
        self.fields = fields
        self._known: dict[Path, tuple[Stamp, str]] | None = {} if remember else None
        self._seed = READER + (json.dumps(dict(fields), sort_keys=True) if fields else "")

    def of(self, path: Path) -> str:
        """Return the sum of a regular file; empty when it cannot be read, or is no longer one."""
        if self._known is None:
            return self._read(path)
        before, (known, total) = stamp(path), self._known.get(path, (None, ""))
        if before is None or before != known:
            total = self._read(path)
            if before is not None and max(before[2:]) < (time.time() - _SETTLED_S) * 1e9:
                self._known[path] = before, total
        return total

    def _read(self, path: Path) -> str:
        digest = hashlib.sha256(self._seed.encode())
        try:
            with opened(path) as file:
                while part := file.read(_CHUNK):
                    digest.update(part)
        except (OSError, Unfit):
            return ""
        return digest.hexdigest()


def stamp(path: Path) -> Stamp | None:
    """Return a file's stamp, None when there is none."""
    try:
        about = path.stat()
    except OSError:
        return None
    return about.st_ino, about.st_size, about.st_mtime_ns, about.st_ctime_ns


def is_gone(path: Path) -> bool:
    """Whether there is nothing at a path, for certain; one that cannot be looked at may hold something.

    Raises:
        CorpusError: it is no path.
    """
    try:
        path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return not path.is_symlink()
    except PermissionError:
        return False
    except (OSError, ValueError) as error:
        raise CorpusError(f"{str(path)[:80]!r}", f"is no path ({error})"[:120], "Check the path.") from error
    return False
