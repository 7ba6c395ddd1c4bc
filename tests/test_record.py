"""An answer as it is kept: equal after JSON, and never with a quote that its passage does not have."""

import json
from dataclasses import replace
from datetime import date

import pytest

from page.record import Claim, Considered, Origin, Quote, Record, Slice, numbered, record_of, text_sha256
from page.record_json import from_json, to_json
from rag.domain import Alternative, Answer, Article, Citation, Hit, Passage, Sentence, Where

TEXT = "Rain fell. Anna Berg said so on Sunday. Nobody else did."
ARTICLE = Article("a/rain.md", "Rain", TEXT, "The Herald", date(2019, 4, 7), "https://example.org/r")
FIRST, REST = Passage(7, ARTICLE, 0, 10), Passage(8, ARTICLE, 11, len(TEXT))
OTHER = Passage(9, Article("b.txt", "", "It was dry."), 0, 11)
ANSWER = Answer(
    "Who said so?",
    "Anna Berg",
    (Citation(1, REST, 11, 39),),
    0.91236,
    (Hit(REST, 0.5, {"meaning": 2, "words": 1}), Hit(FIRST, 0.25, {"words": 4}), Hit(OTHER, 0.2)),
    (Alternative("dry", 0.1, (Citation(1, OTHER, 0, 11),)),),
    "quote",
    note="words/ is missing",
    searched_for="Who said that it rained?",
    where=Where(("The Herald",), ("a/rain.md",), date(2019, 1, 1), None),
    timings={"retrieve": 0.01, "read": 0.1234, "total": 0.1334},
)
SAID, RAIN = Citation(1, REST, 11, 39), Citation(2, FIRST, 0, 10)
WRITTEN = Answer(
    "Who said so?",
    "Anna Berg said that it rained. Rain fell.",
    (SAID, RAIN),
    0.8,
    ANSWER.hits,
    mode="write",
    sentences=(
        Sentence("Anna Berg said that it rained.", "supported", (SAID, RAIN)),
        Sentence("Paul Lind denied it.", "unsupported", why="no passage has the name Paul Lind"),
        Sentence("Rain fell.", "verbatim", (RAIN,)),
    ),
    route="written, since it asks why",
)


def test_a_record_holds_the_answer_its_quotes_and_what_was_considered():
    record = record_of(ANSWER, "2026-01-02T03:04:05+00:00")
    assert (record.text, record.mode, record.confidence, record.reason) == ("Anna Berg", "quote", 0.9124, "")
    (quote,) = record.quotes
    assert (quote.text, quote.start, quote.passage.start) == ("Anna Berg said so on Sunday.", 11, 11)
    assert quote.passage.article == Origin(
        "a/rain.md", "Rain", "The Herald", "2019-04-07", "https://example.org/r", text_sha256(TEXT)
    )
    assert [(c.passage.text, c.by_meaning, c.by_words) for c in record.considered] == [
        ("Rain fell.", None, 4),
        ("It was dry.", None, None),
    ]
    assert [quote.text for quote in record.all_quotes] == ["Anna Berg said so on Sunday.", "It was dry."]
    assert record.timings_ms == {"retrieve": 10.0, "read": 123.4, "total": 133.4}


@pytest.mark.parametrize(
    "answer", [ANSWER, WRITTEN, Answer("Why?", reason="None of the passages answers.", hits=ANSWER.hits)]
)
def test_a_record_comes_back_from_json_as_it_went(answer):
    record = record_of(answer, "2026-01-02T03:04:05+00:00", [("rain", 2), ("gold", 0)])
    assert from_json(json.loads(json.dumps(to_json(record)))) == record


def test_a_written_answer_is_its_sentences_each_with_its_quotes():
    record = record_of(WRITTEN, "")
    said, denied, fell = record.claims
    assert said.quotes == record.quotes
    assert (denied.status, denied.quotes, denied.why) == (
        "unsupported",
        (),
        "no passage has the name Paul Lind",
    )
    assert (fell.status, [quote.text for quote in fell.quotes]) == ("verbatim", ["Rain fell."])
    assert record.route == "written, since it asks why"
    assert numbered(record) == "Anna Berg said that it rained. [1] [2] “Rain fell.” [2]"


def test_a_record_of_before_answers_were_written_still_loads():
    kept = to_json(record_of(ANSWER, ""))
    assert from_json({k: v for k, v in kept.items() if k not in ("sentences", "route")}) == record_of(
        ANSWER, ""
    )


@pytest.mark.parametrize(("status", "n_quotes"), [("supported", 0), ("verbatim", 0), ("unsupported", 1)])
def test_a_sentence_without_its_proof_cannot_be(status, n_quotes):
    with pytest.raises(ValueError, match=status):
        Claim("Rain fell.", status, record_of(WRITTEN, "").quotes[:n_quotes])


def test_an_answer_that_was_quoted_since_nothing_was_proved_keeps_what_failed():
    record = record_of(replace(ANSWER, sentences=WRITTEN.sentences[1:2]), "")
    assert (record.proved, record.failed, numbered(record)) == ((), record.claims, "Anna Berg")
    assert from_json(json.loads(json.dumps(to_json(record)))) == record


def test_json_says_each_article_once_and_each_quote_in_words():
    kept = to_json(record_of(ANSWER, "2026-01-02T03:04:05+00:00"))
    assert [article["id"] for article in kept["articles"]] == ["a/rain.md", "b.txt"]
    assert kept["quotes"] == [
        {"n": 1, "passage": 8, "start": 11, "end": 39, "quote": "Anna Berg said so on Sunday."}
    ]


@pytest.mark.parametrize("start, end", [(10, 39), (11, 11), (20, 12), (11, len(TEXT) + 1)])
def test_a_quote_outside_its_passage_cannot_be(start, end):
    passage = record_of(ANSWER, "").quotes[0].passage
    with pytest.raises(ValueError, match="outside"):
        Quote(1, passage, start, end)


def broken(**changes):
    return {**to_json(record_of(ANSWER, "")), **changes}


@pytest.mark.parametrize(
    "kept",
    [
        {},
        broken(format=2),
        broken(passages=[]),
        broken(articles=[{"id": "a/rain.md"}]),
        broken(quotes=[{"n": 1, "passage": 8, "start": 0, "end": 39}]),
        broken(where={"sources": [], "articles": [], "since": "yesterday", "until": None}),
        broken(words=3),
        broken(sentences=[{"text": "a", "status": "supported", "quotes": [2], "why": ""}]),
        broken(sentences=[{"text": "a", "status": "supported", "quotes": [0], "why": ""}]),
        broken(sentences=[{"text": "a", "status": "supported", "quotes": [], "why": ""}]),
        broken(sentences=[{"text": "a", "status": "sure", "quotes": [1], "why": ""}]),
    ],
)
def test_what_is_no_record_is_said(kept):
    with pytest.raises(ValueError, match=r".+"):
        from_json(kept)


def test_the_sum_is_that_of_the_text_in_utf8():
    assert text_sha256("é") == "4a99557e4033c3539de2eb65472017cad5f9557f7a0625a09f1c3f6e2ba69c4c"
    changed = replace(ARTICLE, text=TEXT + " ")
    assert text_sha256(changed.text) != text_sha256(TEXT)


def test_an_empty_record_is_an_abstention():
    record = Record("Why?", "")
    assert record.mode == "abstain"
    assert record.all_quotes == ()
    assert Considered(Slice(1, Origin("a", "", "", "", "", ""), 4, "abc"), 1.0, None, None).passage.end == 7
