"""The fit of the confidence, on cases that can be worked out."""

from __future__ import annotations

import numpy as np
import pytest

from rag.calibration import Calibration
from rag.errors import ModelMissing
from rag.reader import SHIPPED
from training.calibrate import Case, auroc, ece, fit, report


def cases(n: int = 400) -> list[Case]:
    """Answers that are right with the probability 1 / (1 + exp(1 - lead)), half of them answerable."""
    dice = np.random.default_rng(0)
    leads = dice.normal(0, 2, n)
    right = dice.random(n) < 1 / (1 + np.exp(1 - leads))
    return [
        Case(float(lead), 0.1, bool(r), i % 2 == 0)
        for i, (lead, r) in enumerate(zip(leads, right, strict=True))
    ]


def test_the_fit_finds_the_curve_that_made_the_cases() -> None:
    fitted = fit(cases(4000))
    for lead in (-2.0, 0.0, 1.0, 3.0):
        assert fitted.confidence(lead, 0.1) == pytest.approx(1 / (1 + np.exp(1 - lead)), abs=0.05)


def test_the_report_says_what_the_confidence_is_worth() -> None:
    found = report(cases())
    assert found["n_answerable"] == found["n_unanswerable"] == 200
    assert 0.5 < float(str(found["auroc_right"])) <= 1.0
    assert float(str(found["ece"])) < 0.1


def test_auroc_counts_pairs_and_ties_half() -> None:
    scores = np.array([0.9, 0.5, 0.5, 0.1])
    assert auroc(scores, np.array([True, True, False, False])) == pytest.approx((1 + 1 + 0.5 + 1) / 4)


def test_ece_is_the_weighted_gap_of_the_bins() -> None:
    confidence, right, weight = (
        np.array([0.95, 0.95, 0.15]),
        np.array([1.0, 0.0, 0.0]),
        np.array([1.0, 1.0, 2.0]),
    )
    assert ece(confidence, right, weight) == pytest.approx((abs(1.9 - 1.0) + 0.3) / 4)


def test_confidence_rises_with_the_lead_and_the_score_and_stays_a_probability() -> None:
    shipped = Calibration.load(SHIPPED)
    assert shipped.confidence(5.0, 0.3) > shipped.confidence(0.0, 0.3) > shipped.confidence(0.0, 0.1)
    assert 0.0 < shipped.confidence(-1e9, 0.0) < shipped.confidence(1e9, 1e9) < 1.0


def test_a_card_without_calibration_is_named(tmp_path) -> None:  # type: ignore[no-untyped-def]
    (tmp_path / "card.json").write_text("{}")
    with pytest.raises(ModelMissing, match=r"card\.json"):
        Calibration.load(tmp_path)
