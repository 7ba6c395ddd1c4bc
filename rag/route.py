"""The reader that chooses: a quote where one is sure and enough, else a written answer or whole sentences."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace
from typing import Protocol

from rag.domain import Answer, Hit, Reader, Steps
from rag.wants import Want, want

SURE = "quoted: one quote was sure enough"


class Writer(Reader, Protocol):
    """A reader that writes, and need not read again what was read before it."""

    def stream_after(self, question: str, hits: Sequence[Hit], quoted: Answer) -> Steps:
        """Yield the steps to a written answer, and it last; ``quoted`` is what to fall back on."""


class Routed:
    """Quotes when the quoting reader is sure and the question wants a span; otherwise has it written.

    Without a writer, or when nothing written can be proved, a question that wants sentences gets those.
    """

    def __init__(self, quoting: Reader, excerpts: Reader, writer: Writer | None = None) -> None:
        self._quoting, self._excerpts, self._writer = quoting, excerpts, writer

    @property
    def name(self) -> str:
        """The name of what quotes, and of what writes."""
        return f"{self._quoting.name} or {self._writer.name}" if self._writer else self._quoting.name

    def read(self, question: str, hits: Sequence[Hit]) -> Answer:
        """Return the last step of ``stream``."""
        *_, answer = self.stream(question, hits)
        assert isinstance(answer, Answer)
        return answer

    def stream(self, question: str, hits: Sequence[Hit]) -> Steps:
        """Yield the steps to an answer whose ``route`` says how it came about; closing it stops the writer."""
        wanted = want(question)
        quoted = self._quoting.read(question, hits)
        if not hits or (quoted.text and wanted.form == "span"):
            yield _routed(quoted, SURE)
        elif self._writer is None:
            yield self._unwritten(question, hits, quoted, wanted)
        else:
            instead = self._unwritten(question, hits, quoted, wanted)
            with closing(self._writer.stream_after(question, hits, instead)) as steps:
                for step in steps:
                    yield _told(step, wanted) if isinstance(step, Answer) else step

    def _unwritten(self, question: str, hits: Sequence[Hit], quoted: Answer, wanted: Want) -> Answer:
        if wanted.form == "span":
            return quoted
        sentences = self._excerpts.read(question, hits)
        if sentences.text:
            return _routed(sentences, f"sentences: {wanted.reason}")
        return _routed(quoted, "quoted: no whole sentence was sure enough")


def _told(answer: Answer, wanted: Want) -> Answer:
    """Return the writer's answer with its route; one that was written tells none itself."""
    if answer.mode != "write":
        return answer
    reason = wanted.reason if wanted.form == "sentences" else "no single quote was sure enough"
    return replace(answer, route=f"written: {reason}")


def _routed(answer: Answer, route: str) -> Answer:
    """Return an answer with its route; to abstain is none."""
    return replace(answer, route=route) if answer.text else answer
