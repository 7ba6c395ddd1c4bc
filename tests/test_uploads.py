"""Files given by hand: kept whole or not at all, indexed once, and gone when their articles are removed."""

from __future__ import annotations

import errno
import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from ingest import dropped, read, sync, uploads
from ingest.dropped import MAX_FILES, MAX_UPLOAD_BYTES, safe_name
from ingest.uploads import Added
from rag.errors import (
    ArticleMissing,
    CitewiseError,
    IndexFault,
    IndexLocked,
    IndexMissing,
    IndexStale,
    RemovalRefused,
    UploadRefused,
)
from rag.index import folder
from rag.index.truth import Truth
from rag.store import Store
from rag.upkeep import doctor
from tests import documents
from tests.fakes import LetterEmbedder
from tests.test_folder import another_writer

TOKENS = 40
HOME = Path(__file__).parent.parent


class Place:
    """An index of a small collection, and a folder to upload from."""

    def __init__(self, home: Path) -> None:
        self.home, self.index, self.corpus, self.tmp = home, home / "index", home / "corpus", home / "tmp"
        self.corpus.mkdir()
        self.tmp.mkdir()
        (self.corpus / "one.txt").write_text("One article of the collection.")
        self.line_file = self.corpus / "many.jsonl"
        self.line_file.write_text(lines("x", "y"))
        self.sync()

    def sync(self, **options: bool) -> sync.Summary:
        return sync.index([self.corpus], self.index, LetterEmbedder(), TOKENS, **options)  # type: ignore[arg-type]

    def file(self, content: str | bytes) -> Path:
        """A file as a server keeps it: under a name of its own."""
        path = self.tmp / f"{len(list(self.tmp.iterdir()))}.tmp"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    def add(self, **named: str | bytes) -> Added:
        """Upload contents under the names of keywords; ``__`` stands for a dot."""
        return self.add_pairs(*((name.replace("__", "."), content) for name, content in named.items()))

    def add_pairs(self, *pairs: tuple[str, str | bytes]) -> Added:
        files = [self.file(content) for _, content in pairs]
        return uploads.add(files, [name for name, _ in pairs], self.index, LetterEmbedder(), TOKENS)

    def remove(self, id: str) -> str:
        return uploads.remove(id, self.index)

    @property
    def kept(self) -> dict[str, str]:
        """What lies in the folder of uploads, hidden files too."""
        folder = self.index / "uploads"
        return {p.name: p.read_text() for p in sorted(folder.iterdir())} if folder.exists() else {}

    @property
    def ids(self) -> list[str]:
        with Store(self.index) as store:
            return sorted(article.id for article in store.articles())

    @property
    def is_sound(self) -> bool:
        return list(doctor.faults(self.index)) == []


COLLECTION = ["many.jsonl#x", "many.jsonl#y", "one.txt"]


def lines(*ids: str) -> str:
    return "".join(json.dumps({"id": id, "text": f"The text of {id}."}) + "\n" for id in ids)


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


# -- adding


def test_files_are_kept_and_indexed_under_their_names(place: Place) -> None:
    added = place.add(notes__txt="Some notes.", more__MD="# Title\n\nText.", lines__jsonl=lines("p", "q"))
    assert added.problems == ()
    assert added.notes == ("more.MD is kept as more.md.",)
    assert added.summary is not None and (added.summary.new, added.summary.articles) == (4, 7)
    assert place.ids == sorted([*COLLECTION, "notes.txt", "more.md", "lines.jsonl#p", "lines.jsonl#q"])
    assert list(place.kept) == ["lines.jsonl", "more.md", "notes.txt"]
    assert place.is_sound


def test_the_same_bytes_under_the_same_name_are_there_already(place: Place) -> None:
    place.add(notes__txt="Some notes.")
    added = place.add_pairs(("notes.txt", "Some notes."), ("a/notes.txt", "Some notes."))
    assert added.notes == ("notes.txt is there already.", "a/notes.txt is there already.")
    assert added.summary is not None and added.summary.new == 0
    assert list(place.kept) == ["notes.txt"]


