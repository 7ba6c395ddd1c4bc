"""Who says what in a text: the slices that are speech, each with its speaker, and whom "he" and "the minister" mean."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rag.speech.people import People, Person, is_person
from rag.speech.sayings import FORMS, UTTERING
from rag.speech.sheet import Kind, Phrase, Sheet
from rag.speech.subjects import Saying, sayings
from rag.text import Span

_TURNS = frozenset("and but while whereas though although".split())
_SURE = frozenset({"he", "she"})
_TELLING = frozenset({*FORMS, *UTTERING, "according"})
_AHEAD = 6  # sayings of one sentence that are looked at for the next speaker


@dataclass(frozen=True, slots=True)
class Speech:
    """The slice ``start:end`` of a text that somebody says, and the ``speaker``, the slice that names him there.

    ``name`` is the fullest name of the one who speaks, or whom a pronoun or a description surely means, and
    ``named`` where that stands (for a name the speaker itself); both are None where it cannot be told.
    """

    start: int
    end: int
    speaker: Span
    kind: Kind
    name: str | None = None
    named: Span | None = None


@dataclass(slots=True)
class _Block:
    """A sentence, or those that one quotation holds together, and the sayings in it."""

    start: int
    end: int
    sayings: list[Saying]


def speakers(text: str) -> list[Speech]:
    """Return who says what in a text, in order; what is said within the speech of another is said by both."""
    return read(text)[0]


def read(text: str) -> tuple[list[Speech], People]:
    """Return who says what in a text, and the people whom it names; nobody where nothing is said."""
    sheet = Sheet(text)
    if not sheet.quotes and not any(low in _TELLING for low in sheet.lows):
        return [], People("", [])
    order = sorted(sayings(sheet), key=lambda saying: (-saying.start, -saying.end))
    found = {saying.phrase.start: saying for saying in order}
    blocks = _blocks(sheet, sorted(found.values(), key=lambda saying: (saying.start, saying.end)))
    contents = list(_contents(sheet, blocks))
    if not contents:
        return [], People("", [])
    people = People(text, [(s.phrase.start, s.phrase.end) for s, _ in contents if s.phrase.kind == "name"])
    return _resolved(sheet, people, contents), people


# ---- What is said


def _blocks(sheet: Sheet, sayings: Sequence[Saying]) -> list[_Block]:
    """Return the sentences in order, those together that a quotation holds, or "Ayrault said." ends."""
    blocks: list[_Block] = []
    n = 0
    for start, end in sheet.sentences:
        inside = []
        while n < len(sayings) and sayings[n].start < end:
            inside.append(sayings[n])
            n += 1
        if blocks and (
            sheet.is_quoted(start, inner=True) or _tells_only(sheet, blocks[-1], start, end, inside)
        ):
            blocks[-1].end = end
            blocks[-1].sayings += inside
        else:
            blocks.append(_Block(start, end, inside))
    return blocks


def _tells_only(sheet: Sheet, last: _Block, start: int, end: int, inside: list[Saying]) -> bool:
    """Whether a sentence is no more than "Ayrault said." behind a quotation."""
    if not inside or last.sayings or sheet.text[last.end - 1] not in '”"»':
        return False
    rest = sheet.text[inside[0].end : end]
    return inside[0].start == start and not rest[:1].isalnum() and rest[:1] != " "


def _contents(sheet: Sheet, blocks: Sequence[_Block]) -> Iterator[tuple[Saying, Span]]:
    """Yield each saying with the span of what is said, quotations that go on included."""
    pending: list[tuple[Saying, Span]] = []
    for n, block in enumerate(blocks):
        if block.sayings:
            yield from pending
            pending = list(_shared(sheet, block))
        elif pending and _goes_on(sheet, blocks[n - 1].end, block):
            saying, span = pending[-1]
            pending[-1] = saying, (span[0], block.end)
        else:
            yield from pending
            pending = []
    yield from pending


def _goes_on(sheet: Sheet, last_end: int, block: _Block) -> bool:
    """Whether a block is a quotation that goes on from the block before, which ends at ``last_end``."""
    if sheet.text[block.start] not in '“"«':
        return False
    if "\n" not in sheet.text[last_end : block.start]:
        return True
    n = (
        bisect_left(sheet.quotes, (last_end, 0)) - 1
    )  # of a quotation that is left open at the end of its line
    return n >= 0 and sheet.quotes[n][1] >= last_end and sheet.text[sheet.quotes[n][1] - 1] not in '”"»'


def _shared(sheet: Sheet, block: _Block) -> Iterator[tuple[Saying, Span]]:
    """Yield the part of a block that each speaker says."""
    left = block.start
    for n, saying in enumerate(block.sayings):
        end = block.end
        turns = [other.start for other in block.sayings[n + 1 : n + _AHEAD] if _turns(sheet, saying, other)]
        if turns:
            end = turns[0]
        elif saying.follows and n + 1 < len(block.sayings) and block.sayings[n + 1].start > saying.start:
            end = saying.end
        yield saying, (left if saying.follows or n == 0 else saying.start, end)
        if turns and (n + 1 == len(block.sayings) or block.sayings[n + 1].start == turns[0]):
            left = turns[0]


def _turns(sheet: Sheet, saying: Saying, other: Saying) -> bool:
    """Whether another speaker has a clause of his own: "…, but Fillon said"."""
    if other.phrase.start < saying.end or other.start != other.phrase.start:
        return False
    before_it = sheet.text[max(saying.end, other.start - 12) : other.start].rstrip()
    return before_it.endswith(";") or before_it.rpartition(" ")[2].lower() in _TURNS


# ---- Whom pronouns and descriptions mean


def _resolved(sheet: Sheet, people: People, found: Sequence[tuple[Saying, Span]]) -> list[Speech]:
    done: list[Speech] = []
    last: Person | None = None
    for saying, (start, end) in found:
        phrase = saying.phrase
        span = phrase.start, phrase.end
        at = start if saying.follows else phrase.start
        person = _meant(sheet, people, phrase, at, done[-1] if done else None, last)
        own = phrase.kind == "name"
        name = person.name.text if person else sheet.text[slice(*span)] if own else None
        place = span if own else (person.name.start, person.name.end) if person else None
        done.append(Speech(start, end, span, phrase.kind, name, place))
        last = person
    return done


def _meant(
    sheet: Sheet, people: People, phrase: Phrase, at: int, previous: Speech | None, last: Person | None
) -> Person | None:
    """Return who is meant by a phrase, where it is safe to tell; ``last`` is who spoke in the ``previous`` speech."""
    if phrase.kind == "name":
        return people.at(phrase.start)
    text = sheet.text[phrase.start : phrase.end]
    if phrase.kind == "description":
        return people.described(text, at)
    if last and previous and previous.start >= at and ";" in sheet.text[previous.start : phrase.start]:
        return last if _fits(text, last) else None  # "Pelphrey said that …; it would …, he said"
    near = [(place, p) for place, p in people.before(at) if _fits(text, p) and not sheet.is_quoted(place)]
    near = near[: next((n for n, (_, person) in enumerate(near) if person.is_unknown), len(near))]
    if not near or (
        previous and previous.kind == "description" and not last and previous.speaker[0] > near[0][0]
    ):
        return None
    spoke = last if previous and previous.start < at else None
    if spoke and previous and all(person is spoke for place, person in near if place > previous.start):
        return spoke
    found = near[0][1] if len({id(person) for _, person in near}) == 1 else _nearest(sheet, near, last)
    is_other = found and found.gender not in _SURE and _is_other(sheet.text[near[0][0] : phrase.start], text)
    return None if is_other else found


def _is_other(between: str, pronoun: str) -> bool:
    """Whether a text since somebody of unknown sex was named has the pronoun of the other sex."""
    other = {"he": ("she", "her"), "she": ("he", "his", "him")}[pronoun.lower()]
    return not set(other).isdisjoint(between.lower().split())


def _fits(pronoun: str, person: Person) -> bool:
    other = {"he": "she", "she": "he"}.get(pronoun.lower())
    return other is not None and person.gender != other and is_person(person.name.text)


def _nearest(sheet: Sheet, near: Sequence[tuple[int, Person]], last: Person | None) -> Person | None:
    """Return the only one named in the last sentence that names anybody, or who spoke in it."""
    start, _ = sheet.sentence_of(near[0][0])
    inside = {id(person): person for place, person in near if place >= start}
    if last is not None and id(last) in inside:
        return last
    if len(inside) > 1:
        return None
    found = near[0][1]
    if found.gender not in _SURE and any(person.gender in _SURE for _, person in near):
        return None
    return found if last is None or any(place == start for place, _ in near) else None
