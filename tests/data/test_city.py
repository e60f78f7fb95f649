"""What every demo city must be, shown on a small one."""

from datetime import date

import numpy as np
import pytest
import shapely

from data.city import LEAST_CELLS, POPULATION, TooSmallCity, make_city
from data.plane import to_metres
from data.reference import case_types, facility_types
from gis.codes import parse_area, parse_cell, parse_facility
from gis.partition import components, edges


def _level(city, level):
    return city.areas[city.areas["level"] == level]


def test_cells_are_simple_polygons_that_form_a_valid_coverage(small):
    cells = small.cells.geometry.to_numpy()
    assert len(cells) == 1_200
    assert shapely.coverage_is_valid(cells)
    assert shapely.is_valid(cells).all()
    assert (shapely.get_type_id(cells) == shapely.GeometryType.POLYGON).all()
    assert (shapely.get_num_interior_rings(cells) == 0).all()
    metric = to_metres(cells)
    assert shapely.area(metric).sum() - shapely.union_all(metric).area < 0.001


def test_every_vertex_on_an_edge_belongs_to_both_neighbours(small):
    cells = small.cells.geometry.to_numpy()
    shapely.prepare(cells)
    vertices = np.unique(shapely.get_coordinates(cells), axis=0)
    cell, point = shapely.STRtree(shapely.points(vertices)).query(cells, predicate="touches")
    own = np.unique(np.column_stack(shapely.get_coordinates(cells, return_index=True)[::-1]), axis=0)
    assert len(own) == len(np.unique(np.column_stack([cell, point]), axis=0))


def test_areas_are_unions_of_what_lies_in_them(small):
    for level, digits in (("community", 12), ("town", 9)):
        areas = _level(small, level)
        assert shapely.coverage_is_valid(areas.geometry.to_numpy())
        groups = small.cells.groupby(small.cells["code"].str[:digits])
        assert set(groups.groups) == set(areas["code"])
        for code, geometry in zip(areas["code"], areas.geometry, strict=True):
            cells = shapely.coverage_union_all(groups.get_group(code).geometry.to_numpy())
            assert shapely.equals(cells, geometry)
    districts = _level(small, "district").geometry.to_numpy()
    [city] = _level(small, "city").geometry
    assert shapely.coverage_is_valid(districts)
    assert shapely.equals(shapely.coverage_union_all(districts), city)


def test_area_codes_name_their_parents(small):
    for code, level, parent in small.areas[["code", "level", "parent"]].itertuples(index=False):
        area = parse_area(code)
        assert area.level == level
        assert area.parent == (None if level == "city" else parent)
    assert set(small.areas["parent"].dropna()) <= set(small.areas["code"])
    assert small.areas["code"].is_unique


def test_cells_ascend_and_lie_in_their_real_district(small):
    assert small.cells["code"].is_monotonic_increasing
    assert small.cells["code"].is_unique
    assert [parse_cell(code).community for code in small.cells["code"]] == small.cells["community"].to_list()
    districts = _level(small, "district").set_index("code")
    own = to_metres(districts.geometry.loc[small.cells["code"].str[:6]].to_numpy())
    outside = shapely.area(shapely.difference(to_metres(small.cells.geometry.to_numpy()), own))
    assert outside.max() < 1.0


def test_facilities_lie_in_the_one_cell_they_name(small):
    facilities = small.facilities
    assert facilities["code"].is_unique
    assert facilities["code"].is_monotonic_increasing
    assert set(facilities["type"]) == {kind.code for kind in facility_types()}
    for code, kind, cell in facilities[["code", "type", "cell"]].itertuples(index=False):
        parts = parse_facility(code)
        assert (parts.county, parts.type) == (cell[:6], kind)
    _assert_in_named_cell(small, facilities)


def test_incidents_lie_in_the_one_cell_they_name(small):
    incidents = small.incidents
    _assert_in_named_cell(small, incidents)
    assert set(incidents["type"]) <= {kind.code for kind in case_types()}
    fault = incidents["type"].str.startswith("F")
    assert (incidents["facility"].notna() == fault).all()
    named = small.facilities.set_index("code").loc[incidents.loc[fault, "facility"]]
    assert (named["type"].to_numpy() == incidents.loc[fault, "type"].str[1:].to_numpy()).all()
    assert (named["cell"].to_numpy() == incidents.loc[fault, "cell"].to_numpy()).all()


