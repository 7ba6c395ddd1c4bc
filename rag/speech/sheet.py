"""A text laid out for finding who says what: its words, sentences and quotations, and the phrases in it."""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from rag.names import DATES, NOT_NAMES, TITLES
from rag.speech.sayings import STOP, is_speaker, quotations
from rag.text import Span, sentences, words

MONTHS = frozenset("may april june august".split())  # that are names too
_REACH = 80  # words looked back in a sentence
_JOINT = re.compile(r"\s|-|'\s|’\s|\.\s?|/")
_ABBREVIATED = re.compile(
    r"\w|mr|mrs|ms|dr|st|prof|gen|sen|gov|rep|jr|lt|col|rev|capt|sgt|\w\.\w", re.IGNORECASE
)

Kind = Literal["name", "pronoun", "description"]


@dataclass(frozen=True, slots=True)
class Phrase:
    """Somebody in a text, as he is called there: the slice ``start:end``; its words are ``first`` to ``last``."""

    start: int
    end: int
    kind: Kind
    first: int
    last: int


@dataclass(frozen=True)
class Sheet:
    """A text with its words, sentences and quotations."""

    text: str

    @cached_property
    def spans(self) -> list[Span]:
        """The span of each word."""
        return words(self.text)

    @cached_property
    def lows(self) -> list[str]:
        """The words in lower case."""
        return [self.text[start:end].lower() for start, end in self.spans]

    @cached_property
    def sentences(self) -> list[Span]:
        """The span of each sentence."""
        return sentences(self.text)

    @cached_property
    def quotes(self) -> list[Span]:
        """The span of each quotation."""
        return quotations(self.text)

    def is_quoted(self, at: int, inner: bool = False) -> bool:
        """Whether a place lies inside a quotation; with ``inner`` not where one begins."""
        n = bisect_right(self.quotes, (at, len(self.text) + 1)) - 1
        return n >= 0 and self.quotes[n][0] + inner <= at < self.quotes[n][1]

    def sentence_of(self, at: int) -> Span:
        """The sentence that holds a place."""
        n = bisect_right(self.sentences, (at, len(self.text) + 1)) - 1
        return self.sentences[max(n, 0)]

    def first_of(self, n: int) -> int:
        """The first word of the sentence of word ``n``, if it is not too far back."""
        start, _ = self.sentence_of(self.spans[n][0])
        return max(bisect_left(self.spans, (start, 0)), n - _REACH)

    def gap(self, n: int) -> str:
        """The text between word ``n`` and the next one."""
        after = self.spans[n + 1][0] if n + 1 < len(self.spans) else len(self.text)
        return self.text[self.spans[n][1] : after]

    def joined(self, n: int) -> bool:
        """Whether nothing parts word ``n`` from the next one."""
        if n < 0 or n + 1 >= len(self.spans):
            return False
        gap = self.gap(n)
        if not _JOINT.fullmatch(gap):
            return False
        return "." not in gap or bool(_ABBREVIATED.fullmatch(self.lows[n]))

    def is_capital(self, n: int) -> bool:
        """Whether a word could be of a name."""
        low = self.lows[n]
        if low in MONTHS and n and self.joined(n - 1):  # Theresa May
            return self.text[self.spans[n][0]].isupper() and self.is_capital(n - 1)
        return self.text[self.spans[n][0]].isupper() and low not in NOT_NAMES and low not in DATES

    def is_stop(self, n: int) -> bool:
        """Whether a word is in no noun phrase; "US" is."""
        return self.lows[n] in STOP and not self.text[slice(*self.spans[n])].isupper()

    def is_noun(self, n: int) -> bool:
        """Whether a word that opens a sentence has its capital from there: "Researchers"."""
        return is_speaker(self.lows[n]) and self.lows[n] not in TITLES and self.first_of(n) == n

    def owns(self, n: int) -> bool:
        """Whether a word is a possessive."""
        return self.lows[n].endswith(("'s", "’s")) or self.gap(n)[:2] in ("' ", "’ ")

    def parts(self, n: int) -> bool:
        """Whether a comma or the like stands between word ``n`` and the next one."""
        return not _JOINT.fullmatch(self.gap(n))

    def phrase(self, first: int, last: int, kind: Kind) -> Phrase:
        """The phrase of some words."""
        return Phrase(self.spans[first][0], self.spans[last][1], kind, first, last)
