"""The page as a server: its one endpoint, its doors, whose conversation it is, and how it starts and ends."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace

import httpx
import pytest
from playwright.sync_api import Browser, expect, sync_playwright

import app
from page.site import Site
from page.visitors import COOKIE, logins, verified
from rag.domain import Answer, Hit
from rag.render import to_json
from tests.served import ARGUMENTS, CHROMIUM, WHOM, ByWords, Scripted, Watch, free_port, indexed, served

HOME = Path(app.__file__).parent
NOWHERE = "Is there gold?"
expect.set_options(timeout=10_000)  # ms; a loaded machine is slow, not wrong


def in_chromium(test: Callable[..., None]) -> Callable[..., None]:
    reason = "there is no /usr/bin/chromium; on Debian: apt-get install chromium"
    return pytest.mark.browser(pytest.mark.skipif(not CHROMIUM.exists(), reason=reason)(test))


class Tab:
    """What a browser holds of the page without drawing it: a session, its cookies, and what comes back."""

    def __init__(self, address: str, login: tuple[str, str] | None = None) -> None:
        self.http = httpx.Client(base_url=address, timeout=20, follow_redirects=True)
        if login:
            reply = self.http.post("login", data={"username": login[0], "password": login[1]})
            assert reply.status_code == 200, reply.text
        self.first = self.http.get("", headers={"accept": "text/html"})
        self.session = os.urandom(6).hex()
        self.config = self.http.get("config").json()

    def part(self, kind: str, id: str | None = None) -> dict:
        found = (part for part in self.config["components"] if part["type"] == kind)
        return next(part for part in found if id is None or part["props"].get("elem_id") == id)

    def event(self, name: str) -> dict[str, object]:
        (found,) = (d["id"] for d in self.config["dependencies"] if d["api_name"] == name)
        return {"fn_index": found, "session_hash": self.session}

    def join(self, question: str, way: str | None = None) -> httpx.Response:
        """Press Enter in the box."""
        box = self.part("textbox", "cw-ask")["id"]
        submit = next(d for d in self.config["dependencies"] if [box, "submit"] in d["targets"])
        data = [question, None, "", way, [], [], None, None]
        event = {"fn_index": submit["id"], "session_hash": self.session, "data": data}
        return self.http.post("gradio_api/queue/join", json=event)

    @contextmanager
    def events(self) -> Iterator[Iterator[dict]]:
        """What the server tells this session; leaving it is closing the tab."""
        with self.http.stream(
            "GET", "gradio_api/queue/data", params={"session_hash": self.session}
        ) as stream:
            lines = (line.removeprefix("data: ") for line in stream.iter_lines() if line)
            yield (json.loads(line) for line in lines)

    def ask(self, question: str) -> None:
        """Ask, and wait until the answer is there."""
        assert self.join(question).status_code == 200
        with self.events() as told:
            done = next(event for event in told if event["msg"] == "process_completed")
        assert done["success"], done

    def arrive(self, search: str = "") -> str:
        """Open an address; return all that the page shows, as text."""
        event = {**self.event("arrive"), "data": [search]}
        reply = self.http.post("gradio_api/run/predict", json=event)
        assert reply.status_code == 200, reply.text
        return json.dumps(reply.json()["data"], ensure_ascii=False)


def call(address: str, question: str, **rest: object) -> httpx.Response:
    return httpx.post(f"{address}gradio_api/call/v2/ask", json={"question": question, **rest})


def ask(address: str, question: str, **rest: object) -> tuple[str, object]:
    """Ask through the page's endpoint; returns the kind of the last event and its data."""
    for _ in range(40):  # a small queue may be full for a moment
        reply = call(address, question, **rest)
        if reply.status_code != 503:
            break
        time.sleep(0.05)
    assert reply.status_code == 200, (reply.status_code, reply.text)
    event = reply.json()["event_id"]
    events = httpx.get(f"{address}gradio_api/call/ask/{event}", timeout=20).text
    kind, data = events.strip().split("\n\n")[-1].split("\n", 1)
    return kind.removeprefix("event: "), json.loads(data.removeprefix("data: "))


