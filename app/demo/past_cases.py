"""The demo city's past cases, with the steps that they have gone."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime

import pandas as pd
import shapely
import sqlalchemy as sa

from app.bulk import copy_rows
from app.cases.deadlines import due
from app.cases.rules import ENDED, ClockKind, Status, Step
from app.demo.common import ZONE, end_of, ewkb
from app.transaction import Tx
from data.city import City
from data.incidents import nominal_hours
from data.reference import case_types

NAMESPACE = uuid.UUID("6f2f6d0e-8890-5210-8300-000000210300")
"""Past cases' ids are UUIDv5 of their numbers in this namespace, so that the same seed gives the same ids."""

PATH: tuple[tuple[Step, Status], ...] = (
    (Step.REPORT, Status.REPORTED),
    (Step.ACCEPT, Status.ACCEPTED),
    (Step.FILE, Status.FILED),
    (Step.DISPATCH, Status.DISPATCHED),
    (Step.SIGN, Status.HANDLING),
    (Step.FEEDBACK, Status.FEEDBACK),
    (Step.CHECK, Status.CHECKING),
    (Step.PASS, Status.CLOSED),
)
"""The straight way of an incident from report to closing, which past cases have gone."""

VOID_PATH = (PATH[0], (Step.VOID, Status.VOID))
"""What was found to be nothing."""


def write_cases(tx: Tx, city: City) -> None:
    """Write the past cases with their steps."""
    rows = list(_past_cases(tx, city))
    copy_rows(tx, "cases", CASE_COLUMNS, (row for row, _ in rows))
    copy_rows(tx, "case_steps", STEP_COLUMNS, (step for _, steps in rows for step in steps))
    # the last day's numbers are taken: the next report's comes after them
    tx.execute(sa.text("SELECT setval('case_serials', (SELECT max(right(no, 5)::int) FROM cases))"))


CASE_COLUMNS = {
    "id": "uuid",
    "no": "text",
    "kind": "text",
    "type_code": "text",
    "status": "text",
    "source": "text",
    "text": "text",
    "geom": "bytea",
    "accuracy_m": "float8",
    "crs_source": "text",
    "observed_at": "timestamptz",
    "received_at": "timestamptz",
    "due_at": "timestamptz",
    "closed_at": "timestamptz",
    "cell_code": "text",
    "community_code": "text",
    "worker_id": "int8",
    "facility_id": "int8",
    "body_sha256": "bytea",
}


STEP_COLUMNS = {
    "case_id": "uuid",
    "at": "timestamptz",
    "step": "text",
    "from_status": "text",
    "to_status": "text",
    "worker_id": "int8",
}


def _past_cases(tx: Tx, city: City) -> Iterator[tuple[tuple[object, ...], list[tuple[object, ...]]]]:
    workers = {code: i for i, code in enumerate(city.workers["code"], 1)}
    facilities = {row.code: row.id for row in tx.execute(sa.text("SELECT code, id FROM facilities"))}
    kinds = {kind.code: kind for kind in case_types()}
    rows = city.incidents.sort_values("reported_at", kind="stable")
    points = ewkb(shapely.points(rows["lon"].to_numpy(), rows["lat"].to_numpy()))
    serials: dict[str, int] = {}
    for row, point in zip(rows.itertuples(index=False), points, strict=True):
        received = row.reported_at.to_pydatetime()
        closed = None if pd.isna(row.closed_at) else row.closed_at.to_pydatetime()
        day = received.astimezone(ZONE).strftime("%Y%m%d")
        serials[day] = serials.get(day, 0) + 1
        number = f"{row.cell[:6]}{day}{serials[day]:05d}"
        case_id = uuid.uuid5(NAMESPACE, number)
        kind, worker = kinds[row.type], workers[row.worker]
        yield (
            (
                case_id,
                number,
                "incident",
                row.type,
                row.status,
                row.source,
                row.text,
                point,
                8.0,
                "wgs84",
                received,
                received,
                due(received, ClockKind(kind.clock.value), kind.limit).at,
                closed,
                row.cell,
                row.cell[:12],
                worker,
                None if pd.isna(row.facility) else facilities[row.facility],
                hashlib.sha256(number.encode()).digest(),
            ),
            list(_steps(case_id, Status(row.status), received, closed or end_of(city), worker)),
        )


def _steps(
    case_id: uuid.UUID, status: Status, start: datetime, end: datetime, worker: int
) -> Iterator[tuple[object, ...]]:
    """Walk the straight way as far as `status`; the moments between `start` and `end` grow like squares."""
    path = VOID_PATH if status is Status.VOID else PATH
    reached = [s for _, s in path].index(status)
    before: Status | None = None
    for i, (step, after) in enumerate(path[: reached + 1]):
        share = (i / reached) ** 2 if reached else 0.0
        at = end if after in ENDED else start + (end - start) * share * (1.0 if status in ENDED else 0.9)
        yield case_id, at, step.value, before and before.value, after.value, worker
        before = after


def as_of(city: City, at: datetime) -> City:
    """Return the city as it is known at `at`: without later reports, and open what closes later."""
    known = city.incidents[city.incidents["reported_at"] <= at].copy()
    known["closed_at"] = _closed_in_working_time(known)
    later = known["closed_at"] > at
    known.loc[later, "status"] = Status.HANDLING.value
    known.loc[later, "closed_at"] = pd.NaT
    return replace(city, incidents=known)


def _closed_in_working_time(incidents: pd.DataFrame) -> pd.Series[pd.Timestamp]:
    """Return when each was closed: the share of the limit that it took, laid over its limit in working time.

    What was in time by the wall clock is in time by the city's calendar, and what was late is late.
    """
    kinds = {kind.code: kind for kind in case_types()}
    hours = incidents["type"].map({code: nominal_hours(kind) for code, kind in kinds.items()})
    share = (incidents["closed_at"] - incidents["reported_at"]) / pd.to_timedelta(hours, unit="h")
    limit = [
        due(moment, ClockKind(kinds[code].clock.value), kinds[code].limit).at - moment
        for code, moment in zip(incidents["type"], incidents["reported_at"].dt.to_pydatetime(), strict=True)
    ]
    closed: pd.Series[pd.Timestamp] = (
        incidents["reported_at"] + pd.Series(limit, index=incidents.index) * share
    )
    return closed.dt.floor("s")
