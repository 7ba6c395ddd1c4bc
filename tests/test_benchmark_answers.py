"""The pure parts of the benchmark of answers: what is asked, and what an answer is worth."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from benchmarks import bars, environments
from benchmarks.answers_given import Said
from benchmarks.answers_judged import Heard, Judged, judged, refuses, row, scores
from benchmarks.answers_lay import drawn, titles_without
from benchmarks.answers_reader import unquantised
from docs import cards
from rag.encoder import MODEL
from rag.reader import SHIPPED
from training.questions import Question

LENS = "A lens bends light. The achromatic lens was made in England in 1733."


def question(id: str, title: str, golds: tuple[tuple[int, int], ...] = ((0, 6),)) -> Question:
    return Question(id, "new_wiki", title, f"What is {id}?", LENS, golds)


def test_an_answer_is_judged_by_its_words_and_by_the_sources_that_it_cites() -> None:
    found = judged(Said("England", [LENS]), ["England", "in England"], [LENS], writes=False)
    assert found == Judged(True, 0.0, 1.0, 1.0, 1.0, 1.0, 1.0)
    found = judged(Said("It was made in England [1].", [LENS]), ["England"], [LENS], writes=True)
    assert (found.em, found.holds, found.cites, found.verbatim) == (0.0, 1.0, 1.0, 0.0)
    assert 0 < found.f1 < 1
    found = judged(Said("the achromatic lens was made in England [1]", [LENS]), [], [LENS], writes=True)
    assert found == Judged(False, 0.0, cites=1.0, verbatim=1.0)


def test_sentences_that_are_quoted_from_two_sources_are_verbatim_and_a_made_one_is_not() -> None:
    other = "Glass was ground in Venice. It was dear."
    said = "A lens bends light. Glass was ground in Venice."
    assert judged(Said(said, [LENS, other]), [], [LENS, other], writes=True).verbatim == 1.0
    assert judged(Said(said, [LENS]), [], [LENS, other], writes=True).verbatim == 0.0
    made = f"{said} Nobody knows why."
    assert judged(Said(made, [LENS, other]), [], [LENS, other], writes=True).verbatim == 0.0


def test_a_source_that_is_not_in_the_collection_is_none() -> None:
    found = judged(Said("England", ["It was England."]), ["England"], [LENS], writes=False)
    assert (found.cites, found.verbatim) == (0.0, 0.0)
    assert judged(Said("England"), ["England"], [LENS], writes=False).cites == 0.0


@pytest.mark.parametrize("text", ["Empty Response", "I’m sorry, but no.", "The sources do not say."])
def test_a_refusal_is_silence_where_a_model_writes_and_words_where_they_are_quoted(text: str) -> None:
    assert refuses(text)
    assert judged(Said(text), ["England"], [LENS], writes=True) == Judged(True, 1.0)
    assert judged(Said(text), ["England"], [LENS], writes=False).silent == 0.0
    assert not refuses("It was made in England.")


def test_shares_are_of_the_questions_that_they_are_about() -> None:
    right, silent = Judged(True, 0.0, 1.0, 1.0, 1.0, 1.0, 1.0), Judged(True, 1.0)
    quiet, loud = Judged(False, 1.0), Judged(False, 0.0, cites=1.0)
    heard = Heard([right, silent, quiet, loud], [1.0, 2.0, 3.0, 9.0], 7.0)
    told = row("it", heard)
    assert told["n"] == "2 + 2"
    assert (told["em"], told["f1"], told["answer in it"]) == (0.5, 0.5, 0.5)
    assert told["silent where something answers"] == told["silent where nothing answers"] == 0.5
    assert (told["cites a source"], told["verbatim in it"]) == (1.0, 0.5)
    assert (told["ms per answer"], told["peak memory, MiB"]) == (2500.0, 7.0)
    assert [(one.what, one.value, one.n) for one in scores("it", heard)] == [
        ("em, it", 0.5, 2),
        ("f1, it", 0.5, 2),
    ]
    assert heard.first(1, 1) == Heard([right, quiet], [1.0, 3.0], 7.0)
    assert row("it", heard.first(0, 1))["em"] == row("it", heard.first(0, 1))["cites a source"] == "–"


def test_what_is_asked_is_always_the_same_and_each_title_on_one_side() -> None:
    titles = [f"title {n}" for n in range(9)]
    without = titles_without(titles)
    assert without == titles_without(titles)
    asked = [question(f"{title} {n}", title) for title in titles for n in range(5)]
    asked.append(question("seems", titles[0], ()))
    known, unknown = drawn(asked, without)
    assert (known, unknown) == drawn(asked, without)
    assert {one.title for one in unknown} == set(without)
    assert {one.title for one in known} == set(titles) - set(without)
    assert len(known) + len(unknown) == 45


def test_the_weights_in_float32_have_every_tensor_of_the_network() -> None:
    weights = unquantised(SHIPPED / MODEL)
    assert weights["bert.embeddings.word_embeddings.weight"].shape == (30522, 384)
    assert weights["bert.encoder.layer.5.intermediate.dense.weight"].shape == (1536, 384)
    assert weights["qa_outputs.weight"].shape == (2, 384)
    assert len(weights) == 5 + 6 * 16 + 2


def test_a_peer_runs_in_the_environment_that_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    python = tmp_path / "haystack" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.touch()
    monkeypatch.setenv("CITEWISE_PEERS", str(tmp_path))
    assert environments.python("haystack") == python


@pytest.mark.parametrize("lock", sorted(environments.LOCKS.glob("*.lock")), ids=lambda lock: lock.stem)
def test_a_lock_is_plain_pins(lock: Path) -> None:
    first, *lines = lock.read_text(encoding="utf-8").splitlines()
    assert first.startswith("# ")
    assert all(line.count("==") == 1 and not set("+@ /") & set(line) for line in lines)


def test_a_page_shows_the_first_table_of_a_part() -> None:
    shown = cards.table("beside", "beside").splitlines()
    assert shown[0].startswith("|  | unit | Citewise | LlamaIndex | Chroma | LanceDB |")
    assert shown[2].startswith("| build | s | ")


def test_the_drawing_has_a_bar_of_f1_and_of_time_for_each_system() -> None:
    systems = [bars.Bar("Citewise", 0.5, 0.4, 0.6, 80.0), bars.Bar("a < b", 0.25, 0.2, 0.3, 0.8)]
    drawing = ET.fromstring(bars.drawn(systems))
    _, *drawn_bars = drawing.iter("{http://www.w3.org/2000/svg}rect")
    f1, slow, other, fast = (float(one.attrib["width"]) for one in drawn_bars)
    assert f1 == 2 * other
    assert slow == pytest.approx(
        3 * fast, abs=0.3
    )  # from .08 to .8 ms is one power of ten, to 80 ms are three
    assert "a < b" in [one.text for one in drawing.iter("{http://www.w3.org/2000/svg}text")]
