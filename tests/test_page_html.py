"""The page's HTML: what it says, that marks stand where offsets say, and that nothing of an article acts."""

import re
from dataclasses import replace
from datetime import date
from html.parser import HTMLParser
from pathlib import Path

import pytest

import page
from page.evidence import NO_EVIDENCE, evidence_html, marked
from page.html import (
    answer_html,
    cited_text,
    draft_html,
    error_html,
    masthead_html,
    question_html,
    working_html,
)
from page.markup import day_words, exact, link, where_words
from page.panels import (
    SHELF_HEAD,
    legend_html,
    listing_html,
    machine_html,
    reading_html,
    shelf_html,
    upload_html,
)
from page.record import Claim, Considered, Origin, Other, Quote, Record, Slice
from page.views import Conversation, Excerpt, Listing, Machine, Opened, Progress, Reading, Row, Turn
from rag.domain import Citation, Draft, Passage, Sentence, Where
from rag.render import visible
from tests.fakes import article

HOSTILE = (
    "<script>alert(1)</script><img src=x onerror=alert(1)> \"' onmouseover=alert(1) ![a](http://evil.test/a.png) "
    "\x1b[31mred\x1b]0;title\x07 \x9b2J \u202egnp.exe\u202c \u2066x \u200bzero\u2060width\ufeff \u05e2\u05d1 "
    "${alert(1)} {{constructor}} \x00 \ud800 </p></article></section> "
) + "w" * 50_000


TEXT = "The bridge was closed on Monday. Engineers found a crack in its third pier.\n\nIt reopened in May."
QUOTE = "Engineers found a crack in its third pier."
BRIDGE = Origin("news/bridge.md", "Bridge closed", "The Herald", "2021-03-09", "https://example.org/b", "0")
PLAIN = Origin("plain.txt", "", "", "", "", "1")
FIRST = Slice(7, BRIDGE, 0, TEXT[: TEXT.index("\n")])
LATER = Slice(9, BRIDGE, TEXT.index("It"), TEXT[TEXT.index("It") :])
PIER = Slice(8, PLAIN, 0, "Nobody knows why the pier cracked.")
FOUND = Quote(1, FIRST, TEXT.index(QUOTE), TEXT.index(QUOTE) + len(QUOTE))
CONSIDERED = (Considered(PIER, 0.25, 3, 1), Considered(LATER, 0.125, None, 2))
ANSWERED = Record(
    "What did engineers find?",
    "2026-03-01T10:00:00+00:00",
    "a crack",
    (FOUND,),
    0.91,
    "quote",
    searched_for="What did engineers find?",
    others=(Other("Nobody knows", 0.2, (Quote(1, PIER, 0, 12),)),),
    considered=CONSIDERED,
)
ABSTAINED = Record(
    "Who paid Gazprom?",
    "2026-03-01T10:00:00+00:00",
    reason="no passage answers the question",
    considered=CONSIDERED,
    words=(("paid", 3), ("Gazprom", 0), ("pier", 1)),
)
PROVED = Claim("Engineers found that a pier had cracked.", "supported", (FOUND,))
FAILED = Claim("The mayor wept.", "unsupported", why="no passage has the word mayor")
OWN = Claim("It reopened in May.", "verbatim", (Quote(2, LATER, LATER.start, LATER.end),))
WRITTEN = replace(
    ANSWERED,
    text=f"{PROVED.text} {OWN.text}",
    quotes=(FOUND, *OWN.quotes),
    mode="write",
    others=(),
    claims=(PROVED, FAILED, OWN),
    route="written, since it asks why",
)
TURN = Turn("t1", ANSWERED)
WHOLE = Excerpt(0, TEXT, len(TEXT))
OPENED = Opened("t1", ANSWERED, 0, FIRST, "same", WHOLE)
KEPT = Conversation("c1", "What did engineers find?", "2026-03-01T10:00:00", "2026-03-02T10:00:00", 3)
ROW = Row("news/bridge.md", "Bridge closed", "The Herald", "2021-03-09", 98, 2)
LISTING = Listing((ROW,), 50, 60, 2312)
READING = Reading(BRIDGE, (("author", "Staff"),), WHOLE, 2, "bridge.md", True, "Its file is deleted.")


