"""A relative date, such as "on Sunday" or "last year", with the day or the period that it was when it was published."""

from __future__ import annotations

import re
from datetime import date, timedelta
from typing import TYPE_CHECKING, Literal

from rag.text import sentences

if TYPE_CHECKING:
    from rag.reader import Span

Tense = Literal["past", "future"]

_MONTHS = (
    "January February March April May June July August September October November December"
).split()  # strftime writes them in the language of the machine
_WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_DAYS = {"yesterday": -1, "last night": -1, "today": 0, "tonight": 0, "tomorrow": 1}

_PREPOSITIONS = tuple("on in by since until till from for during at before after late early".split())
_LEAD = rf"(?:(?:{'|'.join(_PREPOSITIONS)})\s+)?(?:(?:early|late|earlier|later)\s+)?"
_PART = r"(?:\s+(?:early\s+|late\s+)?(?:morning|afternoon|evening|night))?"
_RELATIVE = re.compile(
    rf"{_LEAD}(?:(?P<day>yesterday|today|tomorrow|tonight|last\s+night){_PART}"
    rf"|(?:(?P<which>last|next|this)\s+)?(?P<weekday>{'|'.join(_WEEKDAYS)}){_PART}"
    r"|(?P<turn>last|next|this)\s+(?P<period>week|month|year))",
    re.I,
)


def told(text: str, span: Span) -> str:
    """Return a text with what day or period it was in brackets, when its span is nothing but a relative date.

    Anything else comes back unchanged, and so does a date that the article leaves open.
    """
    found = _RELATIVE.fullmatch(span.text)
    published = span.passage.article.published
    if not found or published is None or _is_another(span):
        return text
    try:
        meant = _meant(found, published, _tense(span))
    except OverflowError:  # before the first year, or after the last
        return text
    return f"{text} ({meant})" if meant else text


def _meant(found: re.Match[str], published: date, tense: Tense | None) -> str | None:
    """Return what day or period a relative date was, None when it cannot be told."""
    asked = {group: " ".join((value or "").lower().split()) for group, value in found.groupdict().items()}
    if asked["period"]:
        return _period(asked["turn"], asked["period"], published)
    if asked["weekday"]:
        return _written(_weekday(_WEEKDAYS.index(asked["weekday"]), asked["which"], published, tense))
    return _written(published + timedelta(days=_DAYS[asked["day"]]))


def _written(day: date | None) -> str | None:
    return f"{day.day} {_MONTHS[day.month - 1]} {day.year}" if day else None


# ---- Periods and weekdays

_TURNS = {"last": -1, "this": 0, "next": 1}


def _period(turn: str, period: str, published: date) -> str | None:
    step = _TURNS[turn]
    if period == "year":
        return str(published.year + step)
    if period == "month":
        years, month = divmod(published.month - 1 + step, 12)
        return f"{_MONTHS[month]} {published.year + years}"
    if published.weekday() == 6:
        return None  # a week begins on this day for some, and ends on it for others
    return f"week of {_written(published + timedelta(days=7 * step - published.weekday()))}"


def _weekday(weekday: int, which: str, published: date, tense: Tense | None) -> date | None:
    """Return the day that is meant by a weekday; by "last" and "next" some mean the nearest, some another week's."""
    back = (published.weekday() - weekday) % 7
    ahead = 7 - back
    if which == "last":
        back = back or 7
        return published - timedelta(days=back) if back > max(1, published.weekday()) else None
    if which == "next":
        return published + timedelta(days=ahead) if ahead > max(1, 6 - published.weekday()) else None
    if tense == "past":
        return None if which == "this" else published - timedelta(days=back)
    return published + timedelta(days=ahead) if tense == "future" and back else None


# ---- Other days of the same name

_MONTH = rf"(?:{'|'.join(month[:3] for month in _MONTHS)})[a-z]*\.?"
_DATED = re.compile(
    rf"\s*[,(]?\s*(?:the\s+)?(?:\d\d?(?:st|nd|rd|th)?\s+(?:of\s+)?{_MONTH}|{_MONTH}\s+\d|\d\d?[./]\d)|-\w|['’]"
    r"|\s+(?:school|School|Times|Mail|Mirror|Express|Telegraph|Post|World|Herald)\b"
)
_TODAY = re.compile(
    r"\b(?:said|told \w+|announced|released|published|launched|opened|died|began|ended|voted|resigned|met|signed"
    r"|approved|won|lost|agreed|ruled|arrested|warned|admitted|confirmed|arrived|(?:will|shall|is to|are to) \w+)"
    r"(?: (?:earlier|later|late))?\s+\Z"
)
_OTHER = re.compile(r"\b(?:the|every|each|(?:Mail|Independent|Scotland|Sun|Star) on)\s+\Z")
_BEFORE_DAY = re.compile(rf"(?:\A|(?:[(,:—–]|\b(?:{'|'.join(_PREPOSITIONS)}))\s)\Z", re.I)


