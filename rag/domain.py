"""The nouns (Article, Passage, Hit, Citation, Answer) and the seams (protocols) of Citewise.

Read this first. Spans are half-open and count code points of ``Article.text``.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from types import MappingProxyType
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

Vectors = NDArray[np.float32]
"""Float32, shape ``(n, dim)``, rows of unit length."""

Mode = Literal["quote", "write", "abstain"]
Way = Literal["auto", "quote", "write"]
"""How to answer, as a user chooses it; ``Mode`` is what came of it."""
NO_META: Mapping[str, str] = MappingProxyType({})
NO_RANKS: Mapping[str, int] = MappingProxyType({})


def page_of(starts: str, place: int) -> int | None:
    """Return the number of the page, from 1, on which a place lies, given where each begins, such as "0 1810"."""
    places = [int(start) for start in starts.split() if start.isdecimal()]
    return bisect_right(places, place) or None


@dataclass(frozen=True, slots=True)
class Copy:
    """Another article that says nearly the same, such as the same wire story in another outlet."""

    id: str
    title: str
    source: str
    url: str


@dataclass(frozen=True, slots=True)
class Article:
    """One article of the collection. ``text`` is NFC with ``\\n`` line ends; ``id`` comes from its source.

    ``meta["pages"]`` says where in the text each page of a paged one begins.
    """

    id: str
    title: str
    text: str = field(repr=False)
    source: str = ""
    published: date | None = None
    url: str = ""
    meta: Mapping[str, str] = field(default_factory=lambda: NO_META)
    copies: tuple[Copy, ...] = ()

    def page(self, place: int) -> int | None:
        """Return the number of the page, from 1, on which a place of the text lies; None where there are none."""
        return page_of(self.meta.get("pages", ""), place)


@dataclass(frozen=True, slots=True)
class Passage:
    """A slice of an article; what is embedded, found and read. Ids are never used twice."""

    id: int
    article: Article
    start: int
    end: int

    def __post_init__(self) -> None:
        if not 0 <= self.start < self.end <= len(self.article.text):
            raise ValueError(f"passage {self.start}:{self.end} lies outside article {self.article.id!r}")

    @property
    def text(self) -> str:
        """The slice itself."""
        return self.article.text[self.start : self.end]


@dataclass(frozen=True, slots=True)
class Hit:
    """A passage that a retriever found. Higher is better; scores compare within one list only.

    ``ranks`` are those that the parts of a fused retriever gave it, by the part's name, from 1.
    """

    passage: Passage
    score: float
    ranks: Mapping[str, int] = field(default_factory=lambda: NO_RANKS, hash=False)


@dataclass(frozen=True, slots=True)
class Citation:
    """A quote: a slice of an article, inside one of its passages. ``n`` counts from 1 within an answer."""

    n: int
    passage: Passage
    start: int
    end: int

    def __post_init__(self) -> None:
        if not self.passage.start <= self.start < self.end <= self.passage.end:
            raise ValueError(f"quote {self.start}:{self.end} lies outside passage {self.passage.id}")

    @property
    def quote(self) -> str:
        """The quoted words, exactly as the article has them."""
        return self.passage.article.text[self.start : self.end]

    @property
    def page(self) -> int | None:
        """The page that it begins on, from 1; None for an article without pages."""
        return self.passage.article.page(self.start)


@dataclass(frozen=True, slots=True)
class Where:
    """A filter over articles. An empty field does not filter; dates are inclusive."""

    sources: tuple[str, ...] = ()
    articles: tuple[str, ...] = ()
    since: date | None = None
    until: date | None = None

    def __post_init__(self) -> None:
        for name in ("since", "until"):
            object.__setattr__(self, name, _day(getattr(self, name)))


def _day(value: date | None) -> date | None:
    if isinstance(value, datetime):  # which is a date too, but compares with none
        return value.date()
    if value is not None and not isinstance(value, date):
        raise TypeError(f"a filter takes a datetime.date, not {value!r}")
    return value


EVERYWHERE = Where()


@dataclass(frozen=True, slots=True)
class Alternative:
    """Another answer that the articles give, with its own citations."""

    text: str
    confidence: float
    citations: tuple[Citation, ...]


Support = Literal["supported", "verbatim", "unsupported"]


@dataclass(frozen=True, slots=True)
class Sentence:
    """A sentence of a written answer, its markers taken off; ``citations`` prove it, and none means unsupported.

    One that is "verbatim" is its own quote, in the place of a written one that failed. ``why`` says what an
    unsupported one lacks.
    """

    text: str
    status: Support
    citations: tuple[Citation, ...] = ()
    why: str = ""

    def __post_init__(self) -> None:
        if not self.text or (self.status == "unsupported") == bool(self.citations):
            raise ValueError("a sentence is supported by citations, or has none")


def spoken(sentences: Sequence[Sentence]) -> str:
    """Return the text of a written answer: its sentences but the unsupported ones."""
    return " ".join(sentence.text for sentence in sentences if sentence.citations)


@dataclass(frozen=True, slots=True)
class Draft:
    """A written answer while it grows: the sentences that are judged, and the words of the one that is not."""

    sentences: tuple[Sentence, ...]
    unjudged: str = ""


@dataclass(frozen=True, slots=True)
class Answer:
    """What the articles say, or why they do not.

    ``text`` is empty exactly when ``citations`` are, and then ``reason`` says why.
    ``note`` says what happened instead of what was asked. ``confidence`` is a calibrated probability.
    ``sentences`` are those that were written, in order, the unsupported ones too, which ``text`` leaves out;
    where none was supported the text is quoted instead.
    ``route`` says why it was quoted or written. ``timings`` are seconds by stage.
    """

    question: str
    text: str = ""
    citations: tuple[Citation, ...] = ()
    confidence: float = 0.0
    hits: tuple[Hit, ...] = ()
    alternatives: tuple[Alternative, ...] = ()
    mode: Mode = "abstain"
    reason: str | None = None
    note: str | None = None
    searched_for: str = ""
    where: Where = EVERYWHERE
    sentences: tuple[Sentence, ...] = ()
    route: str = ""
    timings: Mapping[str, float] = field(default_factory=lambda: MappingProxyType({}))

    def __post_init__(self) -> None:
        abstains = self.mode == "abstain"
        if abstains == bool(self.text) or abstains == bool(self.citations) or abstains != bool(self.reason):
            raise ValueError("an answer has text and citations, or abstains with a reason")
        if spoken(self.sentences) not in ("", self.text):
            raise ValueError("a written text is its supported sentences")
        if any(citation not in self.citations for s in self.sentences for citation in s.citations):
            raise ValueError("a sentence cites what its answer does not")
        if not 0.0 <= self.confidence <= 1.0:
            raise ValueError(f"confidence {self.confidence} is not a probability")


@dataclass(frozen=True, slots=True)
class Exchange:
    """A turn of a conversation: the question as it was searched for, and the text of its answer, if any."""

    question: str
    answer: str = ""


@dataclass(frozen=True, slots=True)
class Stage:
    """What an engine is about to do: search among ``n`` articles, read ``n`` passages, or write from ``n``."""

    name: Literal["search", "read", "write"]
    n: int


Steps = Generator[Stage | Draft | Answer, None, None]
"""What an engine is about to do, what is written so far, and last the answer; closing it stops the work."""


class Embedder(Protocol):
    """Turns text into unit vectors. ``name`` identifies the weights: equal names give equal vectors."""

    name: str
    dim: int
    max_tokens: int

    def embed_passages(self, texts: Sequence[str]) -> Vectors:
        """Return ``(n, dim)`` unit rows in the order of ``texts``; ``(0, dim)`` for none."""

    def embed_questions(self, texts: Sequence[str]) -> Vectors:
        """Return ``(n, dim)`` unit rows in the order of ``texts``; ``(0, dim)`` for none."""

    def token_spans(self, text: str) -> list[tuple[int, int]]:
        """Return the (start, end) of each token of ``text``, in code points, special tokens left out."""


class Retriever(Protocol):
    """Finds passages for a question."""

    def retrieve(self, question: str, k: int, where: Where = EVERYWHERE) -> list[Hit]:
        """Return at most ``k`` distinct passages, best first, ties by id."""


class Reader(Protocol):
    """Answers from passages. ``name`` identifies what reads."""

    @property
    def name(self) -> str:
        """What reads, with its version."""

    def read(self, question: str, hits: Sequence[Hit]) -> Answer:
        """Answer from ``hits`` alone; abstain when there are none or none of them answers."""

    def stream(self, question: str, hits: Sequence[Hit]) -> Steps:
        """Yield the steps to the answer of ``read``, and it last."""


class Rewriter(Protocol):
    """Makes a question that can be understood alone of one that leans on what was said before."""

    def rewrite(self, turns: Sequence[Exchange], question: str) -> str:
        """Return the standalone question; one that is standalone comes back unchanged."""
