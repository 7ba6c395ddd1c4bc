"""What every system of ``benchmarks.answers`` is given, and what it says: passages, questions, answers, sources.

Peers import this in environments of their own, so it needs no package.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from benchmarks.process import peak_mib

K = 8  # passages that are read, as ours by default
CONTEXT_TOKENS, MOST_TOKENS = 4096, 256  # of the language model: what it reads, and of that what it may write
ARTICLES, PASSAGES, QUESTIONS, GOLDS = "new_wiki.jsonl", "passages.jsonl", "questions.json", "golds.json"
READER = "reader"  # the folder of the reader in float32
WARM, ALL, FEW = "warm", "all", "few"


@dataclass(frozen=True, slots=True)
class Given:
    """A passage of the collection; ``sentences`` are the spans of its text."""

    id: str
    title: str
    text: str
    sentences: Sequence[tuple[int, int]]


@dataclass(frozen=True, slots=True)
class Said:
    """An answer and the texts of the sources that it cites; nothing where a system found none."""

    text: str = ""
    sources: Sequence[str] = ()


def passages(folder: str) -> list[Given]:
    """Return the collection."""
    lines = (Path(folder) / PASSAGES).read_text(encoding="utf-8").splitlines()
    return [Given(**json.loads(line)) for line in lines]


def questions(folder: str) -> Mapping[str, Sequence[str]]:
    """Return the questions: those before the clock starts, all, and the few that a language model is asked."""
    found: dict[str, list[str]] = json.loads((Path(folder) / QUESTIONS).read_text(encoding="utf-8"))
    return found


def answered(folder: str, which: str, ask: Callable[[str], Said]) -> dict[str, Any]:
    """Ask one question after another; return what was said, the seconds of each, and this process's peak memory."""
    asked, said, seconds = questions(folder), [], []
    for question in asked[WARM]:
        ask(question)
    for question in asked[which]:
        started = time.perf_counter()
        found = ask(question)
        seconds.append(time.perf_counter() - started)
        said.append(asdict(found))
    return {"said": said, "seconds": seconds, "peak_mib": peak_mib(os.getpid())}
