"""Street directions and street lines of the demo city, and its curves: river, ring road, axis.

A zone is a stretch of ground with one street direction: a district's main ground, or one outlying
settlement. Its street lines are jittered, 76 to 124 m apart, and the same for all who cut inside it, so
that streets run on across blocks.
"""

from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray

_REACH = 45_000
_GAPS = (76, 124)

Points = NDArray[np.float64]


@dataclass(frozen=True)
class Zone:
    """One street direction: `heading` in radians, `lines` the positions across and along it (m)."""

    heading: float
    lines: tuple[Points, Points]

    def turn(self, xy: Points) -> Points:
        """Return (n, 2) positions along and across the streets."""
        return rotated(xy, -self.heading)

    def snap(self, position: float, axis: int, *, within: float) -> float:
        """Return the street line nearest to a position if it is near enough, else the position."""
        nearest = float(nearest_line(self.lines[axis], np.array([position]))[0])
        return nearest if abs(nearest - position) <= within else position


def make_zone(degrees: float, rng: np.random.Generator, *, spacing: float = 1.0) -> Zone:
    """Return a zone with streets in this direction; `spacing` multiplies the usual distance."""
    low, high = (gap * spacing for gap in _GAPS)
    count = int(2 * _REACH / low)
    first, second = np.cumsum(rng.uniform(low, high, (2, count)), axis=1) - _REACH
    return Zone(float(np.radians(degrees)), (first, second))


def nearest_line(lines: Points, positions: Points) -> Points:
    """Return the line nearest to each position; `lines` ascend."""
    right = np.clip(np.searchsorted(lines, positions), 1, len(lines) - 1)
    low, high = lines[right - 1], lines[right]
    return np.where(positions - low <= high - positions, low, high)


def rotated(xy: Points, angle: float | Points) -> Points:
    """Return positions turned by an angle (one, or one a position) about the origin."""
    cos, sin = np.cos(angle), np.sin(angle)
    return np.column_stack([xy[:, 0] * cos - xy[:, 1] * sin, xy[:, 0] * sin + xy[:, 1] * cos])


@dataclass(frozen=True)
class Curves:
    """Curves of the straight plane that cells do not cross; `kinds` says what each line is."""

    kinds: tuple[str, ...]
    names: tuple[str, ...]
    lines: NDArray[np.object_]


def make_curves(scale: float) -> Curves:
    """Return the river, the ring road and the axis of a city whose lengths are multiplied by `scale`."""
    river = [(-6.4, -3.9), (-5.4, -3.9), (-4.5, -4.6), (-3.4, -5.1), (-2.3, -4.9), (-1.2, -4.3), (-0.2, -3.2),
             (0.9, -2.6), (2.0, -2.5), (3.1, -3.1), (4.6, -4.0), (6.5, -4.4)]  # fmt: skip
    axis = [
        (-7.6, 1.4),
        (-5.6, 0.7),
        (-3.4, -0.7),
        (-1.2, -1.7),
        (0.9, -1.5),
        (2.9, -0.9),
        (4.6, -0.2),
        (7.0, 0.6),
    ]
    angle = np.radians(np.arange(-215, 70, 6))
    ring = np.column_stack([-1.2 + 5.3 * np.cos(angle), -1.1 + 5.2 * np.sin(angle)])
    lines = [_smooth(np.asarray(points, float) * 1000 * scale) for points in (river, axis, ring)]
    return Curves(("river", "arterial", "arterial"), ("南沙河", "胜利大道", "环城路"), np.array(lines))


def _smooth(points: Points, rounds: int = 4) -> shapely.Geometry:
    """Return a line with its corners cut four times (Chaikin), some 40 m from vertex to vertex."""
    for _ in range(rounds):
        a, b = points[:-1], points[1:]
        cut = np.stack([a * 0.75 + b * 0.25, a * 0.25 + b * 0.75], axis=1).reshape(-1, 2)
        points = np.vstack([points[:1], cut, points[-1:]])
    return shapely.simplify(shapely.linestrings(points), 0.4)


def half_plane(zone: Zone, axis: int, position: float, *, below: bool) -> shapely.Geometry:
    """Return the part of the plane on one side of a street line, as a very large rectangle."""
    far = 4.0 * _REACH
    low, high = (-far, position) if below else (position, far)
    corners = [(low, -far), (high, -far), (high, far), (low, far)]
    xy = np.array(corners if axis == 0 else [(b, a) for a, b in corners])
    return shapely.polygons(rotated(xy, zone.heading))


def mean_distance(xy: Points, weights: Points) -> float:
    """Return how far positions lie from the centre on average (m)."""
    return float(np.average(np.hypot(*xy.T), weights=weights)) if weights.sum() > 0 else np.inf
