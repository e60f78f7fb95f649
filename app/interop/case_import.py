"""Another system's cases into ours: examined first, then written block by block, each whole or not at all.

A case is known again by its system and number: an import that was killed goes on where it stopped, and
one that is run twice doubles nothing. Rows that are not taken come back as a file with the reasons.
"""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import shapely
import sqlalchemy as sa
from numpy.typing import NDArray

from app.audit.actions import record
from app.audit.rules import Action, operator_of_machine
from app.bulk import copy_columns, ewkb
from app.cases.deadlines import seconds_of
from app.cases.rules import ClockKind
from app.cases.working_time import working_time
from app.errors import BadValue, Conflict
from app.interop.case_files import Block, CaseFile, opened
from app.interop.case_form import CASES, WHY, Bad
from app.interop.case_rows import NOT, Kind, Known, Taken, Terms, taken
from app.interop.rules import missing_fields, recognised
from app.transaction import Tx, read, write
from gis.locate import Grid

Progress = Callable[[int, int | None], None]
EXAMPLES = 3


class ImportRunning(Conflict):
    """Another import of the same system is at work."""

    code = "import_running"


@dataclass(slots=True)
class Outcome:
    """What came of an import, or would."""

    file: str
    system: str
    encoding: str
    crs: str
    columns: dict[str, str]
    ignored: list[str]
    applied: bool
    rows: int = 0
    added: int = 0
    steps: int = 0
    known: int = 0
    bad: Counter[str] = field(default_factory=Counter)
    examples: dict[str, list[int]] = field(default_factory=dict)
    unknown: Counter[tuple[str, str]] = field(default_factory=Counter)
    without_place: int = 0
    bad_file: str | None = None


def import_cases(
    path: Path,
    *,
    system: str,
    at: datetime,
    terms: Callable[[str | None], Terms],
    columns: Mapping[str, str],
    applied: bool,
    bad_file: Path,
    encoding: str | None = None,
    layer: str | None = None,
    progress: Progress = lambda _done, _total: None,
) -> Outcome:
    """Examine a file of cases, and with `applied` write what is sound.

    Args:
        path: a CSV, XLSX, GeoPackage or Parquet file.
        system: the name of the system that it comes from.
        at: now.
        terms: makes the terms, given the coordinate system that the file names.
        columns: {heading in the file: field}.
        applied: write; without it nothing is.
        bad_file: where rows that are not taken are written, with the reasons.
        encoding: of the text.
        layer: which layer or sheet.
        progress: called with the rows that are done and those that there are, if known.

    Raises:
        BadValue, BadFile: the file cannot be read or lacks a column.
        ImportRunning: another import of this system is at work.
    """
    with read() as tx:
        city = known(tx, at=at)
    with opened(path, encoding=encoding, layer=layer) as file, _alone(system, applied=applied):
        names = fields_of(file, columns)
        agreed = terms(file.crs)
        outcome = Outcome(
            file=path.name,
            system=system,
            encoding=file.encoding,
            crs=agreed.crs,
            columns={name: heading for heading, name in names.items()},
            ignored=[heading for heading in file.headings if heading not in names],
            applied=applied,
        )
        seen: set[int] = set()
        with _bad_rows(bad_file, file.headings) as refuse:
            for block in file.blocks:
                found = taken(block, outcome.columns, city, agreed, seen)
                with write() if applied else read() as tx:
                    fresh = _new(tx, found, agreed.system)
                    steps = 0
                    if applied and len(fresh.rows):
                        steps = _write(tx, fresh, agreed)
                        told = {"file": path.name, "system": system, "rows": len(fresh.rows)}
                        record(tx, Action.IMPORTED, "file cases", by=operator_of_machine(), detail=told)
                _note(outcome, block, found, fresh, steps)
                outcome.bad_file = refuse(block, fresh.bad)
                progress(outcome.rows, file.rows)
    if applied and outcome.added:
        with write() as tx:
            for table in ("cases", "case_steps", "appeals"):
                tx.execute(sa.text(f"ANALYZE {table}"))
    return outcome


