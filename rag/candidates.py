"""The sentences of the best passages that may answer a question, each with all that speaks for it as numbers."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rag.domain import Embedder, Hit, Passage, Vectors
from rag.index.words import terms
from rag.reader import Span
from rag.text import sentences, words
from rag.wants import Kind

Matrix = NDArray[np.float64]

# Whose sentences are weighed: to embed them is most of the time. Of 758 answers 89 % stand in 5, 92 % in 8.
N_PASSAGES = 5
SHORTEST = 3  # words; a shorter line is a heading or a remnant
SIGNALS = (
    "likeness",  # cosine to the question
    "likeness_before",  # of the sentence before, in the same passage
    "overlap",  # share of the question's words that stand here, the rare ones counting more
    "overlap_before",  # ... that stand in the sentence before or the title alone
    "rank",  # 1 / rank of the passage
    "margin",  # of the reader's best span in the passage, in tens of logits
    "in_span",  # whether that span touches the sentence
    "because",  # words that give a reason, where the question asks why
    "by_doing",  # words that tell the way, where it asks how
    "several",  # an enumeration, where it asks for a list
    "asks",  # whether it is a question itself
)


@dataclass(frozen=True, slots=True)
class Candidate:
    """A sentence: the slice ``start:end`` of its passage's article; ``rank`` is that of the passage, from 0."""

    passage: Passage
    rank: int
    start: int
    end: int

    @property
    def text(self) -> str:
        """The slice, its white space evened out."""
        return " ".join(self.passage.article.text[self.start : self.end].split())


def candidates(hits: Sequence[Hit]) -> list[Candidate]:
    """Return the sentences of the first N_PASSAGES hits, as the hits rank and then as they stand."""
    return [candidate for rank, hit in enumerate(hits[:N_PASSAGES]) for candidate in _of(hit.passage, rank)]


_BULLET = re.compile(r"[-+*•‣◦▪·]\s+")


def _of(passage: Passage, rank: int) -> Iterator[Candidate]:
    text, offset = passage.text, passage.start
    for start, end in sentences(text):
        if bullet := _BULLET.match(text, start, end):
            start = bullet.end()
        if len(words(text[start:end])) >= SHORTEST:
            yield Candidate(passage, rank, offset + start, offset + end)


def weighed(
    question: str, kind: Kind, found: Sequence[Candidate], spans: Sequence[Span], embedder: Embedder
) -> Matrix:
    """Return a row of SIGNALS for each of ``found``, in their order; ``spans`` are the reader's."""
    texts = [candidate.text for candidate in found]
    likeness = embedder.embed_passages(texts) @ embedder.embed_questions([question])[0]  # (n,)
    overlap = _Overlap(question, texts)
    marked = {span.passage.id: span for span in spans}
    return np.array(
        [
            [
                *_likeness(i, found, likeness),
                *overlap.of(i, i - 1 if _follows(i, found) else None, candidate.passage.article.title),
                1 / (1 + candidate.rank),
                *_read(candidate, marked.get(candidate.passage.id)),
                *_form(texts[i], kind),
            ]
            for i, candidate in enumerate(found)
        ]
    ).reshape(len(found), len(SIGNALS))


def _follows(i: int, found: Sequence[Candidate]) -> bool:
    return i > 0 and found[i - 1].passage.id == found[i].passage.id


def _likeness(i: int, found: Sequence[Candidate], likeness: Vectors) -> tuple[float, float]:
    return float(likeness[i]), float(likeness[i - 1]) if _follows(i, found) else 0.0


class _Overlap:
    """Which of the question's words stand where, the rarer ones among these sentences weighing more."""

    def __init__(self, question: str, texts: Sequence[str]) -> None:
        asked = set(terms(question))
        self._held = [asked & set(terms(text)) for text in texts]
        n_holders = Counter(word for held in self._held for word in held)
        self._weights = {word: math.log(1 + len(texts) / (1 + n_holders[word])) for word in asked}
        self._asked, self._total = asked, sum(self._weights.values()) or 1.0

    def of(self, here: int, before: int | None, title: str) -> tuple[float, float]:
        """Return the weight of the words in a sentence, and of those in the one before or the title alone."""
        held = self._held[here]
        near = (self._held[before] if before is not None else set()) | (self._asked & set(terms(title)))
        return self._share(held), self._share(near - held)

    def _share(self, held: set[str]) -> float:
        return sum(self._weights[word] for word in held) / self._total


def _read(candidate: Candidate, span: Span | None) -> tuple[float, float]:
    if span is None:
        return 0.0, 0.0
    return span.margin / 10, float(span.start < candidate.end and candidate.start < span.end)


_CUES: Mapping[Kind, re.Pattern[str]] = {
    "why": re.compile(
        r"\b(?:because|since|so that|so as to|in order to|due to|owing to|thanks to|as a result|therefore|thus|hence|"
        r"reasons?|why|caus(?:e|es|ed|ing)|led to|leading to|means? that|meant that|for fear|in the hope|wanted|wants|"
        r"designed to|aim(?:s|ed)?|intended|allow(?:s|ed)? \w+ to|would have|so (?:he|she|they|it|i|we|you|the|that)|"
        r"for (?:he|she|they|it|i|the))\b",
        re.IGNORECASE,
    ),
    "how": re.compile(
        r"\b(?:by (?:\w+ly )?(?:\w+ing|the|a|means)|through|via|using|uses?|used|with (?:the help|a|an|the)|thereby|"
        r"method|process|so that|in order to|first|then|steps?|works?|allow(?:s|ed|ing)?|enabl(?:e|es|ed|ing))\b",
        re.IGNORECASE,
    ),
    "list": re.compile(
        r",[^,]+, (?:and|or)\b|;[^;]+;|\b(?:includ(?:e|es|ed|ing)|such as|consists?|namely|"
        r"as follows|following|as well as|both|either)\b|:\s",
        re.IGNORECASE,
    ),
}


def _form(text: str, kind: Kind) -> tuple[float, ...]:
    cues = (float(kind == cue and pattern.search(text) is not None) for cue, pattern in _CUES.items())
    return *cues, float(text.endswith("?"))
