"""How long it takes to read 8 passages of 150 tokens, beside the same network in transformers' float32.

Each task runs in a process of its own.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator

from benchmarks.origin import HOME
from benchmarks.process import OFFLINE, serve
from benchmarks.results import Comparison
from benchmarks.throughput import original, products_s

TASK = ("-m", "benchmarks.pace")
N_PASSAGES, PASSAGE_TOKENS = 8, 150
QUESTION, WORD = "Who did the minister say Russia prefers?", "rain "  # a token a word
N_TIMES = 20
N_PAIRS = 3


def comparisons(quick: bool) -> Iterator[Comparison]:
    """Yield the time of ours and of theirs, and how near ours is to the machine's rate of the products alone."""
    n_pairs = 1 if quick else N_PAIRS
    pairs = [(_s("int8"), _s("float32")) for _ in range(n_pairs)]
    n = f"{n_pairs} × {N_TIMES} times {N_PASSAGES} passages"
    took, theirs = (statistics.median(side) for side in zip(*pairs, strict=True))
    ratios = [other / mine for mine, other in pairs]
    yield Comparison(
        "questions read in a second, 8 passages each",
        "/s",
        1 / took,
        n,
        theirs=1 / theirs,
        ratio=statistics.median(ratios),
        spread=(min(ratios), max(ratios)),
        at_least=4,
    )
    yield Comparison("8 passages of 150 tokens read", "ms", 1000 * took, n, at_most=100)
    yield Comparison("one of them, both cores busy", "ms", 1000 * took / N_PASSAGES, n)
    limit = statistics.median(_s("limit") for _ in range(n_pairs))
    yield Comparison("rate, of the model's products of integers alone", "", limit / took, n)


def of_accurate(quick: bool) -> Iterator[Comparison]:
    """Yield the time of the larger reader of ours, and how many of its questions the fast one reads meanwhile."""
    n_pairs = 1 if quick else N_PAIRS
    pairs = [(_s("accurate"), _s("int8")) for _ in range(n_pairs)]
    n = f"{n_pairs} × {N_TIMES} times {N_PASSAGES} passages"
    took = statistics.median(large for large, _ in pairs)
    yield Comparison("8 passages of 150 tokens read", "ms", 1000 * took, n)
    yield Comparison("one of them, both cores busy", "ms", 1000 * took / N_PASSAGES, n)
    times = statistics.median(large / small for large, small in pairs)
    yield Comparison("the time of the fast reader, taken", "times", times, n)


def _s(task: str) -> float:
    """Return what a task says in a process of its own, whose memory does not matter here."""
    command, environ = [sys.executable, *TASK, task], os.environ | OFFLINE
    done = subprocess.run(command, cwd=HOME, env=environ, check=True, capture_output=True, text=True)
    return float(json.loads(done.stdout.splitlines()[-1])["seconds"])


# -- tasks ----------------------------------------------------------------------------------------


def int8() -> dict[str, float]:
    """Read with the fast weights that ship, as a question does."""
    return _read("fast")


def accurate() -> dict[str, float]:
    """Read with the accurate ones."""
    return _read("accurate")


def _read(size: str) -> dict[str, float]:
    from rag.encoder import Encoder
    from rag.reader import SIZES

    encoder = Encoder(SIZES[size])
    passage = WORD * PASSAGE_TOKENS
    return _timed(lambda: list(encoder.run([encoder.tokens(QUESTION, passage) for _ in range(N_PASSAGES)])))


def float32() -> dict[str, float]:
    """Read with the network that ours was made from, as transformers has it, all passages in one batch."""
    import torch
    from transformers import AutoModelForQuestionAnswering, AutoTokenizer

    model = AutoModelForQuestionAnswering.from_pretrained(original(), dtype=torch.float32).eval()
    tokenizer = AutoTokenizer.from_pretrained(original())
    asked, passages = [QUESTION] * N_PASSAGES, [WORD * PASSAGE_TOKENS] * N_PASSAGES

    def read() -> None:
        with torch.inference_mode():
            model(**tokenizer(asked, passages, return_tensors="pt", padding=True))

    return _timed(read)


def limit() -> dict[str, float]:
    """Run nothing but the matrix products of integers of the reader, as many as for the passages."""
    from rag.encoder import Encoder
    from rag.reader import SHIPPED

    length = len(Encoder(SHIPPED, threads=1).tokens(QUESTION, WORD * PASSAGE_TOKENS).ids)
    return {"seconds": statistics.median(products_s(SHIPPED, [length] * N_PASSAGES) for _ in range(N_TIMES))}


def _timed(work: Callable[[], object]) -> dict[str, float]:
    """Return the median of the times that some work takes, the first not counted."""
    took = []
    for _ in range(N_TIMES + 1):
        started = time.perf_counter()
        work()
        took.append(time.perf_counter() - started)
    return {"seconds": statistics.median(took[1:])}


if __name__ == "__main__":
    serve([int8, accurate, float32, limit])
