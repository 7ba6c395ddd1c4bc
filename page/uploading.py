"""How an upload goes on, in words: told by the thread that works on it, heard by the page that waits."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from queue import SimpleQueue

from ingest.plan import Plan
from ingest.uploads import Added
from page.markup import count
from page.views import Progress

MAX_PROBLEMS = 200  # that are told of an upload
TELL_S = 0.1  # between two words on how it goes on


class Telling:
    """Says how an upload goes on, now and then."""

    def __init__(self, tell: Callable[[Progress], None]) -> None:
        self._tell = tell
        self._n_done = self._n_total = 0
        self._told = 0.0

    def planned(self, plan: Plan) -> None:
        """Say how many articles there are."""
        self._n_total = plan.new + plan.changed
        self._say()

    def stored(self, n_chars: int, n_passages: int) -> None:  # noqa: ARG002
        """Count an article, and say so unless something was said just now."""
        self._n_done += 1
        if time.monotonic() - self._told >= TELL_S:
            self._say()

    def stopped(self, problem: str) -> Progress:
        """Return that an upload could not go on."""
        done = f" {count(self._n_done, 'article')} of it can be asked." if self._n_done else ""
        return self._end(f"The upload stopped.{done}", (("The upload", problem),))

    def ended(self, added: Added) -> Progress:
        """Return what came of an upload."""
        summary = added.summary
        n = summary.new + summary.changed + summary.moved if summary else 0
        told = [f"{count(n, 'article')} added."] if n else []
        told = [*told, *added.notes] or ["Nothing was added."]
        return self._end(" ".join(told), added.problems)

    def _say(self) -> None:
        self._told = time.monotonic()
        told = f"Indexing {count(self._n_total, 'article')}: {self._n_done:,} done"
        self._tell(Progress(told, self._n_done, self._n_total))

    def _end(self, told: str, problems: Sequence[tuple[str, str]]) -> Progress:
        if (more := len(problems) - MAX_PROBLEMS) > 0:
            problems = [*problems[:MAX_PROBLEMS], ("And", f"{more:,} more.")]
        return Progress(told, self._n_done, self._n_total, True, tuple(problems))


def until_done(told: SimpleQueue[Progress]) -> Iterator[Progress]:
    """Yield what is told, the latest alone when it comes faster than it is taken."""
    progress = Progress("")
    while not progress.done:
        progress = told.get()
        while not (progress.done or told.empty()):
            progress = told.get()
        yield progress
