"""How near a follow-up that is rewritten by rules comes to what a person made of it."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Literal

import numpy as np

import ingest
import rag
from benchmarks.interval import score
from benchmarks.origin import data, origin
from benchmarks.results import Comparison, Part, Score
from rag.conversation import Rules
from rag.domain import Exchange
from rag.metrics import em, f1
from rag.pipeline import Pipeline

CANARD = "conversation/canard_dev.json"
CAST_2020 = "conversation/cast2020.json"
CAST_2019 = "conversation/cast2019_rewrites.tsv"  # the rewrites alone: each is standalone
FILES = (CANARD, CAST_2020, CAST_2019)
CONVERSATIONS = Path(__file__).parent / "questions" / "conversations.jsonl"
CORPUS = Path(__file__).parent.parent / "corpus" / "articles"
UNKNOWN = "I don't know."  # how CANARD says that there was no answer
UNCHANGED = 0.97  # share of standalone questions that must come back as they were
SLOWEST_MS = 5.0
N_QUICK = 20

Side = Literal["dev", "test"]
Rewrite = Callable[[Sequence[Exchange], str], str]


@dataclass(frozen=True, slots=True)
class Asked:
    """A question as it was asked, the rewrite of a person, and the answer that it got, if any is known."""

    question: str
    human: str
    answer: str = ""


@dataclass(frozen=True, slots=True)
class Talk:
    """A conversation. ``topic`` is what both sides knew before it: title and section of an article."""

    id: str
    topic: tuple[Exchange, ...]
    asked: tuple[Asked, ...]


@dataclass(frozen=True, slots=True)
class Rewritten:
    """A question, the rewrites of a person and of a method, and the time of the latter."""

    question: str
    human: str
    ours: str
    ms: float


def measure(quick: bool) -> Part:
    """Return the scores on the test side, beside two baselines, and the time of a rewrite."""
    here = origin("rewriting", [data(name) for name in FILES])
    scores: list[Score] = []
    taken: list[float] = []
    for file, talks in talks_of("test").items():
        for what, rewrite in METHODS.items():
            rows = [row for talk in (talks[:N_QUICK] if quick else talks) for row in rewritten(talk, rewrite)]
            scores += scored(f"{file}, {what}", rows, UNCHANGED if rewrite is by_rules else None)
            taken += [row.ms for row in rows if rewrite is by_rules]
    scores += found_again(quick)
    return Part(here, [timed("rewrite, median", taken, 50), timed("rewrite, p99", taken, 99)], scores)


def scored(what: str, rows: Sequence[Rewritten], at_least: float | None) -> Iterator[Score]:
    """Yield f1 and em to the person's rewrites, of all and of those that differ, and the share left unchanged."""
    changed = [row for row in rows if row.human != row.question]
    alone = [row for row in rows if row.human == row.question]
    for which, some in (("all", rows), ("follow-ups", changed)):
        if some and changed:
            yield score(f"f1, {which}, {what}", [f1(row.ours, [row.human]) for row in some])
            yield score(f"em, {which}, {what}", [em(row.ours, [row.human]) for row in some])
    yield score(
        f"unchanged, standalone, {what}", [float(row.ours == row.question) for row in alone], at_least
    )


def timed(what: str, ms: Sequence[float], percentile: int) -> Comparison:
    """Return a percentile of the times of the rules."""
    return Comparison(
        what, "ms", float(np.percentile(ms, percentile)), f"{len(ms):,} questions", at_most=SLOWEST_MS
    )


def as_it_is(_: Sequence[Exchange], question: str) -> str:
    """Return the question: the first baseline."""
    return question


def all_history(turns: Sequence[Exchange], question: str) -> str:
    """Return all that was said with the question at its end: the second baseline."""
    return " ".join([*(part for turn in turns for part in (turn.question, turn.answer) if part), question])


def found_again(quick: bool) -> Iterator[Score]:
    """Yield hit@5 of the follow-ups of our own conversations over the shipped collection, asked in each way."""
    lines = CONVERSATIONS.read_text(encoding="utf-8").splitlines()[: N_QUICK if quick else None]
    talks = [json.loads(line)["turns"] for line in lines]
    ways: dict[str, Rewrite | None] = {**METHODS, "reference rewrite": None}
    with TemporaryDirectory() as folder:
        ingest.index(CORPUS, folder)
        with rag.open(folder) as pipeline:
            for what, rewrite in ways.items():
                hits = [hit for turns in talks for hit in _hits(pipeline, turns, rewrite)]
                yield score(f"hit@5, follow-ups of our own conversations, {what}", hits)


