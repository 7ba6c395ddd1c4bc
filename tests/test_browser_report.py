"""The report of an evaluation in a real Chromium: on a phone, in the dark, and without asking anybody for anything."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import axe_playwright_python
import pytest
from playwright.sync_api import Browser, Page

from rag.domain import Exchange
from rag.evaluation.record import Report
from rag.evaluation.report import html
from tests.evaluated import outcome, question, quote, report
from tests.served import CHROMIUM

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(
        not CHROMIUM.exists(), reason="there is no /usr/bin/chromium; on Debian: apt-get install chromium"
    ),
]
AXE = Path(axe_playwright_python.__file__).parent / "axe.min.js"
BEYOND = """() => [...document.querySelectorAll("body *")]
    .filter(e => !e.closest(".wide") && e.getBoundingClientRect().right > innerWidth + 1).map(e => e.tagName)"""
SERIOUS = """async () => (await axe.run()).violations
    .filter(v => ["serious", "critical"].includes(v.impact)).map(v => [v.id, v.nodes[0].html])"""


def long() -> Report:
    """Forty questions of all fates, some with very long words."""
    blames = ("", "", "", "misread", "not read", "not retrieved", "not trusted", "answered anyway")
    texts = ("Ida Moll", "on 3 May", "Llanfairpwllgwyngyllgogerychwyrndrobwllllantysiliogogoch" * 2)
    return report(
        [
            outcome(
                question(
                    n,
                    kind=("who", "date")[n % 2],
                    history=(Exchange("Which bridge?", "the old one"),) * (n % 2),
                ),
                texts[n % 3],
                confidence=n / 40,
                answered=n >= 14,
                blame=blames[n % 8],
                quotes=(quote("The mayor, Ida Moll, opened the old bridge in May. " * 3),),
                ranks={"meaning": n % 7 + 1, "words": n % 4 + 1, "fused": n % 3 + 1},
                seconds={"retrieve": 0.01 + n / 2000, "read": 0.08 + n / 300, "total": 0.1 + n / 250},
                passage_rank=n % 5 or None,
            )
            for n in range(40)
        ],
        embedder="minilm-l6-int8",
        k=8,
    )


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("report") / "report.html"
    path.write_text(html(long()), encoding="utf-8")
    return path


@pytest.fixture(params=[("light", 1280), ("dark", 1280), ("light", 390), ("dark", 390)], ids=str)
def page(request: pytest.FixtureRequest, browser: Browser, file: Path) -> Iterator[Page]:
    scheme, width = request.param
    context = browser.new_context(
        color_scheme=scheme, viewport={"width": width, "height": 844}, bypass_csp=True
    )
    page = context.new_page()
    page.goto(file.as_uri())
    yield page
    context.close()


def test_it_fits_its_screen_and_can_be_read(page: Page) -> None:
    assert page.evaluate(BEYOND) == []
    page.evaluate("() => document.querySelectorAll('details').forEach(e => { e.open = true })")
    page.evaluate(AXE.read_text(encoding="utf-8"))
    assert page.evaluate(SERIOUS) == []


def test_a_table_on_a_phone_has_words_and_not_letters_below_each_other(browser: Browser, file: Path) -> None:
    page = browser.new_page(viewport={"width": 390, "height": 844})
    page.goto(file.as_uri())
    tall = "rows => rows.map(row => row.getBoundingClientRect().height).filter(height => height > 110)"
    assert page.locator("tbody tr").evaluate_all(tall) == []
    page.close()


def test_it_asks_for_nothing_and_complains_of_nothing(browser: Browser, file: Path) -> None:
    page = browser.new_page()
    asked: list[str] = []
    said: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda message: said.append(message.text))
    page.goto(file.as_uri())
    page.emulate_media(media="print")
    assert asked == [file.as_uri()]
    assert said == []
    page.close()


def test_failures_are_open_and_the_others_are_one_press_away(browser: Browser, file: Path) -> None:
    page = browser.new_page()
    page.goto(file.as_uri())
    assert page.locator("article").first.is_visible()
    right = page.get_by_text("Who is number 0?")
    assert not right.is_visible()
    page.get_by_text("right, or rightly not answered").click()
    assert right.is_visible()
    page.close()
