"""Steps by form: what a case's page sends without script, taken by the same door as the API's."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, cast
from uuid import UUID

from flask import Blueprint, Response, current_app, redirect, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from app import blobs, clock
from app.cases import queries
from app.cases.deadlines import CHINA_TIME
from app.cases.page_routes import Trouble, case_page
from app.cases.queries import sight_of
from app.cases.rules import StepNotAllowed
from app.cases.step_routes import StepBody
from app.cases.steps import NotYours, StaleCase, Taken, take_step
from app.errors import BadValue, JingweiError, NotFound, TooMany
from app.http import BadFields, parse, status_of
from app.identity.access import allow, viewer
from app.identity.rules import STEPS, Permission
from app.settings import Settings
from app.transaction import read, write
from gis.errors import GisError

blueprint = Blueprint("case_forms", __name__)

TEXTS = (
    *("note", "reason", "answer", "community", "type", "unit", "worker", "measures", "result", "score"),
    *("cause", "finding", "order", "persons", "decision"),
)
AGAIN = (BadValue, StepNotAllowed, NotYours, StaleCase, TooMany)


@blueprint.post("/cases/<uuid:case_id>/steps")
@allow(Permission.HANDLE_CASES, limit=STEPS)
def take(case_id: UUID) -> AnyResponse:
    """Take a step and lead back to the case; what does not fit is said there, with what was typed."""
    typed: dict[str, Any] = {**request.form.to_dict(), "assisting": request.form.getlist("assisting")}
    typed["photo"] = request.form.getlist("photo")
    try:
        for name in _sent_photos():
            typed["photo"].append(name)
        taken = _taken(typed)
        with write() as tx:
            take_step(tx, case_id, taken, by=viewer(), at=clock.now())
    except AGAIN as error:
        return _again(case_id, typed, error)
    return redirect(url_for("case_pages.case", case_id=case_id, done=taken.step.value) + "#next", code=303)


def _taken(typed: dict[str, Any]) -> Taken:
    """Return the step that a form says, checked as the API checks it.

    Raises:
        BadValue: a field does not fit.
    """
    said: dict[str, Any] = {name: typed[name].strip() for name in TEXTS if typed.get(name, "").strip()}
    said |= {"step": typed.get("step", ""), "assisting": tuple(filter(None, typed["assisting"]))}
    said["photos"] = tuple(dict.fromkeys(typed["photo"]))
    for name in ("revision", "standard"):
        if typed.get(name):
            said[name] = typed[name]
    if typed.get("until"):
        said["until"] = _end_of(typed["until"])
    if typed.get("into"):
        said["into"] = _case_named(typed["into"].strip())
    key = _uuid(typed.get("key", ""))
    return Taken(key=key, **dict(parse(StepBody, said)))


def _end_of(day: str) -> datetime:
    try:
        return datetime.combine(date.fromisoformat(day) + timedelta(days=1), time(), CHINA_TIME).astimezone(
            UTC
        )
    except (ValueError, OverflowError):
        raise BadValue("until: this is no day; write 2026-01-31", field="until", value=day) from None


def _case_named(name: str) -> UUID:
    """Return the case's id, from its id or its number."""
    found = _uuid(name)
    if found is not None:
        return found
    try:
        with read() as tx:
            return queries.case_id(tx, name[:40].replace("\0", ""), sight=sight_of(viewer()))
    except NotFound:
        raise BadValue(f"into: there is no case {name[:40]} here", field="into", value=name[:40]) from None


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None


def _sent_photos() -> Iterator[str]:
    """Keep the photos that the form brings, and return their names."""
    settings = cast(Settings, current_app.config["JINGWEI"])
    for file in request.files.getlist("photos"):
        data = file.read()
        if not data:
            continue
        try:
            kept = blobs.store(settings.photos, hashlib.sha256(data).hexdigest(), data)
        except (JingweiError, GisError) as error:
            raise BadValue(f"photos: {error}", field="photos", value=None) from error
        with write() as tx:
            blobs.record(tx, kept, by=viewer().person_id, at=clock.now())
        yield kept.sha256


def _again(case_id: UUID, typed: dict[str, Any], error: JingweiError) -> Response:
    """Show the case as it stands now, with what was typed and why the step was not taken."""
    faults = {error.field: str(error.value or "")} if error.field else {}
    if isinstance(error, BadFields):
        faults = {problem.field: problem.value for problem in error.problems}
    kinds = {StaleCase: "stale", StepNotAllowed: "not_allowed", NotYours: "not_yours", TooMany: "too_many"}
    kind = next((word for known, word in kinds.items() if isinstance(error, known)), "bad")
    missed = 0
    if kind == "stale":
        faults = {}
        with read() as tx:
            now = queries.case(tx, case_id, sight=sight_of(viewer()))
        missed = max(1, now.revision - int(typed.get("revision") or now.revision))
    trouble = Trouble(typed.get("step", ""), kind, faults, typed, missed, str(error))
    return Response(case_page(case_id, trouble), status_of(error), content_type="text/html; charset=utf-8")
