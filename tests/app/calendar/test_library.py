"""What the library knows of China's working days."""

from datetime import date, timedelta

import holidays

from app.calendar.library import built_in
from app.calendar.rules import DayKind, Special


def test_every_day_of_the_known_years_is_worked_as_the_library_says():
    library, calendar = holidays.country_holidays("CN"), built_in()
    day = date(min(calendar.years), 1, 1)
    while day.year <= max(calendar.years):
        assert calendar.works(day) == library.is_working_day(day), day
        day += timedelta(days=1)


def test_days_have_their_names():
    special = built_in().special
    assert special[date(2026, 10, 1)] == Special(DayKind.HOLIDAY, "国庆节")
    assert special[date(2026, 10, 10)] == Special(DayKind.WORKDAY, "调休")
    assert special[date(2026, 10, 6)].name == "调休"


def test_a_year_that_it_does_not_know_has_weekends_only():
    calendar = built_in()
    assert not calendar.known(2049)
    assert not [day for day in calendar.special if day.year == 2049]
