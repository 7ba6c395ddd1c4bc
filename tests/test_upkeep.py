"""Rollback and compacting: the index answers the same, before, meanwhile and after, whatever happens."""

from __future__ import annotations

import errno
import json
import os
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from datetime import date
from pathlib import Path

import pytest

from rag.errors import IndexDamaged, IndexFault, IndexLocked, IndexMissing, IndexStale
from rag.index import caches, durable, folder
from rag.index.truth import Truth
from rag.store import Shape, Store
from rag.upkeep import copies, doctor, inventory, swap, tables
from tests.conftest import SHAPE, Collection, matching, near, put, remove, vector

HOME = Path(__file__).parent.parent
OTHER = Shape("other", 26, 50)


def rebuild(collection: Collection, *texts: str, shape: Shape = SHAPE) -> None:
    """Make the next generation as a rebuild does, of other articles so that it can be told."""
    index = collection.index
    with folder.writing(index):
        new = folder.create(index, {**shape.facts(), "whole": "yes"}, swap.last_id(index))
        with closing(Truth(new / folder.DATABASE, write=True)) as truth:
            for n, text in enumerate(texts):
                put(truth, f"n{n}", text)
            caches.flush(new, truth, final=True)
        folder.publish(index, new)
        folder.prune(index)


def faults(collection: Collection) -> list[str]:
    return list(doctor.faults(collection.index))


def contents(collection: Collection) -> list[object]:
    """All that an index holds and remembers, numbers too."""
    with closing(Truth(collection.database)) as truth:
        tables = ("articles", "passages", "vectors", "files", "sqlite_sequence")
        return [truth.rows(f"SELECT * FROM {table} ORDER BY 1") for table in tables] + [truth.reach()]


@pytest.fixture
def two(collection: Collection) -> Collection:
    """A generation of three articles, and one of two that answers."""
    with collection.writing() as truth:
        for id, text in (("a", "apples"), ("b", "bananas"), ("c", "cherries")):
            put(truth, id, text)
    rebuild(collection, "melons", "oranges")
    return collection


@pytest.fixture
def worn(collection: Collection) -> Collection:
    """An index from which most has been removed."""
    with collection.writing() as truth:
        for n in range(16):
            put(truth, f"{n}", *(f"passage {n} {i} " * 20 for i in range(4)))
            with truth.change():
                truth.remember_file(f"{n}", f"sum {n}")
    with collection.writing() as truth:
        for n in range(13):
            remove(truth, f"{n}")
    return collection


# ---- rollback


def test_rollback_puts_the_generation_before_back_and_forward_again(two: Collection) -> None:
    done = swap.rollback(two.index)
    assert done.before
    assert (done.before.generation, done.before.n_articles, done.before.n_passages) == ("gen-2", 2, 2)
    assert (done.after.generation, done.after.n_articles, done.after.n_passages) == ("gen-1", 3, 3)
    assert (done.after.embedder, done.after.passage_tokens) == ("letters", 40)
    assert done.after.n_bytes > (two.index / "gen-1" / "articles.db").stat().st_size
    assert not done.needs_restart
    with Store(two.index) as store:
        assert [article.id for article in store.articles()] == ["a", "b", "c"]
    assert faults(two) == []
    again = swap.rollback(two.index)
    assert again.after.generation == "gen-2"
    assert folder.live(two.index).name == "gen-2"


def test_an_open_store_follows_a_rollback(two: Collection) -> None:
    with Store(two.index) as store:
        assert [article.id for article in store.articles()] == ["n0", "n1"]
        swap.rollback(two.index)
        store.refresh()
        assert matching(store, "bananas") == near(store, "bananas", 1) == [2]
        swap.rollback(two.index)
        store.refresh()
        assert matching(store, "oranges") == near(store, "oranges", 1) == [5]


def test_ids_are_never_used_twice_whatever_is_put_back(two: Collection) -> None:
    assert two.put("d", "dates") == [6]
    swap.rollback(two.index)
    assert two.put("e", "elderberries") == [7]
    swap.rollback(two.index)
    assert two.put("f", "figs") == [8]
    assert faults(two) == []


def test_another_embedder_is_said_and_a_process_that_runs_is_stopped(two: Collection) -> None:
    rebuild(two, "figs", shape=OTHER)
    assert swap.rollback(two.index).needs_restart
    with Store(two.index) as store:
        done = swap.rollback(two.index)
        assert done.after.embedder == "other"
        with pytest.raises(IndexStale, match="made again with other"):
            store.refresh()


def test_no_other_generation_is_said(collection: Collection) -> None:
    collection.put("a", "apples")
    with pytest.raises(IndexFault, match="no generation to put back, only gen-1"):
        swap.rollback(collection.index)
    assert folder.live(collection.index).name == "gen-1"


def test_what_is_no_index_is_neither_made_nor_changed(tmp_path: Path) -> None:
    for work in (swap.rollback, swap.compact):
        with pytest.raises(IndexMissing):
            work(tmp_path / "none")
    assert not (tmp_path / "none").exists()


