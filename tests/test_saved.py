"""Saved questions: kept beside an index through all that is done to it, and asked again with what changed since."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any, cast

import pytest

from page.conversations import CONVERSATIONS, Conversations
from page.liked import liked
from page.record import record_of
from rag.domain import EVERYWHERE, Answer, Article, Citation, Exchange, Hit, Passage, Way, Where
from rag.errors import ArticleMissing, EvaluationFault, IndexFault, IndexMissing
from rag.evaluation.record import Question, Quote
from rag.evaluation.rerun import Rerun, lines, rerun, to_json
from rag.evaluation.saved import Kept, Saved, kept, save, saved, sum_of, together
from rag.index import durable, folder
from rag.pipeline import Pipeline
from tests.evaluated import outcome, question
from tests.fakes import article

TEXT = "Ida Moll opened the bridge in May. It was closed again by Ola Berg in June."
BRIDGE = article(TEXT, "a.txt", "The bridge")


def was(answer: str = "Ida Moll", quoted: str = "Ida Moll opened the bridge", **asked: Any) -> Saved:
    """A saved question whose answer was quoted from BRIDGE; an empty one was silence."""
    facts: dict[str, Any] = {"answers": ()} | asked
    if not answer:
        return Saved(question(1, "Who opened the bridge?", **facts), "", "abstain")
    start = TEXT.index(quoted)
    quote = Quote("a.txt", "The bridge", start, start + len(quoted), quoted)
    return Saved(
        question(1, "Who opened the bridge?", **facts), answer, "quote", (Kept(quote, sum_of(BRIDGE)),)
    )


class Engine:
    """Answers every question with the same words and quote; notes how it was asked."""

    def __init__(self, text: str, quoted: str, articles: Mapping[str, Article]) -> None:
        self.text, self.quoted, self.articles = text, quoted, articles
        self.readers: Mapping[Way, object] = {"auto": None, "quote": None}
        self.asked: list[tuple[str, Where, tuple[Exchange, ...], Way | None]] = []

    def ask(self, question: str, where: Where, turns: tuple[Exchange, ...], way: Way | None) -> Answer:
        self.asked.append((question, where, turns, way))
        if not self.text:
            return Answer(question, reason="nothing")
        found = next(a for a in self.articles.values() if self.quoted in a.text)
        passage, start = Passage(1, found, 0, len(found.text)), found.text.index(self.quoted)
        citation = Citation(1, passage, start, start + len(self.quoted))
        return Answer(question, self.text, (citation,), 0.9, (Hit(passage, 1.0),), mode="quote")

    def article(self, id: str) -> Article:
        if id not in self.articles:
            raise ArticleMissing(f"no {id}", "")
        return self.articles[id]


def engine(text: str = "Ida Moll", quoted: str = "Ida Moll opened the bridge", *, now: str = TEXT) -> Engine:
    """An engine over BRIDGE as it is ``now``."""
    return Engine(text, quoted, {"a.txt": article(now, "a.txt", "The bridge")})


def again(engine: Engine, *several: Saved) -> Rerun:
    return rerun(cast(Pipeline, engine), several)


# ---- What changed


EDITED = "News: " + TEXT
SILENT = engine("")


@pytest.mark.parametrize(
    ("before", "now", "what", "worse"),
    [
        (was(), engine(), ("as before",), False),
        (was("ida moll."), engine(), ("as before",), False),  # as em compares
        (was(), engine(now=EDITED), ("as before",), False),  # the same words, further down
        (was(""), SILENT, ("as before",), False),
        (was(), engine(quoted="Ida Moll"), ("other quote",), False),
        (was(""), engine(), ("newly answered",), False),
        (was("", answerable=False), engine(), ("newly answered",), True),
        (was(), SILENT, ("newly silent",), True),
        (was(answerable=False), SILENT, ("newly silent",), False),
        (was(), engine("Ola Berg", "Ola Berg"), ("changed answer",), True),
        (was(answers=("Ida Moll",)), engine("Ola Berg", "Ola Berg"), ("changed answer",), True),
        (was(answers=("Ola Berg",)), engine("Ola Berg", "Ola Berg"), ("changed answer",), False),
        (was(answers=("nobody",)), engine("Ola Berg", "Ola Berg"), ("changed answer",), False),
        (was(), engine(quoted="Ida Moll", now="Ida Moll closed it."), ("lost citation",), True),
        (was(), engine("", now="Nothing."), ("newly silent", "lost citation"), True),
        (
            was(),
            engine("Ola Berg", "Ola Berg", now="Ola Berg did."),
            ("changed answer", "lost citation"),
            True,
        ),
    ],
)
def test_what_became_of_a_saved_answer(
    before: Saved, now: Engine, what: tuple[str, ...], worse: bool
) -> None:
    found = again(now, before)
    assert found.rows[0].what == what
    assert found.is_worse is found.rows[0].is_worse is worse


def test_a_quote_that_an_article_of_another_name_has_now_is_not_lost() -> None:
    moved = Engine("Ida Moll", "Ida Moll opened the bridge", {"b.txt": article(TEXT, "b.txt")})
    (row,) = again(moved, was()).rows
    assert row.what == ("as before",)
    assert row.cause == "a.txt is gone"


def test_the_cause_is_told_from_the_sum_of_the_article() -> None:
    assert again(engine(), was()).rows[0].cause == ""
    assert again(engine(now=EDITED), was()).rows[0].cause == "a.txt has changed"


def test_it_is_asked_as_it_was_asked() -> None:
    where, turn = (
        Where(sources=("Courier",), since=date(2017, 5, 8)),
        Exchange("Which bridge?", "the old one"),
    )
    before = replace(was(history=(turn,)), where=where)
    again(now := engine(), before)
    assert now.asked == [("Who opened the bridge?", where, (turn,), "quote")]


def test_what_a_model_wrote_is_written_again_or_told_as_not_asked() -> None:
    written = replace(was(), mode="write")
    alone = engine()
    (row,) = again(alone, written).rows
    assert (row.what, row.is_worse, alone.asked) == (("not asked",), False, [])
    assert "name one with --llm" in "\n".join(lines(again(alone, written)))
    beside = engine()
    beside.readers = {**beside.readers, "write": None}
    again(beside, written)
    assert beside.asked[0][-1] == "write"


def test_nothing_saved_is_told() -> None:
    with pytest.raises(EvaluationFault, match="there are none"):
        again(engine())


def test_lines_count_what_changed_and_show_it() -> None:
    told = lines(again(engine("Ola Berg", "Ola Berg", now="Ola Berg did."), was(), was("")))
    assert told[0] == "2 saved questions: 1 changed answer, 1 lost citation, 1 newly answered"
    assert "\n".join(told[1:]) == (
        "\nchanged answer: 1\n"
        "  Who opened the bridge? (lost citation), worse\n"
        "    was: Ida Moll [a.txt]\n"
        "    now: Ola Berg [a.txt]\n"
        "    lost: Ida Moll opened the bridge [a.txt]\n"
        "    a.txt has changed\n"
        "\nnewly answered: 1\n"
        "  Who opened the bridge?\n"
        "    was: silent\n"
        "    now: Ola Berg [a.txt]"
    )
    assert lines(again(engine(), was())) == ["1 saved questions: 1 as before"]


def test_as_json_it_can_be_written() -> None:
    found = json.loads(json.dumps(to_json(again(engine("", now="Nothing."), was()))))
    assert (found["n"], found["worse"]) == (1, True)
    assert found["rows"][0]["what"] == ["newly silent", "lost citation"]
    assert found["rows"][0]["lost"][0]["text"] == "Ida Moll opened the bridge"


# ---- The file


@pytest.fixture
def index(tmp_path: Path) -> Path:
    """An index folder with an empty generation."""
    path = tmp_path / "index"
    with folder.writing(path):
        folder.prepare(path, {"embedder": "letters", "dim": "26", "passage_tokens": "128"})
    return path


def test_what_is_saved_comes_back(index: Path) -> None:
    where = Where(("Courier",), ("a.txt",), date(2017, 5, 8), None)
    turns = (Exchange("Which “bridge”?\n", "ä"), Exchange("Where?", ""))
    every = [replace(was(answers=("Ida",), history=turns), where=where), was("", answerable=False)]
    assert save(index, every) == 2
    back = saved(index)
    assert [one.question for one in back] == [replace(one.question, articles=()) for one in every]
    assert [replace(one, question=every[n].question) for n, one in enumerate(back)] == every


def test_nothing_is_saved_at_first(index: Path) -> None:
    assert saved(index) == []


def test_saving_adds_and_replaces_what_asks_the_same(index: Path) -> None:
    other = replace(was(), question=question(2, "Who closed it?"))
    save(index, [was(), other])
    assert save(index, [was("Ola Berg", "Ola Berg")]) == 2
    assert [one.answer for one in saved(index)] == ["Ola Berg", "Ida Moll"]


def test_another_filter_or_conversation_is_another_question() -> None:
    filtered = replace(was(), where=Where(sources=("Courier",)))
    led = was(history=(Exchange("Which bridge?", ""),))
    assert together([was(), filtered], [led]) == [was(), filtered, led]


def test_there_must_be_an_index_to_save_beside(tmp_path: Path) -> None:
    with pytest.raises(IndexMissing):
        save(tmp_path / "none", [was()])


def test_a_save_that_fails_leaves_what_was_there(index: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    save(index, [was()])

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(durable.os, "fsync", full)
    with pytest.raises(IndexFault, match="No space left"):
        save(index, [was("Ola Berg", "Ola Berg")])
    assert [one.answer for one in saved(index)] == ["Ida Moll"]
    assert [path.name for path in index.glob("saved*")] == ["saved.jsonl"]


GOOD = {"id": "1", "question": "Who?", "answers": [], "answer": "", "mode": "abstain", "quotes": []}


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("{", "is not JSON"),
        ("[]", "expected an object"),
        (json.dumps({"question": "Who?"}), "has no answer"),
        (json.dumps(GOOD | {"mode": "guess"}), "mode is 'guess'"),
        (json.dumps(GOOD | {"answer": "Ida"}), "an answer without quotes"),
        (json.dumps(GOOD | {"quotes": 3}), "expected a list"),
        (
            json.dumps(GOOD | {"where": {"sources": [], "articles": [], "since": "May"}}),
            "where.since is no day",
        ),
        (
            json.dumps(
                GOOD
                | {"answer": "x", "mode": "quote"}
                | {
                    "quotes": [
                        {"article": "a", "title": "", "start": 0, "end": 9, "text": "x", "sha256": "0"}
                    ]
                }
            ),
            "is 0 to 9, and has 1 characters",
        ),
    ],
)
def test_a_line_that_is_no_saved_question_is_named(index: Path, line: str, told: str) -> None:
    (index / folder.SAVED).write_text(f"{json.dumps(GOOD)}\n\n{line}\n", encoding="utf-8")
    with pytest.raises(EvaluationFault) as raised:
        saved(index)
    assert "saved.jsonl:3" in raised.value.message
    assert told in raised.value.message


def test_an_evaluation_is_kept_with_the_sums_of_its_articles() -> None:
    held = outcome(question(2), answered=False)
    given, silent = kept([outcome(), held], lambda id: article(TEXT, id))
    assert (given.answer, given.mode, given.where) == ("Ida Moll", "quote", EVERYWHERE)
    assert [one.sha256 for one in given.quotes] == [sum_of(BRIDGE)]
    assert (silent.answer, silent.mode, silent.quotes) == ("", "abstain", ())


# ---- What is done to an index leaves it


def test_looking_after_an_index_leaves_its_saved_questions(tmp_path: Path) -> None:
    import ingest
    from rag.upkeep.backup import backup
    from rag.upkeep.doctor import faults
    from rag.upkeep.repair import repair
    from rag.upkeep.swap import compact
    from rag.upkeep.transfer import export_index, import_index
    from tests.fakes import LetterEmbedder

    (tmp_path / "articles").mkdir()
    (tmp_path / "articles" / "a.txt").write_text(TEXT, encoding="utf-8")
    index = tmp_path / "index"
    ingest.index([str(tmp_path / "articles")], str(index), embedder=LetterEmbedder())
    save(index, [was()])
    whole = (index / folder.SAVED).read_bytes()
    backup(index, tmp_path / "backup")
    export_index(index, tmp_path / "index.citewise")
    assert list(faults(index)) == []
    list(repair(index, lambda: pytest.fail("nothing is broken")))
    compact(index)
    import_index(tmp_path / "index.citewise", index, yes=True)
    assert (index / folder.SAVED).read_bytes() == whole
    assert (tmp_path / "backup" / folder.SAVED).read_bytes() == whole
    assert not [part for part in _names(tmp_path / "index.citewise") if "saved" in part]


def _names(file: Path) -> list[str]:
    from rag.upkeep import parcel

    with parcel.opened(file) as sent:
        return [part.name for part in sent.manifest.parts]


# ---- Liked on the page


def answer(text: str, asked: str = "Who opened it?", **facts: Any) -> Answer:
    passage = Passage(1, BRIDGE, 0, len(TEXT))
    start = TEXT.index(text)
    return Answer(asked, text, (Citation(1, passage, start, start + len(text)),), 0.9, mode="quote", **facts)


def test_a_thumb_up_saves_a_question_of_anybody_as_it_was_searched_for(index: Path) -> None:
    where = Where(sources=("Courier",))
    page = Conversations(index / CONVERSATIONS)
    _, first = page.add(
        "anna", None, record_of(answer("Ida Moll", searched_for="Who opened the bridge?", where=where), "now")
    )
    _, second = page.add("bo", None, record_of(answer("Ola Berg"), "now"))
    _, silent = page.add("bo", None, record_of(Answer("Why?", reason="no"), "now"))
    page.add("bo", None, record_of(answer("June"), "now"))
    for owner, id, verdict in (("anna", first, 1), ("bo", second, -1), ("bo", silent, 1)):
        page.judge(owner, id, verdict, "")  # type: ignore[arg-type]
    page.close()
    one, other = liked(index)
    assert (one.question.question, one.answer, one.where) == ("Who opened the bridge?", "Ida Moll", where)
    assert one.quotes == (Kept(Quote("a.txt", "The bridge", 0, 8, "Ida Moll"), sum_of(BRIDGE)),)
    assert (other.question.question, other.answer, other.mode) == ("Why?", "", "abstain")
    save(index, [one, other])
    assert len(saved(index)) == 2


def test_an_index_without_a_page_has_nothing_liked_and_gets_no_file(index: Path) -> None:
    assert liked(index) == []
    assert not (index / CONVERSATIONS).exists()


def test_a_question_of_a_file_wins_over_the_same_one_that_was_liked() -> None:
    (one,) = together(
        [was()], [replace(was("Ola Berg", "Ola Berg"), question=Question("x", "Who opened  the bridge?"))]
    )
    assert one.answer == "Ola Berg"
