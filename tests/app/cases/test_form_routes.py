"""Steps by form: without script the page takes them, says what is wrong, and keeps what was typed."""

import io
from datetime import timedelta
from uuid import uuid4

import pytest
import sqlalchemy as sa

from app.cases.dossier import clock_bar
from app.cases.queries import case, sight_of
from tests import people
from tests.loop import PHOTO, Loop
from tests.people import Api
from tests.pictures import picture

HTML = {"Accept": "text/html"}


@pytest.fixture
def api(app, tx):
    people.person(tx, "dispatcher_all", "dispatcher")
    return lambda username: Api(app, people.token(tx, username))


def send(client, loop, step, **said):
    said = {"key": str(uuid4()), "revision": loop.case["revision"], "step": step, **said}
    return client.post(f"/cases/{loop.id}/steps", data=said, headers=HTML)


def page(client, loop):
    return client.get(f"/cases/{loop.id}", headers=HTML).text


def test_a_step_is_taken_once_and_leads_back_to_the_case(api, client_as):
    loop, client, key = Loop.incident(api), client_as("operator"), str(uuid4())
    for _ in range(2):
        answer = send(client, loop, "accept", key=key)
        assert answer.status_code == 303, answer.text
        assert answer.location == f"/cases/{loop.id}?done=accept#next"
    text = client.get(answer.location, headers=HTML).text
    assert "已办：受理" in text
    assert api("operator").get(f"cases/{loop.id}").json["revision"] == 2


def test_photos_come_with_the_form_and_stand_beside_those_before(api, client_as):
    loop, client = Loop.incident(api).dispatched().take("handler", "sign"), client_as("handler")
    said = {"measures": "换灯泡", "result": "亮了", "photos": (io.BytesIO(picture(5)), "a.jpg")}
    assert send(client, loop, "feedback", **said).status_code == 303
    text = page(client, loop)
    assert "处置前" in text
    assert "处置后" in text
    assert "换灯泡" in text
    assert text.count("size=thumb") == 1


def test_what_is_missing_is_named_and_what_was_typed_is_kept(api, client_as):
    loop, client = Loop.incident(api).dispatched().take("handler", "sign"), client_as("handler")
    answer = send(client, loop, "feedback", measures="换了灯泡<b>", photo=PHOTO)
    assert answer.status_code == 422
    assert "还没有办成" in answer.text
    assert "换了灯泡&lt;b&gt;</textarea>" in answer.text
    assert f'name="photo" value="{PHOTO}"' in answer.text
    broken = send(client, loop, "feedback", measures="x", result="y", photos=(io.BytesIO(b"x"), "a.jpg"))
    assert broken.status_code == 422
    assert "照片" in broken.text


def test_the_second_of_two_people_is_told_who_did_what_and_keeps_the_text(api, client_as):
    loop, client = Loop.incident(api), client_as("operator")
    seen = loop.case["revision"]
    api("dispatcher_all").put(f"cases/{loop.id}/steps/{uuid4()}", {"step": "note", "note": "看过现场"})
    answer = send(client, loop, "ask_void", revision=seen, reason="重复反映<i>")
    assert answer.status_code == 409
    told = answer.text.split('id="trouble"')[1].split("</div></div>")[0]
    assert "备注" in told
    assert "派遣员" in told
    assert "重复反映&lt;i&gt;</textarea>" in answer.text
    assert f'name="revision" value="{seen + 1}"' in answer.text


def test_a_step_that_is_possible_no_more_says_why(api, client_as):
    loop, client = Loop.incident(api), client_as("operator")
    loop.take("operator", "accept")
    answer = send(client, loop, "accept")
    assert answer.status_code == 409
    assert "现在不能办“受理”" in answer.text


