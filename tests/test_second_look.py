"""The reader that looks twice: when it does, and that the second is opened no sooner, and once."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import pytest

import ingest
import rag
from rag import embed, wiring
from rag.domain import Answer, Citation, Hit
from rag.errors import ModelMissing
from rag.second_look import Later, SecondLook
from rag.settings import Settings
from tests.fakes import passage

ARTICLE = (
    Path(__file__).parent.parent / "corpus" / "articles" / "2017-02-19-ayrault-denounces-cyberattacks.md"
)
HITS = [Hit(passage("The dam broke on Monday."), 1.0)]


class Says:
    """Answers everything with one word, as surely as it is told; without a word it abstains."""

    def __init__(self, word: str, confidence: float = 0.5) -> None:
        self.name, self.word, self.confidence, self.n_read = word or "silent", word, confidence, 0

    def read(self, question: str, hits: list[Hit]) -> Answer:
        self.n_read += 1
        if not self.word or not hits:
            return Answer(question, confidence=self.confidence, reason="Nothing answers.")
        cited = (Citation(1, hits[0].passage, 0, 3),)
        return Answer(question, self.word, cited, self.confidence, tuple(hits), mode="quote")

    def stream(self, question: str, hits: list[Hit]):
        yield self.read(question, hits)


def looking(first: Says, second: Says) -> SecondLook:
    return SecondLook(first, lambda: second, 0.75)  # type: ignore[arg-type,return-value]


@pytest.mark.parametrize(("confidence", "answer"), [(0.75, "first"), (0.74, "second")])
def test_an_answer_that_is_sure_enough_stands(confidence: float, answer: str) -> None:
    reader = looking(Says("first", confidence), Says("second", 0.1))
    assert reader.read("When?", HITS).text == answer
    assert [step.text for step in reader.stream("When?", HITS)] == [answer]  # type: ignore[union-attr]


def test_where_the_first_abstains_the_second_has_the_last_word() -> None:
    assert looking(Says("", 0.9), Says("second")).read("When?", HITS).text == "second"
    assert looking(Says("first"), Says("")).read("When?", HITS).mode == "abstain"


def test_nothing_is_looked_at_twice() -> None:
    second = Says("second")
    assert looking(Says("first"), second).read("When?", []).text == ""
    assert second.n_read == 0


def test_what_comes_later_is_made_once_whichever_thread_asks() -> None:
    made = []

    def make() -> list[int]:
        time.sleep(0.01)
        made.append(1)
        return made

    later = Later(make)
    threads = [threading.Thread(target=later) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert later() is made
    assert made == [1]


def test_what_could_not_be_made_is_tried_again() -> None:
    faults = iter([True, False])

    def make() -> str:
        if next(faults):
            raise ModelMissing("gone", "Install it.")
        return "made"

    later = Later(make)
    with pytest.raises(ModelMissing):
        later()
    assert later() == "made"


def test_each_reader_can_be_asked_for_and_auto_is_the_default(tmp_path: Path) -> None:
    ingest.index(ARTICLE, tmp_path / "index")
    names = {}
    for size in ("auto", "fast", "accurate"):
        with rag.open(tmp_path / "index", reader=size) as qa:
            names[size] = qa.reader.name
            assert qa.ask("Who did Ayrault say Russia prefers?").text == "Marine Le Pen or François Fillon"
    assert Settings().reader == "auto"
    assert "second look" in names["auto"]
    assert names["accurate"] != names["fast"]


@pytest.mark.parametrize("precision", [0.5, 0.9])
def test_unsilenced_the_fast_reader_has_the_last_word_where_it_has_it_as_it_ships(precision: float) -> None:
    settings = Settings(precision=precision)
    spans, _ = wiring.unsilenced(settings, embed.load(settings.embedder))
    assert isinstance(spans, SecondLook)
    assert spans._sure == max(wiring.SURE, wiring.threshold(Settings(reader="fast", precision=precision)))
