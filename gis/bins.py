"""Polygons filed in a uniform grid of bins, so that a point meets only those that may hold it.

A bin lists, in ascending order, the polygons that its points may belong to. A polygon none of whose edges
comes near a bin either covers all of it or nothing: it is tested once, here, and listed as covering or
left out. So most points away from edges are placed by looking up their bin.

Why that is exact: the bin of a point comes from one monotone formula, so bins are rectangles and the bins
of an edge lie between the bins of its ends. Any other bin has no point in the edge's bounds.
"""

from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray

# Bins are an eighth of the median polygon wide and high, in any unit: about 15 m in a city of cells, where
# two thirds of the points then need no test at all. Wider ones cost speed, narrower ones time to build.
_BINS_ACROSS = 8.0
_MOST_BINS = 4_000_000
_MOST_ENTRIES = 6_000_000


@dataclass(frozen=True, slots=True)
class Polygons:
    """Polygons taken apart.

    `shapes` (m,) shapely; `edges` (e, 4) as x1, y1, x2, y2 of all rings, polygon after polygon; `first_edge`
    (m + 1,) offsets into them; `boxes` (m, 4) bounds, NaN for those that hold nothing: without an edge, or
    with a coordinate that is not finite.
    """

    shapes: NDArray[np.object_]
    edges: NDArray[np.float64]
    first_edge: NDArray[np.int64]
    boxes: NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Bins:
    """The grid of bins.

    `frame` is west, south, east, north, bins per unit east, bins per unit north. The bin with the number
    `row * columns + column` lists `entries[first[bin]:first[bin + 1]]`: an index where the polygon must be
    tested, `~index` where it covers the whole bin.
    """

    frame: NDArray[np.float64]
    columns: int
    rows: int
    entries: NDArray[np.int32]
    first: NDArray[np.int64]

    def of(
        self, x: NDArray[np.float64], y: NDArray[np.float64]
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return column and row of points inside the frame."""
        # The same arithmetic as in the compiled loop.
        column = ((x - self.frame[0]) * self.frame[4]).astype(np.int64)
        row = ((y - self.frame[1]) * self.frame[5]).astype(np.int64)
        return np.minimum(column, self.columns - 1), np.minimum(row, self.rows - 1)


def taken_apart(shapes: NDArray[np.object_]) -> Polygons:
    """Return the edges and bounds of polygons and multipolygons; anything else has none."""
    parts, shape_of_part = shapely.get_parts(shapes, return_index=True)
    rings, part_of_ring = shapely.get_rings(parts, return_index=True)
    xy, ring = shapely.get_coordinates(rings, return_index=True)
    same = ring[1:] == ring[:-1]
    edges = np.ascontiguousarray(np.hstack([xy[:-1][same], xy[1:][same]]))
    shape = shape_of_part[part_of_ring[ring[:-1][same]]]
    first = np.searchsorted(shape, np.arange(len(shapes) + 1)).astype(np.int64)
    boxes = shapely.bounds(shapes).reshape(-1, 4)
    boxes[np.diff(first) == 0] = np.nan
    boxes[shape[~np.isfinite(edges).all(axis=1)]] = np.nan
    return Polygons(shapes, edges, first, np.ascontiguousarray(boxes))


def filed(polygons: Polygons) -> Bins:
    """Return the polygons filed in bins."""
    finite = np.isfinite(polygons.boxes).all(axis=1)
    real, boxes = np.flatnonzero(finite), polygons.boxes[finite]
    edges = polygons.edges[np.repeat(finite, np.diff(polygons.first_edge))]
    bounds = np.hstack([np.minimum(edges[:, :2], edges[:, 2:]), np.maximum(edges[:, :2], edges[:, 2:])])
    frame, columns, rows = _frame(boxes, bounds)
    bins = Bins(frame, columns, rows, np.empty(0, np.int32), np.zeros(columns * rows + 1, np.int64))
    nth, column, row = _met(boxes, bins)
    near = _near_edges(polygons, real, bounds, bins)
    covers = np.zeros(len(nth), bool)
    covers[~near] = _covered(polygons.shapes[real], nth[~near], column[~near], row[~near], bins)
    listed = near | covers
    entry = np.where(covers, ~real[nth], real[nth])[listed].astype(np.int32)
    where = (row * columns + column)[listed]
    order = np.argsort(where, kind="stable")
    first = np.searchsorted(where[order], np.arange(columns * rows + 1)).astype(np.int64)
    return Bins(frame, columns, rows, entry[order], first)


def _met(boxes: NDArray[np.float64], bins: Bins) -> tuple[NDArray[np.int64], ...]:
    """All pairs of a box and a bin that it meets, box after box, row after row: box, column, row."""
    west, south, wide, high = _extent(boxes, bins)
    box, nth = spread(wide * high)
    return box, west[box] + nth % wide[box], south[box] + nth // wide[box]


def _extent(boxes: NDArray[np.float64], bins: Bins) -> tuple[NDArray[np.int64], ...]:
    """First column, first row, number of columns and of rows that boxes meet."""
    west, south = bins.of(boxes[:, 0], boxes[:, 1])
    east, north = bins.of(boxes[:, 2], boxes[:, 3])
    return west, south, east - west + 1, north - south + 1


def _near_edges(
    polygons: Polygons, real: NDArray[np.intp], bounds: NDArray[np.float64], bins: Bins
) -> NDArray[np.bool_]:
    """Say for each pair that `_met` gives for the real polygons whether an edge of the polygon comes near."""
    west, south, wide, high = _extent(polygons.boxes[real], bins)
    begin = np.cumsum(wide * high) - wide * high
    polygon_of_edge = np.repeat(np.arange(len(real)), np.diff(polygons.first_edge)[real])
    edge, column, row = _met(bounds, bins)
    polygon = polygon_of_edge[edge]
    near = np.zeros((wide * high).sum(), bool)
    near[begin[polygon] + (row - south[polygon]) * wide[polygon] + column - west[polygon]] = True
    return near


def _covered(
    shapes: NDArray[np.object_],
    nth: NDArray[np.int64],
    column: NDArray[np.int64],
    row: NDArray[np.int64],
    bins: Bins,
) -> NDArray[np.bool_]:
    """Say for bins away from the edges of a polygon whether it covers them."""
    # Neighbours in a row have no edge between them, so that one test answers for the whole run.
    begins = np.ones(len(nth), bool)
    begins[1:] = (nth[1:] != nth[:-1]) | (row[1:] != row[:-1]) | (column[1:] != column[:-1] + 1)
    x = bins.frame[0] + (column[begins] + 0.5) / bins.frame[4]
    y = bins.frame[1] + (row[begins] + 0.5) / bins.frame[5]
    inside = np.asarray(shapely.intersects_xy(shapes[nth[begins]], x, y), bool)
    covered: NDArray[np.bool_] = inside[np.cumsum(begins) - 1]
    return covered


def spread(count: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return for each of `count.sum()` items its owner's index and its place within the owner."""
    owner = np.repeat(np.arange(len(count)), count)
    return owner, np.arange(len(owner)) - np.repeat(np.cumsum(count) - count, count)


def _frame(boxes: NDArray[np.float64], edges: NDArray[np.float64]) -> tuple[NDArray[np.float64], int, int]:
    """Bounds of all with bins per unit, and the number of columns and rows.

    Bins grow while there would be too many of them (a stray polygon far off) or of their entries (a polygon
    or an edge across all the others).
    """
    if len(boxes) == 0:
        return np.array([1.0, 1.0, 0.0, 0.0, 0.0, 0.0]), 1, 1
    low, high = boxes[:, :2].min(axis=0), boxes[:, 2:].max(axis=0)
    span = high - low
    size = np.median(boxes[:, 2:] - boxes[:, :2], axis=0) / _BINS_ACROSS
    size = np.where(size > 0, size, np.where(span > 0, span, 1.0))
    while True:
        shape = np.maximum(np.ceil(span / size), 1)
        met = max(np.prod((b[:, 2:] - b[:, :2]) / size + 1, axis=1).sum() for b in (boxes, edges))
        if np.prod(shape) <= _MOST_BINS and met <= _MOST_ENTRIES:
            break
        size *= 2.0
    return np.concatenate([low, high, 1.0 / size]), int(shape[0]), int(shape[1])
