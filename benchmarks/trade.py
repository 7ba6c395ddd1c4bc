"""What each setting of the reader gives for its time: the same questions, asked as a user asks them."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np

import rag
from benchmarks.results import Row, Table
from rag.domain import Hit
from rag.metrics import f1
from rag.settings import CHOICES
from training.asked import Asked, short_id

RIGHT_F1 = 0.5


def table(index: Path, asked: Sequence[Asked]) -> Table:
    """Return what is answered, what is right, and how long a question takes, for each setting."""
    return Table(
        f"What each reader gives for its time, {len(asked):,} questions",
        [_row(index, n, asked) for n in CHOICES["reader"]],
    )


def _row(index: Path, reader: str, asked: Sequence[Asked]) -> Row:
    answered, right, took = [], [], []
    with rag.open(index, reader=reader) as qa:
        qa.ask("Is everything open?")
        for one in asked:
            started = time.perf_counter()
            answer = qa.ask(one.question)
            took.append(1000 * (time.perf_counter() - started))
            home = any(short_id(Hit(cited.passage, 0.0)) in one.homes for cited in answer.citations)
            answered.append(bool(answer.text))
            right.append(home and f1(answer.text, one.answers) >= RIGHT_F1)
    return {
        "reader": reader,
        "answered": float(np.mean(answered)),
        "right of all": float(np.mean(right)),
        "right of the answered": sum(right) / max(1, sum(answered)),
        "p50, ms": f"{np.percentile(took, 50):,.0f}",
        "p95, ms": f"{np.percentile(took, 95):,.0f}",
    }
