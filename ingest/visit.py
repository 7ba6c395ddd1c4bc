"""One page from the network: asked for at a public address only, within a time, and never longer than allowed."""

from __future__ import annotations

import http.client
import io
import socket
import ssl
import time
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from typing import Any
from urllib.parse import urlsplit

from ingest.addresses import is_public, port_of, redirected
from ingest.fields import Unfit, shorten
from ingest.formats.ids import plain

MAX_REDIRECTS = 5

_ACCEPTED = (
    "text/html, application/xhtml+xml, application/pdf, text/markdown, application/rss+xml, "
    "application/atom+xml, application/xml;q=0.9, text/plain;q=0.9, */*;q=0.1"
)
_MOVED = (301, 302, 303, 307, 308)
_NOT_MODIFIED = 304
_MAX_ADDRESSES = 4  # of one name that are tried
_CHUNK_BYTES = 2**16
_MEND = "Check the address, or save the page as a file."


@dataclass(frozen=True, slots=True)
class Rules:
    """Which machines may be asked, what an answer may cost, and how names become addresses."""

    is_allowed: Callable[[str], bool] = is_public
    ports: frozenset[int] = frozenset((80, 443, 8080, 8443))
    max_bytes: int = 32 * 2**20  # as sent, and unpacked
    connect_s: float = 10.0
    total_s: float = 30.0  # for a page, with its redirects
    resolve: Callable[..., list[Any]] = socket.getaddrinfo
    trust: Callable[[], ssl.SSLContext] = ssl.create_default_context  # whom the system trusts


RULES = Rules()


@dataclass(frozen=True, slots=True)
class Marks:
    """What a server told a page's state by, and the URL that it was at; to ask whether it has changed."""

    url: str
    etag: str = ""
    modified: str = ""

    def headers(self, url: str) -> dict[str, str]:
        """Return the headers that ask so, at the URL that they came from."""
        if url != self.url:
            return {}
        asked = {"If-None-Match": self.etag, "If-Modified-Since": self.modified}
        return {name: value for name, value in asked.items() if value}


@dataclass(frozen=True, slots=True)
class Page:
    """What a server sent: the bytes unpacked, their type in lower case with its charset, and its state."""

    body: bytes = field(repr=False)
    type: str
    charset: str
    marks: Marks


def visit(url: str, known: Marks | None, rules: Rules = RULES) -> Page | None:
    """Return what is at a normalised URL; None if it is as it was ``known``.

    Redirects are followed, each checked as the first is.

    Raises:
        Unfit: it may not be asked, does not answer in time, or sends what is not read.
    """
    clock = _Clock(rules)
    try:
        for _ in range(MAX_REDIRECTS + 1):
            found = _ask(url, known, rules, clock)
            if not isinstance(found, str):
                return found
            url = found
    except Unfit:
        raise
    except TimeoutError as error:
        limits = f"{rules.connect_s:g} seconds to connect, {rules.total_s:g} in all"
        raise Unfit(f"did not answer in time ({limits})", _MEND) from error
    except (OSError, http.client.HTTPException, ValueError) as error:
        said = shorten(plain(str(error) or type(error).__name__), 200)
        raise Unfit(f"cannot be fetched: {said}", _MEND) from error
    raise Unfit(f"leads on over {MAX_REDIRECTS} times", "Give the page itself.")


class _Clock:
    """The time that is left for a page."""

    def __init__(self, rules: Rules) -> None:
        self._end = time.monotonic() + rules.total_s

    def left(self, most: float = float("inf")) -> float:
        """Return the seconds that are left.

        Raises:
            TimeoutError: there are none.
        """
        left = min(self._end - time.monotonic(), most)
        if left <= 0:
            raise TimeoutError("the time is up")
        return left


# ---- One request


def _ask(url: str, known: Marks | None, rules: Rules, clock: _Clock) -> Page | str | None:
    """Return the page at a URL, the URL that it leads to, or None if it has not changed."""
    if port_of(url) not in rules.ports:
        listed = ", ".join(map(str, sorted(rules.ports)))
        raise Unfit(f"is at port {port_of(url)}, which is not asked", f"There are: {listed}.")
    parts = urlsplit(url)
    asked = known.headers(url) if known else {}
    connection = _Connection(parts.hostname or "", port_of(url), parts.scheme == "https", rules, clock)
    try:
        target = parts.path + (f"?{parts.query}" if parts.query else "")
        connection.request("GET", target, headers=_headers() | asked)
        with connection.getresponse() as response:
            if response.status == _NOT_MODIFIED and asked:
                return None
            if response.status in _MOVED and (location := response.getheader("Location")):
                return redirected(url, location)
            if response.status != http.client.OK:
                said = shorten(plain(f"{response.status} {response.reason}"), 80)
                raise Unfit(f"is not there: the server answered {said}", _MEND)
            return _page(url, response, rules)
    finally:
        connection.close()


