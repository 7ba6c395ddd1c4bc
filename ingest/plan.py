"""What a run would do: which articles are new, changed, moved, gone, and which did not change."""

from __future__ import annotations

import hashlib
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
    """An article that is new or has changed: where it is, under which id, and how long it is."""

    place: str
    id: str
    n_chars: int


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

    new: int = 0
    changed: int = 0
    unchanged: int = 0
    moved: list[Move] = field(default_factory=list)
    removed: list[Known] = field(default_factory=list)
    todo: dict[Source, dict[str, Arrival]] = field(default_factory=dict)
    sums: dict[str, str] = field(default_factory=dict)  # of files that were read whole without complaint
    failed: list[Failure] = field(default_factory=list)
    skipped: list[Skipped] = field(default_factory=list)

    @property
    def arrivals(self) -> list[Arrival]:
        """All that is new or changed."""
        return [arrival for places in self.todo.values() for arrival in places.values()]


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
        self.strangers: list[_Found] = []


def make(truth: Truth, paths: Sequence[Path]) -> Plan:
    """Compare what lies under ``paths`` with what the index knows; nothing is changed.

    Raises:
        CorpusError: a path does not exist, or nothing that can be read lies under them.
    """
    for path in paths:
        if not path.exists():
            raise CorpusError(str(path), "there is no such file or folder", "Check the path.")
    sources, failed, skipped = read.find(paths)
    plan = Plan(failed=list(failed), skipped=list(skipped))
    memory = _Memory({k.place: k for k in truth.known()}, truth.files())
    scope = [k for k in memory.known.values() if _lies_under(k.file, [str(path.resolve()) for path in paths])]
    if not sources and not failed and not scope:
        raise CorpusError(
            ", ".join(map(str, paths)), "holds no .txt, .md or .jsonl file", "Name a folder with articles."
        )
    for source in sources:
        _compare(plan, source, memory)
    gone = [k for k in scope if k.place not in memory.seen and not _in_doubt(k, plan.failed)]
    within = {k.place for k in scope}
    _settle(plan, memory.strangers, gone, [k for k in memory.known.values() if k.place not in within])
    return plan


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
    if known is None:
        memory.strangers.append(found)
    elif known.sha256 == found.sha256:
        plan.unchanged += 1
    else:
        plan.changed += 1
        _add(plan, found, known.id)


def _settle(plan: Plan, strangers: list[_Found], gone: list[Known], elsewhere: Iterable[Known]) -> None:
    """Tell the moved from the new: what is gone, or whose file outside the paths is gone, may have moved."""
    movable: dict[str, list[Known]] = {}
    for k in [*gone, *elsewhere]:
        movable.setdefault(k.sha256, []).append(k)
    lost = {k.place for k in gone}
    taken = {k.id for ks in movable.values() for k in ks}
    for found in strangers:
        match = next(
            (k for k in movable.get(found.sha256, []) if k.place in lost or not Path(k.file).exists()), None
        )
        id = _free(found.article_id, taken - {match.id} if match else taken)
        taken.add(id)
        if match is None:
            plan.new += 1
            _add(plan, found, id)
        else:
            movable[found.sha256].remove(match)
            lost.discard(match.place)
            plan.moved.append(Move(match, id, found.place, str(found.source.path)))
    plan.removed = [k for k in gone if k.place in lost]


def _add(plan: Plan, found: _Found, id: str) -> None:
    plan.todo.setdefault(found.source, {})[found.place] = Arrival(found.place, id, found.n_chars)


def place_of(source: Source, article: Article) -> str:
    """Return where an article is: its file's absolute path and, within a JSONL file, ``#`` and its id."""
    return f"{source.path}{article.id.removeprefix(source.key)}"


def _free(id: str, taken: set[str]) -> str:
    n, free = 1, id
    while free in taken:
        n += 1
        free = f"{id}~{n}"
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


def _in_doubt(known: Known, failed: Sequence[Failure]) -> bool:
    """Whether something failed in this article's file, or in a folder above it, so that it may still be there."""
    return _lies_under(known.file, [f.file for f in failed])
