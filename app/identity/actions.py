"""What is done to people, their sessions and tokens. Nothing here commits."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from app.audit.actions import record
from app.audit.rules import Action, Somebody
from app.errors import BadValue, Conflict, NotFound, TooMany
from app.identity import passwords, queries
from app.identity.keys import TOKEN_PREFIX, digest, new_secret
from app.identity.models import Grant, Person, RateBucket, Session, Token
from app.identity.rules import (
    FORGIVEN_AFTER,
    IDLE_LIMIT,
    SEEN_EVERY,
    SESSION_LIFE,
    TOKEN_NAME,
    Limit,
    Role,
    Scope,
    checked_password,
    checked_username,
    wait_s,
    window_of,
)
from app.transaction import Event, Tx

DEMO_UNIT = "L"
"""For whom the demo's handler works: 市政, roads and lamps, which has most to do."""

SCRIPT = "script"
"""Whom a token stands for when nobody is named: a person who has no password and works at the city's desk."""


@dataclass(frozen=True, slots=True)
class NewPerson:
    """Somebody to be made, with a role in an area."""

    username: str
    name: str
    role: Role
    area_code: str
    worker_code: str | None = None


def begin_attempt(tx: Tx, username: str, address: str, *, at: datetime) -> None:
    """Count an attempt to sign in as a failure, before the password is looked at.

    Counting afterwards would let a hundred attempts at once through. `forget_attempts` takes it back.

    Raises:
        TooMany: this account was tried too often from this address; the wait grows with every failure.
    """
    key = _attempts_key(username, address)
    row = tx.named("identity.attempt_row", key=key, at=at).one()
    left = wait_s(row.failures, row.window_start, at)
    if left:
        raise TooMany(f"too many attempts to sign in; try again in {left} s", retry_after_s=left)
    failures = 0 if at - row.window_start >= FORGIVEN_AFTER else row.failures
    tx.named("identity.count_attempt", key=key, count=failures + 1, at=at)


def forget_attempts(tx: Tx, username: str, address: str) -> None:
    """Forget the failures of this account from this address."""
    tx.named("identity.forget_attempts", key=_attempts_key(username, address))


def _attempts_key(username: str, address: str) -> str:
    # hashed, since people type their password into the wrong field
    return "attempts:" + hashlib.sha256(f"{username}\n{address}".encode("utf-8", "replace")).hexdigest()


def open_session(tx: Tx, person_id: int, *, at: datetime, replaces: str | None = None) -> str:
    """Open a session and return its secret, always a new one; the browser's former session ends."""
    over = sa.or_(Session.expires_at <= at, Session.seen_at <= at - IDLE_LIMIT)
    tx.execute(sa.delete(Session).where(Session.person_id == person_id, over))
    if replaces:
        tx.execute(sa.delete(Session).where(Session.secret_sha256 == digest(replaces)))
    secret = new_secret()
    tx.execute(
        sa.insert(Session).values(
            secret_sha256=digest(secret),
            person_id=person_id,
            created_at=at,
            seen_at=at,
            expires_at=at + SESSION_LIFE,
        )
    )
    return secret


def touch_session(tx: Tx, secret: str, *, at: datetime) -> None:
    """Note that the session is used, so that it does not fall idle."""
    stale = Session.seen_at <= at - SEEN_EVERY
    tx.execute(sa.update(Session).where(Session.secret_sha256 == digest(secret), stale).values(seen_at=at))


def touch_token(tx: Tx, secret: str, *, at: datetime) -> None:
    """Note that the token is used, so that one that nobody uses can be found and revoked."""
    stale = sa.or_(Token.used_at.is_(None), Token.used_at <= at - SEEN_EVERY)
    tx.execute(sa.update(Token).where(Token.secret_sha256 == digest(secret), stale).values(used_at=at))


def sign_out(tx: Tx, person_id: int) -> int:
    """End all sessions of a person, on every device, and return how many there were."""
    return tx.execute(sa.delete(Session).where(Session.person_id == person_id)).rowcount


def keep_hash(tx: Tx, person_id: int, password_hash: str) -> None:
    """Store a hash of the same password, made with newer parameters."""
    tx.execute(sa.update(Person).where(Person.id == person_id).values(password_hash=password_hash))


