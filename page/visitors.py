"""Who asks: a login, or a signed random id in the browser; and the headers that keep a page to itself."""

from __future__ import annotations

import hashlib
import hmac
import os
import re
import secrets
import unicodedata
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from rag.errors import SettingsError

COOKIE = "citewise_visitor"
_YEAR_S = 365 * 24 * 3600
_ID_BYTES = 16
_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
_MAX_VALUE_CHARS = 129  # an id, a dot, and a signature of 64 hexadecimal digits

# Gradio's page runs scripts and styles that stand in it, evaluates templates and draws from data: and blob:
# addresses; nothing of it comes from another host.
_POLICY = "; ".join(
    (
        "default-src 'self' data: blob:",
        "script-src 'self' 'unsafe-inline' 'unsafe-eval' blob:",
        "style-src 'self' 'unsafe-inline'",
        "object-src 'none'",
        "base-uri 'self'",
        "form-action 'self'",
        "frame-ancestors 'self'",
    )
)
_SECURITY = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"x-frame-options", b"SAMEORIGIN"),
    (b"content-security-policy", _POLICY.encode()),
)

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]
Headers = list[tuple[bytes, bytes]]


def sign(id: str, secret: bytes) -> str:
    """Return ``id.signature``, in characters that a cookie may have."""
    signature = hmac.new(secret, f"{COOKIE} {id}".encode(), hashlib.sha256)
    return f"{id}.{signature.hexdigest()}"


def verified(value: str | None, secret: bytes) -> str | None:
    """Return the id of a value that ``sign`` gave, None for any other."""
    if not value or len(value) > _MAX_VALUE_CHARS or not value.isascii():
        return None
    id = value.partition(".")[0]
    if not _ID.fullmatch(id) or not hmac.compare_digest(sign(id, secret), value):
        return None
    return id


def owner_of(username: str | None, cookie: str | None, secret: bytes, session: str) -> str:
    """Return whose the conversations are: a login's, else a visitor's, else this one session's."""
    if username:
        return f"login:{_composed(username)}"
    visitor = verified(cookie, secret)
    return f"visitor:{visitor}" if visitor else f"session:{session}"


class Visits:
    """An ASGI middleware: each visitor of a document gets a signed id, and each response the security headers.

    What the script of another site asks, in the name of the person who has it open, is refused.
    The id is in the request's cookies already when it is given. ``secure`` says that browsers come by https
    even where the server itself is asked by http.
    """

    def __init__(self, app: App, secret: bytes, secure: bool = False) -> None:
        self.app = app
        self.secret = secret
        self.secure = secure

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, and its response back as it comes."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        if _is_foreign(scope["headers"]):
            await _refuse(send)
            return
        values = [value for name, value in _cookies(scope["headers"]) if name == COOKIE]
        visitor = next((value for value in values if verified(value, self.secret)), None)
        fresh = None
        if not visitor and _asks_for_document(scope):
            visitor = fresh = sign(secrets.token_urlsafe(_ID_BYTES), self.secret)
        if visitor and values != [visitor]:
            scope = {**scope, "headers": _with_cookie(scope["headers"], visitor)}
        added = self._cookie(fresh, scope) if fresh else []

        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start":
                message = {**message, "headers": _secured(message.get("headers", ()), added)}
            await send(message)

        await self.app(scope, receive, sending)

    def _cookie(self, value: str, scope: Scope) -> Headers:
        secure = "; Secure" if self.secure or scope.get("scheme") == "https" else ""
        cookie = f"{COOKIE}={value}; Path=/; Max-Age={_YEAR_S}; HttpOnly; SameSite=Lax{secure}"
        # what gives an id to one person must not be kept by a proxy and given to the next
        return [(b"set-cookie", cookie.encode()), (b"cache-control", b"no-store")]


def _is_foreign(headers: Iterable[tuple[bytes, bytes]]) -> bool:
    """Whether a page of another host asks; ports are left out, since proxies drop them."""
    said = {name.lower(): value.decode("latin-1") for name, value in headers}
    if (origin := said.get(b"origin")) is None:
        return False
    ours = {_host(f"//{said[name]}") for name in (b"host", b"x-forwarded-host") if name in said}
    return not (host := _host(origin)) or host not in ours


def _host(address: str) -> str | None:
    try:
        return urlsplit(address).hostname
    except ValueError:
        return None


