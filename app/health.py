"""Whether Jingwei lives and is ready."""

from __future__ import annotations

from flask import Blueprint, Response

from app import schema
from app.http import json_answer, problem
from app.identity.access import allow
from app.identity.rules import Permission
from app.transaction import read

blueprint = Blueprint("health", __name__)


@blueprint.get("/healthz")
@allow(Permission.PUBLIC)
def healthz() -> Response:
    """Say that the process answers."""
    return json_answer({"status": "alive"})


@blueprint.get("/readyz")
@allow(Permission.PUBLIC)
def readyz() -> Response:
    """Say whether the database answers and stands at the newest migration."""
    with read() as tx:
        found = schema.present(tx.connection)
    if found != schema.newest():
        return problem(503, "not_migrated", f"the schema stands at {found}; run `jingwei migrate`")
    return json_answer({"status": "ready", "migration": found})
