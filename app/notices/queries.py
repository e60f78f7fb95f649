"""What somebody is told, where and how they want it, and how deliveries stand."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from app.notices.rules import DEFAULTS, Channel, Choices, NoticeKind
from app.transaction import Tx

PAGE = 50
FAILED_SHOWN = 50


@dataclass(frozen=True, slots=True)
class NoticeRow:
    """A notice as its reader gets it; `data` names step, number, type and status."""

    id: int
    case_id: UUID
    kind: str
    at: datetime
    read_at: datetime | None
    data: dict[str, Any]


@dataclass(frozen=True, slots=True)
class NoticePage:
    """Some notices, newest first, and whether there are older ones."""

    items: tuple[NoticeRow, ...]
    more: bool


@dataclass(frozen=True, slots=True)
class Preference:
    """Where and how somebody wants to be told; every kind has its channels."""

    email: str | None
    webhook: str | None
    language: str
    choices: Choices


@dataclass(frozen=True, slots=True)
class FailedDelivery:
    """A delivery that was given up; who it was for, when they sign in."""

    id: UUID
    channel: str
    tries: int
    at: datetime
    error: str | None
    no: str
    username: str | None


@dataclass(frozen=True, slots=True)
class StateCount:
    """How many deliveries of a channel stand how."""

    channel: str
    state: str
    count: int


def unread(tx: Tx, person_id: int) -> int:
    """Return how many notices somebody has not read, at most 100."""
    return int(tx.named("notices.unread", person=person_id).scalar_one())


def notices(
    tx: Tx, person_id: int, *, before: int | None = None, only_unread: bool = False, limit: int = PAGE
) -> NoticePage:
    """Return somebody's notices, newest first."""
    found = tx.named("notices.notices", person=person_id, before=before, unread=only_unread, limit=limit + 1)
    rows = [NoticeRow(**row._mapping) for row in found]
    return NoticePage(tuple(rows[:limit]), len(rows) > limit)


def preference(tx: Tx, person_id: int) -> Preference:
    """Return where and how somebody wants to be told: the defaults, with what they changed."""
    row = tx.named("notices.preference", person=person_id).one_or_none()
    kept = row.choices if row is not None else {}
    choices = {
        kind: tuple(Channel(name) for name in kept[kind]) if kind in kept else DEFAULTS[kind]
        for kind in NoticeKind
    }
    if row is None:
        return Preference(None, None, "zh", choices)
    return Preference(row.email, row.webhook_url, row.language, choices)


def failed(tx: Tx, limit: int = FAILED_SHOWN) -> list[FailedDelivery]:
    """Return the deliveries that were given up, newest first."""
    return [FailedDelivery(**row._mapping) for row in tx.named("notices.failed", limit=limit)]


def states(tx: Tx) -> list[StateCount]:
    """Return how many deliveries stand how."""
    return [StateCount(row.channel, row.state, row.deliveries) for row in tx.named("notices.states")]
