"""The defence against articles that speak to a machine: such a passage is set aside before it is read."""

from __future__ import annotations

import re
import unicodedata
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from hashlib import blake2b
from itertools import islice
from threading import Lock

from rag.disguise import UNSEEN, bare, comments, hidden, plain, views
from rag.domain import Article, Hit, Passage
from rag.orders import ENOUGH, REACH, SUSPECT, orders
from rag.retrieve import closed_up
from rag.text import Span, trim

_MOST_HIDDEN = 0.5  # of a text; what hides more has nothing for readers
_MOST_COMMENTS = 500  # that are looked into one by one, with less than it takes in the open; a page has a few


def addressed(text: str, enough: int = ENOUGH) -> list[Span]:
    """Return the spans of a text that speak to a machine or are hidden from readers, in order, none touching.

    They are looked for behind disguises too, and may then be wider than the words that give them away.
    """
    found = hidden(text)
    if sum(end - start for start, end in found) > _MOST_HIDDEN * len(text):
        return [(0, len(text))]
    for view in views(text):
        weight = min(SUSPECT, enough) if view.is_disguised else enough
        found += [view.source(*span) for span in orders(view.text, weight)]
    for start, end in islice(comments(text), _MOST_COMMENTS):
        if orders(plain(text[start:end]).text, min(SUSPECT, enough)):
            found.append((start, end))
    return _merged(found)


def _merged(spans: Sequence[Span]) -> list[Span]:
    merged: list[Span] = []
    for start, end in sorted(spans):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return merged


# ---- Which passages may be read

_QUOTED = re.compile(  # a quotation, as an article about orders to machines has them
    '"[^"\n]{1,600}"|“[^“”\n]{1,600}”|„[^„“”\n]{1,600}[“”]|«[^«»\n]{1,600}»|‘[^‘\n]{1,600}’(?!\\w)|`[^`\n]{1,300}`'
)
_MOST_QUOTED = 0.5  # of an article; one that is mostly such a quotation is not about it
BAITED = 2  # of weight, in an article that repeats the question
_REPEATED = 0.6  # of the runs of three words in a question; so much of it does one in 30 of its true passages
_SHORTEST_BAIT = 3  # runs, which are five words
_SHORTEST = 20  # characters of a passage that is worth reading


@dataclass(frozen=True, slots=True)
class _Verdict:
    """What an article may be used for: nothing, or all but the orders that it quotes."""

    is_hostile: bool
    quoted: tuple[Span, ...] = ()


def sober(hits: Sequence[Hit], question: str = "") -> tuple[list[Hit], int]:
    """Return the hits without those of articles that speak to a machine, and how many these were.

    Where an article repeats the ``question`` to be answered, less is tolerated around it: it may be a bait.

    An article that only quotes such an order stays; its passages end before the quotation or begin after it.
    What is set aside has no say in the ranks and scores of the rest either.
    """
    asked = _threes(question)
    baits = {hit.passage.article.id for hit in hits if _is_bait(hit.passage, asked)}
    kept: list[Hit] = []
    gone: list[Hit] = []
    for hit in hits:
        sobered = None if hit.passage.article.id in baits else _sobered(hit)
        (gone if sobered is None else kept).append(sobered or hit)
    return closed_up(kept, gone), len(gone)


def is_sober(question: str, hit: Hit) -> bool:
    """Return whether a hit may be read to answer a question."""
    return bool(sober([hit], question)[0])


def note(n: int) -> str | None:
    """Return what to tell of ``n`` passages that were set aside; None of none."""
    if not n:
        return None
    were, speak = ("passage was", "it speaks") if n == 1 else ("passages were", "they speak")
    return f"{n} {were} set aside: {speak} to a machine, not to readers"


def _threes(text: str) -> set[tuple[str, str, str]]:
    """Return each three words of a text that follow one another."""
    words = bare(plain(text).text).split()
    return set(zip(words, words[1:], words[2:], strict=False))


