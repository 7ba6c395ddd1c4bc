"""The words of speech in English, and where quotation marks open and close."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import chain

from rag.names import TITLES
from rag.text import Span


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


_IRREGULAR = (
    "say:says:said:saying tell:tells:told:telling write:writes:wrote:written:writing "
    "think:thinks:thought:thinking deny:denies:denied:denying reply:replies:replied:replying "
    "cry:cries:cried:crying testify:testifies:testified:testifying tweet:tweets:tweeted:tweeting "
    "admit:admits:admitted:admitting quip:quips:quipped:quipping"
).split()
_REGULAR = _set(
    "accuse acknowledge add advise agree allege announce argue ask assert assure believe blame boast call caution "
    "characterise characterize claim comment compare complain concede conclude condemn confess confirm counter "
    "criticise criticize declare decry demand denounce describe disagree dismiss emphasise emphasize estimate exclaim "
    "explain fear hail hint hope insist joke label lament liken maintain mention muse note observe predict "
    "praise pledge point proclaim promise propose recall recommend remark reveal report respond shout slam stress "
    "suggest state threaten urge vow warn whisper"
)


def _forms(base: str) -> list[str]:
    root = base.removesuffix("e")
    s = "es" if base.endswith(("ss", "sh", "ch")) else "s"
    return [base, base + s, root + "ed", root + "ing"]


VERBS: dict[str, tuple[str, ...]] = {
    forms[0]: tuple(forms) for forms in chain((v.split(":") for v in _IRREGULAR), map(_forms, _REGULAR))
}
"""The forms of each verb of speech: base, present, past (and participle), -ing."""
FORMS: dict[str, str] = {form: base for base, forms in VERBS.items() for form in forms}
"""The base of each form."""
UTTERING: dict[str, frozenset[str]] = {
    form: nouns
    for verbs, nouns in (
        (
            "voice voices voiced voicing express expresses expressed expressing",
            _set(
                "fear fears concern concerns doubt doubts hope hopes alarm worry worries regret regrets support "
                "confidence criticism surprise outrage dismay disappointment satisfaction opinion view views belief "
                "suspicion suspicions reservation reservations scepticism skepticism frustration relief anger"
            ),
        ),
        (
            "raise raises raised raising",
            _set("fear fears concern concerns doubt doubts objection objections question questions alarm"),
        ),
        (
            "issue issues issued issuing gave give gives giving repeated repeat repeats reiterated",
            _set(
                "warning warnings threat threats assurance assurances apology claim claims call calls opinion view"
            ),
        ),
        (
            "made make makes making",
            _set(
                "claim claims accusation accusations allegation allegations complaint complaints promise promises"
            ),
        ),
    )
    for form in verbs.split()
}
"""Verbs that with one of these nouns say something: "voiced fears that"."""
SURE = frozenset(chain.from_iterable(VERBS[base] for base in ("say", "tell", "argue", "insist", "warn")))
"""Forms whose subject speaks, whatever it is; of others it must be a name or somebody who can speak."""
NOUNS = _set(
    "call claim report state note promise comment remark demand estimate fear hope pledge counter slam hint label "
    "hail vow whisper shout joke advise boast caution muse stress declare"
)
"""Base forms that are mostly something else."""
TRANSITIVE = _set(
    "accuse assure blame call characterise characterize compare condemn criticise criticize decry denounce describe "
    "dismiss hail label liken praise slam tell threaten urge think fear hope believe deny point propose"
)
"""Verbs that no subject follows: "…, told Ayrault" is not English."""
SPEAKERS = _set(
    "bank center centre college hospital institute network school university "
    "academic activist actor actress adviser advisor agency ally ambassador analyst archaeologist archbishop army "
    "artist association astronaut astronomer aunt author authority biologist bishop boss boy brother camp "
    "campaigner candidate captain centrist chairman chairwoman chancellor charity chef chemist chief coach "
    "colleague commander commentator commissioner committee company conservationist conservative consultant "
    "council councillor counsel court cousin critic daughter defendant democrat deputy designer detective "
    "developer dictator diplomat director diver doctor driver economist editor embassy employee engineer everyone "
    "executive expert farmer fellow father federation firm force foundation founder friend general geologist girl "
    "government governor group guard guide half head historian host hostage husband industry inspector inventor "
    "investigator journalist judge king lawmaker lawyer leader lecturer liberal lieutenant local maker man "
    "manager many mayor member military minister ministry monk most mother mp musician negotiator neighbour "
    "nobody nurse observer officer official one operator opponent organisation organiser organization others "
    "owner parent partner party passenger people physicist pilot player poet police policeman politician pope pp "
    "premier presenter president prime prince princess prisoner producer professor prosecutor protester "
    "psychiatrist psychologist publisher queen rebel regime reporter representative republican researcher "
    "resident reviewer rival scholar scientist secretary senator singer sister skipper socialist soldier some "
    "someone son source speaker specialist spokesman spokesperson spokeswoman staff student supporter surgeon "
    "survivor teacher team traveller uncle union user vet veteran victim villager visitor volunteer widow wife "
    "winner witness woman worker writer"
)
"""Nouns of those who speak, in the singular."""
SOURCES = _set(
    "statement report study letter tweet survey poll paper article document post message email memo newspaper magazine "
    "book website review interview notice verdict ruling release announcement biography programme program channel"
)
"""Nouns of what people say things in."""
COURTESY = _set("mr mrs ms miss mx dr sir lord lady dame prof king queen prince princess pope")
"""Titles that stay with a name."""
DETERMINERS = _set("the a an this these those his her their its our my your one two three several another")
INDEFINITE = _set("a an one another some many most several other others two three half")
PREPOSITIONS = _set(
    "of for at from in with on by behind near inside outside within under to about after before during since until "
    "among against over into between through across around as like than without "
    "unlike including besides despite alongside except amid via toward towards beyond"
)
BESIDE = _set(
    "has had have having also later then now once even still since already never always often did does do not would "
    "will could may might can must should today yesterday again himself herself themselves both all too however soon "
    "just recently has've"
)
"""Words that stand between a subject and its verb."""
BE = _set("was were is are be been being got get gets am")
STOP = (
    PREPOSITIONS
    | BE
    | _set(
        "and or but nor so yet because although though while when where if that which who whom whose why how what "
        "there then than he she it they we i you him them us me not as said says was were"
    )
)
"""Words that are in no noun phrase."""
PEOPLE_WORDS = _set("he she they it we i")

_PAIRS = re.compile(r"“[^“”\n]*(?:“[^“”\n]*”[^“”\n]*)*”?|«[^«»\n]*»?|\"(?=\S)[^\"\n]*\"?")
_OPEN = re.compile(r"[\s(\[—–:-]\Z")


def quotations(text: str) -> list[Span]:
    """Return the span of each quotation, marks included; one that is left open ends with its line."""
    found, at = [], 0
    while match := _PAIRS.search(text, at):
        straight = match[0][0] == '"'
        if straight and match.start() and not _OPEN.search(text[match.start() - 1]):
            at = match.start() + 1  # closes nothing
            continue
        found.append(match.span())
        at = max(match.end(), match.start() + 1)
    return found


_CLAUSES = _set("that on they he she it the its their there")  # opened behind a verb that is a noun too
_WON = _set("victory gold silver bronze lives life")  # is claimed without a word


def may_invert(form: str, quoted: bool) -> bool:
    """Whether a subject can follow a verb: "said Ayrault"; behind a quotation more verbs allow it."""
    base = FORMS.get(form)
    if base is None or form == base or form.endswith("ing") or base == "tell":
        return False
    return quoted or base not in TRANSITIVE


def is_speech(lows: Sequence[str], n: int, left: str, right: str) -> bool:
    """Whether word ``n`` can be a verb of speech by the words beside it; ``left`` and ``right`` part it from them."""
    follows = lows[n + 1] if n + 1 < len(lows) else ""
    if left == "-" or (
        lows[n].startswith("call") and follows in ("off", "up", "in", "himself", "herself", "itself")
    ):
        return False
    if lows[n].startswith("claim") and follows in _WON:
        return False
    base, opens = FORMS.get(lows[n]), right.lstrip(", ")[:1] in (":", "“", '"', "«", "‘")
    if base in ("write", "add"):
        return opens or right[:1] in (".", ",", "") or follows in ("that", "on", "to", "about", "how")
    if base == "call" and follows == "for":
        return True
    if base == "point":
        return follows == "out"
    return (
        base not in NOUNS
        or (lows[n] != base and base not in ("declare", "state"))
        or opens
        or follows in _CLAUSES
    )


def is_source(word: str) -> bool:
    """Whether a noun is something that people say things in."""
    return word in SOURCES or word.removesuffix("s") in SOURCES


def is_speaker(word: str) -> bool:
    """Whether a noun is somebody, or several, who can speak."""
    if word in TITLES or word.endswith(("ologist", "ologists")):
        return True
    return not SPEAKERS.isdisjoint((word, word.removesuffix("s"), word.removesuffix("es"), singular(word)))


def singular(word: str) -> str:
    """Return a folded noun in the singular, as far as its ending tells."""
    if word.endswith("ies"):
        return word[:-3] + "y"
    if word.endswith("men"):
        return word[:-3] + "man"
    return word if word.endswith("ss") else word.removesuffix("s")


def is_many(word: str) -> bool:
    """Whether a noun stands for more than one: "officials", "police"."""
    return word in ("police", "people", "some", "many", "most", "others", "staff") or (
        is_speaker(word) and singular(word) != word
    )