def until(true: Callable[[], object], seconds: float = 5) -> bool:
    """Wait for something that another thread does."""
    end = time.monotonic() + seconds
    while not true() and time.monotonic() < end:
        time.sleep(0.02)
    return bool(true())


@pytest.fixture(scope="module")
def page_of(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Site]]:
    with served(indexed(tmp_path_factory.mktemp("page"))) as page:
        yield page


@pytest.fixture(scope="module")
def address(page_of: tuple[str, Site]) -> str:
    return page_of[0]


@pytest.fixture
def site(page_of: tuple[str, Site]) -> Site:
    return page_of[1]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        yield playwright.chromium.launch(executable_path=str(CHROMIUM), args=ARGUMENTS)


# -- the endpoint -------------------------------------------------------------------------------------


def test_the_endpoint_gives_the_json_of_the_answer(address: str, site: Site) -> None:
    kind, data = ask(address, WHOM)
    expected = to_json(site.pipeline.ask(WHOM))
    assert kind == "complete"
    assert isinstance(data, list)
    assert {**data[0], "timings_ms": None} == {**expected, "timings_ms": None}
    assert data[0]["answer"] == "Berg and Paul Lind."


def test_the_endpoint_passes_k_on(address: str) -> None:
    assert [len(ask(address, NOWHERE, k=k)[1][0]["hits"]) for k in (1, 2)] == [1, 2]


def test_the_endpoint_tells_our_errors_and_hides_others(address: str) -> None:
    kind, data = ask(address, "")
    assert kind == "error"
    assert data["error"].startswith("the question is empty\nAsk something")
    kind, data = ask(address, "crash")
    assert kind == "error"
    assert "secret" not in json.dumps(data)


def test_there_is_one_public_endpoint(address: str) -> None:
    info = httpx.get(f"{address}gradio_api/info").json()
    assert list(info["named_endpoints"]) == ["/ask"]
    assert info["unnamed_endpoints"] == {}


# -- what the page takes and shows --------------------------------------------------------------------


def test_the_chat_interprets_nothing_that_it_is_given(address: str) -> None:
    chat = Tab(address).part("chatbot")["props"]
    assert chat["sanitize_html"] is True
    assert chat["render_markdown"] is chat["allow_tags"] is False
    assert chat["buttons"] == chat["latex_delimiters"] == []


def test_no_door_is_left_open(address: str) -> None:
    config = httpx.get(f"{address}config").json()
    assert config["analytics_enabled"] is config["run_history"] is config["show_error"] is False
    closed = {
        path: httpx.get(f"{address}{path}").status_code for path in ("monitoring", "monitoring/summary")
    }
    assert set(closed.values()) == {403}, closed
    absent = ("gradio_api/runs", "gradio_api/run-history/records", "flag", "gradio_api/mcp/")
    found = {path: httpx.get(f"{address}{path}").status_code for path in absent}
    assert set(found.values()) == {404}, found


