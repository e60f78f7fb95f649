"""Another system's cases: kept as they were, row by row, once."""

import csv
import json
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import geopandas as gpd
import openpyxl
import pandas as pd
import pytest
import shapely
import sqlalchemy as sa
from click.testing import CliRunner

from app import transaction
from app.cli import main
from app.errors import BadValue
from app.interop import case_files, case_import
from app.interop.case_form import Bad
from app.interop.case_import import ImportRunning, import_cases
from app.interop.case_rows import Terms
from app.transaction import write
from tests.city import A, middle

AT = datetime(2026, 6, 1, tzinfo=UTC)
HEADINGS = ["编号", "受理时间", "类型", "内容", "状态", "结案时间", "经度", "纬度", "承办单位"]


@pytest.fixture
def units(tx):
    tx.execute(
        sa.text(
            "INSERT INTO units (code, name_zh, name_en, area_code)"
            " VALUES ('X9', '应急处', 'Rescue', '210300')"
        )
    )


def rows(count=3, **changes):
    lon, lat = middle(0, 0)
    made = [
        {
            **dict.fromkeys(HEADINGS, ""),
            "编号": f"TS-{n:04d}",
            "受理时间": f"2024-05-0{n % 9 + 1} 08:30:00",
            "类型": "上水井盖",
            "内容": f"第{n}件，井盖坏了",
            "状态": "已办结",
            "结案时间": "2024-06-01 10:00:00",
            "经度": repr(lon),
            "纬度": repr(lat),
        }
        for n in range(count)
    ]
    for place, change in changes.items():
        made[int(place[1:])] |= change
    return made


def as_csv(path, table, encoding="utf-8"):
    with path.open("w", encoding=encoding, newline="") as file:
        writer = csv.DictWriter(file, table[0].keys())
        writer.writeheader()
        writer.writerows(table)
    return path


def run(path, *, applied=True, values=None, columns=None, crs="wgs84", **given):
    terms = Terms("hotline", crs, ZoneInfo("Asia/Shanghai"), AT, values or {})
    return import_cases(
        path,
        system="hotline",
        at=AT,
        terms=lambda told: terms,
        columns=columns or {},
        applied=applied,
        bad_file=path.with_name("bad.csv"),
        **given,
    )


def held(tx):
    return tx.execute(sa.text("SELECT * FROM cases ORDER BY no")).all()


def test_numbers_moments_and_words_are_kept(tx, tmp_path, units):
    path = as_csv(tmp_path / "a.csv", rows(1, _0={"承办单位": "应急处"}))
    outcome = run(path)
    assert (outcome.rows, outcome.added, outcome.known, dict(outcome.bad)) == (1, 1, 0, {})
    (case,) = held(tx)
    assert (case.no, case.origin, case.status, case.unit_code) == ("TS-0000", "hotline", "closed", "X9")
    assert case.received_at == datetime(2024, 5, 1, 0, 30, tzinfo=UTC)
    assert case.closed_at == datetime(2024, 6, 1, 2, tzinfo=UTC)
    assert (case.text, case.cell_code, case.community_code) == ("第0件，井盖坏了", A + "001", A)
    steps = tx.execute(sa.text("SELECT step, from_status, to_status, at FROM case_steps ORDER BY id")).all()
    assert [(s.step, s.from_status, s.to_status) for s in steps] == [
        ("report", None, "reported"),
        ("pass", "reported", "closed"),
    ]
    assert [s.at for s in steps] == [case.received_at, case.closed_at]
    assert case.revision == 2


def test_a_dry_run_writes_nothing_and_says_what_would_be(tx, tmp_path):
    outcome = run(as_csv(tmp_path / "a.csv", rows()), applied=False)
    assert (outcome.added, outcome.applied) == (3, False)
    assert held(tx) == []


def test_an_import_run_twice_doubles_nothing(tx, tmp_path):
    path = as_csv(tmp_path / "a.csv", rows())
    run(path)
    before = held(tx)
    again = run(path)
    assert (again.added, again.known) == (0, 3)
    assert held(tx) == before
    assert tx.execute(sa.text("SELECT count(*) FROM case_steps")).scalar_one() == 6


