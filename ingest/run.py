"""Carries a plan out over an open articles.db, an article at a time; whatever ends it early, what is stored stays."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Protocol

from ingest.embedding import Arriving, Embedding
from ingest.plan import Move, Plan
from rag.domain import Embedder
from rag.errors import IndexFault
from rag.index import caches
from rag.index.truth import Known, Truth


class Watcher(Protocol):
    """Is told how a run goes on."""

    def planned(self, plan: Plan) -> None:
        """Take note of what will be done."""

    def stored(self, n_chars: int, n_passages: int) -> None:
        """Take note that one more article, of this size, is durable."""


class Silence:
    """A watcher that says nothing."""

    def planned(self, plan: Plan) -> None:
        """Say nothing."""

    def stored(self, n_chars: int, n_passages: int) -> None:
        """Say nothing."""


class Run:
    """One run over an articles.db, whose writer lock the caller holds; ``stop`` ends it early with ``Stopped``."""

    def __init__(
        self,
        generation: Path,
        truth: Truth,
        embedder: Embedder,
        passage_tokens: int,
        watcher: Watcher,
        stop: threading.Event,
    ) -> None:
        self.n_embedded = 0
        self._generation, self._truth = generation, truth
        self._embedder, self._tokens = embedder, passage_tokens
        self._watcher, self._stop = watcher, stop
        self._flushed = time.monotonic()

    def carry_out(self, plan: Plan) -> None:
        """Do what the plan says, of the articles that it holds; the caches on disk are up to date after it."""
        targets = {move.place for move in plan.moved}
        try:
            self._move(plan.moved, [known for known in plan.removed if known.place in targets])
            self.store(_arriving(plan))
            self._remove([known for known in plan.removed if known.place not in targets])
            self._remember(plan.sums)
        except BaseException:
            with suppress(IndexFault):  # what went wrong first is what is told
                caches.flush(self._generation, self._truth, final=False)
            raise
        caches.flush(self._generation, self._truth, final=True)

    def store(self, arriving: Iterator[Arriving]) -> None:
        """Cut, embed and store articles, each durable before the watcher hears of it."""
        with Embedding(arriving, self._truth, self._embedder, self._tokens, self._stop) as embedding:
            for ready in embedding:
                article, file = ready.arriving.article, ready.arriving.file
                with self._truth.change():
                    self._truth.put(article, ready.arriving.place, file, ready.pieces)
                    self._truth.remember_file(file, None)  # until it is read whole
                self._watcher.stored(len(article.text), len(ready.pieces))
                self._flush()
            self.n_embedded += embedding.n_embedded

    def _move(self, moves: Sequence[Move], overwritten: Sequence[Known]) -> None:
        """Move all at once, by way of places that no file has, since they may have changed places."""
        if not moves:
            return
        with self._truth.change():
            for known in overwritten:
                self._truth.remove(known.n)
            for move in moves:
                away = f"//{move.known.n}"
                self._truth.move(move.known.n, away, away, str(move.source.path))
            for move in moves:
                self._truth.move(move.known.n, move.id, move.place, str(move.source.path))
                self._truth.remember_file(move.known.file, None)
                self._truth.remember_file(str(move.source.path), None)

    def _remove(self, gone: Sequence[Known]) -> None:
        for known in gone:
            with self._truth.change():
                self._truth.remove(known.n)
                self._truth.remember_file(known.file, None)

    def _remember(self, sums: Mapping[str, str]) -> None:
        if not sums:
            return
        with self._truth.change():
            for path, total in sorted(sums.items()):
                self._truth.remember_file(path, total)

    def _flush(self) -> None:
        if time.monotonic() - self._flushed > caches.FLUSH_S:
            caches.flush(self._generation, self._truth, final=False)
            self._flushed = time.monotonic()


def _arriving(plan: Plan) -> Iterator[Arriving]:
    for source, arrivals in plan.todo.items():
        for place, arrival in arrivals.items():
            yield Arriving(replace(plan.held.take(place), id=arrival.id), place, str(source.path))
