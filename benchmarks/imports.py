"""Files into PostGIS: `gis.formats.read` with binary COPY against geopandas and `to_postgis`.

Both read the same file and end in a table of the same rows with a spatial index; count and geometry are
compared before anything is timed. Needs JINGWEI_DATABASE_URL (or a running `make up`); makes a schema of its
own and drops it.
"""

import argparse
import shutil
import sys
import tempfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import geopandas as gpd
import numpy as np
import shapely
import sqlalchemy as sa

from app.bulk import copy_columns, ewkb
from app.settings import read_settings
from app.transaction import Tx
from benchmarks import _synthetic
from benchmarks._pairs import Line, interleaved, report
from gis import formats

SCHEMA = "benchmark_imports"
BAR = 2.5
TYPES = {"i": "int8", "f": "float8", "b": "bool"}


def main() -> int:
    """Print the table; return 0 when every bar is met."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cells", type=int, default=12_900)
    parser.add_argument("--facilities", type=int, default=64_000)
    parser.add_argument("--rounds", type=int, default=7)
    given = parser.parse_args()
    url = sa.make_url(read_settings().as_owner().database_url).set(drivername="postgresql+psycopg")
    options = {"options": f"-c search_path={SCHEMA},public"}
    engine = sa.create_engine(url, connect_args=options, pool_size=1)
    with engine.begin() as connection:
        connection.execute(sa.text(f"DROP SCHEMA IF EXISTS {SCHEMA} CASCADE"))
        connection.execute(sa.text(f"CREATE SCHEMA {SCHEMA}"))
    try:
        frames = {"cells": _cells(given.cells), "facilities": _facilities(given.facilities)}
        lines = [
            line for title, frame in frames.items() for line in _lines(engine, title, frame, given.rounds)
        ]
    finally:
        with engine.begin() as connection:
            connection.execute(sa.text(f"DROP SCHEMA {SCHEMA} CASCADE"))
        engine.dispose()
    return 0 if report(lines) else 1


def _cells(count: int) -> gpd.GeoDataFrame:
    columns = {
        "code": [f"210302001{i // 900 + 1:03d}{i % 900 + 1:03d}" for i in range(count)],
        "name": [f"解放社区第{i % 900 + 1}网格" for i in range(count)],
        "population": np.arange(count) % 400,
        "area_m2": np.round(np.linspace(4_000, 90_000, count), 1),
    }
    return gpd.GeoDataFrame(columns, geometry=_synthetic.cells(count), crs=4326)


def _facilities(count: int) -> gpd.GeoDataFrame:
    columns = {
        "code": [f"2103020101{i + 1:06d}" for i in range(count)],
        "type": ["0101"] * count,
        "name": [f"路灯{i}" for i in range(count)],
        "address": [f"胜利路{i % 300}号" for i in range(count)],
        "condition": ["good"] * count,
    }
    places = shapely.points(_synthetic.points(_synthetic.cells(), count))
    return gpd.GeoDataFrame(columns, geometry=places, crs=4326)


def _lines(engine: sa.Engine, title: str, frame: gpd.GeoDataFrame, rounds: int) -> Iterator[Line]:
    with tempfile.TemporaryDirectory() as folder:
        for kind in ("GeoPackage", "Shapefile"):
            path = _written(frame, Path(folder) / title, kind)
            contenders = {
                "to_postgis": partial(_by_geopandas, engine, path),
                "ours": partial(_by_copy, engine, path),
            }
            found = interleaved(
                contenders,
                base="to_postgis",
                rounds=rounds,
                equal=lambda one, other: _digest(engine, one) == _digest(engine, other),
            )
            yield Line(f"{title}, {kind}: geopandas, to_postgis", found["to_postgis"], None, len(frame))
            yield Line(f"{title}, {kind}: checked read, binary COPY", found["ours"], BAR, len(frame))


def _written(frame: gpd.GeoDataFrame, path: Path, kind: str) -> Path:
    if kind == "GeoPackage":
        formats.write(frame, path.with_suffix(".gpkg"))
        return path.with_suffix(".gpkg")
    formats.write(frame, path.with_suffix(".zip"))
    shutil.unpack_archive(path.with_suffix(".zip"), path.parent)
    return path.with_suffix(".shp")


def _by_geopandas(engine: sa.Engine, path: Path) -> str:
    frame = gpd.read_file(path).rename_geometry("geom")
    frame.to_postgis("base", engine, if_exists="replace", index=False)
    return "base"


def _by_copy(engine: sa.Engine, path: Path) -> str:
    layer = formats.read(path)
    types = {str(name): TYPES.get(kind.kind, "text") for name, kind in layer.table.dtypes.items()}
    columns = {**{name: layer.table[name] for name in types}, "geom": ewkb(layer.geometries)}
    with engine.begin() as connection:
        connection.execute(sa.text("DROP TABLE IF EXISTS ours"))
        listed = ", ".join(f'"{name}" {kind}' for name, kind in types.items())
        connection.execute(sa.text(f"CREATE TABLE ours ({listed}, geom geometry(Geometry, 4326))"))
        copy_columns(Tx(connection), "ours", {**types, "geom": "bytea"}, columns)
        connection.execute(sa.text("CREATE INDEX ON ours USING gist (geom)"))
    return "ours"


def _digest(engine: sa.Engine, table: str) -> tuple[int, str]:
    """Return the rows' number and a digest of codes and geometry, whatever way round a ring runs."""
    with engine.connect() as connection:
        row = connection.execute(
            sa.text(
                "SELECT count(*), md5(string_agg(code || md5(ST_AsBinary(ST_Normalize(geom))), ''"
                f" ORDER BY code)) FROM {table}"
            )
        ).one()
    return row[0], row[1]


if __name__ == "__main__":
    sys.exit(main())
