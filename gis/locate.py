"""Point to cell: which cell holds each of many points, which others are near.

A point on a shared edge or corner belongs to the cell that comes first. Give the cells in ascending code
order, so that first means smallest code, as the database's own function says.

The cells are filed in a uniform grid of bins (`gis.bins`), so that a point meets one or two candidates in
ascending order, and the first that covers it wins. With numba the test is compiled
(`gis.point_in_polygon`); a point too near an edge for double precision goes to GEOS. Without numba
the candidates go to GEOS in arrays.
"""

import math
import threading
from dataclasses import dataclass
from types import ModuleType

import numpy as np
import pyproj
import shapely
from numpy.typing import ArrayLike, NDArray

from gis import bins
from gis.errors import NoCells, NotAPosition

compiled: ModuleType | None = None
try:
    from gis import point_in_polygon
except ImportError:
    pass  # numba is an accelerator, not a need
else:
    compiled = point_in_polygon

NO_CELL = -1

_CHUNK = 65_536
# Distances choose candidates with this slack, so that the rough ones never lose the true nearest cell.
_SLACK = 1.02

_WGS84 = pyproj.Geod(ellps="WGS84")
_E2 = _WGS84.es
_RAD = np.pi / 180.0


@dataclass(frozen=True, slots=True)
class Nearest:
    """The nearest cell and the metres to it; 0 when the point lies in it."""

    index: int
    distance_m: float


