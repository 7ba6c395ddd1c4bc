"""An index made again beside itself, for another embedder or passage size; one that was cut short goes on."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from pathlib import Path

from ingest.embedding import Arriving
from rag.errors import IndexFault
from rag.index import caches, folder
from rag.index.truth import Known, Reach, Truth
from rag.store import Shape

_ORIGIN = "made from"  # the fact that says which state of which generation one is made from
Store = Callable[[Path, Truth, int, Iterator[Arriving]], None]


def rebuilt(index: Path, old: Path, shape: Shape, store: Store, *, resume: bool) -> Path:
    """Make the next generation from the articles of the old one, and let it answer from then on.

    ``store(generation, truth, n, articles)`` stores n articles. With ``resume`` an unfinished generation of this shape,
    made from the same state, is gone on with; else what is unfinished is deleted first.
    """
    with closing(Truth(old / folder.DATABASE)) as source:
        reach = source.reach()
        begun = _begun(index, shape, reach) if resume else None
        if begun is None:
            for path in unfinished(index):
                shutil.rmtree(path, ignore_errors=True)
            begun = folder.create(index, {**shape.facts(), _ORIGIN: _named(reach)}, reach.last_id)
        with closing(Truth(begun / folder.DATABASE, write=True)) as truth:
            left = _left(source, truth)
            store(begun, truth, len(left), _articles(source, left))
            with truth.change():
                for file, total in source.files().items():
                    truth.remember_file(file, total)
            caches.flush(begun, truth, final=True)
            with truth.transaction():  # no change of what is cached: it is not numbered
                truth.set_meta("whole", "yes")
            truth.checkpoint()
    folder.publish(index, begun)
    folder.prune(index)
    return begun


def unfinished(index: Path) -> list[Path]:
    """Return the generations that a rebuild left when it was cut short, oldest first."""
    alive = folder.live(index)
    others = [path for path in folder.generations(index) if path != alive]
    return [path for path in others if _fact(path, _ORIGIN) and _fact(path, "whole") != "yes"]


def can_resume(index: Path, alive: Path, shape: Shape) -> bool:
    """Whether an unfinished rebuild of this shape was begun from what the live generation holds now."""
    with closing(Truth(alive / folder.DATABASE)) as source:
        return _begun(index, shape, source.reach()) is not None


def note(index: Path) -> str:
    """Return a sentence about the last unfinished rebuild; empty when there is none."""
    left = unfinished(index)
    if not left:
        return ""
    return (
        f"An unfinished rebuild lies in {left[-1]}; the same command with --rebuild --resume goes on with it, "
        "with --rebuild alone begins again."
    )


def _begun(index: Path, shape: Shape, reach: Reach) -> Path | None:
    """Return the last unfinished generation that was begun from this very state, in this shape."""
    wanted = {**shape.facts(), _ORIGIN: _named(reach)}
    fit = [
        path
        for path in unfinished(index)
        if all(_fact(path, name) == value for name, value in wanted.items())
    ]
    return fit[-1] if fit else None


def _left(source: Truth, truth: Truth) -> list[Known]:
    """Return what ``source`` knows and ``truth`` does not have, in the order of arrival."""
    done = {known.place for known in truth.known()}
    left = (known for known in source.known() if known.place not in done)
    return sorted(left, key=lambda known: known.n)


def _articles(source: Truth, several: Sequence[Known]) -> Iterator[Arriving]:
    for known in several:
        if article := source.article(known.id):
            yield Arriving(article, known.place, known.file)


def _named(reach: Reach) -> str:
    return f"{reach.uid} {reach.seq} {reach.last_id}"


def _fact(generation: Path, name: str) -> str:
    """Return what a generation says of itself; empty when it cannot be read."""
    try:
        with closing(Truth(generation / folder.DATABASE)) as truth:
            return truth.meta(name)
    except IndexFault:
        return ""
