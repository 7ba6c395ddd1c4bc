"""How sure to be: what the reader and the retriever say of an answer in, the probability that it is right out."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from pathlib import Path

from rag.encoder import CARD
from rag.errors import ModelMissing


@dataclass(frozen=True, slots=True)
class Calibration:
    """A logistic regression (Platt 1999), fitted by ``training.calibrate`` on questions kept from training."""

    bias: float
    lead: float  # for each logit by which the span beats "not in this passage" and the best other answer
    score: float  # for the retriever's score of its passage; fitted on those of ``Fused``

    @classmethod
    def load(cls, folder: Path) -> Calibration:
        """Return what the card of a reader records.

        Raises:
            ModelMissing: it records none.
        """
        path = folder / CARD
        try:
            facts = json.loads(path.read_text(encoding="utf-8"))["calibration"]
            return cls(facts["bias"], facts["lead"], facts["score"])
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise ModelMissing(f"{path} has no calibration ({error!r})", "Install Citewise again.") from error

    def confidence(self, lead: float, score: float) -> float:
        """Return the probability that an answer with this lead, from a passage with this score, is right."""
        logit = self.bias + self.lead * lead + self.score * score
        return 1 / (1 + math.exp(-max(-30.0, min(30.0, logit))))