def create_person(tx: Tx, new: NewPerson, password_hash: str | None, *, by: Somebody | None = None) -> int:
    """Make a person with a role in an area, and return their id.

    Raises:
        BadValue: the username does not fit, or there is no such area or worker.
        Conflict: the username is taken.
    """
    username = checked_username(new.username)
    worker = _worker_id(tx, new.worker_code)
    person = sa.insert(Person).values(
        username=username, name=new.name, password_hash=password_hash, worker_id=worker
    )
    try:
        with tx.connection.begin_nested():
            made = tx.execute(person.returning(Person.id)).scalar_one()
    except IntegrityError:
        raise Conflict(f"the username {username!r} is taken", field="username", value=username) from None
    record(tx, Action.PERSON_CREATED, f"person {made}", by=by, area_code=new.area_code)
    grant(tx, made, new.role, new.area_code, by=by)
    tx.record(Event("person_created", username, new.area_code, {"role": new.role.value}))
    return int(made)


def grant(tx: Tx, person_id: int, role: Role, area_code: str, *, by: Somebody | None = None) -> None:
    """Give a person a role in an area and all below it.

    Raises:
        BadValue: there is no such area.
    """
    known = sa.text("SELECT FROM areas WHERE code = :code")
    if tx.execute(known, {"code": area_code}).one_or_none() is None:
        raise BadValue(f"there is no area {area_code!r}", field="area", value=area_code)
    tx.execute(sa.insert(Grant).values(person_id=person_id, role=role.value, area_code=area_code))
    record(
        tx,
        Action.ROLE_GRANTED,
        f"person {person_id}",
        by=by,
        area_code=area_code,
        detail={"role": role.value},
    )


def revoke(tx: Tx, person_id: int, role: Role, area_code: str, *, by: Somebody | None = None) -> None:
    """Take a role in an area from a person.

    Raises:
        NotFound: they do not have it.
    """
    held = (Grant.person_id == person_id, Grant.role == role.value, Grant.area_code == area_code)
    if not tx.execute(sa.delete(Grant).where(*held)).rowcount:
        raise NotFound(f"they are no {role.value} in {area_code}")
    record(
        tx,
        Action.ROLE_REVOKED,
        f"person {person_id}",
        by=by,
        area_code=area_code,
        detail={"role": role.value},
    )


def _worker_id(tx: Tx, code: str | None) -> int | None:
    if code is None:
        return None
    found = tx.execute(sa.text("SELECT id FROM workers WHERE code = :code"), {"code": code}).scalar()
    if found is None:
        raise BadValue(f"there is no worker {code!r}", field="worker", value=code)
    return int(found)


def set_password(tx: Tx, username: str, password: str, *, by: Somebody | None = None) -> None:
    """Give a person another password; their sessions end, and a demo account is one no longer.

    Raises:
        NotFound: there is no such person.
        BadValue: the password does not fit.
    """
    person_id = queries.person_id(tx, username)
    new = {"password_hash": passwords.hashed(checked_password(password, username)), "demo": False}
    tx.execute(sa.update(Person).where(Person.id == person_id).values(**new))
    sign_out(tx, person_id)
    record(tx, Action.PASSWORD_CHANGED, f"person {person_id}", by=by)
    tx.record(Event("password_changed", username))


def close_account(tx: Tx, username: str, *, by: Somebody | None = None) -> None:
    """Let a person in no more; what they did stays.

    Raises:
        NotFound: there is no such person.
    """
    person_id = queries.person_id(tx, username)
    tx.execute(sa.update(Person).where(Person.id == person_id).values(active=False))
    sign_out(tx, person_id)
    record(tx, Action.ACCOUNT_CLOSED, f"person {person_id}", by=by)
    tx.record(Event("account_closed", username))


def create_token(
    tx: Tx,
    name: str,
    *,
    person_id: int,
    at: datetime,
    lifetime: timedelta | None = None,
    scope: Scope = Scope.FULL,
    by: Somebody | None = None,
) -> str:
    """Make a token that acts as a person, and return its secret, which is stored nowhere.

    Raises:
        BadValue: the name does not fit.
        Conflict: there is a token of this name.
    """
    if not TOKEN_NAME.fullmatch(name):
        raise BadValue(
            f"{name!r} is no name of a token: 1 to 64 letters, digits, . _ - and spaces",
            field="name",
            value=name,
        )
    secret = new_secret(TOKEN_PREFIX)
    token = sa.insert(Token).values(
        secret_sha256=digest(secret),
        name=name,
        person_id=person_id,
        created_at=at,
        expires_at=None if lifetime is None else at + lifetime,
        scope=scope.value,
    )
    try:
        with tx.connection.begin_nested():
            tx.execute(token)
    except IntegrityError:
        raise Conflict(
            f"there is a token {name!r} already, maybe a revoked one; choose another name",
            field="name",
            value=name,
        ) from None
    days = None if lifetime is None else lifetime.days
    told = {"person": person_id, "scope": scope.value, "days": days}
    record(tx, Action.TOKEN_CREATED, f"token {name}", by=by, detail=told)
    tx.record(Event("token_created", name, None, {"person_id": person_id, "scope": scope.value}))
    return secret


