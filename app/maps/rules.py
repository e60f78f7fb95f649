"""Layers, zoom bands, and the arithmetic of the tile pyramid."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

from app.errors import NotFound

Bounds = tuple[float, float, float, float]
"""West, south, east, north."""

HALF_M = math.pi * 6_378_137.0
"""Half the side of the EPSG:3857 square."""

EXTENT = 4_096
MAX_ZOOM = 18
"""Zooms up to this one are answered; `SOURCE_MAX_ZOOM` is the deepest worth asking for."""

SOURCE_MAX_ZOOM = 15
MAX_TILE_BYTES = 64_000
"""No tile weighs more, gzipped; a static one that would is made of coarser data."""

FINEST_BAND = 15
FIRST_CODE_ZOOM = 14
FIRST_POINT_ZOOM = 14
FIRST_STREET_NAME_ZOOM = 14


class Layer(StrEnum):
    """What a tile can hold."""

    AREAS = "areas"
    CELLS = "cells"
    FACILITIES = "facilities"
    STREETS = "streets"
    CASES = "cases"
    WORKERS = "workers"


STATIC = (Layer.AREAS, Layer.CELLS, Layer.FACILITIES, Layer.STREETS)
"""Layers that change by publication; the others are read as they stand."""

MIN_ZOOM: Mapping[Layer, int] = MappingProxyType(
    {
        Layer.AREAS: 7,
        Layer.CELLS: 12,
        Layer.FACILITIES: 7,
        Layer.STREETS: 11,
        Layer.CASES: 7,
        Layer.WORKERS: 7,
    }
)
"""Below these zooms a layer is empty. Towns stand for cells below 12, where cells weigh up to 159 kB."""

CELL_BANDS = (12, 13, 14, 15)
STREET_BANDS = (11, 12, 13, 14, 15)
AREA_BANDS = (7, 8, 9, 10, 11, 12, 13, 14, 15)
LEVEL_ZOOM: Mapping[str, int] = MappingProxyType({"city": 7, "district": 7, "town": 9, "community": 12})
"""The first zoom at which an area of this level is drawn."""

STREET_ZOOM: Mapping[str, int] = MappingProxyType({"river": 11, "arterial": 11, "street": 13})
"""The first zoom at which a line of this kind is drawn."""

RESOLUTIONS = (7, 8, 9)
"""H3 resolutions of the facility clusters."""


@dataclass(frozen=True, slots=True)
class Tile:
    """A square of the pyramid: zoom, column from the west, row from the north."""

    z: int
    x: int
    y: int

    @property
    def bounds_m(self) -> Bounds:
        """Its square in EPSG:3857."""
        side = 2 * HALF_M / 2**self.z
        west, north = self.x * side - HALF_M, HALF_M - self.y * side
        return west, north - side, west + side, north

    @property
    def bounds(self) -> Bounds:
        """Its box in degrees, WGS 84."""
        west, south, east, north = self.bounds_m
        return _lon(west), _lat(south), _lon(east), _lat(north)


def tile_at(z: int, x: int, y: int) -> Tile:
    """Return the tile.

    Raises:
        NotFound: the pyramid has none there.
    """
    if not (0 <= z <= MAX_ZOOM):
        raise NotFound(f"z={z}: zooms run from 0 to {MAX_ZOOM}", field="z", value=z)
    last = 2**z - 1
    for axis, number in (("x", x), ("y", y)):
        if not (0 <= number <= last):
            raise NotFound(f"{axis}={number}: at zoom {z} it runs from 0 to {last}", field=axis, value=number)
    return Tile(z, x, y)


def tolerance_m(band: int) -> float:
    """Return half a pixel (of 256 a tile) at zoom `band`, in EPSG:3857 metres: finer is not seen."""
    return HALF_M / 256 / float(2**band)


def band_at(z: int, bands: tuple[int, ...]) -> int:
    """Return the band that serves zoom `z`: its own where there is one, else the nearest."""
    return min(max(z, bands[0]), bands[-1])


def cells_extent(z: int) -> int:
    """Return the side of a tile of cells in its own units.

    At zoom 12 a tile holds 4,300 cells of the demo city: at 4,096 units it weighs 68 kB, at 1,024 (a unit is
    half a pixel of MapLibre's 512) 52 kB.
    """
    return 1_024 if z <= 12 else EXTENT


def resolution_at(z: int) -> int:
    """Return the H3 resolution of the clusters at zoom `z`: about 40 to 80 pixels a cluster."""
    return RESOLUTIONS[min(max(z - 11, 0), 2)]


def overlap(one: Bounds, other: Bounds) -> bool:
    """Whether two boxes touch."""
    return one[0] <= other[2] and other[0] <= one[2] and one[1] <= other[3] and other[1] <= one[3]


def _lon(x: float) -> float:
    return math.degrees(x / HALF_M * math.pi)


def _lat(y: float) -> float:
    return math.degrees(math.atan(math.sinh(y / HALF_M * math.pi)))
