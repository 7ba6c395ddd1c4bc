"""Files that people give by hand: kept in INDEX/uploads, indexed like files given by path, and removed again."""

from __future__ import annotations

import io
import json
import os
import threading
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from ingest import read, sync
from ingest.decode import decode
from ingest.dropped import MAX_NAME_CHARS, Problem, Taken, checked, made, taken_in
from ingest.fields import Unfit, one_line, shorten
from ingest.find import Failure, Source, reason, suffix_of
from ingest.sync import Summary, Watcher
from rag.domain import Article, Embedder
from rag.errors import ArticleMissing, IndexFault, RemovalRefused
from rag.index import caches, folder
from rag.index.truth import Known, Truth
from rag.store import Shape

UPLOADS = "uploads"
_MAX_LINES = 20  # complaints about one file that are told one by one


@dataclass(frozen=True, slots=True)
class Added:
    """What became of files that were given; ``notes`` are sentences, ``summary`` is None if none was taken."""

    summary: Summary | None
    notes: tuple[str, ...]
    problems: tuple[Problem, ...]


def home(index: str | Path) -> Path:
    """Return the folder that holds the uploads of an index; its path has no links."""
    return Path(os.path.realpath(Path(index) / UPLOADS))


def is_upload(index: str | Path, file: str) -> bool:
    """Whether an article's file is one of the uploads."""
    return Path(file).parent == home(index)


def fate(index: str | Path, file: str, n_others: int) -> str:
    """Return in a sentence what becomes of an article's file, with ``n_others`` in it, when the article goes."""
    name = Path(file).name
    if not is_upload(index, file):
        return f"Its file {file} stays; indexing that folder again brings it back."
    if not n_others:
        return f"Its uploaded file {name} goes with it."
    stay = "1 other article" if n_others == 1 else f"{n_others:,} other articles"
    if not _can_lose(name):
        return f"It cannot be taken out of the uploaded file {name}, which holds {stay}."
    return f"Its line goes out of the uploaded file {name}; {stay} of that file stay."


def _can_lose(file: str) -> bool:
    """Whether one of several articles can be taken out of a file of this name."""
    return suffix_of(file) == ".jsonl"


# -- adding -------------------------------------------------------------------------------------------


def add(
    files: Sequence[Path],
    names: Sequence[str],
    index: str | Path,
    embedder: Embedder,
    passage_tokens: int,
    watcher: Watcher | None = None,
    stop: threading.Event | None = None,
) -> Added:
    """Keep copies of ``files`` under ``names`` and index them; what a crash left unread is read as well.

    A file that is refused, or of which nothing can be read, is not kept and stops no other.

    Raises:
        IndexLocked, IndexStale, IndexDamaged, IndexFault: as their names say; what was not indexed is not kept.
        Stopped: ``stop`` was set; the same.
    """
    given, problems = checked(files, names)
    if not given:
        return Added(None, (), tuple(problems))
    with folder.writing(Path(index)):
        folder.prepare(Path(index), Shape(embedder.name, embedder.dim, passage_tokens).facts())
        before, _ = _known(index)
        taken, refused = taken_in(given, made(home(index)))
        known, summary = before, None
        try:
            if taken:
                paths = [*(item.path for item in taken), *_unread(index)]
                summary = sync.locked(paths, index, embedder, passage_tokens, watcher=watcher, stop=stop)
        finally:
            known, _ = _known(index)
            for item in taken:
                if str(item.path) not in known:
                    item.path.unlink(missing_ok=True)
    failed = summary.failed if summary else ()
    notes = tuple(note for item in taken if str(item.path) in known for note in _notes(item, before))
    return Added(summary, notes, (*problems, *refused, *_complaints(taken, failed, known)))


def _unread(index: str | Path) -> Iterator[Path]:
    """Yield the uploads that are not remembered as read whole, such as those before whose reading all ended."""
    _, sums = _known(index)
    for path in sorted(home(index).iterdir()):
        if suffix_of(path) and not path.name.startswith(".") and str(path) not in sums:
            yield path


def _known(index: str | Path) -> tuple[set[str], set[str]]:
    """Return the uploads that articles came from, and those that are remembered as read whole."""
    uploads = [str(home(index))]
    with closing(Truth(folder.live(Path(index)) / folder.DATABASE)) as truth:
        return {known.file for known in truth.known_under(uploads)}, set(truth.file_sums(uploads))


