"""Who is let in, and how: tokens, sessions, areas, limits."""

import base64
from datetime import timedelta
from functools import partial

import pytest
import sqlalchemy as sa
from flask import g, request

from app import clock
from app.errors import NotFound, TooMany
from app.identity import actions, queries
from app.identity.access import allow, gate, viewer
from app.identity.keys import digest
from app.identity.models import RateBucket, Session, Token
from app.identity.recognition import Allowances, Recognition
from app.identity.rules import Limit, Permission, Role, Scope, must_see
from tests.city import A, B, C


@pytest.fixture
def token(tx, moment):
    person = queries.person_id(tx, "supervisor")
    return actions.create_token(tx, "script", person_id=person, at=moment.at, lifetime=timedelta(days=1))


def who(client, **headers):
    answer = client.get("/api/v1/me", headers=headers)
    return answer.json.get("username"), answer.status_code


def basic(user, secret):
    return "Basic " + base64.b64encode(f"{user}:{secret}".encode()).decode()


def test_a_token_comes_in_as_bearer_and_as_the_password_of_basic(client, token):
    assert who(client, Authorization=f"Bearer {token}") == ("supervisor", 200)
    assert who(client, Authorization=basic("whatever", token)) == ("supervisor", 200)


@pytest.mark.parametrize(
    "given", ["Bearer jw_wrong", "Bearer", "Basic !!", "Digest x", "Bearer \xff", "", basic("a", "b")]
)
def test_a_wrong_token_stays_outside_even_with_a_session(browser, given):
    browser.sign_in()
    name, status = who(browser.client, Authorization=given)
    assert (name, status) == (None, 401)


def test_a_token_in_the_address_is_not_taken(client, token):
    assert client.get(f"/api/v1/me?token={token}").status_code == 401


def test_a_password_is_not_a_token(client):
    assert who(client, Authorization=basic("supervisor", "correct horse battery staple")) == (None, 401)


def test_a_token_is_stored_hashed(tx, token):
    stored = tx.execute(sa.select(Token.secret_sha256).where(Token.name == "script")).scalar_one()
    assert stored == digest(token)
    assert token.encode() not in stored


def test_an_expired_token_stays_outside(client, token, moment):
    assert who(client, Authorization=f"Bearer {token}")[1] == 200
    moment.passes(days=1)
    assert who(client, Authorization=f"Bearer {token}")[1] == 401


def test_a_revoked_token_is_out_within_the_stated_seconds(client, token, tx, moment):
    assert who(client, Authorization=f"Bearer {token}")[1] == 200
    actions.revoke_token(tx, "script", at=moment.at)
    moment.passes(seconds=3)
    assert who(client, Authorization=f"Bearer {token}")[1] == 401


def test_a_token_that_may_only_read_changes_nothing(client, tx, moment):
    person = queries.person_id(tx, "admin")
    secret = actions.create_token(tx, "qgis", person_id=person, at=moment.at, scope=Scope.READ)
    assert who(client, Authorization=f"Bearer {secret}") == ("admin", 200)
    assert client.post("/sign-out", headers={"Authorization": f"Bearer {secret}"}).status_code == 403


def test_the_use_of_a_token_is_noted_once_a_minute(client, token, tx, moment, statements):
    for _ in range(20):
        who(client, Authorization=f"Bearer {token}")
        moment.passes(seconds=4)
    assert len([s for s in statements if s.startswith("UPDATE tokens")]) == 2


def test_a_remembered_viewer_costs_no_query(client, token, statements):
    who(client, Authorization=f"Bearer {token}")
    statements.clear()
    assert who(client, Authorization=f"Bearer {token}") == ("supervisor", 200)
    assert statements == []


def test_what_is_remembered_is_bounded(monkeypatch, tx, moment, token):
    monkeypatch.setattr("app.identity.recognition.MOST", 2)
    recognition = Recognition()
    person = queries.person_id(tx, "supervisor")
    for _ in range(5):
        secret = actions.open_session(tx, person, at=moment.at)
        assert recognition.by_session(secret, at=moment.at).username == "supervisor"
    assert len(recognition._known) == 2


def test_somebody_unknown_gets_a_401_from_the_api(client):
    answer = client.get("/api/v1/me")
    assert answer.status_code == 401
    assert answer.content_type == "application/problem+json"
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")


def test_somebody_unknown_is_sent_from_a_page_to_the_sign_in(app):
    allow(Permission.READ_MAP, page=True)(page := lambda: "the map")
    app.add_url_rule("/the-map", "the_map", page)
    answer = app.test_client().get("/the-map?layers=cells")
    assert answer.status_code == 302
    assert answer.location == "/sign-in?next=/the-map?layers%3Dcells"


