"""words/: BM25 as it is written down, words as people spell them, and no damage that crashes."""

from __future__ import annotations

import json
import math
import random
import shutil
import threading
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rag.errors import IndexDamaged
from rag.index import words
from rag.index.truth import Reach
from rag.index.words import Text, WordIndex, as_written, terms

K1, B = 1.2, 0.75
REACH = Reach("u", 3, 30)


def found(index: WordIndex, question: str, k: int = 10) -> list[int]:
    return [id for id, _ in index.search(terms(question), k)]


def one(text: str, title: str = "") -> WordIndex:
    return words.in_memory([(1, title, text)])


# ---- scores


def bm25(texts: dict[int, list[str]], asked: list[str]) -> dict[int, float]:
    """Robertson and Zaragoza 2009, formula 3.15, with the idf that is never negative."""
    n, average = len(texts), sum(map(len, texts.values())) / len(texts)
    scores: dict[int, float] = {}
    for word in asked:
        holders = [id for id, text in texts.items() if word in text]
        idf = math.log(1 + (n - len(holders) + 0.5) / (len(holders) + 0.5))
        for id in holders:
            count = Counter(texts[id])[word]
            long = 1 - B + B * len(texts[id]) / average
            scores[id] = scores.get(id, 0.0) + idf * count * (K1 + 1) / (count + K1 * long)
    return scores


# Words that stemming leaves alone; at most 40 a passage, since tantivy rounds greater lengths.
lexicon = ["kiwi", "plum", "fig", "pear", "melon", "mango"]
collections = st.lists(st.lists(st.sampled_from(lexicon), min_size=1, max_size=40), min_size=1, max_size=12)


@settings(max_examples=30, deadline=None)
@given(
    collections, st.lists(st.sampled_from(lexicon), min_size=1, max_size=4, unique=True), st.integers(1, 14)
)
def test_scores_are_those_of_bm25(lists: list[list[str]], asked: list[str], k: int) -> None:
    texts = dict(enumerate(lists, start=1))
    index = words.in_memory((id, text[0], " ".join(text[1:])) for id, text in texts.items())
    expected = bm25(texts, asked)
    hits = index.search(asked, k)
    assert len(hits) == min(k, len(expected))
    for (id, score), best in zip(hits, sorted(expected.values(), reverse=True), strict=False):
        assert score == pytest.approx(expected[id], rel=1e-5)
        assert score == pytest.approx(best, rel=1e-5)
    assert hits == sorted(hits, key=lambda hit: (-hit[1], hit[0]))


def test_ties_beyond_those_fetched_are_settled_by_id() -> None:
    index = words.in_memory((id, "", f"climate n{id}") for id in range(2000, 0, -1))
    assert found(index, "climate", 5) == [1, 2, 3, 4, 5]
    assert [id for id, _ in index.search(["climat"], 3, only={1999, 7, 500, 2})] == [2, 7, 500]


def test_a_filter_is_not_hidden_by_better_hits() -> None:
    index = words.in_memory(
        [*((id, "", "climate climate") for id in range(1, 500)), (500, "", "climate of old")]
    )
    assert [id for id, _ in index.search(["climat"], 3, only={500, 900})] == [500]
    assert index.search(["climat"], 3, only=set()) == []


# ---- words


@pytest.mark.parametrize(
    ("text", "question"),
    [
        ("The attack failed.", "attacks"),
        ("The attacks failed.", "Who attacked?"),
        ("Elections were held", "the election"),
        ("François Fillon", "Francois"),
        ("Francois Fillon", "FRANÇOIS"),
        ("Zürich and Łódź", "lodz zurich"),
        ("STRAẞE, Straße", "strasse"),
        ("Merkel's party", "Merkel"),
        ("the e-mail server", "e mail"),
        ("In 2017, 39%", "2017"),
        ("Россия", "россия"),
        ("well-known", "WELL"),
    ],
)
def test_a_word_is_found_however_it_is_written(text: str, question: str) -> None:
    assert found(one(text), question) == [1]
    assert found(one("Nothing.", title=text), question) == [1]


