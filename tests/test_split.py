"""Splitting: passages keep their offsets, their limit and the shape of the text."""

import os
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.read import find, read
from ingest.split import embedded_text, split
from rag.domain import Article
from rag.text import normalise, sentences
from tests.fakes import LetterEmbedder

EMBEDDER = LetterEmbedder()


def n_tokens(text: str) -> int:
    return len(EMBEDDER.token_spans(text))


def passages(text: str, limit: int) -> list[str]:
    return [text[start:end] for start, end in split(text, EMBEDDER, limit)]


def sentence(n: int, mark: str = "Word") -> str:
    """A sentence of n words."""
    return " ".join([mark, *["word"] * (n - 2), "end."])


def fitting(text: str, limit: int) -> list[tuple[int, int]]:
    """Passages that are in order and apart, trimmed, within the limit, and leave only white space out."""
    spans, position = split(text, EMBEDDER, limit), 0
    for start, end in spans:
        assert position <= start < end <= len(text)
        assert not text[position:start].strip()
        assert text[start:end] == text[start:end].strip()
        assert n_tokens(text[start:end]) <= limit
        position = end
    assert not text[position:].strip()
    return spans


PARTS = [
    "word",
    "Word.",
    "a" * 50,
    "é",
    "e\u0301",
    "😀",
    "שלום",
    "\u200b",
    "\x1f",
    "“A.",
    "B.”",
    "# h",
    "- i",
    "。",
]
SPACES = [" ", " ", "\n", "\n\n", "\t", " " * 50]
texts = st.one_of(st.text(), st.lists(st.sampled_from(PARTS + SPACES), max_size=120).map("".join))


@given(texts, st.integers(1, 40))
def test_passages_of_any_text(text: str, limit: int) -> None:
    fitting(normalise(text), limit)


@given(st.lists(st.integers(1, 60), min_size=1, max_size=30), st.integers(2, 40))
def test_only_what_does_not_fit_is_cut(sizes: list[int], limit: int) -> None:
    """A paragraph that fits lies in one passage, and so does a sentence."""
    paragraphs = [sentence(size, f"P{n}") if size > 1 else f"P{n}." for n, size in enumerate(sizes)]
    found = passages("\n\n".join(paragraphs), limit)
    for paragraph, size in zip(paragraphs, sizes, strict=True):
        if size <= limit:
            assert any(paragraph in passage for passage in found)


def test_an_article_of_one_word_is_one_passage() -> None:
    assert split("Word", EMBEDDER, 160) == [(0, 4)]
    assert split("", EMBEDDER, 160) == split(" \n", EMBEDDER, 160) == []


def test_paragraphs_are_packed_while_they_fit() -> None:
    text = "\n\n".join(sentence(n) for n in (40, 50, 60, 20, 90))
    assert [n_tokens(p) for p in passages(text, 100)] == [90, 80, 90]


def test_a_paragraph_that_is_too_long_is_cut_evenly_at_sentences() -> None:
    paragraph = " ".join(sentence(10) for _ in range(12))
    found = passages(paragraph, 100)
    assert [n_tokens(p) for p in found] == [60, 60]
    assert all(p.endswith("end.") for p in found)


def test_the_rest_of_a_long_paragraph_takes_up_a_short_one_after_it() -> None:
    text = " ".join(sentence(10) for _ in range(12)) + "\n\n" + sentence(30, "Last")
    assert [n_tokens(p) for p in passages(text, 100)] == [60, 90]


def test_a_short_last_passage_takes_from_the_one_before() -> None:
    text = "\n\n".join(sentence(n) for n in (30, 30, 30, 20))
    assert [n_tokens(p) for p in passages(text, 100)] == [60, 50]


def test_a_sentence_that_is_too_long_is_cut_evenly_between_words() -> None:
    found = passages(" ".join(f"word{n}" for n in range(250)), 100)
    assert " ".join(found) == " ".join(f"word{n}" for n in range(250))
    assert [n_tokens(p) for p in found] == [84, 83, 83]


@pytest.mark.parametrize("heading", ["## What comes next", "What comes next", "**What comes next**"])
def test_a_heading_stays_with_what_it_heads(heading: str) -> None:
    text = f"{sentence(50)}\n\n{heading}\n\n{sentence(50, 'Under')}"
    assert passages(text, 56) == [sentence(50), f"{heading}\n\n{sentence(50, 'Under')}"]


def test_a_list_item_or_a_sentence_is_no_heading() -> None:
    for line in ("- an item", "A sentence.", "one, two,"):
        text = f"{sentence(50)}\n\n{line}\n\n{sentence(50)}"
        assert passages(text, 56)[0] == f"{sentence(50)}\n\n{line}"


def test_a_long_word_and_long_white_space_count_for_many_tokens() -> None:
    assert [len(p) for p in passages("x" * 10_000, 100)] == [2000] * 5
    assert len(passages("a" + " " * 10_000 + "b", 100)) == 2


def test_the_embedder_bounds_a_passage_too() -> None:
    assert max(n_tokens(p) for p in passages(" ".join(["word"] * 1000), 10_000)) <= EMBEDDER.max_tokens


def test_the_title_is_embedded_with_the_passage_unless_it_begins_it() -> None:
    assert embedded_text("The title", "The text.") == "The title\nThe text."
    assert embedded_text("The title", "The title\nand text.") == "The title\nand text."


@pytest.mark.parametrize(
    "text",
    [
        "x" * 1_000_000,
        "a" + "\n" * 100_000 + "b",
        "a\n" * 10_000,
        "the cat sat on the mat " * 10_000,
        'The cat sat on the mat. "Why?" he said. ' * 5_000,
        "# h\n" * 10_000,
        "“a. " * 20_000,
    ],
    ids=["word", "newlines", "lines", "no sentence", "one paragraph", "headings", "open quotes"],
)
def test_time_grows_with_length_alone(text: str) -> None:
    started = time.process_time()
    split(text, EMBEDDER, 160)
    assert time.process_time() - started < 2.5


@pytest.mark.data
def test_real_articles_are_read_and_split_whole() -> None:
    if "CITEWISE_DATA" not in os.environ:
        pytest.skip("needs CITEWISE_DATA")
    corpora = Path(os.environ["CITEWISE_DATA"], "corpora")
    sources, failures, _ = find([corpora / "digitalgov.jsonl", corpora / "blog_18f.jsonl"])
    articles = [item for source in sources for item in read(source)]
    assert failures == [] and len(articles) == 2312
    cut_sentences = n_sentences = 0
    for article in articles:
        assert isinstance(article, Article)
        of_sentences = {start for start, _ in sentences(article.text)}
        of_passages = {start for start, _ in fitting(article.text, 160)}
        cut_sentences += len(of_passages - of_sentences)
        n_sentences += len(of_sentences)
    assert cut_sentences < n_sentences / 1000
