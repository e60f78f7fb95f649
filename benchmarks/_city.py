"""A scratch database with a synthetic city of any size, for benchmarks that need the real tables.

It is made on the server of JINGWEI_DATABASE_URL and dropped at the end. Everything that matters for speed is
there at full size: cells, facilities, workers, shifts and posts with all their indexes and constraints.
"""

import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from uuid import uuid4

import numpy as np
import psycopg
import shapely
import sqlalchemy as sa

from app import schema
from app.db import make_engine
from app.settings import Settings, read_settings
from benchmarks import _synthetic

CELLS, FACILITIES, WORKERS, TYPES, CASES = 12_900, 64_000, 1_815, 90, 20_000
COMMUNITY, TOWN = 24, 10


@dataclass(frozen=True, slots=True)
class City:
    """A scratch city: its settings, and its bounds west, south, east, north."""

    settings: Settings
    bounds: tuple[float, float, float, float]
    cells: int
    workers: int
    facilities: int


@contextmanager
def city(times: int = 1) -> Iterator[City]:
    """Give a city of `times` the demo city's size; its database is dropped afterwards."""
    given = replace(read_settings().as_owner(), owner_url="")
    url = sa.make_url(given.database_url).set(drivername="postgresql")
    name = f"jingwei_bench_{os.getpid()}_{times}"
    server = url.render_as_string(hide_password=False)
    with TemporaryDirectory(prefix=name) as folder:
        own = url.set(database=name).render_as_string(hide_password=False)
        settings = replace(given, database_url=own, var=Path(folder), secret_key="benchmark")
        _run(server, f'CREATE DATABASE "{name}"')
        try:
            yield _built(settings, times)
        finally:
            _run(server, f'DROP DATABASE "{name}" WITH (FORCE)')


def durability(url: str) -> str:
    """Return how durable the server's commits are: the figures mean little without it."""
    names = ("server_version", "fsync", "synchronous_commit", "full_page_writes", "shared_buffers")
    with psycopg.connect(url) as connection:
        values = [connection.execute(f"SHOW {name}").fetchone() for name in names]
    return ", ".join(f"{name} {value[0]}" for name, value in zip(names, values, strict=True) if value)


