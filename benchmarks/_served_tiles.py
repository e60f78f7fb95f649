"""The application as served, with two routes more: every tile made anew, and made as is commonly written.

They stand behind the same gate as a published tile, and are no part of the product.
"""

import sqlalchemy as sa
from flask import Response

from app import create_app
from app.identity.access import allow
from app.identity.rules import TILES, Permission
from app.maps.rules import Layer, tile_at
from app.maps.tiles import compressed, make
from app.transaction import read
from benchmarks._naive import naive_tile

app = create_app()


@app.get("/uncached/<layer>/<int:z>/<int:x>/<int:y>.mvt")
@allow(Permission.READ_MAP, limit=TILES)
def uncached(layer: str, z: int, x: int, y: int) -> Response:
    """Answer a published tile, made anew, gzipped."""
    with read() as tx:
        made = make(tx, Layer(layer), tile_at(z, x, y))
    headers = {"Content-Encoding": "gzip"}
    return Response(made, headers=headers, content_type="application/vnd.mapbox-vector-tile")


@app.get("/naive/<layer>/<int:z>/<int:x>/<int:y>.mvt")
@allow(Permission.READ_MAP, limit=TILES)
def naive(layer: str, z: int, x: int, y: int) -> Response:
    """Answer a naive tile, gzipped."""
    with read() as tx:
        made = compressed(bytes(tx.execute(sa.text(naive_tile(layer, z, x, y))).scalar_one() or b""))
    headers = {"Content-Encoding": "gzip"}
    return Response(made, headers=headers, content_type="application/vnd.mapbox-vector-tile")
