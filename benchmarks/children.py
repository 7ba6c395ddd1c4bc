"""Work in a child process that may be killed at any moment: what it said until then, and how it ended."""

from __future__ import annotations

import json
import os
import select
import signal
import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from ingest.plan import Plan
from rag.domain import Article
from rag.errors import CitewiseError
from rag.index.truth import Piece, Truth

PATIENCE_S = 60.0  # a child that takes longer hangs


@dataclass(slots=True)
class Child:
    """What a child wrote before it ended, lines by their first word; and its exit code, None of one that hung."""

    said: dict[str, list[str]] = field(default_factory=dict)
    status: int | None = None

    def first(self, word: str) -> str:
        """Return the first line of this kind; empty where there is none."""
        return next(iter(self.said.get(word, [])), "")


class Pipe:
    """What a child tells its parent through; as a watcher it tells of each article that is durable."""

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor
        self._last = ""

    def say(self, word: str, text: str) -> None:
        """Write a line."""
        os.write(self.descriptor, f"{word} {json.dumps(text)}\n".encode())

    def planned(self, plan: Plan) -> None:
        """Say nothing."""

    def stored(self, n_chars: int, n_passages: int) -> None:  # noqa: ARG002
        """Say which article is durable."""
        self.say("stored", self._last)

    def listen(self) -> None:
        """Know from now on which article was put last."""
        put = Truth.put

        def noting(truth: Truth, article: Article, place: str, file: str, pieces: Sequence[Piece]) -> None:
            put(truth, article, place, file, pieces)
            self._last = article.id

        setattr(Truth, put.__name__, noting)


def in_child(work: Callable[[Pipe], object], kill_after: float | None = None) -> Child:
    """Do some work in a child, which is killed after some seconds if that is asked; return what it said."""
    reading, writing = os.pipe()
    if (child := os.fork()) == 0:
        work_and_leave(work, Pipe(writing))
    os.close(writing)
    if kill_after is not None:
        time.sleep(kill_after)
        os.kill(child, signal.SIGKILL)
    text, is_over = _read(reading, PATIENCE_S)
    os.close(reading)
    if not is_over:
        os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    said = Child(status=os.waitstatus_to_exitcode(status) if is_over else None)
    for line in text.split("\n")[:-1]:
        word, what = parse(line)
        said.said.setdefault(word, []).append(what)
    return said


def parse(line: str) -> tuple[str, str]:
    """Return the word that a line begins with and what it says; a call that was told is a "call" as a whole."""
    word, _, rest = line.partition(" ")
    return ("call", line) if word.isdecimal() else (word, json.loads(rest))


def work_and_leave(work: Callable[[Pipe], object], pipe: Pipe) -> None:
    """Leave at once after the work, so that nothing of the parent runs twice."""
    try:
        work(pipe)
        pipe.say("done", "")
    except CitewiseError as error:
        pipe.say("told", f"{type(error).__name__}: {error}")
    except BaseException:
        pipe.say("broken", traceback.format_exc())
    os._exit(0)


def _read(descriptor: int, seconds: float) -> tuple[str, bool]:
    """Return all that comes until the other side is closed, and whether it was within some seconds."""
    parts: list[bytes] = []
    deadline = time.monotonic() + seconds
    while (left := deadline - time.monotonic()) > 0:
        if not select.select([descriptor], [], [], left)[0]:
            break
        if not (part := os.read(descriptor, 1 << 16)):
            return b"".join(parts).decode(), True
        parts.append(part)
    return b"".join(parts).decode(), False
