"""The loop as data: statuses, steps, and the one table of who may take which (domain.md, section 4)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from types import MappingProxyType

from app.errors import Conflict
from app.identity.rules import Role


class Kind(StrEnum):
    """Incidents are about places and facilities, appeals are people's requests; one pool holds both."""

    INCIDENT = "incident"
    APPEAL = "appeal"


class Nature(StrEnum):
    """What an appeal is by nature: 咨询, 求助, 投诉, 举报, 建议, 表扬."""

    CONSULT = "consult"
    HELP = "help"
    COMPLAINT = "complaint"
    ACCUSATION = "accusation"
    SUGGESTION = "suggestion"
    PRAISE = "praise"


class Source(StrEnum):
    """Who found the matter, or on what way it came."""

    WORKER = "worker"
    CITIZEN = "citizen"
    OPERATOR = "operator"
    SCRIPT = "script"
    SENSOR = "sensor"
    PHONE = "phone"
    COUNTER = "counter"
    WEB = "web"
    LETTER = "letter"
    PARTNER = "partner"


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
    ASK_VOID = "ask_void"
    VOID = "void"
    MERGE = "merge"
    JOINED = "joined"
    FILE = "file"
    DISPATCH = "dispatch"
    SIGN = "sign"
    ASK_RETURN = "ask_return"
    RETURN = "return"
    ASK_EXTEND = "ask_extend"
    EXTEND = "extend"
    ASK_SUSPEND = "ask_suspend"
    SUSPEND = "suspend"
    REFUSE = "refuse"
    RESUME = "resume"
    FEEDBACK = "feedback"
    REWORK = "rework"
    CHECK = "check"
    CHECKED = "checked"
    PASS = "pass"  # noqa: S105 - a step, no secret
    CALL_BACK = "call_back"
    NO_CONTACT = "no_contact"
    UNREACHED = "unreached"
    SATISFIED = "satisfied"
    DISSATISFIED = "dissatisfied"
    ORDER = "order"
    HOLD_TO_ACCOUNT = "hold_to_account"
    DECIDE = "decide"
    REOPEN = "reopen"
    OBJECT = "object"
    SUPERVISE = "supervise"
    URGE = "urge"
    INSTRUCT = "instruct"
    ASSIGN = "assign"
    NOTE = "note"
    ADD = "add"
    WITHDRAW = "withdraw"
    FORCE_CLOSE = "force_close"
    WARN = "warn"
    HAND_OVER = "hand_over"


class Need(StrEnum):
    """What a step has to bring: a field of its body."""

    REASON = "reason"
    NOTE = "note"
    ANSWER = "answer"
    PHOTOS = "photos"
    COMMUNITY = "community"
    STANDARD = "standard"
    UNIT = "unit"
    WORKER = "worker"
    INTO = "into"
    UNTIL = "until"
    MEASURES = "measures"
    RESULT = "result"
    SCORE = "score"
    CAUSE = "cause"
    FINDING = "finding"
    ORDER = "order"
    PERSONS = "persons"
    DECISION = "decision"


class When(StrEnum):
    """What has to be so, beyond the status, for a step to be allowed."""

    PERSON = "person"
    """there is somebody to be visited"""
    NOBODY = "nobody"
    """there is nobody to be visited"""
    PLACE = "place"
    NO_PLACE = "no_place"
    ASKED = "asked"
    """a request for this step is open"""
    NOT_ASKED = "not_asked"
    """no request is open"""
    PENDING = "pending"
    """some request is open"""
    CHECKED = "checked"
    """the worker has found it done"""
    UNCHECKED = "unchecked"
    BEFORE_DUE = "before_due"
    MAY_EXTEND = "may_extend"
    MAY_SUSPEND = "may_suspend"
    THIRD_CALL = "third_call"
    EARLIER_CALL = "earlier_call"
    RECENT = "recent"
    """it was closed at most REOPEN_WITHIN ago"""
    BELOW_TOP = "below_top"
    """supervision can still be raised"""
    FIRST_DISSATISFIED = "first_dissatisfied"
    AGAIN_DISSATISFIED = "again_dissatisfied"


class Clock(StrEnum):
    """What a step does to the case's clock."""

    KEEP = "keep"
    START = "start"
    """a new limit from now; at a return to the same unit the old one goes on"""
    STOP = "stop"
    RESUME = "resume"
    EXTEND = "extend"
    ONCE_MORE = "once_more"
    """the whole limit again, from now"""
    END = "end"


