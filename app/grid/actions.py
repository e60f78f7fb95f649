"""Changes of the grid: a file of cells becomes the outlines that hold from a moment on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import shapely
import sqlalchemy as sa
from numpy.typing import NDArray
from psycopg.types.range import Range

from app.bulk import copy_rows, ewkb
from app.errors import Conflict
from app.grid.models import Cell, CellVersion, GridVersion
from app.grid.queries import moments_between
from app.transaction import Event, Tx
from gis import crs as systems

CELL_COLUMNS = {"code": "text", "community_code": "text", "population": "int4"}
VERSION_COLUMNS = {
    "cell_code": "text",
    "valid": "tstzrange",
    "geom": "bytea",
    "area_m2": "float8",
    "grid_version_id": "int8",
}
COMMUNITY_DIGITS = 12


@dataclass(frozen=True, slots=True)
class NewCells:
    """Cells as a file gives them: (n) codes, (n,) WGS 84 polygons, populations or None."""

    codes: Sequence[str]
    geometries: NDArray[np.object_]
    populations: Sequence[int | None] | None = None


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a change comes from: who, why, the file, its datum and its SHA-256."""

    by: str
    note: str
    name: str = ""
    crs: str = ""
    sha256: str = ""


@dataclass(frozen=True, slots=True)
class GridChange:
    """What became of the cells; `version` is None when nothing changed."""

    version: int | None
    added: tuple[str, ...]
    redrawn: tuple[str, ...]
    ended: tuple[str, ...]
    unchanged: int


class LaterGrid(Conflict):
    """The grid already changes at or after this moment."""

    code = "later_grid"


class RetiredCode(Conflict):
    """A code was used by a cell that has ended, and is never used again."""

    code = "retired_code"


class StaleGrid(Conflict):
    """The grid has changed since it was looked at."""

    code = "stale_grid"


def replace_cells(
    tx: Tx, cells: NewCells, *, since: datetime, origin: Origin, metric_epsg: int, seen: int | None = None
) -> GridChange:
    """Make `cells` the cells of their communities from `since` on, and return what changed.

    A community that has one cell in the file has only the file's cells afterwards; other communities stay.
    Cells whose outline is the same stay as they are. The outlines of the communities and towns become the
    union of their cells, unless the change lies in the future.

    Args:
        tx: the transaction.
        cells: checked cells (`gis.checks.check_cells`).
        since: when the change takes effect.
        origin: for the grid's version.
        metric_epsg: CRS for areas.
        seen: the grid's version when the cells were checked.

    Raises:
        StaleGrid: the grid has changed since `seen`.
        LaterGrid: an outline of these communities changes at or after `since`.
        RetiredCode: a new cell has the code of an ended one.
    """
    tx.execute(sa.text("SELECT pg_advisory_xact_lock(hashtext(current_schema() || '.grid'))"))
    _check_seen(tx, seen)
    communities = sorted({code[:COMMUNITY_DIGITS] for code in cells.codes})
    current = _current(tx, communities)
    shapes = dict(zip(cells.codes, cells.geometries, strict=True))
    added = sorted(shapes.keys() - current.keys())
    ended = sorted(current.keys() - shapes.keys())
    redrawn = _redrawn(shapes, current)
    _set_populations(tx, cells)
    unchanged = len(shapes) - len(added) - len(redrawn)
    if not (added or redrawn or ended):
        return GridChange(None, (), (), (), unchanged)
    _check_history(tx, added, [*redrawn, *ended], since)
    version = _new_version(tx, since, origin)
    _close(tx, [*redrawn, *ended], since)
    _write(tx, cells, added, since=since, version=version, metric_epsg=metric_epsg, redrawn=redrawn)
    # What is planned changes the areas' outlines when its moment comes: `take_effect`.
    if tx.execute(
        sa.text("SELECT CAST(:at AS timestamptz) <= clock_timestamp()"), {"at": since}
    ).scalar_one():
        _refresh_areas(tx, communities, at=since)
    counts = {"added": len(added), "redrawn": len(redrawn), "ended": len(ended), "from": since.isoformat()}
    tx.record(Event("grid.changed", str(version), None, counts))
    return GridChange(version, tuple(added), tuple(redrawn), tuple(ended), unchanged)


def take_effect(tx: Tx, *, after: datetime, at: datetime) -> int:
    """Give the areas the outlines of the grid changes that came into force since `after`, and count those.

    A change that is written for a moment to come leaves the areas' outlines as they are until then.
    """
    moments = moments_between(tx, after, at)
    if not moments:
        return 0
    changed = tx.execute(sa.text(CHANGED_COMMUNITIES), {"moments": moments}).scalars().all()
    _refresh_areas(tx, changed, at=at)
    return len(moments)


def _refresh_areas(tx: Tx, communities: Sequence[str], *, at: datetime) -> None:
    """Make the outlines of communities and their towns the union of their cells at `at`."""
    tx.execute(sa.text(REFRESH_COMMUNITIES), {"at": at, "communities": list(communities)})
    tx.execute(sa.text(REFRESH_TOWNS), {"towns": sorted({code[:9] for code in communities})})


