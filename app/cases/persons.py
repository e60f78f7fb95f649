"""The person behind a case: masked for all, and told in full to who holds the case, with a record of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from uuid import UUID

from app.audit.actions import record
from app.audit.rules import Action
from app.cases import queries
from app.cases.queries import Behind, sight_of
from app.cases.rules import OWNERS, Status
from app.errors import NotAllowed
from app.identity.rules import PERMISSIONS, Permission, Role, Viewer, prefix_of
from app.transaction import Tx

_MAY = frozenset(role for role in Role if Permission.READ_PERSONAL in PERMISSIONS[role])
TOLD: Mapping[Status, frozenset[Role]] = MappingProxyType(
    {status: OWNERS.get(status, frozenset()) & _MAY for status in Status}
)
"""To whom the person is told, by where the case stands: those who have to act next (domain.md, section 7)."""


class NotTheHolder(NotAllowed):
    """The case is in other hands now; the person is told to those only."""

    code = "not_the_holder"


@dataclass(frozen=True, slots=True)
class Person:
    """Who is behind a case, in full."""

    name: str | None
    phone: str | None
    address: str


def unmask(tx: Tx, case_id: UUID, *, by: Viewer, reason: str) -> Person:
    """Return the person behind a case in full, and record who read it and why, in the same transaction.

    Raises:
        NotFound: there is no such case, or not for this viewer, or nobody behind it.
        NotTheHolder: the case is in other hands.
    """
    found = queries.behind(tx, case_id, sight=sight_of(by))
    told = TOLD[Status(found.status)]
    if found.status == Status.CALLBACK:
        told &= {Role(found.visitor)}
    if not any(role in told and _holds(role, area, found, by) for role, area in by.grants):
        whom = ", ".join(sorted(told)) or "nobody while it is " + found.status
        raise NotTheHolder(f"the person behind this case is told to its holder only: {whom}")
    fields = [name for name in ("name", "phone", "address") if getattr(found, name)]
    record(
        tx,
        Action.PERSON_READ,
        f"case {case_id}",
        by=by,
        area_code=found.community_code,
        detail={"reason": reason, "fields": fields, "status": found.status},
    )
    return Person(found.name, found.phone, found.address)


def _holds(role: Role, area: str, case: Behind, by: Viewer) -> bool:
    if role is Role.HANDLER:
        return by.unit_code is not None and by.unit_code == case.unit_code
    return case.community_code.startswith(prefix_of(area))
