"""articles.db: the one truth of an index. Articles, passages and vectors change together, or not at all.

SQLite in WAL mode, ``synchronous=FULL``, one transaction an article. A reader is query-only and never
checkpoints: SQLite before 3.51.3 can lose pages when two connections checkpoint at once.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np

from rag.domain import EVERYWHERE, NO_META, Article, Passage, Vectors, Where
from rag.errors import IndexDamaged, IndexFault, IndexStale

FORMAT = 1
BUSY_S = 10.0  # a reader waits this long for the writer's moments of exclusion
_BOUND = 900  # SQLite before 3.32 allows 999 variables a statement
_SCHEMA = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE files (path TEXT PRIMARY KEY, sha256 TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE articles (
    n INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, place TEXT NOT NULL UNIQUE,
    file TEXT NOT NULL, sha256 TEXT NOT NULL, title TEXT NOT NULL, text TEXT NOT NULL,
    source TEXT NOT NULL, published TEXT, url TEXT NOT NULL, meta TEXT NOT NULL);
CREATE TABLE vectors (n INTEGER PRIMARY KEY, key BLOB NOT NULL UNIQUE, vector BLOB NOT NULL);
CREATE TABLE passages (
    id INTEGER PRIMARY KEY AUTOINCREMENT, article INTEGER NOT NULL REFERENCES articles (n),
    start INTEGER NOT NULL, "end" INTEGER NOT NULL, vector INTEGER NOT NULL REFERENCES vectors (n));
CREATE INDEX passages_article ON passages (article);
CREATE INDEX passages_vector ON passages (vector);
CREATE TABLE removed (id INTEGER PRIMARY KEY, seq INTEGER NOT NULL);
CREATE INDEX removed_seq ON removed (seq);
"""
_ARTICLE = "a.id, a.title, a.text, a.source, a.published, a.url, a.meta"


@dataclass(frozen=True, slots=True)
class Reach:
    """A state of an index: after change ``seq`` of index ``uid``, when ``last_id`` was the last passage."""

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


@dataclass(frozen=True, slots=True)
class Piece:
    """A passage about to be stored, with its vector (float16) and the key that the vector is kept under."""

    start: int
    end: int
    key: bytes
    vector: bytes


def fingerprint(article: Article) -> str:
    """Return the sha256 of all that an article says; its id and its place do not count."""
    day = article.published.isoformat() if article.published else ""
    parts = [article.title, article.text, article.source, day, article.url, dict(article.meta)]
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def vector_key(embedder: str, embedded_text: str) -> bytes:
    """Return the 32 bytes under which the vector of a text is kept, so that nothing is embedded twice."""
    return hashlib.sha256(f"{embedder}\0{embedded_text}".encode()).digest()


