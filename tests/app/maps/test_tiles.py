"""Tiles: what is in them, how they are kept, and how they stay small."""

import gzip
from datetime import timedelta

import mapbox_vector_tile
import numpy as np
import pytest
import shapely
import sqlalchemy as sa

from app import clock
from app.cases.queries import Sight
from app.maps import queries, tiles
from app.maps.publish import publish
from app.maps.queries import layer_versions
from app.maps.rules import STATIC, Layer, Tile
from app.maps.tiles import TileStore, compressed, make, sweep
from tests import city
from tests.app.maps.conftest import AT


def tile_of(z, lon=None, lat=None):
    """Return the tile at this zoom that holds the point, the middle of cell (0, 0) when none is given."""
    x, y = shapely.get_coordinates(shapely.Point(*(city.middle(0, 0) if lon is None else (lon, lat))))[0]
    side = 2**z
    row = (1 - np.arcsinh(np.tan(np.radians(y))) / np.pi) / 2
    return Tile(z, int((x + 180) / 360 * side), int(row * side))


def decoded(raw):
    return mapbox_vector_tile.decode(raw, default_options={"y_coord_down": True})


def features(raw, layer):
    return decoded(raw).get(layer, {"features": []})["features"]


def test_the_cells_of_a_tile_carry_id_and_town_and_from_zoom_14_their_code(tx, published):
    far = features(queries.published_tile(tx, Layer.CELLS, tile_of(12)), "cells")
    near = features(queries.published_tile(tx, Layer.CELLS, tile_of(14)), "cells")
    ids = set(tx.execute(sa.text("SELECT id FROM cell_versions")).scalars())
    assert {f["id"] for f in far} == ids
    assert {tuple(sorted(f["properties"])) for f in far} == {("town",)}
    assert {tuple(sorted(f["properties"])) for f in near} == {("code", "town")}
    assert all(f["properties"]["code"].startswith(f["properties"]["town"]) for f in near)


@pytest.mark.parametrize("z", range(12, 19))
def test_neighbours_in_a_tile_share_their_edges(tx, published, z):
    """Every edge inside the grid and the tile is drawn by two cells, by the same vertices."""
    drawn = features(queries.published_tile(tx, Layer.CELLS, tile_of(z)), "cells")
    shapes = np.array([shapely.geometry.shape(f["geometry"]) for f in drawn], dtype=object)
    assert shapely.is_valid(shapes).all()
    assert shapely.coverage_is_valid(shapes)
    assert shapely.area(shapes).sum() == pytest.approx(shapely.area(shapely.union_all(shapes)))


def test_areas_come_by_level_with_one_name_each(tx, published):
    levels = {}
    for z in (8, 9, 12):
        raw = decoded(queries.published_tile(tx, Layer.AREAS, tile_of(z)))
        levels[z] = sorted({f["properties"]["level"] for f in raw["areas"]["features"]})
        assert len(raw["area_labels"]["features"]) == len(raw["areas"]["features"])
    assert levels == {
        8: ["city", "district"],
        9: ["city", "district", "town"],
        12: ["city", "community", "district", "town"],
    }


def test_facilities_are_clusters_below_zoom_14_and_points_from_there(tx, published):
    clusters = features(queries.published_tile(tx, Layer.FACILITIES, tile_of(13)), "facilities")
    assert [f["properties"] for f in clusters] == [{"count": 3, "types": '{"0101":2,"0137":1}'}]
    points = features(queries.published_tile(tx, Layer.FACILITIES, tile_of(14)), "facilities")
    assert {f["properties"]["code"] for f in points} == {
        2103020101000001,
        2103020101000002,
        2103020137000001,
    }
    assert {f["properties"]["type"] for f in points} == {101, 137}
    assert {tuple(sorted(f["properties"])) for f in points} == {("code", "type")}


def test_a_facility_says_its_condition_unless_it_is_good(tx):
    tx.execute(sa.text("UPDATE facilities SET condition = 'damaged' WHERE code = '2103020101000001'"))
    publish(tx, at=AT)
    points = features(queries.published_tile(tx, Layer.FACILITIES, tile_of(14)), "facilities")
    said = {f["properties"]["code"]: f["properties"].get("condition") for f in points}
    assert said == {2103020101000001: "damaged", 2103020101000002: None, 2103020137000001: None}


@pytest.mark.parametrize("code", ["9103020101000001", "0103020101000001", "D-17", "21030201010000011"])
def test_a_code_that_is_no_plain_number_comes_as_text(tx, code):
    tx.execute(sa.text("UPDATE facilities SET code = :code WHERE code = '2103020101000001'"), {"code": code})
    publish(tx, at=AT)
    points = features(queries.published_tile(tx, Layer.FACILITIES, tile_of(14)), "facilities")
    said = [f["properties"] for f in points if "code" not in f["properties"]]
    assert said == [{"code_text": code, "type": 101}]


