"""What a question wants, by its form alone: one span ("who", "when"), or whole sentences ("why", "how", lists)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

Form = Literal["span", "sentences"]
Kind = Literal["fact", "why", "how", "list", "account"]
"""What is asked for; an account is what happened, what was said, an explanation, a comparison or a summary."""


@dataclass(frozen=True, slots=True)
class Want:
    """What a question wants and the reason in words, such as "it asks why"."""

    kind: Kind
    reason: str

    @property
    def form(self) -> Form:
        """A span answers a fact; anything else takes sentences."""
        return "span" if self.kind == "fact" else "sentences"


def wanted(question: str) -> Form:
    """Return whether a span of a few words could answer a question, or sentences must."""
    return want(question).form


def want(question: str) -> Want:
    """Return what a question wants; its first question word decides, and what it asks of at its end ("and why")."""
    asked = _core(" ".join(question.lower().replace("’", "'").split()))
    for pattern, found in _RULES:
        if pattern.search(asked):
            return found
    return _FACT


def asks_whether(question: str) -> bool:
    """Return whether a question wants a yes or a no."""
    return want(question) is _YES_OR_NO


_FACT = Want("fact", "it asks for a single fact")
_YES_OR_NO = Want("fact", "it asks whether something is so")
_WHY = Want("why", "it asks why")
_HOW = Want("how", "it asks how")
_LIST = Want("list", "it asks for a list")
_WHICH = Want("list", "it asks for several")
_HAPPENED = Want("account", "it asks what happened")
_SAID = Want("account", "it asks what was said")
_EXPLAIN = Want("account", "it asks for an explanation")
_COMPARE = Want("account", "it asks to compare")
_SUM_UP = Want("account", "it asks for a summary")

_ASKING = r"(?:why|how|what|which|who|whom|whose|when|where)"
_TOLD = (
    r"(?:list|name|enumerate|explain|describe|discuss|elaborate|compare|contrast|sum up|summari[sz]e|outline|tell|"
    r"give|recount)"
)
_AUX = (
    r"(?:do|does|did|is|are|was|were|has|have|had|can|could|will|would|shall|should|may|might|must|'s|'re|'d|'ve)"
    r"(?:n't)?\b"
)
_POLITE = (
    r"(?:(?:so|and|but|well|ok|okay|hello|hi|hey|please|also|then)[ ,]+|"
    r"(?:can|could|would|will) you (?:please |kindly )?(?=\w)|(?:do|would) you (?:happen to )?know[ ,]+|"
    r"i(?:'d| would)? (?:want|like|need|wish) to (?:know|understand|see|hear)[ ,]+|i wonder[ ,]+|"
    r"i am (?:wondering|curious)[ ,]+|tell me[ ,:]+(?=" + _ASKING + r"\b)|let me know[ ,]+)"
)
_LEADING = re.compile(rf"\A{_POLITE}+")
# "In 2016, why did": what stands before the comma is no question, what stands behind it begins one.
_CLAUSE = re.compile(rf"\A(?!(?:{_TOLD})\b)[^?]*?[,:;–—-] (?=(?:{_POLITE})*(?:{_ASKING}|{_TOLD})\b)")


def _core(asked: str) -> str:
    """Return the question without what leads up to it."""
    clause = _CLAUSE.match(asked)
    if clause and not _asks(clause[0]):
        asked = asked[clause.end() :]
    return asked[leading.end() :] if (leading := _LEADING.match(asked)) else asked


def _asks(clause: str) -> bool:
    """Return whether a clause is a question of its own, unlike "when the dam broke,"."""
    return (
        re.match(rf"(?:in |on |at |for |to |by |from )?{_ASKING} (?:\w+ ){{0,3}}?{_AUX}", clause) is not None
    )


# "How" asks for a measure before these, and before most words in -ly ("how quickly").
_MEASURE = (
    r"(?:many|much|long|old|far|often|tall|big|fast|large|high|deep|wide|heavy|soon|late|early|few|little|small|"
    r"close|near|hot|cold|warm|short|thick|thin|strong|loud|young|rich|poor|expensive|cheap|common|popular|likely|"
    r"likelier|accurate|happy|important|big a|large a|great|severe|steep|bright|dark|low|slow|rare|hard|difficult|easy|"
    r"frequent|recent|regular|badly|well|\w+(?:ful|able|ible|ous|ive)|(?!exactly|precisely|actually|really|specifically|basically)\w+ly)"
)
_HOW_ASKS = rf"how (?!{_MEASURE}\b|about\b)"
_AMOUNT = r"(?:percentage|percent|proportion|share|number|amount|part)"
_N = r"(?:two|three|four|five|six|seven|eight|nine|ten|several|some|all|many|\d+)"
_NOT_PLURAL = (
    r"(?:news|series|sports|species|politics|physics|mathematics|economics|athletics|means|headquarters|gas|bus|"
    r"was|is|has|does|this|his|its|us|as|class|christmas|yes)"
)
_PLURAL = rf"(?!{_NOT_PLURAL}\b)(?:\w*[^\Wsui]s|people|men|women|children|media|criteria)"
_MANY_DO = rf"(?!(?:is|was|has|'s)\b){_AUX}"
# What may stand behind the plural subject or object of a question; after anything else it may be no plural at
# all ("which James Bond film", "what comes next").
_GOES_ON = (
    rf"(?:\W*\Z| (?:{_MANY_DO}|\w+ed\b|(?:won|lost|made|took|sent|left|held|gave|sold|bought|led|met|got|became|came|"
    r"went|saw|said|ran|paid|spent|built|kept|began|broke|fell|grew|wrote|took)\b))"
)
_TO_WHICH = r"\A(?:in |on |at |for |to |by |from |with )?(?:which|what) "
_OF_MANY = r"(?:reasons|factors|causes|motives)"
_SAY = (
    r"(?:say|said|think|thinks|thought|believe|argue|argues|argued|claim|promise|propose|suggest|write|wrote|tell|"
    r"recommend|advise|warn|announce|criticise|criticize)"
)


def _rule(pattern: str, found: Want) -> tuple[re.Pattern[str], Want]:
    return re.compile(pattern), found


_RULES = (
    _rule(r"\A(?:please )?(?:sum up|summari[sz]e|outline|recap)\b", _SUM_UP),
    _rule(r"\A(?:give|write|provide|tell)\b.*\b(?:summary|overview|outline|about)\b", _SUM_UP),
    _rule(r"\A(?:a )?(?:short |brief )?(?:summary|overview) of\b", _SUM_UP),
    _rule(r"\Awhat (?:is|are|was|were) .*\b(?:about|the gist|the main points?|the story)\W*\Z", _SUM_UP),
    _rule(
        r"\A(?:compare|contrast)\b|\bcompared? (?:to|with)\W*\Z|\A(?:what|how) .*\bdifferences?\b", _COMPARE
    ),
    _rule(r"\Ahow (?:do|does|did|is|are|was|were) .*\b(?:differ|compare|different)\b", _COMPARE),
    _rule(r"\A(?:explain|describe|discuss|elaborate|recount|tell)\b", _EXPLAIN),
    _rule(r"\A(?:(?:list|enumerate)\b|(?:name|give) (?:me |us )?(?:the|all|some|any|" + _N + r")\b)", _LIST),
    _rule(r"\A(?:why\b|how come\b|(?:for|on|under) what (?:reason|grounds|motive)s?\b)", _WHY),
    _rule(
        rf"\Awhat (?:is|was|were|are) (?:the |their |his |her |its |\w+'s )?(?:\w+ )?(?:reason|motive|{_OF_MANY})\b"
        rf"|\Awhat {_OF_MANY}\b",
        _WHY,
    ),
    _rule(r"\A(?:the )?(?:reasons?|causes?|motives?) (?:for|of|why|that|behind)\b", _WHY),
    _rule(r"\b(?:and|or|,) why\W*\Z|\band why (?:\w+n't|do|does|did|is|are|was|were|has|have|had)\b", _WHY),
    _rule(rf"\b(?:and|or) how\W*\Z|\band how {_AUX}", _HOW),
    _rule(
        rf"\Ahow {_AUX} .*\b(?:describe|describes|described|call|called|characteri[sz]e|refer to)\b", _FACT
    ),
    _rule(rf"\A(?:{_HOW_ASKS}|how\W*\Z|(?:in|by) what (?:ways?|manner|means)\b)", _HOW),
    _rule(
        r"\Awhat (?:\w+ )?(?:happened|happens|is happening|was happening|went on|became|has become)\b",
        _HAPPENED,
    ),
    _rule(
        r"\Awhat (?:do|does|did|has|have|had|is|was|were|are|will|would|could) .*\b(?:happen(?:ed|ing)?|become of)\b",
        _HAPPENED,
    ),
    _rule(rf"\Awhat (?:do|does|did|has|have|had) .*\b{_SAY}\b(?: \w+)? (?:about|of|on|to)\b", _SAID),
    _rule(rf"\Awhat (?:do|does|did|has|have|had) (?:[\w'-]+ ){{1,6}}{_SAY}\W*\Z", _SAID),
    _rule(rf"\A(?:what|who|which) (?:all )?(?:are|were|'re) (?:some |the |{_N} )", _LIST),
    _rule(r"\Awho (?:all )?(?:are|were) (?!you\b|we\b|they\b)", _LIST),
    _rule(rf"{_TO_WHICH}{_N} (?!of\b)", _WHICH),
    _rule(rf"{_TO_WHICH}{_PLURAL}(?: of(?: [\w'-]+){{1,5}}?)?{_GOES_ON}", _WHICH),
    _rule(rf"{_TO_WHICH}(?!{_AMOUNT} )(?:(?!{_AUX})[\w'-]+ ){{1,2}}{_PLURAL} {_MANY_DO}", _WHICH),
    _rule(r"\Awhat (?:else )?(?:are|were) (?:\w+'s|some|all|his|her|its|their) ", _LIST),
    _rule(rf"\A(?:{_AUX}|am\b)", _YES_OR_NO),
)
