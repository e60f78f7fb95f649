"""Tables of the grid workers: the roster, shifts, last position."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from geoalchemy2 import Geometry, WKBElement
from sqlalchemy.dialects.postgresql import TSTZRANGE, ExcludeConstraint, Range
from sqlalchemy.orm import Mapped, mapped_column

from app.db import Base, Code


class Worker(Base):
    """A grid worker, with home area and last known position."""

    __tablename__ = "workers"
    __table_args__ = (
        sa.UniqueConstraint("code"),
        sa.Index("ix_workers_home_code", "home_code"),
        sa.Index("ix_workers_position", "position", postgresql_using="gist"),
    )

    id: Mapped[int] = mapped_column(sa.BigInteger, sa.Identity(), primary_key=True)
    code: Mapped[str] = mapped_column(Code)
    name: Mapped[str]
    phone: Mapped[str] = mapped_column(server_default="")
    home_code: Mapped[str] = mapped_column(Code, sa.ForeignKey("areas.code"))
    active: Mapped[bool] = mapped_column(server_default=sa.true())
    position: Mapped[WKBElement | None] = mapped_column(Geometry("POINT", 4326, spatial_index=False))
    position_at: Mapped[datetime | None]
    position_accuracy_m: Mapped[float | None]


class Shift(Base):
    """A range during which a worker is on duty."""

    __tablename__ = "shifts"
    __table_args__ = (
        ExcludeConstraint(("worker_id", "="), ("during", "&&"), name="one_shift_at_a_time", using="gist"),
        sa.CheckConstraint("NOT isempty(during) AND NOT lower_inf(during)", name="during"),
        sa.Index(
            "ix_shifts_worker_id_begins",
            "worker_id",
            sa.text("lower(during)"),
            postgresql_include=["during"],
        ),
    )

    id: Mapped[int] = mapped_column(sa.BigInteger, sa.Identity(), primary_key=True)
    worker_id: Mapped[int] = mapped_column(sa.BigInteger, sa.ForeignKey("workers.id"))
    during: Mapped[Range[datetime]] = mapped_column(TSTZRANGE)
