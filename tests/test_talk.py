"""What each thing that a person can do makes of the screen, over an engine and a store that are worked out by eye."""

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime

import pytest

from page.conversations import Conversations
from page.meter import Meter
from page.talk import Desk, Failed, Scene, Talk, exchanges, merged, told
from page.views import Opened, Turn
from rag.domain import (
    EVERYWHERE,
    Answer,
    Article,
    Draft,
    Exchange,
    Hit,
    Passage,
    Reader,
    Sentence,
    Stage,
    Steps,
    Way,
    Where,
)
from rag.errors import CitewiseError, ConversationMissing, ConversationsFault, QuestionError
from tests.fakes import FirstSentence

ARTICLE = Article(
    "bridge.md", "Bridge closed", "A crack was found in its third pier. It reopened.", "The Herald"
)
HITS = [Hit(Passage(1, ARTICLE, 0, len(ARTICLE.text)), 0.5), Hit(Passage(2, ARTICLE, 0, 7), 0.25)]
NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
FAILED = Sentence("It fell.", "unsupported", why="no passage says so")
HERALD = Where(sources=("The Herald",))


class Engine:
    """Answers with the first sentence; "gold" is in no article, "hidden" only without a filter, and some fail.

    What asks "why" is written, until it is ``left``.
    """

    def __init__(self) -> None:
        self.readers: Mapping[Way, Reader] = {}
        self.ways: list[Way | None] = []
        self.quiet_ways: list[Way | None] = []
        self.left = False
        self.turns: list[list[Exchange]] = []
        self.wheres: list[Where] = []

    def stages(
        self,
        question: str,
        k: int | None = None,
        where: Where = EVERYWHERE,
        turns: Sequence[Exchange] = (),
        way: Way | None = None,
    ) -> Steps:
        self.ways.append(way)
        self.turns.append(list(turns))
        self.wheres.append(where)
        if not question.strip():
            raise QuestionError("the question is empty", "Ask something in words.")
        yield Stage("search", 2312)
        if question == "crash":
            raise RuntimeError("secret detail")
        yield Stage("read", 2)
        if "why" in question:
            yield Stage("write", 2)
            try:
                yield Draft((), "A")
                yield Draft((FAILED,), "It")
            finally:
                self.left = True
        yield self.answer(question, where)

    def ask(
        self,
        question: str,
        k: int | None = None,
        where: Where = EVERYWHERE,
        turns: Sequence[Exchange] = (),
        way: Way | None = None,
    ) -> Answer:
        self.quiet_ways.append(way)
        return self.answer(question, where)

    def answer(self, question: str, where: Where) -> Answer:
        if "gold" in question or ("hidden" in question and where != EVERYWHERE):
            return Answer(
                question, reason="None of them answers.", hits=tuple(HITS), where=where, searched_for=question
            )
        return replace(FirstSentence().read(question, HITS), where=where, searched_for=question)

    def spread(self, question: str) -> list[tuple[str, int]]:
        return [(word, len(word)) for word in question.split()]


class Articles:
    """Opens whatever it is given."""

    def opened(self, turn, record, at):
        return Opened(turn, record, at, record.all_quotes[at].passage)

    def opened_passage(self, turn, record, passage_id):
        return Opened(
            turn, record, None, next(c.passage for c in record.considered if c.passage.id == passage_id)
        )


@pytest.fixture
def engine() -> Engine:
    return Engine()


@pytest.fixture
def kept() -> Iterator[Conversations]:
    store = Conversations(None)
    yield store
    store.close()


@pytest.fixture
def desk(engine: Engine, kept: Conversations) -> Desk:
    return Desk(engine, kept, Articles(), Meter(), lambda: NOW)


def last(scenes: Iterator[Scene]) -> Scene:
    *_, scene = scenes
    return scene


def asked(desk: Desk, *questions: str) -> Talk:
    talk = Talk()
    for question in questions:
        talk = last(desk.ask("me", talk, question)).talk
    return talk


