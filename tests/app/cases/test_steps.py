"""The loop by its roles, on the database: who may take a step, what it needs, and what it leaves behind."""

from datetime import datetime, timedelta
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa

from app import clock
from app.cases.rules import RULES, Step
from app.cases.steps import SYSTEM, Taken, take_own_step, take_system_step
from tests import people
from tests.city import A, B, middle
from tests.loop import PHOTO, Loop


@pytest.fixture(autouse=True)
def _city_desk(tx):
    people.person(tx, "dispatcher_all", "dispatcher")


def steps_of(tx, loop):
    rows = tx.execute(
        sa.text(
            "SELECT step, from_status, to_status, by_role FROM case_steps WHERE case_id = :id ORDER BY id"
        ),
        {"id": loop.id},
    )
    return [tuple(row) for row in rows]


def test_an_incident_goes_round_and_every_step_is_written_once(api, tx):
    loop = Loop.incident(api).handled()
    assert loop.status == "feedback"
    assert loop.case["clock_left_s"] > 0
    loop.checked().take("shift_leader", "pass")
    assert loop.status == "closed"
    assert loop.case["closed_at"]
    assert loop.case["unit"] == {"code": "L", "name_zh": "市政", "name_en": "municipal works"}
    assert steps_of(tx, loop) == [
        ("report", None, "reported", None),
        ("accept", "reported", "accepted", "operator"),
        ("file", "accepted", "filed", "shift_leader"),
        ("dispatch", "filed", "dispatched", "dispatcher"),
        ("sign", "dispatched", "handling", "handler"),
        ("feedback", "handling", "feedback", "handler"),
        ("check", "feedback", "checking", "dispatcher"),
        ("checked", "checking", "checking", "worker"),
        ("pass", "checking", "closed", "shift_leader"),
    ]
    assert loop.case["revision"] == 9


def test_every_step_leaves_an_event_with_the_whole_card(api, tx):
    loop = Loop.incident(api).dispatched()
    rows = tx.execute(
        sa.text("SELECT kind, area_code, payload FROM events WHERE subject = :id ORDER BY id"),
        {"id": str(loop.id)},
    ).all()
    assert [row.kind for row in rows] == ["case_reported"] + ["case_step"] * 3
    assert [row.payload["status"] for row in rows] == ["reported", "accepted", "filed", "dispatched"]
    assert rows[-1].payload["last_step"]["step"] == "dispatch"
    assert rows[-1].payload["last_step"]["unit"] == "L"
    assert rows[-1].area_code == A


def test_an_appeal_without_a_place_goes_round_by_its_community(api, tx):
    loop = Loop.appeal(api, area=None)
    assert (loop.case["lon"], loop.case["cell"], loop.case["community"]["code"]) == (None, None, "210300")
    assert "community" in loop.refused("operator", "accept")["detail"]
    loop.take("operator", "accept", community=B)
    assert loop.status == "filed", "an appeal is filed as it is accepted"
    loop.take("dispatcher_all", "dispatch").take("handler", "sign").fed_back()
    loop.take("dispatcher_all", "call_back")
    assert loop.take("operator", "satisfied", score="fair").case["satisfaction"] == "fair"
    assert loop.status == "closed"
    assert steps_of(tx, loop)[2] == ("file", "accepted", "filed", SYSTEM)


def test_twice_dissatisfied_supervises_then_accounts(api, tx):
    loop = Loop.appeal(api).handled().take("dispatcher_all", "call_back")
    loop.take("operator", "dissatisfied", reason="路还是坏的")
    assert loop.status == "supervised"
    named = tx.execute(
        sa.text("SELECT p.username FROM cases c JOIN people p ON p.id = c.supervisor_id WHERE c.id = :id"),
        {"id": loop.id},
    )
    assert named.scalar() == "supervisor"
    order = {"cause": "材料不足", "finding": "未按标准修补", "order": "三日内重修"}
    loop.take("supervisor", "order", **order)
    assert loop.status == "handling"
    loop.fed_back().take("dispatcher_all", "call_back")
    loop.take("operator", "dissatisfied", reason="仍然坏")
    assert loop.status == "accountable"
    assert loop.refused("committee", "decide", reason="x")["code"] == "step_incomplete"
    loop.take("committee", "decide", persons="张三", reason="推诿", finding="属实", decision="约谈", unit="L")
    assert loop.status == "closed"


@pytest.mark.parametrize("missing", ["measures", "result", "photos"])
def test_feedback_without_what_it_needs_is_refused_by_name(api, missing):
    loop = Loop.incident(api).dispatched().take("handler", "sign")
    said = {"measures": "修", "result": "好", "photos": [PHOTO]}
    del said[missing]
    problem = loop.refused("handler", "feedback", **said)
    assert (problem["code"], problem["errors"][0]["field"]) == ("step_incomplete", missing)


def test_a_step_is_taken_by_its_role_only(api):
    loop = Loop.incident(api)
    assert loop.refused("dispatcher_all", "accept")["code"] == "not_yours"
    assert "operator" in loop.refused("dispatcher_all", "accept")["detail"]
    loop.dispatched()
    assert loop.refused("supervisor", "sign")["code"] == "not_yours"
    assert loop.refused("citizen", "sign")["code"] == "not_found"