def fields_of(file: CaseFile, columns: Mapping[str, str]) -> dict[str, str]:
    """Return {heading: field}: those told by hand, then those whose heading is known.

    Raises:
        BadValue: a heading is not in the file, a field is none of ours, or a required one is missing.
    """
    fields = {one.name for one in CASES.fields}
    for heading, name in columns.items():
        if heading not in file.headings:
            raise BadValue(
                f"the file has no column {heading!r}; it has {', '.join(file.headings)}",
                field="map",
                value=heading,
            )
        if name not in fields:
            raise BadValue(f"{name!r} is none of {', '.join(sorted(fields))}", field="map", value=name)
    rest = [heading for heading in file.headings if heading not in columns]
    told = set(columns.values())
    found = {heading: heading for heading in rest if heading in fields and heading not in told}
    guessed = recognised(CASES, rest)
    named = {**found, **{h: n for h, n in guessed.items() if n not in told and n not in found.values()}}
    names = {**dict(columns), **named}
    lacking = missing_fields(CASES, list(names.values()))
    if lacking:
        raise BadValue(
            f"the file has no column {lacking[0]!r}; it has {', '.join(file.headings)}."
            f" Say which one it is: --map COLUMN={lacking[0]}",
            field=lacking[0],
        )
    return names


def known(tx: Tx, *, at: datetime) -> Known:
    """Return what the city knows, by every name that it goes by."""
    types = tx.execute(
        sa.text(
            "SELECT t.code, t.name_zh, t.name_en, t.kind = 'appeal' AS appeal, min(s.id) AS standard,"
            " t.clock, t.limit_value FROM case_types t LEFT JOIN case_standards s ON s.type_code = t.code"
            " GROUP BY t.code ORDER BY t.code"
        )
    ).all()
    kinds = {t.code: _kind(t) for t in types}
    names = Counter(name for t in types for name in {t.name_zh, t.name_en})
    by_name = {name: kinds[t.code] for t in types for name in (t.name_zh, t.name_en) if names[name] == 1}
    units = tx.execute(sa.text("SELECT code, name_zh, name_en FROM units")).all()
    areas = tx.execute(sa.text("SELECT code, name, level FROM areas ORDER BY code")).all()
    named = Counter(area.name for area in areas)
    cells = tx.named("interop.cells_at", at=at, prefix="").all()
    shapes = np.asarray(shapely.from_wkb([bytes(row.geom) for row in cells]), object)
    if not len(cells):
        raise BadValue("the city has no grid yet: import cells first", field="file")
    return Known(
        types={**by_name, **kinds},
        units={
            **{u.name_en: u.code for u in units},
            **{u.name_zh: u.code for u in units},
            **{u.code: u.code for u in units},
        },
        areas={**{a.name: a.code for a in areas if named[a.name] == 1}, **{a.code: a.code for a in areas}},
        workers={row.code: row.id for row in tx.execute(sa.text("SELECT code, id FROM workers"))},
        cells=np.array([row.code for row in cells], object),
        grid=Grid(shapes),
        bounds=tuple(shapely.total_bounds(shapes).tolist()),
        city=next(a.code for a in areas if a.level == "city"),
    )


def _kind(row: Any) -> Kind:
    clock = ClockKind(row.clock)
    works = clock in {ClockKind.WORK_HOUR, ClockKind.WORK_DAY}
    return Kind(row.code, row.appeal, row.standard, works, round(seconds_of(clock, row.limit_value)))


@contextmanager
def _alone(system: str, *, applied: bool) -> Iterator[None]:
    """Hold the system's lock while its cases are written."""
    if not applied:
        yield
        return
    with write() as tx:
        lock = {"key": f"jingwei.import.{system}"}
        got = tx.execute(sa.text("SELECT pg_try_advisory_xact_lock(hashtext(:key))"), lock).scalar_one()
        if not got:
            raise ImportRunning(f"an import of {system!r} is running; wait for its end")
        tx.execute(sa.text("SET LOCAL idle_in_transaction_session_timeout = 0"))
        yield


@contextmanager
def _bad_rows(
    path: Path, headings: tuple[str, ...]
) -> Iterator[Callable[[Block, Mapping[int, Bad]], str | None]]:
    """Give what writes refused rows with their reasons; the file is made with the first one."""
    columns = [*headings, "row", "reason", "原因"]
    state: dict[str, Any] = {}

    def refuse(block: Block, bad: Mapping[int, Bad]) -> str | None:
        lines: list[tuple[int, str, str, list[str]]] = [
            (row, *WHY[Bad.FORM], [text]) for row, text in block.broken
        ]
        for row in sorted(bad):
            values = [block.columns[name][row].as_py() if name in block.columns else "" for name in headings]
            lines.append((block.number(row), *WHY[bad[row]], values))
        if lines and "file" not in state:
            # the mark at its beginning tells a spreadsheet that it is UTF-8
            state["file"] = path.open("w", encoding="utf-8-sig", newline="")
            state["writer"] = csv.writer(state["file"])
            state["writer"].writerow(columns)
        for number, english, chinese, values in lines:
            padded = [*values, *[""] * (len(headings) - len(values))]
            state["writer"].writerow([*map(_guarded, padded), number, english, chinese])
        return path.name if "file" in state else None

    try:
        yield refuse
    finally:
        if "file" in state:
            state["file"].close()


