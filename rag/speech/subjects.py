"""Who is the subject of each verb of speech in a text, found by position, in the English of the news."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass

from rag.names import DATES
from rag.speech.mentions import after, before, is_closed, opening
from rag.speech.people import content
from rag.speech.sayings import (
    BE,
    BESIDE,
    DETERMINERS,
    FORMS,
    INDEFINITE,
    STOP,
    SURE,
    UTTERING,
    is_source,
    is_speaker,
    is_speech,
    may_invert,
)
from rag.speech.sheet import MONTHS, Phrase, Sheet
from rag.text import Span

_OPENERS = frozenset('“"«')
_CLOSERS = frozenset(',”"’»')
_JOINS = frozenset(
    "and but then or yet by as while before after of".split()
)  # before "saying", or a second verb
_BEFORE_TO = frozenset("continued continues refused refuses began used declined".split())
_RELATIVE = frozenset("who which whose whom where when".split())
_ADVERBIAL = frozenset("saying adding but and then or yet so however".split())
_NOT_VERBS = frozenset("has does as its his this sometimes".split())
_BESIDE_BY = frozenset(",;:–—(")
_OBJECT_WORDS = 4  # from a verb to the noun that it needs
_BY_WORDS = 15  # between a passive verb and "by"


@dataclass(frozen=True, slots=True)
class Saying:
    """Somebody and the verb of what he says; ``start:end`` are both, and whether they follow what is said."""

    phrase: Phrase
    start: int
    end: int
    follows: bool


def sayings(sheet: Sheet) -> Iterator[Saying]:
    """Yield each verb of speech outside quotations with its subject, those of "according to" included."""
    for n, low in enumerate(sheet.lows):
        if low == "according" and sheet.joined(n) and sheet.lows[n + 1] == "to":
            yield from _according(sheet, n)
        elif low in FORMS or _utters(sheet, n):
            yield from _of_verb(sheet, n)
    for start, end in sheet.quotes:
        n = bisect_left(sheet.spans, (start, 0)) - 1
        if n >= 0 and _leads(sheet, n):
            yield from _of_verb(sheet, n)
        yield from _behind(sheet, end)


def _leads(sheet: Sheet, n: int) -> bool:
    """Whether a word is a verb, whatever it says, that leads up to a quotation: "He continued: “…”"."""
    return sheet.gap(n)[:1] == ":" and sheet.gap(n)[1:].lstrip()[:1] in _OPENERS and _is_verb(sheet, n)


def _utters(sheet: Sheet, n: int) -> bool:
    """Whether a word is a verb that says something with its object: "voiced renewed fears that"."""
    nouns = UTTERING.get(sheet.lows[n], frozenset())
    for at in range(n, min(n + _OBJECT_WORDS, len(sheet.lows) - 1) if nouns else n):
        if not sheet.joined(at) or sheet.lows[at + 1] in STOP:
            return False
        if sheet.lows[at + 1] in nouns:
            return True
    return False


def _according(sheet: Sheet, n: int) -> Iterator[Saying]:
    phrase = after(sheet, n + 2)
    if phrase and not sheet.is_quoted(sheet.spans[n][0]):
        yield Saying(phrase, sheet.spans[n][0], phrase.end, n > sheet.first_of(n))


def _of_verb(sheet: Sheet, verb: int) -> Iterator[Saying]:
    low = sheet.first_of(verb)
    start, end = sheet.spans[verb]
    if not sheet.text[start].islower() or sheet.is_quoted(start):
        return
    if inverted := _inverted(sheet, verb, low):
        yield Saying(inverted, start, inverted.end, True)
    elif not is_speech(sheet.lows, verb, sheet.gap(verb - 1) if verb else "", sheet.gap(verb)):
        return
    elif _is_passive(sheet, verb, low) and not sheet.lows[verb].endswith("ing"):
        yield from _by(sheet, verb)
    elif (subject := _subject(sheet, verb, low)) and _can_say(sheet, subject, verb):
        follows = subject.first > low and sheet.gap(subject.first - 1).strip()[-1:] in _CLOSERS
        for phrase in (*_partner(sheet, subject, low), subject):
            yield Saying(phrase, phrase.start, end, follows)


def _inverted(sheet: Sheet, verb: int, low: int) -> Phrase | None:
    """Return the subject behind a verb: "…, said the minister."."""
    at = sheet.spans[verb][0]
    lead = sheet.text[max(0, at - 4) : at].rstrip(" ")[-1:]
    if lead not in _CLOSERS or not may_invert(sheet.lows[verb], quoted=lead != ","):
        return None
    found = after(sheet, verb + 1) if sheet.joined(verb) else None
    if found is None or not is_closed(sheet, found) or not _is_somebody(sheet, found):
        return None
    if lead == "," and found.kind == "name" and verb > low and _is_apposed(sheet, verb, low):
        return None
    return found


def _is_apposed(sheet: Sheet, verb: int, low: int) -> bool:
    """Whether "Ayrault, the minister," stands before a verb, so that what follows it is no subject."""
    subject = _across(sheet, verb, low)
    return subject is not None and subject.kind == "name" and subject.first == low and subject.last < verb - 1


def _subject(sheet: Sheet, verb: int, low: int) -> Phrase | None:
    at = _past_adverbs(sheet, verb - 1, low)
    if at < low or sheet.is_quoted(sheet.spans[at][0]):
        return None
    word = sheet.lows[at]
    if word == "to" and at - 1 >= low:
        return _before_to(sheet, at - 1, low)
    if sheet.lows[verb].endswith("ing") and word in BE:
        at = _past_adverbs(sheet, at - 1, low)
    elif sheet.lows[verb].endswith("ing") and (word in _JOINS or not sheet.joined(at)):
        return _of_clause(sheet, verb, low)
    if at < low:
        return None
    if not sheet.joined(at):
        return _across(sheet, at + 1, low)
    if sheet.lows[at] in _JOINS:
        return _of_clause(sheet, at + 1, low)
    if sheet.lows[at] in ("who", "which") and at > low:
        return before(sheet, at - 1, low) or (None if sheet.joined(at - 1) else _across(sheet, at, low))
    return before(sheet, at, low)


def _before_to(sheet: Sheet, at: int, low: int) -> Phrase | None:
    """Return the subject of "went on to say" or "refused to say", of which ``at`` is the word before "to"."""
    if sheet.lows[at] == "on" and at - 2 >= low and sheet.lows[at - 1] in ("went", "goes"):
        return before(sheet, at - 2, low)
    return before(sheet, at - 1, low) if sheet.lows[at] in _BEFORE_TO else None


def _can_say(sheet: Sheet, phrase: Phrase, verb: int) -> bool:
    if sheet.lows[verb] == "called" and sheet.lows[phrase.first] in INDEFINITE and sheet.joined(verb):
        return not sheet.is_capital(verb + 1)  # "a man called John"
    if _is_somebody(sheet, phrase):
        return True
    return sheet.lows[verb] in SURE and sheet.lows[phrase.first] in DETERMINERS


def _is_somebody(sheet: Sheet, phrase: Phrase) -> bool:
    if phrase.kind != "description":
        return True
    head, _ = content(sheet.text[phrase.start : phrase.end])
    return is_speaker(head) or is_source(head)


def _partner(sheet: Sheet, phrase: Phrase, low: int) -> Iterator[Phrase]:
    """Yield the first of "Hideo Shiogama and Tomoo Ogura said", or "Leifert and his colleagues"."""
    at = phrase.first - 2
    if phrase.kind != "pronoun" and at >= low and sheet.lows[at + 1] == "and" and sheet.joined(at):
        other = before(sheet, at, low)
        if other and other.kind == "name" and (other.first == low or not sheet.joined(other.first - 1)):
            yield other


def _by(sheet: Sheet, verb: int) -> Iterator[Saying]:
    """Yield who acts in the passive voice: "was called unacceptable by Ayrault"."""
    last = min(len(sheet.spans), verb + _BY_WORDS)
    for n in range(verb + 1, last):
        if sheet.first_of(n) > verb or not _BESIDE_BY.isdisjoint(sheet.gap(n - 1)):
            return
        if sheet.lows[n] == "by" and sheet.joined(n) and not sheet.is_quoted(sheet.spans[n][0]):
            phrase = after(sheet, n + 1)
            if phrase and _is_somebody(sheet, phrase):
                yield Saying(phrase, sheet.spans[verb][0], phrase.end, True)
            return


def _behind(sheet: Sheet, end: int) -> Iterator[Saying]:
    """Yield who stands behind a quotation that ends in a comma, whatever the verb: "“…,” he grins"."""
    if sheet.text[end - 2 : end - 1] != ",":
        return
    n = bisect_left(sheet.spans, (end, 0))
    if n + 1 >= len(sheet.spans) or sheet.text[end : sheet.spans[n][0]].strip(" "):
        return
    first = opening(sheet, n, min(n + 6, len(sheet.spans) - 1))
    if first and sheet.joined(first.last) and _is_verb(sheet, first.last + 1):
        yield Saying(first, first.start, sheet.spans[first.last + 1][1], True)
    elif _is_verb(sheet, n) and sheet.joined(n):
        found = after(sheet, n + 1)
        if found and found.kind != "description" and is_closed(sheet, found):
            yield Saying(found, sheet.spans[n][0], found.end, True)


def _is_verb(sheet: Sheet, n: int) -> bool:
    low = sheet.lows[n]
    own = low not in FORMS and low not in BE and low not in _NOT_VERBS
    return own and low.endswith(("ed", "s")) and sheet.text[sheet.spans[n][0]].islower()


# ---- Subjects that stand further off


def _segments(sheet: Sheet, verb: int, low: int) -> Iterator[Span]:
    """Yield the first and last word of each part between commas and the like before a verb, the nearest first."""
    last = verb - 1
    while last >= low:
        first = last
        while first > low and not sheet.parts(first - 1):
            first -= 1
        if not sheet.is_quoted(sheet.spans[first][0]):
            yield first, last
        last = first - 1


def _across(sheet: Sheet, verb: int, low: int) -> Phrase | None:
    """Return the subject before an apposition: "Jez Frampton, chief executive of Interbrand, said"."""
    described: Phrase | None = None
    parts = list(_segments(sheet, verb, low))
    for n, (first, last) in enumerate(parts):
        if sheet.lows[first] in _RELATIVE or sheet.lows[last].isdigit():
            continue
        found = before(sheet, last, first)
        if found and found.first > first and sheet.lows[found.first - 1] == "and":
            continue  # the last of a list
        if found and found.kind != "description":
            return _apposed_to(sheet, parts[n:], found) or found
        if found and is_speaker(sheet.lows[found.last]):
            described = found
    return described


def _apposed_to(sheet: Sheet, parts: list[Span], name: Phrase) -> Phrase | None:
    """Return whom "an official of the operator, Tokyo Electric Power" is said of, for the name at its end."""
    if len(parts) < 3 or name.first != parts[0][0] or sheet.lows[parts[1][0]] not in DETERMINERS:
        return None
    found = before(sheet, parts[2][1], parts[2][0])
    return found if found and found.kind == "name" and found.first == parts[2][0] else None


def _of_clause(sheet: Sheet, verb: int, low: int) -> Phrase | None:
    """Return the subject of the clause in which a verb stands further on: "He apologised, and said"."""
    for first, last in _segments(sheet, verb, low):
        at = first
        while at < last and sheet.lows[at] in _ADVERBIAL:
            at += 1
        found = opening(sheet, at, last)
        if found and found.kind == "description" and found.last == last:
            return _across(sheet, last + 1, low) or found
        if found:
            return found
    return None


def _past_adverbs(sheet: Sheet, at: int, low: int) -> int:
    """Return the last word before adverbs, auxiliaries and days: "X on Sunday also said"."""
    while at >= low:
        word = sheet.lows[at]
        is_day = word in DATES and word not in MONTHS
        is_adverb = (word in BESIDE or word.endswith(("ly", "n't", "n’t"))) and not is_speaker(word)
        if not is_day and not (is_adverb and sheet.text[sheet.spans[at][0]].islower()):
            return at
        at -= 2 if is_day and at > low and sheet.lows[at - 1] == "on" else 1
        if at >= low and not sheet.joined(at):
            return at
    return at


def _is_passive(sheet: Sheet, verb: int, low: int) -> bool:
    """Whether a participle stands behind a form of "to be", adverbs between: "was once called"."""
    at = verb - 1
    while at >= low and sheet.lows[at] in BESIDE | {"being"} - BE:
        at -= 1
    return at >= low and sheet.lows[at] in BE
