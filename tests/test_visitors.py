"""Who asks: ids that nobody can make up, headers on every response, logins from a file of their own."""

import asyncio
import os
import string
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from page import visitors
from page.visitors import COOKIE, Visits, logins, owner_of, sign, verified
from rag.errors import SettingsError

SECRET = b"s" * 32
CHROMIUM = Path("/usr/bin/chromium")
DOCUMENT = [(b"accept", b"text/html,application/xhtml+xml,*/*;q=0.8")]

# -- signed ids ---------------------------------------------------------------------------------------


def test_a_signed_id_comes_back() -> None:
    value = sign("Az09_-", SECRET)
    assert verified(value, SECRET) == "Az09_-"
    assert set(value) <= set(string.ascii_letters + string.digits + "_-.")


SIGNED = sign("visitor", SECRET)


@pytest.mark.parametrize(
    "value",
    [
        None,
        "",
        ".",
        "visitor",
        "visitor.",
        SIGNED.partition(".")[2],
        SIGNED[:-1],
        SIGNED + "0",
        SIGNED + "\n",
        " " + SIGNED,
        SIGNED.upper(),
        SIGNED.replace("v", "w", 1),
        SIGNED[:-1] + ("0" if SIGNED[-1] != "0" else "1"),
        SIGNED.replace(".", "..", 1),
        sign("visitor", b"t" * 32),
        sign("", SECRET),
        sign("a b", SECRET),
        sign("a.b", SECRET),
        sign("a\n", SECRET),
        sign("é", SECRET),
        sign("x" * 65, SECRET),
        "visitor." + "é" * 64,
        "\ud800",
        "x" * 1_000_000,
    ],
)
def test_anything_else_is_nobody(value: str | None) -> None:
    assert verified(value, SECRET) is None


def test_the_owner_is_the_login_then_the_visitor_then_the_session() -> None:
    assert owner_of("ann", SIGNED, SECRET, "s1") == "login:ann"
    assert owner_of(None, SIGNED, SECRET, "s1") == "visitor:visitor"
    assert owner_of("", SIGNED, SECRET, "s1") == "visitor:visitor"
    assert owner_of(None, SIGNED[:-1], SECRET, "s1") == "session:s1"
    assert owner_of(None, None, SECRET, "s1") == "session:s1"
    assert owner_of("e\u0301", None, SECRET, "s1") == owner_of("\u00e9", None, SECRET, "s1")


# -- the middleware -----------------------------------------------------------------------------------


class Served:
    """An application that keeps the scope it was given, and sends these messages."""

    def __init__(self, *messages: dict[str, Any]) -> None:
        self.messages = messages or (
            {"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/html")]},
            {"type": "http.response.body", "body": b"hello"},
        )
        self.scope: Any = None

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self.scope = scope
        for message in self.messages:
            await send(message)


def got(
    app: Any, headers: list[tuple[bytes, bytes]], method: str = "GET", **scope: Any
) -> list[dict[str, Any]]:
    sent: list[dict[str, Any]] = []

    async def send(message: Any) -> None:
        sent.append(message)

    asked = {"type": "http", "method": method, "scheme": "http", "headers": headers, **scope}
    asyncio.run(app(asked, None, send))
    return sent


def headers_of(sent: list[dict[str, Any]], name: str) -> list[str]:
    return [value.decode() for key, value in sent[0]["headers"] if key.decode().lower() == name]


def cookies_seen(app: Served) -> list[str]:
    return [value.decode() for name, value in app.scope["headers"] if name == b"cookie"]


def test_a_first_visit_gets_an_id_that_the_same_request_has() -> None:
    app = Served()
    sent = got(Visits(app, SECRET), DOCUMENT)
    (cookie,) = headers_of(sent, "set-cookie")
    value, *attributes = cookie.split("; ")
    assert sorted(attributes) == ["HttpOnly", "Max-Age=31536000", "Path=/", "SameSite=Lax"]
    assert cookies_seen(app) == [value]
    assert verified(value.removeprefix(f"{COOKIE}="), SECRET)
    assert sent[1]["body"] == b"hello"


def test_every_visitor_is_another() -> None:
    visits = Visits(Served(), SECRET)
    assert len({headers_of(got(visits, DOCUMENT), "set-cookie")[0] for _ in range(20)}) == 20


