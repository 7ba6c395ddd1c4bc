"""He, she, they and it, and the name or noun phrase that each stands for."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from rag.ellipsis import FEW_WORDS
from rag.names import PEOPLE, UNSURE, Kind, Name, names
from rag.past import Past, Wanted
from rag.phrases import is_expletive, phrases

_OWNING = re.compile(r"(?:his|their|its|hers|theirs)", re.IGNORECASE)
_HER_OWN = re.compile(
    r"\s+(?!(?:in|on|at|to|for|from|with|by|about|as|and|or|when|after|before|during|while|if|because|that|so|again"
    r"|a|an|the)\b)\w",
    re.IGNORECASE,
)
_CONTRACTED = {"s": " is", "re": " are", "ll": " will", "ve": " have", "d": " had"}
_ASKED_FOR = re.compile(
    r"\A\W*(?:(?:and|but|so|in|on|at|for|by|with|from|to)\s+)*(?:what|which|whose|how (?:many|much))\b.*?"
    r"\b(?:is|are|was|were|do|does|did|has|have|had|can|could|will|would|should)\b",
    re.IGNORECASE,
)
_ASKED_WHEN = re.compile(
    r"\A\W*(?:and\s+|but\s+)?(?:(?:who|when|where|why|how)\b(?:\s+(?:is|are|was|were|do|does|did|has|have|had)\b)?"
    r"|is|are|was|were|do|does|did|has|have|had|can|could)\b",
    re.IGNORECASE,
)
_OF_IT = re.compile(  # "the reaction to it" is not its own, nor "some of their"
    r"\b(?:(?:the|an?)\s+(?:[\w'’-]+\s+){1,3}(?:of|to|about|for|from|with|on|in|by|behind)"
    r"|(?:one|some|any|most|many|all|part)\s+of)\s+\Z",
    re.IGNORECASE,
)
_TWO = re.compile(
    r"\b(?:and|but|or)\s+(?:(?:in\s+)?(?:what|which|where|why|how|when|who)|is|are|was|were|did|does|do|has|had)\b",
    re.IGNORECASE,
)
_SOMEONE = re.compile(
    r"\b(?:the|a|an|this|that|who(?:ever)?)\b(?:\s+\w+){0,2}\s+(?:man|woman|boy|girl|president|minister|king|queen|actor|"
    r"actress|singer|author|director|leader|player|coach|doctor|driver|officer|manager|character)\b|\b(?:some|any|every)"
    r"(?:one|body)\b",
    re.IGNORECASE,
)
_A_THING = re.compile(
    r"(?:the|an?)(?:\s+[\w'’-]+){1,8}[\s.]*\Z", re.IGNORECASE
)  # an answer that is a noun phrase
_DEFINITION = re.compile(  # "What is Google Wallet?" asks what it is, and its answer only describes it
    r"\W*(?:what|who)(?:['’]s|\s+(?:is|are|was|were))\s+(?!the\b|an?\b|his\b|her\b|their\b|its\b)[^,]{2,60}\Z",
    re.IGNORECASE,
)
_TEAM = re.compile(
    r"\b(?:bands?|teams?|groups?|duo|trio|company|party|members|brothers|sisters|couple|crew|orchestra|firm|club|albums?|"
    r"gang|government|agency)\b",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class _Pronoun:
    """Words with the kinds of names that they mean for ``sure``, or ``perhaps``.

    ``inside`` is whether a question says itself what is meant, ``meant`` what the past offers for it.
    """

    words: re.Pattern[str]
    sure: frozenset[Kind]
    perhaps: frozenset[Kind]
    inside: Callable[[str, int], bool]
    meant: Callable[[Past, Wanted], str | None]

    def wanted(self, question: str) -> Wanted:
        """Return what the pronoun wants in a question."""
        return Wanted(question, self.sure, self.perhaps)


def named(past: Past, question: str) -> str:
    """Return the question with a name for the first pronoun of each sort that leans on what was said before."""
    for pronoun in _PRONOUNS:
        question = _named(past, pronoun, question)
    return question


def thing(past: Past, question: str) -> str | None:
    """Return what "it" would stand for in a question."""
    return None if is_expletive(question) else _thing_or_many(past, _IT.wanted(question), plural=False)


def _named(past: Past, pronoun: _Pronoun, question: str) -> str:
    matches = pronoun.words.finditer(question)
    found = next((m for m in matches if m[1].islower() or m.start() == 0), None)  # "Zheng He" is a name
    if not found or pronoun.inside(question, found.start()):
        return question
    meant = pronoun.meant(past, pronoun.wanted(question))
    return _put(question, found, meant) if meant else question


def _put(question: str, found: re.Match[str], meant: str) -> str:
    before, after = question[: found.start()], question[found.end() :]
    if _OWNING.fullmatch(found[1]) or (found[1].lower() == "her" and _HER_OWN.match(after)):
        meant += "'" if meant.endswith("s") else "'s"
    meant += _CONTRACTED.get((found[2] or "").lower(), "")
    if not before and question[0].isupper():
        meant = meant[0].upper() + meant[1:]
    return before + meant + after


def _person_inside(question: str, at: int) -> bool:
    before = _OF_IT.sub("", question[_asked_for(question, at) : at])
    return any(name.kind in PEOPLE | UNSURE for name in _names_before(question, at)) or bool(
        _SOMEONE.search(before)
    )


def _thing_inside(question: str, at: int) -> bool:
    return _inside(question, at, frozenset({"thing", "body", "place", "group"}), plural=False)


def _many_inside(question: str, at: int) -> bool:
    return _inside(question, at, frozenset({"group", "body"}), plural=True)


def _inside(question: str, at: int, kinds: frozenset[Kind], plural: bool) -> bool:
    """Whether a question says itself what the pronoun at ``at`` means, as in "how did the town get its name"."""
    before = _OF_IT.sub("", question[_asked_for(question, at) : at])
    owner = _OWNING.match(question, at) and _ASKED_WHEN.sub("", before).strip()
    named = any(name.kind in kinds for name in _names_before(question, at))
    return bool(owner or named or _TWO.search(before) or phrases(before, plural))


def _names_before(question: str, at: int) -> list[Name]:
    start = _asked_for(question, at)
    return [name for name in names(question) if start <= name.start and name.end <= at]


def _asked_for(question: str, at: int) -> int:
    """Return where "what songs did" ends, which holds nothing that a pronoun could mean."""
    found = _ASKED_FOR.match(question, 0, at)
    return found.end() if found else 0


def _person(past: Past, wanted: Wanted) -> str | None:
    """Return who was asked about last, or is the last answer; a person merely met in an answer comes after them."""
    asked, answer = past.find(wanted, 0), past.answered(wanted)
    if answer and (not asked or (asked.kind == "word" and answer.kind in wanted.sure)):
        return answer.text
    pools = [*range(0, len(past.pools), 2), *range(1, len(past.pools), 2)]
    meant = (past.find(wanted, pool) for pool in pools)
    return next((name.text for name in meant if name), None)


def _thing(past: Past, wanted: Wanted) -> str | None:
    return thing(past, wanted.question)


def _many(past: Past, wanted: Wanted) -> str | None:
    answer = past.turns[0].answer.strip(" .")
    if " and " in answer and len(answer.split()) <= FEW_WORDS and len(past.pools[1]) > 1:
        return answer
    return _thing_or_many(past, wanted, plural=True)


def _thing_or_many(past: Past, wanted: Wanted, plural: bool) -> str | None:
    as_team = not plural or any(_TEAM.search(text) for text in (*past.texts, wanted.question))
    described = bool(_DEFINITION.match(past.texts[0])) and past.find(wanted, 0) is not None
    if not described and (found := past.answered(wanted)) and (as_team or found.kind in wanted.sure):
        return past.with_the(found)
    if (
        not described
        and _A_THING.match(past.texts[1])
        and (given := phrases(past.texts[1].strip(" ."), plural))
    ):
        return given[0]
    for turn, said in enumerate(past.turns):
        found = past.find(wanted, 2 * turn)
        if found and found.kind in wanted.sure:
            return past.with_the(found)
        if spoken := [
            phrase
            for phrase in phrases(said.question, plural)
            if phrase.lower() not in wanted.question.lower()
        ]:
            return spoken[-1]
        if found and as_team:
            return past.with_the(found)
    found = past.find(wanted, 1)
    return past.with_the(found) if found and found.kind in wanted.sure else None


def _words(pattern: str) -> re.Pattern[str]:
    return re.compile(rf"\b({pattern})\b(?:['’](s|re|ll|ve|d)\b)?", re.IGNORECASE)


_IT = _Pronoun(
    _words("it|its"), frozenset({"thing", "body"}), UNSURE | {"group", "place"}, _thing_inside, _thing
)
_PRONOUNS = (
    _Pronoun(_words("he|him|his"), frozenset({"he", "person"}), UNSURE, _person_inside, _person),
    _Pronoun(_words("she|hers?"), frozenset({"she", "person"}), UNSURE, _person_inside, _person),
    _Pronoun(
        _words("they|them|theirs?"), frozenset({"group", "body"}), UNSURE | {"thing"}, _many_inside, _many
    ),
    _IT,
)
