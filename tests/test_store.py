"""An open index: it sees every commit at the next question, and whatever becomes of a cache, answers stay right."""

from __future__ import annotations

import logging
import os
import random
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
import pytest

from rag.domain import Article, Where
from rag.errors import (
    ArticleMissing,
    CitewiseError,
    IndexDamaged,
    IndexFault,
    IndexLocked,
    IndexMissing,
    IndexStale,
)
from rag.index import caches, folder, vectors, words
from rag.index.truth import Reach, Truth
from rag.store import Store
from rag.upkeep import doctor
from tests.conftest import SHAPE, Collection, matching, near, number, put, remove, vector
from tests.test_folder import another_writer

HOME = Path(__file__).parent.parent
TEXTS = ("apples and pears", "quick brown foxes", "zebras in the zoo")


@pytest.fixture
def three(collection: Collection) -> Collection:
    """An index of a, b and c with a passage each, in both caches."""
    with collection.writing() as truth:
        for id, text in zip("abc", TEXTS, strict=True):
            put(truth, id, text)
    return collection


def right(store: Store) -> bool:
    """Whether a search by vector and by words finds each of the three first."""
    return all(
        near(store, text, 1) == matching(store, text, 1) == [id] for id, text in enumerate(TEXTS, start=1)
    )


# ---- the corruption of the well-known FAISS map store


def test_a_passage_is_found_by_its_own_vector_after_another_was_removed_and_one_added(
    collection: Collection,
) -> None:
    texts = {"a": "aaaa", "b": "bbbb", "c": "cccc", "d": "dddd"}
    for id in "abc":
        collection.put(id, texts[id])
    collection.remove("a")
    with Store(collection.index) as running:
        collection.put("d", texts["d"])
        running.refresh()
        with Store(collection.index) as fresh:
            for store in (running, fresh):
                ((id, score),) = store.near(vector(texts["c"]), 1)
                assert store.passages([id])[id].text == "cccc"
                assert score == pytest.approx(1, abs=1e-3)
                assert len(store.near(vector("cccc"), 10)) == 3


@pytest.mark.models
def test_the_well_known_store_returns_another_text() -> None:
    """Why this index is not llama-index's: its ids are counted by what is there, so one is used again."""
    faiss = pytest.importorskip("faiss")
    theirs = pytest.importorskip("llama_index.vector_stores.faiss")
    schema = pytest.importorskip("llama_index.core.schema")
    types = pytest.importorskip("llama_index.core.vector_stores.types")
    rows = dict(zip("ABCD", np.eye(4).tolist(), strict=True))
    store = theirs.FaissMapVectorStore(faiss_index=faiss.IndexIDMap2(faiss.IndexFlatL2(4)))
    for id in "ABC":
        store.add([schema.TextNode(id_=id, text=id, embedding=rows[id])])
    store.delete_nodes(["A"])
    store.add([schema.TextNode(id_="D", text="D", embedding=rows["D"])])
    found = store.query(types.VectorStoreQuery(query_embedding=rows["C"], similarity_top_k=1))
    assert found.ids == ["D"]


# ---- what an index says of itself


def test_a_missing_one_is_said(tmp_path: Path) -> None:
    with pytest.raises(IndexMissing, match="no index at"):
        Store(tmp_path / "none")


def test_a_newer_one_is_refused(three: Collection) -> None:
    with three.writing() as truth, truth.change():
        truth.set_meta("format", "2")
    with pytest.raises(IndexStale, match="format 2; this Citewise reads format 1"):
        Store(three.index)


def test_garbage_is_damage(three: Collection) -> None:
    three.database.write_bytes(b"garbage" * 5000)
    with pytest.raises(IndexDamaged):
        Store(three.index)


def test_status_counts_what_is_there(three: Collection) -> None:
    with Store(three.index) as store:
        status = store.status()
        assert status.path == str(three.index)
        assert (status.generation, status.n_articles, status.n_passages) == ("gen-1", 3, 3)
        assert (status.changes, status.embedder, status.passage_tokens) == (3, "letters", 40)
        assert status.n_bytes == sum(p.stat().st_size for p in three.index.rglob("*") if p.is_file())
        assert status.note is None
        three.put("d", "One.")
        assert store.status() == replace(
            store.status(), n_articles=4, changes=4, n_bytes=store.status().n_bytes
        )
        assert store.shape == SHAPE


