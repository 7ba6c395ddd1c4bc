"""A follow-up becomes a question that stands alone; one that stands alone comes back as it was."""

from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rag.conversation import LONGEST, LOOK_BACK, Rules
from rag.domain import Exchange
from rag.names import names

AYRAULT = Exchange("Who did Ayrault say Russia prefers?", "Marine Le Pen or François Fillon")
BOLT = Exchange("Who won the men's 100 metres in Berlin in 2009?", "Usain Bolt")
LEHMAN = Exchange("Why did Lehman Brothers go bankrupt?", "its exposure to subprime mortgages")
MACRON = Exchange("How many seats did Emmanuel Macron win in 2017?", "308")
TUNNEL = Exchange("When did the Channel Tunnel open?", "6 May 1994")
TITANIC = Exchange("Who directed the film Titanic?", "James Cameron")
MINERS = Exchange("Where were the Chilean miners trapped?", "in the San José mine near Copiapó")
MERKEL = Exchange("What did Merkel announce in Berlin?", "the closure of all nuclear plants")
MEDALS = Exchange("Did Bolt win any medals in 2008?", "yes, three")
JAKARTA = Exchange("Who met in Jakarta in January 2005?", "Kofi Annan and Colin Powell")
YOUTUBE = Exchange("Which company did Google buy in 2006?", "YouTube")
ALL = (AYRAULT, BOLT, LEHMAN, MACRON, TUNNEL, TITANIC, MINERS, MERKEL, MEDALS, JAKARTA, YOUTUBE)

WALLET = Exchange("What is Google Wallet?", "a mobile payment system")


def rewrite(turn: Exchange, question: str) -> str:
    return Rules().rewrite([turn], question)


@pytest.mark.parametrize(
    ("turn", "question", "expected"),
    [
        (AYRAULT, "What did he say about Le Pen?", "What did Ayrault say about Le Pen?"),
        (AYRAULT, "What did she say?", "What did Marine Le Pen say?"),
        (BOLT, "How old is he?", "How old is Usain Bolt?"),
        (BOLT, "What was his time?", "What was Usain Bolt's time?"),
        (BOLT, "Who's he?", "Who's Usain Bolt?"),
        (BOLT, "Is it true that he's retired?", "Is it true that Usain Bolt is retired?"),
        (LEHMAN, "When did it collapse?", "When did Lehman Brothers collapse?"),
        (LEHMAN, "Who was its chief executive?", "Who was Lehman Brothers' chief executive?"),
        (LEHMAN, "When did they file for bankruptcy?", "When did Lehman Brothers file for bankruptcy?"),
        (WALLET, "When was it launched?", "When was Google Wallet launched?"),
        (TUNNEL, "How long is it?", "How long is the Channel Tunnel?"),
        (TITANIC, "How old is he?", "How old is James Cameron?"),
        (TITANIC, "How much did it cost?", "How much did Titanic cost?"),
        (MINERS, "Who rescued them?", "Who rescued the Chilean miners?"),
        (JAKARTA, "What did they discuss?", "What did Kofi Annan and Colin Powell discuss?"),
    ],
)
def test_a_pronoun_becomes_the_name_it_stands_for(turn: Exchange, question: str, expected: str) -> None:
    assert rewrite(turn, question) == expected


