"""A report that does not fit is told field, value and mend, and leaves every table as it was."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import orjson
import pytest
import sqlalchemy as sa

from app.db import Base
from tests.city import middle

COUNTED_ASIDE = {"rate_buckets"}
"""That somebody asked is counted, also when what they sent did not fit."""

LON, LAT = middle(0, 0)
GOOD = f'"type": "F0101", "lon": {LON}, "lat": {LAT}'


def whole(**changes) -> bytes:
    return orjson.dumps({"type": "F0101", "lon": LON, "lat": LAT, **changes})


def rows(tx) -> dict[str, int]:
    tables = [table for table in Base.metadata.sorted_tables if table.name not in COUNTED_ASIDE]
    counts = [sa.select(sa.func.count()).select_from(table).scalar_subquery() for table in tables]
    return dict(zip([t.name for t in tables], tx.execute(sa.select(*counts)).one(), strict=True))


@pytest.fixture
def refused(api, tx):
    """Send a body that does not fit; what it was told, when it left no trace."""
    worker = api("worker")

    def send(raw: bytes, status: int = 422):
        before = rows(tx)
        answer = worker.put(f"reports/{uuid4()}", data=raw, content_type="application/json")
        assert answer.status_code == status, answer.text
        assert answer.content_type == "application/problem+json"
        assert "Traceback" not in answer.text
        assert len(answer.data) < 4_000
        assert rows(tx) == before
        return answer.json

    return send


def test_the_counts_would_notice_a_report(api, tx):
    worker = api("worker")
    before = rows(tx)
    assert worker.put(f"reports/{uuid4()}", data=whole(photos=["0" * 64])).status_code == 201
    changed = {name for name, count in rows(tx).items() if count != before[name]}
    assert changed == {"cases", "case_steps", "case_photos", "events", "audit_log"}


@pytest.mark.parametrize(
    ("changes", "field", "value", "mend"),
    [
        ({"lon": 181}, "lon", "181", "outside -180 to 180; give degrees"),
        ({"lon": -180.0001}, "lon", "-180.0001", "give degrees"),
        ({"lat": 90.0001}, "lat", "90.0001", "give degrees"),
        ({"lon": LAT, "lat": LON}, "lat", "122.99", "look swapped: lon comes first"),
        ({"lon": 1e308}, "lon", "1e+308", "outside -180 to 180"),
        ({"lon": 10**18}, "lon", "1000000000000000000", "outside -180 to 180"),
        ({"lon": True}, "lon", "True", "give a number"),
        ({"lat": "nan"}, "lat", "nan", "is no number"),
        ({"lat": "Infinity"}, "lat", "Infinity", "is no number"),
        ({"lon": None}, "lon", "None", "valid number"),
        ({"lon": [LON]}, "lon", "[122.99", "valid number"),
        ({"lon": {"x": 1}}, "lon", "{'x': 1}", "valid number"),
        ({"accuracy_m": -1}, "accuracy_m", "-1", "0 to 5000 metres; leave it out"),
        ({"accuracy_m": 1e9}, "accuracy_m", "1000000000", "leave it out"),
        ({"crs": "mars"}, "crs", "mars", "wgs84, gcj02"),
        ({"crs": "EPSG:999999"}, "crs", "999999", "wgs84, gcj02"),
        ({"crs": ""}, "crs", "''", "wgs84, gcj02"),
        ({"crs": "4326; DROP TABLE cases"}, "crs", "DROP", "wgs84, gcj02"),
        ({"crs": 4326}, "crs", "4326", "valid string"),
        ({"crs": "\0"}, "crs", r"\x00", "wgs84, gcj02"),
        ({"crs": "/vsicurl/http://example.org/"}, "crs", "vsicurl", "wgs84, gcj02"),
        ({"observed_at": "1970-01-01T00:00:00Z"}, "observed_at", "1970-01-01", "set the device's clock"),
        ({"observed_at": 0}, "observed_at", "1970-01-01", "more than 31 days back"),
        ({"observed_at": "9999-12-31T23:59:59Z"}, "observed_at", "9999-12-31", "in the future"),
        ({"observed_at": "0001-01-01T00:00:00+14:00"}, "observed_at", "0001-01-01", "31 days back"),
        ({"observed_at": "yesterday"}, "observed_at", "yesterday", "is no moment; write it like"),
        ({"observed_at": "2026-02-30T00:00:00Z"}, "observed_at", "2026-02-30", "is no moment; write it like"),
        ({"observed_at": 1e300}, "observed_at", "1e+300", "is no moment; write it like"),
        ({"type": "X9999"}, "type", "X9999", "GET /api/v1/types"),
        ({"type": "F0101'; --"}, "type", "F0101'; --", "GET /api/v1/types"),
        ({"type": ""}, "type", "''", "at least 1"),
        ({"type": ["F0101"]}, "type", "['F0101']", "valid string"),
        ({"type": "F\0"}, "type", r"F\x00", "NUL"),
        ({"text": "井\0盖"}, "text", r"井\x00盖", "NUL, which no text needs; leave it out"),
        ({"text": "字" * 2_001}, "text", "字字", "has 2001 characters; at most 2000 fit, shorten it"),
        ({"text": 7}, "text", "7", "valid string"),
        ({"text": {"$ne": ""}}, "text", "$ne", "valid string"),
        ({"facility": "2103020101000077"}, "facility", "2103020101000077", "leave it out"),
        ({"facility": "2103020137000001"}, "facility", "2103020137000001", "which F0101 is not about"),
        ({"facility": ""}, "facility", "''", "at least 1"),
        ({"photos": "0" * 64}, "photos", "000", "valid tuple"),
        ({"photos": ["0" * 63 + "G"]}, "photos", "000", "no SHA-256: give 64 digits 0-9a-f"),
        ({"photos": ["0" * 64] * 2}, "photos", "000", "name each once"),
        ({"photos": [f"{n:064x}" for n in range(10)]}, "photos", "000", "at most 9 fit"),
        ({"photos": [None]}, "photos.0", "None", "valid string"),
        ({"colour": "red"}, "colour", "red", "is no field here; leave it out"),
        ({"status": "closed"}, "status", "closed", "is no field here"),
        ({"__proto__": {}}, "__proto__", "{}", "is no field here"),
    ],
)
def test_a_field_that_does_not_fit(refused, changes, field, value, mend):
    told = refused(whole(**changes))
    [line] = [one for one in told["errors"] if one["field"] == field]
    assert value in line["value"]
    assert mend in line["message"]
    assert field in told["detail"]
    assert mend in told["detail"]


@pytest.mark.parametrize(("lon", "lat"), [(0, 0), (LAT, LON - 80), (LON + 0.8, LAT), (-180, -90)])
def test_a_place_far_outside_the_grid_is_told_with_its_distance(refused, lon, lat):
    told = refused(whole(lon=lon, lat=lat))
    assert told["code"] == "too_far"
    assert "km outside the grid, and at most 50 km are taken; give longitude first" in told["detail"]


def test_a_place_a_little_outside_the_grid_is_for_a_desk(api):
    answer = api("worker").put(f"reports/{uuid4()}", json={"type": "F0101", "lon": LON + 0.4, "lat": LAT})
    assert answer.status_code == 201
    assert 20_000 < answer.json["outside_m"] < 50_000
    assert answer.json["desk"]


def test_tomorrow_is_told_with_our_time(refused):
    tomorrow = (datetime.now(UTC) + timedelta(days=1)).isoformat()
    told = refused(whole(observed_at=tomorrow))
    assert told["code"] == "bad_moment"
    assert tomorrow in told["detail"]
    assert datetime.now(UTC).date().isoformat()[:7] in told["detail"]


@pytest.mark.parametrize("field", ["type", "lon", "lat"])
def test_a_field_left_out_is_named(refused, field):
    body = {"type": "F0101", "lon": LON, "lat": LAT}
    del body[field]
    told = refused(orjson.dumps(body))
    assert (told["errors"][0]["field"], told["errors"][0]["message"]) == (field, "is required; give it")


def test_every_field_that_does_not_fit_has_a_line_of_its_own(refused):
    told = refused(whole(lon=181, text="\0", photos=["x"], colour="red"))
    assert {line["field"] for line in told["errors"]} == {"lon", "text", "photos", "colour"}


@pytest.mark.parametrize("raw", [b"[]", b"null", b"7", b'"report"', b"true", b'[{"type": "F0101"}]'])
def test_what_is_no_object_is_told(refused, raw):
    told = refused(raw)
    assert "is no object; send {...} with the fields in it" in told["detail"]
    assert "ReportBody" not in told["detail"]


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        (b"", "the body is no JSON"),
        (b"type=F0101&lon=1&lat=2", "send an object as application/json"),
        (b"{" + GOOD.encode(), "no JSON"),
        (b"{" + GOOD.encode() + b"}}", "no JSON"),
        (b"{" + GOOD.encode() + b', "text": "\xff\xfe"}', "no JSON"),
        (b"{" + GOOD.encode() + b', "text": "\xed\xa0\x80"}', "no JSON"),
        (b"{" + GOOD.encode() + b', "text": "\\ud800"}', "surrogate"),
        (("{" + GOOD + ', "text": "井盖"}').encode("gbk"), "no JSON"),
        (("{" + GOOD + "}").encode("utf-16"), "no JSON"),
        (b"\xef\xbb\xbf{" + GOOD.encode() + b"}", "no JSON"),
        (b"{" + GOOD.encode() + b', "text": "\0"}', "no JSON"),
        (b"[" * 100_000, "no JSON"),
        (b"[" * 100_000 + b"]" * 100_000, "depth"),
    ],
)
def test_what_is_no_json_is_told_with_its_place(refused, raw, words):
    told = refused(raw)
    assert told["code"] == "bad_body"
    assert words in told["detail"]


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999", "-1E+400", "9" * 400])
def test_a_number_that_is_none_is_told_by_its_field(refused, number):
    told = refused(f'{{"type": "F0101", "lat": {LAT}, "lon": {number}}}'.encode())
    [line] = told["errors"]
    assert line["field"] == "lon"
    assert number[:40] in line["value"]
    assert "give a number" in told["detail"]


@pytest.mark.parametrize("depth", [50, 900, 1_000])
@pytest.mark.parametrize("field", ["text", "photos", "colour"])
def test_deep_nesting_is_told(refused, depth, field):
    told = refused(f'{{{GOOD}, "{field}": {"[" * depth}{"]" * depth}}}'.encode())
    assert field in told["detail"] or "nested too deep" in told["detail"]


@pytest.mark.parametrize(
    ("raw", "field"),
    [
        (f'{{{GOOD}, "lon": {LON}}}', "lon"),
        (f'{{"text": "a", {GOOD}, "text": "b"}}', "text"),
        (f'{{{GOOD}, "\\u0074ype": "E0110"}}', "type"),
        (f'{{{GOOD}, "text": {{"a": 1, "a": 2}}}}', "a"),
    ],
)
def test_a_field_that_stands_twice_is_told(refused, raw, field):
    told = refused(raw.encode())
    assert told["errors"][0]["field"] == field
    assert "stands twice in the body; name it once" in told["detail"]


def test_thirty_megabytes_are_not_read(refused):
    told = refused(whole(text="a" * 30_000_000), status=413)
    assert told["errors"][0]["field"] == "body"
    assert "at most 1,000,000 fit" in told["detail"]


def test_a_long_text_is_told_in_short(refused):
    told = refused(whole(text="a" * 900_000))
    assert "has 900000 characters" in told["detail"]


def test_an_id_that_is_none_is_not_found(api, tx):
    worker = api("worker")
    before = rows(tx)
    for called in ("1", "not-a-uuid", "0" * 32, "%00"):
        answer = worker.put(f"reports/{called}", data=whole())
        assert (answer.status_code, answer.content_type) == (404, "application/problem+json")
        assert answer.json["errors"][0]["field"] == "report_id"
        assert "is no UUID; make one where the report is made" in answer.json["detail"]
    assert rows(tx) == before
    answer = worker.get("cases/2103022026050400001")
    assert "GET /api/v1/cases?text=2103022026050400001" in answer.json["detail"]
    assert "nothing stands at /api/v1/nowhere; GET /api/openapi.json" in worker.get("nowhere").json["detail"]
