"""Ids of the parts of a file: one printable line each, no two alike."""

from __future__ import annotations

import hashlib

from ingest.fields import one_line

MAX_ID_CHARS = 200  # a longer one ends in a sum of the whole


class Ids:
    """Gives out ids; one that was given before gets ``-2``, ``-3`` and so on."""

    def __init__(self) -> None:
        self._times: dict[str, int] = {}

    def new(self, wanted: str) -> str:
        """Return ``wanted`` as an id that was not given out before; empty stays empty the first time."""
        id = clean_id(wanted)
        while (times := self._times.get(id, 0)) > 0:
            self._times[id] = times + 1
            id = f"{id}-{times + 1}"
        self._times[id] = 1
        return id


def clean_id(wanted: str) -> str:
    """Return ``wanted`` as one line without what cannot be printed, at most ``MAX_ID_CHARS`` long."""
    id = plain(wanted)
    if len(id) <= MAX_ID_CHARS:
        return id
    return f"{id[: MAX_ID_CHARS - 13]}~{hashlib.sha256(wanted.encode(errors='replace')).hexdigest()[:12]}"


def plain(text: str) -> str:
    """Return a text as one line without what cannot be printed, such as the codes that colour a terminal."""
    return "".join(c for c in one_line(text) if c.isprintable())
