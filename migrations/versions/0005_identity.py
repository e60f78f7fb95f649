"""Mark demo accounts; give tokens a scope and the moment of their last use."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005_identity"
down_revision = "0004_queue"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the columns."""
    op.add_column("people", sa.Column("demo", sa.Boolean(), server_default=sa.false(), nullable=False))
    op.add_column("tokens", sa.Column("scope", sa.Text(), server_default="full", nullable=False))
    op.add_column("tokens", sa.Column("used_at", sa.TIMESTAMP(timezone=True), nullable=True))
    op.create_check_constraint(op.f("ck_tokens_scope"), "tokens", "scope IN ('full', 'read')")


def downgrade() -> None:
    """Take them away."""
    op.drop_column("tokens", "used_at")
    op.drop_column("tokens", "scope")
    op.drop_column("people", "demo")
