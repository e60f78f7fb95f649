"""Walked cases as columns of the tables: cases, steps, appeals and requests."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa
import shapely
from numpy.typing import NDArray

from app.bulk import copy_columns, ewkb
from app.cases.rules import ASKED_FOR, STAGE_LIMITS, ClockKind, Status, Step
from app.cases.working_time import Flags, Seconds, WorkingTime
from app.demo.ledger import Ledger
from app.demo.matters import Matters, Texts
from app.demo.paths import NOT, STATUSES, STEPS, Walked, ended
from app.identity.rules import Role
from app.transaction import Tx
from data.people import names, phones

NAMESPACE = uuid.UUID("6f2f6d0e-8890-5210-8300-000000210300")
"""Past cases' ids are UUIDv5 of their numbers in this namespace, so that the same seed gives the same ids."""

_SYSTEM = "system"
_BY: Mapping[Step, str] = {
    Step.VERIFY: Role.OPERATOR,
    Step.VERIFIED: Role.WORKER,
    Step.ACCEPT: Role.OPERATOR,
    Step.ANSWER: Role.OPERATOR,
    Step.ASK_VOID: Role.OPERATOR,
    Step.VOID: Role.SHIFT_LEADER,
    Step.MERGE: Role.OPERATOR,
    Step.WITHDRAW: Role.CITIZEN,
    Step.FILE: Role.SHIFT_LEADER,
    Step.DISPATCH: Role.DISPATCHER,
    Step.SIGN: Role.HANDLER,
    Step.ASK_RETURN: Role.HANDLER,
    Step.RETURN: Role.DISPATCHER,
    Step.ASK_EXTEND: Role.HANDLER,
    Step.EXTEND: Role.DISPATCHER,
    Step.ASK_SUSPEND: Role.HANDLER,
    Step.SUSPEND: Role.DISPATCHER,
    Step.RESUME: _SYSTEM,
    Step.FEEDBACK: Role.HANDLER,
    Step.REWORK: Role.DISPATCHER,
    Step.CHECK: Role.DISPATCHER,
    Step.CHECKED: Role.WORKER,
    Step.PASS: Role.SHIFT_LEADER,
    Step.CALL_BACK: Role.OPERATOR,
    Step.SATISFIED: Role.OPERATOR,
    Step.NO_CONTACT: Role.OPERATOR,
    Step.UNREACHED: Role.OPERATOR,
    Step.DISSATISFIED: Role.OPERATOR,
    Step.HOLD_TO_ACCOUNT: Role.OPERATOR,
    Step.ORDER: Role.SUPERVISOR,
    Step.DECIDE: Role.COMMITTEE,
    Step.SUPERVISE: _SYSTEM,
}
_REPORTED_BY = {
    **dict.fromkeys(("worker", "sensor"), Role.WORKER),
    **dict.fromkeys(("citizen", "web"), Role.CITIZEN),
    **dict.fromkeys(("operator", "phone", "counter", "letter", "partner"), Role.OPERATOR),
}
_SAID: Mapping[Step, tuple[dict[str, str], ...]] = {
    Step.VERIFIED: ({"answer": "exists"},),
    Step.ANSWER: ({"result": "现场已处理"}, {"result": "已告知办理途径"}),
    Step.ASK_VOID: ({"reason": "查无此事"}, {"reason": "不在受理范围"}, {"reason": "未达立案标准"}),
    Step.WITHDRAW: ({"reason": "问题已解决"},),
    Step.ASK_RETURN: ({"reason": "不属本单位职责"}, {"reason": "权属另有单位"}),
    Step.ASK_EXTEND: ({"reason": "待配件到货"}, {"reason": "需多单位配合"}),
    Step.ASK_SUSPEND: ({"reason": "需列入年度维修计划"}, {"reason": "季节不宜施工"}),
    Step.FEEDBACK: (
        {"measures": "派员现场处置", "result": "已处置完毕"},
        {"measures": "清理并恢复原状", "result": "已恢复"},
        {"measures": "维修更换", "result": "已修好，可正常使用"},
        {"measures": "与当事人沟通并整改", "result": "已整改"},
    ),
    Step.REWORK: ({"reason": "处置不到位"}, {"reason": "缺处置后照片"}),
    Step.SATISFIED: ({"score": "satisfied"},),
    Step.DISSATISFIED: ({"reason": "问题没有解决"}, {"reason": "处理太慢"}),
    Step.HOLD_TO_ACCOUNT: ({"reason": "第二次仍不满意"},),
    Step.ORDER: ({"cause": "措施不力", "finding": "处置流于形式", "order": "限期重办"},),
    Step.DECIDE: (
        {"persons": "承办科室", "reason": "两次不满意", "finding": "落实不力", "decision": "约谈并限期整改"},
        {
            "persons": "承办科室",
            "reason": "两次不满意",
            "finding": "已尽力",
            "decision": "不予问责，列入疑难件",
        },
    ),
}
_FAIR = json.dumps({"score": "fair"}).encode()
_NATURES = {
    "consult": 0.30,
    "help": 0.34,
    "complaint": 0.26,
    "accusation": 0.04,
    "suggestion": 0.05,
    "praise": 0.01,
}
_WORK_DAY_S = 28_800


