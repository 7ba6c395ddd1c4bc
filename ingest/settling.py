"""Tells what has moved from what is new, changed or gone, by what the articles say."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Protocol

from ingest.files import is_gone
from ingest.plan import Arrival, Found, Move, Plan
from rag.index.truth import Known


class Ids(Protocol):
    """What is asked of the whole of an index: never more than about what was found."""

    def known_with(self, sums: Iterable[str]) -> Iterator[Known]:
        """Yield the articles that say what these sums are of."""

    def ids_taken(self, ids: Iterable[str]) -> set[str]:
        """Return those of ``ids`` that articles have."""


def settle(
    plan: Plan,
    scope: Mapping[str, Known],
    displaced: Sequence[Found],
    gone: Sequence[Known],
    truth: Ids,
    *,
    keep_missing: bool,
) -> None:
    """Enter in the plan what becomes of the ``displaced`` articles, and of those of the scope that are ``gone``."""
    movers = _movers(scope, displaced, gone, truth)
    left = {known.place for known in movers.values()}
    overwritten = [scope[place] for place in movers if place in scope and place not in left]
    leaving = {known.id for known in (*movers.values(), *overwritten)}
    names = _Names(truth, {found.id for found in displaced}, leaving)
    for found in displaced:
        before = scope.get(found.place)
        if mover := movers.get(found.place):
            plan.moved.append(Move(mover, names.free(found.id), found.place, found.source))
            plan.held.drop(found.place)
        elif before and before.place not in left:
            _add(plan, found, before.id, is_new=False)
        else:
            _add(plan, found, names.free(found.id), is_new=True)
    lost = [known for known in gone if known.place not in left]
    plan.removed = [*overwritten, *(() if keep_missing else lost)]
    plan.kept = lost if keep_missing else []
    for known in plan.kept:  # its file is looked into again, until it is back or may go
        plan.sums.pop(known.file, None)
    files = Counter(known.file for known in scope.values())
    for known in (*plan.removed, *plan.kept):
        plan.n_before.setdefault(known.file, files[known.file])


def _movers(
    scope: Mapping[str, Known], displaced: Sequence[Found], gone: Sequence[Known], truth: Ids
) -> dict[str, Known]:
    """Return place → the article that has moved there: one that says the same and has left its own place.

    Outside the scope its file must be gone.
    """
    vacated = [*gone, *(scope[found.place] for found in displaced if found.place in scope)]
    movable: dict[str, list[Known]] = {}
    for known in vacated:
        movable.setdefault(known.sha256, []).append(known)
    for known in truth.known_with({found.sha256 for found in displaced}):
        if known.place not in scope:
            movable.setdefault(known.sha256, []).append(known)
    movers: dict[str, Known] = {}
    for found in displaced:
        same = movable.get(found.sha256, [])
        if match := next(
            (known for known in same if known.place in scope or is_gone(Path(known.file))), None
        ):
            same.remove(match)
            movers[found.place] = match
    return movers


def _add(plan: Plan, found: Found, id: str, *, is_new: bool) -> None:
    arrival = Arrival(found.place, id, found.sha256, found.n_chars, is_new)
    plan.todo.setdefault(found.source, {})[found.place] = arrival


class _Names:
    """Gives out ids that no article has, those of the ``leaving`` among them."""

    def __init__(self, truth: Ids, wanted: set[str], leaving: set[str]) -> None:
        self._truth, self._wanted, self._leaving = truth, wanted, leaving
        self._taken = truth.ids_taken(wanted) - leaving
        self._last: dict[str, int] = {}  # number given to an id, so that many of one name take no longer each

    def free(self, id: str) -> str:
        """Return ``id``, or the first of ``id~2``, ``id~3``, … that is free, and take it."""
        n = self._last.get(id, 0) + 1
        while self._is_taken(name := f"{id}~{n}" if n > 1 else id):
            n += 1
        self._last[id] = n
        self._taken.add(name)
        return name

    def _is_taken(self, id: str) -> bool:
        if id not in self._wanted and id not in self._taken and self._truth.ids_taken([id]):
            return id not in self._leaving
        return id in self._taken
