"""The built-up ground of the demo city: lobes around its centre, parks, and how dense the cells lie.

Everything is in metres of the straight plane (`data.plane`) relative to the city's centre, the point
where the three urban districts meet.
"""

from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray

BUILT_UP_M2 = 162.7e6
"""Built-up area of the full-size city."""

FULL_SIZE = 12_900
_FINE_HA, _COARSE_HA, _SETTLEMENT_HA = 0.65, 2.5, 1.25
_VERTICES = 72

Points = NDArray[np.float64]

# Centre east, north (km), half axes (km), heading of the long axis (degrees).
_LOBES = np.array(
    [
        (1.3, -2.3, 3.6, 2.6, 41),  # Tiedong, the core
        (-3.5, -2.7, 3.8, 3.0, 44),  # Tiexi
        (2.1, 2.4, 3.4, 2.4, 41),  # Lishan
        (4.5, 2.6, 2.0, 1.7, 35),
        (0.4, 4.5, 1.9, 1.2, 60),
        (-2.7, -7.2, 2.5, 1.7, 45),
        (-5.4, -1.0, 2.6, 2.0, 44),
        (-6.9, 2.3, 2.2, 1.7, 40),
        (-3.1, 1.7, 2.4, 1.6, 44),
        (-0.9, 0.6, 2.0, 1.5, 44),  # the railway station
        (7.7, 1.7, 1.9, 1.4, 20),
        (-9.4, -1.7, 1.6, 1.2, 160),
        (11.4, -5.0, 1.1, 1.0, 70),
        (4.7, -7.0, 2.3, 1.4, 160),
        (9.7, -12.8, 1.0, 0.7, 10),
        (-6.9, -11.2, 1.4, 1.1, 60),
        (-7.0, -15.0, 1.3, 1.1, 30),
        (-15.7, -16.0, 1.4, 1.2, 25),
        (-11.9, -18.3, 1.3, 1.1, 75),
    ]
)
# Hills, parks and a railway yard: holes in the built-up ground.
_PARKS = np.array(
    [
        (0.75, 0.15, 0.5, 0.3, 15),
        (-1.6, -4.6, 0.45, 0.4, 60),
        (2.2, -3.6, 0.95, 0.8, 35),
        (-0.9, 2.6, 0.5, 0.25, 80),
    ]
)
# Steelworks: centre, radius (km), and how many times larger their cells are.
_WORKS = np.array([(3.7, 3.4, 1.5, 5.0), (-2.6, 0.9, 1.2, 6.0), (-7.2, -0.6, 0.9, 3.0)])
_CORES = np.array([(1.2, -1.6), (-3.0, -2.4), (2.2, 1.6)])


@dataclass(frozen=True)
class Footprint:
    """The ground to be cut into cells.

    `ground` is what cells must have their centre in; `scale` what lengths were multiplied by against the
    full-size city; `cell_scale` what a cell's area is multiplied by.
    """

    ground: shapely.Geometry
    scale: float
    cell_scale: float

    @property
    def sample_m(self) -> float:
        """How far apart sample positions lie when the ground is shared out."""
        return 55.0 * self.scale

    def cell_size_m2(self, xy: Points) -> Points:
        """Return the wanted area of a cell at each of (n, 2) positions."""
        at = xy / self.scale / 1000
        away = np.min(np.hypot(*(at[:, None] - _CORES).transpose(2, 0, 1)), axis=1)
        t = np.clip((away - 0.8) / 7.0, 0, 1)
        size = _FINE_HA + (_COARSE_HA - _FINE_HA) * t * t * (3 - 2 * t)
        # Outlying settlements are small towns of their own, not fringe.
        size -= (_COARSE_HA - _SETTLEMENT_HA) * np.clip((away - 7.5) / 2, 0, 1)
        for east, north, radius, times in _WORKS:
            near = np.clip(1.5 - np.hypot(at[:, 0] - east, at[:, 1] - north) / radius, 0, 1)
            size *= 1 + (times - 1) * np.minimum(near * 2, 1)
        return np.asarray(size * 1e4 * self.cell_scale)

    def industrial(self, xy: Points) -> NDArray[np.bool_]:
        """Say which positions lie in a steelworks, where nobody lives."""
        at = xy / self.scale / 1000
        away = np.hypot(*(at[:, None] - _WORKS[:, :2]).transpose(2, 0, 1))
        return np.asarray((away < _WORKS[:, 2]).any(axis=1))

    def density(self, xy: Points) -> Points:
        """Return how urban each position is: 1 in the cores, falling to about 0.15 at the fringe."""
        at = xy / self.scale / 1000
        away = np.min(np.hypot(*(at[:, None] - _CORES).transpose(2, 0, 1)), axis=1)
        return np.asarray(0.15 + 0.85 * np.exp(-((away / 3.2) ** 2)))


def make_footprint(cells: int, rng: np.random.Generator) -> Footprint:
    """Return the built-up ground of a city of so many cells.

    A smaller city is the same one drawn smaller, with cells as large; a larger one stays on its ground,
    with smaller cells.
    """
    share = cells / FULL_SIZE
    scale, cell_scale = min(1.0, share) ** 0.5, min(1.0, 1 / share)
    lobes = [_blob(row, rng, roughness=0.09) for row in _LOBES]
    parks = shapely.union_all([_blob(row, rng, roughness=0.05) for row in _PARKS])

    def ground(times: float) -> shapely.Geometry:
        grown = [shapely.affinity.scale(lobe, times, times, origin="centroid") for lobe in lobes]
        # Gaps left between lobes are built up too: only parks are holes.
        filled = [shapely.polygons(part.exterior) for part in shapely.get_parts(shapely.union_all(grown))]
        return shapely.difference(shapely.union_all(filled), parks)

    low, high = 0.4, 2.0
    for _ in range(20):
        times = (low + high) / 2
        low, high = (times, high) if ground(times).area * 1e6 < BUILT_UP_M2 else (low, times)
    metres = shapely.affinity.scale(ground(low), 1000 * scale, 1000 * scale, origin=(0, 0))
    return Footprint(metres, scale, cell_scale)


def _blob(row: Points, rng: np.random.Generator, *, roughness: float) -> shapely.Geometry:
    """Return an ellipse (centre, half axes, heading) with a few waves on its outline."""
    east, north, long, short, heading = row
    angle = np.linspace(0, 2 * np.pi, _VERTICES, endpoint=False)
    waves = np.arange(2, 8)
    amplitude = rng.normal(0, roughness, waves.size) / np.sqrt(waves - 1)
    phase = rng.uniform(0, 2 * np.pi, waves.size)
    radius = 1 + (amplitude[:, None] * np.sin(waves[:, None] * angle + phase[:, None])).sum(axis=0)
    x, y = long * radius * np.cos(angle), short * radius * np.sin(angle)
    turn = np.radians(heading)
    return shapely.make_valid(
        shapely.polygons(
            np.column_stack(
                [east + x * np.cos(turn) - y * np.sin(turn), north + x * np.sin(turn) + y * np.cos(turn)]
            )
        )
    )
