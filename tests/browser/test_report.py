"""Somebody signs in, finds a manhole, and reports it with the pin."""

import io
import json

import pytest
import sqlalchemy as sa
from PIL import Image

from app.db import make_engine
from tests.city import cell_code
from tests.pictures import CAMERA, picture, telling

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


def photos_of(city, number):
    """Return the kept files of a case's photos."""
    engine = make_engine(city)
    statement = "SELECT p.sha256 FROM case_photos p JOIN cases c ON c.id = p.case_id WHERE c.no = :no"
    with engine.connect() as connection:
        names = connection.execute(sa.text(statement), {"no": number}).scalars().all()
    engine.dispose()
    return [path.read_bytes() for name in names for path in (city.var / "photos").rglob(f"{name}*")]


def test_photos_are_made_smaller_and_go_with_the_report(visit, city):
    window = visit()
    page = window.sign_in("dispatcher", "/map#map=17/41.1025/122.9915")
    window.idle()
    page.click("#report-start")
    fill(page, "refuse")
    large = telling(1)
    files = [("a.jpg", large), ("b.png", picture(2, kind="PNG", size=(4000, 1000)))]
    page.set_input_files(
        "#photo-choose",
        [{"name": name, "mimeType": "image/jpeg", "buffer": data} for name, data in files],
    )
    page.wait_for_selector("#photos-status:text('照片已发送')")
    assert page.locator(".thumb img").count() == 2
    page.set_input_files("#photo-choose", [{"name": "a.jpg", "mimeType": "image/jpeg", "buffer": large}])
    page.wait_for_selector("#photos-status:text('已经加上')")
    page.set_input_files(
        "#photo-choose", [{"name": "x.jpg", "mimeType": "image/jpeg", "buffer": b"no picture"}]
    )
    page.wait_for_selector("#photos-status:text('不是浏览器能读的照片')")
    page.click("#panel button[type=submit]")
    page.wait_for_selector(".outcome .message.danger")
    assert window.violations() == []
    window.complaints.clear()  # axe writes styles, which the policy refuses
    page.click(".thumb.failed .drop-photo")
    page.click("#panel button[type=submit]")
    page.wait_for_selector("#filed-no")
    kept = photos_of(city, page.inner_text("#filed-no"))
    assert len(kept) == 2
    assert max(max(Image.open(io.BytesIO(data)).size) for data in kept) == 1600
    assert not any(CAMERA.encode() in data or b"Exif" in data for data in kept), (
        "position and device stay behind"
    )
    page.click(".panel-foot a")
    page.wait_for_selector(".photos img >> nth=1")
    page.locator(".photos img >> nth=1").scroll_into_view_if_needed()
    for _ in range(50):
        if page.evaluate("[...document.querySelectorAll('.photos img')].every(i => i.naturalWidth > 0)"):
            break
        page.wait_for_timeout(100)
    assert page.evaluate("[...document.querySelectorAll('.photos img')].every(i => i.naturalWidth > 0)")


def test_a_photo_that_did_not_arrive_is_sent_again(visit, city):
    window = visit(390, 844, phone=True)
    page = window.sign_in("dispatcher", "/map#map=17/41.1025/122.9915")
    window.idle()
    tries = []

    def lose_the_first(route):
        tries.append(route.request.url)
        route.abort() if len(tries) == 1 else route.continue_()

    window.context.route("**/api/v1/photos/*", lose_the_first)
    page.tap("#report-start")
    fill(page, "refuse")
    assert page.get_attribute("#photo-take", "capture") == "environment"
    page.set_input_files("#photo-take", {"name": "a.jpg", "mimeType": "image/jpeg", "buffer": picture(7)})
    page.wait_for_selector(".thumb.failed .again")
    assert "没有连上服务器" in page.inner_text("#photos-status")
    page.tap("#panel button[type=submit]")
    page.wait_for_selector("#filed-no")
    assert tries[0] == tries[1]
    assert len(photos_of(city, page.inner_text("#filed-no"))) == 1
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
