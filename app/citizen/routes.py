"""Pages for everybody: /appeal, /track; and /appeals/suspect for whoever takes appeals."""

from __future__ import annotations

import hashlib
from datetime import datetime
from typing import Any, cast
from uuid import UUID, uuid4

from flask import Blueprint, Response, current_app, make_response, redirect, render_template, request, url_for
from flask_babel import format_datetime
from werkzeug.wrappers import Response as AnyResponse

from app import blobs, clock
from app.cases import queries as case_queries
from app.cases.appeal_routes import AppealBody
from app.cases.appeals import Appeal
from app.cases.queries import sight_of
from app.cases.rules import RULES, Kind, Source, Status, Step
from app.cases.steps import Taken, take_own_step
from app.citizen import actions, rules
from app.errors import BadValue, JingweiError, NotFound
from app.http import BadFields, parse
from app.identity import access
from app.identity.access import allow, viewer
from app.identity.rules import APPEALS, TRACKS, Permission
from app.settings import Settings
from app.transaction import read, write

blueprint = Blueprint("citizen", __name__)

SAID = ("type", "nature", "text", "wish", "name", "phone", "address", "lon", "lat", "accuracy_m")
OWN = (Step.ADD, Step.URGE, Step.WITHDRAW, Step.SATISFIED, Step.DISSATISFIED, Step.OBJECT)
"""What the person behind a matter may do; a second dissatisfaction holds to account by itself."""
MAX_FILES = 3


@blueprint.get("/appeal")
@allow(Permission.PUBLIC, page=True)
def form() -> Response:
    """Show the form; nobody has to sign in."""
    return _form({}, None)


@blueprint.post("/appeal")
@allow(Permission.PUBLIC, page=True, limit=APPEALS)
def send() -> AnyResponse:
    """Register the appeal, and show its number and secret once; what does not fit costs nothing typed."""
    said = {name: request.form.get(name, "").strip() for name in SAID}
    try:
        access.check_form_of_anybody()
        _check_proof()
        receipt = _sent(said)
    except JingweiError as error:
        return _form(said, error)
    page = make_response(render_template("citizen/receipt.html", receipt=receipt))
    page.headers["Cache-Control"] = "no-store"
    return page


@blueprint.get("/track")
@allow(Permission.PUBLIC, page=True)
def ask() -> str:
    """Ask for number and secret. A link may bring the number; the secret is never in an address."""
    return render_template("citizen/track.html", no=request.args.get("no", "")[:19], found=None, error=None)


@blueprint.post("/track")
@allow(Permission.PUBLIC, page=True, limit=TRACKS)
def track() -> Response:
    """Show what became of a matter to whoever has its secret, after doing what they asked for."""
    no, secret = request.form.get("no", "").strip(), request.form.get("secret", "").strip()
    error: JingweiError | None = None
    try:
        access.check_form_of_anybody()
        with read() as tx:
            case_id = actions.tracked(tx, no if no.isascii() and no.isdecimal() else "", secret)
        if request.form.get("step"):
            error = _step(case_id)
    except JingweiError as refused:
        found = render_template("citizen/track.html", no=no[:19], found=None, error=refused)
        return make_response(found, 404 if isinstance(refused, NotFound) else 422)
    page = make_response(_found(case_id, no, secret, error), 200 if error is None else 422)
    page.headers["Cache-Control"] = "no-store"
    return page


@blueprint.get("/appeals/suspect")
@allow(Permission.TAKE_APPEALS, page=True)
def suspect() -> str:
    """List the appeals that look like spam; nothing is dropped by itself."""
    with read() as tx:
        rows = tx.named("citizen.suspect", areas=_patterns()).all()
    return render_template("citizen/suspect.html", rows=rows, moment=_moment)


@blueprint.post("/appeals/suspect")
@allow(Permission.TAKE_APPEALS, page=True)
def clear() -> AnyResponse:
    """Take the mark away from an appeal that is none."""
    try:
        case_id = UUID(request.form.get("case", ""))
    except ValueError:
        raise BadValue("case: this is no id; load the page again", field="case") from None
    with write() as tx:
        tx.named("citizen.clear", id=case_id, areas=_patterns())
    return redirect(url_for("citizen.suspect"), code=303)


