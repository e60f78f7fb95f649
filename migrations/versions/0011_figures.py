"""Figures: facts of cases, daily sums, the working calendar, objections, weights, what was published."""

from __future__ import annotations

import json

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from app.transaction import Xid8

revision = "0011_figures"
down_revision = "0012_audit"
branch_labels = None
depends_on = None

CODE = sa.Text(collation="C")
MOMENT = sa.TIMESTAMP(timezone=True)
REQUIRED, OPTIONAL = False, True
FACTS = (
    ("reported_at", MOMENT, REQUIRED),
    ("accepted_at", MOMENT, OPTIONAL),
    ("verify_asked_at", MOMENT, OPTIONAL),
    ("verified_at", MOMENT, OPTIONAL),
    ("filed_at", MOMENT, OPTIONAL),
    ("dispatched_at", MOMENT, OPTIONAL),
    ("returned_at", MOMENT, OPTIONAL),
    ("handle_due", MOMENT, OPTIONAL),
    ("handled_at", MOMENT, OPTIONAL),
    ("reply_due", MOMENT, OPTIONAL),
    ("replied_at", MOMENT, OPTIONAL),
    ("check_asked_at", MOMENT, OPTIONAL),
    ("checked_at", MOMENT, OPTIONAL),
    ("called_at", MOMENT, OPTIONAL),
    ("visited_at", MOMENT, OPTIONAL),
    ("rated_at", MOMENT, OPTIONAL),
    ("supervised_at", MOMENT, OPTIONAL),
    ("suspended_from", MOMENT, OPTIONAL),
    ("suspended_to", MOMENT, OPTIONAL),
    ("close_due", MOMENT, OPTIONAL),
    ("closed_at", MOMENT, OPTIONAL),
    ("worker_id", sa.BigInteger(), OPTIONAL),
    ("verifier_id", sa.BigInteger(), OPTIONAL),
    ("checker_id", sa.BigInteger(), OPTIONAL),
    ("accepted_by", sa.BigInteger(), OPTIONAL),
    ("verify_asked_by", sa.BigInteger(), OPTIONAL),
    ("filed_by", sa.BigInteger(), OPTIONAL),
    ("dispatched_by", sa.BigInteger(), OPTIONAL),
    ("check_asked_by", sa.BigInteger(), OPTIONAL),
    ("closed_by", sa.BigInteger(), OPTIONAL),
    ("handle_s", sa.Integer(), OPTIONAL),
    ("handle_work_s", sa.Integer(), OPTIONAL),
    ("reworks", sa.SmallInteger(), REQUIRED),
    ("valid", sa.Boolean(), REQUIRED),
    ("resent", sa.Boolean(), REQUIRED),
    ("answered", sa.Boolean(), REQUIRED),
    ("unreasonable", sa.Boolean(), REQUIRED),
    ("kind", sa.Text(), REQUIRED),
    ("type_code", CODE, REQUIRED),
    ("source", sa.Text(), REQUIRED),
    ("community_code", CODE, REQUIRED),
    ("cell_code", CODE, OPTIONAL),
    ("unit_code", CODE, OPTIONAL),
    ("first_unit", CODE, OPTIONAL),
    ("returned_by", CODE, OPTIONAL),
    ("rating", sa.Text(), OPTIONAL),
    ("out", sa.Text(), OPTIONAL),
    ("exempt", sa.ARRAY(sa.Text()), OPTIONAL),
)
MOMENTS = (
    "reported_at",
    "accepted_at",
    "verify_asked_at",
    "verified_at",
    "filed_at",
    "dispatched_at",
    "returned_at",
    "handled_at",
    "replied_at",
    "check_asked_at",
    "checked_at",
    "called_at",
    "visited_at",
    "rated_at",
    "supervised_at",
    "closed_at",
)
NUMBERS = (
    "reported",
    "reported_all",
    "valid",
    "public_valid",
    "accepted",
    "filed",
    "filed_incident",
    "filed_all",
    "sent_once",
    "reworked",
    "returned",
    "supervised",
    "handled_timed",
    "handle_s",
    "handle_work_s",
    "answered",
    "rated",
    "content",
    "asked_verify",
    "asked_verify_on",
    "asked_check",
    "asked_check_on",
    "verify_on",
    "verify_late",
    "file_on",
    "file_late",
    "dispatch_on",
    "dispatch_late",
    "handle_on",
    "handle_late",
    "reply_on",
    "reply_late",
    "check_on",
    "check_late",
    "visit_on",
    "visit_late",
    "close_on",
    "close_late",
    "verify_undone",
    "file_undone",
    "dispatch_undone",
    "handle_undone",
    "reply_undone",
    "check_undone",
    "visit_undone",
    "close_undone",
)
STAGES = "('verify', 'file', 'dispatch', 'handle', 'reply', 'check', 'visit', 'close', 'rating')"
POSTS = "('worker', 'operator', 'shift_leader', 'dispatcher', 'unit', 'town')"
WEIGHTS = {
    "worker": {"valid_rate": 40, "missed_rate": 20, "verify_on_time_rate": 20, "check_on_time_rate": 20},
    "operator": {"accepted": 25, "verify_sent_on_time_rate": 40, "check_sent_on_time_rate": 35},
    "shift_leader": {"file_on_time_rate": 25, "filing_accuracy": 40, "closed_on_time_share": 35},
    "dispatcher": {"dispatched": 20, "dispatch_on_time_rate": 40, "dispatch_accuracy": 40},
    "unit": {"handle_on_time_rate": 50, "handle_rate": 20, "rework_rate": 20, "return_rate": 10},
    "town": {"close_on_time_rate": 40, "close_rate": 20, "satisfaction": 25, "reply_rate": 15},
}


