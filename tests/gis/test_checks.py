"""Every kind of mistake is found, at its row and place, and nothing else is."""

from datetime import UTC, datetime, timedelta
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from gis import checks, codes, coverage
from gis import crs as systems
from gis.checks import Cells, Outlines, PostRows, check_cells, check_facilities, check_posts, check_workers
from gis.findings import Severity, has_errors
from gis.formats import read
from tests.gis.coverages import quads, voronoi

STEP = 0.0012


def district(columns=12, rows=9, seed=1):
    """Cells of one town with four communities: codes, cells and outlines, in code order."""
    cells = quads(columns, rows, seed=seed)
    xy = shapely.get_coordinates(shapely.centroid(cells))
    side = max(2, int(np.sqrt(len(cells) / 500)) + 1)
    part = np.floor((xy - xy.min(0)) / (np.ptp(xy, axis=0) * (1 + 1e-9)) * side).astype(int)
    community = np.array([f"210302001{x * side + y + 1:03d}" for x, y in part])
    named = codes.cell_codes(community, xy[:, 0], xy[:, 1])
    order = np.argsort(named)
    cells, community = cells[order], community[order]
    names = sorted(set(community))
    outlines = [shapely.coverage_union_all(cells[community == name]) for name in names]
    areas = Outlines(["210302001", *names], np.array([shapely.coverage_union_all(cells), *outlines], object))
    return named[order].tolist(), cells, areas


def kinds(findings):
    return sorted({finding.code for finding in findings})


def the(findings, code):
    (found,) = [finding for finding in findings if finding.code == code]
    return found


def moved(cell, lon, lat):
    return shapely.transform(cell, lambda xy: xy + np.array([lon, lat]))


def test_a_sound_grid_has_no_findings():
    assert check_cells(*district()) == []


def test_an_overlap_is_told_once_with_both_rows_its_area_and_a_place_inside():
    named, cells, areas = district()
    metric = systems.geometries_from_wgs84(cells, "EPSG:4550")
    cells = cells.copy()
    first, second = 0, int(np.flatnonzero(shapely.touches(cells, cells[0]))[0])
    cells[first] = shapely.union(cells[first], shapely.buffer(shapely.centroid(cells[second]), STEP / 20))
    cells[first] = shapely.convex_hull(cells[first])
    found = [f for f in check_cells(named, cells, areas) if f.code == "overlap" and f.others == (second + 1,)]
    (overlap,) = found
    expected = shapely.area(
        shapely.intersection(systems.geometries_from_wgs84(cells, "EPSG:4550")[first], metric[second])
    )
    assert overlap.row == first + 1
    assert overlap.area_m2 == pytest.approx(expected)
    assert shapely.intersects_xy(cells[first], *overlap.place)
    assert shapely.intersects_xy(cells[second], *overlap.place)
    assert f"{expected:,.2f} m²" in overlap.en
    assert f"{expected:,.2f} 平方米" in overlap.zh


def test_a_missing_cell_is_a_gap_with_its_area_and_the_rows_beside_it():
    named, cells, areas = district()
    inner = int(np.argmax([len(np.flatnonzero(shapely.touches(cells, c))) for c in cells]))
    kept = np.arange(len(cells)) != inner
    findings = check_cells([n for n, k in zip(named, kept, strict=True) if k], cells[kept], areas)
    gap = the(findings, "gap")
    assert shapely.intersects_xy(cells[inner], *gap.place)
    assert gap.area_m2 == pytest.approx(
        shapely.area(systems.geometries_from_wgs84(cells, "EPSG:4550"))[inner]
    )
    assert gap.value == "210302001"
    assert len(gap.others) >= 3
    assert kinds(findings) == ["gap"]


def test_without_areas_a_hole_in_the_whole_is_a_warning():
    named, cells, _ = district()
    inner = int(np.argmax([len(np.flatnonzero(shapely.touches(cells, c))) for c in cells]))
    kept = np.arange(len(cells)) != inner
    findings = check_cells([n for n, k in zip(named, kept, strict=True) if k], cells[kept], None)
    assert the(findings, "gap").severity is Severity.WARNING


def test_a_narrow_overlap_and_gap_are_slivers():
    named, cells, areas = district()
    cells = cells.copy()
    index = len(cells) // 2
    cells[index] = moved(cells[index], 1e-6, 0)
    found = kinds(check_cells(named, cells, areas))
    assert "sliver-overlap" in found
    assert "sliver-gap" in found
    assert "overlap" not in found


def test_a_t_junction_without_a_vertex_is_an_edge_mismatch_with_its_length():
    left = shapely.box(123.0, 41.0, 123.002, 41.002)
    upper, lower = shapely.box(123.002, 41.001, 123.004, 41.002), shapely.box(123.002, 41.0, 123.004, 41.001)
    findings = check_cells(
        ["210302001001001", "210302001001002", "210302001001003"], np.array([left, upper, lower]), None
    )
    assert kinds(findings) == ["edge-mismatch"]
    assert findings[0].row == 1
    assert findings[0].severity is Severity.WARNING
    assert findings[0].length_m == pytest.approx(222, abs=1)


