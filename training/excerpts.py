"""Fit how sentences are scored for questions that want sentences, and how sure such an answer is.

``python -m training.excerpts DATA`` with DATA the folder that holds qa/. The contexts of each file are a
collection; questions that want sentences are asked of it twice, once with their context taken away. Half of the
titles (of the contexts, where a file has no titles) fit, the others judge; the constants and what they are worth
are printed.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from itertools import chain
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

import ingest
import rag
from rag.candidates import SIGNALS, Candidate, Matrix, candidates, weighed
from rag.domain import Embedder, Hit
from rag.embed import MiniLM
from rag.excerpts import EVIDENCE, MOST, WEIGHTS, evidence, picks, scored, sureness
from rag.pipeline import Pipeline
from rag.reader import Extractive
from rag.text import normalise
from rag.wants import Kind, want
from training.calibrate import RIDGE, Mask, auroc, ece

TITLED = ("new_wiki", "squad2_half")
FILES = (*TITLED, "qed", "fairytaleqa")  # the questions of the others are about "the reviewer", "the poster"
MOST_OF_A_FILE = 300  # questions: each takes half a second
SPARE = 24  # hits from which those of the context that is taken away are left out


@dataclass(frozen=True, slots=True)
class Case:
    """A question as it was asked once: its candidates, their signals, and which of them hold the gold answer.

    ``answerable`` says whether its context was there; ``fits`` in which half it is.
    """

    kind: Kind
    fits: bool
    answerable: bool
    found: Sequence[Candidate]
    rows: Matrix
    gold: Mask


def cases(qa: Pipeline, reader: Extractive, embedder: Embedder, rows: Sequence[dict[str, Any]]) -> Iterator[Case]:
    """Yield two cases for each question, with and without its context."""
    for row in rows:
        hits = qa.search(row["question"], k=qa.k + SPARE)
        without = [hit for hit in hits if not _from(hit, row["context"])]
        for answerable, kept in ((True, hits[: qa.k]), (False, without[: qa.k])):
            yield _case(row, answerable, kept, reader, embedder)


def _case(
    row: dict[str, Any], answerable: bool, hits: Sequence[Hit], reader: Extractive, embedder: Embedder
) -> Case:
    question = row["question"]
    kind, found = want(question).kind, candidates(hits)
    rows = weighed(question, kind, found, reader.spans(question, hits), embedder)
    gold = np.array([answerable and _holds(candidate, row) for candidate in found], dtype=np.bool_)
    return Case(kind, _fits(row["title"] or row["context"]), answerable, found, rows, gold)


def _from(hit: Hit, context: str) -> bool:
    return hit.passage.article.text == normalise(context)


def _holds(candidate: Candidate, row: dict[str, Any]) -> bool:
    """Return whether a gold answer lies wholly in a sentence of the question's own context."""
    spans = ((gold["start"], gold["start"] + len(gold["text"])) for gold in row["answers"])
    home = candidate.passage.article.text == row["context"]
    return home and any(candidate.start <= start and end <= candidate.end for start, end in spans)


def _fits(group: str) -> bool:
    return sha256(group.encode()).digest()[0] < 128


def logistic(x: Matrix, y: Matrix, weight: Matrix) -> Matrix:
    """Return the coefficients ``(columns,)`` of a ridge logistic regression of ``y`` on ``x``."""
    w = np.zeros(x.shape[1])
    for _ in range(50):  # Newton's steps; it stands still after about ten
        p = 1 / (1 + np.exp(-np.clip(x @ w, -30, 30)))
        gradient = x.T @ (weight * (p - y)) + RIDGE * w
        hessian = (x * (weight * p * (1 - p))[:, None]).T @ x + RIDGE * np.eye(x.shape[1])
        w -= np.linalg.solve(hessian, gradient)
    return w


