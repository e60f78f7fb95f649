"""`jingwei locate` answers as the API does, for one place and for a file."""

import csv
import json

import pytest
import sqlalchemy as sa
from click.testing import CliRunner

from app import transaction
from app.cli import main
from app.grid.points import guarded
from gis.crs import from_wgs84
from tests import city


@pytest.fixture
def jingwei(settings, monkeypatch):
    """Run `jingwei ...` on the city of 24 cells, which it only reads."""
    monkeypatch.setenv("JINGWEI_DATABASE_URL", settings.database_url)

    def run(*arguments):
        result = CliRunner().invoke(main, [str(argument) for argument in arguments])
        if transaction._bound.engine is not None:
            transaction.engine().dispose()
        return result.exit_code, result.stdout, result.stderr

    yield run
    transaction.bind(None)


@pytest.fixture
def located(jingwei, tmp_path):
    """Locate a CSV given as text and return what was said, and the rows written."""

    def run(text, *options, encoding="utf-8", delimiter=","):
        source, out = tmp_path / "points.csv", tmp_path / "out.csv"
        source.write_text(text, encoding=encoding)
        code, _, error = jingwei("locate", "--file", source, "--out", out, *options)
        if code:
            assert not out.exists()
            return error
        with out.open(encoding=encoding, newline="") as file:
            return list(csv.DictReader(file, delimiter=delimiter))

    return run


LON, LAT = city.middle(0, 0)


def test_a_place_is_told_in_words(jingwei):
    code, said, _ = jingwei("locate", LON, LAT)
    assert code == 0
    assert city.cell_code(0, 0) in said
    assert "解放社区" in said
    assert "W0001" in said
    assert "2103020101000001" in said


def test_a_moment_is_told_in_local_time(jingwei):
    _, said, _ = jingwei("locate", LON, LAT, "--at", "2026-05-04T09:00:00Z")
    assert "(WGS 84), 2026-05-04 17:00:00+08:00" in said
    assert "(WGS 84), 2026-05-04 00:00:00+08:00" in jingwei("locate", LON, LAT, "--at", "2026-05-04")[1]


def test_json_is_the_answer_of_the_api(jingwei, client_as):
    at = "2026-05-04T09:00:00Z"
    query = {"lon": LON, "lat": LAT, "at": at, "accuracy_m": "60"}
    answer = client_as("dispatcher").get("/api/v1/locate", query_string=query).get_json()
    code, said, _ = jingwei("locate", LON, LAT, "--at", at, "--accuracy", "60", "--json")
    assert code == 0
    assert json.loads(said) == answer
    assert answer["also_touched"]


def test_a_position_of_a_phone_map_is_converted(jingwei):
    lon, lat = from_wgs84(LON, LAT, "gcj02")
    assert city.cell_code(0, 0) in jingwei("locate", lon, lat, "--crs", "gcj02")[1]


def test_outside_the_nearest_cell_is_told_with_its_distance(jingwei):
    said = jingwei("locate", city.WEST - 0.01, LAT)[1]
    assert "outside, the nearest is 8" in said
    assert "taken by   desk" in said


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("181", "41"), "lon: lies outside -180 to 180"),
        (("41.1", "122.9"), "lon and lat look swapped"),
        (("-181", "41"), "lon: lies outside -180 to 180"),
        (("nan", "41"), "lon: is no number"),
        (("122.9",), "give LON LAT"),
        ((), "give LON LAT"),
        (("122.9", "41.1", "--at", "soon"), "is no date"),
        (("122.9", "41.1", "--crs", "mars"), "Unknown coordinate system"),
        (("122.9", "41.1", "--at", "1999-01-01"), "The grid had no cells"),
    ],
)
def test_what_does_not_fit_is_named(jingwei, arguments, said):
    code, _, error = jingwei("locate", *arguments)
    assert code != 0
    assert said in error


def test_a_file_keeps_its_columns_and_gets_the_cells(located):
    outside = city.WEST - 0.01
    rows = located(f"name,LON,Lat\nmanhole,{LON},{LAT}\nfar,{outside},{LAT}\n")
    assert list(rows[0]) == [
        "name", "LON", "Lat", "cell", "community", "town", "district", "primary", "backup", "holder",
        "outside", "distance_m",
    ]  # fmt: skip
    first, far = rows
    assert first["name"] == "manhole"
    assert first["cell"] == city.cell_code(0, 0)
    assert (first["community"], first["town"], first["district"]) == ("解放社区", "解放街道", "铁东区")
    assert (first["primary"], first["backup"], first["holder"]) == ("W0001", "W0002", "W0001")
    assert (first["outside"], first["distance_m"]) == ("no", "")
    assert (far["cell"], far["outside"], far["holder"]) == (city.cell_code(0, 0), "yes", "210302001")
    assert 830 < float(far["distance_m"]) < 850


