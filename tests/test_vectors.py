"""vectors.faiss: the same hits as an exact search, and no damage that goes unseen."""

from __future__ import annotations

import struct
import threading
import zlib
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rag.domain import Vectors
from rag.errors import IndexDamaged, IndexFault
from rag.index import vector_file, vectors
from rag.index.truth import Ids, Reach
from rag.index.vectors import Base, Tail

DIM = 8
REACH = Reach("u", 7, 500)
NEAR = 2e-6  # float32 sums of eight products differ by less


def unit(rows: np.ndarray) -> Vectors:
    """Unit rows, rounded as the index keeps them."""
    norms = np.linalg.norm(rows, axis=1, keepdims=True)
    return (rows / norms).astype(np.float16).astype(np.float32)


def random_rows(seed: int, n: int, n_distinct: int) -> Vectors:
    """Unit rows of which many are equal, so that hits tie."""
    rng = np.random.default_rng(seed)
    distinct = unit(rng.normal(size=(n_distinct, DIM)))
    return distinct[rng.integers(0, n_distinct, size=n)]


def numbered(n: int) -> Ids:
    return np.arange(1, n + 1, dtype=np.int64)


def tail(n: int = 0) -> Tail:
    return Tail(numbered(n), random_rows(0, n, 3))


def written(path: Path, ids: Ids, rows: Vectors) -> Base:
    vectors.write(path, REACH, ids, rows)
    return Base(path)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "vectors.faiss"


# ---- searching

cases = st.fixed_dictionaries(
    {
        "seed": st.integers(0, 2**16),
        "n_base": st.integers(0, 300),
        "n_tail": st.integers(0, 40),
        "n_distinct": st.integers(1, 60),
        "k": st.integers(1, 360) | st.integers(1, 9),
        "dead_share": st.sampled_from([0.0, 0.02, 0.5, 1.0]),
        "allowed_share": st.sampled_from([None, 0.0, 0.05, 0.5, 1.0]),
    }
)


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(cases)
def test_a_search_equals_the_exact_one(path: Path, case: dict) -> None:
    rng = np.random.default_rng(case["seed"])
    n = case["n_base"] + case["n_tail"]
    ids = np.sort(rng.choice(np.arange(1, 2 * n + 2), size=n, replace=False)).astype(np.int64)
    rows = random_rows(case["seed"], n, case["n_distinct"])
    question = unit(rng.normal(size=(1, DIM)))[0]
    dead = set(ids[rng.random(n) < case["dead_share"]].tolist())
    share = case["allowed_share"]
    allowed = None if share is None else ids[rng.random(n) < share]
    cut = case["n_base"]
    base = written(path, ids[:cut], rows[:cut]) if cut else None

    found = vectors.search(base, Tail(ids[cut:], rows[cut:]), dead, question, case["k"], allowed)

    exact = dict(
        zip(ids.tolist(), (rows.astype(np.float64) @ question.astype(np.float64)).tolist(), strict=True)
    )
    living = [id for id in exact if id not in dead and (allowed is None or id in allowed)]
    assert len(found) == min(case["k"], len(living))
    assert all(id in living and abs(score - exact[id]) < NEAR for id, score in found)
    assert found == sorted(found, key=lambda hit: (-hit[1], hit[0]))
    missed = set(living) - {id for id, _ in found}
    if found and missed:
        last_id, last = found[-1]
        assert all(exact[id] < last + NEAR for id in missed)
        twins = [id for id in missed if np.array_equal(rows[ids == id], rows[ids == last_id])]
        assert all(id > last_id for id in twins), "of equal passages the first ones are found"


def test_ties_beyond_those_fetched_are_settled_by_id(path: Path) -> None:
    rows = np.zeros((3000, DIM), np.float32)
    rows[:, 0] = 1
    base = written(path, numbered(3000)[::-1].copy(), rows)
    assert [id for id, _ in vectors.search(base, tail(), set(), rows[0], 5, None)] == [1, 2, 3, 4, 5]


