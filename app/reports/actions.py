"""Keep facts and daily sums up to date; publish figures, set weights, object to lateness."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from app.calendar.queries import current
from app.calendar.rules import Calendar
from app.cases.models import Case
from app.errors import BadValue, Conflict, NotFound
from app.identity.rules import Viewer
from app.reports import queries, statements
from app.reports.models import CaseFacts, Objection, Published, Weights, WorkDay
from app.reports.queries import Asked, Scope
from app.reports.rules import (
    ALL_FIGURES,
    CLOSE_AFTER,
    FIGURES,
    MEASURES,
    OBJECTED,
    STOCKS,
    VISIT_AFTER,
    ZONE,
    By,
    Period,
    Post,
    checked_weights,
)
from app.transaction import Tx

BATCH = 20_000
AT_ONCE = 200_000
"""So many cases without facts are looked for at a time: to find them, all cases are read."""

LOCK = 0x6A77_0011
"""Who brings facts up to date holds this lock until the commit: two would count a case twice."""

AHEAD = timedelta(days=400)


class NothingToPublish(Conflict):
    """The period is not over."""

    code = "period_not_over"


class RevisionNeedsReason(Conflict):
    """The period was published already; a correction says why."""

    code = "revision_needs_reason"


class AlreadyDecided(Conflict):
    """The objection was decided, or there is one already."""

    code = "already_decided"


@dataclass(frozen=True, slots=True)
class Refreshed:
    """How many cases' facts were written, and whether more wait."""

    cases: int
    more: bool


def refresh(tx: Tx, *, at: datetime, batch: int = BATCH) -> Refreshed:
    """Bring facts and daily sums up to what the cases are: one batch of what changed since the last time.

    What changed is read from the events in commit order, and no further than to what is still being written,
    so that none is missed; then come cases that have no facts, as an import leaves them.
    """
    tx.execute(sa.select(sa.func.pg_advisory_xact_lock(LOCK)))
    state = tx.named("reports.state").first()
    xid, event_id = (state.xid, state.event_id) if state else (_newest(tx), 0)
    rows = tx.named("reports.changed", xid=xid, event_id=event_id, most=batch).all() if state else []
    changed = {UUID(row.subject) for row in rows}
    if rows:
        xid, event_id = rows[-1].xid, rows[-1].id
    if len(rows) < batch:
        changed |= set(tx.named("reports.missing", most=batch).scalars())
    _work_days(tx, at)
    recompute(tx, sorted(changed))
    tx.named("reports.keep_state", xid=xid, event_id=event_id, at=at)
    return Refreshed(len(changed), more=len(rows) == batch or len(changed) >= batch)


def refresh_all(
    write: Callable[[], AbstractContextManager[Tx]], *, at: datetime, batch: int = BATCH
) -> Iterator[int]:
    """Bring everything up to date, a transaction a batch, and give how many cases each one wrote."""
    while True:
        with write() as tx:
            done = refresh(tx, at=at, batch=batch)
            waiting = list(tx.named("reports.missing", most=AT_ONCE).scalars()) if done.more else []
        yield done.cases
        for first in range(0, len(waiting), batch):
            with write() as tx:
                tx.execute(sa.select(sa.func.pg_advisory_xact_lock(LOCK)))
                recompute(tx, waiting[first : first + batch])
            yield len(waiting[first : first + batch])
        if not done.more:
            return


def rebuild(tx: Tx) -> None:
    """Forget all facts and daily sums: the next refresh makes them anew."""
    tx.execute(sa.select(sa.func.pg_advisory_xact_lock(LOCK)))
    tx.execute(sa.text("TRUNCATE case_facts, figure_days, figure_state, figure_work_days"))


def recompute(tx: Tx, ids: Sequence[UUID]) -> None:
    """Write the facts of these cases anew, and change the daily sums by what that changes."""
    if not ids:
        return
    given = {"ids": list(ids)}
    tx.execute(sa.text("SET LOCAL work_mem = '64MB'"))
    # the steps of cases lie together: without this, every batch reads all steps of all time
    tx.execute(sa.text("SET LOCAL random_page_cost = 1.1"))
    tx.execute(sa.text(statements.add_days(-1)), given)
    tx.named(
        "reports.write_facts",
        ids=list(ids),
        close_after_s=CLOSE_AFTER.total_seconds(),
        visit_after_s=VISIT_AFTER.total_seconds(),
    )
    tx.execute(sa.text(statements.add_days(1)), given)