def test_the_same_file_twice_in_one_drop_is_kept_once(place: Place) -> None:
    added = place.add_pairs(("notes.txt", "Some notes."), ("notes.txt", "Some notes."))
    assert (added.problems, list(place.kept)) == ((), ["notes.txt"])
    assert place.ids == sorted([*COLLECTION, "notes.txt"])


def test_other_bytes_under_the_same_name_get_another_name(place: Place) -> None:
    added = place.add_pairs(("notes.txt", "First."), ("notes.txt", "Second."), ("notes.txt", "Third."))
    assert place.kept == {"notes.txt": "First.", "notes-2.txt": "Second.", "notes-3.txt": "Third."}
    assert added.notes == (
        "notes.txt is kept as notes-2.txt: there is another notes.txt.",
        "notes.txt is kept as notes-3.txt: there is another notes.txt.",
    )
    assert place.add(notes__txt="Second.").notes == ("notes.txt is there already.",)
    assert len(place.kept) == 3


HOSTILE = {
    "../../etc/passwd.txt": "passwd.txt",
    "C:\\dir\\a.txt": "a.txt",
    "a/b.md": "b.md",
    ".hidden.txt": "hidden.txt",
    ".txt": "untitled.txt",
    "...txt": "untitled.txt",
    "con.txt": "_con.txt",
    "COM1.tar.txt": "_COM1.tar.txt",
    "a\x00b\n\x1b[31m.txt": "ab[31m.txt",
    "a\u202etxt.exe.txt": "atxt.exe.txt",
    "e\u0301te\u0301.txt": "\u00e9t\u00e9.txt",
    "🦓🦓.txt": "🦓🦓.txt",
    "שלום.TXT": "שלום.txt",
    "  spaces   in  it .txt": "spaces in it.txt",
    '<a href="x">|?*.txt': "-a href=-x-----.txt",
    "\ud800.txt": "untitled.txt",
    "x" * 500 + ".markdown": "x" * (120 - 9 - 6) + ".markdown",
}


def test_names_are_made_safe(place: Place) -> None:
    assert {name: "".join(safe_name(name)) for name in HOSTILE} == HOSTILE
    added = place.add_pairs(*((name, f"The text of {kept}.") for name, kept in HOSTILE.items()))
    assert added.problems == ()
    assert set(place.kept) == set(HOSTILE.values())
    assert {path.name for path in place.home.iterdir()} == {"index", "corpus", "tmp"}
    assert place.is_sound


def test_long_names_fit_with_a_number(place: Place) -> None:
    names = ["🦓" * 500, "é" * 500, "x" * 500]
    place.add_pairs(*((f"{name}.txt", f"Text {n}.") for name in names for n in range(11)))
    assert len(place.kept) == 33
    assert all(len(kept) <= 120 and len(kept.encode()) <= 255 for kept in place.kept)


UNREAD = ["", ".", "..", "/", ".hidden", "a/b", "passwd", "a.jpeg", "a.txt/", "a.txt.exe"]


@pytest.mark.parametrize("name", UNREAD)
def test_names_of_what_is_not_read_are_refused(name: str) -> None:
    with pytest.raises(UploadRefused):
        safe_name(name)


def test_a_suffix_of_two_parts_stays_whole() -> None:
    assert safe_name("a/News 2017.TAR.GZ") == ("News 2017", ".tar.gz")
    assert safe_name(".tar.gz") == ("untitled", ".tar.gz")


def test_a_refused_file_stops_no_other(place: Place) -> None:
    added = place.add_pairs(*((name, "Some notes.") for name in UNREAD), ("good.txt", "Good."))
    assert [name for name, _ in added.problems] == ["(no name)", *UNREAD[1:]]
    assert all("text, Markdown" in problem for _, problem in added.problems)
    assert list(place.kept) == ["good.txt"]