def test_equal_rows_tie_wherever_they_are_kept(path: Path) -> None:
    rows = np.repeat(unit(np.random.default_rng(3).normal(size=(1, DIM))), 40, axis=0)
    question = unit(np.random.default_rng(4).normal(size=(1, DIM)))[0]
    for cut in range(0, 40, 7):
        base = written(path, numbered(40)[:cut], rows[:cut])
        found = vectors.search(base, Tail(numbered(40)[cut:], rows[cut:]), set(), question, 40, None)
        assert [id for id, _ in found] == list(range(1, 41))


def test_nothing_is_found_in_nothing(path: Path) -> None:
    empty = written(path, numbered(0), np.empty((0, DIM), np.float32))
    question = random_rows(0, 1, 1)[0]
    assert vectors.search(None, tail(), set(), question, 5, None) == []
    assert vectors.search(empty, tail(), set(), question, 5, None) == []
    assert vectors.search(empty, tail(3), set(), question, 0, None) == []
    assert (
        vectors.search(written(path, numbered(9), random_rows(0, 9, 3)), tail(), set(), question, 0, None)
        == []
    )


def test_all_that_is_near_may_be_dead(path: Path) -> None:
    rows = np.zeros((1000, DIM), np.float32)
    rows[:990, 0], rows[990:, 1] = 1, 1
    base = written(path, numbered(1000), rows)
    found = vectors.search(base, tail(), set(range(1, 991)), rows[0], 3, None)
    assert [id for id, _ in found] == [991, 992, 993]
    found = vectors.search(None, Tail(numbered(1000), rows), set(range(1, 991)), rows[0], 3, None)
    assert [id for id, _ in found] == [991, 992, 993]


def test_tails_add_up() -> None:
    rows = np.eye(5, DIM, dtype=np.float32)
    both = Tail(numbered(5)[:2], rows[:2]).and_also(Tail(numbered(5)[2:], rows[2:]))
    assert len(both) == 5
    for id, row in enumerate(rows, start=1):
        assert both.search(row, 1, None)[0].tolist() == [id]


# ---- the file


def test_the_rows_come_back_to_the_bit(path: Path) -> None:
    ids, rows = numbered(20) * 3, random_rows(2, 20, 20)
    found = written(path, ids, rows).rows()
    assert np.array_equal(found[0], ids)
    assert np.array_equal(found[1], rows)
    assert [len(part) for part in written(path, ids[:0], rows[:0]).rows()] == [0, 0]


def test_the_stamp_says_what_the_file_holds(path: Path) -> None:
    base = written(path, numbered(20), random_rows(2, 20, 20))
    stamp = vectors.read_stamp(path)
    assert base.reach == stamp.reach == REACH
    assert (stamp.n, stamp.dim) == (20, DIM)
    vectors.check_sum(path)


def test_the_same_rows_give_the_same_bytes(tmp_path: Path) -> None:
    for name in ("a", "b"):
        vectors.write(tmp_path / name, REACH, numbered(20), random_rows(2, 20, 20))
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def opens(path: Path) -> bool:
    """Whether the file opens; else it is said to be damaged, by name."""
    try:
        Base(path)
    except IndexDamaged as error:
        assert str(path) in error.message
        assert "citewise index makes it again" in error.hint
        return False
    return True


def test_a_file_cut_short_anywhere_is_damaged(path: Path) -> None:
    written(path, numbered(6), random_rows(2, 6, 6))
    data = path.read_bytes()
    for length in [*range(0, 200), *range(200, len(data) - 60, 7), *range(len(data) - 60, len(data))]:
        path.write_bytes(data[:length])
        assert not opens(path), f"cut to {length} of {len(data)} bytes"


def test_a_file_with_more_at_its_end_is_damaged(path: Path) -> None:
    written(path, numbered(6), random_rows(2, 6, 6))
    data = path.read_bytes()
    for more in (b"\0", b"x" * 100, data[-16:], data):
        path.write_bytes(data + more)
        assert not opens(path)


