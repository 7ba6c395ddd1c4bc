"""Files of risky formats, read in a child process: whatever it does, its parent gets items or one error in time."""

from __future__ import annotations

import atexit
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from ingest.fields import Unfit
from ingest.formats import MAX_ARTICLE_BYTES, Item
from ingest.formats.wire import (
    HEAD,
    OUT_OF_MEMORY,
    Answer,
    End,
    Ready,
    Refusal,
    Request,
    length,
    packed,
    unpacked,
)

START_S = 60.0  # for Python and the libraries of a format to load
MAX_IDLE = 2  # children that wait for the next file
MAX_KEPT_BYTES = 2**29  # a child that ever used more is replaced, so that its memory is free again

_FRAME_FACTOR = 6  # bytes of JSON for a byte of text, at most: \u0001
_FRAME_BYTES = 2**20  # that an item has beside its text
_CHUNK = 1 << 20  # bytes
_END_S = 5.0  # for a child that hung up to be gone
_MEND = "Check that it opens elsewhere, and save it anew or as text."
_HOME = str(Path(__file__).resolve().parent.parent)
_BOOT = (
    "import sys; descriptor, sys.path[:] = int(sys.argv[1]), sys.argv[2:]; "
    "from ingest.formats import child; child.serve(descriptor)"
)
_ENVIRONMENT = ("PATH", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "TZ")  # no more of it: it may hold secrets


@dataclass(frozen=True, slots=True)
class Limits:
    """What a file may cost: seconds of waiting for one article and for all, memory of the child, and its answers."""

    part_s: float = 60.0
    file_s: float = 600.0
    memory_bytes: int = 2 * 2**30
    article_bytes: int = MAX_ARTICLE_BYTES
    text_bytes: int = 200 * 2**20
    n_parts: int = 100_000


LIMITS = Limits()


def items(
    file: BinaryIO,
    module: str,
    suffix: str,
    name: str,
    fields: Mapping[str, str],
    limits: Limits = LIMITS,
) -> Iterator[Item]:
    """Yield what a module of a format finds in an open file of the system, as it finds it.

    ``module`` is its full name. The clock runs only while the next item is waited for. Threads may call this at
    the same time: each call has a child of its own, which a later one uses again.

    Raises:
        Unfit: the file as a whole cannot be read, takes too long, needs too much memory, or breaks its parser.
    """
    child = _asked(_request(module, suffix, name, fields, limits), file)
    try:
        yield from _bounded(child, limits)
    finally:
        _give_back(child)


def close() -> None:
    """End the children that wait for a file."""
    while _idle:
        _idle.pop().end()


def _request(module: str, suffix: str, name: str, fields: Mapping[str, str], limits: Limits) -> Request:
    cpu_s = int(limits.file_s)
    return Request(module, suffix, name, dict(fields), limits.memory_bytes, cpu_s, limits.article_bytes)


def _bounded(child: _Child, limits: Limits) -> Iterator[Item]:
    left_s, left_bytes, left_parts = limits.file_s, limits.text_bytes, limits.n_parts
    while True:
        started = time.monotonic()
        answer, size = child.answer(limits, min(limits.part_s, left_s))
        left_s -= time.monotonic() - started
        if isinstance(answer, End):
            return
        left_bytes -= size
        left_parts -= not isinstance(answer, Ready)
        if left_parts < 0:
            raise Unfit(f"holds over {limits.n_parts:,} articles", "Split it.")
        if left_bytes < 0:
            raise Unfit(f"holds over {limits.text_bytes / 2**20:g} MB of text", "Split it.")
        if isinstance(answer, Refusal):
            raise answer.error()
        if not isinstance(answer, Ready):
            yield answer


# ---- The children

_idle: list[_Child] = []