@pytest.mark.parametrize("layer", [Layer.CELLS, Layer.FACILITIES])
@pytest.mark.parametrize("z", [14, 15, 18])
def test_a_corner_is_drawn_within_half_a_unit_of_its_place(tx, published, layer, z):
    tile = tile_of(z)
    west, _, east, north = tile.bounds_m
    table = {Layer.CELLS: "tile_cells WHERE band = 15", Layer.FACILITIES: "tile_facilities"}[layer]
    key = "id" if layer is Layer.CELLS else "number"
    rows = tx.execute(sa.text(f"SELECT {key} AS id, ST_AsBinary(geom) AS geom FROM {table}"))
    true = {row.id: shapely.from_wkb(bytes(row.geom)) for row in rows}
    for feature in features(
        queries.published_tile(tx, layer, tile), "cells" if layer is Layer.CELLS else "facilities"
    ):
        named = feature["id"] if layer is Layer.CELLS else feature["properties"]["code"]
        at = shapely.get_coordinates(true[named])
        exact = (at - [west, north]) * [4096 / (east - west), -4096 / (east - west)]
        drawn = shapely.MultiPoint(shapely.get_coordinates(shapely.geometry.shape(feature["geometry"])))
        inside = exact[((exact >= 0) & (exact <= 4096)).all(axis=1)]
        assert all(shapely.Point(corner).distance(drawn) < 0.75 for corner in inside)


def test_streets_come_by_kind_and_from_zoom_14_with_their_names(tx, published):
    def drawn(z):
        raw = queries.published_tile(tx, Layer.STREETS, tile_of(z))
        return [f["properties"] for f in features(raw, "streets")] if raw else []

    assert drawn(10) == []
    assert drawn(11) == drawn(12) == [{"kind": "river"}, {"kind": "arterial"}]
    assert drawn(13) == [*drawn(12), {"kind": "street"}]
    for z in (14, 15, 18):
        assert {(f["kind"], f["name"]) for f in drawn(z)} <= {
            ("river", "南沙河"),
            ("arterial", "胜利路"),
            ("street", "杏花巷"),
        }
    assert len(drawn(14)) == 3


def test_streets_too_heavy_for_a_tile_are_drawn_coarser(tx, published):
    coarse = queries.published_tile(tx, Layer.STREETS, tile_of(14), coarser=1)
    assert [f["properties"] for f in features(coarse, "streets")] == [
        {"kind": kind} for kind in ("river", "arterial", "street")
    ]
    least = queries.published_tile(tx, Layer.STREETS, tile_of(12), coarser=queries.coarsest(Layer.STREETS))
    assert least == queries.published_tile(tx, Layer.STREETS, tile_of(12))


@pytest.mark.parametrize("layer", [Layer.AREAS, Layer.CELLS, Layer.FACILITIES, Layer.STREETS])
def test_a_tile_beside_the_city_is_empty(tx, published, layer):
    assert queries.published_tile(tx, layer, tile_of(14, 10.0, 50.0)) == b""
    assert queries.published_tile(tx, layer, Tile(0, 0, 0)) == b""


@pytest.mark.parametrize(
    ("layer", "z"), [("cells", 12), ("cells", 16), ("areas", 10), ("facilities", 15), ("streets", 15)]
)
def test_a_tile_is_cut_through_the_spatial_index(tx, published, layer, z):
    """24 rows are read fastest whole, or along the key; without those ways the spatial index answers."""
    tx.execute(sa.text(f"ALTER TABLE tile_{layer} DROP CONSTRAINT pk_tile_{layer}"))
    tx.execute(sa.text("DROP INDEX ix_tile_areas_band_label"))
    tx.execute(sa.text("SET LOCAL enable_seqscan = off"))
    tx.execute(sa.text("SET LOCAL enable_bitmapscan = off"))
    index = "ix_tile_facilities_geom" if layer == "facilities" else f"ix_tile_{layer}_band_geom"
    before = _scans(tx, index)
    queries.published_tile(tx, Layer(layer), tile_of(z))
    assert _scans(tx, index) > before


def _scans(tx, index):
    return tx.execute(
        sa.text("SELECT pg_stat_get_xact_numscans(CAST(:index AS regclass))"), {"index": index}
    ).scalar_one()


# The store


@pytest.fixture
def store(tmp_path, published):
    return TileStore(tmp_path)


