"""The index folder: one writer at a time, one generation that answers, and nothing half made that does."""

from __future__ import annotations

import errno
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from rag.errors import IndexDamaged, IndexFault, IndexLocked, IndexMissing
from rag.index import durable, folder, lock
from rag.index.durable import NEW
from rag.index.truth import Truth
from tests.conftest import SHAPE, Collection, put

HOME = Path(__file__).parent.parent
HOLD = """
import sys
from pathlib import Path
from rag.index import durable, folder, lock
with folder.writing(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


@contextmanager
def another_writer(index: Path) -> Iterator[subprocess.Popen[str]]:
    """Another process that holds the writer lock until its input ends."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(index)],
        cwd=HOME,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout
        assert process.stdout.readline() == "held\n"
        yield process
    finally:
        process.communicate()


@pytest.fixture
def index(tmp_path: Path) -> Path:
    made = tmp_path / "index"
    made.mkdir()
    return made


def names(index: Path) -> list[str]:
    return sorted(path.name for path in index.iterdir())


# ---- the writer lock


def test_another_process_is_kept_out_until_the_writer_is_killed(index: Path) -> None:
    with another_writer(index) as process:
        with (
            pytest.raises(IndexLocked, match=rf"process {process.pid} on .* since 20.*-c") as raised,
            folder.writing(index),
        ):
            pass
        assert "asking goes on" in raised.value.hint
        assert json.loads((index / "writer.json").read_text())["pid"] == process.pid
        process.send_signal(signal.SIGKILL)
        process.wait()
        assert (index / "writer.json").exists()
        with folder.writing(index):
            assert json.loads((index / "writer.json").read_text())["pid"] == os.getpid()
    assert names(index) == ["writer.lock"]


def test_another_thread_is_kept_out(index: Path) -> None:
    told: list[str] = []

    def write() -> None:
        try:
            with folder.writing(index):
                told.append("in")
        except IndexLocked as error:
            told.append(error.message)

    def run() -> None:
        thread = threading.Thread(target=write)
        thread.start()
        thread.join()

    with folder.writing(index):
        run()
        with pytest.raises(IndexLocked), folder.writing(index):
            pass
    run()
    assert f"process {os.getpid()} on" in told[0]
    assert told[1:] == ["in"]


def test_the_lock_is_given_back_when_the_writer_fails(index: Path) -> None:
    with pytest.raises(RuntimeError) as raised, folder.writing(index):
        raise RuntimeError
    assert names(index) == ["writer.lock"]
    with folder.writing(index):
        assert raised.traceback, "the failure is still known, and all that it refers to"


@pytest.mark.parametrize("left", ["", "{", "[]", '{"pid": 1}', "\udcff"])
def test_a_holder_that_cannot_be_read_is_another_process(index: Path, left: str) -> None:
    with folder.writing(index):
        (index / "writer.json").write_bytes(left.encode(errors="surrogateescape"))
        with pytest.raises(IndexLocked, match="by another process"), folder.writing(index):
            pass


def test_a_lock_that_cannot_be_made_is_said(index: Path) -> None:
    (index / "writer.lock").mkdir()
    with pytest.raises(IndexFault, match=r"writer\.lock cannot be written"), folder.writing(index):
        pass


# ---- whose folder it is


def test_the_folder_is_made_with_those_above_it(tmp_path: Path) -> None:
    with folder.writing(tmp_path / "a" / "b"):
        assert (tmp_path / "a" / "b").is_dir()


@pytest.mark.parametrize("foreign", ["thesis.txt", "gen-one", "gen-", "articles"])
def test_a_folder_with_something_else_in_it_is_refused(index: Path, foreign: str) -> None:
    (index / foreign).write_text("mine")
    with pytest.raises(IndexFault, match=f"holds '{foreign}' and is not an index"), folder.writing(index):
        pass
    assert names(index) == [foreign]


def test_an_index_may_have_something_else_beside_it(collection: Collection) -> None:
    collection.put("a", "One.")
    (collection.index / "README").write_text("mine")
    assert collection.put("b", "Two.") == [2]


