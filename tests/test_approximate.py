"""The approximate base: it finds what an exact search finds, grows and shrinks, and never shows what is gone."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from rag.domain import Vectors
from rag.errors import IndexDamaged
from rag.index import approximate, caches, vector_file, vectors
from rag.index.truth import Ids, Reach
from rag.store import Store
from rag.upkeep import doctor, repair
from tests.conftest import Collection, near, put, vector

DIM, N = 32, 6_000


def unit(rows: np.ndarray) -> Vectors:
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float16).astype(np.float32)


def clustered(n: int, seed: int = 0) -> Vectors:
    """Unit rows around 200 centres, so that neighbours exist."""
    rng = np.random.default_rng(seed)
    centres = np.random.default_rng(9).normal(size=(200, DIM))
    return unit(centres[rng.integers(0, 200, n)] + rng.normal(size=(n, DIM)) * 0.6)


class Kept:
    """Vectors as a truth would keep them."""

    def __init__(self, n: int) -> None:
        self.rows = dict(zip(range(1, n + 1), clustered(n), strict=True))
        self.dead: set[int] = set()

    def blocks(self, above: int) -> Iterator[tuple[Ids, Vectors]]:
        ids = np.array([id for id in sorted(self.rows) if id > above], np.int64)
        for some in np.array_split(ids, 3):
            yield self.exact(some)

    def exact(self, ids: Ids) -> tuple[Ids, Vectors]:
        there = [id for id in ids.tolist() if id in self.rows]
        return np.array(there, np.int64), np.array([self.rows[id] for id in there]).reshape(-1, DIM)

    def best(self, question: Vectors, k: int, among: set[int] | None = None) -> list[int]:
        ids = [id for id in self.rows if among is None or id in among]
        scores = {id: round(float(self.rows[id].astype(np.float64) @ question), 6) for id in ids}
        return sorted(ids, key=lambda id: (-scores[id], id))[:k]

    def grow(self, path: Path) -> vectors.Base:
        reach = Reach("u", 1, max(self.rows))
        vectors.grow(path, reach, len(self.rows), self.blocks, lambda seq: self.dead)
        return vectors.Base(path, self.exact)


@pytest.fixture(scope="module")
def kept() -> Kept:
    return Kept(N)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "vectors.faiss"


def recall(base: vectors.Base, kept: Kept, among: Ids | None = None) -> float:
    allowed = None if among is None else set(among.tolist())
    shares = []
    for question in clustered(40, seed=3):
        found, scores = base.search(question, 10, among)
        assert list(scores) == sorted(scores, reverse=True)
        shares.append(len(set(found.tolist()) & set(kept.best(question, 10, allowed))) / 10)
    return float(np.mean(shares))


def test_it_finds_what_an_exact_search_finds(path: Path, kept: Kept) -> None:
    base = kept.grow(path)
    assert base.stamp.kind == "ivfpq"
    assert base.ids().tolist() == list(range(1, N + 1))
    assert recall(base, kept) >= 0.98


def test_scores_are_those_of_the_exact_vectors(path: Path, kept: Kept) -> None:
    question = kept.rows[5]
    ids, scores = kept.grow(path).search(question, 3, None)
    assert ids[0] == 5
    for id, score in zip(ids.tolist(), scores.tolist(), strict=True):
        assert score == pytest.approx(float(kept.rows[id] @ question), abs=2e-6)


@pytest.mark.parametrize("n", [50, 5_000])
def test_a_filter_is_kept_whatever_it_leaves(path: Path, kept: Kept, n: int) -> None:
    among = np.sort(np.random.default_rng(1).choice(np.arange(1, N + 1), n, replace=False)).astype(np.int64)
    base = kept.grow(path)
    found, _ = base.search(clustered(1, seed=5)[0], 20, among)
    assert len(found) == 20
    assert set(found.tolist()) <= set(among.tolist())
    assert recall(base, kept, among) >= 0.98


def test_a_base_grows_from_the_one_that_is_there(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = Kept(2_000)
    kept.grow(path)
    gone, new = set(range(1, 300)), clustered(500, seed=8)
    kept.rows = {id: row for id, row in kept.rows.items() if id not in gone}
    kept.rows |= dict(zip(range(2_001, 2_501), new, strict=True))
    kept.dead = gone
    monkeypatch.setattr(approximate, "made", None)  # it is not trained again
    base = kept.grow(path)
    assert base.ids().tolist() == sorted(kept.rows)
    assert base.stamp.trained == 2_000
    assert recall(base, kept) >= 0.95


def test_a_base_that_is_outgrown_is_trained_again(path: Path) -> None:
    kept = Kept(500)
    kept.grow(path)
    kept.rows |= dict(zip(range(501, 1_502), clustered(1_001, seed=2), strict=True))
    assert kept.grow(path).stamp.trained == 1_501


def test_any_flipped_bit_is_seen_when_it_is_opened(path: Path) -> None:
    Kept(200).grow(path)
    data = path.read_bytes()
    for place in np.random.default_rng(0).integers(0, len(data), 200).tolist():
        path.write_bytes(data[:place] + bytes([data[place] ^ 4]) + data[place + 1 :])
        with pytest.raises(IndexDamaged):
            vectors.Base(path)


def test_the_same_vectors_give_the_same_bytes(tmp_path: Path) -> None:
    paths = [tmp_path / name for name in "ab"]
    for path in paths:
        Kept(400).grow(path)
    assert paths[0].read_bytes() == paths[1].read_bytes()


def test_a_scan_finds_what_a_tail_finds() -> None:
    kept = Kept(900)
    tail, scan = vectors.Tail(*kept.exact(np.arange(1, 901))), vectors.Scan(lambda: kept.blocks(0))
    for question in clustered(10, seed=4):
        for among in (None, np.arange(1, 901, 7, dtype=np.int64)):
            for k in (1, 12, 2_000):
                a, b = tail.search(question, k, among), scan.search(question, k, among)
                assert [part.tolist() for part in a] == [part.tolist() for part in b]


# ---- in an index


@pytest.fixture
def large(collection: Collection, monkeypatch: pytest.MonkeyPatch) -> Collection:
    """An index that counts as large: 60 articles, of which an exact base may hold 20."""
    monkeypatch.setattr(vectors, "FLAT", 20)
    monkeypatch.setattr(caches, "HELD", 30)
    monkeypatch.setattr(caches, "_FEW", 5)
    with collection.writing() as truth:
        for n in range(60):
            put(truth, f"article {n}", f"word{n} alpha beta " + "abcdefghij"[n % 10] * (n + 1))
    return collection


def test_a_large_index_has_an_approximate_base_and_finds_the_same(large: Collection) -> None:
    assert vectors.read_stamp(large.vectors).kind == "ivfpq"
    with Store(large.index) as store:
        found = near(store, "word7 alpha beta hhhhhhhh", 5)
        large.remove("article 7")
        store.refresh()
        assert near(store, "word7 alpha beta hhhhhhhh", 5)[:4] == found[1:]


def test_while_its_base_is_damaged_a_large_index_answers_the_same_and_says_so(large: Collection) -> None:
    with Store(large.index) as store:
        before = near(store, "word7 alpha beta hhhhhhhh", 9)
    large.vectors.write_bytes(b"damage")
    with Store(large.index) as store:
        assert near(store, "word7 alpha beta hhhhhhhh", 9) == before
        assert "citewise doctor --repair" in (store.note or "")
        large.put("late", "word7 alpha beta hhhhhhhh", flush=False)
        store.refresh()
        assert len(near(store, "word7 alpha beta hhhhhhhh", 9)) == 9
    assert large.vectors.read_bytes() == b"damage", "a reader of a large index mends nothing"


def test_a_base_that_is_lost_is_made_again_by_the_next_run(large: Collection) -> None:
    large.vectors.unlink()
    large.put("late", "more")
    assert vectors.read_stamp(large.vectors).n == 61
    assert vector_file.read_stamp(large.vectors).kind == "ivfpq"
    with Store(large.index) as store:
        assert store.note is None
        assert store.near(vector("more"), 1)[0][0] == 61


def test_the_doctor_finds_nothing_in_a_large_index_and_names_a_damaged_base(large: Collection) -> None:
    assert list(doctor.faults(large.index)) == []
    large.vectors.write_bytes(large.vectors.read_bytes()[:-9])
    assert "vectors.faiss" in " ".join(doctor.faults(large.index))
    assert "made again" in " ".join(repair.repair(large.index))
    assert list(doctor.faults(large.index)) == []
    assert vectors.read_stamp(large.vectors).kind == "ivfpq"
