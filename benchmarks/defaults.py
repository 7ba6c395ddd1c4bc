"""What each default rests on: its setting changed, the others as they ship, on questions of dev parts alone."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from benchmarks import second
from benchmarks.found_files import collection, sampled
from benchmarks.interval import score
from benchmarks.origin import data, origin
from benchmarks.panels import VERDICTS
from benchmarks.results import Part, Row, Score, Table
from benchmarks.tried import Cut, Finding, Tried, indexed, joined, tried, unsilenced
from rag import embed, wiring
from rag.settings import Settings
from training.asked import Asked, context_id
from training.questions import of_part

FILES = ("new_wiki", "squad2_half")
BASE, WHOLE = Finding(), Cut()
KS = (2, 4, 8, 12, 16)
DEPTHS = (10, 20, 50, 100)
CONSTANTS = (1, 2, 5, 10, 20, 60)
TOKENS = (64, 96, 128, 200, 256)
SHARED = (0, 32)


@dataclass(frozen=True, slots=True)
class Sizes:
    """How many questions of each file are asked: of one cut, of each cut, of both readers; contexts, 0 for all."""

    questions: int
    cut: int
    both: int
    contexts: int = 0


FULL, QUICK = Sizes(questions=250, cut=100, both=40), Sizes(questions=4, cut=3, both=2, contexts=12)


@dataclass(frozen=True, slots=True)
class Asking:
    """A file of articles, and questions of a dev part that these answer."""

    articles: Path
    asked: Sequence[Asked]


@dataclass(frozen=True, slots=True)
class Sweep:
    """One setting: what each of its values makes of every question, by the measure that decides."""

    name: str
    measure: str
    default: float
    worth: Mapping[float, Sequence[float]]
    rows: Sequence[Row]

    def table(self) -> Table:
        """Return the values with what they give."""
        return Table(self.name, self.rows)

    @property
    def best(self) -> float:
        """The value that does best; the default where none does better."""
        means = {value: float(np.mean(worth)) for value, worth in self.worth.items()}
        return max(means, key=lambda value: (round(means[value], 9), value == self.default))

    def gain(self) -> Score:
        """Return what the best value gains over the default, question by question."""
        pairs = zip(self.worth[self.best], self.worth[self.default], strict=True)
        return score(f"{self.measure}, {self.name}", [best - kept for best, kept in pairs])

    def verdict(self) -> Row:
        """Return the row that says what the default rests on."""
        found = self.gain()
        return {
            "setting": self.name,
            "default": f"{self.default:g}",
            "best on dev": f"{self.best:g}",
            "by": self.measure,
            "what the best gains": f"{found.value:.3f} [{found.low:.3f}, {found.high:.3f}]",
            "verdict": told(self.best == self.default, found.low),
        }


def told(is_best: bool, low: float) -> str:
    """Return a verdict: whether the default is the best, and if not, whether chance may have made it so."""
    if is_best:
        return "kept: the best"
    return "kept: what the best gains may be chance" if low <= 0 else "**another is better**"


def measure(quick: bool) -> Part:
    """Return a table for each setting, and what each default rests on."""
    sizes = QUICK if quick else FULL
    files = [data(f"qa/{name}.jsonl") for name in FILES]
    here = origin("defaults", files)
    root = files[0].parent.parent
    with tempfile.TemporaryDirectory() as folder:
        asking = [asking_of(root, name, Path(folder), sizes) for name in FILES]
        sweeps = [*_found(asking), *_cut(asking, sizes.cut), *_read(asking, sizes.both)]
    rows = [sweep.verdict() for sweep in sweeps]
    return Part(here, tables=[Table(VERDICTS, rows), *(sweep.table() for sweep in sweeps)])


# ---- What is found and read


def _found(asking: Sequence[Asking]) -> Iterator[Sweep]:
    """Yield the settings that decide which passages are read."""
    ks = {float(k): Finding(k=k) for k in KS}
    depths = {float(depth): Finding(depth=depth) for depth in DEPTHS}
    constants = {float(constant): Finding(constant=constant) for constant in CONSTANTS}
    came = _tried(asking, WHOLE, list(dict.fromkeys([*ks.values(), *depths.values(), *constants.values()])))
    yield _sweep("passages read (k)", {n: came[how] for n, how in ks.items()}, BASE.k)
    yield _sweep("passages considered (depth)", {n: came[how] for n, how in depths.items()}, BASE.depth)
    yield _sweep("constant of the ranks", {n: came[how] for n, how in constants.items()}, BASE.constant)


def _cut(asking: Sequence[Asking], n: int) -> Iterator[Sweep]:
    """Yield the settings that decide how articles are cut, of the first ``n`` questions of each file."""
    some = [replace(one, asked=one.asked[:n]) for one in asking]
    tokens = {float(n): Cut(tokens=n) for n in TOKENS}
    shared = {float(n): Cut(shared=n) for n in SHARED}
    cuts = {
        cut: _tried(some, cut, [BASE])[BASE] for cut in dict.fromkeys([*tokens.values(), *shared.values()])
    }
    yield _sweep("tokens of a passage", {n: cuts[cut] for n, cut in tokens.items()}, WHOLE.tokens)
    yield _sweep("tokens that neighbours share", {n: cuts[cut] for n, cut in shared.items()}, WHOLE.shared)


def _tried(asking: Sequence[Asking], cut: Cut, ways: Sequence[Finding]) -> dict[Finding, Tried]:
    """Return what each way makes of the questions of all files, in one cut."""
    embedder, reader = embed.load(Settings().embedder), unsilenced("fast")
    print(f"passages of {cut.tokens} tokens, {cut.shared} shared", file=sys.stderr, flush=True)
    found = [tried(indexed(one.articles, cut), reader, one.asked, ways, embedder) for one in asking]
    return {how: joined([one[how] for one in found]) for how in ways}


def asking_of(root: Path, file: str, folder: Path, sizes: Sizes) -> Asking:
    """Write the articles of a file, and draw answerable questions of its dev part, the same ones each time."""
    some = sampled([one for one in of_part(root, file, "dev") if one.golds], sizes.questions)
    homes = [context_id(one.context) for one in some]
    asked = [
        Asked(one.id, one.question, one.answers, frozenset([home]))
        for one, home in zip(some, homes, strict=True)
    ]
    return Asking(collection(root, file, folder / f"{file}.jsonl", homes, sizes.contexts), asked)


def _sweep(name: str, by_value: Mapping[float, Tried], default: float) -> Sweep:
    cut = wiring.threshold(Settings(reader="fast"))
    rows = [_row(value, one, cut) for value, one in by_value.items()]
    return Sweep(name, "f1", default, {value: one.f1 for value, one in by_value.items()}, rows)


def _row(value: float, one: Tried, cut: float) -> Row:
    answered, right = one.given(cut)
    return {
        "value": f"{value:g}",
        "article read": float(np.mean(one.found)),
        "em": float(np.mean(one.em)),
        "f1": float(np.mean(one.f1)),
        "answered": answered,
        "right of the answered": right,
        "ms a question": one.ms,
    }


# ---- What is answered, and by which reader


def _read(asking: Sequence[Asking], n: int) -> Iterator[Sweep]:
    """Yield the settings that decide what is answered, of the first ``n`` questions of each file."""
    embedder = embed.load(Settings().embedder)
    print("both readers", file=sys.stderr, flush=True)
    said = [
        both
        for one in asking
        for both in second.read_by_both(indexed(one.articles, WHOLE), one.asked[:n], embedder)
    ]
    for name, sure in (("auto", wiring.SURE), ("fast", second.NEVER)):
        came = {value: second.came(said, value, sure) for value in second.PRECISIONS}
        yield _balanced(f"precision, reader {name}", Settings().precision, came)
    came = {sure: second.came(said, Settings().precision, sure) for sure in second.SURE}
    yield _balanced("confidence from which nothing is read again", wiring.SURE, came)


def _balanced(name: str, default: float, came: Mapping[float, second.Came]) -> Sweep:
    rows = [{"value": f"{value:g}", **one.row()} for value, one in came.items()]
    return Sweep(name, "right less wrong", default, {value: one.balance for value, one in came.items()}, rows)
