"""How well the reader reads what it never learned from: given the passage, among others, and where nothing answers."""

from __future__ import annotations

import math
import random
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

import rag
from benchmarks import attribution, pace, reranking
from benchmarks.interval import score, statistic
from benchmarks.origin import data, origin
from benchmarks.results import Comparison, Part, Row, Score, Table
from rag import wiring
from rag.calibration import Calibration
from rag.domain import Article, Hit, Passage
from rag.evaluation import curves
from rag.evaluation.interval import Matrix, Statistic, over
from rag.excerpts import ReadOnce
from rag.metrics import em, f1
from rag.pipeline import Pipeline
from rag.reader import SIZES, Extractive, shown
from rag.second_look import Later
from rag.settings import Settings
from training.asked import Asked, of_contexts, short_id, twice
from training.questions import Question, of_part

WIKI, SQUAD = "new_wiki", "squad2_half"
N_QUICK = 40
N = 400  # questions of the collection: each reads 24 passages
N_RERANKED = 50  # of these: each reads 24 more
SEED = 0
RIGHT_F1 = 0.5
PRECISION = 0.8
Mask = NDArray[np.bool_]
Way = Callable[[str, Sequence[Hit]], "Best"]
"""What answers a question from passages."""


def measure(quick: bool) -> Part:
    """Return the scores of the fast reader on the test parts, of which no question was trained or tuned on."""
    paces = list(pace.comparisons(quick))
    part = measured("reading", ("fast", Settings().reader), (0.70, 0.82), N_QUICK if quick else N, paces)
    with tempfile.TemporaryDirectory() as folder:
        scores = [*part.scores, *attribution.scores(Path(folder), quick)]
    asked_too = origin("reading", attribution.files()).data
    return replace(part, origin=replace(part.origin, data={**part.origin.data, **asked_too}), scores=scores)


def measured(
    name: str, sizes: tuple[str, str], aims: tuple[float, float], n_asked: int, paces: Sequence[Comparison]
) -> Part:
    """Return the scores of a reader with its pace; ``aims`` are em and f1 given the passage.

    ``sizes`` are which reader reads and which is set where answers are given as shipped; ``n_asked`` questions are
    asked of a collection, and where they are few, it is but tried.
    """
    size, asked_of = sizes
    files = [data(f"qa/{name}.jsonl") for name in (WIKI, SQUAD)]
    here = origin(name, files)
    n, root = N_QUICK if n_asked == N_QUICK else None, files[0].parent.parent
    reader = ReadOnce.shipped(0.0, size)
    wiki, squad = (of_part(root, file, "test")[:n] for file in (WIKI, SQUAD))
    alone = [given(reader, question) for question in wiki]
    chosen = sorted(random.Random(SEED).sample(range(len(wiki)), n_asked))
    scores = [
        *_given(wiki, alone, aims),
        *_adversarial(squad, [given(reader, question) for question in squad]),
    ]
    with tempfile.TemporaryDirectory() as folder:
        index = Path(folder) / "new_wiki"
        asked = [one for place, one in enumerate(of_contexts(root, WIKI, "test", index)) if place in chosen]
        with rag.open(index, reader=asked_of) as shipped:
            ways: list[Way] = [partial(best, reader)]
            ways += [_as_shipped(reader)] if size == "fast" else []
            cases, *twice_read = zip(*_cases(shipped, ways, asked), strict=True)
            as_shipped = [shipped.ask(one.question).text for one in asked]
            orders = reranking.table(shipped, reader, asked[:N_RERANKED])
        scores += [
            *_retrieved(cases, [wiki[at] for at in chosen], [alone[at] for at in chosen]),
            *_shipped(as_shipped, asked),
            *_abstaining(cases, Calibration.load(SIZES[size]).threshold(PRECISION)),
            *(one for found in twice_read for one in _silent(found, ", by both readers as shipped")),
        ]
        tables = [_reliability(cases), orders]
    return Part(here, comparisons=paces, scores=scores, tables=tables)


@dataclass(frozen=True, slots=True)
class Best:
    """The best answer of some passages, with its margin, its confidence, and the id of its article."""

    text: str = ""
    margin: float = -math.inf
    sure: float = 0.0
    article: str = ""


def best(reader: Extractive, question: str, hits: Sequence[Hit]) -> Best:
    """Return the best answer of ``hits``, be it ever so doubtful; nothing where all of them were left out."""
    for found in reader.found(question, hits)[:1]:
        told = shown(question, found, reader.confidence(found))
        home = short_id(Hit(found.spans[0].passage, 0.0))
        return Best(told.text, found.signs.margin, told.confidence, home)
    return Best()


def _as_shipped(fast: ReadOnce) -> Way:
    """Return how both readers answer as they ship, but that neither abstains for a doubt."""
    accurate = Later(lambda: ReadOnce.shipped(0.0, "accurate"))
    reader = wiring.looking_twice(fast, accurate, wiring.stands_from(Settings()))

    def answered(question: str, hits: Sequence[Hit]) -> Best:
        told = reader.read(question, hits)
        home = short_id(Hit(told.citations[0].passage, 0.0)) if told.citations else ""
        return Best(told.text, sure=told.confidence, article=home)

    return answered


def given(reader: Extractive, question: Question) -> Best:
    """Return the best answer in a question's own context, whole, as one passage."""
    passage = Passage(1, Article(question.id, "", question.context), 0, len(question.context))
    return best(reader, question.question, [Hit(passage, 1.0)])


def _given(
    questions: Sequence[Question], found: Sequence[Best], aims: tuple[float, float]
) -> Iterator[Score]:
    pairs = [(one.text, question.answers) for question, one in zip(questions, found, strict=True)]
    yield score("em, given the passage, new_wiki", [em(*pair) for pair in pairs], aims[0])
    yield score("f1, given the passage, new_wiki", [f1(*pair) for pair in pairs], aims[1])


