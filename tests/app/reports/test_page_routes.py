"""Figures as pages: each leads to its very cases, in the viewer's areas, and goes out as a workbook."""

import io
import re
from datetime import UTC, datetime, timedelta

import openpyxl
import pytest
import sqlalchemy as sa

from app.cases.models import CaseType
from app.reports import actions
from app.reports.charts import ranking, trend
from app.reports.page_routes import change
from app.reports.queries import Told as Row
from app.reports.rules import FIGURES
from app.reports.sheets import Table, book
from tests.app.reports import histories
from tests.app.reports.histories import DAY, HOUR, USUAL, Told, local, straight
from tests.city import C

HTML = {"Accept": "text/html"}
MARCH = "from=2024-03-01&to=2024-03-31"


@pytest.fixture
def march(tx):
    """Nine cases of March: six on time, two late, one undone; one of them in the other town."""
    start = local("2024-03-12")
    cases = [Told(straight(start, handled=start + HOUR), start + DAY) for _ in range(5)]
    cases.append(Told(straight(start, handled=start + HOUR), start + DAY, community=C))
    cases += [Told(straight(start, handled=start + 3 * DAY), start + HOUR) for _ in range(2)]
    cases.append(Told(straight(start, path=USUAL[:5]), start + HOUR))
    histories.write(tx, *cases)
    while actions.refresh(tx, at=datetime.now(UTC)).more:
        pass
    return cases


def page(client, path):
    answer = client.get(path, headers=HTML)
    assert answer.status_code == 200, answer.text
    return answer.text


def test_the_board_tells_the_figures_beside_the_period_before(client_as, march):
    text = page(client_as("admin"), f"/reports?{MARCH}")
    for words in ("按时结案率", "66.7", "解放街道", "山南街道", "上期无", "逐月", "<svg", "算到"):
        assert words in text, words
    assert page(client_as("admin"), "/reports").count("–"), "an empty month has no values, and is shown"


def test_every_figure_leads_to_as_many_cases_as_it_counts(client_as, march):
    client = client_as("admin")
    text = page(client, f"/reports?{MARCH}&all=1")
    links = set(re.findall(r'href="(/reports/cases[^"]+)"[^>]*>([\d,.]+|–)<', text))
    assert len(links) > 40
    for address, shown in ((one.replace("&amp;", "&"), shown) for one, shown in links):
        listed = page(client, address)
        figure = FIGURES[re.search(r"figure=(\w+)", address)[1]]
        if figure.form.value == "count":
            assert f"共 {shown} 件" in listed, address
    rate = f"/reports/cases?{MARCH}&by=total&figure=handle_on_time_rate&part="
    assert "共 6 件" in page(client, f"{rate}over")
    assert "共 9 件" in page(client, f"{rate}under")


def test_the_cases_of_a_figure_say_whether_they_were_late(client_as, march):
    text = page(client_as("admin"), f"/reports/cases?{MARCH}&by=total&figure=handle_rate&part=under")
    assert text.count("超时未完成") == 1
    assert text.count("超时完成") == 2
    assert text.count("按时</span>") == 6


def test_pages_of_cases_follow_by_cursor(client_as, march, monkeypatch):
    monkeypatch.setattr("app.reports.page_routes.PAGE", 4)
    client, seen, address = client_as("admin"), [], f"/reports/cases?{MARCH}&by=total&figure=reported"
    while address:
        text = page(client, address)
        assert "共 9 件" in text
        seen += re.findall(r'href="/cases/([0-9a-f-]{36})"', text)
        following = re.search(r'rel="next" href="([^"]+)"', text)
        address = following and following[1].replace("&amp;", "&")
    assert sorted(seen) == sorted(str(case.id) for case in march)


def test_a_town_reads_its_own_figures_only(client_as, march):
    text = page(client_as("supervisor"), f"/reports?{MARCH}")
    assert "解放街道" in text
    assert "山南街道" not in text
    listed = page(client_as("supervisor"), f"/reports/cases?{MARCH}&by=total&figure=reported")
    assert "共 8 件" in listed
    assert client_as("supervisor").get("/reports?area=210302002", headers=HTML).status_code == 404


