"""A layer written to a file so that reading it again gives the same; what a format cannot hold is refused.

Limits of the formats, found by the property tests:

- GeoPackage, FlatGeobuf, GeoJSON: text, numbers, truth values and missing values as they are; GeoJSON has no
  coordinate system but WGS 84, and a table needs geometry or a GeoPackage or CSV.
- CSV: everything is text; a missing value and an empty text are one. The coordinate system stands in it:
  `lon`, `lat` are WGS 84, `wkt` is EWKT ("SRID=4550;POLYGON ..."), and the names of columns end in gcj02 or
  bd09 where these are meant, which have no number.
- Shapefile: column names of 10 bytes, text of 254 bytes without blanks at the end, numbers of 15 digits;
  a missing text and an empty one are one; moments become text.
"""

import os
import tempfile
import warnings
import zipfile
from pathlib import Path
from typing import Any

import geopandas as gpd
import pandas as pd
import pyogrio
import pyogrio.errors
import shapely

from gis import crs as systems
from gis import encodings
from gis.errors import NotWritable, UnknownFormat
from gis.reading import UNNUMBERED, Layer
from gis.sources import SUFFIXES, Format

_GUARD = r"^(?='*[=+\-@\t\r])"
_RESERVED = {"fid", "geom", "ogc_fid"}
_NAME_BYTES = 10
_TEXT_BYTES = 254
# A fixed moment: the same layer gives the same bytes.
_ZIP_MOMENT = (1980, 1, 1, 0, 0, 0)
_PRECISE = {"COORDINATE_PRECISION": "17", "SIGNIFICANT_FIGURES": "17", "RFC7946": "NO"}


def write(
    layer: Layer | gpd.GeoDataFrame,
    path: Path | str,
    *,
    crs: str = "wgs84",
    encoding: str = "utf-8",
    name: str | None = None,
) -> None:
    """Write a layer to a GeoPackage, GeoJSON, zipped Shapefile, FlatGeobuf or CSV file, by its ending.

    The file appears complete or not at all; an existing one is replaced. GCJ-02 and BD-09 have no
    number, so that such a file carries no coordinate system but in the names of a CSV's columns (a GeoJSON
    cannot say so: see its reader).

    Args:
        layer: what `read` gives, or a frame in EPSG:4326.
        path: ending .gpkg, .geojson, .json, .zip (Shapefile), .fgb or .csv.
        crs: the coordinate system of the file.
        encoding: of a Shapefile's or CSV's text: utf-8 or gbk.
        name: the layer's name inside the file.

    Raises:
        NotWritable: the format cannot hold a value; names the column, the row and the mend.
        UnknownFormat: no such ending.
        UnknownCrs: `crs` is not known.
        UnknownEncoding: `encoding` is not known.
    """
    path = Path(path)
    system = systems.named(crs)
    frame = _converted(layer.frame if isinstance(layer, Layer) else layer, system)
    zipped = path.suffix.lower() == ".zip"
    format_ = Format.SHAPEFILE if zipped else SUFFIXES.get(path.suffix.lower())
    if format_ is None or path.suffix.lower() == ".shp":
        raise UnknownFormat(
            f"Nothing is written with the ending {path.suffix!r}; give .gpkg, .geojson, .zip (Shapefile), "
            ".fgb or .csv.",
            f"不支持写出扩展名 {path.suffix!r}；请用 .gpkg、.geojson、.zip（Shapefile）、.fgb 或 .csv。",
            value=path.suffix,
        )
    encoding = encodings.known(encoding)
    _check_names(frame, format_, encoding)
    with tempfile.TemporaryDirectory(prefix=".jingwei-", dir=path.parent) as folder:
        title = name or path.stem
        written = Path(folder) / f"{title if zipped else 'layer'}{'.shp' if zipped else path.suffix.lower()}"
        if format_ is Format.CSV:
            _save_csv(frame, written, system, encoding)
        else:
            _save(frame, written, format_, encoding, title)
        if zipped:
            written = _zip(written)
        os.replace(written, path)  # noqa: PTH105  # atomic, over an existing file too


def _converted(frame: gpd.GeoDataFrame, system: systems.Crs) -> gpd.GeoDataFrame:
    shapes = systems.geometries_from_wgs84(frame.geometry.to_numpy(), system.definition or system.name)
    label = system.definition or system.epsg
    # Made anew: set_geometry(crs=None) would keep the old label.
    table = pd.DataFrame(frame.drop(columns=frame.geometry.name))
    return gpd.GeoDataFrame(table, geometry=gpd.GeoSeries(shapes, index=frame.index, crs=label), crs=label)