def test_a_question_shows_its_stages_and_then_the_answer_with_its_first_quote_open(desk):
    *working, done = desk.ask("me", Talk(), "What was found?")
    *working, last_chance = working
    assert last_chance == Scene(None)  # nothing new to see, but a stopped question ends here
    assert [scene.stage for scene in working] == [
        "Searching 2,312 articles…",
        "Reading 2 passages…",
    ]
    assert {scene.asked for scene in working} == {"What was found?"}
    assert (working[0].box, done.box) == ("", None)  # emptied once, so that what is typed meanwhile stays
    (turn,) = done.talk.turns
    assert turn.record.text == done.opened.record.quotes[0].text == "A crack was found in its third pier."
    assert turn.record.asked_at == "2026-01-02T03:04:05+00:00"
    assert (done.opened.at, done.listed, done.stage) == (0, True, "")


def test_an_answer_is_kept_for_its_owner_and_opens_again_by_its_link(desk):
    talk = asked(desk, "What was found?", "Where?")
    again = desk.open("me", "", talk.turns[0].id)
    assert again.talk.id == talk.id
    assert again.talk.turns == talk.turns
    assert again.opened.turn == talk.turns[0].id
    with pytest.raises(ConversationMissing):
        desk.open("you", "", talk.turns[0].id)


def test_a_follow_up_may_lean_on_what_was_said_before(desk, engine):
    asked(desk, "What was found?", "Where?")
    assert engine.turns == [[], [Exchange("What was found?", "A crack was found in its third pier.")]]


def test_a_question_that_is_stopped_while_it_is_read_is_not_kept(desk, kept):
    scenes = desk.ask("me", Talk(), "What was found?")
    while next(scenes).talk is not None:  # as far as reading goes
        pass
    scenes.close()
    assert kept.listed("me") == []


def test_an_answer_grows_by_its_drafts_and_the_rest_of_the_screen_stays(desk):
    *scenes, done = desk.ask("me", Talk(), "why did it fall?")
    assert [scene.stage for scene in scenes if scene.stage][-1] == "Writing from 2 passages…"
    drafts = [scene for scene in scenes if scene.draft]
    assert drafts == [Scene(None, draft=Draft((), "A")), Scene(None, draft=Draft((FAILED,), "It"))]
    assert done.draft is None


def test_a_question_that_is_stopped_stops_what_writes(desk, engine, kept):
    scenes = desk.ask("me", Talk(), "why did it fall?")
    while next(scenes).draft is None:
        pass
    assert not engine.left
    scenes.close()
    assert engine.left
    assert kept.listed("me") == []


def test_a_question_is_answered_in_the_way_that_is_chosen_the_first_time_and_again(desk, engine):
    talk = last(desk.ask("me", Talk(), "What was found?", way="write")).talk
    last(desk.retry("me", talk, talk.turns[0].id, way="quote"))
    last(desk.ask("me", talk, "Where?"))
    assert engine.ways == ["write", "quote", None]


def test_what_nobody_waits_for_wakes_no_language_model(desk, engine, monkeypatch):
    monkeypatch.setattr("page.talk.follow_ups", lambda record, asked, ask: [ask("What reopened?").question])
    last(desk.ask("me", Talk(), "What is hidden?", HERALD, "write"))
    desk.suggest("me", asked(desk, "What was found?"))
    assert engine.quiet_ways == [None, None]  # an engine of one way is asked in that
    engine.readers = {way: FirstSentence() for way in ("auto", "quote", "write")}
    last(desk.ask("me", Talk(), "What is hidden?", HERALD, "write"))
    desk.suggest("me", asked(desk, "What was found?"))
    assert engine.quiet_ways[2:] == ["quote", "quote"]


