"""Figures over a million cases and eight million steps (the bars of docs/performance.md, section 7).

The plain query reads `cases` by itself, with no index that fits, as a report would be written first; the
answer is compared before anything is timed. What an index alone would give is told beside, without a bar.
"""

import argparse
import os
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

import psycopg
import sqlalchemy as sa

from app import clock, schema, transaction
from app.db import make_engine
from app.reports import actions, queries
from app.reports.queries import Asked
from app.reports.rules import By, Period
from app.settings import Settings, read_settings
from app.transaction import Tx
from benchmarks._pairs import Line, interleaved, report

CODES = ("reported", "close_on", "close_late")
YEAR = Period(date(2025, 1, 1), date(2025, 12, 31))
WEEK = Period(date(2025, 6, 2), date(2025, 6, 8))
TOWNS, COMMUNITIES, WORKERS = 115, 9, 1_815
UNTIL = datetime(2026, 3, 1, tzinfo=UTC)
TOWN_BAR, ONE_BAR, OVERDUE_BAR = 20, 50, 8

GROUND = """
SET session_replication_role = replica;
INSERT INTO areas (code, level, parent_code, name, geom, desk_staffed, desk_phone)
SELECT code, level, parent, code, ST_Multi(ST_MakeEnvelope(122, 41, 123, 42, 4326)), false, ''
FROM (
    SELECT '210300' AS code, 'city' AS level, NULL AS parent
    UNION ALL SELECT '210302', 'district', '210300'
    UNION ALL SELECT '210302' || lpad(t::text, 3, '0'), 'town', '210302' FROM generate_series(1, {towns}) t
    UNION ALL SELECT '210302' || lpad(t::text, 3, '0') || lpad(c::text, 3, '0'), 'community',
                     '210302' || lpad(t::text, 3, '0')
    FROM generate_series(1, {towns}) t, generate_series(1, {communities}) c
) made;
INSERT INTO workers (code, name, home_code)
SELECT 'W' || lpad(w::text, 4, '0'), 'w', '210302001001' FROM generate_series(1, {workers}) w;
INSERT INTO units (code, name_zh, name_en, area_code)
SELECT u, u, u, '210300' FROM regexp_split_to_table('LWEDGRB', '') u;
INSERT INTO case_types (code, name_zh, name_en, unit, urgency, clock, limit_value)
SELECT 'E' || lpad(n::text, 4, '0'), 't', 't', 'L', 2, 'work_day', 2 FROM generate_series(1, 146) n;
"""

CASES = """
SET session_replication_role = replica;
SELECT setseed(0.8890);
INSERT INTO cases (id, no, kind, type_code, status, source, text, geom, crs_source, observed_at, received_at,
                   due_at, closed_at, cell_code, community_code, worker_id, body_sha256, unit_code)
SELECT md5(n::text)::uuid, '210302' || to_char(received, 'YYYYMMDD') || lpad((n % 100000)::text, 5, '0'),
       CASE WHEN a < 0.3 THEN 'appeal' ELSE 'incident' END,
       'E' || lpad((1 + (b * 146)::int % 146)::text, 4, '0'),
       CASE WHEN v < 0.02 THEN 'void' WHEN open THEN 'handling' ELSE 'closed' END,
       (ARRAY['worker', 'phone', 'sensor'])[1 + (a * 3)::int % 3], '',
       ST_SetSRID(ST_MakePoint(122.5, 41.5), 4326),
       'wgs84', received, received, received + span, CASE WHEN NOT open THEN received + span * (0.2 + g) END,
       place || '001', place, 1 + (b * {workers})::int % {workers}, '',
       substr('LWEDGRB', 1 + (g * 7)::int % 7, 1)
FROM (
    SELECT n, received, a, b, g, v, received > timestamptz '{until}' - interval '20 days' * g AS open,
           interval '1 hour' * (2 + 118 * h) AS span,
           '210302' || lpad((1 + floor({towns} * power(p, 1.5)))::text, 3, '0')
               || lpad((1 + floor({communities} * q))::text, 3, '0') AS place
    FROM (
        SELECT n, timestamptz '{until}' - interval '1120 days' * (1 - n / {cases}::float8) AS received,
               random() AS a, random() AS b, random() AS g, random() AS h, random() AS p, random() AS q,
               random() AS v
        FROM generate_series({first}, {last}) n
    ) drawn
) made;
"""

