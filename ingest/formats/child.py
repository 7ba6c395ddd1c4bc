"""The child process that reads files of risky formats: it is handed open files, one after the other, and answers.

It has no other way out: what it prints goes nowhere, it writes no file, calls nobody, and ends with its parent.
"""

from __future__ import annotations

import os
import resource
import select
import signal
import socket
import sys
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, BinaryIO

from ingest import formats
from ingest.formats import Item, Parsed, Wrong
from ingest.formats.inner import in_words
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

IDLE_S = 60  # without a request, after which the child ends and gives its memory back

# Events of Python's auditing that begin so are what no parser has to do.
_FORBIDDEN = (
    *(
        "socket.",
        "urllib.",
        "ftplib.",
        "smtplib.",
        "subprocess.",
        "os.system",
        "os.fork",
        "os.exec",
        "os.spawn",
    ),
    *("os.posix_spawn", "os.kill", "os.remove", "os.rename", "os.rmdir", "os.truncate"),
)
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND


def serve(descriptor: int) -> None:
    """Answer requests that come over a socket until its other end is closed, or nothing comes for a while."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # an interrupt is the parent's to heed
    guard = _Guard()
    with socket.socket(fileno=descriptor) as channel:
        threading.Thread(target=_end_with, args=[channel], daemon=True).start()
        while (received := _request(channel)) is not None:
            try:
                _answer(channel, *received, guard)
            except MemoryError:
                os._exit(OUT_OF_MEMORY)


def _end_with(channel: socket.socket) -> None:
    """End the process, whatever it is doing, when the other end of the channel is closed."""
    watch = select.poll()
    watch.register(channel, 0)  # nothing but a hang-up
    watch.poll()
    os._exit(0)


class _Guard:
    """Refuses what no parser has to do, while one is at work: the network, other processes, changing files."""

    def __init__(self) -> None:
        self.is_up = False
        sys.addaudithook(self._look)

    def _look(self, event: str, about: tuple[Any, ...]) -> None:
        if not self.is_up:
            return
        if event.startswith(_FORBIDDEN) or (event == "open" and about[2] & _WRITING):
            raise PermissionError(f"a parser may not use {event}")


def _request(channel: socket.socket) -> tuple[Request, BinaryIO] | None:
    """Wait for a request and the file that comes with it; None when there will be none."""
    channel.settimeout(IDLE_S)
    try:
        head, descriptors, _, _ = socket.recv_fds(channel, HEAD, 1)
        if not head or not descriptors:
            return None
        channel.settimeout(None)
        rest = bytearray()
        while len(head) + len(rest) < HEAD or len(rest) < length(head):
            if not (part := channel.recv(length(head) - len(rest))):
                return None
            rest += part
    except OSError:
        return None
    return unpacked(bytes(rest)), os.fdopen(descriptors[0], "rb")


def _answer(channel: socket.socket, request: Request, file: BinaryIO, guard: _Guard) -> None:
    """Send what is in a file; the parser is imported before its limits hold."""
    with file:
        try:
            parser = formats.parser(request.module, request.suffix)
            channel.sendall(packed(Ready()))
            _limit(request.memory_bytes, request.cpu_s)
            items = parser.parse(file, request.name, request.fields)
            for item in _guarded(items, guard):
                channel.sendall(packed(_fitting(item, request.article_bytes)))
            last: Answer = End(_peak())
        except MemoryError:
            raise
        except Exception as error:  # of any parser
            last = Refusal.of(in_words(error))
    _limit(resource.RLIM_INFINITY, resource.RLIM_INFINITY, resource.RLIM_INFINITY)
    channel.sendall(packed(last))


def _guarded(items: Iterator[Item], guard: _Guard) -> Iterator[Item]:
    """Yield what a parser yields, with the guard up while it works."""
    while True:
        guard.is_up = True
        try:
            item = next(items)
        except StopIteration:
            return
        finally:
            guard.is_up = False
        yield item


def _limit(memory_bytes: int, cpu_s: int, file_bytes: int = 0) -> None:
    """Set how much memory and processor time this process may have from now on, and what it may write to files."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    if cpu_s != resource.RLIM_INFINITY:  # in case that nobody is left to look at the clock
        cpu_s += int(used.ru_utime + used.ru_stime) + 1
    wanted = (
        (resource.RLIMIT_AS, memory_bytes),
        (resource.RLIMIT_CPU, cpu_s),
        (resource.RLIMIT_FSIZE, file_bytes),
    )
    for which, limit in wanted:
        _, most = resource.getrlimit(which)
        with suppress(ValueError, OSError):  # not every system knows each
            resource.setrlimit(which, (limit if most == resource.RLIM_INFINITY else min(limit, most), most))


def _fitting(item: Item, article_bytes: int) -> Item:
    """Return an item that is not too large to be an article, or what is wrong with it."""
    if not isinstance(item, Parsed):
        return item
    size = sum(len(page.encode("utf-8", "surrogatepass")) for page in item.pages)
    if size <= article_bytes:
        return item
    mend = "Split it into articles."
    return Wrong(
        item.id, f"has {size:,} bytes of text, an article at most {article_bytes:,}", mend, item.line
    )


def _peak() -> int:
    """Return the most memory that was used at once, in bytes, since this program was loaded.

    Linux tells that apart; what it counts as used otherwise begins with what the parent used.
    """
    with suppress(OSError, StopIteration, ValueError):
        lines = Path("/proc/self/status").read_text().splitlines()
        return int(next(line for line in lines if line.startswith("VmHWM")).split()[1]) * 1024
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
