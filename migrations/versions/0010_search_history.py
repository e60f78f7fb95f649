"""Search cases by words, keep where imported ones came from, and hold a million cases in narrower indexes."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from app.schema import function_sql

revision = "0010_search_history"
down_revision = "0017_photo_senders"
branch_labels = None
depends_on = None

WIDE = {
    "ix_cases_received_at": ["received_at", "id"],
    "ix_cases_worker_id_received_at": ["worker_id", "received_at"],
    "ix_cases_community_code_received_at": ["community_code", "received_at"],
    "ix_cases_cell_code_received_at": ["cell_code", "received_at"],
    "ix_cases_reported_by_received_at": ["reported_by", "received_at"],
}
"""Each was 40 MB a million cases: no two entries are alike, so that B-trees cannot fold them."""

NARROW = ("received_at", "worker_id", "community_code", "cell_code", "type_code", "unit_code")
"""7 MB each: entries alike are folded into one list of rows; only received_at has 21. Steps likewise: a case's
eight are sorted in no time, and their index has 80 MB instead of 330."""

NARROW_PARTIAL = ("checker_id", "facility_id", "reported_by", "merged_into")
"""Those that many cases do not have."""


def upgrade() -> None:
    """Make the functions, the column and the indexes."""
    for name in ("text_pairs", "text_query"):
        op.get_bind().exec_driver_sql(function_sql(f"{name}.v1"))
    op.add_column("cases", sa.Column("origin", sa.Text()))
    for name in WIDE:
        op.drop_index(name, table_name="cases")
    for column in NARROW:
        op.create_index(f"ix_cases_{column}", "cases", [column])
    for column in NARROW_PARTIAL:
        known = sa.text(f"{column} IS NOT NULL")
        op.create_index(f"ix_cases_{column}", "cases", [column], postgresql_where=known)
    op.create_index(
        "ix_cases_not_pursued",
        "cases",
        ["status", "received_at"],
        postgresql_where=sa.text("status IN ('void', 'merged')"),
    )
    op.drop_index("ix_case_steps_case_id_at", table_name="case_steps")
    op.create_index("ix_case_steps_case_id", "case_steps", ["case_id"])
    # a small pending list: what is not yet in the index is read whole by every search
    op.execute(
        "CREATE INDEX ix_cases_text_pairs ON cases USING gin (text_pairs(text))"
        " WITH (gin_pending_list_limit = 512)"
    )


def downgrade() -> None:
    """Take them away."""
    for name in ("text_pairs", "not_pursued", *NARROW_PARTIAL, *NARROW):
        op.drop_index(f"ix_cases_{name}", table_name="cases")
    for name, columns in WIDE.items():
        op.create_index(name, "cases", columns)
    op.drop_index("ix_case_steps_case_id", table_name="case_steps")
    op.create_index("ix_case_steps_case_id_at", "case_steps", ["case_id", "at"])
    op.drop_column("cases", "origin")
    op.execute("DROP FUNCTION text_query(text)")
    op.execute("DROP FUNCTION text_pairs(text)")
