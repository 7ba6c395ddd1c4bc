"""Whole sentences as an answer: what is weighed, what is chosen, and what is cited."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from rag.calibration import Calibration, Signs, Weighing
from rag.candidates import SIGNALS, Candidate, candidates, weighed
from rag.domain import Article, Hit, Passage
from rag.errors import ModelMissing
from rag.excerpts import MOST, Excerpts, ReadOnce, alike, leans, picks
from rag.reader import SHIPPED, Span
from tests.fakes import LetterEmbedder, passage
from training.asked import context_id
from training.cases import Case, of_context
from training.excerpts import Outcomes, outcomes, platt, preferences
from training.questions import Question

RAIN = "The old dam broke in May. It broke because it had rained for weeks. The mayor was asleep."
QUESTION = "Why did the dam break?"

WEIGHING = Weighing.load(SHIPPED)


class Marks:
    """Marks the first place of a few words in any passage."""

    name = "marks"

    def __init__(self, words: str = "it had rained", margin: float = 8.0) -> None:
        self.words, self.margin = words, margin

    def spans(self, question: str, hits: Sequence[Hit]) -> list[Span]:
        texts = [(hit.passage, hit.passage.text.find(self.words)) for hit in hits]
        return [
            Span(where, where.start + at, where.start + at + len(self.words), self.margin)
            for where, at in texts
            if at >= 0
        ]


def hits(*texts: str) -> list[Hit]:
    return [Hit(passage(text, n), 1 / n) for n, text in enumerate(texts, start=1)]


def texts(found: Iterable[Candidate]) -> list[str]:
    return [candidate.text for candidate in found]


def row(question: str, text: str, of: int = 0, kind: str = "why", title: str = "") -> dict[str, float]:
    """The signals of one sentence of a passage, by name."""
    found = candidates([Hit(passage(text, title=title), 1.0)])
    rows = weighed(question, kind, found, Marks().spans(question, hits(text)), LetterEmbedder())  # type: ignore[arg-type]
    return dict(zip(SIGNALS, rows[of], strict=True))


def excerpts(threshold: float = 0.0, reader: Marks | None = None) -> Excerpts:
    return Excerpts(reader or Marks(), LetterEmbedder(), WEIGHING, threshold)  # type: ignore[arg-type]


# ---- What is weighed


def test_candidates_are_the_sentences_of_the_best_passages_with_their_place_in_the_article() -> None:
    article = Article("a", "A", "Before. " + RAIN)
    found = candidates(
        [Hit(Passage(1, article, 8, len(article.text)), 1.0), *hits("Dam\n\nOne more line here.")]
    )
    assert texts(found) == [*RAIN.replace(". ", ".|").split("|"), "One more line here."]
    assert [candidate.rank for candidate in found] == [0, 0, 0, 1]
    assert all(article.text[c.start : c.end] == c.text for c in found[:3])


def test_the_mark_of_a_list_item_is_no_part_of_its_sentence() -> None:
    assert texts(candidates(hits("* The dam broke.\n* The mayor slept."))) == [
        "The dam broke.",
        "The mayor slept.",
    ]


def test_the_rare_words_of_the_question_count_more() -> None:
    text = "The dam is old now. The dam is big now. The mayor of it slept."
    assert row("dam mayor", text, 2)["overlap"] > row("dam mayor", text, 0)["overlap"] > 0
    assert row("dam mayor", text, 0)["overlap"] < 0.5


def test_words_in_the_sentence_before_and_in_the_title_are_counted_apart() -> None:
    alone = row("dam weeks", "The dam was old. It had rained for weeks.", 1)
    assert alone["overlap"] + alone["overlap_before"] == pytest.approx(1.0)
    assert row("dam weeks", "It had rained for weeks.", title="The dam")["overlap_before"] > 0


def test_what_the_reader_marks_counts_for_its_sentence() -> None:
    first, second = (row(QUESTION, RAIN, n) for n in (0, 1))
    assert (first["in_span"], second["in_span"]) == (0.0, 1.0)
    assert first["margin"] == second["margin"] == 0.8


@pytest.mark.parametrize(
    ("kind", "cue", "text"),
    [
        ("why", "because", "It broke because of rain."),
        ("why", "because", "He fled in order to live."),
        ("how", "by_doing", "They escaped by digging a tunnel."),
        ("list", "several", "There were Fillon, Macron, and Le Pen."),
        ("list", "several", "The winners are as follows."),
    ],
)
def test_the_cues_of_a_kind_count_for_that_kind_alone(kind: str, cue: str, text: str) -> None:
    assert row("q", text, kind=kind)[cue] == 1.0
    assert row("q", text, kind="account")[cue] == 0.0
    assert row("q", "The mayor was asleep.", kind=kind)[cue] == 0.0


def test_nothing_to_weigh_is_no_rows() -> None:
    assert weighed(QUESTION, "why", [], [], LetterEmbedder()).shape == (0, len(SIGNALS))


def test_every_signal_has_a_weight() -> None:
    assert set(WEIGHING.weights) == set(SIGNALS)


def test_a_card_without_what_sentences_weigh_is_told(tmp_path: Path) -> None:
    (tmp_path / "card.json").write_text('{"calibration": {}}', encoding="utf-8")
    with pytest.raises(ModelMissing, match="has no sentences"):
        Weighing.load(tmp_path)


# ---- What is chosen


def chosen(scores: Sequence[float], *passages: str, most: int = 3) -> list[str]:
    found = candidates(hits(*passages))
    return texts(pick.said for pick in picks(found, np.array(scores), most))


def test_sentences_stand_as_their_articles_rank_and_as_the_article_has_them() -> None:
    assert chosen([1, 0.9, 1.1, 1], "One is here. Two is here.", "Three is here. Four is here.", most=6) == [
        "One is here.",
        "Two is here.",
        "Three is here.",
        "Four is here.",
    ]


def test_a_clear_drop_and_the_limit_end_the_choice() -> None:
    text = "One is here. Two is here. Three is here. Four is here."
    assert chosen([5, 4.9, 4.8, 4.7], text) == ["One is here.", "Two is here.", "Three is here."]
    assert chosen([5, -5, 4.8, -6], text) == ["One is here.", "Three is here."]


def test_a_copy_in_another_article_is_cited_and_not_said_again() -> None:
    found = candidates(hits("The dam broke in May.", "Yes indeed it did. The dam broke, in May."))
    (pick,) = picks(found, np.array([3.0, -9.0, 2.9]), 3)
    assert pick.said is found[0]
    assert pick.copies == (found[2],)


def test_a_sentence_that_leans_brings_the_one_before_along() -> None:
    text = "The dam was old. This made it weak. Nobody knew it."
    assert chosen([-9, 3, -9], text) == ["The dam was old.", "This made it weak."]
    assert chosen([-9, 3, -9], text, most=1) == ["This made it weak."]


def test_the_first_sentence_of_a_passage_leans_on_nothing_that_is_there() -> None:
    found = candidates(hits("One is here.", "This is two. Nothing is three."))
    assert [leans(found, n) for n in range(3)] == [False, False, False]


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("The dam broke in May.", "the dam broke, in May", True),
        ("The old dam on the river broke in May.", "The old dam on the river broke again in May.", True),
        (
            "The dam on the river killed 12 people in May.",
            "The dam on the river killed 14 people in May.",
            False,
        ),
        ("The dam on the big river broke in May.", "The dam on the big river never broke in May.", False),
        ("On Sunday the party chose Fillon as leader.", "On Sunday the party chose Juppé as leader.", False),
        ("The dam broke.", "The mayor slept.", False),
    ],
)
def test_what_is_a_copy(one: str, other: str, same: bool) -> None:
    assert alike(one, other) is alike(other, one) is same


# ---- What is answered


def test_the_answer_is_its_sentences_each_a_slice_of_an_article() -> None:
    answer = excerpts().read(QUESTION, hits(RAIN.replace("had rained", "had\nrained")))
    assert answer.mode == "quote"
    assert "It broke because it had rained for weeks." in answer.text
    assert answer.text == " ".join(sentence.text for sentence in answer.sentences)
    assert all(sentence.status == "verbatim" for sentence in answer.sentences)
    assert [citation.n for citation in answer.citations] == list(range(1, len(answer.citations) + 1))
    for sentence in answer.sentences:
        assert " ".join(sentence.citations[0].quote.split()) == sentence.text


def test_every_copy_is_a_citation_of_its_sentence() -> None:
    said = "It broke because it had rained for weeks."
    answer = excerpts().read(QUESTION, hits(said, f"The paper wrote this. {said}"))
    assert answer.text.count(said) == 1
    sentence = next(sentence for sentence in answer.sentences if sentence.text == said)
    assert [citation.passage.id for citation in sentence.citations] == [1, 2]
    assert answer.citations[: len(sentence.citations)] == sentence.citations


def test_no_more_sentences_than_its_kind_of_question_takes() -> None:
    text = " ".join(f"The dam number {n} broke because it had rained." for n in range(20))
    for question, kind in ((QUESTION, "why"), ("Which dams are there?", "list")):
        assert 1 <= len(excerpts().read(question, hits(text)).sentences) <= MOST[kind]  # type: ignore[index]


def test_it_abstains_below_its_threshold_and_says_how_sure_it_was() -> None:
    found = hits(RAIN)
    answer = excerpts(threshold=1.0).read(QUESTION, found)
    assert answer.mode == "abstain"
    assert answer.reason == "No sentence of the nearest passages is likely to answer the question."
    assert answer.hits == tuple(found)
    assert answer.confidence == excerpts().read(QUESTION, found).confidence > 0


@pytest.mark.parametrize("found", [[], hits("Dam")])
def test_it_abstains_where_there_is_no_sentence(found: list[Hit]) -> None:
    answer = excerpts().read(QUESTION, found)
    assert (answer.mode, answer.confidence) == ("abstain", 0.0)
    assert answer.reason


def test_a_sentence_that_shares_nothing_makes_less_sure() -> None:
    likely = excerpts().read(QUESTION, hits(RAIN)).confidence
    assert excerpts(reader=Marks("nothing")).read("Why zzz?", hits("A quick fox jumped.")).confidence < likely


def test_its_stream_is_the_answer() -> None:
    found = hits(RAIN)
    assert list(excerpts().stream(QUESTION, found)) == [excerpts().read(QUESTION, found)]


# ---- Reading once


class CountingEncoder:
    """Counts the passages that it runs on; marks nothing."""

    card = SimpleNamespace(name="counting")
    n_run = 0

    def tokens(self, text: str, pair: str) -> SimpleNamespace:
        return SimpleNamespace(sequence_ids=[None, 1], offsets=[(0, 0), (0, len(pair))])

    def run(self, encodings: Iterable[SimpleNamespace]) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        for _ in encodings:
            self.n_run += 1
            yield np.array([0.0, 1.0]), np.array([0.0, 1.0])


def test_two_that_read_the_same_passages_in_a_row_share_one_reading() -> None:
    encoder = CountingEncoder()
    reader = ReadOnce(encoder, Calibration(0.0, Signs(1.0, 0.0, 0.0, 1.0), {}), 0.0)  # type: ignore[arg-type]
    sentences, found = (
        Excerpts(reader, LetterEmbedder(), WEIGHING, 0.0),
        hits(RAIN, "The mayor woke up late."),
    )
    reader.read(QUESTION, found)
    sentences.read(QUESTION, found)
    assert encoder.n_run == 2
    reader.read("Why not?", found)
    assert [span.score for span in reader.spans("Why not?", [Hit(found[0].passage, 0.25)])] == [0.25]
    assert encoder.n_run == 2 + 2
    reader.read("Why not?", hits("Another passage that has the number of the first."))
    assert encoder.n_run == 2 + 2 + 1


# ---- The fit


def case(rows: np.ndarray, gold: int, group: str = "g", answerable: bool = True) -> Case:
    found = candidates(hits(" ".join(f"Line number {n} is here." for n in range(len(rows)))))
    return Case(group, "why", answerable, found, rows, np.arange(len(rows)) == gold)


def drawn(n: int, weight: float) -> list[Case]:
    """Cases of four sentences, of which the one that answers is drawn by its first signal with this weight."""
    dice = np.random.default_rng(0)
    made = []
    for _ in range(n):
        rows = np.zeros((4, len(SIGNALS)))
        rows[:, 0] = dice.normal(0, 1, 4)
        p = np.exp(weight * rows[:, 0])
        made.append(case(rows, dice.choice(4, p=p / p.sum())))
    return made


def test_the_fit_finds_the_weight_that_drew_the_sentences() -> None:
    weights = preferences(drawn(2000, 1.5))
    assert weights["likeness"] == pytest.approx(1.5, abs=0.15)
    assert weights["overlap"] == 0.0


def test_the_confidence_is_the_share_that_is_right() -> None:
    dice = np.random.default_rng(0)
    best = dice.normal(0, 2, 4000)
    right = (dice.random(4000) < 1 / (1 + np.exp(1 - best))).astype(float)
    half = np.arange(4000) % 2 == 0
    bias, slope = platt([Outcomes(best, right, np.ones(4000), half)])
    assert (bias, slope) == (pytest.approx(-1.0, abs=0.15), pytest.approx(1.0, abs=0.15))


def test_a_case_is_right_when_a_chosen_sentence_holds_the_answer() -> None:
    rows = np.zeros((3, len(SIGNALS)))
    rows[0, 0], rows[1, 0] = 5.0, 4.5
    some = [case(rows, 1), case(rows, 2), case(rows, -1, answerable=False)]
    found = outcomes(some, dict.fromkeys(SIGNALS, 1.0))
    assert found.right.tolist() == [1.0, 0.0, 0.0]
    assert found.weight.tolist() == [0.75, 0.75, 1.5]


def test_a_context_is_known_as_an_article_that_lost_the_line_end_behind_it() -> None:
    context = "The dam broke. It had rained.\n"
    article = Article(f"wiki.jsonl#{context_id(context)}", "Dams", context.strip())
    hit = Hit(Passage(1, article, 0, len(article.text)), 1.0)
    at = context.index("rained")
    asked = Question("q", "new_wiki", "Dams", "Why did it break?", context, ((at, at + 6),))
    group, home, holds = of_context(asked)
    assert (group, home(hit)) == ("Dams", True)
    assert [holds(candidate) for candidate in candidates([hit])] == [False, True]
    assert not home(hits(article.text)[0])
