"""A conversation as a file to take away, with all citations: Markdown to show, or JSON to read back."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

from page.record import Quote, Record, numbered
from page.record_json import to_json as record_json
from page.record_json import where_json
from page.views import Conversation, Turn
from page.writing import UNPROVED
from rag.domain import EVERYWHERE, Where
from rag.render import SILENCE, level, visible
from rag.text import normalise, one_line

# What can begin or end a mark of Markdown or HTML; a dot or colon inside a word too, since many programs make
# links of bare addresses.
_MARKS = re.compile(r"[\\`*_\[\]<>&|~@#$^]|(?<=\w)\.(?=\w)|(?<=\w):(?=[\w/])")
_LINE_START = re.compile(r"^(\d*)([-+=.:)])")  # lists and underlined headings
_ADDRESS = re.compile(r"https?://[!-;=?-~]+", re.IGNORECASE)  # printable ASCII without < and >
_VERDICTS = {1: "Marked as helpful", -1: "Marked as not helpful", 0: "Remark"}
FORMAT = 1  # of the object of JSON


def to_json(conversation: Conversation, turns: Sequence[Turn]) -> dict[str, Any]:
    """Return a conversation as an object of JSON; each turn is its record, its quotes with their article."""
    return {
        "format": FORMAT,
        "id": conversation.id,
        "title": conversation.title,
        "created": conversation.created,
        "changed": conversation.changed,
        "turns": [_turn_json(turn) for turn in turns],
    }


def _turn_json(turn: Turn) -> dict[str, Any]:
    record = turn.record
    kept = record_json(record)
    others = zip(kept["others"], record.others, strict=True)
    return {
        **kept,
        "quotes": _cited(kept["quotes"], record.quotes),
        "others": [{**fields, "quotes": _cited(fields["quotes"], other.quotes)} for fields, other in others],
        "id": turn.id,
        "verdict": turn.verdict,
        "remark": turn.remark,
        "suggestions": list(turn.suggestions),
    }


def _cited(kept: Sequence[dict[str, Any]], quotes: Sequence[Quote]) -> list[dict[str, Any]]:
    facts = [
        {name: getattr(quote.passage.article, name) for name in quote.passage.article.__slots__}
        for quote in quotes
    ]
    return [{**fields, "article": article} for fields, article in zip(kept, facts, strict=True)]


def to_markdown(conversation: Conversation, turns: Sequence[Turn]) -> str:
    """Return a conversation as Markdown; nothing that a person or an article says becomes a mark of it."""
    times = f"Begun {_inline(conversation.created)}, last changed {_inline(conversation.changed)}."
    blocks = [f"# {_inline(conversation.title)}", times]
    for number, turn in enumerate(turns, 1):
        blocks += [f"## {number}. {_inline(turn.record.question)}", *_turn_blocks(turn)]
    return "\n\n".join(blocks) + "\n"


def _turn_blocks(turn: Turn) -> Iterator[str]:
    record = turn.record
    if record.searched_for not in ("", record.question):
        yield f"Searched for: {_inline(record.searched_for)}"
    if record.where != EVERYWHERE:
        yield f"Only in: {_filter(record.where)}"
    if record.text:
        yield from _answer_blocks(numbered(record), record.confidence, record.quotes)
    else:
        yield f"{SILENCE} {_inline(record.reason)}".rstrip()
    yield from _failed_blocks(record)
    if record.route:
        yield f"Route: {_inline(record.route)}"
    if record.words:
        yield f"Articles with the words of the question: {_counts(record.words)}"
    if record.note:
        yield _block(record.note)
    for other in record.others:
        yield "Another answer:"
        yield from _answer_blocks(other.text, other.confidence, other.quotes)
    if turn.verdict or turn.remark:
        yield _block(f"{_VERDICTS[turn.verdict]}{': ' if turn.remark else ''}{turn.remark}")


def _failed_blocks(record: Record) -> Iterator[str]:
    """Yield the sentences that are no part of a written answer, each with what it lacks."""
    for claim in record.failed:
        yield _block(f"{UNPROVED}: “{claim.text}” {claim.why}")


def _answer_blocks(text: str, confidence: float, quotes: Sequence[Quote]) -> Iterator[str]:
    yield _block(text)
    yield f"Confidence: {level(confidence)} ({confidence:.2f})"
    for quote in quotes:
        yield _block(quote.text, "> ")
        yield _citation(quote)


def _citation(quote: Quote) -> str:
    article = quote.passage.article
    facts = (article.title, article.source, article.published, *article.more(quote.start))
    named = ", ".join(_inline(fact) for fact in facts if fact)
    address = article.url if _ADDRESS.fullmatch(article.url) else ""
    link = f", <{address}>" if address else f", {_inline(article.url)}" if article.url else ""
    place = f"Article {_inline(article.id)}, characters {quote.start} to {quote.end}"
    return f"\\[{quote.n}\\] {named}{link}\n{place}, sha256 {_inline(article.sha256)}"


def _filter(where: Where) -> str:
    kept = where_json(where)
    lists = {name: ", ".join(kept[name]) for name in ("sources", "articles")}
    days = {name: kept[name] or "" for name in ("since", "until")}
    return "; ".join(f"{name} {_inline(value)}" for name, value in (lists | days).items() if value)


def _counts(words: Sequence[tuple[str, int]]) -> str:
    return ", ".join(f"{_inline(word)} {n or 'none'}" for word, n in words)


def _inline(text: str) -> str:
    """Return a text as one line of Markdown that shows it as it is."""
    return _escaped(visible(one_line(text)))


def _block(text: str, margin: str = "") -> str:
    """Return the lines of a text as Markdown that shows them as they are, the blank ones at its ends left out."""
    lines = visible(normalise(text)).strip().split("\n")
    return "\n".join(f"{margin}{_LINE_START.sub(_marked, _escaped(line.strip()))}".rstrip() for line in lines)


def _marked(found: re.Match[str]) -> str:
    return f"{found[1]}\\{found[2]}"


def _escaped(text: str) -> str:
    return _MARKS.sub(lambda found: f"\\{found[0]}", text)
