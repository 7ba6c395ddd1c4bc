"""EPUB: a book as one article of Markdown, its chapters in the order of reading; a long one, a chapter an article."""

from __future__ import annotations

import posixpath
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, BinaryIO
from urllib.parse import unquote

from ingest import formats
from ingest.decode import decode
from ingest.fields import Unfit, one_line, shorten
from ingest.formats import Item, Parsed, Wrong
from ingest.formats.html import MAX_VALUE_CHARS, marked_text, tree_of
from ingest.formats.zipped import Zipped

_NAMES = {
    "c": "urn:oasis:names:tc:opendocument:xmlns:container",
    "opf": "http://www.idpf.org/2007/opf",
    "dc": "http://purl.org/dc/elements/1.1/",
    "enc": "http://www.w3.org/2001/04/xmlenc#",
}
_PAGES = ("application/xhtml+xml", "text/html", "application/x-dtbook+xml")


@dataclass(frozen=True, slots=True)
class _Chapter:
    path: str
    heading: str
    text: str


def parse(file: BinaryIO, name: str, fields: Mapping[str, str]) -> Iterator[Item]:  # noqa: ARG001 - a seam
    """Yield the one article of a book, or one for each chapter of a book that is too long.

    Raises:
        Unfit: it is not an EPUB, damaged, encrypted, or none of its chapters can be read.
    """
    book = Zipped(file, "an EPUB")
    package_path = _package_path(book)
    package = book.xml(package_path)
    values = _values(package)
    chapters, wrong = _chapters(book, package, posixpath.dirname(package_path))
    if not chapters:
        raise Unfit(wrong[0].message, wrong[0].hint) if wrong else Unfit("has no chapter", "Export it again.")
    yield from wrong
    whole = "\n\n".join(chapter.text for chapter in chapters)
    if len(whole.encode("utf-8", "replace")) <= formats.MAX_ARTICLE_BYTES:
        yield Parsed((whole,), values=values, is_markdown=True)
        return
    for chapter in chapters:
        own = {**values, "book": values.get("title", ""), "title": chapter.heading}
        yield Parsed((chapter.text,), chapter.path, {k: v for k, v in own.items() if v}, is_markdown=True)


def _package_path(book: Zipped) -> str:
    roots = book.xml("META-INF/container.xml").iterfind(".//c:rootfile", _NAMES)
    path = next((root.get("full-path") for root in roots), None)
    if not path:
        raise Unfit("is not an EPUB: its container names no book", "Export it again.")
    return unquote(path)


def _values(package: Any) -> dict[str, object]:
    paths = {
        "title": "title",
        "author": "creator",
        "date": "date",
        "source": "publisher",
        "language": "language",
    }
    found = {}
    for ours, theirs in paths.items():
        said = [one_line(e.text or "") for e in package.iterfind(f".//dc:{theirs}", _NAMES)]
        several = [text for text in said if text]
        found[ours] = ", ".join(several if ours == "author" else several[:1])
    return {ours: shorten(text, MAX_VALUE_CHARS) for ours, text in found.items() if text}


def _chapters(book: Zipped, package: Any, home: str) -> tuple[list[_Chapter], list[Wrong]]:
    """Return the chapters that say something, in the order of reading, and those that cannot be read."""
    locked = _locked(book)
    chapters, wrong = [], []
    for path in _spine(package, home):
        try:
            if path in locked:
                raise Unfit("is encrypted: it is sold with a lock", "Take a copy that has none.")
            if chapter := _chapter(path, book.read(path)):
                chapters.append(chapter)
        except Unfit as error:
            wrong.append(Wrong(path, error.message, error.hint))
    return _named(chapters), wrong


def _spine(package: Any, home: str) -> Iterator[str]:
    """Yield the paths of the pages in the order of reading, without the table of contents."""
    items = {item.get("id"): item for item in package.iterfind(".//opf:manifest/opf:item", _NAMES)}
    met = set()
    for reference in package.iterfind(".//opf:spine/opf:itemref", _NAMES):
        item = items.get(reference.get("idref"))
        if (
            item is None
            or item.get("media-type") not in _PAGES
            or "nav" in item.get("properties", "").split()
        ):
            continue
        path = posixpath.normpath(posixpath.join(home, unquote(item.get("href", "").partition("#")[0])))
        if path not in met:
            met.add(path)
            yield path


def _locked(book: Zipped) -> set[str]:
    if not book.has("META-INF/encryption.xml"):
        return set()
    references = book.xml("META-INF/encryption.xml").iterfind(".//enc:CipherReference", _NAMES)
    return {posixpath.normpath(unquote(reference.get("URI", ""))) for reference in references}


def _chapter(path: str, raw: bytes) -> _Chapter | None:
    root = tree_of(decode(raw)[0])
    if root is None:
        return None
    title = one_line(root.findtext(".//title") or "")
    text = marked_text(root)
    return _Chapter(path, title, text) if text.strip() else None


def _named(chapters: list[_Chapter]) -> list[_Chapter]:
    """Return chapters with their headings; one without takes its page's title, unless others have the same."""
    times = Counter(chapter.heading for chapter in chapters)
    named = []
    for chapter in chapters:
        first = chapter.text.partition("\n")[0]
        if first.startswith("#"):
            named.append(_Chapter(chapter.path, first.lstrip("# "), chapter.text))
        elif (
            chapter.heading and times[chapter.heading] == 1 and len(chapters) > 1 and chapter.heading != first
        ):
            named.append(_Chapter(chapter.path, chapter.heading, f"## {chapter.heading}\n\n{chapter.text}"))
        else:
            named.append(_Chapter(chapter.path, shorten(first, 120), chapter.text))
    return named
