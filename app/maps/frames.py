"""The frame of a printed map, in EPSG:3857, and how much detail it has room for."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum

from app.errors import BadValue
from app.maps.rules import HALF_M, Bounds

ASPECT = 64.6 / 48.7
"""Width by height of the map on the sheet, as in print.css."""

WIDTH_PX = 840
"""Of the map on an A4 sheet, in CSS pixels; A3 shows the same frame larger."""

LEAST_M = 150.0
"""No frame is narrower: a point is shown with what is around it."""

MARGIN = 0.04
"""So much is left free around what was asked for."""

MOST_CELLS, MOST_POINTS = 6_000, 3_000
FARTHEST_LAT = 85.0


class Detail(StrEnum):
    """What a frame has room for: towns and hexagons; cells and hexagons; cells and single facilities."""

    CITY = "city"
    DISTRICT = "district"
    STREET = "street"


COARSER = (Detail.STREET, Detail.DISTRICT, Detail.CITY)
"""The steps by which a page that would be too heavy is made lighter."""


@dataclass(frozen=True, slots=True)
class Frame:
    """The rectangle of the map, in EPSG:3857 metres."""

    west: float
    south: float
    east: float
    north: float

    @property
    def zoom(self) -> int:
        """The zoom (of 256-pixel tiles) at which the frame fills the sheet, rounded up: paper is finer."""
        return math.ceil(math.log2(2 * HALF_M / 256 * WIDTH_PX / (self.east - self.west)))

    @property
    def bounds(self) -> Bounds:
        """The frame in degrees, WGS 84."""
        return _lon(self.west), _lat(self.south), _lon(self.east), _lat(self.north)


def frame_of(bounds: Bounds) -> Frame:
    """Return the frame of the sheet's shape around `bounds` (degrees), with a margin."""
    west, south, east, north = bounds
    left, right = _x(west), _x(east)
    bottom, top = (_y(min(max(lat, -FARTHEST_LAT), FARTHEST_LAT)) for lat in (south, north))
    width = max(right - left, (top - bottom) * ASPECT, LEAST_M) * (1 + 2 * MARGIN)
    height = width / ASPECT
    x, y = (left + right) / 2, (bottom + top) / 2
    return Frame(x - width / 2, y - height / 2, x + width / 2, y + height / 2)


def around(place: str) -> Bounds:
    """Return the box, in degrees, that the live map shows at `place`: "zoom/lat/lon", as in its address.

    Raises:
        BadValue: it is no such place.
    """
    try:
        zoom, lat, lon = (float(part) for part in place.split("/"))
    except ValueError:
        zoom = lat = lon = math.nan
    if not (0 <= zoom <= 22 and abs(lat) <= FARTHEST_LAT and abs(lon) <= 180):
        raise BadValue("map: give zoom/lat/lon, e.g. 13.2/41.11/122.99", field="map", value=place)
    half = WIDTH_PX / 2 * HALF_M / 256 / 2.0**zoom
    x, y = _x(lon), _y(lat)
    high = half / ASPECT
    return _lon(x - half), _lat(y - high), _lon(x + half), _lat(y + high)


def detail_for(cells: int, facilities: int) -> Detail:
    """Return the finest detail that stays legible, and light, for what lies in a frame."""
    if cells > MOST_CELLS:
        return Detail.CITY
    return Detail.DISTRICT if facilities > MOST_POINTS else Detail.STREET


def _x(lon: float) -> float:
    return lon / 180 * HALF_M


def _y(lat: float) -> float:
    return math.asinh(math.tan(math.radians(lat))) / math.pi * HALF_M


def _lon(x: float) -> float:
    return x / HALF_M * 180


def _lat(y: float) -> float:
    return math.degrees(math.atan(math.sinh(y / HALF_M * math.pi)))
