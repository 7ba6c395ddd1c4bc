"""A terminal that shows an answer while it is written, and has only the answer when it is done."""

from __future__ import annotations

import re
import shutil
import unicodedata
from collections.abc import Sequence
from contextlib import closing
from typing import TextIO

from rag.domain import Answer, Steps
from rag.terminal import step_to_terminal

_STYLE = re.compile(r"\x1b\[\d+m")


class Live:
    """Where results go. ``moves`` says that its cursor does, so that a step can be drawn over the one before.

    A stream that is None was closed: what goes there is lost.
    """

    def __init__(self, stream: TextIO | None, colour: bool = False, moves: bool = False) -> None:
        self.colour = colour
        self._stream, self._moves = stream, moves
        self._rows: Sequence[str] = ()

    @property
    def width(self) -> int:
        """Its columns."""
        return shutil.get_terminal_size().columns

    def write(self, text: str) -> None:
        """Write lines that stay, in the place of what was drawn."""
        self._put(f"{self._erasure()}{text}\n")
        self._rows = ()

    def watched(self, steps: Steps) -> Answer:
        """Return the answer that ``steps`` end in, drawn meanwhile; what interrupts this stops them.

        Nothing that was drawn is left.
        """
        try:
            with closing(steps):
                for step in steps:
                    if isinstance(step, Answer):
                        return step
                    if self._moves:
                        self._draw(step_to_terminal(step, self.width - 1, self.colour))
            raise RuntimeError("the steps ended without an answer")
        finally:
            self._put(self._erasure())
            self._rows = ()

    def _draw(self, text: str) -> None:
        """Draw the last lines of a text that fit: what has scrolled away cannot be drawn over."""
        before, self._rows = self._erasure(), text.split("\n")[1 - shutil.get_terminal_size().lines :]
        self._put(before + "\n".join(self._rows))

    def _erasure(self) -> str:
        """Return what takes the cursor to where the drawing began, and clears from there."""
        if not self._rows:
            return ""
        up = sum(1 + (_cells(row) - 1) // max(self.width, 1) if row else 1 for row in self._rows) - 1
        return (f"\x1b[{up}A" if up else "") + "\r\x1b[J"

    def _put(self, text: str) -> None:
        if self._stream is not None and text:
            self._stream.write(text)
            self._stream.flush()


def _cells(row: str) -> int:
    """Return how many columns a row takes; a Chinese character takes two."""
    text = _STYLE.sub("", row)
    return sum(1 + (unicodedata.east_asian_width(c) in "WF") for c in text if not unicodedata.combining(c))
