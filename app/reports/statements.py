"""The figures' statements, made from the registry of rules: no number is defined twice."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cache

from app.reports.rules import MEASURES, NUMBERS, ROLLED, STOCKS, ZONE_NAME, By

LOCAL_DAY = f"(m.at AT TIME ZONE '{ZONE_NAME}')::date"
LOCAL_MONTH = f"date_trunc('month', m.at AT TIME ZONE '{ZONE_NAME}')::date"
_HOLDERS = {By.WORKER: "m.worker::text", By.DEPARTMENT: "m.unit", By.PERSON: "m.person::text"}
_COLUMNS = "m(i, at, n, worker, unit, person)"


def key_of(by: By) -> str:
    """Return the key of a mark, as SQL."""
    return _HOLDERS[by] if by in _HOLDERS else MEASURES["reported"].key(by)


def in_period(*, monthly: bool, by: By, codes: Sequence[str], scope: str) -> str:
    """Return the sums of `codes` over [:start, :end), by key and month, from the facts."""
    marks = ", ".join(_mark(number, code) for number, code in enumerate(codes))
    sums = ", ".join(f'sum(m.n) FILTER (WHERE m.i = {n}) AS "{code}"' for n, code in enumerate(codes))
    near = " OR ".join(
        f"f.{name} >= :start AND f.{name} < :end"
        for name in sorted({MEASURES[code].at.removeprefix("f.") for code in codes})
    )
    return (
        f"SELECT {key_of(by)} AS key, {LOCAL_MONTH if monthly else 'NULL::date'} AS month, {sums}"
        f" FROM case_facts f CROSS JOIN LATERAL (VALUES {marks}) {_COLUMNS}"
        f" WHERE m.n <> 0 AND m.at >= :start AND m.at < :end AND ({near}) AND {scope}"
        " GROUP BY 1, 2"
    )


def undone(*, ends: int, by: By, codes: Sequence[str], scope: str) -> str:
    """Return how many are late and undone at each of the moments :end_0, :end_1 ..., from the facts."""
    moments = ", ".join(f"({n}, CAST(:end_{n} AS timestamptz))" for n in range(ends))
    marks = ", ".join(_waiting(number, code) for number, code in enumerate(codes))
    sums = ", ".join(f'count(*) FILTER (WHERE m.i = {n}) AS "{code}"' for n, code in enumerate(codes))
    ever = " OR ".join(f"{STOCKS[code].due} < {STOCKS[code].over}" for code in codes)
    late = " OR ".join(f"{STOCKS[code].due} < e.moment" for code in codes)
    return (
        f"SELECT {key_of(by)} AS key, e.number AS number, {sums}"
        f" FROM (VALUES {moments}) e(number, moment) CROSS JOIN case_facts f"
        f" CROSS JOIN LATERAL (VALUES {marks}) m(i, n, worker, unit, person)"
        f" WHERE m.n = 1 AND ({ever}) AND ({late}) AND {scope}"
        " GROUP BY 1, 2"
    )


def rolled(*, monthly: bool, key: str, codes: Sequence[str], scope: str) -> str:
    """Return the sums of `codes` from :first to :last, by key and month, from the daily sums."""
    sums = ", ".join(f'sum("{code}") AS "{code}"' for code in codes)
    month = "day - date_part('day', day)::int + 1" if monthly else "NULL::date"
    return (
        f"SELECT {key} AS key, {month} AS month, {sums} FROM figure_days"
        f" WHERE by = :by AND day BETWEEN :first AND :last AND {scope} GROUP BY 1, 2"
    )


def rolled_undone(*, ends: int, key: str, codes: Sequence[str], scope: str) -> str:
    """Return the sums of the flows before each of the days :day_0, :day_1 ..., by key: one row a key."""
    sums = ", ".join(
        f'sum("{code}") FILTER (WHERE day < CAST(:day_{n} AS date)) AS "{code}_{n}"'
        for n in range(ends)
        for code in codes
    )
    some = " OR ".join(f'"{code}" IS NOT NULL' for code in codes)
    return (
        f"SELECT {key} AS key, {sums} FROM figure_days"
        f" WHERE by = :by AND day < CAST(:day_{ends - 1} AS date) AND ({some}) AND {scope} GROUP BY 1"
    )


@cache
def add_days(sign: int) -> str:
    """Return the statement that adds what the facts of the cases :ids say to the daily sums, or takes it."""
    columns = ", ".join(f'"{code}"' for code in NUMBERS)
    merged = ", ".join(
        f'"{code}" = nullif(coalesce(d."{code}", 0) + coalesce(excluded."{code}", 0), 0)' for code in NUMBERS
    )
    return (
        f"INSERT INTO figure_days AS d (by, key, day, {columns})"
        f" {_days('f.case_id = ANY (CAST(:ids AS uuid[]))', sign)}"
        f" ORDER BY 1, 2, 3 ON CONFLICT (by, key, day) DO UPDATE SET {merged}"
    )


@cache
def days_of_all() -> str:
    """Return what the daily sums have to be, from all facts."""
    return _days("true", 1)


def _days(which: str, sign: int) -> str:
    """Return the daily sums of the facts that `which` chooses.

    Numbers that share moment and holder share a row of VALUES, which halves the rows to be grouped.
    """
    rows, places = _packed()
    widest = max(len(values) for _, values in rows)
    packed = ", ".join(
        f"({number}, {head}, {', '.join([*values, *['NULL'] * (widest - len(values))])})"
        for number, (head, values) in enumerate(rows)
    )
    slots = ", ".join(f"v{slot}" for slot in range(widest))
    sums = ", ".join(
        f"nullif({sign} * {' + '.join(f'coalesce({_slot_sum(*one)}, 0)' for one in places[code])}, 0)"
        f' AS "{code}"'
        for code in NUMBERS
    )
    groups = ", ".join(f"('{by.value}', {key_of(by)})" for by in ROLLED)
    return (
        f"SELECT g.by, g.key, {LOCAL_DAY} AS day, {sums}"
        f" FROM case_facts f CROSS JOIN LATERAL (VALUES {packed}) m(i, at, worker, unit, {slots})"
        f" CROSS JOIN LATERAL (VALUES {groups}) g(by, key)"
        f" WHERE {which} AND m.at < 'infinity' AND g.key IS NOT NULL"
        " GROUP BY 1, 2, 3"
    )


def _slot_sum(slot: int, numbers: Sequence[int]) -> str:
    return f"sum(m.v{slot}) FILTER (WHERE m.i IN ({', '.join(map(str, numbers))}))"


@cache
def _packed() -> tuple[list[tuple[str, list[str]]], dict[str, list[tuple[int, list[int]]]]]:
    """Return the rows of VALUES (moment and holders, values), and where each number lies: slots and rows."""
    heads: dict[str, list[str]] = {}
    places: dict[str, list[tuple[int, list[int]]]] = {}
    for code, one in MEASURES.items():
        head = f"{one.at}, {one.worker}, {one.unit}"
        values = heads.setdefault(head, [])
        values.append(f"CASE WHEN {one.when} THEN {one.value} END")
        places[code] = [(len(values) - 1, [list(heads).index(head)])]
    rows = list(heads.items())
    for code, stage in STOCKS.items():
        first = len(rows)
        flows = list(stage.flows())
        rows += [
            (f"CASE WHEN {when} THEN {at} END, {stage.worker}, {stage.unit}", [str(n)])
            for at, when, n in flows
        ]
        places[code] = [(0, list(range(first, first + len(flows))))]
    return rows, places


@cache
def differing_days() -> str:
    """Return how many daily sums are not what the facts say."""
    columns = ", ".join(f'"{code}"' for code in NUMBERS)
    some = " OR ".join(f'"{code}" IS NOT NULL' for code in NUMBERS)
    return (
        f"WITH meant AS ({days_of_all()}),"
        f" is_ AS (SELECT by, key, day, {columns} FROM figure_days WHERE {some}),"
        f" be AS (SELECT by, key, day, {columns} FROM meant WHERE {some})"
        " SELECT (SELECT count(*) FROM (SELECT * FROM is_ EXCEPT SELECT * FROM be) a)"
        " + (SELECT count(*) FROM (SELECT * FROM be EXCEPT SELECT * FROM is_) b)"
    )


def counted_cases(codes: Iterable[str], *, by: By, keyed: bool) -> str:
    """Return the condition that a case is counted by one of `codes` in [:start, :end), of the key :key."""
    return " OR ".join(f"({condition})" for condition in _counted(codes, by=by, keyed=keyed))


def _counted(codes: Iterable[str], *, by: By, keyed: bool) -> Iterable[str]:
    for code in codes:
        if code in STOCKS:
            stage = STOCKS[code]
            of, condition = stage.on, stage.late_at("CAST(:late_at AS timestamptz)")
        else:
            of = MEASURES[code]
            condition = f"{of.at} >= :start AND {of.at} < :end AND {of.when}"
        yield f"{condition} AND {of.key(by)} = :key" if keyed else condition


def counted_by(codes: Iterable[str]) -> str:
    """Return by which of `codes` a case is counted, as SQL."""
    whens = " ".join(
        f"WHEN {condition} THEN '{code}'"
        for code, condition in zip(codes, _counted(codes, by=By.TOTAL, keyed=False), strict=True)
    )
    return f"CASE {whens} END"


def _mark(number: int, code: str) -> str:
    one = MEASURES[code]
    return (
        f"({number}, {one.at}, CASE WHEN {one.when} THEN {one.value} END,"
        f" {one.worker}, {one.unit}, {one.person})"
    )


def _waiting(number: int, code: str) -> str:
    stage = STOCKS[code]
    return (
        f"({number}, CASE WHEN {stage.late_at('e.moment')} THEN 1 END,"
        f" {stage.worker}, {stage.unit}, {stage.person})"
    )
