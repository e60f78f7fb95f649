import math
import subprocess
import sys
import threading

import numpy as np
import pyproj
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely import affinity

from gis import locate as module
from gis.errors import NoCells, NotAPosition
from gis.locate import NO_CELL, Grid, Nearest, locate
from tests.gis.coverages import brute, midpoints, quads, vertices, voronoi

GEOD = pyproj.Geod(ellps="WGS84")


@pytest.fixture(params=["compiled", "fallback"], autouse=True)
def engine(request, monkeypatch):
    """Every test runs with numba and without."""
    if request.param == "fallback":
        monkeypatch.setattr(module, "compiled", None)
    return request.param


def assert_as_brute(cells, xy):
    np.testing.assert_array_equal(Grid(cells).locate(xy[:, 0], xy[:, 1]), brute(xy[:, 0], xy[:, 1], cells))


def around(cells, n, seed=1):
    west, south, east, north = shapely.total_bounds(cells)
    wide, high = east - west, north - south
    rng = np.random.default_rng(seed)
    return rng.uniform((west - wide / 5, south - high / 5), (east + wide / 5, north + high / 5), (n, 2))


@pytest.mark.parametrize(
    "cells", [quads(12, 9), voronoi(120), quads(3, 2, step=150.0, west=5e5, south=4.5e6)]
)
def test_every_point_has_the_owner_of_the_brute_force(cells):
    assert_as_brute(cells, around(cells, 2_000))


@pytest.mark.parametrize("cells", [quads(12, 9), voronoi(120)])
def test_vertices_and_midpoints_belong_to_the_first_cell_that_holds_them(cells):
    assert shapely.coverage_is_valid(cells)
    assert_as_brute(cells, vertices(cells))
    assert_as_brute(cells, midpoints(cells))


def test_twenty_thousand_edges_and_corners_have_one_owner():
    cells = quads(110, 100)
    tree = shapely.STRtree(cells)
    for xy in (vertices(cells), midpoints(cells)[:20_000]):
        points = shapely.points(xy)
        point, cell = tree.query(points, predicate="intersects")
        expected = np.full(len(xy), len(cells))
        np.minimum.at(expected, point, cell)
        found = Grid(cells).locate(*xy.T)
        on_grid = expected < len(cells)
        np.testing.assert_array_equal(found[on_grid], expected[on_grid])
        assert (found[~on_grid] == NO_CELL).all()


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 10**6), n=st.integers(2, 40))
def test_random_partitions(seed, n):
    cells = voronoi(n, seed=seed)
    assert_as_brute(cells, np.vstack([vertices(cells), midpoints(cells), around(cells, 60, seed)]))


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 10**6), turn=st.floats(0, 360))
def test_random_points_along_slanted_edges(seed, turn):
    cells = np.array([affinity.rotate(c, turn, origin=(122.9, 41.0)) for c in quads(4, 3, seed=seed)])
    start, end = midpoints(cells)[:-1], vertices(cells)
    rng = np.random.default_rng(seed)
    rings = shapely.get_coordinates(cells).reshape(-1, 5, 2)
    along = rng.uniform(0, 1, (len(rings), 4, 1))
    on_edge = (rings[:, :-1] + along * (rings[:, 1:] - rings[:, :-1])).reshape(-1, 2)
    nudged = np.nextafter(on_edge, rng.choice([-np.inf, np.inf], on_edge.shape))
    assert_as_brute(cells, np.vstack([on_edge, nudged, start, end]))


grid_numbers = st.integers(-3, 3).map(float)


@settings(max_examples=150, deadline=None)
@given(
    ring=st.lists(st.tuples(grid_numbers, grid_numbers), min_size=3, max_size=9),
    points=st.lists(
        st.tuples(st.integers(-8, 8).map(lambda v: v / 2), st.integers(-8, 8).map(lambda v: v / 2))
    ),
)
def test_horizontal_edges_and_aligned_vertices(ring, points):
    polygon = shapely.Polygon(ring)
    if not polygon.is_valid or polygon.is_empty:
        return
    assert_as_brute(np.array([polygon]), np.array([*points, *ring], float))


def test_tiny_coordinates_do_not_underflow_into_a_wrong_side():
    small = 1e-160
    cells = np.array([shapely.Polygon([(0, 0), (small, 0), (small, small)])])
    xy = np.array([(small / 2, small / 2), (small / 4, small / 2), (small / 2, small / 4)])
    assert Grid(cells).locate(*xy.T).tolist() == brute(*xy.T, cells).tolist()


