import json
import re
from dataclasses import replace
from datetime import date

import numpy as np
import pytest

from rag.domain import Alternative, Answer, Article, Citation, Draft, Hit, Passage, Sentence, Stage
from rag.render import article_json, hits_to_json, level, marked, to_json, visible
from rag.terminal import hits_to_terminal, passage_to_terminal, step_to_terminal, to_terminal
from tests.test_page_html import HOSTILE

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
REOPENED = Citation(2, LATER, LATER.start, LATER.end)
PROVED = Sentence("A crack was found, and the bridge reopened.", "supported", (CITATION, REOPENED))
VERBATIM = Sentence("It reopened in May.", "verbatim", (REOPENED,))
REFUTED = Sentence("The mayor resigned.", "unsupported", why="no passage has “mayor”")
WRITTEN = Answer(
    "Why was it closed?",
    f"{PROVED.text} {VERBATIM.text}",
    (CITATION, REOPENED),
    0.7,
    ANSWERED.hits,
    mode="write",
    sentences=(PROVED, REFUTED, VERBATIM),
    route="Written: the question asks why",
)
ABSTAINED = Answer(
    "Who paid?", hits=(Hit(OTHER, 0.25), Hit(PASSAGE, 0.5)), reason="no passage answers the question"
)


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
        "route",
        "sentences",
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
        "copies": [],
    }
    passage = {"id": 7, "start": 0, "end": 75, "text": TEXT[:75]}
    assert shown["citations"] == [
        {"n": 1, "article": article, "passage": passage, "start": 33, "end": 75, "page": None, "quote": QUOTE}
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
    assert shown["reason"] is shown["note"] is shown["route"] is None
    assert shown["sentences"] == []
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
        "copies": [],
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


def test_json_of_a_written_answer_has_each_sentence_with_its_proof():
    shown = to_json(WRITTEN)
    assert (shown["mode"], shown["route"]) == ("write", "Written: the question asks why")
    assert shown["answer"] == f"{PROVED.text} {VERBATIM.text}"
    assert shown["sentences"] == [
        {"text": PROVED.text, "status": "supported", "citations": [1, 2], "why": None},
        {"text": REFUTED.text, "status": "unsupported", "citations": [], "why": REFUTED.why},
        {"text": VERBATIM.text, "status": "verbatim", "citations": [2], "why": None},
    ]


def test_marked_gives_what_is_proved_with_its_marks():
    assert marked(WRITTEN) == f"{PROVED.text} [1][2] {VERBATIM.text} [2]"
    assert marked(ANSWERED) == "a crack"
    assert marked(ABSTAINED) == ""
    assert marked(replace(ANSWERED, text="a\x1b crack")) == "a␛ crack"


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


def test_terminal_gives_a_written_answer_sentence_by_sentence_and_what_failed_below():
    assert to_terminal(WRITTEN, 80).split("\n")[:8] == [
        "✓ A crack was found, and the bridge reopened. [1][2]",
        "“It reopened in May.” [2]",
        "supported, 0.70",
        "Not supported: The mayor resigned.",
        "               no passage has “mayor”",
        "Written: the question asks why",
        "",
        f"[1] “{QUOTE}”",
    ]
    assert "Not supported: \x1b[9mThe mayor resigned.\x1b[0m\n" in to_terminal(WRITTEN, 80, True)


def test_terminal_strikes_what_was_written_of_an_answer_that_abstains():
    shown = to_terminal(replace(ABSTAINED, sentences=(REFUTED,)), 80)
    assert shown.startswith("The articles do not say.\nReason: no passage")
    assert "\nNot supported: The mayor resigned.\n" in shown


@pytest.mark.parametrize(
    ("step", "shown"),
    [
        (Stage("search", 1200), "Searching 1,200 articles…"),
        (Stage("read", 1), "Reading 1 passage…"),
        (Stage("write", 8), "Writing from 8 passages…"),
        (Draft((), " "), ""),
        (
            Draft((VERBATIM, REFUTED), "Its third"),
            "“It reopened in May.” [2]\nNot supported: The mayor resigned.\n"
            "               no passage has “mayor”\n… Its third",
        ),
    ],
)
def test_terminal_shows_the_steps_to_an_answer(step, shown):
    assert step_to_terminal(step, 80) == shown


def test_terminal_opens_a_quote_in_its_passage():
    assert passage_to_terminal(CITATION, 80).split("\n") == [
        "The bridge was closed on Monday. ⟦Engineers found a crack in its third pier.⟧",
        "",
        "Bridge closed · The Herald · 2021-03-09",
        "news/bridge.md 33:75",
    ]
    whole = Passage(9, BRIDGE, 0, len(TEXT))
    coloured = passage_to_terminal(replace(CITATION, passage=whole), 30, True)
    assert coloured.startswith(
        "The bridge was closed on\nMonday. \x1b[33m⟦Engineers found a\ncrack in its third pier.⟧\x1b[0m\n\nIt reopened"
    )


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
    citation = hostile().citations[0]
    false = Sentence(HOSTILE, "unsupported", why=HOSTILE)
    proved = Sentence(HOSTILE, "verbatim", (citation,))
    answers.append(replace(hostile(), mode="write", sentences=(proved, false), route=HOSTILE))
    for shown in [
        *(to_terminal(answer, 80) for answer in answers),
        hits_to_terminal(hostile().hits, 80),
        step_to_terminal(Draft((proved, false), HOSTILE)),
        passage_to_terminal(citation, 80),
    ]:
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