def _asked(request: Request, file: BinaryIO) -> _Child:
    """Return a child that has the request; one that waited may have ended since, and then another is asked."""
    while _idle:
        with suppress(IndexError, OSError, EOFError):
            return _idle.pop().ask(request, file)
    try:
        return _Child().ask(request, file)
    except (OSError, EOFError) as error:
        raise Unfit(
            "cannot be read: the process for its format does not start",
            f"Check that {sys.executable} starts.",
        ) from error


def _give_back(child: _Child) -> None:
    if child.is_free and len(_idle) < MAX_IDLE:
        _idle.append(child)
    else:
        child.end()


class _Child:
    """A child process and the socket to it. ``is_free`` says that it can be asked for the next file."""

    def __init__(self) -> None:
        self.is_free = False
        self._first: tuple[Answer, int] | None = None
        self._socket, theirs = socket.socketpair()
        paths = [*(str(Path(path).absolute()) for path in sys.path), _HOME]
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-I", "-c", _BOOT, str(theirs.fileno()), *paths],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                cwd="/",
                env={"OPENBLAS_NUM_THREADS": "1"}
                | {k: v for k, v in os.environ.items() if k in _ENVIRONMENT},
                process_group=0,  # an interrupt at the terminal is for the parent alone
            )

    def ask(self, request: Request, file: BinaryIO) -> _Child:
        """Hand over a file, wait until the child begins to read it, and return self.

        Raises:
            OSError, EOFError: there is no child any more.
        """
        self.is_free = False
        try:
            self._socket.settimeout(START_S)
            socket.send_fds(self._socket, [packed(request)], [file.fileno()])
            self._first = self._receive(START_S, _FRAME_BYTES)
        except BaseException:
            self.end()
            raise
        return self

    def answer(self, limits: Limits, seconds: float) -> tuple[Answer, int]:
        """Return the next answer and its size, within some seconds.

        Raises:
            Unfit: there is none, or none that is within the limits.
        """
        if self._first:
            first, self._first = self._first, None
            return first
        try:
            return self._receive(seconds, _FRAME_BYTES + _FRAME_FACTOR * limits.article_bytes)
        except TimeoutError as error:
            over = limits.part_s if seconds >= limits.part_s else limits.file_s
            raise _too_slow(over) from error
        except (OSError, EOFError) as error:
            raise self._how_it_ended(limits) from error
        except ValueError as error:
            raise Unfit(f"broke its parser ({error})", _MEND) from error

    def end(self) -> None:
        """End the process and wait for that."""
        self._socket.close()
        self._process.kill()
        self._process.wait()

    def _receive(self, seconds: float, most: int) -> tuple[Answer, int]:
        deadline = time.monotonic() + seconds
        size = length(self._bytes(HEAD, deadline))
        if size > most:
            raise ValueError(f"its answer has {size:,} bytes")
        answer: Answer = unpacked(self._bytes(size, deadline))
        self.is_free = isinstance(answer, Refusal) or (
            isinstance(answer, End) and answer.peak_bytes <= MAX_KEPT_BYTES
        )
        return answer, size

    def _bytes(self, n: int, deadline: float) -> bytes:
        received = bytearray()
        while len(received) < n:
            self._socket.settimeout(max(0.001, deadline - time.monotonic()))
            part = self._socket.recv(min(n - len(received), _CHUNK))
            if not part:
                raise EOFError("it has ended")
            received += part
        return bytes(received)

    def _how_it_ended(self, limits: Limits) -> Unfit:
        try:
            status = self._process.wait(_END_S)
        except subprocess.TimeoutExpired:
            return Unfit("broke its parser (it no longer answers)", _MEND)
        if status == OUT_OF_MEMORY:
            return Unfit(f"needed over {limits.memory_bytes / 2**30:g} GB of memory to read", "Split it.")
        if status == -signal.SIGXCPU:
            return _too_slow(limits.file_s)
        how = f"signal {-status}" if status < 0 else f"exit status {status}"
        return Unfit(f"broke its parser ({how})", _MEND)


def _too_slow(seconds: float) -> Unfit:
    return Unfit(f"took over {seconds:g} s to read", "Split it, or save it in another format.")


atexit.register(close)
