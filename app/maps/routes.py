"""The map's page."""

from __future__ import annotations

from flask import Blueprint, current_app, redirect, render_template, url_for
from werkzeug.wrappers import Response

from app import clock
from app.identity.access import allow, viewer
from app.identity.rules import Permission
from app.maps import cards, pinyin
from app.pages import vendored
from app.settings import Settings
from app.transaction import read

blueprint = Blueprint("map_pages", __name__)


@blueprint.get("/")
@allow(Permission.PUBLIC)
def start() -> Response:
    """Go to the map."""
    return redirect(url_for("map_pages.map_page"))


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
