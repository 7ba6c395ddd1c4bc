"""Where the data of the benchmarks is from, so that a stranger can get it: its makers, its address, its licence."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from benchmarks.results import Part

ABOUT = """\
## The data

What was measured on, by file, with the sum that each part gives too. The files of others are rewritten, a question or
an article a line, with the place of each answer; what is kept of them is named. Ours are in this repository.
"""
OURS = "this repository"
SOURCES: Mapping[str, tuple[str, str, str]] = {  # file → what, where from, licence
    "new_wiki.jsonl": (
        "SQuADShifts, New Wikipedia: 6,107 questions, 36 of its 48 articles (Miller et al. 2020)",
        "https://modestyachts.github.io/squadshifts-website/",
        "CC BY 4.0",
    ),
    "squad2_half.jsonl": (
        "SQuAD 2.0, 5,349 questions of dev, 2,774 of them unanswerable (Rajpurkar et al. 2018)",
        "https://rajpurkar.github.io/SQuAD-explorer/",
        "CC BY-SA 4.0",
    ),
    "qed.jsonl": (
        "QED dev, 1,355 questions of Natural Questions (Lamm et al. 2020)",
        "https://github.com/google-research-datasets/QED",
        "CC BY-SA 3.0",
    ),
    "canard_dev.json": (
        "CANARD dev, 3,430 turns (Elgohary et al. 2019)",
        "https://sites.google.com/view/qanta/projects/canard",
        "CC BY-SA 4.0",
    ),
    "cast2019_rewrites.tsv": (
        "TREC CAsT 2019, 479 turns rewritten by people",
        "https://github.com/daltonj/treccastweb",
        "MIT",
    ),
    "cast2020.json": (
        "TREC CAsT 2020, 216 turns rewritten by people",
        "https://github.com/daltonj/treccastweb",
        "MIT",
    ),
    "digitalgov.jsonl": ("Digital.gov, 1,804 news articles 2010–2025", "https://digital.gov", "CC0"),
    "blog_18f.jsonl": ("the 18F blog, 508 articles 2014–2024", "https://18f.gsa.gov/blog/", "CC0"),
    "current_events.jsonl": (
        "Wikipedia, 601 daily digests of current events",
        "https://en.wikipedia.org/wiki/Portal:Current_events",
        "CC BY-SA 4.0",
    ),
    "onestop.jsonl": (
        "OneStopEnglish, 190 articles, advanced level",
        "https://github.com/nishkalavallabhi/OneStopEnglishCorpus",
        "CC BY-SA 4.0",
    ),
    "attribution.jsonl": ("who said what, benchmarks/questions", OURS, "Apache-2.0"),
    "writing.jsonl": ("questions to be written about, benchmarks/questions", OURS, "Apache-2.0"),
    "calibration.jsonl": ("questions about the corpora, training", OURS, "Apache-2.0"),
}


def rows(parts: Iterable[Part]) -> list[dict[str, str]]:
    """Return a row for each file that parts were measured on, by name; one whose sum changed between runs has two."""
    used = sorted({pair for part in parts for pair in part.origin.data.items()})
    return [_row(file, digest) for file, digest in used]


def _row(file: str, digest: str) -> dict[str, str]:
    what, where, licence = SOURCES[file]
    return {"file": f"`{file}`", "what": what, "from": where, "licence": licence, "sha256": f"`{digest}`"}
