"""The only door to a status: a step is checked against the table, and written with the case and its event."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields, replace
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson
import psycopg

from app.calendar.queries import current, in_force
from app.cases import queries
from app.cases.effects import Facts, State, after_step, follow_up, hindrance, meant
from app.cases.queries import CaseCard, Sight, sight_of
from app.cases.recompute import carry_to
from app.cases.rules import (
    ASKED_FOR,
    ENDED,
    INCIDENT_NEEDS,
    LONGEST_SUSPENSION,
    RULES,
    URGE_EVERY,
    ClockKind,
    Kind,
    Need,
    Rule,
    Status,
    Step,
    StepNotAllowed,
    When,
    rule_of,
)
from app.errors import BadValue, Conflict, NotAllowed, NotFound, TooMany
from app.identity.rules import Role, Viewer, prefix_of
from app.transaction import Tx

SYSTEM = "system"


class StaleCase(Conflict):
    """Somebody else took a step since: nothing of theirs is overwritten."""

    code = "stale_case"


class StepDiffers(Conflict):
    """The step's id is known from another case."""

    code = "step_differs"


class NotYours(NotAllowed):
    """The step is another's to take."""

    code = "not_yours"


class StepIncomplete(BadValue):
    """The step does not bring what it has to."""

    code = "step_incomplete"


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """A step as it is sent: `key` is the sender's id of it, `revision` the last one that they saw."""

    step: Step
    key: UUID | None = None
    revision: int | None = None
    note: str = ""
    reason: str | None = None
    answer: str | None = None
    photos: tuple[str, ...] = ()
    community: str | None = None
    type: str | None = None
    standard: int | None = None
    unit: str | None = None
    assisting: tuple[str, ...] = ()
    worker: str | None = None
    into: UUID | None = None
    until: datetime | None = None
    measures: str | None = None
    result: str | None = None
    score: str | None = None
    cause: str | None = None
    finding: str | None = None
    order: str | None = None
    persons: str | None = None
    decision: str | None = None
    lon: float | None = None
    lat: float | None = None
    accuracy_m: float | None = None


NOT_DATA = frozenset({"step", "key", "revision", "note"})
SCORES = ("satisfied", "fair")
ANSWERS = ("exists", "not", "unable")


@dataclass(frozen=True, slots=True)
class Actor:
    """Who takes a step: somebody signed in, the person behind the case (`owns`), or the system (`role`)."""

    person_id: int | None = None
    worker_id: int | None = None
    unit_code: str | None = None
    grants: tuple[tuple[Role, str], ...] = ()
    owns: bool = False
    system: bool = False


SYSTEM_ACTOR = Actor(system=True)
PERSON_BEHIND = Actor(owns=True, grants=((Role.CITIZEN, ""),))
"""Whoever holds the tracking number's secret."""


@dataclass(frozen=True, slots=True)
class Choice:
    """A step that leads on from where a case stands: whether this viewer may take it, and if not, why."""

    step: str
    to: str
    allowed: bool
    why_not: str | None
    roles: tuple[str, ...]
    needs: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Read:
    """A locked case with what only this module asks of it."""

    state: State
    reported_by: int | None
    asked_reason: str | None
    asked_data: dict[str, Any] | None
    taken: bool


def take_step(tx: Tx, case_id: UUID, taken: Taken, *, by: Viewer, at: datetime) -> CaseCard:
    """Take a step, and return the case after it. A step sent twice is taken once.

    Raises:
        NotFound: there is no such case, or not for this viewer.
        StepNotAllowed: the case's status has no such step, or something hinders it.
        NotYours: the step is another role's, or another person's.
        StaleCase: somebody took a step since `taken.revision`.
        StepIncomplete, BadValue: a field is missing or does not fit.
    """
    sight = sight_of(by)
    read = _locked(tx, case_id, taken.key, at)
    owns = read.reported_by == by.person_id
    if not (owns or _seen(read.state, by, sight)):
        raise NotFound(f"there is no case {case_id}, or not for you")
    actor = Actor(by.person_id, by.worker_id, by.unit_code, by.grants, owns=owns)
    return queries.card(_take(tx, read, taken, actor, at), sight)


