"""Files in, index out. Importing this loads nothing heavy."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import threading

    from ingest.sync import Summary, Watcher
    from ingest.uploads import Added
    from rag.errors import CitewiseError

__all__ = ["add", "index", "remove", "watch"]


def index(
    paths: str | Path | Sequence[str | Path],
    index: str | Path | None = None,
    *,
    yes: bool = False,
    rebuild: bool = False,
    dry_run: bool = False,
    keep_missing: bool = False,
    resume: bool = False,
    allow_network: bool = False,
    fields: Mapping[str, str] | None = None,
    watcher: Watcher | None = None,
    embedder: Any = None,
    **settings: Any,
) -> Summary:
    """Bring an index in step with files, folders and, with ``allow_network``, addresses; return what was done.

    ``settings`` are those of ``rag.settings.Settings``, ``index`` among them: "index" unless chosen.
    ``embedder`` may also be an object: a ``rag.domain.Embedder`` or an embedding of llama-index.
    Only what came from ``paths`` can count as removed, and with ``keep_missing`` nothing does. ``yes`` allows to
    remove over half of the collection; a ``dry_run`` says what would be done, and changes nothing.
    ``rebuild`` makes the index again beside the old one, for another embedder or passage size; ``resume`` goes on
    with a rebuild that was cut short. ``fields`` maps our names (text, title, date, …) to a table's columns.

    Raises:
        CorpusError: a path does not exist, or holds nothing to read.
        SettingsError: ``fields`` has a name that is none of ours, or another setting is wrong.
        RemovalRefused, ModelMissing, IndexLocked, IndexStale, IndexDamaged: as their names say.
    """
    from ingest import sync
    from ingest.fields import checked
    from rag import embed
    from rag.settings import load

    named = checked(fields)
    made = embed.given(embedder)
    chosen = load(index=index, embedder=None if made else embedder, **settings)
    several = [paths] if isinstance(paths, str | Path) else list(paths)
    made = made or embed.load(chosen.embedder)
    return sync.index(
        several,
        chosen.index,
        made,
        chosen.passage_tokens,
        yes=yes,
        rebuild=rebuild,
        dry_run=dry_run,
        keep_missing=keep_missing,
        resume=resume,
        allow_network=allow_network,
        fields=named,
        watcher=watcher,
    )


def watch(
    paths: str | Path | Sequence[str | Path],
    index: str | Path | None = None,
    *,
    on_run: Callable[[Summary], None],
    on_trouble: Callable[[CitewiseError], None],
    yes: bool = False,
    rebuild: bool = False,
    keep_missing: bool = False,
    resume: bool = False,
    fields: Mapping[str, str] | None = None,
    settle_s: float = 0.5,
    stop: threading.Event | None = None,
    watcher: Watcher | None = None,
    embedder: Any = None,
    **settings: Any,
) -> None:
    """Keep an index in step with files and folders until ``stop`` is set: now, and whenever they have changed.

    Changes count once there were none for ``settle_s``. ``on_run`` is told of each run that did something,
    ``on_trouble`` of what keeps the index from being in step, once; that is tried again. What came from a path that
    is gone or empty stays. ``yes``, ``rebuild`` and ``resume`` are for the first run alone; they, and the other
    arguments, are those of ``index``.

    Raises:
        CorpusError: a path is an address, or is not there at the start.
        RemovalRefused, SettingsError, ModelMissing, IndexStale, IndexDamaged: the first run was refused.
    """
    from ingest import watching
    from ingest.fields import checked
    from ingest.files import Sums
    from ingest.sync import Choice
    from rag import embed
    from rag.settings import load

    named = checked(fields)
    made = embed.given(embedder)
    chosen = load(index=index, embedder=None if made else embedder, **settings)
    several = [paths] if isinstance(paths, str | Path) else list(paths)
    watching.watch(
        several,
        chosen.index,
        made or embed.load(chosen.embedder),
        chosen.passage_tokens,
        choice=Choice(
            yes=yes,
            rebuild=rebuild,
            resume=resume,
            keep_missing=keep_missing,
            sums=Sums(named, remember=True),
        ),
        on_run=on_run,
        on_trouble=on_trouble,
        settle_s=settle_s,
        stop=stop,
        watcher=watcher,
    )


def add(
    files: str | Path | Sequence[str | Path],
    index: str | Path | None = None,
    *,
    names: Sequence[str] | None = None,
    watcher: Watcher | None = None,
    stop: threading.Event | None = None,
    embedder: Any = None,
    **settings: Any,
) -> Added:
    """Keep copies of files in an index's own folder of uploads, and index them; return what became of each.

    ``names`` are those to keep them under, their own unless given. A file that cannot be read stops no other.
    ``embedder`` and ``settings`` are those of ``index``.

    Raises:
        SettingsError, ModelMissing, IndexLocked, IndexStale, IndexDamaged: as their names say.
        Stopped: ``stop`` was set; files that were not indexed until then are not kept.
    """
    from ingest import uploads
    from rag import embed
    from rag.settings import load

    made = embed.given(embedder)
    chosen = load(index=index, embedder=None if made else embedder, **settings)
    several = [Path(file) for file in ([files] if isinstance(files, str | Path) else files)]
    called = [file.name for file in several] if names is None else names
    made = made or embed.load(chosen.embedder)
    return uploads.add(several, called, chosen.index, made, chosen.passage_tokens, watcher, stop)


def remove(id: str, index: str | Path | None = None, **settings: Any) -> str:
    """Take an article out of an index, and an upload out of its file; return what was done, in sentences.

    A file that was indexed where it lies stays, and indexing it again brings the article back.

    Raises:
        ArticleMissing, IndexMissing, IndexLocked, IndexDamaged: as their names say.
    """
    from ingest import uploads
    from rag.settings import load

    return uploads.remove(id, load(index=index, **settings).index)
