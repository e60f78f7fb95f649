"""The system's own steps, each in a transaction of its own, so that a kill loses and doubles nothing."""

from __future__ import annotations

import logging
from datetime import datetime
from uuid import UUID

from app.calendar.queries import current
from app.cases.effects import next_act
from app.cases.rules import Step
from app.cases.steps import Taken, state_of, take_system_step
from app.errors import JingweiError
from app.transaction import Tx, read, write

log = logging.getLogger(__name__)

BATCH = 500
WHY = {Step.SUPERVISE: "逾期 (the limit is over)", Step.HAND_OVER: "无人应答 (nobody answered)"}


def act_on_all(at: datetime) -> int:
    """Take every step that is due by `at`, and return how many were taken.

    The moment is looked at again under the case's lock: of two processes that come at once the second finds
    nothing left to do, and so does one that goes on after a kill.
    """
    taken = 0
    while True:
        with read() as tx:
            due = list(tx.named("supervision.due", at=at, limit=BATCH).scalars())
        done = sum(_act(case_id, at) for case_id in due)
        taken += done
        if len(due) < BATCH or not done:
            return taken


def _act(case_id: UUID, at: datetime) -> int:
    try:
        with write() as tx:
            return act_on(tx, case_id, at=at)
    except JingweiError:
        # one case that cannot be moved must not hold up the others
        log.exception("the system's step on case %s failed", case_id)
        return 0


def act_on(tx: Tx, case_id: UUID, *, at: datetime) -> int:
    """Take the steps that are due on one case, and return how many.

    Raises:
        NotFound: there is no such case.
    """
    taken = 0
    while (act := next_act(state_of(tx, case_id, at=at), current(tx))) is not None and act[0] <= at:
        step = act[1]
        take_system_step(tx, case_id, Taken(step=step, reason=WHY.get(step)), at=at)
        taken += 1
    return taken
