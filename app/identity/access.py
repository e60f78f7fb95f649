"""The one place where a request is let in: every route declares a permission, and this asks for it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeVar, cast

from flask import Flask, Response, current_app, g, redirect, request, url_for
from werkzeug.http import parse_cookie
from werkzeug.wrappers import Response as AnyResponse

from app import clock
from app.errors import NotAllowed, NotSignedIn
from app.identity.keys import form_token, new_secret, same
from app.identity.recognition import Allowances, Recognition
from app.identity.rules import SESSION_LIFE, Limit, Permission, Viewer
from app.settings import Settings

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

View = TypeVar("View", bound=Callable[..., Any])
SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
EXTENSION = "jingwei.identity"
FORMS = frozenset({"application/x-www-form-urlencoded", "multipart/form-data"})


class FormNotOurs(NotAllowed):
    """A change by cookie did not bring the page's token: the page is too old, or another site sent it."""

    code = "form_not_ours"


class Gate:
    """What the application's process remembers of viewers and rates."""

    def __init__(self) -> None:
        self.recognition = Recognition()
        self.allowances = Allowances()


def allow(
    permission: Permission, *, page: bool = False, limit: Limit | None = None
) -> Callable[[View], View]:
    """Declare what a route asks for, and how often it may be asked.

    A `page` sends somebody unknown to the sign-in, not to a 401.
    """

    def declare(view: View) -> View:
        view.permission = permission  # type: ignore[attr-defined]  # read by `permission_of`
        view.page = page  # type: ignore[attr-defined]
        view.limit = limit  # type: ignore[attr-defined]
        return view

    return declare


def permission_of(view: Callable[..., Any]) -> Permission | None:
    """Return what `view` declares, None when it declares nothing."""
    return getattr(view, "permission", None)


def viewer() -> Viewer:
    """Return who is asking; their `areas` are those in which they hold this route's permission.

    Raises:
        NotSignedIn: nobody.
    """
    found = viewer_or_none()
    if found is None:
        raise NotSignedIn("sign in, or send a token: Authorization: Bearer ...")
    return found


def viewer_or_none() -> Viewer | None:
    """Return who is asking, None for somebody unknown."""
    found: Viewer | None = g.get("viewer")
    return found


def gate() -> Gate:
    """Return what this process remembers."""
    return cast(Gate, current_app.extensions[EXTENSION])


def install(app: Flask) -> None:
    """Ask before every route."""
    app.extensions[EXTENSION] = Gate()
    app.before_request(_ask)
    app.after_request(_keep_visit)
    app.jinja_env.globals.update(csrf_token=csrf_token)
    if "static" in app.view_functions:
        allow(Permission.PUBLIC)(app.view_functions["static"])


def _ask() -> AnyResponse | None:
    view = current_app.view_functions.get(request.endpoint or "")
    if view is None:
        return None
    permission, page = permission_of(view), getattr(view, "page", False)
    if permission is None:
        raise NotAllowed(f"the route {request.endpoint} declares no permission")
    if permission is not Permission.PUBLIC or page:
        g.viewer = recognise()
    if page and permission is not Permission.PUBLIC and g.viewer is None and _is_browser():
        return redirect(url_for("identity.sign_in", next=request.full_path.rstrip("?")))
    if permission is not Permission.PUBLIC:
        g.viewer = _admitted(viewer(), permission)
    if request.method not in SAFE and (asking := viewer_or_none()) is not None:
        _check_change(asking)
    limit: Limit | None = getattr(view, "limit", None)
    if limit is not None:
        _spend(limit)
    return None


def _admitted(asking: Viewer, permission: Permission) -> Viewer:
    if not asking.may(permission):
        raise NotAllowed(f"your roles do not include {permission.value}")
    return asking.narrowed(permission)


def _check_change(asking: Viewer) -> None:
    if asking.read_only:
        raise NotAllowed("this token may only read; make one with --scope full")
    if not asking.via_token:
        check_form(session_secret() or "")


def _is_browser() -> bool:
    return request.method in SAFE and "Authorization" not in request.headers


def _spend(limit: Limit) -> None:
    asking = viewer_or_none()
    key = _rate_key(asking) if asking else f"address {request.remote_addr}"
    amount = limit.by_token if asking and asking.via_token else limit.amount
    gate().allowances.spend(limit, key, amount, at=clock.now())


def _rate_key(asking: Viewer) -> str:
    return f"person {asking.person_id} token" if asking.via_token else f"person {asking.person_id}"


