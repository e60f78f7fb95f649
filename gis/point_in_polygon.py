"""Compiled point in polygon over a uniform grid of bins; present only where numba is installed.

Ray crossing with the orientation test of J. R. Shewchuk, "Adaptive Precision Floating-Point Arithmetic and
Fast Robust Geometric Predicates" (1997), first stage only: the sign of the determinant is certain when
it exceeds an error bound. Where it is not, the point is handed back as UNDECIDED and exact arithmetic
(GEOS) decides.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

OUTSIDE = -1
UNDECIDED = -2

_IN, _OUT, _UNSURE = 1, 0, 2
# (3 + 16 eps) eps with eps = 2^-53, Shewchuk's ccwerrboundA; doubled, which costs nothing.
_BOUND = 2.0 * (3.0 + 16.0 * 2.0**-53) * 2.0**-53
# Below this the products of the determinant may have lost bits to underflow.
_TINY = 1e-290


def _compiled(function: Callable[..., Any]) -> Callable[..., Any]:
    try:
        return njit(cache=True, nogil=True)(function)
    except RuntimeError:  # no place to keep the cache, as in a read-only installation: compile each time
        return njit(nogil=True)(function)


@_compiled
def _inside(  # noqa: C901  one loop, so that it compiles to one
    x: float, y: float, edges: NDArray[np.float64], start: int, stop: int
) -> int:
    odd = False
    for e in range(start, stop):
        y1, y2 = edges[e, 1], edges[e, 3]
        if (y1 < y and y2 < y) or (y1 > y and y2 > y):
            continue
        x1, x2 = edges[e, 0], edges[e, 2]
        if x1 < x and x2 < x:
            continue
        if (x1 == x and y1 == y) or (x2 == x and y2 == y):
            return _IN
        if y1 == y2:
            if x1 < x or x2 < x:  # one end to the left, so the other is to the right
                return _IN
            continue
        if (y1 > y) == (y2 > y):
            continue
        if not (x1 > x and x2 > x):
            left = (x1 - x) * (y2 - y)
            right = (x2 - x) * (y1 - y)
            det = left - right
            size = abs(left) + abs(right)
            if size < _TINY or abs(det) <= _BOUND * size:
                return _UNSURE
            if (det > 0.0) != (y2 > y1):
                continue
        odd = not odd
    return _IN if odd else _OUT


@_compiled
def locate(  # noqa: PLR0917  compiled functions take no keywords
    xs: NDArray[np.float64],
    ys: NDArray[np.float64],
    edges: NDArray[np.float64],
    first_edge: NDArray[np.int64],
    boxes: NDArray[np.float64],
    entries: NDArray[np.int32],
    first_entry: NDArray[np.int64],
    frame: NDArray[np.float64],
    columns: int,
    rows: int,
) -> NDArray[np.int64]:
    """Return, for each point, the first polygon that covers it, OUTSIDE or UNDECIDED.

    Args:
        xs: (n,) eastings or longitudes.
        ys: (n,) northings or latitudes.
        edges: (e, 4) x1, y1, x2, y2 of all rings, polygon after polygon.
        first_edge: (m + 1,) offsets into `edges`.
        boxes: (m, 4) bounds of the polygons.
        entries: what each bin lists, see `gis.bins.Bins`.
        first_entry: (columns * rows + 1,) offsets into `entries`.
        frame: west, south, east, north of all, bins per unit east, bins per unit north.
        columns: bins from west to east.
        rows: bins from south to north.
    """
    found = np.empty(xs.size, np.int64)
    west, south, east, north = frame[0], frame[1], frame[2], frame[3]
    for i in range(xs.size):
        x, y = xs[i], ys[i]
        found[i] = OUTSIDE
        if not (west <= x <= east and south <= y <= north):  # false for NaN as well
            continue
        column = min(int((x - west) * frame[4]), columns - 1)
        row = min(int((y - south) * frame[5]), rows - 1)
        here = row * columns + column
        for k in range(first_entry[here], first_entry[here + 1]):
            c = entries[k]
            if c < 0:
                found[i] = ~c
                break
            if x < boxes[c, 0] or y < boxes[c, 1] or x > boxes[c, 2] or y > boxes[c, 3]:
                continue
            answer = _inside(x, y, edges, first_edge[c], first_edge[c + 1])
            if answer != _OUT:
                found[i] = c if answer == _IN else UNDECIDED
                break
    return found
