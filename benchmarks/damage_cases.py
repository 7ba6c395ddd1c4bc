"""Files of an index damaged where chance has it: what is told, what the answers are, and what mends it."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from benchmarks import aftermath
from benchmarks.bench import Bench
from benchmarks.changing import EMBEDDER, TOKENS, Contents, contents
from benchmarks.children import Pipe, in_child
from benchmarks.damage import damage
from benchmarks.operations import Operation, changed, update
from benchmarks.user import Told
from ingest.run import Watcher
from ingest.split import embedded_text
from rag.errors import CitewiseError, IndexFault
from rag.index import caches, folder
from rag.index.truth import Truth
from rag.store import Shape, Store
from rag.upkeep import doctor, repair

_K = 5  # passages that are asked for
_DECIMALS = (
    3  # of a score that is compared; how rare a word is depends on what the cache remembers of the dead
)


@dataclass(frozen=True, slots=True)
class Damaged:
    """What became of an index that was damaged: what was told, what was wrong, and whether it mattered."""

    said: Told
    wrong: dict[str, list[str]]
    note: str


def unchanging(index: Path, corpus: Path, watcher: Watcher) -> None:
    """Do nothing."""


def cached(index: Path, corpus: Path, watcher: Watcher) -> None:
    """Make an index whose caches hold all, and nothing that is gone."""
    changed(index, corpus, watcher)
    generation = folder.live(index)
    with folder.writing(index), closing(Truth(generation / folder.DATABASE, write=True)) as truth:
        for name in (caches.VECTORS, caches.WORDS):
            caches.forget(generation / name)
        caches.flush(generation, truth, final=True)


Files = Callable[[Path], Sequence[Path]]
"""The files of an index, one of which is damaged."""
WHOLE = Operation("damage", cached, unchanging, update)


def cache_damaged(bench: Bench, times: int, dice: random.Random) -> Iterator[Damaged]:
    """Damage a file of a cache, once for one who asks and once for doctor, and compare the answers."""
    bench.lay_out()
    expected = _answers_in_child(bench.index)
    for seed in _seeds(times, dice):
        asked = _damaged(bench, _cache_files, seed)
        found = _answers_in_child(bench.index)
        _damaged(bench, _cache_files, seed)
        yield _judged(asked, found, expected, _mended(bench.index), _answers_in_child(bench.index))


def _judged(met: str, found: str, expected: str, mending: dict[str, list[str]], mended: str) -> Damaged:
    named, left = mending["named"], mending["left"]
    wrong: dict[str, list[str]] = {}
    if not found:
        wrong["closed"] = ["it does not open, or asking it ends the process"]
    if found != expected and not named:
        wrong["lost"] = ["other answers, and doctor finds nothing"]
    if left or mended != expected:
        wrong["unequal"] = [*left, *mending["told"], "not mended by doctor --repair"]
    if mending["broken"]:
        wrong["broken"] = mending["broken"]
    note = "made no difference" if not named else "the same answers" if found == expected else "other answers"
    return Damaged(Told(0, "\n".join(named), met), wrong, note)


def truth_damaged(bench: Bench, times: int, dice: random.Random) -> Iterator[Damaged]:
    """Damage articles.db; have it looked at, mended, and the files indexed again."""
    return _mended_and_indexed(bench, _truth_files, _seeds(times, dice))


def pointer_damaged(bench: Bench, times: int, dice: random.Random) -> Iterator[Damaged]:
    """Do the same to the file that says which generation answers."""
    return _mended_and_indexed(bench, _pointers, _seeds(times, dice))


def _mended_and_indexed(bench: Bench, files: Files, seeds: Sequence[int]) -> Iterator[Damaged]:
    for seed in seeds:
        met = _damaged(bench, files, seed)
        mending = _mended(bench.index)
        saved = _readable(bench.index)
        wrong: dict[str, list[str]] = {}
        if mending["broken"]:
            wrong["broken"] = mending["broken"]
        if saved is None and not mending["told"]:
            wrong["closed"] = ["it does not open after it was mended"]
        elif saved:
            wrong |= _after_saving(bench, saved)
        n = f"{len(saved.articles)} of {len(bench.after.articles)} articles" if saved else "nothing"
        text = "\n".join([*mending["named"], *mending["mended"], *mending["told"]])
        note = "made no difference" if not mending["named"] and not wrong else f"{n} saved"
        yield Damaged(Told(0, text, met), wrong, note)


def _after_saving(bench: Bench, saved: Contents) -> dict[str, list[str]]:
    """Return what is wrong with what was saved, and with the index after its files were read again."""
    wrong = {}
    if altered := list(_altered(saved, bench.after)):
        wrong["lost"] = altered
    again = in_child(lambda pipe: update(bench.index, bench.corpus, pipe))
    last = _readable(bench.index)
    if not last or last.unlike(bench.after) or "done" not in again.said:
        complaint = again.first("told") or again.first("broken")
        wrong["unequal"] = [complaint, *(last.unlike(bench.after) if last else ["it does not open"])]
    return wrong


def _altered(saved: Contents, before: Contents) -> Iterator[str]:
    for id, held in saved.articles.items():
        if held != before.articles.get(id):
            yield f"{id} is not as it was"
    for key, vector in saved.vectors.items():
        if vector != before.vectors.get(key):
            yield f"the vector {key.hex()[:8]} is not as it was"


def _seeds(times: int, dice: random.Random) -> list[int]:
    return [dice.randrange(1 << 30) for _ in range(times)]


def _damaged(bench: Bench, files: Files, seed: int) -> str:
    """Lay the index out and damage one of its files, the same way for the same seed; return what was done."""
    bench.lay_out()
    dice = random.Random(seed)
    path = dice.choice(files(bench.index))
    return damage(path, dice)


def _cache_files(index: Path) -> list[Path]:
    generation = folder.live(index)
    words = (path for path in (generation / caches.WORDS).iterdir() if path.suffix != ".lock")
    return [generation / caches.VECTORS] * 3 + sorted(words, key=lambda path: path.suffix)


def _truth_files(index: Path) -> list[Path]:
    return [folder.live(index) / folder.DATABASE]


def _pointers(index: Path) -> list[Path]:
    return [index / folder.CURRENT]


# -- in children, which may not survive it --------------------------------------------------------------


def _answers_in_child(index: Path) -> str:
    """Return what an index answers, as text; empty where it does not."""
    return in_child(lambda pipe: pipe.say("answers", json.dumps(answers(index)))).first("answers")


def answers(index: Path) -> list[object]:
    """Return the best passages for each passage's own words and vector."""
    with Store(index) as store:
        held = store.passages(aftermath.passages(index))
        rows = EMBEDDER().embed_passages([embedded_text(p.article.title, p.text) for p in held.values()])
        found = [store.near(row, _K) for row in rows]
        found += [store.matching(passage.text, _K) for passage in held.values()]
        return [
            [(held[id].article.id, held[id].start, round(score, _DECIMALS)) for id, score in hits]
            for hits in found
        ]


