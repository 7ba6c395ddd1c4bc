"""A conversation as a person leads it: what each thing they can do makes of the screen. Nothing here raises."""

from __future__ import annotations

import logging
from collections.abc import Callable, Generator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Protocol

from page import suggest
from page.markup import count
from page.meter import Meter
from page.pacing import paced
from page.record import Record, record_of
from page.suggest import follow_ups, quietly
from page.views import Conversation, Opened, Turn, Verdict
from rag.domain import EVERYWHERE, Answer, Draft, Exchange, Stage, Steps, Way, Where
from rag.errors import CitewiseError, ConversationMissing

log = logging.getLogger("citewise")

N_EXCHANGES = 6  # of a conversation, that a follow-up may lean on


@dataclass(frozen=True, slots=True)
class Failed:
    """A question that could not be answered: what was wrong, and what to do. It is not kept."""

    question: str
    message: str
    hint: str = ""


@dataclass(frozen=True, slots=True)
class Talk:
    """The conversation on the screen. ``id`` is empty until it is kept; ``editing`` replaces its last turn.

    ``owner`` is whose screen it was drawn on.
    """

    id: str = ""
    turns: tuple[Turn | Failed, ...] = ()
    editing: bool = False
    owner: str = ""


@dataclass(frozen=True, slots=True)
class Scene:
    """What the screen shows now. ``asked`` is in work, at ``stage``; a None leaves its part of the screen.

    A ``draft`` comes with nothing else: it grows while the rest stays as it is.
    """

    talk: Talk | None
    asked: str = ""
    stage: str = ""
    opened: Opened | None = None
    box: str | None = None
    listed: bool = False  # whether the list of conversations may have changed
    blank: bool = False  # whether there is no evidence to show
    draft: Draft | None = None


Scenes = Generator[Scene, None, None]


class Engine(suggest.Engine, Protocol):
    """What a conversation needs of a pipeline."""

    def stages(
        self,
        question: str,
        k: int | None = None,
        where: Where = EVERYWHERE,
        turns: Sequence[Exchange] = (),
        way: Way | None = None,
    ) -> Steps:
        """Yield what is done and what is written so far, and last the answer; closing it stops the work."""

    def spread(self, question: str) -> list[tuple[str, int]]:
        """Return the words of a question with the number of articles that have each."""


class Keeper(Protocol):
    """What a conversation needs of the store that keeps it."""

    def add(self, owner: str, conversation_id: str | None, record: Record) -> tuple[str, str]:
        """Keep an answer; return the ids of its conversation and of its turn."""

    def opened(self, owner: str, id: str) -> tuple[Conversation, list[Turn]]:
        """Return a conversation with its turns."""

    def holding(self, owner: str, turn_id: str) -> str:
        """Return the id of the conversation that has this turn."""

    def cut(self, owner: str, turn_id: str) -> str:
        """Drop a turn and all after it."""

    def judge(self, owner: str, turn_id: str, verdict: Verdict, remark: str) -> None:
        """Keep a person's verdict on an answer."""

    def suggest(self, owner: str, turn_id: str, questions: Sequence[str]) -> None:
        """Keep the questions that were suggested after an answer."""


class Shelf(Protocol):
    """What a conversation needs of the articles."""

    def opened(self, turn: str, record: Record, at: int) -> Opened:
        """Open a quote of an answer in its article."""

    def opened_passage(self, turn: str, record: Record, passage_id: int) -> Opened:
        """Open a passage that was considered."""


