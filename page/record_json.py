"""A record as an object of JSON, and back: what goes there comes back equal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from types import MappingProxyType
from typing import Any

from page.record import Claim, Considered, Origin, Other, Quote, Record, Slice
from rag.domain import Where

FORMAT = 1


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
        "sentences": [_claim_json(claim, record.quotes) for claim in record.claims],
        "route": record.route,
        "timings_ms": dict(record.timings_ms),
        "passages": [
            {"id": p.id, "article": p.article.id, "start": p.start, "text": p.text} for p in passages.values()
        ],
        "articles": [
            {name: getattr(origin, name) for name in Origin.__slots__} for origin in origins.values()
        ],
    }


def from_json(kept: Mapping[str, Any]) -> Record:
    """Return the record that ``to_json`` gave; one of before answers were written has no sentences and no route.

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
    origins = {facts["id"]: _origin(facts) for facts in kept["articles"]}
    passages = {
        p["id"]: Slice(p["id"], origins[p["article"]], p["start"], p["text"]) for p in kept["passages"]
    }

    def quotes(found: Sequence[Mapping[str, Any]]) -> tuple[Quote, ...]:
        return tuple(Quote(q["n"], passages[q["passage"]], q["start"], q["end"]) for q in found)

    answer = quotes(kept["quotes"])
    return Record(
        question=kept["question"],
        asked_at=kept["asked_at"],
        text=kept["answer"],
        quotes=answer,
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
        claims=tuple(_claim(claim, answer) for claim in kept.get("sentences", ())),
        route=kept.get("route", ""),
        timings_ms=MappingProxyType(dict(kept["timings_ms"])),
    )


def _origin(kept: Mapping[str, Any]) -> Origin:
    return Origin(**{**kept, "also_in": tuple(kept.get("also_in", ()))})


def _claim_json(claim: Claim, quotes: Sequence[Quote]) -> dict[str, Any]:
    """``quotes`` of a sentence are counted from 1 among those of the answer."""
    counted = [quotes.index(quote) + 1 for quote in claim.quotes]
    return {"text": claim.text, "status": claim.status, "quotes": counted, "why": claim.why}


def _claim(kept: Mapping[str, Any], quotes: Sequence[Quote]) -> Claim:
    counted = dict(enumerate(quotes, 1))
    return Claim(kept["text"], kept["status"], tuple(counted[n] for n in kept["quotes"]), kept["why"])


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
