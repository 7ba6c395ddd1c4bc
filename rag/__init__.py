"""Citewise: questions in, answers with verbatim quotes out. Importing this loads nothing heavy."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rag.domain import Alternative, Answer, Article, Citation, Hit, Passage, Where
from rag.errors import CitewiseError

if TYPE_CHECKING:
    from pathlib import Path

    from rag.pipeline import Pipeline

__all__ = ["Alternative", "Answer", "Article", "Citation", "CitewiseError", "Hit", "Passage", "Where", "open"]


def open(index: str | Path | None = None, **settings: Any) -> Pipeline:
    """Open an index for questions; ``settings`` are those of ``rag.settings.Settings``, ``index`` among them.

    Raises:
        SettingsError, IndexMissing, IndexStale, IndexDamaged, ModelMissing: as their names say.
    """
    from rag import wiring
    from rag.settings import load

    return wiring.pipeline(load(index=index, **settings))
