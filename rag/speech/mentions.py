"""How somebody is called at a place in a text: the name, pronoun or description that ends or begins there."""

from __future__ import annotations

import re

from rag.names import DATES, PARTICLES, TITLES
from rag.speech.sayings import (
    BESIDE,
    COURTESY,
    DETERMINERS,
    PEOPLE_WORDS,
    PREPOSITIONS,
    STOP,
    is_source,
    is_speaker,
)
from rag.speech.sheet import Phrase, Sheet
from rag.text import Span

_BOUND = re.compile(r"[^\S\n]*(?:[,.;:!?”“\"'’)(—–*\n]|-\s|\Z)")
_LONGEST = 12  # words of a phrase
_BRIDGES = frozenset("of for".split())
_BODIES = frozenset(
    "bank ministry university department house council institute bureau office college".split()
)
_AFTER = frozenset(  # what stands behind a subject that follows its verb
    "in on at after before when while as of from during to by with and who because last this yesterday today via "
    "following about".split()
)


def before(sheet: Sheet, last: int, low: int) -> Phrase | None:
    """Return the phrase that ends with the word ``last`` and begins at ``low`` or later, if there is one."""
    if last < low or sheet.owns(last):
        return None
    word = sheet.lows[last]
    if word in PEOPLE_WORDS:
        return sheet.phrase(last, last, "pronoun")
    if sheet.is_capital(last) and word not in TITLES and not sheet.is_noun(last):
        return _name_before(sheet, last, low)
    return _description_before(sheet, last, low)


def _name_before(sheet: Sheet, last: int, low: int) -> Phrase | None:
    first = _run_start(sheet, last, low)
    first, last = _in_bridge(sheet, first, last)
    inner = _past_titles(sheet, first, last)
    at = _past_lead(sheet, first, low)
    if at >= low and sheet.joined(at) and sheet.lows[at] in PREPOSITIONS:
        if at == low or not sheet.joined(at - 1):  # "from Denmark"
            return None
        head = _description_before(sheet, at - 1, low)
        if head and (head.first == low or _can_speak(sheet, head)):
            return sheet.phrase(head.first, last, "description")
    return sheet.phrase(inner, last, "name")


def _can_speak(sheet: Sheet, phrase: Phrase) -> bool:
    """Whether a phrase without tail is a name, or a description of those who speak or of what speaks for them."""
    word = sheet.lows[phrase.last]
    return phrase.kind == "name" or is_speaker(word) or is_source(word)


def _past_lead(sheet: Sheet, first: int, low: int) -> int:
    """Return the word before "the space agency" in "managers of the space agency NASA", or "Stockholm and Bonn"."""
    at = first - 1
    if at >= low and sheet.joined(at) and sheet.owns(at):
        return _run_start(sheet, at, low) - 1
    if at - 2 >= low and sheet.lows[at - 1 : at + 1] == ["of", "state"]:
        return at - 2
    if at - 1 >= low and sheet.lows[at] == "and" and sheet.joined(at) and sheet.joined(at - 1):
        return _run_start(sheet, at - 1, low) - 1 if sheet.is_capital(at - 1) else at
    for back in range(at, max(low, at - 4) - 1, -1):
        if not sheet.joined(back) or sheet.owns(back) or sheet.lows[back] in DATES:
            return at
        if sheet.is_stop(back):
            return back if sheet.lows[back] in ("of", "at", "for", "from") else at
        if sheet.lows[back] in DETERMINERS:
            return back - 1
    return at


def _run_start(sheet: Sheet, last: int, low: int) -> int:
    first = last
    while first > low and last - first < _LONGEST and sheet.joined(first - 1):
        if sheet.is_capital(first - 1) and not sheet.owns(first - 1):
            first -= 1
        elif (particle := _particle_start(sheet, first, low)) is not None:
            first = particle
        else:
            break
    return first


def _particle_start(sheet: Sheet, first: int, low: int) -> int | None:
    """Return the capital before one or two particles before ``first``: Eberhard van der Laan."""
    for at in (first - 1, first - 2):
        if at <= low or sheet.lows[at] not in PARTICLES or sheet.lows[at] in ("the", "and"):
            return None
        if not sheet.joined(at) or not sheet.joined(at - 1):
            return None
        if sheet.is_capital(at - 1) and not sheet.owns(at - 1):
            return at - 1
    return None


