"""Keeps an index in step with files and folders: the run of ``sync``, whenever something there has changed."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path

from ingest import events, sync
from ingest.files import Stamp, is_gone, stamp
from ingest.given import refuse_foreign
from ingest.plan import Plan, is_url
from ingest.read import Failure
from ingest.summary import Fate, Summary
from ingest.sync import Choice, Silence, Watcher
from rag.domain import Embedder
from rag.errors import (
    CitewiseError,
    CorpusError,
    IndexFault,
    IndexLocked,
    IndexMissing,
    RemovalRefused,
)
from rag.index import folder
from rag.index.truth import Truth

SETTLE_S = 0.5  # without a change, until what is there is taken for what is meant
RETRY_S = 30.0  # after a fault of the index, such as a full disk, of whose end no file tells
LOCKED_S = 0.5  # between two tries while another process writes

_REPEATED = ("failed", "kept", "skipped")  # fates that a file has in each run

OnRun = Callable[[Summary], None]
OnTrouble = Callable[[CitewiseError], None]


def watch(
    paths: Sequence[str | Path],
    index: str | Path,
    embedder: Embedder,
    passage_tokens: int,
    *,
    choice: Choice,
    on_run: OnRun,
    on_trouble: OnTrouble,
    settle_s: float = SETTLE_S,
    stop: threading.Event | None = None,
    watcher: Watcher | None = None,
) -> None:
    """Bring ``index`` in step with ``paths``, and again whenever they have changed, until ``stop`` is set.

    ``on_run`` is told of each run that did something, and of a file that cannot be read once until it changes.
    ``on_trouble`` is told once of what keeps the index from being in step; it is tried again. What came from a path
    that is gone or empty, such as a disk that was taken out, stays. ``choice`` is that of the first run; later ones
    never remove over half of the collection.

    Raises:
        CorpusError: a path is an address, or is not there at the start.
        RemovalRefused, IndexStale, IndexDamaged: the first run was refused; nothing was changed.
    """
    stop = stop or threading.Event()
    told = _WhenNeeded(watcher or Silence())

    def bring(there: list[Path], choice: Choice) -> Summary:
        with folder.writing(Path(index)):
            return sync.locked(there, index, embedder, passage_tokens, choice=choice, watcher=told, stop=stop)

    roots = [_root(path) for path in paths]
    keeper = _Keeper([Path(path) for path in paths], Path(index), choice, bring, on_run, on_trouble)
    again_at = float("inf")
    for is_changed in events.changes(roots, Path(index).resolve(), settle_s, stop):
        if is_changed or time.monotonic() >= again_at:
            try:
                again_at = time.monotonic() + keeper.run()
            except sync.Stopped:
                return


def _root(path: str | Path) -> Path:
    refuse_foreign([path])
    if is_url(path):
        raise CorpusError(str(path), "is on the network, which cannot be watched", "Index it now and then.")
    if is_gone(Path(path)):
        raise CorpusError(str(path), "there is no such file or folder", "Check the path.")
    return Path(path).resolve()


class _WhenNeeded:
    """A watcher that passes on what is told of a run, unless it has nothing to do."""

    def __init__(self, watcher: Watcher) -> None:
        self._watcher = watcher

    def planned(self, plan: Plan) -> None:
        if plan.todo or plan.moved or plan.removed:
            self._watcher.planned(plan)

    def stored(self, n_chars: int, n_passages: int) -> None:
        self._watcher.stored(n_chars, n_passages)


class _Keeper:
    """Runs, and tells what is new of it."""

    def __init__(
        self,
        paths: list[Path],
        index: Path,
        choice: Choice,
        bring: Callable[[list[Path], Choice], Summary],
        on_run: OnRun,
        on_trouble: OnTrouble,
    ) -> None:
        self._paths, self._index, self._choice = paths, index, choice
        self._bring, self._on_run, self._on_trouble = bring, on_run, on_trouble
        self._is_start = True
        self._troubles: set[str] = set()
        self._told: set[tuple[Fate, Stamp | None]] = set()

    def run(self) -> float:
        """Bring the index in step; return after how many seconds to try again, infinity for not before a change."""
        troubles = list(self._away())
        again_s = float("inf")
        try:
            self._run([path for path in self._paths if not _is_empty(path)])
        except IndexLocked as error:
            troubles.append(error)
            again_s = LOCKED_S
        except (CitewiseError, OSError) as error:
            if self._is_start and not isinstance(error, CorpusError):
                raise
            troubles.append(error if isinstance(error, CitewiseError) else IndexFault(str(error)))
            again_s = float("inf") if isinstance(error, CorpusError | RemovalRefused) else RETRY_S
        self._is_start = self._is_start and again_s == LOCKED_S
        for trouble in troubles:
            if _same(trouble) not in self._troubles:
                self._on_trouble(trouble)
        self._troubles = set(map(_same, troubles))
        return again_s

    def _run(self, there: list[Path]) -> None:
        if not there:
            return
        summary = self._fresh(self._bring(there, self._choice))
        self._choice = replace(self._choice, yes=False, rebuild=False, resume=False)
        if self._is_start or summary.files or summary.failed:
            self._on_run(summary)

    def _away(self) -> Iterator[CitewiseError]:
        """Yield a complaint for each path with nothing in it from which something came."""
        for path in self._paths:
            if _is_empty(path) and self._knows(path):
                yield CorpusError(
                    str(path),
                    "is gone, or empty; what came from it stays in the index",
                    "When it is back, it is taken up again; to remove its articles: citewise index PATH --yes",
                )

    def _knows(self, path: Path) -> bool:
        try:
            with closing(Truth(folder.live(self._index) / folder.DATABASE)) as truth:
                return any(True for _ in truth.known_under([os.path.realpath(path)]))
        except IndexMissing:
            return False

    def _fresh(self, summary: Summary) -> Summary:
        """Return a summary without the complaints that were made before of files that are as they were."""
        stamps = {failure.path: stamp(Path(failure.file)) for failure in summary.failed}
        failed = {(_of(failure), stamps[failure.path]): failure for failure in summary.failed}
        files = {(fate, stamps.get(fate.path)): fate for fate in summary.files}
        told, self._told = self._told, {*failed, *(key for key in files if key[0].what in _REPEATED)}
        return replace(
            summary,
            failed=tuple(failure for key, failure in failed.items() if key not in told),
            files=tuple(fate for key, fate in files.items() if key not in told),
        )


def _same(trouble: CitewiseError) -> str:
    """What two complaints of one trouble share; who holds a lock is not known while it changes hands."""
    return type(trouble).__name__ if isinstance(trouble, IndexLocked) else str(trouble)


def _of(failure: Failure) -> Fate:
    return Fate(failure.path, "failed", failure.error)


def _is_empty(path: Path) -> bool:
    """Whether there is nothing at a path, or a folder without an entry."""
    try:
        return is_gone(path) or (path.is_dir() and next(path.iterdir(), None) is None)
    except OSError:  # what cannot be looked at may hold something
        return False
