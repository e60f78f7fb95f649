"""Whether cells make a coverage: where they overlap, where they leave gaps, where edges do not meet.

Areas and lengths are in metres, so that geometry comes in a metric CRS, but whether two edges are the same
is asked in the coordinates that are stored.
"""

from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray

Shapes = NDArray[np.object_]
Indices = NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class Overlaps:
    """Pairs of cells (first < second) and the pieces that both claim."""

    first: Indices
    second: Indices
    pieces: Shapes


@dataclass(frozen=True, slots=True)
class Gaps:
    """Pieces of an area that no cell covers, and the index of that area."""

    area: Indices
    pieces: Shapes


def polygons_of(shapes: Shapes) -> Shapes:
    """Return the shapes valid and polygonal, empty ones for what has no area; keeps the length."""
    valid = shapely.make_valid(np.asarray(shapes, object), method="structure")
    collections = np.flatnonzero(shapely.get_type_id(valid) == 7)
    for index in collections:
        parts = [p for p in shapely.get_parts(valid[index]) if p.geom_type in {"Polygon", "MultiPolygon"}]
        valid[index] = shapely.union_all(parts) if parts else shapely.Polygon()
    flat = ~np.isin(shapely.get_type_id(valid), (3, 6))
    valid[flat] = shapely.Polygon()
    return np.asarray(valid, object)


def overlaps(cells: Shapes, metric: Shapes, *, least_m2: float) -> Overlaps:
    """Return the pairs of cells that share more than `least_m2`.

    Args:
        cells: (n,) valid polygons as stored.
        metric: (n,) the same in a metric CRS.
        least_m2: smaller pieces are rounding.
    """
    # Of a pair that overlaps at least one has an edge that the other does not share.
    suspect = ~shapely.is_empty(mismatched_edges(cells))
    suspects = np.flatnonzero(suspect)
    first, second = shapely.STRtree(metric).query(metric[suspects], predicate="intersects")
    first = suspects[first]
    # Each pair once: a pair of suspects is met from both sides.
    once = (first < second) | ((first > second) & ~suspect[second])
    first, second = np.minimum(first, second)[once], np.maximum(first, second)[once]
    order = np.lexsort((second, first))
    first, second = first[order], second[order]
    pieces = shapely.intersection(metric[first], metric[second])
    real = shapely.area(pieces) > least_m2
    return Overlaps(first[real], second[real], pieces[real])


def mismatched_edges(cells: Shapes) -> Shapes:
    """Return, for every cell, the edges that a neighbour does not share exactly; empty where all is well."""
    return np.asarray(shapely.coverage_invalid_edges(cells), object)


def gaps(metric: Shapes, areas: Shapes, *, least_m2: float) -> Gaps:
    """Return the pieces of `areas` larger than `least_m2` that no cell covers; both in a metric CRS."""
    tree = shapely.STRtree(metric)
    owners: list[int] = []
    found: list[object] = []
    for index, area in enumerate(areas):
        near = tree.query(area, predicate="intersects")
        rest = shapely.difference(area, shapely.union_all(metric[near]))
        pieces = shapely.get_parts(rest)
        pieces = pieces[shapely.area(pieces) > least_m2]
        owners += [index] * len(pieces)
        found += list(pieces)
    return Gaps(np.array(owners, np.intp), np.array(found, object))


def width_m(pieces: Shapes) -> NDArray[np.float64]:
    """Return the mean width of each piece: twice its area by its outline's length."""
    outline = shapely.length(pieces)
    return np.asarray(2 * shapely.area(pieces) / np.where(outline > 0, outline, 1.0))


def outside(metric: Shapes, areas: Shapes, owner: Indices) -> NDArray[np.float64]:
    """Return how many square metres of each cell lie outside the area it names (`owner`, -1 for none)."""
    found = np.zeros(len(metric))
    shapely.prepare(areas)
    known = np.flatnonzero(owner >= 0)
    out = known[~shapely.covered_by(metric[known], areas[owner[known]])]
    found[out] = shapely.area(shapely.difference(metric[out], areas[owner[out]]))
    return found
