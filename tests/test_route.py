"""Which of the readers answers a question, and what is said of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from rag.domain import Answer, Citation, Draft, Hit, Sentence, Stage, Steps
from rag.route import Routed
from tests.fakes import AtOnce, passage

HITS = [Hit(passage("The dam broke. It had rained for weeks."), 0.5)]
SPAN, WHY = "Who broke the dam?", "Why did the dam break?"


def citation(n: int = 1, start: int = 0, end: int = 14) -> Citation:
    return Citation(n, HITS[0].passage, start, end)


class Fixed(AtOnce):
    """Gives one answer whatever it is asked, and counts how often."""

    def __init__(self, name: str, answer: Answer) -> None:
        self.name, self.answer, self.n_read = name, answer, 0

    def read(self, question: str, hits: Sequence[Hit]) -> Answer:
        self.n_read += 1
        return self.answer


class FixedWriter(Fixed):
    """Writes one answer in three steps."""

    closed = False
    after: Answer | None = None

    def stream_after(self, question: str, hits: Sequence[Hit], quoted: Answer) -> Steps:
        self.after = quoted
        try:
            yield Stage("write", len(hits))
            yield Draft((), "The rain")
            yield self.answer
        finally:
            self.closed = True


def silent(name: str = "quoting") -> Fixed:
    return Fixed(name, Answer(SPAN, reason="Nothing answers."))


def quoting() -> Fixed:
    return Fixed("quoting", Answer(SPAN, "the dam", (citation(),), 0.9, mode="quote"))


def excerpts() -> Fixed:
    said = Sentence("It had rained for weeks.", "verbatim", (citation(1, 15, 39),))
    return Fixed("excerpts", Answer(WHY, said.text, said.citations, 0.6, mode="quote", sentences=(said,)))


def writer(answer: Answer | None = None) -> FixedWriter:
    said = Sentence("Rain broke it.", "supported", (citation(1, 15, 39),))
    written = Answer(WHY, said.text, said.citations, 0.7, mode="write", sentences=(said,))
    return FixedWriter("writer", answer or written)


def test_a_sure_quote_answers_a_question_that_wants_a_span() -> None:
    reader = Routed(quoting(), excerpts(), writer())
    answer = reader.read(SPAN, HITS)
    assert (answer.text, answer.route) == ("the dam", "quoted: one quote was sure enough")


@pytest.mark.parametrize(
    ("question", "quoted", "route", "instead"),
    [
        (WHY, quoting(), "written: it asks why", "It had rained for weeks."),
        (WHY, silent(), "written: it asks why", "It had rained for weeks."),
        (SPAN, silent(), "written: no single quote was sure enough", ""),
    ],
)
def test_a_writer_answers_the_rest_and_is_given_what_stands_without_it(
    question: str, quoted: Fixed, route: str, instead: str
) -> None:
    model = writer()
    *steps, answer = Routed(quoted, excerpts(), model).stream(question, HITS)
    assert steps == [Stage("write", 1), Draft((), "The rain")]
    assert isinstance(answer, Answer)
    assert (answer.text, answer.route) == ("Rain broke it.", route)
    assert model.after is not None
    assert model.after.text == instead
    assert quoted.n_read == 1


@pytest.mark.parametrize("quoted", [quoting(), silent()])
def test_without_a_writer_a_question_that_wants_sentences_gets_them(quoted: Fixed) -> None:
    answer = Routed(quoted, excerpts()).read("How did the dam break?", HITS)
    assert (answer.text, answer.route) == ("It had rained for weeks.", "sentences: it asks how")
    assert quoted.n_read == 1


def test_where_no_sentence_is_likely_a_sure_quote_stands() -> None:
    answer = Routed(quoting(), silent("excerpts")).read(WHY, HITS)
    assert (answer.text, answer.route) == ("the dam", "quoted: no whole sentence was sure enough")


def test_without_a_writer_an_unsure_span_abstains_and_names_no_route() -> None:
    sentences = excerpts()
    answer = Routed(silent(), sentences).read(SPAN, HITS)
    assert (answer.mode, answer.reason, answer.route) == ("abstain", "Nothing answers.", "")
    assert sentences.n_read == 0


def test_no_hits_are_not_given_to_a_model() -> None:
    model = writer()
    assert Routed(silent(), silent("excerpts"), model).read(WHY, []).mode == "abstain"
    assert model.after is None


def test_a_writer_that_fell_back_on_the_quote_gives_way_to_sentences_and_keeps_its_note() -> None:
    struck = Sentence("Beavers did.", "unsupported", why="beavers")

    class Falling(FixedWriter):
        def stream_after(self, question: str, hits: Sequence[Hit], quoted: Answer) -> Steps:
            yield replace(quoted, note="The model was too slow.", sentences=(*quoted.sentences, struck))

    answer = Routed(quoting(), excerpts(), Falling("writer", quoting().answer)).read(WHY, HITS)
    assert answer.text == "It had rained for weeks."
    assert answer.note == "The model was too slow."
    assert answer.route == "sentences: it asks why"
    assert [sentence.status for sentence in answer.sentences] == ["verbatim", "unsupported"]


def test_a_writer_that_fell_back_on_an_abstention_abstains_with_its_note() -> None:
    fallen = Answer(SPAN, reason="Nothing answers.", note="The model is down.")
    answer = Routed(silent(), excerpts(), writer(fallen)).read(SPAN, HITS)
    assert (answer.mode, answer.note, answer.route) == ("abstain", "The model is down.", "")


def test_closing_the_stream_closes_the_writer() -> None:
    model = writer()
    steps = Routed(silent(), excerpts(), model).stream(WHY, HITS)
    assert next(steps) == Stage("write", 1)
    steps.close()
    assert model.closed


def test_its_name_says_who_quotes_and_who_writes() -> None:
    assert Routed(quoting(), excerpts()).name == "quoting"
    assert Routed(quoting(), excerpts(), writer()).name == "quoting or writer"
