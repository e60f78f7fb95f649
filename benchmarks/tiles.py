"""Vector tiles (the bars of docs/performance.md, section 4), on the whole demo city.

In the database, by pgbench: our two statements of a tile (cells, below zoom 12 the towns that stand for them;
facilities) against a naive ST_AsMVT with ST_Transform in the query, of the same two layers. Over HTTP, 8
clients: the
same tiles from files against made anew, and against tipg, two requests a tile on both sides. Then every tile
is weighed.

tipg has dependencies of its own and runs from an environment of its own:
`python3 -m venv /tmp/tipg && /tmp/tipg/bin/pip install tipg uvicorn`, then `--tipg /tmp/tipg/bin`.
"""

import argparse
import os
import re
import statistics
import sys
from collections.abc import Callable, Sequence
from functools import partial
from getpass import getuser
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, cast
from urllib.parse import quote

import numpy as np
import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import psycopg

from app import transaction
from app.db import named_statements
from app.maps.queries import published_tile
from app.maps.rules import MAX_TILE_BYTES, MIN_ZOOM, SOURCE_MAX_ZOOM, Layer, Tile
from app.maps.tiles import make
from app.transaction import Tx
from benchmarks import _pgbench, _wrk
from benchmarks._demo import WORKERS, Demo, add_arguments, demo_city, running, server
from benchmarks._naive import naive_tile
from benchmarks._pairs import Line, Ratio, interleaved_rates, report

OF_NAIVE, OF_TIPG, OF_UNCACHED, OF_P99 = 2.5, 2.0, 10.0, 5.0
ZOOMS = range(9, 19)
BANDS = {"10-12": (10, 11, 12), "13-14": (13, 14), "15-18": (15, 16, 17, 18)}
MOST_TILES = 12
PARTS = ("database", "files", "tipg", "weight")
CLIENTS, PORT, TIPG_PORT = 8, 8198, 8197

CYCLE = """
local paths = {{ {paths} }}
local at = 0
{headers}
function request()
    at = at % #paths + 1
    return wrk.format("GET", paths[at])
end
"""


def main() -> int:
    """Print the tables; return 0 when every bar is met."""
    parser = argparse.ArgumentParser(description=__doc__)
    add_arguments(parser)
    parser.add_argument("--seconds", type=int, default=3)
    parser.add_argument("--tipg", type=Path, help="the folder of uvicorn in an environment with tipg")
    parser.add_argument("--only", choices=PARTS, action="append", help="some of the parts")
    given = parser.parse_args()
    parts = given.only or PARTS
    met = True
    with demo_city(given) as where:
        if "database" in parts:
            met &= report(_in_the_database(where, given))
        if "files" in parts:
            with server(where, PORT) as address:
                met &= report(_of_uncached(where, address, given))
        if "tipg" in parts:
            met &= report(_of_tipg(where, given))
        if "weight" in parts:
            met &= _weighed(where)
    return 0 if met else 1


def _chosen(where: Demo, z: int) -> list[Tile]:
    """Return some tiles of a zoom that hold something, spread over the city, always the same."""
    with transaction.read() as tx:
        full = [
            tile
            for tile in where.tiles(z)[:: _stride(where, z)]
            if published_tile(tx, Layer.FACILITIES, tile)
        ]
    order = np.random.default_rng(z).permutation(len(full))[:MOST_TILES]
    return [full[i] for i in sorted(order)]


