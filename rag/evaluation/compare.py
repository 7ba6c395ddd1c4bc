"""Two evaluations of the same questions beside each other: which differences are real, and which answers changed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np

from rag.columns import aligned
from rag.domain import Exchange
from rag.errors import EvaluationFault
from rag.evaluation.interval import Matrix, resamples
from rag.evaluation.judged import is_answerable, is_right
from rag.evaluation.record import Outcome, Question, Report
from rag.evaluation.scores import statistics

What = Literal["newly right", "newly wrong", "newly answered", "newly silent", "other answer", "other quote"]
_LOWER_IS_BETTER = ("aurc", "ece", "latency")  # what the names of such figures begin with

Key = tuple[str, tuple[Exchange, ...], int]  # question, what came before it, how many times it came before


@dataclass(frozen=True, slots=True)
class Difference:
    """A figure before and after over the same ``n`` questions.

    ``low`` and ``high`` are the 95 % interval of after minus before, by a paired bootstrap; ``other_side`` is the share
    of resamples in which there is no difference, or one in the other direction.
    """

    name: str
    before: float
    after: float
    low: float
    high: float
    other_side: float
    n: int

    @property
    def change(self) -> float:
        """After minus before."""
        return self.after - self.before

    @property
    def is_real(self) -> bool:
        """Whether the interval leaves out 0."""
        return self.low > 0 or self.high < 0

    @property
    def verdict(self) -> str:
        """What is to be said of it in a word: better, worse, or that it may be chance."""
        if not self.is_real:
            return "may be chance"
        return "better" if (self.change > 0) != self.name.startswith(_LOWER_IS_BETTER) else "worse"


@dataclass(frozen=True, slots=True)
class Change:
    """A question that is not answered as before, and in what ways."""

    what: tuple[What, ...]
    before: Outcome
    after: Outcome


@dataclass(frozen=True, slots=True)
class Comparison:
    """What two evaluations say of the ``n`` questions that both have, and the questions that only one of them has."""

    n: int
    differences: tuple[Difference, ...]
    changes: tuple[Change, ...]
    only_before: tuple[Question, ...]
    only_after: tuple[Question, ...]


def compared(before: Report, after: Report) -> Comparison:
    """Return what differs; questions are the same when they ask the same after the same conversation.

    Raises:
        EvaluationFault: they have no question in common.
    """
    old, new = _keyed(before.outcomes), _keyed(after.outcomes)
    both = [key for key in old if key in new]
    if not both:
        raise EvaluationFault(
            "the two evaluations",
            f"of {len(old):,} and {len(new):,} questions, have none in common",
            "Compare two evaluations of the same question file.",
        )
    pairs = [(old[key], new[key]) for key in both]
    return Comparison(
        len(pairs),
        tuple(_differences([one for one, _ in pairs], [other for _, other in pairs])),
        tuple(Change(what, one, other) for one, other in pairs if (what := tuple(_what(one, other)))),
        tuple(outcome.question for key, outcome in old.items() if key not in new),
        tuple(outcome.question for key, outcome in new.items() if key not in old),
    )


def _keyed(outcomes: Iterable[Outcome]) -> dict[Key, Outcome]:
    found: dict[Key, Outcome] = {}
    seen: Counter[tuple[str, tuple[Exchange, ...]]] = Counter()
    for outcome in outcomes:
        asked = outcome.question.question, outcome.question.history
        found[(*asked, seen[asked])] = outcome
        seen[asked] += 1
    return found


# ---- Which differences are real


def _differences(before: Sequence[Outcome], after: Sequence[Outcome]) -> Iterator[Difference]:
    old, new = statistics(before), statistics(after)
    names = [name for name in old if name in new]
    whole = np.ones((1, len(before)))
    rows: dict[str, list[Matrix]] = {name: [] for name in names}
    for weights in resamples(len(before)):
        for name in names:
            rows[name].append(new[name](weights) - old[name](weights))
    for name in names:
        one, other = float(old[name](whole)[0]), float(new[name](whole)[0])
        values = np.concatenate(rows[name])
        values = values[~np.isnan(values)]
        if len(values) and not np.isnan(other - one):
            low, high = np.percentile(values, [2.5, 97.5])
            away = float(np.mean(values * (other - one) <= 0))
            yield Difference(name, one, other, float(low), float(high), away, len(before))


# ---- Which questions changed


def _what(before: Outcome, after: Outcome) -> Iterator[What]:
    was, now = _is_right(before), _is_right(after)
    if was is not None and now is not None and was != now:
        yield "newly right" if now else "newly wrong"
    if before.answered != after.answered:
        yield "newly answered" if after.answered else "newly silent"
    elif after.answered and before.best != after.best:
        yield "other answer"
    if before.answered and after.answered and _quoted(before) != _quoted(after):
        yield "other quote"


def _is_right(outcome: Outcome) -> bool | None:
    """Return whether the right thing was said, which of a question without an answer is nothing."""
    if is_answerable(outcome.question) is False:
        return not outcome.answered
    right = is_right(outcome)
    return None if right is None else right and outcome.answered


def _quoted(outcome: Outcome) -> set[tuple[str, str]]:
    return {(quote.article, quote.text) for quote in outcome.quotes}


# ---- As text and as JSON


def lines(comparison: Comparison) -> list[str]:
    """Return the differences as a table, then the questions that changed, each with what was said and is said."""
    return [*_table(comparison), *_changed(comparison), *_only(comparison)]


def _table(comparison: Comparison) -> Iterator[str]:
    yield f"{comparison.n:,} questions in both"
    yield from aligned(
        [
            ("figure", "before", "after", "change", "95 % interval", "other side", ""),
            *(
                (
                    found.name,
                    _number(found.before),
                    _number(found.after),
                    _signed(found.change),
                    f"{_signed(found.low)} to {_signed(found.high)}",
                    f"{found.other_side:.1%}",
                    found.verdict,
                )
                for found in comparison.differences
            ),
        ]
    )


def _changed(comparison: Comparison) -> Iterator[str]:
    for what in get_args(What):
        here = [change for change in comparison.changes if change.what[0] == what]
        if here:
            yield ""
            yield f"{what}: {len(here):,}"
        for change in here:
            more = f" ({', '.join(change.what[1:])})" if change.what[1:] else ""
            yield f"  {change.after.question.question}{more}"
            yield f"    before: {_said(change.before)}"
            yield f"    after:  {_said(change.after)}"


def _only(comparison: Comparison) -> Iterator[str]:
    for words, questions in (("before", comparison.only_before), ("after", comparison.only_after)):
        if questions:
            yield ""
            yield f"only {words}: {len(questions):,}"
        yield from (f"  {question.question}" for question in questions)


def _said(outcome: Outcome) -> str:
    if not outcome.answered:
        return "silent"
    where = ", ".join(dict.fromkeys(quote.article for quote in outcome.quotes))
    return f"{outcome.best} [{where}]" if where else outcome.best


def _number(value: float) -> str:
    return f"{value:.3f}" if abs(value) < 10 else f"{value:,.1f}"


def _signed(value: float) -> str:
    return f"{'-' if value < 0 else '+'}{_number(abs(value))}"


def to_json(comparison: Comparison) -> dict[str, object]:
    """Return the object that ``eval --compare --json`` prints."""
    return {
        "n": comparison.n,
        "differences": {found.name: _difference_json(found) for found in comparison.differences},
        "changes": [_change_json(change) for change in comparison.changes],
        "only_before": [question.question for question in comparison.only_before],
        "only_after": [question.question for question in comparison.only_after],
    }


def _difference_json(found: Difference) -> dict[str, object]:
    return {
        "before": found.before,
        "after": found.after,
        "change": found.change,
        "low": found.low,
        "high": found.high,
        "other_side": found.other_side,
        "real": found.is_real,
        "verdict": found.verdict,
    }


def _change_json(change: Change) -> dict[str, object]:
    return {
        "id": change.after.question.id,
        "question": change.after.question.question,
        "what": list(change.what),
        "before": _outcome_json(change.before),
        "after": _outcome_json(change.after),
    }


def _outcome_json(outcome: Outcome) -> dict[str, object]:
    return {
        "answer": outcome.best if outcome.answered else "",
        "confidence": round(outcome.confidence, 4),
        "quotes": [
            {"article": quote.article, "start": quote.start, "end": quote.end, "text": quote.text}
            for quote in (outcome.quotes if outcome.answered else ())
        ],
    }
