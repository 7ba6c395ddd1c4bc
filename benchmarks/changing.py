"""A small folder of articles in two states, one of which becomes the other, and all that an index of it holds."""

from __future__ import annotations

import json
import random
import shutil
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from rag.index import folder
from rag.index.truth import Truth
from rag.store import Shape
from tests.fakes import LetterEmbedder

EMBEDDER = LetterEmbedder
TOKENS = 64  # of a passage
OTHER_TOKENS = 32
_PARTS = 2  # paragraphs of an article, each a passage of TOKENS and two of OTHER_TOKENS
_SYLLABLES = "ba ce di fo gu ka le mi no pu ra se ti vo zu".split()


def text(name: str, version: int = 0) -> str:
    """Return an article whose every passage has words that no other has."""
    return "\n\n".join(_paragraph(random.Random(f"{name} {version} {part}")) for part in range(_PARTS))


def _paragraph(dice: random.Random) -> str:
    return " ".join(f"{_words(dice, 29)}." for _ in range(2))


def _words(dice: random.Random, n: int) -> str:
    return " ".join("".join(dice.choices(_SYLLABLES, k=4)) for _ in range(n)).capitalize()


def _lines(*articles: tuple[str, int]) -> str:
    rows = ({"id": name, "title": name.upper(), "text": text(name, version)} for name, version in articles)
    return "".join(f"{json.dumps(row)}\n" for row in rows)


# What changes, goes, is renamed, changes places with another, comes, and nearly repeats another.
BEFORE: Mapping[str, str] = {
    "stays.txt": text("stays"),
    "changes.txt": text("changes"),
    "goes.txt": text("goes"),
    "old name.txt": text("moves"),
    "left.md": text("left"),
    "right.md": text("right"),
    "lines.jsonl": _lines(("one", 0), ("two", 0), ("three", 0)),
}
AFTER: Mapping[str, str] = {
    "stays.txt": text("stays"),
    "changes.txt": text("changes", 1),
    "new name.txt": text("moves"),
    "left.md": text("right"),
    "right.md": text("left"),
    "lines.jsonl": _lines(("one", 1), ("three", 0), ("four", 0)),
    "comes.txt": text("comes"),
    "repeats.txt": text("comes") + " Nearly.",
}


def lay(corpus: Path, files: Mapping[str, str]) -> None:
    """Let a folder hold these files and no others."""
    shutil.rmtree(corpus, ignore_errors=True)
    corpus.mkdir(parents=True)
    for name, said in files.items():
        (corpus / name).write_text(said, encoding="utf-8")


@dataclass(frozen=True, slots=True)
class Held:
    """All that an index holds of one article; ``keys`` name the vectors of its passages, in their order."""

    title: str
    text: str
    source: str
    place: str
    file: str
    spans: tuple[tuple[int, int], ...]
    keys: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Contents:
    """All that an index holds, but for its numbers: articles by id, vectors by key, sums of files, near-copies."""

    shape: Shape | None
    articles: Mapping[str, Held]
    vectors: Mapping[bytes, bytes]
    files: Mapping[str, str]
    copies: frozenset[tuple[str, ...]]

    def unlike(self, other: Contents) -> list[str]:
        """Return what differs, in words; nothing where both are equal."""
        names = ("shape", "articles", "vectors", "files", "copies")
        return [
            f"{name}: {_differing(getattr(self, name), getattr(other, name))}"
            for name in names
            if getattr(self, name) != getattr(other, name)
        ]


NOTHING = Contents(None, {}, {}, {}, frozenset())


def contents(index: Path) -> Contents:
    """Return what an index holds; nothing where there is none yet."""
    if not (index / folder.CURRENT).exists():
        return NOTHING
    return contents_of(folder.live(index) / folder.DATABASE)


def contents_of(database: Path) -> Contents:
    """Return what an articles.db holds."""
    with closing(Truth(database)) as truth, truth.snapshot():
        rows = truth.rows("SELECT id, title, text, source, place, file FROM articles ORDER BY id")
        passages: dict[str, list[tuple[int, int, bytes]]] = {}
        for id, *passage in truth.rows(
            'SELECT a.id, p.start, p."end", v.key FROM passages p JOIN articles a ON a.n = p.article '
            "JOIN vectors v ON v.n = p.vector ORDER BY a.id, p.start"
        ):
            passages.setdefault(id, []).append((passage[0], passage[1], passage[2]))
        groups: dict[int, list[str]] = {}
        for first, id in truth.rows("SELECT first, id FROM twins JOIN articles ON n = article ORDER BY id"):
            groups.setdefault(first, []).append(id)
        return Contents(
            Shape.of(truth),
            {id: _held(row, passages.get(id, [])) for id, *row in rows},
            dict(truth.rows("SELECT key, vector FROM vectors")),
            truth.files(),
            frozenset(map(tuple, groups.values())),
        )


def _held(row: Sequence[str], passages: Sequence[tuple[int, int, bytes]]) -> Held:
    title, text, source, place, file = row
    spans = tuple((start, end) for start, end, _ in passages)
    return Held(title, text, source, place, file, spans, tuple(key for _, _, key in passages))


def _differing(one: object, other: object) -> str:
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        keys = sorted(str(k) for k in one.keys() | other.keys() if one.get(k) != other.get(k))
        return f"{len(keys)} differ, such as {keys[0][:80]}"
    return f"{one} is not {other}"[:200]
