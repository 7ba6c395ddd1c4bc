"""What the benchmarks of finding, starting and defaults make of what they measure; all offline and on little."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from benchmarks import defaults, found, found_files, found_tasks, panels, second, start, tried
from benchmarks.defaults import Sweep
from benchmarks.finders import SHIPPED
from benchmarks.process import Run
from benchmarks.results import Origin, Part, Table
from ingest.split import split
from rag.domain import Answer, Citation, Hit
from rag.settings import Settings
from tests.fakes import LetterEmbedder, passage
from training.asked import Asked

TEXT = "One is here. Two is there. Three is far away. Four is near. Five is the last of all of them."


def test_what_is_found_ranks_as_articles_and_is_judged_question_by_question() -> None:
    facts = {"found": [[1, 2, 3], [3, 1]], "ms": [1.0, 3.0]}
    way = found.ranked(facts, {1: "a", 2: "a", 3: "b"})
    assert way.ranked == [["a", "b"], ["b", "a"]]
    assert way.measures(["a", "a"])["hit@1"] == [1.0, 0.0]
    assert way.measures(["a", "a"])["mrr@10"] == [1.0, 0.5]
    row = found.row("x", way, ["a", "a"])
    assert (row["hit@5"], row["ms a question, median"], row["n"]) == ("1.000 [1.000, 1.000]", 2.0, "2")


def test_a_difference_is_of_the_same_questions_and_of_others_alone() -> None:
    hit, miss = [["a"], ["a"]], [["a"], ["b"]]
    ways = {
        found.OURS: found.Way(hit, [1.0, 1.0]),
        "Citewise, dense": found.Way(miss, [1.0, 1.0]),
        "Other, dense": found.Way(miss, [1.0, 1.0]),
    }
    (only,) = found.differences("set", ways, ["a", "a"])
    assert only.what == "hit@5, ours as it ships less Other, dense, set"
    assert (only.value, only.n) == (0.5, 2)
    assert f"Citewise, {SHIPPED}" == found.OURS


def test_a_way_to_find_is_asked_all_questions_but_one_that_reads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "questions.json").write_text(json.dumps(["a", "b", "c"]))
    ways = [("quick", lambda _: [1]), (found_tasks.REREAD, lambda _: [2])]
    monkeypatch.setattr(found_tasks, "FINDERS", {"x": lambda *_: iter(ways)})
    said = found_tasks.find("x", str(tmp_path), "", "2")
    assert said["quick"]["found"] == [[1]] * 3
    assert said[found_tasks.REREAD]["found"] == [[2]] * 2


def test_the_passages_for_others_are_what_ours_embeds(tmp_path: Path) -> None:
    article = {"id": "x1", "title": "Numbers", "text": TEXT}
    (tmp_path / "some.jsonl").write_text(json.dumps(article) + "\n")
    assert found_files.lay_articles(str(tmp_path / "some.jsonl"), str(tmp_path)) == 1
    row = json.loads((tmp_path / "passages.jsonl").read_text())
    assert row == {"id": 1, "article": "x1", "text": f"Numbers\n{TEXT}"}


def test_what_installs_is_not_counted(tmp_path: Path) -> None:
    for name in ("one-1.0.dist-info", "pip-23.dist-info", "setuptools-1.dist-info", "one"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "file").write_bytes(bytes(1 << 20))
    assert start.n_packages(tmp_path) == 1
    assert start.mib(start.parts(tmp_path)) == 2.0


def test_what_is_asked_is_compared_with_each_that_can_be() -> None:
    seconds = zip((start.OURS, *start.ASKED), (1.0, 4.0, 2.0), strict=True)
    runs = {name: [Run({}, took, 100.0)] for name, took in seconds}
    times = [one for one in start.comparisons(runs) if one.unit == "s"]
    assert [one.ratio for one in times] == [0.25, 0.5]


def test_passages_that_overlap_begin_with_sentences_of_the_one_before() -> None:
    letters = LetterEmbedder()
    limit = len(letters.token_spans(TEXT)) // 2
    apart = split(TEXT, letters, limit)
    sharing = tried.overlapping(len(letters.token_spans("Three is far away. ")))(TEXT, letters, limit)
    assert all(first[1] <= second[0] for first, second in pairwise(apart))
    assert any(first[1] > second[0] for first, second in pairwise(sharing))
    assert all(len(letters.token_spans(TEXT[start:end])) <= limit for start, end in sharing)
    assert all(TEXT[:start].endswith(("", ". ")) for start, _ in sharing)


def test_an_answer_is_right_when_it_is_quoted_from_where_it_is() -> None:
    where = passage("Anna Smith founded it.", 1)
    home = where.article.id.partition("#")[2]
    one = Asked("q", "Who?", ["Anna Smith"], {home})
    answer = Answer("Who?", "Anna Smith", (Citation(1, where, 0, 10),), 0.8, mode="quote")
    said = tried.judged(answer, [Hit(where, 1.0)], one)
    assert (said.em, said.f1, said.sure, said.right, said.found) == (1.0, 1.0, 0.8, True, True)
    elsewhere = tried.judged(answer, [], Asked("q", "Who?", ["Anna Smith"], {"other"}))
    assert (elsewhere.right, elsewhere.found) == (False, False)


def said(sure: float, right: bool) -> tried.Said:
    return tried.Said(float(right), float(right), sure, right, True)


def test_what_is_given_is_what_is_sure_enough() -> None:
    tried_ = tried.Tried([said(0.9, True), said(0.5, False), said(0.1, True)], 5.0)
    assert tried_.given(0.5) == (2 / 3, 0.5)
    assert tried_.given(1.0) == (0.0, 0.0)
    assert tried.joined([tried_, tried.Tried([said(0.2, True)], 7.0)]).ms == 6.0


def test_the_accurate_reader_answers_where_the_fast_one_is_not_sure() -> None:
    sure_of_it, in_doubt = said(0.99, False), said(0.0, False)
    both = second.Both((sure_of_it, in_doubt), (said(0.99, True), in_doubt), (100.0, 900.0))
    trusted = second.came([both], 0.7, 0.75)
    assert trusted.worth.tolist() == [[-1.0, 0.0]]
    assert trusted.again.tolist() == [[False, True]]
    assert second.came([both], 0.7, 1.0).worth.tolist() == [[1.0, 0.0]]
    alone = second.came([both], 0.7, second.NEVER)
    assert not alone.again.any()
    assert alone.row()["right of the answered"] == 0.0
    assert trusted.balance == [-0.5]
    assert trusted.ms.tolist() == [100.0]
    assert second.came([both], 0.7, 1.0).ms.tolist() == [900.0]


def swept(worth: dict[float, list[float]], default: float) -> Sweep:
    rows = [{"value": f"{value:g}", "f1": float(np.mean(some))} for value, some in worth.items()]
    return Sweep("k", "f1", default, worth, rows)


def test_a_default_gives_way_to_what_is_better_by_more_than_chance() -> None:
    better = swept({4.0: [0.0] * 20, 8.0: [1.0] * 20}, 4.0)
    assert (better.best, better.gain().value, better.verdict()["verdict"]) == (
        8.0,
        1.0,
        "**another is better**",
    )
    chance = swept({4.0: [1.0, 0.0, 0.0], 8.0: [0.0, 1.0, 1.0]}, 4.0)
    assert "chance" in str(chance.verdict()["verdict"])
    same = swept({2.0: [1.0, 0.0], 4.0: [0.0, 1.0]}, 4.0)
    assert (same.best, same.verdict()["verdict"]) == (4.0, "kept: the best")


def test_the_defaults_are_among_what_is_tried() -> None:
    assert Settings().k in defaults.KS
    assert Settings().depth in defaults.DEPTHS
    assert defaults.BASE.constant in defaults.CONSTANTS
    assert Settings().passage_tokens in defaults.TOKENS
    assert defaults.WHOLE.shared in defaults.SHARED
    assert Settings().precision in second.PRECISIONS
    assert second.wiring.SURE in second.SURE


def test_the_drawing_has_a_panel_for_each_setting_with_its_default() -> None:
    some = [swept({4.0: [0.2, 0.4], 8.0: [0.5, 0.7]}, 4.0), swept({1.0: [0.5], 2.0: [0.5]}, 2.0)]
    tables = [Table(panels.VERDICTS, [one.verdict() for one in some[:1]]), some[0].table()]
    origin = Origin("x", "x", "x", "x", 2, 1.0, 0.0, {}, {})
    drawing = ET.fromstring(panels.drawing(Part(origin, tables=tables)))
    texts = [element.text for element in drawing.iter() if element.text and element.text.strip()]
    assert {"k", "4", "8", "f1", "0.30", "0.60"} <= set(texts)
    assert panels.drawing(Part(origin, tables=tables)).count("stroke-dasharray") == 1
