"""Whether Jingwei lives and is ready."""

from __future__ import annotations

from typing import Literal

from flask import Blueprint, Response

from app import clock, schema
from app.calendar import queries as calendars
from app.calendar.rules import missing_year
from app.http import Answer, Description, describe, json_answer, problem
from app.identity.access import allow
from app.identity.rules import Permission
from app.transaction import read

blueprint = Blueprint("health", __name__)


class Alive(Answer):
    """That the process answers."""

    status: Literal["alive"] = "alive"


class Ready(Answer):
    """That the database answers, and at which migration it stands."""

    status: Literal["ready"] = "ready"
    migration: str
    calendar_missing: int | None = None
    """the year whose working days nobody has entered: limits that reach into it are provisional"""


@blueprint.get("/healthz")
@allow(Permission.PUBLIC)
@describe(Description("Whether the process answers", "about", answers={200: Alive}))
def healthz() -> Response:
    """Say that the process answers."""
    return json_answer(Alive())


@blueprint.get("/readyz")
@allow(Permission.PUBLIC)
@describe(Description("Whether the database is ready", "about", answers={200: Ready}))
def readyz() -> Response:
    """Say whether the database answers and stands at the newest migration."""
    with read() as tx:
        found = schema.present(tx.connection)
        if found is None or found != schema.newest():
            return problem(503, "not_migrated", f"the schema stands at {found}; run `jingwei migrate`")
        calendar = calendars.current(tx)
    missing = missing_year(calendar, calendar.day_of(clock.now()))
    return json_answer(Ready(migration=found, calendar_missing=missing))
