"""The one place where a request is let in: every route declares a permission, and this asks for it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from flask import Flask, current_app, g, redirect, request, url_for
from werkzeug.wrappers import Response

from app.errors import NotAllowed, NotSignedIn
from app.identity.rules import Permission, Viewer

View = TypeVar("View", bound=Callable[..., Any])
PAGE = "page"


def allow(permission: Permission, *, page: bool = False) -> Callable[[View], View]:
    """Declare what a route asks for; a `page` sends somebody unknown to the sign-in, not to a 401."""

    def declare(view: View) -> View:
        view.permission = permission  # type: ignore[attr-defined]  # read by `permission_of`
        view.page = page  # type: ignore[attr-defined]
        return view

    return declare


def permission_of(view: Callable[..., Any]) -> Permission | None:
    """Return what `view` declares, None when it declares nothing."""
    return getattr(view, "permission", None)


def viewer() -> Viewer:
    """Return who is asking.

    Raises:
        NotSignedIn: nobody.
    """
    found: Viewer | None = g.get("viewer")
    if found is None:
        raise NotSignedIn("sign in, or send a token: Authorization: Bearer ...")
    return found


def viewer_or_none() -> Viewer | None:
    """Return who is asking, None for somebody unknown."""
    found: Viewer | None = g.get("viewer")
    return found


def install(app: Flask, recognise: Callable[[], Viewer | None]) -> None:
    """Ask before every route; `recognise` finds the viewer by cookie or token."""

    @app.before_request
    def ask() -> Response | None:
        view = current_app.view_functions.get(request.endpoint or "")
        if view is None:
            return None
        permission = permission_of(view)
        if permission is None:
            raise NotAllowed(f"the route {request.endpoint} declares no permission")
        if permission is Permission.PUBLIC and not getattr(view, "page", False):
            return None
        g.viewer = recognise()
        if permission is Permission.PUBLIC:
            return None
        if g.viewer is None and getattr(view, "page", False):
            return redirect(url_for("identity.sign_in", next=request.full_path.rstrip("?")))
        if not viewer().may(permission):
            raise NotAllowed(f"your roles do not include {permission.value}")
        return None
