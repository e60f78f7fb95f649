"""English is complete, and a language once chosen stays."""

import pytest

from app import i18n


def test_every_message_has_english():
    assert i18n.untranslated() == []


def test_no_message_is_left_over():
    known = {str(m.id) for m in i18n.english() if m.id}
    assert known == {str(m.id) for m in i18n.collected() if m.id}


def test_english_keeps_the_placeholders():
    def holes(text):
        return {part.split("}")[0] for part in text.split("{")[1:]}

    wrong = [m.id for m in i18n.english() if m.id and holes(str(m.id)) != holes(str(m.string))]
    assert wrong == []


def test_the_catalogue_is_compiled_once(tmp_path):
    path = i18n.compile_catalogue(tmp_path)
    before = path.stat().st_mtime_ns
    assert i18n.compile_catalogue(tmp_path).stat().st_mtime_ns == before


def test_a_page_is_chinese_until_english_is_chosen(client):
    browser = {"Accept": "text/html"}
    assert 'lang="zh-CN"' in client.get("/sign-in", headers=browser).text
    chosen = client.get("/sign-in?lang=en&next=%2Fmap", headers=browser)
    assert (chosen.status_code, chosen.location) == (303, "/sign-in?next=%2Fmap")
    page = client.get("/sign-in", headers=browser).text
    assert '<html lang="en">' in page
    assert "没有连上服务器" in page, "the modules' words come with the page"


@pytest.mark.parametrize(
    ("header", "lang"),
    [
        ("en-US,en;q=0.9", "en"),
        ("en;q=0.4, zh-TW;q=0.8", "zh-CN"),
        ("zh-CN,zh;q=0.9,en;q=0.8", "zh-CN"),
        ("ja,en;q=0.5", "en"),
        ("ja", "zh-CN"),
        ("*", "zh-CN"),
        ("", "zh-CN"),
    ],
)
def test_the_first_visit_speaks_the_browsers_language_and_a_choice_wins(client, header, lang):
    browser = {"Accept": "text/html", "Accept-Language": header}
    page = client.get("/sign-in", headers=browser)
    assert f'<html lang="{lang}"' in page.text
    assert "Accept-Language" in page.headers["Vary"]
    other = "zh" if lang == "en" else "en"
    client.get(f"/sign-in?lang={other}", headers=browser)
    assert (
        f'<html lang="{"zh-CN" if other == "zh" else "en"}"' in client.get("/sign-in", headers=browser).text
    )


def test_a_theme_once_chosen_stays(client):
    assert 'data-theme="' not in client.get("/sign-in", headers={"Accept": "text/html"}).text
    client.get("/sign-in?theme=dark", headers={"Accept": "text/html"})
    assert 'data-theme="dark"' in client.get("/sign-in", headers={"Accept": "text/html"}).text


def test_a_browser_reads_errors_in_words_and_a_script_reads_a_problem(client):
    page = client.get("/nowhere", headers={"Accept": "text/html"})
    assert page.status_code == 404
    assert "没有这个页面" in page.text
    assert client.get("/nowhere").json["code"] == "not_found"
    assert client.get("/api/v1/nowhere", headers={"Accept": "text/html"}).json["code"] == "not_found"