def revoke_token(tx: Tx, name: str, *, at: datetime, by: Somebody | None = None) -> None:
    """Let nobody in with this token any more.

    Raises:
        NotFound: there is no such token that still works.
    """
    change = sa.update(Token).where(Token.name == name, Token.revoked_at.is_(None)).values(revoked_at=at)
    if not tx.execute(change).rowcount:
        raise NotFound(f"there is no token {name!r} that still works; `jingwei token list` names all")
    record(tx, Action.TOKEN_REVOKED, f"token {name}", by=by)
    tx.record(Event("token_revoked", name))


def script_person(tx: Tx) -> int:
    """Return the id of the person whom tokens of no one else stand for, made at the first call."""
    found = queries.account(tx, SCRIPT)
    if found is not None:
        return found.id
    new = NewPerson(username=SCRIPT, name="脚本", role=Role.OPERATOR, area_code=_city_code(tx))
    return create_person(tx, new, None)


def take(tx: Tx, key: str, limit: Limit, *, amount: int, at: datetime) -> int:
    """Take `amount` from the shared bucket of this window, and return how much was taken of it so far."""
    start = window_of(at, limit.window_s)
    return int(
        tx.named("identity.take", key=f"{limit.name}:{key}", window_start=start, amount=amount).scalar_one()
    )


def sweep(tx: Tx, *, at: datetime) -> int:
    """Delete sessions that are over and buckets that count nothing any more; return how many rows."""
    over = sa.or_(Session.expires_at <= at, Session.seen_at <= at - IDLE_LIMIT)
    sessions = tx.execute(sa.delete(Session).where(over)).rowcount
    return (
        sessions
        + tx.execute(sa.delete(RateBucket).where(RateBucket.window_start < at - FORGIVEN_AFTER)).rowcount
    )


def make_demo_accounts(tx: Tx, password: str, *, at: datetime) -> list[str]:
    """Make one account a role, all with the same public `password`, and return their usernames.

    The worker is one of the city's, who holds cells as of `at`. An account of that name which is no demo
    account is left alone.

    Raises:
        NotFound: the city has no areas yet.
    """
    city = _city_code(tx)
    worker = tx.named("identity.demo_worker", at=at).one_or_none()
    district = worker.home_code[:6] if worker else city
    people = {
        Role.WORKER: (worker.name if worker else "网格员", worker.home_code if worker else city),
        Role.SHIFT_LEADER: ("值班长", city),
        Role.DISPATCHER: ("派遣员", city),
        Role.HANDLER: ("承办人", city),
        Role.SUPERVISOR: ("督查员", district),
        Role.COMMITTEE: ("一办", city),
        Role.LEADER: ("领导", city),
        Role.PLANNER: ("网格规划员", city),
        Role.OPERATOR: ("受理员", city),
        Role.CITIZEN: ("群众", city),
        Role.ADMIN: ("管理员", city),
    }
    password_hash = passwords.hashed(password)
    made = []
    for role, (name, area) in people.items():
        worker_id = worker.id if worker and role is Role.WORKER else None
        row = tx.named(
            "identity.demo_person",
            username=role.value,
            called=name,
            password_hash=password_hash,
            worker_id=worker_id,
            unit=DEMO_UNIT if role is Role.HANDLER else None,
        ).one_or_none()
        if row is not None:
            tx.execute(sa.delete(Grant).where(Grant.person_id == row.id))
            grant(tx, row.id, role, area)
            made.append(role.value)
    return made


def _city_code(tx: Tx) -> str:
    found = tx.execute(sa.text("SELECT code FROM areas WHERE level = 'city' ORDER BY code LIMIT 1")).scalar()
    if found is None:
        raise NotFound("the city has no areas yet: `jingwei demo` makes a city")
    return str(found)