def test_a_tile_is_made_once_and_then_read_from_its_file(store, tx, statements):
    tile, standing = tile_of(14), store.version(Layer.CELLS)
    first = store.tile(Layer.CELLS, tile, standing)
    assert gzip.decompress(first) == queries.published_tile(tx, Layer.CELLS, tile)
    path = store.folder / str(standing.version) / "cells" / "14" / str(tile.x) / f"{tile.y}.mvt.gz"
    assert path.read_bytes() == first
    del statements[:]
    assert store.tile(Layer.CELLS, tile, standing) == first
    assert statements == []


def test_only_whole_files_are_left(store):
    store.tile(Layer.CELLS, tile_of(14), store.version(Layer.CELLS))
    assert [p.suffix for p in store.folder.rglob("*") if p.is_file()] == [".gz"]


def test_a_tile_beside_the_layer_costs_neither_query_nor_file(store, statements):
    standing = store.version(Layer.CELLS)
    del statements[:]
    assert store.tile(Layer.CELLS, tile_of(14, 10.0, 50.0), standing) == b""
    assert statements == []
    assert list(store.folder.rglob("*.gz")) == []


def test_tiles_deeper_than_the_source_are_answered_and_not_kept(store):
    assert store.tile(Layer.CELLS, tile_of(17), store.version(Layer.CELLS))
    assert list(store.folder.rglob("*.gz")) == []


def test_a_full_disk_costs_the_file_and_not_the_answer(store, monkeypatch):
    def full(*_args, **_kwargs):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(tiles.tempfile, "NamedTemporaryFile", full)
    assert store.tile(Layer.CELLS, tile_of(14), store.version(Layer.CELLS))
    assert list(store.folder.rglob("*.gz")) == []


def test_a_write_that_breaks_off_leaves_nothing(store, monkeypatch):
    def broken(_self, _target):
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(tiles.Path, "replace", broken)
    assert store.tile(Layer.CELLS, tile_of(14), store.version(Layer.CELLS))
    assert [p for p in store.folder.rglob("*") if p.is_file()] == []


def test_the_version_is_asked_for_once_a_second(store, tx, monkeypatch, statements):
    now = clock.now()
    monkeypatch.setattr(clock, "now", lambda: now)
    first = store.version(Layer.CELLS)
    del statements[:]
    publish(tx, at=now, layers=[Layer.CELLS])
    del statements[:]
    assert store.version(Layer.CELLS) == first
    assert statements == []
    monkeypatch.setattr(clock, "now", lambda: now + timedelta(seconds=1))
    assert store.version(Layer.CELLS).version > first.version


def test_a_sweep_takes_what_no_layer_stands_at(store, tx):
    old = store.version(Layer.CELLS)
    store.tile(Layer.CELLS, tile_of(14), old)
    store.tile(Layer.AREAS, tile_of(14), store.version(Layer.AREAS))
    new = publish(tx, at=AT + timedelta(days=1), layers=[Layer.CELLS])[0]
    kept = store.path(Layer.AREAS, tile_of(14), store.version(Layer.AREAS).version)
    assert sweep(store.folder, [(Layer.CELLS, new.version)]) == 1
    assert not (store.folder / str(old.version) / "cells").exists()
    assert kept.is_file()
    standing = [(layer, v.version) for layer, v in layer_versions(tx).items()]
    assert sweep(store.folder, standing) == 0
    assert kept.is_file()


def test_sweeping_an_empty_house_finds_nothing(tmp_path):
    assert sweep(tmp_path / "nothing", [(Layer.CELLS, 1)]) == 0


def test_a_tile_too_heavy_is_made_of_coarser_data(tx, published, monkeypatch):
    tile = tile_of(14)
    whole = make(tx, Layer.FACILITIES, tile)
    codeless = compressed(queries.published_tile(tx, Layer.FACILITIES, tile, coarser=1))
    assert len(codeless) < len(whole)
    monkeypatch.setattr(tiles, "MAX_TILE_BYTES", len(whole) - 1)
    assert make(tx, Layer.FACILITIES, tile) == codeless
    monkeypatch.setattr(tiles, "MAX_TILE_BYTES", 0)
    clusters = features(gzip.decompress(make(tx, Layer.FACILITIES, tile)), "facilities")
    assert [f["properties"]["count"] for f in clusters] == [3]


def test_cells_far_too_heavy_give_way_to_the_lines_of_communities(tx, published, monkeypatch):
    monkeypatch.setattr(tiles, "MAX_TILE_BYTES", 20)
    assert make(tx, Layer.CELLS, tile_of(12)) == b""


# Live layers


