"""The document says what the server does: its form, its completeness, and a fuzz of every operation."""

import math
from datetime import date
from uuid import uuid4

import pytest
import schemathesis
import sqlalchemy as sa
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from openapi_spec_validator import validate
from schemathesis.checks import CHECKS, load_all_checks

from app import clock, openapi
from app.calendar.actions import propose
from app.calendar.rules import Change, DayChange, DayKind
from app.cases.models import Appeal
from app.http import description_of
from app.identity import actions, queries
from app.identity.access import permission_of
from app.identity.models import Grant
from app.identity.rules import Role
from app.maps.publish import publish
from app.notices.models import Notice
from tests import city, people
from tests.pictures import name_of, picture

load_all_checks()
PROMISES = CHECKS.get_by_names(
    [
        "not_a_server_error",
        "status_code_conformance",
        "content_type_conformance",
        "response_schema_conformance",
    ]
)
EXAMPLES = 25
PHOTO = picture(25)


@pytest.fixture
def document(client):
    answer = client.get("/api/openapi.json")
    assert answer.status_code == 200
    return answer.get_json()


@pytest.fixture
def token(tx):
    person = queries.person_id(tx, "admin")
    tx.execute(
        sa.insert(Grant),
        [
            {"person_id": person, "role": role.value, "area_code": "210300"}
            for role in Role
            if role not in {Role.ADMIN, Role.WORKER, Role.CITIZEN}
        ],
    )
    return actions.create_token(tx, f"fuzz {uuid4()}", person_id=person, at=clock.now())


def _operations(document):
    return [
        (path, method, operation)
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    ]


def test_the_document_is_valid_openapi(document):
    validate(document)


def test_every_route_of_the_api_and_of_tiles_is_described(app, document):
    routes = [r for r in app.url_map.iter_rules() if r.rule.startswith(("/api/", "/tiles/"))]
    assert len(routes) > 10
    bare = [r.rule for r in routes if description_of(app.view_functions[r.endpoint]) is None]
    assert bare == []
    assert {openapi.template(r) for r in routes} <= set(document["paths"])


def test_every_described_route_names_its_permission_and_its_statuses(app, document):
    for path, method, operation in _operations(document):
        said = operation["x-permission"]
        assert said != "public" or operation["security"] == []
        assert said == "public" or {"401", "403"} <= set(operation["responses"]), (method, path)
    for _, view in openapi.described(app):
        assert permission_of(view) is not None


def test_operations_have_names_of_their_own(document):
    names = [operation["operationId"] for _, _, operation in _operations(document)]
    assert len(names) == len(set(names))


def test_every_error_is_a_problem(document):
    for path, method, operation in _operations(document):
        for status, answer in operation["responses"].items():
            if int(status) >= 400:
                assert list(answer["content"]) == ["application/problem+json"], (method, path, status)


def test_a_tile_is_a_vector_tile_or_empty(document):
    answers = document["paths"]["/tiles/{layer}/{z}/{x}/{y}.mvt"]["get"]["responses"]
    assert list(answers["200"]["content"]) == ["application/vnd.mapbox-vector-tile"]
    assert "content" not in answers["204"]


def test_the_document_is_not_sent_twice(client):
    first = client.get("/api/openapi.json")
    again = client.get("/api/openapi.json", headers={"If-None-Match": first.headers["ETag"]})
    assert again.status_code == 304


def test_types_of_one_name_are_told_apart(document):
    assert not [name for name in document["components"]["schemas"] if "__" in name]
    assert {"GridHolder", "MapsHolder"} <= set(document["components"]["schemas"])


