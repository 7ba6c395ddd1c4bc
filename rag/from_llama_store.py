"""A retriever, index or vector store of llama-index in the place of our index."""

from __future__ import annotations

import copy
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from contextlib import suppress
from datetime import date
from hashlib import sha256
from itertools import groupby
from threading import Lock
from types import MappingProxyType
from typing import Any

from llama_index.core import VectorStoreIndex
from llama_index.core.base.base_retriever import BaseRetriever
from llama_index.core.base.embeddings.base import BaseEmbedding
from llama_index.core.indices.base import BaseIndex
from llama_index.core.retrievers import VectorIndexRetriever
from llama_index.core.vector_stores.types import BasePydanticVectorStore

from rag.domain import EVERYWHERE, Article, Hit, Passage, Reader, Where
from rag.errors import ArticleMissing, CitewiseError, IndexFault, SettingsError
from rag.from_llama import NAMES, content, fields, written
from rag.pipeline import Pipeline
from rag.retrieve import RANK_CONSTANT
from rag.store import Status
from rag.text import sentences, trim

MOST_NODES = 1_000  # that are looked at for those that a filter leaves
N_REMEMBERED = 10_000  # articles that are nodes by themselves
PASSAGE_CHARS = 1_000  # of a longer node the reader would not see the end: it reads 384 tokens
_PIECES = 512  # ids kept for the pieces of one node


class Documents:
    """What is known of the documents behind a llama-index store; it stands where a Pipeline wants its index."""

    note: str | None = None

    def __init__(self, documents: Iterable[Any] = ()) -> None:
        """With ``documents``, those the store was made of, quotes count in the whole of them."""
        self._articles = {document.node_id: _article(document) for document in documents}
        self._nodes: OrderedDict[str, Article] = OrderedDict()
        self._lock = Lock()

    @property
    def n_articles(self) -> int:
        """How many articles are known: the documents, and the nodes that were found without theirs."""
        return len(self._articles) + len(self._nodes)

    def passages(self, node: Any) -> list[Passage]:
        """Return what can be read of a node: slices of its document if that is known, else of its own text."""
        article, start, end = self._placed(node)
        first = int(sha256(node.node_id.encode()).hexdigest()[:11], 16) * _PIECES  # all below 2**53
        return [
            Passage(first + n, article, *span)
            for n, span in enumerate(_pieces(article.text, *trim(article.text, start, end)))
        ]

    def _placed(self, node: Any) -> tuple[Article, int, int]:
        text, whole = content(node), self._articles.get(node.ref_doc_id)
        start, end = getattr(node, "start_char_idx", None), getattr(node, "end_char_idx", None)
        if whole and start is not None and end is not None and text and whole.text[start:end] == text:
            return whole, start, end
        article = _article(node)
        with self._lock:
            self._nodes[article.id] = article
            self._nodes.move_to_end(article.id)
            while len(self._nodes) > N_REMEMBERED:
                self._nodes.popitem(last=False)
        return article, 0, len(article.text)

    def article(self, id: str) -> Article:
        """Return a document, or a node that was found.

        Raises:
            ArticleMissing: none of this id is known.
        """
        found = self._articles.get(id) or self._nodes.get(id)
        if found is None:
            raise ArticleMissing(f"no document {id!r} is known", "Give the documents beside the store.")
        return found

    def status(self) -> Status:
        """Return how many articles are known; the rest is the store's own matter."""
        return Status("llama-index", "", self.n_articles, 0, 0, "", 0, 0, None)

    def spread(self, question: str) -> list[tuple[str, int]]:  # noqa: ARG002 of the seam
        """Return nothing: a store of vectors counts no words."""
        return []

    def refresh(self) -> None:
        """Do nothing: each question is put to the store itself."""

    def close(self) -> None:
        """Do nothing: the store belongs to who made it."""


def _article(node: Any) -> Article:
    about, known = written(node.metadata), fields(node.metadata)
    published = None
    with suppress(ValueError):
        published = date.fromisoformat(known.get("date", "")[:10])
    title = known.get("title") or about.get("file_name") or node.node_id
    meta = MappingProxyType({name: text for name, text in about.items() if name not in NAMES})
    source, url = known.get("source", ""), known.get("url", "")
    return Article(node.node_id, title, content(node), source, published, url, meta)


def _pieces(text: str, start: int, end: int) -> list[tuple[int, int]]:
    """Return the slice as stretches of whole sentences, each of at most PASSAGE_CHARS or one sentence."""
    if end - start <= PASSAGE_CHARS:
        return [(start, end)] if start < end else []
    found: list[tuple[int, int]] = []
    for low, high in sentences(text[start:end]):
        if found and start + high - found[-1][0] <= PASSAGE_CHARS:
            found[-1] = (found[-1][0], start + high)
        else:
            found.append((start + low, start + high))
    return found