def test_a_department_takes_only_what_is_its_own(api, tx):
    people.person(tx, "water", "handler", unit="W")
    loop = Loop.incident(api).dispatched()
    assert loop.refused("water", "sign")["code"] == "not_found"
    loop.take("handler", "sign")


def test_an_assisting_department_sees_and_notes_but_does_not_act(api, tx):
    people.person(tx, "water", "handler", unit="W")
    loop = Loop.incident(api).take("operator", "accept").take("shift_leader", "file")
    loop.take("dispatcher_all", "dispatch", unit="L", assisting=["W"])
    assert api("water").get(f"cases/{loop.id}").status_code == 200
    loop.take("water", "note", note="我们关水")
    assert loop.refused("water", "sign")["code"] == "not_yours"


def test_a_department_that_is_none_is_refused(api):
    loop = Loop.incident(api).take("operator", "accept").take("shift_leader", "file")
    assert "no department 'Z'" in loop.refused("dispatcher_all", "dispatch", unit="Z")["detail"]
    assert (
        "'L' is no department beside"
        in loop.refused("dispatcher_all", "dispatch", unit="L", assisting=["L"])["detail"]
    )


def test_a_step_sent_twice_is_taken_once(api, tx):
    loop, key = Loop.incident(api), uuid4()
    loop.take("operator", "accept", key=key)
    again = loop.take("operator", "accept", key=key)
    assert again.status == "accepted"
    assert len(steps_of(tx, loop)) == 2


def test_a_steps_id_belongs_to_one_case(api):
    one, two, key = Loop.incident(api), Loop.incident(api), uuid4()
    one.take("operator", "accept", key=key)
    assert two.refused("operator", "accept", key=key)["code"] == "step_differs"


def test_the_second_of_two_at_once_is_told_who_did_what(api, tx):
    loop = Loop.incident(api)
    seen = loop.case["revision"]
    loop.take("operator", "accept", revision=seen)
    problem = loop.refused("operator", "ask_void", reason="重复", revision=seen)
    assert problem["code"] == "stale_case"
    assert "operator: accept" in problem["detail"]
    assert len(steps_of(tx, loop)) == 2


def test_a_closed_case_takes_no_step(api):
    loop = Loop.incident(api).handled().checked().take("shift_leader", "pass")
    problem = loop.refused("handler", "feedback", measures="x", result="x", photos=[PHOTO])
    assert problem["code"] == "step_not_allowed"
    assert "can take: object, reopen" in problem["detail"]


@pytest.mark.parametrize(
    ("ask", "step", "extra", "status"),
    [
        ("ask_extend", "extend", {}, "handling"),
        ("ask_suspend", "suspend", {"until": "2099-01-01T00:00:00+08:00"}, "suspended"),
    ],
)
def test_what_the_department_asks_for_another_approves(api, tx, ask, step, extra, status):
    loop = Loop.incident(api).dispatched().take("handler", "sign")
    assert loop.refused("dispatcher_all", step)["code"] == "step_not_allowed"
    if extra:
        assert "at most a year" in loop.refused("handler", ask, reason="等料", **extra)["detail"]
        extra = {"until": (datetime.fromisoformat(loop.case["received_at"]) + timedelta(days=30)).isoformat()}
    loop.take("handler", ask, reason="等料", **extra)
    assert "open already" in loop.refused("handler", ask, reason="等料", **extra)["detail"]
    loop.take("dispatcher_all", step)
    assert loop.status == status
    rows = tx.execute(
        sa.text("SELECT approved, reason FROM case_requests WHERE case_id = :id"), {"id": loop.id}
    )
    assert [tuple(row) for row in rows] == [(True, "等料")]


def test_a_refused_request_leaves_the_case_as_it_is(api, tx):
    loop = Loop.incident(api).dispatched().take("handler", "ask_return", reason="不归我们")
    loop.take("dispatcher_all", "refuse", reason="按职责归市政")
    assert loop.status == "dispatched"
    loop.take("handler", "sign")
    row = tx.execute(sa.text("SELECT approved FROM case_requests WHERE case_id = :id"), {"id": loop.id})
    assert row.scalar() is False


def test_a_second_return_is_assigned_by_the_committee(api, tx):
    loop = Loop.incident(api).dispatched()
    for _ in range(2):
        loop.take("handler", "ask_return", reason="不归我们").take("dispatcher_all", "return")
        if loop.case["revision"] < 9:
            loop.take("dispatcher_all", "dispatch")
    assert loop.refused("dispatcher_all", "dispatch")["code"] == "not_yours"
    assert loop.take("committee", "dispatch", unit="W").case["unit"]["code"] == "W"


def test_duplicates_are_merged_and_the_living_case_is_told(api, tx):
    first, second = Loop.incident(api), Loop.incident(api)
    second.take("operator", "merge", into=str(first.id))
    assert (second.status, second.case["merged_into"]) == ("merged", str(first.id))
    assert steps_of(tx, first)[-1] == ("joined", "reported", "reported", SYSTEM)


