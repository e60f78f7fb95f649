import math
import time

import numpy as np
import pyproj
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from gis import crs
from gis.errors import OutsideCrs, UnknownCrs

ANSHAN = (122.1, 40.0, 123.7, 41.6)
SHIFTED = ["gcj02", "bd09"]

lon_in_china = st.floats(98, 119.9)
lat_in_china = st.floats(24, 42)


def in_anshan(n=20_000):
    rng = np.random.default_rng(7)
    west, south, east, north = ANSHAN
    return rng.uniform(west, east, n), rng.uniform(south, north, n)


def metres(lon, lat, lon2, lat2):
    return pyproj.Geod(ellps="WGS84").inv(lon, lat, lon2, lat2)[2]


# eviltransform's and coordtransform's own test vectors.
@pytest.mark.parametrize(
    ("wgs", "gcj"),
    [
        ((121.5272106, 31.1774276), (121.531541859215, 31.17530398364597)),
        ((113.912316, 22.543847), (113.9171764808363, 22.540796131694766)),
        ((116.377817, 39.911954), (116.38404722455657, 39.91334545536069)),
        ((116.404, 39.915), (116.41024449916938, 39.91640428150164)),
    ],
)
def test_gcj02_agrees_with_published_pairs(wgs, gcj):
    assert crs.from_wgs84(*wgs, "gcj02") == pytest.approx(gcj, abs=1e-11)
    assert crs.to_wgs84(*gcj, "gcj02") == pytest.approx(wgs, abs=1e-10)


def test_bd09_agrees_with_a_published_pair():
    assert crs.from_wgs84(116.404, 39.915, "bd09") == pytest.approx(
        (116.41662724378733, 39.922699552216216), abs=1e-11
    )
    gcj = crs.to_wgs84(116.404, 39.915, "gcj02")
    assert crs.to_wgs84(116.41036949371029, 39.92133699351021, "bd09") == pytest.approx(gcj, abs=1e-10)


def test_the_shift_in_anshan_is_the_known_one():
    lon, lat = in_anshan()
    shift = metres(lon, lat, *crs.from_wgs84(lon, lat, "gcj02"))
    assert shift.min() > 430
    assert shift.max() < 580
    assert 490 < shift.mean() < 515


@pytest.mark.parametrize("name", SHIFTED)
def test_a_round_trip_over_the_prefecture_returns(name):
    lon, lat = in_anshan()
    back = crs.to_wgs84(*crs.from_wgs84(lon, lat, name), name)
    assert np.abs(np.subtract(back, (lon, lat))).max() < 1e-10


@pytest.mark.parametrize("name", SHIFTED)
@given(lon=lon_in_china, lat=lat_in_china)
def test_a_round_trip_anywhere_inland_returns(name, lon, lat):
    there = crs.from_wgs84(lon, lat, name)
    assert crs.to_wgs84(*there, name) == pytest.approx((lon, lat), abs=1e-9)
    assert there != (lon, lat)


@pytest.mark.parametrize("name", SHIFTED)
@given(lon=st.floats(-180, 180), lat=st.floats(-90, 90))
def test_arrays_and_scalars_agree(name, lon, lat):
    for convert in (crs.to_wgs84, crs.from_wgs84):
        x, y = convert(np.array([lon]), np.array([lat]), name)
        assert convert(lon, lat, name) == pytest.approx((x[0], y[0]), abs=1e-12)


@pytest.mark.parametrize("name", SHIFTED)
@pytest.mark.parametrize(
    "place", [(139.7, 35.7), (126.98, 37.57), (121.56, 25.04), (105.85, 21.03), (-0.1, 51.5), (179.9, -89.9)]
)
def test_places_outside_china_are_not_shifted(name, place):
    assert not crs.in_china(*place)
    assert crs.from_wgs84(*place, name) == place
    assert crs.to_wgs84(*place, name) == place


@pytest.mark.parametrize(
    "place",
    [
        (122.99, 41.11),
        (116.4, 39.9),
        (87.6, 43.8),
        (91.1, 29.65),
        (110.2, 20.02),
        (126.6, 45.8),
        (124.38, 40.13),
    ],
)
def test_cities_of_the_mainland_are_in_china(place):
    assert crs.in_china(*place) is True
    assert crs.in_china(np.array(place[:1]), np.array(place[1:])).all()


@pytest.mark.parametrize(
    "name", ["wgs84", "WGS 84", "EPSG:4326", 4326, "4326", "cgcs2000", "EPSG:4490", "CRS84"]
)
def test_wgs84_and_cgcs2000_pass_unchanged(name):
    assert crs.to_wgs84(123.0, 41.1, name) == (123.0, 41.1)
    assert crs.from_wgs84(123, 41, name) == (123.0, 41.0)
    lon = np.array([123.0, np.nan])
    assert np.array_equal(crs.to_wgs84(lon, lon, name)[0], lon, equal_nan=True)


