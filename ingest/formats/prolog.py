"""XML before it is parsed: decoded, without entities of its own, and which element it begins with."""

from __future__ import annotations

import re
from html.entities import html5
from typing import BinaryIO
from xml.sax.saxutils import escape

from ingest.decode import decode
from ingest.fields import Unfit

MAX_XML_BYTES = 32 * 2**20

_DECLARED = re.compile(rb"""\A\s*<\?xml[^>]{0,200}?encoding\s*=\s*["']([A-Za-z0-9._-]{1,40})["']""")
_DECLARATION = re.compile(r"\A\s*<\?xml[^>]*>")
_ENTITY = re.compile(r"<!ENTITY", re.IGNORECASE)
# What may stand before the root; each step ends at the first mark that ends it, so none is tried twice.
_BEFORE_ROOT = re.compile(r"\s+|<\?.*?\?>|<!--.*?-->|<!DOCTYPE[^>\[]*(?:\[[^\]]*\]\s*)?>", re.DOTALL)
_NAMED = re.compile(r"&(?!(?:amp|lt|gt|quot|apos);)([A-Za-z][A-Za-z0-9]{1,31});")
_ROOT = re.compile(r"<(?:[\w.-]+:)?([\w.-]+)")


def xml_text(file: BinaryIO) -> str:
    """Return an XML file as text, without its declaration, whose encoding is no longer true.

    Raises:
        Unfit: it is too long, or not text.
    """
    raw = file.read(MAX_XML_BYTES + 1)
    if len(raw) > MAX_XML_BYTES:
        raise Unfit(f"has over {MAX_XML_BYTES:,} bytes of XML", "Split it.")
    declared = _DECLARED.match(raw)
    text, _ = decode(raw, declared=declared[1].decode() if declared else "")
    return _DECLARATION.sub("", text, count=1)


def refuse_entities(text: str) -> None:
    """Raise Unfit when XML defines entities: a few lines of them can stand for gigabytes, or for another file."""
    if _ENTITY.search(text):
        raise Unfit("defines entities, which are not read", "Save it without a DTD of its own.")


def with_characters(text: str) -> str:
    """Return XML with the characters that HTML's names stand for, which only a DTD would make known to XML."""
    return _NAMED.sub(lambda match: _escaped(html5.get(f"{match[1]};")) or match[0], text)


def _escaped(characters: str | None) -> str:
    return escape(characters or "")


def root_of(text: str) -> str:
    """Return the name of the first element, without its prefix; empty if there is none."""
    at = 0
    while before := _BEFORE_ROOT.match(text, at):
        at = before.end()
    root = _ROOT.match(text, at)
    return root[1] if root else ""
