"""Language models by name: a setting in, a llama-index LLM out, and what to do where it does not answer."""

from __future__ import annotations

import atexit
import importlib
import ipaddress
import os
import secrets
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlsplit

from rag.errors import CitewiseError, LanguageModelFault, ModelMissing, SettingsError
from rag.llm_calls import wired, written
from rag.llm_faults import clipped
from rag.llm_specs import Spec, parsed

if TYPE_CHECKING:
    from llama_index.core.llms import LLM

__all__ = ["Spec", "load", "parsed", "tried", "written"]

OPENAI = "https://api.openai.com/v1"
OLLAMA = "http://127.0.0.1:11434"  # where `ollama serve` listens, unless OLLAMA_HOST says otherwise
CONTEXT_TOKENS = 8192  # asked of Ollama and llama.cpp, whose own defaults cut prompts or fill the memory
LIKE_CONTEXT_TOKENS = 4096  # of a server that does not say; one that has less says so when it is asked
OPENAI_CONTEXT_TOKENS = 128_000  # of a model newer than the list in llama-index
BATCH_TOKENS = (
    256  # llama.cpp sees between two batches of a prompt that it was stopped; its own 2048 take 20 s
)
TRY_S = 60.0  # a model may have to be read from the disk first
TRY_TOKENS = 256  # some models think before their first word
LIST_S = 5.0
LISTED = 10  # names


def load(spec: str) -> LLM:
    """Return the language model that ``spec`` names, at temperature 0; nothing is asked of a server yet.

    Raises:
        SettingsError: ``spec`` has none of the four forms, or its key is missing.
        ModelMissing: a package or a file that it needs is not there.
    """
    found = parsed(spec)
    return _LOADERS[found.kind](found)


def _ollama(spec: Spec) -> LLM:
    ollama = _package("ollama", spec, "llm")
    base = _package("llama_index.llms.ollama", spec, "llm")
    address = _ollama_address()
    client = ollama.Client(address, trust_env=not _is_here(address), **wired(_whole_prompt))
    return base.Ollama(
        spec.name, base_url=address, temperature=0.0, context_window=CONTEXT_TOKENS, client=client
    )


def _ollama_address() -> str:
    """``OLLAMA_HOST`` as Ollama itself reads it, which may lack the scheme, the host or the port."""
    given = os.environ.get("OLLAMA_HOST", "").strip().rstrip("/")
    if not given or "://" in given:
        return given or OLLAMA
    name, _, port = given.rpartition(":") if given[-1] != "]" and ":" in given else (given, "", "")
    return f"http://{name or '127.0.0.1'}:{port or urlsplit(OLLAMA).port}"


def _openai_like(spec: Spec) -> LLM:
    return _speaking(spec, spec.where, _key("CITEWISE_LLM_KEY"), LIKE_CONTEXT_TOKENS)


def _openai(spec: Spec) -> LLM:
    key = _key("OPENAI_API_KEY")
    if not key:
        raise SettingsError(
            f"openai/{spec.name} needs a key, and OPENAI_API_KEY is not set",
            "Set OPENAI_API_KEY in the environment.",
        )
    utils = _package("llama_index.llms.openai.utils", spec, "llm")
    return _speaking(spec, OPENAI, key, utils.ALL_AVAILABLE_MODELS.get(spec.name, OPENAI_CONTEXT_TOKENS))


def _llama_cpp(spec: Spec) -> LLM:
    path = Path(spec.name).expanduser()
    if not path.is_file():
        raise ModelMissing(f"llama-cpp: there is no file {path}", "Give the path of a .gguf file.")
    with path.open("rb") as file:
        if file.read(4) != b"GGUF":
            raise ModelMissing(f"llama-cpp: {path} is not a GGUF file", "Give the path of a .gguf file.")
    _package("xllamacpp", spec, "llama-cpp")
    served = _served(path.resolve())
    return _speaking(Spec(spec.kind, path.stem), f"{served.address}/v1", served.key, CONTEXT_TOKENS)


class _Served(NamedTuple):
    """A llama.cpp server inside this process; it stops when the last reference to ``server`` goes."""

    server: Any
    address: str
    key: str


@cache
def _served(path: Path) -> _Served:
    """Start llama.cpp on a port of the system's choosing; the key keeps other users and web pages out."""
    xllamacpp = importlib.import_module("xllamacpp")
    params, key = xllamacpp.CommonParams(), secrets.token_urlsafe()
    params.model.path = str(path)
    params.hostnames, params.port, params.api_keys = ["127.0.0.1"], 0, [key]
    params.n_ctx, params.n_parallel, params.n_batch = CONTEXT_TOKENS, 1, BATCH_TOKENS
    params.offline, params.ui, params.endpoint_slots = True, False, False
    params.verbosity = -1
    try:
        server = xllamacpp.Server(params)
    except Exception as error:
        raise ModelMissing(
            f"llama-cpp: {path} cannot be loaded: {clipped(str(error), 100)}", "Try another file."
        ) from None
    atexit.register(_served.cache_clear)
    return _Served(server, server.listening_address, key)


