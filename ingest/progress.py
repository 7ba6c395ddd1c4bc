"""How a run of indexing looks in a terminal: its plan, then a bar with rate and time left."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from tqdm import tqdm

from ingest.plan import Plan

_LISTED = 20  # files that are listed one by one
_FORM = "{percentage:3.0f}% |{bar:30}| {desc} [{elapsed}, {remaining} left]"


class Bar:
    """A watcher that says the plan and draws a bar on stderr. ``close`` it, whatever happens."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self._say = say
        self._bar: Any = None
        self._total = self._n_articles = self._n_passages = 0
        self._in_chars = True

    def planned(self, plan: Plan) -> None:
        """Say the plan, and begin a bar if there is something to embed; one that was there ends."""
        self.close()
        if plan.n_again:
            self._say(f"plan: {plan.n_again:,} articles are embedded again, beside the index as it is")
            self._begin(plan.n_again, None)
            return
        kept = f", {len(plan.kept)} kept" if plan.kept else ""
        self._say(
            f"plan: {plan.new} new, {plan.changed} changed, {len(plan.moved)} moved, "
            f"{len(plan.removed)} removed, {plan.unchanged} unchanged{kept}"
        )
        arrivals = plan.arrivals
        if arrivals:
            for line in listed("note", plan.decoded):
                self._say(line)
            for line in listed("left out", [f"{skipped.path}: {skipped.reason}" for skipped in plan.skipped]):
                self._say(line)
            # The work is in characters, so that the time left is fair.
            self._begin(len(arrivals), sum(arrival.n_chars for arrival in arrivals))

    def stored(self, n_chars: int, n_passages: int) -> None:
        """Move the bar on."""
        self._n_articles += 1
        self._n_passages += n_passages
        if self._bar is not None:
            self._describe()
            self._bar.update(n_chars if self._in_chars else 1)

    def close(self) -> None:
        """End the bar; twice is once."""
        if self._bar is not None:
            self._bar.close()
            self._bar = None

    def _begin(self, n_articles: int, n_chars: int | None) -> None:
        """Begin a bar of so much work; where the characters are not known, it is counted in articles."""
        self._in_chars = n_chars is not None
        self._total, self._n_articles, self._n_passages = n_articles, 0, 0
        if sys.stderr is not None:
            self._bar = tqdm(
                total=n_articles if n_chars is None else n_chars, bar_format=_FORM, file=sys.stderr
            )
            self._describe()

    def _describe(self) -> None:
        elapsed = self._bar.format_dict["elapsed"] or 1e-9
        rate = self._n_passages / elapsed
        text = f"{self._n_articles}/{self._total} articles, {rate:.0f} passages/s"
        self._bar.set_description_str(text, refresh=False)


def listed(what: str, lines: Sequence[str]) -> Iterator[str]:
    """Yield the first lines, and how many more there are."""
    yield from (f"{what}: {line}" for line in lines[:_LISTED])
    if len(lines) > _LISTED:
        yield f"{what}: and {len(lines) - _LISTED} more"
