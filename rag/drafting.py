"""A text that a language model writes, cut into sentences with the passages that each names while it comes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from rag.text import sentences

LONGEST = 600  # characters without the end of a sentence; a model that goes on so is rambling
_MARKERS = re.compile(
    r"\s*[\[(【]\s*(?:passage\s*)?(\d{1,3}(?:\s*[,;&-]\s*\d{1,3})*)\s*[\])】]", re.IGNORECASE
)
_END = re.compile(
    rf"(?:[.!?…][\"'”’»)*]*|(?<=\S)(?=\s*\n))(?:{_MARKERS.pattern}\s*[.!?]?)*(?=\s+\S|\n)", re.IGNORECASE
)
_OPEN = re.compile(
    rf"{_MARKERS.pattern}|\s*[\[(【][\s\w,;&-]{{0,20}}\Z", re.IGNORECASE
)  # a marker, or its beginning
_TAG = re.compile(r"</?[a-z][^<>\n]{0,300}>", re.IGNORECASE)  # of the prompt, copied
_PREFACE = re.compile(  # before the answer itself
    r"(?:the (?:answer|passage)(?: to (?:the|this) question)? (?:is|says|states)(?: that)?\s*:?|according to (?:the )?"
    r"passages?(?: \d+)?\s*,)\s+(?=\S)",
    re.IGNORECASE,
)
_BULLET = re.compile(r"\s*(?:[-*•–]|#{1,6}|\d{1,2}[.)])\s+|\s*(?:answer|a)\s*:\s*", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Written:
    """A sentence as a model wrote it, without its markers; ``marks`` are the passages they name, from 1."""

    text: str
    marks: tuple[int, ...]


class Drafting:
    """Takes words as they come; ``rest`` is what is not a whole sentence yet."""

    def __init__(self) -> None:
        self.rest = ""

    def add(self, piece: str) -> Iterator[Written]:
        """Yield the sentences that are complete now, each once."""
        self.rest += piece
        while end := _end(self.rest):
            whole, self.rest = self.rest[:end], self.rest[end:].lstrip(" ")
            yield from _written(whole)

    def close(self) -> Iterator[Written]:
        """Yield what is left as a sentence, if it is one: words without an end were cut off."""
        rest, self.rest = self.rest, ""
        bare = _MARKERS.sub("", rest).rstrip()
        if bare.endswith((".", "!", "?", "…", "”", '"', "’", ")")) or _MARKERS.search(rest):
            yield from _written(rest)


def _end(text: str) -> int:
    """Return where the first sentence of a text ends, behind its markers; 0 while none is complete."""
    for found in _END.finditer(text):
        if _OPEN.match(text, found.end()):
            return 0
        if found.end() and _is_end(text, found.start()):
            return found.end()
    return LONGEST if len(text) > LONGEST else 0


def _is_end(text: str, at: int) -> bool:
    """Whether a sentence ends at this mark: "Dr." ends none."""
    if text[at : at + 1] in "\n " or at == len(text):
        return True
    stop = re.match(r"[.!?…][\"'”’»)*]*", text[at:])
    whole = text[: at + (stop.end() if stop else 0)]
    return len(sentences(f"{_BULLET.sub('', whole, count=1)} Then it ended.")) > 1


def _written(whole: str) -> Iterator[Written]:
    marks = [int(n) for found in _MARKERS.finditer(whole) for n in re.findall(r"\d+", found[1])]
    bare = " ".join(_BULLET.sub("", _TAG.sub("", _MARKERS.sub("", whole)), count=1).replace("**", "").split())
    bare = _PREFACE.sub("", bare, count=1) if _PREFACE.match(bare) else bare
    if any(letter.isalnum() for letter in bare) and not bare.endswith(":"):  # a heading claims nothing
        yield Written(bare, tuple(dict.fromkeys(marks)))
