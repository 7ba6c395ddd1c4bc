"""What a disk holds when the power goes, at worst: of each file and folder just what was last synced of it.

A run waits before each of its calls, so that what it syncs can be set aside.
"""

from __future__ import annotations

import os
import random
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks import calls
from benchmarks.bench import Bench
from benchmarks.calls import Kind, Strike
from benchmarks.children import Pipe, parse, work_and_leave
from benchmarks.operations import be_eager


@dataclass(slots=True)
class Disk:
    """What would be left: the bytes of files, and the names in folders with what is a folder, by inode."""

    files: dict[int, bytes] = field(default_factory=dict)
    folders: dict[int, dict[str, tuple[int, bool]]] = field(default_factory=dict)

    def sync(self, path: Path) -> None:
        """Set aside what a file or a folder holds."""
        if path.is_dir():
            with os.scandir(path) as entries:
                names = {entry.name: (entry.inode(), entry.is_dir()) for entry in entries}
            self.folders[path.stat().st_ino] = names
        elif path.exists():
            self.files[path.stat().st_ino] = path.read_bytes()

    def sync_all(self, root: Path) -> None:
        """Set aside all that lies under a folder."""
        for path in [root, *root.rglob("*")]:
            self.sync(path)

    def forget(self, path: Path) -> None:
        """Forget what an inode held that a new file or folder has taken over."""
        if path.exists():
            self.files.pop(path.stat().st_ino, None)
            self.folders.pop(path.stat().st_ino, None)

    def copy(self) -> Disk:
        """Return what is left as of now."""
        return Disk(dict(self.files), {inode: dict(names) for inode, names in self.folders.items()})

    def write(self, root: int, target: Path) -> None:
        """Write a folder as it would be found; what was named and never synced is empty."""
        target.mkdir(parents=True)
        for name, (inode, is_folder) in self.folders.get(root, {}).items():
            if is_folder:
                self.write(inode, target / name)
            else:
                (target / name).write_bytes(self.files.get(inode, b""))


@dataclass(frozen=True, slots=True)
class Cut:
    """What was left when the power went, where, and which articles had been said to be stored."""

    disk: Disk
    root: int
    reported: tuple[str, ...]


def cuts(bench: Bench, n_points: int, dice: random.Random) -> Iterator[tuple[Cut, str]]:
    """Yield moments at which something else is on the disk for certain, some spread over all; and what came last."""
    found = list(_moments(bench))
    chosen = sorted(dice.sample(range(len(found)), min(n_points, len(found))))
    yield from (found[n] for n in chosen)


def lay_out(bench: Bench, cut: Cut) -> None:
    """Put what was left in the place of the index."""
    shutil.rmtree(bench.here, ignore_errors=True)
    cut.disk.write(cut.root, bench.here)


def _moments(bench: Bench) -> Iterator[tuple[Cut, str]]:
    """Run the operation, and yield what would be left right after each sync."""
    bench.lay_out()
    disk, root, reported = Disk(), bench.here.stat().st_ino, []
    disk.sync_all(bench.here)
    was_synced, made, last = False, None, ""
    for word, what, go_on in _run(bench):
        if word == "stored":
            reported.append(what)
        if word != "call":
            continue
        if made:
            disk.forget(made)
        if was_synced:
            yield Cut(disk.copy(), root, tuple(reported)), last
        call = calls.parse(what)
        path, last = Path(f"{bench.here}{call.path}"), call.path
        was_synced, made = call.kind == Kind.SYNC, path if call.kind == Kind.CREATE else None
        if was_synced:
            disk.sync(path)
        os.write(go_on, b".")
    yield Cut(disk.copy(), root, tuple(reported)), last


def _run(bench: Bench) -> Iterator[tuple[str, str, int]]:
    """Yield what the operation says, and where to write a byte so that it goes on after a call."""
    reading, writing = os.pipe()
    waiting, go_on = os.pipe()

    def work(pipe: Pipe) -> None:
        pipe.listen()
        be_eager()
        calls.watch(bench.here, Strike("count"), pipe.descriptor)
        calls.step(waiting)
        bench.operation.run(bench.index, bench.corpus, pipe)
        calls.watch(bench.here, Strike("count"))

    if not (child := os.fork()):
        os.close(go_on)
        work_and_leave(work, Pipe(writing))
    os.close(writing)
    os.close(waiting)
    with os.fdopen(reading, encoding="utf-8") as lines:
        for line in lines:
            yield *parse(line.rstrip("\n")), go_on
    os.close(go_on)
    os.waitpid(child, 0)
