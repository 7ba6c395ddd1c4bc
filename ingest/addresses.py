"""Addresses on the network: a URL in its one form, and which machines may be asked at all."""

from __future__ import annotations

import re
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from urllib.parse import SplitResult, quote, urljoin, urlsplit, urlunsplit

from ingest.fields import Unfit

MAX_URL_CHARS = 2000

_DEFAULT_PORTS = {"http": 80, "https": 443}
_HOST = re.compile(r"[a-z0-9_](?:[a-z0-9._-]*[a-z0-9_])?|[0-9a-f:.]*:[0-9a-f:.]*")
_MARKS = "!$&'()*+,;=:@/~"  # what may stand in a path as it is
_CREDENTIALS = re.compile(r"(?<=//)[^/?#]*@")
# IANA's registries of special-purpose addresses: what is not on the open network.
_SPECIAL_4 = [
    ip_network(block)
    for block in (
        *("0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12"),
        *("192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15"),
        *("198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4"),
    )
]
_OPEN_6 = ip_network("2000::/3")  # all that is assigned to the open network lies in here
_SPECIAL_6 = [ip_network(block) for block in ("2001::/23", "2001:db8::/32", "3fff::/20")]
_NAT64 = ip_network("64:ff9b::/96")


def is_public(address: str) -> bool:
    """Return whether an IP address is one of the open network: not private, of this machine, or special.

    One of version 6 that stands for one of version 4 is what that is.
    """
    try:
        parsed = ip_address(address)
    except ValueError:  # as with a zone: fe80::1%eth0
        return False
    inner = _inner(parsed) if isinstance(parsed, IPv6Address) else parsed
    if isinstance(inner, IPv4Address):
        return not any(inner in block for block in _SPECIAL_4)
    return inner in _OPEN_6 and not any(inner in block for block in _SPECIAL_6)


def _inner(address: IPv6Address) -> IPv4Address | IPv6Address:
    if address in _NAT64:
        return IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour or address


def normalised(url: str) -> str:
    """Return a URL in the one form by which it is known: host in lower case and ASCII, without a fragment.

    Raises:
        Unfit: it is not http or https, has a name and password in it, or is none.
    """
    if len(url) > MAX_URL_CHARS or " " in url or not url.isprintable():
        raise Unfit(f"is not a URL: it has white space, or over {MAX_URL_CHARS:,} characters", "Correct it.")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise Unfit(f"is not a URL: {error}", "Correct it.") from error
    if parts.scheme not in _DEFAULT_PORTS:
        raise Unfit("is not an http or https URL", "Give one of these.")
    if "@" in parts.netloc:
        raise Unfit("has a name or a password in it, which is not sent", "Leave them out.")
    host = _host(parts)
    where = f"[{host}]" if ":" in host else host
    if port not in (None, _DEFAULT_PORTS[parts.scheme]):
        where += f":{port}"
    path = quote(parts.path or "/", safe=_MARKS + "%")
    return urlunsplit((parts.scheme, where, path, quote(parts.query, safe=_MARKS + "%?"), ""))


def _host(parts: SplitResult) -> str:
    given = parts.hostname or ""
    try:
        host = given if given.isascii() else given.encode("idna").decode()
    except UnicodeError as error:
        raise Unfit(f"has a host that is no name: {error}", "Correct it.") from error
    host = host.lower().removesuffix(".")
    if not _HOST.fullmatch(host):
        raise Unfit("has no host, or one that is no name", "Correct it.")
    return host


def redirected(url: str, location: str) -> str:
    """Return where an answer to ``url`` leads.

    Raises:
        Unfit: to what is no URL of ours, or from https to http, where anybody on the way could change it.
    """
    try:
        target = normalised(urljoin(url, location))
    except (Unfit, ValueError) as error:
        raise Unfit("leads to what is not an http or https URL", "Give the page itself.") from error
    if url.startswith("https:") and target.startswith("http:"):
        raise Unfit("leads from https to http, which is not followed", "Give the page itself.")
    return target


def port_of(url: str) -> int:
    """Return the port of a URL, the usual one of its scheme if it names none."""
    parts = urlsplit(url)
    return parts.port or _DEFAULT_PORTS[parts.scheme]


def without_credentials(url: str) -> str:
    """Return a URL as it may be shown, without what a password could be in."""
    return _CREDENTIALS.sub("", url)
