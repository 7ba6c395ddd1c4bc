"""Whatever is done to an index, in whatever order, it answers as a plain dictionary would."""

from __future__ import annotations

import shutil
import tempfile
from contextlib import ExitStack
from pathlib import Path

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from rag.index import caches, folder
from rag.index.truth import Truth
from rag.store import Store
from rag.upkeep import doctor
from tests.conftest import SHAPE, Collection, article, matching, near, number, pieces, put, remove, vector

WORDS = ("apple", "kiwi", "plum", "melon", "fig", "grape", "mango", "pear")
NEAR = 1e-5
ALL = 10_000  # more than there ever are
text = st.lists(st.sampled_from(WORDS), min_size=1, max_size=3).map(" ".join)
texts = st.lists(text, min_size=1, max_size=4)
name = st.sampled_from([f"n{n}" for n in range(6)])


class Index(RuleBasedStateMachine):
    """One that is written to by one, read by another, and has its caches damaged by a third."""

    def __init__(self) -> None:
        super().__init__()
        self.home = Path(tempfile.mkdtemp())
        self.collection = Collection(self.home / "index")
        self.articles: dict[str, list[int]] = {}  # article → its passages' ids
        self.living: dict[int, str] = {}  # passage → its text
        self.dead: set[int] = set()
        self.run = ExitStack()
        self.writing = False

    @initialize()
    def make(self) -> None:
        self.start()
        self.stop(flush=True)
        self.store = Store(self.collection.index)

    # -- a run

    @precondition(lambda self: not self.writing)
    @rule()
    def start(self) -> None:
        self.truth = self.run.enter_context(self.collection.writing(flush=False))
        self.writing = True

    @precondition(lambda self: self.writing)
    @rule(flush=st.booleans())
    def stop(self, flush: bool) -> None:
        if flush:
            self.flush(final=True)
        self.run.close()
        self.writing = False

    @precondition(lambda self: self.writing)
    @rule(final=st.booleans())
    def flush(self, final: bool) -> None:
        caches.flush(self.collection.generation, self.truth, final=final)

    @precondition(lambda self: self.writing)
    @rule(id=name, texts=texts)
    def put(self, id: str, texts: list[str]) -> None:
        self.bury(id)
        ids = put(self.truth, id, *texts)
        assert not set(ids) & (self.dead | self.living.keys()), "an id was used again"
        self.articles[id] = ids
        self.living |= dict(zip(ids, texts, strict=True))

    @precondition(lambda self: self.writing and self.articles)
    @rule(data=st.data())
    def remove(self, data: st.DataObject) -> None:
        id = data.draw(st.sampled_from(sorted(self.articles)))
        remove(self.truth, id)
        self.bury(id)

    @precondition(lambda self: self.writing and self.articles)
    @rule(data=st.data(), to=name)
    def move(self, data: st.DataObject, to: str) -> None:
        id = data.draw(st.sampled_from(sorted(self.articles)))
        if to not in self.articles:
            with self.truth.change():
                self.truth.move(number(self.truth, id), to, to, to)
            self.articles[to] = self.articles.pop(id)

    @precondition(lambda self: self.writing)
    @rule(id=name, texts=texts)
    def fail(self, id: str, texts: list[str]) -> None:
        try:
            with self.truth.change():
                self.truth.put(article(id, *texts), id, id, pieces(*texts))
                raise InterruptedError
        except InterruptedError:
            pass

    @precondition(lambda self: self.writing)
    @rule()
    def rebuild(self) -> None:
        """Go over to a next generation that has the same articles under other ids."""
        generation = folder.create(self.collection.index, SHAPE.facts(), self.truth.reach().last_id)
        fresh = Truth(generation / folder.DATABASE, write=True)
        with fresh.change():
            fresh.set_meta("whole", "yes")
        old, self.articles = self.articles, {}
        for id, ids in old.items():
            self.articles[id] = put(fresh, id, *(self.living[passage] for passage in ids))
        now = {
            new: self.living[was] for id in old for new, was in zip(self.articles[id], old[id], strict=True)
        }
        assert not now.keys() & (self.dead | self.living.keys())
        self.dead |= self.living.keys()
        self.living = now
        self.run.callback(fresh.close)
        self.truth = fresh
        folder.publish(self.collection.index, generation)
        folder.prune(self.collection.index)

    def bury(self, id: str) -> None:
        for passage in self.articles.pop(id, []):
            self.dead.add(passage)
            del self.living[passage]

    # -- whoever else is there

    @rule(cache=st.sampled_from(["vectors", "words"]), kept=st.sampled_from([None, 0, 0.5, 0.99]))
    def damage(self, cache: str, kept: float | None) -> None:
        """Delete a cache or cut it short; as another file, since an open one is mapped into memory."""
        path = getattr(self.collection, cache)
        for file in [path] if path.is_file() else sorted(path.glob("*.term")):
            data = file.read_bytes()
            file.unlink()
            if kept is not None:
                file.write_bytes(data[: int(len(data) * kept)])

    @rule()
    def reopen(self) -> None:
        self.store.close()
        self.store = Store(self.collection.index)

    # -- what must be true

    @invariant()
    def is_as_the_dictionary_says(self) -> None:
        self.store.refresh()
        held = self.store.passages([*self.living, *self.dead])
        assert {id: held[id].text for id in self.living} == self.living
        assert {id: held[id].article.id for id in self.living} == {
            id: article for article, ids in self.articles.items() for id in ids
        }
        assert (self.store.status().n_articles, self.store.status().n_passages) == (
            len(self.articles),
            len(self.living),
        )

    @rule(text=text)
    def search(self, text: str) -> None:
        self.store.refresh()
        assert set(near(self.store, text, ALL)) == self.living.keys()
        sharing = {id for id, held in self.living.items() if set(held.split()) & set(text.split())}
        assert set(matching(self.store, text, ALL)) == sharing

    @invariant()
    def every_passage_is_found_by_its_own_text(self) -> None:
        self.store.refresh()
        rows = {id: vector(text) for id, text in self.living.items()}
        for id, row in rows.items():
            ((first, score),) = self.store.near(row, 1)
            assert abs(rows[first] @ row - score) < NEAR
            assert score > row @ row - NEAR
            assert id in matching(self.store, self.living[id], ALL)

    def teardown(self) -> None:
        try:
            self.run.close()
            if hasattr(self, "store"):
                self.reopen()  # nobody writes, so what is damaged is made again
                self.every_passage_is_found_by_its_own_text()
                assert list(doctor.faults(self.collection.index)) == []
                self.store.close()
        finally:
            shutil.rmtree(self.home, ignore_errors=True)


def test_an_index_answers_as_a_dictionary_would() -> None:
    run_state_machine_as_test(
        Index,
        settings=settings(
            max_examples=12, stateful_step_count=25, deadline=None, suppress_health_check=list(HealthCheck)
        ),
    )
