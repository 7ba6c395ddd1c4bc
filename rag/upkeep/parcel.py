"""The file that a whole index is sent in: a zip of articles.db, the files beside the index, and a list of all.

The list, manifest.json, is last and has the size and the sha256 of each. Nothing of a parcel is believed unchecked.
"""

from __future__ import annotations

import hashlib
import json
import stat
import struct
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO, Protocol

from rag.errors import IndexDamaged, IndexFault, IndexStale
from rag.index.folder import BESIDE, DATABASE

KIND, FORMAT = "citewise index", 1
MANIFEST = "manifest.json"
_LEVEL = 1  # of compression; level 6 takes half as long again for 4 % less, since most of it are vectors
_LIST_BYTES = 64 << 20  # of a manifest, or of the zip's own list; those of 200,000 files take 40 MB
_CHUNK = 1 << 20  # bytes
_END = struct.Struct(
    "<4s4H2LH"
)  # the last record of a zip without a comment; the seventh is its list's length
_BROKEN = (zipfile.BadZipFile, zlib.error, EOFError, struct.error, NotImplementedError, RuntimeError)


@dataclass(frozen=True, slots=True)
class Part:
    """A file inside a parcel."""

    name: str
    n_bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a parcel holds; ``home`` is where its index lay, ``made`` a time in ISO 8601."""

    made: str
    home: str
    embedder: str
    dim: int
    passage_tokens: int
    n_articles: int
    n_passages: int
    parts: tuple[Part, ...] = ()
    kind: str = KIND
    format: int = FORMAT

    @property
    def n_bytes(self) -> int:
        """What its parts take when they are unpacked."""
        return sum(part.n_bytes for part in self.parts)


class _Source(Protocol):
    def read(self, n: int, /) -> bytes: ...


def write(path: Path, manifest: Manifest, files: Iterable[tuple[str, Path]]) -> Manifest:
    """Write a parcel of files, each under a name; return its manifest with them. What goes meanwhile is left out."""
    parts: list[Part] = []
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=_LEVEL) as archive:
        for name, file in files:
            with (
                suppress(FileNotFoundError),
                file.open("rb") as source,
                archive.open(name, "w", force_zip64=True) as target,
            ):
                parts.append(Part(name, *_copied(source, target)))
        whole = replace(manifest, parts=tuple(parts))
        archive.writestr(MANIFEST, json.dumps(asdict(whole)))
    return whole


class Parcel:
    """An open parcel, its manifest checked against its list of files."""

    def __init__(self, path: Path, file: BinaryIO) -> None:
        self._path = path
        with _told(path):
            _check_end(path, file)
            self._archive = zipfile.ZipFile(file)
            self.manifest = self._read_manifest()
            self._check_list()

    def unpack(self, part: Part, target: Path) -> None:
        """Write a part to a new file.

        Raises:
            IndexDamaged: it is not what the manifest says.
        """
        target.parent.mkdir(parents=True, exist_ok=True)
        with _told(self._path), self._archive.open(part.name) as source, target.open("xb") as written:
            found = _copied(source, written, most=part.n_bytes)
        if found != (part.n_bytes, part.sha256):
            raise _damaged(self._path, f"{part.name} is not what its sum says")

    def _read_manifest(self) -> Manifest:
        if (
            self._archive.namelist()[-1:] != [MANIFEST]
            or self._archive.getinfo(MANIFEST).file_size > _LIST_BYTES
        ):
            raise _foreign(self._path)
        try:
            facts = json.loads(self._archive.read(MANIFEST))
            if facts["kind"] != KIND:
                raise _foreign(self._path)
            if facts["format"] != FORMAT:
                raise IndexStale(
                    f"{self._path} has format {facts['format']}; this Citewise reads format {FORMAT}",
                    "Import it with the Citewise that made it, or a newer one.",
                )
            return _typed(facts)
        except (KeyError, TypeError, ValueError, RecursionError):
            raise _foreign(self._path) from None

    def _check_list(self) -> None:
        """Raise unless the zip holds just what the manifest lists, under names that lead nowhere else."""
        infos = self._archive.infolist()[:-1]
        listed = [(part.name, part.n_bytes) for part in self.manifest.parts]
        found = [(info.filename, info.file_size) for info in infos if info.header_offset >= 0]
        if found != listed or listed[0][0] != DATABASE:
            raise _damaged(self._path, "it does not hold the files that its list says")
        if len({name.casefold() for name, _ in listed}) < len(listed):
            raise _damaged(self._path, "it holds a file twice")
        for info in infos:
            mode = info.external_attr >> 16
            if not _is_safe(info.filename) or (stat.S_IFMT(mode) and not stat.S_ISREG(mode)):
                raise _damaged(self._path, f"it holds {info.filename[:80]!r}, which is no file of an index")


@contextmanager
def opened(path: Path) -> Iterator[Parcel]:
    """Open a parcel.

    Raises:
        IndexDamaged: it is cut short, or holds something else than it says.
        IndexStale: a newer Citewise made it.
        IndexFault: it is no parcel, or cannot be read.
    """
    try:
        file = path.open("rb")
    except OSError as error:
        raise IndexFault(f"{path} cannot be read: {error.strerror}", "Check the path.") from error
    with file:
        yield Parcel(path, file)


def _check_end(path: Path, file: BinaryIO) -> None:
    """Raise unless a zip ends here, one whose list can be read into memory."""
    length = file.seek(0, 2)
    file.seek(max(0, length - _END.size))
    end = file.read()
    if not end.startswith(b"PK\x05\x06") or len(end) != _END.size:
        file.seek(0)
        if file.read(4) == b"PK\x03\x04":
            raise _damaged(path, "it is cut short, or no export of Citewise")
        raise _foreign(path)
    if _END.unpack(end)[5] > _LIST_BYTES:
        raise _foreign(path)


def _typed(facts: Mapping[str, Any]) -> Manifest:
    parts = tuple(
        Part(str(part["name"]), int(part["n_bytes"]), str(part["sha256"])) for part in facts["parts"]
    )
    if not parts or any(part.n_bytes < 0 for part in parts):
        raise ValueError(parts)
    return Manifest(
        made=str(facts["made"]),
        home=str(facts["home"]),
        embedder=str(facts["embedder"]),
        dim=int(facts["dim"]),
        passage_tokens=int(facts["passage_tokens"]),
        n_articles=int(facts["n_articles"]),
        n_passages=int(facts["n_passages"]),
        parts=parts,
    )


def _is_safe(name: str) -> bool:
    """Whether a name is that of articles.db, or of a file below one of the folders beside an index."""
    path = PurePosixPath(name)
    odd = any(character in name for character in "\\\0:") or any(
        part in ("", ".", "..") for part in name.split("/")
    )
    return name == DATABASE or (len(path.parts) > 1 and path.parts[0] in BESIDE and not odd)


def _copied(source: _Source, target: Any, most: int | None = None) -> tuple[int, str]:
    """Copy a stream; return its length and its sha256. It ends early once it is longer than ``most``."""
    digest, n = hashlib.sha256(), 0
    while (most is None or n <= most) and (part := source.read(_CHUNK)):
        digest.update(part)
        target.write(part)
        n += len(part)
    return n, digest.hexdigest()


@contextmanager
def _told(path: Path) -> Iterator[None]:
    """Tell what zipfile says of a broken file as ours."""
    try:
        yield
    except _BROKEN as error:
        raise _damaged(path, str(error)[:200] or type(error).__name__) from error


def _damaged(path: Path, what: str) -> IndexDamaged:
    return IndexDamaged(f"{path} is damaged: {what}", "Copy it again, or export the index again.")


def _foreign(path: Path) -> IndexFault:
    return IndexFault(f"{path} is not an export of Citewise", "Name a file that citewise export made.")
