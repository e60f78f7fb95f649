"""Lay the published tile tables."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from geoalchemy2 import Geometry

revision = "0003_tiles"
down_revision = "0002_functions"
branch_labels = None
depends_on = None

TABLES = ("tile_clusters", "tile_facilities", "tile_cells", "tile_areas", "tile_versions")


def _code(name: str, *, nullable: bool = False) -> sa.Column[str]:
    return sa.Column(name, sa.Text(collation="C"), nullable=nullable)


def _shape(kind: str, name: str = "geom") -> sa.Column[object]:
    geometry = Geometry(geometry_type=kind, srid=3857, dimension=2, spatial_index=False, nullable=False)
    return sa.Column(name, geometry, nullable=False)


def upgrade() -> None:
    """Lay the published tile tables."""
    op.create_table(
        "tile_versions",
        _code("layer"),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("published_at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("features", sa.Integer(), nullable=False),
        sa.Column("broken_edges", sa.Integer(), nullable=False),
        *(sa.Column(side, sa.Float(), nullable=True) for side in ("west", "south", "east", "north")),
        sa.PrimaryKeyConstraint("layer", name=op.f("pk_tile_versions")),
    )
    op.create_table(
        "tile_areas",
        sa.Column("band", sa.SmallInteger(), nullable=False),
        _code("code"),
        sa.Column("level", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        _shape("MULTIPOLYGON"),
        _shape("POINT", "label"),
        sa.PrimaryKeyConstraint("band", "code", name=op.f("pk_tile_areas")),
    )
    op.create_index("ix_tile_areas_band_geom", "tile_areas", ["band", "geom"], postgresql_using="gist")
    op.create_index("ix_tile_areas_band_label", "tile_areas", ["band", "label"], postgresql_using="gist")
    op.create_table(
        "tile_cells",
        sa.Column("band", sa.SmallInteger(), nullable=False),
        sa.Column("id", sa.BigInteger(), nullable=False),
        _code("code"),
        _code("town"),
        _shape("POLYGON"),
        sa.PrimaryKeyConstraint("band", "id", name=op.f("pk_tile_cells")),
    )
    op.create_index("ix_tile_cells_band_geom", "tile_cells", ["band", "geom"], postgresql_using="gist")
    op.create_table(
        "tile_facilities",
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        _code("code"),
        _code("type_code"),
        sa.Column("condition", sa.Text(), nullable=False),
        _shape("POINT"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tile_facilities")),
    )
    op.create_index("ix_tile_facilities_geom", "tile_facilities", ["geom"], postgresql_using="gist")
    op.create_table(
        "tile_clusters",
        sa.Column("resolution", sa.SmallInteger(), nullable=False),
        _code("hex"),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.Column("types", sa.Text(), nullable=False),
        _shape("POINT"),
        sa.PrimaryKeyConstraint("resolution", "hex", name=op.f("pk_tile_clusters")),
    )
    op.create_index(
        "ix_tile_clusters_resolution_geom", "tile_clusters", ["resolution", "geom"], postgresql_using="gist"
    )


def downgrade() -> None:
    """Drop them; `jingwei publish` fills them again."""
    for table in TABLES:
        op.drop_table(table)
