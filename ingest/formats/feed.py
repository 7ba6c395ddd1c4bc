"""RSS and Atom: an entry is an article, with as much text as the feed gives it."""

from __future__ import annotations

import hashlib
import html
import io
import re
from collections.abc import Iterator, Mapping
from datetime import date
from time import struct_time
from typing import Any, BinaryIO

from ingest.fields import YEARS, Unfit, one_line, shorten
from ingest.formats import Item, Parsed, Wrong
from ingest.formats.dates import first_day
from ingest.formats.ids import Ids
from ingest.formats.markup import html_text
from ingest.formats.prolog import refuse_entities, xml_text

MAX_FEED_CHARS = 16 * 2**20  # feedparser needs 0.6 s for a million of a sound one, 4 s of a hostile one

_PLAIN = "text/plain"
_DATES = ("published", "created", "updated")
_LINK = re.compile(r"https?://", re.IGNORECASE)
_OPENING, _CLOSING = re.compile(r"<(?:item|entry)[\s>]"), re.compile(r"</(?:item|entry)\s*>")


def parse(file: BinaryIO, name: str, fields: Mapping[str, str]) -> Iterator[Item]:  # noqa: ARG001 - a seam
    """Yield each entry of a feed; its id is what the feed calls its id, or its link.

    Raises:
        Unfit: it is not a feed, has no entry, or defines entities.
    """
    yield from entries(xml_text(file))


def entries(xml: str) -> Iterator[Item]:
    """Yield each entry of a feed that is decoded already.

    Raises:
        Unfit: it is not a feed, has no entry, is too long, or defines entities.
    """
    import feedparser

    refuse_entities(xml)
    if len(xml) > MAX_FEED_CHARS:
        raise Unfit(f"has {len(xml):,} characters, a feed at most {MAX_FEED_CHARS:,}", "Split it.")
    # Bytes, because a text can be taken for a URL and fetched; what is not shown needs no cleaning.
    feed = feedparser.parse(
        io.BytesIO(xml.encode("utf-8", "replace")),
        response_headers={"content-type": "application/xml; charset=utf-8"},
        sanitize_html=False,
        resolve_relative_uris=False,
    )
    if not feed.entries:
        wrong = "is a feed without entries" if feed.get("version") else "is not a feed: neither RSS nor Atom"
        raise Unfit(wrong, "Save the feed again, or leave it out.")
    ids = Ids()
    whole = feed.entries[:-1] if _is_cut(xml) else feed.entries
    for entry in whole:
        yield _item(entry, feed.feed, ids)
    for entry in feed.entries[len(whole) :]:
        yield Wrong(ids.new(_id(entry)), "is cut short: the feed ends within it", "Save the feed again.")


def _is_cut(xml: str) -> bool:
    """Return whether the last entry has no end: what is left of it would pass for an article."""
    last = max((match.start() for match in _OPENING.finditer(xml)), default=len(xml))
    return last < len(xml) and not _CLOSING.search(xml, last)


def _item(entry: Any, feed: Any, ids: Ids) -> Item:
    title = _plain(entry.get("title_detail"))
    id = ids.new(_id(entry))
    try:
        text = _text(entry)
    except Unfit as wrong:
        return Wrong(id, wrong.message, wrong.hint)
    if not text:
        said = f"has no text, only a title: {shorten(title, 80)!r}"
        return Wrong(id, said, "Give the page that it links to.", is_other_data=True)
    return Parsed((text,), id, _values(entry, feed, title))


def _id(entry: Any) -> str:
    """Return what the feed calls an entry, or a sum of what it says."""
    said = "\0".join(str(entry.get(name) or "") for name in ("title", "published", "summary"))
    return str(
        entry.get("id") or entry.get("link") or hashlib.sha256(said.encode(errors="replace")).hexdigest()[:16]
    )


def _text(entry: Any) -> str:
    """Return the longest text that an entry has: its content, or else its summary."""
    contents = [*entry.get("content", ()), *filter(None, [entry.get("summary_detail")])]
    return max(map(_rendered, contents), key=len, default="")


def _rendered(content: Any) -> str:
    value = str(content.get("value") or "")
    if content.get("type") == _PLAIN:
        return value.strip()
    return html_text(value) if "<" in value else html.unescape(value).strip()  # its lines are then meant


def _plain(content: Any) -> str:
    try:
        return one_line(_rendered(content)) if content else ""
    except Unfit:
        return ""


def _values(entry: Any, feed: Any, title: str) -> dict[str, object]:
    found: dict[str, object] = {
        "title": title,
        "url": link if _LINK.match(link := str(entry.get("link") or "")) else "",
        "date": _date(entry),
        "author": one_line(str((entry.get("author_detail") or {}).get("name") or entry.get("author") or "")),
        "source": _plain(feed.get("title_detail")),
        "language": str((entry.get("title_detail") or {}).get("language") or feed.get("language") or ""),
        "tags": [one_line(str(tag.get("term") or "")) for tag in entry.get("tags", ())],
    }
    return {name: value for name, value in found.items() if value}


def _date(entry: Any) -> str:
    """Return the day as it is written, or else as feedparser reads it, in UTC."""
    named = [
        name for name in _DATES if name in entry
    ]  # asked for another, feedparser gives a like one and warns
    written = first_day(str(entry[name]) for name in named)
    parsed = (entry.get(f"{name}_parsed") for name in named)
    read = (
        date(*day[:3]).isoformat() for day in parsed if isinstance(day, struct_time) and day.tm_year in YEARS
    )
    return written or next(read, "")
