"""The fit of the confidence, on cases that can be worked out."""

from __future__ import annotations

import numpy as np
import pytest

from rag.calibration import Calibration, Signs
from rag.errors import ModelMissing
from rag.reader import SHIPPED
from training.calibrate import Case, _arrays, auroc, ece, fit, report


def signs(lead: float, score: float = 0.1) -> Signs:
    return Signs(lead, margin=1.0, agreeing=0.0, score=score)


def cases(n: int = 400) -> list[Case]:
    """Answers that are right with the probability 1 / (1 + exp(1 - lead)), half of them answerable."""
    dice = np.random.default_rng(0)
    leads = dice.normal(0, 2, n)
    right = dice.random(n) < 1 / (1 + np.exp(1 - leads))
    return [
        Case(signs(float(lead)), bool(r), i % 2 == 0)
        for i, (lead, r) in enumerate(zip(leads, right, strict=True))
    ]


def test_the_fit_finds_the_curve_that_made_the_cases() -> None:
    fitted = fit(cases(4000))
    for lead in (-2.0, 0.0, 1.0, 3.0):
        assert fitted.confidence(signs(lead)) == pytest.approx(1 / (1 + np.exp(1 - lead)), abs=0.05)


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
    rising = [shipped.confidence(signs(*given)) for given in ((0.0, 0.1), (0.0, 0.3), (5.0, 0.3))]
    assert rising == sorted(rising)
    assert 0.0 < shipped.confidence(signs(-1e9, 0.0)) < shipped.confidence(signs(1e9, 1e9)) < 1.0


def test_a_threshold_gives_the_precision_that_is_asked_for() -> None:
    many = cases(4000)
    fitted = fit(many)
    for precision in (0.6, 0.7, 0.8):
        given = [c for c in many if fitted.confidence(c.signs) >= fitted.threshold(precision)]
        assert len(given) > 100
        assert np.mean([c.right for c in given]) == pytest.approx(precision, abs=0.06)


def test_a_threshold_grows_with_the_precision_from_nothing_to_all() -> None:
    known = Calibration(0.0, signs(0.0, 0.0), {0.5: 0.2, 0.8: 0.6})
    asked = (0.0, 0.25, 0.5, 0.65, 0.8, 0.9, 1.0)
    assert [known.threshold(p) for p in asked] == pytest.approx([0.0, 0.1, 0.2, 0.4, 0.6, 0.8, 1.0])


def test_collections_weigh_alike_and_so_do_both_sides_of_each() -> None:
    few = [Case(signs(1.0), True, True, "few"), Case(signs(1.0), False, False, "few")]
    many = [Case(signs(n / 10), n % 2 == 0, n % 3 == 0, "many") for n in range(30)]
    *_, weight = _arrays(few + many)
    assert weight[:2].tolist() == [8.0, 8.0]
    assert weight[2:].sum() == pytest.approx(16.0)
    answerable = np.array([c.answerable for c in many])
    assert weight[2:][answerable].sum() == pytest.approx(8.0)


def test_a_card_without_calibration_is_named(tmp_path) -> None:  # type: ignore[no-untyped-def]
    (tmp_path / "card.json").write_text("{}")
    with pytest.raises(ModelMissing, match=r"card\.json"):
        Calibration.load(tmp_path)
