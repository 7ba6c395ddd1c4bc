import json
import re
from dataclasses import replace
from datetime import date
from html.parser import HTMLParser

import numpy as np
import pytest

from rag.domain import Alternative, Answer, Article, Citation, Hit, Passage
from rag.html import (
    answer_html,
    error_html,
    evidence_html,
    link,
    masthead_html,
    question_html,
    working_html,
)
from rag.render import (
    article_json,
    hits_to_json,
    hits_to_terminal,
    level,
    to_json,
    to_terminal,
    visible,
)

TEXT = "The bridge was closed on Monday. Engineers found a crack in its third pier.\n\nIt reopened in May."
BRIDGE = Article(
    "news/bridge.md", "Bridge closed", TEXT, "The Herald", date(2021, 3, 9), "https://example.org/b"
)
PLAIN = Article("plain.txt", "", "Nobody knows why the pier cracked.")
QUOTE = "Engineers found a crack in its third pier."
PASSAGE = Passage(7, BRIDGE, 0, TEXT.index("\n"))
CITATION = Citation(1, PASSAGE, TEXT.index(QUOTE), TEXT.index(QUOTE) + len(QUOTE))
LATER = Passage(9, BRIDGE, TEXT.index("It"), len(TEXT))
OTHER = Passage(8, PLAIN, 0, len(PLAIN.text))
ANSWERED = Answer(
    "What did engineers find?",
    "a crack",
    (CITATION,),
    0.91,
    (Hit(PASSAGE, 0.5), Hit(OTHER, 0.25), Hit(LATER, 0.125)),
    (Alternative("Nobody knows", 0.2, (Citation(1, OTHER, 0, 12),)),),
    "quote",
    searched_for="What did engineers find?",
    timings={"retrieve": 0.0123, "read": 0.2},
)
ABSTAINED = Answer(
    "Who paid?", hits=(Hit(OTHER, 0.25), Hit(PASSAGE, 0.5)), reason="no passage answers the question"
)
HOSTILE = (
    "<script>alert(1)</script><img src=x onerror=alert(1)> \"' onmouseover=alert(1) ![a](http://evil.test/a.png) "
    "\x1b[31mred\x1b]0;title\x07 \x9b2J \u202egnp.exe\u202c \u2066x \u200bzero\u2060width\ufeff \u05e2\u05d1 "
    "${alert(1)} {{constructor}} \x00 \ud800 </p></article></section> "
) + "w" * 50_000


def hostile() -> Answer:
    title = "T<b>" + "t" * 5000
    article = Article("<i>id</i>\x1b[0m", title, HOSTILE, "<u>src\u202e", None, "javascript:alert(1)")
    passage = Passage(1, article, 0, len(HOSTILE))
    citation = Citation(1, passage, 0, len(HOSTILE))
    other = Alternative(HOSTILE, 0.4, (citation,))
    return Answer(
        HOSTILE,
        HOSTILE,
        (citation,),
        0.6,
        (Hit(passage, 1.0), Hit(replace(passage, id=2), 0.5)),
        (other,),
        "quote",
        note=HOSTILE,
        searched_for=HOSTILE + "!",
    )