def test_a_generation_that_cannot_be_read_can_give_way(two: Collection) -> None:
    two.database.write_bytes(b"garbage" * 4000)
    done = swap.rollback(two.index)
    assert (done.before, done.after.generation) == (None, "gen-1")
    assert done.needs_restart


@pytest.mark.parametrize("work", [swap.rollback, swap.compact])
def test_a_writer_keeps_others_out_and_is_named(two: Collection, work: object) -> None:
    with two.writing(), pytest.raises(IndexLocked, match=f"process {os.getpid()}"):
        work(two.index)  # type: ignore[operator]
    assert folder.live(two.index).name == "gen-2"


# ---- compact


def test_compacting_keeps_all_but_what_is_dead(worn: Collection) -> None:
    before = contents(worn)
    with closing(Truth(worn.database)) as truth:
        assert len(truth.removed_since(0)) == 52
    old = folder.live(worn.index)
    done = swap.compact(worn.index)
    assert contents(worn) == before
    assert faults(worn) == []
    assert not old.exists()
    with closing(Truth(worn.database)) as truth:
        assert truth.removed_since(0) == set()
        assert truth.rows("PRAGMA freelist_count") == [(0,)]
        assert truth.rows("PRAGMA journal_mode") == [("wal",)]
    assert done.before
    assert done.after.n_bytes < done.before.n_bytes
    assert (done.before.generation, done.after.generation) == ("gen-1", "gen-2")


def test_many_that_are_remembered_as_removed_leave_no_hole(worn: Collection) -> None:
    with worn.writing() as truth, truth.change():
        for n in range(10**6, 10**6 + 20_000):
            truth.run("INSERT INTO removed VALUES (?, 1)", (n,))
    swap.compact(worn.index)
    with closing(Truth(worn.database)) as truth:
        assert truth.rows("PRAGMA freelist_count") == [(0,)]
    assert not [path.name for path in worn.generation.iterdir() if ".new" in path.name]


def test_the_one_that_rollback_puts_back_stays(two: Collection) -> None:
    swap.compact(two.index)
    assert [path.name for path in folder.generations(two.index)] == ["gen-1", "gen-3"]
    assert swap.rollback(two.index).after.generation == "gen-1"
    assert swap.rollback(two.index).after.generation == "gen-3"


def test_a_compacted_index_is_as_old_as_it_was(worn: Collection) -> None:
    os.utime(worn.database, (10**9, 10**9))
    swap.compact(worn.index)
    with Store(worn.index) as store:
        assert store.changed_at == 10**9


def test_readers_go_on_while_it_is_compacted(worn: Collection, monkeypatch: pytest.MonkeyPatch) -> None:
    with Store(worn.index) as store:
        wanted = near(store, "passage 15")
        seen = []
        flush = caches.flush

        def while_flushing(*given: object, **named: object) -> None:
            store.refresh()
            seen.append(near(store, "passage 15"))
            flush(*given, **named)  # type: ignore[arg-type]

        monkeypatch.setattr(caches, "flush", while_flushing)
        swap.compact(worn.index)
        assert near(store, "passage 15") == wanted, "of files that are gone by now"
        store.refresh()
        assert near(store, "passage 15") == wanted
        assert store.status().generation == "gen-2"
    assert seen == [wanted]


def test_a_rebuild_that_was_cut_short_can_still_be_gone_on_with(worn: Collection) -> None:
    half = folder.create(worn.index, OTHER.facts())
    before = contents(worn)
    swap.compact(worn.index)
    assert half.exists()
    assert contents(worn)[-1] == before[-1], "what it was made from is told by the name of that state"


def test_there_must_be_room(worn: Collection, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(10**9, 10**9, 5_000))
    with pytest.raises(IndexFault, match=r"compacting needs [\d.]+ [kM]B at .*, and 5\.0 kB are free"):
        swap.compact(worn.index)
    assert [path.name for path in folder.generations(worn.index)] == ["gen-1"]


