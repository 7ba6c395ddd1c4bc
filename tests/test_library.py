"""What a page can do with the articles: list, read, check, bring and remove them."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from datetime import date
from functools import partial
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest import sync, uploads
from ingest.sync import Summary, Watcher
from ingest.uploads import Added
from page import uploading
from page.excerpt import MAX_EXCERPT_CHARS, excerpt
from page.library import Library
from page.record import Considered, Quote, Record, Slice, origin_of, text_sha256
from page.views import N_ROWS, Progress
from rag.domain import Vectors, Where
from rag.errors import ArticleMissing, IndexFault, IndexLocked, UploadRefused
from rag.store import Store
from tests.conftest import SHAPE, Collection, put
from tests.fakes import LetterEmbedder
from tests.test_folder import another_writer

TEXT = "The minister denounced the attacks. France will not accept them.\n\nA second paragraph follows."


@pytest.fixture
def store(collection: Collection) -> Iterator[Store]:
    with collection.writing() as truth:
        put(truth, "a", TEXT, source="Wiki", published=date(2017, 2, 19))
        put(truth, "b", "zebras", source="Zoo")
    with Store(collection.index) as opened:
        yield opened


def adding(index: Path, embedder: LetterEmbedder) -> partial[Added]:
    def add(files: Sequence[Path], names: Sequence[str], watcher: Watcher, stop: threading.Event) -> Added:
        return uploads.add(files, names, index, embedder, SHAPE.passage_tokens, watcher, stop)

    return partial(add)


@pytest.fixture
def library(store: Store) -> Library:
    return Library(store, store.index, add=adding(store.index, LetterEmbedder()))


def dropped(tmp_path: Path, *contents: str) -> list[Path]:
    paths = [tmp_path / f"upload-{n}" for n in range(len(contents))]
    for path, content in zip(paths, contents, strict=True):
        path.write_text(content)
    return paths


# -- the list


def test_a_listing_sees_what_is_committed_and_stays_within_it(
    collection: Collection, library: Library
) -> None:
    for n in range(N_ROWS):
        collection.put(f"n{n:02}", f"text {n}")
    listing = library.listing(sort="title", descending=False)
    assert (listing.n_found, listing.n_articles, len(listing.rows), listing.first) == (52, 52, N_ROWS, 0)
    last = library.listing(sort="title", descending=False, first=1000)
    assert [row.id for row in last.rows] == ["n48", "n49"]
    assert last.first == N_ROWS
    assert library.listing(first=-5).first == 0


def test_a_row_has_the_facts_of_its_article(library: Library) -> None:
    listing = library.listing("WIKI on", Where(since=date(2017, 1, 1)))
    (row,) = listing.rows
    assert (row.id, row.title, row.source, row.published) == ("a", "On a", "Wiki", "2017-02-19")
    assert (row.n_chars, row.n_passages) == (len(TEXT), 1)
    assert (listing.words, listing.where, listing.n_found) == ("WIKI on", Where(since=date(2017, 1, 1)), 1)
    nothing = library.listing("nothing", first=100)
    assert (nothing.rows, nothing.n_found, nothing.n_articles) == ((), 0, 2)


def test_what_filters_and_the_histogram_are_made_of(collection: Collection, library: Library) -> None:
    collection.put("c", "more")
    assert library.sources() == [("", 1), ("Wiki", 1), ("Zoo", 1)]
    assert library.months() == [("", "", 1), ("", "Zoo", 1), ("2017-02", "Wiki", 1)]
    assert library.titles() == [("a", "On a"), ("b", "On b"), ("c", "On c")]


# -- one article


def test_a_reading_has_the_article_and_what_removing_it_does(library: Library) -> None:
    reading = library.reading("a")
    assert (reading.article.title, reading.article.sha256) == ("On a", text_sha256(TEXT))
    assert (reading.excerpt.start, reading.excerpt.text, reading.excerpt.n_chars) == (0, TEXT, len(TEXT))
    assert (reading.n_passages, reading.file, reading.may_remove) == (1, "a", True)
    assert reading.removal == "Its file a stays; indexing that folder again brings it back."
    with pytest.raises(ArticleMissing):
        library.reading("none")


def test_a_long_article_is_read_in_parts(collection: Collection, library: Library) -> None:
    long = "\n".join(f"Line {n} of it." for n in range(20_000))
    collection.put("long", long)
    for around in (None, 0, 150_000, len(long), 10**9, -3):
        part = library.reading("long", around).excerpt
        assert len(part.text) <= MAX_EXCERPT_CHARS
        assert long[part.start : part.end] == part.text
        assert part.start <= min(max(around or 0, 0), len(long)) <= part.end
        assert part.text.startswith("Line")
        assert part.text.endswith("of it.")


@settings(max_examples=100, deadline=None)
@given(st.data(), st.sampled_from(["a", "ab cd ", "line of it\n", "word " * 500 + "\n"]))
def test_an_excerpt_holds_what_it_is_around(data: st.DataObject, unit: str) -> None:
    text = unit * (100_000 // len(unit))
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, min(len(text), start + MAX_EXCERPT_CHARS)))
    part = excerpt(text, start, end)
    assert part.start <= start <= end <= part.end
    assert text[part.start : part.end] == part.text
    assert MAX_EXCERPT_CHARS - 5000 < len(part.text) <= MAX_EXCERPT_CHARS or "\n" in unit or " " in unit
    assert part.n_chars == len(text)
    if " " in unit and end - start < MAX_EXCERPT_CHARS - 6000:
        assert part.start == 0 or text[part.start - 1].isspace()
        assert part.end == len(text) or text[part.end].isspace()


# -- checking


def record_about(store: Store, id: str = "a") -> Record:
    """An answer that quotes the first sentence of an article, having considered another one."""
    (quoted, considered) = (_slice(store, article, n) for article, n in ((id, 1), ("b", 2)))
    return Record(
        "Who?",
        "2026-01-01T00:00:00+00:00",
        text="x",
        quotes=(Quote(1, quoted, 4, 12), Quote(2, quoted, 13, 22)),
        mode="quote",
        considered=(Considered(considered, 1.0, 1, None),),
    )


def _slice(store: Store, id: str, passage_id: int) -> Slice:
    passage = store.passages([passage_id])[passage_id]
    return Slice(passage_id, origin_of(store.article(id)), passage.start, passage.text)


def test_evidence_of_an_article_that_is_the_same_opens_in_it(store: Store, library: Library) -> None:
    record = record_about(store)
    opened = library.opened("t", record, 1)
    assert (opened.turn, opened.record, opened.at, opened.state) == ("t", record, 1, "same")
    assert opened.passage == record.quotes[1].passage
    assert opened.excerpt is not None and opened.excerpt.text == TEXT
    passage = library.opened_passage("t", record, 2)
    assert (passage.at, passage.passage, passage.state) == (None, record.considered[0].passage, "same")
    assert passage.excerpt is not None and passage.excerpt.text == "zebras"
    assert library.opened_passage("t", record, 1).at == 0  # it is quoted
    for at in (-1, 2):
        assert library.opened("t", record, at).passage is None
    assert library.opened_passage("t", record, 99).passage is None


def test_evidence_of_an_article_that_has_changed_says_so(
    collection: Collection, store: Store, library: Library
) -> None:
    record = record_about(store)
    collection.put("a", TEXT + " More.")
    opened = library.opened("t", record, 0)
    assert (opened.state, opened.excerpt, opened.passage) == ("changed", None, record.quotes[0].passage)


def test_evidence_of_an_article_that_was_moved_is_found_again(
    collection: Collection, store: Store, library: Library
) -> None:
    record = record_about(store)
    with collection.writing() as truth, truth.change():
        truth.move(1, "elsewhere/a", "elsewhere/a", "elsewhere/a")
    opened = library.opened("t", record, 0)
    assert opened.state == "same"
    assert opened.excerpt is not None and opened.excerpt.text == TEXT


def test_evidence_of_an_article_that_is_gone_says_so(
    collection: Collection, store: Store, library: Library
) -> None:
    record = record_about(store)
    collection.remove("a")
    assert library.opened("t", record, 0).state == "gone"
    assert library.opened_passage("t", record, 2).state == "same"


def test_another_article_under_the_passage_of_a_lost_one_is_not_taken_for_it(
    tmp_path: Path, store: Store
) -> None:
    other = Collection(tmp_path / "other")
    other.put("z", "Something else.")
    with Store(other.index) as now:
        assert Library(now, other.index).opened("t", record_about(store), 0).state == "gone"


def test_evidence_can_be_shown_without_its_index(
    collection: Collection, store: Store, library: Library
) -> None:
    record = record_about(store)
    (collection.index / "CURRENT").write_text("gen-7")
    opened = library.opened("t", record, 0)
    assert (opened.state, opened.passage) == ("gone", record.quotes[0].passage)


# -- bringing


def test_an_upload_tells_how_it_goes_on_and_can_be_asked_at_once(
    tmp_path: Path, store: Store, library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(uploading, "TELL_S", 0.0)
    files = dropped(tmp_path, "Foxes run.", "", '{"id": "x", "text": "Bears."}\n')
    told = list(library.upload(files, ["foxes.txt", "empty.txt", "bears.jsonl"]))
    assert told[0].told == "Reading 3 files…"
    assert [step.done for step in told] == [False] * (len(told) - 1) + [True]
    end = told[-1]
    assert (end.told, end.n_done, end.n_total) == ("2 articles added.", 2, 2)
    assert [name for name, _ in end.problems] == ["empty.txt"]
    assert store.spread("bears and foxes") == [("bears", 0), ("foxes", 0)]
    assert library.listing("bears").rows[0].id == "bears.jsonl#x"
    assert store.spread("bears and foxes") == [("bears", 1), ("foxes", 1)]
    removal = "Its uploaded file foxes.txt goes with it."
    assert library.reading("foxes.txt").removal == removal
    assert library.remove("foxes.txt") == f"foxes.txt is removed. {removal}"
    assert library.listing("foxes").n_found == 0


class Slow(LetterEmbedder):
    """Embeds when it is told to."""

    def __init__(self) -> None:
        super().__init__()
        self.begun, self.go_on = threading.Event(), threading.Event()

    def embed_passages(self, texts: Sequence[str]) -> Vectors:
        self.begun.set()
        assert self.go_on.wait(30)
        return super().embed_passages(texts)


def test_asking_goes_on_and_the_next_upload_waits(
    tmp_path: Path, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("page.library.REMOVE_WAIT_S", 0.01)
    slow = Slow()
    library = Library(store, store.index, add=adding(store.index, slow))
    files = dropped(tmp_path, "Foxes run.", "Bears sleep.")
    first = library.upload(files[:1], ["foxes.txt"])
    assert slow.begun.wait(30)
    second = library.upload(files[1:], ["bears.txt"])
    assert next(second).told == "Waiting: another upload is being indexed."
    assert library.listing().n_articles == 2
    assert [hit for hit, _ in store.matching("zebras", 5)] == [2]
    with pytest.raises(IndexLocked, match="an upload is being indexed"):
        library.remove("a")
    slow.go_on.set()
    assert [list(steps)[-1].told for steps in (first, second)] == ["1 article added."] * 2
    assert library.listing().n_articles == 4


def test_an_upload_goes_on_when_nobody_listens(tmp_path: Path, store: Store) -> None:
    slow = Slow()
    library = Library(store, store.index, add=adding(store.index, slow))
    steps = library.upload(dropped(tmp_path, "Foxes run."), ["foxes.txt"])
    next(steps)
    assert slow.begun.wait(30)
    steps.close()  # type: ignore[attr-defined]
    slow.go_on.set()
    (worker,) = [thread for thread in threading.enumerate() if thread.name == "upload"]
    worker.join(30)
    assert library.listing("foxes").n_found == 1
    assert [path.name for path in (store.index / "uploads").iterdir()] == ["foxes.txt"]


def test_a_library_that_is_closed_stops_its_uploads_and_waits_for_them(tmp_path: Path, store: Store) -> None:
    slow = Slow()
    library = Library(store, store.index, add=adding(store.index, slow))
    files = dropped(tmp_path, "Foxes run.", *["Bears sleep."] * 200)
    steps = library.upload(files, [f"{n}.txt" for n in range(len(files))])
    waiting = library.upload([tmp_path / "late.txt"], ["late.txt"])
    assert slow.begun.wait(30)
    threading.Timer(0.1, slow.go_on.set).start()
    library.close()
    assert not [thread for thread in threading.enumerate() if thread.name == "upload"]
    for end in (list(steps)[-1], list(waiting)[-1]):
        assert end.told.startswith("The upload stopped.")
        assert end.problems == (("The upload", "The server was stopped. Drop the files again when it runs."),)
    again = Library(store, store.index, add=adding(store.index, LetterEmbedder()))
    list(again.upload(dropped(tmp_path, "Foxes run.", "Bears sleep."), ["0.txt", "1.txt"]))
    assert again.listing("foxes").n_found == 1


def test_what_stops_an_upload_is_told(tmp_path: Path, store: Store, library: Library) -> None:
    files = dropped(tmp_path, "Foxes run.")
    with another_writer(store.index):
        end = list(library.upload(files, ["foxes.txt"]))[-1]
    assert end.told == "The upload stopped."
    ((name, problem),) = end.problems
    assert name == "The upload"
    assert "Drop the files again when it has ended" in problem
    assert not (store.index / "uploads").exists()


def test_what_was_indexed_before_a_fault_is_counted(store: Store) -> None:
    def failing(error: Exception, _: object, names: object, watcher: Watcher, stop: object) -> Added:
        watcher.stored(1, 1)
        raise error

    steps = Library(store, store.index, add=partial(failing, IndexFault("full", "Free space."))).upload(
        [], []
    )
    end = list(steps)[-1]
    assert end.told == "The upload stopped. 1 article of it can be asked."
    assert end.problems == (("The upload", "full\nFree space."),)
    steps = Library(store, store.index, add=partial(failing, RuntimeError("a secret"))).upload([], [])
    assert "secret" not in str(list(steps)[-1])


def test_problems_are_told_up_to_a_number(store: Store) -> None:
    problems = tuple((f"{n}.txt", "bad") for n in range(1000))

    def failing(*_: object) -> Added:
        return Added(Summary(0, 0, 0, 0, 0, 0, 0, 0, (), 0.0), (), problems)

    end = list(Library(store, store.index, add=failing).upload([], []))[-1]
    assert (end.told, len(end.problems), end.problems[-1]) == (
        "Nothing was added.",
        201,
        ("And", "800 more."),
    )


def test_a_slow_listener_hears_the_latest() -> None:
    told: uploading.SimpleQueue[Progress] = uploading.SimpleQueue()
    for n in range(5):
        told.put(Progress(f"{n}", done=n == 4))
    assert [step.told for step in uploading.until_done(told)] == ["4"]


def test_a_read_only_library_takes_and_gives_nothing(tmp_path: Path, store: Store) -> None:
    library = Library(store, store.index, read_only=True)
    with pytest.raises(UploadRefused, match="read-only"):
        library.upload(dropped(tmp_path, "Foxes run."), ["foxes.txt"])
    with pytest.raises(UploadRefused, match="read-only"):
        library.remove("a")
    reading = library.reading("a")
    assert (reading.may_remove, reading.removal) == (False, "")
    assert library.listing().n_articles == 2


def test_by_itself_it_indexes_as_the_index_was_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the embedder of the settings, and the size of the passages that are there."""
    monkeypatch.setattr("rag.embed.load", lambda name: LetterEmbedder())
    (tmp_path / "a.txt").write_text("One.")
    index = tmp_path / "index"
    sync.index([tmp_path / "a.txt"], index, LetterEmbedder(), 77)
    with Store(index) as store:
        library = Library(store, index)
        end = list(library.upload(dropped(tmp_path, "Foxes run."), ["foxes.txt"]))[-1]
        assert (end.told, end.problems) == ("1 article added.", ())
        assert library.remove("foxes.txt").endswith("goes with it.")
