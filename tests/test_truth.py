"""articles.db: all of a change or none of it, ids that are never used again, readers that only read."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rag.domain import EVERYWHERE, Article, Where
from rag.errors import IndexDamaged, IndexFault, IndexStale
from rag.index import truth as truth_module
from rag.index.database import mend, one_line
from rag.index.truth import Known, Piece, Truth, fingerprint, vector_key
from tests.conftest import article, number, pieces, put, remove, vector


def dump(path: Path) -> list[str]:
    with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as db:
        return list(db.iterdump())


def alter(path: Path, sql: str, *values: object) -> None:
    with closing(sqlite3.connect(path)) as db, db:
        db.execute(sql, values)


# ---- what is stored


def test_an_article_comes_back_as_it_was(truth: Truth) -> None:
    stored = Article(
        "news/a.txt",
        "Title",
        "One.\nTwo.",
        "Paper",
        date(2017, 2, 19),
        "https://example.org/a",
        {"by": "Ann"},
    )
    with truth.change():
        truth.put(stored, "/x/news/a.txt", "/x/news", pieces("One.", "Two."))
    assert truth.article("news/a.txt") == stored
    assert truth.article("news/b.txt") is None
    assert list(truth.stored()) == [(stored, "/x/news/a.txt", "/x/news")]
    assert list(truth.known()) == [Known(1, "news/a.txt", "/x/news/a.txt", "/x/news", fingerprint(stored))]
    assert [p.text for p in truth.passages_of("news/a.txt")] == ["One.", "Two."]
    assert list(truth.passage_texts()) == [(1, "Title", "One."), (2, "Title", "Two.")]
    ids, rows = truth.vectors(26)
    assert ids.tolist() == [1, 2]
    assert np.array_equal(rows, np.stack([vector("One."), vector("Two.")]))
    assert truth.counts() == (1, 2)


def test_an_article_without_day_and_meta_has_none(truth: Truth) -> None:
    put(truth, "a", "One.")
    stored = truth.article("a")
    assert stored is not None
    assert stored.published is None
    assert stored.meta == {}


# Lone surrogates and NUL are not text: rag.text.normalise replaces them.
anything = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=30)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(anything, min_size=1, max_size=4), anything)
def test_unicode_of_every_kind_is_kept(truth: Truth, texts: list[str], title: str) -> None:
    stored = Article("a", title, "\n".join(texts), title, None, title, {title: title})
    above = truth.reach().last_id
    with truth.change():
        truth.put(stored, title, title, pieces(*texts))
    assert truth.article("a") == stored
    assert [p.text for p in truth.passages_of("a")] == texts
    assert [(t, text) for _, t, text in truth.passage_texts(above)] == [(title, text) for text in texts]
    assert [(known.place, known.file) for known in truth.known()] == [(title, title)]
    remove(truth, "a")


def test_a_changed_article_has_its_new_passages_alone(truth: Truth) -> None:
    old = put(truth, "a", "One.", "Two.")
    new = put(truth, "a", "Two.", "Three.")
    assert min(new) > max(old)
    assert truth.passages([*old, *new]).keys() == set(new)
    assert truth.counts() == (1, 2)
    assert truth.removed_since(1) == set(old)
    assert truth.removed_since(2) == set()


def test_a_moved_article_keeps_its_passages(truth: Truth) -> None:
    ids = put(truth, "a", "One.", "Two.")
    with truth.change():
        truth.move(number(truth, "a"), "b", "/new/b", "/new")
    assert truth.article("a") is None
    assert [p.id for p in truth.passages_of("b")] == ids
    assert truth.removed_since(0) == set()
    assert [(k.id, k.place, k.file) for k in truth.known()] == [("b", "/new/b", "/new")]


def test_a_removed_article_is_gone_with_all_that_is_its(truth: Truth) -> None:
    ids = put(truth, "a", "One.", "Two.")
    kept = put(truth, "b", "Three.")
    remove(truth, "a")
    assert truth.passages([*ids, *kept]).keys() == set(kept)
    assert truth.removed_since(0) == set(ids)
    assert truth.counts() == (1, 1)


def test_files_are_remembered_and_forgotten(truth: Truth) -> None:
    for total in ("1", "2"):
        with truth.change():
            truth.remember_file("/a", total)
    assert truth.files() == {"/a": "2"}
    with truth.change():
        truth.remember_file("/a", None)
    assert truth.files() == {}


def test_more_ids_than_one_statement_takes(truth: Truth) -> None:
    ids = put(truth, "a", "One.", "Two.")
    assert truth.passages([*range(100, 3000), *reversed(ids)]).keys() == set(ids)
    assert len(truth.stored_vectors([bytes([i % 256, i // 256]) for i in range(2000)])) == 0


def test_one_article_object_serves_its_passages(truth: Truth) -> None:
    found = truth.passages(put(truth, "a", "One.", "Two."))
    assert len({id(passage.article) for passage in found.values()}) == 1


# ---- ids and vectors


def test_ids_are_not_used_again_after_the_highest_is_removed(path: Path) -> None:
    seen: list[int] = []
    for round in range(3):
        truth = Truth(path, write=True)
        ids = put(truth, "a", "One.", f"Two {round}.")
        assert not set(ids) & set(seen)
        seen += ids
        remove(truth, "a")
        truth.close()
    assert seen == [1, 2, 3, 4, 5, 6]


def test_ids_start_over_those_of_the_generation_before(tmp_path: Path) -> None:
    Truth.create(tmp_path / "next.db", {"uid": "u"}, above=50)
    truth = Truth(tmp_path / "next.db", write=True)
    assert truth.reach().last_id == 50
    assert put(truth, "a", "One.") == [51]
    truth.close()


def n_vectors(truth: Truth) -> int:
    return int(truth.rows("SELECT count(*) FROM vectors")[0][0])


def test_equal_texts_share_a_vector_until_the_last_of_them_goes(truth: Truth) -> None:
    put(truth, "a", "Same.", "Only a.", "Same.")
    put(truth, "b", "Same.")
    assert n_vectors(truth) == 2
    remove(truth, "a")
    assert n_vectors(truth) == 1
    assert truth.vectors(26)[1].tolist() == [vector("Same.").tolist()]
    put(truth, "b", "Other.")
    assert list(truth.stored_vectors([vector_key("letters", "Same."), vector_key("letters", "Other.")])) == [
        vector_key("letters", "Other.")
    ]
    remove(truth, "b")
    assert n_vectors(truth) == 0


def test_a_vector_that_is_kept_is_found_by_its_key(truth: Truth) -> None:
    (piece,) = pieces("One.")
    put(truth, "a", "One.")
    assert truth.stored_vectors([piece.key, b"?"]) == {piece.key: piece.vector}


def test_the_key_of_a_vector_depends_on_embedder_and_text() -> None:
    keys = {vector_key(*pair) for pair in (("a", "b"), ("a", "c"), ("b", "b"), ("ab", ""))}
    assert len(keys) == 4


def test_the_fingerprint_is_of_what_an_article_says() -> None:
    said = Article("a", "Title", "Text", "Paper", date(2017, 1, 1), "url", {"k": "v"})
    others = [
        replace(said, title="Other"),
        replace(said, text="Other"),
        replace(said, source="Other"),
        replace(said, published=None),
        replace(said, url="other"),
        replace(said, meta={"k": "w"}),
    ]
    assert fingerprint(replace(said, id="b")) == fingerprint(said)
    assert len({fingerprint(a) for a in [said, *others]}) == 7


# ---- all or nothing

CHANGES: dict[str, Callable[[Truth], None]] = {
    "put a new one": lambda t: t.put(article("c", "Three."), "c", "c", pieces("Three.")),
    "put over an old one": lambda t: t.put(article("a", "Four."), "a", "a", pieces("Four.")),
    "move": lambda t: t.move(1, "z", "z", "z"),
    "remove": lambda t: t.remove(1),
    "remember a file": lambda t: t.remember_file("/f", "2"),
    "set a fact": lambda t: t.set_meta("whole", "yes"),
}


@pytest.mark.parametrize("kind", CHANGES)
def test_what_fails_leaves_nothing_behind(truth: Truth, path: Path, kind: str) -> None:
    put(truth, "a", "One.", "Same.")
    put(truth, "b", "Same.")
    before = dump(path)
    with pytest.raises(KeyboardInterrupt), truth.change():
        CHANGES[kind](truth)
        raise KeyboardInterrupt
    assert dump(path) == before
    with truth.change():
        CHANGES[kind](truth)
    assert dump(path) != before


def test_a_change_that_contradicts_itself_is_not_made(truth: Truth, path: Path) -> None:
    put(truth, "a", "One.")
    before = dump(path)
    with pytest.raises(IndexFault, match="contradicts what is stored"), truth.change():
        truth.put(article("a", "Two."), "elsewhere", "elsewhere", pieces("Two."))
    assert dump(path) == before


def test_a_full_disk_is_said_and_leaves_what_was(truth: Truth, path: Path) -> None:
    put(truth, "a", "One.")
    truth.checkpoint()
    before = dump(path)
    truth.rows(f"PRAGMA max_page_count = {truth.rows('PRAGMA page_count')[0][0]}")
    with pytest.raises(IndexFault, match="disk is full") as raised:
        put(truth, "b", "Long " * 20_000)
    assert "Free some space" in raised.value.hint
    assert str(path) in raised.value.message
    assert dump(path) == before
    truth.rows("PRAGMA max_page_count = 1000000")
    assert put(truth, "b", "Two.") == [2]


def test_every_change_has_its_number(truth: Truth) -> None:
    assert truth.seq() == 0
    put(truth, "a", "One.")
    remove(truth, "a")
    assert truth.seq() == 2
    with pytest.raises(RuntimeError), truth.change():
        raise RuntimeError
    assert truth.seq() == 2


def test_every_run_gives_its_changes_a_name_of_its_own(path: Path) -> None:
    names: list[str] = []
    for _ in range(2):
        truth = Truth(path, write=True)
        with pytest.raises(RuntimeError), truth.change():
            raise RuntimeError
        for text in ("One.", "Two."):
            put(truth, "a", text)
            names.append(truth.reach().uid)
        truth.close()
    truth = Truth(path)
    assert [truth.uid(seq) for seq in range(1, 5)] == names
    assert names[0] == names[1] != names[2] == names[3]
    assert truth.uid(0) == truth.meta("uid") == "u"
    assert truth.uid(99) == truth.reach().uid == names[3]
    truth.close()


# ---- reading beside a writer


def test_a_snapshot_sees_one_state(truth: Truth, reader: Truth) -> None:
    put(truth, "a", "One.")
    with reader.snapshot():
        before = reader.reach()
        put(truth, "b", "Two.")
        with reader.snapshot():
            assert reader.reach() == before
        assert reader.counts() == (1, 1)
    assert reader.counts() == (2, 2)
    assert reader.reach() != before


def test_a_stream_sees_the_state_that_it_began_in(truth: Truth, reader: Truth) -> None:
    for n in range(3):
        put(truth, f"a{n}", *(f"Passage {n} {i}." for i in range(400)))
    texts = reader.passage_texts()
    next(texts)
    remove(truth, "a2")
    assert len(list(texts)) == 1199
    assert len(list(reader.passage_texts())) == 800


def test_a_text_is_read_once_however_many_passages_it_has(truth: Truth) -> None:
    for name in ("a", "b"):
        put(truth, name, *(f"Passage {i} of {name}." for i in range(300)))
    put(truth, "a", "Passage 7 of a.", "Passage 299 of a.", "One more of a.")  # the first two keep their ids
    rows = list(truth.stream(truth_module._TEXTS, (0, 0)))
    assert [row[4] is not None for row in rows].count(True) <= 4
    texts = {f"Passage {i} of b." for i in range(300)} | {
        "Passage 7 of a.",
        "Passage 299 of a.",
        "One more of a.",
    }
    assert sorted(text for _, _, text in truth.passage_texts()) == sorted(texts)
    assert [text for _, _, text in truth.passage_texts(rows[-2][0])] == ["One more of a."]


def test_the_version_changes_with_the_commits_of_others(truth: Truth, reader: Truth) -> None:
    before = reader.version()
    assert reader.version() == before
    put(truth, "a", "One.")
    assert reader.version() != before


def test_an_article_that_goes_while_all_are_listed_is_left_out(truth: Truth, reader: Truth) -> None:
    for id in "abc":
        put(truth, id, f"About {id}.")
    listed = reader.stored()
    assert next(listed)[0].id == "a"
    remove(truth, "b")
    assert [stored.id for stored, _, _ in listed] == ["c"]


def test_a_reader_cannot_write(truth: Truth, reader: Truth, path: Path) -> None:
    put(truth, "a", "One.")
    before = dump(path)
    for kind in CHANGES.values():
        with pytest.raises(IndexFault, match="readonly"), reader.change():
            kind(reader)
    assert dump(path) == before
    assert reader.rows("PRAGMA query_only") == [(1,)]


def test_a_reader_leaves_the_log_as_it_is(path: Path) -> None:
    log = path.with_name(path.name + "-wal")
    truth = Truth(path, write=True)
    put(truth, "a", "One.")
    reader = Truth(path)
    assert reader.counts() == (1, 1)
    truth.close()  # the reader holds it open, so the log stays
    before = path.read_bytes(), log.read_bytes()
    assert before[1]
    reader.counts()
    reader.close()
    assert (path.read_bytes(), log.read_bytes()) == before
    again = Truth(path)
    assert again.counts() == (1, 1)
    again.close()


def test_the_writer_takes_the_log_with_it(truth: Truth, path: Path) -> None:
    put(truth, "a", "One.")
    truth.checkpoint()
    assert b"One." in path.read_bytes()
    truth.close()
    assert not path.with_name(path.name + "-wal").exists()


def test_threads_read_whole_articles_while_one_is_written(truth: Truth, reader: Truth) -> None:
    put(truth, "a", *["w0"] * 5)
    failures: list[BaseException] = []
    done = threading.Event()

    def read() -> None:
        try:
            while not done.is_set():
                with reader.snapshot():
                    found = reader.passages([row[0] for row in reader.passage_texts()])
                assert len(found) == 5
                assert len({passage.text for passage in found.values()}) == 1
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=read) for _ in range(8)]
    for thread in threads:
        thread.start()
    for n in range(1, 30):
        put(truth, "a", *[f"w{n}"] * 5)
    done.set()
    for thread in threads:
        thread.join()
    assert failures == []


def test_a_closed_one_says_so(path: Path) -> None:
    truth = Truth(path)
    truth.close()
    truth.close()
    with pytest.raises(IndexFault, match="was closed"):
        truth.counts()


# ---- filters


@pytest.mark.parametrize(
    ("where", "expected"),
    [
        (Where(sources=("Le Monde",)), [1]),
        (Where(sources=("Le Monde", "Times")), [1, 2, 3]),
        (Where(articles=("b", "d")), [2, 3, 4]),
        (Where(since=date(2017, 2, 19)), [2, 3]),
        (Where(until=date(2017, 2, 19)), [1, 2, 3]),
        (Where(since=date(2017, 2, 18), until=date(2017, 2, 18)), [1]),
        (Where(sources=("Times",), until=date(2017, 2, 18)), []),
        (Where(sources=("'; DROP TABLE articles; --", "\ud800")), []),
    ],
)
def test_a_filter_admits_what_it_says(truth: Truth, where: Where, expected: list[int]) -> None:
    put(truth, "a", "One.", source="Le Monde", published=date(2017, 2, 18))
    put(truth, "b", "Two.", "Three.", source="Times", published=date(2017, 2, 19))
    put(truth, "d", "Four.")
    allowed = truth.allowed(where)
    assert allowed is not None
    assert allowed.tolist() == expected
    assert truth.allowed(EVERYWHERE) is None


# ---- what is not ours, or not whole


@pytest.mark.parametrize("found", ["0", "2", "99", "", "new"])
def test_another_format_is_refused_with_both_numbers(path: Path, found: str) -> None:
    alter(path, "UPDATE meta SET value = ? WHERE key = 'format'", found)
    with pytest.raises(IndexStale, match=f"format {found or 'none'}; this Citewise reads format 1"):
        Truth(path)


@pytest.mark.parametrize("data", [b"", b"garbage" * 1000, b"SQLite format 3\0" + b"\xff" * 5000])
@pytest.mark.parametrize("write", [False, True])
def test_a_file_that_is_no_index_is_said_to_be_damaged(tmp_path: Path, data: bytes, write: bool) -> None:
    path = tmp_path / "articles.db"
    path.write_bytes(data)
    with pytest.raises(IndexDamaged, match=r"articles\.db") as raised:
        Truth(path, write=write)
    assert "backup" in raised.value.hint
    assert path.read_bytes() == data


def test_a_file_cut_short_is_said_to_be_damaged(truth: Truth, path: Path) -> None:
    put(truth, "a", *(f"Passage {n}." for n in range(200)))
    truth.close()
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(IndexDamaged):
        list(Truth(path).passage_texts())


def test_a_missing_file_is_said(tmp_path: Path) -> None:
    with pytest.raises(IndexFault, match=r"none\.db"):
        Truth(tmp_path / "none.db")
    with pytest.raises(IndexFault, match=r"none\.db"):
        Truth(tmp_path / "none.db", write=True)
    assert not (tmp_path / "none.db").exists()


def test_one_that_cannot_be_made_is_said(tmp_path: Path) -> None:
    with pytest.raises(IndexFault, match="no/folder"):
        Truth.create(tmp_path / "no" / "folder" / "articles.db", {})


def test_one_is_made_whole_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "articles.db"
    with closing(sqlite3.connect(path)) as db:
        db.execute("CREATE TABLE removed (id)")  # the last table but one of ours
    with pytest.raises(IndexFault):
        Truth.create(path, {"uid": "u"})
    assert dump(path) == ["BEGIN TRANSACTION;", "CREATE TABLE removed (id);", "COMMIT;"]


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("UPDATE articles SET meta = '{'", "article 'a'"),
        ("UPDATE articles SET published = 'yesterday'", "article 'a'"),
        ('UPDATE passages SET "end" = 999', "passage 0:999 lies outside article 'a'"),
        ("UPDATE passages SET article = 999", "no article for passage 1"),
        ("UPDATE articles SET text = CAST(x'ff' AS TEXT)", "UTF-8"),
    ],
)
def test_a_damaged_row_is_said_and_not_answered_from(path: Path, sql: str, expected: str) -> None:
    truth = Truth(path, write=True)
    put(truth, "a", "One.")
    truth.close()
    alter(path, sql)
    reader = Truth(path)
    with pytest.raises(IndexDamaged, match=expected):
        reader.passages([1])
    reader.close()


def test_a_vector_of_another_length_is_said(truth: Truth) -> None:
    with truth.change():
        truth.put(article("a", "One."), "a", "a", [Piece(0, 4, b"key", b"\0" * 50)])
    with pytest.raises(IndexDamaged, match="26 float16"):
        truth.vectors(26)


@pytest.mark.parametrize("key", ["seq", "dim"])
def test_a_fact_that_is_no_number_is_said(truth: Truth, key: str) -> None:
    with truth.change():
        truth.set_meta(key, "many")
    with pytest.raises(IndexDamaged, match=f"'many' for {key}"):
        truth.number(key)
    assert truth.number("format") == 1


def test_counts_are_kept_and_the_doctor_holds_them_against_the_tables(truth: Truth) -> None:
    put(truth, "a", "one", "two")
    put(truth, "b", "three")
    put(truth, "a", "one")
    assert truth.counts() == truth.counted() == (2, 2)
    remove(truth, "b")
    assert truth.counts() == truth.counted() == (1, 1)
    with truth.change():
        truth.set_meta("n passages", "7")
    assert truth.counts() != truth.counted()
    with truth.change():
        truth.run("DELETE FROM meta WHERE key LIKE 'n %'", ())
    assert truth.counts() == (1, 1), "an older Citewise kept none"


def damaged(truth: Truth, sql: str) -> Truth:
    put(truth, "a", "One.")
    truth.close()
    alter(truth.path, sql)
    return Truth(truth.path)


def test_a_row_that_is_lost_is_damage_and_no_fault_of_ours(truth: Truth) -> None:
    with closing(damaged(truth, "DELETE FROM sqlite_sequence")) as lost:
        with pytest.raises(IndexDamaged, match="has lost a row that every index has") as raised:
            lost.reach()
        assert "citewise doctor --repair" in raised.value.hint


def test_a_last_passage_that_is_no_number_is_damage(truth: Truth) -> None:
    sql = "UPDATE sqlite_sequence SET seq = 'x' WHERE name = 'passages'"
    with closing(damaged(truth, sql)) as odd, pytest.raises(IndexDamaged, match="which passage was the last"):
        odd.reach()


def test_a_text_that_cannot_be_decoded_is_not_shown(truth: Truth) -> None:
    sql = "UPDATE articles SET text = CAST(x'2320' || zeroblob(9) || CAST('secret' AS BLOB) || x'ff' AS TEXT)"
    with closing(damaged(truth, sql)) as odd, pytest.raises(IndexDamaged, match="decode") as raised:
        odd.article("a")
    assert "secret" not in raised.value.message
    assert raised.value.message.endswith("Could not decode to UTF-8 column 'text'")


def test_an_error_is_one_short_line() -> None:
    assert one_line(ValueError("one\n two")) == "one two"
    assert len(one_line("x" * 5000)) == 200


def test_what_mends_names_the_index_so_that_it_can_be_pasted(tmp_path: Path) -> None:
    index = tmp_path / "my news"
    assert mend(index / "gen-3" / "articles.db").startswith(
        f"citewise doctor --repair --index '{index}' saves"
    )
    assert "--index DIR" in mend(index / "gen-3" / "articles.db.new"), "a draft goes"


def test_an_empty_file_is_called_empty(tmp_path: Path) -> None:
    (tmp_path / "articles.db").touch()
    with pytest.raises(IndexDamaged, match=r"articles\.db is empty\n"):
        Truth(tmp_path / "articles.db")