def _adversarial(questions: Sequence[Question], found: Sequence[Best]) -> Iterator[Score]:
    """Yield the scores where half of the questions have no answer; a margin below nothing is no answer."""
    margins = np.array([one.margin for one in found])
    texts = [one.text if one.margin > 0 else "" for one in found]
    pairs = [(text, question.answers) for question, text in zip(questions, texts, strict=True)]
    answerable = np.array([bool(question.golds) for question in questions])
    yield score("em, given the passage, squad2_half", [em(*pair) for pair in pairs], 0.66)
    yield score("f1, given the passage, squad2_half", [f1(*pair) for pair in pairs], 0.69)
    yield statistic(
        "auroc, answerable or not, given the passage, squad2_half",
        curves.auroc(margins, answerable),
        len(questions),
        0.80,
    )


# ---- With retrieval


@dataclass(frozen=True, slots=True)
class Case:
    """A question asked of the collection as it is, and once more without the context that answers it.

    ``text`` is what is answered the first time when something must be, ``right`` says whether that counts as right;
    ``sure`` are the confidences of both times.
    """

    text: str
    right: bool
    sure: tuple[float, float]


def _cases(qa: Pipeline, ways: Sequence[Way], asked: Sequence[Asked]) -> Iterator[list[Case]]:
    """Yield a case of each way to answer, question by question."""
    pairs = twice(qa.retriever, asked, qa.k)
    for (one, hits, _), (_, others, _) in zip(pairs, pairs, strict=True):
        yield [_case(one, way(one.question, hits), way(one.question, others)) for way in ways]


def _case(one: Asked, found: Best, without: Best) -> Case:
    right = found.article in one.homes and f1(found.text, one.answers) >= RIGHT_F1
    return Case(found.text, right, (found.sure, without.sure))


def _retrieved(
    cases: Sequence[Case], questions: Sequence[Question], alone: Sequence[Best]
) -> Iterator[Score]:
    golds = [question.answers for question in questions]
    found = [f1(case.text, gold) for case, gold in zip(cases, golds, strict=True)]
    read = [f1(one.text, gold) for one, gold in zip(alone, golds, strict=True)]
    yield score(
        "em, found among all contexts", [em(c.text, gold) for c, gold in zip(cases, golds, strict=True)]
    )
    yield score("f1, found among all contexts", found)
    yield score("f1, found less given", [a - b for a, b in zip(found, read, strict=True)], -0.05)


def _shipped(texts: Sequence[str], asked: Sequence[Asked]) -> Iterator[Score]:
    pairs = [(text, one.answers) for text, one in zip(texts, asked, strict=True)]
    yield score("f1, as shipped: whole sentences and silence count too", [f1(*pair) for pair in pairs])
    yield score("answered, as shipped", [float(bool(text)) for text in texts])


def _abstaining(cases: Sequence[Case], cut: float) -> Iterator[Score]:
    """Yield what abstaining is worth, and what comes of it from a confidence of ``cut`` on."""
    yield from _silent(cases)
    sure, right, present = _sides(cases)
    given, n = sure >= cut, len(cases)
    yield statistic(f"right of the answers, at --precision {PRECISION}", both(curves.share(right, given)), n)
    what = f"answerable ones answered, at --precision {PRECISION}"
    yield statistic(what, both(curves.share(given, present)), n)


def _silent(cases: Sequence[Case], by: str = "") -> Iterator[Score]:
    sure, right, present = _sides(cases)
    n = len(cases)
    yield statistic(f"auroc, with its context or without{by}", both(curves.auroc(sure, present)), n, 0.95)
    what = f"answerable ones answered where {PRECISION:.0%} of the answers are right{by}"
    yield statistic(what, both(answered(sure, right, present, PRECISION)), n, 0.65)
    yield statistic(f"expected calibration error{by}", both(curves.ece(sure, right)), n, at_most=0.05)


def _sides(cases: Sequence[Case]) -> tuple[Matrix, Mask, Mask]:
    """Return the confidences ``(2 * n,)``, with their contexts and then without, and what is right and present."""
    n = len(cases)
    sure = np.array([case.sure for case in cases]).T.ravel()
    return sure, np.array([case.right for case in cases] + [False] * n), np.arange(2 * n) < n


def both(of: Statistic) -> Statistic:
    """Return a statistic of questions that were asked twice, from one of all the times."""
    return lambda weights: of(np.concatenate([weights, weights], axis=1))


def answered(sure: Matrix, right: Mask, present: Mask, precision: float) -> Statistic:
    """Return the greatest share of what is ``present`` that a threshold answers with this precision."""
    order = np.argsort(-sure, kind="stable")

    def share(weights: Matrix) -> Matrix:
        held = weights[:, order]
        given = np.cumsum(held, axis=1)
        kept = np.cumsum(held * right[order], axis=1) >= precision * given - 1e-9
        those = np.cumsum(held * present[order], axis=1)
        return over(np.where(kept, those, 0).max(axis=1), those[:, -1])

    return share


def _reliability(cases: Sequence[Case]) -> Table:
    sure, right, _ = _sides(cases)
    rows: list[Row] = []
    for low in np.arange(0, 1, 0.1):
        inside = (sure >= low) & (sure < low + 0.1)
        if inside.any():
            mean, share = float(sure[inside].mean()), float(right[inside].mean())
            name = f"{low:.1f} to {low + 0.1:.1f}"
            rows.append({"confidence": name, "mean": mean, "right": share, "n": str(int(inside.sum()))})
    return Table("Confidence and what came of it, each question with its context and without", rows)
