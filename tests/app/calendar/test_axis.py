"""Working time by the million, equal to working time for one."""

from datetime import date, datetime, timedelta

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from app.calendar.axis import axis, micros
from app.calendar.library import built_in
from app.cases import deadlines
from app.cases.rules import ClockKind
from tests.app.calendar.test_rules import calendars, moments

cases = st.lists(
    st.tuples(
        moments,
        st.sampled_from(list(ClockKind)),
        st.one_of(st.just(0.0), st.integers(1, 400).map(lambda n: n / 8), st.floats(0, 60), st.just(1e6)),
    ),
    min_size=1,
    max_size=20,
)


def due_each(rows, calendar):
    return [deadlines.due(start, clock, limit, calendar) for start, clock, limit in rows]


def due_all(rows, calendar):
    starts, clocks, limits = zip(*rows, strict=True)
    at = np.array([micros(start) for start in starts])
    return deadlines.due_many(at, [str(clock) for clock in clocks], np.array(limits), calendar)


@settings(deadline=None)
@given(calendars, cases)
def test_many_due_moments_equal_each(calendar, rows):
    many = due_all(rows, calendar)
    each = due_each(rows, calendar)
    assert many.at.tolist() == [micros(one.at) for one in each]
    assert many.provisional.tolist() == [one.provisional for one in each]


def test_the_edges_of_periods_days_and_years_are_equal_too():
    edges = [
        datetime(2026, 1, 1, tzinfo=deadlines.CHINA_TIME) + timedelta(days=day, hours=hour, microseconds=off)
        for day in (-1, 0, 1, 44, 272, 280, 364, 365)
        for hour in (0, 8, 12, 14, 18)
        for off in (-1, 0, 1)
    ]
    rows = [
        (start, clock, limit)
        for start in edges
        for clock in ClockKind
        for limit in (0.0, 0.5, 4.0, 8.0, 40.0)
    ]
    assert due_all(rows, built_in()).at.tolist() == [micros(one.at) for one in due_each(rows, built_in())]


@settings(deadline=None)
@given(calendars, moments, moments)
def test_the_time_between_two_moments_is_equal(calendar, one, other):
    line = axis(calendar, date(2024, 12, 1), date(2028, 1, 1))
    found = line.between(np.array([micros(one)]), np.array([micros(other)]))
    assert found[0] == calendar.between(one, other) // timedelta(microseconds=1)


def test_nobody_asks_for_nothing():
    none = deadlines.due_many(np.array([], dtype=np.int64), [], np.array([]))
    assert none.at.tolist() == []
