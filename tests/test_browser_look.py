"""The page in a real Chromium: whoever comes, with whatever screen, by keyboard alone, and with hostile articles."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import axe_playwright_python
import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from page.site import Site
from tests.served import CHROMIUM, COST, FILES, QUOTE, WHOM, Watch, indexed, served

expect.set_options(timeout=10_000)  # ms; a loaded machine is slow, not wrong
pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(
        not CHROMIUM.exists(), reason="there is no /usr/bin/chromium; on Debian: apt-get install chromium"
    ),
]
PHONE = {"viewport": {"width": 390, "height": 844}, "is_mobile": True, "has_touch": True}
LAPTOP = {"viewport": {"width": 1280, "height": 800}}
SCREENS = [(1024, 768), (1280, 800), (1920, 1080), (3840, 2160)]
LIGHT, DARK = "document.body.classList.remove('dark')", "document.body.classList.add('dark')"
NOWHERE = "Is there gold at Lindau?"
SERIOUS = ("serious", "critical")  # of axe's impacts
BROKEN = {"name": "broken.jsonl", "mimeType": "text/plain", "buffer": b"{not json}\n"}

OUTSIDE = """() => {
    // What of the page lies beyond the right edge, unless a part of the page that fits scrolls or cuts it.
    const beyond = box => box.right > innerWidth + 1;
    const held = e => { for (let at = e.parentElement; at && at.id !== "cw-tabs"; at = at.parentElement)
        if (getComputedStyle(at).overflowX !== "visible" && !beyond(at.getBoundingClientRect())) return true; };
    return [...document.querySelectorAll("#cw-head *, #cw-tabs *")]
        .filter(e => e.checkVisibility() && beyond(e.getBoundingClientRect()) && !held(e))
        .map(e => `${e.tagName}#${e.id}.${e.className}`).slice(0, 5);
}"""
CONTRAST = """element => {
    // WCAG 2.2, 1.4.3; the text of a chart is filled.
    const parts = colour => colour.match(/[\\d.]+/g).map(Number);
    const linear = v => v <= .04045 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4;
    const light = colour => {
        const [r, g, b] = parts(colour).map(v => linear(v / 255));
        return .2126 * r + .7152 * g + .0722 * b;
    };
    let behind = element;
    while (parts(getComputedStyle(behind).backgroundColor)[3] === 0) behind = behind.parentElement;
    const style = getComputedStyle(element);
    const written = element instanceof SVGElement ? style.fill : style.color;
    const [a, b] = [written, getComputedStyle(behind).backgroundColor].map(light);
    return (Math.max(a, b) + .05) / (Math.min(a, b) + .05);
}"""
FOCUS = """() => {
    // What has the focus, and whether it or what it lies in looks otherwise than without it.
    const element = document.activeElement;
    const look = () => { const looks = []; for (let e = element, n = 0; e && n < 5; e = e.parentElement, n++) {
        const s = getComputedStyle(e);
        looks.push(s.outlineStyle === "none" ? "" : s.outline, s.boxShadow, s.borderColor, s.backgroundColor);
    } return looks.join("|"); };
    const focused = look();
    element.blur();
    const seen = look() !== focused && element.checkVisibility({ opacityProperty: true });
    element.focus();
    const named = element.closest("label")?.innerText || element.innerText;
    return [element.getAttribute("aria-label") || element.placeholder || named || element.tagName, seen];
}"""


@pytest.fixture(scope="module")
def page_of(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Site]]:
    with served(indexed(tmp_path_factory.mktemp("look"))) as (address, site):
        yield address, site


@pytest.fixture(scope="module")
def address(page_of: tuple[str, Site]) -> str:
    return page_of[0]


@pytest.fixture
def opened(browser: Browser, address: str) -> Iterator[Callable[..., Watch]]:
    """Opens the page; at the end nothing may have been asked of others, nor complained about."""
    watches: list[Watch] = []

    def opens(**context) -> Watch:
        watches.append(Watch(browser, address, reduced_motion="reduce", **context))
        return watches[-1]

    yield opens
    for watch in watches:
        watch.close()


def answered(watch: Watch, question: str, n: int = 1) -> None:
    """Ask, and wait until ``n`` answers are there; Enter does nothing until Gradio has done with the last one."""
    watch.ask(question)
    box, answers = watch.page.get_by_label("Your question"), watch.page.locator("#cw-chat .cw-answer")
    for _ in range(20 if n > 1 else 0):
        watch.page.wait_for_timeout(200)
        if box.input_value() != question or answers.count() == n:
            break
        box.press("Enter")
    expect(answers).to_have_count(n)


def fits(page: Page) -> bool:
    """Whether nothing lies beyond the right edge and the page does not scroll sideways."""
    width = page.evaluate("innerWidth")
    return page.evaluate(OUTSIDE) == [] and page.evaluate("document.documentElement.scrollWidth") <= width


def narrow(page: Page) -> None:
    page.get_by_role("button", name="Narrow").click()
    expect(page.get_by_label("Sources")).to_be_visible()


def articles(page: Page) -> None:
    page.get_by_role("tab", name="Articles").click()
    expect(page.locator("#cw-list tbody tr").first).to_be_visible()
    expect(page.locator("#cw-histogram svg").first).to_be_visible()
    expect(page.get_by_label("Sources in the chart")).to_be_visible()


def machine(page: Page) -> None:
    page.get_by_role("tab", name="Machine").click()
    expect(page.locator("#cw-timings svg").first).to_be_visible()


# -- those who do not see, or not well ------------------------------------------------------------------


def harms(page: Page, state: str) -> list[str]:
    """What axe-core finds serious or critical, in light and in dark."""
    if not page.evaluate("'axe' in window"):
        page.evaluate((Path(axe_playwright_python.__file__).with_name("axe.min.js")).read_text())
    found = []
    for scheme, rules in (
        (DARK, "runOnly: ['color-contrast'],"),
        (LIGHT, ""),
    ):  # all else is the same in both
        page.evaluate(scheme)
        page.wait_for_timeout(250)  # ms; in Gradio, colours change slowly
        results = page.evaluate(f"axe.run(document, {{ {rules} resultTypes: ['violations'] }})")
        assert results["passes"], state
        found += [violation for violation in results["violations"] if violation["impact"] in SERIOUS]
    return [f"{state}: {fault['id']} at {node['target']}" for fault in found for node in fault["nodes"]]


def test_no_state_of_the_page_has_a_serious_fault_of_accessibility(opened):
    watch = opened()
    page = watch.page
    expect(page.get_by_role("button", name=WHOM)).to_be_visible()
    found = harms(page, "empty")
    answered(watch, WHOM)
    page.get_by_role("button", name="Not helpful").click()
    expect(page.get_by_label("What was wrong?")).to_be_visible()
    page.locator("#cw-shelf summary").first.click()
    page.locator("#cw-side summary").click()
    found += harms(page, "answered, its conversation and passages open")
    answered(watch, NOWHERE, 2)
    narrow(page)
    page.get_by_label("Sources").click()
    found += harms(page, "refusal, filter open")
    page.get_by_role("option").first.click()
    page.get_by_role("button", name="Choose a day: Since").click()
    found += harms(page, "a day is chosen")
    articles(page)
    page.locator("#cw-drop input[type=file]").set_input_files(BROKEN)
    expect(page.locator("#cw-about-articles .cw-problems")).to_be_visible()
    found += harms(page, "articles and upload")
    page.locator("#cw-list").get_by_role("button", name="The bridge at Lindau").first.click()
    page.locator("#cw-list summary", has_text="Remove").click()
    found += harms(page, "article")
    machine(page)
    assert found + harms(page, "machine") == []


def test_a_phone_has_no_serious_fault_of_accessibility(opened):
    watch = opened(**PHONE)
    answered(watch, WHOM)
    found = harms(watch.page, "answered")
    watch.page.get_by_role("button", name="Show or hide the conversations").click()
    assert found + harms(watch.page, "drawer") == []


def test_the_fields_of_the_filter_are_named(opened):
    page = opened().page
    fold = page.get_by_role("button", name="Narrow")
    expect(fold).to_have_attribute("aria-expanded", "false")
    narrow(page)
    expect(fold).to_have_attribute("aria-expanded", "true")
    expect(page.get_by_label("Since (YYYY-MM-DD)", exact=True)).to_have_count(1)
    expect(page.get_by_label("Until (YYYY-MM-DD)", exact=True)).to_have_count(1)
    page.get_by_label("Sources").click()
    page.get_by_role("option", name="The Herald").click()
    expect(page.get_by_role("button", name="Remove The Herald")).to_be_visible()
    page.get_by_role("button", name="Choose a day: Until").click()
    expect(page.get_by_role("button", name="Next month")).to_be_in_viewport(ratio=1)
    expect(page.get_by_role("button", name="Done")).to_be_in_viewport(ratio=1)


def test_all_texts_have_contrast_in_light_and_for_those_who_prefer_dark(opened):
    watch = opened(color_scheme="dark")
    page = watch.page

    def check(*parts: str) -> None:
        for scheme in (LIGHT, DARK):
            page.evaluate(scheme)
            page.wait_for_timeout(250)
            for part in parts:
                ratio = page.locator(part).first.evaluate(CONTRAST)
                assert ratio >= 4.5, (part, ratio, scheme)

    answered(watch, WHOM)
    expect(page.locator("#cw-side mark.cw-here")).to_be_visible()
    assert page.evaluate("document.body.classList.contains('dark')")
    assert page.locator("#cw-head").evaluate("e => getComputedStyle(e).color") != "rgb(29, 27, 24)"
    parts = [
        "#cw-side mark.cw-here",
        "#cw-side .cw-read",
        "#cw-side .cw-passage",
        "#cw-side h3",
        "#cw-side footer",
    ]
    parts += [f"#cw-chat .cw-{part}" for part in ("question", "text", "n", "trust", "level", "source")]
    parts += ["#cw-chat blockquote", "#cw-chat .cw-actions button", "#cw-head h1", "#cw-head .cw-facts"]
    parts += ["#cw-tabs [role=tab]", "#cw-shelf .cw-name", "#cw-shelf .cw-when", "#cw-ask .submit-button"]
    check(*parts)
    answered(watch, NOWHERE, 2)
    narrow(page)
    page.get_by_label("Sources").click()
    page.get_by_role("option").first.click()
    parts = [
        "#cw-chat .cw-reason",
        "#cw-chat .cw-words li",
        "#cw-chat .cw-words strong",
        "#cw-side .cw-badge",
    ]
    check(*parts, "#cw-filter .label-wrap span", "#cw-filter [role=option]", "#cw-filter .token")
    articles(page)
    check("#cw-list th button", "#cw-list td", ".cw-legend li", "#cw-drop .wrap")
    machine(page)
    check("#cw-machine dt", "#cw-machine dd")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_texts_of_the_charts_have_contrast(opened, scheme):
    page = opened(color_scheme=scheme).page
    for see, chart in ((articles, "#cw-histogram"), (machine, "#cw-timings")):
        see(page)
        assert page.locator(f"{chart} svg text").first.evaluate(CONTRAST) >= 4.5


# -- small and large screens ----------------------------------------------------------------------------


def test_a_phone_shows_one_column_goes_to_the_quote_and_back(opened):
    watch = opened(**PHONE)
    page = watch.page
    expect(page.get_by_role("button", name=WHOM)).to_be_visible()
    assert fits(page)
    answered(watch, WHOM)
    answered(watch, COST, 2)
    newest = "[...document.querySelectorAll('.cw-question')].pop().getBoundingClientRect().top"
    page.wait_for_function(f"Math.abs({newest}) < 60")
    expect(page.locator("#cw-chat .cw-text").last).to_be_in_viewport(ratio=1)
    expect(page.get_by_label("Your question")).to_be_in_viewport()
    talk, side = (page.locator(part).bounding_box() for part in ("#cw-talk", "#cw-side"))
    assert side["y"] >= talk["y"] + talk["height"]
    assert talk["x"] == side["x"]
    assert fits(page)
    number = page.locator("#cw-chat .cw-answer").last.get_by_role("button", name="Open citation 1")
    number.tap()
    expect(page.locator("#cw-side mark.cw-here")).to_be_in_viewport(ratio=1)
    expect(page.locator("#cw-side mark.cw-here")).to_contain_text("four million crowns")
    assert fits(page)
    page.get_by_role("button", name="Back to the answer").tap()
    expect(number).to_be_in_viewport(ratio=1)
    expect(number).to_be_focused()


def test_a_phone_has_the_conversations_in_a_drawer(opened):
    watch = opened(**PHONE)
    page, kept = watch.page, watch.page.locator("#cw-shelf .cw-open")
    answered(watch, WHOM)
    expect(kept).to_be_hidden()
    page.get_by_role("button", name="Show or hide the conversations").tap()
    page.get_by_role("button", name="New conversation").tap()
    expect(page.locator("#cw-chat .cw-answer")).to_have_count(0)
    if not kept.is_visible():
        page.get_by_role("button", name="Show or hide the conversations").tap()
    assert fits(page)
    kept.tap()
    expect(kept).to_be_hidden()
    expect(page.locator("#cw-chat .cw-question")).to_have_text(WHOM)


def test_a_phone_shows_filter_articles_and_machine_in_its_width(opened):
    page = opened(**PHONE).page
    narrow(page)
    assert fits(page)
    page.get_by_role("button", name="Choose a day: Since").tap()
    expect(page.get_by_role("button", name="Done")).to_be_in_viewport(ratio=1)
    assert fits(page)
    articles(page)
    assert fits(page)
    page.locator("#cw-list").get_by_role("button", name="The bridge at Lindau").first.tap()
    expect(page.locator("#cw-list .cw-reading")).to_be_visible()
    assert fits(page)
    machine(page)
    assert fits(page)


def test_the_window_holds_the_page_and_the_box_is_always_in_it(opened):
    watch = opened()
    page, box = watch.page, watch.page.get_by_label("Your question")

    def check() -> None:
        for width, height in SCREENS:
            page.set_viewport_size({"width": width, "height": height})
            page.wait_for_timeout(100)
            expect(box).to_be_in_viewport(ratio=1)
            assert page.evaluate("[document.documentElement.scrollHeight, scrollY]") == [height, 0]
            assert page.locator("#cw-columns").evaluate("e => e.getBoundingClientRect().bottom") <= height
            assert fits(page), (width, page.evaluate(OUTSIDE))

    expect(page.get_by_role("button", name=WHOM)).to_be_visible()
    check()
    for n, question in enumerate([WHOM, COST, NOWHERE], start=1):
        page.set_viewport_size(LAPTOP["viewport"])
        answered(watch, question, n)
        expect(page.locator("#cw-chat .cw-text").last).to_be_in_viewport(ratio=1)
    check()
    narrow(page)
    check()
    page.set_viewport_size(LAPTOP["viewport"])
    expect(page.get_by_label("Since (YYYY-MM-DD)", exact=True)).to_be_in_viewport(ratio=1)


def test_a_very_large_screen_has_larger_type_and_shows_more_beside_the_article(opened):
    watch = opened(viewport={"width": 3840, "height": 2160})
    page, hit = watch.page, watch.page.locator("#cw-side .cw-hit").first
    size = "e => parseFloat(getComputedStyle(e).fontSize)"
    answered(watch, COST)
    expect(page.locator("#cw-side mark.cw-here")).to_be_in_viewport(ratio=1)
    expect(hit).to_be_visible()
    card, folded = (page.locator(f"#cw-side {part}").bounding_box() for part in (".cw-card", ".cw-folded"))
    assert folded["x"] > card["x"] + card["width"]
    large = page.locator("#cw-chat .cw-text").evaluate(size)
    page.set_viewport_size(LAPTOP["viewport"])
    assert large > 1.3 * page.locator("#cw-chat .cw-text").evaluate(size)
    answered(watch, NOWHERE, 2)
    expect(page.locator("#cw-side .cw-folded")).not_to_have_attribute("open", "")


# -- by keyboard alone ----------------------------------------------------------------------------------


def stops(page: Page, until: str, most: int = 60) -> list[str]:
    """Press Tab until something of a name has the focus; return the names of all on the way, each seen."""
    names: list[str] = []
    while not names or until not in names[-1]:
        assert len(names) < most, names
        page.keyboard.press("Tab")
        name, seen = page.evaluate(FOCUS)
        assert seen, f"{name} has the focus, and does not show it"
        names.append(" ".join(name.split()))
    return names


def in_order(names: list[str], wanted: list[str]) -> bool:
    rest = iter(names)
    return all(any(part in name for name in rest) for part in wanted)


def to_the_top(page: Page) -> None:
    page.evaluate("document.body.tabIndex = -1; document.body.focus()")


def test_all_is_reached_by_tab_and_the_focus_is_always_seen(opened):
    watch = opened()
    page = watch.page
    expect(page.get_by_role("button", name=WHOM)).to_be_visible()
    expect(page.get_by_label("Your question")).to_be_focused()
    to_the_top(page)
    names = stops(page, "Your question")
    wanted = ["Ask", "Show or hide", "New conversation", "Search your", f"example 1: {WHOM}", "Narrow"]
    assert in_order(names, [*wanted, "Your question"]), names
    answered(watch, WHOM)
    to_the_top(page)
    names = stops(page, "Other passages considered")
    wanted = [
        "Whom does Moscow favour?",
        "More: Whom",
        "Open citation 1",
        "Open quote 1",
        "Copy with",
        "Link",
    ]
    wanted += ["Helpful", "Not helpful", "Ask again", "Edit", "Undo", "Your question", "Back to the answer"]
    wanted += ["Previous citation", "Next citation", "Text of the article", "Ask this article only", "Other"]
    assert in_order(names, wanted), names
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    assert "Open passage" in page.evaluate(FOCUS)[0]
    page.keyboard.press("Enter")
    expect(page.locator("#cw-side .cw-badge").first).to_have_text("not quoted")


def test_a_question_is_asked_checked_and_walked_through_by_keys_alone(opened):
    page = opened().page
    keys = page.keyboard
    to_the_top(page)
    keys.press("/")
    expect(page.get_by_label("Your question")).to_be_focused()
    keys.type(f"{WHOM} [1]")
    for _ in " [1]":
        keys.press("Backspace")
    keys.press("Enter")
    expect(page.locator("#cw-chat .cw-text")).to_be_visible()
    to_the_top(page)
    stops(page, "Open citation 1")
    keys.press("Enter")
    region = page.get_by_role("region", name="Text of the article: Minister on the vote")
    expect(region).to_be_focused()
    expect(page.locator("#cw-side mark.cw-here")).to_have_text(QUOTE)
    position = page.locator("#cw-side .cw-position")
    keys.press("]")
    expect(position).to_contain_text("Citation 2 of")
    keys.press("[")
    expect(position).to_contain_text("Citation 1 of")
    to_the_top(page)
    stops(page, "Back to the answer")
    keys.press("Enter")
    expect(page.get_by_role("button", name="Open citation 1").first).to_be_focused()


def test_the_drawer_opens_and_closes_by_keys_alone(opened):
    watch = opened(viewport={"width": 1024, "height": 768})
    page = watch.page
    answered(watch, WHOM)
    to_the_top(page)
    stops(page, "Show or hide")
    page.keyboard.press("Enter")
    expect(page.locator("#cw-shelf .cw-open")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator("#cw-shelf .cw-open")).to_be_hidden()
    expect(page.get_by_role("button", name="Show or hide the conversations")).to_be_focused()


# -- hostile articles, questions, names and files -------------------------------------------------------

SCRIPT = "<script>alert(1)</script><img src=x onerror=alert(2)><iframe src='//evil.test'></iframe>"
TEMPLATES = "${alert(3)} {{constructor.constructor('alert(4)')()}} ![a](https://evil.test/a.png)"
HIDDEN = "\x1b[31mred\x1b[0m \u202egnp.exe\u202c zero\u200b\u2060width \u2066\x9b2J"
ATTACK = f"{SCRIPT} [link](javascript:alert(5)) \"' onfocus=alert(6) autofocus {TEMPLATES} {HIDDEN}"
WORD = "w" * 50_000
NEVER_SHOWN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b\u202a-\u202e\u2060-\u206f\ufeff]")
HOSTILE = [
    {
        "id": f"../{SCRIPT}{HIDDEN}",
        "title": f"{ATTACK} " + "title " * 900,
        "source": f"Gazette {ATTACK} {WORD[:300]}",
        "date": "2020-04-07",
        "url": "javascript:alert(7)",
        "author": ATTACK,
        "text": f"{ATTACK}\n\nThe sparrow said {ATTACK} and no more.\n\n{WORD}\n\nThe finch said {WORD} again.",
    },
    {
        "id": "constructor",
        "title": "</div></article></section><style>*{display:none}</style><b>Bold",
        "source": "__proto__",
        "date": "2018-01-02",
        "url": "https://example.org/\"onmouseover='alert(8)'",
        "text": f"<!-- The sparrow sang {TEMPLATES} --> no. <svg onload=alert(9)><a href='javascript:alert(1)'>x",
    },
]
SPARROW = f"What said the sparrow? {ATTACK}"


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    lines = "\n".join(json.dumps(article) for article in HOSTILE)
    index = indexed(tmp_path_factory.mktemp("hostile"), {**FILES, "hostile.jsonl": lines})
    with pytest.MonkeyPatch.context() as patch:  # the page is harmless by itself, whatever it is given
        patch.setattr("rag.pipeline.sober", lambda hits, *_: (list(hits), 0))
        with served(index, examples=[f"Who is {SCRIPT}?", f"Who is {WORD[:500]}?"]) as (address, _):
            yield address


def harmless(watch: Watch) -> None:
    """Nothing of theirs is an element, lies outside, or is shown that hides or turns what is read."""
    page = watch.page
    made = page.locator("#cw-head, #cw-tabs").locator(
        "script, img, iframe, object, embed, style:not(svg *), b, [onerror], [onload], [onfocus], [onmouseover]"
    )
    assert made.evaluate_all("found => found.map(e => e.outerHTML.slice(0, 200))") == []
    links = page.locator("#cw-tabs a").evaluate_all("found => found.map(e => e.getAttribute('href'))")
    assert all(link and link.startswith("https://example.org/") for link in links), links
    assert fits(page), page.evaluate(OUTSIDE)
    shown = page.locator("body").inner_text()
    assert not NEVER_SHOWN.search(shown), NEVER_SHOWN.findall(shown)
    assert watch.faults == []


def shows(part: Locator) -> None:
    """The attack is shown as it is written."""
    expect(part.first).to_contain_text("<script>alert(1)</script><img src=x onerror=alert(2)>")


@pytest.mark.parametrize("screen", [LAPTOP, PHONE], ids=["laptop", "phone"])
def test_hostile_articles_and_questions_are_rendered_harmless(browser, hostile, screen, monkeypatch):
    monkeypatch.setattr("page.talk.follow_ups", lambda *_: [ATTACK, WORD])
    watch = Watch(browser, hostile, reduced_motion="reduce", **screen)
    page = watch.page
    expect(page.locator("#cw-chat .example").first).to_be_visible()
    harmless(watch)
    answered(watch, SPARROW)
    for part in ("#cw-chat .cw-question", "#cw-chat .cw-source", "#cw-side .cw-passage", "#cw-side h3"):
        shows(page.locator(part))
    for part in ("#cw-chat .cw-quotes", "#cw-side mark.cw-here"):
        expect(page.locator(part)).to_contain_text("${alert(3)} {{constructor.constructor('alert(4)')()}}")
    shows(page.get_by_role("group", name="Ask next").get_by_role("button"))
    harmless(watch)
    page.get_by_role("group", name="Ask next").get_by_role("button").first.click()
    expect(page.locator("#cw-chat .cw-answer")).to_have_count(2)
    answered(watch, f"What said the finch? {TEMPLATES}", 3)
    harmless(watch)
    page.get_by_role("button", name="Not helpful").last.click()
    page.get_by_label("What was wrong?").fill(ATTACK)
    page.get_by_role("button", name="Save note").click()
    watch.ask(WORD)
    expect(page.get_by_role("alert")).to_be_visible()
    harmless(watch)
    watch.close()


def test_hostile_names_of_sources_articles_conversations_and_files_are_rendered_harmless(browser, hostile):
    watch = Watch(browser, hostile, reduced_motion="reduce")
    page = watch.page
    narrow(page)
    for field in ("Sources", "Articles"):
        page.get_by_label(field, exact=True).click()
        shows(page.get_by_role("option", name="<script>"))
        harmless(watch)
        page.get_by_role("option", name="<script>").first.click()
        page.keyboard.press("Escape")
    answered(watch, SPARROW)
    shows(page.locator("#cw-chat .cw-remarks"))
    harmless(watch)
    page.locator("#cw-shelf summary").first.click()
    page.get_by_label("Name", exact=True).fill(ATTACK)
    page.get_by_role("button", name="Rename").click()
    shows(page.locator("#cw-shelf .cw-name"))
    harmless(watch)
    articles(page)
    shows(page.locator("#cw-list tbody th"))
    shows(page.get_by_label("Sources in the chart"))
    harmless(watch)
    bar = page.locator("#cw-histogram svg .mark-rect path, #cw-histogram svg .mark-rect rect").first
    bar.hover()
    harmless(watch)
    page.locator("#cw-list tbody th button", has_text="<script>").first.click()
    shows(page.locator("#cw-list h2"))
    shows(page.locator("#cw-list .cw-passage"))
    shows(page.locator("#cw-list dd"))
    harmless(watch)
    page.locator("#cw-drop input[type=file]").set_input_files(
        {
            "name": f"{SCRIPT}{HIDDEN}.jsonl".replace("/", ""),
            "mimeType": "text/plain",
            "buffer": ATTACK.encode(),
        }
    )
    expect(page.locator("#cw-about-articles .cw-problems")).to_be_visible()
    harmless(watch)
    watch.close()
