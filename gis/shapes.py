"""Geometry as files hold it, made plain: two-dimensional, linear, one kind, parts of one unwrapped."""

from collections.abc import Callable, Collection
from enum import StrEnum

import numpy as np
import shapely
from numpy.typing import NDArray

from gis.errors import WrongGeometry
from gis.findings import Finding, Severity, rows_en, rows_zh

Shapes = NDArray[np.object_]


class Kind(StrEnum):
    """A family of geometry; parts and multiparts are one."""

    POINT = "point"
    LINE = "line"
    POLYGON = "polygon"
    COLLECTION = "collection"


# By shapely.get_type_id: Point, LineString, LinearRing, Polygon, and the four collections.
_KINDS = np.array(
    [
        Kind.POINT,
        Kind.LINE,
        Kind.LINE,
        Kind.POLYGON,
        Kind.POINT,
        Kind.LINE,
        Kind.POLYGON,
        Kind.COLLECTION,
        None,
    ],
    dtype=object,
)
_ZH = {Kind.POINT: "点", Kind.LINE: "线", Kind.POLYGON: "面", Kind.COLLECTION: "集合"}


def decoded(
    wkb: NDArray[np.object_], linear: Callable[[], NDArray[np.object_]]
) -> tuple[Shapes, list[Finding]]:
    """Return the geometries of (n,) WKB values, and what had to be mended.

    Args:
        wkb: bytes or None.
        linear: reads the same values again with curves turned into lines; called only when there are curves.
    """
    findings: list[Finding] = []
    curved = _curves(wkb)
    if curved.any():
        wkb = linear()
        rows = [int(i) + 1 for i in np.flatnonzero(curved)]
        findings.append(
            Finding(
                "curves-linearised",
                Severity.NOTE,
                f"Curves in {rows_en(rows)} were turned into short straight lines.",
                f"{rows_zh(rows)}的曲线已转换为折线。",
                others=tuple(rows),
            )
        )
    try:
        return shapely.from_wkb(wkb), findings
    except shapely.errors.GEOSException:
        return _closed(wkb, findings)


def _closed(wkb: NDArray[np.object_], findings: list[Finding]) -> tuple[Shapes, list[Finding]]:
    """Decode one by one; a ring that does not end where it begins is closed, and told."""
    shapes = np.full(len(wkb), None, dtype=object)
    for index, value in enumerate(wkb):
        try:
            shapes[index] = shapely.from_wkb(value)
        except shapely.errors.GEOSException:
            shapes[index] = shapely.from_wkb(value, on_invalid="fix")
            row = index + 1
            findings.append(
                Finding(
                    "open-ring",
                    Severity.WARNING,
                    f"Row {row}: the outline does not end where it begins; it was closed. "
                    "Look whether a vertex is missing.",
                    f"第 {row} 行：边界首尾不相接，已自动闭合。请检查是否缺少顶点。",
                    row=row,
                    place=_place(shapes[index]),
                )
            )
    return shapes, findings


def _place(shape: shapely.Geometry | None) -> tuple[float, float] | None:
    if shape is None or shape.is_empty:
        return None
    x, y = shapely.get_coordinates(shape)[0]
    return float(x), float(y)


def _curves(wkb: NDArray[np.object_]) -> NDArray[np.bool_]:
    """Say which WKB values are curves: ISO types 8 to 14, with 1000s for Z and M."""
    heads = [b"" if value is None else value[:5] for value in wkb]
    # A file has a handful of types: look at each once.
    curved = {
        head
        for head in set(heads)
        if len(head) == 5 and int.from_bytes(head[1:], "little" if head[0] else "big") % 1000 in range(8, 15)
    }
    if not curved:
        return np.zeros(len(wkb), bool)
    return np.fromiter((head in curved for head in heads), bool, len(wkb))


def tidied(shapes: Shapes, *, kinds: Collection[Kind] | None, file: str) -> tuple[Shapes, list[Finding]]:
    """Return the geometries two-dimensional, empty ones as None, parts of one unwrapped.

    Raises:
        WrongGeometry: kinds are mixed, or not the one wanted, or coordinates are no finite numbers.
    """
    shapes = np.array(shapes, dtype=object)
    shapes[shapely.is_empty(shapes)] = None
    findings = []
    raised = [int(i) + 1 for i in np.flatnonzero(shapely.has_z(shapes))]
    if raised:
        findings.append(
            Finding(
                "heights-dropped",
                Severity.NOTE,
                f"Heights (Z) of {rows_en(raised)} were dropped; the grid is flat.",
                f"{rows_zh(raised)}的高程（Z）已去除，网格只用平面坐标。",
                others=tuple(raised[:100]),
            )
        )
        shapes = shapely.force_2d(shapes)
    single = (shapely.get_type_id(shapes) >= 4) & (shapely.get_num_geometries(shapes) == 1)
    shapes[single] = shapely.get_geometry(shapes[single], 0)
    _check_finite(shapes, file)
    _check_kinds(shapes, kinds, file)
    absent = [int(i) + 1 for i in np.flatnonzero(shapely.is_missing(shapes))]
    if absent:
        findings.append(
            Finding(
                "no-geometry",
                Severity.WARNING,
                f"{rows_en(absent).capitalize()} of {file}: no geometry.",
                f"{file}{rows_zh(absent)}没有几何图形。",
                others=tuple(absent[:100]),
            )
        )
    return shapes, findings


def _check_finite(shapes: Shapes, file: str) -> None:
    coordinates, index = shapely.get_coordinates(shapes, return_index=True)
    bad = np.unique(index[~np.isfinite(coordinates).all(axis=1)])
    if len(bad):
        rows = [int(i) + 1 for i in bad]
        raise WrongGeometry(
            f"{file}, {rows_en(rows)}: a coordinate is no finite number. Remove the rows or export "
            "them again.",
            f"{file}{rows_zh(rows)}：坐标不是有限数值。请删除这些行或重新导出。",
            rows=tuple(rows),
        )


def _check_kinds(shapes: Shapes, wanted: Collection[Kind] | None, file: str) -> None:
    types = shapely.get_type_id(shapes)
    # Type -1, a missing geometry, takes the sentinel at the end.
    kinds: NDArray[np.object_] = _KINDS[types]
    found = [k for k in Kind if (kinds == k).any()]
    if wanted is None:
        # Any one kind: the most frequent is taken for the one that is meant.
        wanted = sorted(found, key=lambda k: -int((kinds == k).sum()))[:1]
    if set(found) <= set(wanted):
        return
    odd = [int(i) + 1 for i in np.flatnonzero(~np.isin(types, _types_of(wanted)) & (types >= 0))]
    main, main_zh = "s or ".join(wanted), "、".join(_ZH[k] for k in wanted)
    counts = ", ".join(f"{int((kinds == k).sum())} {k}" for k in found)
    counts_zh = "、".join(f"{int((kinds == k).sum())} 个{_ZH[k]}" for k in found)
    raise WrongGeometry(
        f"{file} holds {counts}; a layer of {main}s is wanted. Look at {rows_en(odd)}: "
        "move them into a file of their own.",
        f"{file} 含有 {counts_zh}，需要的是{main_zh}图层。请检查{rows_zh(odd)}，把它们移到另一个文件。",
        rows=tuple(odd[:100]),
        value=counts,
    )


def _types_of(kinds: Collection[Kind]) -> list[int]:
    return [i for i, kind in enumerate(_KINDS) if kind in kinds]
