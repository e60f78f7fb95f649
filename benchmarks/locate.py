"""Many points to cells: `gis.locate` against `geopandas.sjoin` (the bar of docs/performance.md, section 1).

Both have their index ready: geopandas keeps the spatial index of its frame, ours is a `Grid`. The base is
one call of `geopandas.sjoin`, which leaves several rows for a point on an edge; ours has chosen the owner.
"""

import argparse
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import geopandas
import numpy as np
import shapely
from numpy.typing import NDArray

from benchmarks import _synthetic
from benchmarks._pairs import Line, interleaved, report, timed
from gis import locate

BARS = {64_000: 4.0, 1_000_000: 5.0}
FALLBACK_BAR = 1.3


def main() -> int:
    """Print the table; return 0 when every bar is met."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--cells", help="a file of cells in code order; default: a synthetic coverage of 12,900"
    )
    parser.add_argument("--rounds", type=int, default=7)
    given = parser.parse_args()
    cells = _synthetic.cells() if given.cells is None else _read(given.cells)
    assert shapely.coverage_is_valid(cells), "the cells have gaps or overlaps"
    locate.warm_up()
    building = timed(lambda: locate.Grid(cells))
    size = len(shapely.get_coordinates(cells))
    print(f"{len(cells):,} cells, {size:,} vertices; grid built in {building:.2f} s")
    differences = _edges(cells)
    lines = [line for count, bar in BARS.items() for line in _speed(cells, count, bar, given.rounds)]
    return 0 if report(lines) and differences == 0 else 1


def _read(path: str) -> NDArray[np.object_]:
    frame = geopandas.read_file(path).to_crs(4326)
    return np.asarray(frame.sort_values("code").geometry.array)


def _edges(cells: NDArray[np.object_]) -> int:
    """Count answers on vertices and edge midpoints that differ from sjoin's lowest index."""
    total = 0
    frame = geopandas.GeoDataFrame(geometry=cells, crs=4326)
    rng = np.random.default_rng(3)
    for name, xy in (
        ("vertices", _synthetic.vertices(cells)),
        ("edge midpoints", _synthetic.midpoints(cells)),
    ):
        chosen = rng.permutation(xy)[:20_000]
        expected = _lowest(geopandas.sjoin(_frame(chosen), frame, how="left"), len(chosen))
        for engine in ("compiled", "fallback"):
            with _engine(engine):
                found = locate.Grid(cells).locate(*chosen.T)
            different = int((found != expected).sum())
            total += different
            print(f"{len(chosen):,} {name}, {engine}: {different} differences, {(found < 0).sum()} outside")
    return total


def _speed(cells: NDArray[np.object_], count: int, bar: float, rounds: int) -> Iterator[Line]:
    xy = _synthetic.points(cells, count)
    frame, points, grid = geopandas.GeoDataFrame(geometry=cells, crs=4326), _frame(xy), locate.Grid(cells)
    # Shapes of its own: prepared polygons would lend their speed to the base, or take it.
    prepared = locate.Grid(shapely.from_wkb(shapely.to_wkb(cells)))

    def sjoin() -> geopandas.GeoDataFrame:
        return geopandas.sjoin(points, frame, how="left")

    def fallback() -> NDArray[np.intp]:
        with _engine("fallback"):
            return prepared.locate(*xy.T)

    found = interleaved(
        {"sjoin": sjoin, "compiled": lambda: grid.locate(*xy.T), "fallback": fallback},
        base="sjoin",
        rounds=rounds,
        equal=lambda base, own: np.array_equal(_owners(base, count), _owners(own, count)),
    )
    yield Line(f"geopandas.sjoin, {count:,} points", found["sjoin"], size=count)
    yield Line(f"gis.locate, {count:,} points", found["compiled"], bar, count)
    yield Line(f"gis.locate without numba, {count:,} points", found["fallback"], FALLBACK_BAR, count)


def _owners(answer: geopandas.GeoDataFrame | NDArray[np.intp], count: int) -> NDArray[np.intp]:
    return answer if isinstance(answer, np.ndarray) else _lowest(answer, count)


def _lowest(joined: geopandas.GeoDataFrame, count: int) -> NDArray[np.intp]:
    owner = joined["index_right"].groupby(joined.index).min().reindex(range(count))
    return np.asarray(owner.fillna(locate.NO_CELL), np.intp)


def _frame(xy: NDArray[np.float64]) -> geopandas.GeoDataFrame:
    return geopandas.GeoDataFrame(geometry=shapely.points(xy), crs=4326)


@contextmanager
def _engine(name: str) -> Iterator[None]:
    kept = locate.compiled
    if name == "fallback":
        locate.compiled = None
    try:
        yield
    finally:
        locate.compiled = kept


if __name__ == "__main__":
    sys.exit(main())
