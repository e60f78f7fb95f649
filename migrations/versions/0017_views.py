"""Views of the inbox that people keep, and an index of open cases that are supervised."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0017_views"
down_revision = "0013_citizen"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table and the index."""
    op.create_table(
        "views",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("person_id", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("query", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_views"),
        sa.ForeignKeyConstraint(["person_id"], ["people.id"], name="fk_views_person_id_people"),
        sa.UniqueConstraint("person_id", "name", name="uq_views_person_id_name"),
    )
    op.create_index(
        "ix_cases_open_level",
        "cases",
        ["level", "stage_due_at"],
        postgresql_where=sa.text("closed_at IS NULL AND level > 0"),
    )


def downgrade() -> None:
    """Take them away."""
    op.drop_index("ix_cases_open_level", table_name="cases")
    op.drop_table("views")