STEPS = """
SET session_replication_role = replica;
INSERT INTO appeals (case_id, nature, phone)
SELECT id, 'help', '13800000000' FROM cases WHERE kind = 'appeal' ON CONFLICT DO NOTHING;
INSERT INTO case_steps (case_id, at, step, from_status, to_status, unit_code, worker_id)
SELECT c.id, c.received_at + (coalesce(c.closed_at, '{until}') - c.received_at) * s.share,
       s.step, s.before, s.after,
       CASE WHEN s.share > 0.02 THEN c.unit_code END, CASE WHEN s.step = 'checked' THEN c.worker_id END
FROM cases c
JOIN (VALUES
    ('report', NULL, 'reported', 0.0, 1), ('accept', 'reported', 'accepted', 0.005, 2),
    ('file', 'accepted', 'filed', 0.01, 3), ('dispatch', 'filed', 'dispatched', 0.03, 4),
    ('sign', 'dispatched', 'handling', 0.1, 5), ('feedback', 'handling', 'feedback', 0.9, 6),
    ('check', 'feedback', 'checking', 0.92, 7), ('checked', 'checking', 'checking', 0.95, 8),
    ('pass', 'checking', 'closed', 1.0, 9)
) s(step, before, after, share, n)
  ON CASE c.status WHEN 'void' THEN s.n = 1 WHEN 'closed' THEN true ELSE s.n <= 5 END
ORDER BY c.received_at, c.id, s.n;
INSERT INTO case_steps (case_id, at, step, from_status, to_status)
SELECT id, closed_at, 'void', 'reported', 'void' FROM cases WHERE status = 'void' AND closed_at IS NOT NULL;
"""

PLAIN = """
SELECT key, month, sum(reported)::int AS reported, sum(close_on)::int AS close_on,
       sum(close_late)::int AS close_late
FROM (
    SELECT {key} AS key, date_trunc('month', received_at AT TIME ZONE 'Asia/Shanghai')::date AS month,
           count(*) AS reported, 0 AS close_on, 0 AS close_late
    FROM cases WHERE received_at >= %(start)s AND received_at < %(end)s AND {where}
    GROUP BY 1, 2
    UNION ALL
    SELECT {key}, date_trunc('month', closed_at AT TIME ZONE 'Asia/Shanghai')::date, 0,
           count(*) FILTER (WHERE closed_at <= due_at + {room}),
           count(*) FILTER (WHERE closed_at > due_at + {room})
    FROM cases WHERE closed_at >= %(start)s AND closed_at < %(end)s AND {where}
    GROUP BY 1, 2
) counted
GROUP BY 1, 2
"""
ROOM = "CASE kind WHEN 'appeal' THEN interval '3 days 45 minutes' ELSE interval '45 minutes' END"
CURRENT = "status NOT IN ('void', 'merged')"
OVERDUE = """
SELECT left(community_code, 9) AS key, count(*) AS late FROM cases
WHERE closed_at IS NULL AND due_at < %(at)s GROUP BY 1
"""
NO_INDEX = "SET enable_indexscan = off; SET enable_bitmapscan = off; SET enable_indexonlyscan = off"
WITH_INDEX = "RESET enable_indexscan; RESET enable_bitmapscan; RESET enable_indexonlyscan"


