"""A backup and an export are whole indexes, made while the index is in use; what is brought in is proved first."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import shutil
import sqlite3
import stat
import struct
import threading
import zipfile
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from rag.errors import IndexDamaged, IndexFault, IndexLocked, IndexMissing, IndexStale
from rag.index import caches, folder
from rag.index.truth import Truth
from rag.store import Store
from rag.upkeep import backup, copies, doctor, parcel, swap, transfer
from tests.conftest import SHAPE, Collection, matching, near, put, remove


def upload(collection: Collection, name: str, *texts: str) -> None:
    """Store an article that came from a file in the index's own folder."""
    home = collection.index.resolve() / "uploads"
    home.mkdir(exist_ok=True)
    (home / name).write_text("\n".join(texts))
    with collection.writing() as truth:
        put(truth, name, *texts)
        with truth.change():
            truth.move(
                next(k.n for k in truth.known() if k.id == name), name, str(home / name), str(home / name)
            )
            truth.remember_file(str(home / name), "sum")


def talk(index: Path) -> None:
    """Leave a conversation in an index, for its owner's eyes alone."""
    with closing(sqlite3.connect(index / "conversations.db")) as db, db:
        db.execute("CREATE TABLE said (what)")
        db.execute("INSERT INTO said VALUES ('hello')")
    (index / "conversations.db").chmod(0o600)


@pytest.fixture
def used(collection: Collection) -> Collection:
    """Three articles, one of them uploaded, one removed, and a conversation."""
    with collection.writing(flush=False) as truth:
        for id, text in (("a", "apples"), ("b", "bananas"), ("c", "cherries")):
            put(truth, id, text)
        remove(truth, "a")
    upload(collection, "u.txt", "umbrellas", "uncles")
    talk(collection.index)
    return collection


def faults(index: Path) -> list[str]:
    return list(doctor.faults(index))


def places(index: Path) -> list[tuple[str, str]]:
    with closing(Truth(folder.live(index) / folder.DATABASE)) as truth:
        return [(known.place, known.file) for known in truth.known()]


def ids(index: Path) -> list[str]:
    with Store(index) as store:
        return [article.id for article in store.articles()]


def full(*_: object, **__: object) -> None:
    raise OSError(errno.ENOSPC, "No space left on device")


# ---- backup


def test_a_backup_is_an_index(used: Collection, tmp_path: Path) -> None:
    made = backup.backup(used.index, tmp_path / "safe")
    safe = tmp_path / "safe"
    assert (made.path, made.n_files, made.held.n_articles) == (str(safe), 1, 3)
    assert made.n_bytes >= made.held.n_bytes > 0
    assert faults(safe) == []
    with Store(safe) as store, Store(used.index) as original:
        assert ids(safe) == ["b", "c", "u.txt"]
        assert matching(store, "uncles") == matching(original, "uncles") == [5]
        assert near(store, "cherries") == near(original, "cherries")
        assert store.note is None
    assert Collection(safe).put("d", "dates") == [6]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["index", "safe"]


def test_what_lies_beside_the_index_is_copied_and_belongs_to_the_backup(
    used: Collection, tmp_path: Path
) -> None:
    (used.index / "uploads" / "link").symlink_to("/etc/passwd")
    (used.index / "fetched" / "deep").mkdir(parents=True)
    (used.index / "fetched" / "deep" / "page.html").write_text("fetched")
    safe = tmp_path / "safe"
    assert backup.backup(used.index, safe).n_files == 2
    assert (safe / "uploads" / "u.txt").read_text() == "umbrellas\nuncles"
    assert (safe / "fetched" / "deep" / "page.html").read_text() == "fetched"
    assert not (safe / "uploads" / "link").exists()
    own = str(safe / "uploads" / "u.txt")
    assert places(safe) == [(own, own), ("b", "b"), ("c", "c")]
    with closing(Truth(folder.live(safe) / folder.DATABASE)) as truth:
        assert truth.files() == {own: "sum"}
    with closing(sqlite3.connect(safe / "conversations.db")) as db:
        assert db.execute("SELECT what FROM said").fetchall() == [("hello",)]
    assert stat.S_IMODE((safe / "conversations.db").stat().st_mode) == 0o600


