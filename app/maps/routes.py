"""The map's page."""

from __future__ import annotations

from flask import Blueprint, current_app, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from app import clock
from app.identity.access import allow, viewer, viewer_or_none
from app.identity.rules import Permission, Role
from app.maps import cards, pinyin
from app.pages import vendored, works
from app.settings import Settings
from app.transaction import read

blueprint = Blueprint("map_pages", __name__)


@blueprint.get("/")
@allow(Permission.PUBLIC, page=True)
def start() -> Response:
    """Go to where the day begins: to what waits, or to the map for a worker on a phone and for all others."""
    who = viewer_or_none()
    if who is None or not works(who) or (_on_phone() and who.roles <= {Role.WORKER, Role.CITIZEN}):
        return redirect(url_for("map_pages.map_page"))
    return redirect(url_for("inbox.page"))


def _on_phone() -> bool:
    return "Mobile" in request.headers.get("User-Agent", "")


@blueprint.get("/map")
@allow(Permission.READ_MAP, page=True)
def map_page() -> str:
    """Show the map."""
    settings: Settings = current_app.config["JINGWEI"]
    who = viewer()
    with read() as tx:
        city = cards.city_view(tx, settings.city)
        home = cards.home_view(tx, viewer=who, at=clock.now())
        spelt = pinyin.of_types(tx) if who.may(Permission.REPORT_CASE) else {}
    folder = vendored("maplibre-gl")
    return render_template(
        "maps/map.html",
        city=city,
        maplibre=folder,
        options={
            "maplibre": f"{folder}/maplibre-gl.mjs",
            "bounds": [city.west, city.south, city.east, city.north] if city else None,
            "home": home,
            "city": city.code if city else "",
            "workers": who.may(Permission.READ_WORKERS),
            "report": who.may(Permission.REPORT_CASE),
            "locate": who.may(Permission.LOCATE),
            "pinyin": spelt,
            "print": "maps.print_page" in current_app.view_functions,
        },
    )
