"""Tables of cases: what was reported, where, in whose hands, and every step since."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from geoalchemy2 import Geometry, WKBElement
from sqlalchemy.orm import Mapped, mapped_column

from app.cases.rules import ClockKind, Kind, Nature, Source, Status, Step
from app.db import Base, Code, one_of


class CaseType(Base):
    """What a case is about: a facility's fault (F and four digits), an event (E, four), an appeal (A, two).

    Duplicates of one type are looked for within `merge_m` metres and `merge_h` hours.
    """

    __tablename__ = "case_types"
    __table_args__ = (
        one_of("clock", ClockKind),
        one_of("kind", Kind),
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
    kind: Mapped[str] = mapped_column(server_default=Kind.INCIDENT.value)
    merge_m: Mapped[float] = mapped_column(server_default="50")
    merge_h: Mapped[float] = mapped_column(server_default="24")


class CaseStandard(Base):
    """A filing standard: the condition that makes a case, the one that closes it, its clock and its unit.

    One is chosen when a case is filed; every type has at least one.
    """

    __tablename__ = "case_standards"
    __table_args__ = (one_of("clock", ClockKind), sa.Index("ix_case_standards_type_code", "type_code"))

    id: Mapped[int] = mapped_column(sa.BigInteger, sa.Identity(), primary_key=True)
    type_code: Mapped[str] = mapped_column(Code, sa.ForeignKey("case_types.code"))
    condition_zh: Mapped[str]
    condition_en: Mapped[str]
    close_zh: Mapped[str]
    close_en: Mapped[str]
    clock: Mapped[str]
    limit_value: Mapped[float]
    unit: Mapped[str]
    source: Mapped[str] = mapped_column(server_default="")


class Case(Base):
    """A matter. It is always in somebody's hands: a worker's, or a duty desk's.

    `cell_code` is empty outside the grid; then `nearest_cell_code` and `outside_m` say where the grid begins.
    An appeal may have no place; it then belongs to an area only. `community_code` (of the cell, of the
    nearest, or of the area that an appeal names) is stamped at filing, so that filters by area are one
    prefix. `body_sha256` is of the report as it was sent: the same again is no second case.

    The clock: `due_at` is when the unit has to have handled it, `warn_at` when that comes near; while the
    clock stands still, `clock_left_s` holds what is left of it in its own seconds. `stage_due_at` is when
    whoever has the case now has to have acted. `revision` counts the steps. `origin` names the
    system that an imported case came from, whose number it keeps.
    """

    __tablename__ = "cases"
    __table_args__ = (
        one_of("status", Status),
        one_of("kind", Kind),
        one_of("source", Source),
        sa.UniqueConstraint("no"),
        sa.CheckConstraint("worker_id IS NOT NULL OR desk_code IS NOT NULL", name="somebody_holds_it"),
        sa.CheckConstraint(
            "geom IS NULL AND kind = 'appeal' AND cell_code IS NULL AND outside_m IS NULL"
            " OR geom IS NOT NULL AND (cell_code IS NULL) = (outside_m IS NOT NULL)",
            name="inside_or_outside",
        ),
        sa.CheckConstraint("level BETWEEN 0 AND 3", name="level"),
        sa.Index("ix_cases_geom", "geom", postgresql_using="gist"),
        # one column each: a B-tree folds entries that are alike, 7 MB a million cases instead of 40
        sa.Index("ix_cases_received_at", "received_at"),
        sa.Index("ix_cases_worker_id", "worker_id"),
        sa.Index("ix_cases_community_code", "community_code"),
        sa.Index("ix_cases_cell_code", "cell_code"),
        sa.Index("ix_cases_type_code", "type_code"),
        sa.Index("ix_cases_unit_code", "unit_code"),
        sa.Index("ix_cases_checker_id", "checker_id", postgresql_where=sa.text("checker_id IS NOT NULL")),
        sa.Index("ix_cases_facility_id", "facility_id", postgresql_where=sa.text("facility_id IS NOT NULL")),
        sa.Index("ix_cases_reported_by", "reported_by", postgresql_where=sa.text("reported_by IS NOT NULL")),
        sa.Index("ix_cases_merged_into", "merged_into", postgresql_where=sa.text("merged_into IS NOT NULL")),
        sa.Index(
            "ix_cases_not_pursued",
            "status",
            "received_at",
            postgresql_where=sa.text("status IN ('void', 'merged')"),
        ),
        sa.Index(
            "ix_cases_text_pairs",
            sa.text("text_pairs(text)"),
            postgresql_using="gin",
            postgresql_with={"gin_pending_list_limit": 512},
        ),
        sa.Index(
            "ix_cases_open_due",
            "community_code",
            "due_at",
            postgresql_where=sa.text("closed_at IS NULL"),
        ),
        sa.Index("ix_cases_acts_at", "acts_at", postgresql_where=sa.text("acts_at IS NOT NULL")),
        sa.Index("ix_cases_open_stage", "stage_due_at", "id", postgresql_where=sa.text("closed_at IS NULL")),
        sa.Index(
            "ix_cases_open_unit", "unit_code", "stage_due_at", postgresql_where=sa.text("closed_at IS NULL")
        ),
        sa.Index(
            "ix_cases_open_level",
            "level",
            "stage_due_at",
            postgresql_where=sa.text("closed_at IS NULL AND level > 0"),
        ),
    )

    id: Mapped[UUID] = mapped_column(sa.Uuid(), primary_key=True)
    no: Mapped[str] = mapped_column(Code)
    kind: Mapped[str]
    type_code: Mapped[str] = mapped_column(Code, sa.ForeignKey("case_types.code"))
    status: Mapped[str]
    source: Mapped[str]
    text: Mapped[str]
    geom: Mapped[WKBElement | None] = mapped_column(Geometry("POINT", 4326, spatial_index=False))
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
    unit_code: Mapped[str | None] = mapped_column(Code, sa.ForeignKey("units.code"))
    assisting: Mapped[list[str] | None] = mapped_column(sa.ARRAY(Code))
    handler_id: Mapped[int | None] = mapped_column(sa.BigInteger, sa.ForeignKey("people.id"))
    checker_id: Mapped[int | None] = mapped_column(sa.BigInteger, sa.ForeignKey("workers.id"))
    supervisor_id: Mapped[int | None] = mapped_column(sa.BigInteger, sa.ForeignKey("people.id"))
    standard_id: Mapped[int | None] = mapped_column(sa.BigInteger, sa.ForeignKey("case_standards.id"))
    stage_due_at: Mapped[datetime | None]
    warn_at: Mapped[datetime | None]
    clock_kind: Mapped[str | None]
    limit_value: Mapped[float | None]
    clock_left_s: Mapped[float | None]
    extensions: Mapped[int] = mapped_column(sa.SmallInteger, server_default="0")
    returns: Mapped[int] = mapped_column(sa.SmallInteger, server_default="0")
    reworks: Mapped[int] = mapped_column(sa.SmallInteger, server_default="0")
    suspensions: Mapped[int] = mapped_column(sa.SmallInteger, server_default="0")
    dissatisfactions: Mapped[int] = mapped_column(sa.SmallInteger, server_default="0")
    calls: Mapped[int] = mapped_column(sa.SmallInteger, server_default="0")
    level: Mapped[int] = mapped_column(sa.SmallInteger, server_default="0")
    revision: Mapped[int] = mapped_column(server_default="1")
    suspended_until: Mapped[datetime | None]
    merged_into: Mapped[UUID | None] = mapped_column(sa.Uuid(), sa.ForeignKey("cases.id"))
    satisfaction: Mapped[str | None]
    handovers: Mapped[int] = mapped_column(sa.SmallInteger, server_default="0")
    warned: Mapped[bool] = mapped_column(server_default=sa.false())
    acts_at: Mapped[datetime | None]
    """when the system takes a step of its own accord (`effects.next_act`)"""
    origin: Mapped[str | None]


class VisitRule(Base):
    """Who makes return visits about matters of a nature (an appeal's, or 'incident'), and to how many."""

    __tablename__ = "visit_rules"
    __table_args__ = (
        sa.CheckConstraint("share BETWEEN 0 AND 1", name="share"),
        sa.CheckConstraint("by_role IN ('operator', 'worker', 'shift_leader', 'supervisor')", name="by_role"),
    )

    nature: Mapped[str] = mapped_column(Code, primary_key=True)
    share: Mapped[float] = mapped_column(server_default="1")
    by_role: Mapped[str] = mapped_column(server_default="operator")


class Appeal(Base):
    """The person behind a case, and what they wish. Protected: masked wherever it is listed."""

    __tablename__ = "appeals"
    __table_args__ = (
        one_of("nature", Nature),
        sa.Index("ix_appeals_suspect", "case_id", postgresql_where=sa.text("suspect IS NOT NULL")),
        sa.Index("ix_appeals_phone", "phone", postgresql_where=sa.text("phone IS NOT NULL")),
    )

    case_id: Mapped[UUID] = mapped_column(sa.Uuid(), sa.ForeignKey("cases.id"), primary_key=True)
    nature: Mapped[str]
    wish: Mapped[str] = mapped_column(server_default="")
    name: Mapped[str | None]
    phone: Mapped[str | None]
    address: Mapped[str] = mapped_column(server_default="")
    tell: Mapped[bool] = mapped_column(server_default=sa.true())
    secret_sha256: Mapped[bytes | None]
    suspect: Mapped[str | None]
    """why somebody should look at it first (`citizen.rules.suspicion`)"""


class CaseRequest(Base):
    """Something asked for that another has to approve: to void, return, extend or suspend a case."""

    __tablename__ = "case_requests"
    __table_args__ = (
        sa.CheckConstraint("step IN ('void', 'return', 'extend', 'suspend')", name="step"),
        sa.Index(
            "uq_case_requests_open", "case_id", unique=True, postgresql_where=sa.text("decided_at IS NULL")
        ),
    )

    id: Mapped[int] = mapped_column(sa.BigInteger, sa.Identity(always=True), primary_key=True)
    case_id: Mapped[UUID] = mapped_column(sa.Uuid(), sa.ForeignKey("cases.id"))
    step: Mapped[str]
    by_person: Mapped[int | None] = mapped_column(sa.BigInteger, sa.ForeignKey("people.id"))
    at: Mapped[datetime]
    reason: Mapped[str]
    data: Mapped[dict[str, Any]] = mapped_column(server_default=sa.text("'{}'::jsonb"))
    decided_at: Mapped[datetime | None]
    decided_by: Mapped[int | None] = mapped_column(sa.BigInteger, sa.ForeignKey("people.id"))
    approved: Mapped[bool | None]


class CaseStep(Base):
    """One step of a case, never changed: who, when, from, to, why. `key` is the sender's id of it."""

    __tablename__ = "case_steps"
    __table_args__ = (
        one_of("step", Step),
        sa.Index("uq_case_steps_key", "key", unique=True, postgresql_where=sa.text("key IS NOT NULL")),
        sa.Index("ix_case_steps_case_id", "case_id"),
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
    key: Mapped[UUID | None] = mapped_column(sa.Uuid())
    by_role: Mapped[str | None]
    unit_code: Mapped[str | None] = mapped_column(Code)
    data: Mapped[dict[str, Any] | None]


class CasePhoto(Base):
    """A photo named by a case. The file itself may arrive before or after the report.

    `stage` is the step it came with: those of `report` show the matter, those of `feedback` what was done.
    """

    __tablename__ = "case_photos"
    __table_args__ = (sa.Index("ix_case_photos_sha256", "sha256"),)

    case_id: Mapped[UUID] = mapped_column(sa.Uuid(), sa.ForeignKey("cases.id"), primary_key=True)
    sha256: Mapped[str] = mapped_column(primary_key=True)
    position: Mapped[int] = mapped_column(sa.SmallInteger)
    stage: Mapped[str] = mapped_column(server_default="report")


class SavedView(Base):
    """A view of the inbox that somebody keeps under a name: the filters as they stand in the address."""

    __tablename__ = "views"
    __table_args__ = (sa.UniqueConstraint("person_id", "name"),)

    id: Mapped[int] = mapped_column(sa.BigInteger, sa.Identity(always=True), primary_key=True)
    person_id: Mapped[int] = mapped_column(sa.BigInteger, sa.ForeignKey("people.id"))
    name: Mapped[str]
    query: Mapped[str]
