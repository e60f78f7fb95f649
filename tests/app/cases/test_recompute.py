"""A change of the calendar is carried to the open cases, each once, whatever is killed."""

import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from datetime import date, datetime, timedelta
from uuid import UUID

import pytest
import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st

from app import clock
from app.calendar import queries as calendars
from app.calendar.actions import change_at_once
from app.calendar.library import built_in
from app.calendar.rules import CHINA_TIME, Change, DayChange, DayKind, changed
from app.cases import deadlines, recompute
from app.cases.effects import State
from app.cases.recompute import Clocked, recomputed
from app.cases.rules import ClockKind, Kind, Status
from tests import people
from tests.app.calendar.test_rules import calendars as made_calendars
from tests.app.calendar.test_rules import moments
from tests.loop import Loop

OLD = built_in()
START = datetime(2026, 9, 28, 9, tzinfo=CHINA_TIME)
"""A Monday; the 1st to the 7th of October are off, the 8th is worked."""

OFF = Change((DayChange(date(2026, 9, 29), DayKind.HOLIDAY, "停工"),))
NEW = changed(OLD, OFF)


def running(clock_kind=ClockKind.WORK_DAY, limit=2.0, **said):
    due = deadlines.due(START, clock_kind, limit, OLD).at
    warn = deadlines.after(START, clock_kind, 0.8 * deadlines.seconds_of(clock_kind, limit), OLD)
    values = {
        "id": UUID(int=1),
        "kind": Kind.INCIDENT,
        "type_code": "F0137",
        "status": Status.HANDLING,
        "community_code": "210302001001",
        "received_at": START,
        "due_at": due,
        "stage_due_at": due,
        "warn_at": warn,
        "clock_kind": clock_kind,
        "limit_value": limit,
    }
    return Clocked(State(**{**values, **said}), (ClockKind.WORK_DAY, 5.0), START, START)


def test_a_running_clock_moves_with_its_warning_and_its_stage():
    now = recomputed(running(), OLD, NEW, at=START)
    assert now.due_at == datetime(2026, 10, 8, 9, tzinfo=CHINA_TIME)
    assert now.stage_due_at == now.due_at
    assert now.warn_at == deadlines.after(START, ClockKind.WORK_DAY, 0.8 * 16 * 3600, NEW)
    assert now.acts_at == now.warn_at


def test_natural_time_and_a_clock_that_stands_still_do_not_move():
    for case in (
        running(ClockKind.NATURAL_DAY),
        running(ClockKind.URGENT_HOUR, 48.0),
        running(clock_left_s=3_600.0, status=Status.FEEDBACK),
    ):
        now = recomputed(case, OLD, NEW, at=START)
        assert (now.due_at, now.clock_left_s) == (case.state.due_at, case.state.clock_left_s)


def test_what_was_warned_of_and_moved_away_is_warned_of_again():
    at = START + timedelta(days=2)
    assert recomputed(running(warned=True), OLD, NEW, at=at).warned is False
    assert recomputed(running(warned=True), NEW, OLD, at=START + timedelta(days=30)).warned is True


def test_an_estimate_before_dispatch_is_made_anew_from_receipt():
    early = running(
        status=Status.REPORTED,
        warn_at=None,
        clock_kind=None,
        limit_value=None,
        stage_due_at=START + timedelta(minutes=15),
        due_at=deadlines.due(START, ClockKind.WORK_DAY, 5.0, OLD).at,
    )
    now = recomputed(early, OLD, NEW, at=START)
    assert now.due_at == deadlines.due(START, ClockKind.WORK_DAY, 5.0, NEW).at
    assert now.stage_due_at == early.state.stage_due_at
    foreign = replace(early, state=replace(early.state, due_at=START + timedelta(days=99)))
    assert recomputed(foreign, OLD, NEW, at=START) == foreign.state


def test_a_stage_counted_in_working_days_moves():
    supervised = running(
        status=Status.SUPERVISED,
        clock_left_s=100.0,
        stage_due_at=deadlines.due(START, ClockKind.WORK_DAY, 1, OLD).at,
    )
    assert recomputed(supervised, OLD, NEW, at=START).stage_due_at == datetime(
        2026, 9, 30, 9, tzinfo=CHINA_TIME
    )


