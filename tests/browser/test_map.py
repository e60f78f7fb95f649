"""The map looks right, moves, and can be used by keyboard, in both languages, themes and on every size."""

import pytest
from shapely import union_all

from tests.city import cell_code, outline

SIZES = [(390, 844, True), (1366, 768, False), (1920, 1080, False)]
CARD = f"/map#map=16.5/41.1028/122.9912&sel=cell:{cell_code(0, 0)}"
SMALL = """least => {
    const kinds = 'a, button, input:not([type=hidden]), select, summary, label:has(input)';
    const inText = '.unseen, .skip, dd, p, h2, .maplibregl-canvas-container';
    return [...document.querySelectorAll(kinds)]
        .filter(e => e.checkVisibility() && !e.closest(inText) && !(e.matches('input') && e.closest('label')))
        .map(e => [e.outerHTML.slice(0, 90), e.getBoundingClientRect()])
        .filter(([, box]) => box.width && box.height && Math.min(box.width, box.height) < least - 0.5)
        .map(([html, box]) => [html, box.width, box.height]);
}"""


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize(("width", "height", "phone"), SIZES)
@pytest.mark.parametrize("lang", ["zh", "en"])
def test_the_map_is_drawn_and_accessible(visit, width, height, phone, lang, dark):
    window = visit(width, height, phone=phone, dark=dark, lang=lang)
    page = window.sign_in("dispatcher", CARD)
    window.idle()
    page.wait_for_selector("#panel-title")
    assert window.colours() > 8
    assert page.evaluate("document.scrollingElement.scrollWidth <= innerWidth")
    assert page.get_attribute("html", "lang") == ("zh-CN" if lang == "zh" else "en")
    assert page.evaluate(SMALL, 44 if phone else 24) == []
    assert window.complaints == []
    assert window.violations() == []
    if phone:
        page.click("#panel .panel-head .square")
        page.click("#layers-toggle")
        assert page.evaluate(SMALL, 44) == []
        assert window.violations() == []
    window.complaints.clear()  # axe writes styles, which the policy refuses


def test_the_layer_panel_of_a_desk_is_closed_and_opened_by_mouse(visit):
    window = visit()
    page = window.sign_in("dispatcher")
    window.idle()
    page.click("#layers-close")
    assert not page.is_visible("#layers")
    page.click("#layers-toggle")
    assert page.is_visible("#layers")
    assert not page.is_visible("#layers-toggle")


def test_nothing_chinese_is_left_in_english(visit):
    window = visit(lang="en")
    page = window.sign_in("dispatcher", CARD)
    window.idle()
    page.wait_for_selector("#panel-title")
    page.click("#panel .button.primary")
    page.wait_for_selector("#report")
    shown = page.evaluate("document.body.innerText")
    names = {
        "铁",
        "东",
        "区",
        "解",
        "放",
        "街",
        "道",
        "社",
        "山",
        "南",
        "胜",
        "利",
        "鞍",
        "市",
        "经",
        "纬",
        "网",
        "格",
        "员",
        "中",
        "文",
        "设",
        "施",
    }
    assert {c for c in shown if "\u4e00" <= c <= "\u9fff"} <= names


def test_a_link_shows_the_same_again(visit):
    window = visit()
    page = window.sign_in("dispatcher")
    window.idle()
    page.uncheck("input[value=facilities]")
    page.check("input[value=none]", force=True)
    page.mouse.click(700, 400)
    page.wait_for_selector("#panel-title")
    page.wait_for_selector(".facts")
    title, link = page.inner_text("#panel-title"), page.evaluate("location.href")
    page.goto(f"{window.address}/sign-in")
    page.goto(link)
    window.idle()
    page.wait_for_selector(".facts")
    assert page.inner_text("#panel-title") == title
    assert not page.is_checked("input[value=facilities]")
    assert page.is_checked("input[value=none]")


def test_back_goes_to_the_card_before(visit):
    window = visit()
    page = window.sign_in("dispatcher", CARD)
    window.idle()
    page.wait_for_selector(".facts")
    page.click(".facts a:text('解放街道')")
    page.wait_for_selector("#panel-title:text('解放街道')")
    page.go_back()
    page.wait_for_selector("#panel-title:text('解放社区 001')")
    page.keyboard.press("Escape")
    assert page.is_hidden("#panel")


def test_the_switch_of_the_theme_repaints_the_map(visit):
    window = visit()
    page = window.sign_in("dispatcher")
    window.idle()
    light = window.middle().resize((1, 1)).getpixel((0, 0))
    page.click("header [data-theme-switch]")
    page.wait_for_timeout(1500)
    dark = window.middle().resize((1, 1)).getpixel((0, 0))
    assert sum(light) > 600
    assert sum(dark) < 300
    page.reload()
    assert page.get_attribute("html", "data-theme") == "dark"


