"""How sure to be: what the reader and the retriever say of an answer in, the probability that it is right out."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, fields
from itertools import pairwise
from pathlib import Path
from typing import Any

from rag.encoder import CARD
from rag.errors import ModelMissing


@dataclass(frozen=True, slots=True)
class Signs:
    """What speaks for an answer, as numbers.

    ``lead`` is by how many logits its best span beats "not in this passage" and the best other answer, ``margin`` by
    how many the former alone; ``agreeing`` is the logarithm of how many passages give it; ``score`` is that of the
    passage of its best span, from ``Fused``.
    """

    lead: float
    margin: float
    agreeing: float
    score: float


@dataclass(frozen=True, slots=True)
class Calibration:
    """A logistic regression (Platt 1999) on ``Signs``, fitted by ``training.calibrate`` on questions never learned.

    ``thresholds`` maps the share of the given answers that were right there to the confidence from which they were
    given; both grow.
    """

    bias: float
    weights: Signs
    thresholds: Mapping[float, float]

    @classmethod
    def load(cls, folder: Path) -> Calibration:
        """Return what the card of a reader records.

        Raises:
            ModelMissing: it records none.
        """
        with _recorded(folder, "calibration") as facts:
            weights = Signs(**{field.name: facts[field.name] for field in fields(Signs)})
            thresholds = {float(precision): found for precision, found in facts["thresholds"].items()}
            return cls(facts["bias"], weights, thresholds)

    def confidence(self, signs: Signs, more: float = 0.0) -> float:
        """Return the probability that an answer for which this speaks, and ``more`` logits, is right."""
        told = (getattr(self.weights, field.name) * getattr(signs, field.name) for field in fields(Signs))
        return _probability(self.bias + sum(told) + more)

    def threshold(self, precision: float) -> float:
        """Return the confidence from which to answer so that this share of the answers is right; between, in a line.

        Nothing is asked of a precision of 0, and nothing reaches one of 1.
        """
        known = sorted({0.0: 0.0, **self.thresholds, 1.0: 1.0}.items())
        for (low, at_low), (high, at_high) in pairwise(known):
            if precision <= high:
                return at_low + (at_high - at_low) * (precision - low) / (high - low)
        return 1.0


@dataclass(frozen=True, slots=True)
class Weighing:
    """How whole sentences are scored, and how sure the best one is, fitted by ``training.excerpts`` for a reader.

    ``weights`` has one for each signal of ``rag.candidates``: differences of scores are log-odds of which answers.
    ``bias`` and ``slope`` turn the best score into the logit of being right (Platt 1999).
    """

    weights: Mapping[str, float]
    bias: float
    slope: float

    @classmethod
    def load(cls, folder: Path) -> Weighing:
        """Return what the card of a reader records.

        Raises:
            ModelMissing: it records none.
        """
        with _recorded(folder, "sentences") as facts:
            weights = {signal: float(weight) for signal, weight in facts["weights"].items()}
            return cls(weights, float(facts["bias"]), float(facts["slope"]))

    def sureness(self, best: float) -> float:
        """Return the probability that an answer whose best sentence has this score is right."""
        return _probability(self.bias + self.slope * best)


def _probability(logit: float) -> float:
    return 1 / (1 + math.exp(-max(-30.0, min(30.0, logit))))


@contextmanager
def _recorded(folder: Path, what: str) -> Iterator[Any]:
    """Give what a card records under a name, and tell what is wrong with it, if anything is."""
    path = folder / CARD
    try:
        yield json.loads(path.read_text(encoding="utf-8"))[what]
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ModelMissing(f"{path} has no {what} ({error!r})", "Install Citewise again.") from error