def test_a_route_that_declares_nothing_lets_nobody_in(app, client_as):
    app.add_url_rule("/open-door", "open_door", lambda: "in")
    assert client_as("admin").get("/open-door").status_code == 403


def test_behind_a_route_the_areas_are_those_of_its_permission(app, client_as, tx):
    person = queries.person_id(tx, "supervisor")
    actions.grant(tx, person, Role.WORKER, C)
    actions.grant(tx, person, Role.CITIZEN, "210300")
    seen = {}

    def show() -> str:
        seen[request.endpoint] = viewer().areas
        return ""

    for permission in (Permission.READ_WORKERS, Permission.READ_CASES):
        allow(permission)(view := partial(show))
        app.add_url_rule(f"/{permission}", permission.value, view)
    client = client_as("supervisor")
    assert {client.get(f"/{p}").status_code for p in ("read_workers", "read_cases")} == {200}
    assert seen == {"read_workers": ("210302001",), "read_cases": ("210302001", C)}


def _secret(tx, person):
    return actions.create_token(tx, "one more", person_id=person, at=clock.now())


def test_a_foreign_area_is_as_if_it_did_not_exist(app, client_as):
    allow(Permission.READ_CASES)(view := lambda: must_see(viewer(), B, "case 7") or "seen")
    app.add_url_rule("/case", "case", view)
    assert client_as("dispatcher").get("/case").status_code == 200
    for role in ("worker", "citizen"):
        answer = client_as(role).get("/case")
        assert answer.status_code == 404
        assert B not in answer.get_data(as_text=True)


def test_the_worker_sees_their_own_community_only(app, client_as, tx):
    known = queries.by_token(tx, _secret(tx, queries.person_id(tx, "worker")), at=clock.now())
    must_see(known.viewer, A, "cell")
    with pytest.raises(NotFound):
        must_see(known.viewer, B, "cell")


def test_a_limit_holds_over_processes_and_ends_with_its_window(tx, moment):
    limit = Limit("tests", amount=25, by_token=25, lease=10)
    one, other = Allowances(), Allowances()
    done = 0
    with pytest.raises(TooMany) as refused:
        for number in range(100):
            (one if number % 2 else other).spend(limit, "p", 25, at=moment.at)
            done += 1
    assert 15 <= done <= 25
    assert 1 <= refused.value.retry_after_s <= 60
    moment.passes(minutes=1)
    one.spend(limit, "p", 25, at=moment.at)


def test_a_lease_spares_the_database(tx, moment, statements):
    limit = Limit("tests", amount=1_000, by_token=1_000, lease=100)
    allowances = Allowances()
    for _ in range(300):
        allowances.spend(limit, "p", 1_000, at=moment.at)
    assert len([s for s in statements if "rate_buckets" in s]) == 3


def test_what_is_over_is_swept_away(tx, moment, client):
    person = queries.person_id(tx, "planner")
    actions.open_session(tx, person, at=moment.at)
    actions.take(tx, "x", Limit("tests", 1, 1), amount=1, at=moment.at)
    assert actions.sweep(tx, at=moment.at) == 0
    assert actions.sweep(tx, at=moment.passes(hours=13)) == 2
    assert tx.execute(sa.select(sa.func.count()).select_from(Session)).scalar() == 0
    assert tx.execute(sa.select(sa.func.count()).select_from(RateBucket)).scalar() == 0


def test_the_gate_belongs_to_the_application(app):
    with app.test_request_context("/"):
        assert gate() is gate()
        assert "viewer" not in g


@pytest.mark.parametrize(
    ("endpoint", "path"),
    [
        ("cards.find", "/api/v1/search?q=x"),
        ("cards.cell", "/api/v1/cells/210302001001001"),
        ("cards.summary", "/api/v1/summary"),
        ("cases.list_cases", "/api/v1/cases"),
        ("case_pages.cases", "/cases"),
        ("grid.locate", "/api/v1/locate?lon=123&lat=41"),
    ],
)
def test_who_asks_too_often_waits(app, client_as, monkeypatch, endpoint, path):
    """Search, cards and lists are cheap, but not so cheap that one caller may ask without end."""
    given = app.view_functions[endpoint].limit
    assert given.by_token >= given.amount >= 300
    monkeypatch.setattr(app.view_functions[endpoint], "limit", Limit("tests", amount=2, by_token=2))
    client = client_as("dispatcher")
    statuses = [client.get(path).status_code for _ in range(3)]
    assert statuses[:2] == [200, 200]
    assert statuses[2] == 429
    assert 1 <= int(client.get(path).headers["Retry-After"]) <= 60
