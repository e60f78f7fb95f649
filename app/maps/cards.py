"""Cards of the map: what is known of a cell, facility, area or worker, each read by one statement.

A worker's name is shown to whoever may read workers, in their areas; cases are those of `sight_of`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, TypeVar
from uuid import UUID

from app.cases.queries import patterns, sight_of
from app.errors import NotFound
from app.http import Answer
from app.identity.rules import Permission, Viewer
from app.transaction import Tx

SILENT_AFTER = timedelta(minutes=15)
DENSITY_OF = timedelta(days=90)
DISTRICT_DIGITS = 6
"""An authority over a whole city has a shorter prefix."""

CardT = TypeVar("CardT", bound=Answer)
Box = tuple[float, float, float, float]


class Named(Answer):
    """An area by its code and name."""

    code: str
    name: str


class TypeName(Answer):
    """A type in both languages."""

    code: str
    name_zh: str
    name_en: str


class TypeCount(TypeName):
    """How many facilities of a type there are."""

    count: int


class Holder(Answer):
    """Who holds a cell; the name only for those who may read workers there."""

    code: str
    name: str | None
    on_duty: bool


class OpenCase(Answer):
    """An open case, as a line of a card."""

    id: UUID
    no: str
    type: TypeName
    status: str
    received_at: datetime
    due_at: datetime
    lon: float
    lat: float


class CellCard(Answer):
    """A cell as it stands now; `until` is set when it no longer does."""

    code: str
    lon: float
    lat: float
    bbox: tuple[float, float, float, float]
    geometry: dict[str, Any]
    area_m2: float
    population: int
    since: datetime
    until: datetime | None
    community: Named
    town: Named
    district: Named
    primary: Holder | None
    backup: Holder | None
    facilities: list[TypeCount]
    open: int
    overdue: int
    cases: list[OpenCase]


class FacilityCard(Answer):
    """A numbered facility, with its cell and who holds it."""

    code: str
    name: str
    address: str
    condition: str
    installed: str | None
    changed_at: datetime
    photo: str | None
    type: TypeName
    unit: str
    lon: float
    lat: float
    bbox: tuple[float, float, float, float]
    geometry: dict[str, Any]
    cell: str | None
    community: Named | None
    town: Named | None
    district: Named
    primary: Holder | None
    backup: Holder | None
    cases: list[OpenCase]


class AreaCard(Answer):
    """A city, district, town or community, with what it holds; workers and cases as far as the viewer sees.

    `workers` and `on_duty` are null for those who may read no workers.
    """

    code: str
    name: str
    level: str
    lon: float
    lat: float
    bbox: tuple[float, float, float, float]
    parent: Named | None
    children: list[Named]
    cells: int
    area_m2: float
    population: int
    facilities: int
    workers: int | None
    on_duty: int | None
    open: int
    overdue: int
    desk_staffed: bool
    desk_phone: str


class WorkerCard(Answer):
    """A grid worker: duty, last position, cells and open cases; the phone is masked."""

    code: str
    name: str
    phone: str
    on_duty: bool
    silent: bool
    position_at: datetime | None
    lon: float | None
    lat: float | None
    bbox: tuple[float, float, float, float] | None
    geometry: dict[str, Any] | None
    home: Named
    town: Named | None
    primary_cells: list[str]
    backup_cells: list[str]
    open: int
    overdue: int
    cases: list[OpenCase]


class Summary(Answer):
    """How much each layer holds for this viewer."""

    districts: int
    towns: int
    communities: int
    cells: int
    facilities: int
    open: int
    overdue: int
    soon: int
    today: int
    workers: int
    on_duty: int


class Density(Answer):
    """Where cases are: how many by the id that a cell has in the tiles, and by town how many times the mean.

    The mean is that of the towns in which the viewer sees any.
    """

    since: datetime
    cells: dict[str, int]
    towns: dict[str, float]


@dataclass(frozen=True, slots=True)
class CityView:
    """The city's name and the box of its grid."""

    code: str
    name: str
    west: float
    south: float
    east: float
    north: float


