"""Bringing an index in step: what is new, changed, moved, gone, unchanged; and that nothing is lost on the way."""

from __future__ import annotations

import json
import os
import sqlite3
import tarfile
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import ingest
from ingest import planning, read, sync
from ingest.plan import Plan
from ingest.summary import if_cut, sentence
from ingest.sync import Summary
from rag.domain import Vectors
from rag.errors import CorpusError, IndexLocked, IndexStale, RemovalRefused, SettingsError
from rag.index import folder
from rag.index.truth import Truth
from rag.store import Store
from rag.upkeep import doctor
from tests.fakes import LetterEmbedder

TOKENS = 40


class Place:
    """A folder of articles and an index of it."""

    def __init__(self, home: Path) -> None:
        self.home, self.index, self.corpus = home, home / "index", home / "corpus"
        self.corpus.mkdir()
        self.embedder = LetterEmbedder()

    def write(self, name: str, text: str) -> Path:
        path = self.corpus / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return path

    def lines(self, name: str, *articles: dict[str, object]) -> Path:
        return self.write(name, "".join(json.dumps(article) + "\n" for article in articles))

    def sync(self, *paths: Path | str, **options: Any) -> Summary:
        self.embedder.embedded.clear()
        return sync.index(paths or [self.corpus], self.index, self.embedder, TOKENS, **options)

    def articles(self) -> dict[str, str]:
        with Store(self.index) as store:
            return {article.id: article.text for article in store.articles()}

    def passage_ids(self) -> dict[str, list[int]]:
        found: dict[str, list[int]] = {}
        with closing(sqlite3.connect(folder.live(self.index) / folder.DATABASE)) as db:
            for id, passage in db.execute(
                "SELECT a.id, p.id FROM passages p JOIN articles a ON a.n = p.article"
            ):
                found.setdefault(id, []).append(passage)
        return found


@pytest.fixture
def place(tmp_path: Path) -> Place:
    made = Place(tmp_path)
    for n, word in enumerate(("apple", "berry", "cherry", "date", "elder"), start=1):
        made.write(f"{word}.txt", f"Article {n} is about the {word}. The {word} is a fruit.")
    return made