def main() -> int:
    """Build the history, compare, measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--here", action="store_true", help="take the city of JINGWEI_DATABASE_URL")
    given = parser.parse_args()
    with _database(given) as engine, engine.connect() as connection:
        tx = Tx(connection.execution_options(isolation_level="AUTOCOMMIT"))
        if queries.differing(tx):
            raise AssertionError("the daily sums are not the facts")
        _sizes(tx)
        return 0 if report(list(_lines(tx, given.rounds))) else 1


@contextmanager
def _database(given: argparse.Namespace) -> Iterator[sa.Engine]:
    settings = read_settings()
    if given.here:
        engine = make_engine(settings)
        yield engine
        engine.dispose()
        return
    url = sa.make_url(settings.database_url).set(drivername="postgresql")
    server, name = url.render_as_string(hide_password=False), f"jingwei_bench_{os.getpid()}_figures"
    made = replace(settings, database_url=url.set(database=name).render_as_string(hide_password=False))
    _run(server, f'CREATE DATABASE "{name}"')
    engine = make_engine(made)
    try:
        _build(made, engine, given.cases)
        yield engine
    finally:
        transaction.bind(None)
        engine.dispose()
        _run(server, f'DROP DATABASE "{name}" WITH (FORCE)')


def _run(url: str, statement: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(statement)


def _build(settings: Settings, engine: sa.Engine, cases: int) -> None:
    schema.migrate(engine, settings)
    transaction.bind(engine)
    values = {
        "towns": TOWNS,
        "communities": COMMUNITIES,
        "workers": WORKERS,
        "cases": cases,
        "until": UNTIL.isoformat(),
        "first": 1,
        "last": cases,
    }
    path = f"SET search_path = {settings.schema}, public;"
    for name, script in (("ground", GROUND), ("cases", CASES), ("steps", STEPS)):
        with _told(name):
            _run(settings.database_url, path + script.format(**values))
    with _told("facts and daily sums"):
        for _ in actions.refresh_all(transaction.write, at=clock.now()):
            pass
    with _told("vacuum"):
        _run(settings.database_url, "VACUUM ANALYZE")


@contextmanager
def _told(what: str) -> Iterator[None]:
    start = time.perf_counter()
    yield
    print(f"{what}: {time.perf_counter() - start:.0f} s", flush=True)


def _sizes(tx: Tx) -> None:
    for table in ("cases", "case_steps", "case_facts", "figure_days"):
        rows, size = tx.execute(
            sa.text(
                f"SELECT (SELECT count(*) FROM {table}),"
                " pg_total_relation_size(:table) + coalesce((SELECT sum(pg_total_relation_size(relid))"
                " FROM pg_partition_tree(:table) WHERE level > 0), 0)"
            ),
            {"table": table},
        ).one()
        print(f"{table}: {rows:,} rows, {int(size) / 1e6:,.0f} MB with indexes")


def _lines(tx: Tx, rounds: int) -> Iterator[Line]:
    worker = str(
        tx.execute(sa.text("SELECT worker_id FROM cases WHERE worker_id IS NOT NULL LIMIT 1")).scalar()
    )
    town = str(tx.execute(sa.text("SELECT left(community_code, 9) FROM cases LIMIT 1")).scalar())
    now = clock.now()
    yield from _against(
        tx,
        "month by town, a year",
        Asked(YEAR, By.TOWN, monthly=True, codes=CODES),
        PLAIN.format(key="left(community_code, 9)", where=CURRENT, room=ROOM),
        bar=TOWN_BAR,
        rounds=rounds,
        at=now,
    )
    yield from _against(
        tx,
        "one worker's year, by month",
        Asked(YEAR, By.WORKER, monthly=True, codes=CODES, key=worker),
        PLAIN.format(key="worker_id::text", where=f"{CURRENT} AND worker_id = {worker}", room=ROOM),
        bar=ONE_BAR,
        rounds=rounds,
        at=now,
    )
    yield from _against(
        tx,
        "one town's week",
        Asked(WEEK, By.TOWN, monthly=True, codes=CODES, key=town),
        PLAIN.format(
            key="left(community_code, 9)",
            where=f"{CURRENT} AND community_code >= '{town}' AND community_code < '{town}~'",
            room=ROOM,
        ),
        bar=ONE_BAR,
        rounds=rounds,
        at=now,
    )
    yield from _overdue(tx, rounds)


def _against(
    tx: Tx, title: str, asked: Asked, plain: str, *, bar: float, rounds: int, at: datetime
) -> Iterator[Line]:
    values = {"start": asked.period.start, "end": asked.period.end}

    def by_query(setting: str) -> Callable[[], Any]:
        def run() -> Any:
            raw = _raw(tx)
            raw.execute(setting)
            rows = raw.execute(plain, values).fetchall()
            raw.execute(WITH_INDEX)
            return rows

        return run

    def by_days() -> Any:
        return queries.from_days(tx, asked, at=at)

    ratios = interleaved(
        {"plain": by_query(NO_INDEX), "indexed": by_query(WITH_INDEX), "rolled": by_days},
        base="plain",
        rounds=rounds,
        equal=lambda one, other: _counted(one, asked) == _counted(other, asked),
    )
    yield Line(f"{title}: daily sums / plain", ratios["rolled"], bar)
    yield Line(f"{title}: with an index / plain", ratios["indexed"])


def _counted(rows: Any, asked: Asked) -> Mapping[tuple[str, date], tuple[int, ...]]:
    if rows and isinstance(rows[0], queries.Told):
        told = {(row.key, row.first.replace(day=1)): row.numbers for row in rows}
        return {key: tuple(numbers.get(code, 0) for code in asked.codes) for key, numbers in told.items()}
    return {(key, month): tuple(numbers) for key, month, *numbers in rows if any(numbers)}


def _overdue(tx: Tx, rounds: int) -> Iterator[Line]:
    def run(setting: str) -> Callable[[], Any]:
        def counted() -> Any:
            raw = _raw(tx)
            raw.execute(setting)
            rows = raw.execute(OVERDUE, {"at": UNTIL}).fetchall()
            raw.execute(WITH_INDEX)
            return sorted(rows)

        return counted

    ratios = interleaved(
        {"plain": run(NO_INDEX), "partial": run(WITH_INDEX)},
        base="plain",
        rounds=rounds,
        equal=lambda one, other: one == other,
    )
    yield Line("overdue by town: partial index / plain", ratios["partial"], OVERDUE_BAR)


def _raw(tx: Tx) -> Any:
    return tx.connection.connection.driver_connection


if __name__ == "__main__":
    sys.exit(main())
