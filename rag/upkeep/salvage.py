"""What can be saved of a damaged articles.db: whole articles that prove to be what was stored, into a new one.

An article is kept if its sum is right, no index contradicts its names, its passages hold all its words, and each of
these has a sound vector under the key of its text, or one in vectors.faiss. Passages get new ids.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import islice
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from rag.domain import Article
from rag.index.truth import Piece, Truth, fingerprint, vector_key
from rag.store import Shape
from rag.upkeep.checks import fits, is_sound, may_be_embedded
from rag.upkeep.witness import Witness
from rag.upkeep.wreck import Wreck

Guess = Callable[[], Shape]
"""The shape that an index is likely to have, asked for when it cannot be read."""

_SAMPLED = 100  # articles that tell which embedder made the vectors
_NEAR = 0.9  # cosine; the next passages are at .5 or so
Numbers = NDArray[np.int64]


class _Part(NamedTuple):
    """A row of a passage; ``vector`` is the number of the vector."""

    article: int
    start: int
    end: int
    vector: int
    id: int


@dataclass(frozen=True, slots=True)
class _Found:
    """An article that was read, whose sum is right, and its passages."""

    article: Article
    place: str
    file: str
    passages: tuple[_Part, ...] | None  # None: some are lost


class Saved(NamedTuple):
    """What was not saved: the names as far as known, and how many of them have a text that was read and is proved."""

    lost: list[str]
    n_read: int


class Salvage:
    """What a wreck holds. Its memory grows with the passages, by 56 bytes each, and with the names of articles."""

    def __init__(self, wreck: Wreck, witness: Witness) -> None:
        self._wreck, self._witness = wreck, witness
        self._ids = _names(wreck.entries("id", "articles"))
        self._places = _names(wreck.entries("place", "articles"))
        self._passages = _table(((*row[1:], row[0]) for row in wreck.rows("passages")), 5)
        self._files: dict[int, str] = {}
        self._listed = _table((), 2)
        if wreck.knows_lookups:
            self._files = _names(wreck.entries("file", "articles"))
            self._listed = _table(wreck.entries("article", "passages"), 2)

    @property
    def last_id(self) -> int:
        """The highest id of a passage that is known of."""
        ids = np.concatenate([self._passages[:, -1], self._listed[:, -1], [0, self._wreck.counter()]])
        return int(ids.max())

    def shape(self, others: Iterable[Shape], guess: Guess | None) -> Shape | None:
        """Return the shape whose embedder made the vectors, by their keys, or the likeliest where none can be read.

        It is the recorded one, one of ``others``, or the ``guess``; None if it is none of them.
        """
        proofs = [
            proof
            for _, _, found in islice(self._articles(), _SAMPLED)
            if found
            for proof in self._proofs(found)
        ]
        likely: Iterator[Shape] = iter([*self._recorded(), *others])
        for shape in _and_then(likely, guess):
            made = [len(vector) // 2 for key, vector, text in proofs if key in _keys(shape.embedder, *text)]
            if made or not proofs:
                dim = Counter(made).most_common(1)[0][0] if made else shape.dim
                return Shape(shape.embedder, dim, shape.passage_tokens)
        return None

    def save(self, truth: Truth, shape: Shape) -> Saved:
        """Put all that is proved into ``truth``; return what is not."""
        lost, taken, read = dict(self._ids), set[tuple[str, str]](), set[int]()
        for n, name, found in self._articles():
            if lost.setdefault(n, name) != name:
                lost[n] += f" (or {name})"
            if found is None:
                continue
            read.add(n)
            pieces = self._pieces(found, shape)
            if pieces is None:
                continue
            names = {("id", found.article.id), ("place", found.place)}
            if not names & taken:
                with truth.change():
                    truth.put(found.article, found.place, found.file, pieces)
                taken |= names
                del lost[n]
        return Saved(sorted(lost.values()), len(read & lost.keys()))

    def _articles(self) -> Iterator[tuple[int, str, _Found | None]]:
        """Yield number, name and contents of each article that can be read; no contents where its sum is not right."""
        for n, *row in self._wreck.rows("articles"):
            id, place, file, sha256, *said = row
            name = id if isinstance(id, str) else f"number {n}"
            witnesses = zip((id, place, file), (self._ids, self._places, self._files), strict=True)
            is_sure = all(isinstance(own, str) and told.get(n, own) == own for own, told in witnesses)
            article = _article(id, said) if is_sure else None
            if article is None or fingerprint(article) != sha256:
                yield n, name, None
            else:
                yield n, name, _Found(article, place, file, self._passages_of(n))

    def _passages_of(self, n: int) -> tuple[_Part, ...] | None:
        """Return the passages of an article, None if an index knows of others."""
        rows, listed = _of(self._passages, n), _of(self._listed, n)
        if np.setdiff1d(listed[:, 1], rows[:, -1]).size:
            return None
        parts = (_Part(*row) for row in rows.tolist())
        return tuple({(part.start, part.end): part for part in parts}.values())  # each may be read twice

    def _pieces(self, found: _Found, shape: Shape) -> list[Piece] | None:
        """Return the passages with their vectors; None unless all is there."""
        text, title, parts = found.article.text, found.article.title, found.passages
        if parts is None or not fits(text, [(part.start, part.end) for part in parts]):
            return None
        made = [self._piece(shape, title, text[part.start : part.end], part) for part in parts]
        whole = [piece for piece in made if piece is not None]
        return whole if len(whole) == len(made) else None

    def _piece(self, shape: Shape, title: str, text: str, part: _Part) -> Piece | None:
        """Return a passage with its vector: as the witness has it, unless it is quite another."""
        keys, told = _keys(shape.embedder, title, text), self._witness.vector(part.id)
        for key, vector in self._wreck.vectors(part.vector, keys):
            if key in keys and is_sound(vector, shape.dim):
                return Piece(part.start, part.end, key, told if told and _are_near(told, vector) else vector)
        usual = keys[0] if text.startswith(title) else keys[1]
        return Piece(part.start, part.end, usual, told) if told and is_sound(told, shape.dim) else None

    def _proofs(self, found: _Found) -> Iterator[tuple[bytes, bytes, tuple[str, str]]]:
        """Yield (key, vector, title and text) of an article's passages."""
        for part in found.passages or ():
            for key, vector in self._wreck.vectors(part.vector, []):
                yield key, vector, (found.article.title, found.article.text[part.start : part.end])

    def _recorded(self) -> Iterator[Shape]:
        embedder, dim, tokens = (self._wreck.meta(key) for key in ("embedder", "dim", "passage_tokens"))
        if embedder and dim.isdecimal() and tokens.isdecimal():
            yield Shape(embedder, int(dim), int(tokens))


