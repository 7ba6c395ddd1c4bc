"""A conversation: questions that may lean on the ones before."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from contextlib import closing
from typing import Protocol

from rag.conversation import LOOK_BACK
from rag.domain import EVERYWHERE, Answer, Exchange, Reader, Steps, Way, Where


class Engine(Protocol):
    """What a conversation needs of a pipeline."""

    @property
    def readers(self) -> Mapping[Way, Reader]:
        """What answers, by the way that it does."""

    def stages(
        self,
        question: str,
        k: int | None = None,
        where: Where = EVERYWHERE,
        turns: Sequence[Exchange] = (),
        way: Way | None = None,
    ) -> Steps:
        """Yield the steps to an answer, and it last."""


class Chat:
    """A conversation with a pipeline; it keeps the last LOOK_BACK turns, as no follow-up looks back further."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._turns: deque[Exchange] = deque(maxlen=LOOK_BACK)

    @property
    def turns(self) -> tuple[Exchange, ...]:
        """The turns that are kept, oldest first: each question as it was searched for, and its answer's text."""
        return tuple(self._turns)

    @property
    def ways(self) -> frozenset[Way]:
        """The ways to answer that can be asked for."""
        return frozenset(self._engine.readers)

    def ask(
        self, question: str, k: int | None = None, where: Where = EVERYWHERE, way: Way | None = None
    ) -> Answer:
        """Answer a question, which may be a follow-up; ``searched_for`` says how it was understood.

        Raises:
            QuestionError: as for ``Pipeline.ask``; the conversation is then as it was.
        """
        *_, answer = self.stages(question, k, where, way)
        assert isinstance(answer, Answer)
        return answer

    def stages(
        self, question: str, k: int | None = None, where: Where = EVERYWHERE, way: Way | None = None
    ) -> Steps:
        """Yield the steps to the answer of ``ask``, and it last; a turn is kept once its answer has come.

        Raises:
            QuestionError: as for ``ask``.
        """
        kept = self._turns  # an answer that comes after ``forget`` is forgotten with the rest
        with closing(self._engine.stages(question, k, where, tuple(kept), way)) as steps:
            for step in steps:
                if isinstance(step, Answer):
                    kept.append(Exchange(step.searched_for or question, step.text))
                yield step

    def forget(self) -> None:
        """Begin anew: the next question leans on nothing."""
        self._turns = deque(maxlen=LOOK_BACK)
