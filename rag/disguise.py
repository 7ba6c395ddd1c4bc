"""What a text says once its disguises are undone, each view with the way back to its offsets."""

from __future__ import annotations

import base64
import binascii
import codecs
import html
import re
import unicodedata
from bisect import bisect_right
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from urllib.parse import unquote

Span = tuple[int, int]

# Characters without a glyph: controls, soft hyphens, joiners, direction marks, fillers, variation selectors
# and tags; and the marks that are laid over letters, which are left where NFC has no letter for the pair.
UNSEEN = (
    "\\x00-\\x08\\x0b-\\x1f\\x7f-\\x9f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f"
    "\u202a-\u202e\u2060-\u206f\u2800\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff9-\ufffb\U000e0000-\U000e0fff"
)
_UNSEEN = re.compile(f"[{UNSEEN}\u0300-\u036f\u0489\u20d0-\u20f0]+")
_TAG = 0xE0000  # a tag character is this much above the ASCII character that it stands for

# Letters of other scripts that are drawn like Latin ones (the commonest of Unicode's confusables.txt), and
# those that have no decomposition; one for one, so that offsets stay.
_POSING = "ᴀʙᴄᴅᴇꜰɢʜɪᴊᴋʟᴍɴᴏᴘʀꜱᴛᴜᴠᴡʏᴢавеёкмнорстухіїјѕԁһԛԝьզօսոցհαβεηικνορτυχγωıɑɡøłđðæœßþ"
_POSED = "abcdefghijklmnoprstuvwyzabeekmhopctyxiijsdhqwbqounghabenikvoptuxywiagolddaosp"
_LOOKS = dict(zip(_POSING + "“”„«»‘’‚‹›`–—‐‑•·−", _POSED + "\"\"\"\"\"''''''----**-", strict=True))


class _Letters(dict[int, str]):
    """Each character as the one plain letter that it is read as; worked out once, when it is met first."""

    def __missing__(self, code: int) -> str:
        character = chr(code)
        base = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", character)[0].casefold())[0]
        found = _LOOKS.get(base) or _enclosed(code) or base
        self[code] = found
        return found


def _enclosed(code: int) -> str:
    """Return the letter that stands white on black, or is half of a flag."""
    starts = (start for start in (0x1F150, 0x1F170, 0x1F1E6) if start <= code < start + 26)
    return next((chr(ord("a") + code - start) for start in starts), "")


_LETTERS = _Letters()
_FOREIGN = re.compile("[^\x00-\x7f]+")
_PUNCTUATION = {code: " " for code in range(0x80) if not chr(code).isalnum()}


@dataclass(frozen=True, slots=True)
class View:
    """A reading of a text. From ``starts[i]`` on, its characters come from ``sources[i]`` on, one for one.

    Without ``starts`` all of it comes from all of ``sources``, which are then a start and an end.
    ``is_disguised`` says that nobody could have read it so by chance.
    """

    text: str
    starts: tuple[int, ...]
    sources: tuple[int, ...]
    is_disguised: bool = False

    def source(self, start: int, end: int) -> Span:
        """Return the span of the original that a span of the view comes from."""
        if not self.starts:
            return self.sources[0], self.sources[1]
        return self._at(start), self._at(end - 1) + 1

    def _at(self, place: int) -> int:
        piece = bisect_right(self.starts, place) - 1
        return self.sources[piece] + place - self.starts[piece]


def plain(text: str) -> View:
    """Return a text in lower case and plain letters, without what is not seen; tags become what they spell."""
    if text.isascii() and not _UNSEEN.search(text):
        return View(text.lower(), (0,), (0,))
    pieces, starts, sources, at, length = [], [0], [0], 0, 0
    for match in _UNSEEN.finditer(text):
        spelt = "".join(chr(ord(c) - _TAG) for c in match[0] if _TAG + 0x20 <= ord(c) < _TAG + 0x7F)
        pieces += [text[at : match.start()], spelt]
        length += match.start() - at
        starts += [length, length + len(spelt)]
        sources += [match.start(), match.end()]
        length, at = length + len(spelt), match.end()
    pieces.append(text[at:])
    return View(_in_letters("".join(pieces)), tuple(starts), tuple(sources))


def _in_letters(text: str) -> str:
    return _FOREIGN.sub(lambda run: run[0].translate(_LETTERS), text).lower()


def bare(text: str) -> str:
    """Return a text with a space for each ASCII character that is no letter and no digit."""
    return text.translate(_PUNCTUATION)


