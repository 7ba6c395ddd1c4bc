"""What the page measures of itself while it runs: how many ask, how many asked, and how long it took."""

from __future__ import annotations

import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from page.record import Record

N_KEPT = 50  # answers whose timings are shown
WINDOW_S = 300.0  # seconds over which questions a minute are counted


@dataclass(frozen=True, slots=True)
class Timing:
    """One stage of one answer; ``n`` counts answers from 1 since the page began."""

    n: int
    stage: str
    ms: float


class Meter:
    """Counts questions, for all threads of a page; nothing of them is kept but their timings."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock, self._lock, self._begun = clock, threading.Lock(), clock()
        self._asking: Counter[str] = Counter()
        self._n_answered = 0
        self._timings: deque[tuple[Timing, ...]] = deque(maxlen=N_KEPT)
        self._moments: deque[float] = deque(maxlen=10_000)

    @contextmanager
    def asking(self, owner: str) -> Iterator[None]:
        """Count a question as being worked on."""
        with self._lock:
            self._asking[owner] += 1
            self._moments.append(self._clock())
        try:
            yield
        finally:
            with self._lock:
                self._asking -= Counter([owner])  # which drops those at zero

    def answered(self, record: Record) -> None:
        """Remember how long an answer took."""
        with self._lock:
            self._n_answered += 1
            stages = {name: ms for name, ms in record.timings_ms.items() if name != "total"}
            if "write" in stages and "read" in stages:  # what writes is a reader, too
                stages["read"] -= stages["write"]
            self._timings.append(tuple(Timing(self._n_answered, name, ms) for name, ms in stages.items()))

    @property
    def n_asking(self) -> int:
        """How many questions are being worked on."""
        with self._lock:
            return self._asking.total()

    def is_asking(self, owner: str) -> bool:
        """Whether a question of this owner is being worked on."""
        with self._lock:
            return owner in self._asking

    @property
    def n_answered(self) -> int:
        """How many answers were given since the page began."""
        return self._n_answered

    def per_minute(self) -> float:
        """Return the questions a minute, over the last five minutes or since the page began."""
        now = self._clock()
        with self._lock:
            recent = sum(now - moment <= WINDOW_S for moment in self._moments)
        return 60 * recent / max(60.0, min(WINDOW_S, now - self._begun))

    def timings(self) -> list[Timing]:
        """Return the stages of the last answers, oldest first."""
        with self._lock:
            return [timing for answer in self._timings for timing in answer]
