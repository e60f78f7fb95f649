"""Duplicates: what is known is offered to whoever reports, and joined by one click."""

from datetime import timedelta
from uuid import uuid4

import pytest
import sqlalchemy as sa

from app import clock
from tests import people
from tests.city import middle
from tests.loop import Loop
from tests.people import Api


@pytest.fixture
def api(app, tx):
    people.person(tx, "dispatcher_all", "dispatcher")
    people.person(tx, "neighbour", "citizen")
    return lambda username: Api(app, people.token(tx, username))


def place(metres=0.0):
    lon, lat = middle(0, 0)
    return {"lon": lon + metres / 83_900, "lat": lat}


def known(api, who="citizen", **query):
    answer = api(who).get("duplicates", **{"type": "F0137", **place(), **query})
    assert answer.status_code == 200, answer.text
    return answer.json["items"]


def test_the_same_type_near_by_is_offered_with_what_the_viewer_may_see(api):
    loop = Loop.incident(api)
    [one] = known(api, "operator", **place(20))
    assert (one["case"], one["no"], one["text"]) == (str(loop.id), loop.case["no"], "灯不亮")
    assert 15 < one["metres"] < 25
    [hidden] = known(api, "citizen", **place(20))
    assert (hidden["case"], hidden["no"], hidden["text"]) == (None, None, None)
    assert hidden["key"] == one["key"]


@pytest.mark.parametrize(
    "query", [{"type": "E0110"}, place(200)], ids=["another type", "farther than the type says"]
)
def test_another_type_or_a_far_one_is_not_offered(api, query):
    Loop.incident(api)
    assert known(api, **query) == []


def test_an_old_one_is_offered_for_the_same_facility_only(api, tx):
    loop = Loop.incident(api)
    tx.execute(
        sa.text("UPDATE cases SET received_at = :at WHERE id = :id"),
        {"at": clock.now() - timedelta(days=3), "id": loop.id},
    )
    assert known(api) == []
    [one] = known(api, facility=loop.case["facility"]["code"])
    assert one["same_facility"]


def test_a_closed_one_is_not_offered(api):
    Loop.incident(api).take("leader", "force_close", reason="已了结")
    assert known(api) == []


def test_joining_merges_the_report_and_keeps_its_reporter(api, tx):
    first = Loop.incident(api)
    report = uuid4()
    [one] = known(api, "neighbour", **place(5))
    assert api("neighbour").put(f"reports/{report}", {"type": "F0137", **place(5)}).status_code == 201
    for _ in range(2):
        answer = api("neighbour").put(f"reports/{report}/joined", {"key": one["key"]})
        assert answer.status_code == 200, answer.text
        assert (answer.json["status"], answer.json["merged_into"]) == ("merged", str(first.id))
    steps = [step["step"] for step in api("operator").get(f"cases/{first.id}").json["steps"]]
    assert steps == ["report", "joined"]
    reporter = tx.execute(
        sa.text("SELECT reported_by FROM cases WHERE id = :id"), {"id": report}
    ).scalar_one()
    assert reporter == people.viewer_of(tx, "neighbour").person_id


def test_nobody_joins_a_report_of_somebody_else_or_one_that_has_gone_on(api):
    first, second = Loop.incident(api), Loop.incident(api, by="citizen")
    key = next(one["key"] for one in known(api, "operator") if one["case"] == str(first.id))
    assert api("neighbour").put(f"reports/{second.id}/joined", {"key": key}).status_code == 404
    second.take("operator", "accept")
    assert api("citizen").put(f"reports/{second.id}/joined", {"key": key}).json["code"] == "no_duplicate"


def test_the_likely_ones_of_a_case_can_be_merged_by_their_id(api):
    first, second = Loop.incident(api), Loop.incident(api, by="citizen")
    [one] = api("operator").get(f"cases/{second.id}/likely").json["items"]
    second.take("operator", "merge", into=one["case"])
    assert second.case["merged_into"] == str(first.id)
    assert api("operator").get(f"cases/{second.id}/likely").json["items"] == []
