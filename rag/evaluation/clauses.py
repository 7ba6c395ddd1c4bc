"""Questions for the date, the number, the place or the actor of a clause: the clause with that cut out of it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

from rag.facts import facts, is_claim
from rag.names import PEOPLE, Name, names
from rag.phrasing import DATE, is_plain, is_told
from rag.text import Span, fold, sentences

_READ_CHARS = 20_000  # of a text; of a book that is enough to ask about
_LONGEST = 160  # characters of a question; a person reads and corrects it, so it need not fit on a button
_MOST_WORDS = 26
_ADJUNCT_WORDS = 8  # before the clause: "On 15 September 2008"
_CUT = re.compile(r"[,;:](?!\d)\s+|\s+[–—-]\s+")
_ADJUNCT = re.compile(r"(?:In|On|At|After|Before|During|By|For)\b")
_LEADING_DATE = re.compile(rf"(?:In|On)\s+(?P<date>{DATE})")
_INNER_DATE = re.compile(rf"\s(?:in|on)\s+(?P<date>{DATE})(?=\s|\Z)")
_YEAR = re.compile(r"(?:19|20)\d\d")
_DATED = re.compile(DATE)
# Behind these words a date may be that of something else than what the clause tells.
_BELOW = re.compile(r"\b(?:since|because|that|which|who|after|before|when|until|if|would|suggested|said)\b")
_ROUGHLY = (
    r"(?i:(?:about|around|nearly|almost|over|some|only|just|an estimated|more than|less than|fewer than|at least"
    r"|at most|up to|exactly)\s+)?"
)
_SMALL = (
    r"two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|twenty|thirty|forty|fifty|hundreds|thousands"
)
_NUMBER = rf"\d[\d,]*(?:\.\d+)?|{_SMALL}"
_SCALE = r"(?:\s+(?:hundred|thousand|million|billion|trillion))?"
_COUNT = re.compile(
    rf"(?<![\w.,$£€-]){_ROUGHLY}(?P<answer>(?P<number>(?:{_NUMBER}){_SCALE})\s+(?P<noun>(?:[a-z-]+\s+)??(?:[a-z-]{{2,}}s\b|people\b"
    r"|men\b|women\b|children\b|metres?\b|feet\b)))",
    re.IGNORECASE,
)
_SHARE = re.compile(
    rf"(?<![\w.,-]){_ROUGHLY}(?P<answer>\d[\d,]*(?:\.\d+)?(?:\s+per\s?cent|%))"
    r"(?=\s+(?:of|in|for|to|on|by|from|at|more|fewer|less|against|and)\b|\Z)"
)
_MONEY = re.compile(rf"(?<!\w){_ROUGHLY}(?P<answer>[$£€]\d[\d,]*(?:\.\d+)?{_SCALE})")
_ACTORS = PEOPLE | {"maybe", "body"}
_NO_NOUN = frozenset(
    "is was has does this its his as of or and to in by times percent cents hours' years'".split()
)
_LEANS = re.compile(  # words that need what stands around the clause
    r"\b(?:he|she|it|they|him|her|them|we|our|us|i|my|me|you|your|this|these|those|here|there|today|yesterday"
    r"|tomorrow|now|such|so|then|below|above|following|another|others?|same|both|earlier|later|ago|http\w*|www)\b"
    r"|\A(?:his|its|their|that|which|who|whose|and|but|as|when|while|where|because|also|if)\b"
    r"|\b(?:is|are|was|were|include|includes)\Z",
    re.IGNORECASE,
)
# A comma behind these words parts no clause, but a name from what is told of it: "when Ida Moll, the mayor, left".
_HANGS = re.compile(r"\b(?:when|who|which|where|as|while|after|before|that)\s+(?:\S+\s+){0,3}\S+\Z")
_OWNED = re.compile(
    r"\b(?:the|an?|his|her|its|their|those|these|this|all|first|last|next|other|x)\s+\Z", re.IGNORECASE
)
_WEEKDAY = re.compile(  # which day of which week, the clause does not say
    r"\s+(?:(?:late|early)\s+)?on\s+(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day(?:\s+(?:morning|afternoon|evening|night))?\b"
)
_DOES = re.compile(
    r"\s+(?:\w+ly\s+)?(?:\w+ed|was|were|had|has|is|won|took|made|led|became|began|gave|held|lost|found|wrote|ran|met"
    r"|left|built|bought|sold|broke|fell|rose|spent|sent|set|beat|hit|drew|told|put|saw)\s+(?!that\b)\S"
)


@dataclass(frozen=True, slots=True)
class Asked:
    """A question, its kind, and the span of the text that answers it; ``also`` are shorter forms of the answer."""

    question: str
    kind: str
    start: int
    end: int
    also: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Clause:
    text: str
    start: int
    names: tuple[Name, ...]
    lead: Span  # of the words before it, such as a date; empty where there are none

    @property
    def lowered(self) -> str:
        """The clause as it stands behind other words: with a capital only where a name begins it."""
        named = any(name.start == self.start for name in self.names)
        first = self.text.split()[0]
        shouted = len(first) > 1 and first.isupper()
        return self.text if named or shouted else self.text[0].lower() + self.text[1:]


def asked(text: str) -> list[Asked]:
    """Return the questions that the clauses of ``text`` answer, in order, each once."""
    found: dict[str, Asked] = {}
    read = text[:_READ_CHARS]
    for clause in _clauses(read):
        for one in _of_clause(clause, read):
            if fold(read[one.start : one.end]) not in fold(one.question):
                found.setdefault(one.question, one)
    return list(found.values())


def _clauses(text: str) -> Iterator[_Clause]:
    known = names(text)
    for left, right in sentences(text):
        if not is_told(text[left:right]):
            continue
        pieces = _pieces(text, left, right)
        lead = (left, left)
        if len(pieces) > 1 and _is_adjunct(text[slice(*pieces[0])]):
            lead, pieces = pieces[0], pieces[1:]
        start, end = pieces[0]
        clause = text[start:end].rstrip(" .!")
        inside = tuple(name for name in known if start <= name.start and name.end <= end)
        hangs = text[end : end + 1] == "," and _HANGS.search(clause)
        if inside and not hangs and is_claim(facts(clause)):
            yield _Clause(clause, start, inside, lead)


def _pieces(text: str, left: int, right: int) -> list[Span]:
    """Return what stands between the commas, colons and dashes of a sentence."""
    marks = [match.span() for match in _CUT.finditer(text, left, right)]
    starts, ends = [left, *(end for _, end in marks)], [*(start for start, _ in marks), right]
    return [(start, end) for start, end in zip(starts, ends, strict=True) if start < end]


def _is_adjunct(words: str) -> bool:
    return _ADJUNCT.match(words) is not None and len(words.split()) <= _ADJUNCT_WORDS


def _of_clause(clause: _Clause, text: str) -> Iterator[Asked]:
    for made in (_when(clause, text), _how_many(clause), _where(clause), _who(clause)):
        for rest, one in made:
            if _stands(clause, rest, one):
                yield replace(one, question=_WEEKDAY.sub("", one.question))


_Made = Iterator[tuple[str, Asked]]  # what is left of the clause, and the question


def _when(clause: _Clause, text: str) -> _Made:
    if found := _LEADING_DATE.fullmatch(text, *clause.lead):
        yield clause.text, Asked(f"When was it that {clause.lowered}?", "date", *found.span("date"))
    found = _INNER_DATE.search(clause.text)
    if (
        found
        and not _BELOW.search(clause.text[: found.start()])
        and not _DATED.search(clause.text, found.end())
    ):
        rest = clause.lowered[: found.start()] + clause.lowered[found.end() :]
        yield rest, Asked(f"When was it that {rest}?", "date", *_at(clause, found, "date"))


def _how_many(clause: _Clause) -> _Made:
    for pattern, words in ((_SHARE, "what percentage"), (_MONEY, "how much money"), (_COUNT, "how many")):
        for found in pattern.finditer(clause.text):
            noun = found["noun"] if pattern is _COUNT else ""
            if _is_counted(noun, clause.text[: found.start()], found["answer"]):
                before, after = clause.text[: found.start()], clause.text[found.end() :]
                rest = f"{before}{f'{words} {noun}'.strip()}{after}"
                also = (found["number"],) if noun else ()
                span = _at(clause, found, "answer")
                yield rest, Asked(f"{rest[0].upper()}{rest[1:]}?", "number", *span, also)


def _is_counted(noun: str, before: str, answer: str) -> bool:
    plain = _NO_NOUN.isdisjoint(noun.lower().split()) and not _OWNED.search(before)
    return plain and not _YEAR.fullmatch(answer.split()[0])


def _where(clause: _Clause) -> _Made:
    for name in clause.names:
        start, end = name.start - clause.start, name.end - clause.start
        if name.kind == "place" and clause.text[:start].endswith(" in ") and end == len(clause.text):
            rest = clause.lowered[: start - len(" in ")]
            yield rest, Asked(f"Where was it that {rest}?", "place", name.start, name.end)


def _who(clause: _Clause) -> _Made:
    name = clause.names[0]
    rest = clause.text[name.end - clause.start :]
    if name.start == clause.start and name.kind in _ACTORS and _DOES.match(rest):
        who = "Who" if name.kind in PEOPLE else "Who or what"
        yield f"{who}{rest}", Asked(f"{who}{rest}?", "who", name.start, name.end)


def _stands(clause: _Clause, rest: str, one: Asked) -> bool:
    """Whether what is left of a clause can be asked about alone: it is plain, leans on nothing, and names something."""
    named = any(not (one.start <= n.start < one.end) and n.text in rest for n in clause.names)
    plain = is_plain(_WEEKDAY.sub("", one.question), _LONGEST, _MOST_WORDS)
    return named and plain and not _LEANS.search(rest.removeprefix("Who "))


def _at(clause: _Clause, found: re.Match[str], group: str) -> Span:
    return clause.start + found.start(group), clause.start + found.end(group)
