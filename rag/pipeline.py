"""Retrieve, then read."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from types import TracebackType
from typing import Protocol

from rag.domain import (
    EVERYWHERE,
    Answer,
    Article,
    Exchange,
    Hit,
    Reader,
    Retriever,
    Rewriter,
    Stage,
    Where,
)
from rag.errors import QuestionError
from rag.store import Status
from rag.text import normalise
from rag.words import terms

FILTERED = "The filter leaves no passage that shares anything with the question."
MOST = 100  # passages of one question, as in the settings; each that is read takes a hundredth of a second
LONGEST = 2_000  # characters of a question; a longer one is an article


class Collection(Protocol):
    """The index behind a pipeline."""

    @property
    def note(self) -> str | None:
        """What is wrong with the index just now."""

    @property
    def n_articles(self) -> int:
        """How many articles it holds."""

    def refresh(self) -> None:
        """See all that is committed now."""

    def article(self, id: str) -> Article:
        """Return an article, or raise ArticleMissing."""

    def status(self) -> Status:
        """Return what the index holds."""

    def spread(self, question: str) -> list[tuple[str, int]]:
        """Return the words of a question with the number of articles that have each."""

    def close(self) -> None:
        """Let go of all files."""


class Pipeline:
    """Answers questions about a collection. Threads may share it; ``close`` it, or use ``with``."""

    def __init__(
        self, index: Collection, retriever: Retriever, reader: Reader, rewriter: Rewriter, k: int
    ) -> None:
        self.index, self.retriever, self.reader, self.k = index, retriever, reader, k
        self.rewriter = rewriter

    def __enter__(self) -> Pipeline:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def ask(
        self,
        question: str,
        k: int | None = None,
        where: Where = EVERYWHERE,
        turns: Sequence[Exchange] = (),
    ) -> Answer:
        """Answer from the ``k`` best passages, or abstain and say why; ``turns`` came before in a conversation.

        Raises:
            QuestionError: the question is empty, too long, or has no word to search for.
        """
        *_, answer = self.stages(question, k, where, turns)
        assert isinstance(answer, Answer)
        return answer

    def stages(
        self,
        question: str,
        k: int | None = None,
        where: Where = EVERYWHERE,
        turns: Sequence[Exchange] = (),
    ) -> Iterator[Stage | Answer]:
        """Yield what is about to be done, each stage as it begins, and last the answer of ``ask``.

        Raises:
            QuestionError: as for ``ask``.
        """
        started = time.perf_counter()
        asked = self._standalone(question, turns)
        yield Stage("search", self.index.n_articles)
        hits = self._retrieve(asked, self.k if k is None else k, where)
        retrieved = time.perf_counter()
        if hits:
            yield Stage("read", len(hits))
        answer = self.reader.read(asked, hits)
        done = time.perf_counter()
        timings = {"retrieve": retrieved - started, "read": done - retrieved, "total": done - started}
        note = "; ".join(note for note in (self.index.note, answer.note) if note) or None
        reason = FILTERED if not hits and where != EVERYWHERE else answer.reason
        yield replace(
            answer,
            question=question,
            searched_for=asked,
            where=where,
            note=note,
            reason=reason,
            timings=timings,
        )

    def spread(self, question: str) -> list[tuple[str, int]]:
        """Return the words of a question that say what it is about, each with the number of articles that have it.

        Raises:
            QuestionError: as for ``ask``.
        """
        self.index.refresh()
        return self.index.spread(checked(question))

    def search(self, words: str, k: int | None = None, where: Where = EVERYWHERE) -> list[Hit]:
        """Return the ``k`` best passages, best first, unread.

        Raises:
            QuestionError: as for ``ask``.
        """
        return self._retrieve(checked(words), self.k if k is None else k, where)

    def article(self, id: str) -> Article:
        """Return an article by its id, or raise ArticleMissing."""
        self.index.refresh()
        return self.index.article(id)

    def status(self) -> Status:
        """Return what the index holds now."""
        return self.index.status()

    def close(self) -> None:
        """Let go of all files; twice is once."""
        self.index.close()

    def _standalone(self, question: str, turns: Sequence[Exchange]) -> str:
        """Return what to search for: a follow-up such as "Why?" need only have words once it is rewritten."""
        asked = one_line(question)
        return checked(self.rewriter.rewrite(turns, asked) if turns else asked)

    def _retrieve(self, asked: str, k: int, where: Where) -> list[Hit]:
        if isinstance(k, bool) or not isinstance(k, int) or not 1 <= k <= MOST:
            raise QuestionError(f"k is {str(k)[:40]}, expected 1 to {MOST:,} passages", "Give another k.")
        self.index.refresh()
        return self.retriever.retrieve(asked, k, where)


def checked(question: str) -> str:
    """Return the question in one line, or raise QuestionError with what is wrong with it."""
    asked = one_line(question)
    if not terms(asked):
        raise QuestionError(
            f"the question {asked[:60]!r} has no word to search for",
            "Name what it is about: a person, place or thing.",
        )
    return asked


def one_line(question: str) -> str:
    """Return a text in one line, or raise QuestionError for one that is empty or too long to be a question."""
    if not isinstance(question, str):
        raise QuestionError(
            f"the question is of type {type(question).__name__}, not text", "Ask with a string."
        )
    asked = " ".join(normalise(question).split())
    if not asked:
        raise QuestionError("the question is empty", "Ask something, for example: Who won the election?")
    if len(asked) > LONGEST:
        raise QuestionError(
            f"the question has {len(asked):,} characters, at most {LONGEST:,} are read",
            "Ask it in a sentence or two.",
        )
    return asked