@dataclass(frozen=True, slots=True)
class Rule:
    """A row of the table: where the step leads, who may take it, and what it asks and does.

    `by` are roles; a return visit is made by the one of its roles that is set for it. `system` steps are
    taken by nobody but the system itself. A worker has to be the one who checks or holds the case, a handler
    of its unit, a citizen the one whose case it is; all other roles are held in the case's area.
    """

    to: Status
    by: frozenset[Role]
    needs: tuple[Need, ...] = ()
    when: tuple[When, ...] = ()
    clock: Clock = Clock.KEEP
    system: bool = False
    row: int | None = None
    """The row of domain.md, section 4."""


ENDED = frozenset({Status.CLOSED, Status.VOID, Status.MERGED})
"""Statuses in which nothing is waited for."""

OPEN = tuple(status for status in Status if status not in ENDED)

MAX_EXTENSIONS = 2
MAX_SUSPENSIONS = 1
LONGEST_SUSPENSION = timedelta(days=365)
RETURNS_TO_COMMITTEE = 2
REWORKS_TO_LEVEL_2 = 3
CALLS = 3
REOPEN_WITHIN = timedelta(days=15)
URGE_EVERY = timedelta(days=1)
TOP_LEVEL = 3
YELLOW = 0.8
"""The share of a limit after which a case is yellow."""

STAGE_LIMITS: Mapping[Status, tuple[ClockKind, float]] = MappingProxyType(
    {
        Status.REPORTED: (ClockKind.URGENT_HOUR, 0.25),
        Status.VERIFYING: (ClockKind.URGENT_HOUR, 0.5),
        Status.ACCEPTED: (ClockKind.URGENT_HOUR, 0.25),
        Status.FILED: (ClockKind.URGENT_HOUR, 0.25),
        Status.DISPATCHED: (ClockKind.URGENT_HOUR, 2),
        Status.FEEDBACK: (ClockKind.URGENT_HOUR, 0.25),
        Status.CHECKING: (ClockKind.URGENT_HOUR, 0.5),
        Status.CALLBACK: (ClockKind.NATURAL_DAY, 3),
        Status.SUPERVISED: (ClockKind.WORK_DAY, 1),
        Status.ACCOUNTABLE: (ClockKind.WORK_DAY, 5),
    }
)
"""How long a case may wait in a status. Handling has the case's own limit, suspension the day named."""

NATURE_LIMITS: Mapping[Nature, float] = MappingProxyType(
    {Nature.CONSULT: 1.0, Nature.HELP: 3.0, Nature.COMPLAINT: 5.0, Nature.ACCUSATION: 5.0}
)
"""Working days within which an appeal of this nature is handled; others have their type's own limit."""


def appeal_limit(clock: ClockKind, limit: float, nature: Nature) -> tuple[ClockKind, float]:
    """Return the limit of an appeal before a standard is chosen: its nature's, else its type's own."""
    days = NATURE_LIMITS.get(nature)
    return (clock, limit) if days is None else (ClockKind.WORK_DAY, days)


_CITIZEN, _WORKER, _OPERATOR = Role.CITIZEN, Role.WORKER, Role.OPERATOR
_LEADS, _DISPATCHER, _HANDLER = Role.SHIFT_LEADER, Role.DISPATCHER, Role.HANDLER
_SUPERVISOR, _COMMITTEE, _LEADER = Role.SUPERVISOR, Role.COMMITTEE, Role.LEADER
VISITORS = frozenset({_OPERATOR, _WORKER, _LEADS, _SUPERVISOR})
"""Who may be set to make return visits; for each nature of a matter it is one of them (`visit_rules`)."""
_VISITORS = VISITORS | {_CITIZEN}
_DESKS = frozenset({_OPERATOR, _LEADS, _DISPATCHER, _SUPERVISOR, _COMMITTEE, _LEADER})


def _rule(
    to: Status,
    by: Role | frozenset[Role] | None,
    *needs: Need,
    when: tuple[When, ...] = (),
    clock: Clock = Clock.KEEP,
    row: int | None = None,
) -> Rule:
    roles = frozenset() if by is None else by if isinstance(by, frozenset) else frozenset({by})
    return Rule(to, roles, needs, when, clock, system=by is None, row=row)


