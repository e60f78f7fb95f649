"""Carry codes in tiles as numbers, and find the places of cells' names at publication."""

from __future__ import annotations

from alembic import op

revision = "0019_tile_numbers"
down_revision = "0014_notices"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the columns, and leave the tiles of the old kind behind."""
    op.execute(
        "ALTER TABLE tile_facilities"
        " ADD COLUMN number bigint"
        " GENERATED ALWAYS AS (CASE WHEN code ~ '^[1-8][0-9]{15}$' THEN code::bigint END) STORED,"
        " ADD COLUMN kind smallint"
        " GENERATED ALWAYS AS (CASE WHEN type_code ~ '^[0-9]{4}$' THEN type_code::smallint END) STORED,"
        " ADD COLUMN fault text GENERATED ALWAYS AS (nullif(condition, 'good')) STORED"
    )
    op.execute(
        "ALTER TABLE tile_cells ADD COLUMN label geometry(Point, 3857)"
        " GENERATED ALWAYS AS (CASE WHEN band = 15 THEN ST_PointOnSurface(geom) END) STORED"
    )
    op.create_index("ix_tile_cells_label", "tile_cells", ["label"], postgresql_using="gist")
    # Tiles kept as files, here and in browsers, are of the old kind.
    op.execute("UPDATE tile_versions SET version = version + 1")


def downgrade() -> None:
    """Take them away."""
    op.execute("UPDATE tile_versions SET version = version + 1")
    op.drop_column("tile_cells", "label")
    for name in ("number", "kind", "fault"):
        op.drop_column("tile_facilities", name)
