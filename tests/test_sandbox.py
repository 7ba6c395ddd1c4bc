"""The child process that reads risky formats: whatever it does, the parent gets items, or one error, in time."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest import sandbox
from ingest.fields import Unfit
from ingest.formats import Item, OtherData, Parsed, Wrong, wire
from ingest.sandbox import LIMITS, Limits

HOME = Path(__file__).parent.parent
QUICK = replace(LIMITS, part_s=0.3)
Reading = Callable[..., Iterator[Item]]


@pytest.fixture
def reading(tmp_path: Path) -> Iterator[Reading]:
    """Return a function that reads a file with the parser of ``tests.naughty`` that has the name given."""
    path = tmp_path / "file"
    path.write_text("its bytes")

    def read(name: str, limits: Limits = LIMITS, **fields: str) -> Iterator[Item]:
        with path.open("rb") as file:
            yield from sandbox.items(file, "tests.naughty", ".naughty", name, fields, limits)

    yield read


def texts(items: Iterator[Item]) -> list[str]:
    return [page for item in items if isinstance(item, Parsed) for page in item.pages]


def process(reading: Reading) -> int:
    """The number of the process that reads."""
    return int(texts(reading("process"))[0])


def error(items: Iterator[Item]) -> str:
    with pytest.raises(Unfit) as caught:
        list(items)
    return caught.value.message


def is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"


def is_gone(process: int, seconds: float = 5) -> bool:
    deadline = time.monotonic() + seconds
    while is_alive(process) and time.monotonic() < deadline:
        time.sleep(0.01)
    return not is_alive(process)


# ---- What goes well


def test_items_arrive_as_they_were_made(reading: Reading) -> None:
    assert list(reading("told", body="text")) == [
        Parsed(("One", "Two \udcff"), "a", {"title": "T", "body": "text"}, is_markdown=True, line=7),
        Wrong("b", "is wrong", "Mend it.", 8, is_other_data=True),
        Parsed(("its bytes",)),
    ]


def test_one_process_reads_one_file_after_the_other(reading: Reading) -> None:
    assert process(reading) == process(reading) != os.getpid()


def test_what_the_parent_uses_is_not_held_against_its_child(reading: Reading) -> None:
    held = bytearray(sandbox.MAX_KEPT_BYTES + 2**26)  # zeros that are written, so that they take room
    sandbox.close()
    assert process(reading) == process(reading)
    del held


def test_what_a_parser_prints_is_not_what_it_answers(
    reading: Reading, capfd: pytest.CaptureFixture[str]
) -> None:
    assert texts(reading("chatter")) == ["heard"]
    assert capfd.readouterr() == ("", "")


def test_several_files_at_once_have_a_process_each(reading: Reading) -> None:
    one, two = reading("many"), reading("many")
    assert [next(one), next(two)] == [Parsed(("x" * 1000,), "0")] * 2
    assert len(list(one)) == len(list(two)) == 999
    assert process(reading)


def test_threads_do_not_disturb_each_other(reading: Reading) -> None:
    found: list[list[str]] = []
    threads = [threading.Thread(target=lambda: found.append(texts(reading("told")))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [["One", "Two \udcff", "its bytes"]] * 4


def test_a_file_that_is_given_up_leaves_no_process_behind(reading: Reading) -> None:
    items = reading("hang")
    first = next(items)
    assert isinstance(first, Parsed)
    items.close()  # type: ignore[attr-defined]
    assert is_gone(int(first.pages[0]), seconds=0.5)
    assert process(reading)


def test_a_process_that_ended_while_it_waited_is_replaced(reading: Reading) -> None:
    waiting = process(reading)
    os.kill(waiting, signal.SIGKILL)
    assert process(reading) != waiting


def test_a_process_that_grew_is_replaced(reading: Reading, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sandbox, "MAX_KEPT_BYTES", 1)
    grown = process(reading)
    assert process(reading) != grown


# ---- What goes wrong


def test_a_parser_that_hangs_is_ended(reading: Reading) -> None:
    items = reading("hang", QUICK)
    first = next(items)
    assert isinstance(first, Parsed)
    started = time.monotonic()
    assert error(items) == "took over 0.3 s to read"
    assert time.monotonic() - started < 1
    assert not is_alive(int(first.pages[0]))
    assert process(reading)


def test_all_parts_together_have_a_limit_of_time_as_well(reading: Reading) -> None:
    items = reading("slow", replace(QUICK, file_s=0.4))
    assert error(items) == "took over 0.4 s to read"


def test_the_time_that_the_caller_takes_does_not_count(reading: Reading) -> None:
    items = reading("many", replace(QUICK, file_s=0.3))
    for _ in range(2):
        next(items)
        time.sleep(0.2)
    assert len(list(items)) == 998


def test_a_parser_that_eats_memory_is_ended(reading: Reading) -> None:
    quarter = replace(LIMITS, memory_bytes=2**30)
    items = reading("eat", quarter)
    assert texts(iter([next(items)])) == ["1"]
    assert error(items) == "needed over 1 GB of memory to read"
    assert process(reading)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("segfault", "broke its parser (signal 11)"),
        ("leave", "broke its parser (exit status 3)"),
        ("burn", "took over 600 s to read"),
        ("refuse", "is bad"),
        ("fault", "cannot be read (KeyError: 'body\\n\\x1b[31m')"),
        ("deep", "is nested too deeply"),
    ],
)
def test_a_file_that_cannot_be_read_is_one_error(reading: Reading, name: str, message: str) -> None:
    assert error(reading(name)) == message
    assert texts(reading("chatter")) == ["heard"]


def test_an_error_of_the_file_leaves_the_process(reading: Reading) -> None:
    before = process(reading)
    with pytest.raises(Unfit) as caught:
        list(reading("refuse"))
    assert (caught.value.hint, caught.value.line) == ("Mend it.", 3)
    with pytest.raises(OtherData):
        list(reading("other"))
    assert process(reading) == before


def test_answers_have_limits(reading: Reading) -> None:
    assert error(reading("many", replace(LIMITS, n_parts=999))) == "holds over 999 articles"
    assert len(list(reading("many", replace(LIMITS, n_parts=1000)))) == 1000
    assert error(reading("many", replace(LIMITS, text_bytes=2**18))) == "holds over 0.25 MB of text"


def test_an_article_that_is_too_long_is_told_and_the_others_are_read(reading: Reading) -> None:
    fits, wrong = reading("huge", replace(LIMITS, article_bytes=1000))
    assert fits == Parsed(("\x01" * 1000,), "fits")
    message = "has 1,002 bytes of text, an article at most 1,000"
    assert wrong == Wrong("does not", message, "Split it into articles.")


def test_an_answer_that_is_longer_than_any_can_be_is_not_taken(
    reading: Reading, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sandbox, "_FRAME_BYTES", 500)
    monkeypatch.setattr(sandbox, "_FRAME_FACTOR", 0)
    assert "broke its parser (its answer has 1," in error(reading("many"))


def test_a_missing_library_is_named_with_what_installs_it(tmp_path: Path) -> None:
    path = tmp_path / "a.pdf"
    path.touch()
    with path.open("rb") as file, pytest.raises(Unfit) as caught:
        list(sandbox.items(file, "no_such_library.pdf", ".pdf", "a.pdf", {}))
    assert caught.value.message == "reading .pdf needs no_such_library, which is not installed"
    assert caught.value.hint == "pip install citewise[formats]"


def test_a_process_that_cannot_start_is_an_error(reading: Reading, monkeypatch: pytest.MonkeyPatch) -> None:
    sandbox.close()
    monkeypatch.setattr(sandbox, "_BOOT", "raise SystemExit(5)")
    assert error(reading("told")) == "cannot be read: the process for its format does not start"
    monkeypatch.setattr(sys, "executable", "/no/such/python")
    assert error(reading("told")).endswith("does not start")


# ---- What a parser may not do


def test_a_parser_calls_nobody_and_changes_no_file(reading: Reading, tmp_path: Path) -> None:
    file = tmp_path / "mine.txt"
    file.write_text("as it was")
    done = texts(reading("calls", file=str(file)))
    assert done == ["PermissionError"] * 7
    assert file.read_text() == "as it was"


def test_a_parser_sees_no_secrets(reading: Reading, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "secret")
    sandbox.close()
    assert "OPENAI_API_KEY" not in texts(reading("environment"))[0]


# ---- Beside its parent

PARENT = """
    import sys
    sys.path.append({home!r})
    from ingest import sandbox
    for item in sandbox.items(open({path!r}, "rb"), "tests.naughty", ".naughty", {name!r}, {{}}):
        print(item.pages[0], flush=True)