class Seen(HTMLParser):
    """What a browser would find: elements, attributes and the text inside each kind of element."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str]] = []
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.open: list[str] = []
        self.texts: list[tuple[tuple[str, ...], str]] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.open.append(tag)
        self.attributes += [(name, value or "") for name, value in attributes]
        self.elements.append((tag, {name: value or "" for name, value in attributes}))
        if tag in ("input", "br"):
            self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.append((tuple(self.open), data))

    def inside(self, tag: str) -> str:
        return "".join(text for parents, text in self.texts if tag in parents)

    @property
    def text(self) -> str:
        return "".join(text for _, text in self.texts)

    def button(self, **data: str) -> dict[str, str]:
        """The attributes of the one button that has these among its ``data-`` attributes."""
        wanted = {f"data-{name}": value for name, value in data.items()}
        (found,) = [at for tag, at in self.elements if tag == "button" and wanted.items() <= at.items()]
        return found

    def has(self, **data: str) -> bool:
        wanted = {f"data-{name}": value for name, value in data.items()}
        return any(wanted.items() <= at.items() for _, at in self.elements)


def answered(last: bool = True, **changes: object) -> Seen:
    return Seen(answer_html(replace(TURN, **changes), last=last))


def region(html: str) -> str:
    """What a browser shows in the region of the article's text."""
    (text,) = re.findall(r'<div class="cw-passage"[^>]*>(.*?)</div>', html, re.DOTALL)
    return Seen(text).text


# -- the answer ---------------------------------------------------------------------------------------


def test_the_answer_comes_first_with_its_citations_then_its_confidence_and_quotes():
    seen = answered()
    assert seen.text.startswith("a crack 1well supported 0.91 · quoted, in the articles’ own words1" + QUOTE)
    assert seen.inside("blockquote") == QUOTE
    assert seen.inside("cite") == "Bridge closed"
    assert seen.inside("time") == "9 March 2021"
    assert ("datetime", "2021-03-09") in seen.attributes
    assert "The Herald" in seen.text


def test_each_citation_is_a_button_that_says_what_it_opens():
    numbers = [at for tag, at in answered().elements if tag == "button" and at["class"] == "cw-n"]
    assert [(at["data-at"], at["aria-label"]) for at in numbers] == [
        ("0", "Open citation 1: Bridge closed"),
        ("0", "Open quote 1: Bridge closed"),
        ("1", "Open citation 2: plain.txt"),
    ]
    asked = {(at["type"], at["data-to"], at["data-do"], at["data-turn"]) for at in numbers}
    assert asked == {("button", "evidence", "cite", "t1")}


def test_a_written_answer_is_sentences_each_with_its_mark_and_its_quotes():
    seen = answered(record=WRITTEN)
    (prose,) = re.findall(r'<p class="cw-text cw-prose".*?</p>', answer_html(Turn("t1", WRITTEN), last=True))
    assert Seen(prose).text == (
        "Engineers found that a pier had cracked. 1✓ (supported) “It reopened in May.” 2 the article’s own words"
    )
    opens = [at["data-at"] for _, at in Seen(prose).elements if at.get("data-do") == "cite"]
    assert opens == ["0", "1"]
    assert "0.91 · written and checked against the articlesWritten, since it asks why." in seen.text
    assert "they take the place of a sentence that was not supported" in seen.text
    assert seen.inside("blockquote") == QUOTE + "It reopened in May."


def test_sentences_that_failed_are_struck_below_and_say_why():
    seen = answered(record=WRITTEN)
    assert seen.inside("del") == "Not supported: The mayor wept."
    heading = "Not supported by the articles, so no part of the answer"
    assert f"{heading}Not supported: The mayor wept. No passage has the word mayor." in seen.text
    assert seen.text.index(heading) > seen.text.index(QUOTE)
    assert heading not in answered(record=replace(WRITTEN, claims=(PROVED, OWN))).text


def test_an_answer_of_quotes_alone_shows_each_once():
    record = replace(WRITTEN, mode="quote", text=OWN.text, claims=(OWN, FAILED), quotes=OWN.quotes, route="")
    seen = answered(record=record)
    assert seen.text.startswith("1It reopened in May.Bridge closed The Herald")
    assert seen.text.count("It reopened in May.") == 1
    assert "they take the place" not in seen.text
    assert seen.inside("del") == "Not supported: The mayor wept."


def test_an_answer_that_is_quoted_because_nothing_was_proved_shows_what_failed():
    for record, said in ((ANSWERED, "a crack 1"), (ABSTAINED, "The articles do not say.")):
        seen = answered(record=replace(record, claims=(FAILED,), note="so the answer is quoted"))
        assert seen.text.startswith(said)
        assert seen.inside("del") == "Not supported: The mayor wept."
        assert "So the answer is quoted." in seen.text
    assert cited_text(replace(ANSWERED, claims=(FAILED,))) == cited_text(ANSWERED)


def test_a_refusal_and_a_quote_say_which_way_was_taken_too():
    for record in (ANSWERED, ABSTAINED):
        assert "The model was asked." in answered(record=replace(record, route="the model was asked")).text


