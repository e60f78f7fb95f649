"""Where a file's coordinates are on the earth: its coordinate system, and whether that can be true."""

from dataclasses import dataclass

import numpy as np
import pyproj
import shapely
from numpy.typing import NDArray

from gis import crs as systems
from gis.errors import NoCrs, OutsideCrs, SwappedAxes, UnknownCrs, WrongCrs
from gis.findings import Finding, Severity

_ROUNDING = 1e-6
_AS_THEY_ARE = {"wgs84", "cgcs2000"}

Box = tuple[float, float, float, float]

# What Chinese survey files are in when they do not say: Gauss-Krueger zones with and without zone number,
# web maps, UTM. Tried only to make the error message helpful.
_CANDIDATES = ("wgs84", "EPSG:3857", *(f"EPSG:{n}" for n in (*range(4502, 4555), *range(32643, 32654))))
_NAMED = (
    "--crs wgs84, cgcs2000 (EPSG:4490), gcj02 (AutoNavi, Tencent), bd09 (Baidu) "
    "or an EPSG number such as EPSG:4550"
)


@dataclass(frozen=True, slots=True)
class Placed:
    """Geometries in WGS 84, the coordinate system they were taken for, and remarks."""

    geometries: NDArray[np.object_]
    crs: str
    findings: tuple[Finding, ...]


def placed(
    shapes: NDArray[np.object_],
    *,
    crs: str | None,
    told: str | None,
    assumed: bool,
    region: Box | None,
    swap: bool,
    file: str,
) -> Placed:
    """Return the geometries in WGS 84.

    Args:
        shapes: (n,) finite two-dimensional geometries as the file has them.
        crs: what the user says; overrules `told`.
        told: what the file says, as an authority code, WKT, "gcj02" or "bd09".
        assumed: True when `told` is only the format's convention.
        region: (west, south, east, north) in WGS 84 where most of the layer must lie.
        swap: exchange the axes first.
        file: the name for messages.

    Raises:
        NoCrs: neither says.
        SwappedAxes: latitude stands where longitude belongs.
        WrongCrs: the coordinates are not possible, or not in the region.
        UnknownCrs: `crs` is not known.
    """
    if swap:
        shapes = _swapped(shapes)
    system, findings = _system(shapes, crs, told, assumed=assumed, file=file)
    _check_degrees(shapes, system, region, file)
    try:
        # Equal to WGS 84: nothing to convert, and converting every vertex of a city takes its time.
        moved = (
            shapes
            if system.name in _AS_THEY_ARE
            else systems.geometries_to_wgs84(shapes, system.definition or system.name)
        )
    except OutsideCrs:
        raise _wrong(shapes, system, region, file) from None
    if region is not None and _share(moved, region) < 0.5:
        if _share(_try(_swapped(shapes), system), region) >= 0.5:
            raise _swapped_error(shapes, file)
        raise _wrong(shapes, system, region, file)
    return Placed(moved, system.name, tuple(findings))


def _system(
    shapes: NDArray[np.object_], crs: str | None, told: str | None, *, assumed: bool, file: str
) -> tuple[systems.Crs, list[Finding]]:
    said = _file_system(told)
    if crs is not None:
        system = systems.named(crs)
        if said is not None and not assumed and said.name != system.name and not _both_degrees(said, system):
            return system, [_overruled(said, system)]
        return system, []
    if said is None:
        x, y = _first(shapes)
        raise NoCrs(
            f"{file} does not say its coordinate system (its first position is {x:.10g}, {y:.10g}). "
            f"Give {_NAMED}.",
            f"{file} 没有说明坐标系（第一个坐标为 {x:.10g}, {y:.10g}）。请用 --crs 指明：wgs84、cgcs2000"
            "（EPSG:4490）、gcj02（高德、腾讯）、bd09（百度）或 EPSG 编号，例如 EPSG:4550。",
            value=f"{x:.10g}, {y:.10g}",
        )
    return said, [_assumption()] if assumed and said.name == "wgs84" else []


def _file_system(told: str | None) -> systems.Crs | None:
    if told is None:
        return None
    if told in {"wgs84", "EPSG:4326"}:
        return systems.named("wgs84")
    if told in {"gcj02", "bd09"}:
        return systems.named(told)
    try:
        return systems.named(pyproj.CRS.from_user_input(told))
    except (pyproj.exceptions.CRSError, UnknownCrs):
        # An unusable statement is as good as none: the user is asked.
        return None


def _both_degrees(one: systems.Crs, other: systems.Crs) -> bool:
    """Say whether both are degrees: GCJ-02 is always labelled as WGS 84, so that is no contradiction."""
    return one.geographic and other.geographic


