"""What a setting makes of questions: the same ones asked with each value of it, all of them answered."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from unittest.mock import patch

import numpy as np

import ingest
from benchmarks.sweep import rank_constant
from ingest import embedding
from ingest.split import split
from rag import embed, retrieve, wiring
from rag.domain import Answer, Embedder, Hit, Reader, Retriever
from rag.metrics import em, f1
from rag.retrieve import Distinct, Fused
from rag.settings import Settings
from rag.store import Store
from rag.text import Span, sentences
from training.asked import Asked, short_id

RIGHT_F1 = 0.5
N_PACED = 20  # questions whose time is taken


@dataclass(frozen=True, slots=True)
class Cut:
    """How articles are cut: tokens of a passage at most, and how many of these the passage before has too."""

    tokens: int = Settings().passage_tokens
    shared: int = 0


@dataclass(frozen=True, slots=True)
class Finding:
    """How passages are found in one cut: how many are read, how many considered, and the constant of the ranks."""

    k: int = Settings().k
    depth: int = Settings().depth
    constant: int = retrieve.RANK_CONSTANT


@dataclass(frozen=True, slots=True)
class Said:
    """What was answered to one question, with what confidence, whether it is right, and whether its article is read."""

    em: float
    f1: float
    sure: float
    right: bool
    found: bool


@dataclass(frozen=True, slots=True)
class Tried:
    """What one value of a setting made of all questions; ``ms`` is the median time of finding and reading."""

    said: Sequence[Said]
    ms: float

    @property
    def f1(self) -> list[float]:
        """The f1 of each question."""
        return [one.f1 for one in self.said]

    @property
    def em(self) -> list[float]:
        """The em of each question."""
        return [one.em for one in self.said]

    @property
    def found(self) -> list[float]:
        """For each question, whether an article that answers it is among those read."""
        return [float(one.found) for one in self.said]

    def given(self, threshold: float) -> tuple[float, float]:
        """Return the share that is answered with this confidence at least, and the share of that which is right."""
        given = [one.right for one in self.said if one.sure >= threshold]
        return len(given) / len(self.said), sum(given) / max(1, len(given))


def indexed(articles: Path, cut: Cut) -> Path:
    """Index a file of articles, cut so, beside it, and return the index."""
    index = articles.with_name(f"{articles.stem}-{cut.tokens}-{cut.shared}")
    with ExitStack() as stack:
        if cut.shared:
            stack.enter_context(patch.object(embedding, "split", overlapping(cut.shared)))
        ingest.index(articles, index, passage_tokens=cut.tokens)
    return index


class overlapping:  # noqa: N801
    """A splitter whose passages begin with up to ``shared`` tokens, in whole sentences, of what is before them."""

    def __init__(self, shared: int) -> None:
        self._shared = shared

    def __call__(self, text: str, embedder: Embedder, passage_tokens: int) -> list[Span]:
        """Return the spans; none has more tokens for it than without."""
        begins = [begin for begin, _ in sentences(text)]
        spans = split(text, embedder, passage_tokens - self._shared)
        return [(self._earlier(text, start, begins, embedder), end) for start, end in spans]

    def _earlier(self, text: str, start: int, begins: Sequence[int], embedder: Embedder) -> int:
        before = (begin for begin in begins if begin < start)
        near = (begin for begin in before if len(embedder.token_spans(text[begin:start])) <= self._shared)
        return next(near, start)


@contextmanager
def finding(index: Path, embedder: Embedder) -> Iterator[Mapping[str, Retriever]]:
    """Open an index for what is fused."""
    with Store(index) as store:
        yield wiring.retrievers(store, embedder)


def hits(parts: Mapping[str, Retriever], how: Finding, question: str) -> list[Hit]:
    """Return the passages to read, found so."""
    with rank_constant(how.constant):
        return Distinct(Fused(parts, how.depth)).retrieve(question, how.k)


def tried(
    index: Path, reader: Reader, asked: Sequence[Asked], ways: Sequence[Finding], embedder: Embedder
) -> dict[Finding, Tried]:
    """Return what each way to find makes of the questions; one asked is read for all ways before the next."""
    with finding(index, embedder) as parts:
        said: dict[Finding, list[Said]] = {how: [] for how in ways}
        for one in asked:
            for how in ways:
                found = hits(parts, how, one.question)
                said[how].append(judged(reader.read(one.question, found), found, one))
        return {how: Tried(said[how], _ms(parts, how, reader, asked)) for how in ways}


def judged(answer: Answer, found: Sequence[Hit], one: Asked) -> Said:
    """Return what came of one question; right is an f1 of RIGHT_F1 with a quote of an article that answers it."""
    at_home = any(short_id(Hit(cited.passage, 0.0)) in one.homes for cited in answer.citations)
    score = f1(answer.text, one.answers)
    return Said(
        em(answer.text, one.answers),
        score,
        answer.confidence if answer.text else 0.0,
        at_home and score >= RIGHT_F1,
        any(short_id(hit) in one.homes for hit in found),
    )


def _ms(parts: Mapping[str, Retriever], how: Finding, reader: Reader, asked: Sequence[Asked]) -> float:
    took = []
    for one in asked[:N_PACED]:
        started = time.perf_counter()
        reader.read(one.question, hits(parts, how, one.question))
        took.append(1000 * (time.perf_counter() - started))
    return float(np.median(took))


def joined(some: Sequence[Tried]) -> Tried:
    """Return what came of the questions of several collections; the time is the mean of theirs."""
    return Tried([one for tried in some for one in tried.said], float(np.mean([one.ms for one in some])))


def unsilenced(size: str) -> Reader:
    """Return the reader of a size as it ships, but that it answers whatever it thinks of its answer."""
    settings = Settings(reader=size)
    return wiring.unsilenced(settings, embed.load(settings.embedder))[1]
