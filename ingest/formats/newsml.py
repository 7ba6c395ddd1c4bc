"""XML with news in it: NITF, NewsML-G2 and its forerunner NewsML 1; a feed in an .xml file is read as one."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, BinaryIO

from ingest import formats
from ingest.fields import Unfit, one_line, shorten
from ingest.formats import Item, Parsed, feed, nitf
from ingest.formats.dates import first_day
from ingest.formats.ids import Ids
from ingest.formats.markup import by_name, first_line, first_value, html_text, name_of, text_of
from ingest.formats.prolog import refuse_entities, root_of, with_characters, xml_text

_FEEDS = ("rss", "feed", "rdf")
_READ = ("nitf", "newsitem", "newsmessage", "newsml")
_FORMS = ("inlinexml", "inlinedata", "datacontent")
_INNER = ("nitf", "body", "body.content")
_TAG = re.compile(r"<(?:p|br|div|span|html|body|table)\b", re.IGNORECASE)
# The best first: when it was written, then when this version of it was.
_DATES = ("contentcreated", "firstcreated", "versioncreated", "thisrevisioncreated", "dateid")


def parse(file: BinaryIO, name: str, fields: Mapping[str, str]) -> Iterator[Item]:  # noqa: ARG001 - a seam
    """Yield the one article of a NITF file or a news item, or those of a message or a feed with their ids.

    Raises:
        OtherData: it is XML of another kind, or holds no text: an item may only name a picture.
        Unfit: it is not XML, or defines entities.
    """
    text = xml_text(file)
    root_name = root_of(text).lower()
    if root_name in _FEEDS:
        yield from feed.entries(text)
        return
    if root_name not in _READ:
        wrong = "is XML, but neither a feed nor NITF or NewsML" if root_name else "is not XML"
        raise formats.OtherData(wrong, "Convert it to text, or leave it out.")
    refuse_entities(text)
    items = list(_articles(_tree(text)))
    yield from items
    if not items:
        raise formats.OtherData("holds no text", "Give the text that it names, or leave it out.")


def _articles(root: Any) -> Iterator[Parsed]:
    """Yield the articles that have a text; those of a message have an id."""
    ids = Ids()
    is_one = name_of(root) in ("nitf", "newsitem")
    for item in [root] if is_one else by_name(root, ("newsitem",)).get("newsitem", ()):
        text, values = nitf.article(item) if name_of(item) == "nitf" else _article(item)
        id = values.pop("id", "") or values.get("title", "") or "item"
        if text:
            yield Parsed((text,), "" if is_one else ids.new(id), values)


def _tree(text: str) -> Any:
    """Return the root of XML that defines no entities; nothing outside it is read, and 256 levels at most."""
    from lxml import etree

    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, remove_comments=True, remove_pis=True
    )
    try:
        return etree.fromstring(with_characters(text).encode(), parser)
    except etree.XMLSyntaxError as error:
        said = shorten(one_line(str(error)), 200)
        raise Unfit(f"is not well-formed XML: {said}", "Export it again.") from error


def _article(item: Any) -> tuple[str, dict[str, str]]:
    """Return the longest of the forms in which a news item gives its content, and what is said of it."""
    found = by_name(item, _FORMS)
    forms = [_form(form) for name in _FORMS for form in found.get(name, ())]
    text, values = max(forms, key=lambda form: len(form[0]), default=("", {}))
    return text, values | _values(item, found)


def _form(form: Any) -> tuple[str, dict[str, str]]:
    found = by_name(form, _INNER)
    if inner := found.get("nitf"):
        return nitf.article(inner[0])
    if name_of(form) != "inlinedata":
        return text_of((found.get("body") or found.get("body.content") or [form])[0]), {}
    data = "".join(form.itertext())
    return html_text(data) if _TAG.search(data) else data.strip(), {}  # some say text/plain, and send HTML


def _values(item: Any, found: Mapping[str, list[Any]]) -> dict[str, str]:
    def line(*names: str) -> str:
        return next(filter(None, (first_line(found.get(name, ())) for name in names)), "")

    def value(name: str, attribute: str) -> str:
        return first_value(found.get(name, ()), attribute)

    values = {
        "id": first_value((item,), "guid") or line("publicidentifier", "newsitemid"),
        "title": line("headline"),
        "author": line("by", "byline") or _party(found.get("creator", ())),
        "date": first_day(line(name) for name in _DATES),
        "source": _party(found.get("infosource", ())) or _party(found.get("provider", ())),
        "language": value("language", "tag")
        or value("language", "formalname")
        or first_value((item,), "lang"),
    }
    return {name: value for name, value in values.items() if value}


def _party(parties: Sequence[Any]) -> str:
    """Return the name of a person or house: in words, as its literal, or the end of its code."""
    inner = [below for party in parties for below in by_name(party, ()).get("party", ())]
    return (
        first_line(parties)
        or first_value(parties, "literal")
        or first_value(inner, "formalname")
        or first_value(parties, "qcode").rpartition(":")[2]
    )
