"""What a step makes of a case: its status, holder, clock and counters. Pure: it can be walked at random."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from types import MappingProxyType
from typing import Any
from uuid import UUID

from app.calendar.rules import Calendar
from app.cases import deadlines
from app.cases.rules import (
    ASKED_FOR,
    CALLS,
    ENDED,
    MAX_EXTENSIONS,
    MAX_SUSPENSIONS,
    REOPEN_WITHIN,
    REWORKS_TO_LEVEL_2,
    STAGE_LIMITS,
    TOP_LEVEL,
    YELLOW,
    Clock,
    ClockKind,
    Kind,
    Rule,
    Status,
    Step,
    When,
    owner,
)
from app.identity.rules import Role


@dataclass(frozen=True, slots=True)
class State:
    """A case as far as steps ask of it or change it.

    `asked` is the step of its open request; `person` whether somebody is to be visited; `place` whether it
    lies anywhere. The clock runs when `warn_at` is set and `clock_left_s` is not.
    """

    id: UUID
    kind: Kind
    type_code: str
    status: Status
    community_code: str
    received_at: datetime
    due_at: datetime
    person: bool = False
    place: bool = True
    visitor: Role = Role.OPERATOR
    asked: Step | None = None
    asked_until: datetime | None = None
    worker_id: int | None = None
    desk_code: str | None = None
    unit_code: str | None = None
    assisting: tuple[str, ...] = ()
    handler_id: int | None = None
    checker_id: int | None = None
    supervisor_id: int | None = None
    standard_id: int | None = None
    stage_due_at: datetime | None = None
    warn_at: datetime | None = None
    clock_kind: ClockKind | None = None
    limit_value: float | None = None
    clock_left_s: float | None = None
    extensions: int = 0
    returns: int = 0
    reworks: int = 0
    suspensions: int = 0
    dissatisfactions: int = 0
    calls: int = 0
    level: int = 0
    handovers: int = 0
    warned: bool = False
    revision: int = 1
    acts_at: datetime | None = None
    closed_at: datetime | None = None
    suspended_until: datetime | None = None
    merged_into: UUID | None = None
    satisfaction: str | None = None

    @property
    def checked(self) -> bool:
        """Whether the worker sent to check has found it done."""
        return self.status is Status.CHECKING and self.checker_id is None

    @property
    def owner(self) -> Role | None:
        """The role that has to act next."""
        return owner(
            self.status,
            checked=self.checked,
            returns=self.returns,
            asked=self.asked,
            visitor=self.visitor,
        )


@dataclass(frozen=True, slots=True)
class Facts:
    """What a step brings, looked up: who takes it, and the things it names."""

    by_person: int | None = None
    unit_code: str | None = None
    assisting: tuple[str, ...] = ()
    worker_id: int | None = None
    supervisor_id: int | None = None
    standard_id: int | None = None
    clock_kind: ClockKind | None = None
    limit_value: float | None = None
    community_code: str | None = None
    type_code: str | None = None
    until: datetime | None = None
    score: str | None = None
    into: UUID | None = None
    system: bool = False


CONDITIONS: Mapping[When, Callable[[State, Step, datetime], bool]] = MappingProxyType(
    {
        When.PERSON: lambda case, _step, _at: case.person,
        When.NOBODY: lambda case, _step, _at: not case.person,
        When.PLACE: lambda case, _step, _at: case.place,
        When.NO_PLACE: lambda case, _step, _at: not case.place,
        When.ASKED: lambda case, step, _at: case.asked is step,
        When.NOT_ASKED: lambda case, _step, _at: case.asked is None,
        When.PENDING: lambda case, _step, _at: case.asked is not None,
        When.CHECKED: lambda case, _step, _at: case.checked,
        When.UNCHECKED: lambda case, _step, _at: not case.checked,
        When.BEFORE_DUE: lambda case, _step, at: at <= case.due_at,
        When.MAY_EXTEND: lambda case, _step, _at: case.extensions < MAX_EXTENSIONS,
        When.MAY_SUSPEND: lambda case, _step, _at: case.suspensions < MAX_SUSPENSIONS,
        When.THIRD_CALL: lambda case, _step, _at: case.calls >= CALLS - 1,
        When.EARLIER_CALL: lambda case, _step, _at: case.calls < CALLS - 1,
        When.RECENT: lambda case, _step, at: (
            case.closed_at is not None and at - case.closed_at <= REOPEN_WITHIN
        ),
        When.BELOW_TOP: lambda case, _step, _at: case.level < TOP_LEVEL,
        When.FIRST_DISSATISFIED: lambda case, _step, _at: case.dissatisfactions == 0,
        When.AGAIN_DISSATISFIED: lambda case, _step, _at: case.dissatisfactions > 0,
    }
)


def hindrance(case: State, step: Step, rule: Rule, at: datetime) -> When | None:
    """Return the first condition of the rule that the case does not meet, None when it meets all."""
    return next((when for when in rule.when if not CONDITIONS[when](case, step, at)), None)


def after_step(
    case: State, step: Step, rule: Rule, facts: Facts, at: datetime, *, calendar: Calendar | None = None
) -> State:
    """Return the case after a step that its rule allows; limits are counted on `calendar`."""
    counted, held = _COUNTED.get(step, _nothing)(case, facts), _HELD.get(step, _nothing)(case, facts)
    changed = replace(case, status=rule.to, revision=case.revision + 1, **counted, **held)
    changed = _clocked(changed, case, rule, facts, at, calendar=calendar)
    if step is Step.URGE and facts.system and changed.status is Status.DISPATCHED:
        changed = replace(changed, stage_due_at=changed.due_at)  # urged once; what comes next is the limit
    if changed.status is not case.status:
        changed = replace(changed, asked=None, asked_until=None)  # what was asked for is overtaken
    staged = _staged(changed, case, at, calendar)
    act = next_act(staged, calendar)
    return replace(staged, acts_at=None if act is None else act[0])


def next_act(case: State, calendar: Calendar | None = None) -> tuple[datetime, Step] | None:
    """Return when the system acts of its own accord next, and by which step; None when nothing is due.

    Unsigned for two hours is urged once; four fifths of the limit warn; the limit passed starts supervision,
    once more and twice more the limit raise it; a suspension ends by itself; a verification or check that
    nobody answers goes to the other post of the cell, once.
    """
    if case.status is Status.SUSPENDED and case.suspended_until is not None:
        return case.suspended_until, Step.RESUME
    if case.status in {Status.VERIFYING, Status.CHECKING} and not case.checked and not case.handovers:
        return None if case.stage_due_at is None else (case.stage_due_at, Step.HAND_OVER)
    if not _runs(case) or case.clock_kind is None or case.limit_value is None:
        return None
    acts = [] if case.warned or case.warn_at is None else [(case.warn_at, Step.WARN)]
    if case.status is Status.DISPATCHED and case.stage_due_at is not None and case.stage_due_at < case.due_at:
        acts.append((case.stage_due_at, Step.URGE))
    if case.level < TOP_LEVEL:
        over = case.level * deadlines.seconds_of(case.clock_kind, case.limit_value)
        acts.append((deadlines.after(case.due_at, case.clock_kind, over, calendar), Step.SUPERVISE))
    return min(acts, default=None)


def follow_up(case: State) -> Step | None:
    """Return the step that the system takes at once behind the last one, None when there is none."""
    if case.status is Status.ACCEPTED and case.kind is Kind.APPEAL and case.asked is None:
        return Step.FILE
    if case.reworks >= REWORKS_TO_LEVEL_2 and case.level < 2 and case.status is Status.HANDLING:
        return Step.SUPERVISE
    return None


def meant(case: State, step: Step) -> Step:
    """Return the step that is meant: a second dissatisfaction accounts, a third call in vain closes."""
    if step is Step.DISSATISFIED and case.dissatisfactions > 0:
        return Step.HOLD_TO_ACCOUNT
    if step is Step.NO_CONTACT and case.calls >= CALLS - 1:
        return Step.UNREACHED
    return step


_Change = Callable[[State, Facts], dict[str, Any]]


def _asked(step: Step) -> _Change:
    return lambda _case, facts: {"asked": ASKED_FOR[step], "asked_until": facts.until}


def _dissatisfied(case: State, _facts: Facts) -> dict[str, Any]:
    return {"satisfaction": "dissatisfied", "dissatisfactions": case.dissatisfactions + 1, "calls": 0}


def _called(case: State, _facts: Facts) -> dict[str, Any]:
    return {"calls": case.calls + 1, "satisfaction": "not_reached"}


_COUNTED: Mapping[Step, _Change] = MappingProxyType(
    {
        **{step: _asked(step) for step in ASKED_FOR},
        Step.REFUSE: lambda _case, _facts: {"asked": None, "asked_until": None},
        Step.RETURN: lambda case, _facts: {"returns": case.returns + 1, "handler_id": None},
        Step.EXTEND: lambda case, _facts: {"asked": None, "extensions": case.extensions + 1},
        Step.SUSPEND: lambda case, _facts: {
            "suspensions": case.suspensions + 1,
            "suspended_until": case.asked_until,
        },
        Step.RESUME: lambda _case, _facts: {"suspended_until": None},
        Step.REWORK: lambda case, _facts: {"reworks": case.reworks + 1},
        Step.NO_CONTACT: _called,
        Step.UNREACHED: _called,
        Step.SATISFIED: lambda _case, facts: {"satisfaction": facts.score},
        Step.DISSATISFIED: _dissatisfied,
        Step.HOLD_TO_ACCOUNT: _dissatisfied,
        Step.SUPERVISE: lambda case, _facts: {"level": case.level + 1},
        # the matter is handled anew: a new clock, and a person may be asked again
        Step.REOPEN: lambda _case, _facts: {
            "handler_id": None,
            "calls": 0,
            "warn_at": None,
            "clock_left_s": None,
            "returns": 0,
        },
        Step.OBJECT: lambda _case, _facts: {"calls": 0},
        Step.WARN: lambda _case, _facts: {"warned": True},
    }
)
"""What a step counts."""

_HELD: Mapping[Step, _Change] = MappingProxyType(
    {
        Step.VERIFY: lambda _case, facts: {"checker_id": facts.worker_id, "handovers": 0},
        Step.CHECK: lambda _case, facts: {"checker_id": facts.worker_id, "handovers": 0},
        Step.HAND_OVER: lambda case, facts: {
            "checker_id": facts.worker_id or case.checker_id,
            "handovers": case.handovers + 1,
        },
        Step.VERIFIED: lambda _case, _facts: {"checker_id": None},
        Step.CHECKED: lambda _case, _facts: {"checker_id": None},
        Step.REWORK: lambda _case, _facts: {"checker_id": None},
        Step.ACCEPT: lambda case, facts: {
            "community_code": facts.community_code or case.community_code,
            "type_code": facts.type_code or case.type_code,
        },
        Step.FILE: lambda _case, facts: {
            "standard_id": facts.standard_id,
            "clock_kind": facts.clock_kind,
            "limit_value": facts.limit_value,
        },
        Step.DISPATCH: lambda _case, facts: {
            "unit_code": facts.unit_code,
            "assisting": facts.assisting,
            "handler_id": None,
        },
        Step.ORDER: lambda _case, facts: {"unit_code": facts.unit_code},
        Step.DECIDE: lambda _case, facts: {"unit_code": facts.unit_code},
        Step.SIGN: lambda _case, facts: {"handler_id": facts.by_person},
        Step.ASSIGN: lambda _case, facts: {"worker_id": facts.worker_id, "desk_code": None},
        Step.DISSATISFIED: lambda _case, facts: {"supervisor_id": facts.supervisor_id},
        Step.SUPERVISE: lambda case, facts: {"supervisor_id": case.supervisor_id or facts.supervisor_id},
        Step.MERGE: lambda _case, facts: {"merged_into": facts.into},
    }
)
"""Whose hands a step puts the case in."""


def _nothing(_case: State, _facts: Facts) -> dict[str, Any]:
    return {}


def _clocked(
    case: State, before: State, rule: Rule, facts: Facts, at: datetime, *, calendar: Calendar | None
) -> State:
    match rule.clock:
        case Clock.START if not _runs(before) or before.unit_code != facts.unit_code:
            return _started(case, facts, at, calendar)
        case Clock.ONCE_MORE:
            return _started(case, facts, at, calendar)
        case Clock.STOP if _runs(before) and before.clock_kind is not None:
            left = deadlines.left(at, before.due_at, before.clock_kind, calendar)
            return replace(case, clock_left_s=left)
        case Clock.RESUME if before.clock_left_s is not None and before.clock_kind is not None:
            return _resumed(case, before.clock_left_s, at, calendar)
        case Clock.EXTEND if before.clock_kind is not None and before.limit_value is not None:
            more = deadlines.seconds_of(before.clock_kind, before.limit_value)
            due = deadlines.after(before.due_at, before.clock_kind, more, calendar)
            return _warned(replace(case, due_at=due), at, calendar)
        case _:
            return case


def _runs(case: State) -> bool:
    return case.warn_at is not None and case.clock_left_s is None and case.closed_at is None


def _started(case: State, facts: Facts, at: datetime, calendar: Calendar | None) -> State:
    kind = facts.clock_kind or case.clock_kind
    limit = facts.limit_value if facts.limit_value is not None else case.limit_value
    if kind is None or limit is None:
        return case
    due = deadlines.due(at, kind, limit, calendar).at
    fresh = replace(case, clock_kind=kind, limit_value=limit, due_at=due, clock_left_s=None, extensions=0)
    return _warned(fresh, at, calendar)


def _resumed(case: State, left: float, at: datetime, calendar: Calendar | None) -> State:
    if left <= 0 or case.clock_kind is None:
        return replace(case, clock_left_s=None)  # it was late before, and stays so
    due = deadlines.after(at, case.clock_kind, left, calendar)
    return _warned(replace(case, due_at=due, clock_left_s=None), at, calendar)


def _warned(case: State, at: datetime, calendar: Calendar | None) -> State:
    """Return the case with the moment at which a fifth of its whole limit is left."""
    if case.clock_kind is None or case.limit_value is None:
        return case
    whole = deadlines.seconds_of(case.clock_kind, case.limit_value) * (1 + case.extensions)
    left = deadlines.left(at, case.due_at, case.clock_kind, calendar)
    soon = max(0.0, left - (1 - YELLOW) * whole)
    return replace(case, warned=False, warn_at=deadlines.after(at, case.clock_kind, soon, calendar))


def _staged(case: State, before: State, at: datetime, calendar: Calendar | None) -> State:
    """Return the case with the moment by which the next step is due, and its end when it ended."""
    if case.status in ENDED:
        return replace(case, closed_at=at, stage_due_at=None, checker_id=None, suspended_until=None)
    opened = replace(case, closed_at=None)
    if case.status is Status.HANDLING:
        return replace(opened, stage_due_at=case.due_at)
    if case.status is Status.SUSPENDED:
        return replace(opened, stage_due_at=case.suspended_until)
    waits = (case.checked, case.handovers)
    if case.status is before.status and before.stage_due_at and waits == (before.checked, before.handovers):
        return opened
    kind, limit = STAGE_LIMITS[case.status]
    return replace(opened, stage_due_at=deadlines.due(at, kind, limit, calendar).at)