def test_an_import_that_was_killed_goes_on_where_it_stopped(fresh, tmp_path, monkeypatch):
    from app.db import make_engine  # noqa: PLC0415 - commits matter here

    engine = make_engine(fresh)
    transaction.bind(engine)
    path = as_csv(tmp_path / "a.csv", rows(9))
    real, blocks = case_files.opened, 0

    def small(*args, **given):
        return real(*args, **given, block=3)

    def killed(*args):
        nonlocal blocks
        blocks += 1
        if blocks == 2:
            raise KeyboardInterrupt
        return write_block(*args)

    write_block = case_import._write
    monkeypatch.setattr(case_import, "opened", small)
    monkeypatch.setattr(case_import, "_write", killed)
    with pytest.raises(KeyboardInterrupt):
        run(path)
    with engine.connect() as connection:
        assert connection.execute(sa.text("SELECT count(*) FROM cases")).scalar_one() == 3
    outcome = run(path)
    assert (outcome.added, outcome.known) == (6, 3)
    with engine.connect() as connection:
        assert connection.execute(sa.text("SELECT count(*), count(DISTINCT no) FROM cases")).one() == (9, 9)
        assert connection.execute(sa.text("SELECT count(*) FROM case_steps")).scalar_one() == 18
    engine.dispose()


def test_two_imports_of_one_system_do_not_run_at_once(fresh, tmp_path):
    from app.db import make_engine  # noqa: PLC0415 - another connection's lock

    engine = make_engine(fresh)
    transaction.bind(engine)
    path = as_csv(tmp_path / "a.csv", rows())
    with write() as other:
        other.execute(sa.text("SELECT pg_advisory_xact_lock(hashtext('jingwei.import.hotline'))"))
        with pytest.raises(ImportRunning, match="wait"):
            run(path)
    engine.dispose()


BAD = [
    ({"编号": ""}, Bad.NUMBER),
    ({"编号": "x" * 61}, Bad.NUMBER),
    ({"编号": "TS-0000"}, Bad.TWICE),
    ({"受理时间": "昨天"}, Bad.RECEIVED),
    ({"受理时间": ""}, Bad.RECEIVED),
    ({"受理时间": "1901-01-01"}, Bad.RECEIVED),
    ({"受理时间": "2031-01-01"}, Bad.RECEIVED),
    ({"结案时间": "不详"}, Bad.MOMENT),
    ({"结案时间": "2024-04-01"}, Bad.ORDER),
    ({"结案时间": ""}, Bad.ENDED),
    ({"状态": "办理中"}, Bad.ENDED),
    ({"状态": "飞走了"}, Bad.STATUS),
    ({"类型": "外星人"}, Bad.TYPE),
    ({"类型": ""}, Bad.TYPE),
    ({"承办单位": "没有的局"}, Bad.UNIT),
    ({"经度": "east"}, Bad.POSITION),
    ({"经度": "999"}, Bad.POSITION),
    ({"经度": ""}, Bad.POSITION),
    ({"经度": "116.4", "纬度": "39.9"}, Bad.OUTSIDE),
    ({"经度": "", "纬度": ""}, Bad.NO_PLACE),
    ({"内容": "长" * 20_001}, Bad.TEXT),
]


@pytest.mark.parametrize(("change", "why"), BAD)
def test_a_bad_row_comes_back_with_its_reason_and_the_good_ones_stay(tx, tmp_path, change, why):
    table = rows(3, _1=change)
    outcome = run(as_csv(tmp_path / "a.csv", table))
    assert dict(outcome.bad) == {why.value: 1}
    assert outcome.examples == {why.value: [2]}
    assert [case.no for case in held(tx)] == ["TS-0000", "TS-0002"]
    with (tmp_path / "bad.csv").open(encoding="utf-8-sig", newline="") as file:
        (back,) = csv.DictReader(file)
    assert {name: back[name] for name in HEADINGS} == table[1]
    assert back["row"] == "2"
    assert back["reason"]
    assert back["原因"]


def test_a_mended_file_is_imported_as_it_came_back(tx, tmp_path):
    run(as_csv(tmp_path / "a.csv", rows(3, _1={"类型": "外星人"})))
    text = (tmp_path / "bad.csv").read_text("utf-8-sig").replace("外星人", "路灯")
    (tmp_path / "mended.csv").write_text(text, "utf-8-sig")
    assert run(tmp_path / "mended.csv").added == 1
    assert [case.type_code for case in held(tx)] == ["F0101", "F0137", "F0101"]


