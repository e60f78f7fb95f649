"""The city that `jingwei demo` builds: exact counts, and unequal work on purpose."""

import numpy as np
import pytest
import shapely

from data.city import POPULATION
from data.plane import to_metres

pytestmark = pytest.mark.xdist_group("full_city")


def test_counts_are_exact(full):
    levels = full.areas["level"].value_counts().to_dict()
    assert levels == {"city": 1, "district": 4, "town": 34, "community": 383}
    assert len(full.cells) == 12_900
    assert len(full.workers) == full.posts["code"].nunique() == 1_815
    assert len(full.facilities) == 65_058
    assert full.facilities["type"].nunique() == 66
    assert len(full.incidents) == 20_000
    assert full.cells["population"].sum() == POPULATION


def test_cells_communities_and_towns_are_valid_coverages(full):
    cells = full.cells.geometry.to_numpy()
    assert shapely.coverage_is_valid(cells)
    assert (shapely.get_num_interior_rings(cells) == 0).all()
    for level in ("town", "community", "district"):
        assert shapely.coverage_is_valid(full.areas[full.areas["level"] == level].geometry.to_numpy())
    metric = to_metres(cells)
    assert abs(shapely.area(metric).sum() / 162.7e6 - 1) < 0.02


def test_detached_parts_occur_as_in_real_towns(full):
    for level in ("town", "community"):
        areas = full.areas[full.areas["level"] == level].geometry.to_numpy()
        assert (shapely.get_num_geometries(areas) > 1).any()


def test_facilities_and_incidents_lie_in_exactly_one_cell(full):
    cells = full.cells.geometry.to_numpy()
    for frame in (full.facilities, full.incidents):
        cell, point = shapely.STRtree(frame.geometry.to_numpy()).query(cells, predicate="intersects")
        assert len(point) == len(frame)
        assert (full.cells["code"].to_numpy()[cell] == frame["cell"].to_numpy()[point]).all()


def test_work_is_unequal_on_purpose(full):
    primary = full.posts[full.posts["role"] == "primary"].set_index("cell")["worker"]
    cells = primary.value_counts()
    assert cells.min() == 1
    assert 5 <= cells.median() <= 8
    load = full.incidents["cell"].map(primary).value_counts().reindex(cells.index, fill_value=0)
    assert 0.8 < load.std() / load.mean() < 1.3
    fullest = np.sort(full.incidents["cell"].value_counts().to_numpy())[::-1][: len(full.cells) // 20]
    assert 0.22 < fullest.sum() / len(full.incidents) < 0.35


def test_summer_and_mondays_are_busier(full):
    local = full.incidents["reported_at"].dt.tz_convert("Asia/Shanghai")
    month, day = local.dt.month.value_counts(), local.dt.day_of_week.value_counts()
    assert 1.2 < month[7] / month[12] < 1.7
    assert 1.2 < day[0] / day[6] < 1.7


def test_the_last_days_leave_some_cases_open(full):
    waiting = full.incidents[full.incidents["closed_at"].isna()]
    assert 40 < len(waiting) < 400
    assert (full.incidents["reported_at"].max() - waiting["reported_at"].min()).days < 90
