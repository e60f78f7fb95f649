"""The document says what the server does: its form, its completeness, and a fuzz of every operation."""

from uuid import uuid4

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from openapi_spec_validator import validate
from schemathesis.checks import CHECKS, load_all_checks

from app import clock, openapi
from app.http import description_of
from app.identity import actions, queries
from app.identity.access import permission_of

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


@pytest.fixture
def document(client):
    answer = client.get("/api/openapi.json")
    assert answer.status_code == 200
    return answer.get_json()


@pytest.fixture
def token(tx):
    person = queries.person_id(tx, "admin")
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


def test_the_server_does_what_the_document_says(app, token):
    """Every operation, with valid and invalid values, by somebody who may do everything."""
    schema = schemathesis.openapi.from_wsgi("/api/openapi.json", app)
    seen = 0
    for result in schema.get_all_operations():
        operation = result.ok()
        _fuzz(operation, token)
        seen += 1
    assert seen > 10


def _fuzz(operation, token: str) -> None:
    @given(case=operation.as_strategy())
    @settings(
        max_examples=EXAMPLES,
        derandomize=True,
        database=None,
        deadline=None,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    def asked(case) -> None:
        case.call_and_validate(checks=PROMISES, headers={"Authorization": f"Bearer {token}"})

    asked()
