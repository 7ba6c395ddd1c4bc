"""Lists of articles and counts of them, told without their texts."""

from __future__ import annotations

from datetime import date

import pytest

from rag.domain import EVERYWHERE, Where
from rag.index import catalogue
from rag.index.truth import Truth
from rag.store import Store
from tests.conftest import Collection, article, pieces, put, remove

DAYS = (date(2017, 2, 19), date(2017, 2, 3), None, date(2019, 1, 1))


def store(truth: Truth, id: str, title: str, source: str, published: date | None, *texts: str) -> None:
    made = article(id, *texts, source=source, published=published)
    object.__setattr__(made, "title", title)
    with truth.change():
        truth.put(made, id, "the file", pieces(*texts))


@pytest.fixture
def four(truth: Truth) -> Truth:
    store(truth, "a.md", "École élémentaire", "Le Monde", DAYS[0], "one two", "three")
    store(truth, "b.md", "elections", "Le Monde", DAYS[1], "four")
    store(truth, "c.md", "Zebras", "BBC", DAYS[2], "five six seven", "eight", "nine")
    store(truth, "d.md", "zoo 100%", "", DAYS[3], "four")
    return truth


def ids(truth: Truth, words: str = "", where: Where = EVERYWHERE, sort: str = "title", **rest: object) -> str:
    options = {"descending": False, "first": 0, "n": 50, **rest}
    found, n_found = catalogue.listed(truth, words, where, sort, **options)  # type: ignore[arg-type]
    assert len(found) == n_found or "n" in rest
    return "".join(entry.id[0] for entry in found)


def test_an_entry_has_its_length_without_its_text(four: Truth) -> None:
    (entry, *_), n = catalogue.listed(four, "", EVERYWHERE, "title", False, 0, 1)
    assert n == 4
    assert entry == catalogue.Entry(
        "a.md", "École élémentaire", "Le Monde", "2017-02-19", len("one two\nthree"), 2
    )


@pytest.mark.parametrize(
    ("sort", "descending", "expected"),
    [
        ("title", False, "abcd"),  # É sorts as e, Z as z
        ("title", True, "dcba"),
        ("source", False, "dcab"),
        ("published", True, "dabc"),
        ("published", False, "badc"),  # the undated last either way
        ("n_chars", True, "cabd"),  # ties by id either way
        ("n_chars", False, "bdac"),
    ],
)
def test_order(four: Truth, sort: str, descending: bool, expected: str) -> None:
    assert ids(four, sort=sort, descending=descending) == expected


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("ecole", "a"),
        ("ÉLÉM", "a"),
        ("monde", "ab"),
        ("monde elec", "b"),
        ("D.MD", "d"),
        ("100%", "d"),
        ("%", "d"),
        ("_", ""),
        ("nothing", ""),
        ("  ", "abcd"),
    ],
)
def test_words_filter(four: Truth, words: str, expected: str) -> None:
    assert ids(four, words) == expected


def test_filters_and_pages(four: Truth) -> None:
    assert ids(four, where=Where(sources=("Le Monde",))) == "ab"
    assert ids(four, where=Where(since=DAYS[0])) == "ad"
    assert ids(four, where=Where(until=DAYS[1], articles=("b.md", "c.md"))) == "b"
    assert catalogue.listed(four, "monde", EVERYWHERE, "title", False, 1, 1)[1] == 2
    assert ids(four, first=1, n=2) == "bc"
    assert ids(four, first=9, n=2) == ""


def test_counts_by_source_and_month(four: Truth) -> None:
    assert catalogue.sources(four) == [("Le Monde", 2), ("", 1), ("BBC", 1)]
    assert catalogue.months(four) == [("", "BBC", 1), ("2017-02", "Le Monde", 2), ("2019-01", "", 1)]
    assert catalogue.titles(four, 3) == [
        ("d.md", "zoo 100%"),
        ("a.md", "École élémentaire"),
        ("b.md", "elections"),
    ]


def test_where_an_article_came_from(four: Truth) -> None:
    home = catalogue.home(four, "c.md")
    assert home is not None
    assert (home.place, home.file, home.n_others, home.n_passages) == ("c.md", "the file", 3, 3)
    assert catalogue.home(four, "none") is None


def test_passages_are_of_so_many_articles(truth: Truth) -> None:
    first, second = put(truth, "a", "one", "two")
    (third,) = put(truth, "b", "three")
    assert truth.n_articles_of([]) == 0
    assert truth.n_articles_of([first, second, third]) == 2
    assert truth.n_articles_of([second, 99]) == 1
    remove(truth, "a")
    assert truth.n_articles_of([first, third]) == 1


def test_an_index_lists_what_it_sees(collection: Collection) -> None:
    collection.put("a", "one")
    with Store(collection.index) as opened:
        collection.put("b", "two")
        opened.refresh()
        found, n = opened.listed("", EVERYWHERE, "title", True, 0, 5)
        assert ([entry.id for entry in found], n) == (["b", "a"], 2)
        assert opened.sources() == [("", 2)]
        assert opened.months() == [("", "", 2)]
        assert opened.titles(1) == [("a", "On a")]
        assert opened.home("b").file == "b"
        assert opened.changed_at == pytest.approx(
            max(p.stat().st_mtime for p in collection.generation.glob("articles.db*")), abs=60
        )
