"""The calendar on a desk and on a phone: changed by one, confirmed by another, with the keyboard too."""

import pytest

from tests.browser.test_map import SMALL


@pytest.mark.parametrize(("width", "height", "phone"), [(390, 844, True), (1366, 768, False)])
@pytest.mark.parametrize(("lang", "dark"), [("zh", False), ("en", True)])
def test_the_calendar_is_accessible(visit, width, height, phone, lang, dark):
    window = visit(width, height, phone=phone, lang=lang, dark=dark)
    page = window.sign_in("admin")
    for path in ("/calendar?year=2026", "/calendar?year=2031"):
        page.goto(window.address + path)
        assert page.evaluate("document.scrollingElement.scrollWidth <= innerWidth"), path
        assert page.evaluate(SMALL, 44 if phone else 24) == [], path
        assert window.complaints == []
        assert window.violations() == [], path
        window.complaints.clear()  # axe writes styles, which the policy refuses


def test_one_changes_days_by_mouse_and_keyboard_and_another_confirms(visit):
    page = visit().sign_in("planner")
    page.goto(page.url.split("/", 3)[0] + "//" + page.url.split("/", 3)[2] + "/calendar?year=2030")
    page.fill("#draft-name", "厂休")
    page.click("[data-day='2030-03-05']")
    page.focus("[data-day='2030-03-08']")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    assert page.inner_text("#draft-list").splitlines() == ["2030-03-05 放假 厂休", "2030-03-09 调休上班 厂休"]
    page.click("#draft-send")
    page.wait_for_selector("[data-progress=proposed]")
    assert page.locator("[data-decide=true]").count() == 0

    window = visit()
    page = window.sign_in("admin")
    page.goto(window.address + "/calendar?year=2030")
    page.click("[data-decide=true]")
    page.wait_for_selector("[data-progress=waiting]")
    assert page.get_attribute("[data-day='2030-03-05']", "data-kind") == "holiday"
    assert page.get_attribute("[data-day='2030-03-09']", "data-kind") == "shifted"
