"""The reader: what it makes of logits, by hand; and what the shipped weights make of real passages."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from rag.calibration import Calibration
from rag.domain import Article, Hit, Passage
from rag.encoder import Encoder
from rag.reader import (
    LONGEST,
    SHIPPED,
    Extractive,
    Span,
    around,
    best_span,
    cited,
    grouped,
    lead,
    whole_words,
)
from tests.fakes import passage

TEXT = "The minister spoke on Sunday. He said Russia prefers Le Pen or Fillon. Nobody else was named."


def encoding(text: str, question: str = "who") -> SimpleNamespace:
    """Tokens by white space: [CLS] question [SEP] text [SEP]."""
    spans, at = [], 0
    for word in text.split():
        at = text.index(word, at)
        spans.append((at, at + len(word)))
    sides = [None, 0, None, *[1] * len(spans), None]
    return SimpleNamespace(sequence_ids=sides, offsets=[(0, 0), (0, 3), (0, 0), *spans, (0, 0)])


def logits(n: int, null: float = 0.0, **at: float) -> np.ndarray:
    row = np.full(n, -5.0, dtype=np.float32)
    row[0] = null
    for position, value in at.items():
        row[int(position[1:])] = value
    return row


def found(text: str) -> Hit:
    return Hit(passage(text), 0.5)


def test_the_best_span_is_the_greatest_sum_in_order_within_the_passage() -> None:
    tokens = encoding("a b c d")  # positions 3 to 6
    start = logits(8, null=1.0, _5=4.0, _3=3.0, _1=99.0)
    end = logits(8, null=0.5, _4=5.0, _6=2.0, _7=99.0)
    span = best_span(found("a b c d"), tokens, (start, end))
    assert span is not None
    assert span.text == "a b"  # 3 + 5 beats 4 + 2; 5 before 4 is no span; question and marks do not count
    assert span.margin == pytest.approx(8.0 - 1.5)
    assert span.score == 0.5


def test_a_span_is_no_longer_than_the_weights_were_trained_for() -> None:
    words = " ".join(f"w{i}" for i in range(60))
    tokens = encoding(words)
    start, end = logits(64, _3=9.0), logits(64, _62=9.0)
    span = best_span(found(words), tokens, (start, end))
    assert span is not None
    assert len(span.text.split()) <= LONGEST


def test_a_passage_without_tokens_has_no_span() -> None:
    assert best_span(found("x"), encoding(""), (logits(4), logits(4))) is None


def test_offsets_count_in_the_article() -> None:
    article = Article("a", "A", "First. Second part here.")
    inner = Passage(1, article, 7, len(article.text))
    span = best_span(Hit(inner, 0.5), encoding(inner.text), (logits(7, _4=3.0), logits(7, _4=3.0)))
    assert span is not None
    assert (span.start, span.end, span.text) == (14, 18, "part")


@pytest.mark.parametrize(
    ("start", "end", "expected"),
    [(8, 10, "Fillon"), (0, 2, "Le"), (3, 4, "Pen"), (8, 17, "Fillon, François"), (6, 7, ",")],
)
def test_a_span_ends_where_words_end(start: int, end: int, expected: str) -> None:
    text = "Le Pen, Fillon, François"
    left, right = whole_words(text, start, end)
    assert text[left:right] == expected


def spans(*answers: tuple[str, float, str]) -> list[Span]:
    found = []
    for n, (text, margin, article_id) in enumerate(answers, start=1):
        where = Passage(n, Article(article_id, "T", text), 0, len(text))
        found.append(Span(where, 0, len(text), margin))
    return found


def test_the_same_answer_in_other_words_of_case_and_accent_is_one_group_under_its_best() -> None:
    groups = grouped(
        spans(("Francois Fillon", 1.0, "a"), ("Le Pen", 3.0, "b"), ("the François Fillon.", 2.0, "c"))
    )
    assert [[span.margin for span in group] for group in groups] == [[3.0], [2.0, 1.0]]


def test_a_part_of_a_name_is_the_same_answer_and_a_part_of_a_word_is_not() -> None:
    groups = grouped(spans(("Urzúa", 3.0, "a"), ("Luis Urzúa", 2.0, "b"), ("Luis Urzúas", 1.0, "c")))
    assert [[span.margin for span in group] for group in groups] == [[3.0, 2.0], [1.0]]


def test_the_lead_is_over_the_best_rival_and_over_not_in_this_passage() -> None:
    groups = grouped(spans(("x", 5.0, "a"), ("x", 4.5, "b"), ("y", 2.0, "c")))
    assert [lead(group, groups) for group in groups] == [3.0, -3.0]
    assert lead(groups[1], groups[1:]) == 2.0
    low = grouped(spans(("x", -1.0, "a"), ("y", -9.0, "b")))
    assert lead(low[0], low) == -1.0


def test_ties_are_broken_by_passage_id() -> None:
    assert [group[0].passage.id for group in grouped(spans(("x", 1.0, "a"), ("y", 1.0, "b")))] == [1, 2]


def test_other_articles_that_say_the_same_are_cited_once_each() -> None:
    group = spans(("Fillon", 3.0, "a"), ("Fillon", 2.0, "a"), ("Fillon", 2.0, "b"), ("Fillon", -1.0, "c"))
    citations = cited(group)
    assert [(c.n, c.passage.article.id) for c in citations] == [(1, "a"), (2, "b")]


def test_the_quote_is_the_sentence_around_the_span() -> None:
    where = passage(TEXT)
    at = TEXT.index("Le Pen")
    start, end = around(Span(where, at, at + 16, 1.0))
    assert TEXT[start:end] == "He said Russia prefers Le Pen or Fillon."
    over_two = around(Span(where, TEXT.index("Fillon"), TEXT.index("else"), 1.0))
    assert TEXT[slice(*over_two)] == "He said Russia prefers Le Pen or Fillon. Nobody else was named."


@pytest.fixture(scope="module")
def encoder() -> Encoder:
    return Encoder(SHIPPED)


def reader(encoder: Encoder, threshold: float = 0.5) -> Extractive:
    return Extractive(encoder, Calibration.load(SHIPPED), threshold)


def test_no_hits_means_to_abstain(encoder: Encoder) -> None:
    answer = reader(encoder).read("Who?", [])
    assert (answer.mode, answer.text, answer.citations, answer.confidence) == ("abstain", "", (), 0.0)
    assert answer.reason


def test_the_shipped_reader_answers_and_quotes(encoder: Encoder) -> None:
    hits = [Hit(passage("Rain fell in Wales all day.", 2), 1.0), Hit(passage(TEXT, 1), 0.5)]
    answer = reader(encoder).read("Who does Russia prefer?", hits)
    assert answer.mode == "quote"
    assert answer.text == "Le Pen or Fillon"
    assert answer.citations[0].quote == "He said Russia prefers Le Pen or Fillon."
    assert answer.hits == tuple(hits)


def test_the_threshold_decides_and_the_hits_remain(encoder: Encoder) -> None:
    hits = [Hit(passage(TEXT), 1.0)]
    sure = reader(encoder, 0.0).read("Who does Russia prefer?", hits)
    unsure = reader(encoder, 1.0).read("Who does Russia prefer?", hits)
    assert unsure.mode == "abstain"
    assert unsure.confidence == sure.confidence < 1.0
    assert unsure.hits == tuple(hits)
    assert unsure.reason == "The one passage that was read does not answer the question."


def test_what_no_passage_says_is_not_answered(encoder: Encoder) -> None:
    answer = reader(encoder).read("What is the boiling point of lead?", [Hit(passage(TEXT), 0.3)])
    assert answer.mode == "abstain"
    assert answer.confidence < 0.2


def test_the_order_of_the_hits_does_not_change_the_answer(encoder: Encoder) -> None:
    hits = [Hit(passage(f"{TEXT} Item {n}.", n), 1.0) for n in range(1, 5)]
    one, other = (reader(encoder).read("Who does Russia prefer?", order) for order in (hits, hits[::-1]))
    assert (one.text, one.confidence, one.citations) == (other.text, other.confidence, other.citations)


def test_hostile_passages_are_read_without_harm(encoder: Encoder) -> None:
    texts = [
        "x" * 50_000,
        "\u202e\u200b" * 300 + "a",
        "🙂" * 500,
        "\x1b[31m red",
        "a",
        ". . . .",
        "中文" * 900,
    ]
    hits = [Hit(passage(text, n), 1.0) for n, text in enumerate(texts, start=1)]
    answer = reader(encoder, 0.0).read("What is " + "very " * 300 + "big?", hits)
    for citation in answer.citations:
        assert citation.quote in citation.passage.text
