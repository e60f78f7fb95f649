"""Somebody without an account appeals, tracks, and acts on what is their own."""

import re
from datetime import UTC, datetime, timedelta
from io import BytesIO
from uuid import UUID

import pytest
import sqlalchemy as sa

from app import clock
from tests import people
from tests.loop import Loop
from tests.pictures import picture


@pytest.fixture(autouse=True)
def at(monkeypatch):
    """The clock goes ten seconds on at every look: nobody types faster than that."""
    ticks = iter(range(0, 1_000_000, 10))
    start = datetime.now(UTC)
    monkeypatch.setattr(clock, "now", lambda: start + timedelta(seconds=next(ticks)))


def hidden(page: str, name: str) -> str:
    return re.search(rf'name="{name}" value="([^"]*)"', page)[1]


def answer_of(challenge: str) -> str:
    _, _, one, two, _ = challenge.split(".")
    return str(int(one) + int(two))


def filled(client, **said):
    page = client.get("/appeal").text
    challenge = hidden(page, "challenge")
    return {
        "csrf_token": hidden(page, "csrf_token"),
        "challenge": challenge,
        "answer": answer_of(challenge),
        "type": "A08",
        "nature": "complaint",
        "text": "解放社区门前路灯不亮",
        "phone": "13912345678",
        "name": "赵大明",
        **said,
    }


def appealed(client, **said):
    answer = client.post("/appeal", data=filled(client, **said))
    assert answer.status_code == 200, answer.text[-3_000:]
    no = re.search(r'id="no">(\d{19})<', answer.text)[1]
    secret = re.search(r'id="secret">([0-9A-Z ]+)<', answer.text)[1]
    return no, secret


def tracked(client, no, secret, **more):
    token = hidden(client.get("/track").text, "csrf_token")
    return client.post("/track", data={"csrf_token": token, "no": no, "secret": secret, **more})


def row_of(tx, no):
    return tx.execute(
        sa.text("SELECT * FROM cases c JOIN appeals a ON a.case_id = c.id WHERE no = :no"), {"no": no}
    ).one()


def test_an_appeal_in_words_finds_its_community_and_is_tracked(client, tx):
    no, secret = appealed(client)
    row = row_of(tx, no)
    assert (row.kind, row.source, row.status, row.community_code) == (
        "appeal",
        "web",
        "reported",
        "210302001001",
    )
    assert bytes(row.secret_sha256) != secret.encode()
    page = tracked(client, no, secret.lower())
    assert page.status_code == 200
    assert "已收到" in page.text
    assert page.headers["Cache-Control"] == "no-store"


def test_a_place_and_photos_come_along(client, tx):
    no, _ = appealed(
        client, lon="122.9905", lat="41.1035", accuracy_m="12", photos=(BytesIO(picture(5)), "a.jpg")
    )
    row = row_of(tx, no)
    assert row.cell_code == "210302001001001"
    photos = tx.execute(sa.text("SELECT count(*) FROM case_photos WHERE case_id = :id"), {"id": row.id})
    assert photos.scalar() == 1


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"answer": "99"}, "算术题"),
        ({"website": "http://spam"}, "算术题"),
        ({"challenge": "x"}, "停留太久"),
        ({"phone": "call me"}, "电话号码不对"),
        ({"csrf_token": "x"}, "load the page again"),
    ],
)
def test_what_does_not_fit_is_told_and_nothing_typed_is_lost(client, tx, changes, words):
    answer = client.post("/appeal", data=filled(client, **changes))
    assert answer.status_code == 422
    assert words in answer.text
    assert "解放社区门前路灯不亮" in answer.text
    assert tx.execute(sa.text("SELECT count(*) FROM cases")).scalar() == 0


def test_a_form_is_sent_once(client, tx):
    form = filled(client)
    assert client.post("/appeal", data=form).status_code == 200
    assert client.post("/appeal", data=form).status_code == 422
    assert tx.execute(sa.text("SELECT count(*) FROM cases")).scalar() == 1


def test_a_wrong_secret_is_as_blank_as_an_unknown_number(client):
    no, _ = appealed(client)
    wrong, unknown = tracked(client, no, "2222222222"), tracked(client, "9" * 19, "2222222222")
    assert (wrong.status_code, unknown.status_code) == (404, 404)
    assert wrong.text.replace(no, "") == unknown.text.replace("9" * 19, "")


def test_the_page_tells_plain_words_and_nobodys_name_or_note(client, api, tx):
    people.person(tx, "dispatcher_all", "dispatcher")
    no, secret = appealed(client)
    loop = Loop(api, {"id": str(row_of(tx, no).id), "status": "reported"})
    loop.take("operator", "accept").take("dispatcher_all", "dispatch").take("handler", "sign")
    loop.take("handler", "note", note="内部意见").fed_back()
    page = tracked(client, no, secret).text
    for told in ("已转市政办理", "市政已签收", "已修复"):
        assert told in page
    for kept in ("内部意见", "换了灯泡", "handler", "13912345678", "赵大明", "dispatcher"):
        assert kept not in page


def test_the_person_adds_urges_once_withdraws(client, tx):
    no, secret = appealed(client)
    assert "您补充了内容" in tracked(client, no, secret, step="add", words="还有一盏").text
    assert "已催办" in tracked(client, no, secret, step="urge").text
    assert "今天已经催办过了" in tracked(client, no, secret, step="urge").text
    assert "请写明内容" in tracked(client, no, secret, step="withdraw").text
    assert "您已撤回" in tracked(client, no, secret, step="withdraw", words="修好了").text
    assert row_of(tx, no).status == "void"


def test_the_person_rates_and_a_dissatisfied_one_starts_supervision(client, api, tx):
    people.person(tx, "dispatcher_all", "dispatcher")
    no, secret = appealed(client)
    Loop(api, {"id": str(row_of(tx, no).id), "status": "reported"}).handled().take(
        "dispatcher_all", "call_back"
    )
    assert "您不满意" not in tracked(client, no, secret).text
    page = tracked(client, no, secret, step="dissatisfied", words="还是不亮").text
    assert "已开始督办" in page
    assert (row_of(tx, no).status, row_of(tx, no).satisfaction) == ("supervised", "dissatisfied")


def test_the_person_objects_within_fifteen_days(client, tx):
    no, secret = appealed(client)
    case = UUID(str(row_of(tx, no).id))
    tx.execute(
        sa.text("UPDATE cases SET status = 'closed', closed_at = now(), stage_due_at = NULL WHERE id = :id"),
        {"id": case},
    )
    assert "您对结果有异议" in tracked(client, no, secret, step="object", words="没有修").text
    assert row_of(tx, no).status == "callback"


def test_only_ones_own_steps_can_be_taken(client, tx):
    no, secret = appealed(client)
    for step in ("accept", "force_close", "note", "x"):
        assert "现在不能这样做" in tracked(client, no, secret, step=step, words="x").text
    assert row_of(tx, no).revision == 1


def test_spam_is_marked_listed_and_cleared_and_never_dropped(client, api, tx, client_as):
    no, _ = appealed(client, text="买 http://a.b 和 http://c.d 解放社区")
    assert row_of(tx, no).suspect == "links"
    operator = client_as("operator")
    assert no in operator.get("/appeals/suspect").text
    assert operator.post("/appeals/suspect", data={"case": str(row_of(tx, no).id)}).status_code == 303
    assert no not in operator.get("/appeals/suspect").text
    assert client_as("planner").get("/appeals/suspect").status_code == 403