def _speaking(spec: Spec, address: str, key: str, context_tokens: int) -> LLM:
    """A model behind the OpenAI protocol. The key is put into the requests alone, so that no repr can show it."""
    import httpx

    like = _package("llama_index.llms.openai_like", spec, "llm")
    client = httpx.Client(trust_env=not _is_here(address), **wired(_keyed(key, address)))
    try:
        return like.OpenAILike(
            spec.name,
            api_base=address,
            api_key="none",  # given, or the library would send OPENAI_API_KEY to any address
            is_chat_model=True,
            context_window=context_tokens,
            temperature=0.0,
            max_retries=0,
            http_client=client,
        )
    except ValueError:
        raise SettingsError(
            f"{spec.name} is not served as a chat model", "Name one that answers chat completions."
        ) from None


_LOADERS: dict[str, Callable[[Spec], Any]] = {
    "ollama": _ollama,
    "openai-like": _openai_like,
    "openai": _openai,
    "llama-cpp": _llama_cpp,
}


def _package(module: str, spec: Spec, extra: str) -> Any:
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise ModelMissing(
            f"{spec.kind}/{spec.name} needs a package that is not installed: {error.name}",
            f'pip install "citewise[{extra}]"',
        ) from error


def _key(name: str) -> str:
    """The key in the environment; one that no request can carry would be shown by the error about it."""
    key = os.environ.get(name, "").strip()
    if not all("!" <= c <= "~" for c in key):
        raise SettingsError(f"{name} has characters that no key has", f"Set {name} to the key alone.")
    return key


def _keyed(key: str, address: str) -> Callable[[Any], None]:
    """Put the key into a request; take out what the library tells of this machine, and of the account elsewhere."""
    kept = {"host", "accept", "accept-encoding", "content-type", "content-length", "user-agent"}
    if address == OPENAI:
        kept |= {"openai-organization", "openai-project"}

    def prepare(request: Any) -> None:
        for name in set(request.headers) - kept:
            del request.headers[name]
        request.headers["user-agent"] = "citewise"
        if key:
            request.headers["authorization"] = f"Bearer {key}"

    return prepare


def _whole_prompt(request: Any) -> None:
    """Ask Ollama to refuse a prompt that is too long, which it otherwise cuts without a word."""
    import json

    import httpx

    if request.method == "POST":
        body = json.dumps({**json.loads(request.content), "truncate": False, "shift": False}).encode()
        request.stream = httpx.ByteStream(body)
        request.headers["content-length"] = str(len(body))


def _is_here(address: str) -> bool:
    """Whether the address is on this machine, where no proxy of the environment should come between."""
    name = urlsplit(address).hostname or ""
    try:
        return name == "localhost" or ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


def tried(spec: str) -> list[str]:
    """Ask the model for a word; return nothing where it answers, and otherwise what is wrong and what to do."""
    try:
        llm = load(spec)
        try:
            if any(piece.strip() for piece in written(llm, "", "Say yes.", TRY_S, TRY_TOKENS)):
                return []
        except LanguageModelFault as fault:
            return [fault.message, *_offer(parsed(spec)), fault.hint]
    except CitewiseError as error:
        return [error.message, error.hint]
    return []


def _offer(spec: Spec) -> list[str]:
    """What the server offers, in a line, where it says so and the model is not among it."""
    names = _offered(spec)
    if names is None or {spec.name, f"{spec.name}:latest"} & set(names):
        return []
    more = f" and {len(names) - LISTED} more" if len(names) > LISTED else ""
    return [f"It offers {', '.join(names[:LISTED]) or 'no model'}{more}."]


def _offered(spec: Spec) -> list[str] | None:
    """The names of the models on the server; None where it does not tell."""
    import httpx

    address, path, prepare = _listing(spec)
    arguments = {**wired(prepare, LIST_S), "trust_env": not _is_here(address)}
    try:
        with httpx.Client(**arguments) as client:
            found = client.get(address + path).raise_for_status().json()
        return [
            clipped(str(each.get("id") or each["name"]), 60) for each in found.get("data") or found["models"]
        ]
    except (httpx.HTTPError, ValueError, KeyError, TypeError, AttributeError):
        return None


def _listing(spec: Spec) -> tuple[str, str, Callable[[Any], None]]:
    if spec.kind == "ollama":
        return _ollama_address(), "/api/tags", lambda _: None
    address, name = (OPENAI, "OPENAI_API_KEY") if spec.kind == "openai" else (spec.where, "CITEWISE_LLM_KEY")
    return address, "/models", _keyed(_key(name), address)