def _headers() -> dict[str, str]:
    return {
        "User-Agent": _agent(),
        "Accept": _ACCEPTED,
        "Accept-Encoding": "gzip",
        "Connection": "close",
    }


@cache
def _agent() -> str:
    try:
        return f"citewise/{version('citewise')}"
    except PackageNotFoundError:
        return "citewise"


class _Connection(http.client.HTTPConnection):
    """A connection that looks at the address it goes to, so that no name can stand for another machine."""

    def __init__(self, host: str, port: int, is_secure: bool, rules: Rules, clock: _Clock) -> None:
        super().__init__(host, port)
        self.default_port = 443 if is_secure else 80  # which the Host header leaves out
        self._is_secure, self._rules, self._clock = is_secure, rules, clock

    def connect(self) -> None:
        """Connect to the first address that answers, if all of them may be asked."""
        found = self._rules.resolve(self.host, self.port, type=socket.SOCK_STREAM)
        for *_, address in found:
            if not self._rules.is_allowed(str(address[0])):
                raise Unfit(f"is at {address[0]}, which is no public address", "Save the page as a file.")
        connected = self._connected(found[:_MAX_ADDRESSES])
        try:
            if self._is_secure:
                connected.settimeout(self._clock.left())
                connected = self._rules.trust().wrap_socket(connected, server_hostname=self.host)
        except BaseException:
            connected.close()
            raise
        self.sock: Any = _Wire(connected, self._clock)

    def _connected(self, found: list[Any]) -> socket.socket:
        wrong: OSError = OSError("its name has no address")
        for family, kind, protocol, _, address in found:
            attempt = socket.socket(family, kind, protocol)
            try:
                attempt.settimeout(self._clock.left(self._rules.connect_s))
                attempt.connect(address)
                return attempt
            except OSError as error:
                attempt.close()
                wrong = error
        raise wrong


class _Wire:
    """A socket whose every wait ends when the time for the page does, however slowly bytes come."""

    def __init__(self, inner: socket.socket, clock: _Clock) -> None:
        self._inner, self._clock, self._is_lent = inner, clock, False

    def sendall(self, data: Any) -> None:
        self._inner.settimeout(self._clock.left())
        self._inner.sendall(data)

    def makefile(self, *_: Any, **__: Any) -> io.BufferedReader:
        self._is_lent = True
        return io.BufferedReader(_Stream(self._inner, self._clock))

    def close(self) -> None:
        if not self._is_lent:  # http.client closes it before it reads an answer that ends with the connection
            self._inner.close()


class _Stream(io.RawIOBase):
    def __init__(self, inner: socket.socket, clock: _Clock) -> None:
        self._inner, self._clock = inner, clock

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        self._inner.settimeout(self._clock.left())
        return self._inner.recv_into(buffer)

    def close(self) -> None:
        self._inner.close()
        super().close()


# ---- What comes back


def _page(url: str, response: http.client.HTTPResponse, rules: Rules) -> Page:
    if response.length is not None and response.length > rules.max_bytes:
        raise _too_long(rules)
    body = _unpacked(_received(response, rules), response.getheader("Content-Encoding") or "", rules)
    if not body:
        raise Unfit("is empty", _MEND)
    marks = Marks(url, _mark(response, "ETag"), _mark(response, "Last-Modified"))
    charset = response.headers.get_content_charset() or ""
    type = (response.getheader("Content-Type") or "").partition(";")[0].strip().lower()
    return Page(body, type, charset, marks)


def _received(response: http.client.HTTPResponse, rules: Rules) -> bytes:
    data = bytearray()
    while chunk := response.read(_CHUNK_BYTES):
        data += chunk
        if len(data) > rules.max_bytes:
            raise _too_long(rules)
    if response.length:  # what was announced and did not come
        raise Unfit("was cut short on its way", "Run it again.")
    return bytes(data)


def _unpacked(data: bytes, packing: str, rules: Rules) -> bytes:
    packing = packing.strip().lower()
    if packing in ("", "identity"):
        return data
    if packing not in ("gzip", "x-gzip"):
        raise Unfit(f"is packed as {shorten(plain(packing), 40)!r}, which is not read", _MEND)
    unpacking = zlib.decompressobj(wbits=31)
    try:
        unpacked = unpacking.decompress(data, rules.max_bytes + 1)
    except zlib.error as error:
        raise Unfit(f"is not packed as it says: {error}", _MEND) from error
    if len(unpacked) > rules.max_bytes:
        raise _too_long(rules)
    if not unpacking.eof:
        raise Unfit("was cut short on its way", "Run it again.")
    return unpacked


def _too_long(rules: Rules) -> Unfit:
    return Unfit(f"has over {rules.max_bytes:,} bytes", "Save it as a file, or give a part of it.")


def _mark(response: http.client.HTTPResponse, name: str) -> str:
    value = response.getheader(name) or ""
    return value if value.isascii() and value.isprintable() and len(value) <= 1000 else ""