class Desk:
    """Leads conversations over an engine. ``now`` is the clock."""

    def __init__(
        self,
        engine: Engine,
        kept: Keeper,
        articles: Shelf,
        meter: Meter,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._engine, self._kept, self._articles, self._meter, self._now = engine, kept, articles, meter, now

    def ask(
        self, owner: str, talk: Talk, question: str, where: Where = EVERYWHERE, way: Way | None = None
    ) -> Scenes:
        """Yield the screen while a question is worked on, then with what came of it.

        Nothing is kept of a question that is stopped: closing the generator stops the work, a model's too.
        """
        talk = self._current(owner, talk)
        before = _before(talk)
        open_now = replace(talk, turns=before)
        box: str | None = ""  # emptied once, so that what is typed meanwhile stays
        try:
            steps = self._engine.stages(question, None, where, exchanges(before), way)
            with self._meter.asking(owner), closing(paced(steps)) as looks:
                for step in looks:
                    if isinstance(step, Answer):
                        yield Scene(None)  # the last chance to stop it
                        done = self._kept_with(owner, talk, step)
                    elif isinstance(step, Draft):
                        yield Scene(None, draft=step)
                    else:
                        yield Scene(open_now, question, told(step), box=box)
                        box = None
        except CitewiseError as error:
            yield replace(failed(talk, question, error), box=box)
        except Exception:
            log.exception("a question failed")
            wrong = CitewiseError("something went wrong here", "The server's log says what.")
            yield replace(failed(talk, question, wrong), box=box)
        else:
            yield Scene(done, opened=self._first(done.turns[-1]), listed=True)

    def retry(
        self, owner: str, talk: Talk, turn_id: str, where: Where = EVERYWHERE, way: Way | None = None
    ) -> Scenes:
        """Ask the question of a turn again; the last turn is replaced."""
        turn = _turn(talk, turn_id)
        if turn is None:
            yield Scene(talk)
            return
        is_last = bool(talk.turns) and talk.turns[-1] is turn
        yield from self.ask(owner, replace(talk, editing=is_last), turn.record.question, where, way)

    def edit(self, talk: Talk) -> Scene:
        """Put the last question back into the box; what is asked next takes its place."""
        if not talk.turns:
            return Scene(talk)
        return Scene(replace(talk, editing=True), box=_question(talk.turns[-1]))

    def undo(self, owner: str, talk: Talk) -> Scene:
        """Take the last question back, and its answer."""
        talk = self._current(owner, talk)
        if not talk.turns:
            return Scene(talk)
        last = talk.turns[-1]
        id = talk.id
        if isinstance(last, Turn) and last.id:
            try:
                id = self._kept.cut(owner, last.id)
            except CitewiseError as error:
                return failed(talk, _question(last), error)
        left = Talk(id, talk.turns[:-1])
        opened = self._first(left.turns[-1]) if left.turns else None
        return Scene(left, opened=opened, box=_question(last), listed=True, blank=opened is None)

    def judge(self, owner: str, talk: Talk, turn_id: str, verdict: Verdict) -> Scene:
        """Keep a thumb; the same one again takes it back."""
        turn = _turn(talk, turn_id)
        if turn is None:
            return Scene(talk)
        return self._judged(owner, talk, replace(turn, verdict=0 if verdict == turn.verdict else verdict))

    def remark(self, owner: str, talk: Talk, turn_id: str, remark: str) -> Scene:
        """Keep what a person writes beside a thumb."""
        turn = _turn(talk, turn_id)
        return self._judged(owner, talk, replace(turn, remark=remark.strip())) if turn else Scene(talk)

    def _judged(self, owner: str, talk: Talk, turn: Turn) -> Scene:
        try:
            self._kept.judge(owner, turn.id, turn.verdict, turn.remark)
        except CitewiseError as error:
            return failed(talk, turn.record.question, error)
        return self._marked(owner, _with(talk, turn))

    def suggest(self, owner: str, talk: Talk) -> Scene:
        """Add questions to ask next to the last answer, unless somebody else is waiting for an answer."""
        last = talk.turns[-1] if talk.turns else None
        if not isinstance(last, Turn) or last.suggestions or self._meter.n_asking:
            return Scene(talk)
        try:
            asked = [_question(turn) for turn in talk.turns]
            found = tuple(follow_ups(last.record, asked, quietly(self._engine)))
            if found and last.id:
                self._kept.suggest(owner, last.id, found)
        except CitewiseError:
            return Scene(talk)
        return self._marked(owner, _with(talk, replace(last, suggestions=found)))

    def _marked(self, owner: str, talk: Talk) -> Scene:
        """Show what was added to a turn, unless a question is in work: its answer brings that along."""
        return Scene(None if self._meter.is_asking(owner) else self._current(owner, talk))

    def cite(self, talk: Talk, turn_id: str, at: int) -> Opened | None:
        """Open a quote of an answer in its article."""
        turn = _turn(talk, turn_id)
        if turn is None or not 0 <= at < len(turn.record.all_quotes):
            return None
        return self._articles.opened(turn_id, turn.record, at)

    def consider(self, talk: Talk, turn_id: str, passage_id: int) -> Opened | None:
        """Open a passage that was considered, in its article."""
        turn = _turn(talk, turn_id)
        known = turn and any(c.passage.id == passage_id for c in turn.record.considered)
        return self._articles.opened_passage(turn_id, turn.record, passage_id) if turn and known else None

    def nearest(self, talk: Talk, turn_id: str) -> Opened | None:
        """Show the passages that came nearest, none of them open."""
        turn = _turn(talk, turn_id)
        return Opened(turn_id, turn.record, None, None) if turn else None

    def open(self, owner: str, id: str, turn_id: str = "") -> Scene:
        """Show a kept conversation, with the evidence of one of its answers, or of the last.

        Raises:
            ConversationMissing: there is none of this id, or it is somebody else's.
        """
        id = id or self._kept.holding(owner, turn_id)
        _, turns = self._kept.opened(owner, id)
        shown = next((turn for turn in turns if turn.id == turn_id), turns[-1] if turns else None)
        opened = self._first(shown) if shown else None
        return Scene(Talk(id, tuple(turns)), opened=opened, box="", blank=opened is None)

    def _current(self, owner: str, talk: Talk) -> Talk:
        """Return the conversation as it is kept by now: another event, or another tab, may have gone on with it."""
        if not talk.id:
            return talk
        try:
            kept = self._kept.opened(owner, talk.id)[1]
        except ConversationMissing:
            kept = []
        except CitewiseError:
            return talk
        turns = merged(talk.turns, kept)
        is_last = bool(turns) and _id(turns[-1]) == _id(talk.turns[-1])
        return replace(talk, turns=turns, editing=talk.editing and is_last)

    def _kept_with(self, owner: str, talk: Talk, answer: Answer) -> Talk:
        """Return the conversation with an answer at its end, which is kept if that can be."""
        record = self._record(answer)
        self._meter.answered(record)
        talk = self._current(owner, talk)
        replaced = _id(talk.turns[-1]) if talk.editing else ""
        try:
            id = self._kept.cut(owner, replaced) if replaced else talk.id
            id, turn_id = self._kept.add(owner, id or None, record)
        except CitewiseError as error:
            log.warning("an answer was not kept: %s", error.message)  # which names a path of the server
            unkept = "this answer was not kept, the server's log says why"
            note = f"{record.note}; {unkept}" if record.note else unkept
            return Talk(talk.id, (*_before(talk), Turn("", replace(record, note=note))))
        return Talk(id, (*_before(talk), Turn(turn_id, record)))

    def _record(self, answer: Answer) -> Record:
        """Return the record of an answer; that of an abstention says why, as far as can be told."""
        asked_at = self._now().isoformat(timespec="seconds")
        if answer.mode != "abstain":
            return record_of(answer, asked_at)
        record = record_of(answer, asked_at, self._engine.spread(answer.searched_for))
        if answer.where != EVERYWHERE and quietly(self._engine)(answer.searched_for).citations:
            hidden = "without the filter there is an answer"
            record = replace(record, note=f"{record.note}; {hidden}" if record.note else hidden)
        return record

    def _first(self, turn: Turn | Failed) -> Opened | None:
        """Open the first quote of a turn; after an abstention nothing is open."""
        if isinstance(turn, Failed):
            return None
        if turn.record.quotes:
            return self._articles.opened(turn.id, turn.record, 0)
        return Opened(turn.id, turn.record, None, None)


def exchanges(turns: Sequence[Turn | Failed]) -> list[Exchange]:
    """Return what a follow-up may lean on: the last questions as they were searched for, with their answers."""
    kept = [turn.record for turn in turns if isinstance(turn, Turn)]
    return [Exchange(record.searched_for or record.question, record.text) for record in kept[-N_EXCHANGES:]]


def told(stage: Stage) -> str:
    """Return a stage in words."""
    if stage.name == "search":
        return f"Searching {count(stage.n, 'article')}…"
    return f"{'Reading' if stage.name == 'read' else 'Writing from'} {count(stage.n, 'passage')}…"


def failed(talk: Talk, question: str, error: CitewiseError) -> Scene:
    """Return the screen after something went wrong: the conversation as it was, and what it was."""
    turns = (*talk.turns, Failed(question, error.message, error.hint))
    return Scene(Talk(talk.id, turns))


def merged(shown: Sequence[Turn | Failed], kept: Sequence[Turn]) -> tuple[Turn | Failed, ...]:
    """Return the kept turns, and after each those on the screen that followed it and are not kept."""
    followers: dict[str, list[Turn | Failed]] = {"": []}
    last = ""
    for turn in shown:
        last = _id(turn) or last
        if not _id(turn):
            followers.setdefault(last, []).append(turn)
    after = (part for turn in kept for part in (turn, *followers.get(turn.id, ())))
    return (*followers[""], *after)


def _before(talk: Talk) -> tuple[Turn | Failed, ...]:
    """Return the turns that stay when something is asked."""
    return talk.turns[:-1] if talk.editing else talk.turns


def _id(turn: Turn | Failed) -> str:
    """Return the id of a kept turn, nothing for one that is not kept."""
    return turn.id if isinstance(turn, Turn) else ""


def _turn(talk: Talk, id: str) -> Turn | None:
    found = (turn for turn in talk.turns if isinstance(turn, Turn) and turn.id == id)
    return next(found, None)


def _with(talk: Talk, turn: Turn) -> Talk:
    same = [turn if isinstance(t, Turn) and t.id == turn.id else t for t in talk.turns]
    return replace(talk, turns=tuple(same))


def _question(turn: Turn | Failed) -> str:
    return turn.question if isinstance(turn, Failed) else turn.record.question
