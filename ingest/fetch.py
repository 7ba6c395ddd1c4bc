"""Pages and feeds from the network, as copies in the index folder that are read like any other file."""

from __future__ import annotations

import codecs
import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path, PurePosixPath
from urllib.parse import urlsplit

from ingest.addresses import normalised, without_credentials
from ingest.fields import Unfit, shorten
from ingest.formats.ids import plain
from ingest.visit import RULES, Marks, Page, Rules, visit
from rag.index.durable import replace, unwritable

FOLDER = "fetched"

_SUFFIXES: Mapping[str, str] = {
    "text/html": ".html",
    "application/xhtml+xml": ".xhtml",
    "application/pdf": ".pdf",
    "application/x-pdf": ".pdf",
    "text/plain": ".txt",
    "text/markdown": ".md",
    "text/x-markdown": ".md",
    "application/rss+xml": ".rss",
    "application/atom+xml": ".atom",
    "application/rdf+xml": ".rss",
    "application/xml": ".xml",
    "text/xml": ".xml",
}
_PLAIN = (".txt", ".md", ".markdown", ".jsonl", ".csv", ".tsv")  # what servers send as text/plain
_NAME_CHARS = 60  # of a copy's name that tell people what it is; a sum of the URL tells it from others


@dataclass(frozen=True, slots=True)
class Fetched:
    """What became of a URL: a copy at ``path``, or else ``failure`` says why not and what to do."""

    url: str
    path: Path | None = None
    failure: str = ""


def fetched(urls: Sequence[str], index: Path, rules: Rules = RULES) -> list[Fetched]:
    """Bring the copies of URLs under ``index`` up to date; return what became of each, one for one.

    A page that its server says is unchanged is not sent again. After a failure the copy from before stays as it is.

    Raises:
        IndexFault: a copy cannot be written.
    """
    folder = index / FOLDER
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise unwritable(folder, error) from error
    done: dict[str, Fetched] = {}
    return [done[url] if url in done else done.setdefault(url, _fetched(url, folder, rules)) for url in urls]


def _fetched(given: str, folder: Path, rules: Rules) -> Fetched:
    url = shorten(plain(without_credentials(given)), 300)
    try:
        url = normalised(given)
        return Fetched(url, _copy(url, folder, rules))
    except Unfit as wrong:
        return Fetched(url, failure=f"{wrong.message}. {wrong.hint}")


def _copy(url: str, folder: Path, rules: Rules) -> Path:
    """Return the copy of what is at a URL, new or as it was."""
    facts = folder / f"{_name(url)}.json"
    kept = _Kept.read(facts)
    old = folder / kept.file if kept else None
    known = kept.marks if kept and old and old.is_file() else None
    page = visit(url, known, rules)
    if page is None and old is not None:
        return old
    if page is None:
        raise Unfit("is said to be unchanged, and there is no copy", "Run it again.")
    copy = folder / f"{_name(url)}{_suffix(page, url)}"
    replace(copy, _text(page) or page.body)
    replace(facts, json.dumps(asdict(_Kept(copy.name, page.marks)), indent=1).encode())
    if old is not None and old != copy:
        old.unlink(missing_ok=True)
    return copy


@dataclass(frozen=True, slots=True)
class _Kept:
    """What is known of a copy: its name, and the state that its server gave it."""

    file: str
    marks: Marks

    @classmethod
    def read(cls, path: Path) -> _Kept | None:
        """Return what a file beside a copy says; None if it is not there or not ours."""
        try:
            said = json.loads(path.read_text(encoding="utf-8"))
            kept = cls(str(said["file"]), Marks(**{name: str(said["marks"][name]) for name in _MARKS}))
        except (OSError, ValueError, KeyError, TypeError):
            return None
        return kept if PurePosixPath(kept.file).stem == path.stem else None


_MARKS = ("url", "etag", "modified")


def _name(url: str) -> str:
    parts = urlsplit(url)
    words = re.sub(r"[^a-z0-9]+", "-", f"{parts.hostname}{parts.path}".lower())[:_NAME_CHARS].strip("-")
    return f"{words}-{hashlib.sha256(url.encode()).hexdigest()[:16]}"


def _suffix(page: Page, url: str) -> str:
    """Return the suffix by which a page is read: by its type, and for plain text by its name."""
    suffix = _SUFFIXES.get(page.type, "")
    if not suffix:
        type = shorten(plain(page.type), 80) or "of no stated type"
        raise Unfit(f"is {type}, which is not read", "Save it as a file.")
    named = PurePosixPath(urlsplit(url).path).suffix.lower()
    return named if suffix == ".txt" and named in _PLAIN else suffix


def _text(page: Page) -> bytes:
    """Return a text as UTF-8 with its mark, if only its server says what other encoding it is in, else nothing."""
    if _SUFFIXES[page.type] == ".pdf" or not page.charset or _as(page.body, "utf-8"):
        return b""
    text = _as(page.body, page.charset)  # else what the page itself says may be true
    return codecs.BOM_UTF8 + text.encode() if text else b""


def _as(body: bytes, encoding: str) -> str:
    try:
        return body.decode(encoding)
    except (LookupError, ValueError):
        return ""
