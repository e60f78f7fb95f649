"""Where a point belongs: the database's function, the same as gis.locate, and what is known of a place."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
import shapely
import sqlalchemy as sa
from pyproj import Geod
from shapely import Polygon
from sqlalchemy.dialects.postgresql import Range

from app.grid import queries
from app.grid.models import Area, Cell, CellVersion
from app.grid.queries import Holder
from app.workers.models import Shift, Worker
from gis.errors import NoCells
from gis.locate import Grid
from tests import city
from tests.city import A, B, C, cell_code, middle

NOW = datetime(2026, 5, 4, 9, tzinfo=UTC)
LOCATE = """
SELECT p.n, found.cell_code, found.outside_m
FROM unnest(CAST(:lon AS float8[]), CAST(:lat AS float8[])) WITH ORDINALITY p (lon, lat, n)
CROSS JOIN LATERAL locate_cell(ST_SetSRID(ST_MakePoint(p.lon, p.lat), 4326), CAST(:at AS timestamptz)) found
ORDER BY p.n
"""


def located(tx, lon, lat, at=NOW):
    rows = tx.execute(sa.text(LOCATE), {"lon": list(map(float, lon)), "lat": list(map(float, lat)), "at": at})
    return rows.all()


def cells_of(tx, at=NOW):
    rows = tx.named("grid.cells_at", at=at).all()
    return [row.cell_code for row in rows], shapely.from_wkb([row.outline for row in rows])


def slanted(tx):
    """Shear and bend the city's cells, so that edges lie askew as in a real city."""
    wave = lambda xy: np.column_stack(  # noqa: E731
        (
            xy[:, 0] + 0.37 * (xy[:, 1] - 41.1) + 1e-4 * np.sin(4e3 * xy[:, 1]),
            xy[:, 1] + 0.21 * (xy[:, 0] - 122.99) + 1e-4 * np.sin(5e3 * xy[:, 0]),
        )
    )
    codes, shapes = cells_of(tx)
    for code, shape in zip(codes, shapely.transform(shapely.segmentize(shapes, 0.0003), wave), strict=True):
        tx.execute(sa.update(CellVersion).where(CellVersion.cell_code == code).values(geom=city.ewkt(shape)))


def points_of(shapes, seed=7):
    """Return every vertex and edge midpoint, points a hair beside the edges, and random points around."""
    rng = np.random.default_rng(seed)
    starts = np.concatenate([shapely.get_coordinates(s)[:-1] for s in shapes])
    ends = np.concatenate([shapely.get_coordinates(s)[1:] for s in shapes])
    share = rng.random((len(starts), 1))
    along = starts + share * (ends - starts)
    west, south, east, north = shapely.total_bounds(shapes)
    random = rng.uniform((west - 0.002, south - 0.002), (east + 0.002, north + 0.002), (20_000, 2))
    hair = [np.nextafter(along[:, 0], np.inf), np.nextafter(along[:, 0], -np.inf)]
    beside = np.concatenate([np.column_stack((x, along[:, 1])) for x in hair])
    return np.concatenate((starts, (starts + ends) / 2, along, beside, random))


@pytest.mark.parametrize("askew", [False, True])
def test_the_database_and_gis_agree_on_every_point(tx, askew):
    if askew:
        slanted(tx)
    codes, shapes = cells_of(tx)
    points = points_of(shapes)
    assert len(points) > 20_000
    index = Grid(shapes).locate(points[:, 0], points[:, 1])
    expected = [codes[i] if i >= 0 else None for i in index]
    rows = located(tx, points[:, 0], points[:, 1])
    assert [row.cell_code if row.outside_m is None else None for row in rows] == expected
    assert 1_000 < expected.count(None) < 17_000


def test_an_edge_and_a_corner_belong_to_the_smallest_code(tx):
    corner = shapely.get_coordinates(city.outline(1, 1))[:4]
    for lon, lat in corner:
        [row] = located(tx, [lon], [lat])
        touching = [
            cell_code(x, y)
            for x in range(6)
            for y in range(4)
            if city.outline(x, y).covers(shapely.Point(lon, lat))
        ]
        assert len(touching) == 4
        assert row.cell_code == min(touching)


