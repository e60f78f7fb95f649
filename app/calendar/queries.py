"""The calendar in force, as this process remembers it, and the changes that were made."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Any
from weakref import WeakKeyDictionary

import sqlalchemy as sa

from app.calendar.rules import Calendar, Change, DayKind, Progress, Special, from_json, read_periods
from app.errors import NotFound
from app.transaction import Tx

FRESH_S = 2.0
"""A process asks at most so often whether the calendar was changed."""

SETTLED_S = 5.0
"""So long after a change every process has noticed it, and open cases can be gone through."""


@dataclass(frozen=True, slots=True)
class InForce:
    """The calendar in force; `carried` is the change that is being carried to the open cases."""

    calendar: Calendar
    carried: int | None


@dataclass(frozen=True, slots=True)
class KnownYear:
    """A year that is known whole, from where, since when and by whom."""

    year: int
    source: str
    changed_at: datetime
    changed_by: str | None


@dataclass(frozen=True, slots=True)
class ChangeCard:
    """A change, by whom, and how far it was carried to the open cases."""

    id: int
    progress: Progress
    change: Change
    note: str
    proposer_id: int | None
    proposed_by: str | None
    proposed_at: datetime
    decided_by: str | None
    decided_at: datetime | None
    cases: int | None
    seen: int
    moved: int
    finished_at: datetime | None


_remembered: WeakKeyDictionary[sa.Engine, tuple[float, InForce]] = WeakKeyDictionary()


def in_force(tx: Tx) -> InForce:
    """Return the calendar in force, at most two seconds old."""
    engine, now = tx.connection.engine, time.monotonic()
    asked_at, known = _remembered.get(engine, (0.0, None))
    if known is not None and now - asked_at < FRESH_S:
        return known
    row = tx.named("calendar.state").one()
    if known is None or known.calendar.version != row.version:
        known = InForce(_read(tx, row.version), row.carried)
    elif known.carried != row.carried:
        known = InForce(known.calendar, row.carried)
    _remembered[engine] = (now, known)
    return known


def current(tx: Tx) -> Calendar:
    """Return the calendar in force, at most two seconds old."""
    return in_force(tx).calendar


def forget() -> None:
    """Ask anew at the next occasion: this process changes the calendar, or carries a change."""
    _remembered.clear()


def _read(tx: Tx, version: int) -> Calendar:
    days = {row.day: Special(DayKind(row.kind), row.name) for row in tx.named("calendar.days")}
    hours = tuple((row.from_day, read_periods(row.periods)) for row in tx.named("calendar.hours"))
    years = frozenset(row.year for row in tx.named("calendar.years"))
    return Calendar(MappingProxyType(days), years, hours, version=version)


def known_years(tx: Tx) -> list[KnownYear]:
    """Return the years that are known whole."""
    return [KnownYear(**row._mapping) for row in tx.named("calendar.years")]


def changes(tx: Tx, *, limit: int = 20) -> list[ChangeCard]:
    """Return the newest changes, those that wait for a second person first."""
    return [_card(row) for row in tx.named("calendar.changes", id=None, limit=limit)]


def change(tx: Tx, change_id: int) -> ChangeCard:
    """Return one change.

    Raises:
        NotFound: there is none.
    """
    row = tx.named("calendar.changes", id=change_id, limit=1).one_or_none()
    if row is None:
        raise NotFound(f"there is no change {change_id} of the calendar")
    return _card(row)


def _card(row: sa.Row[Any]) -> ChangeCard:
    values = dict(row._mapping)
    return ChangeCard(
        **{**values, "progress": Progress(values["progress"]), "change": from_json(values["change"])}
    )
