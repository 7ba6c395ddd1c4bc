"""An answer as it is shown and kept: it needs no index, and says from which text each quote was taken.

A record is made of an ``Answer``, goes to JSON and comes back equal. It holds the passages, not the articles;
``sha256`` of an article's text tells whether the quotes still are slices of it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from types import MappingProxyType
from typing import Any, TypeVar

from rag.domain import EVERYWHERE, Alternative, Answer, Article, Citation, Hit, Mode, Passage, Where
from rag.render import uncited

FORMAT = 1
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Origin:
    """An article's facts; ``published`` is an ISO date or empty, ``sha256`` that of its text in UTF-8."""

    id: str
    title: str
    source: str
    published: str
    url: str
    sha256: str


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
class Record:
    """An answer with all that is needed to show and to check it.

    ``words`` are the words of the question, each with the number of articles that have it; only after an
    abstention. ``asked_at`` is an ISO time in UTC, ``timings_ms`` are by stage.
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
    timings_ms: Mapping[str, float] = field(default_factory=lambda: MappingProxyType({}))

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
        timings_ms=MappingProxyType({k: round(float(s) * 1000, 1) for k, s in answer.timings.items()}),
    )


def text_sha256(text: str) -> str:
    """Return the sha256 of an article's text in UTF-8, in hexadecimal."""
    return hashlib.sha256(text.encode()).hexdigest()


def origin_of(article: Article) -> Origin:
    """Return the facts of an article."""
    day = article.published.isoformat() if article.published else ""
    return Origin(article.id, article.title, article.source, day, article.url, text_sha256(article.text))


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


def _other(alternative: Alternative, passage: Callable[[Passage], Slice]) -> Other:
    quotes = tuple(_quote(citation, passage) for citation in alternative.citations)
    return Other(alternative.text, round(float(alternative.confidence), 4), quotes)


def _considered(hit: Hit, passage: Callable[[Passage], Slice]) -> Considered:
    ranks = hit.ranks
    return Considered(passage(hit.passage), float(hit.score), ranks.get("meaning"), ranks.get("words"))


# -- JSON ---------------------------------------------------------------------------------------------


def to_json(record: Record) -> dict[str, Any]:
    """Return a record as an object of JSON; each article and passage stands in it once."""
    passages = {q.passage.id: q.passage for q in record.all_quotes}
    passages |= {c.passage.id: c.passage for c in record.considered}
    origins = {passage.article.id: passage.article for passage in passages.values()}
    return {
        "format": FORMAT,
        "question": record.question,
        "asked_at": record.asked_at,
        "searched_for": record.searched_for,
        "answer": record.text,
        "mode": record.mode,
        "confidence": record.confidence,
        "reason": record.reason,
        "note": record.note,
        "quotes": [_quote_json(quote) for quote in record.quotes],
        "others": [
            {"answer": o.text, "confidence": o.confidence, "quotes": [_quote_json(q) for q in o.quotes]}
            for o in record.others
        ],
        "considered": [
            {"passage": c.passage.id, "score": c.score, "by_meaning": c.by_meaning, "by_words": c.by_words}
            for c in record.considered
        ],
        "words": [[word, n] for word, n in record.words],
        "where": where_json(record.where),
        "timings_ms": dict(record.timings_ms),
        "passages": [
            {"id": p.id, "article": p.article.id, "start": p.start, "text": p.text} for p in passages.values()
        ],
        "articles": [
            {name: getattr(origin, name) for name in Origin.__slots__} for origin in origins.values()
        ],
    }


def from_json(kept: Mapping[str, Any]) -> Record:
    """Return the record that ``to_json`` gave.

    Raises:
        ValueError: it is none, or contradicts itself.
    """
    try:
        if kept["format"] != FORMAT:
            raise ValueError(f"format {kept['format']!r}, expected {FORMAT}")
        return _from_json(kept)
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"not the record of an answer: {error!r}") from error


def _from_json(kept: Mapping[str, Any]) -> Record:
    origins = {facts["id"]: Origin(**facts) for facts in kept["articles"]}
    passages = {
        p["id"]: Slice(p["id"], origins[p["article"]], p["start"], p["text"]) for p in kept["passages"]
    }

    def quotes(found: Sequence[Mapping[str, Any]]) -> tuple[Quote, ...]:
        return tuple(Quote(q["n"], passages[q["passage"]], q["start"], q["end"]) for q in found)

    return Record(
        question=kept["question"],
        asked_at=kept["asked_at"],
        text=kept["answer"],
        quotes=quotes(kept["quotes"]),
        confidence=kept["confidence"],
        mode=kept["mode"],
        reason=kept["reason"],
        note=kept["note"],
        searched_for=kept["searched_for"],
        others=tuple(Other(o["answer"], o["confidence"], quotes(o["quotes"])) for o in kept["others"]),
        considered=tuple(
            Considered(passages[c["passage"]], c["score"], c["by_meaning"], c["by_words"])
            for c in kept["considered"]
        ),
        words=tuple((word, n) for word, n in kept["words"]),
        where=where_of(kept["where"]),
        timings_ms=MappingProxyType(dict(kept["timings_ms"])),
    )


def _quote_json(quote: Quote) -> dict[str, Any]:
    return {
        "n": quote.n,
        "passage": quote.passage.id,
        "start": quote.start,
        "end": quote.end,
        "quote": quote.text,
    }


def where_json(where: Where) -> dict[str, Any]:
    """Return a filter as an object of JSON."""
    return {
        "sources": list(where.sources),
        "articles": list(where.articles),
        "since": where.since.isoformat() if where.since else None,
        "until": where.until.isoformat() if where.until else None,
    }


def where_of(kept: Mapping[str, Any]) -> Where:
    """Return the filter that ``where_json`` gave."""
    since, until = (date.fromisoformat(kept[name]) if kept[name] else None for name in ("since", "until"))
    return Where(tuple(kept["sources"]), tuple(kept["articles"]), since, until)