def test_the_nearest_cell_is_nearest_in_metres_not_in_degrees(tx):
    codes, shapes = cells_of(tx)
    rng = np.random.default_rng(11)
    points = rng.uniform((122.95, 41.06), (123.04, 41.14), (300, 2))
    points = np.concatenate(
        (points, rng.uniform((70, 10), (140, 55), (40, 2)), [(-179.99, 41.1), (0, -89.9)])
    )
    geod = Geod(ellps="WGS84")
    for (lon, lat), row in zip(points, located(tx, points[:, 0], points[:, 1]), strict=True):
        if row.outside_m is None:
            continue
        edges = shapely.get_coordinates(
            shapely.segmentize([s.exterior for s in shapes], 0.00005), return_index=True
        )
        _, _, metres = geod.inv(np.full(len(edges[0]), lon), np.full(len(edges[0]), lat), *edges[0].T)
        assert row.outside_m == pytest.approx(metres.min(), rel=2e-3, abs=0.5)
        own = metres[edges[1] == codes.index(row.cell_code)].min()
        assert own <= metres.min() + 0.5


def test_a_scaled_degree_decides_between_two_cells(tx):
    """East of one cell, south of another: 0.0011 degrees of longitude are less than 0.00095 of latitude."""
    tx.execute(sa.delete(CellVersion).where(CellVersion.cell_code.not_in([cell_code(0, 0), cell_code(2, 1)])))
    west, north = city.outline(0, 0), city.outline(2, 1)
    lon, lat = west.bounds[2] + 0.0011, north.bounds[1] - 0.00095
    lat_of_west = west.bounds[1]
    assert lat < lat_of_west
    tx.execute(
        sa.update(CellVersion)
        .where(CellVersion.cell_code == cell_code(0, 0))
        .values(geom=city.ewkt(shapely.box(west.bounds[0], lat - 0.0005, west.bounds[2], lat + 0.0005)))
    )
    [row] = located(tx, [lon], [lat])
    assert row.cell_code == cell_code(0, 0)
    assert row.outside_m == pytest.approx(92.4, abs=1)


def test_an_empty_grid_has_no_nearest_cell(tx):
    tx.execute(sa.delete(CellVersion))
    assert located(tx, [122.99], [41.1]) == [(1, None, None)]
    with pytest.raises(NoCells):
        queries.locate(tx, 122.99, 41.1, at=NOW)


def test_the_past_stays_askable_when_a_cell_is_split(tx):
    moment = NOW - timedelta(days=30)
    code, new = cell_code(2, 1), B + "009"
    west, south, east, north = city.outline(2, 1).bounds
    half = (west + east) / 2
    old = tx.execute(sa.select(CellVersion).where(CellVersion.cell_code == code)).one()
    tx.execute(
        sa.update(CellVersion).where(CellVersion.cell_code == code).values(valid=Range(city.SINCE, moment))
    )
    tx.execute(sa.insert(Cell).values(code=new, community_code=B))
    for piece, shape in (
        (code, shapely.box(west, south, half, north)),
        (new, shapely.box(half, south, east, north)),
    ):
        tx.execute(
            sa.insert(CellVersion).values(
                cell_code=piece,
                valid=Range(moment, None),
                geom=city.ewkt(shape),
                area_m2=4_650,
                grid_version_id=old.grid_version_id,
            )
        )
    lon, lat = (half + east) / 2, (south + north) / 2
    assert [
        located(tx, [lon], [lat], at)[0].cell_code for at in (moment - timedelta(seconds=1), moment, NOW)
    ] == [code, new, new]
    assert located(tx, [half], [lat])[0].cell_code == code
    before = queries.locate(tx, lon, lat, at=moment - timedelta(days=1))
    assert (before.cell.code, before.cell.area_m2) == (code, 9_300)
    assert queries.locate(tx, lon, lat, at=NOW).cell.area_m2 == 4_650