async def _refuse(send: Send) -> None:
    """Answer nothing of what was asked."""
    headers = [(b"content-type", b"text/plain; charset=utf-8"), *_SECURITY]
    await send({"type": "http.response.start", "status": 403, "headers": headers})
    text = b"The page of another site asks. If this is your own proxy, let it pass on the Host header.\n"
    await send({"type": "http.response.body", "body": text})


def _asks_for_document(scope: Scope) -> bool:
    accepted = b",".join(value for name, value in scope["headers"] if name.lower() == b"accept")
    return scope["method"] == "GET" and b"text/html" in accepted.lower()


def _cookies(headers: Iterable[tuple[bytes, bytes]]) -> list[tuple[str, str]]:
    """Return the (name, value) of each cookie of a request, in order."""
    sent = b";".join(value for name, value in headers if name.lower() == b"cookie").decode("latin-1")
    pairs = (pair.partition("=") for pair in sent.split(";") if pair.strip())
    return [(name.strip(), value.strip()) for name, _, value in pairs]


def _with_cookie(headers: Iterable[tuple[bytes, bytes]], visitor: str) -> Headers:
    """Return the headers of a request with this visitor and no other."""
    headers = list(headers)
    kept = [f"{name}={value}" for name, value in _cookies(headers) if name != COOKIE]
    cookie = "; ".join((*kept, f"{COOKIE}={visitor}")).encode("latin-1")
    return [*((name, value) for name, value in headers if name.lower() != b"cookie"), (b"cookie", cookie)]


def _secured(headers: Iterable[tuple[bytes, bytes]], added: Headers) -> Headers:
    """Return the headers of a response with ours instead of those of the same name; its own cookies stay."""
    ours = [*_SECURITY, *added]
    replaced = {name for name, _ in ours} - {b"set-cookie"}
    return [*((name, value) for name, value in headers if name.lower() not in replaced), *ours]


# -- logins -------------------------------------------------------------------------------------------

_SCRYPT = {"n": 2**12, "r": 8, "p": 1}  # 13 ms and 4 MiB a try, so that many names do not delay the start
_SALT_BYTES = 16
Kept = tuple[bytes, bytes]  # salt, hash


def logins(path: Path) -> Callable[[str, str], bool]:
    """Return what says whether a name and a password are in a file of lines ``name:password``.

    Blank lines and lines that begin with ``#`` do not count. A try takes as long for an unknown name.

    Raises:
        SettingsError: the file is missing, open to others, or a line of it is no login.
    """
    known: dict[str, Kept] = {}
    for number, line in enumerate(_read(path).split("\n"), 1):
        if line.strip() and not line.startswith("#"):
            name, password = _login(line, f"{path}:{number}")
            if name in known:
                raise SettingsError(f"{path}:{number}: {name} is there twice", "Keep one of the two lines.")
            known[name] = _kept(password)
    if not known:
        raise SettingsError(f"{path} has no login", "Write a line name:password into it.")
    nobody = _kept(secrets.token_urlsafe())

    def check(name: str, password: str) -> bool:
        salt, expected = known.get(_composed(name), nobody)
        return hmac.compare_digest(_hash(password, salt), expected)

    return check


def _read(path: Path) -> str:
    try:
        with path.open(encoding="utf-8-sig") as file:
            if os.name == "posix" and (mode := os.fstat(file.fileno()).st_mode & 0o777) & 0o077:
                raise SettingsError(
                    f"{path} has passwords and is open to others (mode {mode:o}, expected 600)",
                    f"Run: chmod 600 {path}",
                )
            return file.read()
    except UnicodeDecodeError as error:
        raise SettingsError(f"{path} is not text in UTF-8", "Save it as UTF-8.") from error
    except OSError as error:
        raise SettingsError(
            f"{path}: {error.strerror or error}", "Name a file of lines name:password."
        ) from error


def _login(line: str, place: str) -> tuple[str, str]:
    name, colon, password = line.partition(":")
    name = _composed(name.strip())
    if not colon:
        raise SettingsError(f"{place}: there is no colon", "Write the line as name:password.")
    if not name or not password:
        missing = "password" if name else "name"
        raise SettingsError(f"{place}: the {missing} is empty", "Write the line as name:password.")
    return name, password


def _kept(password: str) -> Kept:
    salt = secrets.token_bytes(_SALT_BYTES)
    return salt, _hash(password, salt)


def _hash(password: str, salt: bytes) -> bytes:
    return hashlib.scrypt(_composed(password).encode(errors="surrogatepass"), salt=salt, **_SCRYPT)


def _composed(text: str) -> str:
    """Return a name or password as NFC: keyboards differ in how they write an accent."""
    return unicodedata.normalize("NFC", text)
