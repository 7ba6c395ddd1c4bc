"""The small parts of the page: what it measures of itself, how fast it draws, and its charts."""

from page.charts import MAX_BARS, articles_by_time
from page.meter import N_KEPT, Meter, Timing
from page.pacing import DRAW_S, paced
from page.record import Record
from rag.domain import Answer, Draft, Sentence, Stage, Steps


def test_questions_are_counted_while_they_are_worked_on():
    meter = Meter()
    with meter.asking("me"):
        with meter.asking("me"):
            assert meter.n_asking == 2
        with meter.asking("you"):
            assert (meter.n_asking, meter.is_asking("you")) == (2, True)
        assert (meter.n_asking, meter.is_asking("me"), meter.is_asking("you")) == (1, True, False)
    assert (meter.n_asking, meter.is_asking("me")) == (0, False)


def test_questions_a_minute_are_of_the_last_five_minutes():
    now = [0.0]
    meter = Meter(lambda: now[0])
    for moment in (0, 200, 400, 401):
        now[0] = moment
        with meter.asking("me"):
            pass
    assert meter.per_minute() == 60 * 3 / 300
    now[0] = 1000
    assert meter.per_minute() == 0


def test_a_page_that_has_just_begun_does_not_boast():
    now = [0.0]
    meter = Meter(lambda: now[0])
    with meter.asking("me"):
        pass
    now[0] = 1
    assert meter.per_minute() == 1


def test_the_stages_of_the_last_answers_are_kept_without_their_sum():
    meter = Meter()
    for n in range(N_KEPT + 2):
        meter.answered(Record("Why?", "", timings_ms={"retrieve": 1.5, "read": float(n), "total": 9.0}))
    timings = meter.timings()
    assert len(timings) == 2 * N_KEPT
    assert timings[:2] == [Timing(3, "retrieve", 1.5), Timing(3, "read", 2.0)]
    assert meter.n_answered == N_KEPT + 2


ENDED = Answer("Why?", reason="nothing")
JUDGED = Sentence("It fell.", "unsupported")


def test_drafts_are_drawn_now_and_then_and_each_judged_sentence_at_once():
    now = [0.0]

    def steps() -> Steps:
        yield Stage("write", 2)
        for words in range(1, 21):
            now[0] = words * DRAW_S / 8
            yield Draft((), "w " * words)
        yield Draft((JUDGED,))
        yield Draft((JUDGED,), "w")
        yield ENDED

    drawn = list(paced(steps(), lambda: now[0]))
    assert [len(step.unjudged.split()) for step in drawn[1:-2]] == [1, 9, 17]
    assert (drawn[0], drawn[-2:]) == (Stage("write", 2), [Draft((JUDGED,)), ENDED])


def test_what_is_drawn_no_more_is_no_more_written():
    left = []

    def steps() -> Steps:
        try:
            yield Draft((), "a")
            yield ENDED
        finally:
            left.append(True)

    inner = steps()  # held here, so that nothing but its closing ends it
    drawn = paced(inner)
    next(drawn)
    assert not left
    drawn.close()
    assert left


def test_writing_is_no_part_of_reading():
    meter = Meter()
    meter.answered(
        Record("Why?", "", timings_ms={"write": 70.0, "retrieve": 1.0, "read": 90.0, "total": 91.0})
    )
    assert {timing.stage: timing.ms for timing in meter.timings()} == {
        "write": 70.0,
        "retrieve": 1.0,
        "read": 20.0,
    }


def test_bars_are_by_month_and_source_oldest_first_with_the_undated_last():
    months = [("2017-02", "B", 1), ("2016-12", "A", 2), ("", "", 3)]
    assert articles_by_time(months) == [("2016-12", "A", 2), ("2017-02", "B", 1), ("undated", "no source", 3)]


def test_many_months_are_shown_by_year_and_many_sources_as_others():
    months = [(f"{year}-{month:02}", "A", 1) for year in range(2000, 2010) for month in range(1, 13)]
    assert len(months) > MAX_BARS
    assert articles_by_time(months) == [(str(year), "A", 12) for year in range(2000, 2010)]
    sources = [("2017-01", f"S{n}", 10 - n) for n in range(8)]
    assert [source for _, source, _ in articles_by_time(sources)] == [f"S{n}" for n in range(6)] + [
        "other sources"
    ]
    assert articles_by_time(sources)[-1] == ("2017-01", "other sources", 3 + 4)
