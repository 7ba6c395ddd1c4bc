"""What contradicts itself in an articles.db, and what would cure it: one article at a time, whatever it holds."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice, pairwise

import numpy as np

from rag.domain import Article
from rag.errors import IndexDamaged
from rag.index.database import one_line
from rag.index.truth import RECOUNT, Truth, fingerprint, vector_key
from rag.store import Shape
from rag.upkeep.copies import Statement

UNIT = 0.01  # that the length of a vector may differ from 1; rounding to float16 makes it .0005 at most
_SAMPLED = 100  # passages whose vectors tell whether the embedder's name is right
_GONE = "INSERT OR IGNORE INTO removed SELECT ?, CAST(value AS INTEGER) FROM meta WHERE key = 'seq'"
_KEYS = 'SELECT p.id, p.start, p."end", v.key FROM passages p LEFT JOIN vectors v ON v.n = p.vector'


@dataclass(frozen=True, slots=True)
class Fault:
    """Something wrong in an articles.db.

    It goes with the articles of these numbers, or with ``cure``; where there is neither, what can still be read
    must be saved into another file.
    """

    says: str
    articles: tuple[int, ...] = ()
    cure: tuple[Statement, ...] = ()


def faults(truth: Truth) -> Iterator[Fault]:
    """Yield all that is wrong: SQLite's own check, orphans, numbers, articles, passages, vectors.

    Raises:
        IndexDamaged: no more can be read.
    """
    for (line,) in truth.rows("PRAGMA integrity_check"):
        if line != "ok":
            yield Fault(f"SQLite: {line}")
    yield from _orphans(truth)
    yield from _numbers(truth)
    yield from _articles(truth)
    yield from _vectors(truth)


def may_be_embedded(title: str, text: str) -> tuple[str, str]:
    """Return the two texts, of which one is embedded for a passage: its own, and that with its title before it."""
    return text, f"{title}\n{text}"


def is_sound(blob: bytes, dim: int) -> bool:
    """Whether a stored vector is finite float16 numbers, ``dim`` of them, of unit length."""
    if len(blob) != 2 * dim:
        return False
    length = np.linalg.norm(np.frombuffer(blob, dtype=np.float16).astype(np.float32))
    return bool(abs(length - 1) <= UNIT)  # which not-a-number is not


def _orphans(truth: Truth) -> Iterator[Fault]:
    sql = "SELECT id FROM passages WHERE article NOT IN (SELECT n FROM articles)"
    for (id,) in truth.stream(sql):
        cure: tuple[Statement, ...] = ((_GONE, (id,)), ("DELETE FROM passages WHERE id = ?", (id,)))
        yield Fault(f"passage {id} has no article", cure=cure)
    sql = "SELECT id, article FROM passages WHERE vector NOT IN (SELECT n FROM vectors)"
    for id, article in truth.stream(sql):
        yield Fault(f"passage {id} has no vector", (article,))
    for (n,) in truth.stream("SELECT n FROM vectors WHERE n NOT IN (SELECT vector FROM passages)"):
        yield Fault(f"vector {n} has no passage", cure=(("DELETE FROM vectors WHERE n = ?", (n,)),))
    for table in _later_tables(truth):
        sql = f"SELECT DISTINCT article FROM {table} WHERE article NOT IN (SELECT n FROM articles)"
        for (n,) in truth.stream(sql):
            yield Fault(
                f"{table} has no article {n}", cure=((f"DELETE FROM {table} WHERE article = ?", (n,)),)
            )


def _later_tables(truth: Truth) -> list[str]:
    sql = "SELECT name FROM sqlite_schema WHERE type = 'table' AND name IN ('bands', 'twins') ORDER BY name"
    return [name for (name,) in truth.rows(sql)]


def _numbers(truth: Truth) -> Iterator[Fault]:
    """Yield what is wrong with what caches, counts and later passages go by."""
    if (kept := truth.counts()) != (counted := truth.counted()):
        yield Fault(
            f"it says that it has {kept[0]} articles in {kept[1]} passages, and has {counted[0]} in {counted[1]}",
            cure=tuple((statement, ()) for statement in RECOUNT),
        )
    for (id,) in truth.stream("SELECT id FROM removed WHERE id IN (SELECT id FROM passages)"):
        cure: tuple[Statement, ...] = (("DELETE FROM removed WHERE id = ?", (id,)),)
        yield Fault(f"passage {id} is there and said to be removed", cure=cure)
    (highest,) = truth.row("SELECT coalesce(max(id), 0) FROM passages")
    counters = truth.rows("SELECT seq FROM sqlite_sequence WHERE name = 'passages'")
    if len(counters) != 1 or not isinstance(counters[0][0], int) or counters[0][0] < highest:
        again: tuple[Statement, ...] = (
            ("DELETE FROM sqlite_sequence WHERE name = 'passages'", ()),
            ("INSERT INTO sqlite_sequence VALUES ('passages', ?)", (highest,)),
        )
        yield Fault(f"the last passage is not known to be {highest}", cure=again)


def _articles(truth: Truth) -> Iterator[Fault]:
    """Yield the articles that are not what was stored, and the passages that are no part of theirs."""
    embedder = _embedder(truth)
    if embedder is None:
        yield Fault(f"no vector is of {Shape.of(truth).embedder}, which the index says made them")
    for n, id, sha256 in truth.stream("SELECT n, id, sha256 FROM articles ORDER BY n"):
        try:
            article = truth.article(id)
            is_same = article is not None and fingerprint(article) == sha256
        except (IndexDamaged, TypeError, ValueError) as error:
            said = (
                error.message
                if isinstance(error, IndexDamaged)
                else f"article {id} cannot be read: {one_line(error)}"
            )
            yield Fault(said, (n,))
            continue
        if not is_same or article is None:
            yield Fault(f"article {id} is not what was stored (its sum differs)", (n,))
        if article is not None:
            yield from _passages(truth, n, article, embedder or "" if is_same else "")


def _passages(truth: Truth, n: int, article: Article, embedder: str) -> Iterator[Fault]:
    """Yield the passages that are no part of an article; their vectors are looked at where ``embedder`` is named."""
    rows = truth.rows(f"{_KEYS} WHERE p.article = ? ORDER BY p.start", (n,))
    spans = [(start, end) for _, start, end, _ in rows]
    outside = {span for span in spans if not 0 <= span[0] < span[1] <= len(article.text)}
    for id, start, end, key in rows:
        if (start, end) in outside:
            yield Fault(f"passage {id} lies outside article {article.id}", (n,))
        elif key and embedder and not is_of(key, embedder, article.title, article.text[start:end]):
            yield Fault(f"passage {id} has the vector of another text", (n,))
    if not outside and not fits(article.text, spans):
        yield Fault(f"the passages of article {article.id} are not its text, each word in one of them", (n,))


def fits(text: str, spans: Sequence[tuple[int, int]]) -> bool:
    """Whether spans in order lie apart, inside a text, and leave nothing of it out but white space."""
    gaps = list(pairwise([(0, 0), *spans, (len(text), len(text))]))
    are_apart = all(end <= start for (_, end), (start, _) in gaps) and all(
        start < end for start, end in spans
    )
    return are_apart and not any(text[end:start].strip() for (_, end), (start, _) in gaps)


def is_of(key: bytes, embedder: str, title: str, text: str) -> bool:
    """Whether a vector is kept under the key of a passage's text, or of its article's title and it."""
    return any(key == vector_key(embedder, embedded) for embedded in may_be_embedded(title, text))


def _embedder(truth: Truth) -> str | None:
    """Return the name that the embedder has by the keys of some vectors; empty when there are none, None if false."""
    name = Shape.of(truth).embedder
    sql = (
        'SELECT v.key, a.title, substr(a.text, p.start + 1, p."end" - p.start) FROM passages p '
        "JOIN articles a ON a.n = p.article JOIN vectors v ON v.n = p.vector ORDER BY p.id"
    )
    some = list(islice(truth.stream(sql), _SAMPLED))
    if any(is_of(key, name, title, text) for key, title, text in some):
        return name
    return None if some else ""


def _vectors(truth: Truth) -> Iterator[Fault]:
    dim = Shape.of(truth).dim
    for n, blob in truth.stream("SELECT n, vector FROM vectors"):
        if not is_sound(blob, dim):
            articles = truth.rows("SELECT DISTINCT article FROM passages WHERE vector = ?", (n,))
            numbers = tuple(article for (article,) in articles)
            if numbers:  # else it goes anyway
                yield Fault(f"vector {n} is not {dim} finite numbers of unit length", numbers)