def test_articles_are_given_by_id_and_in_order(three: Collection) -> None:
    with Store(three.index) as store:
        assert store.article("b").text == TEXTS[1]
        assert [article.id for article in store.articles()] == ["a", "b", "c"]
        with pytest.raises(ArticleMissing, match="no article 'z'"):
            store.article("z")


def test_an_empty_index_finds_nothing(collection: Collection) -> None:
    with collection.writing():
        pass
    with Store(collection.index) as store:
        assert store.near(vector("a"), 5) == store.matching("apples", 5) == []
        assert store.note is None
        collection.put("a", TEXTS[0])
        store.refresh()
        assert near(store, TEXTS[0]) == matching(store, TEXTS[0]) == [1]


def test_filters_hold_for_both_searches(collection: Collection) -> None:
    with collection.writing() as truth:
        put(truth, "a", "apple one", source="Le Monde", published=date(2017, 2, 18))
        put(truth, "b", "apple two", source="Times", published=date(2017, 2, 19))
        put(truth, "c", "apple three", source="Times")
    expected = {
        Where(sources=("Times",)): {2, 3},
        Where(articles=("a", "c")): {1, 3},
        Where(since=date(2017, 2, 19)): {2},
        Where(until=date(2017, 2, 18)): {1},
        Where(sources=("Times",), articles=("a",)): set(),
    }
    collection.put("d", "apple four", flush=False)  # in the tail
    with Store(collection.index) as store:
        for where, ids in expected.items():
            assert {id for id, _ in store.near(vector("apple"), 9, where)} == ids
            assert {id for id, _ in store.matching("apple", 9, where)} == ids
        assert {id for id, _ in store.matching("apple", 9, Where(articles=("d", "a")))} == {1, 4}
        assert {id for id, _ in store.near(vector("apple"), 9, Where(articles=("d", "a")))} == {1, 4}


# ---- catching up


def move(truth: Truth) -> None:
    with truth.change():
        truth.move(number(truth, "b"), "moved", "moved", "moved")


CHANGES: dict[str, Callable[[Truth], object]] = {
    "added": lambda truth: put(truth, "d", "kangaroos"),
    "changed": lambda truth: put(truth, "b", "kangaroos"),
    "removed": lambda truth: remove(truth, "b"),
    "moved": move,
}


def everything(store: Store) -> dict[int, tuple[str, str]]:
    """Id → (article, text) of all that is found, which is the same by vector and by words."""
    asked = " ".join((*TEXTS, "kangaroos"))
    found = set(near(store, asked, 100))
    assert found == set(matching(store, asked, 100))
    return {id: (p.article.id, p.text) for id, p in store.passages(sorted(found)).items()}


def stored(collection: Collection) -> dict[int, tuple[str, str]]:
    with closing(Truth(collection.database)) as truth:
        held = truth.passages([id for id, _, _ in truth.passage_texts()])
        return {id: (p.article.id, p.text) for id, p in held.items()}


@pytest.mark.parametrize("flush", [False, True])
@pytest.mark.parametrize("kind", CHANGES)
def test_a_commit_is_seen_at_the_next_question(three: Collection, kind: str, flush: bool) -> None:
    with Store(three.index) as running:
        before = everything(running)
        assert len(before) == 3
        with three.writing(flush=flush) as truth:
            CHANGES[kind](truth)
        assert everything(running).keys() <= before.keys(), "nothing new before the next question"
        running.refresh()
        assert everything(running) == stored(three)
        assert running.note is None
    with Store(three.index) as fresh:
        assert everything(fresh) == stored(three)


WRITE = """
import sys
from pathlib import Path
from tests.conftest import Collection
Collection(Path(sys.argv[1])).put("d", "kangaroos", flush=False)
"""


def test_a_commit_of_another_process_is_seen_at_the_next_question(three: Collection) -> None:
    with Store(three.index) as store:
        subprocess.run([sys.executable, "-c", WRITE, str(three.index)], cwd=HOME, check=True)
        assert matching(store, "kangaroos") == []
        store.refresh()
        assert matching(store, "kangaroos") == near(store, "kangaroos", 1) == [4]


