"""Mine today: a case waits for exactly those whose turn it is, in the order in which it is due."""

from datetime import timedelta

import pytest
import sqlalchemy as sa

from app import clock
from app.cases.inbox import Filters, inbox, statement
from app.identity.rules import Role
from tests import people
from tests.city import C
from tests.loop import Loop
from tests.people import Api

HTML = {"Accept": "text/html"}
EVERYBODY = (
    *("operator", "shift_leader", "dispatcher_all", "handler", "supervisor", "committee", "leader"),
    *("worker", "citizen"),
)


@pytest.fixture
def api(app, tx):
    people.person(tx, "dispatcher_all", "dispatcher")
    secrets = {}

    def make(username):
        secrets.setdefault(username, people.token(tx, username))
        return Api(app, secrets[username])

    return make


@pytest.fixture
def waits_for(tx):
    """Say for whom a case waits."""

    def ask(loop):
        at = clock.now()
        found = set()
        for username in EVERYBODY:
            waiting = inbox(tx, people.viewer_of(tx, username), Filters(), at=at)
            if any(one.case.id == loop.id for one in waiting.items):
                found.add(username)
        return found

    return ask


def test_an_incident_waits_for_one_after_the_other(api, waits_for):
    loop = Loop.incident(api)
    assert waits_for(loop) == {"operator"}
    loop.take("operator", "verify", worker="W0001")
    assert waits_for(loop) == {"worker"}
    loop.take("worker", "verified", answer="exists", photos=["b" * 64])
    loop.take("operator", "accept")
    assert waits_for(loop) == {"shift_leader"}
    loop.take("operator", "ask_void", reason="不属实")
    assert waits_for(loop) == {"shift_leader"}
    loop.take("shift_leader", "refuse", reason="属实")
    loop.take("shift_leader", "file")
    assert waits_for(loop) == {"dispatcher_all"}
    loop.take("dispatcher_all", "dispatch")
    assert waits_for(loop) == {"handler"}
    loop.take("handler", "ask_return", reason="不归我们")
    assert waits_for(loop) == {"dispatcher_all"}
    loop.take("dispatcher_all", "return")
    loop.take("dispatcher_all", "dispatch")
    loop.take("handler", "ask_return", reason="还是不归我们").take("dispatcher_all", "return")
    assert waits_for(loop) == {"committee"}, "returned twice, the committee desk assigns"
    loop.take("committee", "dispatch").take("handler", "sign").fed_back()
    assert waits_for(loop) == {"dispatcher_all"}
    loop.take("dispatcher_all", "check", worker="W0001")
    assert waits_for(loop) == {"worker"}
    loop.take("worker", "checked", photos=["c" * 64])
    assert waits_for(loop) == {"shift_leader"}
    loop.take("shift_leader", "pass")
    assert waits_for(loop) == set()


def test_a_dissatisfied_person_is_followed_to_the_committee(api, waits_for):
    loop = Loop.appeal(api).handled()
    loop.take("dispatcher_all", "call_back")
    assert waits_for(loop) == {"operator"}
    loop.take("operator", "dissatisfied", reason="没修好")
    assert waits_for(loop) == {"supervisor"}
    loop.take("supervisor", "order", cause="漏办", finding="未到场", order="三天内修好")
    assert waits_for(loop) == {"handler"}
    loop.fed_back().take("dispatcher_all", "call_back").take("operator", "dissatisfied", reason="仍没修好")
    assert waits_for(loop) == {"committee", "leader"}


def test_a_case_in_a_colleagues_hands_waits_for_the_unit_only_when_asked(api, tx, waits_for):
    loop = Loop.incident(api).dispatched().take("handler", "sign")
    people.person(tx, "colleague", "handler", unit="L")
    by = people.viewer_of(tx, "colleague")
    assert inbox(tx, by, Filters(), at=clock.now()).total == 0
    assert inbox(tx, by, Filters(whole_unit=True), at=clock.now()).total == 1
    assert waits_for(loop) == {"handler"}


def test_nothing_of_another_area_or_unit_waits(api, tx):
    Loop.incident(api).dispatched()
    people.person(tx, "elsewhere", "dispatcher", C)
    people.person(tx, "other", "handler", unit="W")
    at = clock.now()
    assert inbox(tx, people.viewer_of(tx, "elsewhere"), Filters(), at=at).total == 0
    assert inbox(tx, people.viewer_of(tx, "other"), Filters(), at=at).total == 0


def test_the_soonest_due_come_first_and_pages_follow_without_a_gap(api, tx):
    loops = [Loop.incident(api, text=f"第{n}件") for n in range(5)]
    at = clock.now()
    moments = [at + timedelta(minutes=m) for m in (30, 10, 20, 10)]
    for loop, moment in zip(loops, [*moments, None], strict=True):
        tx.execute(
            sa.text("UPDATE cases SET stage_due_at = :at WHERE id = :id"), {"at": moment, "id": loop.id}
        )
    by = people.viewer_of(tx, "operator")
    whole = [one.case for one in inbox(tx, by, Filters(), at=at).items]
    assert [case.stage_due_at for case in whole] == [*sorted(moments), None]
    seen, after = [], None
    while True:
        page = inbox(tx, by, Filters(limit=2, after=after), at=at)
        seen += [one.case.id for one in page.items]
        if not page.more:
            break
        last = page.items[-1].case
        after = (last.stage_due_at, last.id)
    assert seen == [case.id for case in whole]


