"""Kills work on a whole index at one step after the other, and looks at what it leaves; run by test_upkeep.py.

``python -m tests.upkeep_rounds FOLDER WORK STRIDE`` prints one JSON object a round: whether the process was killed,
and what is wrong then. A step is a file that is opened, moved, deleted or made durable.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import sys
import traceback
from collections.abc import Callable
from contextlib import closing
from itertools import count
from pathlib import Path

from rag.index import folder
from rag.index.truth import Truth
from rag.store import Store
from rag.upkeep import doctor, repair, swap, transfer
from tests.conftest import SHAPE, Collection, put, remove

_STEPS = {"open", "os.rename", "os.remove", "os.mkdir", "os.rmdir", "sqlite3.connect"}


def made(index: Path) -> None:
    """Make an index with something removed, a generation to go back to, and an upload."""
    collection = Collection(index)
    for generation in range(2):
        with folder.writing(index):
            facts = {**SHAPE.facts(), "whole": "yes"}
            new = folder.create(index, facts, swap.last_id(index))
            folder.publish(index, new)
        with collection.writing() as truth:
            for n in range(12):
                put(truth, f"{generation}-{n}", *(f"article {n} part {i} " * 9 for i in range(3)))
            for n in range(5):
                remove(truth, f"{generation}-{n}")
    (index / "uploads").mkdir()
    (index / "uploads" / "a.txt").write_text("uploaded")


def contents(index: Path) -> list[tuple[str, str]]:
    """Return what an index says to those who ask."""
    with Store(index) as store:
        return sorted((article.id, article.text) for article in store.articles())


def striking(work: Callable[[], object], at: int) -> Callable[[], object]:
    """Return the work, ended by a kill at one of its steps."""
    left = [at]

    def step(event: str, _: object = None) -> None:
        if event in _STEPS:
            left[0] -= 1
            if not left[0]:
                os.kill(os.getpid(), signal.SIGKILL)

    def struck() -> object:
        fsync = os.fsync
        os.fsync = lambda descriptor: (step("open"), fsync(descriptor))[1]  # type: ignore[assignment]
        sys.addaudithook(step)
        return work()

    return struck


def in_child(work: Callable[[], object]) -> None:
    """Do the work and leave at once, so that nothing of the parent runs twice."""
    try:
        work()
        os._exit(0)
    except BaseException:
        traceback.print_exc()
        os._exit(1)


def killed(work: Callable[[], object]) -> bool:
    """Do the work in a child; return whether it was killed."""
    child = os.fork()
    if child == 0:
        in_child(work)
    _, status = os.waitpid(child, 0)
    if os.WIFEXITED(status) and os.WEXITSTATUS(status):
        raise RuntimeError("the work failed by itself")
    return os.WIFSIGNALED(status)


def look(index: Path, possible: list[list[tuple[str, str]]], work: str) -> list[str]:
    """Return what is wrong with an index after a kill, and once it was tidied up."""
    wrong = []
    for moment in ("after the kill", "after a repair"):
        if moment == "after a repair" or work == "repair":
            list(repair.repair(index))
        wrong += [f"{moment}: {fault}" for fault in doctor.faults(index)]
        if contents(index) not in possible:
            wrong.append(f"{moment}: it holds something else")
    kept = {path.name for path in folder.generations(index)} | {"CURRENT", "writer.lock", "uploads"}
    aside = {path.name for path in index.iterdir() if path.name.startswith(repair.DAMAGED)}
    wrong += [f"{path.name} is left" for path in index.iterdir() if path.name not in kept | aside]
    wrong += [f"{path} is not whole" for path in folder.generations(index) if not folder.is_whole(path)]
    with folder.writing(index):
        pass
    if not (index / "uploads").is_dir():
        wrong.append("the uploads are gone")
    return wrong


def damage(index: Path) -> None:
    """Turn over bits in the text of the first articles, and lose a page of the passages' index."""
    database = folder.live(index) / folder.DATABASE
    data = bytearray(database.read_bytes())
    with closing(Truth(database)) as truth:
        ((page,),) = truth.rows("SELECT rootpage FROM sqlite_schema WHERE name = 'passages_article'")
    data[(page - 1) * 4096 : page * 4096] = bytes(4096)
    database.write_bytes(data)


def main(home: Path, work: str, stride: int) -> None:
    """Run the rounds until one is not killed."""
    base, other = home / "base", home / "other"
    made(base)
    Collection(other).put("sent", "what was sent")
    transfer.export_index(other, home / "sent.zip")
    swap.rollback(base)
    ours, theirs = contents(base), contents(other)
    swap.rollback(base)
    possible = [ours, contents(base), theirs]
    if work == "repair":
        damage(base)
    works: dict[str, Callable[[Path], object]] = {
        "compact": swap.compact,
        "rollback": swap.rollback,
        "import": lambda index: transfer.import_index(home / "sent.zip", index, yes=True),
        "repair": lambda index: list(repair.repair(index)),
    }
    index = home / "index"
    for at in count(1, stride):
        shutil.rmtree(index, ignore_errors=True)
        shutil.copytree(base, index)
        was_killed = killed(striking(lambda: works[work](index), at))
        print(json.dumps({"at": at, "killed": was_killed, "wrong": look(index, possible, work)}), flush=True)
        if not was_killed:
            return


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]))
