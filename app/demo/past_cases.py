"""The demo city's past cases: incidents and appeals, with the ways that they went through the loop.

演示数据: nothing here happened, nobody here lives.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime

import numpy as np
import pandas as pd
import sqlalchemy as sa

from app.cases.rules import ASKED_FOR, Status
from app.cases.working_time import Flags, Seconds, WorkingTime, working_time
from app.demo.case_columns import write_walked
from app.demo.common import end_of
from app.demo.ledger import Ledger, read_ledger
from app.demo.matters import Matters
from app.demo.paths import STATUSES, STEPS, Cases, Walked, joined, walk, ways
from app.transaction import Tx
from data.city import City
from data.reference import appeal_kinds

APPEALS = 0.4
"""The share of the past matters that are appeals."""

PLACED = 0.65
"""The share of the appeals that have a place."""

INCIDENT_SOURCES = {"worker": 0.70, "citizen": 0.22, "operator": 0.03, "sensor": 0.05}
APPEAL_SOURCES = {"phone": 0.62, "web": 0.20, "counter": 0.10, "partner": 0.06, "letter": 0.02}

ON_DESK = 8
"""How many cases wait in each status at the end of the past, beside those that do so by chance."""

_HORIZON: Mapping[Status, int] = {
    Status.REPORTED: 1_200,
    Status.VERIFYING: 3_600,
    Status.ACCEPTED: 3_600,
    Status.FILED: 5_400,
    Status.DISPATCHED: 14_400,
    Status.HANDLING: 4 * 86_400,
    Status.SUSPENDED: 25 * 86_400,
    Status.FEEDBACK: 3 * 86_400,
    Status.CHECKING: 3 * 86_400,
    Status.CALLBACK: 6 * 86_400,
    Status.SUPERVISED: 14 * 86_400,
    Status.ACCOUNTABLE: 25 * 86_400,
}
"""How long ago at most a case came that is in a status now, in seconds."""

_TRIES = 3_000


def write_cases(tx: Tx, city: City) -> None:
    """Write the past cases with their steps, and some that wait in every status for somebody to act."""
    ledger = read_ledger(tx)
    rng = np.random.default_rng([city.seed, 2_103])
    end = int(end_of(city).timestamp())
    matters = with_appeals(_matters(tx, city), rng)
    write_matters(tx, matters, ledger, end=end, rng=rng, desk=True)
    # the last day's numbers are taken: the next report's comes after them
    tx.execute(sa.text("SELECT setval('case_serials', (SELECT max(right(no, 5)::int) FROM cases))"))


def as_of(city: City, at: datetime) -> City:
    """Return the city as it is known at `at`: without what is reported later."""
    return replace(city, incidents=city.incidents[city.incidents["reported_at"] <= at].copy())


def _matters(tx: Tx, city: City) -> Matters:
    workers = {code: i for i, code in enumerate(city.workers["code"], 1)}
    facilities = {row.code: row.id for row in tx.execute(sa.text("SELECT code, id FROM facilities"))}
    rows = city.incidents.sort_values("reported_at", kind="stable")
    count = len(rows)
    return Matters(
        received=seconds(rows["reported_at"]),
        type=rows["type"].to_numpy(object),
        appeal=np.zeros(count, bool),
        placed=np.ones(count, bool),
        lonlat=rows[["lon", "lat"]].to_numpy(float),
        cell=rows["cell"].to_numpy(object),
        worker=rows["worker"].map(workers).to_numpy(np.int64),
        facility=rows["facility"].map(facilities).fillna(0).to_numpy(np.int64),
        text=rows["text"].to_numpy(object),
        source=np.full(count, "worker", object),
    )


def seconds(moments: pd.Series[pd.Timestamp]) -> Seconds:
    """Return moments as whole seconds since 1970."""
    return moments.dt.tz_convert("UTC").dt.tz_localize(None).to_numpy("datetime64[s]").astype(np.int64)


def with_appeals(matters: Matters, rng: np.random.Generator) -> Matters:
    """Make a share of the matters appeals: another type, other words, for some no place; and say who told."""
    count = len(matters.received)
    appeal = rng.random(count) < APPEALS
    rows = np.flatnonzero(appeal)
    shares = np.array([kind.share for kind in appeal_kinds()])
    kind = rng.choice(len(shares), len(rows), p=shares / shares.sum())
    said, house, floor = (
        rng.integers(0, 3, len(rows)),
        rng.integers(1, 60, len(rows)),
        rng.integers(1, 7, len(rows)),
    )
    types, texts, facility = matters.type.copy(), matters.text.copy(), matters.facility.copy()
    types[rows] = np.array([one.type for one in appeal_kinds()], object)[kind]
    facility[rows] = 0
    # the words before the first comma begin with the names of town and community
    texts[rows] = [
        f"{_place(text)}{h}号楼{f}单元：{appeal_kinds()[k].texts[s]}。"
        for text, k, s, h, f in zip(matters.text[rows], kind, said, house, floor, strict=True)
    ]
    source = rng.choice(np.array(list(INCIDENT_SOURCES), object), count, p=list(INCIDENT_SOURCES.values()))
    source[rows] = rng.choice(
        np.array(list(APPEAL_SOURCES), object), len(rows), p=list(APPEAL_SOURCES.values())
    )
    placed = ~appeal | (rng.random(count) < PLACED)
    return replace(
        matters, type=types, appeal=appeal, placed=placed, text=texts, source=source, facility=facility
    )


_ENDS = ("社区", "村", "街道", "镇", "乡")


def _place(text: str) -> str:
    """Return the place that an incident's text begins with."""
    stop = max(((text.find(end) + len(end)) for end in _ENDS[:2] if end in text), default=0)
    return text[:stop]


