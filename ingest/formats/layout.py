"""Lines of a printed page put together again: paragraphs by where the lines stand, words that a line end parted."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median

from rag.text import ITEM

HYPHEN = "\x02"  # stands for a hyphen at a line end, which may or may not belong to the word

# The figures are shares of a line's type size, or of the usual distance between lines.
_WIDE_GAP = 1.35  # lines further apart than usual are of two paragraphs
_OTHER_SIZE = 0.15  # a change of size begins a heading, or ends one
_INDENT = 0.8
_COLUMN = 4.0  # how far apart the beginnings of lines of one column can be
_FULL = 0.9  # of the lines of a column, how many end within its width; the others stand across columns
_SENTENCE_END = re.compile(r"[.!?…:][\"'”’»)\]]*\Z")
_PARTED = re.compile(rf"(\w+){HYPHEN}(\w+)")
_WORD = re.compile(r"\w+(?:-\w+)*")


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a page, in points: where its type begins and ends, the height it stands at, the size of its type."""

    text: str
    left: float
    right: float
    base: float
    size: float


def paragraphs(lines: Sequence[Line]) -> list[str]:
    """Return the text of lines, which come in the order of reading, with those of a paragraph joined."""
    made: list[str] = []
    margins = _margins(lines)
    leading = _leading(lines)
    above: Line | None = None
    for line in lines:
        if above and not _breaks(above, line, leading, margins.get(_column(above), above.right)):
            made[-1] += line.text if made[-1].endswith(HYPHEN) else f" {line.text}"
        else:
            made.append(line.text)
        above = line
    return made


def _column(line: Line) -> int:
    return int(line.left // (_COLUMN * max(line.size, 1.0)))


def _margins(lines: Iterable[Line]) -> dict[int, float]:
    """Return where the lines of each column end when they are full."""
    ends: dict[int, list[float]] = {}
    for line in lines:
        ends.setdefault(_column(line), []).append(line.right)
    return {column: sorted(rights)[int(_FULL * (len(rights) - 1))] for column, rights in ends.items()}


def _leading(lines: Sequence[Line]) -> float:
    """Return the usual distance between two lines; infinity if there are not two."""
    gaps = [above.base - below.base for above, below in pairwise(lines)]
    usual = [gap for gap, line in zip(gaps, lines, strict=False) if 0 < gap < 3 * line.size]
    return median(usual) if usual else float("inf")


def _breaks(above: Line, below: Line, leading: float, margin: float) -> bool:
    """Whether a paragraph ends between two lines."""
    if above.text.endswith(HYPHEN):
        return False
    gap = above.base - below.base
    if abs(gap) < above.size / 2:  # side by side
        return False
    if abs(above.size - below.size) > _OTHER_SIZE * max(above.size, below.size) or ITEM.match(below.text):
        return True
    if gap < 0:  # the next column
        return bool(_SENTENCE_END.search(above.text)) or not below.text[:1].islower()
    is_item = ITEM.match(above.text) is not None
    if gap > _WIDE_GAP * leading or (below.left - above.left > _INDENT * below.size and not is_item):
        return True
    return _had_room(above, below, margin)


def _had_room(above: Line, below: Line, margin: float) -> bool:
    """Whether the first word below would have stood on the line above, had that not been ended on purpose."""
    width = (below.right - below.left) / max(len(below.text), 1)
    first = below.text.partition(" ")[0]
    return above.right + (len(first) + 1.5) * width < margin


def unparted(pages: Sequence[str]) -> tuple[str, ...]:
    """Return pages with the words that line ends parted made whole.

    The hyphen stays where the pages have the word with it elsewhere, or have both halves as words and not the whole.
    """
    if not any(HYPHEN in page for page in pages):
        return tuple(pages)
    known = {word.lower() for page in pages for word in _WORD.findall(_PARTED.sub("", page))}
    known |= {part for word in known if "-" in word for part in word.split("-")}

    def whole(match: re.Match[str]) -> str:
        first, second = match[1].lower(), match[2].lower()
        stays = f"{first}-{second}" in known or (first + second not in known and {first, second} <= known)
        return f"{match[1]}-{match[2]}" if stays else match[1] + match[2]

    return tuple(_PARTED.sub(whole, page).replace(HYPHEN, "-") for page in pages)