def _patterns() -> list[str]:
    return [f"{prefix}%" for prefix in sight_of(viewer()).areas]


def _form(said: dict[str, str], error: JingweiError | None) -> Response:
    with read() as tx:
        kinds = [kind for kind in case_queries.types(tx) if kind.kind == Kind.APPEAL]
    page = render_template(
        "citizen/appeal.html",
        said=said,
        error=error,
        fault=_fault(error),
        kinds=kinds,
        challenge=rules.challenge(_settings().secret_key, clock.now()),
        bits=rules.BITS,
    )
    return make_response(page, 200 if error is None else 422)


def _fault(error: JingweiError | None) -> str:
    """Return the field that does not fit."""
    if isinstance(error, BadFields) and error.problems:
        return error.problems[0].field
    return (error.field or "") if error is not None else ""


def _check_proof() -> None:
    """Refuse what no person sent.

    Raises:
        BadValue: the proof does not hold, or a field that nobody sees was filled in.
    """
    fault = rules.fault_of(
        _settings().secret_key,
        request.form.get("challenge", ""),
        proof=request.form.get("proof", ""),
        answer=request.form.get("answer", ""),
        at=clock.now(),
    )
    if request.form.get("website") or fault is not None:
        raise BadValue(
            "the proof that no robot sends this does not hold; send it again", field=fault or "wrong"
        )


def _sent(said: dict[str, str]) -> actions.Receipt:
    given: dict[str, Any] = {name: value for name, value in said.items() if value}
    for name in ("lon", "lat", "accuracy_m"):
        if name in given:
            given[name] = _number(name, given[name])
    body = parse(AppealBody, {**given, "source": "web"})
    fields = dict(body)
    fields["source"] = Source.WEB
    fields["photos"] = _photos()
    with write() as tx:
        return actions.send_appeal(
            tx,
            Appeal(id=uuid4(), **fields),
            challenge=request.form.get("challenge", ""),
            address=request.remote_addr or "",
            at=clock.now(),
        )


def _number(name: str, text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise BadValue(f"{name}: {text[:40]!r} is no number", field=name, value=text[:40]) from None


def _photos() -> tuple[str, ...]:
    """Keep the photos that came with the form, and return their names."""
    names = []
    for file in [f for f in request.files.getlist("photos") if f.filename][:MAX_FILES]:
        data = file.read()
        name = hashlib.sha256(data).hexdigest()
        blobs.store(_settings().photos, name, data)
        names.append(name)
    return tuple(dict.fromkeys(names))


def _step(case_id: UUID) -> JingweiError | None:
    """Take the person's own step, and return what hinders it."""
    wanted, words = request.form["step"], request.form.get("words", "").strip()[:2_000].replace("\0", "")
    if wanted not in OWN:
        return BadValue(f"step: {wanted[:20]!r} is nothing that can be done here", field="step")
    score = request.form.get("score") or None
    taken = Taken(step=Step(wanted), note=words, reason=words or None, score=score)
    try:
        with write() as tx:
            take_own_step(tx, case_id, taken, at=clock.now())
    except JingweiError as error:
        return error
    return None


def _found(case_id: UUID, no: str, secret: str, error: JingweiError | None) -> str:
    with read() as tx:
        state = tx.named("citizen.state", id=case_id).one()
        steps = tx.named("citizen.steps", id=case_id).all()
    open_to = {step for status, step in RULES if status == Status(state.status)} & set(OWN)
    return render_template(
        "citizen/track.html",
        no=no,
        secret=secret,
        found=state,
        steps=steps,
        may=open_to,
        error=error,
        moment=_moment,
    )


def _moment(when: datetime) -> str:
    return cast(str, format_datetime(when, "yyyy-MM-dd HH:mm"))


def _settings() -> Settings:
    return cast(Settings, current_app.config["JINGWEI"])