def test_a_flipped_bit_is_seen_when_opened_or_by_the_sum(path: Path) -> None:
    """Only a number of a vector may be wrong unseen until the whole sum is looked at."""
    written(path, numbered(6), random_rows(2, 6, 6))
    data, unseen = path.read_bytes(), 0
    for position in range(len(data)):
        flipped = bytearray(data)
        flipped[position] ^= 1 << position % 8
        path.write_bytes(flipped)
        if opens(path):
            unseen += 1
            with pytest.raises(IndexDamaged, match="its sum differs"):
                vectors.check_sum(path)
    assert unseen == 6 * DIM * 2


@pytest.mark.parametrize("data", [b"", b"\0" * 16, b"CITEVEC2", b"{}" * 50, b"\xff" * 4000])
def test_what_is_not_ours_is_damaged(path: Path, data: bytes) -> None:
    path.write_bytes(data)
    assert not opens(path)


def footed(payload: bytes, footer: bytes, length: int | None = None) -> bytes:
    size = len(footer) if length is None else length
    return payload + footer + struct.pack("<IQ8s", zlib.crc32(footer), size, vector_file.MAGIC)


def test_a_stamp_that_lies_about_the_payload_is_damaged(path: Path) -> None:
    written(path, numbered(6), random_rows(2, 6, 6))
    stamp = vectors.read_stamp(path)
    payload = path.read_bytes()[: stamp.length]
    footer = str(asdict(stamp)).replace("'", '"').encode()
    path.write_bytes(footed(payload, footer))
    assert opens(path)
    for size in (2**63, 2**40, len(payload) + len(footer) + 1):
        path.write_bytes(footed(payload, footer, size))
        assert not opens(path)
    path.write_bytes(footed(payload + b"\0", footer))
    assert not opens(path)
    path.write_bytes(footed(payload, footer.replace(b'"dim": 8', b'"dim": 4')))
    assert not opens(path)


def test_missing_is_said(path: Path) -> None:
    with pytest.raises(IndexDamaged, match="missing"):
        Base(path)
    with pytest.raises(IndexDamaged, match="missing"):
        vectors.check_sum(path)
    path.mkdir()
    assert not opens(path)


def test_an_open_base_outlives_its_file(path: Path) -> None:
    rows = random_rows(5, 50, 50)
    base = written(path, numbered(50), rows)
    before = base.search(rows[0], 5, None)[0].tolist()
    vectors.write(path, REACH, numbered(50)[::-1].copy(), rows)
    assert base.search(rows[0], 5, None)[0].tolist() == before
    path.unlink()
    assert base.search(rows[0], 5, None)[0].tolist() == before


def test_a_base_that_is_replaced_while_it_is_opened_is_all_of_one(path: Path) -> None:
    """Every file holds as many vectors, and its ids say which change it reaches."""
    rows, done, failures = random_rows(5, 20, 20), threading.Event(), []

    def replace() -> None:
        change = 0
        while not done.is_set():
            change += 1
            vectors.write(path, Reach("u", change, 20 * change), numbered(20) + 20 * (change - 1), rows)

    vectors.write(path, Reach("u", 0, 0), numbered(20) - 20, rows)
    thread = threading.Thread(target=replace)
    thread.start()
    for _ in range(150):
        base = Base(path)
        if base.rows()[0].max() != base.reach.last_id:
            failures.append(base.reach)
        vectors.check_sum(path)
    done.set()
    thread.join()
    assert failures == []


def test_a_write_that_fails_leaves_the_old_file(path: Path) -> None:
    written(path, numbered(6), random_rows(2, 6, 6))
    before = path.read_bytes()
    path.with_name(path.name + ".new").mkdir()
    with pytest.raises(IndexFault, match="cannot be written"):
        vectors.write(path, REACH, numbered(9), random_rows(2, 9, 9))
    assert path.read_bytes() == before
