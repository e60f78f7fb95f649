"""What is wrong with a file of cells: rings, overlaps, gaps, slivers, edges, codes, areas."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray

from gis import codes as rules
from gis import coverage
from gis import crs as systems
from gis.code_checks import check_codes, missing
from gis.findings import Finding, Severity, finding

Shapes = NDArray[np.object_]

_REASON_PLACE = re.compile(r"\[(-?[\d.e+-]+) (-?[\d.e+-]+)\]")


@dataclass(frozen=True, slots=True)
class Outlines:
    """Coded outlines in WGS 84: areas of the city, or cells that stay as they are."""

    codes: Sequence[str]
    geometries: Shapes

    def __post_init__(self) -> None:
        if len(self.codes) != len(self.geometries):
            raise ValueError(f"{len(self.codes)} codes for {len(self.geometries)} outlines")

    def at_level(self, digits: int) -> "Outlines":
        """Return those whose codes have so many digits."""
        chosen = [i for i, code in enumerate(self.codes) if len(code) == digits]
        return Outlines([self.codes[i] for i in chosen], self.geometries[chosen])

    def owners(self, codes: Sequence[object], digits: int) -> NDArray[np.intp]:
        """Return the index of the outline that each code begins with, -1 where there is none."""
        index = {code: i for i, code in enumerate(self.codes)}
        return np.array([index.get(str(code)[:digits], -1) for code in codes], np.intp)


@dataclass(frozen=True, slots=True)
class Bounds:
    """Where a cell begins to be questionable.

    Attributes:
        rounding_m2: overlaps and gaps below are rounding.
        sliver_m: an overlap or gap of less mean width is a sliver.
        outside_m2: a cell may reach so far out of its area.
        small_m2: a cell below is too small to walk.
        large_m2: a cell above is too large for one.
    """

    rounding_m2: float = 0.01
    sliver_m: float = 0.5
    outside_m2: float = 1.0
    small_m2: float = 100.0
    large_m2: float = 200_000.0


def check_cells(
    codes: Sequence[str | None],
    geometries: Shapes,
    areas: Outlines | None,
    *,
    kept: Outlines | None = None,
    rule: rules.Rule = rules.CELL,
    metric: str = "EPSG:4550",
    bounds: Bounds | None = None,
) -> list[Finding]:
    """Return all that is wrong with a file of cells.

    Args:
        codes: (n,) cell codes.
        geometries: (n,) WGS 84 geometries, None where a row has none.
        areas: towns (9 digits) and communities (12 digits) of the city; without them, only holes inside
            the whole are gaps, and those may be meant.
        kept: cells of the city that stay beside these.
        rule: of the cells' codes.
        metric: CRS for areas and lengths.
        bounds: see `Bounds`.
    """
    bounds = bounds or Bounds()
    findings = list(check_codes(codes, "cell", "单元网格", lambda code: rules.parse_cell(code, rule)))
    findings += _shapes(geometries)
    rows = Rows(codes, geometries, kept, metric)
    findings += _sizes(rows, bounds)
    overlaps = list(_overlaps(rows, bounds))
    findings += overlaps
    findings += _edges(rows, {row for f in overlaps for row in (f.row, *f.others)})
    if areas is None:
        findings += _holes(rows, bounds)
    else:
        findings += _belonging(rows, areas, metric, bounds)
        findings += _gaps(rows, areas, metric, bounds)
    return sorted(findings, key=lambda f: (f.row or len(codes) + 1, f.code))


class Rows:
    """The file's cells and, behind them, the kept ones; polygonal, as stored and in metres."""

    def __init__(
        self, codes: Sequence[str | None], geometries: Shapes, kept: Outlines | None, metric: str
    ) -> None:
        self.count = len(codes)
        self.codes: list[object] = [*codes, *(kept.codes if kept else ())]
        shapes = geometries if kept is None else np.concatenate([geometries, kept.geometries])
        self.stored = coverage.polygons_of(shapes)
        self.metric = systems.geometries_from_wgs84(self.stored, metric)
        self.crs = metric

    def row(self, index: int) -> int | None:
        """Return the file's row, None for a kept cell."""
        return index + 1 if index < self.count else None

    def name(self, index: int) -> str:
        """Return the cell's name for a message."""
        row = self.row(index)
        return f"{self.codes[index]} (row {row})" if row else f"{self.codes[index]} (kept)"

    def place(self, piece: object) -> tuple[float, float] | None:
        """Return a WGS 84 spot on a piece in metres."""
        spot = shapely.point_on_surface(piece)
        if spot is None or spot.is_empty:
            return None
        lon, lat = systems.to_wgs84(float(spot.x), float(spot.y), self.crs)
        return float(lon), float(lat)