def test_an_answer_that_grows_shows_what_is_judged_and_then_the_rest():
    whole = article(TEXT)
    passage = Passage(1, whole, 0, len(TEXT))
    said = Sentence(PROVED.text, "supported", (Citation(3, passage, 0, 9), Citation(4, passage, 0, 3)))
    html = draft_html(Draft((said, Sentence(FAILED.text, "unsupported")), "It reop"))
    assert Seen(html).text == (
        "Engineers found that a pier had cracked. 34✓ (supported) It reop"
        "Not supported by the articles, so no part of the answerNot supported: The mayor wept."
    )
    assert Seen(html).inside("del") == "Not supported: The mayor wept."
    assert '<span class="cw-unjudged"><bdi>It reop</bdi></span>' in html
    own = Sentence("The bridge", "verbatim", (Citation(1, passage, 0, 10),))
    assert Seen(draft_html(Draft((own,)))).text == "“The bridge” 1 the article’s own words"
    assert Seen(draft_html(Draft(()))).text == ""


def test_the_numbers_of_a_sentence_stay_in_one_line_with_its_last_word():
    assert '<span class="cw-end"><bdi>cracked.</bdi> <button' in answer_html(Turn("t1", WRITTEN), last=True)
    long = replace(PROVED, text="w" * 100)
    html = answer_html(Turn("t1", replace(WRITTEN, claims=(long,))), last=True)
    assert f'<bdi>{"w" * 100}</bdi> <span class="cw-end">' in html


def test_other_answers_are_told_with_their_own_confidence():
    assert "Other answers in the articlesNobody knows weak 0.20 2" in answered().text
    assert "Other answers" not in answered(record=replace(ANSWERED, others=())).text


def test_another_answer_tells_its_source_and_day():
    other = Other("a crack", 0.4, (FOUND,))
    assert (
        "a crack weak 0.40 2 The Herald, 9 March 2021"
        in answered(record=replace(ANSWERED, others=(other,))).text
    )


def test_another_search_can_be_edited_and_what_happened_instead_is_told():
    record = replace(ANSWERED, searched_for="engineers bridge", note="the index is old")
    seen = answered(record=record)
    assert "Searched for: engineers bridge edit" in seen.text
    assert seen.button(here="fill")["data-text"] == "engineers bridge"
    assert "The index is old." in seen.text
    assert "Searched for" not in answered().text
    respaced = replace(ANSWERED, question="  What did\tengineers find? ")
    assert "Searched for" not in answered(record=respaced).text


def test_a_filter_is_told_in_words_and_can_be_dropped():
    seen = answered(record=replace(ANSWERED, where=Where(("The Courier",), (), date(2017, 5, 1))))
    assert "Only The Courier, since 1 May 2017. Ask without the filter" in seen.text
    assert seen.button(to="talk", do="widen")["data-turn"] == "t1"
    assert not answered().has(do="widen")


@pytest.mark.parametrize(
    ("where", "words"),
    [
        (Where(), ""),
        (Where(sources=("A", "B")), "Only A or B"),
        (Where(sources=("A", "B", "C", "D", "E")), "Only A, B, C or 2 more"),
        (Where(articles=("news/bridge.md", "x.txt")), "Only “Bridge closed” or “x.txt”"),
        (
            Where(since=date(2017, 5, 1), until=date(2018, 1, 31)),
            "Only since 1 May 2017 until 31 January 2018",
        ),
        (Where(("A",), ("x.txt",), None, date(2018, 1, 31)), "Only A, “x.txt”, until 31 January 2018"),
    ],
)
def test_a_filter_in_words(where, words):
    assert where_words(where, {"news/bridge.md": "Bridge closed"}) == words


def test_a_refusal_says_why_and_which_words_occur_where():
    seen = answered(record=ABSTAINED)
    assert seen.text.startswith("The articles do not say.No passage answers the question.")
    items = [text for parents, text in seen.texts if "li" in parents]
    assert "".join(items) == "paid: in 3 articlesGazprom: in nonepier: in 1 article"
    assert seen.button(to="evidence", do="nearest")["data-turn"] == "t1"
    assert "They are not an answer." in seen.text
    assert not answered(record=replace(ABSTAINED, considered=())).has(do="nearest")


def test_an_answer_can_be_copied_with_its_citations():
    copied = answered().button(here="copy", text=cited_text(ANSWERED))["data-text"]
    assert copied == (
        f"a crack\n\n[1] “{QUOTE}”\nBridge closed, The Herald, 9 March 2021, https://example.org/b\n"
        "news/bridge.md, characters 33–75"
    )
    assert cited_text(WRITTEN).startswith(
        f"{PROVED.text} [1] “{OWN.text}” [2]\n\n[1] “{QUOTE}”\nBridge closed"
    )
    assert "mayor" not in cited_text(WRITTEN)
    assert cited_text(ABSTAINED) == "The articles do not say. No passage answers the question."


