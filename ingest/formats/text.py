"""Text and Markdown: one article a file, with what its front matter says of it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, BinaryIO

import yaml

from ingest import formats
from ingest.decode import decode
from ingest.fields import Unfit, one_line
from ingest.formats import Parsed, suffix_of
from rag.text import normalise

MAX_HEADER_CHARS = 2**16  # of a front matter: the YAML reader is slow

_MAX_DEPTH = 20  # of a front matter; far below what Python can recurse, far above what is written
_CHUNK = 1 << 20  # bytes

_FENCE = re.compile(r"---[ \t]*\n")
_FENCE_END = re.compile(r"^(?:---|\.\.\.)[ \t]*(?:\n|\Z)", re.MULTILINE)


def parse(file: BinaryIO, name: str, fields: Mapping[str, str]) -> Iterator[Parsed]:  # noqa: ARG001 - a seam
    """Yield the one article of a text or Markdown file.

    Raises:
        Unfit: it is too long, not text, or has a front matter that cannot be read.
    """
    raw = file.read(formats.MAX_ARTICLE_BYTES + 1)
    if len(raw) > formats.MAX_ARTICLE_BYTES:
        raise formats.too_long(len(raw) + _rest(file))
    text, encoding = decode(raw)
    values, body = front_matter(normalise(text))
    yield Parsed(
        (body,),
        values=formats.noting(encoding, values),
        is_markdown=suffix_of(name) != ".txt",
        is_ours=True,
    )


def _rest(file: BinaryIO) -> int:
    """Return how many bytes are left in a file, which need not be one of the system's."""
    size = 0
    while chunk := file.read(_CHUNK):
        size += len(chunk)
    return size


def front_matter(text: str) -> tuple[dict[str, object], str]:
    """Return the values of the YAML between ``---`` lines at the head of ``text``, and what follows it.

    Names are in lower case, values are text or lists as YAML writes them, never dates or numbers.

    Raises:
        Unfit: it is not closed, not YAML, not ``name: value`` lines, or has anchors.
    """
    opening = _FENCE.match(text)
    if opening is None:
        return {}, text
    closing = _FENCE_END.search(text, opening.end(), opening.end() + MAX_HEADER_CHARS)
    if closing is None:
        raise Unfit(
            "opens a front matter with --- that no line of --- closes",
            "Close it; or put a blank line first, if it is none.",
            line=1,
        )
    return _header(text[opening.end() : closing.start()]), text[closing.end() :]


class _Header(yaml.BaseLoader):
    """Reads values as text; refuses aliases, which can stand for gigabytes, depth, and a name given twice."""

    depth = 0

    def compose_node(self, parent: Any, index: Any) -> Any:
        event: Any = self.peek_event()  # type: ignore[no-untyped-call]
        self.depth += 1
        if event.anchor or self.depth > _MAX_DEPTH:
            wrong = "anchors and aliases are not read" if event.anchor else "it is nested too deeply"
            raise yaml.MarkedYAMLError(None, None, wrong, event.start_mark)
        node = super().compose_node(parent, index)
        self.depth -= 1
        return node

    def construct_mapping(self, node: Any, deep: bool = False) -> Any:
        values = super().construct_mapping(node, deep)
        if len(values) < len(node.value):
            raise yaml.MarkedYAMLError(None, None, "a name is given twice", node.start_mark)
        return values


def _header(text: str) -> dict[str, object]:
    mend = "Write lines of name: value, and quote a value that has a colon."
    try:
        values = yaml.load(text, Loader=_Header)
    except yaml.YAMLError as error:
        mark, problem = getattr(error, "problem_mark", None), getattr(error, "problem", None) or str(error)
        line = mark.line + 2 if mark else 0
        raise Unfit(f"has a front matter that is not YAML: {one_line(problem)}", mend, line) from error
    if values and not isinstance(values, dict):
        raise Unfit("has a front matter that is not lines of name: value", mend, line=2)
    empty = ("", "~", "null")
    return {str(name).lower(): value for name, value in (values or {}).items() if value not in empty}
