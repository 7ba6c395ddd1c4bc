"""HTML: the article of a page without its menus, with its title, date, author and source as the page gives them."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator, Mapping
from typing import Any, BinaryIO

from lxml import etree
from lxml.html import HTMLParser, document_fromstring
from trafilatura import bare_extraction

from ingest import formats
from ingest.decode import decode
from ingest.fields import Unfit, one_line, parse_date, shorten
from ingest.formats import Parsed
from ingest.formats.markup import text_of

MAX_BYTES = 32 * 2**20  # of a page; its tree takes about ten times as much
MAX_SEARCHED_BYTES = 2 * 2**20  # of a page in which the article is looked for: 8 MB take trafilatura a minute
MAX_VALUE_CHARS = 1000

_HEAD_BYTES = 4096  # in which a page must say its encoding; browsers look at 1,024
_CHARSET = re.compile(
    rb"""(?:<meta[^>]{0,200}?charset|<\?xml[^>]{0,200}?encoding)\s*=\s*["']?\s*([\w.:-]{1,40})""", re.I
)
_SUBSET = re.compile(
    r"\A(\s*(?:<\?xml[^>]*>)?\s*<!DOCTYPE[^>\[]*)\[[^\]]*\]\s*>", re.IGNORECASE
)  # no part of HTML
_AROUND = ("nav", "header", "footer", "aside", "form", "button", "select", "noscript", "dialog")
_HEADINGS = ("h1", "h2", "h3", "h4", "h5", "h6")
_PERMALINK = " #¶§🔗"  # what sites write after a heading as a link to it
# what lxml reads, but does not let be written
_UNWRITABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
_HEAP_SHARE = 0.9  # of a page's letters
_NO_GUESS = {"extensive_search": False}  # of the day: it takes seconds to load, and is not used
# trafilatura's names of what it finds, and HTML's
_NAMES = {"item": "li", "list": "ul", "row": "tr", "cell": "td", "quote": "blockquote", "lb": "br"}


def parse(file: BinaryIO, name: str, fields: Mapping[str, str]) -> Iterator[Parsed]:  # noqa: ARG001 - a seam
    """Yield the one article of a page: its main text or, where none stands out or the page is long, all of it.

    Raises:
        Unfit: it is too long, not text, or its elements are nested too deeply.
    """
    raw = file.read(MAX_BYTES + 1)
    if len(raw) > MAX_BYTES:
        raise Unfit(f"has over {MAX_BYTES:,} bytes, the most for HTML", "Split it, or save its text alone.")
    text, encoding = decode(raw, declared=_declared(raw))
    root = tree_of(text)
    if root is None:
        raise Unfit("has no text: it is empty", "Save the page again, or remove it.")
    values = {"title": root.findtext(".//title"), "language": _language(root), "date": _published(root)}
    found = _article(root) if len(raw) <= MAX_SEARCHED_BYTES else None
    body = ""
    if found is not None:
        values |= {"author": found.author, "url": found.url, "source": found.sitename or found.hostname}
        values["title"] = found.title or values["title"]
        body = "" if _is_a_heap(found.body, root) else marked_text(_as_html(found.body))
    known = {name: shorten(one_line(value), MAX_VALUE_CHARS) for name, value in values.items() if value}
    yield Parsed((body or _visible(root, text),), values=formats.noting(encoding, known), is_markdown=True)


def _article(root: Any) -> Any:
    """Return what trafilatura finds; as XML, which is what gives the elements that it chose as they are."""
    return bare_extraction(
        root,
        include_comments=False,
        with_metadata=True,
        output_format="xml",
        date_extraction_params=_NO_GUESS,
    )


def _is_a_heap(body: Any, root: Any) -> bool:
    """Whether trafilatura found nothing that stands out and threw all words of the page, menus too, in one heap."""
    if len(body) != 1 or len(body[0]) or body[0].tag != "p":
        return False
    found, whole = (len("".join(text.split())) for text in (body[0].text or "", text_of(root)))
    return found >= _HEAP_SHARE * whole