CHANGED_COMMUNITIES = """
    SELECT DISTINCT c.community_code
    FROM cell_versions v JOIN cells c ON c.code = v.cell_code
    WHERE lower(v.valid) = ANY(CAST(:moments AS timestamptz[]))
       OR upper(v.valid) = ANY(CAST(:moments AS timestamptz[]))
"""
REFRESH_COMMUNITIES = """
    UPDATE areas a SET geom = u.geom
    FROM (SELECT c.community_code AS code, ST_Multi(ST_Union(v.geom)) AS geom
          FROM cells c JOIN cell_versions v ON v.cell_code = c.code
          WHERE c.community_code = ANY(CAST(:communities AS text[])) AND v.valid @> CAST(:at AS timestamptz)
          GROUP BY c.community_code) u
    WHERE a.code = u.code
"""
REFRESH_TOWNS = """
    UPDATE areas a SET geom = u.geom
    FROM (SELECT parent_code AS code, ST_Multi(ST_Union(geom)) AS geom FROM areas
          WHERE level = 'community' AND parent_code = ANY(CAST(:towns AS text[])) GROUP BY parent_code) u
    WHERE a.code = u.code
"""


def _check_seen(tx: Tx, seen: int | None) -> None:
    if seen is None:
        return
    newest = tx.execute(sa.select(sa.func.coalesce(sa.func.max(GridVersion.id), 0))).scalar_one()
    if newest != seen:
        raise StaleGrid("the grid has changed since the file was checked; check it again")


def _current(tx: Tx, communities: Sequence[str]) -> dict[str, shapely.Geometry]:
    """Return the outlines without an end, by code."""
    rows = tx.execute(
        sa.select(CellVersion.cell_code, sa.func.ST_AsBinary(CellVersion.geom).label("wkb"))
        .join(Cell, Cell.code == CellVersion.cell_code)
        .where(Cell.community_code.in_(communities), sa.func.upper_inf(CellVersion.valid))
    ).all()
    shapes = shapely.from_wkb([bytes(row.wkb) for row in rows])
    return dict(zip([row.cell_code for row in rows], shapes, strict=True))


def _redrawn(new: dict[str, shapely.Geometry], current: dict[str, shapely.Geometry]) -> list[str]:
    both = sorted(new.keys() & current.keys())
    if not both:
        return []
    # A Shapefile turns rings round; the outline is the same.
    one = shapely.normalize([new[code] for code in both])
    other = shapely.normalize([current[code] for code in both])
    same = shapely.equals_exact(one, other, 0)
    return [code for code, equal in zip(both, same, strict=True) if not equal]


def _check_history(tx: Tx, added: Sequence[str], closing: Sequence[str], since: datetime) -> None:
    if added:
        retired = tx.execute(sa.select(sa.func.min(Cell.code)).where(Cell.code.in_(added))).scalar_one()
        if retired is not None:
            raise RetiredCode(
                f"the code {retired} belongs to a cell that has ended, and codes are never used again;"
                " give the new cell the next free number",
                value=retired,
            )
    # Two open ends of one range meet in `closing`: only a version that begins before `since` can end there.
    later = tx.execute(
        sa.select(sa.func.max(sa.func.lower(CellVersion.valid))).where(
            CellVersion.cell_code.in_(closing), sa.func.lower(CellVersion.valid) >= since
        )
    ).scalar_one()
    if later is not None:
        raise LaterGrid(
            f"the grid of these communities changes at {later.astimezone(since.tzinfo).isoformat()};"
            f" give --from a later moment than that, not {since.isoformat()}",
            value=since,
        )


def _new_version(tx: Tx, since: datetime, origin: Origin) -> int:
    made: int = tx.execute(
        sa.insert(GridVersion)
        .values(
            valid_from=since,
            created_by=origin.by,
            note=origin.note,
            source_name=origin.name,
            source_crs=origin.crs,
            source_sha256=origin.sha256,
        )
        .returning(GridVersion.id)
    ).scalar_one()
    return made


def _close(tx: Tx, codes: Sequence[str], since: datetime) -> None:
    tx.execute(
        sa.text(
            "UPDATE cell_versions SET valid = tstzrange(lower(valid), :since)"
            " WHERE cell_code = ANY(CAST(:codes AS text[])) AND upper_inf(valid)"
        ),
        {"since": since, "codes": list(codes)},
    )


def _write(
    tx: Tx,
    cells: NewCells,
    added: Sequence[str],
    *,
    redrawn: Sequence[str],
    since: datetime,
    version: int,
    metric_epsg: int,
) -> None:
    new, chosen = set(added), {*added, *redrawn}
    populations = cells.populations or [None] * len(cells.codes)
    copy_rows(
        tx,
        "cells",
        CELL_COLUMNS,
        (
            (code, code[:COMMUNITY_DIGITS], people or 0)
            for code, people in zip(cells.codes, populations, strict=True)
            if code in new
        ),
    )
    keep = [i for i, code in enumerate(cells.codes) if code in chosen]
    shapes = np.asarray(cells.geometries, object)[keep]
    areas = shapely.area(systems.geometries_from_wgs84(shapes, f"EPSG:{metric_epsg}"))
    valid = Range(since, None)
    copy_rows(
        tx,
        "cell_versions",
        VERSION_COLUMNS,
        (
            (cells.codes[i], valid, blob, area, version)
            for i, blob, area in zip(keep, ewkb(shapes).to_pylist(), areas.tolist(), strict=True)
        ),
    )


def _set_populations(tx: Tx, cells: NewCells) -> None:
    if cells.populations is None:
        return
    known = [(c, p) for c, p in zip(cells.codes, cells.populations, strict=True) if p is not None]
    tx.execute(
        sa.text(
            "UPDATE cells SET population = n.population"
            " FROM unnest(CAST(:codes AS text[]), CAST(:people AS int[])) AS n(code, population)"
            " WHERE cells.code = n.code AND cells.population <> n.population"
        ),
        {"codes": [c for c, _ in known], "people": [p for _, p in known]},
    )
