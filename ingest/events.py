"""Says when something under folders has changed: told by the system, or found out by looking."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from ingest import read
from ingest.files import Stamp, is_gone, stamp

log = logging.getLogger("citewise")

LONGEST_S = 10.0  # of changes without a pause, after which those until then count
LOOK_S = 2.0  # between two looks through the folders, where the system does not tell
_LOOK_SHARE = 20  # a look that takes long is followed by a pause of this many times as long
_TICK_MS = 100  # between two words from the system
_STEP_MS = 50  # in which what the system tells is gathered

Batches = Iterator[set[Path]]
"""What was touched since the last batch; an empty one is a moment without changes."""


def changes(roots: Sequence[Path], ignored: Path, settle_s: float, stop: threading.Event) -> Iterator[bool]:
    """Yield True when there were changes under ``roots`` and none for ``settle_s``; in between, now and then, False.

    The first is True, and no change after it is missed. What is hidden, or lies in the folder ``ignored``, does not
    count. A root may go and come again. It ends soon after ``stop`` is set.
    """
    while not stop.is_set():
        marks, is_first = _marks(roots), True
        for touched in _settled(_batches(roots, ignored, stop), settle_s):
            are_others = marks != _marks(roots) or bool(touched & set(roots))
            yield is_first or are_others or bool(touched)
            is_first = False
            if are_others:
                break  # what has taken a root's place must be asked for anew


def _marks(roots: Sequence[Path]) -> list[int | None]:
    """Return what tells one folder from another that has taken its place."""
    return [found[0] if (found := stamp(root)) else None for root in roots]


def _batches(roots: Sequence[Path], ignored: Path, stop: threading.Event) -> Batches:
    there = [root for root in roots if not is_gone(root)]
    try:
        batches = _told(there, stop) if there else _nothing(stop)
        for touched in batches:
            yield {path for path in touched if _counts(path, there, ignored)}
    except (ImportError, OSError) as error:  # a system can watch a limited number of folders
        log.warning("changes are looked for every %g s, since the system does not tell: %s", LOOK_S, error)
        yield from _looked(there, ignored, stop)


def _told(roots: Sequence[Path], stop: threading.Event) -> Batches:
    import watchfiles

    for batch in watchfiles.watch(
        *roots,
        watch_filter=None,
        debounce=_TICK_MS,
        step=_STEP_MS,
        stop_event=stop,
        rust_timeout=_TICK_MS,
        yield_on_timeout=True,
    ):
        yield {Path(path) for _, path in batch}


def _nothing(stop: threading.Event) -> Batches:
    while True:
        yield set()
        if stop.wait(_TICK_MS / 1000):
            return


def _looked(roots: Sequence[Path], ignored: Path, stop: threading.Event) -> Batches:
    before, pause = _state(roots), 0.0
    yield set()
    while not stop.wait(pause or LOOK_S):
        started = time.monotonic()
        now = _state(roots)
        yield {path for path, _ in now ^ before if _counts(path, roots, ignored)}
        before, pause = now, max(LOOK_S, _LOOK_SHARE * (time.monotonic() - started))


def _state(roots: Sequence[Path]) -> set[tuple[Path, Stamp | None]]:
    sources, _, _ = read.find([root for root in roots if not is_gone(root)])
    return {(source.path, stamp(source.path)) for source in sources}


def _counts(path: Path, roots: Sequence[Path], ignored: Path) -> bool:
    """Whether a change there can matter."""
    for root in roots:
        if path.is_relative_to(root):
            is_hidden = any(part.startswith(".") for part in path.relative_to(root).parts)
            return not is_hidden and (not path.is_relative_to(ignored) or root.is_relative_to(ignored))
    return False


def _settled(batches: Batches, settle_s: float) -> Batches:
    """Yield batches joined, each after a pause of ``settle_s``, or after ``LONGEST_S`` without one."""
    touched: set[Path] = set()
    first = last = 0.0
    for batch in batches:
        now = time.monotonic()
        if batch:
            first, last = first if touched else now, now
            touched |= batch
        if touched and now - last < settle_s and now - first < LONGEST_S:
            continue
        yield touched
        touched = set()
