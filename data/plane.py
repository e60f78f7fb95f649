"""The plane in which the demo city is drawn: metres around its centre, bent at the end.

Streets are cut straight in the *straight* plane. `bend` moves every point by a few smooth waves of at
most some 60 m, so that long streets curve gently; real outlines are taken into the straight plane by
`unbend` first, so that after the bend they lie where they really are.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import pyproj
import shapely
from numpy.typing import NDArray

METRIC_EPSG = 4550
"""CGCS2000 / 3-degree Gauss-Krueger, central meridian 123 E: metres in the demo city."""

DEGREE_DECIMALS = 8
"""Stored degrees are rounded to about a millimetre: equal vertices stay equal in every format."""

_STEPS = 12
Points = NDArray[np.float64]


@dataclass(frozen=True)
class Bend:
    """A sum of sine waves: `waves` is (k, 6): amplitude east, north (m), wave vector (rad/m), two phases."""

    waves: Points

    def shift(self, xy: Points) -> Points:
        """Return the (n, 2) displacement in metres at straight positions."""
        out = np.zeros_like(xy)
        for east, north, kx, ky, first, second in self.waves:
            angle = kx * xy[:, 0] + ky * xy[:, 1]
            out[:, 0] += east * np.sin(angle + first)
            out[:, 1] += north * np.sin(angle + second)
        return out

    def bend(self, xy: Points) -> Points:
        """Return where straight positions lie in the real plane."""
        return xy + self.shift(xy)

    def unbend(self, xy: Points) -> Points:
        """Return the straight positions of real ones, by fixed point; exact to well below a millimetre."""
        straight = xy
        for _ in range(_STEPS):
            straight = xy - self.shift(straight)
        return straight


def make_bend(rng: np.random.Generator) -> Bend:
    """Return three waves of 4 to 7 km that together move a point by at most some 60 m."""
    length = rng.uniform(4_000, 7_000, 3)
    heading = rng.uniform(0, 2 * np.pi, 3)
    k = 2 * np.pi / length
    amplitude = rng.uniform(8, 14, (2, 3))
    phase = rng.uniform(0, 2 * np.pi, (2, 3))
    return Bend(np.column_stack([*amplitude, k * np.cos(heading), k * np.sin(heading), *phase]))


def to_metres(geometry: Any) -> Any:
    """Return WGS 84 geometry (one or an array) in metres of `METRIC_EPSG`."""
    return _project(geometry, 4326, METRIC_EPSG)


def to_degrees(geometry: Any) -> Any:
    """Return metric geometry (one or an array) in WGS 84, each distinct vertex converted once, and rounded.

    A vertex shared by two polygons has the same coordinates in both before and after.
    """

    def convert(xy: Points) -> Points:
        distinct, where = np.unique(xy, axis=0, return_inverse=True)
        return np.round(_transformed(distinct, METRIC_EPSG, 4326), DEGREE_DECIMALS)[where]

    return shapely.transform(geometry, convert)


def _project(geometry: Any, source: int, target: int) -> Any:
    return shapely.transform(geometry, lambda xy: _transformed(xy, source, target))


def _transformed(xy: Points, source: int, target: int) -> Points:
    return np.column_stack(_transformer(source, target).transform(xy[:, 0], xy[:, 1]))


@lru_cache
def _transformer(source: int, target: int) -> pyproj.Transformer:
    return pyproj.Transformer.from_crs(source, target, always_xy=True)