def test_before_the_first_grid_there_is_none_and_the_answer_names_the_moment(tx):
    with pytest.raises(NoCells, match="had no cells at 2019-01-01T00:00:00"):
        queries.locate(tx, *middle(0, 0), at=datetime(2019, 1, 1, tzinfo=UTC))


def test_a_place_tells_its_areas_its_workers_and_its_facilities(tx):
    lon, lat = middle(0, 0)
    found = queries.locate(tx, lon, lat, at=NOW)
    assert not found.outside
    assert found.distance_m is None
    assert found.cell.code == cell_code(0, 0)
    assert [found.community.code, found.town.code, found.district.code] == [A, A[:9], "210302"]
    assert found.community.name == "解放社区"
    assert (found.primary.code, found.primary.on_duty) == ("W0001", True)
    assert (found.backup.code, found.backup.on_duty) == ("W0002", True)
    assert found.holder == Holder("worker", "W0001", "网格员1")
    assert found.also_touched == ()
    assert [f.code[-10:] for f in found.facilities] == ["0101000001", "0137000001", "0101000002"]
    assert [f.distance_m for f in found.facilities] == pytest.approx([0, 0.84, 16.8], abs=0.02)
    assert found.facilities[0].type_name_en == "water cover"


def test_facilities_come_by_metres(tx):
    lon, lat = middle(3, 3)
    rows = [(lon + 0.00115, lat), (lon, lat + 0.00100)]
    for n, (x, y) in enumerate(rows):
        tx.execute(
            sa.text(
                "INSERT INTO facilities (code, type_code, geom)"
                " VALUES (:code, '0101', ST_SetSRID(ST_MakePoint(:x, :y), 4326))"
            ),
            {"code": f"210302010100010{n}", "x": x, "y": y},
        )
    found = queries.locate(tx, lon, lat, at=NOW, facilities=1)
    assert [f.code for f in found.facilities] == ["2103020101000100"]


def test_outside_the_grid_the_nearest_cell_is_named_and_a_desk_holds(tx):
    found = queries.locate(tx, city.WEST - 0.001, middle(0, 1)[1], at=NOW)
    assert found.outside
    assert found.distance_m == pytest.approx(84.0, abs=0.3)
    assert found.cell.code == cell_code(0, 1)
    assert found.primary.code == "W0001"
    assert found.holder == Holder("desk", "210302001", "解放街道")


@pytest.mark.parametrize(
    ("column", "holder"),
    [
        (0, Holder("worker", "W0001", "网格员1")),
        (2, Holder("desk", "210302001", "解放街道")),
        (4, Holder("desk", C, "山南社区")),
    ],
)
def test_somebody_always_holds_a_cell(tx, column, holder):
    assert queries.locate(tx, *middle(column, 0), at=NOW).holder == holder


def off_duty(tx, worker):
    tx.execute(
        sa.delete(Shift).where(
            Shift.worker_id == sa.select(Worker.id).where(Worker.code == worker).scalar_subquery()
        )
    )


def test_the_primary_off_duty_the_backup_holds_and_then_the_desk(tx):
    off_duty(tx, "W0001")
    found = queries.locate(tx, *middle(0, 0), at=NOW)
    assert not found.primary.on_duty
    assert found.holder.code == "W0002"
    tx.execute(sa.update(Worker).where(Worker.code == "W0002").values(active=False))
    assert queries.locate(tx, *middle(0, 0), at=NOW).holder == Holder("desk", "210302001", "解放街道")
    tx.execute(sa.update(Area).where(Area.code == A).values(desk_staffed=True))
    assert queries.locate(tx, *middle(0, 0), at=NOW).holder == Holder("desk", A, "解放社区")
    tx.execute(sa.update(Area).values(desk_staffed=False))
    assert queries.locate(tx, *middle(0, 0), at=NOW).holder == Holder("desk", "210302001", "解放街道")