@pytest.mark.parametrize("at", ["fsync", "rename", "copy", "flush", "check"])
def test_what_fails_on_the_way_leaves_the_index_as_it_was(
    worn: Collection, monkeypatch: pytest.MonkeyPatch, at: str
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    before = contents(worn)
    with monkeypatch.context() as patch:
        if at == "fsync":
            patch.setattr(swap.copies, "sync_file", full)
        elif at == "rename":
            patch.setattr(Path, "rename", full)
        else:
            patch.setattr(
                *{"copy": (copies, "copy"), "flush": (caches, "flush"), "check": (copies, "check")}[at], full
            )
        with pytest.raises(IndexFault, match="No space left"):
            swap.compact(worn.index)
    assert [path.name for path in folder.generations(worn.index)] == ["gen-1"]
    assert contents(worn) == before
    assert faults(worn) == []


def test_a_copy_that_is_not_whole_is_not_believed(worn: Collection, monkeypatch: pytest.MonkeyPatch) -> None:
    edit = copies.edit
    lose = ("DELETE FROM articles WHERE n = (SELECT max(n) FROM articles)", ())
    monkeypatch.setattr(copies, "edit", lambda path, statements: edit(path, [*statements, lose]))
    with pytest.raises(IndexDamaged, match=r"a copy of gen-1 has \(2, 12\) .*, not \(3, 12\)"):
        swap.compact(worn.index)
    assert folder.live(worn.index).name == "gen-1"


def test_a_damaged_index_is_not_compacted(worn: Collection) -> None:
    data = bytearray(worn.database.read_bytes())
    data[8192:-4096] = b"\xff" * (len(data) - 12288)
    worn.database.write_bytes(data)
    with pytest.raises(IndexDamaged):
        swap.compact(worn.index)
    assert [path.name for path in folder.generations(worn.index)] == ["gen-1"]


def test_a_copy_with_something_else_than_tables_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    Truth.create(path, {**SHAPE.facts(), "uid": "u"})
    copies.check(path)
    with closing(sqlite3.connect(path)) as db, db:
        db.execute("CREATE TRIGGER t AFTER INSERT ON articles BEGIN DELETE FROM articles; END")
    with pytest.raises(IndexDamaged, match="it holds t, which is no table"):
        copies.check(path)


@pytest.mark.parametrize("work", ["compact", "import", "rollback", "repair"])
def test_a_kill_at_any_moment_leaves_a_good_index(tmp_path: Path, work: str) -> None:
    command = [sys.executable, "-m", "tests.upkeep_rounds", str(tmp_path), work, "17"]
    run = subprocess.run(command, cwd=HOME, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    rounds = [json.loads(line) for line in run.stdout.splitlines()]
    assert sum(done["killed"] for done in rounds) >= (1 if work == "rollback" else 4)
    assert [done for done in rounds if done["wrong"]] == []


# ---- what there is


def test_the_inventory_tells_what_is_there_and_what_is_dead(two: Collection) -> None:
    with two.writing(flush=False) as truth:
        put(truth, "x", "xigua", "yams", source="Desk", published=date(2017, 2, 19))
        put(truth, "y", "zucchini", source="Desk", published=date(2017, 3, 1))
        remove(truth, "n0")
    half = folder.create(two.index, SHAPE.facts())
    (half / folder.DATABASE).unlink()
    held = inventory.inventory(two.index)
    assert (held.n_articles, held.n_passages, held.generation, held.changes) == (3, 4, "gen-2", 5)
    assert (held.sources, held.years) == ({"Desk": 2, "": 1}, {"2017": 2, "": 1})
    assert [(kept.name, kept.state, kept.held is None) for kept in held.generations] == [
        ("gen-1", "previous", False),
        ("gen-2", "live", False),
        ("gen-3", "unfinished", True),
    ]
    dead = held.fragmentation
    assert (dead.n_removed, dead.n_cached, dead.n_dead, dead.n_tail) == (1, 2, 1, 3)
    assert 0 <= held.age_s < 60
    assert held.writer is None
    with two.writing():
        writer = inventory.inventory(two.index).writer
        assert writer
        assert writer.pid == os.getpid()
    lines = "\n".join(tables.of_inventory(held))
    for said in (
        "gen-1",
        "rollback puts it back",
        "not finished",
        "Desk",
        "2017",
        "1 of 2 passages are gone (50%)",
    ):
        assert said in lines


def test_only_the_first_sources_are_named() -> None:
    counts = {f"Source {n}": 100 - n for n in range(13)}
    rows = tables._first(counts, "none")
    assert rows[0] == ("Source 0", "100")
    assert rows[9:] == [("Source 9", "91"), ("3 others", "267")]
    assert len(tables._first(dict(list(counts.items())[:11]), "none")) == 11, (
        "one more takes no more room than others"
    )


def test_files_are_listed_by_kind_twenty_each() -> None:
    fates = [("new", f"{n}.txt", "") for n in range(23)] + [("failed", "x", "why")]
    lines = tables.of_files(fates)
    assert len(lines) == 22
    assert lines[19:] == ["new     19.txt", "new     and 3 more", "failed  x           why"]
    assert tables.of_files([]) == []


@pytest.mark.parametrize(
    ("n", "said"),
    [(0, "0 bytes"), (999, "999 bytes"), (1000, "1.0 kB"), (999_960, "1.0 MB"), (2_245_000_000, "2.2 GB")],
)
def test_sizes_are_in_words(n: int, said: str) -> None:
    assert durable.in_words(n) == said


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(5, "just now"), (60, "1 minute ago"), (7300, "2 hours ago"), (86_400 * 400, "400 days ago")],
)
def test_ages_are_in_words(seconds: int, said: str) -> None:
    assert tables.ago(seconds) == said


def test_vectors_of_another_past_count_as_lost(two: Collection) -> None:
    shutil.copyfile(two.index / "gen-1" / "vectors.faiss", two.vectors)
    with closing(Truth(two.database)) as truth:
        assert inventory._fragmentation(two.vectors, truth).n_cached == 0
    assert vector("a").shape == (26,)