@pytest.mark.parametrize(
    ("turn", "question", "expected"),
    [
        (BOLT, "and in 2012?", "Who won the men's 100 metres in Berlin in 2012?"),
        (BOLT, "And in London?", "Who won the men's 100 metres in London in 2009?"),
        (BOLT, "who else?", "Who else won the men's 100 metres in Berlin in 2009?"),
        (MACRON, "what about Le Pen?", "How many seats did Le Pen win in 2017?"),
        (MACRON, "2012?", "How many seats did Emmanuel Macron win in 2012?"),
        (MACRON, "Why?", "Why did Emmanuel Macron win 308 seats in 2017?"),
        (AYRAULT, "And Germany?", "Who did Ayrault say Germany prefers?"),
        (TUNNEL, "why?", "Why did the Channel Tunnel open?"),
        (LEHMAN, "When did this happen?", "When did Lehman Brothers go bankrupt?"),
        (MERKEL, "When?", "When did Merkel announce the closure of all nuclear plants in Berlin?"),
        (MEDALS, "how many?", "How many medals did Bolt win in 2008?"),
        (MINERS, "How many?", "Where were the Chilean miners trapped, and how many?"),
        (BOLT, "Why?", "Why is it that Usain Bolt won the men's 100 metres in Berlin in 2009?"),
        (
            BOLT,
            "What about the women?",
            "Who won the men's 100 metres in Berlin in 2009, and what about the women?",
        ),
    ],
)
def test_what_was_left_out_comes_from_the_question_before(
    turn: Exchange, question: str, expected: str
) -> None:
    assert rewrite(turn, question) == expected


@pytest.mark.parametrize(
    ("turn", "question", "expected"),
    [
        (TITANIC, "When was the film released?", "When was Titanic released?"),
        (YOUTUBE, "When was the company founded?", "When was YouTube founded?"),
        (MINERS, "What happened there?", "What happened in Copiapó?"),
        (TUNNEL, "What else happened that year?", "What else happened in 1994?"),
        (MACRON, "Who was president then?", "Who was president in 2017?"),
        (BOLT, "Anything else?", "Is there anything else about Berlin?"),
    ],
)
def test_a_mention_a_place_or_a_time_is_named(turn: Exchange, question: str, expected: str) -> None:
    assert rewrite(turn, question) == expected


@pytest.mark.parametrize("turn", ALL)
@pytest.mark.parametrize(
    "question",
    [
        "Is it true that Russia hacked Macron?",
        "Is it raining?",
        "How long does it take to cross the Channel?",
        "What did Merkel say when she was asked?",
        "How did Boise get its name?",
        "What is Rock City in Chattanooga, and why is it famous?",
        "Is there a mine in Peru?",
        "How many people died in the tsunami?",
        "Did Ali say that he was the greatest?",
        "What about the disadvantages of a 529 plan for parents?",
        "Who opened the museum?",
        "What did she do then that made Angela Merkel laugh and what did it cost to the two of them " * 6,
        "thanks",
        "?",
        "",
        "  ",
    ],
)
def test_a_question_that_stands_alone_comes_back_unchanged(turn: Exchange, question: str) -> None:
    assert rewrite(turn, question) == question


def test_without_turns_nothing_changes() -> None:
    assert Rules().rewrite([], "How old is he?") == "How old is he?"


def test_a_pronoun_that_nothing_fits_stays() -> None:
    assert rewrite(MERKEL, "How will they be replaced?") == "How will they be replaced?"
    assert rewrite(TUNNEL, "How old is she?") == "How old is she?"


def test_who_was_asked_about_last_comes_before_who_was_asked_about_earlier() -> None:
    turns = [Exchange("Who is Barack Obama?", "a president"), Exchange("Who is Nelson Mandela?", "a leader")]
    assert Rules().rewrite(turns, "When was he born?") == "When was Nelson Mandela born?"


def test_a_person_merely_met_in_an_answer_comes_after_the_person_asked_about() -> None:
    turn = Exchange(
        "When was Frank Zappa born?", "He was born in 1940, a year before his friend Peter Green."
    )
    assert rewrite(turn, "Where did he live?") == "Where did Frank Zappa live?"


def test_a_surname_is_given_in_full_where_it_was() -> None:
    turns = [Exchange("Who is Angela Merkel?", "the chancellor"), Exchange("What did Merkel say?", "no")]
    assert Rules().rewrite(turns, "Why did she say so?") == "Why did Angela Merkel say so?"


