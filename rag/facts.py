"""What a sentence claims that must not be changed by a hair: its names, numbers, quoted words, and how sure it is.

Everything is found by rules, in English.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

from rag.index.words import terms
from rag.text import fold, words

_DIGITS = re.compile(r"\d[\d,]*(?:\.\d+)?|\.\d+")
_UNITS = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen "
    "seventeen eighteen nineteen"
).split()
_TENS = "twenty thirty forty fifty sixty seventy eighty ninety".split()
_ORDINALS = "first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth".split()
_VALUES = {word: float(n) for n, word in enumerate(_UNITS)}
_VALUES |= {word: float(n) for n, word in zip(range(20, 100, 10), _TENS, strict=True)}
_VALUES |= {word: float(n) for n, word in enumerate(_ORDINALS, start=1)}
_VALUES |= {"half": 0.5, "dozen": 12.0, "twice": 2.0, "double": 2.0, "doubled": 2.0, "tripled": 3.0}
_SCALES = {"hundred": 1e2, "thousand": 1e3, "million": 1e6, "billion": 1e9, "trillion": 1e12}
_SCALES |= {
    "bn": 1e9,
    "hundreds": 1e2,
    "thousands": 1e3,
    "millions": 1e6,
    "billions": 1e9,
}
_RANK = re.compile(r"(\d+)(?:st|nd|rd|th)\Z")
_QUOTED = re.compile(r"[“\"«]([^“”\"«»]{2,300})[”\"»]")

_NEGATION = frozenset(
    "not no never none nobody nothing neither nor without cannot denied denies deny refuse refused refuses refusing "
    "fail failed fails failing lack lacks lacked lacking reject rejected rejects unable hardly barely false".split()
)
_DOUBT = frozenset(
    "may might could would should if unless perhaps maybe possibly possible likely unlikely probably reportedly "
    "allegedly alleged suspected threatened rumours rumors potentially apparently seems seemed appears appeared "
    "suggest suggests suggested estimated almost nearly".split()
)
_WISH = frozenset(  # doubtful before "to": expected to, plans to
    "expected expects expect plan plans planned planning propose proposed proposes hope hopes hoped hoping aim aims "
    "aimed aiming intend intends intended want wants wanted trying tried try said believed thought due set".split()
)
_SPEECH = frozenset(
    "said says say told tells claimed claims claim according argued argues insisted insists warned warns announced "
    "announces believes believed thinks thought accused accuses wrote writes stated states called calls described "
    "predicted predicts added explained reported reports".split()
)
_VERBS = frozenset(
    "is are was were be am been being has have had do does did will would can could may might must shall "
    "should isn't aren't wasn't weren't don't doesn't didn't won't can't said says made took got went came "
    "saw found gave told became left began kept held brought wrote stood met ran paid sent built spent won "
    "lost led grew fell rose beat meant means felt thought knew taught caught sought bought sold chose broke "
    "spoke drew drove flew threw remain".split()
)
_LEANING = frozenset(  # what stands for something said before, or for whoever wrote the article
    "he she it they them his her its their this that these those such i we you my our your here there".split()
)
_FRONT = frozenset("in on at during after before since from until by with".split())
_DETERMINERS = frozenset("the a an he she it they its their his her".split())
_OBJECTS = _DETERMINERS | frozenset("that how not them him us".split())
_BARE_VERBS = frozenset(
    "cost hit put let cut set need want make take give use help include provide allow".split()
)
_RELATIVE = frozenset("who which that whose where".split())
_CLAUSE_WORDS = 3  # after "who", whose verb is not that of the sentence
_LEAD_WORDS = 4  # "For example, they might"
_ACTOR_WORDS = 4  # after "by" to its name: by the mayor of Lyon, Ida Moll
# "All" of what is "most", "first" of what is not: a word of degree must be the source's own.
_DEGREE = frozenset(
    "all every only most first last largest biggest smallest highest lowest best worst always entire whole "
    "majority best-known oldest youngest newest longest shortest both least fewest".split()
)
_OPPOSITES = (
    "increase:decrease rise:fall rose:fell grow:shrink grew:shrank more:less more:fewer higher:lower up:down win:lose "
    "won:lost before:after begin:end began:ended start:stop started:stopped accept:reject accepted:rejected "
    "support:oppose supported:opposed open:close opened:closed north:south east:west northern:southern "
    "eastern:western left:right buy:sell bought:sold join:leave joined:left above:below minimum:maximum "
    "approve:reject approved:rejected for:against male:female men:women man:woman import:export allow:ban "
    "allowed:banned praise:criticise praised:criticised praised:criticized hot:cold early:late earlier:later "
    "increased:decreased raise:cut raised:cut public:private success:failure succeed:fail alive:dead born:died "
    "guilty:innocent young:old cheap:expensive cheaper:dearer easy:hard easier:harder faster:slower fast:slow "
    "gain:loss import:exports inside:outside include:exclude includes:excludes included:excluded arrive:depart"
).split()
OPPOSITE: dict[str, frozenset[str]] = {}
for _pair in _OPPOSITES:
    _one, _other = _pair.split(":")
    OPPOSITE[_one] = OPPOSITE.get(_one, frozenset()) | {_other}
    OPPOSITE[_other] = OPPOSITE.get(_other, frozenset()) | {_one}


@dataclass(frozen=True, slots=True)
class Token:
    """A word of a text: where it stands, folded, its stem (empty for a number or a word without weight).

    One that opens a sentence with a capital may be a name, so ``is_name`` is false and ``is_capital`` true.
    """

    start: int
    end: int
    word: str
    stem: str
    is_name: bool
    is_capital: bool


@dataclass(frozen=True, slots=True)
class Facts:
    """What a text claims: its words in order, the values of its numbers, what it quotes."""

    tokens: tuple[Token, ...]
    numbers: frozenset[float]
    quoted: tuple[str, ...]

    @property
    def stems(self) -> frozenset[str]:
        """The stems of the words that carry weight."""
        return frozenset(token.stem for token in self.tokens if token.stem)

    @property
    def words(self) -> frozenset[str]:
        """All words, folded."""
        return frozenset(token.word for token in self.tokens)

    @property
    def opening(self) -> frozenset[str]:
        """The first two words, folded."""
        return frozenset(token.word for token in self.tokens[:2])

    @property
    def names(self) -> tuple[str, ...]:
        """The words of names, folded, in order."""
        return tuple(token.word for token in self.tokens if token.is_name)


@lru_cache(maxsize=2048)
def facts(text: str) -> Facts:
    """Return what a text claims."""
    tokens = tuple(_tokens(text))
    return Facts(tokens, frozenset(_numbers(text, tokens)), tuple(_QUOTED.findall(text)))


def is_negated(tokens: tuple[Token, ...]) -> bool:
    """Whether the words say that something is not so."""
    return any(t.word in _NEGATION or t.word.endswith("n't") for t in tokens)


def is_doubted(tokens: tuple[Token, ...]) -> bool:
    """Whether the words say that something may be, is planned or is wished, and not that it is."""
    if any(t.word in _DOUBT and not t.is_name for t in tokens):  # "May" is a month
        return True
    return any(left.word in _WISH and right.word == "to" for left, right in pairwise(tokens))


def is_told(tokens: tuple[Token, ...]) -> bool:
    """Whether the words say that somebody says something."""
    return any(t.word in _SPEECH for t in tokens)


def is_claim(found: Facts) -> bool:
    """Whether the words have a verb, so that they claim something; a heading or an item of a list has none."""
    words = [token.word for token in found.tokens]
    own = [word for n, word in enumerate(words) if _RELATIVE.isdisjoint(words[max(0, n - _CLAUSE_WORDS) : n])]
    if not _VERBS.isdisjoint(own) or any(word.endswith("ed") and len(word) > 4 for word in own[1:]):
        return True
    return any(
        (left.endswith("s") or left in _BARE_VERBS) and (right in _OBJECTS or is_number(right))
        for left, right in pairwise(words[1:])
    )


def leans(found: Facts) -> bool:
    """Whether the words begin with one that stands for something said before them: "They", "These agencies"."""
    return any(token.word.partition("'")[0] in _LEANING for token in found.tokens[:_LEAD_WORDS])


def actor_first(tokens: tuple[Token, ...]) -> tuple[Token, ...]:
    """Return the words with the one that acts before the others, where the voice is passive: "by Ida Moll"."""
    for n, token in enumerate(tokens):
        after = tokens[n + 1 : n + 1 + _ACTOR_WORDS]
        named = next((m for m, other in enumerate(after, n + 1) if other.is_capital), None)
        if token.word == "by" and named is not None:
            end = named
            while end < len(tokens) and tokens[end].is_capital:
                end += 1
            return (*tokens[n + 1 : end], *tokens[:n], *tokens[end:])
    return tokens


def orders(tokens: tuple[Token, ...]) -> Iterator[tuple[Token, ...]]:
    """Yield the words as they stand, then as they could as well: "In 1998 it rose", "it fell, said Ida Moll"."""
    yield tokens
    if tokens and tokens[0].word in _FRONT:
        end = next((n for n, token in enumerate(tokens[1:], 1) if token.word in _DETERMINERS), 2)
        for cut in {end, 2, 3}:
            yield tokens[cut:] + tokens[:cut]
    said = next((n for n, token in enumerate(tokens) if token.word in _SPEECH), None)
    if said is not None:
        yield tokens[said + 1 :] + tokens[said : said + 1] + tokens[:said]


def degrees(found: Facts) -> frozenset[str]:
    """Return the words such as "all", "only" and "first"."""
    return found.words & _DEGREE


def _tokens(text: str) -> Iterator[Token]:
    opens = True
    last = 0
    for start, end in words(text):
        between = text[last:start]
        opens = opens or any(mark in between for mark in '.!?:\n•“"')
        word = fold(text[start:end]).removesuffix("'s")
        root = "" if is_number(word) else stem(word)
        is_capital = bool(root) and text[start].isupper()
        is_name = is_capital and (not opens or text[start : start + 2].isupper())
        yield Token(start, end, word, root, is_name, is_capital)
        opens, last = False, end


def is_number(word: str) -> bool:
    """Whether a folded word is a number or its scale."""
    return word[0].isdigit() or word in _VALUES or word in _SCALES or word == "percent"


@lru_cache(maxsize=16384)
def stem(word: str) -> str:
    """Return the stem of a folded word; nothing for one without weight."""
    found = terms(word)
    return found[0] if found else ""


def _numbers(text: str, tokens: tuple[Token, ...]) -> Iterator[float]:
    """Yield the value of each number, "4 million" and "four million" alike; a lone "one" is none."""
    for match in _DIGITS.finditer(text):
        after = next((n for n, token in enumerate(tokens) if token.start >= match.end()), len(tokens))
        yield float(match[0].replace(",", "")) * _scale(tokens, after, text, match.end())
    n = 0
    while n < len(tokens):
        word = tokens[n].word
        if rank := _RANK.match(word):
            yield float(rank[1])
        elif word in _VALUES and word not in ("one", "first", "second", "zero"):
            value, n = _spelt(tokens, n)
            yield value * _scale(tokens, n + 1, text, tokens[n].end)
        elif word == "one" and n + 1 < len(tokens) and tokens[n + 1].word in _SCALES:
            yield _scale(tokens, n + 1, text, tokens[n].end)
        n += 1


def _spelt(tokens: tuple[Token, ...], n: int) -> tuple[float, int]:
    value = _VALUES[tokens[n].word]
    follows = tokens[n + 1].word if n + 1 < len(tokens) else ""
    if value >= 20 and 0 < _VALUES.get(follows, 0.0) < 10:
        return value + _VALUES[follows], n + 1
    return value, n


def _scale(tokens: tuple[Token, ...], n: int, text: str, end: int) -> float:
    """Return what the word at ``n`` multiplies a number by that ends at ``end``; 1 where it is no scale."""
    if n >= len(tokens) or text[end : tokens[n].start].strip(" -"):
        return 1.0
    return _SCALES.get(tokens[n].word, 1.0)