def _notes(item: Taken, before: set[str]) -> Iterator[str]:
    if str(item.path) in before:
        yield f"{item.name} is there already."
    elif item.path.name != item.wanted:
        yield f"{item.name} is kept as {item.path.name}: there is another {item.wanted}."
    elif item.path.name != item.name:
        yield f"{item.name} is kept as {item.path.name}."


def _complaints(taken: Sequence[Taken], failed: Sequence[Failure], known: set[str]) -> Iterator[Problem]:
    for item in taken:
        file = str(item.path)
        own = [failure for failure in failed if failure.file == file]
        for failure in own[:_MAX_LINES]:
            yield item.name + failure.path.removeprefix(file), failure.error
        if len(own) > _MAX_LINES:
            yield item.name, f"{len(own) - _MAX_LINES:,} more of its lines cannot be read. Mend them as well."
        if not own and file not in known:
            yield item.name, f"holds no article. {_mend_of_none(file)}"


def _mend_of_none(file: str) -> str:
    if suffix_of(file) == ".jsonl":
        return "Write one JSON object a line, with an id and a text."
    return "Give a file that has text in it."


# -- removing -----------------------------------------------------------------------------------------


def remove(id: str, index: str | Path) -> str:
    """Take an article out of an index, and an upload out of its file; return what was done, in sentences.

    Raises:
        RemovalRefused: it lies in an uploaded file that cannot be changed, with others.
        ArticleMissing, IndexMissing, IndexLocked, IndexDamaged: as their names say; nothing was changed.
    """
    folder.live(Path(index))
    with folder.writing(Path(index)):
        generation = folder.live(Path(index))
        truth = Truth(generation / folder.DATABASE, write=True)
        try:
            known = truth.known_as(id)
            if known is None:
                raise ArticleMissing(f"{index} has no article {id!r}", "It may have been removed before.")
            n_others = sum(other.file == known.file for other in truth.known_under([known.file])) - 1
            if is_upload(index, known.file):
                _refuse_if_stuck(known, n_others)
                _take_out(known)  # before the article: what a crash leaves can be removed again
            with truth.change():
                truth.remove(known.n)
                truth.remember_file(known.file, None)
            caches.flush(generation, truth, final=True)
            truth.checkpoint()
        finally:
            truth.close()
    return f"{shorten(one_line(id), MAX_NAME_CHARS)} is removed. {fate(index, known.file, n_others)}"


def _refuse_if_stuck(known: Known, n_others: int) -> None:
    """Raise RemovalRefused for an article that shares a file which cannot be changed."""
    path = Path(known.file)
    if n_others and not _can_lose(known.file) and path.exists():
        raise RemovalRefused(
            f"{shorten(one_line(known.id), MAX_NAME_CHARS)} cannot be taken out of {path.name}, which holds "
            f"{n_others + 1:,} articles; nothing was changed",
            f"To remove all of them, delete {path} and run: citewise index {path.parent}",
        )


def _take_out(known: Known) -> None:
    """Take an article out of its file; a file that holds no other goes."""
    path = Path(known.file)
    source = Source(str(path.parent), path, path.name, 0, named=True)
    try:
        is_jsonl = suffix_of(path) == ".jsonl"
        if is_jsonl and path.exists():
            line_id = known.place.removeprefix(f"{known.file}//")
            folder.replace(path, _without(path.read_bytes(), line_id))
        if not is_jsonl or not _may_hold_more(source):
            path.unlink(missing_ok=True)
            folder.sync_folder(path.parent)
    except OSError as error:
        raise IndexFault(
            f"{path} cannot be changed: {reason(error)}", "Check that you may write there."
        ) from error


def _may_hold_more(source: Source) -> bool:
    """Whether a file holds an article, or is not read to its end because so much of it is wrong."""
    n_wrong = 0
    for item in read.read(source):
        if isinstance(item, Article):
            return True
        n_wrong += 1
    return n_wrong > read.MAX_COMPLAINTS


def _without(raw: bytes, line_id: str) -> bytes:
    """Return JSONL without the lines of this id, each other line byte for byte."""
    return b"".join(line for line in io.BytesIO(raw) if _id_of(line) != line_id)


def _id_of(line: bytes) -> str | None:
    try:
        value = json.loads(decode(line)[0])
    except (Unfit, ValueError, RecursionError):
        return None
    id = value.get("id") if isinstance(value, dict) else None
    return one_line(str(id)) if isinstance(id, str | int) else None
