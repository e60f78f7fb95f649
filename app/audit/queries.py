"""What the record holds, and whether it is as it was written."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from app.audit.models import AuditRow
from app.audit.rules import GENESIS, UNSEALED_AFTER, Entry, Head, chained, is_ours, key_name
from app.db import named_statements
from app.transaction import Tx

PAGE = 100
BATCH = 5_000


@dataclass(frozen=True, slots=True)
class Recorded:
    """A row of the record."""

    id: int
    at: datetime
    person_id: int | None
    username: str
    action: str
    subject: str
    area_code: str | None
    detail: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a list is narrowed to; None leaves a filter out. `before` is the last row of the page before.

    `areas` are prefixes; rows of no area belong to the `whole` city only.
    """

    areas: tuple[str, ...]
    whole: bool
    username: str | None = None
    action: str | None = None
    subject: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    before: int | None = None
    limit: int = PAGE


@dataclass(frozen=True, slots=True)
class Broken:
    """The first place where the record is not what was sealed: the row's number and place, and why."""

    no: int
    id: int | None
    why: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a verification found. `foreign` heads are signed with another secret, or not at all."""

    rows: int
    heads: int
    foreign: int
    head: Head | None
    broken: Broken | None

    @property
    def sound(self) -> bool:
        """Whether everything is as it was sealed."""
        return self.broken is None


@dataclass(frozen=True, slots=True)
class State:
    """How the record stands: its newest head, and what the last verification found, and when."""

    head: Head | None
    verified_at: datetime | None
    found: dict[str, Any] | None


@dataclass(frozen=True, slots=True)
class Rights:
    """What the database's role of this process could do to the record."""

    role: str
    superuser: bool
    owner: bool
    may_change: bool

    @property
    def warning(self) -> str | None:
        """What is wrong with them and how to mend it, None when nothing is."""
        if not (self.superuser or self.owner or self.may_change):
            return None
        what = "is a superuser" if self.superuser else "owns the record" if self.owner else "may change it"
        return (
            f"the database role {self.role!r}, by which the application works, {what}, and could change the"
            " audit: set JINGWEI_OWNER_URL, and a role of its own in JINGWEI_DATABASE_URL"
            " (docs/operations.md, Database roles)"
        )


def recorded(tx: Tx, wanted: Wanted) -> list[Recorded]:
    """Return the rows, newest first, at most `limit`."""
    columns = (
        AuditRow.id,
        AuditRow.at,
        AuditRow.person_id,
        AuditRow.username,
        AuditRow.action,
        AuditRow.subject,
        AuditRow.area_code,
        AuditRow.detail,
    )
    statement = sa.select(*columns).where(*_narrowed(wanted)).order_by(AuditRow.id.desc()).limit(wanted.limit)
    return [Recorded(**row._mapping) for row in tx.execute(statement)]


def _narrowed(wanted: Wanted) -> Iterator[sa.ColumnElement[bool]]:
    if not (wanted.whole and "" in wanted.areas):
        within = [AuditRow.area_code.startswith(prefix, autoescape=True) for prefix in wanted.areas]
        yield sa.or_(AuditRow.area_code.is_(None) if wanted.whole else sa.false(), *within)
    for column, value in (
        (AuditRow.username, wanted.username),
        (AuditRow.action, wanted.action),
        (AuditRow.subject, wanted.subject),
    ):
        if value is not None:
            yield column == value
    if wanted.since is not None:
        yield AuditRow.at >= wanted.since
    if wanted.until is not None:
        yield AuditRow.at < wanted.until
    if wanted.before is not None:
        yield AuditRow.id < wanted.before


def rights(tx: Tx) -> Rights:
    """Return what this process's role could do to the record."""
    return Rights(**tx.named("audit.rights").one()._mapping)


def state(tx: Tx) -> State:
    """Return how the record stands."""
    last = tx.named("audit.last_verified").one_or_none()
    return State(newest_head(tx), last and last.at, last and last.detail)


