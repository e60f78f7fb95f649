"""Locate a point, find who holds it, and file a report, in the database."""

from __future__ import annotations

from alembic import op

from app.schema import function_sql

revision = "0002_functions"
down_revision = "0001_ground"
branch_labels = None
depends_on = None

# A function comes after those it calls; `case_card` takes a row of cases.
FUNCTIONS = (
    ("box_around", "geometry, double precision"),
    ("at_least_m", "geometry, geometry"),
    ("nearest_cell", "geometry, timestamptz"),
    ("locate_cell", "geometry, timestamptz"),
    ("cells_touched", "geometry, double precision, timestamptz"),
    ("holder_of", "text, text, timestamptz"),
    ("nearest_facility", "geometry, text, double precision"),
    ("facilities_near", "geometry, integer"),
    ("case_card", "cases"),
    ("file_report", ""),
)


def upgrade() -> None:
    """Make the functions, the numbers' sequence, and the indexes of "my cases" and of a photo's cases."""
    op.execute("CREATE SEQUENCE case_serials MINVALUE 1 MAXVALUE 99999 CYCLE")
    op.create_index("ix_cases_reported_by_received_at", "cases", ["reported_by", "received_at"])
    op.create_index("ix_case_photos_sha256", "case_photos", ["sha256"])
    for name, _ in FUNCTIONS:
        op.get_bind().exec_driver_sql(function_sql(f"{name}.v1"))


def downgrade() -> None:
    """Drop them."""
    for name, arguments in reversed(FUNCTIONS):
        op.execute(f"DROP FUNCTION {name}" + (f"({arguments})" if arguments else ""))
    op.drop_index("ix_case_photos_sha256", table_name="case_photos")
    op.drop_index("ix_cases_reported_by_received_at", table_name="cases")
    op.execute("DROP SEQUENCE case_serials")
