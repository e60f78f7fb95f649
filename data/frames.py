"""The demo city's frames: WGS 84 geometry, text codes, one row a thing, in ascending code."""

from collections.abc import Mapping
from datetime import date
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from data import people
from data.facilities import Ground, codes, conditions, install_days, make_facilities, placements
from data.incidents import FULL_INCIDENTS, NOTHING, Places, categories, make_incidents, texts
from data.network import Network
from data.plan import Plan
from data.plane import DEGREE_DECIMALS, to_degrees
from data.posts import Territories
from data.reference import case_types, facility_types
from data.shares import positions_inside
from data.sources import CITY_CODE, CITY_NAME, DISTRICTS, Names, Outlines

_ON_DUTY = 0.93
_BY_BACKUP = 0.04
_SOURCES = {"worker": 0.7, "citizen": 0.26, "operator": 0.04}
_FULL_CELLS = 12_900


def areas_frame(plan: Plan, outlines: Outlines, names: Names) -> gpd.GeoDataFrame:
    """Return areas (code, level, name, parent): real districts, the rest unions of their cells."""
    towns = np.unique(plan.communities.astype("<U9"))
    district = shapely.transform(outlines.geometry, lambda xy: np.round(xy, DEGREE_DECIMALS))
    name = {**DISTRICTS, CITY_CODE: CITY_NAME}
    for frame in (names.towns, names.communities):
        name.update(zip(frame["code"], frame["name"], strict=True))
    of_town = plan.town[plan.community]
    code = [CITY_CODE, *outlines.codes, *towns, *plan.communities]
    geometry = [
        shapely.coverage_union_all(district),
        *district,
        *_unions(plan.polygons, of_town),
        *_unions(plan.polygons, plan.community),
    ]
    levels = [
        ("city", 1),
        ("district", len(district)),
        ("town", len(towns)),
        ("community", len(plan.communities)),
    ]
    return _frame(
        {
            "code": code,
            "level": [level for level, count in levels for _ in range(count)],
            "name": [name[each] for each in code],
            "parent": [None if len(c) == 6 and c == CITY_CODE else _parent(c) for c in code],
        },
        np.array([shapely.multipolygons(shapely.get_parts(shape)) for shape in geometry], object),
    )


def _parent(code: str) -> str:
    return CITY_CODE if len(code) == 6 else code[:-3]


def _unions(polygons: NDArray[np.object_], group: NDArray[np.intp]) -> list[shapely.Geometry]:
    order = np.argsort(group, kind="stable")
    starts = np.flatnonzero(np.diff(group[order])) + 1
    return [
        shapely.normalize(shapely.coverage_union_all(polygons[members]))
        for members in np.split(order, starts)
    ]


def cells_frame(plan: Plan, people_in: NDArray[np.int64]) -> gpd.GeoDataFrame:
    """Return cells (code, community, population, area_m2)."""
    return _frame(
        {
            "code": plan.code,
            "community": plan.communities[plan.community],
            "population": people_in,
            "area_m2": np.round(plan.area_m2, 1),
        },
        plan.polygons,
    )


def posts_frame(plan: Plan, territories: Territories) -> pd.DataFrame:
    """Return posts (code, worker, cell, role): one row for each cell and role."""
    second = territories.backup[territories.post]
    held = np.flatnonzero(second != NOTHING)
    cell = np.concatenate([np.arange(len(plan.code)), held])
    holder = np.concatenate([territories.post, second[held]])
    frame = pd.DataFrame(
        {
            "code": _numbered("P", territories.post[cell]),
            "worker": _numbered("W", holder),
            "cell": plan.code[cell],
            "role": np.repeat(["primary", "backup"], [len(plan.code), len(held)]),
        }
    )
    return frame.sort_values(["cell", "role"], ascending=[True, False], kind="stable", ignore_index=True)


def workers_frame(plan: Plan, territories: Territories, rng: np.random.Generator) -> gpd.GeoDataFrame:
    """Return workers (code, name, phone, home, on_duty, lon, lat) at a position inside their own cells."""
    count = len(territories.home)
    order = rng.permutation(len(plan.polygons))
    _, first = np.unique(territories.post[order], return_index=True)
    lonlat = positions_inside(plan.polygons[order[first]], rng)
    return _frame(
        {
            "code": _numbered("W", np.arange(count)),
            "name": people.names(count, rng),
            "phone": people.phones(count),
            "home": plan.communities[territories.home],
            "on_duty": rng.random(count) < _ON_DUTY,
            "lon": lonlat[:, 0],
            "lat": lonlat[:, 1],
        },
        shapely.points(lonlat),
    )


def streets_frame(plan: Plan, network: Network, rng: np.random.Generator) -> gpd.GeoDataFrame:
    """Return streets (kind, name): the network's arterials, streets and river, in its order."""
    drawn = network.of("arterial", "street", "river")
    kinds = network.kinds[drawn]
    river = plan.curves.names[plan.curves.kinds.index("river")]
    name = people.street_names(np.where(kinds == "river", "street", kinds), rng)
    return _frame(
        {"kind": kinds, "name": np.where(kinds == "river", river, name)}, to_degrees(network.lines[drawn])
    )


