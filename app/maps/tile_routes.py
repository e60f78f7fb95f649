"""Tiles and TileJSON over HTTP."""

from __future__ import annotations

import gzip
from typing import Any, cast

from flask import Blueprint, Flask, Response, current_app, request
from flask.blueprints import BlueprintSetupState

from app import clock
from app.cases.queries import sight_of
from app.http import Description, Parsed, describe, json_answer
from app.identity.access import EXTENSION, allow, cookie_name, viewer
from app.identity.rules import TILES, Permission
from app.maps import queries
from app.maps.doorstep import ASK_AGAIN, MEDIA_TYPE, Doorstep, etag_of, lasting
from app.maps.rules import STATIC, Layer, tile_at
from app.maps.tilejson import TileJson, tilejson
from app.maps.tiles import TileStore, compressed
from app.settings import Settings
from app.transaction import read

blueprint = Blueprint("tiles", __name__)

NEVER = "private, no-store"
PUBLISHED = f"<any({', '.join(STATIC)}):layer>"
STORE = "jingwei.tiles"
LAYER: dict[str, dict[str, Any]] = {"layer": {"type": "string", "enum": list(STATIC)}}
WHERE: dict[str, dict[str, Any]] = {
    "z": {"type": "integer", "minimum": 0, "maximum": 18},
    "x": {"type": "integer", "minimum": 0},
    "y": {"type": "integer", "minimum": 0},
}
TILE_ANSWERS = {200: MEDIA_TYPE, 204: "an empty tile"}


class TileQuery(Parsed):
    """`v` is the version that the TileJSON names: with it a tile never changes and may be kept for good."""

    v: int | None = None


class NoQuery(Parsed):
    """Takes nothing."""


def _tile_of(what: str, query: type[Parsed] = NoQuery, **more: Any) -> Description:
    return Description(
        f"A vector tile of {what}",
        "tiles",
        query=query,
        answers=TILE_ANSWERS | more.pop("answers", {}),
        path=WHERE | more.pop("path", {}),
    )


def _tilejson_of(what: str, **more: Any) -> Description:
    return Description(f"The TileJSON 3.0 of {what}", "tiles", query=NoQuery, answers={200: TileJson}, **more)


@blueprint.record
def _open_store(state: BlueprintSetupState) -> None:
    settings: Settings = state.app.config["JINGWEI"]
    app = cast(Flask, state.app)
    store = app.extensions[STORE] = TileStore(settings.tiles / settings.schema)
    gate, cookie = app.extensions[EXTENSION], cookie_name("session", settings)
    app.wsgi_app = Doorstep(app.wsgi_app, store, gate, cookie=cookie)  # type: ignore[method-assign]  # Flask's own advice


@blueprint.get(f"/tiles/{PUBLISHED}/<int:z>/<int:x>/<int:y>.mvt")
@allow(Permission.READ_MAP, limit=TILES)
@describe(
    _tile_of("areas, cells, facilities or streets", TileQuery, answers={304: "not changed"}, path=LAYER)
)
def published_tile(layer: str, z: int, x: int, y: int, query: TileQuery) -> Response:
    """Answer a tile; one that the caller has already costs no query."""
    tile, name, store = tile_at(z, x, y), Layer(layer), _store()
    standing = store.version(name)
    if standing is None:
        return _tile(b"", NEVER)
    kept_for, etag = lasting(standing, query.v), etag_of(standing, tile)
    if request.if_none_match.contains_weak(etag):
        answer = Response(status=304, content_type=MEDIA_TYPE)
        answer.headers["Cache-Control"] = kept_for
    else:
        answer = _tile(store.tile(name, tile, standing), kept_for)
    # Weak, since the gzipped body and the plain one are the same tile.
    answer.set_etag(etag, weak=True)
    return answer


@blueprint.get("/tiles/cases/<int:z>/<int:x>/<int:y>.mvt")
@allow(Permission.READ_CASES, limit=TILES)
@describe(_tile_of("the cases that the viewer may see: open ones and those of the last week"))
def cases_tile(z: int, x: int, y: int, query: NoQuery) -> Response:  # noqa: ARG001 - parsed to refuse more
    """Answer the cases of a tile as they stand."""
    tile = tile_at(z, x, y)
    with read() as tx:
        made = queries.cases_tile(tx, tile, sight_of(viewer()), at=clock.now())
    return _tile(compressed(made), NEVER)


@blueprint.get("/tiles/workers/<int:z>/<int:x>/<int:y>.mvt")
@allow(Permission.READ_WORKERS, limit=TILES)
@describe(_tile_of("the last positions of the workers of the viewer's areas"))
def workers_tile(z: int, x: int, y: int, query: NoQuery) -> Response:  # noqa: ARG001 - parsed to refuse more
    """Answer the workers of a tile as they stand."""
    tile = tile_at(z, x, y)
    with read() as tx:
        made = queries.workers_tile(tx, tile, viewer().areas, at=clock.now())
    return _tile(compressed(made), NEVER)


@blueprint.get(f"/tiles/{PUBLISHED}.json")
@allow(Permission.READ_MAP)
@describe(_tilejson_of("areas, cells, facilities or streets", path=LAYER))
def published_tilejson(layer: str, query: NoQuery) -> Response:  # noqa: ARG001 - parsed to refuse more
    """Say where a published layer's tiles are, under its present version."""
    return _tilejson(Layer(layer))


@blueprint.get("/tiles/cases.json")
@allow(Permission.READ_CASES)
@describe(_tilejson_of("cases"))
def cases_tilejson(query: NoQuery) -> Response:  # noqa: ARG001 - parsed to refuse more
    """Say where the tiles of cases are."""
    return _tilejson(Layer.CASES)


@blueprint.get("/tiles/workers.json")
@allow(Permission.READ_WORKERS)
@describe(_tilejson_of("workers"))
def workers_tilejson(query: NoQuery) -> Response:  # noqa: ARG001 - parsed to refuse more
    """Say where the tiles of workers are."""
    return _tilejson(Layer.WORKERS)


def _tilejson(layer: Layer) -> Response:
    store = _store()
    city, standing = store.version(Layer.AREAS), store.version(layer)
    bounds = city.bounds if city else None
    answer = json_answer(tilejson(layer, standing, host_url=request.host_url, city_bounds=bounds))
    answer.headers["Cache-Control"] = ASK_AGAIN
    return answer


def _store() -> TileStore:
    return cast(TileStore, current_app.extensions[STORE])


def _tile(made: bytes, kept_for: str) -> Response:
    """Answer a gzipped tile, as it is where the caller takes gzip."""
    headers: dict[str, Any] = {"Cache-Control": kept_for, "Vary": "Accept-Encoding"}
    if not made:
        return Response(status=204, headers=headers)
    if request.accept_encodings.quality("gzip") > 0:
        return Response(made, headers={**headers, "Content-Encoding": "gzip"}, content_type=MEDIA_TYPE)
    return Response(gzip.decompress(made), headers=headers, content_type=MEDIA_TYPE)