def newest_head(tx: Tx) -> Head | None:
    """Return the newest head, None before the first sealing."""
    row = tx.named("audit.newest_head").one_or_none()
    return None if row is None else _head(row)


def _head(row: Any) -> Head:
    signature = None if row.signature is None else bytes(row.signature)
    return Head(row.no, row.at, bytes(row.hash), row.key, signature)


def verify(
    tx: Tx,
    *,
    secret: str,
    at: datetime,
    start: datetime | None = None,
    end: datetime | None = None,
    known: tuple[int, bytes] | None = None,
) -> Verdict:
    """Recompute the chain, or what was sealed of it from `start` on and before `end`.

    Args:
        tx: a transaction that sees one moment (`read(snapshot=True)`).
        secret: the city's secret, with which heads are signed.
        at: now; what is older than an hour and in no chain is a fault.
        start: leaves out what was sealed before.
        end: leaves out what was sealed from then on.
        known: place and hash of a head that was kept elsewhere.
    """
    span = tx.named("audit.span", start=start, end=end).one()
    heads = [_head(row) for row in tx.named("audit.heads", first=span.first, last=span.last)]
    marks = [(head.no, head.hash) for head in heads] + ([known] if known else [])
    rows, broken = _recompute(tx, span.first, span.last, sorted(marks))
    foreign = sum(not is_ours(head, secret) for head in heads)
    if end is None:
        broken = broken or _bad_signature(heads, secret) or _left_out(tx, at)
    return Verdict(rows, len(heads), foreign, heads[-1] if heads else None, broken)


def _recompute(
    tx: Tx, first: int, last: int, marks: Sequence[tuple[int, bytes]]
) -> tuple[int, Broken | None]:
    """Return how many rows are sound, and the first that is not."""
    before = tx.named("audit.link_before", first=first).scalar()
    if before is None and first > 1:
        return 0, Broken(first - 1, None, "this place of the chain is gone")
    hash_, no = (GENESIS if before is None else bytes(before)), first - 1
    waiting = [mark for mark in marks if mark[0] > no]
    statement = named_statements()["audit.links"].execution_options(stream_results=True, yield_per=BATCH)
    with tx.execute(statement, {"first": first, "last": last}) as links:
        for row in links:
            fault = _fault(row, no + 1, hash_)
            if fault is not None:
                return no - first + 1, fault
            no, hash_ = row.no, bytes(row.hash)
            while waiting and waiting[0][0] == no:
                if waiting.pop(0)[1] != hash_:
                    why = "the chain differs here from the head that was kept"
                    return no - first, Broken(no, row.id, why)
    if waiting:
        why = f"the chain ends here; a head says that it goes to {waiting[-1][0]}"
        return no - first + 1, Broken(no + 1, None, why)
    return no - first + 1, None


def _fault(row: Any, expected: int, previous: bytes) -> Broken | None:
    if row.no != expected:
        return Broken(expected, None, "this place of the chain is gone")
    if row.found is None:
        return Broken(row.no, row.id, "the row is gone")
    entry = Entry(
        row.id, row.at, row.person_id, row.username, row.action, row.subject, row.area_code, row.detail
    )
    if chained(previous, entry) != bytes(row.hash):
        return Broken(row.no, row.id, "the row, or its link, is not what was sealed")
    return None


def _bad_signature(heads: Sequence[Head], secret: str) -> Broken | None:
    """Return a head that says it is signed with our secret and is not, or the newest when it is not.

    Older heads may be of another secret: the secret was changed. Whoever forges cannot sign the newest.
    """
    if not heads or not secret:
        return None
    ours = key_name(secret)
    for head in heads:
        if not is_ours(head, secret) and (head.key == ours or head is heads[-1]):
            return Broken(head.no, None, "the head is not signed with this city's secret key")
    return None


def _left_out(tx: Tx, at: datetime) -> Broken | None:
    found = tx.named("audit.overdue", before=at - UNSEALED_AFTER).one()
    if found.first is None:
        return None
    why = f"{found.rows} rows older than an hour are in no chain: does the background worker run?"
    return Broken(0, found.first, why)
