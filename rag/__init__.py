"""Citewise: questions in, answers with verbatim quotes out. Importing this loads nothing heavy."""

from __future__ import annotations

import os
from os import PathLike
from typing import TYPE_CHECKING, Any

from rag.domain import Alternative, Answer, Article, Citation, Hit, Passage, Where
from rag.errors import CitewiseError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from rag.evaluation.record import Outcome, Question, Report
    from rag.pipeline import Pipeline

# Onnxruntime notes and reports what it runs, unless it finds this when it is loaded.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")

__all__ = [
    "Alternative",
    "Answer",
    "Article",
    "Citation",
    "CitewiseError",
    "Hit",
    "Passage",
    "Where",
    "evaluate",
    "open",
]


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


def evaluate(
    questions: str | PathLike[str] | Sequence[Question],
    index: str | Path | None = None,
    *,
    embedder: Any = None,
    llm: Any = None,
    watch: Callable[[Outcome], object] | None = None,
    **settings: Any,
) -> Report:
    """Ask an index questions whose answers are known, those of a file or given, and say how well it did.

    ``watch`` is told of each as it is done. The other arguments are those of ``open``.

    Raises:
        QuestionsFault: the file cannot be read, or names what the index cannot have.
        SettingsError, IndexMissing, IndexStale, IndexDamaged, ModelMissing: as their names say.
    """
    from rag import embed
    from rag.evaluation import run
    from rag.evaluation.questions import load as load_questions
    from rag.settings import load

    asked = load_questions(questions) if isinstance(questions, str | PathLike) else questions
    made, model = embed.given(embedder), None if isinstance(llm, str) else llm
    chosen = load(index=index, embedder=None if made else embedder, llm=None if model else llm, **settings)
    with run.opened(chosen, made, model) as bench:
        return run.evaluate(asked, bench, watch)
