"""Tables of the numbered register of public facilities."""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum

import sqlalchemy as sa
from geoalchemy2 import Geometry, WKBElement
from sqlalchemy.orm import Mapped, mapped_column

from app.db import Base, Code, one_of


class Condition(StrEnum):
    """A facility's state after GB/T 30428.2: 完好, 破损, 丢失, 废弃."""

    GOOD = "good"
    DAMAGED = "damaged"
    MISSING = "missing"
    ABANDONED = "abandoned"


class FacilityType(Base):
    """A type of facility: two digits of class, two of type."""

    __tablename__ = "facility_types"

    code: Mapped[str] = mapped_column(Code, primary_key=True)
    name_zh: Mapped[str]
    name_en: Mapped[str]
    unit: Mapped[str]
    shape: Mapped[str]


class Facility(Base):
    """A numbered thing in public space. Its cell is found by position, never stored."""

    __tablename__ = "facilities"
    __table_args__ = (
        one_of("condition", Condition),
        sa.UniqueConstraint("code"),
        sa.CheckConstraint("geometrytype(geom) <> 'GEOMETRYCOLLECTION'", name="geom"),
        sa.Index("ix_facilities_geom", "geom", postgresql_using="gist"),
        sa.Index("ix_facilities_geom_type_code", "geom", "type_code", postgresql_using="gist"),
        sa.Index(
            "ix_facilities_words_trgm",
            "name",
            "address",
            postgresql_using="gin",
            postgresql_ops={"name": "gin_trgm_ops", "address": "gin_trgm_ops"},
        ),
    )

    id: Mapped[int] = mapped_column(sa.BigInteger, sa.Identity(), primary_key=True)
    code: Mapped[str] = mapped_column(Code)
    type_code: Mapped[str] = mapped_column(Code, sa.ForeignKey("facility_types.code"))
    name: Mapped[str] = mapped_column(server_default="")
    address: Mapped[str] = mapped_column(server_default="")
    condition: Mapped[str] = mapped_column(server_default=Condition.GOOD.value)
    photo_sha256: Mapped[str | None] = mapped_column(sa.ForeignKey("photos.sha256"))
    installed: Mapped[date | None] = mapped_column(sa.Date)
    changed_at: Mapped[datetime] = mapped_column(server_default=sa.text("now()"))
    geom: Mapped[WKBElement] = mapped_column(Geometry("GEOMETRY", 4326, spatial_index=False))
