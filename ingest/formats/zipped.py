"""Documents that are zip archives of XML: opened within bounds, and read without what XML lets strangers do."""

from __future__ import annotations

import struct
import zipfile
import zlib
from typing import Any, BinaryIO

from lxml import etree

from ingest.fields import Unfit

MAX_PARTS = 20_000
MAX_PART_BYTES = 64 * 2**20  # of XML; its tree takes several times as much
MAX_RATIO = 200  # of a part over 1 MB: deflate reaches 1,032, XML of documents 30

_SMALL_BYTES = 2**20
_MEND = "Open it in its program, and save it anew."
# What zipfile raises on damaged input, by the code and by fuzzing.
_DAMAGE = (
    zipfile.BadZipFile,
    zlib.error,
    EOFError,
    NotImplementedError,
    ValueError,
    struct.error,
    OSError,
    KeyError,
)


class Zipped:
    """A document in an open zip archive."""

    def __init__(self, file: BinaryIO, kind: str) -> None:
        """``kind`` is what it should be, with its article, as in "a DOCX".

        Raises:
            Unfit: it is not a zip archive, has too many parts, or is damaged.
        """
        self._kind = kind
        try:
            self._archive = zipfile.ZipFile(file)
        except _DAMAGE as error:
            raise Unfit(f"is not {kind}, or is cut short ({error})", _MEND) from error
        if len(self._archive.filelist) > MAX_PARTS:
            raise Unfit(f"has {len(self._archive.filelist):,} parts, {kind} at most {MAX_PARTS:,}", _MEND)

    def has(self, part: str) -> bool:
        """Whether there is a part of this name."""
        return part in self._archive.NameToInfo

    def read(self, part: str) -> bytes:
        """Return the bytes of a part.

        Raises:
            Unfit: it is missing, damaged, encrypted, or too large.
        """
        info = self._archive.NameToInfo.get(part)
        if info is None:
            raise Unfit(f"is not {self._kind}, or is damaged: it has no {part}", _MEND)
        if info.flag_bits & 1:
            raise Unfit("is encrypted", "Save it without a password.")
        if info.file_size > MAX_PART_BYTES or info.file_size > max(
            _SMALL_BYTES, MAX_RATIO * info.compress_size
        ):
            raise Unfit(f"unpacks to {info.file_size:,} bytes from {info.compress_size:,}: too many", _MEND)
        try:
            with self._archive.open(info) as opened:
                return opened.read(info.file_size)  # what it says it has, and no more
        except _DAMAGE as error:
            raise Unfit(f"is damaged at {part} ({error})", _MEND) from error

    def xml(self, part: str) -> Any:
        """Return the root element of a part that is XML; entities stay unexpanded, nothing else is loaded.

        Raises:
            Unfit: it is missing, damaged, encrypted, too large, or not XML.
        """
        reading = etree.XMLParser(
            resolve_entities=False, no_network=True, load_dtd=False, remove_comments=True, remove_pis=True
        )
        try:
            return etree.fromstring(self.read(part), parser=reading)
        except etree.XMLSyntaxError as error:
            raise Unfit(f"is damaged at {part} ({error.msg})", _MEND) from error


def text_at(root: Any, path: str, names: dict[str, str]) -> str:
    """Return the text of the first element at a path of ElementTree; "" if there is none."""
    return (root.findtext(path, "", names) or "").strip()