def write_walked(tx: Tx, matters: Matters, walked: Walked, ledger: Ledger, *, time: WorkingTime) -> int:
    """Write cases, appeals, requests and steps, and return how many steps there are."""
    numbers = _numbers(matters, ledger)
    ids = [uuid.uuid5(NAMESPACE, number).bytes for number in numbers]
    units = _units(matters, ledger)
    columns = _case_columns(matters, walked, ledger, time=time, ids=ids, numbers=numbers, units=units)
    copy_columns(tx, "cases", _CASES, columns)
    _write_appeals(tx, matters, ids)
    _write_requests(tx, walked, ledger, ids)
    return copy_columns(tx, "case_steps", _STEPS, _step_columns(matters, walked, ledger, ids, units))


def _numbers(matters: Matters, ledger: Ledger) -> list[str]:
    days = (matters.received + 8 * 3_600) // 86_400
    name = {day: str(np.datetime64(int(day), "D")).replace("-", "") for day in np.unique(days)}
    return [ledger.next_number(cell[:6] + name[day]) for cell, day in zip(matters.cell, days, strict=True)]


def _units(matters: Matters, ledger: Ledger) -> Texts:
    """Return the unit that each case belongs to: its type's, or that of its town."""
    own = ledger.unit[ledger.number_of(matters.type)]
    return np.array([unit or f"K{cell[:9]}" for unit, cell in zip(own, matters.cell, strict=True)], object)


_CASES: Mapping[str, str] = {
    "id": "bytea",
    "no": "text",
    "kind": "text",
    "type_code": "text",
    "status": "text",
    "source": "text",
    "text": "text",
    "geom": "bytea",
    "crs_source": "text",
    "observed_at": "timestamptz",
    **dict.fromkeys(("received_at", "due_at", "closed_at"), "timestamptz"),
    "cell_code": "text",
    "community_code": "text",
    "worker_id": "int8",
    "desk_code": "text",
    "facility_id": "int8",
    "reported_by": "int8",
    "body_sha256": "bytea",
    "unit_code": "text",
    "handler_id": "int8",
    "checker_id": "int8",
    "supervisor_id": "int8",
    "standard_id": "int8",
    **dict.fromkeys(("stage_due_at", "warn_at", "suspended_until"), "timestamptz"),
    "clock_kind": "text",
    "limit_value": "float8",
    "clock_left_s": "float8",
    **dict.fromkeys(
        ("extensions", "returns", "reworks", "suspensions", "dissatisfactions", "calls", "level"), "int2"
    ),
    "revision": "int4",
    "merged_into": "bytea",
    "satisfaction": "text",
}


