"""The tables of articles.db, and what a change does to them: plain SQL, run inside one transaction."""

from __future__ import annotations

import hashlib
import json
import sqlite3
import uuid
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from rag.domain import Article
from rag.index import twins
from rag.index.database import Database, told

FORMAT = 1
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
# What came later: an index made before is given it when it is next written.
_LATER = """
CREATE INDEX IF NOT EXISTS articles_file ON articles (file);
CREATE INDEX IF NOT EXISTS articles_sha256 ON articles (sha256);
CREATE INDEX IF NOT EXISTS articles_source ON articles (source);
CREATE INDEX IF NOT EXISTS articles_published ON articles (published);
CREATE TABLE IF NOT EXISTS bands (key INTEGER, article INTEGER, PRIMARY KEY (key, article)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS bands_article ON bands (article);
CREATE TABLE IF NOT EXISTS twins (article INTEGER PRIMARY KEY, first INTEGER NOT NULL);
CREATE INDEX IF NOT EXISTS twins_first ON twins (first);
"""
# How many there are, since counting them reads an index of each table from end to end.
RECOUNT = tuple(
    f"INSERT INTO meta SELECT 'n {table}', count(*) FROM {table} WHERE 1 "
    "ON CONFLICT (key) DO UPDATE SET value = excluded.value"
    for table in ("articles", "passages")
)
_COMPARED = 50  # articles that share a band, with which a new one is compared at most
_FIELDS = ("id", "place", "file", "sha256", "title", "text", "source", "published", "url", "meta")


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


def create(path: Path, meta: Mapping[str, str], above: int) -> None:
    """Make an empty articles.db with these facts about it; its passages' ids start over ``above``."""
    facts = {"format": str(FORMAT), "seq": "0", "n articles": "0", "n passages": "0", **meta}
    with told(path), closing(sqlite3.connect(path, isolation_level=None)) as db:
        db.execute("PRAGMA journal_mode=WAL")
        db.execute("PRAGMA synchronous=FULL")
        db.executescript("BEGIN;" + _SCHEMA + _LATER)
        db.executemany("INSERT INTO meta VALUES (?, ?)", sorted(facts.items()))
        db.execute("INSERT INTO sqlite_sequence VALUES ('passages', ?)", (above,))
        db.execute("COMMIT")


def bring_up(db: Database) -> None:
    """Make what came later, where an older Citewise made the index."""
    for statement in filter(str.strip, _LATER.split(";")):
        db.run(statement, ())
    if not db.rows("SELECT 1 FROM meta WHERE key = 'n passages'"):
        for statement in RECOUNT:
            db.run(statement, ())


def count(db: Database) -> None:
    """Number a change."""
    db.run("UPDATE meta SET value = CAST(value AS INTEGER) + 1 WHERE key = 'seq'", ())


def begin_run(db: Database) -> None:
    """Give a random name to this change and those that follow it, until the next run.

    So a cache that is ahead of a backup put back is told from one of the changes made since, whose numbers
    and ids are the same.
    """
    (seq,) = db.row("SELECT CAST(value AS INTEGER) FROM meta WHERE key = 'seq'")
    set_meta(db, f"run {seq:012}", uuid.uuid4().hex)


def run_of(db: Database, seq: int) -> str:
    """Return the name of the run that made change number ``seq``; that of the index before any."""
    rows = db.rows(
        "SELECT value FROM meta WHERE key BETWEEN 'run ' AND ? ORDER BY key DESC LIMIT 1", (f"run {seq:012}",)
    )
    return str(rows[0][0]) if rows else ""


def put(db: Database, article: Article, place: str, file: str, pieces: Sequence[Piece]) -> None:
    """Store an article whole, instead of what came from ``place`` before."""
    row = _row(article, place, file)
    old = db.rows("SELECT n FROM articles WHERE place = ?", (place,))
    if old:
        n = int(old[0][0])
        orphans = _drop_passages(db, n)
        db.run(f"UPDATE articles SET {', '.join(f'{f} = ?' for f in _FIELDS)} WHERE n = ?", (*row, n))
    else:
        orphans = []
        n = _insert(db, row)
        _count_up(db, "articles", 1)
    for piece in pieces:
        _put_piece(db, n, piece)
    _count_up(db, "passages", len(pieces))
    _sweep(db, orphans)
    _forget_twins(db, n)
    _find_twins(db, n, article.text)