def test_a_circle_of_accuracy_names_the_other_cells_it_touches(tx):
    _, south, east, north = city.outline(0, 0).bounds
    found = queries.locate(tx, east - 0.0002, (south + north) / 2, at=NOW, accuracy_m=20)
    assert found.cell.code == cell_code(0, 0)
    assert found.also_touched == (cell_code(1, 0),)
    near = queries.locate(tx, east - 0.0002, (south + north) / 2, at=NOW, accuracy_m=16)
    assert near.also_touched == ()
    corner = queries.locate(tx, east, south, at=NOW, accuracy_m=0)
    assert corner.also_touched == (cell_code(1, 0), cell_code(0, 1), cell_code(1, 1))


def test_the_circle_is_the_same_in_gis(tx):
    slanted(tx)
    codes, shapes = cells_of(tx)
    grid = Grid(shapes)
    rng = np.random.default_rng(5)
    for lon, lat in rng.uniform((122.989, 41.099), (122.997, 41.105), (60, 2)):
        found = queries.locate(tx, lon, lat, at=NOW, accuracy_m=60)
        theirs = {codes[i] for i in grid.touched(lon, lat, 60)} - {found.cell.code}
        assert set(found.also_touched) == theirs


def plan_of(tx, statement, **parameters):
    tx.execute(sa.text("SET LOCAL enable_seqscan = off"))
    return "\n".join(tx.execute(sa.text("EXPLAIN " + statement), parameters).scalars())


def test_location_asks_the_spatial_index(tx):
    plan = plan_of(
        tx,
        "SELECT cell_code FROM cell_versions v WHERE v.geom && ST_SetSRID(ST_MakePoint(122.99, 41.1), 4326)"
        " AND v.valid @> now() AND ST_Covers(v.geom, ST_SetSRID(ST_MakePoint(122.99, 41.1), 4326))"
        " ORDER BY cell_code LIMIT 1",
    )
    assert "ix_cell_versions_geom" in plan
    near = plan_of(
        tx,
        "SELECT geom FROM cell_versions v WHERE valid @> now()"
        " ORDER BY v.geom <-> ST_SetSRID(ST_MakePoint(0, 0), 4326) LIMIT 8",
    )
    assert "ix_cell_versions_geom" in near


def test_a_facility_of_a_type_is_found_by_one_index(tx):
    plan = plan_of(
        tx,
        "SELECT id FROM facilities f WHERE f.type_code = '0101'"
        " AND f.geom && box_around(ST_SetSRID(ST_MakePoint(122.99, 41.1), 4326), 30)",
    )
    assert "ix_facilities_geom_type_code" in plan


@pytest.mark.parametrize(
    ("lon", "lat"), [(122.99, 41.1), (0, 0), (179.9999, 10), (-50, -75), (10, 88.99), (3, 90)]
)
@pytest.mark.parametrize("radius_m", [1, 30, 5_000, 300_000])
def test_a_box_holds_its_circle(tx, lon, lat, radius_m):
    azimuth = np.arange(0, 360, 5.0)
    x, y, _ = Geod(ellps="WGS84").fwd(
        np.full(len(azimuth), lon),
        np.full(len(azimuth), lat),
        azimuth,
        np.full(len(azimuth), radius_m * 0.999999),
    )
    box = tx.execute(
        sa.text("SELECT ST_AsBinary(box_around(ST_SetSRID(ST_MakePoint(:lon, :lat), 4326), :r))"),
        {"lon": float(lon), "lat": float(lat), "r": float(radius_m)},
    ).scalar_one()
    west, south, east, north = shapely.from_wkb(bytes(box)).bounds
    assert ((west <= x) & (x <= east) & (south <= y) & (y <= north)).all()


