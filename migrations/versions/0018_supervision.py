"""The system's own steps: when it acts next on a case; and who makes return visits."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0018_supervision"
down_revision = "0010_search_history"
branch_labels = None
depends_on = None

SYSTEM_STEPS = ("warn", "hand_over")


def upgrade() -> None:
    """Add the columns, the table and the two steps."""
    op.add_column("cases", sa.Column("handovers", sa.SmallInteger(), server_default="0", nullable=False))
    op.add_column("cases", sa.Column("warned", sa.Boolean(), server_default=sa.false(), nullable=False))
    op.add_column("cases", sa.Column("acts_at", sa.TIMESTAMP(timezone=True)))
    op.create_index("ix_cases_acts_at", "cases", ["acts_at"], postgresql_where=sa.text("acts_at IS NOT NULL"))
    op.create_table(
        "visit_rules",
        sa.Column("nature", sa.Text(collation="C"), primary_key=True),
        sa.Column("share", sa.Float(), server_default="1", nullable=False),
        sa.Column("by_role", sa.Text(), server_default="operator", nullable=False),
        sa.CheckConstraint("share BETWEEN 0 AND 1", name=op.f("ck_visit_rules_share")),
        sa.CheckConstraint(
            "by_role IN ('operator', 'worker', 'shift_leader', 'supervisor')",
            name=op.f("ck_visit_rules_by_role"),
        ),
    )
    _steps("array_append(array_append(known.steps, 'warn'), 'hand_over')")


def _steps(changed: str) -> None:
    """Change the list of steps in the table's check: the one that is there, so that others may add theirs."""
    op.execute(
        "DO $$ DECLARE known text[]; BEGIN"
        " SELECT array_agg(m[1]) INTO known FROM pg_constraint c,"
        "        regexp_matches(pg_get_constraintdef(c.oid), '''([a-z_]+)''', 'g') m"
        "  WHERE c.conname = 'ck_case_steps_step' AND c.conrelid = 'case_steps'::regclass;"
        f" known := {changed.replace('known.steps', 'known')};"
        " ALTER TABLE case_steps DROP CONSTRAINT ck_case_steps_step;"
        " EXECUTE format('ALTER TABLE case_steps ADD CONSTRAINT ck_case_steps_step CHECK (step = ANY (%L::text[]))',"
        "                known);"
        " END $$"
    )


def downgrade() -> None:
    """Take them away, with the steps that only the system took."""
    op.execute("DELETE FROM case_steps WHERE step IN ('warn', 'hand_over')")
    _steps("array_remove(array_remove(known.steps, 'warn'), 'hand_over')")
    op.drop_table("visit_rules")
    op.drop_index("ix_cases_acts_at", table_name="cases")
    for name in ("acts_at", "warned", "handovers"):
        op.drop_column("cases", name)
