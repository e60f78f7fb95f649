"""What is done to people and tokens."""

import pytest
import sqlalchemy as sa

from app.errors import BadValue, Conflict, NotFound
from app.identity import actions, passwords, queries
from app.identity.actions import NewPerson
from app.identity.models import Person
from app.identity.rules import Role
from app.transaction import EventRow
from tests.city import A


def test_the_demo_has_one_account_a_role_and_its_worker_holds_cells(tx, moment):
    tx.execute(sa.update(Person).values(demo=True))
    assert set(actions.make_demo_accounts(tx, "demo-password", at=moment.at)) == {role.value for role in Role}
    found = {a.username: a for a in queries.demo_accounts(tx)}
    assert {a.username: a.role for a in found.values()} == {role.value: role.value for role in Role}
    assert found["worker"].area == "解放社区"
    assert found["dispatcher"].area == "鞍山市"
    worker = tx.execute(
        sa.text("SELECT w.code FROM people p JOIN workers w ON w.id = worker_id WHERE username = 'worker'")
    )
    assert worker.scalar() == "W0001", "who is on duty comes before who is not"
    assert passwords.verdict(queries.account(tx, "planner").password_hash, "demo-password").fits


def test_the_demo_takes_over_no_real_account(tx, moment):
    before = queries.account(tx, "admin")
    assert actions.make_demo_accounts(tx, "demo-password", at=moment.at) == []
    assert queries.account(tx, "admin") == before


def test_a_demo_made_twice_is_made_once(tx, moment):
    tx.execute(sa.update(Person).values(demo=True))
    actions.make_demo_accounts(tx, "demo-password", at=moment.at)
    first = queries.demo_accounts(tx)
    actions.make_demo_accounts(tx, "demo-password", at=moment.at)
    assert queries.demo_accounts(tx) == first


def test_a_city_without_areas_gets_no_accounts(tx, moment):
    tx.execute(sa.text("UPDATE areas SET level = 'town' WHERE level = 'city'"))
    with pytest.raises(NotFound, match="jingwei demo"):
        actions.make_demo_accounts(tx, "demo-password", at=moment.at)


def test_a_person_is_made_with_a_role_an_area_and_an_event(tx):
    new = NewPerson("Li.Si", "李四", Role.WORKER, A, "W0002")
    actions.create_person(tx, new, passwords.hashed("a good password"))
    assert queries.account(tx, "li.si").name == "李四"
    assert (
        tx.execute(sa.select(EventRow.subject).where(EventRow.kind == "person_created")).scalar() == "li.si"
    )


@pytest.mark.parametrize(
    ("new", "error", "says"),
    [
        (NewPerson("dispatcher", "n", Role.ADMIN, A), Conflict, "taken"),
        (NewPerson("a b", "n", Role.ADMIN, A), BadValue, "no username"),
        (NewPerson("zhao", "n", Role.ADMIN, "999999"), BadValue, "no area '999999'"),
        (NewPerson("zhao", "n", Role.WORKER, A, "W9999"), BadValue, "no worker 'W9999'"),
    ],
)
def test_a_person_who_cannot_be_is_refused_in_words(tx, new, error, says):
    with pytest.raises(error, match=says):
        actions.create_person(tx, new, None)


def test_a_new_password_ends_all_sessions_and_the_demo(tx, moment):
    tx.execute(sa.update(Person).values(demo=True))
    person = queries.person_id(tx, "planner")
    secret = actions.open_session(tx, person, at=moment.at)
    actions.set_password(tx, "planner", "quite another one")
    assert queries.by_session(tx, secret, at=moment.at) is None
    assert "planner" not in {a.username for a in queries.demo_accounts(tx)}


def test_a_name_is_given_to_one_token_only(tx, moment):
    person = actions.script_person(tx)
    assert actions.script_person(tx) == person
    actions.create_token(tx, "qgis", person_id=person, at=moment.at)
    with pytest.raises(Conflict, match="qgis"):
        actions.create_token(tx, "qgis", person_id=person, at=moment.at)
    with pytest.raises(BadValue, match="no name"):
        actions.create_token(tx, "a\nb", person_id=person, at=moment.at)
    actions.revoke_token(tx, "qgis", at=moment.at)
    with pytest.raises(NotFound):
        actions.revoke_token(tx, "qgis", at=moment.at)


def test_nobody_gets_a_token_for_somebody_unknown(tx):
    with pytest.raises(NotFound, match="nobody"):
        queries.person_id(tx, "nobody")
