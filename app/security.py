"""What a browser may do with our answers: a strict Content-Security-Policy and its companions."""

from __future__ import annotations

import secrets

from flask import Flask, Response, g
from werkzeug.middleware.proxy_fix import ProxyFix

from app.settings import Settings

_REST = (
    "img-src 'self' data: blob:; worker-src 'self'; connect-src 'self'; object-src 'none'; base-uri 'none';"
    " form-action 'self'; frame-ancestors 'self'"
)
POLICY = f"default-src 'self'; script-src 'self'; style-src 'self'; {_REST}"
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "SAMEORIGIN",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "geolocation=(self), camera=(self), microphone=()",
}
TWO_YEARS_S = 63_072_000


def install(app: Flask, settings: Settings) -> None:
    """Let nobody keep what was made for somebody; believe a proxy only where one is set."""
    app.after_request(_keep_private)
    if settings.trusted_proxies:
        hops = settings.trusted_proxies
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=hops, x_proto=hops, x_host=hops)  # type: ignore[method-assign]  # Flask's own advice


def _keep_private(response: Response) -> Response:
    """Let nobody keep what was made for somebody, an error or a cookie, where the route says nothing else."""
    if g.get("viewer") is not None or response.status_code >= 400 or "Set-Cookie" in response.headers:
        response.headers.setdefault("Cache-Control", "private, no-store")
    return response


def headers(settings: Settings) -> dict[str, str]:
    """Return the headers that every answer gets which does not have its own."""
    if not settings.secure_cookies:
        return HEADERS
    return {**HEADERS, "Strict-Transport-Security": f"max-age={TWO_YEARS_S}"}


def new_nonce() -> str:
    """Return a nonce for one answer."""
    return secrets.token_urlsafe(18)


def nonce_page(response: Response, nonce: str) -> Response:
    """Let the `<script nonce>` and `<style nonce>` of this one page run, and style attributes hold.

    For folium pages only, which write both inline.
    """
    response.headers["Content-Security-Policy"] = (
        f"default-src 'self'; script-src 'self' 'nonce-{nonce}'; style-src 'self' 'nonce-{nonce}';"
        f" style-src-attr 'unsafe-inline'; {_REST}"
    )
    return response
