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
from rag.index.durable import counted

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


def sentence(summary: Summary) -> str:
    """Return in one sentence what a run did, or would do, and what the index holds now."""
    kinds = ("new", "changed", "moved", "removed", "unchanged")
    counts = [f"{getattr(summary, kind):,} {kind}" for kind in kinds]
    counts += [f"{summary.kept:,} kept"] if summary.kept else []
    counts += [f"{len(summary.failed):,} failed"] if summary.failed else []
    return (
        f"{'would be: ' if summary.dry_run else ''}{', '.join(counts)}; "
        f"{counted(summary.passages_embedded, 'passage')} embedded in {summary.seconds:.1f} s; "
        f"the index holds {counted(summary.articles, 'article')} in {counted(summary.passages, 'passage')}"
    )


def if_cut(summary: Summary, n_listed: int) -> Iterator[str]:
    """Yield where all files are listed, if a table has more of a kind than the ``n_listed`` that it shows."""
    kinds = Counter(fate.what for fate in summary.files if fate.what != "skipped")
    if any(n > n_listed for n in kinds.values()):
        yield "With --json, all files are listed."


def passed_over(plan: Plan, n_untold: int) -> Iterator[str]:
    """Yield sentences on what was passed over, and on ``n_untold`` files of which a summary does not tell."""
    if plan.n_hidden:
        n = (
            "1 hidden file or folder was"
            if plan.n_hidden == 1
            else f"{plan.n_hidden:,} hidden files or folders were"
        )
        yield f"{n} passed over."
    if plan.no_files:
        first, *others = plan.no_files
        where = f"{first} and {counted(len(others), 'more archive')}" if others else first
        n = counted(sum(plan.no_files.values()), "member")
        yield f"Of {where}, {n} passed over: links or devices, no files."
    if n_untold:
        yield f"{n_untold:,} more files are not told one by one."


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
