"""What was spoken of in the last turns of a conversation, the last first."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from rag.domain import Exchange
from rag.ellipsis import FEW_WORDS
from rag.names import PEOPLE, UNSURE, Kind, Name, names

_READ_CHARS = 400  # of each question and answer
_UNKNOWN = re.compile(r"\W*i (?:don['’]t|do not) know\W*", re.IGNORECASE)
_WANTS_NAME = re.compile(r"\W*(?:\w+\s+)?(?:who|whom|what|which)\b|\W*(?:\w+\s+){0,3}name\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Wanted:
    """The kinds of names that a pronoun means for ``sure``, or ``perhaps``; not one that ``question`` has itself."""

    question: str
    sure: frozenset[Kind]
    perhaps: frozenset[Kind]


class Past:
    """The names of the last turns: of each, the last first, ``pools`` has those of its question, then of its answer.

    ``texts`` are these questions and answers; ``said`` are the names as they stand there, which ``pools`` has in full.
    """

    def __init__(self, turns: Sequence[Exchange]) -> None:
        self.turns = [_clipped(turn) for turn in reversed(turns)]
        self.texts = [text for turn in self.turns for text in (turn.question, turn.answer)]
        self.said = [names(text) for text in self.texts]
        self._whole = sorted((name for pool in self.said for name in pool), key=lambda name: -len(name.text))
        self.pools = [[self.fullest(name) for name in pool] for pool in self.said]

    def find(self, wanted: Wanted, pool: int) -> Name | None:
        """Return the name of a pool that is meant: one that surely can be before one that perhaps can."""
        there = [name for name in self.pools[pool] if not is_in(name, wanted.question)]
        sure = (name for name in there if name.kind in wanted.sure)
        return next(sure, None) or next((name for name in there if name.kind in wanted.perhaps), None)

    def answered(self, wanted: Wanted) -> Name | None:
        """Return the name that was asked for last: a short answer to a question for one."""
        asked, answer = self.texts[:2]
        short = len(answer.split()) <= FEW_WORDS and _WANTS_NAME.match(asked)
        return self.find(wanted, 1) if short else None

    def fullest(self, name: Name) -> Name:
        """Return the longest name of a person that ends with this one: "Angela Merkel" for "Merkel"."""
        if name.kind not in PEOPLE | UNSURE:
            return name
        like = [n for n in self._whole if n.kind in PEOPLE | UNSURE]
        ending = (n for n in like if n.text.endswith(f" {name.text}"))
        beginning = (n for n in like if name.kind == "word" and n.text.startswith(f"{name.text} "))
        return next(ending, None) or next(beginning, name)

    def topic(self) -> str | None:
        """Return what was asked about last."""
        return next((pool[0].text for pool in self.pools[::2] if pool), None)

    def with_the(self, name: Name) -> str:
        """Return the text of a name, with its "the" where it was given with one: the Beatles."""
        if name.text.startswith("The ") or not any(f"the {name.text}" in text for text in self.texts):
            return name.text
        return f"the {name.text}"


def is_in(name: Name, question: str) -> bool:
    """Return whether a question has the name, or one of its longer words."""
    asked = question.lower()
    return (
        any(word in asked for word in name.text.lower().split() if len(word) > 3)
        or name.text.lower() in asked
    )


def _clipped(turn: Exchange) -> Exchange:
    answer = "" if _UNKNOWN.fullmatch(turn.answer) else turn.answer
    return Exchange(turn.question[:_READ_CHARS], answer[:_READ_CHARS])
