"""What a case's page shows beside the case: its clock, its people, its neighbours, and the viewer's steps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from app.cases import queries
from app.cases.duplicates import Likely, likely_of
from app.cases.persons import TOLD
from app.cases.queries import CaseFile, StagedPhoto, StepTaken, UnitName, sight_of
from app.cases.rules import ClockKind, Need, Status, Step
from app.cases.steps import Choice, choices
from app.errors import NotFound
from app.identity.rules import Permission, Role, Viewer
from app.transaction import Tx

NEAR_M = 100.0
RECENT = timedelta(days=30)
AFTER = frozenset({Step.FEEDBACK.value, Step.CHECKED.value, Step.ANSWER.value, Step.REWORK.value})
"""Steps whose photos show what was done; all others' show the matter."""

RUNNING = frozenset({Status.DISPATCHED.value, Status.HANDLING.value, Status.FILED.value})
"""Statuses in which a clock that was started goes on."""


@dataclass(frozen=True, slots=True)
class Neighbour:
    """Another case: of the same facility, of the same caller, or near."""

    id: UUID
    no: str
    why: str
    name_zh: str
    name_en: str
    status: str
    received_at: datetime
    closed_at: datetime | None
    text: str
    lon: float | None
    lat: float | None
    metres: float | None


@dataclass(frozen=True, slots=True)
class Span:
    """A piece of the clock's bar, as shares of its length: 'run', 'pause' or 'late'."""

    kind: str
    start: float
    end: float


@dataclass(frozen=True, slots=True)
class ClockBar:
    """The case's clock from its start: pieces, where it turns yellow and where it is due, as shares."""

    started_at: datetime
    spans: tuple[Span, ...]
    yellow: float | None
    due: float
    now: float | None
    pauses: int


@dataclass(frozen=True, slots=True)
class Options:
    """What the fields of the viewer's steps choose from."""

    units: Sequence[Any] = ()
    usual_unit: str | None = None
    standards: Sequence[Any] = ()
    workers: Sequence[Any] = ()
    communities: Sequence[Any] = ()


@dataclass(frozen=True, slots=True)
class Dossier:
    """All that a case's page shows."""

    case: CaseFile
    more: Any
    photos: Sequence[StagedPhoto]
    bar: ClockBar | None
    choices: Sequence[Choice]
    options: Options
    neighbours: Sequence[Neighbour]
    likely: Sequence[Likely]
    units: Mapping[str, UnitName]
    staff: bool = False
    told: bool = False
    """whether the person behind the case may be told to this viewer in full"""

    @property
    def may(self) -> dict[str, Choice]:
        """The steps that the viewer may take now."""
        return {choice.step: choice for choice in self.choices if choice.allowed}


def dossier(tx: Tx, case_id: UUID, *, by: Viewer, at: datetime) -> Dossier:
    """Return a case with all that its page shows.

    Raises:
        NotFound: there is none, or not for this viewer.
    """
    sight = sight_of(by)
    case = queries.case(tx, case_id, sight=sight)
    more = tx.named("cases.dossier", id=case_id).one()
    staff = sight.names_workers_in(case.community.code) or bool(by.roles - {Role.CITIZEN})
    steps = _choices(tx, case_id, by, at)
    allowed = [choice for choice in steps if choice.allowed]
    units = {row.code: UnitName(**row._mapping) for row in tx.named("cases.unit_names")}
    return Dossier(
        case=case,
        more=more,
        photos=queries.photos_staged(tx, case_id),
        bar=clock_bar(case, at),
        choices=steps,
        options=_options(tx, case, allowed, at),
        neighbours=_neighbours(tx, case, by, at) if staff else (),
        likely=[one for one in likely_of(tx, case, by=by) if one.case] if staff else (),
        units=units,
        staff=staff,
        told=_told(case, by),
    )


def _told(case: CaseFile, by: Viewer) -> bool:
    """Whether the person is likely told; the API decides, by who holds the case at that moment."""
    return by.may(Permission.READ_PERSONAL) and bool(by.roles & TOLD[Status(case.status)])


def _choices(tx: Tx, case_id: UUID, by: Viewer, at: datetime) -> list[Choice]:
    if not by.may(Permission.HANDLE_CASES):
        return []
    try:
        return choices(tx, case_id, by=by, at=at)
    except NotFound:
        return []


