"""The record's words, and the arithmetic of its chain: what a row hashes to, and how a head is signed."""

from __future__ import annotations

import getpass
import hashlib
import hmac
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Protocol

import orjson

from app.errors import Conflict


class RecordBroken(Conflict):
    """The chain does not end as its signed head says: nothing is sealed on top of it."""

    code = "record_broken"


class Action(StrEnum):
    """What is recorded. The table takes any word, so that a new action needs no migration."""

    SIGNED_IN = "signed_in"
    SIGN_IN_FAILED = "sign_in_failed"
    SIGNED_OUT = "signed_out"
    PERSON_CREATED = "person_created"
    PASSWORD_CHANGED = "password_changed"  # noqa: S105 - an action, no secret
    ACCOUNT_CLOSED = "account_closed"
    ROLE_GRANTED = "role_granted"
    ROLE_REVOKED = "role_revoked"
    TOKEN_CREATED = "token_created"  # noqa: S105 - an action, no secret
    TOKEN_REVOKED = "token_revoked"  # noqa: S105 - an action, no secret
    PERSON_READ = "person_read"
    """a protected name, telephone or address was shown in full"""
    EXPORTED = "exported"
    IMPORTED = "imported"
    CALENDAR_CHANGED = "calendar_changed"
    SETTING_CHANGED = "setting_changed"
    CASE_REPORTED = "case_reported"
    CASE_STEP = "case_step"
    RECORD_VERIFIED = "record_verified"


class Somebody(Protocol):
    """Who does something: a `Viewer` of identity is one."""

    @property
    def person_id(self) -> int | None:
        """The id of a person, None for the system and for commands."""

    @property
    def username(self) -> str:
        """How they are called."""


@dataclass(frozen=True, slots=True)
class Actor:
    """Who does something without having signed in."""

    person_id: int | None
    username: str


SYSTEM = Actor(None, "system")
"""The clockwork and what a case does by itself."""

UNKNOWN = Actor(None, "unknown")
"""Somebody at the sign-in whom no account fits."""


def operator_of_machine() -> Actor:
    """Return who runs a command: the machine's own account, since nobody has signed in."""
    try:
        return Actor(None, f"command {getpass.getuser()}")
    except (KeyError, OSError):  # a container's user without a name
        return Actor(None, "command")


GENESIS = hashlib.sha256(b"jingwei audit 1").digest()
"""What stands before the first row; the number is of the way in which rows are hashed."""

UNSEALED_AFTER = timedelta(hours=1)
"""A row that is older and in no chain: the background worker stands still, or somebody put it there."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A row of the record as it is hashed. `detail` is the text that PostgreSQL makes of its JSON."""

    id: int
    at: datetime
    person_id: int | None
    username: str
    action: str
    subject: str
    area_code: str | None
    detail: str


@dataclass(frozen=True, slots=True)
class Head:
    """The chain's end as it was signed: all rows up to place `no` hash to `hash`."""

    no: int
    at: datetime
    hash: bytes
    key: str | None
    signature: bytes | None


def chained(previous: bytes, entry: Entry) -> bytes:
    """Return the hash of a row that follows `previous`."""
    moment = round(entry.at.timestamp() * 1_000_000)
    parts = [entry.id, moment, entry.person_id, entry.username, entry.action, entry.subject]
    return hashlib.sha256(previous + orjson.dumps([*parts, entry.area_code, entry.detail])).digest()


def signed(no: int, hash_: bytes, *, at: datetime, secret: str) -> Head:
    """Return the head signed with the city's secret, which the database does not know.

    Whoever owns the database can make a whole new chain, but no head of it. With no secret, none is signed.
    """
    if not secret:
        return Head(no, at, hash_, None, None)
    return Head(no, at, hash_, key_name(secret), _signature(no, hash_, at, secret))


def is_ours(head: Head, secret: str) -> bool:
    """Whether the head was signed with this secret."""
    if head.signature is None or not secret:
        return False
    return hmac.compare_digest(head.signature, _signature(head.no, head.hash, head.at, secret))


def key_name(secret: str) -> str:
    """Return by what a secret is known without being told."""
    return hashlib.sha256(b"name" + _key(secret)).hexdigest()[:16]


def _key(secret: str) -> bytes:
    return hmac.new(secret.encode(), b"jingwei audit head", hashlib.sha256).digest()


def _signature(no: int, hash_: bytes, at: datetime, secret: str) -> bytes:
    moment = round(at.timestamp() * 1_000_000)
    return hmac.new(_key(secret), b"%d %d " % (no, moment) + hash_, hashlib.sha256).digest()
