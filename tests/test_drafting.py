"""A text that comes in pieces is cut into the same sentences however it is broken up."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.drafting import LONGEST, Drafting, Written

TEXT = (
    "The bridge was opened by Dr. Moll in May. [1] It cost 4.5 million crowns [2][3]. Was it worth it? [2, 4]\n"
    "- The ferry stops (passage 3).\n2. “Nobody pays,” he said. [12] The end of it"
)
SENTENCES = [
    Written("The bridge was opened by Dr. Moll in May.", (1,)),
    Written("It cost 4.5 million crowns.", (2, 3)),
    Written("Was it worth it?", (2, 4)),
    Written("The ferry stops.", (3,)),
    Written("“Nobody pays,” he said.", (12,)),
]


def drafted(pieces: list[str]) -> list[Written]:
    drafting = Drafting()
    found = [sentence for piece in pieces for sentence in drafting.add(piece)]
    return [*found, *drafting.close()]


def test_sentences_come_with_their_markers_and_a_torn_one_is_dropped() -> None:
    assert drafted([TEXT]) == SENTENCES


@given(st.lists(st.integers(0, len(TEXT)), max_size=30))
def test_the_breaks_do_not_matter(cuts: list[int]) -> None:
    edges = [0, *sorted(cuts), len(TEXT)]
    assert drafted([TEXT[a:b] for a, b in pairwise(edges)]) == SENTENCES


def test_a_sentence_is_given_as_soon_as_the_next_begins() -> None:
    drafting = Drafting()
    assert list(drafting.add("Rain fell in Paris. [1]")) == []
    assert list(drafting.add(" The")) == [Written("Rain fell in Paris.", (1,))]
    assert drafting.rest == "The"


def test_a_sentence_with_a_marker_counts_though_its_full_stop_was_cut_off() -> None:
    assert drafted(["Rain fell in Paris [1]"]) == [Written("Rain fell in Paris", (1,))]
    assert drafted(["Rain fell in Par"]) == []


def test_rambling_without_an_end_is_cut() -> None:
    found = drafted(["word " * 1000])
    assert len(found) >= 5000 // LONGEST
    assert max(len(sentence.text) for sentence in found) <= LONGEST


@pytest.mark.parametrize("text", ["The answer is:", "[1]", "***", "\n\n\n", "Sources:\n"])
def test_headings_and_bare_markers_are_no_sentences(text: str) -> None:
    assert drafted([text]) == []


@given(st.text(max_size=400))
def test_any_text_is_taken(text: str) -> None:
    assert all(sentence.text.strip() == sentence.text != "" for sentence in drafted([text]))


@pytest.mark.parametrize(
    "text",
    [
        "The answer to the question is: Rain fell.",
        "The passage says that Rain fell.",
        "According to passage 2, Rain fell.",
    ],
)
def test_what_a_model_puts_before_its_answer_is_taken_off(text: str) -> None:
    assert drafted([text]) == [Written("Rain fell.", ())]


def test_tags_copied_from_the_prompt_are_taken_off() -> None:
    assert drafted(['<passage number="1" title="Rain">\nRain fell. </passage>\n']) == [
        Written("Rain fell.", ())
    ]
