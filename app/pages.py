"""What every page has: the viewer, and the language and the theme that were chosen."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

from flask import Flask, Response, current_app, g, redirect, render_template, request
from markupsafe import Markup
from werkzeug.wrappers import Response as AnyResponse

from app import i18n
from app.identity.access import recognise, viewer_or_none
from app.identity.rules import Permission, Role, Viewer
from app.settings import Settings

THEME_COOKIE = "jingwei_theme"
THEMES = ("light", "dark", "system")
YEAR_S = 365 * 24 * 3600
VENDOR = Path(__file__).resolve().parent / "static" / "vendor"


def install(app: Flask, settings: Settings) -> None:
    """Give every template its words, remember `?lang=` and `?theme=`, and answer errors in words."""
    i18n.install(app, settings)
    app.before_request(_choose)
    app.after_request(_keep_fresh)
    app.after_request(_in_words)
    app.context_processor(_shared)
    app.jinja_env.globals.update(vendored=vendored, data_block=data_block, has_page=_has_page)
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True


def vendored(name: str) -> str:
    """Return the address of the folder of a vendored package, '' when `npm ci` and the copying never ran."""
    folder = _vendored(name)
    return f"{current_app.static_url_path}/vendor/{folder}" if folder else ""


def vendor_folder(name: str) -> Path | None:
    """Return the folder of a vendored package, None when `npm ci` and the copying never ran."""
    folder = _vendored(name)
    return VENDOR / folder if folder else None


@cache
def _vendored(name: str) -> str:
    found = sorted(VENDOR.glob(f"{name}-[0-9]*"))
    return found[-1].name if found else ""


def data_block(name: str, value: Any) -> Markup:
    """Return `value` as a block of JSON that a module reads; no script runs inline."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    safe = text.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")
    return Markup(f'<script type="application/json" id="{name}">{safe}</script>')  # noqa: S704 - "<" is escaped above


def wants_page() -> bool:
    """Whether the caller is a browser that asks for a page."""
    if request.path.startswith(("/api/", "/tiles/", "/static/")):
        return False
    accept = request.accept_mimetypes
    return accept.best_match(["application/json", "text/html"], default="application/json") == "text/html"


def _in_words(response: Response) -> Response:
    """Show an error to a browser as a page; an API gets its problem+json."""
    if response.status_code < 400 or response.mimetype != "application/problem+json" or not wants_page():
        return response
    if response.status_code == 404 and "viewer" not in g:
        # An address that is none passed no gate; the page has its navigation all the same.
        g.viewer = recognise()
    said = json.loads(response.get_data())
    page = trouble_page(response.status_code, said["detail"], said["request_id"])
    page.headers.extend({k: v for k, v in response.headers.items() if k in {"Retry-After", "Allow"}})
    return page


def trouble_page(status: int, detail: str, request_id: str) -> Response:
    """Return an error as a page in words, with the id to tell us."""
    body = render_template("trouble.html", status=status, detail=detail, request_id=request_id)
    return Response(body, status, content_type="text/html; charset=utf-8")


def _choose() -> AnyResponse | None:
    """Remember a language or theme asked for in the address, and show the page without it."""
    if not request.query_string:
        return None
    asked = {"lang": request.args.get("lang"), "theme": request.args.get("theme")}
    if request.method != "GET" or not any(asked.values()) or not wants_page():
        return None
    rest = urlencode([(k, v) for k, v in request.args.items(multi=True) if k not in asked])
    # quoted, since a tab in the path is dropped on the way: /%09/host would become //host, another host
    answer = redirect(quote(request.path) + (f"?{rest}" if rest else ""), code=303)
    if asked["lang"] in i18n.LANGUAGES:
        _remember(answer, i18n.COOKIE, str(asked["lang"]))
    if asked["theme"] in THEMES:
        _remember(answer, THEME_COOKIE, str(asked["theme"]))
    return answer


def _remember(answer: AnyResponse, cookie: str, value: str) -> None:
    # the theme's switch writes the same cookie from a module, so it is no HttpOnly one
    answer.set_cookie(cookie, value, max_age=YEAR_S, samesite="Lax", secure=request.is_secure)


def _keep_fresh(response: Response) -> Response:
    if (response.content_type or "").startswith("text/html"):
        response.headers.setdefault("Cache-Control", "no-store" if g.get("viewer") else "no-cache")
        response.vary.update(("Cookie", "Accept-Language"))
    return response


def _shared() -> dict[str, Any]:
    code = i18n.language()
    theme = request.cookies.get(THEME_COOKIE, "system")
    who = viewer_or_none()
    return {
        "viewer": who,
        "works": who is not None and works(who),
        "language": code,
        "other_language": "en" if code == "zh" else "zh",
        "theme": theme if theme in THEMES else "system",
        "script_strings": i18n.script_strings(code),
    }


def works(who: Viewer) -> bool:
    """Whether cases wait for somebody by their office, so that their day begins with what waits."""
    return who.may(Permission.HANDLE_CASES) and bool(who.roles - {Role.CITIZEN})


def _has_page(endpoint: str) -> bool:
    return endpoint in current_app.view_functions
