"""Tables of notices: the reader's place, notices, deliveries, and what each person chose."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from app.db import Base, one_of
from app.notices.rules import Channel, NoticeKind, State
from app.transaction import Xid8


class NoticeCursor(Base):
    """How far the events are told: one row. Events up to `floor_id` are told or older than the notices."""

    __tablename__ = "notice_cursor"
    __table_args__ = (sa.CheckConstraint("one", name="one"),)

    one: Mapped[bool] = mapped_column(primary_key=True, server_default=sa.true())
    xid: Mapped[str] = mapped_column(Xid8())
    event_id: Mapped[int] = mapped_column(sa.BigInteger)
    floor_id: Mapped[int] = mapped_column(sa.BigInteger)


class Notice(Base):
    """What one person is told of one event: somebody who signs in, or whoever is behind an appeal.

    An event tells a person of a kind once. `case_id` is the person's own case, also where another one that it
    was merged into went on.
    """

    __tablename__ = "notices"
    __table_args__ = (
        one_of("kind", NoticeKind),
        sa.CheckConstraint("num_nonnulls(person_id, appeal_id) = 1", name="somebody"),
        sa.Index(
            "uq_notices_person",
            "event_id",
            "person_id",
            "kind",
            unique=True,
            postgresql_where=sa.text("person_id IS NOT NULL"),
        ),
        sa.Index(
            "uq_notices_appeal",
            "event_id",
            "appeal_id",
            "kind",
            unique=True,
            postgresql_where=sa.text("appeal_id IS NOT NULL"),
        ),
        sa.Index("ix_notices_person_id", "person_id", "id"),
        sa.Index(
            "ix_notices_unread",
            "person_id",
            "id",
            postgresql_where=sa.text("read_at IS NULL AND person_id IS NOT NULL"),
        ),
        sa.Index("ix_notices_at", "at"),
    )

    id: Mapped[int] = mapped_column(sa.BigInteger, sa.Identity(always=True), primary_key=True)
    person_id: Mapped[int | None] = mapped_column(sa.BigInteger, sa.ForeignKey("people.id"))
    appeal_id: Mapped[UUID | None] = mapped_column(sa.Uuid(), sa.ForeignKey("appeals.case_id"))
    case_id: Mapped[UUID] = mapped_column(sa.Uuid(), sa.ForeignKey("cases.id"))
    event_id: Mapped[int] = mapped_column(sa.BigInteger)
    kind: Mapped[str]
    at: Mapped[datetime]
    read_at: Mapped[datetime | None]
    data: Mapped[dict[str, Any]]


class Delivery(Base):
    """A notice on its way by a channel. The address is read when it is sent, and is not kept here.

    `id` goes with what is sent, as Message-ID or Idempotency-Key, the same at every try.
    """

    __tablename__ = "deliveries"
    __table_args__ = (
        one_of("channel", Channel),
        one_of("state", State),
        sa.UniqueConstraint("notice_id", "channel"),
        sa.Index(
            "ix_deliveries_next_at",
            "next_at",
            "id",
            postgresql_where=sa.text("state IN ('waiting', 'sending')"),
        ),
        sa.Index("ix_deliveries_failed", "next_at", postgresql_where=sa.text("state = 'failed'")),
    )

    id: Mapped[UUID] = mapped_column(sa.Uuid(), primary_key=True, server_default=sa.text("gen_random_uuid()"))
    notice_id: Mapped[int] = mapped_column(sa.BigInteger, sa.ForeignKey("notices.id", ondelete="CASCADE"))
    channel: Mapped[str]
    state: Mapped[str] = mapped_column(server_default="waiting")
    tries: Mapped[int] = mapped_column(sa.SmallInteger, server_default="0")
    next_at: Mapped[datetime]
    sent_at: Mapped[datetime | None]
    error: Mapped[str | None]


class NoticePreference(Base):
    """Where and how somebody wants to be told; `choices` has the channels of the kinds that they changed."""

    __tablename__ = "notice_preferences"
    __table_args__ = (sa.CheckConstraint("language IN ('zh', 'en')", name="language"),)

    person_id: Mapped[int] = mapped_column(sa.BigInteger, sa.ForeignKey("people.id"), primary_key=True)
    email: Mapped[str | None]
    webhook_url: Mapped[str | None]
    language: Mapped[str] = mapped_column(server_default="zh")
    choices: Mapped[dict[str, Any]] = mapped_column(server_default=sa.text("'{}'::jsonb"))