def take_own_step(tx: Tx, case_id: UUID, taken: Taken, *, at: datetime) -> CaseCard:
    """Take a step as the person behind the case, who showed the secret of its tracking number.

    Raises:
        As `take_step`.
    """
    return queries.card(_take(tx, _locked(tx, case_id, taken.key, at), taken, PERSON_BEHIND, at), Sight())


def take_system_step(tx: Tx, case_id: UUID, taken: Taken, *, at: datetime) -> CaseCard:
    """Take a step as the system does: of its own accord, or for a rule that fell due.

    Raises:
        As `take_step`.
    """
    return queries.card(_take(tx, _locked(tx, case_id, taken.key, at), taken, SYSTEM_ACTOR, at), Sight())


def state_of(tx: Tx, case_id: UUID, *, at: datetime) -> State:
    """Lock a case and return it as steps see it.

    Raises:
        NotFound: there is none.
    """
    return _locked(tx, case_id, None, at).state


def choices(tx: Tx, case_id: UUID, *, by: Viewer, at: datetime) -> list[Choice]:
    """Return every step that leads on from where the case stands, allowed to this viewer or not, and why.

    Raises:
        NotFound: there is no such case, or not for this viewer.
    """
    read = _known(tx.one("cases.state", id=case_id, key=None), case_id)
    owns = read.reported_by == by.person_id
    if not (owns or _seen(read.state, by, sight_of(by))):
        raise NotFound(f"there is no case {case_id}, or not for you")
    actor = Actor(by.person_id, by.worker_id, by.unit_code, by.grants, owns=owns)
    return [
        _choice(read, step, rule, actor, at)
        for (status, step), rule in RULES.items()
        if status is read.state.status and not rule.system
    ]


def _choice(read: _Read, step: Step, rule: Rule, actor: Actor, at: datetime) -> Choice:
    role = _role(read.state, step, rule, actor)
    hindered = hindrance(read.state, step, rule, at)
    why = "not_yours" if role is None else hindered.value if hindered is not None else None
    needs = (*rule.needs, *_incident_needs(read.state, step))
    return Choice(
        step.value,
        rule.to.value,
        why is None,
        why,
        tuple(sorted(role.value for role in rule.by)),
        tuple(need.value for need in needs),
    )


def _locked(tx: Tx, case_id: UUID, key: UUID | None, at: datetime) -> _Read:
    tx.one("cases.lock", id=case_id)
    carried = in_force(tx).carried
    if carried is not None:
        carry_to(tx, carried, case_id, at=at)  # no clock is counted on two calendars
    return _known(tx.one("cases.state", id=case_id, key=key), case_id)


_STATE_FIELDS = tuple(field.name for field in fields(State))


def _known(row: Any, case_id: UUID) -> _Read:
    if row is None:
        raise NotFound(f"there is no case {case_id}, or not for you")
    values = row._asdict()
    asked = values["asked"] and Step(values["asked"])
    data = values["asked_data"]
    until = data and data.get("until")
    values |= {
        "kind": Kind(values["kind"]),
        "status": Status(values["status"]),
        "assisting": tuple(values["assisting"] or ()),
        "visitor": Role(values["visitor"]),
        "clock_kind": values["clock_kind"] and ClockKind(values["clock_kind"]),
        "asked": asked,
        "asked_until": datetime.fromisoformat(until) if until else None,
    }
    state = State(**{name: values[name] for name in _STATE_FIELDS})
    return _Read(state, values["reported_by"], values["asked_reason"], data, values["taken"])


def _seen(case: State, by: Viewer, sight: Sight) -> bool:
    return (
        any(case.community_code.startswith(prefix) for prefix in sight.areas)
        or (by.worker_id is not None and by.worker_id in {case.worker_id, case.checker_id})
        or (sight.unit_code is not None and sight.unit_code in {case.unit_code, *case.assisting})
    )