def _newest(tx: Tx) -> str:
    return str(tx.named("reports.newest_event").scalar_one())


def _work_days(tx: Tx, at: datetime) -> None:
    """Keep the working calendar as it is in force; where a kept day changed, all facts are made anew."""
    first = tx.named("reports.day_span").scalar() or at.astimezone(ZONE).date()
    kept = [tuple(row) for row in tx.execute(sa.select(WorkDay.day, WorkDay.periods).order_by(WorkDay.day))]
    last = at.astimezone(ZONE).date() + AHEAD
    if kept:
        first, last = min(first, kept[0][0]), max(kept[-1][0], last - AHEAD / 2)
        last = kept[-1][0] if last == kept[-1][0] else last + AHEAD / 2
    meant = list(_calendar(current(tx), first, last))
    if [(day, periods) for day, periods, _ in meant] == kept:
        return
    same = {day: periods for day, periods, _ in meant}
    differs = any(same.get(day) != periods for day, periods in kept)
    tx.execute(sa.delete(WorkDay))
    tx.execute(
        sa.insert(WorkDay),
        [{"day": day, "periods": periods, "before_s": before} for day, periods, before in meant],
    )
    if differs:
        known = list(tx.execute(sa.select(CaseFacts.case_id).order_by(CaseFacts.reported_at)).scalars())
        for start_at in range(0, len(known), BATCH):
            recompute(tx, known[start_at : start_at + BATCH])


def _calendar(calendar: Calendar, first: date, last: date) -> Iterator[tuple[date, list[int], int]]:
    """Yield each day with its working periods in seconds of the day, and the seconds worked before it."""
    before = 0
    for number in range((last - first).days + 1):
        day = first + timedelta(days=number)
        periods = [_second(moment) for period in calendar.periods(day) for moment in period]
        yield day, periods, before
        before += sum(periods[1::2]) - sum(periods[::2])


def _second(moment: time) -> int:
    return moment.hour * 3600 + moment.minute * 60 + moment.second


def set_weights(
    tx: Tx, post: Post, weights: Mapping[str, int], *, by: Viewer, at: datetime, reason: str
) -> int:
    """Write a new version of a post's weights, and return its number. What was published keeps the old.

    Raises:
        BadValue: the weights do not make 100, or name no figure; or no reason is given.
    """
    if not reason.strip():
        raise BadValue("say why the weights change", field="reason", value=reason)
    checked = checked_weights(post, weights)
    newest = tx.execute(sa.select(sa.func.max(Weights.version)).where(Weights.post == post.value)).scalar()
    version = (newest or 0) + 1
    tx.execute(
        sa.insert(Weights).values(
            post=post.value,
            version=version,
            weights=checked,
            by_person=by.person_id,
            at=at,
            reason=reason.strip(),
        )
    )
    return version


def publish(
    tx: Tx, period: Period, *, area: str, scope: Scope, by: Viewer, at: datetime, reason: str = ""
) -> int:
    """Freeze the figures of a period that is over, with their definitions, and return the sheet's id.

    Raises:
        NothingToPublish: the period is not over.
        RevisionNeedsReason: it was published, and no reason is given for a revision.
    """
    if period.end > at:
        raise NothingToPublish(f"the period ends on {period.last}; publish it when it is over", field="to")
    tx.execute(sa.select(sa.func.pg_advisory_xact_lock(LOCK + 1)))
    of = (Published.first_day == period.first, Published.last_day == period.last, Published.area_code == area)
    newest = tx.execute(sa.select(sa.func.max(Published.revision)).where(*of)).scalar() or 0
    if newest and not reason.strip():
        raise RevisionNeedsReason(
            f"{period.first} to {period.last} is published (revision {newest}): say why it is revised",
            field="reason",
        )
    figures = _frozen(tx, period, scope, at)
    definitions = frozen_definitions()
    kept = {"figures": figures, "definitions": definitions}
    digest = hashlib.sha256(json.dumps(kept, sort_keys=True, ensure_ascii=False).encode()).digest()
    made: int = tx.execute(
        sa.insert(Published)
        .values(
            first_day=period.first,
            last_day=period.last,
            area_code=area,
            revision=newest + 1,
            reason=reason.strip(),
            by_person=by.person_id,
            at=at,
            figures=figures,
            definitions=definitions,
            sha256=digest,
        )
        .returning(Published.id)
    ).scalar_one()
    return made


