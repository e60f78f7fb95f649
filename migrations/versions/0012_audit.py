"""The record of who did what: rows, the chain over them, its signed heads; none can be changed or deleted."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from app.schema import function_sql
from app.transaction import Xid8

revision = "0012_audit"
down_revision = "0018_supervision"
branch_labels = None
depends_on = None

CODE = sa.Text(collation="C")
MOMENT = sa.TIMESTAMP(timezone=True)
TABLES = ("audit_log", "audit_chain", "audit_heads")


def upgrade() -> None:
    """Make the tables, and the trigger that refuses changes."""
    op.create_table(
        "audit_log",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), primary_key=True),
        sa.Column("xid", Xid8(), server_default=sa.text("pg_current_xact_id()"), nullable=False),
        sa.Column("at", MOMENT, server_default=sa.text("now()"), nullable=False),
        sa.Column("person_id", sa.BigInteger()),
        sa.Column("username", sa.Text(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("area_code", CODE),
        sa.Column("detail", postgresql.JSONB(), server_default=sa.text("'{}'::jsonb"), nullable=False),
    )
    op.create_index("ix_audit_log_xid", "audit_log", ["xid"])
    op.create_index("ix_audit_log_username_id", "audit_log", ["username", "id"])
    op.create_index("ix_audit_log_subject", "audit_log", ["subject"], postgresql_using="hash")
    op.create_index(
        "ix_audit_log_rare",
        "audit_log",
        ["action", "id"],
        postgresql_where=sa.text("action NOT IN ('case_step', 'case_reported')"),
    )
    op.create_table(
        "audit_chain",
        sa.Column("no", sa.BigInteger(), primary_key=True, autoincrement=False),
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.UniqueConstraint("id"),
    )
    op.create_table(
        "audit_heads",
        sa.Column("no", sa.BigInteger(), primary_key=True, autoincrement=False),
        sa.Column("at", MOMENT, nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.Column("key", sa.Text()),
        sa.Column("signature", sa.LargeBinary()),
        sa.Column("below", sa.BigInteger(), nullable=False),
    )
    op.get_bind().exec_driver_sql(function_sql("refuse_change.v1"))
    for table in TABLES:
        op.execute(
            f"CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table}"
            " FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
        )


def downgrade() -> None:
    """Take them away, and with them all that was recorded."""
    for table in TABLES:
        op.drop_table(table)
    op.execute("DROP FUNCTION refuse_change")
