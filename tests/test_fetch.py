"""Pages from the network, over a real server of this machine: what is kept, and whom nobody can make us ask."""

from __future__ import annotations

import codecs
import gzip
import json
import shutil
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from ingest.addresses import is_public, normalised, redirected
from ingest.fetch import Fetched, fetched
from ingest.fields import Unfit
from ingest.read import Source, read
from ingest.visit import RULES, Rules
from rag.domain import Article

PAGE = b"<html><body><p>The bridge was closed.</p></body></html>"
HTML = {"Content-Type": "text/html"}

Answer = Callable[["Asked"], None]


class Asked(BaseHTTPRequestHandler):
    """A request that a test answers."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        site: Site = self.server.site  # type: ignore[attr-defined]
        site.asked.append((self.path, {name.lower(): value for name, value in self.headers.items()}))
        with suppress(OSError):  # the other side hung up, as it should
            site.answers[self.path](self)
        self.close_connection = True

    def log_message(self, format: str, *arguments: Any) -> None:
        pass

    def send(self, body: bytes, status: int = 200, **headers: str) -> None:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        self.send_response(status)
        for name, value in ({"Content-Length": str(len(body))} | named).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)


@dataclass
class Site:
    """A server, what it answers by path, and what it was asked."""

    server: ThreadingHTTPServer
    answers: dict[str, Answer] = field(default_factory=dict)
    asked: list[tuple[str, dict[str, str]]] = field(default_factory=list)

    @property
    def port(self) -> int:
        return self.server.server_address[1]

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.port}{path}"

    def serve(self, path: str, body: bytes, status: int = 200, **headers: str) -> str:
        self.answers[path] = lambda asked: asked.send(body, status, **headers)
        return self.url(path)

    def html(self, path: str, body: bytes = PAGE, **headers: str) -> str:
        return self.serve(path, body, **({"Content_Type": "text/html"} | headers))

    @property
    def rules(self) -> Rules:
        """The real ones, but for this machine, and faster."""
        return Rules(
            is_allowed=lambda address: address == "127.0.0.1",
            ports=frozenset((self.port,)),
            max_bytes=100_000,
            connect_s=1.0,
            total_s=1.0,
        )


@pytest.fixture
def site() -> Iterator[Site]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Asked)
    server.daemon_threads = True
    server.block_on_close = False  # an answer that never ends is left to itself
    server.handle_error = lambda *_: None  # type: ignore[method-assign]
    made = Site(server)
    server.site = made  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    yield made
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def get(site: Site, tmp_path: Path) -> Callable[..., Fetched]:
    """Fetch one URL into the index folder of the test."""

    def get(url: str, rules: Rules | None = None) -> Fetched:
        (one,) = fetched([url], tmp_path, rules or site.rules)
        return one

    return get


def kept(fetched: Fetched) -> bytes:
    assert fetched.failure == ""
    assert fetched.path is not None
    return fetched.path.read_bytes()


def copies(index: Path) -> list[Path]:
    return sorted(path for path in (index / "fetched").iterdir() if path.suffix != ".json")


# ---- What is kept


def test_a_page_is_kept_under_a_name_that_people_and_readers_know(site: Site, get, tmp_path: Path) -> None:
    one = get(site.html("/news/Bridge%20closed") + "#top")
    assert kept(one) == PAGE
    assert one.url == site.url("/news/Bridge%20closed")
    assert one.path is not None
    assert one.path.parent == tmp_path / "fetched"
    assert one.path.name.startswith("127-0-0-1-news-bridge-20closed-")
    assert one.path.suffix == ".html"
    (path, headers) = site.asked[0]
    assert path == "/news/Bridge%20closed"
    assert headers["user-agent"].startswith("citewise")
    assert headers["host"] == f"127.0.0.1:{site.port}"
    assert "authorization" not in headers
    assert "cookie" not in headers


@pytest.mark.parametrize(
    ("path", "type", "suffix"),
    [
        ("/a", "text/html; charset=utf-8", ".html"),
        ("/a", "application/xhtml+xml", ".xhtml"),
        ("/a", "application/pdf", ".pdf"),
        ("/a", "text/plain", ".txt"),
        ("/notes.md", "text/plain", ".md"),
        ("/notes.exe", "text/plain", ".txt"),
        ("/a", "text/markdown", ".md"),
        ("/feed", "application/rss+xml", ".rss"),
        ("/feed", "application/atom+xml", ".atom"),
        ("/feed", "text/xml", ".xml"),
    ],
)
def test_the_type_of_a_page_says_how_it_is_read(site: Site, get, path: str, type: str, suffix: str) -> None:
    assert get(site.serve(path, b"text", Content_Type=type)).path.suffix == suffix


@pytest.mark.parametrize(
    "type", ["application/json", "image/png", "application/octet-stream", "", "\x1b[31m"]
)
def test_other_types_are_refused(site: Site, get, tmp_path: Path, type: str) -> None:
    one = get(site.serve("/a", b"{}", **({"Content_Type": type} if type else {})))
    assert one.path is None
    assert "which is not read" in one.failure
    assert "\x1b" not in one.failure
    assert copies(tmp_path) == []


def test_what_is_packed_is_unpacked(site: Site, get) -> None:
    one = get(site.html("/a", gzip.compress(PAGE), Content_Encoding="gzip"))
    assert site.asked[0][1]["accept-encoding"] == "gzip"
    assert kept(one) == PAGE


def test_the_servers_word_on_the_encoding_counts_where_it_is_true(site: Site, get) -> None:
    cyrillic = "<p>Мост закрыт</p>"
    legacy = get(site.html("/a", cyrillic.encode("cp1251"), Content_Type="text/html; charset=windows-1251"))
    assert kept(legacy) == codecs.BOM_UTF8 + cyrillic.encode()
    untrue = get(site.html("/b", cyrillic.encode(), Content_Type="text/html; charset=iso-8859-1"))
    assert kept(untrue) == cyrillic.encode()
    unknown = get(site.html("/c", b"caf\xe9", Content_Type="text/html; charset=nope"))
    assert kept(unknown) == b"caf\xe9"


def test_each_url_gets_its_answer_and_one_given_twice_is_asked_once(site: Site, tmp_path: Path) -> None:
    good, missing = site.html("/a"), site.serve("/b", b"", 404)
    done = fetched([good, missing, good], tmp_path, site.rules)
    assert [one.url for one in done] == [good, missing, good]
    assert [one.path is None for one in done] == [False, True, False]
    assert "404 Not Found" in done[1].failure
    assert len(site.asked) == 2


def test_the_articles_of_a_feed_are_known_by_its_address(site: Site, get) -> None:
    item = b"<item><guid>g1</guid><title>Bridge</title><description>It was closed.</description></item>"
    feed = b"<rss version='2.0'><channel><title>The Courier</title>" + item + b"</channel></rss>"
    one = get(site.serve("/feed", feed, Content_Type="application/rss+xml"))
    assert one.path is not None
    source = Source(str(one.path.parent), one.path, one.url, one.path.stat().st_size, one.url, named=True)
    (article,) = read(source)
    assert isinstance(article, Article)
    assert (article.id, article.source) == (f"{site.url('/feed')}#g1", "The Courier")


# ---- The next time


def test_a_page_that_has_not_changed_is_not_sent_again(site: Site, get) -> None:
    url = site.html("/a", ETag='"v1"', Last_Modified="Sun, 19 Feb 2017 10:00:00 GMT")
    first = get(url)
    site.serve("/a", b"", 304)
    again = get(url)
    assert site.asked[0][1].keys().isdisjoint(("if-none-match", "if-modified-since"))
    assert site.asked[1][1]["if-none-match"] == '"v1"'
    assert site.asked[1][1]["if-modified-since"] == "Sun, 19 Feb 2017 10:00:00 GMT"
    assert again == first
    assert kept(again) == PAGE


def test_a_page_is_asked_for_in_full_when_its_copy_is_lost(site: Site, get) -> None:
    url = site.html("/a", ETag='"v1"')
    get(url).path.unlink()
    assert kept(get(url)) == PAGE
    assert "if-none-match" not in site.asked[1][1]


def test_a_changed_page_takes_the_place_of_its_copy(site: Site, get, tmp_path: Path) -> None:
    get(site.html("/a", ETag='"v1"'))
    assert kept(get(site.serve("/a", b"%PDF", Content_Type="application/pdf"))) == b"%PDF"
    assert [path.suffix for path in copies(tmp_path)] == [".pdf"]


def test_a_failure_leaves_the_copy_as_it_is(site: Site, get, tmp_path: Path) -> None:
    first = get(site.html("/a"))
    failed = get(site.serve("/a", b"", 500))
    assert failed == Fetched(first.url, None, failed.failure)
    assert "500" in failed.failure
    assert copies(tmp_path) == [first.path]
    assert kept(first) == PAGE


@pytest.mark.parametrize("facts", [b"", b"[]", b"\xff", b'{"file": "../../passwd", "marks": {"url": "u"}}'])
def test_what_is_noted_beside_a_copy_may_be_anything(site: Site, get, tmp_path: Path, facts: bytes) -> None:
    url = site.html("/a", ETag='"v1"')
    get(url)
    (note,) = (tmp_path / "fetched").glob("*.json")
    note.write_bytes(facts)
    assert kept(get(url)) == PAGE
    assert "if-none-match" not in site.asked[1][1]
    assert json.loads(note.read_text())["marks"]["etag"] == '"v1"'


def test_a_note_cannot_make_another_file_a_copy(site: Site, get, tmp_path: Path) -> None:
    secret = tmp_path / "secret.html"
    secret.write_text("secret")
    url = site.html("/a", ETag='"v1"')
    get(url)
    (note,) = (tmp_path / "fetched").glob("*.json")
    note.write_text(json.dumps(json.loads(note.read_text()) | {"file": "../secret.html"}))
    assert kept(get(url)) == PAGE
    assert secret.read_text() == "secret"


# ---- Redirects


def moved(site: Site, path: str, location: str, status: int = 302) -> str:
    return site.serve(path, b"", status, Location=location)


def test_redirects_are_followed_to_what_may_be_asked(site: Site, get) -> None:
    site.html("/c", ETag='"c"')
    moved(site, "/b", site.url("/c"), 301)
    one = get(moved(site, "/a", "/b"))
    assert kept(one) == PAGE
    assert one.url == site.url("/a")
    get(site.url("/a"))
    sent = [headers.get("if-none-match") for _, headers in site.asked]
    assert sent == [None, None, None, None, None, '"c"']  # only the page that gave the mark is asked with it


@pytest.mark.parametrize(
    ("location", "wrong"),
    [
        ("http://10.0.0.1/", "is at 10.0.0.1, which is no public address"),
        ("http://[::1]/", "is at ::1, which is no public address"),
        ("http://169.254.169.254/latest/meta-data/", "no public address"),
        ("http://2130706435/", "is at 127.0.0.3, which is no public address"),
        ("file:///etc/passwd", "leads to what is not an http or https URL"),
        ("ftp://127.0.0.1/", "leads to what is not an http or https URL"),
        ("http://me:secret@127.0.0.1/", "leads to what is not an http or https URL"),
        ("http://127.0.0.1:22/", "is at port 22, which is not asked"),
        ("http://[bad/", "leads to what is not an http or https URL"),
    ],
)
def test_redirects_elsewhere_are_refused(site: Site, get, location: str, wrong: str) -> None:
    rules = replace(site.rules, ports=site.rules.ports | {80})
    one = get(moved(site, "/a", location), rules)
    assert one.path is None
    assert wrong in one.failure
    assert "secret" not in one.failure


def test_a_redirect_in_a_circle_ends(site: Site, get) -> None:
    assert "over 5 times" in get(moved(site, "/a", "/a")).failure
    assert len(site.asked) == 6


def test_a_redirect_may_leave_http_but_not_https() -> None:
    assert redirected("http://example.org/a", "https://example.org/b") == "https://example.org/b"
    with pytest.raises(Unfit, match="from https to http"):
        redirected("https://example.org/a", "http://example.org/b")


# ---- Whom nobody can make us ask


@pytest.mark.parametrize(
    "address",
    """0.0.0.0 10.1.2.3 100.64.0.1 127.0.0.1 127.9.9.9 169.254.169.254 172.16.0.1 172.31.255.255 192.0.0.8
    192.0.2.1 192.168.1.1 198.18.0.1 203.0.113.9 224.0.0.1 240.0.0.1 255.255.255.255 :: ::1 ::ffff:127.0.0.1
    ::ffff:10.0.0.1 ::7f00:1 64:ff9b::7f00:1 64:ff9b::a00:1 64:ff9b:1::1 2002:7f00:1:: 2002:a00:1::1
    2001::1 2001:db8::1 fc00::1 fd12::1 fe80::1 fe80::1%eth0 fec0::1 ff02::1 100::1 3fff::1 nonsense""".split(),
)
def test_addresses_that_are_not_of_the_open_network(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize(
    "address",
    """8.8.8.8 1.1.1.1 100.63.255.255 100.128.0.1 172.15.0.1 172.32.0.1 192.169.0.1 2606:4700::1111
    2a00:1450:4001::1 ::ffff:8.8.8.8 64:ff9b::808:808 2002:808:808::1""".split(),
)
def test_addresses_of_the_open_network(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1/", "http://localhost/", "http://0x7f.1/", "http://[::ffff:127.0.0.1]/"]
)
def test_the_real_rules_do_not_ask_this_machine(site: Site, get, url: str) -> None:
    site.html("/")
    url = url.removesuffix("/") + f":{site.port}/"
    one = get(url, replace(RULES, ports=site.rules.ports))
    assert "which is no public address" in one.failure
    assert site.asked == []


def test_the_real_rules_do_not_ask_other_ports(site: Site, get) -> None:
    assert f"is at port {site.port}, which is not asked" in get(site.html("/"), RULES).failure


def addressed(*addresses: Sequence[str]) -> Callable[..., list[Any]]:
    """A resolver that answers with these, then with the next of them."""
    waiting = list(addresses)

    def resolve(host: str, port: int, **_: Any) -> list[Any]:
        found = waiting.pop(0)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in found]

    return resolve


def test_a_name_with_one_private_address_is_not_asked_at_the_other(site: Site, get) -> None:
    site.html("/")
    rules = replace(site.rules, resolve=addressed(["127.0.0.1", "192.168.0.1"]))
    one = get(f"http://two.example:{site.port}/", rules)
    assert "is at 192.168.0.1, which is no public address" in one.failure
    assert site.asked == []


def test_the_address_that_was_looked_at_is_the_one_that_is_asked(site: Site, get) -> None:
    site.html("/")
    looks: list[str] = []

    def look(address: str) -> bool:
        looks.append(address)
        return address == "127.0.0.1"

    rules = replace(site.rules, is_allowed=look, resolve=addressed(["127.0.0.1"]))  # a second time would fail
    assert kept(get(f"http://one.example:{site.port}/", rules)) == PAGE
    assert looks == ["127.0.0.1"]
    assert site.asked[0][1]["host"] == f"one.example:{site.port}"


def test_a_name_is_looked_at_again_at_each_redirect(site: Site, get) -> None:
    moved(site, "/a", f"http://one.example:{site.port}/b")
    rules = replace(site.rules, resolve=addressed(["127.0.0.1"], ["10.0.0.7"]))
    assert "is at 10.0.0.7" in get(f"http://one.example:{site.port}/a", rules).failure


@pytest.mark.parametrize(
    ("url", "wrong"),
    [
        ("ftp://example.org/a", "is not an http or https URL"),
        ("file:///etc/passwd", "is not an http or https URL"),
        ("http:///a", "has no host"),
        ("http://me:secret@example.org/", "has a name or a password in it"),
        ("http://example.org/a b", "is not a URL"),
        ("http://example.org/\r\nX-Evil:1", "is not a URL"),
        ("http://example.org/\ud800", "is not a URL"),
        ("http://example.org:99999/", "is not a URL"),
        ("http://[::1/", "is not a URL"),
        ("http://exa mple.org/", "is not a URL"),
        ("http://exa$mple.org/", "no name"),
        ("http://" + "a" * 3000, "is not a URL"),
        ("http://\u2100.example/\u00e9" + "b" * 10, "is not a URL"),
        ("http://" + "\u00fc" * 70 + ".example/", "has a host that is no name"),
    ],
)
def test_what_is_no_url_of_ours_is_a_complaint(get, url: str, wrong: str) -> None:
    one = get(url)
    assert wrong in one.failure
    assert one.path is None
    assert "secret" not in one.failure + one.url
    assert "\n" not in one.failure + one.url


@pytest.mark.parametrize(
    ("url", "same"),
    [
        ("HTTP://EXAMPLE.org", "http://example.org/"),
        ("http://example.org:80/a#b", "http://example.org/a"),
        ("https://example.org.:443/a?q=1&r=a b".replace(" ", "%20"), "https://example.org/a?q=1&r=a%20b"),
        ("http://b\u00fccher.example/stra\u00dfe?\u00e9", "http://xn--bcher-kva.example/stra%C3%9Fe?%C3%A9"),
        ("http://[2606:4700::1111]:8080/", "http://[2606:4700::1111]:8080/"),
        ("http://example.org/a%2Fb;c=1", "http://example.org/a%2Fb;c=1"),
    ],
)
def test_a_url_has_one_form(url: str, same: str) -> None:
    assert normalised(url) == same
    assert normalised(same) == same


# ---- Servers that mean harm, or are ill


def forever(*pieces: bytes, head: bytes = b"HTTP/1.1 200 OK\r\n", pause_s: float = 0.0) -> Answer:
    def answer(asked: Asked) -> None:
        asked.wfile.write(head)
        while True:
            for piece in pieces:
                asked.wfile.write(piece)
            time.sleep(pause_s)

    return answer


TYPE = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n"


@pytest.mark.parametrize(
    ("answer", "wrong"),
    [
        (forever(b"x" * 50_000, head=TYPE + b"\r\n"), "has over 100,000 bytes"),
        (
            forever(b"400\r\n" + b"x" * 1024 + b"\r\n", head=TYPE + b"Transfer-Encoding: chunked\r\n\r\n"),
            "has over",
        ),
        (forever(head=TYPE + b"Content-Length: 99999999999\r\n\r\n"), "has over 100,000 bytes"),
        (forever(b"X: y\r\n"), "got more than 100 headers"),
        (forever(b"x" * 1000), "got more than 65536 bytes"),
        (forever(b"HTTP/1.1 100 Continue\r\n\r\n", head=b"", pause_s=0.01), "did not answer in time"),
        (forever(b"x", head=TYPE + b"\r\n", pause_s=0.05), "did not answer in time"),
        (forever(b"x", pause_s=0.05), "did not answer in time"),
        (forever(head=b"", pause_s=0.05), "did not answer in time"),
    ],
    ids=["body", "chunks", "length", "headers", "line", "continue", "slow-body", "slow-head", "silence"],
)
def test_an_answer_without_an_end_is_ended(
    site: Site, get, tmp_path: Path, answer: Answer, wrong: str
) -> None:
    site.answers["/a"] = answer
    started = time.monotonic()
    one = get(site.url("/a"), replace(site.rules, total_s=0.3))
    assert wrong in one.failure
    assert time.monotonic() - started < 2.0
    assert copies(tmp_path) == []


@pytest.mark.parametrize(
    ("body", "headers", "wrong"),
    [
        (gzip.compress(bytes(5_000_000)), {"Content_Encoding": "gzip"}, "has over 100,000 bytes"),
        (gzip.compress(PAGE)[:-9], {"Content_Encoding": "gzip"}, "cut short"),
        (b"not gzip", {"Content_Encoding": "gzip"}, "is not packed as it says"),
        (PAGE, {"Content_Encoding": "br"}, "is packed as 'br'"),
        (PAGE, {"Content_Length": str(len(PAGE) + 1)}, "cut short"),
        (b"zz\r\n", {"Content_Length": "", "Transfer_Encoding": "chunked"}, "cannot be fetched"),
        (b"", {}, "is empty"),
    ],
    ids=["bomb", "cut-gzip", "no-gzip", "brotli", "cut", "bad-chunks", "empty"],
)
def test_a_body_that_is_not_what_it_says_is_refused(
    site: Site, get, tmp_path: Path, body: bytes, headers: dict[str, str], wrong: str
) -> None:
    one = get(site.html("/a", body, **headers))
    assert wrong in one.failure
    assert copies(tmp_path) == []


@pytest.mark.parametrize("head", [b"junk\r\n\r\n", b"", b"HTTP/1.1 999999 \x1b[31m\r\n\r\n"])
def test_what_does_not_speak_http_is_a_complaint(site: Site, get, head: bytes) -> None:
    site.answers["/a"] = lambda asked: asked.wfile.write(head) and None
    failure = get(site.url("/a")).failure
    assert failure.startswith(("cannot be fetched", "is not there"))
    assert failure.isprintable()


def test_a_server_that_is_not_there_is_a_complaint(get, site: Site) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
        rules = replace(site.rules, ports=frozenset((port,)))
        assert "refused" in get(f"http://127.0.0.1:{port}/", rules).failure


def test_a_name_that_does_not_exist_is_a_complaint(get, site: Site) -> None:
    def nowhere(*_: Any, **__: Any) -> list[Any]:
        raise socket.gaierror(-2, "Name or service not known")

    rules = replace(site.rules, resolve=nowhere, ports=frozenset((80,)))
    assert "Name or service not known" in get("http://nowhere.example/", rules).failure


def test_https_is_spoken_where_it_is_asked_for(get, site: Site) -> None:
    one = get(site.html("/a").replace("http:", "https:"))
    assert "cannot be fetched" in one.failure
    assert site.asked == []  # the request was not sent in plain


@pytest.fixture
def secure(site: Site, tmp_path: Path) -> Path:
    """The certificate of the site, which speaks https from here on, under the name secure.example."""
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("needs openssl to make a certificate")
    made = tmp_path / "made.pem"
    name = ["-subj", "/CN=secure.example", "-addext", "subjectAltName=DNS:secure.example"]
    key = ["-x509", "-nodes", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"]
    command = [openssl, "req", *key, "-days", "2", *name, "-keyout", str(made), "-out", f"{made}.crt"]
    subprocess.run(command, check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(f"{made}.crt", made)
    site.server.socket = context.wrap_socket(site.server.socket, server_side=True)
    return Path(f"{made}.crt")


def test_https_is_read_from_who_can_prove_the_name(site: Site, secure: Path, get) -> None:
    site.html("/a", PAGE)
    addresses = addressed(["127.0.0.1"], ["127.0.0.1"], ["127.0.0.1"])
    rules = replace(site.rules, resolve=addresses, trust=lambda: ssl.create_default_context(cafile=secure))
    assert kept(get(f"https://secure.example:{site.port}/a", rules)) == PAGE
    assert "certificate" in get(f"https://other.example:{site.port}/a", rules).failure
    assert (
        "certificate"
        in get(f"https://secure.example:{site.port}/a", replace(rules, trust=RULES.trust)).failure
    )
    assert len(site.asked) == 1


def test_an_unsolicited_not_modified_is_a_complaint(get, site: Site) -> None:
    assert "304" in get(site.serve("/a", b"", 304)).failure