class Grid:
    """Cells made ready for many questions; built once, read by any number of threads.

    Args:
        cells: (m,) shapely polygons or multipolygons in ascending code order, with no overlapping interiors;
            holes count as outside; None and empty ones hold nothing.
        planar: coordinates are metres in a plane instead of WGS 84 degrees. Only distances ask for it.
    """

    def __init__(self, cells: ArrayLike, *, planar: bool = False) -> None:
        self._polygons = bins.taken_apart(np.asarray(cells, object).ravel())
        self._bins = bins.filed(self._polygons)
        self._planar = planar
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._polygons.shapes)

    def locate(self, lon: ArrayLike, lat: ArrayLike) -> NDArray[np.intp]:
        """Return the index of the cell holding each point.

        Args:
            lon: (n,) longitudes (or eastings), in the CRS of the cells; a scalar counts as one point.
            lat: (n,) latitudes (or northings).

        Returns:
            (n,) indices into the cells; NO_CELL where a point lies outside, or is NaN or infinite: outside
            is an answer, and who takes input from people checks it before.
        """
        x, y = np.broadcast_arrays(np.asarray(lon, float).ravel(), np.asarray(lat, float).ravel())
        if compiled is None:
            return self._located_by_geos(x, y)
        found = compiled.locate(
            np.ascontiguousarray(x),
            np.ascontiguousarray(y),
            self._polygons.edges,
            self._polygons.first_edge,
            self._polygons.boxes,
            self._bins.entries,
            self._bins.first,
            self._bins.frame,
            self._bins.columns,
            self._bins.rows,
        )
        unsure = np.flatnonzero(found == compiled.UNDECIDED)
        if len(unsure):
            found[unsure] = self._located_by_geos(x[unsure], y[unsure])
        located: NDArray[np.intp] = found.astype(np.intp, copy=False)
        return located

    def _located_by_geos(self, x: NDArray[np.float64], y: NDArray[np.float64]) -> NDArray[np.intp]:
        owner = np.full(len(x), NO_CELL, np.intp)
        west, south, east, north = self._bins.frame[:4]
        inside = np.flatnonzero((x >= west) & (x <= east) & (y >= south) & (y <= north))
        # GEOS makes a prepared polygon's index on first use, unlocked.
        with self._lock:
            if len(x) > len(self):
                shapely.prepare(self._polygons.shapes)
            for part in np.array_split(inside, -(-len(inside) // _CHUNK) or 1):
                owner[part] = self._first_covering(x[part], y[part])
        return owner

    def _first_covering(self, x: NDArray[np.float64], y: NDArray[np.float64]) -> NDArray[np.intp]:
        """Walk down the lists of all points' bins at once, each point until a cell covers it."""
        owner = np.full(len(x), NO_CELL, np.intp)
        column, row = self._bins.of(x, y)
        here = row * self._bins.columns + column
        at, end = self._bins.first[here], self._bins.first[here + 1]
        point = np.flatnonzero(at < end)
        while len(point):
            entry = self._bins.entries[at[point]]
            cell = np.where(entry < 0, ~entry, entry)
            hit = entry < 0
            test = np.flatnonzero(~hit)
            px, py, box = x[point[test]], y[point[test]], self._polygons.boxes[cell[test]]
            near = (px >= box[:, 0]) & (py >= box[:, 1]) & (px <= box[:, 2]) & (py <= box[:, 3])
            test = test[near]
            hit[test] = shapely.intersects_xy(self._polygons.shapes[cell[test]], px[near], py[near])
            owner[point[hit]] = cell[hit]
            point = point[~hit]
            at[point] += 1
            point = point[at[point] < end[point]]
        return owner

    def touched(self, lon: float, lat: float, accuracy_m: float) -> NDArray[np.intp]:
        """Return the other cells that the circle of a position's accuracy touches, ascending.

        The cell that holds the position itself (see `locate`) is left out.

        Raises:
            NotAPosition: a coordinate is NaN or infinite.
        """
        _check_finite(lon, lat)
        held = self.locate(lon, lat)[0]
        near = np.flatnonzero(self._box_distances(lon, lat) <= accuracy_m * _SLACK)
        near = near[near != held]
        touching: NDArray[np.intp] = near[self._distances(near, lon, lat) <= accuracy_m]
        return touching

    def nearest(self, lon: float, lat: float) -> Nearest:
        """Return the nearest cell and its distance; the first of several equally near.

        In degrees the foot of the perpendicular is found in a plane scaled by WGS 84's radii of curvature at
        the middle latitude, and the distance to it is the geodesic: less than 0.01 % off PostGIS's
        `geography` for cells (it takes edges as geodesics, which for edges of 5 km differs by 0.4 m).

        Raises:
            NoCells: the grid is empty.
            NotAPosition: a coordinate is NaN or infinite.
        """
        _check_finite(lon, lat)
        held = int(self.locate(lon, lat)[0])
        if held != NO_CELL:
            return Nearest(held, 0.0)
        rough = self._box_distances(lon, lat)
        if not np.isfinite(rough).any():
            raise NoCells
        first = np.flatnonzero(rough == np.nanmin(rough))
        # In the same plane as `rough`: a continent away it is no longer the geodesic's.
        reach = self._metres(self._feet(first, lon, lat), lon, lat).min() * _SLACK
        near = np.flatnonzero(rough <= reach)
        distance = self._distances(near, lon, lat)
        best = int(np.argmin(distance))
        return Nearest(int(near[best]), float(distance[best]))

    def _scale(
        self, lat: float, other: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Metres per unit east and north, halfway between two latitudes."""
        if self._planar:
            return np.ones_like(other), np.ones_like(other)
        phi = (lat + other) / 2.0 * _RAD
        bend = 1.0 - _E2 * np.sin(phi) ** 2
        prime = _WGS84.a / np.sqrt(bend)
        return prime * np.cos(phi) * _RAD, prime * (1.0 - _E2) / bend * _RAD

    def _box_distances(self, lon: float, lat: float) -> NDArray[np.float64]:
        """(m,) metres to the bounds of each cell: never more than to the cell; NaN for empty ones."""
        west, south, east, north = self._polygons.boxes.T
        x = np.clip(lon, west, east) - lon
        y = np.clip(lat, south, north)
        per_x, per_y = self._scale(lat, y)
        rough: NDArray[np.float64] = np.hypot(x * per_x, (y - lat) * per_y)
        return rough

    def _distances(self, cells: NDArray[np.intp], lon: float, lat: float) -> NDArray[np.float64]:
        """(k,) metres to each of the cells, 0 inside."""
        if len(cells) == 0:
            return np.empty(0)
        feet = self._feet(cells, lon, lat)
        here = np.full(len(cells), float(lon)), np.full(len(cells), float(lat))
        away = self._metres(feet, lon, lat) if self._planar else _WGS84.inv(*here, *feet.T)[2]
        inside = shapely.intersects_xy(self._polygons.shapes[cells], lon, lat)
        return np.where(inside, 0.0, away)

    def _feet(self, cells: NDArray[np.intp], lon: float, lat: float) -> NDArray[np.float64]:
        """(k, 2) the nearest point on the edge of each of the cells."""
        count = self._polygons.first_edge[cells + 1] - self._polygons.first_edge[cells]
        begin = np.cumsum(count) - count
        edges = self._polygons.edges[
            np.repeat(self._polygons.first_edge[cells] - begin, count) + np.arange(count.sum())
        ]
        foot = _foot(edges, lon, lat, *self._scale(lat, edges[:, 1]))
        rough = self._metres(foot, lon, lat)
        # The nearest edge of each cell; the foot again with the scale of its own latitude.
        edge = np.array([b + np.argmin(rough[b : b + n]) for b, n in zip(begin, count, strict=True)])
        return _foot(edges[edge], lon, lat, *self._scale(lat, foot[edge, 1]))

    def _metres(self, to: NDArray[np.float64], lon: float, lat: float) -> NDArray[np.float64]:
        per_x, per_y = self._scale(lat, to[:, 1])
        return np.hypot((to[:, 0] - lon) * per_x, (to[:, 1] - lat) * per_y)


def locate(points: ArrayLike, cells: ArrayLike) -> NDArray[np.intp]:
    """Return the index of the cell holding each point; see `Grid.locate`, which serves repeated questions.

    Args:
        points: (n,) shapely points or (n, 2) coordinates, in the CRS of `cells`.
        cells: (m,) shapely polygons with no overlapping interiors.

    Returns:
        (n,) indices into `cells`; NO_CELL where a point lies outside the grid, is empty or None.
    """
    given = np.asarray(points)
    if given.dtype == object:
        given = given.copy()
        given[shapely.is_empty(given)] = None  # GEOS refuses to give the x of an empty point
        return Grid(cells).locate(shapely.get_x(given), shapely.get_y(given))
    xy = given.reshape(-1, 2)
    return Grid(cells).locate(xy[:, 0], xy[:, 1])


def warm_up() -> None:
    """Compile (or load from the cache) what `locate` runs, so that no request waits for it."""
    Grid([shapely.box(0, 0, 1, 1)]).locate([0.5], [0.5])


def _foot(
    edges: NDArray[np.float64],
    lon: float,
    lat: float,
    per_x: NDArray[np.float64],
    per_y: NDArray[np.float64],
) -> NDArray[np.float64]:
    """(e, 2) the point of each edge nearest to a position, in a plane of the given scale."""
    x1, y1 = (edges[:, 0] - lon) * per_x, (edges[:, 1] - lat) * per_y
    dx, dy = (edges[:, 2] - edges[:, 0]) * per_x, (edges[:, 3] - edges[:, 1]) * per_y
    length = dx * dx + dy * dy
    along = np.clip(-(x1 * dx + y1 * dy) / np.where(length > 0, length, 1.0), 0.0, 1.0)[:, None]
    # Exactly the vertex at either end, so that neighbours sharing it are equally far.
    return np.where(along == 1.0, edges[:, 2:], edges[:, :2] + along * (edges[:, 2:] - edges[:, :2]))


def _check_finite(lon: float, lat: float) -> None:
    if not (math.isfinite(lon) and math.isfinite(lat)):
        raise NotAPosition(lon, lat)
