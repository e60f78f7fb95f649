"""The calendar that comes with the program: China's notices as the library `holidays` knows them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from functools import cache
from types import MappingProxyType

import holidays

from app.calendar.rules import SATURDAY, Calendar, DayKind, Special

SHIFTED = "调休"


@cache
def built_in() -> Calendar:
    """Return the library's calendar; of a year that it does not know, weekends alone are off."""
    years = frozenset(_library().special_public_holidays)
    special = {day: one for year in sorted(years) for day, one in _special(year)}
    return Calendar(MappingProxyType(special), years)


def _special(year: int) -> Iterator[tuple[date, Special]]:
    library, day = _library(), date(year, 1, 1)
    while day.year == year:
        name, works = library.get(day), library.is_working_day(day)
        if name is not None and not works:
            yield day, Special(DayKind.HOLIDAY, SHIFTED if SHIFTED in name else name.split("（")[0])
        elif works and day.weekday() >= SATURDAY:
            yield day, Special(DayKind.WORKDAY, SHIFTED)
        day += timedelta(days=1)


@cache
def _library() -> holidays.HolidayBase:
    return holidays.country_holidays("CN", language="zh_CN")
