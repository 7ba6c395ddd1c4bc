"""The metrics against the published rules of SQuAD and against rankings counted by hand."""

from __future__ import annotations

import pytest

from rag.metrics import em, f1, hit, normalised, reciprocal_rank


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ("The  Eiffel-Tower!", "eiffeltower"),
        ("a man, an owl", "man owl"),
        ("U.S.", "us"),
        ("Theatre", "theatre"),
    ],
)
def test_normalised_as_squad_does(answer: str, expected: str) -> None:
    assert normalised(answer) == expected


def test_em_takes_any_gold_answer() -> None:
    assert em("the Higgs boson", ["boson", "Higgs Boson."]) == 1.0
    assert em("Higgs", ["Higgs boson"]) == 0.0


def test_empty_against_empty_is_right_and_against_words_wrong() -> None:
    assert em("", []) == f1("", []) == 1.0
    assert em("Paris", []) == f1("Paris", []) == 0.0
    assert f1("", ["Paris"]) == 0.0


def test_f1_counts_shared_words_with_repetition() -> None:
    assert f1("new new york", ["new york city"]) == pytest.approx(2 * 2 / (3 + 3))
    assert f1("York", ["nothing", "New York"]) == pytest.approx(2 * 1 / (1 + 2))


def test_hit_and_reciprocal_rank_look_at_the_first_k() -> None:
    assert [hit("abc", {"c"}, k) for k in (1, 2, 3)] == [0.0, 0.0, 1.0]
    assert reciprocal_rank("abc", {"c", "b"}, 3) == 0.5
    assert reciprocal_rank("abc", {"c"}, 2) == 0.0
