"""Reads of the maps: the versions of the published layers, and the tiles."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from app.cases.queries import Sight, patterns
from app.maps.rules import (
    AREA_BANDS,
    CELL_BANDS,
    EXTENT,
    FIRST_POINT_ZOOM,
    MIN_ZOOM,
    RESOLUTIONS,
    STREET_BANDS,
    Bounds,
    Layer,
    Tile,
    band_at,
    cells_extent,
    resolution_at,
)
from app.transaction import Tx

EDGE = 64 / EXTENT
"""Outlines reach so much of a tile's side over its edge, so that the line along the edge is not drawn."""

FAR = 0.9
"""A cell that stays within so many tiles' sides of a tile is drawn whole: MapLibre takes up to one side."""

HALF = 0.5
"""Of a unit: what makes a cut-off a rounding."""

FIRST_EXACT_ZOOM = 14
"""From here no cell is so small that its corners fall together on a tile's raster."""

GRID = frozenset({Layer.AREAS, Layer.CELLS})
"""The layers that a change of the grid changes."""

RECENT = timedelta(days=7)
SILENT_AFTER = timedelta(minutes=15)
MOST_CASES = 2_000


@dataclass(frozen=True, slots=True)
class LayerVersion:
    """What a published layer stands at; `bounds` (WGS 84) is None for an empty one."""

    version: int
    published_at: datetime
    features: int
    broken_edges: int
    bounds: Bounds | None


def layer_versions(tx: Tx) -> Mapping[Layer, LayerVersion]:
    """Return the present version of every published layer."""
    found: dict[Layer, LayerVersion] = {}
    for row in tx.named("maps.tile_versions"):
        bounds = None if row.west is None else (row.west, row.south, row.east, row.north)
        found[Layer(row.layer)] = LayerVersion(
            row.version, row.published_at, row.features, row.broken_edges, bounds
        )
    return found


def grid_published_at(tx: Tx) -> datetime | None:
    """Return as of when the grid was published last; None when it never was."""
    moments = [found.published_at for layer, found in layer_versions(tx).items() if layer in GRID]
    return min(moments) if len(moments) == len(GRID) else None


def published_tile(tx: Tx, layer: Layer, tile: Tile, *, coarser: int = 0) -> bytes:
    """Return a tile of a published layer, empty where there is nothing.

    `coarser` takes data that many steps coarser than the zoom asks for; the last is `coarsest(layer)`.
    """
    if tile.z < MIN_ZOOM[layer]:
        return b""
    if layer is Layer.FACILITIES:
        return _facilities_tile(tx, tile, coarser)
    if layer is Layer.CELLS:
        return _cells_tile(tx, tile, coarser)
    if layer is Layer.STREETS:
        band = max(band_at(tile.z, STREET_BANDS) - coarser, STREET_BANDS[0])
        return _one(tx, "maps.streets_tile", tile, band=band, **_sides(_widened(tile)))
    band = max(band_at(tile.z, AREA_BANDS) - coarser, AREA_BANDS[0])
    return _one(tx, "maps.areas_tile", tile, band=band, **_sides(_widened(tile)))


def coarsest(layer: Layer) -> int:
    """Return the last step of `coarser`."""
    return 2 if layer is Layer.AREAS else 3


def cases_tile(tx: Tx, tile: Tile, sight: Sight, *, at: datetime) -> bytes:
    """Return open cases and those of the last week, as far as `sight` reaches."""
    limits = {"at": at, "since": at - RECENT, "most": MOST_CASES}
    return _one(tx, "maps.cases_tile", tile, **limits, **sight.parameters, **_sides(tile.bounds))


def workers_tile(tx: Tx, tile: Tile, areas: Sequence[str], *, at: datetime) -> bytes:
    """Return where the workers of `areas` (prefixes of codes) were last seen."""
    moments = {"at": at, "silent_since": at - SILENT_AFTER}
    return _one(tx, "maps.workers_tile", tile, **moments, areas=patterns(areas), **_sides(tile.bounds))


def _cells_tile(tx: Tx, tile: Tile, coarser: int) -> bytes:
    """Thinner outlines on a wider raster; then nothing, and the communities' lines stand for the cells."""
    if coarser == coarsest(Layer.CELLS):
        return b""
    band = max(band_at(tile.z, CELL_BANDS) - coarser, CELL_BANDS[0])
    extent = cells_extent(tile.z) >> coarser
    far = {f"far_{side}": value for side, value in _sides(_widened(tile, FAR)).items()}
    exact = tile.z >= FIRST_EXACT_ZOOM
    raster = _raster(tile, extent, HALF if exact else 0)
    return _one(
        tx,
        "maps.cells_tile",
        tile,
        band=band,
        extent=extent,
        exact=exact,
        **raster,
        **far,
        **_sides(_widened(tile)),
    )


def _facilities_tile(tx: Tx, tile: Tile, coarser: int) -> bytes:
    """Points with their code; then without; then ever larger clusters."""
    if tile.z >= FIRST_POINT_ZOOM and coarser < 2:
        sides = _sides(tile.bounds_m)
        return _one(
            tx, "maps.facilities_tile", tile, codes=coarser == 0, **_raster(tile, EXTENT, HALF), **sides
        )
    steps = coarser - 2 if tile.z >= FIRST_POINT_ZOOM else coarser
    resolution = max(resolution_at(tile.z) - steps, RESOLUTIONS[0])
    return _one(tx, "maps.clusters_tile", tile, resolution=resolution)


def _one(tx: Tx, statement: str, tile: Tile, **parameters: Any) -> bytes:
    found = tx.named(statement, z=tile.z, x=tile.x, y=tile.y, **parameters).scalar_one()
    return bytes(found or b"")


def _raster(tile: Tile, extent: int, more: float = 0) -> dict[str, float]:
    """Return how EPSG:3857 metres become a tile's units, counted from its north-west corner, and `more`."""
    west, _, east, north = tile.bounds_m
    scale = extent / (east - west)
    shift_x, shift_y = more / scale - west, -more / scale - north
    return {"shift_x": shift_x, "shift_y": shift_y, "scale": scale, "flip": -scale}


def _widened(tile: Tile, share: float = EDGE) -> Bounds:
    west, south, east, north = tile.bounds_m
    edge = (east - west) * share
    return west - edge, south - edge, east + edge, north + edge


def _sides(bounds: Bounds) -> dict[str, float]:
    return dict(zip(("west", "south", "east", "north"), bounds, strict=True))
