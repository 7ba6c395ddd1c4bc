"""The reader: what it makes of logits, by hand; and what the shipped weights make of real passages."""

from __future__ import annotations

import math
from datetime import date
from types import SimpleNamespace

import numpy as np
import pytest

from rag.calibration import Calibration, Signs
from rag.domain import Alternative, Article, Hit, Passage
from rag.encoder import Encoder
from rag.reader import (
    FURTHER,
    LONGEST,
    SECONDED,
    SHIPPED,
    Extractive,
    Found,
    Span,
    around,
    best_span,
    cited,
    grouped,
    newest_first,
    shown,
    signs,
    whole_words,
)
from rag.second_look import Seconded
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
    assert span.margin == pytest.approx(8.0 - 1.5 - FURTHER)
    assert span.score == 0.5


def test_a_span_is_no_longer_than_the_weights_were_trained_for() -> None:
    words = " ".join(f"w{i}" for i in range(60))
    tokens = encoding(words)
    start, end = logits(64, _3=9.0), logits(64, _62=9.0)
    span = best_span(found(words), tokens, (start, end))
    assert span is not None
    assert len(span.text.split()) <= LONGEST


def test_a_span_keeps_to_one_sentence() -> None:
    text = "It rained. He wept."
    start, end = logits(8, _4=9.0, _5=2.0), logits(8, _6=9.0, _4=1.0)
    span = best_span(found(text), encoding(text), (start, end))
    assert span is not None
    assert span.text == "He wept."  # 2 + 9, and not "rained. He wept." for 9 + 9


def test_of_spans_that_score_alike_the_shorter_is_marked() -> None:
    start, end = logits(8, _3=5.0), logits(8, _3=4.95, _6=5.0)
    span = best_span(found("a b c d"), encoding("a b c d"), (start, end))
    assert span is not None
    assert span.text == "a"


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
    assert [signs(group, groups).lead for group in groups] == [3.0, -3.0]
    assert signs(groups[1], groups[1:]).lead == 2.0
    low = grouped(spans(("x", -1.0, "a"), ("y", -9.0, "b")))
    assert signs(low[0], low).lead == -1.0


def test_the_signs_of_an_answer_count_the_passages_that_give_it() -> None:
    groups = grouped(spans(("x", 5.0, "a"), ("x", 4.5, "b"), ("x", -1.0, "c"), ("y", 2.0, "d")))
    assert signs(groups[0], groups).agreeing == pytest.approx(np.log(2))  # a margin below 0 gives none
    assert signs(groups[1], groups).agreeing == 0.0
    assert (signs(groups[1], groups).margin, signs(groups[1], groups).score) == (2.0, 0.0)


def answer_of(text: str, words: str, question: str, published: date | None = None) -> Alternative:
    """What is shown of a span that marks ``words``."""
    where = Passage(1, Article("a", "T", text, published=published), 0, len(text))
    at = text.index(words)
    span = Span(where, at, at + len(words), 1.0)
    return shown(question, Found([span], signs([span], [[span]])), 0.5)


def test_an_answer_is_grown_and_its_quote_holds_it() -> None:
    answer = answer_of(
        "Russia prefers Marine Le Pen or François Fillon, he said.", "Le Pen", "Who does Russia prefer?"
    )
    assert answer.text == "Marine Le Pen or François Fillon"
    assert answer.text in answer.citations[0].quote


def test_a_relative_day_is_told_as_it_stands_and_as_a_date() -> None:
    answer = answer_of("The bridge fell on Sunday.", "Sunday", "When did the bridge fall?", date(2017, 2, 20))
    assert answer.text == "Sunday (19 February 2017)"
    assert answer.citations[0].quote == "The bridge fell on Sunday."


def test_a_yes_or_no_is_the_sentence_that_decides_it() -> None:
    answer = answer_of("It rained. The bridge fell on Sunday.", "fell", "Did the bridge fall?")
    assert answer.text == answer.citations[0].quote == "The bridge fell on Sunday."


def test_other_answers_come_newest_first_and_those_without_a_day_last() -> None:
    days = [date(2016, 1, 1), None, date(2017, 1, 1)]
    others = [answer_of("Ten died.", "Ten", "How many died?", day) for day in days]
    assert newest_first(others) == [others[2], others[0], others[1]]


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


class Finds(Extractive):
    """Finds what it is told, in that order, each as sure as its logit says; answers from even odds on."""

    def __init__(self, **logits: float) -> None:
        self._calibration = Calibration(0.0, Signs(0.0, 0.0, 0.0, 1.0), {})
        self._threshold, self._logits, self.given = 0.5, logits, []

    def spans(self, question: str, hits: list[Hit]) -> list[Span]:  # type: ignore[override]
        return [Span(hit.passage, hit.passage.start, hit.passage.start + 1, hit.score) for hit in hits]

    def found(self, question: str, hits: list[Hit]) -> list[Found]:  # type: ignore[override]
        self.given = [hit.passage.id for hit in hits]
        told = [
            (spans((word, 1.0, word)), Signs(0.0, 0.0, 0.0, logit)) for word, logit in self._logits.items()
        ]
        return [Found(*one) for one in told]


def test_what_is_surer_than_the_best_is_not_answered_in_its_place() -> None:
    answer = Finds(Nine=-0.5, Two=0.5).read("How many?", [found("Nine, then two.")])
    assert (answer.text, answer.mode) == ("", "abstain")
    assert answer.confidence == pytest.approx(1 / (1 + math.exp(0.5)))
    assert Finds(Nine=0.1, Two=0.5).read("How many?", [found("Nine, then two.")]).text == "Nine"


@pytest.mark.parametrize(
    ("other", "answered"), [("nine", True), ("all nine", True), ("two", False), ("", False)]
)
def test_an_answer_that_another_reader_gives_too_is_surer(other: str, answered: bool) -> None:
    answer = Finds(Nine=SECONDED / -2).read("How many?", [found("Nine.")], other)
    assert bool(answer.text) == answered
    assert (answer.confidence > 0.5) == answered


def test_the_best_answer_of_the_other_reader_seconds() -> None:
    hits = [found("Nine.")]
    reader = Finds(Nine=SECONDED / -2)
    assert Seconded(reader, Finds(nine=-9.0, two=9.0)).read("How many?", hits).text == "Nine"
    assert Seconded(reader, Finds(two=-9.0, nine=9.0)).read("How many?", hits).text == ""
    assert Seconded(reader, Finds()).read("How many?", hits).text == ""
    assert [step.text for step in Seconded(reader, reader).stream("How many?", hits)] == ["Nine"]  # type: ignore[union-attr]


def test_what_the_other_reader_would_answer_from_first_is_read_again() -> None:
    margins = [-4.0, 9.0, -5.0, 0.0, 3.0, 1.0]
    hits = [Hit(passage("Nine.", id=n), margin) for n, margin in enumerate(margins)]
    for reader in (Finds(Nine=1.0), Finds(Nine=-1.0)):
        answer = Seconded(reader, Finds()).read("How many?", hits)
        assert reader.given == [1, 3, 4, 5]
        assert answer.hits == tuple(hits)
    assert answer.reason == "None of the 6 nearest passages answers the question."


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
