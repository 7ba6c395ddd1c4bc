"""Two evaluations compared: the same questions are paired, chance is told from change, and what changed is listed."""

from __future__ import annotations

import json

import pytest

from rag.domain import Exchange
from rag.errors import EvaluationFault
from rag.evaluation.compare import Comparison, compared, lines, to_json
from rag.evaluation.record import Outcome
from tests.evaluated import outcome, question, quote, report


def judged(wrong: int, n: int = 40) -> list[Outcome]:
    """n outcomes, of which the first ``wrong`` are not right."""
    return [outcome(question(i), "Oslo" if i < wrong else "Ida Moll") for i in range(n)]


def both(before: list[Outcome], after: list[Outcome]) -> Comparison:
    return compared(report(before), report(after))


def of(comparison: Comparison, name: str) -> tuple[float, float, float, float]:
    (found,) = [difference for difference in comparison.differences if difference.name == name]
    return found.change, found.low, found.high, found.other_side


def test_a_change_in_most_questions_is_real_and_in_one_may_be_chance() -> None:
    much, little = both(judged(20), judged(0)), both(judged(20), judged(19))
    change, low, high, away = of(much, "f1")
    assert change == pytest.approx(0.5)
    assert 0.3 < low < 0.5 < high < 0.7
    assert away == 0.0
    assert {d.name: d.verdict for d in much.differences}["f1"] == "better"
    change, low, _, away = of(little, "f1")
    assert change == pytest.approx(1 / 40)
    assert low == 0.0
    assert 0.25 < away < 0.5  # (39/40)^40 of the resamples miss the one question that changed
    assert {d.name: d.verdict for d in little.differences}["f1"] == "may be chance"


def test_the_bootstrap_is_paired() -> None:
    """Half of the questions are hard for both: unpaired, the difference of ten in a hundred would drown."""
    before, after = judged(50, 100), judged(40, 100)
    _, low, high, away = of(both(before, after), "f1")
    assert 0.03 < low < 0.1 < high < 0.17
    assert away == 0.0


def test_a_worse_figure_is_told_as_worse_also_where_less_is_better() -> None:
    slow = [outcome(question(i), seconds={"total": 0.5 + i / 100}) for i in range(20)]
    fast = [outcome(question(i), seconds={"total": 0.1 + i / 100}) for i in range(20)]
    assert {d.name: d.verdict for d in both(fast, slow).differences}["latency_ms_p50"] == "worse"
    assert {d.name: d.verdict for d in both(slow, fast).differences}["latency_ms_p50"] == "better"
    assert {d.name: d.verdict for d in both(judged(0), judged(30)).differences}["f1"] == "worse"


def test_nothing_changed_is_no_difference() -> None:
    same = both(judged(5), judged(5))
    assert same.changes == ()
    assert of(same, "f1") == (0.0, 0.0, 0.0, 1.0)
    assert {d.verdict for d in same.differences} == {"may be chance"}


def test_the_same_two_give_the_same_figures() -> None:
    assert both(judged(20), judged(15)) == both(judged(20), judged(15))


def test_questions_are_paired_by_what_they_ask_not_by_their_ids_or_order() -> None:
    before = [outcome(question(1, "Who opened it?")), outcome(question(2, "Who closed it?"), "Oslo")]
    after = [outcome(question(1, "Who closed it?"), "Oslo"), outcome(question(2, "Who opened it?"))]
    assert both(before, after).changes == ()
    assert both(before, after).n == 2


def test_the_same_words_after_another_conversation_are_another_question() -> None:
    first = question(1, "And then?", history=(Exchange("Who opened it?", "Ida Moll"),))
    other = question(1, "And then?", history=(Exchange("Who closed it?", ""),))
    with pytest.raises(EvaluationFault, match="none in common"):
        both([outcome(first)], [outcome(other)])


def test_a_question_that_comes_twice_is_paired_twice() -> None:
    twice = [outcome(question(1, "Who?")), outcome(question(2, "Who?"), "Oslo")]
    assert both(twice, twice).n == 2
    assert both(twice, twice[:1]).only_before == (twice[1].question,)


def test_questions_of_one_alone_are_listed_and_do_not_count() -> None:
    found = both(judged(0, 10), [*judged(0, 9), outcome(question(99))])
    assert found.n == 9
    assert [q.question for q in found.only_before] == ["Who is number 9?"]
    assert [q.question for q in found.only_after] == ["Who is number 99?"]
    assert {d.n for d in found.differences} == {9}


@pytest.mark.parametrize(
    ("before", "after", "what"),
    [
        ({"best": "Oslo"}, {}, ("newly right", "other answer")),
        ({}, {"best": "Oslo"}, ("newly wrong", "other answer")),
        ({}, {"answered": False}, ("newly wrong", "newly silent")),
        ({"answered": False}, {}, ("newly right", "newly answered")),
        ({"answered": False}, {"best": "Oslo"}, ("newly answered",)),
        ({"best": "Oslo"}, {"best": "Rome"}, ("other answer",)),
        ({}, {"quotes": (quote("So said Ida Moll."),)}, ("other quote",)),
        ({}, {"quotes": (quote(article="b.txt"),)}, ("other quote",)),
        ({}, {"quotes": (quote(start=50),)}, ()),  # the same words further down
        ({}, {"confidence": 0.5}, ()),
        ({"answered": False}, {"answered": False, "best": "Oslo"}, ()),
    ],
)
def test_what_changed(before: dict[str, object], after: dict[str, object], what: tuple[str, ...]) -> None:
    changes = both([outcome(**before)], [outcome(**after)]).changes  # type: ignore[arg-type]
    assert tuple(word for change in changes for word in change.what) == what


def test_to_be_silent_is_right_where_there_is_no_answer() -> None:
    asked = question(1, answers=(), articles=(), answerable=False)
    found = both([outcome(asked, "Oslo")], [outcome(asked, "Oslo", answered=False)])
    assert found.changes[0].what == ("newly right", "newly silent")


def test_a_question_whose_answer_nobody_knows_is_neither_right_nor_wrong() -> None:
    asked = question(1, answers=())
    found = both([outcome(asked, "Oslo")], [outcome(asked, "Rome")])
    assert found.changes[0].what == ("other answer",)


def test_lines_show_the_differences_and_what_was_said() -> None:
    after = [*judged(0, 9), outcome(question(9), answered=False)]
    told = "\n".join(lines(both([*judged(1, 9), outcome(question(9))], after)))
    assert "10 questions in both" in told
    assert "f1 " in told
    assert "may be chance" in told
    assert (
        "newly right: 1\n  Who is number 0? (other answer)\n    before: Oslo [a.txt]\n    after:  Ida Moll [a.txt]"
        in told
    )
    assert "newly wrong: 1\n  Who is number 9? (newly silent)" in told
    assert "after:  silent" in told


def test_as_json_it_can_be_written_and_names_the_figures() -> None:
    found = json.loads(json.dumps(to_json(both(judged(20), judged(0)))))
    assert found["n"] == 40
    assert found["differences"]["f1"]["real"] is True
    assert found["differences"]["f1"]["verdict"] == "better"
    assert found["changes"][0]["what"] == ["newly right", "other answer"]
    assert found["changes"][0]["before"]["answer"] == "Oslo"
    assert found["changes"][0]["after"]["quotes"][0]["text"] == "Ida Moll opened it."
