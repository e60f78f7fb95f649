"""An import: a file is checked against the city, then written whole or not at all."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, tzinfo
from typing import Any

import numpy as np
import pandas as pd

from app import jobs
from app.assignment.actions import NewPosts, end_posts, replace_posts
from app.errors import BadValue
from app.facilities.actions import NewFacilities, register_facilities
from app.grid.actions import COMMUNITY_DIGITS, NewCells, Origin, replace_cells
from app.interop.queries import City
from app.interop.rules import ACCEPTABLE, CONDITIONS, FORMS, ROLES, Subject, missing_fields, recognised
from app.transaction import Tx
from app.workers.actions import NewWorkers, enrol_workers
from gis import checks, codes
from gis.checks import Outlines, PostRows
from gis.errors import BadCode
from gis.findings import Finding, Severity, finding, has_errors
from gis.formats import Layer

DATED = frozenset({Subject.CELLS, Subject.POSTS})
"""What holds from a moment on; the rest holds as soon as it is written."""
SUBJECTS_ZH = {Subject.FACILITIES: "部件", Subject.WORKERS: "网格员"}
MISPLACED_ROWS = 5
MISPLACED_SHARE = 0.05
"""So many rows beside their place are no single mistakes."""


@dataclass(frozen=True, slots=True)
class Terms:
    """How a file is taken: the moment from which it holds, the city's settings, what is accepted."""

    since: datetime
    zone: tzinfo
    metric_epsg: int
    accepted: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Examination:
    """A file checked against the city: its rows, made ready, and the findings."""

    subject: Subject
    rows: NewCells | NewFacilities | NewWorkers | NewPosts
    findings: tuple[Finding, ...]
    version: int

    @property
    def sound(self) -> bool:
        """True when nothing stops the import."""
        return not has_errors(self.findings)


def examine(subject: Subject, layer: Layer, city: City, *, terms: Terms, at: datetime) -> Examination:
    """Check a layer against the city; no database is held meanwhile.

    Raises:
        BadValue: a required column is missing.
    """
    form = FORMS[subject]
    table = layer.table.rename(columns=recognised(form, list(layer.table.columns)))
    lacking = missing_fields(form, list(table.columns))
    if lacking:
        raise BadValue(
            f"the file has no column {lacking[0]!r}; it has {', '.join(layer.table.columns)}."
            f" Say which one it is: --map COLUMN={lacking[0]}",
            field=lacking[0],
        )
    rows, findings = _EXAMINE[subject](table, layer, city, terms)
    findings += _datum(layer, findings)
    findings += _moment(subject, terms, at)
    told = [replace_severity(f, terms.accepted) for f in (*layer.findings, *findings)]
    return Examination(subject, rows, tuple(told), city.version)


def _datum(layer: Layer, findings: Sequence[Finding]) -> Iterator[Finding]:
    """Yield a hint when so much lies beside its place that the file's datum must be another one."""
    beside = {f.row for f in findings if f.code in {"outside-town", "outside-grid", "wrong-county"}}
    if len(beside) < MISPLACED_ROWS or len(beside) < MISPLACED_SHARE * len(layer):
        return
    yield finding(
        "datum-suspect",
        None,
        f"{len(beside):,} of {len(layer):,} rows lie beside their place: the file was taken for {layer.crs}, "
        "which may be wrong. Chinese web maps use GCJ-02 or BD-09, some 500 m off: try --crs "
        "gcj02, bd09 or wgs84.",
        f"{len(layer):,} 行中有 {len(beside):,} 行偏离应在位置：文件按 {layer.crs} 读取，可能有误。"
        "国内网络地图采用 GCJ-02 或 BD-09，偏移约 500 米，请试 --crs gcj02、bd09 或 wgs84。",
        severity=Severity.WARNING,
        value=layer.crs,
    )


def _moment(subject: Subject, terms: Terms, at: datetime) -> Iterator[Finding]:
    """Yield a warning when the change would hold from a moment that is past, or has no such moment."""
    since = f"{terms.since:%Y-%m-%d %H:%M}"
    if subject not in DATED:
        if terms.since != at:
            yield finding(
                "from-unused",
                None,
                f"--from {since} changes nothing: {subject.value} hold as soon as they are written.",
                f"--from {since} 不起作用：{SUBJECTS_ZH[subject]}写入后立即生效。",
                severity=Severity.WARNING,
                value=since,
            )
    elif terms.since < at:
        yield finding(
            "from-past",
            None,
            f"--from {since} lies in the past: the record of who held what since then is rewritten, "
            "and cases filed since keep the cell that they were given. Leave --from out to change from now.",
            f"--from {since} 早于现在：此后的责任记录将被改写，其间已立案件仍保留原单元网格。"
            "若从现在起生效，请不加 --from。",
            severity=Severity.WARNING,
            value=since,
        )


