"""A conversation in a shell, and the terminal that shows answers while they are written."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence

import pytest

from rag.chat import Chat
from rag.conversation import Rules
from rag.domain import Answer, Citation, Draft, Hit, Sentence, Stage, Steps
from rag.errors import CitewiseError, LanguageModelFault
from rag.live import Live
from rag.pipeline import Pipeline
from rag.shell import HELP, Shell
from tests.fakes import FirstSentence, FixedRetriever, passage
from tests.test_pipeline import OpenIndex

HIT = Hit(passage("Rain fell in Paris. It was cold.", 1), 2.0)
RAIN = Citation(1, HIT.passage, 0, 19)
PROVED = Sentence("Rain fell.", "supported", (RAIN,))
WRITTEN = Answer("", "Rain fell.", (RAIN,), 0.9, (HIT,), mode="write", sentences=(PROVED,))
STEPS = (Stage("write", 1), Draft((), "Rain"), Draft((PROVED,), "Snow"))


class Writer(FirstSentence):
    """Writes an answer in steps; ``then`` happens before the last."""

    def __init__(self, then: BaseException | None = None) -> None:
        self.then = then
        self.closed = 0

    def stream(self, question: str, hits: Sequence[Hit]) -> Steps:
        try:
            yield from STEPS
            if self.then:
                raise self.then
            yield WRITTEN
        finally:
            self.closed += 1


def talk(*lines: str, writer: FirstSentence | None = None, patient: bool = False) -> tuple[str, list[str]]:
    """What a conversation shows, and what it says beside."""
    out, said = io.StringIO(), list[str]()
    ways = {"quote": FirstSentence(), "write": writer or Writer()}
    pipeline = Pipeline(OpenIndex(), FixedRetriever([HIT]), FirstSentence(), Rules(), 8, ways)  # type: ignore[arg-type]

    def complain(error: CitewiseError) -> None:
        said.append(error.message)

    left = iter(lines)
    Shell(Chat(pipeline), Live(out), said.append, complain, patient=patient).run(lambda: next(left, None))
    return out.getvalue(), said


def test_each_line_is_a_question_and_answers_stand_apart() -> None:
    shown, said = talk("What fell in Paris?", "", "What fell?")
    assert shown.count("Rain fell in Paris.\nwell supported, 1.00\n") == 2
    assert "1.txt 0:19\n\nRain fell" in shown
    assert said == []


def test_a_follow_up_says_what_was_searched_for_until_it_is_forgotten() -> None:
    asked = ("Did Marie Curie fall in Paris?", "When did she fall?")
    assert "Searched for: When did Marie Curie fall?" in talk(*asked)[0]
    shown, said = talk(asked[0], ":forget", asked[1], ":1")
    assert "Searched for" not in shown
    assert said == ["Forgotten: the next question leans on nothing."]
    assert "no quote [1]" in talk(asked[0], ":forget", ":1")[1][-1]


def test_a_quote_is_opened_in_its_passage() -> None:
    shown, said = talk(":1", "What fell in Paris?", ":1", ":2", ": 1")
    assert shown.count("⟦Rain fell in Paris.⟧ It was cold.\n\n1.txt · ") == 0
    assert shown.count("⟦Rain fell in Paris.⟧ It was cold.\n\n1.txt\n1.txt 0:19\n") == 2
    assert said == ["there is no quote [1] to open", "there is no quote [2] to open"]


def test_the_mode_holds_for_the_questions_that_follow() -> None:
    shown, said = talk("What fell?", ":mode write", "What fell?", ":mode quote", "What fell?")
    assert [line for line in shown.splitlines() if line.startswith(("✓", "Rain"))] == [
        "Rain fell in Paris.",
        "✓ Rain fell. [1]",
        "Rain fell in Paris.",
    ]
    assert said == ["Mode: write", "Mode: quote"]


@pytest.mark.parametrize(
    ("command", "fault"),
    [
        (":mode sing", "there is no mode 'sing'"),
        (":mode", "there is no mode ''"),
        (":mode auto", "nothing here answers in the mode auto"),
        (":sing a song", "there is no command ':sing a song'"),
        (":", "there is no command ':'"),
        (":help me", "there is no command ':help me'"),
        (":" + "9" * 5_000, "there is no quote [999999999] to open"),
    ],
)
def test_a_command_that_cannot_be_is_said_and_the_conversation_goes_on(command: str, fault: str) -> None:
    shown, said = talk(command, "What fell?")
    assert said == [fault]
    assert shown.startswith("Rain fell in Paris.")


def test_help_and_the_end() -> None:
    assert talk(":help", ":quit", "What fell?") == (f"{HELP}\n", [])
    assert talk(":q", "What fell?")[0] == ""


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        (LanguageModelFault("the model is gone"), "the model is gone"),
        (RuntimeError("a bug"), "a fault of ours: RuntimeError: a bug"),
    ],
)
def test_what_goes_wrong_is_a_line_and_the_conversation_goes_on(fault: Exception, said: str) -> None:
    shown, complaints = talk(":mode write", "What fell?", ":mode quote", "What fell?", writer=Writer(fault))
    assert complaints == ["Mode: write", said, "Mode: quote"]
    assert shown.startswith("Rain fell in Paris.")


def test_an_interrupt_stops_the_answer_of_a_person_and_the_run_of_a_pipe() -> None:
    writer = Writer(KeyboardInterrupt())
    lines = (":mode write", "What fell?", ":1", ":mode quote", "What fell?")
    shown, said = talk(*lines, writer=writer, patient=True)
    assert said == ["Mode: write", "Stopped.", "there is no quote [1] to open", "Mode: quote"]
    assert shown.startswith("Rain fell in Paris.")
    assert shown.endswith("\n\n")
    with pytest.raises(KeyboardInterrupt):
        talk(*lines, writer=writer)
    assert writer.closed == 2


# ---- While an answer is written


def screen_of(written: str) -> list[str]:
    """The rows that a terminal shows after what was written to it: it knows line ends, up, and clear."""
    rows, row, column, at = [""], 0, 0, 0
    while at < len(written):
        if written[at] == "\x1b":
            end = next(i for i in range(at, len(written)) if written[i].isalpha())
            code, at = written[at + 2 : end + 1], end
            if code[-1] == "A":
                row -= int(code[:-1])
                assert row >= 0
            elif code == "J":
                rows[row:] = [rows[row][:column]]
        elif written[at] == "\r":
            column = 0
        elif written[at] == "\n":
            row, column = row + 1, 0
            rows += [""] * (row + 1 - len(rows))
        else:
            rows[row] = rows[row][:column] + written[at]
            column += 1
        at += 1
    return rows


def steps(*given: Stage | Draft | Answer, then: Callable[[], None] = lambda: None) -> Steps:
    for step in given:
        then()
        yield step


def test_the_steps_are_drawn_over_each_other_and_nothing_of_them_is_left() -> None:
    out = io.StringIO()
    live = Live(out, moves=True)
    seen: list[list[str]] = []
    answer = live.watched(steps(*STEPS, WRITTEN, then=lambda: seen.append(screen_of(out.getvalue()))))
    assert answer is WRITTEN
    assert seen == [[""], ["Writing from 1 passage…"], ["… Rain"], ["✓ Rain fell. [1]", "… Snow"]]
    live.write("done")
    assert screen_of(out.getvalue()) == ["done", ""]


def test_on_a_pipe_there_is_the_answer_alone() -> None:
    out = io.StringIO()
    live = Live(out)
    live.watched(steps(*STEPS, WRITTEN))
    live.write("done")
    assert out.getvalue() == "done\n"
    Live(None).write("into a stream that was closed")


def test_no_more_is_drawn_than_the_terminal_has_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LINES", "4")
    monkeypatch.setenv("COLUMNS", "40")
    out = io.StringIO()
    drafts = [Draft((PROVED,) * n, "words " * 9) for n in range(1, 9)]
    sizes: list[int] = []
    live = Live(out, moves=True)
    live.watched(steps(*drafts, WRITTEN, then=lambda: sizes.append(len(screen_of(out.getvalue())))))
    assert max(sizes) == 3
    assert screen_of(out.getvalue()) == [""]


def test_wide_characters_are_counted_as_the_rows_that_they_fill(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    out = io.StringIO()
    Live(out, True, moves=True).watched(steps(Draft((), "雨" * 30), Draft(()), WRITTEN))
    assert "\x1b[1A\r\x1b[J" in out.getvalue()


def test_steps_without_an_answer_are_a_fault_of_ours() -> None:
    with pytest.raises(RuntimeError, match="without an answer"):
        Live(None).watched(steps(*STEPS))
