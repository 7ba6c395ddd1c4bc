"""A language model server on loopback that does what a test tells it to, in the protocols of OpenAI and of Ollama.

    with scripted(says("Paris is in France [1]."), hangs()) as server:
        llm = load(server.spec)

Each request gets the next reply, and the last one again and again. Replies: ``says``, ``hangs``, ``drips``, ``loops``,
``empty``, ``refuses``, ``fails``, ``overflows``, ``broken_json``, ``not_utf8``, ``cuts``; a reply of your own is a
function that gets the ``Turn``. ``nobody()`` is a spec where nothing listens. What happened is in ``server.prompts``,
``systems``, ``bodies``, ``headers``, ``sent`` (pieces of each turn), ``stopped`` (turns that the client left).
"""

from __future__ import annotations

import json
import re
import select
import socket
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

NAME = "scripted"
REFUSAL = "I'm sorry, but I can't help with that."
LLAMA_CPP = "request ({n} tokens) exceeds the available context size (4096 tokens), try increasing it"
Reply = Callable[["Turn"], None]


class Gone(Exception):
    """The client has closed its connection, or the server ends."""


def says(text: str, delay_s: float = 0.0, first_s: float = 0.0) -> Reply:
    """Write ``text`` word by word, the first word after ``first_s`` and each other after ``delay_s`` seconds."""

    def reply(turn: Turn) -> None:
        turn.wait(first_s)
        for piece in re.findall(r"\S+\s*|\s+", text):
            turn.say(piece)
            turn.wait(delay_s)
        turn.end()

    return reply


def hangs(after: str = "") -> Reply:
    """Write ``after``, or not even the first byte, and then nothing for ever."""

    def reply(turn: Turn) -> None:
        if after:
            turn.say(after)
        turn.wait(3600)

    return reply


def drips(token: str = "word ", every_s: float = 0.05) -> Reply:
    """Write ``token`` every so often, for ever."""

    def reply(turn: Turn) -> None:
        while True:
            turn.say(token)
            turn.wait(every_s)

    return reply


def loops(sentence: str = "The sky is blue [1]. ") -> Reply:
    """Write the same sentence as fast as it can, for ever."""
    return drips(sentence, 0.0)


def empty(text: str = "") -> Reply:
    """End without a word; ``text`` may be blanks."""
    return says(text)


def refuses() -> Reply:
    """Write that it cannot help."""
    return says(REFUSAL)


def fails(status: int, message: str = "it broke") -> Reply:
    """Answer with an HTTP error."""
    return lambda turn: turn.error(status, message)