class LlamaRetriever:
    """A retriever, index or vector store of llama-index as our Retriever.

    The score is that of a passage which both of our own retrievers put at this rank, since that is what the
    reader's confidence is fitted on, and since some stores give distances and some give nothing.
    """

    def __init__(
        self, source: Any, documents: Documents | None = None, embed_model: BaseEmbedding | None = None
    ) -> None:
        """``embed_model`` is for a vector store, which has none of its own.

        Raises:
            SettingsError: ``source`` is none of the three, or a vector store that cannot be asked by itself.
        """
        self._retriever = _retriever(source, embed_model)
        self._is_sized = hasattr(self._retriever, "similarity_top_k")
        self._documents = documents or Documents()

    def retrieve(self, question: str, k: int, where: Where = EVERYWHERE) -> list[Hit]:
        """Return at most ``k`` distinct passages, best first, ties by id; a long node is several passages.

        A filter looks at the metadata ``source`` and ``date`` of the best MOST_NODES nodes.

        Raises:
            IndexFault: the store fails.
        """
        n = k
        while True:
            found = self._nodes(question, n)
            hits = self._hits(found, where)
            if len(hits) >= k or len(found) < n or n >= MOST_NODES or not self._is_sized:
                return hits[:k]
            n = min(MOST_NODES, n * 4)

    def _nodes(self, question: str, n: int) -> list[Any]:
        retriever = self._retriever
        if self._is_sized:
            retriever = copy.copy(retriever)  # another thread may want another number
            retriever.similarity_top_k = n
        try:
            return list(retriever.retrieve(question))
        except CitewiseError:
            raise
        except Exception as error:  # each store has its own
            raise IndexFault(
                f"{type(retriever).__name__} failed with {type(error).__name__}", "Ask it by itself."
            ) from error

    def _hits(self, found: Sequence[Any], where: Where) -> list[Hit]:
        cut = [(scored.score, self._documents.passages(scored.node)) for scored in found]
        kept = [(score, pieces) for score, pieces in cut if pieces and _is_in(pieces[0].article, where)]
        tied = (list(group) for _, group in groupby(kept, key=lambda item: item[0]))
        ordered = [pieces for group in tied for _, pieces in sorted(group, key=lambda item: item[1][0].id)]
        hits = [
            Hit(passage, 2 / (RANK_CONSTANT + rank), MappingProxyType({"llama-index": rank}))
            for rank, pieces in enumerate(ordered, start=1)
            for passage in pieces
        ]
        # A document that was put into the store twice has nodes of two names at one place.
        places: dict[tuple[str, int, int], Hit] = {}
        for hit in hits:
            places.setdefault((hit.passage.article.id, hit.passage.start, hit.passage.end), hit)
        return list(places.values())


def _retriever(source: Any, embed_model: BaseEmbedding | None) -> BaseRetriever:
    if isinstance(source, BaseRetriever):
        return source
    if isinstance(source, BasePydanticVectorStore) and source.stores_text and embed_model is not None:
        return VectorIndexRetriever(VectorStoreIndex.from_vector_store(source, embed_model=embed_model))
    if isinstance(source, BaseIndex):
        return source.as_retriever()
    raise SettingsError(
        f"{type(source).__name__} cannot be asked for nodes by itself",
        "Give a llama-index retriever or index, or a vector store that keeps texts, with its embed_model.",
    )


def _is_in(article: Article, where: Where) -> bool:
    day = article.published
    return (
        (not where.sources or article.source in where.sources)
        and (not where.articles or article.id in where.articles)
        and (where.since is None or (day is not None and day >= where.since))
        and (where.until is None or (day is not None and day <= where.until))
    )


def pipeline(
    source: Any,
    documents: Iterable[Any] = (),
    embed_model: BaseEmbedding | None = None,
    reader: Reader | None = None,
    **settings: Any,
) -> Pipeline:
    """Return what answers questions from a llama-index retriever, index or vector store.

    ``reader`` is the one that quotes unless given; of the settings ``k`` and ``precision`` count.

    Raises:
        SettingsError, ModelMissing: as their names say.
    """
    from rag import wiring
    from rag.conversation import Rules
    from rag.settings import load

    chosen, known = load(**settings), Documents(documents)
    retriever = LlamaRetriever(source, known, embed_model)
    return Pipeline(known, retriever, reader or wiring.quoting(chosen), Rules(), chosen.k)
