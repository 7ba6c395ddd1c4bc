"""Citewise: questions in, answers with verbatim quotes out. Importing this loads nothing heavy."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from rag.domain import Alternative, Answer, Article, Citation, Hit, Passage, Where
from rag.errors import CitewiseError

if TYPE_CHECKING:
    from pathlib import Path

    from rag.pipeline import Pipeline

# Onnxruntime notes and reports what it runs, unless it finds this when it is loaded.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")

__all__ = ["Alternative", "Answer", "Article", "Citation", "CitewiseError", "Hit", "Passage", "Where", "open"]


def open(
    index: str | Path | None = None, *, embedder: Any = None, llm: Any = None, **settings: Any
) -> Pipeline:
    """Open an index for questions; ``settings`` are those of ``rag.settings.Settings``, ``index`` among them.

    ``embedder`` and ``llm`` are such settings too, or objects: a ``rag.domain.Embedder`` or an embedding of
    llama-index, and an LLM of llama-index.

    Raises:
        SettingsError, IndexMissing, IndexStale, IndexDamaged, ModelMissing: as their names say.
    """
    from rag import embed, wiring
    from rag.settings import load

    made, model = embed.given(embedder), None if isinstance(llm, str) else llm
    chosen = load(index=index, embedder=None if made else embedder, llm=None if model else llm, **settings)
    return wiring.pipeline(chosen, embedder=made, llm=model)
