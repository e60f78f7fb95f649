"""A real PostGIS: one template with the city of `tests/city.py`, cloned for each worker."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any
from uuid import uuid4

import pytest
import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient

from app import clock, create_app, schema, transaction
from app.calendar import queries as calendars
from app.db import make_engine
from app.identity import actions, queries
from app.settings import Settings, read_settings
from app.transaction import Tx
from tests import city


@pytest.fixture(scope="session", autouse=True)
def _closed_network() -> Iterator[None]:
    """Close all sockets but those of this machine."""
    connect = socket.socket.connect

    def guarded(self: socket.socket, address: Any) -> None:
        if self.family != socket.AF_UNIX and address[0] not in {"127.0.0.1", "::1", "localhost"}:
            raise OSError(f"a test asked for {address}: only this machine is open")
        connect(self, address)

    socket.socket.connect = guarded  # type: ignore[method-assign]
    yield
    socket.socket.connect = connect  # type: ignore[method-assign]


def _named(url: str, database: str) -> str:
    made = sa.make_url(url).set(database=database, drivername="postgresql")
    return made.render_as_string(hide_password=False)


class Server:
    """The database server that `make test` started, or JINGWEI_DATABASE_URL's; makes and drops databases."""

    def __init__(self) -> None:
        self.settings = read_settings()
        if not self.settings.database_url:
            pytest.fail("no database: run `make test`, or set JINGWEI_DATABASE_URL")
        url = sa.make_url(self.settings.database_url).set(drivername="postgresql+psycopg")
        self.engine = sa.create_engine(url, isolation_level="AUTOCOMMIT", poolclass=sa.NullPool)

    def create(self, name: str, template: str = "template1") -> Settings:
        """Make a database and return settings on it."""
        with self.engine.connect() as connection:
            connection.execute(sa.text(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)'))
            connection.execute(sa.text(f'CREATE DATABASE "{name}" TEMPLATE "{template}"'))
        return replace(self.settings, database_url=_named(self.settings.database_url, name))

    def drop(self, name: str) -> None:
        """Drop a database."""
        with self.engine.connect() as connection:
            connection.execute(sa.text(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)'))


@pytest.fixture(scope="session")
def server() -> Server:
    """The database server."""
    return Server()


@pytest.fixture(scope="session")
def name(server: Server) -> str:
    """What this process's databases are called: other runs on the same server have other names."""
    worker = os.environ.get("PYTEST_XDIST_WORKER", "main")
    return f"jingwei_test_{os.getpid()}_{worker}"


@pytest.fixture(scope="session")
def template(server: Server, name: str) -> Iterator[str]:
    """A database with the city of 24 cells, to clone."""
    settings = server.create(f"{name}_template")
    engine = make_engine(settings)
    schema.migrate(engine, settings)
    with engine.begin() as connection:
        city.build(Tx(connection))
    with engine.connect() as connection:
        connection.execution_options(isolation_level="AUTOCOMMIT").execute(sa.text("ANALYZE"))
    engine.dispose()
    yield f"{name}_template"
    server.drop(f"{name}_template")


@pytest.fixture(scope="session")
def settings(
    server: Server, template: str, name: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Settings]:
    """Settings on this worker's clone of the template, with a var/ of its own."""
    made = server.create(name, template)
    yield replace(made, var=tmp_path_factory.mktemp("var"), secret_key="for tests only")
    transaction.bind(None)
    server.drop(name)


@pytest.fixture(scope="session")
def database(settings: Settings) -> Iterator[sa.Engine]:
    """An engine on this worker's clone."""
    engine = make_engine(settings)
    yield engine
    engine.dispose()


@pytest.fixture
def connection(database: sa.Engine) -> Iterator[sa.Connection]:
    """A connection whose changes are gone after the test; `read()` and `write()` use it."""
    with database.connect() as connection:
        outer = connection.begin()
        transaction.bind(database, connection)
        calendars.forget()  # what a test before changed was rolled back
        yield connection
        transaction.bind(None)
        outer.rollback()


@pytest.fixture
def tx(connection: sa.Connection) -> Tx:
    """An open transaction on the city of 24 cells."""
    return Tx(connection)


@pytest.fixture
def app(settings: Settings, connection: sa.Connection, database: sa.Engine) -> Flask:
    """The application on the test's own transaction."""
    made = create_app(settings)
    transaction.engine().dispose()
    transaction.bind(database, connection)
    return made


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    """Somebody unknown with a browser."""
    return app.test_client()


@pytest.fixture
def client_as(app: Flask, tx: Tx) -> Callable[[str], FlaskClient]:
    """Make a client that brings a token of the person with this username (their role's name in the city)."""

    def make(username: str) -> FlaskClient:
        person = queries.person_id(tx, username)
        secret = actions.create_token(tx, f"test {uuid4()}", person_id=person, at=clock.now())
        client = app.test_client()
        client.environ_base["HTTP_AUTHORIZATION"] = f"Bearer {secret}"
        return client

    return make


@pytest.fixture
def statements(database: sa.Engine) -> Iterator[list[str]]:
    """The statements that were run since the test began, savepoints aside."""
    seen: list[str] = []

    def note(_connection, _cursor, statement: str, *_: Any) -> None:
        seen.append(statement)

    sa.event.listen(database, "before_cursor_execute", note)
    yield seen
    sa.event.remove(database, "before_cursor_execute", note)


@pytest.fixture
def fresh(server: Server, template: str, name: str, tmp_path: Any) -> Iterator[Settings]:
    """Settings on a clone of its own, for a test in which commits matter."""
    made = server.create(f"{name}_fresh", template)
    yield replace(made, var=tmp_path, secret_key="for tests only")
    transaction.bind(None)
    server.drop(f"{name}_fresh")
