"""An article's text cut into passages at the ends of paragraphs and sentences, sized in the embedder's tokens."""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple

from rag.domain import Embedder
from rag.text import HEADING, ITEM, Span, paragraphs, sentences, trim

_HEADING_CHARS = 80  # a longer line is no heading
_STOPPED = re.compile(r"[.!?…;,][\"'”’»)\]*_]*\Z")
_WINDOW_CHARS = 20_000  # tokenised at once, to bound memory
_SPACE = re.compile(r"\s")
# Characters that count for a token at least: a tokenizer takes a word of any length for one unknown token, and
# white space for none, but nobody could read such a passage.
_TOKEN_CHARS = 20


def split(text: str, embedder: Embedder, passage_tokens: int) -> list[Span]:
    """Return the spans of the passages of a normalised text: trimmed, in order, apart; all but white space is in.

    A passage has at most ``passage_tokens`` tokens. It is made of whole paragraphs where they fit, a heading
    with what it heads; else of whole sentences, evenly; a sentence that does not fit is cut between words.
    """
    limit = min(passage_tokens, embedder.max_tokens)
    ruler = _Ruler(text, embedder)
    blocks = [ruler.unit(span) for span in _blocks(text)]
    if any(block.size > limit for block in blocks):
        blocks = _parted(blocks, sentences(text), ruler, limit)
    passages = _packed(blocks, limit)
    if len(passages) > 1:  # a short last passage takes from the one before
        last = [block for block in blocks if block.start >= passages[-2].start]
        passages[-2:] = _evenly_packed(last, limit)
    return [(passage.start, passage.end) for passage in passages]


def embedded_text(title: str, passage_text: str) -> str:
    """Return what is embedded for a passage: its article's title and its text."""
    return passage_text if passage_text.startswith(title) else f"{title}\n{passage_text}"


class _Unit(NamedTuple):
    """A stretch of text that is not cut any more, and its tokens, from ``first`` to before ``last``."""

    start: int
    end: int
    first: int
    last: int

    @property
    def size(self) -> int:
        return self.last - self.first


class _Ruler:
    """Measures stretches of one text in tokens."""

    def __init__(self, text: str, embedder: Embedder) -> None:
        self.text = text
        self.starts: list[int] = []  # of each token, ascending
        for low, high in _windows(text):
            for start, _ in embedder.token_spans(text[low:high]):
                self._fill(low + start)
                self.starts.append(low + start)
        self._fill(len(text))

    def _fill(self, place: int) -> None:
        last = self.starts[-1] if self.starts else -_TOKEN_CHARS
        self.starts += range(last + _TOKEN_CHARS, place, _TOKEN_CHARS)

    def unit(self, span: Span) -> _Unit:
        start, end = span
        return _Unit(start, end, max(0, bisect_right(self.starts, start) - 1), bisect_left(self.starts, end))

    def cut(self, unit: _Unit, limit: int) -> list[_Unit]:
        """Return the pieces, about equal, of a sentence that is too long."""
        places = [unit.start]
        first = unit.first
        while (left := unit.last - first) > limit:
            first = self._word_start(first, first + -(-left // -(-left // limit)))
            places.append(self.starts[first])
        spans = [trim(self.text, *span) for span in pairwise([*places, unit.end])]
        return [self.unit(span) for span in spans if span[0] < span[1]]

    def _word_start(self, after: int, wanted: int) -> int:
        """Return the last token up to ``wanted`` that begins a word, ``wanted`` itself if none is near."""
        near = range(wanted, (after + wanted) // 2, -1)
        return next((n for n in near if self.text[self.starts[n] - 1].isspace()), wanted)


def _windows(text: str) -> Iterator[Span]:
    low = 0
    while low < len(text):
        space = _SPACE.search(text, low + _WINDOW_CHARS)
        high = space.end() if space else len(text)
        yield low, high
        low = high


def _blocks(text: str) -> list[Span]:
    """Return the spans of the paragraphs, each together with the headings right before it."""
    spans = paragraphs(text)
    is_joined = [False, *(_is_heading(text, *span) for span in spans[:-1])]
    found: list[Span] = []
    for (start, end), joined in zip(spans, is_joined, strict=False):
        if joined:
            found[-1] = (found[-1][0], end)
        else:
            found.append((start, end))
    return found


def _is_heading(text: str, start: int, end: int) -> bool:
    if HEADING.match(text, start, end):
        return True
    line = text[start : min(end, start + _HEADING_CHARS + 1)]
    short = len(line) <= _HEADING_CHARS and "\n" not in line
    return short and not ITEM.match(line) and not _STOPPED.search(line)


def _parted(blocks: Sequence[_Unit], spans: Sequence[Span], ruler: _Ruler, limit: int) -> list[_Unit]:
    """Return the blocks, and instead of each that is too long its parts; ``spans`` are the sentences."""
    pieces: list[_Unit] = []
    for block in blocks:
        if block.size <= limit:
            pieces.append(block)
            continue
        low, high = bisect_left(spans, (block.start,)), bisect_left(spans, (block.end,))
        within = map(ruler.unit, spans[low:high])
        parts = [
            part for unit in within for part in ([unit] if unit.size <= limit else ruler.cut(unit, limit))
        ]
        pieces += _evenly_packed(parts, limit)
    return pieces


def _packed(units: Sequence[_Unit], capacity: int) -> list[_Unit]:
    """Join neighbours from the first on, as long as they have at most ``capacity`` tokens together."""
    heads = [*_heads(units, capacity), len(units)]
    return [
        _Unit(units[low].start, units[high - 1].end, units[low].first, units[high - 1].last)
        for low, high in pairwise(heads)
    ]


def _heads(units: Sequence[_Unit], capacity: int) -> list[int]:
    heads: list[int] = []
    room = -1  # the token at which the next unit must end at the latest
    for n, (_, _, first, last) in enumerate(units):
        if last > room:
            heads.append(n)
            room = first + capacity
    return heads


def _evenly_packed(units: Sequence[_Unit], limit: int) -> list[_Unit]:
    """Join neighbours into as few as ``limit`` allows, and of these ways take the one whose largest is least."""
    fewest = len(_heads(units, limit))
    low = max(unit.size for unit in units)
    enough = bisect_left(range(low, limit), True, key=lambda capacity: len(_heads(units, capacity)) <= fewest)
    return _packed(units, low + enough)
