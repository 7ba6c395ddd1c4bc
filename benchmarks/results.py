"""The shape of results.json: parts, each with its figures and where they come from."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

Row = Mapping[str, str | float]


@dataclass(frozen=True, slots=True)
class Origin:
    """Where figures come from. ``load`` is the machine's one-minute load before the run."""

    command: str
    commit: str
    date: str
    machine: str
    cores: int
    memory_gib: float
    load: float
    versions: Mapping[str, str]
    data: Mapping[str, str]  # file → sha256


@dataclass(frozen=True, slots=True)
class Comparison:
    """A quantity of ours, beside theirs where they have one; all are medians.

    ``ratio`` is ours / theirs of each pair of runs, its spread the least and greatest of them. The bounds are
    for the ratio, or for ours where there is none.
    """

    what: str
    unit: str
    ours: float
    n: str
    theirs: float | None = None
    ratio: float | None = None
    spread: Sequence[float] = ()
    at_least: float | None = None
    at_most: float | None = None

    @property
    def met(self) -> bool | None:
        """Whether the bound is kept; None without one."""
        return met(self.ours if self.ratio is None else self.ratio, self.at_least, self.at_most)


@dataclass(frozen=True, slots=True)
class Score:
    """A figure over questions, with its 95 % bootstrap interval."""

    what: str
    value: float
    low: float
    high: float
    n: int
    at_least: float | None = None
    at_most: float | None = None

    @property
    def met(self) -> bool | None:
        """Whether the bounds are kept; None without one."""
        return met(self.value, self.at_least, self.at_most)


@dataclass(frozen=True, slots=True)
class Table:
    """Rows with the same columns, such as a sweep over settings."""

    caption: str
    rows: Sequence[Row]


@dataclass(frozen=True, slots=True)
class Part:
    """What one sub-command measured."""

    origin: Origin
    comparisons: Sequence[Comparison] = ()
    scores: Sequence[Score] = ()
    tables: Sequence[Table] = ()


def met(value: float, at_least: float | None, at_most: float | None) -> bool | None:
    """Return whether ``value`` keeps its bounds; None when it has none."""
    if at_least is None and at_most is None:
        return None
    return (at_least is None or value >= at_least) and (at_most is None or value <= at_most)


def load(path: Path) -> dict[str, Part]:
    """Return name → part of a results.json; nothing when there is none yet."""
    if not path.exists():
        return {}
    return {name: _part(facts) for name, facts in json.loads(path.read_text(encoding="utf-8")).items()}


def save(path: Path, parts: Mapping[str, Part]) -> None:
    """Write a results.json."""
    facts = {name: asdict(part) for name, part in sorted(parts.items())}
    path.write_text(json.dumps(facts, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def _part(facts: Mapping[str, Any]) -> Part:
    return Part(
        Origin(**facts["origin"]),
        [Comparison(**row) for row in facts["comparisons"]],
        [Score(**row) for row in facts["scores"]],
        [Table(**table) for table in facts["tables"]],
    )