def _stride(where: Demo, z: int) -> int:
    return max(len(where.tiles(z)) // 400, 1) | 1


def _in_the_database(where: Demo, given: argparse.Namespace) -> list[Line]:
    """By pgbench, prepared, 2 clients: one transaction is some tiles of a zoom, both layers."""
    lines = []
    with TemporaryDirectory() as folder:
        for z in ZOOMS:
            chosen = _chosen(where, z)
            contenders = {}
            for name, statements in (("naive", _naive(chosen)), ("own", _own(chosen))):
                script = Path(folder) / f"{name}-{z}.sql"
                script.write_text("\\startpipeline\n" + ";\n".join(statements) + ";\n\\endpipeline\n")
                contenders[name] = partial(
                    _pgbench.rate, where.settings, script, clients=2, seconds=given.seconds, variables={}
                )
            found = interleaved_rates(contenders, base="naive", rounds=given.rounds)
            lines.append(
                Line(f"z{z}, {len(chosen)} tiles: own of naive", found["own"], OF_NAIVE, len(chosen))
            )
    return lines


class _Noted:
    """Takes the place of a transaction, and keeps the statements with their values written in."""

    def __init__(self) -> None:
        self.statements: list[str] = []

    def named(self, name: str, **values: Any) -> "_Noted":
        statement = named_statements()[name]
        given = {key: values[key] for key in statement.compile().params}
        bound = statement.bindparams(**given)
        written = bound.compile(dialect=psycopg.dialect(), compile_kwargs={"literal_binds": True})
        self.statements.append(re.sub(r"--.*", "", str(written)).replace("%%", "%"))
        return self

    def scalar_one(self) -> bytes:
        return b""


def _own(chosen: Sequence[Tile]) -> list[str]:
    noted = _Noted()
    for tile in chosen:
        for layer in _two_layers(tile.z):
            published_tile(cast(Tx, noted), layer, tile)
    return noted.statements


def _two_layers(z: int) -> tuple[Layer, Layer]:
    return (Layer.CELLS if z >= MIN_ZOOM[Layer.CELLS] else Layer.AREAS), Layer.FACILITIES


def _naive(chosen: Sequence[Tile]) -> list[str]:
    return [naive_tile(layer, tile.z, tile.x, tile.y) for tile in chosen for layer in ("cells", "facilities")]


def _of_tipg(where: Demo, given: argparse.Namespace) -> list[Line]:
    if given.tipg is None:
        print("tipg: skipped; name an environment that has it by --tipg (see the head of this file)")
        return []
    settings, lines = where.settings, []
    environ = {
        **os.environ,
        "DATABASE_URL": _with_host(settings.database_url),
        "TIPG_DB_SCHEMAS": f'["{settings.schema}"]',
        "TIPG_MAX_FEATURES_PER_TILE": "100000",
        "TIPG_DB_SPATIAL_EXTENT": "false",
    }
    command = [str(given.tipg / "uvicorn"), "tipg.main:app", f"--port={TIPG_PORT}", f"--workers={WORKERS}"]
    command += ["--log-level=warning", "--no-access-log"]
    tipg = f"http://127.0.0.1:{TIPG_PORT}"
    with server(where, PORT) as address, running(command, environ, f"{tipg}/healthz"):
        for band, zooms in BANDS.items():
            contenders = {
                "tipg": _pairs_of(given, tipg, _tipg_paths(where, zooms), ""),
                "own": _pairs_of(given, address, _own_paths(where, zooms, "uncached"), where.token),
            }
            found = interleaved_rates(contenders, base="tipg", rounds=given.rounds)
            lines.append(Line(f"z{band}, made anew: own of tipg", found["own"], OF_TIPG, 1))
    return lines


def _with_host(url: str) -> str:
    """Return `url` with its socket's folder as the host: tipg takes no other form."""
    made = sa.make_url(url)
    folder = str(made.query.get("host", made.host or "localhost"))
    user = str(made.query.get("user", made.username or getuser()))
    secret = f":{quote(str(made.password), safe='')}" if made.password else ""
    port = f":{made.port}" if made.port else ""
    return f"postgresql://{user}{secret}@{quote(folder, safe='')}{port}/{made.database}"


def _of_uncached(where: Demo, address: str, given: argparse.Namespace) -> list[Line]:
    """Files against tiles made anew, and where cells are many against naive ones, made anew too."""
    lines = _files_of(where, address, given, "10-12", "naive", (OF_UNCACHED, OF_P99))
    for band in BANDS:
        bars = (OF_UNCACHED, OF_P99) if band == "10-12" else (None, None)
        lines += _files_of(where, address, given, band, "uncached", bars)
    return lines


def _files_of(
    where: Demo,
    address: str,
    given: argparse.Namespace,
    band: str,
    other: str,
    bars: tuple[float | None, float | None],
) -> list[Line]:
    slow: dict[str, list[float]] = {other: [], "tiles": []}
    contenders = {}
    for name, noted in slow.items():
        paths = _own_paths(where, BANDS[band], name)
        contenders[name] = _noting(noted, given, address, paths, where.token)
    found = interleaved_rates(contenders, base=other, rounds=given.rounds)
    p99 = [made / kept for made, kept in zip(slow[other][1:], slow["tiles"][1:], strict=True)]
    ratio = Ratio("p99", statistics.median(p99), min(p99), max(p99), statistics.median(slow["tiles"]))
    return [
        Line(f"z{band}: files of {other}, rate", found["tiles"], bars[0], 1),
        Line(f"z{band}: {other} of files, p99", ratio, bars[1]),
    ]


def _own_paths(where: Demo, zooms: Sequence[int], root: str) -> list[str]:
    return [
        f"/{root}/{layer}/{tile.z}/{tile.x}/{tile.y}.mvt"
        for z in zooms
        for tile in _chosen(where, z)
        for layer in _two_layers(z)
    ]


def _tipg_paths(where: Demo, zooms: Sequence[int]) -> list[str]:
    tables = {"cell_versions": "cell_code", "facilities": "code,type_code,condition"}
    return [
        f"/collections/{where.settings.schema}.{table}/tiles/WebMercatorQuad/{tile.z}/{tile.x}/{tile.y}"
        f"?properties={columns}&limit=100000"
        for z in zooms
        for tile in _chosen(where, z)
        for table, columns in tables.items()
    ]


def _script(paths: Sequence[str], token: str) -> str:
    headers = 'wrk.headers["Accept-Encoding"] = "gzip"\n'
    if token:
        headers += f'wrk.headers["Authorization"] = "Bearer {token}"\n'
    return CYCLE.format(paths=", ".join(f'"{path}"' for path in paths), headers=headers)


def _pairs_of(
    given: argparse.Namespace, address: str, paths: Sequence[str], token: str
) -> Callable[[], float]:
    script = _script(paths, token)
    return partial(_wrk.rate, f"{address}/", clients=CLIENTS, seconds=given.seconds, script=script)


def _noting(
    slow: list[float], given: argparse.Namespace, address: str, paths: Sequence[str], token: str
) -> Callable[[], float]:
    script = _script(paths, token)

    def run() -> float:
        found = _wrk.measured(f"{address}/", clients=CLIENTS, seconds=given.seconds, script=script)
        slow.append(found.p99_s)
        return found.rate

    return run


def _weighed(where: Demo) -> bool:
    """Weigh every tile down to the deepest that the map asks for; True when none is over the limit."""
    print("| zoom | tiles | heaviest, kB gzipped |\n|-----:|------:|---------------------:|")
    heaviest = 0
    with transaction.read() as tx:
        for z in range(min(MIN_ZOOM.values()), SOURCE_MAX_ZOOM + 1):
            layers = [layer for layer in (Layer.AREAS, Layer.CELLS, Layer.FACILITIES) if z >= MIN_ZOOM[layer]]
            weights = [len(make(tx, layer, tile)) for layer in layers for tile in where.tiles(z)]
            heaviest = max(heaviest, *weights)
            print(f"| {z:>4} | {sum(w > 0 for w in weights):>5} | {max(weights) / 1e3:>20.1f} |")
    broken = sum(layer.broken_edges for layer in where.layers.values())
    print(f"heaviest tile {heaviest / 1e3:.1f} kB of {MAX_TILE_BYTES / 1e3:.0f}; broken edges: {broken}\n")
    return heaviest <= MAX_TILE_BYTES and broken == 0


if __name__ == "__main__":
    sys.exit(main())
