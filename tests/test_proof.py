"""What counts as proved: a sentence must say what a slice says, and no more."""

import pytest

from rag.facts import facts
from rag.proof import proof, verbatim
from tests.fakes import passage

BRIDGE = passage(
    "The bridge over the Lune was opened on Sunday by the mayor, Ida Moll. It cost four million crowns, twice what "
    "had been planned, because the piers had to be sunk deeper. All the rivets were new. The ferry may stop in May. "
    "Its owner said that nobody will pay for it. In the final Germany beat Brazil 7-1 at home. "
    "Later France was beaten by Spain in Munich. The council did not close the old road. "
    "The budget rose by 15% in 1998. “We never sleep,” said the engineer Karl Ott.",
    title="Lune bridge opens",
)

TRUE = [
    "The bridge cost four million crowns because the piers had to be sunk deeper.",
    "The bridge cost 4 million crowns.",
    "Ida Moll opened the bridge over the Lune on Sunday.",
    "The bridge over the Lune was opened by Ida Moll.",
    "In the final Germany beat Brazil 7-1.",
    "France was beaten by Spain in Munich.",
    "The ferry may stop in May.",
    "Its owner said nobody will pay for it.",
    "The council did not close the old road.",
    "In 1998 the budget rose by 15 percent.",
    "The engineer Karl Ott said: “We never sleep”.",
]
FALSE = {
    "The bridge cost five million crowns because the piers had to be sunk deeper.": "number 5",
    "The bridge cost 4 billion crowns.": "number",
    "The bridge over the Lune was opened on Sunday by the mayor, Nora Moll.": "nora",
    "The bridge over the Lune was opened on Monday by the mayor, Ida Moll.": "monday",
    "In the final Brazil beat Germany 7-1.": "another order",
    "In Munich Spain was later beaten by France.": "another order",
    "In Munich Spain was beaten by France.": "another order",
    "The ferry will stop in May.": "less sure",
    "Nobody will pay for the ferry.": "",
    "The council closed the old road.": "not",
    "The budget fell by 15% in 1998.": "opposite",
    "The budget rose by 15% in 1999.": "number 1999",
    "The engineer Karl Ott said: “We always sleep”.": "words",
    "The only bridge over the Lune was opened on Sunday by Ida Moll.": "only",
    "The mayor praised the engineers for their courage and patience.": "",
    "Yes.": "too little",
}


@pytest.mark.parametrize("sentence", TRUE)
def test_what_the_passage_says_is_proved_by_a_slice_of_it(sentence: str) -> None:
    found = proof(sentence, [BRIDGE])
    assert found
    assert found.holds, found.lacks
    assert BRIDGE.start <= found.start < found.end <= BRIDGE.end


@pytest.mark.parametrize(("sentence", "lack"), FALSE.items())
def test_what_it_does_not_say_is_not_and_the_lack_is_named(sentence: str, lack: str) -> None:
    found = proof(sentence, [BRIDGE])
    assert found
    assert not found.holds
    assert lack in found.lacks


def test_a_claim_put_together_of_two_far_sentences_is_not_proved() -> None:
    found = proof("Ida Moll said that nobody will pay for the bridge.", [BRIDGE])
    assert found
    assert not found.holds


def test_words_of_the_question_may_stand_before_the_slice_where_a_pronoun_does() -> None:
    text = passage("The harbour got a new crane. It lifts ninety tonnes.", title="Harbour news")
    sentence = "The new harbour crane lifts ninety tonnes."
    asked = proof(sentence, [text], "How much does the new harbour crane lift?")
    assert asked
    assert asked.holds


def test_a_name_is_not_borrowed_where_the_slice_has_another_subject() -> None:
    text = passage("Trump spoke first. Obama signed the long bill on Monday.", title="News")
    found = proof("On Monday Trump signed the long bill.", [text])
    assert found
    assert not found.holds


def test_the_first_passages_are_preferred_among_equals() -> None:
    one, two = passage("Rain fell in Paris on Monday.", 1), passage("Rain fell in Paris on Monday.", 2)
    found = proof("Rain fell in Paris on Monday.", [two, one])
    assert found
    assert found.passage.id == 2


def test_nothing_is_proved_by_no_passage() -> None:
    assert proof("Rain fell in Paris on Monday.", []) is None


def test_the_articles_own_sentence_must_be_near_and_speak_of_the_question() -> None:
    sentence = "The bridge cost nine million crowns since the piers were deeper."
    own = verbatim(sentence, [BRIDGE], "What did the bridge cost?")
    assert own
    assert BRIDGE.article.text[own.start : own.end].startswith("It cost four million crowns")
    assert verbatim(sentence, [BRIDGE], "Who won the chess tournament in Reykjavik?") is None
    assert verbatim("Whales sing at night in the sea.", [BRIDGE], "What did the bridge cost?") is None


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("It cost 4,500 crowns", {4500.0}),
        ("four million people", {4e6}),
        ("4 million people", {4e6}),
        ("$1.5 billion", {1.5e9}),
        ("twenty-two boats and 3rd place", {22.0, 3.0}),
        ("one of them", set()),
        ("one million", {1e6}),
        ("7-1", {7.0, 1.0}),
        ("half of them", {0.5}),
        ("", set()),
    ],
)
def test_numbers_count_by_value_however_they_are_written(text: str, values: set[float]) -> None:
    assert facts(text).numbers == values


def test_may_the_month_is_no_doubt() -> None:
    text = passage("The ferry stopped in May after the storm.")
    found = proof("The ferry stopped in May.", [text])
    assert found
    assert found.holds


@pytest.mark.parametrize("text", ["", " ", "\u200b", "…", "🙂" * 50, "[1]", "a" * 5000, "٣٤ ½ ²"])
def test_odd_sentences_are_judged_without_a_fault(text: str) -> None:
    found = proof(text, [BRIDGE])
    assert found is None or not found.holds
