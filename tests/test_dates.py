"""Relative dates with the day that they were, and those that could be more than one."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.dates import told
from rag.domain import Article, Passage
from rag.reader import Span

TUESDAY = date(2017, 2, 21)


def shown(text: str, marked: str, published: date | None = TUESDAY) -> str:
    where = Passage(1, Article("a", "A", text, published=published), 0, len(text))
    start = text.index(marked)
    return told(marked, Span(where, start, start + len(marked), 1.0))


@pytest.mark.parametrize(
    ("text", "marked", "meant"),
    [
        ("Ayrault told Journal du Dimanche on Sunday that Russia would pay.", "Sunday", "19 February 2017"),
        (
            "Ayrault told Journal du Dimanche on Sunday that Russia would pay.",
            "on Sunday",
            "19 February 2017",
        ),
        ("On Sunday, Merkel said she will stay.", "On Sunday", "19 February 2017"),
        ("Merkel on Sunday said no.", "Sunday", "19 February 2017"),
        ("Obama said Sunday that he would go.", "Sunday", "19 February 2017"),
        ("It fell on Monday morning.", "Monday morning", "20 February 2017"),
        ("She died on Tuesday.", "Tuesday", "21 February 2017"),
        ("She died on Wednesday.", "Wednesday", "15 February 2017"),
        ("The leaders will meet on Thursday.", "Thursday", "23 February 2017"),
        ("She said they will meet on Thursday in Paris.", "on Thursday", "23 February 2017"),
        ("The talks are due on Monday.", "Monday", "27 February 2017"),
        ("The summit will be opened on Friday by her.", "Friday", "24 February 2017"),
        ("The court will sit this Friday.", "this Friday", "24 February 2017"),
        ("It fell last Friday.", "last Friday", "17 February 2017"),
        ("It fell last Tuesday.", "last Tuesday", "14 February 2017"),
        ("It opens next Monday.", "next Monday", "27 February 2017"),
        ("He resigned yesterday.", "yesterday", "20 February 2017"),
        ("He resigned late yesterday evening.", "late yesterday evening", "20 February 2017"),
        ("The case was heard last night.", "last night", "20 February 2017"),
        ("It starts tomorrow.", "tomorrow", "22 February 2017"),
        ("The law was announced today in Rome.", "today", "21 February 2017"),
        ("He was elected last year.", "last year", "2016"),
        ("It ends next year.", "next year", "2018"),
        ("He was elected earlier this year.", "earlier this year", "2017"),
        ("It began this month.", "this month", "February 2017"),
        ("It ended last month.", "last month", "January 2017"),
        ("They vote next week.", "next week", "week of 27 February 2017"),
        ("They voted last week.", "last week", "week of 13 February 2017"),
    ],
)
def test_a_relative_date_has_its_day_or_period_behind_it(text: str, marked: str, meant: str) -> None:
    assert shown(text, marked) == f"{marked} ({meant})"


@pytest.mark.parametrize(
    ("text", "marked"),
    [
        ("He said the vote on Sunday would be fair.", "Sunday"),  # the next one, or the last
        ("Merkel meets Putin on Thursday after he said no.", "Thursday"),
        ("The talks, planned for Thursday, failed.", "Thursday"),
        ("The talks could be held on Thursday.", "Thursday"),
        ("The talks are due on Tuesday.", "Tuesday"),  # today, or in a week
        ("It opens next Thursday.", "next Thursday"),  # in two days, or in nine
        ("It fell last Monday.", "last Monday"),  # yesterday, or eight days ago
        ("It had happened 9 years ago this Friday.", "this Friday"),
        ("They went every Sunday.", "Sunday"),
        ("They left on the Sunday.", "Sunday"),
        ("They wrote our Sunday column.", "Sunday"),
        ("They recalled Bloody Sunday.", "Sunday"),
        ("It was on Sunday, 12 February.", "Sunday"),
        ("It was on Sunday, Feb. 12.", "Sunday"),
        ("The Mail on Sunday said so.", "Sunday"),
        ("It was said on Sunday's programme.", "Sunday"),
        ("It has grown over the last year.", "last year"),  # the twelve months until now
        ("It has grown over the last year.", "the last year"),
        ("The design that we recognise today won.", "today"),  # these days
        ("Today the firm employs 500.", "Today"),
        ("“I saw him yesterday,” he said.", "yesterday"),
        ('He said: "I saw him yesterday."', "yesterday"),
        ("They fell from yesterday's best practice.", "yesterday"),
        ("He was elected in 2010.", "2010"),
        ("He was elected last Sunday in May.", "last Sunday in May"),
        ("He said so on Sunday.", "so on Sunday"),
    ],
)
def test_what_is_no_date_alone_or_could_be_two_stays(text: str, marked: str) -> None:
    assert shown(text, marked) == marked


def test_without_a_date_of_publication_nothing_is_told() -> None:
    assert shown("He resigned yesterday.", "yesterday", None) == "yesterday"


def test_on_a_sunday_a_week_has_just_begun_or_is_about_to_end() -> None:
    assert shown("They vote next week.", "next week", date(2017, 2, 19)) == "next week"


def test_months_and_years_go_round() -> None:
    assert shown("It ended last month.", "last month", date(2017, 1, 3)) == "last month (December 2016)"
    assert shown("It ends next month.", "next month", date(2017, 12, 3)) == "next month (January 2018)"
    assert shown("It fell yesterday.", "yesterday", date(2016, 3, 1)) == "yesterday (29 February 2016)"


def test_time_has_two_ends() -> None:
    assert shown("It fell yesterday.", "yesterday", date.min) == "yesterday"
    assert shown("It starts tomorrow.", "tomorrow", date.max) == "tomorrow"


DAYS = ["Monday", "on Tuesday", "last Friday", "next Sunday", "this Saturday"]


@given(
    st.sampled_from(DAYS),
    st.sampled_from(["It fell", "It will fall", "It falls"]),
    st.dates(date(1900, 1, 2)),
)
def test_a_day_is_at_most_a_week_away_and_the_day_that_it_says(
    marked: str, lead: str, published: date
) -> None:
    told_day = shown(f"{lead} {marked}.", marked, published).removeprefix(marked)
    if told_day:
        days = [date.fromordinal(published.toordinal() + away) for away in range(-7, 8)]
        named = [day for day in days if told_day == f" ({day.day} {day:%B} {day.year})"]
        assert [f"{day:%A}" for day in named] == [marked.split()[-1]]