def test_an_answer_that_is_kept_has_a_link_and_others_have_none():
    assert answered().button(here="copy", answer="t1")
    assert "Link" not in answered(id="").text


def test_only_the_last_turn_can_be_edited_and_undone_and_suggests():
    last, earlier = (answered(last, suggestions=("And now?",)) for last in (True, False))
    for verb in ("edit", "undo"):
        assert last.button(to="talk", do=verb)["data-turn"] == "t1"
        assert not earlier.has(do=verb)
    assert last.button(do="ask")["data-question"] == "And now?"
    assert not earlier.has(do="ask")
    assert earlier.button(to="talk", do="retry")


def test_a_verdict_is_pressed_and_asks_for_a_note():
    assert [answered().button(verdict=v)["aria-pressed"] for v in ("1", "-1")] == ["false", "false"]
    assert not answered().has(do="remark")
    seen = answered(verdict=-1, remark='half "right"')
    assert [seen.button(verdict=v)["aria-pressed"] for v in ("1", "-1")] == ["false", "true"]
    (form,) = [at for tag, at in seen.elements if tag == "form"]
    assert (form["data-to"], form["data-do"], form["data-turn"]) == ("talk", "remark", "t1")
    (field,) = [at for tag, at in seen.elements if tag == "input"]
    assert (field["name"], field["value"]) == ("remark", 'half "right"')


def test_a_question_is_bounded_and_an_empty_one_says_so():
    assert len(Seen(question_html(HOSTILE)).text) <= 600
    assert Seen(question_html(" \n")).text == "(an empty question)"


def test_work_can_be_stopped_and_an_error_shows_message_and_hint():
    seen = Seen(working_html("Reading 8 passages…"))
    assert seen.inside("p") == "Reading 8 passages…"
    assert seen.button(to="stop")
    seen = Seen(error_html("too long", "Ask shorter."))
    assert seen.text == "too longAsk shorter."
    assert ("role", "alert") in seen.attributes


def test_the_head_has_its_facts_and_notices():
    seen = Seen(masthead_html(["2 articles"], ["Read only: nobody is known here."]))
    assert seen.text == "Citewise2 articlesRead only: nobody is known here."
    assert ("role", "note") in seen.attributes


# -- the evidence -------------------------------------------------------------------------------------


def test_the_quote_is_marked_at_its_offsets_in_the_whole_text():
    html = evidence_html(OPENED)
    assert Seen(html).inside("mark") == QUOTE
    assert html.count('<mark class="cw-here">') == 1
    assert region(html) == TEXT
    assert "news/bridge.md characters 33–75" in Seen(html).text


def test_marks_go_by_offset_where_the_words_occur_twice():
    spans = {"passage": (2, 16), "here": (8, 11), "others": [(12, 15)]}
    assert marked(Excerpt(4, "No. No. No. No.", 90), **spans) == (
        '<span class="cw-read">No. </span><mark class="cw-here">No.</mark><span class="cw-read"> </span>'
        '<mark>No.</mark><span class="cw-read"> </span>No.'
    )


@pytest.mark.parametrize("others", [[(0, 40)], [(35, 50), (60, 90)], [(33, 75)], [(0, 98), (10, 12)]])
def test_the_open_quote_stays_one_mark_whatever_lies_over_it(others):
    html = marked(WHOLE, (0, 75), (33, 75), others)
    assert re.findall('<mark class="cw-here">(.*?)</mark>', html) == [QUOTE]
    assert Seen(html).text == TEXT


def test_marks_count_characters_that_are_not_shown():
    text = "a\u200bb\x1b<c> quoted\u202e d"
    start = text.index("quoted")
    html = marked(Excerpt(0, text, len(text)), (0, len(text)), (start, start + 7))
    assert Seen(html).inside("mark") == "quoted"
    assert Seen(html).text == visible(text)


def test_an_excerpt_says_what_of_the_article_it_shows():
    excerpt = Excerpt(20, TEXT[20:80], 812_000)
    html = evidence_html(replace(OPENED, excerpt=excerpt))
    assert "Characters 20–80 of 812,000 are shown" in html
    assert Seen(html).inside("mark") == QUOTE
    assert region(html) == TEXT[20:80]
    assert "are shown" not in evidence_html(OPENED)


def test_the_text_can_be_reached_and_scrolled_by_keyboard():
    (at,) = [at for _, at in Seen(evidence_html(OPENED)).elements if at.get("role") == "region"]
    assert (at["tabindex"], at["dir"]) == ("0", "auto")
    assert at["aria-label"] == "Text of the article: Bridge closed"


