"""A published city of 24 cells, and somebody to look at it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import pytest
import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient

from app.identity import access
from app.identity.rules import Role, Viewer, prefix_of
from app.maps.publish import publish
from app.transaction import Tx

AT = datetime(2024, 5, 6, 4, 0, tzinfo=UTC)
AREAS = {"worker": "210302001001", "dispatcher": "210302", "supervisor": "210302001", "admin": "210300"}


@pytest.fixture
def published(tx: Tx):
    """The published layers, by name."""
    return {made.layer: made for made in publish(tx, at=AT)}


@pytest.fixture
def client_as(app: Flask) -> Callable[[str], FlaskClient]:
    """Make a client of the person with this role."""
    known: list[Viewer] = []
    access.install(app, lambda: known[-1])

    def make(role: str) -> FlaskClient:
        areas = (prefix_of(AREAS[role]),) if role in AREAS else ()
        known.append(Viewer(7, role, role, frozenset({Role(role)}), areas))
        return app.test_client()

    return make


@pytest.fixture
def statements(database: sa.Engine) -> Iterator[list[str]]:
    """The statements that were run since the test began, savepoints aside."""
    seen: list[str] = []

    def note(_connection, _cursor, statement: str, *_: object) -> None:
        seen.append(statement)

    sa.event.listen(database, "before_cursor_execute", note)
    yield seen
    sa.event.remove(database, "before_cursor_execute", note)
