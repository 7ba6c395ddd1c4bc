"""Counts the calls by which a process changes files, and strikes at the n-th: a library put before the C library's.

So each write of SQLite, tantivy and Python is met. Linux alone; it needs a C compiler.
"""

from __future__ import annotations

import ctypes
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntFlag
from pathlib import Path
from typing import Any, Literal

from benchmarks.origin import HOME
from rag.errors import SettingsError

SOURCE = Path(__file__).with_name("calls.c")
_ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
How = Literal["count", "kill", "tear", "fail", "fail on"]
"""Only count; kill before the call, or in the middle of a write; let it fail, or it and all that follow."""
_HOW: tuple[How, ...] = ("count", "kill", "tear", "fail", "fail on")


class Kind(IntFlag):
    """What a call does: make or empty a file, write to one, sync, rename, delete; make a folder, cut, chmod."""

    CREATE = 1
    WRITE = 2
    SYNC = 4
    RENAME = 8
    REMOVE = 16
    OTHER = 32


ALL = Kind(63)


@dataclass(frozen=True, slots=True)
class Strike:
    """What happens at the ``at``-th call, from 1, of some kinds; ``code`` is the errno of one that fails."""

    how: How
    at: int = 0
    kinds: Kind = ALL
    code: int = 0


@dataclass(frozen=True, slots=True)
class Call:
    """A call that was met: its number, what it does, and to which file below the folder."""

    n: int
    kind: Kind
    path: str


def compiler() -> str | None:
    """Return the C compiler, None where there is none."""
    return shutil.which("cc") or shutil.which("gcc")


def library(folder: Path) -> Path:
    """Compile the library into a folder; a process is under it that starts with LD_PRELOAD naming it.

    Raises:
        SettingsError: there is no C compiler.
    """
    if not (cc := compiler()):
        raise SettingsError(
            "this needs a C compiler, and there is no cc", "Install one, such as Debian's gcc."
        )
    made = folder / "calls.so"
    subprocess.run([cc, "-shared", "-fPIC", "-O1", "-o", made, SOURCE, "-ldl"], check=True)
    return made


def under(library: Path, *arguments: str) -> Iterator[Any]:
    """Yield the lines of JSON that ``python ARGUMENTS`` says, in a process that starts under the library.

    It has one thread to begin with, so that it can be forked.

    Raises:
        RuntimeError: it failed.
    """
    environment = os.environ | _ONE_THREAD | {"LD_PRELOAD": str(library)}
    with (
        tempfile.TemporaryFile("w+") as complaints,
        subprocess.Popen(
            [sys.executable, *arguments],
            cwd=HOME,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=complaints,
            text=True,
        ) as running,
    ):
        assert running.stdout
        for line in running.stdout:
            yield json.loads(line)
        if running.wait():
            complaints.seek(0)
            raise RuntimeError(f"{' '.join(arguments)} failed:\n{complaints.read()[-2000:]}")


def watch(folder: Path, strike: Strike, told_to: int = -1) -> None:
    """Meet the calls of this process under a folder from now on, and tell of each on a descriptor.

    This process must have started under the library.
    """
    path, how = os.fsencode(folder), _HOW.index(strike.how)
    arguments = (int(strike.kinds), ctypes.c_long(strike.at), how, strike.code, told_to)
    ctypes.CDLL(None).calls_watch(path, *arguments)


def step(descriptor: int) -> None:
    """Let this process wait, before each call that it has told of, for a byte on a descriptor."""
    ctypes.CDLL(None).calls_step(descriptor)


def struck() -> int:
    """Return how many calls of this process were made to fail."""
    return int(ctypes.CDLL(None).calls_struck())


def jump(seconds: int) -> None:
    """Let this process's clock of the day jump to and fro by so many seconds."""
    ctypes.CDLL(None).calls_jump(ctypes.c_long(seconds))


def parse(line: str) -> Call:
    """Return the call that a line tells of."""
    n, kind, path = line.split(" ", 2)
    return Call(int(n), Kind(int(kind)), path)
