"""The articles behind a page: list them, read them, open evidence in them, bring some and take some away."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from queue import SimpleQueue
from typing import Protocol
from weakref import WeakSet

import ingest
from ingest import uploads
from ingest.dropped import MAX_UPLOAD_BYTES
from ingest.find import SUFFIXES
from ingest.sync import Stopped, Watcher
from ingest.uploads import Added
from page.excerpt import excerpt
from page.markup import count
from page.record import Record, Slice, origin_of, text_sha256
from page.uploading import Telling, until_done
from page.views import N_ROWS, Listing, Opened, Progress, Reading, Row, Sort
from rag.domain import EVERYWHERE, Article, Passage, Where
from rag.errors import ArticleMissing, CitewiseError, IndexLocked, UploadRefused
from rag.index.catalogue import Entry, Home
from rag.store import Shape

log = logging.getLogger("citewise")

MAX_TITLES = 1_000  # articles that a filter offers
REMOVE_WAIT_S = 2.0  # for an upload to end
CLOSE_WAIT_S = 5.0  # for one that was told to


class Shelf(Protocol):
    """What a library needs of an index."""

    @property
    def n_articles(self) -> int:
        """How many articles it holds."""

    @property
    def shape(self) -> Shape:
        """The settings that shaped it."""

    def refresh(self) -> None:
        """See all that is committed now."""

    def listed(
        self, words: str, where: Where, sort: Sort, descending: bool, first: int, n: int
    ) -> tuple[list[Entry], int]:
        """Return some of the articles that match, and how many do."""

    def sources(self) -> list[tuple[str, int]]:
        """Return (source, number of articles)."""

    def months(self) -> list[tuple[str, str, int]]:
        """Return (month, source, number of articles)."""

    def titles(self, limit: int) -> list[tuple[str, str]]:
        """Return (id, title) of the newest articles."""

    def article(self, id: str) -> Article:
        """Return an article, or raise ArticleMissing."""

    def home(self, id: str) -> Home:
        """Return where an article came from, or raise ArticleMissing."""

    def passages(self, ids: Sequence[int]) -> dict[int, Passage]:
        """Return those of ``ids`` that exist."""


class Adding(Protocol):
    """Brings files into the index."""

    def __call__(
        self, files: Sequence[Path], names: Sequence[str], watcher: Watcher, stop: threading.Event
    ) -> Added:
        """Return what became of ``files``, which are called ``names``; raise Stopped soon after ``stop`` is set."""


Removing = Callable[[str], str]
"""Takes the article of an id out of the index, and says what was done."""


class Library:
    """The articles of an index. ``read_only`` ones can be read, and neither brought nor removed."""

    suffixes = SUFFIXES  # of files that can be brought
    max_upload_bytes = MAX_UPLOAD_BYTES

    def __init__(
        self,
        shelf: Shelf,
        index: Path,
        *,
        read_only: bool = False,
        add: Adding | None = None,
        remove: Removing | None = None,
    ) -> None:
        """``add`` and ``remove`` change the index at ``index``, by themselves unless given."""
        self.read_only = read_only
        self._shelf, self._index = shelf, index
        self._add: Adding = add or self._ingest
        self._remove: Removing = remove or (lambda id: ingest.remove(id, index))
        self._writing = threading.Lock()
        self._closed = threading.Event()
        self._workers: WeakSet[threading.Thread] = WeakSet()

    # -- the list ---------------------------------------------------------------------------------

    def listing(
        self,
        words: str = "",
        where: Where = EVERYWHERE,
        sort: Sort = "published",
        descending: bool = True,
        first: int = 0,
    ) -> Listing:
        """Return a page of the articles that match; the last one if ``first`` lies after it."""
        self._shelf.refresh()
        first = max(0, first)
        found, n_found = self._shelf.listed(words, where, sort, descending, first, N_ROWS)
        if not found and n_found:
            first = (n_found - 1) // N_ROWS * N_ROWS
            found, n_found = self._shelf.listed(words, where, sort, descending, first, N_ROWS)
        rows = tuple(Row(e.id, e.title, e.source, e.published, e.n_chars, e.n_passages) for e in found)
        return Listing(rows, first, n_found, self._shelf.n_articles, words, sort, descending, where)

    def sources(self) -> list[tuple[str, int]]:
        """Return (source, number of articles), most first."""
        self._shelf.refresh()
        return self._shelf.sources()

    def months(self) -> list[tuple[str, str, int]]:
        """Return (month as 2017-02, source, number of articles) in order; undated ones have an empty month."""
        self._shelf.refresh()
        return self._shelf.months()

    def titles(self) -> list[tuple[str, str]]:
        """Return (id, title) of the newest articles, newest first, at most ``MAX_TITLES``."""
        self._shelf.refresh()
        return self._shelf.titles(MAX_TITLES)

    # -- one article ------------------------------------------------------------------------------

    def reading(self, id: str, around: int | None = None) -> Reading:
        """Open an article at a character of its text, at its beginning unless given.

        Raises:
            ArticleMissing: there is none of this id.
        """
        self._shelf.refresh()
        article, home = self._shelf.article(id), self._shelf.home(id)
        at = min(max(around or 0, 0), len(article.text))
        return Reading(
            article=origin_of(article),
            meta=tuple(article.meta.items()),
            excerpt=excerpt(article.text, at, at),
            n_passages=home.n_passages,
            file=Path(home.file).name if self.read_only else home.file,
            may_remove=not self.read_only,
            removal="" if self.read_only else uploads.fate(self._index, home.file, home.n_others),
        )

    def opened(self, turn: str, record: Record, at: int) -> Opened:
        """Open quote ``at`` of an answer in the article of now, if that still says the same."""
        quotes = record.all_quotes
        if not 0 <= at < len(quotes):
            return Opened(turn, record, None, None)
        return self._compared(Opened(turn, record, at, quotes[at].passage))

    def opened_passage(self, turn: str, record: Record, passage_id: int) -> Opened:
        """Open a passage of an answer in the article of now; one that is quoted opens at its first quote."""
        for at, quote in enumerate(record.all_quotes):
            if quote.passage.id == passage_id:
                return self.opened(turn, record, at)
        passages = (c.passage for c in record.considered if c.passage.id == passage_id)
        passage = next(passages, None)
        opened = Opened(turn, record, None, passage)
        return self._compared(opened) if passage else opened

    def _compared(self, opened: Opened) -> Opened:
        passage = opened.passage
        assert passage is not None
        article = self._now(passage)
        if article is None:
            return replace(opened, state="gone")
        if text_sha256(article.text) != passage.article.sha256:
            return replace(opened, state="changed")
        return replace(opened, excerpt=excerpt(article.text, passage.start, passage.end))

    def _now(self, passage: Slice) -> Article | None:
        """Return the article that a passage was taken from as it is now, under another id if it was moved."""
        try:
            self._shelf.refresh()
            try:
                return self._shelf.article(passage.article.id)
            except ArticleMissing:
                moved = self._shelf.passages([passage.id]).get(passage.id)
        except CitewiseError as error:
            log.warning("evidence cannot be compared with its article: %s", error.message)
            return None
        is_same = moved is not None and text_sha256(moved.article.text) == passage.article.sha256
        return moved.article if moved and is_same else None

    # -- changing ---------------------------------------------------------------------------------

    def upload(self, files: Sequence[Path], names: Sequence[str]) -> Iterator[Progress]:
        """Bring ``files``, which people call ``names``; yield how it goes on, and last how it ended.

        It goes on to its end even if nobody listens any more. One upload goes on at a time, others wait.

        Raises:
            UploadRefused: this library is read-only.
        """
        self._refuse_if_read_only()
        told: SimpleQueue[Progress] = SimpleQueue()
        job = (list(files), list(names), told.put)
        worker = threading.Thread(target=self._upload, args=job, name="upload", daemon=True)
        self._workers.add(worker)
        worker.start()
        return until_done(told)

    def close(self) -> None:
        """Stop the uploads, and wait until they have ended; what they stored until now stays."""
        self._closed.set()
        until = time.monotonic() + CLOSE_WAIT_S
        for worker in tuple(self._workers):
            worker.join(max(0.0, until - time.monotonic()))

    def remove(self, id: str) -> str:
        """Take an article out of the index; return what was done, in sentences.

        Raises:
            UploadRefused: this library is read-only.
            ArticleMissing, IndexLocked, IndexDamaged: as their names say.
        """
        self._refuse_if_read_only()
        if not self._writing.acquire(timeout=REMOVE_WAIT_S):
            raise IndexLocked("an upload is being indexed", "Wait for it to end; asking goes on meanwhile.")
        try:
            return self._remove(id)
        finally:
            self._writing.release()

    def _refuse_if_read_only(self) -> None:
        if self.read_only:
            raise UploadRefused(
                "this page is read-only: articles are neither brought nor removed here",
                "Ask whoever runs it to index them.",
            )

    def _upload(self, files: list[Path], names: list[str], tell: Callable[[Progress], None]) -> None:
        watcher = Telling(tell)
        try:
            if not self._writing.acquire(blocking=False):
                tell(Progress("Waiting: another upload is being indexed."))
                self._writing.acquire()
            try:
                if self._closed.is_set():
                    raise Stopped
                tell(Progress(f"Reading {count(len(files), 'file')}…"))
                self._shelf.refresh()  # an index that is gone is not begun anew
                added = self._add(files, names, watcher, self._closed)
            finally:
                self._writing.release()
        except IndexLocked as error:
            log.warning("an upload was turned away: %s", error.message)  # which names a process of the server
            tell(
                watcher.stopped(
                    "The articles are being indexed by another run. Drop the files again when it has ended."
                )
            )
        except CitewiseError as error:
            tell(watcher.stopped(str(error)))
        except Stopped:
            tell(watcher.stopped("The server was stopped. Drop the files again when it runs."))
        except Exception:
            log.exception("an upload failed")
            tell(watcher.stopped("Something went wrong here. The server's log says what."))
        else:
            tell(watcher.ended(added))

    def _ingest(
        self, files: Sequence[Path], names: Sequence[str], watcher: Watcher, stop: threading.Event
    ) -> Added:
        tokens = self._shelf.shape.passage_tokens
        return ingest.add(files, self._index, names=names, watcher=watcher, stop=stop, passage_tokens=tokens)
