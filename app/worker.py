"""The background worker: what is done for each job that `app/jobs.py` queued, and the clockwork."""

from __future__ import annotations

import logging
import time
from dataclasses import asdict
from datetime import datetime
from pathlib import Path

import procrastinate
import psycopg
import psycopg_pool

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

    @made.periodic(cron="* * * * *")
    @made.task(name=jobs.COME_INTO_FORCE, queueing_lock=jobs.COME_INTO_FORCE)
    def come_into_force(timestamp: int) -> None:  # noqa: ARG001 - the clockwork gives the moment that was due
        queue_what_came_into_force(at=clock.now())

    @made.periodic(cron="*/5 * * * *")
    @made.task(name=jobs.WALK, queueing_lock=jobs.WALK)
    def walk(timestamp: int) -> None:  # noqa: ARG001 - the clockwork gives the moment that was due
        with write() as tx:
            demo.walk(tx, at=clock.now())

    @made.periodic(cron="* * * * *")
    @made.task(name=jobs.ESCALATE, queueing_lock=jobs.ESCALATE, lock=jobs.ESCALATE)
    def escalate(timestamp: int) -> None:  # noqa: ARG001 - the clockwork gives the moment that was due
        taken = supervision.act_on_all(clock.now())
        if taken:
            log.info("took %s steps that were due", taken)

    @made.periodic(cron="17 * * * *")
    @made.task(name=jobs.SWEEP, queueing_lock=jobs.SWEEP)
    def sweep(timestamp: int) -> None:  # noqa: ARG001 - the clockwork gives the moment that was due
        with write() as tx:
            identity.sweep(tx, at=clock.now())
        parts = sweep_parts(settings.photos) + sweep_parts(settings.copies)
        log.info("swept what is over, and %s parts of photos", parts)

    @made.periodic(cron="* * * * *")
    @made.task(name=jobs.SEAL, queueing_lock=jobs.SEAL)
    def seal(timestamp: int) -> None:  # noqa: ARG001 - the clockwork gives the moment that was due
        seal_audit(settings)

    @made.periodic(cron="41 18 * * *")  # UTC: at night
    @made.task(name=jobs.VERIFY, queueing_lock=jobs.VERIFY)
    def verify(timestamp: int) -> None:  # noqa: ARG001 - the clockwork gives the moment that was due
        verify_audit(settings)

    _add_calendar(made)
    return made


def _add_calendar(made: procrastinate.App) -> None:
    @made.periodic(cron="* * * * *")
    @made.task(name=jobs.RECOMPUTE, queueing_lock=jobs.RECOMPUTE, lock=jobs.RECOMPUTE, retry=3)
    def carry(timestamp: int = 0) -> None:  # noqa: ARG001 - the clockwork gives the moment that was due
        carry_calendar()

    @made.periodic(cron="23 0 * * *")  # UTC: in the morning
    @made.task(name=jobs.CHECK_CALENDAR, queueing_lock=jobs.CHECK_CALENDAR)
    def check_calendar(timestamp: int) -> None:  # noqa: ARG001 - the clockwork gives the moment that was due
        warn_of_calendar()


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


def carry_calendar() -> None:
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


def warn_of_calendar() -> None:
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