def test_a_newer_backup_takes_the_place_of_the_older(used: Collection, tmp_path: Path) -> None:
    safe = tmp_path / "safe"
    safe.mkdir()  # an empty folder will do, too
    backup.backup(used.index, safe)
    used.put("d", "dates")
    backup.backup(used.index, safe)
    assert ids(safe) == ["b", "c", "u.txt", "d"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["index", "safe"]


def test_what_is_no_backup_is_left_alone(used: Collection, tmp_path: Path) -> None:
    thesis, other, written = tmp_path / "thesis", tmp_path / "other", tmp_path / "written"
    thesis.mkdir()
    (thesis / "chapter").write_text("mine")
    Collection(other).put("x", "another index")
    backup.backup(used.index, written)
    Collection(written).put("x", "added to the backup")
    (tmp_path / "file").write_text("mine")
    for target, said in (
        (thesis, "is not a backup"),
        (other, "is not a backup"),
        (tmp_path / "file", "is not a backup"),
        (written, "has been written to since"),
        (used.index, "is not apart from"),
        (used.index / "safe", "is not apart from"),
        (tmp_path, "is not apart from"),
    ):
        with pytest.raises(IndexFault, match=said):
            backup.backup(used.index, target)
    assert (thesis / "chapter").read_text() == (tmp_path / "file").read_text() == "mine"
    assert ids(written) == ["b", "c", "u.txt", "x"]


def test_what_a_killed_backup_left_is_taken_up_and_what_is_not_ours_is_not(
    used: Collection, tmp_path: Path
) -> None:
    left = tmp_path / "safe.new"
    left.mkdir()
    (left / "mine").write_text("mine")
    with pytest.raises(IndexFault, match=r"safe\.new is in the way"):
        backup.backup(used.index, tmp_path / "safe")
    assert (left / "mine").exists()
    (left / "BACKUP").write_text("{}")
    (left / "gen-1").mkdir()
    backup.backup(used.index, tmp_path / "safe")
    assert faults(tmp_path / "safe") == []
    assert not (tmp_path / "safe" / "mine").exists()
    assert not left.exists()


def test_two_backups_to_one_place_do_not_meet(
    used: Collection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    finish, met = swap.finish, []

    def meanwhile(*given: Any, **named: Any) -> None:
        with pytest.raises(IndexLocked, match=f"process {os.getpid()}"):
            backup.backup(used.index, tmp_path / "safe")
        met.append(True)
        finish(*given, **named)

    monkeypatch.setattr(swap, "finish", meanwhile)
    backup.backup(used.index, tmp_path / "safe")
    assert met == [True]
    assert faults(tmp_path / "safe") == []


def test_a_writer_and_readers_go_on_and_a_backup_is_one_state(used: Collection, tmp_path: Path) -> None:
    done = threading.Event()
    written: list[int] = []

    def write() -> None:
        with used.writing() as truth:
            n = 0
            while not done.is_set():
                put(truth, f"w{n % 7}", *(f"state {n} {i}" for i in range(5)))
                caches.flush(used.generation, truth, final=n % 2 == 0)
                written.append(n)
                n += 1

    thread = threading.Thread(target=write)
    thread.start()
    try:
        for n in range(3):
            before = len(written)
            safe = tmp_path / f"safe{n}"
            backup.backup(used.index, safe)
            transfer.export_index(used.index, tmp_path / f"{n}.zip")
            assert len(written) > before, "the writer did not go on"
            assert faults(safe) == []
            transfer.import_index(tmp_path / f"{n}.zip", tmp_path / f"in{n}")
            assert faults(tmp_path / f"in{n}") == []
    finally:
        done.set()
        thread.join()


def test_a_generation_that_goes_meanwhile_is_copied_where_it_went(
    used: Collection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy = copies.copy

    def late(source: Path, target: Path) -> None:
        monkeypatch.undo()
        swap.compact(used.index)
        copy(source, target)

    monkeypatch.setattr(copies, "copy", late)
    made = backup.backup(used.index, tmp_path / "safe")
    assert made.held.generation == "gen-2"
    assert [path.name for path in folder.generations(tmp_path / "safe")] == ["gen-2"]
    assert faults(tmp_path / "safe") == []


def test_caches_are_copied_and_damaged_ones_made_again(
    used: Collection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[str] = []
    create = caches.words.create
    monkeypatch.setattr(caches.words, "create", lambda *given: made.append("words") or create(*given))
    backup.backup(used.index, tmp_path / "safe")
    assert made == []
    for file in used.words.glob("*.idx"):
        file.write_bytes(file.read_bytes()[:-1] + b"x")
    used.vectors.write_bytes(used.vectors.read_bytes()[:-100])
    backup.backup(used.index, tmp_path / "other")
    assert made == ["words"]
    assert faults(tmp_path / "other") == []


@pytest.mark.parametrize(
    ("where", "name"),
    [(copies, "copy"), (swap, "finish"), (Path, "rename"), (shutil, "copyfileobj"), (os, "sync")],
)
def test_a_backup_that_fails_leaves_the_one_that_is_there(
    used: Collection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, where: object, name: str
) -> None:
    safe = tmp_path / "safe"
    backup.backup(used.index, safe)
    used.put("d", "dates")
    with monkeypatch.context() as patch:
        patch.setattr(where, name, full)
        with pytest.raises(IndexFault, match="No space left"):
            backup.backup(used.index, safe)
    assert ids(safe) == ["b", "c", "u.txt"]
    assert faults(safe) == faults(used.index) == []
    backup.backup(used.index, safe)
    assert ids(safe) == ["b", "c", "u.txt", "d"]


def test_a_backup_needs_an_index_and_room(
    used: Collection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(IndexMissing):
        backup.backup(tmp_path / "none", tmp_path / "safe")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(1, 1, 1))
    for work in (
        lambda: backup.backup(used.index, tmp_path / "safe"),
        lambda: transfer.export_index(used.index, tmp_path / "x.zip"),
    ):
        with pytest.raises(IndexFault, match=r"needs .*, and 1 bytes are free"):
            work()
    assert [path.name for path in tmp_path.iterdir()] == ["index"]


def test_a_damaged_index_makes_no_backup_and_no_export(used: Collection, tmp_path: Path) -> None:
    data = bytearray(used.database.read_bytes())
    data[8192:-4096] = b"\xff" * (len(data) - 12288)
    used.database.write_bytes(data)
    with pytest.raises(IndexDamaged):
        backup.backup(used.index, tmp_path / "safe")
    with pytest.raises(IndexDamaged):
        transfer.export_index(used.index, tmp_path / "x.zip")
    assert [path.name for path in tmp_path.iterdir()] == ["index"]


# ---- export and import


@pytest.fixture
def sent(used: Collection, tmp_path: Path) -> Path:
    """What was exported of the index."""
    transfer.export_index(used.index, tmp_path / "sent.zip")
    return tmp_path / "sent.zip"


def test_an_export_comes_back_as_the_same_index(used: Collection, sent: Path, tmp_path: Path) -> None:
    new = tmp_path / "new"
    done = transfer.import_index(sent, new)
    assert (done.before, done.after.generation, done.after.n_articles, done.n_files) == (None, "gen-1", 3, 1)
    assert faults(new) == []
    with Store(new) as store, Store(used.index) as original:
        assert list(store.articles()) == list(original.articles())
        assert matching(store, "uncles") == matching(original, "uncles")
        assert near(store, "bananas") == near(original, "bananas")
    own = str(new / "uploads" / "u.txt")
    assert places(new) == [(own, own), ("b", "b"), ("c", "c")]
    assert (new / "uploads" / "u.txt").read_text() == "umbrellas\nuncles"
    assert not (new / "conversations.db").exists(), "what was asked is nobody else's"
    assert Collection(new).put("d", "dates") == [6]


def test_the_file_lists_what_it_holds(used: Collection, sent: Path) -> None:
    with zipfile.ZipFile(sent) as archive:
        assert archive.namelist() == ["articles.db", "uploads/u.txt", "manifest.json"]
        manifest = json.loads(archive.read("manifest.json"))
        data = archive.read("articles.db")
    assert (manifest["kind"], manifest["format"]) == ("citewise index", 1)
    assert (manifest["embedder"], manifest["dim"], manifest["passage_tokens"]) == ("letters", 26, 40)
    assert (manifest["n_articles"], manifest["n_passages"]) == (3, 4)
    part = {"name": "articles.db", "n_bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}
    assert manifest["parts"][0] == part
    assert [path.name for path in sent.parent.iterdir() if path.name.startswith("sent")] == ["sent.zip"]


def test_an_export_replaces_an_export_and_nothing_else(used: Collection, sent: Path, tmp_path: Path) -> None:
    used.put("d", "dates")
    assert transfer.export_index(used.index, sent).manifest.n_articles == 4
    for content in (b"mine", b"PK\x03\x04 mine", b""):
        (tmp_path / "thesis").write_bytes(content)
        with pytest.raises(IndexFault, match="is there and is not an export"):
            transfer.export_index(used.index, tmp_path / "thesis")
        assert (tmp_path / "thesis").read_bytes() == content


def test_an_index_that_is_there_gives_way_only_if_asked_and_comes_back(
    used: Collection, sent: Path, tmp_path: Path
) -> None:
    there = Collection(tmp_path / "there")
    there.put("x", "xigua")
    upload(there, "mine.txt", "marbles")
    with pytest.raises(IndexFault, match=r"there is an index at .* already") as raised:
        transfer.import_index(sent, there.index)
    assert "--yes" in raised.value.hint
    with Store(there.index) as store:
        done = transfer.import_index(sent, there.index, yes=True)
        assert done.before
        assert (done.before.generation, done.after.generation) == ("gen-1", "gen-2")
        store.refresh()
        assert matching(store, "umbrellas") == [9], "no passage of this index had that id before"
    assert [path.name for path in (there.index / "uploads").iterdir()] == ["u.txt"]
    assert faults(there.index) == []
    swap.rollback(there.index)
    assert ids(there.index) == ["x", "mine.txt"]
    assert [path.name for path in (there.index / "uploads").iterdir()] == ["mine.txt"]
    assert faults(there.index) == []
    swap.rollback(there.index)
    assert [path.name for path in (there.index / "uploads").iterdir()] == ["u.txt"]
    assert there.put("y", "yams") == [11]


def test_an_index_without_files_leaves_none_of_those_from_before(used: Collection, tmp_path: Path) -> None:
    plain = Collection(tmp_path / "plain")
    plain.put("x", "xigua")
    transfer.export_index(plain.index, tmp_path / "plain.zip")
    transfer.import_index(tmp_path / "plain.zip", used.index, yes=True)
    assert list((used.index / "uploads").iterdir()) == []
    swap.rollback(used.index)
    assert (used.index / "uploads" / "u.txt").exists()


def test_an_older_state_of_the_same_index_keeps_its_ids(used: Collection, sent: Path) -> None:
    used.put("d", "dates", "doves")
    transfer.import_index(sent, used.index, yes=True)
    with Store(used.index) as store:
        assert matching(store, "uncles") == [5]
    assert used.put("e", "elderberries") == [8], "over those of what was put aside"
    assert faults(used.index) == []


def test_a_writer_keeps_an_import_out(used: Collection, sent: Path) -> None:
    with used.writing(), pytest.raises(IndexLocked):
        transfer.import_index(sent, used.index, yes=True)


def again(
    sent: Path, change: Callable[[dict[str, Any], dict[str, bytes]], object], sums: bool = True
) -> None:
    """Write a parcel anew with something changed, its sums made right if ``sums``."""
    with zipfile.ZipFile(sent) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()[:-1]}
        manifest = json.loads(archive.read("manifest.json"))
    change(manifest, parts)
    if sums:
        manifest["parts"] = [
            {"name": name, "n_bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}
            for name, data in parts.items()
        ]
    with zipfile.ZipFile(sent, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in parts.items():
            archive.writestr(name, data)
        archive.writestr("manifest.json", json.dumps(manifest))


def database(parts: dict[str, bytes], folder: Path, sql: str) -> None:
    """Change the database among the parts."""
    (folder / "changed.db").write_bytes(parts["articles.db"])
    with closing(sqlite3.connect(folder / "changed.db")) as db, db:
        db.execute(sql)
    parts["articles.db"] = (folder / "changed.db").read_bytes()


REFUSED: dict[str, tuple[Callable[[Path, Path], object], type[IndexFault], str]] = {
    "no zip": (lambda f, _: f.write_bytes(b"garbage" * 99), IndexFault, "is not an export of Citewise"),
    "nothing": (lambda f, _: f.write_bytes(b""), IndexFault, "is not an export of Citewise"),
    "no file": (lambda f, _: f.unlink(), IndexFault, "cannot be read: No such file"),
    "a folder": (lambda f, _: (f.unlink(), f.mkdir()), IndexFault, "cannot be read: Is a directory"),
    "another zip": (
        lambda f, _: zipfile.ZipFile(f, "w").writestr("a.txt", "x"),
        IndexFault,
        "cut short, or no export|is not an export",
    ),
    "one cut short": (
        lambda f, _: f.write_bytes(f.read_bytes()[:-2000]),
        IndexDamaged,
        "it is cut short, or no export of Citewise",
    ),
    "a hole in the middle": (
        lambda f, _: f.write_bytes(f.read_bytes()[:500] + f.read_bytes()[900:]),
        IndexDamaged,
        "is damaged",
    ),
    "a flipped bit": (
        lambda f, _: f.write_bytes(
            f.read_bytes()[:700] + bytes([f.read_bytes()[700] ^ 1]) + f.read_bytes()[701:]
        ),
        IndexDamaged,
        "is damaged: ",
    ),
    "a false sum": (
        lambda f, _: again(f, lambda m, p: m["parts"][0].update(sha256="0" * 64), sums=False),
        IndexDamaged,
        "articles.db is not what its sum says",
    ),
    "another size than listed": (
        lambda f, _: again(f, lambda m, p: m["parts"][0].update(n_bytes=5), sums=False),
        IndexDamaged,
        "it does not hold the files that its list says",
    ),
    "a file that is not listed": (
        lambda f, _: again(f, lambda m, p: p.update({"uploads/more": b"x"}), sums=False),
        IndexDamaged,
        "it does not hold the files that its list says",
    ),
    "no articles.db": (
        lambda f, _: again(f, lambda m, p: p.pop("articles.db")),
        IndexDamaged,
        "it does not hold the files that its list says",
    ),
    "a newer format": (
        lambda f, _: again(f, lambda m, p: m.update(format=2)),
        IndexStale,
        "has format 2; this Citewise reads format 1",
    ),
    "another kind": (
        lambda f, _: again(f, lambda m, p: m.update(kind="cake")),
        IndexFault,
        "is not an export",
    ),
    "no list of parts": (
        lambda f, _: again(f, lambda m, p: m.pop("embedder")),
        IndexFault,
        "is not an export of Citewise",
    ),
    "other counts": (
        lambda f, _: again(f, lambda m, p: m.update(n_articles=9)),
        IndexDamaged,
        r"holds \('letters', 26, 40, 3, 4\), not \('letters', 26, 40, 9, 4\)",
    ),
    "a newer articles.db": (
        lambda f, t: again(f, lambda m, p: database(p, t, "UPDATE meta SET value = 7 WHERE key = 'format'")),
        IndexStale,
        "has format 7",
    ),
    "a half made one": (
        lambda f, t: again(f, lambda m, p: database(p, t, "DELETE FROM meta WHERE key = 'whole'")),
        IndexDamaged,
        "not .* as it says",
    ),
    "an article of another sum": (
        lambda f, t: again(f, lambda m, p: database(p, t, "UPDATE articles SET title = 'No' WHERE id = 'b'")),
        IndexDamaged,
        "contradicts itself: article b is not what was stored",
    ),
    "a trigger": (
        lambda f, t: again(
            f,
            lambda m, p: database(
                p, t, "CREATE TRIGGER t AFTER UPDATE ON meta BEGIN DELETE FROM articles; END"
            ),
        ),
        IndexDamaged,
        "it holds t, which is no table",
    ),
    "no database": (
        lambda f, _: again(f, lambda m, p: p.update({"articles.db": b"garbage" * 999})),
        IndexDamaged,
        "file is not a database",
    ),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_what_is_not_proved_is_refused_and_nothing_is_changed(
    used: Collection, sent: Path, tmp_path: Path, kind: str
) -> None:
    break_it, error, said = REFUSED[kind]
    break_it(sent, tmp_path)
    target = Collection(tmp_path / "target")
    target.put("x", "xigua")
    with pytest.raises(error, match=said):
        transfer.import_index(sent, target.index, yes=True)
    assert [path.name for path in folder.generations(target.index)] == ["gen-1"]
    assert sorted(path.name for path in target.index.iterdir()) == ["CURRENT", "gen-1", "writer.lock"]
    assert faults(target.index) == []


@pytest.mark.parametrize(
    "name",
    [
        "../evil",
        "uploads/../../evil",
        "/tmp/evil",
        "uploads//evil",
        "uploads/./evil",
        "uploads\\..\\evil",
        "uploads/c:evil",
        "gen-1/articles.db",
        "CURRENT",
        "uploads",
        "uploads/",
        "fetched/../CURRENT",
    ],
)
def test_no_name_leads_out_of_the_folders_of_files(
    used: Collection, sent: Path, tmp_path: Path, name: str
) -> None:
    again(sent, lambda manifest, parts: parts.update({name: b"evil"}))
    with pytest.raises(IndexDamaged, match="which is no file of an index"):
        transfer.import_index(sent, tmp_path / "new")
    assert not (tmp_path / "new").exists()
    assert not list(tmp_path.rglob("evil"))


def test_a_link_or_a_file_twice_is_refused(used: Collection, sent: Path, tmp_path: Path) -> None:
    again(sent, lambda manifest, parts: parts.update({"uploads/U.TXT": b"twice"}))
    with pytest.raises(IndexDamaged, match="it holds a file twice"):
        transfer.import_index(sent, tmp_path / "new")
    again(sent, lambda manifest, parts: parts.pop("uploads/U.TXT"))
    data = sent.read_bytes()
    at = (
        data.index(b"PK\x01\x02", data.index(b"PK\x01\x02") + 1) + 38
    )  # of the second file: what it is in Unix
    sent.write_bytes(data[:at] + struct.pack("<L", (stat.S_IFLNK | 0o777) << 16) + data[at + 4 :])
    with pytest.raises(IndexDamaged, match=r"'uploads/u\.txt', which is no file of an index"):
        transfer.import_index(sent, tmp_path / "new")


def test_a_bomb_is_refused_by_its_size_and_a_liar_is_stopped(
    used: Collection, sent: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    again(sent, lambda manifest, parts: parts.update({"uploads/zeros": bytes(5 << 20)}))
    free = shutil._ntuple_diskusage(10**9, 10**9, 4 << 20)
    with monkeypatch.context() as patch:
        patch.setattr(shutil, "disk_usage", lambda _: free)
        with pytest.raises(IndexFault, match=r"an import needs 1[\d.]+ MB"):
            transfer.import_index(sent, tmp_path / "new")
    with sent.open("rb") as file:
        open_parcel = parcel.Parcel(sent, file)
        part = open_parcel.manifest.parts[-1]
        with pytest.raises(IndexDamaged, match="is not what its sum says"):
            open_parcel.unpack(replace(part, n_bytes=1000), tmp_path / "unpacked")
    assert (tmp_path / "unpacked").stat().st_size <= 2 << 20


def test_a_long_list_is_not_read_into_memory(used: Collection, sent: Path, tmp_path: Path) -> None:
    data = bytearray(sent.read_bytes())
    data[-10:-6] = struct.pack("<L", 65 << 20)  # the length of the list, in the last record
    sent.write_bytes(data)
    with pytest.raises(IndexFault, match="is not an export"):
        transfer.import_index(sent, tmp_path / "new")


@pytest.mark.parametrize("name", ["sync", "finish", "check"])
def test_an_import_that_fails_changes_nothing(
    used: Collection, sent: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    where = {"sync": os, "finish": swap, "check": copies}[name]
    with monkeypatch.context() as patch:
        patch.setattr(where, name, full)
        with pytest.raises(IndexFault, match="No space left"):
            transfer.import_index(sent, used.index, yes=True)
    assert [path.name for path in folder.generations(used.index)] == ["gen-1"]
    assert (used.index / "uploads" / "u.txt").exists()
    assert faults(used.index) == []


def test_an_import_that_fails_leaves_no_folder_that_it_made(
    used: Collection, sent: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "there").mkdir()
    monkeypatch.setattr(copies, "check", full)
    for name in ("new", "there"):
        with pytest.raises(IndexFault, match="No space left"):
            transfer.import_index(sent, tmp_path / name)
    assert not (tmp_path / "new").exists()
    assert (tmp_path / "there").is_dir(), "which somebody else made"


@pytest.mark.parametrize("name", ["copy", "check"])
def test_an_export_that_fails_leaves_nothing(
    used: Collection, sent: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    before = sent.read_bytes()
    monkeypatch.setattr(copies, name, full)
    with pytest.raises(IndexFault, match=r"sent\.zip cannot be written: No space left"):
        transfer.export_index(used.index, sent)
    assert sent.read_bytes() == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["index", "sent.zip"]


def test_a_file_that_goes_meanwhile_is_left_out(
    used: Collection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (used.index / "uploads" / "gone.txt").write_text("gone")
    opened = Path.open

    def late(path: Path, *given: Any, **named: Any) -> Any:
        if path.name == "gone.txt":
            path.unlink(missing_ok=True)
        return opened(path, *given, **named)

    monkeypatch.setattr(Path, "open", late)
    made = transfer.export_index(used.index, tmp_path / "x.zip")
    assert [part.name for part in made.manifest.parts] == ["articles.db", "uploads/u.txt"]
    (used.index / "uploads" / "gone.txt").write_text("gone")
    assert backup.backup(used.index, tmp_path / "safe").n_files == 1


def test_nothing_of_a_removed_article_is_sent(used: Collection, sent: Path) -> None:
    with zipfile.ZipFile(sent) as archive:
        data = archive.read("articles.db")
    assert b"cherries" in data
    assert b"apples" not in data


def test_it_is_of_the_shape_that_it_says(used: Collection, sent: Path, tmp_path: Path) -> None:
    transfer.import_index(sent, tmp_path / "new")
    with Store(tmp_path / "new") as store:
        assert store.shape == SHAPE
    with Collection(tmp_path / "new").writing() as truth:
        remove(truth, "b")
    assert ids(tmp_path / "new") == ["c", "u.txt"]
