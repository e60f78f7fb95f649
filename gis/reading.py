"""A layer read from a file: attributes as they are, geometry in WGS 84, and what was noticed on the way.

GDAL (through pyogrio) reads; this module decides what to believe.
"""

import difflib
import gc
import re
import warnings
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pyarrow as pa
import pyogrio
import pyogrio.errors
import pyogrio.raw
import shapely
from numpy.typing import NDArray

from gis import placing, sources
from gis.errors import DamagedFile, EmptyFile, TooLarge, UnknownColumn, UnknownLayer
from gis.findings import Finding, Severity
from gis.limits import Limits
from gis.shapes import Kind, decoded, tidied
from gis.sources import Format, Source

LONLAT_NAMES = (
    ("lon", "lat"),
    ("lng", "lat"),
    ("longitude", "latitude"),
    ("long", "lat"),
    ("经度", "纬度"),
    ("x", "y"),
)
WKT_NAMES = ("wkt", "geometry", "geom", "the_geom")
UNNUMBERED = ("gcj02", "bd09")
"""Systems without an EPSG number: in a CSV the columns' names end in them, as in `wkt_gcj02`."""
_SRID = re.compile(r"\s*SRID=(\d{1,6});", re.IGNORECASE)
_GUARDED = r"^'(?='*[=+\-@\t\r])"
_GDAL_ENCODINGS = {"utf-8", "gb18030", "gbk"}
# GDAL hands over a fifth quicker in small batches than in its 65,536 rows.
_BATCH = 5_000
_HIDDEN_TABLES = {"layer_styles"}


@dataclass(frozen=True, slots=True)
class Layer:
    """One layer of a file.

    Attributes:
        name: the layer's own name.
        format: the file's format.
        crs: the coordinate system it was taken for ("gcj02", "EPSG:4550"); None without geometry.
        encoding: of its text.
        table: (n) rows of attributes, columns renamed as asked; a CSV's are all text.
        geometries: (n,) shapely geometries in WGS 84, two-dimensional, None where a row has none; None for
            a table without geometry.
        findings: what the reader noticed and changed.
    """

    name: str
    format: Format
    crs: str | None
    encoding: str
    table: pd.DataFrame
    geometries: NDArray[np.object_] | None
    findings: tuple[Finding, ...]

    def __len__(self) -> int:
        return len(self.table)

    @property
    def frame(self) -> gpd.GeoDataFrame:
        """The layer as a GeoDataFrame in EPSG:4326; rows of a plain table have no geometry."""
        geometries = np.full(len(self), None) if self.geometries is None else self.geometries
        return gpd.GeoDataFrame(
            self.table, geometry=gpd.GeoSeries(geometries, crs=4326, index=self.table.index)
        )


def read(
    path: Path | str,
    *,
    crs: str | None = None,
    encoding: str | None = None,
    columns: Mapping[str, str] | None = None,
    layer: str | None = None,
    kinds: Collection[Kind] | None = None,
    region: tuple[float, float, float, float] | None = None,
    swap: bool = False,
    limits: Limits | None = None,
) -> Layer:
    """Read one layer of a GeoPackage, GeoJSON, Shapefile (zipped too), FlatGeobuf or CSV file.

    A CSV has lon and lat columns, or WKT (EWKT too), or neither. Curves come linearised, Z and M are
    dropped, parts of one are unwrapped; each is told in `findings`.

    Args:
        path: a local file.
        crs: what the coordinates are in; overrules the file, which often does not know (GCJ-02).
        encoding: of the text; overrules the file.
        columns: new names, {column in the file: name wanted}.
        layer: which layer, when the file has several.
        kinds: what the geometry may be; empty when only the table is wanted; without it any one kind.
        region: (west, south, east, north) in WGS 84 where most of the layer must lie.
        swap: True when the file has latitude first.
        limits: bounds on rows and bytes.

    Raises:
        BadFile: one of its kinds; the message names the row or column, the value and the mend.
        UnknownCrs: `crs` is not known.
    """
    limits = limits or Limits()
    with _uncollected(), sources.opened(path, layer=layer, encoding=encoding, limits=limits) as source:
        info = _inspected(source, layer, limits)
        table, raw = _rows(source, info, columns or {}, limits)
        findings = list(_encoding_findings(source, info))
        if raw is None or (kinds is not None and not kinds):
            return Layer(info.layer, source.format, None, info.encoding, table, None, tuple(findings))
        shapes, noticed = tidied(raw.shapes, kinds=kinds, file=source.file)
        placed = placing.placed(
            shapes,
            crs=crs,
            told=raw.crs,
            assumed=raw.assumed,
            region=region,
            swap=swap,
            file=source.file,
        )
    findings += [*raw.findings, *noticed, *placed.findings]
    return Layer(
        info.layer, source.format, placed.crs, info.encoding, table, placed.geometries, tuple(findings)
    )