def test_rings_parts_and_holes_are_told_with_their_place():
    bow = shapely.Polygon([(123, 41), (123.01, 41.01), (123.01, 41), (123, 41.01)])
    parts = shapely.MultiPolygon(
        [shapely.box(124, 41, 124.001, 41.001), shapely.box(124.1, 41, 124.101, 41.001)]
    )
    holed = shapely.box(125, 41, 125.003, 41.003) - shapely.box(125.001, 41.001, 125.002, 41.002)
    named = [f"21030200100100{i}" for i in range(1, 5)]
    findings = check_cells(named, np.array([bow, parts, holed, None]), None)
    ring = the(findings, "invalid-ring")
    assert (ring.row, ring.place) == (1, pytest.approx((123.005, 41.005)))
    assert "Self-intersection" in ring.en
    assert the(findings, "multipart").row == 2
    assert the(findings, "hole").row == 3
    assert the(findings, "no-geometry").row == 4


def test_codes_that_are_absent_doubled_or_broken_are_told_with_the_first_row():
    named, cells, areas = district()
    named[3], named[5], named[7] = named[2], "21030200100", None
    findings = check_cells(named, cells, areas)
    assert the(findings, "duplicate-code").others == (3,)
    assert the(findings, "bad-code").row == 6
    assert the(findings, "no-code").row == 8
    assert {f.row for f in findings if f.code == "unknown-community"} == {6}


def test_a_cell_outside_its_town_and_community_is_told_with_the_area_outside():
    named, cells, areas = district()
    named[0] = "210302001004999"
    findings = check_cells(named, cells, areas)
    assert the(findings, "outside-community").value == "210302001004"
    cells = cells.copy()
    cells[0] = moved(cells[0], 1, 0)
    outside = the(check_cells(named, cells, areas), "outside-town")
    size = shapely.area(systems.geometries_from_wgs84(cells, "EPSG:4550"))[0]
    assert outside.area_m2 == pytest.approx(size)
    assert outside.severity is Severity.ERROR


def test_cells_that_stay_fill_gaps_and_are_overlapped():
    named, cells, areas = district()
    half = len(cells) // 2
    kept = Outlines(named[half:], cells[half:])
    assert check_cells(named[:half], cells[:half], areas, kept=kept) == []
    assert "gap" in kinds(check_cells(named[:half], cells[:half], areas))
    large = cells.copy()
    large[0] = shapely.unary_union(cells[[0, half]]).convex_hull
    found = [f for f in check_cells(named[:half], large[:half], areas, kept=kept) if named[half] in f.en]
    assert found
    assert "(kept)" in found[0].en
    assert found[0].others == ()


def test_cells_of_unusual_size_are_warned_of():
    small, large = shapely.box(123, 41, 123.00001, 41.00001), shapely.box(123.1, 41, 123.2, 41.1)
    findings = check_cells(["210302001001001", "210302001001002"], np.array([small, large]), None)
    assert [(f.code, f.row, f.severity) for f in findings] == [
        ("small-cell", 1, Severity.WARNING),
        ("large-cell", 2, Severity.WARNING),
    ]


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 10_000), moves=st.lists(st.tuples(st.integers(0, 39), st.floats(-9, 9)), max_size=4)
)
def test_overlaps_equal_those_of_every_pair_tried(seed, moves):
    cells = voronoi(40, seed=seed)
    for index, share in moves:
        cells[index % len(cells)] = moved(cells[index % len(cells)], share * 1e-3, share * 5e-4)
    metric = systems.geometries_from_wgs84(cells, "EPSG:4550")
    found = coverage.overlaps(cells, metric, least_m2=0.01)
    i, j = np.triu_indices(len(cells), 1)
    area = shapely.area(shapely.intersection(metric[i], metric[j]))
    expected = {(a, b) for a, b, m in zip(i.tolist(), j.tolist(), area, strict=True) if m > 0.01}
    assert set(zip(found.first.tolist(), found.second.tolist(), strict=True)) == expected


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10_000), dropped=st.sets(st.integers(0, 29), min_size=1, max_size=5))
def test_gaps_have_the_area_of_the_cells_left_out(seed, dropped):
    cells = systems.geometries_from_wgs84(voronoi(30, seed=seed), "EPSG:4550")
    out = np.isin(np.arange(len(cells)), [d % len(cells) for d in dropped])
    found = coverage.gaps(cells[~out], np.array([shapely.union_all(cells)]), least_m2=0.01)
    assert shapely.area(found.pieces).sum() == pytest.approx(shapely.area(cells[out]).sum(), rel=1e-6)


@pytest.mark.parametrize(
    ("name", "crs"), [("columbus/columbus.shp", "EPSG:4550"), ("stl/stl_hom.shp", "wgs84")]
)
def test_a_real_coverage_has_neither_overlap_nor_gap(name, crs):
    spec = find_spec("libpysal")
    layer = read(Path(spec.origin).parent / "examples" / name, crs=crs)
    named = [f"210302001001{i:03d}" for i in range(1, len(layer) + 1)]
    findings = check_cells(named, layer.geometries, None, metric="EPSG:3857")
    assert not {"overlap", "gap", "invalid-ring", "edge-mismatch"} & set(kinds(findings))