def _spot(shape: shapely.Geometry | None) -> tuple[float, float] | None:
    if shape is None or shape.is_empty:
        return None
    x, y = shapely.get_coordinates(shape)[0]
    return float(x), float(y)


def _shapes(geometries: Shapes) -> Iterator[Finding]:
    """Yield rows without a polygon, invalid rings, several parts, holes."""
    for index in map(int, np.flatnonzero(shapely.is_missing(geometries))):
        yield finding(
            "no-geometry", index + 1, "the cell has no outline; draw it.", "单元网格没有边界，请补绘。"
        )
    for index in map(int, np.flatnonzero(~shapely.is_valid(geometries) & ~shapely.is_missing(geometries))):
        reason = str(shapely.is_valid_reason(geometries[index]))
        found = _REASON_PLACE.search(reason)
        what = reason.split("[", maxsplit=1)[0].strip()
        yield finding(
            "invalid-ring",
            index + 1,
            f"the outline is invalid ({what}). Redraw it so that it does not cross or touch itself.",
            f"边界无效（{what}）。请重绘，使边界不自交、不自接。",
            value=reason,
            place=(float(found[1]), float(found[2])) if found else _spot(geometries[index]),
        )
    types = shapely.get_type_id(geometries)
    for index in map(int, np.flatnonzero(types == 6)):
        parts = int(shapely.get_num_geometries(geometries[index]))
        yield finding(
            "multipart",
            index + 1,
            f"the cell has {parts} separate parts; a cell is one piece. Give each part a code of its own.",
            f"单元网格由 {parts} 块组成；一个网格必须连成一块。请为每块单独编码。",
            value=parts,
            place=_spot(geometries[index]),
        )
    rings = np.where(types == 3, shapely.get_num_interior_rings(geometries), 0)
    for index in map(int, np.flatnonzero(rings)):
        yield finding(
            "hole",
            index + 1,
            f"the cell has {rings[index]} holes. Fill them, or cut the cell so that it has none.",
            f"单元网格内有 {rings[index]} 个空洞。请填补，或切分网格使其无洞。",
            severity=Severity.WARNING,
            value=int(rings[index]),
            place=_spot(shapely.get_interior_ring(geometries[index], 0)),
        )


def _sizes(rows: Rows, bounds: Bounds) -> Iterator[Finding]:
    size = shapely.area(rows.metric[: rows.count])
    for index in map(int, np.flatnonzero((size > 0) & ((size < bounds.small_m2) | (size > bounds.large_m2)))):
        small = size[index] < bounds.small_m2
        yield finding(
            "small-cell" if small else "large-cell",
            index + 1,
            f"the cell has {size[index]:,.1f} m², {'less than' if small else 'more than'} "
            f"{bounds.small_m2 if small else bounds.large_m2:,.0f} m². {'Merge' if small else 'Split'} it?",
            f"单元网格面积 {size[index]:,.1f} 平方米，{'小于' if small else '大于'} "
            f"{bounds.small_m2 if small else bounds.large_m2:,.0f} 平方米。"
            f"是否{'合并' if small else '拆分'}？",
            severity=Severity.WARNING,
            place=rows.place(rows.metric[index]),
            area_m2=float(size[index]),
        )


def _overlaps(rows: Rows, bounds: Bounds) -> Iterator[Finding]:
    found = coverage.overlaps(rows.stored, rows.metric, least_m2=bounds.rounding_m2)
    width = coverage.width_m(found.pieces)
    for i, j, piece, wide in zip(
        found.first.tolist(), found.second.tolist(), found.pieces, width, strict=True
    ):
        if i >= rows.count:
            continue
        area = float(shapely.area(piece))
        sliver = wide < bounds.sliver_m
        yield finding(
            "sliver-overlap" if sliver else "overlap",
            rows.row(i),
            f"cell {rows.codes[i]} overlaps {rows.name(j)} by {area:,.2f} m²"
            f"{' in a sliver' if sliver else ''}. Move the edge so that both share it.",
            f"单元网格 {rows.codes[i]} 与 {rows.codes[j]} 重叠 {area:,.2f} 平方米"
            f"{'（狭长碎片）' if sliver else ''}。请移动边线，使两者共边。",
            value=rows.codes[j],
            place=rows.place(piece),
            area_m2=area,
            others=[row] if (row := rows.row(j)) else [],
        )


