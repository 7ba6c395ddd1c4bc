"""What no answer can be made of: the question's own words, and no amount where it asks how many."""

from __future__ import annotations

import numpy as np
import pytest

from rag.echo import adds
from rag.text import words


def told(question: str, text: str) -> set[str]:
    """The words of a text that can be an answer by themselves."""
    tokens = words(text)
    alone = np.diag(adds(question, text, tokens))
    return {text[slice(*token)] for token, can in zip(tokens, alone, strict=True) if can}


def test_a_word_of_the_question_alone_says_nothing() -> None:
    question = "In what journal did Hoberek write?"
    assert told(question, "the journal Critique of Hoberek’s") == {"Critique"}


def test_beside_another_word_it_may_stand() -> None:
    text = "the journal Critique"
    slices = adds("In what journal did he write?", text, words(text))
    assert slices.tolist() == [[False, False, True], [False, False, True], [False, False, True]]


def test_a_letter_is_an_answer() -> None:
    assert told("Which vitamin is it?", "The vitamin A of a carrot") == {"A", "carrot"}


def test_without_a_question_anything_may_be_said() -> None:
    assert told("", "a cat") == {"a", "cat"}


def test_accents_and_case_make_no_other_word() -> None:
    assert told("Who is Urzua?", "URZÚA Luis") == {"Luis"}


@pytest.mark.parametrize("question", ["Did tea or coffee win?", "Was it tea?"])
def test_an_answer_may_be_in_the_question(question: str) -> None:
    assert told(question, "tea won it") == {"tea", "won", "it"}


def test_how_many_is_answered_by_an_amount() -> None:
    text = "Twenty states, 3.5 of all and dozens more, use counties in Ohio"
    assert told("How many states use none?", text) == {"Twenty", "3", "5", "all", "dozens"}
    assert told("How much do they use?", text) > {"counties", "Ohio"}


def test_a_part_of_a_word_counts_as_the_word() -> None:
    text = "journals"
    halves = [(0, 4), (4, 8)]  # as a tokenizer cuts it
    assert adds("Which journals?", text, halves).any() == np.False_
    assert adds("Which books?", text, halves).tolist() == [[True, True], [True, True]]


def test_a_text_without_words_says_nothing() -> None:
    assert not adds("Who?", ". , .", [(0, 1), (2, 3)]).any()
