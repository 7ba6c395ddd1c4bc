"""History in, standalone question out."""

from __future__ import annotations

from collections.abc import Sequence

from rag.domain import Exchange


class Rules:
    """Rewrites a follow-up by rules."""

    def rewrite(self, turns: Sequence[Exchange], question: str) -> str:
        """Return the standalone question."""
        return question
