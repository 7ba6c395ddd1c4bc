"""The check-up finds what is wrong, names it, and finds nothing on a healthy index."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from rag.errors import IndexMissing, IndexStale
from rag.index import caches, vectors, words
from rag.index.truth import Reach, Truth
from rag.upkeep import doctor
from tests.conftest import Collection, put, remove


@pytest.fixture
def healthy(collection: Collection) -> Collection:
    """Some articles, one of them removed, one changed, and one that the vectors lack so far."""
    with collection.writing() as truth:
        for id in "abc":
            put(truth, id, f"About {id}.", f"More of {id}.", "The same everywhere.")
    with collection.writing() as truth:
        remove(truth, "a")
        put(truth, "b", "Other words.", "More of b.")
    collection.put("d", "About d.")
    return collection


def alter(collection: Collection, sql: str, *values: object) -> None:
    with closing(sqlite3.connect(collection.database)) as db, db:
        assert db.execute(sql, values).rowcount > 0


def reach(collection: Collection) -> Reach:
    with closing(Truth(collection.database)) as truth:
        return truth.reach()


def faults(collection: Collection) -> list[str]:
    return list(doctor.faults(collection.index))


def test_a_healthy_index_has_no_faults(healthy: Collection) -> None:
    assert vectors.read_stamp(healthy.vectors).n == 9, "the vectors lag behind, which is no fault"
    assert faults(healthy) == []


def test_an_empty_index_has_no_faults(collection: Collection) -> None:
    with collection.writing():
        pass
    assert faults(collection) == []


def rewrite(collection: Collection, changed: Callable[[np.ndarray, np.ndarray], object]) -> None:
    """Write the vectors with something changed, their sum right."""
    base = vectors.Base(collection.vectors)
    ids, rows = (part.copy() for part in base.rows())
    changed(ids, rows)
    vectors.write(collection.vectors, base.reach, ids, rows)


def flip(path: Path, position: int) -> None:
    data = bytearray(path.read_bytes())
    data[position] ^= 1
    path.write_bytes(data)


NAN = np.full(26, np.nan, dtype=np.float16).tobytes()
FAULTS: dict[str, tuple[Callable[[Collection], object], str]] = {
    "a passage outside its article": (
        lambda c: alter(c, 'UPDATE passages SET "end" = 999 WHERE id = 7'),
        "passage 7 lies outside article c",
    ),
    "a passage before its article": (
        lambda c: alter(c, "UPDATE passages SET start = -1 WHERE id = 7"),
        "passage 7 lies outside article c",
    ),
    "an empty passage": (
        lambda c: alter(c, 'UPDATE passages SET "end" = start WHERE id = 8'),
        "passage 8 lies outside article c",
    ),
    "another text": (
        lambda c: alter(c, "UPDATE articles SET text = replace(text, 'About', 'Above') WHERE id = 'c'"),
        "article c is not what was stored",
    ),
    "another title": (
        lambda c: alter(c, "UPDATE articles SET title = 'No' WHERE id = 'b'"),
        "article b is not what was stored",
    ),
    "no article": (
        lambda c: alter(c, "UPDATE passages SET article = 99 WHERE id = 12"),
        "passage 12 has no article",
    ),
    "no vector": (
        lambda c: alter(c, "DELETE FROM vectors WHERE n = (SELECT vector FROM passages WHERE id = 8)"),
        "passage 8 has no vector",
    ),
    "a vector without a passage": (
        lambda c: alter(c, "INSERT INTO vectors (n, key, vector) VALUES (77, x'00', zeroblob(52))"),
        "vector 77 has no passage",
    ),
    "a vector that is no number": (
        lambda c: alter(
            c, "UPDATE vectors SET vector = ? WHERE n = (SELECT vector FROM passages WHERE id = 8)", NAN
        ),
        "is not 26 finite numbers",
    ),
    "a vector that is too long": (
        lambda c: alter(
            c,
            "UPDATE vectors SET vector = ? WHERE n = (SELECT vector FROM passages WHERE id = 8)",
            np.full(26, 0.2, dtype=np.float16).tobytes(),
        ),
        "is not 26 finite numbers of unit length",
    ),
    "the vector of another text": (
        lambda c: alter(
            c, "UPDATE passages SET vector = (SELECT vector FROM passages WHERE id = 12) WHERE id = 8"
        ),
        "passage 8 has the vector of another text",
    ),
    "another embedder": (
        lambda c: alter(c, "UPDATE meta SET value = 'lettres' WHERE key = 'embedder'"),
        "no vector is of lettres, which the index says made them",
    ),
    "a passage too few": (
        lambda c: alter(c, "DELETE FROM passages WHERE id = 8"),
        "the passages of article c are not its text, each word in one of them",
    ),
    "a passage twice": (
        lambda c: alter(
            c, 'INSERT INTO passages SELECT 99, article, start, "end", vector FROM passages WHERE id = 8'
        ),
        "the passages of article c are not its text, each word in one of them",
    ),
    "a passage that is there and removed": (
        lambda c: alter(c, "INSERT INTO removed VALUES (8, 1)"),
        "passage 8 is there and said to be removed",
    ),
    "a counter that is behind": (
        lambda c: alter(c, "UPDATE sqlite_sequence SET seq = 3 WHERE name = 'passages'"),
        "the last passage is not known to be 12",
    ),
    "a twin of nobody": (
        lambda c: alter(c, "INSERT INTO twins VALUES (99, 1)"),
        "twins has no article 99",
    ),
    "a vector of another length": (
        lambda c: alter(c, "UPDATE vectors SET vector = zeroblob(50) WHERE n = (SELECT min(n) FROM vectors)"),
        "is not 26 finite numbers",
    ),
    "a false index in SQLite": (
        lambda c: forge_index(c),
        "SQLite: ",
    ),
    "an article that cannot be read": (
        lambda c: alter(c, "UPDATE articles SET meta = '{' WHERE id = 'c'"),
        "cannot be read at article 'c'",
    ),
    "a flipped bit in the vectors": (
        lambda c: flip(c.vectors, 200),
        "vectors.faiss has changed since it was written",
    ),
    "a vector that is another in the cache": (
        lambda c: rewrite(c, lambda ids, rows: rows[6].fill(0.5)),
        "the vector of passage 7 is missing or another",
    ),
    "two vectors that are swapped": (
        lambda c: rewrite(c, lambda ids, rows: ids[[6, 7]].sort() or ids.__setitem__([6, 7], [8, 7])),
        "the vector of passage 8 is missing or another",
    ),
    "a vector of no passage in the cache": (
        lambda c: vectors.write(
            c.vectors,
            vectors.read_stamp(c.vectors).reach,
            *(
                np.concatenate([part, part[:1] + add])
                for part, add in zip(vectors.Base(c.vectors).rows(), (100, 0), strict=True)
            ),
        ),
        "passage 101 is not in articles.db",
    ),
    "no vectors": (lambda c: c.vectors.unlink(), "vectors.faiss is missing"),
    "vectors of another index": (
        lambda c: vectors.write(
            c.vectors, Reach("another", 1, 1), np.array([1]), np.ones((1, 26), np.float32)
        ),
        "vectors.faiss belongs to another index",
    ),
    "vectors from the time to come": (
        lambda c: vectors.write(
            c.vectors, Reach(reach(c).uid, 99, 1), np.array([1]), np.ones((1, 26), np.float32)
        ),
        "vectors.faiss is ahead of its articles.db (change 99 against 6)",
    ),
    "words that lack a passage": (
        lambda c: words.load(c.words).add([], dead=[7], reach=reach(c)),
        "words holds 5 passages, articles.db 6, or others",
    ),
    "words with a passage too many": (
        lambda c: words.load(c.words).add([(99, "", "ghost")], reach=reach(c)),
        "words holds 7 passages, articles.db 6, or others",
    ),
    "words of another index": (
        lambda c: words.load(c.words).add([], reach=Reach("another", 1, 1)),
        "words belongs to another index",
    ),
    "a flipped bit in the words": (
        lambda c: flip(next(c.words.glob("*.idx")), 3),
        ".idx has changed since it was written",
    ),
    "no words": (lambda c: [path.unlink() for path in c.words.iterdir()], "words cannot be read"),
}


def forge_index(collection: Collection) -> None:
    """Let SQLite's index of passages by article lack an entry."""
    with closing(sqlite3.connect(collection.database)) as db, db:
        db.execute("PRAGMA writable_schema = ON")
        db.execute("UPDATE sqlite_schema SET sql = sql || ' WHERE id > 9' WHERE name = 'passages_article'")
        db.execute("PRAGMA schema_version = 999")
    with closing(sqlite3.connect(collection.database)) as db, db:
        db.execute("UPDATE passages SET article = article + 0")
        db.execute("REINDEX")
        db.execute("PRAGMA writable_schema = ON")
        db.execute(
            "UPDATE sqlite_schema SET sql = 'CREATE INDEX passages_article ON passages (article)' "
            "WHERE name = 'passages_article'"
        )
        db.execute("PRAGMA schema_version = 1000")


