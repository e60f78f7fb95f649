"""Mine today: the cases that wait for somebody, by when they have to have acted."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from app.cases import needles, queries
from app.cases.models import Appeal, Case, CaseRequest, VisitRule
from app.cases.queries import CaseCard, Sight, sight_of
from app.cases.rules import (
    RETURNS_TO_COMMITTEE,
    STAGE_LIMITS,
    VISITORS,
    YELLOW,
    ClockKind,
    Kind,
    Status,
    Step,
    owner,
)
from app.errors import Conflict
from app.identity.rules import Role, Viewer, prefix_of
from app.transaction import Tx

PAGE = 50
WATCHED_LEVEL = 2
"""From this level of supervision on, a leader is shown a case."""

AREA_ROLES = (Role.OPERATOR, Role.SHIFT_LEADER, Role.DISPATCHER, Role.SUPERVISOR, Role.COMMITTEE, Role.LEADER)
LAMPS = ("red", "yellow", "green")
MOST_VIEWS = 20


@dataclass(frozen=True, slots=True)
class Filters:
    """What the inbox is narrowed to; None leaves a filter out. `after` is the last one of the page before."""

    stage: str | None = None
    lamp: str | None = None
    kind: str | None = None
    type: str | None = None
    area: str | None = None
    text: str | None = None
    whole_unit: bool = False
    after: tuple[datetime | None, UUID] | None = None
    limit: int = PAGE


@dataclass(frozen=True, slots=True)
class Waiting:
    """A case that waits for the viewer: for what, how it stands to its moment, what can be done at once."""

    case: CaseCard
    lamp: str
    asked: str | None
    asked_reason: str | None
    acts: tuple[str, ...]

    @property
    def stage(self) -> str:
        """What it waits in: an open request, or its status."""
        return f"ask_{self.asked}" if self.asked else self.case.status


@dataclass(frozen=True, slots=True)
class Inbox:
    """A page of what waits for somebody, the soonest due first, and how many wait in each stage by lamp."""

    items: tuple[Waiting, ...]
    more: bool
    counts: Mapping[tuple[str, str], int]

    @property
    def total(self) -> int:
        """How many wait in all stages."""
        return sum(self.counts.values())

    def of(self, *, stage: str | None = None, lamp: str | None = None) -> int:
        """Return how many wait in a stage, or with a lamp."""
        return sum(n for (s, c), n in self.counts.items() if stage in {None, s} and lamp in {None, c})

    @property
    def stages(self) -> list[str]:
        """The stages in which something waits, in the loop's order."""
        found = {stage for stage, _ in self.counts}
        return [stage for stage in STAGES if stage in found]


STAGES = (
    *("ask_void", "ask_return", "ask_extend", "ask_suspend"),
    *(status.value for status in Status),
)

SavedView = tuple[int, str, str]


def inbox(tx: Tx, by: Viewer, filters: Filters, *, at: datetime) -> Inbox:
    """Return what waits for somebody, in two statements."""
    waits = _waits_for(by, whole_unit=filters.whole_unit)
    stage, lamp = _stage(), _lamp(at)
    base = sa.and_(Case.closed_at.is_(None), waits, *_narrowed(filters))
    counted = sa.select(stage.label("stage"), lamp.label("lamp"), sa.func.count().label("n"))
    rows = tx.execute(_joined(counted).where(base).group_by("stage", "lamp"))
    counts = {(row.stage, row.lamp): row.n for row in rows}
    page = _page(base, stage, lamp, filters)
    sight = sight_of(by)
    found = [_waiting(row, sight, by) for row in tx.execute(page)]
    return Inbox(tuple(found[: filters.limit]), len(found) > filters.limit, counts)


def statement(by: Viewer, filters: Filters, *, at: datetime) -> sa.Select[Any]:
    """Return the statement of a page, for who asks how it is planned."""
    waits = _waits_for(by, whole_unit=filters.whole_unit)
    return _page(sa.and_(Case.closed_at.is_(None), waits, *_narrowed(filters)), _stage(), _lamp(at), filters)


def _joined(statement: Any) -> sa.Select[Any]:
    asked = sa.and_(CaseRequest.case_id == Case.id, CaseRequest.decided_at.is_(None))
    visits = VisitRule.nature == sa.func.coalesce(Appeal.nature, Kind.INCIDENT.value)
    joined: sa.Select[Any] = statement.select_from(
        sa.outerjoin(Case, CaseRequest, asked)
        .outerjoin(Appeal, Appeal.case_id == Case.id)
        .outerjoin(VisitRule, visits)
    )
    return joined


