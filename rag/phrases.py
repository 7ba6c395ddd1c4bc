"""Noun phrases that are no names, and the pronouns that stand for nothing, found by function words alone."""

from __future__ import annotations

import re

_FUNCTION = (
    r"(?:is|are|was|were|be|been|being|do|does|did|has|have|had|can|could|will|would|should|may|might|of|in|on|at|by|"
    r"for|from|to|with|about|after|before|during|into|over|under|between|against|through|and|or|but|if|when|while|"
    r"that|which|who|whom|whose|what|where|why|how|than|as|not|so|then|there|he|she|it|they|you|we|i|him|her|them|"
    r"his|its|their|my|your|our|get|got|go|goes|come|came|make|made|take|took|say|said|use|used|work|start|started|"
    r"begin|began|happen|happened|become|became|mean|affect|cause|caused|change|changed|end|ended|win|won|release|"
    r"released|most|ever|still|first|now|really|some|any|other|others|else|many|much|more|know|called|"
    r"named|known|considered|going|being)"
)
_WORD = r"[^\W\d_][\w'’-]*"
_NOUNS = rf"(?:(?!{_FUNCTION}\b){_WORD}\s+){{0,3}}?(?!{_FUNCTION}\b){_WORD}"
_ENDS = rf"(?=\s+(?:{_FUNCTION}|\w{{3,}}ed)\b|\s*[?.,;:!]|\s*\Z)"
_DETERMINED = rf"\b(?:the|a|an|my|your|our)\s+{_NOUNS}{_ENDS}"
_LED = r"(?:\b(?:what|who|how)(?:['’]s|\s+is|\s+are|\s+was|\s+were)|\bof|\babout|\bdo|\bdoes|\bdid)\s+"
_BARE = rf"{_LED}(?!(?:the|an?|any|my|your|our|this|that|these|those|\w+ing|\w+ed)\b)(?P<bare>{_NOUNS}{_ENDS}"
_OF = rf"(?:\s+(?:of|in|for)\s+(?:the\s+)?{_NOUNS}{_ENDS})?"
_PHRASE = re.compile(rf"{_BARE}{_OF})|{_DETERMINED}{_OF}", re.IGNORECASE)
_PLURAL = re.compile(
    r"(?!(?:was|is|has|his|its|this|news|series|always)\Z)[\w'-]*[^\Wsui_\d]s|people|men|women|children"
)
_PERSON = re.compile(
    r"(?:man|woman|boy|girl|president|minister|chancellor|king|queen|father|mother|wife|husband|son|daughter|brother|"
    r"sister|actor|actress|singer|author|writer|director|leader|player|coach|teacher|doctor|driver|officer|manager|"
    r"founder|owner|candidate|artist|scientist|guitarist|drummer|champion|winner|chief|mayor|judge|girlfriend|"
    r"boyfriend|partner|character|person|name|year|type|kind|role|reason|way|cause|impact|difference|first|purpose)s?",
    re.IGNORECASE,
)
_EXPLETIVE = re.compile(  # "it" that stands for nothing: is it true that, it is raining, how long does it take to
    r"\b(?:is|was|be|would|will)\s+it\s+(?:\w+\s+){0,2}?\w+\s+(?:that|to|if)\b|"
    r"\bit(?:['’]s|\s+is|\s+was|\s+be)\s+(?:\w+\s+){0,2}?\w+\s+(?:that|to|if)\b|"
    r"\bit\s+(?:takes?\b.*\bto|costs?\b.*\bto|seems?|appears?|matters?|rain(?:s|ed)?|snow(?:s|ed)?|says?)\b|"
    r"\bit(?:['’]s|\s+is|\s+was)?\s+(?:still\s+|ever\s+|so\s+|too\s+)?(?:raining|snowing|sunny|windy|dark|late)\b|"
    r"\b(?:is|was|comes?) it that\b|\bwhat (?:time|day|year) (?:is|was) it\b",
    re.IGNORECASE,
)


_DID = re.compile(r"\b(?:do|does|did)\s+\Z", re.IGNORECASE)
_ARTICLE = re.compile(r"(?:the|an?|my|your|our)\b", re.IGNORECASE)


def phrases(text: str, plural: bool) -> list[str]:
    """Return the noun phrases of ``text`` that "it" may stand for, or "they" if ``plural``, in order.

    "a" and "an" become "the": what was spoken of is known by then.
    """
    found = [_without_verb(match) for match in _PHRASE.finditer(text)]
    return [
        _definite(phrase)
        for phrase in found
        if _is_plural(phrase) == plural and not _of_person(phrase) and not phrase[0].isupper()
    ]


def _without_verb(found: re.Match[str]) -> str:
    """Return the phrase; of "the band play" in "did the band play", the band."""
    phrase, led = (found["bare"], found[0]) if found["bare"] else (found[0], found.string[: found.start()])
    few = len(phrase.split()) < (3 if _ARTICLE.match(phrase) else 2)
    return (
        phrase
        if few or not _DID.search(led if found["bare"] is None else led[: -len(phrase)])
        else phrase.rsplit(None, 1)[0]
    )


def is_expletive(question: str) -> bool:
    """Return whether the "it" of a question stands for nothing."""
    return _EXPLETIVE.search(question) is not None


def _head(phrase: str) -> str:
    return re.split(r"\s(?:of|in|for)\s", phrase)[0].split()[-1].lower()


def _is_plural(phrase: str) -> bool:
    return _PLURAL.fullmatch(_head(phrase)) is not None


def _of_person(phrase: str) -> bool:
    return _PERSON.fullmatch(_head(phrase)) is not None


def _definite(phrase: str) -> str:
    return re.sub(r"\Aan?\s", "the ", phrase, flags=re.IGNORECASE)