def test_counts_are_by_stage_and_lamp(api, tx):
    late, soon, _calm = (Loop.incident(api) for _ in range(3))
    at = clock.now()
    for loop, minutes in ((late, -5), (soon, 1)):
        tx.execute(
            sa.text("UPDATE cases SET stage_due_at = :at WHERE id = :id"),
            {"at": at + timedelta(minutes=minutes), "id": loop.id},
        )
    found = inbox(tx, people.viewer_of(tx, "operator"), Filters(), at=at)
    assert [found.of(lamp=lamp) for lamp in ("red", "yellow", "green")] == [1, 1, 1]
    assert found.of(stage="reported") == found.total == 3
    red = inbox(tx, people.viewer_of(tx, "operator"), Filters(lamp="red"), at=at)
    assert [one.case.id for one in red.items] == [late.id]
    assert red.total == 3, "the counts beside a filter stay"


def test_an_inbox_costs_the_same_however_much_waits(api, client_as, tx, statements):
    client = client_as("operator")

    def asked():
        statements.clear()
        assert client.get("/inbox", headers=HTML).status_code == 200
        return len(statements)

    asked()
    one = asked()
    for _ in range(4):
        Loop.incident(api)
    assert asked() == one


@pytest.mark.parametrize("username", ["operator", "handler", "supervisor"])
def test_an_inbox_is_planned_on_the_indexes_of_open_cases(tx, username):
    tx.execute(
        sa.text(
            "INSERT INTO cases (id, no, kind, type_code, status, source, text, geom, crs_source,"
            " observed_at,"
            " received_at, due_at, closed_at, cell_code, community_code, desk_code, body_sha256,"
            " stage_due_at)"
            " SELECT gen_random_uuid(), 'p' || n, 'incident', 'F0137',"
            "        CASE WHEN n % 50 = 0 THEN 'reported' ELSE 'closed' END, 'script', '',"
            "        ST_SetSRID(ST_Point(122.9905, 41.1035), 4326),"
            "        'wgs84', now(), now(), now(),"
            "        CASE WHEN n % 50 <> 0 THEN now() END, '210302001001001', '210302001001',"
            "        '210302001', '',"
            "        CASE WHEN n % 50 = 0 THEN now() + n * interval '1 second' END"
            " FROM generate_series(1, 10000) n"
        )
    )
    tx.execute(sa.text("ANALYZE cases"))
    asked = statement(people.viewer_of(tx, username), Filters(), at=clock.now())
    compiled = asked.compile(tx.connection, compile_kwargs={"render_postcompile": True})
    plan = "\n".join(
        row[0] for row in tx.connection.exec_driver_sql(f"EXPLAIN {compiled.string}", compiled.params)
    )
    assert "ix_cases_open" in plan
    assert "Seq Scan on cases" not in plan


def test_somebody_without_an_office_has_an_empty_inbox_and_a_planner_none(client_as):
    assert "没有要您办的" in client_as("citizen").get("/inbox", headers=HTML).text
    assert client_as("planner").get("/inbox", headers=HTML).status_code == 403


def test_filters_live_in_the_address_and_a_wrong_one_is_named(api, client_as):
    loop = Loop.incident(api, text="路灯不亮很久了")
    client = client_as("operator")
    for query, there in (
        ({}, True),
        ({"kind": "appeal"}, False),
        ({"type": "F0137"}, True),
        ({"text": "不亮"}, True),
        ({"text": "井盖"}, False),
        ({"area": C}, False),
        ({"stage": "callback"}, False),
        ({"lamp": "red"}, False),
    ):
        text = client.get("/inbox", query_string=query, headers=HTML).text
        assert (loop.case["no"] in text) == there, query
    wrong = client.get("/inbox?stage=lost", headers=HTML)
    assert wrong.status_code == 422
    assert "lost" in wrong.text
    assert client.get("/inbox?after=x", headers=HTML).status_code == 422


def test_a_view_is_kept_for_its_person_alone(client_as, tx):
    mine, other = client_as("operator"), client_as("dispatcher")
    answer = mine.post(
        "/inbox/views", data={"name": " 超时的  诉求 ", "query": "lamp=red&kind=appeal&evil=1"}
    )
    assert answer.status_code == 303
    assert answer.location == "/inbox?lamp=red&kind=appeal"
    mine.post("/inbox/views", data={"name": "超时的 诉求", "query": "lamp=red"})
    text = mine.get("/inbox", headers=HTML).text
    assert text.count('href="/inbox?lamp=red">超时的 诉求</a>') == 1
    assert "超时的 诉求" not in other.get("/inbox", headers=HTML).text
    view = tx.execute(sa.text("SELECT id FROM views")).scalar_one()
    other.post(f"/inbox/views/{view}/drop")
    assert "超时的 诉求" in mine.get("/inbox", headers=HTML).text
    mine.post(f"/inbox/views/{view}/drop")
    assert "超时的 诉求" not in mine.get("/inbox", headers=HTML).text


@pytest.mark.parametrize(("username", "phone", "to"), [
    ("operator", False, "/inbox"), ("worker", False, "/inbox"), ("worker", True, "/map"),
    ("citizen", False, "/map"), ("planner", False, "/map"), ("admin", False, "/map"),
    ("leader", True, "/inbox"),
])  # fmt: skip
def test_the_day_begins_where_the_role_works(client_as, username, phone, to):
    agent = {"User-Agent": "Mozilla/5.0 (Linux; Android 15) Mobile Safari"} if phone else {}
    assert client_as(username).get("/", headers=agent).location == to


def test_every_acting_role_has_an_inbox():
    assert set(Role) - {Role.PLANNER, Role.ADMIN} == {Role(name.removesuffix("_all")) for name in EVERYBODY}
