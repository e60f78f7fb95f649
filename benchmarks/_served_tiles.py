"""The application as served, with one route more that makes every tile anew: what the files save.

It stands behind the same gate as a published tile, and is no part of the product.
"""

from flask import Response

from app import create_app
from app.identity.access import allow
from app.identity.rules import TILES, Permission
from app.maps.rules import Layer, tile_at
from app.maps.tiles import make
from app.transaction import read

app = create_app()


@app.get("/uncached/<layer>/<int:z>/<int:x>/<int:y>.mvt")
@allow(Permission.READ_MAP, limit=TILES)
def uncached(layer: str, z: int, x: int, y: int) -> Response:
    """Answer a published tile, made anew, gzipped."""
    with read() as tx:
        made = make(tx, Layer(layer), tile_at(z, x, y))
    headers = {"Content-Encoding": "gzip"}
    return Response(made, headers=headers, content_type="application/vnd.mapbox-vector-tile")
