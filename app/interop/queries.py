"""What the city holds, for checking a file against it and for writing it to one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
import sqlalchemy as sa
from numpy.typing import NDArray

from app.facilities.models import FacilityType
from app.grid.models import GridVersion
from app.interop.rules import Subject
from app.transaction import Tx
from app.workers.models import Worker
from gis.checks import Cells, Outlines

Box = tuple[float, float, float, float]
_MARGIN = 0.2


@dataclass(frozen=True, slots=True)
class City:
    """The city as an import needs it, at one moment.

    Attributes:
        areas: towns and communities with outlines, in code order.
        area_codes: codes of all areas.
        cells: the cells, in ascending code order.
        retired: codes of cells that have ended.
        types: codes of the facility types.
        workers: codes of the workers.
        region: box around the city in WGS 84, with a margin; None for a city without areas.
        version: the newest version of the grid, 0 for none.
    """

    areas: Outlines
    area_codes: frozenset[str]
    cells: Cells
    retired: frozenset[str]
    types: frozenset[str]
    workers: frozenset[str]
    region: Box | None
    version: int


def city(tx: Tx, *, at: datetime) -> City:
    """Return the city as it stands at a moment."""
    rows = tx.named("interop.area_outlines").all()
    codes, shapes = [row.code for row in rows], _shapes([row.geom for row in rows])
    held = tx.named("interop.cells_at", at=at, prefix="").all()
    cells = Cells([row.code for row in held], _shapes([row.geom for row in held]))
    known = set(tx.execute(sa.text("SELECT code FROM cells")).scalars())
    return City(
        areas=Outlines(codes, shapes),
        area_codes=frozenset(codes),
        cells=cells,
        retired=frozenset(known - set(cells.codes)),
        types=frozenset(tx.execute(sa.select(FacilityType.code)).scalars()),
        workers=frozenset(tx.execute(sa.select(Worker.code)).scalars()),
        region=_region(shapes),
        version=tx.execute(sa.select(sa.func.coalesce(sa.func.max(GridVersion.id), 0))).scalar_one(),
    )


def contents(tx: Tx, subject: Subject, *, at: datetime, area: str = "") -> gpd.GeoDataFrame:
    """Return a subject as of a moment, as a frame in EPSG:4326 with the columns of `rules.FORMS`.

    Args:
        tx: the transaction.
        subject: cells, facilities, workers or posts. Facilities and workers are as they are now.
        at: the moment.
        area: an area's code prefix; "" for the whole city.
    """
    rows = tx.named(f"interop.{subject.value}_at", at=at, prefix=area)
    names = list(rows.keys())
    table = pd.DataFrame([tuple(row) for row in rows], columns=names)
    shapes = _shapes(list(table.pop("geom"))) if "geom" in names else np.full(len(table), None)
    if subject is Subject.FACILITIES:
        table["installed"] = table["installed"].map(lambda day: day.isoformat(), na_action="ignore")
    return gpd.GeoDataFrame(table, geometry=gpd.GeoSeries(shapes, crs=4326, index=table.index))


def _shapes(wkb: Sequence[Any]) -> NDArray[np.object_]:
    blobs = np.empty(len(wkb), object)
    blobs[:] = [bytes(value) for value in wkb]
    return np.asarray(shapely.from_wkb(blobs), object)


def _region(shapes: NDArray[np.object_]) -> Box | None:
    if not len(shapes):
        return None
    west, south, east, north = shapely.total_bounds(shapes).tolist()
    return west - _MARGIN, south - _MARGIN, east + _MARGIN, north + _MARGIN
