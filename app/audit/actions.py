"""What is done to the record: rows are appended by everybody, and sealed into the chain by one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Any

import orjson
import sqlalchemy as sa

from app.audit import queries
from app.audit.models import AuditHead, AuditLink
from app.audit.rules import (
    GENESIS,
    SYSTEM,
    Action,
    Entry,
    Head,
    RecordBroken,
    Somebody,
    chained,
    is_ours,
    signed,
)
from app.transaction import Tx

MOST_AT_ONCE = 10_000


def record(
    tx: Tx,
    action: Action,
    subject: str,
    *,
    by: Somebody | None,
    area_code: str | None = None,
    detail: Mapping[str, Any] | None = None,
) -> None:
    """Append a row to the record in this transaction: a rollback leaves none.

    One plain INSERT, with no lock that others wait for; `seal` chains it later.

    Args:
        tx: the transaction in which the thing is done.
        action: what is done.
        subject: to what, as kind and id: "case 0190...", "person 7", "token qgis".
        by: who does it; None is the system itself.
        area_code: where it belongs: who may read the record there sees it.
        detail: what else is worth knowing; never a password, a name or a telephone number.
    """
    who = by or SYSTEM
    tx.named(
        "audit.append",
        person_id=who.person_id,
        username=who.username,
        action=action.value,
        subject=subject,
        area_code=area_code,
        detail=orjson.dumps(dict(detail or {})).decode(),
    )


def seal(
    tx: Tx,
    *,
    secret: str,
    at: datetime,
    former: str | None = None,
    since: int | None = None,
    most: int = MOST_AT_ONCE,
) -> Head | None:
    """Chain the committed rows that are in no chain, and sign the new head; None when there were none.

    Args:
        tx: a transaction of its own, since one writer waits here for the other.
        secret: the city's secret key.
        at: when the head is signed.
        former: the secret before this one, when it was changed; "" when heads were not signed.
        since: the first transaction whose rows are looked for; where the last sealing left off when None.
        most: so many rows at once.

    Raises:
        RecordBroken: the chain does not end as its newest head says, or somebody else signed that.
    """
    tx.named("audit.seal_lock")
    no, hash_ = _end(tx, secret, former)
    if since is None:
        since = tx.named("audit.sealed_below").scalar_one()
    rows = tx.named("audit.unsealed", since=since, most=most).all()
    links = []
    for row in rows:
        no, hash_ = no + 1, chained(hash_, _entry(row))
        links.append({"no": no, "id": row.id, "hash": hash_})
    if not links:
        return None
    tx.execute(sa.insert(AuditLink), links)
    head = signed(no, hash_, at=at, secret=secret)
    # rows of the last transaction may be left over when there were more than `most`
    below = min(rows[-1].below, rows[-1].xid) if len(rows) == most else rows[-1].below
    tx.execute(sa.insert(AuditHead).values(**asdict(head), below=below))
    return head


def _entry(row: Any) -> Entry:
    return Entry(
        row.id, row.at, row.person_id, row.username, row.action, row.subject, row.area_code, row.detail
    )


def _end(tx: Tx, secret: str, former: str | None) -> tuple[int, bytes]:
    """Return the chain's last place and hash: sealing on top of a forged chain would sign the forgery."""
    end, head = tx.named("audit.chain_end").one_or_none(), queries.newest_head(tx)
    if end is None and head is None:
        return 0, GENESIS
    if end is None or head is None or (end.no, bytes(end.hash)) != (head.no, head.hash):
        raise RecordBroken(
            "the chain of the audit does not end as its newest head says: `jingwei audit verify`"
        )
    unsigned = head.signature is None and (not secret or former == "")
    if not (unsigned or is_ours(head, secret) or is_ours(head, former or "")):
        raise RecordBroken(
            "the newest head of the audit is not signed with JINGWEI_SECRET_KEY; if that was changed, run"
            " `jingwei audit seal --former-key FILE` once, else `jingwei audit verify`"
        )
    return end.no, bytes(end.hash)
