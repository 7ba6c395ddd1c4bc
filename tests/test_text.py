"""Text: what is normalised, and where words, paragraphs and sentences begin and end."""

import textwrap
import time
import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from rag.text import Span, fold, normalise, paragraphs, sentences, trim, words

# Anything at all, and the marks on which sentences turn.
anything = st.text()
MARKS = """a B . ! ? , “ ” " ' ’ ( ) [ ] « » … 。 — - * _ # 1. Dr. U.S. J. e.g. 😀 é ك 3.5 [1] www.a.b/c""".split()
SPACES = [" ", "  ", "\n", "\n\n", "\t", "\xa0", "\u3000", "\u200b", "\u0301", "\x1c", "\x00", "\ud800"]
marked = st.lists(st.sampled_from(MARKS + SPACES)).map("".join)


def slices(text: str, spans: list[Span]) -> list[str]:
    return [text[start:end] for start, end in spans]


def split(text: str) -> list[str]:
    return slices(text, sentences(text))


def assert_cover(text: str, spans: list[Span]) -> None:
    """The spans are in order and apart, trimmed, not empty, and leave nothing but white space out."""
    position = 0
    for start, end in spans:
        assert position <= start < end <= len(text)
        assert not text[position:start].strip()
        assert text[start:end] == text[start:end].strip()
        position = end
    assert not text[position:].strip()


# ---- normalise, fold, words


@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r", "\v", "\f", "\x85", "\u2028", "\u2029"])
def test_every_line_end_of_unicode_becomes_a_newline(line_end: str) -> None:
    assert normalise(f"one{line_end}two{line_end}{line_end}three") == "one\ntwo\n\nthree"


def test_normalise_composes_accents_and_replaces_what_cannot_be_stored() -> None:
    assert normalise("cafe\u0301 a\x00b \ud800c") == "café a\ufffdb \ufffdc"


@given(st.text(st.characters(codec=None)))
def test_normalised_text_can_be_stored_and_is_normal(text: str) -> None:
    normal = normalise(text)
    assert normal.encode("utf-8").decode("utf-8") == normal
    assert "\x00" not in normal and "\r" not in normal
    assert normalise(normal) == normal == unicodedata.normalize("NFC", normal)


def test_fold_strips_case_accents_and_typographic_apostrophes() -> None:
    assert fold("François Łódź Øre STRASSE Straße İstanbul") == "francois lodz ore strasse strasse istanbul"
    assert fold("didn’t") == fold("didn't")


@given(anything)
def test_fold_is_stable(text: str) -> None:
    assert fold(fold(text)) == fold(text)


def test_words_keep_their_apostrophes_and_their_places() -> None:
    text = "It’s John's — 3 _very_ naïve café-goers’ e\u0301."
    assert slices(text, words(text)) == ["It’s", "John's", "3", "very", "naïve", "café", "goers", "e\u0301"]


def test_trim_keeps_nothing_of_white_space() -> None:
    assert trim(" \n a b \t", 0, 8) == (3, 6)
    start, end = trim("a   b", 1, 4)
    assert start == end


# ---- paragraphs and lines

FIRST = (
    "The minister spoke on Sunday, in a long interview that filled two pages of the newspaper in question."
)
SECOND = (
    "“It is enough to look,” she said, adding that nobody had asked for this, and that it would not last."
)
THIRD = "Dr. Novak of the U.S. Geological Survey agreed. He was, however, in no hurry, as his office told us."


def test_a_line_is_a_paragraph_where_lines_end_with_sentences() -> None:
    text = "\n".join([FIRST, SECOND, THIRD])
    assert slices(text, paragraphs(text)) == [FIRST, SECOND, THIRD]


def test_a_headline_without_a_full_stop_does_not_run_into_the_line_after_it() -> None:
    text = "Minister denounces the attacks on the campaign of last week\n" + "\n".join([FIRST, SECOND, THIRD])
    assert split(text)[0] == "Minister denounces the attacks on the campaign of last week"


@pytest.mark.parametrize("width", [40, 66, 72, 80])
def test_wrapped_text_has_the_sentences_of_the_same_text_unwrapped(width: int) -> None:
    flat = [FIRST + " " + SECOND, THIRD + " " + FIRST, SECOND + " " + THIRD]
    wrapped = "\n\n".join(textwrap.fill(paragraph, width) for paragraph in flat)
    assert len(paragraphs(wrapped)) == 3
    assert [" ".join(s.split()) for s in split(wrapped)] == split("\n\n".join(flat))


def test_blank_lines_headings_and_list_items_part_paragraphs_even_in_wrapped_text() -> None:
    wrapped = textwrap.fill(FIRST + " " + THIRD, 60)
    text = f"# The heading\n{wrapped}\nThere are\n- first things,\n- second things\n2. and\n[1]: a link\n\nthe end"
    assert slices(text, paragraphs(text)) == [
        "# The heading",
        f"{wrapped}\nThere are",
        "- first things,",
        "- second things",
        "2. and",
        "[1]: a link",
        "the end",
    ]