class Seen(HTMLParser):
    """What a browser would find: elements, attributes and the text inside each kind of element."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str]] = []
        self.open: list[str] = []
        self.texts: list[tuple[tuple[str, ...], str]] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.open.append(tag)
        self.attributes += [(name, value or "") for name, value in attributes]

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.append((tuple(self.open), data))

    def inside(self, tag: str) -> str:
        return "".join(text for parents, text in self.texts if tag in parents)

    @property
    def text(self) -> str:
        return "".join(text for _, text in self.texts)


def test_json_has_exactly_the_fields_of_the_contract():
    shown = to_json(ANSWERED)
    assert list(shown) == [
        "question",
        "searched_for",
        "answer",
        "answered",
        "confidence",
        "mode",
        "reason",
        "note",
        "citations",
        "alternatives",
        "hits",
        "timings_ms",
    ]
    article = {
        "id": "news/bridge.md",
        "title": "Bridge closed",
        "source": "The Herald",
        "date": "2021-03-09",
        "url": "https://example.org/b",
    }
    passage = {"id": 7, "start": 0, "end": 75, "text": TEXT[:75]}
    assert shown["citations"] == [
        {"n": 1, "article": article, "passage": passage, "start": 33, "end": 75, "quote": QUOTE}
    ]
    assert TEXT[33:75] == QUOTE
    assert shown["hits"][0] == {"article": article, "passage": passage, "score": 0.5}
    (alternative,) = shown["alternatives"]
    assert list(alternative) == ["answer", "confidence", "citations"]
    assert alternative["citations"][0]["quote"] == "Nobody knows"
    assert (shown["answer"], shown["answered"], shown["confidence"], shown["mode"]) == (
        "a crack",
        True,
        0.91,
        "quote",
    )
    assert shown["reason"] is shown["note"] is None
    assert shown["timings_ms"] == {"retrieve": 12.3, "read": 200.0}


def test_json_of_an_abstention_says_why_and_what_was_searched_for():
    shown = to_json(ABSTAINED)
    assert (shown["answered"], shown["mode"], shown["answer"]) == (False, "abstain", "")
    assert shown["reason"] == "no passage answers the question"
    assert shown["searched_for"] == "Who paid?"
    assert shown["citations"] == shown["alternatives"] == []


def test_json_has_null_for_what_an_article_does_not_tell():
    assert to_json(ABSTAINED)["hits"][0]["article"] == {
        "id": "plain.txt",
        "title": "",
        "source": None,
        "date": None,
        "url": None,
    }


def test_json_takes_the_numbers_of_numpy():
    answer = replace(
        ANSWERED,
        confidence=np.float32(0.5),
        hits=(Hit(PASSAGE, np.float32(2)),),
        timings={"read": np.float64(1)},
    )
    shown = json.loads(json.dumps(to_json(answer)))
    assert (shown["confidence"], shown["hits"][0]["score"], shown["timings_ms"]) == (0.5, 2.0, {"read": 1000})


def test_json_of_hits_and_of_an_article():
    assert hits_to_json("pier", ANSWERED.hits) == {"words": "pier", "hits": to_json(ANSWERED)["hits"]}
    assert article_json(BRIDGE) == {**to_json(ANSWERED)["citations"][0]["article"], "text": TEXT, "meta": {}}


@pytest.mark.parametrize(
    ("confidence", "words"),
    [
        (1.0, "well supported"),
        (0.8, "well supported"),
        (0.79, "supported"),
        (0.5, "supported"),
        (0.49, "weak"),
    ],
)
def test_confidence_in_words(confidence, words):
    assert level(confidence) == words


def test_terminal_gives_the_answer_first_then_each_quote_with_its_origin():
    assert to_terminal(ANSWERED, 80).split("\n")[:6] == [
        "a crack",
        "well supported, 0.91",
        "",
        f"[1] “{QUOTE}”",
        "    Bridge closed · The Herald · 2021-03-09",
        "    news/bridge.md 33:75",
    ]
    assert "Another answer: Nobody knows (weak, 0.20)" in to_terminal(ANSWERED, 80)


def test_terminal_says_that_the_articles_do_not_say():
    shown = to_terminal(ABSTAINED, 80)
    assert shown.startswith("The articles do not say.\nReason: no passage answers the question\n")
    assert "The nearest passages, not an answer:\n\n  - Nobody knows why the pier cracked." in shown
    assert "[1]" not in shown


def test_terminal_shows_the_three_nearest_passages():
    shown = to_terminal(replace(ABSTAINED, hits=ABSTAINED.hits * 2), 80)
    assert shown.count("  - ") == 3


def test_terminal_never_breaks_an_id_at_its_hyphens():
    article = replace(PLAIN, id="-".join(["part"] * 12))
    answer = replace(ABSTAINED, hits=(Hit(Passage(1, article, 0, 6), 1.0),))
    assert f"    {article.id}\n    0:6" in to_terminal(answer, 64)


def test_terminal_tells_of_another_search_and_of_what_happened_instead():
    shown = to_terminal(replace(ANSWERED, searched_for="engineers bridge", note="the index is old"), 80)
    assert "Searched for: engineers bridge\nNote: the index is old\n" in shown
    respaced = replace(ANSWERED, question="  What did\tengineers find? ")
    assert "Searched for" not in to_terminal(respaced, 80)


@pytest.mark.parametrize("width", [0, 1, 40, 200])
def test_terminal_keeps_to_the_width(width):
    shown = to_terminal(ANSWERED, width)
    assert max(map(len, shown.split("\n"))) <= max(width, 24)
    assert QUOTE.replace(" ", "") in re.sub(r"\s", "", shown)


def test_terminal_colours_only_when_told():
    assert "\x1b" not in to_terminal(ANSWERED, 80)
    coloured = to_terminal(ANSWERED, 80, True)
    assert coloured.startswith("\x1b[1ma crack\x1b[0m\n")
    assert re.sub(r"\x1b\[\d+m", "", coloured) == to_terminal(ANSWERED, 80)


def test_terminal_lists_hits_by_rank_with_score():
    assert hits_to_terminal(ANSWERED.hits[1:2], 80).split("\n") == [
        "1. Nobody knows why the pier cracked.",
        "   plain.txt 0:34 · score 0.25",
    ]
    assert hits_to_terminal((), 80) == "No passage was found."


def test_terminal_lets_no_control_character_of_an_article_through():
    answers = [hostile(), Answer(HOSTILE, reason=HOSTILE, hits=hostile().hits)]
    for shown in [*(to_terminal(answer, 80) for answer in answers), hits_to_terminal(hostile().hits, 80)]:
        assert not re.search(
            "[\x00-\x09\x0b-\x1f\x7f-\x9f\u200b\u202a-\u202e\u2060-\u206f\ufeff\ud800]", shown
        )
        assert "␛[31mred" in shown
    assert set(re.findall("\x1b[^m]*m?", to_terminal(hostile(), 80, True))) == {
        *("\x1b[1m", "\x1b[2m", "\x1b[33m", "\x1b[0m")
    }


def test_terminal_bounds_what_a_broken_article_can_fill():
    assert (
        len(to_terminal(replace(hostile(), text="x", note=None, searched_for="", alternatives=()), 80)) < 4000
    )


def test_visible_keeps_what_is_needed_to_read():
    kept = "naïve café\tline\nनि\u200dक 👩\u200d🚀 \u200fעברית\u200e"
    assert visible(kept) == kept
    assert visible("a\u200bb\u202ec\x1b\x85") == "abc␛\ufffd"


def test_html_gives_the_answer_first_with_its_confidence_and_quotes():
    seen = Seen(answer_html(ANSWERED))
    assert seen.text.startswith("a crackwell supported 0.91")
    assert seen.inside("blockquote") == QUOTE
    assert seen.inside("cite") == "Bridge closed"
    assert seen.inside("time") == "9 March 2021"
    assert ("datetime", "2021-03-09") in seen.attributes
    assert "The Herald" in seen.text
    assert "Nobody knows weak 0.20" in seen.text


def test_html_marks_exactly_the_quote_in_exactly_the_passage():
    seen = Seen(evidence_html(replace(ANSWERED, alternatives=(), hits=())))
    assert seen.inside("mark") == QUOTE
    shown = "".join(
        text for parents, text in seen.texts if parents[-2:] == ("article", "p") or "mark" in parents
    )
    assert shown.endswith(PASSAGE.text)
    assert "news/bridge.md · characters 33–75" in seen.text


def test_html_marks_by_offset_where_the_words_of_the_quote_occur_twice():
    article = Article("twice.txt", "Twice", "No. No. No.")
    passage = Passage(1, article, 0, 11)
    answer = Answer("?", "No", (Citation(1, passage, 4, 7),), 0.9, mode="quote")
    assert '<p class="cw-passage" dir="auto" tabindex="0">No. <mark>No.</mark> No.</p>' in evidence_html(
        answer
    )


def test_html_folds_the_other_passages_with_their_scores():
    html = evidence_html(replace(ANSWERED, alternatives=()))
    assert html.count("<details") == 1
    folded = Seen(html).inside("details")
    assert folded.startswith("Other passages considered (2)")
    assert "Nobody knows why the pier cracked." in folded
    assert "score 0.25" in folded
    assert QUOTE not in folded


def test_html_of_an_abstention_marks_every_passage_as_no_answer():
    seen = Seen(answer_html(ABSTAINED))
    assert seen.text.startswith("The articles do not say.No passage answers the question.")
    html = evidence_html(ABSTAINED)
    assert html.count(">not an answer<") == len(ABSTAINED.hits)
    assert "<mark>" not in html
    assert Seen(html).text.index("Nobody knows") < Seen(html).text.index("Engineers found")


def test_html_of_an_abstention_folds_what_is_further_than_the_three_nearest():
    folded = Seen(evidence_html(replace(ABSTAINED, hits=ABSTAINED.hits * 2))).inside("details")
    assert folded.startswith("Other passages considered (1)")


def test_html_shows_other_answers_with_their_quotes_folded():
    html = evidence_html(replace(ANSWERED, hits=()))
    folded = Seen(html).inside("details")
    assert folded.startswith("Other answers, with their quotes (1)Nobody knows weak 0.20")
    assert html.index("<details") < html.index("<mark>Nobody knows</mark> why the pier cracked.")


def test_html_of_an_abstention_without_hits_points_to_nothing():
    empty = Answer("Who?", reason="nothing was retrieved")
    assert "Evidence" not in answer_html(empty)
    assert "No passage came near" in evidence_html(empty)


def test_html_tells_of_another_search_and_of_what_happened_instead():
    shown = Seen(
        answer_html(replace(ANSWERED, searched_for="engineers bridge", note="the index is old"))
    ).text
    assert "Searched for: engineers bridge" in shown
    assert "The index is old." in shown
    assert "Searched for" not in answer_html(ANSWERED)


ALLOWED = set(
    "a article bdi blockquote cite details div footer h2 h3 header li mark ol p section span".split()
) | {*("summary", "time", "ul", "h1")}


@pytest.mark.parametrize(
    "html",
    [
        answer_html(hostile()),
        evidence_html(hostile()),
        answer_html(Answer(HOSTILE, reason=HOSTILE, hits=hostile().hits)),
        evidence_html(Answer(HOSTILE, reason=HOSTILE, hits=hostile().hits)),
        question_html(HOSTILE),
        error_html(HOSTILE, HOSTILE),
        working_html(HOSTILE),
        masthead_html([HOSTILE]),
    ],
)
def test_html_of_hostile_texts_holds_only_our_own_elements(html):
    seen = Seen(html)
    assert seen.open == []
    assert set(seen.tags) <= ALLOWED
    assert {name for name, _ in seen.attributes} <= {
        "class",
        "dir",
        "role",
        "tabindex",
        "aria-label",
        "datetime",
    }
    assert "<script>alert(1)</script>" in seen.text
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u200b\u202a-\u202e\u2060-\u206f\ufeff\ud800]", html)


def test_html_cuts_a_title_of_5000_characters_and_a_question_of_50000():
    assert len(Seen(evidence_html(hostile())).inside("cite")) < 1000
    assert len(Seen(question_html(HOSTILE)).text) <= 600


def test_html_of_an_empty_question_says_so():
    assert Seen(question_html(" \n")).text == "(an empty question)"


def test_an_error_shows_message_and_hint():
    assert Seen(error_html("too long", "Ask shorter.")).text == "too longAsk shorter."


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
