"""Published tables in EPSG:3857: copies of the truth, ready to be cut into tiles.

Transforming and thinning 12,900 outlines in every tile's query costs ten times the tile; here it is done once
for each publication.
"""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from geoalchemy2 import Geometry, WKBElement
from sqlalchemy.orm import Mapped, mapped_column

from app.db import Base, Code


class TileVersion(Base):
    """The publication that a layer stands at: cached tiles live under it, and ETags begin with it.

    It is made of the time of day, so that a city built anew never meets the tiles of the old one.
    """

    __tablename__ = "tile_versions"

    layer: Mapped[str] = mapped_column(Code, primary_key=True)
    version: Mapped[int] = mapped_column(sa.BigInteger)
    published_at: Mapped[datetime]
    features: Mapped[int]
    broken_edges: Mapped[int]
    west: Mapped[float | None]
    south: Mapped[float | None]
    east: Mapped[float | None]
    north: Mapped[float | None]


class TileArea(Base):
    """An area as drawn at zoom `band`, with the place of its name."""

    __tablename__ = "tile_areas"
    __table_args__ = (
        sa.Index("ix_tile_areas_band_geom", "band", "geom", postgresql_using="gist"),
        sa.Index("ix_tile_areas_band_label", "band", "label", postgresql_using="gist"),
    )

    band: Mapped[int] = mapped_column(sa.SmallInteger, primary_key=True)
    code: Mapped[str] = mapped_column(Code, primary_key=True)
    level: Mapped[str]
    name: Mapped[str]
    geom: Mapped[WKBElement] = mapped_column(Geometry("MULTIPOLYGON", 3857, spatial_index=False))
    label: Mapped[WKBElement] = mapped_column(Geometry("POINT", 3857, spatial_index=False))


class TileCell(Base):
    """A cell's present outline as drawn at zoom `band`; `id` is that of its version.

    The finest has the place of its name too.
    """

    __tablename__ = "tile_cells"
    __table_args__ = (
        sa.Index("ix_tile_cells_band_geom", "band", "geom", postgresql_using="gist"),
        sa.Index("ix_tile_cells_label", "label", postgresql_using="gist"),
    )

    band: Mapped[int] = mapped_column(sa.SmallInteger, primary_key=True)
    id: Mapped[int] = mapped_column(sa.BigInteger, primary_key=True)
    code: Mapped[str] = mapped_column(Code)
    town: Mapped[str] = mapped_column(Code)
    geom: Mapped[WKBElement] = mapped_column(Geometry("POLYGON", 3857, spatial_index=False))
    label: Mapped[WKBElement | None] = mapped_column(
        Geometry("POINT", 3857, spatial_index=False),
        sa.Computed("CASE WHEN band = 15 THEN st_pointonsurface(geom) END", persisted=True),
    )


class TileStreet(Base):
    """A street or river as drawn at zoom `band`: pieces that meet are one line, told apart by `number`."""

    __tablename__ = "tile_streets"
    __table_args__ = (sa.Index("ix_tile_streets_band_geom", "band", "geom", postgresql_using="gist"),)

    band: Mapped[int] = mapped_column(sa.SmallInteger, primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str]
    name: Mapped[str | None]
    geom: Mapped[WKBElement] = mapped_column(Geometry("LINESTRING", 3857, spatial_index=False))


class TileFacility(Base):
    """A facility as a point, drawn from zoom 14.

    `number` and `kind` are code and type as numbers, as far as they are of 16 and 4 digits (no code begins
    with a 9, and below that a number is exact in every browser); `fault` is a condition that is not good.
    """

    __tablename__ = "tile_facilities"
    __table_args__ = (sa.Index("ix_tile_facilities_geom", "geom", postgresql_using="gist"),)

    id: Mapped[int] = mapped_column(sa.BigInteger, primary_key=True, autoincrement=False)
    code: Mapped[str] = mapped_column(Code)
    type_code: Mapped[str] = mapped_column(Code)
    condition: Mapped[str]
    geom: Mapped[WKBElement] = mapped_column(Geometry("POINT", 3857, spatial_index=False))
    number: Mapped[int | None] = mapped_column(
        sa.BigInteger,
        sa.Computed("CASE WHEN code ~ '^[1-8][0-9]{15}$' THEN code::bigint END", persisted=True),
    )
    kind: Mapped[int | None] = mapped_column(
        sa.SmallInteger,
        sa.Computed("CASE WHEN type_code ~ '^[0-9]{4}$' THEN type_code::smallint END", persisted=True),
    )
    fault: Mapped[str | None] = mapped_column(
        sa.Text(), sa.Computed("nullif(condition, 'good')", persisted=True)
    )


class TileCluster(Base):
    """The facilities of one H3 cell: how many, and of which types."""

    __tablename__ = "tile_clusters"
    __table_args__ = (
        sa.Index("ix_tile_clusters_resolution_geom", "resolution", "geom", postgresql_using="gist"),
    )

    resolution: Mapped[int] = mapped_column(sa.SmallInteger, primary_key=True)
    hex: Mapped[str] = mapped_column(Code, primary_key=True)
    count: Mapped[int]
    types: Mapped[str]
    geom: Mapped[WKBElement] = mapped_column(Geometry("POINT", 3857, spatial_index=False))
