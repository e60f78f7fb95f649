"""The demo city's today: what waits for its citizen and its worker, taken there by the loop's own steps."""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from app.cases.actions import Report, report_case
from app.cases.appeals import Appeal, register_appeal
from app.cases.queries import Sight
from app.cases.rules import Nature, Source, Step
from app.cases.steps import Taken, take_step
from app.identity.rules import Role, Viewer, areas_of
from app.transaction import Tx

NAMESPACE = uuid.UUID("6f2f6d0e-8890-5210-8300-0000000070da")
SEEN = (("E0110", "楼道口堆着三袋垃圾，有异味。"), ("E0113", "人行道缺了两块砖，老人容易绊倒。"))
WISH = "小区北门外的路灯两盏不亮，晚上接孩子看不清路。"


def file_today(tx: Tx, *, at: datetime) -> None:
    """File two reports of the citizen's that the worker has to verify, and an appeal to be rated."""
    people = {Role(row.role): _viewer(row) for row in tx.execute(_PEOPLE)}
    place = tx.execute(_PLACE, {"worker": people[Role.WORKER].worker_id, "at": at}).one_or_none()
    if place is None:
        return
    for number, (kind, text) in enumerate(SEEN):
        report = Report(id=_id("report", number), type=kind, lon=place.lon, lat=place.lat, text=text)
        then = at - timedelta(minutes=9 - 3 * number)
        case = report_case(tx, report, by=people[Role.CITIZEN], at=then).case
        verify = Taken(step=Step.VERIFY, worker=place.worker)
        take_step(tx, case.id, verify, by=people[Role.OPERATOR], at=then + timedelta(minutes=2))
    _rated(tx, people, place.community, at)


def _rated(tx: Tx, people: dict[Role, Viewer], community: str, at: datetime) -> None:
    appeal = Appeal(
        id=_id("appeal", 0), type="A08", nature=Nature.HELP, text=WISH, source=Source.WEB, area=community
    )
    citizen = people[Role.CITIZEN]
    start = at - timedelta(hours=6)
    case = register_appeal(tx, appeal, by=citizen.person_id, at=start, sight=Sight()).case
    way = (
        (Role.OPERATOR, Taken(step=Step.ACCEPT)),
        (Role.DISPATCHER, Taken(step=Step.DISPATCH)),
        (Role.HANDLER, Taken(step=Step.SIGN)),
        (Role.HANDLER, Taken(step=Step.FEEDBACK, measures="更换灯泡两只，检修线路", result="路灯已亮")),
        (Role.DISPATCHER, Taken(step=Step.CALL_BACK)),
    )
    for hours, (role, taken) in enumerate(way, 1):
        take_step(tx, case.id, taken, by=people[role], at=start + timedelta(hours=hours))


def _id(what: str, number: int) -> uuid.UUID:
    return uuid.uuid5(NAMESPACE, f"{what} {number}")


def _viewer(row: Any) -> Viewer:
    grants = ((Role(row.role), row.area_code),)
    return Viewer(
        person_id=row.id,
        name=row.name,
        username=row.username,
        roles=frozenset({Role(row.role)}),
        areas=areas_of(grants),
        worker_id=row.worker_id,
        unit_code=row.unit_code,
        grants=grants,
    )


_PEOPLE = sa.text(
    "SELECT p.id, p.name, p.username, p.worker_id, p.unit_code, g.role, g.area_code"
    " FROM people p JOIN grants g ON g.person_id = p.id WHERE p.demo"
)
_PLACE = sa.text(
    "SELECT w.code AS worker, left(p.cell_code, 12) AS community, ST_X(c.at) AS lon, ST_Y(c.at) AS lat"
    " FROM workers w"
    " JOIN posts p ON p.worker_id = w.id AND p.role = 'primary' AND p.during @> CAST(:at AS timestamptz)"
    " JOIN cell_versions v ON v.cell_code = p.cell_code AND v.valid @> CAST(:at AS timestamptz)"
    " CROSS JOIN LATERAL (SELECT ST_PointOnSurface(v.geom) AS at) c"
    " WHERE w.id = :worker ORDER BY p.cell_code LIMIT 1"
)