def test_lines_of_another_length_come_back_and_count(tx, tmp_path):
    path = as_csv(tmp_path / "a.csv", rows(4, _3={"状态": "飞走了"}))
    lines = path.read_text("utf-8").splitlines()
    lines[2] += ",one,more"
    path.write_text("\n".join(lines), "utf-8")
    outcome = run(path)
    assert outcome.examples == {"form": [2], "status": [4]}
    assert (outcome.rows, outcome.added) == (4, 2)


def test_a_formula_is_text_and_stays_text(tx, tmp_path):
    path = as_csv(
        tmp_path / "a.csv", rows(2, _0={"内容": "=cmd|' /C calc'!A0"}, _1={"内容": "'+1", "状态": "?"})
    )
    run(path)
    assert held(tx)[0].text == "=cmd|' /C calc'!A0"
    assert "'+1" in (tmp_path / "bad.csv").read_text("utf-8-sig")


def test_words_are_mapped_by_hand_and_all_others_by_a_star(tx, tmp_path):
    path = as_csv(tmp_path / "a.csv", rows(3, _1={"类型": "天上"}, _2={"类型": "地下"}))
    dry = run(path, applied=False)
    assert dict(dry.unknown) == {("type", "天上"): 1, ("type", "地下"): 1}
    outcome = run(path, values={"type": {"天上": "F0137", "*": "E0110"}})
    assert outcome.added == 3
    assert [case.type_code for case in held(tx)] == ["F0101", "F0137", "E0110"]


def test_columns_are_mapped_by_hand(tx, tmp_path):
    table = [{("甲" if name == "编号" else name): value for name, value in row.items()} for row in rows()]
    path = as_csv(tmp_path / "a.csv", table)
    with pytest.raises(BadValue, match="--map COLUMN=number"):
        run(path)
    with pytest.raises(BadValue, match="no column '乙'"):
        run(path, columns={"乙": "number"})
    with pytest.raises(BadValue, match="is none of"):
        run(path, columns={"甲": "colour"})
    assert run(path, columns={"甲": "number"}).added == 3


def test_an_appeal_without_a_place_belongs_to_its_area_or_the_city(tx, tmp_path):
    nowhere = {"类型": "A08", "经度": "", "纬度": ""}
    table = rows(3, _0=nowhere, _1=nowhere, _2=nowhere)
    for row, area in zip(table, ("", A, "解放社区"), strict=True):
        row |= {"所属社区": area, "诉求人": "王某", "联系电话": "13800000000", "地址": "解放路1号"}
    outcome = run(as_csv(tmp_path / "a.csv", table))
    assert outcome.without_place == 3
    cases = held(tx)
    assert [case.community_code for case in cases] == ["210300", A, A]
    assert all(case.geom is None and case.cell_code is None for case in cases)
    people = tx.execute(sa.text("SELECT name, phone, address, nature FROM appeals")).all()
    assert {tuple(row) for row in people} == {("王某", "13800000000", "解放路1号", "help")}


def test_a_position_just_outside_belongs_to_the_nearest_cell(tx, tmp_path):
    lon, _ = middle(0, 0)
    run(as_csv(tmp_path / "a.csv", rows(1, _0={"经度": repr(lon - 0.002)})))
    (case,) = held(tx)
    assert (case.cell_code, case.nearest_cell_code) == (None, A + "001")
    assert 50 < case.outside_m < 300


def test_the_datum_is_converted(tx, tmp_path):
    from gis.crs import from_wgs84  # noqa: PLC0415

    lon, lat = from_wgs84(*middle(1, 1), "gcj02")
    run(as_csv(tmp_path / "a.csv", rows(1, _0={"经度": repr(lon), "纬度": repr(lat)})), crs="gcj02")
    (case,) = held(tx)
    assert (case.cell_code, case.crs_source) == (A + "004", "gcj02")


