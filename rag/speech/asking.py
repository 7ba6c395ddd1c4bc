"""Questions about speech: who said something, or what somebody said, by the form of the question, in English."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from rag.speech.sayings import VERBS

_LONGEST = 400  # characters of a question that are looked at


@dataclass(frozen=True, slots=True)
class Asked:
    """What a question about speech wants: "who" spoke, or "what" the ``speaker`` said.

    ``speaker`` stands as in the question, "the French foreign minister"; for "who" it is the noun of "which
    minister", or empty.
    """

    kind: Literal["who", "what"]
    speaker: str = ""


def asked(question: str) -> Asked | None:
    """Return what a question about speech wants; None for a question that is about something else."""
    even = " ".join(question.split())[:_LONGEST]
    for pattern in _WHO:
        if found := pattern.match(even):
            return Asked("who", found.groupdict().get("noun") or "") if _is_speech(found) else None
    for pattern in _WHAT:
        if found := pattern.search(even):
            return None if _THIS_TEXT.fullmatch(found["speaker"]) else Asked("what", found["speaker"])
    return None


def _is_speech(found: re.Match[str]) -> bool:
    verb, rest = found["verb"].lower(), found["rest"]
    if found.groupdict().get("noun") and verb in _PLURALS:
        return False
    if verb in VERBS["write"]:
        return _WRITTEN.match(rest) is not None
    return not _NO_SPEECH.match(rest)


def _either(words: Iterable[str]) -> str:
    return "(?:" + "|".join(sorted(words, key=len, reverse=True)) + ")"


def _rule(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern, re.IGNORECASE)


_BASE = _either([*VERBS.keys() - {"add"}, "react to", "sum up", "speak of", "note", "quote"])
_PAST = _either([form for forms in VERBS.values() for form in forms[1:-1]] + ["spoke of", "summed up"])
_ING = _either(forms[-1] for forms in VERBS.values())
_MAIN = _either("say think believe claim argue predict warn estimate suggest insist promise describe".split())
_DONE_TO = _either(
    "accused blamed called characterised characterized condemned criticised criticized denounced described dismissed "
    "likened praised quoted told warned".split()
)
_AUX = r"(?:do|does|did|is|are|was|were|has|have|had|will|would|can|could)"
_ADVERB = r"(?:also|first|once|later|then|recently|publicly|reportedly|ever|already|just|never|not|\w+ly)"
_LEAD = r"(?:(?:(?:and|but|so|then)|in (?:\w+ )?\d{4}|on [^,]{3,30}),? )?"
_NOUN = rf"(?:(?!{_AUX}\b|(?:happened|happens|after|before|when|that|if|who)\b)[\w'’-]+)"
_AMONG = rf"(?: (?:at|in|from|of|among|within)(?: (?!(?:{_AUX}|been|being|be|that|which|who)\b)[\w'’.-]+){{1,4}}?)?"
# A speaker does not end with a word that another follows: "the", "Merkel's".
_SPEAKER = (
    r"(?P<speaker>(?!(?:it|there|this|you|we)\b)(?:[^\s,;:?]+ ){0,8}?"
    r"(?!(?:the|an?|his|her|their|its|of|for|and|to|not|\w+['’]s)\b)[^\s,;:?]+)"
)
_OWNER = r"(?P<speaker>(?!(?:it|there|this|you|we)\b)(?:[^\s,;:?]+ ){0,8}?[^\s,;:?'’]+)['’]s?"
_OPINION = (
    r"(?:opinions?|views?|verdict|words?|message|predictions?|warnings?|promises?|claims?|accusations?|response|"
    r"reaction|answer|reply|explanation|arguments?|comments?|remarks?|assessment|description|attitude|stance|"
    r"judge?ment)"
)
_WHO = (
    _rule(
        rf"{_LEAD}(?:who|(?:which|what) (?P<noun>{_NOUN}(?: {_NOUN}){{0,3}}?)){_AMONG}(?: (?:has|have|had))?"
        rf"(?: {_ADVERB})* (?P<verb>{_PAST})\b(?P<rest>.*)"
    ),
    _rule(
        rf"{_LEAD}who (?:is|was|are|were|has been|have been)(?: {_ADVERB})* (?P<verb>{_ING})\b(?P<rest>.*)"
    ),
    _rule(r"who (?:is|was|are|were) (?:quoted|cited)(?P<verb> )as (?P<rest>saying.*)"),
    _rule(rf"by whom .*\b(?P<verb>{_PAST})\b(?P<rest>.*)"),
)
_WHAT = (
    _rule(rf"\baccording to {_SPEAKER}(?=[,?.]| (?:what|who|whom|which|how|when|where|why)\b|\Z)"),
    _rule(rf"\bwh(?:at|om?|ich)\b.*?\b(?:do|does|did|would|will|could) {_SPEAKER}(?: {_ADVERB})* {_BASE}\b"),
    _rule(
        rf"\b(?:how|why) (?:do|does|did) {_SPEAKER}(?: {_ADVERB})* (?:describe|call|characteri[sz]e|refer to|sum up|"
        r"label|think|believe|put it)\b"
    ),
    _rule(rf"\b(?:how|when|where|why)\b.*?\b(?:do|does|did) {_SPEAKER}(?: {_ADVERB})* {_MAIN}\b"),
    _rule(rf"\bwh(?:at|om?)(?: else)? (?:has|have|had) {_SPEAKER}(?: {_ADVERB})* {_PAST}\b"),
    _rule(rf"\bwh(?:at|om?)(?: else)? (?:is|was|are|were) {_SPEAKER}(?: {_ADVERB})* {_ING}\b"),
    _rule(rf"\b(?:things?|words?)(?: that)? {_SPEAKER}(?: {_ADVERB})* {_PAST}\b"),
    _rule(rf"\b(?:words?|phrase|term|expression)\b.*? (?:do|does|did) {_SPEAKER} use\b"),
    _rule(rf"\A(?:what|how) (?:is|was|are|were) {_OWNER} (?:\w+ )?{_OPINION}\b"),
    _rule(
        rf"\A(?:what|how) (?:is|was|are|were) the (?:\w+ )?{_OPINION} of {_SPEAKER}"
        r"(?: (?:on|about|regarding)\b|\W*\Z)"
    ),
    _rule(rf"\bin {_OWNER} (?:words|view|opinion)\b"),
    _rule(rf"\b{_DONE_TO}\b.*\bby {_SPEAKER}\W*\Z"),
)
_THIS_TEXT = _rule(r"(?:the|this|that|an?|these) (?:article|text|passage|story|piece|author|collection)s?")
_PLURALS = frozenset(
    "states reports claims calls notes fears hopes demands promises estimates objects".split()
)
_NO_SPEECH = _rule(  # behind a verb that then says nothing: "who called the police"
    r" (?:off|up|in)\b| (?:the |an? )?(?:\w+ )?(?:police|ambulance|election|meeting|strike|taxi|title|gold|silver|"
    r"bronze|victory|prize|crown|record|goals?|points?|throne)\b(?!.*['‘’“\"])"
)
_WRITTEN = _rule(
    r" (?:that|to|of)\b| ?[“\"‘':,]| on (?:twitter|facebook|x|his|her|the)\b| in (?:an?|his|her|the) "
    r"(?:letter|tweet|post|e-?mail|statement|message|diary)\b"
)
