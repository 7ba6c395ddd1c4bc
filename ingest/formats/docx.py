"""DOCX: paragraphs, headings and tables of a Word document as Markdown; deleted text and comments are left out."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, BinaryIO

from ingest.fields import one_line
from ingest.formats import Parsed
from ingest.formats.zipped import Zipped, text_at

_W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
_STRICT_W = "http://purl.oclc.org/ooxml/wordprocessingml/main"  # of documents saved as "Strict Open XML"
_FALLBACK = "{http://schemas.openxmlformats.org/markup-compatibility/2006}Fallback"  # says the same once more
_CORE = {"dc": "http://purl.org/dc/elements/1.1/", "dcterms": "http://purl.org/dc/terms/"}
_HEADING = re.compile(r"heading (\d)\Z", re.IGNORECASE)
_UNSEEN = {f"{_W}{name}" for name in ("del", "moveFrom", "instrText", "delText", "rPr", "pPr")} | {_FALLBACK}
_AS_TEXT = {f"{_W}tab": "\t", f"{_W}br": "\n", f"{_W}cr": "\n", f"{_W}noBreakHyphen": "-"}
_MAX_LEVEL = 6  # of a heading in Markdown
_CONTENTS = -1  # the level of a line in a table of contents, which says what the headings say


def parse(file: BinaryIO, name: str, fields: Mapping[str, str]) -> Iterator[Parsed]:  # noqa: ARG001 - a seam
    """Yield the one article of a Word document, with the title, author and day of its properties.

    Raises:
        Unfit: it is not a Word document, damaged, encrypted or too large.
    """
    document = Zipped(file, "a DOCX")
    root = document.xml("word/document.xml")
    _as_transitional(root)
    levels = _levels(document)
    blocks = filter(None, (_block(element, levels) for element in _blocks(root)))
    yield Parsed(("\n\n".join(blocks),), values=_properties(document), is_markdown=True)


def _as_transitional(root: Any) -> None:
    """Give the elements of a strict document the names that they have in all others."""
    if root.nsmap.get(root.prefix) == _STRICT_W:
        for element in root.iter(f"{{{_STRICT_W}}}*"):
            element.tag = _W + element.tag.rpartition("}")[2]
            for name in list(element.attrib):
                element.attrib[name.replace(_STRICT_W, _W[1:-1])] = element.attrib.pop(name)


def _properties(document: Zipped) -> dict[str, object]:
    if not document.has("docProps/core.xml"):
        return {}
    core = document.xml("docProps/core.xml")
    paths = {
        "title": "dc:title",
        "author": "dc:creator",
        "date": "dcterms:created",
        "language": "dc:language",
    }
    return {ours: said for ours, path in paths.items() if (said := text_at(core, path, _CORE))}


def _levels(document: Zipped) -> dict[str, int]:
    """Return, by its id, the level of heading that a style makes of a paragraph; of a table of contents, that."""
    if not document.has("word/styles.xml"):
        return {}
    root = document.xml("word/styles.xml")
    _as_transitional(root)
    levels = {}
    for style in root.iter(f"{_W}style"):
        called = style.find(f"{_W}name")
        name = called.get(f"{_W}val", "") if called is not None else ""  # in English in every language
        id = style.get(f"{_W}styleId", "")
        if match := _HEADING.match(name):
            levels[id] = min(int(match[1]), _MAX_LEVEL)
        elif name.lower() == "title":
            levels[id] = 1
        elif name.lower().startswith("toc "):
            levels[id] = _CONTENTS
    return levels


def _blocks(root: Any) -> Iterator[Any]:
    """Yield paragraphs and tables in order, but those inside of tables."""
    body = root.find(f"{_W}body")
    waiting = [] if body is None else [body]
    while waiting:
        element = waiting.pop()
        if element.tag in (f"{_W}p", f"{_W}tbl"):
            yield element
        elif element.tag not in _UNSEEN:
            waiting += reversed(element)


def _block(element: Any, levels: Mapping[str, int]) -> str:
    if element.tag == f"{_W}tbl":
        return "\n".join(filter(None, map(_row, element.iter(f"{_W}tr"))))
    text = "\n".join(filter(None, map(one_line, _text(element).splitlines())))
    style = element.find(f"{_W}pPr/{_W}pStyle")
    level = levels.get(style.get(f"{_W}val", ""), 0) if style is not None else 0
    if level == _CONTENTS:
        return ""
    if level and text:
        return f"{'#' * level} {one_line(text)}"
    is_item = element.find(f"{_W}pPr/{_W}numPr") is not None
    return f"- {text}" if is_item and text else text


def _row(row: Any) -> str:
    cells = [one_line(" ".join(map(_text, cell.iter(f"{_W}p")))) for cell in row.iterfind(f".//{_W}tc")]
    return f"| {' | '.join(cells)} |" if any(cells) else ""


def _text(paragraph: Any) -> str:
    """Return the text of a paragraph; that of boxes anchored in it follows, on lines of its own."""
    written: list[str] = []
    waiting = [paragraph]
    while waiting:
        element = waiting.pop()
        if isinstance(element, str):
            written.append(element)
        elif element.tag == f"{_W}t":
            written.append(element.text or "")
        elif element.tag in _AS_TEXT:
            written.append(_AS_TEXT[element.tag])
        elif element.tag not in _UNSEEN or element is paragraph:
            around = ["\n"] * (element.tag == f"{_W}p" and element is not paragraph)
            written += around
            waiting += [*around, *reversed(element)]
    return "".join(written)