def views(text: str) -> Iterator[View]:
    """Yield the plain view of a text, then one for each disguise that seems to be in it."""
    seen = plain(text)
    yield seen
    if len(_LEET.findall(seen.text)) >= _LEET_WORDS:
        yield View(seen.text.translate(_AS_I), seen.starts, seen.sources)
        yield View(seen.text.translate(_AS_L), seen.starts, seen.sources)
    if any(word in seen.text for word in _ROT13):
        yield View(codecs.decode(seen.text, "rot13"), seen.starts, seen.sources, True)
    if any(word in seen.text for word in _BACKWARDS):
        yield View(seen.text[::-1], (), (0, len(text)), True)
    for is_likely, pattern, undo in _RUNS:
        if is_likely(seen.text):
            for match in pattern.finditer(text):
                if (said := undo(match[0])) is not None:
                    yield View(plain(said).text, (), match.span(), True)


# ---- Letters swapped

_LEET = re.compile("(?<=[a-z])[013457]+[a-z]")
_LEET_WORDS = 3  # digits between letters; "b2b" and "p5js" occur in innocent texts too, and are read twice
_AS_I = str.maketrans("013457@$!", "oieastasi")
_AS_L = str.maketrans("013457@$!", "oleastasi")
# "ignore", "disregard", "instruction", "assistant", "the answer": by thirteen letters on, and backwards
_ROT13 = ("vtaber", "qvfertneq", "vafgehpgvba", "nffvfgnag", "gur nafjre")
_BACKWARDS = ("erongi", "dragersid", "noitcurtsni", "tnatsissa", "rewsna eht")

# ---- Runs that stand for a text

_SPOKEN = re.compile(
    r"[^\W\d_]{2,20}(?:[ ,:;]{1,3}[^\W\d_]{1,20}){2}"
)  # three words, so that a key or a hash is none


def _spoken(said: str) -> str | None:
    return said if said.isprintable() and _SPOKEN.search(said) else None


def _of_bytes(decode: Callable[[str], bytes]) -> Callable[[str], str | None]:
    def undo(run: str) -> str | None:
        try:
            return _spoken(" ".join(decode(run).decode("utf-8").split()))
        except (binascii.Error, ValueError):
            return None

    return undo


def _base64(run: str) -> bytes:
    letters = re.sub(r"\s", "", run).rstrip("=").translate(str.maketrans("-_", "+/"))
    whole = letters[: len(letters) - (len(letters) % 4 == 1)]
    return base64.b64decode(whole + "=" * (-len(whole) % 4))


def _joined(run: str) -> str:
    """Return spaced-out letters as words, parted where the gap is wider; as one word where no gap is."""
    words = re.split(r"\s{2,}|\s*[|/]\s*", run.strip())
    return " ".join(re.sub(r"[\W_]", "", word) for word in words)


def _longest(text: str) -> int:
    return max(map(len, text.split()), default=0)


def _is_spaced(text: str) -> bool:
    return _SINGLE.search(f" {bare(text)} ") is not None


_SINGLE = re.compile(" [a-z] {1,4}[a-z] {1,4}[a-z] {1,4}[a-z] ")
_Run = tuple[Callable[[str], bool], re.Pattern[str], Callable[[str], str | None]]
_RUNS: tuple[_Run, ...] = (  # whether to look (that is quick), for what, and what it says
    (
        lambda text: _longest(text) >= 24,
        re.compile(r"(?<![\w+/=-])[A-Za-z0-9+/_-]{24,4000}(?:\n[A-Za-z0-9+/_-]{4,100}){0,40}={0,2}"),
        _of_bytes(_base64),
    ),
    (
        lambda text: _longest(text) >= 32,
        re.compile(r"(?<!\w)(?:[0-9a-fA-F]{2}){16,2000}"),
        _of_bytes(bytes.fromhex),
    ),
    (
        lambda text: text.count("%") > 2,
        re.compile(r"(?:%[0-9a-fA-F]{2}[^\s%&]{0,60}){3,200}"),
        lambda run: _spoken(unquote(run)),
    ),
    (
        lambda text: "\\u0" in text or "\\x" in text,
        re.compile(r"(?:(?:\\u00|\\x)[0-9a-fA-F]{2} ?){6,2000}"),
        _of_bytes(lambda run: bytes.fromhex(re.sub(r"\\u00|\\x", "", run))),
    ),
    (
        lambda text: "0110" in text or "0111" in text,
        re.compile(r"(?<!\d)(?:[01]{8}[ ,]?){8,2000}"),
        _of_bytes(lambda run: bytes(int(eight, 2) for eight in re.findall("[01]{8}", run))),
    ),
    (lambda text: text.count("&") > 2, re.compile(r"(?:&#?\w{2,8};[^\n&]{0,40}){3,200}"), html.unescape),
    (
        _is_spaced,
        re.compile(r"(?<![^\W_])(?:[^\W\d_](?:[ \t.*_\-|/\u00b7]{1,4})){11,}[^\W\d_](?![^\W_])"),
        _joined,
    ),
)


