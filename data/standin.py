"""Stand-ins of our own for outlines and names where the real packages are missing: 演示数据.

Four districts drawn freehand around a centre in the Liaodong plain; they resemble no real boundary.
"""

import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

SOURCE = "own stand-in (演示数据)"

_CENTRE = (122.99, 41.13)
_KM = (0.01192, 0.009)
"""Degrees of longitude and latitude to a kilometre at the centre."""

# Kilometres east and north of the centre. Districts share these chains, point for point.
_NORTH = [(0, 0), (-0.6, 1.4), (-1.4, 3.0), (-1.1, 4.6), (-2.2, 6.2), (-1.6, 8.4)]
_EAST = [(0, 0), (1.2, -0.5), (2.4, -1.5), (3.6, -2.8), (5.2, -4.4), (7.6, -5.2), (10.2, -7.0), (14.0, -8.4),
         (18.6, -9.6)]  # fmt: skip
_SOUTH = [(0, 0), (-1.0, -1.9), (-1.9, -3.6), (-3.0, -5.4), (-3.8, -7.2)]
_WEST = [(-3.8, -7.2), (-6.2, -6.6), (-9.0, -6.4), (-11.6, -5.8), (-14.2, -5.2)]
_SOUTH_EAST = [(-3.8, -7.2), (-1.8, -10.0), (0.8, -9.4), (3.4, -10.8), (4.8, -13.2), (7.2, -16.8)]
_OUTER_NORTH_WEST = [
    (-14.2, -5.2),
    (-15.6, -1.6),
    (-13.8, 2.2),
    (-11.0, 5.0),
    (-8.2, 7.4),
    (-4.8, 8.8),
    (-1.6, 8.4),
]
_OUTER_NORTH_EAST = [(-1.6, 8.4), (2.2, 9.2), (6.4, 8.2), (10.8, 6.6), (12.6, 2.4), (13.4, -1.0),
                     (17.2, -2.6), (19.8, -6.0), (18.6, -9.6)]  # fmt: skip
_OUTER_EAST = [(18.6, -9.6), (17.0, -13.4), (12.6, -17.2), (7.2, -16.8)]
_OUTER_SOUTH = [(7.2, -16.8), (8.4, -20.6), (4.2, -24.6), (-2.6, -25.8), (-9.4, -24.4), (-14.8, -21.8),
                (-19.6, -17.4), (-18.4, -12.8), (-15.0, -9.4), (-14.2, -5.2)]  # fmt: skip

_TOWNS = {"210302": 11, "210303": 9, "210304": 9, "210311": 5}
_COMMUNITIES = {"210302": 108, "210303": 95, "210304": 116, "210311": 64}


def outlines() -> NDArray[np.object_]:
    """Return four WGS 84 polygons that share their edges exactly: east, west, north and south district."""
    east = [*_EAST, *_OUTER_EAST[1:], *_SOUTH_EAST[::-1][1:], *_SOUTH[::-1][1:-1]]
    west = [*_SOUTH, *_WEST[1:], *_OUTER_NORTH_WEST[1:], *_NORTH[::-1][1:-1]]
    north = [*_NORTH, *_OUTER_NORTH_EAST[1:], *_EAST[::-1][1:-1]]
    south = [*_SOUTH_EAST, *_OUTER_SOUTH[1:], *_WEST[::-1][1:-1]]
    return np.array([shapely.polygons(_degrees(ring)) for ring in (east, west, north, south)])


def names() -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return towns and communities with invented names, as many as in the real list."""
    towns: list[tuple[str, str, str]] = []
    communities: list[tuple[str, str, str, bool]] = []
    for district, count in _TOWNS.items():
        for number in range(1, count + 1):
            town = f"{district}{number:03d}"
            towns.append((town, f"演示{district[4:]}-{number}街道", district))
            # Shares differ by at most one and add up to the district's number.
            first, last = ((number + step) * _COMMUNITIES[district] // count for step in (-1, 0))
            rural = number > count * 2 // 3
            for k in range(1, last - first + 1):
                code = f"{town}{k + (200 if rural else 0):03d}"
                communities.append((code, f"演示{number}-{k}{'村' if rural else '社区'}", town, rural))
    return (
        pd.DataFrame(towns, columns=["code", "name", "district"]),
        pd.DataFrame(communities, columns=["code", "name", "town", "village"]),
    )


def _degrees(ring: list[tuple[float, float]]) -> NDArray[np.float64]:
    xy: NDArray[np.float64] = np.asarray(_CENTRE) + np.asarray(ring, float) * np.asarray(_KM)
    return xy