@pytest.mark.parametrize(("is_link", "said"), [(False, "is a file"), (True, "is a link to nothing")])
def test_what_is_no_folder_is_called_by_its_name(tmp_path: Path, is_link: bool, said: str) -> None:
    index = tmp_path / "index"
    if is_link:
        index.symlink_to(tmp_path / "gone")
    else:
        index.write_text("mine")
    with (
        pytest.raises(IndexFault, match=f"cannot be an index folder: it {said}"),
        folder.writing(index),
    ):
        pass
    with pytest.raises(IndexMissing, match=f"{said}, not an index folder") as raised:
        folder.live(index)
    assert "Make one" not in raised.value.hint


def test_an_index_that_has_lost_current_is_not_to_be_made_again(collection: Collection) -> None:
    collection.put("a", "One.")
    (collection.index / "CURRENT").unlink()
    with pytest.raises(IndexMissing, match="has lost its file CURRENT") as raised:
        folder.live(collection.index)
    assert f"citewise doctor --repair --index {collection.index}" in raised.value.hint


@pytest.mark.parametrize(
    ("number", "hint"),
    [
        (errno.ENOSPC, "Free some space"),
        (errno.EDQUOT, "Free some space"),
        (errno.EROFS, "read-only"),
        (errno.EACCES, "yours to write to"),
        (errno.EPERM, "yours to write to"),
        (errno.ENOENT, "is gone"),
        (errno.EIO, "Check the disk"),
    ],
)
def test_what_cannot_be_written_has_the_hint_of_its_cause(tmp_path: Path, number: int, hint: str) -> None:
    said = durable.unwritable(tmp_path, OSError(number, os.strerror(number))).hint
    assert hint in said
    assert ("Free some space" in said) == (hint == "Free some space")


@pytest.mark.parametrize(
    "name", ["with space", "àrticlés été", "new\nline", "100%?#&x=1", "'quote\"", "…ünïcode"]
)
def test_any_name_will_do(tmp_path: Path, name: str) -> None:
    collection = Collection(tmp_path / name / name)
    assert collection.put("a", "One.") == [1]
    truth = Truth(collection.database)
    assert truth.counts() == (1, 1)
    truth.close()


# ---- which generation answers


def test_no_index_is_said_with_the_command_that_makes_one(tmp_path: Path) -> None:
    with pytest.raises(IndexMissing, match="no index at") as raised:
        folder.live(tmp_path / "none")
    assert f"citewise index PATH --index {tmp_path / 'none'}" in raised.value.hint
    with pytest.raises(IndexMissing):
        folder.live(tmp_path)


@pytest.mark.parametrize(
    "current", [b"gen-7", b"", b"../gen-1", b"gen-1/../gen-1", b"\xff\xfe", b"gen-1\0", b"x" * 500]
)
def test_a_wrong_current_is_damage(collection: Collection, current: bytes) -> None:
    collection.put("a", "One.")
    (collection.index / "CURRENT").write_bytes(current)
    with pytest.raises(IndexDamaged, match="CURRENT"):
        folder.live(collection.index)


def test_a_lost_current_names_the_last_whole_one_again(collection: Collection) -> None:
    collection.put("a", "One.")
    (collection.index / "CURRENT").write_text("gen-7\n")
    with pytest.raises(IndexDamaged) as raised, collection.writing():
        pass
    assert "citewise doctor --repair" in raised.value.hint
    (collection.index / "CURRENT").unlink()
    assert collection.put("b", "Two.") == [2]


