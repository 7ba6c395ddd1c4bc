"""Questions to click on: grammatical, answered with confidence by what they were made of, never hostile, never many."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from page.record import Record, record_of
from page.suggest import examples, follow_ups
from rag.domain import Answer, Article, Citation, Hit, Passage
from rag.phrasing import LONGEST, is_sound, questions
from tests.fakes import article

NEWS = (
    "Angela Merkel, the German chancellor, said on Monday that she feared interference. "
    "Emmanuel Macron won the French election in May 2017. "
    "Twelve countries signed the treaty on climate in Paris. "
    "The Paris Agreement was adopted in December 2015."
)


def engine(articles: list[Article], confidence: float = 0.9, said: str = "") -> Callable[[str], Answer]:
    """Return an ask that gives the answer which the template had in mind, or ``said``, and remembers its calls."""

    def ask(question: str) -> Answer:
        ask.asked.append(question)  # type: ignore[attr-defined]
        for found in articles:
            for made in questions(found.text):
                if made.text == question:
                    passage = Passage(1, found, 0, len(found.text))
                    text = said or made.answer
                    citation = Citation(1, passage, made.start, made.end)
                    hits = (Hit(passage, 1.0),)
                    return Answer(question, text, (citation,), confidence, hits, mode="quote")
        return Answer(question, reason="nothing")

    ask.asked = []  # type: ignore[attr-defined]
    return ask


def asked_of(ask: Callable[[str], Answer]) -> list[str]:
    return ask.asked  # type: ignore[attr-defined, no-any-return]


def answered(text: str, quoted: str = "", other: str = "", question: str = "Where is it?") -> Record:
    """Return the record of an answer that quotes ``quoted`` of ``text``; ``other`` was considered too."""
    passage = Passage(1, article(text), 0, len(text))
    start = text.index(quoted or text[:1])
    citation = Citation(1, passage, start, start + len(quoted or text))
    hits = [Hit(passage, 1.0)] + (
        [Hit(Passage(2, article(other, "b.txt"), 0, len(other)), 0.5)] if other else []
    )
    return record_of(Answer(question, "there", (citation,), 0.9, tuple(hits), mode="quote"), "now")


# ---- Templates


@pytest.mark.parametrize(
    ("sentence", "question", "answer"),
    [
        (
            "Angela Merkel, the German chancellor, left early.",
            "Who is Angela Merkel?",
            "the German chancellor",
        ),
        (
            "Emmanuel Macron won the election in May 2017.",
            "When did Emmanuel Macron win the election?",
            "May 2017",
        ),
        ("On 3 May 2017, Emmanuel Macron won a vote.", "When did Emmanuel Macron win a vote?", "3 May 2017"),
        (
            "The Paris Agreement was adopted in December 2015.",
            "When was the Paris Agreement adopted?",
            "December 2015",
        ),
        ("Nelson Mandela was born in Mvezo.", "Where was Nelson Mandela born?", "Mvezo"),
        (
            "Clyde Tombaugh discovered the dwarf planet Pluto.",
            "Who discovered the dwarf planet Pluto?",
            "Clyde Tombaugh",
        ),
        (
            "Twelve countries signed the Paris treaty.",
            "How many countries signed the Paris treaty?",
            "Twelve",
        ),
        ("At least 28 people were killed in Lyon.", "How many people were killed in Lyon?", "28"),
        ("Marie Curie won two medals in Sweden.", "How many medals did Marie Curie win in Sweden?", "two"),
        ("NASA launched the first crewed mission.", "What did NASA launch?", "the first crewed mission"),
        ("Google Wallet is a mobile payment system.", "What is Google Wallet?", "a mobile payment system"),
        (
            "Barack Obama signed the bill because nobody else could.",
            "Why did Barack Obama sign the bill?",
            "because nobody else could.",
        ),
    ],
)
def test_a_sentence_becomes_the_question_it_answers(sentence: str, question: str, answer: str) -> None:
    made = {q.text: q.answer for q in questions(f"It was so. {sentence} All agreed on it.")}
    assert made[question] == answer


def test_a_speaker_is_asked_what_they_said_and_about_what() -> None:
    made = [
        q.text
        for q in questions("Angela Merkel said on Monday that talks about the Paris Agreement had failed.")
    ]
    assert made == ["What did Angela Merkel say about the Paris Agreement?", "What did Angela Merkel say?"]
    (quoted,) = questions("“We have it and we will keep it,” said Rolf Heuer.")
    assert quoted.text == "What did Rolf Heuer say?"


def test_a_surname_is_asked_about_in_full() -> None:
    made = questions("We met Clyde Tombaugh at noon today. In March 1930, Tombaugh discovered a new planet.")
    assert "When did Clyde Tombaugh discover a new planet?" in [q.text for q in made]


def test_spans_are_those_of_the_sentence() -> None:
    text = "Nothing was said. Clyde Tombaugh discovered the dwarf planet Pluto."
    (made,) = questions(text, start=100)
    assert text[made.start - 100 : made.end - 100] == "Clyde Tombaugh discovered the dwarf planet Pluto."


@pytest.mark.parametrize(
    "text",
    [
        "Yesterday he won the election that they had lost in 2012.",  # nobody can tell who
        "Emmanuel Macron won it in 2017.",
        "EMMANUEL MACRON WON THE ELECTION IN 2017.",
        "Emmanuel Macron Won The Election In 2017",
        "See also: Emmanuel Macron",
        "She waited 30 years in the town.",
        "",
    ],
)
def test_no_question_is_better_than_a_silly_one(text: str) -> None:
    assert questions(text) == []


@pytest.mark.parametrize(
    "text",
    [
        "Angela Merkel, the <b>minister</b>, left early today.",
        "Clyde Tombaugh discovered <script>Pluto(1)</script> quickly.",
        "Clyde Tombaugh discovered [Pluto](javascript:alert) quickly.",
        "Clyde Tombaugh discovered Plu\u200bto quickly in the night.",
        "Clyde Tombaugh discovered \u202ePluto quickly in the night.",
        "Clyde Tombaugh discovered \x1b[31mPluto quickly in the night.",
        "Clyde Tombaugh discovered " + "P" * 50_000 + " quickly in the night.",
        "Clyde Tombaugh discovered " + "Pluto and " * 5_000 + " quickly in the night.",
        "\n\n# Clyde Tombaugh ![x](http://e.x/a.png) discovered the dwarf planet Pluto.",
    ],
)
def test_hostile_text_becomes_no_question_that_carries_it(text: str) -> None:
    for made in questions(text):
        assert is_sound(made.text)
        assert len(made.text) <= LONGEST
        assert all(c.isalnum() or c in " -'’.,?" for c in made.text)


@pytest.mark.parametrize(
    "question",
    [
        "Who is he?",
        "What did Merkel say about it?",
        "who discovered Pluto?",
        "Who discovered Pluto",
        "Who discovered the?",
        "Who discovered Pluto? <b>?",
        "Who discovered Pluto " + "x" * 90 + "?",
        "?",
        "",
    ],
)
def test_what_may_not_be_shown(question: str) -> None:
    assert not is_sound(question)


# ---- Examples


def many(n: int) -> list[Article]:
    people = [
        f"{first} {last}"
        for last in ("Brown", "Green", "Gray")
        for first in ("Anna", "Mary", "Peter", "Paul")
    ]
    return [
        article(f"{person}, the minister of state number {i}, spoke at noon.", f"{i}.txt")
        for i, person in enumerate(people[:n])
    ]


def test_examples_are_answered_questions_of_different_articles() -> None:
    articles = many(10)
    found = examples(articles, ask := engine(articles), n=4)
    assert len(found) == len(set(found)) == len(asked_of(ask)) == 4
    assert all(question.startswith("Who is ") for question in found)


def test_examples_are_the_same_in_any_order_of_the_articles() -> None:
    articles = many(10)
    assert examples(articles, engine(articles)) == examples(articles[::-1], engine(articles))


def test_examples_differ_in_form_where_they_can() -> None:
    articles = [article(NEWS.replace("Merkel", name), f"{name}.txt") for name in ("Brown", "Green", "Gray")]
    found = examples(articles, engine(articles), n=3)
    assert len({question.split()[0] for question in found}) > 1


@pytest.mark.parametrize(
    ("confidence", "said"),
    [(0.49, ""), (0.9, "a wholly different thing"), (0.9, "Anna Brown"), (0.9, ".")],
)
def test_an_example_that_is_not_answered_well_is_left_out(confidence: float, said: str) -> None:
    articles = many(10)
    ask = engine(articles, confidence, said)
    assert examples(articles, ask, n=4, tries=5) == []
    assert len(asked_of(ask)) == 5


def test_an_example_that_another_article_answers_is_left_out() -> None:
    articles = many(4)
    copies = [article(a.text, f"copy of {a.id}") for a in articles]
    assert examples(articles, engine(copies)) == []


def test_no_articles_and_no_tries_give_no_examples() -> None:
    assert examples([], engine([])) == []
    assert examples(many(3), engine(many(3)), tries=0) == []


# ---- Follow-ups


def test_follow_ups_ask_about_the_quoted_sentence_first() -> None:
    record = answered(NEWS, "Emmanuel Macron won the French election in May 2017.")
    found = follow_ups(record, [], engine([article(NEWS)]))
    assert 1 <= len(found) <= 3
    assert "Macron" in found[0] or "French election" in found[0]


def test_what_was_asked_is_not_suggested_again() -> None:
    articles = [article(NEWS)]
    record = answered(NEWS, "Angela Merkel, the German chancellor", question="who is ANGELA MERKEL")
    first = follow_ups(record, [], engine(articles))
    assert "Who is Angela Merkel?" not in first
    again = follow_ups(record, [f"{first[0].upper()} "], engine(articles))
    assert first[0] not in again


def test_a_follow_up_that_is_not_answered_well_is_left_out_after_so_many_tries() -> None:
    record = answered(NEWS)
    ask = engine([article(NEWS)], confidence=0.3)
    assert follow_ups(record, [], ask, tries=2) == []
    assert len(asked_of(ask)) == 2


def test_a_follow_up_whose_answer_is_on_the_screen_is_left_out() -> None:
    text = "Clyde Tombaugh discovered the dwarf planet Pluto."
    passage = Passage(1, article(text), 0, len(text))
    answer = Answer(
        "Who found it?",
        "Clyde Tombaugh",
        (Citation(1, passage, 0, len(text)),),
        0.9,
        (Hit(passage, 1.0),),
        mode="quote",
    )
    assert follow_ups(record_of(answer, "now"), [], engine([article(text)])) == []


def test_a_passage_that_has_nothing_to_do_with_the_answer_suggests_nothing() -> None:
    other = "Clyde Tombaugh discovered the dwarf planet Pluto."
    record = answered("Nothing was said of that.", other=other, question="Where is Paris?")
    assert follow_ups(record, [], engine([article(other, "b.txt")])) == []
    record = answered("Nothing was said of that.", other=other, question="Where is Pluto?")
    assert follow_ups(record, [], engine([article(other, "b.txt")])) == [
        "Who discovered the dwarf planet Pluto?"
    ]


def test_an_abstention_suggests_what_the_nearest_passages_tell() -> None:
    text = "Clyde Tombaugh discovered the dwarf planet Pluto."
    hits = (Hit(Passage(1, article(text), 0, len(text)), 1.0),)
    record = record_of(Answer("How big is Pluto?", hits=hits, reason="no"), "now")
    assert follow_ups(record, [], engine([article(text)])) == ["Who discovered the dwarf planet Pluto?"]
