"""What each part of the screen shows, as plain values: handlers make them, ``page.html`` draws them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from page.record import Origin, Record, Slice
from rag.domain import EVERYWHERE, Where

Verdict = Literal[-1, 0, 1]


@dataclass(frozen=True, slots=True)
class Turn:
    """A question of a conversation and its answer. ``id`` is the key of its link; empty where it is not kept."""

    id: str
    record: Record
    verdict: Verdict = 0
    remark: str = ""  # what the person wrote beside a thumb
    suggestions: tuple[str, ...] = ()  # questions to ask next


@dataclass(frozen=True, slots=True)
class Conversation:
    """A kept conversation as it is listed; times are ISO, in UTC."""

    id: str
    title: str
    created: str
    changed: str
    n_turns: int


@dataclass(frozen=True, slots=True)
class Excerpt:
    """The slice of an article's text from ``start`` on; ``n_chars`` is the length of the whole text."""

    start: int
    text: str
    n_chars: int

    @property
    def end(self) -> int:
        """Where the slice ends in the article."""
        return self.start + len(self.text)


@dataclass(frozen=True, slots=True)
class Opened:
    """The evidence of a turn, open at one place.

    ``at`` counts from 0 in ``record.all_quotes``, or is None where a passage is open that is not quoted, or
    where there is no quote. ``passage`` is what is open, None for nothing. ``state`` compares the article of
    now with the one that was read; ``excerpt`` is of now, and is given only where the text is the ``same``.
    """

    turn: str
    record: Record
    at: int | None
    passage: Slice | None
    state: Literal["same", "changed", "gone"] = "same"
    excerpt: Excerpt | None = None


@dataclass(frozen=True, slots=True)
class Row:
    """An article in the list."""

    id: str
    title: str
    source: str
    published: str  # ISO date, or empty
    n_chars: int
    n_passages: int


N_ROWS = 50  # of a page of the list of articles
Sort = Literal["title", "source", "published", "n_chars"]


@dataclass(frozen=True, slots=True)
class View:
    """What a person looks at in the list of articles; ``first`` counts from 0."""

    words: str = ""
    sort: Sort = "published"
    descending: bool = True
    first: int = 0


@dataclass(frozen=True, slots=True)
class Listing:
    """A page of the list of articles. ``n_found`` match ``words``; ``first`` counts from 0."""

    rows: tuple[Row, ...]
    first: int
    n_found: int
    n_articles: int
    words: str = ""
    sort: Sort = "published"
    descending: bool = True
    where: Where = EVERYWHERE


@dataclass(frozen=True, slots=True)
class Reading:
    """One article, open in the list. ``file`` is where it was read from; ``may_remove`` on this page."""

    article: Origin
    meta: tuple[tuple[str, str], ...]
    excerpt: Excerpt
    n_passages: int
    file: str
    may_remove: bool
    removal: str = ""  # what removing it does to its file, in a sentence


@dataclass(frozen=True, slots=True)
class Progress:
    """How an upload goes on; ``done`` says that it has ended, ``problems`` are (name, message with its mend)."""

    told: str
    n_done: int = 0
    n_total: int = 0
    done: bool = False
    problems: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Machine:
    """What the page says of itself: (name, value) facts in groups, each group with its heading."""

    groups: tuple[tuple[str, tuple[tuple[str, str], ...]], ...] = ()