def replace_severity(found: Finding, accepted: frozenset[str]) -> Finding:
    """Return the finding as a warning when it is an error that somebody accepts knowingly."""
    if found.severity is Severity.ERROR and found.code in accepted & ACCEPTABLE:
        return replace(found, severity=Severity.WARNING)
    return found


def apply(tx: Tx, made: Examination, *, origin: Origin, terms: Terms, at: datetime) -> Mapping[str, int]:
    """Write an examined file, and return what changed, by word.

    Raises:
        BadValue: the file has errors.
        Conflict: the city has changed since, or its history forbids the change.
    """
    if not made.sound:
        raise BadValue("the file has errors; nothing was written")
    changes = _written(tx, made, origin=origin, terms=terms, at=at)
    if made.subject in {Subject.CELLS, Subject.FACILITIES} and sum(changes.values()) > changes["unchanged"]:
        jobs.defer(tx, jobs.PUBLISH, why=f"{made.subject.value} imported")
    return changes


def _written(tx: Tx, made: Examination, *, origin: Origin, terms: Terms, at: datetime) -> Mapping[str, int]:
    rows = made.rows
    if isinstance(rows, NewCells):
        grid = replace_cells(
            tx, rows, since=terms.since, origin=origin, metric_epsg=terms.metric_epsg, seen=made.version
        )
        posts = end_posts(tx, grid.ended, at=terms.since) if grid.ended else 0
        counts = {"added": len(grid.added), "redrawn": len(grid.redrawn), "ended": len(grid.ended)}
        return {**counts, "unchanged": grid.unchanged, "posts ended": posts}
    if isinstance(rows, NewFacilities):
        register = register_facilities(tx, rows, at=at)
        return {"added": register.added, "changed": register.changed, "unchanged": register.unchanged}
    if isinstance(rows, NewWorkers):
        roster = enrol_workers(tx, rows)
        return {"added": roster.added, "changed": roster.changed, "unchanged": roster.unchanged}
    held = replace_posts(tx, rows, at=terms.since)
    return {
        "added": held.added,
        "ended": held.ended,
        "withdrawn": held.withdrawn,
        "unchanged": held.unchanged,
    }


def _cells(table: pd.DataFrame, layer: Layer, city: City, terms: Terms) -> tuple[NewCells, list[Finding]]:
    named = _texts(table, "code")
    shapes = _shapes(layer)
    people = _whole(table["population"]) if "population" in table else None
    replaced = {code[:COMMUNITY_DIGITS] for code in named}
    stay = [i for i, code in enumerate(city.cells.codes) if code[:COMMUNITY_DIGITS] not in replaced]
    kept = Outlines([city.cells.codes[i] for i in stay], city.cells.geometries[stay])
    metric = f"EPSG:{terms.metric_epsg}"
    findings = checks.check_cells(named, shapes, city.areas, kept=kept, metric=metric)
    for row, code in enumerate(named, start=1):
        if code in city.retired:
            findings.append(
                finding(
                    "retired-code",
                    row,
                    f"the code {code} belongs to a cell that has ended; codes are never used again. "
                    "Give the cell the next free number.",
                    f"编码 {code} 属于已停用的单元网格，编码不得重复使用。请使用下一个空号。",
                    value=code,
                )
            )
    return NewCells(named, shapes, people), findings


def _facilities(
    table: pd.DataFrame, layer: Layer, city: City, terms: Terms
) -> tuple[NewFacilities, list[Finding]]:
    del terms
    named, shapes = _texts(table, "code"), _shapes(layer)
    given = _texts(table, "type") if "type" in table else None
    findings = checks.check_facilities(named, shapes, types=given, known_types=city.types, cells=city.cells)
    conditions = None
    if "condition" in table:
        conditions = [CONDITIONS.get(text, text) or "good" for text in _texts(table, "condition")]
        findings += _unknown(conditions, frozenset(CONDITIONS.values()), "condition", "状态")
    installed = None
    if "installed" in table:
        installed = _parsed(table, "installed", _day, findings)
    rows = NewFacilities(
        codes=named,
        types=given or [_type(code) for code in named],
        geometries=shapes,
        names=_texts(table, "name") if "name" in table else None,
        addresses=_texts(table, "address") if "address" in table else None,
        conditions=conditions,
        installed=installed,
    )
    return rows, findings


