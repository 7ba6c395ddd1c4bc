"""Cut short at any moment, an index opens again with all that was there; and the harness that says so sees a loss."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks import aftermath, calls, crash
from benchmarks.calls import Call, Kind
from benchmarks.changing import Contents, Held
from benchmarks.operations import OPERATIONS
from benchmarks.power import Disk
from benchmarks.strikes import AT_RANDOM, POWER, WAYS, Trial, part, spread
from rag.index import folder
from tests.conftest import Collection

pytestmark = pytest.mark.skipif(
    sys.platform != "linux" or not calls.compiler(), reason="needs Linux and a C compiler"
)
SEED = 1
KILLS = 20


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> Sequence[Trial]:
    """Each operation cut short once in each way: some 20 s, most of it to look and to do it again."""
    return list(crash.trials(tmp_path_factory.mktemp("crash"), 1, SEED))


def test_nothing_is_lost_however_a_run_is_cut_short(done: Sequence[Trial]) -> None:
    assert [trial for trial in done if trial.wrong] == []


def test_a_generation_that_was_just_begun_is_no_whole_one(collection: Collection) -> None:
    collection.put("a", "Some words.")
    begun = collection.index / "gen-2"
    begun.mkdir()
    subprocess.run([sys.executable, "-c", BEGINS, str(begun / folder.DATABASE)], check=False)
    assert (begun / f"{folder.DATABASE}-journal").stat().st_size
    assert not folder.is_whole(begun)
    assert folder.previous(collection.index) is None


def test_every_operation_was_cut_short_in_every_way(done: Sequence[Trial]) -> None:
    met = {(trial.operation, trial.way) for trial in done}
    assert met == {(operation.name, way) for operation in OPERATIONS for way in (*WAYS, AT_RANDOM, POWER)}
    assert sum(trial.ended == "killed" for trial in done) >= KILLS
    assert any(0 < trial.reported < 5 for trial in done), "none fell within a run"


def test_who_is_not_killed_is_told(done: Sequence[Trial]) -> None:
    told = [trial.ended for trial in done if trial.ended not in ("done", "killed", "without power")]
    assert told
    assert all(text.startswith(("IndexFault: /", "IndexDamaged: /")) for text in told)


# Leaves a journal that is to be rolled back, as a kill does before SQLite goes over to a log.
BEGINS = """
import os, sqlite3, sys
db = sqlite3.connect(sys.argv[1], isolation_level=None)
db.execute("CREATE TABLE meta (key TEXT, value TEXT)")
db.execute("PRAGMA cache_size=1")
db.execute("BEGIN")
db.executemany("INSERT INTO meta VALUES (?, ?)", [(str(n), "x" * 3000) for n in range(50)])
os._exit(0)
"""


# -- the harness itself -------------------------------------------------------------------------------

WRITES = """
import json, os, sys
from pathlib import Path
from benchmarks import calls
from benchmarks.calls import Kind, Strike

home, how, at, code = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
reading, writing = os.pipe()
calls.watch(home, Strike(how, at, Kind.WRITE | Kind.RENAME, code), writing)
if not os.fork():
    for name in "abc":
        try:
            with open(home / f"{name}.new", "wb") as file:
                file.write(b"12")
            os.replace(home / f"{name}.new", home / name)
        except OSError as error:
            (home.parent / "told").write_text(str(error.errno))
    os._exit(0)
