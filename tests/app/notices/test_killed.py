"""Nothing is lost and nothing doubled when the process that tells and sends is killed again and again."""

import os
import signal
import subprocess
import sys
import time

import pytest

from app.transaction import Event, write
from tests.loop import Loop

pytestmark = pytest.mark.database
EVENTS = 60
RUNNING = """
import sqlalchemy as sa
from app import transaction
from app.db import make_engine, named_statements
from app.notices.loop import run_once
from app.settings import read_settings

known, name = named_statements(), "notices.events"
known[name] = sa.text(known[name].text.replace("pg_snapshot_xmin", "pg_snapshot_xmax"))
settings = read_settings()
transaction.bind(make_engine(settings, pool_size=2))
print("go", flush=True)
run_once(settings)
"""
"""One round, in the test's own horizon (see `alone`)."""


def environ(settings):
    return {
        **{k: v for k, v in os.environ.items() if not k.startswith("JINGWEI_")},
        "JINGWEI_DATABASE_URL": settings.database_url,
        "JINGWEI_SCHEMA": settings.schema,
        "JINGWEI_SECRET_KEY": "x",
        "JINGWEI_VAR": str(settings.var),
        "JINGWEI_SMTP_HOST": settings.smtp_host,
        "JINGWEI_SMTP_PORT": str(settings.smtp_port),
        "JINGWEI_SMTP_SECURITY": "none",
        "JINGWEI_SMTP_FROM": "jingwei@city.test",
    }


def test_a_process_that_is_killed_in_the_middle_tells_and_sends_each_thing_once(
    ask, rows, wired, mail_server
):
    """A mail that went out just before the kill may go out again, and then under the id it had."""
    card = Loop.incident(ask, by="operator").case
    rows("INSERT INTO notice_preferences (person_id, email)"
         " SELECT id, 'w@city.test' FROM people WHERE username = 'worker'")  # fmt: skip
    with write() as tx:
        for _ in range(EVENTS - 1):
            tx.record(Event("case_reported", card["id"], card["community"]["code"], card))
    for patience in (0.05, 0.1, 0.2, 0.3, 0.4, None):
        process = subprocess.Popen(
            [sys.executable, "-c", RUNNING], env=environ(wired), stdout=subprocess.PIPE, text=True
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
    assert rows("SELECT count(*), count(DISTINCT event_id) FROM notices") == [(EVENTS, EVENTS)]
    assert rows("SELECT state, count(*) FROM deliveries GROUP BY state") == [("sent", EVENTS)]
    sent = [mail["Message-ID"] for mail in mail_server.mails]
    assert len(set(sent)) == EVENTS
    again = {str(row[0]) for row in rows("SELECT id FROM deliveries WHERE tries > 1")}
    assert {one for one in sent if sent.count(one) > 1} <= {f"<{one}@city.test>" for one in again}
    assert len(sent) - EVENTS <= 5, "at most one a kill"
