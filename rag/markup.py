"""Text of articles and people as HTML: escaped, and unable to show what is not there."""

from __future__ import annotations

from html import escape

from rag.render import visible


def safe(text: str) -> str:
    """Return ``text`` as HTML text, or as the value of a quoted attribute."""
    return escape(visible(text), quote=True)


def inline(text: str) -> str:
    """Return ``text`` as an element whose direction cannot leave it."""
    return f"<bdi>{safe(text)}</bdi>"
