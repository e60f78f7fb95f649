"""A gapless city of cells without any data, and points in it: all that a benchmark needs."""

import numpy as np
import shapely
from numpy.typing import NDArray

WEST, SOUTH = 122.85, 41.00
# About 112 m, the side of 1.26 ha: 12,900 cells then cover the built-up 162.7 km2.
STEP = np.array([0.00134, 0.00101])


def cells(count: int = 12_900, *, seed: int = 1, bends: int = 2) -> NDArray[np.object_]:
    """Return `count` polygons in WGS 84 that share exact edges, each edge bent `bends` times."""
    rows = max(d for d in range(1, int(count**0.5) + 1) if count % d == 0)
    columns = count // rows
    rng = np.random.default_rng(seed)
    x, y = np.meshgrid(np.arange(columns + 1.0), np.arange(rows + 1.0))
    corners = np.stack([x, y], -1) + rng.uniform(-0.28, 0.28, (rows + 1, columns + 1, 2))
    across = _bent(corners[:, :-1], corners[:, 1:], bends, rng)
    upward = _bent(corners[:-1], corners[1:], bends, rng)
    rings = np.concatenate(
        [
            across[:-1, :, :-1],
            upward[:, 1:, :-1],
            across[1:, :, :0:-1],
            upward[:, :-1, ::-1],
        ],
        axis=2,
    )
    return np.asarray(shapely.polygons((WEST, SOUTH) + rings.reshape(count, -1, 2) * STEP))


def points(area: NDArray[np.object_], count: int, *, seed: int = 2) -> NDArray[np.float64]:
    """Return (count, 2) coordinates: 70 % gaussian around the middle, 30 % uniform, some outside."""
    west, south, east, north = shapely.total_bounds(area)
    middle, span = np.array([west + east, south + north]) / 2, np.array([east - west, north - south])
    rng = np.random.default_rng(seed)
    dense = int(count * 0.7)
    xy = np.vstack(
        [
            rng.normal(middle, span / 6, (dense, 2)),
            rng.uniform(middle - span / 2, middle + span / 2, (count - dense, 2)),
        ]
    )
    return np.asarray(rng.permutation(xy))


def vertices(area: NDArray[np.object_]) -> NDArray[np.float64]:
    """Return the (v, 2) different vertices."""
    return np.unique(shapely.get_coordinates(area), axis=0)


def midpoints(area: NDArray[np.object_]) -> NDArray[np.float64]:
    """Return the (e, 2) different midpoints of edges."""
    xy, ring = shapely.get_coordinates(shapely.get_rings(area), return_index=True)
    same = ring[1:] == ring[:-1]
    return np.unique((xy[:-1][same] + xy[1:][same]) / 2, axis=0)


def _bent(
    start: NDArray[np.float64], end: NDArray[np.float64], bends: int, rng: np.random.Generator
) -> NDArray[np.float64]:
    along = np.linspace(0, 1, bends + 2)[:, None]
    line = start[:, :, None] + along * (end - start)[:, :, None]
    line[:, :, 1:-1] += rng.uniform(-0.06, 0.06, line[:, :, 1:-1].shape)
    return line
