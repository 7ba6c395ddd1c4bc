"""Retrieve, then read."""

from __future__ import annotations

import time
from dataclasses import replace
from types import TracebackType
from typing import Protocol

from rag.domain import EVERYWHERE, Answer, Article, Hit, Reader, Retriever, Where
from rag.errors import QuestionError
from rag.store import Status
from rag.text import normalise
from rag.words import terms

LONGEST = 2_000  # characters of a question; a longer one is an article


class Collection(Protocol):
    """The index behind a pipeline."""

    @property
    def note(self) -> str | None:
        """What is wrong with the index just now."""

    def refresh(self) -> None:
        """See all that is committed now."""

    def article(self, id: str) -> Article:
        """Return an article, or raise ArticleMissing."""

    def status(self) -> Status:
        """Return what the index holds."""

    def close(self) -> None:
        """Let go of all files."""


class Pipeline:
    """Answers questions about a collection. Threads may share it; ``close`` it, or use ``with``."""

    def __init__(self, index: Collection, retriever: Retriever, reader: Reader, k: int) -> None:
        self.index, self.retriever, self.reader, self.k = index, retriever, reader, k

    def __enter__(self) -> Pipeline:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def ask(self, question: str, k: int | None = None, where: Where = EVERYWHERE) -> Answer:
        """Answer from the ``k`` best passages, or abstain and say why.

        Raises:
            QuestionError: the question is empty, too long, or has no word to search for.
        """
        started = time.perf_counter()
        asked = checked(question)
        hits = self._retrieve(asked, self.k if k is None else k, where)
        retrieved = time.perf_counter()
        answer = self.reader.read(asked, hits)
        done = time.perf_counter()
        timings = {"retrieve": retrieved - started, "read": done - retrieved, "total": done - started}
        note = "; ".join(note for note in (self.index.note, answer.note) if note) or None
        return replace(answer, question=question, searched_for=asked, where=where, note=note, timings=timings)

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

    def _retrieve(self, asked: str, k: int, where: Where) -> list[Hit]:
        if k < 1:
            raise QuestionError(f"k is {k}, at least one passage must be read", "Give a positive k.")
        self.index.refresh()
        return self.retriever.retrieve(asked, k, where)


def checked(question: str) -> str:
    """Return the question in one line, or raise QuestionError with what is wrong with it."""
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
    if not terms(asked):
        raise QuestionError(
            f"the question {asked[:60]!r} has no word to search for",
            "Name what it is about: a person, place or thing.",
        )
    return asked
