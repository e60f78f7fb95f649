"""Tell the events, send what waits, read, choose."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import orjson
import sqlalchemy as sa

from app.cases.rules import Status, Step
from app.errors import BadValue, NotFound
from app.notices.channels import MAX_ADDRESS, Message, NotSent, Way, checked_webhook, webhook_key
from app.notices.queries import Preference
from app.notices.rules import (
    DEFAULTS,
    FIRST_WAIT,
    LONGEST_WAIT,
    MOST_TRIES,
    TOO_FAR,
    Channel,
    Happened,
    to_tell,
    wait_after,
)
from app.notices.words import said
from app.transaction import Tx, engine, write

log = logging.getLogger(__name__)

BATCH = 200
KEPT = timedelta(days=180)
EMAIL = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+")
KINDS = frozenset({"case_reported", "case_step"})


@dataclass(frozen=True, slots=True)
class Told:
    """How many events were read, and what came of them; `more` when others wait."""

    events: int = 0
    notices: int = 0
    deliveries: int = 0
    more: bool = False


def tell_all(ways: Mapping[Channel, Way], *, at: datetime) -> int:
    """Make the notices of everything that happened, a batch a transaction, and return how many were made."""
    made = 0
    while True:
        with write() as tx:
            told = tell(tx, frozenset(ways), at=at)
        made += told.notices
        if not told.more:
            return made


def tell(tx: Tx, open_ways: frozenset[Channel], *, at: datetime, most: int = BATCH) -> Told:
    """Make the notices of the next events; the reader's place moves in the same commit.

    So each event is told once, whatever is killed. Of two readers the second finds the place held, and does
    nothing. Events are read in commit order below what is still being written, so that none is missed.
    """
    place = tx.named("notices.place").one_or_none()
    if place is None:
        return Told()
    rows = tx.named(
        "notices.events",
        xid=place.xid,
        event_id=place.event_id,
        floor_id=place.floor_id,
        ahead=place.ahead,
        most=most,
    ).all()
    made = _tell(tx, rows, open_ways, at)
    if rows:
        _move(tx, rows[-1].xid, rows[-1].id, place.floor_id)
    elif place.ahead:
        _move(tx, "0", 0, tx.named("notices.newest_ahead").scalar_one())
    # after a restored dump the events of the new server are still to be read
    return Told(len(rows), *made, more=len(rows) == most or place.ahead)


def _move(tx: Tx, xid: str, event_id: int, floor_id: int) -> None:
    tx.named("notices.move", xid=xid, event_id=event_id, floor_id=floor_id)


def _tell(tx: Tx, rows: Any, open_ways: frozenset[Channel], at: datetime) -> tuple[int, int]:
    happened = [
        Happened(row.id, Step(row.step or Step.REPORT), Status(row.status))
        for row in rows
        if row.kind in KINDS
    ]
    asked = to_tell(happened)
    if not asked:
        return 0, 0
    row = tx.named(
        "notices.tell",
        events=[one.event_id for one in asked],
        whoms=[one.whom.value for one in asked],
        kinds=[one.kind.value for one in asked],
        defaults=orjson.dumps(DEFAULTS_SENT).decode(),
        open=[way.value for way in open_ways],
        at=at,
    ).one()
    return row.notices, row.deliveries


DEFAULTS_SENT = {kind.value: [channel.value for channel in channels] for kind, channels in DEFAULTS.items()}


@contextmanager
def _only_sender() -> Iterator[bool]:
    """Hold the sender's lock on a connection of its own; it ends with the process, however that ends."""
    with engine().connect() as opened:
        connection = opened.execution_options(isolation_level="AUTOCOMMIT")
        name = {"name": "notices.send"}
        key = "hashtext(:name || ' ' || current_schema())"
        held = connection.execute(sa.text(f"SELECT pg_try_advisory_lock({key})"), name).scalar_one()
        try:
            yield bool(held)
        finally:
            if held:
                connection.execute(sa.text(f"SELECT pg_advisory_unlock({key})"), name)


def send_all(
    ways: Mapping[Channel, Way], *, at: datetime, secret: str, public_url: str = "", most: int = 1_000
) -> int:
    """Send what is due, and return how many went out. One sender at a time; another finds nothing to do.

    A delivery is marked, sent, and marked as sent, in a commit each. What a killed sender left marked may or
    may not have gone out: it is sent again under the same id, by which a receiver drops the double.
    """
    with _only_sender() as alone:
        if not alone:
            return 0
        with write() as tx:
            tx.named("notices.take_up", at=at)
        sent = 0
        for _ in range(most):
            with write() as tx:
                claimed = tx.named("notices.claim", at=at, too_far=at + TOO_FAR).one_or_none()
            if claimed is None:
                break
            sent += _send(ways, claimed, at=at, secret=secret, public_url=public_url)
        return sent


