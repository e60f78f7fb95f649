"""The loop: units, filing standards, the case's clock and counters, appeals, requests, and richer steps."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from app.schema import function_sql

revision = "0008_loop"
down_revision = "0007_search"
branch_labels = None
depends_on = None

CODE = sa.Text(collation="C")
MOMENT = sa.TIMESTAMP(timezone=True)
CLOCKS = "('urgent_hour', 'natural_day', 'work_hour', 'work_day')"
OLD_ROLES = "('citizen', 'worker', 'operator', 'dispatcher', 'supervisor', 'planner', 'admin')"
ROLES = (
    "('citizen', 'worker', 'operator', 'shift_leader', 'dispatcher', 'handler', 'supervisor', 'committee',"
    " 'leader', 'planner', 'admin')"
)
OLD_SOURCES = "('worker', 'citizen', 'operator', 'script')"
SOURCES = (
    "('worker', 'citizen', 'operator', 'script', 'sensor', 'phone', 'counter', 'web', 'letter', 'partner')"
)
OLD_STEPS = (
    "('report', 'verify', 'verified', 'accept', 'answer', 'void', 'merge', 'file', 'dispatch', 'sign',"
    " 'return', 'extend', 'suspend', 'resume', 'feedback', 'rework', 'check', 'pass', 'call_back',"
    " 'satisfied', 'dissatisfied', 'order', 'hold_to_account', 'decide', 'reopen')"
)
STEPS = (
    "('report', 'verify', 'verified', 'accept', 'answer', 'ask_void', 'void', 'merge', 'joined', 'file',"
    " 'dispatch', 'sign', 'ask_return', 'return', 'ask_extend', 'extend', 'ask_suspend', 'suspend', 'refuse',"
    " 'resume', 'feedback', 'rework', 'check', 'checked', 'pass', 'call_back', 'no_contact', 'unreached',"
    " 'satisfied', 'dissatisfied', 'order', 'hold_to_account', 'decide', 'reopen', 'object', 'supervise',"
    " 'urge', 'instruct', 'assign', 'note', 'add', 'withdraw', 'force_close')"
)
COUNTERS = ("extensions", "returns", "reworks", "suspensions", "dissatisfactions", "calls", "level")


def upgrade() -> None:
    """Make tables, columns and functions."""
    _units()
    _types()
    _cases()
    _around_cases()
    _check("grants", "role", f"role IN {ROLES}")
    _check("cases", "source", f"source IN {SOURCES}")
    _check("case_steps", "step", f"step IN {STEPS}")
    _functions("v2", "v2")


def _units() -> None:
    op.create_table(
        "units",
        sa.Column("code", CODE, primary_key=True),
        sa.Column("name_zh", sa.Text(), nullable=False),
        sa.Column("name_en", sa.Text(), nullable=False),
        sa.Column("area_code", CODE, sa.ForeignKey("areas.code"), nullable=False),
        sa.Column("active", sa.Boolean(), server_default=sa.true(), nullable=False),
    )
    op.add_column("people", sa.Column("unit_code", CODE, sa.ForeignKey("units.code")))


def _types() -> None:
    op.add_column("case_types", sa.Column("kind", sa.Text(), server_default="incident", nullable=False))
    op.add_column("case_types", sa.Column("merge_m", sa.Float(), server_default="50", nullable=False))
    op.add_column("case_types", sa.Column("merge_h", sa.Float(), server_default="24", nullable=False))
    op.create_check_constraint(op.f("ck_case_types_kind"), "case_types", "kind IN ('incident', 'appeal')")
    op.create_table(
        "case_standards",
        sa.Column("id", sa.BigInteger(), sa.Identity(), primary_key=True),
        sa.Column("type_code", CODE, sa.ForeignKey("case_types.code"), nullable=False),
        *(
            sa.Column(name, sa.Text(), nullable=False)
            for name in ("condition_zh", "condition_en", "close_zh", "close_en")
        ),
        sa.Column("clock", sa.Text(), nullable=False),
        sa.Column("limit_value", sa.Float(), nullable=False),
        sa.Column("unit", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), server_default="", nullable=False),
        sa.CheckConstraint(f"clock IN {CLOCKS}", name=op.f("ck_case_standards_clock")),
    )
    op.create_index("ix_case_standards_type_code", "case_standards", ["type_code"])


def _cases() -> None:
    for name, kind, target in (
        ("unit_code", CODE, "units.code"),
        ("assisting", sa.ARRAY(CODE), None),
        ("handler_id", sa.BigInteger(), "people.id"),
        ("checker_id", sa.BigInteger(), "workers.id"),
        ("supervisor_id", sa.BigInteger(), "people.id"),
        ("standard_id", sa.BigInteger(), "case_standards.id"),
        ("stage_due_at", MOMENT, None),
        ("warn_at", MOMENT, None),
        ("clock_kind", sa.Text(), None),
        ("limit_value", sa.Float(), None),
        ("clock_left_s", sa.Float(), None),
        ("suspended_until", MOMENT, None),
        ("merged_into", sa.Uuid(), "cases.id"),
        ("satisfaction", sa.Text(), None),
    ):
        op.add_column("cases", sa.Column(name, kind, *([sa.ForeignKey(target)] if target else [])))
    for name in COUNTERS:
        op.add_column("cases", sa.Column(name, sa.SmallInteger(), server_default="0", nullable=False))
    op.add_column("cases", sa.Column("revision", sa.Integer(), server_default="1", nullable=False))
    op.alter_column("cases", "geom", nullable=True)
    op.create_check_constraint(op.f("ck_cases_level"), "cases", "level BETWEEN 0 AND 3")
    _check(
        "cases",
        "inside_or_outside",
        "geom IS NULL AND kind = 'appeal' AND cell_code IS NULL AND outside_m IS NULL"
        " OR geom IS NOT NULL AND (cell_code IS NULL) = (outside_m IS NOT NULL)",
    )
    still_open = sa.text("closed_at IS NULL")
    op.create_index("ix_cases_open_stage", "cases", ["stage_due_at", "id"], postgresql_where=still_open)
    op.create_index("ix_cases_open_unit", "cases", ["unit_code", "stage_due_at"], postgresql_where=still_open)


def _around_cases() -> None:
    op.create_table(
        "appeals",
        sa.Column("case_id", sa.Uuid(), sa.ForeignKey("cases.id"), primary_key=True),
        sa.Column("nature", sa.Text(), nullable=False),
        sa.Column("wish", sa.Text(), server_default="", nullable=False),
        sa.Column("name", sa.Text()),
        sa.Column("phone", sa.Text()),
        sa.Column("address", sa.Text(), server_default="", nullable=False),
        sa.Column("tell", sa.Boolean(), server_default=sa.true(), nullable=False),
        sa.Column("secret_sha256", sa.LargeBinary()),
        sa.CheckConstraint(
            "nature IN ('consult', 'help', 'complaint', 'accusation', 'suggestion', 'praise')",
            name=op.f("ck_appeals_nature"),
        ),
    )
    op.create_index("ix_appeals_phone", "appeals", ["phone"], postgresql_where=sa.text("phone IS NOT NULL"))
    op.create_table(
        "case_requests",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), primary_key=True),
        sa.Column("case_id", sa.Uuid(), sa.ForeignKey("cases.id"), nullable=False),
        sa.Column("step", sa.Text(), nullable=False),
        sa.Column("by_person", sa.BigInteger(), sa.ForeignKey("people.id")),
        sa.Column("at", MOMENT, nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("data", postgresql.JSONB(), server_default=sa.text("'{}'::jsonb"), nullable=False),
        sa.Column("decided_at", MOMENT),
        sa.Column("decided_by", sa.BigInteger(), sa.ForeignKey("people.id")),
        sa.Column("approved", sa.Boolean()),
        sa.CheckConstraint(
            "step IN ('void', 'return', 'extend', 'suspend')", name=op.f("ck_case_requests_step")
        ),
    )
    op.create_index(
        "uq_case_requests_open",
        "case_requests",
        ["case_id"],
        unique=True,
        postgresql_where=sa.text("decided_at IS NULL"),
    )
    op.add_column("case_steps", sa.Column("key", sa.Uuid()))
    op.add_column("case_steps", sa.Column("by_role", sa.Text()))
    op.add_column("case_steps", sa.Column("unit_code", CODE))
    op.add_column("case_steps", sa.Column("data", postgresql.JSONB()))
    op.create_index(
        "uq_case_steps_key",
        "case_steps",
        ["key"],
        unique=True,
        postgresql_where=sa.text("key IS NOT NULL"),
    )
    op.add_column("case_photos", sa.Column("stage", sa.Text(), server_default="report", nullable=False))


def _check(table: str, name: str, condition: str) -> None:
    op.drop_constraint(op.f(f"ck_{table}_{name}"), table, type_="check")
    op.create_check_constraint(op.f(f"ck_{table}_{name}"), table, condition)


def _functions(card: str, report: str) -> None:
    op.execute("DROP FUNCTION file_report")
    op.execute("DROP FUNCTION case_card(cases)")
    op.get_bind().exec_driver_sql(function_sql(f"case_card.{card}"))
    op.get_bind().exec_driver_sql(function_sql(f"file_report.{report}"))
    op.get_bind().exec_driver_sql(function_sql("case_number.v1"))
    op.get_bind().exec_driver_sql(function_sql("register_appeal.v1"))


def downgrade() -> None:
    """Take them away; what was done beyond the old table of steps is lost with them."""
    op.execute("DROP FUNCTION register_appeal")
    op.execute("DROP FUNCTION case_number")
    op.drop_column("case_photos", "stage")
    op.drop_index("uq_case_steps_key", table_name="case_steps")
    for name in ("key", "by_role", "unit_code", "data"):
        op.drop_column("case_steps", name)
    op.drop_table("case_requests")
    op.drop_table("appeals")
    op.execute("DROP FUNCTION file_report")
    op.execute("DROP FUNCTION case_card(cases)")
    op.drop_index("ix_cases_open_unit", table_name="cases")
    op.drop_index("ix_cases_open_stage", table_name="cases")
    _check("cases", "inside_or_outside", "(cell_code IS NULL) = (outside_m IS NOT NULL)")
    op.drop_constraint(op.f("ck_cases_level"), "cases", type_="check")
    op.alter_column("cases", "geom", nullable=False)
    for name in (
        *("unit_code", "assisting", "handler_id", "checker_id", "supervisor_id", "standard_id"),
        *("stage_due_at", "warn_at", "clock_kind", "limit_value", "clock_left_s", "suspended_until"),
        *("merged_into", "satisfaction", "revision"),
        *COUNTERS,
    ):
        op.drop_column("cases", name)
    op.drop_table("case_standards")
    op.drop_constraint(op.f("ck_case_types_kind"), "case_types", type_="check")
    for name in ("kind", "merge_m", "merge_h"):
        op.drop_column("case_types", name)
    op.drop_column("people", "unit_code")
    op.drop_table("units")
    _check("grants", "role", f"role IN {OLD_ROLES}")
    _check("cases", "source", f"source IN {OLD_SOURCES}")
    _check("case_steps", "step", f"step IN {OLD_STEPS}")
    op.get_bind().exec_driver_sql(function_sql("case_card.v1"))
    op.get_bind().exec_driver_sql(function_sql("file_report.v1"))
