"""Each role finds what waits for it, and leads a case on: with script, without, and by keyboard."""

import pytest

from tests.browser.test_map import SMALL
from tests.pictures import picture

REPORT = """async ([type, lon, lat, text]) => {
    const id = crypto.randomUUID();
    const token = document.querySelector("meta[name=csrf-token]").content;
    const headers = {"Content-Type": "application/json", "X-CSRF-Token": token};
    const body = JSON.stringify({type, lon, lat, text});
    return (await fetch(`/api/v1/reports/${id}`, {method: "PUT", headers, body})).json();
}"""
TAKE = """async ([id, step, said]) => {
    const token = document.querySelector("meta[name=csrf-token]").content;
    const headers = {"Content-Type": "application/json", "X-CSRF-Token": token};
    const path = `/api/v1/cases/${id}/steps/${crypto.randomUUID()}`;
    return (await fetch(path, {method: "PUT", headers, body: JSON.stringify({step, ...said})})).status;
}"""
READY = "html[data-ready]"


def photo(number):
    return {"name": "a.jpg", "mimeType": "image/jpeg", "buffer": picture(number, size=(320, 240))}


@pytest.fixture
def reported(visit):
    """Report matters as the citizen, each at a place of its own, and return their cases."""
    page = visit().sign_in("citizen", "/cases")
    made = []

    def make(text="灯不亮", *, row=0):
        made.append(
            page.evaluate(REPORT, ["F0137", 122.9905 + len(made) * 0.0008, 41.1035 - row * 0.001, text])
        )
        return made[-1]

    return make


def act(window, username, case, step, fill=None, shot=0, pick=None):
    """Open the case from the inbox of a role, and take a step by its form."""
    page = window.sign_in(username, "/inbox")
    page.click(f".c-what a[href='/cases/{case['id']}']")
    page.wait_for_url(f"**/cases/{case['id']}")
    page.wait_for_selector(READY, state="attached")
    form = page.locator(f"#act-{step}")
    if form.get_attribute("open") is None:
        form.locator("summary").first.click()
    for name, words in (fill or {}).items():
        form.locator(f"[name={name}]").fill(words)
    for name, value in (pick or {}).items():
        form.locator(f"[name={name}][value={value}]").check()
    if shot:
        form.locator("input[type=file]").last.set_input_files([photo(shot)])
        form.locator(".thumb.sent").wait_for()
    form.locator("button[type=submit]").click()
    page.wait_for_url(lambda url: f"done={step}" in url)
    return page


def test_a_case_goes_through_the_whole_loop_by_its_roles(visit, reported):
    case = reported("路口的灯不亮")
    window = visit()
    way = [
        ("operator", "accept", {}),
        ("shift_leader", "file", {}),
        ("dispatcher", "dispatch", {}),
        ("handler", "sign", {}),
        ("handler", "feedback", {"fill": {"measures": "换灯泡", "result": "灯亮了"}, "shot": 9}),
        ("dispatcher", "check", {}),
        ("worker", "checked", {"shot": 99}),
        ("shift_leader", "call_back", {}),
        ("operator", "satisfied", {"pick": {"score": "fair"}}),
    ]
    for username, step, said in way:
        page = act(window, username, case, step, **said)
        if step != "satisfied":
            page.goto("about:blank")  # no tile is on its way when one signs out
            window.context.clear_cookies(name="jingwei_session")
    text = page.inner_text("main")
    for words in ("已结案", "基本满意", "换灯泡", "灯亮了", "处置后", "按时结案"):
        assert words in text
    assert page.locator(".photo-sides img").count() == 2
    assert page.locator(".timeline > li").count() == 1 + len(way)