def test_tokyo_s_ten_invalid_polygons_are_found():
    spec = find_spec("libpysal")
    layer = read(Path(spec.origin).parent / "examples/tokyo/tokyomet262.shp")
    named = [f"210302001001{i:03d}" for i in range(1, len(layer) + 1)]
    findings = check_cells(named, layer.geometries, None, metric="EPSG:30169")
    assert sum(f.code == "invalid-ring" for f in findings) == 10


def facilities(*places, prefix="2103020101"):
    return [f"{prefix}{i + 1:06d}" for i in range(len(places))], np.array(places, object)


def test_facilities_of_every_shape_are_found_in_their_cell():
    named, cells, _ = district()
    spots = shapely.point_on_surface(cells[:3])
    line = shapely.LineString([shapely.centroid(cells[0]), shapely.centroid(cells[-1])])
    given, places = facilities(*spots, line, shapely.buffer(spots[1], 1e-5))
    assert check_facilities(given, places, known_types=["0101"], cells=Cells(named, cells)) == []


def test_facilities_outside_of_unknown_type_and_wrong_county_are_told():
    named, cells, _ = district()
    inside = shapely.point_on_surface(cells[5])
    given, places = facilities(shapely.Point(0, 0), inside, moved(inside, 1e-6, 0), None)
    given[1], given[2] = "2103030101000001", "2103029901000001"
    findings = check_facilities(
        given, places, types=["0101", "0102", None, None], known_types=["0101"], cells=Cells(named, cells)
    )
    outside = the(findings, "outside-grid")
    assert (outside.row, outside.place) == (1, (0.0, 0.0))
    assert outside.length_m > 1e6
    assert the(findings, "wrong-county").row == 2
    assert the(findings, "type-mismatch").row == 2
    assert the(findings, "unknown-type").value == "9901"
    assert the(findings, "no-geometry").row == 4


def test_the_same_thing_twice_is_a_warning():
    named, cells, _ = district()
    spot = shapely.point_on_surface(cells[5])
    given, places = facilities(spot, spot)
    findings = check_facilities(given, places, known_types=["0101"], cells=Cells(named, cells))
    assert not has_errors(findings)
    assert the(findings, "same-place").others == (1,)


def test_workers_need_a_code_a_name_and_a_home():
    findings = check_workers(
        ["W0001", "W0001", "张三"],
        ["甲", " ", "乙"],
        ["210302001", "210302001", "210399"],
        areas=["210302001"],
    )
    assert [(f.row, f.code) for f in findings] == [
        (2, "duplicate-code"),
        (2, "no-name"),
        (3, "bad-code"),
        (3, "unknown-area"),
    ]


NOON = datetime(2026, 5, 1, 4, tzinfo=UTC)
DAY = timedelta(days=1)


def posts(*rows):
    return PostRows(*(list(column) for column in zip(*rows, strict=True)))


def test_posts_name_known_cells_and_workers_and_never_hold_a_cell_twice():
    given = posts(
        ("c1", "W1", "primary", NOON, NOON + DAY),
        ("c1", "W2", "primary", NOON + DAY, None),
        ("c1", "W2", "backup", NOON, None),
        ("c1", "W1", "primary", NOON + 2 * DAY, None),
        ("c9", "W9", "chief", NOON, NOON),
    )
    findings = check_posts(given, cells=["c1", "c2"], workers=["W1", "W2"], need_primary=["c1", "c2"])
    assert [(f.row, f.code, f.others) for f in findings] == [
        (4, "two-holders", (2,)),
        (5, "empty-range", ()),
        (5, "unknown-cell", ()),
        (5, "unknown-role", ()),
        (5, "unknown-worker", ()),
        (None, "no-primary", ()),
    ]


def test_a_whole_city_of_cells_and_facilities_is_checked():
    named, cells, areas = district(115, 112)
    assert len(cells) == 12_880
    assert kinds(check_cells(named, cells, areas)) == []
    box = shapely.total_bounds(cells)
    rng = np.random.default_rng(3)
    places = shapely.points(rng.uniform(box[0], box[2], 64_000), rng.uniform(box[1], box[3], 64_000))
    given = [f"2103020101{i:06d}" for i in range(1, 64_001)]
    findings = check_facilities(given, places, known_types=["0101"], cells=Cells(named, cells))
    assert len(findings) == np.count_nonzero(~shapely.intersects(shapely.union_all(cells), places))


def test_every_message_names_its_row_in_both_languages():
    named, cells, areas = district()
    cells = cells.copy()
    cells[4] = moved(cells[4], 1e-4, 0)
    for finding in check_cells(named, cells, areas):
        assert finding.en.startswith(f"Row {finding.row}: ")
        assert finding.zh.startswith(f"第 {finding.row} 行：")
        assert finding.text("zh_CN") == finding.zh
        assert finding.as_json()["row"] == finding.row
    assert checks.anchors(np.array([None], object))[0] is None
