"""The calendar by the API and as a page: two persons change it."""

from datetime import UTC, datetime
from uuid import uuid4

import pytest
import sqlalchemy as sa

from app import clock
from app.calendar import queries
from app.calendar.actions import change_at_once
from app.calendar.rules import Change, DayChange, DayKind
from tests import people

WORKED = {"day": "2027-02-06", "kind": "workday", "name": "调休"}
OFF = {"day": "2027-02-09", "kind": "holiday", "name": "春节"}


@pytest.fixture
def planners(tx):
    people.person(tx, "planner_city", "planner", "210300")


def proposed(api, **said):
    answer = api("planner_city").put("calendar", {"days": [WORKED, OFF], **said})
    assert answer.status_code == 202, answer.text
    return answer.json


def decide(api, who, change, *, confirm=True):
    return api(who).put(f"calendar/changes/{change['id']}", {"confirm": confirm})


def test_a_year_has_its_special_days_and_says_whether_it_is_known(api):
    card = api("worker").get("calendar", year=2026).json
    assert card["known"] is True
    assert {"day": "2026-10-10", "kind": "workday", "name": "调休"} in card["days"]
    assert card["hours"] == [{"from_day": "0001-01-01", "periods": ["08:00-12:00", "14:00-18:00"]}]
    later = api("worker").get("calendar", year=2031).json
    assert (later["known"], later["days"]) == (False, [])
    assert api("worker").get("calendar").json["year"] == clock.now().year


def test_one_proposes_and_another_brings_into_force(api, planners, tx):
    change = proposed(
        api,
        years=[{"year": 2027, "known": True}],
        hours=[{"from_day": "2027-06-01", "periods": ["08:30-12:00", "13:30-18:00"]}],
        note="国办发明电〔2026〕7号",
    )
    assert change["progress"] == "proposed"
    assert api("admin").get("calendar", year=2027).json["days"] == []
    assert decide(api, "planner_city", change).status_code == 403
    answer = decide(api, "admin", change)
    assert answer.status_code == 200, answer.text
    assert answer.json["progress"] == "waiting"
    card = api("admin").get("calendar", year=2027).json
    assert card["known"] is True
    assert card["days"] == [WORKED, OFF]
    assert card["hours"][1] == {"from_day": "2027-06-01", "periods": ["08:30-12:00", "13:30-18:00"]}
    assert card["carried"] == change["id"]
    jobs = tx.execute(sa.text("SELECT count(*) FROM procrastinate_jobs WHERE task_name = 'recompute'"))
    assert jobs.scalar() == 1
    log = tx.execute(sa.text("SELECT username, subject FROM audit_log WHERE action = 'calendar_changed'"))
    assert [tuple(row) for row in log] == [("admin", f"calendar {change['id']}")]


def test_a_change_is_decided_once_and_one_at_a_time(api, planners):
    first, second = proposed(api), proposed(api, days=[OFF])
    assert decide(api, "admin", first).status_code == 200
    again = decide(api, "admin", first)
    assert (again.status_code, again.json["code"]) == (409, "decided_already")
    early = decide(api, "admin", second)
    assert (early.status_code, early.json["code"]) == (409, "still_carried")
    assert decide(api, "planner_city", second, confirm=False).json["progress"] == "refused"


def test_who_answers_for_a_district_proposes_but_does_not_confirm(api, planners):
    assert api("planner").put("calendar", {"days": [OFF]}).status_code == 202
    assert decide(api, "planner", proposed(api)).status_code == 403


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({}, "nothing_changes"),
        ({"days": [{"day": "2026-10-01", "kind": "holiday", "name": "国庆节"}]}, "nothing_changes"),
        ({"days": [OFF, OFF]}, "bad_value"),
        ({"days": [{"day": "0001-01-01", "kind": "holiday"}]}, "bad_value"),
        ({"days": [{"day": "2027-02-30", "kind": "holiday"}]}, "bad_value"),
        ({"hours": [{"from_day": "2027-01-01", "periods": ["18:00-08:00"]}]}, "bad_value"),
        ({"hours": [{"from_day": "2027-01-01", "periods": ["8-12"]}]}, "bad_value"),
        ({"days": [{**OFF, "name": "a\0b"}]}, "bad_value"),
    ],
)
def test_what_cannot_be_is_refused_with_a_reason(api, planners, body, code):
    answer = api("planner_city").put("calendar", body)
    assert (answer.status_code, answer.json["code"]) == (422, code)