@pytest.mark.parametrize(("text", "question"), [("attack", "attic"), ("cat", "ca"), ("x" * 100, "x" * 100)])
def test_another_word_is_not(text: str, question: str) -> None:
    assert found(one(text), question) == []


def test_the_words_of_a_question_are_those_it_asks_about() -> None:
    assert terms("Who did Ayrault say Russia prefers, and what did Russia say?") == [
        "ayrault",
        "say",
        "russia",
        "prefer",
    ]
    assert terms("What is it?") == terms("WHO ARE YOU?") == terms("?!") == terms("") == []
    assert terms("Who's that? It’s") == []


def test_stop_words_count_in_articles_and_not_in_questions() -> None:
    """So that the length of an article is its own, and "the" alone asks for nothing."""
    index = words.in_memory([(1, "", "the who concert"), (2, "", "the concert")])
    assert found(index, "the who") == []
    assert found(index, "who concert") == [2, 1]


@pytest.mark.parametrize(
    "question", ['"', "a:b", "title:(", "+-!^~*?[]{}\\/", "AND OR NOT", "id:0 stamp:*", "\0"]
)
def test_no_sign_in_a_question_is_a_command(question: str) -> None:
    index = words.in_memory([(1, "", "a b title id stamp")])
    assert set(found(index, question)) <= {1}


def test_nothing_is_found_for_nothing() -> None:
    index = one("Some words.")
    assert index.search([], 5) == []
    assert index.search(["word"], 0) == []
    assert words.in_memory([]).search(["word"], 5) == []


# ---- the folder


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "words"
    words.create(made, texts(range(1, 31)), REACH)
    return made


def texts(ids: range) -> list[Text]:
    return [(id, f"Title {id}", f"senate reform number {id} of group{id % 5}") for id in ids]


def test_what_was_written_is_there_when_opened(folder: Path) -> None:
    index = words.load(folder)
    assert index.reach == REACH
    assert index.ids() == list(range(1, 31))
    assert found(index, "group3") == [3, 8, 13, 18, 23, 28]
    assert found(index, "title 17") == [17, *(id for id in range(1, 11) if id != 17)][:10]


def test_the_stamp_is_never_found(folder: Path) -> None:
    index = words.load(folder)
    for question in ("u", "reach uid seq last_id", json.dumps("u"), "0", "3 30"):
        assert 0 not in [id for id, _ in index.search(question.split(), 100)]
    assert 0 not in index.ids()
    assert len(index.search(["senat"], 100)) == 30


def test_additions_removals_and_the_stamp_arrive_together(folder: Path) -> None:
    index = words.load(folder)
    index.add(texts(range(31, 41)), dead=[2, 3, 99], reach=Reach("u", 9, 40))
    for seen in (index, words.load(folder)):
        assert seen.reach == Reach("u", 9, 40)
        assert seen.ids() == [1, *range(4, 41)]
        assert found(seen, "group3") == [8, 13, 18, 23, 28, 33, 38]


def test_an_addition_that_fails_changes_nothing(folder: Path) -> None:
    def failing():
        yield from texts(range(31, 35))
        raise RuntimeError("the truth could not be read")

    index = words.load(folder)
    with pytest.raises(RuntimeError):
        index.add(failing(), dead=[1], reach=Reach("u", 9, 40))
    for seen in (index, words.load(folder)):
        assert seen.reach == REACH
        assert seen.ids() == list(range(1, 31))
    index.add(texts(range(31, 35)), reach=Reach("u", 9, 34))
    assert len(words.load(folder).ids()) == 34


def test_many_commits_are_merged_and_nothing_is_lost(folder: Path) -> None:
    for n in range(31, 61):
        words.load(folder).add(texts(range(n, n + 1)), dead=[n - 30], reach=Reach("u", n, n))
    index = words.load(folder)
    assert index.ids() == list(range(31, 61))
    assert found(index, "senate", 3) == [31, 32, 33]
    assert len(list(folder.glob("*.term"))) < 30
    words.check_sum(folder)


