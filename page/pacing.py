"""The steps to an answer, no more of them than a screen needs."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import closing

from rag.domain import Draft, Steps

DRAW_S = 0.2  # between two looks at an answer that grows by words


def paced(steps: Steps, clock: Callable[[], float] = time.monotonic) -> Steps:
    """Yield the steps, of drafts only so many a second; one with another sentence judged comes at once.

    Closing it closes ``steps``.
    """
    n, due = -1, 0.0
    with closing(steps):
        for step in steps:
            if isinstance(step, Draft):
                now = clock()
                if len(step.sentences) == n and now < due:
                    continue
                n, due = len(step.sentences), now + DRAW_S
            yield step