def test_an_unknown_change_is_not_found_and_others_may_not(api):
    assert decide(api, "admin", {"id": 2**70}).status_code == 404
    for who in ("dispatcher", "worker", "citizen"):
        assert api(who).put("calendar", {"days": [OFF]}).status_code == 403
        assert api(who).get("calendar/changes").status_code == 403


def test_a_report_is_due_by_the_calendar_in_force(api, tx):
    at = clock.now()
    every = [
        DayChange(day, DayKind.HOLIDAY, "停工")
        for day in (datetime.fromtimestamp(at.timestamp() + n * 86_400, UTC).date() for n in range(-1, 30))
    ]
    before = reported(api)["due_at"]
    change_at_once(tx, Change(tuple(every)), by=people.viewer_of(tx, "admin"), at=at, source="tests")
    after = reported(api)["due_at"]
    assert datetime.fromisoformat(after) >= datetime.fromisoformat(before)
    assert datetime.fromisoformat(after).timestamp() > at.timestamp() + 29 * 86_400


def reported(api):
    body = {"type": "F0137", "lon": 122.9905, "lat": 41.1035}
    return api("operator").put(f"reports/{uuid4()}", body).json


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_the_page_shows_a_year_its_changes_and_what_is_missing(client_as, api, planners, lang):
    proposed(api)
    client = client_as("admin")
    page = client.get("/calendar?year=2027", headers={"Accept-Language": lang, "Accept": "text/html"})
    assert page.status_code == 200
    text = page.get_data(as_text=True)
    assert text.count('<button type="button" class="day ') == 365
    assert ("暂定" if lang == "zh" else "Provisional") in text
    assert 'data-decide="true"' in text
    assert 'data-day="2027-02-09" data-kind="worked"' in text
    own = client_as("planner_city").get("/calendar?year=2027").get_data(as_text=True)
    assert 'data-decide="true"' not in own
    for year in ("0", "9999", "x", "２０２６"):
        assert client.get(f"/calendar?year={year}").status_code == 404


def test_readiness_names_the_year_that_is_missed(client, tx, monkeypatch):
    assert client.get("/readyz").json["calendar_missing"] in {None, clock.now().year + 1}
    monkeypatch.setattr(clock, "now", lambda: datetime(2026, 10, 1, tzinfo=UTC))
    assert client.get("/readyz").json["calendar_missing"] == 2027
    years = Change(years=((2027, True),))
    change_at_once(tx, years, by=people.viewer_of(tx, "admin"), at=clock.now(), source="tests")
    assert client.get("/readyz").json["calendar_missing"] is None


def test_another_process_notices_a_change_after_two_seconds(tx, monkeypatch):
    now = 1_000.0
    monkeypatch.setattr(queries.time, "monotonic", lambda: now)
    before = queries.in_force(tx)
    change = Change((DayChange(datetime(2027, 2, 9, tzinfo=UTC).date(), DayKind.HOLIDAY),))
    change_at_once(tx, change, by=people.viewer_of(tx, "admin"), at=clock.now(), source="tests")
    remembered = (now, before)
    queries._remembered[tx.connection.engine] = remembered
    now += queries.FRESH_S - 0.1
    assert queries.in_force(tx) is before
    now += 0.2
    assert queries.in_force(tx).calendar.version > before.calendar.version
