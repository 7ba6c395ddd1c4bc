"""Repair: what is mended is sound again, what is kept is what was stored to the byte, and what is not is named."""

from __future__ import annotations

import random
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from rag.errors import IndexDamaged, IndexFault, IndexLocked, IndexMissing, IndexStale
from rag.index import caches, folder, vectors
from rag.index.truth import Reach, Truth, fingerprint
from rag.store import Shape, Store
from rag.upkeep import doctor, repair, swap
from rag.upkeep.pages import Pages
from rag.upkeep.wreck import Wreck
from tests.conftest import SHAPE, Collection, matching, put, remove

PAGE = 4096
WORDS = "sea ship vote law judge city river school teacher doctor farm wheat rain storm engine rocket moon".split()


def text(dice: random.Random, n: int) -> str:
    return " ".join(f"{dice.choice(WORDS)}{dice.randrange(99)}" for _ in range(n)) + "."


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An index of some hundred pages, with long articles and with room that removed ones left."""
    made, dice = Collection(tmp_path_factory.mktemp("large") / "index"), random.Random(5)
    with made.writing() as truth:
        for n in range(70):
            texts = [text(dice, dice.choice([8, 20, 60])) for _ in range(dice.choice([1, 2, 4, 9]))]
            put(truth, f"articles/{n:02}.md", *texts)
        put(truth, "long.md", *(text(dice, 400) for _ in range(9)))
        truth.rows("PRAGMA secure_delete=OFF")
        for n in range(20, 30):
            remove(truth, f"articles/{n}.md")
    return made.index


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = Collection(tmp_path_factory.mktemp("small") / "index")
    with made.writing() as truth:
        for id in "abc":
            put(truth, id, f"Notes of {id}.", f"More of {id}.", "The same everywhere.")
            with truth.change():
                truth.remember_file(id, f"sum {id}")
        remove(truth, "a")
    return made.index


@pytest.fixture
def copied(large: Path, tmp_path: Path) -> Collection:
    shutil.copytree(large, tmp_path / "index")
    return Collection(tmp_path / "index")


@pytest.fixture
def index(small: Path, tmp_path: Path) -> Collection:
    shutil.copytree(small, tmp_path / "index")
    return Collection(tmp_path / "index")


def mended(collection: Collection) -> list[str]:
    """What is said of a repair that loses nothing."""
    return list(repair.repair(collection.index, lambda: SHAPE))


def mended_in_part(collection: Collection) -> tuple[list[str], str]:
    """What is said of a repair, and at its end of what it could not keep."""
    lines: list[str] = []
    try:
        lines.extend(repair.repair(collection.index, lambda: SHAPE))
    except IndexDamaged as lost:
        assert f"citewise index PATH --index {collection.index}" in lost.hint
        return lines, lost.message
    return lines, ""


def faults(collection: Collection) -> list[str]:
    return list(doctor.faults(collection.index))


def alter(collection: Collection, sql: str, *values: object) -> None:
    with closing(sqlite3.connect(collection.database)) as db, db:
        assert db.execute(sql, values).rowcount > 0


def contents(index: Path) -> dict[str, object]:
    """All that is stored of each article but numbers, by its id."""
    vectors_of = (
        "SELECT v.vector FROM passages p JOIN articles a ON a.n = p.article JOIN vectors v ON v.n = p.vector "
        "WHERE a.id = ? ORDER BY p.start"
    )
    found: dict[str, object] = {}
    with closing(Truth(folder.live(index) / folder.DATABASE)) as truth:
        for known in truth.known():
            article = truth.article(known.id)
            assert article
            spans = [(passage.start, passage.end) for passage in truth.passages_of(known.id)]
            numbers = truth.rows(vectors_of, (known.id,))
            found[known.id] = (fingerprint(article), known.place, known.file, spans, numbers)
    return found


def root(collection: Collection, name: str) -> int:
    """Where the first page of a table or an index of it begins."""
    with closing(Truth(collection.database)) as truth:
        ((page,),) = truth.rows("SELECT rootpage FROM sqlite_schema WHERE name = ?", (name,))
    return (int(page) - 1) * PAGE


def overwrite(collection: Collection, at: int, data: bytes) -> None:
    with collection.database.open("rb+") as file:
        file.seek(at)
        file.write(data)


# ---- what is sound, or is no index


def test_a_sound_index_is_left_alone(index: Collection) -> None:
    before = index.database.read_bytes()
    assert mended(index) == []
    assert index.database.read_bytes() == before


def test_what_is_not_there_cannot_be_mended(tmp_path: Path, index: Collection) -> None:
    with pytest.raises(IndexMissing):
        list(repair.repair(tmp_path / "none"))
    assert not (tmp_path / "none").exists()
    shutil.rmtree(index.generation)
    with pytest.raises(IndexDamaged, match="no generation left") as raised:
        mended(index)
    assert "Without one: move" in raised.value.hint
    assert f"citewise index PATH --index {index.index}" in raised.value.hint


def test_without_its_articles_a_generation_is_named_and_who_has_no_backup_is_helped(
    index: Collection,
) -> None:
    index.database.unlink()
    with pytest.raises(IndexDamaged, match=r"names 'gen-1', whose articles\.db is missing") as raised:
        folder.live(index.index)
    assert "Without one: move" in raised.value.hint, "and no command that cannot help"
    with pytest.raises(IndexDamaged, match="no whole generation left") as raised:
        mended(index)
    assert "conversations.db" in raised.value.hint


def test_a_writer_keeps_it_out_and_a_newer_index_is_refused(index: Collection) -> None:
    with index.writing(), pytest.raises(IndexLocked):
        mended(index)
    alter(index, "UPDATE meta SET value = '2' WHERE key = 'format'")
    with pytest.raises(IndexStale, match="format 2"):
        mended(index)


# ---- CURRENT, and what is left over


@pytest.mark.parametrize("current", [None, "gen-7\n", "garbage", ""])
def test_current_names_the_newest_whole_generation_again(index: Collection, current: str | None) -> None:
    folder.create(index.index, SHAPE.facts())  # not whole
    (index.index / "CURRENT").unlink()
    if current is not None:
        (index.index / "CURRENT").write_text(current)
    lines, lost = mended_in_part(index)
    assert bool(lost) == (current == "gen-7\n"), "which may have had more"
    assert "gen-1 answers from now on" in lines[0]
    assert lines[1:] == [f"{index.index / 'gen-2'} was not finished: deleted"]
    assert faults(index) == []
    assert list(contents(index.index)) == ["b", "c"]


def test_an_older_generation_that_answers_for_a_damaged_one_is_no_healthy_index(index: Collection) -> None:
    with folder.writing(index.index):
        new = folder.create(index.index, {**SHAPE.facts(), "whole": "yes"}, 9)
    (new / folder.DATABASE).write_bytes(b"garbage" * 2000)
    (index.index / "CURRENT").unlink()
    lines, lost = mended_in_part(index)
    assert "gen-1 answers from now on" in lines[0]
    assert "may have lost articles" in lost


def test_a_lost_current_of_a_damaged_index_is_found_and_the_index_saved(index: Collection) -> None:
    before = contents(index.index)
    overwrite(index, 0, b"garbage" * 20)
    (index.index / "CURRENT").unlink()
    assert "gen-1 answers from now on" in mended(index)[0]
    assert contents(index.index) == before


def test_what_a_killed_process_left_goes(index: Collection) -> None:
    kept = folder.create(index.index, {**SHAPE.facts(), "whole": "yes"})
    with closing(Truth(index.database)) as truth:
        now = truth.reach()
    state = f"{now.uid} {now.seq} {now.last_id}"
    begun = folder.create(index.index, {**SHAPE.facts(), "made from": state})
    stale = folder.create(index.index, {**SHAPE.facts(), "made from": "another state"})
    empty = index.index / "gen-9"
    empty.mkdir()
    (empty / "articles.db.new").write_text("half")
    for path in (
        index.index / "CURRENT.new",
        index.generation / "vectors.faiss.new",
        kept / "articles.db.new-wal",
    ):
        path.write_text("half")
    (index.generation / "words.new").mkdir()
    lines = mended(index)
    assert [line for line in lines if "was not finished" in line] == [
        f"{stale} was not finished: deleted",
        f"{empty} was not finished: deleted",
    ]
    assert sum("was left behind" in line for line in lines) == 3  # vectors.faiss.new went with the lock
    assert not (index.generation / "vectors.faiss.new").exists()
    assert [path.name for path in folder.generations(index.index)] == ["gen-1", kept.name, begun.name]
    assert not list(index.index.rglob("*.new*"))
    assert mended(index) == []


# ---- caches


CACHES: dict[str, Callable[[Collection], object]] = {
    "no vectors": lambda c: c.vectors.unlink(),
    "vectors cut short": lambda c: c.vectors.write_bytes(c.vectors.read_bytes()[:-9]),
    "vectors of another index": lambda c: vectors.write(
        c.vectors, Reach("another", 1, 1), np.array([1]), np.ones((1, 26), np.float32)
    ),
    "vectors from the time to come": lambda c: vectors.write(
        c.vectors,
        Reach(vectors.read_stamp(c.vectors).reach.uid, 99, 1),
        np.array([1]),
        np.ones((1, 26), np.float32),
    ),
    "a folder in the place of vectors": lambda c: (c.vectors.unlink(), c.vectors.mkdir()),
    "no words": lambda c: shutil.rmtree(c.words),
    "half of the words": lambda c: [path.unlink() for path in list(c.words.glob("*.idx"))],
}


@pytest.mark.parametrize("kind", CACHES)
def test_caches_are_made_again(index: Collection, kind: str) -> None:
    before = contents(index.index)
    CACHES[kind](index)
    assert faults(index)
    lines = mended(index)
    assert len(lines) == 1
    assert lines[0].endswith(": made again")
    assert faults(index) == []
    assert contents(index.index) == before


# ---- what contradicts itself


CURED: dict[str, tuple[str, str]] = {
    "a vector without a passage": (
        "INSERT INTO vectors (n, key, vector) VALUES (77, x'00', zeroblob(52))",
        "vector 77 has no passage: mended",
    ),
    "a passage without an article": (
        'INSERT INTO passages (id, article, start, "end", vector) VALUES (50, 99, 0, 1, 1)',
        "passage 50 has no article: mended",
    ),
    "a passage that is said to be removed": (
        "INSERT INTO removed VALUES (5, 2)",
        "passage 5 is there and said to be removed: mended",
    ),
    "a counter that is behind": (
        "UPDATE sqlite_sequence SET seq = 3 WHERE name = 'passages'",
        "the last passage is not known to be 9: mended",
    ),
    "no counter": (
        "DELETE FROM sqlite_sequence WHERE name = 'passages'",
        "the last passage is not known to be 9: mended",
    ),
    "a twin of no article": ("INSERT INTO twins VALUES (99, 1)", "twins has no article 99: mended"),
}


@pytest.mark.parametrize("kind", CURED)
def test_what_refers_to_nothing_goes_and_no_article_with_it(index: Collection, kind: str) -> None:
    before = contents(index.index)
    sql, said = CURED[kind]
    alter(index, sql)
    assert any(line in said for line in [fault + ": mended" for fault in faults(index)])
    assert said in mended(index)
    assert faults(index) == []
    assert contents(index.index) == before
    assert index.put("d", "Another.")[0] > 9, "no id is used twice"


DROPPED: dict[str, str] = {
    "another text": "UPDATE articles SET text = replace(text, 'Notes', 'Votes') WHERE id = 'c'",
    "another date": "UPDATE articles SET published = '2017-02-19' WHERE id = 'c'",
    "what is no JSON": "UPDATE articles SET meta = '{' WHERE id = 'c'",
    "what is no object of JSON": "UPDATE articles SET meta = '[1]' WHERE id = 'c'",
    "a passage outside": 'UPDATE passages SET "end" = 999 WHERE id = 8',
    "a passage too few": "DELETE FROM passages WHERE id = 8",
    "a passage twice": 'INSERT INTO passages SELECT 50, article, start, "end", vector FROM passages WHERE id = 8',
    "the vector of another text": (
        "UPDATE passages SET vector = (SELECT vector FROM passages WHERE id = 4) WHERE id = 8"
    ),
    "no vector": "UPDATE passages SET vector = 99 WHERE id = 8",
}


@pytest.mark.parametrize("kind", DROPPED)
def test_an_article_that_is_not_what_was_stored_goes_is_named_and_its_file_is_read_again(
    index: Collection, kind: str
) -> None:
    before = contents(index.index)
    alter(index, DROPPED[kind])
    lines, lost = mended_in_part(index)
    assert lost.endswith("has lost 1 of 2 articles")
    assert any("article c is dropped; indexing c again brings it back" in line for line in lines), lines
    assert faults(index) == []
    assert contents(index.index) == {"b": before["b"]}
    with closing(Truth(index.database)) as truth:
        assert truth.files() == {"a": "sum a", "b": "sum b"}
    with Store(index.index) as store:
        assert matching(store, "notes") == [4]


def test_a_vector_that_has_changed_is_what_it_was_again(index: Collection) -> None:
    before = contents(index.index)
    alter(
        index, "UPDATE vectors SET vector = zeroblob(52) WHERE n = (SELECT vector FROM passages WHERE id = 7)"
    )
    lines = mended(index)
    assert lines == [f"the vector of passage 7 is what it was again, as {index.vectors} has it"]
    assert contents(index.index) == before
    assert faults(index) == []


def test_without_a_witness_the_article_of_a_false_vector_goes(index: Collection) -> None:
    index.vectors.unlink()
    alter(
        index, "UPDATE vectors SET vector = zeroblob(50) WHERE n = (SELECT vector FROM passages WHERE id = 7)"
    )
    lines, lost = mended_in_part(index)
    assert any("article c is dropped" in line for line in lines)
    assert lost.endswith("has lost 1 of 2 articles")
    assert list(contents(index.index)) == ["b"]
    assert faults(index) == []


# ---- a damaged articles.db


def test_what_can_be_read_is_saved_and_the_damaged_file_is_kept(copied: Collection) -> None:
    before, damaged = contents(copied.index), bytearray(copied.database.read_bytes())
    with Store(copied.index) as store:
        at = damaged.index(store.article("articles/33.md").text[:40].encode())
    damaged[at - 200 : at + 400] = bytes(600)
    copied.database.write_bytes(damaged)
    assert faults(copied), "and so it is told without being asked to mend"
    with Store(copied.index) as store:
        lines, lost = mended_in_part(copied)
        store.refresh()
        assert len(list(store.articles())) == len(contents(copied.index))
    assert faults(copied) == []
    after = contents(copied.index)
    assert 40 < len(after) < len(before)
    assert lost.endswith(f"has lost {len(before) - len(after)} of {len(before)} articles")
    assert all(before[id] == after[id] for id in after)
    for id in set(before) - set(after):
        assert any(line.startswith(f"not saved: article {id}") for line in lines)
    assert (
        lines[1]
        == f"{len(after)} articles are saved into gen-2, {len(before) - len(after)} that are known of are not"
    )
    assert (copied.index / "articles.db.damaged").read_bytes() == damaged
    assert [path.name for path in folder.generations(copied.index)] == ["gen-2"]
    with closing(Truth(copied.database)) as truth:
        assert truth.files() == {}, "all files are read again, since nobody knows which are missing"
        assert truth.reach().last_id > len(before)
    assert mended(copied) == []


def test_the_generation_to_put_back_stays_and_ids_go_on(copied: Collection) -> None:
    with folder.writing(copied.index):
        new = folder.create(copied.index, {**SHAPE.facts(), "whole": "yes"}, swap.last_id(copied.index))
        folder.publish(copied.index, new)
    (first,) = copied.put("a", "Notes of a.")
    overwrite(copied, 30, b"\xff" * 70)
    mended(copied)
    assert [path.name for path in folder.generations(copied.index)] == ["gen-1", "gen-3"]
    with Store(copied.index) as store:
        assert matching(store, "notes") == [first + 1]
    assert swap.rollback(copied.index).after.generation == "gen-1"


def test_a_second_damaged_file_is_kept_beside_the_first(index: Collection) -> None:
    for _ in range(2):
        overwrite(index, 0, b"garbage")
        mended(index)
    aside = [path.name for path in index.index.glob("*.damaged*") if not path.name.endswith("-wal")]
    assert sorted(aside) == ["articles.db.damaged", "articles.db.damaged.2"]


@pytest.mark.parametrize("name", ["articles", "passages", "vectors"])
def test_a_table_without_its_root_is_read_page_by_page(copied: Collection, name: str) -> None:
    before = contents(copied.index)
    overwrite(copied, root(copied, name), bytes(PAGE))
    mended(copied)
    assert contents(copied.index) == before
    assert faults(copied) == []


def test_removed_articles_do_not_come_back(copied: Collection) -> None:
    data, before = copied.database.read_bytes(), contents(copied.index)
    gone = [f"articles/{n}.md" for n in range(20, 30)]
    assert any(id.encode() in data for id in gone), "a page is free, and was not wiped"
    with closing(Pages(copied.database)) as pages, closing(Truth(copied.database)) as truth:
        assert {cell.number for cell in pages.cells(11)} == {known.n for known in truth.known()}
    overwrite(copied, root(copied, "articles"), bytes(PAGE))
    mended(copied)
    assert contents(copied.index) == before


def test_a_lost_first_page_is_lent_by_a_new_index(copied: Collection) -> None:
    before = contents(copied.index)
    overwrite(copied, 0, random.Random(1).randbytes(PAGE))
    mended(copied)
    assert contents(copied.index) == before
    assert faults(copied) == []


def test_what_was_not_yet_folded_into_the_file_is_saved_too(copied: Collection, tmp_path: Path) -> None:
    with copied.writing() as truth:
        put(truth, "late", "What came last.")
        assert copied.database.with_name("articles.db-wal").stat().st_size > 0
        shutil.copytree(copied.index, tmp_path / "crashed")
    crashed = Collection(tmp_path / "crashed")
    overwrite(crashed, root(crashed, "vectors"), bytes(PAGE))
    lines = mended(crashed)
    assert "late" in contents(crashed.index), lines
    assert faults(crashed) == []


def test_without_its_vectors_an_index_is_saved_from_vectors_faiss(copied: Collection) -> None:
    before = contents(copied.index)
    with closing(Wreck(copied.database, copied.index)) as wreck, closing(Pages(copied.database)) as pages:
        lost = {cell.place // PAGE for cell in pages.cells(3) if pages.values(cell)[2]}  # type: ignore[index]
        assert len(lost) > 5
        assert wreck.knows_lookups
    for page in lost:
        overwrite(copied, page * PAGE, bytes(PAGE))
    overwrite(copied, root(copied, "sqlite_autoindex_vectors_1"), bytes(PAGE))
    shutil.copytree(copied.index, copied.index.with_name("without"))
    mended(copied)
    assert contents(copied.index) == before
    without = Collection(copied.index.with_name("without"))
    without.vectors.unlink()
    lines, lost = mended_in_part(without)
    assert f"the text of {len(before)} of these is whole and is what was stored" in lines[2]
    assert lost.endswith(f"has lost {len(before)} of {len(before)} articles")
    assert contents(without.index) == {}
    assert faults(without) == []


def test_the_embedder_is_told_by_the_keys_of_the_vectors(copied: Collection) -> None:
    before = contents(copied.index)
    alter(copied, "UPDATE meta SET value = 'lettres' WHERE key = 'embedder'")
    assert any("no vector is of lettres" in fault for fault in faults(copied))
    with pytest.raises(IndexDamaged, match="does not say any more which embedder") as raised:
        list(repair.repair(copied.index, lambda: Shape("another", 26, 40)))
    assert "--embedder NAME" in raised.value.hint
    assert [path.name for path in folder.generations(copied.index)] == ["gen-1"]
    mended(copied)
    assert contents(copied.index) == before
    with Store(copied.index) as store:
        assert store.shape == SHAPE


@pytest.mark.parametrize("left", [b"", random.Random(1).randbytes(630_784)])
def test_nothing_that_can_be_read_is_an_empty_index_with_the_file_kept(
    index: Collection, left: bytes
) -> None:
    index.database.write_bytes(left)
    lines, lost = mended_in_part(index)
    assert "how many there were cannot be told" in lost
    assert ("articles.db is empty" in lines[0]) == (not left)
    assert contents(index.index) == {}
    assert faults(index) == []
    assert "0 articles are saved" in lines[1]
    assert (index.index / "articles.db.damaged").exists()


def test_there_must_be_room_and_the_disk_must_take_it(
    index: Collection, monkeypatch: pytest.MonkeyPatch
) -> None:
    overwrite(index, 0, b"garbage")

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(9, 9, 9))
        with pytest.raises(IndexFault, match="saving what can be read needs"):
            mended(index)
    with monkeypatch.context() as patch:
        patch.setattr(caches, "flush", full)
        with pytest.raises(IndexFault, match="No space left"):
            mended(index)
    assert [path.name for path in folder.generations(index.index)] == ["gen-1"]
    mended(index)
    assert list(contents(index.index)) == ["b", "c"]


# ---- at random


def flipped(data: bytearray, dice: random.Random, n: int = 1) -> bytearray:
    for _ in range(n):
        data[dice.randrange(len(data))] ^= 1 << dice.randrange(8)
    return data


def paged(data: bytearray, dice: random.Random, page: bytes) -> bytearray:
    at = dice.randrange(len(data) // PAGE) * PAGE
    data[at : at + PAGE] = page
    return data


DAMAGE: dict[str, Callable[[bytearray, random.Random], bytes]] = {
    "a bit": flipped,
    "twenty bits": lambda data, dice: flipped(data, dice, 20),
    "a page of noise": lambda data, dice: paged(data, dice, dice.randbytes(PAGE)),
    "a page of zeros": lambda data, dice: paged(data, dice, bytes(PAGE)),
    "cut short": lambda data, dice: data[: dice.randrange(len(data))],
}


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("kind", DAMAGE)
def test_whatever_is_damaged_what_is_kept_is_what_was_stored(
    copied: Collection, kind: str, seed: int
) -> None:
    before = contents(copied.index)
    damaged = DAMAGE[kind](bytearray(copied.database.read_bytes()), random.Random(seed))
    copied.database.write_bytes(damaged)
    lines, lost = mended_in_part(copied)
    assert faults(copied) == []
    after = contents(copied.index)
    assert {id: before.get(id) for id in after} == after
    assert lost or after == before, "nobody is to believe that all is well"
    if after:  # else not even the names could be read
        assert [id for id in before if id not in after and not any(id in line for line in lines)] == []
    if kind == "a bit":
        assert len(after) >= len(before) - 1
