"""Reports and cases over HTTP."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
import sqlalchemy as sa
from sqlalchemy import event

from app.cases.models import Case
from app.transaction import EventRow
from tests import people
from tests.city import A, C, cell_code, middle


def body(column=0, row=0, **changes):
    lon, lat = middle(column, row)
    return {"type": "F0101", "lon": lon, "lat": lat, "text": "井盖破损", **changes}


def file(api, *args, **changes):
    answer = api.put(f"reports/{uuid4()}", body(*args, **changes))
    assert answer.status_code == 201, answer.text
    return answer.json


def test_a_report_is_made_then_the_same_then_another(api, tx):
    worker, path = api("worker"), f"reports/{uuid4()}"
    first, again = worker.put(path, body()), worker.put(path, body())
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json == again.json
    assert first.json["cell"] == cell_code(0, 0)
    assert first.json["worker"] == {"code": "W0001", "name": None}
    assert first.json["received_at"].endswith("Z")
    other = worker.put(path, body(text="别的"))
    assert (other.status_code, other.json["code"]) == (409, "report_differs")
    assert other.content_type == "application/problem+json"
    assert tx.execute(sa.select(sa.func.count()).select_from(Case)).scalar_one() == 1


def test_a_report_without_a_token_is_refused(client):
    assert client.put(f"/api/v1/reports/{uuid4()}", json=body()).status_code == 401


@pytest.mark.parametrize(
    ("changes", "field", "words"),
    [
        ({"lon": 181}, "lon", "outside -180 to 180"),
        ({"lat": -91}, "lat", "outside -90 to 90"),
        ({"lon": 41.1, "lat": 122.99}, "lat", "lon and lat look swapped"),
        ({"lon": "east"}, "lon", "number"),
        ({"crs": "mars"}, "crs", "wgs84, gcj02"),
        ({"accuracy_m": -1}, "accuracy_m", "leave it out"),
        ({"observed_at": "1970-01-01T00:00:00Z"}, "observed_at", "more than 31 days back"),
        (
            {"observed_at": (datetime.now(UTC) + timedelta(days=1)).isoformat()},
            "observed_at",
            "in the future",
        ),
        ({"observed_at": "2026-05-06T09:00:00"}, "observed_at", "without a time zone"),
        ({"type": "X"}, "type", "GET /api/v1/types"),
        ({"type": None}, "type", "string"),
        ({"text": "a\0b"}, "text", "NUL"),
        ({"text": "字" * 2001}, "text", "has 2001 characters"),
        ({"facility": "2103020101000077"}, "facility", "no facility has the code"),
        ({"facility": "2103020101000001", "lat": 41.148}, "facility", "m from the pin"),
        ({"photos": [f"{n:064d}" for n in range(10)]}, "photos", "at most 9"),
        ({"photos": ["abc"]}, "photos", "no SHA-256"),
        ({"photos": ["0" * 64, "0" * 64]}, "photos", "twice"),
        ({"colour": "red"}, "colour", "is no field here"),
    ],
)
def test_a_field_that_does_not_fit_is_named_with_its_value_and_mend(api, tx, changes, field, words):
    answer = api("worker").put(f"reports/{uuid4()}", body(**changes))
    assert answer.status_code == 422
    assert field in [e["field"] for e in answer.json["errors"]]
    [line] = [e for e in answer.json["errors"] if e["field"] == field]
    assert words in line["message"]
    assert words in answer.json["detail"]
    assert line["value"]
    assert tx.execute(sa.select(sa.func.count()).select_from(Case)).scalar_one() == 0
    events = sa.select(sa.func.count()).where(EventRow.kind == "case_reported")
    assert tx.execute(events).scalar_one() == 0


@pytest.mark.parametrize("number", ["NaN", "-Infinity", "Infinity"])
def test_nan_is_no_json_and_the_field_is_named(api, number):
    raw = f'{{"type": "F0101", "lat": 41.1, "lon": {number}}}'
    answer = api("worker").put(f"reports/{uuid4()}", data=raw, content_type="application/json")
    assert (answer.status_code, answer.json["code"]) == (422, "bad_body")
    assert answer.json["errors"][0]["field"] == "lon"
    assert number in answer.json["errors"][0]["value"]
    assert "give a number" in answer.json["detail"]


def test_a_number_beyond_all_bounds_is_refused(api):
    raw = '{"type": "F0101", "lat": 41.1, "lon": 1e999}'
    answer = api("worker").put(f"reports/{uuid4()}", data=raw, content_type="application/json")
    assert answer.status_code == 422


def test_types_are_listed(api):
    items = api("citizen").get("types").json["items"]
    assert [item["code"] for item in items] == ["E0110", "F0101", "F0137"]
    assert items[1] == {
        "code": "F0101", "name_zh": "上水井盖", "name_en": "water cover", "unit": "市政", "urgency": 1,
        "clock": "urgent_hour", "limit_value": 2.0, "facility_type_code": "0101", "kind": "incident",
    }  # fmt: skip


def ids(answer):
    assert answer.status_code == 200, answer.text
    return [item["id"] for item in answer.json["items"]]


def test_a_list_is_narrowed_by_every_filter(api):
    worker, desk = api("worker"), api("dispatcher")
    first = file(worker, 0, 0, text="第一 100%")
    second = file(worker, 2, 1, type="E0110", text="第二")
    third = file(worker, 4, 2, type="F0137")
    west, south = middle(2, 1)
    for query, expected in [
        ({}, [third, second, first]),
        ({"cell": first["cell"]}, [first]),
        ({"area": "210302001"}, [second, first]),
        ({"area": "210300"}, [third, second, first]),
        ({"area": C}, [third]),
        ({"type": "E0110"}, [second]),
        ({"worker": "W0001"}, [first]),
        ({"worker": "W0005"}, []),
        ({"status": "open"}, [third, second, first]),
        ({"status": "closed,void"}, []),
        ({"status": "closed,reported"}, [third, second, first]),
        ({"text": "第"}, [second, first]),
        ({"text": "0%"}, [first]),
        ({"text": third["no"]}, [third]),
        ({"since": second["received_at"]}, [third, second]),
        ({"bbox": f"{west - 1e-4},{south - 1e-4},{west + 1e-4},{south + 1e-4}"}, [second]),
        ({"limit": 2}, [third, second]),
    ]:
        assert ids(desk.get("cases", **query)) == [case["id"] for case in expected], query


def test_pages_follow_each_other_without_gap_or_double(api, tx):
    worker = api("worker")
    filed = [file(worker)["id"] for _ in range(7)]
    tx.execute(sa.update(Case).values(received_at=datetime(2026, 5, 6, tzinfo=UTC)))
    found, after = [], None
    while True:
        query = {"limit": 3} | ({"after": after} if after else {})
        answer = worker.get("cases", **query)
        found += ids(answer)
        after = answer.json["next"]
        if after is None:
            break
    assert sorted(found) == sorted(filed)
    assert len(found) == 7


@pytest.mark.parametrize("cursor", ["x", "bm8", "4pyT", "MQ"])
def test_a_cursor_that_is_not_ours_is_told(api, cursor):
    answer = api("worker").get("cases", after=cursor)
    assert (answer.status_code, answer.json["errors"][0]["field"]) == (422, "after")


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ({"bbox": "1,2,3"}, "four numbers"),
        ({"bbox": "nan,0,1,1"}, "the smaller first"),
        ({"status": "lost"}, "is no status: open, reported"),
        ({"area": "21"}, "match"),
        ({"since": "yesterday"}, "is no moment; write it like"),
        ({"limit": "1000"}, "less than or equal to 100"),
        ({"text": "\0"}, "NUL"),
        ({"colour": "red"}, "is no field here"),
    ],
)
def test_a_filter_that_does_not_fit_is_told(api, query, words):
    answer = api("dispatcher").get("cases", **query)
    assert answer.status_code == 422
    assert words in answer.json["detail"]


@pytest.mark.parametrize(
    ("field", "code", "mend"),
    [
        ("type", "F9999", "GET /api/v1/types lists them"),
        ("worker", "W7777", "take one from a case"),
        ("cell", "210302001001999", "GET /api/v1/locate"),
        ("area", "210399", "GET /api/v1/search finds areas"),
    ],
)
def test_a_filter_that_names_nothing_is_told_and_one_that_finds_nothing_is_not(api, field, code, mend):
    worker = api("worker")
    case = file(worker)
    answer = worker.get("cases", **{field: code})
    assert (answer.status_code, answer.json["code"]) == (422, "unknown_filter")
    assert mend in answer.json["detail"]
    assert code in answer.json["errors"][0]["value"]
    known = {"type": "E0110", "worker": "W0002", "cell": case["cell"], "area": "210302002"}[field]
    assert ids(worker.get("cases", **{field: known}, since="2030-01-01")) == []


def test_a_plain_date_is_local_midnight(api, tx):
    worker = api("worker")
    late, early = file(worker)["id"], file(worker)["id"]
    for case_id, moment in ((late, "2026-04-30T16:00Z"), (early, "2026-04-30T15:59:59Z")):
        at = datetime.fromisoformat(moment)
        tx.execute(sa.update(Case).where(Case.id == case_id).values(received_at=at, observed_at=at))
    assert ids(worker.get("cases", since="2026-05-01")) == [late]
    assert ids(worker.get("cases", since="2026-05-01T00:00:00+08:00")) == [late]
    # curl sends "+" as it is, which means a blank
    raw = worker.client.get("/api/v1/cases?since=2026-05-01T00:00:00+08:00", headers=worker.headers)
    assert ids(raw) == [late]
    for bad in ("2026-02-30", "2026-05-01T08:00", "20260501", ""):
        answer = worker.get("cases", since=bad)
        assert answer.status_code == 422, bad
        assert "write it like 2026-05-01T08:00:00+08:00" in answer.json["detail"]


def test_geojson_has_the_same_cases(api):
    worker = api("worker")
    case = file(worker)
    answer = worker.get("cases", format="geojson")
    assert answer.content_type == "application/geo+json"
    [feature] = answer.json["features"]
    assert feature["geometry"] == {"type": "Point", "coordinates": [case["lon"], case["lat"]]}
    assert feature["properties"] == case
    assert answer.json["next"] is None


def test_a_list_costs_one_query_however_long(api, tx):
    worker = api("worker")
    statements = []
    listen = lambda conn, cursor, statement, *rest: statements.append(statement)  # noqa: E731
    counts = []
    for more in (1, 5):
        for _ in range(more):
            file(worker, photos=[f"{more:064x}"])
        worker.get("cases")
        event.listen(tx.connection.engine, "before_cursor_execute", listen)
        statements.clear()
        worker.get("cases")
        event.remove(tx.connection.engine, "before_cursor_execute", listen)
        counts.append(len([s for s in statements if "SAVEPOINT" not in s]))
    assert counts == [1, 1]


def test_a_case_shows_its_steps(api):
    case = file(api("worker"))
    answer = api("dispatcher").get(f"cases/{case['id']}")
    assert answer.status_code == 200
    named = case | {"worker": {"code": "W0001", "name": "网格员1"}}
    assert {k: v for k, v in answer.json.items() if k not in {"steps", "person"}} == named
    [step] = answer.json["steps"]
    assert (step["step"], step["to_status"], step["by"]) == ("report", "reported", "网格员1")


def test_a_desk_sees_its_area_a_worker_theirs_and_a_citizen_their_own(api, tx):
    people.person(tx, "neighbour", "citizen")
    people.person(tx, "elsewhere", "dispatcher", "210302002")
    people.person(tx, "colleague", "worker", A, "W0002")
    citizen, worker = api("citizen"), api("worker")
    in_a, in_c = file(citizen, 0, 0)["id"], file(citizen, 4, 0)["id"]
    other = file(worker, 2, 0)["id"]
    for username, sees in {
        "citizen": {in_a, in_c},
        "neighbour": set(),
        "worker": {in_a, other},
        "colleague": set(),
        "elsewhere": {in_c},
        "supervisor": {in_a, other},
        "admin": {in_a, in_c, other},
    }.items():
        somebody = api(username)
        assert set(ids(somebody.get("cases"))) == sees, username
        assert set(ids(somebody.get("cases", area="210300"))) == sees, username
        for case in (in_a, in_c, other):
            assert somebody.get(f"cases/{case}").status_code == (200 if case in sees else 404), username


def test_lists_ask_indexes(api, tx):
    tx.execute(sa.text("SET LOCAL enable_seqscan = off"))
    worker = api("worker")
    file(worker)
    statements = []
    listen = lambda conn, cursor, statement, params, *rest: statements.append((statement, params))  # noqa: E731
    event.listen(tx.connection.engine, "before_cursor_execute", listen)
    for username, query in (
        ("citizen", {}),
        ("worker", {}),
        ("supervisor", {}),
        ("admin", {"cell": A + "001"}),
    ):
        api(username).get("cases", **query)
    event.remove(tx.connection.engine, "before_cursor_execute", listen)
    listed = [(s, p) for s, p in statements if "case_card" in s and "LIMIT" in s]
    assert len(listed) == 4
    for statement, params in listed:
        plan = "\n".join(
            row[0] for row in tx.connection.exec_driver_sql("EXPLAIN " + statement, params).all()
        )
        assert "Index" in plan
