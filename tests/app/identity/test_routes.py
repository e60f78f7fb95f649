"""Signing in and out, as a browser does it."""

from dataclasses import replace

import pytest
import sqlalchemy as sa

from app.identity import actions, passwords
from app.identity.access import csrf_token
from app.identity.keys import digest, form_token
from app.identity.models import Person, Session
from app.identity.routes import safe_next
from app.identity.rules import Role
from app.settings import DEMO_PASSWORD
from tests.city import PASSWORD


def test_who_knows_the_password_comes_in_and_goes_where_they_wanted(browser):
    answer = browser.sign_in(next="/cases?status=filed")
    assert (answer.status_code, answer.location) == (303, "/cases?status=filed")
    assert browser.who() == "dispatcher"


@pytest.mark.parametrize(
    ("username", "password"),
    [
        ("dispatcher", "wrong password"),
        ("nobody", PASSWORD),
        ("", ""),
        ("dispatcher\0", PASSWORD),
        ("x" * 5_000, "y" * 5_000),
        ("dispatcher' OR 1=1 --", PASSWORD),
        ("\udcff", "\udcff"),
    ],
)
def test_who_does_not_know_it_stays_outside(browser, username, password):
    form = {
        "username": username.encode("utf-8", "surrogateescape"),
        "password": b"x",
        "csrf_token": browser.form_token(),
    }
    form["password"] = password.encode("utf-8", "surrogateescape")
    answer = browser.client.post("/sign-in", data=form)
    assert answer.status_code == 422
    assert "用户名或密码不正确" in answer.get_data(as_text=True)
    assert browser.cookie() is None
    assert browser.who() is None


def test_the_page_does_not_tell_who_exists(browser):
    known = browser.sign_in("dispatcher", "wrong password").get_data(as_text=True)
    unknown = browser.sign_in("nobodyhere", "wrong password").get_data(as_text=True)
    assert known.replace("dispatcher", "X") == unknown.replace("nobodyhere", "X")


def test_an_account_that_is_closed_stays_outside_and_its_sessions_end(browser, browsers, tx, moment):
    browser.sign_in("planner")
    actions.close_account(tx, "planner")
    moment.passes(seconds=4)
    assert browser.who() is None
    assert browsers().sign_in("planner").status_code == 422


def test_the_cookie_is_new_at_every_sign_in_whatever_the_browser_brought(browser, client, tx):
    client.set_cookie("jingwei_session", "planted-by-somebody")
    browser.sign_in()
    first = browser.cookie()
    assert first != "planted-by-somebody"
    token = form_token(first)
    form = {"username": "planner", "password": PASSWORD, "csrf_token": token}
    assert client.post("/sign-in", data=form).status_code == 403, "a session's token is not the visit's"
    client.set_cookie("jingwei_visit", "visit")
    form["csrf_token"] = form_token("visit")
    assert client.post("/sign-in", data=form).status_code == 303
    assert browser.cookie() != first
    assert tx.execute(sa.select(Session).where(Session.secret_sha256 == digest(first))).all() == []


def test_the_session_cookie_is_closed_to_scripts_and_other_sites(browser):
    [cookie] = [c for c in browser.sign_in().headers.getlist("Set-Cookie") if c.startswith("jingwei_session")]
    assert {"HttpOnly", "SameSite=Lax", "Path=/"} <= set(cookie.split("; "))


def test_the_secret_is_stored_hashed(browser, tx):
    browser.sign_in()
    stored = tx.execute(sa.select(Session.secret_sha256)).scalars().all()
    assert stored == [digest(browser.cookie())]
    assert browser.cookie().encode() not in stored


def test_signing_out_ends_all_sessions_of_that_person_and_of_no_other(browsers):
    here, there, other = browsers(), browsers(), browsers()
    here.sign_in("planner"), there.sign_in("planner"), other.sign_in("supervisor")
    assert (here.who(), there.who(), other.who()) == ("planner", "planner", "supervisor")
    answer = here.client.post("/sign-out", data={"csrf_token": form_token(here.cookie())})
    assert (answer.status_code, answer.location) == (303, "/sign-in")
    assert (here.who(), there.who(), other.who()) == (None, None, "supervisor")
    assert here.cookie() is None


def test_signing_out_twice_is_no_error(client):
    assert client.post("/sign-out").status_code == 303


def test_a_form_of_another_site_does_nothing(browser, client):
    browser.sign_in()
    assert client.post("/sign-out").status_code == 403
    assert client.post("/sign-out", data={"csrf_token": "0" * 64}).json["code"] == "form_not_ours"
    assert browser.who() == "dispatcher"


def test_a_script_of_our_page_sends_the_token_in_a_header(browser, client):
    browser.sign_in()
    answer = client.post("/sign-out", headers={"X-CSRF-Token": form_token(browser.cookie())})
    assert answer.status_code == 303


