"""Takes the pictures of the page in docs/screenshots/: ``python -m docs.screenshots [NAME...]``.

It serves the shipped collection with the shipped models and asks as people do, in Debian's chromium.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory

from PIL import Image
from playwright.sync_api import Browser, Page, expect, sync_playwright

import app
import ingest
from page.site import opened_site

HOME = Path(__file__).resolve().parent.parent
FOLDER = HOME / "docs" / "screenshots"
CHROMIUM = "/usr/bin/chromium"
PORT = 7861
N_COLOURS = 128  # of a picture; the page has few, and a third of the bytes does
LAPTOP = {"viewport": {"width": 1280, "height": 800}}
PHONE = {"viewport": {"width": 390, "height": 844}, "is_mobile": True, "has_touch": True}
SETTLED_MS = 600  # until what scrolls and what is drawn has come to rest
SUGGESTED_MS = 1500  # until an answer is followed by what to ask next, if there is anything
PREFERS = "Who did Ayrault say Russia prefers?"
UNKNOWN = "Who won the Tour de France?"


@dataclass(frozen=True, slots=True)
class Picture:
    """What is pictured: a screen, a colour scheme, and how a person comes there."""

    name: str
    steps: Callable[[Page], None]
    scheme: str = "light"
    phone: bool = False


def ask(page: Page, question: str) -> None:
    """Ask, and wait for the answer and its evidence."""
    n = page.locator("#cw-chat .cw-answer").count()
    box = page.get_by_label("Your question")
    box.fill(question)
    box.press("Enter")
    expect(page.locator("#cw-chat .cw-answer")).to_have_count(n + 1)
    expect(page.locator("#cw-side .cw-for")).to_have_text(question)
    page.wait_for_timeout(SUGGESTED_MS)


def start(page: Page) -> None:
    """The page as one comes to it."""
    expect(page.locator("#cw-chat .example").first).to_be_visible()


def answer(page: Page) -> None:
    """An answer and its quote in the article."""
    ask(page, PREFERS)
    expect(page.locator("#cw-chat .cw-suggest")).to_be_visible()


def refusal(page: Page) -> None:
    """A question that the articles do not answer."""
    ask(page, UNKNOWN)


def conversation(page: Page) -> None:
    """A follow-up, among the conversations that are kept."""
    for question in ("Who came second to Bolt?", "How many miners were rescued in Chile?", UNKNOWN):
        ask(page, question)
        page.get_by_role("button", name="New conversation").click()
        expect(page.locator("#cw-chat .cw-answer")).to_have_count(0)
    answer(page)
    ask(page, "What did he call the cyberattacks?")
    expect(page.locator("#cw-chat .cw-remarks")).to_contain_text("Searched for")


def narrowed(page: Page) -> None:
    """The filter, open and filled in."""
    page.get_by_role("button", name="Narrow").click()
    page.get_by_label("Sources").click()
    page.get_by_role("option").first.click()
    page.locator("#cw-since input").first.fill("2010-01-01")
    page.locator("#cw-since input").first.press("Tab")
    ask(page, PREFERS)


def articles(page: Page) -> None:
    """The list of articles, and when they were published."""
    page.get_by_role("tab", name="Articles").click()
    expect(page.locator("#cw-list tbody tr").first).to_be_visible()
    expect(page.locator("#cw-histogram svg, #cw-histogram canvas").first).to_be_visible()


def machine(page: Page) -> None:
    """What the page says of itself after some questions."""
    for question in (PREFERS, UNKNOWN, "How fast did Bolt run?", "Who freed Mandela?"):
        ask(page, question)
    page.get_by_role("tab", name="Machine").click()
    expect(page.locator("#cw-timings svg, #cw-timings canvas").first).to_be_visible()


def evidence(page: Page) -> None:
    """What a press on a citation shows where there is one column."""
    answer(page)
    page.get_by_role("button", name="Open citation 1").first.click()
    expect(page.locator("#cw-side mark.cw-here").first).to_be_in_viewport()


PICTURES = (
    Picture("start", start),
    Picture("answer", answer),
    Picture("answer-dark", answer, "dark"),
    Picture("refusal", refusal),
    Picture("conversation-dark", conversation, "dark"),
    Picture("filter", narrowed),
    Picture("articles", articles),
    Picture("articles-dark", articles, "dark"),
    Picture("machine", machine),
    Picture("phone-start-dark", start, "dark", phone=True),
    Picture("phone-answer", answer, phone=True),
    Picture("phone-evidence", evidence, phone=True),
)


@contextmanager
def serving() -> Iterator[str]:
    """Serve the shipped collection; yield the address."""
    with TemporaryDirectory() as place:
        index = Path(place) / "index"
        ingest.index(HOME / "corpus", index)
        with opened_site(str(index), read_only=False) as site:
            blocks = app.build(site)
            try:
                yield app.launch(blocks, site, "127.0.0.1", PORT)
            finally:
                blocks.close(verbose=False)


def take(browser: Browser, address: str, picture: Picture) -> bytes:
    """Return a picture of the page as PNG."""
    size = PHONE if picture.phone else LAPTOP
    with browser.new_context(color_scheme=picture.scheme, reduced_motion="reduce", **size) as context:
        page = context.new_page()
        page.goto(address)
        start(page)
        picture.steps(page)
        page.wait_for_timeout(SETTLED_MS)
        return small(page.screenshot(caret="hide"))


def small(png: bytes) -> bytes:
    """Return a PNG with fewer colours."""
    out = BytesIO()
    Image.open(BytesIO(png)).convert("RGB").quantize(N_COLOURS, dither=Image.Dither.NONE).save(
        out, "PNG", optimize=True
    )
    return out.getvalue()


def main(names: Sequence[str]) -> None:
    """Write the pictures named, or all."""
    FOLDER.mkdir(exist_ok=True)
    with serving() as address, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        for picture in PICTURES:
            if not names or picture.name in names:
                (FOLDER / f"{picture.name}.png").write_bytes(take(browser, address, picture))


if __name__ == "__main__":
    main(sys.argv[1:])