def test_what_is_not_the_same_is_not_merged(api):
    lon, lat = middle(5, 3)
    first, far = Loop.incident(api), Loop.incident(api, by="operator", lon=lon, lat=lat)
    other = Loop.incident(api, type="E0110")
    assert "within 50 m" in far.refused("operator", "merge", into=str(first.id))["detail"]
    assert "the same type" in other.refused("operator", "merge", into=str(first.id))["detail"]
    assert "itself" in first.refused("operator", "merge", into=str(first.id))["detail"]
    assert "no case" in first.refused("operator", "merge", into=str(uuid4()))["detail"]


def test_the_person_behind_a_case_adds_urges_once_a_day_and_withdraws(api):
    loop = Loop.incident(api, by="citizen")
    loop.take("citizen", "add", note="灯在 3 号楼前").take("citizen", "urge")
    again = loop.send("citizen", "urge")
    assert again.status_code == 429
    loop.take("citizen", "withdraw", reason="已经修好")
    assert loop.status == "void"


def test_a_tracking_numbers_holder_rates_without_an_account(api, tx):
    loop = Loop.appeal(api).handled().take("dispatcher_all", "call_back")
    card = take_own_step(tx, loop.id, Taken(step=Step.SATISFIED, score="satisfied"), at=clock.now())
    assert (card.status, card.satisfaction) == ("closed", "satisfied")


def test_the_system_resumes_a_suspension_by_itself(api, tx):
    loop = Loop.incident(api).dispatched().take("handler", "sign")
    until = (clock.now() + timedelta(days=3)).isoformat()
    loop.take("handler", "ask_suspend", reason="等料", until=until).take("dispatcher_all", "suspend")
    assert take_system_step(tx, loop.id, Taken(step=Step.RESUME), at=clock.now()).status == "handling"


def test_who_handled_it_does_not_check_it(api, tx):
    tx.execute(sa.text("UPDATE people SET worker_id = (SELECT id FROM workers WHERE code = 'W0002')"
                       " WHERE username = 'handler'"))  # fmt: skip
    loop = Loop.incident(api).handled()
    assert "no worker 'W0002'" in loop.refused("dispatcher_all", "check", worker="W0002")["detail"]
    loop.take("dispatcher_all", "check", worker="W0001")


def test_what_may_be_done_is_listed_with_why_not(api):
    loop = Loop.incident(api)
    items = {i["step"]: i for i in api("operator").get(f"cases/{loop.id}/steps/allowed").json["items"]}
    assert items["accept"] == {
        "step": "accept", "to": "accepted", "allowed": True, "why_not": None, "roles": ["operator"],
        "needs": ["community"],
    }  # fmt: skip
    assert (items["void"]["allowed"], items["void"]["why_not"]) == (False, "not_yours")
    assert items["call_back"]["why_not"] == "person"
    assert set(items) == {s.value for (at, s), rule in RULES.items() if at == "reported" and not rule.system}


def test_an_appeal_sent_twice_is_registered_once(api, tx):
    key = uuid4()
    body = {"type": "A08", "nature": "help", "text": "停电了", "phone": "13912345678", "area": A}
    assert api("operator").put(f"appeals/{key}", body).status_code == 201
    assert api("operator").put(f"appeals/{key}", body).status_code == 200
    assert api("operator").put(f"appeals/{key}", {**body, "text": "x"}).json["code"] == "report_differs"
    assert tx.execute(sa.text("SELECT count(*) FROM appeals")).scalar() == 1


def test_an_appeal_with_a_place_finds_its_cell_and_worker(api):
    lon, lat = middle(0, 0)
    case = Loop.appeal(api, area=None, lon=lon, lat=lat).case
    assert case["cell"] == f"{A}001"
    assert case["worker"]["code"] == "W0001"
    assert case["no"].startswith("210302")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"type": "F0101"}, "kind of appeal"),
        ({"area": "999999"}, "no area"),
        ({"phone": "call me"}, "telephone"),
        ({"lon": 122.99}, "come together"),
        ({"text": ""}, "text"),
        ({"text": "a\0"}, "NUL"),
    ],
)
def test_an_appeal_that_does_not_fit_is_told_why(api, tx, changes, words):
    body = {"type": "A08", "nature": "help", "text": "停电了", "area": A, **changes}
    answer = api("operator").put(f"appeals/{uuid4()}", body)
    assert answer.status_code == 422
    assert words in answer.json["detail"]
    assert tx.execute(sa.text("SELECT count(*) FROM cases")).scalar() == 0


def test_appeals_are_no_reports(api):
    lon, lat = middle(0, 0)
    answer = api("worker").put(f"reports/{uuid4()}", {"type": "A08", "lon": lon, "lat": lat})
    assert answer.json["code"] == "unknown_type"
    assert [t["code"] for t in api("worker").get("types", kind="appeal").json["items"]] == ["A08"]


def test_the_first_stage_of_a_report_is_that_of_the_table(api):
    case = Loop.incident(api).case
    moment = datetime.fromisoformat
    assert moment(case["stage_due_at"]) - moment(case["received_at"]) == timedelta(minutes=15)
    assert UUID(case["id"])
