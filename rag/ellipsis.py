"""Questions of which most words were left out ("Why?", "and in 2016?", "what about Le Pen?") made whole.

What is missing comes from the question before, which was searched for and so is whole itself.
"""

from __future__ import annotations

import re

from rag.domain import Exchange
from rag.names import NOT_NAMES, PEOPLE, Name, names

_AUX = r"(?:is|are|was|were|do|does|did|has|have|had|can|could|will|would|should|may|might)"
_ALONE = re.compile(
    r"(?:(?:and|but|so|then|ok|okay|oh)\b,?\s+)?"
    r"(why|when|where|how|who|whom|what|which|which ones?|since when|until when|how (?:many|much|long|often|far|old)"
    r"|(?:in |on )?(?:which|what) (?:year|month|day|city|country|place|date)|by whom|with whom|for whom|why not|how so)"
    r"(\s+else)?[\s?.!]*",
    re.IGNORECASE,
)
_AGAIN = re.compile(  # "When did this happen?" asks of what was said, as "When?" does
    r"(?:and |but )?(why|when|where|how|(?:in )?what year|(?:in )?which year)\s+(?:is|was|did|does|has)\s+"
    r"(?:this|that|it)(?:\s+(?:happen|happened|occur|occurred|take place|come about|so|the case))?[\s?.!]*",
    re.IGNORECASE,
)
_FRAGMENT = re.compile(
    r"(?:(?:and|but|or|so|ok|okay)\b,?\s+)?(what about|how about)?\s*(\S.*?)"
    r"(?:\s+(?:then|too|instead|as well))?[\s?.!]*",
    re.IGNORECASE | re.DOTALL,
)
_JOINED = re.compile(r"\s*(?:and|but|or|what about|how about)\b", re.IGNORECASE)
_WH = re.compile(
    rf"(?:(?:in|on|at|by|for|with|from|to|since|until)\s+)?(why|when|where|how|who|whom|what|which|whose)\b(.*?)\s+({_AUX})\s+(.+)",
    re.IGNORECASE,
)
_SUBJECT_WH = re.compile(r"(?:who|what|which)\s+(.+)", re.IGNORECASE)
_YES_NO = re.compile(rf"({_AUX})\s+(.+)", re.IGNORECASE)
_ANY = re.compile(r"\b(?:any|some)\s+((?:[a-z-]+\s+)?[a-z-]+s)\b\s*")
_ADVERB = re.compile(r"(?:why|when|where|how|how (?:long|often|far|old|come))", re.IGNORECASE)
_TIME = re.compile(
    r"\b(?:(?:in|on|by|since|until|before|after|during)\s+)?(?:(?:early|late|mid)\s+)?(?:\d{1,2}\s+)?"
    r"(?:(?:january|february|march|april|may|june|july|august|september|october|november|december)\s+"
    r"(?:\d{1,2},?\s+)?)?(?:the\s+)?(?:1[0-9]|20)\d\d(?:s|-\d\d)?\b",
    re.IGNORECASE,
)
_LED = r"(in|at|on|from|to|with|for|by|against|of|under|before|after|during|since)"
_PREPOSITION = re.compile(rf"{_LED}\s+(.+)", re.IGNORECASE | re.DOTALL)
_PLACED = re.compile(r"\s(?:in|at|on|during|after|before|since)\s+\S")
_VERBAL = re.compile(
    rf"\b(?:{_AUX}|who|what|when|where|why|how|which|tell|happened|i|you|we)\b|n't\b", re.IGNORECASE
)
_CLAUSE = re.compile(r"\b(?:he|she|it|they|we|i|was|were|is|are|had|has|did)\b", re.IGNORECASE)
FEW_WORDS = 6  # of a fragment, and of an answer that can stand inside a question


def completed(turn: Exchange, question: str) -> str | None:
    """Return the question made whole with the one before, or None where it leaves nothing out."""
    before = _last_sentence(turn.question)
    if len(before.split()) < 2:
        return None
    if found := _AGAIN.fullmatch(question) or _ALONE.fullmatch(question):
        again = _asked_again(before, turn.answer, found)
        return f"{again[0].upper()}{again[1:]}?"
    return _filled(before, question)


def when(text: str) -> str | None:
    """Return the first time that a text names, with its preposition: "in 2016"."""
    found = _TIME.search(text)
    if not found:
        return None
    time = found[0].strip()
    if _PREPOSITION.match(time):
        return time
    return f"on {time}" if time[:2].strip().isdigit() and " " in time else f"in {time}"


def _last_sentence(question: str) -> str:
    return re.split(r"(?<=[.!?])\s+", question.strip())[-1].rstrip(" ?.!")


