"""Files read as articles, whatever their format; every complaint names the file, the place in it and the mend."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import BinaryIO

from ingest import sandbox
from ingest.fields import Fields, Unfit, one_line, parse_fields, title_of
from ingest.find import Failure, Skipped, Source, find, listing, reason, suffix_of
from ingest.formats import (
    HARMLESS,
    MAX_FILE_BYTES,
    MODULES,
    Item,
    NoFiles,
    OtherData,
    Parsed,
    Wrong,
    parser,
)
from rag.domain import Article
from rag.text import normalise

__all__ = [
    "MAX_COMPLAINTS",
    "NO_FIELDS",
    "Failure",
    "NoFiles",
    "Skipped",
    "Source",
    "find",
    "listing",
    "opened",
    "read",
]

NO_FIELDS: Mapping[str, str] = MappingProxyType({})
MAX_COMPLAINTS = 1000  # of one file that is read line by line; a million of them help nobody

_BLANK_LINES = re.compile(r"(?:[^\S\n]*\n)+")
_MANY = 1000  # items without a text from the first on; after these a file holds other data
_BY_LINE = {"lines", "table"}  # modules of such files

Read = Article | Failure | Skipped | NoFiles


def read(source: Source, fields: Mapping[str, str] = NO_FIELDS) -> Iterator[Read]:
    """Yield the articles of a file in their order, and a failure for each that cannot be read.

    An article's id is the source's key and, for a part of a file, ``#`` and the id of the part. ``fields`` maps
    our names of fields, text among them, to those that the lines of JSONL or the columns of a table have. A file
    of a folder that holds other data is skipped as a whole. One that is read line by line is left after
    ``MAX_COMPLAINTS``; the last of these says so. What an archive holds that is no file is counted at its end.
    """
    try:
        with opened(source.path) as file:
            articles = _articles(_items(file, source, fields), source)
            yield from articles if source.named else _unless_other_data(articles, source)
    except Unfit as wrong:
        is_other = isinstance(wrong, OtherData) and not source.named
        yield Skipped(_place(source), wrong.message) if is_other else _failure(source, wrong)
    except OSError as error:
        yield _failure(source, Unfit(f"cannot be read: {reason(error)}", "Check the file, and run it again."))


def opened(path: Path) -> BinaryIO:
    """Return a regular file, open to be read; whatever has taken its place, nobody waits for it.

    Raises:
        Unfit: it is not a regular file.
        OSError: it cannot be opened.
    """
    file = open(path, "rb", opener=_open_at_once)  # noqa: SIM115 - it is the caller's to close
    if stat.S_ISREG(os.fstat(file.fileno()).st_mode):
        return file
    file.close()
    raise Unfit("is not a regular file", "Give a file in its place.")


def _open_at_once(path: str, flags: int) -> int:
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))  # a FIFO would wait for a writer


def _items(file: BinaryIO, source: Source, fields: Mapping[str, str]) -> Iterator[Item]:
    suffix, name = suffix_of(source.path), source.path.name
    format = MODULES[suffix]
    module = f"ingest.formats.{format}"
    if format in HARMLESS:
        return parser(module, suffix).parse(file, name, fields)
    size = os.fstat(file.fileno()).st_size
    if size > MAX_FILE_BYTES:
        raise Unfit(f"has {size:,} bytes, a {suffix} file at most {MAX_FILE_BYTES:,}", "Split it.")
    return sandbox.items(file, module, suffix, name, fields)


def _articles(items: Iterator[Item], source: Source) -> Iterator[Article | Failure | NoFiles]:
    met: set[str] = set()
    n_wrong = 0
    is_bounded = MODULES[suffix_of(source.path)] in _BY_LINE
    for item in items:
        if isinstance(item, NoFiles):
            yield item
            continue
        if is_bounded and n_wrong == MAX_COMPLAINTS:
            yield _failure(source, _left(n_wrong))
            return
        try:
            article = _article(source.key, item)
            if article.id in met:
                raise Unfit("has the same id as a part before it", "Give each article an id of its own.")
        except Unfit as wrong:
            n_wrong += 1
            yield _failure(source, wrong, item)
        else:
            met.add(article.id)
            yield article


def _left(n_wrong: int) -> Unfit:
    wrong = f"the rest of the file was not read: {n_wrong:,} of its lines are wrong"
    return Unfit(wrong, "Mend these, and run it again.")


def _unless_other_data(items: Iterator[Article | Failure | NoFiles], source: Source) -> Iterator[Read]:
    held: list[Failure] = []
    for item in items:
        if isinstance(item, Article | NoFiles) or not item.is_other_data:
            yield from (*held, item)
            yield from items
            return
        held.append(item)
        if len(held) == _MANY:
            break
    if held:
        yield Skipped(_place(source), "holds other data: no line of it has a text")


# ---- From what a format says to an article


def _article(key: str, item: Parsed | Wrong) -> Article:
    if isinstance(item, Wrong):
        raise (OtherData if item.is_other_data else Unfit)(item.message, item.hint)
    fields = parse_fields(item.values, is_exact=item.is_ours)
    text, starts = _whole(item)
    if not re.search(r"[^\W_]", text):
        raise Unfit("has no text: not one letter or digit", "Write its text, or remove it.")
    part = one_line(item.id)
    id = f"{key}#{part}" if part else key
    title = fields.title or title_of(text, item.is_markdown)
    meta = MappingProxyType(_meta(fields, starts))
    return Article(id, title, text, fields.source, fields.published, fields.url, meta)


def _whole(item: Parsed) -> tuple[str, list[int]]:
    """Return the text of all pages, parted by blank lines, and where each begins.

    An empty page begins where the one before it ends. What has one page has none to tell apart.
    """
    if len(item.pages) == 1:
        text = normalise(item.pages[0])
        blank = _BLANK_LINES.match(text)
        return text[blank.end() if blank else 0 :].rstrip(), []
    starts: list[int] = []
    written: list[str] = []
    end = 0
    for page in (normalise(page).strip() for page in item.pages):
        begin = end + 2 if written and page else end
        starts.append(begin)
        if page:
            written.append(page)
            end = begin + len(page)
    return "\n\n".join(written), starts


def _meta(fields: Fields, starts: list[int]) -> dict[str, str]:
    """Return what else is known, with where the pages begin; what the file calls pages is a number of them."""
    meta = {"page_count" if name == "pages" else name: value for name, value in fields.meta.items()}
    return meta | ({"pages": " ".join(map(str, starts))} if starts else {})


def _place(source: Source) -> str:
    return source.shown or str(source.path)


def _failure(source: Source, wrong: Unfit, item: Parsed | Wrong | None = None) -> Failure:
    line = wrong.line or (item.line if item else 0)
    part = one_line(item.id) if item else ""
    place = f":{line}" if line else f"#{part}" if part else ""
    return Failure(
        _place(source) + place,
        f"{wrong.message}. {wrong.hint}",
        str(source.path),
        isinstance(wrong, OtherData),
    )
