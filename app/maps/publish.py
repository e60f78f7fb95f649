"""Publication: the present areas, cells, facilities and streets, thinned for each zoom, into tables of tiles.

Outlines are thinned together, as a coverage (`shapely.coverage_simplify`, Visvalingam-Whyatt): thinning each
polygon by itself tears thousands of shared edges open.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import count, repeat
from types import MappingProxyType

import h3
import numpy as np
import orjson
import pyproj
import shapely
import sqlalchemy as sa
from numpy.typing import NDArray

from app.bulk import copy_rows
from app.db import Base
from app.maps.models import TileArea, TileCell, TileCluster, TileFacility, TileStreet
from app.maps.rules import (
    AREA_BANDS,
    CELL_BANDS,
    FINEST_BAND,
    FIRST_STREET_NAME_ZOOM,
    LEVEL_ZOOM,
    RESOLUTIONS,
    STATIC,
    STREET_BANDS,
    STREET_ZOOM,
    Layer,
    tolerance_m,
)
from app.transaction import Tx

Shapes = NDArray[np.object_]

MAX_TYPES_NAMED = 5
"""So many types a cluster names: the most frequent ones."""

AREA_COLUMNS = {
    "band": "int2",
    "code": "text",
    "level": "text",
    "name": "text",
    "geom": "bytea",
    "label": "bytea",
}
CELL_COLUMNS = {"band": "int2", "id": "int8", "code": "text", "town": "text", "geom": "bytea"}
FACILITY_COLUMNS = {"id": "int8", "code": "text", "type_code": "text", "condition": "text", "geom": "bytea"}
STREET_COLUMNS = {"band": "int2", "number": "int4", "kind": "text", "name": "text", "geom": "bytea"}
CLUSTER_COLUMNS = {"resolution": "int2", "hex": "text", "count": "int4", "types": "text", "geom": "bytea"}


@dataclass(frozen=True, slots=True)
class Published:
    """A layer as it now stands: its version, how many features, how many of its shared edges are broken."""

    layer: Layer
    version: int
    features: int
    broken_edges: int


@dataclass(frozen=True, slots=True)
class _Table:
    """Rows ready to be written."""

    model: type[Base]
    columns: Mapping[str, str]
    rows: list[Sequence[object]]


@dataclass(frozen=True, slots=True)
class _Ready:
    """A layer thinned and not yet written, with the box around all."""

    features: int
    bounds: tuple[float, ...]
    tables: tuple[_Table, ...]
    broken_edges: int = 0


def publish(tx: Tx, *, at: datetime, layers: Sequence[Layer] = STATIC) -> tuple[Published, ...]:
    """Write the published tables of `layers` as of `at`, and raise their versions in the same transaction.

    All that takes time comes before the first write: a transaction that has written holds the events of all
    others back (they are read below the oldest writer).
    """
    tx.named("maps.publication_lock")
    ready = [(layer, PREPARE[layer](tx, at)) for layer in layers]
    return tuple(_write(tx, layer, made, at) for layer, made in ready)


def _write(tx: Tx, layer: Layer, made: _Ready, at: datetime) -> Published:
    for table in made.tables:
        name = table.model.__tablename__
        tx.execute(sa.delete(table.model))
        copy_rows(tx, name, table.columns, table.rows)
        tx.execute(sa.text(f"ANALYZE {name}"))
    sides = dict(zip(("west", "south", "east", "north"), made.bounds or repeat(None), strict=False))
    counts = {"features": made.features, "broken_edges": made.broken_edges}
    version = tx.named("maps.new_tile_version", layer=layer, at=at, **counts, **sides).scalar_one()
    return Published(layer, version, made.features, made.broken_edges)


def _areas(tx: Tx, _at: datetime) -> _Ready:
    rows = tx.named("maps.areas_to_publish").all()
    shapes = _from_wkb([row.geom for row in rows])
    drawn = _project(shapes)
    levels = np.array([row.level for row in rows], dtype=object)
    broken = 0
    written: list[Sequence[object]] = []
    for band in AREA_BANDS:
        for level in [level for level, zoom in LEVEL_ZOOM.items() if zoom <= band]:
            chosen = np.flatnonzero(levels == level)
            outlines = thin(drawn[chosen], band)
            broken += broken_edges(outlines)
            labels = shapely.point_on_surface(outlines)
            columns = [
                [getattr(rows[i], name) for i in chosen.tolist()] for name in ("code", "level", "name")
            ]
            parts, owners = shapely.get_parts(outlines, return_index=True)
            multi = shapely.multipolygons(parts, indices=owners)
            written += zip(repeat(band), *columns, _ewkb(multi), _ewkb(labels), strict=False)
    return _Ready(len(rows), _bounds(shapes), (_Table(TileArea, AREA_COLUMNS, written),), broken)


def _cells(tx: Tx, at: datetime) -> _Ready:
    rows = tx.named("maps.cells_to_publish", at=at).all()
    shapes = _from_wkb([row.geom for row in rows])
    drawn = _project(shapes)
    ids, codes, towns = ([row[column] for row in rows] for column in range(3))
    broken = 0
    written: list[Sequence[object]] = []
    for band in CELL_BANDS:
        outlines = thin(drawn, band)
        broken += broken_edges(outlines)
        written += zip(repeat(band), ids, codes, towns, _ewkb(outlines), strict=False)
    return _Ready(len(rows), _bounds(shapes), (_Table(TileCell, CELL_COLUMNS, written),), broken)


def _facilities(tx: Tx, _at: datetime) -> _Ready:
    rows = tx.named("maps.facilities_to_publish").all()
    places = shapely.point_on_surface(_from_wkb([row.geom for row in rows]))
    hexes = _hexes(places)
    points = _ewkb(_project(places))
    # neighbours on the ground stand side by side on the disk: a tile reads few pages, not one for a point
    order = sorted(range(len(rows)), key=lambda index: (hexes[index], rows[index].code))
    single: list[Sequence[object]] = [(*rows[index][:4], points[index]) for index in order]
    grouped = list(_clusters([row.type_code for row in rows], places, hexes))
    tables = (
        _Table(TileFacility, FACILITY_COLUMNS, single),
        _Table(TileCluster, CLUSTER_COLUMNS, grouped),
    )
    return _Ready(len(rows), _bounds(places), tables)


def _streets(tx: Tx, _at: datetime) -> _Ready:
    rows = tx.named("maps.streets_to_publish").all()
    shapes = _from_wkb([row.geom for row in rows])
    drawn = _project(shapes)
    written: list[Sequence[object]] = []
    for band in STREET_BANDS:
        alike: dict[tuple[str, str | None], list[int]] = defaultdict(list)
        for i, row in enumerate(rows):
            if STREET_ZOOM[row.kind] <= band:
                alike[row.kind, row.name if band >= FIRST_STREET_NAME_ZOOM else None].append(i)
        numbers = count()
        for (kind, name), chosen in alike.items():
            lines = thin_lines(drawn[chosen], band)
            written += zip(repeat(band), numbers, repeat(kind), repeat(name), _ewkb(lines), strict=False)
    return _Ready(len(rows), _bounds(shapes), (_Table(TileStreet, STREET_COLUMNS, written),))


PREPARE: Mapping[Layer, Callable[[Tx, datetime], _Ready]] = MappingProxyType(
    {
        Layer.AREAS: _areas,
        Layer.CELLS: _cells,
        Layer.FACILITIES: _facilities,
        Layer.STREETS: _streets,
    }
)


def thin(outlines: Shapes, band: int) -> Shapes:
    """Return a coverage's outlines for zoom `band`, in EPSG:3857: shared edges stay shared.

    The finest band keeps every vertex.
    """
    if band >= FINEST_BAND or not len(outlines):
        return outlines
    thinned: Shapes = shapely.coverage_simplify(outlines, tolerance_m(band))
    return thinned


def thin_lines(lines: Shapes, band: int) -> Shapes:
    """Return lines for zoom `band`, in EPSG:3857: those that meet end to end are one, and bear one name.

    The finest band keeps every vertex.
    """
    joined: Shapes = shapely.get_parts(shapely.line_merge(shapely.multilinestrings(lines)))
    if band >= FINEST_BAND:
        return joined
    thinned: Shapes = shapely.simplify(joined, tolerance_m(band))
    return thinned


def broken_edges(outlines: Shapes) -> int:
    """Return how many outlines of a coverage overlap a neighbour or do not meet it vertex by vertex."""
    if len(outlines) < 2 or shapely.coverage_is_valid(outlines):
        return 0
    return int(np.count_nonzero(~shapely.is_empty(shapely.coverage_invalid_edges(outlines))))


def _hexes(places: Shapes) -> list[str]:
    """Return the finest H3 cell of each place."""
    lons, lats = shapely.get_x(places), shapely.get_y(places)
    return [h3.latlng_to_cell(lat, lon, RESOLUTIONS[-1]) for lon, lat in zip(lons, lats, strict=True)]


def _clusters(types: Sequence[str], places: Shapes, finest: Sequence[str]) -> Iterator[Sequence[object]]:
    """Return rows of clusters, each at the mean place of its facilities: where the things are."""
    lons, lats = shapely.get_x(places), shapely.get_y(places)
    for resolution in RESOLUTIONS:
        members: dict[str, list[int]] = defaultdict(list)
        parents = {found: h3.cell_to_parent(found, resolution) for found in set(finest)}
        for index, found in enumerate(finest):
            members[parents[found]].append(index)
        hexes = sorted(members)
        means = [(lons[members[name]].mean(), lats[members[name]].mean()) for name in hexes]
        points = _ewkb(_project(shapely.points(np.reshape(means, (-1, 2)))))
        for name, point in zip(hexes, points, strict=True):
            counted = Counter(types[index] for index in members[name])
            yield resolution, name, len(members[name]), _named(counted), point


def _named(counted: Counter[str]) -> str:
    most = sorted(counted.items(), key=lambda item: (-item[1], item[0]))[:MAX_TYPES_NAMED]
    return orjson.dumps(dict(most)).decode()


def _from_wkb(raw: Sequence[bytes]) -> Shapes:
    shapes: Shapes = np.asarray(
        shapely.from_wkb(np.array([bytes(b) for b in raw], dtype=object)), dtype=object
    )
    return shapes


def _project(shapes: Shapes) -> Shapes:
    """Return WGS 84 shapes in EPSG:3857. A vertex shared by two outlines stays shared to the last bit."""
    transform = pyproj.Transformer.from_crs(4326, 3857, always_xy=True).transform
    projected: Shapes = shapely.transform(shapes, transform, interleaved=False)
    return projected


def _ewkb(shapes: Shapes) -> Sequence[bytes]:
    encoded: Sequence[bytes] = shapely.to_wkb(shapely.set_srid(shapes, 3857), include_srid=True)
    return encoded


def _bounds(shapes: Shapes) -> tuple[float, ...]:
    return tuple(float(side) for side in shapely.total_bounds(shapes)) if len(shapes) else ()
