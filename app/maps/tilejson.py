"""TileJSON 3.0: where the tiles of a layer are, and what is in them."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from app.http import Answer
from app.maps.queries import LayerVersion
from app.maps.rules import MIN_ZOOM, SOURCE_MAX_ZOOM, Bounds, Layer

WORLD: Bounds = (-180.0, -85.0511, 180.0, 85.0511)
Fields = Mapping[str, str]

VECTOR_LAYERS: Mapping[Layer, Mapping[str, Fields]] = MappingProxyType(
    {
        Layer.AREAS: {
            "areas": {"code": "division code", "level": "city, district, town, community", "name": "name"},
            "area_labels": {"code": "division code", "level": "as above", "name": "name, at one point"},
        },
        Layer.CELLS: {
            "cells": {"code": "15 digits, from zoom 14", "town": "9 digits"},
            "cell_labels": {"code": "15 digits; one point for each cell, from zoom 15"},
        },
        Layer.FACILITIES: {
            "facilities": {
                "count": "of a cluster, below zoom 14",
                "types": "of a cluster: JSON, count by type, the five most frequent",
                "code": "number of 16 digits, from zoom 14",
                "type": "number of up to 4 digits, the leading zero left out; from zoom 14",
                "code_text": "a code that is no such number",
                "type_text": "a type that is no such number",
                "condition": "damaged, missing or abandoned, none when good; from zoom 14",
            }
        },
        Layer.STREETS: {
            "streets": {"kind": "river, arterial; street from zoom 13", "name": "name, from zoom 14"}
        },
        Layer.CASES: {
            "cases": {
                "id": "UUID",
                "type": "code of the case type",
                "status": "status",
                "overdue": "true when open past its deadline",
                "soon": "true when open and due within the hour",
                "urgency": "1 (most) to 3",
            }
        },
        Layer.WORKERS: {
            "workers": {
                "code": "code",
                "on_duty": "true during a shift",
                "silent": "true when not heard of for 15 minutes",
            }
        },
    }
)


class VectorLayer(Answer):
    """A layer inside the tiles."""

    id: str
    fields: dict[str, str]
    minzoom: int
    maxzoom: int


class TileJson(Answer):
    """TileJSON 3.0.0."""

    tilejson: str
    name: str
    version: str
    scheme: str
    tiles: list[str]
    minzoom: int
    maxzoom: int
    bounds: Bounds
    vector_layers: list[VectorLayer]
    attribution: str


def tilejson(
    layer: Layer, standing: LayerVersion | None, *, host_url: str, city_bounds: Bounds | None
) -> TileJson:
    """Return a layer's TileJSON; `standing` is what a published one stands at, None for a live one."""
    zooms = {"minzoom": MIN_ZOOM[layer], "maxzoom": SOURCE_MAX_ZOOM}
    version = f"?v={standing.version}" if standing else ""
    own = standing.bounds if standing else None
    return TileJson(
        tilejson="3.0.0",
        name=layer.value,
        version="1.0.0",
        scheme="xyz",
        tiles=[f"{host_url}tiles/{layer}/{{z}}/{{x}}/{{y}}.mvt{version}"],
        bounds=own or city_bounds or WORLD,
        vector_layers=[
            VectorLayer(id=name, fields=dict(fields), **zooms)
            for name, fields in VECTOR_LAYERS[layer].items()
        ],
        attribution="Jingwei 经纬",
        **zooms,
    )