@contextmanager
def _uncollected() -> Iterator[None]:
    """Collect no garbage: a hundred thousand geometries are none, and looking costs a third of a read."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


@dataclass(frozen=True, slots=True)
class _Info:
    layer: str
    crs: str | None
    fields: tuple[str, ...]
    encoding: str
    measured: bool
    cut_names: bool
    options: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class _Raw:
    shapes: NDArray[np.object_]
    crs: str | None
    findings: tuple[Finding, ...]
    assumed: bool = False
    """`crs` is the format's convention rather than the file's statement."""


@contextmanager
def _gdal(source: Source) -> Iterator[list[str]]:
    """Turn what GDAL raises and warns into our errors and a list of remarks."""
    remarks: list[str] = []
    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            yield remarks
            remarks += [str(w.message) for w in caught]
    except (
        pyogrio.errors.DataSourceError,
        pyogrio.errors.FeatureError,
        OSError,
        UnicodeDecodeError,
    ) as error:
        reason = str(error).replace(str(source.path), source.file).split(";")[0]
        raise DamagedFile(
            f"{source.file} cannot be read as {source.format.value}: {reason}. "
            "It is cut or damaged: copy or export it again.",
            f"{source.file} 无法作为 {source.format.value} 读取：{reason}。文件可能不完整或已损坏，"
            "请重新复制或导出。",
        ) from None


def _inspected(source: Source, layer: str | None, limits: Limits) -> _Info:
    text = {"AUTODETECT_TYPE": "NO", "EMPTY_STRING_AS_NULL": "YES"}
    options = text if source.format is Format.CSV else {}
    with _gdal(source) as remarks:
        layer_name = _layer_name(source, layer)
        # Latin-1 gives back the bytes, whatever they are; names may be cut inside a character.
        raw = "ISO-8859-1" if source.format is Format.SHAPEFILE else None
        found = pyogrio.read_info(
            source.path, layer=layer_name, encoding=raw, force_feature_count=True, **options
        )
    if found["driver"] != source.format.value:
        raise DamagedFile(
            f"{source.file} was taken for {found['driver']}, not {source.format.value}. Export it again.",
            f"{source.file} 被识别为 {found['driver']}，不是 {source.format.value}。请重新导出。",
        )
    _check_counts(source.file, int(found["features"]), len(found["fields"]), limits)
    encoding = source.encoding.name if source.encoding else "utf-8"
    fields, cut = _field_names(source, found["fields"], encoding)
    measured = any("Measured" in remark for remark in remarks)
    name = source.name if source.format is Format.SHAPEFILE or source.format is Format.CSV else layer_name
    return _Info(name or source.name, found["crs"], fields, encoding, measured, cut, options)


def _check_counts(file: str, rows: int, columns: int, limits: Limits) -> None:
    if rows == 0:
        raise EmptyFile(
            f"{file} has no rows. Export it again with its data.", f"{file} 没有任何数据行。请重新导出。"
        )
    if rows > limits.rows or columns > limits.columns:
        raise TooLarge(
            f"{file} has {rows:,} rows and {columns} columns; at most {limits.rows:,} rows and "
            f"{limits.columns} columns are read at once. Split it by district. Nothing was read.",
            f"{file} 有 {rows:,} 行、{columns} 列，一次最多读取 {limits.rows:,} 行、{limits.columns} 列。"
            "请按区县拆分。没有读入任何数据。",
            value=str(rows),
        )


def _layer_name(source: Source, layer: str | None) -> str | None:
    if source.format in {Format.SHAPEFILE, Format.CSV}:
        return None
    listed = [(str(n), t) for n, t in pyogrio.list_layers(source.path) if n not in _HIDDEN_TABLES]
    names = [name for name, _ in listed]
    if layer is None:
        spatial = [name for name, geometry in listed if geometry is not None]
        candidates = spatial or names
        if len(candidates) == 1:
            return candidates[0]
        if not candidates:
            raise EmptyFile(f"{source.file} has no layers.", f"{source.file} 没有图层。")
        layer = None
    elif layer in names or (len(names) == 1 and source.format is not Format.GEOPACKAGE):
        return layer if layer in names else names[0]
    near = difflib.get_close_matches(layer or "", names, n=1)
    hint = near[0] if near else names[0]
    asked = f" and no layer {layer!r}" if layer else ""
    asked_zh = f"，没有图层 {layer!r}" if layer else ""
    raise UnknownLayer(
        f"{source.file} has {len(names)} layers: {', '.join(names)}{asked}. Name one: --layer {hint}.",
        f"{source.file} 有 {len(names)} 个图层：{'、'.join(names)}{asked_zh}。请指定一个：--layer {hint}。",
        value=layer,
    )


def _field_names(source: Source, fields: Any, encoding: str) -> tuple[tuple[str, ...], bool]:
    if source.format is not Format.SHAPEFILE:
        return tuple(str(f) for f in fields), False
    names, cut = [], False
    for field in fields:
        data = str(field).encode("latin-1")
        name = data.decode(encoding, "ignore")
        cut = cut or name.encode(encoding, "replace") != data
        names.append(name)
    return tuple(names), cut


def _rows(
    source: Source, info: _Info, columns: Mapping[str, str], limits: Limits
) -> tuple[pd.DataFrame, _Raw | None]:
    _check_columns(source.file, info, columns)
    table, wkb, remarks = _read(source, info, limits)
    places = _places(source, info, columns)
    raw = None
    if source.format is Format.CSV:
        table = table.replace(_GUARDED, "", regex=True)
        raw = _located(table, places) if places else None
    elif wkb is not None:
        raw = _geometries(source, info, wkb, remarks)
    return table.drop(columns=list(places)).rename(columns=dict(columns)), raw


def _read(source: Source, info: _Info, limits: Limits) -> tuple[pd.DataFrame, Any, list[str]]:
    """Return the attributes, the WKB values or None, and GDAL's remarks."""
    encoding = info.encoding if source.format is Format.SHAPEFILE else None
    bytewise = info.cut_names or (encoding is not None and encoding not in _GDAL_ENCODINGS)
    with _gdal(source) as remarks:
        meta, arrow = _arrow(source, info, "ISO-8859-1" if bytewise else encoding, limits)
        if arrow is None:
            bytewise = True
            meta, arrow = _arrow(source, info, "ISO-8859-1", limits)
        geometry = meta["geometry_name"] or "wkb_geometry"
        wkb = None
        if geometry in arrow.column_names:
            wkb = arrow.column(geometry).to_numpy(zero_copy_only=False)
            arrow = arrow.drop_columns([geometry])
        table: pd.DataFrame = arrow.to_pandas()
    return (_redecoded(table, info) if bytewise else table), wkb, remarks


