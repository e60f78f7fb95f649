"""The calendar as a page: a year in twelve months, the changes that wait, and how far one was carried."""

from __future__ import annotations

import calendar as months_of
from dataclasses import dataclass
from datetime import date

from babel.dates import get_day_names
from flask import Blueprint, abort, render_template, request
from flask_babel import format_date, format_datetime, get_locale

from app import clock
from app.calendar import queries
from app.calendar.routes import CITY_PREFIX, answer, year_card
from app.calendar.rules import SATURDAY, YEARS, Calendar, DayKind
from app.identity.access import allow, viewer
from app.identity.rules import Permission
from app.transaction import read

blueprint = Blueprint("calendar_pages", __name__)


@dataclass(frozen=True, slots=True)
class Day:
    """A day as it is drawn: its kind ('off', 'holiday', 'shifted' or 'worked'), its name, and its words."""

    day: date
    kind: str
    name: str
    weekend: bool
    today: bool


@dataclass(frozen=True, slots=True)
class Month:
    """A month: its name, and how many days of the week lie before its first."""

    name: str
    before: int
    days: tuple[Day, ...]


@blueprint.get("/calendar")
@allow(Permission.EDIT_CALENDAR, page=True)
def show() -> str:
    """Show a year of the calendar, and the changes."""
    with read() as tx:
        found = queries.in_force(tx)
        changes = [answer(one) for one in queries.changes(tx)]
        proposers = {one.id: one.proposer_id for one in queries.changes(tx)}
        known = {one.year: one for one in queries.known_years(tx)}
    card = year_card(found, _year())
    asking = viewer()
    return render_template(
        "calendar/year.html",
        card=card,
        months=[_month(found.calendar, card.year, number) for number in range(1, 13)],
        weekdays=[get_day_names("narrow", "stand-alone", get_locale())[n] for n in range(7)],
        source=known.get(card.year),
        changes=changes,
        mine={one.id for one in changes if proposers[one.id] == asking.person_id},
        whole_city=any(len(prefix) <= CITY_PREFIX for prefix in asking.areas),
        day_words=lambda day: format_date(day, "full"),
        moment=lambda at: format_datetime(at, "medium"),
        first=YEARS.start,
        last=YEARS.stop - 1,
    )


def _year() -> int | None:
    given = request.args.get("year", "")
    if not given:
        return None
    if not given.isascii() or not given.isdigit() or len(given) > len("2026") or int(given) not in YEARS:
        abort(404)
    return int(given)


def _month(calendar: Calendar, year: int, number: int) -> Month:
    first, length = months_of.monthrange(year, number)
    days = tuple(_day(calendar, date(year, number, day)) for day in range(1, length + 1))
    return Month(format_date(date(year, number, 1), "LLLL"), first, days)


def _day(calendar: Calendar, day: date) -> Day:
    special, weekend = calendar.special.get(day), day.weekday() >= SATURDAY
    if special is None:
        kind = "off" if weekend else "worked"
    else:
        kind = "holiday" if special.kind is DayKind.HOLIDAY else "shifted"
    return Day(day, kind, special.name if special else "", weekend, day == _today(calendar))


def _today(calendar: Calendar) -> date:
    return calendar.day_of(clock.now())