def _overruled(said: systems.Crs, system: systems.Crs) -> Finding:
    return Finding(
        "crs-overruled",
        Severity.WARNING,
        f"The file says {said.name}; it was read as {system.name}, as asked.",
        f"文件注明坐标系为 {said.name}，已按要求作为 {system.name} 读取。",
        value=said.name,
    )


def _assumption() -> Finding:
    return Finding(
        "crs-assumed",
        Severity.WARNING,
        "The coordinates were taken as WGS 84, the format's convention. If they come from a Chinese web map "
        "(some 500 m off), give --crs gcj02 or bd09.",
        "坐标按该格式惯例视为 WGS 84。若取自国内网络地图（偏移约 500 米），请加 --crs gcj02 或 bd09。",
        value="wgs84",
    )


def _check_degrees(shapes: NDArray[np.object_], system: systems.Crs, region: Box | None, file: str) -> None:
    if not system.geographic:
        return
    xy = shapely.get_coordinates(shapes)
    x, y = np.abs(xy[:, 0]), np.abs(xy[:, 1])
    if not ((x > 180 + _ROUNDING) | (y > 90 + _ROUNDING)).any():
        return
    if (y <= 180).all() and (x <= 90).all():
        raise _swapped_error(shapes, file)
    raise _wrong(shapes, system, region, file)


def _swapped(shapes: NDArray[np.object_]) -> NDArray[np.object_]:
    return np.asarray(shapely.transform(shapes, lambda xy: xy[:, ::-1]))


def _swapped_error(shapes: NDArray[np.object_], file: str) -> SwappedAxes:
    x, y = _first(shapes)
    return SwappedAxes(
        f"{file} has latitude and longitude in the wrong order: its first position is {x:.10g}, {y:.10g}. "
        "Swap the columns, or give --swap; longitude comes first.",
        f"{file} 的经纬度顺序颠倒：第一个坐标为 {x:.10g}, {y:.10g}。请交换两列，或加 --swap；经度在前。",
        rows=(1,),
        value=f"{x:.10g}, {y:.10g}",
    )


def _wrong(shapes: NDArray[np.object_], system: systems.Crs, region: Box | None, file: str) -> WrongCrs:
    row, x, y = _first_row(shapes)
    fitting = _fitting(shapes, region) if region else []
    guess = f" They would fit {' or '.join(fitting)}: --crs {fitting[0]}." if fitting else ""
    guess_zh = f"这些坐标符合 {'、'.join(fitting)}：请加 --crs {fitting[0]}。" if fitting else ""
    where = "in the city's region" if region else "on the earth"
    where_zh = "本市范围" if region else "地球范围"
    return WrongCrs(
        f"{file}, row {row}: as {system.name}, the position {x:.10g}, {y:.10g} is not {where}.{guess} "
        f"Give the right system: {_NAMED}.",
        f"{file} 第 {row} 行：按 {system.name} 解读，坐标 {x:.10g}, {y:.10g} 不在{where_zh}内。{guess_zh}"
        "请用 --crs 指明正确的坐标系。",
        rows=(row,),
        value=f"{x:.10g}, {y:.10g}",
    )


def _fitting(shapes: NDArray[np.object_], region: Box) -> list[str]:
    """Return the candidates under which the first positions lie in the region."""
    some = shapes[~shapely.is_missing(shapes)][:50]
    return [name for name in _CANDIDATES if _share(_try(some, systems.named(name)), region) > 0.5][:3]


def _try(shapes: NDArray[np.object_], system: systems.Crs) -> NDArray[np.object_]:
    try:
        return systems.geometries_to_wgs84(shapes, system.definition or system.name)
    except OutsideCrs:
        return np.full(len(shapes), None)


def _share(shapes: NDArray[np.object_], region: Box) -> float:
    """Return the share of geometries that touch the region."""
    there = ~shapely.is_missing(shapes)
    if not there.any():
        return 0.0
    west, south, east, north = shapely.bounds(shapes[there]).T
    touching = (west <= region[2]) & (east >= region[0]) & (south <= region[3]) & (north >= region[1])
    return float(touching.mean())


def _first(shapes: NDArray[np.object_]) -> tuple[float, float]:
    _, x, y = _first_row(shapes)
    return x, y


def _first_row(shapes: NDArray[np.object_]) -> tuple[int, float, float]:
    coordinates, index = shapely.get_coordinates(shapes, return_index=True)
    if not len(coordinates):
        return 1, float("nan"), float("nan")
    return int(index[0]) + 1, float(coordinates[0, 0]), float(coordinates[0, 1])
