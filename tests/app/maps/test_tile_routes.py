"""Tiles over HTTP: statuses, headers, who may, and what a second request costs."""

import gzip

import mapbox_vector_tile
import pytest
import sqlalchemy as sa

from app.identity.rules import Viewer
from app.maps.publish import publish
from app.maps.rules import Layer
from tests.app.maps.conftest import AT
from tests.app.maps.test_tiles import case, tile_of


def address(layer, z=14):
    tile = tile_of(z)
    return f"/tiles/{layer}/{tile.z}/{tile.x}/{tile.y}.mvt"


@pytest.fixture
def planner(client_as, published):
    return client_as("planner")


@pytest.mark.parametrize("layer", ["areas", "cells", "facilities", "streets"])
def test_a_tile_is_a_vector_tile_gzipped_where_that_is_taken(planner, layer):
    zipped = planner.get(address(layer), headers={"Accept-Encoding": "gzip, br"})
    plain = planner.get(address(layer))
    assert (zipped.status_code, plain.status_code) == (200, 200)
    assert zipped.content_type == "application/vnd.mapbox-vector-tile"
    assert zipped.headers["Content-Encoding"] == "gzip"
    assert "Content-Encoding" not in plain.headers
    assert gzip.decompress(zipped.data) == plain.data
    assert "Accept-Encoding" in zipped.vary
    assert layer in mapbox_vector_tile.decode(plain.data)


def test_the_etag_is_version_and_place(planner, published):
    tile, version = tile_of(14), published[Layer.CELLS].version
    answer = planner.get(address("cells"))
    assert answer.get_etag() == (f"{version}-14-{tile.x}-{tile.y}", True)
    assert answer.headers["Cache-Control"] == "private, no-cache"


def test_a_tile_that_the_caller_has_costs_no_tile_query(planner, statements):
    etag = planner.get(address("cells")).headers["ETag"]
    del statements[:]
    answer = planner.get(address("cells"), headers={"If-None-Match": etag})
    assert (answer.status_code, answer.data) == (304, b"")
    assert answer.headers["ETag"] == etag
    assert [s for s in statements if "tile_" in s] == []


def test_a_new_publication_is_a_new_tile(planner, tx, app):
    first = planner.get(address("cells")).headers["ETag"]
    publish(tx, at=AT, layers=[Layer.CELLS])
    app.extensions["jingwei.tiles"]._read_at = None
    answer = planner.get(address("cells"), headers={"If-None-Match": first})
    assert answer.status_code == 200
    assert answer.headers["ETag"] != first


def test_a_tile_under_its_version_may_be_kept_for_good(planner, published):
    version = published[Layer.CELLS].version
    assert "immutable" in planner.get(f"{address('cells')}?v={version}").headers["Cache-Control"]
    assert planner.get(f"{address('cells')}?v={version - 1}").headers["Cache-Control"] == "private, no-cache"


@pytest.mark.parametrize("layer", ["areas", "cells", "facilities", "streets", "cases", "workers"])
def test_an_empty_tile_is_no_content(planner, layer):
    answer = planner.get(f"/tiles/{layer}/14/0/0.mvt")
    assert (answer.status_code, answer.data) == (204, b"")


def test_before_the_first_publication_tiles_are_empty_and_not_kept(client_as):
    client = client_as("planner")
    assert client.get(address("cells")).status_code == 204
    assert client.get(address("cells")).headers["Cache-Control"] == "private, no-store"
    assert client.get("/tiles/cells.json").json["bounds"] == [-180.0, -85.0511, 180.0, 85.0511]


@pytest.mark.parametrize("layer", ["cells", "cases", "workers"])
@pytest.mark.parametrize(
    "place",
    ["19/0/0", "3/8/0", "3/0/8", "99999/0/0", "-1/0/0", "a/0/0", "3/0.5/0", "3/9999999999999999999/0"],
)
def test_a_place_outside_the_pyramid_is_not_found(planner, layer, place):
    answer = planner.get(f"/tiles/{layer}/{place}.mvt")
    assert answer.status_code == 404
    assert answer.content_type == "application/problem+json"


@pytest.mark.parametrize(
    "path", ["/tiles/secrets/3/0/0.mvt", "/tiles/secrets.json", "/tiles/cells/3/0/0.png"]
)
def test_an_unknown_layer_is_not_found(planner, path):
    assert planner.get(path).status_code == 404


def test_an_unknown_parameter_is_refused(planner):
    assert planner.get(address("cells") + "?v=new").status_code == 422
    assert planner.get(address("cases") + "?status=open").status_code == 422


