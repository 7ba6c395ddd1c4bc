"""Articles between the plan of a run and its execution, so that no file is read twice: in memory, or on disk."""

from __future__ import annotations

import json
import tempfile
from datetime import date
from pathlib import Path
from types import MappingProxyType
from typing import IO

from rag.domain import Article
from rag.index.durable import unwritable


class Held:
    """Keeps articles by place; each can be taken once. ``close`` it, whatever happens.

    Up to ``room_chars`` of text stay in memory; the rest goes to a file without a name in ``folder``, which a crash
    leaves nothing of. Without a folder nothing is kept.
    """

    def __init__(self, folder: Path | None, room_chars: int) -> None:
        self._folder, self._room = folder, room_chars
        self._near: dict[str, Article] = {}
        self._far: dict[str, tuple[int, int]] = {}  # where in the file, and how many bytes
        self._file: IO[bytes] | None = None

    def keep(self, place: str, article: Article) -> None:
        """Keep an article.

        Raises:
            IndexFault: there is no room on the disk.
        """
        if self._folder is None:
            return
        if len(article.text) <= self._room:
            self._room -= len(article.text)
            self._near[place] = article
            return
        try:
            self._file = self._file or tempfile.TemporaryFile(dir=self._folder)  # noqa: SIM115 - see close
            data = _packed(article)
            self._far[place] = self._file.seek(0, 2), self._file.write(data)
            self._file.flush()
        except OSError as error:
            raise unwritable(self._folder, error) from error

    def drop(self, place: str) -> None:
        """Let go of an article."""
        self._near.pop(place, None)
        self._far.pop(place, None)

    def take(self, place: str) -> Article:
        """Return an article, and let go of it."""
        if article := self._near.pop(place, None):
            return article
        start, n_bytes = self._far.pop(place)
        assert self._file is not None
        self._file.seek(start)
        return _unpacked(self._file.read(n_bytes))

    def close(self) -> None:
        """Let go of all; twice is once."""
        if self._file is not None:
            self._file.close()


def _packed(article: Article) -> bytes:
    day = article.published.isoformat() if article.published else None
    said = [article.id, article.title, article.text, article.source, day, article.url, dict(article.meta)]
    return json.dumps(said).encode()


def _unpacked(data: bytes) -> Article:
    id, title, text, source, day, url, meta = json.loads(data)
    published = date.fromisoformat(day) if day else None
    return Article(id, title, text, source, published, url, MappingProxyType(meta))
