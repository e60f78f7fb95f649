"""What people without an account do: appeal, and act on what is their own."""

from __future__ import annotations

import hmac
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import UUID

import sqlalchemy as sa

from app.cases.appeals import Appeal, communities_named, register_appeal
from app.cases.models import Appeal as AppealRow
from app.cases.queries import Sight
from app.citizen.rules import LONGEST, digest, new_secret, suspicion
from app.errors import Conflict, NotFound
from app.identity.actions import take
from app.identity.rules import Limit
from app.transaction import Tx

PROOFS = Limit("proof", amount=1, by_token=1, window_s=7 * int(LONGEST.total_seconds()))
SENDERS = Limit("appeals_from", amount=1_000, by_token=1_000, window_s=3_600)


class ProofUsed(Conflict):
    """The proof was used: the form was sent twice, or by a robot."""

    code = "proof_used"


@dataclass(frozen=True, slots=True)
class Receipt:
    """What somebody gets who appeals: the number, and the secret that is told this once."""

    no: str
    secret: str


def send_appeal(tx: Tx, appeal: Appeal, *, challenge: str, address: str, at: datetime) -> Receipt:
    """Register an appeal by somebody unknown, and return the number and secret to track it with.

    Without a place or an area the community that the address names is taken, when there is just one.

    Raises:
        ProofUsed: the form's challenge was used before.
        As `register_appeal`.
    """
    if take(tx, digest(challenge).hex(), PROOFS, amount=1, at=at) > 1:
        raise ProofUsed("this form was sent already; load it again to send another")
    if appeal.lon is None and appeal.area is None:
        named = communities_named(tx, f"{appeal.address} {appeal.text}", limit=2)
        appeal = replace(appeal, area=named[0][0] if named else None)
    secret = new_secret()
    seen = tx.named("citizen.said_before", since=at - timedelta(days=1), text=appeal.text).scalar_one()
    here = take(tx, address, SENDERS, amount=1, at=at)
    made = register_appeal(tx, appeal, by=None, at=at, sight=Sight(), secret_sha256=digest(secret))
    doubt = suspicion(f"{appeal.text} {appeal.wish}", seen_before=seen, from_here=here)
    if doubt is not None:
        tx.execute(sa.update(AppealRow).where(AppealRow.case_id == made.case.id).values(suspect=doubt))
    return Receipt(made.case.no, secret)


def tracked(tx: Tx, no: str, secret: str) -> UUID:
    """Return the case of a tracking number and its secret.

    Raises:
        NotFound: there is none, or the secret is wrong; the answer does not say which.
    """
    row = tx.named("citizen.tracked", no=no).one_or_none()
    kept = bytes(row.secret_sha256) if row is not None and row.secret_sha256 is not None else bytes(32)
    if not hmac.compare_digest(kept, digest(secret)) or row is None:
        raise NotFound("there is no matter with this number and secret")
    found: UUID = row.id
    return found
