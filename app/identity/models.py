"""Tables of people and units, roles by area, sessions, tokens for scripts, and rate limits."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from app.db import Base, Code, one_of
from app.identity.rules import Role, Scope


class Unit(Base):
    """A department that handles cases: a letter (domain.md, section 3), or 'K' and the code of a town."""

    __tablename__ = "units"

    code: Mapped[str] = mapped_column(Code, primary_key=True)
    name_zh: Mapped[str]
    name_en: Mapped[str]
    area_code: Mapped[str] = mapped_column(Code, sa.ForeignKey("areas.code"))
    active: Mapped[bool] = mapped_column(server_default=sa.true())


class Person(Base):
    """Who can sign in. A worker's person points at the worker; a demo person's password is public."""

    __tablename__ = "people"
    __table_args__ = (
        sa.UniqueConstraint("username"),
        sa.CheckConstraint("username = lower(username)", name="username"),
    )

    id: Mapped[int] = mapped_column(sa.BigInteger, sa.Identity(), primary_key=True)
    username: Mapped[str]
    name: Mapped[str]
    password_hash: Mapped[str | None]
    worker_id: Mapped[int | None] = mapped_column(sa.BigInteger, sa.ForeignKey("workers.id"))
    unit_code: Mapped[str | None] = mapped_column(Code, sa.ForeignKey("units.code"))
    active: Mapped[bool] = mapped_column(server_default=sa.true())
    demo: Mapped[bool] = mapped_column(server_default=sa.false())
    created_at: Mapped[datetime] = mapped_column(server_default=sa.text("now()"))


class Grant(Base):
    """A role that a person holds in an area and all below it."""

    __tablename__ = "grants"
    __table_args__ = (one_of("role", Role),)

    person_id: Mapped[int] = mapped_column(sa.BigInteger, sa.ForeignKey("people.id"), primary_key=True)
    role: Mapped[str] = mapped_column(primary_key=True)
    area_code: Mapped[str] = mapped_column(Code, sa.ForeignKey("areas.code"), primary_key=True)


class Session(Base):
    """A signed-in browser; the cookie's secret is stored hashed."""

    __tablename__ = "sessions"
    __table_args__ = (sa.Index("ix_sessions_person_id", "person_id"),)

    secret_sha256: Mapped[bytes] = mapped_column(primary_key=True)
    person_id: Mapped[int] = mapped_column(sa.BigInteger, sa.ForeignKey("people.id"))
    created_at: Mapped[datetime]
    seen_at: Mapped[datetime]
    expires_at: Mapped[datetime]


class Token(Base):
    """A script's key: printed once, stored hashed."""

    __tablename__ = "tokens"
    __table_args__ = (sa.UniqueConstraint("name"), one_of("scope", Scope))

    secret_sha256: Mapped[bytes] = mapped_column(primary_key=True)
    name: Mapped[str]
    person_id: Mapped[int] = mapped_column(sa.BigInteger, sa.ForeignKey("people.id"))
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]
    scope: Mapped[str] = mapped_column(server_default="full")
    used_at: Mapped[datetime | None]


class RateBucket(Base):
    """How often something was done by somebody within a window; one store for all processes."""

    __tablename__ = "rate_buckets"
    __table_args__ = ({"prefixes": ["UNLOGGED"]},)

    key: Mapped[str] = mapped_column(Code, primary_key=True)
    window_start: Mapped[datetime]
    count: Mapped[int]