def _asked_again(before: str, answer: str, asked: re.Match[str]) -> str:
    wh = asked[1]
    if before.lower().startswith(f"{wh.lower()} ") and not (asked.re is _ALONE and asked[2]):
        return before
    if asked.re is _ALONE and asked[2]:
        return _with_else(before, wh)
    adverb = _ADVERB.fullmatch(wh) or wh.lower().endswith("year")
    if adverb and (whole := _with_adverb(before, answer, wh)):
        return whole
    counted = _ANY.search(before)
    if wh.lower() == "how many" and counted and _YES_NO.match(before):
        return (
            f"how many {counted[1]} {_lowered(before[: counted.start()] + before[counted.end() :]).strip()}"
        )
    return f"{before}, and {wh.lower()}"


def _with_else(before: str, wh: str) -> str:
    first, _, rest = before.partition(" ")
    if first.lower() == wh.lower():
        return before if rest.startswith("else ") else f"{first} else {rest}"
    return f"{before}, and {wh.lower()} else"


def _with_adverb(before: str, answer: str, wh: str) -> str | None:
    """Ask why, when, where or how of what the question before and its answer say together."""
    if found := _YES_NO.match(before):
        return f"{wh} {found[1].lower()} {found[2]}"
    said = answer.strip().rstrip(".")
    short = 0 < len(said.split()) <= FEW_WORDS and not _CLAUSE.search(said)
    if found := _WH.match(before):
        if (
            found[1].lower() in ("why", "when", "where", "how")
            and "many" not in found[2]
            and "much" not in found[2]
        ):
            return f"{wh} {found[3]} {found[4]}"
        if short and found[3].lower() in ("do", "does", "did"):
            counted = found[2].strip().removeprefix("many").removeprefix("much").strip()
            return f"{wh} {found[3]} {_with_object(found[4], f'{said} {counted}'.strip())}"
    found = _SUBJECT_WH.match(before)
    cleft = "is it that" if wh.lower() == "why" else "was it that"
    return f"{wh} {cleft} {said} {found[1]}" if found and short else None


def _with_object(clause: str, said: str) -> str:
    """Put an answer behind the verb that asked for it: before "in Berlin", or at the end."""
    found = _PLACED.search(clause)
    return f"{clause} {said}" if not found else f"{clause[: found.start()]} {said}{clause[found.start() :]}"


def _filled(before: str, question: str) -> str | None:
    """Put a fragment in the place of what it answers to in the question before."""
    found = _FRAGMENT.fullmatch(question)
    joined = _JOINED.match(question)
    if not found or len(question) > 100 or len(found[2].split()) > FEW_WORDS or _VERBAL.search(found[2]):
        return None
    if joined and not _TIME.fullmatch(found[2]) and _shares_word(before, found[2]):
        return None  # it says itself what it is about
    fragment, placed = found[2], _PREPOSITION.fullmatch(found[2])
    if not joined and not placed and not _TIME.fullmatch(fragment):
        return None
    if _TIME.fullmatch(fragment):
        return _at_time(before, fragment) + "?"
    if placed:
        return _at_place(before, placed) + "?"
    return _of_another(before, fragment) + "?"


def _shares_word(one: str, other: str) -> bool:
    ours, theirs = (set(re.findall(r"\w{4,}", text.lower())) - NOT_NAMES for text in (one, other))
    return not ours.isdisjoint(theirs)


def _at_time(before: str, fragment: str) -> str:
    when = fragment if _PREPOSITION.match(fragment) else f"in {fragment}"
    found = _TIME.search(before)
    return f"{before} {when}" if not found else before[: found.start()] + when + before[found.end() :]


def _at_place(before: str, placed: re.Match[str]) -> str:
    for name in names(before):
        led = re.search(rf"\b{placed[1]}\s+(?:the\s+)?\Z", before[: name.start], re.IGNORECASE)
        if led:
            return before[: led.start()] + placed[0] + before[name.end :]
    return f"{before} {placed[0]}"


def _of_another(before: str, fragment: str) -> str:
    """Put a name in the place of one of its kind; a time in the place of a time."""
    new = names(fragment)
    asked = names(before)
    if not new or any(_same(new[0], name) for name in asked):
        return f"{before}, and what about {fragment}"
    like = [name for name in asked if name.kind == new[0].kind] or [n for n in asked if _alike(n, new[0])]
    if not like:
        return f"{before}, and what about {fragment}"
    start = (
        like[0].start - 4
        if before[: like[0].start].lower().endswith("the ") and fragment.startswith("the ")
        else like[0].start
    )
    return before[:start] + fragment + before[like[0].end :]


def _same(one: Name, other: Name) -> bool:
    return one.text.lower() == other.text.lower()


def _alike(one: Name, other: Name) -> bool:
    people = PEOPLE | {"maybe", "word"}
    if one.kind in people and other.kind in people:
        return True
    return one.kind == other.kind or {one.kind, other.kind} == {"word", "place"}


def _lowered(text: str) -> str:
    first = text.partition(" ")[0]
    return text[:1].lower() + text[1:] if first.lower() in NOT_NAMES else text