def test_previous_and_next_go_through_all_quotes():
    seen = Seen(evidence_html(OPENED))
    assert "Citation 1 of 2" in seen.text
    steps = {at["aria-label"]: at for _, at in seen.elements if at.get("aria-label", "").endswith("citation")}
    assert steps["Previous citation"]["aria-disabled"] == "true"
    assert "data-to" not in steps["Previous citation"]
    assert (steps["Next citation"]["data-do"], steps["Next citation"]["data-at"]) == ("cite", "1")
    second = Seen(evidence_html(replace(OPENED, at=1, passage=PIER, excerpt=None)))
    assert "Citation 2 of 2" in second.text
    assert second.button(at="0")["aria-label"] == "Previous citation"
    assert second.inside("mark") == "Nobody knows"


def test_the_open_article_can_be_asked_alone():
    assert Seen(evidence_html(OPENED)).button(to="talk", do="only")["data-article"] == "news/bridge.md"
    assert not Seen(evidence_html(replace(OPENED, state="gone", excerpt=None))).has(do="only")


@pytest.mark.parametrize(
    ("state", "told"),
    [("changed", "This article has changed since this answer"), ("gone", "no longer in the collection")],
)
def test_an_article_that_is_another_now_shows_the_passage_that_was_read(state, told):
    html = evidence_html(replace(OPENED, state=state, excerpt=None))
    assert told in html
    assert region(html) == FIRST.text
    assert Seen(html).inside("mark") == QUOTE
    assert "This article" not in evidence_html(OPENED)


def test_a_passage_that_is_not_quoted_is_tinted_and_says_so():
    opened = replace(OPENED, at=None, passage=LATER)
    html = evidence_html(opened)
    assert "not quoted" in html
    assert Seen(re.search('<span class="cw-read">.*?</span>', html)[0]).text == LATER.text
    assert Seen(html).inside("mark") == QUOTE  # of the same article, but it is not open
    assert "cw-here" not in html
    assert Seen(html).button(passage="9")["aria-current"] == "true"
    assert "not an answer" in evidence_html(replace(opened, record=ABSTAINED))


def test_other_passages_are_folded_with_score_and_ranks():
    html = evidence_html(OPENED)
    folded = Seen(html).inside("details")
    assert folded.startswith("Other passages considered (2)plain.txt")
    assert "score 0.25 · rank 3 by meaning, 1 by words" in folded
    assert "score 0.125 · rank 2 by words" in folded
    opens = Seen(html).button(do="passage", passage="8")
    assert (opens["data-to"], opens["data-turn"]) == ("evidence", "t1")
    assert opens["aria-label"] == "Open passage: plain.txt"


def test_after_an_abstention_the_nearest_stand_open_and_the_rest_is_folded():
    record = replace(ABSTAINED, considered=CONSIDERED * 2)
    html = evidence_html(Opened("t1", record, None, None))
    assert html.count(">not an answer<") == 4
    assert "<mark" not in html
    assert Seen(html).inside("details").startswith("Other passages considered (1)")
    none = evidence_html(Opened("t1", replace(record, considered=()), None, None))
    assert "No passage came near" in none


def test_each_thing_that_can_be_open_has_a_name_of_its_own():
    others = [
        replace(OPENED, at=1, passage=PIER),
        replace(OPENED, at=None),
        replace(OPENED, turn="t2"),
        replace(OPENED, at=None, passage=None),
        replace(OPENED, turn="", record=ABSTAINED, at=None),
    ]
    names = [
        dict(Seen(html).attributes)["data-open"]
        for html in (NO_EVIDENCE, *map(evidence_html, [OPENED, *others]))
    ]
    assert len(set(names)) == len(names)


# -- the panels ---------------------------------------------------------------------------------------


def test_a_conversation_is_listed_with_all_that_can_be_done_to_it():
    seen = Seen(shelf_html([KEPT, replace(KEPT, id="c2", n_turns=1)], "c1", searched=False))
    assert "What did engineers find?2 Mar 2026 · 3 questions" in seen.text
    assert seen.button(do="open", conversation="c1")["aria-current"] == "true"
    assert "aria-current" not in seen.button(do="open", conversation="c2")
    assert [seen.button(conversation="c1", format=f)["data-do"] for f in ("md", "json")] == ["export"] * 2
    assert seen.has(to="shelf", do="rename", conversation="c1")
    assert ("value", "What did engineers find?") in seen.attributes