def _anywhere(status: Status) -> dict[tuple[Status, Step], Rule]:
    """Return what is allowed in every open status and mostly keeps it."""
    return {
        (status, Step.MERGE): _rule(
            Status.MERGED, frozenset({_OPERATOR, _DISPATCHER}), Need.INTO, clock=Clock.END, row=6
        ),
        (status, Step.JOINED): _rule(status, None, row=6),
        (status, Step.SUPERVISE): _rule(
            status, frozenset({_SUPERVISOR, _LEADER}), Need.REASON, when=(When.BELOW_TOP,)
        ),
        (status, Step.URGE): _rule(status, frozenset({_DISPATCHER, _SUPERVISOR, _OPERATOR, _CITIZEN})),
        (status, Step.WARN): _rule(status, None),
        (status, Step.INSTRUCT): _rule(status, frozenset({_LEADER, _COMMITTEE}), Need.NOTE),
        (status, Step.ASSIGN): _rule(status, frozenset({_DISPATCHER, _LEADS}), Need.WORKER),
        (status, Step.NOTE): _rule(status, _DESKS | {_HANDLER, _WORKER}, Need.NOTE),
        (status, Step.ADD): _rule(status, _CITIZEN, Need.NOTE),
        (status, Step.FORCE_CLOSE): _rule(Status.CLOSED, _LEADER, Need.REASON, clock=Clock.END),
    }


