"""Finds where a text speaks to a machine: cues are weighed, and enough of them close together make an order."""

from __future__ import annotations

import re
from collections.abc import Iterator

from rag.disguise import bare
from rag.marks import ROLE, Cue, marked
from rag.vocabulary import lexicon

Span = tuple[int, int]
ENOUGH = 4  # of weight; lower, and ordinary articles about chatbots are taken for orders
SUSPECT = 3  # of weight in a text that somebody took the trouble to disguise
REACH = 400  # characters: a few sentences
_PART = 20_000  # characters that are looked at in one go
_MOST = 20_000  # characters


# ---- Cues of words: the text becomes a string with one sign for each word, on which the rules are matched

_WORDS = lexicon()
_SIGNS = {parts: chr(0x100 + n) for n, parts in enumerate(sorted(set(_WORDS.values()), key=sorted))}
_SIGN = {word: _SIGNS[parts] for word, parts in _WORDS.items()} | {":": ":", "#": "#"}
_FIRST = {"[": "#", ".": ".", "!": ".", "?": ".", "\n": "."}
_TOKEN = re.compile(r"[^\W_]+|\[\^?\d{1,2}\](?!\()|:|[.!?](?=[\s\"')\]*]|\Z)|\n\s*\n")

_MACHINE = ("M", "j k", "j a", "k ~1 e")
_ANY = (*_MACHINE, "aK")
# Name, weight, rules. A group of letters is a word with one of these parts of the vocabulary, "~5" up to five
# words of one sentence, "#" a mark such as [3].
_RULES: list[tuple[str, int, list[str]]] = [
    (
        "discard",
        4,
        ["D ~4 pY ~3 Ii", "D ~3 l ~3 I", "D ~3 I ~4 pY", "pl ~3 I ~3 v", "pY ~2 I ~4 D", "D ~3 l ~2 i ~3 Y"],
    ),
    ("others", 2, ["D ~4 plYW ~3 Cc", "D ~2 C", "n ~1 Su ~4 l ~2 Cc", "D ~1 p"]),
    ("discredited", 2, ["l ~2 Cc ~4 v", "Cc ~8 b ~1 v"]),
    ("dropped", 2, ["D ~2 l ~1 Y"]),
    ("reveal", 4, ["RS ~6 Y ~2 s TI", "RS ~6 s TI", "RS ~6 Ii ~3 Y ~2 g"]),
    ("yours", 2, ["RS ~6 Y ~3 I", "Y s TI", "Y ~2 p I"]),
    (
        "addressed",
        4,
        [f"{call} {machine}" for call in ("F ~1 t ~2", "E ~1") for machine in (*_MACHINE, "a j")]
        + ["E ~1 aK"]
        + [f"{machine} ~3 r ~1 q" for machine in (*_MACHINE, "aKk")]
        + [f"t ~1 {machine} ~1 :" for machine in _MACHINE],
    ),
    ("speaks", 3, [f"{machine} S :" for machine in _MACHINE]),
    ("named", 3, [f"Y b ~2 {machine}" for machine in (*_MACHINE, "a")]),
    ("role", 2, [f"{machine} k? :" for machine in _MACHINE]),
    (
        "told",
        2,
        [f"{machine} ~8 O ~4 SRD" for machine in _ANY]
        + [f"{machine} ~4 b t SRD" for machine in _ANY]
        + [f"{machine} SD" for machine in _MACHINE]
        + ["l K ~25 O ~2 SD"],
    ),
    ("prescribed", 2, ["A ~6 O ~2 S"]),
    ("reads", 2, [f"{machine} ~2 r" for machine in _ANY]),
    ("commanded", 3, [f"H ~4 {m}" for m in _ANY] + [f"{m} ~8 dH ~2 t SRD" for m in _ANY]),
    ("asked", 1, ["w ~6 Q", "Q ~12 SD"]),
    ("bidden", 2, ["wQ ~14 Z", "Z ~4 X", "X ~4 Z", "w Y b Q"]),
    ("answer", 2, ["Y A", "Y ~1 S b", "f A", "A f"]),
    ("only", 1, ["SA ~8 X", "X ~2 SA"]),
    ("passive", 1, ["O ~4 b ~1 S", "Y O S"]),
    ("hush", 2, ["n ~1 m ~2 h", "h ~6 n ~1 m"]),
    ("innards", 2, ["W ~1 W"]),
    ("machine", 1, [*_MACHINE, "K"]),
    ("cite", 3, ["z ~2 #"]),
    ("mark", 1, ["# ~6 #", "S ~3 #"]),
]


def _compiled(rule: str) -> str:
    made = []
    for item in rule.split():
        if item[0] == "~":
            made.append(f"[^.]{{0,{item[1:]}}}?")
        elif item in (":", "#"):
            made.append(item)
        else:
            signs = "".join(sign for parts, sign in _SIGNS.items() if parts & set(item))
            made.append(f"[{signs}]{'?' * item.endswith('?')}")
    return "".join(made)