def _hits(pipeline: Pipeline, turns: Sequence[dict[str, Any]], rewrite: Rewrite | None) -> Iterator[float]:
    """Yield for each follow-up whether an article that answers it is among the first five passages' articles."""
    said: list[Exchange] = []
    for turn in turns:
        asked = rewrite(said, turn["question"]) if rewrite else turn["standalone"]
        if said and turn["standalone"] != turn["question"]:
            ranked = [hit.passage.article.id for hit in pipeline.retriever.retrieve(asked, 5)]
            yield float(any(article in ranked for article in turn["articles"]))
        said.append(Exchange(turn["question"] if rewrite is all_history else asked, turn["answer"]))


by_rules = Rules().rewrite
METHODS: dict[str, Rewrite] = {"rules": by_rules, "as it is": as_it_is, "all history": all_history}


def rewritten(talk: Talk, rewrite: Rewrite) -> Iterator[Rewritten]:
    """Yield each question of a conversation, rewritten after the turns before, as in use.

    These hold what was searched for, which is what the method itself made of them; the second baseline
    alone has the questions as they were asked, or it would repeat itself.
    """
    turns = list(talk.topic)
    for asked in talk.asked:
        started = time.perf_counter()
        ours = rewrite(turns, asked.question)
        taken = time.perf_counter() - started
        yield Rewritten(asked.question, asked.human, ours, taken * 1000)
        turns.append(Exchange(asked.question if rewrite is all_history else ours, asked.answer))


def talks_of(side: Side) -> dict[str, list[Talk]]:
    """Return the conversations of one side, by file; rules are made on "dev" alone."""
    found = {"CANARD": _canard(), "CAsT 2020": _cast_2020(), "CAsT 2019": _cast_2019()}
    return {file: [talk for talk in talks if side_of(talk.id) == side] for file, talks in found.items()}


def side_of(id: str) -> Side:
    """Return the side that a conversation is on, by the first hexadecimal digit of the sha256 of its id: half each.

    Both conversations about one section of an article are on one side: their ids differ after the last "_".
    """
    return "dev" if sha256(id.rpartition("_")[0].encode()).hexdigest()[0] in "01234567" else "test"


def _canard() -> list[Talk]:
    talks: dict[str, list[dict[str, Any]]] = {}
    for row in json.loads(data(CANARD).read_text(encoding="utf-8")):
        talks.setdefault(row["QuAC_dialog_id"], []).append(row)
    return [_canard_talk(id, rows) for id, rows in talks.items()]


def _canard_talk(id: str, rows: Sequence[dict[str, Any]]) -> Talk:
    """Return a conversation; the answer to each question is the last of the history of the next."""
    histories = [row["History"] for row in rows]
    answers = [history[-1] for history in histories[1:]] + [""]
    asked = (
        Asked(row["Question"].strip(), row["Rewrite"].strip(), "" if answer == UNKNOWN else answer)
        for row, answer in zip(rows, answers, strict=True)
    )
    title, section = histories[0]
    return Talk(id, (Exchange(title, section),), tuple(asked))


def _cast_2020() -> list[Talk]:
    talks = json.loads(data(CAST_2020).read_text(encoding="utf-8"))
    return [
        Talk(
            f"cast2020/{talk['number']}_",
            (),
            tuple(
                Asked(turn["raw_utterance"].strip(), turn["manual_rewritten_utterance"].strip())
                for turn in talk["turn"]
            ),
        )
        for talk in talks
    ]


def _cast_2019() -> list[Talk]:
    talks: dict[str, list[Asked]] = {}
    for line in data(CAST_2019).read_text(encoding="utf-8").splitlines():
        turn, question = line.split("\t")
        talks.setdefault(turn.partition("_")[0], []).append(Asked(question.strip(), question.strip()))
    return [Talk(f"cast2019/{number}_", (), tuple(asked)) for number, asked in talks.items()]