def test_a_hole_is_outside_unless_another_cell_fills_it():
    hole = shapely.box(4, 4, 6, 6)
    ring = shapely.box(0, 0, 10, 10) - hole
    xy = np.array([(5, 5), (1, 1), (4, 5), (4, 4), (10, 10), (11, 5)], float)
    assert Grid([ring]).locate(*xy.T).tolist() == [-1, 0, 0, 0, 0, -1]
    assert Grid([ring, hole]).locate(*xy.T).tolist() == [1, 0, 0, 0, 0, -1]
    assert Grid([hole, ring]).locate(*xy.T).tolist() == [0, 1, 0, 0, 1, -1]


def test_a_cell_of_several_parts_holds_them_all():
    parts = shapely.MultiPolygon(
        [shapely.box(0, 0, 1, 1), shapely.box(9, 9, 10, 10) - shapely.box(9.4, 9.4, 9.6, 9.6)]
    )
    cells = np.array([parts, shapely.box(1, 0, 9, 9), shapely.box(9.4, 9.4, 9.6, 9.6)])
    xy = np.vstack([around(cells, 500), vertices(cells), midpoints(cells)])
    assert_as_brute(cells, xy)


def test_missing_and_empty_cells_hold_nothing():
    cells = np.array([None, shapely.Polygon(), shapely.box(0, 0, 1, 1), shapely.MultiPolygon()])
    assert Grid(cells).locate([0.5, 2], [0.5, 2]).tolist() == [2, NO_CELL]
    assert Grid(cells).nearest(0.5, -1.0).index == 2


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_a_cell_with_a_coordinate_that_is_not_finite_holds_nothing(value):
    with np.errstate(invalid="ignore"):
        broken = shapely.Polygon([(0, 0), (1, 0), (value, 1)])
    grid = Grid([broken, shapely.box(0, 0, 1, 1)])
    assert grid.locate([0.5, 0.0, 5.0], [0.1, 0.0, 0.5]).tolist() == [1, 1, NO_CELL]
    assert grid.nearest(0.5, 1.5).index == 1


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 10**6))
def test_overlapping_cells_still_fall_to_the_first(seed):
    rng = np.random.default_rng(seed)
    low = rng.uniform(0, 10, (12, 2))
    cells = shapely.box(*low.T, *(low + rng.uniform(0.1, 6, (12, 2))).T)
    assert_as_brute(cells, np.vstack([rng.uniform(-1, 17, (200, 2)), vertices(cells), midpoints(cells)]))


def test_a_grid_without_cells_answers_outside():
    assert Grid([]).locate([1.0], [2.0]).tolist() == [NO_CELL]
    assert Grid([]).touched(1.0, 2.0, 50.0).tolist() == []
    with pytest.raises(NoCells):
        Grid([]).nearest(1.0, 2.0)


def test_no_points_give_no_answers():
    assert Grid(quads(2, 2)).locate([], []).shape == (0,)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, 1e308, -1e308])
def test_what_is_no_position_lies_outside(value):
    grid = Grid(quads(3, 3))
    assert grid.locate([value, 122.9, value], [41.0, value, value]).tolist() == [NO_CELL] * 3


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_what_is_no_position_is_near_nothing(value):
    with pytest.raises(NotAPosition):
        Grid(quads(3, 3)).nearest(value, 41.0)
    with pytest.raises(NotAPosition):
        Grid(quads(3, 3)).touched(122.9, value, 10.0)


def test_a_stray_cell_far_off_does_not_burst_the_bins():
    cells = np.array([shapely.box(0, 0, 1e-4, 1e-4), *quads(30, 20), shapely.box(-170, -80, 170, 80)])
    grid = Grid(cells)
    assert grid.locate([5e-5, 122.91, 0], [5e-5, 41.01, 50]).tolist() == [
        0,
        *brute([122.91, 0], [41.01, 50], cells),
    ]


def test_points_as_objects_or_coordinates_are_the_same():
    cells = quads(5, 5)
    xy = around(cells, 200)
    expected = brute(*xy.T, cells)
    np.testing.assert_array_equal(locate(xy, cells), expected)
    np.testing.assert_array_equal(locate(shapely.points(xy), cells), expected)
    assert locate(np.array([None, shapely.Point()]), cells).tolist() == [NO_CELL, NO_CELL]


