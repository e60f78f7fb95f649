"""The code tables: facility types and what can be reported, as frozen values.

The tables are CSV files in `data/reference/`; every row names its `source` and the day from which it
holds. They are defaults: a city loads its own rows over them.
"""

import csv
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from functools import cache
from pathlib import Path

_FOLDER = Path(__file__).parent / "reference"


class Clock(StrEnum):
    """How a limit is counted (domain reference, section 5)."""

    URGENT_HOUR = "urgent_hour"
    NATURAL_DAY = "natural_day"
    WORK_HOUR = "work_hour"
    WORK_DAY = "work_day"


class Shape(StrEnum):
    """What a facility or an incident is on the ground."""

    POINT = "point"
    LINE = "line"
    AREA = "area"


@dataclass(frozen=True, slots=True)
class FacilityType:
    """A kind of numbered facility; `code` is two digits of class and two of type."""

    code: str
    name_zh: str
    name_en: str
    unit: str
    geometry: Shape
    source: str
    valid_from: date


@dataclass(frozen=True, slots=True)
class CaseType:
    """Something that can be reported: `E` and four digits for an event, `F` and four for a fault.

    `urgency` runs from 1 (urgent) to 3 (normal); `limit` counts on `clock`; `facility_type` is the code
    of the facility type that is at fault, None for an event.
    """

    code: str
    name_zh: str
    name_en: str
    unit: str
    urgency: int
    clock: Clock
    limit: int
    geometry: Shape
    facility_type: str | None
    source: str
    valid_from: date


@cache
def facility_types() -> tuple[FacilityType, ...]:
    """Return the facility types in ascending code."""
    return tuple(
        FacilityType(
            code=row["code"],
            name_zh=row["name_zh"],
            name_en=row["name_en"],
            unit=row["unit"],
            geometry=Shape(row["geometry"]),
            source=row["source"],
            valid_from=date.fromisoformat(row["valid_from"]),
        )
        for row in _rows("facility_types.csv")
    )


@cache
def case_types() -> tuple[CaseType, ...]:
    """Return what can be reported, events first, in ascending code."""
    return tuple(
        CaseType(
            code=row["code"],
            name_zh=row["name_zh"],
            name_en=row["name_en"],
            unit=row["unit"],
            urgency=int(row["urgency"]),
            clock=Clock(row["clock"]),
            limit=int(row["limit"]),
            geometry=Shape(row["geometry"]),
            facility_type=row["facility_type"] or None,
            source=row["source"],
            valid_from=date.fromisoformat(row["valid_from"]),
        )
        for row in _rows("case_types.csv")
    )


def _rows(name: str) -> Iterator[Mapping[str, str]]:
    with (_FOLDER / name).open(encoding="utf-8", newline="") as file:
        yield from csv.DictReader(file)