def test_the_inbox_is_worked_by_keyboard(visit, reported):
    first, second = reported("第一件"), reported("第二件", row=1)
    window = visit()
    page = window.sign_in("operator", "/inbox?text=第")
    page.wait_for_selector(READY, state="attached")
    page.keyboard.press("?")
    assert "选中或取消" in page.inner_text("#help")
    page.keyboard.press("Escape")
    rows = page.locator("#inbox tbody tr")
    assert rows.count() == 2
    page.keyboard.press("j")
    page.keyboard.press("x")
    page.keyboard.press("j")
    page.keyboard.press("x")
    page.keyboard.press("k")
    assert "is-here" in rows.first.get_attribute("class")
    assert page.inner_text("#bulk-count") == "选中 2 件"
    assert page.locator("#bulk-acts button:visible").all_inner_texts() == ["受理", "并成一件"]
    # somebody is quicker with the second: that one is told, the other is done
    assert page.evaluate(TAKE, [second["id"], "note", {"note": "看过"}]) == 200
    page.click("#bulk [data-act=accept]")
    page.wait_for_selector(".result.ok")
    page.wait_for_selector(".result.danger")
    assert "别人刚办过" in page.locator(f"tr[data-id='{second['id']}'] .result").inner_text()
    assert "办成 1 件" in page.inner_text("#bulk")
    page.keyboard.press("Enter")
    page.wait_for_url("**/cases/*-*")
    assert any(one["id"] in page.url for one in (first, second))
    window.complaints.clear()  # the 409 is one of the browser's complaints


def test_cases_are_dispatched_many_at_once(visit, reported):
    cases = [reported(f"批量{n}", row=n % 3) for n in range(3)]
    window = visit()
    page = window.sign_in("operator", "/inbox?text=批量")
    page.wait_for_selector(READY, state="attached")
    page.check("#pick-all")
    page.click("#bulk [data-act=accept]")
    page.wait_for_selector("#bulk-count:text('办成 3 件')")
    window.context.clear_cookies(name="jingwei_session")
    page = window.sign_in("shift_leader", "/inbox?text=批量")
    page.wait_for_selector(READY, state="attached")
    page.keyboard.press("a")
    page.click("#bulk [data-act=file]")
    page.wait_for_selector("#bulk-count:text('办成 3 件')")
    window.context.clear_cookies(name="jingwei_session")
    page = window.sign_in("dispatcher", "/inbox?text=批量")
    page.wait_for_selector(READY, state="attached")
    page.keyboard.press("a")
    page.click("#bulk [data-act=dispatch]")
    page.select_option("#bulk-unit", "L")
    page.click("#bulk-form button[type=submit]")
    page.wait_for_selector("#bulk-count:text('办成 3 件')")
    page.goto(f"{window.address}/cases/{cases[0]['id']}")
    assert "市政" in page.inner_text("main")
    window.complaints.clear()


def test_the_second_of_two_people_keeps_what_they_typed(visit, reported):
    case = reported("两个人同时办")
    window = visit()
    page = window.sign_in("operator", f"/cases/{case['id']}")
    page.wait_for_selector(READY, state="attached")
    page.click("#act-ask_void summary")
    page.fill("#ask_void-reason", "不属实，现场没有")
    assert page.evaluate(TAKE, [case["id"], "note", {"note": "我看过了"}]) == 200
    page.click("#act-ask_void button[type=submit]")
    page.wait_for_selector("#act-ask_void .message.danger")
    told = page.inner_text("#act-ask_void .message.danger")
    assert "别人已办了这一件" in told
    assert "备注" in told
    assert page.input_value("#ask_void-reason") == "不属实，现场没有"
    page.click("#act-ask_void button[type=submit]")
    page.wait_for_url(lambda url: "done=ask_void" in url)
    window.complaints.clear()


def test_a_step_is_taken_without_script(visit, reported, chromium):
    case = reported("没有脚本")
    window = visit()
    window.sign_in("operator", "/inbox")
    context = chromium.new_context(java_script_enabled=False, storage_state=window.context.storage_state())
    page = context.new_page()
    page.goto(f"{window.address}/inbox")
    page.click(f"a[href='/cases/{case['id']}']")
    page.click("#act-accept button[type=submit]")
    assert "done=accept" in page.url
    assert "已办：受理" in page.inner_text("main")
    assert page.is_visible(".small-map-link")
    context.close()


