"""A city of 24 cells for tests: one district, two towns, three communities, five workers.

Cells are squares of 0.001 degrees, six columns west to east, four rows north to south, the corner at
(122.990, 41.104). Each community is two columns wide; its cells 001, 002 lie in the northmost row.

    community            primary        backup          desk
    210302001001  A      W0001 on       W0002 on        no
    210302001002  B      W0003 off      none            no       (town 210302001 staffed)
    210302002001  C      W0004 off      W0005 off       staffed

The river 南沙河 runs along its northern edge, 胜利路 (arterial, in two pieces) along the middle from west to
east, 杏花巷 (street) along the eastern edge of A from north to south.
"""

from __future__ import annotations

from datetime import UTC, datetime

import sqlalchemy as sa
from argon2 import PasswordHasher
from shapely import LineString, MultiPolygon, box, union_all
from sqlalchemy.dialects.postgresql import Range

from app.assignment.models import Post
from app.cases.models import CaseStandard, CaseType
from app.facilities.models import Facility, FacilityType
from app.grid.models import Area, Cell, CellVersion, GridVersion, Street
from app.identity.models import Grant, Person, Unit
from app.identity.rules import Role
from app.transaction import Tx
from app.workers.models import Shift, Worker

WEST, NORTH, STEP = 122.990, 41.104, 0.001
SINCE = datetime(2020, 1, 1, tzinfo=UTC)
ALWAYS = Range(SINCE, None)
PASSWORD = "correct horse battery staple"
A, B, C = "210302001001", "210302001002", "210302002001"
HASH = PasswordHasher(time_cost=1, memory_cost=19_456, parallelism=1).hash(PASSWORD)