def upgrade() -> None:
    """Make the tables, and the first version of the weights."""
    _facts()
    _days()
    _decisions()
    _published()


def _facts() -> None:
    op.create_table(
        "case_facts",
        sa.Column("case_id", sa.Uuid(), sa.ForeignKey("cases.id", ondelete="CASCADE"), primary_key=True),
        *(sa.Column(name, kind, nullable=nullable) for name, kind, nullable in FACTS),
    )
    op.create_index("ix_case_facts_moments", "case_facts", MOMENTS, postgresql_using="brin")
    op.create_index(
        "ix_case_facts_open",
        "case_facts",
        ["community_code", "case_id"],
        postgresql_where=sa.text("closed_at IS NULL"),
    )


def _days() -> None:
    op.create_table(
        "figure_days",
        sa.Column("by", sa.Text(), primary_key=True),
        sa.Column("key", CODE, primary_key=True),
        sa.Column("day", sa.Date(), primary_key=True),
        *(sa.Column(name, sa.BigInteger() if name.endswith("_s") else sa.Integer()) for name in NUMBERS),
        postgresql_partition_by="LIST (by)",
    )
    for by in ("town", "worker", "department", "type"):
        op.execute(f"CREATE TABLE figure_days_{by} PARTITION OF figure_days FOR VALUES IN ('{by}')")
    op.create_table(
        "figure_state",
        sa.Column("id", sa.SmallInteger(), primary_key=True, autoincrement=False),
        sa.Column("xid", Xid8(), nullable=False),
        sa.Column("event_id", sa.BigInteger(), nullable=False),
        sa.Column("at", MOMENT, nullable=False),
        sa.CheckConstraint("id = 1", name=op.f("ck_figure_state_one_row")),
    )
    op.create_table(
        "figure_work_days",
        sa.Column("day", sa.Date(), primary_key=True),
        sa.Column("works", sa.Boolean(), nullable=False),
        sa.Column("before_s", sa.BigInteger(), nullable=False),
    )


def _decisions() -> None:
    op.create_table(
        "figure_objections",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), primary_key=True),
        sa.Column("case_id", sa.Uuid(), sa.ForeignKey("cases.id"), nullable=False),
        sa.Column("stage", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("by_person", sa.BigInteger(), sa.ForeignKey("people.id"), nullable=False),
        sa.Column("at", MOMENT, nullable=False),
        sa.Column("decided_by", sa.BigInteger(), sa.ForeignKey("people.id")),
        sa.Column("decided_at", MOMENT),
        sa.Column("upheld", sa.Boolean()),
        sa.CheckConstraint(f"stage IN {STAGES}", name=op.f("ck_figure_objections_stage")),
    )
    op.create_index(
        "uq_figure_objections_open",
        "figure_objections",
        ["case_id", "stage"],
        unique=True,
        postgresql_where=sa.text("upheld IS NOT FALSE"),
    )
    weights = op.create_table(
        "figure_weights",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), primary_key=True),
        sa.Column("post", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("weights", postgresql.JSONB(), nullable=False),
        sa.Column("by_person", sa.BigInteger(), sa.ForeignKey("people.id")),
        sa.Column("at", MOMENT, nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.CheckConstraint(f"post IN {POSTS}", name=op.f("ck_figure_weights_post")),
        sa.UniqueConstraint("post", "version"),
    )
    for post, held in WEIGHTS.items():
        op.execute(
            sa.insert(weights).values(
                post=post, version=1, weights=json.loads(json.dumps(held)), at=sa.func.now(), reason=""
            )
        )


def _published() -> None:
    op.create_table(
        "published_figures",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), primary_key=True),
        sa.Column("first_day", sa.Date(), nullable=False),
        sa.Column("last_day", sa.Date(), nullable=False),
        sa.Column("area_code", CODE, sa.ForeignKey("areas.code"), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("by_person", sa.BigInteger(), sa.ForeignKey("people.id"), nullable=False),
        sa.Column("at", MOMENT, nullable=False),
        sa.Column("figures", postgresql.JSONB(), nullable=False),
        sa.Column("definitions", postgresql.JSONB(), nullable=False),
        sa.Column("sha256", sa.LargeBinary(), nullable=False),
        sa.UniqueConstraint("first_day", "last_day", "area_code", "revision"),
        sa.CheckConstraint("revision = 1 OR reason <> ''", name=op.f("ck_published_figures_reason")),
    )
    op.execute(
        "CREATE FUNCTION published_stays() RETURNS trigger LANGUAGE plpgsql AS $$"
        " BEGIN RAISE EXCEPTION 'a published figure is never changed: publish a revision'"
        " USING ERRCODE = 'restrict_violation'; END $$"
    )
    op.execute(
        "CREATE TRIGGER published_stays BEFORE UPDATE OR DELETE ON published_figures"
        " FOR EACH ROW EXECUTE FUNCTION published_stays()"
    )
    op.execute(
        "CREATE TRIGGER published_stays_whole BEFORE TRUNCATE ON published_figures"
        " FOR EACH STATEMENT EXECUTE FUNCTION published_stays()"
    )


def downgrade() -> None:
    """Take them away."""
    for table in (
        "published_figures",
        "figure_weights",
        "figure_objections",
        "figure_work_days",
        "figure_state",
        "figure_days",
        "case_facts",
    ):
        op.drop_table(table)
    op.execute("DROP FUNCTION published_stays()")