def _assert_in_named_cell(city, frame):
    cells = city.cells.geometry.to_numpy()
    cell, point = shapely.STRtree(frame.geometry.to_numpy()).query(cells, predicate="intersects")
    assert len(point) == len(frame)
    assert (city.cells["code"].to_numpy()[cell] == frame["cell"].to_numpy()[point]).all()


def test_incidents_come_in_order_and_only_open_ones_are_not_closed(small):
    incidents = small.incidents
    assert incidents["reported_at"].is_monotonic_increasing
    local = incidents["reported_at"].dt.tz_convert("Asia/Shanghai").dt.date
    assert date(2024, 1, 1) <= local.min() < local.max() <= small.until
    assert (incidents["closed_at"].isna() != incidents["status"].isin(["closed", "void"])).all()
    ended = incidents.dropna(subset="closed_at")
    assert (ended["closed_at"] > ended["reported_at"]).all()
    assert set(incidents["worker"]) <= set(small.workers["code"])


def test_every_cell_has_one_primary_and_nearly_every_one_a_backup_near_by(small):
    posts = small.posts
    assert not posts.duplicated(["cell", "role"]).any()
    primary = posts[posts["role"] == "primary"]
    assert primary["cell"].to_list() == small.cells["code"].to_list()
    assert set(primary["worker"]) == set(small.workers["code"])
    backup = posts[posts["role"] == "backup"].merge(primary, on="cell", suffixes=("", "_primary"))
    assert len(backup) > 0.95 * len(primary)
    assert (backup["worker"] != backup["worker_primary"]).all()
    home = small.workers.set_index("code")["home"]
    assert (backup["worker"].map(home).str[:9] == backup["cell"].str[:9]).all()


def test_territories_are_connected_and_inside_one_community(small):
    primary = small.posts[small.posts["role"] == "primary"]
    assert (primary["worker"].map(small.workers.set_index("code")["home"]) == primary["cell"].str[:12]).all()
    worker = primary["worker"].to_numpy(str)
    net = edges(small.cells.geometry.to_numpy())
    pairs = net.owners[net.shared]
    piece = components(len(worker), pairs[worker[pairs[:, 0]] == worker[pairs[:, 1]]])
    assert len(np.unique(piece)) == len(small.workers)


def test_workers_stand_in_their_own_territory(small):
    primary = small.posts[small.posts["role"] == "primary"]
    cells = small.cells.geometry.to_numpy()
    cell, worker = shapely.STRtree(small.workers.geometry.to_numpy()).query(cells, predicate="intersects")
    assert len(worker) == len(small.workers)
    assert (small.workers["code"].to_numpy()[worker] == primary["worker"].to_numpy()[cell]).all()
    assert small.workers["name"].str.endswith("（演示）").all()


def test_people_add_up_to_their_share_of_the_control_total(small):
    assert small.cells["population"].sum() == round(POPULATION * 1_200 / 12_900)


def test_the_same_seed_gives_the_same_city_and_another_seed_another():
    first, again, other = (make_city(seed, cells=150).fingerprint() for seed in (1, 1, 2))
    assert first == again != other


@pytest.mark.parametrize("cells", [LEAST_CELLS, 350])
def test_a_smaller_city_has_exactly_so_many_cells_and_every_type(cells):
    city = make_city(99, cells=cells)
    assert len(city.cells) == cells
    assert city.facilities["type"].nunique() == 66
    assert len(city.incidents) == round(20_000 * cells / 12_900)


def test_progress_runs_from_nothing_to_all():
    told: list[tuple[float, str]] = []
    make_city(1, cells=LEAST_CELLS, progress=lambda fraction, label: told.append((fraction, label)))
    fractions = [fraction for fraction, _ in told]
    assert fractions == sorted(fractions)
    assert (fractions[0], fractions[-1]) == (0.0, 1.0)


def test_a_city_too_small_to_draw_says_how_many_cells_it_needs():
    with pytest.raises(TooSmallCity, match=str(LEAST_CELLS)):
        make_city(1, cells=LEAST_CELLS - 1)