@pytest.mark.parametrize(
    ("step", "said", "field"),
    [
        ("ask_suspend", {"reason": "等料", "until": "2020-01-01"}, "挂账到"),
        ("ask_suspend", {"reason": "等料", "until": "soon"}, "挂账到"),
        ("ask_suspend", {"reason": "等料"}, "挂账到"),
        ("nonsense", {}, "步骤"),
        ("note", {"note": "x", "revision": "many"}, "版本"),
    ],
)
def test_a_field_that_does_not_fit_is_named(api, client_as, step, said, field):
    loop = Loop.incident(api).dispatched().take("handler", "sign")
    answer = send(client_as("handler"), loop, step, **said)
    assert answer.status_code == 422, answer.text
    assert field in answer.text


def test_a_case_is_merged_by_its_number(api, client_as):
    first, second = Loop.incident(api), Loop.incident(api, by="citizen")
    client = client_as("operator")
    assert send(client, second, "merge", into="2103022026010100001").status_code == 422
    assert send(client, second, "merge", into=first.case["no"]).status_code == 303
    assert first.case["no"] in page(client, second)


def test_every_step_that_is_allowed_has_a_form_and_every_other_its_reason(api, client_as):
    loop = Loop.incident(api)
    for username in ("operator", "supervisor", "leader", "citizen", "worker"):
        allowed = {}
        answer = api(username).get(f"cases/{loop.id}/steps/allowed")
        if answer.status_code == 404:
            continue
        allowed = {one["step"] for one in answer.json["items"] if one["allowed"]}
        text = page(client_as(username), loop)
        shown = {part.split('"')[0] for part in text.split('id="act-')[1:]}
        assert shown == allowed, username
        assert "由" in text or not (len(answer.json["items"]) - len(allowed))


def test_an_open_request_is_approved_from_its_reason(api, client_as):
    loop = Loop.incident(api).dispatched().take("handler", "sign")
    loop.take("handler", "ask_suspend", reason="等配件", until="2026-12-20T00:00:00+08:00")
    client = client_as("dispatcher_all")
    text = page(client, loop)
    assert "等配件" in text
    assert text.index('id="act-suspend"') < text.index('id="act-refuse"')
    assert send(client, loop, "suspend").status_code == 303
    text = page(client, loop)
    assert "停表" in text
    assert "还剩" in text


def test_the_person_is_masked_and_named_neighbours_are_the_callers_other_cases(api, client_as):
    first, second = Loop.appeal(api), Loop.appeal(api, text="另一处也破损")
    text = page(client_as("operator"), second)
    assert "赵**" in text
    assert "139****5678" in text
    assert "13912345678" not in text
    assert "赵大明" not in text
    assert "同一诉求人" in text
    assert str(first.id) in text


def test_the_clocks_bar_runs_from_dispatch_and_stands_still_while_it_waits(api, tx):
    loop = Loop.incident(api).dispatched()
    tx.execute(
        sa.text("UPDATE case_steps SET at = at - interval '3 hours' WHERE case_id = :id"), {"id": loop.id}
    )
    loop.take("handler", "sign").fed_back()
    tx.execute(
        sa.text("UPDATE case_steps SET at = at - interval '1 hour' WHERE case_id = :id"), {"id": loop.id}
    )
    by = people.viewer_of(tx, "operator")
    found = case(tx, loop.id, sight=sight_of(by))
    bar = clock_bar(found, max(step.at for step in found.steps).replace(microsecond=0))
    assert [span.kind for span in bar.spans] == ["run"]
    at = max(step.at for step in found.steps) + timedelta(hours=1)
    bar = clock_bar(found, at)
    assert [span.kind for span in bar.spans] == ["run", "pause"]
    run, pause = bar.spans
    assert run.start == 0
    assert run.end == pause.start
    assert run.end / pause.end == pytest.approx(0.75, abs=0.02)
    assert pause.end < bar.due == 1
    assert clock_bar(case(tx, Loop.incident(api).id, sight=sight_of(by)), found.received_at) is None


def test_a_form_without_the_pages_token_is_refused(client, api):
    loop = Loop.incident(api)
    assert client.post(f"/cases/{loop.id}/steps", data={"step": "note"}).status_code == 401
