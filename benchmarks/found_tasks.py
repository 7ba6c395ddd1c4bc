"""Asks one system for passages: ``python -m benchmarks.found_tasks find SYSTEM FOLDER MODEL N_READ``."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.finders import FINDERS, REREAD, Find
from benchmarks.process import serve

WARM = 5  # questions before the clock starts


def find(system: str, folder: str, model: str, n_read: str) -> dict[str, Any]:
    """Return, by the way to find, the ids of the passages found for each question, and its milliseconds.

    ``model`` is the folder of the weights that the others take; a way that reads is asked ``n_read`` questions.
    """
    place = Path(folder)
    questions = json.loads((place / "questions.json").read_text(encoding="utf-8"))
    return {
        way: _asked(one, questions[: int(n_read)] if way == REREAD else questions)
        for way, one in FINDERS[system](place, model)
    }


def _asked(one: Find, questions: Sequence[str]) -> dict[str, Any]:
    for question in questions[:WARM]:
        one(question)
    timed = [_timed(one, question) for question in questions]
    return {"found": [ids for ids, _ in timed], "ms": [ms for _, ms in timed]}


def _timed(one: Find, question: str) -> tuple[list[int], float]:
    started = time.perf_counter()
    ids = one(question)
    return ids, 1000 * (time.perf_counter() - started)


if __name__ == "__main__":
    serve([find])
