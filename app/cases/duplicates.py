"""Likely duplicates: what is reported already, offered before and after a report, and joining one at once."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from app.cases import queries
from app.cases.queries import CaseCard, Sight, TypeName, sight_of
from app.cases.rules import Status, Step
from app.cases.steps import Taken, take_system_step
from app.errors import Conflict
from app.identity.rules import Viewer
from app.transaction import Tx


class NoDuplicate(Conflict):
    """The report is no duplicate of it, or it has ended meanwhile."""

    code = "no_duplicate"


@dataclass(frozen=True, slots=True, kw_only=True)
class Likely:
    """An open case that a report may be a duplicate of.

    Whoever reports hears that it is known, how far away and since when; `case`, `no` and `text` are for those
    who may see the case. `key` is what a report joins it by.
    """

    key: str
    type: TypeName
    status: str
    received_at: datetime
    metres: float | None
    same_facility: bool
    case: UUID | None
    no: str | None
    text: str | None


@dataclass(frozen=True, slots=True)
class _Found:
    id: UUID
    seen: bool
    card: Likely


def likely(
    tx: Tx,
    *,
    type: str,  # noqa: A002 - the word of the API
    lon: float | None,
    lat: float | None,
    facility: str | None,
    by: Viewer,
    at: datetime,
    without: UUID | None = None,
) -> list[Likely]:
    """Return open cases that are likely the same matter, the same facility's first, then the nearest."""
    return [one.card for one in _found(tx, type, (lon, lat), facility, by, at, without)]


def likely_of(tx: Tx, case: CaseCard, *, by: Viewer) -> list[Likely]:
    """Return open cases that are likely the same matter as `case`."""
    return [one.card for one in _of_case(tx, case, by)]


def join(tx: Tx, case_id: UUID, key: str, *, by: Viewer, at: datetime) -> CaseCard:
    """Merge a report of one's own, nobody has acted on yet, into the case of `key`; again it does nothing.

    Raises:
        NotFound: there is no such report of the viewer's.
        NoDuplicate: it is not the same matter, or either has gone on meanwhile.
    """
    own = queries.case(tx, case_id, sight=Sight(person_id=by.person_id))
    if own.merged_into is not None and _key(own.merged_into) == key:
        return own
    if own.status != Status.REPORTED:
        raise NoDuplicate("the report has gone on already; an operator can merge it", field="key", value=key)
    into = next((one.id for one in _of_case(tx, own, by) if one.card.key == key), None)
    if into is None:
        raise NoDuplicate("it has ended meanwhile, or is not the same matter", field="key", value=key)
    taken = Taken(step=Step.MERGE, key=uuid4(), into=into, note="上报人确认重复 (joined by who reported it)")
    take_system_step(tx, case_id, taken, at=at)
    return queries.case(tx, case_id, sight=sight_of(by))


def _of_case(tx: Tx, case: CaseCard, by: Viewer) -> list[_Found]:
    facility = None if case.facility is None else case.facility.code
    if (case.lon is None and facility is None) or case.closed_at is not None:
        return []
    return _found(tx, case.type.code, (case.lon, case.lat), facility, by, case.received_at, case.id)


def _found(  # noqa: PLR0917 - what, where, who asks, when
    tx: Tx,
    kind: str,
    place: tuple[float | None, float | None],
    facility: str | None,
    by: Viewer,
    at: datetime,
    without: UUID | None,
) -> list[_Found]:
    lon, lat = place
    sight = sight_of(by)
    rows = tx.named(
        "cases.likely", type=kind, lon=lon, lat=lat, facility=facility, at=at, without=without
    ).all()
    return [_card(row, seen=_seen(row, sight)) for row in rows]


def _seen(row: Any, sight: Sight) -> bool:
    return (
        any(row.community_code.startswith(prefix) for prefix in sight.areas)
        or (sight.worker_id is not None and row.worker_id == sight.worker_id)
        or (sight.unit_code is not None and row.unit_code == sight.unit_code)
        or (sight.person_id is not None and row.reported_by == sight.person_id)
    )


def _card(row: Any, *, seen: bool) -> _Found:
    card = Likely(
        key=_key(row.id),
        type=TypeName(row.type_code, row.name_zh, row.name_en),
        status=row.status,
        received_at=row.received_at,
        metres=row.metres,
        same_facility=row.same_facility,
        case=row.id if seen else None,
        no=row.no if seen else None,
        text=row.text if seen else None,
    )
    return _Found(row.id, seen, card)


def _key(case_id: UUID) -> str:
    return hashlib.sha256(case_id.bytes).hexdigest()[:24]
