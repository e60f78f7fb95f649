"""Figures count working time by the hours of the edited calendar; a year of daily sums is found by its days."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0020_figure_hours"
down_revision = "0019_tile_numbers"
branch_labels = None
depends_on = None

ROLLED = ("town", "worker", "department", "type")


def upgrade() -> None:
    """Keep the periods of each day; the next refresh fills them, and makes the working times anew."""
    op.drop_column("figure_work_days", "works")
    op.add_column(
        "figure_work_days",
        sa.Column("periods", sa.ARRAY(sa.Integer()), server_default="{}", nullable=False),
    )
    op.alter_column("figure_work_days", "periods", server_default=None)
    for by in ROLLED:
        op.create_index(f"ix_figure_days_{by}_day", f"figure_days_{by}", ["day"], postgresql_using="brin")


def downgrade() -> None:
    """Know only whether a day is worked."""
    for by in ROLLED:
        op.drop_index(f"ix_figure_days_{by}_day", table_name=f"figure_days_{by}")
    op.drop_column("figure_work_days", "periods")
    op.execute("DELETE FROM figure_work_days")
    op.add_column("figure_work_days", sa.Column("works", sa.Boolean(), nullable=False))
