"""Archives: zip and tar of any files that are read. Nothing is written to disk, so no name leads anywhere."""

from __future__ import annotations

import io
import lzma
import stat
import struct
import tarfile
import zipfile
import zlib
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import PurePosixPath
from typing import BinaryIO

from ingest import formats
from ingest.fields import Unfit, shorten
from ingest.formats import Item, NoFiles, Wrong
from ingest.formats.ids import Ids, plain
from ingest.formats.inner import in_words, inner
from ingest.formats.unpack import DECOMPRESSORS, Bomb, Budget, Counted, Readable, Sips, Unpacking, content

MAX_MEMBERS = 100_000
MAX_DEPTH = 2  # an archive in an archive is opened, one in that is not

_DIRECTORY_BYTES = 16 * 2**20  # of a zip; Python makes some 700 bytes of 46 of these
_TAR_HEADER_BYTES = 2**16
# The methods that take little memory whatever the archive says; all that is usual.
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2)
_BROKEN = (
    *(zipfile.BadZipFile, tarfile.TarError, zlib.error, lzma.LZMAError, struct.error, EOFError, OSError),
    NotImplementedError,  # of a zip that says it is of a version to come
)
_MEND = "Make the archive again."
_NO_FILES = "that are no files"  # links and devices


def parse(file: BinaryIO, name: str, fields: Mapping[str, str]) -> Iterator[Item]:
    """Yield what is in each file of an archive; ids begin with the file's path in it.

    Hidden files and those of no format that is read are left out; links and devices are counted. A hard link to
    a file of the archive is that file.

    Raises:
        OtherData: it holds no file that is read.
        Unfit: it is no archive, is damaged, or is too large once it is unpacked.
    """
    packed = file.seek(0, io.SEEK_END)
    reading = _Reading(fields, packed, Budget(packed), Ids(), Counter(), Counter())
    is_empty = True
    try:
        for item in _items(file, name, "", reading, 1):
            is_empty = False
            yield item
    except (Unfit, MemoryError):
        raise
    except Exception as error:  # of any library
        raise _why(error) from error
    if is_empty:
        raise formats.OtherData(
            f"holds no file that is read, but {_listed(reading.left_out + reading.no_files)}",
            "Convert these.",
        )
    if n := reading.no_files.total():
        yield NoFiles(n)


@dataclass(frozen=True, slots=True)
class _Reading:
    """What an archive and those in it have in common."""

    fields: Mapping[str, str]
    packed: int  # bytes of the outermost
    budget: Budget
    ids: Ids
    left_out: Counter[str]  # by suffix
    no_files: Counter[str]  # by kind


@dataclass(frozen=True, slots=True)
class _Member:
    """A file of an archive; ``refused`` says why it is not opened, if so."""

    name: str
    refused: str
    open: Callable[[], Readable]


def _items(file: BinaryIO, name: str, path: str, reading: _Reading, depth: int) -> Iterator[Item]:
    """Yield what is in an archive, itself at ``path`` in the outer one."""
    file.seek(0)
    of_kind = _of_zip if formats.suffix_of(name) == ".zip" else _of_tar
    for number, member in enumerate(of_kind(file, name, reading), start=1):
        if number > MAX_MEMBERS:
            raise Unfit(f"holds over {MAX_MEMBERS:,} files", "Split it.")
        if _is_read(member.name, reading.left_out):
            id = reading.ids.new(f"{path}/{member.name}".lstrip("/"))
            yield from _of_member(member, id, reading, depth)


def _of_member(member: _Member, id: str, reading: _Reading, depth: int) -> Iterator[Item]:
    """Yield what is in one file; whatever is wrong with it stops no other, except a bomb."""
    try:
        if member.refused:
            raise Unfit(member.refused, "Unpack it first.")
        file = io.BytesIO(content(member.open()))
        if formats.MODULES[formats.suffix_of(member.name)] != "archive":
            yield from inner(id, PurePosixPath(member.name).name, file, reading.fields)
        elif depth < MAX_DEPTH:
            yield from _items(file, member.name, id, reading, depth + 1)
        else:
            raise Unfit("is an archive within two others", "Unpack it first.")
    except (Bomb, MemoryError):
        raise
    except Exception as error:  # of any library
        wrong = _why(error)
        yield Wrong(id, wrong.message, wrong.hint)


def _why(error: Exception) -> Unfit:
    if isinstance(error, _BROKEN):
        return Unfit(f"is damaged, or not what its name says: {shorten(str(error), 200)}", _MEND)
    return in_words(error)


# ---- Members