def _case_columns(
    matters: Matters,
    walked: Walked,
    ledger: Ledger,
    *,
    time: WorkingTime,
    ids: list[bytes],
    numbers: list[str],
    units: Texts,
) -> dict[str, Any]:
    kind, over = ledger.number_of(matters.type), ended(walked.status)
    dispatched = _ever(walked, Step.DISPATCH)
    filed = _ever(walked, Step.FILE)
    signed = _ever(walked, Step.SIGN) & (units == ledger.demo_unit)
    supervised = _ever(walked, Step.SUPERVISE) | _ever(walked, Step.DISSATISFIED)
    community = np.array([code[:12] for code in matters.cell], object)
    geom = ewkb(_where(matters.placed, shapely.points(matters.lonlat)))
    return {
        "id": ids,
        "no": numbers,
        "kind": np.where(matters.appeal, "appeal", "incident").astype(object),
        "type_code": matters.type,
        "status": _words(walked.status, STATUSES),
        "source": matters.source,
        "text": matters.text,
        "geom": geom,
        "crs_source": np.full(len(ids), "wgs84", object),
        "observed_at": moments(matters.received),
        "received_at": moments(matters.received),
        "due_at": moments(walked.due),
        "closed_at": moments(np.where(over, walked.last, NOT)),
        "cell_code": _where(matters.placed, matters.cell),
        "community_code": community,
        "worker_id": _whole(matters.worker, matters.placed & (matters.worker > 0)),
        "desk_code": _where(
            ~(matters.placed & (matters.worker > 0)), np.array([code[:9] for code in community], object)
        ),
        "facility_id": _whole(matters.facility, matters.facility > 0),
        "reported_by": _whole(
            np.full(len(ids), ledger.people.get(Role.CITIZEN, 0)),
            np.isin(matters.source, ["web", "citizen"]) & ~over,
        ),
        "body_sha256": [b""] * len(ids),
        "unit_code": _where(dispatched, units),
        "handler_id": _whole(np.full(len(ids), ledger.people.get(Role.HANDLER, 0)), signed),
        "checker_id": _whole(matters.worker, _sent_to_look(walked) & (matters.worker > 0)),
        "supervisor_id": _whole(np.full(len(ids), ledger.people.get(Role.SUPERVISOR, 0)), supervised),
        "standard_id": _whole(ledger.standard[kind], filed),
        "stage_due_at": moments(np.where(over, NOT, _stage_due(walked, time))),
        "warn_at": moments(np.where(over, NOT, walked.warn)),
        "suspended_until": moments(np.where(over, NOT, walked.until)),
        # of a case that has ended its standard tells them
        "clock_kind": _where(filed & ~over, ledger.clock[kind]),
        "limit_value": pa.array(ledger.limit[kind], mask=~filed | over),
        "clock_left_s": pa.array(walked.left.astype(float), mask=over | (walked.left == NOT)),
        **walked.counts,
        "revision": walked.revision,
        "merged_into": _merged(walked, matters, ids),
        "satisfaction": _satisfaction(walked),
    }


def moments(at: Seconds) -> pa.Array:
    """Return seconds as moments of the wire, NULL for `NOT`."""
    return pa.array((at * 1_000_000).astype("datetime64[us]"), mask=at == NOT)


def _where(there: Flags, words: Texts) -> Texts:
    """Return the words where they hold, elsewhere None."""
    kept = np.full(len(words), None, object)
    kept[there] = words[there]
    return kept


def _whole(numbers: NDArray[np.int64], there: Flags) -> pa.Array:
    return pa.array(numbers, mask=~there)


def _words(codes: NDArray[np.int16], names_: tuple[Any, ...]) -> Texts:
    return np.array([one.value for one in names_], object)[codes]


def _ever(walked: Walked, step: Step) -> Flags:
    """Say which cases took a step."""
    found = np.zeros(len(walked.status), bool)
    found[walked.case[walked.step == STEPS.index(step)]] = True
    return found


def _sent_to_look(walked: Walked) -> Flags:
    looking = [STEPS.index(Step.VERIFY), STEPS.index(Step.CHECK)]
    return np.isin(walked.last_step, looking) & ~ended(walked.status)