RULES: Mapping[tuple[Status, Step], Rule] = MappingProxyType(
    {
        # reported until filed
        (Status.REPORTED, Step.VERIFY): _rule(
            Status.VERIFYING, _OPERATOR, Need.WORKER, when=(When.PLACE,), row=2
        ),
        (Status.VERIFYING, Step.VERIFIED): _rule(Status.REPORTED, _WORKER, Need.ANSWER, Need.PHOTOS, row=2),
        (Status.REPORTED, Step.ACCEPT): _rule(Status.ACCEPTED, _OPERATOR, Need.COMMUNITY, row=3),
        (Status.REPORTED, Step.ANSWER): _rule(
            Status.CLOSED, _OPERATOR, Need.RESULT, when=(When.NOBODY,), clock=Clock.END, row=4
        ),
        (Status.REPORTED, Step.CALL_BACK): _rule(
            Status.CALLBACK, _OPERATOR, Need.RESULT, when=(When.PERSON,), clock=Clock.STOP, row=4
        ),
        **{
            (status, step): rule
            for status in (Status.REPORTED, Status.ACCEPTED)
            for step, rule in {
                Step.ASK_VOID: _rule(status, _OPERATOR, Need.REASON, when=(When.NOT_ASKED,), row=5),
                Step.VOID: _rule(Status.VOID, _LEADS, when=(When.ASKED,), clock=Clock.END, row=5),
                Step.REFUSE: _rule(status, _LEADS, Need.REASON, when=(When.PENDING,), row=5),
                Step.WITHDRAW: _rule(Status.VOID, _CITIZEN, Need.REASON, clock=Clock.END),
            }.items()
        },
        **{
            (status, Step.HAND_OVER): _rule(status, None, Need.WORKER, when=(When.UNCHECKED,))
            for status in (Status.VERIFYING, Status.CHECKING)
        },
        (Status.VERIFYING, Step.WITHDRAW): _rule(Status.VOID, _CITIZEN, Need.REASON, clock=Clock.END),
        (Status.ACCEPTED, Step.FILE): _rule(Status.FILED, _LEADS, Need.STANDARD, row=7),
        # in a unit's hands
        (Status.FILED, Step.DISPATCH): _rule(
            Status.DISPATCHED, frozenset({_DISPATCHER, _COMMITTEE}), Need.UNIT, clock=Clock.START, row=8
        ),
        (Status.FILED, Step.WITHDRAW): _rule(Status.VOID, _CITIZEN, Need.REASON, clock=Clock.END),
        (Status.DISPATCHED, Step.SIGN): _rule(Status.HANDLING, _HANDLER, row=9),
        (Status.DISPATCHED, Step.ASK_RETURN): _rule(
            Status.DISPATCHED, _HANDLER, Need.REASON, when=(When.NOT_ASKED,), row=10
        ),
        (Status.DISPATCHED, Step.RETURN): _rule(Status.FILED, _DISPATCHER, when=(When.ASKED,), row=10),
        (Status.DISPATCHED, Step.REFUSE): _rule(
            Status.DISPATCHED, _DISPATCHER, Need.REASON, when=(When.PENDING,), row=10
        ),
        (Status.HANDLING, Step.ASK_EXTEND): _rule(
            Status.HANDLING,
            _HANDLER,
            Need.REASON,
            when=(When.NOT_ASKED, When.BEFORE_DUE, When.MAY_EXTEND),
            row=11,
        ),
        (Status.HANDLING, Step.EXTEND): _rule(
            Status.HANDLING,
            _DISPATCHER,
            when=(When.ASKED, When.MAY_EXTEND),
            clock=Clock.EXTEND,
            row=11,
        ),
        (Status.HANDLING, Step.ASK_SUSPEND): _rule(
            Status.HANDLING,
            _HANDLER,
            Need.REASON,
            Need.UNTIL,
            when=(When.NOT_ASKED, When.MAY_SUSPEND),
            row=12,
        ),
        (Status.HANDLING, Step.SUSPEND): _rule(
            Status.SUSPENDED, _DISPATCHER, when=(When.ASKED, When.MAY_SUSPEND), clock=Clock.STOP, row=12
        ),
        (Status.HANDLING, Step.REFUSE): _rule(
            Status.HANDLING, _DISPATCHER, Need.REASON, when=(When.PENDING,), row=11
        ),
        (Status.SUSPENDED, Step.RESUME): _rule(
            Status.HANDLING, frozenset({_DISPATCHER, _HANDLER}), clock=Clock.RESUME, row=12
        ),
        (Status.HANDLING, Step.FEEDBACK): _rule(
            Status.FEEDBACK, _HANDLER, Need.MEASURES, Need.RESULT, clock=Clock.STOP, row=13
        ),
        # looked at again
        (Status.FEEDBACK, Step.REWORK): _rule(
            Status.HANDLING, _DISPATCHER, Need.REASON, clock=Clock.RESUME, row=14
        ),
        (Status.FEEDBACK, Step.CHECK): _rule(
            Status.CHECKING, _DISPATCHER, Need.WORKER, when=(When.PLACE,), row=15
        ),
        (Status.FEEDBACK, Step.CALL_BACK): _rule(
            Status.CALLBACK, _DISPATCHER, when=(When.NO_PLACE, When.PERSON), row=15
        ),
        (Status.FEEDBACK, Step.PASS): _rule(
            Status.CLOSED, _DISPATCHER, when=(When.NO_PLACE, When.NOBODY), clock=Clock.END, row=15
        ),
        (Status.CHECKING, Step.CHECKED): _rule(
            Status.CHECKING, _WORKER, Need.PHOTOS, when=(When.UNCHECKED,), row=17
        ),
        (Status.CHECKING, Step.REWORK): _rule(
            Status.HANDLING,
            _WORKER,
            Need.REASON,
            Need.PHOTOS,
            when=(When.UNCHECKED,),
            clock=Clock.RESUME,
            row=16,
        ),
        (Status.CHECKING, Step.PASS): _rule(
            Status.CLOSED, _LEADS, when=(When.CHECKED, When.NOBODY), clock=Clock.END, row=17
        ),
        (Status.CHECKING, Step.CALL_BACK): _rule(
            Status.CALLBACK, frozenset({_LEADS, _OPERATOR}), when=(When.CHECKED, When.PERSON), row=17
        ),
        # and what the person says of it
        (Status.CALLBACK, Step.SATISFIED): _rule(
            Status.CLOSED, _VISITORS, Need.SCORE, clock=Clock.END, row=18
        ),
        (Status.CALLBACK, Step.NO_CONTACT): _rule(
            Status.CALLBACK, VISITORS, when=(When.EARLIER_CALL,), row=18
        ),
        (Status.CALLBACK, Step.UNREACHED): _rule(
            Status.CLOSED, VISITORS, when=(When.THIRD_CALL,), clock=Clock.END, row=18
        ),
        (Status.CALLBACK, Step.DISSATISFIED): _rule(
            Status.SUPERVISED, _VISITORS, Need.REASON, when=(When.FIRST_DISSATISFIED,), row=19
        ),
        (Status.CALLBACK, Step.HOLD_TO_ACCOUNT): _rule(
            Status.ACCOUNTABLE, _VISITORS, Need.REASON, when=(When.AGAIN_DISSATISFIED,), row=21
        ),
        # supervise: analysis and investigation, then account
        (Status.SUPERVISED, Step.ORDER): _rule(
            Status.HANDLING,
            _SUPERVISOR,
            Need.CAUSE,
            Need.FINDING,
            Need.ORDER,
            Need.UNIT,
            clock=Clock.ONCE_MORE,
            row=20,
        ),
        (Status.ACCOUNTABLE, Step.DECIDE): _rule(
            Status.CLOSED,
            _COMMITTEE,
            Need.UNIT,
            Need.PERSONS,
            Need.REASON,
            Need.FINDING,
            Need.DECISION,
            clock=Clock.END,
            row=22,
        ),
        (Status.CLOSED, Step.REOPEN): _rule(
            Status.FILED, _SUPERVISOR, Need.REASON, when=(When.RECENT,), row=23
        ),
        (Status.CLOSED, Step.OBJECT): _rule(
            Status.CALLBACK, _CITIZEN, Need.REASON, when=(When.RECENT, When.PERSON)
        ),
        **{key: rule for status in OPEN for key, rule in _anywhere(status).items()},
    }
)
"""The loop: every step that there is, by the status that it starts from. There is no other door."""

