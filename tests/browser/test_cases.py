"""The list of cases and a case are read on a desk and on a phone, without script too."""

import pytest

from tests.browser.test_map import SMALL


@pytest.fixture
def case(visit):
    """A case that the dispatcher filed, by its address."""
    window = visit()
    page = window.sign_in("dispatcher")
    body = """async () => {
        const id = crypto.randomUUID();
        const token = document.querySelector("meta[name=csrf-token]").content;
        const headers = {"Content-Type": "application/json", "X-CSRF-Token": token};
        const report = {type: "E0110", lon: 122.9905, lat: 41.1035, text: "路口有一堆垃圾", accuracy_m: 8};
        const body = JSON.stringify(report);
        const answer = await fetch(`/api/v1/reports/${id}`, {method: "PUT", headers, body});
        return (await answer.json()).id;
    }"""
    return f"/cases/{page.evaluate(body)}"


@pytest.mark.parametrize(("width", "height", "phone"), [(390, 844, True), (1366, 768, False)])
@pytest.mark.parametrize(("lang", "dark"), [("zh", False), ("en", True)])
def test_the_list_and_a_case_are_accessible(visit, case, width, height, phone, lang, dark):
    window = visit(width, height, phone=phone, lang=lang, dark=dark)
    page = window.sign_in("dispatcher")
    for path in ("/cases", "/cases?status=merged", "/cases?area=1", case):
        page.goto(window.address + path)
        assert page.evaluate("document.scrollingElement.scrollWidth <= innerWidth"), path
        assert page.evaluate(SMALL, 44 if phone else 24) == [], path
        assert [line for line in window.complaints if "422" not in line] == []
        assert window.violations() == [], path
        window.complaints.clear()  # axe writes styles, which the policy refuses


def test_from_the_list_to_a_case_to_the_map_and_back(visit, case):
    window = visit()
    page = window.sign_in("dispatcher")
    page.click("nav a:text('案件')")
    page.click(f"a[href='{case}']")
    assert "路口有一堆垃圾" in page.inner_text("main")
    page.click("main a:text('在地图上看')")
    window.idle()
    page.wait_for_selector("#panel :text('路口有一堆垃圾')")
    page.click("#panel a:text('案件全文')")
    page.wait_for_url(f"**{case}")


def test_filters_work_without_script(visit, case, chromium):
    window = visit()
    page = window.sign_in("dispatcher")
    context = chromium.new_context(java_script_enabled=False, storage_state=window.context.storage_state())
    page = context.new_page()
    page.goto(f"{window.address}/cases")
    page.select_option("#f-type", "E0110")
    page.click(".filters button")
    assert "type=E0110" in page.url
    assert page.locator(f"a[href='{case}']").count() == 1
    page.select_option("#f-type", "F0137")
    page.click(".filters button")
    assert page.locator(f"a[href='{case}']").count() == 0
    context.close()
