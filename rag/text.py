"""Text with its offsets: normalise it once, then find its paragraphs, sentences and words as spans."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from itertools import pairwise
from typing import Literal

import sentencex

Span = tuple[int, int]

# Every mandatory line break of Unicode (UAX 14: BK, CR, LF, NL), vertical tab and form feed included.
_LINE_END = re.compile("\r\n|[\r\v\f\x85\u2028\u2029]")
# NUL ends a string in too many tools, and a lone surrogate has no UTF-8.
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
# Letters that are accented to the eye but have no decomposition, and the apostrophe that printers use.
_UNDECOMPOSED = str.maketrans("łøđðı’‘", "loddi''") | str.maketrans({"þ": "th", "æ": "ae", "œ": "oe"})


def normalise(text: str) -> str:
    """Return ``text`` as NFC with ``\\n`` line ends; NUL and lone surrogates become U+FFFD."""
    return unicodedata.normalize("NFC", _UNSTORABLE.sub("\ufffd", _LINE_END.sub("\n", text)))


def one_line(text: str) -> str:
    """Return ``text`` normalised, with each run of white space as one space and none at the ends."""
    return " ".join(normalise(text).split())


def fold(text: str) -> str:
    """Return ``text`` in lower case without accents, for comparing; its length may differ."""
    decomposed = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", text).casefold())
    return "".join(c for c in decomposed if not unicodedata.combining(c)).translate(_UNDECOMPOSED)


# Letters and digits, with accents that NFC could not compose, and apostrophes inside: didn't, l’an.
_WORD = re.compile("[^\\W_](?:['’]?[^\\W_]|[\u0300-\u036f])*")


def words(text: str) -> list[Span]:
    """Return the span of each word, in order."""
    return [match.span() for match in _WORD.finditer(text)]


def trim(text: str, start: int, end: int) -> Span:
    """Return the span without the white space at its ends; ``start == end`` when it has nothing else."""
    piece = text[start:end].rstrip()
    end = start + len(piece)
    return end - len(piece.lstrip()), end


# ---- Paragraphs

HEADING = re.compile(r"#{1,6}\s")  # matches where a Markdown heading begins
# ... where an item of a list, a reference or a row of a table begins
ITEM = re.compile(r"[-+*•‣◦▪·]\s|\d{1,3}[.)]\s|[A-Za-z]\)\s|\[\d{1,3}\]:\s|\|")
_LINE = re.compile(r"[^\n]+")
_ENDED = re.compile(r"[.!?…:;][\"'”’»)\]*_]*\Z")
_SHORT_CHARS = 30  # a shorter line can be an item or a name, and says nothing about wrapping
# Of the lines that could, how many stop inside a sentence: at most 0.2 where a line is a paragraph, at least
# 0.4 in wrapped text (2,300 articles of two blogs, 190 of a newspaper).
_WRAPPED_SHARE = 0.3

_Joint = Literal["apart", "line end", "runs on"]


def paragraphs(text: str) -> list[Span]:
    """Return the span of each paragraph, trimmed, in order; list items and headings are paragraphs.

    A line end parts paragraphs, unless the text is wrapped: most of its lines then stop inside a sentence.
    """
    lines = [span for m in _LINE.finditer(text) if (span := trim(text, *m.span())) and span[0] < span[1]]
    joints = [_joint(text, above, below) for above, below in pairwise(lines)]
    joined = {"runs on", "line end"} if _is_wrapped(lines, joints) else {"runs on"}
    found = lines[:1]
    for joint, (start, end) in zip(joints, lines[1:], strict=True):
        if joint in joined:
            found[-1] = (found[-1][0], end)
        else:
            found.append((start, end))
    return found


def _joint(text: str, above: Span, below: Span) -> _Joint:
    blank_between = text.count("\n", above[1], below[0]) > 1
    headed = HEADING.match(text, *above) or HEADING.match(text, *below)
    if blank_between or headed or ITEM.match(text, *below):
        return "apart"
    stops = _ENDED.search(text, max(above[0], above[1] - _SHORT_CHARS), above[1])
    if stops or above[1] - above[0] < _SHORT_CHARS or not text[below[0]].islower():
        return "line end"
    return "runs on"


def _is_wrapped(lines: list[Span], joints: list[_Joint]) -> bool:
    telling = [
        joint
        for (start, end), joint in zip(lines, joints, strict=False)
        if joint != "apart" and end - start >= _SHORT_CHARS
    ]
    return telling.count("runs on") > _WRAPPED_SHARE * len(telling)


# ---- Sentences

# sentencex compares each sentence end with each quotation of the paragraph: a long paragraph is shown to it
# in windows, and what it says of the last characters of one, where it cannot look ahead, is not used.
_WINDOW_CHARS = 2000
_AHEAD_CHARS = 100
_OTHER_SPACE = re.compile(r"[^\S ]")  # sentencex 1.0.32 panics on a letter, a no-break space and a full stop
# Where sentencex 1.0.32 sees an end that is none: a title before a name that could begin a sentence
# ("Dr. No"), a few abbreviations before a number, the number of a list item.
_NO_END = re.compile(
    r"(?:(?:^|[\s(\[\"'“‘*_])(?:Mr|Mrs|Ms|Mx|Messrs|Dr|Prof|Gen|Lt|Maj|Col|Capt|Cpl|Sgt|Cmdr|Adm|Sens?|Reps?|Gov"
    r"|Pres|Amb|Rev|Hon|[Vv]ol|[Cc]h|[Aa]pprox)\.|^[(\[*_]*\d{1,3}[.)])\s*\Z"
)
_CONTINUES = re.compile(r"[a-z]+\b")  # "Yahoo! is", but not "iPhone sales"
_CLOSERS = re.compile(r"[”’»)\]\"'*_`]+(?:\s+|\Z)")
_OPENERS = re.compile(r"(?<=\s)[“‘«(\[]+\s*\Z")
_BESIDE_CHARS = 40  # how far to look for them on either side of an end
# A sentence in brackets, which sentencex leaves with the next one.
_ASIDE = re.compile(r"\([^()]*[^()A-Z.]{2}[.!?][\"'”’]*\)\s+(?=\S)")
_LONG_CHARS = 300  # a longer sentence is parted inside its quotation, which sentencex leaves whole
_INNER_END = re.compile(r"[a-z0-9%)]{2}[.!?][\"'”’»)\]]*\s+(?=[\"'“‘«(\[]*[A-Z0-9])")


def sentences(text: str) -> list[Span]:
    """Return the span of each sentence, trimmed, in order; all but white space lies in one.

    The end of a paragraph ends a sentence; a quotation of several short sentences is one.
    """
    found = []
    for start, end in paragraphs(text):
        plain = _UNSTORABLE.sub("\ufffd", _OTHER_SPACE.sub(" ", text[start:end]))
        found += [trim(text, start + left, start + right) for left, right in pairwise(_cuts(plain))]
    return found


def _cuts(plain: str) -> list[int]:
    """Return where each sentence of a trimmed paragraph begins, and where the last one ends."""
    cuts = [0]
    for boundary in _boundaries(plain):
        cut = _beside_quotes(plain, boundary)
        if cuts[-1] < cut < len(plain) and _is_end(plain, cuts[-1], cut):
            cuts.append(cut)
    cuts.append(len(plain))
    inner = [cut for left, right in pairwise(cuts) for cut in _inner_cuts(plain, left, right)]
    return sorted(cuts + inner)


def _boundaries(plain: str) -> Iterator[int]:
    start = 0
    while start < len(plain):
        window = plain[start : start + _WINDOW_CHARS]
        is_last = start + len(window) == len(plain)
        reach = len(window) if is_last else len(window) - _AHEAD_CHARS
        ends = _sentence_ends(window)
        inner = [start + end for end in ends if end <= reach]
        yield from inner
        start = len(plain) if is_last else inner[-1] if inner else _next_word(plain, start + reach)


def _sentence_ends(window: str) -> list[int]:
    try:
        return [boundary["end_index"] for boundary in sentencex.get_sentence_boundaries("en", window)]
    except BaseException as error:
        if (
            type(error).__name__ != "PanicException"
        ):  # what sentencex raises on its own faults; it is no Exception
            raise
        return [len(window)]


def _next_word(plain: str, start: int) -> int:
    space = plain.find(" ", start)
    return len(plain) if space < 0 else space + 1


def _beside_quotes(plain: str, cut: int) -> int:
    """Move a boundary behind marks that close the sentence before it, or before marks that open the next."""
    if closers := _CLOSERS.match(plain, cut):
        return closers.end()
    low = max(0, cut - _BESIDE_CHARS)
    openers = _OPENERS.search(plain, low, cut)
    return openers.start() if openers else cut


def _is_end(plain: str, start: int, cut: int) -> bool:
    before = plain[max(start, cut - _BESIDE_CHARS) : cut]
    if before[-1].isascii() and not before[-1].isspace():
        return False  # within "Apps.USA.gov"; but ideographic sentences end without a space
    return not (_NO_END.search(before) or _CONTINUES.match(plain, cut))


def _inner_cuts(plain: str, start: int, end: int) -> list[int]:
    found = [aside.end()] if (aside := _ASIDE.match(plain, start, end)) else []
    if end - start > _LONG_CHARS:
        found += [match.end() for match in _INNER_END.finditer(plain, start, end)]
    return [cut for cut in sorted(set(found)) if cut < end and _is_end(plain, start, cut)]
