"""Working time as a value: which days are worked, in which hours, and how far the calendar is known.

Weekends are off but for the days that a notice shifts (调休); holidays are off. A year that nobody confirmed
has weekends and what was entered so far, and whatever is computed from it is provisional.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from functools import cached_property
from itertools import pairwise
from types import MappingProxyType
from typing import Any
from zoneinfo import ZoneInfo

from app.errors import BadValue

CHINA_TIME = ZoneInfo("Asia/Shanghai")
SATURDAY = 5
LONGEST = timedelta(days=3_660)
"""A limit over ten years is a mistake in the table of types; it must not make the walk endless."""

WARN_FROM_MONTH = 10
"""From October on next year's calendar is missed; the State Council's notice comes in November."""

YEARS = range(1990, 2200)
"""The years that a calendar may hold; in this zone every one of their days has 24 hours from 1992 on."""


LIMIT_DAYS = 400
"""So many days can be changed at a time: a year, and what is over."""


class DayKind(StrEnum):
    """How a day differs from its weekday."""

    HOLIDAY = "holiday"
    WORKDAY = "workday"


@dataclass(frozen=True, slots=True)
class Special:
    """A day off, or a weekend day that is worked, and its name."""

    kind: DayKind
    name: str = ""


Period = tuple[time, time]
Periods = tuple[Period, ...]
PERIODS: Periods = ((time(8), time(12)), (time(14), time(18)))


@dataclass(frozen=True, eq=False)
class Calendar:
    """Working days and hours. `hours` holds from which day on which periods are worked, in order of days.

    `years` are those that are known whole; `version` counts the changes.
    """

    special: Mapping[date, Special] = field(default_factory=lambda: MappingProxyType({}))
    years: frozenset[int] = frozenset()
    hours: tuple[tuple[date, Periods], ...] = ((date.min, PERIODS),)
    zone: ZoneInfo = CHINA_TIME
    version: int = 0

    def known(self, year: int) -> bool:
        """Whether the year's notice is in the calendar."""
        return year in self.years

    def works(self, day: date) -> bool:
        """Whether people work on `day`."""
        special = self.special.get(day)
        return day.weekday() < SATURDAY if special is None else special.kind is DayKind.WORKDAY

    def periods(self, day: date) -> Periods:
        """Return the periods worked on `day`, none when it is off."""
        if not self.works(day):
            return ()
        return next((periods for start, periods in reversed(self.hours) if start <= day), PERIODS)

    def worked(self, day: date) -> Iterator[tuple[datetime, datetime]]:
        """Yield the working periods of `day` as moments."""
        for opens, closes in self.periods(day):
            yield datetime.combine(day, opens, self.zone), datetime.combine(day, closes, self.zone)

    def day_of(self, at: datetime) -> date:
        """Return the day of a moment, where the hours are kept."""
        return at.astimezone(self.zone).date()

    def after(self, start: datetime, left: timedelta) -> tuple[datetime, bool]:
        """Return when so much working time after `start` is over, and whether that is provisional.

        Nothing left is over at once, even at night. What takes ten years ends there.
        """
        if left <= timedelta(0):
            return start, False
        day, provisional = self.day_of(start), False
        last = day + LONGEST
        while day < last:
            provisional = provisional or not self.known(day.year)
            for opens, closes in self.worked(day):
                begin = max(opens, start)
                if begin + left <= closes:
                    return (begin + left).astimezone(start.tzinfo), provisional
                left -= max(closes - begin, timedelta(0))
            day += timedelta(days=1)
        return start + LONGEST, True

    def between(self, start: datetime, end: datetime) -> timedelta:
        """Return the working time from `start` to `end`; negative when `end` comes first."""
        if end < start:
            return -self.between(end, start)
        total, day, last = timedelta(0), self.day_of(start), self.day_of(end)
        while day <= last:
            for opens, closes in self.worked(day):
                total += max(min(closes, end) - max(opens, start), timedelta(0))
            day += timedelta(days=1)
        return total

    @cached_property
    def last_known(self) -> int | None:
        """The last year that is known whole."""
        return max(self.years, default=None)


@dataclass(frozen=True, slots=True)
class DayChange:
    """What a day becomes; no kind makes it what its weekday says."""

    day: date
    kind: DayKind | None
    name: str = ""


@dataclass(frozen=True, slots=True)
class Change:
    """A change of the calendar: days, years that become known (or no longer), hours from a day on.

    No hours from a day on are those of before.
    """

    days: tuple[DayChange, ...] = ()
    years: tuple[tuple[int, bool], ...] = ()
    hours: tuple[tuple[date, Periods], ...] = ()

    @property
    def empty(self) -> bool:
        """Whether it changes nothing."""
        return not (self.days or self.years or self.hours)