@pytest.mark.parametrize(
    "text",
    [
        "2024-05-01 08:30:00",
        "2024-05-01T08:30:00",
        "2024-05-01T08:30:00+08:00",
        "2024-05-01T00:30:00Z",
        "2024/5/1 8:30",
        "2024年5月1日 8时30分",
        "2024.05.01 08:30",
        "20240501 083000",
    ],
)
def test_moments_are_read_as_they_are_written_in_china(tx, tmp_path, text):
    run(as_csv(tmp_path / "a.csv", rows(1, _0={"受理时间": text})))
    assert [case.received_at for case in held(tx)] == [datetime(2024, 5, 1, 0, 30, tzinfo=UTC)]


def test_every_kind_of_file_gives_the_same_cases(tx, tmp_path):
    table = pd.DataFrame(rows())
    as_csv(tmp_path / "a.csv", rows(), "gb18030")
    book = openpyxl.Workbook()
    for row in [HEADINGS, *table.itertuples(index=False)]:
        book.active.append(list(row))
    book.save(tmp_path / "a.xlsx")
    typed = table.assign(
        受理时间=pd.to_datetime(table["受理时间"]).dt.tz_localize("Asia/Shanghai"),
        结案时间=pd.to_datetime(table["结案时间"]).dt.tz_localize("Asia/Shanghai"),
        经度=table["经度"].astype(float),
        纬度=table["纬度"].astype(float),
    )
    typed.to_parquet(tmp_path / "a.parquet")
    points = shapely.points(typed["经度"], typed["纬度"])
    frame = gpd.GeoDataFrame(table.drop(columns=["经度", "纬度"]), geometry=points, crs=4326)
    frame.to_file(tmp_path / "a.gpkg", driver="GPKG")
    seen = []
    for ending in ("csv", "xlsx", "parquet", "gpkg"):
        savepoint = tx.connection.begin_nested()
        outcome = run(tmp_path / f"a.{ending}")
        assert (outcome.added, dict(outcome.bad)) == (3, {}), ending
        seen.append([tuple(case) for case in held(tx)])
        savepoint.rollback()
    assert seen[0] == seen[1] == seen[2] == seen[3]


@pytest.mark.parametrize(
    ("called", "content", "words"),
    [
        ("a.doc", b"x", "not .doc"),
        ("a.csv", b"", "empty"),
        ("a.xlsx", b"PK\x03\x04broken", "no workbook"),
        ("a.parquet", b"PAR1", "no Parquet"),
        ("a.gpkg", b"SQLite", "cannot be read"),
        ("a.csv", b"a,a\n1,2\n", "twice"),
    ],
)
def test_what_is_no_file_of_cases_is_told(tx, tmp_path, called, content, words):
    (tmp_path / called).write_bytes(content)
    with pytest.raises(BadValue, match=words):
        run(tmp_path / called)


def test_a_number_of_another_origin_is_not_taken(tx, tmp_path):
    path = as_csv(tmp_path / "a.csv", rows())
    run(path)
    tx.execute(sa.text("UPDATE cases SET origin = NULL WHERE no = 'TS-0001'"))
    again = run(path)
    assert (again.known, dict(again.bad)) == (2, {"taken": 1})


def test_the_command_speaks_both_languages(settings, tx, tmp_path, monkeypatch):
    path = as_csv(tmp_path / "a.csv", rows(3, _1={"类型": "外星人"}))
    monkeypatch.setattr("app.interop.cli.read_settings", lambda: settings)
    monkeypatch.setattr("app.interop.cli.make_engine", lambda *_, **__: transaction.engine())
    # the command's own binding would leave the test's transaction
    bound = transaction.bind
    monkeypatch.setattr(transaction, "bind", lambda *_: None)
    for language, words in (("en", "1 rows not taken"), ("zh", "1 行未采用")):
        told = CliRunner().invoke(main, ["import", "cases", str(path), "--lang", language])
        assert words in told.output
        assert told.exit_code == 1
    told = CliRunner().invoke(main, ["import", "cases", str(path), "--value", "type:外星人=F0137", "--json"])
    assert json.loads(told.output)["added"] == 3
    told = CliRunner().invoke(main, ["import", "cases", str(path), "--value", "colour:a=b"])
    assert "is not field:theirs=ours" in told.output
    monkeypatch.setattr(transaction, "bind", bound)