def approximate(collection: Collection, other: bool = False) -> None:
    """Give an index of many passages an approximate base, of other vectors if so wished."""
    dice = np.random.default_rng(1)
    with collection.writing() as truth:
        put(truth, "many", *("".join(map(chr, dice.integers(97, 123, 12))) for _ in range(800)))
    with closing(Truth(collection.database)) as truth:

        def blocks(above: int) -> list[tuple[np.ndarray, np.ndarray]]:
            ids, rows = truth.vectors(26, above)
            return [(np.roll(ids, 5) if other else ids, rows)]

        caches.forget(collection.vectors)
        vectors.grow(collection.vectors, truth.reach(), 800, blocks, truth.removed_since)
    assert vectors.read_stamp(collection.vectors).kind == "ivfpq"


def test_an_approximate_base_is_healthy_if_passages_are_found_by_their_vectors(
    collection: Collection,
) -> None:
    approximate(collection)
    assert faults(collection) == []
    remove_and_add(collection)
    assert faults(collection) == []
    alter(collection, "DELETE FROM removed")
    assert sum("is not in articles.db" in fault for fault in faults(collection)) == 800


def remove_and_add(collection: Collection) -> None:
    with collection.writing(flush=False) as truth:
        put(truth, "more", "Something more.")
        remove(truth, "many")


