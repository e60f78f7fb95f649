"""What is where in the grid, at a moment."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Literal

import numpy as np
import shapely
import sqlalchemy as sa
from numpy.typing import NDArray

from app.grid.models import GridVersion
from app.transaction import Tx
from gis.errors import NoCells

FACILITIES_SHOWN = 5


@dataclass(frozen=True, slots=True)
class Named:
    """Something by its code and name."""

    code: str
    name: str


@dataclass(frozen=True, slots=True)
class PostWorker:
    """A cell's primary or backup worker, and whether they were on duty at the moment asked for."""

    code: str
    name: str | None
    on_duty: bool


@dataclass(frozen=True, slots=True)
class Holder:
    """Who takes what happens there: a worker, or a duty desk by its area."""

    kind: Literal["worker", "desk"]
    code: str
    name: str | None


@dataclass(frozen=True, slots=True)
class CellFound:
    """A cell and its area."""

    code: str
    area_m2: float


@dataclass(frozen=True, slots=True)
class FacilityNear:
    """A facility and how far it is."""

    code: str
    type_code: str
    type_name_zh: str
    type_name_en: str
    name: str
    lon: float
    lat: float
    distance_m: float


@dataclass(frozen=True, slots=True)
class Located:
    """What is known of a place. Outside the grid, `cell` is the nearest, `distance_m` away."""

    lon: float
    lat: float
    at: datetime
    outside: bool
    distance_m: float | None
    cell: CellFound
    community: Named
    town: Named
    district: Named
    primary: PostWorker | None
    backup: PostWorker | None
    holder: Holder
    also_touched: tuple[str, ...]
    facilities: tuple[FacilityNear, ...]

    def without_names(self) -> Located:
        """Return the same with workers as codes, for who may not read workers there."""
        return replace(
            self,
            primary=self.primary and replace(self.primary, name=None),
            backup=self.backup and replace(self.backup, name=None),
            holder=replace(self.holder, name=None) if self.holder.kind == "worker" else self.holder,
        )


def locate(
    tx: Tx,
    lon: float,
    lat: float,
    *,
    at: datetime,
    accuracy_m: float | None = None,
    facilities: int = FACILITIES_SHOWN,
) -> Located:
    """Return what is known of the place `lon`, `lat` (WGS 84) as of `at`.

    Raises:
        NoCells: the grid had no cell at that moment.
    """
    row = tx.named(
        "grid.locate", lon=lon, lat=lat, at=at, accuracy_m=accuracy_m, facilities=facilities
    ).one_or_none()
    if row is None:
        raise NoCells(at)
    return Located(
        lon=lon,
        lat=lat,
        at=at,
        outside=row.outside_m is not None,
        distance_m=row.outside_m,
        cell=CellFound(row.cell_code, row.area_m2),
        community=Named(row.community_code, row.community_name),
        town=Named(row.town_code, row.town_name),
        district=Named(row.district_code, row.district_name),
        primary=_post(row.posts.get("primary")),
        backup=_post(row.posts.get("backup")),
        holder=_holder(row),
        also_touched=tuple(code for code in row.touched or () if code != row.cell_code),
        facilities=tuple(FacilityNear(**facility) for facility in row.facilities),
    )


@dataclass(frozen=True, slots=True)
class Outlines:
    """Every cell of a moment: (m,) codes, ascending, and (m,) shapely outlines."""

    codes: tuple[str, ...]
    shapes: NDArray[np.object_]


@dataclass(frozen=True, slots=True)
class Held:
    """The areas above a cell by name, its posts' workers by code, and who takes what happens in it.

    `outside_desk` takes what happens outside the grid, where this cell is the nearest.
    """

    community: str
    town: str
    district: str
    primary_worker: str | None
    backup_worker: str | None
    holder: str
    outside_desk: str


def outlines(tx: Tx, *, at: datetime) -> Outlines:
    """Return the cells as of `at`.

    Raises:
        NoCells: there was none.
    """
    rows = tx.named("grid.cells_at", at=at).all()
    if not rows:
        raise NoCells(at)
    shapes = np.asarray(shapely.from_wkb([bytes(row.outline) for row in rows]), object)
    return Outlines(tuple(row.cell_code for row in rows), shapes)


def held(tx: Tx, codes: Sequence[str], *, at: datetime) -> dict[str, Held]:
    """Return who held each of the cells as of `at`, by code."""
    rows = tx.named("grid.held_at", codes=list(codes), at=at).mappings()
    return {row["cell"]: Held(**{k: v for k, v in row.items() if k != "cell"}) for row in rows}


def moments_between(tx: Tx, after: datetime, until: datetime) -> list[datetime]:
    """Return the moments after `after` and up to `until` from which a version of the grid holds."""
    within = sa.and_(GridVersion.valid_from > after, GridVersion.valid_from <= until)
    return list(tx.execute(sa.select(GridVersion.valid_from).distinct().where(within)).scalars())


def _post(held: dict[str, Any] | None) -> PostWorker | None:
    return None if held is None else PostWorker(**held)


def _holder(row: sa.Row[Any]) -> Holder:
    return Holder("worker" if row.holder_is_worker else "desk", row.holder_code, row.holder_name)
