"""The questions of who said what that the confidence is fitted on, and the fit."""

from __future__ import annotations

import json
import os
import unicodedata
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from training.asked import CORPORA
from training.speech import QUESTIONS, Said, fit, worth

ROWS: list[dict[str, Any]] = [json.loads(line) for line in QUESTIONS.read_text(encoding="utf-8").splitlines()]
FIELDS = [
    "id",
    "question",
    "answers",
    "articles",
    "corpus",
    "answerable",
    "kind",
    "speaker",
    "second_speaker",
]
JUDGED = Path(__file__).parents[1] / "benchmarks" / "questions" / "attribution.jsonl"


def test_they_are_as_the_readme_counts_them() -> None:
    assert [row["id"] for row in ROWS] == [f"s{n:03d}" for n in range(1, 134)]
    assert all(list(row) == FIELDS for row in ROWS)
    assert len({row["question"] for row in ROWS}) == 133
    assert Counter((row["answerable"], row["kind"]) for row in ROWS) == {
        (True, "who"): 45,
        (True, "what"): 46,
        (False, "who"): 12,
        (False, "what"): 30,
    }
    assert all(bool(row["answers"]) == bool(row["articles"]) == row["answerable"] for row in ROWS)


def test_none_is_of_an_article_that_attribution_is_judged_on() -> None:
    judged = {
        id for line in JUDGED.read_text(encoding="utf-8").splitlines() for id in json.loads(line)["articles"]
    }
    assert [row["id"] for row in ROWS if judged & set(row["articles"])] == []


@pytest.mark.data
def test_every_answer_stands_in_each_of_its_articles() -> None:
    if "CITEWISE_DATA" not in os.environ:
        pytest.skip("CITEWISE_DATA is not set")
    texts: dict[str, str] = {}
    for name in CORPORA:
        file = Path(os.environ["CITEWISE_DATA"]) / "corpora" / f"{name}.jsonl"
        rows = map(json.loads, file.read_text(encoding="utf-8").splitlines())
        texts |= {row["id"]: unicodedata.normalize("NFC", row["text"]) for row in rows}
    missing = [
        (row["id"], answer)
        for row in ROWS
        for answer in row["answers"]
        if not all(answer in texts[id] for id in row["articles"])
    ]
    assert missing == []


def test_answers_that_are_right_more_often_than_they_claim_are_made_surer() -> None:
    modest = [Said(-1.0, n % 2 == 0, True) for n in range(200)] + [Said(-4.0, False, False)] * 200
    assert fit(modest) == pytest.approx(1.0, abs=0.2)
    boasting = [Said(1.0, n % 2 == 0, True) for n in range(200)] + [Said(-4.0, False, False)] * 200
    assert fit(boasting) < -0.5
    assert worth(modest, 0.0, 0.5) == {
        "precision": 0.0,
        "answerable_answered": 0.0,
        "answerable_right": 0.0,
        "unanswerable_answered": 0.0,
    }
    assert worth(modest, 1.5, 0.5) == {
        "precision": 0.5,
        "answerable_answered": 1.0,
        "answerable_right": 0.5,
        "unanswerable_answered": 0.0,
    }