@pytest.fixture
def known(tx, client, token):
    """Values by which half of the questions find something."""
    publish(tx, at=clock.now())
    lon, lat = city.middle(0, 0)
    place = {"lon": lon, "lat": lat, "crs": "wgs84", "accuracy_m": 10}
    bearer = {"Authorization": f"Bearer {token}"}
    asked = client.put(
        f"/api/v1/reports/{uuid4()}",
        json={"type": "F0101", **place},
        headers=bearer,
    )
    assert asked.status_code == 201
    behind = {"case_id": asked.json["id"], "nature": "help", "name": "张三", "phone": "13812345678"}
    tx.execute(sa.insert(Appeal).values(behind))
    notice = {"kind": "in_hands", "event_id": 0, "case_id": asked.json["id"], "at": clock.now()}
    said = {"step": "report", "no": asked.json["no"]}
    made = sa.insert(Notice).values(**notice, data=said, person_id=queries.person_id(tx, "admin"))
    notice_id = tx.execute(made.returning(Notice.id)).scalar_one()
    assert client.put(f"/api/v1/photos/{name_of(PHOTO)}", data=PHOTO, headers=bearer).status_code == 201
    tile = tile_over(lon, lat, 16)
    again = client.put(f"/api/v1/reports/{uuid4()}", json={"type": "F0101", **place}, headers=bearer).json
    likely = client.get(f"/api/v1/cases/{again['id']}/likely", headers=bearer).json["items"]
    return {
        "joining": (again["id"], likely[0]["key"]),
        "case_id": asked.json["id"],
        "notice_id": notice_id,
        "change_id": propose(
            tx,
            Change((DayChange(date(2027, 3, 2), DayKind.HOLIDAY, "y"),)),
            by=people.viewer_of(tx, "planner"),
            at=clock.now(),
        ),
        "type": "F0101",
        "sha256": name_of(PHOTO),
        **place,
        **tile,
    }


def tile_over(lon: float, lat: float, z: int) -> dict[str, int]:
    """Return the tile of a place."""
    turn = math.asinh(math.tan(math.radians(lat))) / math.pi
    return {"z": z, "x": int((lon + 180) / 360 * 2**z), "y": int((1 - turn) / 2 * 2**z)}


def test_the_server_does_what_the_document_says(app, token, known):
    """Every operation, with valid and invalid values, by somebody who may do everything."""
    schema = schemathesis.openapi.from_wsgi("/api/openapi.json", app)
    reached = {}
    for result in schema.get_all_operations():
        operation = result.ok()
        reached[operation.label] = _fuzzed(operation, token, known)
    good = {label for label, statuses in reached.items() if statuses & {200, 201, 202, 204}}
    assert good == set(reached), "some operations were never asked well"


def _fuzzed(operation, token: str, known: dict) -> set[int]:
    """Ask an operation in many ways and return the statuses that came."""
    statuses = set()

    @given(case=operation.as_strategy(), settled=st.booleans())
    @settings(
        max_examples=EXAMPLES,
        derandomize=True,
        database=None,
        deadline=None,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    def asked(case, settled: bool) -> None:
        if settled:
            _settle(case, known)
        answer = case.call_and_validate(checks=PROMISES, headers={"Authorization": f"Bearer {token}"})
        statuses.add(answer.status_code)

    asked()
    return statuses


WHOLE = {
    "/api/v1/calendar": {"days": [{"day": "2027-03-01", "kind": "holiday", "name": "x"}]},
    "/api/v1/calendar/changes/{change_id}": {"confirm": False},
    "/api/v1/cases/{case_id}/steps/{step_id}": {"step": "note", "note": "seen"},
    "/api/v1/appeals/{appeal_id}": {"type": "A08", "nature": "help", "text": "no light"},
}
"""Bodies whose fields depend on each other, as they fit."""


def _named(part: dict, known: dict) -> None:
    part.update({name: value for name, value in known.items() if name in part})


def _settle(case, known: dict) -> None:
    if (case.media_type or "").startswith("image/"):
        case.body = PHOTO
    body = case.body if isinstance(case.body, dict) else {}
    if case.path == "/api/v1/reports/{report_id}/joined":
        case.path_parameters["report_id"], body["key"] = known["joining"]
        return
    for path, whole in WHOLE.items():
        if case.path == path:
            body.clear()
            body.update(whole)
            _named(case.path_parameters or {}, known)
            return
    for part in (case.path_parameters or {}, case.query or {}, body):
        part.update({name: value for name, value in known.items() if name in part})
    # What else was said of the report stays as it was made up.
    body.pop("facility", None)
    body.pop("observed_at", None)
