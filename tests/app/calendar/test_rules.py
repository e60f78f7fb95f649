"""Working time as a value."""

from datetime import UTC, date, datetime, time, timedelta
from types import MappingProxyType
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.calendar.library import built_in
from app.calendar.rules import (
    LONGEST,
    PERIODS,
    Calendar,
    Change,
    DayChange,
    DayKind,
    Special,
    changed,
    checked_periods,
    missing_year,
    what_differs,
)
from app.errors import BadValue

CHINA = ZoneInfo("Asia/Shanghai")
SUMMER = ((time(8, 30), time(11, 45)), (time(14, 30), time(18)))
FIRST = date(2025, 1, 1)

days = st.integers(0, 900).map(lambda passed: FIRST + timedelta(days=passed))
kinds = st.sampled_from(list(DayKind)).map(Special)
calendars = st.builds(
    lambda special, hours: Calendar(
        MappingProxyType(special),
        frozenset({2025, 2026}),
        ((date.min, PERIODS), *((day, SUMMER) for day in sorted(hours))),
    ),
    st.dictionaries(days, kinds, max_size=40),
    st.sets(days, max_size=2),
)
moments = st.integers(0, 800 * 24 * 3600 * 1000).map(
    lambda ms: datetime(2025, 1, 2, tzinfo=CHINA) + timedelta(milliseconds=ms)
)
lengths = st.integers(1, 40 * 8 * 3_600_000).map(lambda ms: timedelta(milliseconds=ms))


@settings(deadline=None)
@given(calendars, moments, lengths)
def test_the_working_time_up_to_a_due_moment_is_what_was_given(calendar, start, length):
    end, _ = calendar.after(start, length)
    assert calendar.between(start, end) == length
    assert calendar.between(end, start) == -length
    assert any(opens < end <= closes for opens, closes in calendar.worked(calendar.day_of(end)))


@settings(deadline=None)
@given(calendars, moments, moments)
def test_what_is_left_leads_back_to_a_due_moment_in_working_time(calendar, start, some):
    due, _ = calendar.after(some, timedelta(milliseconds=1))
    left = calendar.between(start, due)
    if left > timedelta(0):
        assert calendar.after(start, left)[0] == due


@settings(deadline=None)
@given(calendars, moments, moments, lengths)
def test_who_starts_later_ends_no_earlier(calendar, one, other, length):
    assert calendar.after(min(one, other), length)[0] <= calendar.after(max(one, other), length)[0]
    assert calendar.after(one, length)[0] < calendar.after(one, length + timedelta(seconds=1))[0]


@settings(deadline=None)
@given(calendars, moments, lengths, st.lists(lengths, max_size=3), st.data())
def test_a_pause_changes_nothing_of_the_total(calendar, start, total, pauses, data):
    at, left, worked = start, total, timedelta(0)
    for pause in pauses:
        due, _ = calendar.after(at, left)
        stopped = at + (due - at) * data.draw(st.floats(0, 0.99))
        worked += calendar.between(at, stopped)
        left, at = calendar.between(stopped, due), stopped + pause
    due, _ = calendar.after(at, left)
    assert worked + calendar.between(at, due) == total


def test_a_shifted_day_is_worked_and_a_holiday_is_not():
    calendar = Calendar(
        MappingProxyType(
            {
                date(2025, 3, 1): Special(DayKind.WORKDAY),
                date(2025, 3, 3): Special(DayKind.HOLIDAY),
            }
        )
    )
    assert [day for day in range(1, 8) if calendar.works(date(2025, 3, day))] == [1, 4, 5, 6, 7]


def test_hours_hold_from_their_day_on():
    calendar = Calendar(hours=((date.min, PERIODS), (date(2025, 5, 6), SUMMER)))
    assert calendar.periods(date(2025, 5, 5)) == PERIODS
    assert calendar.periods(date(2025, 5, 6)) == SUMMER
    assert calendar.periods(date(2025, 5, 10)) == ()


def test_a_calendar_without_a_working_day_ends_after_ten_years():
    start = datetime(2025, 3, 3, 9, tzinfo=UTC)
    every = {FIRST + timedelta(days=passed): Special(DayKind.HOLIDAY) for passed in range(4_000)}
    assert Calendar(MappingProxyType(every)).after(start, timedelta(hours=1)) == (start + LONGEST, True)


def test_a_change_is_what_differs_and_can_be_taken_back():
    calendar = built_in()
    change = Change(
        days=(
            DayChange(date(2026, 10, 1), DayKind.HOLIDAY, "国庆节"),
            DayChange(date(2026, 10, 8), DayKind.HOLIDAY, "停工日"),
            DayChange(date(2026, 10, 10), None),
        ),
        years=((2026, True), (2030, True)),
        hours=((date(2026, 6, 1), SUMMER),),
    )
    differs = what_differs(calendar, change)
    assert [one.day.day for one in differs.days] == [8, 10]
    assert differs.years == ((2030, True),)
    after = changed(calendar, differs)
    assert not after.works(date(2026, 10, 8))
    assert not after.works(date(2026, 10, 10))
    assert after.known(2030)
    assert after.periods(date(2026, 6, 2)) == SUMMER
    assert what_differs(after, change).empty


@pytest.mark.parametrize(
    "periods",
    [(), ((time(12), time(8)),), ((time(8), time(12)), (time(11), time(18))), ((time(8), time(8)),)],
)
def test_hours_that_overlap_or_go_backwards_are_refused(periods):
    with pytest.raises(BadValue, match="no working hours"):
        checked_periods(periods)


def test_next_year_is_missed_from_october_on():
    calendar = Calendar(years=frozenset({2026}))
    assert missing_year(calendar, date(2026, 9, 30)) is None
    assert missing_year(calendar, date(2026, 10, 1)) == 2027
    assert missing_year(calendar, date(2027, 1, 1)) == 2027
    assert missing_year(Calendar(years=frozenset({2026, 2027})), date(2026, 12, 31)) is None
