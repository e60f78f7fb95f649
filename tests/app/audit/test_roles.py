"""The application's own role appends to the record and can change nothing of it, whatever it tries."""

from collections.abc import Iterator
from uuid import uuid4

import pytest
import sqlalchemy as sa
from flask import Flask
from sqlalchemy.exc import ProgrammingError

from app import create_app, jobs, schema, transaction, worker
from app.audit import queries
from app.audit.rules import Action
from app.cases.models import Appeal
from app.db import make_engine
from app.identity import actions
from app.identity.rules import Role
from app.transaction import read, write
from tests import people
from tests.city import middle
from tests.crawl import Addresses
from tests.pictures import name_of, picture

from .conftest import APP_ROLE, rows_of

FORBIDDEN = [
    *(
        statement.format(table)
        for table in ("audit_log", "audit_chain", "audit_heads")
        for statement in (
            "DELETE FROM {}",
            "TRUNCATE {}",
            "DROP TABLE {}",
            "ALTER TABLE {} DISABLE TRIGGER append_only",
            "ALTER TABLE {} DISABLE TRIGGER ALL",
            "DROP TRIGGER append_only ON {}",
            "ALTER TABLE {} RENAME TO gone",
            "ALTER TABLE {} OWNER TO CURRENT_USER",
            "CREATE INDEX ON {} (id)",
            "CREATE RULE none AS ON INSERT TO {} DO INSTEAD NOTHING",
        )
    ),
    "UPDATE audit_log SET username = 'x'",
    "UPDATE audit_chain SET hash = 'x'",
    "UPDATE audit_heads SET hash = 'x'",
    # nor can it give a row a moment, a number or a transaction of its choice
    "INSERT INTO audit_log (at, username, action, subject) VALUES ('2020-01-01', 'x', 'y', 'z')",
    "INSERT INTO audit_log (xid, username, action, subject) VALUES ('5', 'x', 'y', 'z')",
    "INSERT INTO audit_log (id, username, action, subject) OVERRIDING SYSTEM VALUE VALUES (1, 'x', 'y', 'z')",
    "INSERT INTO audit_log (username) VALUES ('x') ON CONFLICT (id) DO UPDATE SET username = 'x'",
    "DELETE FROM case_steps",
    "UPDATE case_steps SET note = 'x'",
    "TRUNCATE cases CASCADE",
    "UPDATE events SET payload = '{}'",
    "DELETE FROM events",
    "UPDATE alembic_version SET version_num = 'x'",
    "CREATE TABLE mine (id int)",
    "CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'",
    "DROP FUNCTION refuse_change CASCADE",
    "SET session_replication_role = replica",
    "DROP SCHEMA jingwei CASCADE",
]


@pytest.fixture
def ours(app_role) -> Iterator[sa.Engine]:
    """The application's own connection, on a record that holds something."""
    engine = make_engine(app_role)
    transaction.bind(engine)
    with write() as tx:
        actions.create_token(tx, "first", person_id=1, at=worker.clock.now())
    worker.seal_audit(app_role)
    yield engine
    engine.dispose()


def test_the_role_is_refused_whatever_it_tries_and_the_record_stays_sound(ours, app_role):
    said, harmless = {}, "GRANT UPDATE, DELETE ON audit_log TO CURRENT_USER"
    with ours.connect() as connection:
        assert connection.execute(sa.text("SELECT current_user")).scalar() == APP_ROLE
        connection.commit()
        connection.execute(sa.text(harmless))  # PostgreSQL only warns that it granted nothing
        connection.commit()
        for statement in FORBIDDEN:
            with pytest.raises(ProgrammingError) as refused:
                pytest.fail(f"let through: {statement}, {connection.execute(sa.text(statement))}")
            said[statement] = refused.value.orig.sqlstate
            connection.rollback()
        for role in ("jingwei", "postgres"):
            known = sa.text("SELECT EXISTS (SELECT FROM pg_roles WHERE rolname = :role)")
            if connection.execute(known, {"role": role}).scalar():
                with pytest.raises(ProgrammingError, match="permission denied to set role"):
                    connection.execute(sa.text(f"SET ROLE {role}"))
            connection.rollback()
    assert {statement: state for statement, state in said.items() if state != "42501"} == {}
    with read(snapshot=True) as tx:
        assert len(rows_of(tx, Action.TOKEN_CREATED)) == 1
        found = queries.verify(tx, secret=app_role.secret_key, at=worker.clock.now())
        assert (found.sound, found.rows) == (True, 1)