def test_the_board_is_english_when_asked(client_as, march):
    client = client_as("admin")
    client.set_cookie("jingwei_language", "en")
    text = page(client, f"/reports?{MARCH}&all=1")
    for words in ("Closing on time", "Month by month", "All areas", "none before"):
        assert words in text, words


@pytest.mark.parametrize(
    "query",
    ["figure=nothing", "from=2024-03-31&to=2024-03-01", "by=nothing", "from=1000-01-01&to=2024-01-01",
     "area=abc", "from=x", "part=under"],
)  # fmt: skip
def test_a_question_that_does_not_fit_is_told(client_as, query):
    path = "/reports/cases?figure=reported&" if query.startswith("part") else "/reports?"
    answer = client_as("admin").get(path + query, headers=HTML)
    assert answer.status_code == 422, query


def test_the_number_of_statements_does_not_grow(client_as, march, tx, statements):
    client = client_as("admin")
    page(client, f"/reports?{MARCH}&by=type")
    before = len(statements)
    page(client, f"/reports?{MARCH}&by=type")
    few = len(statements) - before
    histories.write(tx, *(
        Told(straight(local("2024-03-20"), handled=local("2024-03-21")), local("2024-03-25"), type=kind)
        for kind in ("F0101", "E0110") * 20
    ))  # fmt: skip
    actions.refresh(tx, at=datetime.now(UTC))
    before = len(statements)
    page(client, f"/reports?{MARCH}&by=type")
    assert len(statements) - before == few


def cells(answer, sheet=0):
    assert answer.status_code == 200, answer.text
    return list(openpyxl.load_workbook(io.BytesIO(answer.data)).worksheets[sheet].iter_rows(values_only=True))


def test_workbooks_hold_numbers_and_no_formula(client_as, march, tx):
    tx.execute(sa.update(CaseType).where(CaseType.code == "F0137").values(name_zh='=HYPERLINK("x")'))
    client = client_as("admin")
    rows = cells(client.get(f"/reports/figures.xlsx?{MARCH}&by=type"))
    [row] = [row for row in rows if row[0] == "F0137"]
    assert row[1] == '=HYPERLINK("x")'
    made = openpyxl.load_workbook(io.BytesIO(client.get(f"/reports/figures.xlsx?{MARCH}&by=type").data))
    assert {cell.data_type for sheet in made for line in sheet for cell in line} <= {"n", "s", "inlineStr"}
    heads = rows[1]
    place = next(n for n, head in enumerate(heads) if head.startswith("按时处置率"))
    assert (float(row[place]), row[place + 1], row[place + 2]) == (66.7, 6, 9)


def test_text_stays_text_whatever_it_begins_with():
    signs = ["=1+1", "+1", "-1", "@x", "\t=1", "普通", "a\x00b"]
    made = openpyxl.load_workbook(io.BytesIO(book([Table("a/b:c", ["=head"], [[sign] for sign in signs])])))
    values = [row[0] for row in made["a·b·c"].iter_rows()]
    assert [cell.value for cell in values] == ["=head", "=1+1", "+1", "-1", "@x", "\t=1", "普通", "ab"]
    assert {cell.data_type for cell in values} == {"s"}
    assert [bool(cell.quotePrefix) for cell in values[1:4]] == [True, True, True]


def test_the_bulletin_is_one_page_with_its_map_and_asks_nobody(client_as, march, monkeypatch, tmp_path):
    leaflet = tmp_path / "leaflet-1.9.4"
    leaflet.mkdir()
    (leaflet / "leaflet.js").write_text("var L;")
    (leaflet / "leaflet.css").write_text(".leaflet{background:url(x.png)}")
    monkeypatch.setattr("app.pages.vendor_folder", lambda _name: leaflet)
    answer = client_as("admin").get(f"/reports/bulletin?{MARCH}", headers=HTML)
    assert answer.status_code == 200, answer.text
    text = answer.text
    for words in ("网格化治理月报", "解放街道", "66.7", "map_sheet.fitBounds", '"className": "town poor"'):
        assert words in text, words
    assert not re.search(r"(?:src|href)=[\"']?(?:https?:)?//", text)
    assert "nonce-" in answer.headers["Content-Security-Policy"]
    workbook = client_as("admin").get(f"/reports/bulletin.xlsx?{MARCH}")
    assert cells(workbook)[0][0].startswith("经纬")


