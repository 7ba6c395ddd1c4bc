"""The reader that answers with whole sentences: the best of them, verbatim, each with the articles that say it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from threading import local

import numpy as np

from rag.calibration import Calibration, Weighing
from rag.candidates import SIGNALS, Candidate, Matrix, candidates, weighed
from rag.domain import Answer, Citation, Embedder, Hit, Passage, Sentence, Steps
from rag.encoder import Encoder
from rag.metrics import normalised
from rag.reader import Extractive, Span
from rag.speech.attributed import asked, attributed
from rag.text import fold
from rag.wants import Kind, want

MOST: Mapping[Kind, int] = {"fact": 3, "why": 3, "how": 3, "account": 5, "list": 6}  # sentences of an answer
N_COPIES = 3  # other articles that are cited for a sentence of which they have a copy
ALIKE = 0.8  # share of words in common, from which two sentences can be copies

# Below the best score by more than this, no other sentence is given: of ten further ones less than one would
# hold the answer that those before it lack.
DROP = 2.0


class ReadOnce(Extractive):
    """The extractive reader for several that read the same passages in a row: it reads each once.

    Each thread keeps what it read for its last question.
    """

    def __init__(self, encoder: Encoder, calibration: Calibration, threshold: float) -> None:
        """Abstain below a confidence of ``threshold``."""
        super().__init__(encoder, calibration, threshold)
        self._last = local()

    def spans(self, question: str, hits: Sequence[Hit]) -> list[Span]:
        """Return the best span of each passage that has one, in the order of ``hits``."""
        if getattr(self._last, "question", None) != question:
            self._last.question, self._last.read = question, {}
        read: dict[int, tuple[Passage, Span | None]] = self._last.read
        new = [hit for hit in hits if read.get(hit.passage.id, (None,))[0] != hit.passage]
        found = {span.passage.id: span for span in super().spans(question, new)}
        read.update({hit.passage.id: (hit.passage, found.get(hit.passage.id)) for hit in new})
        known = ((hit, read[hit.passage.id][1]) for hit in hits)
        return [replace(span, score=hit.score) for hit, span in known if span]


class Excerpts:
    """Answers with the sentences that score best, article by article as these rank, and in their order there."""

    def __init__(self, reader: Extractive, embedder: Embedder, weighing: Weighing, threshold: float) -> None:
        """Abstain below a confidence of ``threshold``; a ``ReadOnce`` need not read again what it just read."""
        self._reader, self._embedder = reader, embedder
        self._weighing, self._threshold = weighing, threshold

    @property
    def name(self) -> str:
        """The names of the weights that it scores with."""
        return f"sentences by {self._reader.name} and {self._embedder.name}"

    def read(self, question: str, hits: Sequence[Hit]) -> Answer:
        """Answer with few sentences of ``hits``; abstain when there are none or none is likely to answer."""
        found = said(question, candidates(hits))
        if not found:
            return Answer(question, hits=tuple(hits), reason=_reason(len(hits)))
        kind = want(question).kind
        rows = weighed(question, kind, found, self._reader.spans(question, hits), self._embedder)
        scores = scored(rows, self._weighing.weights)
        sure = self._weighing.sureness(float(scores.max()))
        if sure < self._threshold:
            return Answer(question, confidence=sure, hits=tuple(hits), reason=_reason(len(hits)))
        picked = picks(found, scores, MOST[kind])
        return _answer(question, picked, sure, hits)

    def stream(self, question: str, hits: Sequence[Hit]) -> Steps:
        """Yield the answer of ``read``, which comes all at once."""
        yield self.read(question, hits)


def said(question: str, found: Sequence[Candidate]) -> list[Candidate]:
    """Return the sentences but, where a question asks what somebody said, those that others said."""
    about = asked(question)
    if about is None or about.kind == "who":
        return list(found)
    kept = attributed(question, [Span(one.passage, one.start, one.end, 0.0) for one in found])
    places = {(span.passage.id, span.start) for span in kept}
    return [one for one in found if (one.passage.id, one.start) in places]


def _reason(n: int) -> str:
    if not n:
        return "No passage of the collection shares anything with the question."
    return "No sentence of the nearest passages is likely to answer the question."


def scored(rows: Matrix, weights: Mapping[str, float]) -> Matrix:
    """Return the score ``(n,)`` of each row of SIGNALS."""
    return np.asarray(rows @ np.array([weights[signal] for signal in SIGNALS]))


def ranked(scores: Matrix) -> list[int]:
    """Return the places of the scores, best first, ties by place."""
    return [int(i) for i in np.argsort(-scores, kind="stable")]


@dataclass(frozen=True, slots=True)
class Pick:
    """A chosen sentence, and where other articles say the same."""

    said: Candidate
    copies: tuple[Candidate, ...] = ()


def picks(found: Sequence[Candidate], scores: Matrix, most: int) -> list[Pick]:
    """Return the best sentences down to a drop in score, at most ``most``, no two alike.

    Articles stand as their best passages rank, the sentences of one as it has them. One that leans on the
    sentence before it brings that along where there is room.
    """
    chosen: list[int] = []
    for i in ranked(scores):
        if len(chosen) >= most or scores[i] < scores.max() - DROP:
            break
        if not _said(i, chosen, found):
            chosen.append(i)
            if leans(found, i) and len(chosen) < most and not _said(i - 1, chosen, found):
                chosen.append(i - 1)
    first = {found[i].passage.article.id: found[i].rank for i in sorted(chosen, reverse=True)}
    chosen.sort(
        key=lambda i: (first[found[i].passage.article.id], found[i].passage.article.id, found[i].start)
    )
    return [Pick(found[i], tuple(_copies(found[i], found))) for i in chosen]


def _said(i: int, chosen: Sequence[int], found: Sequence[Candidate]) -> bool:
    return any(i == other or alike(found[i].text, found[other].text) for other in chosen)


def _copies(said: Candidate, found: Sequence[Candidate]) -> Iterator[Candidate]:
    """Yield the first sentence of each other article that is like this one, N_COPIES at most."""
    seen = {said.passage.article.id}
    for other in found:
        if len(seen) <= N_COPIES and other.passage.article.id not in seen and alike(said.text, other.text):
            seen.add(other.passage.article.id)
            yield other


_LEANING = re.compile(
    r"[\"'“‘(]*(?:This|These|That|Those|It|Its|They|Their|He|His|She|Her|However|But|Instead|Such|So|Therefore|Thus|"
    r"As a result|For this reason|The (?:latter|former))\b"
)


def leans(found: Sequence[Candidate], i: int) -> bool:
    """Return whether a sentence is hard to understand without the one before it, which is there too."""
    follows = i > 0 and found[i - 1].passage.id == found[i].passage.id
    return follows and _LEANING.match(found[i].text) is not None


_CHANGES = re.compile(r".*\d|(?:not?|never|none|nor|without|cannot|\w+n't)\Z")


def alike(one: str, other: str) -> bool:
    """Return whether two sentences say the same in nearly the same words.

    They do not where the words that only one has change what is said: a number, a name, a "not".
    """
    a, b = _words(one), _words(other)
    if a.keys() == b.keys():
        return True
    differing = [a.get(word) or b[word] for word in a.keys() ^ b.keys()]
    if any(_CHANGES.match(word) or word[0].isupper() for word in differing):
        return False
    return len(a.keys() & b.keys()) >= ALIKE * len(a.keys() | b.keys())


def _words(text: str) -> dict[str, str]:
    """Return the words of a sentence as they are compared, each with how it is written."""
    return {key: word for word in text.split() if (key := normalised(fold(word)))}


def _answer(question: str, picked: Sequence[Pick], sure: float, hits: Sequence[Hit]) -> Answer:
    made: list[Sentence] = []
    citations: list[Citation] = []
    for pick in picked:
        places = (pick.said, *pick.copies)
        own = [
            Citation(len(citations) + n, at.passage, at.start, at.end) for n, at in enumerate(places, start=1)
        ]
        made.append(Sentence(pick.said.text, "verbatim", tuple(own)))
        citations += own
    return Answer(
        question,
        " ".join(sentence.text for sentence in made),
        tuple(citations),
        sure,
        tuple(hits),
        mode="quote",
        sentences=tuple(made),
    )
