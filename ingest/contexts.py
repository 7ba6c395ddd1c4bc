"""Articles that are at hand, not in files, indexed for the time that they are asked."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import ingest
from ingest.sync import Watcher
from rag.domain import Article


@contextmanager
def indexed(
    articles: Iterable[Article], embedder: str | None = None, watcher: Watcher | None = None
) -> Iterator[Path]:
    """Make an index of articles, of which id, title and text count; it is gone afterwards.

    In it an id has the name of a file before it, and ``#``.

    Raises:
        CorpusError, SettingsError, ModelMissing: as for ``ingest.index``.
    """
    with TemporaryDirectory() as place:
        file, index = Path(place) / "contexts.jsonl", Path(place) / "index"
        lines = (json.dumps({"id": one.id, "title": one.title, "text": one.text}) for one in articles)
        file.write_text("\n".join(lines), encoding="utf-8")
        ingest.index(file, index, embedder=embedder, watcher=watcher)
        yield index
