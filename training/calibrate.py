"""Fit the confidence of the reader on questions that it never learned from, and write it into the reader's card.

``python -m training.calibrate DATA --keep FOLDER`` with DATA the folder that holds qa/ and corpora/; the indexes stay
in FOLDER for the next run. Each answerable question is asked of a collection twice, once with the articles that
answer it taken away; questions that their own context only seems to answer are asked as they are.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import astuple, dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rag.calibration import Calibration, Signs
from rag.domain import Hit
from rag.encoder import CARD, Encoder
from rag.evaluation import curves
from rag.excerpts import ReadOnce
from rag.metrics import f1
from rag.reader import SIZES, Extractive
from rag.settings import Settings
from training.asked import QUESTIONS, Asked, of_contexts, of_corpora, searching, short_id, twice

FILES = (
    "new_wiki",
    "squad2_half",
)  # whose dev parts are asked too; "the reviewer" of others is somebody else each time
RIDGE = 1e-2  # keeps the fit finite where the classes can be parted
FOLDS = 5
SCALES = np.array([1.0, 1.0, 1.0, 1 / 6])  # of the signs: the scores of Fused are at most 2/6
PRECISIONS = (0.5, 0.6, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95)
RIGHT_F1 = 0.5
Matrix = NDArray[np.float64]
Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Case:
    """One asked question: what speaks for its best answer, whether that is right, and whether it could be.

    Cases of one ``group`` are of one collection, which all count alike.
    """

    signs: Signs
    right: bool
    answerable: bool
    group: str = ""


def cases(group: str, reader: Extractive, asked: Iterator[tuple[Asked, list[Hit], bool]]) -> Iterator[Case]:
    """Yield a case for each time that a question was asked and something was found."""
    for one, hits, present in asked:
        for best in reader.found(one.question, hits)[:1]:
            home = short_id(Hit(best.spans[0].passage, 0.0)) in one.homes
            right = present and home and f1(best.text, one.answers) >= RIGHT_F1
            yield Case(best.signs, right, present, group)


def collected(data: Path, folder: Path, size: str) -> list[Case]:
    """Index everything into ``folder`` and ask: our own questions of the corpora, and the dev parts of FILES."""
    asked = {"corpora": of_corpora(data, folder / "corpora")}
    asked |= {file: of_contexts(data, file, "dev", folder / file) for file in FILES}
    reader, found = unfitted(size), list[Case]()
    for group, questions in asked.items():
        with searching(folder / group) as retriever:
            found += cases(group, reader, twice(retriever, questions, Settings().k))
    return found


def unfitted(size: str) -> ReadOnce:
    """Return the reader of a size as it is before anything is known of its confidence."""
    return ReadOnce(Encoder(SIZES[size]), Calibration(0.0, Signs(0.0, 0.0, 0.0, 0.0), {}), 0.0)


# ---- The fit


def fit(cases: Sequence[Case], precisions: Sequence[float] = PRECISIONS) -> Calibration:
    """Return the ridge logistic regression of ``right`` on the signs, with a threshold for each precision."""
    x, y, weight = _arrays(cases)
    w = np.zeros(x.shape[1])
    for _ in range(50):  # Newton's steps; it stands still after about eight
        p = 1 / (1 + np.exp(-x @ w))
        gradient = x.T @ (weight * (p - y)) + RIDGE * w
        hessian = (x * (weight * p * (1 - p))[:, None]).T @ x + RIDGE * np.eye(x.shape[1])
        w -= np.linalg.solve(hessian, gradient)
    bias, *rest = (round(float(value), 4) for value in w / np.concatenate([[1.0], SCALES]))
    bare = Calibration(bias, Signs(*rest), {})
    confidence = np.array([bare.confidence(case.signs) for case in cases])
    return Calibration(bias, bare.weights, thresholds(confidence, weight, precisions))


def thresholds(confidence: Matrix, weight: Matrix, precisions: Sequence[float]) -> dict[float, float]:
    """Return, for each precision, the least confidence above which the mean confidence is as much.

    A fitted confidence is the probability of being right, so its mean over the given answers is their precision;
    counting the right ones instead would follow single questions.
    """
    order = np.argsort(-confidence)
    means = np.cumsum((confidence * weight)[order]) / np.cumsum(weight[order])  # falls
    found = {}
    for precision in precisions:
        given = int((means >= precision).sum())
        found[precision] = round(float(confidence[order][given - 1]) if given else 1.0, 3)
    return found


def _arrays(cases: Sequence[Case]) -> tuple[Matrix, Matrix, Matrix]:
    """Return signs ``(n, 5)`` with a 1 before them, what was right, and weights: half of each group on either side."""
    x = np.array([(1.0, *np.array(astuple(case.signs)) / SCALES) for case in cases])
    y = np.array([float(case.right) for case in cases])
    sides = [(case.group, case.answerable) for case in cases]
    n_sides = len(set(sides))
    sizes = {side: sides.count(side) for side in set(sides)}
    return x, y, np.array([len(cases) / n_sides / sizes[side] for side in sides])


# ---- What it is worth


def report(cases: Sequence[Case]) -> dict[str, object]:
    """Return what the confidence is worth, each fold judged by a fit on the others."""
    confidence, cut = np.zeros(len(cases)), dict[float, Mask]()
    for fold in range(FOLDS):
        fitted = fit([case for i, case in enumerate(cases) if i % FOLDS != fold])
        for i in range(fold, len(cases), FOLDS):
            confidence[i] = fitted.confidence(cases[i].signs)
            for precision in PRECISIONS:
                given = cut.setdefault(precision, np.zeros(len(cases), dtype=bool))
                given[i] = confidence[i] >= fitted.threshold(precision)
    _, right, weight = _arrays(cases)
    answerable = np.array([case.answerable for case in cases])
    return {
        "n_answerable": int(answerable.sum()),
        "n_unanswerable": int((~answerable).sum()),
        "right_when_forced": round(_share(right, weight, answerable), 3),
        "auroc_answerable": round(auroc(confidence, answerable), 3),
        "auroc_right": round(auroc(confidence, right > 0), 3),
        "ece": round(ece(confidence, right, weight), 3),
        "by_precision": {
            precision: {
                "precision": round(_share(right, weight, given), 3),
                "answerable_answered": round(_share(given, weight, answerable), 3),
                "unanswerable_answered": round(_share(given, weight, ~answerable), 3),
            }
            for precision, given in cut.items()
        },
    }


def _share(values: Matrix | Mask, weight: Matrix, among: Mask) -> float:
    """Return the weighted mean of values among some."""
    return float((weight * values)[among].sum() / max(1e-9, weight[among].sum()))


def auroc(scores: Matrix, positive: Mask) -> float:
    """Return the probability that a positive outscores a negative, ties counted half."""
    return float(curves.auroc(scores, positive)(np.ones((1, len(scores))))[0])


def ece(confidence: Matrix, right: Matrix, weight: Matrix) -> float:
    """Return the expected calibration error over equal bins (Naeini et al. 2015), weighted."""
    return float(curves.ece(confidence, right)(weight[None])[0])


def written(calibration: Calibration, cases: Sequence[Case]) -> Mapping[str, object]:
    """Return what a card says of the confidence of its reader."""
    signs = dict(zip(Signs.__slots__, astuple(calibration.weights), strict=True))
    steps = {str(precision): found for precision, found in calibration.thresholds.items()}
    names = [QUESTIONS.name, *(f"dev part of {file}" for file in FILES)]
    return {
        "bias": calibration.bias,
        **signs,
        "thresholds": steps,
        "questions": ", ".join(names),
        "measured": report(cases),
    }


def main(argv: Sequence[str] | None = None) -> None:
    """Fit, report, and write the card."""
    parser = argparse.ArgumentParser(prog="python -m training.calibrate", description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("--keep", type=Path, required=True, metavar="FOLDER", help="where the indexes are")
    parser.add_argument("--reader", choices=SIZES, default="fast", help="which one (fast)")
    arguments = parser.parse_args(argv)
    found = collected(arguments.data, arguments.keep, arguments.reader)
    record(SIZES[arguments.reader], "calibration", written(fit(found), found))


def record(folder: Path, what: str, facts: Mapping[str, object]) -> None:
    """Write facts into the card of a reader, under a name, and print them."""
    card = json.loads((folder / CARD).read_text(encoding="utf-8"))
    card[what] = facts
    (folder / CARD).write_text(json.dumps(card, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    print(json.dumps(facts, indent=2))


if __name__ == "__main__":
    main()
