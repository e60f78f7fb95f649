"""The bulletin's map: towns coloured by a rate, in one page that asks no host for anything."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import folium
import shapely

from app.maps.folium_page import NAME, TELL, Drawn, named, rendered
from app.reports.queries import Scope
from app.transaction import Tx

LOOKS = ("good", "fair", "poor", "none")
TOLERANCE = 0.0004
"""Degrees, 40 m: less than a millimetre of the bulletin."""


@dataclass(frozen=True, slots=True)
class Outline:
    """A town by code and name, and its shape as GeoJSON."""

    code: str
    name: str
    shape: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Ground:
    """The towns of the map and the box that they lie in."""

    towns: tuple[Outline, ...]
    bounds: tuple[float, float, float, float]


def ground(tx: Tx, scope: Scope) -> Ground | None:
    """Return the towns of a scope, thinned together so that neighbours still meet; None without any."""
    rows = [row for row in tx.named("reports.towns") if scope.holds(row.code)]
    if not rows:
        return None
    shapes = shapely.from_wkb([row.shape for row in rows])
    thinned = shapely.coverage_simplify(shapes, TOLERANCE)
    box = shapely.total_bounds(thinned)
    rounded = shapely.transform(thinned, lambda xy: xy.round(5))
    towns = tuple(
        Outline(row.code, row.name, json.loads(shapely.to_geojson(shape)))
        for row, shape in zip(rows, rounded, strict=True)
    )
    return Ground(towns, (float(box[0]), float(box[1]), float(box[2]), float(box[3])))


def drawn(where: Ground, looks: Mapping[str, str], texts: Mapping[str, str]) -> Drawn:
    """Return the map; `looks` says how a town is coloured, `texts` what it says on pointing, by its code."""
    west, south, east, north = where.bounds
    sheet = folium.Map(
        location=((south + north) / 2, (west + east) / 2),
        zoom_start=9,
        tiles=None,
        zoom_control=False,
        attribution_control=False,
        zoom_snap=0,
        zoom_animation=False,
        fade_animation=False,
        scroll_wheel_zoom=False,
        dragging=False,
    )
    named(sheet, NAME.removeprefix("map_"))
    for number, look in enumerate(LOOKS):
        alike = [town for town in where.towns if looks.get(town.code, "none") == look]
        if alike:
            named(_layer(alike, look, texts), str(number)).add_to(sheet)
    made = rendered(sheet)
    fit = f"{NAME}.fitBounds([[{south}, {west}], [{north}, {east}]], {{padding: [6, 6]}});"
    again = f'window.addEventListener("beforeprint", () => {{ {NAME}.invalidateSize(); {fit} }});'
    return Drawn(made.html, f"{made.script}\n{fit}\n{again}")


def _layer(towns: Sequence[Outline], look: str, texts: Mapping[str, str]) -> folium.GeoJson:
    style = {"className": f"town {look}"}
    features = [
        {"type": "Feature", "properties": {"t": texts.get(town.code, town.name)}, "geometry": town.shape}
        for town in towns
    ]
    return folium.GeoJson(
        {"type": "FeatureCollection", "features": features},
        style_function=lambda _feature: style,
        on_each_feature=TELL,
        smooth_factor=0.4,
    )