def test_an_open_index_outlives_its_folder(folder: Path) -> None:
    index = words.load(folder)
    words.create(folder, texts(range(5)), Reach("other", 1, 5))
    assert found(index, "group3") == [3, 8, 13, 18, 23, 28]
    shutil.rmtree(folder, ignore_errors=True)  # an index that is being let go may still lock it
    assert found(index, "group3") == [3, 8, 13, 18, 23, 28]


def test_searching_while_another_thread_adds(folder: Path) -> None:
    """Each hit is a passage that holds the word: addresses of one state are not looked up in another."""
    index, done, wrong = words.load(folder), threading.Event(), []

    def search() -> None:
        while not done.is_set():
            wrong.extend(id for id in found(index, "group3", 50) if id % 5 != 3)

    threads = [threading.Thread(target=search) for _ in range(4)]
    for thread in threads:
        thread.start()
    for n in range(31, 51):
        index.add(texts(range(n, n + 1)), dead=[n - 30], reach=Reach("u", n, n))
    done.set()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_everyone_may_read_it_who_may_read_its_folder(folder: Path) -> None:
    folder.chmod(0o755)
    words.load(folder).add([], reach=Reach("u", 4, 30))
    assert {path.stat().st_mode & 0o044 for path in folder.iterdir()} == {0o044}
    folder.chmod(0o700)
    words.load(folder).add([], reach=Reach("u", 5, 30))
    assert (folder / "meta.json").stat().st_mode & 0o077 == 0


def test_what_may_not_be_written_is_read_from_a_copy(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(words.os, "access", lambda path, mode: False)
    for lock in folder.glob("*.lock"):
        lock.unlink()
    before = {path.name: path.stat().st_mtime_ns for path in folder.iterdir()}
    index = words.load(folder)
    assert index.reach == REACH
    assert found(index, "group3") == [3, 8, 13, 18, 23, 28]
    assert {path.name: path.stat().st_mtime_ns for path in folder.iterdir()} == before


# ---- damage


def states(data: bytes) -> dict[str, bytes | None]:
    """What may have become of a file's bytes; None is that it is gone."""
    return {
        "deleted": None,
        "empty": b"",
        "half": data[: len(data) // 2],
        "short": data[:-1],
        "random": random.Random(0).randbytes(len(data)),
        "longer": data + b"x" * 50,
    }


@pytest.mark.parametrize("state", states(b""))
def test_a_damaged_file_is_said_or_does_no_harm(folder: Path, tmp_path: Path, state: str) -> None:
    expected = words.load(folder).search(terms("senate group3"), 10)
    seen = 0
    for path in sorted(folder.iterdir()):
        copy = tmp_path / path.name
        shutil.copytree(folder, copy)
        data = states(path.read_bytes())[state]
        (copy / path.name).unlink() if data is None else (copy / path.name).write_bytes(data)
        try:
            index = words.load(copy)
            assert index.search(terms("senate group3"), 10) == expected
            assert index.ids() == list(range(1, 31))
        except IndexDamaged as error:
            assert str(copy) in error.message
            assert "citewise index makes it again" in error.hint
            seen += 1
    assert seen >= 6


def test_a_flipped_bit_never_crashes(folder: Path, tmp_path: Path) -> None:
    """tantivy panics at many of them, with what is no Exception in Python; others give ids that are none."""
    causes: Counter[str] = Counter()
    for path in sorted(folder.glob("[0-9a-f]*.*")):
        data = path.read_bytes()
        for position in range(0, len(data) - 95, 9):
            copy = tmp_path / f"{path.name}-{position}"
            shutil.copytree(folder, copy)
            (copy / path.name).write_bytes(
                data[:position] + bytes([data[position] ^ 0x80]) + data[position + 1 :]
            )
            try:
                words.load(copy).search(terms("senate group3"), 10)
            except IndexDamaged as error:
                causes[type(error.__cause__).__name__] += 1
            shutil.rmtree(copy, ignore_errors=True)  # a thread of a tantivy that panicked may still lock it
    assert causes["PanicException"] >= 5
    assert causes["TypeError"] >= 1


def test_no_word_folder_is_damage(tmp_path: Path, folder: Path) -> None:
    with pytest.raises(IndexDamaged, match="is missing"):
        words.load(tmp_path / "none")
    (tmp_path / "empty").mkdir()
    with pytest.raises(IndexDamaged, match="cannot be read"):
        words.load(tmp_path / "empty")
    words.create(tmp_path / "empty", texts(range(1, 4)), REACH)
    assert words.load(tmp_path / "empty").ids() == [1, 2, 3]


@pytest.mark.parametrize("stamp", [[], ['{"uid": "u"}'], ["?"], ['{"uid": "u", "seq": 1, "last_id": 1}'] * 2])
def test_a_stamp_that_cannot_be_read_is_damage(folder: Path, stamp: list[str]) -> None:
    index = words.load(folder)
    index.add([], dead=[0])
    writer = index._index.writer(heap_size=15_000_000, num_threads=1)
    for value in stamp:
        writer.add_document(words._document(0, stamp=[value]))
    writer.commit()
    writer.wait_merging_threads()
    with pytest.raises(IndexDamaged):
        words.load(folder)


def test_the_sum_finds_a_flipped_bit_in_any_segment(folder: Path) -> None:
    words.load(folder).add(texts(range(31, 33)), dead=[2], reach=Reach("u", 4, 32))
    words.check_sum(folder)
    for path in sorted(folder.glob("[0-9a-f]*.*")):
        data = path.read_bytes()
        path.write_bytes(bytes([data[0] ^ 1]) + data[1:])
        with pytest.raises(IndexDamaged, match=f"{path.name} has changed"):
            words.check_sum(folder)
        path.write_bytes(data)
    words.check_sum(folder)


# ---- which words, and who has them


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        ("Who denounced the cyber-attacks in Paris?", "denounced cyber attacks Paris"),
        ("Attacks, attacked: the ATTACK", "Attacks"),  # each stem once, as written first
        ("Why didn’t Ayrault's men win? They're French.", "Ayrault men win French"),
        ("l'École de François", "l École de François"),
        ("what is it that they have", ""),
        ("東京タワー 2017", "東京タワー 2017"),
    ],
)
def test_words_of_a_question_as_they_are_written(question: str, expected: str) -> None:
    assert [word for word, _ in as_written(question)] == expected.split()


