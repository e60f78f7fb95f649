"""Changes of the facility register: a file of facilities is added to it, and corrects what is there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import numpy as np
import shapely
import sqlalchemy as sa
from numpy.typing import NDArray

from app.bulk import copy_columns, ewkb
from app.facilities.models import Facility
from app.transaction import Event, Tx

COLUMNS = {
    "code": "text",
    "type_code": "text",
    "name": "text",
    "address": "text",
    "condition": "text",
    "installed": "date",
    "changed_at": "timestamptz",
    "geom": "bytea",
}


@dataclass(frozen=True, slots=True)
class NewFacilities:
    """Facilities as a file gives them; a column that is None is not in the file and stays as it is."""

    codes: Sequence[str]
    types: Sequence[str]
    geometries: NDArray[np.object_]
    names: Sequence[str] | None = None
    addresses: Sequence[str] | None = None
    conditions: Sequence[str] | None = None
    installed: Sequence[date | None] | None = None


@dataclass(frozen=True, slots=True)
class RegisterChange:
    """How many rows were added, changed and found as they were."""

    added: int
    changed: int
    unchanged: int


def register_facilities(tx: Tx, facilities: NewFacilities, *, at: datetime) -> RegisterChange:
    """Add the facilities of a file to the register and correct those that are in it; none is removed.

    Args:
        tx: the transaction.
        facilities: checked facilities (`gis.checks.check_facilities`).
        at: the moment of the change.
    """
    tx.execute(sa.text("SELECT pg_advisory_xact_lock(hashtext(current_schema() || '.facilities'))"))
    present = _present(tx)
    shapes = shapely.normalize(facilities.geometries)
    blobs = ewkb(facilities.geometries).to_pylist()
    added: list[Sequence[Any]] = []
    changed: list[tuple[Any, ...]] = []
    for index, code in enumerate(facilities.codes):
        old = present.get(code)
        row = _merged(facilities, index, old)
        if old is None:
            added.append((code, *row, at, blobs[index]))
        elif row != old[:-1] or not shapely.equals_exact(shapes[index], old[-1], 0):
            changed.append((code, *row, blobs[index]))
    if added:
        copy_columns(tx, "facilities", COLUMNS, dict(zip(COLUMNS, zip(*added, strict=True), strict=True)))
    _correct(tx, changed, at)
    unchanged = len(facilities.codes) - len(added) - len(changed)
    if added or changed:
        counts = {"added": len(added), "changed": len(changed)}
        tx.record(Event("facilities.changed", "register", None, counts))
    return RegisterChange(len(added), len(changed), unchanged)


def _present(tx: Tx) -> dict[str, tuple[Any, ...]]:
    rows = tx.execute(
        sa.select(
            Facility.code,
            Facility.type_code,
            Facility.name,
            Facility.address,
            Facility.condition,
            Facility.installed,
            sa.func.ST_AsBinary(Facility.geom),
        )
    ).all()
    shapes = shapely.normalize(shapely.from_wkb(np.array([bytes(row[-1]) for row in rows], object)))
    return {row[0]: (*row[1:-1], shape) for row, shape in zip(rows, shapes, strict=True)}


def _merged(facilities: NewFacilities, index: int, old: tuple[Any, ...] | None) -> tuple[Any, ...]:
    """Return type, name, address, condition and date: the file's, else what is there, else the default."""
    _, name, address, condition, installed = old[:-1] if old else (None, "", "", "good", None)
    return (
        facilities.types[index],
        name if facilities.names is None else facilities.names[index],
        address if facilities.addresses is None else facilities.addresses[index],
        condition if facilities.conditions is None else facilities.conditions[index],
        installed if facilities.installed is None else facilities.installed[index],
    )


def _correct(tx: Tx, rows: Sequence[tuple[Any, ...]], at: datetime) -> None:
    if not rows:
        return
    names = ("codes", "types", "names", "addresses", "conditions", "installed", "geoms")
    columns = dict(zip(names, map(list, zip(*rows, strict=True)), strict=True))
    tx.execute(
        sa.text(
            "UPDATE facilities f SET type_code = n.type_code, name = n.name, address = n.address,"
            " condition = n.condition, installed = n.installed, changed_at = :at,"
            " geom = ST_GeomFromEWKB(n.geom)"
            " FROM unnest(CAST(:codes AS text[]), CAST(:types AS text[]), CAST(:names AS text[]),"
            " CAST(:addresses AS text[]), CAST(:conditions AS text[]), CAST(:installed AS date[]),"
            " CAST(:geoms AS bytea[])) AS n(code, type_code, name, address, condition, installed, geom)"
            " WHERE f.code = n.code"
        ),
        {**columns, "at": at},
    )
