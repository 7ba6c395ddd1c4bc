"""What a question wants, by its form."""

from __future__ import annotations

import pytest

from rag.wants import want, wanted

CASES = {
    "why": (
        "Why did it fail?",
        "why did the dam break",
        "WHY ARE THE SEAS RISING",
        "In 2016, why did Clinton lose?",
        "When the dam broke, why did people stay?",
        "Please tell me why the bees die",
        "How come nobody knew?",
        "How much did it cost and why?",
        "On what grounds was he freed?",
        "What were the reasons for the strike?",
    ),
    "how": (
        "How did the fire start?",
        "how do you turn it off",
        "According to the report, how did the fire start?",
        "I want to know how bees fly",
        "How exactly did they escape?",
        "In what ways is it different?",
        "There are two ways to spell it, how?",
    ),
    "list": (
        "Which countries signed the treaty?",
        "In which cities were there protests?",
        "What steps did the agency take?",
        "What three things did she bring?",
        "What are the symptoms?",
        "Who are the candidates",
        "List the candidates",
        "Name the seven dwarfs.",
        "Which desks of the paper were closed?",
    ),
    "account": (
        "What happened in Bamako?",
        "After the crash, what happened to the pilot",
        "What will happen to the hospital?",
        "Explain Brexit",
        "Can you explain how a bill becomes law?",
        "describe the attack",
        "Compare Fillon and Macron",
        "What is the difference between a quote and a citation?",
        "Sum up the story of the miners",
        "Summarise the debate",
        "Tell me about Luis Urzúa",
        "What did Trump say about NATO?",
        "What did the minister say?",
    ),
    "fact": (
        "Who won?",
        "who is the president",
        "When did they learn how it works?",
        "Who explained why the dam broke?",
        "Where did it happen?",
        "Could you tell me who won?",
        "How many people died?",
        "how long was the bridge",
        "In 2016, how much did it cost?",
        "How old is she",
        "How quickly did the pack arrive?",
        "Which country signed the treaty?",
        "Which news channel was first?",
        "Which James Bond film earned least?",
        "What percentage of voters do they need?",
        "What comes next?",
        "What will meet next week?",
        "What is the capital of France?",
        "Did the minister explain how it works?",
        "",
    ),
}


@pytest.mark.parametrize(
    ("kind", "question"), [(kind, question) for kind, several in CASES.items() for question in several]
)
def test_the_form_of_a_question_says_what_it_wants(kind: str, question: str) -> None:
    assert want(question).kind == kind
    assert wanted(question) == ("span" if kind == "fact" else "sentences")


@pytest.mark.parametrize(
    ("question", "reason"),
    [
        ("Why did it fail?", "it asks why"),
        ("How did it fail?", "it asks how"),
        ("Which parts failed?", "it asks for several"),
        ("Sum up the failure.", "it asks for a summary"),
        ("Did it fail?", "it asks whether something is so"),
    ],
)
def test_the_reason_is_in_words(question: str, reason: str) -> None:
    assert want(question).reason == reason


def test_case_apostrophes_and_space_change_nothing() -> None:
    assert want("  WHAT’S   the difference between A and B ") == want("what's the difference between a and b")


def test_a_long_question_takes_no_time() -> None:
    assert want("in the end, " * 160 + "what is it").kind == "fact"
    assert want("which " * 330).kind == "fact"


def test_how_somebody_described_something_wants_the_words_themselves() -> None:
    assert wanted("How did Mandela describe President de Klerk after his release?") == "span"