def _take(tx: Tx, read: _Read, taken: Taken, actor: Actor, at: datetime) -> Any:
    """Take the step and those that follow of themselves; return the card after the last."""
    case = read.state
    if read.taken:
        return tx.one("cases.card", id=case.id).card
    if taken.revision is not None and taken.revision != case.revision:
        raise _stale(tx, case, taken.revision)
    taken = replace(taken, step=meant(case, taken.step))
    rule = rule_of(case.status, taken.step)
    role = _allowed(case, taken.step, rule, actor, at)
    taken = _completed(read, taken)
    _check_needs(case, taken, rule)
    facts = _facts(tx, read, taken, actor, at)
    after = after_step(case, taken.step, rule, facts, at, calendar=current(tx))
    card = _write(tx, case, after, taken, actor, role, at)
    if taken.step is Step.MERGE and taken.into is not None:
        _join(tx, taken.into, case, at)
    return _follow(tx, case.id, card, at)


def _follow(tx: Tx, case_id: UUID, card: Any, at: datetime) -> Any:
    if card["status"] not in _FOLLOWED:
        return card
    read = _locked(tx, case_id, None, at)
    step = follow_up(read.state)
    return (
        card
        if step is None
        else _take(tx, read, Taken(step=step, reason=AT_ONCE.get(step, "")), SYSTEM_ACTOR, at)
    )


AT_ONCE = {Step.SUPERVISE: "返工三次 (reworked three times)"}
_FOLLOWED = frozenset({Status.ACCEPTED.value, Status.HANDLING.value})


def _allowed(case: State, step: Step, rule: Rule, actor: Actor, at: datetime) -> str:
    """Return the role in which the actor takes the step.

    Raises:
        NotYours: in none.
        StepNotAllowed: the case does not fit.
    """
    role = SYSTEM if actor.system else _role(case, step, rule, actor)
    if role is None:
        who = ", ".join(sorted(role.value for role in rule.by)) or SYSTEM
        raise NotYours(
            f"step: {step} of this case is taken by: {who}; you have no such role here",
            field="step",
            value=step.value,
        )
    hindered = hindrance(case, step, rule, at)
    if hindered is not None:
        raise StepNotAllowed(f"step: {step} is not possible: {WHY[hindered]}", field="step", value=step.value)
    return str(role)


WHY: dict[When, str] = {
    When.PERSON: "nobody is to be visited about this case; take `answer` or `pass`",
    When.NOBODY: "somebody is to be visited first; take `call_back`",
    When.PLACE: "the case has no place",
    When.NO_PLACE: "the case has a place, so a worker checks it first; take `check`",
    When.ASKED: "nobody asked for it; the department asks, another approves",
    When.NOT_ASKED: "a request is open already; it has to be decided first",
    When.PENDING: "no request is open",
    When.CHECKED: "the worker has not checked it yet",
    When.UNCHECKED: "it is checked already",
    When.BEFORE_DUE: "the limit is over; ask before it is",
    When.MAY_EXTEND: "it was extended twice, which is all that there is",
    When.MAY_SUSPEND: "it was suspended once, which is all that there is",
    When.THIRD_CALL: "it takes three calls in vain",
    When.EARLIER_CALL: "this was the third call; take `unreached`",
    When.RECENT: "it was closed more than 15 days ago; report it anew",
    When.BELOW_TOP: "it is supervised at the highest level",
    When.FIRST_DISSATISFIED: "they were dissatisfied before; take `hold_to_account`",
    When.AGAIN_DISSATISFIED: "they were not dissatisfied before; take `dissatisfied`",
}
"""What hinders a step, in words that say what to do instead."""


def _role(case: State, step: Step, rule: Rule, actor: Actor) -> Role | None:
    held = {
        role
        for role, area in actor.grants
        if role in rule.by and _stands(case, step, role, prefix_of(area) if area else "", actor)
    }
    return min(held, default=None)


