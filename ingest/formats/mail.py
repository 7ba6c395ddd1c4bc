"""E-mail: a message (.eml) or a mailbox (.mbox), its text, what its header says, and the files it carries.

The standard library's older reader of headers (``compat32``) is meant: over hostile ones the newer one fails, and
its time grows with the square of their length.
"""

from __future__ import annotations

import codecs
import hashlib
import io
from collections.abc import Iterator, Mapping
from dataclasses import replace
from email import message_from_bytes
from email.errors import HeaderParseError
from email.header import decode_header
from email.message import Message
from email.policy import compat32
from email.utils import parseaddr, parsedate_to_datetime
from pathlib import PurePath
from typing import BinaryIO

from ingest import formats
from ingest.decode import decode
from ingest.fields import YEARS, Unfit, one_line
from ingest.formats import Item, Parsed, Wrong
from ingest.formats.ids import Ids
from ingest.formats.inner import inner
from ingest.formats.mailbox import messages
from ingest.formats.markup import html_text

MAX_MESSAGE_BYTES = 64 * 2**20
MAX_MESSAGE_LINES = 1_000_000  # base64 of 64 MB has 885,000; each is an object of Python
MAX_PARTS = 10_000

_MAX_HEADER_CHARS = 10_000
_MAX_DEPTH = 20  # of a message in a message, or of parts in parts
_STUB_SHARE = 10  # a plain text this much shorter than the HTML beside it only says that there is HTML
_MEND = "Save it again from the mail program."


def parse(file: BinaryIO, name: str, fields: Mapping[str, str]) -> Iterator[Item]:
    """Yield the text of each message, then that of each file that it carries.

    The message of an .eml has an empty id, one of a mailbox its Message-ID; a file's id begins with its message's.

    Raises:
        Unfit: it is not a mailbox; or the one message of an .eml cannot be read.
    """
    ids = Ids()
    if formats.suffix_of(name) != ".mbox":
        yield from _message(_bounded(file), "", ids, fields, source="")
        return
    for number, raw in enumerate(messages(file, MAX_MESSAGE_BYTES), start=1):
        try:
            if raw is None:
                raise _too_long()
            yield from _message(raw, None, ids, fields, source=PurePath(name).stem)
        except Unfit as wrong:
            yield Wrong(f"message {number}", wrong.message, wrong.hint)


def _bounded(file: BinaryIO) -> bytes:
    raw = file.read(MAX_MESSAGE_BYTES + 1)
    if len(raw) > MAX_MESSAGE_BYTES:
        raise _too_long()
    return raw


def _too_long() -> Unfit:
    return Unfit(f"has over {MAX_MESSAGE_BYTES:,} bytes", "Save its text, and what it carries, as files.")


def _message(raw: bytes, id: str | None, ids: Ids, fields: Mapping[str, str], source: str) -> Iterator[Item]:
    """Yield a message and what it carries; ``id`` None means its Message-ID, or a sum of it if it has none."""
    message = _parsed(raw)
    values = _values(message, source)
    if id is None:
        id = ids.new(_header(message, "Message-ID").strip("<> ") or hashlib.sha256(raw).hexdigest()[:16])
    text = _text(message, 0)
    if text:
        yield Parsed((text,), id, values)
    is_silent = not text
    for part in message.walk():
        for item in _carried(part, id, ids, fields):
            if isinstance(item, Parsed):
                is_silent = False
                item = replace(item, values=_inherited(values) | dict(item.values))
            yield item
    if is_silent:
        raise Unfit("has no text", "Save what it carries as a file of its own.")


def _parsed(raw: bytes) -> Message:
    raw = raw.removeprefix(codecs.BOM_UTF8).lstrip(b"\r\n")
    if raw.count(b"\n") > MAX_MESSAGE_LINES or raw.count(b"\n--") > 2 * MAX_PARTS:
        raise Unfit("has too many lines or parts", _MEND)
    try:
        message = message_from_bytes(raw, policy=compat32)
    except RecursionError as error:
        raise Unfit("is nested too deeply", _MEND) from error
    if not message.keys():
        raise Unfit("has no header, such as From and Subject", _MEND)
    return message


# ---- Header


def _values(message: Message, source: str) -> dict[str, object]:
    list_name = _header(message, "List-Id")
    found = {
        "title": _header(message, "Subject"),
        "author": _author(message),
        "date": _date(message),
        "source": list_name.partition("<")[0].strip('" ') or list_name.strip("<> ") or source,
        "url": _header(message, "Archived-At").strip("<> "),
        "language": _header(message, "Content-Language"),
    }
    return {name: value for name, value in found.items() if value}


