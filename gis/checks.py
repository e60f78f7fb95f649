"""What is wrong with cells, facilities, workers and posts before they are imported, in plain words.

Each check takes arrays, one value a row, and returns findings with the row (from 1), the place and the size.
Nothing here changes anything: what to do about a finding is the caller's question.
"""

import itertools
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import shapely
from numpy.typing import NDArray

from gis import codes as rules
from gis.cell_checks import Bounds, Outlines, check_cells
from gis.code_checks import check_codes, missing
from gis.errors import BadCode
from gis.findings import Finding, Severity, finding
from gis.locate import NO_CELL, Grid

__all__ = [
    "Bounds",
    "Cells",
    "Outlines",
    "PostRows",
    "anchors",
    "check_cells",
    "check_facilities",
    "check_posts",
    "check_workers",
]

_ROLES = ("primary", "backup")
Texts = Sequence[str | None]


@dataclass(frozen=True, slots=True)
class Cells:
    """The city's cells in ascending code order, with WGS 84 outlines."""

    codes: Sequence[str]
    geometries: NDArray[np.object_]


def check_facilities(
    codes: Texts,
    geometries: NDArray[np.object_],
    *,
    types: Texts | None = None,
    known_types: Iterable[str],
    cells: Cells,
    rule: rules.Rule = rules.FACILITY,
) -> list[Finding]:
    """Return all that is wrong with a file of facilities.

    Args:
        codes: (n,) facility codes.
        geometries: (n,) WGS 84 points, lines or polygons, None where a row has none.
        types: (n,) type codes, when the file has a column of them; the code says it too.
        known_types: the city's facility types.
        cells: where facilities must lie.
        rule: of the codes.
    """
    findings = list(check_codes(codes, "facility", "部件", lambda code: rules.parse_facility(code, rule)))
    findings += _types(codes, types, frozenset(known_types), rule)
    findings += _cells_of(codes, geometries, cells)
    findings += _same_place(codes, geometries)
    return sorted(findings, key=lambda f: (f.row or 0, f.code))


def anchors(geometries: NDArray[np.object_]) -> NDArray[np.object_]:
    """Return one point on each geometry, by which its cell is found; a line's lies half way."""
    found = shapely.point_on_surface(geometries)
    lines = np.flatnonzero(shapely.get_type_id(geometries) == 1)
    found[lines] = shapely.line_interpolate_point(geometries[lines], 0.5, normalized=True)
    return np.asarray(found, object)


def _types(codes: Texts, types: Texts | None, known: frozenset[str], rule: rules.Rule) -> Iterator[Finding]:
    for row, code in enumerate(codes, start=1):
        given = None if types is None or missing(types[row - 1]) else str(types[row - 1])
        try:
            told = rules.parse_facility(str(code), rule).type
        except BadCode:
            told = given or ""
        if given is not None and given != told:
            yield finding(
                "type-mismatch",
                row,
                f"the code {code} says type {told}, the type column {given}. Correct one of them.",
                f"编码 {code} 表示类型 {told}，类型列却是 {given}。请改正其一。",
                value=given,
            )
        if told and told not in known:
            yield finding(
                "unknown-type",
                row,
                f"there is no facility type {told}. Correct the code, or add the type first.",
                f"没有部件类型 {told}。请改正编码，或先添加该类型。",
                value=told,
            )


def _cells_of(codes: Texts, geometries: NDArray[np.object_], cells: Cells) -> Iterator[Finding]:
    there = np.flatnonzero(~shapely.is_missing(geometries))
    for index in np.flatnonzero(shapely.is_missing(geometries)):
        yield finding(
            "no-geometry", int(index) + 1, "the facility has no position; give one.", "部件没有位置，请补上。"
        )
    spots = anchors(geometries[there])
    lon, lat = shapely.get_x(spots), shapely.get_y(spots)
    grid = Grid(cells.geometries)
    owner = grid.locate(lon, lat)
    for k in np.flatnonzero(owner == NO_CELL):
        row, place = int(there[k]) + 1, (float(lon[k]), float(lat[k]))
        near = grid.nearest(*place)
        yield finding(
            "outside-grid",
            row,
            f"facility {codes[row - 1]} lies in no cell; the nearest, {cells.codes[near.index]}, is "
            f"{near.distance_m:,.1f} m away. Correct the position, or extend the grid.",
            f"部件 {codes[row - 1]} 不在任何单元网格内，最近的 {cells.codes[near.index]} 距 "
            f"{near.distance_m:,.1f} 米。"
            "请改正位置，或扩展网格。",
            value=codes[row - 1],
            place=place,
            length_m=near.distance_m,
        )
    for k in np.flatnonzero(owner != NO_CELL):
        row, cell = int(there[k]) + 1, cells.codes[owner[k]]
        code = str(codes[row - 1])
        if len(code) >= 6 and code[:6] != cell[:6]:
            yield finding(
                "wrong-county",
                row,
                f"facility {code} lies in cell {cell}, in the county {cell[:6]}, but its code begins with "
                f"{code[:6]}. Correct the position or the code.",
                f"部件 {code} 位于单元网格 {cell}（区县 {cell[:6]}），编码却以 {code[:6]} 开头。"
                "请改正位置或编码。",
                value=code,
                place=(float(lon[k]), float(lat[k])),
            )


def _same_place(codes: Texts, geometries: NDArray[np.object_]) -> Iterator[Finding]:
    """Yield facilities of one type at the very same place, most likely the same thing twice."""
    seen: dict[tuple[str, bytes], int] = {}
    for row, (code, wkb) in enumerate(zip(codes, shapely.to_wkb(geometries), strict=True), start=1):
        if wkb is None or missing(code):
            continue
        first = seen.setdefault((str(code)[6:10], wkb), row)
        if first != row:
            yield finding(
                "same-place",
                row,
                f"facility {code} has the type and place of row {first}. Is it the same thing?",
                f"部件 {code} 与第 {first} 行类型、位置完全相同。是否为同一部件？",
                severity=Severity.WARNING,
                value=code,
                others=(first,),
            )