@settings(deadline=None)
@given(made_calendars, made_calendars, moments, st.floats(0.5, 20))
def test_a_change_and_its_opposite_lead_back(one, other, start, limit):
    due = deadlines.due(start, ClockKind.WORK_DAY, limit, one).at
    warn = deadlines.after(start, ClockKind.WORK_DAY, limit * 8 * 3600 * 0.8, one)
    case = running(limit=limit, due_at=due, stage_due_at=due, warn_at=warn)
    case = replace(case, began_at=start, entered_at=start)
    there = recomputed(case, one, other, at=start)
    back = recomputed(replace(case, state=there), other, one, at=start)
    assert (back.due_at, back.stage_due_at, back.warn_at) == (due, due, warn)
    assert deadlines.left(start, there.due_at, ClockKind.WORK_DAY, other) == pytest.approx(limit * 8 * 3600)


# In the database


@pytest.fixture
def _city_desk(tx):
    people.person(tx, "dispatcher_all", "dispatcher")


@pytest.fixture
def change(tx):
    """Bring a month without a working day into force, and return its id."""
    today = clock.now().astimezone(CHINA_TIME).date()
    days = [today + timedelta(days=n) for n in range(31)]

    def make() -> int:
        off = Change(tuple(DayChange(day, DayKind.HOLIDAY, "停工") for day in days))
        return change_at_once(tx, off, by=people.viewer_of(tx, "admin"), at=clock.now(), source="tests")

    return make


def carry(tx, change_id, *, batch=recompute.BATCH):
    recompute.begin(tx, change_id)
    while recompute.carry_on(tx, change_id, at=clock.now(), batch=batch) is not None:
        pass
    calendars.forget()
    return calendars.change(tx, change_id)


def row(tx, loop):
    return tx.execute(sa.text("SELECT * FROM cases WHERE id = :id"), {"id": loop.id}).one()


def steps(tx, loop):
    text = "SELECT step, data FROM case_steps WHERE case_id = :id AND by_role = 'system' ORDER BY id"
    return [tuple(row) for row in tx.execute(sa.text(text), {"id": loop.id})]


@pytest.mark.usefixtures("_city_desk")
def test_open_cases_move_once_with_a_note_an_event_and_a_record(api, tx, change):
    loops = [Loop.incident(api).dispatched() for _ in range(3)]
    ended = Loop.incident(api)
    tx.execute(
        sa.text("UPDATE cases SET closed_at = now(), status = 'closed' WHERE id = :id"), {"id": ended.id}
    )
    before = {loop.id: row(tx, loop) for loop in loops}
    events = tx.execute(sa.text("SELECT count(*) FROM events WHERE kind = 'case_step'")).scalar_one()
    change_id = change()
    done = carry(tx, change_id, batch=2)
    assert (done.progress, done.seen, done.moved) == ("done", done.cases, 3)
    for loop in loops:
        was, now = before[loop.id], row(tx, loop)
        assert now.due_at > was.due_at + timedelta(days=25)
        assert now.revision == was.revision + 1
        [(step, data)] = steps(tx, loop)
        assert (step, data["calendar"]) == ("note", change_id)
        assert datetime.fromisoformat(data["due_after"]) == now.due_at
    assert (
        tx.execute(sa.text("SELECT count(*) FROM events WHERE kind = 'case_step'")).scalar_one() == events + 3
    )
    assert row(tx, ended).revision == 1
    assert recompute.carry_on(tx, change_id, at=clock.now()) is None
    assert recompute.waiting(tx) is None


@pytest.mark.usefixtures("_city_desk")
def test_a_step_before_the_job_comes_carries_the_change_first_and_the_job_passes_it_by(api, tx, change):
    stepped, other = (Loop.incident(api).dispatched() for _ in range(2))
    change_id = change()
    stepped.take("handler", "sign")
    [(step, data)] = steps(tx, stepped)
    assert (step, data["calendar"]) == ("note", change_id)
    due = row(tx, stepped).due_at
    done = carry(tx, change_id)
    assert done.moved == 2
    assert row(tx, stepped).due_at == due
    assert len(steps(tx, stepped)) == len(steps(tx, other)) == 1
    other.take("handler", "sign")
    assert len(steps(tx, other)) == 1


@pytest.mark.usefixtures("_city_desk")
def test_a_case_that_comes_after_the_change_is_left_alone(api, tx, change):
    change_id = change()
    loop = Loop.incident(api).dispatched()
    due = row(tx, loop).due_at
    carry(tx, change_id)
    assert row(tx, loop).due_at == due
    assert steps(tx, loop) == []


