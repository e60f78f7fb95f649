"""A new appeal by form: registered once, beside what is known already, and joined to it by one click."""

from uuid import uuid4

import pytest
import sqlalchemy as sa

from tests import people
from tests.city import B, middle
from tests.loop import Loop
from tests.people import Api

HTML = {"Accept": "text/html"}
SAID = {"type": "A08", "nature": "complaint", "source": "phone", "text": "门口路面塌了一块", "tell": "1"}


@pytest.fixture
def api(app, tx):
    people.person(tx, "dispatcher_all", "dispatcher")
    return lambda username: Api(app, people.token(tx, username))


def send(client, **said):
    return client.post("/appeals/new", data={"key": str(uuid4()), **SAID, **said}, headers=HTML)


def test_an_appeal_is_registered_once_however_often_the_form_is_sent(client_as, tx):
    client, key = client_as("operator"), str(uuid4())
    for _ in range(2):
        answer = send(client, key=key, area=B, name="赵大明", phone="13912345678")
        assert answer.status_code == 303, answer.text
        assert answer.location == f"/cases/{key}?done=report"
    assert tx.execute(sa.text("SELECT count(*) FROM appeals")).scalar_one() == 1
    assert "139****5678" in client.get(answer.location, headers=HTML).text


def test_an_address_finds_its_communities(client_as):
    text = send(client_as("operator"), find="1", address="胜利小区三号楼").text
    assert f'name="area" value="{B}"' in text
    assert "胜利社区" in text
    assert "门口路面塌了一块</textarea>" in text
    assert "没有找到这个地址" in send(client_as("operator"), find="1", address="天涯海角").text


def test_open_cases_of_the_caller_are_shown_before_anything_is_filed(api, client_as, tx):
    known = Loop.appeal(api)
    client = client_as("operator")
    answer = send(client, area=B, phone="13912345678")
    assert answer.status_code == 200
    assert "是同一件事吗" in answer.text
    assert known.case["no"] in answer.text
    assert tx.execute(sa.text("SELECT count(*) FROM cases")).scalar_one() == 1
    seen = answer.text.split('name="seen" value="')[1].split('"')[0]
    assert send(client, area=B, phone="13912345678", seen=seen).status_code == 303
    assert tx.execute(sa.text("SELECT count(*) FROM cases")).scalar_one() == 2


def test_the_same_type_near_by_is_shown_and_joined_at_once(api, client_as):
    lon, lat = middle(2, 1)
    known = Loop.appeal(api, lon=lon, lat=lat, area=None, phone="13800000001")
    client = client_as("operator")
    place = {"lon": f"{lon + 0.0001}", "lat": f"{lat}"}
    assert known.case["no"] in send(client, **place).text
    key = str(uuid4())
    answer = send(client, **place, key=key, join=str(known.id))
    assert answer.location == f"/cases/{known.id}?done=report"
    assert api("operator").get(f"cases/{key}").json["merged_into"] == str(known.id)


@pytest.mark.parametrize(
    ("said", "field"),
    [({"type": ""}, "类型"), ({"text": " "}, "内容"), ({"phone": "abc"}, "电话"), ({"type": "F0137"}, "类型"),
     ({"area": "210399001001"}, "区域"), ({"lon": "122.99"}, "(whole)"), ({"join": "x", "area": B}, "并入")],
)  # fmt: skip
def test_a_field_that_does_not_fit_is_named_and_the_rest_is_kept(client_as, said, field):
    answer = send(client_as("operator"), wish="尽快修好", **said)
    assert answer.status_code == 422
    assert field in answer.text
    assert "尽快修好</textarea>" in answer.text


def test_only_who_takes_appeals_sees_the_form(client_as):
    assert client_as("operator").get("/appeals/new", headers=HTML).status_code == 200
    for username in ("worker", "citizen", "handler", "admin"):
        assert client_as(username).get("/appeals/new", headers=HTML).status_code == 403
