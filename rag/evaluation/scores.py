"""Outcomes in, figures out; what each of them means is in docs/evaluation.md."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from rag.evaluation import curves, interval
from rag.evaluation.gold import named_articles
from rag.evaluation.interval import Matrix, Statistic, averaged
from rag.evaluation.judged import is_answerable, is_right
from rag.evaluation.record import Figure, Outcome
from rag.text import fold, words

HITS = (1, 5, 10)  # ranks
REACH = 10  # of mrr@10
PRECISION = 0.95  # of coverage@95
QUANTILES = {"p50": 0.5, "p95": 0.95}
TOTAL = "total"  # the stage that is all of them
LEAST = 5  # questions with the same first word that are told apart
OTHERS = "other first words"


@dataclass(frozen=True, slots=True)
class Told:
    """A figure that some of the questions tell, as a statistic of these alone; ``places`` are theirs among all.

    ``over`` is the number of questions that it is said to be over, as many as tell it unless given.
    """

    name: str
    places: NDArray[np.intp]
    statistic: Statistic
    over: int | None = None

    def of_all(self, weights: Matrix) -> Matrix:
        """Return the statistic of all questions, of which most may not count."""
        return self.statistic(weights[:, self.places])


def figures(outcomes: Sequence[Outcome]) -> dict[str, Figure]:
    """Return all figures by name; those that cannot be told from these questions are left out."""
    return _figures(_all(outcomes))


def statistics(outcomes: Sequence[Outcome]) -> dict[str, Statistic]:
    """Return all figures by name as statistics of the outcomes, with which two evaluations can be resampled alike."""
    return {told.name: told.of_all for told in _all(outcomes) if len(told.places)}


def by_kind(outcomes: Sequence[Outcome]) -> dict[str, dict[str, Figure]]:
    """Return the figures of ranks and answers by ``kind``, then by first word, as "who …", most questions first.

    Fewer than LEAST questions with the same first word are among OTHERS.
    """
    kinds = _parted(outcomes, lambda outcome: outcome.question.kind)
    kinds.pop("", None)
    common = Counter(first_word(outcome) for outcome in outcomes)
    words = _parted(
        outcomes, lambda one: f"{first_word(one)} …" if common[first_word(one)] >= LEAST else OTHERS
    )
    return {name: _figures([*_ranks(part), *_answers(part)]) for name, part in (kinds | words).items()}


def first_word(outcome: Outcome) -> str:
    """Return the first word of a question, in lower case; "" where it has none."""
    question = outcome.question.question
    return next((fold(question[start:end]) for start, end in words(question)), "")


def _parted(outcomes: Sequence[Outcome], part: Callable[[Outcome], str]) -> dict[str, list[Outcome]]:
    parts: dict[str, list[Outcome]] = {}
    for outcome in outcomes:
        parts.setdefault(part(outcome), []).append(outcome)
    return dict(sorted(parts.items(), key=lambda item: (item[0] == OTHERS, -len(item[1]), item[0])))


def _figures(several: Iterable[Told]) -> dict[str, Figure]:
    """Return figures by name, in their order; those over equally many questions share their resamples."""
    tolds = list(several)
    found: dict[str, Figure | None] = {}
    for n in {len(told.places) for told in tolds}:
        alike = [told for told in tolds if len(told.places) == n]
        for told, figure in zip(alike, interval.figures([told.statistic for told in alike], n), strict=True):
            found[told.name] = replace(figure, n=told.over) if figure and told.over is not None else figure
    return {told.name: figure for told in tolds if (figure := found[told.name]) is not None}


def _all(outcomes: Sequence[Outcome]) -> Iterator[Told]:
    for part in (_ranks, _answers, _abstention, _trust, _citations, _latency):
        yield from part(outcomes)


def _ranks(outcomes: Sequence[Outcome]) -> Iterator[Told]:
    named = _where(outcomes, lambda one: bool(is_answerable(one.question) and named_articles(one.question)))
    placed = _where(outcomes, lambda one: bool(is_answerable(one.question) and one.question.evidence))
    articles = [outcomes[place].article_rank for place in named]
    passages = [outcomes[place].passage_rank for place in placed]
    for suffix, places, ranks in (("", named, articles), ("_passage", placed, passages)):
        for k in HITS:
            hits = [float(rank is not None and rank <= k) for rank in ranks]
            yield Told(f"hit@{k}{suffix}", places, averaged(hits))
        reciprocals = [1 / rank if rank and rank <= REACH else 0.0 for rank in ranks]
        yield Told(f"mrr@{REACH}{suffix}", places, averaged(reciprocals))


def _answers(outcomes: Sequence[Outcome]) -> Iterator[Told]:
    for name in ("em", "f1", "em_given", "f1_given"):
        yield _mean(name, [getattr(one, name) for one in outcomes])


def _mean(name: str, values: Sequence[float | None]) -> Told:
    places = np.array([place for place, value in enumerate(values) if value is not None], dtype=np.intp)
    return Told(name, places, averaged([value for value in values if value is not None]))


def _abstention(outcomes: Sequence[Outcome]) -> Iterator[Told]:
    places = _where(outcomes, lambda one: is_answerable(one.question) is not None)
    known = [outcomes[place] for place in places]
    silent = np.array([not one.answered for one in known], dtype=bool)
    there = np.array([is_answerable(one.question) for one in known], dtype=bool)
    yield Told("abstain_precision", places, curves.share(~there, silent), int(silent.sum()))
    yield Told("abstain_recall", places, curves.share(silent, ~there), int((~there).sum()))
    yield Told("auroc", places, curves.auroc(_confidence(known), there))


def _trust(outcomes: Sequence[Outcome]) -> Iterator[Told]:
    places = _where(outcomes, lambda one: is_right(one) is not None)
    known = [outcomes[place] for place in places]
    confidence, right = _confidence(known), _right(known)
    yield Told("aurc", places, curves.aurc(confidence, right))
    yield Told("coverage@95", places, curves.coverage(confidence, right, PRECISION))
    answered = np.array([one.answered for one in known], dtype=bool)
    yield Told("ece", places[answered], curves.ece(confidence[answered], right[answered]))


def _citations(outcomes: Sequence[Outcome]) -> Iterator[Told]:
    places = _where(outcomes, lambda one: one.cite_p is not None)
    n_quotes = np.array([len(outcomes[place].quotes) for place in places], dtype=float)
    shares = np.array([outcomes[place].cite_p for place in places], dtype=float)
    yield Told("cite_p", places, curves.ratio(shares * n_quotes, n_quotes))
    yield _mean("cite_r", [one.cite_r for one in outcomes])


def _latency(outcomes: Sequence[Outcome]) -> Iterator[Told]:
    stages = dict.fromkeys(stage for one in outcomes for stage in one.seconds)
    for stage in sorted(stages, key=lambda stage: stage != TOTAL):
        places = _where(outcomes, lambda one, stage=stage: stage in one.seconds)  # type: ignore[misc]
        ms = np.array([1000 * outcomes[place].seconds[stage] for place in places])
        for name, q in QUANTILES.items():
            suffix = "" if stage == TOTAL else f"_{stage}"
            yield Told(f"latency_ms_{name}{suffix}", places, curves.quantile(ms, q))


def _where(outcomes: Sequence[Outcome], test: Callable[[Outcome], bool]) -> NDArray[np.intp]:
    return np.array([place for place, one in enumerate(outcomes) if test(one)], dtype=np.intp)


def _confidence(outcomes: Sequence[Outcome]) -> Matrix:
    return np.array([one.confidence for one in outcomes], dtype=float)


def _right(outcomes: Sequence[Outcome]) -> curves.Mask:
    return np.array([is_right(one) for one in outcomes], dtype=bool)
