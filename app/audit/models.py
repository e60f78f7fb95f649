"""Tables of the record: what was done, the chain over it, and the chain's signed heads."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from app.audit.rules import Action
from app.db import Base, Code
from app.transaction import Xid8


class AuditRow(Base):
    """Something that somebody did or read. No foreign keys: what is recorded outlives what it is about."""

    __tablename__ = "audit_log"
    __table_args__ = (
        sa.Index("ix_audit_log_xid", "xid"),
        sa.Index("ix_audit_log_username_id", "username", "id"),
        # a subject has few rows, and its text is long: a hash of it is a third of the size
        sa.Index("ix_audit_log_subject", "subject", postgresql_using="hash"),
        # nearly all rows are steps of cases: what is rare would be looked for among them
        sa.Index(
            "ix_audit_log_rare",
            "action",
            "id",
            postgresql_where=sa.text(f"action NOT IN ('{Action.CASE_STEP}', '{Action.CASE_REPORTED}')"),
        ),
    )

    id: Mapped[int] = mapped_column(sa.BigInteger, sa.Identity(always=True), primary_key=True)
    xid: Mapped[str] = mapped_column(Xid8(), server_default=sa.text("pg_current_xact_id()"))
    at: Mapped[datetime] = mapped_column(server_default=sa.text("now()"))
    person_id: Mapped[int | None] = mapped_column(sa.BigInteger)
    username: Mapped[str]
    action: Mapped[str]
    subject: Mapped[str]
    area_code: Mapped[str | None] = mapped_column(Code)
    detail: Mapped[dict[str, Any]] = mapped_column(server_default=sa.text("'{}'::jsonb"))


class AuditLink(Base):
    """The place of a row in the chain, and the hash of it and everything before it.

    No foreign key: it would lock every row of the record once more, and verifying compares both tables.
    """

    __tablename__ = "audit_chain"
    __table_args__ = (sa.UniqueConstraint("id"),)

    no: Mapped[int] = mapped_column(sa.BigInteger, primary_key=True, autoincrement=False)
    id: Mapped[int] = mapped_column(sa.BigInteger)
    hash: Mapped[bytes]


class AuditHead(Base):
    """The chain's end at a moment, signed with a secret that the database does not know.

    All rows of transactions before `below` are in the chain: the next sealing looks from there on.
    """

    __tablename__ = "audit_heads"

    no: Mapped[int] = mapped_column(sa.BigInteger, primary_key=True, autoincrement=False)
    at: Mapped[datetime]
    hash: Mapped[bytes]
    key: Mapped[str | None]
    signature: Mapped[bytes | None]
    below: Mapped[int] = mapped_column(sa.BigInteger)
