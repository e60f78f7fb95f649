"""Faces, edges and merges keep every shared edge."""

import numpy as np
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from gis.partition import NOBODY, Rules, components, edges, faces, merge_smallest


def _grid(columns: int, rows: int):
    """Squares of 100 m, numbered row by row."""
    x, y = np.meshgrid(np.arange(columns) * 100.0, np.arange(rows) * 100.0)
    return shapely.box(x.ravel(), y.ravel(), x.ravel() + 100, y.ravel() + 100)


def _rules(count: int, *, left: int, least: float = 0.0, group=None, realm=None):
    one = np.zeros(count, np.intp)
    return Rules(one if group is None else group, one if realm is None else realm, least, left)


def test_an_edge_knows_both_its_owners():
    net = edges(_grid(2, 1))
    assert len(net.ends) == 7
    assert net.shared.sum() == 1
    assert net.owners[net.shared].tolist() == [[0, 1]]
    assert net.length_m[net.shared].tolist() == [100.0]
    assert (net.owners[~net.shared, 1] == NOBODY).all()


def test_faces_of_crossing_lines_are_noded_where_they_meet():
    lines = np.array([*shapely.boundary(_grid(2, 1)), shapely.LineString([(-10, 50), (210, 50)])], object)
    found = faces(lines, grid_m=0.01)
    assert len(found) == 4
    assert shapely.coverage_is_valid(found)
    assert edges(found).shared.sum() == 4


@settings(max_examples=40, deadline=None)
@given(st.integers(2, 7), st.integers(2, 7), st.data())
def test_merging_keeps_the_area_and_the_coverage(columns, rows, data):
    cells = _grid(columns, rows)
    left = data.draw(st.integers(1, len(cells)))
    net = edges(cells)
    merged = merge_smallest(
        cells, _rules(len(cells), left=left), net=net, barred=np.zeros(len(net.ends), bool)
    )
    assert len(merged.polygons) == left
    assert shapely.coverage_is_valid(merged.polygons)
    assert shapely.area(merged.polygons).sum() == shapely.area(cells).sum()
    assert (shapely.get_num_interior_rings(merged.polygons) == 0).all()
    assert (shapely.get_type_id(merged.polygons) == shapely.GeometryType.POLYGON).all()


def test_cells_join_their_own_group_and_never_another_realm():
    cells = _grid(4, 1)
    net = edges(cells)
    group, realm = np.array([0, 0, 1, 2]), np.array([0, 0, 0, 1])
    rules = _rules(4, left=1, group=group, realm=realm)
    merged = merge_smallest(cells, rules, net=net, barred=np.zeros(len(net.ends), bool))
    # The last of a group joins no other, so that no community is lost.
    assert sorted(group[merged.first]) == [0, 1, 2]
    assert sorted(shapely.area(merged.polygons)) == [1e4, 1e4, 2e4]


def test_a_barred_edge_is_crossed_only_where_nothing_else_is_left():
    # The middle one is the smallest, and would join the first.
    cells = shapely.box([0.0, 100.0, 150.0], 0.0, [100.0, 150.0, 250.0], 100.0)
    net = edges(cells)
    between = net.owners.tolist().index([0, 1])
    barred = np.arange(len(net.ends)) == between
    merged = merge_smallest(cells, _rules(3, left=2), net=net, barred=barred)
    assert sorted(shapely.bounds(merged.polygons)[:, 2]) == [100.0, 250.0]


def test_components_are_named_by_their_smallest_node():
    pairs = np.array([[4, 2], [2, 5], [1, 3]])
    assert components(6, pairs).tolist() == [0, 1, 2, 1, 2, 2]
    assert components(2, np.empty((0, 2), np.intp)).tolist() == [0, 1]
