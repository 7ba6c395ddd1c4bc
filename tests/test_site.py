"""What a page stands on: its conversations wherever they can be kept, its examples, facts and filters."""

import logging
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path

import pytest

from page.conversations import Conversations
from page.library import Library
from page.site import CONVERSATIONS, Site, opened_site, where_of
from page.talk import Talk
from rag.domain import EVERYWHERE, Answer, Where
from rag.errors import ConversationsFault, IndexFault, IndexMissing, QuestionError, SettingsError
from rag.pipeline import Pipeline
from tests.served import WHOM, ByWords, Routed, Scripted, indexed


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return indexed(tmp_path_factory.mktemp("site"))


@pytest.fixture(autouse=True)
def _quiet(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    """No examples are looked for beside a test, which needs the models."""
    if "examples" not in request.node.name:
        monkeypatch.setattr(Site, "look_for_examples", lambda _: None)


@contextmanager
def opened(index: Path) -> Iterator[Site]:
    with opened_site(str(index), read_only=False, notices=["Mind the step."]) as site:
        yield site


def asked(site: Site, question: str = WHOM) -> list[str]:
    """Ask as Ann; return the titles of what is kept for her."""
    *_, done = site.desk.ask("ann", Talk(), question)
    assert done.talk.turns[0].id
    return [kept.title for kept in site.kept.listed("ann")]


def test_conversations_are_kept_beside_the_index(index: Path) -> None:
    with opened(index) as site:
        assert asked(site) == [WHOM]
        assert site.notices == ("Mind the step.",)
        secret = site.secret
    with opened(index) as site:
        assert [kept.title for kept in site.kept.listed("ann")] == [WHOM]
        assert site.secret == secret  # so that visitors stay who they are
    (index / CONVERSATIONS).unlink()


def damaged(file: Path) -> None:
    file.write_bytes(b"not a database, but long enough to be one" * 100)


def other(file: Path) -> None:
    with sqlite3.connect(file) as db:
        db.execute("CREATE TABLE mine (a)")


def folder(file: Path) -> None:
    file.mkdir()


def without_secret(file: Path) -> None:
    Conversations(file).close()
    with sqlite3.connect(file) as db:
        db.execute("DELETE FROM meta WHERE key = 'secret'")


@pytest.mark.parametrize("spoil", [damaged, other, folder, without_secret])
def test_where_the_file_cannot_be_used_conversations_are_kept_until_the_end_and_a_notice_says_so(
    tmp_path: Path, spoil: Callable[[Path], None]
) -> None:
    index = indexed(tmp_path)
    file = index / CONVERSATIONS
    spoil(file)
    before = file.read_bytes() if file.is_file() else b""
    with opened(index) as site:
        assert asked(site) == [WHOM]
        first, notice = site.notices
    assert first == "Mind the step."
    assert notice.startswith(f"Conversations are kept until the server stops: {file}")
    assert (file.read_bytes() if file.is_file() else b"") == before


def test_a_folder_that_cannot_be_written_is_said_too(index: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tried = []

    def touch(path: Path, **_: object) -> None:
        tried.append(path)
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("page.conversations.Path.touch", touch)
    with opened(index) as site:
        assert asked(site) == [WHOM]
        assert "Permission denied" in site.notices[1]
    assert tried == [index / CONVERSATIONS]


def test_an_end_closes_the_index_and_the_conversations(index: Path) -> None:
    with opened(index) as site:
        pass
    with pytest.raises(ConversationsFault):
        site.kept.listed("ann")
    with pytest.raises(IndexFault):
        site.pipeline.ask(WHOM)


def test_there_is_no_page_without_an_index(tmp_path: Path) -> None:
    with pytest.raises(IndexMissing), opened(tmp_path / "none"):
        pass
    assert not (tmp_path / "none").exists()


def test_the_head_and_the_machine_count_the_collection(index: Path) -> None:
    with opened(index) as site:
        assert site.facts()[0] == "3 articles"
        facts = {name: value for _, group in site.machine().groups for name, value in group}
        assert facts["Articles"] == "3"
        assert facts["Language model"] == "none"
        assert (facts["Answered since the start"], facts["Being worked on"]) == ("0", "0")
        asked(site)
        again = {name: value for _, group in site.machine().groups for name, value in group}
        assert (again["Answered since the start"], again["Being worked on"]) == ("1", "0")


def test_ways_to_answer_are_offered_where_a_language_model_writes(index: Path) -> None:
    with opened(index) as site:
        quotes, writer = ByWords(), Scripted()
        site.pipeline.readers = {"auto": quotes, "quote": quotes}
        assert site.ways == ()
        auto = site.pipeline.reader = Routed(quotes, writer)
        site.pipeline.readers = {"auto": auto, "quote": quotes, "write": writer}
        assert (site.ways, site.way) == (("auto", "quote", "write"), "auto")
        site.pipeline.reader = writer
        assert site.way == "write"
        facts = {name: value for _, group in site.machine().groups for name, value in group}
        assert facts["Reader"] == "by words"


def test_the_machine_names_the_language_model(index: Path) -> None:
    with opened_site(
        str(index), read_only=True, llm="ollama/llama3.2"
    ) as site:  # which is loaded when it is used
        facts = {name: value for _, group in site.machine().groups for name, value in group}
        assert facts["Language model"] == "ollama/llama3.2"
        assert site.ways == ("auto", "quote", "write")


def test_a_way_that_is_none_is_refused(index: Path) -> None:
    with pytest.raises(SettingsError), opened_site(str(index), read_only=True, mode="sing"):
        pass


def test_examples_are_looked_for_without_a_language_model(
    index: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ways: list[str | None] = []
    monkeypatch.setattr("page.site.examples", lambda _, ask: [ask(WHOM).question])
    with opened_site(str(index), read_only=True) as site:
        site._looked.wait(5)
        site.pipeline.readers = {"quote": ByWords()}
        ask = site.pipeline.ask
        monkeypatch.setattr(site.pipeline, "ask", lambda q, way: (ways.append(way), ask(q))[1])
        site.look_for_examples()
        assert site.examples() == [WHOM]
    assert ways == ["quote"]


def test_examples_that_are_given_are_shown_and_no_others_looked_for(index: Path) -> None:
    with opened_site(str(index), read_only=True) as site:
        site.show_examples([WHOM])
        assert site.examples() == [WHOM]


def test_a_site_that_is_closed_waits_for_the_examples_to_end(
    index: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asking, asked = threading.Event(), 0

    def ask(question: str, way: str | None) -> Answer:
        nonlocal asked
        asked += 1
        asking.set()
        time.sleep(0.3)
        return Answer(question=question, reason="nothing says so")

    monkeypatch.setattr("page.site.examples", lambda _, ask: [ask(WHOM).question for _ in range(1000)])
    monkeypatch.setattr(Pipeline, "ask", lambda _, question, way: ask(question, way))
    with opened_site(str(index), read_only=True):
        assert asking.wait(30)
    assert asked == 1
    assert not [thread for thread in threading.enumerate() if thread.name == "examples"]


def test_a_site_that_is_closed_stops_its_uploads(index: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    closed: list[Library] = []
    monkeypatch.setattr(Library, "close", lambda library: closed.append(library))
    with opened(index) as site:
        assert not closed
    assert closed == [site.library]


def test_a_fault_while_examples_are_looked_for_is_logged_and_ends_the_wait(
    index: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_: object) -> None:
        raise IndexFault("the disk is gone", "Look for it.")

    monkeypatch.setattr("page.site.examples", fail)
    with caplog.at_level(logging.WARNING), opened_site(str(index), read_only=True) as site:
        assert site.examples() == []
    assert "no example questions: the disk is gone" in caplog.text


# -- the filter ---------------------------------------------------------------------------------------


def test_empty_fields_are_no_filter() -> None:
    assert where_of(None, None, None, None) is EVERYWHERE
    assert where_of([], [], "", "  ") is EVERYWHERE


def test_fields_make_a_filter() -> None:
    assert where_of(["The Herald"], ["a.md"], "2017-01-02", "2017-02-03 00:00:00") == Where(
        ("The Herald",), ("a.md",), date(2017, 1, 2), date(2017, 2, 3)
    )


@pytest.mark.parametrize(
    ("since", "until", "said"),
    [
        ("yesterday", None, "Since is 'yesterday', which is no date"),
        (None, "2017-02-30", "Until is '2017-02-30', which is no date"),
        ("2017-02-03", "2017-02-02", "begins on 2017-02-03 and ends before, on 2017-02-02"),
    ],
)
def test_dates_that_cannot_be_are_refused_with_their_mend(
    since: str | None, until: str | None, said: str
) -> None:
    with pytest.raises(QuestionError, match=said) as caught:
        where_of([], [], since, until)
    assert caught.value.hint
