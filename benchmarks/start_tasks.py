"""A first question put to LlamaIndex or Haystack: ``python -m benchmarks.start_tasks keep | ask SYSTEM FOLDER MODEL``.

Each keeps and opens its passages as its documents say; the folder holds them in passages.jsonl.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from benchmarks.finders import K, embedded, hybrid, nodes_of, sentence_embedding
from benchmarks.process import serve

KEPT = {"LlamaIndex": "llama_index", "Haystack": "haystack.json"}  # where each keeps what it is asked from


def keep(system: str, folder: str, model: str) -> str:
    """Embed the passages and keep them in the folder; return where."""
    kept = Path(folder) / KEPT[system]
    if system == "LlamaIndex":
        from llama_index.core import VectorStoreIndex

        index = VectorStoreIndex(nodes_of(Path(folder)), embed_model=sentence_embedding(model))
        index.storage_context.persist(persist_dir=str(kept))
    else:
        embedded(Path(folder), model).save_to_disk(str(kept))
    return str(kept)


def ask(system: str, folder: str, model: str, question: str) -> list[str]:
    """Open what was kept and return the passages that a question finds."""
    kept = str(Path(folder) / KEPT[system])
    return _llama_index(kept, model, question) if system == "LlamaIndex" else _haystack(kept, model, question)


def _llama_index(kept: str, model: str, question: str) -> list[str]:
    from llama_index.core import StorageContext, load_index_from_storage

    context = StorageContext.from_defaults(persist_dir=kept)
    index: Any = load_index_from_storage(context, embed_model=sentence_embedding(model))
    found = index.as_retriever(similarity_top_k=K).retrieve(question)
    return [one.node.get_content() for one in found]


def _haystack(kept: str, model: str, question: str) -> list[str]:
    from haystack.document_stores.in_memory import InMemoryDocumentStore

    store = InMemoryDocumentStore.load_from_disk(kept)
    return [found.content for found in hybrid(store, model, K)(question)]


if __name__ == "__main__":
    serve([keep, ask])
