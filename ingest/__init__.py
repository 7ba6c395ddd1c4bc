"""Files in, index out. Importing this loads nothing heavy."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ingest.sync import Summary, Watcher
    from ingest.uploads import Added

__all__ = ["add", "index", "remove"]


def index(
    paths: str | Path | Sequence[str | Path],
    index: str | Path | None = None,
    *,
    yes: bool = False,
    rebuild: bool = False,
    watcher: Watcher | None = None,
    embedder: Any = None,
    **settings: Any,
) -> Summary:
    """Bring an index in step with files and folders; return what was done.

    ``settings`` are those of ``rag.settings.Settings``, ``index`` among them: "index" unless chosen.
    ``embedder`` may also be an object: a ``rag.domain.Embedder`` or an embedding of llama-index.
    Only what came from ``paths`` can count as removed. ``yes`` allows to remove over half of the collection;
    ``rebuild`` makes the index again beside the old one, for another embedder or passage size.

    Raises:
        CorpusError: a path does not exist, or holds nothing to read.
        RemovalRefused, SettingsError, ModelMissing, IndexLocked, IndexStale, IndexDamaged: as their names say.
    """
    from ingest import sync
    from rag import embed
    from rag.settings import load

    made = embed.given(embedder)
    chosen = load(index=index, embedder=None if made else embedder, **settings)
    several = [paths] if isinstance(paths, str | Path) else list(paths)
    made = made or embed.load(chosen.embedder)
    return sync.index(
        several, chosen.index, made, chosen.passage_tokens, yes=yes, rebuild=rebuild, watcher=watcher
    )


def add(
    files: str | Path | Sequence[str | Path],
    index: str | Path | None = None,
    *,
    names: Sequence[str] | None = None,
    watcher: Watcher | None = None,
    embedder: Any = None,
    **settings: Any,
) -> Added:
    """Keep copies of files in an index's own folder of uploads, and index them; return what became of each.

    ``names`` are those to keep them under, their own unless given. A file that cannot be read stops no other.
    ``embedder`` and ``settings`` are those of ``index``.

    Raises:
        SettingsError, ModelMissing, IndexLocked, IndexStale, IndexDamaged: as their names say.
    """
    from ingest import uploads
    from rag import embed
    from rag.settings import load

    made = embed.given(embedder)
    chosen = load(index=index, embedder=None if made else embedder, **settings)
    several = [Path(file) for file in ([files] if isinstance(files, str | Path) else files)]
    called = [file.name for file in several] if names is None else names
    made = made or embed.load(chosen.embedder)
    return uploads.add(several, called, chosen.index, made, chosen.passage_tokens, watcher)


def remove(id: str, index: str | Path | None = None, **settings: Any) -> str:
    """Take an article out of an index, and an upload out of its file; return what was done, in sentences.

    A file that was indexed where it lies stays, and indexing it again brings the article back.

    Raises:
        ArticleMissing, IndexMissing, IndexLocked, IndexDamaged: as their names say.
    """
    from ingest import uploads
    from rag.settings import load

    return uploads.remove(id, load(index=index, **settings).index)
