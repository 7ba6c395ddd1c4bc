"""What can be done to an index and be cut short: each with the state that it begins from, and how it is done again."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from benchmarks.changing import AFTER, BEFORE, EMBEDDER, OTHER_TOKENS, TOKENS, lay
from ingest import sync, uploads
from ingest.run import Silence, Watcher
from rag.errors import ArticleMissing
from rag.index import caches
from rag.upkeep import backup, swap, transfer

BACKUP = "backup"  # the folder of a backup, beside that of its index
SENT = "sent.citewise"  # the file of an export, there too
Work = Callable[[Path, Path, Watcher], object]
"""Does something to the index of a folder, given both."""


@dataclass(frozen=True, slots=True)
class Operation:
    """``prepare`` makes the index that ``run`` changes; ``again`` is what a user does after it was cut short.

    ``makes_next`` says that the articles that are said to be stored are so in the next generation; ``turns`` that
    what is done twice is undone.
    """

    name: str
    prepare: Work
    run: Work
    again: Work
    makes_next: bool = False
    turns: bool = False


class Enough(Exception):
    """Ends a run early."""


def nothing(index: Path, corpus: Path, watcher: Watcher) -> None:  # noqa: ARG001
    """Make no index; the folder is as it is to be."""
    lay(corpus, AFTER)


def indexed(index: Path, corpus: Path, watcher: Watcher) -> None:
    """Make an index of the first state, and let the folder go over to the second."""
    lay(corpus, BEFORE)
    update(index, corpus, watcher)
    lay(corpus, AFTER)


def changed(index: Path, corpus: Path, watcher: Watcher) -> None:
    """Make an index that went from the first state to the second."""
    indexed(index, corpus, watcher)
    update(index, corpus, watcher)


def swapped(index: Path, corpus: Path, watcher: Watcher) -> None:
    """Make an index that was made again with shorter passages."""
    changed(index, corpus, watcher)
    rebuild(index, corpus, watcher)


def be_eager() -> None:
    """Let this process write the caches after every article, vectors.faiss too."""
    caches.FLUSH_S, caches._FEW = 0.0, 0


def update(index: Path, corpus: Path, watcher: Watcher) -> None:
    """Bring the index in step."""
    sync.index([corpus], index, EMBEDDER(), TOKENS, yes=True, watcher=watcher)


def rebuild(index: Path, corpus: Path, watcher: Watcher, *, resume: bool = False) -> None:
    """Make the index again with shorter passages."""
    sync.index([corpus], index, EMBEDDER(), OTHER_TOKENS, rebuild=True, resume=resume, watcher=watcher)


def resume(index: Path, corpus: Path, watcher: Watcher) -> None:
    """Go on with making the index again."""
    rebuild(index, corpus, watcher, resume=True)


def compact(index: Path, corpus: Path, watcher: Watcher) -> None:  # noqa: ARG001
    """Write the index again without what is dead."""
    swap.compact(index)


def rollback(index: Path, corpus: Path, watcher: Watcher) -> None:  # noqa: ARG001
    """Put the generation before back."""
    swap.rollback(index)


def add(index: Path, corpus: Path, watcher: Watcher) -> None:
    """Give the index copies of some files."""
    files = [corpus / name for name in ("comes.txt", "lines.jsonl")]
    uploads.add(files, [f"given {file.name}" for file in files], index, EMBEDDER(), TOKENS, watcher)


def remove(index: Path, corpus: Path, watcher: Watcher) -> None:  # noqa: ARG001
    """Take an article out of a file that was given."""
    with suppress(ArticleMissing):
        uploads.remove("given lines.jsonl#three", index)


def copy(index: Path, corpus: Path, watcher: Watcher) -> None:  # noqa: ARG001
    """Make a backup."""
    backup.backup(index, index.with_name(BACKUP))


def given(index: Path, corpus: Path, watcher: Watcher) -> None:
    """Make an index that was given copies of some files."""
    indexed(index, corpus, watcher)
    add(index, corpus, watcher)


def copied(index: Path, corpus: Path, watcher: Watcher) -> None:
    """Make an index that was given files, has a backup, and has changed since."""
    given(index, corpus, watcher)
    copy(index, corpus, watcher)
    update(index, corpus, watcher)


def send(index: Path, corpus: Path, watcher: Watcher) -> None:  # noqa: ARG001
    """Write the index into one file."""
    transfer.export_index(index, index.with_name(SENT))


def receive(index: Path, corpus: Path, watcher: Watcher) -> None:  # noqa: ARG001
    """Let the index be what such a file holds."""
    transfer.import_index(index.with_name(SENT), index, yes=True)


def sent(index: Path, corpus: Path, watcher: Watcher) -> None:
    """Make an index that was given files, was sent, and has changed since."""
    given(index, corpus, watcher)
    send(index, corpus, watcher)
    update(index, corpus, watcher)


def half_made(index: Path, corpus: Path, watcher: Watcher) -> None:
    """Make an index that was about half made again with shorter passages."""
    changed(index, corpus, watcher)
    with suppress(Enough):
        rebuild(index, corpus, _Impatient())


class _Impatient(Silence):
    """Ends a run at the fifth article."""

    n = 0

    def stored(self, n_chars: int, n_passages: int) -> None:  # noqa: ARG002
        """Count it."""
        self.n += 1
        if self.n == 5:
            raise Enough


OPERATIONS = (
    Operation("first run", nothing, update, update),
    Operation("changes", indexed, update, update),
    Operation("rebuild and swap", changed, rebuild, resume, makes_next=True),
    Operation("rebuild resumed", half_made, resume, resume, makes_next=True),
    Operation("compact", changed, compact, compact),
    Operation("rollback", swapped, rollback, rollback, turns=True),
    Operation("files given by hand", indexed, add, add),
    Operation("one of them removed", given, remove, remove),
    Operation("backup", copied, copy, copy),
    Operation("export", sent, send, send),
    Operation("import", sent, receive, receive),
)