class Truth:
    """An open articles.db. One connection, guarded by a lock, so that threads may share it."""

    def __init__(self, path: Path, *, write: bool = False) -> None:
        self.path = path
        self._lock = threading.RLock()
        self._write = write
        with self._faults():
            self._db = _connect(path, write)
        try:
            self._check_format()
        except BaseException:
            self._db.close()
            raise

    @staticmethod
    def create(path: Path, meta: Mapping[str, str], above: int = 0) -> None:
        """Make an empty articles.db with these facts about it; its passages' ids start over ``above``."""
        db = sqlite3.connect(path, isolation_level=None)
        try:
            db.execute("PRAGMA journal_mode=WAL")
            db.execute("PRAGMA synchronous=FULL")
            db.executescript("BEGIN;" + _SCHEMA + "COMMIT;")
            facts = {"format": str(FORMAT), "seq": "0", **meta}
            db.execute("BEGIN")
            db.executemany("INSERT INTO meta VALUES (?, ?)", sorted(facts.items()))
            db.execute("INSERT INTO sqlite_sequence VALUES ('passages', ?)", (above,))
            db.execute("COMMIT")
        finally:
            db.close()

    def close(self) -> None:
        """Close the connection; twice is once."""
        with self._lock:
            self._db.close()

    # -- reading ----------------------------------------------------------------------------------

    def meta(self, key: str) -> str:
        """Return a fact about the index; empty when it is not recorded."""
        rows = self._all("SELECT value FROM meta WHERE key = ?", (key,))
        return str(rows[0][0]) if rows else ""

    def version(self) -> int:
        """Return a number that changes when another connection has committed."""
        return int(self._all("PRAGMA data_version")[0][0])

    def seq(self) -> int:
        """Return the number of changes so far."""
        return int(self.meta("seq"))

    def reach(self) -> Reach:
        """Return the state that this connection sees."""
        with self.snapshot():
            last_id = self._all("SELECT seq FROM sqlite_sequence WHERE name = 'passages'")[0][0]
            return Reach(self.meta("uid"), self.seq(), int(last_id))

    @contextmanager
    def snapshot(self) -> Iterator[None]:
        """Let all reads inside see one committed state."""
        with self._lock, self._faults():
            if self._db.in_transaction:
                yield
                return
            self._db.execute("BEGIN")
            try:
                yield
            finally:
                self._db.execute("ROLLBACK")

    def counts(self) -> tuple[int, int]:
        """Return (articles, passages)."""
        rows = self._all("SELECT (SELECT count(*) FROM articles), (SELECT count(*) FROM passages)")
        return int(rows[0][0]), int(rows[0][1])

    def known(self) -> Iterator[Known]:
        """Yield what is remembered of every article, by place."""
        for row in self._all("SELECT n, id, place, file, sha256 FROM articles ORDER BY place"):
            yield Known(*row)

    def files(self) -> dict[str, str]:
        """Return path → sha256 of the files that were read whole and without complaint."""
        return dict(self._all("SELECT path, sha256 FROM files"))

    def article(self, id: str) -> Article | None:
        """Return the article of this id, or None."""
        rows = self._all(f"SELECT {_ARTICLE} FROM articles a WHERE a.id = ?", (id,))
        return _article(rows[0]) if rows else None

    def stored(self) -> Iterator[tuple[Article, str, str]]:
        """Yield every article with its place and its file, in the order of arrival, one at a time."""
        for n, place, file in self._all("SELECT n, place, file FROM articles ORDER BY n"):
            yield self._article_n(n), place, file

    def passages(self, ids: Sequence[int]) -> dict[int, Passage]:
        """Return id → passage for those of ``ids`` that exist; one article object serves its passages."""
        with self.snapshot():
            spans = [
                row
                for part in _parts(ids)
                for row in self._all(
                    f'SELECT id, article, start, "end" FROM passages WHERE id IN ({_marks(part)})', part
                )
            ]
            owners = {n: self._article_n(n) for n in {row[1] for row in spans}}
        return {id: Passage(id, owners[n], start, end) for id, n, start, end in spans}

    def passages_of(self, article_id: str) -> list[Passage]:
        """Return the passages of one article, in order."""
        rows = self._all(
            "SELECT p.id FROM passages p JOIN articles a ON a.n = p.article WHERE a.id = ? ORDER BY p.start",
            (article_id,),
        )
        found = self.passages([row[0] for row in rows])
        return [found[row[0]] for row in rows if row[0] in found]

    def passage_texts(self, above: int = 0) -> Iterator[tuple[int, str, str]]:
        """Yield (id, title of its article, text) of the passages whose id is above ``above``, by id."""
        rows = self._stream(
            'SELECT p.id, a.title, substr(a.text, p.start + 1, p."end" - p.start) FROM passages p '
            "JOIN articles a ON a.n = p.article WHERE p.id > ? ORDER BY p.id",
            (above,),
        )
        yield from rows

    def vectors(self, dim: int, above: int = 0) -> tuple[np.ndarray[Any, np.dtype[np.int64]], Vectors]:
        """Return ids ``(n,)`` and vectors ``(n, dim)`` of the passages whose id is above ``above``, by id."""
        ids: list[int] = []
        blobs: list[bytes] = []
        rows = self._stream(
            "SELECT p.id, v.vector FROM passages p JOIN vectors v ON v.n = p.vector "
            "WHERE p.id > ? ORDER BY p.id",
            (above,),
        )
        for id, blob in rows:
            ids.append(id)
            blobs.append(blob)
        if any(len(blob) != 2 * dim for blob in blobs):
            raise IndexDamaged(f"{self.path} holds a vector that is not of {dim} float16 numbers", _MEND)
        matrix = np.frombuffer(b"".join(blobs), dtype=np.float16).reshape(len(ids), dim)
        return np.array(ids, dtype=np.int64), matrix.astype(np.float32)

    def removed_since(self, seq: int) -> set[int]:
        """Return the ids of the passages that went after change number ``seq``."""
        return {row[0] for row in self._all("SELECT id FROM removed WHERE seq > ?", (seq,))}

    def stored_vectors(self, keys: Iterable[bytes]) -> dict[bytes, bytes]:
        """Return key → vector (float16) for those of ``keys`` under which one is kept."""
        return {
            row[0]: row[1]
            for part in _parts(sorted(set(keys)))
            for row in self._all(f"SELECT key, vector FROM vectors WHERE key IN ({_marks(part)})", part)
        }

    def allowed(self, where: Where) -> np.ndarray[Any, np.dtype[np.int64]] | None:
        """Return the ids, ascending, of the passages that a filter admits; None when it filters nothing."""
        if where == EVERYWHERE:
            return None
        tests, values = _conditions(where)
        sql = f"SELECT p.id FROM passages p JOIN articles a ON a.n = p.article WHERE {tests} ORDER BY p.id"
        return np.array([row[0] for row in self._all(sql, values)], dtype=np.int64)

    # -- writing ----------------------------------------------------------------------------------

    @contextmanager
    def change(self) -> Iterator[None]:
        """Make all writes inside one change: numbered, durable, all or nothing."""
        with self._lock, self._faults():
            self._db.execute("BEGIN IMMEDIATE")
            try:
                self._db.execute("UPDATE meta SET value = CAST(value AS INTEGER) + 1 WHERE key = 'seq'")
                yield
                self._db.execute("COMMIT")
            except BaseException:
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")
                raise

    def put(self, article: Article, place: str, file: str, pieces: Sequence[Piece]) -> None:
        """Store an article whole, instead of what came from ``place`` before; call inside ``change``."""
        day = article.published.isoformat() if article.published else None
        said = (article.title, article.text, article.source, day, article.url, json.dumps(dict(article.meta)))
        row = (article.id, place, file, fingerprint(article), *said)
        old = self._all("SELECT n FROM articles WHERE place = ?", (place,))
        if old:
            n = old[0][0]
            orphans = self._drop_passages(n)
            self._run(
                "UPDATE articles SET id = ?, place = ?, file = ?, sha256 = ?, title = ?, text = ?, "
                "source = ?, published = ?, url = ?, meta = ? WHERE n = ?",
                (*row, n),
            )
        else:
            orphans = []
            n = self._run(
                "INSERT INTO articles (id, place, file, sha256, title, text, source, published, url, meta) "
                "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                row,
            ).lastrowid
        for piece in pieces:
            self._put_piece(n, piece)
        self._sweep(orphans)

    def move(self, n: int, id: str, place: str, file: str) -> None:
        """Give an article another id and place; its passages and their ids stay; call inside ``change``."""
        self._run("UPDATE articles SET id = ?, place = ?, file = ? WHERE n = ?", (id, place, file, n))

    def remove(self, n: int) -> None:
        """Remove an article and all that is its; call inside ``change``."""
        orphans = self._drop_passages(n)
        self._run("DELETE FROM articles WHERE n = ?", (n,))
        self._sweep(orphans)

    def remember_file(self, path: str, sha256: str | None) -> None:
        """Remember that a file was read whole without complaint; None forgets it; call inside ``change``."""
        self._run("DELETE FROM files WHERE path = ?", (path,))
        if sha256:
            self._run("INSERT INTO files VALUES (?, ?)", (path, sha256))

    def set_meta(self, key: str, value: str) -> None:
        """Record a fact about the index; call inside ``change``."""
        self._run(
            "INSERT INTO meta VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value",
            (key, value),
        )

    def checkpoint(self) -> None:
        """Fold the write-ahead log into the file as far as readers allow; the writer alone may."""
        self._all("PRAGMA wal_checkpoint(PASSIVE)")

    # -- checking ---------------------------------------------------------------------------------

    def faults(self, dim: int) -> Iterator[str]:
        """Yield what contradicts itself: SQLite's own check, spans, orphans, sums, vectors."""
        for (line,) in self._all("PRAGMA integrity_check"):
            if line != "ok":
                yield f"SQLite: {line}"
        for table, column, id in self._all(
            "SELECT 'passages', 'article', id FROM passages WHERE article NOT IN (SELECT n FROM articles) "
            "UNION ALL "
            "SELECT 'passages', 'vector', id FROM passages WHERE vector NOT IN (SELECT n FROM vectors) "
            "UNION ALL "
            "SELECT 'vectors', 'passage', n FROM vectors WHERE n NOT IN (SELECT vector FROM passages)"
        ):
            yield f"{table} {id} has no {column}"
        for id, article in self._all(
            "SELECT p.id, a.id FROM passages p JOIN articles a ON a.n = p.article "
            'WHERE p.start < 0 OR p.start >= p."end" OR p."end" > length(a.text)'
        ):
            yield f"passage {id} lies outside article {article}"
        yield from self._false_sums()
        for n, blob in self._stream("SELECT n, vector FROM vectors", ()):
            if len(blob) != 2 * dim or not np.isfinite(np.frombuffer(blob, dtype=np.float16)).all():
                yield f"vector {n} is not {dim} finite numbers"

    def _false_sums(self) -> Iterator[str]:
        for n, id, sha256 in self._all("SELECT n, id, sha256 FROM articles ORDER BY n"):
            if fingerprint(self._article_n(n)) != sha256:
                yield f"article {id} is not what was stored (its sum differs)"

    # -- inside -----------------------------------------------------------------------------------

    def _check_format(self) -> None:
        found = self.meta("format")
        if found != str(FORMAT):
            raise IndexStale(
                f"{self.path} has format {found or 'none'}; this Citewise reads format {FORMAT}",
                "Use the Citewise that made it, or index into another folder with --index.",
            )

    def _article_n(self, n: int) -> Article:
        return _article(self._all(f"SELECT {_ARTICLE} FROM articles a WHERE a.n = ?", (n,))[0])

    def _put_piece(self, article_n: int | None, piece: Piece) -> None:
        self._run("INSERT OR IGNORE INTO vectors (key, vector) VALUES (?, ?)", (piece.key, piece.vector))
        self._run(
            'INSERT INTO passages (article, start, "end", vector) '
            "VALUES (?, ?, ?, (SELECT n FROM vectors WHERE key = ?))",
            (article_n, piece.start, piece.end, piece.key),
        )

    def _drop_passages(self, n: int) -> list[int]:
        rows = self._all("SELECT id, vector FROM passages WHERE article = ?", (n,))
        seq = self.seq()
        for id, _ in rows:
            self._run("INSERT INTO removed VALUES (?, ?)", (id, seq))
        self._run("DELETE FROM passages WHERE article = ?", (n,))
        return [vector for _, vector in rows]

    def _sweep(self, vectors: Sequence[int]) -> None:
        for n in vectors:
            self._run(
                "DELETE FROM vectors WHERE n = ?1 AND NOT EXISTS (SELECT 1 FROM passages WHERE vector = ?1)",
                (n,),
            )

    def _run(self, sql: str, values: Sequence[Any]) -> sqlite3.Cursor:
        return self._db.execute(sql, values)

    def _all(self, sql: str, values: Sequence[Any] = ()) -> list[Any]:
        with self._lock, self._faults():
            return self._db.execute(sql, values).fetchall()

    def _stream(self, sql: str, values: Sequence[Any]) -> Iterator[Any]:
        with self._lock, self._faults():
            yield from self._db.execute(sql, values)

    @contextmanager
    def _faults(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise _translated(self.path, error) from error


_MEND = "Put a backup in its place, or index the articles again into another folder with --index."


def _translated(path: Path, error: sqlite3.Error) -> IndexFault:
    text = str(error)
    if "full" in text:
        return IndexFault(
            f"{path}: the disk is full; this change was not made", "Free some space and run it again."
        )
    if "locked" in text or "busy" in text:
        return IndexFault(f"{path} is kept busy by another program ({text})", "Try again when it has ended.")
    if isinstance(error, sqlite3.OperationalError) and ("unable to open" in text or "readonly" in text):
        return IndexFault(f"{path}: {text}", "Check that the folder exists and that you may write to it.")
    if isinstance(error, sqlite3.ProgrammingError) and "closed" in text:
        return IndexFault(f"{path} was closed", "Open the index again.")
    return IndexDamaged(f"{path} cannot be read: {text}", _MEND)


def _connect(path: Path, write: bool) -> sqlite3.Connection:
    mode = "rw" if write else "ro"
    uri = f"{path.resolve().as_uri()}?mode={mode}"
    db = sqlite3.connect(uri, uri=True, timeout=BUSY_S, isolation_level=None, check_same_thread=False)
    if write:
        db.execute("PRAGMA synchronous=FULL")
        db.execute("PRAGMA foreign_keys=ON")
    else:
        db.execute("PRAGMA query_only=ON")
    return db


def _article(row: Sequence[Any]) -> Article:
    id, title, text, source, published, url, meta = row
    day = date.fromisoformat(published) if published else None
    return Article(id, title, text, source, day, url, json.loads(meta) or NO_META)


def _conditions(where: Where) -> tuple[str, list[str]]:
    tests, values = [], []
    for column, wanted in (("a.source", where.sources), ("a.id", where.articles)):
        if wanted:
            tests.append(f"{column} IN (SELECT value FROM json_each(?))")
            values.append(json.dumps(wanted))
    for sign, day in ((">=", where.since), ("<=", where.until)):
        if day:
            tests.append(f"a.published {sign} ?")
            values.append(day.isoformat())
    return " AND ".join(tests), values


def _parts(values: Sequence[Any]) -> Iterator[Sequence[Any]]:
    return (values[i : i + _BOUND] for i in range(0, len(values), _BOUND))


def _marks(values: Sequence[Any]) -> str:
    return ",".join("?" * len(values))