def test_short_lines_stand_by_themselves() -> None:
    text = "apples\npears\nplums and\ncherries"
    assert split(text) == ["apples", "pears", "plums and", "cherries"]


# ---- sentences


@pytest.mark.parametrize(
    "expected",
    [
        ["Dr. No came.", "He left with Mr. and Mrs. Smith, Ms. Jones and Prof. Xu."],
        ["We met Sen. No and Gov. That in Washington.", "Then Gen. Smith spoke."],
        ["Lt. Gov. Dan Patrick and Maj. Gen. Lee met St. Louis officials.", "The U.S. Senate did not."],
        ["It happened in the U.S.", "The law passed on Jan. 5, and on Sept. 11 it was No. 5 of the list."],
        ["J. K. Rowling met George W. Bush and J.R.R. Tolkien.", "Harry S. Truman did not."],
        ["See vol. 3 and ch. 4 of it.", "It takes approx. 5 days."],
        ['"It is enough," he said.', '"We go."', "Then they went."],
        ["“Wait!” he said.", "“No?”", "Harry asked why."],
        ["He said: “They go. We stay.”", "Nobody did."],
        ["She asked whether people would use the data? would agencies share it?"],
        ["They told me.", "Then I said no.", "They chose plan B.", "That was all."],
        ["Apps.USA.gov and the UK-U.S. divide cost 3.5 million.", "Yahoo! is old."],
        ["_We thank them._", "**They know why.**", "So do we."],
        ["這是一句。", "這是二句。"],
        ["1. Take the first road.", "It is short."],
    ],
)
def test_sentences_of_the_news(expected: list[str]) -> None:
    text = ("" if "。" in expected[0] else " ").join(expected)
    assert split(text) == expected


def test_marks_that_close_stay_and_marks_that_open_go() -> None:
    assert split("They left.” “We stay. Then he left. (Others did too.) So.") == [
        "They left.”",
        "“We stay.",
        "Then he left.",
        "(Others did too.)",
        "So.",
    ]


def test_a_quotation_that_goes_on_in_the_next_paragraph_opens_with_its_own_sentence() -> None:
    assert split("He said so. “They went. We stay.\n\n“Nobody asked.”") == [
        "He said so.",
        "“They went.",
        "We stay.",
        "“Nobody asked.”",
    ]


def test_a_long_quotation_is_parted_at_its_sentences() -> None:
    said = [f"“{FIRST}", SECOND.replace("“", "‘").replace("”", "’"), THIRD + "”"]
    parts = split(" ".join(said))
    assert [part for part in parts if len(part) > 300] == []
    assert parts[0] == said[0]


def test_a_no_break_space_does_not_upset_the_segmenter() -> None:
    assert split("Plan B\xa0. Then Dr.\xa0No left.\u3000He did.") == [
        "Plan B\xa0.",
        "Then Dr.\xa0No left.",
        "He did.",
    ]


def test_offsets_are_code_points() -> None:
    text = "😀 e\u0301 naïve. 👩‍👩‍👧 שלום. Third."
    assert split(text) == ["😀 e\u0301 naïve.", "👩‍👩‍👧 שלום.", "Third."]


def test_long_paragraphs_are_read_in_windows_without_a_seam() -> None:
    expected = [f"Sentence number {n} of the U.S. Senate is “said. Twice” by Dr. Novak." for n in range(300)]
    assert split(" ".join(expected)) == expected


def test_nothing_comes_of_nothing() -> None:
    for text in ("", " ", "\n \t\n"):
        assert sentences(text) == paragraphs(text) == words(text) == []


@given(st.one_of(anything, marked))
@example("a. " + "“" * 50)
@example("\ud800. A")
def test_sentences_and_paragraphs_cover_any_text(text: str) -> None:
    assert_cover(text, sentences(text))
    assert_cover(text, paragraphs(text))


@given(st.one_of(anything, marked))
def test_a_sentence_lies_in_one_paragraph(text: str) -> None:
    starts = {start for start, _ in sentences(text)}
    assert {start for start, _ in paragraphs(text)} <= starts


@pytest.mark.parametrize(
    "text",
    [
        "a" * 1_000_000,
        "\n" * 100_000,
        "a\n" * 10_000,
        "a" + " " * 300_000 + "b",
        'The cat sat on the mat. "Why?" he said. ' * 2_000,
        "“a. " * 20_000,
        "“a." * 20_000,
        "ab. " + "(“" * 100_000,
        ")]" * 100_000,
        "(a " * 100_000,
    ],
    ids=[
        "word",
        "newlines",
        "lines",
        "spaces",
        "prose",
        "open quotes",
        "one word of quotes",
        "openers",
        "closers",
        "asides",
    ],
)
def test_time_grows_with_length_alone(text: str) -> None:
    started = time.process_time()
    for function in (normalise, fold, words, paragraphs, sentences):
        function(text)
    assert time.process_time() - started < 2.5
