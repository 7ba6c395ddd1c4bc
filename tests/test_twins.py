"""Near-identical articles: told from others, shown as one, with all that published them."""

from __future__ import annotations

from dataclasses import replace
from types import MappingProxyType

import pytest

from rag.domain import EVERYWHERE, Article, Citation, Copy, Hit, Passage
from rag.index import twins
from rag.index.truth import Truth
from rag.retrieve import Distinct
from rag.store import Store
from tests.conftest import Collection

SUBJECTS = "minister council bank harbour school court museum hospital farmer union airline river".split()
VERBS = "announced refused opened closed bought sold praised fined visited rebuilt".split()


def story(seed: int, n: int = 40) -> list[str]:
    """Sentences that only this story has."""
    return [
        f"The {SUBJECTS[(seed + i * i) % 12]} of town {seed} {VERBS[(i + seed) % 10]} item {seed * i} on day {i}."
        for i in range(n)
    ]


def text_of(seed: int) -> str:
    return " ".join(story(seed))


def is_alike(a: str, b: str) -> bool:
    return twins.alike(twins.shingles(a), twins.shingles(b))


COPIES = {
    "the same": text_of(1),
    "other case and spaces": text_of(1).upper().replace(" ", "\n\n"),
    "another head": "By our own reporter, Lindau, Monday. " + text_of(1),
    "the last sentences cut": " ".join(story(1)[:33]),
    "a paragraph left out": " ".join(story(1)[:10] + story(1)[15:]),
}
OTHERS = {
    "another story": text_of(2),
    "half of it": " ".join(story(1)[:20] + story(3)[:20]),
    "its beginning alone": " ".join(story(1)[:8]),
    "nothing": "",
    "a few words": "The minister of town 1 announced item 0.",
}


@pytest.mark.parametrize("kind", COPIES)
def test_a_copy_is_known_and_shares_a_band(kind: str) -> None:
    a, b = twins.shingles(text_of(1)), twins.shingles(COPIES[kind])
    assert twins.alike(a, b)
    assert set(twins.bands(a)) & set(twins.bands(b))


@pytest.mark.parametrize("kind", OTHERS)
def test_another_article_is_no_copy(kind: str) -> None:
    assert not is_alike(text_of(1), OTHERS[kind])


def test_a_short_text_is_nobodys_copy() -> None:
    assert not is_alike("To be continued.", "To be continued.")


def test_a_text_of_a_few_sentences_is_a_copy_of_the_same_words_alone() -> None:
    text = "The bridge at Lindau was closed on Monday because of a crack in its third pier."
    assert is_alike(text, text.upper())
    assert not is_alike(text, text.replace("third", "second"))


# ---- in an index


def copies_of(truth: Truth, id: str) -> list[str]:
    article = truth.article(id)
    assert article is not None
    return [copy.id for copy in article.copies]


def test_articles_find_together_and_part_again(collection: Collection) -> None:
    for id, kind in (("a", "the same"), ("b", "another head"), ("c", "the last sentences cut")):
        collection.put(id, COPIES[kind], flush=False)
    collection.put("d", text_of(2), flush=False)
    with collection.writing() as truth:
        assert [copies_of(truth, id) for id in "abcd"] == [["b", "c"], ["a", "c"], ["a", "b"], []]
    collection.remove("a", flush=False)
    with collection.writing() as truth:
        assert [copies_of(truth, id) for id in "bcd"] == [["c"], ["b"], []]
    collection.put("c", text_of(2), flush=False)
    with collection.writing() as truth:
        assert [copies_of(truth, id) for id in "bcd"] == [[], ["d"], ["c"]]
        assert truth.rows("SELECT count(*) FROM bands WHERE article NOT IN (SELECT n FROM articles)") == [
            (0,)
        ]


def test_an_index_of_before_is_read_and_brought_up_when_it_is_written(collection: Collection) -> None:
    collection.put("a", text_of(1))
    with collection.writing() as truth, truth.transaction():
        for table in ("bands", "twins"):
            truth.run(f"DROP TABLE {table}", ())
    with Store(collection.index) as store:
        assert store.article("a").copies == ()
    collection.put("a", text_of(1), flush=False)
    collection.put("b", text_of(1), flush=False)
    with Store(collection.index) as store:
        assert [copy.id for copy in store.article("a").copies] == ["b"]


# ---- in answers


class Listed:
    """A retriever that has found these."""

    def __init__(self, hits: list[Hit]) -> None:
        self.hits = hits

    def retrieve(self, question: str, k: int, where: object = EVERYWHERE) -> list[Hit]:
        return self.hits[:k]


def hit(id: int, article: Article, first: int, last: int) -> Hit:
    sentences = story(1)
    start = len(" ".join(sentences[:first])) + (first > 0)
    end = len(" ".join(sentences[:last]))
    return Hit(Passage(id, article, start, end), 1 / id)


def test_a_passage_stands_once_however_many_published_it() -> None:
    herald = Article("a", "A", text_of(1), "The Herald", copies=(Copy("b", "B", "The Courier", ""),))
    courier = Article("b", "B", text_of(1), "The Courier", copies=(Copy("a", "A", "The Herald", ""),))
    stranger = Article("c", "C", text_of(1), "The Times")
    hits = [
        hit(1, herald, 0, 8),
        hit(2, courier, 1, 8),  # the same passage, cut elsewhere
        hit(3, courier, 20, 28),
        hit(4, stranger, 0, 8),
        hit(5, herald, 20, 28),
        hit(6, herald, 30, 38),
    ]
    distinct = Distinct(Listed(hits))
    assert [found.passage.id for found in distinct.retrieve("q", 10)] == [1, 3, 4, 6]
    assert [found.passage.id for found in distinct.retrieve("q", 3)] == [1, 3, 4]
    assert [found.passage.id for found in distinct.retrieve("q", 1)] == [1]


def test_a_copy_that_is_not_trusted_takes_nobodys_place() -> None:
    genuine = Article("a", "A", text_of(1), "The Herald", copies=(Copy("b", "B", "The Courier", ""),))
    hostile = Article("b", "B", text_of(1), "The Courier", copies=(Copy("a", "A", "The Herald", ""),))
    hits = [hit(1, hostile, 0, 8), hit(2, genuine, 0, 8), hit(3, hostile, 1, 8)]

    def trusted(question: str, one: Hit) -> bool:
        return question == "q" and one.passage.article is genuine

    distinct = Distinct(Listed(hits), trusted)
    assert [found.passage.id for found in distinct.retrieve("q", 10)] == [1, 2]


def test_a_citation_knows_its_page() -> None:
    article = Article("a", "A", text_of(1), meta=MappingProxyType({"pages": "0 100 100 250"}))
    passage = Passage(1, article, 0, 400)
    assert [Citation(1, passage, at, at + 1).page for at in (0, 99, 100, 249, 250)] == [1, 1, 3, 3, 4]
    assert Citation(1, Passage(1, replace(article, meta={}), 0, 9), 0, 5).page is None
