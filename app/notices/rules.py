"""Who is told of what: one table from the steps of the loop to recipients, texts and channels."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from types import MappingProxyType

from app.cases.rules import Status, Step


def _(text: str) -> str:
    """Mark a text for the catalogue; it is translated when it is read or sent."""
    return text


class Channel(StrEnum):
    """On what way a notice reaches somebody. `app` is the bell: without it a notice is listed as read."""

    APP = "app"
    EMAIL = "email"
    WEBHOOK = "webhook"
    SMS = "sms"


class State(StrEnum):
    """How a delivery stands. `sending` outlives its sender only where that was killed."""

    WAITING = "waiting"
    SENDING = "sending"
    SENT = "sent"
    FAILED = "failed"


class NoticeKind(StrEnum):
    """What a notice is about, as far as somebody may choose channels for it."""

    IN_HANDS = "in_hands"
    LOOK = "look"
    TO_HANDLE = "to_handle"
    SENT_BACK = "sent_back"
    ASKED = "asked"
    DECIDED = "decided"
    URGED = "urged"
    WARNED = "warned"
    SUPERVISED = "supervised"
    INSTRUCTED = "instructed"
    BACK = "back"
    ADDED = "added"
    PROGRESS = "progress"


class Whom(StrEnum):
    """Who is told. The desks have the names of their roles."""

    HOLDER = "holder"
    """the worker in whose hands the case is"""
    CHECKER = "checker"
    """the worker who is sent to look"""
    HANDLER = "handler"
    """who signed for it in the unit; before that, the unit"""
    UNIT = "unit"
    """every handler of the unit"""
    OPERATORS = "operator"
    SHIFT_LEADERS = "shift_leader"
    DISPATCHERS = "dispatcher"
    COMMITTEE = "committee"
    SUPERVISOR = "supervisor"
    """the one named for the case"""
    PERSON = "person"
    """whoever reported it or asked for it, here and in every case that was merged into it"""
    OWNER = "owner"
    """who has to act next: one of the others, by the case's status"""


@dataclass(frozen=True, slots=True)
class Telling:
    """One line of the table: of this kind, to these, in these words."""

    kind: NoticeKind
    whom: Whom
    text: str


OWNERS: Mapping[Status, Whom] = MappingProxyType(
    {
        Status.REPORTED: Whom.OPERATORS,
        Status.VERIFYING: Whom.CHECKER,
        Status.ACCEPTED: Whom.SHIFT_LEADERS,
        Status.FILED: Whom.DISPATCHERS,
        Status.DISPATCHED: Whom.UNIT,
        Status.HANDLING: Whom.HANDLER,
        Status.SUSPENDED: Whom.HANDLER,
        Status.FEEDBACK: Whom.DISPATCHERS,
        Status.CHECKING: Whom.CHECKER,
        Status.CALLBACK: Whom.OPERATORS,
        Status.SUPERVISED: Whom.SUPERVISOR,
        Status.ACCOUNTABLE: Whom.COMMITTEE,
    }
)
"""Who has to act next, by status."""


def _progress(text: str) -> Telling:
    return Telling(NoticeKind.PROGRESS, Whom.PERSON, text)


_CLOSED = _progress(_("您反映的事项（编号 {no}）已办结。"))
_ASKED = _("案件 {no}（{type}）有一项申请等您决定。")
_DECIDED = _("案件 {no}（{type}）的申请已有决定。")
_SUPERVISED = _("案件 {no}（{type}）已被督办。")