def _edges(rows: Rows, told: set[int | None]) -> Iterator[Finding]:
    """Yield cells whose edges a neighbour does not share vertex by vertex, unless an overlap says more."""
    edges = coverage.mismatched_edges(rows.stored)
    lengths = shapely.length(systems.geometries_from_wgs84(edges, rows.crs))
    for index in map(int, np.flatnonzero(~shapely.is_empty(edges[: rows.count]))):
        if rows.row(index) in told:
            continue
        yield finding(
            "edge-mismatch",
            rows.row(index),
            f"{lengths[index]:,.1f} m of the outline of {rows.codes[index]} are not shared exactly with the "
            "neighbour: a vertex is missing or moved. Snap the two together.",
            f"{rows.codes[index]} 的边界有 {lengths[index]:,.1f} 米与相邻网格不完全重合："
            "缺少节点或节点偏移。请捕捉对齐。",
            severity=Severity.WARNING,
            place=_spot(edges[index]),
            length_m=float(lengths[index]),
        )


def _belonging(rows: Rows, areas: Outlines, metric: str, bounds: Bounds) -> Iterator[Finding]:
    """Yield cells of unknown communities, and cells that reach out of their town or community."""
    codes = rows.codes[: rows.count]
    for digits, word, zh, severity in (
        (9, "town", "街道（乡镇）", Severity.ERROR),
        (12, "community", "社区", Severity.WARNING),
    ):
        level = areas.at_level(digits)
        owner = level.owners(codes, digits)
        if digits == 12:
            yield from _unknown(codes, owner)
        out = coverage.outside(
            rows.metric[: rows.count], systems.geometries_from_wgs84(level.geometries, metric), owner
        )
        for index in map(int, np.flatnonzero(out > bounds.outside_m2)):
            area = level.codes[owner[index]]
            yield finding(
                f"outside-{word}",
                index + 1,
                f"{out[index]:,.1f} m² of cell {codes[index]} lie outside its {word} {area}. "
                "Cut it at the border, or correct its code.",
                f"单元网格 {codes[index]} 有 {out[index]:,.1f} 平方米在其{zh} {area} 之外。"
                "请在边界处裁切，或改正编码。",
                severity=severity,
                value=area,
                place=rows.place(rows.metric[index]),
                area_m2=float(out[index]),
            )


def _unknown(codes: Sequence[object], owner: NDArray[np.intp]) -> Iterator[Finding]:
    for index in map(int, np.flatnonzero(owner < 0)):
        if missing(codes[index]):  # which the check of codes tells already
            continue
        community = str(codes[index])[:12]
        yield finding(
            "unknown-community",
            index + 1,
            f"there is no community {community}, with which the code {codes[index]} begins. "
            "Correct the code, or add the community first.",
            f"没有社区 {community}（编码 {codes[index]} 的前 12 位）。请改正编码，或先添加该社区。",
            value=codes[index],
        )


def _gaps(rows: Rows, areas: Outlines, metric: str, bounds: Bounds) -> Iterator[Finding]:
    """Yield the pieces of the towns that these cells belong to which no cell covers."""
    towns = areas.at_level(9)
    touched = np.unique(towns.owners(rows.codes[: rows.count], 9))
    touched = touched[touched >= 0]
    outlines = systems.geometries_from_wgs84(towns.geometries[touched], metric)
    found = coverage.gaps(rows.metric, outlines, least_m2=bounds.rounding_m2)
    for owner, piece, wide in zip(found.area, found.pieces, coverage.width_m(found.pieces), strict=True):
        town = towns.codes[touched[owner]]
        yield _gap(rows, piece, town, sliver=wide < bounds.sliver_m, severity=Severity.ERROR)


def _holes(rows: Rows, bounds: Bounds) -> Iterator[Finding]:
    whole = shapely.get_parts(shapely.union_all(rows.metric))
    rings = [ring for part in whole for ring in part.interiors]
    pieces = np.array([shapely.Polygon(ring) for ring in rings], object)
    pieces = pieces[shapely.area(pieces) > bounds.rounding_m2]
    for piece, wide in zip(pieces, coverage.width_m(pieces), strict=True):
        yield _gap(rows, piece, None, sliver=wide < bounds.sliver_m, severity=Severity.WARNING)


def _gap(
    rows: Rows, piece: shapely.Geometry, town: str | None, *, sliver: bool, severity: Severity
) -> Finding:
    area, where = float(shapely.area(piece)), f"town {town}" if town else "the grid"
    near = shapely.STRtree(rows.metric[: rows.count]).query(piece, predicate="dwithin", distance=0.01)
    beside = [int(i) + 1 for i in sorted(near)]
    return finding(
        "sliver-gap" if sliver else "gap",
        beside[0] if beside else None,
        f"{'a sliver' if sliver else 'a gap'} of {area:,.2f} m² in {where} belongs to no cell. "
        "Move an edge of a cell beside it, or add a cell.",
        f"{town or '网格'}内有 {area:,.2f} 平方米{'狭长碎片' if sliver else '空隙'}不属于任何单元网格。"
        "请移动旁边网格的边线，或增设网格。",
        severity=severity,
        value=town,
        place=rows.place(piece),
        area_m2=area,
        others=beside[1:8],
    )
