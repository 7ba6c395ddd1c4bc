"""What is wrong with an index after something went wrong: what was there, or was said to be, must be there whole."""

from __future__ import annotations

import tempfile
from collections.abc import Collection, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.changing import EMBEDDER, Contents, contents, contents_of
from ingest.split import embedded_text
from rag.errors import CitewiseError, IndexMissing
from rag.index import folder
from rag.index.durable import NEW
from rag.index.truth import Truth
from rag.store import Store
from rag.upkeep import doctor, parcel

_SURE = 0.999  # cosine of a vector to itself; numbers are rounded to float16
_MANY = 1_000  # more passages than there are


@dataclass(slots=True)
class Found:
    """What was found wrong, in sentences; each list is empty where all is well."""

    closed: list[str] = field(default_factory=list)  # the index does not open
    lost: list[str] = field(default_factory=list)  # articles that are not there, or not whole
    faulty: list[str] = field(default_factory=list)  # what doctor says, and what search does not find
    unequal: list[str] = field(default_factory=list)  # what differs when the same work is done to its end


def look(index: Path, before: Contents, after: Contents, reported: Collection[str]) -> Found:
    """Return what is wrong with an index that something went wrong with on its way from one state to another.

    ``reported`` are the ids of the articles that were said to be stored.
    """
    found = Found()
    try:
        with Store(index) as store:
            found.lost += missing(contents(index), before, after, reported)
            found.faulty += unfound(store, passages(index))
            found.faulty += [store.note] if store.note else []
        found.faulty += doctor.faults(index)
    except IndexMissing:
        if before.articles or reported:
            found.closed.append("there is no index")
    except CitewiseError as error:
        found.closed.append(str(error))
    return found


def missing(now: Contents, before: Contents, after: Contents, reported: Collection[str]) -> Iterator[str]:
    """Yield what is lost, half there, or from nowhere."""
    for id, held in now.articles.items():
        if held not in (before.articles.get(id), after.articles.get(id)):
            yield f"{id} is neither as it was nor as it is to be"
    for id in before.articles.keys() & after.articles.keys() - now.articles.keys():
        yield f"{id} is gone"
    texts = {held.text for held in now.articles.values()}
    for text in _texts(before) & _texts(after) - texts:
        yield f"an article is gone that begins {text[:40]!r}"
    yield from not_stored(now, after, reported)


def not_stored(now: Contents, after: Contents, reported: Collection[str]) -> Iterator[str]:
    """Yield the articles that were said to be stored and are not as they are to be."""
    for id in reported:
        if now.articles.get(id) != after.articles.get(id):
            yield f"{id} was said to be stored and is not"


def unfound(store: Store, ids: Sequence[int]) -> Iterator[str]:
    """Yield those of some passages that are not found by their own words, or by their own vector."""
    embedder = EMBEDDER()
    for id, passage in store.passages(ids).items():
        if id not in {id for id, _ in store.matching(passage.text, _MANY)}:
            yield f"passage {id} is not found by its words"
        row = embedder.embed_passages([embedded_text(passage.article.title, passage.text)])[0]
        if not any(score >= _SURE for _, score in store.near(row, 1)):
            yield f"passage {id} is not found by its vector"


def passages(index: Path) -> list[int]:
    """Return the ids of all passages."""
    with closing(Truth(folder.live(index) / folder.DATABASE)) as truth:
        return [id for (id,) in truth.rows("SELECT id FROM passages ORDER BY id")]


def unkept(index: Path) -> list[str]:
    """Return the articles whose file, which the index itself keeps, is not there."""
    kept = index.resolve() / "uploads"
    files = {id: Path(held.file) for id, held in contents(index).articles.items()}
    return [
        f"the file of {id} is gone" for id, file in files.items() if file.parent == kept and not file.exists()
    ]


def unsent(file: Path, states: Collection[Contents]) -> list[str]:
    """Return what is wrong with an export, which must be one of these states of its index."""
    with tempfile.TemporaryDirectory() as home:
        try:
            with parcel.opened(file) as sent:
                for part in sent.manifest.parts:
                    sent.unpack(part, Path(home) / part.name)
            now = contents_of(Path(home) / folder.DATABASE)
        except CitewiseError as error:
            return [str(error)]
    return (
        [] if any(not now.unlike(state) for state in states) else ["the export is of no state of the index"]
    )


def left_over(index: Path) -> list[str]:
    """Return the files and generations that nobody will ever use again."""
    unfinished = [path.name for path in folder.generations(index) if not folder.is_whole(path)]
    return sorted([*unfinished, *(path.name for path in index.parent.rglob(f"*{NEW}*"))])


def _texts(of: Contents) -> set[str]:
    return {held.text for held in of.articles.values()}
