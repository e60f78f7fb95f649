"""Deadlines: when a limit is over, in natural time or in working time (domain.md, section 5).

Working time is 08-12 and 14-18 on China's working days: weekends and public holidays are off, the weekend
days that the State Council's yearly notice makes working days are not. Of a year whose notice the calendar
does not know, weekends alone are off, and what is computed from it is provisional.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import cache
from zoneinfo import ZoneInfo

import holidays

from app.cases.rules import ClockKind

PERIODS = ((time(8), time(12)), (time(14), time(18)))
WORK_DAY = timedelta(hours=8)
CHINA_TIME = ZoneInfo("Asia/Shanghai")
LONGEST = timedelta(days=3_660)
"""A limit over ten years is a mistake in the table of types; it must not make the walk endless."""


@dataclass(frozen=True, slots=True)
class Due:
    """The moment a limit is over; provisional when a year on the way has no known calendar."""

    at: datetime
    provisional: bool = False


def due(start: datetime, clock: ClockKind, limit: float, *, zone: ZoneInfo = CHINA_TIME) -> Due:
    """Return when `limit` hours or days of `clock` after `start` are over.

    Args:
        start: aware; the answer is in its zone.
        clock: what the limit counts: hours or days, natural or working.
        limit: at least 0; a working day is eight working hours.
        zone: where the working hours are kept.
    """
    match clock:
        case ClockKind.URGENT_HOUR:
            return Due(start + min(timedelta(hours=limit), LONGEST))
        case ClockKind.NATURAL_DAY:
            return Due(start + min(timedelta(days=limit), LONGEST))
        case ClockKind.WORK_HOUR:
            return _worked(start, timedelta(hours=limit), zone)
        case ClockKind.WORK_DAY:
            return _worked(start, limit * WORK_DAY, zone)


def _worked(start: datetime, left: timedelta, zone: ZoneInfo) -> Due:
    if left <= timedelta(0):
        return Due(start)
    day, provisional = start.astimezone(zone).date(), False
    last = day + LONGEST
    while day < last:
        provisional = provisional or not known(day.year)
        for opens, closes in PERIODS if working(day) else ():
            begin = max(datetime.combine(day, opens, zone), start)
            end = datetime.combine(day, closes, zone)
            if begin + left <= end:
                return Due((begin + left).astimezone(start.tzinfo), provisional)
            left -= max(end - begin, timedelta(0))
        day += timedelta(days=1)
    return Due(start + LONGEST, provisional=True)


def after(start: datetime, clock: ClockKind, seconds: float) -> datetime:
    """Return when `seconds` of `clock` after `start` are over."""
    if clock in {ClockKind.URGENT_HOUR, ClockKind.NATURAL_DAY}:
        return start + timedelta(seconds=seconds)
    return _worked(start, timedelta(seconds=seconds), CHINA_TIME).at


def left(start: datetime, end: datetime, clock: ClockKind) -> float:
    """Return how many seconds of `clock` lie between two moments; negative when `end` comes first."""
    if end < start:
        return -left(end, start, clock)
    if clock in {ClockKind.URGENT_HOUR, ClockKind.NATURAL_DAY}:
        return (end - start).total_seconds()
    total, day = 0.0, start.astimezone(CHINA_TIME).date()
    while day <= end.astimezone(CHINA_TIME).date():
        for opens, closes in PERIODS if working(day) else ():
            begin = max(datetime.combine(day, opens, CHINA_TIME), start)
            until = min(datetime.combine(day, closes, CHINA_TIME), end)
            total += max((until - begin).total_seconds(), 0.0)
        day += timedelta(days=1)
    return total


def seconds_of(clock: ClockKind, limit: float) -> float:
    """Return `limit` hours or days of `clock` in its seconds."""
    hours = {ClockKind.NATURAL_DAY: 24, ClockKind.WORK_DAY: WORK_DAY / timedelta(hours=1)}.get(clock, 1)
    return limit * hours * 3_600


def known(year: int) -> bool:
    """Whether the State Council's notice for `year` is in the calendar."""
    return year in _calendar().special_public_holidays


@cache
def working(day: date) -> bool:
    """Whether people work on `day` in China."""
    if not known(day.year):
        return day.weekday() < 5
    return bool(_calendar().is_working_day(day))


@cache
def _calendar() -> holidays.HolidayBase:
    return holidays.country_holidays("CN")
