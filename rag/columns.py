"""Rows of a table as aligned lines of text."""

from __future__ import annotations

from collections.abc import Iterable, Sequence


def aligned(rows: Iterable[Sequence[str]]) -> list[str]:
    """Return rows of a table as lines; each column but the last as wide as its widest cell."""
    table = [list(row) for row in rows]
    widths = [max(map(len, column), default=0) for column in zip(*table, strict=True)]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in table
    ]
