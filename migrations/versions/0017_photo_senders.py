"""Remember everybody who sent a photo: a photo is shown by a case only where somebody of the case sent it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0017_photo_senders"
down_revision = "0008_loop"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the table, with the first sender of each photo."""
    op.create_table(
        "photo_senders",
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("person_id", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("sha256", "person_id", name="pk_photo_senders"),
        sa.ForeignKeyConstraint(
            ["sha256"], ["photos.sha256"], name="fk_photo_senders_sha256_photos", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["person_id"], ["people.id"], name="fk_photo_senders_person_id_people"),
    )
    op.execute(
        "INSERT INTO photo_senders (sha256, person_id)"
        " SELECT sha256, received_from FROM photos WHERE received_from IS NOT NULL"
    )


def downgrade() -> None:
    """Take it away."""
    op.drop_table("photo_senders")
