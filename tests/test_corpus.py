"""The shipped collection: well-formed articles, gold spans where they say, a datasheet with true counts."""

from __future__ import annotations

import json
import re
import unicodedata
from collections import Counter
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

CORPUS = Path(__file__).parents[1] / "corpus"
PATHS = sorted((CORPUS / "articles").iterdir())
NAMES = [path.name for path in PATHS]
QUESTIONS: list[dict[str, Any]] = [
    json.loads(line) for line in (CORPUS / "questions.jsonl").read_text(encoding="utf-8").splitlines()
]
README = (CORPUS / "README.md").read_text(encoding="utf-8")
AYRAULT = "2017-02-19-ayrault-denounces-cyberattacks.md"
FIELDS = {"id", "question", "answers", "articles", "evidence", "answerable", "kind", "paraphrase"}
KINDS = {"who", "who-said", "where", "date", "latest", "number", "list", "why", "how", "span"}
FUNCTION_WORDS = set(
    "which what that with were will from this when where while much many long have been being before "
    "after more most into than their they does".split()
)
ANSWERABLE = [question for question in QUESTIONS if question["answerable"]]
UNANSWERABLE = [question for question in QUESTIONS if not question["answerable"]]
PARAPHRASED = [question for question in QUESTIONS if question["paraphrase"]]
FOLLOW_UPS = [question for question in QUESTIONS if "history" in question]


@cache
def read(name: str) -> tuple[dict[str, Any], str]:
    """The front matter and the text; the text is the body, blank lines around it stripped."""
    raw = unicodedata.normalize("NFC", (CORPUS / "articles" / name).read_text(encoding="utf-8"))
    _, header, body = raw.split("---\n", 2)
    return yaml.safe_load(header), body.strip("\n")


def n_words(name: str) -> int:
    return len(read(name)[1].split())


def desk(name: str) -> str:
    return str(read(name)[0]["source"].removeprefix("Citewise ").removesuffix(" Desk"))


def paragraph(text: str, start: int, end: int) -> str:
    first = text.rfind("\n\n", 0, start) + 2 if "\n\n" in text[:start] else 0
    return text[first : (text + "\n\n").index("\n\n", end)]


def table(heading: str) -> dict[str, int]:
    """The rows of the first table under a heading of the datasheet, but for its head and rule."""
    section = README.split(f"## {heading}\n", 1)[1].split("\n## ", 1)[0]
    cells = [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in section.splitlines()
        if line[:1] == "|"
    ]
    return {row[0].strip("`"): int(row[1].replace(",", "")) for row in cells[2:]}


def test_there_are_eighty_two_articles_and_nothing_else() -> None:
    assert len(NAMES) == 82
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\d(-[a-z0-9]+)+\.md", name) for name in NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_front_matter_has_title_desk_and_date(name: str) -> None:
    header, _ = read(name)
    assert {"title", "source", "date"} <= set(header) <= {"title", "source", "date", "url"}
    assert header["title"].strip()
    assert re.fullmatch(r"Citewise [A-Z][a-z]+ Desk", header["source"])
    assert isinstance(header["date"], date)
    assert 1969 <= header["date"].year <= 2025
    assert name.startswith(header["date"].isoformat())


@pytest.mark.parametrize("name", NAMES)
def test_text_is_plain_paragraphs_of_news_length(name: str) -> None:
    raw = (CORPUS / "articles" / name).read_bytes().decode("utf-8")
    _, text = read(name)
    assert raw == unicodedata.normalize("NFC", raw)
    assert "\r" not in raw
    assert 150 <= n_words(name) <= 600
    assert all(part == part.strip() and "\n" not in part for part in text.split("\n\n"))
    assert not re.search(r"^[#>*|-]", text, re.MULTILINE)


def test_titles_and_texts_are_unique() -> None:
    assert len({read(name)[0]["title"] for name in NAMES}) == len(NAMES)
    assert len({read(name)[1] for name in NAMES}) == len(NAMES)


def test_the_story_of_february_2017_says_who_russia_prefers_and_nothing_about_nato() -> None:
    _, text = read(AYRAULT)
    assert re.search(
        r"[^.\n]*Russia prefers[^.\n]*Ayrault said[^.\n]*Marine Le Pen or François Fillon\.", text
    )
    assert not re.search(r"\bNATO\b|North Atlantic|\balliance\b", text, re.IGNORECASE)