@pytest.mark.parametrize(
    ("role", "statuses"),
    [("citizen", (200, 204, 403)), ("worker", (200, 204, 403)), ("dispatcher", (200, 204, 204))],
)
def test_each_layer_asks_for_its_permission(client_as, published, role, statuses):
    client = client_as(role)
    paths = (address("cells"), address("cases"), address("workers"))
    assert tuple(client.get(path).status_code for path in paths) == statuses
    described = tuple(client.get(f"/tiles/{name}.json").status_code for name in ("cells", "cases", "workers"))
    assert described == tuple(status if status == 403 else 200 for status in statuses)


def test_live_tiles_are_cut_to_the_viewer_and_never_stored(client_as, published, tx):
    case(tx, 0, 0)
    case(tx, 4, 0)

    def cases(role):
        answer = client_as(role).get(address("cases", 12))
        assert answer.headers["Cache-Control"] == "private, no-store"
        return len(mapbox_vector_tile.decode(answer.data)["cases"]["features"]) if answer.data else 0

    assert {role: cases(role) for role in ("dispatcher", "supervisor", "worker", "citizen")} == {
        "dispatcher": 2,
        "supervisor": 1,
        "worker": 0,
        "citizen": 0,
    }


@pytest.mark.parametrize("layer", ["areas", "cells", "facilities", "streets", "cases", "workers"])
def test_tilejson_says_where_the_tiles_are_and_what_is_in_them(planner, published, tx, layer):
    case(tx, 0, 0)
    tx.execute(sa.text("UPDATE workers SET position = (SELECT geom FROM cases LIMIT 1)"))
    answer = planner.get(f"/tiles/{layer}.json")
    told = answer.json
    assert told["tilejson"] == "3.0.0"
    assert told["bounds"] == pytest.approx([122.990, 41.100, 122.996, 41.104], abs=0.006)
    tile = tile_of(max(told["minzoom"], 15))
    url = told["tiles"][0].replace("{z}", str(tile.z)).replace("{x}", str(tile.x)).replace("{y}", str(tile.y))
    assert url.startswith("http://localhost/tiles/")
    drawn = mapbox_vector_tile.decode(planner.get(url).data)
    fields = {inside["id"]: set(inside["fields"]) for inside in told["vector_layers"]}
    assert set(drawn) == set(fields)
    for name, inside in drawn.items():
        assert {key for f in inside["features"] for key in f["properties"]} <= fields[name]


def test_a_tile_from_a_file_is_the_same_before_and_behind_the_doorstep(planner):
    plain = {"Accept-Encoding": "gzip"}
    etag = planner.get(address("cells"), headers=plain).headers["ETag"]
    for asked in (plain, plain | {"If-None-Match": etag}):
        quick, whole = planner.get(address("cells"), headers=asked), _inside(planner, asked)
        assert (quick.status_code, quick.data) == (whole.status_code, whole.data)
        assert _known(quick) == _known(whole)
    versioned = planner.get(address("cells") + f"?v={etag[3:].split('-')[0]}", headers=plain)
    assert versioned.headers["Cache-Control"].endswith("immutable")


def _known(answer):
    """The headers, but for the id of the request."""
    return {name: value for name, value in answer.headers if name not in {"X-Request-Id", "Content-Length"}}


def _inside(planner, headers):
    """Ask in a way that the doorstep does not answer."""
    return planner.get(address("cells") + "?", headers=headers | {"Accept-Encoding": "gzip;q=1"})


@pytest.mark.parametrize("layer", ["areas", "cells", "facilities", "streets"])
def test_the_doorstep_answers_nobody_whom_the_gate_would_not(planner, client, layer, monkeypatch):
    plain = {"Accept-Encoding": "gzip"}
    assert [planner.get(address(layer), headers=plain).status_code for _ in range(2)] == [200, 200]
    assert client.get(address(layer), headers=plain).status_code == 401
    assert client.get(address(layer), headers=plain | {"Authorization": "Bearer jw_wrong"}).status_code == 401
    token = plain | {"Authorization": "Bearer jw_wrong"}
    assert planner.get(address(layer), headers=token).status_code == 401, "a wrong token is never overlooked"
    monkeypatch.setattr(Viewer, "may", lambda *_: False)
    assert planner.get(address(layer), headers=plain).status_code == 403


def test_the_doorstep_costs_no_query_and_counts_requests(planner, app, statements):
    plain = {"Accept-Encoding": "gzip"}
    planner.get(address("cells"), headers=plain)
    leases = app.extensions["jingwei.identity"].allowances._leases
    [lease] = [lease for (name, _), lease in leases.items() if name == "tiles"]
    before = lease.left
    del statements[:]
    assert planner.get(address("cells"), headers=plain).status_code == 200
    assert statements == []
    assert lease.left == before - 1
    lease.left = 0
    assert planner.get(address("cells"), headers=plain).status_code == 200
    assert any("rate_buckets" in statement for statement in statements), "a new lease is asked for inside"
