"""Carry a change of the calendar to the open cases, each once, whatever is killed on the way.

The job goes through the open cases in the order of their ids and writes its cursor with each batch. Whoever
takes a step on a case before the job comes to it carries the change to that case first (`carry_to`), so that
no clock is ever counted on two calendars; `calendar_moves` keeps the job from doing so again.

What is counted anew is the stretch that runs: from the last start or resumption of the clock to the due
moment. What was used before, and what is left of a clock that stands still, stays as it was counted.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import orjson

from app.calendar import queries as calendars
from app.calendar.rules import Calendar, Progress, changed, from_json
from app.cases import deadlines
from app.cases.effects import State, next_act
from app.cases.rules import RULES, STAGE_LIMITS, Clock, ClockKind, Kind, Nature, Status, appeal_limit
from app.transaction import Tx

BATCH = 200
NOTE = "工作日历调整，时限重新计算 (the calendar was changed)"
BEGINNING = sorted(
    {
        step.value
        for (_, step), rule in RULES.items()
        if rule.clock in {Clock.START, Clock.RESUME, Clock.ONCE_MORE}
    }
)
"""Steps from which on a clock runs."""

_SAME = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class Clocked:
    """An open case, its limit before a standard is chosen, when its clock began, and when its status did."""

    state: State
    estimate: tuple[ClockKind, float]
    began_at: datetime | None
    entered_at: datetime


@dataclass(frozen=True, slots=True)
class Carried:
    """How many cases were looked at, and how many have another due moment."""

    seen: int
    moved: int


def waiting(tx: Tx) -> int | None:
    """Return the change that is to be carried to the open cases."""
    found: int | None = tx.named("cases.oldest_carried").scalar()
    return found


def begin(tx: Tx, change_id: int) -> None:
    """Count the cases that the change is carried to."""
    tx.named("cases.begin_carrying", id=change_id, cases=tx.named("cases.count_open").scalar_one())


def carry_on(tx: Tx, change_id: int, *, at: datetime, batch: int = BATCH) -> Carried | None:
    """Carry a change to the next batch of open cases; None when all are done.

    In one transaction with the cursor: who goes on after a kill goes on behind the last batch.
    """
    change = tx.named("calendar.change", id=change_id).one()
    if change.progress not in {Progress.WAITING, Progress.RUNNING}:
        return None
    ids = list(tx.named("cases.next_open", cursor=change.cursor, limit=batch).scalars())
    tx.named("cases.lock_open", ids=ids)
    moved = _carry(tx, change, ids, at=at, early=False)
    tx.named("cases.carried_to", id=change_id, cursor=ids[-1] if ids else None, seen=len(ids), at=at)
    return Carried(len(ids), moved) if ids else None


def carry_to(tx: Tx, change_id: int, case_id: UUID, *, at: datetime) -> None:
    """Carry a change to one case ahead of the others, whose lock the caller holds: a step is being taken."""
    row = tx.named("cases.change_carried", id=change_id).one()
    if row.progress == Progress.DONE or (row.cursor is not None and case_id <= row.cursor):
        return
    _carry(tx, row, [case_id], at=at, early=True)


def _carry(tx: Tx, change: Any, ids: Sequence[UUID], *, at: datetime, early: bool) -> int:
    new = calendars.current(tx)
    old = changed(new, from_json(change.before))
    rows = tx.named("cases.to_recompute", change=change.id, ids=list(ids)).all()
    steps = {
        row.case_id: row
        for row in tx.named("cases.clock_steps", ids=[row.id for row in rows], beginning=BEGINNING)
    }
    before = [_clocked(row, steps.get(row.id)) for row in rows]
    after = [recomputed(case, old, new, at=at) for case in before]
    pairs = [(case.state, now) for case, now in zip(before, after, strict=True)]
    moved = [(was, now) for was, now in pairs if was != now]
    _write(tx, change.id, moved, at=at)
    done = pairs if early else moved
    if done:
        tx.named(
            "cases.carried",
            change=change.id,
            ids=[was.id for was, _ in done],
            before=[was.due_at for was, _ in done],
            after=[now.due_at for _, now in done],
            moved=[was != now for was, now in done],
        )
    return len(moved)


def recomputed(case: Clocked, old: Calendar, new: Calendar, *, at: datetime) -> State:
    """Return a case as it stands on the new calendar, when its moments were counted on the old one."""
    state = case.state
    now = state
    if state.clock_left_s is None:
        now = _due_anew(case, old, new, at=at)
    now = replace(now, stage_due_at=_stage(case, now, old, new))
    if now == state:
        return state
    act = next_act(now, new)
    return replace(now, acts_at=None if act is None else act[0])


def _due_anew(case: Clocked, old: Calendar, new: Calendar, *, at: datetime) -> State:
    state = case.state
    if state.warn_at is None or state.clock_kind is None or case.began_at is None:
        clock, limit = case.estimate
        counted = deadlines.due(state.received_at, clock, limit, old).at
        if abs(counted - state.due_at) > _SAME:
            return state  # another's estimate, such as an imported one, or a clock that ran before
        return replace(state, due_at=deadlines.due(state.received_at, clock, limit, new).at)
    due = _shifted(case.began_at, state.due_at, state.clock_kind, old, new)
    warn = _shifted(case.began_at, state.warn_at, state.clock_kind, old, new)
    return replace(state, due_at=due, warn_at=warn, warned=state.warned and warn <= at)


def _shifted(began: datetime, end: datetime, clock: ClockKind, old: Calendar, new: Calendar) -> datetime:
    left = deadlines.left(began, end, clock, old)
    return deadlines.after(began, clock, left, new) if left > 0 else end


def _stage(case: Clocked, now: State, old: Calendar, new: Calendar) -> datetime | None:
    state = case.state
    if state.stage_due_at is None or state.stage_due_at == state.due_at:
        return state.stage_due_at and now.due_at
    if state.status not in STAGE_LIMITS:
        return state.stage_due_at
    clock, limit = STAGE_LIMITS[state.status]
    counted = deadlines.due(case.entered_at, clock, limit, old).at
    if abs(counted - state.stage_due_at) > _SAME:
        return state.stage_due_at
    return deadlines.due(case.entered_at, clock, limit, new).at


def _clocked(row: Any, steps: Any) -> Clocked:
    state = State(
        id=row.id,
        kind=Kind(row.kind),
        type_code=row.type_code,
        status=Status(row.status),
        community_code=row.community_code,
        received_at=row.received_at,
        due_at=row.due_at,
        checker_id=row.checker_id,
        stage_due_at=row.stage_due_at,
        warn_at=row.warn_at,
        clock_kind=row.clock_kind and ClockKind(row.clock_kind),
        limit_value=row.limit_value,
        clock_left_s=row.clock_left_s,
        extensions=row.extensions,
        level=row.level,
        handovers=row.handovers,
        warned=row.warned,
        acts_at=row.acts_at,
        suspended_until=row.suspended_until,
    )
    estimate = (ClockKind(row.type_clock), row.type_limit)
    if row.nature is not None:
        estimate = appeal_limit(*estimate, Nature(row.nature))
    began = steps.began_at if steps is not None else None
    entered = steps.entered_at if steps is not None else None
    return Clocked(state, estimate, began or row.received_at, entered or row.received_at)


def _write(tx: Tx, change_id: int, moved: Sequence[tuple[State, State]], *, at: datetime) -> None:
    if not moved:
        return
    data = [
        orjson.dumps({"calendar": change_id, "due_before": was.due_at, "due_after": now.due_at}).decode()
        for was, now in moved
    ]
    states = [now for _, now in moved]
    tx.named(
        "cases.move",
        ids=[one.id for one in states],
        due=[one.due_at for one in states],
        stage=[one.stage_due_at for one in states],
        warn=[one.warn_at for one in states],
        warned=[one.warned for one in states],
        acts=[one.acts_at for one in states],
        data=data,
        note=NOTE,
        at=at,
    )
