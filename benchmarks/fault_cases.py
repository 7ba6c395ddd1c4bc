"""What can go wrong around an index while the user brings it in step: each is made to happen, and undone after it."""

from __future__ import annotations

import ctypes
import errno
import os
import random
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from benchmarks import calls
from benchmarks.bench import Bench
from benchmarks.calls import Kind, Strike
from benchmarks.changing import AFTER, BEFORE, lay
from benchmarks.damage import damage
from benchmarks.operations import be_eager
from benchmarks.strikes import spread
from benchmarks.user import Told, obey_permissions, refused, told
from ingest import planning, read
from ingest.run import Run
from rag.index import folder

Case = Callable[[Bench, int, random.Random], Iterator[Told]]
"""Makes a fault happen, some times where there are several places for it, and yields what the user was told."""

_YEAR = 365 * 24 * 3600  # seconds
_DISK_BYTES = 8 << 20
_NEW_NAMESPACE, _PRIVATE = 0x20000, 0x44000  # CLONE_NEWNS; MS_REC and MS_PRIVATE
_LEAST, _MOST = 4 << 10, 800 << 10  # bytes that are left on the disk when a run begins; it needs more
_REPAIR = "citewise doctor --repair"  # as the hint of what is damaged has it


def update(bench: Bench, first: Callable[[], object], met: Callable[[], object]) -> Told:
    """Bring the index in step by the command line, its caches written after every article."""

    def begin() -> None:
        be_eager()
        first()

    return told("index", bench.corpus, "--index", bench.index, "--yes", first=begin, met=met)


# -- the disk -----------------------------------------------------------------------------------------


def small_disk(path: Path) -> bool:
    """Mount a small disk for this process and its children alone; return whether that is allowed here."""
    libc = ctypes.CDLL(None)
    path.mkdir()
    size = f"size={_DISK_BYTES}".encode()
    return not (
        libc.unshare(_NEW_NAMESPACE)
        or libc.mount(None, b"/", None, _PRIVATE, None)
        or libc.mount(b"none", os.fsencode(path), b"tmpfs", 0, size)
    )


def full_disk(bench: Bench, times: int, dice: random.Random) -> Iterator[Told]:
    """Let the disk that the index lies on have little room."""
    ballast = bench.here.parent / "ballast"
    for n in spread(_MOST - _LEAST, times, dice):
        bench.lay_out()
        with ballast.open("wb") as file:
            about = os.statvfs(ballast)
            os.posix_fallocate(file.fileno(), 0, about.f_bavail * about.f_frsize - _LEAST - n)
        said = update(
            bench, lambda: None, lambda: refused(ballast.with_name("more"), os.O_CREAT | os.O_RDWR, _MOST)
        )
        ballast.unlink()
        yield said


def no_space(bench: Bench, times: int, dice: random.Random) -> Iterator[Told]:
    """Let every write fail from one on, as on a full disk."""
    yield from _struck(bench, times, dice, Kind.WRITE | Kind.OTHER, "fail on", errno.ENOSPC)


def failing_disk(bench: Bench, times: int, dice: random.Random) -> Iterator[Told]:
    """Let a write or a sync fail, as on a disk that is worn out."""
    yield from _struck(bench, times, dice, Kind.WRITE | Kind.SYNC, "fail", errno.EIO)


def stale_rename(bench: Bench, times: int, dice: random.Random) -> Iterator[Told]:
    """Let a rename fail as on a network's disk."""
    for code in (errno.ESTALE, errno.EBUSY):
        yield from _struck(bench, times, dice, Kind.RENAME, "fail", code)


def _struck(
    bench: Bench, times: int, dice: random.Random, kinds: Kind, how: calls.How, code: int
) -> Iterator[Told]:
    n_calls = sum(bool(call.kind & kinds) for call in bench.calls)
    for n in spread(n_calls, times, dice):
        bench.lay_out()
        strike = Strike(how, n + 1, kinds, code)

        def begin(strike: Strike = strike) -> None:
            calls.watch(bench.here, strike)

        yield update(bench, begin, calls.struck)