def _is_bait(passage: Passage, asked: set[tuple[str, str, str]]) -> bool:
    """Tell whether a passage repeats a question, and speaks to a machine a little, or the text around it does."""
    if len(asked & _threes(passage.text)) < max(_SHORTEST_BAIT, _REPEATED * len(asked)):
        return False
    around = passage.article.text[max(0, passage.start - REACH) : passage.end + REACH]
    return bool(addressed(around, BAITED))


def _sobered(hit: Hit) -> Hit | None:
    verdict = _VERDICTS.of(hit.passage.article)
    if verdict.is_hostile:
        return None
    passage = _around(hit.passage, verdict.quoted)
    return None if passage is None else replace(hit, passage=passage)


def _around(passage: Passage, quoted: Sequence[Span]) -> Passage | None:
    """Return the longest part of a passage outside of some quotations; None where that is too short to read."""
    cuts = [(start, end) for start, end in quoted if start < passage.end and passage.start < end]
    if not cuts:
        return passage
    starts = [passage.start, *(end for _, end in cuts)]
    ends = [*(start for start, _ in cuts), passage.end]
    parts = [
        trim(passage.article.text, start, end) for start, end in zip(starts, ends, strict=True) if start < end
    ]
    start, end = max(parts, key=lambda part: part[1] - part[0], default=(0, 0))
    return replace(passage, start=start, end=end) if end - start >= _SHORTEST else None


def _judged(article: Article) -> _Verdict:
    text = article.text
    spans = addressed(text)
    if not spans:
        return _Verdict(bool(addressed(article.title)))
    quotations = [match.span() for match in _QUOTED.finditer(text)]
    around = [next((q for q in quotations if q[0] <= start and end <= q[1]), None) for start, end in spans]
    quoted = sorted({quotation for quotation in around if quotation})
    said = sum(end - start for start, end in quoted)
    is_hostile = None in around or said > _MOST_QUOTED * len(text) or bool(addressed(article.title))
    return _Verdict(is_hostile, tuple(quoted))


class _Verdicts:
    """Remembers the verdicts on the articles that were judged last; threads may share it."""

    def __init__(self, most: int) -> None:
        self._most, self._lock = most, Lock()
        self._known: OrderedDict[bytes, _Verdict] = OrderedDict()

    def of(self, article: Article) -> _Verdict:
        """Return the verdict on an article, whose title and text are all that counts."""
        key = blake2b(
            f"{article.title}\0{article.text}".encode("utf-8", "surrogatepass"), digest_size=16
        ).digest()
        with self._lock:
            if key in self._known:
                self._known.move_to_end(key)
                return self._known[key]
        verdict = _judged(article)
        with self._lock:
            self._known[key] = verdict
            while len(self._known) > self._most:
                self._known.popitem(last=False)
        return verdict


_VERDICTS = _Verdicts(4096)  # a few hundred bytes each


# ---- What a language model is given of a passage

_BLIND = re.compile(f"[{UNSEEN}]")
_BRACKETS = (
    str.maketrans("[]{}［］｛｝【】〔〕「」⟦⟧", "()" * 8)
    | str.maketrans("<>＜＞〈〉⟨⟩", "‹›" * 4)
    | str.maketrans("|｜", "//")
)
_RULERS = re.compile(r"(?:[#=~`*_]{2,}|-{3,}|(?<!\S)#(?=\s))\s*")
_SPEAKER = re.compile(
    r"(?<!\w)(system|assistant|user|human|developer|tool|model|ai|instructions?|response|question|answer"
    r"|(?:passage|source|document|context|article) ?\d{0,3})\s?[:：]",
    re.I,
)


def cleaned(text: str) -> str:
    """Return a passage as one paragraph that cannot pass for a part of the prompt around it.

    What is not seen is gone; brackets become parentheses, angles become quotation marks, and a colon behind a
    speaker's name becomes a dash.
    """
    seen = _BLIND.sub("", unicodedata.normalize("NFC", text)).translate(_BRACKETS)
    return " ".join(_SPEAKER.sub(r"\1 –", _RULERS.sub(" ", seen)).split())
