"""The nouns of an evaluation: a question with what is known of it, what became of it, and what all of them say."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from rag.domain import Exchange

Blame = Literal["", "not indexed", "not retrieved", "not read", "not trusted", "misread", "answered anyway"]
"""What a question failed at, "" for nothing: its article is not in the index; it is, and no passage of it was
retrieved; the answer's passage was, and another was read; the right answer stayed below the threshold; its passage
was read, and the wrong words were taken; it has no answer in the articles, and got one."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """Where in an article an answer stands: ``text[start:end]``, in code points."""

    article: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Question:
    """A question, and what is known of its answer.

    ``answers`` are right, each by itself. ``articles`` have the answer. ``answerable`` is None where nobody said.
    ``kind`` is what its author calls it, "" for nothing. ``history`` came before it in its conversation.
    """

    id: str
    question: str
    answers: tuple[str, ...] = ()
    articles: tuple[str, ...] = ()
    evidence: tuple[Evidence, ...] = ()
    answerable: bool | None = None
    kind: str = ""
    history: tuple[Exchange, ...] = ()


@dataclass(frozen=True, slots=True)
class Quote:
    """A citation as it is kept in a report: ``text`` is ``article.text[start:end]``."""

    article: str
    title: str
    start: int
    end: int
    text: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a question.

    ``best`` is what would be answered without a threshold, with its ``confidence`` and ``quotes``; ``answered`` says
    whether the confidence reaches the threshold. ``article_rank`` and ``passage_rank`` count from 1; None is not
    retrieved, or not known. A figure is None where nothing is known to compare with. ``em_given`` and ``f1_given``
    are those of the reader given the gold passage alone. ``seconds`` are by stage.
    """

    question: Question
    best: str
    answered: bool
    confidence: float
    mode: str
    quotes: tuple[Quote, ...]
    article_rank: int | None
    passage_rank: int | None
    em: float | None
    f1: float | None
    em_given: float | None
    f1_given: float | None
    cite_p: float | None
    cite_r: float | None
    ranks: Mapping[str, int | None]
    seconds: Mapping[str, float]
    blame: Blame


@dataclass(frozen=True, slots=True)
class Figure:
    """A figure over ``n`` questions with its 95 % bootstrap interval."""

    value: float
    low: float
    high: float
    n: int


@dataclass(frozen=True, slots=True)
class Report:
    """What an evaluation says.

    ``figures`` have the names of the design: ``hit@1``, ``f1``, ``ece`` …; one that cannot be told from these questions
    is left out. ``by_kind`` has some of them by the ``kind`` of the questions and by their first word. ``settings``
    says with what was asked: index, number of articles, k, threshold, embedder, reader.
    """

    n: int
    threshold: float
    figures: Mapping[str, Figure]
    by_kind: Mapping[str, Mapping[str, Figure]]
    outcomes: tuple[Outcome, ...]
    settings: Mapping[str, Any]