_VISITS = frozenset(
    {Step.SATISFIED, Step.NO_CONTACT, Step.UNREACHED, Step.DISSATISFIED, Step.HOLD_TO_ACCOUNT}
)


def _stands(case: State, step: Step, role: Role, prefix: str, actor: Actor) -> bool:
    """Whether the actor is the one of this role that the case waits for."""
    match role:
        case Role.CITIZEN:
            return actor.owns
        case Role.WORKER if step not in _VISITS:
            holders = {case.checker_id} if step is not Step.NOTE else {case.checker_id, case.worker_id}
            return actor.worker_id is not None and actor.worker_id in holders
        case Role.HANDLER:
            units = {case.unit_code, *(case.assisting if step is Step.NOTE else ())}
            return actor.unit_code is not None and actor.unit_code in units
        case role if step in _VISITS:
            own = role is not Role.WORKER or actor.worker_id == case.worker_id
            return role is case.visitor and own and case.community_code.startswith(prefix)
        case Role.DISPATCHER | Role.COMMITTEE if step is Step.DISPATCH:
            return case.community_code.startswith(prefix) and case.owner is role
        case _:
            return case.community_code.startswith(prefix)


def _stale(tx: Tx, case: State, seen: int) -> StaleCase:
    missed = max(1, case.revision - seen)
    rows = list(tx.named("cases.steps_since", id=case.id, missed=missed))
    done = "; ".join(
        f"{r.by or r.by_role or SYSTEM}: {r.step}, {r.at:%Y-%m-%d %H:%M} UTC" for r in rows[::-1]
    )
    return StaleCase(
        f"revision: you saw {seen}, the case is at {case.revision}, since then {done};"
        " look at it again, then decide",
        field="revision",
        value=seen,
    )


def _incident_needs(case: State, step: Step) -> tuple[Need, ...]:
    return INCIDENT_NEEDS.get(step, ()) if case.kind is Kind.INCIDENT else ()


def _completed(read: _Read, taken: Taken) -> Taken:
    """Return the step with what an approval takes from the request that it approves."""
    if read.state.asked is not taken.step:
        return taken
    return replace(
        taken, reason=taken.reason or read.asked_reason, until=taken.until or read.state.asked_until
    )


_LOOKED_UP = frozenset({Need.COMMUNITY, Need.STANDARD, Need.UNIT, Need.WORKER})
"""What has a sensible value when the step does not name it; `_facts` says when it has none."""


def _check_needs(case: State, taken: Taken, rule: Rule) -> None:
    for need in (*rule.needs, *_incident_needs(case, taken.step)):
        value = getattr(taken, need.value)
        if need not in _LOOKED_UP and (value is None or value == () or not str(value).strip()):
            raise StepIncomplete(
                f"{need}: {taken.step} has to say it; give {need}", field=need.value, value=None
            )
    _check_one_of("score", taken.score, SCORES)
    _check_one_of("answer", taken.answer, ANSWERS)


def _check_one_of(field: str, value: str | None, known: Iterable[str]) -> None:
    if value is not None and value not in known:
        raise BadValue(f"{field}: {value!r} is none of {', '.join(known)}", field=field, value=value)


