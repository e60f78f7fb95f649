"""Notices of what happened, and their deliveries. What happened before this migration is told to nobody."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql
from sqlalchemy.types import UserDefinedType

revision = "0014_notices"
down_revision = "0009_calendar"
branch_labels = None
depends_on = None

MOMENT = sa.TIMESTAMP(timezone=True)
KINDS = (
    "'in_hands', 'look', 'to_handle', 'sent_back', 'asked', 'decided', 'urged', 'warned', 'supervised',"
    " 'instructed', 'back', 'added', 'progress'"
)


class Xid8(UserDefinedType[str]):
    """PostgreSQL's 64-bit transaction id."""

    cache_ok = True

    def get_col_spec(self, **_: object) -> str:
        """Return the type's SQL name."""
        return "xid8"


def upgrade() -> None:
    """Make the tables, and set the reader behind the last event."""
    op.create_table(
        "notice_cursor",
        sa.Column("one", sa.Boolean(), server_default=sa.true(), primary_key=True),
        sa.Column("xid", Xid8(), nullable=False),
        sa.Column("event_id", sa.BigInteger(), nullable=False),
        sa.Column("floor_id", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("one", name=op.f("ck_notice_cursor_one")),
    )
    op.execute(
        "INSERT INTO notice_cursor (xid, event_id, floor_id)"
        " SELECT pg_current_xact_id(), 0, coalesce(max(id), 0) FROM events"
    )
    op.create_table(
        "notices",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), primary_key=True),
        sa.Column("person_id", sa.BigInteger(), sa.ForeignKey("people.id")),
        sa.Column("appeal_id", sa.Uuid(), sa.ForeignKey("appeals.case_id")),
        sa.Column("case_id", sa.Uuid(), sa.ForeignKey("cases.id"), nullable=False),
        sa.Column("event_id", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("at", MOMENT, nullable=False),
        sa.Column("read_at", MOMENT),
        sa.Column("data", postgresql.JSONB(), nullable=False),
        sa.CheckConstraint(f"kind IN ({KINDS})", name=op.f("ck_notices_kind")),
        sa.CheckConstraint("num_nonnulls(person_id, appeal_id) = 1", name=op.f("ck_notices_somebody")),
    )
    for who in ("person", "appeal"):
        op.create_index(
            f"uq_notices_{who}",
            "notices",
            ["event_id", f"{who}_id", "kind"],
            unique=True,
            postgresql_where=sa.text(f"{who}_id IS NOT NULL"),
        )
    op.create_index("ix_notices_person_id", "notices", ["person_id", "id"])
    op.create_index("ix_notices_at", "notices", ["at"])
    op.create_index(
        "ix_notices_unread",
        "notices",
        ["person_id", "id"],
        postgresql_where=sa.text("read_at IS NULL AND person_id IS NOT NULL"),
    )
    op.create_table(
        "deliveries",
        sa.Column("id", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), primary_key=True),
        sa.Column(
            "notice_id", sa.BigInteger(), sa.ForeignKey("notices.id", ondelete="CASCADE"), nullable=False
        ),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), server_default="waiting", nullable=False),
        sa.Column("tries", sa.SmallInteger(), server_default="0", nullable=False),
        sa.Column("next_at", MOMENT, nullable=False),
        sa.Column("sent_at", MOMENT),
        sa.Column("error", sa.Text()),
        sa.UniqueConstraint("notice_id", "channel"),
        sa.CheckConstraint(
            "channel IN ('app', 'email', 'webhook', 'sms')", name=op.f("ck_deliveries_channel")
        ),
        sa.CheckConstraint(
            "state IN ('waiting', 'sending', 'sent', 'failed')", name=op.f("ck_deliveries_state")
        ),
    )
    op.create_index(
        "ix_deliveries_next_at",
        "deliveries",
        ["next_at", "id"],
        postgresql_where=sa.text("state IN ('waiting', 'sending')"),
    )
    op.create_index(
        "ix_deliveries_failed", "deliveries", ["next_at"], postgresql_where=sa.text("state = 'failed'")
    )
    op.create_table(
        "notice_preferences",
        sa.Column("person_id", sa.BigInteger(), sa.ForeignKey("people.id"), primary_key=True),
        sa.Column("email", sa.Text()),
        sa.Column("webhook_url", sa.Text()),
        sa.Column("language", sa.Text(), server_default="zh", nullable=False),
        sa.Column("choices", postgresql.JSONB(), server_default=sa.text("'{}'::jsonb"), nullable=False),
        sa.CheckConstraint("language IN ('zh', 'en')", name=op.f("ck_notice_preferences_language")),
    )


def downgrade() -> None:
    """Take them away; what waits to be sent is lost."""
    for table in ("notice_preferences", "deliveries", "notices", "notice_cursor"):
        op.drop_table(table)
