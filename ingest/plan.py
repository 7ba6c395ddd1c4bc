"""The nouns of a plan: which articles are new, changed, moved, kept, gone, and which did not change."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field
from pathlib import Path

from ingest.held import Held
from ingest.read import Failure, Skipped, Source
from rag.domain import Article
from rag.index.truth import Known

_ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")


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
    source: Source


@dataclass(slots=True)
class Plan:
    """What is to be done, by kind. ``todo`` maps each source to the arrivals it holds, by place.

    ``kept`` are articles that are no longer in their place and stay because that was asked. ``held`` are the
    arrivals themselves, by place; ``n_before`` counts what each file that is looked at, or that
    an article leaves, held before. A plan with ``n_again`` has nothing else: so many articles of an index are
    embedded again beside it. ``n_hidden`` files and folders were passed over; ``no_files`` counts the members of
    archives, as the user named these, that are links or devices.
    """

    unchanged: int = 0
    moved: list[Move] = field(default_factory=list)
    removed: list[Known] = field(default_factory=list)
    kept: list[Known] = field(default_factory=list)
    todo: dict[Source, dict[str, Arrival]] = field(default_factory=dict)
    held: Held = field(default_factory=lambda: Held(None, 0))
    sums: dict[str, str] = field(default_factory=dict)  # of files that were read whole without complaint
    failed: list[Failure] = field(default_factory=list)
    skipped: list[Skipped] = field(default_factory=list)
    decoded: list[str] = field(default_factory=list)  # what was not UTF-8, and what it was read as
    n_before: dict[str, int] = field(default_factory=dict)
    n_again: int = 0
    n_hidden: int = 0
    no_files: dict[str, int] = field(default_factory=dict)

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
class Found:
    """An article as it was met in a file."""

    source: Source
    id: str
    place: str
    sha256: str
    n_chars: int


def place_of(source: Source, article: Article) -> str:
    """Return where an article is: its file's absolute path and, for one of several in it, ``//`` and its id.

    No path of a file holds two slashes in a row. Of the copy of a page the suffix does not count, since a page may
    become one of another kind.
    """
    path = source.path.with_suffix("") if is_url(source.key) else source.path
    id_within = article.id.removeprefix(source.key).removeprefix("#")
    return f"{path}//{id_within}" if article.id != source.key else str(path)


def is_foreign(path: str | Path) -> bool:
    """Whether a path is an address of a kind that is not read, such as ftp://x/y, and no file is called so."""
    return (
        isinstance(path, str)
        and bool(_ADDRESS.match(path))
        and not is_url(path)
        and not os.path.lexists(path)
    )


def is_url(path: str | Path) -> bool:
    """Whether a path is an address on the network; a ``Path`` never is."""
    return isinstance(path, str) and path.lower().startswith(("http://", "https://"))