def case(tx, column, row, **changes):
    lon, lat = city.middle(column, row)
    values = {
        "id": f"00000000-0000-4000-8000-0000000{column:02d}{row:02d}{len(changes):01d}",
        "no": f"2103022024050{column}{row}{len(changes):04d}",
        "status": "reported",
        "received_at": AT - timedelta(hours=1),
        "due_at": AT + timedelta(hours=1),
        "closed_at": None,
        "reported_by": None,
        "worker": None,
        "lon": lon,
        "lat": lat,
        "cell": city.cell_code(column, row),
        "community": city.cell_code(column, row)[:12],
        **changes,
    }
    tx.execute(
        sa.text(
            "INSERT INTO cases (id, no, kind, type_code, status, source, text, geom, crs_source, observed_at,"
            " received_at, due_at, closed_at, cell_code, community_code, desk_code, reported_by, worker_id,"
            " body_sha256)"
            " VALUES (:id, :no, 'incident', 'E0110', :status, 'operator', 'secret text',"
            " ST_SetSRID(ST_MakePoint(:lon, :lat), 4326), 'wgs84', :received_at, :received_at, :due_at,"
            " :closed_at, :cell, :community, '210302001', :reported_by, :worker, '')"
        ),
        values,
    )
    return values["id"]


def seen(tx, sight, z=12):
    raw = queries.cases_tile(tx, tile_of(z), sight, at=AT)
    return {f["properties"]["id"]: f["properties"] for f in features(raw, "cases")}


def test_cases_are_cut_to_the_areas_of_the_viewer(tx):
    here, there = case(tx, 0, 0), case(tx, 4, 0)
    assert set(seen(tx, Sight(("2103",)))) == {here, there}
    assert set(seen(tx, Sight(("210302001",)))) == {here}
    assert seen(tx, Sight()) == {}


def test_who_reported_a_case_sees_it_without_any_area(tx):
    person = tx.execute(sa.text("SELECT id FROM people WHERE username = 'citizen'")).scalar_one()
    own = case(tx, 0, 0, reported_by=person)
    case(tx, 1, 1)
    assert set(seen(tx, Sight(person_id=person))) == {own}


def test_a_worker_sees_the_cases_they_hold(tx):
    worker = tx.execute(sa.text("SELECT id FROM workers WHERE code = 'W0001'")).scalar_one()
    held = case(tx, 0, 0, worker=worker)
    case(tx, 1, 1)
    assert set(seen(tx, Sight(worker_id=worker))) == {held}


def test_a_case_carries_state_and_nothing_personal(tx):
    late = case(tx, 0, 0, due_at=AT - timedelta(minutes=1))
    soon = case(tx, 1, 1, due_at=AT + timedelta(minutes=59))
    state = {"type": "E0110", "status": "reported", "urgency": 2}
    assert seen(tx, Sight(("2103",))) == {
        late: {"id": late, **state, "overdue": True, "soon": False},
        soon: {"id": soon, **state, "overdue": False, "soon": True},
    }


def test_cases_that_ended_stay_a_week(tx):
    ended = {"status": "closed", "closed_at": AT}
    recent = case(tx, 0, 0, **ended, received_at=AT - timedelta(days=6))
    case(tx, 1, 1, **ended, received_at=AT - timedelta(days=8))
    still_open = case(tx, 2, 2, received_at=AT - timedelta(days=300), due_at=AT - timedelta(days=299))
    assert set(seen(tx, Sight(("2103",)))) == {recent, still_open}


def test_of_too_many_cases_the_overdue_come_first(tx, monkeypatch):
    monkeypatch.setattr(queries, "MOST_CASES", 1)
    case(tx, 0, 0)
    late = case(tx, 1, 1, due_at=AT - timedelta(days=1), received_at=AT - timedelta(days=2))
    assert set(seen(tx, Sight(("2103",)))) == {late}


def test_workers_show_duty_and_silence_and_no_name(tx):
    lon, lat = city.middle(0, 0)
    tx.execute(
        sa.text(
            "UPDATE workers SET position = ST_SetSRID(ST_MakePoint(:lon, :lat), 4326),"
            " position_at = CASE code WHEN 'W0001' THEN :fresh WHEN 'W0003' THEN :stale END"
        ),
        {"lon": lon, "lat": lat, "fresh": AT - timedelta(minutes=14), "stale": AT - timedelta(minutes=16)},
    )
    raw = queries.workers_tile(tx, tile_of(12), ["210302001"], at=AT)
    assert [f["properties"] for f in features(raw, "workers")] == [
        {"code": "W0001", "on_duty": True, "silent": False},
        {"code": "W0002", "on_duty": True, "silent": True},
        {"code": "W0003", "on_duty": False, "silent": True},
    ]
    assert "网格员".encode() not in raw
    assert b"138000" not in raw


def test_every_zoom_of_the_city_stays_small(tx, published):
    for layer in STATIC:
        for z in range(9, 19):
            assert len(make(tx, layer, tile_of(z))) <= 64_000