def test_men_and_women_are_told_apart() -> None:
    turn = Exchange("Where did Angela Merkel meet Barack Obama?", "in Berlin")
    assert rewrite(turn, "What did she say?") == "What did Angela Merkel say?"
    assert rewrite(turn, "What did he say?") == "What did Barack Obama say?"


def test_no_answer_is_not_an_antecedent() -> None:
    turn = Exchange("Who won?", "I don't know.")
    assert rewrite(turn, "How old is he?") == "How old is he?"


def test_what_was_said_long_ago_is_not_meant() -> None:
    turns = [Exchange("Who is Nelson Mandela?", "a leader")] + [
        Exchange("What is tea?", "a drink")
    ] * LOOK_BACK
    assert Rules().rewrite(turns, "How old is he?") == "How old is he?"
    assert Rules().rewrite(turns[:LOOK_BACK], "How old is he?") == "How old is Nelson Mandela?"


QUESTIONS = st.one_of(
    st.sampled_from(
        "why?|and in 2016?|what about Le Pen?|who else?|how many?|What did he say about her?|Where is it?|"
        "When did they leave there?|Was that film good?|How was it received then?|and him?|What is its use to them?|"
        "Anything else interesting?|Are there any other aspects of this article?|what did she do that year?".split(
            "|"
        )
    ),
    st.text(max_size=80),
)
TURNS = st.lists(
    st.one_of(
        st.sampled_from(ALL),
        st.builds(Exchange, st.text(max_size=60), st.text(max_size=60)),
    ),
    max_size=4,
)


@given(TURNS, QUESTIONS)
@settings(max_examples=300, deadline=None)
def test_a_rewritten_question_is_short_not_empty_and_stays_as_it_is(
    turns: list[Exchange], question: str
) -> None:
    rewritten = Rules().rewrite(turns, question)
    assert len(rewritten) <= max(LONGEST, len(question))
    assert bool(rewritten.strip()) == bool(question.strip())
    assert Rules().rewrite(turns, rewritten) == rewritten


@pytest.mark.parametrize(
    "hostile",
    [
        "A" * 50_000,
        "The " * 12_000,
        "a of " * 10_000,
        "<script>alert(1)</script> " * 2_000,
        "\u202e\u200b(" * 10_000,
        "Who is A. B. " * 4_000,
        "(.*)+[" * 5_000,
    ],
)
def test_hostile_turns_cost_no_time(hostile: str) -> None:
    turns = [Exchange(hostile, hostile)] * 50
    started = time.perf_counter()
    for question in ("What did they say about it there?", "why?", "When was the film released?", hostile):
        rewritten = Rules().rewrite(turns, question)
        assert len(rewritten) <= max(LONGEST, len(question))
    assert time.perf_counter() - started < 2


# ---- Names


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("French Foreign Minister Jean-Marc Ayrault spoke.", [("Jean-Marc Ayrault", "he")]),
        ("They met Theresa May on Monday in May.", [("Theresa May", "she")]),
        (
            "Merkel's party, the CDU, met in Berlin.",
            [("Merkel", "word"), ("CDU", "body"), ("Berlin", "place")],
        ),
        ("It was the Department of Trade and Industry.", [("Department of Trade and Industry", "body")]),
        ("He saw Zappa and Bolt.", [("Zappa", "word"), ("Bolt", "word")]),
        ("We saw J. K. Rowling. She waved.", [("J. K. Rowling", "maybe")]),
        ("He loves the Beatles.", [("Beatles", "group")]),
        ("Yesterday was fine. Music played.", []),
        ("The Prime Minister said so.", []),
        ("What is COVID-19?", [("COVID-19", "thing")]),
        ("He lives in New York City.", [("New York City", "place")]),
    ],
)
def test_names_are_found_with_what_they_may_be(text: str, expected: list[tuple[str, str]]) -> None:
    assert [(name.text, name.kind) for name in names(text)] == expected
    assert all(text[name.start : name.end] == name.text for name in names(text))
