"""What comes of the fast reader and a second look by the precision, and by when the second look is not taken."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from unittest.mock import patch

import numpy as np
from numpy.typing import NDArray

from benchmarks.results import Row
from benchmarks.tried import Finding, Said, finding, hits, judged, unsilenced
from rag import wiring
from rag.domain import Embedder, Reader, Retriever
from rag.settings import Settings
from training.asked import Asked, short_id

PRECISIONS = (0.5, 0.6, 0.7, 0.75, 0.8, 0.85, 0.9)
SURE = (0.5, 0.6, 0.7, 0.75, 0.8, 0.9, 1.0)  # at 1 everything is read again
NEVER = 0.0  # nothing is read again: the fast reader alone


@dataclass(frozen=True, slots=True)
class Both:
    """What the fast reader says to one question, and what is said when it is read again whatever the fast one thinks.

    It is asked as it is and with its article taken away. ``ms`` is what either takes the first time, finding included.
    """

    fast: tuple[Said, Said]
    again: tuple[Said, Said]
    ms: tuple[float, float] = (0.0, 0.0)


@dataclass(frozen=True, slots=True)
class Came:
    """What came of questions that were each asked twice: right, wrong (-1) or silent, and read again or not."""

    worth: NDArray[np.float64]  # (n, 2): 1 right, -1 wrong, 0 silent
    again: NDArray[np.bool_]  # (n, 2)
    ms: NDArray[np.float64]  # (n,), of a question as it is

    @property
    def balance(self) -> list[float]:
        """What is right less what is wrong of each question, the mean of both times."""
        return [float(value) for value in self.worth.mean(axis=1)]

    def row(self) -> Row:
        """Return the shares of the table: of what can be answered, of the answers, and of all."""
        answered = self.worth != 0
        return {
            "answered": float(answered[:, 0].mean()),
            "right of the answered": float((self.worth > 0).sum() / max(1, answered.sum())),
            "right less wrong": float(self.worth.mean()),
            "read again": float(self.again.mean()),
            "ms a question": float(self.ms.mean()),
        }


def read_by_both(index: Path, asked: Sequence[Asked], embedder: Embedder) -> list[Both]:
    """Return what is said to each question by the fast reader, and as it ships where that is sure of nothing."""
    fast = unsilenced("fast")
    with patch.object(wiring, "SURE", 2.0):
        again = unsilenced("auto")
    with finding(index, embedder) as parts:
        return [_of_both(parts, (fast, again), one) for one in asked]


def _of_both(parts: Mapping[str, Retriever], readers: tuple[Reader, Reader], one: Asked) -> Both:
    started = time.perf_counter()
    found = hits(parts, Finding(k=4 * Settings().k), one.question)
    finding_s = time.perf_counter() - started
    without = [hit for hit in found if short_id(hit) not in one.homes][: Settings().k]
    said, took = [], []
    for reader in readers:
        started = time.perf_counter()
        first = judged(reader.read(one.question, found[: Settings().k]), found, one)
        took.append(1000 * (finding_s + time.perf_counter() - started))
        said.append((first, judged(reader.read(one.question, without), without, one)))
    return Both(said[0], said[1], (took[0], took[1]))


def came(said: Sequence[Both], precision: float, sure: float) -> Came:
    """Return what comes of a precision, where the fast reader's answer stands from a confidence of ``sure`` on."""
    cuts = [wiring.threshold(Settings(reader=size, precision=precision)) for size in ("fast", "accurate")]
    pairs = [pair for both in said for pair in zip(both.fast, both.again, strict=True)]
    again = np.array([sure != NEVER and fast.sure < max(sure, cuts[0]) for fast, _ in pairs])
    worth = [
        _worth(slow, cuts[1]) if second else _worth(fast, cuts[0])
        for (fast, slow), second in zip(pairs, again, strict=True)
    ]
    ms = [both.ms[int(second)] for both, second in zip(said, again[::2], strict=True)]
    return Came(np.array(worth).reshape(-1, 2), again.reshape(-1, 2), np.array(ms))


def _worth(said: Said, cut: float) -> float:
    return 0.0 if not said.sure or said.sure < cut else 1.0 if said.right else -1.0
