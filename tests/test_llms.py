"""Language models: the setting, the words as they come, every way to fail, and the key that nobody sees."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from benchmarks import smollm as real
from rag import llm_calls, llms
from rag.errors import ContextOverflow, LanguageModelFault, ModelMissing, SettingsError
from rag.llm_faults import KEYS, MESSAGE_CHARS, fault
from rag.llms import load, parsed, tried, written
from tests.scripted import (
    REFUSAL,
    Reply,
    Scripted,
    broken_json,
    cuts,
    drips,
    empty,
    fails,
    hangs,
    loops,
    nobody,
    not_utf8,
    overflows,
    refuses,
    says,
    scripted,
)

HOME = Path(__file__).parent.parent
KEY = "sk-proj-Zq81aTTu3vYkXw7R"
LIMIT_S = 60.0  # of calls that must not reach it


@pytest.fixture(autouse=True)
def no_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (*KEYS, "OLLAMA_HOST", "OPENAI_ORG_ID", "HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(params=["openai-like", "ollama"])
def kind(request: pytest.FixtureRequest) -> str:
    """Both protocols: what a user sees must not depend on the one that a server speaks."""
    return str(request.param)


def model(server: Scripted, kind: str, monkeypatch: pytest.MonkeyPatch) -> Any:
    if kind == "ollama":
        monkeypatch.setenv("OLLAMA_HOST", server.ollama)
    return load(server.spec if kind == "openai-like" else f"ollama/{server.models[0]}")


def ask(llm: Any, limit_s: float = LIMIT_S, max_tokens: int = 200) -> str:
    return "".join(written(llm, "Be short.", "Where is Paris?", limit_s, max_tokens))


def failure(llm: Any, limit_s: float = LIMIT_S) -> LanguageModelFault:
    with pytest.raises(LanguageModelFault) as caught:
        ask(llm, limit_s)
    return caught.value


# The setting


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ("ollama/llama3.2", ("ollama", "llama3.2", "")),
        ("ollama/hf.co/some/model:Q4_K_M", ("ollama", "hf.co/some/model:Q4_K_M", "")),
        ("openai/gpt-4o-mini", ("openai", "gpt-4o-mini", "")),
        ("openai-like/m@http://h:8080/v1/", ("openai-like", "m", "http://h:8080/v1")),
        ("openai-like/a/b:c@d@https://h/v1", ("openai-like", "a/b:c@d", "https://h/v1")),
        ("openai-like/@cf/meta/x@http://[::1]:1/v1", ("openai-like", "@cf/meta/x", "http://[::1]:1/v1")),
        ("openai-like/a@http://b@http://c/v1", ("openai-like", "a@http://b", "http://c/v1")),
        ("llama-cpp//models/a.gguf", ("llama-cpp", "/models/a.gguf", "")),
    ],
)
def test_a_setting_is_taken_apart(spec: str, expected: tuple[str, str, str]) -> None:
    assert parsed(spec) == expected


@pytest.mark.parametrize(
    "spec",
    [
        "", "ollama", "ollama/", "ollama/ ", "ollama/a\nb", "gpt-4o", "anthropic/claude", "openai-like/m",
        "openai-like/m@h:8080", "openai-like/@http://h/v1", "openai-like/m@http://", "openai-like/m@http://h:x/v1",
        "openai-like/m@http://h/v1?key=hush", "llama-cpp/model.bin", "openai-like/m@http://me:hush@h/v1",
    ],
)  # fmt: skip
def test_a_setting_of_no_form_lists_the_four(spec: str) -> None:
    with pytest.raises(SettingsError) as caught:
        load(spec)
    for form in (
        "ollama/llama3.2",
        "openai-like/NAME@http://HOST:PORT/v1",
        "openai/NAME",
        "llama-cpp/PATH.gguf",
    ):
        assert form in caught.value.hint
    assert "hush" not in str(caught.value)


@pytest.mark.parametrize(
    ("package", "spec", "extra"),
    [
        ("llama_index.llms.ollama", "ollama/a", "llm"),
        ("llama_index.llms.openai_like", "openai-like/a@http://h/v1", "llm"),
        ("llama_index.llms.openai.utils", "openai/a", "llm"),
        ("xllamacpp", "llama-cpp/{}", "llama-cpp"),
    ],
)
def test_a_missing_package_names_the_command(
    package: str, spec: str, extra: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    weights = tmp_path / "a.gguf"
    weights.write_bytes(b"GGUF")
    monkeypatch.setitem(sys.modules, package, None)
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    with pytest.raises(ModelMissing) as caught:
        load(spec.format(weights))
    assert caught.value.hint == f'pip install "citewise[{extra}]"'


def test_a_gguf_file_must_be_there_and_be_one(tmp_path: Path) -> None:
    with pytest.raises(ModelMissing, match="no file"):
        load(f"llama-cpp/{tmp_path}/a.gguf")
    (tmp_path / "a.gguf").write_text("hello")
    with pytest.raises(ModelMissing, match="not a GGUF file"):
        load(f"llama-cpp/{tmp_path}/a.gguf")


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("", "http://127.0.0.1:11434"),
        ("box", "http://box:11434"),
        ("box:1", "http://box:1"),
        (":1", "http://127.0.0.1:1"),
        ("[::1]", "http://[::1]:11434"),
        ("https://box/", "https://box"),
    ],
)
def test_ollama_is_where_ollama_host_says(given: str, expected: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OLLAMA_HOST", given)
    assert load("ollama/a").base_url == expected


@pytest.mark.parametrize(
    ("name", "tokens"), [("gpt-4", 8192), ("gpt-4o", 128_000), ("not-in-any-list", 128_000)]
)
def test_the_context_of_a_model_needs_no_lookup(
    name: str, tokens: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    assert load(f"openai/{name}").metadata.context_window == tokens


def test_a_model_without_chat_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    with pytest.raises(SettingsError, match="not served as a chat model"):
        load("openai/gpt-5.4-pro")


# The words


def test_words_come_as_they_are_written(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with scripted(says("Paris is in France.")) as server:
        llm = model(server, kind, monkeypatch)
        pieces = list(written(llm, "Be short.", "Where is Paris?", LIMIT_S, 77))
    assert pieces == ["Paris ", "is ", "in ", "France."]
    assert (server.systems, server.prompts) == (["Be short."], ["Where is Paris?"])
    options = server.bodies[0].get("options", server.bodies[0])
    assert options["temperature"] == 0
    assert (options.get("num_predict") or options["max_tokens"]) == 77


def test_ollama_may_not_cut_the_prompt(monkeypatch: pytest.MonkeyPatch) -> None:
    with scripted(says("Yes.")) as server:
        llm = model(server, "ollama", monkeypatch)
        ask(llm)
    body = server.bodies[0]
    assert (body["truncate"], body["shift"], body["options"]["num_ctx"]) == (False, False, 8192)
    assert llm.additional_kwargs == {}  # the model that was passed is as it was


def test_no_system_message_is_sent_for_an_empty_one() -> None:
    with scripted(says("Yes.")) as server:
        list(written(load(server.spec), "", "Hi", LIMIT_S, 9))
    assert [message["role"] for message in server.bodies[0]["messages"]] == ["user"]


def test_a_refusal_is_text_like_any_other(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with scripted(refuses()) as server:
        assert ask(model(server, kind, monkeypatch)) == REFUSAL


def test_one_model_answers_several_at_once() -> None:
    with scripted(says("one two three", delay_s=0.02)) as server:
        llm = load(server.spec)
        first, second = (written(llm, "", "Hi", LIMIT_S, 9) for _ in range(2))
        assert next(first) == next(second) == "one "
        first.close()  # which leaves the other alone
        assert "".join(second) == "two three"


def test_any_llama_index_model_will_do() -> None:
    from llama_index.core.llms import MockLLM

    assert ask(MockLLM(max_tokens=3)) == "text text text"
    assert "Where is Paris?" in ask(MockLLM())


def custom(reply: Any) -> Any:
    """A user's own model: ``reply`` is what its ``stream_complete`` does."""
    from llama_index.core.llms import CompletionResponse, CustomLLM, LLMMetadata

    class Own(CustomLLM):
        @property
        def metadata(self) -> LLMMetadata:
            return LLMMetadata()

        def complete(self, prompt: str, formatted: bool = False, **kwargs: Any) -> CompletionResponse:
            return CompletionResponse(text="Whole.")

        def stream_complete(self, prompt: str, formatted: bool = False) -> Any:
            return reply()

    return Own()


