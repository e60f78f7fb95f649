"""Somebody signs in, finds a manhole, and reports it with the pin."""

import json

import pytest
import sqlalchemy as sa

from app.db import make_engine
from tests.city import cell_code

COVER = "2103020101000001"


@pytest.fixture
def cases(city):
    """Count the cases, in the database itself."""
    engine = make_engine(city)

    def count() -> int:
        with engine.connect() as connection:
            return connection.execute(sa.text("SELECT count(*) FROM cases")).scalar_one()

    yield count
    engine.dispose()


def fill(page, typed="jgqs"):
    page.wait_for_selector("#report")
    page.click("#report-type")
    page.fill("#report-type", typed)
    page.wait_for_selector("#type-list [role=option]")
    page.keyboard.press("Enter")


def test_a_manhole_is_found_by_its_code_and_its_report_reaches_a_worker(visit, cases):
    window = visit()
    page = window.sign_in("dispatcher")
    window.idle()
    before = cases()
    page.keyboard.press("/")
    page.keyboard.type(COVER)
    page.wait_for_selector("#search-results [role=option]")
    page.keyboard.press("Enter")
    page.wait_for_selector("#panel-title")
    page.wait_for_selector(f"#panel :text('{COVER}')")
    page.click("#panel .button.primary")
    page.wait_for_selector(f".where :text('{cell_code(0, 0)}')")
    assert "网格员1" in page.inner_text(".where")
    assert page.input_value("#report-type") == "上水井盖", "the only fault of that facility is chosen already"
    page.focus(".pin")
    page.keyboard.press("Shift+ArrowUp")
    page.wait_for_timeout(400)
    page.fill("#report-text", "井盖缺角")
    page.click("#panel button[type=submit]")
    page.wait_for_selector("#filed-no")
    assert page.inner_text("#filed-cell") == cell_code(0, 0)
    assert page.inner_text("#filed-worker") == "网格员1"
    assert len(page.inner_text("#filed-no")) == 19
    assert cases() == before + 1
    page.click(".panel-foot a")
    page.wait_for_selector(".timeline")
    assert "井盖缺角" in page.inner_text("#panel")


def test_a_lost_answer_is_asked_again_under_the_same_id(visit, cases):
    window = visit()
    page = window.sign_in("dispatcher", "/map#map=17/41.1025/122.9915")
    window.idle()
    before, sent = cases(), []

    def lose_the_first(route):
        sent.append((route.request.url, json.loads(route.request.post_data)))
        if len(sent) == 1:
            route.fetch()  # it arrives, but the answer does not come back
            route.abort()
        else:
            route.continue_()

    window.context.route("**/api/v1/reports/*", lose_the_first)
    page.click("#report-start")
    fill(page, "refuse")
    page.click("#panel button[type=submit]")
    page.wait_for_selector(".outcome .message")
    assert "没有连上服务器" in page.inner_text(".outcome")
    page.click("#panel button[type=submit]")
    page.wait_for_selector("#filed-no")
    assert sent[0] == sent[1]
    assert cases() == before + 1
    window.complaints[:] = [line for line in window.complaints if "ERR_FAILED" not in line]


def test_a_report_without_a_type_says_so_and_sends_nothing(visit, cases):
    window = visit()
    page = window.sign_in("dispatcher", "/map#map=17/41.1025/122.9915")
    window.idle()
    before = cases()
    page.click("#report-start")
    page.wait_for_selector("#report")
    page.click("#panel button[type=submit]")
    assert page.inner_text("#type-fault") == "请选择类型。"
    assert page.evaluate("document.activeElement.id") == "report-type"
    assert cases() == before


def test_outside_the_grid_a_duty_desk_is_named_before_sending(visit):
    window = visit()
    page = window.sign_in("dispatcher", "/map#map=17/41.1050/122.9915")
    window.idle()
    page.click("#report-start")
    page.wait_for_selector(".where .message.warn")
    assert "网格之外" in page.inner_text(".where")
    assert "值班台" in page.inner_text(".where")


def test_a_citizen_reports_on_a_phone(visit, cases):
    window = visit(390, 844, phone=True)
    page = window.sign_in("citizen", "/map#map=17/41.1025/122.9915")
    window.idle()
    before = cases()
    page.tap("#report-start")
    fill(page, "暴露")
    page.tap("#panel button[type=submit]")
    page.wait_for_selector("#filed-no")
    assert cases() == before + 1
