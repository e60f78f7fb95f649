"""A snapshot as a folium map: its element and its script, with nothing left that asks a host for anything.

folium links Leaflet, jQuery, Bootstrap and icon fonts from other hosts. A map of outlines and marks needs
Leaflet alone; the page carries our vendored copy of it in itself. What a plugin would add is refused.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar, cast

import folium
from branca.element import Element, Figure
from folium.elements import JSCSSMixin
from folium.utilities import JsCode

from app.maps.frames import Detail
from app.maps.snapshot import Geometry, Mark, Snapshot

NAME = "map_sheet"
"""The map's element and variable."""

ElementT = TypeVar("ElementT", bound=Element)

INLINED = frozenset({"leaflet", "leaflet_css"})
DROPPED = frozenset(
    {
        "jquery",
        "bootstrap",
        "bootstrap_css",
        "awesome_markers",
        "awesome_markers_css",
        "awesome_markers_font_css",
        "awesome_rotate_css",
        "glyphicons_css",
    }
)
"""Links that every folium map brings and this one does not use."""

TINTS = 7

# Text goes into an element as text, never as HTML.
TELL = JsCode(
    "function (feature, layer) { if (feature.properties.t) layer.bindTooltip(() => {"
    " const told = document.createElement('span'); told.textContent = feature.properties.t; return told; });"
    " }"
)
SIZES = {
    Detail.CITY: {"overdue": 13, "soon": 13, "open": 9, "ended": 5},
    Detail.DISTRICT: {"overdue": 20, "soon": 19, "open": 13, "ended": 8, "on": 9, "off": 7},
    Detail.STREET: {"overdue": 22, "soon": 21, "open": 15, "ended": 10, "on": 15, "off": 13},
}
"""Pixels, on A4, of the marks of cases and workers."""

LOWER = {"ended": -300, "off": -200, "on": -100, "open": 100, "soon": 200, "overdue": 300}
"""What lies above what, as Leaflet's offset; names above all, moved aside where there is room."""


class ForeignPart(RuntimeError):
    """A folium element links a file that is not one of ours."""


@dataclass(frozen=True, slots=True)
class Drawn:
    """The map's element and the script that draws it."""

    html: str
    script: str


def drawn(found: Snapshot, *, fill_towns: bool) -> Drawn:
    """Return the map of a snapshot; what is its look stands in the page's style sheet, by class."""
    west, south, east, north = found.frame.bounds
    sheet = folium.Map(
        location=((south + north) / 2, (west + east) / 2),
        zoom_start=found.frame.zoom,
        tiles=None,
        zoom_control=False,
        attribution_control=False,
        zoom_snap=0,
        zoom_animation=False,
        fade_animation=False,
        inertia=False,
        max_zoom=20,
    )
    named(sheet, "sheet")
    for number, layer in enumerate(_layers(found, fill_towns=fill_towns)):
        named(layer, str(number)).add_to(sheet)
    return rendered(sheet)


def refuse_links(element: Element) -> None:
    """Walk over all parts of a map.

    Raises:
        ForeignPart: one links a file that is neither inlined nor known to be of no use here.
    """
    if isinstance(element, JSCSSMixin):
        for name, address in (*element.default_js, *element.default_css):
            if name not in INLINED | DROPPED:
                raise ForeignPart(f"{element.get_name()} links {name} from {address}")
    for child in element._children.values():
        refuse_links(child)


def inlined(folder: Path) -> tuple[str, str]:
    """Return Leaflet's style sheet and script from `folder`, without what they would ask for.

    The images are those of Leaflet's own markers and layer switch, which are not used.
    """
    style = re.sub(r"/\*.*?\*/", "", (folder / "leaflet.css").read_text("utf-8"), flags=re.DOTALL)
    style = re.sub(r"url\([^)]*\)", "none", style)
    script = (folder / "leaflet.js").read_text("utf-8")
    return style, re.sub(r"^//# sourceMappingURL=.*$", "", script, flags=re.MULTILINE)


def fingerprint(text: str) -> str:
    """Return what a Content-Security-Policy calls an inline script or style of exactly this text."""
    digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
    return f"'sha256-{digest}'"


