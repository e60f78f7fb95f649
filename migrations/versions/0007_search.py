"""Find facilities by a part of their name or address: one trigram index over both."""

from __future__ import annotations

from alembic import op

revision = "0007_search"
down_revision = "0006_streets"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the index."""
    op.create_index(
        "ix_facilities_words_trgm",
        "facilities",
        ["name", "address"],
        postgresql_using="gin",
        postgresql_ops={"name": "gin_trgm_ops", "address": "gin_trgm_ops"},
    )


def downgrade() -> None:
    """Take it away."""
    op.drop_index("ix_facilities_words_trgm", table_name="facilities")
