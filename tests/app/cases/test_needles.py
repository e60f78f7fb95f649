"""One search for words and numbers, whatever is written."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
import sqlalchemy as sa

from app.cases import needles
from app.cases.models import Case
from app.cases.needles import Needle, needle_of
from app.cases.queries import Sight, Wanted, cases
from tests.city import A, ewkt, outline

EVERYTHING = Sight(areas=("2103",))
START = datetime(2026, 5, 4, 8, tzinfo=UTC)


@pytest.fixture
def file(tx):
    """File cases with these texts, an hour apart, the last one newest."""

    def make(*texts, **values):
        rows = [
            {
                "id": uuid4(),
                "no": f"2103022026050{n:06d}",
                "kind": "incident",
                "type_code": "F0101",
                "status": "reported",
                "source": "citizen",
                "text": text,
                "geom": ewkt(outline(0, 0).centroid),
                "crs_source": "wgs84",
                "observed_at": START,
                "received_at": START + timedelta(hours=n),
                "due_at": START,
                "cell_code": A + "001",
                "community_code": A,
                "desk_code": "210302001",
                "body_sha256": b"",
                **values,
            }
            for n, text in enumerate(texts)
        ]
        tx.execute(sa.insert(Case), rows)
        return rows

    return make


def texts(tx, needle, **wanted):
    page = cases(tx, sight=EVERYTHING, wanted=Wanted(text=needle, **wanted))
    return [case.text for case in page.items]


def test_two_characters_are_found_in_the_middle_of_a_sentence(tx, file):
    file("小区门口井盖坏了", "路灯不亮", "盖井")
    assert texts(tx, "井盖") == ["小区门口井盖坏了"]


@pytest.mark.parametrize("newest", [1, 8_000])
@pytest.mark.parametrize(
    ("needle", "found"),
    [
        ("井", 1),
        ("了", 1),
        ("门口井盖坏", 1),
        ("井盖 小区", 1),
        ("井盖　ABC", 0),
        ("abc", 1),
        ("ＡＢＣ", 1),
        ("bc-12", 1),
        ("3-2号", 1),
        ("2号楼", 0),
        ("100%", 1),
        ("%", 1),
        ("_", 0),
        ("，", 1),
        ("123，3", 1),
        ("'", 1),
        ("\\", 1),
        ("O'Neil", 1),
        ("🚲", 1),
        ("坏 坏 坏", 1),
        ("井 & 盖 | !", 0),
        ("不存在的话", 0),
    ],
)
def test_any_needle_is_found_among_new_cases_and_by_the_index(tx, file, monkeypatch, newest, needle, found):
    monkeypatch.setattr(needles, "NEWEST", newest)
    file("小区门口井盖坏了", "Abc-123，3-2号", "100%", "O'Neil\\", "占道🚲", "最新的一件")
    assert len(texts(tx, needle)) == found


def test_a_blank_needle_is_none():
    assert needle_of("  　 ") is None


def test_words_are_folded_and_named_once():
    assert needle_of("ＡＢ ab　井盖") == Needle(("ab", "井盖"))


def test_a_number_is_one_of_a_case_a_cell_or_a_facility(tx, file):
    facility = tx.execute(sa.text("SELECT id FROM facilities WHERE code = '2103020101000001'")).scalar()
    file("一", "二", facility_id=facility)
    file("三", no="TS-2019-000123", id=uuid4(), cell_code=A + "002")
    assert texts(tx, "2103022026050000001") == ["二"]
    assert texts(tx, "2103022026050") == ["二", "一"]
    assert texts(tx, "TS-2019") == ["三"]
    assert texts(tx, A + "002") == ["三"]
    assert texts(tx, "2103020101000001") == ["二", "一"]


@pytest.mark.parametrize("newest", [1, 2, 8_000])
def test_pages_of_a_search_follow_each_other_newest_first(tx, file, monkeypatch, newest):
    monkeypatch.setattr(needles, "NEWEST", newest)
    file(*[f"井盖{n}" for n in range(7)])
    found, before = [], None
    while True:
        page = cases(tx, sight=EVERYTHING, wanted=Wanted(text="井盖", limit=3, before=before))
        found += [case.text for case in page.items]
        if not page.more:
            break
        before = page.items[-1].received_at, page.items[-1].id
    assert found == [f"井盖{n}" for n in reversed(range(7))]


def test_a_search_narrows_the_list_and_widens_no_sight(tx, file):
    file("井盖", "井盖", "路灯")
    assert texts(tx, "井盖", type="E0110") == []
    assert texts(tx, "井盖", area=A) == ["井盖", "井盖"]
    nowhere = cases(tx, sight=Sight(areas=("9",)), wanted=Wanted(text="井盖"))
    assert nowhere.items == ()


def test_a_rare_needle_is_looked_up_in_the_index(tx, file):
    file("小区门口井盖坏了")
    statement = sa.select(Case.id).where(needles.indexed(Needle(("井盖",))))
    compiled = statement.compile(tx.connection, compile_kwargs={"literal_binds": True})
    tx.execute(sa.text("SET LOCAL enable_seqscan = off"))
    plan = "\n".join(row[0] for row in tx.execute(sa.text(f"EXPLAIN {compiled}").bindparams()))
    assert "ix_cases_text_pairs" in plan
