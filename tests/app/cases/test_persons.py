"""The person behind a case: masked for all, told in full to the holder, and recorded."""

import pytest
import sqlalchemy as sa

from app.audit.rules import Action
from app.cases.persons import TOLD
from app.cases.rules import ENDED, Status
from app.identity import rules
from app.identity.rules import PERMISSIONS, Permission, Role
from tests import people
from tests.app.audit.conftest import rows_of
from tests.city import C
from tests.loop import Loop

IN_FULL = {"name": "赵大明", "phone": "13912345678", "address": "和平路 7 号"}


@pytest.fixture
def appeal(api, tx):
    people.person(tx, "dispatcher_all", "dispatcher")
    return Loop.appeal(api, address=IN_FULL["address"])


def ask(appeal, by, reason="回拨核实"):
    asking = appeal.api(by)
    return asking.client.post(
        f"/api/v1/cases/{appeal.id}/unmask", json={"reason": reason}, headers=asking.headers
    )


def test_everybody_sees_the_person_masked(appeal):
    for by in ("operator", "shift_leader", "dispatcher_all", "leader", "admin"):
        person = appeal.api(by).get(f"cases/{appeal.id}").json["person"]
        assert person["name"] == "赵*"
        assert person["phone"] == "139****5678"
        assert person["has_address"] is True


def test_an_incident_has_nobody_behind_it(api, appeal):
    case = Loop.incident(api)
    assert api("operator").get(f"cases/{case.id}").json["person"] is None
    assert ask(case, "operator").status_code == 404


def test_the_holder_is_told_and_that_is_recorded(appeal, tx):
    answer = ask(appeal, "operator", "回拨核实地址")
    assert (answer.status_code, answer.json) == (200, IN_FULL)
    assert "no-store" in answer.headers["Cache-Control"]
    (row,) = rows_of(tx, Action.PERSON_READ)
    assert (row.username, row.subject, row.area_code) == (
        "operator",
        f"case {appeal.id}",
        appeal.case["community"]["code"],
    )
    assert row.detail == {
        "reason": "回拨核实地址",
        "fields": ["name", "phone", "address"],
        "status": "reported",
    }
    assert "13912345678" not in str(row)


def test_nobody_else_is_told_and_nothing_is_recorded(appeal, tx):
    for by in (role.value for role in Role if role is not Role.OPERATOR):
        answer = ask(appeal, by)
        assert answer.status_code in {403, 404}, by
        assert "13912345678" not in answer.text
    assert rows_of(tx, Action.PERSON_READ) == []


def test_who_is_told_goes_with_the_case(appeal, tx):
    """Each holder in turn, and the one before no more."""
    appeal.take("operator", "accept")
    if appeal.status == "accepted":
        appeal.take("shift_leader", "file")
    assert ask(appeal, "operator").status_code == 403
    appeal.take("dispatcher_all", "dispatch", unit="L")
    assert ask(appeal, "handler").json == IN_FULL
    assert ask(appeal, "supervisor").status_code in {403, 404}
    tx.execute(sa.text("UPDATE people SET unit_code = NULL WHERE username = 'handler'"))
    assert appeal.status == Status.DISPATCHED


@pytest.mark.parametrize("visitor", ["operator", "shift_leader", "supervisor"])
def test_of_a_return_visit_the_visitor_is_told_and_no_other(appeal, tx, visitor):
    tx.execute(sa.text("UPDATE cases SET status = 'callback' WHERE id = :id"), {"id": appeal.id})
    tx.execute(
        sa.text("INSERT INTO visit_rules (nature, by_role) VALUES ('complaint', :role)"
                " ON CONFLICT (nature) DO UPDATE SET by_role = excluded.by_role"), {"role": visitor},
    )  # fmt: skip
    people.person(tx, "supervisor of all", "supervisor")
    who = {"operator": "operator", "shift_leader": "shift_leader", "supervisor": "supervisor of all"}
    answers = {role: ask(appeal, by).status_code for role, by in who.items()}
    assert answers == {role: 200 if role == visitor else 403 for role in who}


def test_another_units_handler_is_told_nothing(appeal, tx):
    appeal.take("operator", "accept")
    if appeal.status == "accepted":
        appeal.take("shift_leader", "file")
    appeal.take("dispatcher_all", "dispatch", unit="L")
    people.person(tx, "other unit", "handler", "210300", unit="W")
    assert ask(appeal, "other unit").status_code == 404


def test_a_foreign_operator_is_told_nothing(appeal, tx):
    people.person(tx, "far", "operator", C)
    assert ask(appeal, "far").status_code == 404


def test_a_reason_has_to_be_given(appeal, tx):
    for reason in ("", " ", " \t ", "\0\0", "x" * 201):
        assert ask(appeal, "operator", reason).status_code == 422
    assert rows_of(tx, Action.PERSON_READ) == []


def test_asking_is_limited(appeal, monkeypatch, app):
    asked = [ask(appeal, "operator").status_code for _ in range(rules.UNMASKINGS.amount + 1)]
    assert asked[-1] == 429
    assert set(asked[:-1]) == {200}


def test_only_those_are_told_who_may_read_persons_and_have_to_act():
    for status in Status:
        assert all(Permission.READ_PERSONAL in PERMISSIONS[role] for role in TOLD[status])
    assert {TOLD[status] for status in ENDED} == {frozenset()}
    assert TOLD[Status.HANDLING] == {Role.HANDLER}
    assert Role.ADMIN not in frozenset().union(*TOLD.values())
