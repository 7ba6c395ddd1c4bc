"""People in a text: whether two names are one person's, what each is, and whom a pronoun or a description means."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from rag.names import PEOPLE, TITLES, Kind, Name, kind, names
from rag.speech.sayings import COURTESY, DETERMINERS, INDEFINITE, PREPOSITIONS, STOP, is_speaker, singular
from rag.text import Span, fold, words

_NOT_PEOPLE: frozenset[Kind] = frozenset({"group", "body", "place", "thing"})
_SUFFIXES = frozenset("jr sr ii iii".split())
_OWNERS = frozenset("his her their its our my your".split())
_ROLE_CHARS = 120  # looked at on either side of a name for what he is
_N_PLACES = 6  # of a person's, the first ones, that are looked at for that
_BACK_CHARS = 1500  # looked back for whom a pronoun means
_TITLED = re.compile(r"(?:[^\W\d_][\w'’-]* ){1,6}\Z")
_APPOSED = re.compile(
    r"(?:,? \(?\d{1,3}\)?)?(?:,| –| -|,? who (?:is|was) (?=an?\b|the\b)| (?:is|was) (?=an?\b|the\b))\s*"
    r"([^\W\d_][^,.;:!?\n“”\"–]{2,100})"
)
_CLAUSE = re.compile(
    r"\b(?:who|which|whose|whom|that|when|where|has|had|said|says|told|was|were|is|and|but)\b"
)
_ACTS = re.compile(  # behind a name that does something
    r" (?!(?:and|or|but|of|in|on|at|for|from|with|by|to|as|than|that|which|who|when|where|while|if|because|"
    r"after|before|during|until|since)\b)[a-z]+"
)
_OPENER = re.compile(
    r"(?:^|[.!?:]['’”\"]?\s+|[“\"])([A-Z][^\W\d_]+)(?= [a-z])", re.MULTILINE
)  # or any other word
_PAST = re.compile(r"\b(?:former|once|ex|late|formerly)\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who is named: by his fullest name, and in which other places.

    ``roles`` are the words for what he is, ``heads`` those among them that say it: "executive" in "chief
    executive of Interbrand". One who ``is_unknown`` is a lone word that does something, and may be nobody.
    """

    name: Name
    places: tuple[Name, ...]
    heads: frozenset[str]
    roles: frozenset[str]
    is_unknown: bool = False

    @property
    def gender(self) -> Kind:
        """The kind of the name; "he" or "she" where one of the places tells."""
        told = (name.kind for name in self.places if name.kind in ("he", "she"))
        return next(told, self.name.kind)


@lru_cache(maxsize=4096)
def name_words(name: str) -> tuple[str, ...]:
    """Return the folded words of a name, titles and possessives left out, unless it has nothing else."""
    found = [fold(name[start:end]).removesuffix("'s") for start, end in words(name)]
    bare = [word for word in found if word not in TITLES and word not in _SUFFIXES]
    return tuple(bare or found)


def is_same(one: str, other: str) -> bool:
    """Whether two names can be one person's: "Ayrault" and "Jean-Marc Ayrault", but not two given names."""
    shorter, longer = sorted((name_words(one), name_words(other)), key=len)
    if not shorter or {_kind(one), _kind(other)} == {"he", "she"}:
        return False
    if shorter in (longer[-len(shorter) :], longer[: len(shorter)]):
        return True
    return len(shorter) > 1 and shorter[-1] == longer[-1] and _is_same_given(shorter[0], longer[0])


def _is_same_given(one: str, other: str) -> bool:
    return one == other or (1 in (len(one), len(other)) and one[0] == other[0])


@lru_cache(maxsize=4096)
def _kind(name: str) -> Kind:
    return kind(name, 0, len(name))


def gender(name: str) -> Kind:
    """Return the kind of a name that stands alone: "he" for "Boris Johnson"."""
    return _kind(name)


def is_person(name: str) -> bool:
    """Whether a name could be a person's, rather than that of a country or an organisation."""
    return _kind(name) not in _NOT_PEOPLE


def content(description: str) -> tuple[str, frozenset[str]]:
    """Return what a description says that somebody is ("minister"), and all its words that carry weight."""
    low = [fold(description[start:end]).removesuffix("'s") for start, end in words(description)]
    cut = next((n for n, word in enumerate(low) if word in PREPOSITIONS), len(low))
    heavy = [singular(word) for word in low if word not in STOP and word not in DETERMINERS]
    return (singular(low[cut - 1]) if cut else ""), frozenset(heavy)


