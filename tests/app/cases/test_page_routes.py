"""Cases as pages: who sees which, the filters in the address, and pages by cursor."""

from datetime import timedelta
from uuid import uuid4

import pytest
import sqlalchemy as sa

from app import clock
from app.cases.models import Case, CasePhoto
from app.cases.page_routes import Due, due
from app.cases.queries import Sight, Wanted, cases
from app.identity.queries import person_id
from tests.city import C, cell_code, middle

HTML = {"Accept": "text/html"}


def filed(client, column=0, row=0, **changes):
    lon, lat = middle(column, row)
    body = {"type": "E0110", "lon": lon, "lat": lat, "text": "路口有一堆垃圾", **changes}
    answer = client.put(f"/api/v1/reports/{uuid4()}", json=body)
    assert answer.status_code == 201, answer.text
    return answer.json


def page(client, path, **query):
    return client.get(path, query_string=query or None, headers=HTML)


def test_the_list_names_type_place_status_holder_and_limit(client_as):
    client = client_as("dispatcher")
    case = filed(client)
    text = page(client, "/cases").text
    for words in (case["no"], "暴露垃圾", "解放街道 · 解放社区", "网格员1", "剩余", f"/cases/{case['id']}"):
        assert words in text
    assert f"sel=case:{case['id']}" in text


def test_the_list_is_english_when_asked(client_as):
    client = client_as("dispatcher")
    filed(client)
    client.set_cookie("jingwei_language", "en")
    text = page(client, "/cases").text
    assert "refuse" in text
    assert "left" in text
    assert '<html lang="en"' in text


def test_a_page_holds_fifty_and_links_to_the_older_ones(client_as, monkeypatch):
    monkeypatch.setattr("app.cases.page_routes.PAGE", 2)
    client = client_as("dispatcher")
    numbers = [filed(client, text=f"第{n}件")["no"] for n in range(3)]
    first = page(client, "/cases", area="210302")
    assert [no in first.text for no in numbers] == [False, True, True]
    following = first.text.split('rel="next" href="')[1].split('"')[0].replace("&amp;", "&")
    assert "area=210302" in following
    last = page(client, following)
    assert [no in last.text for no in numbers] == [True, False, False]
    assert 'rel="next"' not in last.text


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({}, [True, True]),
        ({"area": "210302001"}, [True, False]),
        ({"area": C}, [False, True]),
        ({"type": "F0137"}, [False, True]),
        ({"text": "垃圾"}, [True, False]),
        ({"status": "overdue"}, [False, False]),
        ({"status": "closed"}, [False, False]),
        ({"worker": "W0001"}, [True, False]),
        ({"cell": cell_code(0, 0)}, [True, False]),
        ({"status": "all", "type": "", "area": "", "text": " "}, [True, True]),
    ],
)
def test_filters_narrow_the_list(client_as, query, found):
    client = client_as("admin")
    cases = [filed(client), filed(client, 4, 0, type="F0137", text="不亮")]
    text = page(client, "/cases", **query).text
    assert [case["no"] in text for case in cases] == found


def test_overdue_cases_are_those_past_their_limit(client_as, tx):
    client = client_as("dispatcher")
    late, calm = filed(client), filed(client, text="别的")
    past = clock.now() - timedelta(hours=30)
    tx.execute(sa.update(Case).where(Case.no == late["no"]).values(due_at=past))
    text = page(client, "/cases", status="overdue").text
    assert late["no"] in text
    assert calm["no"] not in text
    assert "已超时 1 天 6 小时" in text


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"area": "99"}, "区域"),
        ({"area": "210399"}, "区域"),
        ({"type": "F9999"}, "类型"),
        ({"worker": "W7777"}, "网格员"),
        ({"cell": "210302001001999"}, "单元网格"),
        ({"status": "lost"}, "状态"),
        ({"text": "a\0b"}, "编号或说明"),
        ({"after": "nonsense"}, "翻页"),
    ],
)
def test_a_filter_that_does_not_fit_is_named(client_as, query, field):
    answer = page(client_as("dispatcher"), "/cases", **query)
    assert answer.status_code == 422
    assert field in answer.text


def test_nobody_sees_another_ones_cases(client_as):
    own = filed(client_as("citizen"))
    elsewhere = filed(client_as("admin"), 4, 0)
    citizen, supervisor = client_as("citizen"), client_as("supervisor")
    assert own["no"] in page(citizen, "/cases").text
    assert elsewhere["no"] not in page(citizen, "/cases").text
    assert elsewhere["no"] not in page(supervisor, "/cases").text
    assert page(citizen, f"/cases/{own['id']}").status_code == 200
    hidden = page(supervisor, f"/cases/{elsewhere['id']}")
    assert hidden.status_code == 404
    assert "没有这个页面" in hidden.text
    assert elsewhere["no"] not in hidden.text


def test_somebody_unknown_is_sent_to_the_sign_in_and_back(client):
    answer = client.get("/cases?status=all", headers=HTML)
    assert answer.status_code == 302
    assert answer.location.endswith("next=/cases?status%3Dall")


def test_a_case_shows_its_facts_its_steps_and_its_photos(client_as, tx):
    client = client_as("dispatcher")
    case = filed(client, text="<b>井盖</b>缺角", accuracy_m=8)
    tx.execute(sa.insert(CasePhoto).values(case_id=case["id"], sha256="a" * 64, position=0))
    text = page(client, f"/cases/{case['id']}").text
    for words in (case["no"], cell_code(0, 0), "网格员1", "精度 ±8 米", "经过", "dispatcher", "照片还在路上"):
        assert words in text
    assert "&lt;b&gt;井盖" in text
    assert f"/map#map=16.50/{case['lat']:.5f}/{case['lon']:.5f}&amp;sel=case:{case['id']}" in text


def test_the_list_asks_the_database_the_same_number_of_times_however_long(client_as, statements):
    client = client_as("dispatcher")
    filed(client)
    page(client, "/cases")  # takes the first lease of the limit
    asked = []
    for _ in range(2):
        statements.clear()
        page(client, "/cases")
        asked.append(len(statements))
        for n in range(3):
            filed(client, text=f"第{n}件")
    assert asked[0] == asked[1]


def test_a_limit_is_told_by_state_and_minutes(client_as, tx):
    client = client_as("dispatcher")
    filed(client)
    sight = Sight(person_id=person_id(tx, "dispatcher"))
    found = cases(tx, sight=sight, wanted=Wanted())
    case = found.items[0]
    assert due(case, case.due_at - timedelta(minutes=61)) == Due("open", 61)
    assert due(case, case.due_at - timedelta(minutes=59)) == Due("soon", 59)
    assert due(case, case.due_at + timedelta(minutes=1)) == Due("overdue", 1)
    assert Due("open", 1501).parts == (1, 1, 1)


def test_a_cases_number_leads_to_the_case_and_a_foreign_one_nowhere(client_as):
    client = client_as("dispatcher")
    case = filed(client)
    answer = page(client, f"/cases/{case['no']}")
    assert (answer.status_code, answer.location) == (302, f"/cases/{case['id']}")
    assert page(client_as("citizen"), f"/cases/{case['no']}").status_code == 404
    assert page(client, "/cases/9999999999999999999").status_code == 404


def test_an_address_that_is_none_keeps_the_way_around(client_as, client):
    text = page(client_as("dispatcher"), "/cases/not-a-uuid").text
    assert "没有这个页面" in text
    assert "is no UUID" in text
    assert 'class="nav' in text
    assert 'class="nav' not in client.get("/cases/not-a-uuid", headers={"Accept": "text/html"}).text
