"""History in, standalone question out, by rules: what a follow-up leans on is looked up in the last few turns.

A question that leans on nothing, or on what cannot be found, comes back as it is.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from rag.domain import Exchange
from rag.ellipsis import completed
from rag.names import PEOPLE, Kind, Name, names

LOOK_BACK = 6  # turns: what was said before them is not meant by "he"
LONGEST = 500  # characters of a rewritten question: a longer one holds more of the past than of what is asked
_READ_CHARS = 600  # of each question and answer of the past

_MORE_THAN_ONE = r"(?:they|them|their|theirs|themselves)"
_PRONOUNS: tuple[tuple[str, frozenset[Kind], frozenset[Kind]], ...] = (
    # pronoun, kinds that it means, kinds that it may mean
    (r"(?:he|him|his|himself)", frozenset({"he", "person"}), frozenset({"maybe", "word"})),
    (r"(?:she|her|hers|herself)", frozenset({"she", "person"}), frozenset({"maybe", "word"})),
    (_MORE_THAN_ONE, frozenset({"group", "body"}), frozenset({"maybe", "word", "thing"})),
    (r"(?:it|its|itself)", frozenset({"thing", "body", "place"}), frozenset({"maybe", "word", "group"})),
)
_OWNING = frozenset({"his", "their", "its"})
_OWNED = frozenset({"hers", "theirs"})
_CONTRACTED = {"s": " is", "re": " are", "ll": " will", "ve": " have", "d": " had"}
_FUNCTION = (
    r"(?:is|are|was|were|be|been|being|do|does|did|has|have|had|can|could|will|would|should|may|might|of|in|on|at|by|"
    r"for|from|to|with|about|after|before|during|into|over|under|between|against|through|and|or|but|if|when|while|"
    r"that|which|who|whom|whose|what|where|why|how|than|as|not|so|then|there|he|she|it|they|you|we|i|him|her|them|"
    r"his|its|their|my|your|our|get|got|go|come|came|make|made|take|took|say|said|use|used|work|start|started|begin|"
    r"began|happen|happened|become|became|mean|affect|cause|caused|change|changed|end|ended|win|won|release|released|"
    r"most|ever|still|first|now|really)"
)
_WORD = r"[^\W\d_][\w'’-]*"
_DETERMINED = re.compile(
    rf"\b(the|a|an|my|your|our|his|her|their|its)\s+((?:(?!{_FUNCTION}\b){_WORD}\s+){{0,3}}?(?!{_FUNCTION}\b){_WORD})"
    rf"(?=\s+{_FUNCTION}\b|\s*[?.,;:!]|\s*\Z)",
    re.IGNORECASE,
)
_BARE = re.compile(
    rf"\b(?:of|about|is|are|was|were|do|does|did|on|for|in)\s+((?:(?!{_FUNCTION}\b|the\b|an?\b|any\b){_WORD}\s+){{0,2}}?"
    rf"(?!{_FUNCTION}\b|the\b|an?\b|any\b){_WORD})(?=\s+{_FUNCTION}\b|\s*[?.,;:!]|\s*\Z)",
    re.IGNORECASE,
)
_ASKED_FOR = re.compile(
    r"\A\W*(?:(?:and|but|so|in|on|at|for|by|with|from|to)\s+)*(?:what|which|whose|how (?:many|much))\b.*?"
    r"\b(?:is|are|was|were|do|does|did|has|have|had|can|could|will|would|should)\b",
    re.IGNORECASE,
)
_EXPLETIVE = re.compile(  # "it" that stands for nothing: is it true that, it is raining, how long does it take to
    r"\b(?:is|was|be|would|will)\s+it\s+(?:\w+\s+){0,2}?\w+\s+(?:that|to|if)\b|"
    r"\bit(?:['’]s|\s+is|\s+was|\s+be)\s+(?:\w+\s+){0,2}?\w+\s+(?:that|to|if)\b|"
    r"\bit\s+(?:takes?\b.*\bto|costs?\b.*\bto|seems?|appears?|matters?|rain(?:s|ed)?|snow(?:s|ed)?|says?)\b|"
    r"\bit(?:['’]s|\s+is|\s+was)?\s+(?:still\s+|ever\s+|so\s+|too\s+)?(?:raining|snowing|sunny|windy|dark|late)\b|"
    r"\bhow (?:is|was|comes?) it that\b|\bwhat (?:time|day|year) (?:is|was) it\b",
    re.IGNORECASE,
)
_PLURAL = re.compile(r"\b(?!(?:does|was|is|has|his|its|this|news|series|always|perhaps|various)\b)[a-z]{2,}[^\Wsui_\d]s\b")
_PERSON_NOUN = re.compile(
    r"\b(?:man|woman|boy|girl|president|minister|chancellor|king|queen|father|mother|wife|husband|son|daughter|brother|"
    r"sister|actor|actress|singer|author|writer|director|leader|player|coach|teacher|doctor|driver|officer|manager|"
    r"founder|owner|candidate|artist|scientist|guitarist|drummer|champion|winner|chief|mayor|judge|girlfriend|"
    r"boyfriend|partner|character|person|someone|anyone|public|critics?|people|family)\b",
    re.IGNORECASE,
)
_UNKNOWN = re.compile(r"\W*i (?:don['’]t|do not) know\W*", re.IGNORECASE)


class Rules:
    """Rewrites a follow-up by rules."""

    def rewrite(self, turns: Sequence[Exchange], question: str) -> str:
        """Return the standalone question; one that is standalone comes back unchanged."""
        recent = [_clipped(turn) for turn in turns[-LOOK_BACK:]]
        if not recent or len(question) > LONGEST:
            return question
        rewritten = completed(recent[-1], question) or _resolved(_Past(recent), question)
        return rewritten if len(rewritten) <= LONGEST else question


def _clipped(turn: Exchange) -> Exchange:
    answer = "" if _UNKNOWN.fullmatch(turn.answer) else turn.answer
    return Exchange(turn.question[:_READ_CHARS], answer[:_READ_CHARS])


class _Past:
    """What was spoken of, the last first: in each turn the names of the question, then those of the answer."""

    def __init__(self, turns: Sequence[Exchange]) -> None:
        self.turns = turns[::-1]
        said = [names(text) for turn in self.turns for text in (turn.question, turn.answer)]
        whole = sorted((name for pool in said for name in pool), key=lambda name: -len(name.text))
        self.pools = [[_fullest(name, whole) for name in pool] for pool in said]

    def find(self, sure: frozenset[Kind], perhaps: frozenset[Kind], not_in: str) -> Name | None:
        """Return the last name of those kinds, in each turn one of a sure kind before one that may be of it."""
        for at in range(0, len(self.pools), 2):
            turn = [name for pool in self.pools[at : at + 2] for name in pool if not _is_in(name, not_in)]
            for kinds in (sure, perhaps):
                if found := next((name for name in turn if name.kind in kinds), None):
                    return found
        return None


def _fullest(name: Name, whole: Sequence[Name]) -> Name:
    """Return the longest name that ends with this one: "Angela Merkel" for "Merkel"."""
    ending = " " + name.text
    longer = next((other for other in whole if other.text.endswith(ending) and other.kind in PEOPLE | {"maybe"}), None)
    return longer or name


def _is_in(name: Name, question: str) -> bool:
    return name.text.rpartition(" ")[2].lower() in question.lower()


def _resolved(past: _Past, question: str) -> str:
    for pronoun, sure, perhaps in _PRONOUNS:
        question = _without(pronoun, question, lambda found, q, s=sure, p=perhaps: _meant(past, found, q, s, p))
    return question