def overflows(chars: int, text: str, message: str = LLAMA_CPP) -> Reply:
    """Refuse prompts of ``chars`` characters and more as too long; answer a shorter one with ``text``."""

    def reply(turn: Turn) -> None:
        n = len(turn.system) + len(turn.prompt)
        if n >= chars:
            turn.error(400, message.format(n=n // 4), "exceed_context_size_error")
        else:
            says(text)(turn)

    return reply


def broken_json(after: str = "") -> Reply:
    """Write ``after`` and then half an object."""
    return _then(after, b'{"choices": [{"delta"')


def not_utf8(after: str = "") -> Reply:
    """Write ``after`` and then a byte that UTF-8 does not have."""
    message = b'{"role": "assistant", "content": "caf\xe9"}'
    choices = b'[{"index": 0, "delta": ' + message + b"}]"
    return _then(after, b'{"done": false, "message": ' + message + b', "choices": ' + choices + b"}")


def _then(after: str, raw: bytes) -> Reply:
    def reply(turn: Turn) -> None:
        if after:
            turn.say(after)
        turn.write(raw + b"\n" if turn.path == "/api/chat" else b"data: " + raw + b"\n\n")
        turn.end()

    return reply


def cuts(after: str = "") -> Reply:
    """Write ``after`` and close the connection in the middle of the answer."""

    def reply(turn: Turn) -> None:
        if after:
            turn.say(after)
        turn.abort()

    return reply


class Turn:
    """One request, and the ways to answer it."""

    def __init__(self, handler: _Handler, body: dict[str, Any], closing: threading.Event) -> None:
        self._handler, self._closing = handler, closing
        self._begun = False
        self._whole = ""
        self.path = handler.path
        self.body = body
        self.streams = bool(body.get("stream"))
        self.sent = 0
        self.stopped = False
        said = {each["role"]: _text(each["content"]) for each in body["messages"]}
        self.system, self.prompt = said.get("system", ""), said.get("user", "")

    def wait(self, seconds: float) -> None:
        """Wait, and notice when the client goes away."""
        until, connection = time.monotonic() + seconds, self._handler.connection
        while True:
            if self._closing.is_set():
                raise Gone
            if select.select([connection], [], [], max(0.0, min(0.02, until - time.monotonic())))[0]:
                self._look(connection)
            if time.monotonic() >= until:
                return

    def _look(self, connection: socket.socket) -> None:
        try:
            left = not connection.recv(1, socket.MSG_PEEK)
        except OSError:
            left = True
        if left:
            raise Gone

    def say(self, piece: str) -> None:
        """Write a piece of the answer; kept until the end where the answer is not streamed."""
        self.sent += 1
        self._whole += piece
        if not self.streams:
            return
        if self.path == "/api/chat":
            line = {"model": NAME, "message": {"role": "assistant", "content": piece}, "done": False}
            self.write(json.dumps(line).encode() + b"\n")
        else:
            self.write(_event({"role": "assistant", "content": piece}, None))

    def end(self) -> None:
        """End the answer as the protocol wants it."""
        whole = {"role": "assistant", "content": self._whole}
        if self.path == "/api/chat":
            last = {"role": "assistant", "content": ""} if self.streams else whole
            self.write(json.dumps({"model": NAME, "message": last, "done": True}).encode() + b"\n")
        elif self.streams:
            self.write(_event({}, "stop") + b"data: [DONE]\n\n")
        else:
            choice = {"index": 0, "message": whole, "finish_reason": "stop"}
            self.write(json.dumps({**_HEAD, "object": "chat.completion", "choices": [choice]}).encode())
        self._handler.chunk(b"")

    def write(self, raw: bytes) -> None:
        """Write bytes as they are; a streamed answer begins with the first ones."""
        if not self._begun:
            self._begun = True
            self._handler.begin("text/event-stream" if self.streams else "application/json")
        self._handler.chunk(raw)

    def error(self, status: int, message: str, kind: str = "error") -> None:
        """Answer with an HTTP status and a message in the form of the protocol."""
        inner: Any = message
        if self.path != "/api/chat":
            inner = {"message": message, "type": kind, "code": status}
        self._handler.answer(status, {"error": inner})

    def abort(self) -> None:
        """Close the connection at once."""
        self._handler.close_connection = True
        self._handler.connection.shutdown(socket.SHUT_RDWR)


_HEAD = {"id": "x", "created": 0, "model": NAME}


def _event(delta: dict[str, str], finish: str | None) -> bytes:
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    chunk = {**_HEAD, "object": "chat.completion.chunk", "choices": [choice]}
    return b"data: " + json.dumps(chunk).encode() + b"\n\n"


def _text(content: Any) -> str:
    return content if isinstance(content, str) else "".join(part.get("text", "") for part in content)


class Scripted:
    """A running server: where it is, and what was asked of it."""

    def __init__(self, replies: Sequence[Reply], models: Sequence[str]) -> None:
        self._replies, self.models = list(replies) or [says("Yes.")], list(models)
        self._changed, self.closing = threading.Condition(), threading.Event()
        self.turns: list[Turn] = []
        self.headers: list[dict[str, str]] = []
        self.paths: list[str] = []
        self.port = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    @property
    def spec(self) -> str:
        """The setting that names this server's first model."""
        return f"openai-like/{self.models[0] if self.models else NAME}@{self.url}"

    @property
    def ollama(self) -> str:
        """The value of OLLAMA_HOST that leads here."""
        return f"127.0.0.1:{self.port}"

    @property
    def prompts(self) -> list[str]:
        return [turn.prompt for turn in self.turns]

    @property
    def systems(self) -> list[str]:
        return [turn.system for turn in self.turns]

    @property
    def bodies(self) -> list[dict[str, Any]]:
        return [turn.body for turn in self.turns]

    @property
    def sent(self) -> list[int]:
        return [turn.sent for turn in self.turns]

    @property
    def stopped(self) -> int:
        """How many answers the client left before their end."""
        return sum(turn.stopped for turn in self.turns)

    def until(self, reached: Callable[[Scripted], bool], seconds: float = 3.0) -> bool:
        """Wait until ``reached`` holds; return whether it does."""
        with self._changed:
            return self._changed.wait_for(lambda: reached(self), seconds)

    def until_stopped(self, n: int = 1, seconds: float = 3.0) -> bool:
        """Wait until the client has left ``n`` answers."""
        return self.until(lambda server: server.stopped >= n, seconds)

    def take(self, turn: Turn) -> None:
        """Answer a turn with the reply that it is the turn of."""
        with self._changed:
            self.turns.append(turn)
            reply = self._replies[min(len(self.turns), len(self._replies)) - 1]
            self._changed.notify_all()
        try:
            reply(turn)
        except (Gone, OSError):
            with self._changed:
                turn.stopped = not self.closing.is_set()
                self._changed.notify_all()
            turn._handler.close_connection = True


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def do_GET(self) -> None:
        told = self.server.told
        told.paths.append(self.path)
        if self.path == "/v1/models":
            self.answer(200, {"object": "list", "data": [{"id": name} for name in told.models]})
        elif self.path == "/api/tags":
            self.answer(200, {"models": [{"name": name} for name in told.models]})
        else:
            self.answer(404, {"error": "no such page"})

    def do_POST(self) -> None:
        told = self.server.told
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        told.paths.append(self.path)
        told.headers.append({name.lower(): value for name, value in self.headers.items()})
        if self.path in ("/v1/chat/completions", "/api/chat"):
            told.take(Turn(self, body, told.closing))
        else:
            self.answer(404, {"error": "no such page"})

    def begin(self, kind: str) -> None:
        self.send_response(200)
        self.send_header("content-type", kind)
        self.send_header("transfer-encoding", "chunked")
        self.end_headers()

    def chunk(self, raw: bytes) -> None:
        self.wfile.write(f"{len(raw):x}\r\n".encode() + raw + b"\r\n")

    def answer(self, status: int, body: dict[str, Any]) -> None:
        raw = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(raw)))
        self.end_headers()
        self.wfile.write(raw)

    def log_message(self, *_: Any) -> None:
        pass


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    told: Scripted

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that leaves is what many tests are about."""


@contextmanager
def scripted(*replies: Reply, models: Sequence[str] = (NAME,)) -> Iterator[Scripted]:
    """A server that gives these replies in turn and offers these models, while the block runs."""
    told = Scripted(replies, models)
    with _Server(("127.0.0.1", 0), _Handler) as server:
        server.told, told.port = told, server.server_address[1]
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        try:
            yield told
        finally:
            told.closing.set()
            server.shutdown()


@contextmanager
def nobody(name: str = NAME) -> Iterator[str]:
    """A setting whose port nobody listens on, nor can while the block runs."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield f"openai-like/{name}@http://127.0.0.1:{taken.getsockname()[1]}/v1"
