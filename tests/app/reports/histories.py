"""Cases with their steps as they would have been written: by hand, or at random along the table of steps."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import sqlalchemy as sa

from app.cases.models import Case, CaseStep
from app.cases.rules import ENDED, RULES, Status, Step
from app.reports.rules import ZONE
from app.transaction import Tx
from tests.city import A, B, C, middle

UNITS = ("L", "W", "E")
PLACES = {A: (0, 0), B: (2, 0), C: (4, 0)}
DAY = timedelta(days=1)
HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)


def local(day: str, clock: str = "10:00") -> datetime:
    """Return a moment of the city's time."""
    return datetime.fromisoformat(f"{day}T{clock}").replace(tzinfo=ZONE)


@dataclass
class Told:
    """A case as it is told: steps are (step, moment) or (step, moment, what else the step holds)."""

    steps: Sequence[tuple[Any, ...]]
    due: datetime
    kind: str = "incident"
    type: str = "F0137"
    source: str = "worker"
    community: str = A
    worker: int | None = None
    unit: str | None = "L"
    more: dict[str, Any] = field(default_factory=dict)
    id: UUID = field(default_factory=uuid4)


_numbers = iter(range(1, 100_000_000))


def write(tx: Tx, *cases: Told) -> None:
    """Write cases with their steps, statuses along the table of steps."""
    made = [_rows(told) for told in cases]
    if made:
        tx.execute(sa.insert(Case), [case for case, _ in made])
        tx.execute(sa.insert(CaseStep), [step for _, steps in made for step in steps])


def _rows(told: Told) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    rows, status, ended = [], None, None
    for step, at, *rest in told.steps:
        before = status
        status = RULES[before, Step(step)].to if before else Status.REPORTED
        ended = at if status in ENDED else None
        more = rest[0] if rest else {}
        rows.append({"by_person": None, "worker_id": None, "unit_code": told.unit, "data": None} | more | {
            "case_id": told.id,
            "at": at,
            "step": step,
            "from_status": before and before.value,
            "to_status": status.value,
        })  # fmt: skip
    lon, lat = middle(*PLACES[told.community])
    values = {
        "id": told.id,
        "no": f"21030220240101{next(_numbers):08d}",
        "kind": told.kind,
        "type_code": told.type,
        "status": status.value,
        "source": told.source,
        "text": "",
        "geom": f"SRID=4326;POINT({lon} {lat})",
        "crs_source": "wgs84",
        "observed_at": told.steps[0][1],
        "received_at": told.steps[0][1],
        "due_at": told.due,
        "closed_at": ended,
        "cell_code": f"{told.community}001",
        "community_code": told.community,
        "worker_id": told.worker,
        "desk_code": None if told.worker else told.community,
        "body_sha256": b"",
        "unit_code": told.unit,
    }
    return {**values, **told.more}, rows


USUAL = ("report", "accept", "file", "dispatch", "sign", "feedback", "check", "checked", "pass")
WITH_PERSON = ("report", "accept", "file", "dispatch", "sign", "feedback", "call_back", "satisfied")


def straight(start: datetime, *, handled: datetime | None = None, path: Sequence[str] = USUAL) -> list[Any]:
    """Return the straight way: a step 5 minutes after the one before, the feedback at `handled`."""
    at, steps = start, []
    for step in path:
        if step == "feedback":
            if handled is None:
                break
            at = handled
        steps.append((step, at))
        at += 5 * MINUTE
    return steps


def random_case(
    chance: random.Random, *, since: datetime, days: int, workers: Sequence[int], people: Sequence[int]
) -> Told:
    """Return a case that walks the table of steps at random, with moments at random."""
    at = since + chance.random() * days * DAY
    kind = chance.choice(("incident", "incident", "appeal"))
    steps: list[Any] = [("report", at)]
    status, unit, walked = Status.REPORTED, None, chance.randint(1, 22)
    while len(steps) < walked and status not in ENDED:
        options = [step for (of, step), _ in RULES.items() if of is status]
        likely = [step for step in options if step not in RARE] or options
        step = chance.choice(likely if chance.random() < 0.9 else options)
        at += chance.choice((MINUTE, 10 * MINUTE, HOUR, 7 * HOUR, DAY, 3 * DAY)) * chance.uniform(0.2, 2)
        if step in {Step.DISPATCH, Step.ORDER}:
            unit = chance.choice(UNITS)
        more = {"unit_code": unit, "by_person": chance.choice(people)}
        if step in {Step.VERIFIED, Step.CHECKED, Step.REWORK}:
            more["worker_id"] = chance.choice(workers)
        if step is Step.SATISFIED:
            more["data"] = {"score": chance.choice(("satisfied", "fair"))}
        steps.append((step.value, at, more))
        status = RULES[status, step].to
        if status is Status.CLOSED and chance.random() < 0.2:
            at += DAY
            steps.append(("reopen", at, {"unit_code": unit}))
            status = Status.FILED
    due = steps[0][1] + chance.choice((HOUR, DAY, 4 * DAY, 20 * DAY)) * chance.uniform(0.5, 2)
    return Told(
        steps,
        due,
        kind=kind,
        type=chance.choice(("F0101", "F0137", "E0110")),
        source=chance.choice(("worker", "citizen", "phone", "sensor")),
        community=chance.choice((A, B, C)),
        worker=chance.choice((None, *workers)),
        unit=unit,
    )


RARE = frozenset(
    {
        Step.MERGE,
        Step.FORCE_CLOSE,
        Step.JOINED,
        Step.URGE,
        Step.NOTE,
        Step.ADD,
        Step.INSTRUCT,
        Step.ASSIGN,
        Step.WITHDRAW,
        Step.VOID,
        Step.SUPERVISE,
        Step.ASK_VOID,
        Step.ASK_EXTEND,
        Step.ASK_RETURN,
        Step.ASK_SUSPEND,
        Step.REFUSE,
    }
)
