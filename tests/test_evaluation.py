"""An evaluation against worlds that can be worked out by eye, its figures against sums by hand, and one for real."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

import numpy as np
import pytest

import cli
import ingest
import rag
from rag.domain import EVERYWHERE, Answer, Article, Citation, Copy, Exchange, Hit, Passage, Where
from rag.errors import QuestionsFault, ReportFault
from rag.evaluation import as_json, curves, interval, scores, table
from rag.evaluation.questions import load as load_questions
from rag.evaluation.record import Evidence, Figure, Outcome, Question, Quote, Report
from rag.evaluation.run import Bench, evaluate
from rag.metrics import holds
from rag.pipeline import Pipeline
from tests.fakes import AsItIs, AtOnce, FixedRetriever

HOME = Path(__file__).parent.parent
RAIN = Article("news/rain.md", "Rain", "Rain fell in Paris. It was cold in Rome.")
SNOW = Article("news/snow.md", "Snow", "Snow fell in Oslo.")
PARIS, ROME, OSLO = Passage(1, RAIN, 0, 19), Passage(2, RAIN, 20, 40), Passage(3, SNOW, 0, 18)
WHOLE = Passage(4, RAIN, 0, 40)
IN_PARIS, IN_ROME = Evidence("rain.md", 13, 18), Evidence("rain.md", 35, 39)
THRESHOLD = 0.5


@dataclass
class Shelf:
    """An index that is a list of articles."""

    articles: Sequence[Article] = (RAIN, SNOW)
    note: str | None = None
    asked: list[str] = field(default_factory=list)

    @property
    def n_articles(self) -> int:
        return len(self.articles)

    def refresh(self) -> None:
        pass

    def article(self, id: str) -> Article:
        return next(article for article in self.articles if article.id == id)

    def close(self) -> None:
        pass


class LastWord(AtOnce):
    """Answers with the last word of the first hit, as sure as it is told to be."""

    name = "last-word"

    def __init__(self, confidence: float, threshold: float = 0.0) -> None:
        self.confidence, self.threshold = confidence, threshold
        self.read_hits: list[Hit] = []

    def read(self, question: str, hits: Sequence[Hit]) -> Answer:
        self.read_hits = list(hits)
        if not hits or self.confidence < self.threshold:
            return Answer(question, confidence=self.confidence, hits=tuple(hits), reason="It is unsure.")
        passage = hits[0].passage
        start = passage.start + passage.text.rindex(" ") + 1
        citation = Citation(1, passage, start, passage.end)
        text = citation.quote.strip(".")
        return Answer(question, text, (citation,), self.confidence, tuple(hits), mode="quote")


class Joined:
    """Makes a follow-up of all questions so far; "again" cannot be understood."""

    def rewrite(self, turns: Sequence[Exchange], question: str) -> str:
        return "?" if question == "again" else " ".join([*(turn.question for turn in turns), question])


def bench(
    *passages: Passage, confidence: float = 0.9, articles: Sequence[Article] = (RAIN, SNOW), **more: object
) -> Bench:
    """A bench whose retriever finds these passages, and whose part "words" finds them in the other order."""
    hits = [Hit(passage, 1.0 / n) for n, passage in enumerate(passages, start=1)]
    pipeline = Pipeline(
        Shelf(articles),  # type: ignore[arg-type]
        FixedRetriever(hits),
        LastWord(confidence, THRESHOLD),
        more.pop("rewriter", AsItIs()),  # type: ignore[arg-type]
        8,
    )
    stored = (PARIS, ROME, OSLO)
    made = Bench(
        pipeline,
        LastWord(confidence),
        LastWord(confidence),
        {"words": FixedRetriever(hits[::-1])},
        [article.id for article in articles],
        lambda id: [passage for passage in stored if passage.article.id == id],
        THRESHOLD,
        {"k": 8},
    )
    return replace(made, **more)  # type: ignore[arg-type]


def outcome_of(question: Question, on: Bench) -> Outcome:
    (outcome,) = evaluate([question], on).outcomes
    return outcome


def where(*answers: str, **more: object) -> Question:
    return Question("q", "Where did rain fall?", answers, **more)  # type: ignore[arg-type]


# ---- What becomes of a question


def test_an_outcome_tells_all_that_is_known_of_a_question() -> None:
    question = where("Paris", evidence=(IN_PARIS,))
    outcome = outcome_of(question, bench(OSLO, PARIS))
    assert (outcome.best, outcome.answered, outcome.confidence, outcome.mode) == ("Oslo", True, 0.9, "quote")
    assert outcome.quotes == (Quote("news/snow.md", "Snow", 13, 18, "Oslo."),)
    assert (outcome.article_rank, outcome.passage_rank) == (2, 2)
    assert outcome.ranks == {"words": 1, "fused": 2}
    assert (outcome.em, outcome.f1, outcome.cite_p, outcome.cite_r) == (0.0, 0.0, 0.0, 0.0)
    assert (outcome.em_given, outcome.f1_given) == (1.0, 1.0)
    assert set(outcome.seconds) == {"retrieve", "read", "total"}
    assert outcome.blame == "not read"
    assert outcome.question == question


@pytest.mark.parametrize(
    ("blame", "question", "found", "confidence"),
    [
        ("", where("Paris", evidence=(IN_PARIS,)), [PARIS], 0.9),
        ("not trusted", where("Paris", evidence=(IN_PARIS,)), [PARIS], 0.3),
        ("not indexed", where("Lima", articles=("lima.md",)), [PARIS], 0.9),
        ("not retrieved", where("Paris", evidence=(IN_PARIS,)), [OSLO], 0.9),
        ("not retrieved", where("Paris", evidence=(IN_PARIS,)), [ROME], 0.9),
        ("not read", where("Paris", evidence=(IN_PARIS,)), [ROME, PARIS], 0.9),
        ("misread", where("Paris", evidence=(IN_PARIS,)), [WHOLE], 0.9),
        ("misread", where("Paris", evidence=(IN_PARIS,)), [WHOLE], 0.3),
        ("answered anyway", where(answerable=False), [PARIS], 0.9),
        ("", where(answerable=False), [PARIS], 0.3),
        ("not retrieved", where("Lima", articles=("rain.md",)), [OSLO], 0.9),
        ("not read", where("Lima", articles=("rain.md",)), [OSLO, PARIS], 0.9),
        ("misread", where("Lima", articles=("rain.md",)), [PARIS, OSLO], 0.9),
        ("not retrieved", where("Lima"), [PARIS], 0.9),
        ("not read", where("Paris"), [OSLO, PARIS], 0.9),
        ("misread", where("Rain"), [PARIS], 0.9),
        ("", where(articles=("rain.md",)), [PARIS], 0.9),
        ("not trusted", where(articles=("rain.md",)), [PARIS], 0.3),
        ("not read", where(articles=("rain.md",)), [OSLO, PARIS], 0.9),
        ("", where(), [PARIS], 0.9),
    ],
)
def test_the_blame_falls_on_the_first_stage_that_failed(
    blame: str, question: Question, found: list[Passage], confidence: float
) -> None:
    assert outcome_of(question, bench(*found, confidence=confidence)).blame == blame


def test_an_abstention_is_an_empty_answer_and_says_what_it_would_have_been() -> None:
    silent = bench(PARIS, confidence=0.3)
    outcome = outcome_of(where("Paris", evidence=(IN_PARIS,)), silent)
    assert (outcome.answered, outcome.mode, outcome.best, outcome.confidence) == (
        False,
        "abstain",
        "Paris",
        0.3,
    )
    assert (outcome.em, outcome.f1, outcome.em_given) == (0.0, 0.0, 1.0)
    assert (outcome.cite_p, outcome.cite_r) == (None, None)
    right = outcome_of(where(answerable=False), silent)
    assert (right.em, right.f1, right.em_given, right.article_rank) == (1.0, 1.0, None, None)
    wrong = outcome_of(where(answerable=False), bench(PARIS))
    assert (wrong.em, wrong.f1, wrong.cite_p, wrong.cite_r) == (0.0, 0.0, 0.0, 0.0)


def test_what_the_pipeline_answers_counts_although_another_reader_would_doubt_it() -> None:
    outcome = outcome_of(where("Paris"), bench(PARIS, unsilenced=LastWord(0.1)))
    assert (outcome.answered, outcome.confidence) == (True, 0.9)


def test_what_is_not_known_is_none() -> None:
    outcome = outcome_of(where(), bench(PARIS))
    assert outcome.em is outcome.f1 is outcome.em_given is outcome.cite_p is outcome.passage_rank is None
    assert outcome.ranks == {}
    by_article = outcome_of(where("Paris", articles=("rain.md",)), bench(OSLO, PARIS, ROME))
    assert (by_article.article_rank, by_article.passage_rank, by_article.em_given) == (2, None, None)


def test_nothing_retrieved_is_an_abstention_without_confidence() -> None:
    outcome = outcome_of(where("Paris", evidence=(IN_PARIS,)), bench(confidence=0.0))
    assert (outcome.best, outcome.answered, outcome.confidence, outcome.quotes) == ("", False, 0.0, ())
    assert outcome.blame == "not retrieved"


def test_articles_rank_each_where_its_first_passage_stands() -> None:
    question = where("Oslo", evidence=(Evidence("snow.md", 13, 17),))
    outcome = outcome_of(question, bench(PARIS, ROME, OSLO))
    assert (outcome.article_rank, outcome.passage_rank) == (2, 3)


def test_all_passages_with_evidence_are_given_and_no_other() -> None:
    quoting = LastWord(0.9)
    question = where("Rome", evidence=(IN_ROME, IN_PARIS))
    outcome = outcome_of(question, bench(OSLO, quoting=quoting))
    assert [hit.passage for hit in quoting.read_hits] == [PARIS, ROME]
    assert outcome.em_given == 0.0


def test_a_copy_of_the_gold_article_is_gold() -> None:
    text = "By our staff. Rain fell in Paris."
    copy = Article("b.md", "Copy", text, copies=(Copy("news/rain.md", "Rain", "", ""),))
    passage = Passage(9, copy, 0, len(text))
    outcome = outcome_of(where("Paris", evidence=(IN_PARIS,)), bench(passage))
    assert (outcome.article_rank, outcome.passage_rank, outcome.cite_p, outcome.blame) == (1, 1, 1.0, "")
    other = replace(copy, copies=())
    outcome = outcome_of(where("Paris", evidence=(IN_PARIS,)), bench(Passage(9, other, 0, len(text))))
    assert (outcome.article_rank, outcome.passage_rank) == (None, None)


def test_history_comes_before_the_question() -> None:
    question = replace(where("Paris"), history=(Exchange("What rained?", "Water."),))
    retriever = Recording([Hit(PARIS, 1.0)])
    on = bench(PARIS, rewriter=Joined())
    on.pipeline.retriever = retriever
    outcome_of(question, on)
    assert set(retriever.asked) == {"What rained? Where did rain fall?"}


class Recording(FixedRetriever):
    def __init__(self, hits: Sequence[Hit]) -> None:
        super().__init__(hits)
        self.asked: list[str] = []

    def retrieve(self, question: str, k: int, where: Where = EVERYWHERE) -> list[Hit]:
        self.asked.append(question)
        return super().retrieve(question, k, where)


def test_a_follow_up_that_nothing_explains_is_not_answered() -> None:
    question = Question("q", "again", ("Paris",), ("rain.md",), history=(Exchange("Why?"),))
    outcome = outcome_of(question, bench(PARIS, rewriter=Joined()))
    assert (outcome.answered, outcome.best, outcome.em, outcome.article_rank) == (False, "", 0.0, None)
    assert outcome.blame == "not retrieved"


def test_each_question_is_told_as_it_is_done() -> None:
    told: list[Outcome] = []
    report = evaluate([where("Paris"), replace(where("Oslo"), id="r")], bench(PARIS), told.append)
    assert tuple(told) == report.outcomes
    assert [outcome.question.id for outcome in told] == ["q", "r"]
    assert (report.n, report.threshold, report.settings) == (2, THRESHOLD, {"k": 8})


@pytest.mark.parametrize("name", ["news/rain.md", "rain.md"])
def test_an_article_is_named_by_its_id_or_by_the_end_of_it(name: str) -> None:
    assert outcome_of(where("Paris", articles=(name,)), bench(PARIS)).article_rank == 1


def test_the_end_of_a_name_begins_at_a_mark() -> None:
    assert outcome_of(where("Paris", articles=("ain.md",)), bench(PARIS)).article_rank is None
    part = replace(RAIN, id="news.jsonl#7")
    found = bench(Passage(1, part, 0, 19), articles=(part,))
    assert outcome_of(where("Paris", articles=("7",)), found).article_rank == 1


@pytest.mark.parametrize(
    ("questions", "said"),
    [
        ([], "there are no questions"),
        ([Question("q", "???")], "question q: the question '???' has no word"),
        ([Question("q", "x" * 3000)], "question q: the question has 3,000 characters"),
        ([where(evidence=(Evidence("rain.md", 30, 41),))], "ends at 41, and rain.md has 40 characters"),
        ([where(articles=("twin.md",))], "2 articles are called 'twin.md': a/twin.md, b/twin.md"),
    ],
)
def test_what_cannot_be_asked_is_refused_before_anything_is(questions: list[Question], said: str) -> None:
    twins = [replace(SNOW, id="a/twin.md"), replace(SNOW, id="b/twin.md")]
    told: list[Outcome] = []
    with pytest.raises(QuestionsFault) as raised:
        evaluate(
            [*([where()] if questions else []), *questions],
            bench(PARIS, articles=(RAIN, *twins)),
            told.append,
        )
    assert said in raised.value.message
    assert raised.value.hint
    assert told == []


def test_a_name_that_is_an_id_is_that_article_although_others_end_so() -> None:
    other = replace(RAIN, id="old/news/rain.md")
    outcome = outcome_of(where("Paris", articles=("news/rain.md",)), bench(PARIS, articles=(RAIN, other)))
    assert outcome.article_rank == 1


@pytest.mark.parametrize(
    ("text", "golds", "expected"),
    [
        ("It rained in Paris, France.", ["paris"], True),
        ("It rained in Parish.", ["Paris"], False),
        ("The end", ["the"], False),
        ("", [], False),
    ],
)
def test_a_text_holds_an_answer_in_whole_words(text: str, golds: list[str], expected: bool) -> None:
    assert holds(text, golds) is expected


# ---- Figures against sums by hand


def made(
    confidence: float = 0.9,
    best: str = "yes",
    answers: Sequence[str] = ("yes",),
    answered: bool = True,
    **more: object,
) -> Outcome:
    asked = {name: more.pop(name) for name in ("question", "articles", "evidence", "kind") if name in more}
    about = {"question": "Who?", "articles": ("a",), **asked}
    question = Question("q", answers=tuple(answers), answerable=bool(answers), **about)  # type: ignore[arg-type]
    facts: dict[str, object] = {
        **dict.fromkeys(("article_rank", "passage_rank", "em", "f1", "em_given", "f1_given")),
        **{"cite_p": None, "cite_r": None, "quotes": (), "ranks": {}, "seconds": {}, "blame": ""},
    }
    return Outcome(question, best, answered, confidence, "quote", **(facts | more))  # type: ignore[arg-type]


def value(outcomes: Iterable[Outcome], name: str) -> float:
    return scores.figures(list(outcomes))[name].value


def test_ranks_become_hits_and_reciprocals() -> None:
    ranks = [1, 3, 11, None]
    outcomes = [made(article_rank=rank, passage_rank=rank, evidence=(IN_PARIS,)) for rank in ranks]
    found = scores.figures([*outcomes, made(answers=())])
    for suffix in ("", "_passage"):
        assert [found[f"hit@{k}{suffix}"].value for k in (1, 5, 10)] == [0.25, 0.5, 0.5]
        assert found[f"mrr@10{suffix}"].value == pytest.approx((1 + 1 / 3) / 4)
        assert found[f"hit@1{suffix}"].n == 4


def test_abstention_has_precision_and_recall() -> None:
    outcomes = [
        made(answered=False),
        made(answers=(), answered=False),
        made(answers=(), answered=False),
        made(answers=()),
        made(),
    ]
    found = scores.figures(outcomes)
    assert (found["abstain_precision"].value, found["abstain_precision"].n) == (pytest.approx(2 / 3), 3)
    assert (found["abstain_recall"].value, found["abstain_recall"].n) == (pytest.approx(2 / 3), 3)


def test_auroc_is_how_often_an_answerable_question_is_surer() -> None:
    outcomes = [made(0.9), made(0.4), made(0.4, answers=()), made(0.1, answers=())]
    assert value(outcomes, "auroc") == (1 + 1 + 0.5 + 1) / 4


def test_aurc_is_the_mean_risk_of_all_thresholds() -> None:
    outcomes = [made(0.9), made(0.8, "no"), made(0.7), made(0.6, answers=())]
    assert value(outcomes, "aurc") == pytest.approx((0 + 1 / 2 + 1 / 3 + 2 / 4) / 4)
    tied = [made(0.9), made(0.5, "no"), made(0.5)]
    assert value(tied, "aurc") == value(tied[::-1], "aurc") == pytest.approx((0 + 1 / 3 + 1 / 3) / 3)


def test_coverage_is_the_most_that_can_be_answered_with_few_errors() -> None:
    outcomes = [made(1 - n / 100, "no" if n == 19 else "yes") for n in range(20)]
    assert value(outcomes, "coverage@95") == 1.0
    worse = [made(1 - n / 100, "no" if n in (10, 19) else "yes") for n in range(20)]
    assert value(worse, "coverage@95") == 0.5
    tied = [made(0.9), made(0.5), made(0.5, "no")]
    assert value(tied, "coverage@95") == pytest.approx(1 / 3)
    assert value([made(0.9, "no"), made(0.5)], "coverage@95") == 0.0


def test_ece_weighs_the_gap_of_each_bin_of_answers() -> None:
    outcomes = [made(0.95), made(0.91, "no"), made(0.45), made(0.05, answered=False), made(1.0)]
    gaps = abs(0.95 + 0.91 + 1.0 - 2) + abs(0.45 - 1)
    assert value(outcomes, "ece") == pytest.approx(gaps / 4)
    assert scores.figures(outcomes)["ece"].n == 4


def test_citations_count_one_by_one_for_precision_and_by_answer_for_recall() -> None:
    quote = Quote("a", "A", 0, 1, "x")
    outcomes = [
        made(quotes=(quote,) * 3, cite_p=1 / 3, cite_r=1.0),
        made(quotes=(quote,), cite_p=0.0, cite_r=0.0),
        made(),
    ]
    found = scores.figures(outcomes)
    assert (found["cite_p"].value, found["cite_p"].n) == (0.25, 2)
    assert (found["cite_r"].value, found["cite_r"].n) == (0.5, 2)


def test_latency_is_the_nearest_rank_by_stage() -> None:
    outcomes = [made(seconds={"retrieve": n / 1000, "total": n / 100}) for n in range(1, 101)]
    found = scores.figures(outcomes)
    assert (found["latency_ms_p50"].value, found["latency_ms_p95"].value) == (500, 950)
    assert (found["latency_ms_p50_retrieve"].value, found["latency_ms_p95_retrieve"].value) == (50, 95)


def test_what_cannot_be_told_is_left_out() -> None:
    found = scores.figures([made(em=1.0)])
    assert "em" in found
    assert not {"abstain_precision", "abstain_recall", "auroc", "em_given", "cite_p", "latency_ms_p50"} & set(
        found
    )
    assert scores.figures([]) == {}


def test_a_kind_and_a_first_word_have_figures_of_their_own() -> None:
    outcomes = [made(em=1.0, f1=1.0, question="Who?", kind="person") for _ in range(5)]
    outcomes += [made(em=0.0, f1=0.0, question="“Wo war er?", kind="") for _ in range(4)]
    found = scores.by_kind(outcomes)
    assert list(found) == ["person", "who …", scores.OTHERS]
    assert [figures["em"].value for figures in found.values()] == [1.0, 1.0, 0.0]
    assert "latency_ms_p50" not in found["person"]


# ---- Intervals


def test_the_interval_of_any_statistic_is_that_of_its_resamples() -> None:
    values = np.random.default_rng(1).random(50)
    draws = np.random.default_rng(interval.SEED)
    medians = [np.sort(draws.choice(values, 50))[24] for _ in range(interval.N_RESAMPLES)]
    (found,) = interval.figures([curves.quantile(values, 0.5)], 50)
    assert found is not None
    assert (found.low, found.high) == pytest.approx(tuple(np.percentile(medians, [2.5, 97.5])))
    assert found.value == np.sort(values)[24]


def test_resamples_are_the_same_in_blocks_of_any_size(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = np.concatenate(list(interval.resamples(7)))
    monkeypatch.setattr(interval, "_BLOCK", 50)
    assert len(list(interval.resamples(7))) > 1
    assert np.array_equal(np.concatenate(list(interval.resamples(7))), whole)
    assert whole.shape == (1000, 7) and set(whole.sum(axis=1)) == {7}


def test_statistics_of_all_questions_are_the_figures() -> None:
    outcomes = [made(0.9, em=1.0), made(0.4, "no", em=0.0, answered=False), made(0.2, answers=(), em=0.0)]
    figures, statistics = scores.figures(outcomes), scores.statistics(outcomes)
    for name, found in figures.items():
        assert float(statistics[name](np.ones((1, 3)))[0]) == found.value
    nobody = statistics["ece"](np.array([[0.0, 1.0, 0.0]]))
    assert math.isnan(nobody[0])


def test_two_thousand_questions_take_seconds() -> None:
    draws = np.random.default_rng(2)
    outcomes = [
        made(float(draws.random()), draws.choice(["yes", "no"]), ("yes",) if n % 3 else (), em=1.0, f1=1.0)
        for n in range(2000)
    ]
    started = time.process_time()
    scores.figures(outcomes)
    assert time.process_time() - started < 5


# ---- As JSON and as a table

REPORT = Report(
    1,
    0.35,
    {"hit@1": Figure(1.0, 0.5, 1.0, 2), "latency_ms_p50": Figure(123.4, 100.0, 150.0, 2)},
    {"who …": {"em": Figure(0.5, 0.0, 1.0, 2)}},
    (
        made(
            quotes=(Quote("a", "A", 0, 1, "x"),),
            evidence=(IN_PARIS,),
            ranks={"fused": 1, "words": None},
            seconds={"total": 0.5},
            article_rank=1,
            em=1.0,
            blame="not trusted",
        ),
    ),
    {"k": 8, "index": "index"},
)


def test_a_report_is_one_object_with_the_figures_as_numbers_and_a_row_a_question() -> None:
    found = as_json.to_json(REPORT)
    assert (found["n"], found["hit@1"], found["intervals"]["hit@1"]) == (1, 1.0, [0.5, 1.0])
    assert found["by_kind"]["who …"]["em"] == 0.5
    (row,) = found["rows"]
    assert (row["id"], row["question"], row["answers"], row["blame"]) == (
        "q",
        "Who?",
        ("yes",),
        "not trusted",
    )
    assert row["evidence"][0] == {"article": "rain.md", "start": 13, "end": 18}


def test_a_report_comes_back_from_its_json(tmp_path: Path) -> None:
    (tmp_path / "r.json").write_text(json.dumps(as_json.to_json(REPORT)))
    assert as_json.load(tmp_path / "r.json") == REPORT


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"evaluation": None}, "is no evaluation"),
        ({"evaluation": 2}, "newer Citewise"),
        ({"n": "x"}, "n is a text ('x'), expected a whole number"),
        ({"rows": [{}]}, "rows[0] has no"),
        ({"intervals": {"hit@1": [1]}}, "intervals.hit@1 has 1 ends"),
        ({"intervals": {"em": [0, 1]}}, "has no em"),
        ({"hit@1": True}, "hit@1 is true or false, expected a number"),
    ],
)
def test_a_file_that_is_no_report_is_refused(tmp_path: Path, change: dict[str, object], said: str) -> None:
    path = tmp_path / "r.json"
    path.write_text(json.dumps(as_json.to_json(REPORT) | change))
    with pytest.raises(ReportFault) as raised:
        as_json.load(path)
    assert "r.json" in raised.value.message and said in raised.value.message


def test_a_row_with_an_unknown_blame_is_refused(tmp_path: Path) -> None:
    facts = as_json.to_json(REPORT)
    facts["rows"][0]["blame"] = "the weather"
    (tmp_path / "r.json").write_text(json.dumps(facts))
    with pytest.raises(ReportFault, match=r"rows\[0\].blame is 'the weather'"):
        as_json.load(tmp_path / "r.json")


def test_the_table_has_figures_then_kinds_then_what_failed() -> None:
    lines = table.lines(replace(REPORT, settings={"articles": 1}))
    assert lines[0] == "1 question of 1 article, threshold 0.35"
    assert lines[3].split()[:6] == ["hit@1", "1.000", "0.500", "to", "1.000", "2"]
    assert "123" in lines[4] and "123.4" not in lines[4]
    assert any(line.startswith("who …") and "0.500" in line for line in lines)
    assert lines[-1].split()[:3] == ["not", "trusted", "1"]


def test_what_nobody_knows_is_not_told_as_right() -> None:
    unknown = replace(made(), question=Question("q", "Who?"))
    outcomes = (made(), made(), unknown)
    assert [line.split()[:2] for line in table.lines(replace(REPORT, outcomes=outcomes))[-2:]] == [
        ["right", "2"],
        ["not", "known"],
    ]


def test_it_is_said_when_the_index_lacks_the_articles() -> None:
    missing = made(blame="not indexed", ranks={"fused": None})
    assert "1 of 1 questions" in table.remarks(replace(REPORT, outcomes=(missing,)))[0]
    assert table.remarks(REPORT) == []


# ---- For real, with the shipped weights


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("evaluation") / "index"
    ingest.index(HOME / "corpus" / "articles", folder)
    return folder


@pytest.fixture(scope="module")
def some(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four of the shipped questions with an answer, and three without; more would take long."""
    lines = (HOME / "corpus" / "questions.jsonl").read_text(encoding="utf-8").splitlines()
    by_answer = {
        there: [line for line in lines if json.loads(line)["answerable"] is there] for there in (True, False)
    }
    chosen = [
        line
        for there, n in ((True, 4), (False, 3))
        for line in by_answer[there][:: len(by_answer[there]) // n][:n]
    ]
    path = tmp_path_factory.mktemp("questions") / "some.jsonl"
    path.write_text("\n".join(chosen), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def report(index: Path, some: Path) -> Report:
    return rag.evaluate(some, index)


def test_the_shipped_collection_is_answered_and_every_article_is_known(report: Report) -> None:
    assert report.n == len(report.outcomes) == 7
    assert {"hit@1", "hit@5", "hit@10", "mrr@10", "em", "f1", "em_given", "f1_given"} <= set(report.figures)
    assert {"abstain_precision", "abstain_recall", "auroc", "aurc", "coverage@95", "ece"} <= set(
        report.figures
    )
    assert {"cite_p", "cite_r", "latency_ms_p50", "latency_ms_p95"} <= set(report.figures)
    assert report.figures["hit@10"].value >= 0.8
    assert report.figures["f1_given"].value >= 0.4
    assert "not indexed" not in {outcome.blame for outcome in report.outcomes}
    assert {tuple(outcome.ranks) for outcome in report.outcomes} == {(), ("meaning", "words", "fused")}
    n_articles = len(list((HOME / "corpus" / "articles").iterdir()))
    assert (report.settings["articles"], report.settings["k"]) == (n_articles, 8)


def test_it_decides_as_asking_with_the_threshold_does(index: Path, report: Report) -> None:
    with rag.open(index) as qa:
        for outcome in report.outcomes:
            answer = qa.ask(outcome.question.question)
            assert outcome.answered == bool(answer.text) == (outcome.confidence >= report.threshold)
            assert not answer.text or (outcome.best, outcome.confidence) == (answer.text, answer.confidence)


def test_what_was_silenced_is_what_would_be_said_without_a_threshold(index: Path, report: Report) -> None:
    both_agree = rag.evaluate([Question("q", "How much did the Channel Tunnel cost?")], index).outcomes
    silent = [outcome for outcome in (*both_agree, *report.outcomes) if not outcome.answered][:3]
    assert len(silent) == 3
    with rag.open(index, precision=0.0) as qa:
        for outcome in silent:
            answer = qa.ask(outcome.question.question)
            assert (outcome.best, outcome.confidence) == (answer.text, answer.confidence)


def test_the_command_prints_one_object(
    index: Path, some: Path, report: Report, capsys: pytest.CaptureFixture[str]
) -> None:
    two = some.with_name("two.jsonl")
    two.write_text("\n".join(some.read_text(encoding="utf-8").splitlines()[:2]), encoding="utf-8")
    assert cli.main(["eval", str(two), "--index", str(index), "--json", "-k", "4"]) == 0
    printed = capsys.readouterr()
    found = json.loads(printed.out)
    assert (found["n"], found["settings"]["k"], len(found["rows"])) == (2, 4, 2)
    assert "2/2 questions" in printed.err
    assert found["rows"][0]["quotes"] == [asdict(quote) for quote in report.outcomes[0].quotes]


def test_the_contexts_of_squad_are_indexed_for_the_time(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    text = "The lighthouse of Arvik was built by Karin Holm in 1871."
    start = text.index("Karin")
    asked = {"id": "a", "question": "Who built the lighthouse of Arvik?", "is_impossible": False}
    answered = asked | {"answers": [{"text": "Karin Holm", "answer_start": start}]}
    data = {"data": [{"title": "Arvik", "paragraphs": [{"context": text, "qas": [answered]}]}]}
    (tmp_path / "squad.json").write_text(json.dumps(data))
    assert cli.main(["eval", "squad.json", "--contexts"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert any(line.split()[:2] == ["hit@1", "1.000"] for line in lines)
    assert any(line.split()[:2] == ["em_given", "1.000"] for line in lines)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["squad.json"]
    assert cli.main(["eval", "squad.json", "--contexts", "--index", "x"]) == 2


def test_a_file_that_is_no_good_is_two_lines(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "q.jsonl").write_text('{"question": ""}')
    assert cli.main(["eval", str(tmp_path / "q.jsonl")]) == 1
    assert capsys.readouterr().err.count("\n") == 2


def test_a_report_is_compared_with_another(
    tmp_path: Path, report: Report, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("a.json", "b.json"):
        (tmp_path / name).write_text(json.dumps(as_json.to_json(report)))
    assert cli.main(["eval", "--compare", str(tmp_path / "a.json"), str(tmp_path / "b.json")]) == 0
    out = capsys.readouterr().out
    assert out.startswith("7 questions in both")
    assert "newly" not in out
    assert cli.main(["eval", "--compare", str(tmp_path / "a.json"), str(tmp_path / "no.json")]) == 1


def test_drafts_are_questions_that_can_be_asked(
    index: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["eval", "--make", "5", "--index", str(index)]) == 0
    printed = capsys.readouterr()
    (tmp_path / "drafts.jsonl").write_text(printed.out)
    assert len(load_questions(tmp_path / "drafts.jsonl")) == 5
    assert "5 drafts" in printed.err


def test_what_is_saved_is_asked_again_and_worse_makes_the_exit_code_1(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    here = str(tmp_path / "index")
    (tmp_path / "a.txt").write_text("The lighthouse of Arvik was built by Karin Holm in 1871.")
    (tmp_path / "b.txt").write_text("The harbour of Vardal has room for forty boats.")
    asked = {"question": "Who built the lighthouse of Arvik?", "answers": ["Karin Holm"]}
    (tmp_path / "q.jsonl").write_text(json.dumps(asked))
    paths = [str(tmp_path / name) for name in ("a.txt", "b.txt")]
    ingest.index(paths, here)
    assert cli.main(["eval", "--saved", "--index", here]) == 1
    assert "there are none" in capsys.readouterr().err
    page = tmp_path / "r.html"
    assert cli.main(["eval", str(tmp_path / "q.jsonl"), "--index", here, "--save", "--html", str(page)]) == 0
    assert "1 questions are saved" in capsys.readouterr().err
    assert "Who built the lighthouse" in page.read_text(encoding="utf-8")
    assert cli.main(["eval", "--saved", "--index", here]) == 0
    (tmp_path / "a.txt").write_text("The lighthouse of Arvik stands on a rock, and nobody knows who made it.")
    ingest.index(paths, here)
    capsys.readouterr()
    assert cli.main(["eval", "--saved", "--index", here, "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["worse"] is True


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--saved", "--html", "x.html"], "--html is for a file of questions"),
        (["--make", "3", "--contexts"], "--contexts is for a file of questions"),
        (["q.jsonl", "--contexts", "--save"], "--contexts makes an index for this time"),
        (["q.jsonl", "--html", "nowhere/x.html"], "there is no folder for nowhere/x.html"),
    ],
)
def test_what_does_not_go_together_is_refused(
    arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["eval", *arguments]) == 2
    assert said in capsys.readouterr().err


def test_one_thing_is_done_at_a_time(capsys: pytest.CaptureFixture[str]) -> None:
    for arguments in ([], ["q.jsonl", "--saved"]):
        with pytest.raises(SystemExit):
            cli.main(["eval", *arguments])
    capsys.readouterr()
