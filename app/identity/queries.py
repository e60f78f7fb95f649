"""What is known of people, their sessions and tokens."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from app.errors import NotFound
from app.identity.keys import digest
from app.identity.models import Person
from app.identity.rules import IDLE_LIMIT, Role, Scope, Viewer, areas_of
from app.transaction import Tx


@dataclass(frozen=True, slots=True)
class Known:
    """A viewer found by a secret, and when that secret was last seen to be used."""

    viewer: Viewer
    last_at: datetime | None


@dataclass(frozen=True, slots=True)
class Account:
    """What signing in needs to know of a person."""

    id: int
    username: str
    name: str
    password_hash: str | None
    active: bool


@dataclass(frozen=True, slots=True)
class TokenCard:
    """A token without its secret."""

    name: str
    username: str
    scope: str
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None
    used_at: datetime | None


@dataclass(frozen=True, slots=True)
class DemoAccount:
    """An account of the demo city."""

    username: str
    name: str
    role: str
    area: str


def by_session(tx: Tx, secret: str, *, at: datetime) -> Known | None:
    """Return who holds the session with this secret, None when it is over or never was."""
    row = tx.named("identity.session_viewer", secret=digest(secret), at=at, idle_since=at - IDLE_LIMIT)
    return _known(row.one_or_none(), via_token=False)


def by_token(tx: Tx, secret: str, *, at: datetime) -> Known | None:
    """Return whose token this is, None when it has expired, is revoked, or never was."""
    row = tx.named("identity.token_viewer", secret=digest(secret), at=at).one_or_none()
    return _known(row, via_token=True)


def _known(row: sa.Row[tuple[object, ...]] | None, *, via_token: bool) -> Known | None:
    if row is None:
        return None
    grants = tuple((Role(role), area) for role, area in (grant.split(" ") for grant in row.grants))
    viewer = Viewer(
        person_id=row.id,
        name=row.name,
        username=row.username,
        roles=frozenset(role for role, _ in grants),
        areas=areas_of(grants),
        worker_id=row.worker_id,
        unit_code=row.unit_code,
        via_token=via_token,
        read_only=row.scope == Scope.READ,
        grants=grants,
    )
    return Known(viewer, row.last_at)


def account(tx: Tx, username: str) -> Account | None:
    """Return the account of this username, None when there is none."""
    row = tx.named("identity.account", username=username).one_or_none()
    return None if row is None else Account(**row._mapping)


def person_id(tx: Tx, username: str) -> int:
    """Return the id of the active person with this username.

    Raises:
        NotFound: there is none.
    """
    found = tx.execute(sa.select(Person.id).where(Person.username == username, Person.active)).scalar()
    if found is None:
        raise NotFound(f"there is no active person {username!r}; `jingwei person create` makes one")
    return int(found)


def tokens(tx: Tx) -> list[TokenCard]:
    """Return every token, newest first."""
    return [TokenCard(**row._mapping) for row in tx.named("identity.tokens")]


def demo_accounts(tx: Tx) -> list[DemoAccount]:
    """Return the accounts whose password is public; none in a city that is no demo."""
    return [DemoAccount(**row._mapping) for row in tx.named("identity.demo_accounts")]
