"""Whole numbers that add up, and random positions inside polygons."""

import numpy as np
import shapely
from numpy.typing import NDArray

from data.plane import DEGREE_DECIMALS

_TRIES = 40


def apportioned(weights: NDArray[np.float64], total: int) -> NDArray[np.int64]:
    """Return whole numbers in proportion to weights that add up to `total` (largest remainders)."""
    exact = weights / weights.sum() * total
    whole: NDArray[np.int64] = np.floor(exact).astype(np.int64)
    short = total - int(whole.sum())
    whole[np.argsort(whole - exact, kind="stable")[:short]] += 1
    return whole


def drawn(weights: NDArray[np.float64], count: int, rng: np.random.Generator) -> NDArray[np.intp]:
    """Return `count` indices drawn in proportion to weights, with replacement."""
    heaped = np.cumsum(weights)
    return np.asarray(np.searchsorted(heaped, rng.random(count) * heaped[-1], side="right"))


def positions_inside(polygons: NDArray[np.object_], rng: np.random.Generator) -> NDArray[np.float64]:
    """Return for each polygon (degrees) one random position strictly inside, (n, 2), rounded as stored."""
    west, south, east, north = shapely.bounds(polygons).T
    found = shapely.get_coordinates(shapely.point_on_surface(polygons))
    open_ = np.arange(len(polygons))
    for _ in range(_TRIES):
        if len(open_) == 0:
            break
        x = rng.uniform(west[open_], east[open_])
        y = rng.uniform(south[open_], north[open_])
        xy = np.round(np.column_stack([x, y]), DEGREE_DECIMALS)
        inside = shapely.contains_xy(polygons[open_], xy[:, 0], xy[:, 1])
        found[open_[inside]] = xy[inside]
        open_ = open_[~inside]
    return np.asarray(np.round(found, DEGREE_DECIMALS))


NO_CELL = -1


def cells_of(xy: NDArray[np.float64], cells: NDArray[np.object_]) -> NDArray[np.intp]:
    """Return the index of the cell that holds each position in its interior, `NO_CELL` where none does."""
    points = shapely.points(xy)
    cell, point = shapely.STRtree(points).query(cells, predicate="contains_properly")
    found = np.full(len(points), NO_CELL)
    found[point] = cell
    return found
