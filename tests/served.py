"""A page as people use it: a real index, store and server, and a reader that can be worked out by eye."""

from __future__ import annotations

import re
import socket
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page, ViewportSize, expect

import app
import ingest
from page.conversations import Conversations
from page.library import Library
from page.site import CONVERSATIONS, Site
from rag import wiring
from rag.domain import Alternative, Answer, Citation, Draft, Hit, Sentence, Stage, Steps, spoken
from rag.index.words import terms
from rag.settings import load
from rag.text import fold, sentences
from tests.fakes import AtOnce

CHROMIUM = Path("/usr/bin/chromium")
ARGUMENTS = """--no-sandbox --disable-gpu --disable-background-networking --disable-component-update
 --disable-sync --no-first-run""".split()

QUOTE = "Asked whom Moscow favours, he named two candidates: Anna Berg and Paul Lind."
FILES = {
    "interview.md": f"""---
title: Minister on the vote
source: The Courier
date: 2019-04-07
url: https://example.org/interview
---
The minister gave the interview on Sunday. {QUOTE} He named nobody else.

The vote is in May.
""",
    "reply.md": """---
title: Moscow answers the minister
source: The Herald
date: 2019-04-09
---
Asked whom Moscow favours, its spokeswoman said that it favours nobody. The ambassador was not asked.
""",
    "bridge.md": """---
title: The bridge at Lindau
source: The Herald
date: 2017-05-02
---
A crack was found in the third pier of the bridge at Lindau. It was closed to lorries on Tuesday.
"""
    + "\n".join(
        f"\nParagraph {n} of the report on the repair speaks of rivets, bolts and paint." for n in range(60)
    )
    + "\n\nThe engineer Ida Moll said that the repair will cost four million crowns.\n",
}
WHOM = "Whom does Moscow favour?"
COST = "What will the repair cost?"


class ByWords(AtOnce):
    """Quotes of each article the sentence with the most words of the question; "gold" is nowhere."""

    name = "by words"

    def read(self, question: str, hits: Sequence[Hit]) -> Answer:
        if "crash" in question:
            raise RuntimeError("secret detail")
        if "slow" in question:
            time.sleep(1.5)
        if "gold" in question or not hits:
            return Answer(question, hits=tuple(hits), reason="None of the passages answers the question.")
        asked = set(terms(question))
        best: dict[str, tuple[int, Citation]] = {}
        for hit in hits:
            for start, end in sentences(hit.passage.text):
                shared = len(asked & set(terms(hit.passage.text[start:end])))
                found = Citation(1, hit.passage, hit.passage.start + start, hit.passage.start + end)
                if shared > best.get(hit.passage.article.id, (0, found))[0]:
                    best[hit.passage.article.id] = shared, found
        if not best:
            return Answer(question, hits=tuple(hits), reason="None of the passages answers the question.")
        ranked = sorted(best.values(), key=lambda pair: (-pair[0], fold(pair[1].quote)))
        top = [c for shared, c in ranked if shared == ranked[0][0]]
        others = [c for shared, c in ranked if shared < ranked[0][0]]
        cited = tuple(Citation(n, c.passage, c.start, c.end) for n, c in enumerate(top, start=1))
        alternatives = tuple(Alternative(c.quote[:20], 0.2, (c,)) for c in others[:1])
        return Answer(
            question, " ".join(top[0].quote.split()[-4:]), cited, 0.93, tuple(hits), alternatives, "quote"
        )


PROVED = "The repair of the bridge at Lindau will cost four million crowns."
OWN = "It was closed to lorries on Tuesday."
FAILED = "The mayor paid for it himself."
LACKS = "no passage has the word mayor"
ROUTE = "written, since it asks why"


class Scripted:
    """Writes three sentences word by word, of which one is proved, one an article's own, and one fails.

    Each word takes ``pace_s``.
    """

    name = "scripted writer"
    n_all = len(f"{PROVED} {FAILED} {OWN}".split())  # words of an answer

    def __init__(self, pace_s: float = 0.03) -> None:
        self.pace_s = pace_s
        self.n_words = 0  # that were written so far, of all answers
        self.left = threading.Event()  # set when a writing ended or was stopped

    def read(self, question: str, hits: Sequence[Hit]) -> Answer:
        *_, answer = self.stream(question, hits)
        assert isinstance(answer, Answer)
        return answer

    def stream(self, question: str, hits: Sequence[Hit]) -> Steps:
        cost, closed = (quoted(hits, words) for words in ("four million crowns", OWN))
        if not (cost and closed):
            yield Answer(question, hits=tuple(hits), reason="None of the passages answers the question.")
            return
        done = (
            Sentence(PROVED, "supported", (replace(cost, n=1),)),
            Sentence(FAILED, "unsupported", why=LACKS),
            Sentence(OWN, "verbatim", (replace(closed, n=2),)),
        )
        cited = tuple(citation for sentence in done for citation in sentence.citations)
        yield Stage("write", len(hits))
        try:
            for n, sentence in enumerate(done):
                written = sentence.text.split()
                for end in range(1, len(written) + 1):
                    time.sleep(self.pace_s)
                    self.n_words += 1
                    yield Draft(done[:n], " ".join(written[:end]))
            yield Draft(done)
        finally:
            self.left.set()
        yield Answer(
            question, spoken(done), cited, 0.84, tuple(hits), mode="write", sentences=done, route=ROUTE
        )


