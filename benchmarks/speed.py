"""What Citewise costs beside the plain LlamaIndex pipeline, both fed the same passages, in alternation.

Everything is measured in processes of its own, whose files the system has in memory after the first run.
"""

from __future__ import annotations

import json
import shutil
import statistics
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.origin import HOME, data, origin
from benchmarks.process import Run, run
from benchmarks.results import Comparison, Part

CORPORA = ("corpora/digitalgov.jsonl", "corpora/blog_18f.jsonl")
QUESTIONS = HOME / "training" / "calibration.jsonl"
CITEWISE = ("-c", "import sys, cli; sys.exit(cli.main())")  # what the command citewise runs
OURS, THEIRS = ("-m", "benchmarks.ours"), ("-m", "benchmarks.peers")
QUESTION = "Which bookmarking service gave the GSA the model for its registry of social media accounts?"


@dataclass(frozen=True, slots=True)
class Sizes:
    """How much is measured: articles of the sample, and pairs of runs."""

    articles: int
    pairs: int
    cold_pairs: int


FULL, QUICK = Sizes(articles=110, pairs=3, cold_pairs=5), Sizes(articles=30, pairs=1, cold_pairs=1)


@dataclass(frozen=True, slots=True)
class Pairs:
    """Runs of ours and of theirs in turns, each pair under about the same load."""

    ours: Sequence[Run]
    theirs: Sequence[Run]

    def compare(
        self,
        what: str,
        unit: str,
        value: Callable[[Run], float],
        n: str,
        at_least: float | None = None,
        at_most: float | None = None,
    ) -> Comparison:
        """Return the medians of a quantity of the runs, and of its ratio in each pair."""
        mine, others = [value(run) for run in self.ours], [value(run) for run in self.theirs]
        ratios = [our / their for our, their in zip(mine, others, strict=True)]
        return Comparison(
            what=what,
            unit=unit,
            ours=statistics.median(mine),
            n=n,
            theirs=statistics.median(others),
            ratio=statistics.median(ratios),
            spread=(min(ratios), max(ratios)),
            at_least=at_least,
            at_most=at_most,
        )


def measure(quick: bool) -> Part:
    """Return what storing, loading and asking cost, ours beside theirs."""
    sizes = QUICK if quick else FULL
    files = [data(name) for name in CORPORA]
    here = origin("speed", [*files, QUESTIONS])
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        sample = _sample(files, sizes.articles, place / "sample.jsonl")
        comparisons = [
            *_storing(sample, place, sizes),
            *_whole([sample] if quick else files, place, sizes.cold_pairs),
            *_loading(place, sizes),
            *_asking(place, sizes),
            *_warm(place),
        ]
    return Part(here, comparisons=comparisons)


def _storing(sample: Path, place: Path, sizes: Sizes) -> Iterator[Comparison]:
    run(*OURS, "store", str(sample), str(place / "first"))
    run(*OURS, "export", str(place / "first"), str(place / "sample.passages"))
    pairs = alternated(
        lambda n: run(*OURS, "store", str(sample), str(place / f"ours-{n}")),
        lambda n: run(*THEIRS, "store", str(place / "sample.passages"), str(place / f"theirs-{n}")),
        sizes.pairs,
    )
    n = f"{sizes.pairs} × {pairs.theirs[0].said['n']:,} passages"
    yield pairs.compare(
        "embed and store", "passages/s", lambda r: r.said["n"] / r.said["seconds"], n, at_least=3
    )
    yield pairs.compare("the same, whole process", "s", lambda r: r.wall_s, n)
    yield pairs.compare("peak memory of it", "MiB", lambda r: r.peak_mib, n)


def _whole(files: Sequence[Path], place: Path, n_again: int) -> Iterator[Comparison]:
    index, articles = str(place / "whole"), place / "articles"
    articles.mkdir()
    copies = [Path(shutil.copy(file, articles)) for file in files]
    done = run(*CITEWISE, "index", str(articles), "--index", index, "--json")
    n = f"{done.said['articles']:,} articles, {done.said['passages']:,} passages"
    rate = done.said["passages"] / done.said["seconds"]
    yield Comparison("citewise index, whole process", "s", done.wall_s, n)
    yield Comparison("its rate: read, cut, embed and store", "passages/s", rate, n)
    yield Comparison("its peak memory", "MiB", done.peak_mib, n)
    again = statistics.median(_again(copies[-1], i, articles, index).wall_s for i in range(n_again))
    n = f"{n_again} processes, {done.said['articles']:,} articles"
    yield Comparison("the same again, one article changed", "s", again, n, at_most=2)
    run(*OURS, "export", index, str(place / "whole.passages"))
    run(*THEIRS, "store_embedded", str(place / "whole.passages"), str(place / "theirs"))


