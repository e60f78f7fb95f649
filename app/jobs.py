"""Background work on PostgreSQL's own queue (procrastinate): deferred in the transaction that causes it.

A job is written with the change, so a rollback leaves none; `app/worker.py` holds what is done and runs it.
"""

from __future__ import annotations

from typing import Any

import procrastinate
from procrastinate.exceptions import AlreadyEnqueued

from app.transaction import Tx

FIGURES = "figures"
PUBLISH = "publish"
COME_INTO_FORCE = "come_into_force"
SWEEP = "sweep"
WALK = "walk"
ESCALATE = "escalate"
RESCUE = "rescue"
SEAL = "seal"
VERIFY = "verify_audit"
RECOMPUTE = "recompute"
CHECK_CALENDAR = "check_calendar"

_deferring = procrastinate.App(connector=procrastinate.SyncPsycopgConnector())


def defer(tx: Tx, task: str, **arguments: Any) -> None:
    """Queue `task` in this transaction. The same task waiting already is enough: it is not queued twice."""
    raw = tx.connection.connection.driver_connection
    job = _deferring.configure_task(task, queueing_lock=task, allow_unknown=True, connection=raw)
    try:
        with tx.connection.begin_nested():
            job.defer(**arguments)
    except AlreadyEnqueued:
        return
