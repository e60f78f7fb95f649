import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from gis import hexes


def spread(n=500, seed=2):
    rng = np.random.default_rng(seed)
    return rng.normal(122.99, 0.03, n), rng.normal(41.11, 0.03, n)


@pytest.mark.parametrize("resolution", [7, 8, 9])
def test_every_point_is_counted_in_the_hexagon_that_holds_it(resolution):
    lon, lat = spread()
    found = hexes.density(lon, lat, resolution)
    shapes = hexes.polygons(found.hexes)
    inside = shapely.intersects_xy(shapes[:, None], lon, lat).sum(axis=1)
    assert (found.counts == inside).all()
    assert found.counts.sum() == len(lon)


@given(st.lists(st.tuples(st.floats(-180, 180), st.floats(-90, 90)), max_size=30), st.integers(0, 15))
def test_counts_sum_to_the_points(points, resolution):
    lon, lat = np.array(points, float).reshape(-1, 2).T
    found = hexes.density(lon, lat, resolution)
    assert found.counts.sum() == len(points)
    assert (np.diff(found.hexes.astype(object)) > 0).all()


def test_neighbouring_hexagons_share_exact_edges():
    lon, lat = spread(4_000)
    assert shapely.coverage_is_valid(hexes.polygons(hexes.density(lon, lat, 8).hexes))


def test_centres_lie_in_their_hexagons():
    found = hexes.density(*spread(), 8).hexes
    assert shapely.intersects_xy(hexes.polygons(found), *hexes.centres(found).T).all()


def test_what_is_no_position_is_left_out():
    assert hexes.density([np.nan, 123.0, np.inf], [41.0, 41.0, 41.0], 8).counts.tolist() == [1]


def test_no_points_give_no_hexagons():
    found = hexes.density([], [], 8)
    assert len(found.hexes) == len(found.counts) == 0
    assert hexes.polygons(found.hexes).shape == (0,)
    assert hexes.centres(found.hexes).shape == (0, 2)


@pytest.mark.parametrize("resolution", [-1, 16])
def test_a_resolution_that_does_not_exist_is_refused(resolution):
    with pytest.raises(ValueError, match="resolutions 0 to 15"):
        hexes.density([123.0], [41.0], resolution)