TELLINGS: Mapping[Step, tuple[Telling, ...]] = MappingProxyType(
    {
        Step.REPORT: (Telling(NoticeKind.IN_HANDS, Whom.HOLDER, _("您的网格有新案件 {no}（{type}）。")),),
        Step.ASSIGN: (Telling(NoticeKind.IN_HANDS, Whom.HOLDER, _("案件 {no}（{type}）已指定给您。")),),
        Step.VERIFY: (Telling(NoticeKind.LOOK, Whom.CHECKER, _("请到现场核实案件 {no}（{type}）。")),),
        Step.CHECK: (Telling(NoticeKind.LOOK, Whom.CHECKER, _("请到现场核查案件 {no}（{type}）。")),),
        Step.HAND_OVER: (Telling(NoticeKind.LOOK, Whom.CHECKER, _("案件 {no}（{type}）转给您到现场查看。")),),
        Step.ACCEPT: (_progress(_("您反映的事项（编号 {no}）已受理。")),),
        Step.VOID: (_progress(_("您反映的事项（编号 {no}）未予受理，如有疑问请致电热线。")),),
        Step.MERGE: (_progress(_("您反映的事项（编号 {no}）已与同一事项合并办理，进展会继续通知您。")),),
        Step.DISPATCH: (
            Telling(NoticeKind.TO_HANDLE, Whom.UNIT, _("案件 {no}（{type}）已派遣到您的部门，请签收。")),
            _progress(_("您反映的事项（编号 {no}）已交责任部门办理。")),
        ),
        Step.RESUME: (
            Telling(NoticeKind.TO_HANDLE, Whom.HANDLER, _("案件 {no}（{type}）的挂账已结束，请继续处置。")),
        ),
        Step.REWORK: (Telling(NoticeKind.SENT_BACK, Whom.HANDLER, _("案件 {no}（{type}）被要求返工。")),),
        Step.ASK_VOID: (Telling(NoticeKind.ASKED, Whom.SHIFT_LEADERS, _ASKED),),
        Step.ASK_RETURN: (Telling(NoticeKind.ASKED, Whom.DISPATCHERS, _ASKED),),
        Step.ASK_EXTEND: (Telling(NoticeKind.ASKED, Whom.DISPATCHERS, _ASKED),),
        Step.ASK_SUSPEND: (Telling(NoticeKind.ASKED, Whom.DISPATCHERS, _ASKED),),
        Step.EXTEND: (Telling(NoticeKind.DECIDED, Whom.HANDLER, _DECIDED),),
        Step.SUSPEND: (
            Telling(NoticeKind.DECIDED, Whom.HANDLER, _DECIDED),
            _progress(_("您反映的事项（编号 {no}）因客观原因暂缓办理，条件具备后继续。")),
        ),
        Step.REFUSE: (Telling(NoticeKind.DECIDED, Whom.HANDLER, _DECIDED),),
        Step.RETURN: (
            Telling(NoticeKind.DECIDED, Whom.UNIT, _DECIDED),
            Telling(NoticeKind.BACK, Whom.DISPATCHERS, _("案件 {no}（{type}）已退回，请重新派遣。")),
        ),
        Step.FEEDBACK: (_progress(_("您反映的事项（编号 {no}）已有办理结果，正在核查。")),),
        Step.CALL_BACK: (_progress(_("您反映的事项（编号 {no}）已办理，我们将回访您是否满意。")),),
        Step.ANSWER: (_CLOSED,),
        Step.PASS: (_CLOSED,),
        Step.SATISFIED: (_CLOSED,),
        Step.UNREACHED: (_CLOSED,),
        Step.DECIDE: (_CLOSED,),
        Step.FORCE_CLOSE: (
            _CLOSED,
            Telling(NoticeKind.DECIDED, Whom.HANDLER, _("案件 {no}（{type}）已被强制结案。")),
        ),
        Step.DISSATISFIED: (
            Telling(NoticeKind.SUPERVISED, Whom.SUPERVISOR, _("案件 {no}（{type}）回访不满意，由您督办。")),
            Telling(NoticeKind.SUPERVISED, Whom.UNIT, _SUPERVISED),
        ),
        Step.SUPERVISE: (
            Telling(NoticeKind.SUPERVISED, Whom.SUPERVISOR, _SUPERVISED),
            Telling(NoticeKind.SUPERVISED, Whom.HANDLER, _SUPERVISED),
        ),
        Step.ORDER: (
            Telling(NoticeKind.SUPERVISED, Whom.UNIT, _("案件 {no}（{type}）下达了督办令，请重新处置。")),
            _progress(_("您反映的事项（编号 {no}）已督办，责任部门正在重新办理。")),
        ),
        Step.HOLD_TO_ACCOUNT: (
            Telling(NoticeKind.SUPERVISED, Whom.COMMITTEE, _("案件 {no}（{type}）再次不满意，等待决定。")),
            Telling(NoticeKind.SUPERVISED, Whom.UNIT, _("案件 {no}（{type}）进入问责。")),
        ),
        Step.REOPEN: (
            Telling(NoticeKind.BACK, Whom.DISPATCHERS, _("案件 {no}（{type}）已重开，请派遣。")),
            _progress(_("您反映的事项（编号 {no}）已重新办理。")),
        ),
        Step.OBJECT: (
            Telling(NoticeKind.BACK, Whom.OPERATORS, _("案件 {no}（{type}）的当事人不服结果，请回访。")),
        ),
        Step.URGE: (Telling(NoticeKind.URGED, Whom.OWNER, _("案件 {no}（{type}）被催办，请尽快处理。")),),
        Step.WARN: (Telling(NoticeKind.WARNED, Whom.HANDLER, _("案件 {no}（{type}）即将到期。")),),
        Step.INSTRUCT: (
            Telling(NoticeKind.INSTRUCTED, Whom.OWNER, _("案件 {no}（{type}）有领导批示。")),
            Telling(NoticeKind.INSTRUCTED, Whom.SUPERVISOR, _("案件 {no}（{type}）有领导批示。")),
        ),
        Step.ADD: (Telling(NoticeKind.ADDED, Whom.OWNER, _("案件 {no}（{type}）有补充内容。")),),
    }
)
"""Who is told of which step, and in which words. `PERSON` reads no more than number and status."""

