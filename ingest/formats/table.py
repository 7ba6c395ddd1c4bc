"""CSV and TSV: a row is an article; which column is what is found by name, and the others are kept beside it."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from typing import BinaryIO, Literal

from ingest import formats
from ingest.decode import refuse_binary
from ingest.fields import Unfit, one_line, shorten
from ingest.formats import Item, Parsed, Wrong
from ingest.formats.ids import clean_id
from ingest.formats.sample import sample_of

MAX_COLUMNS = 10_000

_REST_CHARS = 2**20  # of a line that is too long, at a time
_MAX_HEADER_CHARS = 2**18
_MEND_ROW = "Correct the row, or export the table again."

# The usual names of a column, the likelier first, without spaces and signs.
_USUAL: Mapping[str, tuple[str, ...]] = {
    "text": (
        "text",
        "body",
        "content",
        "contents",
        "article",
        "fulltext",
        "articletext",
        "articlebody",
        "maintext",
    ),
    "title": ("title", "headline", "heading"),
    "date": (
        "date",
        "published",
        "pubdate",
        "publishedat",
        "publisheddate",
        "publicationdate",
        "datepublished",
        "publishdate",
        "datetime",
        "day",
    ),
    "author": ("author", "authors", "byline", "creator"),
    "source": ("source", "publisher", "outlet", "publication", "newspaper", "sourcename"),
    "url": ("url", "link", "permalink", "articleurl"),
    "language": ("language", "lang"),
    "id": ("id", "guid", "articleid"),
}


def parse(file: BinaryIO, name: str, fields: Mapping[str, str]) -> Iterator[Item]:
    """Yield an article for each row, counted as a spreadsheet does: the header is row 1.

    ``fields`` are our names (text, title, date, author, source, url, language, id) and those of columns. A row's
    id is in its id column, or is its number. A ``name`` in .tsv says that a tab parts the cells.

    Raises:
        Unfit: it is not a table, or no column of it is known to hold the text.
    """
    csv.field_size_limit(formats.MAX_ARTICLE_BYTES)  # of the whole process, which is ours
    sample, encoding = sample_of(file)
    dialect = _dialect_of(sample, _TABBED if name.lower().endswith(".tsv") else _DIALECTS)
    file.seek(0)
    stream = io.TextIOWrapper(file, encoding, newline="")
    try:
        rows = _Rows(stream, dialect)
        columns = _columns_of(rows.header(), fields)
        yield from _articles(rows, columns, encoding.removesuffix("-sig"))
    except UnicodeDecodeError as error:
        raise Unfit(f"is not {encoding} at byte {error.start}, as it begins", "Save it as UTF-8.") from error
    finally:
        stream.detach()  # the file is not ours to close


# ---- Delimiter and quotes


@dataclass(frozen=True, slots=True)
class _Dialect:
    delimiter: str
    quoting: Literal[0, 3] = csv.QUOTE_MINIMAL

    def reader(self, lines: Iterator[str]) -> Iterator[list[str]]:
        # strict: a quote that is never closed would take in all that follows it
        return csv.reader(lines, delimiter=self.delimiter, quoting=self.quoting, strict=True)


# Tab-separated values come with quotes, as spreadsheets write them, or without, as their standard says.
_TABBED = (_Dialect("\t"), _Dialect("\t", csv.QUOTE_NONE))
_DIALECTS = (_Dialect(","), _Dialect(";"), *_TABBED, _Dialect("|"))


def _dialect_of(sample: str, dialects: Sequence[_Dialect]) -> _Dialect:
    """Return the dialect that finds several columns, then the most rows as wide as the header, then the most."""
    lines = list(io.StringIO(sample, newline=""))
    return max(dialects, key=lambda dialect: _fit(dialect, lines))


def _fit(dialect: _Dialect, lines: Sequence[str]) -> tuple[bool, float, int]:
    rows = dialect.reader(iter(lines))
    widths: list[int] = []
    while True:
        try:
            widths.append(len(next(rows)))
        except StopIteration:
            break
        except csv.Error:
            widths.append(-1)
    filled = [width for width in widths if width] or [0]
    header = filled[0]
    if header < 2 and dialect.quoting == csv.QUOTE_NONE:
        return False, 0.0, 0  # which any text fits
    return header > 1, filled.count(header) / len(filled), header


# ---- Rows


@dataclass(frozen=True, slots=True)
class _Row:
    number: int
    cells: list[str]


class _Rows:
    """The rows under a header, each a list as long as the header, or what is wrong with it."""

    def __init__(self, stream: io.TextIOWrapper, dialect: _Dialect) -> None:
        self._reader = dialect.reader(_Lines(stream))
        self._number = self._width = 0

    def header(self) -> list[str]:
        """Return the names of the columns: the first row that is not blank."""
        names: list[str] = []
        try:
            while not any(names):
                names = [one_line(cell) for cell in next(self._reader)]
        except StopIteration:
            raise Unfit("has no header", "Give its columns names in the first row.") from None
        except csv.Error as error:
            raise Unfit(f"is not CSV: {error}", "Export the table again.") from error
        if len(names) > MAX_COLUMNS or sum(map(len, names)) > _MAX_HEADER_CHARS:
            raise Unfit(f"has {len(names):,} columns", "Give it a header of names, and fewer columns.")
        self._number, self._width = 1, len(names)
        return names

    def __iter__(self) -> Iterator[_Row | Wrong]:
        while True:
            self._number += 1
            try:
                cells = next(self._reader)
                if any(cell.strip() for cell in cells):
                    yield _Row(self._number, self._fitted(cells))
            except StopIteration:
                return
            except csv.Error as error:
                yield Wrong(f"row {self._number}", f"is not CSV: {error}", _MEND_ROW)
            except Unfit as wrong:
                yield Wrong(f"row {self._number}", wrong.message, wrong.hint)

    def _fitted(self, cells: list[str]) -> list[str]:
        if len(cells) < self._width or any(cell.strip() for cell in cells[self._width :]):
            raise Unfit(f"has {len(cells):,} cells, the header {self._width:,}", _MEND_ROW)
        return cells[: self._width]


class _Lines:
    """The lines of a stream, as they are; one that is too long is an error in its place, and is passed over."""

    def __init__(self, stream: io.TextIOWrapper) -> None:
        self._stream = stream

    def __iter__(self) -> _Lines:
        return self

    def __next__(self) -> str:
        line = self._stream.readline(formats.MAX_ARTICLE_BYTES)
        if not line:
            raise StopIteration
        if len(line) < formats.MAX_ARTICLE_BYTES:
            return line
        while line and not line.endswith(("\n", "\r")):
            line = self._stream.readline(_REST_CHARS)
        raise csv.Error(f"a line has over {formats.MAX_ARTICLE_BYTES:,} characters")


# ---- Columns


@dataclass(frozen=True, slots=True)
class _Columns:
    """The place of each column that is a field of ours, and the names of all others with theirs."""

    ours: Mapping[str, int]
    others: Mapping[str, int]


def _columns_of(header: Sequence[str], fields: Mapping[str, str]) -> _Columns:
    ours = {field: _named(field, wanted, header) for field, wanted in fields.items() if field in _USUAL}
    free = {place for place, name in enumerate(header) if name} - set(ours.values())
    for field in _USUAL:
        if field not in ours and (place := _usual(field, header, free)):
            ours[field] = place[0]
    if "text" not in ours:
        raise formats.OtherData(f"has no column of text: {_listed(header)}", "Say --fields text=COLUMN.")
    others = {
        header[place]: place
        for place in sorted(free - set(ours.values()), reverse=True)  # of two alike, the first
        if header[place] not in ours
    }
    return _Columns(ours, others)


def _named(field: str, wanted: str, header: Sequence[str]) -> int:
    folded = [name.casefold() for name in header]
    for name, names in ((one_line(wanted), header), (one_line(wanted).casefold(), folded)):
        if name in names:
            return names.index(name)
    raise Unfit(f"has no column {wanted[:80]!r}: {_listed(header)}", f"Say --fields {field}=COLUMN.")


def _usual(field: str, header: Sequence[str], free: Set[int]) -> list[int]:
    plain = {place: re.sub(r"[\W_]+", "", header[place].casefold()) for place in sorted(free)}
    return [place for usual in _USUAL[field] for place, name in plain.items() if name == usual]


def _listed(header: Sequence[str]) -> str:
    return "it has " + shorten(", ".join(name or "(no name)" for name in header), 300)


# ---- Articles


def _articles(rows: _Rows, columns: _Columns, encoding: str) -> Iterator[Item]:
    seen: dict[str, int] = {}
    for row in rows:
        if isinstance(row, Wrong):
            yield row
            continue
        try:
            article = _article(row, columns, encoding)
            if first := seen.get(article.id):
                mend = "Give each row an id of its own, or take another column: --fields id=COLUMN."
                raise Unfit(f"has the same id as row {first}", mend)
        except Unfit as wrong:
            is_other = isinstance(wrong, formats.OtherData)
            yield Wrong(f"row {row.number}", wrong.message, wrong.hint, is_other_data=is_other)
        else:
            if "id" in columns.ours:
                seen[article.id] = row.number
            yield article


def _article(row: _Row, columns: _Columns, encoding: str) -> Parsed:
    for cell in row.cells:
        refuse_binary(cell)
    values = {name: row.cells[place] for name, place in (*columns.others.items(), *columns.ours.items())}
    text, id = values.pop("text"), clean_id(values.pop("id", str(row.number)))
    if not text.strip():
        raise formats.OtherData("has no text: its cell is empty", "Fill it, or remove the row.")
    if not id:
        raise Unfit("has no id", "Give it one, or take another column: --fields id=COLUMN.")
    given = {name: cell for name, cell in values.items() if cell.strip()}
    return Parsed((text,), id, formats.noting(encoding, given))