def damaged_log(bench: Bench, times: int, dice: random.Random) -> Iterator[Told]:
    """Damage the log of a run that was killed, before SQLite took its changes over; repair it where that is advised.

    It is where the run was killed while SQLite took them over: articles.db is half of one state then.
    """
    n_calls = len(bench.calls)
    for n in spread(n_calls // 2, times, dice):
        bench.cut_short(Strike("kill", n_calls // 2 + n))
        log = folder.live(bench.index) / f"{folder.DATABASE}-wal"
        done = damage(log, dice) if log.exists() else ""
        said = update(bench, lambda: None, lambda done=done: done)  # type: ignore[misc]
        if _REPAIR in said.text:
            told("doctor", "--repair", "--index", bench.index)
            update(bench, lambda: None, lambda: None)
        yield said


# -- permissions --------------------------------------------------------------------------------------


def read_only_index(bench: Bench, times: int, dice: random.Random) -> Iterator[Told]:  # noqa: ARG001
    """Let nobody write to the index."""
    bench.lay_out()
    paths = [bench.index, *bench.index.rglob("*")]
    for path in paths:
        path.chmod(path.stat().st_mode & 0o555)
    database = folder.live(bench.index) / folder.DATABASE
    said = update(bench, obey_permissions, lambda: refused(database, os.O_WRONLY))
    for path in paths:
        path.chmod(path.stat().st_mode | 0o200)
    yield said


def unreadable_article(bench: Bench, times: int, dice: random.Random) -> Iterator[Told]:  # noqa: ARG001
    """Let nobody read one article."""
    yield _closed(bench, bench.corpus / "stays.txt")


def unreadable_folder(bench: Bench, times: int, dice: random.Random) -> Iterator[Told]:  # noqa: ARG001
    """Let nobody search the folder of articles."""
    yield _closed(bench, bench.corpus)


def _closed(bench: Bench, path: Path) -> Told:
    bench.lay_out()
    mode = path.stat().st_mode
    path.chmod(0)
    said = update(bench, obey_permissions, lambda: refused(path, os.O_RDONLY))
    path.chmod(mode)
    return said


# -- files that do not keep still ---------------------------------------------------------------------


def changes_meanwhile(bench: Bench, times: int, dice: random.Random) -> Iterator[Told]:  # noqa: ARG001
    """Let a file become another between the plan and the reading, or between its sum and the plan."""
    for between in (_after_plan, _after_sum):
        yield _restless(bench, between, lambda path: path.write_text(BEFORE[path.name]))


def vanishes_meanwhile(bench: Bench, times: int, dice: random.Random) -> Iterator[Told]:  # noqa: ARG001
    """Let a file go at the same moments."""
    for between in (_after_plan, _after_sum):
        yield _restless(bench, between, lambda path: path.unlink())


def _restless(
    bench: Bench, between: Callable[[Callable[[], object]], None], become: Callable[[Path], object]
) -> Told:
    bench.lay_out()
    path = bench.corpus / "changes.txt"
    said = update(bench, lambda: between(lambda: become(path)), lambda: _text(path) != AFTER[path.name])
    lay(bench.corpus, AFTER)
    return said


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8") if path.exists() else ""


def _after_plan(act: Callable[[], object]) -> None:
    """Let something happen once all is planned, of which no text is kept."""
    planning.HOLD_CHARS = 0
    carry_out = Run.carry_out

    def later(*arguments: object, **options: object) -> None:
        act()
        carry_out(*arguments, **options)  # type: ignore[arg-type]

    setattr(Run, carry_out.__name__, later)


def _after_sum(act: Callable[[], object]) -> None:
    """Let something happen right before a file is read, when its sum is known."""
    really = read.read

    def later(source: read.Source, *rest: object) -> object:
        if source.path.name == "changes.txt" and _text(source.path) == AFTER["changes.txt"]:
            act()
        return really(source, *rest)  # type: ignore[arg-type]

    setattr(read, really.__name__, later)


# -- clocks and other writers -------------------------------------------------------------------------


def jumping_clock(bench: Bench, times: int, dice: random.Random) -> Iterator[Told]:  # noqa: ARG001
    """Let the clock go back and forth by a year, and files come from the future."""
    bench.lay_out()
    for path in bench.corpus.iterdir():
        os.utime(path, times=(time.time() + _YEAR, time.time() + _YEAR))
    yield update(bench, lambda: calls.jump(_YEAR), lambda: abs(time.time() - time.time()) > 1)
    lay(bench.corpus, AFTER)


def another_writer(bench: Bench, times: int, dice: random.Random) -> Iterator[Told]:  # noqa: ARG001
    """Let another process hold the writer lock."""
    bench.lay_out()
    writer = _holder(bench.index)
    said = update(bench, lambda: None, lambda: f"process {writer} writes")
    _end(writer)
    is_named = f"process {writer}" in said.text
    yield said if is_named else Told(None, f"it does not say who writes: {said.text}", said.met)


def killed_writer(bench: Bench, times: int, dice: random.Random) -> Iterator[Told]:  # noqa: ARG001
    """Kill the process that holds the writer lock."""
    bench.lay_out()
    _end(writer := _holder(bench.index))
    yield update(bench, lambda: None, lambda: f"process {writer} was killed")


def _holder(index: Path) -> int:
    """Return the process that holds the writer lock of an index."""
    reading, writing = os.pipe()
    if not (holder := os.fork()):
        with folder.writing(index):
            os.write(writing, b".")
            signal.pause()
        os._exit(0)
    os.close(writing)
    if not os.read(reading, 1):
        raise RuntimeError("the writer lock cannot be had")
    os.close(reading)
    return holder


def _end(process: int) -> None:
    os.kill(process, signal.SIGKILL)
    os.waitpid(process, 0)


CASES: dict[str, tuple[str, Case]] = {
    "the disk is full": ("the same command, with room", full_disk),
    "each write fails from one on (ENOSPC)": ("the same command", no_space),
    "a write or a sync fails (EIO)": ("the same command", failing_disk),
    "a rename fails (ESTALE, EBUSY)": ("the same command", stale_rename),
    "the log of a killed run is damaged": ("the same command, or doctor --repair and it", damaged_log),
    "the index may not be written": ("the same command, with permission", read_only_index),
    "an article may not be read": ("the same command, with permission", unreadable_article),
    "the folder may not be searched": ("the same command, with permission", unreadable_folder),
    "a file changes while it is read": ("the same command", changes_meanwhile),
    "a file goes while it is read": ("the same command", vanishes_meanwhile),
    "the clock jumps by a year": ("nothing to mend", jumping_clock),
    "another process writes": ("the same command, later", another_writer),
    "a writer was killed": ("the same command", killed_writer),
}
