"""Bring an index in step with folders and files: make a plan, then carry it out, an article at a time."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

import numpy as np

from ingest import plan as planning
from ingest import read
from ingest.plan import Move, Plan
from ingest.read import Failure
from ingest.split import embedded_text, split
from rag import caches, folder
from rag.domain import Article, Embedder, Vectors
from rag.errors import IndexStale
from rag.store import Shape
from rag.truth import Known, Piece, Truth, fingerprint, vector_key

GROUP = 128  # passages that are embedded while those before them are stored
SLICE = 32  # passages between two moments at which an interrupt is heeded


@dataclass(frozen=True, slots=True)
class Summary:
    """What a run did, in articles unless the name says passages; ``passages`` and ``articles`` are held now."""

    new: int
    changed: int
    moved: int
    removed: int
    unchanged: int
    passages_embedded: int
    passages: int
    articles: int
    failed: tuple[Failure, ...]
    seconds: float


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


@dataclass(frozen=True, slots=True)
class _Cut:
    """An article cut into passages: spans, what is embedded for each, and the keys of the vectors."""

    article: Article
    place: str
    file: str
    spans: list[tuple[int, int]]
    texts: list[str]
    keys: list[bytes]


class Run:
    """One run over an open articles.db, whose writer lock the caller holds."""

    def __init__(
        self, generation: Path, truth: Truth, embedder: Embedder, tokens: int, watcher: Watcher
    ) -> None:
        self.embedded = self.new = self.changed = 0
        self.failed: list[Failure] = []
        self._doubtful: set[str] = set()  # files that were not read a second time as they were planned
        self._generation, self._truth = generation, truth
        self._embedder, self._tokens, self._watcher = embedder, tokens, watcher
        self._flushed = time.monotonic()

    def carry_out(self, plan: Plan) -> None:
        """Do what the plan says. Whatever ends it early, what was stored until then stays."""
        targets = {move.place for move in plan.moved}
        self._move(plan.moved, [known for known in plan.removed if known.place in targets])
        self.store(self._arriving(plan))
        for known in plan.removed:
            if known.place in targets:
                continue
            with self._truth.change():
                self._truth.remove(known.n)
                self._truth.remember_file(known.file, None)
        with self._truth.change():
            for path, total in sorted(plan.sums.items()):
                if path not in self._doubtful:
                    self._truth.remember_file(path, total)

    def _move(self, moves: Sequence[Move], overwritten: Sequence[Known]) -> None:
        """Move all at once, by way of places that no file has, since they may have changed places."""
        if not moves:
            return
        with self._truth.change():
            for known in overwritten:
                self._truth.remove(known.n)
            for move in moves:
                self._truth.move(move.known.n, f"//{move.known.n}", f"//{move.known.n}", move.file)
            for move in moves:
                self._truth.move(move.known.n, move.id, move.place, move.file)
                self._truth.remember_file(move.known.file, None)
                self._truth.remember_file(move.file, None)

    def store(self, articles: Iterator[tuple[Article, str, str]]) -> None:
        """Cut, embed and store (article, place, file), embedding one group while the one before is stored."""
        with ThreadPoolExecutor(1) as worker:
            waiting: _Group | None = None
            try:
                for cuts in self._groups(articles):
                    group = _Group(cuts, self._truth, self._embedder, worker)
                    if waiting:
                        self._store_group(waiting)
                    waiting = group
                if waiting:
                    self._store_group(waiting)
            except BaseException:
                worker.shutdown(wait=True, cancel_futures=True)
                raise

    def _arriving(self, plan: Plan) -> Iterator[tuple[Article, str, str]]:
        for source, arrivals in plan.todo.items():
            as_planned = 0
            for item in read.read(source):
                if isinstance(item, Failure):
                    self.failed.append(item)
                elif isinstance(item, Article) and (arrival := arrivals.get(planning.place_of(source, item))):
                    as_planned += fingerprint(item) == arrival.sha256
                    self.new += arrival.is_new
                    self.changed += not arrival.is_new
                    yield replace(item, id=arrival.id), arrival.place, str(source.path)
            if as_planned < len(arrivals):
                self._doubtful.add(str(source.path))

    def _groups(self, articles: Iterator[tuple[Article, str, str]]) -> Iterator[list[_Cut]]:
        group: list[_Cut] = []
        for article, place, file in articles:
            group.append(self._cut(article, place, file))
            if sum(len(cut.spans) for cut in group) >= GROUP:
                yield group
                group = []
        if group:
            yield group

    def _cut(self, article: Article, place: str, file: str) -> _Cut:
        spans = split(article.text, self._embedder, self._tokens)
        texts = [embedded_text(article.title, article.text[start:end]) for start, end in spans]
        return _Cut(article, place, file, spans, texts, [vector_key(self._embedder.name, t) for t in texts])

    def _store_group(self, group: _Group) -> None:
        vectors = group.vectors()
        self.embedded += group.n_embedded
        for cut in group.cuts:
            pieces = [
                Piece(start, end, key, vectors[key])
                for (start, end), key in zip(cut.spans, cut.keys, strict=True)
            ]
            with self._truth.change():
                self._truth.put(cut.article, cut.place, cut.file, pieces)
                self._truth.remember_file(cut.file, None)  # until it is read whole
            self._watcher.stored(len(cut.article.text), len(pieces))
            self._flush()

    def _flush(self) -> None:
        if time.monotonic() - self._flushed > caches.FLUSH_S:
            caches.flush(self._generation, self._truth, final=False)
            self._flushed = time.monotonic()


class _Group:
    """Articles whose missing vectors are being embedded."""

    def __init__(
        self, cuts: list[_Cut], truth: Truth, embedder: Embedder, worker: ThreadPoolExecutor
    ) -> None:
        self.cuts = cuts
        texts = {key: text for cut in cuts for key, text in zip(cut.keys, cut.texts, strict=True)}
        self._stored = truth.stored_vectors(texts)
        self._missing = [key for key in texts if key not in self._stored]
        wanted = [texts[key] for key in self._missing]
        self._coming: list[Future[Vectors]] = [
            worker.submit(embedder.embed_passages, wanted[i : i + SLICE])
            for i in range(0, len(wanted), SLICE)
        ]

    @property
    def n_embedded(self) -> int:
        """How many passages had to be embedded."""
        return len(self._missing)

    def vectors(self) -> dict[bytes, bytes]:
        """Wait for the vectors; return key → float16 bytes."""
        rows = [row for part in self._coming for row in part.result().astype(np.float16)]
        return self._stored | {key: row.tobytes() for key, row in zip(self._missing, rows, strict=True)}


def index(
    paths: Sequence[str | Path],
    index: str | Path,
    embedder: Embedder,
    passage_tokens: int,
    *,
    yes: bool = False,
    rebuild: bool = False,
    watcher: Watcher | None = None,
) -> Summary:
    """Bring ``index`` in step with what lies under ``paths``; return what was done.

    What came from other paths stays as it is. ``yes`` allows to remove over half of the collection;
    ``rebuild`` makes the index again beside the old one, for another embedder or passage size.

    Raises:
        CorpusError: a path does not exist, or holds nothing to read.
        RemovalRefused, IndexLocked, IndexStale, IndexDamaged: as their names say; nothing was changed.
    """
    with folder.writing(Path(index)):
        return locked(paths, index, embedder, passage_tokens, yes=yes, rebuild=rebuild, watcher=watcher)


def locked(
    paths: Sequence[str | Path],
    index: str | Path,
    embedder: Embedder,
    passage_tokens: int,
    *,
    yes: bool = False,
    rebuild: bool = False,
    watcher: Watcher | None = None,
) -> Summary:
    """Do the same for one who holds the writer lock."""
    started = time.monotonic()
    watcher = watcher or Silence()
    where, roots = Path(index), [Path(path) for path in paths]
    shape = Shape(embedder.name, embedder.dim, passage_tokens)
    generation = folder.prepare(where, shape.facts())
    if rebuild:
        _refuse_early(generation, roots, yes)
        generation = _rebuilt(where, generation, shape, embedder, watcher)
    truth = Truth(generation / folder.DATABASE, write=True)
    try:
        _check_shape(truth, shape, where)
        plan = _plan(truth, roots, yes)
        caches.flush(generation, truth, final=True)  # those of a new index, and those that were lost
        watcher.planned(plan)
        run = Run(generation, truth, embedder, passage_tokens, watcher)
        try:
            run.carry_out(plan)
        finally:
            caches.flush(generation, truth, final=True)
        truth.checkpoint()
        return _summary(plan, run, truth, time.monotonic() - started)
    finally:
        truth.close()


def _plan(truth: Truth, paths: Sequence[Path], yes: bool) -> Plan:
    plan = planning.make(truth, paths)
    if not yes:
        planning.refuse_large_removal(plan, truth.counts()[0], paths)
    return plan


def _refuse_early(generation: Path, paths: Sequence[Path], yes: bool) -> None:
    """Make the plan once before the index is made again, so that a refusal finds nothing changed."""
    truth = Truth(generation / folder.DATABASE)
    try:
        _plan(truth, paths, yes)
    finally:
        truth.close()


def _check_shape(truth: Truth, shape: Shape, index: Path) -> None:
    found = Shape.of(truth)
    if found == shape:
        return
    raise IndexStale(
        f"{index} was made with {found.embedder}, {found.passage_tokens} tokens a passage, "
        f"not with {shape.embedder}, {shape.passage_tokens} tokens a passage",
        f"Make it again beside the old one: citewise index PATH --index {index} --rebuild",
    )


def _rebuilt(index: Path, old: Path, shape: Shape, embedder: Embedder, watcher: Watcher) -> Path:
    """Make the next generation from the articles of the old one, and let it answer from then on."""
    source = Truth(old / folder.DATABASE)
    try:
        new = folder.create(index, shape.facts(), source.reach().last_id)
        truth = Truth(new / folder.DATABASE, write=True)
        try:
            Run(new, truth, embedder, shape.passage_tokens, watcher).store(source.stored())
            with truth.change():
                for path, total in source.files().items():
                    truth.remember_file(path, total)
                truth.set_meta("whole", "yes")
            caches.flush(new, truth, final=True)
            truth.checkpoint()
        finally:
            truth.close()
    finally:
        source.close()
    folder.publish(index, new)
    folder.prune(index)
    return new


def _summary(plan: Plan, run: Run, truth: Truth, seconds: float) -> Summary:
    n_articles, n_passages = truth.counts()
    failed = dict.fromkeys([*plan.failed, *run.failed])
    return Summary(
        new=run.new,
        changed=run.changed,
        moved=len(plan.moved),
        removed=len(plan.removed),
        unchanged=plan.unchanged,
        passages_embedded=run.embedded,
        passages=n_passages,
        articles=n_articles,
        failed=tuple(failed),
        seconds=round(seconds, 3),
    )
