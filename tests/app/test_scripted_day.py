"""A scripted time: 300 incidents and 200 appeals through the whole loop by their roles, over the holidays.

Every step goes by the API with the clock set to its moment, the system acts in between. At the end nothing is
lost, nothing was done by the wrong hand, and the figures are those that pandas finds in the steps.
"""

import heapq
import itertools
import random
from collections import Counter
from datetime import UTC, date, datetime, timedelta

import pandas as pd
import pytest
import sqlalchemy as sa

from app import clock, create_app, transaction
from app.cases.rules import ENDED, OWNERS, RULES, Status, Step
from app.identity.models import Person
from app.reports.queries import Asked, numbers
from app.reports.rules import By, Period
from app.supervision.actions import act_on_all
from app.transaction import read, write
from tests import people
from tests.app.reports import test_independent as independent
from tests.app.reports.test_actions import up_to_date
from tests.city import A, B, cell_code, middle
from tests.loop import PHOTO, Loop
from tests.people import Api

START = datetime(2026, 9, 28, 0, 30, tzinfo=UTC)  # Monday, 08:30 in China; the holidays begin on Thursday
END = datetime(2026, 11, 9, tzinfo=UTC)
DONE = {"measures": "已处置", "result": "已恢复", "photos": [PHOTO]}
ORDER = {"cause": "巡查不到位", "finding": "属实", "order": "三日内完成"}
VERDICT = {"persons": "责任人", "reason": "两次不满意", "finding": "属实", "decision": "通报"}

WAIT, LONG = (timedelta(days=12),), (timedelta(days=15),)
HANDLE = [("handler", "sign", {}), ("handler", "feedback", DONE)]
OPEN = [("operator", "accept", {}), ("shift_leader", "file", {}), ("dispatcher_all", "dispatch", {})]
CHECK = [("dispatcher_all", "check", {"worker": "W0001"}), ("worker", "checked", {"photos": [PHOTO]})]
PASS = [("shift_leader", "pass", {})]

LEAD = ("dispatcher_all", "dispatch", {"unit": "L"})
RETURN = ("dispatcher_all", "return", {})
TO_WATER = ("dispatcher_all", "dispatch", {"unit": "W"})
FINISH = [*CHECK, *PASS]
WHOLE = [*OPEN, *HANDLE, *FINISH]
SIGNED = [*OPEN, HANDLE[0]]
VERIFY = [
    ("operator", "verify", {"worker": "W0001"}),
    ("worker", "verified", {"answer": "exists", "photos": [PHOTO]}),
]
SUSPEND = [
    ("handler", "ask_suspend", {"reason": "等料", "until": "+11"}),
    ("dispatcher_all", "suspend", {}),
]
EXTEND = [("handler", "ask_extend", {"reason": "雨"}), ("dispatcher_all", "extend", {})]
REFUSE = [("handler", "ask_extend", {"reason": "忙"}), ("dispatcher_all", "refuse", {"reason": "无依据"})]
REWORK = [CHECK[0], ("worker", "rework", {"reason": "未修好", "photos": [PHOTO]}), HANDLE[1]]
REOPEN = ("supervisor", "reopen", {"reason": "又坏"})
INCIDENTS = {
    "straight": (60, WHOLE),
    "verified": (30, [*VERIFY, *WHOLE]),
    "void": (25, [OPEN[0], ("operator", "ask_void", {"reason": "untrue"}), ("shift_leader", "void", {})]),
    "returned": (
        25,
        [*OPEN, ("handler", "ask_return", {"reason": "职责不符"}), RETURN, LEAD, *HANDLE, *FINISH],
    ),
    "other_unit": (
        20,
        [*OPEN[:2], TO_WATER, ("water", "ask_return", {"reason": "不归"}), RETURN, LEAD, *HANDLE, *FINISH],
    ),
    "suspended": (30, [*SIGNED, *SUSPEND, WAIT, HANDLE[1], *FINISH]),
    "extended": (25, [*SIGNED, *EXTEND, HANDLE[1], *FINISH]),
    "refused": (15, [*SIGNED, *REFUSE, HANDLE[1], *FINISH]),
    "reworked": (30, [*OPEN, *HANDLE, *REWORK, *FINISH]),
    "late": (25, [*SIGNED, LONG, HANDLE[1], *FINISH]),
    "reopened": (15, [*WHOLE, REOPEN, OPEN[2], *HANDLE, *FINISH]),
}
ACCEPT = [("operator", "accept", {}), ("dispatcher_all", "dispatch", {})]
BACK = ("dispatcher_all", "call_back", {})
SATISFIED = ("operator", "satisfied", {"score": "satisfied"})
NOT = ("operator", "dissatisfied", {"reason": "没有解决"})
ANSWERED = [*ACCEPT, *HANDLE, BACK]
ORDERED = [*ANSWERED, NOT, ("supervisor_all", "order", ORDER), HANDLE[1], BACK]
APPEALS = {
    "satisfied": (80, [*ANSWERED, SATISFIED]),
    "fairly": (30, [*ANSWERED, ("operator", "satisfied", {"score": "fair"})]),
    "answered": (30, [("operator", "call_back", {"result": "已告知政策"}), SATISFIED]),
    "unreached": (15, [*ANSWERED, *[("operator", "no_contact", {})] * 3]),
    "supervised": (25, [*ORDERED, SATISFIED]),
    "accountable": (12, [*ORDERED, NOT, ("committee", "decide", VERDICT)]),
    "forced": (8, [*ACCEPT, ("leader", "force_close", {"reason": "另案处理"})]),
}
ENDS = {"void": "void"}


