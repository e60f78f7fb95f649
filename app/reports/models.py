"""Tables of figures: facts a case, their daily sums, weights, objections, and what was published."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from app.db import Base, Code, one_of
from app.reports.rules import NUMBERS, OBJECTED, ROLLED, Post
from app.transaction import Xid8

MOMENTS = (
    "reported_at",
    "accepted_at",
    "verify_asked_at",
    "verified_at",
    "filed_at",
    "dispatched_at",
    "returned_at",
    "handled_at",
    "replied_at",
    "check_asked_at",
    "checked_at",
    "called_at",
    "visited_at",
    "rated_at",
    "supervised_at",
    "closed_at",
)
"""The moments of a case, in one BRIN index: they lie near each other for cases written near each other."""


class CaseFacts(Base):
    """What the figures count of a case, derived from its steps and its clock. `out`: 'void' or 'merged'.

    `handle_due`, `reply_due`, `close_due` are the deadlines in force; they are empty where nothing is owed.
    `exempt` names the stages whose lateness an upheld objection has taken out of the rates.
    """

    __tablename__ = "case_facts"
    __table_args__ = (
        sa.Index("ix_case_facts_moments", *MOMENTS, postgresql_using="brin"),
        sa.Index(
            "ix_case_facts_open", "community_code", "case_id", postgresql_where=sa.text("closed_at IS NULL")
        ),
    )

    case_id: Mapped[UUID] = mapped_column(
        sa.Uuid(), sa.ForeignKey("cases.id", ondelete="CASCADE"), primary_key=True
    )
    reported_at: Mapped[datetime]
    accepted_at: Mapped[datetime | None]
    verify_asked_at: Mapped[datetime | None]
    verified_at: Mapped[datetime | None]
    filed_at: Mapped[datetime | None]
    dispatched_at: Mapped[datetime | None]
    returned_at: Mapped[datetime | None]
    handle_due: Mapped[datetime | None]
    handled_at: Mapped[datetime | None]
    reply_due: Mapped[datetime | None]
    replied_at: Mapped[datetime | None]
    check_asked_at: Mapped[datetime | None]
    checked_at: Mapped[datetime | None]
    called_at: Mapped[datetime | None]
    visited_at: Mapped[datetime | None]
    rated_at: Mapped[datetime | None]
    supervised_at: Mapped[datetime | None]
    suspended_from: Mapped[datetime | None]
    suspended_to: Mapped[datetime | None]
    close_due: Mapped[datetime | None]
    closed_at: Mapped[datetime | None]
    worker_id: Mapped[int | None] = mapped_column(sa.BigInteger)
    verifier_id: Mapped[int | None] = mapped_column(sa.BigInteger)
    checker_id: Mapped[int | None] = mapped_column(sa.BigInteger)
    accepted_by: Mapped[int | None] = mapped_column(sa.BigInteger)
    verify_asked_by: Mapped[int | None] = mapped_column(sa.BigInteger)
    filed_by: Mapped[int | None] = mapped_column(sa.BigInteger)
    dispatched_by: Mapped[int | None] = mapped_column(sa.BigInteger)
    check_asked_by: Mapped[int | None] = mapped_column(sa.BigInteger)
    closed_by: Mapped[int | None] = mapped_column(sa.BigInteger)
    handle_s: Mapped[int | None]
    handle_work_s: Mapped[int | None]
    reworks: Mapped[int] = mapped_column(sa.SmallInteger)
    valid: Mapped[bool]
    resent: Mapped[bool]
    answered: Mapped[bool]
    unreasonable: Mapped[bool]
    kind: Mapped[str]
    type_code: Mapped[str] = mapped_column(Code)
    source: Mapped[str]
    community_code: Mapped[str] = mapped_column(Code)
    cell_code: Mapped[str | None] = mapped_column(Code)
    unit_code: Mapped[str | None] = mapped_column(Code)
    first_unit: Mapped[str | None] = mapped_column(Code)
    returned_by: Mapped[str | None] = mapped_column(Code)
    rating: Mapped[str | None]
    out: Mapped[str | None]
    exempt: Mapped[list[str] | None] = mapped_column(sa.ARRAY(sa.Text))


def _days(name: str) -> sa.Table:
    return sa.Table(
        name,
        Base.metadata,
        sa.Column("by", sa.Text, primary_key=True),
        sa.Column("key", Code, primary_key=True),
        sa.Column("day", sa.Date, primary_key=True),
        *(sa.Column(code, sa.BigInteger if code.endswith("_s") else sa.Integer) for code in NUMBERS),
    )


figure_days = _days("figure_days")
"""The daily sums, by town, worker, department and type; empty where a day has none. `*_undone` are flows.