def test_a_model_of_ones_own_may_tell_deltas_or_all_so_far_or_not_stream() -> None:
    from llama_index.core.llms import CompletionResponse

    def deltas() -> Iterator[CompletionResponse]:
        yield from (CompletionResponse(text=text, delta=delta) for text, delta in [("a", "a"), ("a b", " b")])

    def so_far() -> Iterator[CompletionResponse]:
        yield from (CompletionResponse(text=text) for text in ["a", "a b"])

    def none() -> Iterator[CompletionResponse]:
        raise NotImplementedError

    assert [ask(custom(reply)) for reply in (deltas, so_far, none)] == ["a b", "a b", "Whole."]


def test_what_a_model_of_ones_own_raises_is_one_line() -> None:
    def fails() -> None:
        raise RuntimeError(f"bad\nthing \x1b[31m with Bearer {KEY} " + "x" * 500)

    found = failure(custom(fails))
    assert found.message.startswith("Own: RuntimeError: bad thing")
    check_line(found)


# The failures


def check_line(found: LanguageModelFault) -> None:
    """What every failure keeps: one short printable line, a hint, no key, and no way back to the library's error."""
    assert found.message.isprintable()
    assert len(found.message) <= MESSAGE_CHARS
    assert found.hint
    assert "Traceback" not in found.message
    assert KEY not in str(found)
    assert found.__cause__ is found.__context__ is None


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        (
            fails(401, f"Incorrect API key provided: {KEY[:8]}***{KEY[-4:]}"),
            "does not take the key (HTTP 401)",
        ),
        (fails(403, "no"), "does not take the key (HTTP 403)"),
        (fails(404, "model 'x' not found"), "no such model or address (HTTP 404): model 'x' not found"),
        (fails(429, "slow\ndown"), "takes no more requests for now (HTTP 429): slow down"),
        (fails(400, "bad shape"), "refuses the request (HTTP 400): bad shape"),
        (fails(500, f"boom {KEY} " * 90), "failed (HTTP 500): boom … boom"),
        (fails(307, ""), "sends the request to another address (HTTP 307)"),
        (empty(), "answered without a word"),
        (empty(" \n "), "answered without a word"),
        (broken_json("Paris "), "sent what is not JSON"),
        (not_utf8("Paris "), "not UTF-8"),
        (says("half a \ud83d character"), "not UTF-8"),
        (cuts(), "broke off in the middle"),
        (cuts("Paris "), "broke off in the middle"),
    ],
)
def test_every_failure_is_one_line(
    reply: Reply, expected: str, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CITEWISE_LLM_KEY", KEY)
    with scripted(reply) as server:
        found = failure(model(server, kind, monkeypatch))
        assert len(server.turns) == 1, "a failed request is not repeated"
    assert expected in found.message
    assert "scripted at http://127.0.0.1:" in found.message
    assert KEY[-4:] not in str(found)
    check_line(found)


def test_the_words_before_a_failure_are_not_lost(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with scripted(cuts("Paris ")) as server:
        words = written(model(server, kind, monkeypatch), "", "Hi", LIMIT_S, 9)
        assert next(words) == "Paris "
        with pytest.raises(LanguageModelFault, match="broke off"):
            next(words)


def test_a_server_that_is_not_there(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with nobody() as spec:
        monkeypatch.setenv("OLLAMA_HOST", spec.split("://")[1].removesuffix("/v1"))
        found = failure(load(spec if kind == "openai-like" else "ollama/scripted"))
    assert "cannot be reached: " in found.message
    assert "refused" in found.message
    assert "ollama serve" in found.hint or kind != "ollama"
    check_line(found)


def test_a_name_that_no_server_has(monkeypatch: pytest.MonkeyPatch) -> None:
    import socket

    def unknown(*_: Any, **__: Any) -> None:
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    found = failure(load("openai-like/m@http://no-such-host.invalid/v1"))
    assert found.message == (
        "m at http://no-such-host.invalid cannot be reached: [Errno -2] Name or service not known"
    )


OVERFLOWS = [
    "request (9 tokens) exceeds the available context size (4096 tokens), try increasing it",
    "the request exceeds the available context size. try increasing the context size or enable context shift",
    "the input length exceeds the context length",
    "prompt too long; exceeded max context length by 9 tokens",
    "This model's maximum context length is 8192 tokens. However, your messages resulted in 9000 tokens.",
    "Your input exceeds the context window of this model. Please adjust your input and try again.",
    "The decoder prompt (length 9) is longer than the maximum model length of 4. Make sure it is shorter.",
    "The prompt (total length 25938) is too long to fit into the model (context length 4096).",
    "The input (85050 tokens) is longer than the model's context length (32768 tokens).",
    "the model is loaded with context length of only 4096 tokens, which is not enough.",
    "prompt is too long: 215000 tokens > 200000 maximum",
]


@pytest.mark.parametrize("message", OVERFLOWS)
def test_a_prompt_that_is_too_long_is_told_apart(message: str) -> None:
    class Refused(Exception):
        status_code = 400

    found = fault(Refused(message), object())
    assert isinstance(found, ContextOverflow)
    assert not isinstance(fault(Refused("unknown field: context"), object()), ContextOverflow)


@pytest.mark.parametrize("message", [OVERFLOWS[0], OVERFLOWS[2]])
def test_a_shorter_prompt_then_fits(message: str, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with scripted(overflows(100, "Fits.", message.replace("9", "{n}"))) as server:
        llm = model(server, kind, monkeypatch)
        with pytest.raises(ContextOverflow):
            list(written(llm, "s", "p" * 200, LIMIT_S, 9))
        assert list(written(llm, "s", "p", LIMIT_S, 9)) == ["Fits."]


# The limit, and the end at any moment


@pytest.mark.parametrize("reply", [hangs(), hangs("Paris "), drips()])
def test_a_slow_model_is_given_up(reply: Reply, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with scripted(says("Warm."), reply) as server:
        llm = model(server, kind, monkeypatch)
        ask(llm)
        start = time.monotonic()
        found = failure(llm, 0.4)
        assert 0.4 <= time.monotonic() - start < 1.5
        assert "was not done within 0.4 s" in found.message
        check_line(found)
        assert server.until_stopped()


def test_a_loop_ends_at_the_limit_of_tokens(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with scripted(loops()) as server:
        text = ask(model(server, kind, monkeypatch), max_tokens=30)
        assert server.until_stopped()
    assert text == ("The sky is blue [1]. " * 100)[: 30 * llm_calls.TOKEN_CHARS]


@pytest.mark.parametrize("reply", [drips(), hangs("Paris ")])
def test_closing_stops_the_model(reply: Reply, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with scripted(reply) as server:
        words = written(model(server, kind, monkeypatch), "", "Hi", LIMIT_S, 99)
        next(words)
        words.close()
        assert server.until_stopped(seconds=1)
        sent = server.sent[0]
        time.sleep(0.15)
        assert server.sent[0] == sent
        assert workers_end()


def test_closing_stops_a_model_that_has_not_begun(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with scripted(hangs()) as server:
        words = written(model(server, kind, monkeypatch), "", "Hi", LIMIT_S, 99, beat_s=0.05)
        while not server.turns:
            assert next(words) == ""
        assert server.stopped == 0
        words.close()
        assert server.until_stopped(seconds=1)
        assert workers_end()


def test_a_beat_ends_with_the_limit() -> None:
    with scripted(hangs()) as server, pytest.raises(LanguageModelFault, match=r"0\.3 s"):
        for piece in written(load(server.spec), "", "Hi", 0.3, 99, beat_s=0.1):
            assert piece == ""


def test_a_stop_during_the_connection_cuts_it_at_once() -> None:
    import socket

    call = llm_calls.Call(9)
    near, far = socket.socketpair()
    with near, far:
        call.stop()
        with pytest.raises(llm_calls._Stopped):
            call.connected(near)
        assert far.recv(1) == b""


def test_nothing_starts_before_the_first_word_is_asked_for() -> None:
    with scripted() as server:
        words = written(load(server.spec), "", "Hi", 0.01, 9)
        time.sleep(0.05)
        words.close()
        assert server.paths == []


def test_a_model_of_ones_own_stops_at_its_next_word() -> None:
    from llama_index.core.llms import CompletionResponse

    ended = threading.Event()

    def endless() -> Iterator[CompletionResponse]:
        try:
            while True:
                time.sleep(0.01)
                yield CompletionResponse(text="", delta="a")
        finally:
            ended.set()

    words = written(custom(endless), "", "Hi", LIMIT_S, 999)
    next(words)
    words.close()
    assert ended.wait(2)


AT_THE_END = """
import atexit, sys, threading
atexit.register(lambda: print(*(thread.name for thread in threading.enumerate())))  # the last of all
from rag.llms import load, written
words = written(load(sys.argv[1]), "", "Hi", 60, 999)
next(words)
"""


@pytest.mark.parametrize("last", ["", "words.close()"], ids=["open", "closed"])
@pytest.mark.parametrize("reply", [hangs("one "), drips(every_s=0)], ids=["silent", "talking"])
def test_no_call_outlives_the_process(reply: Reply, last: str, kind: str) -> None:
    """Python would take its thread down in the middle of compiled code, and the process would abort."""
    with scripted(reply) as server:
        spec = server.spec if kind == "openai-like" else f"ollama/{server.models[0]}"
        command = [sys.executable, "-c", AT_THE_END + last, spec]
        environ = {**os.environ, "OLLAMA_HOST": server.ollama}
        done = subprocess.run(command, cwd=HOME, env=environ, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout, done.stderr) == (0, "MainThread\n", "")


def test_a_call_that_is_over_is_forgotten(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with scripted(says("one two")) as server:
        assert ask(model(server, kind, monkeypatch)) == "one two"
    assert workers_end()
    assert not llm_calls._RUNNING


def workers_end(seconds: float = 2.0) -> bool:
    """Whether no thread of a call is left."""
    until = time.monotonic() + seconds
    while any(thread.name == "language model" for thread in threading.enumerate()):
        if time.monotonic() > until:
            return False
        time.sleep(0.01)
    return True


# The key, and the network


def test_the_key_goes_to_the_server_and_nowhere_else(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    with scripted(says("Yes."), fails(401, f"Incorrect API key provided: {KEY}")) as server:
        monkeypatch.setattr(llms, "OPENAI", server.url)
        llm = load("openai/gpt-4o")
        ask(llm)
        found = failure(llm)
    assert [headers["authorization"] for headers in server.headers] == [f"Bearer {KEY}"] * 2
    shown = [
        repr(llm),
        str(llm),
        llm.to_json(),
        str(llm.to_payload()),
        str(found),
        caplog.text,
        *capfd.readouterr(),
    ]
    assert not [text for text in shown if KEY[:12] in text]


def test_the_key_of_openai_stays_at_openai(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    monkeypatch.setenv("OPENAI_ORG_ID", "org-1")
    with scripted(says("Yes.")) as server:
        ask(load(server.spec))
        monkeypatch.setenv("CITEWISE_LLM_KEY", "mine")
        ask(load(server.spec))
    assert [headers.get("authorization") for headers in server.headers] == [None, "Bearer mine"]
    told = {"host", "accept", "accept-encoding", "content-type", "content-length", "user-agent"}
    assert set(server.headers[0]) <= told  # no word of this machine or of an account


@pytest.mark.parametrize("key", ["", " "])
def test_a_missing_key_is_said(key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", key)
    with pytest.raises(SettingsError, match="OPENAI_API_KEY is not set"):
        load("openai/gpt-4o")


def test_a_key_that_no_request_can_carry_is_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", f"{KEY}\n{KEY}")
    with pytest.raises(SettingsError) as caught:
        load("openai/gpt-4o")
    assert KEY not in str(caught.value)


WATCH = """
import sys
seen = set()
def watch(event, args):
    if event == "socket.connect":
        seen.add(args[1])
    elif event in ("socket.getaddrinfo", "socket.gethostbyname"):
        seen.add((args[0], args[1] if len(args) > 1 else None))
sys.addaudithook(watch)
from rag.llms import load, tried, written
for spec in sys.argv[1:]:
    assert tried(spec) == [], tried(spec)
    llm = load(spec)
    assert "".join(written(llm, "s", "p " * 9000, 60, 9)) == "Yes."
    llm.metadata
print(*sorted(map(str, seen)))
"""


def test_only_the_given_address_is_touched() -> None:
    with scripted(says("Yes.")) as server:
        environ = {**os.environ, "OLLAMA_HOST": server.ollama, "HTTP_PROXY": "http://127.0.0.1:9"}
        command = [sys.executable, "-c", WATCH, server.spec, "ollama/scripted"]
        done = subprocess.run(command, cwd=HOME, env=environ, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert str(server.port) in done.stdout
    assert done.stdout.replace(f"('127.0.0.1', {server.port})", "").strip() == ""


def test_importing_the_seam_brings_no_library() -> None:
    code = "import rag.llms, sys; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], cwd=HOME, capture_output=True, text=True, check=True)
    assert not {"llama_index", "openai", "ollama", "httpx", "xllamacpp"} & set(done.stdout.split())


# citewise doctor


def test_a_model_that_answers_needs_no_word(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with scripted(says("Yes, of course.", delay_s=0.01), models=["llama3.2:latest"]) as server:
        monkeypatch.setenv("OLLAMA_HOST", server.ollama)
        assert tried(server.spec if kind == "openai-like" else "ollama/llama3.2") == []


def test_a_model_that_is_not_there_is_named_beside_those_that_are(
    kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with scripted(fails(404, "model not found"), models=["a", "b:latest"]) as server:
        monkeypatch.setenv("OLLAMA_HOST", server.ollama)
        spec = f"openai-like/c@{server.url}" if kind == "openai-like" else "ollama/c"
        message, offer, hint = tried(spec)
    assert "no such model" in message
    assert offer == "It offers a, b:latest."
    assert hint == "Pull it: ollama pull c" or kind != "ollama"


def test_a_long_offer_is_cut_and_an_offered_model_is_not_listed() -> None:
    with scripted(fails(500), models=[f"m{n}" for n in range(13)]) as server:
        assert len(tried(server.spec)) == 2
        assert tried(f"openai-like/c@{server.url}")[1].endswith("m8, m9 and 3 more.")


def test_a_server_without_a_list_offers_nothing() -> None:
    with scripted(fails(404)) as server:
        message, hint = tried(server.spec.replace("/v1", "/v2"))
    assert "no such" in message
    assert hint


def test_what_keeps_a_model_from_being_tried(tmp_path: Path) -> None:
    with nobody() as spec:
        assert "cannot be reached" in tried(spec)[0]
    assert tried("openai/gpt-4o")[1] == "Set OPENAI_API_KEY in the environment."
    assert "no file" in tried(f"llama-cpp/{tmp_path}/a.gguf")[0]
    assert "names no language model" in tried("gpt-4o")[0]


# A real model


@pytest.mark.llm
def test_a_real_model_writes_in_pieces(smollm: str) -> None:
    question = "What is the capital of France? Answer with one sentence."
    pieces = list(written(load(smollm), "You answer questions.", question, 120, 30))
    assert 1 < len(pieces) <= 30
    assert "Paris" in "".join(pieces)
    assert tried(smollm) == []


@pytest.mark.llm
def test_a_real_model_says_when_its_context_is_full(smollm: str) -> None:
    with pytest.raises(ContextOverflow, match="4096 tokens"):
        list(written(load(smollm), "", "word " * 9000, 120, 30))


@pytest.mark.llm
@pytest.mark.parametrize("prompt", ["Tell a very long story.", "word " * 3500], ids=["writing", "reading"])
def test_a_real_model_that_is_stopped_becomes_idle(smollm: str, prompt: str) -> None:
    words = written(load(smollm), "", prompt, 300, 2000, beat_s=0.05)
    while not is_busy(smollm):
        next(words)
    words.close()
    until = time.monotonic() + 30  # in which it could not have read the whole prompt, nor written the story
    while still := is_busy(smollm):
        if time.monotonic() > until:
            break
        time.sleep(1.5)  # it looks for a closed connection when nothing has happened for a second
    assert not still


def is_busy(spec: str) -> bool:
    with urllib.request.urlopen(f"{spec.partition('@')[2].removesuffix('/v1')}/slots", timeout=60) as reply:
        return any(slot["is_processing"] for slot in json.load(reply))


@pytest.mark.llm
def test_a_gguf_file_is_served_from_within() -> None:
    if lack := real.missing():
        pytest.skip(lack)
    code = """
import sys, urllib.request, urllib.error
from rag.llms import load, written
first, second = load(sys.argv[1]), load(sys.argv[1])
assert first.api_base == second.api_base
assert "".join(written(first, "", "Say yes.", 120, 4)).strip()
request = urllib.request.Request(first.api_base + "/chat/completions", b"{}")
try:
    urllib.request.urlopen(request)
except urllib.error.HTTPError as error:
    assert error.code == 401, error.code
open_still = written(first, "", "Tell a story.", 120, 2000)
next(open_still)  # the end of the process does not wait for the story
"""
    command = [sys.executable, "-c", code, f"llama-cpp/{real.weights()}"]
    done = subprocess.run(command, cwd=HOME, capture_output=True, text=True, timeout=200)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