def _arrow(source: Source, info: _Info, encoding: str | None, limits: Limits) -> tuple[Any, Any]:
    """Return pyogrio's answer, or (None, None) when the text is not in the encoding it should be in."""
    named = source.format not in {Format.SHAPEFILE, Format.CSV}
    try:
        meta, table = pyogrio.raw.read_arrow(
            source.path,
            layer=info.layer if named else None,
            encoding=encoding,
            max_features=limits.rows + 1,
            batch_size=_BATCH,
            **info.options,
        )
        if source.format is Format.SHAPEFILE:
            # GDAL hands on bytes that it cannot convert, and Arrow believes it.
            table.validate(full=True)
    except (UnicodeDecodeError, pa.ArrowInvalid):
        if source.format is not Format.SHAPEFILE or encoding == "ISO-8859-1":
            raise
        return None, None
    return meta, table


def _redecoded(table: pd.DataFrame, info: _Info) -> pd.DataFrame:
    """Return the table with text that was read bytewise decoded, damaged characters shown as U+FFFD."""

    def decode(value: Any) -> Any:
        return value.encode("latin-1").decode(info.encoding, "replace") if isinstance(value, str) else value

    table = table.set_axis(list(info.fields), axis=1)
    for name in table.columns:
        if pd.api.types.is_string_dtype(table[name].dtype):
            table[name] = table[name].map(decode)
    return table


def _check_columns(file: str, info: _Info, columns: Mapping[str, str]) -> None:
    for wanted in columns:
        if wanted in info.fields:
            continue
        near = difflib.get_close_matches(wanted, info.fields, n=1)
        hint = f" Did you mean {near[0]!r}?" if near else ""
        raise UnknownColumn(
            f"{file} has no column {wanted!r}; it has {', '.join(info.fields)}.{hint}",
            f"{file} 没有列 {wanted!r}，现有列：{'、'.join(info.fields)}。"
            + (f"是否指 {near[0]!r}？" if near else ""),
            value=wanted,
        )


def _places(source: Source, info: _Info, columns: Mapping[str, str]) -> tuple[str, ...]:
    """Return the coordinate columns of a CSV: its WKT, or its lon and lat, or none."""
    if source.format is not Format.CSV:
        return ()
    known = {columns.get(f, f).strip().lower(): f for f in reversed(info.fields)}
    marked: list[tuple[str, ...]] = [(f"wkt_{name}",) for name in UNNUMBERED]
    marked += [(f"lon_{name}", f"lat_{name}") for name in UNNUMBERED]
    for names in (*((wkt,) for wkt in WKT_NAMES), *LONLAT_NAMES, *marked):
        if all(name in known for name in names):
            return tuple(known[name] for name in names)
    return ()


