"""Fit how sentences are scored for questions that want sentences, and how sure such an answer is.

``python -m training.excerpts DATA`` with DATA the folder that holds qa/ and corpora/. The contexts of a file are a
collection; each question is asked of it twice, once with its context taken away. The dev parts fit, the test parts
judge; the confidence is fitted on the former and on ``calibration.jsonl`` together, and judged on each.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import numpy as np

from rag.candidates import SIGNALS, Matrix
from rag.excerpts import MOST, picks, ranked, scored
from rag.reader import SIZES
from training.calibrate import FOLDS, RIDGE, Mask, auroc, ece, record
from training.cases import Case, collected

PREFERENCE_RIDGE = 1.0  # holds back a cue that few questions show
STEP = 3.0  # the longest that Newton may take on one weight

Weights = dict[str, float]

# ---- The fits


def preferences(cases: Sequence[Case]) -> Weights:
    """Return the weights by which the sentences that hold the answer win most often over the others beside them.

    A conditional logit (McFadden 1974) with a ridge; cases without such a sentence say nothing.
    """
    w, telling = np.zeros(len(SIGNALS)), [case for case in cases if case.gold.any()]
    for _ in range(40):  # Newton's steps; it stands still after about ten
        gradient, hessian = PREFERENCE_RIDGE * w, PREFERENCE_RIDGE * np.eye(len(w))
        for case in telling:
            p = np.exp(case.rows @ w - (case.rows @ w).max())
            p /= p.sum()
            mean = p @ case.rows
            gradient += mean - case.gold @ case.rows / case.gold.sum()
            hessian += ((case.rows - mean) * p[:, None]).T @ (case.rows - mean)
        step = np.linalg.solve(hessian, gradient)
        w -= step / max(1.0, np.abs(step).max() / STEP)
    return {signal: round(float(value), 2) for signal, value in zip(SIGNALS, w, strict=True)}


@dataclass(frozen=True, slots=True)
class Outcomes:
    """What became of several cases, an entry each; ``weight`` makes both halves, answerable or not, count alike."""

    best: Matrix
    right: Matrix
    weight: Matrix
    answerable: Mask


def outcomes(cases: Sequence[Case], weights: Weights) -> Outcomes:
    """Answer each case with the best sentences; right is an answer of which one holds the gold answer."""
    scores = [scored(case.rows, weights) for case in cases]
    right = [_is_right(case, given) for case, given in zip(cases, scores, strict=True)]
    answerable = np.array([case.answerable for case in cases])
    half = len(cases) / 2
    weight = np.where(answerable, half / answerable.sum(), half / (~answerable).sum())
    return Outcomes(np.array([given.max() for given in scores]), np.array(right), weight, answerable)


def _is_right(case: Case, scores: Matrix) -> float:
    holding = [candidate for candidate, gold in zip(case.found, case.gold, strict=True) if gold]
    return float(any(pick.said in holding for pick in picks(case.found, scores, MOST[case.kind])))


def platt(several: Sequence[Outcomes]) -> tuple[float, float]:
    """Return bias and slope of the logit of being right by the best score, all of ``several`` weighing alike."""
    x = np.concatenate([np.stack([np.ones_like(one.best), one.best], axis=1) for one in several])
    y = np.concatenate([one.right for one in several])
    weight = np.concatenate([one.weight / one.weight.mean() / len(one.weight) for one in several]) * len(y)
    w = np.zeros(2)
    for _ in range(50):
        p = 1 / (1 + np.exp(-x @ w))
        gradient = x.T @ (weight * (p - y)) + RIDGE * w
        w -= np.linalg.solve((x * (weight * p * (1 - p))[:, None]).T @ x + RIDGE * np.eye(2), gradient)
    return float(w[0]), float(w[1])


# ---- What they are worth


def ranking(cases: Sequence[Case], weights: Weights) -> dict[str, float]:
    """Return how often an answerable question got the right sentence, first and at all, and how many it got."""
    there = [case for case in cases if case.answerable]
    scores = [scored(case.rows, weights) for case in there]
    pairs = list(zip(there, scores, strict=True))
    return {
        "n": len(there),
        "could_be_right": _share([float(case.gold.any()) for case in there]),
        "right_first": _share([float(case.gold[ranked(given)[0]]) for case, given in pairs]),
        "right_in_chosen": _share([_is_right(case, given) for case, given in pairs]),
        "sentences": _share([len(picks(case.found, given, MOST[case.kind])) for case, given in pairs]),
        "right_first_by_likeness": _share([float(case.gold[ranked(case.rows[:, 0])[0]]) for case in there]),
    }


def _share(values: Sequence[float]) -> float:
    return round(float(np.mean(values)), 3)


def worth(confidence: Matrix, of: Outcomes, threshold: float = 0.35) -> dict[str, float]:
    """Return how well a confidence tells what can be answered, and what passes the threshold."""
    given = confidence >= threshold
    return {
        "auroc_answerable": round(auroc(confidence, of.answerable), 3),
        "auroc_right": round(auroc(confidence, of.right > 0), 3),
        "ece": round(ece(confidence, of.right, of.weight), 3),
        "precision": round(float((of.weight * of.right)[given].sum() / max(1e-9, of.weight[given].sum())), 3),
        "answerable_answered": round(float(given[of.answerable].mean()), 3),
        "unanswerable_answered": round(float(given[~of.answerable].mean()), 3),
    }


def sure(best: Matrix, bias: float, slope: float) -> Matrix:
    """Return the confidence for each best score."""
    return np.asarray(1 / (1 + np.exp(-(bias + slope * best))))


def in_folds(fitting: Outcomes, own: Sequence[Case], weights: Weights) -> Matrix:
    """Return a confidence for each of ``own``, judged by a fit on the other folds of their questions."""
    fold = np.array([sha256(case.group.encode()).digest()[0] % FOLDS for case in own])
    confidence = np.zeros(len(own))
    for n in range(FOLDS):
        rest = outcomes([case for case, f in zip(own, fold, strict=True) if f != n], weights)
        here = fold == n
        confidence[here] = sure(outcomes(own, weights).best[here], *platt([fitting, rest]))
    return confidence


def report(fitting: Sequence[Case], judging: Sequence[Case], own: Sequence[Case]) -> dict[str, object]:
    """Return what a card says of whole sentences: a ``Weighing``, and its worth on questions that did not fit it."""
    weights = preferences(fitting)
    fitted, judged, ours = (outcomes(some, weights) for some in (fitting, judging, own))
    bias, slope = platt([fitted, ours])
    return {
        "weights": weights,
        "bias": round(bias, 3),
        "slope": round(slope, 3),
        "ranking": {
            "dev parts": ranking(fitting, weights),
            "test parts": ranking(judging, weights),
            "own": ranking(own, weights),
            "own, no single fact": ranking([case for case in own if case.kind != "fact"], weights),
        },
        "confidence": {
            "test parts": worth(sure(judged.best, bias, slope), judged),
            "own, in folds": worth(in_folds(fitted, own, weights), ours),
        },
    }


def main(argv: Sequence[str] | None = None) -> None:
    """Ask, fit, print, and write the card."""
    parser = argparse.ArgumentParser(prog="python -m training.excerpts", description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("--keep", type=Path, required=True, metavar="FOLDER", help="where the indexes are")
    parser.add_argument("--reader", choices=SIZES, default="fast", help="which one (fast)")
    arguments = parser.parse_args(argv)
    found = collected(arguments.data, arguments.keep, arguments.reader)
    record(SIZES[arguments.reader], "sentences", report(*found))


if __name__ == "__main__":
    main()
