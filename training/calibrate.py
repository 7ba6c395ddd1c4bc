"""Fit the confidence of a reader on questions that it never saw, and write it into the reader's card.

``python -m training.calibrate DATA`` with DATA the folder that holds corpora/. Each answerable question is
asked twice, once with its articles taken away; with the unanswerable ones these are half of the weight.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from numpy.typing import NDArray

import ingest
import rag
from rag.calibration import Calibration
from rag.domain import Hit
from rag.encoder import CARD
from rag.evaluation import curves
from rag.metrics import f1
from rag.pipeline import Pipeline
from rag.reader import SHIPPED, Extractive, Span, grouped, lead

CORPORA = ("digitalgov", "blog_18f", "current_events", "onestop")
QUESTIONS = Path(__file__).parent / "calibration.jsonl"
RIDGE = 1e-2  # keeps the fit finite where the classes can be parted
FOLDS = 5
SCALE = 6.0  # brings the scores of Fused, at most 2/6, to the size of the other feature
Matrix = NDArray[np.float64]
Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Case:
    """One asked question: features of its best answer, whether that is right, and whether it could be."""

    lead: float
    score: float
    right: bool
    answerable: bool


def cases(qa: Pipeline, reader: Extractive, questions: Sequence[dict[str, object]], k: int) -> Iterator[Case]:
    """Yield a case for each question, and for each answerable one another without its articles."""
    for question in questions:
        gold = set(question["articles"])  # type: ignore[call-overload]
        hits = qa.search(str(question["question"]), k=4 * k)
        for present in (True, False) if question["answerable"] else (False,):
            kept = [hit for hit in hits if present or short_id(hit) not in gold][:k]
            groups = grouped(reader.spans(str(question["question"]), kept))
            if groups:
                yield _case(groups, question, present)


def _case(groups: list[list[Span]], question: dict[str, object], present: bool) -> Case:
    best = groups[0][0]
    answers = [str(answer) for answer in question["answers"]]  # type: ignore[attr-defined]
    home = best.passage.article.id.partition("#")[2] in question["articles"]  # type: ignore[operator]
    right = present and home and f1(best.text, answers) >= 0.5
    return Case(lead(groups[0], groups), best.score, right, present)


def short_id(hit: Hit) -> str:
    """Return the id that an article has in its corpus."""
    return hit.passage.article.id.partition("#")[2]


def fit(cases: Sequence[Case]) -> Calibration:
    """Return the ridge logistic regression of ``right`` on (lead, score), both halves of equal weight."""
    x, y, weight = _arrays(cases)
    w = np.zeros(x.shape[1])
    for _ in range(50):  # Newton's steps; it stands still after about eight
        p = 1 / (1 + np.exp(-x @ w))
        gradient = x.T @ (weight * (p - y)) + RIDGE * w
        hessian = (x * (weight * p * (1 - p))[:, None]).T @ x + RIDGE * np.eye(x.shape[1])
        w -= np.linalg.solve(hessian, gradient)
    bias, per_lead, per_score = (round(float(value), 4) for value in w)
    return Calibration(bias, per_lead, round(per_score * SCALE, 2))


def _arrays(cases: Sequence[Case]) -> tuple[Matrix, Matrix, Matrix]:
    x = np.array([[1.0, case.lead, case.score * SCALE] for case in cases])
    y = np.array([float(case.right) for case in cases])
    answerable = np.array([case.answerable for case in cases])
    n = len(cases) / 2
    weight = np.where(answerable, n / max(1, answerable.sum()), n / max(1, (~answerable).sum()))
    return x, y, weight


def report(cases: Sequence[Case], calibration: Calibration | None = None) -> dict[str, object]:
    """Return what the confidence is worth, each fold judged by a fit on the others."""
    confidence = np.zeros(len(cases))
    for fold in range(FOLDS):
        rest = [case for i, case in enumerate(cases) if i % FOLDS != fold]
        fitted = calibration or fit(rest)
        for i in range(fold, len(cases), FOLDS):
            confidence[i] = fitted.confidence(cases[i].lead, cases[i].score)
    _, right, weight = _arrays(cases)
    answerable = np.array([case.answerable for case in cases])
    return {
        "n_answerable": int(answerable.sum()),
        "n_unanswerable": int((~answerable).sum()),
        "right_when_forced": round(float(right[answerable].mean()), 3),
        "auroc_answerable": round(auroc(confidence, answerable), 3),
        "auroc_right": round(auroc(confidence, right > 0), 3),
        "ece": round(ece(confidence, right, weight), 3),
        "by_threshold": {
            t: _at(confidence, right, weight, answerable, t) for t in (0.3, 0.35, 0.4, 0.45, 0.5, 0.6, 0.7)
        },
    }


def _at(confidence: Matrix, right: Matrix, weight: Matrix, answerable: Mask, t: float) -> dict[str, float]:
    given = confidence >= t
    return {
        "precision": round(float((weight * right)[given].sum() / max(1e-9, weight[given].sum())), 3),
        "answerable_answered": round(float(given[answerable].mean()), 3),
        "unanswerable_answered": round(float(given[~answerable].mean()), 3),
    }


def auroc(scores: Matrix, positive: Mask) -> float:
    """Return the probability that a positive outscores a negative, ties counted half."""
    return float(curves.auroc(scores, positive)(np.ones((1, len(scores))))[0])


def ece(confidence: Matrix, right: Matrix, weight: Matrix) -> float:
    """Return the expected calibration error over equal bins (Naeini et al. 2015), weighted."""
    return float(curves.ece(confidence, right)(weight[None])[0])


def collected(data: Path, index: Path, k: int) -> list[Case]:
    """Index the corpora of ``data`` into ``index`` and ask all questions of QUESTIONS."""
    ingest.index([data / "corpora" / f"{name}.jsonl" for name in CORPORA], index)
    questions = [json.loads(line) for line in QUESTIONS.read_text(encoding="utf-8").splitlines()]
    with rag.open(index) as qa:
        return list(cases(qa, qa.reader, questions, k))  # type: ignore[arg-type]


def main() -> None:
    """Fit, report, and write the card."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("--index", type=Path, help="keep the index of the corpora here")
    parser.add_argument("-k", type=int, default=8)
    arguments = parser.parse_args()
    with TemporaryDirectory() as temporary:
        found = collected(arguments.data, arguments.index or Path(temporary) / "index", arguments.k)
    calibration = fit(found)
    measured = report(found)
    path = SHIPPED / CARD
    card = json.loads(path.read_text(encoding="utf-8"))
    card["calibration"] = {
        "bias": calibration.bias,
        "lead": calibration.lead,
        "score": calibration.score,
        "questions": QUESTIONS.name,
        "measured": measured,
    }
    path.write_text(json.dumps(card, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    print(json.dumps(card["calibration"], indent=2))


if __name__ == "__main__":
    main()
