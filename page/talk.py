"""A conversation as the page shows it: questions in, turns of HTML out, and no error ever."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from rag.domain import Answer
from rag.errors import CitewiseError
from page.html import NO_EVIDENCE, answer_html, error_html, evidence_html, question_html, working_html

log = logging.getLogger("citewise")


class Status(Protocol):
    """The size of a collection."""

    @property
    def n_articles(self) -> int:
        """How many articles it has."""

    @property
    def n_passages(self) -> int:
        """How many passages they are cut into."""


class Pipeline(Protocol):
    """What a conversation needs of a pipeline."""

    def ask(self, question: str, *, k: int | None = None) -> Answer:
        """Answer from the articles, or abstain."""

    def status(self) -> Status:
        """Return the present size of the collection."""


@dataclass(frozen=True, slots=True)
class Turn:
    """One question of a conversation and what came of it, as HTML."""

    question: str
    answer: str
    evidence: str = NO_EVIDENCE


def converse(pipeline: Pipeline, question: str, turns: tuple[Turn, ...]) -> Iterator[tuple[Turn, ...]]:
    """Yield the conversation while its new question is worked on, then with what came of it; never raises."""
    asked = question_html(question)
    try:
        stage = f"Searching {_count(pipeline.status().n_articles, 'article')}…"
        yield (*turns, Turn(asked, working_html(stage)))
        answer = pipeline.ask(question)
        turn = Turn(asked, answer_html(answer), evidence_html(answer))
    except CitewiseError as error:
        turn = Turn(asked, error_html(error.message, error.hint))
    except Exception:
        log.exception("a question failed")
        turn = Turn(asked, error_html("something went wrong here", "The server's log says what."))
    yield (*turns, turn)


def evidence_of(turns: Sequence[Turn], message: int) -> str:
    """Return the evidence of the turn that a message belongs to; messages count from 0, two to a turn."""
    turn = message // 2
    return turns[turn].evidence if turn < len(turns) else NO_EVIDENCE


def facts(pipeline: Pipeline) -> list[str]:
    """Return what the head of the page says about the collection."""
    status = pipeline.status()
    size = [_count(status.n_articles, "article"), _count(status.n_passages, "passage")]
    return [*size, "every answer with its quote"]


def answerable(pipeline: Pipeline, questions: Sequence[str]) -> list[str]:
    """Return the questions that the collection answers; asking them also warms the models."""
    return [question for question in questions if pipeline.ask(question).citations]


def _count(n: int, noun: str) -> str:
    return f"{n:,} {noun}" if n == 1 else f"{n:,} {noun}s"
