"""The bell, the page and the API of notices."""

import re
from uuid import uuid4

import pytest
import sqlalchemy as sa

from app import clock
from app.cases.models import Case
from app.identity.queries import person_id
from app.notices.channels import webhook_key
from app.notices.models import Delivery, Notice, NoticePreference
from tests.city import middle

HTML = {"Accept": "text/html"}


@pytest.fixture
def notice(tx, client_as):
    """Make a notice of a case for somebody; returns its id."""
    lon, lat = middle(0, 0)
    case = client_as("dispatcher").put(
        f"/api/v1/reports/{uuid4()}", json={"type": "F0137", "lon": lon, "lat": lat}
    )
    numbers = iter(range(1, 1_000))

    def make(username="worker", kind="in_hands", step="report"):
        person = tx.execute(
            sa.text("SELECT id FROM people WHERE username = :u"), {"u": username}
        ).scalar_one()
        data = {
            "step": step,
            "no": case.json["no"],
            "type_zh": "路灯",
            "type_en": "street lamp",
            "status": "x",
        }
        return tx.execute(
            sa.insert(Notice)
            .values(
                person_id=person,
                case_id=sa.select(Case.id).where(Case.no == case.json["no"]).scalar_subquery(),
                event_id=-next(numbers),
                kind=kind,
                at=clock.now(),
                data=data,
            )
            .returning(Notice.id)
        ).scalar_one()

    make.case = case.json
    return make


def test_the_api_lists_counts_and_marks(client_as, notice):
    client = client_as("worker")
    first, second, third = notice(), notice(), notice(kind="look", step="check")
    notice("handler")
    listed = client.get("/api/v1/notices").json
    assert [one["id"] for one in listed["items"]] == [third, second, first]
    assert listed["unread"] == 3
    assert listed["items"][0]["text_en"] == f"Please check case {notice.case['no']} (street lamp) on site."
    assert client.put(f"/api/v1/notices/{second}/read").status_code == 204
    assert client.put(f"/api/v1/notices/{second}/read").status_code == 204
    assert [one["id"] for one in client.get("/api/v1/notices?unread=1").json["items"]] == [third, first]
    assert client.put("/api/v1/notices/read", json={"up_to": first}).status_code == 204
    assert client.get("/api/v1/notices").json["unread"] == 1


def test_nobody_reads_another_ones_notice(client_as, notice):
    one = notice()
    assert client_as("handler").put(f"/api/v1/notices/{one}/read").status_code == 404
    assert client_as("handler").put("/api/v1/notices/read", json={"up_to": one}).status_code == 204
    assert client_as("worker").get("/api/v1/notices").json["unread"] == 1
    assert client_as("worker").put(f"/api/v1/notices/{2**70}/read").status_code == 404


def test_pages_follow_by_cursor(client_as, notice, monkeypatch):
    monkeypatch.setattr(
        "app.notices.queries.notices.__kwdefaults__", {"before": None, "only_unread": False, "limit": 2}
    )
    made = [notice() for _ in range(3)]
    client = client_as("worker")
    page = client.get("/api/v1/notices").json
    rest = client.get("/api/v1/notices", query_string={"after": page["next"]}).json
    assert [one["id"] for one in page["items"] + rest["items"]] == made[::-1]
    assert rest["next"] is None
    assert client.get("/api/v1/notices?after=nonsense").status_code == 422


def test_every_page_has_the_bell_with_one_statement_more(client_as, notice, statements):
    client = client_as("worker")
    text = client.get("/cases", headers=HTML).text
    assert "通知，0 条未读" in text
    notice()
    statements.clear()
    text = client.get("/cases", headers=HTML).text
    assert "通知，1 条未读" in text
    assert len([one for one in statements if "notices" in one]) == 1
    client.set_cookie("jingwei_language", "en")
    assert "1 unread" in client.get("/cases", headers=HTML).text


def test_the_page_lists_opens_and_marks(client_as, notice):
    client = client_as("worker")
    one, other = notice(), notice(kind="urged", step="urge")
    text = client.get("/notices", headers=HTML).text
    assert f"您的网格有新案件 {notice.case['no']}（路灯）。" in text
    assert text.count("is-unread") == 2
    opened = client.post("/notices/read", data={"open": one})
    assert (opened.status_code, opened.location) == (303, f"/cases/{notice.case['id']}")
    assert client.get("/notices", headers=HTML).text.count("is-unread") == 1
    assert client.post("/notices/read", data={"up_to": other}).status_code == 303
    assert client.get("/notices", headers=HTML).text.count("is-unread") == 0
    for form in ({"id": "x"}, {"open": str(10**30)}, {}):
        assert client.post("/notices/read", data=form).status_code == 404, form


def test_a_page_that_is_none_leads_to_the_first(client_as):
    assert client_as("worker").get("/notices?after=%00", headers=HTML).status_code == 303


def test_the_choices_of_the_page_are_kept_and_shown(client_as, notice, settings, tx):
    client = client_as("worker")
    form = {
        "webhook": "https://city.test/hook",
        "language": "en",
        "channel": ["look:app", "look:webhook", "x:y"],
    }
    kept = client.post("/notices/choices", data=form)
    assert (kept.status_code, kept.location) == (303, "/notices?kept=1#choices")
    said = client.get("/api/v1/notices/choices").json
    assert said["choices"]["look"] == ["app", "webhook"]
    assert said["choices"]["urged"] == []
    assert (said["webhook"], said["language"]) == ("https://city.test/hook", "en")
    person = person_id(tx, "worker")
    assert said["webhook_key"] == webhook_key(settings.secret_key, person).decode()
    text = client.get("/notices?kept=1", headers=HTML).text
    assert set(re.findall(r'value="(\w+:\w+)" checked', text)) == {"look:app", "look:webhook"}


def test_an_address_that_is_none_is_told_and_nothing_is_kept(client_as, tx):
    client = client_as("worker")
    answer = client.post("/notices/choices", data={"webhook": "http://10.0.0.1/", "channel": ["look:app"]})
    assert answer.status_code == 422
    assert 'id="c-webhook-fault"' in answer.text
    assert "http://10.0.0.1/" in answer.text
    assert client.put("/api/v1/notices/choices", json={"email": "nobody"}).status_code == 422
    assert client.put("/api/v1/notices/choices", json={"choices": {"look": ["pigeon"]}}).status_code == 422
    assert tx.execute(sa.select(NoticePreference)).all() == []


def test_what_is_left_out_by_the_api_goes_back_to_its_default(client_as):
    client = client_as("worker")
    client.put("/api/v1/notices/choices", json={"choices": {"look": []}})
    assert client.get("/api/v1/notices/choices").json["choices"]["look"] == []
    assert client.put("/api/v1/notices/choices", json={}).json["choices"]["look"] == [
        "app",
        "email",
        "webhook",
    ]


def test_the_administrator_sees_what_was_not_delivered_and_tries_again(client_as, notice, tx):
    tx.execute(
        sa.insert(Delivery).values(
            notice_id=notice(),
            channel="email",
            state="failed",
            tries=78,
            next_at=clock.now(),
            error="refused",
        )
    )
    assert "没有送达" not in client_as("worker").get("/notices", headers=HTML).text
    text = client_as("admin").get("/notices", headers=HTML).text
    assert "没有送达" in text
    assert notice.case["no"] in text
    assert client_as("worker").post("/notices/retry").status_code == 403
    assert client_as("admin").post("/notices/retry").status_code == 303
    assert tx.execute(sa.select(Delivery.state, Delivery.tries)).all() == [("waiting", 0)]