def _run(url: str, statement: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(statement)


def _built(settings: Settings, times: int) -> City:
    engine = make_engine(settings)
    schema.migrate(engine, settings)
    outlines = _synthetic.cells(CELLS * times)
    with engine.begin() as pooled:
        raw = pooled.connection.driver_connection
        assert raw is not None
        _fill(raw, outlines, times)
    engine.dispose()
    _run(settings.database_url, "VACUUM ANALYZE")
    west, south, east, north = (float(v) for v in shapely.total_bounds(outlines))
    return City(settings, (west, south, east, north), len(outlines), WORKERS * times, FACILITIES * times)


def _fill(connection: psycopg.Connection[Any], outlines: Any, times: int) -> None:
    rng = np.random.default_rng(4)
    whole = shapely.box(*shapely.total_bounds(outlines))
    codes = [_cell_code(i) for i in range(len(outlines))]
    communities = sorted({code[:12] for code in codes})
    towns = sorted({code[:9] for code in codes})
    areas = [("210300", "city", None), ("210302", "district", "210300")]
    areas += [(code, "town", "210302") for code in towns]
    areas += [(code, "community", code[:9]) for code in communities]
    outline = _ewkb(shapely.multipolygons([whole]))
    _copy(
        connection,
        "areas (code, level, parent_code, name, geom, desk_staffed)",
        [(code, level, parent, f"Area {code}", outline, False) for code, level, parent in areas],
    )
    _copy(connection, "cells (code, community_code)", [(code, code[:12]) for code in codes])
    connection.execute(
        "INSERT INTO grid_versions (valid_from, created_by, note) VALUES ('2020-01-01', 'benchmark', '')"
    )
    hexes = _ewkb(outlines)
    _copy(
        connection,
        "cell_versions (cell_code, valid, geom, area_m2, grid_version_id)",
        [(c, "[2020-01-01,)", g, 12_600.0, 1) for c, g in zip(codes, hexes, strict=True)],
    )
    _people(connection, codes, times, rng)
    _facilities(connection, whole, times, rng)
    _past(connection, codes, outlines, times)


def _past(connection: psycopg.Connection[Any], codes: Sequence[str], outlines: Any, times: int) -> None:
    """Write old cases: a statement planned for an empty table reads it whole, long after it has filled."""
    now = datetime.now(UTC)
    spots = _ewkb(shapely.point_on_surface(outlines))
    workers = WORKERS * times
    columns = (
        "cases (id, no, kind, type_code, status, source, text, geom, crs_source, observed_at, received_at,"
        " due_at, closed_at, cell_code, community_code, worker_id, reported_by, body_sha256)"
    )
    with connection.cursor() as cursor, cursor.copy(f"COPY {columns} FROM STDIN") as copy:
        for number in range(CASES * times):
            cell, at = number % len(codes), now - timedelta(minutes=number)
            code, later = codes[cell], at + timedelta(days=1)
            what = ("incident", "F0101", "closed", "operator", "Long ago", spots[cell], "wgs84")
            whose = (code, code[:12], 1 + cell * workers // len(codes), 1, b"old")
            copy.write_row((uuid4(), str(2 * 10**18 + number), *what, at, at, later, later, *whose))


def _people(connection: psycopg.Connection[Any], codes: Sequence[str], times: int, rng: Any) -> None:
    workers = WORKERS * times
    _copy(
        connection,
        "workers (code, name, home_code)",
        [(f"W{i + 1:05d}", f"Worker {i + 1}", codes[i * len(codes) // workers][:12]) for i in range(workers)],
    )
    at_work = rng.random(workers) < 0.7
    connection.execute(
        "INSERT INTO shifts (worker_id, during)"
        " SELECT w.id, tstzrange(d, d + interval '8 hours')"
        " FROM workers w, generate_series(now() - interval '30 days', now() - interval '1 day', '1 day') d"
    )
    connection.execute(
        "INSERT INTO shifts (worker_id, during)"
        " SELECT id, tstzrange(now() - interval '1 hour', now() + interval '1 day') FROM workers"
        " WHERE code = ANY(%s)",
        ([f"W{i + 1:05d}" for i in np.flatnonzero(at_work)],),
    )
    first = connection.execute("SELECT min(id) FROM workers").fetchone()
    start = first[0] if first else 1
    _copy(
        connection,
        "posts (cell_code, worker_id, role, during)",
        [
            (code, start + (i * workers // len(codes) + shift) % workers, role, "[2020-01-01,)")
            for i, code in enumerate(codes)
            for role, shift in (("primary", 0), ("backup", 1))
        ],
    )
    connection.execute("INSERT INTO people (username, name) VALUES ('bench', 'Bench')")
    connection.execute(
        "INSERT INTO grants (person_id, role, area_code) SELECT id, 'operator', '210300' FROM people"
    )


def _facilities(connection: psycopg.Connection[Any], whole: Any, times: int, rng: Any) -> None:
    kinds = [f"{1 + i // 50:02d}{1 + i % 50:02d}" for i in range(TYPES)]
    rows = [(kind, f"类{kind}", f"type {kind}", "unit", "point") for kind in kinds]
    _copy(connection, "facility_types (code, name_zh, name_en, unit, shape)", rows)
    _copy(
        connection,
        "case_types (code, name_zh, name_en, unit, urgency, clock, limit_value, facility_type_code)",
        [(f"F{kind}", f"类{kind}", f"type {kind}", "unit", 2, "urgent_hour", 2, kind) for kind in kinds],
    )
    count = FACILITIES * times
    west, south, east, north = whole.bounds
    places = shapely.points(rng.uniform(west, east, count), rng.uniform(south, north, count))
    hexes = _ewkb(places)
    # A tenth are of one type, as manholes are; the reports ask for it.
    chosen = np.where(rng.random(count) < 0.1, 0, rng.integers(1, TYPES, count))
    _copy(
        connection,
        "facilities (code, type_code, name, geom)",
        [
            (f"210302{kinds[k]}{i:06d}", kinds[k], f"Facility {i}", g)
            for i, (k, g) in enumerate(zip(chosen, hexes, strict=True))
        ],
    )


def _copy(connection: psycopg.Connection[Any], target: str, rows: Iterable[Sequence[Any]]) -> None:
    with connection.cursor() as cursor, cursor.copy(f"COPY {target} FROM STDIN") as copy:
        for row in rows:
            copy.write_row(row)


def _cell_code(index: int) -> str:
    community, cell = divmod(index, COMMUNITY)
    town, within = divmod(community, TOWN)
    return f"210302{town + 1:03d}{within + 1:03d}{cell + 1:03d}"


def _ewkb(shapes: Any) -> Any:
    return shapely.to_wkb(shapely.set_srid(shapes, 4326), hex=True, include_srid=True)
