"""Ways to find passages, behind one verb: ours, and those of LlamaIndex, bm25s and Haystack as their documents say.

Each is filled with the same passages and says how it finds the first ten for a question. The others run in
environments of their own, so what a way needs is imported when it is used.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from benchmarks.given import Source

K = 10  # passages that a question finds
DEEP = 50  # passages of each kind that ours considers; the others do too, where it says so
READ = 16  # passages that the reader puts in another order
SHIPPED = "fused, as it ships"
REREAD = f"fused, {READ} read and put in order"

Find = Callable[[str], list[int]]
"""Question → the ids of the first passages, best first."""
Made = Iterator[tuple[str, Find]]


def citewise(place: Path, model: str) -> Made:  # noqa: ARG001
    """Yield ours: by meaning, by words, both as they ship, and these as the fast reader orders them."""
    from rag import embed, wiring
    from rag.domain import Retriever
    from rag.excerpts import ReadOnce
    from rag.retrieve import Distinct, Fused
    from rag.settings import Settings
    from rag.store import Store

    parts = wiring.retrievers(Store(place / "index"), embed.load(Settings().embedder))
    fused = Distinct(Fused(parts, Settings().depth))
    reader = ReadOnce.shipped(0.0, "fast")

    def ids(retriever: Retriever) -> Find:
        return lambda question: [hit.passage.id for hit in retriever.retrieve(question, K)]

    def reread(question: str) -> list[int]:
        hits = fused.retrieve(question, READ)
        spans = sorted(reader.spans(question, hits), key=lambda span: -span.margin)
        return list(dict.fromkeys([span.passage.id for span in spans] + [hit.passage.id for hit in hits]))[:K]

    yield "dense", ids(parts["meaning"])
    yield "words", ids(parts["words"])
    yield SHIPPED, ids(fused)
    yield REREAD, reread


def llama_index(place: Path, model: str) -> Made:
    """Yield LlamaIndex's: by meaning, and fused with its BM25, of 10 passages each as by default and of more."""
    import Stemmer
    from llama_index.core import VectorStoreIndex
    from llama_index.core.llms import MockLLM
    from llama_index.core.retrievers import QueryFusionRetriever
    from llama_index.retrievers.bm25 import BM25Retriever

    nodes = nodes_of(place)
    index = VectorStoreIndex(nodes, embed_model=sentence_embedding(model))

    def fused(considered: int) -> Any:
        words = BM25Retriever.from_defaults(
            nodes=nodes, similarity_top_k=considered, stemmer=Stemmer.Stemmer("english"), language="english"
        )
        dense = index.as_retriever(similarity_top_k=considered)
        return QueryFusionRetriever(
            [dense, words],
            llm=MockLLM(),  # asked for nothing: there is one query
            similarity_top_k=K,
            num_queries=1,
            mode="reciprocal_rerank",
        )

    def ids(retriever: Any) -> Find:
        return lambda question: [int(found.node.node_id) for found in retriever.retrieve(question)]

    yield "dense", ids(index.as_retriever(similarity_top_k=K))
    yield "fused", ids(fused(K))
    yield f"fused, {DEEP} of each considered", ids(fused(DEEP))


def bm25s(place: Path, model: str) -> Made:  # noqa: ARG001
    """Yield bm25s, as its README begins: English stop words and stems."""
    import bm25s as library
    import Stemmer

    rows, stemmer = list(_source(place).rows()), Stemmer.Stemmer("english")
    retriever = library.BM25()
    words = library.tokenize([row.text for row in rows], stopwords="en", stemmer=stemmer, show_progress=False)
    retriever.index(words, show_progress=False)

    def find(question: str) -> list[int]:
        asked = library.tokenize(question, stopwords="en", stemmer=stemmer, show_progress=False)
        found, scores = retriever.retrieve(asked, k=K, show_progress=False)
        return [rows[n].id for n, score in zip(found[0], scores[0], strict=True) if score > 0]

    yield "words", find


def nodes_of(place: Path) -> list[Any]:
    """Return the passages as LlamaIndex has them."""
    from llama_index.core.schema import TextNode

    return [TextNode(id_=str(row.id), text=row.text) for row in _source(place).rows()]


def sentence_embedding(model: str) -> Any:
    """Return LlamaIndex's embedding with the weights in a folder."""
    from llama_index.embeddings.huggingface import HuggingFaceEmbedding

    return HuggingFaceEmbedding(model_name=model)


def haystack(place: Path, model: str) -> Made:
    """Yield Haystack's hybrid pipeline: ranks fused, of 10 documents each as by default and of more."""
    store = embedded(place, model)

    def ids(considered: int) -> Find:
        find = hybrid(store, model, considered)
        return lambda question: [int(found.id) for found in find(question)]

    yield "fused", ids(K)
    yield f"fused, {DEEP} of each considered", ids(DEEP)


def embedded(place: Path, model: str) -> Any:
    """Return a document store of Haystack's with the passages and their vectors."""
    from haystack import Document
    from haystack.document_stores.in_memory import InMemoryDocumentStore
    from haystack_integrations.components.embedders.sentence_transformers import (
        SentenceTransformersDocumentEmbedder,
    )

    embedder = SentenceTransformersDocumentEmbedder(model=model, progress_bar=False)
    embedder.warm_up()
    documents = [Document(id=str(row.id), content=row.text) for row in _source(place).rows()]
    store = InMemoryDocumentStore()
    store.write_documents(embedder.run(documents)["documents"])
    return store


def hybrid(store: Any, model: str, considered: int) -> Callable[[str], list[Any]]:
    """Return what finds the first documents of Haystack's store, ``considered`` of each kind fused by rank."""
    from haystack import Pipeline
    from haystack.components.joiners import DocumentJoiner
    from haystack.components.retrievers.in_memory import InMemoryBM25Retriever, InMemoryEmbeddingRetriever
    from haystack_integrations.components.embedders.sentence_transformers import (
        SentenceTransformersTextEmbedder,
    )

    pipeline = Pipeline()
    pipeline.add_component("text_embedder", SentenceTransformersTextEmbedder(model=model, progress_bar=False))
    pipeline.add_component("embedding_retriever", InMemoryEmbeddingRetriever(store, top_k=considered))
    pipeline.add_component("bm25_retriever", InMemoryBM25Retriever(store, top_k=considered))
    pipeline.add_component("joiner", DocumentJoiner(join_mode="reciprocal_rank_fusion", top_k=K))
    pipeline.connect("text_embedder", "embedding_retriever")
    pipeline.connect("bm25_retriever", "joiner")
    pipeline.connect("embedding_retriever", "joiner")

    def find(question: str) -> list[Any]:
        asked = {"text_embedder": {"text": question}, "bm25_retriever": {"query": question}}
        return list(pipeline.run(asked)["joiner"]["documents"])

    return find


def _source(place: Path) -> Source:
    return Source(place / "passages.jsonl")


FINDERS: Mapping[str, Callable[[Path, str], Made]] = {
    "Citewise": citewise,
    "LlamaIndex": llama_index,
    "bm25s": bm25s,
    "Haystack": haystack,
}