def _options(tx: Tx, case: CaseFile, allowed: Sequence[Choice], at: datetime) -> Options:
    needs = {need for choice in allowed for need in choice.needs}
    community = case.community.code
    units: tuple[Any, ...] = ()
    usual: str | None = None
    if Need.UNIT in needs:
        units = tuple(tx.named("cases.unit_choices", community=community))
        usual = case.unit.code if case.unit is not None else None
        usual = usual or _code_of(units, queries.usual_unit(tx, case.type.code, None))
    return Options(
        units=units,
        usual_unit=usual,
        standards=tuple(tx.named("cases.standards", type=case.type.code)) if Need.STANDARD in needs else (),
        workers=tuple(tx.named("cases.worker_choices", id=case.id, at=at)) if Need.WORKER in needs else (),
        communities=_communities(tx, case) if Need.COMMUNITY in needs and case.lon is None else (),
    )


def _code_of(units: Sequence[Any], name: str | None) -> str | None:
    town = name == "街道·乡镇"
    return next((unit.code for unit in units if unit.name_zh == name or (town and unit.town)), None)


def _communities(tx: Tx, case: CaseFile) -> tuple[Any, ...]:
    code = case.community.code
    prefix = code[:4] if len(code) == 6 and code.endswith("00") else code
    return tuple(tx.named("cases.community_choices", pattern=f"{prefix[:9]}%"))


def _neighbours(tx: Tx, case: CaseFile, by: Viewer, at: datetime) -> list[Neighbour]:
    sight = sight_of(by)
    rows = tx.named(
        "cases.neighbours",
        id=case.id,
        near_m=NEAR_M,
        since=at - RECENT,
        personal=by.may(Permission.READ_PERSONAL),
        patterns=[f"{prefix}%" for prefix in sight.areas],
        worker=sight.worker_id,
        unit=sight.unit_code,
        person=sight.person_id,
    )
    return [Neighbour(**row._mapping) for row in rows]


def clock_bar(case: CaseFile, at: datetime) -> ClockBar | None:
    """Return the clock as a bar, from the dispatch that started it; None while none was started.

    The bar is of plain time: a pause takes its place in it, and what is due moves to the right by it.
    """
    start = _started(case.steps)
    if start is None or case.warn_at is None:
        return None
    end = case.closed_at or at
    still = _pauses(case.steps, start, end)
    due = case.due_at
    if case.clock_left_s is not None and case.closed_at is None:
        due = max(due, end)
    last = max(due, end)
    whole = max((last - start).total_seconds(), 1.0)

    def share(moment: datetime) -> float:
        return min(1.0, max(0.0, (moment - start).total_seconds() / whole))

    spans = list(_spans(start, end, still, case, share))
    yellow = share(case.warn_at) if case.clock_left_s is None or case.closed_at else None
    now = share(at) if case.closed_at is None else None
    return ClockBar(start, tuple(spans), yellow, share(due), now, len(still))


def _started(steps: Sequence[StepTaken]) -> datetime | None:
    """Return when the clock that runs now was started: anew by an order, or after a reopening."""
    start = None
    for step in steps:
        if step.step == Step.ORDER or (step.step == Step.DISPATCH and start is None):
            start = step.at
        elif step.step == Step.REOPEN:
            start = None
    return start


def _pauses(steps: Sequence[StepTaken], start: datetime, end: datetime) -> list[tuple[datetime, datetime]]:
    pauses: list[tuple[datetime, datetime]] = []
    since: datetime | None = None
    for step in steps:
        if step.at < start:
            continue
        if since is None and step.to_status not in RUNNING:
            since = step.at
        elif since is not None and step.to_status in RUNNING:
            pauses.append((since, step.at))
            since = None
    if since is not None and since < end:
        pauses.append((since, end))
    return pauses


def _spans(
    start: datetime,
    end: datetime,
    pauses: Sequence[tuple[datetime, datetime]],
    case: CaseFile,
    share: Any,
) -> Any:
    at = start
    for since, until in (*pauses, (end, end)):
        late = case.due_at if case.clock_left_s is None or until < end else end
        if at < min(since, late):
            yield Span("run", share(at), share(min(since, late)))
        if max(at, late) < since:
            yield Span("late", share(max(at, late)), share(since))
        if since < until:
            yield Span("pause", share(since), share(until))
        at = until


def left_in_words(kind: str | None, left_s: float) -> tuple[int, int, int]:
    """Return days, hours and minutes that are left of a clock, in its own days: eight hours of work."""
    day = 8 * 3600 if kind in {ClockKind.WORK_DAY, ClockKind.WORK_HOUR} else 24 * 3600
    days, rest = divmod(max(0, round(left_s)), day)
    return int(days), int(rest // 3600), int(rest % 3600 // 60)
