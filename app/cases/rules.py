"""The loop as data: statuses, steps, and the one table of transitions between them (domain.md, section 4)."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType

from app.errors import Conflict


class Kind(StrEnum):
    """Incidents are about places and facilities, appeals are people's requests; one pool holds both."""

    INCIDENT = "incident"
    APPEAL = "appeal"


class Source(StrEnum):
    """Who found the matter."""

    WORKER = "worker"
    CITIZEN = "citizen"
    OPERATOR = "operator"
    SCRIPT = "script"


class ClockKind(StrEnum):
    """In what time a limit is counted (domain.md, section 5)."""

    URGENT_HOUR = "urgent_hour"
    NATURAL_DAY = "natural_day"
    WORK_HOUR = "work_hour"
    WORK_DAY = "work_day"


class Status(StrEnum):
    """Where a case stands."""

    REPORTED = "reported"
    VERIFYING = "verifying"
    ACCEPTED = "accepted"
    FILED = "filed"
    DISPATCHED = "dispatched"
    HANDLING = "handling"
    SUSPENDED = "suspended"
    FEEDBACK = "feedback"
    CHECKING = "checking"
    CALLBACK = "callback"
    SUPERVISED = "supervised"
    ACCOUNTABLE = "accountable"
    CLOSED = "closed"
    VOID = "void"
    MERGED = "merged"


class Step(StrEnum):
    """What is done to a case."""

    REPORT = "report"
    VERIFY = "verify"
    VERIFIED = "verified"
    ACCEPT = "accept"
    ANSWER = "answer"
    VOID = "void"
    MERGE = "merge"
    FILE = "file"
    DISPATCH = "dispatch"
    SIGN = "sign"
    RETURN = "return"
    EXTEND = "extend"
    SUSPEND = "suspend"
    RESUME = "resume"
    FEEDBACK = "feedback"
    REWORK = "rework"
    CHECK = "check"
    PASS = "pass"  # noqa: S105 - a step, no secret
    CALL_BACK = "call_back"
    SATISFIED = "satisfied"
    DISSATISFIED = "dissatisfied"
    ORDER = "order"
    HOLD_TO_ACCOUNT = "hold_to_account"
    DECIDE = "decide"
    REOPEN = "reopen"


ENDED = frozenset({Status.CLOSED, Status.VOID, Status.MERGED})
"""Statuses in which nothing is waited for."""

_MERGEABLE = [status for status in Status if status not in ENDED]

TRANSITIONS: Mapping[tuple[Status, Step], Status] = MappingProxyType(
    {
        (Status.REPORTED, Step.VERIFY): Status.VERIFYING,
        (Status.VERIFYING, Step.VERIFIED): Status.REPORTED,
        (Status.REPORTED, Step.ACCEPT): Status.ACCEPTED,
        (Status.REPORTED, Step.ANSWER): Status.CLOSED,
        (Status.REPORTED, Step.VOID): Status.VOID,
        (Status.ACCEPTED, Step.VOID): Status.VOID,
        (Status.ACCEPTED, Step.FILE): Status.FILED,
        (Status.FILED, Step.DISPATCH): Status.DISPATCHED,
        (Status.DISPATCHED, Step.SIGN): Status.HANDLING,
        (Status.DISPATCHED, Step.RETURN): Status.FILED,
        (Status.HANDLING, Step.EXTEND): Status.HANDLING,
        (Status.HANDLING, Step.SUSPEND): Status.SUSPENDED,
        (Status.SUSPENDED, Step.RESUME): Status.HANDLING,
        (Status.HANDLING, Step.FEEDBACK): Status.FEEDBACK,
        (Status.FEEDBACK, Step.REWORK): Status.HANDLING,
        (Status.FEEDBACK, Step.CHECK): Status.CHECKING,
        (Status.CHECKING, Step.REWORK): Status.HANDLING,
        (Status.CHECKING, Step.PASS): Status.CLOSED,
        (Status.CHECKING, Step.CALL_BACK): Status.CALLBACK,
        (Status.FEEDBACK, Step.CALL_BACK): Status.CALLBACK,
        (Status.CALLBACK, Step.SATISFIED): Status.CLOSED,
        (Status.CALLBACK, Step.DISSATISFIED): Status.SUPERVISED,
        (Status.SUPERVISED, Step.ORDER): Status.HANDLING,
        (Status.CALLBACK, Step.HOLD_TO_ACCOUNT): Status.ACCOUNTABLE,
        (Status.ACCOUNTABLE, Step.DECIDE): Status.CLOSED,
        (Status.CLOSED, Step.REOPEN): Status.FILED,
        **{(status, Step.MERGE): Status.MERGED for status in _MERGEABLE},
    }
)


class StepNotAllowed(Conflict):
    """The case's status has no such step."""

    code = "step_not_allowed"


def advance(status: Status, step: Step) -> Status:
    """Return the status that `step` leads to.

    Raises:
        StepNotAllowed: `status` has no such step.
    """
    try:
        return TRANSITIONS[status, step]
    except KeyError:
        raise StepNotAllowed(
            f"a case that is {status} cannot take the step {step}", field="step", value=step
        ) from None