def _frozen(tx: Tx, period: Period, scope: Scope, at: datetime) -> dict[str, Any]:
    """Return the numbers of the whole and of each town and department, with weights and scores' means."""
    told: dict[str, Any] = {}
    for by in (By.TOTAL, By.TOWN, By.DEPARTMENT):
        rows = queries.numbers(tx, Asked(period, by, scope=scope), at=at)
        called = queries.names(tx, by, [row.key for row in rows])
        told[by.value] = [
            {
                "key": row.key,
                "name": called[row.key].zh,
                "name_en": called[row.key].en,
                "numbers": dict(row.numbers),
                "figures": {code: row.shown(code) for code in FIGURES},
            }
            for row in rows
        ]
    told["weights"] = {post.value: dict(held) for post, held in queries.weights(tx).items()}
    return told


def frozen_definitions() -> dict[str, Any]:
    """Return the definitions of all figures as they are now, down to the facts that are counted."""
    return {
        code: {
            "zh": figure.zh,
            "en": figure.en,
            "over": {number: _defined(number) for number in figure.over},
            "under": {number: _defined(number) for number in figure.under},
            "over_zh": figure.over_zh,
            "under_zh": figure.under_zh,
            "edge": figure.edge,
        }
        for code, figure in ALL_FIGURES.items()
    }


def _defined(number: str) -> str:
    if number in STOCKS:
        return STOCKS[number].late_at("e")
    one = MEASURES[number]
    return f"{one.value} at {one.at} where {one.when}"


def object_to(tx: Tx, no: str, stage: str, *, scope: Scope, by: Viewer, at: datetime, reason: str) -> int:
    """Object to a case's lateness in a stage, and return the objection's id.

    Raises:
        NotFound: there is no such case in the scope.
        BadValue: no such stage, or no reason.
        AlreadyDecided: there is an objection that is open or upheld.
    """
    if stage not in OBJECTED:
        raise BadValue(f"there is no stage {stage!r}", field="stage", value=stage)
    if not reason.strip():
        raise BadValue("say why", field="reason", value=reason)
    found = tx.execute(sa.select(Case.id, Case.community_code).where(Case.no == no)).first()
    if found is None or not scope.holds(found.community_code):
        raise NotFound(f"there is no case {no}, or not for you", field="no", value=no)
    of = (
        Objection.case_id == found.id,
        Objection.stage == stage,
        Objection.upheld.is_distinct_from(sa.false()),
    )
    if tx.execute(sa.select(Objection.id).where(*of)).first():
        raise AlreadyDecided(f"there is an objection to {no} in this stage already")
    made: int = tx.execute(
        sa.insert(Objection)
        .values(case_id=found.id, stage=stage, reason=reason.strip(), by_person=by.person_id, at=at)
        .returning(Objection.id)
    ).scalar_one()
    return made


def decide(tx: Tx, objection: int, *, upheld: bool, scope: Scope, by: Viewer, at: datetime) -> None:
    """Uphold an objection, so that the lateness leaves the rates (the fact stays), or turn it down.

    Raises:
        NotFound: there is none in the scope.
        AlreadyDecided: it was decided.
    """
    found = tx.execute(
        sa.select(Objection.case_id, Objection.decided_at, Case.community_code)
        .join(Case, Case.id == Objection.case_id)
        .where(Objection.id == objection)
        .with_for_update(of=Objection)
    ).first()
    if found is None or not scope.holds(found.community_code):
        raise NotFound(f"there is no objection {objection}, or not for you")
    if found.decided_at is not None:
        raise AlreadyDecided("the objection was decided already")
    tx.execute(sa.select(sa.func.pg_advisory_xact_lock(LOCK)))
    tx.execute(
        sa.update(Objection)
        .where(Objection.id == objection)
        .values(upheld=upheld, decided_by=by.person_id, decided_at=at)
    )
    if upheld:
        recompute(tx, [found.case_id])
