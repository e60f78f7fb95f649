"""Headers of every answer."""

from dataclasses import replace

import pytest
from flask import Response, request

from app import create_app, security, transaction
from app.identity.access import allow
from app.identity.rules import Permission


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