def test_403_questions_92_of_them_without_an_answer() -> None:
    assert len(QUESTIONS) == 403
    assert len(UNANSWERABLE) == 92
    assert [question["id"] for question in QUESTIONS] == [f"q{n:03d}" for n in range(1, 404)]
    assert len({(question["question"], str(question.get("history"))) for question in QUESTIONS}) == 403


def test_at_least_half_of_the_answerable_questions_are_paraphrased() -> None:
    assert all(question["answerable"] for question in PARAPHRASED)
    assert 2 * len(PARAPHRASED) >= len(ANSWERABLE)


def test_every_article_answers_a_question_and_some_questions_have_several() -> None:
    assert {name for question in ANSWERABLE for name in question["articles"]} == set(NAMES)
    assert any(len(question["articles"]) > 1 for question in ANSWERABLE)


@pytest.mark.parametrize("question", QUESTIONS, ids=lambda question: question["id"])
def test_question_has_the_fields_of_the_datasheet(question: dict[str, Any]) -> None:
    assert set(question) - {"history"} == FIELDS
    assert question["question"].strip().endswith("?")
    assert isinstance(question["answerable"], bool) and isinstance(question["paraphrase"], bool)
    assert question["kind"] in KINDS


@pytest.mark.parametrize("question", FOLLOW_UPS, ids=lambda question: question["id"])
def test_the_history_of_a_follow_up_is_questions_with_their_answers(question: dict[str, Any]) -> None:
    assert question["history"] and not question["paraphrase"]
    for asked, answered in question["history"]:
        assert asked.endswith("?") and answered.strip() == answered != ""


@pytest.mark.parametrize("question", ANSWERABLE, ids=lambda question: question["id"])
def test_every_gold_span_is_where_it_says(question: dict[str, Any]) -> None:
    assert set(question["articles"]) <= set(NAMES)
    assert {span["article"] for span in question["evidence"]} == set(question["articles"])
    assert len(question["articles"]) == len(set(question["articles"]))
    for span in question["evidence"]:
        assert set(span) == {"article", "start", "end"}
        assert read(span["article"])[1][span["start"] : span["end"]] in question["answers"]


@pytest.mark.parametrize("question", ANSWERABLE, ids=lambda question: question["id"])
def test_every_accepted_answer_is_verbatim_and_short(question: dict[str, Any]) -> None:
    texts = [read(name)[1] for name in question["articles"]]
    assert question["answers"] and len(question["answers"]) == len(set(question["answers"]))
    for answer in question["answers"]:
        assert any(answer in text for text in texts)
        assert len(answer.split()) <= 20


@pytest.mark.parametrize("question", UNANSWERABLE, ids=lambda question: question["id"])
def test_an_unanswerable_question_names_no_article(question: dict[str, Any]) -> None:
    assert question["answers"] == question["articles"] == question["evidence"] == []


@pytest.mark.parametrize("question", PARAPHRASED, ids=lambda question: question["id"])
def test_a_paraphrased_question_shares_at_most_half_of_its_words(question: dict[str, Any]) -> None:
    words = set(re.findall(r"\b[a-zà-ÿ]{4,}", question["question"])) - FUNCTION_WORDS
    for span in question["evidence"]:
        near = paragraph(read(span["article"])[1], span["start"], span["end"]).lower()
        assert 2 * sum(word[:5] in near for word in words) <= len(words)


def test_the_datasheet_counts_articles_truly() -> None:
    assert table("Articles by desk") == Counter(desk(name) for name in NAMES)
    assert table("Articles by decade") == Counter(f"{name[:3]}0s" for name in NAMES)
    assert sum(table("Stories").values()) == len(NAMES)


def test_the_datasheet_counts_questions_truly() -> None:
    assert table("Questions by kind") == Counter(question["kind"] for question in QUESTIONS)
    assert table("In total") == {
        "Articles": len(NAMES),
        "Words in the articles": sum(map(n_words, NAMES)),
        "Shortest article, words": min(map(n_words, NAMES)),
        "Longest article, words": max(map(n_words, NAMES)),
        "Questions": len(QUESTIONS),
        "Answerable": len(ANSWERABLE),
        "Unanswerable": len(UNANSWERABLE),
        "Paraphrased": len(PARAPHRASED),
        "Answered by more than one article": sum(len(question["articles"]) > 1 for question in QUESTIONS),
        "Follow-ups": len(FOLLOW_UPS),
    }


def test_the_datasheet_names_every_field_and_kind() -> None:
    assert all(f"`{word}`" in README for word in FIELDS | KINDS | {"history"})