def test_another_site_cannot_sign_somebody_in(client):
    form = {"username": "dispatcher", "password": PASSWORD}
    answer = client.post("/sign-in", data=form)
    assert answer.status_code == 403
    assert "jingwei_session" not in str(answer.headers)


def test_a_page_holds_its_own_form_token(app, browser):
    browser.sign_in()
    with app.test_request_context("/sign-in", headers={"Cookie": f"jingwei_session={browser.cookie()}"}):
        app.preprocess_request()
        assert csrf_token() == form_token(browser.cookie())


@pytest.mark.parametrize(
    "address",
    [
        "//evil.example/",
        "/\\evil.example",
        "\\\\evil.example",
        "https://evil.example/",
        "/\t/evil.example",
        "///evil.example",
        "javascript:alert(1)",
        "evil.example",
        "/\r\nSet-Cookie: x=y",
        "/sign-out",
        "//[",
        "",
        None,
    ],
)
def test_nobody_is_sent_to_another_host(address):
    assert safe_next(address) == "/"


def test_a_path_of_ours_is_kept():
    assert safe_next("/map?at=41.1#z") == "/map?at=41.1#z"


def test_who_is_signed_in_does_not_see_the_form_again(browser, client):
    browser.sign_in()
    answer = client.get("/sign-in?next=//evil.example")
    assert (answer.status_code, answer.location) == (303, "/")


def test_the_wait_grows_and_ends_and_a_success_ends_it(browser, browsers, moment):
    for _ in range(5):
        assert browser.sign_in(password="wrong password").status_code == 422
    refused = browser.sign_in()
    assert (refused.status_code, refused.headers["Retry-After"]) == (429, "1")
    assert "请等 1 秒" in refused.get_data(as_text=True)
    moment.passes(seconds=1)
    assert browser.sign_in(password="wrong password").status_code == 422
    assert browser.sign_in().headers["Retry-After"] == "2"
    moment.passes(seconds=2)
    assert browser.sign_in().status_code == 303
    later = browsers()
    for _ in range(5):
        assert later.sign_in(password="wrong password").status_code == 422


def test_a_wait_is_no_lock_for_the_same_person_elsewhere(browser, browsers):
    for _ in range(6):
        browser.sign_in(password="wrong password")
    elsewhere = browsers()
    elsewhere.client.environ_base["REMOTE_ADDR"] = "192.0.2.7"
    assert elsewhere.sign_in().status_code == 303


def test_one_address_tries_many_accounts_only_so_often(browser, moment):
    for number in range(60):
        assert browser.client.post("/sign-in", data={"username": f"u{number}"}).status_code == 403
    answer = browser.client.post("/sign-in", data={"username": "one more"})
    assert answer.status_code == 429
    assert 1 <= int(answer.headers["Retry-After"]) <= 60
    moment.passes(minutes=1)
    assert browser.sign_in().status_code == 303


def test_a_hash_with_older_parameters_is_renewed(browser, browsers, tx):
    before = tx.execute(sa.select(Person.password_hash).where(Person.username == "dispatcher")).scalar_one()
    assert passwords.HASHER.check_needs_rehash(before)
    browser.sign_in()
    after = tx.execute(sa.select(Person.password_hash).where(Person.username == "dispatcher")).scalar_one()
    assert not passwords.HASHER.check_needs_rehash(after)
    assert browsers().sign_in("dispatcher").status_code == 303


def test_an_idle_session_ends_and_a_used_one_does_not(browser, moment):
    browser.sign_in()
    moment.passes(hours=11)
    assert browser.who() == "dispatcher"
    moment.passes(hours=11)
    assert browser.who() == "dispatcher"
    moment.passes(hours=12, seconds=1)
    assert browser.who() is None


def test_no_session_lives_longer_than_a_week(browser, moment):
    browser.sign_in()
    for _ in range(16):
        assert browser.who() == "dispatcher"
        moment.passes(hours=10, minutes=30)
    assert browser.who() is None


def test_the_demo_accounts_stand_on_the_page_and_one_click_signs_in(browser, client, tx, moment):
    assert "演示城市" not in client.get("/sign-in").get_data(as_text=True)
    tx.execute(sa.update(Person).values(demo=True))
    actions.make_demo_accounts(tx, DEMO_PASSWORD, at=moment.at)
    page = client.get("/sign-in").get_data(as_text=True)
    assert all(f'value="{role.value}"' in page for role in Role)
    assert browser.sign_in("supervisor", DEMO_PASSWORD).status_code == 303


def test_a_password_that_somebody_set_is_not_shown(app, tx, moment):
    tx.execute(sa.update(Person).values(demo=True))
    app.config["JINGWEI"] = replace(app.config["JINGWEI"], demo_password="our own secret")
    page = app.test_client().get("/sign-in").get_data(as_text=True)
    assert "dispatcher" in page
    assert "our own secret" not in page


def test_the_form_costs_a_constant_number_of_queries(client, statements):
    client.get("/sign-in")
    assert len([s for s in statements if "SAVEPOINT" not in s]) == 1
