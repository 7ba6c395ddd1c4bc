"""Bring an index in step with files, folders and pages of the web: make a plan, then carry it out."""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from ingest import planning, rebuild
from ingest.ahead import Stopped
from ingest.embedding import Arriving
from ingest.files import Sums
from ingest.given import Given
from ingest.plan import Plan
from ingest.run import Run, Silence, Watcher
from ingest.summary import Summary, fates, passed_over
from rag.domain import Embedder
from rag.errors import IndexFault, IndexMissing, IndexStale
from rag.index import caches, folder, lock
from rag.index.truth import Truth
from rag.store import Shape

__all__ = ["Choice", "Silence", "Stopped", "Summary", "Watcher", "index", "locked"]


@dataclass(frozen=True, slots=True)
class Choice:
    """How a run goes about it.

    ``yes`` allows to remove over half of the collection; with ``keep_missing`` nothing is removed. ``rebuild``
    makes the index again beside the old one, for another embedder or passage size, and ``resume`` goes on with
    such a run that was cut short. ``allow_network`` fetches the addresses among the paths. ``sums`` say how files
    are read, and are kept by one who runs often.
    """

    yes: bool = False
    rebuild: bool = False
    resume: bool = False
    keep_missing: bool = False
    allow_network: bool = False
    sums: Sums = field(default_factory=Sums)


def index(
    paths: Sequence[str | Path],
    index: str | Path,
    embedder: Embedder,
    passage_tokens: int,
    *,
    yes: bool = False,
    rebuild: bool = False,
    dry_run: bool = False,
    keep_missing: bool = False,
    resume: bool = False,
    allow_network: bool = False,
    fields: Mapping[str, str] | None = None,
    watcher: Watcher | None = None,
    stop: threading.Event | None = None,
) -> Summary:
    """Bring ``index`` in step with what lies under ``paths``; return what was done, or in a ``dry_run`` would be.

    What came from other paths stays as it is. ``fields`` say which columns or names of a table hold an article's
    title, text and so on. The other options are those of ``Choice``. The watcher is told of a plan before it is
    carried out, of a rebuild first.

    Raises:
        CorpusError: a path does not exist, or holds nothing to read.
        RemovalRefused, IndexLocked, IndexStale, IndexDamaged: as their names say; nothing was changed.
        Stopped: ``stop`` was set.
    """
    choice = Choice(yes, rebuild, resume, keep_missing, allow_network, Sums(fields or {}))
    if dry_run:
        shape = Shape(embedder.name, embedder.dim, passage_tokens)
        return _rehearsed(paths, Path(index), shape, choice)
    Given.of(paths, allow_network=allow_network)  # what is refused leaves no folder behind
    with _claimed(Path(index)) as keep:
        done = locked(paths, index, embedder, passage_tokens, choice=choice, watcher=watcher, stop=stop)
        if done.articles or not done.failed:
            keep()
        return done


def locked(
    paths: Sequence[str | Path],
    index: str | Path,
    embedder: Embedder,
    passage_tokens: int,
    *,
    choice: Choice | None = None,
    watcher: Watcher | None = None,
    stop: threading.Event | None = None,
) -> Summary:
    """Do the same for one who holds the writer lock."""
    started = time.monotonic()
    choice, watcher, stop = choice or Choice(), watcher or Silence(), stop or threading.Event()
    where, shape = Path(index), Shape(embedder.name, embedder.dim, passage_tokens)
    given = Given.of(paths, allow_network=choice.allow_network)
    generation = folder.prepare(where, shape.facts())
    given.fetch(where)

    runs: list[Run] = []

    def begun(generation: Path, truth: Truth, plan: Plan) -> Run:
        watcher.planned(plan)
        runs.append(Run(generation, truth, embedder, passage_tokens, watcher, stop))
        return runs[-1]

    def store(generation: Path, truth: Truth, n: int, articles: Iterator[Arriving]) -> None:
        begun(generation, truth, Plan(n_again=n)).store(articles)

    if choice.rebuild or (choice.resume and rebuild.can_resume(where, generation, shape)):
        with closing(Truth(generation / folder.DATABASE)) as truth:
            _plan(truth, given, choice)  # once before, so that a refusal finds nothing changed
        generation = rebuild.rebuilt(where, generation, shape, store, resume=choice.resume)
    with closing(Truth(generation / folder.DATABASE, write=True)) as truth:
        _check_shape(truth, shape, where)
        plan = _plan(truth, given, choice, spill=where)
        with closing(plan.held):
            caches.flush(generation, truth, final=True)  # those of a new index, and those that were lost
            begun(generation, truth, plan).carry_out(plan)
        truth.checkpoint()
        return _summary(plan, runs, truth.counts(), given, [rebuild.note(where)], started)