def _page(
    base: sa.ColumnElement[bool], stage: sa.ColumnElement[str], lamp: sa.ColumnElement[str], filters: Filters
) -> sa.Select[Any]:
    called = sa.and_(Appeal.tell, Appeal.phone.is_not(None))
    citizen = sa.and_(Case.source.in_(("citizen", "web")), Case.reported_by.is_not(None))
    statement: sa.Select[Any] = sa.select(
        queries.CARD,
        stage.label("stage"),
        lamp.label("lamp"),
        CaseRequest.step.label("asked"),
        CaseRequest.reason.label("asked_reason"),
        sa.func.coalesce(called | citizen, sa.false()).label("person"),
        Case.checker_id.is_(None).label("checked"),
        Case.returns,
        _visitor().label("visitor"),
    )
    narrowed = [base]
    if filters.stage:
        narrowed.append(stage == filters.stage)
    if filters.lamp:
        narrowed.append(lamp == filters.lamp)
    narrowed.append(_after(filters.after))
    ordered = _joined(statement).where(*narrowed).order_by(Case.stage_due_at, Case.id)
    return ordered.limit(filters.limit + 1)


def _after(after: tuple[datetime | None, UUID] | None) -> sa.ColumnElement[bool]:
    """Return "behind the last one of the page before"; a case without a moment stands at the end."""
    if after is None:
        return sa.true()
    at, last = after
    if at is None:
        return sa.and_(Case.stage_due_at.is_(None), Case.id > last)
    later = sa.tuple_(Case.stage_due_at, Case.id) > sa.tuple_(sa.literal(at), sa.literal(last, sa.Uuid()))
    return sa.or_(later, Case.stage_due_at.is_(None))


def _waits_for(by: Viewer, *, whole_unit: bool) -> sa.ColumnElement[bool]:
    """Return "it waits for this viewer", as `rules.owner` says for one case."""
    return sa.or_(sa.false(), *_waits(by, whole_unit=whole_unit))


def _waits(by: Viewer, *, whole_unit: bool) -> Iterator[sa.ColumnElement[bool]]:
    held = {role for role, _ in by.grants}
    asked, status = CaseRequest.step, Case.status
    if Role.WORKER in held and by.worker_id is not None:
        mine = status.in_((Status.VERIFYING, Status.CHECKING))
        visited = sa.and_(
            status == Status.CALLBACK, _visitor() == Role.WORKER.value, Case.worker_id == by.worker_id
        )
        yield sa.and_(asked.is_(None), sa.or_(sa.and_(mine, Case.checker_id == by.worker_id), visited))
    if Role.HANDLER in held and by.unit_code is not None:
        handled = status.in_((Status.DISPATCHED, Status.HANDLING, Status.SUSPENDED))
        whose = (
            sa.true() if whole_unit else sa.or_(Case.handler_id.is_(None), Case.handler_id == by.person_id)
        )
        yield sa.and_(asked.is_(None), handled, Case.unit_code == by.unit_code, whose)
    if Role.CITIZEN in held:
        yield sa.and_(status == Status.CALLBACK, Case.reported_by == by.person_id)
    for role in AREA_ROLES:
        areas = sorted({prefix_of(area) for held_role, area in by.grants if held_role is role})
        if areas:
            waits = _area_role(role, by)
            if role in VISITORS:
                waits = sa.or_(waits, sa.and_(status == Status.CALLBACK, _visitor() == role.value))
            yield sa.and_(sa.or_(*(queries.within(area) for area in areas)), waits)


def _area_role(role: Role, by: Viewer) -> sa.ColumnElement[bool]:
    asked, status = CaseRequest.step, Case.status
    free = asked.is_(None)
    match role:
        case Role.OPERATOR:
            return sa.and_(free, status == Status.REPORTED)
        case Role.SHIFT_LEADER:
            checked = sa.and_(status == Status.CHECKING, Case.checker_id.is_(None))
            return sa.or_(asked == Step.VOID, sa.and_(free, sa.or_(status == Status.ACCEPTED, checked)))
        case Role.DISPATCHER:
            again = sa.and_(status == Status.FILED, Case.returns < RETURNS_TO_COMMITTEE)
            return sa.or_(asked != Step.VOID, sa.and_(free, sa.or_(again, status == Status.FEEDBACK)))
        case Role.SUPERVISOR:
            theirs = sa.or_(Case.supervisor_id.is_(None), Case.supervisor_id == by.person_id)
            watched = sa.and_(Case.level > 0, Case.supervisor_id == by.person_id)
            return sa.or_(sa.and_(status == Status.SUPERVISED, theirs), watched)
        case Role.COMMITTEE:
            disputed = sa.and_(free, status == Status.FILED, Case.returns >= RETURNS_TO_COMMITTEE)
            return sa.or_(status == Status.ACCOUNTABLE, disputed)
        case _:
            return sa.or_(Case.level >= WATCHED_LEVEL, status == Status.ACCOUNTABLE)


