"""Retrieve, then read."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from types import MappingProxyType, TracebackType
from typing import Protocol

from rag import text
from rag.chat import Chat
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
    Steps,
    Way,
    Where,
)
from rag.errors import QuestionError
from rag.guard import note, sober
from rag.index.words import terms
from rag.store import Status

ASIDE = "Every passage that shares anything with the question speaks to a machine, and was set aside."
FILTERED = "The filter leaves no passage that shares anything with the question."
MOST = 100  # passages of one question, as in the settings; each that is read takes a hundredth of a second
NO_READERS: Mapping[Way, Reader] = MappingProxyType({})
N_SPARE = 8  # passages beyond k, in the place of those that are set aside
MOST_SPARE = 2_048  # where hostile articles fill these too; to judge as many takes about a second
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
        self,
        index: Collection,
        retriever: Retriever,
        reader: Reader,
        rewriter: Rewriter,
        k: int,
        readers: Mapping[Way, Reader] = NO_READERS,
    ) -> None:
        """``reader`` answers, unless a question asks for one of ``readers`` by the way that it answers."""
        self.index, self.retriever, self.reader, self.k = index, retriever, reader, k
        self.rewriter, self.readers = rewriter, readers

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
        way: Way | None = None,
    ) -> Answer:
        """Answer from the ``k`` best passages, or abstain and say why; ``turns`` came before in a conversation.

        ``way`` is how to answer, the pipeline's own unless given.

        Raises:
            QuestionError: the question is empty, too long, or has no word to search for; or it is to be
                written where there is no language model.
        """
        *_, answer = self.stages(question, k, where, turns, way)
        assert isinstance(answer, Answer)
        return answer

    def stages(
        self,
        question: str,
        k: int | None = None,
        where: Where = EVERYWHERE,
        turns: Sequence[Exchange] = (),
        way: Way | None = None,
    ) -> Steps:
        """Yield the steps to the answer of ``ask``, and it last; closing it stops the work, a model's too.

        Raises:
            QuestionError: as for ``ask``.
        """
        started = time.perf_counter()
        reader = self._reader(way)
        asked = self._standalone(question, turns)
        yield Stage("search", self.index.n_articles)
        k = self.k if k is None else k
        hits, n_aside = self._sober(asked, k, where)
        aside = note(n_aside)
        retrieved = time.perf_counter()
        if hits:
            yield Stage("read", len(hits))
        with closing(reader.stream(asked, hits)) as steps:
            for step in steps:
                if isinstance(step, Answer):
                    done = time.perf_counter()
                    timings = {
                        "retrieve": retrieved - started,
                        "read": done - retrieved,
                        "total": done - started,
                    }
                    yield self._completed(step, question, asked, where, timings, aside)
                else:
                    yield step

    def chat(self) -> Chat:
        """Begin a conversation, whose questions may lean on the ones before."""
        return Chat(self)

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

    def _completed(
        self,
        answer: Answer,
        question: str,
        asked: str,
        where: Where,
        timings: Mapping[str, float],
        aside: str | None,
    ) -> Answer:
        """Return what a reader answered with all that it does not know."""
        told = "; ".join(filter(None, (self.index.note, aside, answer.note))) or None
        reason = answer.reason
        if not answer.hits and (aside or where != EVERYWHERE):
            reason = ASIDE if aside else FILTERED
        return replace(
            answer,
            question=question,
            searched_for=asked,
            where=where,
            note=told,
            reason=reason,
            timings={**answer.timings, **timings},
        )

    def _reader(self, way: Way | None) -> Reader:
        if way is None or way in self.readers:
            return self.readers[way] if way else self.reader
        raise QuestionError(
            f"there is nothing here to answer in the way {str(way)[:20]!r}",
            "Name a language model to have answers written: --llm ollama/llama3.2",
        )

    def _standalone(self, question: str, turns: Sequence[Exchange]) -> str:
        """Return what to search for: a follow-up such as "Why?" need only have words once it is rewritten."""
        asked = one_line(question)
        return checked(self.rewriter.rewrite(turns, asked) if turns else asked)

    def _sober(self, asked: str, k: int, where: Where) -> tuple[list[Hit], int]:
        """Return the ``k`` best passages that may be read, and how many of the best were set aside."""
        n_spare = N_SPARE
        while True:
            found = self._retrieve(asked, k, where, n_spare)
            kept, _ = sober(found, asked)
            if len(kept) >= k or len(found) < k + n_spare or n_spare >= MOST_SPARE:
                return kept[:k], sober(found[:k], asked)[1]
            n_spare *= 4

    def _retrieve(self, asked: str, k: int, where: Where, n_spare: int = 0) -> list[Hit]:
        if isinstance(k, bool) or not isinstance(k, int) or not 1 <= k <= MOST:
            raise QuestionError(f"k is {str(k)[:40]}, expected 1 to {MOST:,} passages", "Give another k.")
        self.index.refresh()
        return self.retriever.retrieve(asked, k + n_spare, where)


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
    asked = text.one_line(question)
    if not asked:
        raise QuestionError("the question is empty", "Ask something, for example: Who won the election?")
    if len(asked) > LONGEST:
        raise QuestionError(
            f"the question has {len(asked):,} characters, at most {LONGEST:,} are read",
            "Ask it in a sentence or two.",
        )
    return asked
