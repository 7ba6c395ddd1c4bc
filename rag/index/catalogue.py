"""What can be said of the articles without their texts: lists, counts by source and month."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

from rag.domain import Where
from rag.index.truth import Truth, conditions
from rag.text import fold

Sort = Literal["title", "source", "published", "n_chars"]
MAX_WORDS = 12  # of a filter; more of them narrow nothing down

_LENGTHS = 'SELECT article, max("end"), count(*) FROM passages'


@dataclass(frozen=True, slots=True)
class Entry:
    """An article in a list. ``n_chars`` is the length of its text; ``published`` an ISO date, or empty."""

    id: str
    title: str
    source: str
    published: str
    n_chars: int
    n_passages: int


@dataclass(frozen=True, slots=True)
class Home:
    """Where an article came from: its place and its file, and how many others came from that file."""

    n: int
    place: str
    file: str
    n_others: int
    n_passages: int


class _Facts(NamedTuple):
    n: int
    id: str
    title: str
    source: str
    published: str


def listed(
    truth: Truth, words: str, where: Where, sort: Sort, descending: bool, first: int, n: int
) -> tuple[list[Entry], int]:
    """Return the articles from ``first`` on, at most ``n``, and how many there are.

    Each of ``words`` stands in the title, the id or the source, whatever its case and accents. Ties by id;
    articles without a date come after all others.
    """
    with truth.snapshot():
        found = _matching(_facts(truth, where), words)
        lengths = _lengths(truth) if sort == "n_chars" else {}
        ordered = _sorted(found, sort, descending, lengths)[first : first + n]
        lengths = lengths or _lengths(truth, [facts.n for facts in ordered])
    entries = [Entry(f.id, f.title, f.source, f.published, *lengths.get(f.n, (0, 0))) for f in ordered]
    return entries, len(found)


def sources(truth: Truth) -> list[tuple[str, int]]:
    """Return (source, number of articles), most first, ties by name."""
    return truth.rows("SELECT source, count(*) FROM articles GROUP BY source ORDER BY 2 DESC, 1")


def months(truth: Truth) -> list[tuple[str, str, int]]:
    """Return (month as 2017-02, source, number of articles), in order; the month of undated ones is empty."""
    return truth.rows(
        "SELECT coalesce(substr(published, 1, 7), ''), source, count(*) FROM articles GROUP BY 1, 2 ORDER BY 1, 2"
    )


def titles(truth: Truth, limit: int) -> list[tuple[str, str]]:
    """Return (id, title) of the ``limit`` newest articles, newest first, ties by id."""
    return truth.rows("SELECT id, title FROM articles ORDER BY published DESC, id LIMIT ?", (limit,))


def home(truth: Truth, id: str) -> Home | None:
    """Return where an article came from, or None if there is none of this id."""
    rows = truth.rows(
        "SELECT n, place, file, (SELECT count(*) FROM articles b WHERE b.file = a.file) - 1, "
        "(SELECT count(*) FROM passages WHERE article = a.n) FROM articles a WHERE id = ?",
        (id,),
    )
    return Home(*rows[0]) if rows else None


def _facts(truth: Truth, where: Where) -> list[_Facts]:
    tests, values = conditions(where)
    sql = f"SELECT n, id, title, source, coalesce(published, '') FROM articles a WHERE {tests} ORDER BY id"
    return [_Facts._make(row) for row in truth.rows(sql, values)]


def _matching(facts: list[_Facts], words: str) -> list[_Facts]:
    wanted = [_folded(word) for word in words.split()[:MAX_WORDS]]
    if not wanted:
        return facts
    texts = (_folded(f"{f.title}\n{f.id}\n{f.source}") for f in facts)
    return [f for f, text in zip(facts, texts, strict=True) if all(word in text for word in wanted)]


def _folded(text: str) -> str:
    return text.lower() if text.isascii() else fold(unicodedata.normalize("NFC", text))


def _sorted(
    facts: list[_Facts], sort: Sort, descending: bool, lengths: dict[int, tuple[int, int]]
) -> list[_Facts]:
    """Return what is in the order of ids in another one; what is equal in that keeps it."""
    if sort == "n_chars":
        return sorted(facts, key=lambda f: lengths.get(f.n, (0, 0))[0], reverse=descending)
    if sort == "published":
        ordered = sorted(facts, key=lambda f: f.published, reverse=descending)
        return sorted(ordered, key=lambda f: not f.published)
    return sorted(facts, key=lambda f: _folded(getattr(f, sort)), reverse=descending)


def _lengths(truth: Truth, articles: Sequence[int] | None = None) -> dict[int, tuple[int, int]]:
    """Return number → (length of its text, passages): an article's last passage ends where its text does."""
    if articles is None:
        rows = truth.rows(f"{_LENGTHS} GROUP BY article")
    else:
        wanted = "SELECT value FROM json_each(?)"
        rows = truth.rows(f"{_LENGTHS} WHERE article IN ({wanted}) GROUP BY article", (json.dumps(articles),))
    return {n: (n_chars, n_passages) for n, n_chars, n_passages in rows}