def test_rights_that_are_as_they_should_be_are_not_warned_of(ours, city):
    with read() as tx:
        assert queries.rights(tx).warning is None
    transaction.bind(city.engine)
    with read() as tx:
        assert "could change the audit" in queries.rights(tx).warning


def test_a_role_of_the_owners_is_warned_of(ours, city):
    """A grant by hand that opens the record again is told."""
    with city.engine.begin() as connection:
        connection.execute(sa.text(f"GRANT UPDATE ON audit_log TO {APP_ROLE}"))
    with read() as tx:
        assert "may change it" in queries.rights(tx).warning
    # and the next migration closes it
    schema.migrate(city.engine, city.settings, app_role=APP_ROLE)
    with read() as tx:
        assert queries.rights(tx).warning is None


def test_the_application_works_as_its_own_role(app_role):
    """Every address is asked, and everything is done that changes something: nothing lacks a right."""
    app: Flask = create_app(app_role)
    with write() as tx:
        clients = {role.value: people.Api(app, people.token(tx, role.value)) for role in Role}
    with write() as tx:
        worker.publish_layers(tx, at=worker.clock.now())
    photo = picture(3)
    assert clients["worker"].put(f"photos/{name_of(photo)}", data=photo).status_code == 201
    lon, lat = middle(0, 0)
    body = {"type": "F0101", "lon": lon, "lat": lat, "photos": [name_of(photo)]}
    filed = clients["worker"].put(f"reports/{uuid4()}", body)
    assert filed.status_code == 201, filed.text
    case = filed.json["id"]
    for by, step in (("operator", "accept"), ("shift_leader", "file"), ("operator", "note")):
        taken = clients[by].put(f"cases/{case}/steps/{uuid4()}", {"step": step, "note": "seen"})
        assert taken.status_code == 200, taken.text
    appeal = {"type": "A08", "nature": "help", "text": "help", "name": "张三", "phone": "13812345678"}
    asked = clients["operator"].put(f"appeals/{uuid4()}", {**appeal, "lon": lon, "lat": lat})
    assert asked.status_code == 201, asked.text
    path = f"/api/v1/cases/{asked.json['id']}/unmask"
    told = clients["operator"].client.post(
        path, json={"reason": "to ring"}, headers=clients["operator"].headers
    )
    assert told.status_code == 200, told.text
    wrong = []
    addresses = Addresses(cases=[case], photos=[name_of(photo)], words=["W"])
    for name in ("admin", "dispatcher"):
        for endpoint, address in addresses.of(app):
            with clients[name].client.get(address, headers=clients[name].headers) as answer:
                if answer.status_code >= 500:
                    wrong.append((endpoint, address, answer.status_code))
    assert wrong == []
    with write() as tx:
        actions.sweep(tx, at=worker.clock.now())
        jobs.defer(tx, jobs.SEAL, timestamp=0)
    worker.make_worker(app_role).run_worker(wait=False, install_signal_handlers=False)
    with read() as tx:
        assert queries.newest_head(tx) is not None, "the queue's own worker has sealed"
    worker.verify_audit(app_role)
    with read() as tx:
        (row,) = rows_of(tx, Action.RECORD_VERIFIED)
        assert row.detail["broken"] is None
        assert row.detail["rows"] > len(Role)
        assert tx.execute(sa.select(sa.func.count()).select_from(Appeal)).scalar() == 1
    transaction.engine().dispose()