def _workers(table: pd.DataFrame, layer: Layer, city: City, terms: Terms) -> tuple[NewWorkers, list[Finding]]:
    del layer, terms
    named, people, homes = (_texts(table, column) for column in ("code", "name", "home"))
    findings = checks.check_workers(named, people, homes, areas=city.area_codes)
    active = _parsed(table, "active", _truth, findings) if "active" in table else None
    phones = _texts(table, "phone") if "phone" in table else None
    return NewWorkers(named, people, homes, phones, active), findings


def _posts(table: pd.DataFrame, layer: Layer, city: City, terms: Terms) -> tuple[NewPosts, list[Finding]]:
    del layer
    findings: list[Finding] = []
    count = len(table)

    def moment(text: str) -> datetime:
        found = datetime.fromisoformat(text)
        return (found if found.tzinfo else found.replace(tzinfo=terms.zone)).astimezone(terms.zone)

    since = _parsed(table, "since", moment, findings) if "since" in table else [None] * count
    until = _parsed(table, "until", moment, findings) if "until" in table else [None] * count
    roles = _texts(table, "role") if "role" in table else ["primary"] * count
    rows = NewPosts(
        codes=_texts(table, "code") if "code" in table else [""] * count,
        cells=_texts(table, "cell"),
        workers=_texts(table, "worker"),
        roles=[ROLES.get(role, role) or "primary" for role in roles],
        since=[one or terms.since for one in since],
        until=until,
    )
    checked = PostRows(rows.cells, rows.workers, rows.roles, rows.since, rows.until)
    findings += checks.check_posts(checked, cells=city.cells.codes, workers=city.workers)
    return rows, findings


_EXAMINE: Mapping[Subject, Callable[[pd.DataFrame, Layer, City, Terms], tuple[Any, list[Finding]]]] = {
    Subject.CELLS: _cells,
    Subject.FACILITIES: _facilities,
    Subject.WORKERS: _workers,
    Subject.POSTS: _posts,
}


def _shapes(layer: Layer) -> Any:
    return np.full(len(layer), None) if layer.geometries is None else layer.geometries


def _texts(table: pd.DataFrame, column: str) -> list[str]:
    """Return a column as text without blanks around it; an absent value is ""."""
    return [_text(value) for value in table[column]]


def _text(value: Any) -> str:
    if value is None or value is pd.NaT or (isinstance(value, float) and np.isnan(value)) or value is pd.NA:
        return ""
    # A code that a spreadsheet made a number.
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value).strip()


def _whole(column: Iterable[Any]) -> list[int | None]:
    numbers = pd.to_numeric(pd.Series(list(column)), errors="coerce")
    return [None if pd.isna(number) else int(number) for number in numbers]


def _type(code: str) -> str:
    try:
        return codes.parse_facility(code).type
    except BadCode:
        return ""


def _day(text: str) -> date:
    return datetime.fromisoformat(text.replace("/", "-")).date()


def _truth(text: str) -> bool:
    words = {
        "true": True,
        "1": True,
        "yes": True,
        "是": True,
        "false": False,
        "0": False,
        "no": False,
        "否": False,
    }
    return words[text.lower()]


def _parsed(
    table: pd.DataFrame, column: str, parse: Callable[[str], Any], findings: list[Finding]
) -> list[Any]:
    """Return a column parsed, None where it is absent; what cannot be parsed becomes a finding."""
    parsed: list[Any] = []
    for row, text in enumerate(_texts(table, column), start=1):
        try:
            parsed.append(parse(text) if text else None)
        except (ValueError, KeyError):
            parsed.append(None)
            findings.append(
                finding(
                    "bad-value",
                    row,
                    f"{column} is {text!r}, which cannot be read. Write dates as 2026-05-01, moments as "
                    "2026-05-01T08:00+08:00, truth as true or false.",
                    f"{column} 的值 {text!r} 无法识别。日期请写 2026-05-01，时间写 2026-05-01T08:00+08:00，"
                    "真假写 是/否。",
                    value=text,
                )
            )
    return parsed


def _unknown(values: Sequence[str], known: frozenset[str], word: str, zh: str) -> list[Finding]:
    listed = ", ".join(sorted(known))
    return [
        finding(
            f"unknown-{word}",
            row,
            f"the {word} is {value!r}; write one of {listed}.",
            f"{zh}为 {value!r}；请填写 {listed} 之一。",
            value=value,
        )
        for row, value in enumerate(values, start=1)
        if value not in known
    ]
