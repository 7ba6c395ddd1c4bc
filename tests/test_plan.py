"""The plan of a run: that it costs what lies under the paths, and what it says of each file."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from ingest import planning, read
from ingest.fields import title_of
from ingest.files import Sums
from ingest.plan import Plan
from ingest.summary import Fate, fates
from rag.domain import Article
from rag.errors import CorpusError, IndexFault
from rag.index.truth import Known, Truth, fingerprint


class Memory(planning.Nothing):
    """What an index knows, from a list; it remembers what it was asked about."""

    def __init__(self, *known: Known, sums: dict[str, str] | None = None) -> None:
        self.known, self.sums = list(known), sums or {}
        self.asked: list[str] = []

    def known_under(self, roots: Iterable[str]) -> Iterator[Known]:
        several = list(roots)
        return (k for k in self.known if any(k.file == r or k.file.startswith(f"{r}/") for r in several))

    def known_with(self, sums: Iterable[str]) -> Iterator[Known]:
        wanted = set(sums)
        return (k for k in self.known if k.sha256 in wanted)

    def ids_taken(self, ids: Iterable[str]) -> set[str]:
        wanted = list(ids)
        self.asked += wanted
        return {k.id for k in self.known} & set(wanted)

    def file_sums(self, roots: Iterable[str]) -> dict[str, str]:
        return self.sums


def known(n: int, file: Path, text: str, id: str = "", line: str = "") -> Known:
    said = fingerprint(Article("", title_of(text, False), text))
    place = f"{file}//{line}" if line else str(file)
    return Known(n, id or file.name + (f"#{line}" if line else ""), place, str(file), said)


@pytest.fixture
def write(tmp_path: Path) -> Callable[[str, str], Path]:
    def write(name: str, text: str) -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    return write


def shapes(plan: Plan) -> tuple[int, int, int, int, int, int]:
    return plan.new, plan.changed, len(plan.moved), len(plan.removed), len(plan.kept), plan.unchanged


def test_a_name_is_asked_for_once_however_many_files_have_it(
    write: Callable[..., Path], tmp_path: Path
) -> None:
    paths = [write(f"{n}/index.txt", f"Article {n}.") for n in range(300)]
    memory = Memory(known(1, tmp_path / "elsewhere.txt", "Another.", id="index.txt"))
    plan = planning.make(memory, paths)
    ids = {arrival.id for arrival in plan.arrivals}
    assert ids == {f"index.txt~{n}" for n in range(2, 302)}
    assert len(memory.asked) < 700, "not every number is tried again for every file"


def test_a_moved_article_is_looked_for_by_what_it_says_in_the_whole_index(
    write: Callable[..., Path], tmp_path: Path
) -> None:
    path = write("here/a.txt", "The article.")
    before = known(7, tmp_path / "gone" / "a.txt", "The article.")
    plan = planning.make(Memory(before), [path.parent])
    assert [move.known for move in plan.moved] == [before]
    write("gone/a.txt", "The article.")
    assert shapes(planning.make(Memory(before), [path.parent])) == (1, 0, 0, 0, 0, 0), "a copy is no move"


def test_what_arrives_is_held_whole_in_memory_and_beyond_a_bound_on_disk(
    write: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(planning, "HOLD_CHARS", 50)
    spill = tmp_path / "index"
    spill.mkdir()
    for n in range(4):
        write(
            f"{n}.md",
            f"---\ntitle: Café {n}\ndate: 2017-02-0{n + 1}\nsource: S\nby: B\n---\nArticle {n}, long.",
        )
    plan = planning.make(Memory(), [tmp_path], spill=spill)
    with closing(plan.held):
        held = {arrival.place: plan.held.take(arrival.place) for arrival in reversed(plan.arrivals)}
    assert {place: fingerprint(article) for place, article in held.items()} == {
        arrival.place: arrival.sha256 for arrival in plan.arrivals
    }
    assert {article.id for article in held.values()} == {f"{n}.md" for n in range(4)}
    assert list(spill.iterdir()) == [], "a crash would leave nothing"


def test_where_no_disk_is_left_to_hold_it_a_plan_fails(
    write: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(planning, "HOLD_CHARS", 0)
    write("a.txt", "An article.")
    with pytest.raises(IndexFault, match="cannot be written"):
        planning.make(Memory(), [tmp_path], spill=tmp_path / "nowhere")


def test_a_file_that_changes_while_it_is_read_is_not_taken_for_read(
    write: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write("a.txt", "First.")

    def meddled(source: read.Source, fields: object) -> Iterator[object]:
        yield from original(source, fields)  # type: ignore[arg-type]
        path.write_text("Second, and longer.")

    original = read.read
    monkeypatch.setattr(read, "read", meddled)
    assert planning.make(Memory(), [tmp_path]).sums == {}
    monkeypatch.undo()
    assert list(planning.make(Memory(), [tmp_path]).sums) == [str(path)]


def test_another_map_of_fields_makes_another_sum(write: Callable[..., Path]) -> None:
    path = write("a.csv", "headline,body\nA,B\n")
    sums = {Sums().of(path), Sums({"title": "headline"}).of(path), Sums({"title": "body"}).of(path)}
    assert len(sums) == 3
    assert Sums({"title": "body", "text": "headline"}).of(path) == Sums(
        {"text": "headline", "title": "body"}
    ).of(path)


def test_sums_that_are_remembered_are_those_of_the_bytes(write: Callable[..., Path]) -> None:
    path = write("a.txt", "First.")
    os.utime(path, (1e9, 1e9))
    sums = Sums(remember=True)
    first = sums.of(path)
    path.write_text("Other.")  # as long, and its times set back
    os.utime(path, (1e9, 1e9))
    assert sums.of(path) == Sums().of(path) != first
    path.unlink()
    assert sums.of(path) == ""


def test_a_file_is_read_for_its_sum_only_when_it_has_changed(
    write: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write("a.txt", "First.")
    later = time_of(path) + 10
    monkeypatch.setattr("ingest.files.time.time", lambda: later)
    sums = Sums(remember=True)
    first = sums.of(path)
    with monkeypatch.context() as patch:
        patch.setattr(Path, "open", lambda *_: pytest.fail("the file was read again"))
        assert sums.of(path) == first


def time_of(path: Path) -> float:
    return path.stat().st_ctime


def test_nothing_to_read_is_an_error_and_so_is_no_path(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match="no file"):
        planning.make(planning.Nothing(), [tmp_path])
    with pytest.raises(CorpusError, match="no such"):
        planning.make(planning.Nothing(), [tmp_path / "nowhere"])


def test_the_fate_of_each_file(write: Callable[..., Path], tmp_path: Path) -> None:
    news = write("news.jsonl", '{"id": 1, "text": "One."}\n{"id": 3, "text": "Three, new."}\n')
    memory = Memory(
        known(1, news, "One.", line="1"),
        known(2, news, "Two.", line="2"),
        known(3, tmp_path / "gone.txt", "It is gone."),
        known(4, tmp_path / "old.txt", "It moves."),
        known(5, write("same.txt", "The same."), "The same."),
        known(6, write("other.txt", "Another now."), "Another then."),
    )
    write("new.txt", "Something new.")
    write("moved.txt", "It moves.")
    write("bad.txt", "\0\1\2\3" * 20)
    write("picture.png", "?")
    plan = planning.make(memory, [tmp_path])
    told, n_more = fates(plan, [tmp_path])
    assert n_more == 0
    by_name = {fate.path.removeprefix(f"{tmp_path}/"): (fate.what, fate.note) for fate in told}
    assert by_name.pop("bad.txt")[0] == "failed"
    assert by_name.pop("picture.png")[0] == "skipped"
    assert by_name == {
        "gone.txt": ("removed", ""),
        "moved.txt": ("moved", f"from {tmp_path}/old.txt"),
        "new.txt": ("new", ""),
        "news.jsonl": ("changed", "1 new, 1 removed"),
        "other.txt": ("changed", ""),
    }
    assert [fate.path for fate in told] == sorted(fate.path for fate in told)


def test_fates_are_named_as_the_user_named_the_paths(
    write: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write("here/a.txt", "An article.")
    memory = Memory(known(1, tmp_path / "here" / "sub" / "b.txt", "It is gone."))
    monkeypatch.chdir(tmp_path)
    plan = planning.make(memory, [Path("here")])
    assert fates(plan, [Path("here")])[0] == (
        Fate("here/a.txt", "new"),
        Fate("here/sub/b.txt", "removed"),
    )


def test_only_so_many_fates_are_told(
    write: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ingest.summary.MAX_FATES", 3)
    for n in range(5):
        write(f"{n}.txt", f"Article {n}.")
    told, n_more = fates(planning.make(Memory(), [tmp_path]), [tmp_path])
    assert (len(told), n_more) == (3, 2)


def test_a_truth_knows_what_a_plan_asks(truth: Truth) -> None:
    asked: planning.Knows = truth
    assert list(asked.known_under(["/"])) == []
    assert asked.ids_taken(["a"]) == set()
