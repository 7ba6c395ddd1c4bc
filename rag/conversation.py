"""History in, standalone question out, by rules: what a follow-up leans on is looked up in the last few turns.

A question that leans on nothing, or on what cannot be found, comes back as it is.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from rag.domain import Exchange
from rag.ellipsis import completed, when
from rag.names import Name
from rag.past import Past, is_in
from rag.pronouns import named, thing

LOOK_BACK = 6  # turns: what was said before them is not meant by "he"
LONGEST = 500  # characters of a rewritten question: a longer one holds more of the past than of what is asked
_THEN = re.compile(
    r"\b(?:at|around|during|in|by) (?:that|this) (?:time|period|year)\b|\bback then\b"
    r"|(?<=\b)(?:that|this) year\b|(?<=\s)then(?=\s*\?)",
    re.IGNORECASE,
)
_NEXT = re.compile(
    r"\b(?:happen\w*|do|next|go)\b", re.IGNORECASE
)  # "what did she do then" asks what followed
_THERE = re.compile(
    r"(\w+)\s+there(?=\s*[?.!,]?\s*\Z|\s+(?:in|after|before|when|until|for|now|today|with|compared)\b)",
    re.IGNORECASE,
)
_NOT_THERE = frozenset(
    "is are was were be been being has have had does do did will would can could should where out over up".split()
)
_PREPOSITIONS = frozenset("from near around to of through into".split())
_MENTION = re.compile(
    r"\b(?:the|this|that)\s+([a-z]{3,})\b(?=\s*[?.,!]|\s*\Z|\s+(?:is|are|was|were|do|does|did|has|have|had|get|go|make"
    r"|made|called|about|in|at|on|from|to|with|by|for|when|after|before|released|win|won|come|came|sell|say|said|and|or"
    r"|start|started|begin|end|reach|recorded|received?|based|written|open|close|[a-z]+ed)\b)",
    re.IGNORECASE,
)
_THIS_WORK = re.compile(
    r"\b(?:this|that)\s+(?:album|song|single|record|film|movie|book|novel|play|show|series|company|band|team|party|"
    r"organi[sz]ation|agency|game|match|event|festival|law|bill|ship|city|country|place|project|programme?)\b",
    re.IGNORECASE,
)
_ARTICLE = re.compile(r"\b(?:this|the) article\b(?!\s+(?:about|on|by|in)\b)", re.IGNORECASE)
_MORE = re.compile(
    r"\W*((?:is|was|are|were) there )?(any(?:thing|one)|something) (else|more)(\s+\w+)?\s*\??\s*",
    re.IGNORECASE,
)


class Rules:
    """Rewrites a follow-up by rules."""

    def rewrite(self, turns: Sequence[Exchange], question: str) -> str:
        """Return the standalone question; one that is standalone comes back unchanged."""
        recent = turns[-LOOK_BACK:]
        if not recent or not question.strip() or len(question) > LONGEST:
            return question
        past = Past(recent)
        resolved = named(past, question)
        for step in (_dated, _placed, _called, _this, _topical):
            resolved = step(past, resolved)
        rewritten = completed(past.turns[0], resolved) or resolved
        return rewritten if len(rewritten) <= LONGEST else question


def _dated(past: Past, question: str) -> str:
    """Say when where the question says "that year" or "then", if the last turn tells."""
    found = _THEN.search(question)
    dates = [when(text) for text in past.texts[:2] if when(text)]
    if not found or not dates or when(question):
        return question
    if found[0].lower() == "then" and _NEXT.search(question):
        return question
    year = re.search(r"\d{4}", dates[0] or "")
    time = f"in {year[0]}" if year and found[0].lower().endswith("year") else dates[0]
    return f"{question[: found.start()]}{time}{question[found.end() :]}"


def _placed(past: Past, question: str) -> str:
    found = _THERE.search(question)
    places = [
        name for pool in past.pools for name in pool if name.kind == "place" and not is_in(name, question)
    ]
    if not found or found[1].lower() in _NOT_THERE or not places:
        return question
    link = " " if found[1].lower() in _PREPOSITIONS else " in "
    return f"{question[: found.end(1)]}{link}{places[0].text}{question[found.end() :]}"


def _called(past: Past, question: str) -> str:
    """Give "the film" its name, if the last turns say of which film."""
    for found in _MENTION.finditer(question):
        name = _of_noun(past, found[1].lower())
        if name and not is_in(name, question):
            return question[: found.start()] + name.text + question[found.end() :]
    return question


def _this(past: Past, question: str) -> str:
    """Give "this film" the name of what was spoken of last, if that can be one."""
    found = _THIS_WORK.search(question)
    meant = thing(past, question) if found else None
    if not found or not meant or not meant.removeprefix("the ")[0].isupper():
        return question
    return question[: found.start()] + meant + question[found.end() :]


def _of_noun(past: Past, noun: str) -> Name | None:
    if (
        re.search(rf"\b(?:which|what)\s+(?:\w+\s+){{0,2}}{noun}\b", past.texts[0].lower())
        and len(past.said[1]) == 1
    ):
        return past.fullest(past.said[1][0])
    for text, pool in zip(past.texts, past.said, strict=True):
        for name in pool:
            before, after = text[: name.start].lower(), text[name.end : name.end + 80].lower()
            if (
                name.text.lower().endswith(" " + noun)
                or re.search(rf"\b{noun}(?:\s+(?:is|was)(?:\s+called)?)?[\s,\"“‘'(]*\Z", before)
                or re.match(
                    rf"[\"”']*(?:\s+(?:is|was)|,)\s+(?:an?|the)\s+(?:[\w'-]+\s+){{0,4}}{noun}\b", after
                )
                or re.match(rf"\s+\((?:\d{{4}}\s+)?(?:[\w'-]+\s+)?{noun}\)", after)
            ):
                return past.fullest(name)
    return None


def _topical(past: Past, question: str) -> str:
    """Say what "this article" or "anything else" is about."""
    topic = past.topic()
    if not topic or topic.lower() in question.lower():
        return question
    if more := _MORE.fullmatch(question):
        there = more[1] or "is there "
        asked = f"{there}{more[2].lower()} {more[3]}{more[4] or ''} about {topic}?"
        return asked[0].upper() + asked[1:]
    return _ARTICLE.sub(lambda found: f"{found[0]} about {topic}", question, count=1)
