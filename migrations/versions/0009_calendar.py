"""The calendar as data: days, years, hours, changes; seeded with what the library knows."""

from __future__ import annotations

from datetime import date

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from app.calendar.library import built_in

revision = "0009_calendar"
down_revision = "0016_speed"
branch_labels = None
depends_on = None

MOMENT = sa.TIMESTAMP(timezone=True)
SOURCE = "holidays"
"""The library, which has it from the State Council's notices."""


def _changed(table: str) -> list[sa.Column | sa.ForeignKeyConstraint]:
    return [
        sa.Column("changed_by", sa.BigInteger()),
        sa.Column("changed_at", MOMENT, server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["changed_by"], ["people.id"], name=op.f(f"fk_{table}_changed_by")),
    ]


def upgrade() -> None:
    """Make the tables, and fill them."""
    days = op.create_table(
        "calendar_days",
        sa.Column("day", sa.Date(), primary_key=True),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), server_default="", nullable=False),
        sa.Column("source", sa.Text(), server_default="", nullable=False),
        *_changed("calendar_days"),
        sa.CheckConstraint("kind IN ('holiday', 'workday')", name=op.f("ck_calendar_days_kind")),
    )
    years = op.create_table(
        "calendar_years",
        sa.Column("year", sa.Integer(), primary_key=True, autoincrement=False),
        sa.Column("source", sa.Text(), server_default="", nullable=False),
        *_changed("calendar_years"),
    )
    hours = op.create_table(
        "calendar_hours",
        sa.Column("from_day", sa.Date(), primary_key=True),
        sa.Column("periods", sa.ARRAY(sa.Text()), nullable=False),
        *_changed("calendar_hours"),
    )
    op.create_table(
        "calendar_changes",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), primary_key=True),
        sa.Column("progress", sa.Text(), nullable=False),
        sa.Column("change", postgresql.JSONB(), nullable=False),
        sa.Column("before", postgresql.JSONB()),
        sa.Column("note", sa.Text(), server_default="", nullable=False),
        sa.Column("proposed_by", sa.BigInteger()),
        sa.Column("proposed_at", MOMENT, nullable=False),
        sa.Column("decided_by", sa.BigInteger()),
        sa.Column("decided_at", MOMENT),
        sa.Column("version", sa.BigInteger()),
        sa.Column("cursor", sa.Uuid()),
        sa.Column("cases", sa.Integer()),
        sa.Column("seen", sa.Integer(), server_default="0", nullable=False),
        sa.Column("moved", sa.Integer(), server_default="0", nullable=False),
        sa.Column("finished_at", MOMENT),
        sa.ForeignKeyConstraint(["proposed_by"], ["people.id"], name=op.f("fk_calendar_changes_proposed_by")),
        sa.ForeignKeyConstraint(["decided_by"], ["people.id"], name=op.f("fk_calendar_changes_decided_by")),
        sa.UniqueConstraint("version", name=op.f("uq_calendar_changes_version")),
        sa.CheckConstraint(
            "progress IN ('proposed', 'refused', 'waiting', 'running', 'done')",
            name=op.f("ck_calendar_changes_progress"),
        ),
    )
    op.execute("CREATE SEQUENCE calendar_version OWNED BY calendar_changes.version")
    op.create_table(
        "calendar_moves",
        sa.Column("change_id", sa.BigInteger(), primary_key=True),
        sa.Column("case_id", sa.Uuid(), primary_key=True),
        sa.Column("due_before", MOMENT, nullable=False),
        sa.Column("due_after", MOMENT, nullable=False),
        sa.Column("moved", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(
            ["change_id"], ["calendar_changes.id"], name=op.f("fk_calendar_moves_change_id")
        ),
    )
    known = built_in()
    op.bulk_insert(
        days,
        [
            {"day": day, "kind": one.kind.value, "name": one.name, "source": SOURCE}
            for day, one in known.special.items()
        ],
    )
    op.bulk_insert(years, [{"year": year, "source": SOURCE} for year in sorted(known.years)])
    op.bulk_insert(hours, [{"from_day": date.min, "periods": ["08:00-12:00", "14:00-18:00"]}])


def downgrade() -> None:
    """Take the tables away: what is left is the library's calendar."""
    for table in ("moves", "changes", "hours", "years", "days"):
        op.drop_table(f"calendar_{table}")
