"""The finished grid of the demo city, from which everything else is derived."""

from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray

from data.cells import make_cells
from data.divisions import divide
from data.footprint import Footprint, make_footprint
from data.plane import make_bend, to_degrees, to_metres
from data.shares import apportioned
from data.sources import Names, Outlines
from data.streets import Curves, make_curves
from gis.codes import cell_codes
from gis.partition import Edges, edges

_OUTLINE_STEP_M = 15.0

Points = NDArray[np.float64]


@dataclass(frozen=True)
class Plan:
    """Cells in ascending code.

    `polygons` in degrees; `net`, `centres` and `curves` in metres; `straight` the centres in the straight
    plane of `footprint`. `community` numbers the rows of `communities`, and `town` gives the number of each
    one's town.
    """

    polygons: NDArray[np.object_]
    code: NDArray[np.str_]
    community: NDArray[np.intp]
    communities: NDArray[np.str_]
    town: NDArray[np.intp]
    net: Edges
    centres: Points
    area_m2: Points
    straight: Points
    footprint: Footprint
    curves: Curves

    @property
    def lively(self) -> Points:
        """How much goes on in each cell: its share of people and of what stands inside it, relative."""
        return self.area_m2 * self.footprint.density(self.straight)

    @property
    def industrial(self) -> NDArray[np.bool_]:
        """Which cells lie in a steelworks."""
        return self.footprint.industrial(self.straight)


def make_plan(outlines: Outlines, names: Names, count: int, rng: np.random.Generator) -> Plan:
    """Return the grid of a city of exactly `count` cells.

    Raises:
        TooFewCells: the ground cannot be cut into so many cells.
        TooManyCells: a community has more cells than its numbers can count.
    """
    metric = to_metres(outlines.geometry)
    centre = _meeting_point(metric)
    bend = make_bend(rng)
    straight = shapely.transform(
        shapely.segmentize(metric, _OUTLINE_STEP_M), lambda xy: bend.unbend(xy - centre)
    )
    footprint = make_footprint(count, rng)
    curves = make_curves(footprint.scale)
    divisions, zones = divide(dict(zip(outlines.codes, straight, strict=True)), footprint, names, rng=rng)
    cells = make_cells(divisions, zones, footprint=footprint, curves=curves, count=count, rng=rng)
    real = shapely.transform(cells.polygons, lambda xy: bend.bend(xy) + centre)
    middle = shapely.get_coordinates(shapely.centroid(real))
    code = cell_codes(cells.community, *middle.T)
    order = np.argsort(code)
    communities, community = np.unique(cells.community[order], return_inverse=True)
    return Plan(
        polygons=shapely.normalize(to_degrees(real[order])),
        code=code[order],
        community=community,
        communities=communities,
        town=np.unique(communities.astype("<U9"), return_inverse=True)[1],
        net=edges(real[order]),
        centres=middle[order],
        area_m2=shapely.area(real[order]),
        straight=shapely.get_coordinates(shapely.centroid(cells.polygons[order])),
        footprint=footprint,
        curves=Curves(
            curves.kinds,
            curves.names,
            shapely.transform(curves.lines, lambda xy: bend.bend(xy) + centre),
        ),
    )


def population(plan: Plan, total: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """Return the people of each cell, `total` together; next to nobody lives in a steelworks."""
    luck = rng.lognormal(0, 0.45, len(plan.polygons))
    return apportioned(plan.lively * luck * np.where(plan.industrial, 0.01, 1.0), total)


def _meeting_point(districts: NDArray[np.object_]) -> Points:
    """Return where the first three districts meet: the centre of the drawing."""
    return np.asarray(shapely.get_coordinates(shapely.intersection_all(districts[:3]))[0])
