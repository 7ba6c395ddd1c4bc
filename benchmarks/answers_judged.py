"""What an answer is worth beside gold ones: its words, its silence, and the sources that it cites."""

from __future__ import annotations

import re
import statistics
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from benchmarks.answers_given import Said
from benchmarks.interval import score
from benchmarks.results import Row, Score
from rag.metrics import em, f1, holds, normalised
from rag.text import sentences

# What a language model says instead of an answer; in lower case, and "’" as "'".
REFUSALS = (
    "empty response",
    "i don't know",
    "i do not know",
    "i'm sorry",
    "i am sorry",
    "i cannot",
    "i can't",
    "cannot answer",
    "can't answer",
    "cannot be answered",
    "unable to answer",
    "cannot provide",
    "not enough information",
    "insufficient information",
    "no information",
    "not mention",
    "not mentioned",
    "not provide",
    "not specif",
    "none of the sources",
    "none of the provided sources",
    "sources are not helpful",
    "sources do not",
    "no relevant",
)
_MARK = re.compile(r"\s*\[[\d, ]+\]")


@dataclass(frozen=True, slots=True)
class Judged:
    """One answer, each value 0 or 1 but ``f1``; of one that is silent all are 0 but ``silent``."""

    answerable: bool
    silent: float
    em: float = 0.0
    f1: float = 0.0
    holds: float = 0.0
    cites: float = 0.0
    verbatim: float = 0.0


def judged(said: Said, golds: Sequence[str], collection: Collection[str], writes: bool) -> Judged:
    """Judge an answer; ``golds`` are empty where nothing answers, ``writes`` is whether a language model wrote it.

    It cites when a source that it names is in the collection, and is verbatim when the words of each of its sentences
    stand in a row in such a source.
    """
    text = _MARK.sub("", said.text).strip()
    if not text or (writes and refuses(text)):
        return Judged(bool(golds), 1.0)
    sources = [source for source in said.sources if any(source.strip() in whole for whole in collection)]
    return Judged(
        bool(golds),
        0.0,
        em(text, golds) if golds else 0.0,
        f1(text, golds) if golds else 0.0,
        float(holds(text, golds)),
        float(bool(sources)),
        float(all(any(holds(source, [part]) for source in sources) for part in _sentences(text))),
    )


def _sentences(text: str) -> list[str]:
    """Return the sentences of a text; a mark by itself is none."""
    parts = [text[start:end] for start, end in sentences(text)]
    return [part for part in parts if normalised(part)] or [text]


def refuses(text: str) -> bool:
    """Return whether a written answer says that there is none."""
    plain = text.lower().replace("’", "'")
    return any(phrase in plain for phrase in REFUSALS)


@dataclass(frozen=True, slots=True)
class Heard:
    """What a system said to its questions, judged, the seconds of each, and its peak memory."""

    answers: Sequence[Judged]
    seconds: Sequence[float]
    peak_mib: float

    def first(self, n: int, n_without: int) -> Heard:
        """Return of it the first ``n`` questions that have an answer, and the first ``n_without`` that have none."""
        places = {
            kind: [at for at, one in enumerate(self.answers) if one.answerable == kind]
            for kind in (True, False)
        }
        chosen = [*places[True][:n], *places[False][:n_without]]
        return Heard([self.answers[at] for at in chosen], [self.seconds[at] for at in chosen], self.peak_mib)


def row(system: str, heard: Heard) -> Row:
    """Return a row of the table; a share of nothing is a dash."""
    known = [one for one in heard.answers if one.answerable]
    unknown = [one for one in heard.answers if not one.answerable]
    given = [one for one in heard.answers if not one.silent]
    return {
        "system": system,
        "n": f"{len(known)} + {len(unknown)}",
        "em": _mean([one.em for one in known]),
        "f1": _mean([one.f1 for one in known]),
        "answer in it": _mean([one.holds for one in known]),
        "silent where something answers": _mean([one.silent for one in known]),
        "silent where nothing answers": _mean([one.silent for one in unknown]),
        "cites a source": _mean([one.cites for one in given]),
        "verbatim in it": _mean([one.verbatim for one in given]),
        "ms per answer": 1000 * statistics.median(heard.seconds),
        "peak memory, MiB": heard.peak_mib,
    }


def scores(system: str, heard: Heard) -> list[Score]:
    """Return em and f1 with their intervals, over the questions that have an answer."""
    known = [one for one in heard.answers if one.answerable]
    return [
        score(f"em, {system}", [one.em for one in known]),
        score(f"f1, {system}", [one.f1 for one in known]),
    ]


def _mean(values: Sequence[float]) -> float | str:
    return statistics.fmean(values) if values else "–"
