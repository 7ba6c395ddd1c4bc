"""Any text is covered by its passages, and any bytes are articles or complaints, whatever the format."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ingest.formats import MODULES
from ingest.read import Failure, Skipped, find, read
from ingest.split import split
from rag.domain import Article
from rag.text import normalise
from tests.fakes import LetterEmbedder

anything = st.text(st.characters(codec=None, exclude_categories=()), max_size=300)
_STRANGE = (
    "word |\n\n|\n|# |\r\n|\0|\ud800|e\u0301\u0323|\u202e|\u2067|\ufeff|\u200b|\u2029|\x85|. |ﬁ|क्षि|ß|---\n"
)
pieces = st.sampled_from([*_STRANGE.split("|"), " " * 80, "a" * 300, "一" * 50, "👩\u200d👧", "\U000e0001"])
strange = st.one_of(anything, st.lists(pieces, max_size=60).map("".join))
in_any_folder = settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def read_back(path: Path) -> list[Article | Failure | Skipped]:
    """Return what a file holds, read as one that was given by name."""
    sources, failed, _ = find([path])
    return [*failed, *(item for source in sources for item in read(source))]


def covered(article: Article, limit: int) -> None:
    """Assert that its passages are in order, apart, within it, and hold all but white space."""
    position = 0
    for start, end in split(article.text, LetterEmbedder(), limit):
        assert position <= start < end <= len(article.text)
        assert not article.text[position:start].strip()
        assert article.text[start:end].strip()
        position = end
    assert not article.text[position:].strip()


@in_any_folder
@given(text=strange, limit=st.integers(1, 40), suffix=st.sampled_from([".txt", ".md"]))
def test_any_text_of_a_file_is_covered_by_its_passages(
    tmp_path: Path, text: str, limit: int, suffix: str
) -> None:
    path = tmp_path / f"any{suffix}"
    path.write_bytes(text.encode("utf-8", "surrogatepass"))
    (item,) = read_back(path)
    if isinstance(item, Article):
        assert normalise(item.text) == item.text and item.text.encode()
        covered(item, limit)


@in_any_folder
@given(said=st.lists(st.tuples(strange, strange), min_size=1, max_size=5), limit=st.integers(1, 40))
def test_any_text_of_a_line_is_covered_by_its_passages(
    tmp_path: Path, said: list[tuple[str, str]], limit: int
) -> None:
    path = tmp_path / "any.jsonl"
    rows = ({"id": str(n), "title": title, "text": text} for n, (title, text) in enumerate(said))
    path.write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    items = read_back(path)
    assert len(items) == len(said)
    for item in items:
        if isinstance(item, Article):
            assert normalise(item.title) == item.title and item.title.encode() and item.text.encode()
            covered(item, limit)


@pytest.mark.parametrize("suffix", sorted(MODULES))
@settings(in_any_folder, max_examples=15)
@given(content=st.one_of(st.binary(max_size=400), strange.map(lambda s: s.encode("utf-8", "surrogatepass"))))
def test_any_bytes_are_articles_or_complaints(tmp_path: Path, suffix: str, content: bytes) -> None:
    path = tmp_path / f"any{suffix}"
    path.write_bytes(content)
    for item in read_back(path):
        assert isinstance(item, Article | Failure | Skipped)
        if isinstance(item, Article):
            assert item.text.strip() and item.text.encode()
        else:
            assert "any" in item.path and "\n" not in item.path
