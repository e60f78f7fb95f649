"""Headers of every answer."""

from dataclasses import replace
from urllib.parse import quote
from uuid import UUID

import pytest
import sqlalchemy as sa
from flask import Response, request

from app import create_app, security, transaction
from app.identity.access import SAFE, allow
from app.identity.rules import Permission
from tests.city import PASSWORD


@pytest.mark.parametrize(
    "path", ["/healthz", "/sign-in", "/no-such-page", "/api/v1/me", "/static/jingwei/base.css"]
)
def test_every_answer_is_closed(client, path):
    with client.get(path, headers={"Accept": "text/html"}) as answer:
        headers = answer.headers
    policy = headers["Content-Security-Policy"]
    assert "script-src 'self';" in policy
    assert "unsafe" not in policy
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["X-Frame-Options"] == "SAMEORIGIN"
    assert headers["Referrer-Policy"] == "same-origin"
    assert "Strict-Transport-Security" not in headers


def test_a_folium_page_runs_by_nonce_only():
    nonce = security.new_nonce()
    assert nonce != security.new_nonce()
    policy = security.nonce_page(Response("x"), nonce).headers["Content-Security-Policy"]
    assert f"script-src 'self' 'nonce-{nonce}';" in policy
    assert "style-src-attr 'unsafe-inline'" in policy
    assert "script-src 'self' 'unsafe-inline'" not in policy


def test_the_nonce_outlives_the_headers_of_every_answer(app):
    app.add_url_rule("/folium", "folium", lambda: security.nonce_page(Response("x"), "abc"))
    allow(Permission.PUBLIC)(app.view_functions["folium"])
    assert "'nonce-abc'" in app.test_client().get("/folium").headers["Content-Security-Policy"]


@pytest.fixture
def behind_proxy(settings, connection, database):
    made = create_app(replace(settings, secure_cookies=True, trusted_proxies=1))
    transaction.engine().dispose()
    transaction.bind(database, connection)
    return made


def test_over_https_cookies_are_tied_to_the_host(behind_proxy):
    answer = behind_proxy.test_client().get("/sign-in")
    [cookie] = answer.headers.getlist("Set-Cookie")
    assert cookie.startswith("__Host-jingwei_visit=")
    assert {"Secure", "HttpOnly", "Path=/", "SameSite=Lax"} <= set(cookie.split("; "))
    assert answer.headers["Strict-Transport-Security"].startswith("max-age=")


def test_a_proxy_is_believed_only_where_one_is_set(app, behind_proxy):
    for made, seen in ((app, "127.0.0.1"), (behind_proxy, "192.0.2.1")):
        with made.test_client() as client:
            client.get("/healthz", headers={"X-Forwarded-For": "198.51.100.9, 192.0.2.1"})
            assert request.remote_addr == seen


@pytest.mark.parametrize(
    "path", ["//evil.example/", "/\\evil.example/", "/\t/evil.example", "/\r\n/evil.example"]
)
def test_choosing_a_language_leads_to_no_other_host(client, path):
    answer = client.get("/x?lang=en", headers={"Accept": "text/html"}, environ_overrides={"PATH_INFO": path})
    assert answer.status_code == 303
    address = answer.headers["Location"]
    assert address.startswith("/")
    assert address[1] not in "/\\\t"


def test_every_change_by_cookie_needs_the_pages_token(client):
    """Driven by the routes: a new one that changes something is asked too."""
    page = client.get("/sign-in").text
    token = page.split('name="csrf_token" value="')[1].split('"')[0]
    form = {"username": "admin", "password": PASSWORD, "csrf_token": token}
    assert client.post("/sign-in", data=form).status_code == 303
    rules = [rule for rule in client.application.url_map.iter_rules() if rule.methods - SAFE]
    assert {rule.endpoint for rule in rules} >= {"cases.put_report", "photos.put_photo", "identity.sign_out"}
    parts = {"UUIDConverter": UUID(int=1), "IntegerConverter": 1}
    for rule in rules:
        values = {name: parts.get(type(part).__name__, "x") for name, part in rule._converters.items()}
        path = client.application.url_map.bind("localhost").build(rule.endpoint, values)
        for method in rule.methods - SAFE:
            for headers in ({}, {"X-CSRF-Token": "0" * 64}, {"X-CSRF-Token": token}):
                body = {"data": "{}", "content_type": "text/plain", "headers": headers}
                answer = client.open(path, method=method, **body)
                # the visit's token was good for the sign-in alone
                assert answer.status_code == 403, (rule.endpoint, headers)
    assert client.get("/api/v1/me").json["username"] == "admin", "nothing was changed"


def test_a_session_is_no_token_and_a_token_no_session(app, client_as):
    """Also while the process remembers it: a token in a cookie would need no form's token."""
    scripted = client_as("admin")
    token = scripted.environ_base["HTTP_AUTHORIZATION"].removeprefix("Bearer ")
    assert scripted.get("/api/v1/me").status_code == 200
    browser = app.test_client()
    browser.set_cookie("jingwei_session", token)
    assert browser.get("/api/v1/me").status_code == 401


def test_a_name_with_markup_stays_a_name_in_every_page(client_as, tx):
    name = "</script><script>alert(1)</script><img src=x onerror=alert(1)>"
    for table in ("areas", "facilities"):
        tx.execute(sa.text(f"UPDATE {table} SET name = :name"), {"name": name})
    tx.execute(sa.text("UPDATE case_types SET name_zh = :name, name_en = :name"), {"name": name})
    tx.execute(sa.text("UPDATE people SET name = :name"), {"name": name})
    client = client_as("dispatcher")
    body = {"type": "F0101", "lon": 122.9905, "lat": 41.1035, "text": name}
    case = client.put(f"/api/v1/reports/{UUID(int=7)}", json=body)
    assert case.status_code == 201
    pages = ("/map", "/map/print?on=areas,cases,names,facilities", "/cases", f"/cases/{UUID(int=7)}")
    echoes = ("/cases?text=" + quote(name), "/sign-in?next=" + quote(f"/{name}"), "/no" + quote(name))
    for path in (*pages, *echoes):
        answer = client.get(path, headers={"Accept": "text/html"})
        assert "text/html" in answer.content_type, path
        assert "<script>alert" not in answer.text, path
        assert "<img src=x" not in answer.text, path
    for path in ("/api/v1/areas/210302001", "/api/v1/search?q=alert"):
        answer = client.get(path)
        assert answer.json
        assert "json" in answer.content_type
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
