"""What a run did, in numbers and file by file."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Literal

from ingest.plan import Plan
from ingest.read import Failure

MAX_FATES = 10_000  # files that a summary tells of one by one
What = Literal["new", "changed", "moved", "removed", "kept", "failed", "skipped"]


@dataclass(frozen=True, slots=True)
class Fate:
    """What became of one file: ``path`` as the user named it where it was found, else in full."""

    path: str
    what: What
    note: str = ""


@dataclass(frozen=True, slots=True)
class Summary:
    """What a run did, in articles unless the name says passages; ``passages`` and ``articles`` are held now.

    ``kept`` are gone from their place and stay, as was asked. ``files`` says what became of each file that is not
    as it was, of the first ``MAX_FATES``; ``notes`` are sentences. After a ``dry_run`` it says what would be done.
    """

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
    kept: int = 0
    files: tuple[Fate, ...] = ()
    notes: tuple[str, ...] = ()
    dry_run: bool = False


def fates(plan: Plan, roots: Sequence[str | Path]) -> tuple[tuple[Fate, ...], int]:
    """Return what becomes of each file, sorted by path, and of how many more it is not said."""
    told = [
        *_of_articles(plan, roots),
        *(Fate(failure.path, "failed", failure.error) for failure in dict.fromkeys(plan.failed)),
        *(Fate(skipped.path, "skipped", skipped.reason) for skipped in plan.skipped),
    ]
    told.sort(key=lambda fate: fate.path)
    return tuple(told[:MAX_FATES]), max(0, len(told) - MAX_FATES)


def _of_articles(plan: Plan, roots: Sequence[str | Path]) -> Iterator[Fate]:
    counts: dict[str, Counter[What]] = {}
    shown: dict[str, str] = {}
    came_from: dict[str, str] = {}
    for source, arrivals in plan.todo.items():
        shown[str(source.path)] = source.shown or str(source.path)
        kinds: Iterator[What] = ("new" if arrival.is_new else "changed" for arrival in arrivals.values())
        counts[str(source.path)] = Counter(kinds)
    for move in plan.moved:
        file = str(move.source.path)
        shown[file] = move.source.shown or file
        came_from[file] = move.known.file
        counts.setdefault(file, Counter())["moved"] += 1
    for what, several in (("removed", plan.removed), ("kept", plan.kept)):
        for known in several:
            counts.setdefault(known.file, Counter())[what] += 1  # type: ignore[index]
    named = _Named(roots)
    for file, count in counts.items():
        origin = came_from.get(file, file)
        yield _fate(shown.get(file) or named(file), count, plan.n_before.get(file, 0), named(origin))


def _fate(path: str, count: Counter[What], n_before: int, origin: str) -> Fate:
    """Return the fate of a file that held ``n_before`` articles, of what became of the articles in it."""
    n = count.total()
    several = ", ".join(f"{count[what]:,} {what}" for what in count)
    if len(count) > 1 or (count["new"] and n_before) or (count["removed"] and n < n_before):
        return Fate(path, "changed", several)
    (what,) = count
    if what == "moved" and n == 1:
        return Fate(path, what, f"from {origin}")
    return Fate(path, what, f"{n:,} articles" if n > 1 else "")


class _Named:
    """Names a file that was not met as the user would: below the path that was given."""

    def __init__(self, roots: Sequence[str | Path]) -> None:
        self._roots = {os.path.realpath(root): str(root) for root in roots}

    def __call__(self, file: str) -> str:
        for above in islice((file, *map(str, Path(file).parents)), 100):
            if above in self._roots:
                return str(Path(self._roots[above], os.path.relpath(file, above)))
        return file
