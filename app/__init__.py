"""The Flask application: one package a capability. The blueprint list below is the table of contents."""

from __future__ import annotations

from flask import Flask

from app import health, http, openapi, pages, security, transaction
from app.calendar import page_routes as calendar_pages
from app.calendar import routes as calendar_routes
from app.cases import (
    appeal_routes,
    duplicate_routes,
    form_routes,
    inbox_routes,
    new_appeal_routes,
    person_routes,
    photo_routes,
    step_routes,
)
from app.cases import page_routes as case_pages
from app.cases import routes as case_routes
from app.citizen import routes as citizen_routes
from app.db import make_engine
from app.grid import routes as grid_routes
from app.identity import access, audit_routes
from app.identity import routes as identity_routes
from app.maps import card_routes, print_routes, tile_routes
from app.maps import routes as map_routes
from app.notices import routes as notice_routes
from app.reports import bulletin_routes, office_routes
from app.reports import page_routes as report_pages
from app.settings import Settings, read_settings

BLUEPRINTS = (
    health.blueprint,
    openapi.blueprint,
    identity_routes.blueprint,
    audit_routes.blueprint,
    grid_routes.blueprint,
    calendar_routes.blueprint,
    calendar_pages.blueprint,
    case_routes.blueprint,
    step_routes.blueprint,
    appeal_routes.blueprint,
    person_routes.blueprint,
    photo_routes.blueprint,
    case_pages.blueprint,
    form_routes.blueprint,
    inbox_routes.blueprint,
    new_appeal_routes.blueprint,
    duplicate_routes.blueprint,
    citizen_routes.blueprint,
    tile_routes.blueprint,
    card_routes.blueprint,
    map_routes.blueprint,
    print_routes.blueprint,
    notice_routes.blueprint,
    report_pages.blueprint,
    office_routes.blueprint,
    bulletin_routes.blueprint,
)


def create_app(settings: Settings | None = None) -> Flask:
    """Return the application for `settings` (the environment's).

    Raises:
        BadSetting: a setting is unknown or does not fit, or no database is named.
    """
    settings = settings or read_settings()
    app = Flask(__name__)
    app.config.update(
        JINGWEI=settings,
        SECRET_KEY=settings.secret_key or None,
        MAX_CONTENT_LENGTH=(settings.max_photo_mb + 1) * 1_000_000,
    )
    transaction.bind(make_engine(settings, pool_size=settings.web_threads))
    http.install(app)
    security.install(app, settings)
    pages.install(app, settings)
    access.install(app)
    for blueprint in BLUEPRINTS:
        app.register_blueprint(blueprint)
    http.close(app, security.headers(settings))
    return app
