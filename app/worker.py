"""The background worker: what is done for each job that `app/jobs.py` queued, and the clockwork."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from types import MappingProxyType

import procrastinate
import psycopg
import psycopg_pool
from procrastinate.jobs import Status

from app import clock, demo, jobs
from app.audit import actions as audit
from app.audit import queries as audit_queries
from app.audit.rules import Action
from app.calendar import queries as calendars
from app.calendar.rules import missing_year
from app.cases import recompute
from app.grid import actions as grid
from app.grid.queries import moments_between
from app.identity import actions as identity
from app.maps import tiles
from app.maps.publish import publish as publish_layers
from app.maps.queries import grid_published_at
from app.notices import actions as notices
from app.reports.actions import refresh_all
from app.settings import Settings
from app.supervision import actions as supervision
from app.transaction import read, write

log = logging.getLogger(__name__)
LOST = (psycopg.OperationalError, procrastinate.exceptions.ConnectorException, psycopg_pool.PoolTimeout)
"""What a worker ends with when the database goes away."""

PART_AGE_S = 24 * 3600
"""A `.part` file that old belongs to an upload that died."""


def make_worker(settings: Settings) -> procrastinate.App:
    """Return the queue's application on the city's schema, with every task registered."""
    connector = procrastinate.PsycopgConnector(
        conninfo=settings.database_url,
        kwargs={"options": f"-c search_path={settings.schema},public -c timezone=UTC"},
        min_size=1,
        max_size=4,
    )
    made = procrastinate.App(connector=connector)

    @made.task(name=jobs.PUBLISH, queueing_lock=jobs.PUBLISH, lock=jobs.PUBLISH, retry=3)
    def publish(why: str = "") -> None:
        take_effect(at=clock.now())
        with write() as tx:
            published = publish_layers(tx, at=clock.now())
        tiles.sweep(settings.tiles / settings.schema, [(one.layer, one.version) for one in published])
        log.info("published %s (%s)", ", ".join(f"{one.layer} {one.version}" for one in published), why)

    for name, (cron, act) in CLOCKWORK.items():
        _wind_up(made, settings, name, cron, act)

    @made.periodic(cron="* * * * *")
    @made.task(
        name=jobs.RESCUE, queueing_lock=jobs.RESCUE
    )  # no lock: nothing may hold back the rescue itself
    async def rescued(timestamp: int = 0) -> None:  # noqa: ARG001 - the clockwork gives the moment
        await rescue(made)

    return made


async def rescue(queue: procrastinate.App) -> int:
    """Queue again what a killed worker was doing, and return how many jobs that were.

    A job that died holds its lock, so that its like would never run again. One whose successor waits already
    is ended: once is enough, and every job of ours can be done twice.
    """
    stalled = list(await queue.job_manager.get_stalled_jobs())
    for job in stalled:
        log.warning("job %s (%s) died with its worker; it is done again", job.id, job.task_name)
        try:
            await queue.job_manager.retry_job(job)
        except procrastinate.exceptions.UniqueViolation:
            if job.id is not None:
                await queue.job_manager.finish_job_by_id_async(job.id, Status.FAILED, delete_job=False)
    return len(stalled)


def _wind_up(
    made: procrastinate.App, settings: Settings, name: str, cron: str, act: Callable[[Settings], None]
) -> None:
    """Let the queue do `act` at the moments of `cron`, never twice at once."""

    @made.periodic(cron=cron)
    @made.task(name=name, queueing_lock=name, lock=name)
    def run(timestamp: int = 0) -> None:  # noqa: ARG001 - the clockwork gives the moment that was due
        act(settings)


def _come_into_force(_settings: Settings) -> None:
    queue_what_came_into_force(at=clock.now())


def _walk(_settings: Settings) -> None:
    with write() as tx:
        demo.walk(tx, at=clock.now())


def _escalate(_settings: Settings) -> None:
    taken = supervision.act_on_all(clock.now())
    if taken:
        log.info("took %s steps that were due", taken)


def _sweep(settings: Settings) -> None:
    with write() as tx:
        identity.sweep(tx, at=clock.now())
        notices.sweep(tx, at=clock.now())
    parts = sweep_parts(settings.photos) + sweep_parts(settings.copies)
    log.info("swept what is over, and %s parts of photos", parts)


def _figures(_settings: Settings) -> None:
    written = sum(refresh_all(write, at=clock.now()))
    if written:
        log.info("figures: the facts of %s cases were brought up to date", written)


def queue_what_came_into_force(*, at: datetime) -> None:
    """Queue a publication when a change of the grid has come into force since the last one."""
    with write() as tx:
        published = grid_published_at(tx)
        if published is not None and moments_between(tx, published, at):
            jobs.defer(tx, jobs.PUBLISH, why="a change of the grid came into force")


def take_effect(*, at: datetime) -> None:
    """Give the areas the outlines of changes that came into force since the last publication.

    In a transaction of its own, before the publication's: that one may not write before it has thinned all.
    """
    with write() as tx:
        published = grid_published_at(tx)
        if published is not None:
            grid.take_effect(tx, after=published, at=at)


def seal_audit(settings: Settings) -> None:
    """Chain what waits, and tell the head: the log is the copy that the database's owner cannot change."""
    while True:
        with write() as tx:
            head = audit.seal(tx, secret=settings.secret_key, at=clock.now())
        if head is None:
            return
        log.info("audit sealed up to %s:%s", head.no, head.hash.hex())


