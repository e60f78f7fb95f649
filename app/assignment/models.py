"""Table of posts: a worker holds a cell, as primary or backup, during a range."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import TSTZRANGE, ExcludeConstraint, Range
from sqlalchemy.orm import Mapped, mapped_column

from app.db import Base, Code, one_of


class PostRole(StrEnum):
    """A and B post: the backup acts when the primary is off duty."""

    PRIMARY = "primary"
    BACKUP = "backup"


class Post(Base):
    """A worker holds a cell during a range. Two primaries for one cell at one time cannot be."""

    __tablename__ = "posts"
    __table_args__ = (
        one_of("role", PostRole),
        ExcludeConstraint(
            ("cell_code", "="), ("role", "="), ("during", "&&"), name="one_holder_at_a_time", using="gist"
        ),
        sa.CheckConstraint("NOT isempty(during) AND NOT lower_inf(during)", name="during"),
        sa.Index("ix_posts_worker_id", "worker_id"),
        sa.Index(
            "ix_posts_cell_code_role_begins",
            "cell_code",
            "role",
            sa.text("lower(during)"),
            postgresql_include=["during", "worker_id"],
        ),
    )

    id: Mapped[int] = mapped_column(sa.BigInteger, sa.Identity(), primary_key=True)
    code: Mapped[str] = mapped_column(Code, server_default="")
    cell_code: Mapped[str] = mapped_column(Code, sa.ForeignKey("cells.code"))
    worker_id: Mapped[int] = mapped_column(sa.BigInteger, sa.ForeignKey("workers.id"))
    role: Mapped[str]
    during: Mapped[Range[datetime]] = mapped_column(TSTZRANGE)
