"""One call of a language model: its words as they come, within a limit of time, and an end at any moment."""

from __future__ import annotations

import atexit
import queue
import socket
import threading
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import suppress
from contextvars import ContextVar, copy_context
from typing import TYPE_CHECKING, Any

from rag.errors import LanguageModelFault
from rag.llm_faults import called, fault, is_ollama, made

if TYPE_CHECKING:
    from llama_index.core.llms import LLM

CONNECT_S = 10.0
END_S = 2.0  # that the end of the process waits for its calls to end
TOKEN_CHARS = 20  # more than a token holds on average in any language; beyond, a server ignores the limit


class _Stopped(Exception):
    """The call is over: its worker may end."""


class _End:
    """What the worker puts last."""


class Call:
    """What the asking and the waiting thread share: the pieces that came, and the sockets to cut."""

    worker: threading.Thread

    def __init__(self, limit_s: float) -> None:
        self.pieces: queue.SimpleQueue[str | LanguageModelFault | _End] = queue.SimpleQueue()
        self.limit_s = limit_s
        self._deadline = time.monotonic() + limit_s
        self._sockets: list[socket.socket] = []
        self._stopped = False

    def begin(self, work: Callable[..., None], *given: object) -> None:
        """Run ``work`` in a thread of its own."""
        self.worker = threading.Thread(
            target=copy_context().run, args=(work, self, *given), name="language model", daemon=True
        )
        _RUNNING.add(self)
        self.worker.start()

    def connected(self, opened: socket.socket) -> None:
        """Keep a socket that this call opened; it is cut at once where the call is over already."""
        self._sockets.append(opened)
        if self._stopped:
            self.stop()
            raise _Stopped

    def stop(self) -> None:
        """End the call: a worker that waits for bytes wakes up, and the server sees the connection closed."""
        self._stopped = True
        for opened in self._sockets:
            with suppress(OSError):  # it is closed already
                socket.socket.shutdown(
                    opened, socket.SHUT_RDWR
                )  # closing alone would not wake the waiting thread

    def check(self) -> None:
        """Raise where the worker should end."""
        if self._stopped:
            raise _Stopped
        if self.left_s() <= 0:
            raise queue.Empty

    def left_s(self) -> float:
        """The seconds that are left of the limit, 0 at least."""
        return max(0.0, self._deadline - time.monotonic())


_RUNNING: set[Call] = set()


@atexit.register
def _end() -> None:
    """End what runs: the interpreter ends threads wherever they are, and aborts where that is in compiled code."""
    until, running = time.monotonic() + END_S, tuple(_RUNNING)
    for call in running:
        call.stop()
    for call in running:
        if call.worker.is_alive():  # no system has threads without end: it may not have begun
            call.worker.join(max(0.0, until - time.monotonic()))


_CALL: ContextVar[Call | None] = ContextVar("call", default=None)


def written(
    llm: LLM, system: str, prompt: str, limit_s: float, max_tokens: int, beat_s: float | None = None
) -> Generator[str, None, None]:
    """Yield the words of ``llm`` as they come; closing the iterator stops the model.

    A model made by ``rag.llms.load`` stops at once, any other before its next words. The seconds count from the first
    piece that is asked for. With ``beat_s`` an empty piece comes whenever the model was silent for so long, which lets
    a caller close the iterator meanwhile. A model that you made keeps its own temperature.

    Raises:
        ContextOverflow: the prompt is longer than the model can read.
        LanguageModelFault: it is unreachable, refuses, takes more than ``limit_s`` seconds in all, or writes nothing.
    """
    call = Call(limit_s)
    call.begin(_work, llm, system, prompt, max_tokens)
    try:
        while not isinstance(piece := _next(call, llm, beat_s), _End):
            if isinstance(piece, LanguageModelFault):
                raise piece
            yield piece
    finally:
        call.stop()


def _next(call: Call, llm: Any, beat_s: float | None) -> str | LanguageModelFault | _End:
    left_s = call.left_s()
    try:
        return call.pieces.get(timeout=left_s if beat_s is None else min(left_s, beat_s))
    except queue.Empty:
        return "" if call.left_s() else _too_slow(call, llm)


