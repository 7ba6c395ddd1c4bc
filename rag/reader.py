"""The reader that quotes: it marks the span of a passage that answers, and cites the sentence around it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Self

import numpy as np
from tokenizers import Encoding

from rag.calibration import Calibration, Signs
from rag.dates import told
from rag.domain import Alternative, Answer, Citation, Hit, Passage, Steps
from rag.encoder import Encoder, Outputs
from rag.metrics import normalised
from rag.speech.attributed import attributed
from rag.text import fold, sentences
from rag.wants import asks_whether
from rag.whole import whole

_MODELS = Path(__file__).parent / "models"
SIZES: Mapping[str, Path] = {"fast": _MODELS / "reader", "accurate": _MODELS / "reader_accurate"}
SHIPPED = SIZES["fast"]
LONGEST = 25  # tokens of an answer, as the weights were trained
FURTHER = (
    0.1  # logits; of 758 dev questions of two files em gains 2 points by it, and by keeping to a sentence
)
SECONDED = (
    0.5  # logits; fitted on 565 times that dev questions were asked, half of the weight with nothing to find
)
N_ALTERNATIVES = 3
N_CITATIONS = 5


@dataclass(frozen=True, slots=True)
class Span:
    """A possible answer: the slice ``start:end`` of a passage's article.

    ``margin`` is the score of the span less that of "not in this passage", in logits; ``score`` is the
    retriever's, of the passage.
    """

    passage: Passage
    start: int
    end: int
    margin: float
    score: float = 0.0

    @property
    def text(self) -> str:
        """The slice, its white space evened out."""
        return " ".join(self.passage.article.text[self.start : self.end].split())


@dataclass(frozen=True, slots=True)
class Found:
    """An answer that passages give: the spans that say it, best first, and what speaks for it."""

    spans: Sequence[Span]
    signs: Signs

    @property
    def text(self) -> str:
        """The answer, as its best span has it."""
        return self.spans[0].text


class Extractive:
    """Reads each passage with a span-marking transformer, and answers when it is sure enough."""

    def __init__(self, encoder: Encoder, calibration: Calibration, threshold: float) -> None:
        """Abstain below a confidence of ``threshold``."""
        self._encoder, self._calibration, self._threshold = encoder, calibration, threshold

    @classmethod
    def shipped(cls, precision: float, size: str = "fast") -> Self:
        """Return a reader that comes with Citewise, of SIZES, which is right in this share of its answers.

        Raises:
            ModelMissing: a file of its weights is missing or damaged.
        """
        calibration = Calibration.load(SIZES[size])
        return cls(Encoder(SIZES[size]), calibration, calibration.threshold(precision))

    @property
    def name(self) -> str:
        """The name of the weights."""
        return self._encoder.card.name

    @property
    def threshold(self) -> float:
        """The confidence below which it abstains."""
        return self._threshold

    def read(self, question: str, hits: Sequence[Hit], seconded: str = "") -> Answer:
        """Answer with the best span of all ``hits``; abstain when there are none or it is not sure enough.

        ``seconded`` is what another reader would answer. The confidence is fitted on best answers: no other one is
        answered in the place of the best.
        """
        if not hits:
            return Answer(question, reason="No passage of the collection shares anything with the question.")
        rated = [(self.confidence(one, seconded), one) for one in self.found(question, hits)]
        if not rated or rated[0][0] < self._threshold:
            return Answer(
                question,
                confidence=rated[0][0] if rated else 0.0,
                hits=tuple(hits),
                reason=none_of(len(hits)),
            )
        sure = [(confidence, one) for confidence, one in rated if confidence >= self._threshold]
        best, *others = (shown(question, one, confidence) for confidence, one in sure[: 1 + N_ALTERNATIVES])
        return Answer(
            question,
            best.text,
            best.citations,
            best.confidence,
            tuple(hits),
            tuple(newest_first(others)),
            mode="quote",
        )

    def stream(self, question: str, hits: Sequence[Hit]) -> Steps:
        """Yield the answer of ``read``, which comes all at once."""
        yield self.read(question, hits)

    def confidence(self, found: Found, seconded: str = "") -> float:
        """Return the probability that an answer is right, ``seconded`` being what another reader would answer."""
        more = SECONDED if seconded and is_same(_words(found.text), _words(seconded)) else 0.0
        return self._calibration.confidence(found.signs, more)

    def found(self, question: str, hits: Sequence[Hit]) -> list[Found]:
        """Return the different answers of ``hits``, best first."""
        groups = grouped(attributed(question, self.spans(question, hits)))
        return [Found(group, signs(group, groups)) for group in groups]

    def spans(self, question: str, hits: Sequence[Hit]) -> list[Span]:
        """Return the best span of each passage that has one, in the order of ``hits``."""
        encodings = [self._encoder.tokens(question, hit.passage.text) for hit in hits]
        read = zip(hits, encodings, self._encoder.run(encodings), strict=True)
        found = (best_span(hit, encoding, outputs) for hit, encoding, outputs in read)
        return [span for span in found if span is not None]


def none_of(n: int) -> str:
    """Return why nothing is answered from the ``n`` passages that were found."""
    if n == 1:
        return "The one passage that was read does not answer the question."
    return f"None of the {n} nearest passages answers the question."


def signs(group: Sequence[Span], groups: Sequence[Sequence[Span]]) -> Signs:
    """Return what speaks for the answer of one group among all."""
    best = group[0]
    rivals = (other[0].margin for other in groups if other is not group)
    agreeing = sum(span.margin > 0 for span in group)
    return Signs(best.margin - max(0.0, *rivals, 0.0), best.margin, math.log(max(1, agreeing)), best.score)


def shown(question: str, found: Found, confidence: float) -> Alternative:
    """Return an answer as it is shown: grown to what a person would say, or the sentence that says yes or no."""
    best, *rest = found.spans
    best = whole(question, best)
    citations = cited([best, *rest])
    if asks_whether(question):
        return Alternative(" ".join(citations[0].quote.split()), confidence, citations)
    return Alternative(told(best.text, best), confidence, citations)


def newest_first(answers: Sequence[Alternative]) -> list[Alternative]:
    """Return answers by the day of the article that each is quoted from, those without one last."""
    days = [answer.citations[0].passage.article.published or date.min for answer in answers]
    order = sorted(range(len(answers)), key=lambda n: days[n], reverse=True)
    return [answers[n] for n in order]


def best_span(hit: Hit, encoding: Encoding, outputs: Outputs) -> Span | None:
    """Return the best span of at most LONGEST tokens within a sentence; None for no tokens.

    ``outputs`` are start and end logits ``(length,)``; position 0 stands for "not in this passage". A span scores
    their sum, less FURTHER for each token after its first.
    """
    start, end = outputs
    inside = np.flatnonzero(np.array([side == 1 for side in encoding.sequence_ids]))
    if not len(inside):
        return None
    first, last = int(inside[0]), int(inside[-1]) + 1
    n = last - first
    further = np.arange(n)[None, :] - np.arange(n)[:, None]  # (n, n)
    scores = start[first:last, None] + end[None, first:last] - FURTHER * further
    begins = [begin for begin, _ in sentences(hit.passage.text)]
    within = np.searchsorted(
        begins, [encoding.offsets[at][0] for at in range(first, last)], side="right"
    )  # (n,)
    allowed = (further >= 0) & (further < LONGEST) & (within[:, None] == within[None, :])
    left, right = divmod(int(np.where(allowed, scores, -np.inf).argmax()), n)
    margin = float(scores[left, right] - (start[0] + end[0]))
    passage = hit.passage
    span = whole_words(passage.text, encoding.offsets[first + left][0], encoding.offsets[first + right][1])
    return Span(passage, passage.start + span[0], passage.start + span[1], margin, hit.score)


def whole_words(text: str, start: int, end: int) -> tuple[int, int]:
    """Return the span widened to the ends of the words that it begins and ends in."""
    while start > 0 and text[start - 1].isalnum() and text[start].isalnum():
        start -= 1
    while end < len(text) and text[end - 1].isalnum() and text[end].isalnum():
        end += 1
    return start, end


def grouped(spans: Sequence[Span]) -> list[list[Span]]:
    """Return the spans, best first, those with the same answer together under their best one.

    Answers are the same when one holds the words of the other in a row: "Urzúa" and "Luis Urzúa".
    """
    groups: dict[str, list[Span]] = {}
    for span in sorted(spans, key=lambda span: (-span.margin, span.passage.id)):
        said = _words(span.text)
        groups.setdefault(next((other for other in groups if is_same(said, other)), said), []).append(span)
    return list(groups.values())


def is_same(one: str, other: str) -> bool:
    """Return whether one answer, between spaces, holds the words of the other in a row."""
    return one in other or other in one


def _words(text: str) -> str:
    return f" {normalised(fold(text)) or text} "


def cited(group: Sequence[Span]) -> tuple[Citation, ...]:
    """Return a citation for the best span, and for each other article where a passage gives the answer too."""
    first, *rest = group
    seen = {first.passage.article.id}
    chosen = [first]
    for span in rest:
        if span.margin > 0 and span.passage.article.id not in seen and len(chosen) < N_CITATIONS:
            seen.add(span.passage.article.id)
            chosen.append(span)
    return tuple(Citation(n, span.passage, *around(span)) for n, span in enumerate(chosen, start=1))


def around(span: Span) -> tuple[int, int]:
    """Return the sentence, or the few sentences, of its passage that hold a span."""
    offset = span.passage.start
    touched = [
        (offset + start, offset + end)
        for start, end in sentences(span.passage.text)
        if offset + start < span.end and span.start < offset + end
    ]
    if not touched:
        return span.start, span.end
    return min(touched[0][0], span.start), max(touched[-1][1], span.end)