@given(st.text(alphabet="aeo'’st -.,\u0301éßİıŁ東ก0", max_size=30))
def test_each_word_as_written_has_a_stem_that_is_searched_for(question: str) -> None:
    found = as_written(question)
    assert [stem for _, stem in found if stem not in terms(question)] == []
    assert all(word in question for word, _ in found)


def test_holders_are_all_that_have_a_word_and_are_not_deleted() -> None:
    index = words.in_memory((id, "Climate" if id % 2 else "", f"n{id}") for id in range(1, 1001))
    ids, n = index.holders("climat")
    assert (sorted(ids), n) == (list(range(1, 1001, 2)), 500)
    assert index.holders("climate") == index.holders("none") == ([], 0)
    index.add([(1001, "", "climates")], dead=range(1, 1000))
    assert index.holders("climat") == ([1001], 1)


def test_of_a_frequent_word_some_holders_are_named_and_all_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(words, "N_HELD", 10)
    ids, n = words.in_memory((id, "", "climate") for id in range(1, 101)).holders("climat")
    assert (len(ids), n) == (10, 100)


@pytest.mark.parametrize("few", [0, 1_000])
def test_a_filter_leaves_the_same_hits_however_it_is_kept(monkeypatch: pytest.MonkeyPatch, few: int) -> None:
    monkeypatch.setattr(words, "_FEW", few)
    texts = [(id, f"title {id % 7}", f"climate {'policy ' * (id % 5)} n{id}") for id in range(1, 600)]
    index = words.in_memory(texts)
    for only in ({3}, set(range(1, 600, 9)), set()):
        everything = [hit for hit in index.search(["climat", "polici"], 10_000) if hit[0] in only]
        found = index.search(["climat", "polici"], 20, only)
        assert found == [(id, pytest.approx(score)) for id, score in everything[:20]]