def _in_bridge(sheet: Sheet, first: int, last: int) -> Span:
    """Return the person's part of "Willy Brandt of the SPD" or "Secretary of State Marco Rubio"."""
    for at in range(first + 1, last):
        if sheet.lows[at] not in _BRIDGES or sheet.lows[at - 1] in _BODIES or sheet.lows[first - 1] == "the":
            continue
        if sheet.lows[at - 1] in TITLES:
            return (at + 2 if last - at < 4 else last - 1), last
        if at - first > 1:
            return first, at - 1
    return first, last


def _past_titles(sheet: Sheet, first: int, last: int) -> int:
    """Return where the name begins in "French Foreign Minister Jean-Marc Ayrault"."""
    for at in range(last - 1, first - 1, -1):
        if sheet.lows[at] in TITLES and sheet.lows[at] not in COURTESY:
            return at + 1
    return first


def _description_before(sheet: Sheet, last: int, low: int) -> Phrase | None:
    first = _noun_start(sheet, last, low)
    if first is None:
        return None
    at = first - 1
    if at >= low and sheet.joined(at) and sheet.lows[at] in PREPOSITIONS:
        if at == low or not sheet.joined(at - 1):
            return None
        if head := _head(sheet, at - 1, low):
            return sheet.phrase(head.first, last, "description")
    return sheet.phrase(first, last, "description")


def _head(sheet: Sheet, last: int, low: int) -> Phrase | None:
    """Return the phrase before a preposition, when it can speak."""
    found = before(sheet, last, low)
    return found if found and found.kind != "pronoun" and _can_speak(sheet, found) else None


def _noun_start(sheet: Sheet, last: int, low: int) -> int | None:
    """Return the first word of a noun phrase without tail, at its determiner if it has one."""
    if sheet.lows[last] in STOP | DETERMINERS | DATES | BESIDE - {"all", "both"} and not is_speaker(
        sheet.lows[last]
    ):
        return None
    first = last
    while first > low and sheet.joined(first - 1) and last - first < _LONGEST:
        word = sheet.lows[first - 1]
        if word in DETERMINERS:
            return first - 1
        if sheet.is_stop(first - 1) or word in BESIDE or word in DATES or word.isdigit():
            break
        if sheet.owns(first - 1) and sheet.is_capital(first - 1):
            return _run_start(sheet, first - 1, low)
        first -= 1
    return first


def after(sheet: Sheet, first: int, n_tails: int = 2) -> Phrase | None:
    """Return the phrase that begins with the word ``first``, if there is one, with so many tails: "of the SPD"."""
    if first >= len(sheet.spans):
        return None
    word = sheet.lows[first]
    if word in PEOPLE_WORDS:
        return sheet.phrase(first, first, "pronoun")
    last = first
    while sheet.joined(last) and last - first < _LONGEST and not _ends(sheet, last + 1):
        last += 1
    if _ends(sheet, first) and word not in DETERMINERS:
        return None
    named = _named_in(sheet, first, last)
    if named and not _is_office(sheet, named):
        return named
    return _described(sheet, first, last, n_tails)


def _is_office(sheet: Sheet, phrase: Phrase) -> bool:
    """Whether a name with "the" goes on: "the University of Warsaw biologist", "the Federation of Teachers"."""
    at, first = phrase.last + 1, phrase.first
    if not sheet.joined(phrase.last) or sheet.lows[at] not in ("of", "for") or first == 0:
        return sheet.is_noun(first) and first == phrase.last
    return sheet.lows[first - 1] == "the"


def _ends(sheet: Sheet, n: int) -> bool:
    word = sheet.lows[n]
    return word in STOP or word in DATES or (word in BESIDE and word not in ("both", "all"))


