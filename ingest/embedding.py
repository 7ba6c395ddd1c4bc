"""Articles cut into passages and embedded, ahead of the one who stores them: three threads and a bounded queue.

One thread reads and cuts, one embeds, and the caller's stores; embedding waits for neither.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from types import TracebackType

import numpy as np

from ingest.ahead import Ahead, Stopped
from ingest.split import embedded_text, split
from rag.domain import Article, Embedder
from rag.index.truth import Piece, Truth, vector_key

GROUP = 128  # passages that are sorted by length and stored one group after the other
SLICE = (
    64  # passages that are embedded between two moments at which a stop is heeded: half a second of MiniLM
)
QUEUE_BYTES = 16 * 2**20  # of articles that are read and not yet embedded: minutes of work for a slow model
_PASSAGE_BYTES = 600  # of Python objects for each passage: its span, key and vector, beside its text

Vectors16 = dict[bytes, bytes]
"""The key of a vector → its float16 bytes."""


@dataclass(frozen=True, slots=True)
class Arriving:
    """An article on its way in: where it is, and the file it came from."""

    article: Article
    place: str
    file: str


@dataclass(frozen=True, slots=True)
class Ready:
    """An arriving article with its passages and their vectors."""

    arriving: Arriving
    pieces: list[Piece]


@dataclass(frozen=True, slots=True)
class _Cut:
    """An arriving article cut into passages: spans, what is embedded for each, and the keys of the vectors."""

    arriving: Arriving
    spans: list[tuple[int, int]]
    texts: list[str]
    keys: list[bytes]


@dataclass(slots=True)
class _Group:
    """Articles that are embedded together."""

    cuts: list[_Cut]
    n_bytes: int
    stored: Vectors16 = field(default_factory=dict)
    awaited: dict[bytes, Future[Vectors16]] = field(default_factory=dict)  # that a group before is embedding
    coming: Future[Vectors16] = field(default_factory=Future)  # that are embedded for this one

    def vector(self, key: bytes) -> bytes:
        if key in self.stored:
            return self.stored[key]
        return self.awaited.get(key, self.coming).result()[key]


class Embedding:
    """Embeds articles in their order; use it with ``with``, and iterate once.

    Nothing that is stored, or on its way, is embedded twice. ``n_embedded`` counts passages. Set ``stop`` to have
    ``Stopped`` raised within moments.
    """

    def __init__(
        self,
        arriving: Iterable[Arriving],
        truth: Truth,
        embedder: Embedder,
        passage_tokens: int,
        stop: threading.Event,
    ) -> None:
        self.n_embedded = 0
        self._truth, self._embedder, self._tokens = truth, embedder, passage_tokens
        self._stop, self._is_left = stop, False
        self._on_the_way: dict[bytes, Future[Vectors16]] = {}
        self._worker = ThreadPoolExecutor(1, "embedding")
        cuts = (self._cut(one) for one in arriving)
        self._ahead = Ahead(
            _grouped(cuts), lambda group: group.n_bytes, QUEUE_BYTES, self._begin, self._is_over
        )

    def __enter__(self) -> Embedding:
        self._ahead.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        self._is_left = True
        self._worker.shutdown(wait=False, cancel_futures=True)  # a slice of a slow model takes seconds
        self._ahead.__exit__(kind, error, where)

    def __iter__(self) -> Iterator[Ready]:
        for group in self._ahead:
            self.n_embedded += len(group.coming.result())
            self._ahead.release(group)
            for cut in group.cuts:
                if self._stop.is_set():
                    raise Stopped
                yield Ready(cut.arriving, _pieces(cut, group.vector))
            for key in group.coming.result():
                self._on_the_way.pop(key, None)

    def _is_over(self) -> bool:
        return self._is_left or self._stop.is_set()

    def _cut(self, arriving: Arriving) -> _Cut:
        if self._is_over():
            raise Stopped
        article = arriving.article
        spans = split(article.text, self._embedder, self._tokens)
        texts = [embedded_text(article.title, article.text[start:end]) for start, end in spans]
        return _Cut(arriving, spans, texts, [vector_key(self._embedder.name, text) for text in texts])

    def _begin(self, group: _Group) -> None:
        """Find out which vectors of a group are missing, and have them embedded."""
        texts = {key: text for cut in group.cuts for key, text in zip(cut.keys, cut.texts, strict=True)}
        # In this order: what leaves the way meanwhile is stored.
        group.awaited = {key: coming for key in texts if (coming := self._on_the_way.get(key))}
        group.stored = self._truth.stored_vectors(key for key in texts if key not in group.awaited)
        wanted = {key: text for key, text in texts.items() if key not in group.awaited | group.stored}
        group.coming = self._worker.submit(self._embedded, wanted)
        self._on_the_way |= dict.fromkeys(wanted, group.coming)

    def _embedded(self, wanted: dict[bytes, str]) -> Vectors16:
        """Return the vectors of texts. Longest first, so that what runs side by side ends together."""
        keys = sorted(wanted, key=lambda key: -len(wanted[key]))
        found: Vectors16 = {}
        for low in range(0, len(keys), SLICE):
            if self._is_over():
                raise Stopped
            some = keys[low : low + SLICE]
            rows = self._embedder.embed_passages([wanted[key] for key in some]).astype(np.float16)
            found |= {key: row.tobytes() for key, row in zip(some, rows, strict=True)}
        return found


def _grouped(cuts: Iterator[_Cut]) -> Iterator[_Group]:
    group: list[_Cut] = []
    for cut in cuts:
        group.append(cut)
        if sum(len(cut.spans) for cut in group) >= GROUP:
            yield _Group(group, sum(map(_n_bytes, group)))
            group = []
    if group:
        yield _Group(group, sum(map(_n_bytes, group)))


def _n_bytes(cut: _Cut) -> int:
    """Return about what an article takes in memory while it is on its way."""
    texts: Sequence[str] = [cut.arriving.article.text, *cut.texts]
    return sum(map(sys.getsizeof, texts)) + _PASSAGE_BYTES * len(cut.spans)


def _pieces(cut: _Cut, vector: Callable[[bytes], bytes]) -> list[Piece]:
    spans = zip(cut.spans, cut.keys, strict=True)
    return [Piece(start, end, key, vector(key)) for (start, end), key in spans]
