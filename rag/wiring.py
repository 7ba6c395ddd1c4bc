"""Settings in, pipeline out: the one place that names concrete classes."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from rag import embed
from rag.conversation import Rules
from rag.domain import Embedder
from rag.errors import IndexStale
from rag.pipeline import Pipeline
from rag.reader import Extractive
from rag.retrieve import Dense, Fused, Words
from rag.settings import Settings
from rag.store import Store


def pipeline(settings: Settings) -> Pipeline:
    """Open the index and the models that ``settings`` name.

    Raises:
        IndexMissing, IndexStale, IndexDamaged, ModelMissing: as their names say.
    """
    with ThreadPoolExecutor(1) as worker:
        reader = worker.submit(Extractive.shipped, settings.threshold)  # beside the rest: both read files
        store = Store(settings.index)
        try:
            embedder = matching(settings, store)
            fused = Fused({"meaning": Dense(store, embedder), "words": Words(store)}, settings.depth)
            return Pipeline(store, fused, reader.result(), Rules(), settings.k)
        except BaseException:
            store.close()
            raise


def matching(settings: Settings, store: Store) -> Embedder:
    """Return the embedder of ``settings``, which must be the one that made the index.

    Raises:
        IndexStale: it is another one.
    """
    embedder = embed.load(settings.embedder)
    if embedder.name != store.shape.embedder:
        raise IndexStale(
            f"{settings.index} was made with the embedder {store.shape.embedder}, not with {embedder.name}",
            f"Set CITEWISE_EMBEDDER to that one, or make the index again: "
            f"citewise index PATH --index {settings.index} --rebuild",
        )
    return embedder
