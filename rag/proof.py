"""Proof of a written sentence: the slice of a passage that says the same, or what it lacks.

A sentence is supported when its names, numbers, quoted words and words of degree stand in the slice, in an order
that keeps who did what; when it is as negated, as doubtful and as much somebody's saying as the slice; and
when hardly a word of it is missing there. The rules know English.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from rag.domain import Passage
from rag.facts import (
    OPPOSITE,
    Facts,
    Token,
    actor_first,
    degrees,
    facts,
    is_claim,
    is_doubted,
    is_negated,
    is_told,
    orders,
)
from rag.text import Span, fold, sentences

A_WORD_IN = 8  # words that carry weight, one may be missing: the missing ones are where models add things
NEAR = 0.5  # of the words of a sentence that failed, those that the articles' own sentence in its place has
MIN_WORDS = 3  # words that carry weight; a shorter sentence says nothing that can be judged
IN_ORDER = 0.75  # of the words found, those in the order of the slice
_BACK = 3  # words before the first one found that may negate it: "did not", "is said to have"
Tokens = tuple[Token, ...]
_PRONOUNS = frozenset("he she it they his her its their this that these those him them who we our".split())


@dataclass(frozen=True, slots=True)
class Proof:
    """The slice ``start:end`` of a passage's article that was held against a sentence.

    ``score`` is the share of the sentence's words that it has, 0 to 1; ``lacks`` is empty when it proves it.
    """

    passage: Passage
    start: int
    end: int
    score: float
    lacks: str = ""

    @property
    def holds(self) -> bool:
        """Whether it proves the sentence."""
        return not self.lacks


def proof(sentence: str, passages: Sequence[Passage], question: str = "") -> Proof | None:
    """Return the best proof of a sentence, from the first passages rather than later ones; None for no passage.

    Words of the ``question`` that a sentence repeats need only stand in the passage or its title.
    """
    claimed = facts(sentence)
    found = (_held(claimed, window, facts(question)) for passage in passages for window in _windows(passage))
    return max(found, key=lambda proof: (proof.holds, proof.score, proof.start - proof.end), default=None)


def verbatim(sentence: str, passages: Sequence[Passage], question: str) -> Proof | None:
    """Return the sentence of the passages that says most of the same and speaks of what is asked, if there is one."""
    claimed, asked = facts(sentence).stems, facts(question).stems
    found = [_near(claimed, asked, window) for passage in passages for window in _singles(passage)]
    return max((near for near in found if near), key=lambda near: near.score, default=None)


def _near(claimed: frozenset[str], asked: frozenset[str], window: _Window) -> Proof | None:
    same = len(claimed & window.said.stems) / max(1, len(claimed))
    about = len(asked & (window.said.stems | window.before.stems)) / max(1, len(asked))
    if same < NEAR or about < NEAR:
        return None
    return Proof(window.passage, window.start, window.end, same)


@dataclass(frozen=True, slots=True)
class _Window:
    """One or two sentences of a passage, and what stands around them."""

    passage: Passage
    start: int
    end: int
    said: Facts
    before: Facts  # the passage up to here, and the title and date of its article


def _windows(passage: Passage) -> Iterator[_Window]:
    """Yield each sentence of a passage, then with its successor each that is followed by a pronoun: "It cost …"."""
    spans = sentences(passage.text)
    leaning = (
        (left[0], right[1])
        for left, right in pairwise(spans)
        if not _PRONOUNS.isdisjoint(facts(passage.text[slice(*right)]).opening)
    )
    return _cut(passage, [*spans, *leaning])


def _singles(passage: Passage) -> Iterator[_Window]:
    return _cut(passage, sentences(passage.text))


def _cut(passage: Passage, spans: Sequence[Span]) -> Iterator[_Window]:
    text, article = passage.text, passage.article
    head = f"{article.title}\n{article.published or ''}\n"
    for start, end in spans:
        before = facts(head + text[:start])
        yield _Window(passage, passage.start + start, passage.start + end, facts(text[start:end]), before)


def _held(claimed: Facts, window: _Window, question: Facts) -> Proof:
    asked = question.stems & window.before.stems
    missing = claimed.stems - window.said.stems - asked
    score = 1 - len(missing) / len(claimed.stems) if claimed.stems else 0.0
    lacks = _lacks(claimed, window, question, missing)
    return Proof(window.passage, window.start, window.end, score, lacks)


def _lacks(claimed: Facts, window: _Window, question: Facts, unsaid: frozenset[str]) -> str:
    """Return what keeps a window from proving a claim, in words; nothing when it proves it."""
    said = window.said
    if len(claimed.stems) + len(claimed.numbers) < MIN_WORDS:
        return "it says too little to be checked"
    if not is_claim(claimed):
        return "it is no whole sentence"
    if claimed.stems <= question.stems and claimed.numbers <= question.numbers:
        return "it only repeats the question"
    if missing := sorted(claimed.numbers - said.numbers - (question.numbers & window.before.numbers)):
        return f"the number {missing[0]:g} is not in the passage"
    if missing_names := [name for name in claimed.names if not _is_named(name, window, question)]:
        return f"the name “{missing_names[0]}” is not in the passage"
    if quoted := [quote for quote in claimed.quoted if not _is_quoted(quote, window)]:
        return f"the passage does not have the words “{quoted[0][:60]}”"
    if len(unsaid) <= NEAR * len(claimed.stems) and _is_opposite(claimed, said):
        return "the passage says the opposite"
    if len(unsaid) > len(claimed.stems) // A_WORD_IN:
        return "no sentence of the passages says this"
    if len(claimed.stems & said.stems) < NEAR * len(claimed.stems):
        return "no sentence of the passages says this"
    if extra := sorted(degrees(claimed) - said.words):
        return f"the passage does not say “{extra[0]}”"
    return _twisted(claimed, said)


def _twisted(claimed: Facts, said: Facts) -> str:
    """Return how a claim bends what it has all the words of."""
    places = _places(claimed.tokens, said.tokens)
    if not _is_in_order(claimed.tokens, actor_first(said.tokens)):
        return "the passage has these words in another order"
    if not places:
        return "no sentence of the passages says this"
    part = said.tokens[max(0, min(places) - _BACK) : max(places) + 1]
    if is_negated(part) != is_negated(claimed.tokens):
        return "one of the two says “not”, the other does not"
    if is_doubted(part) and not is_doubted(claimed.tokens):
        return "the passage is less sure"
    if is_told(said.tokens) and not is_told(claimed.tokens):
        return "it leaves out that somebody says so"
    return ""


def _is_named(name: str, window: _Window, question: Facts) -> bool:
    """Whether a name stands in the window, or before it where it was asked about or the window has a pronoun."""
    if name in window.said.words:
        return True
    meant = name in question.words or not _PRONOUNS.isdisjoint(window.said.words)
    return meant and name in window.before.words


def _is_quoted(quote: str, window: _Window) -> bool:
    text = window.passage.article.text[window.start : window.end]
    return " ".join(fold(quote).split()).strip(" ,.") in " ".join(fold(text).split())


def _is_opposite(claimed: Facts, said: Facts) -> bool:
    """Whether a word of the claim is missing in the window, and its opposite stands there."""
    return any(
        not OPPOSITE.get(word, frozenset()).isdisjoint(said.words) for word in claimed.words - said.words
    )


def _places(claimed: Tokens, said: Tokens) -> list[int]:
    """Return where in the window each word of the claim stands, in the claim's order; the nearest of several."""
    at: dict[str, list[int]] = {}
    for n, token in enumerate(said):
        if token.stem:
            at.setdefault(token.stem, []).append(n)
    places: list[int] = []
    for token in claimed:
        if here := at.get(token.stem):
            last = places[-1] if places else -1
            places.append(next((n for n in here if n > last), here[0]))
    return places


def _n_in_order(places: Sequence[int]) -> int:
    """Return the length of the longest ascending run that can be picked from ``places``."""
    tails: list[int] = []
    for place in places:
        n = bisect_left(tails, place)
        tails[n : n + 1] = [place]
    return len(tails)


def _is_in_order(claimed: Tokens, source: Tokens) -> bool:
    """Whether the words of a claim follow each other as in the source, in one of the orders that mean the same."""
    for tokens in orders(actor_first(claimed)):
        run = _places(tokens, source)
        if _n_in_order(run) >= IN_ORDER * len(run) and _names_in_order(tokens, source):
            return True
    return False


def _names_in_order(claimed: Tokens, said: Tokens) -> bool:
    """Whether names follow each other in a claim as in the window: who did it to whom."""
    first = {token.word: n for n, token in reversed(list(enumerate(said)))}
    last = {token.word: n for n, token in enumerate(said)}
    names = dict.fromkeys(token.word for token in claimed if token.is_capital and token.word in first)
    return all(first[left] < last[right] for left, right in pairwise(names))
