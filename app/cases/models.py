"""Tables of cases: what was reported, where, in whose hands, and every step since."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from geoalchemy2 import Geometry, WKBElement
from sqlalchemy.orm import Mapped, mapped_column

from app.cases.rules import ClockKind, Kind, Source, Status, Step
from app.db import Base, Code, one_of


class CaseType(Base):
    """What can be reported: 'F' and four digits for a facility's fault, 'E' and four digits for an event."""

    __tablename__ = "case_types"
    __table_args__ = (
        one_of("clock", ClockKind),
        sa.CheckConstraint("urgency BETWEEN 1 AND 3", name="urgency"),
    )

    code: Mapped[str] = mapped_column(Code, primary_key=True)
    name_zh: Mapped[str]
    name_en: Mapped[str]
    unit: Mapped[str]
    urgency: Mapped[int] = mapped_column(sa.SmallInteger)
    clock: Mapped[str]
    limit_value: Mapped[float]
    facility_type_code: Mapped[str | None] = mapped_column(Code, sa.ForeignKey("facility_types.code"))
    source: Mapped[str] = mapped_column(server_default="")


class Case(Base):
    """A matter. It is always in somebody's hands: a worker's, or a duty desk's.

    `cell_code` is empty outside the grid; then `nearest_cell_code` and `outside_m` say where the grid begins.
    `community_code` (of the cell, or of the nearest) is stamped at filing, so that filters by area are one
    prefix. `body_sha256` is of the report as it was sent: the same again is no second case.
    """

    __tablename__ = "cases"
    __table_args__ = (
        one_of("status", Status),
        one_of("kind", Kind),
        one_of("source", Source),
        sa.UniqueConstraint("no"),
        sa.CheckConstraint("worker_id IS NOT NULL OR desk_code IS NOT NULL", name="somebody_holds_it"),
        sa.CheckConstraint("(cell_code IS NULL) = (outside_m IS NOT NULL)", name="inside_or_outside"),
        sa.Index("ix_cases_geom", "geom", postgresql_using="gist"),
        sa.Index("ix_cases_received_at", "received_at", "id"),
        sa.Index("ix_cases_worker_id_received_at", "worker_id", "received_at"),
        sa.Index("ix_cases_community_code_received_at", "community_code", "received_at"),
        sa.Index("ix_cases_cell_code_received_at", "cell_code", "received_at"),
        sa.Index("ix_cases_reported_by_received_at", "reported_by", "received_at"),
        sa.Index(
            "ix_cases_open_due",
            "community_code",
            "due_at",
            postgresql_where=sa.text("closed_at IS NULL"),
        ),
    )

    id: Mapped[UUID] = mapped_column(sa.Uuid(), primary_key=True)
    no: Mapped[str] = mapped_column(Code)
    kind: Mapped[str]
    type_code: Mapped[str] = mapped_column(Code, sa.ForeignKey("case_types.code"))
    status: Mapped[str]
    source: Mapped[str]
    text: Mapped[str]
    geom: Mapped[WKBElement] = mapped_column(Geometry("POINT", 4326, spatial_index=False))
    accuracy_m: Mapped[float | None]
    crs_source: Mapped[str]
    observed_at: Mapped[datetime]
    received_at: Mapped[datetime]
    due_at: Mapped[datetime]
    closed_at: Mapped[datetime | None]
    cell_code: Mapped[str | None] = mapped_column(Code, sa.ForeignKey("cells.code"))
    nearest_cell_code: Mapped[str | None] = mapped_column(Code, sa.ForeignKey("cells.code"))
    outside_m: Mapped[float | None]
    community_code: Mapped[str] = mapped_column(Code, sa.ForeignKey("areas.code"))
    worker_id: Mapped[int | None] = mapped_column(sa.BigInteger, sa.ForeignKey("workers.id"))
    desk_code: Mapped[str | None] = mapped_column(Code, sa.ForeignKey("areas.code"))
    facility_id: Mapped[int | None] = mapped_column(sa.BigInteger, sa.ForeignKey("facilities.id"))
    reported_by: Mapped[int | None] = mapped_column(sa.BigInteger, sa.ForeignKey("people.id"))
    body_sha256: Mapped[bytes]
    received_again: Mapped[int] = mapped_column(server_default="0")


class CaseStep(Base):
    """One step of a case, never changed: who, when, from, to, why."""

    __tablename__ = "case_steps"
    __table_args__ = (
        one_of("step", Step),
        sa.Index("ix_case_steps_case_id_at", "case_id", "at"),
    )

    id: Mapped[int] = mapped_column(sa.BigInteger, sa.Identity(always=True), primary_key=True)
    case_id: Mapped[UUID] = mapped_column(sa.Uuid(), sa.ForeignKey("cases.id"))
    at: Mapped[datetime]
    step: Mapped[str]
    from_status: Mapped[str | None]
    to_status: Mapped[str]
    by_person: Mapped[int | None] = mapped_column(sa.BigInteger, sa.ForeignKey("people.id"))
    worker_id: Mapped[int | None] = mapped_column(sa.BigInteger, sa.ForeignKey("workers.id"))
    note: Mapped[str] = mapped_column(server_default="")


class CasePhoto(Base):
    """A photo named by a case. The file itself may arrive before or after the report."""

    __tablename__ = "case_photos"
    __table_args__ = (sa.Index("ix_case_photos_sha256", "sha256"),)

    case_id: Mapped[UUID] = mapped_column(sa.Uuid(), sa.ForeignKey("cases.id"), primary_key=True)
    sha256: Mapped[str] = mapped_column(primary_key=True)
    position: Mapped[int] = mapped_column(sa.SmallInteger)