def rendered(sheet: folium.Map) -> Drawn:
    """Return the map's element and script, once nothing in it links another host."""
    refuse_links(sheet)
    figure = cast(Figure, sheet.get_root())
    for child in list(figure._children.values()):
        child.render()
    return Drawn(figure.html.render(), figure.script.render())


def named(element: ElementT, name: str) -> ElementT:
    """Give an element an id of ours: folium's are random, and the same page should be the same bytes."""
    element._id = name
    return element


def _layers(found: Snapshot, *, fill_towns: bool) -> Iterator[folium.GeoJson]:
    shown = found.shown
    by_level = {
        level: [area for area in found.areas if area.level == level]
        for level in ("district", "town", "community")
    }
    yield _shapes([a.shape for a in by_level["district"]], "land")
    if "cells" in shown:
        yield from _towns(by_level["town"], fill_towns=fill_towns)
    if found.cell_lines:
        yield _shapes([found.cell_lines], f"line cell at-{found.detail}")
    for number, shade in enumerate(found.hexagons):
        yield _shapes([shade.shape], f"hexagon h{number} at-{found.detail}")
    if "areas" in shown:
        for level in ("community", "town", "district"):
            yield _shapes([a.shape for a in by_level[level]], f"line {level}")
    yield from _marks(found)


def _towns(towns: Sequence[Any], *, fill_towns: bool) -> Iterator[folium.GeoJson]:
    for tint in range(TINTS):
        alike = [town.shape for town in towns if int(town.code[6:9]) % TINTS == tint]
        if alike:
            yield _shapes(alike, f"tint t{tint}" if fill_towns else "tint")


def _marks(found: Snapshot) -> Iterator[folium.GeoJson]:
    for kind in sorted({mark.kind for mark in found.facilities}):
        yield _dots([m for m in found.facilities if m.kind == kind and not m.bad], f"facility f{kind}", 3.2)
    yield _dots([m for m in found.facilities if m.bad], "facility bad", 4.2)
    marks = [*found.workers, *found.cases]
    if found.detail is Detail.CITY:
        # of a whole city, only who is on duty, and small: icons would hide the streets
        yield _dots([mark for mark in found.workers if mark.kind == "on"], "worker", 1.3)
        marks = list(found.cases)
    for kind in sorted({mark.kind for mark in marks}, key=lambda name: LOWER[name]):
        yield _icons([mark for mark in marks if mark.kind == kind], kind, SIZES[found.detail][kind])


def _shapes(shapes: Sequence[Geometry], look: str) -> folium.GeoJson:
    style = {"className": look, "interactive": False}
    return folium.GeoJson(
        {"type": "FeatureCollection", "features": [_feature(shape) for shape in shapes]},
        style_function=lambda _feature: style,
        smooth_factor=0.4,
    )


def _dots(marks: Sequence[Mark], look: str, radius: float) -> folium.GeoJson:
    return folium.GeoJson(
        _points(marks),
        marker=folium.CircleMarker(radius=radius, class_name=look),
        on_each_feature=TELL,
    )


def _icons(marks: Sequence[Mark], kind: str, size: int) -> folium.GeoJson:
    icon = folium.DivIcon(
        html=f'<svg><use href="#mark-{kind}"></use></svg>',
        icon_size=(size, size),
        icon_anchor=(size // 2, size // 2),
        class_name=f"mark {kind}",
    )
    return folium.GeoJson(
        _points(marks),
        marker=folium.Marker(icon=icon, keyboard=False, z_index_offset=LOWER[kind]),
        on_each_feature=TELL,
    )


def _points(marks: Sequence[Mark]) -> dict[str, Any]:
    return {
        "type": "FeatureCollection",
        "features": [
            _feature({"type": "Point", "coordinates": [mark.lon, mark.lat]}, mark.text) for mark in marks
        ],
    }


def _feature(geometry: Mapping[str, Any], text: str = "") -> dict[str, Any]:
    return {"type": "Feature", "properties": {"t": text} if text else {}, "geometry": geometry}