"""


def parent(tmp_path: Path, name: str) -> subprocess.Popen[str]:
    """A program that reads a file in a child of its own, started isolated and from another folder."""
    (tmp_path / "file").touch()
    code = textwrap.dedent(PARENT.format(home=str(HOME), path=str(tmp_path / "file"), name=name))
    command = [sys.executable, "-I", "-c", code]
    pipe = subprocess.PIPE
    return subprocess.Popen(command, cwd="/", stdout=pipe, stderr=pipe, text=True, process_group=0)


def test_it_works_isolated_and_from_any_folder(tmp_path: Path) -> None:
    assert parent(tmp_path, "chatter").communicate(timeout=30) == ("heard\n", "")


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT])
def test_the_child_ends_with_its_parent_and_says_nothing(tmp_path: Path, how: signal.Signals) -> None:
    with parent(tmp_path, "hang") as starter:
        assert starter.stdout is not None
        child = int(starter.stdout.readline())
        os.killpg(starter.pid, how)
        _, said = starter.communicate(timeout=30)
    assert said.count("Traceback") == (how == signal.SIGINT)
    assert is_gone(child)


# ---- Messages


@given(
    st.tuples(st.text(st.characters(codec=None))),
    st.dictionaries(st.text(), st.text()),
    st.booleans(),
    st.integers(),
)
def test_messages_come_out_as_they_went_in(
    pages: tuple[str], values: dict[str, object], yes: bool, line: int
) -> None:
    item = Parsed(pages, "id", values, yes, line)
    frame = wire.packed(item)
    assert wire.length(frame[: wire.HEAD]) == len(frame) - wire.HEAD
    assert wire.unpacked(frame[wire.HEAD :]) == item


@pytest.mark.parametrize(
    "frame",
    [
        b"",
        b"\xff",
        b"[]",
        b"{}",
        b'["Parsed", {}]',
        b'["Parsed", {"pages": [1]}]',
        b'["Parsed", {"pages": null}]',
        b'["Parsed", {"pages": ["a"], "line": true}]',
        b'["Parsed", {"pages": ["a"], "values": "b"}]',
        b'["Unknown", {}]',
        b'["End", {"peak_bytes": "1"}]',
        b"[" * 100_000,
    ],
)
def test_what_is_no_message_is_told(frame: bytes) -> None:
    with pytest.raises(ValueError):
        wire.unpacked(frame)
