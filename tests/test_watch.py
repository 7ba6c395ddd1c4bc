"""Keeping in step: what is seen, when it counts, and what watching survives."""

from __future__ import annotations

import os
import shutil
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

import ingest
from ingest import events, sync, watching
from ingest.summary import Summary
from rag.errors import CitewiseError, CorpusError, IndexFault, IndexLocked, IndexStale, RemovalRefused
from rag.index import folder, lock
from rag.store import Store
from tests.fakes import LetterEmbedder
from tests.test_sync import TOKENS, Place, counts

LONG_S = 10.0  # after which a test that waits in vain fails
SETTLE_S = 0.1


@pytest.fixture
def place(tmp_path: Path) -> Place:
    made = Place(tmp_path)
    for word in ("apple", "berry", "cherry", "date"):
        made.write(f"{word}.txt", f"The {word} is a fruit.")
    return made


class Watch:
    """A watch on a thread of its own, and what it told."""

    def __init__(self, place: Place, *paths: Path, **options: Any) -> None:
        self.place, self.paths, self.options = place, paths or (place.corpus,), options
        self.runs: list[Summary] = []
        self.troubles: list[CitewiseError] = []
        self.ended_by: BaseException | None = None
        self.stop = threading.Event()
        self.thread = threading.Thread(target=self._run)

    def _run(self) -> None:
        try:
            ingest.watch(
                self.paths,
                self.place.index,
                embedder=self.place.embedder,
                on_run=self.runs.append,
                on_trouble=self.troubles.append,
                settle_s=SETTLE_S,
                stop=self.stop,
                passage_tokens=TOKENS,
                **self.options,
            )
        except BaseException as error:
            self.ended_by = error

    def until(self, is_so: Callable[[], object]) -> None:
        """Wait until something holds."""
        end = time.monotonic() + LONG_S
        while not is_so():
            assert time.monotonic() < end, f"in vain: {self.runs[-1:]} {self.troubles} {self.ended_by!r}"
            time.sleep(0.01)

    def until_held(self, *names: str) -> None:
        """Wait until the index holds articles of these ids and no others."""
        self.until(lambda: folder_is_there(self.place.index) and set(self.place.articles()) == set(names))


def folder_is_there(index: Path) -> bool:
    return (index / folder.CURRENT).exists()


@contextmanager
def watched(place: Place, *paths: Path, **options: Any) -> Iterator[Watch]:
    watch = Watch(place, *paths, **options)
    watch.thread.start()
    try:
        yield watch
    finally:
        watch.stop.set()
        watch.thread.join(LONG_S)
        assert not watch.thread.is_alive()


FOUR = ("apple.txt", "berry.txt", "cherry.txt", "date.txt")


def test_what_is_there_is_indexed_and_what_changes_follows(place: Place) -> None:
    with watched(place) as watch:
        watch.until_held(*FOUR)
        place.write("elder.txt", "The elder is a fruit.")
        watch.until_held(*FOUR, "elder.txt")
        (place.corpus / "apple.txt").unlink()
        place.write("sub/fig.txt", "The fig is a fruit.")
        watch.until_held(*FOUR[1:], "elder.txt", "sub/fig.txt")
        place.write("berry.txt", "The berry has changed.")
        watch.until(lambda: "changed" in place.articles()["berry.txt"])
    assert watch.troubles == []
    assert watch.ended_by is None


def test_a_reader_sees_a_change_within_a_second_of_its_commit(place: Place) -> None:
    with watched(place) as watch:
        watch.until(lambda: watch.runs)
        with Store(place.index) as store:
            assert store.matching("quince", 5) == []
            place.write("quince.txt", "The quince is a fruit.")
            watch.until(lambda: len(watch.runs) == 2)
            committed = time.monotonic()
            store.refresh()
            assert len(store.matching("quince", 5)) == 1
            assert time.monotonic() - committed < 1


def test_a_run_is_told_only_when_it_did_something(place: Place) -> None:
    plans: list[object] = []

    class Listening(sync.Silence):
        def planned(self, plan: object) -> None:
            plans.append(plan)

    with watched(place, watcher=Listening()) as watch:
        watch.until(lambda: watch.runs)
        os.utime(place.corpus / "apple.txt")
        place.write(".hidden.txt", "Not for this program.")
        time.sleep(4 * SETTLE_S)
        place.write("elder.txt", "The elder is a fruit.")
        watch.until(lambda: len(watch.runs) == 2)
    assert [counts(run)[:4] for run in watch.runs] == [(4, 0, 0, 0), (1, 0, 0, 0)]
    assert len(plans) == 2