def recognise() -> Viewer | None:
    """Return who sends this request: a token (Bearer, or Basic with it as the password) or a session.

    A request that brings a token is never taken by its cookie, so that a wrong one is not overlooked. There
    is no `?token=`: an address lands in logs and histories. QGIS sends a token by its Basic authentication.
    """
    given = request.environ.get("HTTP_AUTHORIZATION")
    if given is not None:
        token = _token(given)
        return gate().recognition.by_token(token, at=clock.now()) if token else None
    secret = session_secret()
    return gate().recognition.by_session(secret, at=clock.now()) if secret else None


def _is_plain(header: str) -> bool:
    """Whether a header is a bearer's token and nothing else."""
    return header.startswith("Bearer ") and "=" not in header


def _token(header: str) -> str | None:
    if _is_plain(header):
        return header[7:].strip()
    given = request.authorization
    if given is None:
        return None
    return given.token if given.type == "bearer" else given.password if given.type == "basic" else None


# Before Flask: what is answered without a request's whole way asks here.


def remembered(environ: WSGIEnvironment, gate: Gate, *, cookie: str, at: datetime) -> Viewer | None:
    """Return who sends this request when the process remembers them; None when it has to be asked.

    `cookie` is the full name of the session's. As in `recognise`, a token goes before a cookie.
    """
    header = environ.get("HTTP_AUTHORIZATION")
    if header is not None:
        return gate.recognition.remembered(header[7:].strip(), at, token=True) if _is_plain(header) else None
    secret = parse_cookie(environ).get(cookie)
    return gate.recognition.remembered(secret, at, token=False) if secret else None


def spend_leased(gate: Gate, limit: Limit, asking: Viewer, *, at: datetime) -> bool:
    """Use one of the viewer's requests of this kind that the process has leased; False when none is left."""
    return gate.allowances.spend_leased(limit, _rate_key(asking), at=at)


def forget(person_id: int) -> None:
    """Ask the database anew about this person, here and now."""
    gate().recognition.forget(person_id)


# Cookies. `__Host-` ties a cookie to this host and to https, so that no neighbouring host can plant one.


def cookie_name(name: str, settings: Settings | None = None) -> str:
    """Return the full name of our cookie `name`, by the application's settings where none are given."""
    settings = settings or _settings()
    return f"__Host-jingwei_{name}" if settings.secure_cookies else f"jingwei_{name}"


def session_secret() -> str | None:
    """Return the secret of the session that the browser sends."""
    return request.cookies.get(cookie_name("session"))


def set_session_cookie(response: AnyResponse, secret: str) -> None:
    """Give the browser its session, and take the visit's cookie away."""
    _set_cookie(response, "session", secret, max_age=int(SESSION_LIFE.total_seconds()))
    clear_cookie(response, "visit")


def clear_cookie(response: AnyResponse, name: str) -> None:
    """Take our cookie `name` away from the browser."""
    _set_cookie(response, name, "", max_age=0)


def _set_cookie(response: AnyResponse, name: str, value: str, *, max_age: int | None) -> None:
    response.set_cookie(
        cookie_name(name),
        value,
        max_age=max_age,
        path="/",
        httponly=True,
        samesite="Lax",
        secure=_settings().secure_cookies,
    )


def _settings() -> Settings:
    return cast(Settings, current_app.config["JINGWEI"])


# Forms. A form brings back a token that only who has the cookie can make: the session's, or before the
# sign-in that of a cookie for the visit.


def csrf_token() -> str:
    """Return what a form of this page brings back as `csrf_token`, or a script as X-CSRF-Token."""
    if viewer_or_none() is not None:
        return form_token(session_secret() or "")
    if "visit" not in g:
        given = request.cookies.get(cookie_name("visit"))
        g.visit, g.visit_is_new = given or new_secret(), not given
    return form_token(g.visit)


def check_visit() -> None:
    """Do nothing when a form sent by somebody unknown is ours.

    Raises:
        FormNotOurs: it is not.
    """
    check_form(request.cookies.get(cookie_name("visit"), ""))


def check_form_of_anybody() -> None:
    """Do nothing when a form is ours, by whoever it was sent, signed in or not.

    Raises:
        FormNotOurs: it is not.
    """
    if viewer_or_none() is None:
        check_visit()


def check_form(secret: str) -> None:
    """Do nothing when the request brings the token of the cookie's `secret`.

    Raises:
        FormNotOurs: it does not.
    """
    given = request.headers.get("X-CSRF-Token") or ""
    if not given and request.mimetype in FORMS:
        given = request.form.get("csrf_token", "")
    if not secret or not same(given, form_token(secret)):
        raise FormNotOurs("the page is too old, or another site sent this: load the page again")


def _keep_visit(response: Response) -> Response:
    if g.get("visit_is_new"):
        _set_cookie(response, "visit", g.visit, max_age=None)
    return response