def _guarded(text: str) -> str:
    """Return a cell that no spreadsheet takes for a formula; `case_files` takes the mark off again."""
    return f"'{text}" if text.lstrip("'")[:1] in {"=", "+", "-", "@", "\t", "\r"} and text else text


def _new(tx: Tx, found: Taken, system: str) -> Taken:
    """Return what is neither there already nor in the way of a case from elsewhere."""
    if not len(found.rows):
        return found
    numbers = list(found.columns["no"])
    held = {
        row.no: row.origin
        for row in tx.execute(
            sa.text("SELECT no, origin FROM cases WHERE no = ANY (CAST(:numbers AS text[]))"),
            {"numbers": numbers},
        )
    }
    there = np.array([held.get(number) == system and number in held for number in numbers], bool)
    refused = {i: Bad.TAKEN for i, number in enumerate(numbers) if number in held and held[number] != system}
    return found.without(refused, there)


def _note(outcome: Outcome, block: Block, found: Taken, fresh: Taken, steps: int) -> None:
    outcome.rows += len(block) + len(block.broken)
    outcome.added += len(fresh.rows)
    outcome.steps += steps
    outcome.known += len(block) - len(fresh.rows) - len(fresh.bad)
    outcome.unknown.update(found.unknown)
    outcome.without_place += int((~fresh.columns["placed"]).sum()) if len(fresh.rows) else 0
    for row, _ in block.broken:
        _count(outcome, Bad.FORM, row)
    for row, why in sorted(fresh.bad.items()):
        _count(outcome, why, block.number(row))


def _count(outcome: Outcome, why: Bad, row: int) -> None:
    outcome.bad[why.value] += 1
    shown = outcome.examples.setdefault(why.value, [])
    if len(shown) < EXAMPLES:
        shown.append(row)


_CASES: Mapping[str, str] = {
    **dict.fromkeys(("kind", "type_code", "status", "source", "text", "no", "crs_source"), "text"),
    **dict.fromkeys(("id", "geom", "body_sha256"), "bytea"),
    **dict.fromkeys(("observed_at", "received_at", "due_at", "closed_at", "stage_due_at"), "timestamptz"),
    **dict.fromkeys(("cell_code", "nearest_cell_code", "community_code", "desk_code", "unit_code"), "text"),
    "outside_m": "float8",
    "worker_id": "int8",
    "standard_id": "int8",
    "revision": "int4",
    "satisfaction": "text",
    "origin": "text",
}
_STEPS: Mapping[str, str] = {
    "case_id": "bytea",
    "at": "timestamptz",
    "step": "text",
    "from_status": "text",
    "to_status": "text",
    "by_role": "text",
    "unit_code": "text",
    "data": "bytea",
}
_WAY = (
    ("received", "report", "reported"),
    ("dispatched", "dispatch", "dispatched"),
    ("feedback", "feedback", "feedback"),
    ("closed", "pass", ""),
)
"""The steps whose moments a file may tell; none between is made up. The last leads where the case ended."""
_IMPORTED = b'\x01{"imported": true}'


def _write(tx: Tx, fresh: Taken, terms: Terms) -> int:
    """Write cases, the people behind appeals, and the steps whose moments are known; return the steps."""
    columns = fresh.columns
    kinds = list(columns["kind"])
    appeal = np.array([kind.appeal for kind in kinds], bool)
    steps, revision = _steps(fresh)
    copy_columns(tx, "cases", _CASES, _case_columns(fresh, terms, kinds, appeal, revision))
    people = np.flatnonzero(appeal | (columns["name"] != "") | (columns["phone"] != ""))
    if len(people):
        told = {name: columns[name][people] for name in ("nature", "wish", "address")}
        copy_columns(
            tx,
            "appeals",
            {"case_id": "bytea", **dict.fromkeys(("nature", "wish", "address", "name", "phone"), "text")},
            {
                "case_id": [columns["id"][i] for i in people],
                **told,
                **{name: _or_none(columns[name][people]) for name in ("name", "phone")},
            },
        )
    return copy_columns(tx, "case_steps", _STEPS, steps)