def test_an_upload_has_its_size(address: str, site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    def upload(content: bytes) -> int:
        files = {"files": ("a.txt", content)}
        return httpx.post(f"{address}gradio_api/upload", files=files, timeout=30).status_code

    assert upload(b"text") == 200
    assert upload(bytes(site.library.max_upload_bytes + 1)) == 413


def test_a_read_only_page_takes_no_file_at_all(tmp_path: Path) -> None:
    with served(indexed(tmp_path), read_only=True) as (address, _):
        upload = httpx.post(f"{address}gradio_api/upload", files={"files": ("a.txt", b"t")})
        assert upload.status_code == 413
        tab = Tab(address)
        assert tab.part("file", "cw-drop")["props"]["visible"] is False
        assert ask(address, WHOM)[0] == "complete"


# -- visitors -----------------------------------------------------------------------------------------


def test_a_visitor_gets_an_id_with_the_page_and_not_with_a_call(address: str) -> None:
    cookie = Tab(address).first.headers["set-cookie"]
    assert cookie.startswith(f"{COOKIE}=")
    assert {"HttpOnly", "SameSite=Lax", "Path=/"} <= set(cookie.split("; "))
    for path in ("config", "gradio_api/info", "theme.css"):
        assert "set-cookie" not in httpx.get(f"{address}{path}", headers={"accept": "*/*"}).headers


def test_an_id_stays_and_a_forged_one_is_replaced(address: str, site: Site) -> None:
    tab = Tab(address)
    given = tab.http.cookies[COOKIE]
    assert "set-cookie" not in tab.http.get("", headers={"accept": "text/html"}).headers
    forged = {"cookie": f"{COOKIE}=x{given}", "accept": "text/html"}
    made = httpx.get(address, headers=forged).cookies[COOKIE]
    assert verified(made, site.secret)
    assert made not in (given, f"x{given}")


def test_a_conversation_is_its_visitors_alone(address: str, site: Site) -> None:
    mine, other = Tab(address), Tab(address)
    mine.ask(WHOM)
    owner = f"visitor:{verified(mine.http.cookies[COOKIE], site.secret)}"
    (kept,) = site.kept.listed(owner)
    assert WHOM in mine.arrive(f"?conversation={kept.id}")
    shown = other.arrive(f"?conversation={kept.id}")
    assert WHOM not in shown
    assert "you have no conversation" in shown


# -- logins -------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Site]]:
    folder = tmp_path_factory.mktemp("guarded")
    with served(indexed(folder), auth=logins(auth_file(folder))) as page:
        yield page


def auth_file(folder: Path) -> Path:
    file = folder / "logins"
    file.write_text("ann:one\nbob:two\n", encoding="utf-8")
    file.chmod(0o600)
    return file


def test_without_a_login_nothing_is_answered(guarded: tuple[str, Site]) -> None:
    address = guarded[0]
    asked = [
        *(("GET", path) for path in ("config", "gradio_api/info", "gradio_api/openapi.json")),
        *(("GET", path) for path in ("gradio_api/queue/data?session_hash=a", "gradio_api/queue/status")),
        *(
            ("GET", path)
            for path in ("gradio_api/file=/etc/passwd", "gradio_api/upload_progress?upload_id=a")
        ),
        *(
            ("GET", path)
            for path in ("gradio_api/call/ask/a", "gradio_api/dev/reload", "gradio_api/login_check")
        ),
        *(
            ("POST", f"gradio_api/{path}")
            for path in ("queue/join", "call/ask", "call/v2/ask", "run/predict")
        ),
        *(("POST", f"gradio_api/{path}") for path in ("api/ask", "upload", "component_server")),
    ]
    codes = {path: httpx.request(method, f"{address}{path}").status_code for method, path in asked}
    assert set(codes.values()) == {401}, codes
    shown = httpx.get(address, headers={"accept": "text/html"}).text
    assert "Minister" not in shown
    assert "3 articles" not in shown


def test_a_wrong_password_is_refused(guarded: tuple[str, Site]) -> None:
    reply = httpx.post(f"{guarded[0]}login", data={"username": "ann", "password": "two"})
    assert reply.status_code == 400
    assert "set-cookie" not in reply.headers


def test_two_logins_do_not_see_each_others_conversations(guarded: tuple[str, Site]) -> None:
    address, site = guarded
    ann, bob = Tab(address, ("ann", "one")), Tab(address, ("bob", "two"))
    ann.ask(WHOM)
    (kept,) = site.kept.listed("login:ann")
    assert site.kept.listed("login:bob") == []
    assert WHOM in Tab(address, ("ann", "one")).arrive(f"?conversation={kept.id}")
    shown = bob.arrive(f"?conversation={kept.id}")
    assert WHOM not in shown
    assert "you have no conversation" in shown


# -- many at once -------------------------------------------------------------------------------------


class Waiting(ByWords):
    """Reads "together" only when two do, and "wait" once the gate is open; remembers what it read."""

    def __init__(self) -> None:
        self.meeting, self.gate = threading.Barrier(2, timeout=10), threading.Event()
        self.questions: list[str] = []

    def read(self, question: str, hits: Sequence[Hit]) -> Answer:
        self.questions.append(question)
        if "together" in question:
            self.meeting.wait()
        if "wait" in question:
            self.gate.wait(20)
        return super().read(question, hits)


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Site]]:
    """A page that works on two questions at once and lets one wait."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "cpu_count", lambda: 2)
        patch.setattr(app, "MAX_WAITING", 1)
        with served(indexed(tmp_path_factory.mktemp("small"))) as page:
            yield page


@pytest.fixture
def busy(small: tuple[str, Site], monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[str, Site, Waiting]]:
    """The small page with a reader that can be made to wait; nothing of it is left in work."""
    (address, site), reader = small, Waiting()
    monkeypatch.setattr(site.pipeline, "reader", reader)
    monkeypatch.setattr(site.pipeline, "retriever", site.pipeline.retriever)
    yield address, site, reader
    reader.gate.set()
    queue = f"{address}gradio_api/queue/status"
    assert until(lambda: httpx.get(queue).json()["queue_size"] == site.meter.n_asking == 0)


def fill(address: str) -> None:
    """Ask until no more questions are taken."""
    assert until(lambda: call(address, "Will Moscow wait?").status_code == 503)


def test_two_questions_are_answered_at_once(busy: tuple[str, Site, Waiting]) -> None:
    with ThreadPoolExecutor(2) as askers:
        kinds = [kind for kind, _ in askers.map(lambda _: ask(busy[0], "Moscow together?"), range(2))]
    assert kinds == ["complete", "complete"]


def test_a_full_queue_turns_questions_away(busy: tuple[str, Site, Waiting]) -> None:
    fill(busy[0])
    reply = call(busy[0], "Will Moscow wait?")
    assert reply.status_code == 503
    assert "full" in reply.text


@in_chromium
def test_a_full_queue_is_told_on_the_page(busy: tuple[str, Site, Waiting], browser: Browser) -> None:
    address, _, reader = busy
    watched = Watch(browser, address)
    fill(address)
    watched.ask(WHOM)
    toast = watched.page.get_by_text("This application is currently busy. Please try again.")
    expect(toast).to_be_visible()
    expect(watched.page.get_by_label("Your question")).to_have_value(WHOM)  # to be sent once more
    (told,) = watched.faults
    assert "503" in told
    expect(watched.page.locator(".cw-working")).to_have_count(0)  # nothing is being asked
    watched.faults.clear()
    reader.gate.set()
    watched.close()


def test_closing_the_tab_stops_the_work(busy: tuple[str, Site, Waiting]) -> None:
    address, site, reader = busy
    searching, go_on = threading.Event(), threading.Event()
    retrieve = site.pipeline.retriever.retrieve

    def slowly(*arguments: object) -> list[Hit]:
        searching.set()
        go_on.wait(10)
        return retrieve(*arguments)

    site.pipeline.retriever = SimpleNamespace(retrieve=slowly)
    tab = Tab(address)
    tab.join("Whom does Moscow favour?")
    with tab.events():
        assert searching.wait(10)
    time.sleep(0.5)  # for the server to notice
    go_on.set()
    assert until(lambda: site.meter.n_asking == 0)
    assert reader.questions == []
    assert ask(address, WHOM)[0] == "complete"  # and its place is free again


def test_a_question_whose_tab_is_closed_while_it_is_read_is_not_kept(busy: tuple[str, Site, Waiting]) -> None:
    address, site, reader = busy
    tab = Tab(address)
    tab.join("Will Moscow wait?")
    with tab.events():
        assert until(lambda: reader.questions)
    time.sleep(0.5)
    reader.gate.set()
    assert until(lambda: site.meter.n_asking == 0)
    assert "Will Moscow wait?" not in tab.arrive()


def test_closing_the_tab_stops_what_writes(tmp_path: Path) -> None:
    writer = Scripted(pace_s=0.05)
    with served(indexed(tmp_path), writer=writer) as (address, site):
        tab = Tab(address)
        tab.join("Why will the repair of the bridge cost four million crowns?", "write")
        with tab.events():
            assert until(lambda: writer.n_words > 2)
        assert writer.left.wait(10)
        assert until(lambda: site.meter.n_asking == 0)
        assert writer.n_words < Scripted.n_all


# -- two things at once in one page -------------------------------------------------------------------


@in_chromium
def test_a_question_asked_while_suggestions_are_made_loses_no_answer(
    busy: tuple[str, Site, Waiting], browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, go_on = threading.Event(), threading.Event()

    def follow_ups(*_: object) -> list[str]:
        if not begun.is_set():
            begun.set()
            go_on.wait(10)
        return ["Who is Ida Moll?"]

    monkeypatch.setattr("page.talk.follow_ups", follow_ups)
    watched = Watch(browser, busy[0])
    watched.answered(WHOM)
    assert begun.wait(10)
    watched.ask("Will the repair wait?")
    expect(watched.page.locator(".cw-working")).to_contain_text("Reading")
    go_on.set()
    watched.page.wait_for_timeout(500)
    assert watched.page.locator(".cw-working").count() == 1  # what comes late does not hide what is in work
    busy[2].gate.set()
    expect(watched.page.locator("#cw-chat .cw-answer")).to_have_count(2)
    again = watched.opened(watched.page.url.removeprefix(busy[0]))
    expect(again.locator("#cw-chat .cw-question")).to_have_text([WHOM, "Will the repair wait?"])
    watched.close()


@in_chromium
def test_whoever_goes_to_another_conversation_is_not_taken_back(
    busy: tuple[str, Site, Waiting], browser: Browser
) -> None:
    address, site, reader = busy
    watched = Watch(browser, address)
    page, kept = watched.page, watched.page.locator("#cw-shelf .cw-open")
    watched.answered(WHOM)
    page.get_by_role("button", name="New conversation").click()
    expect(page.locator("#cw-chat .cw-answer")).to_have_count(0)
    for leave in (kept.first, page.get_by_role("button", name="New conversation")):
        watched.ask("Will Moscow wait?")
        expect(page.locator(".cw-working")).to_contain_text("Reading")
        leave.click()
        expect(page.locator(".cw-working")).to_have_count(0)
        reader.gate.set()
        assert until(lambda: site.meter.n_asking == 0)
        page.wait_for_timeout(200)
        reader.gate.clear()
        expect(kept).to_have_count(1)
        assert "Will Moscow wait?" not in page.content()
    expect(page.locator("#cw-chat .cw-question")).to_have_count(0)
    watched.close()


# -- behind a proxy -----------------------------------------------------------------------------------


@contextmanager
def proxied(prefix: str, port: int) -> Iterator[str]:
    """Show the server at ``port`` below ``prefix``, as a reverse proxy does; yield its address there."""

    class Proxy(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if not self.path.startswith(f"{prefix}/"):
                self.send_response(
                    204 if self.path == "/favicon.ico" else 404
                )  # each browser asks for that one
                self.end_headers()
                return
            upstream = HTTPConnection("127.0.0.1", port)
            body = self.rfile.read(int(self.headers.get("content-length", 0)))
            upstream.request(self.command, self.path.removeprefix(prefix), body, dict(self.headers))
            reply = upstream.getresponse()
            self.send_response(reply.status)
            for name, value in reply.getheaders():
                if name.lower() not in ("transfer-encoding", "connection", "server", "date"):
                    self.send_header(name, value)
            self.end_headers()
            while some := reply.read1(65536):
                self.wfile.write(some)
            upstream.close()

        do_POST = do_GET  # noqa: N815

        def log_message(self, *_: object) -> None:
            pass

    class Quiet(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, *_: object) -> None:
            """Browsers hang up, which is no error."""

    proxy = Quiet(("127.0.0.1", 0), Proxy)
    threading.Thread(target=proxy.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{proxy.server_port}{prefix}/"
    finally:
        proxy.shutdown()
        proxy.server_close()


@in_chromium
def test_below_a_prefix_all_of_the_page_works(browser: Browser, tmp_path: Path) -> None:
    port = free_port()
    with served(indexed(tmp_path), port=port, root_path="/news"), proxied("/news", port) as address:
        assert httpx.get(f"{address}config").json()["root"] == address.rstrip("/")
        watched = Watch(browser, address)
        watched.answered(WHOM)
        expect(watched.page.locator("#cw-side mark.cw-here").first).to_be_visible()
        assert watched.page.url.startswith(f"{address}?conversation=")
        again = watched.opened(watched.page.url.removeprefix(address))
        expect(again.locator("#cw-chat .cw-question")).to_have_text(WHOM)
        watched.close()


# -- beginning and ending -----------------------------------------------------------------------------

SERVE = """
import sys
import cli
from page.conversations import Conversations
from rag.pipeline import Pipeline

