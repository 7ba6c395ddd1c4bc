"""The files that lie under the paths a user gives, without opening one."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from ingest.formats import MODULES
from ingest.formats import suffix_of as suffix_of  # by which a file is found and read
from rag.render import visible

SUFFIXES = tuple(MODULES)
_GENERATION = re.compile(r"gen-\d+")  # as rag.index.folder, which is slow to load, names them
READABLE = "text, Markdown, JSONL, HTML, PDF, DOCX, ODT, EPUB, CSV, mail, feed, zip and tar files"
"""What can be read, in words."""


@dataclass(frozen=True, slots=True)
class Source:
    """A file that can hold articles. ``path`` is absolute and is ``root`` / ``key``; ``key`` has POSIX slashes.

    ``root`` is the folder given, or the folder of the file given; ``shown`` names the file as the user did;
    ``named`` says that the file itself was given.
    """

    root: str
    path: Path
    key: str
    size: int
    shown: str = ""
    named: bool = False


@dataclass(frozen=True, slots=True)
class Failure:
    """What could not be read: ``path`` names it (``path:line``), ``error`` says why and how to mend it.

    ``file`` is the absolute path of the file, or of the folder that hides what lies in it; ``is_other_data``
    says that it is a line of JSONL without a text.
    """

    path: str
    error: str
    file: str = ""
    is_other_data: bool = False


@dataclass(frozen=True, slots=True)
class Skipped:
    """A file of a folder that is not for this program, and why."""

    path: str
    reason: str


@dataclass(frozen=True, slots=True)
class _Hidden:
    """A file or a folder of a folder whose name begins with a dot."""


@dataclass(frozen=True, slots=True)
class Listing:
    """What lies under some paths, each kind sorted by path; ``n_hidden`` files and folders are passed over."""

    sources: list[Source]
    failures: list[Failure]
    skipped: list[Skipped]
    n_hidden: int


Found = Source | Failure | Skipped | _Hidden


def find(paths: Sequence[Path]) -> tuple[list[Source], list[Failure], list[Skipped]]:
    """Return what ``listing`` does, without what is hidden."""
    found = listing(paths)
    return found.sources, found.failures, found.skipped


def listing(paths: Sequence[Path]) -> Listing:
    """Return what lies under ``paths``, each file once, sorted by path, whatever the order of ``paths``.

    Folders are searched in depth; what is hidden in them is passed over, links in them are not followed, and an
    index in them is not looked into.
    """
    found: dict[str, Found] = {}
    # An outer folder comes before what it holds, so that a file has one key however often it is given.
    for given in sorted(paths, key=lambda path: (len(_real(path).parts), str(_real(path)))):
        for place, item in _under(given):
            if not isinstance(found.get(place), Source | Failure):
                found[place] = item
    items = [item for _, item in sorted(found.items())]
    return Listing(
        [item for item in items if isinstance(item, Source)],
        [item for item in items if isinstance(item, Failure)],
        [item for item in items if isinstance(item, Skipped)],
        sum(isinstance(item, _Hidden) for item in items),
    )


def _under(given: Path) -> Iterator[tuple[str, Found]]:
    path = _real(given)
    try:
        facts = path.stat()
    except OSError as error:
        yield str(path), Failure(printable(given), f"cannot be read: {reason(error)}", str(path))
        return
    if stat.S_ISDIR(facts.st_mode):
        yield from _in_folder(path, given)
    elif suffix_of(path):
        item = _file(path, path.parent, printable(given), facts)
        yield str(path), replace(item, named=True) if isinstance(item, Source) else item
    else:
        wrong = f"is of no format that is read; convert it: {READABLE} are read"
        yield str(path), Failure(printable(given), wrong, str(path))


def _real(path: Path) -> Path:
    return Path(os.path.realpath(path))  # Path.resolve raises where links go round in a circle


def _in_folder(root: Path, given: Path) -> Iterator[tuple[str, Found]]:
    folders = [root]
    while folders:
        folder = folders.pop()
        try:
            with os.scandir(folder) as entries:
                listed = sorted(entries, key=lambda entry: entry.name)
        except OSError as error:
            shown = printable(given / folder.relative_to(root))
            yield str(folder), Failure(shown, f"cannot be searched: {reason(error)}", str(folder))
            continue
        if _is_index(listed):
            yield (
                str(folder),
                Skipped(printable(given / folder.relative_to(root)), "an index, which is not looked into"),
            )
            continue
        for entry in listed:
            if entry.name.startswith("."):
                yield entry.path, _Hidden()
            elif entry.is_dir(follow_symlinks=False):
                folders.append(Path(entry.path))
            else:
                yield entry.path, _entry(entry, root, given)


def _is_index(listed: Sequence[os.DirEntry[str]]) -> bool:
    """Whether these are the entries of an index folder, whatever else lies in it."""
    names = {entry.name for entry in listed}
    return "CURRENT" in names and any(_GENERATION.fullmatch(name) for name in names)


def _entry(entry: os.DirEntry[str], root: Path, given: Path) -> Found:
    path = Path(entry.path)
    shown = printable(given / path.relative_to(root))
    if entry.is_symlink():
        return Skipped(shown, "a symbolic link; to read it, give its target as a path")
    if not suffix_of(path):
        return Skipped(shown, "of no format that is read")
    if path.name[: -len(suffix_of(path))].lower() == "readme":
        return Skipped(shown, "describes the folder; to read it, give it as a path")
    try:
        return _file(path, root, shown, entry.stat(follow_symlinks=False))
    except OSError as error:
        return Failure(shown, f"cannot be read: {reason(error)}", str(path))


def _file(path: Path, root: Path, shown: str, facts: os.stat_result) -> Source | Failure:
    if not stat.S_ISREG(facts.st_mode):
        return Failure(shown, "is not a regular file; give a file in its place", str(path))
    key = path.relative_to(root).as_posix()
    if any("\ud800" <= character <= "\udfff" for character in str(path)):
        return Failure(shown, "has a name that is not UTF-8; rename it", str(path))
    return Source(str(root), path, key, facts.st_size, shown)


def printable(path: Path) -> str:
    """Return the path as one line that can be printed; bytes that are not UTF-8, and controls, can be seen in it."""
    text = str(path).encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    return visible(text).replace("\n", "␊").replace("\t", "␉")


def reason(error: OSError) -> str:
    """Return what the operating system says, without the path and the number."""
    return (error.strerror or type(error).__name__).lower()
