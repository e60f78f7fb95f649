"""Files in and out of a city of 24 cells."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import geopandas as gpd
import pandas as pd
import pytest
import shapely
import sqlalchemy as sa
from click.testing import CliRunner

from app import clock
from app.cli import main
from app.errors import BadValue, Conflict
from app.grid.actions import GridChange, LaterGrid, NewCells, Origin, RetiredCode, StaleGrid, replace_cells
from app.interop import cli, queries
from app.interop.rules import FORMS, Subject, recognised
from gis import formats
from gis.errors import BadFile, SwappedAxes
from tests import city

pytestmark = pytest.mark.database

ENDINGS = ("gpkg", "geojson", "zip", "fgb", "csv")
TABLES = ("events", "grid_versions", "cells", "cell_versions", "facilities", "workers", "posts")


def frame(tx, subject="cells", **limits):
    return queries.contents(tx, Subject(subject), at=clock.now(), **limits)


def run(settings, subject, path, **given):
    """Import as the command does, but read the file here: a process for each costs seconds."""
    return cli.run_import(settings, subject=subject, file=str(path), reader=formats.read, **given)


def state(tx):
    """Everything an import may change, as text."""
    return {
        table: sorted(map(str, tx.execute(sa.text(f"SELECT t::text FROM {table} t")).scalars()))
        for table in TABLES
    }


def kinds(report):
    return sorted({f"{found.severity}:{found.code}" for found in report["findings"]})


@pytest.mark.parametrize("subject", [subject.value for subject in Subject])
@pytest.mark.parametrize("ending", ENDINGS)
def test_what_was_exported_is_imported_as_it_is(tx, settings, tmp_path, subject, ending):
    path, before = tmp_path / f"a.{ending}", state(tx)
    formats.write(frame(tx, subject), path)
    report = run(settings, subject, path, applied=True)
    assert report["sound"], report["findings"]
    changes = report["changes"]
    assert changes.pop("unchanged") == len(frame(tx, subject))
    assert set(changes.values()) == {0}
    assert state(tx) == before


@pytest.mark.parametrize("crs", ["gcj02", "EPSG:4550"])
def test_a_grid_in_another_system_comes_back_to_its_place(tx, settings, tmp_path, crs):
    formats.write(frame(tx), tmp_path / "a.gpkg", crs=crs)
    report = run(settings, "cells", tmp_path / "a.gpkg", crs=crs, applied=True)
    assert report["sound"], report["findings"]
    before = {city.cell_code(x, y): city.outline(x, y) for x in range(6) for y in range(4)}
    after = frame(tx).set_index("code").geometry
    assert max(after[code].hausdorff_distance(shape) for code, shape in before.items()) < 1e-9


def test_a_grid_taken_for_the_wrong_datum_is_suspected(tx, settings, tmp_path):
    formats.write(frame(tx), tmp_path / "a.gpkg", crs="gcj02")
    report = run(settings, "cells", tmp_path / "a.gpkg", crs="wgs84")
    assert "warning:datum-suspect" in kinds(report)
    assert "--crs gcj02" in "\n".join(cli.lines(report, language="en"))


def test_a_dry_run_writes_nothing(tx, settings, tmp_path):
    cells = frame(tx)
    cells.loc[0, "code"] = cells.loc[0, "code"][:12] + "099"
    formats.write(cells, tmp_path / "a.gpkg")
    before = state(tx)
    report = run(settings, "cells", tmp_path / "a.gpkg")
    assert report["sound"]
    assert not report["applied"]
    assert state(tx) == before


@pytest.mark.parametrize("subject", [subject.value for subject in Subject])
def test_a_dry_run_says_what_apply_will_do(tx, settings, tmp_path, subject):
    rows = frame(tx, subject)
    rows = rows.drop(index=rows.index[-1]) if subject in {"cells", "posts"} else rows
    column = {"cells": "population", "facilities": "address", "workers": "phone", "posts": "code"}[subject]
    rows.loc[0, column] = 8 if subject == "cells" else "changed"
    formats.write(rows, tmp_path / "a.gpkg")
    accept = ("gap",)
    dry = run(settings, subject, tmp_path / "a.gpkg", accept=accept)
    assert dry["sound"], dry["findings"]
    applied = run(settings, subject, tmp_path / "a.gpkg", accept=accept, applied=True)
    assert dry["changes"] == applied["changes"]
    assert dry["changes"]["unchanged"] < len(rows) + 1
    (told,) = [line for line in cli.lines(dry, language="en") if "add --apply to write" in line]
    assert f"{dry['changes']['unchanged']:,} unchanged" in told
    (told,) = [line for line in cli.lines(dry, language="zh") if "加 --apply 写入" in line]
    assert f"不变 {dry['changes']['unchanged']:,}" in told


def test_a_change_that_holds_from_the_past_is_warned_of_in_local_time(tx, settings, tmp_path):
    formats.write(frame(tx), tmp_path / "a.gpkg")
    since = datetime(2026, 10, 31, 16, tzinfo=UTC)
    report = run(settings, "cells", tmp_path / "a.gpkg", since=since)
    assert "warning:from-past" in kinds(report)
    told = "\n".join(cli.lines(report, language="en"))
    assert "--from 2026-11-01 00:00 lies in the past" in told
    assert "holding from 2026-11-01 00:00:" in told
    assert "UTC" not in told
    assert "from-past" not in str(kinds(run(settings, "cells", tmp_path / "a.gpkg")))
    formats.write(frame(tx, "workers"), tmp_path / "b.gpkg")
    assert kinds(run(settings, "workers", tmp_path / "b.gpkg", since=since)) == ["warning:from-unused"]


@pytest.mark.parametrize("crs", ["wgs84", "gcj02", "bd09", "cgcs2000", "EPSG:4550"])
@pytest.mark.parametrize("subject", ["cells", "facilities"])
def test_a_csv_says_its_system_itself(tx, settings, tmp_path, subject, crs):
    formats.write(frame(tx, subject), tmp_path / "a.csv", crs=crs)
    report = run(settings, subject, tmp_path / "a.csv")
    assert report["sound"], report["findings"]
    assert report["crs"] == crs
    assert "warning:crs-overruled" not in kinds(report)


def test_a_split_cell_is_a_version_that_holds_from_its_date(tx, settings, tmp_path):
    since = clock.now() - timedelta(days=1)
    cells = frame(tx, area=city.A)
    whole = cells.geometry[0]
    west, south, east, north = whole.bounds
    middle = (west + east) / 2
    halves = [shapely.box(west, south, middle, north), shapely.box(middle, south, east, north)]
    cells.loc[0, "geometry"] = halves[0]
    new = gpd.GeoDataFrame({"code": [city.A + "009"], "population": [7]}, geometry=[halves[1]], crs=4326)
    grown = gpd.GeoDataFrame(pd.concat([cells, new]), crs=4326)
    formats.write(grown, tmp_path / "a.gpkg")
    report = run(settings, "cells", tmp_path / "a.gpkg", since=since, applied=True, note="split")
    assert [f.code for f in report["findings"] if f.severity == "error"] == []
    assert report["changes"] == {"added": 1, "redrawn": 1, "ended": 0, "unchanged": 7, "posts ended": 0}
    first = city.cell_code(0, 0)
    before = queries.contents(tx, Subject.CELLS, at=since - timedelta(seconds=1)).set_index("code")
    after = frame(tx).set_index("code")
    assert before.geometry[first].equals(whole)
    assert after.geometry[first].equals(halves[0])
    assert after.population[city.A + "009"] == 7
    version = tx.execute(sa.text("SELECT * FROM grid_versions ORDER BY id DESC LIMIT 1")).one()
    assert (version.valid_from, version.note, version.source_name) == (since, "split", "a.gpkg")
    assert (version.source_crs, len(version.source_sha256)) == ("wgs84", 64)
    event = tx.execute(sa.text("SELECT kind, payload FROM events ORDER BY id DESC LIMIT 1")).one()
    assert event.kind == "grid.changed"
    assert event.payload["added"] == 1
    queued = tx.execute(
        sa.text("SELECT task_name, args FROM procrastinate_jobs ORDER BY id DESC LIMIT 1")
    ).one()
    assert tuple(queued) == ("publish", {"why": "cells imported"})


def test_a_cell_left_out_ends_with_its_posts_and_its_code_is_never_used_again(tx, settings, tmp_path):
    cells = frame(tx, area=city.A)
    gone = cells.code[7]
    cells.loc[6, "geometry"] = shapely.union_all(cells.geometry[[6, 7]])
    formats.write(cells.drop(index=7), tmp_path / "a.gpkg")
    report = run(settings, "cells", tmp_path / "a.gpkg", applied=True)
    assert report["changes"]["ended"] == 1
    assert report["changes"]["posts ended"] == 2
    held = tx.execute(
        sa.text("SELECT count(*) FROM posts WHERE cell_code = :c AND upper_inf(during)"), {"c": gone}
    )
    assert held.scalar_one() == 0
    formats.write(frame(tx, area=city.A).replace({"code": {cells.code[6]: gone}}), tmp_path / "b.gpkg")
    again = run(settings, "cells", tmp_path / "b.gpkg", applied=True)
    assert "error:retired-code" in kinds(again)


def test_errors_are_told_with_row_and_place_and_nothing_is_written(tx, settings, tmp_path):
    cells = frame(tx)
    cells.loc[3, "geometry"] = shapely.transform(cells.geometry[3], lambda xy: xy + 0.0002)
    cells.loc[5, "code"] = cells.loc[4, "code"]
    cells.loc[6, "code"] = "99"
    formats.write(cells, tmp_path / "a.gpkg")
    before = state(tx)
    report = run(settings, "cells", tmp_path / "a.gpkg", applied=True)
    assert not report["sound"]
    assert not report["applied"]
    assert {"error:overlap", "error:gap", "error:duplicate-code", "error:bad-code"} <= set(kinds(report))
    assert all(found.place for found in report["findings"] if found.code in {"overlap", "gap"})
    assert state(tx) == before
    told = "\n".join(cli.lines(report, language="en"))
    assert "Nothing was written" in told
    assert "Row 6: the code" in told
    assert "未写入任何数据" in "\n".join(cli.lines(report, language="zh"))


def test_an_error_may_be_accepted_knowingly(tx, settings, tmp_path):
    cells = frame(tx)
    formats.write(cells.drop(index=2), tmp_path / "a.gpkg")
    assert "error:gap" in kinds(run(settings, "cells", tmp_path / "a.gpkg"))
    report = run(settings, "cells", tmp_path / "a.gpkg", accept=("gap",), applied=True)
    assert "warning:gap" in kinds(report)
    assert report["changes"]["ended"] == 1


def test_a_change_before_a_later_one_is_refused(tx, settings, tmp_path):
    cells = frame(tx, area=city.A)
    cells.loc[0, "geometry"] = shapely.segmentize(cells.geometry[0], 0.0006)
    formats.write(cells, tmp_path / "a.gpkg")
    since = clock.now() - timedelta(days=9)
    assert run(settings, "cells", tmp_path / "a.gpkg", since=since, applied=True)["applied"]
    formats.write(queries.contents(tx, Subject.CELLS, at=city.SINCE, area=city.A), tmp_path / "b.gpkg")
    with pytest.raises(LaterGrid, match="give --from a later moment"):
        run(settings, "cells", tmp_path / "b.gpkg", since=since - timedelta(days=1), applied=True)
    assert run(settings, "cells", tmp_path / "b.gpkg", since=since + timedelta(days=1), applied=True)[
        "applied"
    ]


def test_a_grid_that_changed_meanwhile_and_a_retired_code_are_refused_by_the_action_too(tx):
    origin = Origin(by="tests", note="")
    terms = {"since": clock.now(), "origin": origin, "metric_epsg": 4550}
    cells = frame(tx, area=city.A)
    given = NewCells(list(cells.code), cells.geometry.to_numpy())
    assert replace_cells(tx, given, **terms) == GridChange(None, (), (), (), 8)
    with pytest.raises(StaleGrid):
        replace_cells(tx, given, **terms, seen=999_999)
    replace_cells(tx, NewCells(given.codes[1:], given.geometries[1:]), **terms)
    with pytest.raises(RetiredCode):
        replace_cells(tx, given, **{**terms, "since": clock.now()})


def test_the_outlines_of_community_and_town_follow_their_cells(tx, settings, tmp_path):
    formats.write(frame(tx).drop(index=0), tmp_path / "a.gpkg")
    run(settings, "cells", tmp_path / "a.gpkg", accept=("gap",), applied=True)
    first = city.outline(0, 0)
    rows = tx.execute(
        sa.text("SELECT code, ST_Intersects(geom, ST_GeomFromText(:spot, 4326)) AS there FROM areas"),
        {"spot": first.centroid.wkt},
    )
    there = {row.code: row.there for row in rows}
    assert not there[city.A]
    assert not there["210302001"]


def test_facilities_are_added_and_corrected_and_absent_columns_stay(tx, settings, tmp_path):
    lon, lat = city.middle(1, 1)
    rows = gpd.GeoDataFrame(
        {"部件编码": ["2103020101000001", "2103020101000009"], "状态": ["破损", "完好"]},
        geometry=[shapely.Point(city.middle(0, 0)), shapely.Point(lon, lat)],
        crs=4326,
    )
    formats.write(rows, tmp_path / "a.geojson")
    report = run(settings, "facilities", tmp_path / "a.geojson", applied=True)
    assert report["changes"] == {"added": 1, "changed": 1, "unchanged": 0}
    found = frame(tx, "facilities").set_index("code")
    assert found.condition["2103020101000001"] == "damaged"
    assert found.name["2103020101000001"] == "设施01"
    assert found.geometry["2103020101000009"].coords[0] == (lon, lat)
    assert len(found) == 4


def test_facilities_with_lines_and_areas_go_out_and_in(tx, settings, tmp_path):
    lon, lat = city.middle(1, 1)
    line = shapely.LineString([(lon, lat), (lon + 0.0001, lat)])
    rows = gpd.GeoDataFrame({"code": ["2103020101000008"]}, geometry=[line], crs=4326)
    formats.write(rows, tmp_path / "a.gpkg")
    assert run(settings, "facilities", tmp_path / "a.gpkg", applied=True)["changes"]["added"] == 1
    formats.write(frame(tx, "facilities"), tmp_path / "b.gpkg")
    assert run(settings, "facilities", tmp_path / "b.gpkg", applied=True)["changes"]["unchanged"] == 4


def test_facilities_outside_every_cell_or_of_unknown_type_are_told(tx, settings, tmp_path):
    rows = gpd.GeoDataFrame(
        {"code": ["2103020101000021", "2103029999000001"], "installed": ["2020-01-01", "yesterday"]},
        geometry=[shapely.Point(122.98, 41.1), shapely.Point(city.middle(1, 1))],
        crs=4326,
    )
    formats.write(rows, tmp_path / "a.gpkg")
    report = run(settings, "facilities", tmp_path / "a.gpkg", applied=True)
    assert set(kinds(report)) >= {"error:outside-grid", "error:unknown-type", "error:bad-value"}


def test_workers_are_enrolled_and_corrected(tx, settings, tmp_path):
    (tmp_path / "a.csv").write_text(
        f"工号,姓名,所属区域,电话,在岗\nW0001,张三,{city.A},13800000009,是\nW0090,李四,{city.B},,否\n",
        "utf-8",
    )
    report = run(settings, "workers", tmp_path / "a.csv", applied=True)
    assert report["changes"] == {"added": 1, "changed": 1, "unchanged": 0}
    found = frame(tx, "workers").set_index("code")
    assert (found.name["W0001"], found.phone["W0001"]) == ("张三", "13800000009")
    assert not found.active["W0090"]
    unknown = (tmp_path / "b.csv").write_text("code,name,home\nX1,,999999\n")
    assert unknown
    assert kinds(run(settings, "workers", tmp_path / "b.csv")) == [
        "error:bad-code",
        "error:no-name",
        "error:unknown-area",
    ]


def test_a_post_handed_over_ends_the_one_before(tx, settings, tmp_path):
    since = clock.now() + timedelta(hours=1)
    cell = city.cell_code(0, 0)
    (tmp_path / "a.csv").write_text(
        f"code,cell,worker,role,since\nP0009,{cell},W0002,primary,{since.isoformat()}\n"
    )
    report = run(settings, "posts", tmp_path / "a.csv", since=since, applied=True)
    assert report["changes"] == {"added": 1, "ended": 1, "withdrawn": 0, "unchanged": 0}
    rows = tx.execute(
        sa.text(
            "SELECT w.code, lower(during) AS since, upper(during) AS until FROM posts p JOIN workers w"
            " ON w.id = p.worker_id WHERE cell_code = :c AND role = 'primary' ORDER BY 2"
        ),
        {"c": cell},
    ).all()
    assert [(row.code, row.until) for row in rows] == [("W0001", since), ("W0002", None)]
    assert rows[1].since == since


def test_unknown_workers_two_holders_and_a_rewritten_past_are_refused(tx, settings, tmp_path):
    cell = city.cell_code(0, 0)
    (tmp_path / "a.csv").write_text(
        f"cell,worker,role\n{cell},W0777,primary\n{cell},W0002,primary\n9,W0002,chief\n"
    )
    report = run(settings, "posts", tmp_path / "a.csv")
    expected = {"error:unknown-worker", "error:two-holders", "error:unknown-cell", "error:unknown-role"}
    assert set(kinds(report)) == expected
    (tmp_path / "b.csv").write_text(f"cell,worker,since\n{cell},W0002,2024-01-01T00:00+08:00\n")
    with pytest.raises(Conflict, match="would rewrite that"):
        run(settings, "posts", tmp_path / "b.csv", applied=True)


def test_a_file_of_another_place_or_without_its_column_is_refused(tx, settings, tmp_path):
    formats.write(frame(tx).rename(columns={"code": "什么"}), tmp_path / "a.gpkg")
    with pytest.raises(BadValue, match="--map COLUMN=code"):
        run(settings, "cells", tmp_path / "a.gpkg")
    assert run(settings, "cells", tmp_path / "a.gpkg", mapping=(("什么", "code"),))["sound"]
    moved = frame(tx)
    moved["geometry"] = shapely.transform(moved.geometry.to_numpy(), lambda xy: xy[:, ::-1])
    formats.write(moved, tmp_path / "b.gpkg")
    with pytest.raises(SwappedAxes):
        run(settings, "cells", tmp_path / "b.gpkg")
    with pytest.raises(BadFile):
        run(settings, "cells", tmp_path / "absent.gpkg")


def test_headings_are_recognised_and_an_exact_name_wins():
    form = FORMS[Subject.CELLS]
    assert recognised(form, ["网格编码", "人口", "x"]) == {"网格编码": "code", "人口": "population"}
    assert recognised(form, ["编码", "code"]) == {}
    for subject in Subject:
        assert all(len(field.name.encode()) <= 10 for field in FORMS[subject].fields)


@pytest.fixture
def committed(fresh, monkeypatch):
    monkeypatch.setenv("JINGWEI_DATABASE_URL", fresh.database_url)
    return fresh


def test_the_commands_report_in_plain_words_and_exit_1_on_errors(committed, tmp_path):
    runner, path = CliRunner(), tmp_path / "cells.zip"
    made = runner.invoke(main, ["export", "cells", str(path), "--crs", "EPSG:4550", "--encoding", "gbk"])
    assert made.output == f"{path}: 24 cells\n"
    dry = runner.invoke(main, ["import", "cells", str(path), "--lang", "en"])
    assert dry.exit_code == 0, dry.output
    assert "taken for EPSG:4550" in dry.output
    assert "add --apply to write" in dry.output
    applied = runner.invoke(main, ["import", "cells", str(path), "--apply", "--json", "--from", "2026-05-01"])
    assert applied.exit_code == 0, applied.output
    report = json.loads(applied.output)
    assert report["applied"]
    assert datetime.fromisoformat(report["from"]) == datetime(2026, 4, 30, 16, tzinfo=UTC)
    wrong = runner.invoke(main, ["import", "facilities", str(path), "--lang", "zh"])
    assert wrong.exit_code == 1
    assert "处错误；未写入任何数据" in wrong.output
    absent = runner.invoke(main, ["import", "cells", "absent.gpkg", "--lang", "zh"])
    assert absent.exit_code == 1
    assert "没有文件 absent.gpkg" in absent.output
    told = runner.invoke(main, ["import", "cells", "absent.gpkg", "--json"])
    assert json.loads(told.output)["error"]["code"] == "bad_file"
    for given in (["--map", "code"], ["--from", "soon"]):
        assert runner.invoke(main, ["import", "cells", str(path), *given]).exit_code == 2


def no_crs(path):
    formats.write(
        gpd.GeoDataFrame({"code": ["1"]}, geometry=[city.outline(0, 0)], crs=4326), path, crs="gcj02"
    )


def far_away(path):
    box = shapely.box(0, 0, 1, 1)
    formats.write(gpd.GeoDataFrame({"code": ["1"]}, geometry=[box], crs=4326), path)


def points_instead(path):
    spot = shapely.Point(city.middle(0, 0))
    formats.write(gpd.GeoDataFrame({"code": ["1"]}, geometry=[spot], crs=4326), path)


def empty(path):
    path.touch()


def cut(path):
    far_away(path)
    path.write_bytes(path.read_bytes()[:50_000])


@pytest.mark.parametrize("make", [no_crs, far_away, points_instead, empty, cut])
def test_a_bad_file_is_told_and_leaves_the_database_as_it_was(tx, settings, tmp_path, make):
    make(tmp_path / "a.gpkg")
    before = state(tx)
    with pytest.raises(BadFile) as told:
        run(settings, "cells", tmp_path / "a.gpkg", applied=True)
    assert told.value.zh != told.value.en
    assert state(tx) == before
