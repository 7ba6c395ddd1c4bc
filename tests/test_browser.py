"""The page in a real Chromium: each of the things that a person can do on it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

import app
from page.site import Site, opened_site
from tests.served import (
    CHROMIUM,
    COST,
    FILES,
    QUOTE,
    WHOM,
    Watch,
    free_port,
    indexed,
    served,
    written,
)

expect.set_options(timeout=10_000)  # ms; a loaded machine is slow, not wrong
STORY = Path(app.__file__).with_name("corpus") / "articles" / "2017-02-19-ayrault-denounces-cyberattacks.md"
pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(
        not CHROMIUM.exists(), reason="there is no /usr/bin/chromium; on Debian: apt-get install chromium"
    ),
]


@pytest.fixture(scope="module")
def page_of(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Site]]:
    with served(indexed(tmp_path_factory.mktemp("page"))) as (address, site):
        yield address, site


@pytest.fixture(scope="module")
def address(page_of: tuple[str, Site]) -> str:
    return page_of[0]


@pytest.fixture
def watch(browser: Browser, address: str) -> Iterator[Watch]:
    watched = Watch(browser, address)
    yield watched
    watched.close()


def marked(page: Page) -> str | None:
    """The quote that is open in the evidence, once it is there."""
    expect(page.locator("#cw-side mark.cw-here").first).to_be_visible()
    return page.locator("#cw-side mark.cw-here").first.text_content()


# -- ask ----------------------------------------------------------------------------------------------


def test_a_question_is_answered_with_its_quote_marked_in_its_article(watch):
    page = watch.page
    watch.answered(WHOM)
    expect(page.locator("#cw-chat .cw-text")).to_have_text("Berg and Paul Lind.")
    expect(page.locator("#cw-chat .cw-trust")).to_contain_text("well supported 0.93")
    expect(page.locator("#cw-chat .cw-trust")).to_contain_text("in the articles’ own words")
    expect(page.locator("#cw-chat blockquote").first).to_have_text(" ".join(QUOTE.split()))
    expect(page.locator("#cw-chat .cw-source").first).to_contain_text("Minister on the vote")
    expect(page.locator("#cw-chat .cw-source").first).to_contain_text("The Courier")
    assert marked(page) == QUOTE
    region = page.get_by_role("region", name="Text of the article: Minister on the vote")
    assert region.text_content() == FILES["interview.md"].split("---\n")[2].strip()
    expect(page.get_by_label("Your question")).to_have_value("")
    assert page.title() == "Citewise"


def test_the_stages_are_told_while_it_works(watch):
    watch.ask("Is it slow at Lindau?")
    expect(watch.page.locator(".cw-working")).to_contain_text("Reading")
    box = watch.page.get_by_label("Your question")
    expect(box).to_have_value("")
    box.fill("And then?")
    expect(watch.page.locator("#cw-chat .cw-answer")).to_have_count(1)
    expect(box).to_have_value("And then?")


def test_the_first_question_of_all_from_typing_to_the_marked_quote(browser, tmp_path):
    rag_index = indexed(tmp_path, {STORY.name: STORY.read_text(encoding="utf-8")})
    with opened_site(str(rag_index), read_only=False) as site:
        page = app.build(site)
        address = app.launch(page, site, "127.0.0.1", free_port())
        watched = Watch(browser, address)
        expect(watched.page.get_by_role("button", name="?").first).to_be_visible()  # an example of its own
        watched.answered("Who did Ayrault say Russia prefers?")
        expect(watched.page.locator("#cw-chat .cw-text")).to_contain_text("Fillon")
        quote = marked(watched.page)
        watched.close()
        page.close(verbose=False)
    assert quote in STORY.read_text(encoding="utf-8")
    assert "Fillon" in quote


def test_a_bad_question_and_a_crash_are_told_in_the_chat(watch):
    watch.ask("   ")
    expect(watch.page.get_by_role("alert")).to_contain_text("the question is empty")
    watch.ask("crash")
    expect(watch.page.get_by_role("alert").nth(1)).to_contain_text("something went wrong here")
    assert "secret detail" not in watch.page.content()


def test_an_example_is_asked_at_a_click(watch):
    watch.page.get_by_role("button", name=WHOM).click()
    expect(watch.page.locator("#cw-chat .cw-text")).to_have_text("Berg and Paul Lind.")


def test_a_question_that_takes_long_is_stopped(watch):
    watch.ask("Is it slow at Lindau?")
    watch.page.get_by_role("button", name="Stop").click()
    expect(watch.page.locator(".cw-working")).to_have_count(0)
    watch.page.wait_for_timeout(2_000)
    assert watch.page.locator("#cw-chat .cw-answer").count() == 0


# -- check --------------------------------------------------------------------------------------------


def test_citations_are_walked_through_by_mouse_and_by_key(watch):
    page = watch.page
    watch.answered(WHOM)
    position = page.locator("#cw-side .cw-position")
    expect(position).to_contain_text("Citation 1 of")
    page.get_by_role("button", name="Next citation").click()
    expect(position).to_contain_text("Citation 2 of")
    expect(page.locator("#cw-side h3").first).to_contain_text("Moscow answers the minister")
    page.locator("body").press("[")
    expect(position).to_contain_text("Citation 1 of")
    page.get_by_role("button", name="Open citation 2").first.click()
    expect(page.locator("#cw-side h3").first).to_contain_text("Moscow answers the minister")
    assert "favours nobody" in marked(page)


def test_a_quote_far_down_is_scrolled_into_view(watch):
    watch.answered(COST)
    page = watch.page
    assert "four million crowns" in marked(page)
    expect(page.locator("#cw-side mark.cw-here").first).to_be_in_viewport()
    region = page.locator("#cw-side .cw-passage").first
    assert region.evaluate("element => element.scrollTop") > 200


def test_the_article_is_linked_and_described(watch):
    watch.answered(WHOM)
    card = watch.page.locator("#cw-side .cw-card")
    expect(card.get_by_role("link", name="Minister on the vote")).to_have_attribute(
        "href", "https://example.org/interview"
    )
    expect(card).to_contain_text("interview.md")
    expect(card).to_contain_text("7 April 2019")


def test_other_passages_unfold_by_keyboard_with_their_ranks_and_open(watch):
    page = watch.page
    watch.answered(COST)
    folded = page.locator("#cw-side summary", has_text="Other passages considered")
    folded.focus()
    folded.press("Enter")
    expect(page.locator("#cw-side details")).to_contain_text("by meaning")
    expect(page.locator("#cw-side details")).to_contain_text("by words")
    page.locator("#cw-side details").get_by_role("button").first.click()
    expect(page.locator("#cw-side .cw-badge").first).to_have_text("not quoted")


def test_an_article_that_changed_since_is_said_and_the_quote_stays(browser, tmp_path):
    index = indexed(tmp_path)
    with served(index) as (address, _):
        watched = Watch(browser, address)
        watched.answered(WHOM)
        answer = watched.page.url
        changed = {**FILES, "interview.md": FILES["interview.md"].replace("nobody else", "no third one")}
        indexed(tmp_path, changed)
        page = watched.opened(answer.removeprefix(address))
        expect(page.locator("#cw-side .cw-notice")).to_contain_text("changed")
        assert marked(page) == QUOTE
        (tmp_path / "news" / "interview.md").unlink()
        rest = {name: text for name, text in FILES.items() if name != "interview.md"}
        indexed(tmp_path, rest)
        gone = watched.opened(answer.removeprefix(address))
        expect(gone.locator("#cw-side .cw-notice")).to_contain_text("no longer")
        assert marked(gone) == QUOTE
        watched.close()


# -- understand a refusal -----------------------------------------------------------------------------


def test_a_refusal_says_why_and_which_words_are_where(watch):
    page = watch.page
    watch.answered("Is there gold at Lindau?")
    expect(page.locator("#cw-chat .cw-text")).to_have_text("The articles do not say.")
    expect(page.locator("#cw-chat .cw-reason")).to_have_text("None of the passages answers the question.")
    words = page.get_by_label("Words of the question")
    expect(words).to_contain_text("gold: in none")
    expect(words).to_contain_text("Lindau: in 1 article")
    expect(page.locator("#cw-side .cw-badge").first).to_have_text("not an answer")
    assert page.locator("#cw-side mark").count() == 0


# -- converse -----------------------------------------------------------------------------------------


def test_a_follow_up_says_what_was_searched_for_and_it_can_be_edited(watch):
    page = watch.page
    watch.answered("Who is the engineer Ida Moll?")
    watch.answered("What did she say?", 2)
    said = page.locator("#cw-chat .cw-remarks").last
    expect(said).to_contain_text("Searched for:")
    expect(said).to_contain_text("Ida Moll")
    page.get_by_role("button", name="Edit what was searched for").click()
    expect(page.get_by_label("Your question")).to_have_value("What did Ida Moll say?")


def test_retry_edit_and_undo(watch):
    page = watch.page
    watch.answered(WHOM)
    watch.answered(COST, 2)
    page.get_by_role("button", name="Edit", exact=True).click()
    box = page.get_by_label("Your question")
    expect(box).to_have_value(COST)
    box.fill("Is there gold at Lindau?")
    box.press("Enter")
    expect(page.locator("#cw-chat .cw-question").nth(1)).to_have_text("Is there gold at Lindau?")
    expect(page.locator("#cw-chat .cw-reason")).to_be_visible()
    page.get_by_role("button", name="Ask again").nth(0).click()
    expect(page.locator("#cw-chat .cw-answer")).to_have_count(3)
    page.get_by_role("button", name="Undo").click()
    expect(page.locator("#cw-chat .cw-answer")).to_have_count(2)
    expect(box).to_have_value(WHOM)


def test_a_thumb_and_a_note_stay_after_a_reload(watch):
    page = watch.page
    watch.answered(WHOM)
    page.get_by_role("button", name="Not helpful").click()
    page.get_by_label("What was wrong?").fill("It is old.")
    page.get_by_role("button", name="Save note").click()
    watch.settled()
    page.reload()
    expect(page.get_by_role("button", name="Not helpful")).to_have_attribute("aria-pressed", "true")
    expect(page.get_by_label("What was wrong?")).to_have_value("It is old.")


def test_an_answer_is_copied_with_its_citations(browser, address):
    watched = Watch(browser, address, permissions=["clipboard-read", "clipboard-write"])
    watched.answered(WHOM)
    watched.page.get_by_role("button", name="Copy with citations").click()
    copied = watched.page.evaluate("navigator.clipboard.readText()")
    assert " ".join(QUOTE.split()) in " ".join(copied.split())
    assert "The Courier" in copied
    assert "interview.md" in copied
    watched.close()


def test_suggestions_come_after_an_answer_and_are_asked_at_a_click(watch, monkeypatch):
    monkeypatch.setattr("page.talk.follow_ups", lambda *_: [COST])
    watch.answered(WHOM)
    watch.page.get_by_role("group", name="Ask next").get_by_role("button", name=COST).click()
    expect(watch.page.locator("#cw-chat .cw-answer")).to_have_count(2)
    expect(watch.page.locator("#cw-chat .cw-text").last).to_have_text("cost four million crowns.")


# -- keep ---------------------------------------------------------------------------------------------


def test_a_reload_keeps_the_conversation_and_a_link_opens_its_answer(watch):
    page = watch.page
    watch.answered(WHOM)
    watch.answered(COST, 2)
    expect(page).to_have_url(page.url.split("?")[0] + "?" + page.url.split("?")[1])
    watch.settled()
    page.reload()
    expect(page.locator("#cw-chat .cw-answer")).to_have_count(2)
    first = page.locator("#cw-chat .cw-answer").first.get_attribute("data-turn")
    linked = watch.opened(f"?answer={first}")
    expect(linked.locator("#cw-chat .cw-answer")).to_have_count(2)
    assert marked(linked) == QUOTE


def test_a_restart_of_the_server_loses_nothing(browser, tmp_path):
    index, port = indexed(tmp_path), free_port()
    with served(index, port=port) as (address, _):
        watched = Watch(browser, address)
        watched.answered(WHOM)
        url = watched.page.url
        watched.page.close()
    with served(index, port=port):
        page = watched.opened(url.removeprefix(address))
        expect(page.locator("#cw-chat .cw-text")).to_have_text("Berg and Paul Lind.")
        assert marked(page) == QUOTE
        watched.close()


def test_an_idle_page_goes_on_with_its_conversation_after_a_restart(browser, tmp_path):
    index, port = indexed(tmp_path), free_port()
    with served(index, port=port) as (address, _):
        watched = Watch(browser, address)
        watched.answered("Who is the engineer Ida Moll?")
        watched.settled()
    with served(index, port=port):
        watched.page.get_by_role("button", name="Open citation 1").first.click()
        watched.answered("What did she say?", 2)
        expect(watched.page.locator("#cw-chat .cw-remarks")).to_contain_text("What did Ida Moll say?")
        watched.context.close()


def test_conversations_that_cannot_be_read_leave_the_answer(browser, tmp_path):
    index = indexed(tmp_path)
    with served(index) as (address, _):
        watched = Watch(browser, address)
        watched.answered(COST)
        watched.settled()
        (index / "conversations.db").write_bytes(b"x" * 50_000)
        watched.ask(WHOM)
        page = watched.page
        expect(page.locator("#cw-chat .cw-remarks").last).to_contain_text("was not kept")
        expect(page.locator("#cw-chat .cw-text").last).to_have_text("Berg and Paul Lind.")
        page.reload()
        expect(page.get_by_label("Your question")).to_be_visible()
        expect(page.locator("#cw-shelf").get_by_role("alert")).to_be_visible()
        watched.context.close()


def test_conversations_are_listed_searched_renamed_exported_and_deleted(watch):
    page, shelf = watch.page, watch.page.locator("#cw-shelf")
    watch.answered(WHOM)
    page.get_by_role("button", name="New conversation").click()
    expect(page.locator("#cw-chat .cw-answer")).to_have_count(0)
    watch.answered(COST)
    expect(shelf.locator(".cw-open")).to_have_count(2)
    shelf.get_by_label("Search your conversations").fill("moscow")
    expect(shelf.locator(".cw-open")).to_have_count(1)
    shelf.locator(".cw-open").click()
    expect(page.locator("#cw-chat .cw-question")).to_have_text(WHOM)
    shelf.get_by_label("Search your conversations").fill("")
    expect(shelf.locator(".cw-open")).to_have_count(2)
    current = shelf.locator("li", has=page.locator("[aria-current]"))
    current.locator("summary").first.click()
    current.get_by_label("Name").fill("Favourites")
    current.get_by_role("button", name="Rename").click()
    expect(shelf.get_by_text("Favourites")).to_be_visible()
    current.locator("summary").first.click()
    with page.expect_download() as saved:
        current.get_by_role("button", name="Export Markdown").click()
    text = saved.value.path().read_text(encoding="utf-8")
    assert "# Favourites" in text
    assert "The Courier" in text
    with page.expect_download() as saved:
        current.get_by_role("button", name="Export JSON").click()
    kept = json.loads(saved.value.path().read_text(encoding="utf-8"))
    assert kept["turns"][0]["quotes"][0]["quote"] == QUOTE
    current.get_by_text("Delete…").click()
    current.get_by_role("button", name="Delete it").click()
    expect(shelf.locator(".cw-open")).to_have_count(1)
    expect(page.locator("#cw-chat .cw-answer")).to_have_count(0)


def test_nobody_sees_the_conversations_of_another(browser, address, watch):
    watch.answered(WHOM)
    turn = watch.page.locator("#cw-chat .cw-answer").get_attribute("data-turn")
    other = Watch(browser, address, at=f"?answer={turn}")
    expect(other.page.get_by_role("alert")).to_be_visible()
    expect(other.page.locator("#cw-chat .cw-answer")).to_have_count(0)
    expect(other.page.locator("#cw-shelf .cw-open")).to_have_count(0)
    other.close()


def test_two_browsers_at_once(browser, address):
    first, second = Watch(browser, address), Watch(browser, address)
    first.ask("Is it slow at Lindau?")
    second.answered(WHOM)
    expect(first.page.locator("#cw-chat .cw-answer")).to_have_count(1)
    expect(second.page.locator("#cw-chat .cw-text")).to_have_text("Berg and Paul Lind.")
    first.close()
    second.close()


# -- narrow -------------------------------------------------------------------------------------------


def test_a_filter_by_source_and_date_is_part_of_the_answer(watch):
    page = watch.page
    page.get_by_role("button", name="Narrow").click()
    page.get_by_label("Sources").click()
    page.get_by_role("option", name="The Herald").click()
    page.locator("#cw-since input").first.fill("2019-01-01")
    page.locator("#cw-since input").first.press("Tab")
    watch.answered(WHOM)
    expect(page.locator("#cw-chat .cw-remarks")).to_contain_text("The Herald")
    expect(page.locator("#cw-chat .cw-remarks")).to_contain_text("1 January 2019")
    expect(page.locator("#cw-side h3").first).to_contain_text("Moscow answers the minister")
    page.get_by_role("button", name="Ask without the filter").click()
    expect(page.locator("#cw-chat .cw-text")).to_have_text("Berg and Paul Lind.")
    watch.settled()
    page.reload()
    expect(page.locator("#cw-chat .cw-text")).to_have_text("Berg and Paul Lind.")


def test_one_article_alone_is_asked(watch):
    page = watch.page
    watch.answered(COST)
    page.get_by_role("button", name="Ask this article only").click()
    page.get_by_role("button", name="Narrow").click()
    expect(page.locator("#cw-only")).to_contain_text("The bridge at Lindau")
    watch.answered("What was closed to lorries?", 2)
    expect(page.locator("#cw-chat .cw-remarks").last).to_contain_text("The bridge at Lindau")
    expect(page.locator("#cw-side h3").first).to_contain_text("The bridge at Lindau")


# -- bring articles -----------------------------------------------------------------------------------

NEW = "---\ntitle: Tunnel opened\nsource: The Mail\ndate: 2020-01-05\n---\nThe tunnel at Sargans opened on Monday.\n"


def test_files_are_dropped_indexed_asked_listed_opened_and_removed(browser, tmp_path):
    files = written(tmp_path / "new", {"tunnel.md": NEW, "broken.jsonl": "{not json}\n"})
    with served(indexed(tmp_path)) as (address, site):
        watched = Watch(browser, address)
        page = watched.page
        page.get_by_role("tab", name="Articles").click()
        expect(page.locator("#cw-list tbody tr")).to_have_count(3)
        page.locator("#cw-drop input[type=file]").set_input_files(
            [files / "tunnel.md", files / "broken.jsonl"]
        )
        expect(page.locator("#cw-about-articles")).to_contain_text("broken.jsonl:1")
        expect(page.locator("#cw-list tbody tr")).to_have_count(4)
        expect(page.locator("#cw-head")).to_contain_text("4 articles")
        expect(page.locator("#cw-list tbody tr").first).to_contain_text("Tunnel opened")
        page.get_by_placeholder("Search the articles").fill("lindau")
        expect(page.locator("#cw-list tbody tr")).to_have_count(1)
        page.get_by_placeholder("Search the articles").fill("")
        expect(page.locator("#cw-list tbody tr")).to_have_count(4)
        page.get_by_role("button", name="Title").click()
        expect(page.locator("#cw-list tbody tr").first).to_contain_text("Minister on the vote")
        expect(page.locator("#cw-histogram svg, #cw-histogram canvas").first).to_be_visible()
        page.get_by_role("tab", name="Ask").click()
        watched.answered("When did the tunnel at Sargans open?")
        expect(page.locator("#cw-side h3").first).to_contain_text("Tunnel opened")
        page.get_by_role("tab", name="Articles").click()
        page.locator("#cw-list").get_by_role("button", name="Tunnel opened").first.click()
        expect(page.locator("#cw-list")).to_contain_text("The tunnel at Sargans opened on Monday.")
        page.locator("#cw-list summary", has_text="Remove").click()
        page.locator("#cw-list .cw-harm").click()
        expect(page.locator("#cw-list tbody tr")).to_have_count(3)
        assert site.pipeline.status().n_articles == 3
        watched.close()


def test_an_article_that_was_just_brought_is_asked_alone(browser, tmp_path):
    files = written(tmp_path / "new", {"tunnel.md": NEW})
    with served(indexed(tmp_path)) as (address, _):
        watched = Watch(browser, address)
        page = watched.page
        page.get_by_role("tab", name="Articles").click()
        page.locator("#cw-drop input[type=file]").set_input_files([files / "tunnel.md"])
        row = page.locator("#cw-list tbody tr", has_text="Tunnel opened")
        row.get_by_role("button", name="only").click()
        watched.answered("When did the tunnel at Sargans open?")
        expect(page.locator("#cw-side h3").first).to_contain_text("Tunnel opened")
        watched.close()


def test_a_read_only_page_takes_nothing(browser, tmp_path):
    with served(indexed(tmp_path), read_only=True) as (address, _):
        watched = Watch(browser, address)
        watched.page.get_by_role("tab", name="Articles").click()
        expect(watched.page.locator("#cw-list tbody tr")).to_have_count(3)
        assert watched.page.locator("input[type=file]").count() == 0
        watched.page.locator("#cw-list").get_by_role("button", name="Minister on the vote").first.click()
        expect(watched.page.locator("#cw-list")).to_contain_text("He named nobody else.")
        assert watched.page.locator("#cw-list .cw-harm").count() == 0
        watched.close()


# -- see the machine ----------------------------------------------------------------------------------


def test_the_machine_tells_its_size_its_models_and_its_times(watch):
    watch.answered(WHOM)
    page = watch.page
    page.get_by_role("tab", name="Machine").click()
    about = page.locator("#cw-machine")
    for told in ("Articles", "Passages", "Size on disk", "Last change", "Embedder", "by words", "A minute"):
        expect(about).to_contain_text(told)
    expect(page.locator("#cw-timings svg, #cw-timings canvas").first).to_be_visible()