def changed(calendar: Calendar, change: Change) -> Calendar:
    """Return the calendar after a change."""
    special = dict(calendar.special)
    for one in change.days:
        if one.kind is None:
            special.pop(one.day, None)
        else:
            special[one.day] = Special(one.kind, one.name)
    years = set(calendar.years)
    for year, is_known in change.years:
        (years.add if is_known else years.discard)(year)
    hours = {
        day: periods for day, periods in {**dict(calendar.hours), **dict(change.hours)}.items() if periods
    }
    return replace(
        calendar,
        special=MappingProxyType(special),
        years=frozenset(years),
        hours=tuple(sorted(hours.items())),
    )


def what_differs(calendar: Calendar, change: Change) -> Change:
    """Return the part of a change that the calendar does not hold already."""
    days = tuple(
        one
        for one in change.days
        if calendar.special.get(one.day) != (one.kind and Special(one.kind, one.name))
    )
    years = tuple(one for one in change.years if calendar.known(one[0]) is not one[1])
    held = dict(calendar.hours)
    return Change(days, years, tuple(one for one in change.hours if held.get(one[0], ()) != one[1]))


def checked_periods(periods: Periods) -> Periods:
    """Return a day's periods when they can be.

    Raises:
        BadValue: there is none, one ends before it begins, or two overlap.
    """
    flat = [moment for period in periods for moment in period]
    if not periods or any(a >= b for a, b in pairwise(flat)):
        said = ", ".join(f"{opens:%H:%M}-{closes:%H:%M}" for opens, closes in periods) or "none"
        raise BadValue(
            f"hours: {said} are no working hours; give periods in order, as 08:00-12:00",
            field="hours",
            value=said,
        )
    return periods


def missing_year(calendar: Calendar, today: date) -> int | None:
    """Return the year whose calendar is missed: this one, or from October on the next; None when none is."""
    if not calendar.known(today.year):
        return today.year
    if today.month >= WARN_FROM_MONTH and not calendar.known(today.year + 1):
        return today.year + 1
    return None


class Progress(StrEnum):
    """How far a change has come: waiting for a second person, for the open cases, or done with them."""

    PROPOSED = "proposed"
    REFUSED = "refused"
    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"


def inverse(calendar: Calendar, change: Change) -> Change:
    """Return what takes a change back; hours that were not there before become none."""
    held = dict(calendar.hours)
    return Change(
        tuple(
            DayChange(one.day, special.kind if special else None, special.name if special else "")
            for one in change.days
            for special in (calendar.special.get(one.day),)
        ),
        tuple((year, calendar.known(year)) for year, _ in change.years),
        tuple((day, held.get(day, ())) for day, _ in change.hours),
    )


def as_json(change: Change) -> dict[str, Any]:
    """Return a change as it is stored and sent."""
    return {
        "days": [{"day": one.day.isoformat(), "kind": one.kind, "name": one.name} for one in change.days],
        "years": [{"year": year, "known": known} for year, known in change.years],
        "hours": [
            {"from_day": day.isoformat(), "periods": written(periods)} for day, periods in change.hours
        ],
    }


def from_json(stored: Mapping[str, Any]) -> Change:
    """Return a stored change."""
    return Change(
        tuple(
            DayChange(date.fromisoformat(one["day"]), one["kind"] and DayKind(one["kind"]), one["name"])
            for one in stored["days"]
        ),
        tuple((one["year"], one["known"]) for one in stored["years"]),
        tuple((date.fromisoformat(one["from_day"]), read_periods(one["periods"])) for one in stored["hours"]),
    )


_HOUR = r"([01]\d|2[0-3]):([0-5]\d)"
_PERIOD = re.compile(rf"{_HOUR}\s*[-–]\s*{_HOUR}", re.ASCII)


def written(periods: Periods) -> list[str]:
    """Return periods as they are stored: 08:00-12:00."""
    return [f"{opens:%H:%M}-{closes:%H:%M}" for opens, closes in periods]


def read_periods(texts: Sequence[str]) -> Periods:
    """Return periods that were written as 08:00-12:00.

    Raises:
        BadValue: one is not.
    """
    found = [_PERIOD.fullmatch(text.strip()) for text in texts]
    if not all(found):
        raise BadValue("hours: write periods as 08:00-12:00", field="hours", value=", ".join(texts)[:80])
    return tuple((time(int(m[1]), int(m[2])), time(int(m[3]), int(m[4]))) for m in found if m)