def test_what_cannot_be_read_is_not_kept_and_told_as_the_command_line_does(place: Place) -> None:
    contents = {
        "empty.txt": b"",
        "empty.jsonl": b"",
        "binary.md": bytes(range(256)) * 9,
        "dated.md": b"---\ndate: 31/31/2031\n---\nText.",
        "half.jsonl": lines("p").encode() + b"{oops\n",
        "good.txt": b"Good.",
    }
    added = place.add_pairs(*contents.items())
    problems = dict(added.problems)
    assert list(place.kept) == ["good.txt", "half.jsonl"]
    assert set(problems) == {"empty.txt", "empty.jsonl", "binary.md", "dated.md", "half.jsonl:2"}
    assert problems["empty.txt"].startswith("has no text")
    assert problems["empty.jsonl"].startswith("holds no article")
    assert str(place.home) not in str((added.problems, added.notes))
    for name, content in contents.items():
        (place.corpus / name).write_bytes(content)
    theirs = {f.path.removeprefix(f"{place.corpus}/"): f.error for f in place.sync().failed}
    assert theirs == {name: told for name, told in problems.items() if name != "empty.jsonl"}


def test_many_bad_lines_are_counted(place: Place) -> None:
    added = place.add(bad__jsonl=lines("p") + "{oops\n" * 500)
    assert len(added.problems) == 21
    assert added.problems[-1][1].startswith("480 more of its lines")


def test_too_large_and_too_many(place: Place) -> None:
    large = place.tmp / "large"
    with large.open("wb") as file:
        file.truncate(33 * 2**20)
    small = [place.file(f"Article number {n}.") for n in range(MAX_FILES)]
    names = ["large.txt", *(f"{n}.txt" for n in range(MAX_FILES))]
    added = uploads.add([large, *small], names, place.index, LetterEmbedder(), TOKENS)
    assert [name for name, _ in added.problems] == ["large.txt", "99.txt"]
    assert "34,603,008 bytes, an upload at most 33,554,432" in added.problems[0][1]
    assert "at most 100 files" in added.problems[1][1]
    assert len(place.kept) == 99
    more = uploads.add([small[0]] * 103, names[:1] + names[1:2] * 102, place.index, LetterEmbedder(), TOKENS)
    assert more.problems == (
        ("3 more files", "at most 100 files are taken at a time. Give the rest after these."),
    )


