"""The page in a real Chromium, over a pipeline that can be worked out by eye."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

import app
import ingest
import rag
from rag.domain import Alternative, Answer, Article, Citation, Hit, Passage
from tests.test_app import FakePipeline, free_port
from tests.test_render import HOSTILE, hostile

expect.set_options(timeout=20_000)  # ms; a loaded machine is slow, not wrong
CHROMIUM = Path("/usr/bin/chromium")
ARGUMENTS = """--no-sandbox --disable-gpu --disable-background-networking --disable-component-update
 --disable-sync --no-first-run""".split()
STORY = Path(app.__file__).with_name("corpus") / "articles" / "2017-02-19-ayrault-denounces-cyberattacks.md"
pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(
        not CHROMIUM.exists(), reason="there is no /usr/bin/chromium; on Debian: apt-get install chromium"
    ),
]

TEXT = """The minister gave the interview on Sunday. Asked whom Moscow favours, he named two candidates: Anna
Berg and Paul Lind. He named nobody else.

The vote is in May."""
QUOTE = "Asked whom Moscow favours, he named two candidates: Anna\nBerg and Paul Lind."
INTERVIEW = Article(
    "news/interview.md",
    "Minister on the vote",
    TEXT,
    "The Courier",
    date(2019, 4, 7),
    "https://example.org/i",
)
FIRST = Passage(1, INTERVIEW, 0, TEXT.index("\n\n"))
SECOND = Passage(2, INTERVIEW, TEXT.index("The vote"), len(TEXT))
START = TEXT.index(QUOTE)
HITS = (Hit(FIRST, 0.5), Hit(SECOND, 0.25))
NAMED = Answer(
    "Whom does Moscow favour?",
    "Anna Berg and Paul Lind",
    (Citation(1, FIRST, START, START + len(QUOTE)),),
    0.93,
    HITS,
    (Alternative("in May", 0.1, (Citation(1, SECOND, SECOND.start, SECOND.end),)),),
    "quote",
)


class Scripted(FakePipeline):
    """Knows one answer, and one that is as hostile as can be."""

    def ask(self, question: str, *, k: int | None = None) -> Answer:
        if "Moscow" in question:
            return replace(NAMED, question=question)
        if "script" in question:
            return replace(hostile(), question=question)
        return super().ask(question, k=k)


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    page = app.build(Scripted(list(HITS)), [NAMED.question])
    yield app.launch(page, "127.0.0.1", free_port())
    page.close(verbose=False)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        yield playwright.chromium.launch(executable_path=str(CHROMIUM), args=ARGUMENTS)


class Watch:
    """A page of its own context, and all that it asked of the network or complained about."""

    def __init__(self, context: BrowserContext, address: str) -> None:
        self.page: Page = context.new_page()
        self.requests: list[str] = []
        self.faults: list[str] = []
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.on("dialog", lambda dialog: (self.faults.append("dialog"), dialog.dismiss()))
        self.page.on("pageerror", lambda error: self.faults.append(str(error)))
        self.page.on("console", lambda told: told.type == "error" and self.faults.append(told.text))
        self.page.goto(address)
        expect(self.page.get_by_label("Your question")).to_be_visible()

    def ask(self, question: str) -> None:
        self.page.get_by_label("Your question").fill(question)
        self.page.get_by_label("Your question").press("Enter")

    def external(self, address: str) -> list[str]:
        return [url for url in self.requests if not url.startswith((address, "data:", "blob:"))]


@pytest.fixture(scope="module")
def laptop(browser: Browser) -> BrowserContext:
    return browser.new_context(viewport={"width": 1280, "height": 800})


@pytest.fixture
def watch(laptop: BrowserContext, address: str) -> Iterator[Watch]:
    watched = Watch(laptop, address)
    yield watched
    watched.page.close()
    assert watched.external(address) == []
    assert watched.faults == []


def test_a_question_is_answered_with_the_quote_marked_in_its_passage(watch):
    watch.ask(NAMED.question)
    page = watch.page
    expect(page.locator("#cw-chat .cw-text")).to_have_text("Anna Berg and Paul Lind")
    expect(page.locator("#cw-chat .cw-trust")).to_contain_text("well supported 0.93")
    expect(page.locator("#cw-chat blockquote")).to_have_text(" ".join(QUOTE.split()))
    expect(page.locator("#cw-chat .cw-source")).to_have_text("Minister on the vote The Courier 7 April 2019")
    marks = page.locator("#cw-side .cw-card").first.locator("mark")
    assert marks.all_text_contents() == [QUOTE]
    assert page.locator("#cw-side .cw-passage").first.text_content() == FIRST.text
    expect(page.get_by_label("Your question")).to_have_value("")
    assert page.title() == "Citewise"


def test_the_first_question_of_all_from_typing_to_the_marked_quote(laptop, tmp_path):
    ingest.index([STORY], index=tmp_path / "index")
    with rag.open(tmp_path / "index") as pipeline:
        page = app.build(pipeline, app.answerable(pipeline, app.EXAMPLES))
        address = app.launch(page, "127.0.0.1", free_port())
        watched = Watch(laptop, address)
        watched.ask("Who did Ayrault say Russia prefers?")
        expect(watched.page.locator("#cw-chat .cw-text")).to_contain_text("Fillon")
        marked = watched.page.locator("#cw-side mark").first.text_content()
        watched.page.close()
        page.close(verbose=False)
    assert marked in STORY.read_text(encoding="utf-8")
    assert "Fillon" in marked
    assert watched.external(address) == []
    assert watched.faults == []


def test_other_passages_unfold_by_keyboard_with_their_scores(watch):
    watch.ask(NAMED.question)
    folded = watch.page.get_by_text("Other passages considered (1)")
    expect(watch.page.get_by_text("score 0.25")).to_be_hidden()
    folded.focus()
    folded.press("Enter")
    expect(watch.page.get_by_text("score 0.25")).to_be_visible()


def test_what_the_articles_do_not_say_is_said_plainly(watch):
    watch.ask("What about NATO?")
    expect(watch.page.locator("#cw-chat .cw-text")).to_have_text("The articles do not say.")
    expect(watch.page.locator("#cw-chat .cw-reason")).to_have_text(
        "None of the passages answers the question."
    )
    assert watch.page.locator("#cw-side .cw-badge").all_text_contents() == ["not an answer"] * 2
    assert watch.page.locator("mark").count() == 0


def test_an_empty_question_and_a_crash_are_told_in_the_chat(watch):
    watch.ask("   ")
    expect(watch.page.get_by_role("alert")).to_have_text("the question is emptyAsk something in words.")
    watch.ask("crash")
    expect(watch.page.get_by_role("alert").nth(1)).to_contain_text("something went wrong here")
    assert "secret detail" not in watch.page.content()


def test_what_is_typed_while_an_answer_is_made_stays(watch):
    box = watch.page.get_by_label("Your question")
    watch.ask("slow")
    expect(watch.page.locator(".cw-working")).to_have_text("Searching 2,312 articles…")
    expect(box).to_have_value("")
    box.fill("And then?")
    expect(watch.page.locator("#cw-chat .cw-text")).to_have_count(1)
    expect(box).to_have_value("And then?")


def test_an_example_is_asked_at_a_click_and_an_earlier_answer_shows_its_evidence_again(watch):
    page = watch.page
    page.get_by_role("button", name=NAMED.question).click()
    expect(page.locator("#cw-chat .cw-text")).to_have_text("Anna Berg and Paul Lind")
    watch.ask("What about NATO?")
    expect(page.locator("#cw-side .cw-for")).to_have_text("What about NATO?")
    page.locator("#cw-chat .cw-text").first.click()
    expect(page.locator("#cw-side .cw-for")).to_have_text(NAMED.question)
    page.get_by_role("button", name="Clear").click()
    expect(page.locator("#cw-chat .cw-text")).to_have_count(0)
    expect(page.locator("#cw-side")).to_contain_text("The passages behind an answer appear here")
    watch.ask("What about NATO?")
    expect(page.locator("#cw-chat .cw-question")).to_have_count(1)


def test_hostile_articles_and_questions_do_nothing(watch, address):
    watch.ask(HOSTILE)
    page = watch.page
    expect(page.locator("#cw-chat .cw-text")).to_contain_text("<script>alert(1)</script>")
    expect(page.locator("#cw-side mark").first).to_contain_text("${alert(1)} {{constructor}}")
    page.wait_for_timeout(300)
    inserted = "#cw-chat .message-row, #cw-side"
    assert page.locator(inserted).locator("script, img, iframe, a, u, i, b, svg").count() == 0
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert not any("evil" in url for url in watch.requests)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_answer_is_large_and_all_has_contrast(browser, address, scheme):
    context = browser.new_context(color_scheme=scheme)
    page = Watch(context, address)
    page.ask(NAMED.question)
    expect(page.page.locator("#cw-side mark").first).to_be_visible()
    for part in (
        "#cw-side mark",
        "#cw-chat .cw-text",
        "#cw-chat .cw-trust",
        "#cw-chat .cw-level",
        "#cw-side footer",
    ):
        ratio = page.page.locator(part).first.evaluate(CONTRAST)
        assert ratio >= 4.5, (part, ratio)  # WCAG 2.2, 1.4.3
    sizes = [
        float(page.page.locator(part).first.evaluate("e => parseFloat(getComputedStyle(e).fontSize)"))
        for part in ("#cw-chat .cw-text", "#cw-chat blockquote")
    ]
    assert sizes[0] > 1.5 * sizes[1]
    context.close()


CONTRAST = """element => {
    const parts = colour => colour.match(/[\\d.]+/g).map(Number);
    const linear = v => v <= .04045 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4;
    const light = colour => {
        const [r, g, b] = parts(colour).map(v => linear(v / 255));
        return .2126 * r + .7152 * g + .0722 * b;
    };
    let behind = element;
    while (parts(getComputedStyle(behind).backgroundColor)[3] === 0) behind = behind.parentElement;
    const [a, b] = [getComputedStyle(element).color, getComputedStyle(behind).backgroundColor].map(light);
    return (Math.max(a, b) + .05) / (Math.min(a, b) + .05);
}"""


def test_a_phone_shows_it_in_one_column_with_the_answer_first(browser, address):
    context = browser.new_context(viewport={"width": 390, "height": 844}, is_mobile=True, has_touch=True)
    phone = Watch(context, address)
    for _ in range(2):
        phone.ask(NAMED.question)
        expect(phone.page.locator("#cw-side mark").first).to_be_attached()
    expect(phone.page.locator("#cw-chat .cw-text")).to_have_count(2)
    phone.page.wait_for_function(
        "Math.abs([...document.querySelectorAll('.cw-question')].pop().getBoundingClientRect().top) < 30"
    )
    assert phone.page.evaluate("document.documentElement.scrollWidth") == 390
    talk, side = (phone.page.locator(part).bounding_box() for part in ("#cw-talk", "#cw-side"))
    assert side["y"] >= talk["y"] + talk["height"]
    assert phone.faults == []
    context.close()