def _again(file: Path, n: int, articles: Path, index: str) -> Run:
    """Change the text of article ``n`` of a file, and bring the index in step in a process of its own."""
    lines = file.read_text(encoding="utf-8").split("\n")
    changed = json.loads(lines[n])
    lines[n] = json.dumps(
        {**changed, "text": f"{changed['text']}\n\nCorrected since, for the {n + 1}. time."}
    )
    file.write_text("\n".join(lines), encoding="utf-8")
    done = run(*CITEWISE, "index", str(articles), "--index", index, "--json")
    if done.said["changed"] != 1:
        raise RuntimeError(f"one article was changed, and the index has {done.said['changed']} changed")
    return done


def _loading(place: Path, sizes: Sizes) -> Iterator[Comparison]:
    pairs = alternated(
        lambda _: run(*OURS, "load", str(place / "whole")),
        lambda _: run(*THEIRS, "load", str(place / "theirs")),
        sizes.pairs,
    )
    n = f"{sizes.pairs} processes"
    yield pairs.compare("load an index, imports done", "ms", lambda r: r.said["open_ms"], n, at_most=0.1)
    yield pairs.compare("load it and find 8 passages by vector", "ms", lambda r: r.said["find_ms"], n)


def _asking(place: Path, sizes: Sizes) -> Iterator[Comparison]:
    pairs = alternated(
        lambda _: run(*CITEWISE, "ask", QUESTION, "--index", str(place / "whole"), "--json"),
        lambda _: run(*THEIRS, "retrieve", str(place / "theirs"), QUESTION),
        sizes.cold_pairs,
    )
    n = f"{sizes.cold_pairs} processes"
    what = "citewise ask, whole process; theirs retrieves alone"
    yield pairs.compare(what, "s", lambda r: r.wall_s, n, at_most=0.25)
    yield pairs.compare("peak memory of it", "MiB", lambda r: r.peak_mib, n)


def _warm(place: Path) -> Iterator[Comparison]:
    asked = _questions()
    (place / "questions").write_text("\n".join(asked), encoding="utf-8")
    ours = run(*OURS, "ask", str(place / "whole"), str(place / "questions")).said
    theirs = run(*THEIRS, "retrieve_all", str(place / "theirs"), str(place / "questions")).said
    n, answered = f"{len(asked)} questions", "warm answer: find and read 8 passages"
    yield Comparison(f"{answered}, median", "ms", statistics.median(ours["total"]), n, at_most=200)
    yield Comparison(f"{answered}, 95th percentile", "ms", statistics.quantiles(ours["total"], n=20)[-1], n)
    found, theirs_found = statistics.median(ours["retrieve"]), statistics.median(theirs["retrieve"])
    yield Comparison("warm retrieval alone, median", "ms", found, n, theirs_found, found / theirs_found)


def alternated(ours: Callable[[int], Run], theirs: Callable[[int], Run], n: int) -> Pairs:
    """Run ours and theirs in turns, ``n`` times each."""
    pairs = [(ours(i), theirs(i)) for i in range(n)]
    return Pairs([pair[0] for pair in pairs], [pair[1] for pair in pairs])


def _sample(files: Sequence[Path], n: int, path: Path) -> Path:
    """Write ``n`` articles of ``files``, evenly spaced, and return where."""
    lines = [line for file in files for line in file.read_text(encoding="utf-8").splitlines() if line.strip()]
    chosen = [lines[i * len(lines) // n] for i in range(n)]
    path.write_text("\n".join(chosen), encoding="utf-8")
    return path


def _questions() -> list[str]:
    """Return the questions on these corpora, answerable or not."""
    rows = map(json.loads, QUESTIONS.read_text(encoding="utf-8").splitlines())
    names = {Path(name).stem for name in CORPORA}
    return [row["question"] for row in rows if row["corpus"] in names]
