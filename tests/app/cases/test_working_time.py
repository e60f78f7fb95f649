"""Working time by the million is working time one by one."""

from datetime import UTC, date, datetime, timedelta

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from app.cases.deadlines import due
from app.cases.rules import ClockKind
from app.cases.working_time import working_time

TIME = working_time(date(2024, 1, 1), date(2026, 12, 31))
moments = st.integers(1_704_500_000, 1_760_000_000)


@given(st.lists(st.tuples(moments, st.integers(1, 60), st.booleans()), min_size=1, max_size=30))
def test_what_is_after_a_limit_is_what_the_deadline_says(cases):
    start, hours, works = (np.array(column) for column in zip(*cases, strict=True))
    after = TIME.after(start, hours * 3_600, works)
    for began, limit, working, ends in zip(start, hours, works, after, strict=True):
        clock = ClockKind.WORK_HOUR if working else ClockKind.URGENT_HOUR
        expected = due(datetime.fromtimestamp(int(began), UTC), clock, float(limit)).at
        assert ends == int(expected.timestamp())


@given(st.lists(st.tuples(moments, st.integers(0, 400_000), st.booleans()), min_size=1, max_size=30))
def test_what_lies_between_is_what_was_added(cases):
    start, seconds, works = (np.array(column) for column in zip(*cases, strict=True))
    assert (TIME.between(start, TIME.after(start, seconds, works), works) == seconds).all()


def test_nothing_left_is_over_at_once_even_at_night():
    midnight = int((datetime(2025, 3, 4, tzinfo=UTC) - timedelta(hours=8)).timestamp())
    assert TIME.after(np.array([midnight]), np.array([0]), np.array([True]))[0] == midnight