os.wait()
os.close(writing)
print(json.dumps(os.read(reading, 10_000).decode().splitlines()))
"""


@pytest.mark.parametrize(
    ("how", "at", "left", "n_calls"),
    [
        ("count", 0, {"a": "12", "b": "12", "c": "12"}, 6),
        ("kill", 3, {"a": "12", "b.new": ""}, 3),
        ("tear", 3, {"a": "12", "b.new": "1"}, 3),
        ("kill", 4, {"a": "12", "b.new": "12"}, 4),
        ("fail", 4, {"a": "12", "b.new": "12", "c": "12"}, 6),
        ("fail on", 4, {"a": "12", "b.new": "12", "c.new": ""}, 5),
    ],
)
def test_a_call_is_met_and_struck(
    tmp_path: Path, how: str, at: int, left: dict[str, str], n_calls: int
) -> None:
    home = tmp_path / "home"
    home.mkdir()
    library = calls.library(tmp_path)
    (lines,) = calls.under(library, "-c", WRITES, str(home), how, str(at), "28")
    assert {path.name: path.read_text() for path in home.iterdir()} == left
    assert len(lines) == n_calls
    assert calls.parse(lines[0]) == Call(1, Kind.WRITE, "/a.new")
    assert (tmp_path / "told").exists() == how.startswith("fail")


def test_a_process_that_fails_says_so(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="no such thing"):
        list(calls.under(calls.library(tmp_path), "-c", "raise SystemExit('no such thing')"))


def test_a_power_cut_leaves_what_was_synced(tmp_path: Path) -> None:
    home, disk = tmp_path / "home", Disk()
    (home / "kept").mkdir(parents=True)
    (home / "kept" / "old").write_text("old")
    disk.sync_all(home)
    (home / "kept" / "old").write_text("changed, not synced")
    (home / "kept" / "named").write_text("in its folder, itself not synced")
    disk.sync(home / "kept")
    (home / "kept" / "new").write_text("synced, not in its folder")
    disk.sync(home / "kept" / "new")
    disk.write(home.stat().st_ino, tmp_path / "left")
    left = {path.name: path.read_text() for path in (tmp_path / "left" / "kept").iterdir()}
    assert left == {"old": "old", "named": ""}


ONE = Held("One", "Text of one.", "", "/c/1", "/c/1", ((0, 12),), (b"k1",))
OTHER = Held("One", "Another text.", "", "/c/1", "/c/1", ((0, 13),), (b"k2",))


def contents(**articles: Held) -> Contents:
    return Contents(None, articles, {}, {}, frozenset())


@pytest.mark.parametrize(
    ("now", "before", "after", "reported", "lost"),
    [
        (contents(a=ONE), contents(a=ONE), contents(a=OTHER), [], 0),
        (contents(a=OTHER), contents(a=ONE), contents(a=OTHER), ["a"], 0),
        (contents(), contents(a=ONE), contents(), [], 0),
        (contents(b=ONE), contents(a=ONE), contents(b=ONE), [], 0),
        (contents(), contents(a=ONE), contents(a=OTHER), [], 1),
        (contents(), contents(a=ONE), contents(b=ONE), [], 1),
        (contents(a=ONE), contents(a=ONE), contents(a=OTHER), ["a"], 1),
        (contents(), contents(), contents(a=ONE), ["a"], 1),
        (contents(a=replace(OTHER, spans=())), contents(a=ONE), contents(a=OTHER), [], 1),
        (contents(a=replace(ONE, text=OTHER.text)), contents(a=ONE), contents(a=OTHER), [], 1),
    ],
)
def test_a_loss_is_seen(
    now: Contents, before: Contents, after: Contents, reported: list[str], lost: int
) -> None:
    assert len(list(aftermath.missing(now, before, after, reported))) == lost


def test_what_differs_is_named() -> None:
    assert contents(a=ONE).unlike(contents(a=ONE)) == []
    assert contents(a=ONE).unlike(contents(a=OTHER)) == ["articles: 1 differ, such as a"]


def test_points_are_spread_over_all_calls() -> None:
    import random

    dice = random.Random(0)
    assert spread(3, 5, dice) == [0, 1, 2]
    places = spread(1000, 10, dice)
    assert [place // 100 for place in places] == list(range(10))


def test_files_are_told_apart_by_the_part_that_they_are_of() -> None:
    assert part(f"/index/gen-2/words/{'0f' * 16}.term") == "words"
    assert part("/backup.new/gen-1/articles.db-wal") == "the backup: articles.db"
    assert part("/index/gen-1") == "folders"


def test_the_tables_count_what_was_wrong() -> None:
    lost = Trial("changes", 9, "kill", "write", "CURRENT", 1, "killed", {"lost": ["a is gone"]})
    well = Trial("changes", 9, "EIO", "write", "CURRENT", 2, "done")
    figures = {figure.what: figure for figure in crash.comparisons([lost, well])}
    assert (figures["killed"].ours, figures["killed"].met) == (1, False)
    assert (figures["an article lost or half there"].ours, figures["hung"].ours) == (1, 0)
    row = next(row for row in crash.by_operation([lost, well]) if row["operation"] == "changes")
    assert (row["calls"], row["kill"], row["EIO"], row["wrong after it"]) == (9, 1, 1, 1)
    assert row["articles said to be stored"] == 3
    (row,) = crash.by_call([lost, well])
    assert row == {"part": "CURRENT", "call": "write", "n": 2, "wrong after it": 1}
    assert [row["n"] for row in crash.by_end([lost, well])] == [1, 1]
    json.dumps(crash.by_operation([lost, well]))
