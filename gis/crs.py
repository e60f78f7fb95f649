"""Coordinate systems at the edge: everything inside is WGS 84, longitude first.

Named systems are wgs84, gcj02 (AutoNavi, Tencent, Google's China map), bd09 (Baidu) and cgcs2000
(EPSG:4490, equal to WGS 84 within centimetres, hence taken as it is); any other is an EPSG number.
Axis order is always lon, lat (or x, y = east, north), whatever the authority says.

GCJ-02 and BD-09 follow the formulas published by eviltransform and coordtransform. Their inverse is
the fixed point of `w = g - shift(w)`: the residual falls about 50 to 200-fold a step, so that seven steps
leave less than 1e-10 degrees, where the usual single step leaves 3 m.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, TypeAlias, overload

import numpy as np
import pyproj
import shapely
from numpy.typing import ArrayLike, NDArray

from gis.errors import OutsideCrs, UnknownCrs

CrsLike: TypeAlias = str | int | pyproj.CRS
"""A name, an EPSG number, or the CRS that a file carries."""

Pair: TypeAlias = tuple[Any, Any]
Shift: TypeAlias = Callable[[Any, Any, Any], Pair]

_WGS84 = 4326
_NAMES = {"wgs84": _WGS84, "cgcs2000": 4490, "gcj02": None, "bd09": None}
_ALIASES = {"crs84": "wgs84", "ogc:crs84": "wgs84", "bd09ll": "bd09"}
_UNSHIFTED = {"wgs84", "cgcs2000"}
_STEPS = 7

# Krasovsky 1940, as GCJ-02 uses it.
_A = 6378245.0
_EE = 0.00669342162296594323
_BD = math.pi * 3000.0 / 180.0

# Mainland China in rectangles (west, south, east, north), the customary refinement of the crude box
# that would shift Seoul and Taipei. Rough at land borders by design: what an online map shifts there differs.
_INSIDE = (
    (79.4462, 42.8899, 96.3300, 49.2204),
    (109.6872, 39.3742, 135.0002, 54.1415),
    (73.1246, 29.5297, 124.143255, 42.8899),
    (82.9684, 26.7186, 97.0352, 29.5297),
    (97.0253, 20.414096, 124.367395, 29.5297),
    (107.975793, 17.871542, 111.744104, 20.414096),
)
_EXCEPT = (
    (119.921265, 21.785006, 122.497559, 25.398623),
    (101.8652, 20.0988, 106.6650, 22.2840),
    (106.4525, 20.4878, 108.0510, 21.5422),
    (109.0323, 50.3257, 119.1270, 55.8175),
    (127.4568, 49.5574, 137.0227, 55.8175),
    (131.2662, 42.5692, 137.0227, 44.8922),
)
# Where a shifted position can lie at all; beyond it the formulas need not even be finite.
_NEAR = (72.0, 16.0, 136.0, 56.0)


@dataclass(frozen=True, slots=True)
class Crs:
    """One coordinate system.

    `name` is the canonical name ("gcj02", "EPSG:4550", a file's own title); `epsg` its number, None where
    there is none; `definition` what pyproj needs, None for the four named systems.
    """

    name: str
    epsg: int | None
    definition: pyproj.CRS | None = None

    @property
    def geographic(self) -> bool:
        """True when coordinates are degrees."""
        return self.definition is None or self.definition.is_geographic


@lru_cache(maxsize=256, typed=True)
def named(crs: CrsLike) -> Crs:
    """Return the coordinate system that a name, a number or a file's CRS means.

    Raises:
        UnknownCrs: it means none, or none with a horizontal position (vertical, geocentric, local).
    """
    if isinstance(crs, bool) or not isinstance(crs, str | int | pyproj.CRS):
        raise UnknownCrs(crs, "neither a name nor a number")
    if isinstance(crs, pyproj.CRS):
        return _defined(crs, crs)
    text = str(crs).strip().lower()
    if text.removeprefix("epsg:").strip().isdecimal():
        return _from_epsg(crs, int(text.removeprefix("epsg:")))
    name = "".join(c for c in text if c not in " -_")
    name = _ALIASES.get(name, name)
    if name not in _NAMES:
        raise UnknownCrs(crs)
    return Crs(name, _NAMES[name])


def _from_epsg(given: CrsLike, epsg: int) -> Crs:
    for name, number in _NAMES.items():
        if number == epsg:
            return Crs(name, number)
    try:
        definition = pyproj.CRS.from_epsg(epsg)
    except pyproj.exceptions.CRSError:
        raise UnknownCrs(given, "EPSG has no such number") from None
    return _usable(given, Crs(f"EPSG:{epsg}", epsg, definition))


def _defined(given: CrsLike, definition: pyproj.CRS) -> Crs:
    epsg = definition.to_epsg()
    if epsg is not None:
        return _from_epsg(given, epsg)
    if definition == pyproj.CRS.from_user_input("OGC:CRS84"):
        return named("wgs84")
    return _usable(given, Crs(definition.name, None, definition))


def _usable(given: CrsLike, crs: Crs) -> Crs:
    definition = crs.definition
    if definition is None or not (definition.is_geographic or definition.is_projected):
        raise UnknownCrs(given, f"{crs.name} has no horizontal position on the earth")
    try:
        _transformer(definition, outward=False)
    except pyproj.exceptions.ProjError:
        raise UnknownCrs(given, f"{crs.name} cannot be converted to WGS 84") from None
    return crs


@overload
def to_wgs84(lon: float, lat: float, crs: CrsLike) -> tuple[float, float]: ...
@overload
def to_wgs84(lon: ArrayLike, lat: ArrayLike, crs: CrsLike) -> Pair: ...
def to_wgs84(lon: Any, lat: Any, crs: CrsLike) -> Pair:
    """Return (lon, lat) in WGS 84 degrees of positions given in `crs`.

    Scalars give floats, arrays give float64 arrays of the same shape. Positions outside mainland China
    are the same in GCJ-02, BD-09 and WGS 84. Within some 2 km outside its outline `to_wgs84` is not unique
    (two positions have one image) and the one inside is returned.

    Args:
        lon: longitude in degrees, or easting in the unit of `crs`; scalar or array.
        lat: latitude in degrees, or northing; same shape.
        crs: see `named`.

    Raises:
        UnknownCrs: `crs` is not known.
        OutsideCrs: a position has no image in WGS 84 (EPSG numbers only).
    """
    return _convert(lon, lat, named(crs), outward=False)


@overload
def from_wgs84(lon: float, lat: float, crs: CrsLike) -> tuple[float, float]: ...
@overload
def from_wgs84(lon: ArrayLike, lat: ArrayLike, crs: CrsLike) -> Pair: ...
def from_wgs84(lon: Any, lat: Any, crs: CrsLike) -> Pair:
    """Return the coordinates in `crs` of WGS 84 positions; the inverse of `to_wgs84`.

    Raises:
        UnknownCrs: `crs` is not known.
        OutsideCrs: a position has no image in `crs` (EPSG numbers only).
    """
    return _convert(lon, lat, named(crs), outward=True)


def geometries_to_wgs84(geometries: NDArray[np.object_], crs: CrsLike) -> NDArray[np.object_]:
    """Return the geometries in WGS 84, two-dimensional.

    Every vertex is converted by itself, so that edges shared in `crs` are shared exactly in WGS 84.

    Args:
        geometries: (n,) shapely geometries in `crs`; None and empty ones stay as they are.
        crs: see `named`.

    Raises:
        UnknownCrs: `crs` is not known.
        OutsideCrs: a vertex has no image in WGS 84.
    """
    return _convert_geometries(geometries, named(crs), outward=False)


def geometries_from_wgs84(geometries: NDArray[np.object_], crs: CrsLike) -> NDArray[np.object_]:
    """Return WGS 84 geometries in `crs`, two-dimensional; the inverse of `geometries_to_wgs84`.

    Raises:
        UnknownCrs: `crs` is not known.
        OutsideCrs: a vertex has no image in `crs`.
    """
    return _convert_geometries(geometries, named(crs), outward=True)


def in_china(lon: Any, lat: Any) -> Any:
    """Say whether WGS 84 positions lie in mainland China, roughly: where GCJ-02 is shifted.

    Scalars give a bool, arrays a bool array. Hong Kong, Macao and Hainan count as inside, Taiwan,
    Korea and Japan as outside; land borders are rough by tens of kilometres.
    """
    if isinstance(lon, float | int) and isinstance(lat, float | int):
        return _in_any(_INSIDE, lon, lat) and not _in_any(_EXCEPT, lon, lat)
    lon, lat = np.asarray(lon, float), np.asarray(lat, float)
    return _any_of(_INSIDE, lon, lat) & ~_any_of(_EXCEPT, lon, lat)


def _in_any(boxes: tuple[tuple[float, ...], ...], lon: float, lat: float) -> bool:
    return any(west <= lon <= east and south <= lat <= north for west, south, east, north in boxes)


def _any_of(boxes: tuple[tuple[float, ...], ...], lon: NDArray[Any], lat: NDArray[Any]) -> Any:
    found = np.zeros(np.broadcast(lon, lat).shape, bool)
    for west, south, east, north in boxes:
        found |= (west <= lon) & (lon <= east) & (south <= lat) & (lat <= north)
    return found


def _convert(lon: Any, lat: Any, crs: Crs, *, outward: bool) -> Pair:
    scalar = isinstance(lon, float | int) and isinstance(lat, float | int)
    if not scalar:
        lon, lat = np.asarray(lon, float), np.asarray(lat, float)
        scalar = lon.ndim == 0 and lat.ndim == 0
        if scalar:
            lon, lat = float(lon), float(lat)
    if crs.name in _UNSHIFTED:
        return (float(lon), float(lat)) if scalar else (lon, lat)
    if crs.definition is not None:
        return _projected(lon, lat, crs, outward=outward)
    shifts = _SHIFTS[crs.name]
    if scalar:
        return (_shifted if outward else _unshifted)(float(lon), float(lat), shifts)
    lon, lat = np.broadcast_arrays(lon, lat)
    return (_shifted_array if outward else _unshifted_array)(lon, lat, shifts)


def _convert_geometries(geometries: NDArray[np.object_], crs: Crs, *, outward: bool) -> NDArray[np.object_]:
    def convert(xy: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.column_stack(_convert(xy[:, 0], xy[:, 1], crs, outward=outward))

    return np.asarray(shapely.transform(np.asarray(geometries, object), convert))


@lru_cache(maxsize=256)
def _transformer(definition: pyproj.CRS, *, outward: bool) -> pyproj.Transformer:
    source, target = (_WGS84, definition) if outward else (definition, _WGS84)
    return pyproj.Transformer.from_crs(source, target, always_xy=True)


def _projected(lon: Any, lat: Any, crs: Crs, *, outward: bool) -> Pair:
    x, y = _transformer(crs.definition, outward=outward).transform(lon, lat)
    lost = ~(np.isfinite(x) & np.isfinite(y))
    if lost.any():
        first = int(np.argmax(lost))
        where = float(np.ravel(lon)[first]), float(np.ravel(lat)[first])
        raise OutsideCrs(*where, crs.name, count=int(lost.sum()))
    return x, y


# The two formulas serve scalars (m = math, quick: every report passes here) and arrays (m = numpy).


def _gcj_shift(lon: Any, lat: Any, m: Any) -> Pair:
    x, y, pi = lon - 105.0, lat - 35.0, math.pi
    root = m.sqrt(abs(x))
    wave = (20.0 * m.sin(6.0 * x * pi) + 20.0 * m.sin(2.0 * x * pi)) * 2.0 / 3.0
    north = -100.0 + 2.0 * x + 3.0 * y + 0.2 * y * y + 0.1 * x * y + 0.2 * root + wave
    north += (20.0 * m.sin(y * pi) + 40.0 * m.sin(y / 3.0 * pi)) * 2.0 / 3.0
    north += (160.0 * m.sin(y / 12.0 * pi) + 320.0 * m.sin(y * pi / 30.0)) * 2.0 / 3.0
    east = 300.0 + x + 2.0 * y + 0.1 * x * x + 0.1 * x * y + 0.1 * root + wave
    east += (20.0 * m.sin(x * pi) + 40.0 * m.sin(x / 3.0 * pi)) * 2.0 / 3.0
    east += (150.0 * m.sin(x / 12.0 * pi) + 300.0 * m.sin(x / 30.0 * pi)) * 2.0 / 3.0
    phi = lat / 180.0 * pi
    magic = 1.0 - _EE * m.sin(phi) ** 2
    meridian, parallel = _A * (1.0 - _EE) / (magic * m.sqrt(magic)), _A / m.sqrt(magic) * m.cos(phi)
    return east * 180.0 / (parallel * pi), north * 180.0 / (meridian * pi)


def _bd_shift(lon: Any, lat: Any, m: Any) -> Pair:
    radius = m.sqrt(lon * lon + lat * lat) + 0.00002 * m.sin(lat * _BD)
    angle = m.atan2(lat, lon) + 0.000003 * m.cos(lon * _BD)
    return radius * m.cos(angle) + 0.0065 - lon, radius * m.sin(angle) + 0.006 - lat


_SHIFTS: dict[str, tuple[Shift, ...]] = {"gcj02": (_gcj_shift,), "bd09": (_gcj_shift, _bd_shift)}


def _forward(lon: Any, lat: Any, shifts: tuple[Shift, ...], m: Any) -> Pair:
    for shift in shifts:
        east, north = shift(lon, lat, m)
        lon, lat = lon + east, lat + north
    return lon, lat


def _backward(lon: Any, lat: Any, shifts: tuple[Shift, ...], m: Any) -> Pair:
    for shift in reversed(shifts):
        x, y = lon, lat
        for _ in range(_STEPS):
            east, north = shift(x, y, m)
            x, y = lon - east, lat - north
        lon, lat = x, y
    return lon, lat


def _shifted(lon: float, lat: float, shifts: tuple[Shift, ...]) -> Pair:
    return _forward(lon, lat, shifts, math) if in_china(lon, lat) else (lon, lat)


def _unshifted(lon: float, lat: float, shifts: tuple[Shift, ...]) -> Pair:
    if not _in_any((_NEAR,), lon, lat):
        return lon, lat
    back = _backward(lon, lat, shifts, math)
    # Decided by the result: the image of a border position may itself lie beyond the border.
    return back if in_china(*back) else (lon, lat)


def _shifted_array(lon: NDArray[Any], lat: NDArray[Any], shifts: tuple[Shift, ...]) -> Pair:
    inside = in_china(lon, lat)
    lon, lat = lon.copy(), lat.copy()
    lon[inside], lat[inside] = _forward(lon[inside], lat[inside], shifts, np)
    return lon, lat


def _unshifted_array(lon: NDArray[Any], lat: NDArray[Any], shifts: tuple[Shift, ...]) -> Pair:
    near = _any_of((_NEAR,), lon, lat)
    x, y = _backward(lon[near], lat[near], shifts, np)
    inside = in_china(x, y)
    lon, lat = lon.copy(), lat.copy()
    lon[near] = np.where(inside, x, lon[near])
    lat[near] = np.where(inside, y, lat[near])
    return lon, lat