def write_matters(
    tx: Tx,
    matters: Matters,
    ledger: Ledger,
    *,
    end: int,
    rng: np.random.Generator,
    desk: bool = False,
) -> int:
    """Let matters go their ways until `end`, write them, and return how many steps they took.

    Args:
        tx: the transaction.
        matters: in the order of their moments.
        ledger: what the database knows; its serial numbers are taken from it.
        end: the end of the past.
        rng: the only source of chance.
        desk: add some that wait in every status.
    """
    time = clock_for(matters, end)
    cases = _cases(matters, ledger)
    parts = [(matters, walk(cases, ways(cases, rng), end=end, time=time, rng=rng))]
    if desk:
        parts += _on_desk(matters, ledger, end=end, time=time, rng=rng)
    for more, _ in parts[1:]:
        matters = matters.then(more)
    order = np.argsort(matters.received, kind="stable")
    walked = joined([stands for _, stands in parts]).of(order)
    return write_walked(tx, matters.of(order), walked, ledger, time=time)


def clock_for(matters: Matters, end: int) -> WorkingTime:
    """Return the working time from the first matter to well behind the last limit."""
    margin = 120 * 86_400
    first, last = int(matters.received.min()) - margin, max(end, int(matters.received.max())) + margin
    return working_time(datetime.fromtimestamp(first).date(), datetime.fromtimestamp(last).date())  # noqa: DTZ006 - a margin of months


def _cases(matters: Matters, ledger: Ledger) -> Cases:
    kind = ledger.number_of(matters.type)
    return Cases(
        received=matters.received,
        appeal=matters.appeal,
        placed=matters.placed,
        works=ledger.works[kind],
        limit=ledger.limit_s[kind],
    )


def _on_desk(
    matters: Matters, ledger: Ledger, *, end: int, time: WorkingTime, rng: np.random.Generator
) -> Iterator[tuple[Matters, Walked]]:
    """Yield for every open status matters that stand in it at the end, half of them a demo account's."""
    for status, horizon in _HORIZON.items():
        for pool in (_mine(matters, ledger, status), np.ones(len(matters.received), bool)):
            chosen = rng.choice(np.flatnonzero(pool if pool.any() else ~pool), _TRIES)
            come = matters.of(chosen)
            come = replace(come, received=rng.integers(end - horizon, end, _TRIES))
            cases = _cases(come, ledger)
            walked = walk(cases, ways(cases, rng), end=end, time=time, rng=rng)
            stands = walked.status == STATUSES.index(status)
            asked = stands & np.isin(walked.last_step, [STEPS.index(step) for step in ASKED_FOR])
            rows = np.flatnonzero(stands)[: ON_DESK // 2]
            rows = np.union1d(rows, np.flatnonzero(asked)[: ON_DESK // 4])
            if len(rows):
                yield come.of(rows), walked.of(rows)


def _mine(matters: Matters, ledger: Ledger, status: Status) -> Flags:
    """Say whose matters a demo account would see in this status: a worker's, a unit's, a supervisor's."""
    if status in {Status.VERIFYING, Status.CHECKING}:
        return np.asarray((matters.worker == ledger.demo_worker) & matters.placed)
    if status in {Status.DISPATCHED, Status.HANDLING, Status.SUSPENDED}:
        return np.asarray(ledger.unit[ledger.number_of(matters.type)] == ledger.demo_unit)
    if status is Status.SUPERVISED:
        district = np.array([cell[:6] == ledger.demo_district for cell in matters.cell], bool)
        return district & matters.appeal
    return np.ones(len(matters.received), bool)