@pytest.mark.parametrize("name", ["gcj02", "GCJ-02", "gcj_02", " Gcj02 "])
def test_a_name_may_be_spelt_in_many_ways(name):
    assert crs.named(name).name == "gcj02"


@pytest.mark.parametrize("name", ["EPSG:4550", "epsg:4550", "4550", 4550, pyproj.CRS.from_epsg(4550)])
def test_epsg_numbers_give_east_then_north(name):
    east, north = crs.from_wgs84(123.0, 41.1, name)
    assert east == pytest.approx(500_000, abs=0.01)
    assert north == pytest.approx(4_551_600, abs=500)
    assert crs.to_wgs84(east, north, name) == pytest.approx((123.0, 41.1), abs=1e-9)
    assert not crs.named(name).geographic


def test_a_files_own_crs_is_recognised():
    assert crs.named(pyproj.CRS.from_user_input("OGC:CRS84")).name == "wgs84"
    assert crs.named(pyproj.CRS.from_epsg(4490)).name == "cgcs2000"
    own = pyproj.CRS.from_proj4("+proj=tmerc +lon_0=123 +x_0=500000 +ellps=GRS80 +units=m")
    east, north = crs.from_wgs84(123.0, 41.1, own)
    assert east == pytest.approx(500_000, abs=0.01)
    assert crs.to_wgs84(east, north, own) == pytest.approx((123.0, 41.1), abs=1e-9)


@pytest.mark.parametrize(
    "name", ["", "mars", "EPSG:", "EPSG:1", 0, -4326, True, None, 4326.0, "EPSG:5773", 4978, "４３２６x"]
)
def test_an_unknown_crs_says_what_is_accepted(name):
    with pytest.raises(UnknownCrs, match="gcj02, bd09, cgcs2000, or an EPSG number") as raised:
        crs.to_wgs84(1.0, 2.0, name)
    assert raised.value.code == "unknown_crs"
    assert repr(name) in str(raised.value)


def test_a_crs_of_no_place_on_earth_is_refused():
    local = pyproj.CRS.from_wkt(
        'LOCAL_CS["site",LOCAL_DATUM["site",0],UNIT["metre",1],AXIS["X",EAST],AXIS["Y",NORTH]]'
    )
    with pytest.raises(UnknownCrs):
        crs.named(local)


def test_positions_that_cannot_be_converted_are_named():
    with pytest.raises(
        OutsideCrs, match=r"\(1e\+30, 2\.0\) and 1 more cannot be converted between EPSG:4550"
    ):
        crs.to_wgs84(np.array([500_000.0, 1e30, np.nan]), np.array([4_551_000.0, 2.0, 3.0]), 4550)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("name", ["wgs84", *SHIFTED])
def test_what_is_not_finite_stays_so(name, value):
    for convert in (crs.to_wgs84, crs.from_wgs84):
        assert convert(value, 41.0, name) == pytest.approx((value, 41.0), nan_ok=True)
        assert convert(np.array([value]), np.array([41.0]), name)[0][0] == pytest.approx(value, nan_ok=True)


def test_arrays_are_not_changed_in_place():
    lon, lat = np.array([123.0]), np.array([41.0])
    crs.to_wgs84(lon, lat, "gcj02")
    assert (lon[0], lat[0]) == (123.0, 41.0)


@pytest.mark.parametrize("name", ["gcj02", "bd09", 4550, 3857])
def test_shared_edges_stay_shared(name):
    lon, lat = np.meshgrid(np.linspace(122.9, 123.1, 30), np.linspace(41, 41.2, 30))
    rng = np.random.default_rng(3)
    xy = np.stack([lon, lat], -1) + rng.uniform(-0.002, 0.002, (30, 30, 2))
    rings = np.stack([xy[:-1, :-1], xy[:-1, 1:], xy[1:, 1:], xy[1:, :-1], xy[:-1, :-1]], 2)
    cells = shapely.polygons(rings.reshape(-1, 5, 2))
    there = crs.geometries_from_wgs84(cells, name)
    back = crs.geometries_to_wgs84(there, name)
    assert shapely.coverage_is_valid(there)
    assert shapely.coverage_is_valid(back)
    assert shapely.hausdorff_distance(cells, back).max() < 1e-9


def test_missing_and_empty_geometries_stay_so():
    out = crs.geometries_to_wgs84(np.array([None, shapely.Point(), shapely.Point(123, 41)]), "gcj02")
    assert out[0] is None
    assert out[1].is_empty
    assert (out[2].x, out[2].y) == pytest.approx(crs.to_wgs84(123.0, 41.0, "gcj02"))


def test_one_position_is_quick():
    crs.to_wgs84(123.0, 41.0, "gcj02")
    start = time.perf_counter()
    for _ in range(1_000):
        crs.to_wgs84(123.0, 41.0, "gcj02")
    assert time.perf_counter() - start < 0.5
