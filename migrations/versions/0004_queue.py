"""Lay procrastinate's queue, in the city's own schema.

The statements are the library's (its version is in requirements.lock); when a later version changes them, its own
migration files become a migration here.
"""

from __future__ import annotations

from alembic import op
from procrastinate.schema import SchemaManager

revision = "0004_queue"
down_revision = "0003_tiles"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Lay procrastinate's queue."""
    cursor = op.get_bind().connection.cursor()
    cursor.execute(SchemaManager.get_schema())


def downgrade() -> None:
    """Undo it."""
    op.execute("DROP TABLE IF EXISTS procrastinate_periodic_defers, procrastinate_events CASCADE")
    op.execute("DROP TABLE IF EXISTS procrastinate_jobs, procrastinate_workers CASCADE")
    op.execute(
        "DO $$ DECLARE f regprocedure; BEGIN"
        " FOR f IN SELECT oid::regprocedure FROM pg_proc WHERE proname LIKE 'procrastinate%'"
        " AND pronamespace = current_schema()::regnamespace LOOP EXECUTE 'DROP FUNCTION ' || f || ' CASCADE';"
        " END LOOP; END $$"
    )
    op.execute(
        "DROP TYPE IF EXISTS procrastinate_job_status, procrastinate_job_event_type,"
        " procrastinate_job_to_defer_v1, procrastinate_job_to_defer_v2 CASCADE"
    )
