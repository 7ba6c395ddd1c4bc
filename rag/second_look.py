"""The readers that look twice: what one is not sure of, another reads again, and is surer where both agree."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from threading import Lock
from typing import Generic, TypeVar

from rag.domain import Answer, Hit, Reader, Steps
from rag.reader import Extractive, none_of

AGAIN = 4  # of 8 passages; of 330 dev questions as many are right, .670, as when all are read again
One = TypeVar("One")


class Later(Generic[One]):
    """What is made when it is first asked for, and once, whichever thread asks."""

    def __init__(self, make: Callable[[], One]) -> None:
        self._make, self._lock = make, Lock()
        self._made: One | None = None

    def __call__(self) -> One:
        """Return it; what making it raises, the next call tries again."""
        with self._lock:
            if self._made is None:
                self._made = self._make()
            return self._made


class SecondLook:
    """Answers with the first reader where it is ``sure``; otherwise the second, opened then, has the last word."""

    def __init__(self, first: Reader, second: Callable[[], Reader], sure: float) -> None:
        """Trust an answer of the first from a confidence of ``sure``."""
        self._first, self._second, self._sure = first, second, sure

    @property
    def name(self) -> str:
        """The name of the first: the second need not be open."""
        return f"{self._first.name}, and a second look in doubt"

    def read(self, question: str, hits: Sequence[Hit]) -> Answer:
        """Answer with whichever may; no hits leave nothing to look at again."""
        quick = self._first.read(question, hits)
        if not hits or (quick.text and quick.confidence >= self._sure):
            return quick
        return self._second().read(question, hits)

    def stream(self, question: str, hits: Sequence[Hit]) -> Steps:
        """Yield the answer of ``read``, which comes all at once."""
        yield self.read(question, hits)


class Seconded:
    """Answers as one extractive reader does, which is surer of what another would answer too."""

    def __init__(self, reader: Extractive, other: Extractive) -> None:
        self._reader, self._other = reader, other

    @property
    def name(self) -> str:
        """The name of the one that answers."""
        return self._reader.name

    def read(self, question: str, hits: Sequence[Hit]) -> Answer:
        """Answer, or abstain, with a confidence in which the best answer of the other counts.

        It reads the AGAIN passages that the other would answer from first.
        """
        spans = sorted(self._other.spans(question, hits), key=lambda span: (-span.margin, span.passage.id))
        likeliest = {span.passage.id for span in spans[:AGAIN]}
        others = self._other.found(question, hits)
        again = [hit for hit in hits if hit.passage.id in likeliest] or hits
        answer = self._reader.read(question, again, others[0].text if others else "")
        return replace(answer, hits=tuple(hits), reason=answer.reason and none_of(len(hits)))

    def stream(self, question: str, hits: Sequence[Hit]) -> Steps:
        """Yield the answer of ``read``, which comes all at once."""
        yield self.read(question, hits)
