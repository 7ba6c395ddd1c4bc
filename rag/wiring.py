"""Settings in, pipeline out: the one place that names concrete classes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING, cast

from rag import embed
from rag.calibration import Calibration, Weighing
from rag.conversation import Rules
from rag.domain import Embedder, Reader, Retriever, Rewriter, Way
from rag.errors import IndexStale, SettingsError
from rag.excerpts import Excerpts, ReadOnce
from rag.guard import is_sober
from rag.pipeline import Pipeline
from rag.reader import SIZES
from rag.retrieve import Dense, Distinct, Fused, Words
from rag.rewriting import ByModel
from rag.route import Routed
from rag.second_look import Later, Seconded, SecondLook
from rag.settings import Settings
from rag.store import Store
from rag.writer import Writer

SURE = 0.75  # confidence of the fast reader from which nothing is read again; why is in training/README.md

if TYPE_CHECKING:
    from llama_index.core.llms import LLM

    Model = Callable[[], LLM]


def pipeline(settings: Settings, embedder: Embedder | None = None, llm: LLM | None = None) -> Pipeline:
    """Open the index and the models that ``settings`` name, or those that are given.

    Raises:
        SettingsError: the language model's name is none, or answers shall be written without one.
        IndexMissing, IndexStale, IndexDamaged, ModelMissing: as their names say.
    """
    model = _model(settings, llm)
    with ThreadPoolExecutor(1) as worker:
        opening = worker.submit(_shipped, settings)  # beside the rest: both read files
        store = Store(settings.index)
        try:
            embedder = matching(settings, store, embedder)
            fused = Fused(retrievers(store, embedder), settings.depth)
            found = Distinct(fused, is_sober)
            readers = _readers(settings, opening.result(), embedder, model)
            rewriter: Rewriter = ByModel(model, Rules()) if model else Rules()
            return Pipeline(store, found, readers[cast(Way, settings.mode)], rewriter, settings.k, readers)
        except BaseException:
            store.close()
            raise


def matching(settings: Settings, store: Store, embedder: Embedder | None = None) -> Embedder:
    """Return the embedder of ``settings``, or the one given, which must be the one that made the index.

    Raises:
        IndexStale: it is another one.
    """
    embedder = embedder or embed.load(settings.embedder)
    if embedder.name != store.shape.embedder:
        raise IndexStale(
            f"{settings.index} was made with the embedder {store.shape.embedder}, not with {embedder.name}",
            f"Set CITEWISE_EMBEDDER to that one, or make the index again: "
            f"citewise index PATH --index {settings.index} --rebuild",
        )
    return embedder


def retrievers(store: Store, embedder: Embedder) -> dict[str, Retriever]:
    """Return what is fused, by the name that its ranks have."""
    return {"meaning": Dense(store, embedder), "words": Words(store)}


def threshold(settings: Settings) -> float:
    """Return the confidence from which the shipped reader that has the last word answers."""
    return Calibration.load(SIZES[_last(settings)]).threshold(settings.precision)


def unsilenced(settings: Settings, embedder: Embedder) -> tuple[Reader, Reader]:
    """Return what quotes spans, and what quotes whatever fits, as they ship, but that neither abstains for a doubt.

    Raises:
        ModelMissing: a file of the weights is missing or damaged.
    """
    sure_of_all = replace(settings, precision=0.0)
    spans, sentences = _both(sure_of_all, _shipped(sure_of_all), embedder, stands_from(settings))
    return spans, Routed(spans, sentences)


def stands_from(settings: Settings) -> float:
    """Return the confidence from which an answer of the fast reader stands, and nothing is read again."""
    return max(SURE, threshold(replace(settings, reader="fast")))


def quoting(settings: Settings) -> Reader:
    """Return the shipped reader that quotes spans.

    Raises:
        ModelMissing: a file of the weights is missing or damaged.
    """
    return looking_twice(_shipped(settings), _accurate(settings), SURE)


def looking_twice(first: ReadOnce, accurate: Later[ReadOnce] | None, sure: float) -> Reader:
    """Return the reader whose answers stand where it is sure; elsewhere the accurate one's, with its own to second."""
    if accurate is None:
        return first
    return SecondLook(first, Later(lambda: Seconded(accurate(), first)), sure)


def _accurate(settings: Settings) -> Later[ReadOnce] | None:
    """Return what opens the reader that reads again, None where one reader reads alone.

    Raises:
        ModelMissing: it is not there.
    """
    if settings.reader != "auto":
        return None
    threshold(settings)  # its card is there, at least; it is opened when it is needed
    return Later(lambda: ReadOnce.shipped(settings.precision, "accurate"))


def _last(settings: Settings) -> str:
    """Return the size of the reader that has the last word."""
    return "accurate" if settings.reader == "auto" else settings.reader


def _shipped(settings: Settings) -> ReadOnce:
    """Return the reader that reads first."""
    return ReadOnce.shipped(settings.precision, "fast" if settings.reader == "auto" else settings.reader)


def _model(settings: Settings, llm: LLM | None) -> Model | None:
    """Return what loads the language model, once, when it is first used; None where there is none."""
    if llm is not None:
        return lambda: llm
    if settings.llm:
        from rag import llm_specs, llms

        llm_specs.parsed(settings.llm)
        return cache(lambda: llms.load(settings.llm))
    if settings.mode == "write":
        raise SettingsError(
            "mode is 'write', and no language model is named", "Name one: --llm ollama/llama3.2"
        )
    return None


def _readers(
    settings: Settings, first: ReadOnce, embedder: Embedder, model: Model | None
) -> Mapping[Way, Reader]:
    """Return what answers, by the way that it does; "write" only where there is a language model."""
    spans, sentences = _both(settings, first, embedder, SURE)
    quoted = Routed(spans, sentences)
    if model is None:
        return {"auto": quoted, "quote": quoted}
    writer = Writer(model, quoted)
    return {"auto": Routed(spans, sentences, writer), "quote": quoted, "write": writer}


def _both(settings: Settings, first: ReadOnce, embedder: Embedder, sure: float) -> tuple[Reader, Reader]:
    """Return what quotes spans and what quotes sentences; ``first`` reads first, and alone from ``sure`` on.

    Raises:
        ModelMissing: what may be read with later is not there.
    """

    def sentences(size: str, reader: ReadOnce) -> Excerpts:
        return Excerpts(reader, embedder, Weighing.load(SIZES[size]), reader.threshold)

    accurate = _accurate(settings)
    if accurate is None:
        return first, sentences(settings.reader, first)
    again = Later(lambda: sentences("accurate", accurate()))
    return looking_twice(first, accurate, sure), SecondLook(sentences("fast", first), again, sure)
