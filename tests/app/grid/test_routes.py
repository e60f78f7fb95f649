"""Location over HTTP."""

import pytest

from gis.crs import from_wgs84
from tests.city import WEST, A, cell_code, middle


def test_a_place_is_located(api):
    lon, lat = middle(0, 0)
    answer = api("dispatcher").get("locate", lon=lon, lat=lat)
    assert answer.status_code == 200
    found = answer.json
    assert found["cell"] == {"code": cell_code(0, 0), "area_m2": 9300.0}
    assert found["community"] == {"code": A, "name": "解放社区"}
    assert found["primary"] == {"code": "W0001", "name": "网格员1", "on_duty": True}
    assert found["holder"] == {"kind": "worker", "code": "W0001", "name": "网格员1"}
    assert (found["outside"], found["distance_m"], found["also_touched"]) == (False, None, [])
    assert found["facilities"][0]["code"] == "2103020101000001"
    assert found["at"].endswith("Z")


def test_a_domestic_maps_position_is_located(api):
    lon, lat = from_wgs84(*middle(0, 0), "bd09")
    found = api("worker").get("locate", lon=lon, lat=lat, crs="bd09", accuracy_m=60).json
    assert found["cell"]["code"] == cell_code(0, 0)
    assert (found["lon"], found["lat"]) == pytest.approx(middle(0, 0), abs=1e-9)
    assert found["also_touched"] == [cell_code(1, 0), cell_code(0, 1)]


def test_a_projected_position_is_located(api):
    east, north = from_wgs84(*middle(3, 2), "EPSG:4550")
    found = api("worker").get("locate", lon=east, lat=north, crs="4550").json
    assert found["cell"]["code"] == cell_code(3, 2)


def test_outside_is_an_answer(api):
    found = api("worker").get("locate", lon=WEST - 0.001, lat=middle(0, 0)[1]).json
    assert (found["outside"], found["holder"]["kind"]) == (True, "desk")
    assert found["distance_m"] == pytest.approx(84, abs=0.5)


def test_the_past_is_asked_by_at(api):
    lon, lat = middle(0, 0)
    worker = api("worker")
    assert worker.get("locate", lon=lon, lat=lat, at="2026-01-01T00:00:00+08:00").status_code == 200
    before = worker.get("locate", lon=lon, lat=lat, at="2019-01-01T00:00:00Z")
    assert (before.status_code, before.json["code"]) == (422, "no_cells")
    assert "2019-01-01" in before.json["detail"]


@pytest.mark.parametrize(
    ("query", "field", "words"),
    [
        ({"lon": 181, "lat": 41}, "lon", "outside -180 to 180"),
        ({"lon": "nan", "lat": 41}, "lon", "is no number"),
        ({"lon": 41.1, "lat": 122.9}, "lat", "swapped"),
        ({"lat": 41}, "lon", "required"),
        ({"lon": 1, "lat": 2, "at": "now"}, "at", "no moment; write it like"),
        ({"lon": 1, "lat": 2, "at": "2026-01-01T00:00:00"}, "at", "without a time zone; write it like"),
        ({"lon": 1, "lat": 2, "crs": "EPSG:1"}, "crs", "Unknown coordinate system"),
        ({"lon": 1, "lat": 2, "accuracy_m": 1e9}, "accuracy_m", "5000 metres"),
    ],
)
def test_a_query_that_does_not_fit_is_told(api, query, field, words):
    answer = api("worker").get("locate", **query)
    assert answer.status_code == 422
    assert words in next(e["message"] for e in answer.json["errors"] if e["field"] == field)


def test_a_citizen_may_not_locate(api):
    assert api("citizen").get("locate", lon=122.99, lat=41.1).status_code == 403


def test_a_plain_date_is_local_midnight(api):
    lon, lat = middle(0, 0)
    answer = api("dispatcher").get("locate", lon=lon, lat=lat, at="2026-05-04")
    assert (answer.status_code, answer.json["at"]) == (200, "2026-05-03T16:00:00Z")
    answer = api("dispatcher").get("locate", lon=lon, lat=lat, at="20260504")
    assert "is no moment; write it like" in answer.json["errors"][0]["message"]