def test_a_report_joins_what_is_known(visit, reported):
    case = reported("已经报过的灯", row=2)
    window = visit()
    page = window.sign_in("handler", f"/map#map=17/{case['lat']}/{case['lon']}")
    window.idle()
    place = page.evaluate(
        "([lon, lat]) => `${lon.toFixed(5)}, ${lat.toFixed(5)}`", [case["lon"], case["lat"]]
    )
    page.keyboard.press("/")
    page.keyboard.type(place)
    page.wait_for_selector("#search-results [role=option]")
    page.keyboard.press("Enter")
    page.wait_for_selector("#report")
    page.click("#report-type")
    page.fill("#report-type", "路灯")
    page.wait_for_selector("#type-list [role=option]")
    page.keyboard.press("Enter")
    page.wait_for_selector(".known:visible")
    assert "这里有人报过了" in page.inner_text(".known")
    assert "已经报过的灯" not in page.inner_text(".known"), "another's words are not for a handler"
    page.click(".known .button >> nth=0")
    page.wait_for_selector("#filed-no")
    assert "已并入在办的那一件" in page.inner_text("#panel")


def test_an_appeal_is_taken_by_keyboard_alone(visit):
    window = visit()
    page = window.sign_in("operator", "/appeals/new")
    page.wait_for_selector(READY, state="attached")
    assert page.evaluate("document.activeElement.id") == "a-phone"
    page.keyboard.type("13711112222")
    page.keyboard.press("Tab")
    page.keyboard.type("钱小满")
    for _ in range(3):
        page.keyboard.press("Tab")  # source, tell, nature
    page.keyboard.press("ArrowRight")  # help -> complaint
    page.keyboard.press("Tab")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Tab")
    page.keyboard.type("楼下烧烤摊占道, 油烟很大")
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    page.keyboard.type("胜利小区")
    page.keyboard.press("Enter")
    page.wait_for_selector("#places input[name=area]")
    page.focus("form.new-appeal > .appeal-side > button[type=submit]")
    page.keyboard.press("Enter")
    page.wait_for_url(lambda url: "done=report" in url)
    text = page.inner_text("main")
    for words in ("楼下烧烤摊占道", "钱**", "137****2222", "投诉", "胜利社区"):
        assert words in text


@pytest.mark.parametrize(("width", "height", "phone"), [(390, 844, True), (1366, 768, False)])
@pytest.mark.parametrize(("lang", "dark"), [("zh", False), ("en", True)])
def test_inbox_case_and_new_appeal_are_accessible(visit, reported, width, height, phone, lang, dark):
    case = reported("路口的灯不亮了")
    window = visit(width, height, phone=phone, lang=lang, dark=dark)
    page = window.sign_in("operator", "/inbox")
    for path in (
        "/inbox",
        "/inbox?kind=appeal&stage=callback",
        "/inbox?stage=lost",
        f"/cases/{case['id']}",
        "/appeals/new",
    ):
        page.goto(window.address + path)
        if page.locator("#small-map").count():
            page.wait_for_selector("#small-map[data-idle]")
        for details in page.locator("details:not([open]) > summary").all():
            if details.is_visible():
                details.click()
        page.evaluate(
            "scrollTo(0, 0)"
        )  # at the foot of a long page axe found a link too small; perhaps the sticky header
        assert page.evaluate("document.scrollingElement.scrollWidth <= innerWidth"), path
        assert page.evaluate(SMALL, 44 if phone else 24) == [], path
        assert [line for line in window.complaints if "422" not in line] == []
        assert window.violations() == [], path
        window.complaints.clear()  # axe writes styles, which the policy refuses