A partition each, so that a year of all towns lies together and not among the workers' days.
"""

figure_day_partitions = [_days(f"figure_days_{by.value}") for by in ROLLED]
for _partition in figure_day_partitions:
    sa.Index(f"ix_{_partition.name}_day", _partition.c.day, postgresql_using="brin")


class FigureState(Base):
    """How far the facts follow the events: one row."""

    __tablename__ = "figure_state"
    __table_args__ = (sa.CheckConstraint("id = 1", name="one_row"),)

    id: Mapped[int] = mapped_column(sa.SmallInteger, primary_key=True, autoincrement=False)
    xid: Mapped[str] = mapped_column(Xid8())
    event_id: Mapped[int] = mapped_column(sa.BigInteger)
    at: Mapped[datetime]


class WorkDay(Base):
    """The working calendar as the figures use it: working periods, and the seconds worked before the day.

    `periods` are seconds of the day, from and to by turns; none when the day is off.
    """

    __tablename__ = "figure_work_days"

    day: Mapped[date] = mapped_column(primary_key=True)
    periods: Mapped[list[int]] = mapped_column(sa.ARRAY(sa.Integer))
    before_s: Mapped[int] = mapped_column(sa.BigInteger)


class Objection(Base):
    """An appraisal objection 申诉: a case's lateness in a stage was not theirs. Upheld, it is excused."""

    __tablename__ = "figure_objections"
    __table_args__ = (
        sa.CheckConstraint(f"stage IN ({', '.join(repr(code) for code in OBJECTED)})", name="stage"),
        sa.Index(
            "uq_figure_objections_open",
            "case_id",
            "stage",
            unique=True,
            postgresql_where=sa.text("upheld IS NOT FALSE"),
        ),
    )

    id: Mapped[int] = mapped_column(sa.BigInteger, sa.Identity(always=True), primary_key=True)
    case_id: Mapped[UUID] = mapped_column(sa.Uuid(), sa.ForeignKey("cases.id"))
    stage: Mapped[str]
    reason: Mapped[str]
    by_person: Mapped[int] = mapped_column(sa.BigInteger, sa.ForeignKey("people.id"))
    at: Mapped[datetime]
    decided_by: Mapped[int | None] = mapped_column(sa.BigInteger, sa.ForeignKey("people.id"))
    decided_at: Mapped[datetime | None]
    upheld: Mapped[bool | None]


class Weights(Base):
    """The weights of a post's score, in versions: the newest holds."""

    __tablename__ = "figure_weights"
    __table_args__ = (one_of("post", Post), sa.UniqueConstraint("post", "version"))

    id: Mapped[int] = mapped_column(sa.BigInteger, sa.Identity(always=True), primary_key=True)
    post: Mapped[str]
    version: Mapped[int]
    weights: Mapped[dict[str, Any]]
    by_person: Mapped[int | None] = mapped_column(sa.BigInteger, sa.ForeignKey("people.id"))
    at: Mapped[datetime]
    reason: Mapped[str]


class Published(Base):
    """Figures as they were published, with the definitions they were made by. Never changed.

    A correction is a new revision with a reason.
    """

    __tablename__ = "published_figures"
    __table_args__ = (
        sa.UniqueConstraint("first_day", "last_day", "area_code", "revision"),
        sa.CheckConstraint("revision = 1 OR reason <> ''", name="reason"),
    )

    id: Mapped[int] = mapped_column(sa.BigInteger, sa.Identity(always=True), primary_key=True)
    first_day: Mapped[date]
    last_day: Mapped[date]
    area_code: Mapped[str] = mapped_column(Code, sa.ForeignKey("areas.code"))
    revision: Mapped[int]
    reason: Mapped[str]
    by_person: Mapped[int] = mapped_column(sa.BigInteger, sa.ForeignKey("people.id"))
    at: Mapped[datetime]
    figures: Mapped[dict[str, Any]]
    definitions: Mapped[dict[str, Any]]
    sha256: Mapped[bytes]
