"""Files read as articles: text, Markdown, and JSONL; every complaint names the file, the line and the mend."""

from __future__ import annotations

import codecs
import json
import os
import re
import stat
from collections import Counter
from collections.abc import Iterator
from types import MappingProxyType
from typing import Any, BinaryIO

import yaml

from ingest.decode import decode, refuse_binary
from ingest.fields import Unfit, one_line, parse_fields, title_of
from ingest.find import Failure, Skipped, Source, find, reason
from rag.domain import Article
from rag.text import normalise

__all__ = ["MAX_ARTICLE_BYTES", "Failure", "Skipped", "Source", "find", "read"]

MAX_ARTICLE_BYTES = 10 * 2**20  # of a text or Markdown file, and of a line of JSONL
MAX_HEADER_CHARS = 2**16  # of a front matter: the YAML reader is slow

_MAX_DEPTH = 20  # of a front matter; far below what Python can recurse, far above what is written

_FENCE = re.compile(r"---[ \t]*\n")
_FENCE_END = re.compile(r"^(?:---|\.\.\.)[ \t]*(?:\n|\Z)", re.MULTILINE)
_BLANK_LINES = re.compile(r"(?:[^\S\n]*\n)+")


def read(source: Source) -> Iterator[Article | Failure | Skipped]:
    """Yield the articles of a file in their order, and a failure for each that cannot be read.

    An article's id is the source's key, and for JSONL ``#`` and the id of its line. A JSONL file of a folder
    that holds other data, lines without a text, is skipped as a whole.
    """
    try:
        with open(source.path, "rb", opener=_open_at_once) as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise Unfit("is not a regular file", "Give a file of text in its place.")
            if source.path.suffix.lower() == ".jsonl":
                articles = _articles_of_lines(file, source)
                yield from articles if source.named else _unless_other_data(articles, source)
            else:
                yield _article_of_file(file, source)
    except Unfit as wrong:
        yield _failure(source, wrong)
    except OSError as error:
        yield _failure(source, Unfit(f"cannot be read: {reason(error)}", "Check the file, and run it again."))


def _open_at_once(path: str, flags: int) -> int:
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))  # a FIFO would wait for a writer


def _failure(source: Source, wrong: Unfit, line: int = 0) -> Failure:
    line = line or wrong.line
    place = source.shown or str(source.path)
    error = f"{wrong.message}. {wrong.hint}"
    return Failure(
        f"{place}:{line}" if line else place, error, str(source.path), isinstance(wrong, _Textless)
    )


def _article_of_file(file: BinaryIO, source: Source) -> Article:
    raw = file.read(MAX_ARTICLE_BYTES + 1)
    if len(raw) > MAX_ARTICLE_BYTES:
        raise _too_long(os.fstat(file.fileno()).st_size)
    text, encoding = decode(raw)
    values, body = front_matter(normalise(text))
    return _article(source.key, values, body, encoding, source.path.suffix.lower() != ".txt")


def _too_long(size: int) -> Unfit:
    return Unfit(f"has {size:,} bytes, an article at most {MAX_ARTICLE_BYTES:,}", "Split it into articles.")


def _article(id: str, values: dict[str, object], text: str, encoding: str, is_markdown: bool) -> Article:
    fields = parse_fields(values)
    blank = _BLANK_LINES.match(text)
    body = text[blank.end() if blank else 0 :].rstrip()
    if not re.search(r"[^\W_]", body):
        raise Unfit("has no text: not one letter or digit", "Write its text, or remove it.")
    meta = fields.meta if encoding == "utf-8" else fields.meta | {"encoding": encoding}
    title = fields.title or title_of(body, is_markdown)
    return Article(id, title, body, fields.source, fields.published, fields.url, MappingProxyType(meta))


# ---- Front matter


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


# ---- JSONL

_MANY = 1000  # lines without a text from the first on; after these a file holds other data


class _Textless(Unfit):
    """A line of JSONL is a good object, and no article: it has no text."""


def _unless_other_data(
    items: Iterator[Article | Failure], source: Source
) -> Iterator[Article | Failure | Skipped]:
    held: list[Failure] = []
    for item in items:
        if isinstance(item, Article) or not item.is_other_data:
            yield from (*held, item)
            yield from items
            return
        held.append(item)
        if len(held) == _MANY:
            break
    if held:
        yield Skipped(source.shown or str(source.path), "holds other data: no line of it has a text")


def _articles_of_lines(file: BinaryIO, source: Source) -> Iterator[Article | Failure]:
    lines_by_id: dict[str, int] = {}
    for number, raw, size in _bounded_lines(file):
        if number == 1 and raw.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
            raise Unfit("is UTF-16, which JSONL cannot be", "Save it as UTF-8.")
        if not raw.strip():
            continue
        try:
            if size > MAX_ARTICLE_BYTES:
                raise _too_long(size)
            article = _article_of_line(raw, source.key)
            if first := lines_by_id.get(article.id):
                raise Unfit(f"has the same id as line {first}", "Give each article an id of its own.")
        except Unfit as wrong:
            yield _failure(source, wrong, number)
        else:
            lines_by_id[article.id] = number
            yield article


def _bounded_lines(file: BinaryIO) -> Iterator[tuple[int, bytes, int]]:
    """Yield each line's number, bytes and length; of a line that is too long, the beginning alone."""
    number = 0
    while raw := file.readline(MAX_ARTICLE_BYTES + 1):
        number, size, more = number + 1, len(raw), raw
        while len(more) and not more.endswith(b"\n") and size > MAX_ARTICLE_BYTES:
            more = file.readline(2**20)
            size += len(more)
        yield number, raw, size


def _article_of_line(raw: bytes, key: str) -> Article:
    text, encoding = decode(raw)
    values = _json_object(text)
    id, body = values.pop("id", None), values.pop("text", None)
    if isinstance(id, bool) or not isinstance(id, str | int) or not one_line(str(id)):
        raise Unfit("has no id that is text or a whole number", 'Give it one: "id": "…".')
    if not isinstance(body, str):
        raise _Textless(f"has no text: {_kind(body)} instead", 'Give it one: "text": "…".')
    refuse_binary(body)
    return _article(f"{key}#{one_line(str(id))}", values, normalise(body), encoding, is_markdown=False)


def _json_object(text: str) -> dict[str, object]:
    mend = "Write one JSON object a line."
    try:
        value = json.loads(text.rstrip(), object_pairs_hook=_object, parse_constant=_no_constant)
    except json.JSONDecodeError as error:
        raise Unfit(f"is not JSON: {error.msg}, at character {error.pos + 1}", mend) from error
    except ValueError as error:  # Python's limit on the digits of a whole number
        raise Unfit("has a number that is too long", "Write it as text.") from error
    except RecursionError as error:
        raise Unfit("is JSON that is nested too deeply", mend) from error
    if not isinstance(value, dict):
        raise Unfit(f"is {_kind(value)}, not an object", mend)
    return value


def _object(pairs: list[tuple[str, object]]) -> dict[str, object]:
    values = dict(pairs)
    if len(values) < len(pairs):
        (twice, _) = Counter(name for name, _ in pairs).most_common(1)[0]
        raise Unfit(f"has {one_line(twice)!r} twice", "Keep one of them.")
    return values


def _no_constant(name: str) -> object:
    raise Unfit(f"has {name}, which is not JSON", "Write null, or leave it out.")


def _kind(value: object) -> str:
    names = {dict: "an object", list: "a list", str: "a string", bool: "true or false", type(None): "nothing"}
    return names.get(type(value), "a number")