def sight(viewer: Viewer) -> dict[str, Any]:
    """Return what the statements ask of a viewer: LIKE patterns of their areas, and who they are."""
    named = viewer.narrowed(Permission.READ_WORKERS).areas
    return {"named": patterns(named), **sight_of(viewer).parameters}


def cell(tx: Tx, code: str, *, viewer: Viewer, at: datetime) -> CellCard:
    """Return the cell's card.

    Raises:
        NotFound: there never was such a cell.
    """
    return _card(tx, CellCard, "maps.cell_card", code=code, at=at, **sight(viewer))


def facility(tx: Tx, code: str, *, viewer: Viewer, at: datetime) -> FacilityCard:
    """Return the facility's card.

    Raises:
        NotFound: there is none.
    """
    return _card(tx, FacilityCard, "maps.facility_card", code=code, at=at, **sight(viewer))


def area(tx: Tx, code: str, *, viewer: Viewer, at: datetime) -> AreaCard:
    """Return the area's card.

    Raises:
        NotFound: there is none.
    """
    return _card(tx, AreaCard, "maps.area_card", code=code, at=at, **sight(viewer))


def worker(tx: Tx, code: str, *, viewer: Viewer, at: datetime) -> WorkerCard:
    """Return the worker's card.

    Raises:
        NotFound: there is none, or not in the viewer's areas.
    """
    moments = {"at": at, "silent_since": at - SILENT_AFTER}
    return _card(tx, WorkerCard, "maps.worker_card", code=code, **moments, **sight(viewer))


def summary(tx: Tx, *, viewer: Viewer, at: datetime, midnight: datetime) -> Summary:
    """Return how much each layer holds."""
    row = tx.named("maps.summary", at=at, midnight=midnight, **sight(viewer)).one()
    return Summary.model_validate(dict(row._mapping))


def density(tx: Tx, *, viewer: Viewer, at: datetime) -> Density:
    """Return how many cases, open or of the last `DENSITY_OF`, each cell and town has."""
    seen, since = sight(viewer), at - DENSITY_OF
    del seen["named"]
    rows = tx.named("maps.density", at=at, since=since, **seen).all()
    towns = [row for row in rows if row.kind == "town"]
    mean = sum(row.cases for row in towns) / max(1, sum(row.cells for row in towns))
    return Density(
        since=since,
        cells={row.key: row.cases for row in rows if row.kind == "cell"},
        towns={row.key: round(row.cases / max(1, row.cells) / mean, 2) for row in towns},
    )


def city_view(tx: Tx, city: str) -> CityView | None:
    """Return where the map begins, None while there is no city."""
    row = tx.named("maps.city_view", city=city).one_or_none()
    return None if row is None else CityView(**row._mapping)


def home_view(tx: Tx, *, viewer: Viewer, at: datetime) -> Box | None:
    """Return the box in which the viewer's map begins, None where the whole city is as good.

    A worker begins at the cells that they hold, others at the areas of their authority.
    """
    within = [prefix for prefix in viewer.areas if len(prefix) >= DISTRICT_DIGITS]
    row = tx.named("maps.home_view", worker=viewer.worker_id, within=within, at=at).one()
    return None if row.west is None else (row.west, row.south, row.east, row.north)


def _card(tx: Tx, kind: type[CardT], statement: str, *, code: str, **parameters: Any) -> CardT:
    # a code is letters and digits: anything else (a NUL above all) never reaches the database
    known = code.isascii() and code.isalnum()
    found = tx.named(statement, code=code, **parameters).scalar_one_or_none() if known else None
    if found is None:
        raise NotFound(f"there is no {statement[5:-5]} {code!r} that you may see", field="code", value=code)
    return kind.model_validate(found)
