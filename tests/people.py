"""People of the test city who ask over HTTP, by a token of their own."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import count
from typing import Any

import sqlalchemy as sa
from flask import Flask
from werkzeug.test import TestResponse

from app.identity.actions import create_token
from app.identity.models import Grant, Person
from app.identity.queries import by_token
from app.identity.rules import Viewer
from app.transaction import Tx
from app.workers.models import Worker

_numbers = count()


def person(
    tx: Tx, username: str, role: str | None = None, area: str = "210300", worker: str = "", unit: str = ""
) -> int:
    """Make somebody with a role in an area."""
    of = sa.select(Worker.id).where(Worker.code == worker).scalar_subquery() if worker else None
    made = tx.execute(
        sa.insert(Person)
        .values(username=username, name=username, worker_id=of, unit_code=unit or None)
        .returning(Person.id)
    ).scalar_one()
    if role:
        tx.execute(sa.insert(Grant).values(person_id=made, role=role, area_code=area))
    return made


def token(tx: Tx, username: str) -> str:
    """Make a token of this person."""
    known = tx.execute(sa.select(Person.id).where(Person.username == username)).scalar_one()
    return create_token(tx, f"tests {next(_numbers)}", person_id=known, at=datetime.now(UTC))


def viewer_of(tx: Tx, username: str) -> Viewer:
    """Return how the gate sees this person."""
    known = by_token(tx, token(tx, username), at=datetime.now(UTC))
    assert known is not None
    return known.viewer


class Api:
    """The API as one person asks it."""

    def __init__(self, app: Flask, secret: str) -> None:
        self.client = app.test_client()
        self.headers = {"Authorization": f"Bearer {secret}"}

    def get(self, path: str, **query: Any) -> TestResponse:
        return self.client.get(f"/api/v1/{path}", query_string=query, headers=self.headers)

    def put(self, path: str, body: Any = None, **options: Any) -> TestResponse:
        if body is not None:
            options["json"] = body
        return self.client.put(f"/api/v1/{path}", headers=self.headers, **options)
