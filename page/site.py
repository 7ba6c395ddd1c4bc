"""All that one page stands on: the engine, the articles, the kept conversations, and what is said of them."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime
from itertools import islice
from pathlib import Path
from typing import Any, get_args

import rag
from page.conversations import CONVERSATIONS, Conversations
from page.library import Library
from page.markup import count
from page.meter import Meter
from page.suggest import examples, quietly
from page.talk import Desk
from page.views import Machine
from rag.domain import EVERYWHERE, Answer, Way, Where
from rag.errors import CitewiseError, ConversationsFault, QuestionError
from rag.pipeline import Pipeline
from rag.settings import load
from rag.store import Store

log = logging.getLogger("citewise")

N_SEEN = 400  # articles that example questions are looked for in
WAIT_S = 2.0  # a page that is opened this early waits this long for its examples
CLOSE_WAIT_S = 5.0  # for an example that is just being asked


class _Closed(Exception):
    """The page ends: nothing more is to be asked."""


@dataclass(slots=True)
class Site:
    """The parts of a page, and what its head says. ``notices`` are shown on every screen."""

    pipeline: Pipeline
    store: Store
    library: Library
    kept: Conversations
    notices: tuple[str, ...] = ()
    llm: str = ""  # the language model that writes
    secret: bytes = field(init=False)  # that signs the ids of visitors
    meter: Meter = field(default_factory=Meter)
    _examples: list[str] = field(default_factory=list)
    _looked: threading.Event = field(default_factory=threading.Event)
    _closed: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        """Read the secret once: who asks can then be told whatever becomes of the file."""
        self.secret = self.kept.secret()

    @property
    def desk(self) -> Desk:
        """Who leads the conversations."""
        return Desk(self.pipeline, self.kept, self.library, self.meter)

    @property
    def ways(self) -> tuple[Way, ...]:
        """The ways to answer that a person may choose from; none where no language model writes."""
        readers = self.pipeline.readers
        return tuple(way for way in get_args(Way) if way in readers) if "write" in readers else ()

    @property
    def way(self) -> Way:
        """How the page answers unless somebody chooses another way."""
        pipeline = self.pipeline
        return next((way for way in self.ways if pipeline.readers[way] is pipeline.reader), "auto")

    def facts(self) -> list[str]:
        """Return what the head of the page says about the collection."""
        status = self.pipeline.status()
        size = [count(status.n_articles, "article"), count(status.n_passages, "passage")]
        return [*size, "every answer with its quote"]

    def look_for_examples(self) -> None:
        """Find example questions that this collection answers; asking them also warms the models."""
        try:
            articles = islice(self.store.articles(), N_SEEN)
            self.show_examples(examples(articles, self._asked))
        except _Closed:
            pass
        except CitewiseError as error:
            log.warning("no example questions: %s", error.message)
        finally:
            self._looked.set()

    def _asked(self, question: str) -> Answer:
        if self._closed.is_set():
            raise _Closed
        return quietly(self.pipeline)(question)

    def show_examples(self, questions: Sequence[str]) -> None:
        """Show these as examples, and look for no others."""
        self._examples = list(questions)
        self._looked.set()

    def examples(self) -> list[str]:
        """Return the example questions, none while they are still looked for."""
        self._looked.wait(WAIT_S)
        return list(self._examples)

    def close(self) -> None:
        """End what goes on beside the page; Python must not end before it, for that could abort the process."""
        self._closed.set()
        self.library.close()

    def machine(self) -> Machine:
        """Return what the page says of itself."""
        status = self.pipeline.status()
        reader = self.pipeline.readers.get("quote", self.pipeline.reader)
        changed = datetime.fromtimestamp(self.store.changed_at).astimezone()
        return Machine(
            (
                (
                    "Collection",
                    (
                        ("Articles", f"{status.n_articles:,}"),
                        ("Passages", f"{status.n_passages:,}"),
                        ("Size on disk", f"{status.n_bytes / 2**20:,.1f} MiB"),
                        ("Last change", f"{changed:%Y-%m-%d %H:%M}"),
                        ("Changes so far", f"{status.changes:,}"),
                        ("Generation", status.generation),
                        ("State", status.note or "sound"),
                    ),
                ),
                (
                    "Models",
                    (
                        ("Embedder", status.embedder),
                        ("Reader", reader.name),
                        ("Passage length", f"at most {status.passage_tokens} tokens"),
                        ("Language model", self.llm or "none"),
                    ),
                ),
                (
                    "Questions",
                    (
                        ("A minute, lately", f"{self.meter.per_minute():.1f}"),
                        ("Answered since the start", f"{self.meter.n_answered:,}"),
                        ("Being worked on", f"{self.meter.n_asking:,}"),
                    ),
                ),
            )
        )


@contextmanager
def opened_site(
    index: str,
    *,
    read_only: bool,
    notices: Sequence[str] = (),
    **settings: Any,
) -> Iterator[Site]:
    """Open an index and its conversations for a page; ``settings`` are those of ``rag.open``.

    Conversations are kept in ``INDEX/conversations.db``, or in memory where that cannot be written; then a
    notice says so.

    Raises:
        CitewiseError: the index cannot be opened.
    """
    with rag.open(index, **settings) as pipeline:
        kept, faults = _conversations(Path(index) / CONVERSATIONS)
        store = pipeline.index
        assert isinstance(store, Store)  # an index on disk, since it was opened from a folder
        library = Library(store, Path(index), read_only=read_only)
        site = Site(pipeline, store, library, kept, (*notices, *faults), load(index=index, **settings).llm)
        looking = threading.Thread(target=site.look_for_examples, name="examples", daemon=True)
        looking.start()
        try:
            yield site
        finally:
            site.close()
            looking.join(CLOSE_WAIT_S)
            kept.close()


def _conversations(path: Path) -> tuple[Conversations, list[str]]:
    """Open the kept conversations; those in memory, and what is wrong, where the file cannot be used."""
    try:
        kept = Conversations(path)
        try:
            kept.secret()
        except ConversationsFault:
            kept.close()
            raise
    except ConversationsFault as error:
        return Conversations(None), [f"Conversations are kept until the server stops: {error.message}"]
    return kept, []


def where_of(
    sources: Sequence[str] | None, articles: Sequence[str] | None, since: str | None, until: str | None
) -> Where:
    """Return the filter that the fields of the page say.

    Raises:
        QuestionError: a date is none, or the first lies after the last.
    """
    where = Where(tuple(sources or ()), tuple(articles or ()), _day(since, "Since"), _day(until, "Until"))
    if where.since and where.until and where.since > where.until:
        raise QuestionError(
            f"the filter begins on {where.since} and ends before, on {where.until}",
            "Change one of the dates.",
        )
    return where if where != EVERYWHERE else EVERYWHERE


def _day(text: str | None, name: str) -> date | None:
    if not (text or "").strip():
        return None
    try:
        return date.fromisoformat(str(text).strip()[:10])
    except ValueError:
        raise QuestionError(
            f"{name} is {str(text)[:40]!r}, which is no date", "Write it as 2017-02-19."
        ) from None
