"""What ``page.js`` does in a real Chromium, on a page that holds our HTML and nothing of Gradio."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from page.evidence import evidence_html
from page.html import answer_html, draft_html, question_html, working_html
from page.panels import SHELF_HEAD, shelf_html
from page.record import Quote, Slice
from page.views import Excerpt
from rag.domain import Draft
from tests.test_page_html import (
    ANSWERED,
    BRIDGE,
    CSS,
    HOSTILE_PARTS,
    KEPT,
    OPENED,
    SCRIPT,
    TURN,
)

CHROMIUM = Path("/usr/bin/chromium")
pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(
        not CHROMIUM.exists(), reason="there is no /usr/bin/chromium; on Debian: apt-get install chromium"
    ),
]

LONG = "Nothing happened here.\n\n" * 200
AT = len(LONG) // 2
TEXT = f"{LONG[:AT]}The bridge fell.{LONG[AT:]}"
PASSAGE = Slice(3, BRIDGE, AT, "The bridge fell.")
FELL = Quote(1, PASSAGE, AT, AT + 10)
RECORD = replace(ANSWERED, quotes=(FELL, replace(FELL, n=2, end=AT + 15)))
LAST = replace(TURN, record=RECORD, suggestions=("And then?",))
EVIDENCE = evidence_html(replace(OPENED, record=RECORD, passage=PASSAGE, excerpt=Excerpt(0, TEXT, len(TEXT))))
SAID = question_html("What fell?") + answer_html(LAST, last=True)
FRAME = """<style>{css} body {{ margin: 0 }} #cw-chat, #cw-side {{ overflow: auto }}</style><script>{script}</script>
<div class="gradio-container"><div id="cw-columns"><div id="cw-shelf">{shelf}</div>
<div id="cw-talk"><div id="cw-chat">{talk}</div><label id="cw-ask">Question<textarea></textarea></label></div>
<div id="cw-side">{evidence}</div></div></div>
<script>window.sent = []; for (const name of ["talk", "evidence", "shelf", "stop"])
citewise.bridge(name, (kind, data) => sent.push([name, kind, data]));</script>"""

Open = Callable[..., Page]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    arguments = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
    with sync_playwright() as playwright:
        yield playwright.chromium.launch(executable_path=str(CHROMIUM), args=arguments)


@pytest.fixture
def opened(browser: Browser) -> Iterator[Open]:
    contexts, faults = [], []

    def opens(talk: str = SAID, evidence: str = EVIDENCE, width: int = 1280, height: int = 700) -> Page:
        context = browser.new_context(viewport={"width": width, "height": height})
        context.set_default_timeout(10_000)  # ms
        contexts.append(context)
        view = context.new_page()
        view.on("pageerror", lambda error: faults.append(str(error)))
        view.on("console", lambda told: told.type == "error" and faults.append(told.text))
        shelf = f"<div>{SHELF_HEAD}</div><div>{shelf_html([KEPT], '', searched=False)}</div>"
        html = FRAME.format(css=CSS, script=SCRIPT, shelf=shelf, talk=talk, evidence=evidence)
        view.route(
            "http://page.test/**",
            lambda route: route.fulfill(body=html, content_type="text/html; charset=utf-8"),
        )
        view.goto("http://page.test/here/?answer=t9")
        return view

    yield opens
    for context in contexts:
        context.close()
    assert faults == []


def sent(view: Page) -> list[list[object]]:
    told: list[list[object]] = view.evaluate("sent")
    return told


def mark_is_seen(view: Page) -> bool:
    """Whether the open quote lies inside the region that scrolls."""
    seen: bool = view.evaluate(
        """() => { const [mark, box] = ["mark.cw-here", ".cw-passage"].map(
        s => document.querySelector(s).getBoundingClientRect());
        return mark.top >= box.top && mark.bottom <= box.bottom; }"""
    )
    return seen


def test_a_press_is_sent_with_its_data_to_the_part_that_it_names(opened):
    view = opened()
    view.get_by_role("button", name="Open citation 1: Bridge closed").click()
    data = {"to": "evidence", "do": "cite", "turn": "t1", "at": "0"}
    assert sent(view) == [["evidence", "click", data]]


def test_a_form_is_sent_with_its_fields_and_the_page_stays(opened):
    view = opened(answer_html(replace(LAST, verdict=1), last=True))
    view.get_by_label("What was good?").fill("all of it")
    view.get_by_label("What was good?").press("Enter")
    data = {"to": "talk", "do": "remark", "turn": "t1", "remark": "all of it"}
    assert sent(view) == [["talk", "click", data]]
    assert view.url.endswith("?answer=t9")


def test_a_double_press_does_not_do_harm_twice(opened):
    view = opened()
    view.get_by_role("button", name="Undo").dblclick()
    assert len(sent(view)) == 1
    view.get_by_role("button", name="Next citation").dblclick()
    assert len(sent(view)) == 3


def test_a_conversation_is_deleted_by_the_second_of_two_presses(opened):
    view = opened()
    view.locator(".cw-more > summary").click()
    view.get_by_text("Delete…").click()
    assert sent(view) == []
    view.get_by_role("button", name="Delete it and its answers").click()
    assert sent(view) == [["shelf", "click", {"to": "shelf", "do": "delete", "conversation": "c1"}]]


def test_the_quote_comes_into_view_in_its_region_and_the_page_does_not_move(opened):
    view = opened()
    view.wait_for_function("document.querySelector('.cw-passage').scrollTop > 500")
    assert mark_is_seen(view)
    assert view.evaluate("scrollY") == 0


def test_evidence_that_is_put_in_its_place_comes_into_view_again(opened):
    view = opened()
    view.wait_for_timeout(100)
    view.locator(".cw-passage").evaluate("region => { region.scrollTop = 0; }")
    second = EVIDENCE.replace('data-open="t1/0', 'data-open="t1/1')
    view.locator("#cw-side").evaluate("(side, html) => { side.innerHTML = html; }", second)
    view.wait_for_function("document.querySelector('.cw-passage').scrollTop > 500")
    assert mark_is_seen(view)


def test_unfolding_leaves_the_readers_place(opened):
    view = opened()
    view.wait_for_function("document.querySelector('.cw-passage').scrollTop > 500")
    view.locator(".cw-passage").evaluate("region => { region.scrollTop = 7; }")
    view.get_by_text("Other passages considered").click()
    view.wait_for_timeout(100)
    assert view.locator(".cw-passage").evaluate("region => region.scrollTop") == 7


def test_a_very_wide_screen_shows_the_other_passages_unfolded(opened):
    wide = opened(width=2560)
    expect(wide.locator("details.cw-folded")).to_have_attribute("open", "")
    wide.locator(".cw-evidence").evaluate(
        "evidence => evidence.insertAdjacentHTML('beforeend', '<details class=cw-folded>Late</details>')"
    )
    expect(wide.locator("details.cw-folded").last).to_have_attribute("open", "")
    expect(opened(width=1280).locator("details.cw-folded")).not_to_have_attribute("open", "")


def test_a_phone_goes_to_the_evidence_when_asked_and_back(opened):
    view = opened(width=390, height=700, talk=SAID * 3)
    view.wait_for_timeout(100)
    number = view.get_by_role("button", name="Open citation 1: Bridge closed").last
    assert view.locator("#cw-side").bounding_box()["y"] > 300
    number.click()
    view.wait_for_function("document.querySelector('#cw-side').getBoundingClientRect().top < 300")
    view.wait_for_function("document.querySelector('.cw-passage').scrollTop > 500")
    view.get_by_role("button", name="Back to the answer").click()
    expect(number).to_be_focused()
    expect(number).to_be_in_viewport()


def test_the_newest_question_comes_to_the_top(opened):
    view = opened(width=390, height=500, talk=SAID * 2)
    newest = "[...document.querySelectorAll('.cw-question')].pop().getBoundingClientRect().top"
    view.wait_for_function(f"Math.abs({newest}) < 30")
    view.evaluate("scrollTo(0, 0)")
    more = question_html("And?") + working_html("Searching…")
    view.locator("#cw-chat").evaluate("(chat, html) => chat.insertAdjacentHTML('beforeend', html)", more)
    view.wait_for_function(f"{newest} < 400")
    assert view.evaluate("scrollY") > 100


def test_a_verdict_does_not_move_the_page(opened):
    view = opened(width=390, height=500, talk=SAID * 2)
    view.wait_for_timeout(100)
    view.evaluate("scrollTo(0, 0)")
    judged = question_html("What fell?") + answer_html(replace(LAST, verdict=1), last=True)
    view.locator("#cw-chat").evaluate("(chat, html) => { chat.innerHTML = html; }", SAID + judged)
    view.wait_for_timeout(100)
    assert view.evaluate("scrollY") == 0


def test_a_word_is_said_at_the_key_until_the_server_says_more(opened):
    view = opened()
    box, soon = view.get_by_label("Question"), view.locator("#cw-chat > .cw-soon")
    box.press("Enter")  # there is nothing to ask
    box.fill("What fell?")
    box.press("Shift+Enter")  # another line of the question
    assert soon.count() == 0
    said = "document.querySelector('.cw-soon')?.textContent"
    view.evaluate(f"addEventListener('keydown', () => setTimeout(() => {{ window.atOnce = {said}; }}))")
    box.press("Enter")
    view.wait_for_function("window.atOnce === 'Asking…'")  # in the same turn as the key
    expect(soon).to_be_in_viewport()
    expect(soon).to_have_attribute("role", "status")
    box.press("Enter")
    expect(soon).to_have_count(1)
    put(view, question_html("What fell?") + working_html("Searching 3 articles…"))
    expect(view.locator(".cw-working")).to_have_text(["Searching 3 articles…"])


@pytest.mark.parametrize(
    "told",
    [
        question_html("What fell?") + "<div class='cw-error'>too long</div>",
        answer_html(replace(LAST, id="t2"), last=True),
        "<div class='toast-body'>The page is busy.</div>",
    ],
)
def test_what_is_said_at_the_key_ends_whatever_comes(opened, told):
    view = opened()
    view.get_by_role("button", name="Ask again").click()
    expect(view.locator(".cw-soon")).to_have_count(1)
    put(view, told)
    expect(view.locator(".cw-soon")).to_have_count(0)


def test_whoever_leaves_is_told_nothing_more(opened):
    view = opened()
    view.get_by_role("button", name="And then?").click()
    expect(view.locator(".cw-soon")).to_have_count(1)
    view.locator(".cw-open").click()
    expect(view.locator(".cw-soon")).to_have_count(0)


def test_a_draft_grows_in_the_answer_that_is_waited_for(opened):
    view = opened(SAID + question_html("Why?") + working_html("Writing from 8 passages…"))
    room = view.locator("#cw-chat .cw-growing")
    for words in ("It", "It fell <i>because</i>"):
        view.evaluate(
            """html => { (document.querySelector("#cw-draft") ?? document.body.appendChild(Object.assign(
            document.createElement("div"), { id: "cw-draft", hidden: true }))).innerHTML = html; }""",
            draft_html(Draft((), words)),
        )
        expect(room).to_have_text(words)
    expect(room.locator("i")).to_have_count(0)
    view.evaluate("document.querySelector('#cw-draft').innerHTML = ''")
    put(view, answer_html(LAST, last=True))
    view.wait_for_timeout(100)
    expect(room).to_have_text("It fell <i>because</i>")  # it goes with what it stands in


def put(view: Page, html: str) -> None:
    view.locator("#cw-chat").evaluate("(chat, html) => chat.insertAdjacentHTML('beforeend', html)", html)


def test_keys_go_to_the_box_and_through_the_citations(opened):
    view = opened()
    view.keyboard.press("]")
    view.keyboard.press("[")  # there is none before the first
    assert sent(view) == [["evidence", "click", {"to": "evidence", "do": "cite", "turn": "t1", "at": "1"}]]
    view.keyboard.press("/")
    box = view.get_by_label("Question")
    expect(box).to_be_focused()
    view.keyboard.type("a/b [c]")
    expect(box).to_have_value("a/b [c]")
    assert len(sent(view)) == 1


def test_a_citation_opened_by_key_takes_the_focus_to_the_text_and_back(opened):
    view = opened()
    number = view.get_by_role("button", name="Open citation 1: Bridge closed")
    number.press("Enter")
    expect(view.locator(".cw-passage")).to_be_focused()
    view.keyboard.press("Shift+Tab")
    view.get_by_role("button", name="Back to the answer").press("Enter")
    expect(number).to_be_focused()


def test_what_was_searched_for_goes_into_the_box(opened):
    record = replace(RECORD, searched_for="bridge fell")
    view = opened(answer_html(replace(LAST, record=record), last=True))
    box = view.get_by_label("Question")
    box.evaluate("box => box.addEventListener('input', () => { window.heard = box.value; })")
    view.get_by_role("button", name="Edit what was searched for").click()
    expect(box).to_be_focused()
    assert view.evaluate("heard") == "bridge fell"


@pytest.mark.parametrize(
    ("name", "copied"),
    [("Copy with citations", "a crack\n\n[1] “The bridge”"), ("Link", "http://page.test/here/?answer=t1")],
)
def test_an_answer_is_copied_without_the_clipboard_of_https(opened, name, copied):
    view = opened()
    assert view.evaluate("navigator.clipboard === undefined")
    button = view.get_by_role("button", name=name)
    button.click()
    expect(view.get_by_role("status").filter(has_text="Copied")).to_have_count(1)
    expect(button).to_be_focused()
    view.get_by_label("Question").focus()
    view.keyboard.press("Control+v")
    assert view.get_by_label("Question").input_value().startswith(copied)


def test_the_conversations_are_a_drawer_on_a_phone(opened):
    view = opened(width=390)
    kept, toggle = view.locator(".cw-open"), view.get_by_role("button", name="Show or hide the conversations")
    expect(kept).to_be_hidden()
    expect(toggle).to_have_attribute("aria-expanded", "false")
    toggle.click()
    expect(kept).to_be_visible()
    expect(toggle).to_have_attribute("aria-expanded", "true")
    view.keyboard.press("Escape")
    expect(kept).to_be_hidden()
    expect(toggle).to_be_focused()
    toggle.click()
    kept.click()
    expect(kept).to_be_hidden()
    assert sent(view)[0][2]["do"] == "open"


def test_the_conversations_are_a_column_that_can_be_put_away(opened):
    view = opened(width=1280)
    kept, toggle = view.locator(".cw-open"), view.get_by_role("button", name="Show or hide the conversations")
    expect(kept).to_be_visible()
    view.keyboard.press("Escape")
    expect(kept).to_be_visible()
    toggle.click()
    expect(kept).to_be_hidden()
    toggle.click()
    expect(kept).to_be_visible()


def test_the_address_follows_the_conversation(opened):
    view = opened()
    view.evaluate("citewise.place('?conversation=c1')")
    assert view.url == "http://page.test/here/?conversation=c1"
    view.evaluate("citewise.place('')")
    assert view.url == "http://page.test/here/"


def test_a_text_is_saved_as_a_file(opened, tmp_path):
    view = opened()
    with view.expect_download() as download:
        view.evaluate("citewise.save('talk.md', 'text/markdown', '# Brücke')")
    assert download.value.suggested_filename == "talk.md"
    assert Path(download.value.path()).read_text(encoding="utf-8") == "# Brücke"


@pytest.mark.parametrize("width", [390, 1280])
def test_hostile_texts_do_nothing_and_fit(opened, width):
    parts = HOSTILE_PARTS
    view = opened(parts["question"] + parts["answer"] + parts["refusal"], parts["evidence"], width)
    view.wait_for_timeout(200)
    assert view.evaluate("document.documentElement.scrollWidth") <= width
    assert view.locator("#cw-talk, #cw-side").locator("script, img, iframe, svg, a").count() == 0
