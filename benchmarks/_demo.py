"""The whole demo city in a scratch database, and the application over it.

`--here` takes the city of JINGWEI_DATABASE_URL as it stands instead: nothing is built, and of it nothing is
changed but for one token.
"""

import argparse
import math
import os
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

import psycopg
import sqlalchemy as sa

from app import clock, demo, schema, transaction
from app.db import make_engine
from app.identity import actions, queries
from app.maps.queries import LayerVersion, layer_versions
from app.maps.rules import Bounds, Layer, Tile
from app.settings import Settings, read_settings

FULL_CITY = 12_900
WORKERS, THREADS = 2, 8


@dataclass(frozen=True, slots=True)
class Demo:
    """A published demo city: where it is, what its layers stand at, and a dispatcher's token."""

    settings: Settings
    layers: Mapping[Layer, LayerVersion]
    token: str

    @property
    def bounds(self) -> Bounds:
        """The box of the cells."""
        found = self.layers[Layer.CELLS].bounds
        if found is None:
            raise RuntimeError("the city has no cells")
        return found

    def tiles(self, z: int) -> list[Tile]:
        """Return the tiles that cover the cells at zoom `z`."""
        west, south, east, north = self.bounds
        first, last = _tile_at(z, west, north), _tile_at(z, east, south)
        return [Tile(z, x, y) for x in range(first.x, last.x + 1) for y in range(first.y, last.y + 1)]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what every benchmark on the demo city takes."""
    parser.add_argument("--here", action="store_true", help="take the city of JINGWEI_DATABASE_URL")
    parser.add_argument("--cells", type=int, default=FULL_CITY)
    parser.add_argument("--rounds", type=int, default=7)


@contextmanager
def demo_city(given: argparse.Namespace) -> Iterator[Demo]:
    """Give the demo city, with the application's transactions bound to it."""
    settings = read_settings()
    if not given.here:
        settings = replace(settings.as_owner(), owner_url="")
    with TemporaryDirectory(prefix="jingwei-bench") as folder:
        settings = replace(settings, var=Path(folder), secret_key="benchmark", demo_password="benchmark")
        if given.here:
            yield from _opened(settings)
        else:
            yield from _built(settings, given.cells)


def _built(settings: Settings, cells: int) -> Iterator[Demo]:
    url = sa.make_url(settings.database_url).set(drivername="postgresql")
    server, name = url.render_as_string(hide_password=False), f"jingwei_bench_{os.getpid()}_demo"
    settings = replace(settings, database_url=url.set(database=name).render_as_string(hide_password=False))
    _run(server, f'CREATE DATABASE "{name}"')
    try:
        engine = make_engine(settings)
        schema.migrate(engine, settings)
        transaction.bind(engine)
        print(demo.build(settings, cells=cells, seed=None, until=None, if_empty=False, progress=_quiet))
        _run(settings.database_url, "VACUUM ANALYZE")
        yield from _opened(settings)
    finally:
        _run(server, f'DROP DATABASE "{name}" WITH (FORCE)')


def _quiet(_share: float, _label: str) -> None:
    """Show no progress: the figures are what is printed."""


def _opened(settings: Settings) -> Iterator[Demo]:
    engine = make_engine(settings)
    transaction.bind(engine)
    with transaction.write() as tx:
        name = f"benchmark {os.getpid()}"
        token = actions.create_token(tx, name, person_id=queries.person_id(tx, "dispatcher"), at=clock.now())
        layers = layer_versions(tx)
    yield Demo(settings, layers, token)
    engine.dispose()


def _run(url: str, statement: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(statement)


@contextmanager
def server(where: Demo, port: int) -> Iterator[str]:
    """Serve the application as `jingwei serve` does, with the routes of `_served_tiles`."""
    settings = where.settings
    environ = {
        **{name: value for name, value in os.environ.items() if not name.startswith("JINGWEI_")},
        "JINGWEI_DATABASE_URL": settings.database_url,
        "JINGWEI_SCHEMA": settings.schema,
        "JINGWEI_VAR": str(settings.var),
        "JINGWEI_SECRET_KEY": settings.secret_key,
        "JINGWEI_WEB_THREADS": str(THREADS),
    }
    command = [sys.executable, "-m", "gunicorn", f"--bind=127.0.0.1:{port}", f"--workers={WORKERS}"]
    command += [f"--threads={THREADS}", "--worker-class=gthread", "--keep-alive=30", "--log-level=warning"]
    with running([*command, "benchmarks._served_tiles:app"], environ, f"http://127.0.0.1:{port}/readyz"):
        yield f"http://127.0.0.1:{port}"


@contextmanager
def running(command: list[str], environ: Mapping[str, str], url: str) -> Iterator[None]:
    """Run a server until the block ends; the block starts when `url` answers.

    Raises:
        RuntimeError: the server ended, or does not answer within a minute.
    """
    process = subprocess.Popen(command, env=dict(environ))
    try:
        _wait(process, url)
        yield
    finally:
        process.terminate()
        process.wait(20)


def _wait(process: "subprocess.Popen[bytes]", url: str) -> None:
    for _ in range(300):
        if process.poll() is not None:
            raise RuntimeError(f"{process.args!r} ended")
        try:
            with urllib.request.urlopen(url, timeout=2):
                return
        except OSError:
            time.sleep(0.2)
    raise RuntimeError(f"{url} does not answer")


def _tile_at(z: int, lon: float, lat: float) -> Tile:
    row = (1 - math.asinh(math.tan(math.radians(lat))) / math.pi) / 2
    return Tile(z, int((lon + 180) / 360 * 2**z), int(row * 2**z))
