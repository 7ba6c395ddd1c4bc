"""What a user meets at the command line: the exit code and all that is printed, with the fake embedder."""

from __future__ import annotations

import contextlib
import ctypes
import io
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.changing import EMBEDDER, TOKENS
from benchmarks.children import Child, Pipe, in_child

OURS = "a fault of ours"  # what the command line says of an error that nobody thought of
_OVERRIDES = 0b110  # CAP_DAC_OVERRIDE and CAP_DAC_READ_SEARCH of linux/capability.h
_VERSION = 0x20080522  # of the structures that capget takes


@dataclass(frozen=True, slots=True)
class Told:
    """What a command said, and with which exit code; None of one that hung or was killed.

    ``met`` says what the fault did, as the process itself found out in the end; empty where it did not happen.
    """

    code: int | None
    text: str
    met: str = ""

    @property
    def is_clear(self) -> bool:
        """Whether it ended as it should, and said what it said on purpose."""
        return self.code in (0, 1) and OURS not in self.text and "Traceback" not in self.text


def told(
    *command: str | Path,
    first: Callable[[], object] = lambda: None,
    met: Callable[[], object] = lambda: "",
) -> Told:
    """Run a command in a child, after ``first`` has made the fault there; return what it said."""
    done = in_child(lambda pipe: _command(pipe, list(map(str, command)), first, met))
    return Told(_code(done), done.first("text") or done.first("broken"), done.first("met"))


def _code(done: Child) -> int | None:
    return int(code) if (code := done.first("code")) else None


def _command(
    pipe: Pipe, command: Sequence[str], first: Callable[[], object], met: Callable[[], object]
) -> None:
    import cli
    from rag import embed

    os.environ["CITEWISE_PASSAGE_TOKENS"] = str(TOKENS)
    setattr(embed, "load", lambda name: EMBEDDER())  # noqa: ARG005, B010
    printed = io.TextIOWrapper(io.BytesIO(), encoding="utf-8", write_through=True)
    with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed):
        first()
        code = cli.main(command)
        pipe.say("met", str(met() or ""))
    pipe.say("code", str(code))
    printed.seek(0)
    pipe.say("text", printed.read())


class _Header(ctypes.Structure):
    _fields_ = (("version", ctypes.c_uint32), ("pid", ctypes.c_int))


class _Rights(ctypes.Structure):
    _fields_ = (
        ("effective", ctypes.c_uint32),
        ("permitted", ctypes.c_uint32),
        ("inheritable", ctypes.c_uint32),
    )


def obey_permissions() -> None:
    """Let this process, which root may have started and is refused nothing, be refused what files refuse."""
    if os.geteuid():
        return
    libc = ctypes.CDLL(None, use_errno=True)
    header, rights = _Header(_VERSION, 0), (_Rights * 2)()
    libc.capget(ctypes.byref(header), rights)
    for name in ("effective", "permitted", "inheritable"):
        setattr(rights[0], name, getattr(rights[0], name) & ~_OVERRIDES)
    if libc.capset(ctypes.byref(header), rights):
        raise OSError(ctypes.get_errno(), "capset")


def refused(path: Path, flags: int, n_bytes: int = 0) -> str:
    """Return what opening a file or folder, or writing so much to it, is refused with; empty where it is not."""
    try:
        descriptor = os.open(path, flags)
        if n_bytes:
            os.posix_fallocate(descriptor, 0, n_bytes)
        os.close(descriptor)
    except OSError as error:
        return os.strerror(error.errno or 0)
    return ""