def _save(frame: gpd.GeoDataFrame, path: Path, format_: Format, encoding: str, name: str) -> None:
    table = pd.DataFrame(frame.drop(columns=frame.geometry.name))
    shapes = frame.geometry.to_numpy()
    kinds = set(shapely.get_type_id(shapes).tolist()) - {-1}
    options: dict[str, Any] = {"layer": name}
    if format_ is Format.GEOJSON:
        options |= _PRECISE
    elif format_ is Format.FLATGEOBUF:
        # An index would reorder the rows.
        options["SPATIAL_INDEX"] = "NO"
    elif format_ is Format.SHAPEFILE:
        table = _shapefile_table(table, encoding)
        options = {"encoding": encoding.upper(), "RESIZE": "YES"}
    if not kinds and format_ is Format.GEOPACKAGE:
        _gdal_write(table, path, driver=format_.value, **options)
        return
    _gdal_write(
        gpd.GeoDataFrame(table, geometry=frame.geometry.to_numpy(), crs=frame.crs),
        path,
        driver=format_.value,
        geometry_type=_geometry_type(kinds, format_),
        promote_to_multi=False,
        **options,
    )


def _gdal_write(table: pd.DataFrame, path: Path, **options: Any) -> None:
    """Write by GDAL; what it would change with a mere warning is an error."""
    with warnings.catch_warnings():
        warnings.simplefilter("error", RuntimeWarning)
        # GCJ-02 and BD-09 go without.
        warnings.filterwarnings("ignore", "'crs' was not provided", UserWarning)
        try:
            pyogrio.write_dataframe(table, path, **options)
        except (RuntimeWarning, pyogrio.errors.FieldError, pyogrio.errors.FeatureError) as error:
            raise NotWritable(
                f"The file would not hold what the layer has: {error}. Write a GeoPackage (.gpkg).",
                f"该格式无法完整保存图层内容：{error}。请写出 GeoPackage（.gpkg）。",
            ) from None


def _geometry_type(kinds: set[int], format_: Format) -> str:
    """Return the layer's type: the one kind, else Unknown, which holds any."""
    names = {
        0: "Point",
        1: "LineString",
        3: "Polygon",
        4: "MultiPoint",
        5: "MultiLineString",
        6: "MultiPolygon",
    }
    if len(kinds) == 1:
        return names.get(next(iter(kinds)), "Unknown")
    if format_ is Format.SHAPEFILE:
        families = {frozenset({1, 5}): "LineString", frozenset({3, 6}): "Polygon"}
        if not kinds:
            return "Point"
        if frozenset(kinds) not in families:
            raise NotWritable(
                "A Shapefile holds one kind of geometry; write a GeoPackage (.gpkg) or split the layer.",
                "Shapefile 只能存放一种几何类型；请写出 GeoPackage（.gpkg）或拆分图层。",
            )
        return families[frozenset(kinds)]
    return "Unknown"


def _check_names(frame: gpd.GeoDataFrame, format_: Format, encoding: str) -> None:
    names = [str(c) for c in frame.columns if c != frame.geometry.name]
    lowered = [n.lower() for n in names]
    wrong = [n for n in names if lowered.count(n.lower()) > 1]
    if format_ is Format.GEOPACKAGE:
        wrong += [n for n in names if n.lower() in _RESERVED]
    if format_ is Format.SHAPEFILE:
        wrong += [n for n in names if len(n.encode(encoding, "replace")) > _NAME_BYTES]
    if wrong:
        raise NotWritable(
            f"{format_.value} cannot hold the column names {', '.join(wrong)}: "
            f"they must be unique{', at most 10 bytes' if format_ is Format.SHAPEFILE else ''} and not "
            f"{', '.join(sorted(_RESERVED))}. Rename them, or write a GeoJSON.",
            f"{format_.value} 不能使用列名 {'、'.join(wrong)}：列名须唯一"
            f"{'、不超过 10 字节' if format_ is Format.SHAPEFILE else ''}。请改名，或写出 GeoJSON。",
            value=", ".join(wrong),
        )


