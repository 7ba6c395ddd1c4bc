"""A mailbox cut into its messages, one held at a time."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import BinaryIO

from ingest.fields import Unfit

_LINE_BYTES = 2**16  # of a longer line, pieces
# RFC 4155: an address and a time of day. A sentence that begins with From has no weekday, time and year.
_BEGINNING = re.compile(rb"From .*\b(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)\b.*\d:\d\d.*\d{4}")
_BEGINNING_BYTES = 300
_ESCAPED = re.compile(rb">+From ")


def messages(file: BinaryIO, limit: int) -> Iterator[bytes | None]:
    """Yield each message without its From line; None in the place of one that has over ``limit`` bytes.

    Raises:
        Unfit: it does not begin as a mailbox.
    """
    lines = _lines(file)
    if not any(is_beginning for _, is_beginning in lines):
        return
    message, size = bytearray(), 0
    for line, is_beginning in lines:
        if is_beginning:
            yield _whole(message, size)
            message, size = bytearray(), 0
            continue
        size += len(line)
        if size <= limit:
            message += line
    yield _whole(message, size)


def _whole(message: bytearray, size: int) -> bytes | None:
    return bytes(message) if len(message) == size else None


def _lines(file: BinaryIO) -> Iterator[tuple[bytes, bool]]:
    """Yield each line, or piece of a long one, and whether it begins a message; ``>From`` comes as From."""
    was_blank, is_start, met_any = True, True, False
    while line := file.readline(_LINE_BYTES):
        begins = is_start and was_blank and bool(_BEGINNING.match(line[:_BEGINNING_BYTES]))
        if not met_any and not begins and line.strip():
            raise Unfit("is not a mailbox: it does not begin with From", "Export it again as mbox.")
        met_any = met_any or begins
        escaped = is_start and _ESCAPED.match(line)
        yield line[1:] if escaped else line, begins
        was_blank = is_start and not line.strip()
        is_start = line.endswith(b"\n")
