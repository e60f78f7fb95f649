"""Lay the streets and the table they are published in."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from geoalchemy2 import Geometry

revision = "0006_streets"
down_revision = "0005_identity"
branch_labels = None
depends_on = None


def _line(srid: int) -> sa.Column[object]:
    geometry = Geometry(
        geometry_type="LINESTRING", srid=srid, dimension=2, spatial_index=False, nullable=False
    )
    return sa.Column("geom", geometry, nullable=False)


def upgrade() -> None:
    """Lay the tables."""
    op.create_table(
        "streets",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("name", sa.Text(), server_default="", nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        _line(4326),
        sa.CheckConstraint("kind IN ('river', 'arterial', 'street')", name=op.f("ck_streets_kind")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_streets")),
    )
    op.create_index("ix_streets_geom", "streets", ["geom"], postgresql_using="gist")
    op.create_table(
        "tile_streets",
        sa.Column("band", sa.SmallInteger(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=True),
        _line(3857),
        sa.PrimaryKeyConstraint("band", "number", name=op.f("pk_tile_streets")),
    )
    op.create_index("ix_tile_streets_band_geom", "tile_streets", ["band", "geom"], postgresql_using="gist")


def downgrade() -> None:
    """Drop them."""
    op.drop_table("tile_streets")
    op.drop_table("streets")