# ---- Hidden as such

_BETWEEN = "\u034f\u061c\u180b-\u180f\u200b-\u200f\u2060-\u2064\ufe00-\ufe0f\ufeff"
_LETTER = "[A-Za-z\u00c0-\u024f\u0370-\u03ff\u0400-\u04ff\\d]"  # scripts that need no joiners
_HIDING = re.compile(
    # Three letters in a row, each with something unseen behind it; a soft hyphen comes after a syllable.
    f"(?<={_LETTER})[{_BETWEEN}]+ ?(?:{_LETTER} ?[{_BETWEEN}]+ ?){{2,}}"
    f"|(?<={_LETTER})\u00ad ?(?:{_LETTER} ?\u00ad ?){{2,}}"
    "|(?<![\U0001f3f4\U000e0020-\U000e007e])[\U000e0020-\U000e007e]{3,}"  # tags, except in flags such as that of Wales
    # Words that mix Latin with Cyrillic or Greek letters, three of them close together.
    "|(?:\\b[A-Za-z]{0,9}(?:[A-Za-z][\u0370-\u03ff\u0400-\u04ff]|[\u0370-\u03ff\u0400-\u04ff][A-Za-z])\\w{0,20}\\W[^\n]{0,40}?){3}"
    "|[\u200b-\u200f\u2060-\u2064\ufeff]{8,}|[\ufe00-\ufe0f\U000e0100-\U000e01ef]{3,}"  # bits as characters
    "|\\x08{3,}|\\x1b\\["  # what a terminal obeys
    "|[\u202d\u202e][^\u202c\n]*"  # letters made to run the other way
)
_TAGGED = re.compile(r"<[a-z][a-z0-9]*\s([^<>]{4,400})>((?:\s*<[^<>]{0,60}>){0,3}[^<>]{8,4000})")
_CONCEALED = re.compile(
    r"display\s*:\s*none|visibility\s*:\s*hidden|font-size\s*:\s*[01](?:\.\d+)?(?:px|pt|em|rem|%)?\s*(?:[;\"']|$)"
    r"|opacity\s*:\s*0?\.?0*[0-2]?\s*(?:[;\"']|$)|(?:left|top|text-indent)\s*:\s*-\d{3,}|aria-hidden\s*=\s*[\"']?true"
    r"|(?:^|\s)hidden(?:\s|=|$)|clip\s*:\s*rect\(0"
)
_WHITE = re.compile(r"(?<![-\w])color\s*:\s*(?:#fff(?:fff)?\b|white|transparent|rgba?\(255,\s*255,\s*255)")
_COLOURED = re.compile(r"background[-a-z]*\s*:\s*(?!#fff(?:fff)?\b|white|transparent|none)")
_SEVERAL = re.compile(r"[^\W_]{1,20}(?:\W{1,9}[^\W_]{1,20}){3}")


def hidden(text: str) -> list[Span]:
    """Return the spans that are made so that a reader does not see them, or not as they are."""
    found = []
    if not text.isascii() and _UNSEEN.search(text):
        found = [match.span() for match in _HIDING.finditer(text)]
    if "<" in text:
        for match in _TAGGED.finditer(plain_case(text)):
            if _SEVERAL.search(match[2]) and _conceals(match[1]):
                found.append(match.span())
    return found


def plain_case(text: str) -> str:
    """Return a text in lower case where that is one character for one."""
    lower = text.lower()
    return (
        lower if len(lower) == len(text) else "".join(c.lower() if len(c.lower()) == 1 else c for c in text)
    )


def _conceals(attributes: str) -> bool:
    if _CONCEALED.search(attributes):
        return True
    return bool(_WHITE.search(attributes)) and not _COLOURED.search(attributes)


def comments(text: str) -> Iterator[Span]:
    """Yield the span of what stands in each HTML comment, to the end of the text where it is not closed."""
    end = 0
    while (start := text.find("<!--", end)) >= 0:
        close = text.find("-->", start)
        end = len(text) if close < 0 else close
        yield start + 4, end
