"""The printed map opens from a file, without any network, and fits its paper."""

import io
from datetime import UTC, datetime

import pytest
import sqlalchemy as sa
from PIL import Image

from app.db import make_engine
from app.maps.publish import publish
from app.transaction import Tx

NASTY = "</script><img src=x onerror=alert(1)>"


@pytest.fixture
def saved(visit, tmp_path):
    """Save the printed map as a signed-in person would, and return the file."""

    def save(query="", *, lang="zh", username="dispatcher"):
        window = visit(lang=lang)
        window.sign_in(username)
        answer = window.context.request.get(f"{window.address}/map/print?download=1{query}")
        assert answer.status == 200
        file = tmp_path / "map.html"
        file.write_bytes(answer.body())
        return file

    return save


@pytest.fixture
def offline(chromium):
    """A browser window without network that keeps what it complains of and asks for."""
    context = chromium.new_context(viewport={"width": 1366, "height": 860}, offline=True)
    page = context.new_page()
    said, asked = [], []
    page.on("console", lambda m: said.append(m.text))
    page.on("pageerror", lambda e: said.append(str(e)))
    page.on("dialog", lambda d: (said.append(d.message), d.dismiss()))
    page.on("request", lambda r: asked.append(r.url))
    yield page
    context.close()
    assert said == []
    assert [url for url in asked if not url.startswith(("file:", "data:"))] == []


def opened(page, file):
    page.goto(file.as_uri())
    page.wait_for_selector("html[data-map-idle]", state="attached")
    return page


def colours(page):
    picture = Image.open(io.BytesIO(page.locator(".field").screenshot())).convert("RGB")
    return len(picture.quantize(64).getcolors())


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_a_saved_map_opens_from_a_file_with_the_network_closed(saved, offline, lang):
    page = opened(offline, saved(lang=lang))
    assert colours(page) > 8
    assert page.locator(".name:not(.away)").count() > 3
    assert page.inner_text(".ruler b").startswith("1 : ")
    assert page.locator(".bar a:visible").count() == 0


def test_names_do_not_touch_each_other_nor_leave_the_map(saved, offline):
    page = opened(offline, saved("&bbox=122.99,41.1,122.996,41.104"))
    boxes = page.evaluate(
        "[...document.querySelectorAll('.name:not(.away)')].map(e => e.getBoundingClientRect().toJSON())"
    )
    field = page.locator(".field").bounding_box()
    assert len(boxes) > 3
    for i, a in enumerate(boxes):
        assert a["left"] > field["x"]
        assert a["right"] < field["x"] + field["width"]
        for b in boxes[:i]:
            apart = (
                a["right"] < b["left"]
                or b["right"] < a["left"]
                or a["bottom"] < b["top"]
                or b["bottom"] < a["top"]
            )
            assert apart


def test_the_scale_stands_beside_the_map_and_covers_none_of_it(saved, offline):
    page = opened(offline, saved())
    for paper in ("a4", "a3"):
        page.check(f"input[value={paper}]")
        field, ruler = (page.locator(one).bounding_box() for one in (".field", ".ruler"))
        assert ruler["y"] + ruler["height"] <= field["y"]
        assert page.locator(".ruler i").bounding_box()["width"] > 40
        title = page.locator(".head h1").bounding_box()
        assert title["x"] + title["width"] < ruler["x"]


@pytest.mark.parametrize(("paper", "size"), [("a4", "841.9"), ("a3", "1191")])
def test_it_prints_on_one_sheet_of_the_chosen_paper(saved, offline, paper, size):
    page = opened(offline, saved())
    page.check(f"input[value={paper}]")
    printed = page.pdf(prefer_css_page_size=True)
    assert printed.count(b"/Type /Page\n") == 1
    assert f"/MediaBox [0 0 {size}".encode() in printed


def test_the_page_obeys_its_own_policy_on_our_server(visit):
    window = visit()
    page = window.sign_in("dispatcher", "/map/print")
    page.wait_for_selector("html[data-map-idle]", state="attached")
    assert colours(page) > 8
    assert page.locator(".bar a:visible").count() == 2
    assert window.violations() == []
    window.complaints.clear()  # axe writes styles, which the policy refuses


def test_the_map_hands_its_view_to_the_printer(visit):
    window = visit()
    page = window.sign_in("dispatcher", "/map#map=17/41.1028/122.9912&on=areas,names&fill=none")
    window.idle()
    page.click("#print")
    page.wait_for_url("**/map/print?*")
    page.wait_for_selector("html[data-map-idle]", state="attached")
    assert "on=areas%2Cnames" in page.url
    assert page.locator(".legend .line.cell").count() == 0
    assert window.complaints == []


def test_a_name_that_is_a_script_is_shown_as_a_name(city, saved, offline):
    engine = make_engine(city)

    def rename(name):
        with engine.begin() as connection:
            connection.execute(
                sa.text("UPDATE areas SET name = :name WHERE code = '210302001'"), {"name": name}
            )
            publish(Tx(connection), at=datetime.now(UTC))

    rename(NASTY)
    try:
        page = opened(offline, saved())
    finally:
        rename("解放街道")
        engine.dispose()
    assert page.locator("img").count() == 0
    assert page.get_by_text(NASTY).count() >= 1
