"""Files in, index out. Importing this loads nothing heavy."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ingest.sync import Summary, Watcher

__all__ = ["index"]


def index(
    paths: str | Path | Sequence[str | Path],
    index: str | Path | None = None,
    *,
    yes: bool = False,
    rebuild: bool = False,
    watcher: Watcher | None = None,
    **settings: Any,
) -> Summary:
    """Bring an index in step with files and folders; return what was done.

    ``settings`` are those of ``rag.settings.Settings``, ``index`` among them: "index" unless chosen.
    Only what came from ``paths`` can count as removed. ``yes`` allows to remove over half of the collection;
    ``rebuild`` makes the index again beside the old one, for another embedder or passage size.

    Raises:
        CorpusError: a path does not exist, or holds nothing to read.
        RemovalRefused, SettingsError, ModelMissing, IndexLocked, IndexStale, IndexDamaged: as their names say.
    """
    from ingest import sync
    from rag import embed
    from rag.settings import load

    chosen = load(index=index, **settings)
    several = [paths] if isinstance(paths, str | Path) else list(paths)
    embedder = embed.load(chosen.embedder)
    return sync.index(
        several, chosen.index, embedder, chosen.passage_tokens, yes=yes, rebuild=rebuild, watcher=watcher
    )
