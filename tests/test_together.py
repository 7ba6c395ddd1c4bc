"""Those who ask an index while it is written see what was committed, and hold no more as time goes by."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks import together, together_tasks
from benchmarks.together import Met, Size
from benchmarks.together_tasks import Asked, Committed, Written, ask, change, sum_of, wrong
from rag.domain import Article, Passage
from rag.store import Store
from tests.conftest import Collection

SIZE = Size(articles=30, readers=2, seconds=5, alone_s=4, compact_s=2)


@pytest.fixture(scope="module")
def met(tmp_path_factory: pytest.TempPathFactory) -> tuple[Met, Met]:
    """Two readers without a writer and with one: ten seconds, and as long again to begin on a busy machine."""
    return together.both(tmp_path_factory.mktemp("together"), SIZE)


def test_every_passage_is_a_slice_of_what_was_committed(met: tuple[Met, Met]) -> None:
    _, beside = met
    assert [said for reader in beside.readers for said in reader.wrong] == []
    assert all(reader.n_passages for reader in beside.readers)
    assert beside.writer.stored and beside.writer.compacted, "nothing happened meanwhile"


def test_no_reader_holds_more_and_more_files(met: tuple[Met, Met]) -> None:
    _, beside = met
    spare = 6  # of the generation before, kept for those who still answer from it
    assert all(max(reader.files) <= min(reader.files) + spare for reader in beside.readers)


def test_waits_are_measured_with_and_without_a_writer(met: tuple[Met, Met]) -> None:
    alone, beside = met
    assert len(alone.waits_ms) == len(alone.blocked_ms) > 0
    rows = together.rows(beside, alone)
    assert [row["questions"] for row in rows] == [len(alone.waits_ms), len(beside.waits_ms)] * 2
    assert all(blocked <= wait for blocked, wait in zip(beside.blocked_ms, beside.waits_ms, strict=True))
    assert len(together.holdings(beside)) == SIZE.readers


# -- the harness itself -------------------------------------------------------------------------------


def passage(text: str, id: str = "a") -> Passage:
    return Passage(1, Article(id, "A", text), 0, len(text))


@pytest.fixture
def known(tmp_path: Path) -> Committed:
    return Committed(tmp_path / together_tasks.LOG)


def test_a_state_that_was_never_committed_is_seen(known: Committed) -> None:
    assert list(wrong([passage("Not yet.")], known)) == ["a was never committed like this"]
    known._log.write_text(f"{sum_of(passage('Now.').article)}\n")
    assert list(wrong([passage("Now.")], known)) == []
    assert list(wrong([passage("Then.")], known)) == ["a was never committed like this"]


def test_a_log_is_read_as_it_grows(known: Committed) -> None:
    sums = [sum_of(passage(text).article) for text in ("One.", "Two.")]
    known._log.write_text(f"{sums[0]}\n{sums[1][:10]}")
    assert known.holds(passage("One.").article) and not known.holds(passage("Two.").article)
    known._log.write_text(f"{sums[0]}\n{sums[1]}\n")
    assert known.holds(passage("Two.").article)


def test_a_passage_of_nothing_is_seen(known: Committed) -> None:
    blank = passage(" ")
    known.sums.add(sum_of(blank.article))
    assert list(wrong([blank], known)) == ["passage 1 is no slice of a"]


@pytest.fixture
def store(collection: Collection) -> Iterator[Store]:
    collection.put("a", "Some words.")
    with Store(collection.index) as opened:
        yield opened


def test_a_long_wait_is_told_by_its_parts(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(together_tasks, "_SLOW_S", 0.0)
    asked = Asked()
    assert [found.text for found in ask(store, "words", asked)] == ["Some words."]
    (parts,) = asked.slow
    assert set(parts) == {*together_tasks.STAGES, "processor", "queue", "blocked"}
    (row,) = together.longest(Met([asked], Written()))
    assert row["near"] == pytest.approx(parts["near"] * 1000)


def test_a_folder_changes_and_stays_about_as_large(tmp_path: Path) -> None:
    dice = random.Random(1)
    for version in range(100):
        change(tmp_path, dice, 20, version)
    assert 5 < len(list(tmp_path.iterdir())) < 25


def test_growth_is_that_of_the_peaks() -> None:
    assert together.thirds([1, 9, 2, 3, 4, 3]) == [9, 3, 4]
    assert together.growth([1, 9, 2, 3, 4, 3]) == 1
    assert together.growth([1, 1, 5, 3, 4, 3]) == 0


def test_the_figures_have_their_bounds() -> None:
    reader = Asked(
        [0.01, 0.2], [0.0, 0.15], [], 7, ["a was never committed like this"], [5, 5, 6], [50, 60, 70]
    )
    beside, alone = Met([reader], Written(3, 4, 1, 0)), Met([Asked([0.02], [0.0])], Written())
    figures = {figure.what: (figure.ours, figure.met) for figure in together.comparisons(beside, alone)}
    assert figures == {
        "longest wait but for a processor": (150.0, False),
        "longest wait": (200.0, None),
        "longest wait, without a writer": (20.0, None),
        "passages of no committed state": (1, False),
        "most files open, last third less middle third, worst reader": (1, False),
        "most memory, last third less middle third, worst reader": (10, False),
    }
    assert together.did(beside) == {"runs": 3, "articles stored": 4, "removed": 1, "compactions": 0}
