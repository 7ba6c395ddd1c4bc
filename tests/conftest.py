"""An index that tests write to directly, passage by passage, without files and splitting."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from rag.domain import Article, Vectors
from rag.index import caches, folder
from rag.index.truth import Piece, Truth, vector_key
from rag.store import Shape, Store
from tests.fakes import LetterEmbedder
from tests.smollm import smollm  # noqa: F401 - a fixture

if TYPE_CHECKING:
    from playwright.sync_api import Browser

SHAPE = Shape(LetterEmbedder.name, LetterEmbedder.dim, 40)


def vector(text: str) -> Vectors:
    """The vector of a text, rounded as the index keeps it."""
    return LetterEmbedder().embed_questions([text])[0].astype(np.float16).astype(np.float32)


def article(id: str, *texts: str, source: str = "", published: date | None = None) -> Article:
    return Article(id, f"On {id}", "\n".join(texts), source, published)


def pieces(*texts: str) -> list[Piece]:
    """One passage for each text, one after the other."""
    made, start = [], 0
    for text in texts:
        row = vector(text).astype(np.float16).tobytes()
        made.append(Piece(start, start + len(text), vector_key(LetterEmbedder.name, text), row))
        start += len(text) + 1
    return made


def put(truth: Truth, id: str, *texts: str, source: str = "", published: date | None = None) -> list[int]:
    """Store an article in a change of its own, its id being its place and its file; return its passages' ids."""
    with truth.change():
        truth.put(article(id, *texts, source=source, published=published), id, id, pieces(*texts))
    return [passage.id for passage in truth.passages_of(id)]


def remove(truth: Truth, id: str) -> None:
    with truth.change():
        truth.remove(number(truth, id))


def number(truth: Truth, id: str) -> int:
    return next(known.n for known in truth.known() if known.id == id)


class Collection:
    """An index folder; each call opens and closes it as a run of its own would."""

    def __init__(self, index: Path) -> None:
        self.index = index

    @contextmanager
    def writing(self, *, flush: bool = True) -> Iterator[Truth]:
        with folder.writing(self.index):
            generation = folder.prepare(self.index, SHAPE.facts())
            truth = Truth(generation / folder.DATABASE, write=True)
            try:
                yield truth
                if flush:
                    caches.flush(generation, truth, final=True)
            finally:
                truth.close()

    def put(self, id: str, *texts: str, flush: bool = True) -> list[int]:
        with self.writing(flush=flush) as truth:
            return put(truth, id, *texts)

    def remove(self, id: str, *, flush: bool = True) -> None:
        with self.writing(flush=flush) as truth:
            remove(truth, id)

    @property
    def generation(self) -> Path:
        return folder.live(self.index)

    @property
    def database(self) -> Path:
        return self.generation / folder.DATABASE

    @property
    def vectors(self) -> Path:
        return self.generation / caches.VECTORS

    @property
    def words(self) -> Path:
        return self.generation / caches.WORDS


def near(store: Store, text: str, k: int = 5) -> list[int]:
    return [id for id, _ in store.near(vector(text), k)]


def matching(store: Store, text: str, k: int = 5) -> list[int]:
    return [id for id, _ in store.matching(text, k)]


@pytest.fixture
def collection(tmp_path: Path) -> Collection:
    """An index folder that is not there yet."""
    return Collection(tmp_path / "index")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """An empty articles.db."""
    made = tmp_path / folder.DATABASE
    Truth.create(made, {**SHAPE.facts(), "uid": "u"})
    return made


@pytest.fixture
def truth(path: Path) -> Iterator[Truth]:
    """An empty articles.db, open for writing."""
    opened = Truth(path, write=True)
    yield opened
    opened.close()


@pytest.fixture
def reader(path: Path) -> Iterator[Truth]:
    """The same articles.db, open for reading."""
    opened = Truth(path)
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A Chromium for the tests of a module; for a session it would keep its event loop running in all others."""
    from playwright.sync_api import sync_playwright

    from tests.served import ARGUMENTS, CHROMIUM

    with sync_playwright() as playwright:
        yield playwright.chromium.launch(executable_path=str(CHROMIUM), args=ARGUMENTS)
