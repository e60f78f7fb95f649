"""What a printed map shows, read at one moment: outlines in a frame, cases and workers the viewer may see.

Outlines come from the published tables, so neighbours thinned together still meet; they go back to WGS 84,
are cut at the frame and rounded to what paper can show. A cell's edge is drawn once, not by both neighbours.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import h3
import numpy as np
import pyproj
import shapely
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

from app.cases.queries import patterns, sight_of
from app.identity.rules import Permission, Viewer
from app.maps.frames import Detail, Frame
from app.maps.queries import MOST_CASES, RECENT, SILENT_AFTER
from app.maps.rules import AREA_BANDS, CELL_BANDS, FINEST_BAND, Layer, band_at
from app.transaction import Tx

Shapes = NDArray[np.object_]
Geometry = Mapping[str, Any]

MOST_WORKERS = 3_000
SHOWN = (*(layer.value for layer in Layer), "ended", "names")
"""The layers of the live map: `ended` adds the cases closed within the week."""

LEVELS: Mapping[Detail, tuple[str, ...]] = {
    Detail.CITY: ("district", "town"),
    Detail.DISTRICT: ("district", "town", "community"),
    Detail.STREET: ("district", "town", "community"),
}
HEXAGONS: Mapping[Detail, int] = {Detail.CITY: 8, Detail.DISTRICT: 9}
"""H3 resolutions: a hexagon is some 15 pixels wide."""

DECIMALS: Mapping[Detail, int] = {Detail.CITY: 5, Detail.DISTRICT: 5, Detail.STREET: 6}
"""Of a degree: 1.1 m, and 0.1 m where a millimetre of paper is some metres of ground."""

CLASSES = 5
"""So many shades the hexagons have."""


@dataclass(frozen=True, slots=True)
class Outline:
    """An area cut at the frame; `label` is a place well inside of what is left, lon and lat."""

    code: str
    level: str
    name: str
    shape: Geometry
    label: tuple[float, float]


@dataclass(frozen=True, slots=True)
class Shade:
    """The hexagons that hold `least` to `most` facilities."""

    least: int
    most: int
    shape: Geometry


@dataclass(frozen=True, slots=True)
class Mark:
    """A place and its kind: the state of a case or worker, a facility's class. `text` shows on pointing."""

    kind: str
    lon: float
    lat: float
    text: str = ""
    bad: bool = False


@dataclass(frozen=True, slots=True)
class Survey:
    """How much lies in a frame, and where it comes from."""

    source: str
    published_at: datetime | None
    cells: int
    facilities: int


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Everything on the sheet's map."""

    frame: Frame
    detail: Detail
    survey: Survey
    at: datetime
    shown: frozenset[str]
    areas: tuple[Outline, ...]
    cell_lines: Geometry | None
    hexagons: tuple[Shade, ...]
    facilities: tuple[Mark, ...]
    cases: tuple[Mark, ...]
    workers: tuple[Mark, ...]


def survey(tx: Tx, frame: Frame) -> Survey:
    """Return how much lies in `frame`."""
    row = tx.named("maps.snapshot_source", band=FINEST_BAND, **_sides(frame)).one()
    return Survey(row.source or "", row.published_at, row.cells, row.facilities)


def snapshot(
    tx: Tx,
    frame: Frame,
    found: Survey,
    *,
    detail: Detail,
    shown: frozenset[str],
    viewer: Viewer,
    at: datetime,
    english: bool,
) -> Snapshot:
    """Return the map of `frame` as `viewer` may see it at `at`; layers that are not `shown` are empty."""
    single = "facilities" in shown and detail is Detail.STREET
    return Snapshot(
        frame=frame,
        detail=detail,
        survey=found,
        at=at,
        shown=shown,
        areas=_areas(tx, frame, detail),
        cell_lines=_cell_lines(tx, frame, detail) if "cells" in shown and detail is not Detail.CITY else None,
        hexagons=_hexagons(tx, frame, HEXAGONS[detail]) if "facilities" in shown and not single else (),
        facilities=_facilities(tx, frame, english=english) if single else (),
        cases=_cases(tx, frame, shown, viewer, at=at, english=english),
        workers=_workers(tx, frame, viewer, at=at) if "workers" in shown else (),
    )


def _areas(tx: Tx, frame: Frame, detail: Detail) -> tuple[Outline, ...]:
    band = band_at(frame.zoom, AREA_BANDS)
    rows = tx.named("maps.snapshot_areas", band=band, levels=list(LEVELS[detail]), **_sides(frame)).all()
    shapes = _cut(_from_wkb([row.geom for row in rows]), frame)
    labels = _degrees(shapely.point_on_surface(_largest(shapes)), 6)
    drawn = _degrees(shapes, DECIMALS[detail])
    return tuple(
        Outline(row.code, row.level, row.name, _geometry(shape), (label.x, label.y))
        for row, shape, label in zip(rows, drawn, labels, strict=True)
        if not shape.is_empty
    )


