"""Files that people give by hand, until they lie in the folder of uploads: their limits, names and copies."""

from __future__ import annotations

import filecmp
import os
import re
import stat
import unicodedata
import uuid
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from ingest.fields import Unfit, one_line, shorten
from ingest.find import READABLE, reason, suffix_of
from ingest.read import opened
from rag.errors import IndexFault, UploadRefused
from rag.index import folder

MAX_FILES = 100  # at a time
MAX_UPLOAD_BYTES = 32 * 2**20  # a file
MAX_NAME_CHARS = 120
_MAX_STEM_BYTES = 200  # of UTF-8; a file system allows 255, and a number and the suffix come on top
_NUMBER_CHARS = 6  # of a number that tells files of one name apart, with its dash
_CHUNK = 1 << 20  # bytes
_PART = ".part-"  # begins the name of a copy that is not whole; a run over the folder passes it by

_UNSEEN = {"Cc", "Cf", "Cn", "Co", "Cs", "Zl", "Zp"}  # Unicode's classes of what a name shows nothing of
_PUNCTUATION = re.compile(r'[<>:"|?*]')  # no part of a name on some systems
_DEVICE = re.compile(r"(?:con|prn|aux|nul|com\d|lpt\d)(?:\.|\Z)", re.IGNORECASE)  # no file on some systems

Problem = tuple[str, str]
"""A file's name as it was given, with a line number after a colon if one is known; what is wrong and its mend."""


@dataclass(frozen=True, slots=True)
class Given:
    """A file that may come in: where it is, its name as it was given, and as it can be kept."""

    path: Path
    name: str
    stem: str
    suffix: str


@dataclass(frozen=True, slots=True)
class Taken:
    """A file in the folder of uploads, its name as it was given, and as it would be kept."""

    name: str
    wanted: str
    path: Path


def checked(files: Sequence[Path], names: Sequence[str]) -> tuple[list[Given], list[Problem]]:
    """Return the files that may come in, and what is wrong with the others."""
    given, problems = [], []
    for path, name in list(zip(files, names, strict=True))[:MAX_FILES]:
        try:
            given.append(_fit(path, name))
        except UploadRefused as wrong:
            problems.append(_problem(shown(name), wrong))
    if (more := len(files) - MAX_FILES) > 0:
        which = shown(names[MAX_FILES]) if more == 1 else f"{more:,} more files"
        problems.append((which, f"at most {MAX_FILES} files are taken at a time. Give the rest after these."))
    return given, problems


def _problem(name: str, wrong: Unfit | UploadRefused) -> Problem:
    return name, f"{wrong.message}. {wrong.hint}"


def shown(name: str) -> str:
    """Return a name as it was given, in one line and not for ever."""
    return shorten(one_line(name), MAX_NAME_CHARS) or "(no name)"


def _fit(path: Path, name: str) -> Given:
    stem, suffix = safe_name(name)
    try:
        facts = path.stat()
    except OSError as error:
        raise UploadRefused(f"cannot be read: {reason(error)}", "Give it again.") from error
    if not stat.S_ISREG(facts.st_mode):
        raise UploadRefused("is not a regular file", "Give a file in its place.")
    if facts.st_size > MAX_UPLOAD_BYTES:
        raise _too_large(facts.st_size)
    return Given(path, shown(name), stem, suffix)


def _too_large(size: int) -> UploadRefused:
    return UploadRefused(
        f"has {size:,} bytes, an upload at most {MAX_UPLOAD_BYTES:,}",
        "Split it, or index it with citewise index.",
    )


def safe_name(name: str) -> tuple[str, str]:
    """Return (stem, suffix) of the name that a file can be kept under; there is room for a number between them.

    Raises:
        UploadRefused: it is not the name of a file that is read.
    """
    last = re.split(r"[/\\]", unicodedata.normalize("NFC", name))[-1]
    seen = "".join(character for character in last if unicodedata.category(character) not in _UNSEEN)
    whole = " ".join(seen.split())
    suffix = suffix_of(f"_{whole}")  # a name can be all suffix
    if not suffix:
        wrong = "is of no format that is read" if one_line(name) else "has no name"
        raise UploadRefused(wrong, f"Convert it: {READABLE} are read.")
    stem = whole[: -len(suffix)]
    stem = _PUNCTUATION.sub("-", stem).strip(". ") or "untitled"
    stem = f"_{stem}" if _DEVICE.match(stem) else stem
    stem = stem[: MAX_NAME_CHARS - len(suffix) - _NUMBER_CHARS]
    return stem.encode()[:_MAX_STEM_BYTES].decode(errors="ignore").rstrip(". "), suffix


def made(uploads: Path) -> Path:
    """Make the folder of uploads; what a crash left half copied goes."""
    try:
        uploads.mkdir(exist_ok=True)
        for path in uploads.iterdir():
            if path.name.startswith(_PART) or path.name.endswith(".jsonl.new"):
                path.unlink()
    except OSError as error:
        raise IndexFault(
            f"{uploads} cannot be written: {reason(error)}", "Check that you may write there."
        ) from error
    return uploads


def taken_in(given: Sequence[Given], uploads: Path) -> tuple[list[Taken], list[Problem]]:
    """Copy files into the folder of uploads, each whole or not at all; return what is there now, and complaints.

    Call under the writer lock of the index.
    """
    taken, refused = [], []
    for item in given:
        part = uploads / f"{_PART}{uuid.uuid4().hex}"
        try:
            _copy(item.path, part)
            taken.append(_placed(item, part))
            folder.sync_folder(uploads)
        except (Unfit, UploadRefused) as wrong:
            refused.append(_problem(item.name, wrong))
        except OSError as error:
            refused.append(
                (item.name, f"cannot be kept: {reason(error)}. Free some space, and give it again.")
            )
        finally:
            with suppress(OSError):
                part.unlink(missing_ok=True)
    return taken, refused


def _copy(file: Path, part: Path) -> None:
    size = 0
    with opened(file) as source, part.open("xb") as target:
        while chunk := source.read(_CHUNK):
            size += len(chunk)
            if size > MAX_UPLOAD_BYTES:  # it has grown
                raise _too_large(size)
            target.write(chunk)
        target.flush()
        os.fsync(target.fileno())


def _placed(item: Given, part: Path) -> Taken:
    """Give a copy the first name that is free, unless its bytes are there under one that is not."""
    n, wanted = 1, f"{item.stem}{item.suffix}"
    path = part.with_name(wanted)
    while os.path.lexists(path):
        if filecmp.cmp(path, part, shallow=False):
            return Taken(item.name, wanted, path)
        n += 1
        path = part.with_name(f"{item.stem}-{n}{item.suffix}")
    part.replace(path)
    return Taken(item.name, wanted, path)