def marked_text(root: Any) -> str:
    """Return the text of an element of HTML, its headings as those of Markdown; the element is changed."""
    for heading in list(root.iter(*_HEADINGS)):
        words = _UNWRITABLE.sub("", one_line(text_of(heading))).rstrip(_PERMALINK)
        heading.clear(keep_tail=True)
        heading.text = f"{'#' * int(heading.tag[1])} {words}" if words else ""
    return text_of(root)


def _as_html(body: Any) -> Any:
    """Give the elements that trafilatura found the names that they have in HTML."""
    for element in body.iter():
        if element.tag == "head":
            element.tag = element.get("rend") if element.get("rend") in _HEADINGS else "h2"
        elif element.tag == "code" and "\n" in (element.text or ""):
            element.tag = "pre"
        elif element.tag in _NAMES:
            element.tag = _NAMES[element.tag]
    return body


def tree_of(text: str) -> Any:
    """Return the root element of HTML, None if there is nothing in it.

    Raises:
        Unfit: its elements are nested over 2,000 deep, where lxml ends.
    """
    # 2,048 levels in place of 256; the encoding is given because what the page says of it is no longer true
    reading = HTMLParser(
        encoding="utf-8", huge_tree=True, remove_comments=True, remove_pis=True, collect_ids=False
    )
    try:
        root = document_fromstring(_SUBSET.sub(r"\1>", text).encode("utf-8", "replace"), parser=reading)
    except etree.ParserError:
        return None
    if any(entry.type_name == "ERR_RESOURCE_LIMIT" for entry in reading.error_log):
        raise Unfit("is HTML that is nested too deeply", "Save it as plain text.")
    return root


def _declared(raw: bytes) -> str:
    """Return the encoding that a page says it has, as Python calls it; "" if it says none, or one unknown."""
    match = _CHARSET.search(raw, 0, _HEAD_BYTES)
    try:
        name = codecs.lookup(match[1].decode()).name if match else ""
    except LookupError:
        return ""
    wider = {
        "iso8859-1": "cp1252",
        "ascii": "cp1252",
        "gb2312": "gb18030",
        "gbk": "gb18030",
    }  # as browsers do
    return wider.get(name, name)


def _language(root: Any) -> str:
    return str(
        root.get("lang")
        or root.get("{http://www.w3.org/XML/1998/namespace}lang")
        or root.get("xml:lang")
        or ""
    )


def _visible(root: Any, text: str) -> str:
    """Return what can be seen of a page beside its menus; of a page that is all menu, the menu."""
    etree.strip_elements(root, *_AROUND, with_tail=False)
    return marked_text(root) or text_of(tree_of(text))


# ---- The day

_DAY_NAMES = frozenset(
    "article:published_time article.published og:published_time og:article:published_time datepublished date "
    "dc.date dc.date.issued dcterms.date dcterms.issued dcterms.created pubdate publishdate publish-date "
    "publish_date publication_date sailthru.date parsely-pub-date cxenseparse:recs:publishtime".split()
)
_JSON_LD = re.compile(r'"datePublished"\s*:\s*"([^"]{4,40})"')


def _published(root: Any) -> str:
    """Return the day that a page says it was published on, as it writes it; "" if it says none that can be read.

    What trafilatura would look for in the text as well is more often another day, and depends on today.
    """
    for said in _days(root):
        try:
            parse_date(said)
        except Unfit:
            continue
        return said
    return ""


def _days(root: Any) -> Iterator[str]:
    for meta in root.iter("meta"):
        names = {(meta.get(attribute) or "").lower() for attribute in ("property", "name", "itemprop")}
        if names & _DAY_NAMES:
            yield meta.get("content", "").strip()
    for script in root.iter("script"):
        if "ld+json" in script.get("type", ""):
            yield from _JSON_LD.findall(script.text or "")
    times = list(root.iter("time"))
    yield from (time.get("datetime", "") for time in times if time.get("itemprop") == "datePublished")
    yield from (time.get("datetime", "") for time in times if _is_of_article(time))


def _is_of_article(time: Any) -> bool:
    return time.get("pubdate") is not None or next(time.iterancestors("article"), None) is not None