def test_a_known_visitor_gets_no_other_id() -> None:
    app = Served()
    cookie = (b"cookie", f"a=1; {COOKIE}={SIGNED}".encode())
    assert not headers_of(got(Visits(app, SECRET), [*DOCUMENT, cookie]), "set-cookie")
    assert cookies_seen(app) == [f"a=1; {COOKIE}={SIGNED}"], "what the request has stays as it is"


@pytest.mark.parametrize("value", [SIGNED[:-1], sign("visitor", b"t" * 32), "", "x" * 10_000, "\xff"])
def test_a_tampered_id_is_replaced_and_the_other_cookies_stay(value: str) -> None:
    app = Served()
    cookies = [(b"cookie", b'a=1; b="x=y"'), (b"Cookie", f"{COOKIE}={value}; c=\xe9".encode("latin-1"))]
    (given,) = headers_of(got(Visits(app, SECRET), [*DOCUMENT, *cookies]), "set-cookie")
    seen = [header for name, header in app.scope["headers"] if name.lower() == b"cookie"]
    assert seen == [f'a=1; b="x=y"; c=\xe9; {given.split(";")[0]}'.encode("latin-1")]


def test_of_several_ids_the_true_one_counts() -> None:
    app = Served()
    cookie = (b"cookie", f"{COOKIE}={SIGNED}; {COOKIE}=forged".encode())
    assert not headers_of(got(Visits(app, SECRET), [*DOCUMENT, cookie]), "set-cookie")
    assert cookies_seen(app) == [f"{COOKIE}={SIGNED}"]


@pytest.mark.parametrize(
    ("headers", "method"),
    [
        ([], "GET"),
        ([(b"accept", b"*/*")], "GET"),
        ([(b"accept", b"application/json")], "GET"),
        (DOCUMENT, "POST"),
    ],
)
def test_a_program_that_asks_gets_no_id(headers: list[tuple[bytes, bytes]], method: str) -> None:
    app = Served()
    asked = [*headers, (b"cookie", b"citewise_visitor=forged")]
    sent = got(Visits(app, SECRET), asked, method)
    assert not headers_of(sent, "set-cookie")
    assert cookies_seen(app) == ["citewise_visitor=forged"]
    assert headers_of(sent, "x-content-type-options") == ["nosniff"]


def test_the_cookie_is_secure_where_the_page_is() -> None:
    for visits, scheme in (
        (Visits(Served(), SECRET), "https"),
        (Visits(Served(), SECRET, secure=True), "http"),
    ):
        (cookie,) = headers_of(got(visits, DOCUMENT, scheme=scheme), "set-cookie")
        assert cookie.endswith("; Secure")


def test_a_response_with_an_id_is_kept_by_no_proxy() -> None:
    start = {
        "type": "http.response.start",
        "status": 200,
        "headers": [(b"Cache-Control", b"public, max-age=3600"), (b"set-cookie", b"own=1")],
    }
    visits = Visits(Served(start), SECRET)
    sent = got(visits, DOCUMENT)
    assert headers_of(sent, "cache-control") == ["no-store"]
    assert len(headers_of(sent, "set-cookie")) == 2, "the page's own cookies stay"
    assert headers_of(got(visits, []), "cache-control") == ["public, max-age=3600"]


@pytest.mark.parametrize("status", [200, 302, 404, 500])
def test_every_response_has_the_security_headers_once(status: int) -> None:
    start = {
        "type": "http.response.start",
        "status": status,
        "headers": [(b"X-Frame-Options", b"ALLOWALL"), (b"etag", b"1")],
    }
    sent = got(Visits(Served(start), SECRET), [])
    assert headers_of(sent, "x-content-type-options") == ["nosniff"]
    assert headers_of(sent, "referrer-policy") == ["no-referrer"]
    assert headers_of(sent, "x-frame-options") == ["SAMEORIGIN"]
    assert headers_of(sent, "etag") == ["1"]
    (policy,) = headers_of(sent, "content-security-policy")
    rules = dict(rule.split(" ", 1) for rule in policy.split("; "))
    assert rules["object-src"] == "'none'"
    assert rules["frame-ancestors"] == rules["form-action"] == rules["base-uri"] == "'self'"
    sources = {source for rule in rules.values() for source in rule.split()}
    assert sources == {"'self'", "'none'", "'unsafe-inline'", "'unsafe-eval'", "data:", "blob:"}, "no host"