def test_an_index_within_the_folder_does_not_keep_itself_busy(place: Place) -> None:
    place.index = place.corpus / "index"
    with watched(place) as watch:
        watch.until(lambda: watch.runs)
        time.sleep(5 * SETTLE_S)
        changes = status(place)
        time.sleep(5 * SETTLE_S)
        assert status(place) == changes
    assert len(watch.runs) == 1


def status(place: Place) -> int:
    with Store(place.index) as store:
        return store.status().changes


def test_a_failing_file_is_told_once_until_it_changes(place: Place) -> None:
    with watched(place) as watch:
        watch.until(lambda: watch.runs)
        (place.corpus / "bad.txt").write_bytes(b"\x00\x01\x02" * 50)
        watch.until(lambda: len(watch.runs) == 2)
        place.write("elder.txt", "The elder is a fruit.")
        watch.until(lambda: len(watch.runs) == 3)
        (place.corpus / "bad.txt").write_bytes(b"\x00\x01\x02" * 60)
        watch.until(lambda: len(watch.runs) == 4)
    assert [len(run.failed) for run in watch.runs] == [0, 1, 0, 1]
    assert [[fate.what for fate in run.files] for run in watch.runs[1:]] == [["failed"], ["new"], ["failed"]]


def test_a_locked_index_is_told_and_tried_again(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watching, "LOCKED_S", 0.1)
    place.sync()
    place.write("elder.txt", "The elder is a fruit.")
    with folder.writing(place.index):
        watch = Watch(place)
        watch.thread.start()
        watch.until(lambda: watch.troubles)
        (place.index / lock.HOLDER).unlink()  # as it is for a moment when the lock is let go
        time.sleep(0.5)
    watch.until_held(*FOUR, "elder.txt")
    watch.stop.set()
    watch.thread.join(LONG_S)
    assert [type(trouble) for trouble in watch.troubles] == [IndexLocked]


def test_a_folder_that_is_deleted_and_made_again_is_watched_again(place: Place) -> None:
    with watched(place) as watch:
        watch.until_held(*FOUR)
        shutil.rmtree(place.corpus)
        watch.until(lambda: watch.troubles)
        assert set(place.articles()) == set(FOUR), "a disk that was taken out takes nothing along"
        place.corpus.mkdir()
        for name in FOUR:
            place.write(name, f"Again {name}.")
        watch.until(lambda: place.articles()["apple.txt"] == "Again apple.txt.")
        place.write("elder.txt", "The elder is a fruit.")
        watch.until_held(*FOUR, "elder.txt")
    assert [type(trouble) for trouble in watch.troubles] == [CorpusError]


def test_one_disk_of_two_that_is_taken_out_takes_nothing_along(place: Place) -> None:
    other = place.home / "other"
    other.mkdir()
    (other / "fig.txt").write_text("The fig is a fruit.")
    with watched(place, place.corpus, other) as watch:
        watch.until_held(*FOUR, "fig.txt")
        (other / "fig.txt").unlink()
        watch.until(lambda: watch.troubles)
        place.write("elder.txt", "The elder is a fruit.")
        watch.until_held(*FOUR, "fig.txt", "elder.txt")
        (other / "quince.txt").write_text("The quince is a fruit.")
        watch.until_held(*FOUR, "quince.txt", "elder.txt")
    assert len(watch.troubles) == 1


def test_over_half_is_never_removed(place: Place) -> None:
    with watched(place, yes=True) as watch:
        watch.until_held(*FOUR)
        for name in FOUR[:3]:
            (place.corpus / name).unlink()
        watch.until(lambda: watch.troubles)
        assert isinstance(watch.troubles[0], RemovalRefused)
        assert set(place.articles()) == set(FOUR)
        place.write("apple.txt", "The apple is back.")
        place.write("berry.txt", "The berry is back.")
        watch.until_held("apple.txt", "berry.txt", "date.txt")


def test_a_storm_of_renames_ends_in_step_and_embeds_nothing(place: Place) -> None:
    place.lines("many.jsonl", *({"id": n, "text": f"Number {n} is a number."} for n in range(50)))
    with watched(place) as watch:
        watch.until(lambda: watch.runs)
        place.embedder.embedded.clear()
        now = place.corpus / "many.jsonl"
        for n in range(100):
            now = now.rename(place.corpus / f"many{n}.jsonl")
        watch.until(lambda: "many99.jsonl#7" in place.articles())
        assert len(place.articles()) == 54
    assert place.embedder.embedded == []