def check_workers(
    codes: Texts,
    names: Texts,
    homes: Texts,
    *,
    areas: Iterable[str],
    pattern: str = r"W[0-9]{4,8}",
) -> list[Finding]:
    """Return all that is wrong with a file of workers.

    Args:
        codes: (n,) worker codes.
        names: (n,) names.
        homes: (n,) codes of the areas they belong to.
        areas: codes of the city's areas.
        pattern: regular expression of a worker's code.
    """
    findings = list(check_codes(codes, "worker", "网格员", _matching("worker", pattern, "W0001")))
    known = frozenset(areas)
    for row, (name, home) in enumerate(zip(names, homes, strict=True), start=1):
        if missing(name) or not str(name).strip():
            findings.append(
                finding("no-name", row, "the worker has no name; give it.", "网格员没有姓名，请补上。")
            )
        if missing(home) or str(home) not in known:
            findings.append(
                finding(
                    "unknown-area",
                    row,
                    f"there is no area {home!r} for the worker's home. Give the code of a community or town.",
                    f"没有所属区域 {home!r}。请填写社区或街道（乡镇）编码。",
                    value=home,
                )
            )
    return sorted(findings, key=lambda f: (f.row or 0, f.code))


def _matching(kind: str, pattern: str, example: str) -> Callable[[str], object]:
    compiled = re.compile(pattern)

    def parse(code: str) -> str:
        if not compiled.fullmatch(code):
            raise BadCode(kind, code, why=f"does not match {pattern}", mend=f"Write it like {example}")
        return code

    return parse


@dataclass(frozen=True, slots=True)
class PostRows:
    """A file of posts, one value a row; a moment that is None is open."""

    cells: Texts
    workers: Texts
    roles: Texts
    since: Sequence[datetime]
    until: Sequence[datetime | None]


def check_posts(
    posts: PostRows, *, cells: Iterable[str], workers: Iterable[str], need_primary: Iterable[str] = ()
) -> list[Finding]:
    """Return all that is wrong with a file of posts.

    Args:
        posts: the rows.
        cells: codes of the city's cells.
        workers: codes of the city's workers.
        need_primary: cells that must have a primary worker in the file.
    """
    known_cells, known_workers = frozenset(cells), frozenset(workers)
    findings: list[Finding] = []
    rows = zip(posts.cells, posts.workers, posts.roles, posts.since, posts.until, strict=True)
    for row, (cell, worker, role, since, until) in enumerate(rows, start=1):
        findings += _known(row, cell, known_cells, "cell", "单元网格")
        findings += _known(row, worker, known_workers, "worker", "网格员")
        if role not in _ROLES:
            findings.append(
                finding(
                    "unknown-role",
                    row,
                    f"the role is {role!r}; write primary or backup.",
                    f"岗位角色为 {role!r}；请填写 primary（主责）或 backup（备岗）。",
                    value=role,
                )
            )
        if until is not None and until <= since:
            findings.append(
                finding(
                    "empty-range",
                    row,
                    f"the post ends ({until.isoformat()}) before it begins ({since.isoformat()}).",
                    f"岗位结束时间（{until.isoformat()}）早于开始时间（{since.isoformat()}）。",
                    value=until.isoformat(),
                )
            )
    findings += _double(posts)
    findings += _unheld(posts, need_primary)
    return sorted(findings, key=lambda f: (f.row or len(posts.cells) + 1, f.code))


def _known(row: int, code: str | None, known: frozenset[str], word: str, zh: str) -> Iterator[Finding]:
    if missing(code) or str(code) not in known:
        yield finding(
            f"unknown-{word}",
            row,
            f"there is no {word} {code!r}. Correct the code, or import the {word} first.",
            f"没有{zh} {code!r}。请改正编码，或先导入该{zh}。",
            value=code,
        )


def _double(posts: PostRows) -> Iterator[Finding]:
    """Yield posts that hold a cell in a role while another does."""
    held: dict[tuple[str, str], list[tuple[datetime, datetime | None, int]]] = {}
    for index, (cell, role) in enumerate(zip(posts.cells, posts.roles, strict=True)):
        key = (str(cell), str(role))
        held.setdefault(key, []).append((posts.since[index], posts.until[index], index + 1))
    for (cell, role), ranges in held.items():
        ranges.sort(key=lambda one: (one[0], one[2]))
        for (_, until, first), (since, _, row) in itertools.pairwise(ranges):
            if until is None or since < until:
                yield finding(
                    "two-holders",
                    row,
                    f"cell {cell} has two workers as {role} at {since.isoformat()}, here and in row {first}. "
                    "End one post before the other begins.",
                    f"单元网格 {cell} 在 {since.isoformat()} 有两名 {role} 网格员（本行与第 {first} 行）。"
                    "请使前一岗位先结束。",
                    value=cell,
                    others=(first,),
                )


def _unheld(posts: PostRows, need_primary: Iterable[str]) -> Iterator[Finding]:
    held = {str(c) for c, role in zip(posts.cells, posts.roles, strict=True) if role == "primary"}
    for cell in sorted(set(need_primary) - held):
        yield finding(
            "no-primary",
            None,
            f"cell {cell} has no primary worker; its reports go to the duty desk.",
            f"单元网格 {cell} 没有主责网格员；其上报事件将转至值守台。",
            severity=Severity.WARNING,
            value=cell,
        )