def _send(ways: Mapping[Channel, Way], claimed: Any, *, at: datetime, secret: str, public_url: str) -> bool:
    trouble = _trouble(ways, claimed, _message(claimed, secret, public_url))
    with write() as tx:
        if trouble is None:
            tx.named("notices.sent", id=claimed.id, at=at)
        else:
            put_off(tx, claimed, trouble, at=at)
    return trouble is None


def _trouble(ways: Mapping[Channel, Way], claimed: Any, message: Message) -> NotSent | None:
    """Send the message, and return why it was not sent. No transaction is open."""
    way = ways.get(Channel(claimed.channel))
    if way is None:
        return NotSent("the settings do not open this way", down=True)
    if not message.address:
        return NotSent("there is no address any more", for_good=True)
    try:
        way.send(message)
    except NotSent as error:
        log.warning("delivery %s by %s, try %s: %s", claimed.id, claimed.channel, claimed.tries, error)
        return error
    except Exception as error:  # a fault of ours: this one waits, and holds up no other
        log.exception("delivery %s by %s, try %s", claimed.id, claimed.channel, claimed.tries)
        return NotSent(f"unexpected: {type(error).__name__}")
    return None


def _message(claimed: Any, secret: str, public_url: str) -> Message:
    link = f"{public_url.rstrip('/')}/cases/{claimed.case_id}" if public_url and claimed.person_id else ""
    return Message(
        id=claimed.id,
        address=claimed.address or "",
        text=said(claimed.kind, claimed.data, claimed.language),
        link=link,
        at=claimed.at,
        data={
            "kind": claimed.kind,
            "case_id": str(claimed.case_id),
            "no": claimed.data["no"],
            "step": claimed.data["step"],
            "status": claimed.data["status"],
        },
        key=webhook_key(secret, claimed.person_id) if claimed.person_id else b"",
    )


def put_off(tx: Tx, claimed: Any, error: NotSent, *, at: datetime) -> None:
    """Let a delivery wait for its next try, or give it up; where nothing goes that way, others wait too."""
    tx.named(
        "notices.put_off",
        id=claimed.id,
        at=at,
        wait=wait_after(claimed.tries),
        most=MOST_TRIES,
        for_good=error.for_good,
        error=str(error),
    )
    if error.down:
        tx.named(
            "notices.put_off_others",
            channel=claimed.channel,
            person=claimed.person_id if claimed.channel == Channel.WEBHOOK else None,
            at=at,
            too_far=at + TOO_FAR,
            first=FIRST_WAIT,
            longest=LONGEST_WAIT,
            most=MOST_TRIES,
            error=str(error),
        )


def retry(tx: Tx, delivery_id: UUID | None, *, at: datetime) -> int:
    """Try a delivery that was given up again, or all of them with None; return how many."""
    return tx.named("notices.retry", id=delivery_id, at=at).rowcount


def read_notice(tx: Tx, notice_id: int, *, by: int, at: datetime) -> UUID:
    """Mark a notice as read, and return its case.

    Raises:
        NotFound: there is no such notice, or not for this person.
    """
    case_id = tx.named("notices.read", id=notice_id, person=by, at=at).scalar_one_or_none()
    if case_id is None:
        raise NotFound(f"there is no notice {notice_id}, or not for you")
    return UUID(str(case_id))


def read_all(tx: Tx, *, by: int, up_to: int, at: datetime) -> None:
    """Mark somebody's notices as read, up to the newest one that they saw."""
    tx.named("notices.read_all", person=by, up_to=up_to, at=at)


def prefer(tx: Tx, wanted: Preference, *, by: int, trusted: frozenset[str]) -> None:
    """Keep where and how somebody wants to be told.

    Raises:
        BadValue: an address is none, or may not be asked.
    """
    if wanted.email is not None and not (len(wanted.email) <= MAX_ADDRESS and EMAIL.fullmatch(wanted.email)):
        raise BadValue("email: this is no address; write name@host", field="email", value=wanted.email[:80])
    if wanted.webhook is not None:
        checked_webhook(wanted.webhook, trusted)
    kept = {
        kind.value: [channel.value for channel in channels]
        for kind, channels in wanted.choices.items()
        if set(channels) != set(DEFAULTS[kind])
    }
    tx.named(
        "notices.prefer",
        person=by,
        email=wanted.email,
        webhook_url=wanted.webhook,
        language=wanted.language,
        choices=orjson.dumps(kept).decode(),
    )


def sweep(tx: Tx, *, at: datetime) -> int:
    """Delete notices that are older than half a year, and return how many."""
    return tx.named("notices.sweep", before=at - KEPT).rowcount