def move(db: Database, n: int, id: str, place: str, file: str) -> None:
    """Give an article another id and place; its passages and their ids stay."""
    db.run("UPDATE articles SET id = ?, place = ?, file = ? WHERE n = ?", (id, place, file, n))


def remove(db: Database, n: int) -> None:
    """Remove an article and all that is its."""
    orphans = _drop_passages(db, n)
    db.run("DELETE FROM articles WHERE n = ?", (n,))
    _count_up(db, "articles", -1)
    _sweep(db, orphans)
    _forget_twins(db, n)


def remember_file(db: Database, path: str, sha256: str | None) -> None:
    """Remember the sum of a file that was read whole without complaint; None forgets it."""
    db.run("DELETE FROM files WHERE path = ?", (path,))
    if sha256:
        db.run("INSERT INTO files VALUES (?, ?)", (path, sha256))


def set_meta(db: Database, key: str, value: str) -> None:
    """Record a fact about the index."""
    db.run(
        "INSERT INTO meta VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value", (key, value)
    )


def _row(article: Article, place: str, file: str) -> tuple[str | None, ...]:
    day = article.published.isoformat() if article.published else None
    said = (article.title, article.text, article.source, day, article.url, json.dumps(dict(article.meta)))
    return (article.id, place, file, fingerprint(article), *said)


def _insert(db: Database, row: Sequence[str | None]) -> int:
    marks = ", ".join("?" * len(_FIELDS))
    n = db.run(f"INSERT INTO articles ({', '.join(_FIELDS)}) VALUES ({marks})", row).lastrowid
    return int(n or 0)


def _put_piece(db: Database, article_n: int, piece: Piece) -> None:
    db.run("INSERT OR IGNORE INTO vectors (key, vector) VALUES (?, ?)", (piece.key, piece.vector))
    db.run(
        'INSERT INTO passages (article, start, "end", vector) '
        "VALUES (?, ?, ?, (SELECT n FROM vectors WHERE key = ?))",
        (article_n, piece.start, piece.end, piece.key),
    )


def _drop_passages(db: Database, n: int) -> list[int]:
    """Delete the passages of an article, remember that they went, and return the vectors they had."""
    rows = db.rows("SELECT id, vector FROM passages WHERE article = ?", (n,))
    for id, _ in rows:
        db.run("INSERT INTO removed SELECT ?, CAST(value AS INTEGER) FROM meta WHERE key = 'seq'", (id,))
    db.run("DELETE FROM passages WHERE article = ?", (n,))
    _count_up(db, "passages", -len(rows))
    return [vector for _, vector in rows]


def _count_up(db: Database, table: str, by: int) -> None:
    db.run("UPDATE meta SET value = CAST(value AS INTEGER) + ? WHERE key = ?", (by, f"n {table}"))


def _sweep(db: Database, vectors: Sequence[int]) -> None:
    for n in vectors:
        db.run(
            "DELETE FROM vectors WHERE n = ?1 AND NOT EXISTS (SELECT 1 FROM passages WHERE vector = ?1)", (n,)
        )


def _find_twins(db: Database, n: int, text: str) -> None:
    """Put an article together with one that says nearly the same; ``first`` names all that are together."""
    own = twins.shingles(text)
    keys = twins.bands(own)
    sharing = (
        "SELECT b.article, a.text FROM bands b JOIN articles a ON a.n = b.article "
        "WHERE b.key IN (SELECT value FROM json_each(?)) GROUP BY 1 ORDER BY count(*) DESC, 1 LIMIT ?"
    )
    for other, their_text in db.rows(sharing, (json.dumps(keys), _COMPARED)):
        if twins.alike(own, twins.shingles(their_text)):
            db.run("INSERT OR IGNORE INTO twins VALUES (?1, ?1)", (other,))
            db.run("INSERT INTO twins SELECT ?, first FROM twins WHERE article = ?", (n, other))
            break
    for key in keys:
        db.run("INSERT INTO bands VALUES (?, ?)", (key, n))


def _forget_twins(db: Database, n: int) -> None:
    """Take an article out of its group; one that is left alone is in none."""
    first = db.rows("SELECT first FROM twins WHERE article = ?", (n,))
    db.run("DELETE FROM bands WHERE article = ?", (n,))
    db.run("DELETE FROM twins WHERE article = ?", (n,))
    for (group,) in first:
        db.run(
            "DELETE FROM twins WHERE first = ?1 AND (SELECT count(*) FROM twins WHERE first = ?1) = 1",
            (group,),
        )