def test_a_conversation_is_deleted_in_two_steps():
    html = shelf_html([KEPT], "", searched=False)
    deletes = html.index('data-do="delete"')
    assert html.rindex('<details class="cw-sure"><summary>Delete…</summary>', 0, deletes)
    assert "</details>" not in html[html.rindex("<details", 0, deletes) : deletes]


def test_an_empty_shelf_says_why():
    assert "kept here" in shelf_html([], "", searched=False)
    assert "has these words" in shelf_html([], "", searched=True)
    assert Seen(SHELF_HEAD).button(here="toggle")["aria-label"]


def test_the_list_of_articles_is_a_table_that_can_be_sorted_and_paged():
    seen = Seen(listing_html(LISTING, writable=True))
    assert seen.text.startswith("60 of 2,312 articles match")
    heads = [at for tag, at in seen.elements if tag == "th" and at["scope"] == "col"]
    assert [at.get("aria-sort") for at in heads] == [None, None, "descending", *[None] * 3]
    assert seen.button(do="sort", sort="title")["data-to"] == "articles"
    assert "51–51 of 60" in seen.text
    firsts = [at["data-first"] for _, at in seen.elements if at.get("data-do") == "leaf"]
    assert firsts == ["0", "51"]
    assert seen.button(to="articles", do="read")["data-article"] == "news/bridge.md"
    assert seen.button(to="talk", do="only")["aria-label"] == "Ask this only: Bridge closed"
    ends = listing_html(replace(LISTING, first=0, n_found=1), writable=True)
    assert not Seen(ends).has(do="leaf")


def test_a_list_without_articles_says_so():
    empty = Listing((), 0, 0, 0)
    assert "There are no articles yet. Drop files" in listing_html(empty, writable=True)
    assert "Drop files" not in listing_html(empty, writable=False)
    assert Seen(listing_html(replace(empty, n_articles=5), writable=True)).text == "0 of 5 articles match"


def test_an_article_is_read_in_parts_with_its_facts():
    html = reading_html(replace(READING, excerpt=Excerpt(20, TEXT[20:60], 98)))
    seen = Seen(html)
    assert region(html) == TEXT[20:60]
    assert "Characters 20–60 of 98 are shown" in seen.text
    turns = [at["data-around"] for _, at in seen.elements if "data-around" in at]
    assert turns == ["20", "60"]
    assert "authorStaff" in seen.text
    assert "Length98 characters, 2 passages" in seen.text
    assert not Seen(reading_html(READING)).has(around="0")
    assert seen.button(to="articles", do="list")
    assert seen.button(to="talk", do="only")["data-article"] == "news/bridge.md"


def test_an_article_is_removed_in_two_steps_that_say_what_becomes_of_its_file():
    html = reading_html(READING)
    before = html[: html.index('data-do="remove"')]
    assert before.endswith(
        '<details class="cw-sure"><summary>Remove…</summary><p>Its file is deleted.</p>'
        '<button type="button" class="cw-button cw-harm" data-to="articles" '
    )
    assert "Remove" not in reading_html(replace(READING, may_remove=False))


def test_an_upload_tells_how_far_it_is_and_what_could_not_be_read():
    seen = Seen(upload_html(Progress("Reading 3 of 8", 3, 8, problems=(("a.md", "it is empty"),))))
    assert {("max", "8"), ("value", "3"), ("role", "status")} <= set(seen.attributes)
    assert seen.inside("li") == "a.md: it is empty"
    assert "progress" not in Seen(upload_html(Progress("Done", 8, 8, done=True))).tags


def test_the_machine_is_told_in_groups():
    seen = Seen(machine_html(Machine((("Collection", (("Articles", "12"),)), ("Models", ())))))
    assert seen.text == "CollectionArticles12Models"
    assert seen.inside("dt") == "Articles"


# -- nothing of an article or a person acts -----------------------------------------------------------

