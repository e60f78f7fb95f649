"""The map on paper: one page that holds everything it shows, and opens from a file without any network."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Literal
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from flask import Blueprint, Response, current_app, g, render_template
from flask import request as asked
from flask_babel import gettext as _
from flask_babel import pgettext
from pydantic import AfterValidator

from app import clock, i18n, pages
from app.errors import NotFound
from app.http import Parsed, bbox, parse
from app.identity.access import allow, viewer
from app.identity.rules import PRINTS, Permission
from app.maps import cards, folium_page, snapshot
from app.maps.frames import COARSER, Frame, around, detail_for, frame_of
from app.maps.rules import Bounds
from app.maps.snapshot import SHOWN, Snapshot, seen
from app.security import new_nonce, nonce_page
from app.settings import Settings
from app.transaction import read

blueprint = Blueprint("maps", __name__)

MAX_PAGE_BYTES = 1_500_000
"""No printed map weighs more, as a file; one that would is made with less detail."""

USUAL = ("areas", "cells", "facilities", "cases", "workers", "names")
DEMO = "demo city"
"""What the grid of the demo city names as its source."""

OFFICES = {"居民委员会": "", "村民委员会": "村", "居委会": "", "村委会": "村"}
"""What the register adds to a community's name, and what stays of it on a map."""


def _box(text: str) -> str:
    bbox(text)
    return text


def _layers(text: str) -> str:
    unknown = sorted(set(text.split(",")) - {*SHOWN, ""})
    if unknown:
        raise ValueError(f"no layer {', '.join(unknown)}; there are {', '.join(SHOWN)}")
    return text


class PrintQuery(Parsed):
    """The view, in the words of the live map's address. The whole city where nothing is said."""

    bbox: Annotated[str, AfterValidator(_box)] | None = None
    map: str | None = None
    on: Annotated[str, AfterValidator(_layers)] = ",".join(USUAL)
    fill: Literal["town", "none"] = "town"
    paper: Literal["a4", "a3"] = "a4"
    download: bool = False
    lang: Literal["zh", "en"] | None = None
    theme: Literal["light", "dark", "system"] | None = None

    @property
    def layers(self) -> frozenset[str]:
        """The layers that are on."""
        return frozenset(self.on.split(",")) - {""}


@blueprint.get("/map/print")
@allow(Permission.READ_MAP, page=True, limit=PRINTS)
def print_page() -> Response:
    """Answer the view as a page of its own: Leaflet, outlines and marks are all in it."""
    query = parse(PrintQuery, asked.args.to_dict())
    if query.lang:
        g.language = query.lang
    settings: Settings = current_app.config["JINGWEI"]
    at, nonce = clock.now(), new_nonce()
    city, found, page = _lightest(query, settings, at, nonce)
    answer = nonce_page(Response(page, content_type="text/html; charset=utf-8"), nonce)
    answer.headers["X-Map-Detail"] = found.detail
    if query.download:
        name = f"jingwei-{city.code}-{_local(at, settings):%Y%m%d-%H%M}.html"
        answer.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return answer


def _lightest(
    query: PrintQuery, settings: Settings, at: datetime, nonce: str
) -> tuple[cards.CityView, Snapshot, str]:
    """Return the page in the finest detail that its weight allows."""
    with read() as tx:
        city = cards.city_view(tx, settings.city)
        if city is None:
            raise NotFound("there is no city to print yet; run `jingwei demo`, or import a grid")
        frame = _frame(query, city)
        survey = snapshot.survey(tx, frame)
        start = COARSER.index(detail_for(survey.cells, survey.facilities))
        for detail in COARSER[start:]:
            found = snapshot.snapshot(
                tx,
                frame,
                survey,
                detail=detail,
                shown=query.layers,
                viewer=viewer(),
                at=at,
                english=i18n.language() == "en",
            )
            page = _page(query, settings, city, found, nonce)
            if len(page.encode()) <= MAX_PAGE_BYTES:
                break
    return city, found, page


def _frame(query: PrintQuery, city: cards.CityView) -> Frame:
    whole = (city.west, city.south, city.east, city.north)
    if query.bbox is not None:
        return frame_of(_within(bbox(query.bbox), whole))
    return frame_of(_within(around(query.map), whole) if query.map else whole)


