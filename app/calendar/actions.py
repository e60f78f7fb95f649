"""What is done to the calendar: a change is proposed by one person and comes into force by another."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import orjson

from app import jobs
from app.audit.actions import record
from app.audit.rules import Action, Somebody
from app.calendar import queries
from app.calendar.rules import (
    LIMIT_DAYS,
    YEARS,
    Change,
    Progress,
    as_json,
    checked_periods,
    from_json,
    inverse,
    what_differs,
)
from app.errors import BadValue, Conflict, NotAllowed, NotFound
from app.transaction import Tx


class NothingChanges(BadValue):
    """The calendar holds all of it already."""

    code = "nothing_changes"


class DecidedAlready(Conflict):
    """The change was confirmed or refused before."""

    code = "decided_already"


class StillCarried(Conflict):
    """Open cases are still being moved by the change before."""

    code = "still_carried"


class SamePerson(NotAllowed):
    """Who proposed a change does not confirm it."""

    code = "same_person"


def propose(tx: Tx, change: Change, *, by: Somebody, at: datetime, note: str = "") -> int:
    """Write down a change that a second person has to confirm, and return its id.

    Raises:
        BadValue: a day, year or hours cannot be.
        NothingChanges: the calendar holds all of it already.
    """
    queries.forget()
    differs = what_differs(queries.current(tx), _checked(change))
    if differs.empty:
        raise NothingChanges("days: the calendar says all of this already; change something", field="days")
    made = tx.named("calendar.propose", change=_text(as_json(differs)), note=note, by=by.person_id, at=at)
    return int(made.scalar_one())


def confirm(tx: Tx, change_id: int, *, by: Somebody, at: datetime) -> None:
    """Bring a change into force, and queue the recomputation of the open cases.

    Raises:
        NotFound: there is no such change.
        SamePerson: they proposed it themselves.
        DecidedAlready: it was confirmed or refused.
        StillCarried: the change before is still being carried to the open cases.
    """
    found = _proposed(tx, change_id)
    if found.proposed_by is not None and found.proposed_by == by.person_id:
        raise SamePerson("two persons change the calendar: another planner or administrator confirms this")
    _come_into_force(tx, change_id, from_json(found.change), by=by, at=at, source="")


def refuse(tx: Tx, change_id: int, *, by: Somebody, at: datetime) -> None:
    """Decline a change, or take one's own back.

    Raises:
        NotFound: there is no such change.
        DecidedAlready: it was confirmed or refused.
    """
    _proposed(tx, change_id)
    tx.named("calendar.refuse", id=change_id, by=by.person_id, at=at)


def change_at_once(tx: Tx, change: Change, *, by: Somebody, at: datetime, source: str) -> int:
    """Bring a change into force without a second person: for who runs commands on the machine itself.

    Raises:
        BadValue, NothingChanges, StillCarried: as `propose` and `confirm`.
    """
    change_id = propose(tx, change, by=by, at=at, note=source)
    _proposed(tx, change_id)
    _come_into_force(tx, change_id, change, by=by, at=at, source=source)
    return change_id


def _proposed(tx: Tx, change_id: int) -> Any:
    tx.named("calendar.lock_changes")
    found = tx.named("calendar.change", id=change_id).one_or_none()
    if found is None:
        raise NotFound(f"there is no change {change_id} of the calendar")
    if found.progress != Progress.PROPOSED:
        raise DecidedAlready(
            f"the change {change_id} is {found.progress} already; look at the calendar again"
        )
    return found


def _come_into_force(
    tx: Tx, change_id: int, change: Change, *, by: Somebody, at: datetime, source: str
) -> None:
    queries.forget()
    now = queries.in_force(tx)
    if now.carried is not None:
        raise StillCarried(
            f"the change {now.carried} is still being carried to the open cases; confirm this one when it is"
            " done (the background worker does it)"
        )
    differs = what_differs(now.calendar, change)
    back = inverse(now.calendar, differs)
    for day in differs.days:
        values = {"day": day.day, "kind": day.kind, "name": day.name, "source": source}
        if day.kind is None:
            tx.named("calendar.drop_day", day=day.day)
        else:
            tx.named("calendar.put_day", **values, by=by.person_id, at=at)
    for year, known in differs.years:
        if known:
            tx.named("calendar.put_year", year=year, source=source, by=by.person_id, at=at)
        else:
            tx.named("calendar.drop_year", year=year)
    stored = as_json(differs)
    for (day_from, periods), written in zip(differs.hours, stored["hours"], strict=True):
        if periods:
            texts = written["periods"]
            tx.named("calendar.put_hours", from_day=day_from, periods=texts, by=by.person_id, at=at)
        else:
            tx.named("calendar.drop_hours", from_day=day_from)
    tx.named(
        "calendar.come_into_force",
        id=change_id,
        change=_text(stored),
        before=_text(as_json(back)),
        by=by.person_id,
        at=at,
    )
    record(tx, Action.CALENDAR_CHANGED, f"calendar {change_id}", by=by, detail=stored)
    jobs.defer(tx, jobs.RECOMPUTE)
    queries.forget()


def _checked(change: Change) -> Change:
    days = [one.day for one in change.days]
    if len(set(days)) < len(days):
        raise BadValue("days: a day is named twice; name each once", field="days")
    if len(days) > LIMIT_DAYS:
        raise BadValue(f"days: at most {LIMIT_DAYS} at a time", field="days", value=len(days))
    for year in (*(day.year for day in days), *(year for year, _ in change.years)):
        if year not in YEARS:
            raise BadValue(
                f"days: the year {year} is none of {YEARS.start} to {YEARS.stop - 1}",
                field="days",
                value=year,
            )
    for _, periods in change.hours:
        if periods:
            checked_periods(periods)
    return change


def _text(value: dict[str, Any]) -> str:
    return orjson.dumps(value).decode()
