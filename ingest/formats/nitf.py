"""NITF, the format of newspapers' archives and wires: one article, in HTML-like blocks."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from ingest.fields import one_line
from ingest.formats.dates import first_day
from ingest.formats.markup import by_name, first_line, first_value, name_of, text_of

_BY = re.compile(r"\Aby[ :]+", re.IGNORECASE)
_WHOLE = "full_text"  # the class of the block that an archive puts beside another with the first paragraphs


def article(nitf: Any) -> tuple[str, dict[str, str]]:
    """Return the text of an article and what its head says: title, author, date, source, URL, language and id."""
    found = by_name(nitf, ("body.content",))
    contents = found.get("body.content") or found.get("body") or []
    return "\n\n".join(filter(None, map(_text, contents))), _values(nitf, found)


def _text(content: Any) -> str:
    blocks = by_name(content, ("block",)).get("block", ())
    whole = [block for block in blocks if block.get("class") == _WHOLE]
    return "\n\n".join(filter(None, map(text_of, whole or [content])))


def _values(nitf: Any, found: Mapping[str, list[Any]]) -> dict[str, str]:
    def line(name: str) -> str:
        return first_line(found.get(name, ()))

    def value(name: str, attribute: str) -> str:
        return first_value(found.get(name, ()), attribute)

    dates = (
        value("story.date", "norm"),
        value("pubdata", "date.publication"),
        value("date.issue", "norm"),
        line("story.date"),
    )
    values = {
        "id": value("doc-id", "id-string"),
        "title": line("hl1") or line("title"),
        "author": _author(found.get("byline", ())),
        "date": first_day(dates),
        "source": line("distributor") or value("pubdata", "name") or value("doc.copyright", "holder"),
        "url": value("pubdata", "ex-ref"),
        "language": first_value((nitf,), "lang") or first_value((nitf,), "baselang"),
    }
    return {name: value for name, value in values.items() if value}


def _author(bylines: Iterable[Any]) -> str:
    """Return who a byline names, without what they are (``byttl``) unless it names nobody else."""
    for byline in bylines:
        pieces = [byline.text, *(piece for child in byline for piece in (_name(child), child.tail))]
        named = one_line(" ".join(filter(None, pieces))) or first_line((byline,))
        if named:
            return _BY.sub("", named, count=1)
    return ""


def _name(child: Any) -> str:
    return "" if name_of(child) in ("", "byttl") else "".join(child.itertext())