def _and_then(likely: Iterator[Shape], guess: Guess | None) -> Iterator[Shape]:
    yield from likely
    if guess:
        yield guess()


def _article(id: str, said: Sequence[Any]) -> Article | None:
    title, text, source, published, url, meta = said
    try:
        day = date.fromisoformat(published) if published else None
        article = Article(id, title, text, source, day, url, dict(json.loads(meta)))
    except (TypeError, ValueError, RecursionError):
        return None
    return article if all(isinstance(part, str) for part in (title, text, source, url)) else None


def _keys(embedder: str, title: str, text: str) -> list[bytes]:
    return [vector_key(embedder, embedded) for embedded in may_be_embedded(title, text)]


def _are_near(one: bytes, other: bytes) -> bool:
    """Whether two vectors of unit length are the same but for some damaged numbers."""
    first, second = (np.frombuffer(vector, dtype=np.float16).astype(np.float32) for vector in (one, other))
    return len(first) == len(second) and bool(first @ second > _NEAR)


def _names(entries: Iterable[tuple[Any, int]]) -> dict[int, str]:
    return {n: name for name, n in entries if isinstance(n, int) and isinstance(name, str)}


def _table(rows: Iterable[tuple[Any, ...]], width: int) -> Numbers:
    """Return rows of whole numbers ``(n, width)`` in order; others are left out."""
    numbers = (number for row in rows if all(isinstance(part, int) for part in row) for number in row)
    table = np.fromiter(numbers, dtype=np.int64).reshape(-1, width)
    ordered: Numbers = table[np.lexsort(table.T[::-1])]
    return ordered


def _of(table: Numbers, n: int) -> Numbers:
    low, high = np.searchsorted(table[:, 0], [n, n + 1])
    part: Numbers = table[low:high]
    return part