def _stage_due(walked: Walked, time: WorkingTime) -> Seconds:
    """Return when whoever has the case has to have acted, as the loop's own table says."""
    due = walked.last.copy()
    for status, (clock, limit) in STAGE_LIMITS.items():
        rows = np.flatnonzero(walked.status == STATUSES.index(status))
        works = np.full(len(rows), clock is ClockKind.WORK_DAY)
        unit = {ClockKind.NATURAL_DAY: 86_400, ClockKind.WORK_DAY: _WORK_DAY_S}.get(clock, 3_600)
        due[rows] = time.after(walked.last[rows], np.full(len(rows), round(limit * unit)), works)
    due = np.where(walked.status == STATUSES.index(Status.HANDLING), walked.due, due)
    return np.where(walked.status == STATUSES.index(Status.SUSPENDED), walked.until, due)


def _merged(walked: Walked, matters: Matters, ids: list[bytes]) -> list[bytes | None]:
    """Say into which case each merged one went: the one of its type that came before it."""
    merged = walked.status == STATUSES.index(Status.MERGED)
    into: list[bytes | None] = []
    before: dict[str, int] = {}
    for row, (kind, gone) in enumerate(zip(matters.type, merged, strict=True)):
        into.append(ids[before.get(kind, 0)] if gone else None)
        if not gone:
            before[kind] = row
    return into


def _satisfaction(walked: Walked) -> Texts:
    words: dict[Step, str | None] = {
        Step.SATISFIED: "satisfied",
        Step.UNREACHED: "not_reached",
        Step.NO_CONTACT: "not_reached",
        Step.DISSATISFIED: "dissatisfied",
        Step.HOLD_TO_ACCOUNT: "dissatisfied",
    }
    word = np.array([words.get(step) for step in STEPS], object)[walked.step]
    told = np.flatnonzero(word != None)  # noqa: E711 - elementwise
    said = np.full(len(walked.status), None, object)
    said[walked.case[told]] = word[told]
    return np.where((said == "satisfied") & _only_fair(np.arange(len(said))), "fair", said)


def _only_fair(cases: NDArray[np.intp]) -> Flags:
    """One case in seven finds it fair only."""
    return np.asarray(cases % 7 == 3)


_STEPS: Mapping[str, str] = {
    "case_id": "bytea",
    "at": "timestamptz",
    "step": "text",
    "from_status": "text",
    "to_status": "text",
    "by_person": "int8",
    "worker_id": "int8",
    "by_role": "text",
    "unit_code": "text",
    "data": "bytea",
}


def _step_columns(
    matters: Matters, walked: Walked, ledger: Ledger, ids: list[bytes], units: Texts
) -> dict[str, Any]:
    roles = _roles(matters, walked)
    unit = units[walked.case]
    worker = matters.worker[walked.case]
    returned = _ever(walked, Step.RETURN) | _ever(walked, Step.ASK_RETURN)
    astray = returned[walked.case] & (walked.dispatched == 1)
    town = np.array([f"K{cell[:9]}" for cell in matters.cell], object)[walked.case]
    wrong = np.where(unit == town, "L", town)
    held = _where(walked.dispatched > 0, np.where(astray, wrong, unit))
    person = np.array([ledger.people.get(role, 0) for role in roles], np.int64)
    person = np.where((roles == Role.HANDLER) & (held != ledger.demo_unit), 0, person)
    person = np.where(np.isin(roles, [Role.WORKER.value, Role.CITIZEN.value, _SYSTEM]), 0, person)
    return {
        "case_id": pa.array(ids, pa.binary()).take(pa.array(walked.case)),
        "at": moments(walked.at),
        "step": _words(walked.step, STEPS),
        "from_status": _where(walked.from_status >= 0, _words(walked.from_status, STATUSES)),
        "to_status": _words(walked.to_status, STATUSES),
        "by_person": _whole(person, person > 0),
        "worker_id": _whole(worker, (roles == Role.WORKER) & (worker > 0)),
        "by_role": roles,
        "unit_code": held,
        "data": _data(walked),
    }


