"""Retrievers: at most k, distinct, best first, ties by id; and fusion by the published sum."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import pytest

from rag.domain import EVERYWHERE, Hit, Passage, Retriever, Vectors, Where
from rag.retrieve import RANK_CONSTANT, Dense, Fused, Scored, Words, closed_up
from rag.store import Store
from tests.conftest import Collection, put
from tests.fakes import FixedRetriever, LetterEmbedder, passage

HERE = Where(articles=("1.txt",), since=date(2017, 1, 1))


class Shelf:
    """Passages 1 to n, and what is found for anything; remembers what it was asked."""

    def __init__(self, found: Scored, n: int = 9) -> None:
        self.found = found
        self.held = {id: passage(f"Passage {id}.", id) for id in range(1, n + 1)}
        self.asked: list[tuple[object, int, Where]] = []

    def near(self, vector: Vectors, k: int, where: Where) -> Scored:
        self.asked.append((vector.tolist(), k, where))
        return self.found[:k]

    def matching(self, question: str, k: int, where: Where) -> Scored:
        self.asked.append((question, k, where))
        return self.found[:k]

    def passages(self, ids: Sequence[int]) -> dict[int, Passage]:
        return {id: self.held[id] for id in sorted(ids, reverse=True) if id in self.held}


def ids(hits: list[Hit]) -> list[int]:
    return [hit.passage.id for hit in hits]


def fixed(*ids: int) -> FixedRetriever:
    return FixedRetriever([Hit(passage(f"Passage {id}.", id), 1 / id) for id in ids])


def test_what_is_set_aside_leaves_ranks_and_scores_as_without_it() -> None:
    hits = Fused({"a": fixed(9, 1, 2), "b": fixed(2, 9, 3)}, depth=10).retrieve("?", 10)
    alone = Fused({"a": fixed(1, 2), "b": fixed(2, 3)}, depth=10).retrieve("?", 10)
    assert closed_up([hit for hit in hits if hit.passage.id != 9], hits[:1]) == alone
    unfused = fixed(1, 2).retrieve("?", 2)
    assert closed_up(unfused[1:], unfused[:1]) == unfused[1:]


def test_dense_asks_with_the_vector_of_the_question() -> None:
    shelf = Shelf([(3, 0.9), (1, 0.5)])
    hits = Dense(shelf, LetterEmbedder()).retrieve("a b", 2, HERE)
    assert [(hit.passage, hit.score) for hit in hits] == [(shelf.held[3], 0.9), (shelf.held[1], 0.5)]
    assert shelf.asked == [(LetterEmbedder().embed_questions(["a b"])[0].tolist(), 2, HERE)]


def test_words_asks_with_the_question_itself() -> None:
    shelf = Shelf([(3, 7.5), (1, 2.5)])
    hits = Words(shelf).retrieve("Who?", 2, HERE)
    assert [(hit.passage, hit.score) for hit in hits] == [(shelf.held[3], 7.5), (shelf.held[1], 2.5)]
    assert shelf.asked == [("Who?", 2, HERE)]


def test_a_passage_that_went_meanwhile_is_left_out() -> None:
    shelf = Shelf([(3, 0.9), (99, 0.8), (1, 0.5)])
    assert ids(Dense(shelf, LetterEmbedder()).retrieve("a", 3)) == [3, 1]
    assert ids(Words(shelf).retrieve("a", 3)) == [3, 1]


def test_fusion_adds_up_reciprocal_ranks() -> None:
    hits = Fused({"a": fixed(1, 2, 3), "b": fixed(3, 4)}, depth=10).retrieve("?", 10)
    score = {
        1: 1 / (RANK_CONSTANT + 1),
        2: 1 / (RANK_CONSTANT + 2),
        3: 1 / (RANK_CONSTANT + 3) + 1 / (RANK_CONSTANT + 1),
        4: 1 / (RANK_CONSTANT + 2),
    }
    assert [(hit.passage.id, hit.score) for hit in hits] == [
        (id, pytest.approx(score[id])) for id in (3, 1, 2, 4)
    ]


def test_fusion_settles_ties_by_id() -> None:
    assert ids(Fused({"a": fixed(7, 2), "b": fixed(3, 5)}, depth=10).retrieve("?", 3)) == [3, 7, 2]


def test_fusion_considers_depth_and_returns_k() -> None:
    shelf = Shelf([(id, 1 / id) for id in range(1, 10)])
    fused = Fused({"words": Words(shelf)}, depth=5)
    assert ids(fused.retrieve("?", 2, HERE)) == [1, 2]
    assert ids(fused.retrieve("?", 8, HERE)) == list(range(1, 9))
    assert shelf.asked == [("?", 5, HERE), ("?", 8, HERE)]


def test_fusion_of_nothing_is_nothing() -> None:
    assert Fused({}, depth=5).retrieve("?", 3) == []
    assert Fused({"a": fixed(), "b": fixed()}, depth=5).retrieve("?", 3) == []


def test_fusion_nests() -> None:
    inner = Fused({"a": fixed(1, 2)}, depth=5)
    assert ids(Fused({"inner": inner, "b": fixed(2)}, depth=5).retrieve("?", 5)) == [2, 1]


@pytest.fixture
def store(collection: Collection):
    with collection.writing() as truth:
        for n in range(12):
            put(
                truth,
                f"a{n:02}",
                "apple pear",
                f"apple number {n}",
                "apple pear",
                source="even" if n % 2 == 0 else "",
            )
    with Store(collection.index) as opened:
        yield opened


def retrievers(store: Store) -> dict[str, Retriever]:
    dense, words = Dense(store, LetterEmbedder()), Words(store)
    return {
        "dense": dense,
        "words": words,
        "fused": Fused({"meaning": dense, "words": words}, depth=9),
        "fake": fixed(1, 2, 3),
    }


@pytest.mark.parametrize("name", ["dense", "words", "fused", "fake"])
@pytest.mark.parametrize("k", [1, 5, 36, 100])
def test_every_retriever_keeps_the_promise(store: Store, name: str, k: int) -> None:
    hits = retrievers(store)[name].retrieve("apple pear", k, EVERYWHERE)
    assert 0 < len(hits) <= k
    assert len(set(ids(hits))) == len(hits)
    assert hits == sorted(hits, key=lambda hit: (-hit.score, hit.passage.id))


@pytest.mark.parametrize("name", ["dense", "words", "fused"])
def test_every_retriever_heeds_the_filter(store: Store, name: str) -> None:
    hits = retrievers(store)[name].retrieve("apple pear", 100, Where(sources=("even",)))
    assert len(hits) == 18
    assert {hit.passage.article.source for hit in hits} == {"even"}


def test_a_question_without_words_to_search_for_is_left_to_dense(store: Store) -> None:
    found = retrievers(store)
    assert found["words"].retrieve("who is it", 5) == []
    assert ids(found["fused"].retrieve("who is it", 5)) == ids(found["dense"].retrieve("who is it", 5))
