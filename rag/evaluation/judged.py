"""What is right: whether a question has an answer, whether what was said is one, and what is to blame if not."""

from __future__ import annotations

from dataclasses import dataclass

from rag.evaluation.record import Blame, Outcome, Question
from rag.metrics import f1, holds

RIGHT_F1 = (
    0.5  # from which an answer counts as right, as in the fit of the confidence (training/calibrate.py)
)


def is_answerable(question: Question) -> bool | None:
    """Return whether the articles answer a question: as its author says, else as what he names tells."""
    if question.answerable is not None:
        return question.answerable
    return True if question.answers or question.articles or question.evidence else None


def right(question: Question, text: str) -> bool | None:
    """Return whether a text answers a question: an f1 of RIGHT_F1, or a gold answer's words in a row.

    Nothing answers one that is not answerable; None where no answer is known.
    """
    if is_answerable(question) is False:
        return False
    if not question.answers:
        return None
    return bool(text) and (f1(text, question.answers) >= RIGHT_F1 or holds(text, question.answers))


def is_right(outcome: Outcome) -> bool | None:
    """Return whether what would be answered without a threshold is right; None where no answer is known."""
    return right(outcome.question, outcome.best)


@dataclass(frozen=True, slots=True)
class Found:
    """How far the gold passage came: its article in the index, itself retrieved, and then quoted.

    ``indexed`` is None where no article is named.
    """

    indexed: bool | None
    retrieved: bool
    quoted: bool


def blame(question: Question, text: str, answered: bool, found: Found) -> Blame:
    """Return what a question failed at, "" for nothing or where it is not known whether it has an answer."""
    answerable = is_answerable(question)
    if not answerable:
        return "answered anyway" if answered and answerable is False else ""
    is_right = right(question, text)
    if is_right or (is_right is None and found.quoted):
        return "" if answered else "not trusted"
    if found.indexed is False:
        return "not indexed"
    if not found.retrieved:
        return "not retrieved"
    return "misread" if found.quoted else "not read"