def facilities_frame(
    plan: Plan, network: Network, streets: gpd.GeoDataFrame, areas: gpd.GeoDataFrame, rng: np.random.Generator
) -> gpd.GeoDataFrame:
    """Return facilities (code, type, name, address, condition, installed, cell)."""
    ground = Ground(
        plan.polygons,
        lively=np.where(plan.industrial, 0.15, 1.0) * plan.lively**0.8,
        # Hazards stand in the works; where a small city has none, anywhere.
        works=np.where(plan.industrial, 1.0, 1e-6),
        network=network,
    )
    placed = make_facilities(ground, rng)
    order = np.lexsort([placed.lonlat[:, 0], placed.cell, placed.kind])
    kind = np.array([placement.type for placement in placements()])[placed.kind[order]]
    cell, lonlat, line = placed.cell[order], placed.lonlat[order], placed.line[order]
    code = codes(plan.code[cell].astype("<U6"), kind)
    name = {each.code: each.name_zh for each in facility_types()}
    along = (line >= 0) & (line < len(streets))
    street = np.append(streets["name"].to_numpy(object), "")[np.where(along, line, len(streets))]
    address = np.where(along, _town_names(plan, areas)[cell] + street, _place_names(plan, areas)[cell])
    frame = _frame(
        {
            "code": code,
            "type": kind,
            "name": [name[each] for each in kind],
            "address": address,
            "condition": conditions(len(code), rng),
            "installed": install_days(len(code), rng),
            "cell": plan.code[cell],
        },
        shapely.points(lonlat),
    )
    return frame.sort_values("code", kind="stable", ignore_index=True)


def incidents_frame(
    plan: Plan,
    territories: Territories,
    facilities: gpd.GeoDataFrame,
    areas: gpd.GeoDataFrame,
    *,
    until: date,
    rng: np.random.Generator,
) -> gpd.GeoDataFrame:
    """Return incidents (type, category, text, source, lon, lat, cell, worker, facility, times, status)."""
    by_type = facilities.sort_values("type", kind="stable", ignore_index=True)
    lonlat = np.column_stack([by_type.geometry.x, by_type.geometry.y])
    places = Places(
        cells=plan.polygons,
        lively=plan.lively * np.where(plan.industrial, 0.2, 1.0),
        centres=plan.centres,
        facility_type=by_type["type"].to_numpy(str),
        facility_lonlat=lonlat,
        facility_cell=np.searchsorted(plan.code, by_type["cell"].to_numpy(str)),
    )
    count = max(1, round(FULL_INCIDENTS * len(plan.code) / _FULL_CELLS))
    found = make_incidents(places, count=count, until=until, rng=rng)
    post = territories.post[found.cell]
    second = territories.backup[post]
    stands_in = (rng.random(count) < _BY_BACKUP) & (second != NOTHING)
    facility = np.append(by_type["code"].to_numpy(object), [None])[found.facility]
    where = _place_names(plan, areas)[found.cell]
    kinds = np.array([kind.code for kind in case_types()])
    return _frame(
        {
            "type": kinds[found.type],
            "category": np.array([category.name for category in categories()])[found.category],
            "text": texts(found, where, rng),
            "source": rng.choice(list(_SOURCES), count, p=list(_SOURCES.values())),
            "lon": found.lonlat[:, 0],
            "lat": found.lonlat[:, 1],
            "cell": plan.code[found.cell],
            "worker": _numbered("W", np.where(stands_in, second, post)),
            "facility": facility,
            "reported_at": pd.DatetimeIndex(found.reported_at).tz_localize("UTC"),
            "closed_at": pd.DatetimeIndex(found.closed_at).tz_localize("UTC"),
            "status": found.status,
        },
        shapely.points(found.lonlat),
    )


def _town_names(plan: Plan, areas: gpd.GeoDataFrame) -> NDArray[np.object_]:
    """Return the name of each cell's town."""
    name = dict(zip(areas["code"], areas["name"], strict=True))
    return np.array([name[code[:9]] for code in plan.communities], object)[plan.community]


def _place_names(plan: Plan, areas: gpd.GeoDataFrame) -> NDArray[np.object_]:
    """Return the names of each cell's town and community together."""
    name = dict(zip(areas["code"], areas["name"], strict=True))
    return np.array([name[code[:9]] + name[code] for code in plan.communities], object)[plan.community]


def _numbered(letter: str, number: NDArray[np.intp]) -> NDArray[np.str_]:
    return np.char.add(letter, np.char.zfill((number + 1).astype(str), 4))


def _frame(columns: Mapping[str, Any], geometry: NDArray[np.object_]) -> gpd.GeoDataFrame:
    return gpd.GeoDataFrame(columns, geometry=geometry, crs=4326)