def told(kind):
    close = kind.close
    def closed(self):
        close(self)
        print("closed", kind.__name__)
    kind.close = closed

told(Conversations)
told(Pipeline)
sys.exit(cli.main(["chat", *sys.argv[1:]]))
"""


def chat(*arguments: object) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", SERVE, *map(str, arguments)]
    return subprocess.Popen(
        command, cwd=HOME, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    )


def test_a_public_page_without_logins_is_read_only_and_an_interrupt_ends_it(tmp_path: Path) -> None:
    port = free_port()
    process = chat("--index", indexed(tmp_path), "--host", "0.0.0.0", "--port", port)
    try:
        assert process.stderr is not None
        notice = process.stderr.readline().strip()
        assert notice.startswith("Read only: others can reach this page")
        assert "--auth" in notice
        while not (line := process.stderr.readline()).startswith("Citewise answers at"):
            assert line
        address = f"http://127.0.0.1:{port}/"
        assert notice in Tab(address).arrive()
        upload = httpx.post(f"{address}gradio_api/upload", files={"files": ("a.txt", b"text")})
        assert upload.status_code == 413
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=20)
    finally:
        process.kill()
    assert (process.returncode, out) == (0, "closed Conversations\nclosed Pipeline\n")
    assert "Traceback" not in err


class Launched(Exception):
    """The page would be served now."""


@pytest.mark.parametrize(
    ("host", "with_logins", "asked", "read_only", "noticed"),
    [
        ("127.0.0.1", False, False, False, False),
        ("localhost", False, False, False, False),
        ("127.0.0.1", False, True, True, False),
        ("0.0.0.0", False, False, True, True),
        ("0.0.0.0", True, False, False, False),
        ("0.0.0.0", False, True, True, False),
    ],
)
def test_a_page_that_others_reach_takes_articles_only_from_logins(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    host: str,
    with_logins: bool,
    asked: bool,
    read_only: bool,
    noticed: bool,
) -> None:
    def launch(_: object, site: Site, *__: object, auth: object, **___: object) -> None:
        assert site.library.read_only is read_only
        assert bool(site.notices) is noticed
        assert (auth is not None) is with_logins
        raise Launched

    monkeypatch.setattr(app, "launch", launch)
    monkeypatch.setattr(app, "build", lambda _: None)
    monkeypatch.setattr(Site, "look_for_examples", lambda _: None)
    auth = str(auth_file(tmp_path)) if with_logins else None
    with pytest.raises(Launched):
        app.serve(str(indexed(tmp_path)), host, free_port(), auth=auth, read_only=asked)
    assert ("Read only" in capsys.readouterr().err) is noticed


def test_the_page_is_opened_with_its_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[dict[str, object]] = []

    def open(index: str, **settings: object) -> None:
        opened.append(settings)
        raise Launched

    monkeypatch.setattr("page.site.rag.open", open)
    with pytest.raises(Launched):
        app.serve(str(tmp_path), port=free_port(), llm="ollama/llama3.2", mode="write", reader="fast")
    with pytest.raises(Launched):
        app.serve(str(tmp_path), port=free_port())
    assert opened == [
        {"llm": "ollama/llama3.2", "mode": "write", "reader": "fast"},
        {},
    ]


def test_only_this_machine_is_loopback() -> None:
    assert all(map(app.is_loopback, ("127.0.0.1", "127.9.9.9", "::1", "localhost")))
    assert not any(map(app.is_loopback, ("0.0.0.0", "::", "192.168.1.5", "example.org", "")))


@pytest.mark.parametrize("kind", ["missing", "taken"])
def test_what_stops_a_start_is_told_in_a_line_and_its_mend(tmp_path: Path, kind: str) -> None:
    with served_port() as taken:
        port = taken if kind == "taken" else free_port()
        out, err = chat("--index", tmp_path / "none", "--port", port).communicate(timeout=20)
    first, hint = err.splitlines()
    assert out == ""
    if kind == "taken":
        assert first == f"citewise: cannot listen on 127.0.0.1:{port}: Address already in use"
        assert "--port" in hint
    else:
        assert first == f"citewise: there is no index at {tmp_path / 'none'}"
        assert "citewise index" in hint


@contextmanager
def served_port() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        yield taken.getsockname()[1]