def test_an_approximate_base_of_other_vectors_is_found_out(collection: Collection) -> None:
    approximate(collection, other=True)
    assert any("of some passages by their own vectors" in fault for fault in faults(collection))


def test_many_passages_are_compared_in_parts(healthy: Collection, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "_BLOCK", 2)
    assert faults(healthy) == []
    words.load(healthy.words).add([], dead=[7], reach=reach(healthy))
    assert faults(healthy) == [f"{healthy.words} holds 5 passages, articles.db 6, or others"]


@pytest.mark.parametrize("kind", FAULTS)
def test_every_fault_is_found_and_named(healthy: Collection, kind: str) -> None:
    damage, expected = FAULTS[kind]
    damage(healthy)
    found = faults(healthy)
    assert any(expected in line for line in found), found
    assert len(found) <= 6, found


def test_faults_are_found_together(healthy: Collection) -> None:
    for kind in ("a passage outside its article", "another title", "no vectors", "no words"):
        FAULTS[kind][0](healthy)
    assert len(faults(healthy)) == 4


def test_garbage_is_one_fault(healthy: Collection) -> None:
    data = bytearray(healthy.database.read_bytes())
    data[8192:] = b"\xff" * (len(data) - 8192)
    healthy.database.write_bytes(data)
    found = faults(healthy)
    assert found
    assert all("SQLite: " in line or "articles.db cannot be read" in line for line in found)


def test_what_cannot_be_checked_is_said(collection: Collection, healthy: Collection, tmp_path: Path) -> None:
    with pytest.raises(IndexMissing):
        list(doctor.faults(tmp_path / "none"))
    alter(healthy, "UPDATE meta SET value = '2' WHERE key = 'format'")
    with pytest.raises(IndexStale):
        faults(healthy)


def written(generation: Path) -> dict[Path, int]:
    """When each file was written; SQLite's log and its index come and go with readers, too."""
    files = [
        path for path in generation.rglob("*") if path.is_file() and not path.name.startswith("articles.db-")
    ]
    return {path: path.stat().st_mtime_ns for path in files}


def test_the_check_up_changes_nothing_and_lets_go(healthy: Collection) -> None:
    before = written(healthy.generation)
    next(doctor.faults(healthy.index), None)
    assert written(healthy.generation) == before
    assert healthy.put("e", "About e.") == [13]


def test_an_index_is_healthy_while_it_is_written(healthy: Collection) -> None:
    done, found = threading.Event(), []

    def check() -> None:
        while not done.is_set():
            found.extend(faults(healthy))

    thread = threading.Thread(target=check)
    thread.start()
    with healthy.writing() as truth:
        for n in range(12):
            put(truth, f"n{n % 5}", *(f"About {n} and {i}." for i in range(50)))
            caches.flush(healthy.generation, truth, final=False)
            if n % 3 == 0:
                vectors.write(healthy.vectors, truth.reach(), *truth.vectors(26))
    done.set()
    thread.join()
    assert found == []