def _visitor() -> sa.ColumnElement[str]:
    return sa.func.coalesce(VisitRule.by_role, Role.OPERATOR.value)


def _stage() -> sa.ColumnElement[str]:
    return sa.case((CaseRequest.step.is_not(None), sa.literal("ask_") + CaseRequest.step), else_=Case.status)


def _lamp(at: datetime) -> sa.ColumnElement[str]:
    """Return red past its moment, yellow with a fifth of the time left, else green (domain.md, section 5)."""
    soon = sa.case(
        *(
            (Case.status == status.value, sa.literal(_fifth(*limit)))
            for status, limit in STAGE_LIMITS.items()
        ),
        else_=sa.literal(timedelta(0)),
    )
    warned = sa.and_(Case.status == Status.HANDLING, Case.warn_at <= at)
    return sa.case(
        (Case.stage_due_at < at, "red"),
        (Case.status == Status.SUSPENDED, "green"),
        (sa.or_(warned, Case.stage_due_at - at < soon), "yellow"),
        else_="green",
    )


def _fifth(kind: ClockKind, limit: float) -> timedelta:
    hours = {ClockKind.NATURAL_DAY: 24, ClockKind.WORK_DAY: 8}.get(kind, 1)
    return timedelta(hours=hours * limit * (1 - YELLOW))


def _narrowed(filters: Filters) -> Iterator[sa.ColumnElement[bool]]:
    if filters.kind:
        yield Case.kind == filters.kind
    if filters.type:
        yield Case.type_code == filters.type
    if filters.area:
        yield queries.within(prefix_of(filters.area))
    needle = None if filters.text is None else needles.needle_of(filters.text)
    if needle is not None:
        yield needles.holds(needle)


def _waiting(row: Any, sight: Sight, by: Viewer) -> Waiting:
    case = queries.card(row.card, sight)
    held = {role for role, _ in by.grants}
    checked = case.status == Status.CHECKING and row.checked
    asked = row.asked and Step(row.asked)
    role = owner(
        Status(case.status), checked=checked, returns=row.returns, asked=asked, visitor=Role(row.visitor)
    )
    acts = _at_once(case, asked, person=row.person, checked=checked) if role in held else ()
    return Waiting(case, row.lamp, row.asked, row.asked_reason, acts)


AT_ONCE: Mapping[Status, tuple[Step, ...]] = MappingProxyType(
    {
        Status.REPORTED: (Step.ACCEPT, Step.MERGE),
        Status.ACCEPTED: (Step.FILE,),
        Status.FILED: (Step.DISPATCH, Step.MERGE),
        Status.DISPATCHED: (Step.SIGN, Step.ASK_RETURN),
        Status.HANDLING: (Step.ASK_EXTEND, Step.ASK_SUSPEND),
        Status.SUSPENDED: (Step.RESUME,),
        Status.FEEDBACK: (Step.CHECK, Step.REWORK),
        Status.CALLBACK: (Step.NO_CONTACT,),
    }
)
"""Steps that many cases can take at once: they bring nothing that only a case's own page can ask for."""


def _at_once(case: CaseCard, asked: Step | None, *, person: bool, checked: bool) -> tuple[Step, ...]:
    if asked is not None:
        return (asked, Step.REFUSE)
    visit = Step.CALL_BACK if person else Step.PASS
    if case.status == Status.CHECKING and checked:
        return (visit,)
    if case.status == Status.FEEDBACK and case.lon is None:
        return (visit, Step.REWORK)
    if case.status == Status.REPORTED and len(case.community.code) < len("210302001001"):
        return (Step.MERGE,)  # its community has to be chosen first
    return AT_ONCE.get(Status(case.status), ())


def views(tx: Tx, by: Viewer) -> list[SavedView]:
    """Return the views that somebody keeps: id, name, query."""
    return [(row.id, row.name, row.query) for row in tx.named("cases.views", person=by.person_id)]


def keep_view(tx: Tx, name: str, query: str, *, by: Viewer) -> None:
    """Keep a view under a name; the same name again is the view anew.

    Raises:
        Conflict: somebody keeps as many as there can be.
    """
    kept = tx.named("cases.keep_view", person=by.person_id, name=name, query=query, most=MOST_VIEWS).all()
    if not kept:
        raise Conflict(f"you keep {MOST_VIEWS} views, which is all that there can be; forget one first")


def drop_view(tx: Tx, view: int, *, by: Viewer) -> None:
    """Forget a view of one's own; one that is gone is gone."""
    tx.named("cases.drop_view", id=view, person=by.person_id)
