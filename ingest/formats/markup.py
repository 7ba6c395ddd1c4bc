"""The text of elements of HTML or XML that hold nothing but an article: a paragraph for each block."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator
from typing import Any

from ingest.fields import Unfit, one_line
from rag.text import normalise

# What begins and ends a paragraph in HTML or NITF.
_BLOCKS = frozenset(
    "address article aside block blockquote body bq caption center dd details div dl dt fieldset figcaption "
    "figure footer form h1 h2 h3 h4 h5 h6 header hl1 hl2 hr html li main nav ol p pre section summary table tbody "
    "tfoot thead tr ul".split()
)
_SILENT = frozenset(
    "applet audio canvas head iframe img media noframes object script style svg template title video".split()
)
_CELLS = frozenset(("td", "th"))
_DECLARATION = re.compile(r"\A\s*<\?xml[^>]*>")  # it may name an encoding, which lxml refuses in decoded text


def name_of(element: Any) -> str:
    """Return the name of an element in lower case without its namespace; empty for a comment."""
    return _local(element.tag) if isinstance(element.tag, str) else ""


def html_text(html: str) -> str:
    """Return the text of a piece of HTML, every block of it; empty for none.

    Raises:
        Unfit: its elements are nested over 2,000 deep, where lxml ends.
    """
    from lxml.html import HTMLParser, document_fromstring

    parser = HTMLParser(huge_tree=True)  # 2,048 levels in place of 256: a long exchange of mails has them
    root = document_fromstring(f"<div>{_DECLARATION.sub('', normalise(html))}</div>", parser=parser)
    if any(entry.type_name == "ERR_RESOURCE_LIMIT" for entry in parser.error_log):
        raise Unfit("is HTML that is nested too deeply", "Save it as plain text.")
    return text_of(root)


def text_of(root: Any) -> str:
    """Return the text of an element of lxml or ElementTree, its blocks parted by a blank line."""
    text = _Text()
    for element, is_end in _walk(root):
        if is_end:
            text.close(name_of(element))
            if element is not root:
                text.add(element.tail)
        elif (name := name_of(element)) and name not in _SILENT:
            text.open(name)
            text.add(element.text)
    return text.whole()


def _walk(root: Any) -> Iterator[tuple[Any, bool]]:
    """Yield each element at its start and, with True, at its end; a stack, because depth is the sender's."""
    yield root, False
    stack: list[tuple[Any, Iterator[Any]]] = [(root, iter(root))]
    while stack:
        element, children = stack[-1]
        child = next(children, None)
        if child is None:
            stack.pop()
            yield element, True
            continue
        yield child, False
        is_read = name_of(child) and name_of(child) not in _SILENT
        stack.append((child, iter(child if is_read else ())))


def by_name(root: Any, closed: Collection[str]) -> dict[str, list[Any]]:
    """Return the elements of a tree by name, in their order; what lies in those that are ``closed`` is left out."""
    found: dict[str, list[Any]] = {}
    waiting = [root]
    while waiting:
        element = waiting.pop()
        found.setdefault(name_of(element), []).append(element)
        if element is root or name_of(element) not in closed:
            waiting.extend(reversed(element))
    return found


def first_line(elements: Iterable[Any]) -> str:
    """Return the first text there is in some elements, as one line."""
    return next(filter(None, (one_line("".join(element.itertext())) for element in elements)), "")


def first_value(elements: Iterable[Any], name: str) -> str:
    """Return the first attribute of a name, in lower case and without its prefix, that some elements have."""
    values = (value for element in elements for key, value in element.items() if _local(key) == name)
    return next(filter(None, map(one_line, values)), "")


def _local(name: str) -> str:
    return name.rpartition("}")[2].lower()


class _Text:
    """Paragraphs as they grow."""

    def __init__(self) -> None:
        self._paragraphs: list[str] = []
        self._lines: list[list[str]] = [[]]
        self._mark = ""  # of a list item, a cell; before the next words, if any come
        self._pre = 0

    def open(self, name: str) -> None:
        if name in _BLOCKS:
            self._end()
        if name == "li":
            self._mark = "- "
        elif name in _CELLS and any(map(str.strip, self._lines[-1])):
            self._mark = " | "
        elif name == "br":
            self._lines.append([])
        self._pre += name == "pre"

    def close(self, name: str) -> None:
        if name in _BLOCKS:
            self._end()
        self._pre -= name == "pre"

    def add(self, words: str | None) -> None:
        if words and self._mark and words.strip():
            self._lines[-1].append(self._mark)
            self._mark = ""
        first, *others = words.splitlines() if words and self._pre else [words or ""]
        self._lines[-1].append(first)
        self._lines += [[line] for line in others]

    def whole(self) -> str:
        self._end()
        return "\n\n".join(self._paragraphs)

    def _end(self) -> None:
        lines = filter(None, (one_line("".join(line)) for line in self._lines))
        if paragraph := "\n".join(lines):
            self._paragraphs.append(paragraph)
        self._lines = [[]]
        if self._mark != "- ":
            self._mark = ""
