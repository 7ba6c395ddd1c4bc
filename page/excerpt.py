"""A part of a long article around a place in it, cut so that it reads well."""

from __future__ import annotations

from page.views import Excerpt

MAX_EXCERPT_CHARS = 60_000  # of an article that a browser is given at once
_CUT_CHARS = 2_000  # an excerpt loses at most so much to begin or end with a line


def excerpt(text: str, start: int, end: int) -> Excerpt:
    """Return at most ``MAX_EXCERPT_CHARS`` of a text around ``start:end``, cut between lines or words."""
    if len(text) <= MAX_EXCERPT_CHARS:
        return Excerpt(0, text, len(text))
    spare = max(0, MAX_EXCERPT_CHARS - (end - start))
    low = max(0, min(start - spare // 2, len(text) - spare - (end - start)))
    high = min(len(text), low + spare + (end - start))
    low = low and _begin(text, low, start)
    high = high if high == len(text) else _stop(text, end, high)
    return Excerpt(low, text[low:high], len(text))


def _begin(text: str, low: int, most: int) -> int:
    """Return where the first line, or else the first word, after ``low`` begins; ``most`` at the latest."""
    room = min(most, low + _CUT_CHARS)
    places = (text.find(mark, low, room) for mark in "\n ")
    return next((place + 1 for place in places if place >= 0), low)


def _stop(text: str, least: int, high: int) -> int:
    """Return where the last line, or else the last word, before ``high`` ends; ``least`` at the earliest."""
    room = max(least, high - _CUT_CHARS)
    return next((place for mark in "\n " if (place := text.rfind(mark, room, high)) >= 0), high)
