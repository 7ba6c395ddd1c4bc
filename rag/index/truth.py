"""articles.db: the one truth of an index. Articles, passages and vectors change together, or not at all.

``synchronous=FULL``, one transaction an article. The tables are those of ``rag.index.changes``.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from rag.domain import EVERYWHERE, NO_META, Article, Copy, Passage, Vectors, Where
from rag.errors import IndexDamaged, IndexStale
from rag.index import changes
from rag.index.changes import FORMAT, RECOUNT, Piece, fingerprint, vector_key
from rag.index.database import Database, mend, one_line

__all__ = [
    "FORMAT",
    "RECOUNT",
    "Ids",
    "Known",
    "Piece",
    "Reach",
    "Truth",
    "conditions",
    "fingerprint",
    "vector_key",
]

Ids = np.ndarray[Any, np.dtype[np.int64]]

_BOUND = 900  # SQLite before 3.32 allows 999 variables a statement
_COPIES = """
SELECT t.article, a.id, a.title, a.source, a.url FROM twins t
JOIN twins o ON o.first = t.first AND o.article <> t.article JOIN articles a ON a.n = o.article
WHERE t.article IN (SELECT value FROM json_each(?)) ORDER BY a.n
"""
_BLOCK = 10_000  # vectors that are in memory at a time; 15 MB of 384 numbers each
_VECTORS = "SELECT p.id, v.vector FROM passages p JOIN vectors v ON v.n = p.vector"
# Passages with the text of their article, which the first of a row of them alone has: a long text is read once.
_TEXTS = """
SELECT p.id, p.start, p."end", a.title, CASE WHEN p.article IS (
    SELECT q.article FROM passages q WHERE q.id > ? AND q.id < p.id ORDER BY q.id DESC LIMIT 1
) THEN NULL ELSE a.text END
FROM passages p JOIN articles a ON a.n = p.article WHERE p.id > ? ORDER BY p.id"""
_KNOWN = "n, id, place, file, sha256"
_ARTICLE = "a.id, a.title, a.text, a.source, a.published, a.url, a.meta"


@dataclass(frozen=True, slots=True)
class Reach:
    """A state of an index: after change ``seq`` of run ``uid``, when ``last_id`` was the last passage."""

    uid: str
    seq: int
    last_id: int


@dataclass(frozen=True, slots=True)
class Known:
    """What the index remembers of one article: the file it came from, its place in it, and its sum."""

    n: int
    id: str
    place: str
    file: str
    sha256: str


class Truth(Database):
    """An open articles.db. Threads may share it."""

    def __init__(self, path: Path, *, write: bool = False) -> None:
        super().__init__(path, write=write)
        self._in_run = False
        try:
            self._check_format()
            if write:
                changes.bring_up(self)
        except BaseException:
            self.close()
            raise

    @staticmethod
    def create(path: Path, meta: Mapping[str, str], above: int = 0) -> None:
        """Make an empty articles.db with these facts about it; its passages' ids start over ``above``."""
        changes.create(path, meta, above)

    # -- reading ----------------------------------------------------------------------------------

    def meta(self, key: str) -> str:
        """Return a fact about the index; empty when it is not recorded."""
        rows = self.rows("SELECT value FROM meta WHERE key = ?", (key,))
        return str(rows[0][0]) if rows else ""

    def number(self, key: str) -> int:
        """Return a fact about the index that is a number.

        Raises:
            IndexDamaged: it is none.
        """
        value = self.meta(key)
        if not value.isdecimal():
            raise IndexDamaged(
                f"{self.path} says {value[:40]!r} for {key}, expected a number", mend(self.path)
            )
        return int(value)

    def seq(self) -> int:
        """Return the number of changes so far."""
        return self.number("seq")

    def reach(self) -> Reach:
        """Return the state that this connection sees."""
        with self.snapshot():
            (last,) = self.row("SELECT seq FROM sqlite_sequence WHERE name = 'passages'")
            if not isinstance(last, int):
                raise IndexDamaged(f"{self.path} does not say which passage was the last", mend(self.path))
            seq = self.seq()
            return Reach(self.uid(seq), seq, last)

    def uid(self, seq: int) -> str:
        """Return what no other index, and no other past of this one, calls its change number ``seq``."""
        return self.meta("uid") + changes.run_of(self, seq)

    def counts(self) -> tuple[int, int]:
        """Return (articles, passages)."""
        kept = dict(self.rows("SELECT key, value FROM meta WHERE key IN ('n articles', 'n passages')"))
        if len(kept) == 2 and all(str(value).isdecimal() for value in kept.values()):
            return int(kept["n articles"]), int(kept["n passages"])
        return self.counted()

    def counted(self) -> tuple[int, int]:
        """Return the same, counted now: what an older Citewise did not keep, or to check what is kept."""
        articles, passages = self.row(
            "SELECT (SELECT count(*) FROM articles), (SELECT count(*) FROM passages)"
        )
        return int(articles), int(passages)

    def n_articles_of(self, passages: Sequence[int]) -> int:
        """Return how many articles these passages are of; those that are gone do not count."""
        sql = "SELECT count(DISTINCT article) FROM passages WHERE id IN (SELECT value FROM json_each(?))"
        return int(self.row(sql, (json.dumps(passages),))[0])

    def known(self) -> Iterator[Known]:
        """Yield what is remembered of every article, by place."""
        for row in self.rows(f"SELECT {_KNOWN} FROM articles ORDER BY place"):
            yield Known(*row)

    def known_under(self, roots: Sequence[str]) -> Iterator[Known]:
        """Yield what is remembered of the articles whose file is one of ``roots`` or lies under one, by place."""
        for row in self._under(f"SELECT {_KNOWN} FROM articles WHERE {{}} ORDER BY place", "file", roots):
            yield Known(*row)

    def known_with(self, sums: Iterable[str]) -> Iterator[Known]:
        """Yield what is remembered of the articles that say what these sums are of, by place."""
        for row in self._among(f"SELECT {_KNOWN} FROM articles WHERE sha256 IN ({{}}) ORDER BY place", sums):
            yield Known(*row)

    def known_as(self, id: str) -> Known | None:
        """Return what is remembered of the article of this id, or None."""
        if id.encode(errors="ignore").decode() != id:
            return None  # it has half a character, which no id can have
        rows = self.rows(f"SELECT {_KNOWN} FROM articles WHERE id = ?", (id,))
        return Known(*rows[0]) if rows else None

    def ids_taken(self, ids: Iterable[str]) -> set[str]:
        """Return those of ``ids`` that articles have."""
        return {row[0] for row in self._among("SELECT id FROM articles WHERE id IN ({})", ids)}

    def file_sums(self, roots: Sequence[str]) -> dict[str, str]:
        """Return path → sha256 of the files at or under ``roots`` that were read whole and without complaint."""
        return dict(self._under("SELECT path, sha256 FROM files WHERE {}", "path", roots))

    def files(self) -> dict[str, str]:
        """Return path → sha256 of the files that were read whole and without complaint."""
        return dict(self.rows("SELECT path, sha256 FROM files"))

    def article(self, id: str) -> Article | None:
        """Return the article of this id, or None."""
        with self.snapshot():
            numbers = self.rows("SELECT n FROM articles WHERE id = ?", (id,))
            found = self._with_copies({n: self._article("a.n = ?", n) for (n,) in numbers})
        return next(iter(found.values()), None)

    def stored(self) -> Iterator[tuple[Article, str, str]]:
        """Yield every article with its place and its file, in the order of arrival, one at a time."""
        for n, place, file in self.rows("SELECT n, place, file FROM articles ORDER BY n"):
            if article := self._article("a.n = ?", n):  # it may have gone since
                yield article, place, file

    def passages(self, ids: Sequence[int]) -> dict[int, Passage]:
        """Return id → passage for those of ``ids`` that exist; one article object serves its passages."""
        with self.snapshot():
            spans = [
                row
                for part in _parts(ids)
                for row in self.rows(
                    f'SELECT id, article, start, "end" FROM passages WHERE id IN ({_marks(part)})', part
                )
            ]
            owners = self._with_copies({n: self._article("a.n = ?", n) for n in {row[1] for row in spans}})
        return {id: self._passage(id, owners[n], start, end) for id, n, start, end in spans}

    def passages_of(self, article_id: str) -> list[Passage]:
        """Return the passages of one article, in order."""
        rows = self.rows(
            "SELECT p.id FROM passages p JOIN articles a ON a.n = p.article WHERE a.id = ? ORDER BY p.start",
            (article_id,),
        )
        found = self.passages([row[0] for row in rows])
        return [found[row[0]] for row in rows if row[0] in found]

    def passage_texts(self, above: int = 0) -> Iterator[tuple[int, str, str]]:
        """Yield (id, title of its article, text) of the passages whose id is above ``above``, by id."""
        title, text = "", ""
        for id, start, end, its_title, its_text in self.stream(_TEXTS, (above, above)):
            if its_text is not None:
                title, text = its_title, its_text
            yield id, title, text[start:end]

    def vectors(self, dim: int, above: int = 0) -> tuple[Ids, Vectors]:
        """Return ids ``(n,)`` and vectors ``(n, dim)`` of the passages whose id is above ``above``, by id."""
        blocks = list(self.vector_blocks(dim, above))
        nothing = np.empty(0, np.int64), np.empty((0, dim), np.float32)
        ids, rows = zip(nothing, *blocks, strict=True)
        return np.concatenate(ids), np.concatenate(rows)

    def vector_blocks(self, dim: int, above: int = 0) -> Iterator[tuple[Ids, Vectors]]:
        """Yield the same some thousands at a time."""
        rows = self.stream(f"{_VECTORS} WHERE p.id > ? ORDER BY p.id", (above,))
        while block := list(islice(rows, _BLOCK)):
            yield self._matrix(block, dim)

    def vectors_of(self, dim: int, ids: Ids) -> tuple[Ids, Vectors]:
        """Return those of ``ids`` that exist, in no order of use, and their vectors ``(n, dim)``."""
        parts = [
            self.rows(f"{_VECTORS} WHERE p.id IN ({_marks(part)})", part) for part in _parts(ids.tolist())
        ]
        return self._matrix([row for rows in parts for row in rows], dim)

    def removed_since(self, seq: int) -> set[int]:
        """Return the ids of the passages that went after change number ``seq``."""
        return {row[0] for row in self.rows("SELECT id FROM removed WHERE seq > ?", (seq,))}

    def stored_vectors(self, keys: Iterable[bytes]) -> dict[bytes, bytes]:
        """Return key → vector (float16) for those of ``keys`` under which one is kept."""
        return {
            row[0]: row[1]
            for part in _parts(sorted(set(keys)))
            for row in self.rows(f"SELECT key, vector FROM vectors WHERE key IN ({_marks(part)})", part)
        }

    def allowed(self, where: Where) -> Ids | None:
        """Return the ids, ascending, of the passages that a filter admits; None when it filters nothing."""
        if where == EVERYWHERE:
            return None
        tests, values = conditions(where)
        # CROSS: the articles first, since they are found by an index and the passages of each by another.
        sql = f"SELECT p.id FROM articles a CROSS JOIN passages p ON p.article = a.n WHERE {tests}"
        return np.sort(np.array([row[0] for row in self.rows(sql, values)], dtype=np.int64))

    # -- writing: call these inside ``change`` ----------------------------------------------------

    @contextmanager
    def change(self) -> Iterator[None]:
        """Make all writes inside one change: numbered, durable, all or nothing."""
        with self.transaction():
            changes.count(self)
            if not self._in_run:
                changes.begin_run(self)
            yield
        self._in_run = True

    def put(self, article: Article, place: str, file: str, pieces: Sequence[Piece]) -> None:
        """Store an article whole, instead of what came from ``place`` before."""
        changes.put(self, article, place, file, pieces)

    def move(self, n: int, id: str, place: str, file: str) -> None:
        """Give an article another id and place; its passages and their ids stay."""
        changes.move(self, n, id, place, file)

    def remove(self, n: int) -> None:
        """Remove an article and all that is its."""
        changes.remove(self, n)

    def remember_file(self, path: str, sha256: str | None) -> None:
        """Remember that a file was read whole without complaint; None forgets it."""
        changes.remember_file(self, path, sha256)

    def set_meta(self, key: str, value: str) -> None:
        """Record a fact about the index."""
        changes.set_meta(self, key, value)

    def checkpoint(self) -> None:
        """Fold the write-ahead log into the file as far as readers allow; the writer alone may."""
        self.rows("PRAGMA wal_checkpoint(PASSIVE)")

    # -- inside -----------------------------------------------------------------------------------

    def _check_format(self) -> None:
        found = self.meta("format")
        if found != str(FORMAT):
            raise IndexStale(
                f"{self.path} has format {found or 'none'}; this Citewise reads format {FORMAT}",
                "Use the Citewise that made it, or index into another folder with --index.",
            )

    def _matrix(self, rows: Sequence[tuple[int, bytes]], dim: int) -> tuple[Ids, Vectors]:
        if any(len(blob) != 2 * dim for _, blob in rows):
            says = f"{self.path} holds a vector that is not of {dim} float16 numbers"
            raise IndexDamaged(says, mend(self.path))
        matrix = np.frombuffer(b"".join(blob for _, blob in rows), dtype=np.float16).reshape(len(rows), dim)
        return np.array([id for id, _ in rows], dtype=np.int64), matrix.astype(np.float32)

    def _among(self, sql: str, values: Iterable[str]) -> Iterator[Any]:
        """Yield the rows of a query whose list ``{}`` is ``values``, a part of them at a time."""
        for part in _parts(sorted(set(values))):
            yield from self.rows(sql.format(_marks(part)), part)

    def _under(self, sql: str, column: str, roots: Sequence[str]) -> Iterator[Any]:
        """Yield the rows of a query whose test ``{}`` is that a path is one of ``roots`` or lies under one."""
        for part in _parts(sorted(set(roots)), _BOUND // 3):
            test = " OR ".join([f"{column} = ? OR {column} > ? AND {column} < ?"] * len(part))
            bounds = ((root, f"{root.rstrip('/')}/", f"{root.rstrip('/')}0") for root in part)
            yield from self.rows(sql.format(test), [bound for triple in bounds for bound in triple])

    def _article(self, test: str, value: object) -> Article | None:
        rows = self.rows(f"SELECT {_ARTICLE} FROM articles a WHERE {test}", (value,))
        if not rows:
            return None
        id, title, text, source, published, url, meta = rows[0]
        try:
            day = date.fromisoformat(published) if published else None
            return Article(id, title, text, source, day, url, json.loads(meta) or NO_META)
        except (ValueError, TypeError) as error:
            says = f"{self.path} cannot be read at article {one_line(id)!r}: {one_line(error)}"
            raise IndexDamaged(says, mend(self.path)) from error

    def _with_copies(self, articles: dict[int, Article | None]) -> dict[int, Article | None]:
        """Return the same, each told of those that say nearly what it says."""
        if not self._has_twins():
            return articles
        copies: dict[int, list[Copy]] = {}
        for n, *copy in self.rows(_COPIES, (json.dumps(list(articles)),)):
            copies.setdefault(n, []).append(Copy(*copy))
        return {
            n: replace(article, copies=tuple(copies[n])) if article and n in copies else article
            for n, article in articles.items()
        }

    def _has_twins(self) -> bool:
        """Whether any articles say nearly the same; an index that nobody has written since knows of none."""
        known = self.rows("SELECT 1 FROM sqlite_schema WHERE name = 'twins'")
        return bool(known and self.rows("SELECT 1 FROM twins LIMIT 1"))

    def _passage(self, id: int, article: Article | None, start: int, end: int) -> Passage:
        if article is None:
            raise IndexDamaged(f"{self.path} has no article for passage {id}", mend(self.path))
        try:
            return Passage(id, article, start, end)
        except (ValueError, TypeError) as error:
            raise IndexDamaged(f"{self.path}: {one_line(error)}", mend(self.path)) from error


def conditions(where: Where) -> tuple[str, list[str]]:
    """Return a filter as an expression of SQL over articles ``a``, and its values."""
    tests, values = ["1"], []
    for column, wanted in (("a.source", where.sources), ("a.id", where.articles)):
        if wanted:
            tests.append(f"{column} IN (SELECT value FROM json_each(?))")
            values.append(json.dumps(wanted))
    for sign, day in ((">=", where.since), ("<=", where.until)):
        if day:
            tests.append(f"a.published {sign} ?")
            values.append(day.isoformat())
    return " AND ".join(tests), values


def _parts(values: Sequence[Any], n: int = _BOUND) -> Iterator[Sequence[Any]]:
    return (values[i : i + n] for i in range(0, len(values), n))


def _marks(values: Sequence[Any]) -> str:
    return ",".join("?" * len(values))