def _is_another(span: Span) -> bool:
    """Return whether the words beside a date make it another: "Sunday, 12 March", "our Sunday column", a quotation."""
    before, behind = _around(span)
    if before.count("“") > before.count("”") or before.count('"') % 2 or _DATED.match(behind):
        return True
    first, *rest = span.text.lower().split()
    if "today" in (first, *rest) and not _TODAY.search(before):
        return True  # these days
    is_placed = first not in _WEEKDAYS or _BEFORE_DAY.search(before) or _is_behind_verb(before)
    return not is_placed or (first not in _PREPOSITIONS and _OTHER.search(before) is not None)


def _around(span: Span) -> tuple[str, str]:
    """Return what the sentence of a span has before it and behind it."""
    text, low = span.passage.text, span.passage.start
    start, end = span.start - low, span.end - low
    inside = [s for s in sentences(text) if s[0] <= start and end <= s[1]] or [(start, end)]
    return " ".join([*text[inside[0][0] : start].split(), ""]), text[end : inside[0][1]]


# ---- Tense

_PLANS = r"expected|scheduled|due|set|going|planned|likely|slated|supposed"
_IRREGULAR = (
    r"was|were|did|had|said|told|met|went|came|became|took|gave|made|held|won|lost|left|began|saw|found|got|sent"
    r"|spoke|wrote|fell|rose|ran|led|fought|shot|broke|flew|drove|grew|sold|bought|built|brought|thought|caught|taught"
    r"|struck|stood|stole|swore|sank|threw|withdrew|chose|drew|kept|died|tied|lied|knew|paid|sat|spent|agreed|freed"
)
_NOT_PAST = r"United|hundred|sacred|hatred|wicked|naked|beloved"
_VERB = re.compile(
    r"(?P<future>\b(?:will|shall|won['’]t)\b|\w['’]ll\b"
    rf"|\b(?:is|are|am) (?:also |now |still |not )?(?:(?:{_PLANS}) (?:to|for|on)|due|to)\b"
    r"|\b(?:plans?|intends?|hopes?) to\b)"
    r"|(?P<open>\b(?:would|could|may|might|should|must|can|if|whether)\b"
    rf"|\b(?:was|were|had|been) (?:also |not )?(?:(?:{_PLANS})|to)\b"
    rf"|\b(?:{_PLANS}|intended|hoped)\b)"
    r"|(?<!\bbe )(?<!\bis )(?<!\bare )(?<!\bto )(?<!\bwill have )(?<!-)"
    rf"(?P<past>\b(?:{_IRREGULAR}|(?!(?:{_NOT_PAST})\b)[a-z]{{2,}}[^e\W]ed)\b)"
)
_BREAK = re.compile(r"[,;:—–]|\b(?:and|but|or|which|who|when|where|as)\b")
_ASIDE = re.compile(r"\b(?:in an?|after|before|during|following|since|from)\b")
_OVER = re.compile(r"\s*(?:\Z|[.,;:)]|that\b)")
_SUBJECT = re.compile(r"(?:(?:[A-Z][\w.’'-]*|the|on|in|by|late|early|du|de|of)[,\s]+)*\Z")
_CLAUSE = re.compile(r"\b(?:who|which|that|after|when|as|if)\b")
_NEAR = 8  # words


def _tense(span: Span) -> Tense | None:
    """Return the tense of the clause around a date, None when it has none or could have two."""
    before, behind = _around(span)
    verbs = list(_VERB.finditer(before))
    following = _VERB.search(behind)
    if not verbs:
        opens = following and _SUBJECT.match(before) and not _CLAUSE.search(behind[: following.start()])
        return _of(following) if following and opens else None
    tense, between = _of(verbs[-1]), before[verbs[-1].end() :]
    is_cut = _BREAK.search(between) or (tense == "future" and _ASIDE.search(between))
    if is_cut or len(between.split()) > _NEAR:
        return None
    is_beside = between.strip() in ("", *_PREPOSITIONS) or _OVER.match(behind)
    if following and not is_beside and _of(following) != tense:
        return None  # "said the vote on Sunday would be fair"
    return tense


def _is_behind_verb(before: str) -> bool:
    """Return whether a verb ends here: "said Sunday"."""
    *_, last = [0, *(verb.end() for verb in _VERB.finditer(before))]
    return last == len(before.rstrip()) > 0


def _of(verb: re.Match[str]) -> Tense | None:
    return "past" if verb["past"] else "future" if verb["future"] else None
