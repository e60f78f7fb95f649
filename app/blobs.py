"""Photos by SHA-256: the name says what the bytes must be."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from app.db import Base


class Photo(Base):
    """A stored photo; its file lies under `var/photos/` by its name."""

    __tablename__ = "photos"
    __table_args__ = (sa.CheckConstraint("sha256 ~ '^[0-9a-f]{64}$'", name="sha256"),)

    sha256: Mapped[str] = mapped_column(primary_key=True)
    media_type: Mapped[str]
    size: Mapped[int] = mapped_column(sa.BigInteger)
    width: Mapped[int]
    height: Mapped[int]
    received_at: Mapped[datetime]
    received_from: Mapped[int | None] = mapped_column(sa.BigInteger, sa.ForeignKey("people.id"))
