"""From files to cited answers with the shipped weights: one golden file, and the article the project began from."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

import ingest
import rag
from rag.domain import Answer
from rag.metrics import normalised

HOME = Path(__file__).parent.parent
GOLDEN = Path(__file__).parent / "data" / "golden.json"
EXPECTED = json.loads(GOLDEN.read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("end") / "index"
    ingest.index(HOME / "corpus", folder)
    return folder


def outline(answer: Answer) -> dict[str, object]:
    """What a reader of the answer would check.

    Between processors the last digits of a confidence may differ, and whether an answer begins with its article.
    """
    return {
        "question": answer.question,
        "answer": normalised(answer.text),
        "quotes": [[citation.passage.article.id, citation.quote] for citation in answer.citations],
    }


@pytest.mark.parametrize("expected", EXPECTED, ids=lambda expected: expected["question"])
def test_the_shipped_collection_answers_as_it_did(index: Path, expected: dict[str, object]) -> None:
    with rag.open(index) as qa:
        answer = qa.ask(str(expected["question"]))
    assert outline(answer) == expected | {"answer": normalised(str(expected["answer"]))}


def test_every_quote_is_a_slice_of_its_article(index: Path) -> None:
    lines = (HOME / "corpus" / "questions.jsonl").read_text(encoding="utf-8").splitlines()
    n_quotes = 0
    with rag.open(index, precision=0.0) as qa:
        for line in lines[::38]:
            answer = qa.ask(json.loads(line)["question"])
            for citation in (
                *answer.citations,
                *(c for other in answer.alternatives for c in other.citations),
            ):
                text = qa.article(citation.passage.article.id).text
                assert text[citation.start : citation.end] == citation.quote
                n_quotes += 1
    assert n_quotes > 20


def test_the_same_question_has_the_same_answer_to_the_last_digit(index: Path) -> None:
    with rag.open(index) as one, rag.open(index) as other:
        first, second = (qa.ask("Who did Ayrault say Russia prefers?") for qa in (one, other))
    assert (outline(first), first.confidence) == (outline(second), second.confidence)
    assert [hit.score for hit in first.hits] == [hit.score for hit in second.hits]


@pytest.fixture(scope="module")
def seed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    data = os.environ.get("CITEWISE_DATA")
    if not data:
        pytest.skip("set CITEWISE_DATA to the shared data to run this")
    folder = tmp_path_factory.mktemp("seed") / "index"
    ingest.index(Path(data).parent / "seed" / "article.txt", folder)
    return folder


@pytest.mark.data
@pytest.mark.parametrize(
    ("question", "answer", "quoted"),
    [
        ("Who did Ayrault say Russia prefers?", "Marine Le Pen or Francois Fillon", "expresses preference"),
        ("Who fears meddling in Germany's vote?", "Angela Merkel", "voiced fears"),
        ("What will meet next week?", "French Defense Council", "planned next week"),
        ("In which newspaper did the interview appear?", "Journal du Dimanche", "in an interview with"),
        ("Who is targeted by the cyberattacks?", "Emmanuel Macron", "targeted"),
    ],
)
def test_the_first_article_alone_answers(seed: Path, question: str, answer: str, quoted: str) -> None:
    with rag.open(seed) as qa:
        found = qa.ask(question)
    assert answer in found.text
    assert quoted in found.citations[0].quote


@pytest.mark.data
def test_the_first_article_says_nothing_of_nato(seed: Path) -> None:
    with rag.open(seed) as qa:
        assert qa.ask("What did Ayrault say about NATO?").mode == "abstain"