def cell_code(column: int, row: int) -> str:
    """Return the code of the cell in this column and row."""
    community = (A, B, C)[column // 2]
    return f"{community}{row * 2 + column % 2 + 1:03d}"


def outline(column: int, row: int):
    """Return the cell's square, of corners that its neighbours share to the last bit."""
    west, east = round(WEST + column * STEP, 6), round(WEST + (column + 1) * STEP, 6)
    north, south = round(NORTH - row * STEP, 6), round(NORTH - (row + 1) * STEP, 6)
    return box(west, south, east, north)


def middle(column: int, row: int) -> tuple[float, float]:
    """Return the lon and lat of the cell's middle."""
    centre = outline(column, row).centroid
    return centre.x, centre.y


def ewkt(shape) -> str:
    return f"SRID=4326;{shape.wkt}"


def build(tx: Tx) -> None:
    """Write the city into an empty schema."""
    cells = {cell_code(x, y): outline(x, y) for x in range(6) for y in range(4)}
    _areas(tx, cells)
    _cells(tx, cells)
    _streets(tx)
    _workers(tx, cells)
    _types(tx)
    _units(tx)
    _facilities(tx)
    _people(tx)


def _areas(tx: Tx, cells: dict) -> None:
    def union(prefix: str) -> str:
        whole = union_all([shape for code, shape in cells.items() if code.startswith(prefix)])
        return ewkt(MultiPolygon([whole]))

    rows = [
        ("210300", "city", None, "鞍山市", "2103", False),
        ("210302", "district", "210300", "铁东区", "210302", False),
        ("210302001", "town", "210302", "解放街道", "210302001", True),
        ("210302002", "town", "210302", "山南街道", "210302002", True),
        (A, "community", "210302001", "解放社区", A, False),
        (B, "community", "210302001", "胜利社区", B, False),
        (C, "community", "210302002", "山南社区", C, True),
    ]
    tx.execute(
        sa.insert(Area),
        [
            {
                "code": code,
                "level": level,
                "parent_code": parent,
                "name": name,
                "geom": union(prefix),
                "desk_staffed": staffed,
                "desk_phone": "0412-8890",
            }
            for code, level, parent, name, prefix, staffed in rows
        ],
    )


def _cells(tx: Tx, cells: dict) -> None:
    version = tx.execute(
        sa.insert(GridVersion)
        .values(valid_from=SINCE, created_by="tests", note="the first grid")
        .returning(GridVersion.id)
    ).scalar_one()
    tx.execute(
        sa.insert(Cell), [{"code": c, "community_code": c[:12], "population": 100} for c in sorted(cells)]
    )
    tx.execute(
        sa.insert(CellVersion),
        [
            {"cell_code": c, "valid": ALWAYS, "geom": ewkt(g), "area_m2": 9_300.0, "grid_version_id": version}
            for c, g in sorted(cells.items())
        ],
    )


def _streets(tx: Tx) -> None:
    def corner(column: int, row: int) -> tuple[float, float]:
        return round(WEST + column * STEP, 6), round(NORTH - row * STEP, 6)

    rows = [
        ("river", "南沙河", [(0, 0), (3, 0), (6, 0)]),
        ("arterial", "胜利路", [(0, 2), (3, 2)]),
        ("arterial", "胜利路", [(3, 2), (6, 2)]),
        ("street", "杏花巷", [(2, 0), (2, 4)]),
    ]
    tx.execute(
        sa.insert(Street),
        [
            {"kind": kind, "name": name, "geom": ewkt(LineString([corner(*place) for place in places]))}
            for kind, name, places in rows
        ],
    )


def _workers(tx: Tx, cells: dict) -> None:
    homes = {"W0001": A, "W0002": A, "W0003": B, "W0004": C, "W0005": C}
    tx.execute(
        sa.insert(Worker),
        [
            {"code": code, "name": f"网格员{code[-1]}", "phone": f"1380000000{code[-1]}", "home_code": home}
            for code, home in homes.items()
        ],
    )
    ids = dict(tx.execute(sa.select(Worker.code, Worker.id)).all())
    tx.execute(sa.insert(Shift), [{"worker_id": ids[code], "during": ALWAYS} for code in ("W0001", "W0002")])
    primary, backup = {A: "W0001", B: "W0003", C: "W0004"}, {A: "W0002", C: "W0005"}
    tx.execute(
        sa.insert(Post),
        [
            {"cell_code": cell, "worker_id": ids[held[cell[:12]]], "role": role, "during": ALWAYS}
            for role, held in (("primary", primary), ("backup", backup))
            for cell in cells
            if cell[:12] in held
        ],
    )


def _types(tx: Tx) -> None:
    tx.execute(
        sa.insert(FacilityType),
        [
            {
                "code": "0101",
                "name_zh": "上水井盖",
                "name_en": "water cover",
                "unit": "供水",
                "shape": "point",
            },
            {"code": "0137", "name_zh": "路灯", "name_en": "street lamp", "unit": "市政", "shape": "point"},
        ],
    )
    rows = [
        ("F0101", "上水井盖", "water cover", 1, "urgent_hour", 2, "0101"),
        ("F0137", "路灯", "street lamp", 3, "work_day", 2, "0137"),
        ("E0110", "暴露垃圾", "refuse", 2, "work_hour", 4, None),
    ]
    tx.execute(
        sa.insert(CaseType),
        [
            {
                "code": code,
                "name_zh": zh,
                "name_en": en,
                "unit": "市政",
                "urgency": urgency,
                "clock": clock,
                "limit_value": limit,
                "facility_type_code": facility,
            }
            for code, zh, en, urgency, clock, limit, facility in rows
        ],
    )
    tx.execute(
        sa.insert(CaseType).values(
            code="A08",
            kind="appeal",
            name_zh="市政道路",
            name_en="roads",
            unit="市政",
            urgency=3,
            clock="work_day",
            limit_value=5,
        )
    )


def _facilities(tx: Tx) -> None:
    lon, lat = middle(0, 0)
    rows = [
        ("2103020101000001", "0101", lon, lat),
        ("2103020101000002", "0101", lon + 0.0002, lat),
        ("2103020137000001", "0137", lon + 0.00001, lat),
    ]
    tx.execute(
        sa.insert(Facility),
        [
            {"code": code, "type_code": kind, "geom": f"SRID=4326;POINT({x} {y})", "name": f"设施{code[-2:]}"}
            for code, kind, x, y in rows
        ],
    )


def _units(tx: Tx) -> None:
    rows = [
        ("L", "市政", "municipal works", "210300"),
        ("W", "供水", "water supply", "210300"),
        ("E", "环卫", "sanitation", "210300"),
        ("K210302001", "解放街道", "Jiefang street office", "210302001"),
    ]
    tx.execute(
        sa.insert(Unit),
        [{"code": c, "name_zh": zh, "name_en": en, "area_code": area} for c, zh, en, area in rows],
    )
    tx.execute(
        sa.insert(CaseStandard).from_select(
            [
                "type_code",
                "condition_zh",
                "condition_en",
                "close_zh",
                "close_en",
                "clock",
                "limit_value",
                "unit",
            ],
            sa.select(
                CaseType.code,
                sa.literal("影响使用"),
                sa.literal("in need of repair"),
                sa.literal("恢复原状"),
                sa.literal("as it was"),
                CaseType.clock,
                CaseType.limit_value,
                CaseType.unit,
            ),
        )
    )


def _people(tx: Tx) -> None:
    worker = tx.execute(sa.select(Worker.id).where(Worker.code == "W0001")).scalar_one()
    areas = {
        Role.WORKER: A,
        Role.DISPATCHER: "210302",
        Role.SUPERVISOR: "210302001",
        Role.PLANNER: "210302",
        Role.ADMIN: "210300",
        Role.OPERATOR: "210300",
        Role.CITIZEN: "210300",
        Role.SHIFT_LEADER: "210300",
        Role.HANDLER: "210300",
        Role.COMMITTEE: "210300",
        Role.LEADER: "210300",
    }
    tx.execute(
        sa.insert(Person),
        [
            {
                "username": role.value,
                "name": role.value,
                "password_hash": HASH,
                "worker_id": worker if role is Role.WORKER else None,
                "unit_code": "L" if role is Role.HANDLER else None,
            }
            for role in areas
        ],
    )
    ids = dict(tx.execute(sa.select(Person.username, Person.id)).all())
    tx.execute(
        sa.insert(Grant),
        [
            {"person_id": ids[role.value], "role": role.value, "area_code": area}
            for role, area in areas.items()
        ],
    )