def _cell_lines(tx: Tx, frame: Frame, detail: Detail) -> Geometry:
    """Return all edges of the cells as lines, each once."""
    rows = tx.named("maps.snapshot_cells", band=band_at(frame.zoom, CELL_BANDS), **_sides(frame)).all()
    coordinates, ring = shapely.get_coordinates(
        shapely.get_rings(_from_wkb([row.geom for row in rows])), return_index=True
    )
    inside = ring[1:] == ring[:-1]
    segments = np.hstack([coordinates[:-1], coordinates[1:]])[inside]
    turned = (segments[:, 0] > segments[:, 2]) | (
        (segments[:, 0] == segments[:, 2]) & (segments[:, 1] > segments[:, 3])
    )
    segments[turned] = segments[turned][:, [2, 3, 0, 1]]
    single = np.unique(segments, axis=0).reshape(-1, 2, 2)
    merged = shapely.line_merge(shapely.multilinestrings(shapely.linestrings(single)))
    lines = _degrees(_cut(np.array([merged], dtype=object), frame), DECIMALS[detail])
    return _geometry(lines[0])


def _hexagons(tx: Tx, frame: Frame, resolution: int) -> tuple[Shade, ...]:
    """Return the hexagons in shades of about as many hexagons each."""
    rows = tx.named("maps.snapshot_clusters", resolution=resolution, **_sides(frame)).all()
    if not rows:
        return ()
    counts = np.array([row.count for row in rows])
    edges = np.unique(np.quantile(counts, np.linspace(0, 1, CLASSES + 1)[1:], method="lower"))
    shade = np.searchsorted(edges, counts)
    outlines = [
        shapely.Polygon([(round(lon, 5), round(lat, 5)) for lat, lon in h3.cell_to_boundary(row.hex)])
        for row in rows
    ]
    return tuple(
        Shade(
            int(counts[shade == number].min()),
            int(counts[shade == number].max()),
            _geometry(shapely.MultiPolygon([outlines[i] for i in np.flatnonzero(shade == number)])),
        )
        for number in range(len(edges))
    )


def _facilities(tx: Tx, frame: Frame, *, english: bool) -> tuple[Mark, ...]:
    rows = tx.named("maps.snapshot_facilities", english=english, **_sides(frame)).all()
    places = _degrees(_from_wkb([row.geom for row in rows]), 6)
    return tuple(
        Mark(row.kind, place.x, place.y, f"{row.type} {row.code}", bad=row.bad)
        for row, place in zip(rows, places, strict=True)
    )


def _cases(
    tx: Tx, frame: Frame, shown: frozenset[str], viewer: Viewer, *, at: datetime, english: bool
) -> tuple[Mark, ...]:
    kinds = {"open", "soon", "overdue"} if "cases" in shown else set()
    kinds |= {"ended"} if "ended" in shown else set()
    if not kinds or not viewer.may(Permission.READ_CASES):
        return ()
    sight = sight_of(viewer)
    rows = tx.named(
        "maps.snapshot_cases",
        at=at,
        since=at - RECENT if "ended" in shown else at + timedelta(days=1),
        **sight.parameters,
        most=MOST_CASES,
        english=english,
        **_sides(frame),
    )
    return tuple(
        Mark(row.state, round(row.lon, 6), round(row.lat, 6), f"{row.no} {row.type}")
        for row in rows
        if row.state in kinds
    )


def _workers(tx: Tx, frame: Frame, viewer: Viewer, *, at: datetime) -> tuple[Mark, ...]:
    if not viewer.may(Permission.READ_WORKERS):
        return ()
    rows = tx.named(
        "maps.snapshot_workers",
        at=at,
        silent_since=at - SILENT_AFTER,
        areas=patterns(viewer.narrowed(Permission.READ_WORKERS).areas),
        most=MOST_WORKERS,
        **_sides(frame),
    )
    return tuple(Mark("on" if row.heard else "off", round(row.lon, 5), round(row.lat, 5)) for row in rows)


def _sides(frame: Frame) -> dict[str, float]:
    return {"west": frame.west, "south": frame.south, "east": frame.east, "north": frame.north}


def _from_wkb(raw: Sequence[bytes]) -> Shapes:
    shapes: Shapes = np.asarray(shapely.from_wkb([bytes(b) for b in raw]), dtype=object)
    return shapes


def _cut(shapes: Shapes, frame: Frame) -> Shapes:
    """Cut a little outside of the frame, so that the line along the cut is not seen."""
    edge = (frame.east - frame.west) / 100
    box = (frame.west - edge, frame.south - edge, frame.east + edge, frame.north + edge)
    cut: Shapes = np.asarray(shapely.clip_by_rect(shapes, *box), dtype=object)
    return cut


def _largest(shapes: Shapes) -> Shapes:
    """Return the largest part of each shape, where its name goes."""
    return np.array([max(shapely.get_parts(s), key=shapely.area, default=s) for s in shapes], dtype=object)


def _degrees(shapes: Shapes, decimals: int) -> Shapes:
    """Return EPSG:3857 shapes in WGS 84, rounded; a corner that two shapes share stays shared."""
    transform = pyproj.Transformer.from_crs(3857, 4326, always_xy=True).transform

    def rounded(x: NDArray[np.float64], y: NDArray[np.float64]) -> Any:
        return np.round(transform(x, y), decimals)

    turned: Shapes = np.asarray(shapely.transform(shapes, rounded, interleaved=False), dtype=object)
    return turned


def _geometry(shape: BaseGeometry) -> Geometry:
    made: dict[str, Any] = json.loads(shapely.to_geojson(shape))
    return made


def seen(found: Sequence[Mark], *kinds: str) -> int:
    """Return how many marks are of one of `kinds`."""
    return sum(mark.kind in kinds for mark in found)
