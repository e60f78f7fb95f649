"""The demo city, written into an empty schema: all of it in one transaction, or nothing."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import shapely
import sqlalchemy as sa
from psycopg.types.range import Range

from app import clock
from app.bulk import copy_rows
from app.cases.deadlines import due
from app.cases.rules import ENDED, ClockKind, Status, Step
from app.errors import Conflict
from app.identity.actions import make_demo_accounts
from app.maps.publish import publish
from app.settings import Settings
from app.transaction import Tx, read, write
from data.city import DEFAULT_SEED, City, make_city
from data.incidents import nominal_hours
from data.reference import case_types, facility_types

Progress = Callable[[float, str], None]
ZONE = ZoneInfo("Asia/Shanghai")
SINCE = datetime(2020, 1, 1, tzinfo=ZONE)
US = "jingwei demo"
MAKING, LOADING = 0.6, 0.25
"""The shares of the time that making the city and writing it take."""
ANALYSED = (
    "areas",
    "cells",
    "cell_versions",
    "streets",
    "facilities",
    "workers",
    "shifts",
    "posts",
    "cases",
    "case_steps",
)
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


class NotEmpty(Conflict):
    """There is a city already; a demo city is never written over one."""

    code = "not_empty"


def is_empty(tx: Tx) -> bool:
    """Whether the schema holds no area yet."""
    return tx.execute(sa.text("SELECT NOT EXISTS (SELECT FROM areas)")).scalar_one() is True


def build(
    settings: Settings,
    *,
    cells: int,
    seed: int | None,
    until: date | None,
    if_empty: bool,
    progress: Progress,
) -> str:
    """Make the demo city of a seed, write it with accounts and published tiles, and say what was built.

    Args:
        settings: the password of the demo accounts is among them.
        cells: how many.
        seed: the only source of chance; the default one when None.
        until: the last day of the past cases; today when None, so that the map is alive.
        if_empty: a city that is there is left alone, instead of being an error.
        progress: called with the share that is done and what comes next.

    Raises:
        NotEmpty: there is a city already.
    """
    with read() as tx:
        empty = is_empty(tx)
    if not empty and if_empty:
        return "there is a city already"
    _refuse_unless(empty)
    at = clock.now()
    city = make_city(
        DEFAULT_SEED if seed is None else seed,
        cells=cells,
        until=until or at.astimezone(ZONE).date(),
        progress=lambda share, label: progress(share * MAKING, label),
    )
    city = as_of(city, at)
    with write() as tx:
        load(tx, city, progress=lambda share, label: progress(MAKING + share * LOADING, label))
        make_demo_accounts(tx, settings.demo_password, at=at)
        progress(MAKING + LOADING, "map tables")
        publish(tx, at=at)
    progress(1.0, "done")
    counts = f"{len(city.cells):,} cells, {len(city.facilities):,} facilities, {len(city.workers):,} workers"
    origin = f"outlines: {city.sources['outlines']}; names: {city.sources['names']}"
    return f"演示数据: {counts}, {len(city.incidents):,} past cases; {origin}"


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


def _refuse_unless(empty: bool) -> None:  # noqa: FBT001 - what it is about
    if not empty:
        raise NotEmpty("there is a city in this schema already; `make reset` starts afresh")


def load(tx: Tx, city: City, *, progress: Progress) -> None:
    """Write `city` into the empty schema.

    Raises:
        NotEmpty: there is a city already.
    """
    _refuse_unless(is_empty(tx))
    parts: list[tuple[str, Callable[[Tx, City], None]]] = [
        ("writing types", _types),
        ("writing areas", _areas),
        ("writing cells", _cells),
        ("writing streets", _streets),
        ("writing facilities", _facilities),
        ("writing workers", _workers),
        ("writing posts", _posts),
        ("writing past cases", _cases),
    ]
    for done, (label, part) in enumerate(parts):
        progress(done / len(parts), label)
        part(tx, city)
    for table in ANALYSED:
        tx.execute(sa.text(f"ANALYZE {table}"))
    progress(1.0, "written")


def walk(tx: Tx, *, at: datetime) -> int:
    """Let the demo city's workers on duty be seen at `at`, some of them in another of their cells.

    A city that is none of ours is left alone. Returns how many were seen.
    """
    ours = sa.text("SELECT EXISTS (SELECT FROM grid_versions WHERE created_by = :us)")
    return tx.execute(WALK, {"at": at}).rowcount if tx.execute(ours, {"us": US}).scalar_one() else 0


WALK = sa.text(
    """
    UPDATE workers w
       SET position_at = CAST(:at AS timestamptz) - random() * interval '5 minutes',
           position = coalesce(moved.place, w.position)
      FROM (SELECT s.worker_id,
                   (SELECT ST_GeometryN(ST_GeneratePoints(v.geom, 1), 1)
                      FROM posts p
                      JOIN cell_versions v
                        ON v.cell_code = p.cell_code AND v.valid @> CAST(:at AS timestamptz)
                     WHERE p.worker_id = s.worker_id AND p.role = 'primary'
                       AND p.during @> CAST(:at AS timestamptz) AND s.moves
                     ORDER BY random()
                     LIMIT 1) AS place
              FROM (SELECT worker_id, random() < 0.2 AS moves
                      FROM shifts
                     WHERE during @> CAST(:at AS timestamptz)) s) moved
     WHERE w.id = moved.worker_id
    """
)


def _types(tx: Tx, city: City) -> None:  # noqa: ARG001 - every part takes the city
    copy_rows(
        tx,
        "facility_types",
        {"code": "text", "name_zh": "text", "name_en": "text", "unit": "text", "shape": "text"},
        [(t.code, t.name_zh, t.name_en, t.unit, t.geometry.value) for t in facility_types()],
    )
    copy_rows(
        tx,
        "case_types",
        {
            "code": "text",
            "name_zh": "text",
            "name_en": "text",
            "unit": "text",
            "urgency": "int2",
            "clock": "text",
            "limit_value": "float8",
            "facility_type_code": "text",
            "source": "text",
        },
        [
            (
                t.code,
                t.name_zh,
                t.name_en,
                t.unit,
                t.urgency,
                t.clock.value,
                float(t.limit),
                t.facility_type,
                t.source,
            )
            for t in case_types()
        ],
    )


def _areas(tx: Tx, city: City) -> None:
    areas = city.areas.sort_values("code", key=lambda codes: codes.str.len().astype(str) + codes)
    staffed = _staffed(areas)
    copy_rows(
        tx,
        "areas",
        {
            "code": "text",
            "level": "text",
            "parent_code": "text",
            "name": "text",
            "geom": "bytea",
            "desk_staffed": "bool",
            "desk_phone": "text",
        },
        zip(
            areas["code"],
            areas["level"],
            (None if pd.isna(parent) else parent for parent in areas["parent"]),
            areas["name"],
            _ewkb(areas.geometry),
            staffed,
            ["0412-8890"] * len(areas),
            strict=True,
        ),
    )


def _staffed(areas: pd.DataFrame) -> list[bool]:
    """Every town's desk is staffed, and two communities' in three, by a digest of the code."""
    return [
        level == "town" or (level == "community" and hashlib.sha256(code.encode()).digest()[0] % 3 > 0)
        for code, level in zip(areas["code"], areas["level"], strict=True)
    ]


def _cells(tx: Tx, city: City) -> None:
    version = tx.execute(
        sa.text(
            "INSERT INTO grid_versions (valid_from, created_by, note, source_name, source_crs)"
            " VALUES (:since, :us, :note, 'demo city', 'gcj02 outlines, converted once')"
            " RETURNING id"
        ),
        {"since": SINCE, "us": US, "note": f"演示数据, seed {city.seed}"},
    ).scalar_one()
    cells = city.cells
    copy_rows(
        tx,
        "cells",
        {"code": "text", "community_code": "text", "population": "int4"},
        zip(cells["code"], cells["community"], cells["population"].tolist(), strict=True),
    )
    always = Range(SINCE, None)
    copy_rows(
        tx,
        "cell_versions",
        {
            "cell_code": "text",
            "valid": "tstzrange",
            "geom": "bytea",
            "area_m2": "float8",
            "grid_version_id": "int8",
        },
        (
            (code, always, geom, area, version)
            for code, geom, area in zip(
                cells["code"], _ewkb(cells.geometry), cells["area_m2"].tolist(), strict=True
            )
        ),
    )


def _streets(tx: Tx, city: City) -> None:
    rows = city.streets
    copy_rows(
        tx,
        "streets",
        {"name": "text", "kind": "text", "geom": "bytea"},
        zip(rows["name"], rows["kind"], _ewkb(rows.geometry), strict=True),
    )


def _facilities(tx: Tx, city: City) -> None:
    rows = city.facilities
    copy_rows(
        tx,
        "facilities",
        {
            "code": "text",
            "type_code": "text",
            "name": "text",
            "address": "text",
            "condition": "text",
            "installed": "date",
            "geom": "bytea",
        },
        zip(
            rows["code"],
            rows["type"],
            rows["name"],
            rows["address"],
            rows["condition"],
            (day.date() for day in pd.to_datetime(rows["installed"])),
            _ewkb(rows.geometry),
            strict=True,
        ),
    )


def _workers(tx: Tx, city: City) -> None:
    rows = city.workers
    seen = _last_seen(city)
    points = shapely.points(rows["lon"].to_numpy(), rows["lat"].to_numpy())
    copy_rows(
        tx,
        "workers",
        {
            "id": "int8",
            "code": "text",
            "name": "text",
            "phone": "text",
            "home_code": "text",
            "position": "bytea",
            "position_at": "timestamptz",
            "position_accuracy_m": "float8",
        },
        zip(
            range(1, len(rows) + 1),
            rows["code"],
            rows["name"],
            rows["phone"],
            rows["home"],
            _ewkb(points),
            seen,
            [8.0] * len(rows),
            strict=True,
        ),
    )
    tx.execute(
        sa.text("SELECT setval(pg_get_serial_sequence('workers', 'id'), (SELECT max(id) FROM workers))")
    )
    until = _end(city) - timedelta(days=1)
    copy_rows(
        tx,
        "shifts",
        {"worker_id": "int8", "during": "tstzrange"},
        (
            (number, Range(SINCE, None if on_duty else until))
            for number, on_duty in enumerate(rows["on_duty"].tolist(), 1)
        ),
    )


def _last_seen(city: City) -> list[datetime]:
    """Workers on duty were seen within the last twenty minutes before the city's moment, others a day ago."""
    chance = np.random.default_rng([city.seed, 8890])
    minutes = chance.gamma(1.5, 4.0, len(city.workers))
    return [
        _end(city) - (timedelta(minutes=float(ago)) if on_duty else timedelta(days=1, minutes=float(ago)))
        for ago, on_duty in zip(minutes, city.workers["on_duty"].tolist(), strict=True)
    ]


def _posts(tx: Tx, city: City) -> None:
    number = {code: i for i, code in enumerate(city.workers["code"], 1)}
    always = Range(SINCE, None)
    copy_rows(
        tx,
        "posts",
        {"code": "text", "cell_code": "text", "worker_id": "int8", "role": "text", "during": "tstzrange"},
        (
            (code, cell, number[worker], role, always)
            for code, cell, worker, role in zip(
                city.posts["code"], city.posts["cell"], city.posts["worker"], city.posts["role"], strict=True
            )
        ),
    )


def _end(city: City) -> datetime:
    """The moment at which the city's past ends: midnight after its last day, or now."""
    midnight = datetime.combine(city.until + timedelta(days=1), time(), ZONE)
    return min(midnight, clock.now()).astimezone(UTC)


def _ewkb(geometry: Any) -> Iterator[bytes]:
    stamped = shapely.set_srid(np.asarray(geometry), 4326)
    return iter(shapely.to_wkb(stamped, include_srid=True))


def _cases(tx: Tx, city: City) -> None:
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
    points = _ewkb(shapely.points(rows["lon"].to_numpy(), rows["lat"].to_numpy()))
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
            list(_steps(case_id, Status(row.status), received, closed or _end(city), worker)),
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
