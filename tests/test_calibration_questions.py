"""The calibration questions: true counts, ids once each, and every answer verbatim in its articles."""

from __future__ import annotations

import json
import os
import unicodedata
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

FILE = Path(__file__).parents[1] / "training" / "calibration.jsonl"
QUESTIONS: list[dict[str, Any]] = [json.loads(line) for line in FILE.read_text(encoding="utf-8").splitlines()]
ANSWERABLE = [question for question in QUESTIONS if question["answerable"]]
UNANSWERABLE = [question for question in QUESTIONS if not question["answerable"]]
FIELDS = ["id", "question", "answers", "articles", "corpus", "answerable", "kind"]
KINDS = {
    "answerable": {
        "number": 33,
        "person": 26,
        "thing": 26,
        "place": 12,
        "organisation": 10,
        "why": 10,
        "who-said": 9,
        "list": 9,
        "date": 8,
        "how": 7,
    },
    "unanswerable": {
        "number": 22,
        "person": 13,
        "organisation": 10,
        "thing": 6,
        "place": 5,
        "why": 4,
        "who-said": 3,
        "list": 3,
        "date": 2,
        "how": 2,
    },
}
CORPORA = {
    "answerable": {"digitalgov": 50, "blog_18f": 30, "current_events": 35, "onestop": 35},
    "unanswerable": {"digitalgov": 23, "blog_18f": 15, "current_events": 17, "onestop": 15},
}


def counts(questions: list[dict[str, Any]], field: str) -> dict[str, int]:
    return dict(Counter(question[field] for question in questions))


@pytest.fixture(scope="module")
def articles() -> dict[str, tuple[str, str]]:
    """The corpus and the NFC text of each shared article, by id."""
    root = os.environ.get("CITEWISE_DATA")
    if not root:
        pytest.skip("CITEWISE_DATA is not set")
    found = {}
    for corpus in CORPORA["answerable"]:
        for line in (Path(root) / "corpora" / f"{corpus}.jsonl").read_text(encoding="utf-8").split("\n"):
            if line:
                article = json.loads(line)
                found[article["id"]] = (corpus, unicodedata.normalize("NFC", article["text"]))
    return found


def test_every_line_has_the_documented_fields_in_order() -> None:
    assert all(list(question) == FIELDS for question in QUESTIONS)


def test_counts_are_those_of_the_readme() -> None:
    assert counts(ANSWERABLE, "kind") == KINDS["answerable"]
    assert counts(UNANSWERABLE, "kind") == KINDS["unanswerable"]
    assert counts(ANSWERABLE, "corpus") == CORPORA["answerable"]
    assert counts(UNANSWERABLE, "corpus") == CORPORA["unanswerable"]


def test_ids_run_without_a_gap_and_no_question_is_asked_twice() -> None:
    assert [question["id"] for question in QUESTIONS] == [f"c{n:03d}" for n in range(1, 221)]
    assert len({question["question"] for question in QUESTIONS}) == 220


def test_questions_and_answers_are_one_clean_line_in_nfc() -> None:
    texts = [text for question in QUESTIONS for text in (question["question"], *question["answers"])]
    assert [text for text in texts if text != unicodedata.normalize("NFC", " ".join(text.split()))] == []
    assert all(question["question"].endswith("?") for question in QUESTIONS)


def test_answers_are_short_and_listed_once() -> None:
    for question in QUESTIONS:
        assert len(set(question["answers"])) == len(question["answers"]), question["id"]
        assert all(0 < len(answer) <= 130 for answer in question["answers"]), question["id"]


def test_only_answerable_questions_have_answers_and_articles() -> None:
    assert all(question["answers"] and question["articles"] for question in ANSWERABLE)
    assert not any(question["answers"] or question["articles"] for question in UNANSWERABLE)


@pytest.mark.data
def test_every_answer_occurs_in_one_of_its_articles(articles: dict[str, tuple[str, str]]) -> None:
    missing = [
        (question["id"], answer)
        for question in ANSWERABLE
        for answer in question["answers"]
        if not any(answer in articles[id][1] for id in question["articles"])
    ]
    assert missing == []


@pytest.mark.data
def test_every_article_listed_holds_an_answer(articles: dict[str, tuple[str, str]]) -> None:
    idle = [
        (question["id"], id)
        for question in ANSWERABLE
        for id in question["articles"]
        if not any(answer in articles[id][1] for answer in question["answers"])
    ]
    assert idle == []


@pytest.mark.data
def test_the_first_article_is_of_the_corpus_named(articles: dict[str, tuple[str, str]]) -> None:
    assert [
        question["id"]
        for question in ANSWERABLE
        if articles[question["articles"][0]][0] != question["corpus"]
    ] == []
