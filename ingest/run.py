"""Carries a plan out over an open articles.db, an article at a time; whatever ends it early, what is stored stays."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Protocol

from ingest import read
from ingest.embedding import Arriving, Embedding
from ingest.plan import Arrival, Move, Plan, place_of
from ingest.read import NO_FIELDS, Failure, Source
from rag import caches
from rag.domain import Article, Embedder
from rag.errors import IndexFault
from rag.truth import Known, Truth, fingerprint


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
        self.n_embedded = self.new = self.changed = 0
        self.failed: list[Failure] = []
        self._doubtful: set[str] = set()  # files that were not read a second time as they were planned
        self._generation, self._truth = generation, truth
        self._embedder, self._tokens = embedder, passage_tokens
        self._watcher, self._stop = watcher, stop
        self._flushed = time.monotonic()

    def carry_out(self, plan: Plan, fields: Mapping[str, str] = NO_FIELDS) -> None:
        """Do what the plan says, reading files by ``fields``; the caches on disk are up to date after it."""
        targets = {move.place for move in plan.moved}
        try:
            self._move(plan.moved, [known for known in plan.removed if known.place in targets])
            self.store(self._arriving(plan, fields))
            self._remove([known for known in plan.removed if known.place not in targets])
            self._remember({path: total for path, total in plan.sums.items() if path not in self._doubtful})
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

    def _arriving(self, plan: Plan, fields: Mapping[str, str]) -> Iterator[Arriving]:
        for source, arrivals in plan.todo.items():
            held = {place: plan.held.pop(place) for place in arrivals if place in plan.held}
            whole = len(held) == len(arrivals)
            articles = iter(held.items()) if whole else self._read_again(source, arrivals, fields)
            for place, article in articles:
                arrival = arrivals[place]
                self.new += arrival.is_new
                self.changed += not arrival.is_new
                yield Arriving(replace(article, id=arrival.id), place, str(source.path))

    def _read_again(
        self, source: Source, arrivals: Mapping[str, Arrival], fields: Mapping[str, str]
    ) -> Iterator[tuple[str, Article]]:
        n_as_planned = 0
        for item in read.read(source, fields):
            if isinstance(item, Failure):
                self.failed.append(item)
            elif isinstance(item, Article) and (arrival := arrivals.get(place_of(source, item))):
                n_as_planned += fingerprint(item) == arrival.sha256
                yield arrival.place, item
        if n_as_planned < len(arrivals):
            self._doubtful.add(str(source.path))

    def _flush(self) -> None:
        if time.monotonic() - self._flushed > caches.FLUSH_S:
            caches.flush(self._generation, self._truth, final=False)
            self._flushed = time.monotonic()