class Clockwork:
    """The time of the test, and what is to happen at which moment."""

    def __init__(self, monkeypatch) -> None:
        self.at = START
        self.due: list = []
        self.count = itertools.count()
        monkeypatch.setattr(clock, "now", lambda: self.at)

    def plan(self, at: datetime, act) -> None:
        heapq.heappush(self.due, (at, next(self.count), act))

    def run(self) -> None:
        while self.due:
            at, _, act = heapq.heappop(self.due)
            if at.hour != self.at.hour or at - self.at > timedelta(hours=1):
                act_on_all(at)
            self.at = max(self.at, at)
            act()
        self.at = END
        act_on_all(END)


@pytest.fixture
def clockwork(monkeypatch):
    return Clockwork(monkeypatch)


def _live(clockwork, loop: Loop, plan: list, chance: random.Random) -> None:
    """Take the first step of the plan, and plan the next."""
    if not plan:
        return
    following, rest = plan[0], plan[1:]
    wait = timedelta(minutes=chance.choice([3, 8, 14, 40, 90, 400, 1_500]))
    if len(following) == 1:
        [wait] = following
    else:
        by, step, said = following
        if "until" in said:
            said = {**said, "until": (clockwork.at + timedelta(days=11)).isoformat()}
        if "photos" in said:
            said = {**said, "photos": [f"{chance.getrandbits(256):064x}"]}
        loop.take(_checker(loop) if by == "worker" else by, step, **said)
    if rest and rest[0][1:2] in [("ask_extend",), ("ask_return",)]:
        wait = timedelta(minutes=5)
    clockwork.plan(clockwork.at + wait, lambda: _live(clockwork, loop, rest, chance))


def _checker(loop: Loop) -> str:
    """Return the person of whoever checks it now: the system may have handed it over."""
    statement = "SELECT p.username FROM cases c JOIN people p ON p.worker_id = c.checker_id WHERE c.id = :id"
    with read() as tx:
        return tx.execute(sa.text(statement), {"id": loop.id}).scalar_one()


@pytest.fixture
def city(fresh):
    """The application on a database of its own: five thousand savepoints in one transaction take minutes."""
    app = create_app(fresh)
    with write() as tx:
        people.person(tx, "dispatcher_all", "dispatcher")
        people.person(tx, "supervisor_all", "supervisor")
        people.person(tx, "water", "handler", unit="W")
        people.person(tx, "worker_two", "worker", A, "W0002")
        usernames = list(tx.execute(sa.select(Person.username)).scalars())
        known = {name: Api(app, people.token(tx, name)) for name in usernames}
    yield known.__getitem__
    transaction.engine().dispose()


