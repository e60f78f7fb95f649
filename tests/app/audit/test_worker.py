"""What the background worker does with the record, and that the chain is no queue for those who write."""

import logging
import threading
import time

import sqlalchemy as sa

from app import worker
from app.audit.actions import record
from app.audit.rules import Action
from app.transaction import read, write

from .conftest import BOSS, rows_of


def test_the_worker_seals_tells_the_head_and_records_what_it_verified(city, caplog):
    caplog.set_level(logging.INFO)
    city.rows(3)
    worker.seal_audit(city.settings)
    assert "audit sealed up to 3:" in caplog.text
    worker.verify_audit(city.settings)
    with city.forging() as forger:
        forger.execute(sa.text("DELETE FROM audit_log WHERE id = 2"))
    worker.verify_audit(city.settings)
    with read() as tx:
        sound, broken = rows_of(tx, Action.RECORD_VERIFIED)
    assert sound.detail["broken"] is None
    assert broken.detail["broken"]["id"] == 2
    assert [one.levelname for one in caplog.records if "audit verified" in one.message][-1] == "CRITICAL"


def test_who_writes_does_not_wait_for_who_seals(city):
    """The sealer holds its lock as long as it likes."""
    city.rows(1)
    started, done = threading.Event(), threading.Event()

    def hold():
        with write() as tx:
            tx.named("audit.seal_lock")
            started.set()
            done.wait(10)

    holder = threading.Thread(target=hold)
    holder.start()
    started.wait(10)
    before = time.monotonic()
    with write() as tx:
        record(tx, Action.EXPORTED, "file cells", by=BOSS)
    took = time.monotonic() - before
    done.set()
    holder.join()
    assert took < 5