def test_only_the_last_turns_are_leant_on_and_failures_never(desk):
    talk = asked(desk, *(f"What {n}?" for n in range(9)), "")
    assert isinstance(talk.turns[-1], Failed)
    assert [exchange.question for exchange in exchanges(talk.turns)] == [f"What {n}?" for n in range(3, 9)]


def test_a_refusal_says_which_words_are_in_how_many_articles(desk):
    scene = last(desk.ask("me", Talk(), "Any gold?"))
    record = scene.talk.turns[0].record
    assert record.words == (("Any", 3), ("gold?", 5))
    assert (scene.opened.passage, scene.opened.at) == (None, None)
    assert asked(desk, "What was found?").turns[0].record.words == ()


def test_a_refusal_under_a_filter_says_when_there_is_an_answer_without_it(desk, engine):
    record = last(desk.ask("me", Talk(), "What is hidden?", HERALD)).talk.turns[0].record
    assert record.note == "without the filter there is an answer"
    assert (record.where, engine.wheres) == (HERALD, [HERALD])
    assert last(desk.ask("me", Talk(), "What gold?", HERALD)).talk.turns[0].record.note == ""


def test_a_bad_question_is_told_with_its_mend_and_not_kept(desk, kept):
    (turn,) = last(desk.ask("me", Talk(), "  ")).talk.turns
    assert turn == Failed("  ", "the question is empty", "Ask something in words.")
    assert kept.listed("me") == []


def test_an_unexpected_error_is_one_plain_line_here_and_whole_in_the_log(desk, caplog):
    with caplog.at_level(logging.ERROR):
        (turn,) = last(desk.ask("me", Talk(), "crash")).talk.turns
    assert turn.message == "something went wrong here"
    assert "secret" not in turn.message + turn.hint
    assert "secret detail" in caplog.text


def test_an_answer_that_cannot_be_kept_is_still_given(desk, kept, monkeypatch):
    def full(*_):
        raise ConversationsFault("the disk is full", "Free some space.")

    monkeypatch.setattr(kept, "add", full)
    (turn,) = last(desk.ask("me", Talk(), "What was found?")).talk.turns
    assert (turn.id, turn.record.note) == ("", "this answer was not kept, the server's log says why")


def test_asking_again_replaces_the_last_answer_and_adds_to_earlier_ones(desk, kept):
    talk = asked(desk, "First?", "Second?")
    again = last(desk.retry("me", talk, talk.turns[1].id)).talk
    assert [turn.record.question for turn in again.turns] == ["First?", "Second?"]
    assert again.turns[1].id != talk.turns[1].id
    more = last(desk.retry("me", again, again.turns[0].id)).talk
    assert [turn.record.question for turn in more.turns] == ["First?", "Second?", "First?"]
    assert kept.opened("me", more.id)[1] == list(more.turns)


def test_an_edited_question_takes_the_place_of_the_last(desk, kept):
    talk = asked(desk, "First?", "Second?")
    scene = desk.edit(talk)
    assert (scene.box, scene.talk.editing) == ("Second?", True)
    *working, done = desk.ask("me", scene.talk, "Other?")
    assert [turn.record.question for turn in working[0].talk.turns] == ["First?"]
    assert [turn.record.question for turn in kept.opened("me", talk.id)[1]] == ["First?", "Other?"]
    assert done.talk.editing is False


def test_an_edited_question_that_fails_leaves_what_was_there(desk, kept):
    talk = asked(desk, "First?")
    scene = last(desk.ask("me", desk.edit(talk).talk, ""))
    assert scene.talk.turns[0] == talk.turns[0]
    assert len(kept.opened("me", talk.id)[1]) == 1


def test_undo_takes_the_last_question_back_into_the_box(desk, kept):
    talk = asked(desk, "First?", "Second?")
    scene = desk.undo("me", talk)
    assert (scene.box, scene.talk.turns, scene.opened.turn) == ("Second?", talk.turns[:1], talk.turns[0].id)
    empty = desk.undo("me", scene.talk)
    assert (empty.talk, empty.blank) == (Talk(), True)
    assert kept.listed("me") == []
    assert desk.undo("me", Talk()).talk == Talk()