def _or_none(texts: NDArray[np.object_]) -> NDArray[np.object_]:
    return np.array([text or None for text in texts], object)


def _case_columns(
    fresh: Taken, terms: Terms, kinds: list[Kind], appeal: NDArray[np.bool_], revision: NDArray[np.int64]
) -> dict[str, Any]:
    columns, count = fresh.columns, len(fresh.rows)
    points = np.full(count, None, object)
    points[columns["placed"]] = shapely.points(columns["xy"][columns["placed"]])
    community = columns["community"]
    desk = np.array([code[:9] if len(code) > 9 else code for code in community], object)
    held = columns["worker"] > 0
    received, closed = columns["received"], columns["closed"]
    due = np.where(columns["due"] == NOT, _limits(columns, kinds), columns["due"])
    return {
        "id": columns["id"],
        "no": columns["no"],
        "kind": np.where(appeal, "appeal", "incident").astype(object),
        "type_code": [kind.code for kind in kinds],
        "status": columns["status"],
        "source": columns["source"],
        "text": columns["text"],
        "geom": ewkb(points),
        "crs_source": np.full(count, terms.crs, object),
        "observed_at": _moments(received),
        "received_at": _moments(received),
        "due_at": _moments(due),
        "closed_at": _moments(closed),
        "stage_due_at": _moments(np.where(closed == NOT, due, NOT)),
        "cell_code": columns["cell"],
        "nearest_cell_code": columns["nearest"],
        "outside_m": pa.array(columns["outside_m"], from_pandas=True),
        "community_code": community,
        "worker_id": pa.array(columns["worker"], mask=~held),
        "desk_code": pa.array(desk, pa.string(), mask=held),
        "unit_code": columns["unit"],
        "standard_id": pa.array([kind.standard for kind in kinds], pa.int64()),
        "revision": revision,
        "satisfaction": columns["satisfaction"],
        "body_sha256": pa.array([b""] * count, pa.binary()),
        "origin": np.full(count, terms.system, object),
    }


def _limits(columns: Mapping[str, Any], kinds: list[Kind]) -> NDArray[np.int64]:
    """Return the deadline that our own limits give, from dispatch or receipt, where the file names none."""
    start = np.where(columns["dispatched"] == NOT, columns["received"], columns["dispatched"]) // 1_000_000
    margin = 400 * 86_400
    first, last = (datetime.fromtimestamp(int(at), UTC).date() for at in (start.min(), start.max() + margin))
    time = working_time(first - timedelta(days=1), last)
    works = np.array([kind.works for kind in kinds], bool)
    limits = np.array([kind.limit_s for kind in kinds], np.int64)
    return np.asarray(time.after(start, limits, works) * 1_000_000)


def _moments(at: NDArray[np.int64]) -> pa.Array:
    return pa.array(at.astype("datetime64[us]"), mask=at == NOT)


def _steps(fresh: Taken) -> tuple[dict[str, Any], NDArray[np.int64]]:
    """Return the steps by case, and how many each case has; each starts from where the one before led."""
    columns, count = fresh.columns, len(fresh.rows)
    moments = np.column_stack([columns[name] for name, _, _ in _WAY])
    there = moments != NOT
    case, way = np.nonzero(there)
    reached = np.array([to for _, _, to in _WAY], object)[way]
    last = np.append(np.diff(case) > 0, True)
    reached[last] = columns["status"][case[last]]
    before = np.concatenate([[None], reached[:-1]])
    first = np.concatenate([[True], np.diff(case) > 0])
    before[first] = None
    unit = columns["unit"][case]
    unit[way == 0] = None
    role = np.array(["operator", "dispatcher", "handler", "operator"], object)[way]
    step = np.array([name for _, name, _ in _WAY], object)[way]
    step[(reached == "void") & (way == len(_WAY) - 1)] = "void"
    return {
        "case_id": pa.array(columns["id"], pa.binary()).take(pa.array(case)),
        "at": _moments(moments[case, way]),
        "step": step,
        "from_status": before,
        "to_status": reached,
        "by_role": role,
        "unit_code": unit,
        "data": pa.array([_IMPORTED], pa.binary()).take(pa.array(np.zeros(len(case), np.int64))),
    }, np.bincount(case, minlength=count)
