"""The calendar by the API: a year of it, and changes, which take two persons."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from flask import Blueprint, Response
from pydantic import Field, field_validator

from app import clock
from app.calendar import actions, queries
from app.calendar.queries import ChangeCard, InForce
from app.calendar.rules import (
    LIMIT_DAYS,
    YEARS,
    Change,
    DayChange,
    DayKind,
    missing_year,
    read_periods,
    written,
)
from app.errors import NotAllowed
from app.http import Description, Parsed, describe, json_answer
from app.identity.access import allow, viewer
from app.identity.rules import Permission, Viewer
from app.transaction import Tx, read, write

blueprint = Blueprint("calendar", __name__)

MAX_NAME = 40
MAX_NOTE = 500
CITY_PREFIX = 4


class YearQuery(Parsed):
    """Which year is asked for."""

    year: int | None = Field(None, ge=YEARS.start, lt=YEARS.stop, description="Left out: this year")


class DayBody(Parsed):
    """What a day becomes."""

    day: date
    kind: DayKind | None = Field(None, description="holiday, workday, or null: what its weekday says")
    name: str = Field("", max_length=MAX_NAME, description="Such as 国庆节")

    @field_validator("name")
    @classmethod
    def _storable(cls, name: str) -> str:
        if "\0" in name:
            raise ValueError("holds the character NUL, which no name needs; leave it out")
        return name.strip()


class YearBody(Parsed):
    """Whether a year is known whole."""

    year: int = Field(ge=YEARS.start, lt=YEARS.stop)
    known: bool = Field(description="false makes it provisional again")


class HoursBody(Parsed):
    """The working hours from a day on."""

    from_day: date
    periods: list[str] = Field(
        max_length=8, description='As ["08:00-12:00", "14:00-18:00"]; none: those of before hold on'
    )

    @field_validator("periods")
    @classmethod
    def _hours(cls, periods: list[str]) -> list[str]:
        if any(len(period) > MAX_NAME for period in periods):
            raise ValueError("are written as 08:00-12:00")
        return periods


class ChangeBody(Parsed):
    """A change of the calendar."""

    days: list[DayBody] = Field(default_factory=list, max_length=LIMIT_DAYS)
    years: list[YearBody] = Field(default_factory=list, max_length=20)
    hours: list[HoursBody] = Field(default_factory=list, max_length=20)
    note: str = Field("", max_length=MAX_NOTE, description="Why; such as the number of the notice")

    @field_validator("note")
    @classmethod
    def _storable(cls, note: str) -> str:
        if "\0" in note:
            raise ValueError("holds the character NUL, which no text needs; leave it out")
        return note.strip()

    def change(self) -> Change:
        """Return what was sent as a change."""
        return Change(
            tuple(DayChange(one.day, one.kind, one.name if one.kind else "") for one in self.days),
            tuple((one.year, one.known) for one in self.years),
            tuple((one.from_day, read_periods(one.periods)) for one in self.hours),
        )


class DecisionBody(Parsed):
    """What a second person says of a change."""

    confirm: bool


@dataclass(frozen=True, slots=True)
class DayCard:
    """A day that differs from its weekday."""

    day: date
    kind: DayKind
    name: str


@dataclass(frozen=True, slots=True)
class HoursCard:
    """Working hours from a day on."""

    from_day: date
    periods: list[str]


@dataclass(frozen=True, slots=True)
class YearCard:
    """A year of the calendar. `known` false: weekends and what was entered; deadlines are provisional.

    `missing_year` is the year whose days should be entered by now.
    """

    year: int
    known: bool
    days: list[DayCard]
    hours: list[HoursCard]
    known_years: list[int]
    missing_year: int | None
    version: int
    carried: int | None


@dataclass(frozen=True, slots=True)
class ChangeAnswer:
    """A change, by whom, and how far the open cases are moved: `seen` of `cases` looked at."""

    id: int
    progress: str
    days: list[DayBody]
    years: list[YearBody]
    hours: list[HoursBody]
    note: str
    proposed_by: str | None
    proposed_at: datetime
    decided_by: str | None
    decided_at: datetime | None
    cases: int | None
    seen: int
    moved: int
    finished_at: datetime | None


@dataclass(frozen=True, slots=True)
class Changes:
    """The newest changes, those that wait for a second person first."""

    items: list[ChangeAnswer]


@blueprint.get("/api/v1/calendar")
@allow(Permission.SIGNED_IN)
@describe(Description("Show a year of the calendar", "calendar", query=YearQuery, answers={200: YearCard}))
def show_year(query: YearQuery) -> Response:
    """Show a year's special days, the hours, and which years are known."""
    with read() as tx:
        found = queries.in_force(tx)
    return json_answer(year_card(found, query.year))