@pytest.mark.usefixtures("_city_desk")
def test_a_limit_that_changes_never_touches_a_running_case(api, tx, change):
    loop = Loop.incident(api).dispatched()
    limit = row(tx, loop).limit_value
    tx.execute(sa.text("UPDATE case_types SET limit_value = limit_value * 9"))
    tx.execute(sa.text("UPDATE case_standards SET limit_value = limit_value * 9"))
    carry(tx, change())
    now = row(tx, loop)
    assert now.limit_value == limit
    began = tx.execute(
        sa.text("SELECT at FROM case_steps WHERE case_id = :id AND step = 'dispatch'"), {"id": loop.id}
    ).scalar_one()
    kind = ClockKind(now.clock_kind)
    counted = deadlines.left(began, now.due_at, kind, calendars.current(tx))
    assert counted == pytest.approx(deadlines.seconds_of(kind, limit))


CARRYING = """
import sys
from app import clock, transaction
from app.cases import recompute
from app.db import make_engine
from app.settings import read_settings
transaction.bind(make_engine(read_settings()))
print("go", flush=True)
with transaction.write() as tx:
    change = recompute.waiting(tx)
while change is not None:
    with transaction.write() as tx:
        if recompute.carry_on(tx, change, at=clock.now(), batch=7) is None:
            break
"""

CASES = """
INSERT INTO cases (
    id, no, kind, type_code, status, source, text, geom, crs_source, observed_at, received_at, due_at,
    cell_code, community_code, worker_id, body_sha256, unit_code, warn_at, clock_kind, limit_value,
    stage_due_at
)
SELECT gen_random_uuid(), '21030220260928' || lpad(n::text, 5, '0'), 'incident', 'F0137', 'handling',
       'operator', '', ST_SetSRID(ST_MakePoint(122.9905, 41.1035), 4326), 'wgs84', m, m,
       m + interval '2 days',
       '210302001001001', '210302001001', 1, '\\x00', 'L', m + interval '1 day', 'work_day', 2,
       m + interval '2 days'
FROM generate_series(1, 400) n, (SELECT timestamptz '2026-09-28 09:00:00+08' AS m) moment
"""


def test_killed_in_the_middle_each_case_moves_once(server, template, name):
    """Real commits in a database of its own, and a process that is killed with SIGKILL again and again."""
    made = server.create(f"{name}_carried", template)
    options = f"-c search_path={made.schema},public"
    engine = sa.create_engine(
        sa.make_url(made.database_url).set(drivername="postgresql+psycopg"),
        connect_args={"options": options},
    )
    try:
        with engine.begin() as connection:
            connection.execute(sa.text(CASES))
            calendars.forget()
            tx = recompute.Tx(connection)
            change_id = change_at_once(
                tx, OFF, by=people.viewer_of(tx, "admin"), at=clock.now(), source="tests"
            )
        environ = {
            **{k: v for k, v in os.environ.items() if not k.startswith("JINGWEI_")},
            "JINGWEI_DATABASE_URL": made.database_url,
            "JINGWEI_SCHEMA": made.schema,
            "JINGWEI_SECRET_KEY": "x",
        }
        for patience in (0.05, 0.1, 0.2, None):
            process = subprocess.Popen(
                [sys.executable, "-c", CARRYING], env=environ, stdout=subprocess.PIPE, text=True
            )
            assert process.stdout is not None
            assert process.stdout.readline() == "go\n"
            if patience is None:
                assert process.wait(120) == 0
            else:
                time.sleep(patience)
                process.send_signal(signal.SIGKILL)
                process.wait()
            process.stdout.close()
        with engine.connect() as connection:
            found = connection.execute(
                sa.text("SELECT count(*), count(DISTINCT case_id) FROM case_steps WHERE step = 'note'")
            ).one()
            assert tuple(found) == (400, 400)
            due = connection.execute(sa.text("SELECT DISTINCT due_at, revision FROM cases")).all()
            assert [tuple(one) for one in due] == [(datetime(2026, 10, 8, 9, tzinfo=CHINA_TIME), 2)]
            done = calendars.change(recompute.Tx(connection), change_id)
            assert (done.progress, done.seen, done.moved) == ("done", 400, 400)
    finally:
        engine.dispose()
        server.drop(f"{name}_carried")
