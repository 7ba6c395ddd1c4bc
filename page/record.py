"""An answer as it is shown and kept: it needs no index, and says from which text each quote was taken.

A record is made of an ``Answer``. It holds the passages, not the articles; ``sha256`` of an article's text tells
whether the quotes still are slices of it. ``page.record_json`` keeps it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TypeVar, get_args

from rag.domain import (
    EVERYWHERE,
    Alternative,
    Answer,
    Article,
    Citation,
    Hit,
    Mode,
    Passage,
    Sentence,
    Support,
    Where,
    page_of,
)
from rag.render import also_in, uncited

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Origin:
    """An article's facts; ``published`` is an ISO date or empty, ``sha256`` that of its text in UTF-8.

    ``pages`` are the starts of its pages, ``also_in`` the sources of near-identical articles.
    """

    id: str
    title: str
    source: str
    published: str
    url: str
    sha256: str
    pages: str = ""
    also_in: tuple[str, ...] = ()

    def more(self, place: int) -> tuple[str, ...]:
        """Return what else is told of a place in it: its page, and who else published the same."""
        page = page_of(self.pages, place)
        told = f"page {page}" if page else "", f"also in {', '.join(self.also_in)}" if self.also_in else ""
        return tuple(filter(None, told))


@dataclass(frozen=True, slots=True)
class Slice:
    """A passage: ``text`` stands at ``start`` in its article. Passage ids are never used twice."""

    id: int
    article: Origin
    start: int
    text: str

    @property
    def end(self) -> int:
        """Where the passage ends in its article."""
        return self.start + len(self.text)


@dataclass(frozen=True, slots=True)
class Quote:
    """A quote: the slice ``start:end`` of an article, inside the passage. ``n`` counts from 1 in an answer."""

    n: int
    passage: Slice
    start: int
    end: int

    def __post_init__(self) -> None:
        if not self.passage.start <= self.start < self.end <= self.passage.end:
            raise ValueError(f"quote {self.start}:{self.end} lies outside its passage")

    @property
    def text(self) -> str:
        """The quoted words, exactly as the article had them."""
        return self.passage.text[self.start - self.passage.start : self.end - self.passage.start]


@dataclass(frozen=True, slots=True)
class Considered:
    """A passage that was read and is not quoted; its ranks count from 1, None where it was not found so."""

    passage: Slice
    score: float
    by_meaning: int | None
    by_words: int | None


@dataclass(frozen=True, slots=True)
class Other:
    """Another answer of the articles, with its quotes."""

    text: str
    confidence: float
    quotes: tuple[Quote, ...]


@dataclass(frozen=True, slots=True)
class Claim:
    """A sentence of a written answer; ``quotes`` of the answer prove it, and none means unsupported.

    One that is "verbatim" is its own quote; ``why`` says what an unsupported one lacks.
    """

    text: str
    status: Support
    quotes: tuple[Quote, ...] = ()
    why: str = ""

    def __post_init__(self) -> None:
        if self.status not in get_args(Support) or (self.status == "unsupported") == bool(self.quotes):
            raise ValueError(f"a sentence is {self.status} with {len(self.quotes)} quotes")


@dataclass(frozen=True, slots=True)
class Record:
    """An answer with all that is needed to show and to check it.

    ``words`` are the words of the question, each with the number of articles that have it; only after an
    abstention. ``asked_at`` is an ISO time in UTC, ``timings_ms`` are by stage. ``claims`` are the sentences
    that were written, in order; where none has quotes, ``text`` was quoted instead. ``route`` says why.
    """

    question: str
    asked_at: str
    text: str = ""
    quotes: tuple[Quote, ...] = ()
    confidence: float = 0.0
    mode: Mode = "abstain"
    reason: str = ""
    note: str = ""
    searched_for: str = ""
    others: tuple[Other, ...] = ()
    considered: tuple[Considered, ...] = ()
    words: tuple[tuple[str, int], ...] = ()
    where: Where = EVERYWHERE
    claims: tuple[Claim, ...] = ()
    route: str = ""
    timings_ms: Mapping[str, float] = field(default_factory=lambda: MappingProxyType({}))

    @property
    def proved(self) -> tuple[Claim, ...]:
        """The sentences that are the answer; none of an answer that was not written."""
        return tuple(claim for claim in self.claims if claim.quotes)

    @property
    def failed(self) -> tuple[Claim, ...]:
        """The sentences that were written and are no part of the answer."""
        return tuple(claim for claim in self.claims if not claim.quotes)

    @property
    def all_quotes(self) -> tuple[Quote, ...]:
        """The quotes of the answer, then those of the other answers, in the order in which they are shown."""
        return (*self.quotes, *(quote for other in self.others for quote in other.quotes))


def record_of(answer: Answer, asked_at: str, words: Sequence[tuple[str, int]] = ()) -> Record:
    """Return the record of an answer."""
    passage = _remembering(_slice)
    return Record(
        question=answer.question,
        asked_at=asked_at,
        text=answer.text,
        quotes=tuple(_quote(citation, passage) for citation in answer.citations),
        confidence=round(float(answer.confidence), 4),
        mode=answer.mode,
        reason=answer.reason or "",
        note=answer.note or "",
        searched_for=answer.searched_for,
        others=tuple(_other(alternative, passage) for alternative in answer.alternatives),
        considered=tuple(_considered(hit, passage) for hit in uncited(answer)),
        words=tuple(words),
        where=answer.where,
        claims=tuple(_claim(sentence, passage) for sentence in answer.sentences),
        route=answer.route,
        timings_ms=MappingProxyType({k: round(float(s) * 1000, 1) for k, s in answer.timings.items()}),
    )


def numbered(record: Record) -> str:
    """Return the answer as plain text; of a written one each sentence with the numbers of its quotes in brackets."""
    return " ".join(map(_numbered, record.proved)) or record.text


def _numbered(claim: Claim) -> str:
    text = f"“{claim.text}”" if claim.status == "verbatim" else claim.text
    return "".join((text, *(f" [{quote.n}]" for quote in claim.quotes)))


def text_sha256(text: str) -> str:
    """Return the sha256 of an article's text in UTF-8, in hexadecimal."""
    return hashlib.sha256(text.encode()).hexdigest()