class Routed:
    """Has what asks "why" written, and everything else quoted."""

    name = "routed"

    def __init__(self, quotes: ByWords, writer: Scripted) -> None:
        self.quotes, self.writer = quotes, writer

    def read(self, question: str, hits: Sequence[Hit]) -> Answer:
        *_, answer = self.stream(question, hits)
        assert isinstance(answer, Answer)
        return answer

    def stream(self, question: str, hits: Sequence[Hit]) -> Steps:
        if "why" in question.lower():
            yield from self.writer.stream(question, hits)
        else:
            yield replace(self.quotes.read(question, hits), route="quoted, since it asks for a span")


def quoted(hits: Sequence[Hit], words: str) -> Citation | None:
    """Return the sentence of the hits that has these words."""
    for hit in hits:
        for start, end in sentences(hit.passage.text):
            if words in hit.passage.text[start:end]:
                return Citation(1, hit.passage, hit.passage.start + start, hit.passage.start + end)
    return None


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def written(folder: Path, files: dict[str, str]) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8")
    return folder


def indexed(folder: Path, files: dict[str, str] | None = None) -> Path:
    """Index some articles, and return the index."""
    ingest.index(written(folder / "news", files or FILES), folder / "index")
    return folder / "index"


@contextmanager
def served(
    index: Path,
    *,
    read_only: bool = False,
    examples: Sequence[str] = (WHOM,),
    writer: Scripted | None = None,
    **launch: Any,
) -> Iterator[tuple[str, Site]]:
    """Serve a page over an index; yield its address and what it stands on."""
    pipeline = wiring.pipeline(load(index=str(index)))
    pipeline.reader = quotes = ByWords()
    pipeline.readers = {"auto": quotes, "quote": quotes}
    if writer:
        pipeline.reader = auto = Routed(quotes, writer)
        pipeline.readers = {"auto": auto, "quote": quotes, "write": writer}
    kept = Conversations(index / CONVERSATIONS)
    site = Site(pipeline, pipeline.index, Library(pipeline.index, index, read_only=read_only), kept)
    site.show_examples(examples)
    blocks = app.build(site)
    try:
        yield app.launch(blocks, site, "127.0.0.1", launch.pop("port", 0) or free_port(), **launch), site
    finally:
        blocks.close(verbose=False)
        kept.close()
        pipeline.close()


class Watch:
    """A page of its own context, and all that it asked of the network or complained about."""

    def __init__(self, browser: Browser, address: str, *, at: str = "", **context: Any) -> None:
        context.setdefault("viewport", ViewportSize(width=1280, height=800))
        self.context = browser.new_context(**context)
        self.address = address
        self.requests: list[str] = []
        self.faults: list[str] = []
        self.streams = 0  # events that are on their way
        self.context.on("request", lambda request: self._told(request.url, 1))
        self.context.on("requestfinished", lambda request: self._told(request.url, -1))
        self.context.on("requestfailed", lambda request: self._told(request.url, -1))
        self.page: Page = self.opened(at)

    def opened(self, at: str = "") -> Page:
        """Open the page once more, in a tab of its own."""
        page = self.context.new_page()
        page.on("dialog", lambda dialog: (self.faults.append("dialog"), dialog.dismiss()))
        page.on("pageerror", lambda error: self.faults.append(str(error)))
        page.on("console", lambda told: told.type == "error" and self.faults.append(told.text))
        page.goto(self.address + at)
        expect(page.get_by_label("Your question")).to_be_visible()
        return page

    def _told(self, url: str, change: int) -> None:
        if change > 0:
            self.requests.append(url)
        if "/queue/data" in url:
            self.streams += change

    def settled(self) -> None:
        """Wait until the page has nothing more to do, such as looking for suggestions."""
        self.page.wait_for_timeout(300)
        while self.streams:
            self.page.wait_for_timeout(50)

    def ask(self, question: str) -> None:
        """Type a question and press Enter."""
        box = self.page.get_by_label("Your question")
        box.fill(question)
        box.press("Enter")

    def answered(self, question: str, n: int = 1) -> None:
        """Ask, and wait until ``n`` answers are there."""
        self.ask(question)
        expect(self.page.locator("#cw-chat .cw-answer")).to_have_count(n)

    @property
    def external(self) -> list[str]:
        """What was asked of others than the page's own server."""
        return [url for url in self.requests if not url.startswith((self.address, "data:", "blob:"))]

    def close(self) -> None:
        """Close it; nothing may have been asked of others, nor complained about."""
        self.context.close()
        assert self.external == [], self.external
        assert self.faults == [], self.faults


def number(text: str) -> int:
    """Return the first whole number of a text."""
    found = re.search(r"\d+", text)
    assert found
    return int(found[0])