def test_a_response_without_headers() -> None:
    sent = got(Visits(Served({"type": "http.response.start", "status": 204}), SECRET), [])
    assert headers_of(sent, "referrer-policy") == ["no-referrer"]


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),
        ({"origin": "http://news.example"}, 200),
        ({"origin": "https://NEWS.example:8443"}, 200),
        ({"origin": "https://evil.example"}, 403),
        ({"origin": "https://news.example.evil.example"}, 403),
        ({"origin": "null"}, 403),
        ({"origin": "http://[bad"}, 403),
        ({"origin": "https://paper.example", "x-forwarded-host": "paper.example"}, 200),
        ({"origin": "https://evil.example", "x-forwarded-host": "paper.example"}, 403),
    ],
)
def test_the_page_of_another_site_may_ask_nothing(headers: dict[str, str], status: int) -> None:
    app = Served()
    given = {"host": "news.example:7860", **headers}
    sent = got(
        Visits(app, SECRET), [(name.encode(), value.encode()) for name, value in given.items()], "POST"
    )
    assert sent[0]["status"] == status
    assert (app.scope is None) == (status == 403), "what is refused is asked of nothing behind"
    assert headers_of(sent, "x-frame-options") == ["SAMEORIGIN"]


@pytest.mark.parametrize("kind", ["websocket", "lifespan"])
def test_nothing_but_http_is_touched(kind: str) -> None:
    app, message = Served({"type": "http.response.start"}), {"type": "http.response.start"}
    scope = {"type": kind, "headers": DOCUMENT}
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    asyncio.run(Visits(app, SECRET)(scope, None, send))  # type: ignore[arg-type]
    assert app.scope is scope and sent == [message]


def test_a_stream_is_passed_on_as_it_comes() -> None:
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        assert len(sent) == 1
        for n in range(3):
            part = {"type": "http.response.body", "body": b"x", "more_body": True}
            await send(part)
            assert sent[-1] is part and len(sent) == n + 2

    asyncio.run(Visits(app, SECRET)({"type": "http", "method": "GET", "headers": DOCUMENT}, None, send))  # type: ignore[arg-type]
    assert len(sent) == 4


# -- logins -------------------------------------------------------------------------------------------


@pytest.fixture
def file(tmp_path: Path) -> Callable[[str | bytes], Path]:
    def written(content: str | bytes, mode: int = 0o600) -> Path:
        path = tmp_path / "logins"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        path.chmod(mode)
        return path

    return written


def test_logins_of_a_file(file: Callable[..., Path]) -> None:
    check = logins(file("\ufeff# who may ask\n\nann:open: sesame \r\n  \nZo\u00eb:p\u00e4ss#word\n# bob:x\n"))
    assert check("ann", "open: sesame ")
    assert check("Zo\u00eb", "p\u00e4ss#word")
    assert check("Zoe\u0308", "pa\u0308ss#word"), "an accent typed in another way"
    for name, password in [
        ("ann", "open: sesame"),
        ("ann", "OPEN: SESAME "),
        ("ann", ""),
        ("Ann", "open: sesame "),
        ("", ""),
        ("# bob", "x"),
        ("bob", "x"),
        ("ann", "p\u00e4ss#word"),
        ("\ud800", "\ud800"),
        ("ann", "x" * 100_000),
    ]:
        assert not check(name, password)


@pytest.mark.parametrize(
    ("content", "line", "said"),
    [
        ("ann:x\n\nhunter2\n", ":3", "colon"),
        ("#\nann:\n", ":2", "password is empty"),
        (" :secret\n", ":1", "name is empty"),
        ("ann:x\nbob:y\nann:z\n", ":3", "twice"),
        ("e\u0301:x\n\u00e9:y\n", ":2", "twice"),
        ("", "", "no login"),
        ("# nobody\n\n", "", "no login"),
        (b"ann:\xff\n", "", "UTF-8"),
    ],
)
def test_a_file_that_is_wrong_is_refused(
    file: Callable[..., Path], content: str | bytes, line: str, said: str
) -> None:
    path = file(content)
    with pytest.raises(SettingsError) as fault:
        logins(path)
    assert fault.value.message.startswith(f"{path}{line}")
    assert said in fault.value.message and fault.value.hint
    assert not {"hunter2", "secret"} & set(str(fault.value).split()), "no password is shown"


def test_a_file_that_is_missing_is_refused(tmp_path: Path) -> None:
    for path in (tmp_path / "none", tmp_path):
        with pytest.raises(SettingsError) as fault:
            logins(path)
        assert str(path) in fault.value.message and "name:password" in fault.value.hint


