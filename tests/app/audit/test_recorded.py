"""What is done is recorded: by whom, what, to what; and what is not done is not."""

from uuid import uuid4

import pytest

from app.audit.rules import Action
from app.identity import actions
from app.identity.rules import Role
from tests.app.identity.conftest import Browser
from tests.city import middle
from tests.loop import Loop

from .conftest import BOSS, NOON, rows_of


@pytest.fixture
def browser(client):
    return Browser(client)


def test_signing_in_and_out_and_failing_to_is_recorded(browser, tx):
    assert browser.sign_in("dispatcher", password="wrong").status_code == 422
    assert browser.sign_in("nobody of ours", password="my secret").status_code == 422
    assert browser.sign_in("dispatcher").status_code == 303
    token = browser.client.get("/cases").get_data(as_text=True).split('name="csrf_token" value="')[1][:64]
    assert browser.client.post("/sign-out", data={"csrf_token": token}).status_code == 303
    failed = rows_of(tx, Action.SIGN_IN_FAILED)
    assert [row.username for row in failed] == ["dispatcher", "unknown"], "what was typed may be a password"
    assert failed[0].detail == {"address": "127.0.0.1"}
    (entered,) = rows_of(tx, Action.SIGNED_IN)
    assert (entered.username, entered.subject) == ("dispatcher", f"person {entered.person_id}")
    (left,) = rows_of(tx, Action.SIGNED_OUT)
    assert left.person_id == entered.person_id


def test_people_roles_and_tokens_are_recorded_with_who_made_them(tx):
    new = actions.NewPerson("newcomer", "新人", Role.OPERATOR, "210302")
    person = actions.create_person(tx, new, None, by=BOSS)
    actions.grant(tx, person, Role.DISPATCHER, "210302001", by=BOSS)
    actions.revoke(tx, person, Role.DISPATCHER, "210302001", by=BOSS)
    actions.set_password(tx, "newcomer", "a good long one", by=BOSS)
    secret = actions.create_token(tx, "qgis", person_id=person, at=NOON, by=BOSS)
    actions.revoke_token(tx, "qgis", at=NOON, by=BOSS)
    actions.close_account(tx, "newcomer", by=BOSS)
    for action, subject, area, detail in (
        (Action.PERSON_CREATED, f"person {person}", "210302", {}),
        (Action.ROLE_REVOKED, f"person {person}", "210302001", {"role": "dispatcher"}),
        (Action.PASSWORD_CHANGED, f"person {person}", None, {}),
        (Action.TOKEN_CREATED, "token qgis", None, {"person": person, "scope": "full", "days": None}),
        (Action.TOKEN_REVOKED, "token qgis", None, {}),
        (Action.ACCOUNT_CLOSED, f"person {person}", None, {}),
    ):
        (row,) = rows_of(tx, action)
        assert (row.username, row.subject, row.area_code, row.detail) == ("boss", subject, area, detail)
    assert len(rows_of(tx, Action.ROLE_GRANTED)) == 2
    everything = str([row for action in Action for row in rows_of(tx, action)])
    assert secret not in everything
    assert "a good long one" not in everything


def test_every_step_of_a_case_is_recorded_once_with_who_took_it(api, tx):
    loop = Loop.incident(api)
    loop.take("operator", "accept")
    key = uuid4()
    loop.take("operator", "note", note="13912345678 was rung", key=key)
    loop.take("operator", "note", note="13912345678 was rung", key=key)
    loop.refused("worker", "note_")
    (report,) = rows_of(tx, Action.CASE_REPORTED)
    assert (report.username, report.subject, report.area_code[:6]) == ("worker", f"case {loop.id}", "210302")
    steps = rows_of(tx, Action.CASE_STEP)
    by = [(row.username, row.detail["step"], row.detail["role"]) for row in steps if row.person_id]
    assert by == [("operator", "accept", "operator"), ("operator", "note", "operator")]
    assert {row.subject for row in steps} == {f"case {loop.id}"}
    assert "13912345678" not in str(steps), "what was said stands in the step, not in the record"
    # what follows of itself is the system's
    assert {row.username for row in steps if row.person_id is None} <= {"system"}


def test_a_report_sent_again_is_recorded_once(api, tx):
    lon, lat = middle(0, 0)
    path, body = f"reports/{uuid4()}", {"type": "F0101", "lon": lon, "lat": lat}
    assert [api("worker").put(path, body).status_code for _ in range(2)] == [201, 200]
    assert len(rows_of(tx, Action.CASE_REPORTED)) == 1


def test_an_appeal_is_recorded_without_the_person(api, tx):
    loop = Loop.appeal(api)
    rows = [*rows_of(tx, Action.CASE_REPORTED), *rows_of(tx, Action.CASE_STEP)]
    assert (rows[0].username, rows[0].subject) == ("operator", f"case {loop.id}")
    assert "赵" not in str(rows)
    assert "13912345678" not in str(rows)
