"""What the system does by itself: each thing once, whatever is killed."""

import os
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa

from app import clock
from app.cases.rules import Step
from app.supervision.actions import act_on_all
from tests import people
from tests.loop import Loop


@pytest.fixture(autouse=True)
def _city_desk(tx):
    people.person(tx, "dispatcher_all", "dispatcher")


def taken(tx, loop):
    rows = tx.execute(
        sa.text("SELECT step FROM case_steps WHERE case_id = :id AND by_role = 'system' ORDER BY id"),
        {"id": loop.id},
    )
    return list(rows.scalars())


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


def test_what_is_not_signed_is_urged_and_what_is_late_is_supervised(api, tx):
    loop = Loop.incident(api).dispatched()
    assert act_on_all(clock.now()) == 0
    assert act_on_all(moment(loop.case["stage_due_at"])) == 1
    assert taken(tx, loop) == ["urge"]
    later = moment(loop.case["due_at"]) + timedelta(days=60)
    assert act_on_all(later) == 4
    assert taken(tx, loop) == ["urge", "warn", "supervise", "supervise", "supervise"]
    assert act_on_all(later) == 0
    row = tx.execute(
        sa.text(
            "SELECT c.level, p.username FROM cases c JOIN people p ON p.id = c.supervisor_id WHERE c.id = :id"
        ),
        {"id": loop.id},
    ).one()
    assert tuple(row) == (3, "supervisor")


def test_a_suspension_ends_by_itself(api, tx):
    loop = Loop.incident(api).dispatched().take("handler", "sign")
    until = clock.now() + timedelta(days=3)
    loop.take("handler", "ask_suspend", reason="等料", until=until.isoformat()).take(
        "dispatcher_all", "suspend"
    )
    assert act_on_all(until - timedelta(seconds=1)) == 0
    assert act_on_all(until) == 1
    assert taken(tx, loop) == ["resume"]


def test_a_check_goes_to_the_other_post_of_the_cell(api, tx):
    loop = Loop.incident(api).handled().take("dispatcher_all", "check", worker="W0001")
    act_on_all(moment(loop.case["stage_due_at"]))
    code = tx.execute(
        sa.text("SELECT w.code FROM cases c JOIN workers w ON w.id = c.checker_id WHERE c.id = :id"),
        {"id": loop.id},
    )
    assert (code.scalar(), taken(tx, loop)) == ("W0002", ["hand_over"])


def test_a_clock_that_jumps_back_undoes_and_repeats_nothing(api, tx):
    loop = Loop.incident(api).dispatched()
    due = moment(loop.case["stage_due_at"])
    act_on_all(due)
    act_on_all(due - timedelta(days=3))
    act_on_all(due)
    assert taken(tx, loop) == [Step.URGE]


def test_what_is_due_is_found_by_its_index(tx):
    tx.execute(sa.text("SET LOCAL enable_seqscan = off"))
    plan = tx.execute(
        sa.text(
            "EXPLAIN SELECT c.id FROM cases c WHERE c.acts_at <= now() ORDER BY c.acts_at, c.id LIMIT 500"
        )
    ).scalars()
    assert "ix_cases_acts_at" in "\n".join(plan)


ACTING = """
import sys
from datetime import datetime
from app import transaction
from app.db import make_engine
from app.settings import read_settings
from app.supervision.actions import act_on_all
transaction.bind(make_engine(read_settings()))
print("go", flush=True)
act_on_all(datetime.fromisoformat(sys.argv[1]))
"""


def test_killed_in_the_middle_of_escalations_each_happens_once(server, template, name):
    """Real commits in a database of its own, and a process that is killed with SIGKILL again and again."""
    settings = server.create(f"{name}_killed", template)
    engine = sa.create_engine(
        sa.make_url(settings.database_url).set(drivername="postgresql+psycopg"),
        connect_args={"options": f"-c search_path={settings.schema},public"},
    )
    try:
        with engine.begin() as connection:
            connection.execute(sa.text(CASES))
        environ = {
            **{k: v for k, v in os.environ.items() if not k.startswith("JINGWEI_")},
            "JINGWEI_DATABASE_URL": settings.database_url,
            "JINGWEI_SCHEMA": settings.schema,
            "JINGWEI_SECRET_KEY": "x",
        }
        at = datetime(2026, 9, 30, tzinfo=UTC).isoformat()
        for patience in (0.05, 0.1, 0.2, 0.3, None):
            process = subprocess.Popen(
                [sys.executable, "-c", ACTING, at], env=environ, stdout=subprocess.PIPE, text=True
            )
            assert process.stdout is not None
            assert process.stdout.readline() == "go\n"
            if patience is None:
                assert process.wait(60) == 0
            else:
                time.sleep(patience)
                process.send_signal(signal.SIGKILL)
                process.wait()
            process.stdout.close()
        with engine.connect() as connection:
            rows = connection.execute(
                sa.text(
                    "SELECT step, count(*), count(DISTINCT case_id) FROM case_steps GROUP BY step ORDER BY 1"
                )
            )
            assert [tuple(row) for row in rows] == [
                ("supervise", 600, 200),
                ("urge", 200, 200),
                ("warn", 200, 200),
            ]
            assert connection.execute(sa.text("SELECT DISTINCT level FROM cases")).scalars().all() == [3]
            events = connection.execute(sa.text("SELECT count(*) FROM events WHERE kind = 'case_step'"))
            assert events.scalar() == 1_000
    finally:
        engine.dispose()
        server.drop(f"{name}_killed")


CASES = """
INSERT INTO cases (
    id, no, kind, type_code, status, source, text, geom, crs_source, observed_at, received_at, due_at,
    cell_code, community_code, worker_id, body_sha256, unit_code, warn_at, clock_kind, limit_value,
    stage_due_at, acts_at
)
SELECT gen_random_uuid(), '21030220260901' || lpad(n::text, 5, '0'), 'incident', 'F0137', 'dispatched',
       'operator', '', ST_SetSRID(ST_MakePoint(122.9905, 41.1035), 4326), 'wgs84', m, m, m + interval '1 day',
       '210302001001001', '210302001001', 1, '\\x00', 'L', m + interval '20 hours', 'urgent_hour', 24,
       m + interval '2 hours', m + interval '2 hours'
FROM generate_series(1, 200) n, (SELECT timestamptz '2026-09-01 00:00:00+00' AS m) moment
"""
