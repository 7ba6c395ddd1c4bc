"""Questions that the sentences of a text answer, by templates; a sentence that fits none gives none."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from rag.names import PEOPLE, UNSURE, Name, names
from rag.text import fold, sentences

Form = Literal["say", "how many", "when", "where", "why", "who is", "who did", "what is", "what did"]
LONGEST = 90  # characters of a question: it is a button
_SHORTEST = 14
_READ_CHARS = 6_000  # of a text: what it is about stands at its beginning
_LONG_SENTENCE = 320  # characters
_MOST_WORDS = 14  # of a question


@dataclass(frozen=True, slots=True)
class Question:
    """A question, the name it is about, and the words of the text that answer it; spans are those of the sentence."""

    text: str
    form: Form
    name: str
    answer: str
    start: int
    end: int

    def is_answered(self, text: str) -> bool:
        """Return whether an answer is what the sentence says, and more than a word or two of what was said."""
        given, expected = fold(text).strip(" .,"), fold(self.answer)
        if self.form in ("say", "what did", "why") and (len(given.split()) < 3 or _ADJUNCT.match(given)):
            return False
        if self.form in ("who is", "what is"):
            given, expected = _ARTICLE.sub("", given), _ARTICLE.sub("", expected)
            return bool(given) and (expected.startswith(given) or given.startswith(expected))
        return bool(given) and (given in expected or expected in given) and given not in fold(self.text)


# ---- What sentences look like

_BASE = dict(
    pair.split(":")
    for pair in (
        "accused:accuse acquired:acquire adopted:adopt announced:announce appointed:appoint approved:approve "
        "arrested:arrest attacked:attack attended:attend backed:back banned:ban beat:beat bought:buy built:build "
        "chose:choose closed:close completed:complete created:create declared:declare defeated:defeat denied:deny "
        "designed:design developed:develop directed:direct discovered:discover earned:earn employed:employ "
        "established:establish expanded:expand founded:found gave:give held:hold hosted:host introduced:introduce "
        "invented:invent issued:issue joined:join killed:kill launched:launch led:lead left:leave lost:lose made:make "
        "married:marry met:meet named:name opened:open ordered:order organized:organize passed:pass performed:perform "
        "played:play presented:present produced:produce proposed:propose published:publish raised:raise "
        "received:receive recorded:record redesigned:redesign released:release replaced:replace reported:report "
        "revealed:reveal saved:save scored:score sent:send signed:sign sold:sell spent:spend started:start "
        "stopped:stop succeeded:succeed surveyed:survey tested:test took:take trained:train unveiled:unveil "
        "updated:update used:use visited:visit won:win wrote:write has:have had:have employs:employ manages:manage "
        "runs:run owns:own offers:offer receives:receive"
    ).split()
)
_BY_PEOPLE = frozenset(  # what storms and databases do not do
    "accused announced bought created designed developed directed discovered founded hosted introduced invented "
    "launched organized proposed published signed visited won wrote".split()
)
_PRESENT = frozenset("has employs manages runs owns offers receives".split())
_VERB = rf"(?:also\s+|first\s+|later\s+|recently\s+)?(?P<verb>{'|'.join(_BASE)})"
_MONTH = (
    r"(?:January|February|March|April|May|June|July|August|September|October|November|December"
    r"|Jan\.|Feb\.|Aug\.|Sept\.|Oct\.|Nov\.|Dec\.)"
)
DATE = (
    rf"(?:{_MONTH}\s+\d{{1,2}},?\s+\d{{4}}|\d{{1,2}}\s+{_MONTH}(?:\s+\d{{4}})?|{_MONTH}\s+\d{{4}}|{_MONTH}\s+\d{{1,2}}"
    r"|(?:19|20)\d\d)"
)
"""A pattern of a day, a month or a year."""
_PART = r"(?P<part>\w+ed|born|held|built|found|made|shot|hit|sent|sold|won|given|taken|written|known|set|founded|begun)"
_PLAIN = r"(?:[^,;:()\"“”]|(?<=\d),(?=\d))"  # no mark inside: what stands in a question is one clause
_END = r"(?=,(?!\d)|;|\.(?!\d)|\Z)"
_APPOSED = re.compile(r"\A,\s(?:an?|the|who\s|now)\b[^,]{3,60},(?=\s)")
_ON_DATE = re.compile(rf"(?:In|On)\s+(?P<date>{DATE}),\s+(?:the\s+)?\Z")
_ACTIVE_THEN = re.compile(
    rf"\s+{_VERB}(?P<rest>\s+{_PLAIN}+?)?,?\s+(?:in|on)\s+(?P<date>{DATE})(?=[\s.,;]|\Z)"
)
_PASSIVE_THEN = re.compile(
    rf"\s+(?P<be>was|were)\s+{_PART}(?P<rest>\s+{_PLAIN}+?)?,?\s+(?:in|on)\s+(?P<date>{DATE})(?=[\s.,;]|\Z)"
)
_ACTIVE = re.compile(rf"\s+{_VERB}\s+(?P<rest>{_PLAIN}+?){_END}")
_SINCE = re.compile(rf"\s+{_VERB}\s+(?P<rest>{_PLAIN}+?)\s+(?P<why>because\s+.+)")
_SITED = re.compile(
    r"\s+(?P<be>was|were)\s+(?P<part>born|held|founded|built|based|located|killed|buried|found|shot|signed)"
    r"\s+(?:in|at)\s+(?P<place>(?:the\s+)?[A-Z][^,;.()]*)"
)
_COUNTED = (
    r"(?P<number>\d[\d,.]*\d|\d|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|twenty|thirty|forty|fifty)"
    r"(?:\s+(?P<unit>hundred|thousand|million|billion))?\s+"
    r"(?P<noun>(?:(?!of\b|or\b|and\b|to\b|in\b)[a-z-]+\s+)?(?:[a-z-]{3,}s|people|men|women|children))"
)
_HAS_MANY = re.compile(
    rf"\s+{_VERB}\s+(?:(?:about|around|nearly|almost|over|more than|at least|some|only)\s+)?{_COUNTED}"
    rf"(?P<rest>{_PLAIN}*?){_END}"
)
_WERE_MANY = re.compile(
    rf"\b{_COUNTED}\s+(?P<be>were|are|have been|had been)\s+(?P<part>\w+ed|hurt|found|held|lost)"
    rf"(?P<rest>\s{_PLAIN}+?){_END}"
)
_MANY_DID = re.compile(
    rf"(?:(?:at least|about|around|some|more than|nearly|almost|over|only)\s+)?{_COUNTED}\s+"
    rf"(?P<verb>{'|'.join(_BASE)}|died|survived|worked|voted|escaped|came|went|fell|lived|took part)"
    rf"(?P<rest>\s{_PLAIN}+?){_END}",
    re.IGNORECASE,
)
_NO_COUNT = frozenset(
    "years months weeks days hours minutes seconds times percent cents dollars pounds euros miles metres meters feet "
    "kilometres kilometers degrees points levels ways reasons things lots dozens hundreds thousands this its his "
    "simple new".split()
)
_SAYS = re.compile(
    r"(?:,\s[^,\"“”]{3,80},)?\s+(?:also\s+|later\s+)?"
    r"(?P<verb>said|says|announced|warned|argued|claimed|told|denied|predicted|insisted|explained)\b"
)
_SAID_BY = re.compile(r"[,”\"’']\s+(?:said|says|explained|warned|argued)\s+(?:[a-z][\w-]*\s+){0,4}\Z")
_TELLS = {"announced": "announce", "predicted": "predict", "denied": "deny", "claimed": "claim"}
_TOPIC = re.compile(r"\b(?:about|on|of|that|for|against|with)\s+(?:the\s+)?\Z")
_ROLE = re.compile(
    r",\s+(?P<role>(?:(?:an?|the|one of|now|then|former)\s+)?(?:[\w’'-]+\s+){0,4}?(?:minister|president|chancellor"
    r"|secretary|secretary-general|director|director-general|head|chief|chair|chairman|chairwoman|leader|author|writer"
    r"|founder|co-founder|mayor|governor|judge|prosecutor|officer|manager|designer|engineer|analyst|scientist|professor"
    r"|researcher|economist|historian|archbishop|bishop|general|champion|coach|captain|spokesman|spokeswoman"
    r"|candidate|senator|ambassador|envoy|lead|specialist|strategist|developer|editor|journalist|physicist"
    r"|administrator|commissioner|grandmaster|owner|lawyer|singer|actor|actress|artist|architect|doctor|teacher)\b[^,;.]*)"
)
_SORT = re.compile(
    r"(?:\s+\([^()]{2,12}\))?\s+(?:is|was)\s+(?P<sort>(?:an?|the)\s+(?:[\w’'-]+\s+){0,5}?(?:tool|service|app|application"
    r"|platform|program|programme|website|site|system|software|framework|standard|technique|method|library|project|agency"
    r"|organi[sz]ation|company|network|initiative|database|language|law|festival|award|movement|party|group|club|team"
    r"|product|feature|device|machine|game|book|film|newspaper|magazine|disease|virus|treaty|river|island|city|town)\b(?=\s+(?:that|which|for|to|of|in|by|from|on|used|run|with|where)\b|[.,;]|\Z)[^.;]*)"
)
_LEANS = re.compile(  # words that need what stands around a sentence
    r"\b(?:he|she|it|they|him|her|them|his|its|their|we|our|us|i|my|me|you|your|this|that|these|those|here|there|today|"
    r"yesterday|tomorrow|now|also|such|so|then|below|above|following|another|others?|same|both|monday|tuesday|"
    r"wednesday|thursday|friday|saturday|sunday|last|next|earlier|later|ago|because|which|whose|while|but|and|as|when|"
    r"where|after|before|click|http\w*|www)\b",
    re.IGNORECASE,
)
_DANGLES = re.compile(r"\b(?:of|in|on|at|to|for|with|by|from|the|an?|or|than|more|its)\Z", re.IGNORECASE)
_ARTICLE = re.compile(r"\A(?:(?:an?|the|now|then|former|one of)\s+)+")
_ADJUNCT = re.compile(r"(?:after|on|at|in|during|told|when|as|with|said)\b")  # when or how, but not what


# ---- From sentences to questions


def questions(text: str, start: int = 0) -> list[Question]:
    """Return the questions that the sentences of ``text`` answer, in order, each once.

    ``start`` is where the text stands in its article; the spans of sentences count from there.
    """
    read = text[:_READ_CHARS]
    known = names(read)
    found: dict[str, Question] = {}
    for left, right in sentences(read):
        if is_told(read[left:right]):
            inside = [name for name in known if left <= name.start and name.end <= right]
            for form, name, asked, answer in _of_sentence(read[left:right], left, inside, known):
                if is_sound(asked) and fold(answer) not in fold(asked):
                    found.setdefault(asked, Question(asked, form, name, answer, start + left, start + right))
    return list(found.values())


def is_sound(question: str) -> bool:
    """Return whether a question may be shown: one short line of letters, digits and few marks that stands alone."""
    return is_plain(question, LONGEST, _MOST_WORDS) and not _LEANS.search(question.partition(" ")[2])


def is_plain(question: str, longest: int, most_words: int) -> bool:
    """Return whether a question is one line of letters, digits and few marks, at most so many characters and words."""
    body = question[:-1]
    return (
        _SHORTEST <= len(question) <= longest
        and question.endswith("?")
        and question[0].isupper()
        and all(c.isalnum() or c in " -'’.," for c in body)
        and len(body.split()) <= most_words
        and not _DANGLES.search(body)
    )


_Told = tuple[Form, str, str, str]  # form, name, question, answer


def is_told(sentence: str) -> bool:
    """Return whether a sentence is one: not a heading, a list of links, or shouted."""
    ended = sentence.rstrip("\"”’')").endswith((".", "!"))
    words = sentence.split()
    capitals = sum(word[:1].isupper() for word in words)
    return ended and len(words) >= 4 and len(sentence) <= _LONG_SENTENCE and 2 * capitals <= len(words)


def _of_sentence(sentence: str, left: int, inside: list[Name], known: list[Name]) -> Iterator[_Told]:
    for name in inside:
        full = _full(name, known)
        before, after = sentence[: name.start - left], sentence[name.end - left :]
        if full.kind in PEOPLE | {"maybe"} and " " in full.text:
            others = [other for other in inside if other.start > name.end]
            yield from _said(full, sentence, left, before, after, others)
            yield from _role(full, after)
        if dated := _subject(before):
            the = "the " if before.lower().endswith("the ") and not full.text.startswith("The ") else ""
            yield from _done(full, the + full.text, dated["date"], after)
    if (found := _MANY_DID.match(sentence)) and _is_count(found):
        yield "how many", "", f"How many {found['noun']} {found['verb']}{found['rest']}?", found["number"]
    if (found := _WERE_MANY.search(sentence)) and _is_count(found):
        yield (
            "how many",
            "",
            f"How many {found['noun']} {found['be']} {found['part']}{found['rest']}?",
            found["number"],
        )


def _full(name: Name, known: list[Name]) -> Name:
    """Return the person's whole name, if the text has it: a question stands alone."""
    if name.kind not in PEOPLE | UNSURE:
        return name
    longer = (n for n in known if n.kind in PEOPLE | UNSURE and n.text.endswith(f" {name.text}"))
    return next(longer, name)