ALLOWED = set(
    "a article bdi blockquote button cite dd del details div dl dt footer form h1 h2 h3 header input label li "
    "mark nav ol p progress section span strong summary sup table tbody td th thead time tr ul".split()
)
ATTRIBUTES = set(
    "aria-current aria-disabled aria-hidden aria-label aria-pressed aria-sort autocomplete class datetime dir max "
    "maxlength name role scope style tabindex type value".split()
)
DATA = set(
    "answer around article at conversation do first format here open passage question sort text to turn "
    "verdict".split()
)
NOT_SHOWN = "[\x00-\x09\x0b-\x1f\x7f-\x9f\u200b\u202a-\u202e\u2060-\u206f\ufeff\ud800]"
WORST = Origin(HOSTILE, HOSTILE, HOSTILE, HOSTILE, "javascript:alert(1)", HOSTILE)
PASSAGE = Slice(1, WORST, 0, HOSTILE)
ALL = Quote(1, PASSAGE, 0, len(HOSTILE))
WHERE = Where((HOSTILE,), (HOSTILE,))
SAID = Record(
    HOSTILE,
    HOSTILE,
    HOSTILE,
    (ALL,),
    0.6,
    "quote",
    note=HOSTILE,
    searched_for=HOSTILE + "!",
    others=(Other(HOSTILE, 0.4, (ALL,)),),
    considered=(Considered(PASSAGE, 1.0, 1, 1),),
    where=WHERE,
)
SILENT = Record(
    HOSTILE, HOSTILE, reason=HOSTILE, considered=SAID.considered, words=((HOSTILE, 0),), where=WHERE
)
SPOKEN = replace(
    SAID,
    mode="write",
    route=HOSTILE,
    claims=(
        Claim(HOSTILE, "supported", (ALL,)),
        Claim(HOSTILE, "verbatim", (ALL,)),
        Claim(HOSTILE, "unsupported", why=HOSTILE),
    ),
)
ASKED = Turn(HOSTILE, SAID, 1, HOSTILE, (HOSTILE,))
SHOWN = Excerpt(0, HOSTILE, len(HOSTILE))
PAIR = (HOSTILE, HOSTILE)
HOSTILE_PARTS = {
    "question": question_html(HOSTILE),
    "working": working_html(HOSTILE),
    "error": error_html(HOSTILE, HOSTILE),
    "masthead": masthead_html([HOSTILE], [HOSTILE]),
    "answer": answer_html(ASKED, last=True),
    "refusal": answer_html(replace(ASKED, record=SILENT), last=True),
    "written": answer_html(replace(ASKED, record=SPOKEN), last=True),
    "draft": draft_html(Draft((Sentence(HOSTILE, "unsupported", why=HOSTILE),), HOSTILE)),
    "evidence": evidence_html(Opened(HOSTILE, SAID, 0, PASSAGE, "same", SHOWN)),
    "changed": evidence_html(Opened(HOSTILE, SAID, 1, PASSAGE, "changed")),
    "considered": evidence_html(Opened(HOSTILE, SAID, None, PASSAGE, "same", replace(SHOWN, n_chars=10**6))),
    "nearest": evidence_html(Opened(HOSTILE, SILENT, None, None)),
    "shelf": shelf_html([Conversation(HOSTILE, HOSTILE, HOSTILE, HOSTILE, 1)], HOSTILE, searched=True),
    "listing": listing_html(
        Listing((Row(HOSTILE, HOSTILE, HOSTILE, HOSTILE, 1, 1),), 0, 9, 9, HOSTILE, where=WHERE),
        writable=True,
    ),
    "reading": reading_html(
        Reading(WORST, (PAIR,), replace(SHOWN, n_chars=10**6), 1, HOSTILE, True, HOSTILE)
    ),
    "upload": upload_html(Progress(HOSTILE, 1, 2, False, (PAIR,))),
    "legend": legend_html({HOSTILE: "#D55E00"}),
    "machine": machine_html(Machine(((HOSTILE, (PAIR,)),))),
}


@pytest.mark.parametrize("part", HOSTILE_PARTS)
def test_hostile_texts_leave_only_our_own_elements(part):
    seen = Seen(HOSTILE_PARTS[part])
    assert seen.open == []
    assert set(seen.tags) <= ALLOWED
    assert {name for name, _ in seen.attributes} <= ATTRIBUTES | {f"data-{name}" for name in DATA}
    assert not any(name == "href" for name, _ in seen.attributes)
    assert "<script>alert(1)</script>" in seen.text


@pytest.mark.parametrize("part", HOSTILE_PARTS)
def test_hostile_characters_are_seen_or_gone_but_in_keys(part):
    seen = Seen(HOSTILE_PARTS[part])
    shown = [seen.text, *(value for name, value in seen.attributes if not name.startswith("data-"))]
    told = [value for name, value in seen.attributes if name in ("data-text", "data-question")]
    assert not any(re.search(NOT_SHOWN, text) for text in shown + told)


@pytest.mark.parametrize("part", ["evidence", "changed", "considered", "reading"])
def test_a_hostile_text_is_shown_whole(part):
    assert region(HOSTILE_PARTS[part]) == visible(HOSTILE)


@pytest.mark.parametrize("part", ["shelf", "listing", "nearest"])
def test_titles_and_names_of_any_length_are_shortened(part):
    assert len(Seen(HOSTILE_PARTS[part]).text) < 5000


def test_a_key_comes_back_unchanged():
    for key in ("<i>\"'&amp;\r\n\t\x1b\u202e\u200b", "../ö.txt"):
        assert Seen(f'<p data-article="{exact(key)}">').attributes == [("data-article", key)]
    assert exact("\ud800").encode() == b"?"