SILENT = frozenset(
    {
        Step.VERIFIED, Step.JOINED, Step.FILE, Step.SIGN, Step.CHECKED, Step.NO_CONTACT, Step.NOTE,
        Step.WITHDRAW,
    }
)  # fmt: skip
"""Steps of which nobody is told: they stand in the inbox of whoever acts next."""

KIND_WORDS: Mapping[NoticeKind, str] = MappingProxyType(
    {
        NoticeKind.IN_HANDS: _("案件到我手中"),
        NoticeKind.LOOK: _("到现场核实或核查"),
        NoticeKind.TO_HANDLE: _("派遣到我的部门"),
        NoticeKind.SENT_BACK: _("返工"),
        NoticeKind.ASKED: _("申请等我决定"),
        NoticeKind.DECIDED: _("对申请的决定"),
        NoticeKind.URGED: _("催办"),
        NoticeKind.WARNED: _("即将到期"),
        NoticeKind.SUPERVISED: _("督办与问责"),
        NoticeKind.INSTRUCTED: _("领导批示"),
        NoticeKind.BACK: _("退回、重开、不服结果"),
        NoticeKind.ADDED: _("补充内容"),
        NoticeKind.PROGRESS: _("我反映的事项的进展"),
    }
)
CHANNEL_WORDS: Mapping[Channel, str] = MappingProxyType(
    {
        Channel.APP: _("站内"),
        Channel.EMAIL: _("邮件"),
        Channel.WEBHOOK: _("网络回调"),
        Channel.SMS: _("短信"),
    }
)

_ALL_BUT_SMS = (Channel.APP, Channel.EMAIL, Channel.WEBHOOK)
DEFAULTS: Mapping[NoticeKind, tuple[Channel, ...]] = MappingProxyType(
    dict.fromkeys(NoticeKind, _ALL_BUT_SMS) | {NoticeKind.PROGRESS: (*_ALL_BUT_SMS, Channel.SMS)}
)
"""The channels of somebody who chose none; each works only once it has an address."""

Choices = Mapping[NoticeKind, tuple[Channel, ...]]


@dataclass(frozen=True, slots=True)
class Happened:
    """A step of a case, as its event tells it."""

    event_id: int
    step: Step
    status: Status


@dataclass(frozen=True, slots=True)
class ToTell:
    """Of this event these are told, with a notice of this kind."""

    event_id: int
    whom: Whom
    kind: NoticeKind


def to_tell(happened: Iterable[Happened]) -> list[ToTell]:
    """Return who is told of what happened; an owner is named by the case's status, an ended case has none."""
    found = []
    for one in happened:
        for telling in TELLINGS.get(one.step, ()):
            whom = OWNERS.get(one.status) if telling.whom is Whom.OWNER else telling.whom
            if whom is not None:
                found.append(ToTell(one.event_id, whom, telling.kind))
    return found


def text_of(kind: str, step: str) -> str:
    """Return the words of a notice, before translation; one of an older version keeps its number."""
    known = TELLINGS.get(Step(step), ()) if step in set(Step) else ()
    found = (telling.text for telling in known if telling.kind == kind)
    return next(found, _("案件 {no} 有新进展。"))


FIRST_WAIT = timedelta(minutes=1)
LONGEST_WAIT = timedelta(hours=1)
GIVEN_UP_AFTER = timedelta(days=3)


def wait_after(tries: int) -> timedelta:
    """Return how long a delivery waits after so many tries in vain: a minute, doubling up to an hour."""
    return min(LONGEST_WAIT, FIRST_WAIT * (1 << min(tries - 1, 10)))


def _most_tries() -> int:
    tries, waited = 1, timedelta()
    while waited < GIVEN_UP_AFTER:
        waited += wait_after(tries)
        tries += 1
    return tries


MOST_TRIES = _most_tries()
"""A delivery is given up after so many tries, which take three days.

Tries are counted and not hours: a clock that jumps gives nothing up.
"""

TOO_FAR = 2 * LONGEST_WAIT
"""No wait is so long: what is due later than this from now was put off before the clock jumped back."""