_SAID = [(name, weight, re.compile("|".join(map(_compiled, rules)))) for name, weight, rules in _RULES]


def _shape(words: list[str]) -> str:
    return "".join([_SIGN.get(word) or _FIRST.get(word[0], "_") for word in words])


def _said(place: int, window: str) -> Iterator[Cue]:
    tokens = [(match.start(), match.end()) for match in _TOKEN.finditer(window)]
    shape = _shape([window[start:end] for start, end in tokens])
    for name, weight, pattern in _SAID:
        for match in pattern.finditer(shape):
            yield Cue(place + tokens[match.start()][0], place + tokens[match.end() - 1][1], name, weight)


# ---- Where to look

_TELLING = frozenset(word for word, parts in _WORDS.items() if parts & set("DIMZzWrvjkaTKRAE")) - frozenset(
    "service services systems system language large question smart program programs programme programmes tool tools"
    " show hi hello hey all us copy list translate read reading reads apply wrong drop message messages digital"
    " retrieved parameters intelligent intelligence las los an t software skip fake false reader readers dear"
    " process computer trained engines engine directive artificial virtual".split()
) | frozenset("output above briefing confidence offsets passages nothing rules told required".split())
_LINES = re.compile(rf"^[\W_]{{0,8}}(?:{ROLE}\b|source \d|user-|require-|end of|begin)", re.M)
_SIGNED = re.compile(r"<[|<]|\[/?inst\]|</?[a-z]|[\"'](?:role|\w{0,9}answer)[\"']")


def _windows(text: str) -> Iterator[tuple[int, str]]:
    """Yield what lies around the telling words and marks of a text, with its place."""
    if len(text) <= 2 * REACH:
        yield 0, text
        return
    words = bare(f" {text} ")
    places = [match.start() for match in _LINES.finditer(text)]
    if any(sign in text for sign in ("<", "inst]", "role", "answer")):
        places += [match.start() for match in _SIGNED.finditer(text)]
    for telling in _TELLING.intersection(words.split()):
        places += _places(words, f" {telling} ")
    start = end = 0
    for place in sorted(places):
        if place - REACH > end:
            if end:
                yield start, text[start:end]
            start = place - REACH
        elif place - start > _PART:
            yield start, text[start:place]
            start = place - REACH
        end = place + REACH
    if end:
        yield start, text[start:end]


def _places(text: str, wanted: str) -> Iterator[int]:
    place = text.find(wanted)
    while place >= 0:
        yield place
        place = text.find(wanted, place + 1)


def _may_do(window: str, marked: list[Cue], enough: int) -> bool:
    """Tell whether all cues of a window could be enough; quicker than to place them, and never too strict."""
    loose = (
        bare(window.replace(":", " COLON ").replace("[", " MARK ")).replace("COLON", ":").replace("MARK", "#")
    )
    shape = _shape(loose.split())
    best = {cue.name: cue.weight for cue in marked}
    best |= {name: weight for name, weight, pattern in _SAID if pattern.search(shape)}
    return sum(best.values()) >= enough


def cues(text: str, enough: int = 0) -> Iterator[list[Cue]]:
    """Yield the cues in each part of a text in plain lower-case letters where they could weigh ``enough``."""
    for place, window in _windows(text):
        found = list(marked(place, window))
        if _may_do(window, found, enough):
            yield _thinned(sorted([*found, *_said(place, window)]))


def _thinned(found: list[Cue]) -> list[Cue]:
    """Leave out a cue where the same has just been: a text that repeats one word a million times has no more."""
    last: dict[str, Cue] = {}
    kept = []
    for cue in found:
        before = last.get(cue.name)
        if before is None or cue.start > before.start + REACH // 10 or cue.weight > before.weight:
            last[cue.name] = cue
            kept.append(cue)
    return kept


def orders(text: str, enough: int = ENOUGH) -> list[Span]:
    """Return the spans of a text in plain lower-case letters where cues of ``enough`` weight stand together.

    A text that gives orders over ``_MOST`` characters is one to its end.
    """
    spans: list[Span] = []
    near: dict[str, Cue] = {}
    for part in cues(text, enough):
        for cue in part:
            near = {name: other for name, other in near.items() if other.start > cue.start - REACH}
            if cue.name not in near or near[cue.name].weight <= cue.weight:
                near[cue.name] = cue
            if sum(other.weight for other in near.values()) >= enough:
                _add(spans, list(near.values()))
        if sum(end - start for start, end in spans) > _MOST:
            return [*spans[:-1], (spans[-1][0], len(text))]
    return spans


def _add(spans: list[Span], near: list[Cue]) -> None:
    start, end = min(cue.start for cue in near), max(cue.end for cue in near)
    if spans and start <= spans[-1][1]:
        start, end = min(start, spans[-1][0]), max(end, spans.pop()[1])
    spans.append((start, end))