def _of_zip(file: BinaryIO, _: str, reading: _Reading) -> Iterator[_Member]:
    with zipfile.ZipFile(Sips(file, _DIRECTORY_BYTES)) as archive:
        for info in archive.infolist():
            if info.is_dir():
                continue
            if not _is_plain(info.external_attr >> 16):
                reading.no_files[_NO_FILES] += 1
                continue
            refused = "is encrypted" if info.flag_bits & 1 else ""
            if info.compress_type not in _METHODS:
                refused = "is packed in a way that is not read"
            yield _Member(_path(info.filename), refused, partial(_unzipped, archive, info, reading.budget))


def _is_plain(mode: int) -> bool:
    return stat.S_IFMT(mode) in (0, stat.S_IFREG)  # 0 from systems without modes


def _unzipped(archive: zipfile.ZipFile, info: zipfile.ZipInfo, budget: Budget) -> Readable:
    return Counted(archive.open(info), budget)


def _of_tar(file: BinaryIO, name: str, reading: _Reading) -> Iterator[_Member]:
    links: dict[str, list[str]] = {}  # of files, the names that stand for them as well
    n_links = 0
    for archive, info in _tarred(file, name, reading.budget):
        if info.isfile():
            yield _of_tarred(archive, info)
        elif info.islnk():
            links.setdefault(_path(info.linkname), []).append(_path(info.name))
            n_links += 1
        elif not info.isdir():
            reading.no_files[_NO_FILES] += 1
        if n_links > MAX_MEMBERS:
            raise Unfit(f"holds over {MAX_MEMBERS:,} links", "Split it.")
    if links:
        yield from _linked(file, name, links, reading)
    reading.no_files[_NO_FILES] += sum(map(len, links.values()))


def _linked(file: BinaryIO, name: str, links: dict[str, list[str]], reading: _Reading) -> Iterator[_Member]:
    """Yield what hard links stand for, in another pass, since what is packed is read forward only.

    Those that are found go out of ``links``.
    """
    file.seek(0)
    budget = Budget(reading.packed)  # of this pass
    for archive, info in _tarred(file, name, budget):
        names = links.pop(_path(info.name), []) if info.isfile() else []
        if not names:
            continue
        read, refused = _once(_of_tarred(archive, info))
        for link in names:
            yield _Member(link, refused, partial(_again, read, budget))
        if not links:
            return


def _once(target: _Member) -> tuple[bytes, str]:
    """Return what a member holds, or why it is not opened."""
    if target.refused:
        return b"", target.refused
    try:
        return content(target.open()), ""
    except Bomb:
        raise
    except Unfit as wrong:
        return b"", wrong.message


def _again(read: bytes, budget: Budget) -> Readable:
    return Counted(io.BytesIO(read), budget)


def _tarred(file: BinaryIO, name: str, budget: Budget) -> Iterator[tuple[tarfile.TarFile, tarfile.TarInfo]]:
    """Yield each entry, in the archive that it can be read from until the next."""
    packing = formats.suffix_of(name).replace(".tgz", ".gz").rpartition(".")[2]
    source = Sips(
        Unpacking(file, DECOMPRESSORS[packing], budget) if packing in DECOMPRESSORS else file,
        _TAR_HEADER_BYTES,
    )
    with tarfile.open(fileobj=source, mode="r:") as archive:  # type: ignore[call-overload]
        while (info := archive.next()) is not None:
            yield archive, info
            archive.members.clear()  # which would otherwise hold all there are
        if source.last.strip(b"\0"):  # tarfile takes what it cannot read for the end
            raise tarfile.ReadError("it ends in what is not tar")


def _of_tarred(archive: tarfile.TarFile, info: tarfile.TarInfo) -> _Member:
    refused = "is stored with gaps" if info.issparse() else ""
    return _Member(_path(info.name), refused, partial(_untarred, archive, info))


def _untarred(archive: tarfile.TarFile, info: tarfile.TarInfo) -> Readable:
    file = archive.extractfile(info)
    if file is None:
        raise tarfile.ReadError("it is not a file")
    return file


# ---- Names


def _path(name: str) -> str:
    """Return the path of a member without what would lead out of the archive, or out of a line."""
    parts = plain(name.replace("\\", "/")).split("/")
    return "/".join(part for part in parts if part not in ("", ".", "..") and not part.endswith(":"))


def _is_read(name: str, left_out: Counter[str]) -> bool:
    """Return whether a file is for us, as it would be in a folder; count the others."""
    path = PurePosixPath(name)
    if (
        any(part.startswith(".") or part == "__MACOSX" for part in path.parts)
        or path.stem.lower() == "readme"
    ):
        return False
    if formats.suffix_of(name):
        return True
    left_out[shorten(path.suffix.lower(), 12) or "without a suffix"] += 1
    return False


def _listed(left_out: Counter[str]) -> str:
    return ", ".join(f"{n:,} {suffix}" for suffix, n in left_out.most_common(5)) or "nothing else"
