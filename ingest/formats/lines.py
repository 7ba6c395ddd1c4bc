"""JSONL: an article a line, an object with an id, a text, and what else is known of it."""

from __future__ import annotations

import codecs
import json
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import BinaryIO

from ingest import formats
from ingest.decode import decode, refuse_binary
from ingest.fields import Unfit, one_line
from ingest.formats import Item, Parsed, Wrong

_REST = 1 << 20  # bytes of a line that is too long, at a time


def parse(file: BinaryIO, name: str, fields: Mapping[str, str]) -> Iterator[Item]:  # noqa: ARG001 - a seam
    """Yield the article of each line, and what is wrong with a line that is none; a blank line is nothing.

    Raises:
        Unfit: the file is UTF-16.
    """
    lines_by_id: dict[str, int] = {}
    for number, raw, size in bounded_lines(file):
        if number == 1 and raw.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
            raise Unfit("is UTF-16, which JSONL cannot be", "Save it as UTF-8.")
        if not raw.strip():
            continue
        try:
            if size > formats.MAX_ARTICLE_BYTES:
                raise formats.too_long(size)
            item = _article(raw, number, fields)
            if first := lines_by_id.get(item.id):
                raise Unfit(f"has the same id as line {first}", "Give each article an id of its own.")
        except Unfit as wrong:
            yield Wrong("", wrong.message, wrong.hint, number, isinstance(wrong, formats.OtherData))
        else:
            lines_by_id[item.id] = number
            yield item


def bounded_lines(file: BinaryIO) -> Iterator[tuple[int, bytes, int]]:
    """Yield each line's number, bytes and length; of a line that is too long, the beginning alone."""
    number = 0
    while raw := file.readline(formats.MAX_ARTICLE_BYTES + 1):
        number, size, more = number + 1, len(raw), raw
        while len(more) and not more.endswith(b"\n") and size > formats.MAX_ARTICLE_BYTES:
            more = file.readline(_REST)
            size += len(more)
        yield number, raw, size


def _article(raw: bytes, number: int, fields: Mapping[str, str]) -> Parsed:
    text, encoding = decode(raw)
    values = formats.renamed(json_object(text), fields)
    id, body = values.pop("id", None), values.pop("text", None)
    if isinstance(id, bool) or not isinstance(id, str | int) or not one_line(str(id)):
        wanted = fields.get("id", "id")
        raise Unfit(f"has no {wanted} that is text or a whole number", f'Give it one: "{wanted}": "…".')
    if not isinstance(body, str):
        wanted = fields.get("text", "text")
        raise formats.OtherData(f"has no {wanted}: {_kind(body)} instead", f'Give it one: "{wanted}": "…".')
    refuse_binary(body)
    return Parsed((body,), one_line(str(id)), formats.noting(encoding, values), line=number, is_ours=True)


def json_object(text: str) -> dict[str, object]:
    """Return the object that a line of JSONL is.

    Raises:
        Unfit: it is not JSON, not an object, or has a name twice.
    """
    mend = "Write one JSON object a line."
    try:
        value = _JSON.decode(text.rstrip())
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


_JSON = json.JSONDecoder(object_pairs_hook=_object, parse_constant=_no_constant)


def _kind(value: object) -> str:
    names = {dict: "an object", list: "a list", str: "a string", bool: "true or false", type(None): "nothing"}
    return names.get(type(value), "a number")