def test_a_day_that_is_none_is_shown_as_it_is():
    assert day_words("2017-05-01T10:00:00") == "1 May 2017"
    assert day_words("last week") == "last week"


@pytest.mark.parametrize(
    "url",
    [
        "javascript:alert(1)",
        "JaVaScRiPt:alert(1)",
        " javascript:alert(1)",
        "java\nscript:alert(1)",
        "data:text/html,x",
        "file:///etc/passwd",
        "//example.org/a",
        "/a",
        "https:",
        "http://[",
        "https://a.test/\u202egnp",
        "https://a.test/ x",
        "",
    ],
)
def test_only_plain_web_addresses_become_links(url):
    assert link(url, "title") == "title"


def test_a_link_opens_apart_and_tells_nothing():
    seen = Seen(link('HTTPS://example.org/?a=1&b="><script>', "title"))
    assert seen.tags == ["a"]
    assert dict(seen.attributes) == {
        "href": 'HTTPS://example.org/?a=1&b="><script>',
        "target": "_blank",
        "rel": "noopener noreferrer",
    }


# -- style and script ---------------------------------------------------------------------------------

FOLDER = Path(page.__file__).parent
CSS = (FOLDER / "page.css").read_text(encoding="utf-8")
SCRIPT = (FOLDER / "page.js").read_text(encoding="utf-8")
SURFACES = ("paper", "card")
PAIRS = [
    *[
        (text, on)
        for text in ("ink", "soft", "accent", "well", "supported", "weak")
        for on in (*SURFACES, "bubble", "tint")
    ],
    ("mark-ink", "mark"),
    ("paper", "accent"),
    ("paper", "ink"),
]


def colours(selector: str) -> dict[str, str]:
    (block,) = re.findall(rf"^{re.escape(selector)} {{(.*?)^}}", CSS, re.DOTALL | re.MULTILINE)
    return dict(re.findall(r"--cw-([\w-]+): (#\w{6});", block))


def luminance(colour: str) -> float:
    """As WCAG 2.2 defines it."""
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    red, green, blue = (p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@pytest.mark.parametrize("scheme", [":root", ".dark"])
@pytest.mark.parametrize(("text", "on"), PAIRS)
def test_every_text_has_contrast(scheme, text, on):
    known = colours(scheme)
    light = sorted((luminance(known[text]), luminance(known[on])))
    assert (light[1] + 0.05) / (light[0] + 0.05) >= 4.5  # WCAG 2.2, 1.4.3


@pytest.mark.parametrize("scheme", [":root", ".dark"])
def test_the_edges_of_what_can_be_pressed_are_seen(scheme):
    known = colours(scheme)
    for on in SURFACES:
        light = sorted((luminance(known["edge"]), luminance(known[on])))
        assert (light[1] + 0.05) / (light[0] + 0.05) >= 3  # WCAG 2.2, 1.4.11


def test_style_and_script_fetch_nothing_and_run_no_text():
    for text in (CSS, SCRIPT):
        assert not re.search(r"url\(|@import|https?://|//[a-z]+\.", text)
    assert not re.search(
        r"eval|innerHTML|outerHTML|insertAdjacent|document\.write|Function\(|fetch\(", SCRIPT
    )
    assert "</script" not in SCRIPT
    assert '"use strict"' in SCRIPT


def test_the_style_says_nothing_that_gradio_drops():
    """It keeps rules, keyframes and media, and in media only what lies in its own container."""
    assert set(re.findall(r"^@(\w+)", CSS, re.MULTILINE)) == {"media", "keyframes"}
    inside = "".join(re.findall(r"^@media[^{]*{(.*?)^}", CSS, re.DOTALL | re.MULTILINE))
    assert not re.search(r"\bhtml\b|\bbody\b|gradio|:root|\.dark|\.main\b", inside)


def test_all_that_a_press_can_do_is_known_to_the_script():
    named = set(re.findall(r'data-here="(\w+)"', "".join([*HOSTILE_PARTS.values(), SHELF_HEAD])))
    (known,) = re.findall(r"const here = {(.*?)};", SCRIPT)
    assert named == {part.split(":")[0].strip() for part in known.split(",")}


def test_the_legend_of_the_chart_has_the_colour_of_each_source():
    seen = Seen(legend_html({"The Herald": "#D55E00", "A;color:red": "#0072B2"}))
    assert [text for _, text in seen.texts] == ["The Herald", "A;color:red"]
    styles = [value for name, value in seen.attributes if name == "style"]
    assert styles == ["--cw-shown:#D55E00", "--cw-shown:#0072B2"]
    assert legend_html({}) == ""
