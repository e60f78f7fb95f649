"""Figures are read on a desk and on a phone; each leads to its cases; the bulletin holds its map."""

from datetime import UTC, datetime

import pytest
import sqlalchemy as sa

from app.db import make_engine
from app.reports import actions
from app.transaction import Tx
from tests.app.reports import histories
from tests.app.reports.histories import DAY, HOUR, Told, local, straight
from tests.browser.test_map import SMALL

MARCH = "from=2024-03-01&to=2024-03-31"


@pytest.fixture(scope="module")
def march(city):
    """Cases of March, with their figures; gone afterwards, since other tests count cases."""
    start = local("2024-03-12")
    cases = [Told(straight(start, handled=start + n * HOUR), start + 5 * HOUR) for n in range(1, 9)]
    cases.append(Told(straight(start), start + DAY))
    engine = make_engine(city)
    with engine.begin() as connection:
        histories.write(Tx(connection), *cases)
        actions.refresh(Tx(connection), at=datetime.now(UTC))
    yield cases
    with engine.begin() as connection:
        connection.execute(sa.text("TRUNCATE case_facts, figure_days, figure_state"))
        for table, column in (("case_steps", "case_id"), ("cases", "id")):
            statement = sa.text(f"DELETE FROM {table} WHERE {column} = ANY (:ids)")
            connection.execute(statement, {"ids": [case.id for case in cases]})
    engine.dispose()


@pytest.mark.parametrize(("width", "height", "phone"), [(390, 844, True), (1366, 768, False)])
@pytest.mark.parametrize(("lang", "dark"), [("zh", False), ("en", True)])
def test_the_pages_of_figures_are_accessible(visit, march, width, height, phone, lang, dark):
    window = visit(width, height, phone=phone, lang=lang, dark=dark)
    page = window.sign_in("admin")
    for path in (
        f"/reports?{MARCH}&by=town",
        f"/reports?{MARCH}&by=month&all=1",
        f"/reports/cases?{MARCH}&by=total&figure=handle_rate&part=under",
        f"/reports/appraisal?{MARCH}",
        "/reports/published",
        "/reports/weights",
        "/reports/objections",
        "/reports/definitions",
    ):
        page.goto(window.address + path)
        assert page.evaluate("document.scrollingElement.scrollWidth <= innerWidth"), path
        assert page.evaluate(SMALL, 44 if phone else 24) == [], path
        assert window.complaints == [], path
        assert window.violations() == [], path
        window.complaints.clear()  # axe writes styles, which the policy refuses


def test_from_a_figure_to_its_cases_to_a_case(visit, march):
    window = visit()
    page = window.sign_in("admin", f"/reports?{MARCH}&by=town&figure=handle_on_time_rate")
    page.click(".figure-table a.poor")
    assert "共 5 件" in page.inner_text("main")
    page.click("a.chip:text('分母')")
    assert "共 9 件" in page.inner_text("main")
    page.click(".figure-table a.code >> nth=0")
    page.wait_for_url("**/cases/*")


def test_the_bulletin_shows_its_map_and_prints(visit, march, tmp_path):
    window = visit()
    page = window.sign_in("admin", f"/reports/bulletin?{MARCH}")
    page.wait_for_selector("path.town")
    assert page.locator("path.town.poor").count() >= 1
    assert page.locator("path.town.none").count() >= 1
    assert page.evaluate("document.scrollingElement.scrollWidth <= innerWidth")
    assert window.complaints == []
    assert len(page.pdf(prefer_css_page_size=True)) > 20_000
    assert window.violations() == []
    window.complaints.clear()