def _facts(tx: Tx, read: _Read, taken: Taken, actor: Actor, at: datetime) -> Facts:
    """Return what the step names, looked up; where it may leave something out, the sensible choice."""
    case = read.state
    facts = Facts(
        by_person=actor.person_id,
        score=taken.score,
        into=taken.into,
        until=taken.until,
        system=actor.system,
    )
    match taken.step:
        case Step.VERIFY | Step.CHECK | Step.ASSIGN:
            facts = replace(facts, worker_id=_worker(tx, case, taken.worker, at))
        case Step.HAND_OVER:
            facts = replace(facts, worker_id=tx.named("cases.backup", id=case.id, at=at).scalar())
        case Step.ACCEPT:
            place, kind = _community(tx, case, taken), _type(tx, case, taken)
            facts = replace(facts, community_code=place, type_code=kind)
        case Step.FILE:
            facts = _standard(tx, case, taken, facts)
        case Step.DISPATCH | Step.ORDER | Step.DECIDE:
            facts = _unit(tx, case, taken, facts)
        case Step.DISSATISFIED | Step.SUPERVISE:
            named = tx.named("cases.supervisor", area=case.community_code).scalar()
            facts = replace(facts, supervisor_id=named)
        case Step.ASK_SUSPEND:
            _check_until(taken.until, at)
        case Step.MERGE:
            _check_merge(tx, case, taken)
        case Step.URGE:
            _check_urge(tx, case, actor, at)
        case _:
            pass
    return facts


def _worker(tx: Tx, case: State, code: str | None, at: datetime) -> int:
    found = tx.named("cases.nearest_worker", id=case.id, code=code, at=at).scalar()
    if found is None:
        missing = f"there is no worker {code!r} who could" if code else "nobody on duty could"
        raise BadValue(f"worker: {missing} be sent; name another", field="worker", value=code)
    return int(found)


def _community(tx: Tx, case: State, taken: Taken) -> str:
    code = taken.community or case.community_code
    if case.place and taken.community and taken.community != case.community_code:
        raise BadValue(
            "community: the case has a place, which says its community; leave it out",
            field="community",
            value=taken.community,
        )
    if len(code) < 12:
        raise StepIncomplete(
            "community: the case has no place; choose the community that it belongs to",
            field="community",
            value=code,
        )
    if taken.community and not queries.area_known(tx, code):
        raise BadValue(f"community: there is no area {code!r}", field="community", value=code)
    return code


def _type(tx: Tx, case: State, taken: Taken) -> str:
    if taken.type is None or taken.type == case.type_code:
        return case.type_code
    kinds = {kind.code: kind.kind for kind in queries.types(tx)}
    if kinds.get(taken.type) != case.kind:
        raise BadValue(
            f"type: {taken.type!r} is no type of {case.kind}; GET /api/v1/types lists them",
            field="type",
            value=taken.type,
        )
    return taken.type


def _standard(tx: Tx, case: State, taken: Taken, facts: Facts) -> Facts:
    rows = list(tx.named("cases.standards", type=case.type_code))
    row = next((row for row in rows if taken.standard in {None, row.id}), None)
    if row is None:
        known = ", ".join(str(row.id) for row in rows) or "none"
        raise BadValue(
            f"standard: {taken.standard} is no filing standard of {case.type_code}; they are: {known}",
            field="standard",
            value=taken.standard,
        )
    return replace(facts, standard_id=row.id, clock_kind=ClockKind(row.clock), limit_value=row.limit_value)


def _unit(tx: Tx, case: State, taken: Taken, facts: Facts) -> Facts:
    named = None if taken.unit or case.unit_code else queries.usual_unit(tx, case.type_code, case.standard_id)
    code = taken.unit or (case.unit_code if taken.step is not Step.DISPATCH else None)
    if code is None and named is None:
        named = queries.usual_unit(tx, case.type_code, case.standard_id)
    found = tx.named("cases.unit", code=code, named=named, community=case.community_code).scalar()
    if found is None:
        raise BadValue(
            f"unit: there is no department {taken.unit or named!r}", field="unit", value=taken.unit
        )
    known = set(tx.named("cases.units_known", codes=list(taken.assisting)).scalars())
    for unit in taken.assisting:
        if unit not in known or unit == found:
            raise BadValue(
                f"assisting: {unit!r} is no department beside the lead", field="assisting", value=unit
            )
    return replace(facts, unit_code=found, assisting=taken.assisting)


def _check_until(until: datetime | None, at: datetime) -> None:
    if until is None or not at < until <= at + LONGEST_SUSPENSION:
        raise BadValue(
            "until: a case is suspended to a day to come, at most a year ahead", field="until", value=until
        )


