"""The fields of an article from what its file says of it: title, source, URL, date, and the rest as ``meta``."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from urllib.parse import urlsplit

from rag.errors import CitewiseError, SettingsError
from rag.text import normalise
from rag.text import one_line as one_line  # all that makes fields of what a file says is found here

TITLE_CHARS = 300  # of a title that is given
FIRST_LINE_CHARS = 120  # of a first line that serves as the title
YEARS = range(1000, 3000)  # a year outside is a slip, or a placeholder such as 0001-01-01

NAMES = (
    "text",
    "title",
    "date",
    "author",
    "source",
    "url",
    "language",
    "id",
)  # that a map of fields may have

_FIELDS = ("title", "source", "url", "date")
_MONTHS = "january february march april may june july august september october november december".split()
_NAME = r"(?P<name>[a-z]{3,9})\.?"
_DAY = r"(?P<day>\d{1,2})(?:st|nd|rd|th)?"
_WEEKDAY = r"(?:[a-z]{3,9}\.?,?\s+)?"
_YEAR = r"(?P<year>\d{4})"
_TIME = r"(?:(?:,?\s+|t)\d{1,2}:?\d{2}.*)?\Z"  # read past: an article has a day
_DATES = [
    re.compile(pattern, re.IGNORECASE | re.DOTALL)
    for pattern in (
        rf"{_YEAR}(?P<mark>[-/.]?)(?P<month>\d\d)(?P=mark)(?P<day>\d\d){_TIME}",
        rf"{_YEAR}[-/.](?P<month>\d{{1,2}})(?:[-/.](?P<day>\d{{1,2}}){_TIME})?\Z",
        rf"{_YEAR}\Z",
        rf"{_WEEKDAY}{_DAY}\s+{_NAME},?\s+{_YEAR}{_TIME}",
        rf"{_WEEKDAY}{_NAME}\s+{_DAY},?\s+{_YEAR}{_TIME}",
        rf"{_NAME},?\s+{_YEAR}\Z",
    )
]
_HEADING = re.compile(r"^#[ \t]+(\S.*)", re.MULTILINE)
_CLOSING_HASHES = re.compile(r"\s#+\Z")


class Unfit(CitewiseError):
    """A value that an article cannot have; ``line`` counts from 1 in what was read, and is 0 if unknown."""

    def __init__(self, message: str, hint: str, line: int = 0) -> None:
        super().__init__(message, hint)
        self.line = line


@dataclass(frozen=True, slots=True)
class Fields:
    """What a file says about an article beside its text."""

    title: str
    source: str
    url: str
    published: date | None
    meta: dict[str, str]


def checked(fields: Mapping[str, str] | None) -> dict[str, str]:
    """Return a map of our names of fields to those of columns, which two of ours may share.

    Raises:
        SettingsError: it has a name that is none of ours, or a column's name that is empty or cannot be printed.
    """
    for ours, theirs in (fields or {}).items():
        if ours not in NAMES:
            raise SettingsError(
                f"fields names {_quoted(ours)}, which is no field", f"There are: {', '.join(NAMES)}."
            )
        if not isinstance(theirs, str) or not theirs.strip() or not theirs.isprintable():
            raise SettingsError(
                f"fields says that {ours} is in {_quoted(theirs)}, which is no name of a column",
                f"Name a column for each of these that you need: {', '.join(NAMES)}.",
            )
    return dict(fields or {})


def _quoted(name: object) -> str:
    return shorten(repr(name), 80)


def parse_fields(values: Mapping[str, object], *, is_exact: bool = True) -> Fields:
    """Sort values by field; other text, numbers and lists of text go into ``meta``, nested values nowhere.

    A URL that is not http or https goes into ``meta``, and so does a date that is not written as 2017-02-19, or
    cannot be read where ``is_exact`` is not asked.

    Raises:
        Unfit: the date cannot be read, or a field is not text.
    """
    meta = {one_line(name): text for name, value in values.items() if (text := _as_text(name, value))}
    title, source, url, written = (one_line(meta.pop(name, "")) for name in _FIELDS)
    published = _published(written, is_exact)
    if url and not _is_link(url):
        meta["url"], url = url, ""
    if written and (published is None or written != published.isoformat()):
        meta["date"] = written
    return Fields(shorten(title, TITLE_CHARS), source, url, published, meta)


def _published(written: str, is_exact: bool) -> date | None:
    try:
        return parse_date(written) if written else None
    except Unfit:
        if is_exact:
            raise
        return None


def parse_date(written: str) -> date:
    """Return the day that a date in an article's header means; without a day or a month, the first of them.

    Raises:
        Unfit: it is not a date, not a day of the calendar, or a form that means two days, such as 03/04/2017.
    """
    match = next((m for pattern in _DATES if (m := pattern.match(written))), None)
    parts = match.groupdict() if match else {}
    name: str = parts.get("name") or ""
    month = _month(name) if name else int(parts.get("month") or 1)
    if not parts or not month:
        raise Unfit(f"the date {shorten(written, 40)!r} cannot be read", "Write it as 2017-02-19.")
    if int(parts["year"]) not in YEARS:
        raise Unfit(
            f"the date {written!r} is outside {YEARS[0]} to {YEARS[-1]}", "Correct it, or leave it out."
        )
    try:
        return date(int(parts["year"]), month, int(parts.get("day") or 1))
    except ValueError as error:
        raise Unfit(f"the date {written!r} is not in the calendar: {error}", "Correct it.") from error


def _month(name: str) -> int:
    """Return the number of a month from its English name or the first letters of it, 0 for another word."""
    return next((n for n, month in enumerate(_MONTHS, start=1) if month.startswith(name.lower())), 0)


def title_of(text: str, is_markdown: bool) -> str:
    """Return a title for a text that was given none: its first Markdown heading of level 1, or its first line."""
    if is_markdown and (heading := _HEADING.search(text.partition("```")[0])):
        return shorten(_CLOSING_HASHES.sub("", one_line(heading[1])), TITLE_CHARS)
    first = text.lstrip().partition("\n")[0]
    return shorten(one_line(first.lstrip("#> ") if is_markdown else first), FIRST_LINE_CHARS)


def shorten(text: str, limit: int) -> str:
    """Return ``text`` if it has at most ``limit`` characters, else its beginning, cut after a word, and ``…``."""
    if len(text) <= limit:
        return text
    head = text[:limit]
    return (head[: head.rfind(" ")] if " " in head else head[:-1]) + "…"


def _as_text(name: str, value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, str):
        return normalise(value).strip()
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return str(value)
    if name in _FIELDS:
        raise Unfit(f"has a {name} that is not text", f"Write the {name} as text.")
    items = value if isinstance(value, list) else []
    return ", ".join(one_line(item) for item in items if isinstance(item, str))


def _is_link(url: str) -> bool:
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.netloc) and " " not in url
