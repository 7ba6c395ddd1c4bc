"""Values of a JSON file taken for what they should be; one that is something else is a fault with its place."""

from __future__ import annotations

import codecs
import json
import math
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from rag.errors import EvaluationFault

MAX_BYTES = 200 * 1024 * 1024  # of a file; the questions of SQuAD 2.0 take 42 MB
_KINDS = {dict: "an object", list: "a list", str: "a text", bool: "true or false", type(None): "null"}
_SHOWN = 40  # characters of a value that is no good


@dataclass(frozen=True, slots=True)
class Value:
    """A value of a file: ``place`` is the file, with the line where lines count, and ``path`` leads to it there."""

    it: object
    place: str
    fault: type[EvaluationFault]
    path: str = ""

    def wrong(self, message: str, hint: str) -> EvaluationFault:
        """Return the fault that this value has."""
        return self.fault(self.place, f"{self.path} {message}".strip(), hint)

    def need(self, name: str) -> Value:
        """Return a field of this object that must be there."""
        found = self.get(name)
        if found is None:
            raise self.wrong(f"has no {name}", f'Give it one: "{name}": …')
        return found

    def get(self, name: str) -> Value | None:
        """Return a field of this object; None where there is none, or null."""
        found = self.fields().get(name)
        return None if found is None or found.it is None else found

    def fields(self) -> dict[str, Value]:
        """Return the fields of this object."""
        if not isinstance(self.it, dict):
            raise self._is_not("an object")
        lead = f"{self.path}." if self.path else ""
        return {name: self._at(value, f"{lead}{name}") for name, value in self.it.items()}

    def items(self) -> list[Value]:
        """Return the values of this list."""
        if not isinstance(self.it, list):
            raise self._is_not("a list")
        return [self._at(value, f"{self.path}[{n}]") for n, value in enumerate(self.it)]

    def text(self) -> str:
        """Return this text."""
        if not isinstance(self.it, str):
            raise self._is_not("a text")
        return self.it

    def words(self) -> str:
        """Return this text, which must not be blank."""
        if not self.text().strip():
            raise self.wrong("is empty", "Write it, or leave it out.")
        return self.text()

    def name(self) -> str:
        """Return this text, or this whole number as one."""
        return str(self.it) if isinstance(self.it, int) and not isinstance(self.it, bool) else self.words()

    def whole(self) -> int:
        """Return this whole number."""
        if isinstance(self.it, bool) or not isinstance(self.it, int):
            raise self._is_not("a whole number")
        return self.it

    def number(self) -> float:
        """Return this number."""
        if isinstance(self.it, bool) or not isinstance(self.it, int | float) or not math.isfinite(self.it):
            raise self._is_not("a number")
        return float(self.it)

    def flag(self) -> bool:
        """Return this truth value."""
        if not isinstance(self.it, bool):
            raise self._is_not("true or false")
        return self.it

    def _at(self, it: object, path: str) -> Value:
        return Value(it, self.place, self.fault, path)

    def _is_not(self, expected: str) -> EvaluationFault:
        kind = _KINDS.get(type(self.it), "a number")
        shown = "" if isinstance(self.it, dict | list | bool | None) else f" ({str(self.it)[:_SHOWN]!r})"
        return self.wrong(f"is {kind}{shown}, expected {expected}", "Correct it.")


def text_of(path: Path, fault: type[EvaluationFault]) -> str:
    """Return the text of a file of JSON.

    Raises:
        EvaluationFault: of the kind given: it cannot be read, is too large, empty, or no UTF-8.
    """
    try:
        about = path.stat()
        if not stat.S_ISREG(about.st_mode):
            raise fault(str(path), "is no file", "Name a file.")
        if about.st_size > MAX_BYTES:
            message = f"has {about.st_size:,} bytes, at most {MAX_BYTES:,} are read"
            raise fault(str(path), message, "Name a smaller file, or a part of it.")
        raw = path.read_bytes()
    except OSError as error:
        raise fault(str(path), f"cannot be read: {error.strerror}", "Check its name.") from error
    return _decoded(raw, path, fault)


def _decoded(raw: bytes, path: Path, fault: type[EvaluationFault]) -> str:
    try:
        text = raw.removeprefix(codecs.BOM_UTF8).decode()
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise fault(f"{path}:{line}", "is not UTF-8", "Save the file as UTF-8.") from error
    if not text.strip():
        raise fault(str(path), "is empty", "Name a file that has something in it.")
    return text


def parsed(text: str, place: str, fault: type[EvaluationFault], *, is_file: bool = True) -> Value:
    """Return the JSON value that a text is; of a whole file, a fault names the line.

    Raises:
        EvaluationFault: of the kind given, for what is no JSON.
    """
    lead = "Correct it" if is_file else "Write one JSON object a line"
    mend = f"{lead}; quotation marks and commas are what is missed most often."
    try:
        return Value(json.loads(text, parse_constant=_refuse), place, fault)
    except json.JSONDecodeError as error:
        where = f"{place}:{error.lineno}" if is_file else place
        raise fault(where, f"is not JSON: {error.msg}, at character {error.colno}", mend) from error
    except RecursionError as error:
        raise fault(place, "is JSON that is nested too deeply", "Name another file.") from error
    except ValueError as error:  # a constant, or Python's limit on the digits of a whole number
        raise fault(place, f"has a number that is none: {str(error)[:_SHOWN]}", "Correct it.") from error


def _refuse(constant: str) -> object:
    raise ValueError(constant)


def lines_of(text: str, path: Path, fault: type[EvaluationFault]) -> Iterator[tuple[int, Value]]:
    """Yield the number and the JSON value of each line that is not blank.

    Raises:
        EvaluationFault: of the kind given, for a line that is no JSON.
    """
    for number, line in enumerate(text.split("\n"), start=1):
        if line.strip():
            yield number, parsed(line, f"{path}:{number}", fault, is_file=False)