def test_an_empty_folder_is_waited_for(place: Place) -> None:
    inbox = place.home / "inbox"
    inbox.mkdir()
    with watched(place, inbox) as watch:
        time.sleep(3 * SETTLE_S)
        (inbox / "picture.png").write_bytes(b"?")
        watch.until(lambda: watch.troubles)
        (inbox / "a.txt").write_text("An article.")
        watch.until_held("a.txt")


@pytest.mark.parametrize("path", ["nowhere", "https://example.org/a"])
def test_what_cannot_be_watched_is_an_error_at_the_start(place: Place, path: str) -> None:
    watch = Watch(place, *[path])  # type: ignore[list-item]
    watch._run()
    assert isinstance(watch.ended_by, CorpusError)


def test_an_address_of_a_kind_that_is_not_read_is_named_where_it_cannot_be_watched(place: Place) -> None:
    watch = Watch(place, *["ftp://x/y"])  # type: ignore[list-item]
    watch._run()
    assert isinstance(watch.ended_by, CorpusError) and watch.ended_by.message.startswith("ftp://x/y: ")


def test_an_index_of_another_embedder_is_an_error_at_the_start(place: Place) -> None:
    place.sync()
    watch = Watch(place)
    place.embedder.name = "letters-2"
    watch._run()
    assert isinstance(watch.ended_by, IndexStale)
    assert "letters-2" in str(watch.ended_by)


def test_a_fault_of_the_index_is_told_once_and_tried_again(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watching, "RETRY_S", 0.05)
    faults = [IndexFault("the disk is full"), IndexFault("the disk is full"), OSError("it is slow")]
    with watched(place) as watch:
        watch.until(lambda: watch.runs)
        locked = watching.sync.locked

        def failing(*arguments: Any, **options: Any) -> Summary:
            if faults:
                raise faults.pop(0)
            return locked(*arguments, **options)

        monkeypatch.setattr(watching.sync, "locked", failing)
        place.write("elder.txt", "The elder is a fruit.")
        watch.until_held(*FOUR, "elder.txt")
    assert [str(trouble) for trouble in watch.troubles] == ["the disk is full", "it is slow"]


def test_a_stop_is_heeded_while_much_is_indexed(place: Place) -> None:
    class Slow(LetterEmbedder):
        def embed_passages(self, texts: Any) -> Any:
            time.sleep(0.2)
            return super().embed_passages(texts)

    place.embedder = Slow()
    place.lines("many.jsonl", *({"id": n, "text": f"Number {n} is a number."} for n in range(1500)))
    with watched(place) as watch:
        watch.until(lambda: folder_is_there(place.index) and place.articles())
        watch.stop.set()
        started = time.monotonic()
        watch.thread.join(LONG_S)
        assert time.monotonic() - started < 1.5
    assert watch.ended_by is None


@pytest.mark.parametrize("why", ["not installed", "too many folders"])
def test_where_the_system_does_not_tell_changes_are_looked_for_and_that_is_said(
    place: Place, why: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(events, "LOOK_S", 0.1)
    if why == "not installed":
        monkeypatch.setitem(sys.modules, "watchfiles", None)
    else:
        monkeypatch.setattr("watchfiles.watch", lambda *_, **__: raise_limit())
    monkeypatch.setattr("rag.store.log.propagate", True)
    with watched(place) as watch:
        watch.until_held(*FOUR)
        place.write("elder.txt", "The elder is a fruit.")
        (place.corpus / "apple.txt").unlink()
        watch.until_held(*FOUR[1:], "elder.txt")
    assert "does not tell" in caplog.text


def raise_limit() -> None:
    raise OSError("OS file watch limit reached")


def test_changes_in_a_row_count_as_one_and_not_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 0.0
    monkeypatch.setattr("ingest.events.time.monotonic", lambda: now)

    def batches() -> Iterator[set[Path]]:
        nonlocal now
        for n in range(300):
            now = n / 10
            yield {Path(f"{n}")} if n < 200 or n == 250 else set()

    found = [len(touched) for touched in events._settled(batches(), 0.5) if touched]
    assert sum(found) == 201
    assert len(found) == 3, "two stretches of ten seconds, and one change alone"