def _texts(table: pd.DataFrame) -> list[str]:
    """Return the names of the columns that hold text."""
    return [
        str(c)
        for c in table.columns
        if table[c].dtype == object or pd.api.types.is_string_dtype(table[c].dtype)
    ]


def _shapefile_table(table: pd.DataFrame, encoding: str) -> pd.DataFrame:
    table = table.copy()
    for name in table.columns:
        if pd.api.types.is_datetime64_any_dtype(table[name].dtype):
            table[name] = table[name].map(lambda moment: moment.isoformat(), na_action="ignore")
    for name in _texts(table):
        for index, value in enumerate(table[name]):
            if isinstance(value, str):
                _check_text(name, index + 1, value, encoding)
    return table


def _check_text(name: str, row: int, value: str, encoding: str) -> None:
    try:
        size = len(value.encode(encoding))
    except UnicodeEncodeError as error:
        character = value[error.start]
        raise NotWritable(
            f"Row {row}, column {name}: {character!r} of {value[:40]!r} does not exist in {encoding}. "
            "Write it as utf-8, or as GeoPackage.",
            f"第 {row} 行 {name} 列：{value[:40]!r} 中的 {character!r} 不在 {encoding} 中。请用 utf-8 "
            "或 GeoPackage。",
            rows=(row,),
            value=value,
        ) from None
    if size > _TEXT_BYTES:
        raise NotWritable(
            f"Row {row}, column {name}: the text has {size} bytes, a Shapefile holds {_TEXT_BYTES}. "
            "Shorten it, or write a GeoPackage.",
            f"第 {row} 行 {name} 列：文字 {size} 字节，Shapefile 最多 {_TEXT_BYTES} 字节。"
            "请缩短或写出 GeoPackage。",
            rows=(row,),
            value=value,
        )


def _save_csv(frame: gpd.GeoDataFrame, path: Path, system: systems.Crs, encoding: str) -> None:
    table = pd.DataFrame(frame.drop(columns=frame.geometry.name))
    for name in _texts(table):
        # A spreadsheet would run a value that begins like a formula.
        table[name] = table[name].replace(_GUARD, "'", regex=True)
    for name in table.columns:
        if pd.api.types.is_datetime64_any_dtype(table[name].dtype):
            table[name] = table[name].map(lambda moment: moment.isoformat(), na_action="ignore")
    shapes = frame.geometry.to_numpy()
    types = shapely.get_type_id(shapes)
    marked = f"_{system.name}" if system.name in UNNUMBERED else ""
    only_points = (types == 0).any() and (types <= 0).all()
    if only_points and (marked or system.name == "wgs84"):
        # As text, for GDAL writes 15 digits of a number and the last two carry shared corners.
        table[f"lon{marked}"] = [None if g is None else repr(g.x) for g in shapes]
        table[f"lat{marked}"] = [None if g is None else repr(g.y) for g in shapes]
    elif (types >= 0).any():
        srid = "" if marked else f"SRID={system.epsg};"
        texts = shapely.to_wkt(shapes, rounding_precision=18)
        table[f"wkt{marked}"] = [None if text is None else f"{srid}{text}" for text in texts]
    _gdal_write(table, path, driver="CSV", layer="layer", STRING_QUOTING="IF_NEEDED", LINEFORMAT="LF")
    if encoding != "utf-8":
        _recode_csv(path, encoding)


def _recode_csv(path: Path, encoding: str) -> None:
    text = path.read_text("utf-8")
    for row, line in enumerate(text.splitlines()):
        _check_encodable(row, line, encoding)
    path.write_text(text, encoding, newline="")


def _check_encodable(row: int, line: str, encoding: str) -> None:
    try:
        line.encode(encoding)
    except UnicodeEncodeError as error:
        raise NotWritable(
            f"Row {row}: {line[error.start]!r} does not exist in {encoding}. Write it as utf-8.",
            f"第 {row} 行：{line[error.start]!r} 不在 {encoding} 中。请用 utf-8。",
            rows=(row,),
            value=line[error.start],
        ) from None


def _zip(shp: Path) -> Path:
    target = shp.with_suffix(".zip")
    parts = sorted(p for p in shp.parent.iterdir() if p.stem == shp.stem)
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as out:
        for part in parts:
            out.writestr(zipfile.ZipInfo(part.name, _ZIP_MOMENT), part.read_bytes(), zipfile.ZIP_DEFLATED)
    return target
