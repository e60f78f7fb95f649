"""What the database knows that past cases need: types, units, people, and which numbers are taken."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import sqlalchemy as sa
from numpy.typing import NDArray

from app.cases.rules import ClockKind
from app.transaction import Tx

_SECONDS = {
    ClockKind.URGENT_HOUR: 3_600,
    ClockKind.NATURAL_DAY: 86_400,
    ClockKind.WORK_HOUR: 3_600,
    ClockKind.WORK_DAY: 8 * 3_600,
}
SERIALS = 99_999


@dataclass(frozen=True, slots=True)
class Ledger:
    """Types by number, in the order of their codes; `unit` is '' for what every town handles itself.

    Attributes:
        people: id of the demo account by role.
        serials: how many numbers of a county's day are taken, by the first 14 digits; it grows.
        demo_worker, demo_unit, demo_district: whose cases the demo accounts see.
    """

    types: NDArray[np.object_]
    works: NDArray[np.bool_]
    limit_s: NDArray[np.int64]
    clock: NDArray[np.object_]
    limit: NDArray[np.float64]
    unit: NDArray[np.object_]
    standard: NDArray[np.int64]
    people: dict[str, int]
    demo_worker: int
    demo_unit: str
    demo_district: str
    serials: dict[str, int] = field(default_factory=dict)

    def number_of(self, types: NDArray[np.object_]) -> NDArray[np.intp]:
        """Return the number of each type."""
        known = {code: number for number, code in enumerate(self.types)}
        return np.array([known[code] for code in types], np.intp)

    def next_number(self, county_day: str) -> str:
        """Return the next number of a county's day."""
        serial = self.serials.get(county_day, 0) + 1
        self.serials[county_day] = serial
        return f"{county_day}{serial:05d}"


def read_ledger(tx: Tx) -> Ledger:
    """Read what past cases need to know."""
    rows = tx.execute(
        sa.text(
            "SELECT t.code, t.clock, t.limit_value, coalesce(u.code, '') AS unit, s.id AS standard"
            " FROM case_types t"
            " LEFT JOIN units u ON u.name_zh = t.unit"
            " JOIN LATERAL (SELECT min(id) AS id FROM case_standards WHERE type_code = t.code) s ON true"
            " ORDER BY t.code"
        )
    ).all()
    people = {
        row.role: row.id
        for row in tx.execute(
            sa.text("SELECT g.role, p.id FROM people p JOIN grants g ON g.person_id = p.id WHERE p.demo")
        )
    }
    demo = tx.execute(
        sa.text(
            "SELECT max(p.worker_id) AS worker, max(p.unit_code) AS unit,"
            " left(max(g.area_code) FILTER (WHERE g.role = 'supervisor'), 6) AS district"
            " FROM people p JOIN grants g ON g.person_id = p.id WHERE p.demo"
        )
    ).one()
    taken = tx.execute(
        sa.text(
            "SELECT left(no, 14) AS day, max(right(no, 5)) AS serial FROM cases"
            " WHERE origin IS NULL GROUP BY 1"
        )
    )
    clocks = [ClockKind(row.clock) for row in rows]
    return Ledger(
        types=np.array([row.code for row in rows], object),
        works=np.array([clock in {ClockKind.WORK_HOUR, ClockKind.WORK_DAY} for clock in clocks]),
        limit_s=np.array(
            [round(row.limit_value * _SECONDS[c]) for row, c in zip(rows, clocks, strict=True)], np.int64
        ),
        clock=np.array([clock.value for clock in clocks], object),
        limit=np.array([row.limit_value for row in rows], float),
        unit=np.array([row.unit for row in rows], object),
        standard=np.array([row.standard for row in rows], np.int64),
        people=people,
        demo_worker=demo.worker or 0,
        demo_unit=demo.unit or "",
        demo_district=demo.district or "",
        serials={row.day: int(row.serial) for row in taken},
    )