def _roles(matters: Matters, walked: Walked) -> Texts:
    """Return who took each step; some depend on where the case stood."""
    of = np.array([str(_BY.get(step, Role.OPERATOR)) for step in STEPS], object)
    roles = of[walked.step]
    first = walked.from_status < 0
    came = np.array([str(_REPORTED_BY[source]) for source in matters.source], object)
    roles[first] = came[walked.case[first]]
    for step, status, role in (
        (Step.REWORK, Status.CHECKING, Role.WORKER),
        (Step.CALL_BACK, Status.CHECKING, Role.SHIFT_LEADER),
        (Step.CALL_BACK, Status.FEEDBACK, Role.DISPATCHER),
    ):
        here = (walked.step == STEPS.index(step)) & (walked.from_status == STATUSES.index(status))
        roles[here] = role.value
    filed = (walked.step == STEPS.index(Step.FILE)) & matters.appeal[walked.case]
    roles[filed] = _SYSTEM
    return roles


def _data(walked: Walked) -> pa.Array:
    """Return what each step says, as jsonb goes over the wire: a version and the text."""
    words: list[bytes | None] = []
    first = np.full(len(STEPS), -1)
    count = np.ones(len(STEPS), np.int64)
    for number, step in enumerate(STEPS):
        said = [json.dumps(one, ensure_ascii=False).encode() for one in _SAID.get(step, ())]
        if said:
            first[number], count[number] = len(words), len(said)
            words += [b"\x01" + one for one in said]
    chosen = np.where(first[walked.step] < 0, -1, first[walked.step] + walked.case % count[walked.step])
    fair = (walked.step == STEPS.index(Step.SATISFIED)) & _only_fair(walked.case)
    chosen = np.where(fair, len(words), chosen)
    words.append(b"\x01" + _FAIR)
    return pa.array(words, pa.binary()).take(pa.array(chosen, mask=chosen < 0))


def _write_appeals(tx: Tx, matters: Matters, ids: list[bytes]) -> None:
    rows = np.flatnonzero(matters.appeal)
    if len(rows) == 0:
        return
    rng = np.random.default_rng([len(ids), int(matters.received[0])])
    telephone = np.array(phones(9_999), object)[rng.integers(0, 9_999, len(rows))]
    copy_columns(
        tx,
        "appeals",
        {"case_id": "bytea", **dict.fromkeys(("nature", "name", "phone", "address"), "text")},
        {
            "case_id": [ids[row] for row in rows],
            "nature": rng.choice(np.array(list(_NATURES), object), len(rows), p=list(_NATURES.values())),
            "name": names(len(rows), rng).astype(object),
            "phone": telephone,
            "address": np.array([text.partition("：")[0] for text in matters.text[rows]], object),
        },
    )


def _write_requests(tx: Tx, walked: Walked, ledger: Ledger, ids: list[bytes]) -> None:
    asked = np.flatnonzero(np.isin(walked.step, [STEPS.index(step) for step in ASKED_FOR]))
    if len(asked) == 0:
        return
    following = np.minimum(asked + 1, len(walked.step) - 1)
    decided = (walked.case[following] == walked.case[asked]) & (following > asked)
    steps = [STEPS[code] for code in walked.step[asked]]
    person = np.array([ledger.people.get(_BY[step], 0) for step in steps], np.int64)
    decider = np.array([ledger.people.get(_BY[ASKED_FOR[step]], 0) for step in steps], np.int64)
    copy_columns(
        tx,
        "case_requests",
        {
            "case_id": "bytea",
            "step": "text",
            "by_person": "int8",
            "at": "timestamptz",
            "reason": "text",
            "decided_at": "timestamptz",
            "decided_by": "int8",
            "approved": "bool",
        },
        {
            "case_id": [ids[case] for case in walked.case[asked]],
            "step": [ASKED_FOR[step].value for step in steps],
            "by_person": _whole(person, person > 0),
            "at": moments(walked.at[asked]),
            "reason": [_SAID[step][0]["reason"] for step in steps],
            "decided_at": moments(np.where(decided, walked.at[following], NOT)),
            "decided_by": _whole(decider, decided & (decider > 0)),
            "approved": pa.array(np.ones(len(asked), bool), mask=~decided),
        },
    )