class People:
    """The people whom a text names; ``speaking`` are the names in it that say something."""

    def __init__(self, text: str, speaking: Iterable[Span]) -> None:
        spoken = [(start, end) for start, end in speaking if name_words(text[start:end])]  # not "Dr." alone
        told = {start: Name(text[start:end], start, end, kind(text, start, end)) for start, end in spoken}
        named = {name.start: name for name in map(_bare, names(text))} | told
        acting = {
            start for start, name in named.items() if name.kind == "word" and _ACTS.match(text, name.end)
        }
        openers = {m.start(1): Name(m[1], m.start(1), m.end(1), "word") for m in _OPENER.finditer(text)}
        found = {start: name for start, name in (openers | named).items() if name_words(name.text)}
        groups = _grouped(sorted(found.values(), key=lambda name: name.start), set(told), acting)
        self._places = sorted(
            (
                (name.start, person)
                for person in (_person(text, group, set(told)) for group in groups)
                for name in person.places
            ),
            key=lambda place: place[0],
        )
        self._at = dict(self._places)
        self._starts = [start for start, _ in self._places]

    def all(self) -> list[Person]:
        """Return everybody, each once, by the first place."""
        return list({id(person): person for _, person in self._places}.values())

    def at(self, start: int) -> Person | None:
        """Return who is named at a place."""
        return self._at.get(start)

    def before(self, at: int) -> Iterator[tuple[int, Person]]:
        """Yield who is named not far before a place, and where, the nearest first."""
        for n in range(bisect_left(self._starts, at) - 1, -1, -1):
            if self._starts[n] < at - _BACK_CHARS:
                return
            yield self._places[n]

    def described(self, description: str, at: int) -> Person | None:
        """Return the one person before a place whom a description such as "the French minister" fits."""
        opener = description.split()[0].lower()
        if opener in INDEFINITE or opener in _OWNERS:
            return None
        head, heavy = content(description)
        fitting = {id(p): p for _, p in self.before(at) if head in p.heads and heavy <= p.roles | p.heads}
        return next(iter(fitting.values())) if len(fitting) == 1 else None


def _bare(name: Name) -> Name:
    """Return a name without the office before it ("President"; "Dr" stays) or what stands behind a person's "of"."""
    whose, of, _ = name.text.partition(" of ")
    if of and " " in whose and _kind(whose) in PEOPLE | {"maybe"}:
        return _bare(Name(whose, name.start, name.start + len(whose), _kind(whose)))
    first, _, rest = name.text.partition(" ")
    if not rest or first.lower() not in TITLES or first.lower() in COURTESY:
        return name
    return Name(rest, name.end - len(rest), name.end, name.kind)


def _grouped(found: Sequence[Name], told: set[int], acting: set[int]) -> list[list[Name]]:
    """Put the names of each person together; a lone word counts when it acts or is part of a fuller name."""
    full = {n.start for n in found if n.kind in PEOPLE | {"maybe"} and len(name_words(n.text)) > 1}
    homes: dict[str, list[list[Name]]] = {}
    groups: list[list[Name]] = []
    for name in sorted(found, key=lambda n: (n.start not in full, n.start not in told)):
        if name.kind in _NOT_PEOPLE and name.start not in told:
            continue
        ends = {name_words(name.text)[0], name_words(name.text)[-1]}
        near = {id(group): group for end in ends for group in homes.get(end, ()) if _is_one(name, group[0])}
        if len(near) == 1:
            next(iter(near.values())).append(name)
        elif not near and (name.start in full or name.start in told or name.start in acting):
            groups.append([name])
            for end in ends:
                homes.setdefault(end, []).append(groups[-1])
    return groups


def _is_one(name: Name, other: Name) -> bool:
    """Whether two names of a text are one's; those that are not people's must be equal."""
    if name.kind in _NOT_PEOPLE or other.kind in _NOT_PEOPLE:
        return name_words(name.text) == name_words(other.text)
    return is_same(name.text, other.text)


def _person(text: str, group: Sequence[Name], told: set[int]) -> Person:
    places = tuple(sorted(group, key=lambda name: name.start))
    heads: set[str] = set()
    roles: set[str] = set()
    for name in places[:_N_PLACES]:
        for piece in _pieces(text, name):
            head, heavy = content(piece)
            roles |= heavy
            if not _PAST.search(piece):
                heads |= {word for word in heavy if word == head or is_speaker(word)} & _leading(piece)
    name = max(places, key=lambda name: len(name_words(name.text)))
    is_unknown = name.kind == "word" and told.isdisjoint(name.start for name in places)
    return Person(name, places, frozenset(heads), frozenset(roles), is_unknown)


def _leading(piece: str) -> frozenset[str]:
    """Return the words of a description before its first preposition."""
    low = [fold(piece[start:end]) for start, end in words(piece)]
    cut = next((n for n, word in enumerate(low) if word in PREPOSITIONS), len(low))
    return frozenset(map(singular, low[:cut]))


def _pieces(text: str, name: Name) -> Iterator[str]:
    """Yield what the words before and behind a name say that somebody is."""
    if titled := _TITLED.search(text[max(0, name.start - _ROLE_CHARS) : name.start]):
        kept = titled[0].split()
        cut = max((n for n, word in enumerate(kept, 1) if word.lower() in STOP | DETERMINERS), default=0)
        if any(is_speaker(word.lower()) for word in kept[cut:]):
            yield " ".join(kept[cut:])
    if apposed := _APPOSED.match(text, name.end, name.end + _ROLE_CHARS):
        yield _CLAUSE.split(apposed[1], maxsplit=1)[0]