def test_a_thumb_is_kept_with_its_remark_and_taken_back_by_the_same(desk, kept):
    talk = asked(desk, "First?")
    id = talk.turns[0].id
    judged = desk.judge("me", talk, id, -1).talk
    judged = desk.remark("me", judged, id, " wrong pier ").talk
    (turn,) = kept.opened("me", talk.id)[1]
    assert (
        (turn.verdict, turn.remark) == (-1, "wrong pier") == (judged.turns[0].verdict, judged.turns[0].remark)
    )
    assert desk.judge("me", judged, id, -1).talk.turns[0].verdict == 0
    assert desk.judge("me", judged, id, 1).talk.turns[0].verdict == 1
    assert desk.judge("me", talk, "unknown", 1) == Scene(talk)


def test_quotes_and_passages_of_a_turn_open_and_others_do_not(desk):
    talk = asked(desk, "First?")
    id = talk.turns[0].id
    assert desk.cite(talk, id, 0).at == 0
    assert desk.consider(talk, id, 2).passage.id == 2
    assert desk.cite(talk, id, 1) is desk.cite(talk, "unknown", 0) is desk.cite(talk, id, -1) is None
    assert desk.consider(talk, id, 1) is desk.consider(talk, "unknown", 2) is None


def questions(turns: Sequence[Turn | Failed]) -> list[str]:
    return [turn.question if isinstance(turn, Failed) else turn.record.question for turn in turns]


def test_two_questions_at_once_lose_neither(desk, kept):
    talk = asked(desk, "First?")
    slow, quick = desk.ask("me", talk, "Slow?"), desk.ask("me", talk, "Quick?")
    next(slow)
    assert questions(last(quick).talk.turns) == ["First?", "Quick?"]
    done = last(slow).talk
    assert questions(done.turns) == ["First?", "Quick?", "Slow?"]
    assert kept.opened("me", talk.id)[1] == list(done.turns)


def test_a_question_asked_from_a_screen_that_lags_goes_on_from_what_is_kept(desk, engine):
    lagging = asked(desk, "First?")
    last(desk.ask("me", lagging, "Second?"))
    working, *_, done = desk.ask("me", lagging, "Third?")
    assert questions(working.talk.turns) == ["First?", "Second?"]
    assert questions(done.talk.turns) == ["First?", "Second?", "Third?"]
    assert [exchange.question for exchange in engine.turns[-1]] == ["First?", "Second?"]


def test_suggestions_that_come_late_take_no_answer_off_the_screen(desk, monkeypatch):
    lagging = asked(desk, "First?")

    def follow_ups(*_):
        last(desk.ask("me", lagging, "Second?"))
        return ["Who reopened it?"]

    monkeypatch.setattr("page.talk.follow_ups", follow_ups)
    talk = desk.suggest("me", lagging).talk
    assert questions(talk.turns) == ["First?", "Second?"]
    assert talk.turns[0].suggestions == ("Who reopened it?",)


def test_what_is_marked_on_a_turn_does_not_hide_a_question_in_work(engine, kept, monkeypatch):
    meter = Meter()
    desk = Desk(engine, kept, Articles(), meter)
    talk = asked(desk, "First?")
    with meter.asking("me"):
        assert desk.judge("me", talk, talk.turns[0].id, 1) == Scene(None)
    with meter.asking("you"):
        assert desk.judge("me", talk, talk.turns[0].id, 1).talk.turns[0].verdict == 1


def test_a_thumb_given_while_a_question_is_in_work_stays(desk):
    talk = asked(desk, "First?")
    asking = desk.ask("me", talk, "Second?")
    next(asking)
    desk.judge("me", talk, talk.turns[0].id, 1)
    assert [turn.verdict for turn in last(asking).talk.turns] == [1, 0]