def test_a_tail_grows_with_every_commit(three: Collection) -> None:
    with Store(three.index) as store:
        for n in range(4, 10):
            three.put(f"x{n}", f"kangaroo {'k' * n}", flush=False)
            store.refresh()
            assert near(store, f"kangaroo {'k' * n}", 1) == [n]
            assert matching(store, "kangaroos", 20) == list(range(4, n + 1))
        three.remove("x5", flush=False)
        three.remove("a", flush=False)
        store.refresh()
        assert matching(store, "kangaroos apples", 20) == [4, 6, 7, 8, 9]
        assert set(near(store, "kangaroo", 20)) == {2, 3, 4, 6, 7, 8, 9}


def test_the_dead_do_not_take_the_place_of_the_living(collection: Collection) -> None:
    collection.put("a", *["kangaroo"] * 100, "kangaroo and more of it")
    collection.put("b", "a kangaroo besides")
    with collection.writing(flush=False) as truth:
        put(truth, "a", "wombats")
    with Store(collection.index) as store:
        assert matching(store, "kangaroo", 1) == near(store, "kangaroo", 1) == [102]


def test_nothing_is_read_again_when_nothing_was_committed(
    three: Collection, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Store(three.index) as store:
        three.put("d", "kangaroos", flush=False)
        store.refresh()
        monkeypatch.setattr(Truth, "reach", lambda _: pytest.fail("it caught up for nothing"))
        store.refresh()


def test_a_catching_up_that_fails_is_tried_again(three: Collection, monkeypatch: pytest.MonkeyPatch) -> None:
    def failing(*_: object) -> None:
        raise IndexFault("the disk was gone for a moment")

    with Store(three.index) as store:
        three.put("d", "kangaroos", flush=False)
        with monkeypatch.context() as patch:
            patch.setattr(Truth, "removed_since", failing)
            with pytest.raises(IndexFault):
                store.refresh()
        store.refresh()
        assert matching(store, "kangaroos") == near(store, "kangaroos", 1) == [4]


# ---- generations


def rebuild(collection: Collection, *texts: str) -> Path:
    """Publish a next generation that holds these texts."""
    with closing(Truth(collection.database)) as old:
        above = old.reach().last_id
    generation = folder.create(collection.index, {**SHAPE.facts(), "whole": "yes"}, above)
    with closing(Truth(generation / folder.DATABASE, write=True)) as truth:
        for n, text in enumerate(texts):
            put(truth, f"r{n}", text)
        caches.flush(generation, truth, final=True)
    folder.publish(collection.index, generation)
    return generation


def test_a_new_generation_answers_from_the_next_question_on(three: Collection) -> None:
    with Store(three.index) as store:
        rebuild(three, *TEXTS, "kangaroos")
        store.refresh()
        assert matching(store, "kangaroos") == near(store, "kangaroos", 1) == [7]
        assert matching(store, TEXTS[0]) == [4]
        assert store.status().generation == "gen-2"
        assert store.article("r3").text == "kangaroos"
        folder.publish(three.index, three.index / "gen-1")
        store.refresh()
        assert right(store)


def test_a_question_that_began_before_a_new_generation_is_answered(three: Collection) -> None:
    """One thread has found ids when another makes the store go over to the next generation."""
    with Store(three.index) as store:
        found = near(store, TEXTS[1], 1)
        rebuild(three, *TEXTS)
        store.refresh()
        assert store.passages(found)[2].text == TEXTS[1]
        assert store.passages([4])[4].article.id == "r0"


def test_a_lost_generation_is_said_until_it_is_found(three: Collection) -> None:
    with Store(three.index) as store:
        for bad in ("gen-7", "gen-8"):
            (three.index / "CURRENT").write_text(bad)
            for _ in range(2):
                with pytest.raises(IndexDamaged, match=bad):
                    store.refresh()
        (three.index / "CURRENT").unlink()
        for _ in range(2):
            with pytest.raises(IndexMissing):
                store.refresh()
        assert right(store)
        folder.publish(three.index, three.index / "gen-1")
        store.refresh()
        assert right(store)


# ---- caches that are missing, damaged, of another index, or too new

DAMAGES: dict[str, Callable[[Collection], object]] = {
    "vectors missing": lambda c: c.vectors.unlink(),
    "vectors empty": lambda c: c.vectors.write_bytes(b""),
    "vectors truncated": lambda c: c.vectors.write_bytes(c.vectors.read_bytes()[:-30]),
    "vectors garbage": lambda c: c.vectors.write_bytes(random.Random(0).randbytes(2000)),
    "vectors a folder": lambda c: (c.vectors.unlink(), c.vectors.mkdir()),
    "vectors of another index": lambda c: forge(c, lambda reach: replace(reach, uid="another")),
    "vectors too new": lambda c: forge(c, lambda reach: replace(reach, seq=reach.seq + 1)),
    "vectors of ids to come": lambda c: forge(c, lambda reach: replace(reach, last_id=reach.last_id + 1)),
    "words missing": lambda c: shutil.rmtree(c.words),
    "words empty": lambda c: [path.unlink() for path in c.words.iterdir()],
    "words without meta": lambda c: (c.words / "meta.json").unlink(),
    "words truncated": lambda c: [
        path.write_bytes(path.read_bytes()[:-9]) for path in c.words.glob("*.term")
    ],
    "words a file": lambda c: (shutil.rmtree(c.words), c.words.write_text("mine")),
    "words of another index": lambda c: words.load(c.words).add([], reach=Reach("another", 1, 1)),
    "words too new": lambda c: words.load(c.words).add([(9, "", "apples")], reach=with_truth(c, seq=9)),
    "both missing": lambda c: (c.vectors.unlink(), shutil.rmtree(c.words)),
}


def with_truth(collection: Collection, **changed: int) -> Reach:
    with closing(Truth(collection.database)) as truth:
        return replace(truth.reach(), **changed)


def forge(collection: Collection, changed: Callable[[Reach], Reach]) -> None:
    """Write vectors that are wrong, with a stamp that says whose they are."""
    rows = np.eye(3, SHAPE.dim, dtype=np.float32)
    vectors.write(collection.vectors, changed(with_truth(collection)), np.array([3, 2, 1]), rows)


@pytest.mark.parametrize("kind", DAMAGES)
def test_a_lost_cache_is_made_again_and_it_is_said(
    three: Collection, kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    DAMAGES[kind](three)
    with caplog.at_level(logging.WARNING, "citewise"), Store(three.index) as store:
        assert right(store)
        assert store.note is None
        lost = [three.vectors, three.words] if kind.startswith("both") else [three.generation / which(kind)]
        assert len(caplog.records) == 1
        assert all(str(path) in caplog.text for path in lost)
        assert "made again from articles.db" in caplog.text
    caplog.clear()
    with Store(three.index) as store:
        assert right(store)
        assert caplog.records == []
    vectors.check_sum(three.vectors)
    assert words.load(three.words).ids() == [1, 2, 3]


def which(kind: str) -> str:
    return caches.VECTORS if kind.startswith("vectors") else caches.WORDS


@pytest.mark.parametrize("kind", sorted(DAMAGES.keys() - {"vectors of ids to come"}))
def test_a_lost_cache_is_made_again_by_the_next_run(three: Collection, kind: str) -> None:
    DAMAGES[kind](three)
    three.put("d", "kangaroos")
    assert list(doctor.faults(three.index)) == []


@pytest.mark.parametrize("kind", DAMAGES)
def test_while_another_one_writes_answers_are_exact_and_it_is_said(
    three: Collection, kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    DAMAGES[kind](three)
    with three.writing(flush=False) as truth:
        store = Store(three.index)
        assert right(store)
        assert store.note is not None
        assert "answers come from articles.db alone" in store.note
        assert store.note in caplog.text
        assert store.status().note == store.note
        put(truth, "d", "kangaroos")
        store.refresh()
        assert matching(store, "kangaroos") == near(store, "kangaroos", 1) == [4]
        remove(truth, "a")
        store.refresh()
        assert 1 not in near(store, TEXTS[0]) + matching(store, TEXTS[0])
        put(truth, "e", "wombats")
    store.refresh()
    assert store.note is None, "made again as soon as nobody writes"
    assert matching(store, "wombats") == near(store, "wombats", 1) == [5]
    store.close()
    assert list(doctor.faults(three.index)) == []


def test_a_backup_put_back_is_not_confused_with_what_came_after_it(three: Collection) -> None:
    """The ids and change numbers that the backup does not know are used again, for other passages."""
    backup = three.database.read_bytes()
    with three.writing() as truth:
        put(truth, "d", "kangaroos")
        put(truth, "e", "wombats")
        three.vectors.unlink()
    three.database.write_bytes(backup)
    with three.writing() as truth:
        assert put(truth, "f", "penguins") == [4]
        assert put(truth, "g", "kangaroos") == [5]
        assert put(truth, "h", "lemurs") == [6]
    with Store(three.index) as store:
        for id, text in enumerate((*TEXTS, "penguins", "kangaroos", "lemurs"), start=1):
            assert near(store, text, 1) == matching(store, text, 1) == [id]
        assert store.note is None
    assert list(doctor.faults(three.index)) == []


def test_another_process_that_writes_is_left_alone(three: Collection) -> None:
    three.vectors.unlink()
    with another_writer(three.index):
        with Store(three.index) as store:
            assert right(store)
            assert store.note
        assert not three.vectors.exists()


def test_a_folder_that_may_not_be_written_answers(three: Collection, monkeypatch: pytest.MonkeyPatch) -> None:
    refused: list[Path] = []

    def refuse(index: Path) -> None:
        refused.append(index)
        raise IndexFault(f"{index} cannot be written")

    shutil.rmtree(three.words)
    monkeypatch.setattr(folder, "writing", refuse)
    with Store(three.index) as store:
        assert right(store)
        assert store.note
    assert refused == [three.index]
    assert not three.words.exists()


READ = """
import os, sys
from pathlib import Path
from rag import store
from rag.upkeep import doctor
from tests.conftest import matching, near
os.setgid(65534)
os.setuid(65534)
index = Path(sys.argv[1])
try:
    (index / "mine").write_text("")
except PermissionError:
    print("may not write")
with store.Store(index) as opened:
    print(opened.note, matching(opened, "brown foxes"), near(opened, "quick brown foxes", 1), flush=True)
    sys.stdin.readline()
    opened.refresh()
    print(opened.note, matching(opened, "kangaroos"), near(opened, "kangaroos", 1), flush=True)
    print(list(doctor.faults(index)))
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_another_user_reads_what_only_its_owner_may_write(three: Collection) -> None:
    for above in three.index.parents:
        if Path(tempfile.gettempdir()) in above.parents:
            above.chmod(above.stat().st_mode | 0o055)
    process = subprocess.Popen(
        [sys.executable, "-c", READ, str(three.index)],
        cwd=HOME,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdin
    assert process.stdout
    assert process.stdout.readline() == "may not write\n"
    assert process.stdout.readline() == "None [2] [2]\n"
    with three.writing() as truth:
        put(truth, "d", "kangaroos")
        assert process.communicate("\n")[0] == "None [4] [4]\n[]\n"
    assert process.returncode == 0


def test_damage_that_shows_at_a_question_is_mended_there(
    three: Collection, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    with Store(three.index) as store:
        opened = store._live.words.state.base

        def failing(self: words.WordIndex, *asked: object) -> list[tuple[int, float]]:
            if self is opened:
                raise IndexDamaged(f"{three.words} cannot be read: a page is gone")
            return search(self, *asked)

        search = words.WordIndex.search
        monkeypatch.setattr(words.WordIndex, "search", failing)
        assert matching(store, TEXTS[1], 1) == [2]
        assert right(store)
        assert "a page is gone; made again" in caplog.text
        assert len(caplog.records) == 1


# ---- writing the caches


def test_vectors_are_written_again_when_enough_was_added(three: Collection) -> None:
    stamp = vectors.read_stamp(three.vectors)
    three.put("d", "kangaroos")
    assert vectors.read_stamp(three.vectors) == stamp, "one passage more is no reason"
    assert words.load(three.words).reach == with_truth(three)
    three.put("many", *(f"x{n}" for n in range(2001)))
    assert vectors.read_stamp(three.vectors).reach == with_truth(three)
    three.remove("many")
    assert vectors.read_stamp(three.vectors).n == 4


def test_while_articles_arrive_vectors_are_written_less_often(three: Collection) -> None:
    three.put("many", *(f"x{n}" for n in range(5000)))
    with three.writing(flush=False) as truth:
        put(truth, "more", *(f"y{n}" for n in range(2001)))
        caches.flush(three.generation, truth, final=False)
        assert vectors.read_stamp(three.vectors).n == 5003
        caches.flush(three.generation, truth, final=True)
        assert vectors.read_stamp(three.vectors).n == 7004


def test_an_unchanged_index_is_not_written(three: Collection) -> None:
    before = {path: path.stat().st_mtime_ns for path in three.generation.rglob("*") if path.suffix != ".db"}
    with three.writing():
        pass
    assert {p: p.stat().st_mtime_ns for p in three.generation.rglob("*") if p.suffix != ".db"} == before


# ---- threads, and the end


def test_threads_share_a_store_while_another_writes(three: Collection) -> None:
    failures: list[BaseException] = []
    done = threading.Event()

    def ask(store: Store) -> None:
        try:
            while not done.is_set():
                store.refresh()
                for found in (near(store, TEXTS[0], 1), matching(store, TEXTS[0], 1)):
                    assert [p.text for p in store.passages(found).values()] == [TEXTS[0]]
                for id, passage in store.passages(matching(store, "kangaroo", 50)).items():
                    assert "kangaroo" in passage.text, id
        except BaseException as error:
            failures.append(error)

    with Store(three.index) as store:
        threads = [threading.Thread(target=ask, args=(store,)) for _ in range(8)]
        for thread in threads:
            thread.start()
        with three.writing() as truth:
            for n in range(12):
                put(truth, f"k{n % 4}", f"kangaroo {n}")
                if n % 4 == 3:
                    caches.flush(three.generation, truth, final=True)
        for _ in range(2):
            rebuild(three, *TEXTS, "kangaroo")
        done.set()
        for thread in threads:
            thread.join()
    assert failures == []


def test_a_closed_store_says_so(three: Collection) -> None:
    store = Store(three.index)
    store.close()
    store.close()
    rebuild(three, "another generation")
    for use in (
        store.refresh,
        store.status,
        lambda: store.near(vector("a"), 1),
        lambda: store.matching("apples", 1),
        lambda: store.passages([1]),
        lambda: store.article("a"),
        lambda: list(store.articles()),
        lambda: store.note,
        lambda: store.shape,
    ):
        with pytest.raises(CitewiseError, match="was closed"):
            use()


def test_a_store_that_cannot_open_leaves_nothing_open(
    three: Collection, monkeypatch: pytest.MonkeyPatch
) -> None:
    closed: list[Path] = []
    monkeypatch.setattr(Truth, "close", lambda self: closed.append(self.path))
    with three.writing(flush=False) as truth, truth.change():
        truth.set_meta("dim", "many")
    closed.clear()
    with pytest.raises(IndexDamaged, match="'many' for dim"):
        Store(three.index)
    assert closed == [three.database]


def test_the_writer_is_not_disturbed_by_readers(three: Collection) -> None:
    with Store(three.index) as store, three.writing() as truth:
        with pytest.raises(IndexLocked), folder.writing(three.index):
            pass
        put(truth, "d", "kangaroos")
        store.refresh()
        assert isinstance(store.article("d"), Article)


# ---- the words of a question, and how many articles have them


def test_spread_counts_articles_whatever_became_of_the_words(collection: Collection) -> None:
    with collection.writing() as truth:
        put(truth, "a", "Foxes run", "a fox ran", "foxes again")
        put(truth, "b", "the fox and the café")
        put(truth, "c", "zebras")
    question = "Do the foxes of the Cafe fear zebras?"
    expected = [("foxes", 2), ("Cafe", 1), ("fear", 0), ("zebras", 1)]
    with Store(collection.index) as store:
        assert store.spread(question) == expected
        collection.put("d", "zebra", flush=False)  # words/ lags
        collection.remove("a", flush=False)
        store.refresh()
        expected = [("foxes", 1), ("Cafe", 1), ("fear", 0), ("zebras", 2)]
        assert store.spread(question) == expected
    with collection.writing(flush=False):
        shutil.rmtree(collection.words)
        with Store(collection.index) as without:  # the lock is held: it cannot be made again
            assert without.note is not None
            assert without.spread(question) == expected
    with Store(collection.index) as again:
        assert again.spread(question) == expected


def test_spread_counts_at_most_twelve_words(three: Collection) -> None:
    with Store(three.index) as store:
        assert len(store.spread(" ".join(f"word{n}" for n in range(50)))) == 12
        assert store.spread("what is it?") == []


def test_spread_survives_damage_met_on_the_way(three: Collection) -> None:
    with Store(three.index) as store:
        state = store._live.words.state
        assert state is not None and state.base is not None

        def damaged(word: str) -> list[int]:
            raise IndexDamaged("words/ cannot be read")

        state.base.holders = damaged  # type: ignore[method-assign]
        assert store.spread("quick zebras") == [("quick", 1), ("zebras", 1)]