def test_the_appraisal_scores_who_did_something(client_as, march):
    text = page(client_as("admin"), f"/reports/appraisal?{MARCH}")
    assert "解放街道" in text
    assert re.search(r'class="grade [A-E]"', text)
    assert cells(client_as("admin").get(f"/reports/appraisal.xlsx?{MARCH}"), sheet=5)[0][0] == "名次"


def test_a_period_is_published_and_revised_through_the_page(client_as, march):
    client = client_as("committee")
    form = {"from": "2024-03-01", "to": "2024-03-31"}
    made = client.post("/reports/published", data=form)
    assert made.status_code == 303, made.text
    text = page(client, made.location)
    for words in ("66.7", "第 1 版", "SHA-256", "f.handle_due"):
        assert words in text, words
    assert client.post("/reports/published", data=form).status_code == 409
    assert client.post("/reports/published", data=form | {"reason": "补录"}).status_code == 303
    assert client_as("dispatcher").post("/reports/published", data=form).status_code == 403
    assert "补录" in page(client_as("dispatcher"), "/reports/published")


def test_weights_and_objections_go_through_their_pages(client_as, march, tx):
    client = client_as("committee")
    weights = {"post": "unit", "weights": "handle_rate=70\nrework_rate=30\n", "reason": "新办法"}
    assert client.post("/reports/weights", data=weights).status_code == 303
    assert "新办法" in page(client, "/reports/weights")
    for bad in ("handle_rate=70", "handle_rate", "x=100", "handle_rate=-5\nclose_rate=105"):
        assert client.post("/reports/weights", data=weights | {"weights": bad}).status_code == 422, bad
    no = tx.execute(sa.text("SELECT no FROM cases WHERE id = :id"), {"id": march[-1].id}).scalar()
    objection = {"no": no, "stage": "handle", "reason": "停电"}
    assert client_as("dispatcher").post("/reports/objections", data=objection).status_code == 303
    address = re.search(r'action="(/reports/objections/\d+)"', page(client, "/reports/objections"))[1]
    assert client.post(address, data={"upheld": "yes"}).status_code == 303
    assert client.post(address, data={"upheld": "no"}).status_code == 409
    assert "75.0" in page(client, f"/reports?{MARCH}"), "six of eight"
    assert "分子" in page(client, "/reports/definitions")


def test_a_change_is_better_or_worse_by_the_figure():
    now, before = (Row("", local("2024-03-01").date(), {"reworked": n, "handle_on": 10}) for n in (3, 2))
    assert change(FIGURES["rework_rate"], now, before).look == "poor"
    assert change(FIGURES["rework_rate"], before, now).shown == "-10.0"
    assert change(FIGURES["satisfaction"], now, before) is None
    assert change(FIGURES["handled"], now, before).shown == "+0.0%"


def test_charts_lie_within_their_frame():
    first = local("2024-03-01").date()
    rows = [Row("", first, {"reported": 17, "close_on": 9, "close_late": 1})]
    months = [first - timedelta(days=29), first]
    made = trend(
        rows, [day.replace(day=1) for day in months], counts=("reported", "closed"), rate="close_on_time_rate"
    )
    assert [(one.value, one.look) for one in made.columns] == [
        (0, "reported"),
        (0, "closed"),
        (17, "reported"),
        (10, "closed"),
    ]
    assert all(0 <= one.y <= 230 and one.y + one.height <= 205 for one in made.columns)
    assert [point.shown for point in made.points] == ["90.0"]
    assert [bar.length for bar in ranking(rows, "reported")] == [100.0]