def test_a_scalar_counts_as_one_point():
    grid = Grid(quads(5, 5))
    assert grid.locate(122.903, 41.003).tolist() == brute([122.903], [41.003], quads(5, 5)).tolist()


def test_arrays_of_different_length_are_refused():
    with pytest.raises(ValueError, match="shape mismatch"):
        Grid(quads(2, 2)).locate([1.0, 2.0], [1.0, 2.0, 3.0])


def test_many_threads_may_ask_at_once():
    cells = quads(20, 20)
    grid, xy = Grid(cells), np.vstack([around(cells, 3_000), midpoints(cells)])
    expected, answers = locate(xy, cells), []
    threads = [threading.Thread(target=lambda: answers.append(grid.locate(*xy.T))) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all((answer == expected).all() for answer in answers)
    assert len(answers) == 6


def geodesic(point, cell):
    """Metres to a cell's boundary, by a dense walk along it."""
    line = shapely.segmentize(cell.exterior, 2e-6)
    x, y = shapely.get_coordinates(line).T
    return GEOD.inv(np.full_like(x, point[0]), np.full_like(x, point[1]), x, y)[2].min()


@pytest.mark.parametrize(
    "point",
    [(122.89, 41.003), (122.9036, 40.9), (122.93, 41.05), (122.9, 40.998), (123.9, 41.9), (10.0, 50.0)],
)
def test_the_nearest_cell_is_the_geodesically_nearest(point):
    cells = quads(6, 4)
    every = [geodesic(point, cell) for cell in cells]
    nearest = Grid(cells).nearest(*point)
    assert nearest.distance_m == pytest.approx(min(every), rel=1e-4, abs=0.01)
    assert every[nearest.index] == pytest.approx(min(every), abs=1e-6)


def test_at_equal_distance_the_first_cell_is_the_nearest():
    cells = quads(6, 4, jitter=0)
    corner = shapely.get_coordinates(cells[2])[0]
    assert Grid(cells).nearest(corner[0], corner[1] - 0.001).index == 1


def test_inside_the_nearest_cell_is_the_holder():
    assert Grid(quads(5, 5)).nearest(122.903, 41.003) == Nearest(
        brute([122.903], [41.003], quads(5, 5))[0], 0.0
    )


def test_a_circle_touches_its_neighbours_only():
    cells = quads(8, 8)
    grid = Grid(cells)
    for lon, lat in around(cells, 40, seed=4):
        held = grid.locate(lon, lat)[0]
        away = np.array(
            [
                0.0 if cell.intersects(shapely.Point(lon, lat)) else geodesic((lon, lat), cell)
                for cell in cells
            ]
        )
        for radius in (0.0, 15.0, 60.0, 200.0):
            if np.abs(away - radius)[away > 0].min() < 0.05:
                continue
            expected = np.flatnonzero(away <= radius)
            assert grid.touched(lon, lat, radius).tolist() == expected[expected != held].tolist()


def test_on_a_shared_edge_the_other_owner_is_touched():
    cells = quads(2, 1, jitter=0)
    lon = shapely.get_coordinates(cells[1])[0, 0]
    assert Grid(cells).locate(lon, 41.0006).tolist() == [0]
    assert Grid(cells).touched(lon, 41.0006, 0.0).tolist() == [1]


def test_a_plane_in_metres_measures_in_metres():
    cells = quads(4, 4, step=100.0, west=500_000.0, south=4_550_000.0, jitter=0)
    grid = Grid(cells, planar=True)
    assert grid.nearest(500_050.0, 4_549_970.0) == Nearest(0, 30.0)
    assert grid.nearest(499_970.0, 4_549_960.0) == Nearest(0, 50.0)
    assert grid.touched(500_095.0, 4_550_050.0, 6.0).tolist() == [1]


def test_warm_up_runs():
    module.warm_up()


def test_without_numba_the_module_still_imports_and_answers():
    code = (
        "import sys; sys.modules['numba'] = None\n"
        "import shapely; from gis import locate\n"
        "assert locate.compiled is None\n"
        "print(locate.Grid([shapely.box(0, 0, 1, 1)]).locate([0.5, 2], [0.5, 2]).tolist())"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[0, -1]"
