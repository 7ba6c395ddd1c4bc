"""What an error of a language model's library means: one line to show, one thing to do, and never a key."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

from rag.errors import ContextOverflow, LanguageModelFault

KEYS = ("OPENAI_API_KEY", "CITEWISE_LLM_KEY", "OLLAMA_API_KEY")
MESSAGE_CHARS = 200
_NAME_CHARS = 60
_KEY_LIKE = re.compile(r"\S*\*{3,}\S*|\b(?:sk|pk)-[\w*.-]+|(?i:\bbearer\s+)\S+")
# What llama.cpp, Ollama, OpenAI, vLLM, SGLang, LM Studio and Anthropic say when a prompt does not fit.
_OVERFLOW = re.compile(
    r"context_length_exceeded|exceed_context_size|maximum context length|longer than the (?:maximum )?model"
    r"|exceed\w* (?:the |its |max |maximum )*(?:available )?context|context (?:length|size|window) exceeded"
    r"|prompt .{0,40}too long|reduce the length of the|context length of only",
    re.IGNORECASE,
)
_SLOW = {"TimeoutException", "TimeoutError", "APITimeoutError"}
_BROKEN = {
    "RemoteProtocolError",
    "ReadError",
    "IncompleteRead",
    "ChunkedEncodingError",
    "ConnectionResetError",
}
_UNREACHABLE = {"ConnectError", "ConnectionError", "APIConnectionError", "gaierror"}


def called(llm: Any) -> str:
    """The model's name and, where it has one, its address, to speak of it in a message."""
    name = getattr(llm, "model", None) or getattr(llm, "model_name", None) or type(llm).__name__
    address = getattr(llm, "api_base", None) or getattr(llm, "base_url", None)
    return clipped(str(name), _NAME_CHARS) + (f" at {host(str(address))}" if address else "")


def host(address: str) -> str:
    """The scheme, host and port of an address, without what may hold a secret."""
    parts = urlsplit(address)
    return clipped(f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}", _NAME_CHARS)


def clipped(text: str, chars: int) -> str:
    """The text on one line of printable characters, at most ``chars`` long, keys taken out."""
    line = " ".join("".join(c if c.isprintable() else " " for c in _without_keys(text)).split())
    return line if len(line) <= chars else line[: chars - 1] + "…"


def _without_keys(text: str) -> str:
    for name in KEYS:
        if key := os.environ.get(name, "").strip():
            text = text.replace(key, "…")
    return _KEY_LIKE.sub("…", text)


def made(message: str, hint: str, kind: type[LanguageModelFault] = LanguageModelFault) -> LanguageModelFault:
    """A fault whose message is one line of at most ``MESSAGE_CHARS``."""
    return kind(clipped(message, MESSAGE_CHARS), clipped(hint, MESSAGE_CHARS))


def fault(error: BaseException, llm: Any) -> LanguageModelFault:
    """What ``error``, raised by ``llm``, comes to; it does not refer to ``error``, which may hold a key."""
    who, chain = called(llm), list(_chain(error))
    status = next((code for each in chain if (code := _status(each))), None)
    said = _said(error)
    if status not in (401, 403, 404, 429) and any(_OVERFLOW.search(_whole(each)) for each in chain):
        return made(f"{who}: the prompt is too long: {said}", "Give it fewer passages.", ContextOverflow)
    if status:
        return made(*_refused(who, status, said, llm))
    return made(*_failed(who, {kind.__name__ for each in chain for kind in type(each).__mro__}, chain, llm))


def _refused(who: str, status: int, said: str, llm: Any) -> tuple[str, str]:
    """Message and hint of an HTTP status; what is said of a key is left out, since it may repeat a part of it."""
    if status in (401, 403):
        return (
            f"{who} does not take the key (HTTP {status})",
            f"Set {' or '.join(KEYS[:2])} to one that it takes.",
        )
    if status == 404:
        return f"{who}: no such model or address (HTTP 404): {said}", _unknown(llm)
    if status == 429:
        return (
            f"{who} takes no more requests for now (HTTP 429): {said}",
            "Wait, or look at the account's limits.",
        )
    if status < 400:
        return f"{who} sends the request to another address (HTTP {status})", "Name that address in --llm."
    if status < 500:
        return f"{who} refuses the request (HTTP {status}): {said}", "Run: citewise doctor"
    return f"{who} failed (HTTP {status}): {said}", "Look at the log of its server."


def _failed(who: str, names: set[str], chain: list[BaseException], llm: Any) -> tuple[str, str]:
    log = "Look at the log of its server."
    if "UnicodeError" in names:
        return f"{who} wrote bytes that are not UTF-8", log
    if "JSONDecodeError" in names:
        return (
            f"{who} sent what is not JSON",
            "Check that the address speaks the OpenAI protocol, or Ollama's.",
        )
    if names & _SLOW:
        return f"{who} did not answer in time", log
    if names & _BROKEN:
        return f"{who} broke off in the middle", log
    if names & _UNREACHABLE:
        start = "Start it: ollama serve" if is_ollama(llm) else "Start its server, or correct its address."
        return f"{who} cannot be reached: {_reason(chain)}", start
    return f"{who}: {type(chain[0]).__name__}: {_said(chain[0])}", "Run: citewise doctor"


def is_ollama(llm: Any) -> bool:
    """Whether ``llm`` is llama-index's Ollama."""
    return bool(type(llm).__name__ == "Ollama")


def _unknown(llm: Any) -> str:
    if is_ollama(llm):
        return f"Pull it: ollama pull {llm.model}"
    return "Run citewise doctor: it lists what the server offers."


def _reason(chain: list[BaseException]) -> str:
    """The innermost error that has words, which names the cause ("Connection refused") and not the wrapper."""
    return next((str(error) for error in reversed(chain) if str(error)), type(chain[0]).__name__)


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    """``error`` and what it was raised from, outermost first; what was hidden by ``from None`` too."""
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        yield error
        seen.add(id(error))
        error = error.__cause__ or error.__context__


def _status(error: BaseException) -> int | None:
    response = getattr(error, "response", None)
    code = getattr(error, "status_code", None) or getattr(response, "status_code", None)
    return code if isinstance(code, int) and code >= 300 else None


def _whole(error: BaseException) -> str:
    return f"{error} {getattr(error, 'body', '')}"


def _said(error: BaseException) -> str:
    """What the server said, out of the JSON that it may be wrapped in."""
    body = getattr(error, "body", None)
    if isinstance(body, dict) and isinstance(body.get("message"), str):
        return str(body["message"])
    text = str(getattr(error, "error", "") or error)
    try:
        inner = json.loads(text)
    except ValueError:
        return text
    inner = inner.get("error", inner) if isinstance(inner, dict) else inner
    return str(inner.get("message", inner) if isinstance(inner, dict) else inner)
