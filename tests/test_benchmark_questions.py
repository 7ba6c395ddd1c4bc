"""The benchmark questions: true counts, ids once each, articles that exist, evidence verbatim."""

from __future__ import annotations

import json
import os
import unicodedata
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from training.questions import of_part

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "benchmarks" / "questions"
README = (FOLDER / "README.md").read_text(encoding="utf-8")
COLLECTIONS = {"digitalgov": 60, "blog_18f": 30, "onestop": 30, "current_events": 30}
SAID = {  # who, what, with a second speaker
    "onestop": (8, 7, 9),
    "shipped": (6, 6, 6),
    "current_events": (5, 4, 4),
    "digitalgov": (0, 3, 1),
    "blog_18f": (1, 0, 0),
}
NEAR_CHARS = 800
KINDS = {"span": 49, "why": 31, "how": 25, "list": 20, "compare": 10, "sum-up": 5, "absent": 10}


def lines(name: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (FOLDER / name).read_text(encoding="utf-8").splitlines()]


WRITING = lines("writing.jsonl")
CONVERSATIONS = lines("conversations.jsonl")
ATTRIBUTION = lines("attribution.jsonl")
TURNS = [(talk["id"], n, turn) for talk in CONVERSATIONS for n, turn in enumerate(talk["turns"], 1)]


def article(name: str) -> str:
    return (ROOT / "corpus" / "articles" / name).read_text(encoding="utf-8")


def test_every_line_has_the_documented_fields_in_order() -> None:
    fields = ["id", "collection", "question", "kind", "articles", "answer"]
    assert [list(question) for question in WRITING] == [fields] * 150
    assert [list(talk) for talk in CONVERSATIONS] == [["id", "turns"]] * 30
    told = ["question", "standalone", "answer", "articles", "evidence"]
    assert [list(turn) for _, _, turn in TURNS] == [told] * 90


def test_ids_run_without_a_gap_and_no_question_is_asked_twice() -> None:
    assert [question["id"] for question in WRITING] == [f"w{n:03d}" for n in range(1, 151)]
    assert [talk["id"] for talk in CONVERSATIONS] == [f"c{n:02d}" for n in range(1, 31)]
    assert len({question["question"] for question in WRITING}) == 150
    assert len({turn["standalone"] for _, _, turn in TURNS}) == 90


def test_counts_are_those_of_the_readme() -> None:
    assert Counter(question["collection"] for question in WRITING) == COLLECTIONS
    assert Counter(question["kind"] for question in WRITING) == KINDS
    assert [f"| {kind} | {n} |" for kind, n in KINDS.items() if f"| {kind} | {n} |" not in README] == []
    assert Counter(len(question["articles"]) for question in WRITING) == {0: 10, 1: 128, 2: 12}


def test_only_absent_questions_have_no_articles_and_no_answer() -> None:
    for question in WRITING:
        present = question["kind"] != "absent"
        assert (bool(question["articles"]), bool(question["answer"])) == (present, present), question["id"]


def test_questions_and_answers_are_one_clean_line() -> None:
    told = [question[field] for question in WRITING for field in ("question", "answer")]
    told += [
        turn[field] for _, _, turn in TURNS for field in ("question", "standalone", "answer", "evidence")
    ]
    assert [text for text in told if text != " ".join(text.split())] == []
    assert all(turn[field] for _, _, turn in TURNS for field in turn)
    assert all(question["question"].endswith("?") for question in WRITING)


def test_every_conversation_has_three_turns_and_opens_with_a_standalone_one() -> None:
    assert {len(talk["turns"]) for talk in CONVERSATIONS} == {3}
    assert all(turn["standalone"] == turn["question"] for _, n, turn in TURNS if n == 1)


def test_six_conversations_end_on_a_standalone_question_about_another_article() -> None:
    ends = [(talk["turns"][1], talk["turns"][2]) for talk in CONVERSATIONS]
    moved = [after for before, after in ends if after["articles"] != before["articles"]]
    assert sum(turn["standalone"] == turn["question"] for turn in moved) == 6
    assert len(moved) == 7
    assert sum(turn["standalone"] == turn["question"] for _, n, turn in TURNS if n > 1) == 7


def test_conversations_use_twenty_articles_and_quote_them_verbatim() -> None:
    shipped = {path.name for path in (ROOT / "corpus" / "articles").iterdir()}
    used = {name for _, _, turn in TURNS for name in turn["articles"]}
    assert used <= shipped
    assert len(used) == 20
    assert [
        (id, n)
        for id, n, turn in TURNS
        if not any(turn["evidence"] in article(name) for name in turn["articles"])
    ] == []


@pytest.mark.data
def test_every_article_exists_in_its_collection() -> None:
    root = os.environ.get("CITEWISE_DATA")
    if not root:
        pytest.skip("CITEWISE_DATA is not set")
    held = {
        name: {
            json.loads(line)["id"]
            for line in (Path(root) / "corpora" / f"{name}.jsonl").read_text(encoding="utf-8").split("\n")
            if line
        }
        for name in COLLECTIONS
    }
    assert [
        (question["id"], id)
        for question in WRITING
        for id in question["articles"]
        if id not in held[question["collection"]]
    ] == []


