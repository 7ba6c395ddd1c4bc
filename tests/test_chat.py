"""A conversation in Python: what is kept of it, how much, and what becomes of it when a question fails."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from rag.chat import Chat
from rag.conversation import LOOK_BACK, Rules
from rag.domain import Answer, Draft, Exchange, Hit, Stage, Steps, Way, Where
from rag.errors import LanguageModelFault, QuestionError
from rag.pipeline import Pipeline
from tests.fakes import FirstSentence, FixedRetriever, passage
from tests.test_pipeline import OpenIndex

HITS = [Hit(passage("Marie Curie was born in Warsaw. She moved to Paris.", 1), 2.0)]
BORN = "Where was Marie Curie born?"


class Slow(FirstSentence):
    """Answers with the first sentence in three steps, or fails before the last."""

    def __init__(self, fails: bool = False) -> None:
        self.fails = fails
        self.closed = 0

    def stream(self, question: str, hits: Sequence[Hit]) -> Steps:
        try:
            yield Stage("write", len(hits))
            yield Draft((), "Marie")
            if self.fails:
                raise LanguageModelFault("the model is gone")
            yield self.read(question, hits)
        finally:
            self.closed += 1


def chat(reader: FirstSentence | None = None, **readers: FirstSentence) -> Chat:
    ways: dict[Way, FirstSentence] = readers  # type: ignore[assignment]
    return Chat(Pipeline(OpenIndex(), FixedRetriever(HITS), reader or Slow(), Rules(), 8, ways))


def test_a_follow_up_leans_on_the_turn_before() -> None:
    talk = chat()
    talk.ask(BORN)
    answer = talk.ask("When did she move to Paris?")
    assert answer.question == "When did she move to Paris?"
    assert answer.searched_for == "When did Marie Curie move to Paris?"
    assert talk.turns == (
        Exchange(BORN, "Marie Curie was born in Warsaw."),
        Exchange("When did Marie Curie move to Paris?", "Marie Curie was born in Warsaw."),
    )


def test_an_answer_that_abstains_is_a_turn() -> None:
    talk = Chat(Pipeline(OpenIndex(), FixedRetriever([]), FirstSentence(), Rules(), 8))
    assert talk.ask(BORN).mode == "abstain"
    assert talk.turns == (Exchange(BORN, ""),)


def test_the_steps_are_those_of_the_pipeline() -> None:
    steps = list(chat().stages(BORN))
    assert steps[:-1] == [Stage("search", 1), Stage("read", 1), Stage("write", 1), Draft((), "Marie")]
    assert isinstance(steps[-1], Answer)


@pytest.mark.parametrize("question", ["", "Is it?", "x" * 9_000])
def test_a_question_that_is_refused_leaves_the_conversation_as_it_was(question: str) -> None:
    talk = chat()
    talk.ask("What fell?")
    before = talk.turns
    with pytest.raises(QuestionError):
        talk.ask(question, k=0 if question == "Is it?" else None)
    assert talk.turns == before


def test_a_question_that_fails_or_is_stopped_leaves_the_conversation_as_it_was() -> None:
    failing = Slow(fails=True)
    talk = chat(failing)
    with pytest.raises(LanguageModelFault):
        talk.ask(BORN)
    steps = talk.stages(BORN)
    assert [next(steps) for _ in range(4)][-1] == Draft((), "Marie")
    steps.close()
    assert talk.turns == ()
    assert failing.closed == 2


def test_a_conversation_is_bounded() -> None:
    talk = chat()
    for n in range(LOOK_BACK + 3):
        talk.ask(f"What fell on day {n}?")
    assert [turn.question for turn in talk.turns] == [
        f"What fell on day {n}?" for n in range(3, LOOK_BACK + 3)
    ]


def test_what_is_forgotten_is_leant_on_no_more() -> None:
    talk = chat()
    talk.ask(BORN)
    late = talk.stages("When did she die?")
    next(late)
    talk.forget()
    assert isinstance(list(late)[-1], Answer)
    assert talk.turns == ()
    assert talk.ask("When did she move to Paris?").searched_for == "When did she move to Paris?"


def test_the_way_the_passages_and_the_filter_reach_the_pipeline() -> None:
    class Other(FirstSentence):
        def read(self, question: str, hits: Sequence[Hit]) -> Answer:
            return Answer(question, hits=tuple(hits), reason="other")

    talk = chat(write=Other())
    where = Where(sources=("BBC",))
    assert talk.ways == {"write"}
    answer = talk.ask(BORN, 1, where, "write")
    assert (answer.reason, answer.where, len(answer.hits)) == ("other", where, 1)
    with pytest.raises(QuestionError, match="in the way 'quote'"):
        talk.ask(BORN, way="quote")