def _geometries(source: Source, info: _Info, wkb: NDArray[np.object_], remarks: list[str]) -> _Raw:
    def linear() -> NDArray[np.object_]:
        # Arrow hands out curves, which GEOS does not know; the plain reader strokes them.
        with _gdal(source):
            return np.asarray(pyogrio.raw.read(source.path, layer=info.layer, columns=[])[2])

    shapes, findings = decoded(wkb, linear)
    if info.measured or any("Measured" in remark for remark in remarks):
        findings.append(
            Finding(
                "measures-dropped", Severity.NOTE, "Measures (M) were dropped.", "已去除 M 值（测量值）。"
            )
        )
    # A GeoJSON that says nothing is WGS 84 by convention, and GDAL says so for it.
    assumed = info.crs is not None and source.format is Format.GEOJSON
    return _Raw(shapes, info.crs, tuple(findings), assumed)


def _located(table: pd.DataFrame, places: tuple[str, ...]) -> _Raw:
    """Return the geometry of a CSV's coordinate columns."""
    given = table[list(places)].notna().any(axis=1).to_numpy()
    numbers: set[str] = set()
    if len(places) == 1:
        numbers, text = _without_srid(table[places[0]].astype(object).where(given, None).to_numpy())
        shapes = shapely.from_wkt(text, on_invalid="ignore")
    else:
        lon, lat = (table[place].map(_number).to_numpy(float) for place in places)
        shapes = np.full(len(table), None, dtype=object)
        known = np.isfinite(lon) & np.isfinite(lat)
        shapes[known] = shapely.points(lon[known], lat[known])
    findings = tuple(_unread(table, places, given & shapely.is_missing(shapes)))
    name = places[0].strip().lower()
    marked = next((one for one in UNNUMBERED if name.endswith(f"_{one}")), None)
    if marked or len(numbers) == 1:
        return _Raw(shapes, marked or numbers.pop(), findings)
    # Columns called lon and lat are degrees of WGS 84 by convention; x and y, or WKT, are anything.
    degrees = len(places) == 2 and name != "x"
    return _Raw(shapes, "wgs84" if degrees else None, findings, assumed=degrees)


def _without_srid(text: NDArray[np.object_]) -> tuple[set[str], NDArray[np.object_]]:
    """Return the systems that EWKT names ("EPSG:4326"), and plain WKT; of several, one is as good as none."""
    numbers: set[str] = set()
    plain = np.full(len(text), None, dtype=object)
    for index, value in enumerate(text):
        told = _SRID.match(value) if isinstance(value, str) else None
        plain[index] = value[told.end() :] if told else value
        if told:
            numbers.add(f"EPSG:{int(told[1])}")
    return numbers, plain


def _number(value: Any) -> float:
    try:
        return float(value)
    except (TypeError, ValueError):
        return float("nan")


def _unread(table: pd.DataFrame, places: tuple[str, ...], lost: NDArray[np.bool_]) -> Iterator[Finding]:
    for index in np.flatnonzero(lost):
        value = ", ".join("" if pd.isna(v) else str(v) for v in table.iloc[index][list(places)])[:80]
        yield Finding(
            "unreadable-place",
            Severity.ERROR,
            f"Row {index + 1}: {' and '.join(places)} cannot be read: {value!r}. "
            "Give plain decimal numbers (123.0012, 41.1034) or WKT.",
            f"第 {index + 1} 行：{'、'.join(places)} 无法读取：{value!r}。请填写十进制数（123.0012、"
            "41.1034）或 WKT。",
            row=int(index) + 1,
            value=value,
        )


def _encoding_findings(source: Source, info: _Info) -> Iterator[Finding]:
    # A CSV in UTF-8 is what everybody expects.
    expected = source.format is Format.CSV and info.encoding == "utf-8"
    if source.encoding is not None and source.encoding.guessed and not expected:
        yield Finding(
            "encoding-guessed",
            Severity.NOTE,
            f"The file does not tell its encoding; its text was recognised as {info.encoding}. "
            "If names look wrong, give --encoding.",
            f"文件未说明文字编码，识别为 {info.encoding}。若名称显示不正确，请用 --encoding 指明。",
            value=info.encoding,
        )
    if info.cut_names:
        yield Finding(
            "column-names-cut",
            Severity.WARNING,
            "Column names were cut inside a character, as Shapefiles do after 10 bytes; "
            f"they were read as {', '.join(info.fields)}.",
            f"列名被 Shapefile 截断在 10 字节处（截在字符中间），读作：{'、'.join(info.fields)}。",
            value=", ".join(info.fields),
        )
