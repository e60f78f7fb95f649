"""Search finds by the beginning of a code or a part of a name."""

import pytest
import sqlalchemy as sa

from app.db import named_statements
from app.maps.search import _statements
from tests.city import A, cell_code, middle


def found(client, q):
    return [
        (hit["kind"], hit["code"])
        for hit in client.get("/api/v1/search", query_string={"q": q}).json["items"]
    ]


@pytest.mark.parametrize(
    ("q", "first"),
    [
        ("2103020101000001", ("facility", "2103020101000001")),
        (cell_code(0, 0), ("cell", cell_code(0, 0))),
        ("解放街", ("area", "210302001")),
        ("解放社区", ("area", A)),
        ("210302001", ("area", "210302001")),
        ("w0001", ("worker", "W0001")),
        ("网格员4", ("worker", "W0004")),
        ("设施02", ("facility", "2103020101000002")),
    ],
)
def test_the_likeliest_comes_first(client_as, q, first):
    assert found(client_as("dispatcher"), q)[0] == first


def test_what_is_called_so_comes_before_what_stands_there(client_as, tx):
    """A place's name is in the address of every manhole along it."""
    tx.execute(sa.text("UPDATE facilities SET address = '解放街道解放路', name = '井盖'"))
    tx.execute(sa.text("UPDATE facilities SET name = '解放' WHERE code = '2103020101000002'"))
    client = client_as("dispatcher")
    hits = found(client, "解放")
    kinds = [kind for kind, _ in hits]
    assert hits[0] == ("facility", "2103020101000002"), "it is what was written"
    areas = [i for i, kind in enumerate(kinds) if kind == "area"]
    assert areas
    assert kinds[max(areas) + 1 :] == ["facility"] * 2
    assert found(client, "解放路") == [("facility", f"210302010100000{n}") for n in (1, 2)] + [hits[-1]]


def test_a_facility_that_is_called_as_its_type_is_told_once(client_as, tx):
    tx.execute(
        sa.text("UPDATE facilities SET name = '上水井盖', address = '民生路' WHERE type_code = '0101'")
    )
    client = client_as("dispatcher")
    ask = {"q": "2103020101000001"}
    hit = client.get("/api/v1/search", query_string=ask).json["items"][0]
    assert (hit["name"], hit["detail"]) == ("上水井盖", "民生路")
    client.set_cookie("jingwei_language", "en")
    hit = client.get("/api/v1/search", query_string=ask).json["items"][0]
    assert (hit["name"], hit["detail"]) == ("water cover", "民生路")


def test_a_case_is_found_by_its_number(client_as):
    client = client_as("dispatcher")
    body = {"type": "E0110", "lon": 122.9905, "lat": 41.1035}
    case = client.put("/api/v1/reports/0190d6f0-0000-7000-8000-00000000c0de", json=body).json
    assert found(client, case["no"]) == [("case", case["id"])]
    assert found(client_as("citizen"), case["no"]) == []


@pytest.mark.parametrize("q", ["%", "_", "\\", "   ", "'", "zzz", "9" * 80])
def test_what_is_nothing_finds_nothing(client_as, q):
    assert found(client_as("dispatcher"), q) == []


@pytest.mark.parametrize("q", ["a\x00b", "x" * 81])
def test_what_cannot_be_asked_is_refused_by_name(client_as, q):
    answer = client_as("dispatcher").get("/api/v1/search", query_string={"q": q})
    assert answer.status_code == 422
    assert answer.json["errors"][0]["field"] == "q"


def test_workers_are_found_in_the_viewers_areas_only(client_as):
    assert found(client_as("supervisor"), "网格员") == [("worker", f"W000{n}") for n in (1, 2, 3)]
    assert found(client_as("worker"), "网格员") == []


def test_names_and_addresses_are_found_by_an_index(tx):
    statement = named_statements()["maps.search_facility_names"]
    tx.execute(sa.text("SET LOCAL enable_seqscan = off"))
    text = str(statement).replace(":like", "'%湖南西路%'").replace(":english", "'false'")
    text = text.replace(":text", "'湖南西路'").replace(":prefix", "'湖南西路%'")
    plan = "\n".join(tx.execute(sa.text(f"EXPLAIN {text}".replace(":", r"\:"))).scalars())
    assert plan.count("Bitmap Index Scan on ix_facilities_words_trgm") == 2, plan


@pytest.mark.parametrize("q", [cell_code(0, 0), "2103020101000001", "21030220", "210302"])
def test_a_code_is_looked_up_as_a_code_only(q):
    assert not {"search_facility_names", "search_workers"} & set(_statements(q))


def test_a_worker_finds_the_cases_they_hold_and_no_others(client_as):
    lon, lat = middle(0, 0)
    other, _ = middle(4, 0)
    cases = [
        client_as("admin").put(
            f"/api/v1/reports/0190d6f0-0000-7000-8000-00000000c0d{n}",
            json={"type": "E0110", "lon": x, "lat": lat},
        )
        for n, x in enumerate((lon, other))
    ]
    numbers = [case.json["no"] for case in cases]
    worker = client_as("worker")
    assert [len(found(worker, number)) for number in numbers] == [1, 0]
    assert worker.get(f"/api/v1/cells/{cell_code(0, 0)}").json["open"] == 1
    assert worker.get(f"/api/v1/cells/{cell_code(4, 0)}").json["open"] == 0
