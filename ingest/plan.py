"""What a run would do: which articles are new, changed, moved, gone, and which did not change."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ingest import read
from ingest.read import Failure, Skipped, Source
from rag.domain import Article
from rag.errors import CorpusError, RemovalRefused
from rag.truth import Known, Truth, fingerprint

READER = "1"  # goes up when the same bytes are read as other articles, so that all files are read again


@dataclass(frozen=True, slots=True)
class Arrival:
    """An article that is new or has changed: where it is, under which id, what it says, how long it is."""

    place: str
    id: str
    sha256: str
    n_chars: int
    is_new: bool


@dataclass(frozen=True, slots=True)
class Move:
    """A known article that is found in another place."""

    known: Known
    id: str
    place: str
    file: str


@dataclass(slots=True)
class Plan:
    """What is to be done, by kind. ``todo`` maps each source to the arrivals it holds, by place."""

    unchanged: int = 0
    moved: list[Move] = field(default_factory=list)
    removed: list[Known] = field(default_factory=list)
    todo: dict[Source, dict[str, Arrival]] = field(default_factory=dict)
    sums: dict[str, str] = field(default_factory=dict)  # of files that were read whole without complaint
    failed: list[Failure] = field(default_factory=list)
    skipped: list[Skipped] = field(default_factory=list)
    decoded: list[str] = field(default_factory=list)  # what was not UTF-8, and what it was read as

    @property
    def arrivals(self) -> list[Arrival]:
        """All that is new or changed."""
        return [arrival for places in self.todo.values() for arrival in places.values()]

    @property
    def new(self) -> int:
        """How many articles are new."""
        return sum(arrival.is_new for arrival in self.arrivals)

    @property
    def changed(self) -> int:
        """How many articles have changed."""
        return sum(not arrival.is_new for arrival in self.arrivals)


@dataclass(frozen=True, slots=True)
class _Found:
    source: Source
    article_id: str
    place: str
    sha256: str
    n_chars: int


class _Memory:
    """What the index knew before the run, by place and by file, and what the run has met so far."""

    def __init__(self, known: dict[str, Known], sums: dict[str, str]) -> None:
        self.known, self.sums = known, sums
        self.by_file: dict[str, list[str]] = {}
        for place, k in known.items():
            self.by_file.setdefault(k.file, []).append(place)
        self.seen: set[str] = set()
        self.displaced: list[_Found] = []  # what is not where it was, or was not known


def make(truth: Truth, paths: Sequence[Path]) -> Plan:
    """Compare what lies under ``paths`` with what the index knows; nothing is changed.

    Raises:
        CorpusError: a path does not exist, or nothing that can be read lies under them.
    """
    memory = _Memory({k.place: k for k in truth.known()}, truth.files())
    scope = _scope(memory.known.values(), paths)
    sources, failed, skipped = read.find([path for path in paths if not _is_gone(path)])
    plan = Plan(failed=list(failed), skipped=list(skipped))
    if not sources and not failed and not scope:
        raise CorpusError(
            ", ".join(map(str, paths)), "holds no .txt, .md or .jsonl file", "Name a folder with articles."
        )
    for source in sources:
        _compare(plan, source, memory)
    looked_at = {str(source.path) for source in sources}
    gone = [k for k in scope if k.place not in memory.seen and _has_left(k, looked_at, plan.failed)]
    _settle(plan, memory, gone, {k.place for k in scope})
    return plan


def _scope(known: Iterable[Known], paths: Sequence[Path]) -> list[Known]:
    """Return what came from under ``paths``; a path that is neither there nor known is an error."""
    articles = list(known)
    for path in paths:
        if _is_gone(path) and not any(_lies_under(k.file, [os.path.realpath(path)]) for k in articles):
            raise CorpusError(str(path), "there is no such file or folder", "Check the path.")
    roots = [os.path.realpath(path) for path in paths]
    return [k for k in articles if _lies_under(k.file, roots)]


def refuse_large_removal(plan: Plan, n_articles: int, paths: Sequence[Path]) -> None:
    """Raise RemovalRefused when over half of the collection would go, or when nothing at all was found."""
    n = len(plan.removed)
    nothing = n and not (plan.unchanged or plan.todo or plan.moved or plan.failed)
    if nothing or 2 * n > n_articles:
        where = ", ".join(map(str, paths))
        raise RemovalRefused(
            f"{n} of the {n_articles} articles of the index are no longer under {where}; nothing was changed",
            "If they are to be removed, run it again with --yes; if not, check that the folder is there whole.",
        )


def _compare(plan: Plan, source: Source, memory: _Memory) -> None:
    file = str(source.path)
    total = _sum(source.path)
    if total and memory.sums.get(file) == total:
        places = memory.by_file.get(file, [])
        memory.seen.update(places)
        plan.unchanged += len(places)
        return
    complaints = 0
    for item in read.read(source):
        if not isinstance(item, Article):
            _note(plan, item, file in memory.by_file, file)
            complaints += 1
            continue
        if encoding := item.meta.get("encoding"):
            plan.decoded.append(f"{source.shown}: not UTF-8, read as {encoding}")
        found = _Found(source, item.id, place_of(source, item), fingerprint(item), len(item.text))
        memory.seen.add(found.place)
        _sort_out(plan, found, memory)
    if total and not complaints:
        plan.sums[file] = total


def _note(plan: Plan, item: Failure | Skipped, is_known: bool, file: str) -> None:
    if isinstance(item, Failure):
        plan.failed.append(item)
    elif is_known:  # it held articles once: they are not to go because of what it holds now
        plan.failed.append(Failure(item.path, item.reason, file))
    else:
        plan.skipped.append(item)


def _sort_out(plan: Plan, found: _Found, memory: _Memory) -> None:
    known = memory.known.get(found.place)
    if known and known.sha256 == found.sha256:
        plan.unchanged += 1
    else:
        memory.displaced.append(found)


def _settle(plan: Plan, memory: _Memory, gone: list[Known], scope: set[str]) -> None:
    """Tell what has moved from what is new or changed, by what the articles say."""
    known, displaced = memory.known, memory.displaced
    vacated = [*gone, *(known[found.place] for found in displaced if found.place in known)]
    movable: dict[str, list[Known]] = {}
    for k in [*vacated, *(k for k in known.values() if k.place not in scope)]:
        movable.setdefault(k.sha256, []).append(k)
    movers = {found.place: mover for found in displaced if (mover := _mover(movable, found, scope))}
    left = {k.place for k in movers.values()}
    overwritten = [known[place] for place in movers if place in known and place not in left]
    leaving = left | {k.place for k in overwritten}
    taken = {k.id for k in known.values() if k.place not in leaving}
    for found in displaced:
        before = known.get(found.place)
        if found.place in movers:
            id = _free(found.article_id, taken)
            plan.moved.append(Move(movers[found.place], id, found.place, str(found.source.path)))
        elif before and before.place not in left:
            _add(plan, found, before.id, is_new=False)
        else:
            _add(plan, found, _free(found.article_id, taken), is_new=True)
    plan.removed = [*overwritten, *(k for k in gone if k.place not in left)]


def _mover(movable: dict[str, list[Known]], found: _Found, scope: set[str]) -> Known | None:
    """Take out the article that says the same and has left its place; outside ``scope`` its file must be gone."""
    same = movable.get(found.sha256, [])
    match = next((k for k in same if k.place in scope or _is_gone(Path(k.file))), None)
    if match:
        same.remove(match)
    return match


def _add(plan: Plan, found: _Found, id: str, *, is_new: bool) -> None:
    arrival = Arrival(found.place, id, found.sha256, found.n_chars, is_new)
    plan.todo.setdefault(found.source, {})[found.place] = arrival


def place_of(source: Source, article: Article) -> str:
    """Return where an article is: its file's absolute path and, for a line of JSONL, ``//`` and its id.

    No path of a file holds two slashes in a row.
    """
    line_id = article.id.removeprefix(source.key).removeprefix("#")
    return f"{source.path}//{line_id}" if article.id != source.key else str(source.path)


def _free(id: str, taken: set[str]) -> str:
    """Return ``id``, or the first of ``id~2``, ``id~3``, … that is free, and take it."""
    n, free = 1, id
    while free in taken:
        n += 1
        free = f"{id}~{n}"
    taken.add(free)
    return free


def _sum(path: Path) -> str:
    digest = hashlib.sha256(READER.encode())
    try:
        with path.open("rb") as file:
            while part := file.read(1 << 20):
                digest.update(part)
    except OSError:
        return ""
    return digest.hexdigest()


def _lies_under(file: str, roots: Sequence[str]) -> bool:
    return any(file == root or file.startswith(root.rstrip("/") + "/") for root in roots)


def _has_left(known: Known, looked_at: set[str], failed: Sequence[Failure]) -> bool:
    """Whether an article that was not met is gone for certain.

    It may still be there when something failed in its file or in a folder above it, or when its file is there
    and was left out this time.
    """
    if _lies_under(known.file, [f.file for f in failed]):
        return False
    return known.file in looked_at or _is_gone(Path(known.file))


def _is_gone(path: Path) -> bool:
    """Whether there is nothing at a path, for certain; one that cannot be looked at may hold something.

    Raises:
        CorpusError: it is no path.
    """
    try:
        path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return not path.is_symlink()
    except PermissionError:
        return False
    except (OSError, ValueError) as error:
        raise CorpusError(f"{str(path)[:80]!r}", f"is no path ({error})"[:120], "Check the path.") from error
    return False
