"""Mark appeals by the public that somebody should look at first."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0013_citizen"
down_revision = "0019_tile_numbers"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the mark, and its index: few have one."""
    op.add_column("appeals", sa.Column("suspect", sa.Text()))
    op.create_index(
        "ix_appeals_suspect", "appeals", ["case_id"], postgresql_where=sa.text("suspect IS NOT NULL")
    )


def downgrade() -> None:
    """Take it away."""
    op.drop_index("ix_appeals_suspect", table_name="appeals")
    op.drop_column("appeals", "suspect")