def test_a_generation_that_goes_while_its_name_is_read_gives_way_to_the_next(
    index: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = (folder.create(index, SHAPE.facts()) for _ in range(2))
    folder.publish(index, first)
    read = Path.read_text

    def late(path: Path, *given: str, **named: str) -> str:
        text = read(path, *given, **named)
        if path.name == "CURRENT":
            monkeypatch.undo()
            folder.publish(index, second)
            (first / folder.DATABASE).unlink()
        return text

    monkeypatch.setattr(Path, "read_text", late)
    assert folder.live(index) == second


def test_the_first_generation_is_made_once(index: Path) -> None:
    first = folder.prepare(index, SHAPE.facts())
    assert first == folder.live(index) == index / "gen-1"
    truth = Truth(first / folder.DATABASE)
    made = truth.meta("uid")
    truth.close()
    assert made
    assert folder.prepare(index, SHAPE.facts()) == first
    truth = Truth(first / folder.DATABASE)
    assert truth.meta("uid") == made
    assert truth.meta("embedder") == "letters"
    truth.close()


def test_every_generation_is_another_index(index: Path) -> None:
    uids = set()
    for _ in range(3):
        truth = Truth(folder.create(index, SHAPE.facts()) / folder.DATABASE)
        uids.add(truth.meta("uid"))
        truth.close()
    assert len(uids) == 3


def test_one_that_was_made_but_not_published_is_taken_up(index: Path) -> None:
    made = folder.create(index, {**SHAPE.facts(), "whole": "yes"})
    truth = Truth(made / folder.DATABASE, write=True)
    put(truth, "a", "One.")
    truth.close()
    assert folder.prepare(index, SHAPE.facts()) == made


def test_the_last_whole_one_is_taken_up_and_half_made_ones_are_not(index: Path) -> None:
    for _ in range(10):
        folder.create(index, {**SHAPE.facts(), "whole": "yes"})
    folder.create(index, SHAPE.facts())  # a rebuild that did not end
    (index / "gen-12").mkdir()  # one that did not begin
    (index / "gen-13").mkdir()
    (index / "gen-13" / folder.DATABASE).write_bytes(b"garbage")
    assert folder.prepare(index, SHAPE.facts()) == index / "gen-10"


def test_half_made_ones_alone_make_room_for_a_new_one(index: Path) -> None:
    (index / "gen-1").mkdir()
    folder.create(index, SHAPE.facts())
    assert folder.prepare(index, SHAPE.facts()) == index / "gen-3"


def test_generations_are_counted_and_not_spelt(index: Path) -> None:
    for name in ("gen-10", "gen-9", "gen-2", "gen-x"):
        (index / name).mkdir()
    assert [path.name for path in folder.generations(index)] == ["gen-2", "gen-9", "gen-10"]
    assert folder.create(index, {}).name == "gen-11"


def test_pruning_keeps_the_live_one_and_the_whole_one_before_it(index: Path) -> None:
    whole = [folder.create(index, {**SHAPE.facts(), "whole": "yes"}) for _ in range(3)]
    half = folder.create(index, SHAPE.facts())
    last = folder.create(index, {**SHAPE.facts(), "whole": "yes"})
    folder.publish(index, last)
    folder.prune(index)
    assert folder.generations(index) == [whole[2], last]
    assert not half.exists()
    folder.prune(index, keep=0)
    assert folder.generations(index) == [last]


def test_the_one_that_answered_before_can_be_put_back_and_is_kept(index: Path) -> None:
    whole = {**SHAPE.facts(), "whole": "yes"}
    first, second = (folder.create(index, whole) for _ in range(2))
    for generation in (first, second, first):
        folder.publish(index, generation)
        assert folder.live(index) == generation
    assert folder.previous(index) == second
    third = folder.create(index, whole)
    folder.publish(index, third)
    assert folder.previous(index) == first, "the one that answered, not the newest"
    folder.prune(index)
    assert folder.generations(index) == [first, third]


def test_what_is_not_whole_or_not_there_cannot_be_put_back(index: Path) -> None:
    whole = {**SHAPE.facts(), "whole": "yes"}
    first, half, last = (
        folder.create(index, whole),
        folder.create(index, SHAPE.facts()),
        folder.create(index, whole),
    )
    folder.publish(index, half)
    folder.publish(index, last)
    assert folder.previous(index) == first
    shutil.rmtree(first)
    assert folder.previous(index) is None
    folder.publish(index, last, before=last)
    assert (index / "CURRENT").read_text() == "gen-3\n"


def test_a_generation_is_published_that_keeps_what_was_before_it(index: Path) -> None:
    whole = {**SHAPE.facts(), "whole": "yes"}
    first, second, third = (folder.create(index, whole) for _ in range(3))
    folder.publish(index, first)
    folder.publish(index, second)
    folder.publish(index, third, before=first)
    assert folder.previous(index) == first
    folder.publish(index, third)
    assert folder.previous(index) == first, "to publish it again changes nothing"


# ---- the files beside it


def test_files_that_came_with_a_generation_lie_beside_it_while_it_answers(index: Path) -> None:
    whole = {**SHAPE.facts(), "whole": "yes"}
    first, second = (folder.create(index, whole) for _ in range(2))
    uploads = index / "uploads"
    folder.publish(index, first)
    uploads.mkdir()
    (uploads / "old.txt").write_text("old")
    (second / "uploads").mkdir()
    (second / "uploads" / "new.txt").write_text("new")
    with folder.writing(index):
        assert names(uploads) == ["old.txt"], "nothing moves before it answers"
    for generation, file in ((second, "new.txt"), (first, "old.txt"), (second, "new.txt")):
        folder.publish(index, generation)
        with folder.writing(index):
            assert names(uploads) == [file]
            assert not (generation / "uploads").exists()


def test_files_that_were_half_moved_are_moved_by_the_next_writer(index: Path) -> None:
    whole = {**SHAPE.facts(), "whole": "yes"}
    first, second = (folder.create(index, whole) for _ in range(2))
    folder.publish(index, first)
    (second / "fetched").mkdir()
    (first / "fetched").mkdir()  # those from before have been put aside, and then the process was killed
    folder.publish(index, second)
    with folder.writing(index):
        assert (index / "fetched").is_dir()
        assert (first / "fetched").is_dir()
        assert not (second / "fetched").exists()


def test_what_a_killed_writer_was_writing_goes_with_the_next(collection: Collection) -> None:
    collection.put("a", "apples")
    left = collection.database.parent / f"vectors.faiss{NEW}"
    left.write_bytes(b"half")
    with folder.writing(collection.index):
        assert not left.exists()
    assert collection.database.exists()


def test_files_stay_where_nobody_would_keep_them(index: Path) -> None:
    made = folder.create(index, {**SHAPE.facts(), "whole": "yes"})
    for path in (index / "uploads", made / "uploads"):
        path.mkdir()
        (path / "a.txt").write_text(path.parent.name)
    folder.publish(index, made)
    with folder.writing(index):
        assert (index / "uploads" / "a.txt").read_text() == "index"


# ---- who writes


def test_who_writes_is_told_while_it_writes(index: Path) -> None:
    assert lock.writer(index) is None
    with another_writer(index) as process:
        who = lock.writer(index)
        assert who
        assert (who.pid, who.command) == (process.pid, f"-c {index}")
        assert who.since.startswith("20")
        process.send_signal(signal.SIGKILL)
        process.wait()
        assert (index / "writer.json").exists()
        assert lock.writer(index) is None, "it left its name behind"


# ---- replacing


def test_a_reader_finds_the_old_or_the_new_and_never_a_part(tmp_path: Path) -> None:
    path, done, found = tmp_path / "file", threading.Event(), set()
    states = [bytes([n]) * 50_000 for n in range(3)]
    folder.replace(path, states[0])

    def read() -> None:
        while not done.is_set():
            found.add(path.read_bytes())

    thread = threading.Thread(target=read)
    thread.start()
    for n in range(40):
        folder.replace(path, states[n % 3])
    done.set()
    thread.join()
    assert found <= set(states)
    assert names(tmp_path) == ["file"]


def test_what_cannot_be_written_leaves_the_old(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "file"
    folder.replace(path, b"old")

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(IndexFault, match="file cannot be written: No space left on device"):
        folder.replace(path, b"new")
    assert path.read_bytes() == b"old"
    assert names(tmp_path) == ["file"]


def test_a_folder_that_cannot_be_made_is_said(tmp_path: Path) -> None:
    with pytest.raises(IndexFault, match="gen-1 cannot be written"):
        folder.create(tmp_path / "none", {})