def test_a_browser_without_webgl_is_shown_the_printable_map(visit):
    window = visit()
    window.context.add_init_script(
        "const real = HTMLCanvasElement.prototype.getContext;"
        "HTMLCanvasElement.prototype.getContext = function (kind, ...rest) {"
        " return kind.startsWith('webgl') ? null : real.call(this, kind, ...rest); };"
    )
    page = window.sign_in("dispatcher")
    page.wait_for_selector(".for-no-webgl", state="visible")
    assert page.get_attribute(".for-no-webgl a", "href") == "/map/print"


def test_the_keys_are_listed_and_can_be_turned_off(visit):
    window = visit()
    page = window.sign_in("dispatcher")
    window.idle()
    page.keyboard.press("?")
    page.wait_for_selector("#help[open]")
    page.uncheck("#keys-on")
    page.keyboard.press("Escape")
    page.keyboard.press("/")
    assert page.evaluate("document.activeElement.id") != "search-input"


def test_search_is_a_combobox_by_keyboard(visit):
    window = visit()
    page = window.sign_in("dispatcher")
    window.idle()
    page.keyboard.press("/")
    page.keyboard.type("解放")
    page.wait_for_selector("#search-results [role=option]")
    assert page.get_attribute("#search-input", "aria-expanded") == "true"
    page.keyboard.press("ArrowDown")
    assert page.get_attribute("#search-input", "aria-activedescendant") == "search-option-1"
    page.keyboard.press("Enter")
    page.wait_for_selector("#panel-title:text('解放社区')")


def test_what_found_nothing_does_not_cover_the_button_of_the_layers(visit):
    window = visit(390, 844, phone=True)
    page = window.sign_in("worker")
    window.idle()
    page.fill("#search-input", "qqqq")
    page.wait_for_selector(".results .none:visible")
    box, button = (page.locator(one).bounding_box() for one in (".results", "#layers-toggle"))
    assert box["x"] >= button["x"] + button["width"] or box["y"] >= button["y"] + button["height"]
    page.click("#layers-toggle")
    assert page.is_visible("#layers")


def test_a_workers_map_begins_at_their_own_cells(visit):
    window = visit()
    page = window.sign_in("worker")
    window.idle()
    page.click("#zoom-in")  # the address says the view once it has moved
    page.wait_for_function("location.hash.includes('map=')")
    zoom, lat, lon = map(float, page.evaluate("location.hash").split("map=")[1].split("&")[0].split("/"))
    west, south, east, north = union_all([outline(x, y) for x in (0, 1) for y in range(4)]).bounds
    assert west - 0.002 < lon < east
    assert south < lat < north
    assert zoom > 16
    page.click("#whole-city")
    window.idle()
    page.wait_for_function(f"!location.hash.includes('map={zoom:.2f}/')")
    wide = float(page.evaluate("location.hash").split("map=")[1].split("/")[0])
    assert wide < zoom


def test_a_card_names_a_facility_once_and_layers_are_many(visit):
    window = visit(lang="en")
    page = window.sign_in("dispatcher", "/map#sel=facility:2103020101000001")
    window.idle()
    page.wait_for_selector(".facts")
    assert page.inner_text("#panel .kind") == "water cover"
    assert page.inner_text("#panel-title") == "设施01"
    shown = page.locator(".switches .words").all_inner_texts()
    assert shown[2:5] == ["Grid workers", "Facilities", "Cells"]


def test_an_expired_sign_in_is_said_in_words(visit):
    window = visit()
    page = window.sign_in("dispatcher", CARD)
    window.idle()
    page.wait_for_selector(".facts")
    window.context.clear_cookies(name="jingwei_session")
    page.wait_for_timeout(3200)
    page.click(".facts a:text('解放街道')")
    page.wait_for_selector("#panel .message.danger")
    assert "登录已过期" in page.inner_text("#panel")
    window.complaints.clear()  # the browser itself writes 401s there


def test_cells_are_coloured_by_their_cases(visit):
    window = visit()
    page = window.sign_in("dispatcher", "/map#map=15.5/41.1028/122.9912&fill=cases")
    window.idle()
    page.wait_for_selector(".legend .ramp")
    assert page.is_checked("input[value=cases][name=fill]")
    page.check("input[value=none]", force=True)
    assert page.locator(".legend .ramp").count() == 0
    page.check("input[value=cases][name=fill]", force=True)
    assert "fill=cases" in page.evaluate("location.hash")
