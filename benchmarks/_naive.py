"""A vector tile as it is commonly written, the yardstick of ours."""

# What is commonly written (the pattern of pg_tileserv): the index is used, and each row transformed.
TILE = """
WITH bounds AS (
    SELECT ST_TileEnvelope({z}, {x}, {y}) AS geom, ST_TileEnvelope({z}, {x}, {y})::box2d AS box
), piece AS (
    SELECT ST_AsMVTGeom(ST_Transform(t.geom, 3857), bounds.box) AS geom, {columns}
    FROM {table} t, bounds
    WHERE ST_Intersects(t.geom, ST_Transform(bounds.geom, 4326)) AND {present}
)
SELECT ST_AsMVT(piece, '{layer}', 4096, 'geom', 'id') FROM piece"""
LAYERS = {
    "cells": {
        "table": "cell_versions",
        "columns": "t.id, t.cell_code AS code, left(t.cell_code, 9) AS town",
        "present": "t.valid @> now()",
    },
    "facilities": {
        "table": "facilities",
        "columns": "t.id, t.code, t.type_code AS type, t.condition",
        "present": "true",
    },
}


def naive_tile(layer: str, z: int, x: int, y: int) -> str:
    """Return the statement of a tile of `cells` or `facilities` (or `areas`, for which the cells stand)."""
    name = layer if layer in LAYERS else "cells"
    return TILE.format(layer=name, z=z, x=x, y=y, **LAYERS[name])