def test_the_least_distance_is_never_more_than_the_distance(tx):
    rng = np.random.default_rng(3)
    for lon, lat, x, y in rng.uniform((-180, -90, -180, -89), (180, 90, 179, 88), (300, 4)):
        shape = Polygon([(x, y), (x + 1, y), (x + 0.5, y + 1)])
        row = tx.execute(
            sa.text(
                "SELECT at_least_m(p, g) AS least, ST_Distance(p::geography, g::geography) AS metres"
                " FROM ST_SetSRID(ST_MakePoint(:lon, :lat), 4326) p, ST_GeomFromText(:g, 4326) g"
            ),
            {"lon": lon, "lat": lat, "g": shape.wkt},
        ).one()
        assert row.least <= row.metres


def test_a_point_a_hair_beside_an_edge_has_one_owner_and_the_same_in_gis(tx):
    """No point on such an edge can be written in binary: each lies on one side or the other."""
    west, south = 122.990123, 41.100457
    rng = np.random.default_rng(2)
    low, high = cell_code(0, 0), cell_code(1, 0)
    tx.execute(sa.delete(CellVersion).where(CellVersion.cell_code.not_in([low, high])))
    # 2 to 1 is the ratio of the smallest steps of the two axes; one step more and none falls on the edge
    east, north = np.nextafter(west + 0.0002, 180), south + 0.0001
    shapes = {
        low: Polygon([(west, south), (east, north), (west, north)]),
        high: Polygon([(west, south), (east, south), (east, north)]),
    }
    for code, shape in shapes.items():
        tx.execute(sa.update(CellVersion).where(CellVersion.cell_code == code).values(geom=city.ewkt(shape)))
    share = rng.random(5_000)
    lon, lat = west + share * (east - west), south + share * (north - south)
    index = Grid(list(shapes.values())).locate(lon, lat)
    expected = [list(shapes)[i] if i >= 0 else None for i in index]
    assert 2_000 < expected.count(high) < 3_000
    rows = located(tx, lon, lat)
    assert [row.cell_code if row.outside_m is None else None for row in rows] == expected


def test_the_holder_is_asked_of_ranges_with_any_bounds(tx):
    worker, other = tx.execute(
        sa.text("SELECT id FROM workers WHERE code IN ('W0001', 'W0002') ORDER BY code")
    ).scalars()
    cell = tx.execute(
        sa.text("SELECT cell_code FROM posts WHERE worker_id = :id ORDER BY 1 LIMIT 1"), {"id": worker}
    ).scalar_one()
    noon = "2024-05-01T12:00:00+00:00"
    tx.execute(sa.text("DELETE FROM shifts"))
    tx.execute(sa.text("DELETE FROM posts WHERE cell_code = :cell"), {"cell": cell})
    for post, holder, during in (
        ("primary", worker, f"[2024-01-01,{noon}]"),
        ("primary", other, f"({noon},2025-01-01)"),
        ("backup", other, "[2023-01-01,2025-01-01)"),
    ):
        tx.execute(
            sa.text(
                "INSERT INTO posts (cell_code, worker_id, role, during) VALUES (:cell, :id, :role, :during)"
            ),
            {"cell": cell, "id": holder, "role": post, "during": during},
        )
    for holder, during in (
        (worker, f"[2024-05-01,{noon}]"),
        (worker, f"({noon},2024-05-02)"),
        (other, "[2024-05-01T11:00Z,2024-05-01T12:00Z)"),
        (other, "[2024-05-01T13:00Z,2024-05-01T14:00Z]"),
    ):
        tx.execute(
            sa.text("INSERT INTO shifts (worker_id, during) VALUES (:id, :during)"),
            {"id": holder, "during": during},
        )

    def holder_at(moment):
        return tx.execute(
            sa.text("SELECT worker_id FROM holder_of(:cell, left(:cell, 12), :moment)"),
            {"cell": cell, "moment": moment},
        ).scalar()

    assert holder_at(noon) == worker
    assert holder_at("2024-05-01T12:00:01Z") is None
    assert holder_at("2024-05-01T13:00Z") == other
    assert holder_at("2024-05-01T14:00Z") == other
    assert holder_at("2024-05-01T14:00:01Z") is None
    assert holder_at("2023-05-01T12:00Z") is None
