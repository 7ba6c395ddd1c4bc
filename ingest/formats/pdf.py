"""PDF: the text of each page as a reader sees it, in paragraphs; pictures of text are left to others."""

from __future__ import annotations

import ctypes
import re
from collections.abc import Iterator, Mapping
from typing import Any, BinaryIO

import pypdfium2
from pypdfium2 import raw

from ingest.fields import Unfit, one_line, shorten
from ingest.formats import Item, Parsed, Wrong
from ingest.formats.layout import HYPHEN, Line, paragraphs, unparted

MAX_PAGES = 20_000
MAX_TITLE_CHARS = 300

_MEND = "Open it elsewhere, and save or print it anew as PDF."
_HYPHENS = {0x02, 0xAD, 0xFFFE}  # what pdfium has in place of a hyphen at a line end
_LINE_ENDS = {0x0A, 0x0D}
_DAY = re.compile(r"(?:D:)?(\d{4})(\d\d)?(\d\d)?")
# Titles that programs give by themselves.
_NO_TITLE = re.compile(
    r"(?:untitled\b|microsoft \w+ - |.*\.(?:docx?|pdf|tex|dvi|indd|qxd|odt|rtf|pages)\Z)", re.I
)


def parse(file: BinaryIO, name: str, fields: Mapping[str, str]) -> Iterator[Item]:  # noqa: ARG001 - a seam
    """Yield the one article of a PDF, its pages told apart; and a complaint of pages that cannot be read.

    Raises:
        Unfit: it is not a PDF, damaged, encrypted, too long, or has no text.
    """
    document = _opened(file)
    try:
        if len(document) > MAX_PAGES:
            raise Unfit(f"has {len(document):,} pages, a PDF at most {MAX_PAGES:,}", "Split it.")
        values = _values(document)
        pages = [_page(document, number) for number in range(len(document))]
    finally:
        document.close()
    damaged = [number for number, page in enumerate(pages, start=1) if page is None]
    texts = unparted([page or "" for page in pages])
    if len(damaged) == len(pages):
        raise Unfit("is damaged: none of its pages can be read", _MEND)
    if not any(character.isalnum() for text in texts for character in text):
        raise Unfit("holds pictures of text, or none", "Run OCR first, for example ocrmypdf.")
    if damaged:
        which = shorten(", ".join(map(str, damaged)), 60)
        yield Wrong("", f"is damaged: these pages cannot be read: {which}", _MEND)
    yield Parsed(texts, values=values)


def _opened(file: BinaryIO) -> Any:
    try:
        return pypdfium2.PdfDocument(file)
    except pypdfium2.PdfiumError as error:
        if error.err_code in (raw.FPDF_ERR_PASSWORD, raw.FPDF_ERR_SECURITY):
            raise Unfit("is encrypted: it needs a password", "Save it without one.") from error
        raise Unfit("is not a PDF, or is damaged", _MEND) from error


def _page(document: Any, number: int) -> str | None:
    """Return the text of a page, a blank line between paragraphs; None if it cannot be read."""
    try:
        page = document[number]
    except pypdfium2.PdfiumError:
        return None
    text = None
    try:
        text = page.get_textpage()
        return "\n\n".join(paragraphs(list(_lines(text))))
    except pypdfium2.PdfiumError:
        return None
    finally:
        if text is not None:
            text.close()
        page.close()


# ---- Lines


def _lines(page: Any) -> Iterator[Line]:
    """Yield the lines of a page, in pdfium's order; a hyphen at a line end is the mark of one."""
    start = 0
    codes = [raw.FPDFText_GetUnicode(page, at) for at in range(page.count_chars())]
    for at, code in enumerate([*codes, 0x0A]):
        if code in _LINE_ENDS or (code in _HYPHENS and _ends_line(page, codes, at)):
            if line := _line(page, codes, start, at, HYPHEN if code in _HYPHENS else ""):
                yield line
            start = at + 1


def _ends_line(page: Any, codes: list[int], at: int) -> bool:
    """Whether what comes after a hyphen stands on another line; the mark alone is in words too."""
    following = next((i for i in range(at + 1, min(at + 4, len(codes))) if codes[i] > 0x20), None)
    if following is None or codes[at] == 0x02:
        return True
    above, below = _origin(page, at), _origin(page, following)
    return abs(above[1] - below[1]) > 1


def _line(page: Any, codes: list[int], start: int, end: int, mark: str) -> Line | None:
    places = [at for at in range(start, end) if codes[at] > 0x20]
    units = b"".join(_unit(code) for code in codes[start:end])
    text = one_line(units.decode("utf-16-le", "replace"))
    if not places or not text:
        return None
    (left, base), right = _origin(page, places[0]), page.get_charbox(places[-1])[2]
    return Line(text + mark, left, right, base, _size(page, places[0]))


def _unit(code: int) -> bytes:
    """Return a character as UTF-16, of which pdfium may give one half at a time; what it cannot read, as a space."""
    if code > 0xFFFF:
        return chr(code).encode("utf-16-le") if code <= 0x10FFFF else b" \0"
    return (0x20 if code < 0x20 or code in _HYPHENS else code).to_bytes(2, "little")


def _origin(page: Any, at: int) -> tuple[float, float]:
    x, y = ctypes.c_double(), ctypes.c_double()
    raw.FPDFText_GetCharOrigin(page, at, x, y)
    return x.value, y.value


def _size(page: Any, at: int) -> float:
    """Return the size of a character's type as it stands on the page."""
    matrix = raw.FS_MATRIX()
    raw.FPDFText_GetMatrix(page, at, matrix)
    scale = max(abs(matrix.b), abs(matrix.d)) or 1.0
    return float(raw.FPDFText_GetFontSize(page, at)) * scale


# ---- Properties


def _values(document: Any) -> dict[str, object]:
    title = shorten(one_line(document.get_metadata_value("Title")), MAX_TITLE_CHARS)
    day = _DAY.match(document.get_metadata_value("CreationDate"))
    values = {
        "title": "" if _NO_TITLE.match(title) else title,
        "author": shorten(one_line(document.get_metadata_value("Author")), MAX_TITLE_CHARS),
        "date": "-".join(filter(None, day.groups())) if day else "",
        "language": _language(document),
    }
    return {name: value for name, value in values.items() if value}


def _language(document: Any) -> str:
    buffer = ctypes.create_string_buffer(80)  # of UTF-16; a longer one is none
    size = raw.FPDFCatalog_GetLanguage(
        document, ctypes.cast(buffer, ctypes.POINTER(raw.FPDF_WCHAR)), len(buffer)
    )
    return one_line(buffer.raw[: size - 2].decode("utf-16-le", "replace")) if 2 < size <= len(buffer) else ""
