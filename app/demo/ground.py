"""The ground of the demo city: types, areas, cells, streets and facilities."""

from __future__ import annotations

import hashlib

import pandas as pd
import sqlalchemy as sa
from psycopg.types.range import Range

from app.bulk import copy_rows
from app.demo.common import SINCE, US, ewkb
from app.transaction import Tx
from data.city import City
from data.reference import CaseType, appeal_types, case_types, facility_types, standards, units


def write_types(tx: Tx, city: City) -> None:  # noqa: ARG001 - every part takes the city
    """Write the types of facilities and cases."""
    copy_rows(
        tx,
        "facility_types",
        {"code": "text", "name_zh": "text", "name_en": "text", "unit": "text", "shape": "text"},
        [(t.code, t.name_zh, t.name_en, t.unit, t.geometry.value) for t in facility_types()],
    )
    _write_case_types(tx)
    copy_rows(
        tx,
        "case_standards",
        {
            **dict.fromkeys(("type_code", "condition_zh", "condition_en", "close_zh", "close_en"), "text"),
            "clock": "text",
            "limit_value": "float8",
            "unit": "text",
            "source": "text",
        },
        [
            (
                *(s.type, s.condition_zh, s.condition_en, s.close_zh, s.close_en),
                *(s.clock.value, float(s.limit), s.unit, s.source),
            )
            for s in standards()
        ],
    )


def _write_case_types(tx: Tx) -> None:
    columns = dict.fromkeys(("code", "name_zh", "name_en", "unit"), "text")
    columns |= {"urgency": "int2", "clock": "text", "limit_value": "float8", "facility_type_code": "text"}
    columns |= {"source": "text", "kind": "text"}
    listed: list[tuple[CaseType, str]] = [
        *((kind, "incident") for kind in case_types()),
        *((kind, "appeal") for kind in appeal_types()),
    ]
    copy_rows(
        tx,
        "case_types",
        columns,
        [
            (
                *(t.code, t.name_zh, t.name_en, t.unit, t.urgency, t.clock.value, float(t.limit)),
                *(t.facility_type, t.source, kind),
            )
            for t, kind in listed
        ],
    )


def write_areas(tx: Tx, city: City) -> None:
    """Write the areas of every level."""
    areas = city.areas.sort_values("code", key=lambda codes: codes.str.len().astype(str) + codes)
    staffed = _staffed(areas)
    copy_rows(
        tx,
        "areas",
        {
            "code": "text",
            "level": "text",
            "parent_code": "text",
            "name": "text",
            "geom": "bytea",
            "desk_staffed": "bool",
            "desk_phone": "text",
        },
        zip(
            areas["code"],
            areas["level"],
            (None if pd.isna(parent) else parent for parent in areas["parent"]),
            areas["name"],
            ewkb(areas.geometry),
            staffed,
            ["0412-8890"] * len(areas),
            strict=True,
        ),
    )


def write_units(tx: Tx, city: City) -> None:
    """Write the departments: the city's, and one for each town, K and the town's code."""
    areas = city.areas
    whole = areas["code"][areas["level"] == "city"].iloc[0]
    towns = areas[areas["level"] == "town"]
    copy_rows(
        tx,
        "units",
        dict.fromkeys(("code", "name_zh", "name_en", "area_code"), "text"),
        [
            *((unit.code, unit.name_zh, unit.name_en, whole) for unit in units()),
            *(
                (f"K{code}", name, name, code)
                for code, name in zip(towns["code"], towns["name"], strict=True)
            ),
        ],
    )


def _staffed(areas: pd.DataFrame) -> list[bool]:
    """Every town's desk is staffed, and two communities' in three, by a digest of the code."""
    return [
        level == "town" or (level == "community" and hashlib.sha256(code.encode()).digest()[0] % 3 > 0)
        for code, level in zip(areas["code"], areas["level"], strict=True)
    ]


def write_cells(tx: Tx, city: City) -> None:
    """Write the cells and their one version."""
    version = tx.execute(
        sa.text(
            "INSERT INTO grid_versions (valid_from, created_by, note, source_name, source_crs)"
            " VALUES (:since, :us, :note, 'demo city', 'gcj02 outlines, converted once')"
            " RETURNING id"
        ),
        {"since": SINCE, "us": US, "note": f"演示数据, seed {city.seed}"},
    ).scalar_one()
    cells = city.cells
    copy_rows(
        tx,
        "cells",
        {"code": "text", "community_code": "text", "population": "int4"},
        zip(cells["code"], cells["community"], cells["population"].tolist(), strict=True),
    )
    always = Range(SINCE, None)
    copy_rows(
        tx,
        "cell_versions",
        {
            "cell_code": "text",
            "valid": "tstzrange",
            "geom": "bytea",
            "area_m2": "float8",
            "grid_version_id": "int8",
        },
        (
            (code, always, geom, area, version)
            for code, geom, area in zip(
                cells["code"], ewkb(cells.geometry), cells["area_m2"].tolist(), strict=True
            )
        ),
    )


def write_streets(tx: Tx, city: City) -> None:
    """Write the streets."""
    rows = city.streets
    copy_rows(
        tx,
        "streets",
        {"name": "text", "kind": "text", "geom": "bytea"},
        zip(rows["name"], rows["kind"], ewkb(rows.geometry), strict=True),
    )


def write_facilities(tx: Tx, city: City) -> None:
    """Write the facilities."""
    rows = city.facilities
    copy_rows(
        tx,
        "facilities",
        {
            "code": "text",
            "type_code": "text",
            "name": "text",
            "address": "text",
            "condition": "text",
            "installed": "date",
            "geom": "bytea",
        },
        zip(
            rows["code"],
            rows["type"],
            rows["name"],
            rows["address"],
            rows["condition"],
            (day.date() for day in pd.to_datetime(rows["installed"])),
            ewkb(rows.geometry),
            strict=True,
        ),
    )
