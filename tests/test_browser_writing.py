"""Written answers in a real Chromium: they grow, each sentence is proved, what fails is struck, and they stop."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from page.site import Site
from page.writing import UNPROVED
from tests.served import CHROMIUM, COST, FAILED, OWN, PROVED, Scripted, Watch, indexed, served
from tests.test_browser_look import fits, harms

expect.set_options(timeout=10_000)  # ms; a loaded machine is slow, not wrong
WHY = "Why will the repair of the bridge at Lindau, closed to lorries, cost four million crowns?"
pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(
        not CHROMIUM.exists(), reason="there is no /usr/bin/chromium; on Debian: apt-get install chromium"
    ),
]


@pytest.fixture(scope="module")
def page_of(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Site]]:
    with served(indexed(tmp_path_factory.mktemp("page")), writer=Scripted()) as (address, site):
        yield address, site


@pytest.fixture
def writer(page_of: tuple[str, Site], monkeypatch: pytest.MonkeyPatch) -> Scripted:
    """What writes on the page, as new."""
    writer = page_of[1].pipeline.readers["write"]
    assert isinstance(writer, Scripted)
    writer.__init__(pace_s=0.03)  # type: ignore[misc]
    return writer


@pytest.fixture
def watch(browser: Browser, page_of: tuple[str, Site], writer: Scripted) -> Iterator[Watch]:
    watched = Watch(browser, page_of[0], permissions=["clipboard-read", "clipboard-write"])
    yield watched
    watched.close()


def test_an_answer_grows_and_each_sentence_is_marked_before_the_end(watch, writer):
    writer.pace_s = 0.15
    watch.ask(WHY)
    growing = watch.page.locator("#cw-chat .cw-growing")
    expect(watch.page.locator(".cw-working")).to_have_text("Writing from 8 passages…")
    expect(growing.locator(".cw-unjudged")).to_contain_text("The repair of")
    expect(growing.locator(".cw-check")).to_have_count(1)
    assert watch.page.locator("#cw-chat .cw-answer").count() == 0
    expect(growing.locator(".cw-at")).to_have_text("1")
    expect(growing.locator("del")).to_contain_text(FAILED)
    expect(growing.locator(".cw-unjudged")).to_contain_text("It was")
    expect(watch.page.locator("#cw-chat .cw-answer")).to_have_count(1)


def test_a_written_answer_says_what_proves_it_what_failed_and_why_it_was_written(watch):
    watch.answered(WHY)
    page = watch.page
    prose = page.locator("#cw-chat .cw-prose")
    expect(prose).to_contain_text(PROVED)
    expect(prose).to_contain_text(f"“{OWN}”")
    expect(prose.locator(".cw-check")).to_have_count(1)
    expect(page.locator("#cw-chat .cw-trust")).to_contain_text("written and checked")
    expect(page.locator("#cw-chat .cw-route").first).to_have_text("Written, since it asks why.")
    expect(page.locator("#cw-chat .cw-unproved")).to_contain_text(UNPROVED)
    expect(page.locator("#cw-chat del")).to_contain_text(FAILED)
    expect(page.locator("#cw-side mark.cw-here")).to_contain_text("four million crowns")
    prose.get_by_role("button", name="Open citation 2").click()
    expect(page.locator("#cw-side mark.cw-here")).to_have_text(OWN)


def test_a_written_answer_is_copied_kept_and_exported_with_its_numbers(watch):
    watch.answered(WHY)
    page = watch.page
    page.get_by_role("button", name="Copy with citations").click()
    copied = page.evaluate("navigator.clipboard.readText()")
    assert copied.startswith(f"{PROVED} [1] “{OWN}” [2]\n\n[1] “")
    assert FAILED not in copied
    watch.settled()
    page.reload()
    expect(page.locator("#cw-chat .cw-prose")).to_contain_text(PROVED)
    expect(page.locator("#cw-chat del")).to_contain_text(FAILED)
    page.locator("#cw-shelf summary").first.click()
    with page.expect_download() as saved:
        page.get_by_role("button", name="Export Markdown").click()
    exported = Path(saved.value.path()).read_text(encoding="utf-8")
    assert f"{PROVED} \\[1\\] “{OWN}” \\[2\\]" in exported
    assert f"{UNPROVED}: “{FAILED}”" in exported


def test_a_way_is_chosen_and_kept_to_when_it_is_asked_again(watch):
    page = watch.page
    ways = page.get_by_role("group", name="How to answer")
    expect(ways.get_by_label("Auto")).to_be_checked()
    watch.answered(COST)
    expect(page.locator("#cw-chat .cw-trust")).to_contain_text("quoted")
    expect(page.locator("#cw-chat .cw-route")).to_have_text("Quoted, since it asks for a span.")
    ways.get_by_text("Write").click()
    watch.answered("What will the repair of the bridge cost? Was it closed?", 2)
    expect(page.locator("#cw-chat .cw-trust").last).to_contain_text("written and checked")
    ways.get_by_text("Quote").click()
    page.get_by_role("button", name="Ask again").last.click()
    expect(page.locator("#cw-chat .cw-trust").last).to_contain_text("quoted")
    expect(page.locator("#cw-chat .cw-answer")).to_have_count(2)
    expect(ways.get_by_label("Quote")).to_be_checked()


def test_ways_are_gone_through_by_the_arrow_keys(watch):
    ways = watch.page.get_by_role("group", name="How to answer")
    ways.get_by_label("Auto").focus()
    watch.page.keyboard.press("ArrowRight")
    expect(ways.get_by_label("Quote")).to_be_checked()
    watch.answered(WHY)
    expect(watch.page.locator("#cw-chat .cw-trust")).to_contain_text("quoted")


def test_a_page_without_a_language_model_offers_no_ways(browser, tmp_path):
    with served(indexed(tmp_path)) as (address, _):
        watched = Watch(browser, address)
        watched.answered(COST)
        assert watched.page.locator("#cw-way").count() == 0
        watched.close()


def test_stop_stops_what_writes(watch, writer):
    writer.pace_s = 0.1
    watch.ask(WHY)
    page = watch.page
    expect(page.locator("#cw-chat .cw-unjudged")).to_contain_text("The")
    page.get_by_role("button", name="Stop").click()
    assert writer.left.wait(3)
    n_words = writer.n_words
    expect(page.locator(".cw-working, .cw-growing")).to_have_count(0)
    page.wait_for_timeout(1_000)
    assert writer.n_words == n_words < Scripted.n_all
    assert page.locator("#cw-chat .cw-answer").count() == 0
    writer.pace_s = 0.03
    watch.ask(WHY)
    expect(page.locator("#cw-chat .cw-growing .cw-check")).to_have_count(
        0
    )  # nothing is left of the one before
    expect(page.locator("#cw-chat .cw-answer")).to_have_count(1)


def test_a_written_answer_can_be_read_by_all_while_it_grows_and_when_it_is_done(watch, writer):
    page, writer.pace_s = watch.page, 0.3
    watch.ask(WHY)
    expect(page.locator("#cw-chat .cw-growing del")).to_be_visible()
    writer.pace_s = 2.0
    found = harms(page, "growing")
    assert page.locator("#cw-chat .cw-growing").count() == 1
    writer.pace_s = 0.0
    expect(page.locator("#cw-chat .cw-answer")).to_have_count(1)
    assert found + harms(page, "written") == []


def test_a_written_answer_fits_on_a_phone(browser, page_of, writer):
    watched = Watch(browser, page_of[0], viewport={"width": 390, "height": 844}, has_touch=True)
    watched.answered(WHY)
    assert fits(watched.page)
    number = watched.page.locator("#cw-chat .cw-prose .cw-n").first
    assert min(number.bounding_box()[side] for side in ("width", "height")) >= 28
    watched.close()


def test_a_word_is_said_at_once_and_then_the_servers_words(watch):
    page = watch.page
    watch.answered(COST)
    page.evaluate(
        """() => { window.told = []; new MutationObserver(() => {
        const words = document.querySelector("#cw-chat .cw-working")?.textContent;
        if (words && words !== told.at(-1)) told.push(words); }).observe(document.body, { childList: true,
        subtree: true, characterData: true }); }"""
    )
    watch.answered(WHY, 2)
    told = page.evaluate("told")
    assert told[0] == "Asking…"
    assert told[-1] == "Writing from 8 passages…"


def test_a_draft_does_not_send_the_conversation_again(watch, writer):
    for n in range(1, 4):
        watch.answered(WHY, n)
        watch.settled()
    sent: list[str] = []
    session = watch.context.new_cdp_session(watch.page)
    session.send("Network.enable")
    session.on("Network.eventSourceMessageReceived", lambda message: sent.append(message["data"]))
    session.on("Network.dataReceived", lambda message: sent.append("." * message["dataLength"]))
    writer.pace_s = 0.2
    watch.ask(WHY)
    expect(watch.page.locator("#cw-chat .cw-growing .cw-unjudged")).to_contain_text("The")
    del sent[:]
    expect(watch.page.locator("#cw-chat .cw-growing del")).to_contain_text(FAILED)
    assert sent
    assert sum(map(len, sent)) < 20_000
    expect(watch.page.locator("#cw-chat .cw-answer")).to_have_count(4)
