"""When a limit is over."""

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.cases import deadlines
from app.cases.deadlines import due, known, working
from app.cases.rules import ClockKind

CHINA = ZoneInfo("Asia/Shanghai")


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=CHINA)


@pytest.mark.parametrize(
    ("start", "clock", "limit", "end"),
    [
        ("2026-05-01 23:30", "urgent_hour", 2, "2026-05-02 01:30"),
        ("2026-05-01 09:00", "natural_day", 3, "2026-05-04 09:00"),
        ("2026-03-10 09:00", "work_hour", 2, "2026-03-10 11:00"),
        ("2026-03-10 09:00", "work_hour", 3, "2026-03-10 12:00"),
        ("2026-03-10 11:00", "work_hour", 2, "2026-03-10 15:00"),
        ("2026-03-10 12:30", "work_hour", 0.5, "2026-03-10 14:30"),
        ("2026-03-10 17:30", "work_hour", 1, "2026-03-11 08:30"),
        ("2026-03-10 03:00", "work_hour", 4, "2026-03-10 12:00"),
        ("2026-03-10 10:00", "work_day", 1, "2026-03-11 10:00"),
        ("2026-03-13 17:00", "work_day", 1, "2026-03-16 17:00"),
        ("2026-03-10 10:00", "work_day", 0, "2026-03-10 10:00"),
        # 13 February 2026 is a Friday; the 14th is worked, and after Spring Festival the 24th
        ("2026-02-13 17:00", "work_hour", 2, "2026-02-14 09:00"),
        ("2026-02-14 17:00", "work_hour", 2, "2026-02-24 09:00"),
        # National Day week, with the Sunday before it worked
        ("2026-09-19 09:00", "work_hour", 1, "2026-09-20 09:00"),
        ("2026-09-30 17:00", "work_day", 1, "2026-10-08 17:00"),
    ],
)
def test_a_limit_ends_when_its_clock_says(start, clock, limit, end):
    found = due(at(start), ClockKind(clock), limit)
    assert found.at == at(end)
    assert not found.provisional


def test_a_year_without_a_notice_has_weekends_only_and_says_so():
    assert not known(2049)
    assert working(date(2049, 10, 1)) is True
    found = due(at("2049-09-30 17:00"), ClockKind.WORK_DAY, 1)
    assert found.at == at("2049-10-01 17:00")
    assert found.provisional
    across = due(at("2026-12-31 17:00"), ClockKind.WORK_DAY, 1)
    assert across.provisional is not known(2027)


def test_the_answer_keeps_the_zone_it_was_asked_in():
    utc = ZoneInfo("UTC")
    found = due(at("2026-03-10 09:00").astimezone(utc), ClockKind.WORK_HOUR, 2)
    assert found.at.tzinfo is utc
    assert found.at == at("2026-03-10 11:00")


def test_a_limit_beyond_ten_years_ends_there():
    start = at("2026-03-10 09:00")
    for clock in ClockKind:
        assert due(start, clock, 1e6).at <= start + deadlines.LONGEST


minutes = st.integers(0, 1_000 * 24 * 60)
moments = minutes.map(lambda passed: at("2024-01-02 00:00") + timedelta(minutes=passed))
hours = st.integers(0, 160).map(lambda quarters: quarters / 4)


@given(moments, hours, hours)
def test_working_time_adds_up(start, first, second):
    once = due(start, ClockKind.WORK_HOUR, first + second).at
    twice = due(due(start, ClockKind.WORK_HOUR, first).at, ClockKind.WORK_HOUR, second).at
    assert twice == once


@given(moments, hours)
def test_a_limit_in_working_time_ends_in_working_time(start, limit):
    end = due(start, ClockKind.WORK_HOUR, limit + 0.25).at
    assert working(end.date())
    assert any(opens < end.time() <= closes for opens, closes in deadlines.PERIODS)
    assert end >= start + timedelta(hours=limit)


@given(moments, st.integers(0, 12))
def test_a_working_day_is_eight_working_hours(start, days):
    assert due(start, ClockKind.WORK_DAY, days) == due(start, ClockKind.WORK_HOUR, 8 * days)