@blueprint.put("/api/v1/calendar")
@allow(Permission.EDIT_CALENDAR)
@describe(
    Description(
        "Propose a change of the calendar; a second person confirms it",
        "calendar",
        body=ChangeBody,
        answers={202: ChangeAnswer},
        problems=(422,),
    )
)
def propose(body: ChangeBody) -> Response:
    """Write down the change; it is in force when a second person has confirmed it."""
    with write() as tx:
        change_id = actions.propose(tx, body.change(), by=viewer(), at=clock.now(), note=body.note)
        return json_answer(answer(queries.change(tx, change_id)), 202)


@blueprint.get("/api/v1/calendar/changes")
@allow(Permission.EDIT_CALENDAR)
@describe(Description("List the changes of the calendar", "calendar", answers={200: Changes}))
def list_changes() -> Response:
    """List the newest changes."""
    with read() as tx:
        return json_answer(Changes([answer(one) for one in queries.changes(tx)]))


@blueprint.put("/api/v1/calendar/changes/<int:change_id>")
@allow(Permission.EDIT_CALENDAR)
@describe(
    Description(
        "Confirm or refuse a change",
        "calendar",
        body=DecisionBody,
        answers={200: ChangeAnswer},
        problems=(404, 409),
    )
)
def decide(change_id: int, body: DecisionBody) -> Response:
    """Bring a change into force, or decline it."""
    with write() as tx:
        decided(tx, change_id, confirm=body.confirm, by=viewer(), at=clock.now())
        return json_answer(answer(queries.change(tx, change_id)))


def decided(tx: Tx, change_id: int, *, confirm: bool, by: Viewer, at: datetime) -> None:
    """Decide on a change as this viewer.

    Raises:
        NotFound: there is no such change.
        NotAllowed: the viewer does not answer for the whole city, or proposed it.
        Conflict: it was decided before, or the one before is still being carried to the open cases.
    """
    queries.change(tx, min(change_id, 2**63 - 1))
    if confirm and not any(len(prefix) <= CITY_PREFIX for prefix in by.areas):
        raise NotAllowed("the calendar is the whole city's: somebody who answers for it confirms a change")
    (actions.confirm if confirm else actions.refuse)(tx, change_id, by=by, at=at)


def year_card(found: InForce, year: int | None) -> YearCard:
    """Return a year of the calendar, this one when none is named."""
    calendar = found.calendar
    today = calendar.day_of(clock.now())
    year = today.year if year is None else year
    return YearCard(
        year,
        calendar.known(year),
        [
            DayCard(day, one.kind, one.name)
            for day, one in sorted(calendar.special.items())
            if day.year == year
        ],
        [HoursCard(day, written(periods)) for day, periods in calendar.hours],
        sorted(calendar.years),
        missing_year(calendar, today),
        calendar.version,
        found.carried,
    )


def answer(card: ChangeCard) -> ChangeAnswer:
    """Return a change as it is sent."""
    change = card.change
    return ChangeAnswer(
        card.id,
        card.progress.value,
        [DayBody(day=one.day, kind=one.kind, name=one.name) for one in change.days],
        [YearBody(year=year, known=known) for year, known in change.years],
        [HoursBody(from_day=day, periods=written(periods)) for day, periods in change.hours],
        card.note,
        card.proposed_by,
        card.proposed_at,
        card.decided_by,
        card.decided_at,
        card.cases,
        card.seen,
        card.moved,
        card.finished_at,
    )