@pytest.fixture
def spills(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a run hold what arrives on disk, as one over a large collection does."""
    monkeypatch.setattr(planning, "HOLD_CHARS", 0)


def counts(summary: Summary) -> tuple[int, int, int, int, int]:
    return summary.new, summary.changed, summary.moved, summary.removed, summary.unchanged


def test_a_first_run_stores_all_and_a_second_embeds_nothing(place: Place) -> None:
    first = place.sync()
    assert counts(first) == (5, 0, 0, 0, 0)
    assert first.articles == 5
    assert first.passages == first.passages_embedded == 5
    second = place.sync()
    assert counts(second) == (0, 0, 0, 0, 5)
    assert place.embedder.embedded == []
    assert list(doctor.faults(place.index)) == []


def test_a_touched_file_is_unchanged(place: Place) -> None:
    place.sync()
    os.utime(place.corpus / "apple.txt", (1, 1))
    assert counts(place.sync()) == (0, 0, 0, 0, 5)


def test_a_changed_article_is_replaced_whole_and_what_stayed_is_not_embedded_again(place: Place) -> None:
    long = ["Alpha beta gamma delta. " * 8, "Epsilon zeta eta theta. " * 8]
    place.write("long.md", "---\ntitle: Greek\n---\n" + "\n\n".join(long))
    place.sync()
    before = place.passage_ids()["long.md"]
    place.write("long.md", "---\ntitle: Greek\n---\n" + "\n\n".join([long[0], "Iota kappa. " * 8]))
    changed = place.sync()
    assert counts(changed) == (0, 1, 0, 0, 5)
    assert changed.passages_embedded == 1
    assert "Iota" in place.articles()["long.md"]
    assert "Epsilon" not in place.articles()["long.md"]
    assert not set(before) & set(place.passage_ids()["long.md"]), "a changed article's passages get new ids"


def test_a_moved_file_keeps_its_passages_and_embeds_nothing(place: Place) -> None:
    place.sync()
    before = place.passage_ids()
    (place.corpus / "sub").mkdir()
    (place.corpus / "apple.txt").rename(place.corpus / "sub" / "pomme.txt")
    moved = place.sync()
    assert counts(moved) == (0, 0, 1, 0, 4)
    assert moved.passages_embedded == 0
    after = place.passage_ids()
    assert after["sub/pomme.txt"] == before["apple.txt"]
    assert "apple.txt" not in after


def test_a_removed_file_goes_and_its_ids_are_never_used_again(place: Place) -> None:
    place.sync()
    last = place.passage_ids()["elder.txt"]
    (place.corpus / "elder.txt").unlink()
    assert counts(place.sync()) == (0, 0, 0, 1, 4)
    place.write("fig.txt", "The fig is a fruit.")
    place.sync()
    assert min(place.passage_ids()["fig.txt"]) > max(last)


def test_only_what_lies_under_the_paths_can_be_removed(place: Place) -> None:
    other = place.home / "other"
    other.mkdir()
    (other / "x.txt").write_text("Elsewhere there is an article.")
    (other / "y.txt").write_text("And another one.")
    place.sync()
    assert counts(place.sync(other)) == (2, 0, 0, 0, 0)
    (place.corpus / "apple.txt").unlink()
    (other / "x.txt").unlink()
    assert counts(place.sync(other)) == (0, 0, 0, 1, 1)
    assert "apple.txt" in place.articles()
    assert counts(place.sync()) == (0, 0, 0, 1, 4)


def test_a_folder_within_a_folder_that_is_known_keeps_its_ids(place: Place) -> None:
    place.write("sub/inner.txt", "An inner article.")
    place.sync()
    assert counts(place.sync(place.corpus / "sub")) == (0, 0, 0, 0, 1)
    assert "sub/inner.txt" in place.articles()


def test_equal_names_under_two_paths_are_two_articles(place: Place) -> None:
    other = place.home / "other"
    other.mkdir()
    (other / "apple.txt").write_text("Another apple altogether.")
    place.sync()
    place.sync(other)
    articles = place.articles()
    assert articles["apple.txt"] != articles["apple.txt~2"] == "Another apple altogether."
    assert counts(place.sync(other)) == (0, 0, 0, 0, 1)


def test_a_collection_that_moved_as_a_whole_is_known_again(place: Place) -> None:
    place.sync()
    before = place.passage_ids()
    place.corpus = place.corpus.rename(place.home / "renamed")
    assert counts(place.sync()) == (0, 0, 5, 0, 0)
    assert place.passage_ids() == before


def test_a_copy_is_no_move(place: Place) -> None:
    place.sync()
    place.write("copy.txt", (place.corpus / "apple.txt").read_text())
    assert counts(place.sync()) == (1, 0, 0, 0, 5)
    assert place.embedder.embedded == [], "the same text has the same vector"


def test_two_articles_that_change_names_with_each_other(place: Place) -> None:
    place.sync()
    a, b = place.corpus / "apple.txt", place.corpus / "berry.txt"
    one, two = a.read_text(), b.read_text()
    a.write_text(two)
    b.write_text(one)
    before = place.passage_ids()
    assert counts(place.sync()) == (0, 0, 2, 0, 3)
    assert place.embedder.embedded == []
    assert place.articles()["apple.txt"] == two
    after = place.passage_ids()
    assert (after["apple.txt"], after["berry.txt"]) == (before["berry.txt"], before["apple.txt"])
    assert list(doctor.faults(place.index)) == []


def test_a_bad_line_is_named_and_the_others_are_there(place: Place) -> None:
    rows = [{"id": n, "text": f"Line number {n}."} for n in range(20)]
    path = place.lines("news.jsonl", *rows)
    lines = path.read_text().splitlines()
    lines[16] = '{"id": 16, "text": '
    path.write_text("\n".join(lines))
    summary = place.sync()
    assert summary.new == 5 + 19
    assert [failure.path.rpartition("/")[2] for failure in summary.failed] == ["news.jsonl:17"]
    again = place.sync()
    assert [failure.path for failure in again.failed] == [failure.path for failure in summary.failed]
    assert again.unchanged == 24


def test_a_line_or_a_file_that_failed_is_not_removed(place: Place) -> None:
    path = place.lines("news.jsonl", {"id": "a", "text": "First line."}, {"id": "b", "text": "Second line."})
    place.sync()
    path.write_text('{"id": "a", "text": "First line."}\nnot json\n')
    (place.corpus / "apple.txt").write_bytes(b"\x00\x01\x02" * 50)
    summary = place.sync()
    assert summary.removed == 0
    assert len(summary.failed) == 2
    assert {"news.jsonl#b", "apple.txt"} <= set(place.articles())


def test_other_data_in_a_folder_is_left_out_unless_it_held_articles(place: Place) -> None:
    questions = place.lines("questions.jsonl", {"id": 1, "question": "Why?"}, {"id": 2, "question": "Who?"})
    place.write("README.md", "What lies here.")
    assert place.sync().failed == ()
    assert len(place.articles()) == 5
    assert len(place.sync(questions, place.corpus / "README.md").failed) == 2, "named as paths, they are read"
    assert "README.md" in place.articles()
    news = place.lines("news.jsonl", {"id": 1, "text": "An article."})
    place.sync()
    news.write_text(questions.read_text())
    summary = place.sync()
    assert (summary.removed, len(summary.failed)) == (0, 1)


def test_two_lines_with_one_id_are_one_article_and_one_complaint(place: Place) -> None:
    place.lines("news.jsonl", {"id": 1, "text": "The first."}, {"id": 1, "text": "The second."})
    summary = place.sync()
    assert place.articles()["news.jsonl#1"] == "The first."
    assert len(summary.failed) == 1


def test_to_remove_over_half_wants_yes(place: Place) -> None:
    place.sync()
    for name in ("apple", "berry", "cherry"):
        (place.corpus / f"{name}.txt").unlink()
    with pytest.raises(RemovalRefused, match="3 of the 5"):
        place.sync()
    assert len(place.articles()) == 5
    assert counts(place.sync(yes=True)) == (0, 0, 0, 3, 2)


def test_to_remove_half_does_not(place: Place) -> None:
    (place.corpus / "elder.txt").unlink()
    place.sync()
    for name in ("apple", "berry"):
        (place.corpus / f"{name}.txt").unlink()
    assert place.sync().removed == 2


def test_an_empty_folder_never_empties_its_part_unasked(place: Place) -> None:
    other = place.home / "other"
    other.mkdir()
    (other / "x.txt").write_text("A single article.")
    place.sync(place.corpus, other)
    (other / "x.txt").unlink()
    with pytest.raises(RemovalRefused, match="1 of the 6"):
        place.sync(other)
    assert place.sync(other, yes=True).removed == 1


@pytest.mark.parametrize("name", ["", "picture.png"])
def test_nothing_to_read_is_an_error(place: Place, name: str) -> None:
    empty = place.home / "empty"
    empty.mkdir()
    if name:
        (empty / name).write_bytes(b"\x89PNG")
    with pytest.raises(CorpusError, match="empty"):
        place.sync(empty)


def test_a_path_that_is_not_there_is_an_error(place: Place) -> None:
    with pytest.raises(CorpusError, match="nowhere"):
        place.sync(place.home / "nowhere")


def test_names_with_spaces_accents_and_line_ends(place: Place) -> None:
    for name in ("with space.txt", "été/naïve.txt", "new\nline.txt"):
        place.write(name, f"Something about {name.split('.')[0].split('/')[-1]}.")
    assert place.sync().new == 8
    assert {"with space.txt", "été/naïve.txt", "new\nline.txt"} <= set(place.articles())


def test_another_embedder_is_refused_with_both_names_and_rebuild_mends_it(place: Place) -> None:
    place.sync()
    before = place.passage_ids()
    place.embedder.name = "letters-2"
    with pytest.raises(IndexStale, match=r"letters.*letters-2.*") as caught:
        place.sync()
    assert "--rebuild" in caught.value.hint
    (place.corpus / "apple.txt").unlink()
    summary = place.sync(rebuild=True)
    assert counts(summary) == (0, 0, 0, 1, 4)
    assert folder.live(place.index).name == "gen-2"
    assert min(min(ids) for ids in place.passage_ids().values()) > max(max(ids) for ids in before.values())
    assert list(doctor.faults(place.index)) == []
    assert counts(place.sync()) == (0, 0, 0, 0, 4)


def test_a_second_writer_is_told_who_holds_the_lock(place: Place) -> None:
    place.sync()
    with folder.writing(place.index), pytest.raises(IndexLocked, match=str(os.getpid())):
        place.sync()
    assert counts(place.sync()) == (0, 0, 0, 0, 5)


class Failing(LetterEmbedder):
    """Fails, as if interrupted, at the nth batch."""

    def __init__(self, after: int, error: type[BaseException]) -> None:
        super().__init__()
        self.after, self.error = after, error

    def embed_passages(self, texts: Sequence[str]) -> Vectors:
        self.after -= 1
        if self.after < 0:
            raise self.error
        return super().embed_passages(texts)


@pytest.mark.parametrize("error", [KeyboardInterrupt, MemoryError])
def test_what_was_stored_before_an_interrupt_stays(place: Place, error: type[BaseException]) -> None:
    place.lines("many.jsonl", *({"id": n, "text": f"Number {n} is a number. " * 3} for n in range(400)))
    good = place.embedder
    place.embedder = Failing(4, error)
    with pytest.raises(error):
        place.sync()
    stored = place.articles()
    assert 0 < len(stored) < 405
    assert list(doctor.faults(place.index)) == []
    place.embedder = good
    summary = place.sync()
    assert summary.new == 405 - len(stored)
    assert summary.articles == 405


def test_a_reader_sees_each_article_as_soon_as_it_is_stored(place: Place) -> None:
    place.sync()
    seen: list[int] = []
    with Store(place.index) as store:

        class Looking(sync.Silence):
            def stored(self, n_chars: int, n_passages: int) -> None:
                store.refresh()
                seen.append(len(store.matching("quince", 10)))

        for n in range(3):
            place.write(f"quince{n}.txt", f"Quince number {n}.")
        sync.index([place.corpus], place.index, place.embedder, TOKENS, watcher=Looking())
    assert seen == [1, 2, 3]


@pytest.mark.usefixtures("spills")
def test_a_file_that_changes_while_it_is_read_is_read_again_next_time(place: Place) -> None:
    place.sync()

    class Meddling(sync.Silence):
        def planned(self, plan: object) -> None:
            place.write("fig.txt", "The fig, second version.")

    place.write("fig.txt", "The fig, first version.")
    sync.index([place.corpus], place.index, place.embedder, TOKENS, watcher=Meddling())
    assert place.sync().failed == ()
    assert place.articles()["fig.txt"] == "The fig, second version."


@pytest.mark.usefixtures("spills")
def test_a_file_that_vanishes_after_the_plan_is_stored_as_it_was_read_and_goes_next_time(
    place: Place,
) -> None:
    class Removing(sync.Silence):
        def planned(self, plan: object) -> None:
            (place.corpus / "apple.txt").unlink()

    first = sync.index([place.corpus], place.index, place.embedder, TOKENS, watcher=Removing())
    assert (first.articles, first.failed) == (5, ())
    assert place.sync().removed == 1


def test_a_reader_refuses_to_mix_embedders_when_the_index_is_made_again(place: Place) -> None:
    place.sync()
    with Store(place.index) as store:
        place.embedder.name = "letters-2"
        place.sync(rebuild=True)
        with pytest.raises(IndexStale, match=r"letters-2.*letters"):
            store.refresh()
    with Store(place.index) as store:
        store.refresh()


class Killed(Exception):
    """Stands for a kill at a moment that the test chooses."""


def killing(after: int) -> sync.Silence:
    class Killing(sync.Silence):
        n_left = after

        def stored(self, n_chars: int, n_passages: int) -> None:
            self.n_left -= 1
            if self.n_left == 0:
                raise Killed

    return Killing()


def test_a_run_that_was_cut_short_never_takes_a_file_for_read(place: Place) -> None:
    place.sync()
    old = (place.corpus / "apple.txt").read_text()
    place.write("apple.txt", "Another text for a while.")
    place.write("berry.txt", "And another one.")
    with pytest.raises(Killed):
        sync.index([place.corpus], place.index, place.embedder, TOKENS, watcher=killing(1))
    place.write("apple.txt", old)
    place.sync()
    assert place.articles()["apple.txt"] == old
    assert place.articles()["berry.txt"] == "And another one."


@pytest.mark.parametrize("what", ["remove", "move"])
def test_a_file_that_comes_back_after_a_cut_is_indexed_again(
    place: Place, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    place.sync()
    text = (place.corpus / "apple.txt").read_text()
    if what == "remove":
        (place.corpus / "apple.txt").unlink()
    else:
        (place.corpus / "apple.txt").rename(place.corpus / "pomme.txt")
    with monkeypatch.context() as patch:
        remember = Truth.remember_file
        patch.setattr(
            Truth,
            "remember_file",
            lambda self, path, sum: raise_killed() if sum else remember(self, path, sum),
        )
        place.write("fig.txt", "A fig, so that there is a sum to remember.")
        with pytest.raises(Killed):
            place.sync()
    (place.corpus / "pomme.txt").unlink(missing_ok=True)
    place.write("apple.txt", text)
    place.sync()
    assert place.articles()["apple.txt"] == text
    assert "pomme.txt" not in place.articles()


def raise_killed() -> None:
    raise Killed


@contextmanager
def meddling(before: Callable[[], object], after: Callable[[], object] = lambda: None) -> Iterator[None]:
    """Let something happen to a file between its sum and its reading, and after that."""
    really = read.read

    def meddled(source: read.Source, fields: Any) -> Iterator[Any]:
        if source.path.name != "fig.txt":
            yield from really(source, fields)
            return
        before()
        yield from really(source, fields)
        after()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(read, "read", meddled)
        yield


def test_a_file_that_goes_before_it_is_read_is_a_complaint_and_read_next_time(place: Place) -> None:
    place.sync()
    path, aside = place.write("fig.txt", "The fig is a fruit."), place.home / "aside"
    with meddling(lambda: path.rename(aside)):
        summary = place.sync()
    assert (summary.new, len(summary.failed)) == (0, 1)
    aside.rename(path)
    assert place.sync().new == 1
    assert place.articles()["fig.txt"] == "The fig is a fruit."


def test_a_file_that_was_another_for_a_moment_is_not_taken_for_read(place: Place) -> None:
    path = place.write("fig.txt", "First.")
    with meddling(lambda: path.write_text("For a moment."), lambda: path.write_text("First.")):
        place.sync()
    place.sync()
    assert place.articles()["fig.txt"] == "First."


def test_an_id_that_is_taken_under_another_path_gets_a_number(place: Place) -> None:
    place.write("sub/apple.txt", "The apple below.")
    place.sync(place.corpus / "sub")
    place.sync()
    assert {"apple.txt", "apple.txt~2"} <= set(place.articles())
    assert counts(place.sync()) == (0, 0, 0, 0, 6)


def test_a_line_of_jsonl_and_a_file_are_never_one_place(place: Place) -> None:
    place.lines("a.jsonl", {"id": "b.txt", "text": "A line."})
    place.write("a.jsonl#b.txt", "A file.")
    assert place.sync().new == 7
    assert {"A line.", "A file."} <= set(place.articles().values())


def test_a_path_that_vanished_is_removed_with_yes(place: Place) -> None:
    other = place.home / "other"
    other.mkdir()
    (other / "x.txt").write_text("An article elsewhere.")
    place.sync(place.corpus, other)
    (other / "x.txt").unlink()
    other.rmdir()
    with pytest.raises(RemovalRefused):
        place.sync(other)
    assert place.sync(other, yes=True).removed == 1
    with pytest.raises(CorpusError, match="no such"):
        place.sync(other)


def test_what_was_given_by_name_is_not_removed_by_its_folder(place: Place) -> None:
    readme, hidden = place.write("README.md", "What lies here."), place.write(".hidden.txt", "Under cover.")
    place.sync(readme, hidden)
    place.sync()
    assert {"README.md", ".hidden.txt"} <= set(place.articles())
    readme.unlink()
    assert place.sync().removed == 1


def test_a_chain_of_renames_keeps_all_passages(place: Place) -> None:
    place.sync()
    before = place.passage_ids()
    (place.corpus / "cherry.txt").rename(place.corpus / "fig.txt")
    (place.corpus / "berry.txt").rename(place.corpus / "cherry.txt")
    assert counts(place.sync()) == (0, 0, 2, 0, 3)
    after = place.passage_ids()
    assert (after["fig.txt"], after["cherry.txt"]) == (before["cherry.txt"], before["berry.txt"])


def test_a_refused_rebuild_leaves_the_old_generation(place: Place) -> None:
    place.sync()
    for path in place.corpus.iterdir():
        path.unlink()
    with pytest.raises(RemovalRefused):
        place.sync(rebuild=True)
    assert folder.live(place.index).name == "gen-1"


def test_a_name_that_is_too_long_is_an_error_of_ours(place: Place) -> None:
    with pytest.raises(CorpusError, match="no path"):
        place.sync(Path("x" * 5000))


def test_a_file_that_is_not_utf8_is_read_and_said(place: Place) -> None:
    (place.corpus / "cafe.txt").write_bytes("Café — naïve.".encode("cp1252"))
    said: list[str] = []

    class Listening(sync.Silence):
        def planned(self, plan: Plan) -> None:
            said.extend(plan.decoded)

    sync.index([place.corpus], place.index, place.embedder, TOKENS, watcher=Listening())
    assert place.articles()["cafe.txt"] == "Café — naïve."
    assert len(said) == 1
    assert "cp1252" in said[0]


def test_a_file_moved_over_another_takes_its_place(place: Place) -> None:
    place.sync()
    before = place.passage_ids()
    (place.corpus / "apple.txt").replace(place.corpus / "berry.txt")
    assert counts(place.sync()) == (0, 0, 1, 1, 3)
    assert place.passage_ids()["berry.txt"] == before["apple.txt"]
    assert set(place.articles()) == {"berry.txt", "cherry.txt", "date.txt", "elder.txt"}
    assert list(doctor.faults(place.index)) == []


# -- only what changed --------------------------------------------------------------------------------


def test_one_new_file_does_not_make_a_run_look_at_the_whole_index(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    place.sync()
    other = place.home / "other"
    other.mkdir()
    (other / "fig.txt").write_text("The fig is a fruit.")
    for method in ("known", "files", "stored"):
        monkeypatch.setattr(Truth, method, lambda *_: pytest.fail("a run reads the whole index"))
    assert counts(place.sync(other)) == (1, 0, 0, 0, 0)
    assert counts(place.sync()) == (0, 0, 0, 0, 5)


def test_a_change_in_a_long_article_embeds_the_passages_that_it_touches(place: Place) -> None:
    paragraphs = [
        f"Paragraph {n} has words of its own, {n} times {n} is {n * n}. " * (1 + n % 3) for n in range(60)
    ]
    place.write("long.txt", "A title\n\n" + "\n\n".join(paragraphs))
    whole = place.sync().passages_embedded
    assert whole > 40
    for n in (0, 20, 59):
        paragraphs[n] = f"Another paragraph {n}. " + paragraphs[n]
        place.write("long.txt", "A title\n\n" + "\n\n".join(paragraphs))
        changed = place.sync()
        assert counts(changed) == (0, 1, 0, 0, 5)
        assert 1 <= changed.passages_embedded <= 5
        assert list(doctor.faults(place.index)) == []


@pytest.mark.data
def test_a_sentence_more_in_a_real_article_embeds_two_passages_or_so() -> None:
    from ingest.split import split
    from rag.embed import MiniLM
    from rag.text import normalise

    embedder, added = MiniLM(threads=1), "This is a sentence that was added in the spring. "
    if "CITEWISE_DATA" not in os.environ:
        pytest.skip("needs CITEWISE_DATA")
    rows = (Path(os.environ["CITEWISE_DATA"]) / "corpora" / "blog_18f.jsonl").read_text().splitlines()[::40]
    texts = [normalise(json.loads(row)["text"]).strip() for row in rows]

    def passages(text: str) -> set[str]:
        return {text[start:end] for start, end in split(text, embedder, 128)}

    fresh = [len(passages(added + text) - passages(text)) for text in texts]
    assert sum(fresh) / len(fresh) <= 2


def test_a_run_without_changes_changes_nothing(place: Place) -> None:
    place.sync()
    with Store(place.index) as store:
        before = store.status().changes
        place.sync()
        assert store.status().changes == before


# -- what is gone and stays ---------------------------------------------------------------------------


def test_what_is_gone_stays_if_asked_and_goes_when_no_longer_asked(place: Place) -> None:
    place.sync()
    for name in ("apple", "berry", "cherry"):
        (place.corpus / f"{name}.txt").unlink()
    kept = place.sync(keep_missing=True)
    assert (*counts(kept), kept.kept) == (0, 0, 0, 0, 2, 3)
    assert len(place.articles()) == 5
    assert {fate.what for fate in kept.files} == {"kept"}
    assert place.sync(yes=True).removed == 3


def test_a_line_that_is_gone_stays_if_asked_and_goes_when_no_longer_asked(place: Place) -> None:
    path = place.lines("news.jsonl", {"id": "a", "text": "First."}, {"id": "b", "text": "Second."})
    place.sync()
    path.write_text('{"id": "a", "text": "First."}\n')
    assert (place.sync(keep_missing=True).kept, place.sync(keep_missing=True).kept) == (1, 1)
    assert "news.jsonl#b" in place.articles()
    assert place.sync().removed == 1
    assert place.sync().unchanged == 6


def test_what_has_moved_is_moved_although_what_is_gone_stays(place: Place) -> None:
    place.sync()
    (place.corpus / "apple.txt").rename(place.corpus / "pomme.txt")
    moved = place.sync(keep_missing=True)
    assert (*counts(moved), moved.kept) == (0, 0, 1, 0, 4, 0)


# -- a rehearsal --------------------------------------------------------------------------------------


def entries(folder: Path) -> dict[str, bytes]:
    """What lies in a folder, but for what SQLite puts beside a file that it reads."""
    files = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return {str(path): path.read_bytes() for path in files if not path.name.endswith(("-shm", "-wal"))}


def test_a_dry_run_says_what_a_run_would_do_and_does_nothing(place: Place) -> None:
    told = place.sync(dry_run=True)
    assert counts(told) == (5, 0, 0, 0, 0)
    assert told.dry_run
    assert not place.index.exists()
    place.sync()
    (place.corpus / "apple.txt").rename(place.corpus / "pomme.txt")
    (place.corpus / "berry.txt").write_text("Something else.")
    (place.corpus / "cherry.txt").unlink()
    place.write("fig.txt", "The fig.")
    before = entries(place.index)
    with folder.writing(place.index):
        held = entries(place.index)
        told = place.sync(dry_run=True)
        assert entries(place.index) == held
    assert place.embedder.embedded == []
    assert entries(place.index) == before
    done = place.sync()
    assert counts(told) == counts(done) == (1, 1, 1, 1, 2)
    assert told.files == done.files


def test_a_dry_run_is_refused_what_a_run_would_be(place: Place) -> None:
    place.sync()
    for name in ("apple", "berry", "cherry"):
        (place.corpus / f"{name}.txt").unlink()
    with pytest.raises(RemovalRefused):
        place.sync(dry_run=True)
    assert place.sync(dry_run=True, yes=True).removed == 3
    place.embedder.name = "letters-2"
    with pytest.raises(IndexStale):
        place.sync(dry_run=True, yes=True)
    told = place.sync(dry_run=True, yes=True, rebuild=True)
    assert "embedded again" in told.notes[0]


# -- the network --------------------------------------------------------------------------------------

PAGE = "https://example.org/a"


@pytest.fixture
def web(place: Place, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """What the network has, by address; all else fails."""
    pages: dict[str, str] = {}

    def fetched(urls: Sequence[str], index: Path) -> list[SimpleNamespace]:
        home = index / "fetched"
        home.mkdir(exist_ok=True)
        found = []
        for url in urls:
            suffix = ".html" if pages.get(url, "").startswith("<") else ".txt"
            copy = home / f"{url.rpartition('/')[2]}{suffix}"
            if url in pages:
                copy.write_text(pages[url])
            found.append(
                SimpleNamespace(
                    url=url, path=copy if url in pages else None, failure="" if url in pages else "is down"
                )
            )
        return found

    monkeypatch.setattr("ingest.fetch.fetched", fetched)
    return pages


def test_the_network_is_not_used_unasked(place: Place, web: dict[str, str]) -> None:
    web[PAGE] = "A page."
    with pytest.raises(CorpusError, match=PAGE) as caught:
        place.sync(PAGE)
    assert "--allow-network" in caught.value.hint
    assert not place.index.exists()


def test_a_page_has_its_address_for_an_id_and_stays_when_the_network_is_down(
    place: Place, web: dict[str, str]
) -> None:
    web[PAGE] = "A page."
    assert counts(place.sync(PAGE, place.corpus, allow_network=True)) == (6, 0, 0, 0, 0)
    assert place.articles()[PAGE] == "A page."
    web[PAGE] = "Another page."
    assert counts(place.sync(PAGE, allow_network=True)) == (0, 1, 0, 0, 0)
    del web[PAGE]
    down = place.sync(PAGE, allow_network=True)
    assert counts(down) == (0, 0, 0, 0, 0)
    assert [(fate.path, fate.what) for fate in down.files] == [(PAGE, "failed")]
    assert place.articles()[PAGE] == "Another page."
    assert counts(place.sync()) == (0, 0, 0, 0, 5), "a run over the folder leaves the pages alone"


def test_a_page_that_becomes_one_of_another_kind_keeps_its_id(place: Place, web: dict[str, str]) -> None:
    web[PAGE] = "A page."
    place.sync(PAGE, place.corpus, allow_network=True)
    (place.index / "fetched" / "a.txt").unlink()
    web[PAGE] = "<p>A page in another form, as it is written for browsers.</p>"
    assert counts(place.sync(PAGE, allow_network=True)) == (0, 1, 0, 0, 0)
    assert "browsers" in place.articles()[PAGE]
    assert f"{PAGE}~2" not in place.articles()


def test_a_dry_run_fetches_nothing(
    place: Place, web: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ingest.fetch.fetched", lambda *_: pytest.fail("the network was used"))
    told = place.sync(PAGE, allow_network=True, dry_run=True)
    assert told.notes == (f"{PAGE} would be fetched.",)


# -- what is refused, or passed over --------------------------------------------------------------------


@pytest.mark.parametrize("was_there", [False, True])
def test_a_run_that_is_refused_leaves_no_index(place: Place, web: dict[str, str], was_there: bool) -> None:
    (place.home / "empty").mkdir()
    place.index = place.home / "far" / "new"
    if was_there:
        place.index.mkdir(parents=True)
    for path in (place.home / "no", place.home / "empty"):
        with pytest.raises(CorpusError):
            place.sync(path)
        assert not any(place.index.iterdir()) if was_there else not (place.home / "far").exists()
    assert place.sync(PAGE, allow_network=True).failed
    assert not any(place.index.iterdir()) if was_there else not (place.home / "far").exists()
    assert place.sync().articles == 5


def test_a_refused_run_leaves_an_index_that_was_there(place: Place, web: dict[str, str]) -> None:
    place.corpus = place.home / "other"
    place.corpus.mkdir()
    place.write("a.jsonl", "\n")
    assert place.sync().articles == 0
    with pytest.raises(CorpusError):
        place.sync(place.home / "no")
    assert place.sync(PAGE, allow_network=True).failed
    assert place.articles() == {}


@pytest.mark.parametrize("given", ["ftp://x/y", "file:///etc/passwd", "FTP://me:secret@x//y"])
def test_an_address_that_is_not_read_is_named_as_it_was_given(place: Place, given: str) -> None:
    with pytest.raises(CorpusError) as caught:
        place.sync(given, allow_network=True)
    assert caught.value.message.startswith(given.replace("me:secret@", ""))
    assert "https://" in caught.value.hint and not place.index.exists()


def test_articles_in_the_unread_rest_of_a_file_stay(place: Place) -> None:
    first, last = {"id": 1, "text": "The first."}, {"id": 2, "text": "The last."}
    path = place.lines("many.jsonl", first, last)
    place.sync()
    path.write_text(json.dumps(first) + "\n" + "{bad\n" * 1000 + json.dumps(last) + "\n")
    done = place.sync()
    assert (done.removed, done.unchanged, len(done.failed)) == (0, 6, 1001)
    assert {"many.jsonl#1", "many.jsonl#2"} <= set(place.articles())


def test_what_is_passed_over_is_counted_and_the_index_among_articles_is_no_part_of_them(place: Place) -> None:
    place.write(".a.txt", "Hidden.")
    place.write(".git/b.txt", "Hidden.")
    with tarfile.open(place.corpus / "x.tar", "w") as out:
        for name, kind in (("s.txt", tarfile.SYMTYPE), ("p.txt", tarfile.FIFOTYPE)):
            info = tarfile.TarInfo(name)
            info.type, info.linkname = kind, "/etc/passwd"
            out.addfile(info)
        out.add(place.corpus / "apple.txt", "in.txt")
    place.index = place.corpus / "ix"
    first = place.sync()
    assert first.notes == (
        "2 hidden files or folders were passed over.",
        f"Of {place.corpus / 'x.tar'}, 2 members passed over: links or devices, no files.",
    )
    left = [fate.path for fate in first.files if fate.what == "skipped"]
    assert left == [str(place.index)]
    assert (first.new, first.failed) == (6, ())
    again = place.sync()
    assert again.unchanged == 6 and again.notes == first.notes[:1], "the archive is not read again"


def test_the_sentence_of_a_run_counts_what_failed(place: Place) -> None:
    for name in ("berry.txt", "cherry.txt", "date.txt", "elder.txt"):
        (place.corpus / name).unlink()
    place.write("empty.txt", "")
    said = sentence(place.sync())
    assert said.startswith("1 new, 0 changed, 0 moved, 0 removed, 0 unchanged, 1 failed; ")
    assert said.endswith("the index holds 1 article in 1 passage")


def test_where_a_table_of_files_is_cut_it_is_said_where_all_are(place: Place) -> None:
    for n in range(3):
        place.write(f"{n}.txt", "")
        place.write(f"{n}.jpg", "")
    done = place.sync()
    assert list(if_cut(done, 5)) == []
    assert list(if_cut(done, 4)) == ["With --json, all files are listed."]
    (place.corpus / "0.txt").write_text("Zero.")
    assert list(if_cut(place.sync(), 2)) == [], "what is skipped is in no table"


@pytest.mark.parametrize("fields", [{"foo": "bar"}, {"text": "a\tb"}, {"text": " "}, {"te\x1bxt": "a"}])
def test_a_map_of_fields_that_says_nothing_is_refused(place: Place, fields: dict[str, str]) -> None:
    with pytest.raises(SettingsError, match="fields") as caught:
        ingest.index(place.corpus, place.index, fields=fields, embedder=place.embedder)
    assert "text, title, date, author, source, url, language, id" in caught.value.hint
    assert caught.value.message.isprintable() and not place.index.exists()


def test_two_fields_may_share_a_column(place: Place) -> None:
    place.lines("table.jsonl", {"id": 1, "body": "The body."})
    ingest.index(place.corpus, place.index, fields={"text": "body", "title": "body"}, embedder=place.embedder)
    with Store(place.index) as store:
        assert store.article("table.jsonl#1").title == "The body."


# -- fields -------------------------------------------------------------------------------------------


def test_another_map_of_fields_has_a_table_read_again(place: Place) -> None:
    place.lines("table.jsonl", {"id": 1, "body": "The body.", "lead": "The lead."})
    assert place.sync(fields={"text": "body"}).new == 6
    assert place.articles()["table.jsonl#1"] == "The body."
    assert place.sync(fields={"text": "body"}).unchanged == 6
    assert place.sync(fields={"text": "lead"}).changed == 1
    assert place.articles()["table.jsonl#1"] == "The lead."


# -- to stop ------------------------------------------------------------------------------------------


def test_a_run_that_is_told_to_stop_keeps_what_is_stored(place: Place) -> None:
    place.lines("many.jsonl", *({"id": n, "text": f"Number {n} is a number."} for n in range(400)))
    stop = threading.Event()

    class Stopping(sync.Silence):
        def stored(self, n_chars: int, n_passages: int) -> None:
            stop.set()

    with pytest.raises(sync.Stopped):
        place.sync(stop=stop, watcher=Stopping())
    assert len(place.articles()) == 1
    assert list(doctor.faults(place.index)) == []
    assert place.sync().new == 404