def _author(message: Message) -> str:
    try:
        name, address = parseaddr(_raw_header(message, "From"))
    except RecursionError:  # of comments in comments
        return ""
    return _decoded(name) or address


def _date(message: Message) -> str:
    """Return the day on which it was written, where it was written; empty if that is not known."""
    try:
        written = parsedate_to_datetime(_header(message, "Date"))
    except (ValueError, TypeError, OverflowError, IndexError):
        return ""
    return written.date().isoformat() if written.year in YEARS else ""


def _header(message: Message, name: str) -> str:
    return _decoded(_raw_header(message, name))


def _raw_header(message: Message, name: str) -> str:
    """Return a header as it is written, its bytes over 127 decoded; empty if it is missing."""
    raw = next((value for key, value in message.raw_items() if key.lower() == name.lower()), "")
    written = str(raw)[:_MAX_HEADER_CHARS]
    if written.isascii():
        return written
    try:
        return decode(written.encode("utf-8", "surrogateescape"))[0]
    except Unfit:
        return written


def _decoded(written: str) -> str:
    """Return a header with its encoded words (RFC 2047) in plain, as one line."""
    try:
        pieces = decode_header(written)
    except (HeaderParseError, ValueError):
        return one_line(written)
    return one_line("".join(_word(piece, charset) for piece, charset in pieces))


def _word(piece: bytes | str, charset: str | None) -> str:
    if isinstance(piece, str):
        return piece
    try:
        return piece.decode(charset or "raw-unicode-escape", "replace")
    except (LookupError, ValueError):
        return piece.decode("latin-1")


# ---- Text


def _text(part: Message, depth: int) -> str:
    """Return the text that a mail program shows of a part: what is attached to it is none."""
    if depth > _MAX_DEPTH:
        raise Unfit("is nested too deeply", _MEND)
    kind = part.get_content_type()
    if part.is_multipart():
        texts = [_text(inner, depth + 1) for inner in part.get_payload() if isinstance(inner, Message)]
        if kind == "multipart/alternative":
            return _preferred(part, texts)
        return "\n\n".join(filter(None, texts))
    if _name(part) or part.get_content_disposition() == "attachment":
        return ""
    if kind == "text/html":
        return html_text(_content(part))
    is_plain = kind == "text/plain" or kind.startswith("multipart/")  # of parts that cannot be told apart
    return _content(part).strip("\r\n") if is_plain else ""


def _preferred(part: Message, texts: list[str]) -> str:
    """Return the plain text of several forms of one, unless it is a stub."""
    longest = max(texts, key=len, default="")
    kinds = [inner.get_content_type() for inner in part.get_payload() if isinstance(inner, Message)]
    plain = next((text for text, kind in zip(texts, kinds, strict=True) if kind == "text/plain"), "")
    return plain if len(plain) * _STUB_SHARE >= len(longest) else longest


def _content(part: Message) -> str:
    """Return the text of a part by the charset that it names, or by what fits if that does not.

    Raises:
        Unfit: it is binary, or in no encoding that can be told.
    """
    payload = part.get_payload(decode=True)
    raw = payload if isinstance(payload, bytes) else b""
    charset = (part.get_content_charset() or "").replace("\0", "")
    try:
        if charset not in ("", "us-ascii", "ascii"):
            return raw.decode(charset).replace("\0", "")
    except (LookupError, ValueError):
        pass
    return decode(raw)[0]


# ---- What it carries


def _carried(part: Message, message: str, ids: Ids, fields: Mapping[str, str]) -> Iterator[Item]:
    """Yield what is in a part that is a file of a format that is read; archives and mail are not opened."""
    name = _name(part)
    suffix = formats.suffix_of(name)
    if part.is_multipart() or not suffix or formats.MODULES[suffix] in ("archive", "mail"):
        return
    payload = part.get_payload(decode=True)
    file = io.BytesIO(payload if isinstance(payload, bytes) else b"")
    yield from inner(ids.new(f"{message}/{name}".lstrip("/")), name, file, fields)


def _inherited(values: Mapping[str, object]) -> dict[str, object]:
    """Return what is true of a file that a message carries, if the file does not say otherwise."""
    return {name: values[name] for name in ("source", "date") if name in values}


def _name(part: Message) -> str:
    """Return the name of the file that a part is; empty if it is none."""
    try:
        name = part.get_filename() or ""
    except (LookupError, ValueError):
        return ""
    return one_line(PurePath(_decoded(name).replace("\\", "/")).name)
