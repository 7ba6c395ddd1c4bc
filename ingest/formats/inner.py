"""Files that lie in a file: each is read by its suffix, and none of them stops the others."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import BinaryIO

from ingest import formats
from ingest.fields import Unfit, one_line, shorten
from ingest.formats import Item, NoFiles, Wrong

_MAX_SAID_CHARS = 200


def inner(id: str, name: str, file: BinaryIO, fields: Mapping[str, str]) -> Iterator[Item]:
    """Yield what is in a file named ``name`` that lies in another, each part's id behind ``id``."""
    try:
        for item in formats.parse_member(name, file, fields):
            yield _moved(item, id)
    except MemoryError:
        raise
    except Exception as error:  # of any parser
        wrong = in_words(error)
        is_other = isinstance(wrong, formats.OtherData)
        yield _moved(Wrong("", wrong.message, wrong.hint, wrong.line, is_other), id)


def _moved(item: Item, id: str) -> Item:
    """Return an item of an inner file; a line of that is no line of the outer one."""
    if isinstance(item, NoFiles):
        return item
    line = f":{item.line}" if item.line and isinstance(item, Wrong) else ""
    return replace(item, id=f"{id}{line}" + (f"#{item.id}" if item.id else ""), line=0)


def in_words(error: Exception) -> Unfit:
    """Return what a parser raised, as what a user is told."""
    if isinstance(error, Unfit):
        return error
    if isinstance(error, RecursionError):
        return Unfit("is nested too deeply", "Save it as plain text.")
    said = shorten(one_line(f"{type(error).__name__}: {error}"), _MAX_SAID_CHARS)
    return Unfit(f"cannot be read ({said})", "Check that it opens elsewhere, and save it anew.")
