"""A tile from a file, answered before Flask: a whole request costs several times as much as the file.

Only what is plain is answered here: a tile of a published layer that lies in a file or that the caller has
already, gzipped, for a viewer whom this process remembers and whose lease of the rate is not used up.
Everything else goes on to `tile_routes`, which answers the same and all the rest.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from app import clock
from app.errors import NotFound
from app.identity.access import Gate, remembered, spend_leased
from app.identity.rules import TILES, Permission
from app.maps.queries import LayerVersion
from app.maps.rules import STATIC, Layer, Tile, tile_at
from app.maps.tiles import TileStore

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

MEDIA_TYPE = "application/vnd.mapbox-vector-tile"
FOREVER = "private, max-age=31536000, immutable"
ASK_AGAIN = "private, no-cache"

_ADDRESS = re.compile(rf"/tiles/({'|'.join(STATIC)})/([0-9]{{1,2}})/([0-9]{{1,6}})/([0-9]{{1,6}})\.mvt")
_VERSION = re.compile(r"(?:v=([0-9]{1,18}))?")


_Answer = tuple[str, list[tuple[str, str]], bytes]


@dataclass(frozen=True, slots=True)
class _Asked:
    layer: Layer
    tile: Tile
    version: int | None


def etag_of(standing: LayerVersion, tile: Tile) -> str:
    """Return what names a tile's content: its layer's version and its place."""
    return f"{standing.version}-{tile.z}-{tile.x}-{tile.y}"


def lasting(standing: LayerVersion, asked: int | None) -> str:
    """Return how long a tile may be kept: for good where its address names the version that stands."""
    return FOREVER if asked == standing.version else ASK_AGAIN


class Doorstep:
    """A WSGI application before `inner`."""

    def __init__(self, inner: WSGIApplication, store: TileStore, gate: Gate, *, cookie: str) -> None:
        self.inner = inner
        self.store = store
        self.gate = gate
        self.cookie = cookie

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer a plain request for a tile; let every other in."""
        if environ["PATH_INFO"].startswith("/tiles/"):
            asked = _asked(environ)
            found = None if asked is None else self._answer(environ, asked)
            if found is not None:
                status, headers, body = found
                start_response(status, headers)
                return [body] if body else []
        return self.inner(environ, start_response)

    def _answer(self, environ: WSGIEnvironment, asked: _Asked) -> _Answer | None:
        standing = self.store.standing(asked.layer)
        if standing is None:
            return None
        etag = f'W/"{etag_of(standing, asked.tile)}"'
        headers = [("Cache-Control", lasting(standing, asked.version)), ("ETag", etag)]
        known = environ.get("HTTP_IF_NONE_MATCH")
        if known is not None:
            unchanged = known == etag and self._let_in(environ)
            return ("304 NOT MODIFIED", headers, b"") if unchanged else None
        body = self.store.kept(asked.layer, asked.tile, standing.version)
        if body is None or not self._let_in(environ):
            return None
        headers.append(("Vary", "Accept-Encoding"))
        if not body:
            return "204 NO CONTENT", headers, b""
        size = str(len(body))
        headers += [("Content-Type", MEDIA_TYPE), ("Content-Encoding", "gzip"), ("Content-Length", size)]
        return "200 OK", headers, body

    def _let_in(self, environ: WSGIEnvironment) -> bool:
        """Whether the viewer is known here and now, may read the map, and has a request left in the lease."""
        at = clock.now()
        asking = remembered(environ, self.gate, cookie=self.cookie, at=at)
        return (
            asking is not None
            and asking.may(Permission.READ_MAP)
            and spend_leased(self.gate, TILES, asking, at=at)
        )


def _asked(environ: WSGIEnvironment) -> _Asked | None:
    """Return the tile that is asked for in the plainest way, None for any other request."""
    place = _ADDRESS.fullmatch(environ["PATH_INFO"])
    version = _VERSION.fullmatch(environ.get("QUERY_STRING", ""))
    takes = environ.get("HTTP_ACCEPT_ENCODING", "")
    if environ["REQUEST_METHOD"] != "GET" or place is None or version is None:
        return None
    if "gzip" not in takes or "q=" in takes:
        return None
    try:
        tile = tile_at(int(place[2]), int(place[3]), int(place[4]))
    except NotFound:
        return None
    return _Asked(Layer(place[1]), tile, int(version[1]) if version[1] else None)