def verify_audit(settings: Settings) -> None:
    """Recompute the whole chain, and record what was found."""
    with read(snapshot=True) as tx:
        found = audit_queries.verify(tx, secret=settings.secret_key, at=clock.now())
    broken = found.broken and asdict(found.broken)
    with write() as tx:
        told = {"rows": found.rows, "broken": broken}
        audit.record(tx, Action.RECORD_VERIFIED, "audit", by=None, detail=told)
    log.log(logging.INFO if found.sound else logging.CRITICAL, "audit verified: %s", broken or "sound")


def carry_calendar(_settings: Settings) -> None:
    """Carry a change of the calendar to the open cases, batch by batch, each in a transaction of its own.

    It begins when every process has noticed the change, so that nobody counts on the old calendar any more.
    A job that was killed is done by the next: the clockwork looks every minute.
    """
    calendars.forget()
    with write() as tx:
        change_id = recompute.waiting(tx)
        if change_id is None:
            return
        recompute.begin(tx, change_id)
        decided = calendars.change(tx, change_id).decided_at
    if decided is not None:
        since = (clock.now() - decided).total_seconds()
        time.sleep(min(max(0.0, calendars.SETTLED_S - since), calendars.SETTLED_S))
    while True:
        with write() as tx:
            if recompute.carry_on(tx, change_id, at=clock.now()) is None:
                break
    calendars.forget()
    with read() as tx:
        done = calendars.change(tx, change_id)
    log.info("the calendar's change %s: %s cases looked at, %s moved", done.id, done.seen, done.moved)


def warn_of_calendar(_settings: Settings) -> None:
    """Say in the log that a year's calendar is missed: a deadline in it is provisional."""
    with read() as tx:
        calendar = calendars.current(tx)
    year = missing_year(calendar, calendar.day_of(clock.now()))
    if year is not None:
        log.warning("the calendar of %s is not known: `jingwei calendar import`, or /calendar", year)


def sweep_parts(folder: Path) -> int:
    """Delete the remains of uploads that died more than a day ago, and return how many."""
    old = [path for path in folder.rglob("*.part") if path.stat().st_mtime < time.time() - PART_AGE_S]
    for path in old:
        path.unlink(missing_ok=True)
    return len(old)


CLOCKWORK: Mapping[str, tuple[str, Callable[[Settings], None]]] = MappingProxyType(
    {
        jobs.COME_INTO_FORCE: ("* * * * *", _come_into_force),
        jobs.WALK: ("*/5 * * * *", _walk),
        jobs.ESCALATE: ("* * * * *", _escalate),
        jobs.SWEEP: ("17 * * * *", _sweep),
        jobs.SEAL: ("* * * * *", seal_audit),
        jobs.VERIFY: ("41 18 * * *", verify_audit),  # UTC: at night
        jobs.FIGURES: ("*/5 * * * *", _figures),
        jobs.RECOMPUTE: ("* * * * *", carry_calendar),
        jobs.CHECK_CALENDAR: ("23 0 * * *", warn_of_calendar),  # UTC: in the morning
    }
)
"""What is done by itself, by name: at which moments (cron, UTC), and what."""
