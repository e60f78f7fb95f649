"""A city of its own in which commits matter, its application's role, and its owner who tampers."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime

import pytest
import sqlalchemy as sa

from app import schema, transaction
from app.audit.actions import record, seal
from app.audit.rules import Action, Actor
from app.db import make_engine
from app.settings import Settings
from app.transaction import Tx, write

APP_ROLE = "jingwei_app"
SECRET = "the city's own"
BOSS = Actor(1, "boss")
NOON = datetime(2026, 5, 4, 4, tzinfo=UTC)


class Recorded:
    """A city with its record: what everybody appends, what the job seals, and what a forger does."""

    def __init__(self, engine: sa.Engine, settings: Settings) -> None:
        self.engine, self.settings = engine, settings

    def rows(self, count: int, action: Action = Action.ROLE_GRANTED) -> None:
        """Append rows, each in a transaction of its own."""
        for number in range(count):
            with write() as tx:
                record(tx, action, f"person {number}", by=BOSS, detail={"role": "worker", "number": number})

    def seal(self, secret: str = SECRET, **more):
        """Chain what waits."""
        with write() as tx:
            return seal(tx, **{"secret": secret, "at": NOON, **more})

    @contextmanager
    def forging(self) -> Iterator[sa.Connection]:
        """Change what may not be changed, as the owner can who takes the triggers away."""
        with self.engine.begin() as connection:
            for table in ("audit_log", "audit_chain", "audit_heads"):
                connection.execute(sa.text(f"ALTER TABLE {table} DISABLE TRIGGER append_only"))
            yield connection
            for table in ("audit_log", "audit_chain", "audit_heads"):
                connection.execute(sa.text(f"ALTER TABLE {table} ENABLE TRIGGER append_only"))


@pytest.fixture
def city(fresh: Settings) -> Iterator[Recorded]:
    """A city of its own, with its record as it was built."""
    engine = make_engine(fresh)
    transaction.bind(engine)
    yield Recorded(engine, fresh)
    transaction.bind(None)
    engine.dispose()


def login_of(settings: Settings, role: str) -> Settings:
    """Return settings by which `role` signs in to the same database."""
    url = sa.make_url(settings.database_url)
    url = url.update_query_dict({"user": role}) if "user" in url.query else url.set(username=role)
    return replace(settings, database_url=url.render_as_string(hide_password=False))


@pytest.fixture
def app_role(city: Recorded) -> Settings:
    """Settings of the application's own role, with what `jingwei migrate` grants it."""
    with city.engine.connect() as connection:
        connection.execution_options(isolation_level="AUTOCOMMIT")
        known = connection.execute(
            sa.text("SELECT EXISTS (SELECT FROM pg_roles WHERE rolname = :role)"), {"role": APP_ROLE}
        ).scalar()
        if not known:  # `make up` and `make test` have made it; a server of one's own may let us
            connection.execute(sa.text(f"CREATE ROLE {APP_ROLE} LOGIN"))
    schema.migrate(city.engine, city.settings, app_role=APP_ROLE)
    return login_of(city.settings, APP_ROLE)


def rows_of(tx: Tx, action: Action) -> list[sa.Row]:
    """Return what was recorded of an action, oldest first."""
    found = sa.text("SELECT * FROM audit_log WHERE action = :action ORDER BY id")
    return list(tx.execute(found, {"action": action.value}))
