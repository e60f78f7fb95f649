"""Deadlines: when a limit is over, in natural time or in working time (domain.md, section 5).

What is worked is the calendar's (`app.calendar.rules`); without one it is that of the library. A limit in
working days is eight working hours a day, counted in seconds, whatever hours a day has.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import lru_cache
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from app.calendar.axis import SECOND, Axis, Flags, Micros, axis
from app.calendar.library import built_in
from app.calendar.rules import CHINA_TIME, LONGEST, PERIODS, Calendar
from app.cases.rules import ClockKind

__all__ = ["CHINA_TIME", "LONGEST", "PERIODS", "WORK_DAY", "Due", "after", "due", "due_many", "left"]

WORK_DAY = timedelta(hours=8)
NATURAL = frozenset({ClockKind.URGENT_HOUR, ClockKind.NATURAL_DAY})
HOUR_S = 3_600
_HOURS = MappingProxyType({ClockKind.NATURAL_DAY: 24, ClockKind.WORK_DAY: WORK_DAY // timedelta(hours=1)})


@dataclass(frozen=True, slots=True)
class Due:
    """The moment a limit is over; provisional when a year on the way has no known calendar."""

    at: datetime
    provisional: bool = False


@dataclass(frozen=True, slots=True)
class DueMany:
    """The moments at which limits are over, in microseconds since 1970, and which are provisional."""

    at: Micros
    provisional: Flags


def due(start: datetime, clock: ClockKind, limit: float, calendar: Calendar | None = None) -> Due:
    """Return when `limit` hours or days of `clock` after `start` are over.

    Args:
        start: aware; the answer is in its zone.
        clock: what the limit counts: hours or days, natural or working.
        limit: at least 0; a working day is eight working hours.
        calendar: what is worked; without one, what the library knows.
    """
    length = min(seconds_of(clock, limit), LONGEST.total_seconds())
    if clock in NATURAL:
        return Due(start + timedelta(seconds=length))
    return Due(*(calendar or built_in()).after(start, timedelta(seconds=length)))


def after(start: datetime, clock: ClockKind, seconds: float, calendar: Calendar | None = None) -> datetime:
    """Return when `seconds` of `clock` after `start` are over."""
    length = timedelta(seconds=min(seconds, LONGEST.total_seconds()))
    return start + length if clock in NATURAL else (calendar or built_in()).after(start, length)[0]


def left(start: datetime, end: datetime, clock: ClockKind, calendar: Calendar | None = None) -> float:
    """Return how many seconds of `clock` lie between two moments; negative when `end` comes first."""
    if clock in NATURAL:
        return (end - start).total_seconds()
    return (calendar or built_in()).between(start, end).total_seconds()


def seconds_of(clock: ClockKind, limit: float) -> float:
    """Return `limit` hours or days of `clock` in its seconds."""
    return limit * _HOURS.get(clock, 1) * HOUR_S


def due_many(
    start: Micros,
    clock: Sequence[str] | NDArray[np.str_],
    limit: NDArray[np.float64],
    calendar: Calendar | None = None,
) -> DueMany:
    """Return what `due` says of each start, clock and limit, for a million at once.

    Args:
        start: (n,) microseconds since 1970 (`axis.micros`).
        clock: (n,) kinds of clock.
        limit: (n,) hours or days, at least 0.
        calendar: what is worked; without one, what the library knows.
    """
    codes = np.asarray(clock)
    hours = np.ones(len(codes))
    works = np.zeros(len(codes), dtype=bool)
    for kind in ClockKind:
        mine = codes == kind.value
        hours[mine] = _HOURS.get(kind, 1)
        works |= mine if kind not in NATURAL else False
    seconds = np.minimum(limit * hours * HOUR_S, LONGEST.total_seconds())
    # as timedelta does it: the whole seconds apart, so that no microsecond is rounded away
    whole = np.floor(seconds)
    length = whole.astype(np.int64) * SECOND + np.rint((seconds - whole) * SECOND).astype(np.int64)
    at, provisional = start + length, np.zeros(len(codes), dtype=bool)
    if works.any():
        began = start[works]
        line = _axis(calendar or built_in(), _year(began.min()), _year(began.max()))
        at[works], provisional[works] = line.after(began, length[works])
    return DueMany(at, provisional)


def _year(at: np.int64) -> int:
    return int(np.datetime64(int(at), "us").astype("datetime64[Y]").astype(int)) + 1970


@lru_cache(maxsize=8)
def _axis(calendar: Calendar, first: int, last: int) -> Axis:
    return axis(calendar, date(first, 1, 1) - timedelta(days=1), date(last, 12, 31) + timedelta(days=1))


def known(year: int) -> bool:
    """Whether the library knows the State Council's notice for `year`."""
    return built_in().known(year)


def working(day: date) -> bool:
    """Whether people work on `day` in China, as far as the library knows."""
    return built_in().works(day)