@contextmanager
def _claimed(index: Path) -> Iterator[Callable[[], None]]:
    """Hold the writer lock; an index that was not there goes again, unless an article is in it or it is kept.

    What is yielded keeps it.
    """
    made = [path for path in (index, *index.absolute().parents) if not path.exists()]
    with folder.writing(index):
        kept = [(index / folder.CURRENT).exists() or bool(folder.generations(index))]
        try:
            yield lambda: kept.append(True)
        finally:
            if not any(kept) and not _holds_articles(index):
                _unmake(index, made)


def _holds_articles(index: Path) -> bool:
    try:
        with _reading(index) as truth:
            return truth is not None and truth.counts()[0] > 0
    except IndexFault:  # what cannot be read is not thrown away
        return True


def _unmake(index: Path, made: Sequence[Path]) -> None:
    """Take away an index without an article, and the folders that were made for it, the innermost first."""
    for path in (*folder.generations(index), *(index / beside for beside in folder.BESIDE)):
        shutil.rmtree(path, ignore_errors=True)
    for name in (folder.CURRENT, lock.HOLDER, lock.LOCK):
        with suppress(OSError):
            (index / name).unlink()
    for path in made:
        with suppress(OSError):  # another has put something there
            path.rmdir()


def _rehearsed(paths: Sequence[str | Path], index: Path, shape: Shape, choice: Choice) -> Summary:
    """Return what a run would do; nothing is changed or fetched, and nobody is locked out."""
    started = time.monotonic()
    given = Given.of(paths, allow_network=choice.allow_network)
    notes = [f"{url} would be fetched." for url in given.urls]
    with _reading(index) as truth:
        if truth and choice.rebuild:
            notes.append("Every passage would be embedded again.")
        elif truth:
            _check_shape(truth, shape, index)
        plan = _plan(truth, given, choice) if given.files else Plan()
        counts = truth.counts() if truth else (0, 0)
    return _summary(plan, [], counts, given, notes, started)


@contextmanager
def _reading(index: Path) -> Iterator[Truth | None]:
    """Open what an index holds; None where there is no index."""
    try:
        generation = folder.live(index)
    except IndexMissing:
        yield None
        return
    with closing(Truth(generation / folder.DATABASE)) as truth:
        yield truth


def _plan(truth: Truth | None, given: Given, choice: Choice, spill: Path | None = None) -> Plan:
    plan = planning.make(
        truth or planning.Nothing(),
        given.files,
        choice.sums,
        keep_missing=choice.keep_missing,
        fetched=given.fetched,
        failed=given.failed,
        spill=spill,
    )
    if truth and not choice.yes:
        planning.refuse_large_removal(plan, truth.counts()[0], given.shown)
    return plan


def _check_shape(truth: Truth, shape: Shape, index: Path) -> None:
    found = Shape.of(truth)
    if found == shape:
        return
    raise IndexStale(
        f"{index} was made with {found.embedder}, {found.passage_tokens} tokens a passage, "
        f"not with {shape.embedder}, {shape.passage_tokens} tokens a passage",
        f"Make it again beside the old one: citewise index PATH --index {index} --rebuild",
    )


def _summary(
    plan: Plan,
    runs: Sequence[Run],
    counts: tuple[int, int],
    given: Given,
    notes: Sequence[str],
    started: float,
) -> Summary:
    """Return what the runs did, the last by the plan; without any, what one would have done."""
    files, n_untold = fates(plan, given.files)
    return Summary(
        new=plan.new,
        changed=plan.changed,
        moved=len(plan.moved),
        removed=len(plan.removed),
        unchanged=plan.unchanged,
        passages_embedded=sum(run.n_embedded for run in runs),
        passages=counts[1],
        articles=counts[0],
        failed=tuple(dict.fromkeys(plan.failed)),
        seconds=round(time.monotonic() - started, 3),
        kept=len(plan.kept),
        files=files,
        notes=tuple(filter(None, [*notes, *passed_over(plan, n_untold)])),
        dry_run=not runs,
    )
