"""Figures count working time by the hours of the edited calendar, not by fixed ones."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0019_figure_hours"
down_revision = "0014_notices"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Keep the periods of each day; the next refresh fills them, and makes the working times anew."""
    op.drop_column("figure_work_days", "works")
    op.add_column(
        "figure_work_days",
        sa.Column("periods", sa.ARRAY(sa.Integer()), server_default="{}", nullable=False),
    )
    op.alter_column("figure_work_days", "periods", server_default=None)


def downgrade() -> None:
    """Know only whether a day is worked."""
    op.drop_column("figure_work_days", "periods")
    op.execute("DELETE FROM figure_work_days")
    op.add_column("figure_work_days", sa.Column("works", sa.Boolean(), nullable=False))
