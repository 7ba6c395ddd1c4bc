"""The words of a few passages are found and ranked as tantivy finds and ranks them."""

from __future__ import annotations

import random

import pytest

from rag.index import words
from rag.index.word_tail import WordTail
from rag.store import Store
from tests.conftest import Collection, matching

WORDS = "Climate policies François résumé elections fishing Harbour bridges über strikes 2017".split()


def texts(n: int, seed: int = 0) -> list[words.Text]:
    chance = random.Random(seed)
    return [
        (id, chance.choice(WORDS), " ".join(chance.choices(WORDS, k=chance.randint(1, 30))))
        for id in range(1, n + 1)
    ]


@pytest.mark.parametrize("question", ["climate", "francois election", "harbours of über bridges", "nothing"])
def test_it_ranks_as_tantivy_does(question: str) -> None:
    passages = texts(200)
    asked = words.terms(question)
    mine = WordTail().and_also(passages[:50]).and_also(passages[50:])
    theirs = words.in_memory(passages)
    found, expected = mine.search(asked, 200), dict(theirs.search(asked, 200))
    assert dict(found) == pytest.approx(expected, rel=0.02)  # tantivy keeps lengths in a byte
    assert found == sorted(found, key=lambda hit: (-hit[1], hit[0]))
    for word in asked:
        assert sorted(mine.holders(word)[0]) == sorted(theirs.holders(word)[0])


def test_a_filter_and_a_limit_are_kept() -> None:
    tail = WordTail().and_also(texts(40))
    everything = tail.search(["climat"], 40)
    among = {id for id, _ in everything[::2]}
    assert tail.search(["climat"], 3, among) == everything[::2][:3]
    assert tail.search(["climat"], 0) == tail.search([], 5) == WordTail().search(["climat"], 5) == []


def test_what_was_added_to_a_tail_is_not_in_it_before() -> None:
    before = WordTail().and_also(texts(3))
    assert len(before.and_also([(9, "", "climate")])) == 4
    assert len(before) == 3


def test_a_tail_that_outgrows_it_is_searched_all_the_same(
    collection: Collection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rag.index.generation.FEW", 3)
    collection.put("a", "one climate")
    with Store(collection.index) as store:
        for n, id in enumerate("bcdefg", start=2):
            collection.put(id, f"climate {id * n}", flush=False)
            store.refresh()
            assert len(matching(store, "climate", 20)) == n
        collection.remove("c", flush=False)
        store.refresh()
        assert len(matching(store, "climate", 20)) == 6


def test_a_words_index_that_is_open_follows_the_folder(collection: Collection) -> None:
    collection.put("a", "one climate")
    old = words.load(collection.words)
    collection.put("b", "two climates")
    new = words.load(collection.words, old)
    assert len(new.search(["climat"], 9)) == 2
    assert len(old.search(["climat"], 9)) == 1, "who is still answering from it sees what it saw"
    words.create(collection.words, [(7, "", "climate")], words.NOWHERE)
    assert words.load(collection.words, new).ids() == [7]