def test_a_file_answers_as_the_database_on_every_corner(located, tx):
    places = [(city.WEST + x * city.STEP, city.NORTH - y * city.STEP) for x in range(7) for y in range(5)]
    places = [(round(x, 6), round(y, 6)) for x, y in places]
    rows = located("lon,lat\n" + "".join(f"{x!r},{y!r}\n" for x, y in places))
    for (x, y), row in zip(places, rows, strict=True):
        found = tx.execute(
            sa.text("SELECT cell_code FROM locate_cell(ST_SetSRID(ST_MakePoint(:x, :y), 4326), now())"),
            {"x": x, "y": y},
        ).scalar_one()
        assert (row["cell"], row["outside"]) == (found, "no")


@pytest.mark.parametrize("names", ["lng,lat", "Longitude,Latitude", "经度,纬度", "x,y"])
def test_columns_are_found_by_their_usual_names(located, names):
    assert located(f"{names}\n{LON},{LAT}\n")[0]["cell"] == city.cell_code(0, 0)


def test_chinese_files_are_read_and_written_in_their_encoding(located):
    text = f"名称,经度,纬度\n解放路上的一个井盖坏了,{LON},{LAT}\n"
    rows = located(text, encoding="gb18030")
    assert rows[0]["名称"] == "解放路上的一个井盖坏了"
    assert located(text, encoding="utf-8-sig")[0]["community"] == "解放社区"


def test_semicolons_part_columns_too(located):
    row = located(f"lon;lat;note\n{LON};{LAT};a, b\n", delimiter=";")[0]
    assert (row["note"], row["cell"]) == ("a, b", city.cell_code(0, 0))


def test_before_the_first_grid_there_is_no_cell(located):
    assert "The grid had no cells" in located(f"lon,lat\n{LON},{LAT}\n", "--at", "1999-01-01")


def test_a_file_may_be_in_another_system(located):
    lon, lat = from_wgs84(LON, LAT, "gcj02")
    text = f"lon,lat\n{lon!r},{lat!r}\n"
    assert located(text, "--crs", "gcj02")[0]["cell"] == city.cell_code(0, 0)


def test_rows_that_hold_no_position_are_all_named_and_nothing_is_written(located):
    error = located("lon,lat\n122.9,41.1\nwest,41.1\n200,41.1\n41.1,122.9\n122.9,\n")
    assert "4 rows hold no position; nothing was written" in error
    assert "row 2: lon is 'west', which is no number" in error
    assert "row 3: lon is 200, outside -180 to 180" in error
    assert "row 4: lat is 122.9, outside -90 to 90; lon and lat look swapped" in error
    assert "row 5: lat is ''" in error


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "has no rows"),
        ("lon,lat\n", "has no rows"),
        ("a,b\n1,2\n", "has no columns of longitude and latitude among a, b"),
        ("lon,lat\n1,2,3\n", "row 1: 3 values for 2 columns"),
        ('lon,lat\n"1,2\n', "line 2"),
    ],
)
def test_a_file_that_is_no_table_of_points_is_refused(located, text, said):
    assert said in located(text)


def test_a_file_that_has_a_cell_column_keeps_it(located):
    row = located(f"cell,lon,lat\nmine,{LON},{LAT}\n")[0]
    assert (row["cell"], row["located_cell"]) == ("mine", city.cell_code(0, 0))


def test_no_spreadsheet_runs_what_a_text_says(located):
    row = located(f"=evil,lon,lat\n@SUM(A1),{LON},{LAT}\n")[0]
    assert row["'=evil"] == "'@SUM(A1)"


@pytest.mark.parametrize("text", ["=1", "+cmd", "-x", "@a", "\ta", "\ra"])
def test_a_text_like_a_formula_is_guarded(text):
    assert guarded(text) == f"'{text}"


@pytest.mark.parametrize("text", ["-122.5", "+1e3", "1", "", "a=b", "-.5"])
def test_numbers_and_plain_texts_stay(text):
    assert guarded(text) == text
