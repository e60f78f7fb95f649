"""Signing in and out, and who one is."""

from __future__ import annotations

import logging
from datetime import datetime
from urllib.parse import urlsplit

from flask import Blueprint, Response, current_app, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from app import clock
from app.audit.actions import record
from app.audit.rules import UNKNOWN, Action, Actor
from app.errors import TooMany
from app.http import Answer, Description, describe, json_answer
from app.identity import access, actions, passwords, queries
from app.identity.access import FormNotOurs, allow, viewer, viewer_or_none
from app.identity.queries import Account
from app.identity.rules import SIGN_INS, USERNAME, Permission
from app.settings import DEMO_PASSWORD, Settings
from app.transaction import read, write

log = logging.getLogger(__name__)
blueprint = Blueprint("identity", __name__)
HOME = "/"


class Me(Answer):
    """Who is asking."""

    username: str
    name: str
    roles: list[str]
    areas: list[str]
    permissions: list[str]
    via_token: bool
    read_only: bool


@blueprint.get("/api/v1/me")
@allow(Permission.SIGNED_IN)
@describe(Description(summary="Who is asking", tag="identity", answers={200: Me}, problems=(401,)))
def me() -> Response:
    """Say who is asking, in which areas (prefixes of division codes), and what they may."""
    asking = viewer()
    return json_answer(
        Me(
            username=asking.username,
            name=asking.name,
            roles=sorted(asking.roles),
            areas=list(asking.areas),
            permissions=sorted(p for p in Permission if asking.may(p)),
            via_token=asking.via_token,
            read_only=asking.read_only,
        )
    )


@blueprint.get("/sign-in")
@allow(Permission.PUBLIC, page=True)
def sign_in() -> AnyResponse:
    """Show the form; somebody who is signed in goes on."""
    if viewer_or_none() is not None:
        return redirect(safe_next(request.args.get("next")), code=303)
    return _form()


@blueprint.post("/sign-in")
@allow(Permission.PUBLIC, limit=SIGN_INS)
def enter() -> AnyResponse:
    """Open a session for who knows the password, and go on to where they wanted to go."""
    try:
        access.check_visit()
        found = _account(request.form.get("username", ""), request.form.get("password", ""), at=clock.now())
    except FormNotOurs:
        return _form("old", 403)
    except TooMany as error:
        answer = _form("wait", 429, wait_s=error.retry_after_s)
        answer.headers["Retry-After"] = str(error.retry_after_s)
        return answer
    return _form("wrong", 422) if found is None else _entered(found)


@blueprint.post("/sign-out")
@allow(Permission.PUBLIC, page=True)
def sign_out() -> AnyResponse:
    """End all of the viewer's sessions, on every device; who is signed in no more just leaves."""
    leaving = viewer_or_none()
    if leaving is not None:
        with write() as tx:
            actions.sign_out(tx, leaving.person_id)
            record(tx, Action.SIGNED_OUT, f"person {leaving.person_id}", by=leaving)
        access.forget(leaving.person_id)
    answer = redirect(url_for("identity.sign_in"), code=303)
    access.clear_cookie(answer, "session")
    return answer


def _account(username: str, password: str, *, at: datetime) -> Account | None:
    """Return the account when the password fits. No transaction is open while argon2 works."""
    username, address = username.strip().lower()[:64], request.remote_addr or ""
    with write() as tx:
        actions.begin_attempt(tx, username, address, at=at)
    with read() as tx:
        # a name that cannot be is not looked up (NUL is no text to PostgreSQL), but costs the same time
        found = queries.account(tx, username) if USERNAME.fullmatch(username) else None
    usable = found if found is not None and found.active else None
    verdict = passwords.verdict(usable.password_hash if usable else None, password)
    if usable is None or not verdict.fits:
        _refused(found, address)
        return None
    with write() as tx:
        actions.forget_attempts(tx, username, address)
        if verdict.new_hash is not None:
            actions.keep_hash(tx, usable.id, verdict.new_hash)
    return usable


def _refused(found: Account | None, address: str) -> None:
    """Record a failure, by the name of an account that there is: people type passwords into that field."""
    log.warning("sign-in refused: person %s from %s", found.id if found else "unknown", address)
    with write() as tx:
        by = UNKNOWN if found is None else Actor(found.id, found.username)
        subject = "person unknown" if found is None else f"person {found.id}"
        record(tx, Action.SIGN_IN_FAILED, subject, by=by, detail={"address": address})


def _entered(found: Account) -> AnyResponse:
    with write() as tx:
        secret = actions.open_session(tx, found.id, at=clock.now(), replaces=access.session_secret())
        by = Actor(found.id, found.username)
        record(tx, Action.SIGNED_IN, f"person {found.id}", by=by, detail={"address": request.remote_addr})
    log.info("signed in: person %s from %s", found.id, request.remote_addr)
    answer = redirect(safe_next(request.form.get("next")), code=303)
    access.set_session_cookie(answer, secret)
    return answer


def _form(trouble: str = "", status: int = 200, *, wait_s: int = 0) -> Response:
    settings: Settings = current_app.config["JINGWEI"]
    with read() as tx:
        demo = queries.demo_accounts(tx)
    # a password that somebody set is told to nobody; the one that stands in the README is no secret
    public = settings.demo_password if settings.demo_password == DEMO_PASSWORD else ""
    body = render_template(
        "identity/sign_in.html",
        trouble=trouble,
        wait_s=wait_s,
        demo=demo,
        demo_password=public,
        username=request.form.get("username", "")[:64],
        next=safe_next(request.values.get("next")),
    )
    return Response(body, status, content_type="text/html; charset=utf-8")


def safe_next(address: str | None) -> str:
    r"""Return `address` when it is a path of ours, else the home page.

    Browsers take `//host`, `/\host` and a tab or newline before them for another host.
    """
    if not address or not address.startswith("/") or any(ord(c) < 0x20 or c == "\\" for c in address):
        return HOME
    try:
        parts = urlsplit(address)
    except ValueError:
        return HOME
    if parts.scheme or parts.netloc or address.startswith("//") or parts.path.startswith("/sign-"):
        return HOME
    return address
