"""Tables of the calendar: days, years, hours, and every change with what it did to open cases."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from app.calendar.rules import DayKind, Progress
from app.db import Base, one_of


class CalendarDay(Base):
    """A day that differs from its weekday: a holiday, or a weekend day that is worked."""

    __tablename__ = "calendar_days"
    __table_args__ = (one_of("kind", DayKind),)

    day: Mapped[date] = mapped_column(primary_key=True)
    kind: Mapped[str]
    name: Mapped[str] = mapped_column(server_default="")
    source: Mapped[str] = mapped_column(server_default="")
    changed_by: Mapped[int | None] = mapped_column(sa.BigInteger, sa.ForeignKey("people.id"))
    changed_at: Mapped[datetime] = mapped_column(server_default=sa.text("now()"))


class CalendarYear(Base):
    """A year whose days are known whole. One without a row is provisional: weekends, and what was entered."""

    __tablename__ = "calendar_years"

    year: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    source: Mapped[str] = mapped_column(server_default="")
    changed_by: Mapped[int | None] = mapped_column(sa.BigInteger, sa.ForeignKey("people.id"))
    changed_at: Mapped[datetime] = mapped_column(server_default=sa.text("now()"))


class CalendarHours(Base):
    """The periods of a working day from a day on, such as ["08:00-12:00", "14:00-18:00"]."""

    __tablename__ = "calendar_hours"

    from_day: Mapped[date] = mapped_column(primary_key=True)
    periods: Mapped[list[str]] = mapped_column(sa.ARRAY(sa.Text))
    changed_by: Mapped[int | None] = mapped_column(sa.BigInteger, sa.ForeignKey("people.id"))
    changed_at: Mapped[datetime] = mapped_column(server_default=sa.text("now()"))


class CalendarChange(Base):
    """A change: proposed by one, confirmed by another, then carried to the open cases once.

    `change` is what it makes of days, years and hours, `before` what takes it back. `version` counts the
    changes in force. `cursor` is the last case that was looked at, so that who goes on after a kill begins
    behind it; `cases` are to be looked at, `seen` were, `moved` have another due moment.
    """

    __tablename__ = "calendar_changes"
    __table_args__ = (one_of("progress", Progress), sa.UniqueConstraint("version"))

    id: Mapped[int] = mapped_column(sa.BigInteger, sa.Identity(always=True), primary_key=True)
    progress: Mapped[str]
    change: Mapped[dict[str, Any]]
    before: Mapped[dict[str, Any] | None]
    note: Mapped[str] = mapped_column(server_default="")
    proposed_by: Mapped[int | None] = mapped_column(sa.BigInteger, sa.ForeignKey("people.id"))
    proposed_at: Mapped[datetime]
    decided_by: Mapped[int | None] = mapped_column(sa.BigInteger, sa.ForeignKey("people.id"))
    decided_at: Mapped[datetime | None]
    version: Mapped[int | None] = mapped_column(sa.BigInteger)
    cursor: Mapped[UUID | None] = mapped_column(sa.Uuid())
    cases: Mapped[int | None]
    seen: Mapped[int] = mapped_column(server_default="0")
    moved: Mapped[int] = mapped_column(server_default="0")
    finished_at: Mapped[datetime | None]


class CalendarMove(Base):
    """A case that a change moved, or that it was carried to ahead of the others since a step was taken."""

    __tablename__ = "calendar_moves"

    change_id: Mapped[int] = mapped_column(
        sa.BigInteger, sa.ForeignKey("calendar_changes.id"), primary_key=True
    )
    case_id: Mapped[UUID] = mapped_column(sa.Uuid(), primary_key=True)
    due_before: Mapped[datetime]
    due_after: Mapped[datetime]
    moved: Mapped[bool]
