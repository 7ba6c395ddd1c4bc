"""A format whose files do, in the child process that reads them, what their name says. It is loaded there alone."""

from __future__ import annotations

import ctypes
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import BinaryIO

from ingest.fields import Unfit
from ingest.formats import Item, OtherData, Parsed, Wrong


def parse(file: BinaryIO, name: str, fields: Mapping[str, str]) -> Iterator[Item]:
    yield from getattr(sys.modules[__name__], name)(file, fields)


def told(file: BinaryIO, fields: Mapping[str, str]) -> Iterator[Item]:
    yield Parsed(("One", "Two \udcff"), "a", {"title": "T", **fields}, is_markdown=True, line=7)
    yield Wrong("b", "is wrong", "Mend it.", 8, is_other_data=True)
    yield Parsed((file.read().decode(),))


def process(file: BinaryIO, fields: Mapping[str, str]) -> Iterator[Item]:
    yield Parsed((str(os.getpid()),))


def hang(file: BinaryIO, fields: Mapping[str, str]) -> Iterator[Item]:
    yield from process(file, fields)
    time.sleep(100)


def slow(file: BinaryIO, fields: Mapping[str, str]) -> Iterator[Item]:
    for n in range(1000):
        time.sleep(0.05)
        yield Parsed((str(n),), str(n))


def eat(file: BinaryIO, fields: Mapping[str, str]) -> Iterator[Item]:
    eaten = []
    while True:
        eaten.append(bytes(2**26))
        yield Parsed((str(len(eaten)),), str(len(eaten)))


def segfault(file: BinaryIO, fields: Mapping[str, str]) -> Iterator[Item]:
    yield Parsed(("before",))
    ctypes.string_at(0)


def leave(file: BinaryIO, fields: Mapping[str, str]) -> Iterator[Item]:
    os._exit(3)
    yield Parsed(("never",))


def burn(file: BinaryIO, fields: Mapping[str, str]) -> Iterator[Item]:
    os.kill = None  # type: ignore[assignment]
    signal.raise_signal(signal.SIGXCPU)
    yield Parsed(("never",))


def chatter(file: BinaryIO, fields: Mapping[str, str]) -> Iterator[Item]:
    for descriptor in (1, 2):
        os.write(descriptor, b"\x00\x00\x00\x05noise" * 1000)
    print("noise", flush=True)
    yield Parsed(("heard",))


def many(file: BinaryIO, fields: Mapping[str, str]) -> Iterator[Item]:
    for n in range(1000):
        yield Parsed(("x" * 1000,), str(n))


def huge(file: BinaryIO, fields: Mapping[str, str]) -> Iterator[Item]:
    yield Parsed(("\x01" * 1000,), "fits")
    yield Parsed(("é" * 501,), "does not")


def refuse(file: BinaryIO, fields: Mapping[str, str]) -> Iterator[Item]:
    yield Parsed(("before",))
    raise Unfit("is bad", "Mend it.", 3)


def other(file: BinaryIO, fields: Mapping[str, str]) -> Iterator[Item]:
    raise OtherData("is a table of numbers", "Give a text.")
    yield Parsed(("never",))


def fault(file: BinaryIO, fields: Mapping[str, str]) -> Iterator[Item]:
    raise KeyError("body\n\x1b[31m")
    yield Parsed(("never",))


def deep(file: BinaryIO, fields: Mapping[str, str]) -> Iterator[Item]:
    yield from deep(file, fields)


def environment(file: BinaryIO, fields: Mapping[str, str]) -> Iterator[Item]:
    yield Parsed((" ".join(os.environ),))


def calls(file: BinaryIO, fields: Mapping[str, str]) -> Iterator[Item]:
    """Says of each thing that is forbidden what came of it."""
    for forbidden in (
        lambda: socket.create_connection(("127.0.0.1", 9)),
        lambda: socket.getaddrinfo("example.org", 80),
        lambda: subprocess.run(["true"]),
        lambda: os.system("true"),
        os.fork,
        lambda: Path(fields["file"]).write_text("x" * 100),
        lambda: Path(fields["file"]).unlink(),
    ):
        try:
            forbidden()
        except OSError as error:
            yield Parsed((type(error).__name__,))
        else:
            yield Parsed(("done",))
