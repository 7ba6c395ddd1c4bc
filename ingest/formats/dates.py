"""Days, from the many ways in which formats write a moment."""

from __future__ import annotations

from collections.abc import Iterable

from ingest.fields import Unfit, one_line, parse_date


def first_day(written: Iterable[str]) -> str:
    """Return the first of some dates that can be read, as 2017-02-19; empty if none can.

    The day is the one that is written, which is the day at the place of writing.
    """
    return next(filter(None, map(_day, written)), "")


def _day(written: str) -> str:
    try:
        return parse_date(one_line(written)).isoformat()
    except Unfit:
        return ""
