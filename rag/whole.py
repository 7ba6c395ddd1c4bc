"""A marked span grown to what a person would say: the full name, the number with its unit, the whole list."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from itertools import dropwhile
from typing import TYPE_CHECKING

from rag.measures import measured
from rag.names import DATES, NOT_NAMES, PARTICLES, PEOPLE, TITLES, UNSURE, Name, kind, names
from rag.text import Span as Slice
from rag.text import fold, sentences, trim, words
from rag.wants import want

if TYPE_CHECKING:
    from rag.reader import Span

_ROUNDS = 4  # of all steps, since one can make room for another; more than two were never seen


def whole(question: str, span: Span) -> Span:
    """Return the span grown to what a person would say, inside its passage and the sentences it touches.

    What hangs at its edges is trimmed. Growing what has grown changes nothing.
    """
    low, high = _room(span)
    place = _Place(question, span.passage.article.text[low:high], _names(span, low, high))
    found = span.start - low, span.end - low
    for _ in range(_ROUNDS if words(place.text[slice(*found)]) else 0):
        before = found
        for step in (_trimmed, _closed, _named, _measured, _listed):
            found = step(place, *found)
        if found == before:
            break
    return replace(span, start=low + found[0], end=low + found[1])


@dataclass(frozen=True, slots=True)
class _Place:
    """The sentences around a span, their names, and the question."""

    question: str
    text: str
    names: list[Name]

    def asked(self, start: int, end: int) -> bool:
        """Return whether the question itself has a word of the slice, other than one like "of"."""
        asked = {fold(self.question[slice(*word)]).removesuffix("'s") for word in words(self.question)}
        told = {fold(self.text[slice(*word)]) for word in _words(self.text, start, end)}
        return any(len(word) > 1 and word in asked for word in told - PARTICLES)


def _words(text: str, start: int, end: int) -> list[Slice]:
    return [(start + s, start + e) for s, e in words(text[start:end])]


def _room(span: Span) -> Slice:
    """Return the slice of the article in which a span may grow: the sentences of its passage that it touches."""
    offset = span.passage.start
    touched = [
        (offset + start, offset + end)
        for start, end in sentences(span.passage.text)
        if offset + start < span.end and span.start < offset + end
    ]
    return min([span.start, *(s for s, _ in touched)]), max([span.end, *(e for _, e in touched)])


def _names(span: Span, low: int, high: int) -> list[Name]:
    """Return the names in a slice of the article, which the words of the whole passage help to tell."""
    moved = span.passage.start - low
    found = [replace(n, start=n.start + moved, end=n.end + moved) for n in names(span.passage.text)]
    inside = [name for name in found if name.start >= 0 and name.end <= high - low]
    return _first(span.passage.article.text[low:high], inside) + inside


def _first(text: str, inside: list[Name]) -> list[Name]:
    """Return the lone name that a sentence begins with, in the few places where it can be no other word."""
    first = _OPENER.match(text)
    if not first or _is_no_name(first["word"]) or (inside and inside[0].start < first.end()):
        return []
    name = Name(first["word"], *first.span("word"), kind(text, *first.span("word")))
    return [name] if first["and"] or name.kind == "place" else []


def _is_no_name(word: str) -> bool:
    return word.lower() in NOT_NAMES | DATES or word.endswith("ly")


# "France, Germany and Italy" at the beginning of a sentence
_OPENER = re.compile(r"(?P<word>[A-Z][\w-]+)(?:,|(?P<and>\s(?:and|or)))\s+(?=[A-Z])")

# ---- Edges

_HEAD = re.compile(r"[\s,;:–—-]+(?=[^\W\d_])|(?:and|or|but|nor|of|than)\s+|[\s,;]+")
_TAIL = re.compile(r"(?:[\s,;:–—-]+|\s(?:and|or|but|nor|of|the|with|by|than))\Z")
_PAIRS = (("(", ")"), ("[", "]"), ("“", "”"), ("«", "»"), ('"', '"'))
_NEAR_CHARS, _NEAR_WORDS = 60, 6  # how far off the partner of a bracket may be
_FAR = re.compile(r"[;:?!]|\.\s")


def _trimmed(place: _Place, start: int, end: int) -> Slice:
    """Return the slice without the comma, dash, preposition or conjunction that hangs at an edge."""
    left, right = start, end
    while head := _HEAD.match(place.text, left, right):
        left = head.end()
    while tail := _TAIL.search(place.text[left:right]):
        right = left + tail.start()
    return (left, right) if words(place.text[left:right]) else (start, end)


def _closed(place: _Place, start: int, end: int) -> Slice:
    """Return the slice with the partners of its brackets and quotation marks, or without one at its edge."""
    text = place.text
    for opener, closer in _PAIRS:
        opened, closed = _unpaired(text, start, end, opener, closer)
        if opened is not None:
            partner = text.find(closer, end, end + _NEAR_CHARS)
            if partner >= 0 and not _is_far(text[end:partner], opener, opened == start):
                end = partner + 1
            elif opened == start and end - start > 1:
                start, end = trim(text, start + 1, end)
        if closed is not None:
            partner = text.rfind(opener, max(0, start - _NEAR_CHARS), start)
            if partner >= 0 and not _is_far(text[partner + 1 : start], closer, closed == end - 1):
                start = partner
            elif closed == end - 1 and end - start > 1:
                start, end = trim(text, start, end - 1)
    return start, end


def _is_far(between: str, other: str, at_edge: bool) -> bool:
    """Return whether a partner is too far off; that of a bracket at the edge always is, for it can be left out."""
    if at_edge and other in "()[]":
        return True
    return _FAR.search(between) is not None or other in between or len(words(between)) > _NEAR_WORDS


def _unpaired(text: str, start: int, end: int, opener: str, closer: str) -> tuple[int | None, int | None]:
    """Return where the first mark is that is opened only, and where the last one is that is closed only."""
    opened: list[int] = []
    closed = None
    for at in range(start, end):
        if text[at] == closer and (opener != closer or opened or not _could_open(text, at)):
            closed = at if not opened else closed
            opened = opened[:-1]
        elif text[at] == opener:
            opened.append(at)
    return opened[0] if opened else None, closed


def _could_open(text: str, at: int) -> bool:
    before, behind = text[:at][-1:], text[at + 1 : at + 2]
    return not before.isalnum() and before not in (".", ",", "!", "?") and not behind.isspace()


# ---- Names

_LINK = re.compile(r"\s(?:of|for|and)\s")
_AND = re.compile(r"\sand\s")
_SAID_TITLES = frozenset("king queen prince princess duke duchess lord lady sir dame pope".split())
_ACRONYM = re.compile(r"\b[A-Z]{3,}\Z")
_PART = re.compile(
    r"\b(?:first|last|middle|given|family|maiden|nationality|languages?|religi\w+|surname|party|ethnic\w*|race)\b",
    re.I,
)


def _named(place: _Place, start: int, end: int) -> Slice:
    """Return the slice with the whole of the names that it begins or ends in."""
    if _PART.search(place.question):
        return start, end
    left, right = start, end
    for name in place.names:
        if name.start < start < name.end:
            left = _name_start(place, name, start, end)
        if name.start < end < name.end and not (start > name.start and left == start):
            right = _name_end(place, name, start, end)
    return left, right


def _name_start(place: _Place, name: Name, start: int, end: int) -> int:
    """Return where a name begins for one who says its end: at the given name if there is one, behind titles."""
    if _LINK.search(place.text, name.start, end) or place.asked(name.start, start):
        return start  # "Oxford" in "University of Oxford"
    if not place.text[start].isupper() or _gives(place, start, name.end):
        return start
    before = [(s, fold(place.text[s:e])) for s, e in _words(place.text, name.start, start)]
    begins = [s for s, word in dropwhile(lambda pair: pair[1] in TITLES - _SAID_TITLES, before)]
    given = (s for s in begins if _gives(place, s, name.end))
    return next(given, begins[0] if begins else start)


def _gives(place: _Place, start: int, end: int) -> bool:
    """Return whether a given name stands at ``start``, with another behind it."""
    return len(_words(place.text, start, end)) > 1 and kind(place.text, start, end) in ("he", "she")


def _name_end(place: _Place, name: Name, start: int, end: int) -> int:
    """Return where a name ends for one who says its beginning; an acronym, or "the Democratic Party", is whole."""
    is_part = len(_words(place.text, max(start, name.start), end)) == 1
    link = (_AND if is_part else _LINK).search(place.text, end, name.end)
    until = link.start() if link else name.end
    begins = [s for s, _ in _words(place.text, end, until)]
    if place.asked(end, until) or (begins and _gives(place, begins[0], until)):
        return end  # "Democrat" in "Democrat Jim Himes"
    if _ACRONYM.search(place.text[:end]) or place.text.startswith("%", until):
        return end
    return until


def _measured(place: _Place, start: int, end: int) -> Slice:
    return measured(place.text, start, end, place.asked)


# ---- Lists

_ONE = re.compile(
    r"\b(?:first|last|only|single|next|(?!west)\w{3,}est|most|one|person|man|woman)\b"
    r"|\bwho (?!(?:is|was|has|does)\b)\w+s\b|\bwho(?:'s| is| was) (?!\w+(?:ed|en|ing)\b)",
    re.I,
)
_WHO = re.compile(r"\bwhom?\b", re.I)
_JOINT = re.compile(r"(?P<comma>,)?\s?(?P<and>(?:and|or|&)\s)?(?:the\s)?(?:[A-Z][\w-]+\s){0,3}")
_INNER_JOINT = re.compile(r",|\b(?:and|or)\b")
_OPENS_CLAUSE = re.compile(r"(?:\A|[.,;:—–(\"“]|\b(?:that|when|as|after|because|but|if|while|where))\s*\Z")
_NOT_BEFORE = re.compile(r"\b(?:between|both)\s+(?:the\s+)?\Z", re.I)
_CLOSES = re.compile(
    r"\s*(?:\Z|[.,;:)\]\"”—–?!]|(?:in|on|at|for|to|with|from|as|by|during|after|before|over|who|which|when|while"
    r"|against|about|under|since|until|because|but|instead|without)\b)"
)


def several(question: str) -> bool:
    """Return whether a question may take several answers in a row: "who", "which candidates"; unsure means not."""
    asked = question.replace("’", "'")
    if _ONE.search(asked):
        return False
    return want(question).kind == "list" or _WHO.search(asked) is not None


def _listed(place: _Place, start: int, end: int) -> Slice:
    """Return the slice with the other names of the coordination that it is an item of."""
    if not (several(place.question) and _is_names(place.text[start:end])):
        return start, end
    (left, before), (right, behind) = _before(place, start, end), _behind(place, start, end)
    inner = ["," if m == "," else "and" for m in _INNER_JOINT.findall(place.text[start:end])]
    for low, high, joints in (
        (left, right, [*before, *inner, *behind]),
        (left, end, [*before, *inner]),
        (start, right, [*inner, *behind]),
    ):
        if _is_coordination(joints) and _stands_alone(place, low, high):
            return (low, high) if not (place.asked(low, start) or place.asked(end, high)) else (start, end)
    return start, end


def _is_names(text: str) -> bool:
    """Return whether a slice has nothing but capitalised words and what may stand between and inside them."""
    inner = [text[slice(*word)] for word in words(text)]
    return bool(inner) and text[0].isupper() and all(w[0].isupper() or w in PARTICLES | {"or"} for w in inner)


def _before(place: _Place, start: int, end: int) -> tuple[int, list[str]]:
    """Return where the items before a slice begin, and what joins them, in order."""
    joints: list[str] = []
    left = start
    for name in reversed([name for name in place.names if name.end <= start]):
        joint = _joint(place.text[name.end : left])
        if not joint or (joints and joint != ",") or not _alike(place, name, start, end):
            break
        left, joints = name.start, [joint, *joints]
    return left, joints


def _behind(place: _Place, start: int, end: int) -> tuple[int, list[str]]:
    """Return where the items behind a slice end, and what joins them, in order."""
    joints: list[str] = []
    right = end
    for name in (name for name in place.names if name.start >= end):
        joint = _joint(place.text[right : name.start])
        if not joint or not _alike(place, name, start, end) or place.text.startswith(("'", "’"), name.end):
            break
        right, joints = name.end, [*joints, joint]
        if joint != ",":
            break
    return right, joints


def _joint(between: str) -> str:
    """Return "," or "and" or ",and" for what parts two items, "" for anything else."""
    found = _JOINT.fullmatch(between)
    return ("," if found["comma"] else "") + ("and" if found["and"] else "") if found else ""


def _alike(place: _Place, name: Name, start: int, end: int) -> bool:
    """Return whether a name could be of the sort of the slice: a person beside a person, no place for "who"."""
    ours, theirs = kind(place.text, start, end), name.kind
    if _WHO.search(place.question) and not {ours, theirs}.isdisjoint(("place", "thing")):
        return False
    return ours == theirs or not UNSURE.isdisjoint((ours, theirs)) or {ours, theirs} <= PEOPLE


def _is_coordination(joints: list[str]) -> bool:
    """Return whether these joints make "A and B" or "A, B, and C"; "A, and B" begins a clause."""
    *commas, last = joints or [""]
    return last in ("and", ",and") and set(commas) <= {","} and (last == "and" or bool(commas))


def _stands_alone(place: _Place, left: int, right: int) -> bool:
    """Return whether the last item of a list begins no clause: "met Macron and Putin left"."""
    before = place.text[:left]
    unlisted = _OPENER.match(place.text)  # "Slovenia, Austria and Italy", where Slovenia is no known name
    if _NOT_BEFORE.search(before) or (
        unlisted and unlisted.end() == left and not _is_no_name(unlisted["word"])
    ):
        return False
    return _OPENS_CLAUSE.search(before) is not None or _CLOSES.match(place.text, right) is not None