def _readable(index: Path) -> Contents | None:
    """Return what an index holds; None where it cannot be read."""
    try:
        return contents(index)
    except (IndexFault, ValueError, TypeError):
        return None


def _mended(index: Path) -> dict[str, list[str]]:
    """Return what doctor names, what --repair did or was told, what doctor still names, and what broke."""
    done = in_child(lambda pipe: _mend(index, pipe))
    found = {word: done.said.get(word, []) for word in ("named", "mended", "told", "left", "broken")}
    found["broken"] += [] if done.status == 0 else [f"exit code {done.status}"]
    return found


def _mend(index: Path, pipe: Pipe) -> None:
    try:
        for fault in doctor.faults(index):
            pipe.say("named", fault)
    except CitewiseError as error:
        pipe.say("named", str(error))
    for line in repair.repair(index, lambda: Shape(EMBEDDER.name, EMBEDDER.dim, TOKENS)):
        pipe.say("mended", line)
    for fault in doctor.faults(index):
        pipe.say("left", fault)


CASES: dict[str, tuple[str, Callable[[Bench, int, random.Random], Iterator[Damaged]]]] = {
    "a file of a cache is damaged": ("opening it, or doctor --repair", cache_damaged),
    "CURRENT is damaged": ("doctor --repair", pointer_damaged),
    "articles.db is damaged": ("doctor --repair, then the same command", truth_damaged),
}
