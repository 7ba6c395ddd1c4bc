"""Makes the plan of a run: what lies under the paths, beside what the index knows of there. Nothing is changed."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Protocol

from ingest import read
from ingest.files import Sums, is_gone, stamp
from ingest.find import SUFFIXES
from ingest.held import Held
from ingest.plan import Found, Plan, place_of
from ingest.read import Failure, NoFiles, Skipped, Source
from ingest.settling import Ids, settle
from rag.domain import Article
from rag.errors import CorpusError, RemovalRefused
from rag.index.truth import Known, fingerprint

HOLD_CHARS = 8_000_000  # of arriving texts that are kept in memory


class Knows(Ids, Protocol):
    """What a plan asks of an index; see ``rag.index.truth.Truth``."""

    def known_under(self, roots: Sequence[str]) -> Iterator[Known]:
        """Yield the articles whose file is one of ``roots`` or lies under one."""

    def file_sums(self, roots: Sequence[str]) -> dict[str, str]:
        """Return the sums of the files there that were read whole."""


class Nothing:
    """What an index knows that is not there yet."""

    def known_under(self, roots: Sequence[str]) -> Iterator[Known]:  # noqa: ARG002
        """Yield nothing."""
        return iter(())

    def known_with(self, sums: Iterable[str]) -> Iterator[Known]:  # noqa: ARG002
        """Yield nothing."""
        return iter(())

    def ids_taken(self, ids: Iterable[str]) -> set[str]:  # noqa: ARG002
        """Return nothing."""
        return set()

    def file_sums(self, roots: Sequence[str]) -> dict[str, str]:  # noqa: ARG002
        """Return nothing."""
        return {}


def make(
    truth: Knows,
    paths: Sequence[Path],
    sums: Sums | None = None,
    *,
    keep_missing: bool = False,
    fetched: Sequence[Source] = (),
    failed: Sequence[Failure] = (),
    spill: Path | None = None,
) -> Plan:
    """Compare what lies under ``paths``, and what was ``fetched``, with what the index knows of there.

    ``failed`` are complaints from before; with ``keep_missing`` nothing counts as removed. What arrives is held for
    who carries the plan out if there is a folder to ``spill`` large ones to; close ``held`` then.

    Raises:
        CorpusError: a path does not exist, or nothing that can be read lies under them.
    """
    sums = sums or Sums()
    copies = (str(source.path.with_suffix(suffix)) for source in fetched for suffix in SUFFIXES)
    roots = [*(os.path.realpath(path) for path in paths), *copies]
    scope = {known.place: known for known in truth.known_under(roots)}
    _require_paths(paths, scope.values())
    found = read.listing([path for path in paths if not is_gone(path)])
    plan = Plan(
        failed=[*failed, *found.failures],
        skipped=found.skipped,
        held=Held(spill, HOLD_CHARS),
        n_hidden=found.n_hidden,
    )
    if not (found.sources or fetched or plan.failed or scope):
        raise CorpusError(
            ", ".join(map(str, paths)), "holds no file that can be read", "Name a folder with articles."
        )
    comparison = _Comparison(plan, scope, truth.file_sums(roots), sums)
    for source in [*found.sources, *fetched]:
        comparison.look(source)
    settle(plan, scope, comparison.displaced, comparison.gone(), truth, keep_missing=keep_missing)
    return plan


def _require_paths(paths: Sequence[Path], scope: Iterable[Known]) -> None:
    """Raise CorpusError for a path that is neither there nor known."""
    missing = [path for path in paths if is_gone(path)]
    files = [known.file for known in scope] if missing else []
    for path in missing:
        root = os.path.realpath(path)
        if not any(file == root or file.startswith(f"{root.rstrip('/')}/") for file in files):
            raise CorpusError(str(path), "there is no such file or folder", "Check the path.")


def refuse_large_removal(plan: Plan, n_articles: int, where: str) -> None:
    """Raise RemovalRefused when over half of the collection would go, or when nothing at all was found."""
    n = len(plan.removed)
    nothing = n and not (plan.unchanged or plan.todo or plan.moved or plan.failed)
    if nothing or 2 * n > n_articles:
        raise RemovalRefused(
            f"{n} of the {n_articles} articles of the index are no longer under {where}; nothing was changed",
            "If they are to be removed, run it again with --yes; if not, check that the folder is there whole.",
        )


class _Comparison:
    """Looks at one source after the other, beside what is known of the scope, and enters it in a plan."""

    def __init__(self, plan: Plan, scope: dict[str, Known], stored: dict[str, str], sums: Sums) -> None:
        self.displaced: list[Found] = []  # what is not where it was, or was not known
        self._plan, self._scope, self._stored, self._sums = plan, scope, stored, sums
        self._places: dict[str, list[str]] = {}  # by file
        for place, known in scope.items():
            self._places.setdefault(known.file, []).append(place)
        self._seen: set[str] = set()
        self._looked_at: set[str] = set()

    def look(self, source: Source) -> None:
        """Compare what a source holds."""
        file = str(source.path)
        self._looked_at.add(file)
        places = self._places.get(file, [])
        before = stamp(source.path)
        total = self._sums.of(source.path)
        if total and self._stored.get(file) == total:
            self._seen.update(places)
            self._plan.unchanged += len(places)
            return
        self._plan.n_before[file] = len(places)
        is_whole = self._read(source, bool(places))
        if total and is_whole and before == stamp(source.path):
            self._plan.sums[file] = total

    def gone(self) -> list[Known]:
        """Return the articles that were not met and are gone for certain, once all sources are looked at."""
        hidden = {failure.file for failure in self._plan.failed}
        return [
            known
            for place, known in self._scope.items()
            if place not in self._seen
            and not _lies_under(known.file, hidden)
            and (known.file in self._looked_at or is_gone(Path(known.file)))
        ]

    def _read(self, source: Source, is_known: bool) -> bool:
        """Take in what a source holds; return whether it was read without a complaint."""
        n_complaints = 0
        for item in read.read(source, self._sums.fields):
            if isinstance(item, Article):
                self._met(source, item)
            elif isinstance(item, NoFiles):
                self._plan.no_files[source.shown or str(source.path)] = item.n
            else:
                self._note(item, is_known, str(source.path))
                n_complaints += 1
        return not n_complaints

    def _met(self, source: Source, article: Article) -> None:
        if encoding := article.meta.get("encoding"):
            self._plan.decoded.append(f"{source.shown}: not UTF-8, read as {encoding}")
        found = Found(source, article.id, place_of(source, article), fingerprint(article), len(article.text))
        self._seen.add(found.place)
        known = self._scope.get(found.place)
        if known and known.sha256 == found.sha256:
            self._plan.unchanged += 1
            return
        self.displaced.append(found)
        self._plan.held.keep(found.place, article)

    def _note(self, item: Failure | Skipped, is_known: bool, file: str) -> None:
        if isinstance(item, Failure):
            self._plan.failed.append(item)
        elif is_known:  # it held articles once: they are not to go because of what it holds now
            self._plan.failed.append(Failure(item.path, item.reason, file))
        else:
            self._plan.skipped.append(item)


def _lies_under(file: str, places: set[str]) -> bool:
    """Whether ``file``, or a folder that it lies in, is among ``places``."""
    while file not in places:
        above = os.path.dirname(file)  # noqa: PTH120 - of many files, and a Path is made slowly
        if above == file:
            return False
        file = above
    return True
