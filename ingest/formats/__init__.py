"""File formats: each module here turns bytes into what may be articles; those of risky formats run in a child process.

A module has ``parse(file, name, fields)``; ``MODULES`` says which one reads a suffix.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import PurePath
from typing import BinaryIO, Protocol, cast

from ingest.fields import Unfit

MODULES: Mapping[str, str] = {
    ".txt": "text",
    ".md": "text",
    ".markdown": "text",
    ".jsonl": "lines",
    ".html": "html",
    ".htm": "html",
    ".xhtml": "html",
    ".pdf": "pdf",
    ".docx": "docx",
    ".odt": "odt",
    ".epub": "epub",
    ".csv": "table",
    ".tsv": "table",
    ".eml": "mail",
    ".mbox": "mail",
    ".rss": "feed",
    ".atom": "feed",
    ".xml": "newsml",
    ".zip": "archive",
    ".tar": "archive",
    ".tgz": "archive",
    ".tar.gz": "archive",
    ".tar.bz2": "archive",
    ".tar.xz": "archive",
}
HARMLESS = {"text", "lines"}  # modules that need no child process: they use Python alone

MAX_ARTICLE_BYTES = 10 * 2**20  # of the text of an article, in UTF-8
MAX_FILE_BYTES = 256 * 2**20  # of a file that is read in the child process


@dataclass(frozen=True, slots=True)
class Parsed:
    """What a file, or a part of one, says.

    ``id`` tells the parts of a file apart, and is empty for a file that is one article. ``values`` are what a
    front matter would give: title, date (ISO), author, source, url, language. ``pages`` are texts, one alone for
    a format without pages. ``is_markdown`` says that the text is Markdown. ``line`` is where it begins, from 1, in
    a file that has lines. ``is_ours`` says that it was written for this program: a bad date is then an error.
    """

    pages: tuple[str, ...]
    id: str = ""
    values: Mapping[str, object] = field(default_factory=dict)
    is_markdown: bool = False
    line: int = 0
    is_ours: bool = False


@dataclass(frozen=True, slots=True)
class Wrong:
    """A part of a file that cannot be read: which, why, and what mends it.

    ``is_other_data`` says that it is sound, and no article.
    """

    id: str
    message: str
    hint: str
    line: int = 0
    is_other_data: bool = False


@dataclass(frozen=True, slots=True)
class NoFiles:
    """How many members of an archive are neither files nor folders: links and devices, which are not read."""

    n: int


Item = Parsed | Wrong | NoFiles


class OtherData(Unfit):
    """A whole file that is sound, and holds no article: passed over in a folder, an error if it was given."""


class Parser(Protocol):
    """A module of this package."""

    def parse(self, file: BinaryIO, name: str, fields: Mapping[str, str]) -> Iterator[Item]:
        """Yield what is in ``file``, whose name is ``name``; ``fields`` maps our names of fields to its own.

        Raises:
            Unfit: the file as a whole cannot be read.
        """


def suffix_of(name: str | PurePath) -> str:
    """Return the suffix, in lower case, by which a file is read, such as ``.tar.gz``; "" if it is not."""
    lower = PurePath(name).name.lower()
    return next((s for s in _LONGEST_FIRST if lower.endswith(s) and lower != s), "")


_LONGEST_FIRST = sorted(MODULES, key=len, reverse=True)


def parser(module: str, suffix: str) -> Parser:
    """Return a module of a format by its full name.

    Raises:
        Unfit: it needs a library that is not installed.
    """
    try:
        return cast("Parser", importlib.import_module(module))
    except ModuleNotFoundError as error:
        library = (error.name or "a library").partition(".")[0]
        raise Unfit(
            f"reading {suffix} needs {library}, which is not installed",
            "pip install citewise[formats]",
        ) from error


def parse_member(name: str, file: BinaryIO, fields: Mapping[str, str]) -> Iterator[Item]:
    """Yield what is in a file that lies in another one, read by its suffix.

    Raises:
        Unfit: it is of no format that is read, or cannot be read as a whole.
    """
    suffix = suffix_of(name)
    if not suffix:
        raise OtherData("is of no format that is read", "Convert it, or leave it out.")
    yield from parser(f"{__name__}.{MODULES[suffix]}", suffix).parse(file, name, fields)


def renamed(values: Mapping[str, object], fields: Mapping[str, str]) -> dict[str, object]:
    """Return values under our names of fields; one of ours that another name stands for is left out."""
    ours = {ours: values[theirs] for ours, theirs in fields.items() if theirs in values}
    rest = {name: value for name, value in values.items() if name not in fields.values()}
    return {name: value for name, value in rest.items() if name not in fields} | ours


def noting(encoding: str, values: Mapping[str, object]) -> Mapping[str, object]:
    """Return values that say what a file was decoded from, unless that is UTF-8."""
    return values if encoding == "utf-8" else {**values, "encoding": encoding}


def too_long(size: int) -> Unfit:
    """Return that an article has too many bytes."""
    return Unfit(f"has {size:,} bytes, an article at most {MAX_ARTICLE_BYTES:,}", "Split it into articles.")
