"""Faults around an index, and damage to its files, are told, lose nothing and can be mended."""

from __future__ import annotations

import os
import random
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from benchmarks import calls, damage_cases, faults
from benchmarks.damage import blank, cut, flip
from benchmarks.fault_cases import CASES
from benchmarks.fault_trials import Outcome

pytestmark = pytest.mark.skipif(
    sys.platform != "linux" or not calls.compiler(), reason="needs Linux and a C compiler"
)
SEED = 1
DISK = "the disk is full"  # wants a disk of its own, which not everybody may mount


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> Sequence[Outcome]:
    """Each fault once or twice: some 15 s, most of it to look and to mend."""
    return list(faults.outcomes(tmp_path_factory.mktemp("faults"), 1, SEED))


def told(done: Sequence[Outcome], fault: str) -> str:
    """All that the user was told of one fault."""
    return "\n".join(outcome.told for outcome in done if outcome.fault == fault)


def test_nothing_is_lost_and_all_is_mended(done: Sequence[Outcome]) -> None:
    assert [outcome for outcome in done if outcome.wrong] == []


def test_nobody_is_shown_a_traceback(done: Sequence[Outcome]) -> None:
    assert [outcome for outcome in done if not outcome.is_clear] == []


def test_every_fault_did_happen(done: Sequence[Outcome]) -> None:
    met = {outcome.fault for outcome in done if outcome.met}
    expected = {*CASES, *damage_cases.CASES}
    assert met == expected if os.geteuid() == 0 else met >= expected - {DISK}


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ("each write fails from one on (ENOSPC)", ["the disk is full", "Free some space"]),
        ("a rename fails (ESTALE, EBUSY)", ["cannot be written: Stale file handle"]),
        ("the index may not be written", ["cannot be written: Permission denied"]),
        ("an article may not be read", ["ARTICLES/stays.txt", "cannot be read: permission denied"]),
        ("the folder may not be searched", ["ARTICLES", "cannot be searched: permission denied"]),
        ("a file goes while it is read", ["ARTICLES/changes.txt", "cannot be read: no such file"]),
        ("another process writes", ["INDEX is being written by process"]),
        ("articles.db is damaged", ["articles.db", "saved"]),
    ],
)
def test_the_user_is_told_what_it_is(done: Sequence[Outcome], fault: str, words: list[str]) -> None:
    said = told(done, fault)
    assert [word for word in words if word not in said] == []


def test_a_run_goes_on_where_a_writer_was_killed(done: Sequence[Outcome]) -> None:
    assert [outcome.code for outcome in done if outcome.fault == "a writer was killed"] == [0]


# -- the harness itself -------------------------------------------------------------------------------


def test_bits_are_turned_over(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(bytes(100))
    assert flip(path, random.Random(1)) == "1 bits of file turned over"
    assert sum(byte.bit_count() for byte in path.read_bytes()) == 1


def test_a_file_is_cut(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"x" * 100)
    assert cut(path, random.Random(1)) == f"file cut from 100 to {path.stat().st_size} bytes"
    assert path.stat().st_size < 100


def test_a_block_is_lost(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"x" * 5000)
    said = blank(path, random.Random(1))
    assert path.stat().st_size == 5000
    assert said == f"{path.read_bytes().count(0)} bytes of file are zeros"


def test_what_is_not_there_is_not_damaged(tmp_path: Path) -> None:
    (tmp_path / "empty").write_bytes(b"")
    assert [make(tmp_path / "empty", random.Random(1)) for make in (flip, cut, blank)] == ["", "", ""]


def test_the_table_counts_what_happened() -> None:
    full = Outcome("a disk", 1, "plan: 1 new\nciteWise\ncitewise: the disk | is full\n", "yes", True, "room")
    lost = Outcome("a disk", 1, "citewise: the disk | is full\n", "yes", False, "room", "", {"lost": ["a"]})
    missed = Outcome("a disk", 0, "1 new\n", "", True, "room")
    (row,) = faults.by_fault([full, lost, missed])
    assert row == {
        "fault": "a disk",
        "n": 2,
        "told, most often": "citewise: the disk \\| is full",
        "wrong after it": 1,
        "mended by": "room",
        "of them": "",
    }
    figures = {figure.what: figure.ours for figure in faults.comparisons([full, lost, missed])}
    assert figures["told unclearly"] == 1
    assert figures[faults.WRONG["lost"]] == 1
    assert figures[faults.WRONG["unequal"]] == 0