def _too_slow(call: Call, llm: Any) -> LanguageModelFault:
    return made(
        f"{called(llm)} was not done within {call.limit_s:g} s",
        "Take a smaller model, or allow it more time.",
    )


def _work(call: Call, llm: Any, system: str, prompt: str, max_tokens: int) -> None:
    """Run the model in a thread of its own; every end of it is the last thing in the queue."""
    _CALL.set(call)
    last: LanguageModelFault | _End = _End()
    try:
        if not _speak(call, llm, _messages(system, prompt), max_tokens):
            last = made(f"{called(llm)} answered without a word", "Ask again, or take another model.")
    except _Stopped:
        pass
    except queue.Empty:
        last = _too_slow(call, llm)
    except BaseException as error:  # a library may raise anything, and nobody else is there to catch it
        last = fault(error, llm)
    call.pieces.put(last)
    _RUNNING.discard(call)


def _messages(system: str, prompt: str) -> list[Any]:
    from llama_index.core.llms import ChatMessage, MessageRole

    told = [ChatMessage(role=MessageRole.SYSTEM, content=system)] if system else []
    return [*told, ChatMessage(role=MessageRole.USER, content=prompt)]


def _speak(call: Call, llm: Any, messages: list[Any], max_tokens: int) -> bool:
    """Queue the pieces; return whether there was a word among them."""
    words, room = False, max_tokens * TOKEN_CHARS
    replies = _replies(llm, messages, max_tokens)
    try:
        for piece in _deltas(replies):
            call.check()
            _check_text(piece)
            if piece:
                call.pieces.put(piece[:room])
            words, room = words or (not piece.isspace() and bool(piece)), room - len(piece)
            if room <= 0:
                break
    finally:
        if close := getattr(replies, "close", None):
            close()
    return words


def _check_text(piece: str) -> None:
    """Raise where a library put a mark for bytes that it could not read, or a JSON escape names half a character."""
    if "\N{REPLACEMENT CHARACTER}" in piece:
        raise UnicodeError
    piece.encode()


def _replies(llm: Any, messages: list[Any], max_tokens: int) -> Iterator[Any]:
    """The model's replies, streamed; whole, where the model cannot stream."""
    if is_ollama(llm):  # which takes its limit among its options alone
        llm = llm.model_copy(
            update={"additional_kwargs": {**llm.additional_kwargs, "num_predict": max_tokens}}
        )
    limit = {"max_tokens": max_tokens} if "max_tokens" in type(llm).model_fields else {}
    try:
        yield from llm.stream_chat(messages, **limit)
    except NotImplementedError:
        yield llm.chat(messages, **limit)


def _deltas(replies: Iterator[Any]) -> Iterator[str]:
    """What each reply adds to the ones before it."""
    text = ""
    for reply in replies:
        delta = reply.delta if reply.delta is not None else (reply.message.content or "")[len(text) :]
        text += delta
        yield delta


def wired(prepare: Callable[[Any], None], read_s: float | None = None) -> dict[str, Any]:
    """Arguments for ``httpx.Client``: each request is prepared, and its call can cut its connection.

    No connection is kept or shared, and no redirect is followed. Without ``read_s`` a call waits until it is stopped.
    """
    import httpx

    def begin(request: httpx.Request) -> None:
        request.extensions["timeout"] = {"connect": CONNECT_S, "read": read_s, "write": None, "pool": None}
        request.extensions["trace"] = _trace
        prepare(request)

    return {
        "event_hooks": {"request": [begin]},
        "limits": httpx.Limits(max_keepalive_connections=0),
        "follow_redirects": False,
    }


def _trace(event: str, info: dict[str, Any]) -> None:
    """Tell the call in whose thread this runs of the sockets that httpcore opens for it."""
    call = _CALL.get()
    if call and event in ("connection.connect_tcp.complete", "connection.start_tls.complete"):
        call.connected(info["return_value"].get_extra_info("socket"))
