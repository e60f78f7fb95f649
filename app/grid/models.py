"""Tables of the grid: areas, cells, the versions of a cell's outline, and the streets between them."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

import sqlalchemy as sa
from geoalchemy2 import Geometry, WKBElement
from sqlalchemy.dialects.postgresql import TSTZRANGE, ExcludeConstraint, Range
from sqlalchemy.orm import Mapped, mapped_column

from app.db import Base, Code, one_of


class Level(StrEnum):
    """The four levels of an area, from the city down."""

    CITY = "city"
    DISTRICT = "district"
    TOWN = "town"
    COMMUNITY = "community"


class StreetKind(StrEnum):
    """What a line of the basemap is."""

    RIVER = "river"
    ARTERIAL = "arterial"
    STREET = "street"


class Area(Base):
    """A city, district, town or community with its division code.

    A district's outline is the real one; a town's and a community's is the union of its cells. `desk_staffed`
    says whether somebody sits at its duty desk, which takes what no worker can.
    """

    __tablename__ = "areas"
    __table_args__ = (
        one_of("level", Level),
        sa.CheckConstraint("code ~ '^([0-9]{6}|[0-9]{9}|[0-9]{12})$'", name="code"),
        sa.Index("ix_areas_geom", "geom", postgresql_using="gist"),
        sa.Index("ix_areas_parent_code", "parent_code"),
        sa.Index(
            "ix_areas_name_trgm", "name", postgresql_using="gin", postgresql_ops={"name": "gin_trgm_ops"}
        ),
    )

    code: Mapped[str] = mapped_column(Code, primary_key=True)
    level: Mapped[str]
    parent_code: Mapped[str | None] = mapped_column(Code, sa.ForeignKey("areas.code"))
    name: Mapped[str]
    geom: Mapped[WKBElement] = mapped_column(Geometry("MULTIPOLYGON", 4326, spatial_index=False))
    desk_staffed: Mapped[bool] = mapped_column(server_default=sa.false())
    desk_phone: Mapped[str] = mapped_column(server_default="")


class GridVersion(Base):
    """A change of the grid that holds from a moment on: who, when, from which file, taken for which datum."""

    __tablename__ = "grid_versions"

    id: Mapped[int] = mapped_column(sa.BigInteger, sa.Identity(always=True), primary_key=True)
    valid_from: Mapped[datetime]
    created_at: Mapped[datetime] = mapped_column(server_default=sa.text("now()"))
    created_by: Mapped[str]
    note: Mapped[str]
    source_name: Mapped[str] = mapped_column(server_default="")
    source_crs: Mapped[str] = mapped_column(server_default="")
    source_sha256: Mapped[str] = mapped_column(server_default="")


class Cell(Base):
    """A cell's identity: its code is never used again, whatever becomes of its outline."""

    __tablename__ = "cells"
    __table_args__ = (sa.Index("ix_cells_community_code", "community_code"),)

    code: Mapped[str] = mapped_column(Code, primary_key=True)
    community_code: Mapped[str] = mapped_column(Code, sa.ForeignKey("areas.code"))
    population: Mapped[int] = mapped_column(server_default="0")


class CellVersion(Base):
    """A cell's outline during a range; the past stays askable.

    One outline for one cell at one moment is the database's own law.
    """

    __tablename__ = "cell_versions"
    __table_args__ = (
        ExcludeConstraint(("cell_code", "="), ("valid", "&&"), name="one_outline_at_a_time", using="gist"),
        sa.CheckConstraint("NOT isempty(valid) AND NOT lower_inf(valid)", name="valid"),
        sa.CheckConstraint("ST_IsValid(geom)", name="geom"),
        sa.Index("ix_cell_versions_geom", "geom", postgresql_using="gist"),
    )

    id: Mapped[int] = mapped_column(sa.BigInteger, sa.Identity(always=True), primary_key=True)
    cell_code: Mapped[str] = mapped_column(Code, sa.ForeignKey("cells.code"))
    valid: Mapped[Range[datetime]] = mapped_column(TSTZRANGE)
    geom: Mapped[WKBElement] = mapped_column(Geometry("POLYGON", 4326, spatial_index=False))
    area_m2: Mapped[float]
    grid_version_id: Mapped[int] = mapped_column(sa.BigInteger, sa.ForeignKey("grid_versions.id"))


class Street(Base):
    """The centre line of a street or a river, to find one's way by; no duty hangs on it."""

    __tablename__ = "streets"
    __table_args__ = (
        one_of("kind", StreetKind),
        sa.Index("ix_streets_geom", "geom", postgresql_using="gist"),
    )

    id: Mapped[int] = mapped_column(sa.BigInteger, sa.Identity(always=True), primary_key=True)
    name: Mapped[str] = mapped_column(server_default="")
    kind: Mapped[str]
    geom: Mapped[WKBElement] = mapped_column(Geometry("LINESTRING", 4326, spatial_index=False))