def test_a_scripted_time_ends_with_nothing_lost_and_figures_that_pandas_finds(city, clockwork, monkeypatch):
    chance = random.Random(8890)
    plans: dict[str, list[tuple[Loop, str]]] = {"incident": [], "appeal": []}

    def begin(kind: str, name: str, plan: list) -> None:
        if kind == "incident":
            column, row = chance.choice([(0, 0), (1, 1), (0, 2)])
            lon, lat = middle(column, row)
            by = chance.choice(["worker", "worker", "operator"])
            loop = Loop.incident(city, by=by, lon=lon, lat=lat)
            assert loop.case["cell"] == cell_code(column, row)
        else:
            phone = f"139{chance.randrange(10**8):08d}"
            loop = Loop.appeal(
                city, phone=phone, nature=chance.choice(["help", "complaint"]), area=chance.choice([A, B])
            )
        plans[kind].append((loop, name))
        clockwork.plan(clockwork.at + timedelta(minutes=5), lambda: _live(clockwork, loop, plan, chance))

    for kind, kinds in (("incident", INCIDENTS), ("appeal", APPEALS)):
        for name, (count, plan) in kinds.items():
            for _ in range(count):
                moment = START + timedelta(minutes=chance.randrange(4 * 24 * 60))
                clockwork.plan(moment, lambda kind=kind, name=name, plan=plan: begin(kind, name, plan))
    clockwork.run()

    assert (len(plans["incident"]), len(plans["appeal"])) == (300, 200)
    with write() as tx:
        statuses = dict(tx.execute(sa.text("SELECT id, status FROM cases")).all())
        assert len(statuses) == 500
        for loop, name in plans["incident"] + plans["appeal"]:
            assert statuses[loop.id] == ENDS.get(name, "closed"), name
        _assert_every_step_is_in_the_table(tx)
        _assert_what_the_system_did(tx)

        up_to_date(tx)
        monkeypatch.setattr(independent, "START", pd.Timestamp("2026-09-28", tz="Asia/Shanghai"))
        monkeypatch.setattr(independent, "END", pd.Timestamp("2026-11-01", tz="Asia/Shanghai"))
        cases, steps = independent.exported(tx)
        told = {
            row.key: row
            for row in numbers(tx, Asked(Period(date(2026, 9, 28), date(2026, 10, 31)), By.TOTAL), at=END)
        }
        found = independent.told_by_pandas(cases, steps)
        assert found["reported"] > 400
        for code, value in found.items():
            ours = told[""].value(code)
            assert ours == (pytest.approx(value) if value is not None else None), code


def _assert_every_step_is_in_the_table(tx) -> None:
    rows = tx.execute(
        sa.text("SELECT case_id, step, from_status, to_status, by_role FROM case_steps ORDER BY case_id, id")
    ).all()
    stands: dict = {}
    for row in rows:
        if row.step == Step.REPORT:
            assert row.case_id not in stands
        else:
            rule = RULES[Status(row.from_status), Step(row.step)]
            assert (stands[row.case_id], rule.to) == (row.from_status, row.to_status)
            assert row.by_role == "system" or row.by_role in rule.by
        stands[row.case_id] = row.to_status
    counted = dict(tx.execute(sa.text("SELECT id, revision FROM cases")).all())
    assert Counter(row.case_id for row in rows) == counted, "a case's revision counts its steps"
    assert {Status(status) for status in stands.values()} <= ENDED | set(OWNERS)


def _assert_what_the_system_did(tx) -> None:
    taken = Counter(
        tx.execute(
            sa.text("SELECT step FROM case_steps WHERE by_role = 'system' AND step <> 'file'")
        ).scalars()
    )
    assert taken["resume"] == 30, "every suspension over the holidays ended by itself"
    assert taken["supervise"] >= 25
    assert taken["warn"] >= 25
    late = tx.execute(sa.text("SELECT count(*) FROM cases WHERE level > 0")).scalar()
    assert late >= 25