def _check_urge(tx: Tx, case: State, actor: Actor, at: datetime) -> None:
    """A person urges once a day."""
    if not actor.owns or actor.system:
        return
    last = tx.named("cases.urged", id=case.id, by=actor.person_id).scalar()
    if last is not None and at - last < URGE_EVERY:
        left = round((last + URGE_EVERY - at).total_seconds())
        raise TooMany("urge: once a day is heard; it was urged today", retry_after_s=max(1, left))


def _check_merge(tx: Tx, case: State, taken: Taken) -> None:
    if taken.into == case.id:
        raise BadValue("into: a case cannot be merged into itself", field="into", value=taken.into)
    row = tx.one("cases.mergeable", id=case.id, into=taken.into)
    if row is None or row.community_code[:6] != case.community_code[:6]:
        raise BadValue(f"into: there is no case {taken.into} here", field="into", value=taken.into)
    if row.status in ENDED:
        raise BadValue(f"into: the case {row.no} has ended", field="into", value=taken.into)
    near = row.metres is not None and row.metres <= row.merge_m and row.seconds <= row.merge_h * 3_600
    if not ((row.same_type and (near or row.same_facility)) or row.same_person):
        raise BadValue(
            f"into: the case {row.no} is not the same: it takes the same type and facility, or the same type"
            f" within {row.merge_m:g} m and {row.merge_h:g} h, or the same person",
            field="into",
            value=taken.into,
        )


def _join(tx: Tx, into: UUID, merged: State, at: datetime) -> None:
    """Tell the case that lives on who joined it."""
    read = _locked(tx, into, None, at)
    if read.state.status in ENDED:
        raise BadValue("into: the case has ended meanwhile", field="into", value=into)
    _take(tx, read, Taken(step=Step.JOINED, note=str(merged.id)), SYSTEM_ACTOR, at)


_WRITTEN = tuple(
    name
    for name in _STATE_FIELDS
    if name not in {"kind", "received_at", "person", "place", "visitor", "asked", "asked_until"}
)


def _write(  # noqa: PLR0917 - who, what, when, before and after
    tx: Tx, before: State, after: State, taken: Taken, actor: Actor, role: str, at: datetime
) -> Any:
    if taken.photos:
        tx.named("cases.keep_photos", id=before.id, photos=list(taken.photos), stage=taken.step.value)
    _write_request(tx, before, after, taken, actor, at)
    try:
        return tx.one(
            "cases.write_step",
            **{name: _plain(getattr(after, name)) for name in _WRITTEN},
            at=at,
            step=taken.step.value,
            from_status=before.status.value,
            by_person=actor.person_id,
            by_worker=actor.worker_id if role == Role.WORKER else None,
            note=taken.note,
            key=taken.key,
            by_role=role,
            data=_data(taken),
        ).card
    except psycopg.errors.UniqueViolation as error:
        raise StepDiffers(
            "this step's id is that of another step; make a new one", field="id", value=taken.key
        ) from error


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


def _data(taken: Taken) -> str | None:
    """Return what the step brought besides its note, as JSON."""
    said = {
        name: value
        for name, value in asdict(taken).items()
        if name not in NOT_DATA and value not in (None, ())
    }
    return orjson.dumps(said).decode() if said else None


def _write_request(  # noqa: PLR0917
    tx: Tx, before: State, after: State, taken: Taken, actor: Actor, at: datetime
) -> None:
    if before.asked is not None and after.asked is None:
        tx.named(
            "cases.decide_request",
            id=before.id,
            at=at,
            by=actor.person_id,
            approved=taken.step is before.asked,
        )
    if taken.step in ASKED_FOR:
        tx.named(
            "cases.ask",
            id=before.id,
            step=ASKED_FOR[taken.step].value,
            by=actor.person_id,
            at=at,
            reason=taken.reason,
            data=_data(taken) or "{}",
        )
