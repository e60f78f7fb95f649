"""A city's long memory: up to millions of past cases with their steps, on top of a demo city that stands.

All in one transaction: it is there whole, or not at all. Meanwhile the tables of cases have no secondary
index and no foreign key, which are made again behind the rows: several times as quick.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any

import numpy as np
import shapely
import sqlalchemy as sa

from app import clock
from app.demo.common import US, ZONE
from app.demo.ledger import read_ledger
from app.demo.matters import Matters
from app.demo.past_cases import with_appeals, write_matters
from app.errors import Conflict
from app.transaction import Tx, read, write
from data.incidents import NOTHING, Places, make_incidents, texts
from data.reference import case_types
from gis.locate import NO_CELL, Grid

Progress = Callable[[float, str], None]

BLOCK = 50_000
TABLES = ("cases", "case_steps", "appeals", "case_requests")
MEMORY = "512MB"
"""For one index at a time."""


class NoDemoCity(Conflict):
    """The city is a real one, or there is none: nothing is invented in it."""

    code = "no_demo_city"


def build_history(count: int, *, seed: int, progress: Progress) -> str:
    """Make up to `count` past cases of the two years that end yesterday, and say what was made.

    Cases that there are count; the same seed on the same city gives the same cases.

    Raises:
        NoDemoCity: there is no demo city.
    """
    rng = np.random.default_rng([seed, 1_000_000])
    with read() as tx:
        if not tx.execute(_OURS, {"us": US}).scalar_one():
            raise NoDemoCity("there is no demo city here; `jingwei demo` makes one in an empty schema")
        missing = count - tx.execute(sa.text("SELECT count(*) FROM cases")).scalar_one()
        ground, things = tx.execute(_CELLS).all(), tx.execute(_FACILITIES).all()
    if missing <= 0:
        return f"there are {count:,} past cases already"
    progress(0.0, "past cases")
    matters = with_appeals(_matters(ground, things, missing, rng), rng)
    with write() as tx:
        steps = _write(tx, matters, rng, progress)
    progress(1.0, "done")
    return f"演示数据: {missing:,} past cases with {steps:,} steps"


_OURS = sa.text("SELECT EXISTS (SELECT FROM grid_versions WHERE created_by = :us)")


def _write(tx: Tx, matters: Matters, rng: np.random.Generator, progress: Progress) -> int:
    at, count = clock.now(), len(matters.received)
    ledger = read_ledger(tx)
    progress(0.1, "indexes away")
    again = _laid_aside(tx)
    steps = 0
    for start in range(0, count, BLOCK):
        progress(0.1 + 0.55 * start / count, f"past cases {start:,}")
        block = matters.of(slice(start, start + BLOCK))
        steps += write_matters(tx, block, ledger, end=int(at.timestamp()), rng=rng)
    for done, statement in enumerate(again):
        progress(0.65 + 0.33 * done / len(again), statement.partition(" ON ")[0].split()[-1])
        tx.execute(sa.text(statement))
    for table in TABLES:
        tx.execute(sa.text(f"ANALYZE {table}"))
    tx.execute(sa.text("SELECT setval('case_serials', (SELECT max(right(no, 5)::int) FROM cases))"))
    return steps


def _matters(ground: Sequence[Any], things: Sequence[Any], count: int, rng: np.random.Generator) -> Matters:
    cells = np.asarray(shapely.from_wkb([bytes(row.geom) for row in ground]), object)
    codes = np.array([row.code for row in ground], object)
    lonlat = np.array([(row.lon, row.lat) for row in things])
    held = Grid(cells).locate(lonlat[:, 0], lonlat[:, 1])
    inside = [int(i) for i in np.flatnonzero(held != NO_CELL)]
    centres = shapely.get_coordinates(shapely.centroid(cells)) * (82_700, 111_000)  # about metres, at 42 N
    places = Places(
        cells=cells,
        lively=np.array([row.population + 5.0 for row in ground]) ** 0.8,
        centres=centres,
        facility_type=np.array([things[i].type_code for i in inside]),
        facility_lonlat=lonlat[inside],
        facility_cell=held[inside],
    )
    until = clock.now().astimezone(ZONE).date() - timedelta(days=1)
    made = make_incidents(places, count=count, until=until, rng=rng)
    kinds = np.array([kind.code for kind in case_types()], object)
    where = np.array([row.place for row in ground], object)[made.cell]
    ids = np.array([things[i].id for i in inside] + [0])
    return Matters(
        received=made.reported_at.astype("datetime64[s]").astype(np.int64),
        type=kinds[made.type],
        appeal=np.zeros(count, bool),
        placed=np.ones(count, bool),
        lonlat=made.lonlat,
        cell=codes[made.cell],
        worker=np.array([row.worker for row in ground], np.int64)[made.cell],
        facility=np.where(made.facility == NOTHING, 0, ids[made.facility]),
        text=texts(made, where, rng).astype(object),
        source=np.full(count, "worker", object),
    )


_CELLS = sa.text(
    """
    SELECT c.code, c.population, ST_AsBinary(v.geom) AS geom, town.name || community.name AS place,
           coalesce(min(p.worker_id), 0) AS worker
    FROM cells c
    JOIN cell_versions v ON v.cell_code = c.code AND v.valid @> now()
    JOIN areas community ON community.code = c.community_code
    JOIN areas town ON town.code = community.parent_code
    LEFT JOIN posts p ON p.cell_code = c.code AND p.role = 'primary' AND p.during @> now()
    GROUP BY c.code, v.id, community.code, town.code
    ORDER BY c.code
    """
)

_FACILITIES = sa.text(
    """
    SELECT id, type_code, ST_X(ST_PointOnSurface(geom)) AS lon, ST_Y(ST_PointOnSurface(geom)) AS lat
    FROM facilities
    ORDER BY type_code, code
    """
)


def _laid_aside(tx: Tx) -> list[str]:
    """Drop secondary indexes and foreign keys of the tables of cases, and return what makes them again."""
    names = {"tables": list(TABLES)}
    keys = tx.execute(_FOREIGN_KEYS, names).all()
    indexes = tx.execute(_INDEXES, names).all()
    for key in keys:
        tx.execute(sa.text(f'ALTER TABLE {key.table} DROP CONSTRAINT "{key.name}"'))
    for index in indexes:
        tx.execute(sa.text(f'DROP INDEX "{index.name}"'))
    tx.execute(sa.text(f"SET LOCAL maintenance_work_mem = '{MEMORY}'"))
    made = [index.definition for index in indexes]
    # keys stay, and take their entries in no order: a third of them would be air
    made += [f"REINDEX INDEX {name}" for name in ("pk_cases", "uq_cases_no", "pk_appeals")]
    return made + [f'ALTER TABLE {k.table} ADD CONSTRAINT "{k.name}" {k.definition}' for k in keys]


_FOREIGN_KEYS = sa.text(
    """
    SELECT conrelid::regclass::text AS table, conname AS name, pg_get_constraintdef(oid) AS definition
    FROM pg_constraint
    WHERE contype = 'f' AND conrelid = ANY (SELECT to_regclass(unnest(CAST(:tables AS text[]))))
    ORDER BY conname
    """
)

_INDEXES = sa.text(
    """
    SELECT i.indexrelid::regclass::text AS name, pg_get_indexdef(i.indexrelid) AS definition
    FROM pg_index i
    WHERE i.indrelid = ANY (SELECT to_regclass(unnest(CAST(:tables AS text[]))))
      AND NOT EXISTS (SELECT FROM pg_constraint c WHERE c.conindid = i.indexrelid)
    ORDER BY name
    """
)
