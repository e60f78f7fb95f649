"""The first paint of the whole city (the bars of docs/performance.md, section 5).

The tiles that the map asks for first, made anew, against the cells of the whole city as one GeoJSON from
PostGIS: their time, and their bytes gzipped. Then the printed map, which stands alone and so uses no tiles:
its weight for the city, its districts and its streets, beside a folium page that holds every outline as is.
"""

import argparse
import gzip
import math
import sys
from collections.abc import Sequence

import folium
import orjson
import sqlalchemy as sa
from flask.testing import FlaskClient

from app import clock, create_app, transaction
from app.cases.queries import Sight
from app.maps import queries
from app.maps.print_routes import MAX_PAGE_BYTES
from app.maps.rules import Bounds, Layer, Tile
from app.maps.tiles import LEVEL, compressed, make
from app.transaction import Tx
from benchmarks._demo import Demo, add_arguments, demo_city
from benchmarks._pairs import Line, Ratio, interleaved, report

OF_TIME, OF_BYTES = 1 / 0.4, 1 / 0.15
WINDOW_PX = (1_366, 768)
TILE_PX = 512

WHOLE = """
SELECT json_build_object('type', 'FeatureCollection', 'features', json_agg(ST_AsGeoJSON(cell.*)::json))::text
FROM (
    SELECT cell_code AS code, left(cell_code, 9) AS town, geom FROM cell_versions WHERE valid @> now()
) cell"""


def main() -> int:
    """Print the tables; return 0 when every bar is met."""
    parser = argparse.ArgumentParser(description=__doc__)
    add_arguments(parser)
    given = parser.parse_args()
    with demo_city(given) as where:
        met = report(_tiles(where, given.rounds))
        light = _pages(where)
    return 0 if met and light else 1


def _tiles(where: Demo, rounds: int) -> list[Line]:
    first = _first_tiles(where)
    with transaction.read() as tx:
        found = interleaved(
            {"geojson": lambda: _whole(tx), "tiles": lambda: _made(tx, first)}, base="geojson", rounds=rounds
        )
        whole, own = len(_whole(tx)), sum(len(tile) for tile in _made(tx, first))
    print(
        f"whole-city GeoJSON {whole / 1e3:,.0f} kB gzipped; {len(first)} places of tiles {own / 1e3:,.1f} kB"
    )
    bytes_ratio = whole / own
    return [
        Line("first paint, time: GeoJSON of tiles", found["tiles"], OF_TIME),
        Line("first paint, bytes: GeoJSON of tiles", Ratio("bytes", *[bytes_ratio] * 3, 0.0), OF_BYTES),
    ]


def _first_tiles(where: Demo) -> list[Tile]:
    """Return the tiles that a window of 1366 by 768 shows when the whole city fits it."""
    west, south, east, north = where.bounds
    across = (east - west) / 360
    down = (_north(north) - _north(south)) / (2 * math.pi)
    zoom = math.log2(min(WINDOW_PX[0] / TILE_PX / across, WINDOW_PX[1] / TILE_PX / down))
    return where.tiles(int(zoom))


def _north(lat: float) -> float:
    return math.asinh(math.tan(math.radians(lat)))


def _whole(tx: Tx) -> bytes:
    return gzip.compress(tx.execute(sa.text(WHOLE)).scalar_one().encode(), LEVEL)


def _made(tx: Tx, first: Sequence[Tile]) -> list[bytes]:
    """Return areas, facilities, cases and workers; cells come from zoom 12, towns stand for them before."""
    everything, now = Sight(areas=("",), worker_id=None, person_id=0), clock.now()
    return [
        tile
        for place in first
        for tile in (
            make(tx, Layer.AREAS, place),
            make(tx, Layer.CELLS, place),
            make(tx, Layer.FACILITIES, place),
            compressed(queries.cases_tile(tx, place, everything, at=now)),
            compressed(queries.workers_tile(tx, place, ("",), at=now)),
        )
    ]


def _pages(where: Demo) -> bool:
    """Weigh printed maps of every size; True when none is over the stated weight."""
    naive = _naive_page()
    client = create_app(where.settings).test_client()
    client.environ_base["HTTP_AUTHORIZATION"] = f"Bearer {where.token}"
    print("| printed map | detail | kB | kB gzipped | of the naive page |")
    print("|-------------|--------|---:|-----------:|------------------:|")
    heaviest = 0
    for name, query in _views(where):
        detail, page = _page(client, query)
        heaviest = max(heaviest, len(page))
        share, packed = len(page) / naive, len(gzip.compress(page, LEVEL)) / 1e3
        print(f"| {name} | {detail} | {len(page) / 1e3:,.0f} | {packed:,.0f} | {share:.3f} |")
    print(f"naive folium page {naive / 1e6:.1f} MB; heaviest printed map {heaviest / 1e3:,.0f} kB")
    return heaviest <= MAX_PAGE_BYTES


def _page(client: FlaskClient, query: str) -> tuple[str, bytes]:
    answer = client.get(f"/map/print?download=1{query}")
    if answer.status_code != 200:
        raise RuntimeError(answer.text[:300])
    return answer.headers["X-Map-Detail"], answer.data


def _views(where: Demo) -> list[tuple[str, str]]:
    """Return the city, a half, a quarter and so on of it around its middle, down to a street."""
    west, south, east, north = where.bounds
    x, y = 122.99, 41.11
    found = [("whole city", "")]
    for halvings in range(1, 8):
        width, height = (east - west) / 2**halvings / 2, (north - south) / 2**halvings / 2
        box: Bounds = (x - width, y - height, x + width, y + height)
        found.append((f"1/{2**halvings} of its width", "&bbox=" + ",".join(f"{side:.5f}" for side in box)))
    return found


def _naive_page() -> int:
    """Return the bytes of a folium page with every cell as an outline of its own, as folium makes it."""
    with transaction.read() as tx:
        cells = orjson.loads(tx.execute(sa.text(WHOLE)).scalar_one())
    sheet = folium.Map(location=(41.11, 122.99), tiles=None)
    folium.GeoJson(cells).add_to(sheet)
    return len(sheet.get_root().render().encode())


if __name__ == "__main__":
    sys.exit(main())
