"""What a parent and its child that reads files say to each other: frames of JSON, each after its length."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ingest.fields import Unfit
from ingest.formats import Item, NoFiles, OtherData, Parsed, Wrong

HEAD = 4  # bytes of the length that comes before each frame
OUT_OF_MEMORY = 77  # the exit status of a child that says so: there may be no memory left for a message


@dataclass(frozen=True, slots=True)
class Request:
    """What to read the file with that comes along: a module by its full name, and within which limits."""

    module: str
    suffix: str
    name: str
    fields: Mapping[str, str]
    memory_bytes: int
    cpu_s: int
    article_bytes: int


@dataclass(frozen=True, slots=True)
class Ready:
    """The child has the request and the module, and begins."""


@dataclass(frozen=True, slots=True)
class End:
    """The file is read; the child has used at most this much memory since it began."""

    peak_bytes: int


@dataclass(frozen=True, slots=True)
class Refusal:
    """The file as a whole cannot be read."""

    message: str
    hint: str
    line: int
    is_other_data: bool

    @classmethod
    def of(cls, wrong: Unfit) -> Refusal:
        """Return what an error says."""
        return cls(wrong.message, wrong.hint, wrong.line, isinstance(wrong, OtherData))

    def error(self) -> Unfit:
        """Return the error again."""
        return (OtherData if self.is_other_data else Unfit)(self.message, self.hint, self.line)


Answer = Item | Ready | End | Refusal
_KINDS: Mapping[str, type] = {
    kind.__name__: kind for kind in (Request, Parsed, Wrong, NoFiles, Ready, End, Refusal)
}


def packed(message: Request | Answer) -> bytes:
    """Return a message as a frame."""
    values = {name: getattr(message, name) for name in message.__slots__}
    text = json.dumps([type(message).__name__, values], ensure_ascii=False, default=_plain)
    frame = text.encode("utf-8", "surrogatepass")  # which some parsers give, and normalising takes out
    return len(frame).to_bytes(HEAD) + frame


def _plain(value: object) -> object:
    return dict(value) if isinstance(value, Mapping) else str(value)


def length(head: bytes) -> int:
    """Return how long the frame is that comes after these bytes."""
    return int.from_bytes(head)


def unpacked(frame: bytes) -> Any:
    """Return the message of a frame, without its length.

    Raises:
        ValueError: it is none, or a value of it has another type than it should.
    """
    try:
        kind, values = json.loads(frame.decode("utf-8", "surrogatepass"))
        if "pages" in values:
            values["pages"] = tuple(values["pages"])
        message = _KINDS[kind](**values)
    except (KeyError, TypeError, RecursionError) as error:
        raise ValueError(f"not a message: {error}") from error
    _check(message)
    return message


def _check(message: Any) -> None:
    for name, wanted in type(message).__annotations__.items():
        value = getattr(message, name)
        kind = {"str": str, "int": int, "bool": bool, "tuple[str, ...]": tuple}.get(wanted, dict)
        if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
            raise ValueError(f"{name} is {type(value).__name__}, not {wanted}")
    if isinstance(message, Parsed) and not all(isinstance(page, str) for page in message.pages):
        raise ValueError("a page is not text")