def _within(bounds: Bounds, whole: Bounds) -> Bounds:
    """A view that holds the city and the sea around it is the city."""
    holds = (
        bounds[0] <= whole[0] and bounds[1] <= whole[1] and bounds[2] >= whole[2] and bounds[3] >= whole[3]
    )
    return whole if holds else bounds


def _page(query: PrintQuery, settings: Settings, city: cards.CityView, found: Snapshot, nonce: str) -> str:
    folder = pages.vendor_folder("leaflet")
    if folder is None:
        raise NotFound("the parts of the map are not installed; run `make up`")
    leaflet_style, leaflet = folium_page.inlined(folder)
    drawn = folium_page.drawn(found, fill_towns=query.fill == "town")
    scripts = {"leaflet": leaflet, "drawn": drawn.script, "sheet": _sheet_script(query, found)}
    styles = {"leaflet": leaflet_style, "sheet": render_template("maps/print.css")}
    papers = {paper: f"@page {{ size: {paper.upper()} landscape; margin: 8mm; }}" for paper in ("a4", "a3")}
    return render_template(
        "maps/print.html",
        nonce=nonce,
        map_element=drawn.html,
        scripts=scripts,
        styles=styles,
        papers=papers,
        policy=_policy([*scripts.values()], [*styles.values(), *papers.values()]),
        city=city,
        found=found,
        query=query,
        place=_place(found, city),
        taken=_local(found.at, settings),
        published=_local(found.survey.published_at, settings) if found.survey.published_at else None,
        demo=found.survey.source == DEMO,
        filters=_filters(query),
        count=lambda *kinds: seen((*found.cases, *found.workers), *kinds),
        edges=found.frame.bounds,
        download=urlencode({**asked.args.to_dict(), "download": "1"}),
    )


def _sheet_script(query: PrintQuery, found: Snapshot) -> str:
    west, south, east, north = found.frame.bounds
    names = [
        [area.level, _short(area.name), round(area.label[1], 6), round(area.label[0], 6)]
        for area in found.areas
        if "names" in query.layers
    ]
    return render_template(
        "maps/print.js",
        map_name=folium_page.NAME,
        view={"bounds": [[south, west], [north, east]], "names": names, "detail": found.detail},
    )


def _short(name: str) -> str:
    """Return the name as a map writes it: 宏福社区, where the register says 宏福社区居民委员会."""
    for office, place in OFFICES.items():
        if name.endswith(office):
            name = name.removesuffix(office) + place
    return name.replace("村村", "村")


def _policy(scripts: list[str], styles: list[str]) -> str:
    """What the page itself allows, wherever it is opened: its own scripts and styles, and no request."""
    allowed = {
        "default-src": "'none'",
        "script-src": " ".join(map(folium_page.fingerprint, scripts)),
        "style-src": " ".join(map(folium_page.fingerprint, styles)),
        "style-src-attr": "'unsafe-inline'",
        "img-src": "data:",
        "base-uri": "'none'",
        "form-action": "'none'",
    }
    return "; ".join(f"{name} {value}" for name, value in allowed.items())


def _place(found: Snapshot, city: cards.CityView) -> str:
    """Return the names of what the map shows: districts, or towns where there are few."""
    by_level: Mapping[str, list[str]] = {
        level: [area.name for area in found.areas if area.level == level]
        for level in ("district", "town", "community")
    }
    for level, most in (("community", 3), ("town", 4), ("district", 6)):
        if 0 < len(by_level[level]) <= most:
            return " · ".join(by_level[level])
    return city.name


def _filters(query: PrintQuery) -> list[str]:
    words: dict[str, Any] = {
        "areas": _("行政区划"),
        "cells": pgettext("many", "网格"),
        "facilities": pgettext("many", "设施"),
        "cases": _("在办案件"),
        "ended": _("近期办结"),
        "workers": pgettext("many", "网格员"),
        "names": _("地名"),
    }
    return [words[name] for name in SHOWN if name in query.layers and name in words]


def _local(at: datetime, settings: Settings) -> datetime:
    return at.astimezone(ZoneInfo(settings.timezone))