def _subject(before: str) -> dict[str, str] | None:
    """Return the date before the first words of a sentence, if a name that follows is its subject."""
    if found := _ON_DATE.fullmatch(before):
        return {"date": found["date"]}
    return {"date": ""} if before.strip('"“‘ ') in ("", "The") else None


def _said(
    name: Name, sentence: str, left: int, before: str, after: str, others: list[Name]
) -> Iterator[_Told]:
    said = _SAYS.match(after)
    if not said and not _SAID_BY.search(before):
        return
    verb = said["verb"] if said else "said"
    for other in others if said and verb != "told" else ():
        lead = sentence[: other.start - left]
        if _TOPIC.search(lead) and other.kind not in PEOPLE:
            the = "the " if lead.endswith("the ") else ""
            yield "say", name.text, f"What did {name.text} say about {the}{other.text}?", sentence
    yield "say", name.text, f"What did {name.text} {_TELLS.get(verb, 'say')}?", sentence


def _role(name: Name, after: str) -> Iterator[_Told]:
    if found := _ROLE.match(after):
        yield "who is", name.text, f"Who is {name.text}?", found["role"]


def _done(name: Name, subject: str, date: str, after: str) -> Iterator[_Told]:
    """Yield what the name at the beginning of a sentence did, where, when and why."""
    after = _APPOSED.sub("", after)
    if found := _PASSIVE_THEN.match(after):
        yield (
            "when",
            name.text,
            f"When {found['be']} {subject} {found['part']}{found['rest'] or ''}?",
            found["date"],
        )
    if found := _SITED.match(after):
        yield "where", name.text, f"Where {found['be']} {subject} {found['part']}?", found["place"]
    if found := _ACTIVE_THEN.match(after):
        yield "when", name.text, f"When {_did(found, subject)}{found['rest'] or ''}?", found["date"]
    if found := _SINCE.match(after):
        yield "why", name.text, f"Why {_did(found, subject)} {found['rest']}?", found["why"]
    if (found := _HAS_MANY.match(after)) and _is_count(found):
        yield (
            "how many",
            name.text,
            f"How many {found['noun']} {_did(found, subject)}{found['rest']}?",
            found["number"],
        )
    if found := _ACTIVE.match(after):
        yield from _deed(name, subject, date, found)
    if name.kind not in PEOPLE and (found := _SORT.match(after)):
        yield "what is", name.text, f"What is {subject}?", found["sort"]


def _deed(name: Name, subject: str, date: str, found: re.Match[str]) -> Iterator[_Told]:
    if date:
        yield "when", name.text, f"When {_did(found, subject)} {found['rest']}?", date
    who = name.kind in PEOPLE or (name.kind in ("maybe", "body") and found["verb"] in _BY_PEOPLE)
    if who and re.search(r"[A-Z]|\d", found["rest"]):
        yield "who did", name.text, f"Who {found['verb']} {found['rest']}?", name.text
    if (
        name.kind not in UNSURE
        and found["verb"] not in ("has", "had")
        and re.match(r"(?:the|an?|its|his|her|\d)\b", found["rest"])
    ):
        when = f" in {date}" if date else ""
        yield "what did", name.text, f"What {_did(found, subject)}{when}?", found["rest"]


def _did(found: re.Match[str], subject: str) -> str:
    return f"{'does' if found['verb'] in _PRESENT else 'did'} {subject} {_BASE[found['verb']]}"


def _is_count(found: re.Match[str]) -> bool:
    return _NO_COUNT.isdisjoint(found["noun"].split())
