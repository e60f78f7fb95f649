"""The record over the API and as a page: filters, paging, walls, and how it stands."""

from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa

from app.audit.actions import record, seal
from app.audit.rules import Action, Actor
from tests import people
from tests.city import A, C

BOSS = Actor(1, "boss")


@pytest.fixture
def rows(tx):
    for number in range(7):
        action = Action.EXPORTED if number % 2 else Action.PERSON_READ
        area = None if number == 0 else C if number == 6 else A
        who = Actor(2, "13887654321") if number == 5 else BOSS
        record(tx, action, f"case {number}", by=who, area_code=area, detail={"number": number})


def numbers(answer):
    assert answer.status_code == 200, answer.text
    return [row["detail"]["number"] for row in answer.json["items"] if "number" in row["detail"]]


def test_filters_narrow_the_list(api, rows):
    admin = api("admin")
    assert numbers(admin.get("audit")) == [6, 5, 4, 3, 2, 1, 0]
    assert numbers(admin.get("audit", what="exported")) == [5, 3, 1]
    assert numbers(admin.get("audit", who="boss", what="exported")) == [3, 1]
    assert numbers(admin.get("audit", subject="case 4")) == [4]
    now = datetime.now(UTC)
    assert numbers(admin.get("audit", since=(now - timedelta(hours=1)).isoformat())) == [6, 5, 4, 3, 2, 1, 0]
    assert numbers(admin.get("audit", until=(now - timedelta(hours=1)).isoformat())) == []


def test_pages_follow_one_another(api, rows):
    admin, seen, after = api("admin"), [], {}
    for _ in range(9):
        answer = admin.get("audit", limit=3, **after)
        seen += numbers(answer)
        if answer.json["next"] is None:
            break
        after = {"after": answer.json["next"]}
    assert seen == [6, 5, 4, 3, 2, 1, 0]


def test_a_username_that_is_a_telephone_number_is_masked(api, rows):
    answer = api("admin").get("audit", subject="case 5")
    assert answer.json["items"][0]["username"] == "138****4321"


def test_only_administrators_read_it_and_each_in_their_areas(api, tx, rows):
    for role in ("operator", "leader", "supervisor", "planner"):
        assert api(role).get("audit").status_code == 403
    people.person(tx, "of a", "admin", A)
    people.person(tx, "of c", "admin", C)
    assert numbers(api("of a").get("audit")) == [5, 4, 3, 2, 1]
    assert numbers(api("of c").get("audit")) == [6]


@pytest.mark.parametrize(
    "bad", [{"after": "x"}, {"limit": 0}, {"limit": 101}, {"since": "yesterday"}, {"who": "\0"}, {"x": "1"}]
)
def test_a_filter_that_is_none_is_refused(api, bad):
    assert api("admin").get("audit", **bad).status_code == 422


def test_the_state_tells_head_and_verification(api, tx, rows):
    none = api("admin").get("audit/state").json
    assert (none["head"], none["verified_at"], none["sound"]) == (None, None, None)
    head = seal(tx, secret="k", at=datetime.now(UTC))
    record(tx, Action.RECORD_VERIFIED, "audit", by=None, detail={"rows": 7, "broken": None})
    state = api("admin").get("audit/state").json
    assert state["head"]["hash"] == head.hash.hex()
    assert (state["head"]["signed"], state["sound"]) == (True, True)
    told = {"rows": 3, "broken": {"no": 4, "id": 11, "why": "the row is gone"}}
    record(tx, Action.RECORD_VERIFIED, "audit", by=None, detail=told)
    state = api("admin").get("audit/state").json
    assert (state["sound"], state["broken_row"], state["broken_why"]) == (False, 11, "the row is gone")


class Page:
    def __init__(self, api, **query):
        asking = api("admin")
        self.answer = asking.client.get(
            "/audit", query_string=query, headers={**asking.headers, "Accept": "text/html"}
        )
        self.text = self.answer.get_data(as_text=True)


def test_the_page_shows_rows_filters_and_that_it_is_broken(api, tx, rows):
    told = {"rows": 3, "broken": {"no": 4, "id": 11, "why": "the row is gone"}}
    record(tx, Action.RECORD_VERIFIED, "audit", by=None, detail=told)
    page = Page(api)
    assert page.answer.status_code == 200
    assert "case 4" in page.text
    assert "审计记录与封存时不符" in page.text
    assert "138****4321" in page.text
    assert "13887654321" not in page.text
    narrowed = Page(api, what="exported", who="boss")
    assert "case 3" in narrowed.text
    assert "case 4" not in narrowed.text
    today = datetime.now(UTC).date()
    assert (
        "case 4"
        in Page(api, **{"from": str(today - timedelta(days=1)), "to": str(today + timedelta(days=1))}).text
    )
    assert "case 4" not in Page(api, to=str(today - timedelta(days=3))).text


def test_a_page_says_what_is_wrong_with_a_filter(api):
    for bad in ({"from": "soon"}, {"to": "9999-12-31"}, {"after": "x"}, {"who": "x" * 300}):
        assert Page(api, **bad).answer.status_code == 422, bad


def test_the_page_costs_the_same_however_long_the_record(api, tx, rows, statements):
    def cost():
        before = len([s for s in statements if "SAVEPOINT" not in s])
        assert Page(api, what="person_read").answer.status_code == 200
        return len([s for s in statements if "SAVEPOINT" not in s]) - before

    Page(api)
    first = cost()
    for number in range(60):
        record(tx, Action.PERSON_READ, f"case {number}", by=BOSS)
    assert cost() == first


def test_a_list_asks_an_index_and_not_the_whole_record(tx):
    tx.execute(sa.text("SET LOCAL enable_seqscan = off"))
    for where in ("username = 'boss'", "subject = 'case 1'", "action = 'person_read'"):
        plan = "\n".join(
            tx.execute(
                sa.text(f"EXPLAIN SELECT id FROM audit_log WHERE {where} ORDER BY id DESC LIMIT 50")
            ).scalars()
        )
        assert "Index" in plan
