"""Haystack among the systems of ``benchmarks.answers``: the pipeline of "Build an Extractive QA Pipeline"."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from haystack import Document, Pipeline
from haystack.components.retrievers.in_memory import InMemoryEmbeddingRetriever
from haystack.document_stores.in_memory import InMemoryDocumentStore
from haystack_integrations.components.embedders.sentence_transformers import (
    SentenceTransformersDocumentEmbedder,
    SentenceTransformersTextEmbedder,
)
from haystack_integrations.components.readers.transformers import TransformersExtractiveReader

from benchmarks.answers_given import K, Said, answered, passages
from benchmarks.process import serve

STORE = "haystack.json"
N_ANSWERS = 2  # as the page asks for; the score of no answer is of these


def build(folder: str, embedder: str) -> dict[str, float]:
    """Embed and keep the passages, titles and all."""
    given = [Document(content=one.text, meta={"title": one.title}) for one in passages(folder)]
    model = SentenceTransformersDocumentEmbedder(
        model=embedder, meta_fields_to_embed=["title"], progress_bar=False
    )
    model.warm_up()
    started = time.perf_counter()
    store = InMemoryDocumentStore(embedding_similarity_function="cosine")
    store.write_documents(model.run(given)["documents"])
    store.save_to_disk(str(Path(folder) / STORE))
    return {"n": len(given), "seconds": time.perf_counter() - started}


def ask(folder: str, which: str, embedder: str, reader: str) -> dict[str, Any]:
    """Ask the pipeline, with the reader of a folder."""
    store = InMemoryDocumentStore.load_from_disk(str(Path(folder) / STORE))
    pipeline = Pipeline()
    pipeline.add_component("embedder", SentenceTransformersTextEmbedder(model=embedder, progress_bar=False))
    pipeline.add_component("retriever", InMemoryEmbeddingRetriever(document_store=store))
    pipeline.add_component("reader", TransformersExtractiveReader(model=reader))
    pipeline.connect("embedder.embedding", "retriever.query_embedding")
    pipeline.connect("retriever.documents", "reader.documents")

    def said(question: str) -> Said:
        asked = {
            "embedder": {"text": question},
            "retriever": {"top_k": K},
            "reader": {"query": question, "top_k": N_ANSWERS},
        }
        found = pipeline.run(data=asked)["reader"]["answers"]
        best = found[0] if found else None
        return Said(best.data, [best.document.content]) if best and best.data else Said()

    return answered(folder, which, said)


if __name__ == "__main__":
    serve([build, ask])
