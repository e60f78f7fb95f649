"""The printed map over HTTP: alone, within its weight, and safe to open."""

import re

import folium
import pytest
import sqlalchemy as sa
from folium.plugins import MarkerCluster

from app.maps import print_routes, publish
from app.maps.folium_page import ForeignPart, refuse_links
from tests.app.maps.conftest import AT

HTML = {"Accept": "text/html"}
ADDRESS = re.compile(r"""(?:src|href|url|import|action)\s*[=(]\s*["']?([^"'\s>)]*)""")
TAGS = re.compile(r"<(script|style)\b([^>]*)>")


@pytest.fixture
def planner(client_as, published):
    return client_as("planner")


def page(client, query=""):
    answer = client.get(f"/map/print{query}", headers=HTML)
    assert answer.status_code == 200, answer.text[:500]
    return answer


def body_without_leaflet(text):
    """Leaflet itself names addresses of its own default images, which nothing asks for."""
    return re.sub(r"<script[^>]*>/\* @preserve.*?</script>", "", text, flags=re.DOTALL)


@pytest.mark.parametrize("query", ["", "?on=areas", "?bbox=122.99,41.1,122.993,41.102&fill=none&paper=a3"])
def test_a_saved_page_names_no_address_but_its_own_parts(planner, query):
    text = body_without_leaflet(page(planner, f"{query}{'&' if query else '?'}download=1").text)
    named = set(ADDRESS.findall(text))
    assert {name for name in named if not name.startswith(("#", "data:"))} == set()
    assert "http:" not in text.replace("http://www.w3.org", "")
    assert "https:" not in text
    assert "sourceMappingURL" not in text


def test_every_script_and_style_carries_the_nonce_of_its_answer(planner):
    first, second = page(planner), page(planner)
    nonces = [
        re.search(r"'nonce-([\w-]+)'", a.headers["Content-Security-Policy"]).group(1) for a in (first, second)
    ]
    assert nonces[0] != nonces[1]
    tags = TAGS.findall(first.text)
    assert len(tags) >= 7
    assert all(f'nonce="{nonces[0]}"' in attributes for _, attributes in tags)
    assert not re.search(r"<[^>]+\son\w+=", body_without_leaflet(first.text))


def test_the_page_says_what_it_is(planner):
    text = page(planner).text
    for said in ("鞍山市网格图", "案件与人员的时刻", "区县界", "网格边", "已超时", "来源", "WGS 84"):
        assert said in text
    assert "演示数据" not in text


def test_the_demo_city_is_marked_as_such(planner, tx):
    tx.execute(sa.text("UPDATE grid_versions SET source_name = 'demo city'"))
    assert "演示数据" in page(planner).text


def test_it_comes_in_english_too(planner):
    text = planner.get("/map/print?lang=en").text
    assert '<html lang="en"' in text
    assert "Overdue" in text
    assert "已超时" not in text


def test_a_download_is_a_file_with_city_and_moment_in_its_name(planner):
    answer = page(planner, "?download=1")
    assert re.search(r'filename="jingwei-210300-\d{8}-\d{4}.html"', answer.headers["Content-Disposition"])


NASTY = "</script><img src=x onerror=alert(1)>'\"`${1}&<!--"


def test_a_name_that_is_a_script_stays_a_name(planner, tx):
    tx.execute(sa.text("UPDATE areas SET name = :nasty"), {"nasty": NASTY})
    tx.execute(sa.text("UPDATE facility_types SET name_zh = :nasty"), {"nasty": NASTY})
    tx.execute(sa.text("UPDATE grid_versions SET source_name = :nasty"), {"nasty": NASTY})
    publish.publish(tx, at=AT)
    text = page(planner).text
    assert "<img" not in text
    assert text.count("</script>") == len(re.findall(r"<script\b", body_without_leaflet(text))) + 1
    assert "<!--" not in body_without_leaflet(text)


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("?bbox=1,2,3", "bbox"),
        ("?bbox=nan,0,1,1", "bbox"),
        ("?map=99/0/0", "map"),
        ("?on=roads", "on"),
        ("?fill=red", "fill"),
        ("?paper=a0", "paper"),
        ("?zoom=3", "zoom"),
    ],
)
def test_a_view_that_is_none_is_refused_by_name(planner, query, names):
    answer = planner.get(f"/map/print{query}")
    assert answer.status_code == 422
    assert answer.json["errors"][0]["field"] == names


def test_a_view_beside_the_city_is_an_empty_map(planner):
    answer = page(planner, "?bbox=10,50,10.1,50.1")
    assert answer.headers["X-Map-Detail"] == "street"


def test_somebody_unknown_is_sent_to_sign_in(client, published):
    answer = client.get("/map/print", headers=HTML)
    assert answer.status_code == 302
    assert answer.location.startswith("/sign-in?next=/map/print")


def test_a_page_that_would_be_too_heavy_is_made_of_less(planner, monkeypatch):
    weight = len(page(planner).data)
    monkeypatch.setattr(print_routes, "MAX_PAGE_BYTES", weight - 1)
    lighter = page(planner)
    assert lighter.headers["X-Map-Detail"] != "street"


def test_a_page_costs_the_same_queries_whatever_it_shows(planner, statements):
    page(planner)
    del statements[:]
    page(planner)
    whole = len(statements)
    del statements[:]
    page(planner, "?bbox=122.991,41.101,122.9911,41.1011")
    assert len(statements) == whole


def test_a_plugin_that_links_another_host_is_refused():
    sheet = folium.Map(tiles=None)
    refuse_links(sheet)
    MarkerCluster().add_to(sheet)
    with pytest.raises(ForeignPart, match="cdn"):
        refuse_links(sheet)


def test_the_same_snapshot_is_drawn_by_the_same_script(planner):
    script = re.compile(r"var map_sheet = .*?</script>", re.DOTALL)
    first, second = (script.search(page(planner).text).group() for _ in range(2))
    assert first == second
