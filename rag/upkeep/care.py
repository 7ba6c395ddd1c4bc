"""The commands that look after an index: each does its work, and returns what came of it and how to say that."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from rag.index.durable import counted, in_words
from rag.upkeep import backup, swap, transfer
from rag.upkeep.inventory import Inventory, inventory
from rag.upkeep.tables import of_held, of_inventory


class Wishes(Protocol):
    """What was asked for beside the index, where a command takes it."""

    dest: str
    file: str
    yes: bool


@dataclass(frozen=True, slots=True)
class Done:
    """What came of a command: as a record, as lines, and remarks for those who watch."""

    result: Inventory | swap.Exchanged | backup.Backup | transfer.Exported | transfer.Imported
    lines: tuple[str, ...]
    remarks: tuple[str, ...] = ()


def _status(index: str, _: Wishes) -> Done:
    held = inventory(index)
    return Done(held, tuple(of_inventory(held)))


def _rollback(index: str, _: Wishes) -> Done:
    done = swap.rollback(index)
    restart = f"What is running must be started again, with the embedder {done.after.embedder}."
    lines = of_held([("before", done.before), ("now", done.after)])
    return Done(done, tuple(lines), (restart,) if done.needs_restart else ())


def _compact(index: str, _: Wishes) -> Done:
    done = swap.compact(index)
    saved = max(0, done.before.n_bytes - done.after.n_bytes) if done.before else 0
    lines = of_held([("before", done.before), ("now", done.after)])
    return Done(done, (*lines, f"{in_words(saved)} saved"))


def _backup(index: str, wishes: Wishes) -> Done:
    done = backup.backup(index, wishes.dest)
    return Done(
        done,
        (*of_held([(done.path, done.held)]), f"and {counted(done.n_files, 'file')} that articles came from"),
    )


def _export(index: str, wishes: Wishes) -> Done:
    done = transfer.export_index(index, wishes.file)
    sent = done.manifest
    line = (
        f"{done.path} ({in_words(done.n_bytes)}) holds {counted(sent.n_articles, 'article')} in "
        f"{counted(sent.n_passages, 'passage')}, and {counted(len(sent.parts) - 1, 'file')} that articles came from"
    )
    return Done(done, (line,))


def _import(index: str, wishes: Wishes) -> Done:
    done = transfer.import_index(wishes.file, index, yes=wishes.yes)
    rows = [("now", done.after)] if done.before is None else [("before", done.before), ("now", done.after)]
    lines = (*of_held(rows), f"and {counted(done.n_files, 'file')} that articles came from")
    return Done(done, lines, (f"It must be asked with the embedder that made it: {done.after.embedder}",))


COMMANDS: dict[str, Callable[[str, Wishes], Done]] = {
    "status": _status,
    "rollback": _rollback,
    "compact": _compact,
    "backup": _backup,
    "export": _export,
    "import": _import,
}
"""By name: each takes the index, and what else was asked for."""
