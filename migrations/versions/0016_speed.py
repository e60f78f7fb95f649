"""Make a report cheaper in the database: who is on duty by B-trees, plans that are kept, cards by keys."""

from __future__ import annotations

from alembic import op
from sqlalchemy import text

from app.schema import function_sql

revision = "0016_speed"
down_revision = "0011_figures"
branch_labels = None
depends_on = None

# Before, and after; a function comes after those it calls.
FUNCTIONS = (
    ("holder_of", "text, text, timestamptz", "v1", "v2"),
    ("nearest_facility", "geometry, text, double precision", "v1", "v2"),
    ("case_card", "cases", "v2", "v3"),
)


def upgrade() -> None:
    """Make the indexes and the newer functions."""
    op.drop_constraint(op.f("ck_shifts_during"), "shifts", type_="check")
    op.create_check_constraint(
        op.f("ck_shifts_during"), "shifts", "NOT isempty(during) AND NOT lower_inf(during)"
    )
    op.create_index(
        "ix_posts_cell_code_role_begins",
        "posts",
        ["cell_code", "role", text("lower(during)")],
        postgresql_include=["during", "worker_id"],
    )
    op.create_index(
        "ix_shifts_worker_id_begins",
        "shifts",
        ["worker_id", text("lower(during)")],
        postgresql_include=["during"],
    )
    op.drop_index("ix_facilities_type_code_geom", table_name="facilities")
    op.create_index(
        "ix_facilities_geom_type_code", "facilities", ["geom", "type_code"], postgresql_using="gist"
    )
    for name, arguments, _, after in FUNCTIONS:
        _replace(name, arguments, after)


def downgrade() -> None:
    """Take them back."""
    for name, arguments, before, _ in FUNCTIONS:
        _replace(name, arguments, before)
    op.drop_index("ix_facilities_geom_type_code", table_name="facilities")
    op.create_index(
        "ix_facilities_type_code_geom", "facilities", ["type_code", "geom"], postgresql_using="gist"
    )
    op.drop_index("ix_shifts_worker_id_begins", table_name="shifts")
    op.drop_index("ix_posts_cell_code_role_begins", table_name="posts")
    op.drop_constraint(op.f("ck_shifts_during"), "shifts", type_="check")
    op.create_check_constraint(op.f("ck_shifts_during"), "shifts", "NOT isempty(during)")


def _replace(name: str, arguments: str, version: str) -> None:
    op.execute(f"DROP FUNCTION {name}({arguments})")
    op.get_bind().exec_driver_sql(function_sql(f"{name}.{version}"))