@pytest.mark.skipif(os.name != "posix", reason="files have other rights elsewhere")
@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o601])
def test_a_file_that_others_may_read_is_refused(file: Callable[..., Path], mode: int) -> None:
    path = file("ann:x\n", mode)
    with pytest.raises(SettingsError) as fault:
        logins(path)
    assert f"mode {mode:o}" in fault.value.message
    assert fault.value.hint == f"Run: chmod 600 {path}"
    path.chmod(0o400)
    assert logins(path)("ann", "x")


def test_an_unknown_name_costs_as_much_work(
    file: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    check = logins(file("ann:x\n"))
    tried: list[str] = []
    work = visitors._hash

    def counted(password: str, salt: bytes) -> bytes:
        tried.append(password)
        return work(password, salt)

    monkeypatch.setattr(visitors, "_hash", counted)
    check("ann", "one")
    check("nobody", "two")
    assert tried == ["one", "two"]


def test_a_try_is_not_cheap_and_blocks_nobody_for_long(file: Callable[..., Path]) -> None:
    check = logins(file("ann:x\n"))
    spent = []
    for _ in range(5):
        start = time.process_time()
        check("ann", "y")
        spent.append(time.process_time() - start)
    assert 0.002 < min(spent) < 0.05


def test_no_password_is_kept_as_it_is(file: Callable[..., Path]) -> None:
    check = logins(file("ann:open sesame\nbob:open sesame\n"))
    kept = [cell.cell_contents for cell in check.__closure__ or ()]
    assert "open sesame" not in repr(kept)
    known = next(value for value in kept if isinstance(value, dict))
    assert known["ann"] != known["bob"], "each has a salt of its own"


# -- in a browser -------------------------------------------------------------------------------------


@pytest.fixture
def page_url(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A page of Gradio that says whose it is and streams what it is asked."""
    monkeypatch.setenv("GRADIO_ANALYTICS_ENABLED", "False")
    import gradio as gr
    from starlette.middleware import Middleware

    def streamed(message: str, request: gr.Request) -> Iterator[str]:
        owner = owner_of(None, request.cookies.get(COOKIE), SECRET, request.session_hash or "")
        yield "working"
        yield f"{message} of {owner}"

    with gr.Blocks(analytics_enabled=False) as blocks:
        question, answer = gr.Textbox(label="Question"), gr.Textbox(label="Answer")
        gr.HTML("<b>static</b>", js_on_load="element.dataset.ready = '1'")
        gr.Chatbot([{"role": "user", "content": "hello **you**"}])
        gr.File(label="Articles")
        question.submit(streamed, question, answer)
    middleware = [Middleware(Visits, secret=SECRET)]
    _, url, _ = blocks.launch(
        prevent_thread_lock=True, quiet=True, share=False, app_kwargs={"middleware": middleware}
    )
    yield url
    blocks.close()


@pytest.mark.browser
@pytest.mark.skipif(
    not CHROMIUM.exists(), reason="there is no /usr/bin/chromium; on Debian: apt-get install chromium"
)
def test_gradio_works_under_the_headers(page_url: str) -> None:
    from playwright.sync_api import expect, sync_playwright

    said: list[str] = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=["--no-sandbox"])
        context = browser.new_context()
        page = context.new_page()
        page.on("console", lambda message: said.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: said.append(str(error)))
        page.goto(page_url)
        question, answer = page.get_by_label("Question"), page.get_by_label("Answer")
        expect(question).to_be_visible(timeout=20_000)
        (cookie,) = [cookie for cookie in context.cookies() if cookie["name"] == COOKIE]
        owner = f"visitor:{verified(cookie['value'], SECRET)}"
        assert cookie["httpOnly"] and cookie["sameSite"] == "Lax"
        question.fill("asked")
        question.press("Enter")
        expect(answer).to_have_value(f"asked of {owner}", timeout=20_000)
        page.reload()
        expect(question).to_be_visible(timeout=20_000)
        question.fill("again")
        question.press("Enter")
        expect(answer).to_have_value(f"again of {owner}", timeout=20_000)
        blocked = page.evaluate("fetch('http://127.0.0.2:9/').then(() => 'sent', error => String(error))")
        browser.close()
    refusals = [text for text in said if "127.0.0.2" in text]
    assert "Failed to fetch" in blocked and any("Content Security Policy" in text for text in refusals)
    assert [text for text in said if text not in refusals and "Failed to fetch" not in text] == []
