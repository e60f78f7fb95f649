"""Cards say what is known, and names of people only to those who may read them."""

import sqlalchemy as sa

from app.cases.models import Case
from app.grid.models import CellVersion
from tests.city import A, cell_code, middle

CELL = cell_code(0, 0)
COVER = "2103020101000001"


def filed(client, report="0190d6f0-0000-7000-8000-00000000c0de", place=(0, 0)):
    lon, lat = middle(*place)
    body = {"type": "F0101", "lon": lon, "lat": lat, "text": "井盖缺角", "facility": COVER}
    answer = client.put(f"/api/v1/reports/{report}", json=body)
    assert answer.status_code == 201, answer.json
    return answer.json


def test_a_cell_names_its_place_holders_and_facilities(client_as):
    card = client_as("dispatcher").get(f"/api/v1/cells/{CELL}").json
    assert card["community"] == {"code": A, "name": "解放社区"}
    assert card["primary"] == {"code": "W0001", "name": "网格员1", "on_duty": True}
    assert card["backup"]["code"] == "W0002"
    assert [(one["code"], one["count"]) for one in card["facilities"]] == [("0101", 2), ("0137", 1)]
    assert card["bbox"] == [122.99, 41.103, 122.991, 41.104]


def test_a_worker_is_a_code_without_a_name_to_a_citizen(client_as):
    card = client_as("citizen").get(f"/api/v1/cells/{CELL}").json
    assert card["primary"] == {"code": "W0001", "name": None, "on_duty": True}
    assert client_as("citizen").get("/api/v1/workers/W0001").status_code == 403


def test_a_worker_elsewhere_is_not_found_by_a_supervisor_of_one_town(client_as):
    assert client_as("supervisor").get("/api/v1/workers/W0001").json["phone"] == "138****0001"
    assert client_as("supervisor").get("/api/v1/workers/W0004").status_code == 404
    assert client_as("supervisor").get(f"/api/v1/cells/{cell_code(4, 0)}").json["primary"]["name"] is None


def test_a_facility_names_its_cell_and_who_holds_it(client_as):
    card = client_as("dispatcher").get(f"/api/v1/facilities/{COVER}").json
    assert (card["cell"], card["primary"]["code"], card["type"]["name_en"]) == (CELL, "W0001", "water cover")


def test_a_facility_outside_the_grid_has_no_cell(client_as, tx):
    tx.execute(
        sa.text("UPDATE facilities SET geom = ST_SetSRID(ST_Point(122.98, 41.1), 4326) WHERE code = :code"),
        {"code": COVER},
    )
    card = client_as("dispatcher").get(f"/api/v1/facilities/{COVER}").json
    assert (card["cell"], card["primary"], card["community"]) == (None, None, None)


def test_an_area_counts_what_lies_below_it(client_as):
    card = client_as("dispatcher").get("/api/v1/areas/210302001").json
    assert (card["cells"], card["facilities"], card["workers"], card["on_duty"]) == (16, 3, 3, 2)
    assert [child["name"] for child in card["children"]] == ["解放社区", "胜利社区"]


def test_open_cases_are_on_the_cards_of_cell_facility_worker_and_area(client_as):
    client = client_as("dispatcher")
    number = filed(client)["no"]
    for path in (f"cells/{CELL}", f"facilities/{COVER}", "workers/W0001"):
        assert [one["no"] for one in client.get(f"/api/v1/{path}").json["cases"]] == [number], path
    assert client.get("/api/v1/areas/210302001").json["open"] == 1


def test_a_citizen_sees_their_own_case_only(client_as, tx):
    filed(client_as("dispatcher"))
    citizen = client_as("citizen")
    mine = filed(citizen, report="0190d6f0-0000-7000-8000-00000000c0df")["no"]
    assert tx.execute(sa.select(sa.func.count()).select_from(Case)).scalar() == 2
    assert [one["no"] for one in citizen.get(f"/api/v1/cells/{CELL}").json["cases"]] == [mine]
    assert citizen.get("/api/v1/summary").json["open"] == 1


def test_the_summary_counts_each_layer(client_as):
    client = client_as("dispatcher")
    filed(client)
    counts = client.get("/api/v1/summary").json
    assert counts == {
        "districts": 1,
        "towns": 2,
        "communities": 3,
        "cells": 24,
        "facilities": 3,
        "open": 1,
        "overdue": 0,
        "soon": 0,
        "today": 1,
        "workers": 5,
        "on_duty": 2,
    }


def test_a_code_that_cannot_be_is_not_found(client_as):
    client = client_as("dispatcher")
    for path in ("cells/x%00y", "areas/21%2003", "workers/;", "facilities/１２"):
        assert client.get(f"/api/v1/{path}").status_code == 404, path


def test_density_counts_what_the_viewer_sees_by_cell_and_town(client_as, tx):
    client = client_as("admin")
    for n, place in enumerate([(0, 0), (0, 0), (4, 0)]):
        filed(client, f"0190d6f0-0000-7000-8000-00000000c0d{n}", place)
    whole = client.get("/api/v1/density").json
    version = tx.execute(sa.select(CellVersion.id).where(CellVersion.cell_code == CELL)).scalar_one()
    assert whole["cells"][str(version)] == 2
    assert sorted(whole["cells"].values()) == [1, 2]
    assert whole["towns"] == {"210302001": 1.0, "210302002": 1.0}, "two in 16 cells, one in 8"
    assert list(client_as("supervisor").get("/api/v1/density").json["cells"].values()) == [2]
    assert client_as("citizen").get("/api/v1/density").json["cells"] == {}