def _named_in(sheet: Sheet, first: int, last: int) -> Phrase | None:
    """Return the name at the end of "French foreign minister Jean-Marc Ayrault", if a name ends there."""
    if not sheet.is_capital(last) or sheet.owns(last) or sheet.lows[last] in TITLES:
        return _leading_name(sheet, first, last)
    start = _run_start(sheet, last, first)
    while (more := _particle_end(sheet, last)) is not None:
        last = more
    return sheet.phrase(_past_titles(sheet, start, last), last, "name")


def _leading_name(sheet: Sheet, first: int, last: int) -> Phrase | None:
    """Return the name that opens words with others behind it: "Ayrault yesterday"."""
    end = first
    while end < last and sheet.is_capital(end + 1):
        end += 1
    if (
        not sheet.is_capital(first)
        or sheet.owns(end)
        or (end < last and not sheet.lows[end + 1].endswith("ly"))
    ):
        return None
    return sheet.phrase(_past_titles(sheet, first, end), end, "name")


def _particle_end(sheet: Sheet, last: int) -> int | None:
    for at in (last + 1, last + 2):
        if at + 1 >= len(sheet.spans) or sheet.lows[at] not in PARTICLES - _BRIDGES - {"the", "and"}:
            return None
        if sheet.joined(at - 1) and sheet.joined(at) and sheet.is_capital(at + 1):
            return at + 1
    return None


def _described(sheet: Sheet, first: int, last: int, n_tails: int) -> Phrase | None:
    if last == first and sheet.lows[first] in DETERMINERS:
        return None
    if not (is_speaker(sheet.lows[last]) or is_source(sheet.lows[last]) or sheet.lows[first] in DETERMINERS):
        return None
    tail = last + 1
    if n_tails and sheet.joined(last) and sheet.lows[tail] in ("of", "for", "from", "at"):
        more = after(sheet, tail + 1, n_tails - 1)
        last = more.last if more else last
    apposed = _apposed(sheet, last)
    return apposed or sheet.phrase(first, last, "description")


def _apposed(sheet: Sheet, last: int) -> Phrase | None:
    """Return the name in "said the mayor of Lyon, Ida Moll."."""
    if sheet.gap(last) != ", " or last + 1 >= len(sheet.spans) or not sheet.is_capital(last + 1):
        return None
    end = last + 1
    while sheet.joined(end) and sheet.is_capital(end + 1):
        end += 1
    if end == last + 1 or not _BOUND.match(sheet.text, sheet.spans[end][1]):
        return None
    return sheet.phrase(_past_titles(sheet, last + 1, end), end, "name")


def is_closed(sheet: Sheet, phrase: Phrase) -> bool:
    """Whether a phrase behind a verb is its subject, by what follows: "said Ayrault.", not "said Ayrault won"."""
    if _BOUND.match(sheet.text, phrase.end):
        return True
    return phrase.last + 1 < len(sheet.spans) and sheet.lows[phrase.last + 1] in _AFTER


def opening(sheet: Sheet, first: int, last: int) -> Phrase | None:
    """Return the phrase that some words of a clause begin with."""
    if sheet.lows[first] in PEOPLE_WORDS:
        return sheet.phrase(first, first, "pronoun")
    if sheet.lows[first] in DETERMINERS:
        return _opening_description(sheet, first, last)
    if not sheet.is_capital(first):
        return None
    end = first
    while end < last and sheet.joined(end) and not sheet.owns(end) and _is_of_name(sheet, end + 1):
        end += 1
    while end < last and (more := _particle_end(sheet, end)) is not None and more <= last:
        end = more
    return None if sheet.owns(end) else before(sheet, end, first)


def _is_of_name(sheet: Sheet, n: int) -> bool:
    """Whether a word goes on with what a name opens: "Belarusian president Alexander Lukashenko"."""
    return sheet.is_capital(n) or sheet.lows[n] in TITLES or is_speaker(sheet.lows[n])


def _opening_description(sheet: Sheet, first: int, last: int) -> Phrase | None:
    for at in range(first + 1, min(last, first + 5) + 1):
        if sheet.lows[at] in STOP or not sheet.joined(at - 1):
            return None
        if is_speaker(sheet.lows[at]) and not (at < last and is_speaker(sheet.lows[at + 1])):
            return sheet.phrase(first, at, "description")
    return None