def origin_of(article: Article) -> Origin:
    """Return the facts of an article."""
    day = article.published.isoformat() if article.published else ""
    return Origin(
        article.id,
        article.title,
        article.source,
        day,
        article.url,
        text_sha256(article.text),
        article.meta.get("pages", ""),
        also_in(article),
    )


def _remembering(make: Callable[[Passage, Origin], T]) -> Callable[[Passage], T]:
    """Return ``make`` with the facts of each article worked out once."""
    origins: dict[str, Origin] = {}

    def made(passage: Passage) -> T:
        article = passage.article
        if article.id not in origins:
            origins[article.id] = origin_of(article)
        return make(passage, origins[article.id])

    return made


def _slice(passage: Passage, origin: Origin) -> Slice:
    return Slice(passage.id, origin, passage.start, passage.text)


def _quote(citation: Citation, passage: Callable[[Passage], Slice]) -> Quote:
    return Quote(citation.n, passage(citation.passage), citation.start, citation.end)


def _claim(sentence: Sentence, passage: Callable[[Passage], Slice]) -> Claim:
    quotes = tuple(_quote(citation, passage) for citation in sentence.citations)
    return Claim(sentence.text, sentence.status, quotes, sentence.why)


def _other(alternative: Alternative, passage: Callable[[Passage], Slice]) -> Other:
    quotes = tuple(_quote(citation, passage) for citation in alternative.citations)
    return Other(alternative.text, round(float(alternative.confidence), 4), quotes)


def _considered(hit: Hit, passage: Callable[[Passage], Slice]) -> Considered:
    ranks = hit.ranks
    return Considered(passage(hit.passage), float(hit.score), ranks.get("meaning"), ranks.get("words"))
