"""Bytes to text: UTF-8 or what a byte order mark says, else the likeliest encoding; never binary."""

from __future__ import annotations

import codecs
import re

import charset_normalizer

from ingest.fields import Unfit

_BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),  # before UTF-16, whose mark it begins with
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
# Tried in two steps, because many of them fit a short Western text, and cp1252 is what it nearly always is.
_WESTERN = ["cp1252"]
_OTHERS = (
    "cp1250 cp1251 koi8_r cp1253 cp1254 cp1255 cp1256 cp1257 shift_jis euc_jp gb18030 big5 euc_kr mac_roman"
).split()
_CONTROL = re.compile("[\x01-\x08\x0e-\x1a\x1c-\x1f\x7f]")
_MAX_CONTROL_SHARE = 0.01  # text has next to none


def decode(raw: bytes, declared: str = "") -> tuple[str, str]:
    """Return the text of ``raw`` and its encoding: what its byte order mark says, UTF-8, or the likeliest.

    An encoding that it is ``declared`` to have is taken before a guess, and then called UTF-8: it needs no note.

    Raises:
        Unfit: it is binary, or in no encoding that can be told.
    """
    encoding = next((name for mark, name in _BOMS if raw.startswith(mark)), "utf-8")
    if encoding == "utf-8" and (text := _as_declared(raw, declared)) is not None:
        refuse_binary(text)
        return text, "utf-8"
    try:
        text = raw.decode(encoding)
    except UnicodeDecodeError as error:
        if encoding != "utf-8":
            raise Unfit(
                f"begins as {encoding} but is not, at byte {error.start}", "Save it as UTF-8."
            ) from error
        encoding = _likeliest_encoding(raw)
        text = raw.decode(encoding)
    refuse_binary(text)
    return text, encoding.removesuffix("-sig")


def _as_declared(raw: bytes, declared: str) -> str | None:
    """Return the text in an encoding other than UTF-8; None if it is UTF-8 all the same, or not in that encoding.

    Bytes that are no ASCII are hardly ever good UTF-8 by chance. UTF-16 and UTF-32 are told by their mark.
    """
    if not declared or declared.startswith("utf") or not (raw.isascii() or not _decodes(raw, "utf-8")):
        return None
    return raw.decode(declared) if _decodes(raw, declared) else None


def _likeliest_encoding(raw: bytes) -> str:
    for encodings in (_WESTERN, _OTHERS):
        best = charset_normalizer.from_bytes(raw, cp_isolation=encodings).best()
        if best is not None and _decodes(raw, best.encoding):
            return best.encoding
    raise Unfit("is binary, or in an encoding that cannot be told", "Save it as UTF-8.")


def _decodes(raw: bytes, encoding: str) -> bool:
    try:  # charset-normalizer looks at samples of a long text
        raw.decode(encoding)
    except (UnicodeDecodeError, LookupError):
        return False
    return True


def refuse_binary(text: str) -> None:
    """Raise Unfit when ``text`` holds what no text does: a NUL, or many control characters."""
    place = text.find("\0")
    if place >= 0:
        raise Unfit(f"is binary: it has a NUL at character {place}", "Give its text, saved as UTF-8.")
    found = len(_CONTROL.findall(text))
    if found > max(1, _MAX_CONTROL_SHARE * len(text)):
        raise Unfit(
            f"is binary: {found} of {len(text)} characters are controls", "Give its text, saved as UTF-8."
        )
