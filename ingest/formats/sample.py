"""The encoding of a text that is too long to hold, and its beginning."""

from __future__ import annotations

import codecs
from typing import BinaryIO

from ingest.decode import decode, refuse_binary
from ingest.fields import Unfit

_WIDE = (
    (codecs.BOM_UTF32_LE, "utf-32"),  # before UTF-16, whose mark it begins with
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_SAMPLE_BYTES = 2**18
_BLOCK_BYTES = 2**20
_MAX_NUL_SHARE = 0.01  # of bytes; UTF-16 without its mark has about half


def sample_of(file: BinaryIO) -> tuple[str, str]:
    """Return the beginning of a file as text, in whole lines, and the encoding of all of it.

    Raises:
        Unfit: it is empty, binary, or in an encoding that cannot be told.
    """
    file.seek(0)
    head = file.read(_SAMPLE_BYTES)
    if not head.strip():
        raise Unfit("is empty", "Give it a header and rows, or remove it.")
    encoding = _encoding_of(file, head)
    text = codecs.getincrementaldecoder(encoding)("replace").decode(head)
    refuse_binary(text.replace("\0", ""))  # one that is in a cell is that row's fault alone
    is_cut = len(head) == _SAMPLE_BYTES
    return text[: text.rfind("\n") + 1 if is_cut else None] or text, encoding


def _encoding_of(file: BinaryIO, head: bytes) -> str:
    if marked := next((name for mark, name in _WIDE if head.startswith(mark)), ""):
        return marked
    if head.count(b"\0") > _MAX_NUL_SHARE * len(head):
        raise Unfit("is binary: it has many NULs", "Save it as CSV in UTF-8.")
    odd = _first_not_utf8(file)
    if odd is None:
        return "utf-8-sig"
    file.seek(max(0, odd - _SAMPLE_BYTES // 2))
    around = file.read(_SAMPLE_BYTES)
    return decode(around[around.find(b"\n") + 1 : around.rfind(b"\n") + 1] or around)[1]


def _first_not_utf8(file: BinaryIO) -> int | None:
    """Return about where a file is not UTF-8; all of it is read, since the first accent may be at its end."""
    file.seek(0)
    decoder = codecs.getincrementaldecoder("utf-8")()
    at = 0
    while block := file.read(_BLOCK_BYTES):
        try:
            decoder.decode(block)
        except UnicodeDecodeError as error:
            return at + error.start
        at += len(block)
    try:
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return at
    return None
