"""LlamaIndex among the systems of ``benchmarks.answers``: its CitationQueryEngine, as "CitationQueryEngine" has it."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from llama_index.core import (
    Document,
    Settings,
    StorageContext,
    VectorStoreIndex,
    load_index_from_storage,
)
from llama_index.core.query_engine import CitationQueryEngine
from llama_index.core.schema import NodeWithScore
from llama_index.embeddings.huggingface import HuggingFaceEmbedding
from llama_index.llms.openai_like import OpenAILike

from benchmarks.answers_given import CONTEXT_TOKENS, MOST_TOKENS, Said, answered, passages
from benchmarks.process import serve

INDEX = "llama-index"
TIMEOUT_S = 600.0  # its 60 may be too few where the cores are busy
TOP_K = 3  # sources, as the page has it
_HEAD = re.compile(r"Source \d+:\n")
_MARK = re.compile(r"\[(\d+)\]")


def build(folder: str, embedder: str) -> dict[str, float]:
    """Embed and persist the passages."""
    Settings.embed_model = HuggingFaceEmbedding(model_name=embedder)
    given = [Document(text=one.text, metadata={"title": one.title}) for one in passages(folder)]
    started = time.perf_counter()
    index = VectorStoreIndex.from_documents(given)
    index.storage_context.persist(persist_dir=str(Path(folder) / INDEX))
    return {"n": len(given), "seconds": time.perf_counter() - started}


def ask(folder: str, which: str, embedder: str, address: str, model: str) -> dict[str, Any]:
    """Ask the engine, whose language model a server at ``address`` runs."""
    Settings.embed_model = HuggingFaceEmbedding(model_name=embedder)
    Settings.llm = OpenAILike(
        model=model,
        api_base=address,
        api_key="none",
        is_chat_model=True,
        context_window=CONTEXT_TOKENS,
        max_tokens=MOST_TOKENS,
        temperature=0.0,
        timeout=TIMEOUT_S,
    )
    stored = StorageContext.from_defaults(persist_dir=str(Path(folder) / INDEX))
    engine = CitationQueryEngine.from_args(load_index_from_storage(stored), similarity_top_k=TOP_K)

    def said(question: str) -> Said:
        response = engine.query(question)
        text = str(response)
        return Said(text, list(cited(text, response.source_nodes)))

    return answered(folder, which, said)


def cited(text: str, sources: list[NodeWithScore]) -> Iterator[str]:
    """Yield the sources that the markers of an answer name, as they are in the collection."""
    for n in dict.fromkeys(int(mark) for mark in _MARK.findall(text)):
        if 1 <= n <= len(sources):
            yield _HEAD.sub("", sources[n - 1].node.get_content(), count=1)


if __name__ == "__main__":
    serve([build, ask])