INCIDENT_NEEDS: Mapping[Step, tuple[Need, ...]] = MappingProxyType(
    {Step.FEEDBACK: (Need.PHOTOS,), Step.ANSWER: (Need.PHOTOS,)}
)
"""What a step about a place has to bring besides: the photo after."""

ASKED_FOR: Mapping[Step, Step] = MappingProxyType(
    {
        Step.ASK_VOID: Step.VOID,
        Step.ASK_RETURN: Step.RETURN,
        Step.ASK_EXTEND: Step.EXTEND,
        Step.ASK_SUSPEND: Step.SUSPEND,
    }
)
"""What is asked for by one and approved by another."""

OWNERS: Mapping[Status, frozenset[Role]] = MappingProxyType(
    {
        Status.REPORTED: frozenset({Role.OPERATOR}),
        Status.VERIFYING: frozenset({Role.WORKER}),
        Status.ACCEPTED: frozenset({Role.SHIFT_LEADER}),
        Status.FILED: frozenset({Role.DISPATCHER, Role.COMMITTEE}),
        Status.DISPATCHED: frozenset({Role.HANDLER}),
        Status.HANDLING: frozenset({Role.HANDLER}),
        Status.SUSPENDED: frozenset({Role.HANDLER}),
        Status.FEEDBACK: frozenset({Role.DISPATCHER}),
        Status.CHECKING: frozenset({Role.WORKER, Role.SHIFT_LEADER}),
        Status.CALLBACK: VISITORS,
        Status.SUPERVISED: frozenset({Role.SUPERVISOR}),
        Status.ACCOUNTABLE: frozenset({Role.COMMITTEE}),
    }
)
"""Who has to act next; `owner` narrows it where the status alone does not tell."""


class StepNotAllowed(Conflict):
    """The case's status has no such step, or something else forbids it."""

    code = "step_not_allowed"


def rule_of(status: Status, step: Step) -> Rule:
    """Return the row of the table.

    Raises:
        StepNotAllowed: `status` has no such step.
    """
    try:
        return RULES[status, step]
    except KeyError:
        steps = ", ".join(sorted(s for at, s in RULES if at is status)) or "none"
        raise StepNotAllowed(
            f"a case that is {status} cannot take the step {step}; it can take: {steps}",
            field="step",
            value=step.value,
        ) from None


def owner(
    status: Status,
    *,
    checked: bool = False,
    returns: int = 0,
    asked: Step | None = None,
    visitor: Role = Role.OPERATOR,
) -> Role | None:
    """Return the role that has to act next; None when the case has ended.

    An open request waits for whoever decides it; a case returned twice for the committee desk.
    """
    if status in ENDED:
        return None
    if asked is not None:
        return Role.SHIFT_LEADER if asked is Step.VOID else Role.DISPATCHER
    if status is Status.FILED:
        return Role.COMMITTEE if returns >= RETURNS_TO_COMMITTEE else Role.DISPATCHER
    if status is Status.CHECKING:
        return Role.SHIFT_LEADER if checked else Role.WORKER
    if status is Status.CALLBACK:
        return visitor
    (only,) = OWNERS[status]
    return only
