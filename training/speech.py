"""Fit how much surer an answer to a question of who said what is than its confidence says, and write it into the card.

``python -m training.speech DATA --keep FOLDER --reader SIZE`` after ``training.calibrate``; the index stays in FOLDER.
Each answerable question of speech.jsonl is asked a second time with the articles that answer it taken away. The
accurate reader reads what the fast one leaves it, as by default.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from math import log
from pathlib import Path

import numpy as np

from rag.calibration import Calibration
from rag.domain import Hit
from rag.encoder import Encoder
from rag.excerpts import ReadOnce
from rag.metrics import f1, holds
from rag.reader import SIZES
from rag.second_look import by_other
from rag.settings import Settings
from training.asked import Asked, of_corpora, searching, short_id, twice
from training.calibrate import RIDGE, RIGHT_F1, record

QUESTIONS = Path(__file__).parent / "speech.jsonl"


@dataclass(frozen=True, slots=True)
class Said:
    """One time that a question was asked: the logit of the best answer, whether it is right, and could be."""

    logit: float
    right: bool
    present: bool


def asked_of(size: str, asked: Iterator[tuple[Asked, list[Hit], bool]]) -> Iterator[Said]:
    """Yield what a reader makes of each time that a question of who said what was asked and something was found."""
    fast, reader = unmoved("fast"), unmoved(size)
    for one, hits, present in asked:
        again, theirs = (hits, "") if size == "fast" else by_other(fast, one.question, hits)
        for best in reader.found(one.question, again)[:1]:
            home = present and short_id(Hit(best.spans[0].passage, 0.0)) in one.homes
            right = holds(best.text, one.answers) or f1(best.text, one.answers) >= RIGHT_F1
            if best.is_speech:
                sure = min(1 - 1e-6, max(1e-6, reader.confidence(best, theirs)))
                yield Said(log(sure / (1 - sure)), home and right, present)


def unmoved(size: str) -> ReadOnce:
    """Return the reader of a size as it ships, but that speech is nothing to it."""
    return ReadOnce(Encoder(SIZES[size]), replace(Calibration.load(SIZES[size]), speech=0.0), 0.0)


def fit(said: Sequence[Said]) -> float:
    """Return the logits more under which what is right is likeliest, half of the weight with nothing to find."""
    logits, right, weight = _arrays(said)
    more = 0.0
    for _ in range(50):
        p = 1 / (1 + np.exp(-(logits + more)))
        more += float((weight * (right - p)).sum() - RIDGE * more) / float(
            (weight * p * (1 - p)).sum() + RIDGE
        )
    return round(more, 2)


def worth(said: Sequence[Said], more: float, threshold: float) -> dict[str, float]:
    """Return what comes of so many logits more at a threshold."""
    logits, right, weight = _arrays(said)
    given = 1 / (1 + np.exp(-(logits + more))) >= threshold
    present = np.array([one.present for one in said])
    return {
        "precision": round(float((weight * right)[given].sum() / max(1e-9, weight[given].sum())), 3),
        "answerable_answered": round(float(given[present].mean()), 3),
        "answerable_right": round(float((right * given)[present].mean()), 3),
        "unanswerable_answered": round(float(given[~present].mean()), 3),
    }


def _arrays(said: Sequence[Said]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    present = np.array([one.present for one in said])
    half = len(said) / 2
    weight = np.where(present, half / max(1, present.sum()), half / max(1, (~present).sum()))
    return np.array([one.logit for one in said]), np.array([float(one.right) for one in said]), weight


def main(argv: Sequence[str] | None = None) -> None:
    """Fit, report, and write the card."""
    parser = argparse.ArgumentParser(prog="python -m training.speech", description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("--keep", type=Path, required=True, metavar="FOLDER", help="where the index is")
    parser.add_argument("--reader", choices=SIZES, default="fast", help="which one (fast)")
    arguments = parser.parse_args(argv)
    folder, index = SIZES[arguments.reader], arguments.keep / "corpora"
    asked = of_corpora(arguments.data, index, QUESTIONS)
    with searching(index) as retriever:
        said = list(asked_of(arguments.reader, twice(retriever, asked, Settings().k)))
    more, threshold = fit(said), Calibration.load(folder).threshold(Settings().precision)
    measured = {
        "n_answerable": sum(one.present for one in said),
        "n_unanswerable": sum(not one.present for one in said),
        "without": worth(said, 0.0, threshold),
        "with": worth(said, more, threshold),
    }
    record(folder, "speech", {"logits": more, "questions": QUESTIONS.name, "measured": measured})


if __name__ == "__main__":
    main()
