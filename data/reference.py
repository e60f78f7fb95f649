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


@dataclass(frozen=True, slots=True)
class Unit:
    """A department: a letter, and the name by which types call it. Each town's own is not listed here."""

    code: str
    name_zh: str
    name_en: str
    source: str


TOWNS_UNIT = "街道·乡镇"
"""The department of a type that every town handles itself."""


@dataclass(frozen=True, slots=True)
class Standard:
    """A filing standard: what makes a case of a type, what closes it, in what time, by which department."""

    type: str
    condition_zh: str
    condition_en: str
    close_zh: str
    close_en: str
    unit: str
    clock: Clock
    limit: int
    source: str


@dataclass(frozen=True, slots=True)
class AppealKind:
    """A kind of appeal in the demo city: its share of all, and what people say. 演示数据."""

    type: str
    share: float
    texts: tuple[str, ...]


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


@cache
def appeal_types() -> tuple[CaseType, ...]:
    """Return the twenty categories of appeals, `A` and two digits, in ascending code."""
    return tuple(
        CaseType(
            code=row["code"],
            name_zh=row["name_zh"],
            name_en=row["name_en"],
            unit=row["unit"],
            urgency=int(row["urgency"]),
            clock=Clock(row["clock"]),
            limit=int(row["limit"]),
            geometry=Shape.POINT,
            facility_type=None,
            source=row["source"],
            valid_from=date.fromisoformat(row["valid_from"]),
        )
        for row in _rows("appeal_types.csv")
    )


@cache
def appeal_kinds() -> tuple[AppealKind, ...]:
    """Return how often each category of appeal occurs in the demo city, in the order of `appeal_types`."""
    return tuple(
        AppealKind(row["type"], float(row["share"]), tuple(row["texts"].split("|")))
        for row in _rows("demo_appeals.csv")
    )


@cache
def units() -> tuple[Unit, ...]:
    """Return the departments of the city."""
    return tuple(
        Unit(row["code"], row["name_zh"], row["name_en"], row["source"]) for row in _rows("units.csv")
    )


@cache
def standards() -> tuple[Standard, ...]:
    """Return the filing standards of every type, at least one each: first the type's own limit."""
    particular = list(_rows("case_standards.csv"))
    found = []
    for kind in (*case_types(), *appeal_types()):
        found.append(
            Standard(
                type=kind.code,
                condition_zh=f"{kind.name_zh}，影响通行、安全或市容" if kind.code[0] != "A" else "诉求属实",
                condition_en="in the way, unsafe or unsightly" if kind.code[0] != "A" else "a true appeal",
                close_zh="已处置，现场恢复" if kind.code[0] != "A" else "已办理并答复",
                close_en="dealt with, the place restored" if kind.code[0] != "A" else "handled and answered",
                unit=kind.unit,
                clock=kind.clock,
                limit=kind.limit,
                source=kind.source,
            )
        )
        found += [
            Standard(
                type=kind.code,
                condition_zh=row["condition_zh"],
                condition_en=row["condition_en"],
                close_zh=row["close_zh"],
                close_en=row["close_en"],
                unit=kind.unit,
                clock=Clock(row["clock"]),
                limit=int(row["limit"]),
                source=row["source"],
            )
            for row in particular
            if kind.code in row["types"].split()
        ]
    return tuple(found)


def _rows(name: str) -> Iterator[Mapping[str, str]]:
    with (_FOLDER / name).open(encoding="utf-8", newline="") as file:
        yield from csv.DictReader(file)
