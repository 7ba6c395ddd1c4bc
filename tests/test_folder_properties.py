"""Whatever becomes of a folder, and whatever ends a run early, its index says what the files say, and never lies."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from unittest import mock

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

from ingest import sync
from ingest.split import split
from rag.index import caches, folder
from rag.index.database import Database
from rag.store import Store
from rag.upkeep import doctor, swap
from tests.fakes import LetterEmbedder

SIZES = (32, 48)  # tokens of a passage
WORDS = ("apple", "kiwi", "plum", "melon", "fig", "grape", "mango", "pear")
ALL = 10_000  # more passages than there ever are
words = st.lists(st.sampled_from(WORDS), min_size=1, max_size=40).map(" ".join)
texts = st.lists(words, min_size=1, max_size=3).map("\n\n".join)
names = st.sampled_from([*(f"n{n}.txt" for n in range(5)), "m.md"])


class Crash(BaseException):
    """Ends a run where it stands."""


@contextmanager
def crash_at(n: int) -> Iterator[None]:
    """Raise Crash at the n-th call that changes an index; at none if there are fewer."""
    left = n

    def counted(really: Callable[..., object]) -> Callable[..., object]:
        def call(*arguments: object, **options: object) -> object:
            nonlocal left
            left -= 1
            if left < 0:
                raise Crash
            return really(*arguments, **options)

        return call

    with ExitStack() as patched:
        for owner, name in (
            (Database, "run"),
            (Database, "transaction"),
            (caches, "flush"),
            (folder, "publish"),
            (folder, "prune"),
            (LetterEmbedder, "embed_passages"),
        ):
            patched.enter_context(mock.patch.object(owner, name, counted(getattr(owner, name))))
        yield


class Collection(RuleBasedStateMachine):
    """A folder that changes, an index of it, and one who reads it all the time; the model is plain dictionaries."""

    def __init__(self) -> None:
        super().__init__()
        self.home = Path(tempfile.mkdtemp())
        self.corpus, self.index = self.home / "corpus", self.home / "index"
        self.corpus.mkdir()
        self.files: dict[str, str] = {}  # what lies in the folder
        self.said: dict[str, str] = {}  # what the index says
        self.coming: dict[str, str] | None = None  # what it is to say, after a run that was cut short
        self.before: tuple[dict[str, str], int] | None = (
            None  # what a rollback puts back, and its passage size
        )
        self.size = SIZES[0]
        self.committed: set[tuple[str, str]] = set()  # (id, text) that were ever to be stored
        self.passages: dict[int, str] = {}  # of every passage ever seen

    @initialize()
    def make(self) -> None:
        self.write("n0.txt", "apple kiwi")
        self.run()
        self.store = Store(self.index)

    # -- the folder

    @rule(name=names, text=texts)
    def write(self, name: str, text: str) -> None:
        """Add a file or change one."""
        (self.corpus / name).write_text(text)
        self.files[name] = text

    @rule(data=st.data())
    def remove(self, data: st.DataObject) -> None:
        if len(self.files) > 1:
            (self.corpus / self.chosen(data)).unlink()
            self.files = {name: text for name, text in self.files.items() if (self.corpus / name).exists()}

    @rule(data=st.data(), to=names)
    def rename(self, data: st.DataObject, to: str) -> None:
        name = self.chosen(data)
        if name != to:
            (self.corpus / name).replace(self.corpus / to)
            self.files[to] = self.files.pop(name)

    @rule(data=st.data(), other=st.data())
    def exchange(self, data: st.DataObject, other: st.DataObject) -> None:
        one, two = self.chosen(data), self.chosen(other)
        self.files[one], self.files[two] = self.files[two], self.files[one]
        for name in (one, two):
            (self.corpus / name).write_text(self.files[name])

    @rule(data=st.data())
    def touch(self, data: st.DataObject) -> None:
        (self.corpus / self.chosen(data)).touch()

    def chosen(self, data: st.DataObject) -> str:
        return data.draw(st.sampled_from(sorted(self.files)))

    # -- the index

    @rule()
    def run(self) -> None:
        self.bring_in_step(self.size)

    @rule(resume=st.booleans())
    def rebuild(self, resume: bool) -> None:
        """Make it again with the other size of passages."""
        other = self.other_size
        self.before = self.settled(), self.size
        self.bring_in_step(other, rebuild=True, resume=resume)

    @rule(n=st.integers(0, 60), rebuilds=st.booleans(), resume=st.booleans())
    def crash(self, n: int, rebuilds: bool, resume: bool) -> None:
        """End a run early; in a rebuild, the new generation may or may not answer by then."""
        was, size = self.settled(), self.other_size if rebuilds else self.size
        self.coming, self.committed = dict(self.files), self.committed | self.files.items()
        try:
            with crash_at(n):
                self.index_files(size, rebuild=rebuilds, resume=resume)
        except Crash:
            pass
        else:
            self.said, self.coming = self.coming, None
        self.store.refresh()
        if rebuilds and self.store.shape.passage_tokens == size:
            self.before, self.size = (was, self.size), size

    @rule()
    def compact(self) -> None:
        swap.compact(self.index)

    @precondition(lambda self: self.before is not None)
    @rule()
    def roll_back(self) -> None:
        assert self.before is not None
        now = self.settled(), self.size
        swap.rollback(self.index)
        (self.said, self.size), self.before = self.before, now

    def bring_in_step(self, size: int, **options: bool) -> None:
        self.committed |= self.files.items()
        self.index_files(size, **options)
        self.said, self.coming, self.size = dict(self.files), None, size

    def index_files(self, size: int, **options: bool) -> None:
        sync.index([self.corpus], self.index, LetterEmbedder(), size, yes=True, **options)

    @property
    def other_size(self) -> int:
        return SIZES[self.size == SIZES[0]]

    def settled(self) -> dict[str, str]:
        """Return what the index says by now, after a run that was cut short too."""
        with Store(self.index) as store:
            self.said, self.coming = {article.id: article.text for article in store.articles()}, None
        return dict(self.said)

    # -- whoever reads it

    @rule()
    def reopen(self) -> None:
        self.store.close()
        self.store = Store(self.index)

    @rule(text=words)
    def search(self, text: str) -> None:
        """What shares a word is found, and the nearest is as near as it can be."""
        self.store.refresh()
        held = self.held()
        sharing = {id for id, said in held.items() if set(said.split()) & set(text.split())}
        assert {id for id, _ in self.store.matching(text, ALL)} == sharing
        assert {id for id, _ in self.store.near(LetterEmbedder().embed_questions([text])[0], ALL)} == set(
            held
        )

    def held(self) -> dict[int, str]:
        """Return all passages that there are now, by what is found."""
        anything = LetterEmbedder().embed_questions(["a"])[0]
        ids = [id for id, _ in self.store.near(anything, ALL)]
        return {id: passage.text for id, passage in self.store.passages(ids).items()}

    # -- what must be true

    @invariant()
    def it_says_what_the_files_say(self) -> None:
        self.store.refresh()
        said = {article.id: article.text for article in self.store.articles()}
        if self.coming is None:
            assert said == self.said
            return
        was, coming = self.said, self.coming
        assert all(text in (was.get(id), coming.get(id)) for id, text in said.items())
        assert was.keys() & coming.keys() <= said.keys()
        assert {*was.values()} & {*coming.values()} <= {*said.values()}

    @invariant()
    def a_reader_sees_what_was_committed(self) -> None:
        self.store.refresh()
        found = [id for id, _ in self.store.near(LetterEmbedder().embed_questions(["a"])[0], ALL)]
        for id, passage in self.store.passages(found).items():
            assert (passage.article.id, passage.article.text) in self.committed
            assert passage.text == passage.article.text[passage.start : passage.end]
            assert self.passages.setdefault(id, passage.text) == passage.text, "an id was used again"

    @invariant()
    def all_of_an_article_is_found(self) -> None:
        said: dict[str, list[tuple[int, int]]] = {article.id: [] for article in self.store.articles()}
        found = [id for id, _ in self.store.near(LetterEmbedder().embed_questions(["a"])[0], ALL)]
        for passage in self.store.passages(found).values():
            said[passage.article.id].append((passage.start, passage.end))
        for article in self.store.articles():
            assert sorted(said[article.id]) == split(article.text, LetterEmbedder(), self.size)

    def teardown(self) -> None:
        try:
            if hasattr(self, "store"):
                self.run()
                self.it_says_what_the_files_say()
                assert list(doctor.faults(self.index)) == []
                self.store.close()
        finally:
            shutil.rmtree(self.home, ignore_errors=True)


def test_an_index_says_what_its_folder_says() -> None:
    run_state_machine_as_test(
        Collection,
        settings=settings(
            max_examples=8, stateful_step_count=15, deadline=None, suppress_health_check=list(HealthCheck)
        ),
    )