def test_an_answer_asked_again_goes_to_the_end_if_another_came_meanwhile(desk, kept):
    talk = asked(desk, "First?")
    again = desk.retry("me", talk, talk.turns[0].id)
    next(again)
    last(desk.ask("me", talk, "Second?"))
    assert questions(last(again).talk.turns) == ["First?", "Second?", "First?"]
    assert questions(kept.opened("me", talk.id)[1]) == ["First?", "Second?", "First?"]


def test_undo_takes_back_what_is_the_last_by_now_and_no_more(desk, kept):
    lagging = asked(desk, "First?")
    last(desk.ask("me", lagging, "Second?"))
    assert questions(desk.undo("me", lagging).talk.turns) == ["First?"]
    assert questions(kept.opened("me", lagging.id)[1]) == ["First?"]


def test_a_conversation_deleted_meanwhile_begins_anew_with_the_answer(desk, kept):
    talk = asked(desk, "First?")
    asking = desk.ask("me", talk, "Second?")
    next(asking)
    kept.delete("me", talk.id)
    done = last(asking).talk
    assert questions(done.turns) == ["Second?"]
    assert done.id != talk.id
    assert kept.opened("me", done.id)[1] == list(done.turns)


def test_turns_that_are_not_kept_stay_where_they_stood(desk):
    talk = asked(desk, "", "First?", "", "Second?")
    kept = [turn for turn in talk.turns if isinstance(turn, Turn)]
    assert questions(talk.turns) == ["", "First?", "", "Second?"]
    assert merged(talk.turns, kept) == talk.turns
    assert questions(merged(talk.turns, kept[:1])) == ["", "First?", ""]


def test_suggestions_are_asked_for_once_and_kept(desk, kept, monkeypatch):
    calls = []

    def follow_ups(record, asked, ask):
        calls.append(asked)
        return ["Who reopened it?"]

    monkeypatch.setattr("page.talk.follow_ups", follow_ups)
    talk = desk.suggest("me", asked(desk, "First?")).talk
    assert talk.turns[0].suggestions == ("Who reopened it?",)
    assert kept.opened("me", talk.id)[1][0].suggestions == ("Who reopened it?",)
    desk.suggest("me", talk)
    assert calls == [["First?"]]
    assert desk.suggest("me", Talk()) == Scene(Talk())


def test_nobody_waits_for_suggestions_to_others(engine, kept, monkeypatch):
    meter = Meter()
    desk = Desk(engine, kept, Articles(), meter)
    monkeypatch.setattr("page.talk.follow_ups", lambda *_: pytest.fail("asked while others wait"))
    talk = asked(desk, "First?")
    with meter.asking("you"):
        assert desk.suggest("me", talk).talk == talk


def test_stages_are_told_in_words():
    assert told(Stage("search", 1)) == "Searching 1 article…"
    assert told(Stage("read", 8)) == "Reading 8 passages…"
    assert told(Stage("write", 1)) == "Writing from 1 passage…"


def test_a_fault_of_the_store_is_told_where_a_person_sees_it(desk, kept, monkeypatch):
    def fail(*_):
        raise CitewiseError("it is locked", "Try again.")

    talk = asked(desk, "First?")
    monkeypatch.setattr(kept, "judge", fail)
    monkeypatch.setattr(kept, "cut", fail)
    assert desk.judge("me", talk, talk.turns[0].id, 1).talk.turns[-1] == Failed(
        "First?", "it is locked", "Try again."
    )
    assert isinstance(desk.undo("me", talk).talk.turns[-1], Failed)


def test_dates_of_a_filter_go_into_the_record(desk):
    where = Where(since=date(2017, 1, 1))
    turn = last(desk.ask("me", Talk(), "First?", where)).talk.turns[0]
    assert isinstance(turn, Turn)
    assert turn.record.where == where