def test_attribution_has_the_documented_fields_and_ids() -> None:
    fields = ["id", "question", "answers", "articles", "corpus", "asks", "speaker", "second_speaker"]
    assert [list(question) for question in ATTRIBUTION] == [fields] * 40
    assert [question["id"] for question in ATTRIBUTION] == [f"a{n:02d}" for n in range(1, 41)]
    assert len({question["question"] for question in ATTRIBUTION}) == 40


def test_attribution_counts_are_those_of_the_readme() -> None:
    assert Counter(question["asks"] for question in ATTRIBUTION) == {"who": 20, "what": 20}
    assert sum(bool(question["second_speaker"]) for question in ATTRIBUTION) == 20
    for corpus, counts in SAID.items():
        held = [question for question in ATTRIBUTION if question["corpus"] == corpus]
        asks = Counter(question["asks"] for question in held)
        second = sum(bool(question["second_speaker"]) for question in held)
        assert (asks["who"], asks["what"], second) == counts, corpus
        assert f"| {corpus} | {counts[0]} | {counts[1]} | {counts[2]} |" in README


def test_attribution_is_clean_lines_and_repeats_no_shipped_question() -> None:
    told = [question["question"] for question in ATTRIBUTION]
    told += [answer for question in ATTRIBUTION for answer in question["answers"]]
    told += [name for q in ATTRIBUTION for name in (q["speaker"], q["second_speaker"])]
    assert [text for text in told if text != " ".join(text.split())] == []
    assert all(question["question"].endswith("?") for question in ATTRIBUTION)
    assert all(len(set(question["answers"])) == len(question["answers"]) > 0 for question in ATTRIBUTION)
    shipped = (ROOT / "corpus" / "questions.jsonl").read_text(encoding="utf-8").splitlines()
    assert {json.loads(line)["question"] for line in shipped}.isdisjoint(told)


def test_attribution_never_gives_the_speaker_away() -> None:
    for question in ATTRIBUTION:
        if question["asks"] == "who":
            assert question["speaker"].split()[-1] not in question["question"], question["id"]
            assert question["speaker"] in question["answers"], question["id"]


def near(text: str, name: str, answer: str) -> bool:
    """Whether the last part of the name stands within NEAR_CHARS of the answer."""
    part, at = name.split()[-1], text.index(answer)
    return part in text[max(0, at - NEAR_CHARS) : at + len(answer) + NEAR_CHARS]


def check_attribution(question: dict[str, Any], text: str) -> None:
    assert [answer for answer in question["answers"] if answer not in text] == [], question["id"]
    assert question["speaker"] in text, question["id"]
    if question["second_speaker"]:
        assert question["second_speaker"] in text, question["id"]
        assert question["second_speaker"] != question["speaker"], question["id"]
        assert near(text, question["second_speaker"], question["answers"][0]), question["id"]


def test_attribution_is_verbatim_in_the_shipped_articles() -> None:
    for question in ATTRIBUTION:
        for name in question["articles"] if question["corpus"] == "shipped" else []:
            check_attribution(question, unicodedata.normalize("NFC", article(name)))


@pytest.mark.data
def test_attribution_is_verbatim_in_the_real_articles() -> None:
    root = os.environ.get("CITEWISE_DATA")
    if not root:
        pytest.skip("CITEWISE_DATA is not set")
    for name in COLLECTIONS:
        told = (Path(root) / "corpora" / f"{name}.jsonl").read_text(encoding="utf-8").split("\n")
        held = {row["id"]: row["text"] for row in map(json.loads, filter(None, told))}
        for question in ATTRIBUTION:
            for id in question["articles"] if question["corpus"] == name else []:
                check_attribution(question, unicodedata.normalize("NFC", held[id]))


FAILURES = lines("failures.jsonl")


def test_failures_have_the_documented_fields_and_come_once_each() -> None:
    fields = ["id", "set", "cause", "remark", "before", "after"]
    assert [list(row) for row in FAILURES] == [fields] * 138
    assert len({(row["set"], row["id"]) for row in FAILURES}) == 138
    assert {row["set"] for row in FAILURES} == {"corpus", "calibration", "new_wiki", "squad2_half", "qed"}
    assert {row["before"] for row in FAILURES} == {"wrong", "silent"}
    assert {row["after"] for row in FAILURES} == {"right", "wrong", "silent"}
    assert Counter(row["before"] for row in FAILURES) == {"wrong": 77, "silent": 61}


def test_failures_are_of_questions_that_exist() -> None:
    own = {
        "corpus": ROOT / "corpus" / "questions.jsonl",
        "calibration": ROOT / "training" / "calibration.jsonl",
    }
    for name, path in own.items():
        ids = {json.loads(line)["id"] for line in path.read_text(encoding="utf-8").splitlines()}
        assert {row["id"] for row in FAILURES if row["set"] == name} <= ids


@pytest.mark.data
@pytest.mark.parametrize("name", ["new_wiki", "squad2_half", "qed"])
def test_failures_are_of_dev_questions_alone(name: str) -> None:
    root = os.environ.get("CITEWISE_DATA")
    if not root:
        pytest.skip("CITEWISE_DATA is not set")
    ids = {question.id for question in of_part(Path(root), name, "dev")}
    assert {row["id"] for row in FAILURES if row["set"] == name} <= ids
