"""ODT: paragraphs, headings, lists and tables of an OpenDocument text as Markdown; notes and deleted text are not."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, BinaryIO

from ingest.fields import Unfit, one_line
from ingest.formats import Parsed
from ingest.formats.zipped import Zipped, text_at

_NAMES = {
    "office": "urn:oasis:names:tc:opendocument:xmlns:office:1.0",
    "text": "urn:oasis:names:tc:opendocument:xmlns:text:1.0",
    "table": "urn:oasis:names:tc:opendocument:xmlns:table:1.0",
    "meta": "urn:oasis:names:tc:opendocument:xmlns:meta:1.0",
    "dc": "http://purl.org/dc/elements/1.1/",
}
_OFFICE, _TEXT, _TABLE = (f"{{{_NAMES[name]}}}" for name in ("office", "text", "table"))
_PARAGRAPHS = (f"{_TEXT}p", f"{_TEXT}h")
_UNSEEN = {
    *(f"{_TEXT}{name}" for name in ("tracked-changes", "note", "ruby-text", "table-of-content")),
    *(f"{_TEXT}{name}-index" for name in ("alphabetical", "illustration", "table")),
    *(f"{_OFFICE}{name}" for name in ("annotation", "annotation-end", "forms")),
}
_AS_TEXT = {f"{_TEXT}tab": "\t", f"{_TEXT}line-break": "\n", f"{_TEXT}s": " "}
_MAX_LEVEL = 6  # of a heading in Markdown


def parse(file: BinaryIO, name: str, fields: Mapping[str, str]) -> Iterator[Parsed]:  # noqa: ARG001 - a seam
    """Yield the one article of an OpenDocument text, with the title, author, day and language of its properties.

    Raises:
        Unfit: it is not an OpenDocument text, damaged, encrypted or too large.
    """
    document = Zipped(file, "an ODT")
    if document.has("META-INF/manifest.xml") and b"encryption-data" in document.read("META-INF/manifest.xml"):
        raise Unfit("is encrypted", "Save it without a password.")
    body = document.xml("content.xml").find("office:body/office:text", _NAMES)
    if body is None:
        raise Unfit("is an OpenDocument, and no text", "Save it as text.")
    yield Parsed(("\n\n".join(_blocks(body)),), values=_properties(document), is_markdown=True)


def _properties(document: Zipped) -> dict[str, object]:
    if not document.has("meta.xml"):
        return {}
    meta = document.xml("meta.xml")
    paths = {
        "title": ".//dc:title",
        "author": ".//meta:initial-creator",
        "date": ".//meta:creation-date",
        "language": ".//dc:language",
    }
    values: dict[str, object] = {ours: text_at(meta, path, _NAMES) for ours, path in paths.items()}
    values["author"] = values["author"] or text_at(meta, ".//dc:creator", _NAMES)
    return {name: value for name, value in values.items() if value}


def _blocks(body: Any) -> Iterator[str]:
    """Yield the text of each paragraph and table in order, but that of paragraphs in tables."""
    waiting = [(body, False)]
    while waiting:
        element, is_item = waiting.pop()
        if element.tag in _PARAGRAPHS:
            if text := _block(element, is_item):
                yield text
        elif element.tag == f"{_TABLE}table":
            if rows := list(filter(None, map(_row, element.iter(f"{_TABLE}table-row")))):
                yield "\n".join(rows)
        elif element.tag not in _UNSEEN:
            is_item = is_item or element.tag == f"{_TEXT}list-item"
            waiting += [(child, is_item) for child in reversed(element)]


def _block(paragraph: Any, is_item: bool) -> str:
    text = "\n".join(filter(None, map(one_line, _text(paragraph).splitlines())))
    if text and paragraph.tag == f"{_TEXT}h":
        written = paragraph.get(f"{_TEXT}outline-level", "1")
        level = min(int(written), _MAX_LEVEL) if written.isdecimal() else 1
        return f"{'#' * max(1, level)} {one_line(text)}"
    return f"- {text}" if text and is_item else text


def _row(row: Any) -> str:
    cells = row.iterfind(f"{_TABLE}table-cell")
    texts = [one_line(" ".join(map(_text, cell.iter(*_PARAGRAPHS)))) for cell in cells]
    return f"| {' | '.join(texts)} |" if any(texts) else ""


def _text(paragraph: Any) -> str:
    """Return the text of a paragraph; that of frames in it follows, on lines of its own."""
    written = [paragraph.text or ""]
    waiting = list(reversed(paragraph))
    while waiting:
        element = waiting.pop()
        if isinstance(element, str):
            written.append(element)
            continue
        waiting.append(element.tail or "")
        if element.tag in _AS_TEXT:
            written.append(_AS_TEXT[element.tag])
        elif element.tag not in _UNSEEN:
            around = ["\n"] * (element.tag in _PARAGRAPHS)
            written += [*around, element.text or ""]
            waiting += [*around, *reversed(element)]
    return "".join(written)