def test_a_file_that_grows_or_goes_while_it_is_copied_is_refused(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = [place.file("Good."), place.file("x"), place.file("y")]
    given, _ = dropped.checked(files, ["good.txt", "grown.txt", "gone.txt"])
    os.truncate(files[1], MAX_UPLOAD_BYTES + 1)
    files[2].unlink()
    monkeypatch.setattr(uploads, "checked", lambda *_: (given, []))
    added = uploads.add([], [], place.index, LetterEmbedder(), TOKENS)
    assert list(place.kept) == ["good.txt"]
    assert [name for name, _ in added.problems] == ["grown.txt", "gone.txt"]


def test_a_pipe_that_takes_the_place_of_a_file_keeps_nobody_waiting(place: Place) -> None:
    given, _ = dropped.checked([file := place.file("x")], ["a.txt"])
    file.unlink()
    os.mkfifo(file)
    home = dropped.made(uploads.home(place.index))
    done: list[tuple[list[dropped.Taken], list[dropped.Problem]]] = []
    waiting = threading.Thread(target=lambda: done.append(dropped.taken_in(given, home)), daemon=True)
    waiting.start()
    waiting.join(5)
    assert done == [([], [("a.txt", "is not a regular file. Give a file in its place.")])]


def test_a_folder_or_a_missing_file_is_refused(place: Place) -> None:
    files = [place.corpus, place.tmp / "none"]
    added = uploads.add(files, ["a.txt", "b.txt"], place.index, LetterEmbedder(), TOKENS)
    assert [problem.partition(".")[0] for _, problem in added.problems] == [
        "is not a regular file",
        "cannot be read: no such file or directory",
    ]
    assert added.summary is None
    assert place.kept == {}


def test_a_full_disk_is_told_of_each_file(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    met = []

    def full(descriptor: int) -> None:
        met.append(descriptor)
        raise OSError(errno.ENOSPC, "No space left on device")

    real = os.fsync
    monkeypatch.setattr(dropped.os, "fsync", lambda fd: full(fd) if _is_part(fd) else real(fd))
    added = place.add(a__txt="A text.", b__txt="B text.")
    assert len(met) == 2
    assert added.problems[0] == (
        "a.txt",
        "cannot be kept: no space left on device. Free some space, and give it again.",
    )
    assert (place.kept, place.ids) == ({}, COLLECTION)


def _is_part(descriptor: int) -> bool:
    return "part-" in str(Path(f"/proc/self/fd/{descriptor}").readlink())


def test_another_writer_leaves_nothing_in_uploads(place: Place) -> None:
    with another_writer(place.index), pytest.raises(IndexLocked, match="is being written by process"):
        place.add(notes__txt="Some notes.")
    assert place.kept == {}
    with another_writer(place.index), pytest.raises(IndexLocked):
        place.remove("one.txt")
    assert place.ids == COLLECTION


def test_a_run_that_fails_keeps_what_was_stored_alone(place: Place) -> None:
    class Failing(LetterEmbedder):
        def embed_passages(self, texts):  # type: ignore[no-untyped-def]
            raise IndexFault("the disk is full")

    with pytest.raises(IndexFault, match="full"):
        uploads.add([place.file("A text.")], ["a.txt"], place.index, Failing(), TOKENS)
    assert (place.kept, place.ids) == ({}, COLLECTION)
    other = LetterEmbedder()
    other.name = "others"
    with pytest.raises(IndexStale):
        uploads.add([place.file("A text.")], ["a.txt"], place.index, other, TOKENS)
    assert place.kept == {}


def test_uploads_make_an_index_where_there_is_none(tmp_path: Path, place: Place) -> None:
    new = tmp_path / "new"
    uploads.add([place.file("A text.")], ["a.txt"], new, LetterEmbedder(), TOKENS)
    with Store(new) as store:
        assert [article.id for article in store.articles()] == ["a.txt"]


# -- what is beside them


def test_the_collection_and_uploads_leave_each_other_alone(place: Place) -> None:
    place.add(notes__txt="Some notes.")
    (place.corpus / "one.txt").write_text("Another text.")
    summary = place.sync()
    assert (summary.changed, summary.removed, summary.articles) == (1, 0, 4)
    assert place.sync(rebuild=True).articles == 4
    assert place.sync(rebuild=True).removed == 0  # and the oldest generation goes
    assert place.kept == {"notes.txt": "Some notes."}
    assert place.ids == sorted([*COLLECTION, "notes.txt"])
    assert place.add(notes__txt="Some notes.").notes == ("notes.txt is there already.",)


def test_a_healthy_index_may_hold_uploads_and_conversations(place: Place) -> None:
    place.add(notes__txt="Some notes.")
    (place.index / "conversations.db").write_bytes(b"whatever")
    assert place.is_sound
    with folder.writing(place.index):
        assert folder.prepare(place.index, {}) == folder.live(place.index)


def test_a_folder_above_the_index_meets_uploads_as_what_they_are(place: Place) -> None:
    place.add(notes__txt="Some notes.", many__jsonl=lines("p"))
    summary = sync.index([place.home], place.index, LetterEmbedder(), TOKENS)
    assert (summary.new, summary.moved, summary.removed, summary.articles) == (0, 0, 0, 5)
    place.remove("notes.txt")
    assert sync.index([place.home], place.index, LetterEmbedder(), TOKENS).articles == 4


# -- removing


def test_an_article_of_the_collection_comes_back_with_its_folder(place: Place) -> None:
    path = place.corpus / "one.txt"
    expected = f"Its file {path} stays; indexing that folder again brings it back."
    assert uploads.fate(place.index, str(path), 0) == expected
    assert place.remove("one.txt") == f"one.txt is removed. {expected}"
    assert place.ids == ["many.jsonl#x", "many.jsonl#y"]
    assert path.exists()
    assert place.is_sound
    place.remove("many.jsonl#x")
    before = place.line_file.read_text()
    summary = place.sync()
    assert (summary.new, summary.unchanged, place.ids) == (2, 1, COLLECTION)
    assert place.line_file.read_text() == before


def test_an_upload_goes_with_its_file(place: Place) -> None:
    place.add(notes__txt="Some notes.")
    assert place.remove("notes.txt") == "notes.txt is removed. Its uploaded file notes.txt goes with it."
    assert (place.kept, place.ids) == ({}, COLLECTION)
    assert place.is_sound
    assert place.add(notes__txt="Some notes.").notes == ()
    assert place.ids == sorted([*COLLECTION, "notes.txt"])


def test_a_line_of_an_upload_goes_and_the_others_stay_as_they_are(place: Place) -> None:
    odd = b'{"id": 7,\r "text": "Seven."}\r\n\n{oops\n{"id": "caf\xc3\xa9", "text": "Text."}\n{"id": "z", "text": "Z."}'
    place.add_pairs(("many.jsonl", odd))
    assert place.ids == sorted([*COLLECTION, "many.jsonl#7", "many.jsonl#café", "many.jsonl#z"])
    with Store(place.index) as store:
        before = {id for id, _ in store.matching("Z", 9)}
    told = place.remove("many.jsonl#café")
    assert told.endswith(
        "Its line goes out of the uploaded file many.jsonl; 2 other articles of that file stay."
    )
    kept = (place.index / "uploads" / "many.jsonl").read_bytes()
    assert kept == odd.replace(b'{"id": "caf\xc3\xa9", "text": "Text."}\n', b"")
    added = place.add(other__txt="Other.")  # what is not remembered as read whole is read again
    assert added.summary is not None and (added.summary.new, added.problems) == (1, ())
    assert place.ids == sorted([*COLLECTION, "many.jsonl#7", "many.jsonl#z", "other.txt"])
    with Store(place.index) as store:
        assert {id for id, _ in store.matching("Z", 9)} == before
    place.remove("many.jsonl#7")
    assert place.remove("many.jsonl#z").endswith("goes with it.")
    assert list(place.kept) == ["other.txt"]
    assert place.is_sound


def test_documents_are_kept_indexed_and_removed_like_text(place: Place) -> None:
    pdf = documents.pdf([documents.column("The first page."), documents.column("The second page.")])
    added = place.add_pairs(("A paper.PDF", pdf), ("page.html", "<p>A page of text.</p>"))
    assert (added.problems, added.notes) == ((), ("A paper.PDF is kept as A paper.pdf.",))
    assert place.ids == sorted([*COLLECTION, "A paper.pdf", "page.html"])
    assert place.remove("A paper.pdf").endswith("Its uploaded file A paper.pdf goes with it.")
    assert list(place.kept) == ["page.html"]
    assert place.is_sound


def test_a_file_that_cannot_lose_an_article_says_so_and_stays(place: Place) -> None:
    place.add(rows__csv="id,text\np,The text of p.\nq,The text of q.\n")
    file = place.index / "uploads" / "rows.csv"
    assert uploads.fate(place.index, str(file), 1) == (
        "It cannot be taken out of the uploaded file rows.csv, which holds 1 other article."
    )
    before = place.kept
    with pytest.raises(RemovalRefused) as caught:
        place.remove("rows.csv#p")
    assert "rows.csv, which holds 2 articles; nothing was changed" in caught.value.message
    assert place.kept == before and "rows.csv#p" in place.ids
    assert f"delete {file} and run: citewise index {file.parent}" in caught.value.hint
    file.unlink()
    sync.index([file.parent], place.index, LetterEmbedder(), TOKENS, yes=True)
    assert place.ids == COLLECTION


def test_the_last_article_of_such_a_file_goes_with_it(place: Place) -> None:
    place.add(rows__csv="id,text\np,The text of p.\n")
    assert place.remove("rows.csv#p").endswith("Its uploaded file rows.csv goes with it.")
    assert (place.kept, place.ids) == ({}, COLLECTION)


def test_a_file_of_another_kind_than_its_name_says_is_not_kept(place: Place) -> None:
    added = place.add_pairs(("a.pdf", b"no PDF"), ("b.tar.gz", b"no tar"), ("c.csv", "year,seats\n2017,5\n"))
    assert [name for name, _ in added.problems] == ["a.pdf", "b.tar.gz", "c.csv"]
    assert place.kept == {}


def test_the_sum_of_a_file_is_remembered_only_as_it_is(place: Place) -> None:
    place.add(lines__jsonl=lines("p", "q"))
    place.remove("lines.jsonl#p")
    truth = Truth(folder.live(place.index) / folder.DATABASE)
    assert not [path for path in truth.files() if path.endswith("lines.jsonl")]
    truth.close()
    place.add(other__txt="Other.")
    truth = Truth(folder.live(place.index) / folder.DATABASE)
    assert [path for path in truth.files() if path.endswith("lines.jsonl")]
    truth.close()


def test_lines_that_were_never_indexed_survive_a_removal(place: Place) -> None:
    """As after a crash: the file holds two articles, the index knows of one."""
    place.add(lines__jsonl=lines("p"))
    with (place.index / "uploads" / "lines.jsonl").open("a") as file:
        file.write(lines("q"))
    place.remove("lines.jsonl#p")
    assert place.kept == {"lines.jsonl": lines("q")}
    bad = "{oops\n" * read.MAX_COMPLAINTS
    place.add(more__jsonl=lines("p"))
    (place.index / "uploads" / "more.jsonl").write_text(lines("p") + bad + lines("q"))
    place.remove("more.jsonl#p")
    assert place.kept["more.jsonl"] == bad + lines("q"), "behind what is not read"


def test_removing_what_is_not_there_is_an_error_that_changes_nothing(place: Place) -> None:
    for id in ("none", "", "\ud800", "../one.txt"):
        with pytest.raises(ArticleMissing):
            place.remove(id)
    with pytest.raises(IndexMissing):
        uploads.remove("a", place.home / "no index")
    assert not (place.home / "no index").exists()
    place.add(notes__txt="Some notes.")
    (place.index / "uploads" / "notes.txt").unlink()
    place.remove("notes.txt")  # its file went before
    assert place.ids == COLLECTION


def test_a_removal_whose_file_cannot_be_changed_changes_nothing(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    place.add(notes__txt="Some notes.")

    def refused(*_: object, **__: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "unlink", refused)
        with pytest.raises(CitewiseError, match=r"notes\.txt cannot be changed: permission denied"):
            place.remove("notes.txt")
    assert place.ids == sorted([*COLLECTION, "notes.txt"])


# -- crashes

UPLOAD = """
import os, sys, time
from pathlib import Path
from ingest import uploads, dropped, sync
from tests import documents
from tests.fakes import LetterEmbedder
index, stage, *files = sys.argv[1:]
def hang(*_):
    print("there", flush=True)
    time.sleep(60)
if stage == "copying":
    real, count = os.fsync, []
    def slow(descriptor):
        if "part-" in os.readlink(f"/proc/self/fd/{descriptor}"):
            count.append(descriptor)
            if len(count) == 2: hang()
        real(descriptor)
    os.fsync = slow
if stage == "copied":
    sync.locked = lambda *a, **k: hang()
class Watcher(sync.Silence):
    def stored(self, *_):
        if stage == "storing": hang()
uploads.add([Path(f) for f in files], ["a.txt", "b.jsonl"], index, LetterEmbedder(), 40, Watcher())
"""


@pytest.mark.parametrize("stage", ["copying", "copied", "storing"])
def test_a_killed_upload_is_there_once_after_the_next(place: Place, stage: str) -> None:
    contents = ("A text.", lines("p", "q", "r"))
    files = [str(place.file(content)) for content in contents]
    command = [sys.executable, "-c", UPLOAD, str(place.index), stage, *files]
    process = subprocess.Popen(command, cwd=HOME, stdout=subprocess.PIPE, text=True)
    assert process.stdout and process.stdout.readline() == "there\n"
    process.send_signal(signal.SIGKILL)
    process.wait()
    process.stdout.close()
    assert all(content in contents for name, content in place.kept.items() if not name.startswith("."))
    assert place.is_sound
    assert place.ids[: len(COLLECTION)] == COLLECTION or "a.txt" in place.ids
    if stage != "copying":  # any upload finishes what was begun
        place.add(other__txt="Other.")
        place.remove("other.txt")
        expected = sorted([*COLLECTION, "a.txt", "b.jsonl#p", "b.jsonl#q", "b.jsonl#r"])
        assert place.ids == expected
    added = place.add(a__txt=contents[0], b__jsonl=contents[1])
    assert added.problems == ()
    assert place.ids == sorted([*COLLECTION, "a.txt", "b.jsonl#p", "b.jsonl#q", "b.jsonl#r"])
    assert place.kept == dict(zip(["a.txt", "b.jsonl"], contents, strict=True))
    assert place.is_sound
